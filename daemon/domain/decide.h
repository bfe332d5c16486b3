/* SPDX-License-Identifier: Apache-2.0 */
/* decide.h - order, authority, dates and money: what the daemon says of an event, from values alone. */
#ifndef COMMISSION_DECIDE_H
#define COMMISSION_DECIDE_H

#include "daemon/domain/ledger.h"
#include "daemon/domain/needs.h"
#include "daemon/domain/workflow.h"
#include "proto/message.h"

#define SUPPORTS_MAX 16

/** A CSU's contract as the register has it. */
struct support_row {
    struct ods ccg;
    struct ods csu;
    uint32_t lines; /* LINE_BITs */
    struct period period;
    uint64_t entry_seq;
};

/** What decide() may look at; who fills it in: the broker, from the store, as needs says. */
struct circumstances {
    /* PHASE_NONE: not open. */
    struct workflow workflow;
    /* For whom it is sent (event_commissioner); of a register event the organisation it is about. */
    struct organisation commissioner;
    /* Whom a register event names beside its own: a support contract's unit. */
    struct organisation named;
    /* Between the commissioner and the sender, when a support unit sends. */
    const struct support_row *supports;
    uint32_t supports_count;
    /* The present lead's: those that decide_years() names. */
    const struct ledger_year *years;
    uint32_t years_count;
    /* For events that move money: awards intended, made and withdrawn, decoded, in the order of their acceptance. */
    const struct event *facts;
    uint32_t facts_count;
    const uint64_t *fact_seqs; /* of each */
    /* Events of this workflow that came before it wait for RESUMED still. */
    bool earlier_wait;
    /* KEY_ADDED: the key was ever added; KEY_REVOKED: it is in use. */
    bool key_in_use;
    /* What it waited for has not come in time. */
    bool expired;
    uint64_t seq;   /* of its receipt; 0: it has none */
    int64_t now_ms; /* wall clock */
    date_t today;
};

/** What was decided; lists are in the struct itself. */
struct decision {
    enum verdict verdict;
    struct reason reasons_items[REASONS_MAX];
    struct reasons reasons;
    struct ledger_line lines[LEDGER_LINES_MAX];
    uint32_t lines_count;
    struct wait waits[WAITS_MAX];
    uint32_t waits_count;
    enum stage stage; /* of the workflow after it */
    enum phase phase;
    enum service_category category;
    bool keeps_fact;
    struct timer_set timers[TIMERS_MAX];
    uint32_t timers_count;
    int64_t shift_ms; /* RESUMED: so much later are all timers due */
    bool stranger;    /* has no business with the workflow: it and its money were not looked at */
    bool suspended;   /* it waits for the workflow to be resumed: its money was not looked at */
};

/**
 * At the door, before anything is kept: may @principal send this at all? Adds what stands against it to @reasons
 * (SENDER_NOT_AUTHORISED, FIELD_INVALID:event_type for a type not built). Empty: let it in.
 */
void decide_door(const struct event *event, const struct principal *principal,
                 struct reasons *reasons);

/**
 * The financial years whose ledger rows deciding @event needs: of its award, of its allotment, of the reservations among
 * @facts that it releases. Each once, ascending; returns how many (<= DECIDE_YEARS_MAX).
 */
#define DECIDE_YEARS_MAX LEDGER_LINES_MAX
uint32_t decide_years(const struct event *event, const struct event *facts, uint32_t facts_count,
                      int32_t ret[DECIDE_YEARS_MAX]);

/**
 * At its turn. Fills @ret with the daemon's reasons on order, authority, dates and `after`. True: it goes to the worker of
 * *@ret_stage. False: it is rejected, or held as the workflow is suspended, now, and @ret is the verdict.
 */
MUST_USE bool decide_turn(const struct event *event, const struct circumstances *circumstances,
                          struct decision *ret, enum stage *ret_stage);

/**
 * When the worker's finding has come: order and authority once more, money, and @found, the worker's reasons. @ret is the verdict, with
 * the moves of money, what it waits for when held, and where the workflow stands after it.
 */
void decide_verdict(const struct event *event, const struct circumstances *circumstances,
                    const struct reason *found, uint32_t found_count, struct decision *ret);

/** A register event: judged at once, accepted or rejected. */
void decide_register(const struct event *event, const struct principal *principal,
                     const struct circumstances *circumstances, struct decision *ret);

#endif
