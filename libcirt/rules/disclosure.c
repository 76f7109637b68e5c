#include "rules/disclosure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "base/str.h"
#include "base/timestamp.h"

static struct disclosure_verdict stays(enum disclosure_reason reason, const char *text, const char *hint_format, ...) PRINTF_LIKE(3, 4);

static struct disclosure_verdict stays(enum disclosure_reason reason, const char *text, const char *hint_format, ...)
{
    struct disclosure_verdict verdict = {.reason = reason};
    snprintf(verdict.text, sizeof verdict.text, "%s", text);
    va_list args;
    va_start(args, hint_format);
    vsnprintf(verdict.hint, sizeof verdict.hint, hint_format, args);
    va_end(args);
    return verdict;
}

static struct disclosure_verdict goes(void)
{
    return (struct disclosure_verdict){.reason = DISCLOSURE_GOES, .text = "goes"};
}

static void date_of(int64_t moment, char date[TIMESTAMP_TEXT_SIZE])
{
    timestamp_format(moment, date);
    date[strcspn(date, "T")] = '\0';
}

struct disclosure_verdict disclosure_decide_peer(const struct disclosure_agreement *agreement, const struct disclosure_peer *peer,
                                                 int64_t now)
{
    char date[TIMESTAMP_TEXT_SIZE], text[160];
    if (!peer->enabled)
        return stays(DISCLOSURE_PEER_DISABLED, "the peer is disabled", "cirt peer show %.60s", peer->name);
    if (!agreement || !agreement->enabled)
        return stays(DISCLOSURE_NO_AGREEMENT, "no agreement in force", "cirt agreement add --help");
    if (now < agreement->valid_from) {
        date_of(agreement->valid_from, date);
        snprintf(text, sizeof text, "the agreement begins %s", date);
        return stays(DISCLOSURE_NOT_YET, text, "cirt agreement show %.60s", peer->name);
    }
    if (now >= agreement->valid_until) {
        date_of(agreement->valid_until, date);
        snprintf(text, sizeof text, "the agreement ended %s", date);
        return stays(DISCLOSURE_ENDED, text, "renew it: cirt agreement show %.60s", peer->name);
    }
    return goes();
}

static enum tlp effective_label(enum tlp label)
{
    return label >= TLP_CLEAR && label <= TLP_RED ? label : TLP_RED;
}

static struct disclosure_verdict decide_label(const struct disclosure_item *item, const struct disclosure_agreement *agreement,
                                              const struct disclosure_peer *peer)
{
    enum tlp label = effective_label(item->tlp);
    bool is_theirs = item->origin_peer != 0 && item->origin_peer == peer->id;
    char text[160];
    if (label != item->tlp)
        return stays(DISCLOSURE_LABEL_RED, "no label, counts as TLP:RED", "label it first: cirt tlp CASE LABEL");
    if (label == TLP_RED)
        return stays(DISCLOSURE_LABEL_RED, "TLP:RED, named persons only", "tell them yourself, or ask its source for a wider label");
    if (label == TLP_AMBER_STRICT && !is_theirs)
        return stays(DISCLOSURE_LABEL_STRICT, "TLP:AMBER+STRICT, stays in the organisation", "ask its source for a wider label");
    if (label == TLP_AMBER && item->origin_peer != 0 && !is_theirs)
        return stays(DISCLOSURE_LABEL_OF_OTHER_PEER, "TLP:AMBER of another peer", "ask that peer");
    if (agreement->ceiling < TLP_CLEAR || label > agreement->ceiling) {
        snprintf(text, sizeof text, "%s, above the agreement's ceiling %s", tlp_label(label), tlp_label(agreement->ceiling));
        return stays(DISCLOSURE_ABOVE_CEILING, text, "cirt agreement show %.60s", peer->name);
    }
    return goes();
}

static bool class_is_covered(const char *class_name, const struct disclosure_agreement *agreement)
{
    if (agreement->class_count == 0)
        return true;
    for (size_t i = 0; class_name && i < agreement->class_count; i++) {
        size_t size = strlen(agreement->classes[i]);
        if (str_starts(class_name, agreement->classes[i]) && (class_name[size] == '\0' || class_name[size] == '/'))
            return true;
    }
    return false;
}

static struct disclosure_verdict decide_content(const struct disclosure_item *item, const struct disclosure_agreement *agreement,
                                                const struct disclosure_peer *peer)
{
    char text[160];
    if (!class_is_covered(item->class_name, agreement)) {
        snprintf(text, sizeof text, "the agreement does not cover %.80s", item->class_name ? item->class_name : "what has no class");
        return stays(DISCLOSURE_CLASS_NOT_COVERED, text, "cirt agreement show %.60s", peer->name);
    }
    if (item->is_restricted)
        return stays(DISCLOSURE_RESTRICTED, "restricted to a compartment", "%s", "");
    if (!item->is_shareable && (item->kind == DISCLOSURE_NOTE || item->kind == DISCLOSURE_EVIDENCE))
        return stays(DISCLOSURE_NOT_MARKED, "not marked for sharing", "cirt note CASE --share -m TEXT");
    if (item->is_personal)
        return stays(DISCLOSURE_PERSONAL, "personal data", "%s", "");
    return goes();
}

struct disclosure_verdict disclosure_decide(const struct disclosure_item *item, const struct disclosure_agreement *agreement,
                                            const struct disclosure_peer *peer, int64_t now)
{
    struct disclosure_verdict verdict = disclosure_decide_peer(agreement, peer, now);
    if (verdict.reason == DISCLOSURE_GOES)
        verdict = decide_label(item, agreement, peer);
    if (verdict.reason == DISCLOSURE_GOES)
        verdict = decide_content(item, agreement, peer);
    return verdict;
}
