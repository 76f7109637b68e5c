/* What gpg says on --status-fd (doc/DETAILS of GnuPG), and what we make of it. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "crypto/openpgp_context.h"

enum step { STEP_NO_KEY, STEP_BEGIN, STEP_END, STEP_OPEN, STEP_FAILED };

bool openpgp_take_word(struct openpgp_line *line, char *out, size_t size)
{
    while (line->at < line->end && *line->at == ' ')
        line->at++;
    size_t used = 0;
    for (; line->at < line->end && *line->at != ' '; line->at++)
        if (used + 1 < size)
            out[used++] = *line->at;
    out[used] = '\0';
    return used > 0;
}

static void skip_words(struct openpgp_line *line, unsigned count)
{
    char word[8];
    while (count-- > 0)
        openpgp_take_word(line, word, sizeof word);
}

static int64_t take_number(struct openpgp_line *line)
{
    char word[24];
    int64_t number = 0;
    return openpgp_take_word(line, word, sizeof word) && str_to_int64(word, 0, INT64_C(1) << 40, &number) ? number : 0;
}

static void set_error(struct openpgp_seen *item, const char *text)
{
    item->status = OPENPGP_ERROR;
    snprintf(item->text, sizeof item->text, "%s", text);
}

/* GnuPG says good only by a verdict and a VALIDSIG: once each. */
static void close_item(struct openpgp_report *report)
{
    struct openpgp_seen *item = report->count > 0 ? &report->items[report->count - 1] : NULL;
    if (item && report->verdicts == 0)
        set_error(item, "GnuPG says nothing of this signature");
    else if (item && (report->verdicts > 1 || report->valids > 1))
        set_error(item, "GnuPG says several things of one signature");
    else if (item && report->valids == 0 && item->status != OPENPGP_BAD && item->status != OPENPGP_UNKNOWN_KEY &&
             item->status != OPENPGP_ERROR)
        set_error(item, "GnuPG does not say which key is meant");
    report->verdicts = report->valids = 0;
}

static void on_new(struct openpgp_report *report, struct openpgp_line *line, int kind)
{
    UNUSED(line);
    UNUSED(kind);
    close_item(report);
    if (report->count == OPENPGP_SIGNATURES_MAX)
        report->is_over = true;
    else
        report->items[report->count++] = (struct openpgp_seen){.status = OPENPGP_ERROR, .made = TIMESTAMP_NONE};
}

static struct openpgp_seen *current(struct openpgp_report *report)
{
    if (report->count == 0)
        on_new(report, NULL, 0);
    return &report->items[report->count - 1];
}

/* GOODSIG, EXPSIG, EXPKEYSIG, REVKEYSIG, BADSIG: key id or fingerprint, then the user id */
static void on_verdict(struct openpgp_report *report, struct openpgp_line *line, int kind)
{
    struct openpgp_seen *item = current(report);
    report->verdicts++;
    item->status = (enum openpgp_status)kind;
    if (report->valids == 0)
        openpgp_take_word(line, item->signer, sizeof item->signer);
}

/* ERRSIG key-id algorithm hash class time code [fingerprint] */
static void on_errsig(struct openpgp_report *report, struct openpgp_line *line, int kind)
{
    enum { MISSING_KEY = 9, UNKNOWN_ALGORITHM = 4, BAD_DIGEST = 5 };
    struct openpgp_seen *item = current(report);
    char fingerprint[OPENPGP_FINGERPRINT_SIZE];
    UNUSED(kind);
    report->verdicts++;
    openpgp_take_word(line, item->signer, sizeof item->signer);
    item->algorithm = (int)take_number(line);
    item->hash = (int)take_number(line);
    skip_words(line, 1);
    int64_t made = take_number(line), code = take_number(line);
    item->made = made > 0 ? made * TIMESTAMP_SECOND : TIMESTAMP_NONE;
    if (openpgp_take_word(line, fingerprint, sizeof fingerprint) && strcmp(fingerprint, "-") != 0)
        memcpy(item->signer, fingerprint, sizeof item->signer);
    if (code == MISSING_KEY)
        item->status = OPENPGP_UNKNOWN_KEY;
    else
        set_error(item, code == UNKNOWN_ALGORITHM ? "made with an algorithm that GnuPG does not know"
                        : code == BAD_DIGEST      ? "made with a hash that is broken (MD5 or the like)"
                                                  : "GnuPG cannot check it (a broken packet, or an unusable key)");
}

/* VALIDSIG fingerprint date time expires version reserved algorithm hash class primary */
static void on_validsig(struct openpgp_report *report, struct openpgp_line *line, int kind)
{
    struct openpgp_seen *item = current(report);
    char class[8];
    UNUSED(kind);
    report->valids++;
    openpgp_take_word(line, item->signer, sizeof item->signer);
    skip_words(line, 1);
    int64_t made = take_number(line);
    skip_words(line, 3);
    item->made = made > 0 ? made * TIMESTAMP_SECOND : TIMESTAMP_NONE;
    item->algorithm = (int)take_number(line);
    item->hash = (int)take_number(line);
    openpgp_take_word(line, class, sizeof class);
    if (strcmp(class, "00") != 0 && strcmp(class, "01") != 0)
        set_error(item, "this is no signature over a document");
}

static void on_plaintext(struct openpgp_report *report, struct openpgp_line *line, int kind)
{
    UNUSED(line);
    UNUSED(kind);
    report->plaintexts++;
    if (report->depth > 0)
        report->closed_plaintexts++;
}

/* ENC_TO key-id algorithm length */
static void on_recipient(struct openpgp_report *report, struct openpgp_line *line, int kind)
{
    char id[sizeof report->needed[0]];
    UNUSED(kind);
    report->recipients++;
    if (!openpgp_take_word(line, id, sizeof id))
        return;
    report->has_hidden = report->has_hidden || id[strspn(id, "0")] == '\0';
    if (report->needed_count < OPENPGP_KEYS_MAX)
        memcpy(report->needed[report->needed_count++], id, sizeof id);
}

static void on_step(struct openpgp_report *report, struct openpgp_line *line, int kind)
{
    UNUSED(line);
    switch ((enum step)kind) {
    case STEP_NO_KEY:
        report->lacking++;
        break;
    case STEP_BEGIN:
        report->depth++;
        break;
    case STEP_END:
        report->depth -= report->depth > 0;
        break;
    case STEP_OPEN:
        report->opened++;
        break;
    case STEP_FAILED:
        report->has_failed = true;
        break;
    }
}

/* ERROR place code. A secret key that is of no use may be followed by one that is; all else that gpg calls an error is one: of a second
 * text it says no more than that. */
static void on_error(struct openpgp_report *report, struct openpgp_line *line, int kind)
{
    char place[32];
    UNUSED(kind);
    openpgp_take_word(line, place, sizeof place);
    if (strcmp(place, "nomdc_with_legacy_cipher") == 0)
        report->lacks_integrity = true;
    else if (strcmp(place, "pkdecrypt_failed") == 0)
        report->key_error = (gpgme_error_t)take_number(line);
    else if (strcmp(place, "get_passphrase") != 0)
        report->has_error = true;
}

/* NODATA, UNEXPECTED: something else than packets, or than those that belong there. */
static void on_nothing(struct openpgp_report *report, struct openpgp_line *line, int kind)
{
    UNUSED(line);
    UNUSED(kind);
    report->has_error = true;
}

static void on_done(struct openpgp_report *report, struct openpgp_line *line, int kind)
{
    UNUSED(line);
    UNUSED(kind);
    report->is_complete = true;
}

void openpgp_read_line(struct openpgp_report *report, struct openpgp_line line)
{
    static const struct {
        const char *word;
        void (*take)(struct openpgp_report *report, struct openpgp_line *line, int kind);
        int kind;
    } rows[] = {
        {"NEWSIG", on_new, 0},
        {"GOODSIG", on_verdict, OPENPGP_GOOD},
        {"EXPSIG", on_verdict, OPENPGP_EXPIRED_SIGNATURE},
        {"EXPKEYSIG", on_verdict, OPENPGP_EXPIRED_KEY},
        {"REVKEYSIG", on_verdict, OPENPGP_REVOKED_KEY},
        {"BADSIG", on_verdict, OPENPGP_BAD},
        {"ERRSIG", on_errsig, 0},
        {"VALIDSIG", on_validsig, 0},
        {"PLAINTEXT", on_plaintext, 0},
        {"ENC_TO", on_recipient, 0},
        {"NO_SECKEY", on_step, STEP_NO_KEY},
        {"BEGIN_DECRYPTION", on_step, STEP_BEGIN},
        {"END_DECRYPTION", on_step, STEP_END},
        {"DECRYPTION_OKAY", on_step, STEP_OPEN},
        {"DECRYPTION_FAILED", on_step, STEP_FAILED},
        {"ERROR", on_error, 0},
        {"NODATA", on_nothing, 0},
        {"UNEXPECTED", on_nothing, 0},
        {"FILE_DONE", on_done, 0},
    };
    char word[32];
    openpgp_take_word(&line, word, sizeof word);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (strcmp(rows[i].word, word) == 0)
            rows[i].take(report, &line, rows[i].kind);
}

bool openpgp_next_line(const char **at, struct openpgp_line *line)
{
    static const char mark[] = "[GNUPG:] ";
    while (**at) {
        const char *start = *at, *end = strchrnul(start, '\n');
        *at = *end ? end + 1 : end;
        if (strncmp(start, mark, sizeof mark - 1) == 0) {
            *line = (struct openpgp_line){start + sizeof mark - 1, end};
            return true;
        }
    }
    return false;
}

void openpgp_read_report(struct openpgp_report *report, const struct buf *status)
{
    struct openpgp_line line;
    for (const char *at = buf_text(status); openpgp_next_line(&at, &line);)
        openpgp_read_line(report, line);
}

/* --- judging --- */

bool openpgp_is_content(const struct openpgp_report *report, int exit_code)
{
    bool is_explained = exit_code == 0 || report->has_hidden; /* keys that were tried in vain count as errors there */
    for (size_t i = 0; i < report->count && !is_explained; i++)
        is_explained = report->items[i].status != OPENPGP_GOOD;
    return is_explained && !report->has_error;
}

bool openpgp_judge_report(struct openpgp *openpgp, struct openpgp_report *report, struct openpgp_signatures *out)
{
    close_item(report);
    out->count = 0;
    for (size_t i = 0; i < report->count; i++)
        openpgp_judge(openpgp, &report->items[i], &out->items[out->count++]);
    for (size_t i = 0; report->is_over && i < out->count; i++)
        openpgp_refuse(&out->items[i], OPENPGP_TOO_MANY);
    return out->count > 0;
}

static bool all_known(const struct openpgp *openpgp, const struct openpgp_report *report)
{
    for (size_t i = 0; i < report->count; i++)
        if (report->items[i].status != OPENPGP_UNKNOWN_KEY && report->items[i].status != OPENPGP_BAD &&
            report->items[i].status != OPENPGP_ERROR && !openpgp_find_known(openpgp, report->items[i].signer))
            return false;
    return true;
}

bool openpgp_know_signers(struct openpgp *openpgp, const struct openpgp_report *reports, size_t count, struct err *err)
{
    if (!openpgp_refresh_known(openpgp, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!all_known(openpgp, &reports[i]))
            return openpgp_load_known(openpgp, err);
    return true;
}
