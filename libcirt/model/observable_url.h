/*
 * model/observable_url.h - the normal form of a URL: what a browser would ask for (WHATWG URL Standard, sections 3 and 4), so that two
 * ways to write one place are one value.
 */
#ifndef CIRT_MODEL_OBSERVABLE_URL_H
#define CIRT_MODEL_OBSERVABLE_URL_H

#include "base/mem.h"

/*
 * Scheme and host in lower case; the host percent-decoded, IDNA A-labels, and for http, https, ftp, ws and wss every form of an IPv4
 * address that browsers read (decimal, octal, hexadecimal, one to four parts) as four numbers. The scheme's own port is dropped, "\" is
 * "/", "." and ".." go, an empty path is "/". Escapes are upper case; what needs none (RFC 3986, 2.3) has none, what must have one has
 * one, a "%" without two digits is "%25". Unlike browsers: a host of one label, or of nobody (0.0.0.0), is refused.
 * NULL where it is no URL with a host, has control characters other than tab and line ends (which go), or is longer than 8192 bytes.
 */
const char *observable_url(struct arena *arena, const char *text);

/* The host name of a normalised URL; NULL where it is an address. */
const char *observable_url_host(struct arena *arena, const char *value);

/* The address of a normalised URL without brackets; NULL where it is a name. */
const char *observable_url_address(struct arena *arena, const char *value);

#endif
