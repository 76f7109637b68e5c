#include "cirtd/outgoing.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/str.h"
#include "base/timestamp.h"

enum { MESSAGE_BYTES_MAX = 48 * 1024 * 1024, HEAD_BYTES_MAX = 256 * 1024, SUBJECT_BYTES_MAX = 8 * 1024, ID_BYTES = 16 };

/* The columns of mail_outline(). */
enum {
    OUTLINE_ID,
    OUTLINE_STATE,
    OUTLINE_OCCASION,
    OUTLINE_SENDER,
    OUTLINE_SUBJECT,
    OUTLINE_BODY,
    OUTLINE_LANG,
    OUTLINE_TLP,
    OUTLINE_IN_REPLY_TO,
    OUTLINE_REFS,
    OUTLINE_AUTO_SUBMITTED,
    OUTLINE_CASE,
    OUTLINE_CASE_TLP,
    OUTLINE_TEAM,
    OUTLINE_RESTRICTED,
    OUTLINE_DRILL,
    OUTLINE_CLOSED,
    OUTLINE_ATTACHED,
    OUTLINE_OPENPGP,
    OUTLINE_SMIME
};

/* The columns of mail_routes(). */
enum {
    ROUTE_NO,
    ROUTE_KIND,
    ROUTE_ADDRESS,
    ROUTE_NAME,
    ROUTE_OPENPGP,
    ROUTE_OPENPGP_STATE,
    ROUTE_SMIME,
    ROUTE_SMIME_STATE,
    ROUTE_UP_TO,
    ROUTE_FROM,
    ROUTE_UNTIL,
    ROUTE_BY,
    ROUTE_OF_PEER,
    ROUTE_DISABLED,
    ROUTE_INTAKE,
    ROUTE_OURS,
    ROUTE_MAY_READ,
    ROUTE_TAKES_PART,
    ROUTE_KNOWN,
    ROUTE_BOUNCED
};

enum { FILE_NAME, FILE_TYPE, FILE_BYTES };

/* --- reading --- */

static enum tlp label_at(const struct db_rows *rows, int column)
{
    return db_is_null(rows, 0, column) ? TLP_NONE : (enum tlp)db_get_int(rows, 0, column);
}

static void read_references(struct outgoing *outgoing, const char *text)
{
    size_t capacity = 0;
    const char **ids = NULL;
    while (text && *text) {
        size_t size = strcspn(text, "\n");
        ids = arena_grow(outgoing->arena, ids, &capacity, outgoing->draft.reference_count, sizeof *ids);
        ids[outgoing->draft.reference_count++] = arena_strndup(outgoing->arena, text, size);
        text += size + (text[size] == '\n');
    }
    outgoing->draft.references = ids;
}

static void take_outline(struct outgoing *outgoing, const struct db_rows *rows)
{
    struct arena *arena = outgoing->arena;
    outgoing->state = arena_strdup(arena, db_get_text(rows, 0, OUTLINE_STATE));
    outgoing->occasion = arena_strdup(arena, db_get_text(rows, 0, OUTLINE_OCCASION));
    outgoing->sender = arena_strdup(arena, db_get_text(rows, 0, OUTLINE_SENDER));
    outgoing->team = arena_strdup(arena, db_get_text(rows, 0, OUTLINE_TEAM));
    outgoing->case_tlp = label_at(rows, OUTLINE_CASE_TLP);
    outgoing->mail = (struct mail_disclosure_mail){.tlp = label_at(rows, OUTLINE_TLP),
                                                   .attached = label_at(rows, OUTLINE_ATTACHED),
                                                   .answers_encrypted = db_get_bool(rows, 0, OUTLINE_CLOSED),
                                                   .is_restricted = db_get_bool(rows, 0, OUTLINE_RESTRICTED),
                                                   .is_drill = db_get_bool(rows, 0, OUTLINE_DRILL),
                                                   .signs_openpgp = db_get_bool(rows, 0, OUTLINE_OPENPGP),
                                                   .signs_smime = db_get_bool(rows, 0, OUTLINE_SMIME)};
    outgoing->draft = (struct mail_draft){.from = {.name = outgoing->team, .address = outgoing->sender},
                                          .reference = arena_strdup(arena, db_get_text(rows, 0, OUTLINE_CASE)),
                                          .subject = arena_strdup(arena, db_get_text(rows, 0, OUTLINE_SUBJECT)),
                                          .in_reply_to = arena_strdup(arena, db_get_text(rows, 0, OUTLINE_IN_REPLY_TO)),
                                          .language = arena_strdup(arena, db_get_text(rows, 0, OUTLINE_LANG)),
                                          .text = arena_strdup(arena, db_get_text(rows, 0, OUTLINE_BODY)),
                                          .auto_submitted = arena_strdup(arena, db_get_text(rows, 0, OUTLINE_AUTO_SUBMITTED))};
    /* What a machine writes says nothing that a label would have to guard. */
    outgoing->draft.label = outgoing->draft.auto_submitted ? NULL : tlp_label(outgoing->mail.tlp);
    read_references(outgoing, db_get_text(rows, 0, OUTLINE_REFS));
}

static struct mail_disclosure_key key_at(struct arena *arena, const struct db_rows *rows, size_t row, int column)
{
    static const struct {
        const char *name;
        enum mail_disclosure_key_state state;
    } states[] = {{"usable", MAIL_DISCLOSURE_KEY_USABLE},
                  {"candidate", MAIL_DISCLOSURE_KEY_CANDIDATE},
                  {"expired", MAIL_DISCLOSURE_KEY_EXPIRED},
                  {"revoked", MAIL_DISCLOSURE_KEY_REVOKED},
                  {"signs-only", MAIL_DISCLOSURE_KEY_SIGNS_ONLY}};
    const char *state = db_get_text(rows, row, column + 1);
    struct mail_disclosure_key key = {.state = MAIL_DISCLOSURE_KEY_NONE,
                                      .fingerprint = arena_strdup(arena, db_get_text(rows, row, column))};
    if (!state)
        return key;
    key.state = MAIL_DISCLOSURE_KEY_DISTRUSTED;
    for (size_t i = 0; i < ARRAY_SIZE(states); i++)
        if (str_equal(states[i].name, state))
            key.state = states[i].state;
    return key;
}

static const struct mail_disclosure_waiver *waiver_at(struct arena *arena, const struct db_rows *rows, size_t row)
{
    if (db_is_null(rows, row, ROUTE_UP_TO))
        return NULL;
    struct mail_disclosure_waiver *waiver = arena_calloc(arena, 1, sizeof *waiver);
    *waiver = (struct mail_disclosure_waiver){.up_to = (enum tlp)db_get_int(rows, row, ROUTE_UP_TO),
                                              .from = db_get_time(rows, row, ROUTE_FROM),
                                              .until = db_get_time(rows, row, ROUTE_UNTIL),
                                              .granted_by = arena_strdup(arena, db_get_text(rows, row, ROUTE_BY)),
                                              .is_of_agreement = db_get_bool(rows, row, ROUTE_OF_PEER)};
    return waiver;
}

static enum mail_disclosure_place place_of(const char *kind)
{
    if (str_equal(kind, "cc"))
        return MAIL_DISCLOSURE_CC;
    return str_equal(kind, "bcc") ? MAIL_DISCLOSURE_BCC : MAIL_DISCLOSURE_TO;
}

static void take_route(struct outgoing *outgoing, const struct db_rows *rows, size_t row)
{
    struct arena *arena = outgoing->arena;
    outgoing->numbers[row] = (int)db_get_int(rows, row, ROUTE_NO);
    outgoing->names[row] = arena_strdup(arena, db_get_text(rows, row, ROUTE_NAME));
    outgoing->is_known[row] = db_get_bool(rows, row, ROUTE_KNOWN);
    outgoing->bounced[row] = arena_strdup(arena, db_get_text(rows, row, ROUTE_BOUNCED));
    outgoing->recipients[row] = (struct mail_disclosure_recipient){.address = arena_strdup(arena, db_get_text(rows, row, ROUTE_ADDRESS)),
                                                                   .place = place_of(db_get_text(rows, row, ROUTE_KIND)),
                                                                   .openpgp = key_at(arena, rows, row, ROUTE_OPENPGP),
                                                                   .smime = key_at(arena, rows, row, ROUTE_SMIME),
                                                                   .waiver = waiver_at(arena, rows, row),
                                                                   .is_disabled = db_get_bool(rows, row, ROUTE_DISABLED),
                                                                   .is_intake = db_get_bool(rows, row, ROUTE_INTAKE),
                                                                   .is_ours = db_get_bool(rows, row, ROUTE_OURS),
                                                                   .may_read = db_get_bool(rows, row, ROUTE_MAY_READ),
                                                                   .takes_part = db_get_bool(rows, row, ROUTE_TAKES_PART)};
}

/* Those of that place, as they stand in the header. */
static const struct mail_person *people(const struct outgoing *outgoing, enum mail_disclosure_place place, size_t *count)
{
    struct mail_person *list = arena_calloc(outgoing->arena, outgoing->count + 1, sizeof *list);
    *count = 0;
    for (size_t i = 0; i < outgoing->count; i++)
        if (outgoing->recipients[i].place == place)
            list[(*count)++] = (struct mail_person){.name = outgoing->names[i], .address = outgoing->recipients[i].address};
    return list;
}

static void take_routes(struct outgoing *outgoing, const struct db_rows *rows)
{
    struct arena *arena = outgoing->arena;
    size_t count = db_row_count(rows);
    outgoing->count = count;
    outgoing->recipients = arena_calloc(arena, count + 1, sizeof *outgoing->recipients);
    outgoing->names = arena_calloc(arena, count + 1, sizeof *outgoing->names);
    outgoing->is_known = arena_calloc(arena, count + 1, sizeof *outgoing->is_known);
    outgoing->bounced = arena_calloc(arena, count + 1, sizeof *outgoing->bounced);
    outgoing->numbers = arena_calloc(arena, count + 1, sizeof *outgoing->numbers);
    outgoing->outcomes = arena_calloc(arena, count + 1, sizeof *outgoing->outcomes);
    for (size_t row = 0; row < count; row++)
        take_route(outgoing, rows, row);
    outgoing->draft.to = people(outgoing, MAIL_DISCLOSURE_TO, &outgoing->draft.to_count);
    outgoing->draft.cc = people(outgoing, MAIL_DISCLOSURE_CC, &outgoing->draft.cc_count);
    outgoing->mail.recipients = outgoing->recipients;
    outgoing->mail.recipient_count = count;
}

static void take_files(struct outgoing *outgoing, struct db_rows *rows)
{
    size_t count = db_row_count(rows), size = 0;
    struct mail_write_file *files = arena_calloc(outgoing->arena, count + 1, sizeof *files);
    for (size_t row = 0; row < count; row++) {
        const unsigned char *bytes = db_get_bytes(rows, row, FILE_BYTES, &size);
        files[row] = (struct mail_write_file){.name = arena_strdup(outgoing->arena, db_get_text(rows, row, FILE_NAME)),
                                              .media_type = arena_strdup(outgoing->arena, db_get_text(rows, row, FILE_TYPE)),
                                              .bytes = arena_strndup(outgoing->arena, (const char *)bytes, size),
                                              .size = size};
    }
    outgoing->draft.files = files;
    outgoing->draft.file_count = count;
}

static bool ask(struct db *db, struct db_params *params, enum sql_statement statement, int64_t id, struct db_rows **rows, struct err *err)
{
    db_params_reset(params);
    db_int8(params, id);
    bool ok = db_run(db, statement, params, rows, err);
    db_params_reset(params);
    return ok;
}

static void judge(struct outgoing *outgoing, const char *strict_by)
{
    outgoing->mail.strict_decided_by = strict_by;
    outgoing->verdict = mail_disclosure_decide(&outgoing->mail, timestamp_now(), outgoing->outcomes);
}

bool outgoing_read(struct db *db, struct db_params *params, const struct outgoing_statements *statements, int64_t id, const char *strict_by,
                   struct arena *arena, struct outgoing *out, struct err *err)
{
    struct db_rows *outline = NULL, *routes = NULL, *files = NULL;
    *out = (struct outgoing){.arena = arena, .id = id};
    bool ok = ask(db, params, statements->outline, id, &outline, err) && ask(db, params, statements->routes, id, &routes, err) &&
              ask(db, params, statements->files, id, &files, err);
    if (ok && db_row_count(outline) == 0)
        ok = err_set(err, ERR_NOT_FOUND, "there is no mail m%lld", (long long)id);
    if (ok) {
        take_outline(out, outline);
        take_routes(out, routes);
        take_files(out, files);
        judge(out, strict_by);
    }
    db_rows_free(outline);
    db_rows_free(routes);
    db_rows_free(files);
    return ok;
}

/* --- pieces --- */

const char *outgoing_message_id(struct arena *arena, const char *sender)
{
    unsigned char bytes[ID_BYTES];
    char hex[2 * ID_BYTES + 1];
    const char *at = strrchr(sender, '@');
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        BUG("getrandom");
    str_hex(bytes, sizeof bytes, hex);
    return arena_printf(arena, "%s@%s", hex, at ? at + 1 : "localhost");
}

/* Who gets the same piece as the first: the others of To and Cc with the same kind of key; a hidden recipient is alone. */
static bool is_together(const struct outgoing *outgoing, size_t first, size_t other)
{
    return first == other ||
           (outgoing->recipients[first].place != MAIL_DISCLOSURE_BCC && outgoing->recipients[other].place != MAIL_DISCLOSURE_BCC &&
            outgoing->outcomes[first].scheme == outgoing->outcomes[other].scheme);
}

/* What stands before the signed or encrypted entity. mail_write_message() wants one to follow; it is given the least and loses it again. */
static bool add_head(const struct mail_draft *draft, struct buf *head, struct err *err)
{
    static const char entity[] = "Content-Type: ";
    if (!mail_write_message(draft, entity, sizeof entity - 1, head, err))
        return false;
    head->size -= sizeof entity - 1;
    head->bytes[head->size] = '\0';
    return true;
}

static bool add_piece(const struct outgoing *outgoing, size_t first, const struct mail_draft *draft, json_t *pieces,
                      struct db_array *payloads, struct err *err)
{
    struct buf head, payload;
    json_t *numbers = json_array();
    buf_init(&head, HEAD_BYTES_MAX);
    buf_init(&payload, MESSAGE_BYTES_MAX);
    for (size_t i = first; i < outgoing->count; i++)
        if (is_together(outgoing, first, i))
            json_array_append_new(numbers, json_integer(outgoing->numbers[i]));
    bool ok = add_head(draft, &head, err) && mail_write_payload(draft, &payload, err);
    if (ok) {
        const struct mail_disclosure_outcome *outcome = &outgoing->outcomes[first];
        json_array_append_new(
            pieces, json_pack("{s:s, s:s, s:O, s:s}", "protocol", outcome->scheme == MAIL_DISCLOSURE_SMIME ? "smime" : "openpgp",
                              "protection", draft->is_encrypted ? "encrypted" : "signed", "recipients", numbers, "head", buf_text(&head)));
        db_array_add_bytes(payloads, payload.bytes, payload.size);
    }
    json_decref(numbers);
    buf_clear(&head);
    buf_clear(&payload);
    return ok;
}

bool outgoing_pieces(const struct outgoing *outgoing, const char *message_id, int64_t date, json_t **pieces, struct db_array *payloads,
                     struct err *err)
{
    struct mail_draft draft = outgoing->draft;
    bool ok = true;
    *pieces = json_array();
    draft.message_id = arena_printf(outgoing->arena, "<%s>", message_id);
    draft.date = date;
    for (size_t i = 0; ok && i < outgoing->count; i++) {
        bool is_first = true;
        for (size_t before = 0; is_first && before < i; before++)
            is_first = !is_together(outgoing, before, i);
        draft.is_encrypted = outgoing->outcomes[i].goes == MAIL_DISCLOSURE_ENCRYPTED;
        ok = !is_first || add_piece(outgoing, i, &draft, *pieces, payloads, err);
    }
    if (!ok) {
        json_decref(*pieces);
        *pieces = NULL;
    }
    return ok;
}

/* --- the preview --- */

static const char *protection_of(const struct outgoing *outgoing)
{
    bool clear = outgoing->verdict.clear_count > 0, encrypted = outgoing->verdict.clear_count < outgoing->count;
    if (!outgoing->verdict.is_sendable)
        return NULL;
    return clear && encrypted ? "mixed" : clear ? "signed" : "encrypted";
}

static const char *protocol_of(const struct outgoing *outgoing)
{
    bool openpgp = false, smime = false;
    for (size_t i = 0; outgoing->verdict.is_sendable && i < outgoing->count; i++) {
        openpgp = openpgp || outgoing->outcomes[i].scheme == MAIL_DISCLOSURE_OPENPGP;
        smime = smime || outgoing->outcomes[i].scheme == MAIL_DISCLOSURE_SMIME;
    }
    return openpgp && smime ? "mixed" : openpgp ? "openpgp" : smime ? "smime" : NULL;
}

static json_t *subject_of(const struct outgoing *outgoing, bool outside)
{
    struct mail_draft draft = outgoing->draft;
    struct buf text;
    draft.is_encrypted = outgoing->verdict.visible == MAIL_DISCLOSURE_ENCRYPTED;
    buf_init(&text, SUBJECT_BYTES_MAX);
    mail_write_subject(&draft, outside, &text);
    json_t *subject = json_string(buf_text(&text));
    buf_clear(&text);
    return subject;
}

static json_t *recipient_of(const struct outgoing *outgoing, size_t i)
{
    static const char *const places[] = {"to", "cc", "bcc"}, *const goes[] = {"stays", "encrypted", "clear"};
    const struct mail_disclosure_outcome *outcome = &outgoing->outcomes[i];
    return json_pack("{s:s, s:s?, s:s, s:s, s:s?, s:s, s:s?}", "address", outgoing->recipients[i].address, "name", outgoing->names[i],
                     "kind", places[outgoing->recipients[i].place], "goes", goes[outcome->goes], "key", outcome->fingerprint, "reason",
                     outcome->text, "hint", *outcome->hint ? outcome->hint : NULL);
}

static void warn(json_t *warnings, const char *about, const char *what, const char *end)
{
    char text[400];
    snprintf(text, sizeof text, "%.300s%s%s", about, what, end);
    json_array_append_new(warnings, json_string(text));
}

/* What does not stand in the way but should be seen. */
static json_t *warnings_of(const struct outgoing *outgoing)
{
    json_t *warnings = json_array();
    if (outgoing->case_tlp != TLP_NONE && outgoing->mail.tlp < outgoing->case_tlp)
        warn(warnings, tlp_label(outgoing->mail.tlp), ", the case ", tlp_label(outgoing->case_tlp));
    if (outgoing->mail.answers_encrypted)
        warn(warnings, "it answers a mail that came encrypted", ": what that said stays closed", "");
    for (size_t i = 0; i < outgoing->count; i++) {
        const char *address = outgoing->recipients[i].address;
        if (outgoing->bounced[i])
            warn(warnings, address, ": mail to it comes back since ", outgoing->bounced[i]);
        if (!outgoing->is_known[i])
            warn(warnings, address, ": nobody vouches for this address", "");
    }
    return warnings;
}

json_t *outgoing_preview(const struct outgoing *outgoing)
{
    json_t *recipients = json_array(), *clear = json_array(), *refused = NULL;
    for (size_t i = 0; i < outgoing->count; i++) {
        json_array_append_new(recipients, recipient_of(outgoing, i));
        if (outgoing->outcomes[i].goes == MAIL_DISCLOSURE_CLEAR)
            json_array_append_new(clear, json_string(outgoing->recipients[i].address));
    }
    if (!outgoing->verdict.is_sendable)
        refused = json_pack("{s:s, s:s?}", "text", outgoing->verdict.text, "hint", *outgoing->verdict.hint ? outgoing->verdict.hint : NULL);
    return json_pack("{s:s, s:b, s:s?, s:s?, s:o, s:o, s:s?, s:o, s:o, s:o?, s:o}", "mail",
                     arena_printf(outgoing->arena, "m%lld", (long long)outgoing->id), "sendable", outgoing->verdict.is_sendable,
                     "protection", protection_of(outgoing), "protocol", protocol_of(outgoing), "subject", subject_of(outgoing, false),
                     "outside_subject", subject_of(outgoing, true), "label", tlp_name(outgoing->mail.tlp), "recipients", recipients,
                     "clear", clear, "refused", refused, "warnings", warnings_of(outgoing));
}
