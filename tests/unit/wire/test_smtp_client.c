/* wire/smtp_client: every recipient's own answer, whatever the MTA says and where. TLS and AUTH: tests/flow/49-submission.py. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "wire/smtp_client.h"

enum { LINE_MAX_SIZE = 2000 };

/* What the MTA of a test says to each command that begins so; NULL: it hangs up. "." is the end of the data. Anything else: 250. */
struct rule {
    const char *command, *reply;
};

struct mta {
    pid_t process;
    char url[64], heard[40]; /* heard: a file of what it was told */
};

static const char *reply_to(const struct rule *rules, const char *line)
{
    for (; rules->command; rules++)
        if (strncmp(line, rules->command, strlen(rules->command)) == 0)
            return rules->reply;
    return strncmp(line, "DATA", 4) == 0 ? "354 go on" : "250 ok";
}

static void talk(FILE *in, FILE *out, FILE *heard, const struct rule *rules)
{
    char line[LINE_MAX_SIZE];
    bool is_data = false;
    fprintf(out, "%s\r\n", reply_to(rules, "greeting")[0] == '2' ? "220 mta" : reply_to(rules, "greeting"));
    fflush(out);
    while (fgets(line, sizeof line, in)) {
        fputs(line, heard);
        fflush(heard);
        bool is_end = is_data && strcmp(line, ".\r\n") == 0;
        if (is_data && !is_end)
            continue;
        const char *reply = reply_to(rules, line);
        if (!reply)
            return;
        is_data = strncmp(line, "DATA", 4) == 0 && reply[0] == '3';
        fprintf(out, "%s\r\n", reply);
        fflush(out);
    }
}

static void serve(int listener, const char *heard, const struct rule *rules)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    FILE *file = fopen(heard, "we");
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        FILE *in = fdopen(connection, "re"), *out = fdopen(dup(connection), "we");
        fputs("(connected)\n", file);
        fflush(file);
        talk(in, out, file, rules);
        fclose(in);
        fclose(out);
    }
}

static void start(struct mta *mta, const struct rule *rules)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 4), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    snprintf(mta->url, sizeof mta->url, "smtp://127.0.0.1:%d", ntohs(address.sin_port));
    strcpy(mta->heard, "/tmp/cirt-smtp-XXXXXX");
    close(mkstemp(mta->heard));
    mta->process = fork();
    if (mta->process == 0)
        serve(listener, mta->heard, rules);
    close(listener);
}

/* What it was told; the caller's. */
static char *stop(struct mta *mta)
{
    kill(mta->process, SIGKILL);
    waitpid(mta->process, NULL, 0);
    FILE *file = fopen(mta->heard, "re");
    char *text = calloc(1, 100000);
    assert_true(fread(text, 1, 99999, file) > 0);
    fclose(file);
    unlink(mta->heard);
    return text;
}

static struct smtp_client *client_of(const struct mta *mta)
{
    const struct smtp_client_settings settings = {
        .url = mta->url, .name = "cert.example", .connect_timeout_ms = 2000, .answer_timeout_s = 5, .timeout_s = 10};
    struct smtp_client *client = NULL;
    struct err err;
    assert_true(smtp_client_open(&settings, &client, &err));
    return client;
}

static const char message[] = "Subject: x\r\n\r\n.a line that begins with a dot\r\n.\r\nend\r\n";

static bool hand_over(struct smtp_client *client, const char *sender, struct smtp_client_recipient *recipients, size_t count,
                      struct err *err)
{
    return smtp_client_send(client, sender, recipients, count, message, sizeof message - 1, err);
}

static void expect(const struct rule *rules, const char *wanted)
{
    struct smtp_client_recipient recipients[] = {{.address = "a@x.example"}, {.address = "b@x.example"}, {.address = "c@x.example"}};
    char got[600];
    struct mta mta;
    struct err err = {0};
    start(&mta, rules);
    struct smtp_client *client = client_of(&mta);
    if (hand_over(client, "us@cert.example", recipients, 3, &err))
        snprintf(got, sizeof got, "%d %d %d", recipients[0].code, recipients[1].code, recipients[2].code);
    else
        snprintf(got, sizeof got, "%s", err.code == ERR_AGAIN ? "again" : err.text);
    if (strcmp(got, wanted) != 0)
        fail_msg("'%s', not '%s'", got, wanted);
    smtp_client_close(client);
    free(stop(&mta));
}

static void every_recipient_has_an_answer(void **state)
{
    (void)state;
    expect((const struct rule[]){{NULL, NULL}}, "250 250 250");
    expect((const struct rule[]){{"RCPT TO:<b@", "550 5.1.1 nobody"}, {NULL, NULL}}, "250 550 250");
    expect((const struct rule[]){{"RCPT TO:<a@", "450 4.2.0 later"}, {"RCPT TO:<c@", "550 5.1.1 nobody"}, {NULL, NULL}}, "450 250 550");
    expect((const struct rule[]){{"RCPT TO:", "550 5.7.1 not from you"}, {NULL, NULL}}, "550 550 550");
    expect((const struct rule[]){{"RCPT TO:<a@", "550 no"}, {".\r\n", "554 5.6.0 we do not like it"}, {NULL, NULL}}, "550 554 554");
    expect((const struct rule[]){{"MAIL", "452 4.3.1 full"}, {NULL, NULL}}, "452 452 452");
    expect((const struct rule[]){{"DATA", "451 4.3.0 not now"}, {NULL, NULL}}, "451 451 451");
    expect((const struct rule[]){{".\r\n", "250-it goes on\r\n250 2.0.0 queued as 4B1C"}, {NULL, NULL}}, "250 250 250");
}

static void without_its_last_word_nothing_is_known(void **state)
{
    (void)state;
    expect((const struct rule[]){{"greeting", "554 no"}, {NULL, NULL}}, "again");
    expect((const struct rule[]){{"EHLO", NULL}, {NULL, NULL}}, "again");
    expect((const struct rule[]){{"MAIL", NULL}, {NULL, NULL}}, "again");
    expect((const struct rule[]){{"RCPT TO:<b@", NULL}, {NULL, NULL}}, "again");
    expect((const struct rule[]){{"DATA", NULL}, {NULL, NULL}}, "again");
    expect((const struct rule[]){{".\r\n", NULL}, {NULL, NULL}}, "again");
    expect((const struct rule[]){{"RCPT TO:<a@", "550 no"}, {".\r\n", NULL}, {NULL, NULL}}, "again");
}

static void what_is_said(void **state)
{
    static const struct rule rules[] = {{"EHLO", "250-mta\r\n250-SIZE 1000000\r\n250 8BITMIME"}, {NULL, NULL}};
    struct smtp_client_recipient to = {.address = "a@x.example"};
    struct mta mta;
    struct err err;
    (void)state;
    start(&mta, rules);
    struct smtp_client *client = client_of(&mta);
    assert_true(hand_over(client, "us@cert.example", &to, 1, &err));
    assert_string_equal(to.text, "250 ok");
    assert_true(hand_over(client, "", &to, 1, &err));
    smtp_client_close(client);
    char *heard = stop(&mta), *second = strstr(strstr(heard, "(connected)") + 1, "(connected)");
    assert_null(second); /* the same connection */
    assert_non_null(strstr(heard, "EHLO cert.example\r\n"));
    assert_non_null(strstr(heard, "MAIL FROM:<us@cert.example>"));
    assert_non_null(strstr(heard, "MAIL FROM:<>"));
    assert_non_null(strstr(heard, "..a line that begins with a dot\r\n..\r\nend\r\n.\r\n"));
    free(heard);
}

/* After a message that was refused the next one is a transaction of its own. */
static void a_refusal_does_not_stick(void **state)
{
    static const struct rule rules[] = {{"RCPT TO:<bad@", "550 no"}, {NULL, NULL}};
    struct smtp_client_recipient bad = {.address = "bad@x.example"}, good = {.address = "good@x.example"};
    struct mta mta;
    struct err err;
    (void)state;
    start(&mta, rules);
    struct smtp_client *client = client_of(&mta);
    for (int i = 0; i < 3; i++) {
        assert_true(hand_over(client, "us@cert.example", &bad, 1, &err));
        assert_int_equal(bad.code, 550);
        assert_true(hand_over(client, "us@cert.example", &good, 1, &err));
        assert_int_equal(good.code, 250);
    }
    smtp_client_close(client);
    free(stop(&mta));
}

static void settings_that_cannot_be_used(void **state)
{
    static const char *const bad[] = {
        "", "127.0.0.1:25", "http://127.0.0.1", "smtp://", "smtp://user@host", "smtp://host/path", "smtp://host?x"};
    struct smtp_client *client = NULL;
    struct err err;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        const struct smtp_client_settings settings = {.url = bad[i], .name = "x"};
        assert_false(smtp_client_open(&settings, &client, &err));
        assert_int_equal(err.code, ERR_INPUT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_recipient_has_an_answer),
        cmocka_unit_test(without_its_last_word_nothing_is_known),
        cmocka_unit_test(what_is_said),
        cmocka_unit_test(a_refusal_does_not_stick),
        cmocka_unit_test(settings_that_cannot_be_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
