#include "codec/mail_field.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "codec/base64.h"
#include "model/observable.h"

enum {
    LINE_MAX_SOFT = 76,  /* RFC 2047 section 2 for lines with encoded words; we keep it for all that can be folded */
    WORD_MAX = 75,       /* of an encoded word, RFC 2047 section 2 */
    WORD_FRAME = 12,     /* "=?utf-8?q?" and "?=" */
    WORD_LEAST = 30,     /* a shorter word is not worth beginning on this line */
    PLAIN_WORD_MAX = 74, /* a longer word cannot be folded and so is encoded */
    ID_MAX = 900,        /* RFC 5322 section 2.1.1: 998 for the whole line */
    LOCAL_PART_MAX = 64, /* RFC 5321 section 4.5.3.1.1 */
    PARAMETER_PIECE_MAX = 60
};

/* A field under way: where its line stands. */
struct line {
    struct buf *out;
    size_t column;
};

static struct line begin(struct buf *out, const char *name)
{
    buf_printf(out, "%s:", name);
    return (struct line){.out = out, .column = strlen(name) + 1};
}

/* A blank or a fold, then the token. */
static void add_token(struct line *line, const char *token, size_t size)
{
    bool folds = line->column + 1 + size > LINE_MAX_SOFT && line->column > 1;
    buf_add_text(line->out, folds ? "\r\n " : " ");
    buf_add(line->out, token, size);
    line->column = (folds ? 1 : line->column + 1) + size;
}

static void end(struct line *line)
{
    buf_add_text(line->out, "\r\n");
}

static bool check_text(const char *name, const char *text, struct err *err)
{
    size_t bad_at;
    if (!str_is_utf8(text, strlen(text), &bad_at))
        return err_set_at(err, ERR_INPUT, name, "byte %zu is no UTF-8", bad_at + 1);
    for (const char *c = text; *c; c++)
        if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7F)
            return err_set_at(err, ERR_INPUT, name, "a control character (0x%02X) at byte %zu: a header field is one line of text",
                              (unsigned char)*c, (size_t)(c - text) + 1);
    return true;
}

/* --- RFC 2047 --- */

/* The characters that stand for themselves in Q, also within a phrase (RFC 2047 section 5 rule 3). */
static bool is_q_literal(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("!*+-/", c));
}

static size_t q_size(const char *text, size_t size)
{
    size_t total = 0;
    for (size_t i = 0; i < size; i++)
        total += is_q_literal(text[i]) || text[i] == ' ' ? 1 : 3;
    return total;
}

static size_t b_size(size_t size)
{
    return (size + 2) / 3 * 4;
}

/* How much of the text fits into room letters, in whole characters. Base64 that goes on in another word ends without padding where it can:
 * some readers (GMime) join the letters of neighbouring words before they decode them. */
static size_t fitting(const char *text, size_t size, size_t room, bool is_q)
{
    size_t taken = 0, unpadded = 0;
    uint32_t code_point;
    while (taken < size) {
        size_t step = str_next_code_point(text + taken, text + size, &code_point);
        if ((is_q ? q_size(text, taken + step) : b_size(taken + step)) > room)
            break;
        taken += step;
        if (taken % 3 == 0)
            unpadded = taken;
    }
    return is_q || taken == size || unpadded == 0 ? taken : unpadded;
}

static void add_q(struct buf *out, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] == ' ')
            buf_add_char(out, '_');
        else if (is_q_literal(text[i]))
            buf_add_char(out, text[i]);
        else
            buf_printf(out, "=%02X", (unsigned char)text[i]);
    }
}

/* The text as encoded words; blanks between them are not part of the text when it is read. */
static void add_encoded(struct line *line, const char *text, size_t size)
{
    bool is_q = q_size(text, size) <= b_size(size);
    while (size > 0) {
        size_t left = line->column + 1 < LINE_MAX_SOFT ? LINE_MAX_SOFT - line->column - 1 : 0;
        size_t room = (left < WORD_LEAST ? WORD_MAX : left < WORD_MAX ? left : WORD_MAX) - WORD_FRAME;
        size_t taken = fitting(text, size, room, is_q);
        struct buf word;
        buf_init(&word, WORD_MAX + 1);
        buf_printf(&word, "=?utf-8?%c?", is_q ? 'q' : 'b');
        if (is_q)
            add_q(&word, text, taken);
        else
            base64_encode(&word, (const unsigned char *)text, taken);
        buf_add_text(&word, "?=");
        add_token(line, buf_text(&word), word.size);
        buf_clear(&word);
        text += taken;
        size -= taken;
    }
}

static bool is_ascii(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] >= 0x80)
            return false;
    return true;
}

/* Also what a reader would take for an encoded word. */
static bool must_encode(const char *word, size_t size)
{
    return size > PLAIN_WORD_MAX || !is_ascii(word, size) || memmem(word, size, "=?", 2);
}

/* The text with single blanks between its words and none around them; the caller frees. */
static char *squeezed(const char *text)
{
    char *copy = mem_strdup(text), *to = copy;
    for (; *text; text++) {
        bool blank = *text == ' ' || *text == '\t';
        if (!blank)
            *to++ = *text;
        else if (to > copy && to[-1] != ' ')
            *to++ = ' ';
    }
    while (to > copy && to[-1] == ' ')
        to--;
    *to = '\0';
    return copy;
}

/* Words that need it are encoded, neighbours together with the blank between them; the others stay as they are. */
static void add_words(struct line *line, const char *text)
{
    for (size_t size; *text; text += size, text += *text == ' ') {
        size = strcspn(text, " ");
        if (!must_encode(text, size)) {
            add_token(line, text, size);
            continue;
        }
        for (size_t next; text[size]; size += 1 + next) {
            next = strcspn(text + size + 1, " ");
            if (!must_encode(text + size + 1, next))
                break;
        }
        add_encoded(line, text, size);
    }
}

bool mail_field_text(struct buf *out, const char *name, const char *value, struct err *err)
{
    if (!check_text(name, value, err))
        return false;
    char *text = squeezed(value);
    struct line line = begin(out, name);
    add_words(&line, text);
    end(&line);
    free(text);
    return true;
}

/* --- addresses --- */

static bool is_atext(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* Atoms with single dots between them (RFC 5322 section 3.2.3). */
static bool is_dot_atom(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!is_atext(text[i]) && (text[i] != '.' || i == 0 || i + 1 == size || text[i - 1] == '.'))
            return false;
    return size > 0;
}

/* A quoted string with its quotes, every quote and backslash within escaped. */
static bool is_quoted(const char *text, size_t size)
{
    if (size < 3 || text[0] != '"' || text[size - 1] != '"')
        return false;
    for (size_t i = 1; i + 1 < size; i++) {
        if (text[i] == '\\' && ++i + 1 == size)
            return false;
        if (text[i] == '"' && text[i - 1] != '\\')
            return false;
    }
    return true;
}

static void add_quoted(struct buf *out, const char *text, size_t size)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < size; i++) {
        if (text[i] == '"' || text[i] == '\\')
            buf_add_char(out, '\\');
        buf_add_char(out, text[i]);
    }
    buf_add_char(out, '"');
}

/* Without the control characters that an error text must not carry either. */
static bool refuse_address(const char *address, const char *why, struct err *err)
{
    struct buf shown;
    buf_init(&shown, 200);
    str_add_harmless(&shown, address, false);
    err_set(err, ERR_INPUT, "%s: %s", buf_text(&shown), why);
    buf_clear(&shown);
    return false;
}

static bool add_local_part(struct buf *out, const char *address, size_t size, struct err *err)
{
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)address[i] >= 0x80)
            return refuse_address(
                address, "the part before the @ is not ASCII, which mail servers need not take (RFC 6531); ask for another address", err);
        if ((unsigned char)address[i] < ' ' || address[i] == 0x7F)
            return refuse_address(address, "a control character in an address", err);
    }
    if (is_dot_atom(address, size) || is_quoted(address, size))
        buf_add(out, address, size);
    else if (memchr(address, '"', size) || memchr(address, ' ', size) || memchr(address, '@', size) || memchr(address, '<', size) ||
             memchr(address, '>', size) || memchr(address, ',', size))
        return refuse_address(address, "is no mail address", err); /* a list, a name with an address: not one address */
    else
        add_quoted(out, address, size);
    return true;
}

bool mail_field_address(struct buf *out, const char *address, struct err *err)
{
    const char *at = strrchr(address, '@');
    if (!at || at == address || at - address > LOCAL_PART_MAX)
        return refuse_address(address, "is no mail address", err);
    struct arena *arena = arena_new();
    const char *domain = observable_normalise(arena, OBSERVABLE_DOMAIN, at + 1);
    bool ok = domain && !strpbrk(at + 1, " \t\r\n\v\f");
    if (!ok)
        refuse_address(address, "there can be no such mail domain", err);
    else if ((ok = add_local_part(out, address, (size_t)(at - address), err)))
        buf_printf(out, "@%s", domain);
    arena_free(arena);
    return ok;
}

/* A display name: atoms as they are, other ASCII quoted, the rest encoded. */
static void add_phrase(struct line *line, const char *name)
{
    bool is_atoms = true;
    for (const char *c = name; *c; c++)
        is_atoms = is_atoms && (is_atext(*c) || *c == ' ');
    size_t size = strlen(name);
    if (must_encode(name, size) && (!is_ascii(name, size) || !is_atoms)) {
        add_encoded(line, name, size);
    } else if (is_atoms) {
        add_words(line, name);
    } else {
        struct buf quoted;
        buf_init(&quoted, 2 * size + 2);
        add_quoted(&quoted, name, size);
        add_token(line, buf_text(&quoted), quoted.size);
        buf_clear(&quoted);
    }
}

static bool add_person(struct line *line, const char *field, const struct mail_person *person, bool is_last, struct err *err)
{
    struct buf token;
    char *name = squeezed(person->name ? person->name : "");
    buf_init(&token, 1024);
    bool ok = check_text(field, name, err);
    if (ok && *name)
        add_phrase(line, name);
    if (*name)
        buf_add_char(&token, '<');
    ok = ok && mail_field_address(&token, person->address ? person->address : "", err);
    if (*name)
        buf_add_char(&token, '>');
    if (!is_last)
        buf_add_char(&token, ',');
    if (ok)
        add_token(line, buf_text(&token), token.size);
    else if (!err->at[0])
        snprintf(err->at, sizeof err->at, "%s", field);
    buf_clear(&token);
    free(name);
    return ok;
}

bool mail_field_people(struct buf *out, const char *name, const struct mail_person *people, size_t count, struct err *err)
{
    struct line line = begin(out, name);
    for (size_t i = 0; i < count; i++)
        if (!add_person(&line, name, &people[i], i + 1 == count, err))
            return false;
    end(&line);
    return true;
}

/* --- ids, dates --- */

bool mail_field_is_id(const char *text)
{
    size_t size = strlen(text);
    if (size < 3 || size > ID_MAX || text[0] != '<' || text[size - 1] != '>')
        return false;
    for (size_t i = 1; i + 1 < size; i++)
        if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] >= 0x7F || strchr("<>", text[i]))
            return false;
    return true;
}

bool mail_field_ids(struct buf *out, const char *name, const char *const *ids, size_t count, struct err *err)
{
    size_t before = out->size;
    struct line line = begin(out, name);
    bool has_any = false, ok = true;
    for (size_t i = 0; ok && i < count; i++) {
        if (!is_ascii(ids[i], strlen(ids[i])))
            continue;
        char *id = ids[i][0] == '<' ? mem_strdup(ids[i]) : mem_printf("<%s>", ids[i]);
        ok = check_text(name, id, err);
        if (ok && mail_field_is_id(id)) {
            add_token(&line, id, strlen(id));
            has_any = true;
        }
        free(id);
    }
    end(&line);
    if (!has_any && !out->full) { /* nothing is left of the field */
        out->size = before;
        if (out->bytes)
            out->bytes[before] = '\0';
    }
    return ok;
}

bool mail_field_date(struct buf *out, const char *name, int64_t moment, struct err *err)
{
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)(moment / TIMESTAMP_SECOND);
    struct tm tm;
    if (moment < 0 || !gmtime_r(&seconds, &tm))
        return err_set_at(err, ERR_INPUT, name, "no date");
    buf_printf(out, "%s: %.3s, %d %.3s %d %02d:%02d:%02d +0000\r\n", name, days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
               tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    return true;
}

/* --- parameters --- */

static bool is_quotable(const char *value)
{
    size_t size = strlen(value);
    return size <= PARAMETER_PIECE_MAX && is_ascii(value, size) && !strpbrk(value, "\"\\") && !strstr(value, "=?");
}

static bool is_attribute_char(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("!#$&+-.^_`{|}~", c));
}

/* RFC 2231 sections 3 and 4: name*=utf-8''%.. or name*0*=utf-8''%.., name*1*=%.. and so on. */
static void add_extended(struct line *line, const char *name, const char *value)
{
    struct buf escaped, piece;
    buf_init(&escaped, 3 * strlen(value) + 1);
    for (const char *c = value; *c; c++)
        is_attribute_char(*c) ? buf_add_char(&escaped, *c) : buf_printf(&escaped, "%%%02X", (unsigned char)*c);
    const char *rest = buf_text(&escaped);
    bool is_whole = escaped.size <= PARAMETER_PIECE_MAX - 10;
    for (unsigned n = 0; n == 0 || *rest; n++) {
        size_t size = strlen(rest), most = PARAMETER_PIECE_MAX - 10;
        if (size > most)
            size = rest[most - 1] == '%' ? most - 1 : rest[most - 2] == '%' ? most - 2 : most;
        buf_init(&piece, 256);
        buf_add_text(line->out, ";");
        line->column++;
        if (is_whole)
            buf_printf(&piece, "%s*=utf-8''%.*s", name, (int)size, rest);
        else
            buf_printf(&piece, "%s*%u*=%s%.*s", name, n, n == 0 ? "utf-8''" : "", (int)size, rest);
        add_token(line, buf_text(&piece), piece.size);
        buf_clear(&piece);
        rest += size;
    }
    buf_clear(&escaped);
}

bool mail_field_with_parameters(struct buf *out, const char *name, const char *value, const char *const *parameters, struct err *err)
{
    struct line line = begin(out, name);
    if (!check_text(name, value, err))
        return false;
    add_token(&line, value, strlen(value));
    for (; *parameters; parameters += 2) {
        if (!parameters[1])
            continue;
        if (!check_text(name, parameters[1], err))
            return false;
        if (!is_quotable(parameters[1])) {
            add_extended(&line, parameters[0], parameters[1]);
            continue;
        }
        char *token = mem_printf("%s=\"%s\"", parameters[0], parameters[1]);
        buf_add_char(out, ';');
        line.column++;
        add_token(&line, token, strlen(token));
        free(token);
    }
    end(&line);
    return true;
}
