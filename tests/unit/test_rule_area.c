/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/matter.h"

static void both_counts_are_given_and_zero_is_a_count(void **state)
{
    static const struct {
        bool registered;
        bool unregistered;
        const char *says;
        const char *field;
    } cases[] = {
        {true, true, "", NULL},
        {false, true, "UNREGISTERED_MISSING", "needs_assessed.registered_count"},
        {true, false, "UNREGISTERED_MISSING", "needs_assessed.unregistered_count"},
        {false, false, "UNREGISTERED_MISSING UNREGISTERED_MISSING",
         "needs_assessed.registered_count"},
    };
    struct case_matter c;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        matter_begin(&c, EVENT_NEEDS_ASSESSED, "2018-04-01");
        c.matter.event.needs_assessed.registered_given = cases[i].registered;
        c.matter.event.needs_assessed.unregistered_given = cases[i].unregistered;
        assert_string_equal(matter_judged(&c, &rule_population_counted), cases[i].says);
        if (cases[i].field != NULL)
            assert_string_equal(c.items[0].field, cases[i].field);
    }
}

#define EXCLUDES "URGENT_CARE_EXCLUDES_UNREGISTERED"

struct open_case {
    enum event_type type;
    enum service_category own;
    enum service_category assessed;
    bool excludes;
    const char *says;
};

static void urgent_care_leaves_nobody_out(void **state)
{
    static const struct open_case cases[] = {
        {EVENT_PROCUREMENT_STARTED, CATEGORY_URGENT_EMERGENCY, CATEGORY_NONE, true, EXCLUDES},
        {EVENT_PROCUREMENT_STARTED, CATEGORY_URGENT_EMERGENCY, CATEGORY_NONE, false, ""},
        {EVENT_PROCUREMENT_STARTED, CATEGORY_NONE, CATEGORY_URGENT_EMERGENCY, true, EXCLUDES},
        {EVENT_PROCUREMENT_STARTED, CATEGORY_NONE, CATEGORY_ELECTIVE, true, ""},
        {EVENT_PROCUREMENT_STARTED, CATEGORY_NONE, CATEGORY_NONE, true, ""},
        {EVENT_PROCUREMENT_STARTED, CATEGORY_COMMUNITY, CATEGORY_URGENT_EMERGENCY, true, EXCLUDES},
        {EVENT_AWARD_INTENDED, CATEGORY_NONE, CATEGORY_URGENT_EMERGENCY, true, EXCLUDES},
        {EVENT_AWARD_INTENDED, CATEGORY_NONE, CATEGORY_URGENT_EMERGENCY, false, ""},
        {EVENT_CONTRACT_AWARDED, CATEGORY_URGENT_EMERGENCY, CATEGORY_ELECTIVE, true, EXCLUDES},
        {EVENT_CONTRACT_AWARDED, CATEGORY_COMMUNITY, CATEGORY_ELECTIVE, true, ""},
        {EVENT_BID_RECEIVED, CATEGORY_NONE, CATEGORY_URGENT_EMERGENCY, false, ""},
    };
    struct case_matter c;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print_message("case %zu\n", i);
        matter_begin(&c, cases[i].type, "2018-04-01");
        if (cases[i].own != CATEGORY_NONE)
            matter_own_category(&c, cases[i].own);
        if (cases[i].assessed != CATEGORY_NONE)
            matter_assessed(&c, cases[i].assessed);
        if (cases[i].type == EVENT_PROCUREMENT_STARTED)
            c.matter.event.procurement_started.excludes_unregistered = cases[i].excludes;
        else if (cases[i].excludes)
            c.matter.event.award.excludes_unregistered = true;
        assert_string_equal(matter_judged(&c, &rule_urgent_care_open), cases[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_counts_are_given_and_zero_is_a_count),
        cmocka_unit_test(urgent_care_leaves_nobody_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
