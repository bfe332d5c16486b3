/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clients/commands/mergers.h"
#include "clients/commands/org_file.h"

#include <string.h>

struct fixture {
    struct org_file file;
    struct csv_fault fault;
};

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct fixture));
    return *state == NULL;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    org_file_clear(&f->file);
    free(f);
    return 0;
}

static bool read_text(struct fixture *f, const char *text)
{
    char *bytes = strdup(text);
    assert_non_null(bytes);
    org_file_clear(&f->file);
    bool read = org_file_read(bytes, strlen(bytes), &f->file, &f->fault);
    free(bytes);
    return read;
}

static struct ods ods(const char *text)
{
    struct ods ret = {""};
    assert_true(ods_parse(text, strlen(text), &ret));
    return ret;
}

static void expect_row(const struct fixture *f, const char *code, const char *name,
                       enum organisation_kind kind, date_t opened_on, date_t closed_on,
                       const char *successor)
{
    const struct org_row *row = org_file_find(&f->file, ods(code));
    assert_non_null(row);
    assert_string_equal(row->name, name);
    assert_int_equal(row->kind, kind);
    assert_int_equal(row->opened_on, opened_on);
    assert_int_equal(row->closed_on, closed_on);
    assert_string_equal(row->successor.text, successor);
}

/* A row as ODS writes it; made-up organisations but for the codes. */
#define ROW(code, name, icb, opened, closed, role)                                                 \
    "\"" code "\",\"" name "\",\"Y62\",\"" icb                                                     \
    "\",\"1 ROAD\",\"\",\"\",\"TOWN\",\"\",\"AA1 1AA\","                                           \
    "\"" opened "\",\"" closed "\",\"\",\"" role "\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"1\","    \
    "\"\",\"\",\"\",\"\",\"\"\r\n"

#define CCGS_LAST date_of(2022, 6, 30)

static void a_code_that_lives_on_was_a_ccg_until_its_icb_came(void **state)
{
    struct fixture *f = *state;

    assert_true(read_text(
        f, ROW("02E", "NHS CHESHIRE AND MERSEYSIDE ICB - 02E", "QYG", "20130401", "", "RO319")));

    assert_int_equal(f->file.shape, ORG_SHAPE_ECCG);
    assert_int_equal(f->file.count, 2);
    expect_row(f, "02E", "NHS Cheshire and Merseyside ICB - 02E", ORGANISATION_CCG,
               date_of(2013, 4, 1), CCGS_LAST, "QYG");
    assert_true(org_file_find(&f->file, ods("02E"))->renamed);
    expect_row(f, "QYG", "NHS Cheshire and Merseyside ICB", ORGANISATION_ICB, ICBS_FROM, DATE_NONE,
               "");
    assert_false(org_file_find(&f->file, ods("QYG"))->renamed);
}

static void a_closed_ccg_keeps_its_days_and_has_its_merger(void **state)
{
    struct fixture *f = *state;

    assert_true(
        read_text(f, ROW("00C", "NHS DARLINGTON CCG", "QHM", "20130401", "20200331", "")
                         ROW("00F", "NHS GATESHEAD CCG", "QHM", "20130401", "20150331", "")
                             ROW("98Z", "NHS NOWHERE CCG", "QHM", "20130401", "20160331", "")));

    expect_row(f, "00C", "NHS Darlington CCG", ORGANISATION_CCG, date_of(2013, 4, 1),
               date_of(2020, 3, 31), "16C");
    expect_row(f, "00F", "NHS Gateshead CCG", ORGANISATION_CCG, date_of(2013, 4, 1),
               date_of(2015, 3, 31), "13T");
    expect_row(f, "98Z", "NHS Nowhere CCG", ORGANISATION_CCG, date_of(2013, 4, 1),
               date_of(2016, 3, 31), "");
    assert_int_equal(f->file.no_successor_count, 1);
    assert_null(org_file_find(&f->file, ods("QHM"))); /* closed rows bear no ICB's name */
}

static void a_ccg_open_in_an_older_file_closed_with_all_the_others(void **state)
{
    struct fixture *f = *state;

    assert_true(read_text(f, ROW("02E", "NHS WARRINGTON CCG", "QYG", "20130401", "", "")));

    expect_row(f, "02E", "NHS Warrington CCG", ORGANISATION_CCG, date_of(2013, 4, 1), CCGS_LAST,
               "QYG");
    assert_false(f->file.rows[0].renamed);
}

static void hubs_and_reporting_entities_are_counted_and_left_out(void **state)
{
    struct fixture *f = *state;

    assert_true(read_text(
        f, ROW("13Q", "NATIONAL COMMISSIONING HUB 1", "QWO", "20130401", "", "RO218")
               ROW("A4R1E", "NEWHAM - SUB-ICB REPORTING ENTITY", "QMF", "20240401", "", "RO327")));

    assert_int_equal(f->file.count, 0);
    assert_int_equal(f->file.hubs_count, 1);
    assert_int_equal(f->file.entities_count, 1);
}

static void a_location_opened_after_the_ccgs_is_none(void **state)
{
    struct fixture *f = *state;

    assert_true(
        read_text(f, ROW("Z9Z9Z", "NHS SUSSEX ICB - Z9Z9Z", "QNX", "20220701", "", "RO319")));

    expect_row(f, "Z9Z9Z", "NHS Sussex ICB - Z9Z9Z", ORGANISATION_SUB_ICB, ICBS_FROM, DATE_NONE,
               "");
}

static void a_list_of_support_units_has_no_days_of_its_own(void **state)
{
    struct fixture *f = *state;

    assert_true(read_text(f, "ods_code,name,primary_role\n0CE,NHS Cheshire and Merseyside "
                             "Commissioning Support Unit,RO213\n"));

    assert_int_equal(f->file.shape, ORG_SHAPE_CSU);
    assert_int_equal(f->file.count, 1);
    expect_row(f, "0CE", "NHS Cheshire and Merseyside Commissioning Support Unit", ORGANISATION_CSU,
               date_of(2013, 4, 1), DATE_NONE, "");
}

static void an_ons_list_gives_names_alone(void **state)
{
    struct fixture *f = *state;

    assert_true(read_text(f, "\xEF\xBB\xBF"
                             "CCG21CD,CCG21CDH,CCG21NM\nE38000194,02E,NHS Warrington "
                             "CCG\nE38,03F,\"NHS Hull, Town CCG\"\n"));

    assert_int_equal(f->file.shape, ORG_SHAPE_ONS);
    expect_row(f, "02E", "NHS Warrington CCG", ORGANISATION_NONE, DATE_NONE, DATE_NONE, "");
    expect_row(f, "03F", "NHS Hull, Town CCG", ORGANISATION_NONE, DATE_NONE, DATE_NONE, "");
}

static void what_is_no_such_file_is_named_with_its_line(void **state)
{
    static const struct {
        const char *text;
        uint32_t line;
    } cases[] = {
        {"", 1},
        {"a,b,c\n", 1},
        {"{\"json\": true}\n", 1},
        {ROW("02E", "A CCG", "QYG", "20130401", "", "") "x\n", 2},
        {ROW("02E", "A CCG", "QYG", "20130401", "", "")
             ROW("02E", "A CCG", "QYG", "20130401", "", ""),
         2},
        {ROW("02E", "A CCG", "QYG", "2013040", "", ""), 1},
        {ROW("02E", "A CCG", "QYG", "20130431", "", ""), 1},
        {ROW("02E", "A CCG", "QYG", "", "", ""), 1},
        {ROW("02E", "A CCG", "QYG", "20130401", "soon", ""), 1},
        {ROW("02E", "A CCG", "", "20130401", "", ""), 1},
        {"ods_code,name\n0CE,A\n0CE,B\n", 3},
        {"ods_code,name\nnone,A\n", 2},
        {"ods_code,name\n0CE,\"A\n", 2},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        f->fault = (struct csv_fault){0};

        if (read_text(f, cases[i].text))
            fail_msg("was read: %s", cases[i].text);

        assert_int_equal(f->fault.line, cases[i].line);
        assert_true(f->fault.text[0] != '\0');
    }
}

static void names_in_capitals_are_written_as_people_do(void **state)
{
    static const struct {
        const char *name, *wanted;
    } cases[] = {
        {"NHS STOKE ON TRENT CCG", "NHS Stoke on Trent CCG"},
        {"NHS HARTLEPOOL AND STOCKTON-ON-TEES CCG", "NHS Hartlepool and Stockton-on-Tees CCG"},
        {"NHS KING'S LYNN CCG", "NHS King's Lynn CCG"},
        {"NHS CENTRAL LONDON (WESTMINSTER) CCG", "NHS Central London (Westminster) CCG"},
        {"NHS WEST LONDON (K&C & QPP) CCG", "NHS West London (K&C & QPP) CCG"},
        {"THE ISLE OF WIGHT CCG", "The Isle of Wight CCG"},
        {"NHS SUSSEX ICB - 09D", "NHS Sussex ICB - 09D"},
        {"NHS Already Mixed OF CCG", "NHS Already Mixed OF CCG"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char name[NAME_SIZE];

        org_name_case(cases[i].name, name);

        assert_string_equal(name, cases[i].wanted);
    }
}

static void a_name_too_long_is_cut_between_characters(void **state)
{
    char name[2 * NAME_SIZE];
    char found[NAME_SIZE];
    (void)state;
    for (size_t i = 0; i + 2 < sizeof name; i += 2)
        memcpy(name + i + 1, "\xC3\xA9", 2);
    name[0] = 'x';
    name[sizeof name - 1] = '\0';

    org_name_case(name, found);

    assert_int_equal(strlen(found), NAME_SIZE - 2);
}

static void keys_are_alike_where_people_write_names_differently(void **state)
{
    static const struct {
        const char *a, *b;
        bool alike;
    } cases[] = {
        {"NHS Bath & North East Somerset CCG", "BATH AND NORTH EAST SOMERSET", true},
        {"NHS St. Helens CCG", "NHS ST HELENS CCG", true},
        {"NHS Durham Dales, Easington and Sedgefield CCG",
         "NHS DURHAM DALES EASINGTON & SEDGEFIELD", true},
        {"NHS King's Lynn CCG", "NHS Kings Lynn CCG", true},
        {"NHS Cumbria CCG", "NHS North Cumbria CCG", false},
        {"NHS East Sussex CCG", "NHS West Sussex CCG", false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char a[ORG_KEY_SIZE];
        char b[ORG_KEY_SIZE];

        org_name_key(cases[i].a, a);
        org_name_key(cases[i].b, b);

        assert_int_equal(strcmp(a, b) == 0, cases[i].alike);
    }
}

static void the_distance_of_keys_counts_letters(void **state)
{
    static const struct {
        const char *a, *b;
        uint32_t distance;
    } cases[] = {
        {"", "", 0},
        {"A", "", 1},
        {"", "AB", 2},
        {"ABC", "ABC", 0},
        {"ABC", "ABD", 1},
        {"ABC", "ACB", 1},
        {"ABC", "BC", 1},
        {"PENINSULA", "PENINSULAR", 1},
        {"KITTEN", "SITTING", 3},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(org_key_distance(cases[i].a, cases[i].b), cases[i].distance);
        assert_int_equal(org_key_distance(cases[i].b, cases[i].a), cases[i].distance);
    }
}

/* ---- the real file, where it is at hand ---- */

static bool read_real(struct fixture *f, const char *name)
{
    const char *folder = getenv("COMMISSION_DATA");
    const char *source = getenv("COMMISSION_SOURCE_DIR");
    char path[4096];
    static char bytes[1 << 20];
    if (folder != NULL)
        snprintf(path, sizeof path, "%s/%s", folder, name);
    else
        snprintf(path, sizeof path, "%s/../shared/data/%s", source == NULL ? "." : source, name);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    size_t len = fread(bytes, 1, sizeof bytes - 1, file);
    fclose(file);
    bytes[len] = '\0';
    assert_true(org_file_read(bytes, len, &f->file, &f->fault));
    return true;
}

static uint32_t open_on(const struct org_file *file, enum organisation_kind kind, date_t day)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < file->count; i++) {
        const struct org_row *row = &file->rows[i];
        bool closed = row->closed_on != DATE_NONE && row->closed_on < day;
        count += row->kind == kind && row->opened_on <= day && !closed;
    }
    return count;
}

static void the_real_file_has_the_published_numbers_of_ccgs(void **state)
{
    static const struct {
        int32_t year;
        uint32_t ccgs;
    } published[] = {{2013, 211}, {2014, 211}, {2015, 209}, {2016, 209}, {2017, 207},
                     {2018, 195}, {2019, 191}, {2020, 135}, {2021, 106}, {2022, 106}};
    struct fixture *f = *state;
    if (!read_real(f, "orgs/eccg.csv"))
        skip();

    for (size_t i = 0; i < ARRAY_LEN(published); i++)
        assert_int_equal(open_on(&f->file, ORGANISATION_CCG, date_of(published[i].year, 4, 1)),
                         published[i].ccgs);
    assert_int_equal(open_on(&f->file, ORGANISATION_CCG, ICBS_FROM), 0);
    assert_int_equal(open_on(&f->file, ORGANISATION_ICB, ICBS_FROM), 42);
    assert_int_equal(open_on(&f->file, ORGANISATION_ICB, ICBS_FROM - 1), 0);
    assert_int_equal(f->file.hubs_count, 35);
    assert_int_equal(f->file.entities_count, 37);
}

static void every_ccg_of_the_real_file_has_a_successor_that_was_open_the_day_after(void **state)
{
    struct fixture *f = *state;
    if (!read_real(f, "orgs/eccg.csv"))
        skip();

    assert_int_equal(f->file.no_successor_count, 0);
    for (uint32_t i = 0; i < f->file.count; i++) {
        const struct org_row *row = &f->file.rows[i];
        if (row->kind != ORGANISATION_CCG)
            continue;
        const struct org_row *successor = org_file_find(&f->file, row->successor);
        assert_non_null(successor);
        assert_true(successor->opened_on <= row->closed_on + 1);
        assert_true(successor->closed_on == DATE_NONE || successor->closed_on > row->closed_on);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_code_that_lives_on_was_a_ccg_until_its_icb_came),
        TEST(a_closed_ccg_keeps_its_days_and_has_its_merger),
        TEST(a_ccg_open_in_an_older_file_closed_with_all_the_others),
        TEST(hubs_and_reporting_entities_are_counted_and_left_out),
        TEST(a_location_opened_after_the_ccgs_is_none),
        TEST(a_list_of_support_units_has_no_days_of_its_own),
        TEST(an_ons_list_gives_names_alone),
        TEST(what_is_no_such_file_is_named_with_its_line),
        TEST(names_in_capitals_are_written_as_people_do),
        TEST(a_name_too_long_is_cut_between_characters),
        TEST(keys_are_alike_where_people_write_names_differently),
        TEST(the_distance_of_keys_counts_letters),
        TEST(the_real_file_has_the_published_numbers_of_ccgs),
        TEST(every_ccg_of_the_real_file_has_a_successor_that_was_open_the_day_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
