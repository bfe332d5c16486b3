/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clients/lib/pending.h"

#include <string.h>

#define WINDOW 8

struct fixture {
    struct pending *pending;
};

static int setup(void **state)
{
    static struct fixture fixture;

    *state = &fixture;
    return pending_new(&fixture.pending, WINDOW) == STATUS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    f->pending = pending_free(f->pending);
    return 0;
}

static struct event_id id_of(uint8_t number)
{
    struct event_id id = {{0}};

    id.bytes[15] = number;
    return id;
}

static void given_event(struct fixture *f, uint8_t number)
{
    uint8_t bytes[3] = {number, number, number};

    assert_int_equal(pending_add(f->pending, id_of(number), (struct slice){bytes, sizeof bytes},
                                 COMMISSION_WAIT_VERDICT),
                     STATUS_OK);
}

/* Send all that is unsent; what was sent, as a text of numbers. */
static const char *sent_now(struct fixture *f)
{
    static char text[64];
    size_t len = 0;
    struct pending_event *event;

    while ((event = pending_unsent(f->pending)) != NULL) {
        text[len++] = (char)('0' + event->bytes.bytes[0]);
        pending_sent(f->pending, event);
    }
    text[len] = '\0';
    return text;
}

static void events_are_sent_in_the_order_given(void **state)
{
    struct fixture *f = *state;
    given_event(f, 3);
    given_event(f, 1);
    given_event(f, 2);

    assert_string_equal(sent_now(f), "312");

    assert_int_equal(pending_unsent_count(f->pending), 0);
    assert_int_equal(pending_unsent_bytes(f->pending), 0);
    assert_string_equal(sent_now(f), "");
}

static void an_id_is_under_way_once(void **state)
{
    struct fixture *f = *state;
    uint8_t byte = 9;
    given_event(f, 1);

    enum status status =
        pending_add(f->pending, id_of(1), (struct slice){&byte, 1}, COMMISSION_WAIT_RECEIPT);

    assert_int_equal(status, STATUS_EXISTS);
    assert_int_equal(pending_find(f->pending, id_of(1))->bytes.len, 3);
}

static void a_full_window_is_busy_until_one_is_answered(void **state)
{
    struct fixture *f = *state;
    uint8_t byte = 9;
    for (uint8_t i = 0; i < WINDOW; i++)
        given_event(f, i);

    assert_int_equal(
        pending_add(f->pending, id_of(99), (struct slice){&byte, 1}, COMMISSION_WAIT_VERDICT),
        STATUS_BUSY);
    pending_remove(f->pending, pending_find(f->pending, id_of(3)));

    assert_int_equal(pending_count(f->pending), WINDOW - 1);
    given_event(f, 9);
    assert_null(pending_find(f->pending, id_of(3)));
}

static void what_must_go_again_goes_before_what_follows_it(void **state)
{
    struct fixture *f = *state;
    for (uint8_t i = 1; i <= 5; i++)
        given_event(f, i);
    sent_now(f);
    given_event(f, 6);

    pending_again(f->pending, pending_find(f->pending, id_of(4)));
    pending_again(f->pending, pending_find(f->pending, id_of(2)));

    assert_int_equal(pending_unsent_count(f->pending), 3);
    assert_string_equal(sent_now(f), "246");
}

static void a_new_connection_gets_all_that_is_left_in_order(void **state)
{
    struct fixture *f = *state;
    for (uint8_t i = 1; i <= 5; i++)
        given_event(f, i);
    sent_now(f);
    pending_remove(f->pending, pending_find(f->pending, id_of(1)));
    pending_remove(f->pending, pending_find(f->pending, id_of(4)));

    pending_all_again(f->pending);

    assert_string_equal(sent_now(f), "235");
}

static void removing_the_next_one_to_send_sends_the_one_behind_it(void **state)
{
    struct fixture *f = *state;
    given_event(f, 1);
    given_event(f, 2);

    pending_remove(f->pending, pending_find(f->pending, id_of(1)));

    assert_int_equal(pending_unsent_bytes(f->pending), 3);
    assert_string_equal(sent_now(f), "2");
}

/* A seeded walk against a plain array. */
static void a_long_walk_loses_nothing(void **state)
{
    struct fixture *f = *state;
    bool known[32] = {false};
    uint32_t count = 0;
    uint32_t chance = 20180401;

    for (int step = 0; step < 20000; step++) {
        chance = chance * 1664525 + 1013904223;
        uint8_t number = (chance >> 16) % 32;
        struct pending_event *event = pending_find(f->pending, id_of(number));
        assert_true((event != NULL) == known[number]);
        if (event != NULL) {
            pending_remove(f->pending, event);
            known[number] = false;
            count--;
        } else if (count < WINDOW) {
            given_event(f, number);
            known[number] = true;
            count++;
        }
        if (chance >> 30 == 0)
            sent_now(f);
        if (chance >> 29 == 7)
            pending_all_again(f->pending);
        assert_int_equal(pending_count(f->pending), count);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(events_are_sent_in_the_order_given),
        TEST(an_id_is_under_way_once),
        TEST(a_full_window_is_busy_until_one_is_answered),
        TEST(what_must_go_again_goes_before_what_follows_it),
        TEST(a_new_connection_gets_all_that_is_left_in_order),
        TEST(removing_the_next_one_to_send_sends_the_one_behind_it),
        TEST(a_long_walk_loses_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
