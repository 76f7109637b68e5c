#include "cirtd/desk/desk_role.h"

#include <stddef.h>

#include "base/log.h"
#include "cirtd/desk/desk.h"
#include "cirtd/stage.h"
#include "cirtd/worker.h"
#include "store/db.h"

struct desk_role {
    struct db *db;
    struct desk *desk;
};

static void handle(void *context, struct worker_request *requests, size_t count)
{
    struct desk_role *role = context;
    for (size_t i = 0; i < count; i++) {
        struct desk_answer answer;
        desk_handle(role->desk, &requests[i].message, &answer);
        worker_answer(&requests[i], answer.status, answer.content_type, answer.headers, buf_text(&answer.body), answer.body.size);
        buf_clear(&answer.body);
    }
}

static void idle(void *context, bool is_reload)
{
    struct desk_role *role = context;
    struct err err;
    UNUSED(is_reload);
    if (!db_is_connected(role->db) && db_ready(role->db, &err))
        log_info("database_back", "%s", "");
}

bool desk_role_run(const struct role_context *context, struct err *err)
{
    const char *const users[] = {"cirt-gate-desk", NULL};
    const struct desk_settings settings = {.data_path = context->config->database_data,
                                           .wal_path = context->config->database_wal,
                                           .reserve_mb = context->config->reserve_mb,
                                           .address = context->config->outgoing_address,
                                           .templates = context->config->outgoing_templates,
                                           .recall_s = context->config->recall_s,
                                           .place_files = context->config->desk_mmdb};
    struct desk_role role = {.db = stage_db(context)};
    role.desk = desk_new(role.db, &settings);
    stage_signals();
    bool ok = stage_connect(context, role.db, err) && worker_loop(context, users, handle, idle, &role, err);
    desk_free(role.desk);
    db_free(role.db);
    return ok || stage_is_ending();
}
