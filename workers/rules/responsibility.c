/* SPDX-License-Identifier: Apache-2.0 */
/* Who commissions what: the responsibility matrix, by date. */
#include "workers/rules/rules.h"

#define KIND(kind) (1u << ORGANISATION_##kind)
#define GROUPS                                                                                     \
    (KIND(CCG) | KIND(ICB)) /* an integrated care board commissions as the groups before it did */
#define NHSE KIND(NHSE)
#define AUTHORITY KIND(LA)

struct day {
    int16_t year;
    int8_t month;
    int8_t day;
};

/*
 * The responsibility matrix. A row: from a day to a last day, year 0 being open, a category is
 * these kinds' to commission. No row: nobody's. Core GP services are the groups' too, where
 * co-commissioning allows it: rule_responsibility says when.
 */
struct matrix_row {
    enum service_category category;
    uint32_t kinds;
    struct day from;
    struct day to;
};

/* clang-format off */
static const struct matrix_row matrix[] = {
    /* category                     who                  from          to */
    {CATEGORY_ELECTIVE,             GROUPS,              {0, 0, 0},    {0, 0, 0}},
    {CATEGORY_REHABILITATION,       GROUPS,              {0, 0, 0},    {0, 0, 0}},
    {CATEGORY_URGENT_EMERGENCY,     GROUPS,              {0, 0, 0},    {0, 0, 0}},
    {CATEGORY_COMMUNITY,            GROUPS,              {0, 0, 0},    {0, 0, 0}},
    {CATEGORY_MENTAL_HEALTH,        GROUPS,              {0, 0, 0},    {0, 0, 0}},
    {CATEGORY_LEARNING_DISABILITY,  GROUPS,              {0, 0, 0},    {0, 0, 0}},
    {CATEGORY_SPECIALISED,          NHSE,                {0, 0, 0},    {0, 0, 0}},
    {CATEGORY_GP_CORE,              NHSE,                {0, 0, 0},    {2015, 3, 31}},
    {CATEGORY_GP_CORE,              NHSE | GROUPS,       {2015, 4, 1}, {0, 0, 0}},
    {CATEGORY_DENTAL,               NHSE,                {0, 0, 0},    {0, 0, 0}},
    {CATEGORY_PHARMACY,             NHSE,                {0, 0, 0},    {0, 0, 0}},
    {CATEGORY_OPTICAL,              NHSE,                {0, 0, 0},    {0, 0, 0}},
    {CATEGORY_ARMED_FORCES,         NHSE,                {0, 0, 0},    {0, 0, 0}},
    {CATEGORY_JUSTICE,              NHSE,                {0, 0, 0},    {0, 0, 0}},
    {CATEGORY_PUBLIC_HEALTH,        AUTHORITY,           {0, 0, 0},    {0, 0, 0}},
    {CATEGORY_OBESITY_T2,           AUTHORITY,           {0, 0, 0},    {0, 0, 0}},
    {CATEGORY_OBESITY_T3,           GROUPS,              {0, 0, 0},    {0, 0, 0}},
    {CATEGORY_OBESITY_T4,           NHSE,                {0, 0, 0},    {2017, 3, 31}},
    {CATEGORY_OBESITY_T4,           GROUPS,              {2017, 4, 1}, {0, 0, 0}},
};

/* R23: a tier of weight management, and the category that is commissioned as it is. */
static const enum service_category tiers[] = {
    CATEGORY_NONE,
    CATEGORY_OBESITY_T2,   /* 1: the authority's, as tier 2 */
    CATEGORY_OBESITY_T2,
    CATEGORY_OBESITY_T3,
    CATEGORY_OBESITY_T4,
};
/* clang-format on */

static date_t day_date(struct day day)
{
    return day.year == 0 ? DATE_NONE : date_of(day.year, day.month, day.day);
}

static bool row_in_force(const struct matrix_row *row, date_t date)
{
    struct period period = {day_date(row->from), day_date(row->to)};

    return period_contains(period, date);
}

/* The kinds of organisation that commission @category on @date. */
static uint32_t commissioners(enum service_category category, date_t date)
{
    uint32_t kinds = 0;

    for (uint32_t i = 0; i < ARRAY_LEN(matrix); i++) {
        if (matrix[i].category == category && row_in_force(&matrix[i], date))
            kinds |= matrix[i].kinds;
    }
    return kinds;
}

static bool commissions(const struct matter *matter, enum service_category category)
{
    uint32_t kind = 1u << matter->assignment->commissioner.kind;

    return (commissioners(category, matter->event.occurred_on) & kind) != 0;
}

static const char *who(uint32_t kinds)
{
    if ((kinds & GROUPS) != 0 && (kinds & NHSE) != 0)
        return "NHS England, or a group to which it is delegated";
    if ((kinds & GROUPS) != 0)
        return "clinical commissioning groups, or their successors";
    if ((kinds & NHSE) != 0)
        return "NHS England";
    return (kinds & AUTHORITY) != 0 ? "local authorities" : "nobody";
}

/* Say that @category is others' to commission on the event's day. */
static void add_wrong_commissioner(const struct matter *matter, enum reason_code code,
                                   enum service_category category, const char *field,
                                   const char *value, struct reasons *reasons)
{
    char text[REASON_TEXT_SIZE];
    char day[DATE_TEXT_SIZE];
    const struct organisation *commissioner = &matter->assignment->commissioner;

    date_print(matter->event.occurred_on, day);
    snprintf(text, sizeof text, "on %s %s is commissioned by %s; %s is %s", day,
             service_category_name(category),
             who(commissioners(category, matter->event.occurred_on)), commissioner->ods.text,
             organisation_kind_name(commissioner->kind));
    reasons_add(reasons, code, NULL, field, value, text);
}

/**
 * R36: the service category is one of the list. Source: the services of clinical
 * commissioning groups, NHS England and local authorities, gathered.
 */
static void category_known(const struct matter *matter, struct reasons *reasons)
{
    enum service_category category = matter_category(matter);

    bool unseen = matter->assignment->adopted && matter->event.type != EVENT_NEEDS_ASSESSED &&
                  matter_fact(matter, EVENT_NEEDS_ASSESSED) == NULL;

    if (unseen)
        reasons_add(reasons, REASON_ADOPTED_NOT_EVIDENCED, NULL, NULL, NULL,
                    category == CATEGORY_NONE
                        ? "the workflow was adopted without an assessment: the service's category "
                          "is not known, and what depends on it is not judged"
                        : "the workflow was adopted without an assessment: its counts, and the "
                          "board it was coordinated with, are not evidenced");
    if (category == CATEGORY_UNLISTED || (category == CATEGORY_NONE && !unseen))
        reasons_add(reasons, REASON_SERVICE_CATEGORY_UNKNOWN, NULL, matter_category_field(matter),
                    NULL, category == CATEGORY_NONE ? "no service category is given" : NULL);
}

const struct rule rule_category_known = {"R36", category_known};

static bool is_obesity(enum service_category category)
{
    return category == CATEGORY_OBESITY_T2 || category == CATEGORY_OBESITY_T3 ||
           category == CATEGORY_OBESITY_T4;
}

static void gp_services_delegated(const struct matter *matter, struct reasons *reasons)
{
    char text[REASON_TEXT_SIZE];
    const struct organisation *commissioner = &matter->assignment->commissioner;

    if (commissioner->kind == ORGANISATION_NHSE || commissioner->co_level == CO_DELEGATED)
        return;
    snprintf(text, sizeof text, "on the day %s has %s; core GP services need full delegation",
             commissioner->ods.text,
             commissioner->co_level == CO_JOINT ? "joint co-commissioning, whose committee decides"
                                                : "no delegated co-commissioning");
    reasons_add(reasons, REASON_COCOMMISSIONING_LEVEL_INSUFFICIENT, NULL,
                matter_category_field(matter), service_category_name(CATEGORY_GP_CORE), text);
}

/**
 * R22: the commissioner's kind may commission the category on the day; core GP services only under
 * delegated co-commissioning, from 1 April 2015. Source: NHS England. (R23 judges obesity.)
 */
static void responsibility(const struct matter *matter, struct reasons *reasons)
{
    enum service_category category = matter_category(matter);

    if (category == CATEGORY_NONE || category == CATEGORY_UNLISTED || is_obesity(category))
        return;
    if (!commissions(matter, category))
        add_wrong_commissioner(matter, REASON_NOT_CCG_RESPONSIBILITY, category,
                               matter_category_field(matter), service_category_name(category),
                               reasons);
    else if (category == CATEGORY_GP_CORE)
        gp_services_delegated(matter, reasons);
}

const struct rule rule_responsibility = {"R22", responsibility};

static uint32_t assessed_tier(const struct matter *matter)
{
    const struct event *assessed = matter->event.type == EVENT_NEEDS_ASSESSED
                                       ? &matter->event
                                       : matter_fact(matter, EVENT_NEEDS_ASSESSED);

    return assessed == NULL ? 0 : assessed->needs_assessed.weight_management_tier;
}

/**
 * R23: weight management is commissioned by tier: 1 and 2 by local authorities, 3 by the groups, 4
 * (surgery) by NHS England until 31 March 2017 and by the groups after. Source: NHS England.
 */
static void weight_management(const struct matter *matter, struct reasons *reasons)
{
    enum service_category category = matter_category(matter);
    uint32_t tier = assessed_tier(matter);
    char value[2] = {(char)('0' + tier % 10), '\0'};

    if (is_obesity(category) && !commissions(matter, category))
        add_wrong_commissioner(matter, REASON_WRONG_COMMISSIONER_TIER, category,
                               matter_category_field(matter), service_category_name(category),
                               reasons);
    else if (tier > 0 && tier < ARRAY_LEN(tiers) && !commissions(matter, tiers[tier]))
        add_wrong_commissioner(matter, REASON_WRONG_COMMISSIONER_TIER, tiers[tier],
                               "needs_assessed.weight_management_tier", value, reasons);
}

const struct rule rule_weight_management = {"R23", weight_management};

/**
 * R23: a tier 3 service is planned together with the local authorities, through the health and
 * wellbeing board that the assessment names. Source: Health and Social Care Act 2012, s. 195.
 */
static void hwb_coordination(const struct matter *matter, struct reasons *reasons)
{
    const struct needs_assessed *assessed = &matter->event.needs_assessed;

    CHECK(matter->event.type == EVENT_NEEDS_ASSESSED);
    bool tier_3 =
        assessed->category == CATEGORY_OBESITY_T3 || assessed->weight_management_tier == 3;
    if (tier_3 && assessed->hwb_id.len == 0)
        reasons_add(reasons, REASON_HWB_COORDINATION_MISSING, NULL, "needs_assessed.hwb_id", NULL,
                    NULL);
}

const struct rule rule_hwb_coordination = {"R23", hwb_coordination};
