/*
 * Every text and number of every good document of the corpus, in JSON or XML, must be found in the report that it becomes: as a value, a
 * time, a number or in extra. What is understood instead of kept (a label, a role, the kind of a message) stands with its reason in
 * tests/data/understood.tsv; a line there that no document needs fails, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fnmatch.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <libxml/parser.h>
#include <libxml/tree.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "base/timestamp_read.h"
#include "codec/base64.h"
#include "codec/codec.h"
#include "support/file.h"
#include "support/report_dump.h"

enum { UNDERSTOOD_FORMAT, UNDERSTOOD_PLACE, UNDERSTOOD_VALUE, UNDERSTOOD_WHY, UNDERSTOOD_COLUMNS };

static struct {
    char *text;
    struct understood {
        char *columns[UNDERSTOOD_COLUMNS]; /* the first three are patterns of fnmatch(3) */
        size_t met;
    } understood[300];
    size_t understood_count, files, leaves, lost;
} state;

static int load_understood(void **unused)
{
    UNUSED(unused);
    size_t size = 0;
    state.text = file_read(TEST_DATA "/understood.tsv", &size);
    assert_non_null(state.text);
    for (char *at = state.text, *line; (line = strsep(&at, "\n"));) {
        if (!*line || *line == '#')
            continue;
        struct understood *row = &state.understood[state.understood_count++];
        assert_true(state.understood_count < ARRAY_SIZE(state.understood));
        for (size_t i = 0; i < UNDERSTOOD_COLUMNS; i++)
            row->columns[i] = strsep(&line, "\t");
        if (!row->columns[UNDERSTOOD_WHY] || line)
            fail_msg("a line has not four columns: %s", row->columns[0]);
    }
    return 0;
}

/* --- what the report says --- */

struct said {
    char **texts; /* sorted */
    size_t count, capacity;
    char *prose; /* all of them without blanks, one behind the other */
    json_t *dump;
};

static int by_text(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

static char *leaf_text(const json_t *leaf)
{
    if (json_is_real(leaf))
        return mem_printf("%.15g", json_real_value(leaf));
    return json_is_string(leaf) ? mem_strdup(json_string_value(leaf)) : json_dumps(leaf, JSON_ENCODE_ANY);
}

static void gather(struct said *said, struct buf *prose, const json_t *value)
{
    const char *name;
    json_t *member;
    size_t i;
    json_object_foreach((json_t *)value, name, member)
    {
        gather(said, prose, member);
    }
    json_array_foreach(value, i, member)
    {
        gather(said, prose, member);
    }
    if (json_is_object(value) || json_is_array(value) || json_is_null(value))
        return;
    said->texts = mem_grow(said->texts, &said->capacity, said->count, sizeof *said->texts);
    said->texts[said->count++] = leaf_text(value);
    buf_add_text(prose, said->texts[said->count - 1]);
    buf_add_char(prose, '\n');
}

static bool is_said(const struct said *said, const char *text)
{
    return bsearch(&text, said->texts, said->count, sizeof *said->texts, by_text) != NULL;
}

/* Blanks and line ends within a text are markup's own. */
static char *squeeze(const char *text)
{
    char *out = mem_calloc(strlen(text) + 1, 1), *end = out;
    for (; *text; text++)
        if (!strchr(" \t\r\n", *text))
            *end++ = *text;
    return out;
}

/* Long enough to be no chance. */
static bool is_in_prose(const struct said *said, const char *text)
{
    char *squeezed = squeeze(text);
    bool found = strlen(squeezed) >= 6 && strstr(said->prose, squeezed);
    free(squeezed);
    return found;
}

/* "name|digest" */
static bool are_both_said(const struct said *said, const char *text)
{
    const char *bar = strrchr(text, '|');
    char *first = bar ? mem_printf("%.*s", (int)(bar - text), text) : NULL;
    bool found = bar && is_said(said, first) && is_said(said, bar + 1);
    free(first);
    return found;
}

/* A digest in base64, of its bytes or of "0x...": in hexadecimal with us. */
static bool is_digest_said(const struct said *said, const char *text)
{
    unsigned char bytes[128];
    char hex[2 * sizeof bytes + 1] = "";
    size_t size = 0;
    char *packed = squeeze(text);
    bool ok = base64_decode(packed, bytes, sizeof bytes, &size);
    free(packed);
    if (!ok)
        return false;
    if (size > 2 && size % 2 == 0 && memcmp(bytes, "0x", 2) == 0) {
        snprintf(hex, sizeof hex, "%.*s", (int)size - 2, (const char *)bytes + 2);
        return str_lower(hex), is_said(said, hex);
    }
    for (size_t i = 0; i < size; i++)
        snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
    return is_said(said, hex);
}

static bool is_said_otherwise(const struct said *said, const char *text)
{
    int64_t moment;
    const char *rule;
    enum observable_type type;
    char time[TIMESTAMP_TEXT_SIZE];
    struct arena *arena = arena_new();
    const char *value = observable_guess(arena, text, &type);
    bool found = value && is_said(said, value);
    if (!found && timestamp_read(text, &moment, &rule)) {
        timestamp_format(moment, time);
        found = is_said(said, time);
    }
    arena_free(arena);
    return found || is_in_prose(said, text) || are_both_said(said, text) || is_digest_said(said, text);
}

static void judge(const char *path, const char *format, const char *place, const struct said *said, const char *text)
{
    state.leaves++;
    if (is_said(said, text) || is_said_otherwise(said, text))
        return;
    for (size_t i = 0; i < state.understood_count; i++) {
        struct understood *row = &state.understood[i];
        if (fnmatch(row->columns[UNDERSTOOD_FORMAT], format, 0) == 0 && fnmatch(row->columns[UNDERSTOOD_PLACE], place, 0) == 0 &&
            fnmatch(row->columns[UNDERSTOOD_VALUE], text, 0) == 0) {
            row->met++;
            return;
        }
    }
    state.lost++;
    char *flat = squeeze(text);
    print_message("%s\t%s\t%.60s\t%s\n", format, place, flat, path + strlen(TEST_CORPUS));
    free(flat);
}

/* --- what the document says --- */

static void walk_json(const char *path, const char *format, const char *place, const struct said *said, const json_t *value)
{
    const char *name;
    json_t *member;
    size_t i;
    json_object_foreach((json_t *)value, name, member)
    {
        char *inner = mem_printf("%s/%s", place, name);
        walk_json(path, format, inner, said, member);
        free(inner);
    }
    json_array_foreach(value, i, member)
    {
        walk_json(path, format, place, said, member);
    }
    if (json_is_object(value) || json_is_array(value) || json_is_null(value) || json_string_length(value) > 16000)
        return;
    char *text = leaf_text(value);
    if (*text)
        judge(path, format, place, said, text);
    free(text);
}

static void judge_trimmed(const char *path, const char *format, const char *place, const struct said *said, const xmlChar *content)
{
    const char *text = (const char *)content;
    text += strspn(text, " \t\r\n");
    size_t size = strlen(text);
    while (size && strchr(" \t\r\n", text[size - 1]))
        size--;
    char *trimmed = mem_printf("%.*s", (int)size, text);
    if (*trimmed)
        judge(path, format, place, said, trimmed);
    free(trimmed);
}

static void walk_xml(const char *path, const char *format, const char *place, const struct said *said, const xmlNode *node)
{
    for (; node; node = node->next) {
        if (node->type == XML_TEXT_NODE || node->type == XML_CDATA_SECTION_NODE)
            judge_trimmed(path, format, place, said, node->content);
        if (node->type != XML_ELEMENT_NODE)
            continue;
        char *inner = mem_printf("%s/%s", place, (const char *)node->name);
        for (const xmlAttr *attribute = node->properties; attribute; attribute = attribute->next) {
            char *at = mem_printf("%s/@%s", inner, (const char *)attribute->name);
            xmlChar *content = xmlNodeGetContent((const xmlNode *)attribute);
            judge_trimmed(path, format, at, said, content);
            xmlFree(content);
            free(at);
        }
        walk_xml(path, format, inner, said, node->children);
        free(inner);
    }
}

static void walk(const char *path, const char *format, const struct said *said, const char *bytes, size_t size)
{
    json_t *json = json_loadb(bytes, size, 0, NULL);
    xmlDoc *xml = json ? NULL : xmlReadMemory(bytes, (int)size, NULL, NULL, XML_PARSE_NONET);
    if (!json && !xml)
        fail_msg("%s: neither JSON nor XML", path);
    if (json)
        walk_json(path, format, "", said, json);
    else
        walk_xml(path, format, "", said, xmlDocGetRootElement(xml));
    json_decref(json);
    xmlFreeDoc(xml);
}

static void check(const char *path, const char *format, const struct report *report, const char *bytes, size_t size)
{
    struct said said = {.dump = report_dump(report)};
    struct buf prose;
    buf_init(&prose, 256u << 20);
    gather(&said, &prose, said.dump);
    said.prose = squeeze(buf_text(&prose));
    qsort(said.texts, said.count, sizeof *said.texts, by_text);
    walk(path, format, &said, bytes, size);
    for (size_t i = 0; i < said.count; i++)
        free(said.texts[i]);
    free(said.texts);
    free(said.prose);
    json_decref(said.dump);
    buf_clear(&prose);
}

/* Documents that are refused are other tests' business. */
static int visit(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    static const char *const formats[] = {"idea", "misp", "stix", "csaf", "iodef", "iodef-json", "rid", "xarf"};
    UNUSED(place);
    if (kind != FTW_F || status->st_size > 4 << 20 || strstr(path, "/schema"))
        return 0;
    size_t size = 0;
    char *bytes = file_read(path, &size);
    assert_non_null(bytes);
    struct codec_hints hints = {.name = strrchr(path, '/') + 1};
    const struct codec *codec = codec_probe(bytes, size, &hints);
    struct report *report = NULL;
    struct err err = {0};
    bool is_ours = false;
    for (size_t i = 0; codec && i < ARRAY_SIZE(formats); i++)
        is_ours = is_ours || str_equal(codec->name, formats[i]);
    if (is_ours && codec_decode(codec, bytes, size, &codec_limits_default, &hints, &report, &err)) {
        check(path, codec->name, report, bytes, size);
        state.files++;
    }
    report_free(report);
    free(bytes);
    return 0;
}

static void nothing_is_lost(void **unused)
{
    static const char *const folders[] = {"idea", "misp", "stix21", "iodef2", "rid", "csaf", "xarf"};
    UNUSED(unused);
    if (access(TEST_CORPUS, R_OK) != 0) {
        print_message("skipped: no corpus beside the sources\n");
        skip();
    }
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        char *path = mem_printf(TEST_CORPUS "/%s", folders[i]);
        assert_int_equal(nftw(path, visit, 16, FTW_PHYS), 0);
        free(path);
    }
    print_message("%zu documents, %zu texts and numbers\n", state.files, state.leaves);
    for (size_t i = 0; i < state.understood_count; i++)
        if (!state.understood[i].met)
            fail_msg("needless: %s %s", state.understood[i].columns[UNDERSTOOD_FORMAT], state.understood[i].columns[UNDERSTOOD_PLACE]);
    assert_true(state.files >= 180);
    if (state.lost)
        fail_msg("%zu are lost", state.lost);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost),
    };
    return cmocka_run_group_tests(tests, load_understood, NULL);
}
