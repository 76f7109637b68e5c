/*
 * Documents of JSON are changed by their values, not by their bytes: a byte changed is mostly no JSON any more, and what a decoder makes of
 * an object where it takes a string for granted is hardly ever reached. Half of the changes are still libFuzzer's own.
 */
#ifndef CIRT_FUZZ_JSON_MUTATE_H
#define CIRT_FUZZ_JSON_MUTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static unsigned mutate_state;

/* Numerical Recipes' generator: the same seed gives the same change. */
static unsigned mutate_random(unsigned below)
{
    mutate_state = mutate_state * 1664525u + 1013904223u;
    return below ? (mutate_state >> 8) % below : 0;
}

/* Any value of the document, each with the same chance, and what holds it. */
struct json_mutate_place {
    json_t *parent, *value;
    const char *name; /* in an object */
    size_t index;     /* in an array */
    unsigned seen;
};

static void json_mutate_pick(json_t *parent, struct json_mutate_place *place)
{
    const char *name;
    json_t *value;
    size_t index;
    json_object_foreach(parent, name, value)
    {
        if (mutate_random(++place->seen) == 0)
            *place = (struct json_mutate_place){parent, value, name, 0, place->seen};
        json_mutate_pick(value, place);
    }
    json_array_foreach(parent, index, value)
    {
        if (mutate_random(++place->seen) == 0)
            *place = (struct json_mutate_place){parent, value, NULL, index, place->seen};
        json_mutate_pick(value, place);
    }
}

/* What means something to some format, or just does not. */
static const char *mutate_text(void)
{
    static const char *const texts[] = {"",
                                        " ",
                                        "-",
                                        "0",
                                        "-1",
                                        "null",
                                        "red",
                                        "tlp:red",
                                        "192.0.2.1",
                                        "::1",
                                        "0.0.0.0/0",
                                        "a.example",
                                        "http://a.example/?",
                                        "x@a.example",
                                        "2026-02-30T25:00:00Z",
                                        "9999-12-31T23:59:59.999999Z",
                                        "CVE-2026-1234",
                                        "/",
                                        "|",
                                        "%",
                                        "\xef\xbb\xbf",
                                        "d41d8cd98f00b204e9800998ecf8427e",
                                        "AS1",
                                        "99999999999999999999"};
    return texts[mutate_random(sizeof texts / sizeof texts[0])];
}

static json_t *json_mutate_value(json_t *root)
{
    struct json_mutate_place other = {NULL, NULL, NULL, 0, 0};
    switch (mutate_random(10)) {
    case 0:
        return json_null();
    case 1:
        return json_boolean(mutate_random(2));
    case 2:
        return json_integer((json_int_t[]){0, -1, 1, 65536, INT64_MAX, INT64_MIN}[mutate_random(6)]);
    case 3:
        return json_real(1e300);
    case 4:
        return json_object();
    case 5:
        return json_array();
    case 6:
    case 7:
        return json_string(mutate_text());
    default:
        json_mutate_pick(root, &other);
        return other.value ? json_deep_copy(other.value) : json_null();
    }
}

static void json_mutate_put(const struct json_mutate_place *place, json_t *value)
{
    if (place->name)
        json_object_set_new(place->parent, place->name, value);
    else
        json_array_set_new(place->parent, place->index, value);
}

static void json_mutate_once(json_t *root)
{
    struct json_mutate_place place = {NULL, NULL, NULL, 0, 0}, named = {NULL, NULL, NULL, 0, 0};
    json_mutate_pick(root, &place);
    if (!place.parent)
        return;
    switch (mutate_random(6)) {
    case 0: /* away */
        if (place.name)
            json_object_del(place.parent, place.name);
        else
            json_array_remove(place.parent, place.index);
        break;
    case 1: /* once more, or under the name of another */
        json_mutate_pick(root, &named);
        if (!place.name)
            json_array_append_new(place.parent, json_deep_copy(place.value));
        else if (named.name)
            json_object_set_new(place.parent, named.name, json_deep_copy(place.value));
        break;
    case 2: /* in a list, or out of it */
        if (json_is_array(place.value) && json_array_size(place.value))
            json_mutate_put(&place, json_deep_copy(json_array_get(place.value, 0)));
        else
            json_mutate_put(&place, json_pack("[o]", json_deep_copy(place.value)));
        break;
    default:
        json_mutate_put(&place, json_mutate_value(root));
    }
}

/* The line at hand of NDJSON, the whole of anything else. */
static size_t json_mutate(uint8_t *data, size_t size, size_t max_size)
{
    size_t start = 0, end = size;
    json_t *root = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);
    if (!root && size) {
        start = mutate_random((unsigned)size);
        while (start > 0 && data[start - 1] != '\n')
            start--;
        const uint8_t *stop = memchr(data + start, '\n', size - start);
        end = stop ? (size_t)(stop - data) : size;
        root = json_loadb((const char *)data + start, end - start, JSON_DECODE_ANY, NULL);
    }
    if (!root)
        return 0;
    for (unsigned i = 0; i <= mutate_random(3); i++)
        json_mutate_once(root);
    char *text = json_dumps(root, JSON_COMPACT | JSON_ENCODE_ANY);
    size_t length = text ? strlen(text) : 0, left = size - end;
    bool fits = text && start + length + left <= max_size;
    if (fits) {
        memmove(data + start + length, data + end, left);
        memcpy(data + start, text, length);
    }
    free(text);
    json_decref(root);
    return fits ? start + length + left : 0;
}

#endif
