/* SPDX-License-Identifier: Apache-2.0 */
/* apply.h - state + entry -> state: total, deterministic, from the entry alone. Run once when decided and again at every replay. */
#ifndef COMMISSION_APPLY_H
#define COMMISSION_APPLY_H

#include "daemon/domain/ledger.h"
#include "daemon/domain/workflow.h"
#include "proto/message.h"

/*
 * The store loads the rows, calls these, puts the rows back (store/state.c). The queue of a workflow is a list linked
 * through open rows: at most one event is judged at a time (judging_seq), the others wait in order.
 */

/** RECEIVED of a workflow event: @open becomes its row. @tail: the row of the queue's tail, or NULL when the queue is empty; gets its link. With nothing under judgement it is at its turn: OPEN_READY. */
void apply_received(struct workflow *workflow, struct open_event *open, struct open_event *tail,
                    const struct entry *entry, const struct event *event);

/**
 * JUDGED: @open, which was at its turn, is accepted, rejected (the caller deletes its row) or held (its state says so). The workflow moves to the
 * entry's stage and phase; @next, the row at the queue's head or NULL, comes to its turn: OPEN_READY.
 */
void apply_judged(struct workflow *workflow, struct open_event *open, struct open_event *next,
                  const struct entry *entry, const struct event *event);

/** ATTEMPT_FAILED: delayed until next_at_ms, or parked: the events behind it wait until someone decides. */
void apply_attempt_failed(struct workflow *workflow, struct open_event *open,
                          const struct entry *entry);

/** LATE_FINDING: the workflow has this entry about it, and nothing else changes. */
void apply_late_finding(struct workflow *workflow, const struct entry *entry);

/** WAIT_ENDED: @open is held no more: at its turn when nothing is under judgement, else at the head of the queue. */
void apply_wait_ended(struct workflow *workflow, struct open_event *open,
                      const struct entry *entry);

/** RETRIED: @open, which is parked, is at its turn again, its attempts counted from the beginning. */
void apply_retried(struct workflow *workflow, struct open_event *open, const struct entry *entry);

/**
 * EVENT_WITHDRAWN: @open, in any state, is gone; the caller deletes its row. Of one that was QUEUED, @before is the row before it
 * in the queue, or NULL; of one that was at its turn, @next is the row at the queue's head, or NULL, and comes to its turn.
 */
void apply_withdrawn(struct workflow *workflow, const struct open_event *open,
                     struct open_event *before, struct open_event *next, const struct entry *entry);

/** TIMER_FIRED: the workflow has an entry more; its timer is the store's. */
void apply_timer_fired(struct workflow *workflow, const struct entry *entry);

#endif
