/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "daemon/broker/queue.h"
#include "tests/support/builders.h"

#define MAX 1000
#define ORDINARY_COST 300

static int setup(void **state)
{
    struct queue *queue;
    assert_int_equal(queue_new(&queue, MAX), STATUS_OK);
    *state = queue;
    return 0;
}

static int teardown(void **state)
{
    assert_null(queue_free(*state));
    return 0;
}

static void push(struct queue *queue, const char *sender, uint64_t seq, uint32_t cost)
{
    queue_push(queue, STAGE_REVIEW, QUEUE_ORDINARY, ods_of(sender), seq, cost);
}

static uint64_t pop(struct queue *queue)
{
    uint64_t seq = 0;
    return queue_pop(queue, STAGE_REVIEW, &seq) ? seq : 0;
}

static void an_empty_queue_gives_nothing(void **state)
{
    assert_int_equal(pop(*state), 0);
    assert_int_equal(queue_count(*state, STAGE_REVIEW), 0);
}

static void one_organisations_events_leave_by_age_however_they_came(void **state)
{
    static const uint64_t order[] = {5, 3, 9, 1, 7, 2, 8, 4, 6};
    for (uint32_t i = 0; i < ARRAY_LEN(order); i++)
        push(*state, "02E", order[i], ORDINARY_COST);

    for (uint64_t seq = 1; seq <= ARRAY_LEN(order); seq++)
        assert_int_equal(pop(*state), seq);
    assert_int_equal(pop(*state), 0);
}

static void one_that_came_back_is_before_younger_ones(void **state)
{
    for (uint64_t seq = 1; seq <= 10; seq++)
        push(*state, "02E", seq, ORDINARY_COST);
    assert_int_equal(pop(*state), 1);
    assert_int_equal(pop(*state), 2);

    push(*state, "02E", 1, ORDINARY_COST);

    assert_int_equal(pop(*state), 1);
    assert_int_equal(pop(*state), 3);
}

static void stages_do_not_see_each_other(void **state)
{
    uint64_t seq = 0;
    push(*state, "02E", 1, ORDINARY_COST);

    assert_false(queue_pop(*state, STAGE_PROCUREMENT, &seq));
    assert_int_equal(queue_count(*state, STAGE_REVIEW), 1);
    assert_int_equal(queue_count(*state, STAGE_PROCUREMENT), 0);
}

static void a_statutory_deadline_goes_before_all_else(void **state)
{
    push(*state, "02E", 1, ORDINARY_COST);
    queue_push(*state, STAGE_REVIEW, QUEUE_STATUTORY, ods_of("01F"), 2, ORDINARY_COST);

    assert_int_equal(pop(*state), 2);
    assert_int_equal(pop(*state), 1);
}

static void a_newcomer_waits_for_few_of_a_flood(void **state)
{
    for (uint64_t seq = 1; seq <= 900; seq++)
        push(*state, "02E", seq, ORDINARY_COST);
    push(*state, "01F", 901, ORDINARY_COST);

    uint32_t before = 0;
    while (pop(*state) != 901)
        before++;

    assert_true(before <= 2 * QUEUE_QUANTUM / ORDINARY_COST);
}

static void organisations_get_equal_bytes_whatever_the_size_of_their_events(void **state)
{
    uint64_t bytes[2] = {0, 0};
    for (uint64_t i = 0; i < 400; i++) {
        push(*state, "02E", 1 + 2 * i, 200);
        push(*state, "01F", 2 + 2 * i, 1800);
    }

    for (uint32_t i = 0; i < 300; i++) {
        uint64_t seq = pop(*state);
        bytes[seq % 2] += seq % 2 == 1 ? 200 : 1800;
    }

    /* Apart by less than one quantum and one event of each. */
    uint64_t apart = bytes[0] > bytes[1] ? bytes[0] - bytes[1] : bytes[1] - bytes[0];
    assert_true(apart <= QUEUE_QUANTUM + 200 + 1800);
}

static void an_event_of_any_size_leaves_at_last(void **state)
{
    push(*state, "02E", 1, UINT32_MAX);
    push(*state, "01F", 2, 0);

    assert_int_equal(pop(*state) + pop(*state), 3);
}

static void room_comes_back_with_each_event_that_leaves(void **state)
{
    char sender[4] = "000";
    for (uint32_t round = 0; round < 5; round++) {
        for (uint32_t i = 0; i < MAX; i++) {
            sender[0] = (char)('0' + i / 100 % 10);
            sender[1] = (char)('0' + i / 10 % 10);
            sender[2] = (char)('0' + i % 10);
            push(*state, sender, 1 + i, ORDINARY_COST);
        }
        uint64_t sum = 0;
        for (uint32_t i = 0; i < MAX; i++)
            sum += pop(*state);
        assert_int_equal(sum, (uint64_t)MAX * (MAX + 1) / 2);
        assert_int_equal(queue_count(*state, STAGE_REVIEW), 0);
    }
}

static void what_is_taken_out_of_the_midst_leaves_the_others_in_order(void **state)
{
    for (uint64_t seq = 1; seq <= 50; seq++)
        push(*state, "02E", 51 - seq, ORDINARY_COST);
    assert_int_equal(pop(*state), 1); /* so that its heap has a shape */
    for (uint64_t seq = 2; seq <= 50; seq += 3)
        queue_remove(*state, STAGE_REVIEW, seq);

    for (uint64_t seq = 3; seq <= 50; seq++) {
        if (seq % 3 != 2)
            assert_int_equal(pop(*state), seq);
    }
    assert_int_equal(queue_count(*state, STAGE_REVIEW), 0);
    push(*state, "02E", 51, ORDINARY_COST);
    queue_remove(*state, STAGE_REVIEW, 51);
    push(*state, "02E", 52, ORDINARY_COST);
    assert_int_equal(pop(*state), 52);
}

static void nothing_is_lost_or_doubled_whatever_is_done(void **state)
{
    static const char *const senders[] = {"02E", "01F", "01J", "0CE", "X24"};
    bool in[MAX + 1] = {false};
    uint64_t seed = 5;
    uint32_t count = 0;

    for (uint32_t step = 0; step < 50000; step++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint32_t chance = (uint32_t)(seed >> 33);
        uint64_t seq = 1 + chance % MAX;
        if (chance % 3 != 0 && !in[seq]) {
            push(*state, senders[chance % ARRAY_LEN(senders)], seq, chance % 5000);
            in[seq] = true;
            count++;
        } else if (in[seq] && chance % 7 == 0) {
            queue_remove(*state, STAGE_REVIEW, seq);
            in[seq] = false;
            count--;
        } else if (count > 0) {
            seq = pop(*state);
            assert_true(in[seq]);
            in[seq] = false;
            count--;
        }
        assert_int_equal(queue_count(*state, STAGE_REVIEW), count);
    }
}

#define QUEUE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        QUEUE(an_empty_queue_gives_nothing),
        QUEUE(one_organisations_events_leave_by_age_however_they_came),
        QUEUE(one_that_came_back_is_before_younger_ones),
        QUEUE(stages_do_not_see_each_other),
        QUEUE(a_statutory_deadline_goes_before_all_else),
        QUEUE(a_newcomer_waits_for_few_of_a_flood),
        QUEUE(organisations_get_equal_bytes_whatever_the_size_of_their_events),
        QUEUE(an_event_of_any_size_leaves_at_last),
        QUEUE(room_comes_back_with_each_event_that_leaves),
        QUEUE(what_is_taken_out_of_the_midst_leaves_the_others_in_order),
        QUEUE(nothing_is_lost_or_doubled_whatever_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
