/* codec/extract_words.h - what a word says of the value behind it, and whether a name in prose is meant as a domain. */
#ifndef CIRT_CODEC_EXTRACT_WORDS_H
#define CIRT_CODEC_EXTRACT_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* is: of ctype.h. True for "", too. */
bool extract_is_all(const char *text, int (*is)(int));

/* word: lower case, without what stands around it. What it says of the value behind it: a host, */
bool extract_names_host(const char *word);
/* four numbers that are no address, */
bool extract_names_version(const char *word);
/* a program whose versions are four numbers, though an address may follow, too: versions begin with a small one; */
bool extract_names_product(const char *word);
/* the id of a message, which is no mail address, */
bool extract_names_message(const char *word);
/* a key of OpenPGP, whose digits are no hash, */
bool extract_names_key(const char *word);
/* a digest of something else than a file: of a handshake, an import table, a password; */
bool extract_names_other_digest(const char *word);
/* a mail address. */
bool extract_names_mail(const char *word);
/* What Hungarian puts behind a foreign word and "-", and Finnish behind it and ":". mark: which of these. */
bool extract_is_ending(const char *text, char mark);
/* Whether it joins the values of a row ("a and b"). */
bool extract_joins(const char *word);
/* Whether a shell runs it: what follows a URL behind ";" is no part of it. size: of the word at text. */
bool extract_is_command(const char *text, size_t size);
/* Whether a sentence begins: one word, with a capital, and none that ends a version ("4.1.1.1.Final"). */
bool extract_begins_sentence(const char *text);
/* Of "tcp/" before an address; else 0. */
size_t extract_size_of_protocol(const char *text);
/* "_dmarc.evil.example": the "_" is part of the name, and no emphasis. */
bool extract_is_service(const char *text);

/* A name as it stands in a text. */
struct extract_name {
    const char *written, *domain; /* as it stands; normalised */
    const char *context;          /* the word before, as above */
    char next;                    /* the separator behind it, or NUL */
    bool is_defanged, is_escaped; /* somebody hid it; by nothing but "\", as in an expression */
    bool is_alone;                /* nothing else in its line */
    bool has_path, has_port;
};

/*
 * Whether it is meant as a domain. Prose is full of file names, abbreviations and missing blanks, so the suffix must be one that ICANN
 * delegates, in lower case, and where it is as often something else there must be a reason: the word before, a third label, a path, ...
 * What was defanged needs none, unless its ending is a file's.
 */
bool extract_is_domain(const struct extract_name *name);

#endif
