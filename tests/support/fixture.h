/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.h - a broker on a store in a temporary folder, with time by hand: what is put in, what comes out. */
#ifndef COMMISSION_TEST_FIXTURE_H
#define COMMISSION_TEST_FIXTURE_H

#include "daemon/broker/broker.h"
#include "proto/statement.h"
#include "tests/support/builders.h"

#define FIXTURE_OUT_MAX 4096
#define CLIENT 1001 /* a connection of a sender's */
#define OTHER_CLIENT 1002
#define WORKER 2001
#define OTHER_WORKER 2002

/** What came out, in order; copied, so that it outlives the turn. */
struct out_answer {
    connection_t to;
    struct answer answer;
    struct reason reason; /* the first */
};
struct out_assignment {
    connection_t to;
    struct assignment assignment; /* without lists */
    struct event_id id;
    enum event_type type;
};
struct out_reply {
    connection_t to;
    struct reply reply; /* lists in the fixture's arena */
};
struct out_entries {
    connection_t to;
    struct feed_entries entries; /* in the fixture's arena */
};

struct fixture {
    struct statement_key signing_key;
    uint8_t secret[STATEMENT_SECRET_BYTES];
    char dir[64];
    struct store *store;
    struct broker *broker;
    struct broker_options options;
    struct instant now;
    uint32_t seed;
    uint32_t ids;          /* the last one given */
    struct arena *arena;   /* as long as the fixture */
    struct arena *decoded; /* events handed in; as long as the turn */
    struct out_answer answers[FIXTURE_OUT_MAX];
    uint32_t answers_count;
    struct out_assignment assignments[FIXTURE_OUT_MAX]; /* not found yet */
    uint32_t assignments_count;
    bool deaf; /* assignments are not accepted by themselves at the turn's end */
    struct out_reply replies[64];
    uint32_t replies_count;
    struct out_entries entries[64];
    uint32_t entries_count;
    struct welcome welcome; /* the last one */
    char welcome_error[80];
    uint32_t welcomes_count;
};

/** cmocka's setup and teardown: *state is a struct fixture on an empty store, at 2018-07-02 09:00 UTC. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
/** The same with the registers of the small world: X24, 02E, 01F, 0CE with its contract for 02E, allotments of 2018/19 over GBP 10,000. */
int fixture_setup_world(void **state);
void fixture_init(struct fixture *f);
void fixture_clear(struct fixture *f);
void given_world(struct fixture *f);

/** The daemon ends (killed: without a commit) and starts again. */
void when_restarted(struct fixture *f, bool killed);
void when_time_passes(struct fixture *f, int64_t ms);

/* A turn: begin, any number of things, end. What comes out is added to the lists above. */
void turn_opens(struct fixture *f);
void turn_closes(struct fixture *f);
/** The same without the tick, as if the daemon ended right after the flush. */
void turn_breaks_off(struct fixture *f);
/** A turn in which nothing comes in. */
void a_turn(struct fixture *f);
/** Until nothing is due any more at this moment. */
void turns_until_quiet(struct fixture *f);

/** Give @event an id if it has none, and bytes; the bytes last as long as the fixture. */
struct event made(struct fixture *f, struct event event);
/** Hand it in on @from within an open turn, as the principal of its sender; decoded from its bytes. */
void hand_in(struct fixture *f, connection_t from, const struct event *event);
/** A turn with just this event on CLIENT. Returns it as made. */
struct event when_sent(struct fixture *f, struct event event);

void when_worker_joins(struct fixture *f, connection_t worker, enum stage stage, uint32_t capacity);
/** A worker for all five stages. */
void when_worker_of_all_joins(struct fixture *f, connection_t worker, uint32_t capacity);
/** Within an open turn: the finding for the assignment at @index, which is taken off the list. REASON_COUNT: nothing found. */
void hand_in_finding(struct fixture *f, uint32_t index, enum reason_code found, const char *error);
/** A turn with just that. */
void when_found(struct fixture *f, uint32_t index, enum reason_code found);
void when_worker_fails(struct fixture *f, uint32_t index, const char *error);
/** All assignments are found good, until there are none any more. */
void when_all_is_found_good(struct fixture *f);
/** The whole way to @stage for a workflow of @lead, with a worker of all stages present. */
void given_workflow_in(struct fixture *f, const char *lead, const char *reference,
                       enum stage stage);

/** Ask, in a turn of its own: command, then name, value pairs up to NULL. The reply is the last of the list. */
const struct reply *when_asked(struct fixture *f, const char *ods, const char *command, ...);
/** The cell of @row in the column @name of a reply, as text in the fixture's arena. */
const char *cell_of(struct fixture *f, const struct reply *reply, uint32_t row, const char *name);

/** The newest answer about @id of @kind, or NULL. */
const struct out_answer *answer_to(const struct fixture *f, struct event_id id,
                                   enum answer_kind kind);
/** How many answers there are about @id of @kind. */
uint32_t answers_to(const struct fixture *f, struct event_id id, enum answer_kind kind);
/** Where the assignment of the event @id stands in the list; UINT32_MAX: nowhere. */
uint32_t assignment_of(const struct fixture *f, struct event_id id);
/** Read back an entry of the journal into the fixture's arena. */
struct entry entry_at(struct fixture *f, uint64_t seq);
/** The newest entry. */
struct entry last_entry(struct fixture *f);

#endif
