#include "cli/rir_cmd.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/field.h"
#include "cli/file.h"
#include "cli/session.h"
#include "cli/url.h"
#include "cli/words.h"

enum { FILE_BYTES_MAX = 128 * 1024 * 1024, PART_ROWS = 20000, COLUMNS = 7, COLUMN_SIZE = 64 };

/* registry|country|type|start|value|date|status|...: all as texts. */
struct line {
    char columns[COLUMNS][COLUMN_SIZE];
    size_t count;
};

static const char *read_line(const char *at, struct line *line)
{
    size_t size = strcspn(at, "\r\n");
    const char *end = at + size;

    memset(line, 0, sizeof *line);
    while (at < end && line->count < COLUMNS) {
        size_t length = strcspn(at, "|\r\n");
        if (length < COLUMN_SIZE)
            memcpy(line->columns[line->count], at, length);
        line->count++;
        at += length + (at[length] == '|');
    }
    return end + strspn(end, "\r\n");
}

/* registry|*|type|*|count|summary. */
static bool is_summary(const struct line *line)
{
    return strchr(line->columns[1], '*') != NULL;
}

static bool is_record(const struct line *line)
{
    return line->columns[0][0] != '#' && line->count >= COLUMNS && !is_summary(line);
}

static bool can_be_read(const struct line *line)
{
    const char *type = line->columns[2], *start = line->columns[3];
    unsigned char address[sizeof(struct in6_addr)];
    int64_t value, number;

    if (line->count < COLUMNS || !str_to_int64(line->columns[4], 1, UINT32_MAX, &value))
        return false;
    return str_equal(type, "ipv4")   ? inet_pton(AF_INET, start, address) == 1
           : str_equal(type, "ipv6") ? inet_pton(AF_INET6, start, address) == 1 && value <= 128
                                     : str_equal(type, "asn") && str_to_int64(start, 0, UINT32_MAX, &number);
}

/* The first line that cannot be read, where more than one in a hundred cannot: the file is damaged. NULL: it is not. */
static const char *find_damage(const char *at)
{
    const char *first = NULL;
    size_t lines = 0, bad = 0;
    struct line line;

    while (*at) {
        const char *start = at;
        at = read_line(at, &line);
        if (line.columns[0][0] == '#' || is_summary(&line))
            continue;
        lines++;
        if (can_be_read(&line))
            continue;
        bad++;
        first = first ? first : start;
    }
    return bad * 100 > lines ? first : NULL;
}

static long long line_number(const char *text, const char *at)
{
    long long number = 1;

    while (text < at)
        number += *text++ == '\n';
    return number;
}

/* Whether a download broke off: the head says how many records there are. Registries miscount by some, so one in a hundred may lack. */
static bool is_cut(const struct line *head, const char *at, int64_t *claimed, int64_t *found)
{
    struct line line;

    for (*found = 0; *at; *found += is_record(&line))
        at = read_line(at, &line);
    return str_to_int64(head->columns[3], 0, INT64_MAX, claimed) && *found < *claimed - *claimed / 100;
}

/* Rows from *at on, as the API takes them; *at is moved behind them. */
static json_t *take_part(const char **at)
{
    json_t *rows = json_array();
    struct line line;

    while (**at && json_array_size(rows) < PART_ROWS) {
        *at = read_line(*at, &line);
        if (!is_record(&line))
            continue;
        json_array_append_new(rows, json_pack("[s, s, s, s, s, s]", line.columns[2], line.columns[3], line.columns[4], line.columns[1],
                                              line.columns[5], line.columns[6]));
    }
    return rows;
}

/* The first line that is neither empty nor a comment: version|registry|serial|records|first day|last day|offset. */
static const char *read_head(const char *text, struct line *head)
{
    text += strspn(text, "\xef\xbb\xbf \t\r\n");
    do
        text = read_line(text, head);
    while (*text && head->columns[0][0] == '#');
    return head->count >= 3 && head->columns[0][0] >= '1' && head->columns[0][0] <= '9' ? text : NULL;
}

static json_t *send_file(struct session *session, const struct line *head, const char *at)
{
    json_t *body = json_pack("{s:s, s:s, s:o}", "registry", head->columns[1], "serial", head->columns[2], "rows", take_part(&at)), *answer;

    json_object_set_new(body, "more", json_boolean(*at));
    answer = session_post(session, mem_strdup("/v1/registries"), body, -1);
    while (answer && *at) {
        body = json_pack("{s:o}", "rows", take_part(&at));
        json_object_set_new(body, "more", json_boolean(*at));
        json_decref(answer);
        answer = session_post(session, url_path("/v1/registries/{}/rows", head->columns[1]), body, -1);
    }
    return answer;
}

static void import_file(struct session *session, const char *path)
{
    struct err err = {0};
    struct buf bytes;
    struct line head;
    json_t *answer = NULL;
    const char *rows, *damage;
    int64_t claimed, found;

    buf_init(&bytes, FILE_BYTES_MAX);
    if (!file_bytes(path, &bytes, &err))
        session_fail_err(session, EXIT_USAGE, NULL, &err);
    else if (strlen(buf_text(&bytes)) != bytes.size || !(rows = read_head(buf_text(&bytes), &head)))
        session_fail(session, EXIT_NOT_ACCEPTED, NULL, _("%s is no file of a registry: delegated-...-extended"), path);
    else if (is_cut(&head, rows, &claimed, &found))
        session_fail(session, EXIT_NOT_ACCEPTED, _("what is there stays; fetch the file again"),
                     _("%s says that it has %lld records, and has %lld"), path, (long long)claimed, (long long)found);
    else if ((damage = find_damage(rows)))
        session_fail(session, EXIT_NOT_ACCEPTED, _("what is there stays; fetch the file again"),
                     _("%s is damaged: line %lld says nothing that can be read"), path, line_number(buf_text(&bytes), damage));
    else if ((answer = send_file(session, &head, rows)))
        session_done(session, answer, _("%s of %s: %lld ranges, %lld that name no country"), head.columns[1], head.columns[2],
                     (long long)field_number(answer, "entries", 0), (long long)field_number(answer, "skipped", 0));
    buf_clear(&bytes);
    json_decref(answer);
}

int rir_cmd_import(struct session *session)
{
    return session_each_file(session, import_file);
}
