/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/message.h"

static void every_event_type_is_found_by_its_name(void **state)
{
#define EVENT_TYPE_NUMBER(name, number) number,
    static const unsigned types[] = {EVENT_TYPE_LIST(EVENT_TYPE_NUMBER)};
#undef EVENT_TYPE_NUMBER

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        enum event_type found = EVENT_NONE;
        assert_true(event_type_find(event_type_name((enum event_type)types[i]), &found));
        assert_int_equal(found, types[i]);
    }
}

static void every_entry_kind_has_a_name_of_its_own(void **state)
{
#define ENTRY_KIND_NUMBER(name, number) {number, #name},
    static const struct {
        unsigned number;
        const char *name;
    } kinds[] = {ENTRY_KIND_LIST(ENTRY_KIND_NUMBER)};
#undef ENTRY_KIND_NUMBER

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        assert_string_equal(entry_kind_name((enum entry_kind)kinds[i].number), kinds[i].name);
    assert_string_equal(entry_kind_name(ENTRY_ATTEMPT_FAILED), "ATTEMPT_FAILED");
    assert_string_equal(entry_kind_name(ENTRY_NONE), "?");
    assert_string_equal(entry_kind_name((enum entry_kind)9), "?");
}

static void names_are_the_wires(void **state)
{
    (void)state;
    assert_string_equal(event_type_name(EVENT_CONTRACT_AWARDED), "CONTRACT_AWARDED");
    assert_string_equal(stage_name(STAGE_CONTRACT_AWARD), "CONTRACT_AWARD");
    assert_string_equal(phase_name(PHASE_NONE), "NONE");
    assert_string_equal(verdict_name(VERDICT_HELD), "HELD");
    assert_string_equal(organisation_kind_name(ORGANISATION_SUB_ICB), "SUB_ICB");
    assert_string_equal(verb_name(VERB_OPERATE), "OPERATE");
    assert_string_equal(service_category_name(CATEGORY_OBESITY_T3), "OBESITY_T3");
    assert_string_equal(service_category_name(CATEGORY_OBESITY_T4), "OBESITY_T4");
    assert_string_equal(route_name(ROUTE_NOT_STATED), "NOT_STATED");
    assert_string_equal(route_name(ROUTE_LAST), "PSR_URGENT");
}

static void zero_is_unspecified_and_what_has_no_name_a_question_mark(void **state)
{
    (void)state;
    assert_string_equal(event_type_name(EVENT_NONE), "UNSPECIFIED");
    assert_string_equal(event_type_name((enum event_type)19), "?");
    assert_string_equal(stage_name(STAGE_NONE), "UNSPECIFIED");
    assert_string_equal(stage_name((enum stage)6), "?");
    assert_string_equal(service_category_name(CATEGORY_UNLISTED), "?");
    assert_string_equal(verb_name((enum verb)7), "?");
}

static void names_are_found_and_others_leave_the_result_alone(void **state)
{
    enum stage stage = STAGE_REVIEW;
    enum organisation_kind kind = ORGANISATION_CSU;
    enum verb verb = VERB_WORK;
    enum event_type type = EVENT_NOTE;

    (void)state;
    assert_false(stage_find("UNSPECIFIED", &stage));
    assert_false(stage_find("procurement", &stage));
    assert_int_equal(stage, STAGE_REVIEW);
    assert_true(stage_find("PROCUREMENT", &stage));
    assert_int_equal(stage, STAGE_PROCUREMENT);

    assert_false(organisation_kind_find("", &kind));
    assert_true(organisation_kind_find("NHSE", &kind));
    assert_int_equal(kind, ORGANISATION_NHSE);

    assert_false(verb_find("submit", &verb));
    assert_true(verb_find("SUBMIT", &verb));
    assert_int_equal(verb, VERB_SUBMIT);

    assert_false(event_type_find("UNSPECIFIED", &type));
    assert_int_equal(type, EVENT_NOTE);
}

static void registers_begin_with_organisations(void **state)
{
    (void)state;
    assert_false(event_type_is_register(EVENT_NEEDS_ASSESSED));
    assert_false(event_type_is_register(EVENT_WITHDRAWN));
    assert_true(event_type_is_register(EVENT_ORGANISATION_REGISTERED));
    assert_true(event_type_is_register(EVENT_HWB_VIEW));
    assert_true(event_type_is_register(EVENT_KEY_ADDED));
    assert_true(event_type_is_register(EVENT_KEY_REVOKED));
}

static void a_support_unit_sends_for_its_commissioner(void **state)
{
    struct event event = {.sender = {"0CE"}, .acting_for = {"02E"}};

    (void)state;
    assert_string_equal(event_commissioner(&event).text, "02E");
    event.acting_for = (struct ods){""};
    assert_string_equal(event_commissioner(&event).text, "0CE");
}

static void an_organisation_is_open_from_its_first_to_its_last_day(void **state)
{
    struct organisation organisation = {.known = true, .opened_on = 100, .closed_on = 200};

    (void)state;
    assert_false(organisation_open_on(&organisation, 99));
    assert_true(organisation_open_on(&organisation, 100));
    assert_true(organisation_open_on(&organisation, 200));
    assert_false(organisation_open_on(&organisation, 201));
    organisation.closed_on = DATE_NONE;
    assert_true(organisation_open_on(&organisation, 201));
    organisation.known = false;
    assert_false(organisation_open_on(&organisation, 150));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_type_is_found_by_its_name),
        cmocka_unit_test(every_entry_kind_has_a_name_of_its_own),
        cmocka_unit_test(names_are_the_wires),
        cmocka_unit_test(zero_is_unspecified_and_what_has_no_name_a_question_mark),
        cmocka_unit_test(names_are_found_and_others_leave_the_result_alone),
        cmocka_unit_test(registers_begin_with_organisations),
        cmocka_unit_test(a_support_unit_sends_for_its_commissioner),
        cmocka_unit_test(an_organisation_is_open_from_its_first_to_its_last_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
