/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clients/cli/print.h"

#include <string.h>
#include <unistd.h>

/* What a table with one row of "x" is as @output, on a standard output of its own. */
static void print(enum cli_output output, const struct column *columns, uint32_t count, char *ret,
                  size_t size)
{
    const struct cli cli = {.output = output};
    const char *cells[PRINT_COLUMNS_MAX];
    FILE *file = tmpfile();
    assert_non_null(file);
    for (uint32_t i = 0; i < count; i++)
        cells[i] = "x";
    assert_int_equal(fflush(stdout), 0);
    int before = dup(STDOUT_FILENO);
    assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);

    struct printer *printer = printer_new(&cli, columns, count);
    printer_row_text(printer, cells);
    bool written = printer_end(printer);

    assert_true(dup2(before, STDOUT_FILENO) >= 0);
    close(before);
    rewind(file);
    ret[fread(ret, 1, size - 1, file)] = '\0';
    fclose(file);
    assert_true(written);
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
        cmocka_unit_test(a_column_of_any_name_is_escaped),
        cmocka_unit_test(as_many_columns_as_a_reply_may_have_are_printed_and_one_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
