#include "cli/verify_cmd.h"

#include <stdlib.h>
#include <time.h>

#include "base/str.h"
#include "cli/field.h"
#include "cli/session.h"
#include "cli/url.h"
#include "cli/words.h"

/* A mail that is encrypted goes to seal, to decode and to verify, behind what waits there. */
enum { TRIES = 1200, PAUSE_MS = 50 };

static const char *checked_of(const json_t *answer)
{
    return field_text(field_object(answer, "signature"), "checked");
}

/* Asks until there is another verdict than before, or for a minute. NULL: told. */
static json_t *wait_for(struct session *session, const char *operand, json_t *before)
{
    struct timespec pause = {0, PAUSE_MS * 1000 * 1000};
    json_t *answer = json_incref(before);

    for (int tries = 0; answer && str_equal(checked_of(answer), checked_of(before)) && tries < TRIES; tries++) {
        json_decref(answer);
        nanosleep(&pause, NULL);
        answer = session_get(session, url_path(session->has_json ? "/v1/reports/{}" : "/v1/reports/{}?observations=0", operand));
    }
    return answer;
}

static void tell(struct session *session, const json_t *answer, const char *operand)
{
    const json_t *object = field_object(answer, "signature");
    const struct screen *screen = &session->printer.screen;
    const char *summary = field_or(object, "summary", "-");

    if (str_equal(summary, "verified")) {
        char *signer = screen_clean(screen, field_or(object, "signer", "-"), true);

        session_done(session, answer, _("%s: verified, signed by %s, key %s (now %s)"), operand, signer,
                     field_or(object, "fingerprint", "-"), field_or(object, "key_now", "-"));
        free(signer);
        return;
    }
    session_done(session, answer, _("%s: not verified: %s, encryption %s; see: cirt report show %s"), operand, summary,
                 field_or(object, "encryption", "-"), operand);
    session->exit_code = EXIT_REFUSED;
}

int verify_cmd_report(struct session *session)
{
    const char *operand = session_operand(session, 0);
    json_t *before = session_post(session, url_path("/v1/reports/{}/verify", operand), json_object(), -1);
    json_t *answer = before ? wait_for(session, operand, before) : NULL;

    if (answer && str_equal(checked_of(answer), checked_of(before)))
        session_fail(session, EXIT_NOT_REACHED, NULL, _("%s is not judged yet; is the daemon busy? cirt doctor"), operand);
    else if (answer)
        tell(session, answer, operand);
    json_decref(before);
    json_decref(answer);
    return session->exit_code;
}
