/* base/seqpacket.h - Unix SEQPACKET sockets: packets with at most one descriptor. Paths hold at most 107 bytes (refused, not cut). */
#ifndef CIRT_BASE_SEQPACKET_H
#define CIRT_BASE_SEQPACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/attr.h"
#include "base/err.h"

/* One packet's largest size; both ends set their socket buffers to hold several. */
enum { SEQPACKET_SIZE_MAX = 128 * 1024 };

/* Listens on path (an old socket file there is removed), mode as given. Non-blocking, close-on-exec. *fd is the caller's. */
bool seqpacket_listen(const char *path, mode_t mode, int *fd, struct err *err) MUST_CHECK;
bool seqpacket_connect(const char *path, int *fd, struct err *err) MUST_CHECK; /* blocking, close-on-exec; ERR_AGAIN where nobody listens */
/* The user id at the other end. */
bool seqpacket_peer_uid(int fd, uid_t *uid, struct err *err) MUST_CHECK;

/* Sends one packet; passed_fd -1 for none (the caller keeps its own copy). ERR_AGAIN where a non-blocking socket is full or the
 * other end is gone (err->text tells). */
bool seqpacket_send(int fd, const void *bytes, size_t size, int passed_fd, struct err *err) MUST_CHECK;
/* Receives one packet into bytes (SEQPACKET_SIZE_MAX); *size 0: the other end closed. *passed_fd is -1 or the caller's (close-on-exec).
 * ERR_AGAIN where a non-blocking socket has nothing. */
bool seqpacket_receive(int fd, void *bytes, size_t size_max, size_t *size, int *passed_fd, struct err *err) MUST_CHECK;

#endif
