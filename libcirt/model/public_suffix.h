/* model/public_suffix.h - the Public Suffix List as libpsl carries it: which names people can register, and under which. */
#ifndef CIRT_MODEL_PUBLIC_SUFFIX_H
#define CIRT_MODEL_PUBLIC_SUFFIX_H

/* domain: normalised. The part that somebody registered ("bank.co.uk" of "www.bank.co.uk"), within domain; NULL where domain is a public
 * suffix itself, or ends in a label that is on no list ("evil.example"). Suffixes of companies ("github.io") count as suffixes. */
const char *public_suffix_registrable(const char *domain);

/* The suffix ("co.uk" of "www.bank.co.uk"), within domain, as ICANN's part of the list has it; NULL where none is known, or domain is one
 * itself. */
const char *public_suffix_of(const char *domain);

#endif
