/* SPDX-License-Identifier: Apache-2.0 */
/* peer.h - a raw DEALER for tests of the daemon's sockets: well behaved or not. */
#ifndef COMMISSION_TESTS_PEER_H
#define COMMISSION_TESTS_PEER_H

#include "proto/ident.h"
#include "proto/limits.h"

/** A CURVE key pair. */
struct pair {
    struct key public_key;
    uint8_t secret_key[KEY_BYTES];
};

struct pair pair_new(void);
/** Write it as a key file, 0600. */
void pair_write(const struct pair *pair, const char *path);
/** Z85, 40 characters and NUL. */
void key_text(struct key key, char ret[41]);

/** A DEALER to @address. @own NULL: no CURVE. @routing_id NULL: none of its own. */
void *peer_open(void *zmq, const char *address, const struct key *server, const struct pair *own,
                const char *routing_id);
/** Send @parts_count parts, waiting at most 5 s for room. False: there was none. */
bool peer_send(void *socket, const struct slice *parts, uint32_t parts_count);
/** Send {version 1, kind, count} and @body. */
bool peer_send_frame(void *socket, uint8_t kind, uint16_t count, struct slice body);
/** Receive one message of two parts within @timeout_ms. False: none came. *@ret_body is cut to @body_size. */
bool peer_receive(void *socket, long timeout_ms, uint8_t ret_header[HEADER_BYTES],
                  uint8_t *ret_body, size_t body_size, size_t *ret_len);

/** A new folder under $TMPDIR or /tmp, short enough for sockets in it; remove it with place_remove(). */
void place_make(char ret[64]);
void place_remove(const char *folder);

#endif
