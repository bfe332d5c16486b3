/* SPDX-License-Identifier: Apache-2.0 */
/* What a needs assessment must pass. ADOPTED brings what was judged elsewhere. */
#include "workers/rules/rules.h"

static const struct rule *const opening[] = {
    &rule_category_known,   &rule_responsibility,     &rule_weight_management,
    &rule_hwb_coordination, &rule_population_counted, NULL,
};

static const struct event_rules events[] = {
    {EVENT_NEEDS_ASSESSED, opening},
};

const struct stage_rules stage_rules_needs_assessed = {STAGE_NEEDS_ASSESSED, events,
                                                       ARRAY_LEN(events)};
