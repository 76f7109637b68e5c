#include "codec/mail_auth.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/str.h"

enum { FIELDS_MAX = 20, RESULTS_MAX = 50, WORD_MAX = 255 };

/* --- Authentication-Results (RFC 8601 section 2.2) --- */

/* Comments become a blank; the structure is read without them. */
static char *without_comments(struct arena *arena, const char *text)
{
    char *copy = arena_calloc(arena, strlen(text) + 1, 1), *to = copy;
    bool quoted = false;
    unsigned depth = 0;
    for (; *text; text++) {
        bool is_escape = *text == '\\' && text[1] && (quoted || depth);
        if (!is_escape && *text == '"' && !depth)
            quoted = !quoted;
        if (!is_escape && *text == '(' && !quoted && depth++ == 0)
            *to++ = ' ';
        if (depth == 0)
            *to++ = *text;
        if (is_escape) {
            text++;
            if (depth == 0)
                *to++ = *text;
        } else if (*text == ')' && !quoted && depth) {
            depth--;
        }
    }
    return copy;
}

/* The next word at *at: up to a blank, "=" or ";", quotes undone. Empty at "=", ";" and the end. */
static void next_word(const char **at, char word[WORD_MAX + 1])
{
    size_t size = 0;
    bool quoted = false;
    *at += strspn(*at, " \t");
    for (; **at && (quoted || !strchr(" \t=;", **at)); (*at)++) {
        if (**at == '"') {
            quoted = !quoted;
            continue;
        }
        if (**at == '\\' && quoted && (*at)[1])
            (*at)++;
        if (size < WORD_MAX)
            word[size++] = **at;
    }
    word[size] = '\0';
    str_lower(word);
}

static bool skip_equals(const char **at)
{
    *at += strspn(*at, " \t");
    if (**at != '=')
        return false;
    (*at)++;
    return true;
}

/* One "method=result reason=... ptype.property=value ...". */
struct result {
    char method[WORD_MAX + 1], result[WORD_MAX + 1];
    char header_from[WORD_MAX + 1], mailfrom[WORD_MAX + 1], helo[WORD_MAX + 1], d[WORD_MAX + 1], i[WORD_MAX + 1];
};

static void take_property(struct result *result, const char *name, const char *value)
{
    struct {
        const char *name;
        char *to;
    } known[] = {{"header.from", result->header_from},
                 {"smtp.mailfrom", result->mailfrom},
                 {"smtp.mail", result->mailfrom},
                 {"smtp.helo", result->helo},
                 {"header.d", result->d},
                 {"header.i", result->i}};
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (strcmp(name, known[i].name) == 0 && known[i].to[0] == '\0')
            memcpy(known[i].to, value, strlen(value) + 1);
}

/* Reads up to the next ";"; false where there is none. */
static bool read_result(const char **at, struct result *out)
{
    char name[WORD_MAX + 1], value[WORD_MAX + 1];
    memset(out, 0, sizeof *out);
    if (!**at)
        return false;
    next_word(at, out->method);
    out->method[strcspn(out->method, "/")] = '\0';
    if (skip_equals(at))
        next_word(at, out->result);
    while (*(*at += strspn(*at, " \t")) && **at != ';') {
        const char *before = *at;
        next_word(at, name);
        if (skip_equals(at)) {
            next_word(at, value);
            take_property(out, name, value);
        }
        if (*at == before)
            (*at)++;
    }
    if (**at == ';')
        (*at)++;
    return true;
}

static bool is_result(const char *word)
{
    static const char *const known[] = {"pass",     "fail",      "none",      "neutral",       "softfail", "policy",
                                        "hardfail", "temperror", "permerror", "bestguesspass", "nxdomain", "discard"};
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (strcmp(word, known[i]) == 0)
            return true;
    return false;
}

/* The domain of an address or domain; NULL where there is nothing. */
static const char *domain_of(struct arena *arena, const char *text)
{
    const char *at = strrchr(text, '@');
    text = at ? at + 1 : text;
    return *text && str_is_utf8(text, strlen(text), NULL) ? arena_strdup(arena, text) : NULL;
}

/* Of each method the topmost word counts; only DKIM may have several. */
static void take_result(const struct result *result, struct arena *arena, bool may_add_dkim, struct mail_auth *out)
{
    if (!is_result(result->result))
        return;
    const char *word = arena_strdup(arena, result->result);
    if (strcmp(result->method, "dmarc") == 0 && !out->dmarc) {
        out->dmarc = word;
        out->dmarc_domain = domain_of(arena, result->header_from);
    } else if (strcmp(result->method, "spf") == 0 && !out->spf) {
        out->spf = word;
        out->spf_domain = domain_of(arena, result->mailfrom[0] ? result->mailfrom : result->helo);
    } else if (strcmp(result->method, "dkim") == 0 && may_add_dkim && out->dkim_count < MAIL_AUTH_DKIM_MAX) {
        out->dkim[out->dkim_count].result = word;
        out->dkim[out->dkim_count++].domain = domain_of(arena, result->d[0] ? result->d : result->i);
    }
}

/* False where somebody else said it. */
static bool read_field(const char *value, const char *authserv_id, struct arena *arena, struct mail_auth *out)
{
    char id[WORD_MAX + 1];
    struct result result;
    bool had_dkim = out->dkim_count > 0;
    const char *at = without_comments(arena, value);
    next_word(&at, id);
    if (strcasecmp(id, authserv_id) != 0)
        return false;
    at += strcspn(at, ";"); /* a version */
    at += *at == ';';
    for (unsigned n = 0; n < RESULTS_MAX && read_result(&at, &result); n++)
        take_result(&result, arena, !had_dkim, out);
    return true;
}

static void read_results(const struct mime *mime, const char *authserv_id, struct arena *arena, struct mail_auth *out)
{
    struct mime_field field;
    bool has_ours = false;
    unsigned count = 0;
    for (size_t at = 0; count < FIELDS_MAX && mime_next_field(mime, &mime->parts[0], &at, &field);) {
        if (mime_field_is(&field, "Received") && has_ours)
            return; /* what stands below came with the mail */
        if (!mime_field_is(&field, "Authentication-Results"))
            continue;
        count++;
        has_ours |= read_field(mime_field_value(mime, &field), authserv_id, arena, out);
    }
}

/* --- spam --- */

static void set_spam(struct mail_auth *out, bool is_spam)
{
    if (!out->has_spam)
        out->is_spam = is_spam;
    out->has_spam = true;
}

static void set_score(struct mail_auth *out, const char *text)
{
    char *end;
    double score = strtod(text, &end);
    if (end == text || out->has_spam_score || !isfinite(score) || fabs(score) > 1e6)
        return;
    out->spam_score = score;
    out->has_spam_score = true;
}

/* "Yes, score=7.2 required=5.0 tests=..." (SpamAssassin), "No, hits=..". */
static void read_status(const char *value, struct mail_auth *out)
{
    if (str_starts_nocase(value, "yes"))
        set_spam(out, true);
    else if (str_starts_nocase(value, "no"))
        set_spam(out, false);
    const char *score = strcasestr(value, "score=");
    if (!score)
        score = strcasestr(value, "hits=");
    if (score)
        set_score(out, strchr(score, '=') + 1);
}

/* "default: False [3.20 / 15.00]; SYMBOL.." (rspamd). */
static void read_rspamd(const char *value, struct mail_auth *out)
{
    const char *verdict = strchr(value, ':');
    verdict = verdict ? verdict + 1 + strspn(verdict + 1, " \t") : "";
    if (str_starts_nocase(verdict, "true"))
        set_spam(out, true);
    else if (str_starts_nocase(verdict, "false"))
        set_spam(out, false);
    const char *score = strchr(verdict, '[');
    if (score)
        set_score(out, score + 1);
}

/* What rspamd would have the MTA do. */
static void read_action(const char *value, struct mail_auth *out)
{
    static const char *const bad[] = {"add header", "rewrite subject", "reject", "quarantine", "discard"};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (str_equal_nocase(value, bad[i]))
            set_spam(out, true);
    if (str_equal_nocase(value, "no action") || str_equal_nocase(value, "greylist"))
        set_spam(out, false);
}

static void read_flag(const char *value, struct mail_auth *out)
{
    if (str_starts_nocase(value, "yes") || str_starts_nocase(value, "true"))
        set_spam(out, true);
    else if (str_starts_nocase(value, "no") || str_starts_nocase(value, "false"))
        set_spam(out, false);
}

static void read_spam(const struct mime *mime, struct mail_auth *out)
{
    static const struct {
        const char *name;
        void (*read)(const char *value, struct mail_auth *out);
    } known[] = {{"X-Spam-Flag", read_flag},
                 {"X-Spam", read_flag},
                 {"X-Spam-Status", read_status},
                 {"X-Spamd-Result", read_rspamd},
                 {"X-Rspamd-Action", read_action}};
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        const char *value = mime_header(mime, &mime->parts[0], known[i].name, 0);
        if (value)
            known[i].read(value, out);
    }
    const char *score = mime_header(mime, &mime->parts[0], "X-Rspamd-Score", 0);
    if (!score)
        score = mime_header(mime, &mime->parts[0], "X-Spam-Score", 0);
    if (score)
        set_score(out, score);
}

void mail_auth_read(const struct mime *mime, const char *authserv_id, struct arena *arena, struct mail_auth *out)
{
    *out = (struct mail_auth){.dmarc = NULL};
    if (!str_is_empty(authserv_id))
        read_results(mime, authserv_id, arena, out);
    read_spam(mime, out);
}

const char *mail_auth_dkim(const struct mail_auth *auth)
{
    for (size_t i = 0; i < auth->dkim_count; i++)
        if (str_equal(auth->dkim[i].result, "pass"))
            return "pass";
    return auth->dkim_count ? auth->dkim[0].result : NULL;
}
