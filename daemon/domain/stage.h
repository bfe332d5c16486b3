/* SPDX-License-Identifier: Apache-2.0 */
/* stage.h - the stages as a table: how long an offer and a lease last, how often an attempt may fail and how soon it is tried again. */
#ifndef COMMISSION_STAGE_H
#define COMMISSION_STAGE_H

#include "proto/message.h"

struct stage_row {
    enum stage stage;
    uint32_t
        accept_ms; /* an assignment that its worker has not accepted by then is offered to another */
    uint32_t lease_ms;     /* from there on; a PROGRESS begins it anew */
    uint32_t attempts_max; /* this many failed: parked */
    uint32_t backoff_ms;   /* after the first failed attempt; doubles each time */
    uint32_t backoff_ms_max;
};

/** Whether a stage's work goes on, as an operator set it. */
struct stage_setting {
    enum stage_state state;
    int64_t since_ms; /* wall clock */
    uint64_t seq;     /* of the entry that says so; 0: it was never set */
};

/** The row of @stage, which must be one of the five. */
const struct stage_row *stage_row(enum stage stage);
/** When to try again after attempt @attempt (from 1) of @row's stage failed: milliseconds from now; @jitter is 0..999, chance's part. */
uint32_t stage_backoff_ms(const struct stage_row *row, uint32_t attempt, uint32_t jitter);

#endif
