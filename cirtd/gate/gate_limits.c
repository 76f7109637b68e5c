#include "cirtd/gate/gate_limits.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/mem.h"

enum { BUCKETS = 4096 };

struct gate_limits_address {
    struct gate_limits_address *next;
    unsigned char net[16];
    size_t connections, requests, handshakes;
};

struct gate_limits_table {
    uint64_t seed; /* so that nobody outside can choose addresses that share a bucket */
    size_t connections;
    struct gate_limits_address *buckets[BUCKETS];
};

struct gate_limits_table *gate_limits_table_new(void)
{
    struct gate_limits_table *table = mem_calloc(1, sizeof *table);

    if (getrandom(&table->seed, sizeof table->seed, 0) != sizeof table->seed)
        BUG("getrandom gives no seed");
    return table;
}

void gate_limits_table_free(struct gate_limits_table *table)
{
    for (size_t i = 0; table && i < BUCKETS; i++)
        while (table->buckets[i]) {
            struct gate_limits_address *next = table->buckets[i]->next;
            free(table->buckets[i]);
            table->buckets[i] = next;
        }
    free(table);
}

/* IPv4 in its IPv4-mapped form, so that a listener on :: counts the same clients the same way. */
static void full_address(const struct sockaddr *address, unsigned char bytes[16])
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

    memset(bytes, 0, 16);
    if (address->sa_family == AF_INET6) {
        memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
    } else if (address->sa_family == AF_INET) {
        memcpy(bytes, mapped, sizeof mapped);
        memcpy(bytes + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
    }
}

static bool is_ipv4(const unsigned char bytes[16])
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(bytes, mapped, sizeof mapped) == 0;
}

static struct gate_limits_address **bucket_of(struct gate_limits_table *table, const unsigned char net[16])
{
    uint64_t halves[2], hash;

    memcpy(halves, net, sizeof halves);
    hash = (halves[0] ^ table->seed) * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ (hash >> 32) ^ halves[1]) * UINT64_C(0xbf58476d1ce4e5b9);
    hash ^= hash >> 29 ^ table->seed >> 7;
    return &table->buckets[(hash * UINT64_C(0x94d049bb133111eb)) >> 52];
}

struct gate_limits_address *gate_limits_enter(struct gate_limits_table *table, const struct gate_limits *limits,
                                              const struct sockaddr *address, const char **reason)
{
    unsigned char net[16];

    if (table->connections >= limits->connections_max) {
        *reason = "too many connections";
        return NULL;
    }
    full_address(address, net);
    if (!is_ipv4(net))
        memset(net + 8, 0, 8);
    struct gate_limits_address **bucket = bucket_of(table, net), *found = *bucket;
    while (found && memcmp(found->net, net, sizeof net) != 0)
        found = found->next;
    if (found && found->connections >= limits->connections_per_address_max) {
        *reason = "too many connections from one address";
        return NULL;
    }
    if (!found) {
        found = mem_calloc(1, sizeof *found);
        memcpy(found->net, net, sizeof net);
        found->next = *bucket;
        *bucket = found;
    }
    found->connections++;
    table->connections++;
    return found;
}

void gate_limits_leave(struct gate_limits_table *table, struct gate_limits_address *address)
{
    table->connections--;
    if (--address->connections > 0)
        return;
    struct gate_limits_address **link = bucket_of(table, address->net);
    while (*link != address)
        link = &(*link)->next;
    *link = address->next;
    free(address);
}

bool gate_limits_begin(struct gate_limits_address *address, const struct gate_limits *limits)
{
    if (address->requests >= limits->requests_per_address_max)
        return false;
    address->requests++;
    return true;
}

void gate_limits_end(struct gate_limits_address *address)
{
    address->requests--;
}

void gate_limits_handshake_begins(struct gate_limits_address *address)
{
    address->handshakes++;
}

void gate_limits_handshake_ends(struct gate_limits_address *address)
{
    address->handshakes--;
}

size_t gate_limits_handshakes(const struct gate_limits_address *address)
{
    return address->handshakes;
}

void gate_limits_text(const struct sockaddr *address, char *text, size_t size)
{
    unsigned char bytes[16];

    full_address(address, bytes);
    if (is_ipv4(bytes))
        inet_ntop(AF_INET, bytes + 12, text, (socklen_t)size);
    else
        inet_ntop(AF_INET6, bytes, text, (socklen_t)size);
}

bool gate_limits_is_loopback(const struct sockaddr *address)
{
    static const unsigned char ipv6_loopback[16] = {[15] = 1};
    unsigned char bytes[16];

    full_address(address, bytes);
    return is_ipv4(bytes) ? bytes[12] == 127 : memcmp(bytes, ipv6_loopback, sizeof bytes) == 0;
}
