#include "store/db_params.h"

#include <arpa/inet.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"

/* Type numbers of PostgreSQL's catalogue (pg_type.dat); they never change. */
enum { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_TEXT = 25, OID_INET = 869, OID_TIMESTAMPTZ = 1184 };
/* Microseconds from 1970 to PostgreSQL's epoch, 2000-01-01. */
#define EPOCH_2000 (INT64_C(946684800) * TIMESTAMP_SECOND)
enum { PARAMETER_BYTES_MAX = 1 << 30, ARRAY_HEAD = 20 };

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
}

static void add(struct db_params *params, const void *bytes, size_t size, int is_binary)
{
    if (params->count == DB_PARAMETERS_MAX)
        BUG("more than %d parameters", DB_PARAMETERS_MAX);
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

void db_array_init(struct db_array *array, enum db_array_kind kind)
{
    static const uint32_t oids[] = {
        [DB_BOOL_ARRAY] = OID_BOOL, [DB_BYTES_ARRAY] = OID_BYTEA, [DB_INT2_ARRAY] = OID_INT2,        [DB_INT4_ARRAY] = OID_INT4,
        [DB_INT8_ARRAY] = OID_INT8, [DB_TEXT_ARRAY] = OID_TEXT,   [DB_TIME_ARRAY] = OID_TIMESTAMPTZ, [DB_INET_ARRAY] = OID_INET,
    };
    buf_init(&array->buf, PARAMETER_BYTES_MAX);
    array->count = 0;
    put4(&array->buf, 1); /* dimensions */
    put4(&array->buf, 1); /* may hold NULLs */
    put4(&array->buf, oids[kind]);
    put4(&array->buf, 0); /* length: filled in when it becomes a parameter */
    put4(&array->buf, 1); /* lower bound */
}

void db_array_reset(struct db_array *array)
{
    enum { KEPT_MAX = 256 * 1024 }; /* of each of some fifty columns */
    array->buf.size = ARRAY_HEAD;
    array->count = 0;
    if (array->buf.capacity > KEPT_MAX) {
        char head[ARRAY_HEAD];
        memcpy(head, array->buf.bytes, sizeof head);
        buf_clear(&array->buf);
        put(&array->buf, head, sizeof head);
    }
}

void db_array_clear(struct db_array *array)
{
    buf_clear(&array->buf);
    array->count = 0;
}

static void item(struct db_array *array, const void *bytes, size_t size)
{
    put4(&array->buf, (uint32_t)size);
    put(&array->buf, bytes, size);
    array->count++;
}

void db_array_add_null(struct db_array *array)
{
    put4(&array->buf, UINT32_MAX);
    array->count++;
}

void db_array_add_text(struct db_array *array, const char *text)
{
    if (text)
        item(array, text, strlen(text));
    else
        db_array_add_null(array);
}

void db_array_add_bytes(struct db_array *array, const void *bytes, size_t size)
{
    if (bytes)
        item(array, bytes, size);
    else
        db_array_add_null(array);
}

void db_list_init(struct db_list *list)
{
    buf_init(&list->buf, PARAMETER_BYTES_MAX);
}

void db_list_clear(struct db_list *list)
{
    buf_clear(&list->buf);
}

static void list_put(struct db_list *list, const char *text)
{
    put(&list->buf, text, strlen(text));
}

void db_list_add_text(struct db_list *list, const char *text)
{
    list_put(list, list->buf.size ? ",\"" : "\"");
    for (const char *p = text; *p;) {
        size_t plain = strcspn(p, "\"\\");
        put(&list->buf, p, plain);
        p += plain;
        if (*p) {
            put(&list->buf, (char[]){'\\', *p}, 2);
            p++;
        }
    }
    list_put(list, "\"");
}

void db_list_add_bytes(struct db_list *list, const void *bytes, size_t size)
{
    list_put(list, list->buf.size ? ",\"\\\\x" : "\"\\\\x");
    char *hex = buf_reserve(&list->buf, 2 * size + 1);
    if (!hex)
        BUG("list beyond %d bytes", PARAMETER_BYTES_MAX);
    str_hex(bytes, size, hex);
    buf_used(&list->buf, 2 * size);
    list_put(list, "\"");
}

void db_array_add_list(struct db_array *array, const struct db_list *list)
{
    put4(&array->buf, (uint32_t)list->buf.size + 2);
    put(&array->buf, "{", 1);
    put(&array->buf, buf_text(&list->buf), list->buf.size);
    put(&array->buf, "}", 1);
    array->count++;
}

void db_array_add_bool(struct db_array *array, bool value)
{
    item(array, &(char){value}, 1);
}

void db_array_add_int2(struct db_array *array, int16_t value)
{
    item(array, &(uint16_t){htobe16((uint16_t)value)}, 2);
}

void db_array_add_int4(struct db_array *array, int32_t value)
{
    item(array, &(uint32_t){htobe32((uint32_t)value)}, 4);
}

void db_array_add_int8(struct db_array *array, int64_t value)
{
    item(array, &(uint64_t){htobe64((uint64_t)value)}, 8);
}

void db_array_add_time(struct db_array *array, int64_t moment)
{
    if (moment == TIMESTAMP_NONE)
        db_array_add_null(array);
    else
        db_array_add_int8(array, moment - EPOCH_2000);
}

void db_array_add_inet(struct db_array *array, const char *value)
{
    /* utils/adt/network.c, network_send: family, bits, is_cidr, bytes. */
    unsigned char wire[4 + 16] = {0};
    char address[INET6_ADDRSTRLEN + 1];
    const char *slash = value ? strchr(value, '/') : NULL;
    size_t length = value ? (slash ? (size_t)(slash - value) : strlen(value)) : sizeof address;
    if (length >= sizeof address) {
        db_array_add_null(array);
        return;
    }
    memcpy(address, value, length);
    address[length] = '\0';
    bool is_v4 = inet_pton(AF_INET, address, wire + 4) == 1;
    if (!is_v4 && inet_pton(AF_INET6, address, wire + 4) != 1) {
        db_array_add_null(array);
        return;
    }
    int full = is_v4 ? 32 : 128;
    int bits = slash ? atoi(slash + 1) : full;
    wire[0] = is_v4 ? 2 : 3; /* PGSQL_AF_INET, PGSQL_AF_INET6 */
    wire[1] = (unsigned char)(bits < 0 || bits > full ? full : bits);
    wire[3] = is_v4 ? 4 : 16;
    item(array, wire, 4u + wire[3]);
}

void db_array(struct db_params *params, struct db_array *array)
{
    char *bytes = array->buf.bytes;
    uint32_t dimensions = htobe32(array->count > 0), length = htobe32(array->count);
    memcpy(bytes, &dimensions, 4);
    memcpy(bytes + 12, &length, 4);
    /* An empty array has no dimensions. */
    add(params, bytes, array->count > 0 ? array->buf.size : 12, 1);
}
