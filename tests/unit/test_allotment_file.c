/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clients/commands/allotment_file.h"

#include <string.h>

struct fixture {
    struct allotment_file file;
    struct org_names names;
    struct csv_fault fault;
};

static void given_name(struct fixture *f, const char *code, const char *name)
{
    struct org_name org = {.open = true};
    assert_true(ods_parse(code, strlen(code), &org.ods));
    assert_true(org_names_add(&f->names, &org, name));
}

static void given_closed(struct fixture *f, const char *code, const char *name,
                         const char *successor)
{
    struct org_name org = {.open = false};
    assert_true(ods_parse(code, strlen(code), &org.ods));
    assert_true(ods_parse(successor, strlen(successor), &org.successor));
    assert_true(org_names_add(&f->names, &org, name));
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    return f == NULL;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    allotment_file_clear(&f->file);
    org_names_clear(&f->names);
    free(f);
    return 0;
}

static bool read_text(struct fixture *f, const char *text)
{
    char *bytes = strdup(text);
    assert_non_null(bytes);
    allotment_file_clear(&f->file);
    bool read = allotment_file_read(bytes, strlen(bytes), &f->file, &f->fault);
    free(bytes);
    return read;
}

#define HEADING "CCG,Opening DfT,Final allocation,Final growth\r\n"

static void sums_are_thousands_of_pounds(void **state)
{
    struct fixture *f = *state;

    assert_true(read_text(f, HEADING "NHS Warrington CCG,1.54%,278405,2.08%\r\n"
                                     "\"NHS Hull, Town CCG\",-,\"1,203,652\",\r\n"));

    assert_int_equal(f->file.count, 2);
    assert_string_equal(f->file.rows[0].name, "NHS Warrington CCG");
    assert_true(f->file.rows[0].pence == 27840500000);
    assert_int_equal(f->file.rows[0].line, 2);
    assert_string_equal(f->file.rows[1].name, "NHS Hull, Town CCG");
    assert_true(f->file.rows[1].pence == 120365200000);
}

static void what_is_no_such_file_is_named_with_its_line(void **state)
{
    static const struct {
        const char *text;
        uint32_t line;
    } cases[] = {
        {"", 1},
        {"name,sum\nx,1\n", 1},
        {"CCG,Opening DfT\nx,1\n", 1},
        {HEADING "x,1,\n", 2},
        {HEADING "x,1,-5\n", 2},
        {HEADING "x,1,12.5\n", 2},
        {HEADING "x,1,\"12,5\"\n", 2},
        {HEADING "x,1,\"1,2034\"\n", 2},
        {HEADING "x,1,\"1203,652\"\n", 2},
        {HEADING "x,1,\"203,\"\n", 2},
        {HEADING "x,1,1\ny,1,many\n", 3},
        {HEADING "x,1,12345678901\n", 2},
        {HEADING ",1,1\n", 2},
        {HEADING "x\n", 2},
        {HEADING "x,1,\"1\n", 2},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        f->fault = (struct csv_fault){0};

        assert_false(read_text(f, cases[i].text));

        assert_int_equal(f->fault.line, cases[i].line);
        assert_true(f->fault.text[0] != '\0');
    }
}

static void a_name_of_nothing_that_counts_matches_none(void **state)
{
    struct fixture *f = *state;
    given_name(f, "02E", "NHS");

    assert_true(read_text(f, HEADING "The CCG,,1,\n"));
    allotment_file_match(&f->file, &f->names);

    assert_int_equal(f->file.rows[0].match, MATCH_NONE);
}

static void names_match_by_what_counts_in_them(void **state)
{
    struct fixture *f = *state;
    given_name(f, "02E", "NHS Cheshire and Merseyside ICB - 02E");
    given_name(f, "02E", "NHS Warrington CCG");
    given_name(f, "02E", "NHS WARRINGTON CCG"); /* known */
    given_name(f, "01X", "NHS ST HELENS CCG");
    assert_int_equal(f->names.count, 3);

    assert_true(read_text(f, HEADING "NHS Warrington CCG,,1,\nNHS St. Helens CCG,,2,\n"));
    allotment_file_match(&f->file, &f->names);

    assert_int_equal(f->file.rows[0].match, MATCH_FOUND);
    assert_string_equal(f->file.rows[0].ods.text, "02E");
    assert_int_equal(f->file.rows[1].match, MATCH_FOUND);
    assert_string_equal(f->file.rows[1].ods.text, "01X");
}

static void what_does_not_match_gets_the_nearest_names_as_hints(void **state)
{
    struct fixture *f = *state;
    given_name(f, "05Q", "NHS South East Staffordshire and Seisdon Peninsula CCG");
    given_name(f, "01H", "NHS North Cumbria CCG");
    given_name(f, "01A", "NHS Cumbra CCG");
    given_name(f, "02E", "NHS Warrington CCG");
    given_name(f, "99X", "NHS Cambria CCG");

    assert_true(read_text(f, HEADING "NHS South East Staffs and Seisdon Peninsular CCG,,1,\n"
                                     "NHS Cumbria CCG,,2,\nNHS Nowhere Near Any CCG,,3,\n"
                                     "NHS Cambria CCG,,4,\n"));
    allotment_file_match(&f->file, &f->names);

    assert_int_equal(f->file.rows[0].match, MATCH_NONE);
    assert_string_equal(f->file.rows[0].hints[0]->ods.text, "05Q");
    assert_null(f->file.rows[0].hints[1]);
    assert_int_equal(f->file.rows[1].match, MATCH_NONE);
    /* 99X is another row's; 01H has all of the row's words. */
    assert_string_equal(f->file.rows[1].hints[0]->ods.text, "01A");
    assert_string_equal(f->file.rows[1].hints[1]->ods.text, "01H");
    assert_null(f->file.rows[1].hints[2]);
    assert_int_equal(f->file.rows[2].match, MATCH_NONE);
    assert_null(f->file.rows[2].hints[0]);
    assert_true(ods_empty(f->file.rows[2].ods));
}

static void at_most_three_hints_are_given_nearest_first(void **state)
{
    struct fixture *f = *state;
    given_name(f, "00A", "NHS Abcdefxxxx CCG");
    given_name(f, "00B", "NHS Abcdefghxx CCG");
    given_name(f, "00C", "NHS Abcdefghix CCG");
    given_name(f, "00D", "NHS Abcdefgxxx CCG");

    assert_true(read_text(f, HEADING "NHS Abcdefghij CCG,,1,\n"));
    allotment_file_match(&f->file, &f->names);

    assert_string_equal(f->file.rows[0].hints[0]->ods.text, "00C");
    assert_string_equal(f->file.rows[0].hints[1]->ods.text, "00B");
    assert_string_equal(f->file.rows[0].hints[2]->ods.text, "00D");
}

static void a_name_of_two_organisations_is_not_guessed(void **state)
{
    struct fixture *f = *state;
    given_name(f, "01A", "NHS Leicester City CCG");
    given_name(f, "01B", "NHS LEICESTER CITY");

    assert_true(read_text(f, HEADING "NHS Leicester City CCG,,1,\n"));
    allotment_file_match(&f->file, &f->names);

    assert_int_equal(f->file.rows[0].match, MATCH_MANY);
    assert_non_null(f->file.rows[0].hints[1]);
    assert_true(ods_empty(f->file.rows[0].ods));
}

static void one_that_was_closed_is_not_the_one_meant(void **state)
{
    struct fixture *f = *state;
    given_closed(f, "05P", "NHS Solihull CCG", "15E");
    given_closed(f, "00A", "NHS Hull CCG", "03F");
    given_name(f, "03F", "NHS Hull CCG");
    given_closed(f, "98Z", "NHS Hill CCG", "03F");

    assert_true(read_text(f, HEADING "NHS Solihull CCG,,1,\nNHS Hull CCG,,2,\n"
                                     "NHS Hell CCG,,3,\n"));
    allotment_file_match(&f->file, &f->names);

    assert_int_equal(f->file.rows[0].match, MATCH_CLOSED);
    assert_string_equal(f->file.rows[0].ods.text, "05P");
    assert_string_equal(f->file.rows[0].hints[0]->successor.text, "15E");
    assert_int_equal(f->file.rows[1].match, MATCH_FOUND);
    assert_string_equal(f->file.rows[1].ods.text, "03F");
    assert_int_equal(f->file.rows[2].match, MATCH_NONE);
    assert_null(f->file.rows[2].hints[0]);
}

static void what_stands_twice_is_refused_in_both_places(void **state)
{
    struct fixture *f = *state;
    given_name(f, "04C", "NHS Leicester City CCG");
    given_name(f, "02E", "NHS Cheshire and Merseyside ICB - 02E");
    given_name(f, "02E", "NHS Warrington CCG");

    assert_true(read_text(f, HEADING "NHS Leicester City CCG,,379783,\nNHS Leicester City "
                                     "CCG,,454473,\nNHS Warrington CCG,,5,\n"
                                     "NHS Cheshire and Merseyside ICB - 02E,,5,\n"
                                     "NHS Nobody CCG,,1,\nNHS NOBODY,,1,\n"));
    allotment_file_match(&f->file, &f->names);

    for (uint32_t i = 0; i < 6; i++) {
        const struct allotment_row *row = &f->file.rows[i];
        assert_int_equal(row->match, MATCH_TWICE);
        assert_int_equal(row->twin_line, i % 2 == 0 ? row->line + 1 : row->line - 1);
        assert_int_equal(row->twin_same, i >= 2);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sums_are_thousands_of_pounds),
        TEST(what_is_no_such_file_is_named_with_its_line),
        TEST(a_name_of_nothing_that_counts_matches_none),
        TEST(names_match_by_what_counts_in_them),
        TEST(what_does_not_match_gets_the_nearest_names_as_hints),
        TEST(at_most_three_hints_are_given_nearest_first),
        TEST(a_name_of_two_organisations_is_not_guessed),
        TEST(one_that_was_closed_is_not_the_one_meant),
        TEST(what_stands_twice_is_refused_in_both_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
