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

enum { OBSERVABLE_TEXT_MAX = 64 * 1024 }; /* bytes: a longer text is no value, of whatever type */

/* What the observable did in the statement. The numbers are the database's (sighting.role). */
enum sighting_role { ROLE_SOURCE = 1, ROLE_TARGET = 2, ROLE_VICTIM = 3, ROLE_INFRASTRUCTURE = 4, ROLE_OTHER = 5, ROLE_COUNT };

const char *observable_type_name(enum observable_type type); /* "ipv4", "user-agent", ... */
bool observable_type_parse(const char *name, enum observable_type *type) MUST_CHECK;
const char *sighting_role_name(enum sighting_role role);
bool sighting_role_parse(const char *name, enum sighting_role *role) MUST_CHECK;

/* What senders write where they have no value, with blanks around it or without: "", "-", "n/a", "null", "none", and 0.0.0.0 and
 * "::" in any spelling, as a network of its own or of all ("/0", "/32", "/128"), in brackets or with a port. */
bool observable_is_absent(const char *text);

/*
 * The normal form of a value of that type, in the arena; NULL where the text is no such value (also for
 * absent forms). docs/NORMALISATION.md has them all with examples.
 *   ipv4, ipv6 (a mapped IPv4 address is none), cidr, asn observable_address.h | domain, email observable_domain.h | url observable_url.h |
 *   md5 to sha512 lower case hex, "sha256:" before it and colons between its bytes go; all zeros is absent | cve upper case, no needless
 * zeros | mac aa:bb:cc:dd:ee:ff | country upper case | user-agent, filename, text trimmed | crypto observable_wallet.h | phone "+" and
 * digits (E.164).
 */
const char *observable_normalise(struct arena *arena, enum observable_type type, const char *text);

/* As above for senders who confuse what is near: *type becomes what the value is where it is another address, network or hash
 * (::ffff:a.b.c.d and a.b.c.d/32 are ipv4, 64 digits are sha256); an address, name, URL or mail address that is none as it stands is read
 * with its defanging undone. NULL: *type untouched. */
const char *observable_read(struct arena *arena, enum observable_type *type, const char *text);

/* Finds what the text is, defanged or not (address, network, URL, mail address, hash by length, CVE, MAC with separators, "AS64500",
 * domain, phone with "+", crypto-currency address, a file's name like "evil.exe" of one word) and normalises it. NULL where it is none of
 * these; *type untouched then. */
const char *observable_guess(struct arena *arena, const char *text, enum observable_type *type);

/* The host of a normalised url, email or domain, for subdomain search; NULL where there is none (an address is no host). */
const char *observable_host(struct arena *arena, enum observable_type type, const char *value);

#endif
