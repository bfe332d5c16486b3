/* SPDX-License-Identifier: Apache-2.0 */
/* timer.h - the table of timers: what sets one, what ends it, when it speaks, and whose business that is. */
/*
 * A timer reminds, it decides nothing: rights are computed from dates by those who judge. It has levels, one after the other; each is
 * due at the beginning of a civil day in England. The moments are journalled, so a table that changes moves nothing that is set.
 */
#ifndef COMMISSION_TIMER_H
#define COMMISSION_TIMER_H

#include "proto/message.h"

#define HELD_DAYS 90 /* a held event waits so long */

/** A timer that is set. */
struct timer_row {
    uint64_t number;        /* its workflow */
    struct timer_set timer; /* its next level */
    uint64_t set_by_seq;
};

/** What was decided about an event, as far as timers look at it. */
struct timer_matter {
    const struct event *event;
    uint64_t seq; /* of the event's receipt */
    enum verdict verdict;
    bool suspended;     /* held only until the workflow is resumed */
    uint64_t award_seq; /* the AWARD_INTENDED that the event makes or takes back; 0: none */
    int64_t now_ms;     /* wall clock */
};

/**
 * What the verdict sets (of_seq: the event) and ends (due_ms 0; of_seq 0: all of the kind) to @ret. Levels whose moment is over already are
 * left out: they would tell nobody anything new. Returns how many.
 */
uint32_t timer_plan(const struct timer_matter *matter, struct timer_set ret[TIMERS_MAX]);

/**
 * What comes after @timer has fired: its next level, with the days between them in England's calendar kept, or due_ms 0 when that was
 * the last. A HELD_EXPIRY goes on, at its END, to TIMER_LEVEL_NONE at the same moment: the event's wait is ended then.
 */
struct timer_set timer_next(const struct timer_set *timer);

/** Whose business a level is: "sender" (of the event), "lead" (of the workflow); static. */
const char *timer_role(enum timer_kind kind, enum timer_level level);

#endif
