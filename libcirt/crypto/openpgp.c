#include "crypto/openpgp.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "crypto/openpgp_context.h"

enum { HOME_SIZE_MAX = 80 };

/* What GnuPG may do in our homes. self-sigs-only: a key with a million foreign signatures stays small. max-output: a bomb ends here
 * even where our own sink would have been larger. trust-model direct: no web of trust, as with "always", which dies of an expired key in a
 * home without trustdb (GnuPG 2.2). */
static const char gpg_conf[] = "batch\n"
                               "no-tty\n"
                               "no-greeting\n"
                               "display-charset utf-8\n"
                               "disable-dirmngr\n"
                               "no-auto-key-retrieve\n"
                               "no-auto-key-locate\n"
                               "no-auto-key-import\n"
                               "trust-model direct\n"
                               "import-options self-sigs-only\n"
                               "max-output 67108864\n"
                               "personal-digest-preferences SHA512 SHA384 SHA256\n"
                               "cert-digest-algo SHA512\n"
                               "no-emit-version\n";

static void library_init(void)
{
    gpgme_check_version(NULL);
    gpgme_set_locale(NULL, LC_CTYPE, "C.UTF-8");
}

bool openpgp_failed(struct err *err, enum err_code code, const char *what, gpgme_error_t why)
{
    char text[160];
    gpgme_strerror_r(why, text, sizeof text);
    return err_set(err, code, "%s: %s", what, text);
}

/* --- the home --- */

static bool conf_is_written(const char *path)
{
    char now[sizeof gpg_conf + 1];
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t size = fread(now, 1, sizeof now, file);
    fclose(file);
    return size == sizeof gpg_conf - 1 && memcmp(now, gpg_conf, size) == 0;
}

static bool write_conf(const char *home, struct err *err)
{
    bool ok = false;
    char *path = mem_printf("%s/gpg.conf", home);
    char *next = mem_printf("%s/gpg.conf.%ld", home, (long)getpid());
    if (conf_is_written(path)) {
        ok = true;
        goto done;
    }
    int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, gpg_conf, sizeof gpg_conf - 1) != (ssize_t)(sizeof gpg_conf - 1) || rename(next, path) != 0)
        err_set(err, ERR_INTERNAL, "%s cannot be written: %s", path, strerror(errno));
    else
        ok = true;
    if (fd >= 0)
        close(fd);
done:
    free(path);
    free(next);
    return ok;
}

static bool prepare_home(const char *home, struct err *err)
{
    struct stat status;
    if (strlen(home) > HOME_SIZE_MAX)
        return err_set(err, ERR_INTERNAL, "the GnuPG home %s is longer than %d bytes: the agent's socket would not fit", home,
                       HOME_SIZE_MAX);
    if (mkdir(home, 0700) != 0 && errno != EEXIST)
        return err_set(err, ERR_INTERNAL, "the GnuPG home %s cannot be made: %s", home, strerror(errno));
    if (stat(home, &status) != 0 || !S_ISDIR(status.st_mode))
        return err_set(err, ERR_INTERNAL, "the GnuPG home %s is no directory", home);
    if ((status.st_mode & 077) != 0 || status.st_uid != geteuid())
        return err_set(err, ERR_INTERNAL, "the GnuPG home %s may be used by others (chmod 700)", home);
    return write_conf(home, err);
}

bool openpgp_open(const char *home, struct openpgp **out, struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, library_init);
    if (!prepare_home(home, err))
        return false;
    struct openpgp *openpgp = mem_calloc(1, sizeof *openpgp);
    openpgp->home = mem_strdup(home);
    gpgme_error_t why = gpgme_new(&openpgp->context);
    if (!why)
        why = gpgme_set_protocol(openpgp->context, GPGME_PROTOCOL_OpenPGP);
    if (!why)
        why = gpgme_ctx_set_engine_info(openpgp->context, GPGME_PROTOCOL_OpenPGP, NULL, home);
    if (!why)
        why = gpgme_set_pinentry_mode(openpgp->context, GPGME_PINENTRY_MODE_ERROR);
    if (why) {
        openpgp_close(openpgp);
        return openpgp_failed(err, ERR_INTERNAL, "GnuPG", why);
    }
    gpgme_engine_info_t engine = gpgme_ctx_get_engine_info(openpgp->context);
    while (engine && engine->protocol != GPGME_PROTOCOL_OpenPGP)
        engine = engine->next;
    openpgp->gpg = mem_strdup(engine && engine->file_name ? engine->file_name : "/usr/bin/gpg");
    gpgme_set_offline(openpgp->context, 1);
    gpgme_set_armor(openpgp->context, 1);
    *out = openpgp;
    return true;
}

void openpgp_close(struct openpgp *openpgp)
{
    if (!openpgp)
        return;
    if (openpgp->context)
        gpgme_release(openpgp->context);
    free(openpgp->keys);
    free(openpgp->home);
    free(openpgp->gpg);
    free(openpgp);
}

void openpgp_stop_agent(struct openpgp *openpgp)
{
    const char *argv[] = {"", "--homedir", openpgp->home, "--kill", "all", NULL};
    gpgme_ctx_t context;
    if (gpgme_new(&context))
        return;
    if (!gpgme_set_protocol(context, GPGME_PROTOCOL_SPAWN)) {
        const char *gpgconf = gpgme_get_dirinfo("gpgconf-name");
        gpgme_op_spawn(context, gpgconf ? gpgconf : "gpgconf", argv, NULL, NULL, NULL, 0);
    }
    gpgme_release(context);
}

/* --- input and output --- */

bool openpgp_input(const void *bytes, size_t size, gpgme_data_t *out, struct err *err)
{
    gpgme_error_t why = gpgme_data_new_from_mem(out, bytes, size, 0);
    return why ? openpgp_failed(err, ERR_INTERNAL, "GnuPG input", why) : true;
}

static ssize_t on_output(void *context, const void *bytes, size_t size)
{
    struct openpgp_sink *sink = context;
    if (!buf_add(sink->out, bytes, size)) {
        sink->is_full = true;
        errno = EFBIG;
        return -1;
    }
    return (ssize_t)size;
}

static const struct gpgme_data_cbs sink_callbacks = {.write = on_output};

bool openpgp_output(struct openpgp_sink *sink, gpgme_data_t *out, struct err *err)
{
    struct gpgme_data_cbs *callbacks = (struct gpgme_data_cbs *)&sink_callbacks; /* GPGME only reads it */
    gpgme_error_t why = gpgme_data_new_from_cbs(out, callbacks, sink);
    return why ? openpgp_failed(err, ERR_INTERNAL, "GnuPG output", why) : true;
}

/* --- signing and sealing --- */

/* The key with exactly that fingerprint, usable for it now. */
static bool get_key(struct openpgp *openpgp, const char *fingerprint, bool to_sign, gpgme_key_t *out, struct err *err)
{
    gpgme_key_t key = NULL;
    gpgme_set_keylist_mode(openpgp->context, GPGME_KEYLIST_MODE_LOCAL);
    gpgme_error_t why = gpgme_get_key(openpgp->context, fingerprint, &key, to_sign);
    if (why && gpgme_err_code(why) != GPG_ERR_EOF)
        return openpgp_failed(err, ERR_AGAIN, "GnuPG cannot list keys", why);
    bool is_it = key && key->subkeys && key->subkeys->fpr && strcasecmp(key->subkeys->fpr, fingerprint) == 0;
    bool is_usable =
        is_it && !key->revoked && !key->expired && !key->disabled && !key->invalid && (to_sign ? key->can_sign : key->can_encrypt);
    if (is_usable) {
        *out = key;
        return true;
    }
    if (key)
        gpgme_key_unref(key);
    return err_set(err, ERR_NOT_FOUND, is_it ? "key %s cannot be used: expired, revoked, or not meant for this" : "no key %s", fingerprint);
}

static bool set_signer(struct openpgp *openpgp, const char *fingerprint, struct err *err)
{
    gpgme_key_t key;
    if (!get_key(openpgp, fingerprint, true, &key, err))
        return false;
    gpgme_signers_clear(openpgp->context);
    gpgme_error_t why = gpgme_signers_add(openpgp->context, key);
    gpgme_key_unref(key);
    return why ? openpgp_failed(err, ERR_INTERNAL, "GnuPG signer", why) : true;
}

static void name_micalg(struct openpgp *openpgp, char micalg[24])
{
    gpgme_sign_result_t result = gpgme_op_sign_result(openpgp->context);
    const char *hash = result && result->signatures ? gpgme_hash_algo_name(result->signatures->hash_algo) : NULL;
    snprintf(micalg, 24, "pgp-%s", hash ? hash : "sha256");
    for (char *c = micalg; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c - 'A' + 'a');
}

bool openpgp_sign_detached(struct openpgp *openpgp, const char *fingerprint, const void *bytes, size_t size, struct buf *signature,
                           char micalg[24], struct err *err)
{
    struct openpgp_sink sink = {.out = signature};
    gpgme_data_t text = NULL, proof = NULL;
    bool ok = false;
    if (!set_signer(openpgp, fingerprint, err) || !openpgp_input(bytes, size, &text, err) || !openpgp_output(&sink, &proof, err))
        goto done;
    gpgme_error_t why = gpgme_op_sign(openpgp->context, text, proof, GPGME_SIG_MODE_DETACH);
    if (sink.is_full)
        err_set(err, ERR_LIMIT, "no room for the signature");
    else if (why)
        openpgp_failed(err, ERR_AGAIN, "GnuPG cannot sign", why);
    else
        ok = true;
    if (ok)
        name_micalg(openpgp, micalg);
done:
    gpgme_data_release(text);
    gpgme_data_release(proof);
    return ok;
}

bool openpgp_encrypt_sign(struct openpgp *openpgp, const char *signer, const char *const *recipients, size_t recipient_count,
                          const void *bytes, size_t size, struct buf *out, struct err *err)
{
    const gpgme_encrypt_flags_t flags = GPGME_ENCRYPT_ALWAYS_TRUST | GPGME_ENCRYPT_NO_ENCRYPT_TO;
    gpgme_key_t keys[OPENPGP_KEYS_MAX + 1] = {NULL};
    struct openpgp_sink sink = {.out = out};
    gpgme_data_t plain = NULL, cipher = NULL;
    size_t before = out->size;
    bool ok = false;
    if (recipient_count == 0 || recipient_count > OPENPGP_KEYS_MAX)
        return err_set(err, ERR_LIMIT, "between 1 and %d recipients, not %zu", OPENPGP_KEYS_MAX, recipient_count);
    for (size_t i = 0; i < recipient_count; i++)
        if (!get_key(openpgp, recipients[i], false, &keys[i], err))
            goto done;
    if ((signer && !set_signer(openpgp, signer, err)) || !openpgp_input(bytes, size, &plain, err) || !openpgp_output(&sink, &cipher, err))
        goto done;
    gpgme_error_t why = signer ? gpgme_op_encrypt_sign(openpgp->context, keys, flags, plain, cipher)
                               : gpgme_op_encrypt(openpgp->context, keys, flags, plain, cipher);
    if (sink.is_full)
        err_set(err, ERR_LIMIT, "the encrypted message is larger than %zu bytes", out->size_max);
    else if (why)
        openpgp_failed(err, ERR_AGAIN, "GnuPG cannot encrypt", why);
    else
        ok = true;
done:
    if (!ok && out->size > before) {
        out->size = before;
        out->bytes[before] = '\0';
    }
    for (size_t i = 0; i < recipient_count; i++)
        if (keys[i])
            gpgme_key_unref(keys[i]);
    gpgme_data_release(plain);
    gpgme_data_release(cipher);
    return ok;
}
