#include "model/observable_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* An address of either family, in network order. */
struct address {
    unsigned char bytes[16];
    unsigned bits; /* 32 or 128 */
};

static bool is_zero(const struct address *address)
{
    for (size_t i = 0; i < address->bits / 8; i++)
        if (address->bytes[i])
            return false;
    return true;
}

/* "046.166.139.111": block lists pad with zeros, and then all four are padded. Fewer zeros might as well be octal. */
static bool unpad(const char *text, char out[INET_ADDRSTRLEN])
{
    if (strlen(text) != 15)
        return false;
    for (size_t i = 0; i < 15; i++) {
        if (i % 4 == 3 ? text[i] != '.' : text[i] < '0' || text[i] > '9')
            return false;
    }
    char *end = out;
    for (size_t i = 0; i < 15; i++)
        if (text[i] != '0' || i % 4 >= 2 || (i % 4 == 1 && text[i - 1] != '0'))
            *end++ = text[i];
    *end = '\0';
    return true;
}

static bool read_ipv4(const char *text, struct address *address)
{
    char plain[INET_ADDRSTRLEN];
    address->bits = 32;
    return inet_pton(AF_INET, unpad(text, plain) ? plain : text, address->bytes) == 1;
}

/* With brackets or a zone, which says something about the writer's interfaces only. */
static bool read_ipv6(const char *text, struct address *address)
{
    char plain[INET6_ADDRSTRLEN];
    size_t size = strcspn(text, "%"), bracket = *text == '[';
    if (text[size] == '\0' && bracket && size && text[size - 1] != ']')
        return false;
    size -= bracket + (bracket && text[size] == '\0');
    if (size >= sizeof plain)
        return false;
    memcpy(plain, text + bracket, size);
    plain[size] = '\0';
    address->bits = 128;
    return inet_pton(AF_INET6, plain, address->bytes) == 1;
}

static bool is_mapped(const struct address *address)
{
    static const unsigned char prefix[12] = {[10] = 0xff, [11] = 0xff};
    return address->bits == 128 && memcmp(address->bytes, prefix, sizeof prefix) == 0;
}

/* ::ffff:a.b.c.d is a.b.c.d. */
static void unmap(struct address *address)
{
    if (!is_mapped(address))
        return;
    memmove(address->bytes, address->bytes + 12, 4);
    address->bits = 32;
}

static const char *format(struct arena *arena, const struct address *address)
{
    char out[INET6_ADDRSTRLEN];
    return arena_strdup(arena, inet_ntop(address->bits == 32 ? AF_INET : AF_INET6, address->bytes, out, sizeof out));
}

const char *observable_address_ipv4(struct arena *arena, const char *text)
{
    struct address address;
    return read_ipv4(text, &address) && !is_zero(&address) ? format(arena, &address) : NULL;
}

const char *observable_address_ipv6(struct arena *arena, const char *text)
{
    struct address address;
    return read_ipv6(text, &address) && !is_zero(&address) && !is_mapped(&address) ? format(arena, &address) : NULL;
}

bool observable_address_is_none(const char *text)
{
    struct address address;
    bool is_address = read_ipv4(text, &address) || read_ipv6(text, &address);
    if (is_address)
        unmap(&address);
    return is_address && is_zero(&address);
}

static bool bit(const struct address *address, unsigned at) /* 0 is the highest */
{
    return address->bytes[at / 8] >> (7 - at % 8) & 1;
}

static void clear_host_bits(struct address *address, unsigned length)
{
    for (unsigned i = 0; i < address->bits / 8; i++) {
        unsigned kept = length > i * 8 ? length - i * 8 : 0;
        if (kept < 8)
            address->bytes[i] = (unsigned char)(address->bytes[i] & (0xFF00 >> kept));
    }
}

/* "24", or the same as a mask: 255.255.255.0, ffff:ffff:ffff::. */
static bool read_length(const char *text, const struct address *address, int64_t *length)
{
    struct address mask;
    if (str_to_int64(text, 0, address->bits, length))
        return true;
    if ((!read_ipv4(text, &mask) && !read_ipv6(text, &mask)) || mask.bits != address->bits)
        return false;
    unsigned ones = 0;
    while (ones < mask.bits && bit(&mask, ones))
        ones++;
    *length = ones;
    while (ones < mask.bits && !bit(&mask, ones))
        ones++;
    return ones == mask.bits;
}

/* The network and its length; one of length 0 names everybody, so it names nobody: refused. */
static bool read_network(const char *text, struct address *address, unsigned *length)
{
    const char *slash = strchr(text, '/');
    char plain[INET6_ADDRSTRLEN];
    int64_t written;
    if (!slash || (size_t)(slash - text) >= sizeof plain)
        return false;
    memcpy(plain, text, (size_t)(slash - text));
    plain[slash - text] = '\0';
    if (!read_ipv4(plain, address) && !read_ipv6(plain, address))
        return false;
    if (!read_length(slash + 1, address, &written))
        return false;
    unsigned before = address->bits;
    unmap(address);
    if (written <= before - address->bits)
        return false;
    *length = (unsigned)written - (before - address->bits);
    clear_host_bits(address, *length);
    return true;
}

const char *observable_address_cidr(struct arena *arena, const char *text)
{
    struct address address;
    unsigned length;
    return read_network(text, &address, &length) ? arena_printf(arena, "%s/%u", format(arena, &address), length) : NULL;
}

const char *observable_address_asn(struct arena *arena, const char *text)
{
    int64_t high = 0, low;
    text += str_starts_nocase(text, "asn") ? 3 : str_starts_nocase(text, "as") ? 2 : 0;
    text += strspn(text, " ");
    const char *dot = strchr(text, '.');
    if (dot && str_equal(dot, ".0")) { /* a whole number, as spreadsheets write it: no asdot, of which one in 65,536 ends so */
        text = arena_strndup(arena, text, (size_t)(dot - text));
        dot = NULL;
    }
    if (dot) {
        if (!str_to_int64(arena_strndup(arena, text, (size_t)(dot - text)), 0, UINT16_MAX, &high) ||
            !str_to_int64(dot + 1, 0, UINT16_MAX, &low))
            return NULL;
    } else if (!str_to_int64(text, 0, UINT32_MAX, &low)) {
        return NULL;
    }
    int64_t number = high << 16 | low;
    return number ? arena_printf(arena, "%u", (unsigned)number) : NULL;
}

const char *observable_address(struct arena *arena, const char *text, enum observable_type *type)
{
    struct address address;
    unsigned length;
    bool is_network = strchr(text, '/') != NULL;
    if (is_network ? !read_network(text, &address, &length) : !read_ipv4(text, &address) && !read_ipv6(text, &address))
        return NULL;
    unmap(&address);
    if (!is_network)
        length = address.bits;
    if (length == address.bits && is_zero(&address))
        return NULL;
    *type = length < address.bits ? OBSERVABLE_CIDR : address.bits == 32 ? OBSERVABLE_IPV4 : OBSERVABLE_IPV6;
    const char *value = format(arena, &address);
    return *type == OBSERVABLE_CIDR ? arena_printf(arena, "%s/%u", value, length) : value;
}

/* --- ranges --- */

/* The last address of the network of that length that begins at address. */
static struct address last_of(const struct address *address, unsigned length)
{
    struct address last = *address;
    for (unsigned at = length; at < last.bits; at++)
        last.bytes[at / 8] = (unsigned char)(last.bytes[at / 8] | 1 << (7 - at % 8));
    return last;
}

static int compare(const struct address *a, const struct address *b)
{
    return memcmp(a->bytes, b->bytes, a->bits / 8);
}

/* False where it was the family's last. */
static bool increase(struct address *address)
{
    for (size_t i = address->bits / 8; i-- > 0;)
        if (++address->bytes[i])
            return true;
    return false;
}

/* The last address as a whole: of "198.51.100.7-9" only its last number was written. */
static const char *complete(struct arena *arena, const char *first, const char *last)
{
    const char *dot = strrchr(first, '.');
    bool is_number = *last && strspn(last, "0123456789") == strlen(last);
    return dot && is_number ? arena_printf(arena, "%.*s.%s", (int)(dot - first), first, last) : last;
}

size_t observable_address_range(struct arena *arena, const char *first, const char *last, const char *values[OBSERVABLE_RANGE_MAX],
                                enum observable_type types[OBSERVABLE_RANGE_MAX])
{
    struct address at, end, reached;
    size_t count = 0;
    last = complete(arena, first, last);
    if ((!read_ipv4(first, &at) && !read_ipv6(first, &at)) || (!read_ipv4(last, &end) && !read_ipv6(last, &end)))
        return 0;
    unmap(&at);
    unmap(&end);
    if (at.bits != end.bits || compare(&at, &end) > 0)
        return 0;
    do {
        unsigned length = at.bits;
        /* The widest network that begins here and does not go beyond the end. */
        while (length > 0 && !bit(&at, length - 1) && (reached = last_of(&at, length - 1), compare(&reached, &end) <= 0))
            length--;
        if (length == 0)
            return 0;
        const char *value = format(arena, &at);
        types[count] = length < at.bits ? OBSERVABLE_CIDR : at.bits == 32 ? OBSERVABLE_IPV4 : OBSERVABLE_IPV6;
        if (!is_zero(&at) || length < at.bits)
            values[count++] = length < at.bits ? arena_printf(arena, "%s/%u", value, length) : value;
        at = last_of(&at, length);
    } while (compare(&at, &end) < 0 && count < OBSERVABLE_RANGE_MAX && increase(&at));
    return count;
}
