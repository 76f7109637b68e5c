#include "model/report.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* What callers see, and behind it the arena that dies with each batch of observations. */
struct owned_report {
    struct report report; /* first: report_free() gets its address */
    struct arena *rows;
};

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
    observation->sightings = arena_grow(report_row_arena(report), observation->sightings, &observation->sighting_capacity,
                                        observation->sighting_count, sizeof *observation->sightings);
    observation->sightings[observation->sighting_count++] =
        (struct sighting){.type = type, .role = role, .value = value, .tlp = TLP_NONE, .confidence = -1, .valid_until = TIMESTAMP_NONE};
    return true;
}

bool report_add_sighting(struct report *report, struct observation *observation, enum observable_type type, enum sighting_role role,
                         const char *text)
{
    return add_value(report, observation, type, role, observable_normalise(report_row_arena(report), type, text));
}

bool report_add_guessed(struct report *report, struct observation *observation, enum sighting_role role, const char *text)
{
    enum observable_type type = OBSERVABLE_TEXT;
    const char *value = observable_guess(report_row_arena(report), text, &type);
    return add_value(report, observation, type, role, value);
}

/* --- ranges --- */

/* An address as 16 bytes; IPv4 in the last four. */
struct address {
    unsigned char bytes[16];
    int family, first_bit;
};

static bool read_address(const char *text, struct address *address)
{
    memset(address, 0, sizeof *address);
    address->family = strchr(text, ':') ? AF_INET6 : AF_INET;
    address->first_bit = address->family == AF_INET6 ? 0 : 96;
    return inet_pton(address->family, text, &address->bytes[address->first_bit / 8]) == 1;
}

static bool bit_of(const struct address *address, int bit)
{
    return (address->bytes[bit / 8] >> (7 - bit % 8)) & 1;
}

/* The last address of the network of this length that begins at `from`. */
static struct address last_of(const struct address *from, int length)
{
    struct address last = *from;
    for (int bit = from->first_bit + length; bit < 128; bit++)
        last.bytes[bit / 8] |= (unsigned char)(1 << (7 - bit % 8));
    return last;
}

/* The shortest length of a network that begins at `from` and does not go beyond `last`. */
static int widest(const struct address *from, const struct address *last)
{
    int length = 128 - from->first_bit;
    while (length > 1 && !bit_of(from, from->first_bit + length - 1)) {
        struct address end = last_of(from, length - 1);
        if (memcmp(end.bytes, last->bytes, sizeof end.bytes) > 0)
            break;
        length--;
    }
    return length;
}

/* The address behind; false behind the very last. */
static bool step(struct address *address)
{
    for (int i = 15; i >= address->first_bit / 8; i--)
        if (++address->bytes[i] != 0)
            return true;
    return false;
}

static void add_network(struct report *report, struct observation *observation, enum sighting_role role, const struct address *from,
                        int length)
{
    char text[INET6_ADDRSTRLEN];
    inet_ntop(from->family, &from->bytes[from->first_bit / 8], text, sizeof text);
    if (length == 128 - from->first_bit)
        report_add_guessed(report, observation, role, text);
    else
        report_add_sighting(report, observation, OBSERVABLE_CIDR, role, arena_printf(report_row_arena(report), "%s/%d", text, length));
}

bool report_add_range(struct report *report, struct observation *observation, enum sighting_role role, const char *first, const char *last)
{
    struct address from, until;
    if (!read_address(first, &from) || !read_address(last, &until) || from.family != until.family ||
        memcmp(from.bytes, until.bytes, sizeof from.bytes) > 0)
        return false;
    struct address end;
    do {
        int length = widest(&from, &until);
        add_network(report, observation, role, &from, length);
        end = last_of(&from, length);
        from = end;
    } while (memcmp(end.bytes, until.bytes, sizeof end.bytes) < 0 && step(&from));
    return true;
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
    report->observations = NULL;
    report->observation_count = 0;
    report->observation_capacity = 0;
}
