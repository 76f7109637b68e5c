#include "rules/repeat.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"

struct repeat_set {
    uint64_t *slots; /* 0: free */
    size_t capacity, used;
};

/* Of 64 bits: a false repeat in a million rows has a chance of 1 in 30 million, and costs only a wrong count. */
static uint64_t fingerprint(const struct observation *observation)
{
    uint64_t hash = (uint64_t)report_statement(observation) + (uint64_t)observation->time * UINT64_C(0x9E3779B97F4A7C15);
    return hash ? hash : 1;
}

struct repeat_set *repeat_set_new(void)
{
    return mem_calloc(1, sizeof(struct repeat_set));
}

void repeat_set_free(struct repeat_set *set)
{
    if (set)
        free(set->slots);
    free(set);
}

static size_t slot_of(const struct repeat_set *set, uint64_t hash)
{
    size_t i = hash & (set->capacity - 1);
    while (set->slots[i] && set->slots[i] != hash)
        i = (i + 1) & (set->capacity - 1);
    return i;
}

static void grow(struct repeat_set *set)
{
    struct repeat_set old = *set;
    set->capacity = old.capacity ? old.capacity * 2 : 1024;
    set->slots = mem_calloc(set->capacity, sizeof *set->slots);
    for (size_t i = 0; i < old.capacity; i++)
        if (old.slots[i])
            set->slots[slot_of(set, old.slots[i])] = old.slots[i];
    free(old.slots);
}

size_t repeat_count(struct repeat_set *set, const struct report *report)
{
    size_t repeats = 0;
    for (size_t i = 0; i < report->observation_count; i++) {
        if (set->used * 2 >= set->capacity && set->used < REPEAT_MAX)
            grow(set);
        uint64_t hash = fingerprint(&report->observations[i]);
        size_t slot = slot_of(set, hash);
        if (set->slots[slot] == hash) {
            repeats++;
        } else if (set->used < REPEAT_MAX) {
            set->slots[slot] = hash;
            set->used++;
        }
    }
    return repeats;
}
