/* Opening what is encrypted to us, by a run of gpg: unlike one through GPGME it has an end, whatever a stranger made. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "crypto/openpgp_context.h"

/* Room for what gpg says of some four hundred recipients; it tries the secret key on each, a millisecond or more. */
enum { STATUS_MAX = 64 * 1024, CPU_MS = 3000, CPU_MS_A_MEGABYTE = 200 }; /* bzip2 takes a tenth of a second for one */

/* The agent's answer says that this key does not open that, today and ever. */
static bool is_about_input(gpgme_error_t why)
{
    switch (gpgme_err_code(why)) {
    case GPG_ERR_NO_ERROR: /* the key opened it, and what came out was wrong */
    case GPG_ERR_NO_SECKEY:
    case GPG_ERR_WRONG_SECKEY:
    case GPG_ERR_BAD_SECKEY:
    case GPG_ERR_BAD_KEY:
    case GPG_ERR_BAD_DATA:
    case GPG_ERR_INV_DATA:
    case GPG_ERR_INV_OBJ:
    case GPG_ERR_CHECKSUM:
    case GPG_ERR_CIPHER_ALGO:
    case GPG_ERR_PUBKEY_ALGO:
    case GPG_ERR_DECRYPT_FAILED:
    case GPG_ERR_UNSUPPORTED_ALGORITHM:
    case GPG_ERR_NO_DATA:
    case GPG_ERR_NO_OBJ:
    case GPG_ERR_INV_PACKET:
    case GPG_ERR_GENERAL:
        return true;
    default:
        return false;
    }
}

static bool opening_failed(const struct openpgp_report *report, struct err *err)
{
    if (report->lacks_integrity)
        return err_set(err, ERR_INPUT, "encrypted without integrity protection: not opened");
    if (report->recipients > 0 && report->lacking >= report->recipients)
        return err_set(err, ERR_NOT_FOUND, "encrypted to keys we do not have");
    if (!is_about_input(report->key_error))
        return openpgp_failed(err, ERR_AGAIN, "GnuPG cannot decrypt", report->key_error);
    if (report->has_failed && report->recipients > 0)
        return err_set(err, ERR_INPUT, "cannot be opened: broken, or changed on its way");
    return err_set(err, ERR_INPUT, "not an encrypted OpenPGP message, or a broken one");
}

/* One text, inside an encryption that gpg says was opened whole, and nothing that it objects to. */
static bool is_open(const struct openpgp_report *report, int exit_code)
{
    return openpgp_is_content(report, exit_code) && report->opened > 0 && !report->has_failed && !report->lacks_integrity &&
           report->depth == 0 && report->plaintexts == 1 && report->closed_plaintexts == 1;
}

static bool take_report(struct openpgp *openpgp, const struct openpgp_run *run, struct openpgp_opened *out, struct err *err)
{
    struct openpgp_report report = {.count = 0};
    openpgp_read_report(&report, &run->status);
    memcpy(out->needed, report.needed, sizeof out->needed);
    out->needed_count = report.needed_count;
    if (run->output_is_full)
        return err_set(err, ERR_LIMIT, "the clear text is larger than %zu bytes", run->output->size_max);
    if (run->is_cut)
        return err_set(err, ERR_LIMIT, "takes GnuPG too long to open");
    if (!is_open(&report, run->exit_code))
        return opening_failed(&report, err);
    if (!openpgp_know_signers(openpgp, &report, 1, err))
        return false;
    openpgp_judge_report(openpgp, &report, &out->signatures);
    out->has_integrity = true;
    return true;
}

bool openpgp_decrypt(struct openpgp *openpgp, const void *bytes, size_t size, struct buf *clear, struct openpgp_opened *out,
                     struct err *err)
{
    static const char *const args[] = {"--pinentry-mode", "error", "--output", "-", "--decrypt", "--", "-&4"};
    struct openpgp_run *run = mem_calloc(1, sizeof *run);
    *out = (struct openpgp_opened){.has_integrity = false};
    buf_reset(clear);
    if (!openpgp_packet_is_encryption(bytes, size)) {
        free(run);
        return err_set(err, ERR_INPUT, "not an encrypted OpenPGP message and nothing but one");
    }
    openpgp_run_add(run, args, ARRAY_SIZE(args));
    run->inputs[run->input_count++] = (struct openpgp_input){.bytes = bytes, .size = size};
    run->output = clear;
    run->status_max = STATUS_MAX;
    run->cpu_ms_max = CPU_MS + (int)(size >> 20) * CPU_MS_A_MEGABYTE;
    bool ok = openpgp_run_gpg(openpgp, run, err) && take_report(openpgp, run, out, err);
    if (!ok)
        buf_reset(clear);
    buf_clear(&run->status);
    free(run);
    return ok;
}
