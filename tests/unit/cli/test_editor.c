/* cli/editor: what came from outside cannot command an editor, and comes back as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/editor.h"

#define WJ "\xE2\x81\xA0"

static void modelines_are_disarmed(void **state)
{
    static const char *const rows[][2] = {
        {"> vim: set modeline:", "> vim" WJ ": set modeline:"},
        {"> vi:noai:sw=3", "> vi" WJ ":noai:sw=3"},
        {"> ex: set", "> ex" WJ ": set"},
        {"> Vim>=800:x", "> Vim>=800" WJ ":x"},
        {"> vim<1:", "> vim<1" WJ ":"},
        {"> kate: x", "> kate" WJ ": x"},
        {"> -*- eval: (x) -*-", "> -*" WJ "- eval: (x) -*" WJ "-"},
        {"> Local Variables:\n> eval: x", "> Local Variables" WJ ":\n> eval: x"},
        {"Subject: https://vi.example/x", "Subject: https://vi.example/x"},
        {"vi", "vi"},
        {":", ":"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = editor_disarm(rows[i][0]);
        assert_string_equal(text, rows[i][1]);
        editor_rearm(text);
        assert_string_equal(text, rows[i][0]);
        free(text);
    }
}

/* A joiner elsewhere is somebody's own. */
static void others_stay(void **state)
{
    char text[] = "a" WJ "b " WJ;

    (void)state;
    editor_rearm(text);
    assert_string_equal(text, "a" WJ "b " WJ);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(modelines_are_disarmed), cmocka_unit_test(others_stay)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
