/* SPDX-License-Identifier: Apache-2.0 */
/* intake.h - what has come: frames are received, decoded and handed to the broker, until its batch is full or nothing is left. */
/*
 * Workers first: what they have done makes room for more, and they never fill a batch whole. Then the clients, of whom only a
 * trickle is read while the daemon is behind: the rest waits in their own queues, as TCP and libzmq hold it back (PITFALLS Z11),
 * and since libzmq takes from all connections in turn, an operator's question is among the next.
 */
#ifndef COMMISSION_INTAKE_H
#define COMMISSION_INTAKE_H

#include "daemon/net/endpoint.h"

struct intake;

/** Make it; all parts stay the caller's. STATUS_OK: *@ret is the caller's. STATUS_NO_MEMORY. */
MUST_USE enum status intake_new(struct intake **ret, struct broker *broker,
                                struct endpoint *clients, struct endpoint *workers);
struct intake *intake_free(struct intake *intake);

#define INTAKE_CLIENTS_MAX 256 /* frames of clients a turn */
#define INTAKE_TRICKLE 1       /* while the daemon is behind */

/** How a drain ended. */
struct intake_result {
    bool any;    /* something came */
    bool more;   /* there may be more: the batch was full first */
    bool broken; /* a socket is unusable: stop */
};

/**
 * Between broker_begin() and broker_flush(), @now_ms monotonic. What was received lives until intake_end(), to be called after
 * broker_end(); a frame of which a part did not fit the batch is the first of its side in the next turn.
 */
struct intake_result intake_workers(struct intake *intake, int64_t now_ms);
/** At most @frames_max (1..INTAKE_CLIENTS_MAX) frames are looked at. */
struct intake_result intake_clients(struct intake *intake, int64_t now_ms, uint32_t frames_max);
void intake_end(struct intake *intake);

struct intake_counts {
    uint64_t frames;
    uint64_t malformed;   /* frames that could not be read */
    uint64_t unproven;    /* thrown away: no proof, or an id of the peer's own choice */
    uint64_t revoked;     /* messages of keys that prove nobody any more */
    uint64_t turned_away; /* no room for the connection */
};
/** The newest frame that could not be read, since the last call: from whom, never what. */
struct intake_stain {
    enum owed_to side;
    char from[64]; /* an organisation's code; without a key the user id of the kernel */
};
/** False: none. */
bool intake_next_stain(struct intake *intake, struct intake_stain *ret);

void intake_count(const struct intake *intake, struct intake_counts *ret);

#endif
