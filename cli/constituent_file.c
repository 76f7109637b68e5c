#include "cli/constituent_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/field.h"
#include "cli/file.h"
#include "cli/words.h"
#include "codec/csv_stream.h"

enum { FILE_SIZE_MAX = 256 * 1024 * 1024, COLUMNS_MAX = 64, PART_ITEMS_MAX = 2000, PART_VALUES_MAX = 10000 };

enum shape { COLUMN_TEXT, COLUMN_VALUES, COLUMN_CONTACT, COLUMN_DATE, COLUMN_SWITCH };

/* Names of columns, in small letters, blanks and "-" as "_". The first name of each is what is written. */
static const struct column {
    const char *name;
    enum shape shape;
    const char *member;
} columns[] = {
    {"name", COLUMN_TEXT, "name"},
    {"constituent", COLUMN_TEXT, "name"},
    {"title", COLUMN_TEXT, "title"},
    {"network", COLUMN_VALUES, "networks"},
    {"networks", COLUMN_VALUES, "networks"},
    {"cidr", COLUMN_VALUES, "networks"},
    {"prefix", COLUMN_VALUES, "networks"},
    {"asn", COLUMN_VALUES, "asns"},
    {"asns", COLUMN_VALUES, "asns"},
    {"domain", COLUMN_VALUES, "domains"},
    {"domains", COLUMN_VALUES, "domains"},
    {"sector", COLUMN_TEXT, "sector"},
    {"criticality", COLUMN_TEXT, "criticality"},
    {"lang", COLUMN_TEXT, "lang"},
    {"language", COLUMN_TEXT, "lang"},
    {"contact_name", COLUMN_CONTACT, "name"},
    {"contact", COLUMN_CONTACT, "name"},
    {"contact_email", COLUMN_CONTACT, "email"},
    {"email", COLUMN_CONTACT, "email"},
    {"mail", COLUMN_CONTACT, "email"},
    {"contact_phone", COLUMN_CONTACT, "phone"},
    {"phone", COLUMN_CONTACT, "phone"},
    {"from", COLUMN_DATE, "from"},
    {"since", COLUMN_DATE, "from"},
    {"until", COLUMN_DATE, "until"},
    {"enabled", COLUMN_SWITCH, "enabled"},
};

struct reading {
    constituent_file_send send;
    void *context;
    json_t *items;  /* of the part being filled */
    json_t *faults; /* of rows */
    size_t values;
    const struct column *header[COLUMNS_MAX];
    size_t header_count;
};

/* --- parts --- */

static bool flush(struct reading *reading, struct err *err)
{
    json_t *items = reading->items;
    bool ok = true;

    reading->items = json_array();
    reading->values = 0;
    if (json_array_size(items) > 0)
        ok = reading->send(reading->context, items, err);
    else
        json_decref(items);
    return ok;
}

static bool add_item(struct reading *reading, json_t *item, size_t values, struct err *err)
{
    json_array_append_new(reading->items, item);
    reading->values += values;
    return (json_array_size(reading->items) < PART_ITEMS_MAX && reading->values < PART_VALUES_MAX) || flush(reading, err);
}

/* --- CSV --- */

static const struct column *column_of(const char *title)
{
    char *name = mem_strdup(title);
    const struct column *found = NULL;

    str_lower(name);
    for (char *c = name; *c; c++)
        if (*c == ' ' || *c == '-')
            *c = '_';
    for (size_t i = 0; i < ARRAY_SIZE(columns) && !found; i++)
        if (strcmp(columns[i].name, name) == 0)
            found = &columns[i];
    free(name);
    return found;
}

static bool read_header(struct reading *reading, const char *const *cells, size_t count, struct err *err)
{
    bool has_name = false;

    if (count > COLUMNS_MAX)
        return err_set_at(err, ERR_LIMIT, "line 1", _("more than %d columns"), COLUMNS_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct column *column = column_of(cells[i]);
        if (!column)
            return err_set_at(
                err, ERR_INPUT, "line 1",
                _("there is no column '%.60s': name title network asn domain sector criticality lang contact_name contact_email "
                  "contact_phone from until enabled"),
                cells[i]);
        for (size_t k = 0; k < i; k++) /* values of several columns are taken together */
            if (column->shape != COLUMN_VALUES && reading->header[k]->shape == column->shape &&
                strcmp(reading->header[k]->member, column->member) == 0)
                return err_set_at(err, ERR_INPUT, "line 1", _("the columns '%.60s' and '%.60s' say the same: leave one out"), cells[k],
                                  cells[i]);
        reading->header[i] = column;
        has_name = has_name || strcmp(column->name, "name") == 0 || strcmp(column->member, "name") == 0;
    }
    reading->header_count = count;
    return has_name || err_set_at(err, ERR_INPUT, "line 1", _("the first line names the columns; 'name' is missing"));
}

/* What a spreadsheet was kept from running: "'+44..." */
static const char *cell_text_of(const char *cell)
{
    return cell[0] == '\'' && cell[1] && strchr("=+-@", cell[1]) ? cell + 1 : cell;
}

static const char parts[] = " \t\r\n,;|";

/* Of the value that begins here; "10.0.0.5 - 10.0.0.20" is one. */
static size_t value_size(const char *value)
{
    size_t size = strcspn(value, parts);
    const char *dash = value + size + strspn(value + size, " "), *last;

    if (dash == value + size || dash[0] != '-' || dash[1] != ' ')
        return size;
    last = dash + 1 + strspn(dash + 1, " ");
    return (size_t)(last - value) + strcspn(last, parts);
}

/* Several in a cell are parted by blanks, commas, semicolons or bars. */
static void add_values(json_t *list, const char *cell, const char *from, const char *until)
{
    for (cell += strspn(cell, parts); *cell; cell += strspn(cell, parts)) {
        size_t size = value_size(cell);
        json_array_append_new(list, json_pack("{s:s%, s:s?, s:s?}", "value", cell, size, "from", from, "until", until));
        cell += size;
    }
}

static json_t *list_in(json_t *item, const char *member)
{
    json_t *list = json_object_get(item, member);

    if (!list) {
        list = json_array();
        json_object_set_new(item, member, list);
    }
    return list;
}

/* A row's fault does not end the reading: all are told at once. */
static void add_fault(const struct reading *reading, const char *at, char *text)
{
    json_array_append_new(reading->faults, json_pack("{s:s, s:s}", "at", at, "error", text));
    free(text);
}

static void set_switch(const struct reading *reading, json_t *item, const char *cell)
{
    bool is_yes = str_equal_nocase(cell, "yes") || str_equal_nocase(cell, "true") || strcmp(cell, "1") == 0;

    if (!is_yes && !str_equal_nocase(cell, "no") && !str_equal_nocase(cell, "false") && strcmp(cell, "0") != 0)
        add_fault(reading, field_text(item, "at"), mem_printf(_("'%.60s' is neither yes nor no"), cell));
    json_object_set_new(item, "enabled", json_boolean(is_yes));
}

static const char *date_in(const struct reading *reading, const char *const *cells, size_t count, const char *member)
{
    for (size_t i = 0; i < reading->header_count && i < count; i++)
        if (reading->header[i]->shape == COLUMN_DATE && strcmp(reading->header[i]->member, member) == 0 && *cells[i])
            return cells[i];
    return NULL;
}

static void fill_item(const struct reading *reading, json_t *item, const char *const *cells, size_t count)
{
    const char *from = date_in(reading, cells, count, "from"), *until = date_in(reading, cells, count, "until");
    json_t *contact = json_object();
    bool has_contact = false;

    for (size_t i = 0; i < reading->header_count; i++) {
        const struct column *column = reading->header[i];
        const char *cell = i < count ? cell_text_of(cells[i]) : "";
        bool is_empty = str_is_empty(cell);
        if (column->shape == COLUMN_VALUES)
            add_values(list_in(item, column->member), cell, from, until);
        else if (column->shape == COLUMN_CONTACT)
            list_in(item, "contacts");
        has_contact = has_contact || (column->shape == COLUMN_CONTACT && !is_empty);
        if (is_empty)
            continue;
        if (column->shape == COLUMN_TEXT)
            json_object_set_new(item, column->member, json_string(cell));
        else if (column->shape == COLUMN_CONTACT)
            json_object_set_new(contact, column->member, json_string(cell));
        else if (column->shape == COLUMN_SWITCH)
            set_switch(reading, item, cell);
    }
    if (has_contact)
        json_array_append_new(list_in(item, "contacts"), json_incref(contact));
    json_decref(contact);
}

static bool take_row(void *context, size_t line, const char *const *cells, size_t count, struct err *err)
{
    struct reading *reading = context;
    char at[40];
    json_t *item;

    if (reading->header_count == 0)
        return read_header(reading, cells, count, err);
    snprintf(at, sizeof at, "line %zu", line);
    if (count != reading->header_count) {
        add_fault(reading, at, mem_printf(_("the row has %zu cells, the first line %zu"), count, reading->header_count));
        return true; /* nobody knows which cell is which */
    }
    item = json_pack("{s:s}", "at", at);
    fill_item(reading, item, cells, count);
    return add_item(reading, item, 1, err);
}

/* --- JSON --- */

/* Else `from` is when we were told, which stands for nothing. */
static bool has_beginning(const json_t *held)
{
    return !json_is_false(json_object_get(held, "dated"));
}

/* {"history": [{kind, value, from, until, dated}]} in place of what is held now. */
static void take_history(json_t *item)
{
    const json_t *history = field_list(item, "history");
    static const char *const members[] = {"networks", "asns", "domains"};

    if (!history) {
        json_object_del(item, "history");
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        json_object_set_new(item, members[i], json_array());
    for (size_t i = 0; i < json_array_size(history); i++) {
        const json_t *held = json_array_get(history, i);
        char *member = mem_printf("%ss", field_or(held, "kind", ""));
        json_array_append_new(list_in(item, member), json_pack("{s:O?, s:O?, s:O?}", "value", json_object_get(held, "value"), "from",
                                                               has_beginning(held) ? json_object_get(held, "from") : NULL, "until",
                                                               json_object_get(held, "until")));
        free(member);
    }
    json_object_del(item, "history");
}

/* What one holds goes in several items of its name where it is much. */
static bool add_long_list(struct reading *reading, const json_t *whole, const char *member, struct err *err)
{
    const json_t *list = json_object_get(whole, member);

    for (size_t i = 0; i < json_array_size(list);) {
        json_t *some = json_array(), *item;
        size_t end = i + PART_VALUES_MAX / 2;
        for (; i < end && i < json_array_size(list); i++)
            json_array_append(some, json_array_get(list, i));
        item = json_pack("{s:O, s:O?, s:o}", "at", json_object_get(whole, "at"), "name", json_object_get(whole, "name"), member, some);
        if (!add_item(reading, item, json_array_size(some), err))
            return false;
    }
    return true;
}

static bool take_object(struct reading *reading, const json_t *given, size_t index, struct err *err)
{
    static const char *const members[] = {"networks", "asns", "domains"};
    char at[40];
    json_t *item, *first;
    bool ok;

    snprintf(at, sizeof at, "/%zu", index);
    if (!json_is_object(given))
        return err_set_at(err, ERR_INPUT, at, _("a constituent is an object"));
    item = json_copy((json_t *)given);
    json_object_set_new(item, "at", json_string(at));
    take_history(item);
    first = json_copy(item);
    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        if (json_array_size(json_object_get(item, members[i])) > PART_VALUES_MAX / 2)
            json_object_set_new(first, members[i], json_array());
    ok = add_item(reading, first, 1, err);
    for (size_t i = 0; i < ARRAY_SIZE(members) && ok; i++) {
        const json_t *list = json_object_get(item, members[i]);
        if (json_array_size(list) > PART_VALUES_MAX / 2)
            ok = add_long_list(reading, item, members[i], err);
        else
            reading->values += json_array_size(list);
    }
    json_decref(item);
    return ok;
}

static bool read_json(struct reading *reading, const struct buf *text, struct err *err)
{
    json_error_t why;
    json_t *whole = json_loadb(buf_text(text), text->size, JSON_REJECT_DUPLICATES, &why);
    const json_t *list = json_is_object(whole) ? field_list(whole, "items") : whole;
    bool ok = true;
    char at[40];

    if (!whole) {
        snprintf(at, sizeof at, "line %d", why.line);
        return err_set_at(err, ERR_INPUT, at, _("this is not JSON: %.200s"), why.text);
    }
    if (!json_is_array(list))
        ok = err_set(err, ERR_INPUT, _("the file must be a list of constituents, or an object with 'items'"));
    for (size_t i = 0; i < json_array_size(list) && ok; i++)
        ok = take_object(reading, json_array_get(list, i), i, err);
    json_decref(whole);
    return ok;
}

/* --- the file --- */

bool constituent_file_read(const char *path, constituent_file_send send, void *context, json_t *faults, struct err *err)
{
    struct reading *reading = mem_calloc(1, sizeof *reading);
    struct buf text;
    const char *first;
    bool ok = false;

    *reading = (struct reading){.send = send, .context = context, .items = json_array(), .faults = faults};
    buf_init(&text, FILE_SIZE_MAX);
    if (!file_bytes(path, &text, err))
        goto done;
    first = buf_text(&text) + strspn(buf_text(&text), "\xef\xbb\xbf \t\r\n");
    ok = (*first == '[' || *first == '{' ? read_json(reading, &text, err)
                                         : csv_stream_read(buf_text(&text), text.size, take_row, reading, err)) &&
         flush(reading, err);
done:
    buf_clear(&text);
    json_decref(reading->items);
    free(reading);
    return ok;
}

/* A cell that a spreadsheet would run gets an apostrophe, which reading takes away. */
static void write_cell(struct buf *out, const char *text, bool is_last)
{
    bool is_formula = text && *text && strchr("=+-@", *text);

    if (text && (is_formula || strpbrk(text, ",\"\r\n"))) {
        buf_add_text(out, is_formula ? "\"'" : "\"");
        for (const char *c = text; *c; c++) {
            if (*c == '"')
                buf_add_char(out, '"');
            buf_add_char(out, *c);
        }
        buf_add_char(out, '"');
    } else {
        buf_add_text(out, text ? text : "");
    }
    buf_add_text(out, is_last ? "\r\n" : ",");
}

static void write_row(struct buf *out, const json_t *item, const json_t *held, const json_t *contact)
{
    static const char *const kinds[] = {"network", "asn", "domain"};
    const char *kind = field_text(held, "kind");

    write_cell(out, field_text(item, "name"), false);
    write_cell(out, field_text(item, "title"), false);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        write_cell(out, str_equal(kind, kinds[i]) ? field_text(held, "value") : NULL, false);
    write_cell(out, field_text(item, "sector"), false);
    write_cell(out, field_text(item, "criticality"), false);
    write_cell(out, field_text(item, "lang"), false);
    write_cell(out, field_text(contact, "name"), false);
    write_cell(out, field_text(contact, "email"), false);
    write_cell(out, field_text(contact, "phone"), false);
    write_cell(out, has_beginning(held) ? field_text(held, "from") : NULL, false);
    write_cell(out, field_text(held, "until"), false);
    write_cell(out, field_is(item, "enabled") ? "yes" : "no", true);
}

void constituent_file_write(struct buf *out, const json_t *items)
{
    buf_add_text(out,
                 "name,title,network,asn,domain,sector,criticality,lang,contact_name,contact_email,contact_phone,from,until,enabled\r\n");
    for (size_t i = 0; i < json_array_size(items); i++) {
        const json_t *item = json_array_get(items, i), *history = field_list(item, "history"), *contacts = field_list(item, "contacts");
        size_t rows = json_array_size(history) > json_array_size(contacts) ? json_array_size(history) : json_array_size(contacts);
        for (size_t k = 0; k < rows || k == 0; k++)
            write_row(out, item, json_array_get(history, k), json_array_get(contacts, k));
    }
}
