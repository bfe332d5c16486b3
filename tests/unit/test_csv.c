/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clients/cli/csv.h"

#include <string.h>

/** A text that may be overwritten, in memory of just its size, so that a step too far is seen. */
struct fixture {
    char *bytes;
    struct csv csv;
    struct csv_row row;
    struct csv_fault fault;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    return f == NULL;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    free(f->bytes);
    free(f);
    return 0;
}

static bool begin(struct fixture *f, const char *text, size_t len)
{
    f->bytes = malloc(len + 1);
    assert_non_null(f->bytes);
    memcpy(f->bytes, text, len);
    f->bytes[len] = '\0';
    return csv_begin(&f->csv, f->bytes, len, &f->fault);
}

static void expect_row(struct fixture *f, uint32_t line, uint32_t count, const char *const *cells)
{
    assert_true(csv_next(&f->csv, &f->row, &f->fault) == CSV_ROW);
    assert_int_equal(f->row.line, line);
    assert_int_equal(f->row.count, count);
    for (uint32_t i = 0; i < count; i++)
        assert_string_equal(csv_cell(&f->row, i), cells[i]);
    assert_string_equal(csv_cell(&f->row, count), "");
}

static void expect_fault(struct fixture *f, uint32_t line, uint32_t column)
{
    assert_true(csv_next(&f->csv, &f->row, &f->fault) == CSV_FAULT);
    assert_int_equal(f->fault.line, line);
    assert_int_equal(f->fault.column, column);
    assert_true(f->fault.text[0] != '\0');
}

static void rows_end_with_crlf_or_lf_or_the_file(void **state)
{
    struct fixture *f = *state;

    static const char text[] = "\xEF\xBB\xBF"
                               "a,b\r\n\r\nc,\n,d";
    assert_true(begin(f, text, sizeof text - 1));

    expect_row(f, 1, 2, (const char *const[]){"a", "b"});
    expect_row(f, 3, 2, (const char *const[]){"c", ""});
    expect_row(f, 4, 2, (const char *const[]){"", "d"});
    assert_true(csv_next(&f->csv, &f->row, &f->fault) == CSV_END);
    assert_true(csv_next(&f->csv, &f->row, &f->fault) == CSV_END);
}

static void quotes_hold_commas_quotes_and_line_breaks(void **state)
{
    struct fixture *f = *state;

    static const char text[] = "\"a,b\",\"say \"\"no\"\"\",\"two\r\nlines\"\r\n\"\",x\n\"\"";
    assert_true(begin(f, text, sizeof text - 1));

    expect_row(f, 1, 3, (const char *const[]){"a,b", "say \"no\"", "two\r\nlines"});
    expect_row(f, 3, 2, (const char *const[]){"", "x"});
    expect_row(f, 4, 1, (const char *const[]){""});
    assert_true(csv_next(&f->csv, &f->row, &f->fault) == CSV_END);
}

static void an_empty_file_has_no_rows(void **state)
{
    struct fixture *f = *state;

    assert_true(begin(f, "", 0));

    assert_true(csv_next(&f->csv, &f->row, &f->fault) == CSV_END);
}

static void what_rfc_4180_does_not_allow_is_named_with_its_place(void **state)
{
    static const struct {
        const char *text;
        uint32_t line, column;
    } cases[] = {
        {"a,\"b", 1, 3},          /* a quote that does not end */
        {"a,\"b\"c\n", 1, 6},     /* text behind a quoted cell */
        {"x\ny,b\"c\n", 2, 4},    /* a quote within a cell */
        {"a\rb\n", 1, 2},         /* a carriage return alone */
        {"a,\"b\n\"\"\nc", 1, 3}, /* does not end, over lines */
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true(begin(f, cases[i].text, strlen(cases[i].text)));
        if (cases[i].line == 2)
            assert_true(csv_next(&f->csv, &f->row, &f->fault) == CSV_ROW);

        expect_fault(f, cases[i].line, cases[i].column);

        free(f->bytes);
        f->bytes = NULL;
    }
}

static void sixty_four_cells_are_taken_and_sixty_five_are_not(void **state)
{
    struct fixture *f = *state;
    char text[2 * CSV_CELLS_MAX + 2];
    memset(text, ',', sizeof text);

    assert_true(begin(f, text, CSV_CELLS_MAX - 1));
    assert_true(csv_next(&f->csv, &f->row, &f->fault) == CSV_ROW);
    assert_int_equal(f->row.count, CSV_CELLS_MAX);
    free(f->bytes);

    assert_true(begin(f, text, CSV_CELLS_MAX));
    expect_fault(f, 1, CSV_CELLS_MAX + 1);
}

static void what_is_not_utf8_is_named_with_its_place(void **state)
{
    static const struct {
        const char *text;
        size_t len;
        uint32_t line, column; /* 0: it is UTF-8 */
    } cases[] = {
        {"caf\xC3\xA9", 5, 0, 0},
        {"\xF4\x8F\xBF\xBF", 4, 0, 0},
        {"a\ncaf\xE9,b", 8, 2, 4},     /* Latin-1 */
        {"a\0b", 3, 1, 2},             /* NUL */
        {"\xC0\x80", 2, 1, 1},         /* overlong */
        {"\xED\xA0\x80", 3, 1, 1},     /* a surrogate */
        {"\xF4\x90\x80\x80", 4, 1, 1}, /* beyond U+10FFFF */
        {"\xE2\x82", 2, 1, 1},         /* cut short */
        {"\xFF\xFE"
         "a\0",
         4, 1, 1}, /* UTF-16 */
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool good = begin(f, cases[i].text, cases[i].len);

        assert_int_equal(good, cases[i].line == 0);
        assert_int_equal(f->fault.line, cases[i].line);
        assert_int_equal(f->fault.column, cases[i].column);

        free(f->bytes);
        f->bytes = NULL;
        f->fault = (struct csv_fault){0};
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_end_with_crlf_or_lf_or_the_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(quotes_hold_commas_quotes_and_line_breaks, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_empty_file_has_no_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_rfc_4180_does_not_allow_is_named_with_its_place,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(sixty_four_cells_are_taken_and_sixty_five_are_not, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_utf8_is_named_with_its_place, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
