/* SPDX-License-Identifier: Apache-2.0 */
/* workflow.h - the workflow, its invariants, the table of moves. */
#ifndef COMMISSION_WORKFLOW_H
#define COMMISSION_WORKFLOW_H

#include "proto/message.h"

/**
 * One commissioning case. A row exists from the first entry about its name on; until an opening event is accepted it is
 * in PHASE_NONE, and not shown.
 */
struct workflow {
    uint64_t number;   /* seq of the first entry about it */
    uint64_t last_seq; /* newest entry about it: the next one's `previous` */
    struct ods lead;   /* as named for ever */
    struct ods present_lead;
    struct reference reference;
    enum stage stage; /* STAGE_NONE in PHASE_NONE */
    enum phase phase;
    enum service_category category; /* as assessed; CATEGORY_NONE: not evidenced */
    bool adopted;
    date_t opened_on; /* occurred_on of the event that opened it */
    int64_t changed_at_ms;
    uint64_t phase_seq;      /* the verdict that brought it into its phase; 0 in PHASE_NONE */
    int64_t phase_at_ms;     /* when that was */
    uint64_t accepted_count; /* what `after` is compared with */
    uint64_t judging_seq;    /* the one event at its turn; 0: none */
    uint64_t queue_head;     /* events waiting behind it, linked by their open rows; 0: none */
    uint64_t queue_tail;
    uint32_t queued_count;
    uint32_t held_count;
};

/** A register's bookkeeping: one row for each organisation and kind of register (the event type). */
struct register_head {
    uint64_t number;
    uint64_t last_seq;
};

enum open_state {
    OPEN_QUEUED = 1,  /* behind earlier events of its workflow */
    OPEN_READY = 2,   /* at its turn: a worker may have it */
    OPEN_DELAYED = 3, /* at its turn: an attempt failed, the next comes at due_ms */
    OPEN_HELD = 4,    /* out of the queue until what it waits for comes */
    OPEN_PARKED = 5, /* at its turn: all attempts failed; until an operator or its sender decides */
};

/** A received event that has no final verdict. */
struct open_event {
    uint64_t seq;
    uint64_t number;   /* its workflow */
    uint64_t next_seq; /* the one behind it in its workflow's queue; 0: none */
    struct event_id id;
    enum event_type type;
    enum stage stage; /* whose worker judges it; set when it comes to its turn */
    enum open_state state;
    struct ods sender; /* fair shares are by it */
    uint64_t key_seq;
    uint32_t attempt;    /* failed ones so far */
    uint64_t failed_seq; /* the newest ATTEMPT_FAILED: when, whose, why; 0: none */
    int64_t due_ms;      /* DELAYED: wall clock */
    bool expired;        /* what it waited for has not come in time: it is rejected at its turn */
    int64_t received_at_ms;
    uint32_t event_len; /* bytes of the event, kept beside the row */
};

/** Does it go on: in PHASE_OPEN, or suspended? */
bool workflow_goes_on(enum phase phase);

/** Stop if @workflow is not one that can be: called before it is written and after it is read. */
void workflow_check(const struct workflow *workflow);

/** What one event type may do to a workflow in a stage. */
struct move {
    enum phase phase; /* before it */
    enum stage stage; /* before it; STAGE_NONE: any */
    enum event_type type;
    bool adopted_only; /* only in an adopted workflow, with the warning ADOPTED_NOT_EVIDENCED */
    enum phase to_phase;
    enum stage to_stage; /* STAGE_NONE: stays */
};

/** The whole table; what is not in it is rejected. */
const struct move *workflow_moves(uint32_t *ret_count);
/** The move for @type from where @workflow stands, or NULL. */
const struct move *workflow_move(const struct workflow *workflow, enum event_type type);

#endif
