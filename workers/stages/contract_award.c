/* SPDX-License-Identifier: Apache-2.0 */
/* What an award must pass, intended or made. A withdrawal passes. */
#include "workers/rules/rules.h"

static const struct rule *const award[] = {
    &rule_category_known,   &rule_responsibility, &rule_weight_management,
    &rule_urgent_care_open, &rule_provider_known, &rule_provider_open,
    &rule_award_value,      &rule_award_in_time,  NULL,
};

static const struct event_rules events[] = {
    {EVENT_AWARD_INTENDED, award},
    {EVENT_CONTRACT_AWARDED, award},
};

const struct stage_rules stage_rules_contract_award = {STAGE_CONTRACT_AWARD, events,
                                                       ARRAY_LEN(events)};
