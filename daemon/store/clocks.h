/* SPDX-License-Identifier: Apache-2.0 */
/* clocks.h - the timers of workflows as entries change them: rows, and an index by their moments of those that run. */
/* A suspended workflow's stand in no index: they do not run. */
#ifndef COMMISSION_CLOCKS_H
#define COMMISSION_CLOCKS_H

#include "daemon/store/rows.h"

/** End the timer of @kind about @of_seq; 0: all of the kind. One that is not set is fine. */
void clocks_end(struct rows *rows, const struct workflow *workflow, enum timer_kind kind,
                uint64_t of_seq);
/** What the verdict @entry says of timers: set, or ended. */
void clocks_set(struct rows *rows, const struct entry *entry, const struct workflow *workflow);
/** @workflow was in @before: its timers stop, or go on so much later as @entry says; when it is over they end, but those of what it still holds. */
void clocks_turn(struct rows *rows, const struct entry *entry, enum phase before,
                 const struct workflow *workflow);
/** TIMER_FIRED: the timer is at its next level, or ended. False: there was no such timer. */
MUST_USE bool clocks_fired(struct rows *rows, const struct entry *entry,
                           const struct workflow *workflow);

#endif
