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

/* --- one run for one signature, as it came --- */

static void refuse_alone(struct openpgp_check *check, const char *why)
{
    check->out.count = 1;
    check->out.items[0] = (struct openpgp_signature){.made = TIMESTAMP_NONE};
    openpgp_refuse(&check->out.items[0], why);
}

static bool verify_alone(struct openpgp *openpgp, struct openpgp_check *check, struct err *err)
{
    static const char *const args[] = {"--verify", "--", "-&4", "-&5"};
    struct openpgp_run *run = mem_calloc(1, sizeof *run);
    struct openpgp_report report = {.count = 0};
    openpgp_run_add(run, args, ARRAY_SIZE(args));
    run->inputs[run->input_count++] = (struct openpgp_input){.bytes = check->signature, .size = check->signature_size};
    run->inputs[run->input_count++] = (struct openpgp_input){.bytes = check->bytes, .size = check->size};
    bool ok = openpgp_run_gpg(openpgp, run, err);
    if (ok && !run->is_cut) {
        openpgp_read_report(&report, &run->status);
        ok = openpgp_know_signers(openpgp, &report, 1, err);
    }
    if (ok && run->is_cut)
        refuse_alone(check, "takes GnuPG too long to look at");
    else if (ok && !openpgp_judge_report(openpgp, &report, &check->out))
        refuse_alone(check, "no signature can be read here");
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
    struct openpgp_report reports[OPENPGP_INPUTS_MAX];
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
static int file_number(struct openpgp_line line, size_t count)
{
    char name[NAME_SIZE];
    int64_t fd;
    if (!openpgp_take_word(&line, name, sizeof name) || !openpgp_take_word(&line, name, sizeof name) ||
        !openpgp_take_word(&line, name, sizeof name) || strncmp(name, "-&", 2) != 0 ||
        !str_to_int64(name + 2, OPENPGP_INPUT_FD, OPENPGP_INPUT_FD + (int)count - 1, &fd))
        return -1;
    return (int)fd - OPENPGP_INPUT_FD;
}

static void read_shared(struct shared *shared)
{
    const char *at = buf_text(&shared->run.status);
    struct openpgp_line line;
    int file = -1;
    while (openpgp_next_line(&at, &line)) {
        if (strncmp(line.at, "FILE_START ", 11) == 0)
            file = file_number(line, shared->count);
        else if (file >= 0 && !shared->reports[file].is_complete)
            openpgp_read_line(&shared->reports[file], line);
    }
}

/* What was not told in whole is looked at again by itself. */
static bool finish_shared(struct openpgp *openpgp, struct shared *shared, struct err *err)
{
    bool ok = openpgp_know_signers(openpgp, shared->reports, shared->count, err);
    for (size_t i = 0; ok && i < shared->count; i++) {
        struct openpgp_report *report = &shared->reports[i];
        bool is_whole = report->is_complete && report->count == 1 && report->plaintexts <= 1;
        if (!is_whole || !openpgp_judge_report(openpgp, report, &shared->checks[i]->out))
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
    openpgp_run_add(&shared->run, args, ARRAY_SIZE(args));
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
    struct openpgp_report report = {.count = 0};
    out->count = 0;
    buf_reset(content);
    if (!is_whole_message(bytes, size))
        return err_set(err, ERR_INPUT, "this is no signed OpenPGP message and nothing but one");
    struct openpgp_run *run = mem_calloc(1, sizeof *run);
    openpgp_run_add(run, args, ARRAY_SIZE(args));
    run->inputs[run->input_count++] = (struct openpgp_input){.bytes = bytes, .size = size};
    run->output = content;
    bool ok = openpgp_run_gpg(openpgp, run, err);
    if (ok)
        openpgp_read_report(&report, &run->status);
    if (ok && run->output_is_full)
        ok = err_set(err, ERR_LIMIT, "the signed text is larger than %zu bytes", content->size_max);
    else if (ok && run->is_cut)
        ok = err_set(err, ERR_LIMIT, "takes GnuPG too long to look at");
    else if (ok && (report.plaintexts != 1 || !openpgp_is_content(&report, run->exit_code)))
        ok = err_set(err, ERR_INPUT, "this is no signed OpenPGP message, or a broken one");
    ok = ok && openpgp_know_signers(openpgp, &report, 1, err);
    if (ok)
        openpgp_judge_report(openpgp, &report, out);
    else
        buf_reset(content);
    buf_clear(&run->status);
    free(run);
    return ok;
}
