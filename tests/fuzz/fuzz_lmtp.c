/* Any bytes, in pieces of any size: no message may be larger than allowed, and the budget must come back to zero. */
#include <stdint.h>
#include <stdlib.h>

#include "cirtd/mail/lmtp_session.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char *const names[] = {"incident"};
    struct lmtp_budget budget = {.max = 64 * 1024};
    struct lmtp_policy policy = {.hostname = "mx.example",
                                 .domain = "cirt.example",
                                 .local_parts = names,
                                 .local_part_count = 1,
                                 .size_max = 1000,
                                 .budget = &budget};
    struct buf replies;
    if (size == 0)
        return 0;
    size_t piece = (size_t)bytes[0] + 1;
    const char *text = (const char *)bytes + 1;
    size--;
    buf_init(&replies, 16 * 1024 * 1024);
    struct lmtp_session *session = lmtp_session_new(&policy, &replies);
    enum lmtp_event event = LMTP_MORE;
    for (size_t at = 0; at < size && event != LMTP_CLOSE;) {
        size_t used, wanted = size - at < piece ? size - at : piece;
        event = lmtp_session_feed(session, text + at, wanted, &used);
        if (used > wanted || (event == LMTP_MORE && used != wanted) || budget.used > budget.max)
            abort();
        at += used;
        if (event == LMTP_MESSAGE) {
            const struct lmtp_message *message = lmtp_session_message(session);
            if (message->size > policy.size_max || message->recipient_count == 0)
                abort();
            lmtp_session_answer(session, NULL);
        }
    }
    lmtp_session_free(session);
    if (budget.used != 0)
        abort();
    buf_clear(&replies);
    return 0;
}
