#include "wire/api.h"

#include <string.h>

#define FEEDS    (1u << MESSAGE_FEEDS)
#define ANALYSTS (1u << MESSAGE_ANALYSTS)
#define RID      (1u << MESSAGE_RID)

/* The five calls every kind of record has. */
#define RECORD(noun, path, change)                                                                                                         \
    {noun "_list", MESSAGE_GET, path, API_READ, API_DESK, ANALYSTS, false, "List every " noun},                                            \
        {noun "_show", MESSAGE_GET, path "/{name}", API_READ, API_DESK, ANALYSTS, false, "One " noun},                                     \
        {noun "_add", MESSAGE_POST, path, change, API_DESK, ANALYSTS, false, "Register one " noun},                                        \
        {noun "_set", MESSAGE_POST, path "/{name}", change, API_DESK, ANALYSTS, false, "Change members of one " noun},                     \
    {                                                                                                                                      \
        noun "_remove", MESSAGE_DELETE, path "/{name}", change, API_DESK, ANALYSTS, false, "Remove or disable one " noun                   \
    }
#define READ(id, path, summary)                                                                                                            \
    {                                                                                                                                      \
        id, MESSAGE_GET, path, API_READ, API_DESK, ANALYSTS, false, summary                                                                \
    }
#define EDIT(id, verb, summary)                                                                                                            \
    {                                                                                                                                      \
        id, MESSAGE_POST, "/v1/cases/{case}/" verb, API_WORK, API_DESK, ANALYSTS, true, summary                                            \
    }
#define WORK(id, method, path, needs_revision, summary)                                                                                    \
    {                                                                                                                                      \
        id, method, path, API_WORK, API_DESK, ANALYSTS, needs_revision, summary                                                            \
    }

/* The first row that fits wins: a row with a word stands before one with {x} in its place. */
const struct api_endpoint api_endpoints[] = {
    {"health", MESSAGE_GET, "/healthz", API_PUBLIC, API_GATE, FEEDS | ANALYSTS, false, "Whether workers answer"},
    {"metrics", MESSAGE_GET, "/metrics", API_ADMIN, API_GATE, FEEDS | ANALYSTS, false, "Counters in Prometheus text (loopback or admin)"},

    {"rid", MESSAGE_POST, "/rid", API_RID, API_INTAKE, FEEDS, false, "Receive a RID message (RFC 6546)"},
    {"rid_root", MESSAGE_POST, "/", API_RID, API_INTAKE, RID, false, "Receive a RID message (RFC 6546)"},
    {"rid_probe", MESSAGE_GET, "/", API_RID, API_GATE, RID, false, "204: a RID system is here (RFC 6546 section 3)"},
    {"rid_probe_head", MESSAGE_HEAD, "/", API_RID, API_GATE, RID, false, "204: a RID system is here (RFC 6546 section 3)"},

    {"report_submit", MESSAGE_POST, "/v1/reports", API_SUBMIT, API_INTAKE, FEEDS | ANALYSTS, false, "Send a report"},
    {"report_own", MESSAGE_GET, "/v1/reports/{report}", API_OWN_REPORT, API_INTAKE, FEEDS, false, "A report that the caller sent"},
    READ("report_list", "/v1/reports", "List reports"),
    READ("report_show", "/v1/reports/{report}", "One report with its content"),
    READ("report_raw", "/v1/reports/{report}/raw", "The bytes of a report as they came"),
    {"report_replay", MESSAGE_POST, "/v1/reports/{report}/replay", API_WORK, API_DESK, ANALYSTS, false, "Decode a report again"},
    {"report_verify", MESSAGE_POST, "/v1/reports/{report}/verify", API_WORK, API_DESK, ANALYSTS, false, "Open and verify a mail again"},
    {"reports_replay", MESSAGE_POST, "/v1/reports/replay", API_WORK, API_DESK, ANALYSTS, false,
     "Decode malformed reports again, many at once"},
    {"report_accept", MESSAGE_POST, "/v1/reports/accept", API_WORK, API_DESK, ANALYSTS, false, "Let held reports go on to triage"},
    {"report_reject", MESSAGE_POST, "/v1/reports/reject", API_WORK, API_DESK, ANALYSTS, false, "Turn held reports away"},

    READ("me", "/v1/me", "Who the caller is"),
    READ("case_list", "/v1/cases", "List cases"),
    READ("case_show", "/v1/cases/{case}", "One case with all that belongs to it"),
    {"case_add", MESSAGE_POST, "/v1/cases", API_WORK, API_DESK, ANALYSTS, false, "Open a case by hand"},
    EDIT("case_take", "take", "Make a case one's own"),
    EDIT("case_assign", "assign", "Give a case to somebody"),
    EDIT("case_unassign", "unassign", "Take the owner away"),
    EDIT("case_escalate", "escalate", "Raise a case to a level or person"),
    EDIT("case_priority", "priority", "Set the priority"),
    EDIT("case_summary", "summary", "Set the summary"),
    EDIT("case_classify", "classify", "Set the class"),
    EDIT("case_tlp", "tlp", "Set the label"),
    EDIT("case_tag", "tag", "Add and remove tags"),
    EDIT("case_note", "note", "Write a note"),
    EDIT("case_task", "task", "Add a task, or say that one is done"),
    EDIT("case_state", "state", "Move to another state"),
    EDIT("case_wait", "wait", "Wait for somebody until a time"),
    EDIT("case_close", "close", "Close with a resolution"),
    EDIT("case_reopen", "reopen", "Open again"),
    READ("evidence_list", "/v1/cases/{case}/evidence", "The evidence of a case: what was added, and what its mails brought"),
    EDIT("evidence_add", "evidence", "Keep a file with a case"),
    READ("evidence_get", "/v1/evidence/{evidence}", "The bytes of one piece of evidence"),
    READ("case_observables", "/v1/cases/{case}/observables", "All that was seen or marked in a case, by pages"),
    READ("case_journal", "/v1/cases/{case}/journal", "The journal of a case"),
    READ("journal_verify", "/v1/journal/verify", "Check the chain of the journal"),

    {"case_share", MESSAGE_POST, "/v1/cases/{case}/shares", API_SHARE, API_DESK, ANALYSTS, false,
     "Share a case with peers, or show what would go"},
    READ("share_list", "/v1/shares", "List shares"),
    READ("share_show", "/v1/shares/{share}", "One share with its items"),
    READ("incoming_list", "/v1/incoming", "List what peers sent"),
    READ("incoming_show", "/v1/incoming/{incoming}", "One document of a peer"),
    {"incoming_accept", MESSAGE_POST, "/v1/incoming/{incoming}/accept", API_SHARE, API_DESK, ANALYSTS, false,
     "Make a case of it, or add it to one"},
    {"incoming_decline", MESSAGE_POST, "/v1/incoming/{incoming}/decline", API_SHARE, API_DESK, ANALYSTS, false, "Decline it with a reason"},

    READ("mail_threads", "/v1/cases/{case}/mails", "The correspondence of a case, by thread"),
    WORK("mail_add", MESSAGE_POST, "/v1/cases/{case}/mails", false, "Begin a mail: a draft"),
    WORK("case_tell", MESSAGE_POST, "/v1/cases/{case}/tell", false, "Tell everybody who reported to a case that it is closed"),
    READ("mail_list", "/v1/mails", "List mails that leave"),
    READ("mail_show", "/v1/mails/{mail}", "One mail"),
    WORK("mail_edit", MESSAGE_POST, "/v1/mails/{mail}", true, "Change a draft"),
    WORK("mail_drop", MESSAGE_DELETE, "/v1/mails/{mail}", false, "Throw a draft away"),
    WORK("mail_preview", MESSAGE_POST, "/v1/mails/{mail}/preview", false, "Who would get a mail, and how it is protected"),
    WORK("mail_send", MESSAGE_POST, "/v1/mails/{mail}/send", true, "Decide and send"),
    WORK("mail_recall", MESSAGE_POST, "/v1/mails/{mail}/recall", false, "Stop a mail that has not left yet"),

    READ("find", "/v1/find", "All about one value"),
    READ("indicator_list", "/v1/indicators", "List indicators"),
    WORK("indicator_add", MESSAGE_POST, "/v1/indicators", false, "Mark values as indicators, in a case"),
    WORK("indicator_withdraw", MESSAGE_POST, "/v1/indicators/withdraw", false, "Say that values are no indicators, whoever marked them"),
    WORK("export_make", MESSAGE_POST, "/v1/exports", false, "Make a list of indicators that may leave"),
    WORK("export_more", MESSAGE_POST, "/v1/exports/{export}/more", false, "Go on making a list of indicators"),
    WORK("export_page", MESSAGE_GET, "/v1/exports/{export}", false, "A part of a list that the caller made"),
    READ("changes", "/v1/changes", "What changed since a cursor (short poll)"),
    READ("doctor", "/v1/doctor", "What is wrong with this installation"),

    READ("rule_swallowed", "/v1/swallowed", "What a rule held or dropped"),
    {"rule_approve", MESSAGE_POST, "/v1/rules/{name}/approve", API_SHARE, API_DESK, ANALYSTS, false,
     "Be the second person for rules that drop or suppress"},
    {"rule_refuse", MESSAGE_POST, "/v1/rules/{name}/refuse", API_SHARE, API_DESK, ANALYSTS, false, "Refuse or take back rules that wait"},
    {"rule_test", MESSAGE_POST, "/v1/rules/test", API_SHARE, API_DESK, ANALYSTS, false, "Try rules without using them"},
    RECORD("peer", "/v1/peers", API_ADMIN),
    RECORD("agreement", "/v1/agreements", API_ADMIN),
    RECORD("constituent", "/v1/constituents", API_ADMIN),
    {"constituent_stage", MESSAGE_POST, "/v1/imports", API_ADMIN, API_DESK, ANALYSTS, false, "Bring in a part of a file of constituents"},
    {"constituent_import", MESSAGE_POST, "/v1/imports/{import}", API_ADMIN, API_DESK, ANALYSTS, false,
     "Apply a file of constituents, or show what that would change"},
    READ("constituent_export", "/v1/holdings", "Constituents with all that they hold and held"),
    READ("setting_list", "/v1/settings", "What the site decides on, with the defaults"),
    {"setting_set", MESSAGE_POST, "/v1/settings/{name}", API_ADMIN, API_DESK, ANALYSTS, false, "Change one setting"},
    READ("owner_find", "/v1/owners", "Whose a value is, or was on a day"),
    RECORD("rule", "/v1/rules", API_SHARE),
    RECORD("mapping", "/v1/mappings", API_SHARE),
    {"suppression_approve", MESSAGE_POST, "/v1/suppressions/{name}/approve", API_SHARE, API_DESK, ANALYSTS, false,
     "Be the second person for a suppression"},
    {"suppression_refuse", MESSAGE_POST, "/v1/suppressions/{name}/refuse", API_SHARE, API_DESK, ANALYSTS, false,
     "Refuse or take back a suppression that waits"},
    RECORD("suppression", "/v1/suppressions", API_SHARE),
    READ("class_list", "/v1/classes", "How machine reports of each class become cases"),
    READ("class_show", "/v1/classes/{class}", "One class, with what waits below its threshold"),
    {"class_set", MESSAGE_POST, "/v1/classes/{class}", API_SHARE, API_DESK, ANALYSTS, false, "Set numbers of a class, a type, or all"},
    {"class_remove", MESSAGE_DELETE, "/v1/classes/{class}", API_SHARE, API_DESK, ANALYSTS, false, "Back to what holds for the wider ones"},
    RECORD("analyst", "/v1/analysts", API_ADMIN),
    RECORD("contact", "/v1/contacts", API_WORK),
    RECORD("feed", "/v1/feeds", API_ADMIN),
    READ("alias_unmapped", "/v1/aliases/unmapped", "Words for classes that nobody knows, with counts and senders"),
    {"rir_import", MESSAGE_POST, "/v1/registries", API_SHARE, API_DESK, ANALYSTS, false, "Bring in a registry's file, or its first part"},
    {"rir_rows", MESSAGE_POST, "/v1/registries/{registry}/rows", API_SHARE, API_DESK, ANALYSTS, false,
     "Further rows of a file that is being brought in"},
    READ("rir_list", "/v1/registries", "List the registries' files"),
    {"rir_remove", MESSAGE_DELETE, "/v1/registries/{registry}", API_SHARE, API_DESK, ANALYSTS, false, "Remove a registry's file"},
    RECORD("alias", "/v1/aliases", API_SHARE),
    {"warninglist_import", MESSAGE_POST, "/v1/warninglists", API_SHARE, API_DESK, ANALYSTS, false,
     "Bring in a known-good list, or its first part"},
    {"warninglist_entries", MESSAGE_POST, "/v1/warninglists/{warninglist}/entries", API_SHARE, API_DESK, ANALYSTS, false,
     "Further entries of a list that is being brought in"},
    READ("warninglist_list", "/v1/warninglists", "List known-good lists"),
    READ("warninglist_show", "/v1/warninglists/{warninglist}", "One known-good list"),
    {"warninglist_remove", MESSAGE_DELETE, "/v1/warninglists/{warninglist}", API_SHARE, API_DESK, ANALYSTS, false,
     "Remove a known-good list"},
    WORK("feed_run", MESSAGE_POST, "/v1/feeds/{feed}/run", false, "Fetch a feed now"),
    WORK("feed_pause", MESSAGE_POST, "/v1/feeds/{feed}/pause", false, "Take nothing from a feed for now, or again"),
    WORK("feed_seen", MESSAGE_POST, "/v1/feeds/{feed}/seen", false, "End the notices of a feed"),
    {"contact_waiver", MESSAGE_POST, "/v1/contacts/{contact}/waiver", API_SHARE, API_DESK, ANALYSTS, false,
     "Let mail to a contact go in clear up to a label"},
    {"contact_waiver_end", MESSAGE_DELETE, "/v1/contacts/{contact}/waiver", API_SHARE, API_DESK, ANALYSTS, false, "End a contact's waiver"},
    {"peer_waiver", MESSAGE_POST, "/v1/peers/{peer}/waiver", API_SHARE, API_DESK, ANALYSTS, false,
     "Let mail to a peer go in clear up to a label"},
    {"peer_waiver_end", MESSAGE_DELETE, "/v1/peers/{peer}/waiver", API_SHARE, API_DESK, ANALYSTS, false, "End a peer's waiver"},

    READ("key_list", "/v1/keys", "List the keys of others and our own"),
    READ("key_own", "/v1/keys/own/export", "Our public keys for mail, as text"),
    READ("key_show", "/v1/keys/{key}", "One key with its text"),
    {"key_add", MESSAGE_POST, "/v1/keys", API_WORK, API_DESK, ANALYSTS, false, "Bring in a key, or a newer copy of one"},
    {"key_pin", MESSAGE_POST, "/v1/keys/{key}/pin", API_WORK, API_DESK, ANALYSTS, false, "Pin a key to a contact, peer or analyst"},
    {"key_distrust", MESSAGE_POST, "/v1/keys/{key}/distrust", API_WORK, API_DESK, ANALYSTS, false, "Let a key count nowhere"},
};
const size_t api_endpoint_count = ARRAY_SIZE(api_endpoints);

struct role_permissions {
    const char *role;
    unsigned permissions;
};

#define MAY(permission) (1u << (permission))
static const struct role_permissions role_table[] = {
    {"feed", MAY(API_SUBMIT) | MAY(API_OWN_REPORT)},
    {"peer", MAY(API_RID)},
    {"analyst", MAY(API_SUBMIT) | MAY(API_READ) | MAY(API_WORK)},
    {"lead", MAY(API_SUBMIT) | MAY(API_READ) | MAY(API_WORK) | MAY(API_SHARE)},
    {"admin", MAY(API_SUBMIT) | MAY(API_READ) | MAY(API_WORK) | MAY(API_SHARE) | MAY(API_ADMIN)},
    {"auditor", MAY(API_READ)},
};

bool api_role_may(const char *role, enum api_permission permission)
{
    if (permission == API_PUBLIC)
        return true;
    for (size_t i = 0; role && i < ARRAY_SIZE(role_table); i++)
        if (strcmp(role_table[i].role, role) == 0)
            return (role_table[i].permissions & MAY(permission)) != 0;
    return false;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Percent-decodes text..end into out (size bytes with NUL). False for a bad percent, NUL, or where it does not fit. */
static bool decode(const char *text, const char *end, bool plus_is_blank, char *out, size_t size)
{
    size_t used = 0;

    for (; text < end; text++) {
        char c = *text;

        if (c == '%') {
            int high = end - text > 2 ? hex_digit(text[1]) : -1;
            int low = high >= 0 ? hex_digit(text[2]) : -1;
            if (low < 0 || (high == 0 && low == 0))
                return false;
            c = (char)(high * 16 + low);
            text += 2;
        } else if (c == '+' && plus_is_blank) {
            c = ' ';
        }
        if (used + 1 >= size)
            return false;
        out[used++] = c;
    }
    out[used] = '\0';
    return true;
}

enum { SEGMENTS_MAX = 8 };

/* The path cut at its slashes and decoded. "/" is one empty segment. */
struct segments {
    size_t count;
    bool too_many;
    char text[SEGMENTS_MAX][API_PARAMETER_SIZE];
};

static bool cut(const char *path, struct segments *segments)
{
    const char *end = path + strcspn(path, "?#");

    segments->count = 0;
    segments->too_many = false;
    if (*path != '/')
        return false;
    while (path < end) {
        char spare[API_PARAMETER_SIZE];
        const char *from = path + 1;
        size_t size = strcspn(from, "/?#");
        bool fits = segments->count < SEGMENTS_MAX;

        if (!decode(from, from + size, false, fits ? segments->text[segments->count] : spare, API_PARAMETER_SIZE))
            return false;
        if (fits)
            segments->count++;
        else
            segments->too_many = true;
        path = from + size;
    }
    return true;
}

static bool fits(const char *pattern, const struct segments *segments)
{
    for (size_t i = 0; i < segments->count; i++) {
        size_t size;

        if (*pattern != '/')
            return false;
        pattern++;
        size = strcspn(pattern, "/");
        if (*pattern == '{' ? segments->text[i][0] == '\0'
                            : strlen(segments->text[i]) != size || strncmp(pattern, segments->text[i], size) != 0)
            return false;
        pattern += size;
    }
    return *pattern == '\0' && !segments->too_many;
}

static void keep_parameters(const char *pattern, const struct segments *segments, struct api_match *match)
{
    size_t kept = 0;

    for (size_t i = 0; i < segments->count; i++) {
        pattern++;
        if (*pattern == '{' && kept < API_PARAMETERS_MAX)
            strcpy(match->parameters[kept++], segments->text[i]); /* both API_PARAMETER_SIZE */
        pattern += strcspn(pattern, "/");
    }
}

bool api_find(enum message_listener listener, enum message_method method, const char *path, struct api_match *match)
{
    struct segments segments;

    memset(match, 0, sizeof *match);
    if (!cut(path, &segments))
        return false;
    for (size_t i = 0; i < api_endpoint_count; i++) {
        const struct api_endpoint *endpoint = &api_endpoints[i];

        if (!fits(endpoint->path, &segments))
            continue;
        if (!(endpoint->listeners & (1u << listener))) {
            match->other_listener = true;
        } else if (endpoint->method != method) {
            match->other_method = true;
        } else {
            match->endpoint = endpoint;
            match->other_method = match->other_listener = false;
            keep_parameters(endpoint->path, &segments, match);
            return true;
        }
    }
    match->other_listener = match->other_listener && !match->other_method;
    return true;
}

bool api_query_value(const char *path, const char *name, char *value, size_t size)
{
    const char *at = strchr(path, '?');
    size_t name_size = strlen(name);

    while (at && *at && *at != '#') {
        const char *from = at + 1;
        const char *end = from + strcspn(from, "&#");

        if ((size_t)(end - from) > name_size && strncmp(from, name, name_size) == 0 && from[name_size] == '=')
            return decode(from + name_size + 1, end, true, value, size);
        at = *end == '&' ? end : NULL;
    }
    return false;
}
