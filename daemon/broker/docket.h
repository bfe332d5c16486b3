/* SPDX-License-Identifier: Apache-2.0 */
/* docket.h - the open events in memory: where each one is, and which connection is to hear its verdict. */
/*
 *   QUEUED ─► TURN ─► READY ─► LEASED ─► (judged: out of the docket)
 *               ▲        ▲        │
 *               │        └────────┤ given back
 *               ├───── DELAYED ◄──┤ an attempt failed
 *               ├───── HELD ◄─────┤ until what it waits for comes
 *               └───── PARKED ◄───┘ the last attempt failed: until someone decides
 *
 * Each open event is in exactly one of these. Nothing of it is durable: it is rebuilt from the open rows at start.
 * Memory is taken in docket_new() and never again.
 */
#ifndef COMMISSION_BROKER_DOCKET_H
#define COMMISSION_BROKER_DOCKET_H

#include "daemon/broker/queue.h"
#include "proto/message.h"
#include "proto/status.h"

enum docket_state {
    DOCKET_QUEUED,  /* behind earlier events of its workflow */
    DOCKET_TURN,    /* at its turn, and not looked at yet */
    DOCKET_READY,   /* in the queue of its stage */
    DOCKET_LEASED,  /* a worker has it */
    DOCKET_DELAYED, /* an attempt failed, the next is not due yet */
    DOCKET_HELD,    /* waits for something to come */
    DOCKET_PARKED,  /* no more attempts until an operator or its sender decides */
    DOCKET_STATES,
};

/** One open event. */
struct docket_event {
    uint64_t seq;
    uint64_t connection; /* who is told; 0: nobody */
    struct ods sender;
    int64_t received_at_ms; /* wall clock */
    uint32_t cost;          /* bytes: what it takes of its sender's share */
    enum queue_rank rank;
    enum stage stage; /* STAGE_NONE: not known before its turn */
    enum docket_state state;
    date_t occurred_on;  /* known from its turn on: READY, LEASED */
    uint8_t offers_lost; /* how often a worker did not accept it, or went away before */
    bool late_kept;      /* a finding of the run before was journalled: one is enough */
};

struct docket;

/** Make an empty docket for at most @events_max (>= 1) events. STATUS_OK: *@ret is the caller's. STATUS_NO_MEMORY. */
MUST_USE enum status docket_new(struct docket **ret, uint32_t events_max);
/** Release; NULL is fine. Returns NULL. */
struct docket *docket_free(struct docket *docket);

/** No room for another. */
bool docket_full(const struct docket *docket);
/** Put in @event, which is not in the docket; there must be room. */
void docket_add(struct docket *docket, const struct docket_event *event);
/** The event of @seq, or NULL; valid until the next docket_add() or docket_remove(). */
const struct docket_event *docket_find(const struct docket *docket, uint64_t seq);
/** The event of @seq, which is in the docket, is in @state of @stage from now on. */
void docket_move(struct docket *docket, uint64_t seq, enum stage stage, enum docket_state state);
/** The event of @seq, which is in the docket, is ready for the worker of @stage; it is about what was on @occurred_on. */
void docket_ready(struct docket *docket, uint64_t seq, enum stage stage, date_t occurred_on);
/** A worker has not accepted the event of @seq, which is in the docket. Returns how often that was so. */
uint32_t docket_offer_lost(struct docket *docket, uint64_t seq);
/** The event of @seq, which is in the docket, was accepted, or begins anew: its lapsed offers count no more. */
void docket_offer_taken(struct docket *docket, uint64_t seq);
/** A late finding about the event of @seq, which is in the docket, was journalled. */
void docket_keep_late(struct docket *docket, uint64_t seq);
/** From now on @connection is told of the event of @seq, if it is in the docket. */
void docket_tell(struct docket *docket, uint64_t seq, uint64_t connection);
/** The event of @seq, which is in the docket, has its final verdict. */
void docket_remove(struct docket *docket, uint64_t seq);

uint32_t docket_count(const struct docket *docket);
uint32_t docket_count_of(const struct docket *docket, enum stage stage, enum docket_state state);
/** Events in @state, of all stages. */
uint32_t docket_count_in(const struct docket *docket, enum docket_state state);
/** When the oldest event of @stage was received, wall clock; 0: there is none. Looks at all events. */
int64_t docket_oldest_ms(const struct docket *docket, enum stage stage);

#endif
