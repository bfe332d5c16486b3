/* SPDX-License-Identifier: Apache-2.0 */
/* zap.h - who may connect: answers libzmq's ZAP questions from the keyring. Fails closed. */
/*
 *   clients   CURVE, a key in the keyring that may do more than work
 *   workers   CURVE, a key that may work; or, on ipc where the configuration says so, the peer's user id
 * All else is denied. Bound before any public socket, closed after all of them.
 */
#ifndef COMMISSION_ZAP_H
#define COMMISSION_ZAP_H

#include "daemon/net/keyring.h"

#define ZAP_CLIENTS "clients"
#define ZAP_WORKERS "workers"

/** A question of libzmq's, taken apart. */
struct zap_question {
    char domain[16];
    char address[64]; /* ipc: "localhost:UID:GID:PID", as the kernel says */
    char mechanism[16];
    bool key_given;
    struct key key;
};

/** True: let it in, as @ret_user_id. False: deny. */
MUST_USE bool zap_judge(const struct keyring *keyring, const struct zap_question *question,
                        char ret_user_id[USER_ID_SIZE]);

struct zap;

/**
 * Bind our handler in @zmq (a libzmq context). @keyring stays the caller's and outlives it. STATUS_OK: *@ret is the caller's, to be
 * released with zap_free(). STATUS_UNSUPPORTED: this libzmq has no CURVE. STATUS_EXISTS: there is a handler already. STATUS_NO_MEMORY, STATUS_IO_FAILED.
 */
MUST_USE enum status zap_new(struct zap **ret, void *zmq, const struct keyring *keyring);
struct zap *zap_free(struct zap *zap);

/** The socket to poll. */
void *zap_socket(struct zap *zap);
/** Answer up to @max questions without waiting. Returns how many there were. */
uint32_t zap_serve(struct zap *zap, uint32_t max);
/** Denied so far. */
uint64_t zap_denied(const struct zap *zap);

/**
 * Make @socket ask our handler about each peer, in @domain: sets the domain and that it must be enforced, and reads both back.
 * STATUS_UNSUPPORTED: this libzmq does not do so; then nothing may be bound.
 */
MUST_USE enum status zap_guard(void *socket, const char *domain);

#endif
