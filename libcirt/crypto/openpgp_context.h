/* crypto/openpgp_context.h - what the files of openpgp share; nobody else includes it. */
#ifndef CIRT_CRYPTO_OPENPGP_CONTEXT_H
#define CIRT_CRYPTO_OPENPGP_CONTEXT_H

#include <gpgme.h>
#include <sys/types.h>

#include "crypto/openpgp.h"

/* One primary key or subkey of the home, so that a signer's fingerprint leads to its primary without another gpg run. */
struct openpgp_known {
    char fingerprint[OPENPGP_FINGERPRINT_SIZE], primary[OPENPGP_FINGERPRINT_SIZE];
    int64_t expires; /* the earlier of its own and the primary's; TIMESTAMP_NONE for never */
    bool is_revoked, is_disabled;
};

struct openpgp {
    gpgme_ctx_t context;
    char *home, *gpg; /* gpg: the program, as GPGME found it */
    struct openpgp_known *keys;
    size_t key_count, key_capacity;
    bool has_keys; /* keys[] is as the keyring was when it had that stamp */
    struct openpgp_stamp {
        ino_t inode;
        off_t size;
        int64_t changed;
    } stamp;
};

/* --- openpgp.c --- */

bool openpgp_failed(struct err *err, enum err_code code, const char *what, gpgme_error_t why);
bool openpgp_input(const void *bytes, size_t size, gpgme_data_t *out, struct err *err) MUST_CHECK;

/* Where GPGME writes to; what does not fit ends it. */
struct openpgp_sink {
    struct buf *out;
    bool is_full;
};
bool openpgp_output(struct openpgp_sink *sink, gpgme_data_t *out, struct err *err) MUST_CHECK;

/* --- openpgp_keys.c --- */

enum openpgp_key_now openpgp_key_state(bool is_revoked, bool is_disabled, int64_t expires);
const struct openpgp_known *openpgp_find_known(const struct openpgp *openpgp, const char *fingerprint);
/* Lists the home's keys where somebody changed them since the last time. */
bool openpgp_refresh_known(struct openpgp *openpgp, struct err *err) MUST_CHECK;
bool openpgp_load_known(struct openpgp *openpgp, struct err *err) MUST_CHECK;

/* --- openpgp_judge.c --- */

/* One signature as GnuPG tells of it, before we judge. */
struct openpgp_seen {
    enum openpgp_status status;
    char signer[OPENPGP_FINGERPRINT_SIZE];
    int64_t made;
    int hash, algorithm; /* numbers of RFC 9580, 0: not told */
    char text[96];
};

#define OPENPGP_TOO_MANY "more than 8 signatures at once"

void openpgp_refuse(struct openpgp_signature *out, const char *text);
/* Needs the known keys refreshed. */
void openpgp_judge(struct openpgp *openpgp, const struct openpgp_seen *seen, struct openpgp_signature *out);

/* --- openpgp_report.c --- */

/* What the status lines of a run said. Zeroed at first. */
struct openpgp_report {
    struct openpgp_seen items[OPENPGP_SIGNATURES_MAX];
    size_t count;
    unsigned verdicts, valids;              /* of the last item */
    bool is_over, is_complete;              /* more signatures than fit; the file was worked through */
    unsigned plaintexts, closed_plaintexts; /* literal data packets that were met; those of them inside an encryption */
    unsigned depth, opened;                 /* encryptions that are being read; that were opened whole, and not changed on the way */
    unsigned recipients, lacking;           /* keys it is encrypted to; those of them that we have no secret part of */
    bool has_failed, lacks_integrity, has_error, has_hidden;
    gpgme_error_t key_error; /* why a secret key was of no use */
    char needed[OPENPGP_KEYS_MAX][17];
    size_t needed_count;
};

struct openpgp_line {
    const char *at, *end;
};
/* The next status line, behind its mark; false at the end. Anything else on the descriptor is passed over. */
bool openpgp_next_line(const char **at, struct openpgp_line *line);
/* The next word of it, cut to size; false at the end. */
bool openpgp_take_word(struct openpgp_line *line, char *out, size_t size);
void openpgp_read_line(struct openpgp_report *report, struct openpgp_line line);

/* Reads all that a run said. */
void openpgp_read_report(struct openpgp_report *report, const struct buf *status);
/* What is known of the keys that signed, read anew where one is new; the keyring may have changed while gpg ran, too. */
bool openpgp_know_signers(struct openpgp *openpgp, const struct openpgp_report *reports, size_t count, struct err *err) MUST_CHECK;
/* gpg took all of it for what it is: no error, and an exit code other than 0 only for a signature that is not good. */
bool openpgp_is_content(const struct openpgp_report *report, int exit_code);
/* Our own judgement of each signature. False where there is none. Needs the signers known. */
bool openpgp_judge_report(struct openpgp *openpgp, struct openpgp_report *report, struct openpgp_signatures *out);

/* --- openpgp_run.c --- */

enum { OPENPGP_INPUT_FD = 4, OPENPGP_INPUTS_MAX = 64, OPENPGP_ARGS_MAX = OPENPGP_INPUTS_MAX + 16 };

/* A run of gpg on our home. Input number i has the name "-&N" with N = OPENPGP_INPUT_FD + i among the arguments. */
struct openpgp_run {
    const char *args[OPENPGP_ARGS_MAX];
    size_t arg_count;
    struct openpgp_input {
        const void *head, *bytes, *tail; /* three pieces in a row */
        size_t head_size, size, tail_size;
    } inputs[OPENPGP_INPUTS_MAX];
    size_t input_count;
    struct buf *output; /* what gpg writes to stdout; NULL: nothing is wanted */
    size_t status_max;  /* how much it may say; 0: a megabyte */
    int cpu_ms_max;     /* of processor that it may take; 0: three seconds, many times what the largest mail takes */
    struct buf status;  /* the lines of --status-fd; the caller clears it */
    bool output_is_full;
    int exit_code;
    bool is_cut; /* it was stopped: it said too much, or took too much processor. A few kilobytes can be made to take hours */
};

void openpgp_run_add(struct openpgp_run *run, const char *const *args, size_t count);
/* ERR_AGAIN where gpg could not run, or was not done within a minute. Of a run that was cut the status lines tell nothing. */
bool openpgp_run_gpg(const struct openpgp *openpgp, struct openpgp_run *run, struct err *err) MUST_CHECK;

/* --- openpgp_packet.c --- */

/* A detached signature in packets, without its armour. */
struct openpgp_packet {
    struct buf bytes;
    unsigned char type, hash, algorithm;
};
/* True where the bytes (armoured or binary) hold exactly one well-formed signature packet and nothing else. out->bytes is the caller's to
 * clear in any case. */
bool openpgp_packet_signature(const void *bytes, size_t size, struct openpgp_packet *out);
/* Where the armoured block of that kind ("PGP SIGNED MESSAGE", "PGP MESSAGE") is all there is, but for blanks around it. */
bool openpgp_packet_is_whole_block(const char *bytes, size_t size, const char *begin, const char *end);

/* Where the bytes (binary, or armoured with text around that holds no other block) are session keys and one encryption, which ends where
 * they do. GnuPG reads on behind it, and gives out what follows, a text or the listing of a key, as if it had been inside. */
bool openpgp_packet_is_encryption(const void *bytes, size_t size);

#endif
