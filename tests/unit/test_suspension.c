/* SPDX-License-Identifier: Apache-2.0 */
/* Workflows that are suspended, resumed and given up, through the whole broker. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#include "daemon/broker/inside.h"
#include "tests/support/expect.h"

static struct workflow workflow_of(struct fixture *f, const char *reference)
{
    struct event named = note("02E", reference);
    struct workflow workflow;
    bool found = store_find_workflow(f->store, named.lead, &named.reference, &workflow);

    assert_true(found);
    return workflow;
}

/** 02E's workflow @reference in @stage, with a worker of all stages. */
static void given_case(struct fixture *f, const char *reference, enum stage stage)
{
    when_worker_of_all_joins(f, WORKER, 64);
    given_workflow_in(f, "02E", reference, stage);
}

/** Sent, and found good by the worker where one is asked. */
static struct event when_judged(struct fixture *f, struct event event)
{
    struct event sent = when_sent(f, event);
    when_all_is_found_good(f);
    return sent;
}

static void what_comes_is_held_without_a_worker_until_it_is_resumed(void **state)
{
    struct fixture *f = *state;
    given_case(f, "a", STAGE_PRIORITIES_SET);
    struct event suspension = when_judged(f, suspended("02E", "a"));
    expect_verdict(f, suspension, VERDICT_ACCEPTED, REASON_COUNT);
    assert_int_equal(workflow_of(f, "a").phase, PHASE_SUSPENDED);

    struct event priorities = when_sent(f, priorities_set("02E", "a"));
    expect_verdict(f, priorities, VERDICT_HELD, REASON_WORKFLOW_SUSPENDED);
    assert_int_equal(f->assignments_count, 0);
    assert_int_equal(workflow_of(f, "a").held_count, 1);
    struct event remark = when_judged(f, note("02E", "a"));
    expect_verdict(f, remark, VERDICT_ACCEPTED, REASON_COUNT);

    struct event resumption = when_judged(f, resumed("02E", "a"));
    turns_until_quiet(f);
    when_all_is_found_good(f);
    expect_verdict(f, resumption, VERDICT_ACCEPTED, REASON_COUNT);
    expect_verdict(f, priorities, VERDICT_ACCEPTED, REASON_COUNT);
    struct workflow workflow = workflow_of(f, "a");
    assert_int_equal(workflow.phase, PHASE_OPEN);
    assert_int_equal(workflow.stage, STAGE_PROCUREMENT);
    assert_int_equal(workflow.held_count, 0);
}

static void those_held_go_before_those_behind_the_resumption_and_in_their_order(void **state)
{
    struct fixture *f = *state;
    given_case(f, "a", STAGE_PRIORITIES_SET);
    when_judged(f, suspended("02E", "a"));
    struct event sent[] = {
        made(f, priorities_set("02E", "a")),
        made(f, procurement_started("02E", "a")),
        made(f, resumed("02E", "a")),
        made(f, bids_evaluated("02E", "a")),
        made(f, award_intended("02E", "a", "x", 100)),
    };

    turn_opens(f);
    for (size_t i = 0; i < ARRAY_LEN(sent); i++)
        hand_in(f, CLIENT, &sent[i]);
    turn_closes(f);
    for (uint32_t i = 0; i < ARRAY_LEN(sent); i++) {
        when_all_is_found_good(f);
        turns_until_quiet(f);
    }

    uint64_t before = 0;
    for (size_t i = 0; i < ARRAY_LEN(sent); i++) {
        expect_verdict(f, sent[i], VERDICT_ACCEPTED, REASON_COUNT);
        if (i == 2)
            continue;
        uint64_t seq = answer_to(f, sent[i].id, ANSWER_VERDICT)->answer.verdict_seq;
        assert_true(seq > before);
        before = seq;
    }
    assert_int_equal(workflow_of(f, "a").stage, STAGE_CONTRACT_AWARD);
}

static void more_than_a_turn_lets_go_keep_their_order_all_the_same(void **state)
{
    enum { COUNT = RELEASES_TURN_MAX + 44 };
    struct fixture *f = *state;
    struct event sent[COUNT];
    uint64_t before = 0;
    given_case(f, "a", STAGE_PRIORITIES_SET);
    when_judged(f, suspended("02E", "a"));
    for (uint32_t i = 0; i < COUNT; i++)
        sent[i] = when_sent(f, priorities_set("02E", "a"));
    assert_int_equal(workflow_of(f, "a").held_count, COUNT);

    when_sent(f, resumed("02E", "a"));
    when_found(f, 0, REASON_COUNT);
    turns_until_quiet(f); /* the first is at the worker as the others are let go */
    when_all_is_found_good(f);
    turns_until_quiet(f);

    expect_verdict(f, sent[0], VERDICT_ACCEPTED, REASON_COUNT);
    for (uint32_t i = 0; i < COUNT; i++) {
        uint64_t seq = answer_to(f, sent[i].id, ANSWER_VERDICT)->answer.verdict_seq;
        assert_true(seq > before);
        before = seq;
    }
    assert_int_equal(workflow_of(f, "a").held_count, 0);
    assert_int_equal(workflow_of(f, "a").queued_count, 0);
}

static void what_waits_goes_on_when_the_event_before_it_is_withdrawn(void **state)
{
    struct fixture *f = *state;
    char id[EVENT_ID_TEXT_SIZE];
    given_case(f, "a", STAGE_PRIORITIES_SET);
    when_judged(f, suspended("02E", "a"));
    struct event priorities = when_sent(f, priorities_set("02E", "a"));
    when_sent(f, resumed("02E", "a"));
    struct event remark = when_sent(f, note("02E", "a"));
    turn_opens(f);
    hand_in_finding(f, 0, REASON_COUNT, NULL);
    broker_bye(f->broker, WORKER);
    turn_closes(f);
    turns_until_quiet(f);
    event_id_print(remark.id, id);

    const struct reply *reply = when_asked(f, "02E", "event withdraw", "lead", "02E", "reference",
                                           "a", "event_id", id, "reason", "not so", NULL);
    assert_int_equal(reply->error.len, 0);
    turns_until_quiet(f);
    when_worker_of_all_joins(f, WORKER, 64);
    when_all_is_found_good(f);

    expect_verdict(f, priorities, VERDICT_ACCEPTED, REASON_COUNT);
    assert_int_equal(workflow_of(f, "a").held_count, 0);
}

static void suspended_again_at_once_the_younger_wait_for_the_next_resumption(void **state)
{
    struct fixture *f = *state;
    given_case(f, "a", STAGE_PRIORITIES_SET);
    when_judged(f, suspended("02E", "a"));
    struct event first = when_sent(f, priorities_set("02E", "a"));
    struct event sent[] = {made(f, resumed("02E", "a")), made(f, suspended("02E", "a")),
                           made(f, procurement_started("02E", "a"))};

    turn_opens(f);
    for (size_t i = 0; i < ARRAY_LEN(sent); i++)
        hand_in(f, CLIENT, &sent[i]);
    turn_closes(f);
    for (uint32_t i = 0; i < 6; i++) {
        when_all_is_found_good(f);
        turns_until_quiet(f);
    }

    expect_verdict(f, first, VERDICT_ACCEPTED, REASON_COUNT);
    expect_verdict(f, sent[1], VERDICT_ACCEPTED, REASON_COUNT);
    expect_verdict(f, sent[2], VERDICT_HELD, REASON_WORKFLOW_SUSPENDED);
    assert_int_equal(workflow_of(f, "a").phase, PHASE_SUSPENDED);
    assert_int_equal(workflow_of(f, "a").held_count, 1);

    when_judged(f, resumed("02E", "a"));
    turns_until_quiet(f);
    when_all_is_found_good(f);
    expect_verdict(f, sent[2], VERDICT_ACCEPTED, REASON_COUNT);
}

static void a_resumption_just_before_the_end_is_found_at_start(void **state)
{
    struct fixture *f = *state;
    given_case(f, "a", STAGE_PRIORITIES_SET);
    when_judged(f, suspended("02E", "a"));
    struct event priorities = when_sent(f, priorities_set("02E", "a"));
    when_sent(f, resumed("02E", "a"));

    turn_opens(f);
    hand_in_finding(f, 0, REASON_COUNT, NULL);
    turn_breaks_off(f);
    when_restarted(f, true);
    when_worker_of_all_joins(f, WORKER, 64);
    turns_until_quiet(f);
    when_all_is_found_good(f);

    assert_int_equal(workflow_of(f, "a").stage, STAGE_PROCUREMENT);
    turn_opens(f);
    hand_in(f, CLIENT, &priorities);
    turn_closes(f);
    expect_verdict(f, priorities, VERDICT_ACCEPTED, REASON_COUNT);
}

static void a_suspended_workflow_stays_so_over_a_restart(void **state)
{
    struct fixture *f = *state;
    given_case(f, "a", STAGE_PRIORITIES_SET);
    when_judged(f, suspended("02E", "a"));
    when_sent(f, priorities_set("02E", "a"));

    when_restarted(f, true);
    turns_until_quiet(f);

    struct workflow workflow = workflow_of(f, "a");
    assert_int_equal(workflow.phase, PHASE_SUSPENDED);
    assert_int_equal(workflow.held_count, 1);
    assert_int_equal(workflow.judging_seq, 0);
}

static void given_up_it_gives_its_money_back_and_rejects_what_waited(void **state)
{
    struct fixture *f = *state;
    struct ledger_year year;
    given_case(f, "a", STAGE_CONTRACT_AWARD);
    when_judged(f, award_intended("02E", "a", "x", 300000));
    when_judged(f, award_intended("02E", "a", "y", 200000));
    store_get_ledger(f->store, ods_of("02E"), 2018, &year);
    assert_int_equal(year.reserved_pence, 500000);
    when_judged(f, suspended("02E", "a"));
    struct event awarded = when_sent(f, contract_awarded("02E", "a", "x", 300000));
    expect_verdict(f, awarded, VERDICT_HELD, REASON_WORKFLOW_SUSPENDED);

    struct event end = when_judged(f, withdrawn("02E", "a"));
    turns_until_quiet(f);

    expect_verdict(f, end, VERDICT_ACCEPTED, REASON_COUNT);
    expect_verdict(f, awarded, VERDICT_REJECTED, REASON_WORKFLOW_WITHDRAWN);
    store_get_ledger(f->store, ods_of("02E"), 2018, &year);
    assert_int_equal(year.reserved_pence, 0);
    assert_int_equal(year.committed_pence, 0);
    struct workflow workflow = workflow_of(f, "a");
    assert_int_equal(workflow.phase, PHASE_WITHDRAWN);
    assert_int_equal(workflow.stage, STAGE_CONTRACT_AWARD);
    struct event late = when_sent(f, resumed("02E", "a"));
    expect_verdict(f, late, VERDICT_REJECTED, REASON_WORKFLOW_WITHDRAWN);
}

static void the_lead_alone_suspends_and_its_support_unit_never(void **state)
{
    struct fixture *f = *state;
    given_case(f, "a", STAGE_PROCUREMENT);

    struct event stranger = suspended("02E", "a");
    stranger.sender = ods_of("01F");
    stranger = when_sent(f, stranger);
    struct event unit = when_sent(f, by_csu(suspended("02E", "a"), "0CE"));

    expect_refused(f, stranger, REASON_SENDER_NOT_AUTHORISED);
    expect_verdict(f, unit, VERDICT_REJECTED, REASON_CSU_CANNOT_DECIDE);
    assert_int_equal(workflow_of(f, "a").phase, PHASE_OPEN);
}

static void a_suspended_workflow_counts_among_those_that_its_lead_has_open(void **state)
{
    struct fixture *f = *state;
    given_case(f, "a", STAGE_PROCUREMENT);
    uint64_t open = store_get_caseload(f->store, ods_of("02E"));

    when_judged(f, suspended("02E", "a"));
    assert_int_equal(store_get_caseload(f->store, ods_of("02E")), open);
    when_judged(f, withdrawn("02E", "a"));
    assert_int_equal(store_get_caseload(f->store, ods_of("02E")), open - 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup_world, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_comes_is_held_without_a_worker_until_it_is_resumed),
        TEST(those_held_go_before_those_behind_the_resumption_and_in_their_order),
        TEST(more_than_a_turn_lets_go_keep_their_order_all_the_same),
        TEST(what_waits_goes_on_when_the_event_before_it_is_withdrawn),
        TEST(suspended_again_at_once_the_younger_wait_for_the_next_resumption),
        TEST(a_resumption_just_before_the_end_is_found_at_start),
        TEST(a_suspended_workflow_stays_so_over_a_restart),
        TEST(given_up_it_gives_its_money_back_and_rejects_what_waited),
        TEST(the_lead_alone_suspends_and_its_support_unit_never),
        TEST(a_suspended_workflow_counts_among_those_that_its_lead_has_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
