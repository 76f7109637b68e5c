#include "cli/document.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/field.h"
#include "cli/words.h"

/* A value may have 8 KiB, and stand in a page several times. */
enum { DOCUMENT_PAGE_MAX = 256 * 1024 * 1024 };

static enum tlp label_at(const json_t *item, const char *name)
{
    enum tlp label = TLP_NONE;
    const char *text = field_text(item, name);

    return text && tlp_parse(text, &label) ? label : TLP_NONE;
}

static enum tlp label_of(const json_t *item)
{
    return label_at(item, "tlp");
}

/* PAP is said of a document as a whole, so it is the strictest of all in it. */
static void add_pap(struct report *report, const json_t *item)
{
    report->pap = tlp_strictest(report->pap, label_at(item, "pap"));
}

struct report *document_new(const char *team, const char *reference, const char *tlp, int64_t time)
{
    struct report *report = report_new("json");

    report->reference = arena_strdup(report->arena, reference);
    report->reference_issuer = reference ? arena_strdup(report->arena, team) : NULL;
    report->creator_name = arena_strdup(report->arena, team);
    report->time = time;
    if (!tlp || !tlp_parse(tlp, &report->tlp))
        report->tlp = TLP_NONE;
    return report;
}

void document_set_domain(struct report *report, const char *domain)
{
    if (domain)
        report->creator_email = arena_printf(report->arena, "incident@%s", domain);
}

/* What the item says of its value, whose text stays the item's. False where it has none. */
static bool read_value(const json_t *item, struct sighting *sighting)
{
    const char *type_name = field_text(item, "type"), *role_name = field_text(item, "role");

    *sighting = (struct sighting){.value = field_text(item, "value"),
                                  .tlp = label_of(item),
                                  .confidence = -1,
                                  .valid_until = TIMESTAMP_NONE,
                                  .indicator_time = TIMESTAMP_NONE};
    if (!type_name || !sighting->value || !observable_type_parse(type_name, &sighting->type))
        return false;
    if (!role_name || !sighting_role_parse(role_name, &sighting->role))
        sighting->role = ROLE_OTHER;
    return true;
}

/* The value of the item into the observation; NULL where it cannot be written. */
static struct sighting *add_value(struct report *report, struct observation *observation, const json_t *item)
{
    struct sighting read, *sighting;

    if (!read_value(item, &read) || !report_add_sighting(report, observation, read.type, read.role, read.value))
        return NULL;
    sighting = &observation->sightings[observation->sighting_count - 1];
    sighting->tlp = read.tlp;
    return sighting;
}

static void mark(struct sighting *sighting, const json_t *item)
{
    sighting->is_indicator = sighting->role != ROLE_VICTIM;
    sighting->confidence = (int)field_number(item, "confidence", -1);
    sighting->valid_until = field_time(item, "until");
}

/* How it was seen, and when first: what the formats have a place for is a first time. */
static void add_manner(struct report *report, struct observation *observation, const json_t *item)
{
    observation->time = field_time(item, "first_seen");
    observation->count = field_number(item, "count", 1);
    observation->protocol = arena_strdup(report_row_arena(report), field_text(item, "protocol"));
    observation->source_port = (int)field_number(item, "source_port", -1);
    observation->target_port = (int)field_number(item, "target_port", -1);
}

bool document_add_indicator(struct report *report, const json_t *item)
{
    struct observation *observation = report_add_observation(report);
    struct sighting *sighting = add_value(report, observation, item);

    if (sighting) {
        add_manner(report, observation, item);
        observation->class_claim = observation->class_name = arena_strdup(report_row_arena(report), field_text(item, "class"));
        mark(sighting, item);
        add_pap(report, item);
    } else {
        report->observation_count--;
    }
    return sighting != NULL;
}

/* --- a case --- */

static void add_notes(struct report *report, const json_t *notes)
{
    struct buf text;

    buf_init(&text, 4 * 1024 * 1024);
    for (size_t i = 0; i < json_array_size(notes); i++) {
        const json_t *note = json_array_get(notes, i);
        if (!field_is(note, "share"))
            continue;
        /* TLP 2.0: in running text the label stands before what it marks. */
        buf_printf(&text, "%s%s %s\n%s", text.size ? "\n\n" : "", tlp_label(label_of(note)), field_or(note, "time", ""),
                   field_or(note, "text", ""));
        /* It may be stricter than the case: the document is no wider than what stands in it. */
        report->tlp = tlp_strictest(report->tlp, label_of(note));
    }
    report->description = text.size ? arena_strdup(report->arena, buf_text(&text)) : NULL;
    buf_clear(&text);
}

void document_add_observable(struct report *report, const json_t *item)
{
    struct observation *observation = report_add_observation(report);
    struct sighting *sighting = add_value(report, observation, item);
    enum sighting_role role = sighting ? sighting->role : ROLE_OTHER;
    const char *number = field_text(item, "asn"), *country = field_text(item, "country");

    if (!sighting) {
        report->observation_count--;
        report->rejected_total++;
        return;
    }
    add_pap(report, item);
    add_manner(report, observation, item);
    observation->class_claim = observation->class_name = report->class_name;
    if (field_is(item, "indicator"))
        mark(sighting, item);
    if ((number && !report_add_sighting(report, observation, OBSERVABLE_ASN, role, number)) ||
        (country && !report_add_sighting(report, observation, OBSERVABLE_COUNTRY, role, country)))
        report->rejected_total++;
    /* What its address told has no label of its own. */
    for (size_t i = 1; i < observation->sighting_count; i++)
        observation->sightings[i].tlp = tlp_strictest(label_of(item), report->tlp);
}

void document_add_statements(struct report *report, struct statements *statements, const json_t *item)
{
    const char *number = field_text(item, "asn"), *country = field_text(item, "country");
    struct sighting told[3];
    size_t count = 1;

    if (!read_value(item, &told[0])) {
        report->rejected_total++;
        return;
    }
    if (number)
        told[count++] = (struct sighting){.type = OBSERVABLE_ASN, .value = number};
    if (country)
        told[count++] = (struct sighting){.type = OBSERVABLE_COUNTRY, .value = country};
    for (size_t i = 1; i < count; i++) {
        told[i].role = told[0].role;
        told[i].tlp = tlp_strictest(told[0].tlp, report->tlp);
        told[i].confidence = -1;
        told[i].valid_until = TIMESTAMP_NONE;
    }
    if (field_is(item, "indicator"))
        mark(&told[0], item);
    if (statements_add(statements, item, told, count, report->class_name))
        add_pap(report, item);
    else
        report->rejected_total++;
}

struct report *document_of_case(const json_t *answer, const char *team)
{
    static const char *const kinds[] = {"vulnerability", "notice", "request"};
    struct report *report = document_new(team, field_text(answer, "id"), field_text(answer, "tlp"), field_time(answer, "opened"));

    report->summary = arena_strdup(report->arena, field_text(answer, "summary"));
    report->class_claim = report->class_name = arena_strdup(report->arena, field_text(answer, "class"));
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (str_equal(kinds[i], field_text(answer, "kind")))
            report->case_kind = kinds[i];
    add_pap(report, answer);
    add_notes(report, field_list(answer, "note_list"));
    return report;
}

/* --- what is lost --- */

/* How losses_members are told; the document's own parts have no number. */
static const struct {
    const char *name, *one, *many;
} loss_words[] = {
    {"values", N_("value"), N_("values")},
    {"roles", N_("role"), N_("roles")},
    {"labels", N_("label"), N_("labels")},
    {"marks", N_("mark as indicator"), N_("marks as indicator")},
    {"confidences", N_("confidence"), N_("confidences")},
    {"ends", N_("end"), N_("ends")},
    {"reference", N_("the case's id"), NULL},
    {"class_name", N_("the class"), NULL},
    {"summary", N_("the summary"), NULL},
    {"notes", N_("the notes"), NULL},
    {"kind", N_("the kind"), NULL},
    {"own_label", N_("the document's label"), NULL},
    {"pap", N_("what may be done with it (PAP)"), NULL},
};

void document_tell_loss(struct buf *lost, const char *name, size_t count)
{
    const char *between = lost->size ? ", " : "";

    for (size_t i = 0; count && i < ARRAY_SIZE(loss_words); i++) {
        if (!str_equal(loss_words[i].name, name))
            continue;
        if (loss_words[i].many)
            buf_printf(lost, "%s%zu %s", between, count, _(count == 1 ? loss_words[i].one : loss_words[i].many));
        else
            buf_printf(lost, "%s%s", between, _(loss_words[i].one));
    }
}

/* --- page by page --- */

/* What is not in what is read of a page is not in the document; observations that the format cannot say go from the page. */
static bool try_page(struct document *document, struct report *page, struct err *err)
{
    struct report *again = NULL;
    size_t all = page->observation_count;
    struct losses losses;
    struct buf bytes;
    bool ok;

    buf_init(&bytes, DOCUMENT_PAGE_MAX);
    ok = losses_write(page, document->codec, &bytes, &again, err);
    if (ok) {
        losses_count(page, again, &losses);
        losses_add(&document->losses, &losses);
    } else if (err->code == ERR_INPUT && page->observation_count < all) { /* it can say none of them, perhaps of others */
        document->losses.values += page->rejected_total;
        err_clear(err);
        ok = true;
    }
    report_free(again);
    buf_clear(&bytes);
    return ok;
}

bool document_add_page(struct document *document, const struct report *page, const struct codec_out *out, struct err *err)
{
    const struct codec_pieces *pieces = document->codec->pieces;
    struct report *head = document->head, piece;
    bool ok;

    if (!document->writer && !head->description && page->observation_count == 0)
        head->description = head->summary;
    if (!document->writer && !(document->writer = pieces->open(head, out, err)))
        return false;
    head->pap = tlp_strictest(head->pap, page->pap);
    piece = *head;
    piece.observations = page->observations;
    piece.observation_count = page->observation_count;
    piece.rejected_total = page->rejected_total;
    ok = try_page(document, &piece, err) && pieces->add(document->writer, &piece, out, err);
    head->rejected_total += piece.rejected_total;
    return ok;
}

bool document_finish(struct document *document, const struct codec_out *out, struct buf *lost, struct err *err)
{
    buf_init(lost, 1024);
    for (size_t i = 0; i < losses_member_count; i++)
        document_tell_loss(lost, losses_members[i].name, *(size_t *)((char *)&document->losses + losses_members[i].offset));
    return document->codec->pieces->finish(document->writer, out, err);
}

void document_clear(struct document *document)
{
    if (document->writer)
        document->codec->pieces->close(document->writer);
    document->writer = NULL;
}
