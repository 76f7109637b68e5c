#include "cli/document.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/field.h"
#include "cli/words.h"

static enum tlp label_of(const json_t *item)
{
    enum tlp label = TLP_NONE;
    const char *text = field_text(item, "tlp");

    return text && tlp_parse(text, &label) ? label : TLP_NONE;
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

/* The value of the item into the observation; NULL where it cannot be written. */
static struct sighting *add_value(struct report *report, struct observation *observation, const json_t *item)
{
    enum observable_type type;
    enum sighting_role role;
    const char *type_name = field_text(item, "type"), *role_name = field_text(item, "role"), *value = field_text(item, "value");
    struct sighting *sighting;

    if (!type_name || !value || !observable_type_parse(type_name, &type))
        return NULL;
    if (!role_name || !sighting_role_parse(role_name, &role))
        role = ROLE_OTHER;
    if (!report_add_sighting(report, observation, type, role, value))
        return NULL;
    sighting = &observation->sightings[observation->sighting_count - 1];
    sighting->tlp = label_of(item);
    return sighting;
}

static void mark(struct sighting *sighting, const json_t *item)
{
    sighting->is_indicator = sighting->role != ROLE_VICTIM;
    sighting->confidence = (int)field_number(item, "confidence", -1);
    sighting->valid_until = field_time(item, "until");
}

bool document_add_indicator(struct report *report, const json_t *item)
{
    struct observation *observation = report_add_observation(report);
    struct sighting *sighting = add_value(report, observation, item);

    observation->time = field_time(item, "first_seen");
    if (sighting)
        mark(sighting, item);
    else
        report->observation_count--;
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
    }
    report->description = text.size ? arena_strdup(report->arena, buf_text(&text)) : NULL;
    buf_clear(&text);
}

/* Where the case's list of indicators has the value, its item. */
static const json_t *indicator_for(const json_t *indicators, const json_t *item)
{
    for (size_t i = 0; i < json_array_size(indicators); i++) {
        const json_t *indicator = json_array_get(indicators, i);
        if (str_equal(field_text(indicator, "value"), field_text(item, "value")) &&
            str_equal(field_text(indicator, "type"), field_text(item, "type")))
            return indicator;
    }
    return NULL;
}

static void add_observable(struct report *report, const json_t *item, const json_t *indicators)
{
    struct observation *observation = report_add_observation(report);
    const json_t *indicator = indicator_for(indicators, item);
    struct sighting *sighting = add_value(report, observation, item);
    enum sighting_role role = sighting ? sighting->role : ROLE_OTHER;
    const char *number = field_text(item, "asn"), *country = field_text(item, "country");

    if (!sighting) {
        report->observation_count--;
        return;
    }
    observation->time = field_time(item, "first_seen");
    observation->class_claim = observation->class_name = report->class_name;
    if (indicator)
        mark(sighting, indicator);
    if ((number && !report_add_sighting(report, observation, OBSERVABLE_ASN, role, number)) ||
        (country && !report_add_sighting(report, observation, OBSERVABLE_COUNTRY, role, country)))
        report->rejected_total++;
}

/* Marked by an analyst, seen by nobody: it is no observable of a report. */
static void add_unseen(struct report *report, const json_t *indicators, const json_t *observables)
{
    for (size_t i = 0; i < json_array_size(indicators); i++)
        if (!indicator_for(observables, json_array_get(indicators, i)) && !document_add_indicator(report, json_array_get(indicators, i)))
            report->rejected_total++;
}

struct report *document_of_case(const json_t *answer, const char *team)
{
    static const char *const kinds[] = {"vulnerability", "notice", "request"};
    const json_t *observables = field_list(answer, "observable_list"), *indicators = field_list(answer, "indicator_list");
    struct report *report = document_new(team, field_text(answer, "id"), field_text(answer, "tlp"), field_time(answer, "opened"));

    report->summary = arena_strdup(report->arena, field_text(answer, "summary"));
    report->class_claim = report->class_name = arena_strdup(report->arena, field_text(answer, "class"));
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (str_equal(kinds[i], field_text(answer, "kind")))
            report->case_kind = kinds[i];
    add_notes(report, field_list(answer, "note_list"));
    for (size_t i = 0; i < json_array_size(observables); i++)
        add_observable(report, json_array_get(observables, i), indicators);
    add_unseen(report, indicators, observables);
    if (!report->description && report->observation_count == 0)
        report->description = report->summary;
    return report;
}

/* --- what is lost --- */

static int compare(const void *a, const void *b)
{
    const struct sighting *left = *(const struct sighting *const *)a, *right = *(const struct sighting *const *)b;

    return left->type != right->type ? (int)left->type - (int)right->type : strcmp(left->value, right->value);
}

/* All sightings of the report, sorted; the caller's. */
static const struct sighting **sorted(const struct report *report, size_t *count)
{
    const struct sighting **list;
    size_t all = 0;

    for (size_t i = 0; i < report->observation_count; i++)
        all += report->observations[i].sighting_count;
    list = mem_calloc(all + 1, sizeof *list);
    *count = 0;
    for (size_t i = 0; i < report->observation_count; i++)
        for (size_t j = 0; j < report->observations[i].sighting_count; j++)
            list[(*count)++] = &report->observations[i].sightings[j];
    qsort(list, *count, sizeof *list, compare);
    return list;
}

struct losses {
    size_t values, roles, labels, marks, confidences, ends;
};

static void compare_sighting(const struct report *before, const struct sighting *a, const struct report *after, const struct sighting *b,
                             struct losses *losses)
{
    enum tlp label_a = a->tlp == TLP_NONE ? before->tlp : a->tlp, label_b = b->tlp == TLP_NONE ? after->tlp : b->tlp;

    losses->roles += a->role != b->role;
    losses->labels += label_a != label_b;
    losses->marks += a->is_indicator != b->is_indicator;
    losses->confidences += a->confidence != b->confidence;
    losses->ends += a->valid_until != b->valid_until;
}

/* Both lists are in the same order. */
static void count_losses(const struct report *before, const struct report *after, struct losses *losses)
{
    size_t count_before, count_after, j = 0;
    const struct sighting **a = sorted(before, &count_before), **b = sorted(after, &count_after);

    for (size_t i = 0; i < count_before; i++) {
        while (j < count_after && compare(&b[j], &a[i]) < 0)
            j++;
        if (j < count_after && compare(&b[j], &a[i]) == 0)
            compare_sighting(before, a[i], after, b[j], losses);
        else
            losses->values++;
    }
    free(a);
    free(b);
}

static void add_loss(struct buf *lost, size_t count, const char *one, const char *many)
{
    if (count)
        buf_printf(lost, "%s%zu %s", lost->size ? ", " : "", count, count == 1 ? one : many);
}

static void add_text_loss(struct buf *lost, const char *before, const char *after, const char *name)
{
    if (before && !str_equal(before, after))
        buf_printf(lost, "%s%s", lost->size ? ", " : "", name);
}

static void tell_losses(const struct report *before, const struct report *after, struct buf *lost)
{
    struct losses losses = {.values = before->rejected_total};

    count_losses(before, after, &losses);
    add_loss(lost, losses.values, _("value"), _("values"));
    add_loss(lost, losses.roles, _("role"), _("roles"));
    add_loss(lost, losses.labels, _("label"), _("labels"));
    add_loss(lost, losses.marks, _("mark as indicator"), _("marks as indicator"));
    add_loss(lost, losses.confidences, _("confidence"), _("confidences"));
    add_loss(lost, losses.ends, _("end"), _("ends"));
    add_text_loss(lost, before->reference, after->reference, _("the case's id"));
    add_text_loss(lost, before->class_name, after->class_name, _("the class"));
    add_text_loss(lost, before->summary, after->summary, _("the summary"));
    add_text_loss(lost, before->description, after->description, _("the notes"));
    add_text_loss(lost, before->case_kind, after->case_kind, _("the kind"));
    if (before->tlp != after->tlp)
        add_text_loss(lost, "", NULL, _("the document's label"));
}

/* True where the format can say this observation at all: X-ARF needs a source. */
static bool can_say(const struct report *report, size_t number, const struct codec *codec, struct buf *scratch)
{
    struct report one = *report;
    struct err err = {0};

    one.observations = &report->observations[number];
    one.observation_count = 1;
    buf_reset(scratch);
    return codec->encode(&one, scratch, &err);
}

/* Leaves out what the format cannot say, and counts its values as rejected. False where nothing is left, or all can be said. */
static bool leave_out(struct report *report, const struct codec *codec)
{
    struct buf scratch;
    size_t kept = 0, all = report->observation_count;

    buf_init(&scratch, codec_limits_default.document_bytes_max);
    for (size_t i = 0; i < all; i++) {
        if (can_say(report, i, codec, &scratch))
            report->observations[kept++] = report->observations[i];
        else
            report->rejected_total += report->observations[i].sighting_count;
    }
    report->observation_count = kept;
    buf_clear(&scratch);
    return kept > 0 && kept < all;
}

static bool encode(struct report *report, const struct codec *codec, struct buf *out, struct err *err)
{
    size_t start = out->size;

    if (codec->encode(report, out, err))
        return true;
    if (err->code != ERR_INPUT || !leave_out(report, codec))
        return false;
    out->size = start;
    *err = (struct err){0};
    return codec->encode(report, out, err);
}

bool document_write(struct report *report, const struct codec *codec, struct buf *out, struct buf *lost, struct err *err)
{
    struct codec_limits limits = codec_limits_default;
    struct report *again = NULL;
    size_t start = out->size;

    limits.document_bytes_max = out->size_max;
    buf_init(lost, 1024);
    if (!encode(report, codec, out, err))
        return false;
    if (!codec_decode(codec, out->bytes + start, out->size - start, &limits, NULL, &again, err))
        return err_context(err, _("the document could not be read again"));
    tell_losses(report, again, lost);
    report_free(again);
    return true;
}
