#include "cli/setting_cmd.h"

#include "base/mem.h"
#include "base/str.h"
#include "cli/field.h"
#include "cli/list.h"
#include "cli/session.h"
#include "cli/url.h"
#include "cli/words.h"

const struct option_rule setting_cmd_set_options[] = {
    {"default", OPTION_SWITCH, NULL, N_("the default again, in place of a value")},
    {0},
};

static const struct table_column columns[] = {
    {N_("SETTING"), 0, false, false},
    {N_("VALUE"), 0, false, false},
    {N_("DEFAULT"), 1, false, false},
    {N_("WHAT IT IS"), 0, false, true},
};

static void row(struct table *table, const struct screen *screen, const json_t *item)
{
    bool is_changed = !str_equal(field_text(item, "value"), field_text(item, "default"));

    cell_text(table, screen, field_text(item, "name"));
    table_take(table, is_changed ? STYLE_BOLD : STYLE_PLAIN, screen_clean(screen, field_or(item, "value", ""), false));
    cell_text(table, screen, field_text(item, "default"));
    cell_text(table, screen, field_text(item, "about"));
}

int setting_cmd_ls(struct session *session)
{
    static const struct list_view view = {columns, ARRAY_SIZE(columns), row, NULL, NULL};

    return list_print(session, session_get(session, mem_strdup("/v1/settings")), &view, NULL);
}

int setting_cmd_set(struct session *session)
{
    bool is_default = options_has(&session->options, "default");
    const char *name = session_operand(session, 0);
    json_t *answer, *value;

    if (is_default != (session->options.operand_count == 1))
        return session_fail(session, EXIT_USAGE, NULL, _("a value, or --default: cirt setting set %s 20"), name);
    value = is_default ? json_null() : json_string(options_joined(&session->options, 1));
    answer = session_post(session, url_path("/v1/settings/{}", name), json_pack("{s:o}", "value", value), -1);
    if (answer)
        session_done(session, answer, _("%s is %s now"), field_or(answer, "name", "-"), field_or(answer, "value", "-"));
    json_decref(answer);
    return session->exit_code;
}
