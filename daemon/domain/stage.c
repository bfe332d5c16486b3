/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/domain/stage.h"

/* clang-format off */
static const struct stage_row stages[] = {
    /* stage                accept_ms  lease_ms  attempts      backoff_ms, at most */
    {STAGE_NEEDS_ASSESSED,  ACCEPT_MS, LEASE_MS, ATTEMPTS_MAX, 500, 60000},
    {STAGE_PRIORITIES_SET,  ACCEPT_MS, LEASE_MS, ATTEMPTS_MAX, 500, 60000},
    {STAGE_PROCUREMENT,     ACCEPT_MS, LEASE_MS, ATTEMPTS_MAX, 500, 60000},
    {STAGE_CONTRACT_AWARD,  ACCEPT_MS, LEASE_MS, ATTEMPTS_MAX, 500, 60000},
    {STAGE_REVIEW,          ACCEPT_MS, LEASE_MS, ATTEMPTS_MAX, 500, 60000},
};
/* clang-format on */

static_assert(ARRAY_LEN(stages) == STAGES_MAX, "a row for each stage");

const struct stage_row *stage_row(enum stage stage)
{
    CHECK(stage >= STAGE_NEEDS_ASSESSED);
    CHECK(stage <= STAGE_REVIEW);

    const struct stage_row *row = &stages[stage - STAGE_NEEDS_ASSESSED];
    CHECK(row->stage == stage);
    return row;
}

uint32_t stage_backoff_ms(const struct stage_row *row, uint32_t attempt, uint32_t jitter)
{
    CHECK(attempt >= 1);
    CHECK(jitter < 1000);

    uint64_t wait = row->backoff_ms;
    for (uint32_t i = 1; i < attempt && wait < row->backoff_ms_max; i++)
        wait *= 2;
    if (wait > row->backoff_ms_max)
        wait = row->backoff_ms_max;

    /* Half of it is certain, half is chance's, so that what failed together does not come back together. */
    return (uint32_t)(wait / 2 + wait * jitter / 2000);
}
