/* SPDX-License-Identifier: Apache-2.0 */
#include "workers/rule.h"

const struct event *matter_fact(const struct matter *matter, enum event_type type)
{
    for (uint32_t i = matter->facts_count; i > 0; i--) {
        if (matter->facts[i - 1].type == type)
            return &matter->facts[i - 1];
    }
    return NULL;
}

const struct award *matter_award(const struct matter *matter)
{
    enum event_type type = matter->event.type;

    return type == EVENT_AWARD_INTENDED || type == EVENT_CONTRACT_AWARDED ? &matter->event.award
                                                                          : NULL;
}

/* What the event itself says, and where it says so. */
static enum service_category own_category(const struct matter *matter, const char **ret_field)
{
    const struct event *event = &matter->event;

    if (event->type == EVENT_NEEDS_ASSESSED) {
        *ret_field = "needs_assessed.service_category";
        return event->needs_assessed.category;
    }
    if (event->type == EVENT_PROCUREMENT_STARTED) {
        *ret_field = "procurement_started.service_category";
        return event->procurement_started.category;
    }
    if (matter_award(matter) == NULL)
        return CATEGORY_NONE;
    *ret_field = event->type == EVENT_AWARD_INTENDED ? "award_intended.service_category"
                                                     : "contract_awarded.service_category";
    return event->award.category;
}

/* The event's own, else the procurement's, else what was assessed. */
static enum service_category find_category(const struct matter *matter, const char **ret_field)
{
    *ret_field = "";
    enum service_category own = own_category(matter, ret_field);
    if (own != CATEGORY_NONE)
        return own;
    const struct event *started = matter_fact(matter, EVENT_PROCUREMENT_STARTED);
    if (started != NULL && started->procurement_started.category != CATEGORY_NONE) {
        *ret_field = "procurement_started.service_category";
        return started->procurement_started.category;
    }
    const struct event *assessed = matter_fact(matter, EVENT_NEEDS_ASSESSED);
    if (assessed == NULL)
        return CATEGORY_NONE;
    *ret_field = "needs_assessed.service_category";
    return assessed->needs_assessed.category;
}

enum service_category matter_category(const struct matter *matter)
{
    const char *field;

    return find_category(matter, &field);
}

const char *matter_category_field(const struct matter *matter)
{
    const char *field;

    find_category(matter, &field);
    return field;
}

void judge(const struct stage_rules *stage, const struct matter *matter, struct reasons *reasons)
{
    for (uint32_t i = 0; i < stage->events_count; i++) {
        if (stage->events[i].type != matter->event.type)
            continue;
        for (const struct rule *const *rule = stage->events[i].rules; *rule != NULL; rule++)
            (*rule)->judge(matter, reasons);
    }
}
