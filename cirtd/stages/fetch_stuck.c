#include "cirtd/stages/fetch_stuck.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/mem.h"

enum { STUCK_MAX = 1000 };

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

bool fetch_stuck_is_at(int dir, const char *name, const struct stat *file)
{
    struct stat there;
    return fstatat(dir, name, &there, AT_SYMLINK_NOFOLLOW) == 0 && is_same(&there, file);
}

struct fetch_stuck_file *fetch_stuck_find(const struct fetch_stuck *stuck, const struct stat *file)
{
    for (size_t i = 0; i < stuck->count; i++)
        if (is_same(&stuck->items[i].file, file))
            return &stuck->items[i];
    return NULL;
}

struct fetch_stuck_file *fetch_stuck_find_at(const struct fetch_stuck *stuck, int dir, const char *name)
{
    struct stat there;
    bool is_there = stuck->count > 0 && fstatat(dir, name, &there, AT_SYMLINK_NOFOLLOW) == 0;
    return is_there ? fetch_stuck_find(stuck, &there) : NULL;
}

bool fetch_stuck_set(struct fetch_stuck *stuck, const char *name, const struct stat *file, int64_t report_id, int64_t until_ms)
{
    struct fetch_stuck_file *item = fetch_stuck_find(stuck, file);
    if (!item) {
        if (stuck->count >= STUCK_MAX)
            return false;
        stuck->items = mem_grow(stuck->items, &stuck->capacity, stuck->count, sizeof *stuck->items);
        item = &stuck->items[stuck->count++];
        *item = (struct fetch_stuck_file){.file = *file};
    }
    free(item->name);
    item->name = mem_strdup(name);
    item->report_id = report_id;
    item->until_ms = until_ms;
    return true;
}

void fetch_stuck_forget_gone(struct fetch_stuck *stuck, int dir)
{
    size_t kept = 0;
    for (size_t i = 0; i < stuck->count; i++) {
        if (fetch_stuck_is_at(dir, stuck->items[i].name, &stuck->items[i].file))
            stuck->items[kept++] = stuck->items[i];
        else
            free(stuck->items[i].name);
    }
    stuck->count = kept;
}

void fetch_stuck_clear(struct fetch_stuck *stuck)
{
    for (size_t i = 0; i < stuck->count; i++)
        free(stuck->items[i].name);
    free(stuck->items);
    *stuck = (struct fetch_stuck){0};
}
