/* The LMTP conversation as bytes, then the server over a real Unix socket in a process of its own. */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "cirtd/mail/lmtp.h"

static const char *const local_parts[] = {"incident", "abuse"};

/* A session, the replies so far, and every message it gave, as "sender>recipients|bytes". */
struct talk {
    struct lmtp_budget budget;
    struct lmtp_policy policy;
    struct buf replies, messages;
    struct lmtp_session *session;
    const struct err *answer;
    enum lmtp_event last;
};

static void talk_open(struct talk *talk, size_t size_max)
{
    *talk = (struct talk){.budget = {.max = 1024 * 1024}};
    talk->policy = (struct lmtp_policy){.hostname = "mx.example",
                                        .domain = "cirt.example",
                                        .local_parts = local_parts,
                                        .local_part_count = 2,
                                        .size_max = size_max,
                                        .budget = &talk->budget};
    buf_init(&talk->replies, 1024 * 1024);
    buf_init(&talk->messages, 1024 * 1024);
    talk->session = lmtp_session_new(&talk->policy, &talk->replies);
    buf_reset(&talk->replies);
}

static void talk_close(struct talk *talk)
{
    lmtp_session_free(talk->session);
    assert_int_equal(talk->budget.used, 0);
    buf_clear(&talk->replies);
    buf_clear(&talk->messages);
}

static void talk_feed(struct talk *talk, const char *bytes, size_t size, size_t piece)
{
    for (size_t at = 0; at < size;) {
        size_t used, wanted = size - at < piece ? size - at : piece;
        talk->last = lmtp_session_feed(talk->session, bytes + at, wanted, &used);
        at += used;
        if (talk->last == LMTP_CLOSE)
            return;
        if (talk->last != LMTP_MESSAGE)
            continue;
        const struct lmtp_message *message = lmtp_session_message(talk->session);
        buf_printf(&talk->messages, "%s>", message->sender);
        for (size_t i = 0; i < message->recipient_count; i++)
            buf_printf(&talk->messages, "%s,", message->recipients[i]);
        buf_add_char(&talk->messages, '|');
        buf_add(&talk->messages, message->bytes, message->size);
        buf_add_char(&talk->messages, '\n');
        lmtp_session_answer(talk->session, talk->answer);
    }
}

/* Feeds text in pieces and wants exactly these replies. */
static void expect(struct talk *talk, const char *text, const char *replies)
{
    buf_reset(&talk->replies);
    talk_feed(talk, text, strlen(text), strlen(text));
    assert_string_equal(buf_text(&talk->replies), replies);
}

#define LHLO_REPLY "250-mx.example\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 10000\r\n"

static void greet(struct talk *talk)
{
    talk_open(talk, 10000);
    expect(talk, "LHLO client\r\n", LHLO_REPLY);
}

static void test_one_mail(void **state)
{
    struct talk talk;
    UNUSED(state);
    greet(&talk);
    expect(&talk, "mail from:<a@b.example> SIZE=20 BODY=8BITMIME\r\n", "250 2.1.0 sender ok\r\n");
    expect(&talk, "RCPT TO:<Incident@CIRT.example>\r\n", "250 2.1.5 recipient ok\r\n");
    expect(&talk, "RCPT TO:<case+42@cirt.example>\r\n", "250 2.1.5 recipient ok\r\n");
    expect(&talk, "RCPT TO:<case+@cirt.example>\r\n", "550 5.1.1 no such mailbox here\r\n");
    expect(&talk, "RCPT TO:<case+4x@cirt.example>\r\n", "550 5.1.1 no such mailbox here\r\n");
    expect(&talk, "RCPT TO:<other@cirt.example>\r\n", "550 5.1.1 no such mailbox here\r\n");
    expect(&talk, "RCPT TO:<incident@elsewhere.example>\r\n", "550 5.1.1 no such mailbox here\r\n");
    expect(&talk, "DATA\r\n", "354 end with a dot on a line of its own\r\n");
    /* one answer for each accepted recipient (RFC 2033 section 4.2) */
    expect(&talk, "Subject: x\r\n\r\n..two\r\n.\r\n", "250 2.0.0 stored\r\n250 2.0.0 stored\r\n");
    assert_string_equal(buf_text(&talk.messages), "a@b.example>Incident@CIRT.example,case+42@cirt.example,|Subject: x\r\n\r\n.two\r\n\n");
    expect(&talk, "QUIT\r\n", "221 2.0.0 bye\r\n");
    assert_int_equal(talk.last, LMTP_CLOSE);
    talk_close(&talk);
}

/* What is ours, and how it is kept; NULL: not ours, or not an address. */
static void test_odd_recipients(void **state)
{
    static const struct {
        const char *given, *kept;
    } rows[] = {
        {"<\"incident\"@cirt.example>", "incident@cirt.example"},
        {"<\"Case+42\"@cirt.example>", "Case+42@cirt.example"},
        {"<@relay.example:incident@cirt.example>", "incident@cirt.example"},
        {"<@a.example,@b.example:case+7@cirt.example>", "case+7@cirt.example"},
        {"<incident@cirt.example.>", "incident@cirt.example"},
        {" <INCIDENT@CIRT.EXAMPLE>", "INCIDENT@CIRT.EXAMPLE"},
        {"<case+xx-cert-2026-000042@cirt.example>", "case+xx-cert-2026-000042@cirt.example"},
        {"<case+EX-2026-000001@cirt.example>", "case+EX-2026-000001@cirt.example"},
        {"<case+999999999999999999@cirt.example>", "case+999999999999999999@cirt.example"},
        {"<case+1234567890123456789@cirt.example>", NULL},
        {"<case+2026-000042@cirt.example>", NULL},
        {"<case+-2026-000042@cirt.example>", NULL},
        {"<case+XX-CERT-26-000042@cirt.example>", NULL},
        {"<case+XX-CERT-2026-42@cirt.example>", NULL},
        {"<case+XX CERT-2026-000042@cirt.example>", NULL},
        {"<case+@cirt.example>", NULL},
        {"<case@cirt.example>", NULL},
        {"<\"inci dent\"@cirt.example>", NULL},
        {"<\"incident\\\"@cirt.example>", NULL},
        {"<incident@cirt.example@elsewhere.example>", NULL},
        {"<incident%elsewhere.example@cirt.example>", NULL},
        {"<elsewhere.example!incident@cirt.example>", NULL},
        {"<incident>", NULL},
        {"<>", NULL},
        {"<@cirt.example>", NULL},
        {"<@cirt.example:>", NULL},
        {"incident@cirt.example", NULL},
        {"<incident@cirt.example", NULL},
        {"<incident@cirt.example>x", NULL},
        {"<<incident@cirt.example>>", NULL},
        {"<incident@cirt.example> NOTIFY=NEVER", NULL},
        {"<incident\t@cirt.example>", NULL},
        {"<inc\xc3\xaf"
         "dent@cirt.example>",
         NULL},
    };
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct talk talk;
        greet(&talk);
        char *text = mem_printf("MAIL FROM:<>\r\nRCPT TO:<abuse@cirt.example>\r\nRCPT TO:%s\r\nDATA\r\n.\r\n", rows[i].given);
        char *wanted = mem_printf(">abuse@cirt.example,%s%s|\n", rows[i].kept ? rows[i].kept : "", rows[i].kept ? "," : "");
        talk_feed(&talk, text, strlen(text), strlen(text));
        if (!str_equal(buf_text(&talk.messages), wanted))
            fail_msg("%s: %s instead of %s", rows[i].given, buf_text(&talk.messages), wanted);
        free(text);
        free(wanted);
        talk_close(&talk);
    }
}

static void test_order_of_commands(void **state)
{
    struct talk talk;
    UNUSED(state);
    talk_open(&talk, 10000);
    expect(&talk, "EHLO x\r\n", "500 5.5.1 this is LMTP: LHLO\r\n");
    expect(&talk, "HELO x\r\n", "500 5.5.1 this is LMTP: LHLO\r\n");
    expect(&talk, "MAIL FROM:<a@b.example>\r\n", "503 5.5.1 LHLO first\r\n");
    expect(&talk, "LHLO\r\n", "501 5.5.4 LHLO needs a name\r\n");
    expect(&talk, "LHLO client\r\n", LHLO_REPLY);
    expect(&talk, "RCPT TO:<incident@cirt.example>\r\n", "503 5.5.1 MAIL first\r\n");
    expect(&talk, "MAIL FROM:<YY-CERT>\r\n", "501 5.1.7 a sender without a domain\r\n");
    expect(&talk, "MAIL FROM:<>\r\n", "250 2.1.0 sender ok\r\n");
    expect(&talk, "MAIL FROM:<>\r\n", "503 5.5.1 one MAIL at a time\r\n");
    expect(&talk, "DATA\r\n", "503 5.5.1 no recipient was accepted\r\n");
    expect(&talk, "RSET\r\n", "250 2.0.0 forgotten\r\n");
    expect(&talk, "MAIL FROM:a@b.example\r\n", "501 5.5.4 MAIL FROM:<address> is wanted\r\n");
    expect(&talk, "MAIL FROM:<a@b.example> AUTH=<>\r\n", "555 5.5.4 unknown parameter of MAIL\r\n");
    expect(&talk, "MAIL FROM:<a@b.example> SIZE=10001\r\n", "552 5.3.4 message too large\r\n");
    expect(&talk, "MAIL FROM:<\xc3\xa4@b.example>\r\n", "553 5.6.7 this address needs SMTPUTF8\r\n");
    expect(&talk, "MAIL FROM:<\xc3\xa4@b.example> SMTPUTF8\r\n", "250 2.1.0 sender ok\r\n");
    expect(&talk, "VRFY x\r\n", "252 2.5.0 try RCPT\r\n");
    expect(&talk, "WHAT\r\n", "500 5.5.1 unknown command\r\n");
    talk_close(&talk);
}

static const char pipeline[] =
    "LHLO client\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<incident@cirt.example>\r\nRCPT TO:<x@cirt.example>\r\nDATA\r\n"
    "one\r\n.\r\nMAIL FROM:<c@d.example>\r\nRCPT TO:<abuse@cirt.example>\r\nDATA\r\n.\r\nNOOP\r\n";

static void test_pipelining_in_any_pieces(void **state)
{
    UNUSED(state);
    for (size_t piece = 1; piece <= sizeof pipeline; piece++) {
        struct talk talk;
        talk_open(&talk, 10000);
        talk_feed(&talk, pipeline, sizeof pipeline - 1, piece);
        assert_string_equal(buf_text(&talk.messages), "a@b.example>incident@cirt.example,|one\r\n\nc@d.example>abuse@cirt.example,|\n");
        assert_string_equal(buf_text(&talk.replies),
                            LHLO_REPLY "250 2.1.0 sender ok\r\n250 2.1.5 recipient ok\r\n550 5.1.1 no such mailbox here\r\n"
                                       "354 end with a dot on a line of its own\r\n250 2.0.0 stored\r\n250 2.1.0 sender ok\r\n"
                                       "250 2.1.5 recipient ok\r\n354 end with a dot on a line of its own\r\n250 2.0.0 stored\r\n"
                                       "250 2.0.0 ok\r\n");
        talk_close(&talk);
    }
}

/* What stands in DATA, and what must come out; nothing but CRLF.CRLF ends it. */
static void test_end_of_data(void **state)
{
    static const struct {
        const char *sent, *stored;
    } rows[] = {
        {"a\n.\nb\r\n.\r\n", "a\n.\nb\r\n"},    {"a\n.\r\nb\r\n.\r\n", "a\n.\r\nb\r\n"},
        {"a\r.\rb\r\n.\r\n", "a\r.\rb\r\n"},    {"a\r\n.\nb\r\n.\r\n", "a\r\n\nb\r\n"},
        {"a\r\n.\rb\r\n.\r\n", "a\r\n\rb\r\n"}, {"a\r\n.\r\r\n.\r\n", "a\r\n\r\r\n"},
        {"a\r\n..\r\n.\r\n", "a\r\n.\r\n"},     {"...\r\n.x\r\n.\r\n", "..\r\nx\r\n"},
        {"\r\n\r\n.\r\n", "\r\n\r\n"},          {"a\r\r\n.\r\n", "a\r\r\n"},
    };
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (size_t piece = 1; piece < 4; piece++) {
            struct talk talk;
            greet(&talk);
            expect(&talk, "MAIL FROM:<>\r\nRCPT TO:<abuse@cirt.example>\r\nDATA\r\n",
                   "250 2.1.0 sender ok\r\n250 2.1.5 recipient ok\r\n354 end with a dot on a line of its own\r\n");
            talk_feed(&talk, rows[i].sent, strlen(rows[i].sent), piece);
            char *wanted = mem_printf(">abuse@cirt.example,|%s\n", rows[i].stored);
            assert_string_equal(buf_text(&talk.messages), wanted);
            free(wanted);
            talk_close(&talk);
        }
    }
}

static void test_what_the_store_says(void **state)
{
    static const struct {
        enum err_code code;
        const char *reply;
    } rows[] = {
        {ERR_AGAIN, "451 4.3.0"}, {ERR_LIMIT, "452 4.3.1"},  {ERR_INTERNAL, "451 4.3.0"},
        {ERR_INPUT, "451 4.3.0"}, {ERR_DENIED, "550 5.7.1"},
    };
    UNUSED(state);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct talk talk;
        struct err why = {.code = rows[i].code};
        greet(&talk);
        talk.answer = &why;
        const char *text = "MAIL FROM:<>\r\nRCPT TO:<abuse@cirt.example>\r\nDATA\r\nx\r\n.\r\n";
        talk_feed(&talk, text, strlen(text), 1000);
        const char *last = strstr(buf_text(&talk.replies), "354 end with a dot on a line of its own\r\n");
        assert_non_null(last);
        assert_true(str_starts(strchr(last, '\n') + 1, rows[i].reply));
        talk_close(&talk);
    }
}

static void test_limits(void **state)
{
    struct talk talk;
    char line[LMTP_LINE_MAX + 100];
    UNUSED(state);
    greet(&talk);
    memset(line, 'x', sizeof line);
    memcpy(line + sizeof line - 3, "\r\n", 3);
    expect(&talk, line, "500 5.5.2 line too long or with a NUL\r\n");
    buf_reset(&talk.replies);
    talk_feed(&talk, "NO\0OP\r\n", 7, 7);
    assert_string_equal(buf_text(&talk.replies), "500 5.5.2 line too long or with a NUL\r\n");
    /* too large: read to the end, then refused for good */
    expect(&talk, "MAIL FROM:<>\r\nRCPT TO:<abuse@cirt.example>\r\nDATA\r\n",
           "250 2.1.0 sender ok\r\n250 2.1.5 recipient ok\r\n354 end with a dot on a line of its own\r\n");
    for (unsigned i = 0; i < 11; i++) {
        memset(line, 'y', 1000);
        talk_feed(&talk, line, 1000, 1000);
    }
    expect(&talk, "\r\n.\r\n", "552 5.3.4 message too large\r\n");
    /* no room: refused for now */
    talk.budget.used = talk.budget.max - 10;
    expect(
        &talk, "MAIL FROM:<>\r\nRCPT TO:<abuse@cirt.example>\r\nDATA\r\nx\r\n.\r\n",
        "250 2.1.0 sender ok\r\n250 2.1.5 recipient ok\r\n354 end with a dot on a line of its own\r\n452 4.3.1 no room now, try later\r\n");
    talk.budget.used = 0;
    assert_int_equal(talk.messages.size, 0);
    for (unsigned i = 0; talk.last != LMTP_CLOSE; i++) {
        assert_true(i < 2 * LMTP_FAULTS_MAX);
        talk_feed(&talk, "WHAT\r\n", 6, 6);
    }
    talk_close(&talk);
}

/* --- the server --- */

struct served {
    char directory[64], path[100], log[100];
    pid_t process;
    unsigned idle_seconds, step_seconds, patience_seconds, connections_max; /* 0: the server's own */
    size_t memory_max;
    uid_t uid, later_uid; /* who may connect, and who after SIGHUP */
    unsigned reloads;
};

/* Appends "size recipient first-line" of each to a file, and "-- count"; or says that it cannot: for a sender named "away" the database is
 * away, "full" has no room, and a "bad" one is refused whenever it is among them. */
static bool store_in_file(void *context, const struct lmtp_message *const *messages, size_t count, struct err *err)
{
    struct served *served = context;
    for (size_t i = 0; i < count; i++) {
        if (str_starts(messages[i]->sender, "away"))
            return err_set(err, ERR_AGAIN, "the database is away");
        if (str_starts(messages[i]->sender, "full"))
            return err_set(err, ERR_LIMIT, "no room");
        if (str_starts(messages[i]->sender, "bad"))
            return err_set(err, ERR_DENIED, "a bad message");
    }
    FILE *file = fopen(served->log, "a");
    for (size_t i = 0; i < count; i++)
        fprintf(file, "%zu %s %.*s\n", messages[i]->size, messages[i]->recipients[0], (int)strcspn(messages[i]->bytes, "\r\n"),
                messages[i]->bytes);
    fprintf(file, "-- %zu\n", count);
    fclose(file);
    return true;
}

/* The first SIGHUP brings another address, the second cannot be read. */
static bool names_again(void *context, struct lmtp_names *names, struct err *err)
{
    static const char *const later_parts[] = {"soc"};
    struct served *served = context;
    if (served->reloads++ > 0)
        return err_set(err, ERR_INPUT, "broken");
    *names = (struct lmtp_names){&served->later_uid, 1, "later.example", later_parts, 1};
    return true;
}

static void serve_so(struct served *served)
{
    const char *base = getenv("TMPDIR");
    snprintf(served->directory, sizeof served->directory, "%.40s/lmtpXXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(served->directory));
    snprintf(served->path, sizeof served->path, "%s/s", served->directory);
    snprintf(served->log, sizeof served->log, "%s/log", served->directory);
    served->process = fork();
    if (served->process == 0) {
        struct err err;
        struct lmtp_config config = {.socket_path = served->path,
                                     .socket_group = (gid_t)-1,
                                     .hostname = "mx.example",
                                     .names = {&served->uid, 1, "cirt.example", local_parts, 2},
                                     .size_max = 4 * 1024 * 1024,
                                     .memory_max = served->memory_max,
                                     .connections_max = served->connections_max,
                                     .idle_seconds = served->idle_seconds,
                                     .step_seconds = served->step_seconds,
                                     .patience_seconds = served->patience_seconds,
                                     .reload = names_again,
                                     .drain_seconds = 5,
                                     .store = store_in_file,
                                     .store_context = served};
        _exit(lmtp_run(&config, &err) ? 0 : 1);
    }
}

static void serve(struct served *served, uid_t uid, unsigned idle_seconds, unsigned connections_max)
{
    *served = (struct served){.uid = uid, .later_uid = uid, .idle_seconds = idle_seconds, .connections_max = connections_max};
    serve_so(served);
}

static int client_open(const struct served *served)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", served->path);
    for (unsigned i = 0; i < 500; i++) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
            return fd;
        close(fd);
        usleep(10000);
    }
    fail_msg("nobody listens on %s", served->path);
    return -1;
}

static void client_send(int fd, const char *text)
{
    for (size_t at = 0, size = strlen(text); at < size;) {
        ssize_t written = send(fd, text + at, size - at, MSG_NOSIGNAL);
        assert_true(written > 0);
        at += (size_t)written;
    }
}

/* Reads until the text has come, or fails after some seconds; "" reads to the end. */
static void client_wait(int fd, const char *text)
{
    struct buf seen;
    char bytes[1024];
    buf_init(&seen, 1024 * 1024);
    while (*text == '\0' || !strstr(buf_text(&seen), text)) {
        struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&poll_fd, 1, 8000), 1);
        ssize_t size = read(fd, bytes, sizeof bytes);
        if (size <= 0) {
            assert_string_equal(text, "");
            break;
        }
        buf_add(&seen, bytes, (size_t)size);
    }
    buf_clear(&seen);
}

/* For a server that was told to end. A second SIGTERM might find it where its handlers are gone already. */
static void served_wait(struct served *served)
{
    int status;
    assert_int_equal(waitpid(served->process, &status, 0), served->process);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(access(served->path, F_OK), -1);
    unlink(served->log);
    rmdir(served->directory);
}

static void served_end(struct served *served)
{
    kill(served->process, SIGTERM);
    served_wait(served);
}

static char *served_log(const struct served *served)
{
    static char text[4096];
    FILE *file = fopen(served->log, "r");
    size_t size = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[size] = '\0';
    if (file)
        fclose(file);
    return text;
}

static void test_server_stores(void **state)
{
    struct served served;
    struct stat status;
    UNUSED(state);
    serve(&served, getuid(), 60, 3);
    int fd = client_open(&served);
    client_wait(fd, "220 mx.example LMTP ready\r\n");
    assert_int_equal(stat(served.path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0660);
    client_send(fd, "LHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<incident@cirt.example>\r\nDATA\r\nSubject: one\r\n\r\nx\r\n.\r\n");
    client_wait(fd, "250 2.0.0 stored\r\n");
    assert_string_equal(served_log(&served), "19 incident@cirt.example Subject: one\n-- 1\n");
    client_send(fd, "MAIL FROM:<away@b.example>\r\nRCPT TO:<incident@cirt.example>\r\nDATA\r\nSubject: two\r\n.\r\n");
    client_wait(fd, "451 4.3.0 ");
    /* a large one, with another client that says nothing beside it */
    int silent = client_open(&served);
    char *large = mem_calloc(1, 3 * 1024 * 1024);
    memset(large, 'z', 3 * 1024 * 1024 - 1);
    client_send(fd, "MAIL FROM:<a@b.example>\r\nRCPT TO:<case+7@cirt.example>\r\nDATA\r\nBig\r\n");
    client_send(fd, large);
    client_send(fd, "\r\n.\r\nQUIT\r\n");
    client_wait(fd, "221 2.0.0 bye\r\n");
    free(large);
    assert_non_null(strstr(served_log(&served), "3145734 case+7@cirt.example Big\n"));
    close(fd);
    close(silent);
    served_end(&served);
}

/* A stopped server finds the ends of six messages waiting when it goes on. */
static void send_at_once(const struct served *served, const char *const senders[6], int clients[6])
{
    for (size_t i = 0; i < 6; i++) {
        char *head =
            mem_printf("LHLO c\r\nMAIL FROM:<%s@b.example>\r\nRCPT TO:<incident@cirt.example>\r\nDATA\r\nSubject: %zu\r\n", senders[i], i);
        clients[i] = client_open(served);
        client_send(clients[i], head);
        client_wait(clients[i], "354 ");
        free(head);
    }
    kill(served->process, SIGSTOP);
    for (size_t i = 0; i < 6; i++)
        client_send(clients[i], ".\r\n");
    kill(served->process, SIGCONT);
}

static void test_server_stores_together(void **state)
{
    static const char *const good[6] = {"a", "a", "b", "c", "d", "e"}, *const with_bad[6] = {"a", "b", "c", "d", "bad", "f"},
                             *const with_full[6] = {"a", "b", "c", "full", "d", "e"};
    struct served served;
    int clients[6];
    UNUSED(state);
    serve(&served, getuid(), 60, 6);
    send_at_once(&served, good, clients);
    for (size_t i = 0; i < 6; i++) {
        client_wait(clients[i], "250 2.0.0 stored\r\n");
        close(clients[i]);
    }
    assert_non_null(strstr(served_log(&served), "-- 6\n"));
    unlink(served.log);
    /* halves until the bad one stands alone, wherever in the batch it is */
    send_at_once(&served, with_bad, clients);
    for (size_t i = 0; i < 6; i++) {
        client_wait(clients[i], i == 4 ? "550 5.7.1 refused\r\n" : "250 2.0.0 stored\r\n");
        close(clients[i]);
    }
    const char *log = served_log(&served);
    for (size_t i = 0; i < 6; i++) {
        char line[64];
        snprintf(line, sizeof line, "12 incident@cirt.example Subject: %zu\n", i);
        const char *found = strstr(log, line);
        assert_true((found == NULL) == (i == 4));
        assert_true(!found || !strstr(found + 1, line));
    }
    assert_non_null(strstr(log, "-- 3\n"));
    /* no room for one is no room for any */
    unlink(served.log);
    send_at_once(&served, with_full, clients);
    for (size_t i = 0; i < 6; i++) {
        client_wait(clients[i], "452 4.3.1 ");
        close(clients[i]);
    }
    assert_string_equal(served_log(&served), "");
    served_end(&served);
}

/* One that goes away, or asks for no answer, while its message is with the others. */
static void test_server_client_gone(void **state)
{
    static const char *const senders[6] = {"a", "b", "c", "d", "e", "f"};
    struct served served;
    int clients[6];
    UNUSED(state);
    serve(&served, getuid(), 60, 6);
    send_at_once(&served, senders, clients);
    close(clients[1]);
    shutdown(clients[2], SHUT_WR);
    for (size_t i = 0; i < 6; i++)
        if (i != 1)
            client_wait(clients[i], "250 2.0.0 stored\r\n");
    client_wait(clients[2], "");
    for (size_t i = 0; i < 6; i++)
        if (i != 1)
            close(clients[i]);
    served_end(&served);
}

static void test_server_drains(void **state)
{
    struct served served;
    UNUSED(state);
    serve(&served, getuid(), 60, 3);
    int idle = client_open(&served), busy = client_open(&served);
    client_wait(idle, "220 ");
    client_wait(busy, "220 ");
    client_send(busy, "LHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<incident@cirt.example>\r\nDATA\r\nSubject: late\r\n");
    client_wait(busy, "354 ");
    kill(served.process, SIGTERM);
    client_wait(idle, "421 4.3.2 ");
    client_send(busy, "\r\nx\r\n.\r\n");
    client_wait(busy, "421 4.3.2 ");
    assert_non_null(strstr(served_log(&served), "Subject: late"));
    close(idle);
    close(busy);
    served_wait(&served);
}

static void test_server_bounds_clients(void **state)
{
    struct served served;
    UNUSED(state);
    serve(&served, getuid(), 1, 3);
    /* three hang, the fourth is served when the idle ones were dropped */
    int hanging[3];
    for (size_t i = 0; i < 3; i++) {
        hanging[i] = client_open(&served);
        client_wait(hanging[i], "220 ");
    }
    int fourth = client_open(&served);
    client_wait(hanging[0], "421 4.4.2 ");
    client_wait(fourth, "220 ");
    for (size_t i = 0; i < 3; i++)
        close(hanging[i]);
    close(fourth);
    served_end(&served);
}

#define BEGIN_MAIL "LHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<incident@cirt.example>\r\nDATA\r\n"

/* All connections are taken, by clients that stopped in the middle of something: the quietest give way, and mail goes on. */
static void test_server_passes_by_the_stalled(void **state)
{
    struct served served = {.uid = getuid(), .patience_seconds = 1, .connections_max = 3};
    int stalled[3];
    UNUSED(state);
    serve_so(&served);
    static const char *const until[] = {"", "LHLO c\r\nMAIL FR", BEGIN_MAIL "Subject: half\r\nhal"};
    for (size_t i = 0; i < 3; i++) {
        stalled[i] = client_open(&served);
        client_wait(stalled[i], "220 ");
        client_send(stalled[i], until[i]);
    }
    for (int i = 0; i < 4; i++) {
        int fd = client_open(&served);
        client_wait(fd, "220 ");
        client_send(fd, BEGIN_MAIL "Subject: through\r\n.\r\nQUIT\r\n");
        client_wait(fd, "221 ");
        close(fd);
    }
    char *log = served_log(&served);
    assert_non_null(strstr(log, "Subject: through"));
    assert_null(strstr(log, "half"));
    client_wait(stalled[0], "421 4.4.2 ");
    for (size_t i = 0; i < 3; i++)
        close(stalled[i]);
    served_end(&served);
}

/* What stalled clients have sent of their messages is given back before it keeps others out. */
static void test_server_gives_memory_back(void **state)
{
    struct served served = {.uid = getuid(), .patience_seconds = 1, .connections_max = 8, .memory_max = 9 * 1024 * 1024};
    enum { PART = 3 * 1024 * 1024 };
    char *part = mem_calloc(1, PART + 1);
    int stalled[2];
    UNUSED(state);
    memset(part, 'z', PART);
    serve_so(&served);
    for (size_t i = 0; i < 2; i++) {
        stalled[i] = client_open(&served);
        client_send(stalled[i], BEGIN_MAIL);
        client_wait(stalled[i], "354 ");
        client_send(stalled[i], part);
    }
    bool is_stored = false;
    for (int i = 0; i < 40 && !is_stored; i++) {
        int fd = client_open(&served);
        client_send(fd, BEGIN_MAIL "Subject: large\r\n");
        client_send(fd, part);
        client_send(fd, "\r\n.\r\nQUIT\r\n");
        client_wait(fd, "221 ");
        close(fd);
        is_stored = strstr(served_log(&served), "Subject: large") != NULL;
        usleep(is_stored ? 0 : 200 * 1000);
    }
    assert_true(is_stored);
    for (size_t i = 0; i < 2; i++)
        close(stalled[i]);
    free(part);
    served_end(&served);
}

/* A byte now and then is no progress. */
static void test_server_ends_the_slow(void **state)
{
    struct served served = {.uid = getuid(), .step_seconds = 2, .idle_seconds = 60};
    UNUSED(state);
    serve_so(&served);
    int slow = client_open(&served), quick = client_open(&served);
    client_wait(slow, "220 ");
    client_send(slow, "LHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<incident@cirt.example>\r\nDATA\r\n");
    client_wait(slow, "354 ");
    client_wait(quick, "220 ");
    for (int i = 0; i < 16; i++) {
        ssize_t ignored = send(slow, "x", 1, MSG_NOSIGNAL);
        UNUSED(ignored);
        client_send(quick, "NOOP\r\n");
        client_wait(quick, "250 2.0.0 ok");
        usleep(250 * 1000);
    }
    client_wait(slow, "421 4.4.2 ");
    close(slow);
    close(quick);
    served_end(&served);
}

static void test_server_takes_new_names(void **state)
{
    struct served served = {.uid = getuid(), .later_uid = getuid() + 1};
    UNUSED(state);
    serve_so(&served);
    int fd = client_open(&served);
    client_send(fd, "LHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<incident@cirt.example>\r\n");
    client_wait(fd, "250 2.1.5 ");
    for (int i = 0; i < 2; i++) { /* the second one changes nothing */
        kill(served.process, SIGHUP);
        usleep(200 * 1000);
        client_send(fd, "RCPT TO:<incident@cirt.example>\r\n");
        client_wait(fd, "550 5.1.1 ");
        client_send(fd, "RCPT TO:<soc@later.example>\r\nRCPT TO:<case+4@later.example>\r\n");
        client_wait(fd, "250 2.1.5 recipient ok\r\n250 2.1.5 ");
        int other = client_open(&served);
        client_wait(other, "421 4.7.0 ");
        close(other);
    }
    /* What was accepted before stays so. */
    client_send(fd, "DATA\r\nSubject: across\r\n.\r\n");
    client_wait(fd, "250 2.0.0 stored\r\n250 2.0.0 stored\r\n250 2.0.0 stored\r\n250 2.0.0 stored\r\n250 2.0.0 stored\r\n");
    assert_non_null(strstr(served_log(&served), "incident@cirt.example Subject: across"));
    close(fd);
    served_end(&served);
}

static void test_server_knows_users(void **state)
{
    struct served served;
    UNUSED(state);
    serve(&served, getuid() + 1, 60, 3);
    int fd = client_open(&served);
    client_wait(fd, "421 4.7.0 ");
    client_wait(fd, "");
    close(fd);
    served_end(&served);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_mail),
        cmocka_unit_test(test_odd_recipients),
        cmocka_unit_test(test_order_of_commands),
        cmocka_unit_test(test_pipelining_in_any_pieces),
        cmocka_unit_test(test_end_of_data),
        cmocka_unit_test(test_what_the_store_says),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_server_stores),
        cmocka_unit_test(test_server_stores_together),
        cmocka_unit_test(test_server_client_gone),
        cmocka_unit_test(test_server_drains),
        cmocka_unit_test(test_server_bounds_clients),
        cmocka_unit_test(test_server_passes_by_the_stalled),
        cmocka_unit_test(test_server_gives_memory_back),
        cmocka_unit_test(test_server_ends_the_slow),
        cmocka_unit_test(test_server_takes_new_names),
        cmocka_unit_test(test_server_knows_users),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
