#include "cirtd/gate/gate_body.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "wire/message.h"

/* RESERVE_STEP: how a chunked body, whose size nobody knows, takes its part of the spool. */
enum { KEPT_CAPACITY_MAX = 4096, RESERVE_STEP = 1024 * 1024 };

void gate_body_init(struct gate_body *body, struct gate_spool *spool)
{
    *body = (struct gate_body){.spool = spool, .fd = -1, .read_fd = -1};
    buf_init(&body->text, MESSAGE_INLINE_BODY_MAX);
}

void gate_body_clear(struct gate_body *body)
{
    gate_body_reset(body);
    buf_clear(&body->text);
}

void gate_body_reset(struct gate_body *body)
{
    if (body->text.capacity > KEPT_CAPACITY_MAX)
        buf_clear(&body->text);
    buf_reset(&body->text);
    if (body->fd >= 0)
        close(body->fd);
    if (body->read_fd >= 0)
        close(body->read_fd);
    body->spool->used -= body->reserved;
    body->fd = body->read_fd = -1;
    body->size = body->reserved = 0;
}

static bool reserve(struct gate_body *body, uint64_t size, struct err *err)
{
    struct gate_spool *spool = body->spool;

    if (size <= body->reserved)
        return true;
    if (spool->used > spool->max || size - body->reserved > spool->max - spool->used)
        return err_set(err, ERR_AGAIN, "the spool for large bodies is full");
    spool->used += size - body->reserved;
    body->reserved = size;
    return true;
}

/* A name only for the moment between two opens: the second descriptor can read and no more. */
static bool open_in_dir(const char *dir, int *fd, int *read_fd, struct err *err)
{
    char path[4096];

    if (snprintf(path, sizeof path, "%s/body-XXXXXX", dir) >= (int)sizeof path)
        return err_set(err, ERR_INPUT, "the spool directory's name is too long");
    *fd = mkostemp(path, O_CLOEXEC);
    if (*fd < 0)
        return err_set(err, ERR_AGAIN, "no file in the spool %s: %s", dir, strerror(errno));
    *read_fd = open(path, O_RDONLY | O_CLOEXEC);
    unlink(path);
    return *read_fd >= 0 || err_set(err, ERR_AGAIN, "a file in the spool %s cannot be opened again: %s", dir, strerror(errno));
}

static bool write_all(int fd, const char *bytes, size_t size, struct err *err)
{
    while (size > 0) {
        ssize_t written = write(fd, bytes, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return err_set(err, ERR_AGAIN, "a body cannot be spooled: %s", strerror(errno));
        bytes += written;
        size -= (size_t)written;
    }
    return true;
}

static bool begin_file(struct gate_body *body, struct err *err)
{
    if (body->spool->dir && *body->spool->dir) {
        if (!open_in_dir(body->spool->dir, &body->fd, &body->read_fd, err))
            return false;
    } else {
        body->fd = memfd_create("cirt-body", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (body->fd < 0)
            return err_set(err, ERR_AGAIN, "no memory file for a body: %s", strerror(errno));
    }
    bool ok = write_all(body->fd, buf_text(&body->text), body->text.size, err);
    buf_clear(&body->text);
    return ok;
}

bool gate_body_expect(struct gate_body *body, uint64_t size_hint, struct err *err)
{
    return size_hint <= MESSAGE_INLINE_BODY_MAX || reserve(body, size_hint, err);
}

bool gate_body_add(struct gate_body *body, const char *bytes, size_t size, struct err *err)
{
    body->size += size;
    if (body->fd < 0 && !body->reserved && buf_add(&body->text, bytes, size))
        return true;
    if (body->size > body->reserved && !reserve(body, body->size + RESERVE_STEP, err))
        return false;
    return (body->fd >= 0 || begin_file(body, err)) && write_all(body->fd, bytes, size, err);
}

bool gate_body_finish(struct gate_body *body, const char **bytes, int *fd, struct err *err)
{
    *bytes = body->fd < 0 ? buf_text(&body->text) : NULL;
    *fd = -1;
    if (body->fd < 0)
        return true;
    *fd = body->read_fd >= 0 ? body->read_fd : body->fd;
    if (body->read_fd >= 0)
        return true;
    /* Sealed, the descriptor cannot write, whatever its mode says; its position is shared, so it goes back to the start. */
    if (fcntl(body->fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0 || lseek(body->fd, 0, SEEK_SET) != 0)
        return err_set(err, ERR_INTERNAL, "a body cannot be sealed: %s", strerror(errno));
    return true;
}

bool gate_body_check_spool(const struct gate_spool *spool, struct err *err)
{
    int fd = -1, read_fd = -1;

    if (!spool->dir || !*spool->dir)
        return true;
    bool ok = open_in_dir(spool->dir, &fd, &read_fd, err);
    if (fd >= 0)
        close(fd);
    if (read_fd >= 0)
        close(read_fd);
    if (!ok)
        err->code = ERR_INPUT;
    return ok;
}
