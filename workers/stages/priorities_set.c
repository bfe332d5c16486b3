/* SPDX-License-Identifier: Apache-2.0 */
/* What a plan of priorities must pass. */
#include "workers/rules/rules.h"

static const struct rule *const plan[] = {
    &rule_category_known,
    &rule_responsibility,
    &rule_weight_management,
    NULL,
};

static const struct event_rules events[] = {
    {EVENT_PRIORITIES_SET, plan},
};

const struct stage_rules stage_rules_priorities_set = {STAGE_PRIORITIES_SET, events,
                                                       ARRAY_LEN(events)};
