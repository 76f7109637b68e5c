#include "codec/losses.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/xml_write.h"

#define BLANKS " \t\r\n"

#define MEMBER(name)                                                                                                                       \
    {                                                                                                                                      \
#name, offsetof(struct losses, name)                                                                                               \
    }
const struct losses_member losses_members[] = {
    MEMBER(values),     MEMBER(roles),   MEMBER(labels), MEMBER(marks), MEMBER(confidences), MEMBER(ends), MEMBER(reference),
    MEMBER(class_name), MEMBER(summary), MEMBER(notes),  MEMBER(kind),  MEMBER(own_label),   MEMBER(pap),
};
const size_t losses_member_count = ARRAY_SIZE(losses_members);

/* --- what is lost --- */

static int compare_values(const struct sighting *left, const struct sighting *right)
{
    return left->type != right->type ? (int)left->type - (int)right->type : strcmp(left->value, right->value);
}

/* A value may stand in several roles: like is compared with like. */
static int compare(const void *a, const void *b)
{
    const struct sighting *left = *(const struct sighting *const *)a, *right = *(const struct sighting *const *)b;
    int order = compare_values(left, right);
    return order ? order : (int)left->role - (int)right->role;
}

/* All sightings of the report, sorted; the caller's. */
static const struct sighting **sorted(const struct report *report, size_t *count)
{
    size_t all = 0;
    for (size_t i = 0; i < report->observation_count; i++)
        all += report->observations[i].sighting_count;
    const struct sighting **list = mem_calloc(all + 1, sizeof *list);
    *count = 0;
    for (size_t i = 0; i < report->observation_count; i++)
        for (size_t j = 0; j < report->observations[i].sighting_count; j++)
            list[(*count)++] = &report->observations[i].sightings[j];
    qsort(list, *count, sizeof *list, compare);
    return list;
}

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
static void count_sightings(const struct report *before, const struct report *after, struct losses *losses)
{
    size_t count_before, count_after, j = 0;
    const struct sighting **a = sorted(before, &count_before), **b = sorted(after, &count_after);
    for (size_t i = 0; i < count_before; i++) {
        while (j < count_after && compare_values(b[j], a[i]) < 0)
            j++;
        if (j < count_after && compare_values(b[j], a[i]) == 0)
            compare_sighting(before, a[i], after, b[j++], losses);
        else
            losses->values++;
    }
    free(a);
    free(b);
}

static size_t is_lost(const char *before, const char *after)
{
    return before && !str_equal(before, after);
}

/* As a reader has it who trims, and without what XML cannot hold (in its place stands U+FFFD). */
static void add_words(struct buf *out, const char *text)
{
    const char *end = text + strlen(text);
    uint32_t c;
    for (size_t size; (size = str_next_code_point(text, end, &c)) != 0; text += size)
        if (xml_write_is_character(c) && c != 0xFFFD && (out->size || !strchr(BLANKS, *text)))
            buf_add(out, text, size);
    while (out->size && strchr(BLANKS, out->bytes[out->size - 1]))
        out->bytes[--out->size] = '\0';
}

static size_t are_words_lost(const char *before, const char *after)
{
    struct buf a, b;
    buf_init(&a, SIZE_MAX / 2);
    buf_init(&b, SIZE_MAX / 2);
    add_words(&a, before ? before : "");
    add_words(&b, after ? after : "");
    bool is_lost = a.size && !str_equal(buf_text(&a), buf_text(&b));
    buf_clear(&a);
    buf_clear(&b);
    return is_lost;
}

void losses_count(const struct report *before, const struct report *after, struct losses *losses)
{
    *losses = (struct losses){.values = before->rejected_total,
                              .reference = is_lost(before->reference, after->reference),
                              .class_name = is_lost(before->class_name, after->class_name),
                              .summary = are_words_lost(before->summary, after->summary),
                              .notes = are_words_lost(before->description, after->description),
                              .kind = is_lost(before->case_kind, after->case_kind),
                              .own_label = before->tlp != after->tlp,
                              .pap = before->pap > after->pap};
    count_sightings(before, after, losses);
}

void losses_add(struct losses *losses, const struct losses *more)
{
    for (size_t i = 0; i < losses_member_count; i++) {
        size_t *sum = (size_t *)((char *)losses + losses_members[i].offset);
        size_t count = *(const size_t *)((const char *)more + losses_members[i].offset);
        *sum = losses_members[i].offset < offsetof(struct losses, reference) ? *sum + count : *sum || count;
    }
}

/* --- writing --- */

/* True where the format can say this observation at all. */
static bool can_say(const struct report *report, size_t number, const struct codec *codec, struct buf *scratch)
{
    struct report one = *report;
    struct err err = {0};
    one.observations = &report->observations[number];
    one.observation_count = 1;
    buf_reset(scratch);
    return codec->encode(&one, scratch, &err);
}

/* False where nothing is left, or all can be said. */
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

bool losses_write(struct report *report, const struct codec *codec, struct buf *out, struct report **again, struct err *err)
{
    struct codec_limits limits = codec_limits_default;
    size_t start = out->size;
    limits.document_bytes_max = out->size_max;
    *again = NULL;
    if (!encode(report, codec, out, err))
        return false;
    if (out->full)
        return err_set(err, ERR_LIMIT, "the document is larger than %zu bytes", out->size_max);
    return codec_decode(codec, out->bytes + start, out->size - start, &limits, NULL, again, err) ||
           err_context(err, "the document could not be read again");
}
