#include "codec/mail_write.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "codec/mime_encode.h"
#include "model/tlp.h"

enum { AUTOCRYPT_MAX = 10 * 1024, REFERENCES_MAX = 20, BOUNDARY_SIZE = 40, FIELD_NAME_MAX = 60 };

/* "=_" stands in no quoted-printable, no base64 and (mime_encode_choose) no 7bit text of ours, so no boundary can meet content. */
static void boundary_of(const char *kind, const char *message_id, char boundary[BOUNDARY_SIZE])
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a: to tell messages apart, nothing more */
    for (const unsigned char *c = (const unsigned char *)message_id; *c; c++)
        hash = (hash ^ *c) * UINT64_C(0x100000001b3);
    snprintf(boundary, BOUNDARY_SIZE, "=_%s_%016" PRIx64, kind, hash);
}

static bool fits(const struct buf *out, struct err *err)
{
    return !out->full || err_set(err, ERR_LIMIT, "the mail is larger than %zu bytes", out->size_max);
}

/* --- subject --- */

/* "Re: ", "AW:", "Fwd[2]: " and the like: letters, perhaps a count, a colon; 0 where there is none. */
static size_t prefix_size(const char *text)
{
    static const char *const prefixes[] = {"re",  "aw", "antw", "sv", "vs", "rif",  "res",  "rv", "ref", "ynt",
                                           "odp", "fw", "fwd",  "wg", "tr", "回复", "答复", "رد", "Отв"};
    for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
        if (!str_starts_nocase(text, prefixes[i]))
            continue;
        const char *at = text + strlen(prefixes[i]);
        if (*at == '[' && isdigit((unsigned char)at[1])) {
            at += 1 + strspn(at + 1, "0123456789");
            at += *at == ']';
        }
        if (*at == ':')
            return (size_t)(at - text) + 1;
        if (str_starts(at, "：")) /* U+FF1A */
            return (size_t)(at - text) + 3;
    }
    return 0;
}

/* The tag of our reference, or a label ("TLP:AMBER+STRICT"); 0 where the text begins with neither. */
static size_t mark_size(const char *text, const char *tag)
{
    enum tlp label;
    char word[20];
    if (tag && str_starts_nocase(text, tag))
        return strlen(tag);
    size_t size = strcspn(text, " \t");
    if (size >= sizeof word || !str_starts_nocase(text, "tlp:"))
        return 0;
    snprintf(word, sizeof word, "%.*s", (int)size, text);
    return tlp_parse(word, &label) ? size : 0;
}

/* Behind the blanks, marks and (with_prefixes) "Re:"s that the subject begins with. */
static const char *bare_subject(const char *subject, const char *tag, bool with_prefixes)
{
    for (;;) {
        size_t size = strspn(subject, " \t");
        if (size == 0)
            size = mark_size(subject, tag);
        if (size == 0 && with_prefixes)
            size = prefix_size(subject);
        if (size == 0)
            return subject;
        subject += size;
    }
}

static char *tag_of(const char *reference)
{
    return str_is_empty(reference) ? NULL : mem_printf("[%s]", reference);
}

/* The subject without our tag, wherever it stands: it goes to the front. */
static void add_untagged(const char *subject, const char *tag, struct buf *out)
{
    const char *found;
    while (tag && (found = strstr(subject, tag))) {
        buf_add(out, subject, (size_t)(found - subject));
        subject = found + strlen(tag);
        subject += strspn(subject, " ");
    }
    buf_add_text(out, subject);
}

void mail_write_subject(const struct mail_draft *draft, bool outside, struct buf *out)
{
    char *tag = tag_of(draft->reference);
    if (outside && draft->is_encrypted) {
        buf_add_text(out, tag ? tag : "[...]"); /* RFC 9788 section 3.2.1 */
    } else {
        buf_printf(out, "%s%s", tag ? tag : "", tag ? " " : "");
        if (!str_is_empty(draft->label))
            buf_printf(out, "%s ", draft->label);
        add_untagged(bare_subject(draft->subject ? draft->subject : "", tag, false), tag, out);
    }
    free(tag);
}

void mail_write_reply_subject(const char *subject, const char *reference, struct buf *out)
{
    char *tag = tag_of(reference);
    buf_add_text(out, "Re: ");
    str_add_harmless(out, bare_subject(subject, tag, true), false);
    free(tag);
}

/* --- header fields --- */

/* The name behind the prefix: "HP-Outer: To". */
static const char *named(const char *prefix, const char *name, char full[FIELD_NAME_MAX])
{
    snprintf(full, FIELD_NAME_MAX, "%s%s", prefix, name);
    return full;
}

static bool add_people(const char *prefix, const char *name, const struct mail_person *people, size_t count, struct buf *out,
                       struct err *err)
{
    char full[FIELD_NAME_MAX];
    return count == 0 || mail_field_people(out, named(prefix, name, full), people, count, err);
}

static bool add_recipients(const struct mail_draft *draft, const char *prefix, struct buf *out, struct err *err)
{
    if (draft->to_count + draft->cc_count == 0)
        buf_printf(out, "%sTo: undisclosed-recipients:;\r\n", prefix);
    return add_people(prefix, "To", draft->to, draft->to_count, out, err) && add_people(prefix, "Cc", draft->cc, draft->cc_count, out, err);
}

/* A thread of many mails keeps its beginning and its end (RFC 5322 section 3.6.4 lets long lists be cut). */
static bool add_references(const struct mail_draft *draft, const char *name, struct buf *out, struct err *err)
{
    const char *kept[REFERENCES_MAX];
    size_t count = 0, skipped = draft->reference_count > REFERENCES_MAX ? draft->reference_count - REFERENCES_MAX : 0;
    for (size_t i = 0; i < draft->reference_count; i++)
        if (i == 0 || i > skipped)
            kept[count++] = draft->references[i];
    return mail_field_ids(out, name, kept, count, err);
}

static bool add_ids(const struct mail_draft *draft, const char *prefix, struct buf *out, struct err *err)
{
    char full[FIELD_NAME_MAX];
    if (!draft->message_id || !mail_field_is_id(draft->message_id))
        return err_set_at(err, ERR_INPUT, "Message-ID", "is no <id@host>");
    return mail_field_ids(out, named(prefix, "Message-ID", full), &draft->message_id, 1, err) &&
           (!draft->in_reply_to || mail_field_ids(out, named(prefix, "In-Reply-To", full), &draft->in_reply_to, 1, err)) &&
           add_references(draft, named(prefix, "References", full), out, err);
}

static bool add_auto_submitted(const struct mail_draft *draft, const char *prefix, struct buf *out, struct err *err)
{
    const char *value = draft->auto_submitted;
    if (!value)
        return true;
    if (!str_equal(value, "auto-replied") && !str_equal(value, "auto-generated"))
        return err_set_at(err, ERR_INPUT, "Auto-Submitted", "is neither auto-replied nor auto-generated");
    buf_printf(out, "%sAuto-Submitted: %s\r\n", prefix, value);
    return true;
}

/* Autocrypt 1.1 section 2.1. The key goes in lines of its own, each begun with the blank of the fold. */
static bool add_autocrypt(const struct mail_draft *draft, const char *prefix, struct buf *out, struct err *err)
{
    struct buf key;
    if (!draft->autocrypt || draft->autocrypt_size > AUTOCRYPT_MAX / 4 * 3)
        return true;
    buf_printf(out, "%sAutocrypt: addr=", prefix);
    if (!mail_field_address(out, draft->from.address, err))
        return false;
    buf_add_text(out, ";\r\n prefer-encrypt=mutual; keydata=\r\n");
    buf_init(&key, 2 * AUTOCRYPT_MAX);
    mime_encode_base64(&key, draft->autocrypt, draft->autocrypt_size);
    for (const char *line = buf_text(&key); *line; line = strchr(line, '\n') + 1)
        buf_printf(out, " %.*s\r\n", (int)strcspn(line, "\r"), line);
    buf_clear(&key);
    return true;
}

/* All that RFC 9788 calls non-structural. */
static bool add_fields(const struct mail_draft *draft, const char *prefix, bool outside, struct buf *out, struct err *err)
{
    char full[FIELD_NAME_MAX];
    struct buf subject;
    buf_init(&subject, 4096);
    mail_write_subject(draft, outside, &subject);
    bool ok = mail_field_date(out, named(prefix, "Date", full), draft->date, err) &&
              add_people(prefix, "From", &draft->from, 1, out, err) && add_recipients(draft, prefix, out, err) &&
              mail_field_text(out, named(prefix, "Subject", full), buf_text(&subject), err) && add_ids(draft, prefix, out, err) &&
              add_auto_submitted(draft, prefix, out, err) && add_autocrypt(draft, prefix, out, err);
    if (ok && subject.full)
        ok = err_set_at(err, ERR_LIMIT, "Subject", "longer than %zu bytes", subject.size_max);
    buf_clear(&subject);
    return ok;
}

/* --- payload --- */

bool mail_write_is_language(const char *tag)
{
    return strlen(tag) <= 35 && isalpha((unsigned char)tag[0]) &&
           tag[strspn(tag, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

/* Whether the text's first line says the draft's label already; another one there is a mistake that must not leave the house. */
static bool check_first_line(const struct mail_draft *draft, bool *says_label, struct err *err)
{
    char word[24];
    enum tlp said, label;
    const char *line = draft->text + strspn(draft->text, " \t\r\n");
    size_t size = strcspn(line, " \t\r\n");
    *says_label = false;
    if (size >= sizeof word || !str_starts_nocase(line, "tlp:"))
        return true;
    snprintf(word, sizeof word, "%.*s", (int)size, line);
    if (!tlp_parse(word, &said))
        return true;
    if (!tlp_parse(draft->label, &label) || said != label)
        return err_set_at(err, ERR_INPUT, "text", "it begins with %s, but the mail's label is %s", tlp_label(said),
                          draft->label ? draft->label : "none");
    *says_label = true;
    return true;
}

/* The text of the mail with LF: what a reader without RFC 9788 needs to see of the subject (its section 5.2.1), the label, the text. */
static bool write_text(const struct mail_draft *draft, struct buf *text, struct err *err)
{
    bool says_label;
    size_t bad_at;
    if (!draft->text || str_is_empty(draft->text))
        return err_set_at(err, ERR_INPUT, "text", "there is none");
    if (!str_is_utf8(draft->text, strlen(draft->text), &bad_at))
        return err_set_at(err, ERR_INPUT, "text", "byte %zu is no UTF-8", bad_at + 1);
    if (!check_first_line(draft, &says_label, err))
        return false;
    if (draft->is_encrypted) {
        buf_add_text(text, "Subject: ");
        mail_write_subject(draft, false, text);
        buf_add_text(text, "\n\n");
    }
    if (!str_is_empty(draft->label) && !says_label)
        buf_printf(text, "%s\n\n", draft->label);
    for (const char *c = draft->text; *c; c++)
        if (*c != '\r' || c[1] != '\n')
            buf_add_char(text, *c);
    if (text->size && text->bytes[text->size - 1] != '\n')
        buf_add_char(text, '\n');
    return true;
}

/* RFC 9788 section 2.1 and, for readers of the draft before it, protected-headers="v1". Only the payload's root has them. */
static const char *hp_of(const struct mail_draft *draft)
{
    return draft->is_encrypted ? "cipher" : "clear";
}

static bool add_text_part(const struct mail_draft *draft, bool is_root, struct buf *out, struct err *err)
{
    const char *const parameters[] = {"charset",
                                      "utf-8",
                                      "hp",
                                      is_root ? hp_of(draft) : NULL,
                                      "hp-legacy-display",
                                      draft->is_encrypted ? "1" : NULL,
                                      "protected-headers",
                                      is_root ? "v1" : NULL,
                                      NULL};
    struct buf text;
    buf_init(&text, out->size_max);
    bool ok = write_text(draft, &text, err) && mail_field_with_parameters(out, "Content-Type", "text/plain", parameters, err);
    if (ok && draft->language && !mail_write_is_language(draft->language))
        ok = err_set_at(err, ERR_INPUT, "Content-Language", "is no language tag");
    if (ok) {
        const char *encoding = mime_encode_choose(buf_text(&text), text.size);
        if (draft->language)
            buf_printf(out, "Content-Language: %s\r\n", draft->language);
        buf_printf(out, "Content-Disposition: inline\r\nContent-Transfer-Encoding: %s\r\n\r\n", encoding);
        mime_encode_text(out, encoding, buf_text(&text), text.size);
        out->full = out->full || text.full;
    }
    buf_clear(&text);
    return ok;
}

static bool is_token(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("!#$&-^_.+", text[i]))
            return false;
    return size > 0;
}

/* The type itself where it is one that may stand in base64 (RFC 2045 section 6.4 forbids it to message and multipart). */
static const char *media_type_of(const struct mail_write_file *file)
{
    const char *slash = file->media_type ? strchr(file->media_type, '/') : NULL;
    if (!slash || strlen(file->media_type) > 120 || !is_token(file->media_type, (size_t)(slash - file->media_type)) ||
        !is_token(slash + 1, strlen(slash + 1)) || str_starts_nocase(file->media_type, "message/") ||
        str_starts_nocase(file->media_type, "multipart/"))
        return "application/octet-stream";
    return file->media_type;
}

static bool add_file(const struct mail_write_file *file, struct buf *out, struct err *err)
{
    if (str_is_empty(file->name))
        return err_set_at(err, ERR_INPUT, "attachment", "has no name");
    char *name = mem_strdup(file->name);
    for (char *c = name; *c; c++)
        if (*c == '/' || *c == '\\')
            *c = '_';
    const char *const none[] = {NULL}, *const parameters[] = {"filename", name, NULL};
    bool ok = mail_field_with_parameters(out, "Content-Type", media_type_of(file), none, err) &&
              mail_field_with_parameters(out, "Content-Disposition", "attachment", parameters, err);
    free(name);
    buf_add_text(out, "Content-Transfer-Encoding: base64\r\n\r\n");
    mime_encode_base64(out, file->bytes, file->size);
    return ok;
}

static bool add_mixed(const struct mail_draft *draft, struct buf *out, struct err *err)
{
    char boundary[BOUNDARY_SIZE];
    boundary_of("mixed", draft->message_id, boundary);
    const char *const parameters[] = {"hp", hp_of(draft), "protected-headers", "v1", "boundary", boundary, NULL};
    if (!mail_field_with_parameters(out, "Content-Type", "multipart/mixed", parameters, err))
        return false;
    buf_printf(out, "\r\n--%s\r\n", boundary);
    if (!add_text_part(draft, false, out, err))
        return false;
    for (size_t i = 0; i < draft->file_count; i++) {
        buf_printf(out, "\r\n--%s\r\n", boundary); /* this line end is the delimiter's */
        if (!add_file(&draft->files[i], out, err))
            return false;
    }
    buf_printf(out, "\r\n--%s--\r\n", boundary);
    return true;
}

bool mail_write_payload(const struct mail_draft *draft, struct buf *out, struct err *err)
{
    if (!add_fields(draft, "", false, out, err))
        return false;
    if (draft->is_encrypted && !add_fields(draft, "HP-Outer: ", true, out, err))
        return false;
    return (draft->file_count ? add_mixed(draft, out, err) : add_text_part(draft, true, out, err)) && fits(out, err);
}

bool mail_write_check(const struct mail_draft *draft, struct err *err)
{
    struct buf out, text;
    buf_init(&out, 1024 * 1024);
    buf_init(&text, 1024 * 1024);
    bool ok = add_fields(draft, "", false, &out, err) && write_text(draft, &text, err) && fits(&out, err) && fits(&text, err);
    if (ok && draft->language && !mail_write_is_language(draft->language))
        ok = err_set_at(err, ERR_INPUT, "Content-Language", "is no language tag");
    for (size_t i = 0; ok && i < draft->file_count; i++) {
        struct mail_write_file empty = {.name = draft->files[i].name};
        ok = add_file(&empty, &out, err);
    }
    buf_clear(&out);
    buf_clear(&text);
    return ok;
}

/* --- layers --- */

/* The names of RFC 3156 section 5 (after RFC 9580's hash names) and RFC 8551 section 3.5.3.2. */
static const char *micalg_of(enum mail_write_scheme scheme, const char *hash)
{
    static const struct {
        const char *hash, *openpgp, *smime;
    } names[] = {
        {"sha256", "pgp-sha256", "sha-256"},
        {"sha384", "pgp-sha384", "sha-384"},
        {"sha512", "pgp-sha512", "sha-512"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (str_equal_nocase(hash, names[i].hash))
            return scheme == MAIL_WRITE_OPENPGP ? names[i].openpgp : names[i].smime;
    return NULL;
}

/* Armour with CRLF; anything else than lines of ASCII that begin as they should is refused. */
static bool add_armour(const char *begins, const char *armour, size_t size, struct buf *out, struct err *err)
{
    if (size < strlen(begins) || memcmp(armour, begins, strlen(begins)) != 0)
        return err_set(err, ERR_INPUT, "no OpenPGP armour: it should begin with %s", begins);
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)armour[i];
        if (c == '\r' && i + 1 < size && armour[i + 1] == '\n')
            continue;
        if (c != '\n' && c != '\t' && (c < ' ' || c >= 0x7F))
            return err_set(err, ERR_INPUT, "no OpenPGP armour: byte %zu is not ASCII text", i + 1);
        c == '\n' ? buf_add_text(out, "\r\n") : buf_add_char(out, (char)c);
    }
    if (armour[size - 1] != '\n')
        buf_add_text(out, "\r\n");
    return true;
}

static bool add_signature(enum mail_write_scheme scheme, const void *signature, size_t size, struct buf *out, struct err *err)
{
    if (scheme == MAIL_WRITE_OPENPGP) {
        buf_add_text(out, "Content-Type: application/pgp-signature; name=\"signature.asc\"\r\n"
                          "Content-Disposition: attachment; filename=\"signature.asc\"\r\n\r\n");
        return add_armour("-----BEGIN PGP SIGNATURE-----", signature, size, out, err);
    }
    buf_add_text(out, "Content-Type: application/pkcs7-signature; name=\"smime.p7s\"\r\n"
                      "Content-Disposition: attachment; filename=\"smime.p7s\"\r\nContent-Transfer-Encoding: base64\r\n\r\n");
    mime_encode_base64(out, signature, size);
    return true;
}

bool mail_write_signed(enum mail_write_scheme scheme, const char *payload, size_t payload_size, const void *signature,
                       size_t signature_size, const char *hash, const char *message_id, struct buf *out, struct err *err)
{
    char boundary[BOUNDARY_SIZE];
    const char *micalg = micalg_of(scheme, hash);
    if (!micalg)
        return err_set(err, ERR_INPUT, "a signature with the hash %.40s cannot be announced in a mail: use SHA-256, SHA-384 or SHA-512",
                       hash);
    boundary_of("signed", message_id, boundary);
    if (memmem(payload, payload_size, boundary, strlen(boundary)))
        return err_set(err, ERR_INPUT, "the text to be signed holds the boundary %s", boundary);
    buf_printf(out, "Content-Type: multipart/signed; micalg=\"%s\";\r\n protocol=\"application/%s\";\r\n boundary=\"%s\"\r\n\r\n", micalg,
               scheme == MAIL_WRITE_OPENPGP ? "pgp-signature" : "pkcs7-signature", boundary);
    buf_printf(out, "--%s\r\n", boundary);
    buf_add(out, payload, payload_size);
    buf_printf(out, "\r\n--%s\r\n", boundary); /* this CRLF is the delimiter's: not signed */
    if (!add_signature(scheme, signature, signature_size, out, err))
        return false;
    buf_printf(out, "--%s--\r\n", boundary);
    return fits(out, err);
}

/* What the CMS says it is: id-ct-authEnvelopedData (RFC 5083) stands as the first OID. */
static const char *smime_type_of(const void *cipher, size_t size)
{
    static const unsigned char auth_enveloped[] = {0x06, 0x0B, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x09, 0x10, 0x01, 0x17};
    return memmem(cipher, size < 24 ? size : 24, auth_enveloped, sizeof auth_enveloped) ? "authEnveloped-data" : "enveloped-data";
}

bool mail_write_encrypted(enum mail_write_scheme scheme, const void *cipher, size_t cipher_size, const char *message_id, struct buf *out,
                          struct err *err)
{
    char boundary[BOUNDARY_SIZE];
    if (scheme == MAIL_WRITE_SMIME) {
        buf_printf(out,
                   "Content-Type: application/pkcs7-mime; smime-type=%s; name=\"smime.p7m\"\r\n"
                   "Content-Disposition: attachment; filename=\"smime.p7m\"\r\nContent-Transfer-Encoding: base64\r\n\r\n",
                   smime_type_of(cipher, cipher_size));
        mime_encode_base64(out, cipher, cipher_size);
        return fits(out, err);
    }
    boundary_of("encrypted", message_id, boundary);
    buf_printf(out, "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\";\r\n boundary=\"%s\"\r\n\r\n", boundary);
    buf_printf(out, "--%s\r\nContent-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--%s\r\n", boundary, boundary);
    buf_add_text(out, "Content-Type: application/octet-stream; name=\"encrypted.asc\"\r\n"
                      "Content-Disposition: inline; filename=\"encrypted.asc\"\r\n\r\n");
    if (!add_armour("-----BEGIN PGP MESSAGE-----", cipher, cipher_size, out, err))
        return false;
    buf_printf(out, "--%s--\r\n", boundary);
    return fits(out, err);
}

bool mail_write_message(const struct mail_draft *draft, const char *entity, size_t entity_size, struct buf *out, struct err *err)
{
    static const char head[] = "Content-Type: ";
    if (entity_size < sizeof head - 1 || memcmp(entity, head, sizeof head - 1) != 0)
        return err_set(err, ERR_INPUT, "no MIME entity: it should begin with its Content-Type");
    if (!add_fields(draft, "", true, out, err))
        return false;
    buf_add_text(out, "MIME-Version: 1.0\r\n");
    buf_add(out, entity, entity_size);
    return fits(out, err);
}

/* --- quoting --- */

static void add_attribution(const struct mail_quote *quote, struct buf *out)
{
    char date[TIMESTAMP_TEXT_SIZE];
    if (quote->date != TIMESTAMP_NONE) {
        timestamp_format(quote->date, date);
        buf_printf(out, "%.10s %.5s UTC%s", date, date + 11, quote->name || quote->address ? ", " : "");
    }
    if (!str_is_empty(quote->name))
        str_add_harmless(out, quote->name, false);
    if (!str_is_empty(quote->address)) {
        buf_add_text(out, str_is_empty(quote->name) ? "<" : " <");
        str_add_harmless(out, quote->address, false);
        buf_add_char(out, '>');
    }
    buf_add_text(out, ":\n");
}

bool mail_write_quote(const struct mail_quote *quote, struct buf *out)
{
    struct buf safe;
    buf_init(&safe, 4 * strlen(quote->text) + 1);
    str_add_harmless(&safe, quote->text, true);
    add_attribution(quote, out);
    size_t lines = 0, blank = 0; /* blank lines are written once something follows */
    for (const char *line = buf_text(&safe), *next; *line; line = next) {
        size_t size = strcspn(line, "\n"), kept = size;
        next = line + size + (line[size] == '\n');
        if (size == 3 && memcmp(line, "-- ", 3) == 0)
            break;
        if (lines++ == quote->lines_max) {
            buf_add_text(out, "> [...]\n");
            break;
        }
        while (kept > 0 && strchr(" \t\r", line[kept - 1]))
            kept--;
        if (kept == 0) {
            blank++;
            continue;
        }
        for (; blank > 0; blank--)
            buf_add_text(out, ">\n");
        /* A quote of a quote stays one run of marks. */
        buf_printf(out, line[0] == '>' ? ">%.*s\n" : "> %.*s\n", (int)kept, line);
    }
    buf_clear(&safe);
    return !out->full;
}
