/* Any text as each type of observable and as a time: a normal form is its own normal form, and whole UTF-8. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/timestamp_read.h"
#include "model/observable.h"
#include "model/observable_address.h"
#include "model/public_suffix.h"

static void check(struct arena *arena, enum observable_type type, const char *value)
{
    const char *again = observable_normalise(arena, type, value);
    if (!again || strcmp(again, value) != 0 || !str_is_utf8(value, strlen(value), NULL))
        abort();
    const char *host = observable_host(arena, type, value);
    if (host && !observable_normalise(arena, OBSERVABLE_DOMAIN, host))
        abort();
    const char *suffix = host ? public_suffix_of(host) : NULL;
    if (suffix && !str_ends(host, suffix))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    const char *text = arena_strndup(arena, (const char *)data, size), *rule;
    for (int type = OBSERVABLE_IPV4; type < OBSERVABLE_TYPE_COUNT; type++) {
        enum observable_type found = (enum observable_type)type;
        const char *value = observable_normalise(arena, found, text);
        if (value)
            check(arena, found, value);
        if ((value = observable_read(arena, &found, text)))
            check(arena, found, value);
    }
    enum observable_type guessed;
    const char *value = observable_guess(arena, text, &guessed);
    if (value)
        check(arena, guessed, value);
    const char *values[OBSERVABLE_RANGE_MAX];
    enum observable_type types[OBSERVABLE_RANGE_MAX];
    const char *half = arena_strndup(arena, text, strlen(text) / 2);
    if (observable_address_range(arena, half, text + strlen(half), values, types) > OBSERVABLE_RANGE_MAX)
        abort();
    int64_t moment;
    if (timestamp_read(text, &moment, &rule) && !*rule)
        abort();
    arena_free(arena);
    return 0;
}
