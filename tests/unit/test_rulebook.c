/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/rulebook.h"
#include "workers/rules/rules.h"

#include <string.h>

static const struct stage_rules *const stages[] = {
    &stage_rules_needs_assessed, &stage_rules_priorities_set, &stage_rules_procurement,
    &stage_rules_contract_award, &stage_rules_review,
};

/* The stages in whose lists a rule of @number stands. */
static uint32_t listed(const char *number)
{
    uint32_t found = 0;

    for (size_t i = 0; i < ARRAY_LEN(stages); i++) {
        for (uint32_t j = 0; j < stages[i]->events_count; j++) {
            for (const struct rule *const *rule = stages[i]->events[j].rules; *rule != NULL; rule++)
                found |= strcmp((*rule)->number, number) == 0 ? 1u << stages[i]->stage : 0;
        }
    }
    return found;
}

static void a_rule_that_workers_judge_stands_in_just_the_lists_of_its_stages(void **state)
{
    uint32_t count;
    const struct rulebook_rule *rules = rulebook(&count);

    (void)state;
    for (uint32_t i = 0; i < count; i++) {
        print_message("%s\n", rules[i].number);
        if (rules[i].judged_by == JUDGED_BY_WORKER)
            assert_int_equal(listed(rules[i].number), rules[i].stages);
        else
            assert_int_equal(listed(rules[i].number), 0);
    }
}

static void every_rule_of_a_stages_list_stands_in_the_rulebook(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(stages); i++) {
        for (uint32_t j = 0; j < stages[i]->events_count; j++) {
            for (const struct rule *const *rule = stages[i]->events[j].rules; *rule != NULL;
                 rule++) {
                const struct rulebook_rule *found = rulebook_find((*rule)->number);
                assert_non_null(found);
                assert_int_equal(found->judged_by, JUDGED_BY_WORKER);
            }
        }
    }
}

static void every_rule_that_is_made_stands_in_a_list(void **state)
{
    static const struct rule *const made[] = {
        &rule_category_known,   &rule_responsibility,     &rule_weight_management,
        &rule_hwb_coordination, &rule_population_counted, &rule_urgent_care_open,
        &rule_provider_known,   &rule_provider_open,      &rule_award_value,
        &rule_award_in_time,
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        bool found = false;
        for (size_t j = 0; j < ARRAY_LEN(stages); j++) {
            for (uint32_t k = 0; k < stages[j]->events_count; k++) {
                const struct rule *const *rule = stages[j]->events[k].rules;
                for (; *rule != NULL; rule++)
                    found = found || *rule == made[i];
            }
        }
        assert_true(found);
    }
}

static void every_rule_has_a_reason_and_every_reason_its_rule(void **state)
{
    uint32_t count;
    const struct rulebook_rule *rules = rulebook(&count);

    (void)state;
    for (uint32_t i = 0; i < count; i++) {
        unsigned reasons = 0;
        for (unsigned code = 0; code < REASON_COUNT; code++)
            reasons += strcmp(reason_rule((enum reason_code)code), rules[i].number) == 0;
        print_message("%s: %u\n", rules[i].number, reasons);
        assert_true(reasons > 0);
    }
    for (unsigned code = 0; code < REASON_COUNT; code++) {
        const char *rule = reason_rule((enum reason_code)code);
        if (*rule != '\0')
            assert_non_null(rulebook_find(rule));
    }
}

static void the_rulebook_is_whole_and_in_order(void **state)
{
    uint32_t count;
    const struct rulebook_rule *rules = rulebook(&count);

    (void)state;
    assert_true(count >= 13);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(strlen(rules[i].title) > 0);
        assert_true(strlen(rules[i].text) > 40);
        assert_true(strlen(rules[i].source) > 10);
        assert_int_equal(rules[i].text[strlen(rules[i].text) - 1], '.');
        if (i > 0)
            assert_true(strcmp(rules[i - 1].number, rules[i].number) < 0);
        date_t from = rules[i].in_force.from;
        assert_true(from == DATE_NONE || from == date_of(2013, 4, 1));
    }
}

static void a_rule_is_found_in_any_case(void **state)
{
    (void)state;
    assert_string_equal(rulebook_find("R24")->number, "R24");
    assert_string_equal(rulebook_find("r24")->number, "R24");
    assert_null(rulebook_find("R99"));
    assert_null(rulebook_find(""));
}

static void no_event_stands_twice_in_a_stage(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(stages); i++) {
        assert_int_equal(stages[i]->stage, i + 1);
        for (uint32_t j = 0; j < stages[i]->events_count; j++) {
            for (uint32_t k = 0; k < j; k++)
                assert_int_not_equal(stages[i]->events[j].type, stages[i]->events[k].type);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_that_workers_judge_stands_in_just_the_lists_of_its_stages),
        cmocka_unit_test(every_rule_of_a_stages_list_stands_in_the_rulebook),
        cmocka_unit_test(every_rule_that_is_made_stands_in_a_list),
        cmocka_unit_test(every_rule_has_a_reason_and_every_reason_its_rule),
        cmocka_unit_test(the_rulebook_is_whole_and_in_order),
        cmocka_unit_test(a_rule_is_found_in_any_case),
        cmocka_unit_test(no_event_stands_twice_in_a_stage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
