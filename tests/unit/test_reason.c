/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <string.h>

#include "proto/limits.h"
#include "proto/reason.h"

static void every_reason_is_found_by_its_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        const char *name = reason_name((enum reason_code)i);
        enum reason_code found = REASON_COUNT;
        assert_true(reason_find(name, strlen(name), &found));
        assert_int_equal(found, i);
    }
}

static void a_name_that_is_only_begun_is_no_reason(void **state)
{
    enum reason_code found = REASON_BUSY;

    (void)state;
    assert_false(reason_find("BUS", 3, &found));
    assert_false(reason_find("BUSY_", 5, &found));
    assert_false(reason_find("", 0, &found));
    assert_false(reason_find("busy", 4, &found));
    assert_int_equal(found, REASON_BUSY);
}

static void every_reason_fits_its_printed_code_and_text(void **state)
{
    (void)state;
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        enum reason_code code = (enum reason_code)i;
        assert_true(strlen(reason_name(code)) + REASON_PARAMETER_SIZE < REASON_CODE_SIZE);
        assert_true(strlen(reason_text(code)) < REASON_TEXT_SIZE);
        assert_true(reason_severity(code) >= SEVERITY_WARN);
        assert_true(strlen(reason_rule(code)) <= 3);
    }
}

static void a_reason_has_the_lists_severity_and_text_unless_one_is_given(void **state)
{
    struct reason items[2];
    struct reasons reasons = {.items = items, .max = 2};

    (void)state;
    reasons_add(&reasons, REASON_NO_ALLOTMENT, "2018/19", NULL, NULL, NULL);
    reasons_add(&reasons, REASON_YEAR_NOT_COVERED, NULL, "contract_awarded.years", "2019/20", "no");

    assert_int_equal(reasons.count, 2);
    assert_int_equal(items[0].severity, SEVERITY_HOLD);
    assert_string_equal(items[0].text, "the year has no allotment yet");
    assert_string_equal(items[0].parameter, "2018/19");
    assert_string_equal(items[0].field, "");
    assert_int_equal(items[1].severity, SEVERITY_WARN);
    assert_string_equal(items[1].text, "no");
    assert_string_equal(items[1].field, "contract_awarded.years");
    assert_string_equal(items[1].value, "2019/20");
}

static void reasons_past_the_room_are_counted_only(void **state)
{
    struct reason items[1];
    struct reasons reasons = {.items = items, .max = 1};

    (void)state;
    reasons_add(&reasons, REASON_BUSY, NULL, NULL, NULL, NULL);
    reasons_add(&reasons, REASON_DRAINING, NULL, NULL, NULL, NULL);
    reasons_add(&reasons, REASON_STORE_FULL, NULL, NULL, NULL, NULL);

    assert_int_equal(reasons.count, 1);
    assert_int_equal(reasons.left_out, 2);
    assert_true(reasons_have(&reasons, REASON_BUSY));
    assert_false(reasons_have(&reasons, REASON_DRAINING));
}

static void a_value_is_cut_between_characters(void **state)
{
    struct reason item;
    struct reasons reasons = {.items = &item, .max = 1};
    char value[REASON_VALUE_SIZE + 10];

    (void)state;
    memset(value, 'a', sizeof value);
    memcpy(value + REASON_VALUE_SIZE - 3, "\xE2\x82\xAC", 3); /* a euro sign over the edge */
    value[sizeof value - 1] = '\0';

    reasons_add(&reasons, REASON_FIELD_INVALID, "reference", "reference", value, NULL);

    assert_int_equal(strlen(item.value), REASON_VALUE_SIZE - 3);
    assert_int_equal(item.value[REASON_VALUE_SIZE - 4], 'a');
}

static void a_value_that_just_fits_is_whole(void **state)
{
    struct reason item;
    struct reasons reasons = {.items = &item, .max = 1};
    char value[REASON_VALUE_SIZE];

    (void)state;
    memset(value, 'a', sizeof value);
    value[sizeof value - 1] = '\0';

    reasons_add(&reasons, REASON_FIELD_INVALID, NULL, NULL, value, NULL);

    assert_string_equal(item.value, value);
}

static void the_gravest_reason_decides(void **state)
{
    struct reason items[3];
    struct reasons reasons = {.items = items, .max = 3};

    (void)state;
    assert_int_equal(reasons_gravest(&reasons), SEVERITY_NONE);
    reasons_add(&reasons, REASON_AWARD_AFTER_START, NULL, NULL, NULL, NULL);
    assert_int_equal(reasons_gravest(&reasons), SEVERITY_WARN);
    reasons_add(&reasons, REASON_BUDGET_EXCEEDED, NULL, NULL, NULL, NULL);
    reasons_add(&reasons, REASON_NO_ALLOTMENT, NULL, NULL, NULL, NULL);
    assert_int_equal(reasons_gravest(&reasons), SEVERITY_REJECT);
}

static void a_code_is_printed_with_its_parameter(void **state)
{
    struct reason item;
    struct reasons reasons = {.items = &item, .max = 1};
    char text[REASON_CODE_SIZE];

    (void)state;
    reasons_add(&reasons, REASON_BUDGET_EXCEEDED, "2018/19", NULL, NULL, NULL);
    reason_print_code(&item, text);
    assert_string_equal(text, "BUDGET_EXCEEDED:2018/19");

    reasons.count = 0;
    reasons_add(&reasons, REASON_BUSY, NULL, NULL, NULL, NULL);
    reason_print_code(&item, text);
    assert_string_equal(text, "BUSY");
}

static void severities_are_named_as_on_the_wire(void **state)
{
    (void)state;
    assert_string_equal(severity_name(SEVERITY_WARN), "WARN");
    assert_string_equal(severity_name(SEVERITY_HOLD), "HOLD");
    assert_string_equal(severity_name(SEVERITY_REJECT), "REJECT");
    assert_string_equal(severity_name((enum severity)9), "?");
}

static void every_reason_stands_in_the_protocol(void **state)
{
    static char text[128 * 1024];
    char path[PATH_MAX];
    const char *source = getenv("COMMISSION_SOURCE_DIR");

    (void)state;
    snprintf(path, sizeof path, "%s/proto/PROTOCOL.md", source != NULL ? source : ".");
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[len] = '\0';
    for (unsigned i = 0; i < REASON_COUNT; i++) {
        enum reason_code code = (enum reason_code)i;
        char row[REASON_TEXT_SIZE + 100];
        snprintf(row, sizeof row, "| `%s` | %s | %s | %s |", reason_name(code),
                 reason_rule(code)[0] != '\0' ? reason_rule(code) : "–",
                 severity_name(reason_severity(code)), reason_text(code));
        if (strstr(text, row) == NULL)
            fail_msg("PROTOCOL.md does not have the row: %s", row);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_is_found_by_its_name),
        cmocka_unit_test(a_name_that_is_only_begun_is_no_reason),
        cmocka_unit_test(every_reason_fits_its_printed_code_and_text),
        cmocka_unit_test(a_reason_has_the_lists_severity_and_text_unless_one_is_given),
        cmocka_unit_test(reasons_past_the_room_are_counted_only),
        cmocka_unit_test(a_value_is_cut_between_characters),
        cmocka_unit_test(a_value_that_just_fits_is_whole),
        cmocka_unit_test(the_gravest_reason_decides),
        cmocka_unit_test(a_code_is_printed_with_its_parameter),
        cmocka_unit_test(severities_are_named_as_on_the_wire),
        cmocka_unit_test(every_reason_stands_in_the_protocol),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
