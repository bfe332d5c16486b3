/* SPDX-License-Identifier: Apache-2.0 */
/* endpoint.h - one ROUTER: for clients, or for workers. Bind, receive, send, limits; who is proven, and by which number the broker knows him. */
#ifndef COMMISSION_ENDPOINT_H
#define COMMISSION_ENDPOINT_H

#include "daemon/broker/broker.h"
#include "daemon/net/keyfile.h"
#include "daemon/net/keyring.h"
#include "proto/frame.h"

#define ENDPOINT_ADDRESS_SIZE 128

struct endpoint;

struct endpoint_options {
    enum owed_to side;
    const char (
        *addresses)[ENDPOINT_ADDRESS_SIZE]; /* "tcp://127.0.0.1:7401", "ipc:///run/x.sock" */
    uint32_t addresses_count;
    bool ipc_by_uid; /* workers: on ipc a user id proves, not CURVE */
    const struct keyfile *server_key;
    uint32_t connections_max;
};

/** True for tcp:// and ipc:// (not abstract, not too long): nothing else is spoken. */
MUST_USE bool endpoint_address_valid(const char *address);

/**
 * Make the socket in @zmq and bind it; our ZAP handler must be bound already, and @keyring outlives the endpoint.
 * STATUS_OK: *@ret is the caller's, to be released with endpoint_free(). STATUS_INVALID: an address; STATUS_EXISTS: it is in use, or a
 * file that is no socket stands there; STATUS_UNSUPPORTED: this libzmq cannot guard it; STATUS_NO_MEMORY, STATUS_IO_FAILED. @text says more.
 */
MUST_USE enum status endpoint_new(struct endpoint **ret, void *zmq, const struct keyring *keyring,
                                  const struct endpoint_options *options, char *text,
                                  size_t text_size);
/** Unbind and close; what was sent last gets a moment to leave. NULL is fine. Returns NULL. */
struct endpoint *endpoint_free(struct endpoint *endpoint);

/** The socket to poll. */
void *endpoint_socket(struct endpoint *endpoint);
/** Where it was bound in fact (a port of * is a number now), the @index-th address. */
const char *endpoint_address(const struct endpoint *endpoint, uint32_t index);

/** What endpoint_receive() found. */
struct delivery {
    struct frame frame; /* to be released when STATUS_OK */
    connection_t from;  /* 0: unknown */
    const struct principal
        *principal;    /* NULL: its key was revoked; valid until the keyring changes */
    connection_t gone; /* a connection that ended because of this one; 0: none */
};

/**
 * Take one message without waiting; @now_ms is monotonic.
 * STATUS_OK. STATUS_NOT_FOUND: nothing there. STATUS_MALFORMED, STATUS_UNSUPPORTED: thrown away (from, principal are set where known).
 * STATUS_REFUSED: it came without proof or with an id of its own choice: thrown away, no answer. STATUS_BUSY: no room for one more connection: thrown
 * away, the peer was told. STATUS_IO_FAILED: the socket is unusable.
 */
MUST_USE enum status endpoint_receive(struct endpoint *endpoint, int64_t now_ms,
                                      struct delivery *ret);

/**
 * Send @body as @count messages of @kind. STATUS_OK; STATUS_BUSY: its queue is full, this was dropped; STATUS_UNREACHABLE: it has gone, its number
 * ends; STATUS_NOT_FOUND: it had gone before; STATUS_IO_FAILED.
 */
MUST_USE enum status endpoint_send(struct endpoint *endpoint, connection_t to,
                                   enum message_kind kind, uint16_t count, struct slice body,
                                   int64_t now_ms);

/** The next connection whose key is @public_key, after @after (0: the first); 0: no more. */
connection_t endpoint_connection_of(const struct endpoint *endpoint, struct key public_key,
                                    connection_t after);
uint32_t endpoint_connections(const struct endpoint *endpoint);
/** By which its peers are proven. */
const struct keyring *endpoint_keyring(const struct endpoint *endpoint);

#endif
