/* SPDX-License-Identifier: Apache-2.0 */
/* In place of daemon/domain/stage.c in a daemon for tests, which comes to the end of all attempts within seconds. */
#include "daemon/domain/stage.h"

#define HASTY_ACCEPT_MS 500
#define HASTY_BACKOFF_MS 20

/* clang-format off */
static const struct stage_row stages[STAGES_MAX] = {
    {STAGE_NEEDS_ASSESSED, HASTY_ACCEPT_MS, LEASE_MS, ATTEMPTS_MAX, HASTY_BACKOFF_MS, HASTY_BACKOFF_MS},
    {STAGE_PRIORITIES_SET, HASTY_ACCEPT_MS, LEASE_MS, ATTEMPTS_MAX, HASTY_BACKOFF_MS, HASTY_BACKOFF_MS},
    {STAGE_PROCUREMENT,    HASTY_ACCEPT_MS, LEASE_MS, ATTEMPTS_MAX, HASTY_BACKOFF_MS, HASTY_BACKOFF_MS},
    {STAGE_CONTRACT_AWARD, HASTY_ACCEPT_MS, LEASE_MS, ATTEMPTS_MAX, HASTY_BACKOFF_MS, HASTY_BACKOFF_MS},
    {STAGE_REVIEW,         HASTY_ACCEPT_MS, LEASE_MS, ATTEMPTS_MAX, HASTY_BACKOFF_MS, HASTY_BACKOFF_MS},
};
/* clang-format on */

const struct stage_row *stage_row(enum stage stage)
{
    CHECK(stage >= STAGE_NEEDS_ASSESSED);
    CHECK(stage <= STAGE_REVIEW);
    return &stages[stage - STAGE_NEEDS_ASSESSED];
}

uint32_t stage_backoff_ms(const struct stage_row *row, uint32_t attempt, uint32_t jitter)
{
    (void)attempt;
    (void)jitter;
    return row->backoff_ms;
}
