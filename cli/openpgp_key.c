#include "cli/openpgp_key.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/file.h"
#include "cli/words.h"
#include "crypto/openpgp.h"

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    UNUSED(status);
    UNUSED(kind);
    UNUSED(place);
    return remove(path);
}

/* Reads the block in a home of its own that is gone afterwards: nothing of the analyst's own GnuPG is touched. */
static bool read_block(const char *text, struct openpgp_keys *keys, struct err *err)
{
    char home[] = "/tmp/cirt-key-XXXXXX";
    struct openpgp *openpgp = NULL;
    bool ok;

    if (!mkdtemp(home))
        return err_set(err, ERR_INTERNAL, _("%s cannot be made: %s"), home, strerror(errno));
    ok = openpgp_open(home, &openpgp, err) && openpgp_fingerprint_of(openpgp, text, strlen(text), keys, err);
    if (openpgp)
        openpgp_stop_agent(openpgp);
    openpgp_close(openpgp);
    nftw(home, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return ok;
}

/* "Team <team@yy.example>" or "team@yy.example"; NULL where there is no address. */
static json_t *address_of(const char *user_id)
{
    const char *open = strrchr(user_id, '<'), *close = open ? strchr(open, '>') : NULL;

    if (close)
        return json_stringn(open + 1, (size_t)(close - open - 1));
    return strchr(user_id, '@') && !strchr(user_id, ' ') ? json_string(user_id) : NULL;
}

static json_t *describe(const struct openpgp_keys *keys, const char *path, const char *address, const char *text, struct err *err)
{
    json_t *mail;

    if (keys->count != 1) {
        err_set(err, ERR_INPUT, _("%s holds %zu keys: one a file, please"), path, keys->count);
        return NULL;
    }
    mail = address ? json_string(address) : address_of(keys->items[0].user_id);
    if (!mail) {
        err_set(err, ERR_INPUT, _("the key in %s names no mail address: --mail ADDRESS says whose it is"), path);
        return NULL;
    }
    return json_pack("{s:s, s:[o], s:s}", "fingerprint", keys->items[0].fingerprint, "addresses", mail, "armoured", text);
}

json_t *openpgp_key_read(const char *path, const char *address, struct err *err)
{
    char *text = file_text(path, err);
    struct openpgp_keys *keys = mem_calloc(1, sizeof *keys);
    json_t *key = NULL;

    if (text && !strstr(text, "-----BEGIN PGP PUBLIC KEY BLOCK-----"))
        err_set(err, ERR_INPUT, _("%s is no armoured public key: gpg --armor --export KEY"), path);
    else if (text && read_block(text, keys, err))
        key = describe(keys, path, address, text, err);
    free(keys);
    free(text);
    return key;
}
