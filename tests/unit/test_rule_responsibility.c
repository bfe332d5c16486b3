/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/support/matter.h"

#define WRONG "NOT_CCG_RESPONSIBILITY"
#define LEVEL "COCOMMISSIONING_LEVEL_INSUFFICIENT"
#define TIER "WRONG_COMMISSIONER_TIER"

/* ---- R22, R23: the matrix ---- */

struct matrix_case {
    enum service_category category;
    const char *day;
    const char *by_group;
    const char *by_nhse;
    const char *by_authority;
};

/* clang-format off */
static const struct matrix_case matrix_cases[] = {
    /* category                    day           CCG and ICB  NHSE   LA */
    {CATEGORY_ELECTIVE,            "2013-04-01", "",          WRONG, WRONG},
    {CATEGORY_ELECTIVE,            "2024-04-01", "",          WRONG, WRONG},
    {CATEGORY_REHABILITATION,      "2018-04-01", "",          WRONG, WRONG},
    {CATEGORY_URGENT_EMERGENCY,    "2018-04-01", "",          WRONG, WRONG},
    {CATEGORY_COMMUNITY,           "2018-04-01", "",          WRONG, WRONG},
    {CATEGORY_MENTAL_HEALTH,       "2018-04-01", "",          WRONG, WRONG},
    {CATEGORY_LEARNING_DISABILITY, "2018-04-01", "",          WRONG, WRONG},
    {CATEGORY_SPECIALISED,         "2018-04-01", WRONG,       "",    WRONG},
    {CATEGORY_DENTAL,              "2018-04-01", WRONG,       "",    WRONG},
    {CATEGORY_PHARMACY,            "2018-04-01", WRONG,       "",    WRONG},
    {CATEGORY_OPTICAL,             "2018-04-01", WRONG,       "",    WRONG},
    {CATEGORY_ARMED_FORCES,        "2018-04-01", WRONG,       "",    WRONG},
    {CATEGORY_JUSTICE,             "2018-04-01", WRONG,       "",    WRONG},
    {CATEGORY_PUBLIC_HEALTH,       "2018-04-01", WRONG,       WRONG, ""},
    {CATEGORY_OBESITY_T2,          "2018-04-01", TIER,        TIER,  ""},
    {CATEGORY_OBESITY_T3,          "2013-04-01", "",          TIER,  TIER},
    {CATEGORY_OBESITY_T3,          "2018-04-01", "",          TIER,  TIER},
    {CATEGORY_OBESITY_T4,          "2017-03-31", TIER,        "",    TIER},
    {CATEGORY_OBESITY_T4,          "2017-04-01", "",          TIER,  TIER},
};
/* clang-format on */

/* R22 and R23 together: each category is judged by one of them. */
static const char *judged(enum service_category category, const char *on,
                          enum organisation_kind kind)
{
    static struct case_matter c;

    matter_begin(&c, EVENT_NEEDS_ASSESSED, on);
    matter_commissioner(&c, kind, CO_UNKNOWN);
    matter_own_category(&c, category);
    const char *said = matter_judged(&c, &rule_responsibility);
    return *said != '\0' ? said : matter_judged(&c, &rule_weight_management);
}

static void each_category_is_its_commissioners_on_the_day(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(matrix_cases); i++) {
        const struct matrix_case *row = &matrix_cases[i];
        print_message("%s %s\n", service_category_name(row->category), row->day);
        assert_string_equal(judged(row->category, row->day, ORGANISATION_CCG), row->by_group);
        assert_string_equal(judged(row->category, row->day, ORGANISATION_ICB), row->by_group);
        assert_string_equal(judged(row->category, row->day, ORGANISATION_NHSE), row->by_nhse);
        assert_string_equal(judged(row->category, row->day, ORGANISATION_LA), row->by_authority);
    }
}

static void nobody_else_commissions_anything(void **state)
{
    static const enum organisation_kind kinds[] = {ORGANISATION_NONE,     ORGANISATION_CSU,
                                                   ORGANISATION_HWB,      ORGANISATION_OPERATOR,
                                                   ORGANISATION_PROVIDER, ORGANISATION_SUB_ICB};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        for (unsigned category = CATEGORY_ELECTIVE; category <= CATEGORY_OBESITY_T4; category++)
            assert_string_not_equal(judged((enum service_category)category, "2018-04-01", kinds[i]),
                                    "");
    }
}

struct gp_case {
    const char *day;
    enum organisation_kind kind;
    enum co_commissioning level;
    const char *says;
};

static void core_gp_services_need_delegation_from_april_2015(void **state)
{
    static const struct gp_case cases[] = {
        {"2015-03-31", ORGANISATION_CCG, CO_DELEGATED, WRONG},
        {"2015-04-01", ORGANISATION_CCG, CO_DELEGATED, ""},
        {"2015-04-01", ORGANISATION_CCG, CO_JOINT, LEVEL},
        {"2015-04-01", ORGANISATION_CCG, CO_GREATER_INVOLVEMENT, LEVEL},
        {"2015-04-01", ORGANISATION_CCG, CO_NONE, LEVEL},
        {"2015-04-01", ORGANISATION_CCG, CO_UNKNOWN, LEVEL},
        {"2023-04-01", ORGANISATION_ICB, CO_DELEGATED, ""},
        {"2023-04-01", ORGANISATION_ICB, CO_UNKNOWN, LEVEL},
        {"2015-03-31", ORGANISATION_NHSE, CO_UNKNOWN, ""},
        {"2015-04-01", ORGANISATION_NHSE, CO_UNKNOWN, ""},
        {"2018-04-01", ORGANISATION_LA, CO_DELEGATED, WRONG},
    };
    struct case_matter c;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("case %zu\n", i);
        matter_begin(&c, EVENT_PROCUREMENT_STARTED, cases[i].day);
        matter_commissioner(&c, cases[i].kind, cases[i].level);
        matter_assessed(&c, CATEGORY_GP_CORE);
        assert_string_equal(matter_judged(&c, &rule_responsibility), cases[i].says);
    }
}

static void a_wrong_commissioner_is_told_who_it_is(void **state)
{
    struct case_matter c;

    (void)state;
    matter_begin(&c, EVENT_CONTRACT_AWARDED, "2017-03-31");
    matter_own_category(&c, CATEGORY_OBESITY_T4);
    assert_string_equal(matter_judged(&c, &rule_weight_management), TIER);

    assert_string_equal(c.items[0].field, "contract_awarded.service_category");
    assert_string_equal(c.items[0].value, "OBESITY_T4");
    assert_string_equal(c.items[0].text,
                        "on 2017-03-31 OBESITY_T4 is commissioned by NHS England; 02E is CCG");
}

struct tier_case {
    uint32_t tier;
    const char *day;
    enum organisation_kind kind;
    const char *says;
};

static void a_tier_is_its_commissioners_whatever_the_category_says(void **state)
{
    static const struct tier_case cases[] = {
        {0, "2018-04-01", ORGANISATION_CCG, ""},    {1, "2018-04-01", ORGANISATION_CCG, TIER},
        {2, "2018-04-01", ORGANISATION_CCG, TIER},  {3, "2018-04-01", ORGANISATION_CCG, ""},
        {4, "2017-03-31", ORGANISATION_CCG, TIER},  {4, "2017-04-01", ORGANISATION_CCG, ""},
        {1, "2018-04-01", ORGANISATION_LA, ""},     {2, "2018-04-01", ORGANISATION_LA, ""},
        {3, "2018-04-01", ORGANISATION_LA, TIER},   {4, "2017-03-31", ORGANISATION_NHSE, ""},
        {4, "2017-04-01", ORGANISATION_NHSE, TIER},
    };
    struct case_matter c;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("case %zu\n", i);
        matter_begin(&c, EVENT_NEEDS_ASSESSED, cases[i].day);
        matter_commissioner(&c, cases[i].kind, CO_UNKNOWN);
        matter_own_category(&c, CATEGORY_COMMUNITY);
        c.matter.event.needs_assessed.weight_management_tier = cases[i].tier;
        assert_string_equal(matter_judged(&c, &rule_weight_management), cases[i].says);
    }
}

static void the_assessed_tier_binds_the_award(void **state)
{
    struct case_matter c;

    (void)state;
    matter_begin(&c, EVENT_CONTRACT_AWARDED, "2018-04-01");
    matter_assessed(&c, CATEGORY_COMMUNITY);
    c.assessed.needs_assessed.weight_management_tier = 2;
    assert_string_equal(matter_judged(&c, &rule_weight_management), TIER);
    assert_string_equal(c.items[0].field, "needs_assessed.weight_management_tier");
    assert_string_equal(c.items[0].value, "2");
}

static void a_tier_3_plan_names_its_board(void **state)
{
    static const struct {
        enum service_category category;
        uint32_t tier;
        const char *hwb_id;
        const char *says;
    } cases[] = {
        {CATEGORY_OBESITY_T3, 0, "", "HWB_COORDINATION_MISSING"},
        {CATEGORY_OBESITY_T3, 0, "E06000007", ""},
        {CATEGORY_COMMUNITY, 3, "", "HWB_COORDINATION_MISSING"},
        {CATEGORY_COMMUNITY, 3, "E06000007", ""},
        {CATEGORY_COMMUNITY, 2, "", ""},
        {CATEGORY_OBESITY_T4, 4, "", ""},
    };
    struct case_matter c;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("case %zu\n", i);
        matter_begin(&c, EVENT_NEEDS_ASSESSED, "2018-04-01");
        matter_own_category(&c, cases[i].category);
        c.matter.event.needs_assessed.weight_management_tier = cases[i].tier;
        c.matter.event.needs_assessed.hwb_id.bytes = (const uint8_t *)cases[i].hwb_id;
        c.matter.event.needs_assessed.hwb_id.len = cases[i].hwb_id[0] == '\0' ? 0 : 9;
        assert_string_equal(matter_judged(&c, &rule_hwb_coordination), cases[i].says);
    }
}

/* ---- R36 ---- */

struct category_case {
    enum event_type type;
    enum service_category own;
    enum service_category assessed; /* CATEGORY_NONE: no assessment */
    bool adopted;
    const char *says;
    const char *field;
};

static void the_category_is_one_of_the_list(void **state)
{
#define UNKNOWN "SERVICE_CATEGORY_UNKNOWN"
#define ADOPTED "ADOPTED_NOT_EVIDENCED"
    static const struct category_case cases[] = {
        {EVENT_NEEDS_ASSESSED, CATEGORY_ELECTIVE, 0, false, "", NULL},
        {EVENT_NEEDS_ASSESSED, CATEGORY_OBESITY_T4, 0, false, "", NULL},
        {EVENT_NEEDS_ASSESSED, CATEGORY_NONE, 0, false, UNKNOWN, "needs_assessed.service_category"},
        {EVENT_NEEDS_ASSESSED, CATEGORY_UNLISTED, 0, false, UNKNOWN,
         "needs_assessed.service_category"},
        {EVENT_PROCUREMENT_STARTED, CATEGORY_NONE, CATEGORY_ELECTIVE, false, "", NULL},
        {EVENT_PROCUREMENT_STARTED, CATEGORY_UNLISTED, CATEGORY_ELECTIVE, false, UNKNOWN,
         "procurement_started.service_category"},
        {EVENT_PROCUREMENT_STARTED, CATEGORY_NONE, CATEGORY_NONE, true, ADOPTED, ""},
        {EVENT_PROCUREMENT_STARTED, CATEGORY_NONE, CATEGORY_NONE, false, UNKNOWN,
         "procurement_started.service_category"},
        {EVENT_PROCUREMENT_STARTED, CATEGORY_COMMUNITY, CATEGORY_NONE, true, ADOPTED, ""},
        {EVENT_PROCUREMENT_STARTED, CATEGORY_COMMUNITY, CATEGORY_ELECTIVE, true, "", NULL},
        {EVENT_AWARD_INTENDED, CATEGORY_NONE, CATEGORY_NONE, true, ADOPTED, ""},
        {EVENT_CONTRACT_AWARDED, CATEGORY_UNLISTED, CATEGORY_ELECTIVE, false, UNKNOWN,
         "contract_awarded.service_category"},
        {EVENT_CONTRACT_AWARDED, CATEGORY_UNLISTED, CATEGORY_NONE, true, ADOPTED " " UNKNOWN, NULL},
        {EVENT_PRIORITIES_SET, CATEGORY_NONE, CATEGORY_NONE, true, ADOPTED, ""},
        {EVENT_PRIORITIES_SET, CATEGORY_NONE, CATEGORY_ELECTIVE, false, "", NULL},
    };
    struct case_matter c;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("case %zu\n", i);
        matter_begin(&c, cases[i].type, "2018-04-01");
        c.assignment.adopted = cases[i].adopted;
        if (cases[i].assessed != CATEGORY_NONE)
            matter_assessed(&c, cases[i].assessed);
        if (cases[i].own != CATEGORY_NONE)
            matter_own_category(&c, cases[i].own);
        assert_string_equal(matter_judged(&c, &rule_category_known), cases[i].says);
        if (cases[i].field != NULL)
            assert_string_equal(c.items[0].field, cases[i].field);
    }
}

static void without_a_category_nothing_else_is_said(void **state)
{
    static const enum service_category categories[] = {CATEGORY_NONE, CATEGORY_UNLISTED};
    struct case_matter c;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(categories); i++) {
        matter_begin(&c, EVENT_CONTRACT_AWARDED, "2018-04-01");
        matter_own_category(&c, categories[i]);
        assert_string_equal(matter_judged(&c, &rule_responsibility), "");
        assert_string_equal(matter_judged(&c, &rule_weight_management), "");
        assert_string_equal(matter_judged(&c, &rule_urgent_care_open), "");
    }
}

static void an_adopted_workflow_that_is_assessed_here_is_evidenced(void **state)
{
    struct case_matter c;

    (void)state;
    matter_begin(&c, EVENT_NEEDS_ASSESSED, "2018-04-01");
    c.assignment.adopted = true;
    matter_own_category(&c, CATEGORY_COMMUNITY);
    assert_string_equal(matter_judged(&c, &rule_category_known), "");
}

static void a_tier_or_category_past_the_tables_is_nobodys(void **state)
{
    struct case_matter c;

    (void)state;
    matter_begin(&c, EVENT_NEEDS_ASSESSED, "2018-04-01");
    matter_own_category(&c, CATEGORY_COMMUNITY);
    c.matter.event.needs_assessed.weight_management_tier = 5;
    assert_string_equal(matter_judged(&c, &rule_weight_management), "");

    matter_own_category(&c, (enum service_category)99);
    assert_string_equal(matter_judged(&c, &rule_responsibility), "NOT_CCG_RESPONSIBILITY");
    assert_non_null(strstr(c.items[0].text, "commissioned by nobody"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_category_is_its_commissioners_on_the_day),
        cmocka_unit_test(nobody_else_commissions_anything),
        cmocka_unit_test(core_gp_services_need_delegation_from_april_2015),
        cmocka_unit_test(a_wrong_commissioner_is_told_who_it_is),
        cmocka_unit_test(a_tier_is_its_commissioners_whatever_the_category_says),
        cmocka_unit_test(the_assessed_tier_binds_the_award),
        cmocka_unit_test(a_tier_3_plan_names_its_board),
        cmocka_unit_test(the_category_is_one_of_the_list),
        cmocka_unit_test(without_a_category_nothing_else_is_said),
        cmocka_unit_test(an_adopted_workflow_that_is_assessed_here_is_evidenced),
        cmocka_unit_test(a_tier_or_category_past_the_tables_is_nobodys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
