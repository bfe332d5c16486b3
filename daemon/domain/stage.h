/* SPDX-License-Identifier: Apache-2.0 */
/* stage.h - the stages as a table: order, name, lease, attempts and their backoff. */
#ifndef COMMISSION_STAGE_H
#define COMMISSION_STAGE_H

#include "proto/message.h"

struct stage_row {
    enum stage stage;
    uint32_t lease_ms;
    uint32_t attempts_max;
    uint32_t backoff_ms; /* after the first failed attempt; doubles each time */
    uint32_t backoff_ms_max;
};

/** The row of @stage, which must be one of the five. */
const struct stage_row *stage_row(enum stage stage);
/** When to try again after attempt @attempt (from 1) failed: milliseconds from now; @jitter is 0..999, chance's part. */
uint32_t stage_backoff_ms(enum stage stage, uint32_t attempt, uint32_t jitter);

#endif
