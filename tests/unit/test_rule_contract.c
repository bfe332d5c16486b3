/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/matter.h"

static const enum event_type types[] = {EVENT_AWARD_INTENDED, EVENT_CONTRACT_AWARDED};

static void an_award_has_a_positive_value(void **state)
{
    static const struct {
        int64_t pence;
        const char *says;
    } cases[] = {{1, ""}, {PENCE_MAX, ""}, {0, "AWARD_VALUE_ZERO"}, {-1, "AWARD_VALUE_ZERO"}};
    struct case_matter c;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases) * ARRAY_LEN(types); i++) {
        matter_begin(&c, types[i % 2], "2018-04-01");
        c.matter.event.award.value_pence = cases[i / 2].pence;
        assert_string_equal(matter_judged(&c, &rule_award_value), cases[i / 2].says);
    }
}

static void an_award_after_the_start_is_warned_of(void **state)
{
    static const struct {
        const char *day;
        const char *from;
        const char *says;
    } cases[] = {
        {"2018-03-31", "2018-04-01", ""},
        {"2018-04-01", "2018-04-01", ""},
        {"2018-04-02", "2018-04-01", "AWARD_AFTER_START"},
        {"2018-04-02", "", ""},
    };
    struct case_matter c;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases) * ARRAY_LEN(types); i++) {
        matter_begin(&c, types[i % 2], cases[i / 2].day);
        c.matter.event.award.period.from = day(cases[i / 2].from);
        assert_string_equal(matter_judged(&c, &rule_award_in_time), cases[i / 2].says);
        if (c.reasons.count > 0) {
            assert_int_equal(c.items[0].severity, SEVERITY_WARN);
            assert_string_equal(c.items[0].value, "2018-04-01");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_award_has_a_positive_value),
        cmocka_unit_test(an_award_after_the_start_is_warned_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
