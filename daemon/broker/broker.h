/* SPDX-License-Identifier: Apache-2.0 */
/* broker.h - the pipeline: propose, flush, conclude, tick. No socket, no clock: the loop hands in values and takes away what is owed. */
/*
 * A turn of the loop:
 *     broker_begin(now)
 *     broker_event(), broker_hello(), broker_findings(), ... for all that has come
 *     broker_flush()       what was proposed becomes durable (store_flush)
 *     broker_conclude()    answers and assignments are put into the outbox
 *     outbox_next() ...    the loop encodes and sends
 *     broker_end()         the arena is reset; the state is committed when due
 */
#ifndef COMMISSION_BROKER_H
#define COMMISSION_BROKER_H

#include "daemon/domain/stage.h"
#include "daemon/store/store.h"
#include "proto/arena.h"
#include "proto/message.h"
#include "proto/status.h"

struct broker;

/** A connection as the broker knows it: a number that net gives it and never uses again for another while it may be owed something. */
typedef uint64_t connection_t;

struct broker_options {
    struct principal first_operator; /* from the configuration; key_seq 0 */
    uint32_t workers_max;
    uint32_t feeds_max;
    uint32_t events_open_max;         /* received and not judged, all together; beyond it BUSY */
    uint32_t events_open_sender_max;  /* the same for one organisation */
    uint64_t bytes_open_sender_max;   /* of those; 0: no limit */
    uint32_t events_rate_sender_max;  /* new events a second of one organisation; 0: no limit */
    uint32_t events_burst_sender_max; /* at once, after a pause; >= 1 where there is a rate */
    uint32_t workflows_open_lead_max; /* of one lead; beyond it none is opened; 0: no limit */
    uint32_t lease_ms;                /* 0: the stage table's */
    /* Of all stages, in order; NULL: the daemon's own table. Outlives the broker. */
    const struct stage_row *stages;
    const char *version;
    const char *config_text; /* for backups; stays the caller's; NULL: none */
    const uint8_t
        *signing_secret;   /* STATEMENT_SECRET_BYTES, stays the caller's; NULL: nothing is signed */
    uint32_t scrub_rows;   /* of the state looked at a second while idle; 0: none */
    int64_t checkpoint_ms; /* between two checkpoints of the head; 0: none */
};

/** Make a broker over @store (stays the caller's), its queues rebuilt from the open work. STATUS_NO_MEMORY, or the store's failure. Writes the STARTED entry with the first batch. */
MUST_USE enum status broker_new(struct broker **ret, struct store *store,
                                const struct broker_options *options, struct instant now,
                                uint32_t seed);
struct broker *broker_free(struct broker *broker);

/* ---- a turn ---- */

void broker_begin(struct broker *broker, struct instant now);
/** No room for another event in this batch: stop draining, flush first. */
bool broker_full(const struct broker *broker);

/** Three quarters of that: workers stop here, so that clients are heard in every turn. */
bool broker_crowded(const struct broker *broker);
/**
 * More has come than was worked off: events at their turn that nobody has looked at yet, waits that have ended and are not let go,
 * assignments for which the last turn had no room. Until it has caught up the clients are left waiting, but for a trickle.
 */
bool broker_behind(const struct broker *broker);

/** An event from a client, checked for form. @principal was proven. Everything in @event must live until broker_end(). */
void broker_event(struct broker *broker, connection_t from, const struct principal *principal,
                  const struct event *event);
/** One that was not even well formed (counted, and answered with @reasons), or came from an unknown key. */
void broker_refuse(struct broker *broker, connection_t from, const struct event_id *id,
                   const struct reason *reasons, uint32_t reasons_count);
/** A frame that could not be read and is not answered: counted. */
void broker_malformed(struct broker *broker);
/** A question. @body_event: its body decoded, for "event validate"; else NULL. */
void broker_query(struct broker *broker, connection_t from, const struct principal *principal,
                  const struct query *query, const struct event *body_event);
/** A question that is not looked at, as too much was asked at once: BUSY. */
void broker_query_busy(struct broker *broker, connection_t from, const struct query *query);
void broker_feed(struct broker *broker, connection_t from, const struct principal *principal,
                 const struct feed_ask *ask);

void broker_hello(struct broker *broker, connection_t from, const struct principal *principal,
                  const struct hello *hello);
void broker_beat(struct broker *broker, connection_t from);
void broker_bye(struct broker *broker, connection_t from);
void broker_findings(struct broker *broker, connection_t from, const struct finding *findings,
                     uint32_t findings_count);

/** @from has these assignments and begins: their leases count from now on. Those that it does not have (any more) change nothing. */
void broker_accepts(struct broker *broker, connection_t from, const struct assignment_token *tokens,
                    uint32_t tokens_count);
/** @from is still at these: their leases begin anew. */
void broker_progresses(struct broker *broker, connection_t from,
                       const struct assignment_token *tokens, uint32_t tokens_count);

/** A connection is gone: its feeds end, its assignments go back at once. */
void broker_gone(struct broker *broker, connection_t from);
/** The same because its key was revoked, which readers of feeds are told: they would wait for ever. */
void broker_revoked(struct broker *broker, connection_t from);

/** Entries that a feed's reader could not be given: its queue is full. Its connection goes on. */
struct unsent {
    connection_t connection;
    uint64_t feed;
    uint64_t first_seq; /* of the entries; 0: there were none, only how far was looked */
    uint32_t count;
};
/** They are sent again after a pause. Between broker_conclude() and broker_end() of their turn, or before the next one's feeds are asked. */
void broker_unsent(struct broker *broker, const struct unsent *unsent);

/** Leases, silent workers, due attempts, waits that have ended: what time and state bring. Proposes entries like the others. */
void broker_tick(struct broker *broker);
/** When broker_tick() is wanted next, monotonic milliseconds. */
int64_t broker_due_ms(const struct broker *broker);

MUST_USE enum status broker_flush(struct broker *broker);
void broker_conclude(struct broker *broker);
/** After broker_end(), when nothing else was there to do: some rows of the state are looked at (the slow scrub). STATUS_OK, or the store's failure. */
MUST_USE enum status broker_idle(struct broker *broker);
MUST_USE enum status broker_end(struct broker *broker);

/* ---- what is owed ---- */

enum owed_to { OWED_CLIENT, OWED_WORKER };

/** One message for one connection. Lists and slices are valid until broker_end(). */
struct owed {
    enum owed_to to;
    connection_t connection;
    enum message_kind kind; /* ANSWERS, REPLIES, ENTRIES, WELCOMES, ASSIGNMENTS */
    union {
        struct answer answer;
        struct reply reply;
        struct feed_entries entries;
        struct welcome welcome;
        struct assignment assignment;
    };
};

/** The next thing owed, or NULL; valid until broker_end(). */
const struct owed *broker_next_owed(struct broker *broker);

/* ---- what the loop must know ---- */

/** A key that was added or revoked since the last call. False: no more. */
struct key_change {
    struct principal principal;
    bool revoked;
};
bool broker_next_key_change(struct broker *broker, struct key_change *ret);

enum broker_wish { WISH_NONE, WISH_STOP, WISH_RELOAD };
/** What an operator asked for (server stop, server reload); asked once. */
enum broker_wish broker_next_wish(struct broker *broker);

/** The checkpoint that was made since the last call, a statement's text, valid until broker_begin(); NULL: none. */
const char *broker_next_checkpoint(struct broker *broker);

/** From now on new events are refused with DRAINING. */
void broker_drain(struct broker *broker);
/** Nothing is leased any more. */
bool broker_drained(const struct broker *broker);

struct broker_counts {
    uint64_t events;
    uint64_t verdicts;
    uint64_t refusals;
    uint64_t malformed;
    uint64_t late_findings;
    uint64_t attempts_failed;
    uint64_t offers_lapsed;
    uint64_t timers_fired;
    uint64_t parkings;        /* since the start */
    uint64_t parked_last_seq; /* the event parked last; 0: none since the start */
    uint32_t workers;
    uint32_t feeds;
    uint32_t leased;
    uint32_t parked; /* now */
};
void broker_count(const struct broker *broker, struct broker_counts *ret);
/** How full the store is, as of the turn that began last. */
void broker_room(const struct broker *broker, struct store_room *ret);
/** What net counts, for "server status". */
void broker_tell(struct broker *broker, uint64_t denied, int64_t longest_turn_us);

#endif
