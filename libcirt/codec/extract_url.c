#include "codec/extract_url.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "base/str.h"
#include "codec/extract_words.h"

bool extract_is_scheme(const char *text, size_t size)
{
    static const char *const schemes[] = {"http", "https", "ftp",   "ftps", "sftp", "ws",     "wss", "tcp",        "udp",
                                          "ssh",  "ldap",  "ldaps", "smb",  "rtsp", "telnet", "rmi", "stratum+tcp"};
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
        if (strlen(schemes[i]) == size && strncasecmp(schemes[i], text, size) == 0)
            return true;
    return false;
}

/* AsciiDoc has what is shown for a URL in brackets behind it; an IPv6 address has its own. */
static void cut_shown(char *url)
{
    char *host = strstr(url, "://"), *open = host ? host + 3 + strcspn(host + 3, "?#[") : NULL;
    if (!open || *open != '[' || open == host + 3 || open[-1] == '@')
        return;
    const char *close = strchr(open, ']');
    if (open[1] == '.')
        return; /* half of "[.]", where it is kept how a URL was written */
    if (!close || !close[1 + strspn(close + 1, ".,;:!?'*_)")])
        *open = '\0';
}

/* How many more brackets it opens than it closes. */
static long open_brackets(const char *url, char opening, char closing)
{
    long open = 0;
    for (; *url; url++)
        open += (*url == opening) - (*url == closing);
    return open;
}

/* ";chmod", "&&sh": in a shell's line the next command is no part of the URL. */
static void cut_command(char *url)
{
    for (char *at = url; *at; at++) {
        size_t mark = *at == ';' ? 1 : str_starts(at, "&&") ? 2 : 0, size = strspn(at + mark, "abcdefghijklmnopqrstuvwxyz0123456789");
        if (mark && strchr(";&|<>$+%", at[mark + size]) && extract_is_command(at + mark, size)) {
            *at = '\0';
            return;
        }
    }
}

void extract_cut_url(char *url)
{
    char *link = strstr(url, "](");
    if (link)
        *link = '\0';
    url[strcspn(url, "\"`|{}")] = '\0';
    cut_shown(url);
    cut_command(url);
    char *end = url + strlen(url);
    long round = open_brackets(url, '(', ')'), square = open_brackets(url, '[', ']');
    while (end > url && (strchr(".,;:!?'*_", end[-1]) || (end[-1] == ')' && round < 0) || (end[-1] == ']' && square < 0))) {
        round += *--end == ')';
        square += *end == ']';
        *end = '\0';
    }
}

char *extract_start_of_scheme(char *word, char *mark)
{
    char *start = mark;
    while (start > word && (isalpha((unsigned char)start[-1]) || start[-1] == '+'))
        start--;
    for (char *at = start; at < mark; at++)
        if ((at == start || at[-1] == '+') && extract_is_scheme(at, (size_t)(mark - at)))
            return at;
    return start;
}

char *extract_cut_plus(const char *word, char *url)
{
    size_t length = strlen(url);
    if (url - 1 > word && isalnum((unsigned char)url[-2])) {
        length = strcspn(url, "+");
        char *behind = url[length] ? url + length + 1 : url + length;
        url[length] = '\0';
        return behind;
    }
    while (length && strchr("+`,;.)", url[length - 1]))
        url[--length] = '\0';
    return url + length;
}

void extract_cut_bracket(const char *word, char *url)
{
    long open = 0;
    for (const char *at = word; at < url; at++)
        open += (*at == '[') - (*at == ']');
    if (open <= 0 || url[-1] != '=')
        return;
    long inner = 0;
    for (char *at = url; *at; at++) {
        inner += (*at == '[') - (*at == ']');
        if (inner < 0) {
            *at = '\0';
            return;
        }
    }
}
