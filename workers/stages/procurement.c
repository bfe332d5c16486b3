/* SPDX-License-Identifier: Apache-2.0 */
/* What a procurement must pass. */
#include "workers/rules/rules.h"

static const struct rule *const start[] = {
    &rule_category_known,
    &rule_responsibility,
    &rule_weight_management,
    &rule_urgent_care_open,
    NULL,
};

static const struct rule *const bid[] = {
    &rule_provider_known,
    &rule_provider_open,
    NULL,
};

static const struct event_rules events[] = {
    {EVENT_PROCUREMENT_STARTED, start},
    {EVENT_BID_RECEIVED, bid},
};

const struct stage_rules stage_rules_procurement = {STAGE_PROCUREMENT, events, ARRAY_LEN(events)};
