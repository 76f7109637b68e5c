/* Response policy zones: draft-vixie-dnsop-dns-rpz, as BIND, Knot Resolver, PowerDNS and Unbound read them. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "codec/export_list.h"

/* Of the 253 characters of a name these are left for the zone's own. */
enum { ZONE_NAME_MAX = 64 };

void export_rpz_begin(struct export_writer *writer, struct buf *out)
{
    export_comment(writer, "; ", out);
    /* RFC 1982: seconds since 1970 grow as serials must. */
    buf_printf(out, "$TTL 300\n@ IN SOA localhost. hostmaster.localhost. (%lld 3600 600 604800 300)\n@ IN NS localhost.\n",
               (long long)((writer->head.time / TIMESTAMP_SECOND) & 0xffffffff));
}

/* "8.0.0.0.10.rpz-client-ip" would be a rule on addresses, clients or name servers, whatever was found out about the name. */
static bool is_policy(const char *domain)
{
    const char *last = strrchr(domain, '.');
    return str_starts(last ? last + 1 : domain, "rpz-");
}

static bool add_domain(const char *domain, struct buf *out)
{
    if (export_is_unfit_name(domain) || is_policy(domain) || strlen(domain) > 253 - ZONE_NAME_MAX)
        return false;
    buf_printf(out, "%s CNAME .\n*.%s CNAME .\n", domain, domain);
    return true;
}

/* The address and how many bits of it count. */
static bool parse(int family, const char *value, unsigned char *address, int *bits)
{
    char text[INET6_ADDRSTRLEN];
    size_t size = strcspn(value, "/");
    if (size >= sizeof text)
        return false;
    memcpy(text, value, size);
    text[size] = '\0';
    *bits = value[size] == '/' ? atoi(value + size + 1) : family == AF_INET ? 32 : 128;
    return inet_pton(family, text, address) == 1;
}

static bool add_ipv4(const char *value, struct buf *out)
{
    unsigned char a[4];
    int bits;
    if (!parse(AF_INET, value, a, &bits))
        return false;
    buf_printf(out, "%d.%u.%u.%u.%u.rpz-ip CNAME .\n", bits, a[3], a[2], a[1], a[0]);
    return true;
}

/* The longest run of at least two zero words, in the order in which they are written: "zz" stands for it. Of two of one length it is the
 * one written later, which stands first in the address: BIND takes no other form. */
static void zero_run(const unsigned words[8], int *first, int *count)
{
    *first = -1;
    *count = 1;
    for (int i = 0, run = 0; i < 8; i++) {
        run = words[i] == 0 ? run + 1 : 0;
        if (run > 1 && run >= *count) {
            *count = run;
            *first = i - run + 1;
        }
    }
}

static bool add_ipv6(const char *value, struct buf *out)
{
    unsigned char a[16];
    unsigned words[8]; /* the last one first */
    int bits, first, count;
    if (!parse(AF_INET6, value, a, &bits))
        return false;
    for (int i = 0; i < 8; i++)
        words[i] = (unsigned)a[14 - 2 * i] << 8 | a[15 - 2 * i];
    zero_run(words, &first, &count);
    buf_printf(out, "%d", bits);
    for (int i = 0; i < 8; i++) {
        if (i == first) {
            buf_add_text(out, ".zz");
            i += count - 1;
        } else {
            buf_printf(out, ".%x", words[i]);
        }
    }
    buf_add_text(out, ".rpz-ip CNAME .\n");
    return true;
}

bool export_rpz_add(struct export_writer *writer, const struct observation *observation, const struct sighting *sighting, struct buf *out)
{
    UNUSED(writer);
    UNUSED(observation);
    if (sighting->type == OBSERVABLE_DOMAIN)
        return add_domain(sighting->value, out);
    if (sighting->type > OBSERVABLE_CIDR || export_is_wide(sighting))
        return false;
    return strchr(sighting->value, ':') ? add_ipv6(sighting->value, out) : add_ipv4(sighting->value, out);
}
