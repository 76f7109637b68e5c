#include <string.h>

#include "codec/export_list.h"

void export_block_begin(struct export_writer *writer, struct buf *out)
{
    export_comment(writer, "# ", out);
}

/* A line of its own that is no comment, whatever the value is. */
static bool line_of_size(const char *value, size_t size, struct buf *out)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)value[i] <= ' ' || (unsigned char)value[i] >= 0x7f)
            return false;
    if (size == 0 || strchr("#;!/", *value))
        return false;
    buf_add(out, value, size);
    buf_add_char(out, '\n');
    return true;
}

static bool line(const char *value, struct buf *out)
{
    return line_of_size(value, strlen(value), out);
}

bool export_block_ip(struct export_writer *writer, const struct observation *observation, const struct sighting *sighting, struct buf *out)
{
    UNUSED(writer);
    UNUSED(observation);
    return sighting->type <= OBSERVABLE_CIDR && !export_is_wide(sighting) && line(sighting->value, out);
}

bool export_block_domain(struct export_writer *writer, const struct observation *observation, const struct sighting *sighting,
                         struct buf *out)
{
    UNUSED(writer);
    UNUSED(observation);
    return sighting->type == OBSERVABLE_DOMAIN && !export_is_unfit_name(sighting->value) && line(sighting->value, out);
}

/* Without the fragment, which no request has. */
bool export_block_url(struct export_writer *writer, const struct observation *observation, const struct sighting *sighting, struct buf *out)
{
    UNUSED(writer);
    UNUSED(observation);
    return sighting->type == OBSERVABLE_URL && line_of_size(sighting->value, strcspn(sighting->value, "#"), out);
}

bool export_block_hash(struct export_writer *writer, const struct observation *observation, const struct sighting *sighting,
                       struct buf *out)
{
    UNUSED(writer);
    UNUSED(observation);
    return sighting->type >= OBSERVABLE_MD5 && sighting->type <= OBSERVABLE_SHA512 && line(sighting->value, out);
}
