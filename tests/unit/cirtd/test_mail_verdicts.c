/*
 * The mails of others (../shared/corpus/mail, skipped where it is not there): what our scanner, GnuPG and rules/signature say, against
 * gpg-verdicts.tsv, and what the attacks of "Johnny, you are fired" come to. Differences that are meant stand in the table below.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "codec/mail_layers.h"
#include "crypto/openpgp.h"
#include "rules/signature.h"
#include "support/file.h"

#define MAIL TEST_CORPUS "/mail"

/* Where we say something else than GnuPG on the first signature anywhere in the mail, and why. */
static const struct {
    const char *path, *ours, *why;
} explained[] = {
    {"tb-openpgp/multiple-signatures.eml", "unknown-key", "two signatures, neither key known"},
    {"spoof-johnny/03-mime/m2-hiding-with-html/m2-pgp-inline2.eml", "none",
     "a block inside HTML is markup to a reader: no layer, nothing claimed"},
};

struct world {
    char home[80];
    struct openpgp *openpgp;
};

static int set_up(void **state)
{
    static struct world world;
    struct err err;
    char command[1200];
    const char *base = getenv("TMPDIR");
    if (access(MAIL "/gpg-verdicts.tsv", R_OK) != 0)
        return 0;
    snprintf(world.home, sizeof world.home, "%s/verXXXXXX", base && strlen(base) < 40 ? base : "/tmp");
    assert_non_null(mkdtemp(world.home));
    if (!openpgp_open(world.home, &world.openpgp, &err))
        fail_msg("%s", err.text);
    /* As gpg-verdicts.tsv was made: the published keys, without revocations. GnuPG refuses some of them; that is their purpose. */
    snprintf(command, sizeof command,
             "find '%s' -path '*key*' \\( -name '*.asc' -o -name '*.pgp' -o -name '*.gpg' -o -name '*.pub' -o -name '*.sec' \\) ! -name "
             "'*-rev*' "
             "! -name '*revoked*' -print0 | xargs -0 gpg --homedir '%s' --quiet --import >/dev/null 2>&1 || true",
             MAIL, world.home);
    assert_int_equal(system(command), 0);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    char command[200];
    if (!world)
        return 0;
    openpgp_stop_agent(world->openpgp);
    openpgp_close(world->openpgp);
    snprintf(command, sizeof command, "rm -rf '%s'", world->home);
    return system(command);
}

static struct world *world_or_skip(void **state)
{
    if (!*state) {
        print_message("no corpus at " MAIL ": skipped\n");
        skip();
    }
    return *state;
}

static char *read_mail(const char *path, size_t *size)
{
    char *full = mem_printf(MAIL "/%s", path), *bytes = file_read(full, size);
    if (!bytes)
        fail_msg("%s cannot be read", full);
    free(full);
    return bytes;
}

/* What stage verify would find: every signature of every sound layer, with the identities of the two keys of the attack's authors. */
struct finding {
    struct signature_part parts[16];
    char fingerprints[16][OPENPGP_FINGERPRINT_SIZE], signers[16][OPENPGP_FINGERPRINT_SIZE];
    struct mail_layers *layers;
    struct signature_mail mail;
    struct signature_result result;
};

static const char *const eve_addresses[] = {"eve@bigcorporation.de"}, *const manager_addresses[] = {"manager@bigcorporation.de"};
static const struct signature_identity eve = {"contact 1", "Eve", eve_addresses, 1},
                                       manager = {"contact 2", "The Manager", manager_addresses, 1};

static const struct signature_identity *identity_of(const char *fingerprint)
{
    if (str_ends(fingerprint, "4B568F486E960FB5"))
        return &eve;
    return str_ends(fingerprint, "F18273C6FB579BE4") ? &manager : NULL;
}

static void find(struct world *world, const char *path, struct finding *out)
{
    struct err err;
    size_t size;
    char *bytes = read_mail(path, &size);
    *out = (struct finding){.layers = NULL};
    if (!mail_layers_read(bytes, size, &codec_limits_default, NULL, &out->layers, &err))
        fail_msg("%s: %s: %s", path, err.at, err.text);
    for (size_t i = 0; i < out->layers->count; i++) {
        const struct mail_layer *layer = &out->layers->layers[i];
        struct openpgp_signatures seen;
        if (layer->kind != MAIL_SIGNED || layer->protocol != MAIL_OPENPGP || !layer->signature)
            continue;
        if (!openpgp_verify_detached(world->openpgp, layer->content, layer->content_size, layer->signature, layer->signature_size, &seen,
                                     &err))
            fail_msg("%s: %s", path, err.text);
        for (size_t k = 0; k < seen.count && out->mail.part_count < 16; k++) {
            size_t n = out->mail.part_count++;
            strcpy(out->fingerprints[n], seen.items[k].fingerprint);
            strcpy(out->signers[n], seen.items[k].signer);
            out->parts[n] =
                (struct signature_part){.path = layer->path, .is_envelope = layer->is_envelope, .fingerprint = out->fingerprints[n]};
            assert_true(signature_verdict_parse(openpgp_status_name(seen.items[k].status), &out->parts[n].verdict));
            out->parts[n].identity = identity_of(out->fingerprints[n]);
        }
    }
    out->mail.from = out->layers->from;
    out->mail.from_count = out->layers->from_count;
    out->mail.parts = out->parts;
    out->result = signature_summarise(&out->mail);
    free(bytes);
}

static const char *wanted_verdict(const char *path, const char *gnupg)
{
    for (size_t i = 0; i < ARRAY_SIZE(explained); i++)
        if (strcmp(explained[i].path, path) == 0)
            return explained[i].ours;
    if (str_starts(gnupg, "GOODSIG"))
        return "good";
    if (str_starts(gnupg, "BADSIG"))
        return "bad";
    return str_starts(gnupg, "ERRSIG") ? "unknown-key" : "error";
}

static void check_row(struct world *world, char *line)
{
    struct finding found;
    char *tab = strchr(line, '\t');
    *tab = '\0';
    char *gnupg = strchr(tab + 1, '=') + 1, *key = strchr(gnupg, ':');
    find(world, line, &found);
    const char *ours = found.mail.part_count ? signature_verdict_name(found.parts[0].verdict) : "none";
    const char *wanted = wanted_verdict(line, gnupg);
    if (strcmp(ours, wanted) != 0)
        fail_msg("%s: %s, GnuPG alone said %s", line, ours, gnupg);
    if (strcmp(ours, "good") == 0 && !str_ends(found.signers[0], key + 1) && !str_ends(found.fingerprints[0], key + 1))
        fail_msg("%s: signed by %s, GnuPG alone said %s", line, found.signers[0], key + 1);
    mail_layers_free(found.layers);
}

static void test_verdicts_as_gnupg(void **state)
{
    struct world *world = world_or_skip(state);
    char line[400];
    size_t rows = 0;
    FILE *file = fopen(MAIL "/gpg-verdicts.tsv", "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || !strchr(line, '\t'))
            continue;
        check_row(world, line);
        rows++;
    }
    fclose(file);
    assert_true(rows > 30);
}

/* What each attack comes to. The signer is Eve everywhere; the mail wants to look like the manager's. */
static void test_spoofs(void **state)
{
    static const struct {
        const char *path, *summary, *signer;
    } rows[] = {
        {"assets/valid-signed/eve-pgp-mime.eml", "verified", "Eve"},
        {"04-id/i1-sender-signer-checks/i1-from-unequals-signer-pgp-mime.eml", "not-sender", "Eve"},
        /* Her own address with a misleading name before it, or with the manager in Sender and Reply-To: it is from Eve, and says so. */
        {"04-id/i2-display-name-confusion/i2-from-contains-signer-pgp-mime.eml", "verified", "Eve"},
        {"04-id/i3-from-sender-confusion/i3-from-signer-others-sender-pgp-mime.eml", "verified", "Eve"},
        {"04-id/i2-display-name-confusion/i2-from-is-nonexistent-pgp-mime.eml", "not-sender", "Eve"},
        {"04-id/i2-display-name-confusion/i2-from-is-only-a-name-pgp-mime.eml", "not-sender", "Eve"},
        {"04-id/i2-display-name-confusion/i2-from-is-sender-signer-b-pgp-mime.eml", "not-sender", "Eve"},
        {"04-id/i2-display-name-confusion/i2-from-is-signer-sender-a-pgp-mime.eml", "not-sender", "Eve"},
        {"04-id/i3-from-sender-confusion/i3-from-is-sender-sender-signer-pgp-mime.eml", "not-sender", "Eve"},
        {"04-id/i3-from-sender-confusion/i3-from-is-sender-signer-sender-pgp-mime.eml", "not-sender", "Eve"},
        {"04-id/i3-from-sender-confusion/i3-from1-sender-from2-signer-pgp-mime.eml", "not-sender", "Eve"},
        {"03-mime/m2-hiding-with-html/m2-pgp-mime.eml", "mixed", NULL},
        {"03-mime/m3-hiding-in-reference/m3-pgp-mime.eml", "mixed", NULL},
        {"03-mime/m2-hiding-with-html/m2-pgp-inline.eml", "mixed", NULL},
        {"assets/valid-signed/eve-pgp-inline.eml", "verified", "Eve"},
        {"05-ui/u1-ui-redressing/u1-generic.eml", "unprotected", NULL},
    };
    struct world *world = world_or_skip(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct finding found;
        char *path = mem_printf("spoof-johnny/%s", rows[i].path);
        find(world, path, &found);
        const char *summary = signature_summary_name(found.result.summary);
        if (strcmp(summary, rows[i].summary) != 0 || !str_equal(found.result.signer, rows[i].signer))
            fail_msg("%s: %s by %s, not %s", path, summary, found.result.signer ? found.result.signer : "nobody", rows[i].summary);
        mail_layers_free(found.layers);
        free(path);
    }
}

/* Encrypted mails of Thunderbird's tests: opened, read through mail_layers_open(), and who signed inside. */
static void test_opening(void **state)
{
    static const struct {
        const char *path, *text;
        enum openpgp_status signature;
    } rows[] = {
        {"tb-openpgp/signed-by-0xfbfcc82a015e7330-encrypted-to-0xf231550c4f47e38e.eml", "Sundays are nothing without callaloo.",
         OPENPGP_GOOD},
        {"tb-openpgp/signed-by-0x3099ff1238852b9f-encrypted-to-0xf231550c4f47e38e.eml", "Sundays are nothing without callaloo.",
         OPENPGP_GOOD},
        {"tb-openpgp/encrypted-to-alice-as-hidden-recipient.eml", "", OPENPGP_ERROR},
    };
    struct world *world = world_or_skip(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct err err;
        struct mail_layers *layers;
        struct openpgp_opened opened;
        struct buf clear, mail;
        size_t size;
        buf_init(&clear, 1024 * 1024);
        buf_init(&mail, 2 * 1024 * 1024);
        char *bytes = read_mail(rows[i].path, &size);
        assert_true(mail_layers_read(bytes, size, &codec_limits_default, NULL, &layers, &err));
        assert_true(layers->count == 1 && layers->layers[0].kind == MAIL_ENCRYPTED && layers->layers[0].is_envelope);
        if (!openpgp_decrypt(world->openpgp, layers->layers[0].content, layers->layers[0].content_size, &clear, &opened, &err))
            fail_msg("%s: %s", rows[i].path, err.text);
        assert_true(opened.needed_count > 0);
        mail_layers_free(layers);
        struct mail_hints hints = {0};
        assert_true(mail_layers_open(bytes, size, "1", buf_text(&clear), clear.size, &hints.inside, &mail, &err));
        assert_true(mail_layers_read(mail.bytes, mail.size, &codec_limits_default, &hints.inside, &layers, &err));
        if (rows[i].signature == OPENPGP_GOOD) {
            const struct mail_layer *layer = &layers->layers[0];
            struct openpgp_signatures seen;
            assert_true(layers->count == 1 && layer->kind == MAIL_SIGNED && layer->is_envelope);
            assert_true(openpgp_verify_detached(world->openpgp, layer->content, layer->content_size, layer->signature,
                                                layer->signature_size, &seen, &err));
            assert_int_equal(seen.count, 1);
            assert_int_equal(seen.items[0].status, OPENPGP_GOOD);
        }
        struct report *report;
        assert_true(codec_decode(codec_find("mail"), mail.bytes, mail.size, &codec_limits_default, &(struct codec_hints){.mail = &hints},
                                 &report, &err));
        assert_non_null(report->description);
        assert_non_null(strstr(report->description, rows[i].text));
        report_free(report);
        mail_layers_free(layers);
        buf_clear(&clear);
        buf_clear(&mail);
        free(bytes);
    }
}

/* Covert content: a stranger's text around a stolen ciphertext. Nothing but a whole encrypted mail is opened. */
static void test_covert_content(void **state)
{
    static const char *const rows[] = {"01-enc/pgp_mime/01-reply-mix-822.eml", "01-enc/pgp_mime/02-reply-rel.eml",
                                       "01-enc/pgp_mime/01-reply-mix-alt.eml", "01-enc/pgp_mime/01-reply-mix-css.eml",
                                       "reevaluation-2020/01-enc/pgp-mime/01-reply-mix-css-modified.eml"};
    world_or_skip(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct err err;
        struct buf mail;
        size_t size;
        char *path = mem_printf("spoof-covert/%s", rows[i]), *bytes = read_mail(path, &size);
        buf_init(&mail, 1024 * 1024);
        struct mail_layers *layers;
        assert_true(mail_layers_read(bytes, size, &codec_limits_default, NULL, &layers, &err));
        assert_null(mail_layers_closed(layers));
        for (size_t k = 0; k < layers->count; k++) {
            struct mail_inside inside = {0};
            if (layers->layers[k].is_openable || mail_layers_open(bytes, size, layers->layers[k].path, "x", 1, &inside, &mail, &err))
                fail_msg("%s would be opened", path);
        }
        mail_layers_free(layers);
        buf_clear(&mail);
        free(bytes);
        free(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_verdicts_as_gnupg), cmocka_unit_test(test_spoofs),
                                       cmocka_unit_test(test_opening), cmocka_unit_test(test_covert_content)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
