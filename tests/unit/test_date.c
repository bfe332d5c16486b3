/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/date.h"

static date_t date(const char *text)
{
    date_t ret = DATE_NONE;

    assert_true(date_parse(text, strlen(text), &ret));
    return ret;
}

static int64_t moment(const char *text)
{
    int64_t ret = 0;

    assert_true(moment_parse(text, strlen(text), &ret));
    return ret;
}

static void the_first_of_january_1970_is_day_zero(void **state)
{
    (void)state;
    assert_int_equal(date("1970-01-01"), 0);
    assert_int_equal(date("1969-12-31"), -1);
    assert_int_equal(date("2000-03-01"), 11017);
    assert_int_equal(date("2018-04-01"), 17622);
    assert_int_equal(date_of(2018, 4, 1), 17622);
}

static void every_day_of_three_centuries_is_printed_as_it_is_read(void **state)
{
    char text[DATE_TEXT_SIZE];
    char before[DATE_TEXT_SIZE] = "";

    (void)state;
    for (date_t day = date("1900-01-01"); day <= date("2199-12-31"); day++) {
        date_print(day, text);
        assert_int_equal(date(text), day);
        assert_true(strcmp(before, text) < 0);
        memcpy(before, text, sizeof before);
    }
}

static void days_that_do_not_exist_are_none(void **state)
{
    static const char *const bad[] = {
        "2018-02-29", "1900-02-29", "2100-02-29",           "2018-04-31",  "2018-13-01",
        "2018-00-01", "2018-01-00", "2018-01-32",           "1899-12-31",  "2200-01-01",
        "2018-4-1",   "18-04-01",   "2018/04/01",           "2018-04-01 ", "",
        "2018-04-0x", "+018-04-01", "2018-04-01T00:00:00Z",
    };
    date_t ret = 42;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(date_parse(bad[i], strlen(bad[i]), &ret));
    assert_int_equal(ret, 42);
}

static void leap_days_are_those_of_the_gregorian_calendar(void **state)
{
    (void)state;
    assert_int_equal(date("2016-03-01") - date("2016-02-29"), 1);
    assert_int_equal(date("2000-03-01") - date("2000-02-28"), 2);
    assert_int_equal(date("1900-03-01") - date("1900-02-28"), 1);
    assert_int_equal(date("2100-03-01") - date("2100-02-28"), 1);
}

static void no_day_is_printed_as_nothing(void **state)
{
    char text[DATE_TEXT_SIZE] = "x";

    (void)state;
    date_print(DATE_NONE, text);
    assert_string_equal(text, "");
    date_print(INT32_MAX, text);
    assert_string_equal(text, "");
}

static void the_day_in_england_begins_an_hour_earlier_in_summer(void **state)
{
    static const struct {
        const char *moment;
        const char *day;
    } cases[] = {
        /* 2018: from 25 March to 28 October */
        {"2018-01-01T23:59:59.999Z", "2018-01-01"},
        {"2018-01-02T00:00:00Z", "2018-01-02"},
        {"2018-03-24T23:30:00Z", "2018-03-24"},
        {"2018-03-25T00:59:59.999Z", "2018-03-25"},
        {"2018-03-25T22:59:59.999Z", "2018-03-25"},
        {"2018-03-25T23:00:00Z", "2018-03-26"},
        {"2018-07-01T22:59:59Z", "2018-07-01"},
        {"2018-07-01T23:00:00Z", "2018-07-02"},
        {"2018-10-27T23:00:00Z", "2018-10-28"},
        {"2018-10-28T00:59:59Z", "2018-10-28"},
        {"2018-10-28T23:30:00Z", "2018-10-28"},
        {"2018-10-29T00:00:00Z", "2018-10-29"},
        /* 31 March 2019 and 31 October 2021 are Sundays themselves */
        {"2019-03-30T23:30:00Z", "2019-03-30"},
        {"2019-03-31T23:30:00Z", "2019-04-01"},
        {"2021-10-30T23:30:00Z", "2021-10-31"},
        {"2021-10-31T23:30:00Z", "2021-10-31"},
        /* the financial year turns on summer time */
        {"2018-03-31T23:00:00Z", "2018-04-01"},
        {"1969-12-31T23:30:00Z", "1969-12-31"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(date_at(moment(cases[i].moment)), date(cases[i].day));
}

static void a_period_contains_its_first_and_last_day(void **state)
{
    struct period year = {date("2018-04-01"), date("2019-03-31")};
    struct period open = {date("2018-04-01"), DATE_NONE};

    (void)state;
    assert_false(period_contains(year, date("2018-03-31")));
    assert_true(period_contains(year, date("2018-04-01")));
    assert_true(period_contains(year, date("2019-03-31")));
    assert_false(period_contains(year, date("2019-04-01")));
    assert_true(period_contains(open, date("2199-12-31")));
    assert_false(period_contains(open, date("2018-03-31")));
}

static void a_financial_year_runs_from_april_to_march(void **state)
{
    (void)state;
    assert_int_equal(financial_year_of(date("2018-03-31")), 2017);
    assert_int_equal(financial_year_of(date("2018-04-01")), 2018);
    assert_int_equal(financial_year_of(date("2018-12-31")), 2018);
    assert_int_equal(financial_year_of(date("2019-01-01")), 2018);
    for (int32_t year = 1900; year < 2199; year++) {
        struct period period = financial_year_period(year);
        assert_int_equal(financial_year_of(period.from), year);
        assert_int_equal(financial_year_of(period.to), year);
        assert_int_equal(financial_year_of(period.from - 1), year - 1);
        assert_int_equal(financial_year_of(period.to + 1), year + 1);
    }
}

static void a_financial_year_is_read_only_if_its_halves_follow(void **state)
{
    static const struct {
        const char *text;
        int32_t year; /* 0: refused */
    } cases[] = {
        {"2018/19", 2018}, {"1999/00", 1999}, {"2099/00", 2099}, {"1900/01", 1900},
        {"2198/99", 2198}, {"2018/20", 0},    {"2018/18", 0},    {"2018-19", 0},
        {"2018/2019", 0},  {"18/19", 0},      {"", 0},           {"1899/00", 0},
        {"2199/00", 0},    {"201x/19", 0},
    };
    char text[YEAR_TEXT_SIZE];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int32_t year = 0;
        bool good = financial_year_parse(cases[i].text, strlen(cases[i].text), &year);
        assert_int_equal(good, cases[i].year != 0);
        assert_int_equal(year, cases[i].year);
        if (good) {
            financial_year_print(year, text);
            assert_string_equal(text, cases[i].text);
        }
    }
}

static void moments_are_printed_to_the_millisecond_in_utc(void **state)
{
    char text[MOMENT_TEXT_SIZE];

    (void)state;
    moment_print(1522575000123, text);
    assert_string_equal(text, "2018-04-01T09:30:00.123Z");
    moment_print(0, text);
    assert_string_equal(text, "1970-01-01T00:00:00.000Z");
    moment_print(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
    moment_print(moment("2199-12-31T23:59:59.999Z"), text);
    assert_string_equal(text, "2199-12-31T23:59:59.999Z");
    moment_print(moment("2199-12-31T23:59:59.999Z") + 1, text);
    assert_string_equal(text, "");
    moment_print(moment("1900-01-01T00:00:00Z") - 1, text);
    assert_string_equal(text, "");
    moment_print(INT64_MAX, text);
    assert_string_equal(text, "");
    moment_print(INT64_MIN, text);
    assert_string_equal(text, "");
}

static void moments_are_read_with_any_offset(void **state)
{
    static const char *const same[] = {
        "2018-04-01T09:30:00Z",          "2018-04-01T10:30:00+01:00", "2018-04-01t09:30:00.000z",
        "2018-03-31T23:30:00-10:00",     "2018-04-01T09:30:00-00:00", "2018-04-02T09:29:00+23:59",
        "2018-04-01T09:30:00.00049999Z", "2018-04-01T09:29:60Z",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(same); i++)
        assert_true(moment(same[i]) == 1522575000000);
    assert_true(moment("2018-04-01T09:30:00.1Z") == 1522575000100);
    assert_true(moment("2018-04-01T09:30:00.12Z") == 1522575000120);
    assert_true(moment("2018-04-01T09:30:00.1239Z") == 1522575000123);
}

static void what_is_no_moment_is_none(void **state)
{
    static const char *const bad[] = {
        "",
        "2018-04-01",
        "2018-04-01T09:30:00",
        "2018-04-01T09:30Z",
        "2018-04-01 09:30:00Z",
        "2018-04-01T24:00:00Z",
        "2018-04-01T09:60:00Z",
        "2018-04-01T09:30:61Z",
        "2018-04-01T09:30:00.Z",
        "2018-04-01T09:30:00.1",
        "2018-04-01T09:30:00+0100",
        "2018-04-01T09:30:00+24:00",
        "2018-04-01T09:30:00+01:60",
        "2018-04-01T09:30:00ZZ",
        "2018-02-30T09:30:00Z",
        "2018-04-01T0a:30:00Z",
        "2018-04-01T09-30-00Z",
    };
    int64_t ret = 42;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(moment_parse(bad[i], strlen(bad[i]), &ret));
    assert_true(ret == 42);
}

static void a_day_begins_at_midnight_in_england_whatever_utc_says(void **state)
{
    static const struct {
        const char *day;
        const char *begins;
    } cases[] = {
        {"2018-03-25", "2018-03-25T00:00:00Z"}, /* summer begins at 01:00 */
        {"2018-03-26", "2018-03-25T23:00:00Z"}, {"2018-10-28", "2018-10-27T23:00:00Z"},
        {"2018-10-29", "2018-10-29T00:00:00Z"}, /* it ended the day before, at 01:00 */
        {"2024-02-29", "2024-02-29T00:00:00Z"}, {"2024-03-01", "2024-03-01T00:00:00Z"},
        {"2024-03-31", "2024-03-31T00:00:00Z"}, {"2024-04-01", "2024-03-31T23:00:00Z"},
        {"2037-12-31", "2037-12-31T00:00:00Z"}, {"2038-01-01", "2038-01-01T00:00:00Z"},
        {"2038-01-19", "2038-01-19T00:00:00Z"}, {"2038-01-20", "2038-01-20T00:00:00Z"},
        {"2038-07-01", "2038-06-30T23:00:00Z"}, {"2100-03-01", "2100-03-01T00:00:00Z"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_true(date_begins_ms(date(cases[i].day)) == moment(cases[i].begins));
    for (date_t day = date("1990-01-01"); day < date("2190-01-01"); day++) {
        assert_int_equal(date_at(date_begins_ms(day)), day);
        assert_int_equal(date_at(date_begins_ms(day) - 1), day - 1);
    }
}

static void the_bank_holidays_of_england_are_these_and_no_others(void **state)
{
    static const struct {
        int32_t year;
        const char *days[11]; /* those on Monday to Friday */
    } years[] = {
        {2013, {"01-01", "03-29", "04-01", "05-06", "05-27", "08-26", "12-25", "12-26"}},
        {2015, {"01-01", "04-03", "04-06", "05-04", "05-25", "08-31", "12-25", "12-28"}},
        {2016, {"01-01", "03-25", "03-28", "05-02", "05-30", "08-29", "12-26", "12-27"}},
        {2017, {"01-02", "04-14", "04-17", "05-01", "05-29", "08-28", "12-25", "12-26"}},
        {2018, {"01-01", "03-30", "04-02", "05-07", "05-28", "08-27", "12-25", "12-26"}},
        {2020, {"01-01", "04-10", "04-13", "05-08", "05-25", "08-31", "12-25", "12-28"}},
        {2021, {"01-01", "04-02", "04-05", "05-03", "05-31", "08-30", "12-27", "12-28"}},
        {2022,
         {"01-03", "04-15", "04-18", "05-02", "06-02", "06-03", "08-29", "09-19", "12-26",
          "12-27"}},
        {2023, {"01-02", "04-07", "04-10", "05-01", "05-08", "05-29", "08-28", "12-25", "12-26"}},
        {2024, {"01-01", "03-29", "04-01", "05-06", "05-27", "08-26", "12-25", "12-26"}},
        {2025, {"01-01", "04-18", "04-21", "05-05", "05-26", "08-25", "12-25", "12-26"}},
        {2026, {"01-01", "04-03", "04-06", "05-04", "05-25", "08-31", "12-25", "12-28"}},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(years); i++) {
        uint32_t at = 0;
        for (date_t day = date_of(years[i].year, 1, 1); day <= date_of(years[i].year, 12, 31);
             day++) {
            char text[DATE_TEXT_SIZE];
            int32_t weekday = (day + 3) % 7; /* 0: Monday */
            if (weekday >= 5) {
                assert_false(date_is_working(day));
                continue;
            }
            date_print(day, text);
            bool listed = years[i].days[at] != NULL && strcmp(text + 5, years[i].days[at]) == 0;
            if (date_is_working(day) == listed)
                fail_msg("%s", text);
            at += listed;
        }
        assert_null(years[i].days[at]);
    }
}

static void working_days_are_counted_from_the_day_after(void **state)
{
    (void)state;
    assert_int_equal(date_working_after(date("2024-06-04"), 8), date("2024-06-14"));
    assert_int_equal(date_working_after(date("2024-12-17"), 8), date("2024-12-31"));
    assert_int_equal(date_working_after(date("2024-12-24"), 1), date("2024-12-27"));
    assert_int_equal(date_working_after(date("2037-12-31"), 1), date("2038-01-04"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_of_january_1970_is_day_zero),
        cmocka_unit_test(every_day_of_three_centuries_is_printed_as_it_is_read),
        cmocka_unit_test(days_that_do_not_exist_are_none),
        cmocka_unit_test(leap_days_are_those_of_the_gregorian_calendar),
        cmocka_unit_test(no_day_is_printed_as_nothing),
        cmocka_unit_test(the_day_in_england_begins_an_hour_earlier_in_summer),
        cmocka_unit_test(a_day_begins_at_midnight_in_england_whatever_utc_says),
        cmocka_unit_test(the_bank_holidays_of_england_are_these_and_no_others),
        cmocka_unit_test(working_days_are_counted_from_the_day_after),
        cmocka_unit_test(a_period_contains_its_first_and_last_day),
        cmocka_unit_test(a_financial_year_runs_from_april_to_march),
        cmocka_unit_test(a_financial_year_is_read_only_if_its_halves_follow),
        cmocka_unit_test(moments_are_printed_to_the_millisecond_in_utc),
        cmocka_unit_test(moments_are_read_with_any_offset),
        cmocka_unit_test(what_is_no_moment_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
