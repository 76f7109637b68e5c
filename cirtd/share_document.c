#include "cirtd/share_document.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/export.h"
#include "codec/iodef.h"
#include "codec/json_value.h"
#include "codec/rid.h"
#include "codec/statements.h"
#include "codec/xml_write.h"

/* MAILED_MAX: an MTA takes 10 MB where nothing else is said (Postfix); base64 makes four bytes of three, twice where it is encrypted. */
enum { NOTES_MAX = 1024 * 1024, MAILED_MAX = 5 * 1024 * 1024 };

/* What was decided of one value, or what the document says of it. */
struct said {
    enum observable_type type;
    enum sighting_role role;
    const char *value;
    enum tlp tlp;
    bool is_indicator;
    size_t item;
};

/* Sorted by value; the widest label first. */
struct said_values {
    struct said *items;
    size_t count, capacity;
};

struct share_document {
    struct share_head head;
    const struct codec *codec; /* what the report is written by */
    struct report *report;
    struct buf notes; /* the description */
    struct statements *together;
    struct said_values wanted;
    bool *is_note; /* of each item */
    size_t item_count, item_capacity;
};

/* --- formats --- */

static bool is_rid(const char *format)
{
    return str_equal(format, SHARE_FORMAT_RID);
}

static const struct codec *codec_of(const char *format)
{
    const struct export_format *found = export_find(format);
    return is_rid(format) ? &iodef_codec : found ? found->codec : NULL;
}

bool share_format_is_known(const char *format)
{
    return codec_of(format) != NULL;
}

const char *share_format_media_type(const char *format)
{
    return is_rid(format) ? "text/xml" : export_find(format)->media_type;
}

size_t share_document_bytes_max(bool is_by_mail)
{
    return is_by_mail ? MAILED_MAX : codec_limits_default.document_bytes_max;
}

/* --- the report --- */

struct share_document *share_document_new(const struct share_head *head)
{
    struct share_document *document = mem_calloc(1, sizeof *document);
    document->head = *head;
    document->codec = codec_of(head->format);
    struct report *report = document->report = report_new(document->codec->name);
    report->reference = arena_strdup(report->arena, head->case_name);
    report->reference_issuer = arena_strdup(report->arena, head->prefix);
    report->time = head->time;
    report->tlp = head->tlp;
    report->part = head->part;
    report->creator_name = arena_strdup(report->arena, head->team);
    report->creator_email = arena_printf(report->arena, "incident@%s", head->domain);
    buf_init(&document->notes, NOTES_MAX);
    document->together = statements_new(report);
    return document;
}

void share_document_free(struct share_document *document)
{
    if (!document)
        return;
    statements_free(document->together);
    free(document->wanted.items);
    free(document->is_note);
    buf_clear(&document->notes);
    report_free(document->report);
    free(document);
}

/* Text as XML can hold it and gives it back: without control characters and the like, blanks at the ends and carriage returns. */
static void add_clean(struct buf *out, const char *text)
{
    size_t start = out->size;
    const char *end = text + strlen(text);
    uint32_t c;
    for (size_t size; (size = str_next_code_point(text, end, &c)) != 0; text += size) {
        if (!xml_write_is_character(c))
            buf_add_char(out, ' ');
        else if (c != '\r' && (out->size > start || !strchr(" \n\t", *text)))
            buf_add(out, text, size);
    }
    while (out->size > start && strchr(" \n\t", out->bytes[out->size - 1]))
        out->bytes[--out->size] = '\0';
}

static const char *member(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* PAP is said of a document as a whole, so it is the strictest of its items. */
static void take_pap(struct share_document *document, const json_t *content)
{
    enum tlp pap;
    if (member(content, "pap") && tlp_parse(member(content, "pap"), &pap))
        document->report->pap = tlp_strictest(document->report->pap, pap);
}

static bool take_case(struct share_document *document, const json_t *content)
{
    struct report *report = document->report;
    struct buf text;
    buf_init(&text, 64 * 1024);
    add_clean(&text, member(content, "summary") ? member(content, "summary") : "");
    report->class_claim = report->class_name = arena_strdup(report->arena, member(content, "class"));
    report->summary = text.size ? arena_strdup(report->arena, buf_text(&text)) : NULL;
    buf_clear(&text);
    return true;
}

/* TLP 2.0: in running text the label stands before what it marks. */
static bool take_note(struct share_document *document, enum tlp tlp, const json_t *content, struct err *err)
{
    struct buf *notes = &document->notes;
    if (notes->size)
        buf_add_text(notes, "\n\n");
    buf_printf(notes, "%s %s\n", tlp_label(tlp), member(content, "time") ? member(content, "time") : "");
    add_clean(notes, member(content, "text") ? member(content, "text") : "");
    if (notes->full)
        return err_set(err, ERR_LIMIT, "the notes are longer than %zu bytes", notes->size_max);
    document->report->description = buf_text(notes);
    return true;
}

static void add_said(struct said_values *list, const struct sighting *sighting, enum tlp tlp, size_t item)
{
    list->items = mem_grow(list->items, &list->capacity, list->count, sizeof *list->items);
    list->items[list->count++] = (struct said){.type = sighting->type,
                                               .role = sighting->role,
                                               .value = sighting->value,
                                               .tlp = tlp,
                                               .is_indicator = sighting->is_indicator,
                                               .item = item};
}

static bool take_sighting(struct share_document *document, enum tlp tlp, const json_t *content, const char *ref, struct err *err)
{
    struct arena *arena = document->report->arena;
    struct sighting sighting = {.tlp = tlp, .confidence = -1, .valid_until = TIMESTAMP_NONE, .indicator_time = TIMESTAMP_NONE};
    if (!member(content, "value") || !member(content, "type") || !member(content, "role") ||
        !observable_type_parse(member(content, "type"), &sighting.type) || !sighting_role_parse(member(content, "role"), &sighting.role))
        return err_set(err, ERR_INPUT, "\"%.100s\" is no sighting that can be written", ref);
    sighting.value = arena_strdup(arena, member(content, "value"));
    sighting.is_indicator =
        json_is_true(json_object_get(content, "indicator")) && sighting.role != ROLE_VICTIM && sighting.role != ROLE_TARGET;
    if (!statements_add(document->together, content, &sighting, 1, arena_strdup(arena, member(content, "class"))))
        return err_set(err, ERR_INPUT, "\"%.100s\" is no %s that can be written", ref, observable_type_name(sighting.type));
    add_said(&document->wanted, &sighting, tlp, document->item_count);
    return true;
}

bool share_document_add(struct share_document *document, const char *kind, const char *ref, enum tlp tlp, const char *content,
                        struct err *err)
{
    json_t *read = NULL;
    if (!json_value_parse(content, strlen(content), &codec_limits_default, &read, err))
        return err_context(err, "item \"%.100s\"", ref);
    take_pap(document, read);
    bool ok = str_equal(kind, "case")   ? take_case(document, read)
              : str_equal(kind, "note") ? take_note(document, tlp, read, err)
                                        : take_sighting(document, tlp, read, ref, err);
    json_decref(read);
    document->is_note = mem_grow(document->is_note, &document->item_capacity, document->item_count, sizeof *document->is_note);
    document->is_note[document->item_count++] = str_equal(kind, "note");
    return ok;
}

/* --- what it says --- */

static int compare_values(const struct said *left, const struct said *right)
{
    return left->type != right->type ? (int)left->type - (int)right->type : strcmp(left->value, right->value);
}

static int compare_said(const void *a, const void *b)
{
    const struct said *left = a, *right = b;
    int order = compare_values(left, right);
    return order ? order : (int)left->tlp - (int)right->tlp;
}

static void sort(struct said_values *list)
{
    if (list->count)
        qsort(list->items, list->count, sizeof *list->items, compare_said);
}

static int compare_roles(const void *a, const void *b)
{
    const struct said *left = a, *right = b;
    int order = compare_values(left, right);
    if (order)
        return order;
    return left->role != right->role ? (int)left->role - (int)right->role : (int)left->tlp - (int)right->tlp;
}

/* Each value in each role once, with the widest of its labels: it stands in as many statements as name it. */
static void collect(const struct report *read, struct said_values *said)
{
    size_t kept = 0;
    for (size_t i = 0; i < read->observation_count; i++) {
        const struct observation *observation = &read->observations[i];
        for (size_t j = 0; j < observation->sighting_count; j++) {
            const struct sighting *sighting = &observation->sightings[j];
            add_said(said, sighting, sighting->tlp == TLP_NONE ? read->tlp : sighting->tlp, 0);
        }
    }
    if (said->count)
        qsort(said->items, said->count, sizeof *said->items, compare_roles);
    for (size_t i = 0; i < said->count; i++) {
        struct said *last = kept ? &said->items[kept - 1] : NULL;
        if (last && compare_values(last, &said->items[i]) == 0 && last->role == said->items[i].role)
            last->is_indicator = last->is_indicator || said->items[i].is_indicator;
        else
            said->items[kept++] = said->items[i];
    }
    said->count = kept;
    sort(said);
}

static bool same_text(const char *a, const char *b)
{
    return str_equal(a ? a : "", b ? b : "");
}

/* --- the document --- */

/* The host in "https://HOST:PORT/", without the brackets of an IPv6 address; the caller's. NULL where there is none. */
static char *host_of(const char *url)
{
    const char *host = url ? strstr(url, "://") : NULL;
    if (!host)
        return NULL;
    host += strlen("://");
    size_t size = *host == '[' ? strcspn(++host, "]") : strcspn(host, ":/");
    return size ? mem_printf("%.*s", (int)size, host) : NULL;
}

static bool encode_rid(const struct share_document *document, struct buf *out, struct err *err)
{
    const struct share_head *head = &document->head;
    struct buf iodef;
    char *host = host_of(head->rid_url);
    const struct rid_envelope envelope = {.node = host, .incident_id = head->case_name, .incident_issuer = head->prefix};
    buf_init(&iodef, head->bytes_max);
    bool ok = host || err_set(err, ERR_DENIED, "%s has no RID address (cirt peer set %s --rid-url URL)", head->peer, head->peer);
    ok = ok && document->codec->encode(document->report, &iodef, err) && rid_encode_report(&envelope, iodef.bytes, iodef.size, out, err);
    buf_clear(&iodef);
    free(host);
    return ok;
}

static bool encode(const struct share_document *document, struct buf *out, struct err *err)
{
    bool ok = is_rid(document->head.format) ? encode_rid(document, out, err) : document->codec->encode(document->report, out, err);
    return ok && (!out->full || err_set(err, ERR_LIMIT, "the document is larger than %zu bytes", out->size_max));
}

static bool read_back(const struct share_document *document, const struct buf *bytes, struct report **read, struct err *err)
{
    const struct codec *codec = is_rid(document->head.format) ? &rid_codec : document->codec;
    return codec_decode(codec, bytes->bytes, bytes->size, &codec_limits_default, NULL, read, err) ||
           err_context(err, "the document cannot be read back");
}

bool share_document_try(struct share_document *document, bool *is_carried, struct losses *losses, struct err *err)
{
    struct said_values said = {0};
    struct report *read = NULL;
    struct buf bytes;
    buf_init(&bytes, document->head.bytes_max);
    statements_finish(document->together);
    /* RID is tried as it goes, with its envelope; others without what they have no place for. */
    bool ok = is_rid(document->head.format) ? encode(document, &bytes, err) && read_back(document, &bytes, &read, err)
                                            : losses_write(document->report, document->codec, &bytes, &read, err);
    if (ok) {
        losses_count(document->report, read, losses);
        collect(read, &said);
        sort(&document->wanted);
        bool has_notes = same_text(read->description, document->report->description);
        for (size_t i = 0; i < document->item_count; i++)
            is_carried[i] = !document->is_note[i] || has_notes;
        for (size_t i = 0, j = 0; i < document->wanted.count; i++) {
            while (j < said.count && compare_values(&said.items[j], &document->wanted.items[i]) < 0)
                j++;
            bool is_there = j < said.count && compare_values(&said.items[j], &document->wanted.items[i]) == 0;
            is_carried[document->wanted.items[i].item] = is_there;
            j += is_there;
        }
    }
    free(said.items);
    report_free(read);
    buf_clear(&bytes);
    return ok;
}

/* --- is it what was decided --- */

/* Values of one kind: labels as strict as decided, each with each; a mark only where there was one. */
static bool same_value(const struct said *said, const struct said *wanted, size_t count, struct err *err)
{
    bool is_marked = false, was_marked = false;
    for (size_t i = 0; i < count; i++) {
        is_marked = is_marked || said[i].is_indicator;
        was_marked = was_marked || wanted[i].is_indicator;
        if (compare_values(&said[i], &wanted[i]) != 0)
            return err_set(err, ERR_INPUT, "the document says \"%.100s\" where \"%.100s\" was decided", said[i].value, wanted[i].value);
        if (said[i].tlp < wanted[i].tlp)
            return err_set(err, ERR_INPUT, "the document says \"%.100s\" as %s, not %s", said[i].value, tlp_label(said[i].tlp),
                           tlp_label(wanted[i].tlp));
    }
    return !is_marked || was_marked ||
           err_set(err, ERR_INPUT, "the document says \"%.100s\" as an indicator, which it is not", said->value);
}

static bool same_values(const struct report *read, struct said_values *wanted, struct err *err)
{
    struct said_values said = {0};
    collect(read, &said);
    sort(wanted);
    bool ok = said.count == wanted->count ||
              err_set(err, ERR_INPUT, "the document says %zu values, not the %zu decided", said.count, wanted->count);
    for (size_t i = 0, next; ok && i < said.count; i = next) {
        for (next = i + 1; next < said.count && compare_values(&wanted->items[next], &wanted->items[i]) == 0;)
            next++;
        ok = same_value(&said.items[i], &wanted->items[i], next - i, err);
    }
    free(said.items);
    return ok;
}

/* Absent, or one of two that were decided. */
static bool is_decided(const char *text, const char *one, const char *other)
{
    return !text || same_text(text, one) || same_text(text, other);
}

static bool same_texts(const struct report *read, const struct report *meant)
{
    bool ok = same_text(read->reference, meant->reference) && same_text(read->reference_issuer, meant->reference_issuer) &&
              read->tlp == meant->tlp && read->pap >= meant->pap && is_decided(read->class_name, meant->class_name, NULL) &&
              is_decided(read->summary, meant->summary, meant->description) &&
              is_decided(read->description, meant->description, meant->summary) &&
              is_decided(read->creator_name, meant->creator_name, NULL) && !read->reporter_name && !read->reporter_email;
    for (size_t i = 0; ok && i < read->observation_count; i++)
        ok = is_decided(read->observations[i].description, meant->description, meant->summary);
    return ok;
}

static bool loses_nothing(const struct report *read, const struct report *meant)
{
    struct losses losses;
    losses_count(meant, read, &losses);
    for (size_t i = 0; i < losses_member_count; i++)
        if (*(const size_t *)((const char *)&losses + losses_members[i].offset))
            return false;
    return true;
}

/* The document as its receiver reads it. RID is the form in which nothing is lost. */
static bool check(struct share_document *document, const struct buf *bytes, struct err *err)
{
    bool is_exact = is_rid(document->head.format);
    struct report *read = NULL;
    if (!read_back(document, bytes, &read, err))
        return false;
    bool ok = same_values(read, &document->wanted, err) &&
              ((same_texts(read, document->report) && (!is_exact || loses_nothing(read, document->report))) ||
               err_set(err, ERR_INPUT, "the document does not say what was decided"));
    report_free(read);
    return ok;
}

bool share_document_write(struct share_document *document, struct buf *out, struct err *err)
{
    statements_finish(document->together);
    return encode(document, out, err) && check(document, out, err);
}
