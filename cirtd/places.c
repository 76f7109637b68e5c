#include "cirtd/places.h"

#include <inttypes.h>
#include <maxminddb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "model/observable.h"

struct file {
    char *path;
    MMDB_s map;
    struct stat seen;  /* as it was opened, or could not be */
    const char *fault; /* why it is left out: logged once */
    bool is_open;
};

struct places {
    struct file files[PLACES_MAX];
    size_t count;
};

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static void file_fault(struct file *file, int status)
{
    bool is_news = !file->fault;
    file->fault = status == MMDB_SUCCESS ? NULL : MMDB_strerror(status);
    if (file->fault && is_news)
        log_warn("places_unreadable", "path=\"%s\" error=\"%s\"", file->path, file->fault);
}

/* A file that is damaged in one place is not believed in others: it is left out until another lies there. */
static void file_drop(struct file *file, int status)
{
    MMDB_close(&file->map);
    file->is_open = false;
    file_fault(file, status);
}

/* Opens what lies there now. One that was cut or written over where it lies must not be read as it was: its pages are gone, and to touch
 * one ends the process. */
static bool file_open(struct file *file)
{
    struct stat now = {0};
    bool is_there = stat(file->path, &now) == 0;
    if (file->is_open && is_there && is_same(&now, &file->seen))
        return true;
    if (file->fault && is_same(&now, &file->seen))
        return false;
    if (file->is_open)
        MMDB_close(&file->map);
    file->seen = now;
    int status = MMDB_open(file->path, MMDB_MODE_MMAP, &file->map);
    file->is_open = status == MMDB_SUCCESS;
    file_fault(file, status);
    return file->is_open;
}

struct places *places_new(const char *const *paths)
{
    struct places *places = mem_calloc(1, sizeof *places);
    for (size_t i = 0; paths[i] && places->count < PLACES_MAX; i++) {
        places->files[places->count].path = mem_strdup(paths[i]);
        file_open(&places->files[places->count++]);
    }
    return places;
}

void places_free(struct places *places)
{
    for (size_t i = 0; places && i < places->count; i++) {
        if (places->files[i].is_open)
            MMDB_close(&places->files[i].map);
        free(places->files[i].path);
    }
    free(places);
}

enum { DEPTH_MAX = 3, NAMES_MAX = 6 };
typedef const char *const path_names[DEPTH_MAX]; /* of the members that lead to a value, with NULL behind them */

/* How MaxMind (and who writes as they do), ipinfo, IPLocate and CIRCL's Geo Open call the same thing: the first counts that says something.
 * A country is where the address is, else where it is registered; ipinfo's "country" is a name in some files and the code in others. */
static path_names country_paths[NAMES_MAX] = {{"country", "iso_code"}, {"registered_country", "iso_code"}, {"country_code"}, {"country"}},
                  asn_paths[NAMES_MAX] = {{"autonomous_system_number"},
                                          {"traits", "autonomous_system_number"},
                                          {"asn"},
                                          {"country", "AutonomousSystemNumber"}},
                  name_paths[NAMES_MAX] = {{"autonomous_system_organization"},
                                           {"traits", "autonomous_system_organization"},
                                           {"as_name"},
                                           {"country", "AutonomousSystemOrganization"},
                                           {"org"},
                                           {"name"}};

/* A text or a number that is not negative, as text; NULL where there is none. */
static const char *value_at(MMDB_entry_s *entry, struct arena *arena, path_names path)
{
    MMDB_entry_data_s data;
    if (MMDB_aget_value(entry, &data, path) != MMDB_SUCCESS || !data.has_data)
        return NULL;
    if (data.type == MMDB_DATA_TYPE_UTF8_STRING && str_is_utf8(data.utf8_string, data.data_size, NULL))
        return arena_strndup(arena, data.utf8_string, data.data_size);
    if (data.type == MMDB_DATA_TYPE_UINT16)
        return arena_printf(arena, "%u", data.uint16);
    if (data.type == MMDB_DATA_TYPE_UINT32)
        return arena_printf(arena, "%u", data.uint32);
    return data.type == MMDB_DATA_TYPE_UINT64 ? arena_printf(arena, "%" PRIu64, data.uint64) : NULL;
}

/* The first of the values that is one of the type, in its normal form. */
static const char *first_at(MMDB_entry_s *entry, struct arena *arena, path_names paths[NAMES_MAX], enum observable_type type)
{
    const char *value = NULL;
    for (size_t i = 0; !value && i < NAMES_MAX && paths[i][0]; i++)
        value = observable_normalise(arena, type, value_at(entry, arena, paths[i]));
    return value;
}

/* In a file of both families IPv4 lies at ::/96. */
static const char *network_of(struct arena *arena, const MMDB_s *file, const char *address, unsigned length)
{
    if (!strchr(address, ':') && file->metadata.ip_version == 6)
        length = length > 96 ? length - 96 : 0;
    return observable_normalise(arena, OBSERVABLE_CIDR, arena_printf(arena, "%s/%u", address, length));
}

/* What the file calls itself; with its name where another calls itself the same, as two of one vendor's "country" do. */
static const char *source_of(const struct places *places, size_t at, struct arena *arena)
{
    const char *kind = places->files[at].map.metadata.database_type, *name = strrchr(places->files[at].path, '/');
    size_t same = 0;
    for (size_t i = 0; i < places->count; i++)
        same += places->files[i].is_open && str_equal(places->files[i].map.metadata.database_type, kind);
    return same > 1 ? arena_printf(arena, "%s, %s", kind, name ? name + 1 : places->files[at].path) : arena_strdup(arena, kind);
}

size_t places_find(struct places *places, struct arena *arena, const char *address, struct place out[PLACES_MAX])
{
    size_t count = 0;
    address = arena_strndup(arena, address, strcspn(address, "/"));
    for (size_t i = 0; places && i < places->count; i++)
        file_open(&places->files[i]);
    for (size_t i = 0; places && i < places->count; i++) {
        const MMDB_s *file = &places->files[i].map;
        int not_address, status;
        if (!places->files[i].is_open)
            continue;
        MMDB_lookup_result_s result = MMDB_lookup_string(file, address, &not_address, &status);
        if (!not_address && status != MMDB_SUCCESS && status != MMDB_IPV6_LOOKUP_IN_IPV4_DATABASE_ERROR)
            file_drop(&places->files[i], status);
        if (not_address || status != MMDB_SUCCESS || !result.found_entry)
            continue;
        const char *asn = first_at(&result.entry, arena, asn_paths, OBSERVABLE_ASN);
        out[count] = (struct place){.country = first_at(&result.entry, arena, country_paths, OBSERVABLE_COUNTRY),
                                    .asn = asn ? strtoll(asn, NULL, 10) : 0,
                                    .name = asn ? first_at(&result.entry, arena, name_paths, OBSERVABLE_TEXT) : NULL,
                                    .network = network_of(arena, file, address, result.netmask),
                                    .source = source_of(places, i, arena),
                                    .built = (int64_t)file->metadata.build_epoch * TIMESTAMP_SECOND};
        count += out[count].country || out[count].asn;
    }
    return count;
}

bool places_check(struct places *places, size_t i, const char **path, const char **fault)
{
    if (!places || i >= places->count)
        return false;
    file_open(&places->files[i]);
    *path = places->files[i].path;
    *fault = places->files[i].fault;
    return true;
}
