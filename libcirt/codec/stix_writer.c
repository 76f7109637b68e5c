#include "codec/stix_writer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "codec/json_value.h"
#include "codec/stix.h"
#include "codec/stix_marking.h"

void stix_writer_set_text(json_t *object, const char *name, const char *text)
{
    if (!str_is_empty(text))
        json_object_set_new(object, name, json_string(text));
}

void stix_writer_moment(int64_t moment, char text[TIMESTAMP_TEXT_SIZE])
{
    timestamp_format(moment, text);
    size_t size = strlen(text);
    if (!strchr(text, '.') && size + 5 < TIMESTAMP_TEXT_SIZE)
        strcpy(text + size - 1, ".000Z");
}

void stix_writer_set_time(json_t *object, const char *name, int64_t moment, const char *written)
{
    char text[TIMESTAMP_TEXT_SIZE];
    int64_t read;
    stix_writer_moment(moment, text);
    bool is_same = written && strlen(written) >= strlen("2026-01-31T12:00:00Z") && written[10] == 'T' && str_ends(written, "Z") &&
                   !strchr(written, 't') && timestamp_parse_rfc3339(written, &read) && read == moment;
    stix_writer_set_text(object, name, is_same ? written : text);
}

json_t *stix_writer_extension(void)
{
    return json_pack("{ss}", "extension_type", "property-extension");
}

void stix_writer_set_extension(json_t *object, json_t *extension)
{
    json_object_set_new(object, "extensions", json_pack("{so}", STIX_EXTENSION_ID, extension));
}

void stix_writer_mark(struct stix_writer *writer, json_t *object, enum tlp label)
{
    if (label == TLP_NONE)
        return;
    writer->is_labelled[label] = true;
    json_object_set_new(object, "object_marking_refs", json_pack("[s]", stix_marking_id(label)));
}

/* In the next list it has the same name, so that whoever has it already sees what became of it. */
static void name_listed(const struct stix_writer *writer, const char *type, json_t *body, char id[STIX_ID_SIZE])
{
    char *seed = mem_printf("%s\nlisted\n%s", writer->report->reference_issuer ? writer->report->reference_issuer : "",
                            json_string_value(json_object_get(body, "pattern")));
    stix_id_object(id, type, seed, strlen(seed));
    free(seed);
    stix_writer_set_text(body, "created", STIX_LONG_AGO); /* valid_from becomes earlier when an earlier sighting comes */
}

void stix_writer_name(struct stix_writer *writer, const char *type, const json_t *body, char id[STIX_ID_SIZE])
{
    const struct report *report = writer->report;
    struct buf seed;
    buf_init(&seed, SIZE_MAX / 2);
    buf_printf(&seed, "%s\n%s\n", report->reference_issuer ? report->reference_issuer : "", report->reference ? report->reference : "");
    json_value_write(body, &seed);
    if (writer->number)
        buf_printf(&seed, "\n%zu observations before", writer->number);
    stix_id_object(id, type, buf_text(&seed), seed.size);
    json_int_t before = json_integer_value(json_object_get(writer->seeds, id));
    json_object_set_new(writer->seeds, id, json_integer(before + 1));
    if (before) {
        buf_printf(&seed, "\n%lld", (long long)before);
        stix_id_object(id, type, buf_text(&seed), seed.size);
    }
    buf_clear(&seed);
}

json_t *stix_writer_add_object(struct stix_writer *writer, const char *type, const char *id, enum tlp label, json_t *body)
{
    json_t *object =
        json_pack("{ss ss ss ss ss}", "type", type, "spec_version", "2.1", "id", id, "created", writer->moment, "modified", writer->moment);
    if (writer->creator[0])
        stix_writer_set_text(object, "created_by_ref", writer->creator);
    stix_writer_mark(writer, object, label);
    json_object_update(object, body);
    json_decref(body);
    json_array_append_new(writer->objects, object);
    return object;
}

const char *stix_writer_add_statement(struct stix_writer *writer, const char *type, enum tlp label, json_t *body)
{
    char id[STIX_ID_SIZE];
    if (writer->report->is_list && json_object_get(body, "pattern") && json_object_get(body, "valid_from"))
        name_listed(writer, type, body, id);
    else
        stix_writer_name(writer, type, body, id);
    const json_t *object = stix_writer_add_object(writer, type, id, label, body);
    json_array_append_new(writer->references, json_string(id));
    return json_string_value(json_object_get(object, "id"));
}

enum tlp stix_writer_label(const struct stix_writer *writer, const struct sighting *sighting)
{
    return sighting->tlp != TLP_NONE ? sighting->tlp : writer->report->tlp;
}

/* For others: the class as MISP writes it too. */
json_t *stix_writer_class_labels(const char *class_name)
{
    char tag[96];
    const char *slash = class_name ? strchr(class_name, '/') : NULL;
    if (!slash)
        return json_array();
    snprintf(tag, sizeof tag, "rsit:%.*s=\"%s\"", (int)(slash - class_name), class_name, slash + 1);
    return json_pack("[s]", tag);
}

void stix_writer_set_labels(json_t *object, json_t *labels)
{
    if (json_array_size(labels))
        json_object_set(object, "labels", labels);
    json_decref(labels);
}
