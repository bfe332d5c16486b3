/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   ROUTER:  [routing id] [header] [body]        header: version u8 · kind u8 · count u16, little-endian
 *   DEALER:               [header] [body]        body:   one protobuf message whose main field is repeated
 */
#include "proto/frame.h"

#include <errno.h>
#include <string.h>
#include <zmq.h>

bool peer_equal(struct peer a, struct peer b)
{
    return a.len == b.len && memcmp(a.bytes, b.bytes, a.len) == 0;
}

static enum status translate(int code)
{
    switch (code) {
    case EAGAIN:
        return STATUS_BUSY;
    case EHOSTUNREACH:
        return STATUS_UNREACHABLE;
    case ENOMEM:
        return STATUS_NO_MEMORY;
    default:
        return STATUS_IO_FAILED;
    }
}

static bool kind_known(uint8_t kind)
{
    return (kind >= MESSAGE_EVENTS && kind <= MESSAGE_ENTRIES) ||
           (kind >= MESSAGE_HELLOS && kind <= MESSAGE_PROGRESSES);
}

/* ---- receiving ---------------------------------------------------------------------------- */

/** Take one part, which is there already where another went before it. */
static enum status receive_part(void *socket, zmq_msg_t *part)
{
    int rc;

    do {
        rc = zmq_msg_recv(part, socket, ZMQ_DONTWAIT);
    } while (rc < 0 && errno == EINTR);
    return rc < 0 ? translate(errno) : STATUS_OK;
}

/* No option of libzmq bounds the number of parts: what follows is read into the same part and thrown away. */
static enum status discard_rest(void *socket, zmq_msg_t *part)
{
    enum status status = STATUS_OK;

    while (status == STATUS_OK && zmq_msg_more(part))
        status = receive_part(socket, part);
    return status;
}

static struct slice part_bytes(zmq_msg_t *part)
{
    return (struct slice){zmq_msg_data(part), zmq_msg_size(part)};
}

static void copy_property(zmq_msg_t *part, const char *name, char *ret, size_t size)
{
    const char *value = zmq_msg_gets(part, name);

    snprintf(ret, size, "%s", value != NULL ? value : "");
}

/* Never from the routing id: libzmq 4.3.4 loses it there after a poll (mended by its commit 74529d97). */
static void read_properties(zmq_msg_t *part, struct frame *ret)
{
    copy_property(part, "User-Id", ret->user_id, sizeof ret->user_id);
    copy_property(part, "Peer-Address", ret->address, sizeof ret->address);
}

static bool read_peer(struct slice bytes, struct peer *ret)
{
    if (bytes.len < 1 || bytes.len > sizeof ret->bytes)
        return false;
    memcpy(ret->bytes, bytes.bytes, bytes.len);
    ret->len = (uint8_t)bytes.len;
    return true;
}

static enum status read_header(struct slice bytes, struct frame *ret)
{
    if (bytes.len < 1)
        return STATUS_MALFORMED;
    if (bytes.bytes[0] != WIRE_VERSION)
        return STATUS_UNSUPPORTED;
    if (bytes.len != HEADER_BYTES || !kind_known(bytes.bytes[1]))
        return STATUS_MALFORMED;
    ret->kind = (enum message_kind)bytes.bytes[1];
    ret->count = (uint16_t)(bytes.bytes[2] | bytes.bytes[3] << 8);
    return ret->count <= FRAME_MESSAGES_MAX ? STATUS_OK : STATUS_MALFORMED;
}

/** Read what stands before the body into @ret; @part is used for each in turn, and holds the header at the end. */
static enum status receive_front(void *socket, bool routed, zmq_msg_t *part, struct frame *ret)
{
    enum status status = receive_part(socket, part);

    if (status != STATUS_OK)
        return status == STATUS_BUSY ? STATUS_NOT_FOUND : status;
    if (routed) {
        if (!read_peer(part_bytes(part), &ret->peer) || !zmq_msg_more(part))
            return STATUS_MALFORMED;
        status = receive_part(socket, part);
        if (status != STATUS_OK)
            return STATUS_IO_FAILED;
    }
    read_properties(part, ret);
    status = read_header(part_bytes(part), ret);
    return status == STATUS_OK && !zmq_msg_more(part) ? STATUS_MALFORMED : status;
}

static enum status receive_body(void *socket, zmq_msg_t *part, struct frame *ret)
{
    if (receive_part(socket, part) != STATUS_OK)
        return STATUS_IO_FAILED;
    if (zmq_msg_more(part) || zmq_msg_size(part) > FRAME_BYTES_MAX)
        return STATUS_MALFORMED;
    read_properties(part, ret);
    ret->body = part_bytes(part);
    return STATUS_OK;
}

enum status frame_receive(void *socket, bool routed, struct frame *ret)
{
    struct frame frame = {0};
    enum status status;

    CHECK(socket != NULL);
    /* One small block a frame, not an event: a frame may be copied, a zmq_msg_t may not. */
    zmq_msg_t *part = malloc(sizeof *part);
    if (part == NULL)
        return STATUS_NO_MEMORY;
    zmq_msg_init(part);

    status = receive_front(socket, routed, part, &frame);
    if (status == STATUS_OK)
        status = receive_body(socket, part, &frame);
    if (status == STATUS_OK) {
        frame.part = part;
    } else {
        if (status != STATUS_NOT_FOUND && status != STATUS_IO_FAILED &&
            discard_rest(socket, part) != STATUS_OK)
            status = STATUS_IO_FAILED;
        zmq_msg_close(part);
        free(part);
    }
    *ret = frame;
    return status;
}

void frame_release(struct frame *frame)
{
    if (frame->part != NULL) {
        zmq_msg_close(frame->part);
        free(frame->part);
    }
    frame->part = NULL;
    frame->body = (struct slice){NULL, 0};
}

/* ---- sending ------------------------------------------------------------------------------ */

static enum status send_part(void *socket, const void *bytes, size_t len, bool more)
{
    int flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0);
    int rc;

    do {
        rc = zmq_send(socket, bytes, len, flags);
    } while (rc < 0 && errno == EINTR);
    return rc < 0 ? translate(errno) : STATUS_OK;
}

/** All of a frame but its body. */
static enum status send_head(void *socket, struct peer peer, enum message_kind kind, uint16_t count)
{
    const uint8_t header[HEADER_BYTES] = {WIRE_VERSION, (uint8_t)kind, (uint8_t)(count & 0xFF),
                                          (uint8_t)(count >> 8)};

    CHECK(socket != NULL);
    CHECK(count <= FRAME_MESSAGES_MAX);
    /* Only the first part may fail for the peer's sake; then nothing of the rest is sent. */
    if (peer.len > 0) {
        enum status status = send_part(socket, peer.bytes, peer.len, true);
        if (status != STATUS_OK)
            return status;
    }
    enum status status = send_part(socket, header, sizeof header, true);
    return status != STATUS_OK && peer.len > 0 ? STATUS_IO_FAILED : status;
}

enum status frame_send(void *socket, struct peer peer, enum message_kind kind, uint16_t count,
                       struct slice body)
{
    CHECK(body.len <= FRAME_BYTES_MAX);

    enum status status = send_head(socket, peer, kind, count);
    if (status != STATUS_OK)
        return status;
    return send_part(socket, body.bytes, body.len, false) == STATUS_OK ? STATUS_OK
                                                                       : STATUS_IO_FAILED;
}

/* A body on its way, which is libzmq's. */
struct counted {
    struct frame_backlog backlog;
    size_t len;
    uint8_t bytes[];
};

/** libzmq is done with it; on any thread of its own. */
static void counted_done(void *bytes, void *hint)
{
    struct counted *counted = hint;

    (void)bytes;
    atomic_fetch_sub(counted->backlog.own, counted->len);
    atomic_fetch_sub(counted->backlog.all, counted->len);
    free(counted);
}

enum status frame_send_counted(void *socket, struct peer peer, enum message_kind kind,
                               uint16_t count, struct slice body, struct frame_backlog backlog)
{
    CHECK(body.len <= FRAME_BYTES_MAX);

    struct counted *counted = malloc(sizeof *counted + body.len);
    zmq_msg_t message;
    if (counted == NULL)
        return STATUS_NO_MEMORY;
    *counted = (struct counted){.backlog = backlog, .len = body.len};
    if (body.len > 0)
        memcpy(counted->bytes, body.bytes, body.len);
    if (zmq_msg_init_data(&message, counted->bytes, body.len, counted_done, counted) != 0) {
        free(counted);
        return STATUS_NO_MEMORY;
    }
    atomic_fetch_add(backlog.own, body.len);
    atomic_fetch_add(backlog.all, body.len);
    enum status status = send_head(socket, peer, kind, count);
    int rc = -1;
    while (status == STATUS_OK && rc < 0) {
        rc = zmq_msg_send(&message, socket, ZMQ_DONTWAIT);
        if (rc < 0 && errno != EINTR)
            status = STATUS_IO_FAILED;
    }
    if (status != STATUS_OK)
        zmq_msg_close(&message);
    return status;
}
