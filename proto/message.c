/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/message.h"

#include <string.h>

/* Names by number; a code list begins at 0, which the wire calls UNSPECIFIED. */
static const char *const stages[] = {
    "UNSPECIFIED", "NEEDS_ASSESSED", "PRIORITIES_SET", "PROCUREMENT", "CONTRACT_AWARD", "REVIEW",
};
static const char *const phases[] = {
    "UNSPECIFIED", "NONE", "OPEN", "COMPLETE", "SUSPENDED", "WITHDRAWN",
};
static const char *const verdicts[] = {
    "UNSPECIFIED", "ACCEPTED", "HELD", "REJECTED", "WITHDRAWN",
};
static const char *const stage_states[] = {"UNSPECIFIED", "RUNNING", "PAUSED", "DRAINING"};
static const char *const timer_kinds[] = {
    "UNSPECIFIED", "HELD_EXPIRY", "BIDS_DUE", "STANDSTILL", "REVIEW_DUE",
};
static const char *const timer_levels[] = {"UNSPECIFIED", "WARN", "REMIND", "ESCALATE", "END"};
static const char *const organisation_kinds[] = {
    "UNSPECIFIED", "CCG", "ICB", "CSU", "NHSE", "HWB", "LA", "OPERATOR", "PROVIDER", "SUB_ICB",
};
static const char *const verbs[] = {
    "UNSPECIFIED", "SUBMIT", "DECIDE", "READ", "WORK", "OPERATE", "BACKUP",
};
static const char *const service_categories[] = {
    "UNSPECIFIED",
    "ELECTIVE",
    "REHABILITATION",
    "URGENT_EMERGENCY",
    "COMMUNITY",
    "MENTAL_HEALTH",
    "LEARNING_DISABILITY",
    "OBESITY_T3",
    "SPECIALISED",
    "GP_CORE",
    "DENTAL",
    "PHARMACY",
    "OPTICAL",
    "ARMED_FORCES",
    "JUSTICE",
    "PUBLIC_HEALTH",
    "OBESITY_T2",
    "OBESITY_T4",
};
static const char *const routes[] = {
    "UNSPECIFIED",
    "NOT_STATED",
    "OPEN",
    "RESTRICTED",
    "FRAMEWORK_CALL_OFF",
    "DYNAMIC_PURCHASING",
    "ANY_QUALIFIED_PROVIDER",
    "QUOTATIONS",
    "NEGOTIATED_WITHOUT_NOTICE",
    "SINGLE_TENDER",
    "PSR_DIRECT_A",
    "PSR_DIRECT_B",
    "PSR_DIRECT_C",
    "PSR_MOST_SUITABLE",
    "PSR_COMPETITIVE",
    "PSR_URGENT",
};

static_assert(ARRAY_LEN(stages) == STAGE_REVIEW + 1, "every stage has a name");
static_assert(ARRAY_LEN(phases) == PHASE_WITHDRAWN + 1, "every phase has a name");
static_assert(ARRAY_LEN(verdicts) == VERDICT_WITHDRAWN + 1, "every verdict has a name");
static_assert(ARRAY_LEN(stage_states) == STAGE_DRAINING + 1, "every state has a name");
static_assert(ARRAY_LEN(timer_kinds) == TIMER_REVIEW_DUE + 1, "every kind has a name");
static_assert(ARRAY_LEN(timer_levels) == TIMER_END + 1, "every level has a name");
static_assert(ARRAY_LEN(organisation_kinds) == ORGANISATION_SUB_ICB + 1, "every kind has a name");
static_assert(ARRAY_LEN(verbs) == VERB_BACKUP + 1, "every verb has a name");
static_assert(ARRAY_LEN(service_categories) == CATEGORY_OBESITY_T4 + 1,
              "every category has a name");
static_assert(ARRAY_LEN(routes) == ROUTE_LAST + 1, "every route has a name");

struct type_name {
    enum event_type type;
    const char *name;
};

#define EVENT_TYPE_NAME(name, number) {EVENT_##name, #name},
static const struct type_name event_types[] = {EVENT_TYPE_LIST(EVENT_TYPE_NAME)};
#undef EVENT_TYPE_NAME

static const char *name_of(const char *const *names, size_t count, unsigned number)
{
    return number < count ? names[number] : "?";
}

/** The number of @name, from 1 on; 0: no such name. */
static uint32_t number_of(const char *const *names, uint32_t count, const char *name)
{
    for (uint32_t i = 1; i < count; i++) {
        if (strcmp(names[i], name) == 0)
            return i;
    }
    return 0;
}

const char *event_type_name(enum event_type type)
{
    for (uint32_t i = 0; i < ARRAY_LEN(event_types); i++) {
        if (event_types[i].type == type)
            return event_types[i].name;
    }
    return type == EVENT_NONE ? "UNSPECIFIED" : "?";
}

const char *stage_name(enum stage stage)
{
    return name_of(stages, ARRAY_LEN(stages), stage);
}

const char *phase_name(enum phase phase)
{
    return name_of(phases, ARRAY_LEN(phases), phase);
}

const char *verdict_name(enum verdict verdict)
{
    return name_of(verdicts, ARRAY_LEN(verdicts), verdict);
}

const char *stage_state_name(enum stage_state state)
{
    return name_of(stage_states, ARRAY_LEN(stage_states), state);
}

const char *timer_kind_name(enum timer_kind kind)
{
    return name_of(timer_kinds, ARRAY_LEN(timer_kinds), kind);
}

const char *timer_level_name(enum timer_level level)
{
    return name_of(timer_levels, ARRAY_LEN(timer_levels), level);
}

const char *organisation_kind_name(enum organisation_kind kind)
{
    return name_of(organisation_kinds, ARRAY_LEN(organisation_kinds), kind);
}

const char *verb_name(enum verb verb)
{
    return name_of(verbs, ARRAY_LEN(verbs), verb);
}

const char *service_category_name(enum service_category category)
{
    return name_of(service_categories, ARRAY_LEN(service_categories), category);
}

const char *route_name(enum route route)
{
    return name_of(routes, ARRAY_LEN(routes), route);
}

const char *entry_kind_name(enum entry_kind kind)
{
#define ENTRY_KIND_NAME(name, number)                                                              \
    case ENTRY_##name:                                                                             \
        return #name;
    switch (kind) {
        ENTRY_KIND_LIST(ENTRY_KIND_NAME)
    case ENTRY_NONE:
        break;
    }
#undef ENTRY_KIND_NAME
    return "?";
}

bool event_type_find(const char *name, enum event_type *ret)
{
    for (uint32_t i = 0; i < ARRAY_LEN(event_types); i++) {
        if (strcmp(event_types[i].name, name) == 0) {
            *ret = event_types[i].type;
            return true;
        }
    }
    return false;
}

bool stage_find(const char *name, enum stage *ret)
{
    uint32_t number = number_of(stages, ARRAY_LEN(stages), name);

    if (number == 0)
        return false;
    *ret = (enum stage)number;
    return true;
}

bool organisation_kind_find(const char *name, enum organisation_kind *ret)
{
    uint32_t number = number_of(organisation_kinds, ARRAY_LEN(organisation_kinds), name);

    if (number == 0)
        return false;
    *ret = (enum organisation_kind)number;
    return true;
}

bool verb_find(const char *name, enum verb *ret)
{
    uint32_t number = number_of(verbs, ARRAY_LEN(verbs), name);

    if (number == 0)
        return false;
    *ret = (enum verb)number;
    return true;
}

bool event_type_is_register(enum event_type type)
{
    return type >= EVENT_ORGANISATION_REGISTERED;
}

struct ods event_commissioner(const struct event *event)
{
    return ods_empty(event->acting_for) ? event->sender : event->acting_for;
}

bool organisation_open_on(const struct organisation *organisation, date_t date)
{
    struct period open = {organisation->opened_on, organisation->closed_on};

    return organisation->known && period_contains(open, date);
}
