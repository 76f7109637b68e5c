#include "cirtd/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/timestamp.h"
#include "cirtd/config.h"
#include "cirtd/role.h"

enum {
    CHILDREN_MAX = 64,
    CONFIG_FD = 3,
    LONG_LIFE_MS = 5000,
    WAIT_MS_FIRST = 100,
    WAIT_MS_MAX = 10000,
    STOP_MS = 15000,
    STOP_ORDER_MAX = 5
};

struct child {
    const struct role *role;
    int instance;
    int config_fd; /* memory file with the role's part; written anew on SIGHUP */
    pid_t pid;     /* 0: not running */
    int64_t started_ms, start_at_ms;
    int wait_ms;
};

struct supervisor {
    const char *path;
    char *text; /* the configuration file's */
    struct config *config;
    struct child children[CHILDREN_MAX];
    size_t count;
    bool is_root;
    pid_t pid; /* our own: as the first process of a container it is 1 */
};

/* --- configuration --- */

static bool read_password(const struct supervisor *supervisor, const struct role *role, char **password, struct err *err)
{
    *password = NULL;
    if (!supervisor->config->secrets || !role->database)
        return true;
    char *path = mem_printf("%s/%s", supervisor->config->secrets, role->database);
    struct stat status;
    bool ok = true;
    if (stat(path, &status) == 0 && (status.st_mode & (S_IRWXG | S_IRWXO)))
        ok = err_set(err, ERR_DENIED, "%s may be read by others: chmod 600 %s", path, path);
    else
        ok = config_read_file(path, password, err);
    if (ok)
        (*password)[strcspn(*password, "\r\n")] = '\0';
    free(path);
    return ok;
}

static bool write_part(struct supervisor *supervisor, struct child *child, struct err *err)
{
    char *password = NULL, *part = NULL;
    bool ok = read_password(supervisor, child->role, &password, err) &&
              config_part(supervisor->path, supervisor->text, child->role->sections, password, &part, err);
    if (ok && (ftruncate(child->config_fd, 0) != 0 || pwrite(child->config_fd, part, strlen(part), 0) != (ssize_t)strlen(part)))
        ok = err_set(err, ERR_INTERNAL, "the configuration of %s could not be handed over: %s", child->role->name, strerror(errno));
    if (password)
        explicit_bzero(password, strlen(password));
    if (part)
        explicit_bzero(part, strlen(part));
    free(password);
    free(part);
    return ok;
}

static bool load(struct supervisor *supervisor, struct err *err)
{
    char *text = NULL;
    struct config *config = NULL;
    if (!config_read_file(supervisor->path, &text, err) || !config_read(supervisor->path, text, CONFIG_ALL, false, &config, err)) {
        free(text);
        return false;
    }
    free(supervisor->text);
    config_free(supervisor->config);
    supervisor->text = text;
    supervisor->config = config;
    return true;
}

static bool make_children(struct supervisor *supervisor, struct err *err)
{
    for (size_t i = 0; i < role_count; i++) {
        int instances = role_table[i].instances ? role_table[i].instances(supervisor->config) : 1;
        for (int n = 1; n <= instances; n++) {
            if (supervisor->count == CHILDREN_MAX)
                return err_set(err, ERR_LIMIT, "more than %d processes", CHILDREN_MAX);
            struct child *child = &supervisor->children[supervisor->count++];
            *child = (struct child){.role = &role_table[i], .instance = n, .config_fd = memfd_create("cirtd-config", MFD_CLOEXEC)};
            if (child->config_fd < 0)
                return err_set(err, ERR_INTERNAL, "memfd_create: %s", strerror(errno));
            if (!write_part(supervisor, child, err))
                return false;
        }
    }
    return true;
}

/* --- socket directories --- */

/* Which user's processes reach the sockets in RUN/<name>: a group, or everybody (the worker itself looks at who connects). */
static bool make_directory(const struct supervisor *supervisor, const char *name, const char *owner, const char *group, struct err *err)
{
    char *path = mem_printf("%s/%s", supervisor->config->run, name);
    mode_t mode = group ? 0710 : 0711;
    bool ok = (mkdir(path, mode) == 0 || errno == EEXIST) || err_set(err, ERR_INTERNAL, "%s: %s", path, strerror(errno));
    if (ok && supervisor->is_root) {
        char *owner_name = mem_printf("%s%s", supervisor->config->user_prefix, owner);
        char *group_name = mem_printf("%s%s", supervisor->config->user_prefix, group ? group : owner);
        const struct passwd *user = getpwnam(owner_name);
        const struct group *of = user ? getgrnam(group_name) : NULL;
        if (!of || chown(path, user->pw_uid, of->gr_gid) != 0)
            ok = err_set(err, ERR_INTERNAL, "%s cannot be given to user %s, group %s", path, owner_name, group_name);
        free(owner_name);
        free(group_name);
    }
    if (ok && chmod(path, mode) != 0)
        ok = err_set(err, ERR_INTERNAL, "%s: %s", path, strerror(errno));
    free(path);
    return ok;
}

/* The MTA runs under a user of its own, and the LMTP socket is for its group: that of the first user in mail.users beside root. Set-gid,
 * the directory gives it to the socket, and cirtd mail need not be in that group. */
static bool open_to_mta(const struct supervisor *supervisor, struct err *err)
{
    const struct config *config = supervisor->config;
    const struct passwd *user = NULL;
    for (size_t i = 0; config->mail_users[i] && (!user || user->pw_uid == 0); i++)
        user = getpwnam(config->mail_users[i]);
    if (!supervisor->is_root || !user || user->pw_uid == 0)
        return true;
    char *path = mem_printf("%s/mail", config->run);
    bool ok = chown(path, (uid_t)-1, user->pw_gid) == 0 && chmod(path, 02711) == 0;
    if (!ok)
        err_set(err, ERR_INTERNAL, "%s cannot be given to the group of %s: %s", path, user->pw_name, strerror(errno));
    free(path);
    return ok;
}

static bool make_directories(const struct supervisor *supervisor, struct err *err)
{
    if (mkdir(supervisor->config->run, 0711) != 0 && errno != EEXIST)
        return err_set(err, ERR_INTERNAL, "%s: %s", supervisor->config->run, strerror(errno));
    return make_directory(supervisor, "intake", "intake", NULL, err) && make_directory(supervisor, "desk", "desk", "gate-desk", err) &&
           make_directory(supervisor, "mail", "mail", NULL, err) && open_to_mta(supervisor, err);
}

/* --- processes --- */

static bool become(const struct supervisor *supervisor, const struct role *role)
{
    if (!supervisor->is_root)
        return true;
    char *name = mem_printf("%s%s", supervisor->config->user_prefix, role->name);
    const struct passwd *user = getpwnam(name);
    bool ok = user && initgroups(name, user->pw_gid) == 0 && setgid(user->pw_gid) == 0 && setuid(user->pw_uid) == 0;
    if (!ok)
        fprintf(stderr, "cirtd: cannot become user %s: %s\n", name, user ? strerror(errno) : "there is no such user");
    free(name);
    return ok;
}

static void close_others(void)
{
    if (close_range(CONFIG_FD + 1, ~0U, 0) != 0)
        BUG("close_range: %s", strerror(errno));
}

static void exec_child(const struct supervisor *supervisor, const struct child *child, const sigset_t *signals)
{
    char instance[16];
    snprintf(instance, sizeof instance, "%d", child->instance);
    char fd[16];
    snprintf(fd, sizeof fd, "%d", CONFIG_FD);
    char *const arguments[] = {"cirtd", (char *)(uintptr_t)child->role->name, "--instance", instance, "--config-fd", fd, NULL};
    char *const environment[] = {"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "TZ=UTC", NULL};
    sigprocmask(SIG_SETMASK, signals, NULL);
    if (!become(supervisor, child->role))
        _exit(1);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    /* dup2() of a descriptor onto itself would leave it close-on-exec. */
    if (getppid() != supervisor->pid ||
        (child->config_fd == CONFIG_FD ? fcntl(CONFIG_FD, F_SETFD, 0) : dup2(child->config_fd, CONFIG_FD)) < 0)
        _exit(1);
    umask(077);
    /* A core would hold keys and reports. */
    setrlimit(RLIMIT_CORE, &(const struct rlimit){0, 0});
    close_others();
    execve("/proc/self/exe", arguments, environment);
    fprintf(stderr, "cirtd: exec: %s\n", strerror(errno));
    _exit(1);
}

static void start(const struct supervisor *supervisor, struct child *child, const sigset_t *signals)
{
    child->started_ms = timestamp_monotonic_ms();
    child->pid = fork();
    if (child->pid == 0)
        exec_child(supervisor, child, signals);
    if (child->pid < 0) {
        child->pid = 0;
        child->start_at_ms = child->started_ms + WAIT_MS_MAX;
        log_error("fork_failed", "role=%s error=%s", child->role->name, log_quote(strerror(errno)));
        return;
    }
    log_info("role_started", "role=%s instance=%d pid=%d", child->role->name, child->instance, (int)child->pid);
}

static void note_end(struct child *child, int status, bool is_stopping)
{
    int64_t now_ms = timestamp_monotonic_ms();
    child->pid = 0;
    if (is_stopping && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    bool lived_long = now_ms - child->started_ms > LONG_LIFE_MS;
    child->wait_ms = lived_long ? 0 : child->wait_ms ? child->wait_ms * 2 : WAIT_MS_FIRST;
    if (child->wait_ms > WAIT_MS_MAX)
        child->wait_ms = WAIT_MS_MAX;
    child->start_at_ms = now_ms + child->wait_ms;
    log_error("role_ended", "role=%s instance=%d %s=%d restart_in_ms=%d", child->role->name, child->instance,
              WIFSIGNALED(status) ? "signal" : "status", WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), child->wait_ms);
}

static void reap(struct supervisor *supervisor, bool is_stopping)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (size_t i = 0; i < supervisor->count; i++)
            if (supervisor->children[i].pid == pid)
                note_end(&supervisor->children[i], status, is_stopping);
}

/* Starts what is due; returns how long until the next is. */
static int start_due(struct supervisor *supervisor, const sigset_t *signals)
{
    int next_ms = 60000;
    for (size_t i = 0; i < supervisor->count; i++) {
        struct child *child = &supervisor->children[i];
        if (child->pid)
            continue;
        int64_t wait_ms = child->start_at_ms - timestamp_monotonic_ms();
        if (wait_ms <= 0)
            start(supervisor, child, signals);
        else if (wait_ms < next_ms)
            next_ms = (int)wait_ms;
    }
    return next_ms;
}

static void reload(struct supervisor *supervisor)
{
    struct err err;
    if (!load(supervisor, &err)) {
        log_error("reload_failed", "%s", log_err(&err));
        return;
    }
    for (size_t i = 0; i < supervisor->count; i++) {
        struct child *child = &supervisor->children[i];
        if (!write_part(supervisor, child, &err))
            log_error("reload_failed", "role=%s %s", child->role->name, log_err(&err));
        else if (child->pid)
            kill(child->pid, SIGHUP);
    }
    log_info("reloaded", "file=%s", log_quote(supervisor->path));
}

static size_t running(const struct supervisor *supervisor, int order)
{
    size_t count = 0;
    for (size_t i = 0; i < supervisor->count; i++)
        count += supervisor->children[i].pid && supervisor->children[i].role->stop_order == order;
    return count;
}

static void signal_order(const struct supervisor *supervisor, int order, int number)
{
    for (size_t i = 0; i < supervisor->count; i++)
        if (supervisor->children[i].pid && supervisor->children[i].role->stop_order == order)
            kill(supervisor->children[i].pid, number);
}

static bool stop_order(struct supervisor *supervisor, int order, const sigset_t *signals)
{
    int64_t deadline_ms = timestamp_monotonic_ms() + STOP_MS;
    signal_order(supervisor, order, SIGTERM);
    while (running(supervisor, order) && timestamp_monotonic_ms() < deadline_ms) {
        sigtimedwait(signals, NULL, &(struct timespec){.tv_nsec = 100 * 1000 * 1000});
        reap(supervisor, true);
    }
    if (!running(supervisor, order))
        return true;
    log_error("role_killed", "order=%d after_ms=%d", order, STOP_MS);
    signal_order(supervisor, order, SIGKILL);
    return false;
}

static bool stop_all(struct supervisor *supervisor, const sigset_t *signals)
{
    bool is_clean = true;
    for (int order = 1; order <= STOP_ORDER_MAX; order++)
        is_clean = stop_order(supervisor, order, signals) && is_clean;
    log_info("stopped", "clean=%d", is_clean);
    return is_clean;
}

static void watch(struct supervisor *supervisor, const sigset_t *signals, const sigset_t *before)
{
    for (;;) {
        int wait_ms = start_due(supervisor, before);
        struct timespec wait = {.tv_sec = wait_ms / 1000, .tv_nsec = wait_ms % 1000 * 1000000L};
        int number = sigtimedwait(signals, NULL, &wait);
        if (number == SIGTERM || number == SIGINT)
            return;
        if (number == SIGHUP)
            reload(supervisor);
        reap(supervisor, false);
    }
}

bool supervise_run(const char *path, struct err *err)
{
    struct supervisor supervisor = {.path = path, .is_root = geteuid() == 0, .pid = getpid()};
    sigset_t signals, before;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGCHLD);
    sigprocmask(SIG_BLOCK, &signals, &before);
    bool ok = load(&supervisor, err) && make_directories(&supervisor, err) && make_children(&supervisor, err);
    if (ok) {
        log_open("run", supervisor.config->log_level);
        log_info("starting", "site=%s processes=%zu", log_quote(supervisor.config->site_name), supervisor.count);
        watch(&supervisor, &signals, &before);
        ok = stop_all(&supervisor, &signals) || err_set(err, ERR_INTERNAL, "a role had to be killed; its log lines say more");
    }
    for (size_t i = 0; i < supervisor.count; i++)
        close(supervisor.children[i].config_fd);
    free(supervisor.text);
    config_free(supervisor.config);
    return ok;
}
