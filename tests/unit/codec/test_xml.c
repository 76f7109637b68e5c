/* codec/xml: what strangers send is either a tree or an error with its line; nothing is fetched, nothing hangs. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "codec/xml.h"
#include "codec/xml_json.h"
#include "codec/xml_write.h"
#include "support/file.h"

static struct err err;

static struct xml_document *read_bytes(const char *bytes, size_t size)
{
    struct xml_document *document = NULL;
    err_clear(&err);
    if (!xml_read(bytes, size, 64, &document, &err))
        assert_null(document);
    return document;
}

static struct xml_document *read_text(const char *text)
{
    return read_bytes(text, strlen(text));
}

static void expect_refused(const char *text, enum err_code code, const char *at, const char *why)
{
    assert_null(read_text(text));
    assert_int_equal(err.code, code);
    assert_string_equal(err.at, at);
    assert_non_null(strstr(err.text, why));
}

static void test_reads_a_tree(void **state)
{
    UNUSED(state);
    struct xml_document *document =
        read_text("<?xml version=\"1.0\"?>\n<a xmlns='urn:x' n='1 &amp; 2'>one<b/>\n<p:c xmlns:p='urn:y'><![CDATA[<raw>]]></p:c>two</a>");
    assert_non_null(document);
    struct xml_element *root = document->root;
    assert_true(xml_is(root, "urn:x", "a"));
    assert_string_equal(xml_attribute(root, "", "n"), "1 & 2");
    assert_null(xml_attribute(root, "urn:x", "n"));
    assert_string_equal(root->text, "one");
    struct xml_element *c = xml_child(root, "urn:y", "c");
    assert_string_equal(c->text, "<raw>");
    assert_string_equal(c->tail, "two");
    assert_int_equal(c->line, 3);
    assert_null(xml_next(c));
    char place[XML_PLACE_SIZE];
    xml_place(c, place);
    assert_string_equal(place, "line 3, /a/c[1]");
    xml_free(document);
}

static void test_place_counts_siblings_of_a_name(void **state)
{
    UNUSED(state);
    struct xml_document *document = read_text("<r><x/><y/><x/></r>");
    char place[XML_PLACE_SIZE];
    xml_place(document->root->last, place);
    assert_string_equal(place, "line 1, /r/x[2]");
    xml_free(document);
}

static void test_refuses_what_is_dangerous(void **state)
{
    UNUSED(state);
    expect_refused("<?xml version='1.0'?>\n<!DOCTYPE a [<!ENTITY b 'c'>]>\n<a>&b;</a>", ERR_INPUT, "line 2", "DOCTYPE");
    expect_refused("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", ERR_INPUT, "line 1", "DOCTYPE");
    expect_refused("<a>\n\n&unknown;</a>", ERR_INPUT, "line 3", "unknown");
    expect_refused("<?xml version='1.0' encoding='IBM037'?><a/>", ERR_INPUT, "line 1", "encoding \"IBM037\"");
    expect_refused("", ERR_INPUT, "line 1", "empty");
    expect_refused("<a>\n<b></a>", ERR_INPUT, "line 2", "mismatch");
    expect_refused("<a>\n\xff</a>", ERR_INPUT, "line 2", "not UTF-8");
    expect_refused("<p:a/>", ERR_INPUT, "line 1", "prefix");
}

static void test_limits(void **state)
{
    UNUSED(state);
    struct buf text;
    buf_init(&text, 10000000);
    for (int i = 0; i < 65; i++)
        buf_add_text(&text, "<a>\n");
    expect_refused(buf_text(&text), ERR_LIMIT, "line 65", "deep");
    buf_reset(&text);
    buf_add_text(&text, "\n<a ");
    for (int i = 0; i < 200000; i++)
        buf_printf(&text, "a%d='' ", i);
    buf_add_text(&text, "/>");
    expect_refused(buf_text(&text), ERR_LIMIT, "line 2", "attributes");
    buf_reset(&text);
    buf_add_text(&text, "<a>");
    for (int i = 0; i < XML_ELEMENTS_MAX; i++)
        buf_add_text(&text, "<b/>");
    buf_add_text(&text, "</a>");
    expect_refused(buf_text(&text), ERR_LIMIT, "line 1", "too many");
    buf_clear(&text);
}

static void test_attributes_up_to_the_limit(void **state)
{
    UNUSED(state);
    struct buf text;
    buf_init(&text, 100000);
    buf_add_text(&text, "<!-- a='' --><a ");
    for (int i = 0; i < XML_ATTRIBUTES_MAX; i++)
        buf_printf(&text, "a%d='>' ", i);
    buf_add_text(&text, "/>");
    struct xml_document *document = read_text(buf_text(&text));
    assert_non_null(document);
    assert_string_equal(xml_attribute(document->root, "", "a63"), ">");
    xml_free(document);
    buf_clear(&text);
}

static void test_utf16_and_latin1(void **state)
{
    UNUSED(state);
    static const char big[] = "\xFE\xFF\0<\0a\0>\xD8\x3D\xDE\x00\0<\0/\0a\0>";
    static const char little[] = "<\0a\0>\0\xE9\0<\0/\0a\0>\0";
    static const char broken[] = "\xFE\xFF\0<\0a\0>\xD8\x3D\0<\0/\0a\0>";
    struct xml_document *document = read_bytes(big, sizeof big - 1);
    assert_non_null(document);
    assert_string_equal(document->root->text, "\xF0\x9F\x98\x80");
    xml_free(document);
    document = read_bytes(little, sizeof little - 1);
    assert_non_null(document);
    assert_string_equal(document->root->text, "\xC3\xA9");
    xml_free(document);
    assert_null(read_bytes(broken, sizeof broken - 1));
    assert_int_equal(err.code, ERR_INPUT);
    document = read_text("<?xml version='1.0' encoding='iso-8859-1'?><a>\xE9</a>");
    assert_non_null(document);
    assert_string_equal(document->root->text, "\xC3\xA9");
    xml_free(document);
}

static void test_schema_hints_and_xinclude_are_only_elements(void **state)
{
    UNUSED(state);
    struct xml_document *document =
        read_text("<a xmlns:i='http://www.w3.org/2001/XInclude'><i:include href='file:///etc/hostname' parse='text'/></a>");
    assert_non_null(document);
    assert_string_equal(document->root->text, "");
    assert_true(xml_is(document->root->first, "http://www.w3.org/2001/XInclude", "include"));
    assert_null(document->root->first->first);
    xml_free(document);
}

static void test_written_elements_read_the_same(void **state)
{
    UNUSED(state);
    struct xml_document *document =
        read_text("<p:a xmlns:p='urn:x' xmlns:q='urn:q' q:k='&quot;&#10;' xml:lang='de'>x&lt;<b xmlns='urn:b'>1</b>&amp;<c/></p:a>");
    struct buf out;
    buf_init(&out, 10000);
    xml_write_element(&out, document->root);
    xml_free(document);
    document = read_text(buf_text(&out));
    assert_non_null(document);
    assert_true(xml_is(document->root, "urn:x", "a"));
    assert_string_equal(xml_attribute(document->root, "urn:q", "k"), "\"\n");
    assert_string_equal(xml_attribute(document->root, XML_SPACE_XML, "lang"), "de");
    assert_string_equal(document->root->text, "x<");
    assert_true(xml_is(document->root->first, "urn:b", "b"));
    assert_string_equal(document->root->first->tail, "&");
    assert_true(xml_is(document->root->last, "", "c"));
    xml_free(document);
    buf_clear(&out);
}

static void test_writer_replaces_what_xml_cannot_hold(void **state)
{
    UNUSED(state);
    struct xml_write writer;
    struct buf out;
    buf_init(&out, 10000);
    xml_write_start(&writer, &out);
    xml_write_open(&writer, "a");
    xml_write_attribute(&writer, "b", "<\x01\n");
    xml_write_leaf(&writer, "c", "]]>\x1b[0m\xff");
    xml_write_close(&writer, "a");
    struct xml_document *document = read_text(buf_text(&out));
    assert_non_null(document);
    assert_string_equal(xml_attribute(document->root, "", "b"), "<\xEF\xBF\xBD\n");
    assert_string_equal(document->root->first->text, "]]>\xEF\xBF\xBD[0m\xEF\xBF\xBD");
    xml_free(document);
    buf_clear(&out);
}

static void test_rest_is_what_was_not_used(void **state)
{
    UNUSED(state);
    struct xml_document *document = read_text("<a k='1' u='2'>text<b/><b>x</b><c>y</c></a>");
    struct xml_element *root = document->root;
    root->attributes->is_used = true;
    xml_json_use_all(root->last);
    json_t *rest = xml_json_rest(root);
    char *dumped = json_dumps(rest, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(dumped, "{\"#text\":\"text\",\"@u\":\"2\",\"b\":[\"\",\"x\"]}");
    free(dumped);
    json_decref(rest);
    xml_json_use_all(root);
    assert_null(xml_json_rest(root));
    xml_free(document);
}

static char *slurp(const char *path, size_t *size)
{
    char *bytes = file_read(path, size);
    assert_non_null(bytes);
    return bytes;
}

static unsigned try_file(const char *path, const char *name)
{
    size_t size;
    char *bytes = slurp(path, &size);
    int64_t start = timestamp_monotonic_ms();
    struct xml_document *document = read_bytes(bytes, size);
    assert_true(timestamp_monotonic_ms() - start < 2000);
    if (memmem(bytes, size, "<!DOCTYPE", 9) || strstr(path, "/errors/"))
        assert_null(document);
    if (!document)
        assert_true(err.code == ERR_INPUT || err.code == ERR_LIMIT);
    if (str_equal(name, "standard.xml"))
        assert_non_null(document);
    xml_free(document);
    free(bytes);
    return 1;
}

static unsigned try_folder(const char *folder)
{
    unsigned count = 0;
    DIR *dir = opendir(folder);
    if (!dir)
        return 0;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        char path[4096];
        struct stat status;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.' || stat(path, &status) != 0)
            continue;
        count += S_ISDIR(status.st_mode) ? try_folder(path) : try_file(path, entry->d_name);
    }
    closedir(dir);
    return count;
}

static void test_evil_corpus(void **state)
{
    UNUSED(state);
    unsigned count = try_folder(TEST_CORPUS "/evil/xml-libxml2") + try_folder(TEST_CORPUS "/evil/xml-dtd-attacks");
    if (count == 0) {
        print_message("skipped: no corpus beside the sources\n");
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_a_tree),
        cmocka_unit_test(test_place_counts_siblings_of_a_name),
        cmocka_unit_test(test_refuses_what_is_dangerous),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_attributes_up_to_the_limit),
        cmocka_unit_test(test_utf16_and_latin1),
        cmocka_unit_test(test_schema_hints_and_xinclude_are_only_elements),
        cmocka_unit_test(test_written_elements_read_the_same),
        cmocka_unit_test(test_writer_replaces_what_xml_cannot_hold),
        cmocka_unit_test(test_rest_is_what_was_not_used),
        cmocka_unit_test(test_evil_corpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
