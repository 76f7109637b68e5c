#include "codec/mail_cms.h"

#include <string.h>

#include "base/attr.h"

enum { DEPTH_MAX = 40, TAG_OID = 0x06, TAG_SEQUENCE = 0x30, TAG_SET = 0x31, TAG_CONTEXT_0 = 0xa0, TAG_CONTEXT_1 = 0xa1 };

/* One element: its tag, and what is in it. */
struct ber {
    unsigned char tag;
    bool is_indefinite;
    const unsigned char *content, *end; /* end of the content; of an indefinite one the end of what is around it */
};

/* Reads the tag and length at `at`; false where they are cut or of a form that CMS has no use for (tags beyond 30). */
static bool ber_read(const unsigned char *at, const unsigned char *end, struct ber *out)
{
    if (end - at < 2 || (at[0] & 0x1f) == 0x1f)
        return false;
    unsigned char first = at[1];
    out->tag = at[0];
    out->content = at + 2;
    out->is_indefinite = first == 0x80;
    out->end = end;
    if (out->is_indefinite)
        return (at[0] & 0x20) != 0;
    size_t length = first;
    if (first > 0x80) {
        unsigned count = first & 0x7f;
        if (count > 4 || (size_t)(end - out->content) < count)
            return false;
        length = 0;
        for (unsigned i = 0; i < count; i++)
            length = length << 8 | *out->content++;
    }
    if (length > (size_t)(end - out->content))
        return false;
    out->end = out->content + length;
    return true;
}

static bool is_end_mark(const unsigned char *at, const unsigned char *end)
{
    return end - at >= 2 && at[0] == 0 && at[1] == 0;
}

/* Behind the element at `at`, or NULL where it is broken. */
static const unsigned char *ber_skip(const unsigned char *at, const unsigned char *end, unsigned depth)
{
    struct ber element;
    if (depth > DEPTH_MAX || !ber_read(at, end, &element))
        return NULL;
    if (!element.is_indefinite)
        return element.end;
    at = element.content;
    while (at && !is_end_mark(at, end))
        at = ber_skip(at, end, depth + 1);
    return at ? at + 2 : NULL;
}

/* The element at *at must have that tag: *inside becomes it, *at moves behind it. */
static bool take(const unsigned char **at, const unsigned char *end, unsigned char tag, struct ber *inside)
{
    const unsigned char *next = *at < end && **at == tag && ber_read(*at, end, inside) ? ber_skip(*at, end, 0) : NULL;
    if (!next)
        return false;
    *at = next;
    return true;
}

static enum mail_cms_type type_of(const struct ber *oid)
{
    static const struct {
        const char *bytes;
        size_t size;
        enum mail_cms_type type;
    } known[] = {
        {"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", 9, MAIL_CMS_SIGNED},
        {"\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03", 9, MAIL_CMS_ENVELOPED},
        {"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x17", 11, MAIL_CMS_AUTH_ENVELOPED},
        {"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x09", 11, MAIL_CMS_COMPRESSED},
    };
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if ((size_t)(oid->end - oid->content) == known[i].size && memcmp(oid->content, known[i].bytes, known[i].size) == 0)
            return known[i].type;
    return MAIL_CMS_NONE;
}

/* SignedData ::= SEQUENCE { version, digestAlgorithms SET, encapContentInfo, certificates [0]?, crls [1]?, signerInfos SET } */
static void read_signed(const struct ber *explicit_content, struct mail_cms *out)
{
    struct ber data, skipped, encapsulated, oid, signers, content;
    const unsigned char *at = explicit_content->content;
    if (!take(&at, explicit_content->end, TAG_SEQUENCE, &data))
        return;
    at = ber_skip(data.content, data.end, 0); /* version */
    if (!at || !take(&at, data.end, TAG_SET, &skipped) || !take(&at, data.end, TAG_SEQUENCE, &encapsulated))
        return;
    const unsigned char *inner = encapsulated.content;
    out->has_content = take(&inner, encapsulated.end, TAG_OID, &oid) && take(&inner, encapsulated.end, TAG_CONTEXT_0, &content);
    UNUSED(take(&at, data.end, TAG_CONTEXT_0, &skipped));
    UNUSED(take(&at, data.end, TAG_CONTEXT_1, &skipped));
    out->has_signers = at < data.end && *at == TAG_SET && ber_read(at, data.end, &signers) && signers.content < signers.end &&
                       !(signers.is_indefinite && is_end_mark(signers.content, signers.end));
}

struct mail_cms mail_cms_peek(const char *bytes, size_t size)
{
    struct mail_cms out = {.type = MAIL_CMS_NONE};
    const unsigned char *at = (const unsigned char *)bytes, *end = at + size;
    struct ber info, oid, content;
    if (size < 2 || *at != TAG_SEQUENCE)
        return out;
    /* A message that was cut still is of its type: only the head of the outermost element is read. */
    if (!ber_read(at, end, &info)) {
        unsigned count = at[1] > 0x80 ? at[1] & 0x7f : 0;
        if (count > 4 || size < 2 + count)
            return out;
        info = (struct ber){.content = at + 2 + count, .end = end};
    }
    at = info.content;
    if (!take(&at, info.end, TAG_OID, &oid))
        return out;
    out.type = type_of(&oid);
    if (out.type == MAIL_CMS_SIGNED && at < info.end && *at == TAG_CONTEXT_0 && ber_read(at, info.end, &content))
        read_signed(&content, &out);
    return out;
}
