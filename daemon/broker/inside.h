/* SPDX-License-Identifier: Apache-2.0 */
/* inside.h - the broker's inside, shared by its own sources: broker.c, door.c, turn.c, work.c, query*.c. Nobody else includes it. */
#ifndef COMMISSION_BROKER_INSIDE_H
#define COMMISSION_BROKER_INSIDE_H

#include "daemon/broker/broker.h"
#include "daemon/broker/docket.h"
#include "daemon/broker/due.h"
#include "daemon/broker/feed.h"
#include "daemon/broker/notary.h"
#include "daemon/broker/outbox.h"
#include "daemon/broker/queue.h"
#include "daemon/broker/quota.h"
#include "daemon/broker/roster.h"
#include "daemon/domain/stage.h"

#define BROKER_ARENA_BYTES (2 * ARENA_BYTES_MAX) /* what is owed in one turn */
#define SCRUB_STEPS 4                            /* a second, while idle */
#define SCRUB_EVERY_MS (1000 / SCRUB_STEPS)
#define SCRUB_REST_MS 3600000 /* between two passes through the state */
#define BUSY_RETRY_MS 250
#define OFFERS_LOST_MAX 2       /* of one event, not accepted: each one more is a failed attempt */
#define WORKFLOWS_RETRY_MS 5000 /* until one of its workflows is complete, which takes people */
#define STAGE_RETRY_MS 30000    /* until an operator lets a draining stage take events again */
#define RELEASES_MAX                                                                               \
    64 /* waits whose end is being told at once; beyond it all waits are looked through */
#define RELEASES_TURN_MAX 256 /* WAIT_ENDED entries a turn */
#define KEY_CHANGES_MAX BATCH_ENTRIES_MAX

/* What came: those that wait for it are let go, the oldest first. */
struct release {
    struct wait wait;
    uint64_t by_seq;
};

/* Events at their turn that nobody has looked at yet: first come, first served. */
struct turns {
    uint64_t *seqs; /* a ring */
    uint32_t first;
    uint32_t count;
    uint32_t count_max;
};

/* A turn is full when its questions have looked at so many rows; each costs some at least. No crowd of them holds up the rest. */
#define ASKED_MAX 16384
#define ASKED_EACH 256

struct broker {
    struct store *store;
    struct broker_options options;
    char version[64];
    struct instant started;
    struct instant now;
    uint64_t chance;

    struct arena *arena;   /* what is owed; as long as the turn */
    struct arena *scratch; /* of the one thing being decided; reset again and again */
    struct outbox outbox;
    struct docket *docket;
    struct queue *queue;
    struct quota *quota;
    struct roster *roster;
    struct due *due;
    struct feeds *feeds;
    struct notary *notary;
    struct turns turns;
    struct stage_setting stages[STAGES_MAX + 1]; /* by stage, as the store has them */

    struct release releases[RELEASES_MAX];
    uint32_t releases_count;
    bool wait_pass; /* all waits are being looked through */
    struct wait wait_at;
    uint64_t wait_seq;

    struct key_change key_changes[KEY_CHANGES_MAX];
    uint32_t key_changes_first;
    uint32_t key_changes_count;
    enum broker_wish wish;

    bool begun;     /* STARTED is written */
    uint32_t asked; /* what this turn's questions have cost, in rows looked at */
    bool has_room;  /* of the store, as this turn began */
    bool draining;
    bool unassigned; /* the last turn had no room for more assignments */
    bool concluded;  /* what is owed may leave */
    enum status failure;
    int64_t scrub_next_ms;  /* monotonic */
    int64_t dirty_since_ms; /* monotonic; 0: the state is clean */
    uint64_t counter;       /* of the last token */
    struct broker_counts counts;
    uint64_t denied;
    int64_t longest_turn_us;

    /* Of the event being decided. */
    struct decision decision;
    struct circumstances circumstances;
    struct support_row supports[SUPPORTS_MAX];
    struct ledger_year years[DECIDE_YEARS_MAX];
    struct event facts[3 * FACTS_MAX];
    uint64_t fact_seqs[3 * FACTS_MAX];
};

/* ---- door.c: what a sender brings ---- */

/** What has a statutory deadline (the standstill's representations) goes before all else. */
enum queue_rank door_rank(enum event_type type);

/** The stage's row of the table that counts here. */
static inline const struct stage_row *broker_stage(const struct broker *broker, enum stage stage)
{
    if (broker->options.stages == NULL)
        return stage_row(stage);
    CHECK(broker->options.stages[stage - STAGE_NEEDS_ASSESSED].stage == stage);
    return &broker->options.stages[stage - STAGE_NEEDS_ASSESSED];
}

/* ---- broker.c: the ways out ---- */

/** Add @entry, with its time, to the batch. False: the store has failed; broker_flush() will say so. */
bool broker_add(struct broker *broker, struct entry *entry, const struct event *event,
                struct hash *ret_hash);
/** The batch has room for another entry, if need be by writing what is in it. */
void broker_make_room(struct broker *broker);
/** The first failure stands, and stops the daemon at the turn's end. */
void broker_fail(struct broker *broker, enum status status);
/** Owe @to @answer; its reasons are copied. 0: nobody. */
void broker_answer(struct broker *broker, connection_t to, const struct answer *answer);

/* ---- turn.c: an event at its turn, its verdict, its attempts ---- */

/** Load what deciding @event looks at into broker->circumstances. */
void turn_circumstances(struct broker *broker, const struct event *event,
                        const struct workflow *workflow);
/** The same for a register event. */
void turn_register_circumstances(struct broker *broker, const struct event *event);
/** Load the event received as @seq and decode it into the scratch arena, which is reset before. False: the store is broken. */
MUST_USE bool turn_load(struct broker *broker, uint64_t seq, struct event *ret);

/** @event, received as @seq, is at its turn: it is rejected now, or ready for its stage's worker. */
void turn_begin(struct broker *broker, uint64_t seq, const struct event *event,
                const struct workflow *workflow);
/** The event of @seq came to its turn; it will be looked at by turn_run(). */
void turn_await(struct broker *broker, uint64_t seq);
/** The event of @seq, which waits to be looked at, is not. */
void turn_forget(struct broker *broker, uint64_t seq);
/**
 * What was at its turn in workflow @number has left it: the next of the queue comes to it. There is none: those that waited for the
 * workflow to be resumed are let go.
 */
void turn_next(struct broker *broker, uint64_t number);
/** Look at those at their turn, as many as the batch has room for. */
void turn_run(struct broker *broker);
/** The finding for @lease is @found: the verdict is journalled and told. */
void turn_judge(struct broker *broker, const struct lease *lease, const char *worker,
                const struct reason *found, uint32_t found_count);
/** The attempt of @lease failed: the next one comes later, at once when the first @worker just went away, or never: parked. */
void turn_failed(struct broker *broker, const struct lease *lease, const char *worker,
                 struct slice error, bool gone);
/** How much of a worker's error is kept: whole characters, in bytes. */
int turn_error_len(struct slice error);
/** Whoever waits for @wait is let go from now on: entry @by_seq brought it. Said twice: nothing more happens. */
void turn_release(struct broker *broker, const struct wait *wait, uint64_t by_seq);
/** The held event of @seq waits no more: entry @by_seq brought what it waited for, or that has not come in time. */
void turn_end_wait(struct broker *broker, uint64_t seq, uint64_t by_seq, bool expired);
/** Let go some of those whose waits have ended. */
void turn_releases(struct broker *broker);

/* ---- order_events.c: events withdrawn ---- */

/**
 * The verdict that @entry (JUDGED, RECORDED, EVENT_WITHDRAWN) tells, and its reasons; @item is room for the one of an event that was
 * withdrawn or discarded: why, as the order says.
 */
enum verdict order_verdict(const struct entry *entry, struct reason *item,
                           const struct reason **ret, uint32_t *ret_count);

/* ---- work.c: workers and their assignments ---- */

/** Take back what is lost by now: workers gone or silent, leases over. */
void work_take_back(struct broker *broker);
/** Ready work goes to workers with credit; those that are to finish are told. */
void work_assign(struct broker *broker);

#endif
