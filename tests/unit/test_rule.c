/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/matter.h"

static void the_newest_fact_of_a_type_counts(void **state)
{
    struct event facts[3] = {{.type = EVENT_NEEDS_ASSESSED},
                             {.type = EVENT_NEEDS_ASSESSED},
                             {.type = EVENT_PROCUREMENT_STARTED}};
    struct case_matter c;

    (void)state;
    matter_begin(&c, EVENT_CONTRACT_AWARDED, "2018-04-01");
    c.matter.facts = facts;
    c.matter.facts_count = 3;

    assert_ptr_equal(matter_fact(&c.matter, EVENT_NEEDS_ASSESSED), &facts[1]);
    assert_ptr_equal(matter_fact(&c.matter, EVENT_PROCUREMENT_STARTED), &facts[2]);
    assert_null(matter_fact(&c.matter, EVENT_PRIORITIES_SET));
}

static void the_events_own_category_goes_before_the_one_assessed(void **state)
{
    static const struct {
        enum event_type type;
        enum service_category own;
        enum service_category category;
        const char *field;
    } cases[] = {
        {EVENT_PROCUREMENT_STARTED, CATEGORY_ELECTIVE, CATEGORY_ELECTIVE,
         "procurement_started.service_category"},
        {EVENT_AWARD_INTENDED, CATEGORY_ELECTIVE, CATEGORY_ELECTIVE,
         "award_intended.service_category"},
        {EVENT_CONTRACT_AWARDED, CATEGORY_ELECTIVE, CATEGORY_ELECTIVE,
         "contract_awarded.service_category"},
        {EVENT_CONTRACT_AWARDED, CATEGORY_NONE, CATEGORY_DENTAL, "needs_assessed.service_category"},
        {EVENT_BID_RECEIVED, CATEGORY_NONE, CATEGORY_DENTAL, "needs_assessed.service_category"},
    };
    struct case_matter c;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        matter_begin(&c, cases[i].type, "2018-04-01");
        matter_assessed(&c, CATEGORY_DENTAL);
        if (cases[i].own != CATEGORY_NONE)
            matter_own_category(&c, cases[i].own);
        assert_int_equal(matter_category(&c.matter), cases[i].category);
        assert_string_equal(matter_category_field(&c.matter), cases[i].field);
    }
}

static void a_category_named_by_the_procurement_is_the_awards_too(void **state)
{
    struct event facts[2] = {
        {.type = EVENT_NEEDS_ASSESSED, .needs_assessed = {.category = CATEGORY_ELECTIVE}},
        {.type = EVENT_PROCUREMENT_STARTED,
         .procurement_started = {.category = CATEGORY_URGENT_EMERGENCY}}};
    struct case_matter c;

    (void)state;
    matter_begin(&c, EVENT_CONTRACT_AWARDED, "2018-04-01");
    c.matter.facts = facts;
    c.matter.facts_count = 2;
    c.matter.event.award.excludes_unregistered = true;

    assert_int_equal(matter_category(&c.matter), CATEGORY_URGENT_EMERGENCY);
    assert_string_equal(matter_category_field(&c.matter), "procurement_started.service_category");
    assert_string_equal(matter_judged(&c, &rule_urgent_care_open),
                        "URGENT_CARE_EXCLUDES_UNREGISTERED");
    matter_own_category(&c, CATEGORY_COMMUNITY);
    assert_string_equal(matter_judged(&c, &rule_urgent_care_open),
                        "URGENT_CARE_EXCLUDES_UNREGISTERED");
    facts[1].procurement_started.category = CATEGORY_NONE;
    assert_string_equal(matter_judged(&c, &rule_urgent_care_open), "");
}

static void an_award_is_an_intended_or_a_made_one(void **state)
{
    struct case_matter c;

    (void)state;
    matter_begin(&c, EVENT_AWARD_INTENDED, "2018-04-01");
    assert_ptr_equal(matter_award(&c.matter), &c.matter.event.award);
    matter_begin(&c, EVENT_CONTRACT_AWARDED, "2018-04-01");
    assert_ptr_equal(matter_award(&c.matter), &c.matter.event.award);
    matter_begin(&c, EVENT_AWARD_WITHDRAWN, "2018-04-01");
    assert_null(matter_award(&c.matter));
}

static void say_note(const struct matter *matter, struct reasons *reasons)
{
    (void)matter;
    reasons_add(reasons, REASON_AWARD_AFTER_START, NULL, NULL, NULL, NULL);
}

static void say_zero(const struct matter *matter, struct reasons *reasons)
{
    (void)matter;
    reasons_add(reasons, REASON_AWARD_VALUE_ZERO, NULL, NULL, NULL, NULL);
}

static void all_rules_of_the_event_run_in_their_order_and_no_others(void **state)
{
    static const struct rule first = {"R1", say_zero};
    static const struct rule second = {"R2", say_note};
    static const struct rule *const award[] = {&first, &second, NULL};
    static const struct rule *const note[] = {&second, NULL};
    static const struct event_rules events[] = {{EVENT_CONTRACT_AWARDED, award},
                                                {EVENT_NOTE, note}};
    static const struct stage_rules stage = {STAGE_CONTRACT_AWARD, events, ARRAY_LEN(events)};
    struct case_matter c;

    (void)state;
    matter_begin(&c, EVENT_CONTRACT_AWARDED, "2018-04-01");
    judge(&stage, &c.matter, &c.reasons);
    assert_int_equal(c.reasons.count, 2);
    assert_int_equal(c.items[0].code, REASON_AWARD_VALUE_ZERO);
    assert_int_equal(c.items[1].code, REASON_AWARD_AFTER_START);

    matter_begin(&c, EVENT_REVIEW_COMPLETED, "2018-04-01");
    judge(&stage, &c.matter, &c.reasons);
    assert_int_equal(c.reasons.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_fact_of_a_type_counts),
        cmocka_unit_test(the_events_own_category_goes_before_the_one_assessed),
        cmocka_unit_test(a_category_named_by_the_procurement_is_the_awards_too),
        cmocka_unit_test(an_award_is_an_intended_or_a_made_one),
        cmocka_unit_test(all_rules_of_the_event_run_in_their_order_and_no_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
