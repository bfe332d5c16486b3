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

/** Offer @seq to whoever is picked, to be accepted by @ends_ms; returns the connection, 0: nobody has credit. */
static uint64_t offered(struct roster *roster, enum stage stage, uint64_t seq, uint64_t counter,
                        int64_t ends_ms, uint32_t lease_ms)
{
    uint32_t worker = 0;
    if (!roster_pick(roster, stage, &worker))
        return 0;
    return roster_lease(roster, worker,
                        &(struct lease){.seq = seq,
                                        .number = 1000 + seq,
                                        .counter = counter,
                                        .stage = stage,
                                        .attempt = 1,
                                        .lease_ms = lease_ms,
                                        .ends_ms = ends_ms});
}

/** The same, and it is accepted: the lease ends at @ends_ms. */
static uint64_t leased(struct roster *roster, enum stage stage, uint64_t seq, uint64_t counter,
                       int64_t ends_ms)
{
    uint64_t connection = offered(roster, stage, seq, counter, ends_ms, 0);
    if (connection != 0)
        assert_true(roster_accept(roster, connection, seq, counter, ends_ms));
    return connection;
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

/* ---- offers ---- */

static void an_offer_is_lost_unless_it_is_accepted_in_time(void **state)
{
    enum roster_loss loss;
    assert_true(joined(*state, ANNE, STAGE_REVIEW, 5, 0));
    assert_int_equal(offered(*state, STAGE_REVIEW, 1, 1, 100, 1000), ANNE);
    assert_int_equal(offered(*state, STAGE_REVIEW, 2, 2, 100, 1000), ANNE);
    assert_int_equal(roster_due_ms(*state), 100);

    assert_true(roster_accept(*state, ANNE, 2, 2, 60));
    assert_false(roster_accept(*state, ANNE, 1, 2, 60)); /* another token */
    assert_false(roster_accept(*state, BERT, 1, 1, 60)); /* another worker */

    assert_int_equal(next_lost(*state, 99, &loss), 0);
    assert_int_equal(next_lost(*state, 100, &loss), 1);
    assert_int_equal(loss, LOSS_OFFER);
    assert_false(roster_accept(*state, ANNE, 1, 1, 101));
    assert_int_equal(next_lost(*state, 1059, &loss), 0);
    assert_int_equal(next_lost(*state, 1060, &loss), 2);
    assert_int_equal(loss, LOSS_LEASE);
}

static void accepting_again_prolongs_nothing_and_progress_begins_the_lease_anew(void **state)
{
    enum roster_loss loss;
    assert_true(joined(*state, ANNE, STAGE_REVIEW, 5, 0));
    assert_int_equal(offered(*state, STAGE_REVIEW, 1, 1, 100, 1000), ANNE);
    assert_int_equal(offered(*state, STAGE_REVIEW, 2, 2, 100, 1000), ANNE);
    assert_true(roster_accept(*state, ANNE, 1, 1, 10));
    assert_true(roster_accept(*state, ANNE, 2, 2, 10));

    assert_true(roster_accept(*state, ANNE, 2, 2, 500));
    assert_true(roster_progress(*state, ANNE, 1, 1, 500));

    assert_int_equal(next_lost(*state, 1010, &loss), 2);
    assert_int_equal(next_lost(*state, 1499, &loss), 0);
    assert_int_equal(next_lost(*state, 1500, &loss), 1);
    assert_false(roster_progress(*state, ANNE, 1, 1, 1500));
}

static void progress_accepts_an_offer(void **state)
{
    enum roster_loss loss;
    assert_true(joined(*state, ANNE, STAGE_REVIEW, 5, 0));
    assert_int_equal(offered(*state, STAGE_REVIEW, 1, 1, 100, 1000), ANNE);

    assert_true(roster_progress(*state, ANNE, 1, 1, 50));

    assert_int_equal(next_lost(*state, 1049, &loss), 0);
    assert_int_equal(next_lost(*state, 1050, &loss), 1);
}

static void a_deaf_worker_gets_nothing_until_it_is_heard_by_more_than_a_beat(void **state)
{
    enum roster_loss loss;
    struct roster_worker worker;
    assert_true(joined(*state, ANNE, STAGE_REVIEW, 5, 0));
    assert_int_equal(offered(*state, STAGE_REVIEW, 1, 1, 100, 1000), ANNE);
    assert_int_equal(next_lost(*state, 100, &loss), 1);

    assert_int_equal(offered(*state, STAGE_REVIEW, 1, 2, 200, 1000), 0);
    assert_true(roster_beat(*state, ANNE, 150));
    assert_int_equal(offered(*state, STAGE_REVIEW, 1, 2, 200, 1000), 0);
    assert_true(roster_find(*state, ANNE, &worker));
    assert_true(worker.deaf);
    assert_int_equal(worker.lapsed, 1);

    assert_true(roster_heard(*state, ANNE, 160));
    assert_int_equal(offered(*state, STAGE_REVIEW, 1, 2, 200, 1000), ANNE);
    assert_int_equal(offered(*state, STAGE_REVIEW, 2, 3, 200, 1000), ANNE);
}

static void a_deaf_worker_is_tried_with_one_offer_after_a_while(void **state)
{
    enum roster_loss loss;
    const int64_t tried_ms = 100 + ROSTER_DEAF_MS;
    assert_true(joined(*state, ANNE, STAGE_REVIEW, 5, 0));
    assert_int_equal(offered(*state, STAGE_REVIEW, 1, 1, 100, 1000), ANNE);
    assert_int_equal(next_lost(*state, 100, &loss), 1);
    assert_true(roster_beat(*state, ANNE, tried_ms));
    assert_int_equal(roster_due_ms(*state), tried_ms);

    assert_int_equal(next_lost(*state, tried_ms, &loss), 0);
    assert_int_equal(offered(*state, STAGE_REVIEW, 1, 2, tried_ms + 100, 1000), ANNE);
    assert_int_equal(offered(*state, STAGE_REVIEW, 2, 3, tried_ms + 100, 1000), 0);

    /* It lapses again: not before the same while. */
    assert_int_equal(next_lost(*state, tried_ms + 100, &loss), 1);
    assert_int_equal(offered(*state, STAGE_REVIEW, 1, 4, tried_ms + 200, 1000), 0);
    assert_true(roster_beat(*state, ANNE, tried_ms + 100 + ROSTER_DEAF_MS));
    assert_int_equal(roster_due_ms(*state), tried_ms + 100 + ROSTER_DEAF_MS);
}

static void what_is_lost_says_whether_it_was_accepted(void **state)
{
    struct lease lease;
    enum roster_loss loss;
    char name[WORKER_NAME_SIZE];
    assert_true(joined(*state, ANNE, STAGE_REVIEW, 5, 0));
    assert_int_equal(offered(*state, STAGE_REVIEW, 1, 1, 100, 1000), ANNE);
    assert_int_equal(leased(*state, STAGE_REVIEW, 2, 2, 100), ANNE);
    assert_true(roster_leave(*state, ANNE, LOSS_GONE));

    assert_true(roster_next_lost(*state, 0, &lease, &loss, name));
    assert_int_equal(lease.seq, 1);
    assert_false(lease.accepted);
    assert_true(roster_next_lost(*state, 0, &lease, &loss, name));
    assert_int_equal(lease.seq, 2);
    assert_true(lease.accepted);
    assert_string_equal(name, "w11");
}

static void a_token_that_was_taken_back_is_late_once(void **state)
{
    enum roster_loss loss;
    struct lost lost;
    assert_true(joined(*state, ANNE, STAGE_REVIEW, 5, 0));
    assert_int_equal(leased(*state, STAGE_REVIEW, 1, 7, 100), ANNE);
    assert_false(roster_late(*state, 1, 7, &lost));
    assert_int_equal(next_lost(*state, 100, &loss), 1);

    assert_false(roster_late(*state, 1, 8, &lost));
    assert_false(roster_late(*state, 2, 7, &lost));
    assert_true(roster_late(*state, 1, 7, &lost));
    assert_int_equal(lost.number, 1001);
    assert_int_equal(lost.attempt, 1);
    assert_string_equal(lost.worker, "w11");
    assert_false(roster_late(*state, 1, 7, &lost));
}

static void only_the_newest_lost_tokens_are_remembered(void **state)
{
    enum roster_loss loss;
    struct lost lost;
    assert_true(joined(*state, ANNE, STAGE_REVIEW, 1, 0));
    for (uint64_t counter = 1; counter <= ROSTER_LOST_MAX + 1; counter++) {
        int64_t ends_ms = (int64_t)counter;
        assert_int_equal(leased(*state, STAGE_REVIEW, 1, counter, ends_ms), ANNE);
        assert_int_equal(next_lost(*state, ends_ms, &loss), 1);
    }

    assert_false(roster_late(*state, 1, 1, &lost));
    assert_true(roster_late(*state, 1, 2, &lost));
    assert_true(roster_late(*state, 1, ROSTER_LOST_MAX + 1, &lost));
}

static void a_draining_worker_is_told_once_and_gets_nothing_new(void **state)
{
    uint64_t connection;
    struct lease lease;
    struct roster_worker worker;
    assert_true(joined(*state, ANNE, STAGE_REVIEW, 5, 0));
    assert_int_equal(leased(*state, STAGE_REVIEW, 1, 1, 100), ANNE);
    assert_int_equal(roster_drain(*state, "nobody"), 0);
    assert_false(roster_next_untold(*state, &connection));

    assert_int_equal(roster_drain(*state, "w11"), 1);
    assert_int_equal(roster_due_ms(*state), 0);
    assert_true(roster_next_untold(*state, &connection));
    assert_int_equal(connection, ANNE);
    assert_false(roster_next_untold(*state, &connection));

    assert_int_equal(offered(*state, STAGE_REVIEW, 2, 2, 100, 1000), 0);
    assert_true(roster_done(*state, ANNE, 1, 1, &lease));
    assert_true(roster_find(*state, ANNE, &worker));
    assert_true(worker.draining);

    /* Whoever joins anew is as good as new. */
    assert_true(joined(*state, ANNE, STAGE_REVIEW, 5, 0));
    assert_int_equal(offered(*state, STAGE_REVIEW, 2, 2, 100, 1000), ANNE);
}

static void workers_of_one_name_drain_together_and_one_that_goes_needs_no_word(void **state)
{
    struct hello hello = {
        .stages = {STAGE_REVIEW}, .stages_count = 1, .capacity = 1, .name = "twin"};
    uint64_t connection;
    assert_true(roster_join(*state, ANNE, &hello, ods_of("OPS"), 0));
    assert_true(roster_join(*state, BERT, &hello, ods_of("OPS"), 0));

    assert_int_equal(roster_drain(*state, "twin"), 2);
    assert_true(roster_leave(*state, ANNE, LOSS_LEFT));

    assert_true(roster_next_untold(*state, &connection));
    assert_int_equal(connection, BERT);
    assert_false(roster_next_untold(*state, &connection));
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
        switch (chance % 11) {
        case 8:
            (void)roster_accept(*state, owners[seq], seq, counters[seq], now_ms);
            break;
        case 9:
            (void)roster_progress(*state, owners[seq], seq, counters[seq], now_ms);
            break;
        case 10:
            if (chance % 512 == 0)
                (void)roster_drain(*state, "w12");
            else
                (void)roster_heard(*state, who, now_ms);
            break;
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
                owners[seq] =
                    offered(*state, STAGE_REVIEW, seq, ++counter, now_ms + ACCEPT_MS, LEASE_MS);
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
        ROSTER(an_offer_is_lost_unless_it_is_accepted_in_time),
        ROSTER(accepting_again_prolongs_nothing_and_progress_begins_the_lease_anew),
        ROSTER(progress_accepts_an_offer),
        ROSTER(a_deaf_worker_gets_nothing_until_it_is_heard_by_more_than_a_beat),
        ROSTER(a_deaf_worker_is_tried_with_one_offer_after_a_while),
        ROSTER(what_is_lost_says_whether_it_was_accepted),
        ROSTER(a_token_that_was_taken_back_is_late_once),
        ROSTER(only_the_newest_lost_tokens_are_remembered),
        ROSTER(a_draining_worker_is_told_once_and_gets_nothing_new),
        ROSTER(workers_of_one_name_drain_together_and_one_that_goes_needs_no_word),
        ROSTER(leases_and_credit_agree_whatever_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
