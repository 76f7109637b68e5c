#include "cli/form.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cli/phrase.h"
#include "cli/words.h"
#include "model/observable.h"

const char form_template[] = "Reporter: \nEmail: \nClass: \nTLP: \nTime: \nObservables: \n\n";
const char form_help[] =
    N_("What happened goes below the empty line; what is not known stays empty. Observables: addresses, URLs, domains, parted by blanks.");

static bool set_text(json_t *report, const char *name, const char *value)
{
    json_object_set_new(report, name, json_string(value));
    return true;
}

static bool set_time(json_t *report, const char *value, struct err *err)
{
    char text[TIMESTAMP_TEXT_SIZE];
    int64_t moment;

    if (!phrase_read(value, timestamp_now(), false, &moment))
        return err_set_at(err, ERR_INPUT, "Time", _("'%s' is no time"), value);
    timestamp_format(moment, text);
    return set_text(report, "time", text);
}

static bool set_observables(json_t *report, const char *value, struct err *err)
{
    struct arena *arena = arena_new();
    json_t *list = json_array();
    char *copy = arena_strdup(arena, value), *place = NULL;
    bool ok = true;

    for (char *word = strtok_r(copy, " \t,", &place); word && ok; word = strtok_r(NULL, " \t,", &place)) {
        enum observable_type type;
        const char *normal = observable_guess(arena, word, &type);
        if (normal)
            json_array_append_new(list, json_pack("{s:s, s:s}", "type", observable_type_name(type), "value", normal));
        else
            ok = err_set_at(err, ERR_INPUT, "Observables", _("'%s' is no address, URL, domain, mail address, hash or CVE"), word);
    }
    if (json_array_size(list) > 0)
        json_object_set(report, "observables", list);
    json_decref(list);
    arena_free(arena);
    return ok;
}

static json_t *reporter_of(json_t *report)
{
    json_t *reporter = json_object_get(report, "reporter");

    if (!reporter) {
        reporter = json_object();
        json_object_set_new(report, "reporter", reporter);
    }
    return reporter;
}

static bool set_member(json_t *report, const char *name, const char *value, struct err *err)
{
    if (!*value)
        return true;
    if (strcasecmp(name, "reporter") == 0)
        return set_text(reporter_of(report), "name", value);
    if (strcasecmp(name, "email") == 0)
        return set_text(reporter_of(report), "email", value);
    if (strcasecmp(name, "class") == 0)
        return set_text(report, "class", value);
    if (strcasecmp(name, "tlp") == 0)
        return set_text(report, "tlp", value);
    if (strcasecmp(name, "time") == 0)
        return set_time(report, value, err);
    if (strcasecmp(name, "observables") == 0)
        return set_observables(report, value, err);
    return err_set_at(err, ERR_INPUT, name, _("the form has no such line; free text goes below the first empty line"));
}

static void trim(char *text)
{
    char *end = text + strlen(text);

    while (end > text && strchr(" \t\r\n", end[-1]))
        *--end = '\0';
}

/* Reads "Name: value" lines up to an empty one; returns where the free text starts, NULL with err set. */
static char *read_head(json_t *report, char *text, struct err *err)
{
    while (*text) {
        char *end = text + strcspn(text, "\n"), *next = *end ? end + 1 : end, *colon;

        *end = '\0';
        trim(text);
        if (!*text)
            return next;
        colon = strchr(text, ':');
        if (!colon) {
            err_set_at(err, ERR_INPUT, text, _("not a 'Name: value' line; free text goes below the first empty line"));
            return NULL;
        }
        *colon = '\0';
        if (!set_member(report, text, colon + 1 + strspn(colon + 1, " \t"), err))
            return NULL;
        text = next;
    }
    return text;
}

char *form_to_report(const char *text, bool is_plain, struct err *err)
{
    json_t *report;
    char *copy, *description, *dumped, *result = NULL;

    if (!str_is_utf8(text, strlen(text), NULL)) {
        err_set(err, ERR_INPUT, _("the text is not UTF-8"));
        return NULL;
    }
    report = json_object();
    copy = mem_strdup(text);
    description = is_plain ? copy : read_head(report, copy, err);
    if (description) {
        trim(description);
        description += strspn(description, "\n");
        if (*description)
            set_text(report, "description", description);
        if (!*description && !json_object_get(report, "observables"))
            err_set(err, ERR_INPUT, _("the form is empty; nothing was sent"));
        else if ((dumped = json_dumps(report, JSON_COMPACT))) {
            result = mem_strdup(dumped);
            free(dumped);
        }
    }
    json_decref(report);
    free(copy);
    return result;
}

bool form_is_empty(const char *text)
{
    return strncmp(form_template, text, strlen(text)) == 0 || text[strspn(text, " \t\r\n")] == '\0';
}
