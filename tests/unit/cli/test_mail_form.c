/* cli/mail_form: a mail as text and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "cli/mail_form.h"

static void expect_json(const json_t *seen, const char *wanted)
{
    json_t *other = json_loads(wanted, 0, NULL);
    char *text = json_dumps(seen, JSON_COMPACT);

    if (!other || !json_equal(seen, other))
        fail_msg("%s, not %s", text, wanted);
    free(text);
    json_decref(other);
}

static void people(void **state)
{
    static const struct {
        const char *text, *list;
    } rows[] = {
        {"", "[]"},
        {" , ;", "[]"},
        {"a@x.example", "[{\"address\":\"a@x.example\",\"name\":null}]"},
        {"Alice <a@x.example>, b@y.example;<c@z.example>", "[{\"address\":\"a@x.example\",\"name\":\"Alice\"},{\"address\":\"b@y.example\","
                                                           "\"name\":null},{\"address\":\"c@z.example\",\"name\":null}]"},
        {"\"Doe, \\\"J\\\" John\" <j@x.example>", "[{\"address\":\"j@x.example\",\"name\":\"Doe, \\\"J\\\" John\"}]"},
        {"\xD9\x81\xD8\xB1\xD9\x8A\xD9\x82 <t@x.example>", "[{\"address\":\"t@x.example\",\"name\":\"\xD9\x81\xD8\xB1\xD9\x8A\xD9\x82\"}]"},
    };
    static const char *const bad[] = {"alice", "a@x.example b@y.example", "A <alice>", "A <a b@x>", "<a@x.example", "a@x.example>"};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *list = json_array();
        struct err err;
        if (!mail_form_people(rows[i].text, list, &err))
            fail_msg("%s: %s", rows[i].text, err.text);
        expect_json(list, rows[i].list);
        json_decref(list);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        json_t *list = json_array();
        struct err err;
        if (mail_form_people(bad[i], list, &err))
            fail_msg("%s: taken", bad[i]);
        assert_non_null(strstr(err.text, "is no mail address"));
        json_decref(list);
    }
}

/* Who calls himself by another's address is not taken for that one. */
static void one_person(void **state)
{
    static const struct {
        const char *name, *text;
    } rows[] = {
        {NULL, "a@x.example"},
        {"", "a@x.example"},
        {"Alice", "Alice <a@x.example>"},
        {"Bob <bob@bank.example>", "\"Bob <bob@bank.example>\" <a@x.example>"},
        {"Bob\" <bob@bank.example>, \"", "\"Bob\\\" <bob@bank.example>, \\\"\" <a@x.example>"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        json_t *person = json_pack("{s:s, s:s?}", "address", "a@x.example", "name", rows[i].name);
        struct buf out;
        buf_init(&out, 1000);
        mail_form_add_person(&out, person);
        assert_string_equal(buf_text(&out), rows[i].text);
        buf_clear(&out);
        json_decref(person);
    }
}

static void there_and_back(void **state)
{
    json_t *mail =
        json_loads("{\"to\":[{\"address\":\"a@x.example\",\"name\":\"Doe, \\\"J\\\"\"},{\"address\":\"b@x.example\",\"name\":null}],"
                   "\"cc\":[],\"bcc\":[{\"address\":\"c@x.example\",\"name\":\"C\"}],\"subject\":\"Re: kit\",\"tlp\":\"amber+strict\","
                   "\"lang\":\"fr\",\"text\":\"Hello,\\n\\n> To: nobody\\n\",\"state\":\"draft\"}",
                   0, NULL);
    struct err err;
    char *text = mail_form_write(mail);
    json_t *edit;

    (void)state;
    assert_string_equal(
        text, "To: \"Doe, \\\"J\\\"\" <a@x.example>, b@x.example\nCc: \nBcc: C <c@x.example>\nSubject: Re: kit\nTLP: amber+strict\n"
              "Language: fr\n\nHello,\n\n> To: nobody\n");
    edit = mail_form_read(text, &err);
    assert_non_null(edit);
    assert_string_equal(json_string_value(json_object_get(edit, "text")), "Hello,\n\n> To: nobody");
    json_object_del(mail, "state");
    json_object_set_new(mail, "text", json_string("Hello,\n\n> To: nobody"));
    assert_true(json_equal(mail, edit));
    json_decref(edit);
    json_decref(mail);
    free(text);
}

/* What came from outside moves no cursor and adds no line. */
static void hostile_words(void **state)
{
    json_t *mail =
        json_loads("{\"to\":[{\"address\":\"a@x.example\",\"name\":\"x\\nBcc: e@x.example\"}],\"subject\":\"\\u001b[2J\\n\\nhi\","
                   "\"text\":\"a\\u001b]0;x\\u0007\\u202e\"}",
                   0, NULL);
    char *text = mail_form_write(mail);

    (void)state;
    assert_string_equal(text,
                        "To: \"x\\nBcc: e@x.example\" <a@x.example>\nCc: \nBcc: \nSubject: \xEF\xBF\xBD[2J\\n\\nhi\nTLP: \nLanguage: \n\n"
                        "a\xEF\xBF\xBD]0;x\xEF\xBF\xBD\xEF\xBF\xBD");
    json_decref(mail);
    free(text);
}

static void reading(void **state)
{
    static const struct {
        const char *text, *edit, *at;
    } rows[] = {
        {"Subject: x\n\nbody\n", "{\"subject\":\"x\",\"text\":\"body\"}", NULL},
        {"to: a@x.example,\n  b@x.example\nTLP:\nSUBJECT:\r\n\r\n\r\nbody: with a colon\n",
         "{\"to\":[{\"address\":\"a@x.example\",\"name\":null},{\"address\":\"b@x.example\",\"name\":null}],\"subject\":\"\",\"text\":"
         "\"body: with a colon\"}",
         NULL},
        {"\nonly text", "{\"text\":\"only text\"}", NULL},
        {"Subject: x", "{\"subject\":\"x\",\"text\":\"\"}", NULL},
        {"", "{\"text\":\"\"}", NULL},
        {"Hello Alice\n\nbody", NULL, "Hello Alice"},
        {"From: me@x.example\n\nbody", NULL, "From"},
        {"Cc: nobody\n\nbody", NULL, "Cc"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct err err = {0};
        json_t *edit = mail_form_read(rows[i].text, &err);
        if (!edit != !rows[i].edit)
            fail_msg("%s: %s", rows[i].text, err.text);
        if (edit)
            expect_json(edit, rows[i].edit);
        else
            assert_string_equal(err.at, rows[i].at);
        json_decref(edit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people),        cmocka_unit_test(one_person), cmocka_unit_test(there_and_back),
        cmocka_unit_test(hostile_words), cmocka_unit_test(reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
