/* SPDX-License-Identifier: Apache-2.0 */
/* connections.h - libzmq's routing ids and the user behind each <-> numbers that are never used twice. */
/* A ROUTER does not say that a peer has gone: a connection leaves the table when sending to it fails, when another user comes with its id, or as the longest silent one when there is no room. */
#ifndef COMMISSION_CONNECTIONS_H
#define COMMISSION_CONNECTIONS_H

#include "daemon/broker/broker.h"
#include "daemon/net/keyring.h"
#include "proto/frame.h"

#define CONNECTIONS_MAX 8192
/* One that was heard or written to within this time does not make room for another. */
#define CONNECTION_IDLE_MS 60000

/* Descriptors that are no connection's: standard streams, signals, lock, journal, state, libzmq's own. Journal files are opened later on. */
#define DESCRIPTORS_RESERVED 64

struct connections;

/**
 * For how many clients (at most CLIENTS_MAX) a process has room that may open @descriptors, beside @workers and what is its own: of what is
 * left, a quarter is for those that have connected and not yet proven who they are. 0: for none.
 */
uint32_t connections_room(uint64_t descriptors, uint32_t workers);

/**
 * Make a table of at most @connections_max (1..CONNECTIONS_MAX); tables with different @side (0 or 1) never give the same number.
 * STATUS_OK: *@ret is the caller's, to be released with connections_free(). STATUS_NO_MEMORY.
 */
MUST_USE enum status connections_new(struct connections **ret, uint32_t connections_max,
                                     uint32_t side);
struct connections *connections_free(struct connections *connections);

/**
 * The number of @peer as @user_id, made when it is new; it was heard at @now_ms (monotonic). 0: there is no room. *@ret_gone: the number
 * that ended because of it, or 0.
 */
connection_t connections_take(struct connections *connections, struct peer peer,
                              const char *user_id, int64_t now_ms, connection_t *ret_gone);
/** Where @connection's messages go; it counts as written to at @now_ms. False: it is gone. */
MUST_USE bool connections_find(struct connections *connections, connection_t connection,
                               int64_t now_ms, struct peer *ret);
/** @connection is gone; one that is gone already is fine. */
void connections_drop(struct connections *connections, connection_t connection);
/** The next connection of @user_id after @after (0: the first); 0: no more. Walks the whole table. */
connection_t connections_of(const struct connections *connections, const char *user_id,
                            connection_t after);
uint32_t connections_count(const struct connections *connections);

#endif
