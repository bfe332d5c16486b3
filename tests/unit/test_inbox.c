/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clients/lib/inbox.h"

#include <string.h>

/* A frame without a libzmq message: its count tells it from others. */
static struct frame frame_of(uint16_t number)
{
    return (struct frame){.kind = MESSAGE_ENTRIES, .count = number};
}

static void frames_come_out_in_the_order_they_went_in(void **state)
{
    struct inbox inbox = {.frames = NULL};
    struct frame frame;
    uint16_t in = 0;
    uint16_t out = 0;

    (void)state;
    for (int round = 0; round < 200; round++) { /* so that the ring grows while it is turned */
        for (int i = 0; i < 5; i++) {
            frame = frame_of(in++);
            assert_int_equal(inbox_push(&inbox, &frame), STATUS_OK);
        }
        for (int i = 0; i < 3; i++) {
            assert_true(inbox_pop(&inbox, &frame));
            assert_int_equal(frame.count, out++);
        }
    }
    while (inbox_pop(&inbox, &frame))
        assert_int_equal(frame.count, out++);

    assert_int_equal(in, out);
    inbox_clear(&inbox);
}

static void a_full_inbox_says_so_and_keeps_what_it_has(void **state)
{
    struct inbox inbox = {.frames = NULL};
    struct frame frame = frame_of(7);

    (void)state;
    for (int i = 0; i < INBOX_FRAMES_MAX; i++)
        assert_int_equal(inbox_push(&inbox, &frame), STATUS_OK);
    assert_int_equal(inbox_push(&inbox, &frame), STATUS_BUSY);

    assert_int_equal(inbox.count, INBOX_FRAMES_MAX);
    inbox_drop(&inbox);
    assert_false(inbox_pop(&inbox, &frame));
    assert_int_equal(inbox_push(&inbox, &frame), STATUS_OK);
    inbox_clear(&inbox);
    assert_int_equal(inbox.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_out_in_the_order_they_went_in),
        cmocka_unit_test(a_full_inbox_says_so_and_keeps_what_it_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
