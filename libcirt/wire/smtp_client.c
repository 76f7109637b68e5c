#include "wire/smtp_client.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"

enum { HOST_SIZE = 256 };

struct smtp_client {
    CURL *curl;
    char *url;
    char trouble[CURL_ERROR_SIZE];
};

/* The conversation about one message, as curl's trace tells it: curl itself says only whether all went well. */
enum command { OTHER, MAIL, RCPT, DATA, END };

struct talk {
    struct smtp_client_recipient *recipients;
    size_t count, asked; /* asked: how many RCPT were said */
    enum command command;
    int code; /* of what concerns them all: MAIL, DATA, or the message's end; 0 while there is none */
    char text[SMTP_CLIENT_TEXT_SIZE];
    const char *bytes;
    size_t size, sent;
};

/* --- what is said and answered --- */

static bool begins(const char *text, size_t size, const char *word)
{
    return size >= strlen(word) && strncasecmp(text, word, strlen(word)) == 0;
}

static void on_command(struct talk *talk, const char *text, size_t size)
{
    talk->command = OTHER;
    if (begins(text, size, "MAIL FROM:"))
        talk->command = MAIL;
    else if (begins(text, size, "DATA"))
        talk->command = DATA;
    else if (begins(text, size, "RCPT TO:")) {
        talk->command = RCPT;
        talk->asked++;
    }
}

static void keep(char out[SMTP_CLIENT_TEXT_SIZE], const char *text, size_t size)
{
    size_t at;
    size = size < SMTP_CLIENT_TEXT_SIZE - 1 ? size : SMTP_CLIENT_TEXT_SIZE - 1;
    while (size > 0 && (text[size - 1] == '\r' || text[size - 1] == '\n'))
        size--;
    if (!str_is_utf8(text, size, &at))
        size = at;
    memcpy(out, text, size);
    out[size] = '\0';
}

/* A reply's last line: three digits and no "-" behind them. */
static void on_reply(struct talk *talk, const char *text, size_t size)
{
    if (size < 3 || (size > 3 && text[3] == '-') || text[0] < '2' || text[0] > '5')
        return;
    int code = (text[0] - '0') * 100 + (text[1] - '0') * 10 + (text[2] - '0');
    if (talk->command == RCPT && talk->asked > 0 && talk->asked <= talk->count) {
        talk->recipients[talk->asked - 1].code = code;
        keep(talk->recipients[talk->asked - 1].text, text, size);
    } else if (talk->command == DATA && code == 354) {
        talk->command = END;
    } else if (talk->command == DATA || talk->command == END || (talk->command == MAIL && code >= 400)) {
        talk->code = code;
        keep(talk->text, text, size);
        talk->command = OTHER;
    }
}

static int on_trace(CURL *curl, curl_infotype type, char *text, size_t size, void *context)
{
    UNUSED(curl);
    if (type == CURLINFO_HEADER_OUT)
        on_command(context, text, size);
    else if (type == CURLINFO_HEADER_IN)
        on_reply(context, text, size);
    return 0;
}

static size_t on_read(char *bytes, size_t size, size_t count, void *context)
{
    struct talk *talk = context;
    size_t left = talk->size - talk->sent, room = size * count, some = left < room ? left : room;
    memcpy(bytes, talk->bytes + talk->sent, some);
    talk->sent += some;
    return some;
}

/* The replies are in the trace. */
static size_t on_write(char *bytes, size_t size, size_t count, void *context)
{
    UNUSED(bytes);
    UNUSED(context);
    return size * count;
}

/* --- settings --- */

static bool is_loopback(const char *host)
{
    return str_starts(host, "127.") || str_equal_nocase(host, "localhost") || str_equal(host, "[::1]");
}

/* The part between "://" and the port. False where the URL is none of ours. */
static bool read_host(const char *url, char host[HOST_SIZE])
{
    const char *at = str_starts(url, "smtp://") ? url + strlen("smtp://") : str_starts(url, "smtps://") ? url + strlen("smtps://") : NULL;
    if (!at)
        return false;
    size_t size = *at == '[' ? strcspn(at, "]") + 1 : strcspn(at, ":");
    if (size == 0 || size >= HOST_SIZE || strpbrk(at, "/@?# \t\r\n"))
        return false;
    memcpy(host, at, size);
    host[size] = '\0';
    return true;
}

static void set_up(struct smtp_client *client, const struct smtp_client_settings *settings, bool with_tls)
{
    CURL *curl = client->curl;
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->trouble);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_URL, client->url);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
    curl_easy_setopt(curl, CURLOPT_USE_SSL, (long)(with_tls ? CURLUSESSL_ALL : CURLUSESSL_NONE));
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    if (settings->ca_file) {
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
        curl_easy_setopt(curl, CURLOPT_CAINFO, settings->ca_file);
    }
    if (settings->user) {
        curl_easy_setopt(curl, CURLOPT_USERNAME, settings->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, settings->password ? settings->password : "");
    }
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, settings->connect_timeout_ms);
    curl_easy_setopt(curl, CURLOPT_SERVER_RESPONSE_TIMEOUT, settings->answer_timeout_s);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, settings->timeout_s);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, on_trace);
    curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
}

bool smtp_client_open(const struct smtp_client_settings *settings, struct smtp_client **out, struct err *err)
{
    char host[HOST_SIZE];
    if (!read_host(settings->url, host))
        return err_set(err, ERR_INPUT, "\"%.100s\" is no MTA: smtp://HOST:PORT or smtps://HOST:PORT", settings->url);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        return err_set(err, ERR_INTERNAL, "curl cannot be initialised");
    struct smtp_client *client = mem_calloc(1, sizeof *client);
    client->curl = curl_easy_init();
    if (!client->curl) {
        smtp_client_close(client);
        return err_set(err, ERR_INTERNAL, "curl cannot be initialised");
    }
    client->url = mem_printf("%s/%s", settings->url, settings->name);
    set_up(client, settings, settings->ca_file || !is_loopback(host));
    *out = client;
    return true;
}

void smtp_client_close(struct smtp_client *client)
{
    if (!client)
        return;
    curl_easy_cleanup(client->curl);
    curl_global_cleanup();
    free(client->url);
    free(client);
}

/* --- sending --- */

/* What was said about all counts for those whom RCPT took. False where somebody has no answer. */
static bool settle(struct talk *talk)
{
    bool all = true;
    for (size_t i = 0; i < talk->count; i++) {
        struct smtp_client_recipient *recipient = &talk->recipients[i];
        if (recipient->code == 0 || recipient->code / 100 == 2) {
            recipient->code = talk->code;
            memcpy(recipient->text, talk->text, sizeof recipient->text);
        }
        all = all && recipient->code != 0;
    }
    return all;
}

static bool failed(const struct smtp_client *client, CURLcode code, struct err *err)
{
    const char *why = client->trouble[0] ? client->trouble : curl_easy_strerror(code);
    long number = 0;
    if (code == CURLE_COULDNT_CONNECT && curl_easy_getinfo(client->curl, CURLINFO_OS_ERRNO, &number) == CURLE_OK && number > 0)
        why = strerror((int)number);
    if (code == CURLE_LOGIN_DENIED)
        return err_set(err, ERR_AGAIN, "the MTA refuses our user or password (push: smtp_user, smtp_password_file)");
    if (code == CURLE_USE_SSL_FAILED)
        return err_set(err, ERR_AGAIN, "the MTA offers no STARTTLS, without which nothing leaves this machine");
    return err_set(err, ERR_AGAIN, "%s", code == CURLE_OK ? "the MTA gave no answer about the message" : why);
}

bool smtp_client_send(struct smtp_client *client, const char *sender, struct smtp_client_recipient *recipients, size_t count,
                      const void *bytes, size_t size, struct err *err)
{
    struct talk talk = {.recipients = recipients, .count = count, .bytes = bytes, .size = size};
    struct curl_slist *list = NULL;
    for (size_t i = 0; i < count; i++) {
        recipients[i].code = 0;
        recipients[i].text[0] = '\0';
        list = curl_slist_append(list, recipients[i].address);
    }
    client->trouble[0] = '\0';
    curl_easy_setopt(client->curl, CURLOPT_MAIL_FROM, *sender ? sender : NULL);
    curl_easy_setopt(client->curl, CURLOPT_MAIL_RCPT, list);
    curl_easy_setopt(client->curl, CURLOPT_READDATA, &talk);
    curl_easy_setopt(client->curl, CURLOPT_DEBUGDATA, &talk);
    curl_easy_setopt(client->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)size);
    CURLcode code = curl_easy_perform(client->curl);
    curl_easy_setopt(client->curl, CURLOPT_MAIL_RCPT, NULL);
    curl_slist_free_all(list);
    return settle(&talk) || failed(client, code, err);
}
