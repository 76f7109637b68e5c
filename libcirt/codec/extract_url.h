/* codec/extract_url.h - where a URL within a word begins and ends. Words are changed in place: what is cut off is gone. */
#ifndef CIRT_CODEC_EXTRACT_URL_H
#define CIRT_CODEC_EXTRACT_URL_H

#include <stdbool.h>
#include <stddef.h>

bool extract_is_scheme(const char *text, size_t size);

/* Where the scheme before mark ("://" within word) begins: of "wget+http", as a query has it, the known one. */
char *extract_start_of_scheme(char *word, char *mark);

/* url stands in word behind a "+". "+http://a.example/+" is how AsciiDoc writes code; "wget+http://a.example/x+-O+y" a command in a query.
 * Returns what is behind the URL. */
char *extract_cut_plus(const char *word, char *url);

/* "[url=http://a.example/x]www.bank.example[/url]": a URL within brackets ends where they do. url stands in word, behind another character.
 */
void extract_cut_bracket(const char *word, char *url);

/* What closes a sentence, a quotation or a bracket that was opened before the URL, and what a shell would run next, is no part of it. */
void extract_cut_url(char *url);

#endif
