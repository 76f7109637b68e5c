#include "cirtd/places.h"

#include <arpa/inet.h>
#include <maxminddb.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "model/observable.h"

struct places {
    MMDB_s files[PLACES_MAX];
    size_t count;
};

struct places *places_new(const char *const *paths)
{
    struct places *places = mem_calloc(1, sizeof *places);
    for (size_t i = 0; paths[i] && places->count < PLACES_MAX; i++) {
        int status = MMDB_open(paths[i], MMDB_MODE_MMAP, &places->files[places->count]);
        if (status == MMDB_SUCCESS)
            places->count++;
        else
            log_warn("places_unreadable", "path=\"%s\" error=\"%s\"", paths[i], MMDB_strerror(status));
    }
    return places;
}

void places_free(struct places *places)
{
    for (size_t i = 0; places && i < places->count; i++)
        MMDB_close(&places->files[i]);
    free(places);
}

static const char *text_at(MMDB_entry_s *entry, struct arena *arena, const char *const *path)
{
    MMDB_entry_data_s data;
    if (MMDB_aget_value(entry, &data, path) != MMDB_SUCCESS || !data.has_data || data.type != MMDB_DATA_TYPE_UTF8_STRING ||
        !str_is_utf8(data.utf8_string, data.data_size, NULL))
        return NULL;
    return arena_strndup(arena, data.utf8_string, data.data_size);
}

static int64_t number_at(MMDB_entry_s *entry, const char *const *path)
{
    MMDB_entry_data_s data;
    if (MMDB_aget_value(entry, &data, path) != MMDB_SUCCESS || !data.has_data)
        return 0;
    return data.type == MMDB_DATA_TYPE_UINT32 ? data.uint32 : data.type == MMDB_DATA_TYPE_UINT16 ? data.uint16 : 0;
}

/* The country where it is, else where it is registered. */
static const char *country_at(MMDB_entry_s *entry, struct arena *arena)
{
    static const char *const here[] = {"country", "iso_code", NULL}, *const registered[] = {"registered_country", "iso_code", NULL},
                             *const plain[] = {"country_code", NULL};
    const char *country = text_at(entry, arena, here);
    country = country ? country : text_at(entry, arena, registered);
    country = country ? country : text_at(entry, arena, plain);
    return observable_normalise(arena, OBSERVABLE_COUNTRY, country);
}

/* In a file of both families IPv4 lies at ::/96. */
static const char *network_of(struct arena *arena, const MMDB_s *file, const char *address, unsigned length)
{
    if (!strchr(address, ':') && file->metadata.ip_version == 6)
        length = length > 96 ? length - 96 : 0;
    return observable_normalise(arena, OBSERVABLE_CIDR, arena_printf(arena, "%s/%u", address, length));
}

size_t places_find(const struct places *places, struct arena *arena, const char *address, struct place out[PLACES_MAX])
{
    static const char *const asn[] = {"autonomous_system_number", NULL}, *const name[] = {"autonomous_system_organization", NULL};
    size_t count = 0;
    address = arena_strndup(arena, address, strcspn(address, "/"));
    for (size_t i = 0; places && i < places->count; i++) {
        const MMDB_s *file = &places->files[i];
        int not_address, status;
        MMDB_lookup_result_s result = MMDB_lookup_string(file, address, &not_address, &status);
        if (not_address || status != MMDB_SUCCESS || !result.found_entry)
            continue;
        out[count] = (struct place){.country = country_at(&result.entry, arena),
                                    .asn = number_at(&result.entry, asn),
                                    .name = text_at(&result.entry, arena, name),
                                    .network = network_of(arena, file, address, result.netmask),
                                    .source = arena_strdup(arena, file->metadata.database_type),
                                    .built = (int64_t)file->metadata.build_epoch * TIMESTAMP_SECOND};
        count += out[count].country || out[count].asn;
    }
    return count;
}
