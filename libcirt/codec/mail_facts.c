#include "codec/mail_facts.h"

#include <string.h>
#include <strings.h>

#include "base/str.h"
#include "codec/mail_reading.h"

enum { ADDRESS_MAX = 320, REFERENCES_MAX = 100, TAGS_MAX = 20, TAG_SIZE_MAX = 100 };

static const char *header(const struct mime *mime, const char *name)
{
    return mime_header_text(mime, &mime->parts[0], name);
}

/* --- numbers --- */

static void read_references(const struct mime *mime, struct mail_facts *out)
{
    out->references = arena_calloc(out->arena, REFERENCES_MAX, sizeof *out->references);
    const char *text = header(mime, "References"), *id;
    size_t size;
    while (out->reference_count < REFERENCES_MAX && (id = mail_extra_next_id(&text, &size)) != NULL)
        out->references[out->reference_count++] = arena_strndup(out->arena, id, size);
}

static void add_tag(struct mail_facts *out, const char *text, size_t size)
{
    while (size > 0 && *text == ' ')
        text++, size--;
    while (size > 0 && text[size - 1] == ' ')
        size--;
    if (size == 0 || size > TAG_SIZE_MAX || out->tag_count == TAGS_MAX)
        return;
    for (size_t i = 0; i < out->tag_count; i++)
        if (strlen(out->tags[i]) == size && strncasecmp(out->tags[i], text, size) == 0)
            return;
    out->tags[out->tag_count++] = arena_strndup(out->arena, text, size);
}

static void read_tags(const char *subject, struct mail_facts *out)
{
    for (const char *open = subject ? strchr(subject, '[') : NULL; open; open = strchr(open + 1, '[')) {
        size_t size = strcspn(open + 1, "[]");
        if (open[1 + size] == ']')
            add_tag(out, open + 1, size);
    }
}

/* --- kind --- */

/* What mailboxes write before the subject when they answer by themselves; UTF-8, the case as they have it. */
static const char *const answer_subjects[] = {
    "Automatic reply:",
    "Auto reply:",
    "Auto-Reply:",
    "Autoreply:",
    "Auto Response:",
    "Out of Office",
    "Automatische Antwort:",
    "Abwesenheitsnotiz",
    "R\xc3\xa9ponse automatique",
    "Respuesta autom\xc3\xa1tica",
    "Resposta autom\xc3\xa1tica",
    "Risposta automatica",
    ("\xd0\x90\xd0\xb2\xd1\x82\xd0\xbe\xd0\xbc\xd0\xb0\xd1\x82\xd0\xb8\xd1\x87\xd0\xb5\xd1\x81\xd0\xba\xd0\xb8\xd0\xb9 "
     "\xd0\xbe\xd1\x82\xd0\xb2\xd0\xb5\xd1\x82"),                               /* Russian */
    "\xd0\x90\xd0\xb2\xd1\x82\xd0\xbe\xd0\xbe\xd1\x82\xd0\xb2\xd0\xb5\xd1\x82", /* Russian */
    "\xe8\x87\xaa\xe5\x8a\xa8\xe5\x9b\x9e\xe5\xa4\x8d",                         /* Chinese */
    "\xe8\x87\xaa\xe5\x8a\xa8\xe7\xad\x94\xe5\xa4\x8d",                         /* Chinese */
    "\xe8\x87\xaa\xe5\x8b\x95\xe5\xbf\x9c\xe7\xad\x94",                         /* Japanese */
    "\xd8\xb1\xd8\xaf \xd8\xaa\xd9\x84\xd9\x82\xd8\xa7\xd8\xa6\xd9\x8a",        /* Arabic */
};

static bool has_answer_subject(const struct mime *mime)
{
    const char *subject = mime_header_text(mime, &mime->parts[0], "Subject");
    for (size_t i = 0; subject && i < ARRAY_SIZE(answer_subjects); i++)
        if (str_starts_nocase(subject, answer_subjects[i]))
            return true;
    return false;
}

static bool is_word(const char *value, const char *word)
{
    size_t size = strlen(word);
    return value && strncasecmp(value, word, size) == 0 && !strchr("abcdefghijklmnopqrstuvwxyz-_", value[size] | 0x20);
}

/* What people write through a ticket system bears "Precedence: bulk" with RT (so RTIR), and is no list's. */
static bool is_ticket_system(const struct mime *mime)
{
    static const char *const mailers[] = {"OTRS", "Znuny", "Zammad"};
    const char *mailer = header(mime, "X-Mailer");
    for (size_t i = 0; mailer && i < ARRAY_SIZE(mailers); i++)
        if (str_starts_nocase(mailer, mailers[i]))
            return true;
    return header(mime, "RT-Ticket") || header(mime, "X-RT-Ticket");
}

static bool has_list_field(const struct mime *mime)
{
    return header(mime, "List-Id") || header(mime, "List-Post") || header(mime, "List-Unsubscribe");
}

/* Sent to many, or by a program: "Precedence: bulk" is what both say. */
static bool is_bulk(const struct mime *mime)
{
    const char *precedence = header(mime, "Precedence");
    return (is_word(precedence, "bulk") || is_word(precedence, "junk")) && !is_ticket_system(mime);
}

/* By a program, and over no list: it may be a report, and it may be an answer. */
static bool is_generated(const struct mime *mime)
{
    return is_word(header(mime, "Auto-Submitted"), "auto-generated") || (is_bulk(mime) && !has_list_field(mime));
}

/* What vacation(1) and its kin write is bulk, and sent by nobody or about another mail; a report is neither. */
static bool is_bulk_answer(const struct mime *mime, bool has_null_sender)
{
    const char *subject = header(mime, "Subject");
    bool is_about = header(mime, "In-Reply-To") || header(mime, "References") || (subject && str_starts_nocase(subject, "re:"));
    bool is_report = is_word(header(mime, "Auto-Submitted"), "auto-generated");
    return is_bulk(mime) && !has_list_field(mime) && (is_about || (has_null_sender && !is_report));
}

/* auto-generated is what Exchange says of its absence notes, too; there it goes with one of these. */
static bool is_auto_reply(const struct mime *mime, bool has_null_sender)
{
    static const char *const names[] = {"X-Autoreply", "X-Autorespond", "X-AutoReply-From", "X-Vacation"};
    const char *submitted = header(mime, "Auto-Submitted"), *precedence = header(mime, "Precedence"),
               *action = header(mime, "X-Apple-Action");
    if (submitted && !is_word(submitted, "no") && !is_word(submitted, "auto-generated"))
        return true;
    if (is_generated(mime) && (header(mime, "In-Reply-To") || header(mime, "X-Auto-Response-Suppress")))
        return true;
    if (is_bulk_answer(mime, has_null_sender))
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const char *value = header(mime, names[i]);
        if (value && !is_word(value, "no"))
            return true;
    }
    return is_word(header(mime, "X-Autogenerated"), "reply") || is_word(precedence, "auto_reply") || is_word(precedence, "auto-reply") ||
           is_word(action, "vacation") || has_answer_subject(mime);
}

static bool is_list(const struct mime *mime)
{
    return header(mime, "List-Id") || header(mime, "List-Post") || is_word(header(mime, "Precedence"), "list") ||
           (is_bulk(mime) && has_list_field(mime));
}

static void read_kind(const struct mime *mime, struct mail_facts *out)
{
    const char *submitted = header(mime, "Auto-Submitted");
    out->kind = mail_bounce_read_mdn(mime, out->arena, &out->bounce)                     ? MAIL_KIND_MDN
                : mail_bounce_read(mime, out->has_null_sender, out->arena, &out->bounce) ? MAIL_KIND_BOUNCE
                : is_auto_reply(mime, out->has_null_sender)                              ? MAIL_KIND_AUTO_REPLY
                : is_list(mime)                                                          ? MAIL_KIND_LIST
                                                                                         : MAIL_KIND_MESSAGE;
    out->is_automatic = out->kind != MAIL_KIND_MESSAGE || out->has_null_sender || is_ticket_system(mime) || is_generated(mime) ||
                        (submitted && !is_word(submitted, "no")) || header(mime, "X-Auto-Response-Suppress");
}

/* "<>" or nothing; MAILER-DAEMON is what sendmail writes for it. */
static bool is_null_sender(const char *text)
{
    text += strspn(text, " \t<");
    return *text == '\0' || *text == '>' || (str_starts_nocase(text, "mailer-daemon") && !strchr(text, '@'));
}

static void read_sender(const struct mime *mime, const struct mail_facts_context *context, struct mail_facts *out)
{
    const char *sender = context && context->envelope_from ? context->envelope_from : header(mime, "Return-Path");
    out->has_null_sender = sender && is_null_sender(sender);
}

/* --- all --- */

struct mail_facts *mail_facts_of(const struct mime *mime, const struct mail_layers *layers, const struct mail_facts_context *context)
{
    struct arena *arena = arena_new();
    struct mail_facts *out = arena_calloc(arena, 1, sizeof *out);
    out->arena = arena;
    out->message_id = mail_extra_message_id(arena, header(mime, "Message-ID"));
    out->in_reply_to = mail_extra_message_id(arena, header(mime, "In-Reply-To"));
    read_references(mime, out);
    out->tags = arena_calloc(arena, TAGS_MAX, sizeof *out->tags);
    read_tags(mime_header_text(mime, &mime->parts[0], "Subject"), out);
    read_tags(layers->protected.subject, out);
    if (layers->from_count == 1 && !str_is_empty(layers->from[0]) && strlen(layers->from[0]) <= ADDRESS_MAX)
        out->author = arena_strdup(arena, layers->from[0]);
    read_sender(mime, context, out);
    read_kind(mime, out);
    mail_auth_read(mime, context ? context->authserv_id : NULL, arena, &out->auth);
    mail_keys_read(mime, layers->from, layers->from_count, arena, &out->keys);
    return out;
}

bool mail_facts_read(const char *bytes, size_t size, const struct codec_limits *limits, const struct mail_facts_context *context,
                     struct mail_facts **out, struct err *err)
{
    struct mime *mime = NULL;
    if (!mime_parse(bytes, size, limits->depth_max, &mime, err))
        return false;
    struct mail_layers *layers = mail_layers_of(mime, context ? &context->inside : NULL);
    *out = mail_facts_of(mime, layers, context);
    mail_layers_free(layers);
    mime_free(mime);
    return true;
}

void mail_facts_free(struct mail_facts *facts)
{
    if (facts)
        arena_free(facts->arena);
}

const char *mail_facts_kind_name(enum mail_facts_kind kind)
{
    static const char *const names[] = {"message", "auto-reply", "list", "bounce", "mdn"};
    return names[kind];
}
