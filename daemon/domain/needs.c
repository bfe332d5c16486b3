/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/domain/needs.h"

#define COMMISSIONERS                                                                              \
    (KIND_BIT(ORGANISATION_CCG) | KIND_BIT(ORGANISATION_ICB) | KIND_BIT(ORGANISATION_NHSE))
#define AND_CSU (COMMISSIONERS | KIND_BIT(ORGANISATION_CSU))
#define NHSE KIND_BIT(ORGANISATION_NHSE)
#define OPERATOR KIND_BIT(ORGANISATION_OPERATOR)

/* clang-format off */
static const struct needs table[] = {
    {.type = EVENT_NEEDS_ASSESSED, .stage = STAGE_NEEDS_ASSESSED, .opens = true, .senders = AND_CSU,
     .line = LINE_BUSINESS_INTELLIGENCE, .keeps_fact = true},
    {.type = EVENT_ADOPTED, .stage = STAGE_NEEDS_ASSESSED, .opens = true, .senders = AND_CSU,
     .line = LINE_PROCUREMENT},
    {.type = EVENT_PRIORITIES_SET, .stage = STAGE_PRIORITIES_SET, .decision = true, .senders = AND_CSU,
     .line = LINE_SERVICE_REDESIGN, .keeps_fact = true, .facts = {EVENT_NEEDS_ASSESSED}},
    {.type = EVENT_PROCUREMENT_STARTED, .stage = STAGE_PROCUREMENT, .senders = AND_CSU, .lead_only = true,
     .line = LINE_PROCUREMENT, .keeps_fact = true, .facts = {EVENT_NEEDS_ASSESSED, EVENT_PRIORITIES_SET}},
    {.type = EVENT_BID_RECEIVED, .stage = STAGE_PROCUREMENT, .senders = AND_CSU, .lead_only = true,
     .line = LINE_PROCUREMENT, .facts = {EVENT_PROCUREMENT_STARTED}},
    {.type = EVENT_BIDS_EVALUATED, .stage = STAGE_PROCUREMENT, .senders = AND_CSU, .lead_only = true,
     .line = LINE_PROCUREMENT, .keeps_fact = true, .facts = {EVENT_PROCUREMENT_STARTED}},
    {.type = EVENT_PROCUREMENT_ABANDONED, .stage = STAGE_PROCUREMENT, .decision = true, .senders = AND_CSU,
     .lead_only = true, .line = LINE_PROCUREMENT},
    {.type = EVENT_AWARD_INTENDED, .stage = STAGE_CONTRACT_AWARD, .decision = true, .senders = AND_CSU,
     .lead_only = true, .line = LINE_PROCUREMENT, .money = MONEY_RESERVE, .keeps_fact = true,
     .facts = {EVENT_NEEDS_ASSESSED, EVENT_PROCUREMENT_STARTED}},
    {.type = EVENT_CONTRACT_AWARDED, .stage = STAGE_CONTRACT_AWARD, .decision = true, .senders = AND_CSU,
     .lead_only = true, .line = LINE_PROCUREMENT, .money = MONEY_COMMIT, .keeps_fact = true,
     .facts = {EVENT_NEEDS_ASSESSED, EVENT_PROCUREMENT_STARTED, EVENT_AWARD_INTENDED}},
    {.type = EVENT_AWARD_WITHDRAWN, .stage = STAGE_CONTRACT_AWARD, .decision = true, .senders = AND_CSU,
     .lead_only = true, .line = LINE_PROCUREMENT, .money = MONEY_RELEASE, .keeps_fact = true,
     .facts = {EVENT_AWARD_INTENDED}},
    {.type = EVENT_REVIEW_COMPLETED, .stage = STAGE_REVIEW, .senders = AND_CSU,
     .line = LINE_CONTRACT_MANAGEMENT, .facts = {EVENT_CONTRACT_AWARDED}},
    {.type = EVENT_NOTE, .any_stage = true, .senders = AND_CSU},
    {.type = EVENT_SUSPENDED, .any_stage = true, .decision = true, .senders = AND_CSU},
    {.type = EVENT_RESUMED, .any_stage = true, .decision = true, .senders = AND_CSU},
    {.type = EVENT_WITHDRAWN, .any_stage = true, .decision = true, .senders = AND_CSU, .money = MONEY_RELEASE_ALL},
    {.type = EVENT_ORGANISATION_REGISTERED, .senders = NHSE},
    {.type = EVENT_SUPPORT_CONTRACT, .senders = COMMISSIONERS},
    {.type = EVENT_CO_COMMISSIONING_LEVEL, .senders = NHSE},
    {.type = EVENT_ALLOTMENT_SET, .senders = AND_CSU, .money = MONEY_ALLOT},
    {.type = EVENT_KEY_ADDED, .senders = OPERATOR},
    {.type = EVENT_KEY_REVOKED, .senders = OPERATOR},
};
/* clang-format on */

bool needs_commissioner(enum organisation_kind kind)
{
    return (COMMISSIONERS & KIND_BIT(kind)) != 0;
}

const struct needs *needs_of(enum event_type type)
{
    for (uint32_t i = 0; i < ARRAY_LEN(table); i++) {
        if (table[i].type == type)
            return &table[i];
    }
    return NULL;
}

const struct needs *needs_table(uint32_t *ret_count)
{
    *ret_count = ARRAY_LEN(table);
    return table;
}
