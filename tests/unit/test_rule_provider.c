/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/support/matter.h"

#define UNKNOWN "PROVIDER_UNKNOWN"
#define ACCOUNT "PROVIDER_NOT_IDENTIFIED"
#define CLOSED "PROVIDER_CLOSED"

static void providers_are_named_by_a_known_register(void **state)
{
    static const struct {
        const char *scheme;
        const char *id;
        enum provider_kind kind;
        const char *says;
    } cases[] = {
        {"GB-NHS", "RWW", PROVIDER_NHS_FT, ""},
        {"GB-NHS", "RWW", PROVIDER_NONE, ""},
        {"GB-NHS", "N81001", PROVIDER_GP_PRACTICE, ""},
        {"GB-COH", "04103211", PROVIDER_INDEPENDENT, ""},
        {"GB-COH", "4103211", PROVIDER_NONE, ""},
        {"GB-CHC", "1090095", PROVIDER_VCSE, ""},
        {"GB-SC", "SC000001", PROVIDER_VCSE, ""},
        {"GB-NIC", "100019", PROVIDER_VCSE, ""},
        {"GB-MPR", "IP031455", PROVIDER_OTHER, ""},
        {"GB-PPON", "PABC-1234-DEFG", PROVIDER_NONE, ""},
        {"GB-SRS", "sid4gov.cabinetoffice.gov.uk/3Sha6wdW", PROVIDER_NONE, ""},
        {"GB-GOR", "EA39", PROVIDER_OTHER, ""},
        {"GB-LAE", "HAV", PROVIDER_LOCAL_AUTHORITY, ""},
        {"GB-EDU", "100000", PROVIDER_OTHER, ""},
        {"GB-UKPRN", "10000346", PROVIDER_OTHER, ""},
        {"GB-CFS", "123456", PROVIDER_NONE, ACCOUNT},
        {"GB-FTS", "12345", PROVIDER_INDEPENDENT, ACCOUNT},
        {"GB-NHS", "RW", PROVIDER_NHS_FT, UNKNOWN},
        {"GB-NHS", "rww", PROVIDER_NHS_FT, UNKNOWN},
        {"GB-NHS", "N810011", PROVIDER_GP_PRACTICE, UNKNOWN},
        {"GB-NHS", "not a code!", PROVIDER_NHS_TRUST, UNKNOWN},
        {"GB-ODS", "RWW", PROVIDER_NHS_FT, UNKNOWN}, /* there is no such list */
        {"gb-coh", "04103211", PROVIDER_NONE, UNKNOWN},
        {"GB-COHX", "04103211", PROVIDER_NONE, UNKNOWN},
        {"GB-CO", "04103211", PROVIDER_NONE, UNKNOWN},
        {"X", "1", PROVIDER_NONE, UNKNOWN},
        {"GB-COH", "04103211", PROVIDER_NHS_TRUST, UNKNOWN},
        {"GB-CHC", "1090095", PROVIDER_NHS_FT, UNKNOWN},
        {"GB-CFS", "123456", PROVIDER_GP_PRACTICE, UNKNOWN},
    };
    static const enum event_type types[] = {EVENT_BID_RECEIVED, EVENT_AWARD_INTENDED,
                                            EVENT_CONTRACT_AWARDED};
    struct case_matter c;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases) * ARRAY_LEN(types); i++) {
        size_t row = i / ARRAY_LEN(types);
        print_message("%s %s\n", cases[row].scheme, cases[row].id);
        matter_begin(&c, types[i % ARRAY_LEN(types)], "2018-04-01");
        matter_provider(&c, cases[row].scheme, cases[row].id, cases[row].kind);
        assert_string_equal(matter_judged(&c, &rule_provider_known), cases[row].says);
    }
}

static void a_portals_account_warns_and_does_not_stop(void **state)
{
    struct case_matter c;

    (void)state;
    matter_begin(&c, EVENT_CONTRACT_AWARDED, "2018-04-01");
    matter_provider(&c, "GB-CFS", "123456", PROVIDER_NONE);
    assert_string_equal(matter_judged(&c, &rule_provider_known), ACCOUNT);

    assert_int_equal(c.items[0].severity, SEVERITY_WARN);
}

static void each_provider_is_judged_and_named_by_its_place(void **state)
{
    struct case_matter c;

    (void)state;
    matter_begin(&c, EVENT_CONTRACT_AWARDED, "2018-04-01");
    matter_provider(&c, "GB-COH", "1", PROVIDER_NONE);
    matter_provider(&c, "GB-X", "2", PROVIDER_NONE);
    matter_provider(&c, "GB-CFS", "3", PROVIDER_NONE);
    assert_string_equal(matter_judged(&c, &rule_provider_known), UNKNOWN " " ACCOUNT);

    assert_string_equal(c.items[0].field, "contract_awarded.providers[1].scheme");
    assert_string_equal(c.items[0].value, "GB-X");
    assert_string_equal(c.items[1].field, "contract_awarded.providers[2].scheme");
}

static void a_bidders_field_is_named(void **state)
{
    struct case_matter c;

    (void)state;
    matter_begin(&c, EVENT_BID_RECEIVED, "2018-04-01");
    matter_provider(&c, "GB-X", "2", PROVIDER_NONE);
    matter_judged(&c, &rule_provider_known);

    assert_string_equal(c.items[0].field, "bid_received.provider.scheme");
}

struct open_case {
    const char *day;
    const char *scheme;
    const char *id;
    const char *opened_on;
    const char *closed_on;
    const char *successor;
    const char *says;
};

static void a_registered_provider_is_open_on_the_day(void **state)
{
    static const struct open_case cases[] = {
        {"2018-04-01", "GB-NHS", "RWW", "2008-12-01", "", "", ""},
        {"2018-03-31", "GB-NHS", "RWW", "2018-04-01", "", "", CLOSED},
        {"2018-04-01", "GB-NHS", "RWW", "2018-04-01", "", "", ""},
        {"2018-04-01", "GB-NHS", "RWW", "2008-12-01", "2018-04-01", "", ""},
        {"2018-04-02", "GB-NHS", "RWW", "2008-12-01", "2018-04-01", "", CLOSED},
        {"2018-04-02", "GB-NHS", "RWW", "2008-12-01", "2018-04-01", "RBN", CLOSED ":RBN"},
        {"2018-03-31", "GB-NHS", "RWW", "2018-04-01", "2019-04-01", "RBN", CLOSED},
        /* not registered here, or another list's number: we cannot say */
        {"2018-04-02", "GB-NHS", "RBN", "2008-12-01", "2018-04-01", "", ""},
        {"2018-04-02", "GB-COH", "RWW", "2008-12-01", "2018-04-01", "", ""},
        {"2018-04-02", "GB-NHS", "RWWX", "2008-12-01", "2018-04-01", "", ""},
    };
    struct case_matter c;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct open_case *row = &cases[i];
        print_message("case %zu\n", i);
        matter_begin(&c, EVENT_CONTRACT_AWARDED, row->day);
        matter_provider(&c, row->scheme, row->id, PROVIDER_NHS_FT);
        matter_registered(&c, "R1A", "2008-12-01", "", "");
        matter_registered(&c, "RWW", row->opened_on, row->closed_on, row->successor);
        assert_string_equal(matter_judged(&c, &rule_provider_open), row->says);
    }
}

static void a_closed_provider_says_until_when(void **state)
{
    struct case_matter c;

    (void)state;
    matter_begin(&c, EVENT_BID_RECEIVED, "2018-04-02");
    matter_provider(&c, "GB-NHS", "RWW", PROVIDER_NHS_FT);
    matter_registered(&c, "RWW", "2008-12-01", "2018-04-01", "");
    assert_string_equal(matter_judged(&c, &rule_provider_open), CLOSED);

    assert_string_equal(c.items[0].field, "bid_received.provider.id");
    assert_string_equal(c.items[0].value, "RWW");
    assert_string_equal(c.items[0].text, "RWW was open until 2018-04-01");
}

static void a_long_identifier_is_named_cut_to_fit(void **state)
{
    static char id[REASON_VALUE_SIZE + 9];
    struct case_matter c;

    (void)state;
    memset(id, 'x', sizeof id - 1);
    for (size_t len = REASON_VALUE_SIZE - 2; len < sizeof id; len++) {
        matter_begin(&c, EVENT_BID_RECEIVED, "2018-04-01");
        matter_provider(&c, id + sizeof id - 1 - len, "1", PROVIDER_NONE);
        assert_string_equal(matter_judged(&c, &rule_provider_known), UNKNOWN);
        assert_int_equal(strlen(c.items[0].value),
                         len < REASON_VALUE_SIZE ? len : REASON_VALUE_SIZE - 1);
    }
}

static void every_other_character_in_an_ods_code_is_seen(void **state)
{
    struct case_matter c;

    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        char id[] = {'R', (char)byte, 'W', '\0'};
        bool may_be = (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
        matter_begin(&c, EVENT_BID_RECEIVED, "2018-04-01");
        matter_provider(&c, "GB-NHS", id, PROVIDER_NHS_FT);
        assert_string_equal(matter_judged(&c, &rule_provider_known), may_be ? "" : UNKNOWN);
    }
}

static void an_event_without_providers_has_none_to_judge(void **state)
{
    struct case_matter c;

    (void)state;
    matter_begin(&c, EVENT_NOTE, "2018-04-01");
    assert_string_equal(matter_judged(&c, &rule_provider_known), "");
    assert_string_equal(matter_judged(&c, &rule_provider_open), "");
}

static void
of_a_provider_that_is_not_known_or_has_no_first_day_only_what_is_known_is_said(void **state)
{
    struct case_matter c;

    (void)state;
    matter_begin(&c, EVENT_CONTRACT_AWARDED, "2018-04-02");
    matter_provider(&c, "GB-NHS", "RWW", PROVIDER_NHS_FT);
    matter_registered(&c, "RWW", "", "2018-04-01", "");
    assert_string_equal(matter_judged(&c, &rule_provider_open), CLOSED);
    assert_string_equal(c.items[0].text, "RWW was open until 2018-04-01");

    c.registered[0].known = false;
    assert_string_equal(matter_judged(&c, &rule_provider_open), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(providers_are_named_by_a_known_register),
        cmocka_unit_test(a_portals_account_warns_and_does_not_stop),
        cmocka_unit_test(each_provider_is_judged_and_named_by_its_place),
        cmocka_unit_test(a_bidders_field_is_named),
        cmocka_unit_test(a_registered_provider_is_open_on_the_day),
        cmocka_unit_test(a_closed_provider_says_until_when),
        cmocka_unit_test(a_long_identifier_is_named_cut_to_fit),
        cmocka_unit_test(every_other_character_in_an_ods_code_is_seen),
        cmocka_unit_test(an_event_without_providers_has_none_to_judge),
        cmocka_unit_test(
            of_a_provider_that_is_not_known_or_has_no_first_day_only_what_is_known_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
