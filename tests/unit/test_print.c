/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clients/cli/print.h"

#include <string.h>
#include <unistd.h>

/* What a table with one row is as @cli has it, on a standard output of its own. */
static void print_row(const struct cli *cli, const struct column *columns, uint32_t count,
                      const char *const *cells, char *ret, size_t size)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(fflush(stdout), 0);
    int before = dup(STDOUT_FILENO);
    assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);

    struct printer *printer = printer_new(cli, columns, count);
    printer_row_text(printer, cells);
    bool written = printer_end(printer);

    assert_true(dup2(before, STDOUT_FILENO) >= 0);
    close(before);
    rewind(file);
    ret[fread(ret, 1, size - 1, file)] = '\0';
    fclose(file);
    assert_true(written);
}

static void print(enum cli_output output, const struct column *columns, uint32_t count, char *ret,
                  size_t size)
{
    const struct cli cli = {.output = output};
    const char *cells[PRINT_COLUMNS_MAX];
    for (uint32_t i = 0; i < count; i++)
        cells[i] = "x";
    print_row(&cli, columns, count, cells, ret, size);
}

static void a_narrow_table_keeps_what_one_types_again_and_the_money(void **state)
{
    static const struct column columns[] = {
        {"reference", COLUMN_TEXT, false},   {"stage", COLUMN_TEXT, false},
        {"held", COLUMN_NUMBER, false},      {"error", COLUMN_TEXT, false},
        {"left_pence", COLUMN_PENCE, false}, {"accepted", COLUMN_NUMBER, false},
        {"why", COLUMN_TEXT, false}};
    static const char *const cells[] = {"2018-physio", "CONTRACT_AWARD",          "0", "", "150",
                                        "3",           "the rule is under review"};
    static const struct {
        uint32_t columns;
        const char *wanted;
    } cases[] = {
        {0, "REFERENCE    STAGE           HELD  ERROR  LEFT GBP  ACCEPTED  WHY\n"
            "2018-physio  CONTRACT_AWARD     0  -          1.50         3  the rule is under "
            "review\n"},
        {80, "REFERENCE    STAGE           HELD  ERROR  LEFT GBP  ACCEPTED  WHY\n"
             "2018-physio  CONTRACT_AWARD     0  -          1.50         3  the rule is under…\n"},
        {66, "REFERENCE    STAGE           HELD  LEFT GBP  ACCEPTED  WHY\n"
             "2018-physio  CONTRACT_AWARD     0      1.50         3  the rul…\n"},
        {54, "REFERENCE    STAGE         LEFT GBP  WHY\n"
             "2018-physio  CONTRACT_AW…      1.50  the rul…\n"},
        {40, "REFERENCE    STAGE         LEFT GBP\n"
             "2018-physio  CONTRACT_AW…      1.50\n"},
    };
    char printed[512];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct cli cli = {.output = OUTPUT_TEXT, .columns = cases[i].columns};
        print_row(&cli, columns, ARRAY_LEN(columns), cells, printed, sizeof printed);

        assert_string_equal(printed, cases[i].wanted);
    }
}

static void a_column_of_any_name_is_escaped(void **state)
{
    static const struct column columns[] = {{"a\"\x1b,b", COLUMN_TEXT, false}};
    static const struct {
        enum cli_output output;
        const char *wanted;
    } cases[] = {
        {OUTPUT_TEXT, "A\"\\x1b,B\nx\n"},
        {OUTPUT_JSONL, "{\"a\\\"\\u001b,b\": \"x\"}\n"},
        {OUTPUT_CSV, "\"a\"\"\x1b,b\"\r\nx\r\n"},
    };
    char printed[256];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        print(cases[i].output, columns, 1, printed, sizeof printed);

        assert_string_equal(printed, cases[i].wanted);
    }
}

static void as_many_columns_as_a_reply_may_have_are_printed_and_one_more(void **state)
{
    struct column columns[COLUMNS_MAX + 1];
    char printed[4096];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(columns); i++)
        columns[i] = (struct column){"c", COLUMN_TEXT, false};

    static_assert(PRINT_COLUMNS_MAX >= ARRAY_LEN(columns), "what a daemon may send is printed");
    print(OUTPUT_CSV, columns, ARRAY_LEN(columns), printed, sizeof printed);

    assert_int_equal(strlen(printed), 2 * (2 * ARRAY_LEN(columns) + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_narrow_table_keeps_what_one_types_again_and_the_money),
        cmocka_unit_test(a_column_of_any_name_is_escaped),
        cmocka_unit_test(as_many_columns_as_a_reply_may_have_are_printed_and_one_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
