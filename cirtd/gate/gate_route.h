/* cirtd/gate/gate_route.h - where a request goes, from its head alone. Pure. */
#ifndef CIRT_GATE_ROUTE_H
#define CIRT_GATE_ROUTE_H

#include <stdbool.h>

#include "cirtd/gate/gate_http.h"
#include "wire/api.h"

struct gate_route {
    int status;                          /* 0: it may go on to `endpoint`; else the problem to answer */
    const char *detail;                  /* with status: a fixed sentence */
    const struct api_endpoint *endpoint; /* with status 0 */
    enum message_method method;          /* what the endpoint is called with: GET for HEAD where only GET is served */
};

/* has_key: the client has proved a key. is_loopback: it is on this machine. */
struct gate_route gate_route_find(enum message_listener listener, const struct gate_http_head *head, bool has_key, bool is_loopback);

#endif
