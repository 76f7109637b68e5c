#include "store/db_params.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/timestamp.h"

/* Type numbers of PostgreSQL's catalogue (pg_type.dat); they never change. */
enum { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_TEXT = 25, OID_INET = 869, OID_TIMESTAMPTZ = 1184 };
/* Microseconds from 1970 to PostgreSQL's epoch, 2000-01-01. */
#define EPOCH_2000 (INT64_C(946684800) * TIMESTAMP_SECOND)
enum { PARAMETER_BYTES_MAX = 1 << 30 };

struct db_params *db_params_new(void)
{
    struct db_params *params = mem_calloc(1, sizeof *params);
    for (int i = 0; i < DB_PARAMETERS_MAX; i++)
        buf_init(&params->own[i], PARAMETER_BYTES_MAX);
    return params;
}

void db_params_free(struct db_params *params)
{
    if (!params)
        return;
    for (int i = 0; i < DB_PARAMETERS_MAX; i++)
        buf_clear(&params->own[i]);
    free(params);
}

void db_params_reset(struct db_params *params)
{
    for (int i = 0; i < params->count; i++)
        buf_reset(&params->own[i]);
    params->count = 0;
    params->array = NULL;
}

static void add(struct db_params *params, const void *bytes, size_t size, int is_binary)
{
    if (params->count == DB_PARAMETERS_MAX || params->array)
        BUG("parameter %d: too many, or inside an array", params->count + 1);
    int i = params->count++;
    params->values[i] = bytes;
    params->lengths[i] = (int)size;
    params->formats[i] = is_binary;
}

static void add_copy(struct db_params *params, const void *bytes, size_t size)
{
    struct buf *own = &params->own[params->count];
    buf_reset(own);
    if (!buf_add(own, bytes, size))
        BUG("parameter of %zu bytes", size);
    add(params, own->bytes, size, 1);
}

void db_text(struct db_params *params, const char *text)
{
    add(params, text, text ? strlen(text) : 0, 0);
}

void db_null(struct db_params *params)
{
    add(params, NULL, 0, 0);
}

void db_bytes(struct db_params *params, const void *bytes, size_t size)
{
    add(params, bytes, size, 1);
}

void db_bool(struct db_params *params, bool value)
{
    add_copy(params, &(char){value}, 1);
}

void db_int2(struct db_params *params, int16_t value)
{
    add_copy(params, &(uint16_t){htobe16((uint16_t)value)}, 2);
}

void db_int4(struct db_params *params, int32_t value)
{
    add_copy(params, &(uint32_t){htobe32((uint32_t)value)}, 4);
}

void db_int8(struct db_params *params, int64_t value)
{
    add_copy(params, &(uint64_t){htobe64((uint64_t)value)}, 8);
}

void db_time(struct db_params *params, int64_t moment)
{
    if (moment == TIMESTAMP_NONE)
        db_null(params);
    else
        db_int8(params, moment - EPOCH_2000);
}

static void put(struct buf *out, const void *bytes, size_t size)
{
    if (!buf_add(out, bytes, size))
        BUG("array parameter beyond %d bytes", PARAMETER_BYTES_MAX);
}

static void put4(struct buf *out, uint32_t value)
{
    put(out, &(uint32_t){htobe32(value)}, 4);
}

void db_array_begin(struct db_params *params, enum db_array kind)
{
    static const uint32_t oids[] = {
        [DB_BOOL_ARRAY] = OID_BOOL, [DB_BYTES_ARRAY] = OID_BYTEA, [DB_INT2_ARRAY] = OID_INT2,        [DB_INT4_ARRAY] = OID_INT4,
        [DB_INT8_ARRAY] = OID_INT8, [DB_TEXT_ARRAY] = OID_TEXT,   [DB_TIME_ARRAY] = OID_TIMESTAMPTZ, [DB_INET_ARRAY] = OID_INET,
    };
    if (params->array || params->count == DB_PARAMETERS_MAX)
        BUG("db_array_begin inside an array, or too many parameters");
    params->array = &params->own[params->count];
    params->items = 0;
    buf_reset(params->array);
    put4(params->array, 1); /* dimensions */
    put4(params->array, 1); /* may hold NULLs */
    put4(params->array, oids[kind]);
    put4(params->array, 0); /* length: filled in at the end */
    put4(params->array, 1); /* lower bound */
}

static void item(struct db_params *params, const void *bytes, size_t size)
{
    put4(params->array, (uint32_t)size);
    put(params->array, bytes, size);
    params->items++;
}

void db_item_null(struct db_params *params)
{
    put4(params->array, UINT32_MAX);
    params->items++;
}

void db_item_text(struct db_params *params, const char *text)
{
    if (text)
        item(params, text, strlen(text));
    else
        db_item_null(params);
}

void db_item_bytes(struct db_params *params, const void *bytes, size_t size)
{
    if (bytes)
        item(params, bytes, size);
    else
        db_item_null(params);
}

void db_item_bool(struct db_params *params, bool value)
{
    item(params, &(char){value}, 1);
}

void db_item_int2(struct db_params *params, int16_t value)
{
    item(params, &(uint16_t){htobe16((uint16_t)value)}, 2);
}

void db_item_int4(struct db_params *params, int32_t value)
{
    item(params, &(uint32_t){htobe32((uint32_t)value)}, 4);
}

void db_item_int8(struct db_params *params, int64_t value)
{
    item(params, &(uint64_t){htobe64((uint64_t)value)}, 8);
}

void db_item_time(struct db_params *params, int64_t moment)
{
    if (moment == TIMESTAMP_NONE)
        db_item_null(params);
    else
        db_item_int8(params, moment - EPOCH_2000);
}

void db_item_inet(struct db_params *params, const char *value)
{
    /* utils/adt/network.c, network_send: family, bits, is_cidr, bytes. */
    unsigned char wire[4 + 16] = {0};
    char address[INET6_ADDRSTRLEN + 1];
    const char *slash = value ? strchr(value, '/') : NULL;
    size_t length = value ? (slash ? (size_t)(slash - value) : strlen(value)) : sizeof address;
    if (length >= sizeof address) {
        db_item_null(params);
        return;
    }
    memcpy(address, value, length);
    address[length] = '\0';
    bool is_v4 = inet_pton(AF_INET, address, wire + 4) == 1;
    if (!is_v4 && inet_pton(AF_INET6, address, wire + 4) != 1) {
        db_item_null(params);
        return;
    }
    int full = is_v4 ? 32 : 128;
    int bits = slash ? atoi(slash + 1) : full;
    wire[0] = is_v4 ? 2 : 3; /* PGSQL_AF_INET, PGSQL_AF_INET6 */
    wire[1] = (unsigned char)(bits < 0 || bits > full ? full : bits);
    wire[3] = is_v4 ? 4 : 16;
    item(params, wire, 4u + wire[3]);
}

void db_array_end(struct db_params *params)
{
    struct buf *array = params->array;
    if (!array)
        BUG("db_array_end without db_array_begin");
    uint32_t length = htobe32(params->items);
    memcpy(array->bytes + 12, &length, 4);
    params->array = NULL;
    /* An empty array has no dimensions. */
    if (params->items == 0) {
        memset(array->bytes, 0, 4);
        add(params, array->bytes, 12, 1);
    } else {
        add(params, array->bytes, array->size, 1);
    }
}
