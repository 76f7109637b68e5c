/* A page of a TAXII collection as any server may send it: the scanner that reads it beside credentials must say of every JSON object what
 * a parser with a tree says, and refuse the rest with the place. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/err.h"
#include "codec/taxii_page.h"

static bool is_ascii(const char *text)
{
    while (*text > 0)
        text++;
    return *text == '\0';
}

/* What the standard allows of the members that are read (OASIS TAXII 2.1, section 3.7), and the null that some servers write for none. */
static bool is_envelope(const json_t *tree)
{
    const json_t *more = json_object_get(tree, "more"), *next = json_object_get(tree, "next");
    return (!more || json_is_null(more) || json_is_boolean(more)) &&
           (!next || json_is_null(next) || (json_is_string(next) && json_string_length(next) < TAXII_PAGE_NEXT_SIZE));
}

static void compare(const json_t *tree, bool ok, const struct taxii_page *page)
{
    const char *next = json_string_value(json_object_get(tree, "next"));
    if (!is_envelope(tree)) {
        if (ok && is_ascii(next ? next : "")) /* one beyond ASCII may be shorter here than there */
            abort();
        return;
    }
    if (!ok || page->more != json_is_true(json_object_get(tree, "more")) ||
        page->has_objects != (json_array_size(json_object_get(tree, "objects")) > 0))
        abort();
    if (is_ascii(next ? next : "") && strcmp(page->next, next ? next : "") != 0)
        abort();
}

static bool is_odd(void *context, const char *bytes, size_t size)
{
    (void)bytes;
    (void)size;
    return (*(size_t *)context)++ % 2;
}

/* Every other object goes, and the rest of the tree stays. */
static void compare_left(const char *bytes, size_t size, json_t *tree)
{
    struct buf page;
    size_t count = 0;
    json_t *objects = json_object_get(tree, "objects");
    buf_init(&page, size);
    if (!buf_add(&page, bytes, size) || !taxii_page_leave_out(&page, is_odd, &count) || count != json_array_size(objects))
        abort();
    for (size_t i = count; i > 0; i--)
        if (i % 2 == 0)
            json_array_remove(objects, i - 1);
    json_t *left = json_loadb(page.bytes, page.size, 0, NULL);
    if (!json_equal(left, tree))
        abort();
    json_decref(left);
    buf_clear(&page);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct taxii_page page;
    struct err err = {0};
    /* Of exactly this size: one byte read behind it is found. */
    char *copy = malloc(size ? size : 1);
    memcpy(copy, bytes, size);
    bool ok = taxii_page_read(copy, size, &page, &err);
    if (!memchr(page.next, '\0', sizeof page.next) || (!ok && (!err.code || strncmp(err.at, "byte ", 5) != 0)))
        abort();
    /* jansson takes a NUL for the end of the text, and goes on behind it. */
    json_t *tree = size && memchr(copy, '\0', size) ? NULL : json_loadb(copy, size, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(tree))
        compare(tree, ok, &page);
    if (ok && json_is_object(tree) && json_is_array(json_object_get(tree, "objects")))
        compare_left(copy, size, tree);
    json_decref(tree);
    free(copy);
    return 0;
}
