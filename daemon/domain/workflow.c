/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/domain/workflow.h"

/*
 *            NEEDS_ASSESSED    PRIORITIES_SET     BIDS_EVALUATED     CONTRACT_AWARDED   REVIEW_COMPLETED
 *   (none) ───────────────► priorities ───────► procurement ──────► contract award ───► review ─────────► complete
 *      │                        ▲                   ▲  │                  ▲                ▲
 *      └── ADOPTED: at the stage that it names ─────┘  └─ adopted only: ──┴────────────────┘
 *
 * The stage is the one whose events are awaited: those before it are complete. An award that was intended and not made (another
 * lot's) can be withdrawn at any time after, so that its reservation never stands for ever.
 *
 *            SUSPENDED                          WITHDRAWN
 *   open ◄──────────────► suspended      open, suspended ──────────► withdrawn        the stage stays
 *            RESUMED
 *
 * While it is suspended what comes, but NOTE, is held (decide.c) and waits for the verdict on RESUMED or WITHDRAWN.
 */
/* clang-format off */
static const struct move moves[] = {
    /* phase          stage                 on                         adopted  to phase        to stage */
    {PHASE_NONE,     STAGE_NONE,           EVENT_NEEDS_ASSESSED,      false,   PHASE_OPEN,     STAGE_PRIORITIES_SET},
    {PHASE_NONE,     STAGE_NONE,           EVENT_ADOPTED,             false,   PHASE_OPEN,     STAGE_NONE},
    {PHASE_OPEN,     STAGE_NEEDS_ASSESSED, EVENT_NEEDS_ASSESSED,      false,   PHASE_OPEN,     STAGE_PRIORITIES_SET},
    {PHASE_OPEN,     STAGE_PRIORITIES_SET, EVENT_PRIORITIES_SET,      false,   PHASE_OPEN,     STAGE_PROCUREMENT},
    {PHASE_OPEN,     STAGE_PROCUREMENT,    EVENT_PROCUREMENT_STARTED, false,   PHASE_OPEN,     STAGE_NONE},
    {PHASE_OPEN,     STAGE_PROCUREMENT,    EVENT_BID_RECEIVED,        false,   PHASE_OPEN,     STAGE_NONE},
    {PHASE_OPEN,     STAGE_PROCUREMENT,    EVENT_PROCUREMENT_ABANDONED, false, PHASE_OPEN,     STAGE_NONE},
    {PHASE_OPEN,     STAGE_PROCUREMENT,    EVENT_BIDS_EVALUATED,      false,   PHASE_OPEN,     STAGE_CONTRACT_AWARD},
    {PHASE_OPEN,     STAGE_PROCUREMENT,    EVENT_AWARD_INTENDED,      true,    PHASE_OPEN,     STAGE_CONTRACT_AWARD},
    {PHASE_OPEN,     STAGE_PROCUREMENT,    EVENT_CONTRACT_AWARDED,    true,    PHASE_OPEN,     STAGE_REVIEW},
    {PHASE_OPEN,     STAGE_CONTRACT_AWARD, EVENT_AWARD_INTENDED,      false,   PHASE_OPEN,     STAGE_NONE},
    {PHASE_OPEN,     STAGE_CONTRACT_AWARD, EVENT_AWARD_WITHDRAWN,     false,   PHASE_OPEN,     STAGE_NONE},
    {PHASE_OPEN,     STAGE_CONTRACT_AWARD, EVENT_CONTRACT_AWARDED,    false,   PHASE_OPEN,     STAGE_REVIEW},
    {PHASE_OPEN,     STAGE_REVIEW,         EVENT_AWARD_WITHDRAWN,     false,   PHASE_OPEN,     STAGE_NONE},
    {PHASE_OPEN,     STAGE_REVIEW,         EVENT_REVIEW_COMPLETED,    false,   PHASE_COMPLETE, STAGE_NONE},
    {PHASE_OPEN,     STAGE_NONE,           EVENT_NOTE,                false,   PHASE_OPEN,     STAGE_NONE},
    {PHASE_OPEN,     STAGE_NONE,           EVENT_SUSPENDED,           false,   PHASE_SUSPENDED, STAGE_NONE},
    {PHASE_OPEN,     STAGE_NONE,           EVENT_WITHDRAWN,           false,   PHASE_WITHDRAWN, STAGE_NONE},
    {PHASE_SUSPENDED, STAGE_NONE,          EVENT_RESUMED,             false,   PHASE_OPEN,     STAGE_NONE},
    {PHASE_SUSPENDED, STAGE_NONE,          EVENT_WITHDRAWN,           false,   PHASE_WITHDRAWN, STAGE_NONE},
    {PHASE_SUSPENDED, STAGE_NONE,          EVENT_NOTE,                false,   PHASE_SUSPENDED, STAGE_NONE},
    {PHASE_COMPLETE, STAGE_NONE,           EVENT_AWARD_WITHDRAWN,     false,   PHASE_COMPLETE, STAGE_NONE},
    {PHASE_COMPLETE, STAGE_NONE,           EVENT_NOTE,                false,   PHASE_COMPLETE, STAGE_NONE},
    {PHASE_WITHDRAWN, STAGE_NONE,          EVENT_NOTE,                false,   PHASE_WITHDRAWN, STAGE_NONE},
};
/* clang-format on */

bool workflow_goes_on(enum phase phase)
{
    return phase == PHASE_OPEN || phase == PHASE_SUSPENDED;
}

void workflow_check(const struct workflow *workflow)
{
    CHECK(workflow->number > 0);
    CHECK(workflow->last_seq >= workflow->number);
    CHECK(!ods_empty(workflow->lead));
    CHECK(workflow->reference.text[0] != '\0');
    CHECK(workflow->phase >= PHASE_NONE);
    CHECK(workflow->phase <= PHASE_WITHDRAWN);
    CHECK((workflow->phase == PHASE_NONE) == (workflow->stage == STAGE_NONE));
    CHECK(workflow->phase_seq <= workflow->last_seq);
    CHECK((workflow->queue_head == 0) == (workflow->queued_count == 0));
    CHECK((workflow->queue_head == 0) == (workflow->queue_tail == 0));
    CHECK(workflow->queue_head == 0 || workflow->judging_seq != 0);
}

const struct move *workflow_moves(uint32_t *ret_count)
{
    *ret_count = ARRAY_LEN(moves);
    return moves;
}

const struct move *workflow_move(const struct workflow *workflow, enum event_type type)
{
    for (uint32_t i = 0; i < ARRAY_LEN(moves); i++) {
        const struct move *move = &moves[i];
        if (move->type == type && move->phase == workflow->phase &&
            (move->stage == STAGE_NONE || move->stage == workflow->stage) &&
            (!move->adopted_only || workflow->adopted))
            return move;
    }
    return NULL;
}
