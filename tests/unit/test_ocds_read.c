/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clients/ocds/read.h"

#include <string.h>

struct fixture {
    struct ocds_file *file;
};

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct fixture));
    return *state == NULL;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    ocds_file_free(f->file);
    free(f);
    return 0;
}

static void when_read_len(struct fixture *f, const char *text, size_t len)
{
    /* A copy of just that size, and gone afterwards: what was read may not point into it. */
    uint8_t *bytes = malloc(len > 0 ? len : 1);
    assert_non_null(bytes);
    memcpy(bytes, text, len);
    f->file = ocds_file_free(f->file);
    assert_true(ocds_read((struct slice){bytes, len}, &f->file) == STATUS_OK);
    free(bytes);
}

static void when_read(struct fixture *f, const char *text)
{
    when_read_len(f, text, strlen(text));
}

static bool has_fault(const struct ocds_faults *faults, const char *code, bool warning)
{
    for (uint32_t i = 0; i < faults->count; i++) {
        if (strcmp(faults->items[i].code, code) == 0)
            return faults->items[i].warning == warning;
    }
    return false;
}

#define HEAD                                                                                       \
    "\"ocid\":\"ocds-213czf-1\",\"id\":\"1\",\"date\":\"2025-01-23T14:59:07Z\","                   \
    "\"tag\":[\"award\"],\"initiationType\":\"tender\""
#define RELEASE "{" HEAD "}"

static void releases_are_found_in_each_kind_of_file(void **state)
{
    static const struct {
        const char *text;
        uint32_t count;
        const char *place; /* of the last */
    } cases[] = {
        {RELEASE, 1, ""},
        {"\xEF\xBB\xBF" RELEASE "\r\n", 1, ""},
        {"[" RELEASE "," RELEASE "]", 2, "list/1"},
        {RELEASE "\n\n" RELEASE "\n", 2, "line 3"},
        {"{\"version\":\"1.1\",\"releases\":[" RELEASE "," RELEASE "]}", 2, "releases/1"},
        {"{\"releases\":[" RELEASE "]}", 1, "releases/0"}, /* 1.0 has no version */
        {"{\"version\":\"1.0\",\"releases\":[]}", 0, ""},
        {"{\"releases\":[" RELEASE "]}\n{\"releases\":[" RELEASE "]}", 2, "line 2 releases/0"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        when_read(f, cases[i].text);

        assert_int_equal(f->file->faults.errors, 0);
        assert_int_equal(f->file->count, cases[i].count);
        for (uint32_t k = 0; k < f->file->count; k++)
            assert_int_equal(f->file->releases[k].faults.errors, 0);
        if (cases[i].count > 0)
            assert_string_equal(f->file->releases[cases[i].count - 1].place, cases[i].place);
    }
}

static void what_is_no_ocds_is_refused_with_its_code_and_place(void **state)
{
    static const struct {
        const char *text;
        const char *code;
        uint32_t releases; /* read before it */
    } cases[] = {
        {"", "OCDS_NOT_A_PACKAGE", 0},
        {" \n\t ", "OCDS_NOT_A_PACKAGE", 0},
        {"{\"ocid\":", "OCDS_NOT_JSON:1:8", 0},
        {"{\n \"a\": tru}", "OCDS_NOT_JSON:2:9", 0},
        {"<html>", "OCDS_NOT_JSON:1:1", 0},
        {RELEASE "\n" RELEASE "\n{\"ocid\" 1}", "OCDS_NOT_JSON:3:9", 2},
        {"{\"a\":\"caf\xE9\"}", "OCDS_NOT_UTF8:1:9", 0},
        {"{\"a\":1,\"a\":2}", "OCDS_NOT_JSON:1:10", 0},
        {"{\"a\":\"\\u0000\"}", "OCDS_NOT_JSON:1:13", 0},
        {"{\"a\":99999999999999999999999}", "OCDS_NOT_JSON:1:28", 0},
        {"{\"a\":1e999}", "OCDS_NOT_JSON:1:10", 0},
        {"17", "OCDS_NOT_A_PACKAGE", 0},
        {"null", "OCDS_NOT_A_PACKAGE", 0},
        {"[]", "OCDS_NOT_A_PACKAGE:list", 0},
        {"[" RELEASE ",17]", "OCDS_NOT_A_PACKAGE:list/1", 1},
        {"{}", "OCDS_NOT_A_PACKAGE", 0},
        {"{\"name\":\"something else\"}", "OCDS_NOT_A_PACKAGE", 0},
        {"{\"records\":[]}", "OCDS_NOT_A_PACKAGE", 0},
        {"{\"ocid\":\"x\",\"releases\":[]}", "OCDS_NOT_A_PACKAGE", 0}, /* a record */
        {"{\"releases\":{}}", "OCDS_TYPE:releases", 0},
        {"{\"version\":\"2.0\",\"releases\":[]}", "OCDS_VERSION_UNSUPPORTED", 0},
        {"{\"version\":\"1.1.5\",\"releases\":[]}", "OCDS_VERSION_UNSUPPORTED", 0},
        {"{\"version\":1.1,\"releases\":[]}", "OCDS_VERSION_UNSUPPORTED", 0},
        {"{\"version\":\"10.1\",\"releases\":[]}", "OCDS_VERSION_UNSUPPORTED", 0},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        when_read(f, cases[i].text);

        if (!has_fault(&f->file->faults, cases[i].code, false))
            fail_msg("%s: wanted %s, got %s", cases[i].text, cases[i].code,
                     f->file->faults.count > 0 ? f->file->faults.items[0].code : "nothing");
        assert_int_equal(f->file->count, cases[i].releases);
    }
}

static void utf16_is_called_by_its_name(void **state)
{
    struct fixture *f = *state;

    when_read_len(f, "\xFF\xFE{\0}\0", 6);
    assert_true(has_fault(&f->file->faults, "OCDS_NOT_UTF8:1:1", false));

    when_read_len(f, "\0{\0}", 4);
    assert_true(has_fault(&f->file->faults, "OCDS_NOT_UTF8:1:1", false));
}

static void a_package_that_says_little_of_itself_is_only_strange(void **state)
{
    struct fixture *f = *state;

    when_read(f, "{\"version\":\"1.2\",\"extensions\":[\"x\"],\"releases\":[" RELEASE "]}");

    assert_int_equal(f->file->faults.errors, 0);
    assert_true(has_fault(&f->file->faults, "OCDS_VERSION_UNSUPPORTED", true));
    assert_true(has_fault(&f->file->faults, "OCDS_UNKNOWN_EXTENSION", true));
    assert_true(has_fault(&f->file->faults, "OCDS_FIELD_REQUIRED:uri", true));
}

static void each_fault_of_a_release_has_its_code_and_path(void **state)
{
    static const struct {
        const char *text;
        const char *code; /* NULL: none */
        bool warning;
    } cases[] = {
        {RELEASE, NULL, false},
        {"{\"ocid\":\"ocds-213czf-1\"}", "OCDS_FIELD_REQUIRED:id", false},
        {"{\"ocid\":\"ocds-213czf-1\"}", "OCDS_FIELD_REQUIRED:date", false},
        {"{\"ocid\":\"ocds-213czf-1\"}", "OCDS_FIELD_REQUIRED:tag", false},
        {"{\"ocid\":\"ocds-213czf-1\"}", "OCDS_FIELD_REQUIRED:initiationType", false},
        {"{\"tag\":[]}", "OCDS_FIELD_REQUIRED:ocid", false},
        {"{\"tag\":[],\"ocid\":\"\"}", "OCDS_FIELD_REQUIRED:ocid", false},
        {"{\"tag\":[],\"ocid\":null}", "OCDS_FIELD_REQUIRED:ocid", false},
        {"{\"tag\":[],\"ocid\":{}}", "OCDS_TYPE:ocid", false},
        {"{\"ocid\":\"x\",\"tag\":[]}", "OCDS_FIELD_REQUIRED:tag", false},
        {"{\"ocid\":\"x\",\"tag\":\"award\"}", "OCDS_TYPE:tag", false},
        {"{\"ocid\":\"x\",\"tag\":[1]}", "OCDS_TYPE:tag/0", false},
        {"{\"ocid\":\"x\",\"tag\":[\"award\",\"awardAmendment\"]}", "OCDS_CODE:tag/1", false},
        {"{\"ocid\":\"x\",\"date\":\"2025-01-23\"}", "OCDS_DATE:date", false},
        {"{\"ocid\":\"x\",\"date\":20250123}", "OCDS_TYPE:date", false},
        {"{\"ocid\":\"x\",\"initiationType\":\"auction\"}", "OCDS_CODE:initiationType", false},
        {"{" HEAD ",\"parties\":{}}", "OCDS_TYPE:parties", false},
        {"{" HEAD ",\"tender\":[]}", "OCDS_TYPE:tender", false},
        {"{" HEAD ",\"tender\":{}}", "OCDS_FIELD_REQUIRED:tender/id", false},
        {"{" HEAD ",\"tender\":{\"id\":7,\"procurementMethod\":\"\"}}",
         "OCDS_CODE:tender/procurementMethod", false},
        {"{" HEAD ",\"tender\":{\"id\":7,\"status\":\"done\"}}", "OCDS_CODE:tender/status", false},
        {"{" HEAD ",\"tender\":{\"id\":7,\"tenderPeriod\":{\"endDate\":\"soon\"}}}",
         "OCDS_DATE:tender/tenderPeriod/endDate", false},
        {"{" HEAD ",\"tender\":{\"id\":7,\"suitability\":1}}",
         "OCDS_UNKNOWN_FIELD:tender/suitability", true},
        {"{" HEAD ",\"awards\":{}}", "OCDS_TYPE:awards", false},
        {"{" HEAD ",\"awards\":[7]}", "OCDS_TYPE:awards/0", false},
        {"{" HEAD ",\"awards\":[{\"id\":1},{}]}", "OCDS_FIELD_REQUIRED:awards/1/id", false},
        {"{" HEAD ",\"awards\":[{\"id\":1},{\"id\":\"1\"}]}", "OCDS_DUPLICATE_ID:awards/1/id",
         false},
        {"{" HEAD ",\"awards\":[{\"id\":1,\"status\":\"won\"}]}", "OCDS_CODE:awards/0/status",
         false},
        {"{" HEAD ",\"awards\":[{\"id\":1,\"date\":\"2025-02-30T00:00:00Z\"}]}",
         "OCDS_DATE:awards/0/date", false},
        {"{" HEAD ",\"awards\":[{\"id\":1,\"value\":{\"amount\":\"7\"}}]}",
         "OCDS_TYPE:awards/0/value/amount", false},
        {"{" HEAD ",\"awards\":[{\"id\":1,\"suppliers\":[null]}]}",
         "OCDS_TYPE:awards/0/suppliers/0", false},
        {"{" HEAD ",\"    roles\":[]}", "OCDS_UNKNOWN_FIELD:    roles", true},
        {"{\"ocid\":\"bad-prefix-1\"}", "OCDS_CODE:ocid", true},
        {"{\"ocid\":\"x\",\"id\":\"a#b\"}", "OCDS_CODE:id", true},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        when_read(f, cases[i].text);

        assert_int_equal(f->file->count, 1);
        const struct ocds_faults *faults = &f->file->releases[0].faults;
        if (cases[i].code == NULL)
            assert_int_equal(faults->count, 0);
        else if (!has_fault(faults, cases[i].code, cases[i].warning))
            fail_msg("%s: wanted %s", cases[i].text, cases[i].code);
        assert_true(cases[i].code == NULL || cases[i].warning || faults->errors > 0);
    }
}

static void errors_are_kept_however_many_warnings_come_first(void **state)
{
    struct fixture *f = *state;
    char text[8192];
    int len = snprintf(text, sizeof text, "{" HEAD ",\"tender\":{\"id\":1");
    for (int i = 0; i < 100; i++)
        len += snprintf(text + len, sizeof text - (size_t)len, ",\"x%d\":1", i);
    snprintf(text + len, sizeof text - (size_t)len, "},\"awards\":[{}]}");

    when_read(f, text);

    const struct ocds_faults *faults = &f->file->releases[0].faults;
    assert_int_equal(faults->errors, 1);
    assert_true(has_fault(faults, "OCDS_FIELD_REQUIRED:awards/0/id", false));
    assert_int_equal(faults->count + faults->left_out, 101);
}

static void a_release_is_read_into_values(void **state)
{
    struct fixture *f = *state;

    when_read(f, "{" HEAD ",\"parties\":["
                 "{\"id\":\"B\",\"name\":\"Buyer\",\"identifier\":{\"legalName\":\"Buyer\"},"
                 "\"additionalIdentifiers\":[{\"scheme\":\"GB-NHS\",\"id\":\"QYG\"}]},"
                 "{\"id\":\"GB-CFS-9\",\"name\":\"Nine\",\"identifier\":{\"legalName\":\"Nine\"}},"
                 "{\"id\":\"S\",\"name\":\"Ess\",\"identifier\":{\"scheme\":\"GB-COH\","
                 "\"id\":123},\"details\":{\"vcse\":true}}],"
                 "\"buyer\":{\"id\":\"B\",\"name\":\"Buyer\"},"
                 "\"tender\":{\"id\":\"t\",\"title\":\"Beds\",\"procurementMethod\":\"limited\","
                 "\"value\":{\"amount\":100,\"currency\":\"GBP\"},"
                 "\"tenderPeriod\":{\"endDate\":\"2021-07-05T00:30:00+01:00\"}},"
                 "\"awards\":[{\"id\":5,\"status\":\"active\","
                 "\"date\":\"2021-07-09T00:00:00+01:00\","
                 "\"value\":{\"amount\":3380.86,\"currency\":\"GBP\"},"
                 "\"suppliers\":[{\"id\":\"GB-CFS-9\"},{\"id\":\"S\"},{\"id\":\"nobody\"}],"
                 "\"contractPeriod\":{\"startDate\":\"2021-07-19T00:00:00+01:00\","
                 "\"endDate\":\"2025-08-04T23:59:59+01:00\"}}]}");

    const struct ocds_release *release = &f->file->releases[0];
    assert_int_equal(release->faults.errors, 0);
    assert_int_equal(release->tags, OCDS_TAG_AWARD);
    assert_string_equal(release->tag_text, "award");
    assert_true(release->date_ms == 1737644347000);
    assert_string_equal(release->buyer_nhs_id, "QYG");
    assert_int_equal(release->tender.method, OCDS_METHOD_LIMITED);
    assert_true(release->tender.value.pence == 10000);
    assert_int_equal(release->tender.closes_on, date_of(2021, 7, 5));
    assert_int_equal(release->awards_count, 1);
    const struct ocds_award *award = &release->awards[0];
    assert_string_equal(award->id, "5");
    assert_int_equal(award->status, OCDS_AWARD_ACTIVE);
    assert_int_equal(award->date, date_of(2021, 7, 9)); /* midnight in England, the 8th in UTC */
    assert_true(award->value.exact && award->value.pounds);
    assert_true(award->value.pence == 338086);
    assert_int_equal(award->period.from, date_of(2021, 7, 19));
    assert_int_equal(award->period.to, date_of(2025, 8, 4));
    assert_int_equal(award->suppliers_count, 3);
    assert_int_equal(award->suppliers[0].scheme_len, strlen("GB-CFS"));
    assert_string_equal(award->suppliers[0].id, "9");
    assert_string_equal(award->suppliers[0].name, "Nine");
    assert_false(award->suppliers[0].vcse);
    assert_string_equal(award->suppliers[1].scheme, "GB-COH");
    assert_string_equal(award->suppliers[1].id, "123");
    assert_true(award->suppliers[1].vcse);
    assert_null(award->suppliers[2].scheme);
}

static void the_buyers_nhs_code_is_found_wherever_it_stands(void **state)
{
    static const struct {
        const char *members;
        const char *code; /* NULL: none */
    } cases[] = {
        {"\"buyer\":{\"id\":\"GB-NHS-02E\"}", "02E"},
        {"\"buyer\":{\"id\":\"GB-CFS-02E\"}", NULL},
        {"\"buyer\":{\"identifier\":{\"scheme\":\"GB-NHS\",\"id\":\"13T\"}}", "13T"}, /* 1.0 */
        {"\"buyer\":{\"id\":\"x\"},\"parties\":[{\"id\":\"x\",\"identifier\":"
         "{\"scheme\":\"GB-NHS\",\"id\":\"QHM\"}}]",
         "QHM"},
        {"\"buyer\":{\"id\":\"x\"},\"parties\":[{\"id\":\"x\",\"identifier\":"
         "{\"scheme\":\"GB-ODS\",\"id\":\"QHM\"}}]",
         NULL}, /* there is no such scheme */
        {"\"language\":\"en\"", NULL},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[1024];
        snprintf(text, sizeof text, "{" HEAD ",%s}", cases[i].members);
        when_read(f, text);

        const char *found = f->file->releases[0].buyer_nhs_id;
        if (cases[i].code == NULL)
            assert_null(found);
        else
            assert_string_equal(found, cases[i].code);
    }
}

static void pounds_become_pence_exactly_or_not_at_all(void **state)
{
    static const struct {
        const char *amount;
        bool exact;
        int64_t pence;
    } cases[] = {
        {"0", true, 0},
        {"0.0", true, 0},
        {"-0.0", true, 0},
        {"0.01", true, 1},
        {"0.1", true, 10},
        {"0.29", true, 29}, /* 28.999... in binary */
        {"1.15", true, 115},
        {"3380.86", true, 338086},
        {"134326", true, 13432600},
        {"5259392.96", true, 525939296},
        {"1e3", true, 100000},
        {"9999999999999", true, 999999999999900},
        {"10000000000000", true, 1000000000000000},
        {"10000000000001", false, 0},
        {"9999999999999.99", true, 999999999999999},
        {"9223372036854775807", false, 0},
        {"1e18", false, 0},
        {"0.001", false, 0},
        {"1.005", false, 0},
        {"1e-9", false, 0},
        {"-12.34", true, -1234},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[512];
        snprintf(text, sizeof text, "{" HEAD ",\"awards\":[{\"id\":1,\"value\":{\"amount\":%s}}]}",
                 cases[i].amount);
        when_read(f, text);

        const struct ocds_amount *value = &f->file->releases[0].awards[0].value;
        assert_true(value->given);
        if (value->exact != cases[i].exact || (value->exact && value->pence != cases[i].pence))
            fail_msg("%s: %d, %lld", cases[i].amount, value->exact, (long long)value->pence);
    }
}

static void every_sum_of_two_decimals_comes_back(void **state)
{
    (void)state;
    uint64_t seed = 20250123;
    for (int i = 0; i < 200000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        int64_t pence = (int64_t)((seed >> 12) % 999999999999999u) >> (i % 48);
        char text[40];
        snprintf(text, sizeof text, "%lld.%02lld", (long long)(pence / 100),
                 (long long)(pence % 100));
        int64_t found = -1;

        assert_true(ocds_pence(strtod(text, NULL), &found));
        assert_true(found == pence);
    }
}

static void namesakes_are_told_from_others(void **state)
{
    struct fixture *f = *state;
    when_read(f, "[" RELEASE ",{\"language\":\"en\"," HEAD "},{\"ocid\":\"ocds-213czf-0\"},"
                 "{\"tag\":[\"award\"],\"initiationType\":\"tender\",\"id\":\"1\","
                 "\"date\":\"2025-01-23T14:59:07Z\",\"ocid\":\"ocds-213czf-1\"},"
                 "{\"ocid\":\"ocds-213czf-2\",\"id\":\"1\"},{\"ocid\":\"ocds-213czf-2\"}]");
    struct ocds_release *releases[6];
    for (uint32_t i = 0; i < 6; i++)
        releases[i] = &f->file->releases[i];

    assert_true(ocds_find_namesakes(releases, 6) == STATUS_OK);

    assert_null(releases[0]->namesake);
    assert_ptr_equal(releases[1]->namesake, releases[0]);
    assert_false(ocds_release_equal(releases[0], releases[1]));
    assert_null(releases[2]->namesake);
    assert_ptr_equal(releases[3]->namesake, releases[0]);
    assert_true(ocds_release_equal(releases[0], releases[3])); /* its members in another order */
    assert_null(releases[4]->namesake);
    assert_null(releases[5]->namesake);
    assert_true(ocds_find_namesakes(releases, 0) == STATUS_OK);
}

static void nesting_without_end_is_refused(void **state)
{
    struct fixture *f = *state;
    char *text = malloc(200001);
    assert_non_null(text);
    memset(text, '[', 200000);
    text[200000] = '\0';

    when_read(f, text);
    free(text);

    assert_int_equal(f->file->faults.errors, 1);
    assert_int_equal(f->file->count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(releases_are_found_in_each_kind_of_file),
        TEST(what_is_no_ocds_is_refused_with_its_code_and_place),
        TEST(utf16_is_called_by_its_name),
        TEST(a_package_that_says_little_of_itself_is_only_strange),
        TEST(each_fault_of_a_release_has_its_code_and_path),
        TEST(errors_are_kept_however_many_warnings_come_first),
        TEST(a_release_is_read_into_values),
        TEST(the_buyers_nhs_code_is_found_wherever_it_stands),
        TEST(pounds_become_pence_exactly_or_not_at_all),
        TEST(every_sum_of_two_decimals_comes_back),
        TEST(namesakes_are_told_from_others),
        TEST(nesting_without_end_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
