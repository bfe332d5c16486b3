/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel.h - one connection to the daemon: a DEALER with CURVE, deadlines, and the knowledge of
 * being connected.
 */
/*
 * libzmq reconnects by itself; what was under way when a connection broke is gone, and only we can
 * send it again. So a channel counts its connections (channel_connections()): who sees the number
 * grow sends again what has no answer. Nothing is sent before the first handshake has succeeded,
 * and nothing is queued for a daemon that is not there.
 */
#ifndef COMMISSION_CHANNEL_H
#define COMMISSION_CHANNEL_H

#include "proto/frame.h"

struct channel;

struct channel_options {
    const char *endpoint; /* "tcp://..." or "ipc://..." */
    bool plain;           /* no CURVE: the three keys are not looked at */
    struct key server_key;
    struct key public_key;
    const uint8_t *secret_key; /* KEY_BYTES; copied by libzmq */
};

/**
 * Make a connection; the daemon need not be there yet.
 * STATUS_OK: *@ret is the caller's. STATUS_INVALID: endpoint or keys. STATUS_UNSUPPORTED: this
 * libzmq has no CURVE. STATUS_NO_MEMORY, STATUS_IO_FAILED (descriptors, threads).
 */
MUST_USE enum status channel_open(struct channel **ret, const struct channel_options *options);
/** Close; waits at most what channel_linger() allowed. NULL is fine. Returns NULL. */
struct channel *channel_close(struct channel *channel);

/**
 * Let channel_close() wait up to @linger_ms (0..1000) for what was sent last. Without it: not at
 * all.
 */
void channel_linger(struct channel *channel, int linger_ms);

/** libzmq's descriptor, edge-triggered. */
int channel_fd(struct channel *channel);

/**
 * Send a frame without waiting. STATUS_BUSY: not connected, or its queue is full.
 * STATUS_IO_FAILED.
 */
MUST_USE enum status channel_send(struct channel *channel, enum message_kind kind, uint16_t count,
                                  struct slice body);

/** As frame_receive(): STATUS_NOT_FOUND when nothing is there. */
MUST_USE enum status channel_receive(struct channel *channel, struct frame *ret);

/**
 * Wait up to @timeout_ms (-1: for ever) until something can be received, the connection comes or
 * goes, or, with @writable, something can be sent. STATUS_OK: look again. STATUS_TIMED_OUT: also
 * after a caught signal.
 */
MUST_USE enum status channel_wait(struct channel *channel, bool writable, int64_t timeout_ms);

/** The last channel_wait() ended because a signal was caught. */
bool channel_interrupted(const struct channel *channel);

/** Throw away what has not left or not been received yet, and connect anew. */
void channel_reset(struct channel *channel);

/** How many handshakes have succeeded so far; looks for news first. */
uint64_t channel_connections(struct channel *channel);
/** Connected, as far as known since channel_connections() or channel_wait() were last called. */
bool channel_connected(const struct channel *channel);
/**
 * The last handshake failed because the daemon does not accept our key, or is not the daemon whose
 * key we have.
 */
bool channel_refused(const struct channel *channel);

/** The one clock of the library: monotonic milliseconds. */
int64_t channel_now_ms(void);

#endif
