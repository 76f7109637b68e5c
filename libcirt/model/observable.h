/* model/observable.h - normalised values: the same thing is always written the same way. */
#ifndef CIRT_MODEL_OBSERVABLE_H
#define CIRT_MODEL_OBSERVABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/mem.h"

/* The numbers are the database's (sighting.type); never renumber. */
enum observable_type {
    OBSERVABLE_IPV4 = 1,
    OBSERVABLE_IPV6 = 2,
    OBSERVABLE_CIDR = 3, /* a network of either family, host bits zero */
    OBSERVABLE_ASN = 4,  /* "64500", no prefix */
    OBSERVABLE_DOMAIN = 5,
    OBSERVABLE_URL = 6,
    OBSERVABLE_EMAIL = 7,
    OBSERVABLE_MD5 = 8,
    OBSERVABLE_SHA1 = 9,
    OBSERVABLE_SHA256 = 10,
    OBSERVABLE_SHA512 = 11,
    OBSERVABLE_CVE = 12,
    OBSERVABLE_MAC = 13,
    OBSERVABLE_USER_AGENT = 14,
    OBSERVABLE_FILENAME = 15,
    OBSERVABLE_COUNTRY = 16, /* ISO 3166 alpha-2, upper case */
    OBSERVABLE_TEXT = 17,    /* anything else, trimmed */
    OBSERVABLE_CRYPTO = 18,  /* address of a crypto-currency */
    OBSERVABLE_PHONE = 19,   /* E.164: "+" and up to 15 digits */
    OBSERVABLE_TYPE_COUNT
};

/* What the observable did in the statement. The numbers are the database's (sighting.role). */
enum sighting_role { ROLE_SOURCE = 1, ROLE_TARGET = 2, ROLE_VICTIM = 3, ROLE_INFRASTRUCTURE = 4, ROLE_OTHER = 5, ROLE_COUNT };

const char *observable_type_name(enum observable_type type); /* "ipv4", "user-agent", ... */
bool observable_type_parse(const char *name, enum observable_type *type) MUST_CHECK;
const char *sighting_role_name(enum sighting_role role);
bool sighting_role_parse(const char *name, enum sighting_role *role) MUST_CHECK;

/*
 * The normal form of a value of that type, in the arena; NULL where the text is no such value (also for absent forms:
 * "", "-", "0.0.0.0", "::", "n/a", "null").
 *   ipv4 dotted without leading zeros | ipv6 RFC 5952, mapped IPv4 stays ipv6 only where written so by nobody: ::ffff:a.b.c.d is
 *   refused here, see observable_guess | cidr network with length | asn decimal | domain IDNA A-label, lower case, no trailing dot |
 *   url scheme and host lower case, default port dropped, otherwise as it came | email domain part as domain | hashes lower case hex |
 *   cve upper case | mac aa:bb:cc:dd:ee:ff | country upper case | text trimmed | crypto as it
 *   is, where it reads like one | phone "+" and digits.
 */
const char *observable_normalise(struct arena *arena, enum observable_type type, const char *text);

/* Finds what the text is (an address, a mapped address as ipv4, network, URL, mail address, hash by length, CVE, "AS64500", domain)
 * and normalises it. NULL where it is none of these; *type untouched then. */
const char *observable_guess(struct arena *arena, const char *text, enum observable_type *type);

/* The host of a normalised url, email or domain, for subdomain search; NULL where there is none (an address is no host). */
const char *observable_host(struct arena *arena, enum observable_type type, const char *value);

#endif
