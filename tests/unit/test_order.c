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

static const struct reply *when_stage_is(struct fixture *f, const char *command, const char *stage)
{
    const struct reply *reply =
        when_asked(f, "OPS", command, "stage", stage, "reason", "a test", NULL);
    expect_error(reply, "(none)");
    return reply;
}

/* ---- stages ---- */

static void a_paused_stage_takes_events_and_gives_out_none(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    when_stage_is(f, "queue pause", "NEEDS_ASSESSED");

    struct event event = when_sent(f, needs_assessed("02E", "a"));
    assert_non_null(answer_to(f, event.id, ANSWER_RECEIPT));
    assert_int_equal(f->assignments_count, 0);

    when_stage_is(f, "queue resume", "NEEDS_ASSESSED");
    assert_int_equal(f->assignments_count, 1);
    when_all_is_found_good(f);
    assert_int_equal(answer_to(f, event.id, ANSWER_VERDICT)->answer.verdict, VERDICT_ACCEPTED);
}

static void what_a_worker_has_of_a_paused_stage_may_be_finished(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    struct event event = when_sent(f, needs_assessed("02E", "a"));
    assert_int_equal(f->assignments_count, 1);

    when_stage_is(f, "queue pause", "NEEDS_ASSESSED");
    when_found(f, 0, REASON_COUNT);

    assert_int_equal(answer_to(f, event.id, ANSWER_VERDICT)->answer.verdict, VERDICT_ACCEPTED);
}

static void the_other_stages_of_a_paused_one_work_on(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    when_stage_is(f, "queue pause", "PRIORITIES_SET");

    struct event first = when_sent(f, needs_assessed("02E", "a"));
    when_all_is_found_good(f);
    when_sent(f, priorities_set("02E", "a"));

    assert_int_equal(answer_to(f, first.id, ANSWER_VERDICT)->answer.verdict, VERDICT_ACCEPTED);
    assert_int_equal(f->assignments_count, 0);
}

static void a_stage_stays_paused_over_restarts(void **state)
{
    struct fixture *f = *state;
    when_stage_is(f, "queue pause", "NEEDS_ASSESSED");
    struct event event = when_sent(f, needs_assessed("02E", "a"));

    when_restarted(f, true);
    when_worker_of_all_joins(f, WORKER, 8);
    turns_until_quiet(f);
    assert_int_equal(f->assignments_count, 0);
    const struct reply *reply = when_asked(f, "OPS", "queue list", NULL);
    expect_cell(f, reply, 0, "state", "PAUSED");
    expect_cell(f, reply, 0, "ready", "1");
    expect_cell(f, reply, 0, "since", "2018-07-02T09:00:00.000Z");
    expect_cell(f, reply, 0, "why", "a test");
    expect_cell(f, reply, 1, "state", "RUNNING");
    expect_cell(f, reply, 1, "since", "");
    reply = when_asked(f, "OPS", "server status", NULL);
    expect_cell(f, reply, 0, "stages", "NEEDS_ASSESSED PAUSED");

    when_stage_is(f, "queue resume", "NEEDS_ASSESSED");
    when_restarted(f, false);
    when_worker_of_all_joins(f, WORKER, 8);
    turns_until_quiet(f);
    assert_int_equal(f->assignments_count, 1);
    when_all_is_found_good(f);
    /* Its sender was on a connection of the run before: it hears when it asks again. */
    turn_opens(f);
    hand_in(f, CLIENT, &event);
    turn_closes(f);
    assert_int_equal(answer_to(f, event.id, ANSWER_VERDICT)->answer.verdict, VERDICT_ACCEPTED);
}

static void a_draining_stage_finishes_what_it_has_and_refuses_more(void **state)
{
    struct fixture *f = *state;
    struct event first = when_sent(f, needs_assessed("02E", "a"));
    when_stage_is(f, "queue drain", "NEEDS_ASSESSED");

    uint64_t before = store_durable_seq(f->store);
    struct event second = when_sent(f, needs_assessed("02E", "b"));
    expect_refused(f, second, REASON_STAGE_DRAINING);
    assert_int_equal(answer_to(f, second.id, ANSWER_REFUSED)->answer.retry_after_ms,
                     STAGE_RETRY_MS);
    assert_int_equal(store_durable_seq(f->store), before);

    when_worker_of_all_joins(f, WORKER, 8);
    when_all_is_found_good(f);
    assert_int_equal(answer_to(f, first.id, ANSWER_VERDICT)->answer.verdict, VERDICT_ACCEPTED);

    /* A repeat is answered, another stage's event is taken, and after it is resumed the same bytes are new. */
    f->answers_count = 0;
    turn_opens(f);
    hand_in(f, CLIENT, &first);
    turn_closes(f);
    assert_non_null(answer_to(f, first.id, ANSWER_RECEIPT));
    struct event third = when_sent(f, priorities_set("02E", "a"));
    assert_non_null(answer_to(f, third.id, ANSWER_RECEIPT));
    when_stage_is(f, "queue resume", "NEEDS_ASSESSED");
    turn_opens(f);
    hand_in(f, CLIENT, &second);
    turn_closes(f);
    assert_non_null(answer_to(f, second.id, ANSWER_RECEIPT));
}

static void any_stages_events_belong_to_the_stage_of_their_workflow(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    given_workflow_in(f, "02E", "a", STAGE_PROCUREMENT);
    given_workflow_in(f, "02E", "b", STAGE_PRIORITIES_SET);
    when_stage_is(f, "queue drain", "PROCUREMENT");

    struct event refused = when_sent(f, note("02E", "a"));
    struct event taken = when_sent(f, note("02E", "b"));
    struct event unknown = when_sent(f, note("02E", "c"));

    expect_refused(f, refused, REASON_STAGE_DRAINING);
    assert_non_null(answer_to(f, taken.id, ANSWER_RECEIPT));
    assert_non_null(answer_to(f, unknown.id, ANSWER_RECEIPT));
}

static void an_order_stands_in_the_journal_with_who_and_why(void **state)
{
    struct fixture *f = *state;

    const struct reply *reply = when_stage_is(f, "queue pause", "REVIEW");

    expect_cell(f, reply, 0, "stage", "REVIEW");
    expect_cell(f, reply, 0, "state", "PAUSED");
    expect_cell(f, reply, 0, "was", "RUNNING");
    expect_cell(f, reply, 0, "changed", "true");
    struct entry entry = last_entry(f);
    assert_int_equal(entry.kind, ENTRY_STAGE_SET);
    assert_int_equal(entry.stage, STAGE_REVIEW);
    assert_int_equal(entry.stage_state, STAGE_PAUSED);
    assert_int_equal(entry.audience_count, 0);
    assert_int_equal(entry.number, 0);
    EXPECT_NAMES("by", entry.by.text, "OPS");
    assert_int_equal(entry.order_reason.len, 6);
    assert_memory_equal(entry.order_reason.bytes, "a test", 6);
    /* Nobody else reads it. */
    char seq[24];
    (void)snprintf(seq, sizeof seq, "%llu", (unsigned long long)entry.seq);
    expect_error(when_asked(f, "02E", "journal show", "seq", seq, NULL), "NOT_FOUND");
    reply = when_asked(f, "OPS", "journal show", "seq", seq, NULL);
    expect_cell(f, reply, 0, "kind", "STAGE_SET");
    expect_cell(f, reply, 0, "stage", "REVIEW");
    expect_cell(f, reply, 0, "reasons", "a test");
    expect_cell(f, when_asked(f, "02E", "queue list", NULL), 4, "why", "");
    expect_cell(f, when_asked(f, "02E", "queue list", NULL), 4, "state", "PAUSED");
}

static void an_order_given_again_changes_nothing(void **state)
{
    struct fixture *f = *state;
    when_stage_is(f, "queue pause", "REVIEW");
    uint64_t before = store_durable_seq(f->store);

    const struct reply *reply = when_stage_is(f, "queue pause", "REVIEW");

    expect_cell(f, reply, 0, "changed", "false");
    expect_cell(f, reply, 0, "seq", "");
    assert_int_equal(store_durable_seq(f->store), before);
}

static void a_dry_run_says_what_would_change_and_writes_nothing(void **state)
{
    struct fixture *f = *state;
    uint64_t before = store_durable_seq(f->store);

    const struct reply *reply = when_asked(f, "OPS", "queue drain", "stage", "REVIEW", "reason",
                                           "a test", "dry_run", "true", NULL);
    expect_cell(f, reply, 0, "state", "DRAINING");
    expect_cell(f, reply, 0, "changed", "true");
    reply = when_asked(f, "OPS", "server stop", "reason", "x", "dry_run", "true", NULL);
    expect_cell(f, reply, 0, "state", "running");

    assert_int_equal(store_durable_seq(f->store), before);
    assert_int_equal(broker_next_wish(f->broker), WISH_NONE);
    expect_cell(f, when_asked(f, "OPS", "queue list", NULL), 4, "state", "RUNNING");
}

/* ---- who may, and why ---- */

static void orders_are_operators_and_want_a_reason(void **state)
{
    struct fixture *f = *state;
    static const char *const theirs[] = {"queue pause", "queue resume", "queue drain"};
    uint64_t before = store_durable_seq(f->store);

    for (uint32_t i = 0; i < ARRAY_LEN(theirs); i++) {
        expect_error(when_asked(f, "02E", theirs[i], "stage", "REVIEW", "reason", "x", NULL),
                     "SENDER_NOT_AUTHORISED");
        expect_error(when_asked(f, "X24", theirs[i], "stage", "REVIEW", "reason", "x", NULL),
                     "SENDER_NOT_AUTHORISED");
        expect_error(when_asked(f, "OPS", theirs[i], "stage", "REVIEW", NULL), "USAGE");
        expect_error(when_asked(f, "OPS", theirs[i], "stage", "REVIEW", "reason", "", NULL),
                     "USAGE");
        expect_error(when_asked(f, "OPS", theirs[i], "reason", "x", NULL), "USAGE");
    }
    expect_error(when_asked(f, "02E", "server stop", "reason", "x", NULL), "SENDER_NOT_AUTHORISED");
    expect_error(when_asked(f, "OPS", "server stop", NULL), "USAGE");

    assert_int_equal(store_durable_seq(f->store), before);
    assert_int_equal(broker_next_wish(f->broker), WISH_NONE);
}

static void a_stop_and_a_reload_are_journalled(void **state)
{
    struct fixture *f = *state;

    when_asked(f, "OPS", "server reload", NULL);
    struct entry reload = last_entry(f);
    assert_int_equal(broker_next_wish(f->broker), WISH_RELOAD);
    when_asked(f, "OPS", "server stop", "reason", "kernel", NULL);
    struct entry stop = last_entry(f);
    assert_int_equal(broker_next_wish(f->broker), WISH_STOP);

    assert_int_equal(reload.kind, ENTRY_OPERATED);
    assert_memory_equal(reload.command.bytes, "server reload", 13);
    assert_int_equal(stop.kind, ENTRY_OPERATED);
    assert_memory_equal(stop.command.bytes, "server stop", 11);
    assert_memory_equal(stop.order_reason.bytes, "kernel", 6);
}

static void a_worker_that_is_drained_gets_nothing_new(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    struct event first = when_sent(f, needs_assessed("02E", "a"));
    assert_int_equal(f->assignments_count, 1);
    expect_error(when_asked(f, "02E", "worker drain", "name", "worker-2001", "reason", "x", NULL),
                 "SENDER_NOT_AUTHORISED");
    expect_error(when_asked(f, "OPS", "worker drain", "name", "worker-2009", "reason", "x", NULL),
                 "NOT_FOUND");

    const struct reply *reply =
        when_asked(f, "OPS", "worker drain", "name", "worker-2001", "reason", "old", NULL);

    expect_cell(f, reply, 0, "workers", "1");
    expect_cell(f, reply, 0, "changed", "true");
    struct entry entry = last_entry(f);
    assert_int_equal(entry.kind, ENTRY_OPERATED);
    assert_memory_equal(entry.command.bytes, "worker drain worker-2001", 24);
    assert_true(f->welcome.drain);
    when_sent(f, needs_assessed("02E", "b"));
    assert_int_equal(f->assignments_count, 1);
    when_found(f, 0, REASON_COUNT);
    expect_verdict(f, first, VERDICT_ACCEPTED, REASON_COUNT);
    assert_int_equal(f->assignments_count, 0);
    uint64_t before = store_durable_seq(f->store);
    reply = when_asked(f, "OPS", "worker drain", "name", "worker-2001", "reason", "old", NULL);
    expect_cell(f, reply, 0, "changed", "false");
    assert_int_equal(store_durable_seq(f->store), before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup_world, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_paused_stage_takes_events_and_gives_out_none),
        TEST(what_a_worker_has_of_a_paused_stage_may_be_finished),
        TEST(the_other_stages_of_a_paused_one_work_on),
        TEST(a_stage_stays_paused_over_restarts),
        TEST(a_draining_stage_finishes_what_it_has_and_refuses_more),
        TEST(any_stages_events_belong_to_the_stage_of_their_workflow),
        TEST(an_order_stands_in_the_journal_with_who_and_why),
        TEST(an_order_given_again_changes_nothing),
        TEST(a_dry_run_says_what_would_change_and_writes_nothing),
        TEST(orders_are_operators_and_want_a_reason),
        TEST(a_stop_and_a_reload_are_journalled),
        TEST(a_worker_that_is_drained_gets_nothing_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
