/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules.h - the names of all rules, for the stages' lists. What they ask stands above each of
 * them, and in the rulebook.
 */
#ifndef COMMISSION_RULES_H
#define COMMISSION_RULES_H

#include "workers/rule.h"

/* responsibility.c */
extern const struct rule rule_category_known;    /* R36 */
extern const struct rule rule_responsibility;    /* R22 */
extern const struct rule rule_weight_management; /* R23 */
extern const struct rule rule_hwb_coordination;  /* R23 */

/* area.c */
extern const struct rule rule_population_counted; /* R24 */
extern const struct rule rule_urgent_care_open;   /* R24 */

/* provider.c */
extern const struct rule rule_provider_known; /* R35 */
extern const struct rule rule_provider_open;  /* R35 */

/* contract.c */
extern const struct rule rule_award_value;   /* R40 */
extern const struct rule rule_award_in_time; /* R40 */

#endif
