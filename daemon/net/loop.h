/* SPDX-License-Identifier: Apache-2.0 */
/* loop.h - the one poll, the signals, the clocks, what is logged. */
/*
 * A turn: what has come is proposed, made durable with one flush, answered. There is no timer that waits for more: what comes
 * while one batch is flushed is the next batch.
 */
#ifndef COMMISSION_LOOP_H
#define COMMISSION_LOOP_H

#include "daemon/log.h"
#include "daemon/net/endpoint.h"
#include "daemon/net/zap.h"

struct loop;

/** All stay the caller's, and outlive the loop. */
struct loop_parts {
    struct broker *broker;
    struct keyring *keyring;
    struct zap *zap;
    struct endpoint *clients;
    struct endpoint *workers;
    struct log *log;
    int signal_fd;               /* a signalfd of loop_signals() */
    const char *checkpoint_file; /* where the newest checkpoint is kept */
};

/** Both clocks, now. The one place that reads them. */
struct instant loop_now(void);

/** Block the signals that the loop lives by, before any thread is there. Returns a signalfd, or -1. */
int loop_signals(void);

/** STATUS_OK: *@ret is the caller's. STATUS_NO_MEMORY. */
MUST_USE enum status loop_new(struct loop **ret, const struct loop_parts *parts);
struct loop *loop_free(struct loop *loop);

/** When asked to stop, wait so long for what is leased, in milliseconds. */
void loop_set_drain(struct loop *loop, uint32_t drain_ms);

enum loop_end {
    LOOP_STOPPED, /* asked to, and drained */
    LOOP_RELOAD,  /* the configuration is to be read again; then call loop_run() again */
    LOOP_FAILED,  /* the store or a socket: the daemon must end, and be started again */
};
/** Run until one of these. */
enum loop_end loop_run(struct loop *loop);

#endif
