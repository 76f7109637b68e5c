/* What a mapping says beside what its documents become, which is in tests/data/csv. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "codec/csv_mapping.h"

static bool is_red(const char *mapping, const char *document)
{
    struct arena *arena = arena_new();
    struct tlp_search search = csv_mapping_search(mapping, arena);
    bool found = tlp_search_red(&search, document, strlen(document));
    arena_free(arena);
    return found;
}

/* A document that the mapping cannot read is RED by the fields of its label column, wherever they stand. */
static void a_label_is_found_in_what_cannot_be_read(void **state)
{
    (void)state;
    static const char labelled[] =
        "delimiter: ;\ncolumn ip = source.ip\ncolumn share = tlp\nvalue share \"3\" = red\nvalue ip \"7\" = red\n";
    static const char plain[] = "column ip = source.ip\ncolumn colour = keep\n";
    assert_true(is_red(labelled, "addr;share\n192.0.2.1;red\n"));
    assert_true(is_red(labelled, "addr;share\n192.0.2.1;3\n"));
    assert_false(is_red(labelled, "addr;share\n192.0.2.1;7\n"));
    assert_false(is_red(labelled, "addr;share\n192.0.2.1;green\n"));
    assert_false(is_red(plain, "addr,colour\n192.0.2.1,red\n"));
    assert_true(is_red(plain, "addr,note\n192.0.2.1,TLP:RED\n"));
    assert_true(is_red(NULL, "addr,tlp\n192.0.2.1,red\n"));
    assert_true(is_red("no mapping at all", "addr,tlp\n192.0.2.1,red\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_label_is_found_in_what_cannot_be_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
