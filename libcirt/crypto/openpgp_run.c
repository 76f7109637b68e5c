/* Runs gpg itself, once, with everything it reads in memory files. GPGME forks twice for each run and gives no say in the options. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "crypto/openpgp_context.h"

enum {
    STATUS_FD = 3,
    LAST_FD = OPENPGP_INPUT_FD + OPENPGP_INPUTS_MAX,
    DEADLINE_MS = 60000,
    LOOK_MS = 100,
    CPU_MS_MAX = 3000,
    STATUS_MAX = 1024 * 1024
};

/* No locale files to open, no translated texts. */
static char *const environment[] = {"LC_ALL=C", "PATH=/usr/bin:/bin", NULL};

struct ends {
    int inputs[OPENPGP_INPUTS_MAX];
    int output[2], status[2]; /* pipes: read end, write end */
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Out of the way of the numbers that the child is given, so that no dup2() overwrites what another still needs. */
static int move_up(int fd)
{
    int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, LAST_FD + 1);
    if (fd >= 0)
        close(fd);
    return moved;
}

static bool write_all(int fd, const void *bytes, size_t size)
{
    for (const char *at = bytes; size > 0;) {
        ssize_t written = write(fd, at, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        at += written;
        size -= (size_t)written;
    }
    return true;
}

static int memory_file(const struct openpgp_input *input)
{
    int fd = move_up(memfd_create("openpgp", MFD_CLOEXEC));
    if (fd >= 0 && (!write_all(fd, input->head, input->head_size) || !write_all(fd, input->bytes, input->size) ||
                    !write_all(fd, input->tail, input->tail_size) || lseek(fd, 0, SEEK_SET) != 0))
        close_fd(&fd);
    return fd;
}

static bool open_pipe(int ends[2])
{
    if (pipe2(ends, O_CLOEXEC) != 0) {
        ends[0] = ends[1] = -1;
        return false;
    }
    ends[0] = move_up(ends[0]);
    ends[1] = move_up(ends[1]);
    return ends[0] >= 0 && ends[1] >= 0;
}

static bool open_ends(const struct openpgp_run *run, struct ends *ends)
{
    *ends = (struct ends){.output = {-1, -1}, .status = {-1, -1}};
    memset(ends->inputs, 0xFF, sizeof ends->inputs);
    bool ok = open_pipe(ends->status) && (!run->output || open_pipe(ends->output));
    for (size_t i = 0; ok && i < run->input_count; i++)
        ok = (ends->inputs[i] = memory_file(&run->inputs[i])) >= 0;
    return ok;
}

static void close_ends(struct ends *ends)
{
    for (size_t i = 0; i < OPENPGP_INPUTS_MAX; i++)
        close_fd(&ends->inputs[i]);
    for (size_t i = 0; i < 2; i++) {
        close_fd(&ends->output[i]);
        close_fd(&ends->status[i]);
    }
}

static bool spawn(const struct openpgp *openpgp, const struct openpgp_run *run, const struct ends *ends, pid_t *child)
{
    /* lock-never: reading takes no lock; an import replaces the keyring by a rename. */
    const char *argv[OPENPGP_ARGS_MAX + 16] = {openpgp->gpg,
                                               "--homedir",
                                               openpgp->home,
                                               "--no-batch",
                                               "--no-tty",
                                               "--lock-never",
                                               "--no-auto-check-trustdb",
                                               "--status-fd",
                                               "3",
                                               "--enable-special-filenames"};
    size_t count = 10;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, standard;
    for (size_t i = 0; i < run->arg_count; i++)
        argv[count++] = run->args[i];
    sigemptyset(&none);
    sigfillset(&standard);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &standard);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (run->output)
        posix_spawn_file_actions_adddup2(&actions, ends->output[1], 1);
    else
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends->status[1], STATUS_FD);
    for (size_t i = 0; i < run->input_count; i++)
        posix_spawn_file_actions_adddup2(&actions, ends->inputs[i], OPENPGP_INPUT_FD + (int)i);
    posix_spawn_file_actions_addclosefrom_np(&actions, OPENPGP_INPUT_FD + (int)run->input_count);
    int why = posix_spawn(child, openpgp->gpg, &actions, &attributes, (char *const *)argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    errno = why;
    return why == 0;
}

/* False at the end of the stream, or where it does not fit. */
static bool drain(int fd, struct buf *to, bool *is_full)
{
    char part[16384];
    ssize_t size = read(fd, part, sizeof part);
    if (size < 0)
        return errno == EINTR || errno == EAGAIN;
    if (size > 0 && !buf_add(to, part, (size_t)size))
        *is_full = true;
    return size > 0 && !*is_full;
}

/* The processor that the child took. No rlimit: the agent, which gpg starts where there is none, would inherit it for life. */
static int64_t cpu_ms(pid_t child)
{
    clockid_t clock;
    struct timespec time;
    if (clock_getcpuclockid(child, &clock) != 0 || clock_gettime(clock, &time) != 0)
        return 0;
    return time.tv_sec * INT64_C(1000) + time.tv_nsec / 1000000;
}

/* False where gpg was not done in time, said more than there is room for, or took too much processor. */
static bool read_all(struct openpgp_run *run, struct ends *ends, pid_t child)
{
    int64_t until = timestamp_monotonic_ms() + DEADLINE_MS, most = run->cpu_ms_max ? run->cpu_ms_max : CPU_MS_MAX;
    while (ends->status[0] >= 0 || ends->output[0] >= 0) {
        struct pollfd waits[2] = {{.fd = ends->status[0], .events = POLLIN}, {.fd = ends->output[0], .events = POLLIN}};
        int ready = poll(waits, 2, LOOK_MS);
        if (ready > 0 && waits[0].revents && !drain(ends->status[0], &run->status, &run->is_cut))
            close_fd(&ends->status[0]);
        if (ready > 0 && waits[1].revents && !drain(ends->output[0], run->output, &run->output_is_full))
            close_fd(&ends->output[0]);
        run->is_cut = run->is_cut || cpu_ms(child) > most;
        if (run->is_cut || run->output_is_full || (ready < 0 && errno != EINTR) || timestamp_monotonic_ms() >= until)
            return false;
    }
    return true;
}

void openpgp_run_add(struct openpgp_run *run, const char *const *args, size_t count)
{
    for (size_t i = 0; i < count; i++)
        run->args[run->arg_count++] = args[i];
}

bool openpgp_run_gpg(const struct openpgp *openpgp, struct openpgp_run *run, struct err *err)
{
    struct ends ends;
    pid_t child;
    bool ok = false;
    run->output_is_full = run->is_cut = false;
    buf_init(&run->status, run->status_max ? run->status_max : STATUS_MAX);
    if (!open_ends(run, &ends)) {
        err_set(err, ERR_AGAIN, "GnuPG cannot be given its input: %s", strerror(errno));
        goto done;
    }
    if (!spawn(openpgp, run, &ends, &child)) {
        err_set(err, ERR_AGAIN, "%s cannot be run: %s", openpgp->gpg, strerror(errno));
        goto done;
    }
    close_fd(&ends.status[1]);
    close_fd(&ends.output[1]);
    ok = read_all(run, &ends, child);
    if (!ok)
        kill(child, SIGKILL);
    if (!ok && (run->output_is_full || run->is_cut))
        ok = true;
    else if (!ok)
        err_set(err, ERR_AGAIN, "%s was not done within %d seconds", openpgp->gpg, DEADLINE_MS / 1000);
    int how = 0;
    while (waitpid(child, &how, 0) < 0 && errno == EINTR)
        ;
    run->exit_code = WIFEXITED(how) ? WEXITSTATUS(how) : -1;
    if (ok && WIFSIGNALED(how) && !run->is_cut && !run->output_is_full)
        ok = err_set(err, ERR_AGAIN, "%s was ended by signal %d", openpgp->gpg, WTERMSIG(how));
done:
    close_ends(&ends);
    return ok;
}
