/*
 * codec/extract.h - observables out of prose written by people: URLs with their hosts, addresses, networks and ranges, AS numbers, mail
 * addresses, hashes, CVE ids, MAC addresses, crypto-currency addresses, "tel:" numbers, and domains.
 *
 * Conservative: a word becomes an observable only where its form leaves no doubt. Defanging is undone (observable_refang.h), full-width
 * letters and characters without width are seen through (extract_clean.h). A bare domain counts where it was defanged, or where its suffix
 * is on the Public Suffix List and it reads neither like a file ("setup.py") nor like two sentences ("done.it"), or something beside it
 * speaks for it (extract_words.h). Four numbers behind "version" and the like are no address.
 */
#ifndef CIRT_CODEC_EXTRACT_H
#define CIRT_CODEC_EXTRACT_H

#include <stddef.h>

#include "model/report.h"

enum { EXTRACT_MAX = 20000 }; /* observables of one text; that there are more is told as a rejection */
#define EXTRACT_MAX_TEXT "20,000"

/* Adds what stands in text (UTF-8) to the observation, each value once, role ROLE_OTHER; a URL's original is how it was defanged. Returns
 * how many were added. */
size_t extract_observables(const char *text, struct report *report, struct observation *observation);

#endif
