/*
 * Signatures, by runs of gpg of which only the status lines are believed.
 *
 * A run costs 3 to 4 ms of processor, of which the signature is less than one: the rest is starting. Several mails therefore share one,
 * each as a file of its own, made here of the one signature packet and the bytes it is about. Whatever is not that plain (several
 * signatures, text mode, odd packets, a file that gpg did not finish) has a run to itself, with the signature as it came.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "crypto/openpgp_context.h"

enum { TYPE_BINARY = 0x00, SHARED_BYTES_MAX = 64 * 1024 * 1024, HEAD_SIZE = 32, NAME_SIZE = 16 };

/* --- status lines --- */

struct report {
    struct openpgp_seen items[OPENPGP_SIGNATURES_MAX];
    size_t count;
    unsigned verdicts, valids; /* of the last item */
    bool is_over, is_complete; /* more signatures than fit; the file was worked through */
    unsigned plaintexts;       /* literal data packets that were met */
};

struct line {
    const char *at, *end;
};

/* The next word; false at the end. */
static bool take_word(struct line *line, char *out, size_t size)
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

static void skip_words(struct line *line, unsigned count)
{
    char word[8];
    while (count-- > 0)
        take_word(line, word, sizeof word);
}

static int64_t take_number(struct line *line)
{
    char word[24];
    int64_t number = 0;
    return take_word(line, word, sizeof word) && str_to_int64(word, 0, INT64_C(1) << 40, &number) ? number : 0;
}

static void set_error(struct openpgp_seen *item, const char *text)
{
    item->status = OPENPGP_ERROR;
    snprintf(item->text, sizeof item->text, "%s", text);
}

/* GnuPG says good only by a verdict and a VALIDSIG: once each. */
static void close_item(struct report *report)
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

static void on_new(struct report *report, struct line *line, int kind)
{
    UNUSED(line);
    UNUSED(kind);
    close_item(report);
    if (report->count == OPENPGP_SIGNATURES_MAX)
        report->is_over = true;
    else
        report->items[report->count++] = (struct openpgp_seen){.status = OPENPGP_ERROR, .made = TIMESTAMP_NONE};
}

static struct openpgp_seen *current(struct report *report)
{
    if (report->count == 0)
        on_new(report, NULL, 0);
    return &report->items[report->count - 1];
}

/* GOODSIG, EXPSIG, EXPKEYSIG, REVKEYSIG, BADSIG: key id or fingerprint, then the user id */
static void on_verdict(struct report *report, struct line *line, int kind)
{
    struct openpgp_seen *item = current(report);
    report->verdicts++;
    item->status = (enum openpgp_status)kind;
    if (report->valids == 0)
        take_word(line, item->signer, sizeof item->signer);
}

/* ERRSIG key-id algorithm hash class time code [fingerprint] */
static void on_errsig(struct report *report, struct line *line, int kind)
{
    enum { MISSING_KEY = 9, UNKNOWN_ALGORITHM = 4, BAD_DIGEST = 5 };
    struct openpgp_seen *item = current(report);
    char fingerprint[OPENPGP_FINGERPRINT_SIZE];
    UNUSED(kind);
    report->verdicts++;
    take_word(line, item->signer, sizeof item->signer);
    item->algorithm = (int)take_number(line);
    item->hash = (int)take_number(line);
    skip_words(line, 1);
    int64_t made = take_number(line), code = take_number(line);
    item->made = made > 0 ? made * TIMESTAMP_SECOND : TIMESTAMP_NONE;
    if (take_word(line, fingerprint, sizeof fingerprint) && strcmp(fingerprint, "-") != 0)
        memcpy(item->signer, fingerprint, sizeof item->signer);
    if (code == MISSING_KEY)
        item->status = OPENPGP_UNKNOWN_KEY;
    else
        set_error(item, code == UNKNOWN_ALGORITHM ? "made with an algorithm that GnuPG does not know"
                        : code == BAD_DIGEST      ? "made with a hash that is broken (MD5 or the like)"
                                                  : "GnuPG cannot check it (a broken packet, or an unusable key)");
}

/* VALIDSIG fingerprint date time expires version reserved algorithm hash class primary */
static void on_validsig(struct report *report, struct line *line, int kind)
{
    struct openpgp_seen *item = current(report);
    char class[8];
    UNUSED(kind);
    report->valids++;
    take_word(line, item->signer, sizeof item->signer);
    skip_words(line, 1);
    int64_t made = take_number(line);
    skip_words(line, 3);
    item->made = made > 0 ? made * TIMESTAMP_SECOND : TIMESTAMP_NONE;
    item->algorithm = (int)take_number(line);
    item->hash = (int)take_number(line);
    take_word(line, class, sizeof class);
    if (strcmp(class, "00") != 0 && strcmp(class, "01") != 0)
        set_error(item, "this is no signature over a document");
}

static void on_plaintext(struct report *report, struct line *line, int kind)
{
    UNUSED(line);
    UNUSED(kind);
    report->plaintexts++;
}

static void on_done(struct report *report, struct line *line, int kind)
{
    UNUSED(line);
    UNUSED(kind);
    report->is_complete = true;
}

static void read_line(struct report *report, struct line line)
{
    static const struct {
        const char *word;
        void (*take)(struct report *report, struct line *line, int kind);
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
        {"FILE_DONE", on_done, 0},
    };
    char word[32];
    take_word(&line, word, sizeof word);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (strcmp(rows[i].word, word) == 0)
            rows[i].take(report, &line, rows[i].kind);
}

/* The next status line behind its mark; false at the end. Anything else on the descriptor is passed over. */
static bool next_line(const char **at, struct line *line)
{
    static const char mark[] = "[GNUPG:] ";
    while (**at) {
        const char *start = *at, *end = strchrnul(start, '\n');
        *at = *end ? end + 1 : end;
        if (strncmp(start, mark, sizeof mark - 1) == 0) {
            *line = (struct line){start + sizeof mark - 1, end};
            return true;
        }
    }
    return false;
}

/* --- judging --- */

static bool judge_report(struct openpgp *openpgp, struct report *report, struct openpgp_signatures *out)
{
    close_item(report);
    out->count = 0;
    for (size_t i = 0; i < report->count; i++)
        openpgp_judge(openpgp, &report->items[i], &out->items[out->count++]);
    for (size_t i = 0; report->is_over && i < out->count; i++)
        openpgp_refuse(&out->items[i], OPENPGP_TOO_MANY);
    return out->count > 0;
}

static bool all_known(const struct openpgp *openpgp, const struct report *report)
{
    for (size_t i = 0; i < report->count; i++)
        if (report->items[i].status != OPENPGP_UNKNOWN_KEY && report->items[i].status != OPENPGP_BAD &&
            report->items[i].status != OPENPGP_ERROR && !openpgp_find_known(openpgp, report->items[i].signer))
            return false;
    return true;
}

/* The keyring may have changed while gpg ran, too. */
static bool know_signers(struct openpgp *openpgp, const struct report *reports, size_t count, struct err *err)
{
    if (!openpgp_refresh_known(openpgp, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!all_known(openpgp, &reports[i]))
            return openpgp_load_known(openpgp, err);
    return true;
}

/* --- one run for one signature, as it came --- */

static void add_args(struct openpgp_run *run, const char *const *args, size_t count)
{
    for (size_t i = 0; i < count; i++)
        run->args[run->arg_count++] = args[i];
}

static bool verify_alone(struct openpgp *openpgp, struct openpgp_check *check, struct err *err)
{
    static const char *const args[] = {"--verify", "--", "-&4", "-&5"};
    struct openpgp_run *run = mem_calloc(1, sizeof *run);
    struct report report = {.count = 0};
    struct line line;
    add_args(run, args, ARRAY_SIZE(args));
    run->inputs[run->input_count++] = (struct openpgp_input){.bytes = check->signature, .size = check->signature_size};
    run->inputs[run->input_count++] = (struct openpgp_input){.bytes = check->bytes, .size = check->size};
    bool ok = openpgp_run_gpg(openpgp, run, err);
    const char *at = buf_text(&run->status);
    while (ok && next_line(&at, &line))
        read_line(&report, line);
    ok = ok && know_signers(openpgp, &report, 1, err);
    if (ok && !judge_report(openpgp, &report, &check->out)) {
        check->out.count = 1;
        check->out.items[0] = (struct openpgp_signature){.made = TIMESTAMP_NONE};
        openpgp_refuse(&check->out.items[0], "no signature can be read here");
    }
    buf_clear(&run->status);
    free(run);
    return ok;
}

/* --- one run for many --- */

struct shared {
    struct openpgp_run run;
    struct openpgp_check *checks[OPENPGP_INPUTS_MAX];
    struct openpgp_packet packets[OPENPGP_INPUTS_MAX];
    unsigned char heads[OPENPGP_INPUTS_MAX][HEAD_SIZE];
    char names[OPENPGP_INPUTS_MAX][NAME_SIZE];
    struct report reports[OPENPGP_INPUTS_MAX];
    size_t count, bytes;
};

/* A one-pass signature packet, then the head of a literal data packet of that many bytes (RFC 9580 sections 5.4 and 5.9). */
static size_t write_head(const struct openpgp_packet *packet, size_t size, unsigned char out[HEAD_SIZE])
{
    size_t length = size + 6;
    const unsigned char head[] = {0xC4,
                                  13,
                                  3,
                                  packet->type,
                                  packet->hash,
                                  packet->algorithm,
                                  0,
                                  0,
                                  0,
                                  0,
                                  0,
                                  0,
                                  0,
                                  0,
                                  1,
                                  0xCB,
                                  0xFF,
                                  (unsigned char)(length >> 24),
                                  (unsigned char)(length >> 16),
                                  (unsigned char)(length >> 8),
                                  (unsigned char)length,
                                  'b',
                                  0,
                                  0,
                                  0,
                                  0,
                                  0};
    memcpy(out, head, sizeof head);
    return sizeof head;
}

static bool add_shared(struct shared *shared, struct openpgp_check *check)
{
    size_t at = shared->count;
    struct openpgp_packet *packet = &shared->packets[at];
    if (check->size > SHARED_BYTES_MAX || !openpgp_packet_signature(check->signature, check->signature_size, packet) ||
        packet->type != TYPE_BINARY) {
        buf_clear(&packet->bytes);
        return false;
    }
    size_t head_size = write_head(packet, check->size, shared->heads[at]);
    shared->run.inputs[at] =
        (struct openpgp_input){shared->heads[at], check->bytes, packet->bytes.bytes, head_size, check->size, packet->bytes.size};
    snprintf(shared->names[at], NAME_SIZE, "-&%d", OPENPGP_INPUT_FD + (int)at);
    shared->run.args[shared->run.arg_count++] = shared->names[at];
    shared->checks[at] = check;
    shared->bytes += check->size;
    shared->run.input_count = ++shared->count;
    return true;
}

/* FILE_START what name: the number of our file, or -1. */
static int file_number(struct line line, size_t count)
{
    char name[NAME_SIZE];
    int64_t fd;
    skip_words(&line, 2);
    if (!take_word(&line, name, sizeof name) || strncmp(name, "-&", 2) != 0 ||
        !str_to_int64(name + 2, OPENPGP_INPUT_FD, OPENPGP_INPUT_FD + (int)count - 1, &fd))
        return -1;
    return (int)fd - OPENPGP_INPUT_FD;
}

static void read_shared(struct shared *shared)
{
    const char *at = buf_text(&shared->run.status);
    struct line line;
    int file = -1;
    while (next_line(&at, &line)) {
        if (strncmp(line.at, "FILE_START ", 11) == 0)
            file = file_number(line, shared->count);
        else if (file >= 0 && !shared->reports[file].is_complete)
            read_line(&shared->reports[file], line);
    }
}

/* What was not told in whole is looked at again by itself. */
static bool finish_shared(struct openpgp *openpgp, struct shared *shared, struct err *err)
{
    bool ok = know_signers(openpgp, shared->reports, shared->count, err);
    for (size_t i = 0; ok && i < shared->count; i++) {
        struct report *report = &shared->reports[i];
        bool is_whole = report->is_complete && report->count == 1 && report->plaintexts <= 1;
        if (!is_whole || !judge_report(openpgp, report, &shared->checks[i]->out))
            ok = verify_alone(openpgp, shared->checks[i], err);
    }
    return ok;
}

static bool flush_shared(struct openpgp *openpgp, struct shared *shared, struct err *err)
{
    bool ok = shared->count == 0 || openpgp_run_gpg(openpgp, &shared->run, err);
    if (ok && shared->count > 0) {
        read_shared(shared);
        ok = finish_shared(openpgp, shared, err);
    }
    for (size_t i = 0; i < shared->count; i++)
        buf_clear(&shared->packets[i].bytes);
    buf_clear(&shared->run.status);
    return ok;
}

static struct shared *new_shared(void)
{
    static const char *const args[] = {"--verify-files", "--"};
    struct shared *shared = mem_calloc(1, sizeof *shared);
    add_args(&shared->run, args, ARRAY_SIZE(args));
    return shared;
}

bool openpgp_verify_batch(struct openpgp *openpgp, struct openpgp_check *checks, size_t count, struct err *err)
{
    struct shared *shared = new_shared();
    bool ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        checks[i].out.count = 0;
        if (!add_shared(shared, &checks[i]))
            ok = verify_alone(openpgp, &checks[i], err);
        if (ok && (shared->count == OPENPGP_INPUTS_MAX || shared->bytes > SHARED_BYTES_MAX)) {
            ok = flush_shared(openpgp, shared, err);
            free(shared);
            shared = new_shared();
        }
    }
    if (ok)
        ok = flush_shared(openpgp, shared, err);
    free(shared);
    return ok;
}

bool openpgp_verify_detached(struct openpgp *openpgp, const void *bytes, size_t size, const void *signature, size_t signature_size,
                             struct openpgp_signatures *out, struct err *err)
{
    struct openpgp_check check = {.bytes = bytes, .size = size, .signature = signature, .signature_size = signature_size};
    bool ok = openpgp_verify_batch(openpgp, &check, 1, err);
    *out = check.out;
    return ok;
}

/* --- clear-signed and signed messages --- */

static bool is_whole_message(const char *bytes, size_t size)
{
    if (size > 0 && (*(const unsigned char *)bytes & 0x80))
        return true;
    return openpgp_packet_is_whole_block(bytes, size, "-----BEGIN PGP SIGNED MESSAGE-----", "-----END PGP SIGNATURE-----") ||
           openpgp_packet_is_whole_block(bytes, size, "-----BEGIN PGP MESSAGE-----", "-----END PGP MESSAGE-----");
}

bool openpgp_verify_inline(struct openpgp *openpgp, const void *bytes, size_t size, struct buf *content, struct openpgp_signatures *out,
                           struct err *err)
{
    static const char *const args[] = {"--output", "-", "--verify", "--", "-&4"};
    struct report report = {.count = 0};
    struct line line;
    out->count = 0;
    buf_reset(content);
    if (!is_whole_message(bytes, size))
        return err_set(err, ERR_INPUT, "this is no signed OpenPGP message and nothing but one");
    struct openpgp_run *run = mem_calloc(1, sizeof *run);
    add_args(run, args, ARRAY_SIZE(args));
    run->inputs[run->input_count++] = (struct openpgp_input){.bytes = bytes, .size = size};
    run->output = content;
    bool ok = openpgp_run_gpg(openpgp, run, err);
    const char *at = buf_text(&run->status);
    while (ok && next_line(&at, &line))
        read_line(&report, line);
    if (ok && run->output_is_full)
        ok = err_set(err, ERR_LIMIT, "the signed text is larger than %zu bytes", content->size_max);
    else if (ok && report.plaintexts != 1)
        ok = err_set(err, ERR_INPUT, "this is no signed OpenPGP message, or a broken one");
    ok = ok && know_signers(openpgp, &report, 1, err);
    if (ok)
        judge_report(openpgp, &report, out);
    else
        buf_reset(content);
    buf_clear(&run->status);
    free(run);
    return ok;
}
