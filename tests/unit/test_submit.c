/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clients/cli/cli.h"

#include <string.h>

/** cli_event_field() on @len bytes in memory of just their size. *@ret_len: of what was found; -1: nothing. */
static bool field(const char *bytes, size_t len, uint32_t number, long *ret_len)
{
    struct slice found = {0};
    uint8_t *exact = malloc(len > 0 ? len : 1);
    assert_non_null(exact);
    if (len > 0)
        memcpy(exact, bytes, len);
    bool is = cli_event_field((struct slice){exact, len}, number, &found);
    free(exact);
    *ret_len = is ? (long)found.len : -1;
    return is;
}

static void a_field_is_found_behind_others_of_any_kind(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        uint32_t number;
        long wanted; /* its length; -1: not there */
    } cases[] = {
        {"", 0, 1, -1},
        {"\x0a\x03"
         "abc",
         5, 1, 3},
        {"\x0a\x00", 2, 1, 0},
        {"\x10\x14\x32\x03"
         "02E",
         7, 6, 3},
        {"\x50\x01", 2, 10, 0},
        {"\x50\xac\x02\x32\x03"
         "02E",
         8, 6, 3},
        {"\x09"
         "12345678"
         "\x32\x01"
         "x",
         12, 6, 1},
        {"\x0d"
         "1234"
         "\x32\x01"
         "x",
         8, 6, 1},
        {"\xa2\x01\x02"
         "ab"
         "\x0a\x01"
         "x",
         8, 1, 1},
        /* cut short, or lengths that lie */
        {"\x0a", 1, 1, -1},
        {"\x0a\x05"
         "abc",
         5, 1, -1},
        {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, 1, -1},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, 1, -1},
        {"\x09"
         "1234",
         5, 1, -1},
        {"\x80", 1, 1, -1},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        long len;
        bool found = field(cases[i].bytes, cases[i].len, cases[i].number, &len);
        assert_int_equal(found, cases[i].wanted >= 0);
        assert_int_equal(len, cases[i].wanted);
    }
}

static void an_outcome_has_its_exit_code(void **state)
{
    struct reason conflict = {.code = REASON_CONFLICT, .severity = SEVERITY_REJECT};
    struct reason reused = {.code = REASON_ID_REUSED, .severity = SEVERITY_REJECT};
    struct reason budget = {.code = REASON_BUDGET_EXCEEDED, .severity = SEVERITY_REJECT};
    const struct {
        struct cli_outcome outcome;
        int wanted;
    } cases[] = {
        {{.known = false}, EXIT_TIMED_OUT},
        {{.known = true, .kind = ANSWER_RECEIPT}, EXIT_DONE},
        {{.known = true, .kind = ANSWER_VERDICT, .verdict = VERDICT_ACCEPTED}, EXIT_DONE},
        {{.known = true, .kind = ANSWER_VERDICT, .verdict = VERDICT_HELD}, EXIT_PARTLY},
        {{.known = true, .kind = ANSWER_VERDICT, .verdict = VERDICT_WITHDRAWN}, EXIT_REFUSED},
        {{.known = true,
          .kind = ANSWER_VERDICT,
          .verdict = VERDICT_REJECTED,
          .reasons = &budget,
          .reasons_count = 1},
         EXIT_REFUSED},
        {{.known = true,
          .kind = ANSWER_VERDICT,
          .verdict = VERDICT_REJECTED,
          .reasons = &conflict,
          .reasons_count = 1},
         EXIT_CONFLICT},
        {{.known = true, .kind = ANSWER_REFUSED, .reasons = &reused, .reasons_count = 1},
         EXIT_CONFLICT},
        {{.known = true, .kind = ANSWER_REFUSED}, EXIT_REFUSED},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(cli_outcome_exit(&cases[i].outcome), cases[i].wanted);
}

static void several_outcomes_have_one_exit_code(void **state)
{
    static const int cases[][3] = {
        {-1, EXIT_DONE, EXIT_DONE},
        {-1, EXIT_REFUSED, EXIT_REFUSED},
        {EXIT_DONE, EXIT_DONE, EXIT_DONE},
        {EXIT_DONE, EXIT_REFUSED, EXIT_PARTLY},
        {EXIT_REFUSED, EXIT_REFUSED, EXIT_REFUSED},
        {EXIT_REFUSED, EXIT_CONFLICT, EXIT_REFUSED},
        {EXIT_CONFLICT, EXIT_CONFLICT, EXIT_CONFLICT},
        {EXIT_PARTLY, EXIT_DONE, EXIT_PARTLY},
        {EXIT_PARTLY, EXIT_REFUSED, EXIT_PARTLY},
        {EXIT_DONE, EXIT_TIMED_OUT, EXIT_TIMED_OUT},
        {EXIT_TIMED_OUT, EXIT_REFUSED, EXIT_TIMED_OUT},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(cli_exit_both(cases[i][0], cases[i][1]), cases[i][2]);
}

static void an_id_from_bytes_is_always_the_same_and_another_for_other_bytes(void **state)
{
    struct event_id a;
    struct event_id b;
    struct event_id c;
    struct event_id d;
    (void)state;

    cli_event_id_from("label", (struct slice){(const uint8_t *)"bytes", 5}, &a);
    cli_event_id_from("label", (struct slice){(const uint8_t *)"bytes", 5}, &b);
    cli_event_id_from("label", (struct slice){(const uint8_t *)"bytez", 5}, &c);
    cli_event_id_from("labelb", (struct slice){(const uint8_t *)"ytes", 4}, &d);

    assert_true(event_id_equal(a, b));
    assert_false(event_id_equal(a, c));
    assert_false(event_id_equal(a, d));
}

static void a_new_id_is_a_uuid_of_version_7_in_order_of_time(void **state)
{
    struct cli cli = {0};
    struct event_id a;
    struct event_id b;
    (void)state;

    assert_int_equal(cli_event_id_new(&cli, &a), 0);
    assert_int_equal(cli_event_id_new(&cli, &b), 0);

    assert_int_equal(a.bytes[6] >> 4, 7);
    assert_int_equal(a.bytes[8] >> 6, 2);
    assert_true(memcmp(a.bytes, b.bytes, 6) <= 0);
    assert_false(event_id_equal(a, b));
}

static void a_verdict_is_known_by_its_word_and_another_word_is_no_verdict(void **state)
{
    static const struct {
        const char *word;
        int exit; /* -1: not known */
    } cases[] = {
        {"ACCEPTED", EXIT_DONE},
        {"HELD", EXIT_PARTLY},
        {"REJECTED", EXIT_REFUSED},
        {"REFUSED", EXIT_REFUSED},
        {"", -1},
        {"UNSPECIFIED", -1},
        {"accepted", -1},
        {"PARKED", -1},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct cli_outcome outcome = {.known = true};
        bool named = cli_outcome_named(cases[i].word, &outcome);
        assert_int_equal(named ? cli_outcome_exit(&outcome) : -1, cases[i].exit);
        assert_true(named || (outcome.kind == ANSWER_NONE && outcome.verdict == VERDICT_NONE));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_verdict_is_known_by_its_word_and_another_word_is_no_verdict),
        cmocka_unit_test(a_field_is_found_behind_others_of_any_kind),
        cmocka_unit_test(an_outcome_has_its_exit_code),
        cmocka_unit_test(several_outcomes_have_one_exit_code),
        cmocka_unit_test(an_id_from_bytes_is_always_the_same_and_another_for_other_bytes),
        cmocka_unit_test(a_new_id_is_a_uuid_of_version_7_in_order_of_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
