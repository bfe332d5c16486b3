/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "daemon/broker/due.h"
#include "daemon/broker/seqmap.h"

#define MAX 200
#define STEPS 20000

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33);
}

static int setup_map(void **state)
{
    struct seqmap *map;
    assert_int_equal(seqmap_new(&map, MAX), STATUS_OK);
    *state = map;
    return 0;
}

static int teardown_map(void **state)
{
    assert_null(seqmap_free(*state));
    return 0;
}

static void what_was_put_is_found_until_it_is_removed(void **state)
{
    struct seqmap *map = *state;
    uint32_t place = 0;

    assert_false(seqmap_find(map, 7, &place));
    assert_false(seqmap_find(map, 0, &place));
    seqmap_put(map, 7, 42);
    assert_true(seqmap_find(map, 7, &place));
    assert_int_equal(place, 42);
    seqmap_remove(map, 7);
    assert_false(seqmap_find(map, 7, &place));
    assert_int_equal(seqmap_count(map), 0);
}

static void a_map_agrees_with_a_plain_list_whatever_is_done(void **state)
{
    struct seqmap *map = *state;
    uint64_t seqs[MAX];
    uint32_t count = 0;
    uint64_t seed = 11;

    for (uint32_t step = 0; step < STEPS; step++) {
        uint32_t place = 0;
        if (count == 0 || (count < MAX && next_random(&seed) % 2 == 0)) {
            seqs[count] = step + 1;
            seqmap_put(map, seqs[count], step);
            count++;
        } else {
            uint32_t at = next_random(&seed) % count;
            seqmap_remove(map, seqs[at]);
            assert_false(seqmap_find(map, seqs[at], &place));
            seqs[at] = seqs[--count];
        }
        assert_int_equal(seqmap_count(map), count);
        for (uint32_t i = 0; step % 50 == 0 && i < count; i++) {
            assert_true(seqmap_find(map, seqs[i], &place));
            assert_int_equal(place, seqs[i] - 1);
        }
    }
}

static int setup_due(void **state)
{
    struct due *due;
    assert_int_equal(due_new(&due, MAX), STATUS_OK);
    *state = due;
    return 0;
}

static int teardown_due(void **state)
{
    assert_null(due_free(*state));
    return 0;
}

static void nothing_comes_back_before_it_is_due(void **state)
{
    struct due *due = *state;
    uint64_t seq = 0;

    assert_int_equal(due_next_ms(due), DUE_NEVER);
    due_push(due, 100, 5);
    assert_int_equal(due_next_ms(due), 100);
    assert_false(due_pop(due, 99, &seq));
    assert_true(due_pop(due, 100, &seq));
    assert_int_equal(seq, 5);
    assert_false(due_pop(due, 1000, &seq));
}

static void what_is_due_comes_back_in_order_of_time_and_then_of_age(void **state)
{
    struct due *due = *state;
    uint64_t seed = 3;
    int64_t last_ms = 0;
    uint64_t last_seq = 0;
    int64_t times[MAX + 1];

    for (uint64_t seq = 1; seq <= MAX; seq++) {
        times[seq] = next_random(&seed) % 20;
        due_push(due, times[seq], seq);
    }
    for (uint32_t i = 0; i < MAX; i++) {
        uint64_t seq = 0;
        assert_true(due_pop(due, 20, &seq));
        assert_true(times[seq] > last_ms || (times[seq] == last_ms && seq > last_seq));
        last_ms = times[seq];
        last_seq = seq;
    }
    assert_int_equal(due_count(due), 0);
}

#define MAP(test) cmocka_unit_test_setup_teardown(test, setup_map, teardown_map)
#define DUE(test) cmocka_unit_test_setup_teardown(test, setup_due, teardown_due)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MAP(what_was_put_is_found_until_it_is_removed),
        MAP(a_map_agrees_with_a_plain_list_whatever_is_done),
        DUE(nothing_comes_back_before_it_is_due),
        DUE(what_is_due_comes_back_in_order_of_time_and_then_of_age),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
