/* Any bytes as CMS object and as certificate: everything that a stranger's mail reaches. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/str.h"
#include "base/timestamp.h"
#include "crypto/smime.h"

enum { CLEAR_MAX = 1024 * 1024 };

/* Made for this file: the samples are signed with it and encrypted to it. */
static const char certificate[] = "-----BEGIN CERTIFICATE-----\n"
                                  "MIIB6DCCAY6gAwIBAgIURnwtfa/NI9gwXMBYcTVJlulwdswwCgYIKoZIzj0EAwIw\n"
                                  "LzENMAsGA1UEAwwERnV6ejEeMBwGCSqGSIb3DQEJARYPZnV6ekB5eS5leGFtcGxl\n"
                                  "MCAXDTI2MTEyNTIyNTU0OFoYDzIxMjYxMTAxMjI1NTQ4WjAvMQ0wCwYDVQQDDARG\n"
                                  "dXp6MR4wHAYJKoZIhvcNAQkBFg9mdXp6QHl5LmV4YW1wbGUwWTATBgcqhkjOPQIB\n"
                                  "BggqhkjOPQMBBwNCAASoIY4eqFoMix8rKED30P1c3aFYJ+/UjlTuaXZzFhCeVmqq\n"
                                  "i799yd8e/5uw+t2b1LeXqIImViKsJtIPUUX2A2a0o4GFMIGCMB0GA1UdDgQWBBSw\n"
                                  "Y2gIJwK1jv5LIJiNIP9i+Yq+eDAfBgNVHSMEGDAWgBSwY2gIJwK1jv5LIJiNIP9i\n"
                                  "+Yq+eDAPBgNVHRMBAf8EBTADAQH/MBoGA1UdEQQTMBGBD2Z1enpAeXkuZXhhbXBs\n"
                                  "ZTATBgNVHSUEDDAKBggrBgEFBQcDBDAKBggqhkjOPQQDAgNIADBFAiA/3EC3nKUu\n"
                                  "ukNdUrkB7DGnMvIIO4LG5pI4TA60+ev+HQIhAM+ptgdVW1kKKoF0LCnk4rBs0wjE\n"
                                  "ilvE5IHCcGiitcG6\n"
                                  "-----END CERTIFICATE-----\n";
static const char key[] = "-----BEGIN PRIVATE KEY-----\n"
                          "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgNyLxNVEcv6VIkf6i\n"
                          "f1oBim875uGYEf3kmDV8k8YRCYyhRANCAASoIY4eqFoMix8rKED30P1c3aFYJ+/U\n"
                          "jlTuaXZzFhCeVmqqi799yd8e/5uw+t2b1LeXqIImViKsJtIPUUX2A2a0\n"
                          "-----END PRIVATE KEY-----\n";

static struct smime *smime;

static void save(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    if (!file || chmod(path, 0600) != 0 || fputs(text, file) < 0 || fclose(file) != 0)
        abort();
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char dir[] = "/tmp/fuzz-smime-XXXXXX", crt[64], pem[64];
    struct smime_settings settings = {.ca_file = crt, .identity_dir = dir};
    struct err err;
    UNUSED(argc);
    UNUSED(argv);
    if (!mkdtemp(dir))
        abort();
    snprintf(crt, sizeof crt, "%s/k.crt", dir);
    snprintf(pem, sizeof pem, "%s/k.key", dir);
    save(crt, certificate);
    save(pem, key);
    if (!smime_open(&settings, &smime, &err) || !smime_add_certificate(smime, certificate, strlen(certificate), &err))
        abort();
    remove(crt);
    remove(pem);
    rmdir(dir);
    return 0;
}

static void check_text(const char *text)
{
    if (!str_is_utf8(text, strlen(text), NULL))
        abort();
}

static void check_certificate(struct smime_certificate *item)
{
    check_text(item->subject);
    check_text(item->issuer);
    for (size_t i = 0; i < item->address_count; i++) {
        check_text(item->addresses[i]);
        if (!strchr(item->addresses[i], '@'))
            abort();
    }
    if (strlen(item->fingerprint) != 64)
        abort();
}

static void check_signatures(struct smime_signatures *seen)
{
    for (size_t i = 0; i < seen->count; i++) {
        struct smime_signature *item = &seen->items[i];
        check_text(item->signer);
        check_text(item->text);
        if ((item->status == SMIME_GOOD) != (item->is_sound && item->has_chain) || !smime_status_name(item->status))
            abort();
        if (item->certificate.fingerprint[0])
            check_certificate(&item->certificate);
    }
    smime_signatures_clear(seen);
}

static void verify(const uint8_t *bytes, size_t size)
{
    static const char text[] = "Content-Type: text/plain\r\n\r\nhi\r\n";
    struct smime_signatures seen;
    struct buf content;
    struct err err;
    buf_init(&content, CLEAR_MAX);
    if (smime_verify_opaque(smime, bytes, size, timestamp_now(), &content, &seen, &err))
        check_signatures(&seen);
    if (!smime_verify_detached(smime, text, sizeof text - 1, bytes, size, timestamp_now(), &seen, &err))
        abort();
    check_signatures(&seen);
    buf_clear(&content);
}

static void open_it(const uint8_t *bytes, size_t size)
{
    struct smime_opened opened;
    struct buf clear;
    struct err err;
    buf_init(&clear, CLEAR_MAX);
    if (!smime_decrypt(smime, bytes, size, &clear, &opened, &err) && clear.size > 0)
        abort();
    for (size_t i = 0; i < opened.needed_count; i++)
        check_text(opened.needed[i]);
    if (!smime_uncompress(bytes, size, &clear, &err) && clear.size > 0)
        abort();
    buf_clear(&clear);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct smime_certificates certificates;
    struct smime_certificate one;
    char why[SMIME_TEXT_SIZE];
    enum smime_status status;
    enum smime_kind kind;
    struct err err;
    if (smime_kind_of(bytes, size, &kind, &err) && !smime_kind_name(kind))
        abort();
    verify(bytes, size);
    open_it(bytes, size);
    if (smime_certificate_read(bytes, size, &one, &err)) {
        check_certificate(&one);
        if (!smime_check_certificate(smime, bytes, size, timestamp_now(), &status, why, &err))
            abort();
        smime_certificate_clear(&one);
    }
    if (smime_certificates_read(bytes, size, &certificates, &err)) {
        for (size_t i = 0; i < certificates.count; i++)
            check_certificate(&certificates.items[i]);
        smime_certificates_clear(&certificates);
    }
    return 0;
}
