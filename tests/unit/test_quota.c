/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "daemon/broker/docket.h"
#include "daemon/broker/quota.h"
#include "tests/support/builders.h"

#define MAX 100

static int setup(void **state)
{
    struct quota *quota;
    assert_int_equal(quota_new(&quota, MAX), STATUS_OK);
    *state = quota;
    return 0;
}

static int teardown(void **state)
{
    assert_null(quota_free(*state));
    return 0;
}

static void each_organisation_is_counted_alone(void **state)
{
    quota_take(*state, ods_of("02E"));
    quota_take(*state, ods_of("02E"));
    quota_take(*state, ods_of("01F"));

    assert_int_equal(quota_count(*state, ods_of("02E")), 2);
    assert_int_equal(quota_count(*state, ods_of("01F")), 1);
    assert_int_equal(quota_count(*state, ods_of("0CE")), 0);
    quota_give(*state, ods_of("02E"));
    assert_int_equal(quota_count(*state, ods_of("02E")), 1);
}

static void an_organisation_without_open_events_takes_no_room(void **state)
{
    char sender[4] = "000";
    for (uint32_t i = 0; i < 10 * MAX; i++) {
        sender[0] = (char)('0' + i / 100 % 10);
        sender[1] = (char)('0' + i / 10 % 10);
        sender[2] = (char)('0' + i % 10);
        quota_take(*state, ods_of(sender));
        assert_int_equal(quota_count(*state, ods_of(sender)), 1);
        quota_give(*state, ods_of(sender));
        assert_int_equal(quota_count(*state, ods_of(sender)), 0);
    }
}

static void an_open_event_is_counted_in_one_state_of_one_stage(void **state)
{
    struct docket *docket;
    assert_int_equal(docket_new(&docket, 3), STATUS_OK);
    *state = docket;
    struct docket_event event = {
        .seq = 5, .received_at_ms = 50, .stage = STAGE_REVIEW, .state = DOCKET_QUEUED};
    docket_add(docket, &event);
    event.seq = 4;
    event.received_at_ms = 40;
    docket_add(docket, &event);

    docket_move(docket, 5, STAGE_PROCUREMENT, DOCKET_READY);
    docket_tell(docket, 5, 77);
    docket_tell(docket, 6, 78); /* not there: nothing happens */

    assert_int_equal(docket_count_of(docket, STAGE_REVIEW, DOCKET_QUEUED), 1);
    assert_int_equal(docket_count_of(docket, STAGE_PROCUREMENT, DOCKET_READY), 1);
    assert_int_equal(docket_find(docket, 5)->connection, 77);
    assert_int_equal(docket_oldest_ms(docket, STAGE_REVIEW), 40);
    assert_int_equal(docket_oldest_ms(docket, STAGE_NEEDS_ASSESSED), 0);
    assert_false(docket_full(docket));
    docket_remove(docket, 5);
    assert_null(docket_find(docket, 5));
    assert_non_null(docket_find(docket, 4));
    assert_int_equal(docket_count_of(docket, STAGE_PROCUREMENT, DOCKET_READY), 0);
    assert_int_equal(docket_count(docket), 1);
}

static int teardown_docket(void **state)
{
    assert_null(docket_free(*state));
    return 0;
}

#define QUOTA(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUOTA(each_organisation_is_counted_alone),
        QUOTA(an_organisation_without_open_events_takes_no_room),
        cmocka_unit_test_teardown(an_open_event_is_counted_in_one_state_of_one_stage,
                                  teardown_docket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
