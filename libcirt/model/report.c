#include "model/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "model/observable_address.h"
#include "model/observable_url.h"

/* What callers see, and behind it the arena that dies with each batch of observations. */
struct owned_report {
    struct report report; /* first: report_free() gets its address */
    struct arena *rows;
    size_t range_networks; /* that ranges of this batch became */
    size_t sightings;      /* of this batch, or that it would have */
};

/* A few letters can name hundreds of networks: what ranges may become in one document, or batch of rows. */
enum { RANGE_NETWORKS_MAX = 200000 };

static struct owned_report *owner_of(struct report *report)
{
    return (struct owned_report *)report;
}

struct report *report_new(const char *format)
{
    struct owned_report *owned = mem_calloc(1, sizeof *owned);
    owned->rows = arena_new();
    struct report *report = &owned->report;
    report->arena = arena_new();
    report->format = arena_strdup(report->arena, format);
    report->tlp = TLP_NONE;
    report->pap = TLP_NONE;
    report->time = TIMESTAMP_NONE;
    return report;
}

void report_free(struct report *report)
{
    if (!report)
        return;
    arena_free(owner_of(report)->rows);
    arena_free(report->arena);
    free(owner_of(report));
}

bool report_check_full(const struct report *report, const char *at, struct err *err)
{
    if (((const struct owned_report *)report)->sightings <= REPORT_SIGHTINGS_MAX)
        return true;
    return err_set_at(err, ERR_LIMIT, at, "more than %d values in one document", REPORT_SIGHTINGS_MAX);
}

bool report_take_room(struct report *report, size_t count)
{
    owner_of(report)->sightings += count;
    return owner_of(report)->sightings <= REPORT_SIGHTINGS_MAX;
}

struct arena *report_row_arena(struct report *report)
{
    return owner_of(report)->rows;
}

struct observation *report_add_observation(struct report *report)
{
    report->observations = arena_grow(report_row_arena(report), report->observations, &report->observation_capacity,
                                      report->observation_count, sizeof *report->observations);
    struct observation *added = &report->observations[report->observation_count++];
    *added = (struct observation){.time = TIMESTAMP_NONE, .count = 1, .source_port = -1, .target_port = -1};
    return added;
}

static bool add_value(struct report *report, struct observation *observation, enum observable_type type, enum sighting_role role,
                      const char *value)
{
    if (!value)
        return false;
    if (!report_take_room(report, 1) && observation->sighting_count)
        observation->sighting_count--; /* callers look at what they added */
    observation->sightings = arena_grow(report_row_arena(report), observation->sightings, &observation->sighting_capacity,
                                        observation->sighting_count, sizeof *observation->sightings);
    observation->sightings[observation->sighting_count++] = (struct sighting){.type = type,
                                                                              .role = role,
                                                                              .value = value,
                                                                              .tlp = TLP_NONE,
                                                                              .confidence = -1,
                                                                              .valid_until = TIMESTAMP_NONE,
                                                                              .indicator_time = TIMESTAMP_NONE};
    return true;
}

/* A URL's normal form says where it leads, its original how it was hidden: both are evidence. True, for its callers. */
static bool keep_original(struct report *report, struct observation *observation, const char *text)
{
    struct sighting *added = &observation->sightings[observation->sighting_count - 1];
    text += strspn(text, " \t\r\n");
    size_t size = strlen(text);
    while (size && strchr(" \t\r\n", text[size - 1]))
        size--;
    if (added->type == OBSERVABLE_URL && (strlen(added->value) != size || memcmp(added->value, text, size) != 0))
        added->original = arena_strndup(report_row_arena(report), text, size);
    return true;
}

bool report_add_sighting(struct report *report, struct observation *observation, enum observable_type type, enum sighting_role role,
                         const char *text)
{
    const char *value = observable_read(report_row_arena(report), &type, text);
    return add_value(report, observation, type, role, value) && keep_original(report, observation, text);
}

bool report_add_guessed(struct report *report, struct observation *observation, enum sighting_role role, const char *text)
{
    enum observable_type type = OBSERVABLE_TEXT;
    const char *value = observable_guess(report_row_arena(report), text, &type);
    return add_value(report, observation, type, role, value) && keep_original(report, observation, text);
}

bool report_add_range(struct report *report, struct observation *observation, enum sighting_role role, const char *first, const char *last)
{
    const char *values[OBSERVABLE_RANGE_MAX];
    enum observable_type types[OBSERVABLE_RANGE_MAX];
    size_t *used = &owner_of(report)->range_networks;
    if (*used >= RANGE_NETWORKS_MAX)
        return false;
    size_t count = observable_address_range(report_row_arena(report), first, last, values, types);
    *used += count;
    for (size_t i = 0; i < count; i++)
        add_value(report, observation, types[i], role, values[i]);
    return count > 0;
}

int report_compare_values(const void *a, const void *b)
{
    const struct sighting *left = *(const struct sighting *const *)a, *right = *(const struct sighting *const *)b;
    return left->type != right->type ? (int)left->type - (int)right->type : strcmp(left->value, right->value);
}

/* --- hosts of URLs --- */

/* An address: of a URL, or a value of its own. */
struct host {
    struct sighting sighting;
    bool is_own;
};

/* The same address together: first where it is a value of its own, then by label. */
static int compare_hosts(const void *a, const void *b)
{
    const struct host *one = a, *other = b;
    int order = strcmp(one->sighting.value, other->sighting.value);
    if (order == 0)
        order = other->is_own - one->is_own;
    if (order == 0)
        order = (int)one->sighting.tlp - (int)other->sighting.tlp;
    return order ? order : (int)one->sighting.role - (int)other->sighting.role;
}

/* All addresses of the observation, in the heap; NULL where no URL has one. */
static struct host *find_hosts(struct report *report, const struct observation *observation, size_t *count)
{
    struct arena *arena = report_row_arena(report);
    struct host *hosts = NULL;
    size_t capacity = 0;
    bool has_url = false;
    *count = 0;
    for (size_t i = 0; i < observation->sighting_count; i++) {
        struct host host = {.sighting = observation->sightings[i]};
        host.is_own = host.sighting.type == OBSERVABLE_IPV4 || host.sighting.type == OBSERVABLE_IPV6;
        if (!host.is_own) {
            const char *text = host.sighting.type == OBSERVABLE_URL ? observable_url_address(arena, host.sighting.value) : NULL;
            host.sighting.type = OBSERVABLE_IPV4;
            host.sighting.value = text ? observable_read(arena, &host.sighting.type, text) : NULL;
            has_url = has_url || host.sighting.value;
        }
        if (!host.sighting.value)
            continue;
        hosts = mem_grow(hosts, &capacity, *count, sizeof *hosts);
        hosts[(*count)++] = host;
    }
    if (has_url)
        return hosts;
    free(hosts);
    return NULL;
}

void report_add_hosts_row(struct report *report, struct observation *observation)
{
    size_t count;
    struct host *hosts = find_hosts(report, observation, &count);
    if (!hosts)
        return;
    qsort(hosts, count, sizeof *hosts, compare_hosts);
    const struct host *last = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct sighting *host = &hosts[i].sighting;
        bool is_same = last && str_equal(last->sighting.value, host->value);
        if (is_same && (last->is_own || last->sighting.tlp == host->tlp))
            continue;
        last = &hosts[i];
        if (!last->is_own && add_value(report, observation, host->type, host->role, host->value))
            observation->sightings[observation->sighting_count - 1].tlp = host->tlp;
    }
    free(hosts);
}

void report_add_hosts(struct report *report)
{
    for (size_t i = 0; i < report->observation_count; i++)
        report_add_hosts_row(report, &report->observations[i]);
}

/* --- statements --- */

/* FNV-1a with 64 bits. */
static uint64_t mix(uint64_t hash, const void *bytes, size_t size)
{
    const unsigned char *byte = bytes;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ byte[i]) * UINT64_C(1099511628211);
    return hash;
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
    return text ? mix(hash, text, strlen(text) + 1) : mix(hash, "\1", 1);
}

int64_t report_statement(const struct observation *observation)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    hash = mix(hash, &observation->source_port, sizeof observation->source_port);
    hash = mix(hash, &observation->target_port, sizeof observation->target_port);
    hash = mix_text(hash, observation->class_name ? observation->class_name : observation->class_claim);
    hash = mix_text(hash, observation->protocol);
    hash = mix_text(hash, observation->description);
    for (size_t i = 0; i < observation->sighting_count; i++) {
        const struct sighting *sighting = &observation->sightings[i];
        hash = mix(hash, &sighting->type, sizeof sighting->type);
        hash = mix(hash, &sighting->role, sizeof sighting->role);
        hash = mix_text(hash, sighting->value);
    }
    return hash ? (int64_t)hash : 1;
}

/* --- indicators by the names their senders gave them --- */

int64_t report_indicator_id(const char *name)
{
    if (!name || !*name)
        return 0;
    int64_t id = (int64_t)mix_text(UINT64_C(14695981039346656037), name);
    return id ? id : 1;
}

void report_withdraw(struct report *report, const char *name, int64_t time)
{
    int64_t id = report_indicator_id(name);
    if (id == 0)
        return;
    report->withdrawn =
        arena_grow(report->arena, report->withdrawn, &report->withdrawn_capacity, report->withdrawn_count, sizeof *report->withdrawn);
    report->withdrawn[report->withdrawn_count++] = (struct withdrawal){.indicator_id = id, .time = time};
}

void report_reject(struct report *report, const char *at, const char *text)
{
    report->rejected_total++;
    if (report->rejection_count >= REPORT_REJECTIONS_KEPT)
        return;
    report->rejections =
        arena_grow(report->arena, report->rejections, &report->rejection_capacity, report->rejection_count, sizeof *report->rejections);
    report->rejections[report->rejection_count++] =
        (struct rejection){.at = arena_strdup(report->arena, at), .text = arena_strdup(report->arena, text)};
}

void report_drop_observations(struct report *report)
{
    arena_reset(report_row_arena(report));
    owner_of(report)->range_networks = owner_of(report)->sightings = 0;
    report->observations = NULL;
    report->observation_count = 0;
    report->observation_capacity = 0;
}
