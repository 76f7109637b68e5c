/* What is shown defanged: hosts and mail addresses wherever they stand, and nothing that is none; and it is read again as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "model/defang.h"
#include "model/observable.h"
#include "model/observable_refang.h"

#define R "\xef\xbf\xbd"

static void check(const char *text, const char *wanted)
{
    struct buf buf;

    buf_init(&buf, 1000);
    assert_true(defang_add(&buf, text));
    assert_string_equal(buf_text(&buf), wanted);
    buf_clear(&buf);
}

static void words(void **state)
{
    UNUSED(state);
    check("http://login.bank.example/a.php?x=1.2", "hxxp://login[.]bank[.]example/a.php?x=1.2");
    check("HTTPS://198.51.100.7:8443", "hxxpS://198[.]51[.]100[.]7:8443");
    check("https://user@evil.example/", "hxxps://user[@]evil[.]example/");
    check("ftp://a.example", "fxp://a[.]example");
    check("victim@bank.example", "victim[@]bank[.]example");
    check("bank.example", "bank[.]example");
    check("198.51.100.7", "198.51.100.7");
    check("hxxp://login[.]bank[.]example/a", "hxxp://login[.]bank[.]example/a");
    check("http://login[.]bank.example/[.]", "hxxp://login[.]bank[.]example/[.]");
    check("Ask b[@]c[.]example, http://[.]!", "Ask b[@]c[.]example, hxxp://[.]!");
    check("198.51.100.0/24", "198.51.100.0/24");
    check("Kit on http://a.example/x now. Ask b@c.example!", "Kit on hxxp://a[.]example/x now. Ask b[@]c[.]example!");
    check("\x1b]8;;http://a.example", R "]8;;hxxp://a[.]example");
    check("(http://a.example)", "(hxxp://a[.]example)");
    check("list.csv", "list.csv");
    check("botnet.drone", "botnet[.]drone");
    check("evil.bit", "evil[.]bit");
}

static void prose(void **state)
{
    UNUSED(state);
    check("rare-bad.example.com in both", "rare-bad[.]example[.]com in both");
    check("C2 Server: rare-bad.example.com", "C2 Server: rare-bad[.]example[.]com");
    check("visit rare.example.com, or mail ceo@rare.example.com.", "visit rare[.]example[.]com, or mail ceo[@]rare[.]example[.]com[.]");
    check("\"a.example\",\"b.example\";host=c.com:443 d.com/x.com", "\"a[.]example\",\"b[.]example\";host=c[.]com:443 d[.]com/x.com");
    check("\xe2\x80\x9c"
          "evil.com\xe2\x80\x9d b\xc3\xbc"
          "cher.de...",
          "\xe2\x80\x9c"
          "evil[.]com\xe2\x80\x9d b\xc3\xbc"
          "cher[.]de...");
    check("rare[.]bad.example.com www.evil.bit it is", "rare[.]bad[.]example[.]com www[.]evil[.]bit it is");
    check("list.csv and kit.exe, e.g. v1.2.3 or 198.51.100.7; 3.5 of 4. Done",
          "list.csv and kit.exe, e.g. v1.2.3 or 198.51.100.7; 3.5 of 4. Done");
}

/* What stands on the screen can be pasted. */
static void read_again(void **state)
{
    static const char *const texts[] = {"http://login.bank.example/a.php?x=1.2", "victim@bank.example", "bank.example",
                                        "C2 Server: rare-bad.example.com and www.evil.bit"};
    struct arena *arena = arena_new();

    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        struct buf buf;
        buf_init(&buf, 1000);
        assert_true(defang_add(&buf, texts[i]));
        assert_string_equal(observable_refang(arena, buf_text(&buf), buf.size, NULL), texts[i]);
        buf_clear(&buf);
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(words), cmocka_unit_test(prose), cmocka_unit_test(read_again)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
