#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "codec/export_list.h"

void export_csv_begin(struct export_writer *writer, struct buf *out)
{
    UNUSED(writer);
    buf_add_text(out, "type,value,role,indicator,tlp,confidence,until,time,class,count,protocol,source_port,target_port,description\r\n");
}

/* What a spreadsheet takes for a formula; it also takes the wide forms of East Asian text, and forgets blanks before. */
static bool is_formula(const char *text)
{
    static const char *const starts[] = {"=", "+", "-", "@", "|", "%", "＝", "＋", "－", "＠"};
    text += strspn(text, " ");
    for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
        if (str_starts(text, starts[i]))
            return true;
    return false;
}

/* Where a cell begins, and within it for a spreadsheet that splits at semicolons or tabs: to that, a quote that does not stand right behind
 * one is none, and so no quotes keep a cell, or a line in it, together. */
static bool would_run(const char *cell, const char *at)
{
    bool is_start = at == cell && strchr("\t\r\n", at[strspn(at, " ")]) && at[strspn(at, " ")];
    return is_start || ((at == cell || strchr(";\t\r\n", at[-1])) && is_formula(at));
}

static void cell(struct buf *out, const char *text, bool is_last)
{
    bool is_quoted = text && (would_run(text, text) || strpbrk(text, ",;\"\t\r\n"));
    buf_add_text(out, is_quoted ? "\"" : "");
    for (const char *at = text; at && *at; at++) {
        buf_add_text(out, would_run(text, at) ? "'" : "");
        buf_add_text(out, *at == '"' ? "\"" : "");
        buf_add_char(out, *at);
    }
    buf_add_text(out, is_quoted ? "\"" : "");
    buf_add_text(out, is_last ? "\r\n" : ",");
}

/* least: what is below says that nobody said. */
static void number(struct buf *out, int64_t value, int64_t least)
{
    if (value >= least)
        buf_printf(out, "%lld", (long long)value);
    buf_add_char(out, ',');
}

static void moment(struct buf *out, int64_t value)
{
    char text[TIMESTAMP_TEXT_SIZE] = "";
    if (value != TIMESTAMP_NONE)
        timestamp_format(value, text);
    buf_printf(out, "%s,", text);
}

bool export_csv_add(struct export_writer *writer, const struct observation *observation, const struct sighting *sighting, struct buf *out)
{
    cell(out, observable_type_name(sighting->type), false);
    cell(out, sighting->value, false);
    cell(out, sighting_role_name(sighting->role), false);
    cell(out, sighting->is_indicator ? "true" : "false", false);
    cell(out, tlp_name(sighting->tlp == TLP_NONE ? writer->head.tlp : sighting->tlp), false);
    number(out, sighting->confidence, 0);
    moment(out, sighting->valid_until);
    moment(out, observation->time);
    cell(out, observation->class_name ? observation->class_name : observation->class_claim, false);
    number(out, observation->count, 1);
    cell(out, observation->protocol, false);
    number(out, observation->source_port, 0);
    number(out, observation->target_port, 0);
    cell(out, observation->description, true);
    return true;
}
