#include "cirtd/stages/fetch_credentials.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cirtd/config.h"
#include "codec/base64.h"

struct reading {
    const char *folder, *name;
    struct fetch_credentials *credentials;
    const char *user, *password;
    struct err *err;
};

static void wipe(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

static bool add_header(struct reading *reading, char *header)
{
    struct fetch_credentials *credentials = reading->credentials;
    if (credentials->header_count == FETCH_CREDENTIALS_HEADERS_MAX) {
        wipe(header);
        return err_set(reading->err, ERR_INPUT, "credentials %s: too many headers", reading->name);
    }
    credentials->headers[credentials->header_count++] = header;
    return true;
}

static bool add_basic(struct reading *reading)
{
    struct buf coded;
    char *pair = mem_printf("%s:%s", reading->user, reading->password ? reading->password : "");
    buf_init(&coded, 8192);
    base64_encode(&coded, (const unsigned char *)pair, strlen(pair));
    wipe(pair);
    bool ok = add_header(reading, mem_printf("Authorization: Basic %s", buf_text(&coded)));
    if (coded.bytes)
        explicit_bzero(coded.bytes, coded.size);
    buf_clear(&coded);
    return ok;
}

static bool set_file(struct reading *reading, char **path, const char *value)
{
    if (*path || strchr(value, '/') || value[0] == '.')
        return err_set(reading->err, ERR_INPUT, "credentials %s: certificate and key are names of files beside it", reading->name);
    *path = mem_printf("%s/%s", reading->folder, value);
    return true;
}

static bool take(struct reading *reading, const char *name, const char *value)
{
    if (str_equal(name, "user"))
        reading->user = value;
    else if (str_equal(name, "password"))
        reading->password = value;
    else if (str_equal(name, "token"))
        return add_header(reading, mem_printf("Authorization: Bearer %s", value));
    else if (str_equal(name, "header") && strchr(value, ':'))
        return add_header(reading, mem_strdup(value));
    else if (str_equal(name, "certificate"))
        return set_file(reading, &reading->credentials->cert_file, value);
    else if (str_equal(name, "key"))
        return set_file(reading, &reading->credentials->key_file, value);
    else
        return err_set(reading->err, ERR_INPUT, "credentials %s: \"%.20s\" is none of user, password, token, header, certificate, key",
                       reading->name, name);
    return true;
}

static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t size = strlen(text);
    while (size > 0 && strchr(" \t\r", text[size - 1]))
        text[--size] = '\0';
    return text;
}

static bool take_line(struct reading *reading, char *line)
{
    line = trim(line);
    if (!*line || *line == '#')
        return true;
    char *sign = strchr(line, '=');
    if (!sign)
        return err_set(reading->err, ERR_INPUT, "credentials %s: a line without \"=\"", reading->name);
    *sign = '\0';
    return take(reading, trim(line), trim(sign + 1));
}

static bool read_private(const char *path, const char *name, char **text, struct err *err)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return err_set(err, ERR_INPUT, "the credentials in %s cannot be read: %s", path, strerror(errno));
    bool ok = fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && !(status.st_mode & (S_IRWXG | S_IRWXO));
    ok = ok ? config_read_fd(fd, name, text, err) : err_set(err, ERR_INPUT, "the credentials may be read by others: chmod 600 %s", path);
    close(fd);
    return ok;
}

bool fetch_credentials_read(const char *folder, const char *name, struct fetch_credentials *credentials, struct err *err)
{
    struct reading reading = {.folder = folder, .name = name, .credentials = credentials, .err = err};
    char *text = NULL, *rest = NULL;
    *credentials = (struct fetch_credentials){0};
    if (!name)
        return true;
    if (!folder || strchr(name, '/') || name[0] == '.')
        return err_set(err, ERR_INPUT, "credentials %s: no folder for them is configured", name);
    char *path = mem_printf("%s/%s", folder, name);
    bool ok = read_private(path, name, &text, err);
    for (char *line = ok ? strtok_r(text, "\n", &rest) : NULL; ok && line; line = strtok_r(NULL, "\n", &rest))
        ok = take_line(&reading, line);
    if (ok && reading.user)
        ok = add_basic(&reading);
    if (ok && !credentials->cert_file != !credentials->key_file)
        ok = err_set(err, ERR_INPUT, "credentials %s: certificate and key go together", name);
    free(path);
    /* The lines were cut apart, so their end is not the text's. */
    if (text)
        explicit_bzero(text, rest ? (size_t)(rest - text) : strlen(text));
    free(text);
    return ok;
}

void fetch_credentials_clear(struct fetch_credentials *credentials)
{
    for (size_t i = 0; i < credentials->header_count; i++)
        wipe(credentials->headers[i]);
    free(credentials->cert_file);
    free(credentials->key_file);
    *credentials = (struct fetch_credentials){0};
}
