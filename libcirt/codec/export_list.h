/* codec/export_list.h - the lists of codec/export.h, each in its file; members of struct export_format. */
#ifndef CIRT_CODEC_EXPORT_LIST_H
#define CIRT_CODEC_EXPORT_LIST_H

#include "codec/export.h"

typedef bool export_add(struct export_writer *writer, const struct observation *observation, const struct sighting *sighting,
                        struct buf *out);
typedef void export_start(struct export_writer *writer, struct buf *out);

/* RFC 4180. What a spreadsheet would run has an apostrophe before it. */
export_start export_csv_begin;
export_add export_csv_add;

/* One value a line behind a line that begins with "#". */
export_start export_block_begin;
export_add export_block_ip, export_block_domain, export_block_url, export_block_hash;

/* A zone file (RFC 1035) that answers NXDOMAIN; names relative to whatever the zone is called. */
export_start export_rpz_begin;
export_add export_rpz_add;

/* Contents are hexadecimal, messages of letters, digits and a few marks. */
export_start export_suricata_begin;
export_add export_suricata_add;

/* "# ", "; " and what the list is: label, team, format, time; a line. */
void export_comment(const struct export_writer *writer, const char *start, struct buf *out);
/* True for what is never blocked as a name: no name of letters, digits, "-" and "_", a name without a dot, a public suffix ("co.uk"). */
bool export_is_unfit_name(const char *domain);
/* True for networks so wide that they hold a good part of the Internet: IPv4 before /8, IPv6 before /19. */
bool export_is_wide(const struct sighting *sighting);

#endif
