/* SPDX-License-Identifier: Apache-2.0 */
/* frame.h - ZeroMQ parts <-> bytes, bounded: the first part is version, kind, count; the second the messages. */
#ifndef COMMISSION_FRAME_H
#define COMMISSION_FRAME_H

#include <stdatomic.h>

#include "proto/limits.h"
#include "proto/message.h"
#include "proto/status.h"

/** Who is at the other end of a ROUTER's connection: libzmq's routing id, for this connection only, never shown to anyone. */
struct peer {
    uint8_t bytes[8];
    uint8_t len; /* 0: none, e.g. on a DEALER */
};

/** One received message. Its slices are valid until frame_release(). */
struct frame {
    struct peer peer;
    enum message_kind kind;
    uint16_t count;
    struct slice body;
    char user_id[64]; /* ZAP's, from the payload part (the id part loses it); "" none */
    char address[64]; /* Peer-Address, for the log */
    void *part;       /* the libzmq message that holds the body */
};

bool peer_equal(struct peer a, struct peer b);

/**
 * Receive one whole message from @socket (ROUTER when @routed, else DEALER) without waiting.
 * STATUS_OK: *@ret is the caller's to release. STATUS_NOT_FOUND: nothing there. STATUS_UNSUPPORTED: another version
 * (peer, user id are set). STATUS_MALFORMED: not two parts, bad header, over its limits, or a peer that chose its own
 * routing id; the rest was thrown away (peer, user id set where known). STATUS_NO_MEMORY; STATUS_IO_FAILED: the socket
 * is unusable. On anything but STATUS_OK there is nothing to release.
 */
MUST_USE enum status frame_receive(void *socket, bool routed, struct frame *ret);
/** Give the body back; @frame->body is empty then. Once or more often. */
void frame_release(struct frame *frame);

/**
 * Send @body as @count messages of @kind to @peer (len 0: on a DEALER) without waiting. The bytes are copied.
 * A ROUTER must have ZMQ_ROUTER_MANDATORY set, or what nobody gets counts as sent.
 * STATUS_OK: on its way, no more is known. STATUS_BUSY: the peer's queue is full; STATUS_UNREACHABLE: no such peer:
 * nothing was sent. STATUS_IO_FAILED: the socket is unusable.
 */
MUST_USE enum status frame_send(void *socket, struct peer peer, enum message_kind kind,
                                uint16_t count, struct slice body);

/* How many bytes wait to be written: to one peer, or a few that share it, and to all. Both outlive the socket's context. */
struct frame_backlog {
    atomic_size_t *own;
    atomic_size_t *all;
};

/** As frame_send(), and STATUS_NO_MEMORY; @backlog counts the body until libzmq has written it or thrown it away. */
MUST_USE enum status frame_send_counted(void *socket, struct peer peer, enum message_kind kind,
                                        uint16_t count, struct slice body,
                                        struct frame_backlog backlog);

#endif
