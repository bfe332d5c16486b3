/* SPDX-License-Identifier: Apache-2.0 */
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

#define expect_cell(f, reply, row, name, should)                                                   \
    EXPECT_NAMES(name, cell_of(f, reply, row, name), should)

static void expect_error(const struct reply *reply, const char *code)
{
    char is[32] = "(none)";
    if (reply->error.len > 0)
        (void)snprintf(is, sizeof is, "%.*s", (int)reply->error.len,
                       (const char *)reply->error.bytes);
    EXPECT_NAMES("the error", is, code);
}

/** @ods asks to withdraw @event, which is about 02E's workflow "a". */
static const struct reply *when_withdrawn(struct fixture *f, const char *ods,
                                          const struct event *event)
{
    char id[EVENT_ID_TEXT_SIZE];
    event_id_print(event->id, id);
    return when_asked(f, ods, "event withdraw", "lead", "02E", "reference", event->reference.text,
                      "event_id", id, "reason", "sent by mistake", NULL);
}

static const struct reply *when_status_asked(struct fixture *f, const struct event *event)
{
    char id[EVENT_ID_TEXT_SIZE];
    event_id_print(event->id, id);
    return when_asked(f, "02E", "event status", "lead", "02E", "reference", event->reference.text,
                      "event_id", id, NULL);
}

/** It is withdrawn, was in @was, and whoever waits for its verdict has been told; nothing of it is left. */
static void expect_withdrawn(struct fixture *f, const struct reply *reply,
                             const struct event *event, const char *was)
{
    expect_error(reply, "(none)");
    expect_cell(f, reply, 0, "state", "withdrawn");
    expect_cell(f, reply, 0, "was", was);
    expect_cell(f, reply, 0, "changed", "true");
    expect_verdict(f, *event, VERDICT_WITHDRAWN, REASON_WITHDRAWN);
    const struct out_answer *told = answer_to(f, event->id, ANSWER_VERDICT);
    assert_string_equal(told->reason.text, "sent by mistake");
    assert_null(docket_find(f->broker->docket, told->answer.seq));
    struct entry entry = entry_at(f, told->answer.verdict_seq);
    assert_int_equal(entry.kind, ENTRY_EVENT_WITHDRAWN);
    assert_int_equal(entry.of_seq, told->answer.seq);
    assert_false(entry.discarded);
    EXPECT_NAMES("by", entry.by.text, "02E");
    assert_true(entry.audience_count >= 1);
}

/* ---- in each state ---- */

static void a_ready_event_is_withdrawn_and_no_worker_gets_it(void **state)
{
    struct fixture *f = *state;
    struct event event = when_sent(f, needs_assessed("02E", "a"));

    expect_withdrawn(f, when_withdrawn(f, "02E", &event), &event, "ready");

    when_worker_of_all_joins(f, WORKER, 8);
    assert_int_equal(f->assignments_count, 0);
    assert_int_equal(queue_count(f->broker->queue, STAGE_NEEDS_ASSESSED), 0);
    assert_int_equal(quota_count(f->broker->quota, ods_of("02E")), 0);
}

static void the_next_of_its_workflow_comes_to_its_turn(void **state)
{
    struct fixture *f = *state;
    struct event first = when_sent(f, needs_assessed("02E", "a"));
    struct event second = when_sent(f, needs_assessed("02E", "a"));

    expect_withdrawn(f, when_withdrawn(f, "02E", &first), &first, "ready");

    when_worker_of_all_joins(f, WORKER, 8);
    when_all_is_found_good(f);
    expect_verdict(f, second, VERDICT_ACCEPTED, REASON_COUNT);
}

/** Of four events in a workflow's queue the one at @place (1: first behind the one at its turn) is withdrawn; the others are judged in order. */
static void expect_queue_without(struct fixture *f, uint32_t place, const char *reference)
{
    struct event events[4];
    uint64_t before = 0;
    for (uint32_t i = 0; i < ARRAY_LEN(events); i++)
        events[i] =
            when_sent(f, i == 0 ? needs_assessed("02E", reference) : note("02E", reference));

    expect_withdrawn(f, when_withdrawn(f, "02E", &events[place]), &events[place], "queued");
    when_restarted(f, true);
    when_worker_of_all_joins(f, WORKER, 8);
    turns_until_quiet(f);
    for (uint32_t i = 0; i < 3; i++) {
        turn_opens(f);
        hand_in(f, CLIENT, &events[i + (i >= place ? 1 : 0)]);
        turn_closes(f);
    }
    when_all_is_found_good(f);
    for (uint32_t i = 0; i < ARRAY_LEN(events); i++) {
        if (i == place)
            continue;
        expect_verdict(f, events[i], VERDICT_ACCEPTED, REASON_COUNT);
        uint64_t seq = answer_to(f, events[i].id, ANSWER_VERDICT)->answer.verdict_seq;
        assert_true(seq > before);
        before = seq;
    }
    turn_opens(f);
    broker_bye(f->broker, WORKER);
    turn_closes(f);
}

static void one_in_the_midst_of_its_queue_is_unlinked(void **state)
{
    expect_queue_without(*state, 1, "a");
    expect_queue_without(*state, 2, "b");
    expect_queue_without(*state, 3, "c");
}

static void a_delayed_event_is_withdrawn_and_never_tried_again(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    struct event event = when_sent(f, needs_assessed("02E", "a"));
    struct event other = when_sent(f, needs_assessed("02E", "b"));
    when_worker_fails(f, 0, "no memory");
    when_worker_fails(f, 0, "no memory");
    assert_int_equal(due_count(f->broker->due), 2);

    expect_withdrawn(f, when_withdrawn(f, "02E", &event), &event, "delayed");

    assert_int_equal(due_count(f->broker->due), 1);
    when_time_passes(f, 61000);
    when_worker_of_all_joins(f, WORKER, 8);
    assert_int_equal(f->assignments_count, 1);
    assert_int_equal(assignment_of(f, other.id), 0);
}

static void a_held_event_is_withdrawn_and_waits_for_nothing(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    given_workflow_in(f, "02E", "a", STAGE_CONTRACT_AWARD);
    struct event award = contract_awarded("02E", "a", "x", 1000);
    award.award.period.from = date_of(2016, 4, 1); /* a year without an allotment */
    award.award.period.to = date_of(2017, 3, 31);
    award = when_sent(f, award);
    when_all_is_found_good(f);
    expect_verdict(f, award, VERDICT_HELD, REASON_NO_ALLOTMENT);

    expect_withdrawn(f, when_withdrawn(f, "02E", &award), &award, "held");

    struct wait wait = {.kind = WAIT_NONE};
    uint64_t seq = 0;
    assert_false(store_next_wait(f->store, &wait, &seq));
    when_sent(f, allotment_set("02E", 2016, 1000000));
    turns_until_quiet(f);
    assert_int_equal(f->assignments_count, 0);
    struct ledger_year year;
    store_get_ledger(f->store, ods_of("02E"), 2016, &year);
    assert_int_equal(year.committed_pence, 0);
}

static void one_that_waits_to_be_looked_at_is_withdrawn(void **state)
{
    struct fixture *f = *state;
    struct event first = when_sent(f, needs_assessed("02E", "a"));
    struct event second = when_sent(f, needs_assessed("02E", "b"));
    when_restarted(f, true);
    assert_int_equal(f->broker->turns.count, 2);

    /* In the run's first turn, before it looks at anything. */
    const struct reply *reply = when_withdrawn(f, "02E", &first);
    expect_cell(f, reply, 0, "changed", "true");
    when_worker_of_all_joins(f, WORKER, 8);
    turns_until_quiet(f);

    assert_int_equal(f->assignments_count, 1);
    assert_int_equal(assignment_of(f, second.id), 0);
}

static void a_leased_event_is_not_withdrawn(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    struct event event = when_sent(f, needs_assessed("02E", "a"));
    uint64_t before = store_durable_seq(f->store);

    expect_error(when_withdrawn(f, "02E", &event), "BUSY");

    assert_int_equal(store_durable_seq(f->store), before);
    when_all_is_found_good(f);
    expect_verdict(f, event, VERDICT_ACCEPTED, REASON_COUNT);
    expect_error(when_withdrawn(f, "02E", &event), "CONFLICT");
}

/* ---- after it ---- */

static void what_is_sent_again_is_told_that_it_was_withdrawn(void **state)
{
    struct fixture *f = *state;
    struct event event = when_sent(f, needs_assessed("02E", "a"));
    when_withdrawn(f, "02E", &event);
    when_restarted(f, true);
    uint64_t before = store_durable_seq(f->store);
    f->answers_count = 0;

    turn_opens(f);
    hand_in(f, OTHER_CLIENT, &event);
    turn_closes(f);

    assert_non_null(answer_to(f, event.id, ANSWER_RECEIPT));
    expect_verdict(f, event, VERDICT_WITHDRAWN, REASON_WITHDRAWN);
    const struct out_answer *told = answer_to(f, event.id, ANSWER_VERDICT);
    assert_true(told->answer.repeated);
    assert_int_equal(told->to, OTHER_CLIENT);
    assert_string_equal(told->reason.text, "sent by mistake");
    assert_int_equal(store_durable_seq(f->store), before + 1); /* STARTED alone */
    const struct reply *reply = when_status_asked(f, &event);
    expect_cell(f, reply, 0, "state", "withdrawn");
    expect_cell(f, reply, 0, "verdict", "WITHDRAWN");
    assert_int_equal(reply->reasons_count, 1);
    assert_int_equal(reply->reasons[0].code, REASON_WITHDRAWN);
}

static void withdrawing_again_says_the_same_and_writes_nothing(void **state)
{
    struct fixture *f = *state;
    struct event event = when_sent(f, needs_assessed("02E", "a"));
    const struct reply *first = when_withdrawn(f, "02E", &event);
    const char *seq = cell_of(f, first, 0, "seq");
    uint64_t before = store_durable_seq(f->store);

    const struct reply *reply = when_withdrawn(f, "02E", &event);

    expect_error(reply, "(none)");
    expect_cell(f, reply, 0, "state", "withdrawn");
    expect_cell(f, reply, 0, "changed", "false");
    expect_cell(f, reply, 0, "seq", seq);
    assert_int_equal(store_durable_seq(f->store), before);
}

static void a_dry_run_of_it_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct event event = when_sent(f, needs_assessed("02E", "a"));
    uint64_t before = store_durable_seq(f->store);
    char id[EVENT_ID_TEXT_SIZE];
    event_id_print(event.id, id);

    const struct reply *reply =
        when_asked(f, "02E", "event withdraw", "lead", "02E", "reference", "a", "event_id", id,
                   "reason", "x", "dry_run", "true", NULL);

    expect_cell(f, reply, 0, "was", "ready");
    expect_cell(f, reply, 0, "seq", "");
    assert_int_equal(store_durable_seq(f->store), before);
    when_worker_of_all_joins(f, WORKER, 8);
    assert_int_equal(f->assignments_count, 1);
}

/* ---- whose ---- */

static void only_its_sender_withdraws_an_event(void **state)
{
    struct fixture *f = *state;
    struct event event = when_sent(f, by_csu(needs_assessed("02E", "a"), "0CE"));
    uint64_t before = store_durable_seq(f->store);

    expect_error(when_withdrawn(f, "02E", &event), "SENDER_NOT_AUTHORISED");
    expect_error(when_withdrawn(f, "X24", &event), "SENDER_NOT_AUTHORISED");
    expect_error(when_withdrawn(f, "01F", &event), "NOT_FOUND");
    expect_error(when_withdrawn(f, "OPS", &event), "SENDER_NOT_AUTHORISED");
    assert_int_equal(store_durable_seq(f->store), before);

    expect_error(when_withdrawn(f, "0CE", &event), "(none)");
    expect_verdict(f, event, VERDICT_WITHDRAWN, REASON_WITHDRAWN);
}

static void what_is_not_known_is_not_found(void **state)
{
    struct fixture *f = *state;
    struct event event = when_sent(f, needs_assessed("02E", "a"));
    struct event never = made(f, needs_assessed("02E", "a"));
    struct event elsewhere = event;
    elsewhere.reference = (struct reference){"b"};

    expect_error(when_withdrawn(f, "02E", &never), "NOT_FOUND");
    expect_error(when_withdrawn(f, "02E", &elsewhere), "NOT_FOUND");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup_world, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_ready_event_is_withdrawn_and_no_worker_gets_it),
        TEST(the_next_of_its_workflow_comes_to_its_turn),
        TEST(one_in_the_midst_of_its_queue_is_unlinked),
        TEST(a_delayed_event_is_withdrawn_and_never_tried_again),
        TEST(a_held_event_is_withdrawn_and_waits_for_nothing),
        TEST(one_that_waits_to_be_looked_at_is_withdrawn),
        TEST(a_leased_event_is_not_withdrawn),
        TEST(what_is_sent_again_is_told_that_it_was_withdrawn),
        TEST(withdrawing_again_says_the_same_and_writes_nothing),
        TEST(a_dry_run_of_it_changes_nothing),
        TEST(only_its_sender_withdraws_an_event),
        TEST(what_is_not_known_is_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
