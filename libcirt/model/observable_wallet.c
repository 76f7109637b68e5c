#include "model/observable_wallet.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <glib.h>

#include "base/str.h"

enum { WALLET_SIZE_MAX = 128, KECCAK_SIZE = 32, CHECKSUM_SIZE = 4 };

/* --- Keccak-256 as it was before FIPS 202 changed its padding; OpenSSL 3.0 and GLib have only the later one --- */

enum { KECCAK_ROUNDS = 24, KECCAK_RATE = 136 };

static uint64_t rotate(uint64_t word, unsigned by)
{
    return by ? word << by | word >> (64 - by) : word;
}

/* The round constants come out of a shift register (Keccak reference, 1.2). */
static uint64_t round_constant(unsigned *state)
{
    uint64_t constant = 0;
    for (unsigned j = 0; j < 7; j++) {
        if (*state & 1)
            constant |= UINT64_C(1) << ((1U << j) - 1);
        *state = *state << 1 ^ (*state & 0x80 ? 0x171 : 0);
    }
    return constant;
}

static void keccak_round(uint64_t a[25], uint64_t constant)
{
    uint64_t c[5], b[25];
    for (unsigned x = 0; x < 5; x++)
        c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    for (unsigned i = 0; i < 25; i++)
        a[i] ^= c[(i + 4) % 5] ^ rotate(c[(i + 1) % 5], 1);
    b[0] = a[0];
    for (unsigned t = 0, x = 1, y = 0; t < 24; t++) {
        unsigned next_y = (2 * x + 3 * y) % 5;
        b[y + 5 * next_y] = rotate(a[x + 5 * y], (t + 1) * (t + 2) / 2 % 64);
        x = y;
        y = next_y;
    }
    for (unsigned y = 0; y < 25; y += 5)
        for (unsigned x = 0; x < 5; x++)
            a[y + x] = b[y + x] ^ (~b[y + (x + 1) % 5] & b[y + (x + 2) % 5]);
    a[0] ^= constant;
}

/* size is below one block: addresses are short. */
static void keccak256(const unsigned char *bytes, size_t size, unsigned char out[KECCAK_SIZE])
{
    uint64_t state[25] = {0};
    unsigned char block[KECCAK_RATE] = {0};
    unsigned register_state = 1;
    memcpy(block, bytes, size);
    block[size] ^= 0x01;
    block[KECCAK_RATE - 1] ^= 0x80;
    for (unsigned i = 0; i < KECCAK_RATE; i++)
        state[i / 8] ^= (uint64_t)block[i] << (8 * (i % 8));
    for (unsigned i = 0; i < KECCAK_ROUNDS; i++)
        keccak_round(state, round_constant(&register_state));
    for (unsigned i = 0; i < KECCAK_SIZE; i++)
        out[i] = (unsigned char)(state[i / 8] >> (8 * (i % 8)));
}

/* --- base58 --- */

static const char base58[] = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/* The number that the digits write, as exactly size bytes, high ones first. False where it does not fit or a character is no digit. */
static bool base58_number(const char *text, size_t digits, unsigned char *bytes, size_t size)
{
    memset(bytes, 0, size);
    for (size_t i = 0; i < digits; i++) {
        const char *digit = text[i] ? strchr(base58, text[i]) : NULL;
        if (!digit)
            return false;
        unsigned carry = (unsigned)(digit - base58);
        for (size_t at = size; at-- > 0;) {
            carry += 58U * bytes[at];
            bytes[at] = (unsigned char)carry;
            carry >>= 8;
        }
        if (carry)
            return false;
    }
    return true;
}

static void sha256(const unsigned char *bytes, size_t size, unsigned char out[32])
{
    gsize out_size = 32;
    GChecksum *checksum = g_checksum_new(G_CHECKSUM_SHA256);
    g_checksum_update(checksum, bytes, (gssize)size);
    g_checksum_get_digest(checksum, out, &out_size);
    g_checksum_free(checksum);
}

/* Version, hash160 and the first bytes of a double SHA-256. Zcash has versions of two bytes. */
static bool is_base58check(const char *text)
{
    static const unsigned char versions[] = {0x00 /* Bitcoin 1 */, 0x05 /* 3 */, 0x30 /* Litecoin L */, 0x32 /* M */, 0x1E /* Dogecoin */,
                                             0x4C /* Dash */,      0x41 /* Tron */};
    unsigned char bytes[26], digest[32];
    size_t size = strlen(text);
    if (size < 26 || size > 35)
        return false;
    bool is_zcash = text[0] == 't' && (text[1] == '1' || text[1] == '3');
    size_t payload = is_zcash ? 22 : 21;
    if (!base58_number(text, size, bytes, payload + CHECKSUM_SIZE))
        return false;
    /* A leading zero byte is written as one "1", no more and no less. */
    size_t ones = strspn(text, "1"), zeros = 0;
    while (zeros < payload && bytes[zeros] == 0)
        zeros++;
    if (ones != zeros)
        return false;
    if (is_zcash ? bytes[0] != 0x1C || (bytes[1] != 0xB8 && bytes[1] != 0xBD) : !memchr(versions, bytes[0], sizeof versions))
        return false;
    sha256(bytes, payload, digest);
    sha256(digest, sizeof digest, digest);
    return memcmp(digest, bytes + payload, CHECKSUM_SIZE) == 0;
}

/* Blocks of 8 bytes as 11 digits, the last of 5 bytes as 7: a byte of network, two keys, checksum. */
static bool is_monero(const char *text)
{
    unsigned char bytes[69], digest[KECCAK_SIZE];
    if (strlen(text) != 95)
        return false;
    for (size_t block = 0; block < 9; block++)
        if (!base58_number(text + block * 11, block < 8 ? 11 : 7, bytes + block * 8, block < 8 ? 8 : 5))
            return false;
    keccak256(bytes, 65, digest);
    return (bytes[0] == 18 || bytes[0] == 42) && memcmp(digest, bytes + 65, CHECKSUM_SIZE) == 0;
}

/* --- bech32 --- */

static uint32_t bech32_step(uint32_t check, unsigned value)
{
    static const uint32_t generators[] = {0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
    uint32_t top = check >> 25;
    check = (check & 0x1ffffff) << 5 ^ value;
    for (unsigned i = 0; i < ARRAY_SIZE(generators); i++)
        if (top >> i & 1)
            check ^= generators[i];
    return check;
}

/* A witness program of a version; 20 or 32 bytes for version 0. lower: in lower case. */
static bool is_bech32(const char *lower)
{
    static const char digits[] = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    size_t prefix = str_starts(lower, "bc1") ? 2 : str_starts(lower, "ltc1") ? 3 : 0, size = strlen(lower);
    if (prefix == 0 || size < prefix + 8 || size > 90)
        return false;
    uint32_t check = 1;
    for (size_t i = 0; i < prefix; i++)
        check = bech32_step(check, (unsigned)lower[i] >> 5);
    check = bech32_step(check, 0);
    for (size_t i = 0; i < prefix; i++)
        check = bech32_step(check, (unsigned)lower[i] & 31);
    for (size_t i = prefix + 1; i < size; i++) {
        const char *digit = strchr(digits, lower[i]);
        if (!digit)
            return false;
        check = bech32_step(check, (unsigned)(digit - digits));
    }
    bool is_version_0 = lower[prefix + 1] == 'q';
    size_t program = (size - prefix - 1 - 1 - 6) * 5 / 8;
    return is_version_0 ? check == 1 && (program == 20 || program == 32) : check == 0x2bc830a3 && program >= 2 && program <= 40;
}

/* --- Ethereum --- */

static const char *normalise_ethereum(struct arena *arena, const char *text)
{
    unsigned char digest[KECCAK_SIZE];
    if (strlen(text) != 42 || text[0] != '0' || text[1] != 'x' || strspn(text + 2, "0123456789abcdefABCDEF") != 40 ||
        strspn(text + 2, "0") == 40)
        return NULL;
    char *lower = arena_strdup(arena, text);
    str_lower(lower);
    bool has_upper = strpbrk(text + 2, "ABCDEF") != NULL, has_lower = strpbrk(text + 2, "abcdef") != NULL;
    if (!has_upper || !has_lower)
        return lower;
    keccak256((const unsigned char *)lower + 2, 40, digest);
    for (size_t i = 0; i < 40; i++) {
        unsigned nibble = i % 2 ? digest[i / 2] & 15U : digest[i / 2] >> 4U;
        if (isalpha((unsigned char)lower[2 + i]) && (nibble >= 8) != (isupper((unsigned char)text[2 + i]) != 0))
            return NULL;
    }
    return lower;
}

const char *observable_wallet(struct arena *arena, const char *text)
{
    static const char *const schemes[] = {"bitcoin:", "ethereum:", "litecoin:", "dogecoin:", "dash:", "zcash:", "monero:", "tron:"};
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
        if (str_starts_nocase(text, schemes[i]))
            text = arena_strndup(arena, text + strlen(schemes[i]), strcspn(text + strlen(schemes[i]), "?@"));
    size_t size = strlen(text);
    if (size > WALLET_SIZE_MAX)
        return NULL;
    if (is_base58check(text) || is_monero(text))
        return arena_strdup(arena, text);
    char *lower = arena_strdup(arena, text), *upper = arena_strdup(arena, text);
    str_lower(lower);
    for (char *at = upper; *at; at++)
        *at = (char)toupper((unsigned char)*at);
    /* BIP 173: all of one case. */
    if ((str_equal(text, lower) || str_equal(text, upper)) && is_bech32(lower))
        return lower;
    return normalise_ethereum(arena, text);
}
