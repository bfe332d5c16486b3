/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clients/cli/print.h"

#include <inttypes.h>
#include <string.h>

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

/** What @add makes of @len bytes, in memory of just their size; kept in @state for tear_down(). */
static const char *made(void **state, void (*add)(struct text *, struct slice), const char *bytes,
                        size_t len)
{
    struct text text = {0};
    uint8_t *exact = malloc(len > 0 ? len : 1);
    assert_non_null(exact);
    if (len > 0)
        memcpy(exact, bytes, len);
    add(&text, (struct slice){exact, len});
    free(exact);
    free(*state);
    *state = text.bytes;
    return text.bytes;
}

static void numbers_get_separators_by_thousands(void **state)
{
    static const struct {
        const char *digits;
        const char *wanted;
    } cases[] = {
        {"", ""},
        {"0", "0"},
        {"999", "999"},
        {"1000", "1,000"},
        {"-999", "-999"},
        {"-1000", "-1,000"},
        {"123456", "123,456"},
        {"18446744073709551615", "18,446,744,073,709,551,615"},
        {"-9223372036854775808", "-9,223,372,036,854,775,808"},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[32];
        number_print(cases[i].digits, strlen(cases[i].digits), text);
        assert_string_equal(text, cases[i].wanted);
    }
}

static void pence_are_pounds_to_the_penny(void **state)
{
    static const struct {
        int64_t pence;
        const char *wanted;
    } cases[] = {
        {0, "0.00"},
        {1, "0.01"},
        {-1, "-0.01"},
        {99, "0.99"},
        {100, "1.00"},
        {-12345, "-123.45"},
        {28592500000, "285,925,000.00"},
        {INT64_MAX, "92,233,720,368,547,758.07"},
        {INT64_MIN, "-92,233,720,368,547,758.08"},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[40];
        pence_print(cases[i].pence, text);
        assert_string_equal(text, cases[i].wanted);
    }
}

struct bytes_case {
    const char *bytes;
    size_t len;
    const char *wanted;
};

static void what_moves_a_terminal_is_escaped(void **state)
{
    static const struct bytes_case cases[] = {
        {"", 0, ""},
        {"plain", 5, "plain"},
        {"caf\xc3\xa9 \xe2\x80\xa6 \xf0\x9f\x8f\xa5", 14,
         "caf\xc3\xa9 \xe2\x80\xa6 \xf0\x9f\x8f\xa5"},
        {"a\nb\tc\r", 6, "a\\nb\\tc\\x0d"},
        {"\x1b[31m", 5, "\\x1b[31m"},
        {"a\0b", 3, "a\\x00b"},
        {"\x7f", 1, "\\x7f"},
        {"\xc2\x9b", 2, "\\u009b"},
        {"\xe2\x80\xae", 3, "\\u202e"},
        {"\xe2\x81\xa6", 3, "\\u2066"},
        {"\xff\xfe", 2, "\\xff\\xfe"},
        {"\xc3", 1, "\\xc3"},
        {"\xe2\x80", 2, "\\xe2\\x80"},
        {"\xed\xa0\x80", 3, "\\xed\\xa0\\x80"},
        {"\xc0\xaf", 2, "\\xc0\\xaf"},
        {"\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(made(state, text_add_safe, cases[i].bytes, cases[i].len),
                            cases[i].wanted);
}

static void a_json_string_is_always_one(void **state)
{
    static const struct bytes_case cases[] = {
        {"", 0, "\"\""},
        {"a\"b\\c", 5, "\"a\\\"b\\\\c\""},
        {"a\nb", 3, "\"a\\u000ab\""},
        {"a\0b", 3, "\"a\\u0000b\""},
        {"\xc3\xa9", 2, "\"\xc3\xa9\""},
        {"\xff", 1, "\"\xef\xbf\xbd\""},
        {"\xe2\x80\xa8", 3, "\"\\u2028\""},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_string_equal(made(state, text_add_json, cases[i].bytes, cases[i].len),
                            cases[i].wanted);
}

static void a_text_grows_as_it_must(void **state)
{
    struct text text = {0};
    for (int i = 0; i < 1000; i++)
        text_add(&text, "%d,", i);
    *state = text.bytes;

    assert_int_equal(text.len, 3890);
    assert_int_equal(strlen(text.bytes), text.len);
    assert_string_equal(text.bytes + text.len - 4, "999,");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_get_separators_by_thousands),
        cmocka_unit_test(pence_are_pounds_to_the_penny),
        cmocka_unit_test_teardown(what_moves_a_terminal_is_escaped, tear_down),
        cmocka_unit_test_teardown(a_json_string_is_always_one, tear_down),
        cmocka_unit_test_teardown(a_text_grows_as_it_must, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
