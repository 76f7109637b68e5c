/* tests/support/stage_child.h - a stage running in a process of its own beside a db test, and waiting for what it does. */
#ifndef CIRT_TESTS_SUPPORT_STAGE_CHILD_H
#define CIRT_TESTS_SUPPORT_STAGE_CHILD_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "cirtd/role.h"
#include "support/cluster.h"

/* Runs role until stage_child_stop(). more: further sections of its configuration. */
static inline pid_t stage_child_start(const char *role, const char *more)
{
    pid_t child = fork();
    if (child)
        return child;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct err err = {0};
    struct config *config = NULL;
    struct role_context context = {.role = role_find(role), .instance = 1, .config_fd = -1};
    char *text = mem_printf("site { name = \"XX-CERT\" prefix = \"XX-CERT\" domain = \"xx-cert.example\" zone = \"+00:00\" }\n"
                            "database { host = \"%s\" port = %s name = \"%s\" }\n%s\n",
                            cluster_host(), getenv("PGPORT"), getenv("PGDATABASE"), more);
    bool ok = config_read("test", text, context.role->sections, true, &config, &err);
    context.config = config;
    ok = ok && context.role->run(&context, &err);
    if (!ok)
        fprintf(stderr, "%s: %s\n", role, err.text);
    free(text);
    config_free(config);
    fflush(NULL);
    _exit(ok ? 0 : 1);
}

/* True where it ended as it should. */
static inline bool stage_child_stop(pid_t child)
{
    int status = -1;
    kill(child, SIGTERM);
    return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Until the query's first column is `wanted`, at most 15 seconds. */
static inline bool stage_child_reaches(const char *query, const char *wanted)
{
    for (int i = 0; i < 300; i++) {
        char *now = cluster_text(query);
        bool is_there = strcmp(now, wanted) == 0;
        if (!is_there && i == 299)
            fprintf(stderr, "%s: \"%s\", not \"%s\"\n", query, now, wanted);
        free(now);
        if (is_there)
            return true;
        nanosleep(&(struct timespec){.tv_nsec = 50 * 1000 * 1000}, NULL);
    }
    return false;
}

#endif
