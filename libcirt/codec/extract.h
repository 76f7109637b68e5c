/*
 * codec/extract.h - observables out of prose written by people: URLs, addresses, hashes, CVEs and defanged names.
 *
 * Conservative: a word becomes an observable only where its form leaves no doubt. Defanging is undone (hxxp, [.], (.), [dot], [at],
 * (at), [:]). A bare domain counts only where it was defanged, since prose is full of file names and abbreviations; the host of a URL
 * counts as a domain too.
 */
#ifndef CIRT_CODEC_EXTRACT_H
#define CIRT_CODEC_EXTRACT_H

#include <stddef.h>

#include "model/report.h"

enum { EXTRACT_MAX = 1000 }; /* observables of one text */

/* Adds what stands in text (UTF-8) to the observation, each value once, role ROLE_OTHER. Returns how many were added. */
size_t extract_observables(const char *text, struct report *report, struct observation *observation);

#endif
