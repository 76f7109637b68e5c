/* cirtd/gate/gate_body.h - a request's body while it comes in: in memory up to 64 KiB, then in a file without a name. */
#ifndef CIRT_GATE_BODY_H
#define CIRT_GATE_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/err.h"

/* What all bodies in files share. */
struct gate_spool {
    const char *dir; /* NULL or "": memory files */
    uint64_t used, max;
};

struct gate_body {
    struct gate_spool *spool;
    struct buf text;
    uint64_t size;
    uint64_t reserved; /* of spool->max */
    int fd;            /* -1: all of it is in text */
    int read_fd;       /* the same file, for reading only; -1 for a memory file, which is sealed instead */
};

void gate_body_init(struct gate_body *body, struct gate_spool *spool);
/* Empties it, gives back file and spool; keeps a little memory for the next. */
void gate_body_reset(struct gate_body *body);
void gate_body_clear(struct gate_body *body);

/* size_hint: what Content-Length promised, or 0. ERR_AGAIN where the spool is full or the file system refuses: the body is then useless. */
bool gate_body_expect(struct gate_body *body, uint64_t size_hint, struct err *err) MUST_CHECK;
bool gate_body_add(struct gate_body *body, const char *bytes, size_t size, struct err *err) MUST_CHECK;

/* Makes it fit for a worker: *bytes, or *fd for reading only at position 0, both still the body's. */
bool gate_body_finish(struct gate_body *body, const char **bytes, int *fd, struct err *err) MUST_CHECK;

/* ERR_INPUT where spool->dir cannot take files. */
bool gate_body_check_spool(const struct gate_spool *spool, struct err *err) MUST_CHECK;

#endif
