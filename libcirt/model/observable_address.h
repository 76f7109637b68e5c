/* model/observable_address.h - the normal forms of addresses, networks, ranges of addresses and AS numbers. */
#ifndef CIRT_MODEL_OBSERVABLE_ADDRESS_H
#define CIRT_MODEL_OBSERVABLE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "model/observable.h"

/* Each: text without blanks around it; the normal form in the arena, or NULL. 0.0.0.0, :: and networks of length 0 are nobody's: NULL. */
const char *observable_address_ipv4(struct arena *arena,
                                    const char *text); /* four numbers; all of three digits ("046.166.139.111") are decimal */
const char *observable_address_ipv6(struct arena *arena, const char *text); /* RFC 5952; a zone ("%eth0") and brackets go; no mapped IPv4 */
const char *observable_address_cidr(struct arena *arena, const char *text); /* host bits become zero; mapped networks are IPv4's */
const char *observable_address_asn(struct arena *arena, const char *text);  /* "AS64500", "64500", "64500.0", asdot "AS1.10" (RFC 5396) */

/* Whether it is 0.0.0.0 or ::, in any spelling, mapped too. */
bool observable_address_is_none(const char *text);

/* Whatever of the first three it is: a mapped address is ipv4, a network of one address is the address. NULL: *type untouched. */
const char *observable_address(struct arena *arena, const char *text, enum observable_type *type);

enum { OBSERVABLE_RANGE_MAX = 254 }; /* the most networks that a range falls into (IPv6) */

/*
 * The fewest networks that cover exactly first..last (of IPv4 maybe its last number alone), in order, of type ipv4, ipv6 or cidr each.
 * Returns their number; 0 where the two are no addresses of one family, stand in the wrong order, or span the whole family. Values are the
 * arena's.
 */
size_t observable_address_range(struct arena *arena, const char *first, const char *last, const char *values[OBSERVABLE_RANGE_MAX],
                                enum observable_type types[OBSERVABLE_RANGE_MAX]);

#endif
