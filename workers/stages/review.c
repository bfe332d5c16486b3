/* SPDX-License-Identifier: Apache-2.0 */
/* What a review must pass: so far nothing but order and authority, which the daemon judges. */
#include "workers/rules/rules.h"

static const struct rule *const review[] = {NULL};

static const struct event_rules events[] = {
    {EVENT_REVIEW_COMPLETED, review},
};

const struct stage_rules stage_rules_review = {STAGE_REVIEW, events, ARRAY_LEN(events)};
