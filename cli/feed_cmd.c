#include "cli/feed_cmd.h"

#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cli/field.h"
#include "cli/session.h"
#include "cli/url.h"
#include "cli/words.h"

enum { WAIT_MAX_MS = 10 * 60 * 1000 };

static int set_paused(struct session *session, bool is_paused)
{
    const char *name = session_operand(session, 0);
    json_t *answer = session_post(session, url_path("/v1/feeds/{}/pause", name), json_pack("{s:b}", "paused", is_paused), -1);

    if (answer)
        session_done(session, answer, is_paused ? _("feed %s is paused; go on with: cirt feed resume %s") : _("feed %s goes on"), name,
                     name);
    json_decref(answer);
    return session->exit_code;
}

int feed_cmd_pause(struct session *session)
{
    return set_paused(session, true);
}

int feed_cmd_resume(struct session *session)
{
    return set_paused(session, false);
}

int feed_cmd_seen(struct session *session)
{
    const char *name = session_operand(session, 0);
    json_t *answer = session_post(session, url_path("/v1/feeds/{}/seen", name), json_object(), -1);

    if (answer)
        session_done(session, answer,
                     json_array_size(field_list(answer, "notices")) ? _("feed %s: what is still amiss: cirt feed show %s")
                                                                    : _("feed %s: seen"),
                     name, name);
    json_decref(answer);
    return session->exit_code;
}

/* Has it been fetched, or failed, since that moment? */
static bool is_over(const json_t *feed, int64_t asked)
{
    return field_time(feed, "fetched") >= asked || field_time(feed, "failed") >= asked;
}

static json_t *wait_for(struct session *session, const char *name, int64_t asked)
{
    int64_t until = timestamp_monotonic_ms() + WAIT_MAX_MS;
    struct timespec pause = {0, 250 * 1000 * 1000};
    json_t *answer;

    while ((answer = session_get(session, url_path("/v1/feeds/{}", name))) && !is_over(answer, asked)) {
        json_decref(answer);
        if (timestamp_monotonic_ms() > until) {
            session_fail(session, EXIT_NOT_REACHED, "cirt doctor", _("%s was not fetched within %d minutes"), name, WAIT_MAX_MS / 60000);
            return NULL;
        }
        nanosleep(&pause, NULL);
    }
    return answer;
}

static int finish(struct session *session, const char *name, const json_t *answer, int64_t asked)
{
    if (field_time(answer, "fetched") >= asked)
        return session_done(session, answer, _("feed %s was fetched"), name);
    return session_fail(session, EXIT_REFUSED, NULL, _("feed %s: %s"), name, field_or(answer, "error", "-"));
}

int feed_cmd_run(struct session *session)
{
    const char *name = session_operand(session, 0);
    json_t *answer = session_post(session, url_path("/v1/feeds/{}/run", name), json_object(), -1);
    int64_t asked = field_time(answer, "asked");

    if (answer && !options_has(&session->options, "wait"))
        session_done(session, answer, _("feed %s is fetched now; how it went: cirt feed show %s"), name, name);
    else if (answer) {
        json_decref(answer);
        answer = wait_for(session, name, asked);
        if (answer)
            finish(session, name, answer, asked);
    }
    json_decref(answer);
    return session->exit_code;
}
