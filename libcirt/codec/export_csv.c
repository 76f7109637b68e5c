#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "codec/export_list.h"

void export_csv_begin(struct export_writer *writer, struct buf *out)
{
    UNUSED(writer);
    buf_add_text(out, "type,value,role,indicator,tlp,confidence,until,time,class,count,protocol,source_port,target_port,description\r\n");
}

/* Where a spreadsheet begins a formula; it also takes the wide forms of East Asian text, and forgets blanks before. */
static bool would_run(const char *text)
{
    static const char *const starts[] = {"=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠"};
    text += strspn(text, " ");
    for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
        if (str_starts(text, starts[i]))
            return true;
    return false;
}

static void cell(struct buf *out, const char *text, bool is_last)
{
    if (text && (would_run(text) || strpbrk(text, ",\"\r\n"))) {
        buf_add_text(out, would_run(text) ? "\"'" : "\"");
        for (; *text; text++)
            buf_add_text(out, *text == '"' ? "\"\"" : (char[]){*text, '\0'});
        buf_add_char(out, '"');
    } else if (text) {
        buf_add_text(out, text);
    }
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
    UNUSED(writer);
    cell(out, observable_type_name(sighting->type), false);
    cell(out, sighting->value, false);
    cell(out, sighting_role_name(sighting->role), false);
    cell(out, sighting->is_indicator ? "true" : "false", false);
    cell(out, tlp_name(sighting->tlp), false);
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
