#include "cirtd/gate/gate_stats.h"

#include <inttypes.h>

#include "base/log.h"

enum { LOG_LINES_A_SECOND = 20 };

static void add(struct buf *out, const char *name, const char *type, const char *help, uint64_t value)
{
    buf_printf(out, "# HELP cirt_gate_%s %s\n# TYPE cirt_gate_%s %s\ncirt_gate_%s %" PRIu64 "\n", name, help, name, type, name, value);
}

void gate_stats_write(const struct gate_stats *stats, struct buf *out)
{
    add(out, "connections", "gauge", "Open connections.", stats->connections);
    add(out, "handshakes", "gauge", "TLS handshakes under way.", stats->handshakes);
    add(out, "requests_in_flight", "gauge", "Requests with a worker or waiting for one.", stats->in_flight);
    add(out, "requests_queued", "gauge", "Requests waiting for a worker.", stats->queued);
    add(out, "intake_workers", "gauge", "Connected intake workers.", stats->intake_workers);
    add(out, "desk_workers", "gauge", "Connected desk workers.", stats->desk_workers);
    add(out, "spooled_bytes", "gauge", "Bytes reserved for large bodies.", stats->spooled_bytes);
    add(out, "connections_total", "counter", "Connections taken.", stats->connections_total);
    add(out, "connections_refused_total", "counter", "Connections closed before TLS by a limit.", stats->connections_refused_total);
    add(out, "handshakes_total", "counter", "TLS handshakes finished.", stats->handshakes_total);
    add(out, "handshakes_failed_total", "counter", "TLS handshakes refused or broken.", stats->handshakes_failed_total);
    add(out, "received_bytes_total", "counter", "HTTP bytes received.", stats->bytes_in_total);
    add(out, "sent_bytes_total", "counter", "HTTP bytes sent.", stats->bytes_out_total);
    add(out, "workers_lost_total", "counter", "Connections to workers that ended.", stats->workers_lost_total);
    buf_add_text(out, "# HELP cirt_gate_requests_total Requests answered.\n# TYPE cirt_gate_requests_total counter\n");
    for (int status = 0; status < GATE_STATS_STATUS_MAX; status++)
        if (stats->requests_total[status])
            buf_printf(out, "cirt_gate_requests_total{status=\"%d\"} %" PRIu64 "\n", status, stats->requests_total[status]);
}

void gate_stats_refused(struct gate_stats *stats, int64_t now_ms, const char *event, const char *listener, const char *peer, int status,
                        const char *reason)
{
    if (stats->log_second != now_ms / 1000) {
        if (stats->log_suppressed)
            log_warn("refusals_not_logged", "count=%u", stats->log_suppressed);
        stats->log_second = now_ms / 1000;
        stats->log_lines = stats->log_suppressed = 0;
    }
    if (stats->log_lines >= LOG_LINES_A_SECOND) {
        stats->log_suppressed++;
        return;
    }
    stats->log_lines++;
    if (status)
        log_warn(event, "listener=%s peer=%s status=%d reason=%s", listener, peer, status, log_quote(reason));
    else
        log_warn(event, "listener=%s peer=%s reason=%s", listener, peer, log_quote(reason));
}
