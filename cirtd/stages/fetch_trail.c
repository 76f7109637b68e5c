#include "cirtd/stages/fetch_trail.h"

#include <string.h>

#include "crypto/digest.h"

static void mark_of(const void *bytes, size_t size, unsigned char mark[FETCH_TRAIL_MARK_SIZE])
{
    unsigned char digest[DIGEST_SHA256_SIZE];
    digest_sha256(bytes, size, digest);
    memcpy(mark, digest, FETCH_TRAIL_MARK_SIZE);
}

enum fetch_trail_verdict fetch_trail_step(struct fetch_trail *trail, const char *next, const void *objects, size_t size, bool is_idle)
{
    unsigned char next_mark[FETCH_TRAIL_MARK_SIZE], objects_mark[FETCH_TRAIL_MARK_SIZE];
    mark_of(next ? next : "", next ? strlen(next) : 0, next_mark);
    mark_of(objects ? objects : "", objects ? size : 0, objects_mark);
    bool is_same_next = next && memcmp(next_mark, trail->next, sizeof next_mark) == 0;
    bool is_same_page = size > 0 && !is_idle && memcmp(objects_mark, trail->objects, sizeof objects_mark) == 0;
    trail->idle = is_idle ? trail->idle + 1 : 0;
    trail->pages += !is_idle;
    if (!is_idle && (trail->pages & (trail->pages - 1)) == 0) {
        memcpy(trail->next, next_mark, sizeof trail->next);
        memcpy(trail->objects, objects_mark, sizeof trail->objects);
    }
    if (is_same_next || is_same_page)
        return FETCH_TRAIL_CIRCLE;
    return trail->idle > FETCH_TRAIL_IDLE_MAX ? FETCH_TRAIL_IDLE : FETCH_TRAIL_ON;
}
