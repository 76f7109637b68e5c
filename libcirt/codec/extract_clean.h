/* codec/extract_clean.h - prose made plain before its words are looked at: the tricks of Unicode go, and blanks around defanging. */
#ifndef CIRT_CODEC_EXTRACT_CLEAN_H
#define CIRT_CODEC_EXTRACT_CLEAN_H

/*
 * text is UTF-8; the result is the caller's to free. Characters that take no room go (zero width, soft hyphens, directions); every blank
 * and control character is a space, every line end stays; dashes are "-", quotation marks '"'; full-width letters are plain; full-width and
 * ideographic dots between letters are "[.]", so that they count as defanging; bullets and other symbols are "*" between blanks, but in the
 * host of a URL; other punctuation of scripts beside Latin is a space, and so is the place where letters of a script that sets no blanks
 * (CJK, Thai, ...) meet Latin ones, or Hiragana a slash. Blanks around "[.]", "(at)" and the like go; "&lt;", "&gt;", "&quot;" and "&nbsp;"
 * are what they mean.
 */
char *extract_clean(const char *text);

#endif
