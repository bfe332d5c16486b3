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
#define RATE 100 /* a second: one each 10 ms */
#define BURST 20
#define EVENTS_MAX 30
#define BYTES_MAX 1000

static int setup(void **state)
{
    struct quota *quota;
    const struct quota_limits limits = {
        .rate = RATE, .burst = BURST, .events_max = EVENTS_MAX, .bytes_max = BYTES_MAX};
    assert_int_equal(quota_new(&quota, &limits, MAX), STATUS_OK);
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
    quota_take(*state, ods_of("02E"), 10);
    quota_take(*state, ods_of("02E"), 10);
    quota_take(*state, ods_of("01F"), 10);

    assert_int_equal(quota_count(*state, ods_of("02E")), 2);
    assert_int_equal(quota_count(*state, ods_of("01F")), 1);
    assert_int_equal(quota_count(*state, ods_of("0CE")), 0);
    quota_give(*state, ods_of("02E"), 10);
    assert_int_equal(quota_count(*state, ods_of("02E")), 1);
}

static void an_organisation_without_open_events_takes_no_room(void **state)
{
    quota_take(*state, ods_of("02E"), 10);
    for (uint32_t i = 0; i < 5000; i++) {
        char sender[6];
        (void)snprintf(sender, sizeof sender, "9%04u", i);
        quota_take(*state, ods_of(sender), 10);
        assert_int_equal(quota_count(*state, ods_of(sender)), 1);
        quota_give(*state, ods_of(sender), 10);
        assert_int_equal(quota_count(*state, ods_of(sender)), 0);
    }
    assert_int_equal(quota_count(*state, ods_of("02E")), 1);
}

/** How many of @count events of 02E, of no bytes that stay, are within its limits at @now_ms. */
static uint32_t asked(struct quota *quota, uint32_t count, int64_t now_ms, uint32_t *ret_retry_ms)
{
    uint32_t within = 0;
    for (uint32_t i = 0; i < count; i++)
        within += quota_ask(quota, ods_of("02E"), 0, now_ms, ret_retry_ms) == QUOTA_WITHIN;
    return within;
}

static void a_bucket_gives_its_burst_and_then_its_rate(void **state)
{
    uint32_t retry_ms = 0;

    assert_int_equal(asked(*state, BURST + 5, 1000, &retry_ms), BURST);
    assert_int_equal(asked(*state, 5, 1009, &retry_ms), 0);
    assert_int_equal(asked(*state, 5, 1010, &retry_ms), 1);
    assert_int_equal(asked(*state, 50, 1130, &retry_ms), 12);

    /* It is never fuller than its burst, nor emptied by a clock that stands or goes back. */
    assert_int_equal(asked(*state, 5, 0, &retry_ms), 0);
    assert_int_equal(asked(*state, 2 * BURST, 1000000000, &retry_ms), BURST);
}

static void who_waits_as_told_is_let_in(void **state)
{
    uint32_t retry_ms = 0;
    uint32_t again_ms = 0;
    assert_int_equal(asked(*state, BURST + 1, 1000, &retry_ms), BURST);

    assert_in_range(retry_ms, 1, 1000);
    assert_int_equal(asked(*state, BURST, 1000 + retry_ms, &again_ms), BURST);
}

static void a_bucket_is_each_organisations_own(void **state)
{
    uint32_t retry_ms = 0;
    asked(*state, BURST + 1, 1000, &retry_ms);

    assert_int_equal(quota_ask(*state, ods_of("01F"), 0, 1000, &retry_ms), QUOTA_WITHIN);
    assert_int_equal(quota_use_of(*state, ods_of("01F"), 1000).tokens, BURST - 1);
    assert_int_equal(quota_use_of(*state, ods_of("02E"), 1000).tokens, 0);
    assert_int_equal(quota_use_of(*state, ods_of("02E"), 1000).refused, 1);
    assert_int_equal(quota_use_of(*state, ods_of("0CE"), 1000).tokens, BURST);
}

static void a_refused_event_takes_no_token(void **state)
{
    uint32_t retry_ms = 0;
    for (uint32_t i = 0; i < EVENTS_MAX; i++)
        quota_take(*state, ods_of("02E"), 10);

    for (uint32_t i = 0; i < 2 * BURST; i++)
        assert_int_equal(quota_ask(*state, ods_of("02E"), 10, 1000, &retry_ms), QUOTA_EVENTS);

    assert_int_equal(quota_use_of(*state, ods_of("02E"), 1000).tokens, BURST);
    assert_int_equal(asked(*state, 1, 1000, &retry_ms), 1);
}

static void bytes_that_are_open_are_bounded_but_one_event_always_may(void **state)
{
    uint32_t retry_ms = 0;

    assert_int_equal(quota_ask(*state, ods_of("02E"), BYTES_MAX + 1, 1000, &retry_ms),
                     QUOTA_WITHIN);
    quota_take(*state, ods_of("02E"), 900);
    assert_int_equal(quota_ask(*state, ods_of("02E"), 100, 1000, &retry_ms), QUOTA_WITHIN);
    assert_int_equal(quota_ask(*state, ods_of("02E"), 101, 1000, &retry_ms), QUOTA_BYTES);
    assert_int_not_equal(retry_ms, 0);
    quota_give(*state, ods_of("02E"), 900);
    assert_int_equal(quota_ask(*state, ods_of("02E"), 101, 1000, &retry_ms), QUOTA_WITHIN);
    assert_int_equal(quota_use_of(*state, ods_of("02E"), 1000).bytes, 0);
}

static void organisations_are_walked_by_code_each_once(void **state)
{
    static const char *const codes[] = {"0CE", "01F", "X24", "02E"};
    static const char *const sorted[] = {"01F", "02E", "0CE", "X24"};
    struct ods at = {""};
    uint32_t looked = 0;
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        quota_take(*state, ods_of(codes[i]), 10);

    for (size_t i = 0; i < ARRAY_LEN(sorted); i++) {
        assert_true(quota_next(*state, at, &at, &looked));
        assert_string_equal(at.text, sorted[i]);
    }
    assert_false(quota_next(*state, at, &at, &looked));
    assert_int_equal(looked, ARRAY_LEN(codes));
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
        QUOTA(a_bucket_gives_its_burst_and_then_its_rate),
        QUOTA(who_waits_as_told_is_let_in),
        QUOTA(a_bucket_is_each_organisations_own),
        QUOTA(a_refused_event_takes_no_token),
        QUOTA(bytes_that_are_open_are_bounded_but_one_event_always_may),
        QUOTA(organisations_are_walked_by_code_each_once),
        cmocka_unit_test_teardown(an_open_event_is_counted_in_one_state_of_one_stage,
                                  teardown_docket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
