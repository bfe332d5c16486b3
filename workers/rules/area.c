/* SPDX-License-Identifier: Apache-2.0 */
/* The whole population of the area: those registered with its practices, and those who are not. */
#include "workers/rules/rules.h"

/**
 * R24: a needs assessment counts the registered and the unregistered residents; 0 is a count,
 * nothing is none. Source: NHS Act 2006, s. 3, people for whom a group has responsibility.
 */
static void population_counted(const struct matter *matter, struct reasons *reasons)
{
    const struct needs_assessed *assessed = &matter->event.needs_assessed;

    CHECK(matter->event.type == EVENT_NEEDS_ASSESSED);
    if (!assessed->registered_given)
        reasons_add(reasons, REASON_UNREGISTERED_MISSING, NULL, "needs_assessed.registered_count",
                    NULL, "the registered residents are not counted; 0 would be a count");
    if (!assessed->unregistered_given)
        reasons_add(reasons, REASON_UNREGISTERED_MISSING, NULL, "needs_assessed.unregistered_count",
                    NULL, "the unregistered residents are not counted; 0 would be a count");
}

const struct rule rule_population_counted = {"R24", population_counted};

/* By the event's own word, the procurement's or the assessment's: another name later does not lift the duty. */
static bool is_urgent_care(const struct matter *matter)
{
    const struct event *assessed = matter_fact(matter, EVENT_NEEDS_ASSESSED);
    const struct event *started = matter_fact(matter, EVENT_PROCUREMENT_STARTED);

    return matter_category(matter) == CATEGORY_URGENT_EMERGENCY ||
           (started != NULL &&
            started->procurement_started.category == CATEGORY_URGENT_EMERGENCY) ||
           (assessed != NULL && assessed->needs_assessed.category == CATEGORY_URGENT_EMERGENCY);
}

static const char *excluding_field(const struct matter *matter)
{
    const struct event *event = &matter->event;
    const struct award *award = matter_award(matter);

    if (event->type == EVENT_PROCUREMENT_STARTED &&
        event->procurement_started.excludes_unregistered)
        return "procurement_started.excludes_unregistered";
    if (award == NULL || !award->excludes_unregistered)
        return NULL;
    return event->type == EVENT_AWARD_INTENDED ? "award_intended.excludes_unregistered"
                                               : "contract_awarded.excludes_unregistered";
}

/**
 * R24: urgent and emergency care is for everyone in the area, registered or not. Source:
 * NHS Act 2006, s. 3, emergency care for everyone present in the area.
 */
static void urgent_care_open(const struct matter *matter, struct reasons *reasons)
{
    const char *field = excluding_field(matter);

    if (field != NULL && is_urgent_care(matter))
        reasons_add(reasons, REASON_URGENT_CARE_EXCLUDES_UNREGISTERED, NULL, field, "true", NULL);
}

const struct rule rule_urgent_care_open = {"R24", urgent_care_open};
