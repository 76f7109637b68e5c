#include "codec/export.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "codec/export_list.h"
#include "model/public_suffix.h"

extern const struct codec json_codec;
extern const struct codec ndjson_codec;
extern const struct codec iodef_codec;
extern const struct codec iodef_json_codec;
extern const struct codec stix_codec;
extern const struct codec misp_codec;
extern const struct codec xarf_codec;

/* To add a list: its file export_<name>.c, its row here, its section in docs/FORMATS.md. */
const struct export_format export_formats[] = {
    {"json", "application/json", "native report, whole", &json_codec, false, NULL, NULL},
    {"ndjson", "application/x-ndjson", "native reports, one a line; of any length", &ndjson_codec, false, NULL, NULL},
    {"csv", "text/csv", "a value a row, with role, label, confidence, times; of any length", NULL, false, export_csv_begin, export_csv_add},
    {"iodef", "application/xml", "IODEF v2 in XML", &iodef_codec, false, NULL, NULL},
    {"iodef-json", "application/json", "IODEF v2 in JSON", &iodef_json_codec, false, NULL, NULL},
    {"stix", "application/stix+json", "a STIX 2.1 bundle", &stix_codec, false, NULL, NULL},
    {"misp", "application/json", "a MISP event", &misp_codec, false, NULL, NULL},
    {"xarf", "application/json", "X-ARF v4 reports: values that are a source", &xarf_codec, false, NULL, NULL},
    {"blocklist-ip", "text/plain", "addresses and networks, one a line", NULL, true, export_block_begin, export_block_ip},
    {"blocklist-domain", "text/plain", "domains, one a line", NULL, true, export_block_begin, export_block_domain},
    {"blocklist-url", "text/plain", "URLs, one a line", NULL, true, export_block_begin, export_block_url},
    {"blocklist-hash", "text/plain", "digests of files, one a line", NULL, true, export_block_begin, export_block_hash},
    {"rpz", "text/dns", "a DNS response policy zone: domains with all below them, addresses, networks", NULL, true, export_rpz_begin,
     export_rpz_add},
    {"suricata", "text/plain", "Suricata rules: domains, addresses, networks, http URLs", NULL, true, export_suricata_begin,
     export_suricata_add},
};
const size_t export_format_count = ARRAY_SIZE(export_formats);

const struct export_format *export_find(const char *name)
{
    for (size_t i = 0; name && i < export_format_count; i++)
        if (str_equal(export_formats[i].name, name))
            return &export_formats[i];
    return NULL;
}

void export_begin(struct export_writer *writer, const struct export_format *format, const struct export_head *head, struct buf *out)
{
    *writer = (struct export_writer){.format = format, .head = *head};
    writer->next_sid = head->sid_first > 0 ? head->sid_first : EXPORT_SID_FIRST;
    format->begin(writer, out);
}

/* The role of an indicator says what it did to others; who suffered is nobody to block. */
static bool may_stand(const struct export_format *format, const struct sighting *sighting)
{
    return !format->is_block_list || (sighting->is_indicator && sighting->role != ROLE_VICTIM && sighting->role != ROLE_TARGET);
}

static void add(struct export_writer *writer, const struct observation *observation, const struct sighting *sighting, struct buf *out)
{
    if (may_stand(writer->format, sighting) && writer->format->add(writer, observation, sighting, out)) {
        writer->written++;
        return;
    }
    writer->left_out++;
    writer->left_out_type[sighting->type]++;
}

bool export_report(struct export_writer *writer, const struct report *report, struct buf *out, struct err *err)
{
    for (size_t i = 0; i < report->observation_count; i++) {
        const struct observation *observation = &report->observations[i];
        for (size_t j = 0; j < observation->sighting_count; j++)
            add(writer, observation, &observation->sightings[j], out);
    }
    return !out->full || err_set(err, ERR_LIMIT, "the list would be larger than %zu bytes", out->size_max);
}

void export_comment(const struct export_writer *writer, const char *start, struct buf *out)
{
    char when[TIMESTAMP_TEXT_SIZE];
    timestamp_format(writer->head.time, when);
    buf_printf(out, "%s%s  ", start, writer->head.tlp == TLP_NONE ? "no label" : tlp_label(writer->head.tlp));
    for (const char *at = writer->head.team ? writer->head.team : ""; *at; at++)
        buf_add_char(out, strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_. ", *at) ? *at : '_');
    buf_printf(out, "  %s  %s\n", writer->format->name, when);
}

/* Whoever has a name right under it has registered that: nobody has this one. */
static bool is_suffix(const char *domain)
{
    char below[256];
    int size = snprintf(below, sizeof below, "x.%s", domain);
    return size >= (int)sizeof below || public_suffix_registrable(below) == below;
}

bool export_is_unfit_name(const char *domain)
{
    size_t label = 0, size = 0;
    for (; domain[size]; size++) {
        char c = domain[size];
        if (c == '.' ? label == 0 : !strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", c) || ++label > 63)
            return true;
        if (c == '.')
            label = 0;
    }
    return label == 0 || size > 253 || !strchr(domain, '.') || is_suffix(domain);
}

bool export_is_wide(const struct sighting *sighting)
{
    const char *slash = strchr(sighting->value, '/');
    int bits = slash ? atoi(slash + 1) : 128;
    return slash && bits < (strchr(sighting->value, ':') ? 19 : 8);
}
