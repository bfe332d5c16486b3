/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdlib.h>

#include "daemon/domain/ledger.h"

static void pence_are_printed_as_pounds(void **state)
{
    (void)state;
    static const struct {
        int64_t pence;
        const char *text;
    } cases[] = {
        {0, "0.00"},
        {1, "0.01"},
        {-1, "-0.01"},
        {99, "0.99"},
        {100, "1.00"},
        {99999, "999.99"},
        {100000, "1,000.00"},
        {123456789, "1,234,567.89"},
        {-100000000, "-1,000,000.00"},
        {INT64_MAX, "92,233,720,368,547,758.07"},
        {INT64_MIN, "-92,233,720,368,547,758.08"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[PENCE_TEXT_SIZE];
        pence_print(cases[i].pence, text);
        assert_string_equal(text, cases[i].text);
    }
}

static struct award award_of(int64_t pence, date_t from, date_t to)
{
    return (struct award){.value_pence = pence, .period = {from, to}};
}

static void an_award_is_split_by_days_of_its_years(void **state)
{
    (void)state;
    struct year_value years[YEARS_MAX];

    /* Two whole years of 365 and 365 days. */
    struct award award = award_of(1000, date_of(2017, 4, 1), date_of(2019, 3, 31));
    assert_int_equal(ledger_split(&award, years), 2);
    assert_int_equal(years[0].year, 2017);
    assert_int_equal(years[0].pence, 500);
    assert_int_equal(years[1].year, 2018);
    assert_int_equal(years[1].pence, 500);

    /* One day on each side of the year's end; the odd penny goes to the earlier. */
    award = award_of(3, date_of(2018, 3, 31), date_of(2018, 4, 1));
    assert_int_equal(ledger_split(&award, years), 2);
    assert_int_equal(years[0].pence, 2);
    assert_int_equal(years[1].pence, 1);

    /* No last day: the year of the first. */
    award = award_of(77, date_of(2018, 3, 31), DATE_NONE);
    assert_int_equal(ledger_split(&award, years), 1);
    assert_int_equal(years[0].year, 2017);
    assert_int_equal(years[0].pence, 77);
}

static void years_that_are_given_stand(void **state)
{
    (void)state;
    struct year_value given[] = {{2018, 1}, {2019, 99}};
    struct award award = award_of(100, date_of(2018, 4, 1), date_of(2020, 3, 31));
    award.years = given;
    award.years_count = 2;
    struct year_value years[YEARS_MAX];

    assert_int_equal(ledger_split(&award, years), 2);
    assert_int_equal(years[0].pence, 1);
    assert_int_equal(years[1].pence, 99);
}

static void a_contract_of_too_many_years_is_not_split(void **state)
{
    (void)state;
    struct year_value years[YEARS_MAX];
    struct award award = award_of(100, date_of(2018, 4, 1), date_of(2018 + YEARS_MAX, 3, 31));
    assert_int_equal(ledger_split(&award, years), YEARS_MAX);
    award.period.to = date_of(2018 + YEARS_MAX, 4, 1);
    assert_int_equal(ledger_split(&award, years), 0);
}

/* Seeded: whatever the amount and the period, the sum is exact, no year is negative, none is outside. */
static void split_sums_are_exact(void **state)
{
    (void)state;
    srand(20180401);
    for (int i = 0; i < 20000; i++) {
        int64_t pence = (int64_t)rand() * (rand() % 400000);
        date_t from = date_of(2013, 4, 1) + rand() % 5000;
        date_t to = from + rand() % 5000;
        struct award award = award_of(pence, from, to);
        struct year_value years[YEARS_MAX];
        uint32_t count = ledger_split(&award, years);
        int64_t sum = 0;

        assert_true(count >= 1);
        for (uint32_t y = 0; y < count; y++) {
            assert_true(years[y].pence >= 0);
            assert_int_equal(years[y].year, financial_year_of(from) + (int32_t)y);
            sum += years[y].pence;
        }
        assert_true(sum == pence);
        assert_int_equal(years[count - 1].year, financial_year_of(to));
    }
}

static void lines_add_up_and_an_allotment_covers(void **state)
{
    (void)state;
    struct ledger_year year = {.ods = {"02E"}, .year = 2018};
    struct ledger_line line = {.ods = {"02E"}, .year = 2018, .kind = LEDGER_RESERVATION};

    line.pence = 300;
    line.uncovered = true;
    ledger_add(&year, &line);
    assert_false(year.allotted);
    assert_int_equal(year.uncovered_pence, 300);

    line = (struct ledger_line){{"02E"}, 2018, LEDGER_ALLOTMENT, 1000, false};
    ledger_add(&year, &line);
    assert_true(year.allotted);
    assert_int_equal(year.uncovered_pence, 0);
    assert_int_equal(ledger_left_pence(&year), 700);

    line = (struct ledger_line){{"02E"}, 2018, LEDGER_RESERVATION, -300, false};
    ledger_add(&year, &line);
    line = (struct ledger_line){{"02E"}, 2018, LEDGER_COMMITMENT, 250, false};
    ledger_add(&year, &line);
    assert_int_equal(ledger_left_pence(&year), 750);

    line = (struct ledger_line){{"02E"}, 2018, LEDGER_ALLOTMENT, -900, false};
    ledger_add(&year, &line);
    assert_int_equal(ledger_left_pence(&year), -150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pence_are_printed_as_pounds),
        cmocka_unit_test(an_award_is_split_by_days_of_its_years),
        cmocka_unit_test(years_that_are_given_stand),
        cmocka_unit_test(a_contract_of_too_many_years_is_not_split),
        cmocka_unit_test(split_sums_are_exact),
        cmocka_unit_test(lines_add_up_and_an_allotment_covers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
