/* SPDX-License-Identifier: Apache-2.0 */
/* What an award says of the contract: what the public register of awards will show. */
#include "workers/rules/rules.h"

static const char *field_of(const struct matter *matter, const char *intended, const char *awarded)
{
    return matter->event.type == EVENT_AWARD_INTENDED ? intended : awarded;
}

/**
 * R40: an award has a positive value, or the register of awards would not say what is paid.
 * Source: SI 2013/500 (No. 2), regulation 9, the amount payable.
 */
static void award_value(const struct matter *matter, struct reasons *reasons)
{
    const struct award *award = matter_award(matter);

    CHECK(award != NULL);
    if (award->value_pence <= 0)
        reasons_add(reasons, REASON_AWARD_VALUE_ZERO, NULL,
                    field_of(matter, "award_intended.value_pence", "contract_awarded.value_pence"),
                    award->value_pence == 0 ? "0" : NULL, NULL);
}

const struct rule rule_award_value = {"R40", award_value};

/**
 * R40: a contract is awarded before it begins; real ones are not always, so it warns. Source:
 * SI 2013/500 (No. 2), regulation 9, the dates of the contract.
 */
static void award_in_time(const struct matter *matter, struct reasons *reasons)
{
    const struct award *award = matter_award(matter);
    char day[DATE_TEXT_SIZE];

    CHECK(award != NULL);
    if (award->period.from == DATE_NONE || matter->event.occurred_on <= award->period.from)
        return;
    date_print(award->period.from, day);
    reasons_add(reasons, REASON_AWARD_AFTER_START, NULL,
                field_of(matter, "award_intended.period_from", "contract_awarded.period_from"), day,
                NULL);
}

const struct rule rule_award_in_time = {"R40", award_in_time};
