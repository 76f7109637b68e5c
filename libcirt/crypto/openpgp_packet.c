/* As little of RFC 9580 as is needed to know that a detached signature is one signature and nothing else. */
#include <string.h>

#include <openssl/evp.h>

#include "base/str.h"
#include "crypto/openpgp_context.h"

enum { SIGNATURE_MAX = 16384, TAG_SIGNATURE = 2 };

/* --- armour --- */

static const char *skip_blanks(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
        at++;
    return at;
}

/* The end of the line that begins at `at`, without its line break; *next is the following line. */
static const char *line_end(const char *at, const char *end, const char **next)
{
    const char *stop = memchr(at, '\n', (size_t)(end - at));
    *next = stop ? stop + 1 : end;
    stop = stop ? stop : end;
    while (stop > at && (stop[-1] == '\r' || stop[-1] == ' ' || stop[-1] == '\t'))
        stop--;
    return stop;
}

static bool line_is(const char *at, const char *stop, const char *mark)
{
    return (size_t)(stop - at) == strlen(mark) && memcmp(at, mark, strlen(mark)) == 0;
}

/* RFC 9580 section 6.1.1. line: "=" and four characters. */
static bool checksum_fits(const struct buf *body, const char *line)
{
    unsigned char said[3];
    uint32_t crc = 0xB704CE;
    for (size_t i = 0; i < body->size; i++) {
        crc ^= (uint32_t)(unsigned char)body->bytes[i] << 16;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 0x800000 ? (crc << 1 ^ 0x864CFB) & 0xFFFFFF : crc << 1;
    }
    return EVP_DecodeBlock(said, (const unsigned char *)line + 1, 4) == 3 && crc == ((uint32_t)said[0] << 16 | said[1] << 8 | said[2]);
}

/* The base64 text between the headers and the line end_mark, decoded; the checksum may be missing, but not be wrong. *after: what follows.
 */
static bool decode_body(const char *at, const char *end, const char *end_mark, struct buf *out, const char **after)
{
    EVP_ENCODE_CTX *decode = EVP_ENCODE_CTX_new();
    const char *next = at, *stop = line_end(at, end, &next);
    unsigned char part[256];
    bool ok = decode != NULL;
    int size = 0;
    for (; ok && stop > at && next < end; at = next, stop = line_end(at, end, &next)) /* the headers, up to an empty line */
        ;
    ok = ok && stop == at && next < end;
    EVP_DecodeInit(decode);
    for (at = next, stop = line_end(at, end, &next); ok && at < end && *at != '=' && *at != '-';
         at = next, stop = line_end(at, end, &next)) {
        ok = stop - at <= 128 && EVP_DecodeUpdate(decode, part, &size, (const unsigned char *)at, (int)(stop - at)) >= 0 &&
             buf_add(out, part, (size_t)size);
    }
    ok = ok && EVP_DecodeFinal(decode, part, &size) == 1 && buf_add(out, part, (size_t)size);
    EVP_ENCODE_CTX_free(decode);
    if (ok && at < end && *at == '=' && stop - at == 5) {
        ok = checksum_fits(out, at);
        at = next;
        stop = line_end(at, end, &next);
    }
    *after = next;
    return ok && line_is(at, stop, end_mark);
}

static bool remove_armour(const char *bytes, size_t size, struct buf *out)
{
    const char *end = bytes + size, *at = skip_blanks(bytes, end), *next;
    const char *stop = line_end(at, end, &next);
    return line_is(at, stop, "-----BEGIN PGP SIGNATURE-----") && decode_body(next, end, "-----END PGP SIGNATURE-----", out, &next) &&
           skip_blanks(next, end) == end;
}

/* The one message in a text, of which the rest is nobody's. */
static bool remove_message_armour(const char *bytes, size_t size, struct buf *out)
{
    static const char begin[] = "-----BEGIN PGP MESSAGE-----", any[] = "-----BEGIN PGP ";
    const char *end = bytes + size, *at = memmem(bytes, size, begin, sizeof begin - 1), *next;
    if (!at || (at > bytes && at[-1] != '\n') || !line_is(at, line_end(at, end, &next), begin))
        return false;
    return decode_body(next, end, "-----END PGP MESSAGE-----", out, &next) && !memmem(next, (size_t)(end - next), any, sizeof any - 1);
}

bool openpgp_packet_is_whole_block(const char *bytes, size_t size, const char *begin, const char *end_mark)
{
    const char *end = bytes + size, *at = skip_blanks(bytes, end), *next;
    bool ok = line_is(at, line_end(at, end, &next), begin);
    if (!ok)
        return false;
    for (at = next; at < end; at = next) {
        const char *stop = line_end(at, end, &next);
        if (line_is(at, stop, begin))
            return false;
        if (line_is(at, stop, end_mark))
            return skip_blanks(next, end) == end;
    }
    return false;
}

/* --- packets --- */

/* Where the body of the one packet begins; 0 where it is not that, or its length is not the rest. */
static size_t body_start(const unsigned char *bytes, size_t size)
{
    size_t head, length;
    if (size < 6 || !(bytes[0] & 0x80))
        return 0;
    if (bytes[0] & 0x40) {
        if ((bytes[0] & 0x3F) != TAG_SIGNATURE || (bytes[1] >= 224 && bytes[1] != 255))
            return 0;
        head = bytes[1] < 192 ? 2 : bytes[1] == 255 ? 6 : 3;
        length = head == 2   ? bytes[1]
                 : head == 3 ? (bytes[1] - 192u) * 256u + bytes[2] + 192u
                             : (size_t)bytes[2] << 24 | (size_t)bytes[3] << 16 | (size_t)bytes[4] << 8 | bytes[5];
    } else {
        unsigned kind = bytes[0] & 3u;
        if ((bytes[0] >> 2 & 0x0F) != TAG_SIGNATURE || kind == 3)
            return 0;
        head = kind == 0 ? 2 : kind == 1 ? 3 : 5;
        length = 0;
        for (size_t i = 1; i < head; i++)
            length = length << 8 | bytes[i];
    }
    return head + length == size && length > 20 ? head : 0;
}

bool openpgp_packet_signature(const void *bytes, size_t size, struct openpgp_packet *out)
{
    buf_init(&out->bytes, SIGNATURE_MAX);
    if (size == 0 || size > 2 * SIGNATURE_MAX)
        return false;
    bool is_binary = (*(const unsigned char *)bytes & 0x80) != 0;
    if (!(is_binary ? buf_add(&out->bytes, bytes, size) : remove_armour(bytes, size, &out->bytes)) || out->bytes.size == 0)
        return false;
    const unsigned char *packet = (const unsigned char *)out->bytes.bytes;
    size_t body = body_start(packet, out->bytes.size);
    if (body == 0 || packet[body] != 4)
        return false;
    out->type = packet[body + 1];
    out->algorithm = packet[body + 2];
    out->hash = packet[body + 3];
    return true;
}

/* The length that stands at *at (RFC 9580 section 4.2.1), which moves behind it; false where it is cut short. */
static bool take_length(const unsigned char *bytes, size_t size, size_t *at, size_t *length, bool *is_partial)
{
    if (*at >= size)
        return false;
    unsigned first = bytes[*at];
    size_t more = first < 192 ? 0 : first < 224 ? 1 : first < 255 ? 0 : 4;
    *is_partial = first >= 224 && first < 255;
    if (size - *at - 1 < more)
        return false;
    *length = *is_partial   ? (size_t)1 << (first & 31)
              : first < 192 ? first
              : first < 224 ? (first - 192u) * 256u + bytes[*at + 1] + 192u
                            : 0;
    for (size_t i = 0; more == 4 && i < 4; i++)
        *length = *length << 8 | bytes[*at + 1 + i];
    *at += 1 + more;
    return true;
}

/* Moves *at behind the packet there; false where it does not end within the bytes. */
static bool pass_packet(const unsigned char *bytes, size_t size, size_t *at, unsigned *tag)
{
    unsigned head = bytes[(*at)++];
    bool is_new = head & 0x40, is_partial = is_new;
    size_t length = 0;
    *tag = is_new ? head & 0x3F : head >> 2 & 0x0F;
    if (!(head & 0x80))
        return false;
    if (!is_new && (head & 3) == 3) {
        *at = size;
        return true;
    }
    for (unsigned digits = is_new ? 0 : 1u << (head & 3); digits > 0; digits--) {
        if (*at >= size)
            return false;
        length = length << 8 | bytes[(*at)++];
    }
    do {
        if (is_new && !take_length(bytes, size, at, &length, &is_partial))
            return false;
        if (length > size - *at)
            return false;
        *at += length;
    } while (is_partial);
    return true;
}

bool openpgp_packet_is_encryption(const void *bytes, size_t size)
{
    enum { PKESK = 1, SKESK = 3, SED = 9, MARKER = 10, SEIPD = 18, AEAD = 20, PADDING = 21 };
    struct buf clear;
    size_t at = 0;
    unsigned tag = 0;
    bool ok = size > 0;
    buf_init(&clear, size + 1);
    if (ok && !(*(const unsigned char *)bytes & 0x80)) {
        ok = remove_message_armour(bytes, size, &clear);
        bytes = clear.bytes;
        size = clear.size;
    }
    while (ok && at < size) {
        ok = pass_packet(bytes, size, &at, &tag);
        if (tag == SED || tag == SEIPD || tag == AEAD)
            break;
        ok = ok && (tag == PKESK || tag == SKESK || tag == MARKER || tag == PADDING);
    }
    ok = ok && at == size && (tag == SED || tag == SEIPD || tag == AEAD);
    buf_clear(&clear);
    return ok;
}
