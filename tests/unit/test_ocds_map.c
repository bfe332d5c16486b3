/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clients/ocds/map.h"
#include "clients/ocds/read.h"

#include <string.h>

struct fixture {
    struct ocds_file *file;
    struct ocds_mapped mapped;
    struct ocds_terms terms;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    return f == NULL || !ods_parse("QYG", 3, &f->terms.lead);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    ocds_mapped_clear(&f->mapped);
    ocds_file_free(f->file);
    free(f);
    return 0;
}

static void when_mapped(struct fixture *f, const char *text)
{
    ocds_mapped_clear(&f->mapped);
    f->file = ocds_file_free(f->file);
    struct slice bytes = {(const uint8_t *)text, strlen(text)};
    assert_true(ocds_read(bytes, &f->file) == STATUS_OK);
    assert_int_equal(f->file->count, 1);
    assert_int_equal(f->file->releases[0].faults.errors, 0);
    assert_true(ocds_map(&f->file->releases[0], &f->terms, &f->mapped) == STATUS_OK);
}

static void expect_fault(const struct fixture *f, const char *code)
{
    for (uint32_t i = 0; i < f->mapped.faults.count; i++) {
        if (strcmp(f->mapped.faults.items[i].code, code) == 0)
            return;
    }
    fail_msg("wanted %s, got %s", code,
             f->mapped.faults.count > 0 ? f->mapped.faults.items[0].code : "nothing");
}

#define HEAD(tag)                                                                                  \
    "{\"ocid\":\"ocds-213czf-1\",\"id\":\"n-1\",\"date\":\"2025-01-23T23:59:07Z\",\"tag\":[" tag   \
    "],\"initiationType\":\"tender\""
#define VALUE "\"value\":{\"amount\":3380.86,\"currency\":\"GBP\"}"
#define SUPPLIERS "\"suppliers\":[{\"id\":\"GB-COH-01234567\",\"name\":\"Beds Ltd\"}]"
#define PERIOD                                                                                     \
    "\"contractPeriod\":{\"startDate\":\"2025-02-01T00:00:00Z\",\"endDate\":\"2026-01-31T23:59:"   \
    "59Z\"}"
#define AWARD(status, more) HEAD("\"award\"") ",\"awards\":[{\"id\":\"a-1\"," status more "}]}"
#define ACTIVE "\"status\":\"active\""

static void a_tender_starts_a_procurement(void **state)
{
    struct fixture *f = *state;

    when_mapped(f, HEAD("\"tender\"") ",\"tender\":{\"id\":\"t\",\"title\":\"Beds\","
                                      "\"procurementMethod\":\"open\","
                                      "\"datePublished\":\"2025-01-20T10:00:00Z\"," VALUE ","
                                      "\"tenderPeriod\":{\"endDate\":\"2025-02-12T12:00:00Z\"}}}");

    assert_int_equal(f->mapped.count, 1);
    assert_int_equal(f->mapped.events[0].type, EVENT_PROCUREMENT_STARTED);
    assert_string_equal(
        f->mapped.events[0].text,
        "{\"event_type\":\"PROCUREMENT_STARTED\",\"lead_ods\":\"QYG\","
        "\"reference\":\"ocds-213czf-1\",\"sender_ods\":\"QYG\",\"occurred_on\":\"2025-01-20\","
        "\"schema_version\":1,\"procurement_started\":{\"route\":\"OPEN\",\"title\":\"Beds\","
        "\"notice_reference\":\"n-1\",\"value_pence\":338086,\"closes_on\":\"2025-02-12\"}}");
}

static void an_active_award_is_a_contract_awarded(void **state)
{
    struct fixture *f = *state;

    when_mapped(
        f, AWARD(ACTIVE, ",\"date\":\"2025-01-10T00:00:00Z\"," VALUE "," SUPPLIERS "," PERIOD));

    assert_int_equal(f->mapped.count, 1);
    assert_int_equal(f->mapped.events[0].type, EVENT_CONTRACT_AWARDED);
    assert_string_equal(
        f->mapped.events[0].text,
        "{\"event_type\":\"CONTRACT_AWARDED\",\"lead_ods\":\"QYG\","
        "\"reference\":\"ocds-213czf-1\",\"sender_ods\":\"QYG\",\"occurred_on\":\"2025-01-10\","
        "\"schema_version\":1,\"contract_awarded\":{\"award_id\":\"a-1\",\"providers\":["
        "{\"scheme\":\"GB-COH\",\"id\":\"01234567\",\"name\":\"Beds Ltd\",\"kind\":\"OTHER\"}],"
        "\"value_pence\":338086,\"period_from\":\"2025-02-01\",\"period_to\":\"2026-01-31\","
        "\"contract_reference\":\"n-1\"}}");
}

static void the_status_of_an_award_is_its_event(void **state)
{
    static const struct {
        const char *status;
        enum event_type type;
        const char *member;
    } cases[] = {
        {"pending", EVENT_AWARD_INTENDED, "\"award_intended\":{"},
        {"active", EVENT_CONTRACT_AWARDED, "\"contract_awarded\":{"},
        {"cancelled", EVENT_AWARD_WITHDRAWN, "\"award_withdrawn\":{"},
        {"unsuccessful", EVENT_AWARD_WITHDRAWN, "\"award_withdrawn\":{"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[1024];
        snprintf(text, sizeof text, AWARD("\"status\":\"%s\"", "," VALUE "," SUPPLIERS "," PERIOD),
                 cases[i].status);
        when_mapped(f, text);

        assert_int_equal(f->mapped.count, 1);
        assert_int_equal(f->mapped.events[0].type, cases[i].type);
        assert_non_null(strstr(f->mapped.events[0].text, cases[i].member));
        /* Without a day of its own it is the notice's, in England. */
        assert_non_null(strstr(f->mapped.events[0].text, "\"occurred_on\":\"2025-01-23\""));
    }
}

static void what_an_award_lacks_is_named(void **state)
{
    static const struct {
        const char *text;
        const char *code;
    } cases[] = {
        {HEAD("\"award\"") "}", "FIELD_MISSING:awards"},
        {AWARD("\"title\":\"x\"", "," VALUE "," SUPPLIERS "," PERIOD),
         "FIELD_MISSING:awards/0/status"},
        {AWARD(ACTIVE, "," VALUE "," PERIOD), "FIELD_MISSING:awards/0/suppliers"},
        {AWARD(ACTIVE, "," VALUE ",\"suppliers\":[]," PERIOD), "FIELD_MISSING:awards/0/suppliers"},
        {AWARD(ACTIVE, "," VALUE ",\"suppliers\":[{\"name\":\"who\"}]," PERIOD),
         "FIELD_MISSING:awards/0/suppliers/0/identifier"},
        {AWARD(ACTIVE, "," VALUE "," SUPPLIERS), "FIELD_MISSING:awards/0/contractPeriod/startDate"},
        {AWARD(ACTIVE, "," SUPPLIERS "," PERIOD), "FIELD_MISSING:awards/0/value/amount"},
        {AWARD(ACTIVE, ",\"value\":{\"amount\":1,\"currency\":\"EUR\"}," SUPPLIERS "," PERIOD),
         "FIELD_INVALID:awards/0/value/currency"},
        {AWARD(ACTIVE, ",\"value\":{\"amount\":1}," SUPPLIERS "," PERIOD),
         "FIELD_INVALID:awards/0/value/currency"},
        {AWARD(ACTIVE, ",\"value\":{\"amount\":1.005,\"currency\":\"GBP\"}," SUPPLIERS "," PERIOD),
         "FIELD_INVALID:awards/0/value/amount"},
        {AWARD(ACTIVE, ",\"value\":{\"amount\":-1,\"currency\":\"GBP\"}," SUPPLIERS "," PERIOD),
         "FIELD_INVALID:awards/0/value/amount"},
        {HEAD("\"tender\"") "}", "FIELD_MISSING:tender"},
        {HEAD("\"tender\"") ",\"tender\":{\"id\":1,\"value\":{\"amount\":1,"
                            "\"currency\":\"EUR\"}}}",
         "FIELD_INVALID:tender/value/currency"},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        when_mapped(f, cases[i].text);

        expect_fault(f, cases[i].code);
        assert_int_equal(f->mapped.count, 0);
        assert_false(f->mapped.skipped);
    }
}

static void an_award_of_nothing_is_for_the_worker_to_reject(void **state)
{
    struct fixture *f = *state;

    when_mapped(
        f, AWARD(ACTIVE, ",\"value\":{\"amount\":0,\"currency\":\"GBP\"}," SUPPLIERS "," PERIOD));

    assert_int_equal(f->mapped.faults.count, 0);
    assert_non_null(strstr(f->mapped.events[0].text, "\"value_pence\":0,"));
}

static void what_can_be_said_is_said_beside_what_cannot(void **state)
{
    struct fixture *f = *state;

    when_mapped(f, HEAD("\"award\"") ",\"awards\":[{\"id\":\"a\"," ACTIVE "},{\"id\":\"b\"," ACTIVE
                                     "," VALUE "," SUPPLIERS "," PERIOD "}]}");

    assert_int_equal(f->mapped.count, 1);
    expect_fault(f, "FIELD_MISSING:awards/0/suppliers");
}

static void other_tags_are_skipped(void **state)
{
    static const char *const tags[] = {"\"planning\"", "\"tenderAmendment\"", "\"awardUpdate\"",
                                       "\"contract\",\"implementation\"", "\"compiled\""};
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        char text[256];
        snprintf(text, sizeof text, HEAD("%s") "}", tags[i]);
        when_mapped(f, text);

        assert_true(f->mapped.skipped);
        assert_int_equal(f->mapped.count, 0);
        assert_true(f->mapped.skip_text[0] != '\0');
    }
}

static void a_notice_of_tender_and_award_is_both(void **state)
{
    struct fixture *f = *state;

    when_mapped(f, HEAD("\"planning\",\"tender\",\"award\"") ",\"tender\":{\"id\":1},\"awards\":[{"
                                                             "\"id\":1," ACTIVE "," VALUE
                                                             "," SUPPLIERS "," PERIOD "}]}");

    assert_int_equal(f->mapped.count, 2);
    assert_int_equal(f->mapped.events[0].type, EVENT_PROCUREMENT_STARTED);
    assert_int_equal(f->mapped.events[1].type, EVENT_CONTRACT_AWARDED);
}

static void the_buyers_own_code_comes_before_the_given_lead(void **state)
{
    struct fixture *f = *state;

    when_mapped(f, HEAD("\"tender\"") ",\"tender\":{\"id\":1},\"buyer\":{\"id\":\"GB-NHS-qhm\"}}");
    assert_string_equal(f->mapped.lead.text, "QHM");

    when_mapped(f, HEAD("\"tender\"") ",\"tender\":{\"id\":1},\"buyer\":{\"id\":\"GB-CFS-1\"}}");
    assert_string_equal(f->mapped.lead.text, "QYG");

    when_mapped(f, HEAD("\"tender\"") ",\"tender\":{\"id\":1},\"buyer\":{\"id\":\"GB-NHS-ZZ\"}}");
    expect_fault(f, "OCDS_CODE:buyer/identifier/id");
    assert_int_equal(f->mapped.count, 0);

    f->terms.lead = (struct ods){""};
    when_mapped(f, HEAD("\"tender\"") ",\"tender\":{\"id\":1}}");
    expect_fault(f, "FIELD_MISSING:buyer/identifier");
}

static void another_sender_acts_for_the_lead(void **state)
{
    struct fixture *f = *state;

    assert_true(ods_parse("0CE", 3, &f->terms.sender));
    when_mapped(f, HEAD("\"tender\"") ",\"tender\":{\"id\":1}}");
    assert_non_null(
        strstr(f->mapped.events[0].text, "\"sender_ods\":\"0CE\",\"acting_for_ods\":\"QYG\""));

    assert_true(ods_parse("QYG", 3, &f->terms.sender));
    when_mapped(f, HEAD("\"tender\"") ",\"tender\":{\"id\":1}}");
    assert_null(strstr(f->mapped.events[0].text, "acting_for_ods"));
}

static void an_ocid_that_cannot_be_a_reference_is_refused(void **state)
{
    static const char *const ocids[] = {"ocds-213czf-a/b", "ocds-213czf-a b", "ocds-213czf-\u00e9"};
    struct fixture *f = *state;
    char text[512];
    for (size_t i = 0; i < ARRAY_LEN(ocids); i++) {
        snprintf(text, sizeof text,
                 "{\"ocid\":\"%s\",\"id\":\"1\",\"date\":\"2025-01-23T14:59:07Z\","
                 "\"tag\":[\"tender\"],\"initiationType\":\"tender\",\"tender\":{\"id\":1}}",
                 ocids[i]);
        when_mapped(f, text);
        expect_fault(f, "OCDS_CODE:ocid");
    }
    for (int len = 64; len <= 65; len++) {
        char ocid[66];
        memset(ocid, 'x', sizeof ocid);
        ocid[len] = '\0';
        snprintf(text, sizeof text,
                 "{\"ocid\":\"%s\",\"id\":\"1\",\"date\":\"2025-01-23T14:59:07Z\","
                 "\"tag\":[\"tender\"],\"initiationType\":\"tender\",\"tender\":{\"id\":1}}",
                 ocid);
        when_mapped(f, text);
        assert_int_equal(f->mapped.count, len == 64);
    }
}

static void ids_longer_than_an_event_holds_are_refused(void **state)
{
    struct fixture *f = *state;
    char id[AWARD_ID_SIZE + 1];
    char text[1024];
    memset(id, 'x', sizeof id);
    id[AWARD_ID_SIZE] = '\0';
    snprintf(text, sizeof text,
             HEAD("\"award\"") ",\"awards\":[{\"id\":\"%s\"," ACTIVE "," VALUE "," SUPPLIERS
                               "," PERIOD "}]}",
             id);

    when_mapped(f, text);

    expect_fault(f, "FIELD_INVALID:awards/0/id");
    assert_int_equal(f->mapped.count, 0);
}

static void methods_become_routes(void **state)
{
    static const struct {
        enum ocds_method method;
        const char *details;
        const char *route;
    } cases[] = {
        {OCDS_METHOD_OPEN, NULL, "OPEN"},
        {OCDS_METHOD_OPEN, "Open procedure (below threshold)", "OPEN"},
        {OCDS_METHOD_OPEN, "Any Qualified Provider", "ANY_QUALIFIED_PROVIDER"},
        {OCDS_METHOD_SELECTIVE, "Call-off from a framework agreement", "FRAMEWORK_CALL_OFF"},
        {OCDS_METHOD_SELECTIVE, "Call-off from a dynamic purchasing system", "DYNAMIC_PURCHASING"},
        {OCDS_METHOD_SELECTIVE, "Restricted procedure (above threshold)", "RESTRICTED"},
        {OCDS_METHOD_SELECTIVE, "Negotiated procedure", "NOT_STATED"},
        {OCDS_METHOD_LIMITED, "Competitive quotation (below threshold)", "QUOTATIONS"},
        {OCDS_METHOD_LIMITED, "Negotiated procedure without prior publication (above threshold)",
         "NEGOTIATED_WITHOUT_NOTICE"},
        {OCDS_METHOD_LIMITED, NULL, "NOT_STATED"},
        {OCDS_METHOD_DIRECT, "Single tender action (below threshold)", "SINGLE_TENDER"},
        {OCDS_METHOD_DIRECT, "Direct award", "NOT_STATED"},
        {OCDS_METHOD_DIRECT, "Direct Award Process C", "PSR_DIRECT_C"},
        {OCDS_METHOD_NONE, "Other - Direct Award", "NOT_STATED"},
        {OCDS_METHOD_NONE, NULL, "NOT_STATED"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *route = ocds_route(cases[i].method, cases[i].details);
        bool named = false;

        assert_string_equal(route, cases[i].route);
        for (int number = ROUTE_NOT_STATED; number <= ROUTE_LAST; number++)
            named = named || strcmp(route_name((enum route)number), route) == 0;
        assert_true(named);
    }
}

static void long_texts_are_cut_between_characters(void **state)
{
    struct fixture *f = *state;
    char title[2001];
    char text[4096];
    for (size_t i = 0; i < 2000; i += 2)
        memcpy(title + i, "\xC3\xA9", 2);
    memcpy(title, "xy", 2);
    title[2] = 'z'; /* from here on all characters begin at odd places */
    memmove(title + 3, "\xC3\xA9", 2);
    for (size_t i = 3; i + 2 < 2000; i += 2)
        memcpy(title + i, "\xC3\xA9", 2);
    title[1999] = '\0';
    snprintf(text, sizeof text, HEAD("\"tender\"") ",\"tender\":{\"id\":1,\"title\":\"%s\"}}",
             title);

    when_mapped(f, text);

    const char *found = strstr(f->mapped.events[0].text, "\"title\":\"");
    assert_non_null(found);
    assert_int_equal(strcspn(found + 9, "\""), 399);
}

static void many_suppliers_stay_within_a_fact(void **state)
{
    struct fixture *f = *state;
    char text[16384];
    int len = snprintf(text, sizeof text,
                       HEAD("\"award\"") ",\"awards\":[{\"id\":1," ACTIVE "," VALUE "," PERIOD
                                         ",\"suppliers\":[");
    for (int i = 0; i < 16; i++)
        len +=
            snprintf(text + len, sizeof text - (size_t)len,
                     "%s{\"id\":\"GB-COH-0123456%d\",\"name\":\"%0200d\"}", i > 0 ? "," : "", i, i);
    snprintf(text + len, sizeof text - (size_t)len, "]}]}");

    when_mapped(f, text);

    assert_int_equal(f->mapped.count, 1);
    assert_true(strlen(f->mapped.events[0].text) < FACT_BYTES_MAX + 16 * 40);
}

static void a_process_is_adopted_in_the_same_words_whichever_release_comes_first(void **state)
{
    struct fixture *f = *state;
    struct ocds_event first;
    struct ocds_event second;
    when_mapped(f, HEAD("\"tender\"") ",\"tender\":{\"id\":1}}");
    assert_true(ocds_map_adopted(&f->mapped, &f->terms, date_of(2025, 1, 23), &first) == STATUS_OK);
    when_mapped(f, AWARD(ACTIVE, "," VALUE "," SUPPLIERS "," PERIOD));
    assert_true(ocds_map_adopted(&f->mapped, &f->terms, date_of(2025, 1, 23), &second) ==
                STATUS_OK);

    assert_string_equal(first.text, second.text);
    assert_int_equal(first.identity_len, second.identity_len);
    assert_memory_equal(first.identity, second.identity, first.identity_len);
    assert_non_null(strstr(first.text, "\"stage\":\"PROCUREMENT\""));

    ocds_event_clear(&first);
    ocds_event_clear(&second);
}

static void what_is_not_read_makes_no_difference(void **state)
{
    static const struct {
        const char *text;
        bool same;
    } cases[] = {
        {HEAD("\"tender\"") ",\"tender\":{\"id\":1,\"title\":\"x\",\"description\":\"b\"}}", true},
        {HEAD("\"tender\"") ",\"tender\":{\"id\":1,\"title\":\"y\",\"description\":\"a\"}}", false},
        {HEAD("\"tender\"") "}", false},
        {HEAD("\"planning\"") "}", false},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        when_mapped(
            f, HEAD("\"tender\"") ",\"tender\":{\"id\":1,\"title\":\"x\",\"description\":\"a\"}}");
        struct ocds_mapped first = f->mapped;
        f->mapped = (struct ocds_mapped){0};
        when_mapped(f, cases[i].text);

        assert_int_equal(ocds_mapped_equal(&first, &f->mapped), cases[i].same);

        ocds_mapped_clear(&first);
    }
}

static void identities_tell_events_apart(void **state)
{
    struct fixture *f = *state;

    when_mapped(
        f, HEAD("\"tender\",\"award\"") ",\"tender\":{\"id\":1},\"awards\":[{\"id\":\"1\"," ACTIVE
                                        "," VALUE "," SUPPLIERS "," PERIOD "},{\"id\":\"2\"," ACTIVE
                                        "," VALUE "," SUPPLIERS "," PERIOD "}]}");

    assert_int_equal(f->mapped.count, 3);
    static const char tender[] = "ocds-213czf-1\0n-1\0PROCUREMENT_STARTED";
    static const char award[] = "ocds-213czf-1\0n-1\0CONTRACT_AWARDED\0"
                                "2";
    assert_int_equal(f->mapped.events[0].identity_len, sizeof tender);
    assert_memory_equal(f->mapped.events[0].identity, tender, sizeof tender);
    assert_int_equal(f->mapped.events[2].identity_len, sizeof award);
    assert_memory_equal(f->mapped.events[2].identity, award, sizeof award);
    assert_memory_not_equal(f->mapped.events[1].identity, award, sizeof award);
}

static void an_events_text_has_its_id_first(void **state)
{
    struct fixture *f = *state;
    struct event_id id = {{0x01, 0x90, 0xa5, 0xd2}};
    when_mapped(f, HEAD("\"tender\"") ",\"tender\":{\"id\":1}}");

    char *text = ocds_event_text(&f->mapped.events[0], id);

    assert_non_null(text);
    static const char start[] = "{\"event_id\":\"0190a5d2-0000-0000-0000-000000000000\","
                                "\"event_type\":\"PROCUREMENT_STARTED\",";
    assert_memory_equal(text, start, sizeof start - 1);
    assert_int_equal(text[strlen(text) - 1], '}');
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_tender_starts_a_procurement),
        TEST(an_active_award_is_a_contract_awarded),
        TEST(the_status_of_an_award_is_its_event),
        TEST(what_an_award_lacks_is_named),
        TEST(an_award_of_nothing_is_for_the_worker_to_reject),
        TEST(what_can_be_said_is_said_beside_what_cannot),
        TEST(other_tags_are_skipped),
        TEST(a_notice_of_tender_and_award_is_both),
        TEST(the_buyers_own_code_comes_before_the_given_lead),
        TEST(another_sender_acts_for_the_lead),
        TEST(an_ocid_that_cannot_be_a_reference_is_refused),
        TEST(ids_longer_than_an_event_holds_are_refused),
        TEST(methods_become_routes),
        TEST(long_texts_are_cut_between_characters),
        TEST(many_suppliers_stay_within_a_fact),
        TEST(a_process_is_adopted_in_the_same_words_whichever_release_comes_first),
        TEST(what_is_not_read_makes_no_difference),
        TEST(identities_tell_events_apart),
        TEST(an_events_text_has_its_id_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
