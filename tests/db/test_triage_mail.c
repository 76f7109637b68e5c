/* Mail at triage on a real PostgreSQL: which case a letter finds, who has a part in it, and what waits for a person. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "support/triage_fixture.h"

/* A mail as decode and verify left it; what is NULL was not there. */
struct post {
    const char *from; /* the only From address */
    const char *subject, *kind, *tags, *recipients, *message_id, *in_reply_to, *refs;
    const char *about, *about_recipient, *about_status;
    const char *dmarc, *spam, *score;
    const char *summary, *encryption, *keys; /* of the verdict; keys: that could open it, or that signed it */
    int64_t copy_of;
    enum tlp tlp;
    bool waits; /* not triaged yet */
};

static void add_column(struct buf *names, struct buf *values, const char *name, const char *value)
{
    if (!value)
        return;
    buf_printf(names, ", %s", name);
    buf_printf(values, ", '%s'", value);
}

static void add_facts(int64_t id, const struct post *post)
{
    struct buf names, values;
    buf_init(&names, 100000);
    buf_init(&values, 100000);
    const char *const columns[][2] = {{"author", post->from},
                                      {"kind", post->kind},
                                      {"tags", post->tags},
                                      {"recipients", post->recipients ? post->recipients : "{incident@xx-cert.example}"},
                                      {"message_id", post->message_id},
                                      {"in_reply_to", post->in_reply_to},
                                      {"refs", post->refs},
                                      {"about", post->about},
                                      {"about_recipient", post->about_recipient},
                                      {"about_status", post->about_status},
                                      {"dmarc", post->dmarc},
                                      {"spam", post->spam},
                                      {"spam_score", post->score}};
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
        add_column(&names, &values, columns[i][0], columns[i][1]);
    char *sql = mem_printf(
        "INSERT INTO cirt.report_mail (report_id, received, mail_from%s) SELECT id, received, ''%s FROM cirt.report WHERE id = %lld",
        buf_text(&names), buf_text(&values), (long long)id);
    cluster_execute(sql);
    free(sql);
    buf_clear(&names);
    buf_clear(&values);
}

static void add_verdict(int64_t id, const struct post *post)
{
    if (!post->summary)
        return;
    bool opens = post->encryption && str_equal(post->encryption, "undecryptable");
    char *sql = mem_printf(
        "INSERT INTO cirt.report_verdict (report_id, received, summary, encryption, signer, copy_of, needed_keys, unknown_keys) SELECT id, "
        "received, '%s', '%s', 'somebody', nullif(%lld, 0), '%s', '%s' FROM cirt.report WHERE id = %lld",
        post->summary, post->encryption ? post->encryption : "none", (long long)post->copy_of, opens && post->keys ? post->keys : "{}",
        !opens && post->keys ? post->keys : "{}", (long long)id);
    cluster_execute(sql);
    free(sql);
}

static int64_t posted(struct fixture *fixture, const struct post *post)
{
    struct letter letter = {.channel = "mail",
                            .format = "mail",
                            .assurance = "unknown",
                            .sender = fixture->stranger,
                            .tlp = post->tlp,
                            .summary = post->subject ? post->subject : "Help",
                            .description = "text"};
    int64_t id = arrive(fixture, &letter);
    add_facts(id, post);
    add_verdict(id, post);
    if (!post->waits)
        triage(fixture);
    return id;
}

static void execute(const char *format, ...) PRINTF_LIKE(1, 2);
static void execute(const char *format, ...)
{
    va_list list;
    char *sql;
    va_start(list, format);
    assert_true(vasprintf(&sql, format, list) > 0);
    va_end(list);
    cluster_execute(sql);
    free(sql);
}

#define assert_held(report, word) check_held(report, word, __LINE__)
static void check_held(int64_t report, const char *word, int line)
{
    char *found = outcome_of(report), *wanted = mem_printf("held %s: ", word);
    if (!str_starts(found, wanted))
        fail_msg("line %d: r%lld is \"%s\", not held for %s", line, (long long)report, found, word);
    free(found);
    free(wanted);
}

static void assert_says(int64_t report, const char *words)
{
    char *found = outcome_of(report);
    if (!strstr(found, words))
        fail_msg("r%lld: no \"%s\" in \"%s\"", (long long)report, words, found);
    free(found);
}

static void accept(struct fixture *fixture, int64_t report)
{
    execute("SELECT cirt.report_release(%lld)", (long long)report);
    triage(fixture);
}

static const char reporter[] = "reporter@victim.example", stranger[] = "eve@evil.example";

/* A case that reporter wrote in about, its number and name. */
struct opened {
    int64_t report;
    char *number, *name, *tags;
};
static struct opened open_case(struct fixture *fixture)
{
    struct opened opened = {.report = posted(fixture, &(struct post){.from = reporter, .message_id = "first@victim.example"})};
    opened.number = of_report(opened.report, "k.number");
    opened.name = of_report(opened.report, "k.name");
    opened.tags = mem_printf("{%s}", opened.name);
    return opened;
}
static void forget(struct opened *opened)
{
    free(opened->number);
    free(opened->name);
    free(opened->tags);
}

static void letters_find_their_case(void **state)
{
    struct fixture *fixture = *state;
    struct opened first = open_case(fixture);
    char *lower = mem_strdup(first.name), *bcc = mem_printf("{incident@xx-cert.example,<CASE+%s@xx-cert.example>}", first.number);
    char *named = mem_printf("{case+%s@xx-cert.example}", first.name);
    str_lower(lower);
    char *subject = mem_printf("Re: AW: [%s] [fwd] One", lower);
    execute("INSERT INTO cirt.case_alias SELECT m.case_id, x.issuer, x.alias FROM cirt.case_member m, (VALUES ('rt.example', '#1234'), "
            "('YY-CERT', 'YY-CERT-2026-000007'), ('Old', '7')) x(issuer, alias) WHERE m.report_id = %lld",
            (long long)first.report);
    const struct post posts[] = {
        {.subject = subject},
        {.tags = first.tags, .subject = "[...]"}, /* only in the protected subject */
        {.recipients = bcc},
        {.recipients = named},
        {.tags = "{rt.example #1234}"},
        {.tags = "{RT.Example#1234}"},
        {.tags = "{yy-cert-2026-000007}"},
        {.tags = "{YY-CERT YY-CERT-2026-000007}"},
        {.tags = "{Old 7}"},
        {.in_reply_to = "first@victim.example"},
        {.refs = "{a@x.example,first@victim.example,c@x.example}"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(posts); i++) {
        struct post post = posts[i];
        post.from = reporter;
        int64_t report = posted(fixture, &post);
        if (!is_same_case(first.report, report))
            fail_msg("letter %zu did not find its case", i);
        assert_outcome(report, "triaged");
    }
    char *count = mem_printf("%zu", ARRAY_SIZE(posts) + 1);
    assert_case(first.report, "t.reports", count);
    /* No number alone that is a word or short, no reference to nothing. */
    assert_false(is_same_case(first.report, posted(fixture, &(struct post){.from = reporter, .tags = "{7}"})));
    assert_false(is_same_case(first.report, posted(fixture, &(struct post){.from = reporter, .in_reply_to = "other@victim.example"})));
    assert_false(is_same_case(first.report, posted(fixture, &(struct post){.from = reporter, .tags = "{Other 7}"})));
    /* Its own Message-ID is no reference. */
    assert_false(is_same_case(first.report, posted(fixture, &(struct post){.from = reporter, .message_id = "first@victim.example"})));
    free(count);
    free(lower);
    free(bcc);
    free(named);
    free(subject);
    forget(&first);
}

static void merged_and_closed_cases(void **state)
{
    struct fixture *fixture = *state;
    struct opened first = open_case(fixture), second = open_case(fixture);
    execute("UPDATE cirt.incident_case a SET state = 'merged', merged_into = b.id FROM cirt.incident_case b WHERE a.name = '%s' AND b.name "
            "= '%s'",
            first.name, second.name);
    assert_true(is_same_case(second.report, posted(fixture, &(struct post){.from = reporter, .tags = first.tags})));
    execute("UPDATE cirt.incident_case SET state = 'closed', resolution = 'fixed', closed = now() WHERE name = '%s'", second.name);
    int64_t late = posted(fixture, &(struct post){.from = reporter, .tags = first.tags});
    assert_false(is_same_case(second.report, late));
    assert_outcome(late, "triaged");
    assert_case(first.report, "k.state", "merged");
    assert_case(second.report, "k.state", "closed");
    forget(&first);
    forget(&second);
}

static void a_stranger_gets_no_answer_into_a_case(void **state)
{
    struct fixture *fixture = *state;
    struct opened first = open_case(fixture);
    char *bcc = mem_printf("{case+%s@xx-cert.example}", first.number);
    const struct post posts[] = {
        {.from = stranger, .tags = first.tags},
        {.from = stranger, .recipients = bcc},
        {.from = stranger, .in_reply_to = "first@victim.example"},
        {.tags = first.tags},                                    /* several authors, or none */
        {.from = reporter, .dmarc = "fail", .tags = first.tags}, /* as our MTA says, not he */
        {.from = stranger, .summary = "unknown-key", .tags = first.tags},
    };
    for (size_t i = 0; i < ARRAY_SIZE(posts); i++) {
        int64_t report = posted(fixture, &posts[i]);
        assert_held(report, "no-part");
        assert_says(report, first.name);
        assert_case(report, "k.id", "");
    }
    /* Not told of: a case that only some may know. */
    execute("UPDATE cirt.incident_case SET tlp = 4 WHERE name = '%s'", first.name);
    int64_t secret = posted(fixture, &posts[0]);
    assert_held(secret, "no-part");
    char *outcome = outcome_of(secret);
    assert_null(strstr(outcome, first.name));
    free(outcome);
    /* An analyst's word is a part. */
    accept(fixture, secret);
    assert_true(is_same_case(first.report, secret));
    assert_outcome(secret, "triaged");
    free(bcc);
    forget(&first);
}

static void who_has_a_part(void **state)
{
    struct fixture *fixture = *state;
    struct opened first = open_case(fixture);
    execute("SET search_path = cirt;"
            "UPDATE identity SET mail = 'Anna@xx-cert.example' WHERE login = 'anna'; UPDATE identity SET mail = 'feed@feeds.example' WHERE "
            "login = 'feed';"
            "UPDATE identity SET mail = 'late@xx-cert.example' WHERE login = 'late';"
            "INSERT INTO constituent_contact (constituent_id, email) SELECT id, 'Soc@tel-a.example' FROM constituent WHERE name = 'tel-a';"
            "INSERT INTO constituent_contact (constituent_id, email) SELECT id, 'soc@uni.example' FROM constituent WHERE name = 'uni';"
            "UPDATE incident_case SET constituent_id = (SELECT id FROM constituent WHERE name = 'tel-a') WHERE name = '%s';"
            "INSERT INTO contact (address, is_known) VALUES ('writes@elsewhere.example', false), ('off@elsewhere.example', true) ON "
            "CONFLICT DO NOTHING;"
            "UPDATE contact SET enabled = false WHERE address = 'off@elsewhere.example';"
            "INSERT INTO thread (case_id, contact_id, addresses, tlp, lang, subject) SELECT k.id, c.id, "
            "'{writes@elsewhere.example,second@elsewhere.example}', 2, "
            "'en', 'x' FROM incident_case k, contact c WHERE k.name = '%s' AND c.address = 'writes@elsewhere.example';"
            "INSERT INTO peer (name, mail) VALUES ('ZZ-CERT', 'team@zz-cert.example') ON CONFLICT DO NOTHING;"
            "INSERT INTO incoming (peer_id, report_id, received, issuer, theirs, tlp, items, state, case_id) SELECT p.id, %lld, now(), "
            "'ZZ-CERT', '1', 2, 1, "
            "'accepted', k.id FROM peer p, incident_case k WHERE p.name = 'ZZ-CERT' AND k.name = '%s'",
            first.name, first.name, (long long)first.report, first.name);
    static const char *const in[] = {"anna@xx-cert.example", "soc@tel-a.example", "writes@elsewhere.example", "second@elsewhere.example",
                                     "team@zz-cert.example"};
    for (size_t i = 0; i < ARRAY_SIZE(in); i++) {
        int64_t report = posted(fixture, &(struct post){.from = in[i], .tags = first.tags});
        if (!is_same_case(first.report, report))
            fail_msg("%s has no part", in[i]);
    }
    /* Known, but not of this case: a case of their own. Unknown: held. */
    static const char *const known[] = {"soc@uni.example", "feed@feeds.example"}, *const out[] = {"late@xx-cert.example",
                                                                                                  "off@elsewhere.example"};
    for (size_t i = 0; i < 2; i++) {
        int64_t own = posted(fixture, &(struct post){.from = known[i], .tags = first.tags});
        assert_false(is_same_case(first.report, own));
        assert_outcome(own, "triaged");
        assert_held(posted(fixture, &(struct post){.from = out[i], .tags = first.tags}), "no-part");
    }
    /* One of ours, and a closed circle they are not in. */
    execute("SET search_path = cirt; INSERT INTO compartment VALUES (7, 'circle') ON CONFLICT DO NOTHING; DELETE FROM thread; DELETE FROM "
            "incoming;"
            "DELETE FROM case_member WHERE report_id <> %lld;"
            "ALTER TABLE case_member DISABLE TRIGGER ALL; UPDATE case_member SET compartment_id = 7 WHERE report_id = %lld;"
            "UPDATE incident_case SET compartment_id = 7 WHERE name = '%s'; ALTER TABLE case_member ENABLE TRIGGER ALL",
            (long long)first.report, (long long)first.report, first.name);
    int64_t report = posted(fixture, &(struct post){.from = in[0], .tags = first.tags});
    assert_false(is_same_case(first.report, report));
    execute("SET search_path = cirt; INSERT INTO compartment_member SELECT 7, id FROM identity WHERE login = 'anna'");
    assert_true(is_same_case(first.report, posted(fixture, &(struct post){.from = in[0], .tags = first.tags})));
    execute("SET search_path = cirt; DELETE FROM compartment_member; DELETE FROM constituent_contact; UPDATE identity SET mail = NULL");
    forget(&first);
}

/* A mail of ours, sent in the case of the report. */
static void send_mail(int64_t report, const char *message_id)
{
    execute("SET search_path = cirt; INSERT INTO contact (address, is_known) VALUES ('to@victim.example', false) ON CONFLICT DO NOTHING;"
            "UPDATE contact SET bounced = NULL, bounce = NULL;"
            "INSERT INTO mail (case_id, occasion, state, sender, subject, body, lang, tlp, message_id, decided, decision, journal_seq, "
            "sent) SELECT m.case_id, "
            "'reply', 'sent', 'incident@xx-cert.example', 's', 'b', 'en', 1, '%s', now(), '{}', 1, now() FROM case_member m WHERE "
            "m.report_id = %lld;"
            "INSERT INTO mail_recipient (mail_id, no, kind, address, contact_id, state) SELECT m.id, 1, 'to', 'to@victim.example', c.id, "
            "'sent' FROM mail m, contact "
            "c WHERE m.message_id = '%s' AND c.address = 'to@victim.example'",
            message_id, (long long)report, message_id);
}

static void bounces_tell_their_mail(void **state)
{
    struct fixture *fixture = *state;
    struct opened first = open_case(fixture);
    send_mail(first.report, "ours-1@xx-cert.example");
    execute("UPDATE cirt.incident_case SET state = 'closed', resolution = 'fixed', closed = now() WHERE name = '%s'", first.name);
    struct post post = {.kind = "bounce",
                        .about = "ours-1@xx-cert.example",
                        .about_recipient = "To@victim.example",
                        .about_status = "4.2.2",
                        .tlp = TLP_RED,
                        .summary = "unprotected"};
    assert_true(is_same_case(first.report, posted(fixture, &post)));
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.contact WHERE bounced IS NOT NULL"), 0);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.mail_recipient WHERE state = 'sent' AND status LIKE '4.2.2%'"), 1);
    post.about_status = "5.1.1";
    int64_t bounce = posted(fixture, &post);
    assert_true(is_same_case(first.report, bounce));
    assert_outcome(bounce, "triaged");
    assert_case(first.report, "k.state || ' ' || k.tlp || ' ' || t.reports", "closed 1 3");
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.contact WHERE bounced IS NOT NULL AND address = 'to@victim.example'"), 1);
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.mail WHERE state = 'bounced'"), 1);
    /* About a mail that is not ours, or about none. */
    post.about = "theirs@victim.example";
    assert_held(posted(fixture, &post), "bounce");
    post.about = NULL;
    post.from = reporter;
    assert_held(posted(fixture, &post), "bounce");
    cluster_execute("DELETE FROM cirt.mail_recipient; DELETE FROM cirt.mail");
    forget(&first);
}

static void machines_open_no_cases(void **state)
{
    struct fixture *fixture = *state;
    static const char *const kinds[] = {"auto-reply", "list", "mdn"};
    struct opened first = open_case(fixture);
    send_mail(first.report, "ours-2@xx-cert.example");
    put_rules("rule \"all\": channel:mail => priority:high", 7);
    long long cases = cluster_number("SELECT count(*) FROM cirt.incident_case");
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        /* By our own Message-ID from any address; by a tag from who has a part. Else they wait, whoever sends them and whatever a rule
         * says. */
        assert_true(is_same_case(
            first.report, posted(fixture, &(struct post){.kind = kinds[i], .from = stranger, .in_reply_to = "ours-2@xx-cert.example"})));
        assert_true(is_same_case(first.report, posted(fixture, &(struct post){.kind = kinds[i], .from = reporter, .tags = first.tags})));
        assert_held(posted(fixture, &(struct post){.kind = kinds[i], .from = stranger, .tags = first.tags}), kinds[i]);
        assert_held(posted(fixture, &(struct post){.kind = kinds[i], .from = reporter}), kinds[i]);
    }
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.incident_case"), cases);
    assert_case(first.report, "k.priority", "3"); /* the quiet ones hurry nothing */
    int64_t let_go = posted(fixture, &(struct post){.kind = "list", .from = stranger});
    accept(fixture, let_go);
    assert_outcome(let_go, "triaged all");
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.incident_case"), cases + 1);
    cluster_execute("DELETE FROM cirt.mail_recipient; DELETE FROM cirt.mail");
    forget(&first);
}

static void copies_lie_with_their_original(void **state)
{
    struct fixture *fixture = *state;
    struct post post = {.from = reporter, .summary = "verified"};
    int64_t first = posted(fixture, &post);
    post.copy_of = first;
    post.from = stranger;
    post.summary = "not-sender";
    post.tlp = TLP_RED;
    int64_t copy = posted(fixture, &post);
    assert_true(is_same_case(first, copy));
    assert_case(first, "k.tlp || ' ' || t.reports || ' ' || k.assurance", "1 2 3");
    execute("UPDATE cirt.incident_case k SET state = 'closed', resolution = 'fixed', closed = now() FROM cirt.case_member m WHERE "
            "m.case_id = k.id AND m.report_id = %lld",
            (long long)first);
    assert_true(is_same_case(first, posted(fixture, &post)));
    assert_case(first, "k.state", "closed");
    /* Both at once; and of one that waits. */
    int64_t original = posted(fixture, &(struct post){.from = reporter, .summary = "verified", .waits = true});
    post.copy_of = original;
    assert_true(is_same_case(original, posted(fixture, &post)));
    assert_case(original, "t.reports", "2");
    int64_t held = posted(fixture, &(struct post){.from = stranger, .summary = "bad"});
    post.copy_of = held;
    copy = posted(fixture, &post);
    assert_held(copy, "copy");
    accept(fixture, copy);
    assert_outcome(copy, "triaged");
}

static void what_is_not_to_be_trusted_waits(void **state)
{
    struct fixture *fixture = *state;
    static const char *const summaries[] = {"bad", "unknown-key", "not-sender", "expired", "revoked", "mixed"};
    for (size_t i = 0; i < ARRAY_SIZE(summaries); i++) {
        int64_t report = posted(
            fixture, &(struct post){.from = stranger, .summary = summaries[i], .keys = "{8A30AAAABBBBCCCCDDDD0000111122223333ABCD}"});
        assert_held(report, summaries[i]);
        assert_case(report, "k.id", "");
    }
    struct post closed = {
        .from = stranger, .summary = "unprotected", .encryption = "undecryptable", .keys = "{AAAABBBBCCCC0001,AAAABBBBCCCC0002}"};
    int64_t report = posted(fixture, &closed);
    assert_held(report, "undecryptable");
    assert_says(report, "AAAABBBBCCCC0001, AAAABBBBCCCC0002");
    assert_held(
        posted(fixture, &(struct post){.from = stranger, .summary = "unknown-key", .keys = "{8A30AAAABBBBCCCCDDDD0000111122223333ABCD}"}),
        "unknown-key");
    assert_says(
        posted(fixture, &(struct post){.from = stranger, .summary = "unknown-key", .keys = "{8A30AAAABBBBCCCCDDDD0000111122223333ABCD}"}),
        "111122223333ABCD");
    /* Unprotected mail opens its case, whoever writes. */
    assert_outcome(posted(fixture, &(struct post){.from = stranger, .summary = "unprotected"}), "triaged");
    assert_outcome(posted(fixture, &(struct post){.from = stranger, .summary = "verified"}), "triaged");
    /* Whom we know; not where our MTA says that it is somebody else. */
    cluster_execute("INSERT INTO cirt.contact (address) VALUES ('known@friend.example'), ('asked@friend.example') ON CONFLICT DO NOTHING;"
                    "UPDATE cirt.contact SET is_known = false WHERE address = 'asked@friend.example'");
    closed.from = "known@friend.example";
    assert_outcome(posted(fixture, &closed), "triaged");
    closed.dmarc = "fail";
    assert_held(posted(fixture, &closed), "undecryptable");
    closed.dmarc = NULL;
    closed.from = "asked@friend.example";
    assert_held(posted(fixture, &closed), "undecryptable");
    /* A rule that does something else with it. */
    put_rules("rule \"sealed\": encryption:undecryptable author:asked@friend.example => queue:sealed\n"
              "rule \"no\": kind:message signed:bad => hold \"broken\"\n",
              8);
    int64_t ruled = posted(fixture, &closed);
    assert_case(ruled, "k.queue", "sealed");
    assert_outcome(posted(fixture, &(struct post){.from = stranger, .summary = "bad"}), "held no broken");
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.report_outcome WHERE held_for = 'rule'"), 1);
    accept(fixture, report);
    assert_outcome(report, "triaged");
    assert_case(report, "t.reports", "1");
}

static void spam_waits(void **state)
{
    struct fixture *fixture = *state;
    struct opened first = open_case(fixture);
    struct post post = {.from = "known@friend.example", .spam = "true", .score = "7.25"};
    int64_t spam = posted(fixture, &post);
    assert_held(spam, "spam");
    assert_says(spam, "(7.3)");
    post.spam = "false";
    assert_outcome(posted(fixture, &post), "triaged");
    post.spam = "true";
    post.summary = "verified";
    assert_outcome(posted(fixture, &post), "triaged");
    /* What a reporter quotes may well look like spam. */
    assert_true(is_same_case(first.report, posted(fixture, &(struct post){.from = reporter, .spam = "true", .tags = first.tags})));
    put_rules("rule \"mild\": spam:yes spam:..8 auth:spf-pass => tag:spam\nrule \"worse\": spam:>8 => drop \"spam\"\n"
              "rule \"pass\": auth:dmarc-pass assurance:dmarc => tag:passed\nrule \"fresh\": signed:fresh => tag:fresh\n",
              9);
    post.summary = NULL;
    assert_held(posted(fixture, &post), "spam");
    post.score = "8.5";
    assert_outcome(posted(fixture, &post), "dropped worse spam");
    int64_t passed = posted(fixture, &(struct post){.from = stranger, .dmarc = "pass"});
    assert_case(passed, "k.assurance || ' ' || (SELECT string_agg(g.tag, ',') FROM case_tag g WHERE g.case_id = k.id)", "1 passed");
    post = (struct post){.from = stranger, .summary = "verified", .waits = true};
    int64_t fresh = posted(fixture, &post);
    execute("UPDATE cirt.report_verdict SET is_fresh = true WHERE report_id = %lld", (long long)fresh);
    triage(fixture);
    assert_case(fresh, "k.assurance || ' ' || (SELECT string_agg(g.tag, ',') FROM case_tag g WHERE g.case_id = k.id)", "3 fresh");
    forget(&first);
}

static void lower_assurance_joins_and_changes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct post post = {.from = reporter, .summary = "verified", .message_id = "sure@victim.example"};
    int64_t first = posted(fixture, &post);
    char *before = of_report(first, "concat_ws(' ', k.tlp, k.assurance, k.priority, k.state, k.due)");
    put_rules("rule \"hurry\": channel:mail => priority:critical", 10);
    int64_t low = posted(fixture, &(struct post){.from = reporter, .in_reply_to = "sure@victim.example", .tlp = TLP_RED});
    assert_true(is_same_case(first, low));
    assert_case(first, "concat_ws(' ', k.tlp, k.assurance, k.priority, k.state, k.due)", before);
    execute("UPDATE cirt.incident_case k SET state = 'resolved' FROM cirt.case_member m WHERE m.case_id = k.id AND m.report_id = %lld",
            (long long)first);
    assert_true(is_same_case(first, posted(fixture, &(struct post){.from = reporter, .in_reply_to = "sure@victim.example"})));
    assert_case(first, "k.state", "resolved");
    free(before);
}

/* --- the same bytes again, as the MTA hands them over --- */

static int64_t deliver(const char *recipients, const char *message)
{
    char *sql = mem_printf(
        "SET search_path = cirt; SELECT report_id FROM mails_insert(ARRAY['%s'], '%s', ARRAY[1], ARRAY[convert_to('%s', 'UTF8')])",
        reporter, recipients, message);
    int64_t id = cluster_number(sql);
    free(sql);
    return id;
}

/* As decode and the verdict leave it. */
static void decoded(int64_t id)
{
    execute(
        "SET search_path = cirt; UPDATE report_content SET state = 'received', summary = 'Again' WHERE report_id = %lld; UPDATE "
        "report_mail SET author = '%s' "
        "WHERE report_id = %lld; DELETE FROM inbox WHERE report_id = %lld; INSERT INTO to_triage (reports, received, observations) SELECT "
        "int8multirange(int8range(id, id + 1)), received, 1 FROM report WHERE id = %lld",
        (long long)id, reporter, (long long)id, (long long)id, (long long)id);
}

static void sent_again_to_a_case(void **state)
{
    struct fixture *fixture = *state;
    struct opened first = open_case(fixture);
    char *address = mem_printf("{case+%s@xx-cert.example}", first.number), *both;
    int64_t report = deliver("{incident@xx-cert.example}", "Subject: Again\n\nAgain");
    decoded(report);
    triage(fixture);
    assert_false(is_same_case(first.report, report));
    char *own = of_report(report, "k.name");
    both = mem_printf("%s 2 | %s 1", first.name, own);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(deliver(address, "Subject: Again\n\nAgain"), report);
        triage(fixture);
        assert_case(report, "k.name || ' ' || t.reports", both);
    }
    assert_outcome(report, "triaged");
    assert_int_equal(cluster_number("SELECT count(*) FROM cirt.to_triage"), 0);
    /* Before it was triaged: one look is enough. */
    int64_t early = deliver("{incident@xx-cert.example}", "Subject: Early\n\nEarly");
    deliver(address, "Subject: Early\n\nEarly");
    triage(fixture);
    assert_outcome(early, "");
    decoded(early);
    triage(fixture);
    char *three = mem_printf("%s 3", first.name);
    assert_case(early, "k.name || ' ' || t.reports", three);
    free(three);
    /* Into a case that its sender has no part in: said, and nothing else. */
    int64_t other = posted(fixture, &(struct post){.from = stranger});
    char *number = of_report(other, "k.number"), *there = mem_printf("{case+%s@xx-cert.example}", number);
    deliver(there, "Subject: Again\n\nAgain");
    triage(fixture);
    char *each = mem_printf("%s 3 | %s 1", first.name, own);
    assert_case(report, "k.name || ' ' || t.reports", each);
    free(each);
    assert_outcome(report, "triaged sent again to a case in which its sender has no part");
    free(own);
    free(both);
    free(number);
    free(there);
    forget(&first);
    free(address);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(letters_find_their_case, clean),
        cmocka_unit_test_setup(merged_and_closed_cases, clean),
        cmocka_unit_test_setup(a_stranger_gets_no_answer_into_a_case, clean),
        cmocka_unit_test_setup(who_has_a_part, clean),
        cmocka_unit_test_setup(bounces_tell_their_mail, clean),
        cmocka_unit_test_setup(machines_open_no_cases, clean),
        cmocka_unit_test_setup(copies_lie_with_their_original, clean),
        cmocka_unit_test_setup(what_is_not_to_be_trusted_waits, clean),
        cmocka_unit_test_setup(spam_waits, clean),
        cmocka_unit_test_setup(lower_assurance_joins_and_changes_nothing, clean),
        cmocka_unit_test_setup(sent_again_to_a_case, clean),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
