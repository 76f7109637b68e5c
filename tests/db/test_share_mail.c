/* Shares that go by mail: as mails of the case, judged until the MTA has them. */
#include "support/share_order.h"

/* By mail: a mail of the case for each part, with the document as it was written; what becomes of the mail becomes of the share. */
static void parts_go_by_mail(void **state)
{
    UNUSED(state);
    run("UPDATE cirt.peer SET mail = 'soc@yy-cert.example' WHERE name = 'YY-CERT'");
    long long incident = number("SELECT test.make_case('fraud/phishing', 1)");
    run("SELECT test.see(%lld, 1, 1, '192.0.2.1', 1, NULL), test.see(%lld, 1, 1, '192.0.2.2', 1, NULL), test.see(%lld, 1, 1, '192.0.2.3', "
        "1, "
        "NULL)",
        incident, incident, incident);
    long long share = number("SELECT test.make_open_share(%lld, 'YY-CERT', 2, 'json', true)", incident);
    add_parts(share);
    for (int part = 1; part <= 3; part++) {
        char query[300];
        snprintf(query, sizeof query,
                 "SELECT count(*) FROM cirt.mail m JOIN cirt.mail_attachment a ON a.mail_id = m.id JOIN cirt.to_compose q ON q.mail_id = "
                 "m.id WHERE "
                 "m.share_id = %lld AND m.share_part = %d AND position('192.0.2.%d' IN convert_from(a.bytes, 'UTF8')) > 0 AND a.tlp = 2 "
                 "AND m.tlp = 2",
                 share, part, part);
        assert_true(stage_child_reaches(query, "1"));
        assert_int_equal(number("SELECT count(*) FROM cirt.outbox WHERE share_id = %lld", share), 0);
        assert_int_equal(
            number("SELECT count(*) FROM cirt.mail m WHERE m.share_id = %lld AND m.share_part = %d AND cirt.share_mail_stops(m.id) IS NULL",
                   share, part),
            1);
        run("SELECT cirt.share_mail_becomes(m.id, 'sent', NULL) FROM cirt.mail m WHERE m.share_id = %lld AND m.share_part = %d", share,
            part);
        /* once more changes nothing: it is not the part at hand any more */
        run("SELECT cirt.share_mail_becomes(m.id, 'sent', NULL) FROM cirt.mail m WHERE m.share_id = %lld AND m.share_part = %d", share,
            part);
    }
    expect_state(share, "sent");
    assert_int_equal(number("SELECT count(*) FROM cirt.mail m WHERE m.share_id = %lld", share), 3);
    assert_int_equal(number("SELECT count(*) FROM cirt.mail m JOIN cirt.mail_recipient r ON r.mail_id = m.id WHERE m.share_id = %lld AND "
                            "r.address = 'soc@yy-cert.example'",
                            share),
                     3);
    run("SELECT cirt.share_mail_becomes(max(m.id), 'bounced', 'no such mailbox') FROM cirt.mail m WHERE m.share_id = %lld", share);
    expect_state(share, "failed");
    expect_error(share, "no such mailbox");
    assert_int_equal(number("SELECT count(*) FROM cirt.mail m WHERE m.share_id = %lld AND cirt.share_mail_stops(m.id) IS NULL", share), 0);
}

static void expect_mail_stops(long long mail, const char *why)
{
    char query[100];
    snprintf(query, sizeof query, "SELECT coalesce(cirt.share_mail_stops(%lld), 'goes')", mail);
    char *said = cluster_text(query);
    if (!strstr(said, why))
        fail_msg("'%s' does not say '%s'", said, why);
    free(said);
}

/* A mail may wait for the MTA for days. Meanwhile the peer is reached elsewhere: then it stays (keys and waivers: test_outgoing.c). */
static void a_mail_that_waits_is_judged_again(void **state)
{
    UNUSED(state);
    run("UPDATE cirt.peer SET mail = 'soc@yy-cert.example' WHERE name = 'YY-CERT'");
    long long incident = number("SELECT test.make_case('fraud/phishing', 2)");
    run("SELECT test.see(%lld, 1, 1, '192.0.2.1', 2, NULL)", incident);
    long long share = number("SELECT test.make_open_share(%lld, 'YY-CERT', 2, 'json', true)", incident);
    run("SELECT test.add_case(%lld), test.add_sighting(%lld, 'ipv4', 'source', '192.0.2.1', 2); UPDATE cirt.share SET ordered_to = NULL "
        "WHERE "
        "id = %lld",
        share, share, share);
    expect_state(share, "queued");
    long long mail = number("SELECT id FROM cirt.mail WHERE share_id = %lld", share);
    expect_mail_stops(mail, "goes");
    run("UPDATE cirt.peer SET mail = 'new@yy-cert.example' WHERE name = 'YY-CERT'");
    expect_mail_stops(mail, "YY-CERT is not reached at soc@yy-cert.example any more");
    run("UPDATE cirt.peer SET mail = NULL WHERE name = 'YY-CERT'");
    expect_mail_stops(mail, "YY-CERT is not reached at soc@yy-cert.example any more");
    run("UPDATE cirt.peer SET mail = 'SOC@yy-cert.example' WHERE name = 'YY-CERT'");
    expect_mail_stops(mail, "goes");
    run("DELETE FROM cirt.to_compose");
}

static int start(void **state)
{
    return share_order_start(state, TEST_DATA "/share/fixture.sql");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_go_by_mail),
        cmocka_unit_test(a_mail_that_waits_is_judged_again),
    };
    return cmocka_run_group_tests(tests, start, share_order_stop);
}
