/* SPDX-License-Identifier: Apache-2.0 */
/* roster.h - which workers are here, for which stages, what each one holds and until when. */
/*
 * Bookkeeping only: no socket, no clock. A worker is known by its connection. What it holds are leases: an event's seq
 * with the counter of its token; only the newest counter of a seq is here, so a finding that names another is late.
 * The newest ROSTER_LOST_MAX tokens that were taken back are remembered, so that a late finding can be told from a wrong one.
 * A worker that leaves or falls silent gets nothing any more; its leases are handed out by roster_next_lost().
 *
 *   roster_lease() ─► offered ─ roster_accept() ─► leased ⟲ roster_progress()
 *                        │                           │
 *                        ├──────── roster_done() ────┤ a finding
 *                        └── roster_next_lost() ─────┘ not accepted in time, lease over, worker left or gone
 *
 * A worker that lets an offer lapse is deaf: it gets nothing until it is heard of by more than a beat, but one offer each
 * ROSTER_DEAF_MS, since that offer may have been lost on the way to it.
 * Memory is taken in roster_new() and never again.
 */
#ifndef COMMISSION_BROKER_ROSTER_H
#define COMMISSION_BROKER_ROSTER_H

#include "proto/message.h"
#include "proto/status.h"

#define ROSTER_NEVER INT64_MAX
#define ROSTER_DEAF_MS 30000 /* from the offer that lapsed to the next one */
#define ROSTER_LOST_MAX 1024 /* tokens: as many as one worker can lose at once */

/** An event that a worker has, or is offered. Times are monotonic. */
struct lease {
    uint64_t seq;
    uint64_t number; /* of the event's workflow */
    uint64_t counter;
    enum stage stage;
    uint32_t attempt; /* from 1 */
    uint32_t
        lease_ms; /* from its acceptance, and from each progress on; the same for all of a stage */
    int64_t ends_ms; /* of an offer: by when it must be accepted */
    bool accepted;
};

enum roster_loss {
    LOSS_LEFT,  /* the worker said BYE: nothing went wrong */
    LOSS_GONE,  /* the worker is gone, or silent for BEATS_MISSED_MS */
    LOSS_LEASE, /* the lease ran out */
    LOSS_OFFER, /* it was not accepted in time */
};

/** What was taken back from a worker: a finding that names it comes late. */
struct lost {
    uint64_t seq;
    uint64_t number;
    uint64_t counter;
    uint32_t attempt;
    char worker[WORKER_NAME_SIZE];
};

/** A worker, for those who look on. */
struct roster_worker {
    char name[WORKER_NAME_SIZE];
    struct ods organisation;
    uint32_t stages; /* 1u << stage */
    uint32_t capacity;
    uint32_t leased;   /* also what is only offered */
    uint32_t offered;  /* of those */
    uint64_t findings; /* so far */
    uint64_t lapsed;   /* offers not accepted in time, so far */
    bool draining;     /* gets nothing new */
    bool deaf;         /* its last offer lapsed */
    int64_t joined_ms;
    int64_t heard_ms;
};

struct roster;

/** Make an empty roster for @workers_max (1..WORKERS_MAX) workers and @leases_max (>= 1) leases. STATUS_OK: *@ret is the caller's. STATUS_NO_MEMORY. */
MUST_USE enum status roster_new(struct roster **ret, uint32_t workers_max, uint32_t leases_max);
/** Release; NULL is fine. Returns NULL. */
struct roster *roster_free(struct roster *roster);

/** The worker on @connection joins. If it was here before, what it held is given back first, as by LOSS_LEFT. False: no room. */
MUST_USE bool roster_join(struct roster *roster, uint64_t connection, const struct hello *hello,
                          struct ods organisation, int64_t now_ms);
/** The worker on @connection was heard. False: it must join first. */
bool roster_beat(struct roster *roster, uint64_t connection, int64_t now_ms);
/** The worker on @connection was heard by more than a beat: it takes what it is given. False: no such worker. */
bool roster_heard(struct roster *roster, uint64_t connection, int64_t now_ms);
/** The worker on @connection leaves; what it holds is lost by @loss (LOSS_LEFT or LOSS_GONE). False: no such worker. */
bool roster_leave(struct roster *roster, uint64_t connection, enum roster_loss loss);
/** The workers called @name get nothing new, for as long as they are here. Returns how many there are. */
uint32_t roster_drain(struct roster *roster, const char *name);
/** The next worker that drains and was not told so yet. False: none. */
bool roster_next_untold(struct roster *roster, uint64_t *ret_connection);

/** A worker of @stage with credit, each one in turn. False: none has any. */
bool roster_pick(struct roster *roster, enum stage stage, uint32_t *ret_worker);
/** @worker, just picked, is offered @lease (its accepted is not looked at); nobody has that seq. Returns its connection. */
uint64_t roster_lease(struct roster *roster, uint32_t worker, const struct lease *lease);
/** The worker on @connection accepts @seq under the token of @counter; again: nothing happens. False: it does not have that (any more). */
bool roster_accept(struct roster *roster, uint64_t connection, uint64_t seq, uint64_t counter,
                   int64_t now_ms);
/** The same, and its lease begins anew. */
bool roster_progress(struct roster *roster, uint64_t connection, uint64_t seq, uint64_t counter,
                     int64_t now_ms);
/**
 * The worker on @connection is done with @seq under the token of @counter: the lease ends and the credit comes back.
 * False: that is not the newest token of the seq, or not this worker's.
 */
bool roster_done(struct roster *roster, uint64_t connection, uint64_t seq, uint64_t counter,
                 struct lease *ret);
/** Take the next lease that is lost by @now_ms, and say why and whose it was. False: none is. */
bool roster_next_lost(struct roster *roster, int64_t now_ms, struct lease *ret,
                      enum roster_loss *ret_loss, char ret_name[WORKER_NAME_SIZE]);
/** Was @seq taken back from the worker that had it under the token of @counter? Answers once for each; then it is forgotten. */
bool roster_late(struct roster *roster, uint64_t seq, uint64_t counter, struct lost *ret);
/** When roster_next_lost() is wanted next: now (0) if something is lost already, or ROSTER_NEVER. */
int64_t roster_due_ms(const struct roster *roster);

/** The worker on @connection. False: there is none. */
bool roster_find(const struct roster *roster, uint64_t connection, struct roster_worker *ret);
/** The name of the worker on @connection; "" when there is none. */
const char *roster_name(const struct roster *roster, uint64_t connection);
uint32_t roster_workers(const struct roster *roster);
/** Workers that judge @stage. */
uint32_t roster_workers_of(const struct roster *roster, enum stage stage);
/** Leases, also what is only offered. */
uint32_t roster_leased(const struct roster *roster);
/** The first worker at or after place *@at, which is moved behind it; start with 0. False: no more. */
bool roster_next_worker(const struct roster *roster, uint32_t *at, struct roster_worker *ret);

#endif
