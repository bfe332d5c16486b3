/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "daemon/broker/roster.h"
#include "tests/support/builders.h"

#define ANNE 11
#define BERT 12
#define WORKERS 3
#define LEASES 10

static int setup(void **state)
{
    struct roster *roster;
    assert_int_equal(roster_new(&roster, WORKERS, LEASES), STATUS_OK);
    *state = roster;
    return 0;
}

static int teardown(void **state)
{
    assert_null(roster_free(*state));
    return 0;
}

static bool joined(struct roster *roster, uint64_t connection, enum stage stage, uint32_t capacity,
                   int64_t now_ms)
{
    struct hello hello = {.stages = {stage}, .stages_count = 1, .capacity = capacity};
    (void)snprintf(hello.name, sizeof hello.name, "w%u", (unsigned)connection);
    return roster_join(roster, connection, &hello, ods_of("OPS"), now_ms);
}

/** Lease @seq to whoever is picked; returns the connection, 0: nobody has credit. */
static uint64_t leased(struct roster *roster, enum stage stage, uint64_t seq, uint64_t counter,
                       int64_t ends_ms)
{
    uint32_t worker = 0;
    if (!roster_pick(roster, stage, &worker))
        return 0;
    return roster_lease(
        roster, worker,
        &(struct lease){
            .seq = seq, .counter = counter, .stage = stage, .attempt = 1, .ends_ms = ends_ms});
}

static uint64_t next_lost(struct roster *roster, int64_t now_ms, enum roster_loss *ret_loss)
{
    struct lease lease;
    char name[WORKER_NAME_SIZE];
    return roster_next_lost(roster, now_ms, &lease, ret_loss, name) ? lease.seq : 0;
}

static void nobody_is_picked_for_a_stage_without_workers(void **state)
{
    assert_true(joined(*state, ANNE, STAGE_REVIEW, 1, 0));

    assert_int_equal(leased(*state, STAGE_PROCUREMENT, 1, 1, 100), 0);
    assert_int_equal(leased(*state, STAGE_REVIEW, 1, 1, 100), ANNE);
    assert_int_equal(roster_workers_of(*state, STAGE_REVIEW), 1);
}

static void workers_with_credit_are_picked_in_turn(void **state)
{
    assert_true(joined(*state, ANNE, STAGE_REVIEW, 2, 0));
    assert_true(joined(*state, BERT, STAGE_REVIEW, 1, 0));

    assert_int_equal(leased(*state, STAGE_REVIEW, 1, 1, 100), ANNE);
    assert_int_equal(leased(*state, STAGE_REVIEW, 2, 2, 100), BERT);
    assert_int_equal(leased(*state, STAGE_REVIEW, 3, 3, 100), ANNE);
    assert_int_equal(leased(*state, STAGE_REVIEW, 4, 4, 100), 0);
    assert_int_equal(roster_leased(*state), 3);
}

static void only_the_newest_token_from_its_own_worker_is_done(void **state)
{
    struct lease lease;
    assert_true(joined(*state, ANNE, STAGE_REVIEW, 5, 0));
    assert_true(joined(*state, BERT, STAGE_REVIEW, 5, 0));
    assert_int_equal(leased(*state, STAGE_REVIEW, 1, 7, 100), ANNE);

    assert_false(roster_done(*state, ANNE, 1, 6, &lease));
    assert_false(roster_done(*state, BERT, 1, 7, &lease));
    assert_false(roster_done(*state, ANNE, 2, 7, &lease));
    assert_true(roster_done(*state, ANNE, 1, 7, &lease));
    assert_int_equal(lease.seq, 1);
    assert_false(roster_done(*state, ANNE, 1, 7, &lease));
    assert_int_equal(roster_leased(*state), 0);
}

static void a_lease_is_lost_when_it_ends_and_not_before(void **state)
{
    enum roster_loss loss;
    assert_true(joined(*state, ANNE, STAGE_REVIEW, 5, 0));
    assert_int_equal(leased(*state, STAGE_REVIEW, 1, 1, 100), ANNE);
    assert_int_equal(leased(*state, STAGE_REVIEW, 2, 2, 200), ANNE);

    assert_int_equal(roster_due_ms(*state), 100);
    assert_int_equal(next_lost(*state, 99, &loss), 0);
    assert_int_equal(next_lost(*state, 100, &loss), 1);
    assert_int_equal(loss, LOSS_LEASE);
    assert_int_equal(next_lost(*state, 100, &loss), 0);
    assert_int_equal(roster_due_ms(*state), 200);
}

static void a_worker_is_gone_after_three_missed_beats_and_a_little(void **state)
{
    enum roster_loss loss;
    assert_true(joined(*state, ANNE, STAGE_REVIEW, 5, 0));
    assert_int_equal(leased(*state, STAGE_REVIEW, 1, 1, LEASE_MS), ANNE);
    assert_true(roster_beat(*state, ANNE, 1000));

    assert_int_equal(roster_due_ms(*state), 1000 + BEATS_MISSED_MS);
    assert_int_equal(next_lost(*state, 1000 + BEATS_MISSED_MS - 1, &loss), 0);
    assert_int_equal(next_lost(*state, 1000 + BEATS_MISSED_MS, &loss), 1);
    assert_int_equal(loss, LOSS_GONE);
    assert_int_equal(roster_workers(*state), 0);
    assert_false(roster_beat(*state, ANNE, 9000));
}

static void a_worker_that_leaves_gives_back_all_it_holds(void **state)
{
    enum roster_loss loss;
    struct lease lease;
    assert_true(joined(*state, ANNE, STAGE_REVIEW, 5, 0));
    for (uint64_t seq = 1; seq <= 4; seq++)
        assert_int_equal(leased(*state, STAGE_REVIEW, seq, seq, LEASE_MS), ANNE);

    assert_true(roster_leave(*state, ANNE, LOSS_LEFT));
    assert_int_equal(roster_due_ms(*state), 0);
    assert_false(roster_done(*state, ANNE, 1, 1, &lease)); /* too late */
    for (uint64_t seq = 1; seq <= 4; seq++) {
        assert_int_equal(next_lost(*state, 0, &loss), seq);
        assert_int_equal(loss, LOSS_LEFT);
    }
    assert_int_equal(next_lost(*state, 0, &loss), 0);
    assert_int_equal(roster_due_ms(*state), ROSTER_NEVER);
    assert_false(roster_leave(*state, ANNE, LOSS_LEFT));
}

static void one_that_joins_again_begins_anew(void **state)
{
    enum roster_loss loss;
    assert_true(joined(*state, ANNE, STAGE_REVIEW, 1, 0));
    assert_int_equal(leased(*state, STAGE_REVIEW, 1, 1, LEASE_MS), ANNE);

    assert_true(joined(*state, ANNE, STAGE_PROCUREMENT, 1, 0));

    assert_int_equal(next_lost(*state, 0, &loss), 1);
    assert_int_equal(loss, LOSS_LEFT);
    assert_int_equal(leased(*state, STAGE_PROCUREMENT, 2, 2, LEASE_MS), ANNE);
    assert_int_equal(roster_workers(*state), 1);
}

static void there_is_room_for_so_many_workers_and_no_more(void **state)
{
    for (uint64_t i = 0; i < WORKERS; i++)
        assert_true(joined(*state, 100 + i, STAGE_REVIEW, 1, 0));
    assert_false(joined(*state, ANNE, STAGE_REVIEW, 1, 0));

    assert_true(roster_leave(*state, 101, LOSS_GONE));
    assert_true(joined(*state, ANNE, STAGE_REVIEW, 1, 0));
    assert_string_equal(roster_name(*state, ANNE), "w11");
    assert_string_equal(roster_name(*state, 101), "");
}

static void a_greedy_capacity_is_cut(void **state)
{
    struct roster_worker worker;
    uint32_t at = 0;
    assert_true(joined(*state, ANNE, STAGE_REVIEW, UINT32_MAX, 0));

    assert_true(roster_next_worker(*state, &at, &worker));

    assert_int_equal(worker.capacity, WORKER_CAPACITY_MAX);
    assert_false(roster_next_worker(*state, &at, &worker));
}

static void leases_and_credit_agree_whatever_is_done(void **state)
{
    bool held[LEASES + 1] = {false};
    uint64_t counters[LEASES + 1] = {0};
    uint64_t owners[LEASES + 1] = {0};
    uint64_t seed = 9;
    uint64_t counter = 0;
    uint32_t count = 0;
    int64_t now_ms = 0;

    for (uint32_t step = 0; step < 50000; step++) {
        enum roster_loss loss;
        struct lease lease;
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint32_t chance = (uint32_t)(seed >> 33);
        uint64_t seq = 1 + chance / 16 % LEASES;
        uint64_t who = ANNE + chance / 256 % 3;
        now_ms += chance % 300;
        switch (chance % 8) {
        case 0:
            (void)joined(*state, who, STAGE_REVIEW, 4, now_ms);
            break;
        case 1:
            (void)roster_leave(*state, who, LOSS_GONE);
            break;
        case 2:
            (void)roster_beat(*state, who, now_ms);
            break;
        case 3:
        case 4:
        case 5:
            if (!held[seq])
                owners[seq] = leased(*state, STAGE_REVIEW, seq, ++counter, now_ms + LEASE_MS);
            if (!held[seq] && owners[seq] != 0) {
                held[seq] = true;
                counters[seq] = counter;
                count++;
            }
            break;
        default:
            if (roster_done(*state, owners[seq], seq, counters[seq], &lease)) {
                assert_true(held[seq]);
                held[seq] = false;
                count--;
            }
        }
        for (uint64_t lost = next_lost(*state, now_ms, &loss); lost != 0;
             lost = next_lost(*state, now_ms, &loss)) {
            assert_true(held[lost]);
            held[lost] = false;
            count--;
        }
        assert_int_equal(roster_leased(*state), count);
    }
}

#define ROSTER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROSTER(nobody_is_picked_for_a_stage_without_workers),
        ROSTER(workers_with_credit_are_picked_in_turn),
        ROSTER(only_the_newest_token_from_its_own_worker_is_done),
        ROSTER(a_lease_is_lost_when_it_ends_and_not_before),
        ROSTER(a_worker_is_gone_after_three_missed_beats_and_a_little),
        ROSTER(a_worker_that_leaves_gives_back_all_it_holds),
        ROSTER(one_that_joins_again_begins_anew),
        ROSTER(there_is_room_for_so_many_workers_and_no_more),
        ROSTER(a_greedy_capacity_is_cut),
        ROSTER(leases_and_credit_agree_whatever_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
