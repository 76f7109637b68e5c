/* cirtd/gate/gate_limits.h - how much each address holds: counted from accept() on, before a byte of TLS is read. */
#ifndef CIRT_GATE_LIMITS_H
#define CIRT_GATE_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "cirtd/gate/gate.h"

struct gate_limits_table;
/* One address: an IPv4 address, or the /64 of an IPv6 one (a single site has 2^64 of those). */
struct gate_limits_address;

struct gate_limits_table *gate_limits_table_new(void);
void gate_limits_table_free(struct gate_limits_table *table);

/* Counts one connection more; NULL, nothing counted, and *reason where it would be one too many. */
struct gate_limits_address *gate_limits_enter(struct gate_limits_table *table, const struct gate_limits *limits,
                                              const struct sockaddr *address, const char **reason);
void gate_limits_leave(struct gate_limits_table *table, struct gate_limits_address *address);

/* Counts one request in flight more for that address; false, nothing counted, beyond requests_per_address_max. */
bool gate_limits_begin(struct gate_limits_address *address, const struct gate_limits *limits) MUST_CHECK;
void gate_limits_end(struct gate_limits_address *address);

/* Unfinished handshakes of that address. */
void gate_limits_handshake_begins(struct gate_limits_address *address);
void gate_limits_handshake_ends(struct gate_limits_address *address);
size_t gate_limits_handshakes(const struct gate_limits_address *address);

/* Text of an address, "192.0.2.1" (also for ::ffff:192.0.2.1) or "2001:db8::1", into text of at least INET6_ADDRSTRLEN bytes. */
void gate_limits_text(const struct sockaddr *address, char *text, size_t size);
bool gate_limits_is_loopback(const struct sockaddr *address);

#endif
