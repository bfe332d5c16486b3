/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#include "daemon/net/connections.h"

#define ROOM 16

struct fixture {
    struct connections *connections;
    int64_t now_ms;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    return f != NULL && connections_new(&f->connections, ROOM, 0) == STATUS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    connections_free(f->connections);
    free(f);
    return 0;
}

static struct peer peer_of(uint32_t number)
{
    struct peer peer = {.len = 5};
    for (uint32_t i = 0; i < 4; i++)
        peer.bytes[4 - i] = (uint8_t)(number >> (8 * i));
    return peer;
}

static connection_t take(struct fixture *f, uint32_t number, const char *user_id)
{
    connection_t gone = 0;
    connection_t taken =
        connections_take(f->connections, peer_of(number), user_id, f->now_ms, &gone);
    assert_true(gone == 0);
    return taken;
}

static bool leads_to(struct fixture *f, connection_t connection, uint32_t number)
{
    struct peer peer;
    return connections_find(f->connections, connection, f->now_ms, &peer) &&
           peer_equal(peer, peer_of(number));
}

static void a_peer_keeps_its_number(void **state)
{
    struct fixture *f = *state;
    connection_t first = take(f, 1, "a");
    connection_t second = take(f, 2, "a");

    assert_true(take(f, 1, "a") == first);
    assert_true(take(f, 2, "a") == second);

    assert_true(first != 0 && second != 0 && first != second);
    assert_true(leads_to(f, first, 1));
    assert_true(leads_to(f, second, 2));
    assert_true(connections_count(f->connections) == 2);
}

static void another_user_with_the_same_id_ends_the_connection_before(void **state)
{
    struct fixture *f = *state;
    connection_t first = take(f, 1, "a");
    connection_t gone = 0;

    connection_t second = connections_take(f->connections, peer_of(1), "b", f->now_ms, &gone);

    assert_true(gone == first);
    assert_true(second != first);
    assert_false(leads_to(f, first, 1));
    assert_true(leads_to(f, second, 1));
}

static void no_number_is_used_twice(void **state)
{
    struct fixture *f = *state;
    connection_t newest = 0;

    for (uint32_t i = 0; i < 10000; i++) {
        connection_t taken = take(f, i, "a");
        assert_true(taken > newest || i % ROOM != 0);
        assert_true(taken != newest);
        newest = taken;
        connections_drop(f->connections, taken);
        assert_false(leads_to(f, taken, i));
    }
    assert_true(connections_count(f->connections) == 0);
}

static void a_full_table_lets_nobody_in_while_all_are_awake(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < ROOM; i++)
        take(f, i, "a");
    f->now_ms = CONNECTION_IDLE_MS - 1;

    assert_true(take(f, ROOM, "a") == 0);

    assert_true(connections_count(f->connections) == ROOM);
}

static void the_longest_silent_one_makes_room(void **state)
{
    struct fixture *f = *state;
    connection_t numbers[ROOM];
    for (uint32_t i = 0; i < ROOM; i++)
        numbers[i] = take(f, i, "a");
    f->now_ms = CONNECTION_IDLE_MS / 2;
    take(f, 0, "a");
    assert_true(leads_to(f, numbers[1], 1));
    f->now_ms = CONNECTION_IDLE_MS;
    connection_t gone = 0;

    connection_t taken = connections_take(f->connections, peer_of(ROOM), "a", f->now_ms, &gone);

    assert_true(gone == numbers[2]);
    assert_true(leads_to(f, taken, ROOM));
    assert_true(leads_to(f, numbers[0], 0));
    assert_true(leads_to(f, numbers[1], 1));
}

static void all_connections_of_a_user_are_found(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < ROOM; i++)
        take(f, i, i % 3 == 0 ? "a" : "b");

    uint32_t found = 0;
    for (connection_t at = connections_of(f->connections, "a", 0); at != 0;
         at = connections_of(f->connections, "a", at))
        found++;

    assert_true(found == 6);
    assert_true(connections_of(f->connections, "c", 0) == 0);
}

static void the_two_sides_never_give_the_same_number(void **state)
{
    struct fixture *f = *state;
    struct connections *other = NULL;
    assert_true(connections_new(&other, ROOM, 1) == STATUS_OK);
    connection_t gone = 0;

    connection_t there = connections_take(other, peer_of(1), "a", 0, &gone);
    connection_t here = take(f, 1, "a");

    connections_free(other);
    assert_true(there != here);
}

static void room_is_left_for_workers_files_and_those_that_shake_hands(void **state)
{
    (void)state;

    assert_int_equal(connections_room(0, 2), 0);
    assert_int_equal(connections_room(DESCRIPTORS_RESERVED + 2, 2), 0);
    assert_int_equal(connections_room(DESCRIPTORS_RESERVED + 2 + 400, 2), 300);
    assert_int_equal(connections_room(16384, 2 * WORKERS_MAX), CLIENTS_MAX);
    assert_int_equal(connections_room(UINT64_MAX, 2), CLIENTS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(room_is_left_for_workers_files_and_those_that_shake_hands),
        cmocka_unit_test_setup_teardown(a_peer_keeps_its_number, setup, teardown),
        cmocka_unit_test_setup_teardown(another_user_with_the_same_id_ends_the_connection_before,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(no_number_is_used_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_table_lets_nobody_in_while_all_are_awake, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_longest_silent_one_makes_room, setup, teardown),
        cmocka_unit_test_setup_teardown(all_connections_of_a_user_are_found, setup, teardown),
        cmocka_unit_test_setup_teardown(the_two_sides_never_give_the_same_number, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
