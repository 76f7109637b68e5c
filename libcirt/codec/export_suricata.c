/* Rules for Suricata from version 5 on (sticky buffers). */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "codec/export_list.h"

/* Suricata takes up to 255 bytes as a content. */
enum { CONTENT_MAX = 255 };

void export_suricata_begin(struct export_writer *writer, struct buf *out)
{
    export_comment(writer, "# ", out);
}

/* What is no letter, digit or one of these marks becomes "_": nothing in a message can end it. */
static void add_harmless(const char *text, struct buf *out)
{
    size_t left = 100;
    for (; *text && left; text++, left--)
        buf_add_char(out, strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-/", *text) ? *text : '_');
}

static void add_hex(const char *prefix, const char *text, size_t size, struct buf *out)
{
    buf_add_text(out, "content:\"|");
    for (const char *at = prefix; *at; at++)
        buf_printf(out, "%s%02x", at == prefix ? "" : " ", (unsigned char)*at);
    for (size_t i = 0; i < size; i++)
        buf_printf(out, "%s%02x", i || *prefix ? " " : "", (unsigned char)text[i]);
    buf_add_text(out, "|\";");
}

static void start(const struct export_writer *writer, const char *head, const struct sighting *sighting, struct buf *out)
{
    buf_printf(out, "alert %s (msg:\"", head);
    add_harmless(writer->head.team ? writer->head.team : "CIRT", out);
    buf_printf(out, " indicator %s ", observable_type_name(sighting->type));
    add_harmless(sighting->value, out);
    buf_add_text(out, "\"; ");
}

static void end(struct export_writer *writer, const struct sighting *sighting, struct buf *out)
{
    buf_add_text(out, "metadata:");
    if (sighting->tlp != TLP_NONE)
        buf_printf(out, "tlp %s, ", tlp_name(sighting->tlp));
    if (sighting->confidence >= 0)
        buf_printf(out, "confidence %d, ", sighting->confidence);
    buf_printf(out, "role %s; sid:%lld; rev:1;)\n", sighting_role_name(sighting->role), (long long)writer->next_sid++);
}

/* The name itself and all below it, asked for and spoken to. */
static bool add_domain(struct export_writer *writer, const struct sighting *sighting, struct buf *out)
{
    static const char *const places[][2] = {{"dns any any -> any any", "dns.query"}, {"tls any any -> any any", "tls.sni"}};
    size_t size = strlen(sighting->value);
    if (export_is_unfit_name(sighting->value) || size + 1 > CONTENT_MAX)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        start(writer, places[i][0], sighting, out);
        buf_printf(out, "%s; dotprefix; ", places[i][1]);
        add_hex(".", sighting->value, size, out);
        buf_add_text(out, " nocase; endswith; ");
        end(writer, sighting, out);
    }
    return true;
}

/* Only what an address is written with, so that it can end nothing. */
static bool add_address(struct export_writer *writer, const struct sighting *sighting, struct buf *out)
{
    if (export_is_wide(sighting) || sighting->value[strspn(sighting->value, "0123456789abcdef.:/")] != '\0')
        return false;
    char head[96];
    snprintf(head, sizeof head, "ip any any <> [%.60s] any", sighting->value);
    start(writer, head, sighting, out);
    end(writer, sighting, out);
    return true;
}

/* "http://HOST[:PORT]/PATH" of a normalised URL; the host without brackets. */
static bool cut_url(const char *url, const char **host, size_t *host_size, long *port, const char **path)
{
    if (!str_starts(url, "http://"))
        return false;
    url += strlen("http://");
    size_t size = strcspn(url, "/?#");
    const char *at = memchr(url, '@', size), *bracket = memchr(url, ']', size);
    const char *colon = memchr(bracket ? bracket : url, ':', size - (bracket ? (size_t)(bracket - url) : 0));
    int64_t number = 0;
    char text[8] = "";
    if (colon && (size_t)(url + size - colon - 1) < sizeof text)
        memcpy(text, colon + 1, (size_t)(url + size - colon - 1));
    if (at || (colon && !str_to_int64(text, 1, 65535, &number)))
        return false;
    *host = url;
    *host_size = colon ? (size_t)(colon - url) : size;
    *port = (long)number;
    *path = url + size;
    return *host_size > 0;
}

/* What stands in the clear: the host, and the path as it is asked for; https shows neither. */
static bool add_url(struct export_writer *writer, const struct sighting *sighting, struct buf *out)
{
    const char *host, *path;
    size_t host_size, path_size;
    long port;
    char head[64];
    if (!cut_url(sighting->value, &host, &host_size, &port, &path))
        return false;
    path_size = strcspn(path, "#");
    if (host_size > CONTENT_MAX || path_size > CONTENT_MAX)
        return false;
    if (port)
        snprintf(head, sizeof head, "http any any -> any %ld", port);
    start(writer, port ? head : "http any any -> any any", sighting, out);
    buf_add_text(out, "http.host; ");
    add_hex("", host, host_size, out);
    buf_printf(out, " bsize:%zu; http.uri.raw; ", host_size);
    add_hex("", path_size ? path : "/", path_size ? path_size : 1, out);
    buf_printf(out, " bsize:%zu; ", path_size ? path_size : 1);
    end(writer, sighting, out);
    return true;
}

bool export_suricata_add(struct export_writer *writer, const struct observation *observation, const struct sighting *sighting,
                         struct buf *out)
{
    UNUSED(observation);
    if (writer->next_sid + 1 > EXPORT_SID_LAST) /* a domain takes two */
        return false;
    if (sighting->type == OBSERVABLE_DOMAIN)
        return add_domain(writer, sighting, out);
    if (sighting->type == OBSERVABLE_URL)
        return add_url(writer, sighting, out);
    return sighting->type <= OBSERVABLE_CIDR && add_address(writer, sighting, out);
}
