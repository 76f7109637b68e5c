/* cirtd/gate/gate_stats.h - what a gate counts, as Prometheus reads it, and the log of what it refused. */
#ifndef CIRT_GATE_STATS_H
#define CIRT_GATE_STATS_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"

enum { GATE_STATS_STATUS_MAX = 600 };

struct gate_stats {
    /* now */
    size_t connections, handshakes, in_flight, queued;
    size_t intake_workers, desk_workers;
    uint64_t spooled_bytes;
    /* since the start */
    uint64_t connections_total, connections_refused_total, handshakes_total, handshakes_failed_total;
    uint64_t requests_total[GATE_STATS_STATUS_MAX]; /* by status */
    uint64_t bytes_in_total, bytes_out_total;       /* of HTTP, inside TLS */
    uint64_t workers_lost_total;
    /* the refusal log's budget */
    int64_t log_second;
    unsigned log_lines, log_suppressed;
};

/* The text format 0.0.4. */
void gate_stats_write(const struct gate_stats *stats, struct buf *out);

/*
 * One warn line "event listener=.. peer=.. status=.. reason=..": reason is outside text too. At most 20 lines a second, so that a flood
 * cannot fill the disk; how many were left out is told with the next one. status 0: none.
 */
void gate_stats_refused(struct gate_stats *stats, int64_t now_ms, const char *event, const char *listener, const char *peer, int status,
                        const char *reason);

#endif
