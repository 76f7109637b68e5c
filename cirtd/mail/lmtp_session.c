#include "cirtd/mail/lmtp_session.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"

enum mode { MODE_COMMAND, MODE_DATA, MODE_STORED, MODE_CLOSED };

/* Where in a line the data stands; the end needs CRLF "." CRLF and nothing else. */
enum data_state { DATA_LINE_START, DATA_TEXT, DATA_CR, DATA_DOT, DATA_DOT_CR };

struct lmtp_session {
    const struct lmtp_policy *policy;
    struct buf *replies;
    enum mode mode;
    enum data_state data_state;
    struct buf line;
    bool line_too_long;
    unsigned faults;
    uint64_t steps;
    bool greeted, has_sender, utf8;
    char sender[LMTP_ADDRESS_MAX + 1];
    char *recipients[LMTP_RECIPIENTS_MAX];
    size_t recipient_count;
    struct buf data;
    size_t reserved; /* of the budget */
    bool too_large, no_room;
    struct lmtp_message message;
};

static void reply(struct lmtp_session *session, const char *text)
{
    buf_add_text(session->replies, text);
    buf_add_text(session->replies, "\r\n");
}

/* The sender's mistake: after too many of them nobody sensible is at the other end. */
static void fault(struct lmtp_session *session, const char *text)
{
    if (++session->faults > LMTP_FAULTS_MAX) {
        reply(session, "421 4.7.0 too many errors, closing");
        session->mode = MODE_CLOSED;
        return;
    }
    reply(session, text);
}

static void give_back(struct lmtp_session *session)
{
    buf_clear(&session->data);
    session->policy->budget->used -= session->reserved;
    session->reserved = 0;
}

static void forget_mail(struct lmtp_session *session)
{
    for (size_t i = 0; i < session->recipient_count; i++)
        free(session->recipients[i]);
    session->recipient_count = 0;
    session->has_sender = session->utf8 = session->too_large = session->no_room = false;
    session->sender[0] = '\0';
    give_back(session);
}

struct lmtp_session *lmtp_session_new(const struct lmtp_policy *policy, struct buf *replies)
{
    struct lmtp_session *session = mem_calloc(1, sizeof *session);
    session->policy = policy;
    session->replies = replies;
    buf_init(&session->line, LMTP_LINE_MAX);
    buf_init(&session->data, policy->size_max);
    buf_printf(replies, "220 %s LMTP ready\r\n", policy->hostname);
    return session;
}

void lmtp_session_free(struct lmtp_session *session)
{
    if (!session)
        return;
    forget_mail(session);
    buf_clear(&session->line);
    free(session);
}

/* --- commands --- */

/* The address of "<...>" at text; *rest is what follows. UTF-8 only where SMTPUTF8 was asked for (checked by the caller). */
static bool path_read(const char *text, char address[LMTP_ADDRESS_MAX + 1], const char **rest)
{
    while (*text == ' ')
        text++;
    if (*text != '<')
        return false;
    const char *start = text + 1;
    bool quoted = false;
    const char *end = start;
    for (; *end && (quoted || *end != '>'); end++) {
        if ((unsigned char)*end < ' ' || *end == 0x7f)
            return false;
        if (quoted && *end == '\\' && end[1])
            end++;
        else if (*end == '"')
            quoted = !quoted;
        else if (!quoted && (*end == ' ' || *end == '<'))
            return false;
    }
    size_t size = (size_t)(end - start);
    if (*end != '>' || size > LMTP_ADDRESS_MAX || (end[1] && end[1] != ' '))
        return false;
    memcpy(address, start, size);
    address[size] = '\0';
    *rest = end + 1;
    return true;
}

static bool is_ascii(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text >= 0x80)
            return false;
    return true;
}

/* The next blank-separated word of *text into word; false at the end. An overlong word is cut, which no parameter survives. */
static bool next_word(const char **text, char *word, size_t word_size)
{
    while (**text == ' ')
        (*text)++;
    size_t size = strcspn(*text, " ");
    size_t kept = size < word_size ? size : word_size - 1;
    memcpy(word, *text, kept);
    word[kept] = '\0';
    *text += size;
    return size > 0;
}

static bool mail_parameter(struct lmtp_session *session, const char *word)
{
    int64_t size;
    if (strcasecmp(word, "SMTPUTF8") == 0) {
        session->utf8 = true;
        return true;
    }
    if (strcasecmp(word, "BODY=8BITMIME") == 0 || strcasecmp(word, "BODY=7BIT") == 0)
        return true;
    if (strncasecmp(word, "SIZE=", 5) == 0 && str_to_int64(word + 5, 0, INT64_MAX, &size)) {
        if ((uint64_t)size > session->policy->size_max)
            session->too_large = true;
        return true;
    }
    return false;
}

/* The plain form of what stands in <>: a source route is left out (RFC 5321 section 4.1.1.3), a local part that needs no quotes has none,
 * nor the domain a dot at its end. */
static void plain_form(char *address)
{
    const char *from = address;
    char *to = address;
    if (*from == '@' && strchr(from, ':'))
        from = strchr(from, ':') + 1;
    const char *closing = *from == '"' ? strrchr(from + 1, '"') : NULL;
    if (closing && closing[1] == '@' && (size_t)(closing - from - 1) == strcspn(from + 1, "\"\\@ ()<>,;:[]"))
        from++;
    else
        closing = NULL;
    for (; *from; from++)
        if (from != closing)
            *to++ = *from;
    if (to > address + 1 && to[-1] == '.')
        to--;
    *to = '\0';
}

static void on_mail(struct lmtp_session *session, const char *argument)
{
    char word[64];
    if (!session->greeted || session->has_sender) {
        fault(session, session->greeted ? "503 5.5.1 one MAIL at a time" : "503 5.5.1 LHLO first");
        return;
    }
    if (strncasecmp(argument, "FROM:", 5) != 0 || !path_read(argument + 5, session->sender, &argument)) {
        fault(session, "501 5.5.4 MAIL FROM:<address> is wanted");
        return;
    }
    while (next_word(&argument, word, sizeof word)) {
        if (!mail_parameter(session, word)) {
            session->too_large = session->utf8 = false;
            fault(session, "555 5.5.4 unknown parameter of MAIL");
            return;
        }
    }
    if (session->too_large) {
        session->too_large = session->utf8 = false;
        reply(session, "552 5.3.4 message too large");
        return;
    }
    plain_form(session->sender);
    /* Without a domain it could read as the name of a peer or the login of an analyst. */
    if (session->sender[0] && !strchr(session->sender, '@')) {
        session->utf8 = false;
        fault(session, "501 5.1.7 a sender without a domain");
        return;
    }
    if (!str_is_utf8(session->sender, strlen(session->sender), NULL) || (!session->utf8 && !is_ascii(session->sender))) {
        session->utf8 = false;
        fault(session, "553 5.6.7 this address needs SMTPUTF8");
        return;
    }
    session->has_sender = true;
    reply(session, "250 2.1.0 sender ok");
}

static size_t digits(const char *text, size_t size)
{
    size_t count = 0;
    while (count < size && isdigit((unsigned char)text[count]))
        count++;
    return count;
}

/* "42" */
static bool is_number(const char *text, size_t size)
{
    return size >= 1 && size <= 18 && digits(text, size) == size;
}

/* "XX-CERT-2026-000042" */
static bool is_case_name(const char *text, size_t size)
{
    enum { NAME_MAX_SIZE = 80 };
    size_t number = size;
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char)text[i]) && text[i] != '-')
            return false;
    while (number > 0 && text[number - 1] != '-')
        number--;
    return size <= NAME_MAX_SIZE && number > 6 && text[0] != '-' && is_number(text + number, size - number) && size - number >= 6 &&
           digits(text + number - 5, 4) == 4 && text[number - 6] == '-';
}

static bool is_case_address(const char *local, size_t size)
{
    return size > 5 && strncasecmp(local, "case+", 5) == 0 && (is_number(local + 5, size - 5) || is_case_name(local + 5, size - 5));
}

static bool is_ours(const struct lmtp_policy *policy, const char *address)
{
    const char *at = strrchr(address, '@');
    if (!at || strcasecmp(at + 1, policy->domain) != 0)
        return false;
    size_t size = (size_t)(at - address);
    for (size_t i = 0; i < policy->local_part_count; i++)
        if (strlen(policy->local_parts[i]) == size && strncasecmp(address, policy->local_parts[i], size) == 0)
            return true;
    return is_case_address(address, size);
}

static void on_rcpt(struct lmtp_session *session, const char *argument)
{
    char address[LMTP_ADDRESS_MAX + 1];
    const char *rest;
    if (!session->has_sender) {
        fault(session, "503 5.5.1 MAIL first");
        return;
    }
    if (strncasecmp(argument, "TO:", 3) != 0 || !path_read(argument + 3, address, &rest)) {
        fault(session, "501 5.5.4 RCPT TO:<address> is wanted");
        return;
    }
    plain_form(address);
    if (rest[strspn(rest, " ")])
        fault(session, "555 5.5.4 unknown parameter of RCPT");
    else if (!str_is_utf8(address, strlen(address), NULL) || (!session->utf8 && !is_ascii(address)))
        fault(session, "553 5.6.7 this address needs SMTPUTF8");
    else if (!is_ours(session->policy, address))
        reply(session, "550 5.1.1 no such mailbox here");
    else if (session->recipient_count == LMTP_RECIPIENTS_MAX)
        reply(session, "452 4.5.3 too many recipients");
    else {
        session->recipients[session->recipient_count++] = mem_strdup(address);
        reply(session, "250 2.1.5 recipient ok");
    }
}

static void on_data(struct lmtp_session *session, const char *argument)
{
    if (*argument)
        fault(session, "501 5.5.4 DATA takes no argument");
    else if (session->recipient_count == 0)
        fault(session, "503 5.5.1 no recipient was accepted");
    else {
        reply(session, "354 end with a dot on a line of its own");
        session->mode = MODE_DATA;
        session->data_state = DATA_LINE_START;
    }
}

static void on_lhlo(struct lmtp_session *session, const char *argument)
{
    if (str_is_empty(argument)) {
        fault(session, "501 5.5.4 LHLO needs a name");
        return;
    }
    forget_mail(session);
    session->greeted = true;
    buf_printf(session->replies, "250-%s\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE %zu\r\n",
               session->policy->hostname, session->policy->size_max);
}

static void on_rset(struct lmtp_session *session, const char *argument)
{
    UNUSED(argument);
    forget_mail(session);
    reply(session, "250 2.0.0 forgotten");
}

static void on_noop(struct lmtp_session *session, const char *argument)
{
    UNUSED(argument);
    reply(session, "250 2.0.0 ok");
}

static void on_vrfy(struct lmtp_session *session, const char *argument)
{
    UNUSED(argument);
    reply(session, "252 2.5.0 try RCPT");
}

static void on_quit(struct lmtp_session *session, const char *argument)
{
    UNUSED(argument);
    reply(session, "221 2.0.0 bye");
    session->mode = MODE_CLOSED;
}

/* RFC 2033 section 4.1: an LMTP server must not take these. */
static void on_smtp(struct lmtp_session *session, const char *argument)
{
    UNUSED(argument);
    fault(session, "500 5.5.1 this is LMTP: LHLO");
}

static const struct {
    const char *name;
    void (*run)(struct lmtp_session *session, const char *argument);
} commands[] = {
    {"LHLO", on_lhlo}, {"MAIL", on_mail}, {"RCPT", on_rcpt}, {"DATA", on_data}, {"RSET", on_rset},
    {"NOOP", on_noop}, {"VRFY", on_vrfy}, {"QUIT", on_quit}, {"HELO", on_smtp}, {"EHLO", on_smtp},
};

static void on_command(struct lmtp_session *session, const char *line, size_t size)
{
    if (session->line_too_long || strlen(line) != size) {
        fault(session, "500 5.5.2 line too long or with a NUL");
        return;
    }
    size_t name_size = strcspn(line, " ");
    const char *argument = line + name_size + strspn(line + name_size, " ");
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (strlen(commands[i].name) == name_size && strncasecmp(line, commands[i].name, name_size) == 0) {
            commands[i].run(session, argument);
            return;
        }
    }
    fault(session, "500 5.5.1 unknown command");
}

/* Takes up to one line end. A line ends at LF; a CR before it is dropped. */
static size_t feed_command(struct lmtp_session *session, const char *bytes, size_t size)
{
    const char *end = memchr(bytes, '\n', size);
    size_t used = end ? (size_t)(end - bytes) + 1 : size;
    size_t kept = end ? used - 1 : used;
    if (!buf_add(&session->line, bytes, kept))
        session->line_too_long = true;
    if (!end)
        return used;
    struct buf *line = &session->line;
    size_t line_size = line->size;
    if (line_size > 0 && line->bytes[line_size - 1] == '\r')
        line->bytes[--line_size] = '\0';
    if (line_size > 0) {
        char *trim = line->bytes + line_size;
        while (trim > line->bytes && trim[-1] == ' ')
            *--trim = '\0';
        line_size = (size_t)(trim - line->bytes);
    }
    session->steps++;
    on_command(session, buf_text(line), line_size);
    buf_reset(line);
    session->line_too_long = false;
    return used;
}

/* --- data --- */

/* Room in the budget in steps, so that the sum of what buffers really hold stays below it (a buf doubles). */
static bool budget_take(struct lmtp_session *session, size_t needed)
{
    struct lmtp_budget *budget = session->policy->budget;
    size_t wanted = session->reserved ? session->reserved : 16 * 1024;
    while (wanted < needed + 1)
        wanted *= 2;
    if (wanted - session->reserved > budget->max - budget->used)
        return false;
    budget->used += wanted - session->reserved;
    session->reserved = wanted;
    return true;
}

/* Keeps reading what does not fit, so that the answer comes where the MTA expects it. */
static void data_add(struct lmtp_session *session, const char *bytes, size_t size)
{
    if (session->too_large || session->no_room || size == 0)
        return;
    if (size > session->policy->size_max - session->data.size)
        session->too_large = true;
    else if (!budget_take(session, session->data.size + size))
        session->no_room = true;
    else if (!buf_add(&session->data, bytes, size))
        session->too_large = true;
    if (session->too_large || session->no_room)
        give_back(session);
}

/* One byte after a CR or at the start of a line; plain text is taken in runs by feed_data(). True at the end of the message. */
static bool data_byte(struct lmtp_session *session, char c)
{
    switch (session->data_state) {
    case DATA_LINE_START:
        if (c == '.') {
            session->data_state = DATA_DOT;
            return false;
        }
        break;
    case DATA_DOT:
        if (c == '\r') {
            session->data_state = DATA_DOT_CR;
            return false;
        }
        break; /* the dot was stuffing */
    case DATA_DOT_CR:
        if (c == '\n')
            return true;
        data_add(session, "\r", 1); /* the dot was stuffing, and this CR is text */
        break;
    case DATA_CR:
        if (c == '\n') {
            data_add(session, "\n", 1);
            session->data_state = DATA_LINE_START;
            return false;
        }
        break;
    case DATA_TEXT:
        break;
    }
    data_add(session, &c, 1);
    session->data_state = c == '\r' ? DATA_CR : DATA_TEXT;
    return false;
}

static void refuse_all(struct lmtp_session *session, const char *text)
{
    for (size_t i = 0; i < session->recipient_count; i++)
        reply(session, text);
    forget_mail(session);
    session->mode = MODE_COMMAND;
}

static enum lmtp_event on_end_of_data(struct lmtp_session *session)
{
    if (session->too_large) {
        refuse_all(session, "552 5.3.4 message too large");
        return LMTP_MORE;
    }
    if (session->no_room) {
        refuse_all(session, "452 4.3.1 no room now, try later");
        return LMTP_MORE;
    }
    session->mode = MODE_STORED;
    session->message = (struct lmtp_message){.sender = session->sender,
                                             .recipients = (const char *const *)session->recipients,
                                             .recipient_count = session->recipient_count,
                                             .bytes = buf_text(&session->data),
                                             .size = session->data.size};
    return LMTP_MESSAGE;
}

static enum lmtp_event feed_data(struct lmtp_session *session, const char *bytes, size_t size, size_t *used)
{
    size_t at = 0;
    while (at < size) {
        if (session->data_state == DATA_TEXT) {
            const char *end = memchr(bytes + at, '\r', size - at);
            size_t run = end ? (size_t)(end - bytes) - at : size - at;
            data_add(session, bytes + at, run);
            at += run;
            if (at == size)
                break;
        }
        if (data_byte(session, bytes[at++])) {
            *used += at;
            return on_end_of_data(session);
        }
    }
    *used += size;
    return LMTP_MORE;
}

enum lmtp_event lmtp_session_feed(struct lmtp_session *session, const char *bytes, size_t size, size_t *used)
{
    *used = 0;
    while (*used < size && session->mode != MODE_CLOSED) {
        if (session->mode == MODE_STORED)
            return LMTP_MESSAGE;
        if (session->mode == MODE_COMMAND)
            *used += feed_command(session, bytes + *used, size - *used);
        else if (feed_data(session, bytes + *used, size - *used, used) == LMTP_MESSAGE)
            return LMTP_MESSAGE;
    }
    return session->mode == MODE_CLOSED ? LMTP_CLOSE : LMTP_MORE;
}

const struct lmtp_message *lmtp_session_message(const struct lmtp_session *session)
{
    return session->mode == MODE_STORED ? &session->message : NULL;
}

void lmtp_session_answer(struct lmtp_session *session, const struct err *why)
{
    if (session->mode != MODE_STORED)
        BUG("an answer without a message");
    session->steps++;
    const char *text = "451 4.3.0 not stored, try later";
    if (!why)
        text = "250 2.0.0 stored";
    else if (why->code == ERR_LIMIT)
        text = "452 4.3.1 no room now, try later";
    else if (why->code == ERR_DENIED)
        text = "550 5.7.1 refused";
    refuse_all(session, text);
}

bool lmtp_session_is_idle(const struct lmtp_session *session)
{
    return session->mode == MODE_COMMAND && !session->has_sender;
}

uint64_t lmtp_session_steps(const struct lmtp_session *session)
{
    return session->steps;
}
