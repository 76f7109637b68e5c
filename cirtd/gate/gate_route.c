#include "cirtd/gate/gate_route.h"

#include "base/str.h"

static struct gate_route refuse(int status, const char *detail)
{
    return (struct gate_route){.status = status, .detail = detail};
}

struct gate_route gate_route_find(enum message_listener listener, const struct gate_http_head *head, bool has_key, bool is_loopback)
{
    static const char unknown_method[] = "this method is not served here";
    /* A method that api_find() does not know still has to find out whether the path exists: 405 or 404. */
    enum message_method method = head->method ? (enum message_method)head->method : MESSAGE_PUT;
    struct api_match match;

    if (head->target[0] != '/')
        return refuse(405, unknown_method);
    if (!api_find(listener, method, head->target, &match))
        return refuse(400, "the path is not well-formed");
    if (!match.endpoint && method == MESSAGE_HEAD) {
        method = MESSAGE_GET;
        if (!api_find(listener, method, head->target, &match))
            return refuse(400, "the path is not well-formed");
    }
    bool is_public = match.endpoint && match.endpoint->permission == API_PUBLIC;
    bool is_metrics = match.endpoint && str_equal(match.endpoint->id, "metrics");
    if (is_metrics && !is_loopback)
        return refuse(403, "metrics are only for this machine");
    if (!has_key && !is_public && !is_metrics)
        return refuse(403, "a client certificate is needed");
    /* RFC 6546 section 3: a RID server knows one path, "/". */
    if (!match.endpoint && match.other_listener && listener != MESSAGE_RID)
        return refuse(403, "this is not served on this listener");
    if (!match.endpoint && !match.other_method)
        return refuse(404, "there is no such path");
    if (!match.endpoint || !head->method)
        return refuse(405, unknown_method);
    return (struct gate_route){.endpoint = match.endpoint, .method = method};
}
