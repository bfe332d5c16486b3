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

/* One attempt, so that the first failure parks. */
static const struct stage_row once[] = {
    {STAGE_NEEDS_ASSESSED, ACCEPT_MS, LEASE_MS, 1, 500, 60000},
    {STAGE_PRIORITIES_SET, ACCEPT_MS, LEASE_MS, 1, 500, 60000},
    {STAGE_PROCUREMENT, ACCEPT_MS, LEASE_MS, 1, 500, 60000},
    {STAGE_CONTRACT_AWARD, ACCEPT_MS, LEASE_MS, 1, 500, 60000},
    {STAGE_REVIEW, ACCEPT_MS, LEASE_MS, 1, 500, 60000},
};

static int setup(void **state)
{
    fixture_setup_world(state);
    struct fixture *f = *state;
    f->options.stages = once;
    when_restarted(f, false);
    when_worker_of_all_joins(f, WORKER, 1000);
    return 0;
}

/** @event is sent, and parked after @error. */
static struct event given_parked(struct fixture *f, struct event event, const char *error)
{
    event = when_sent(f, event);
    uint32_t index = assignment_of(f, event.id);
    assert_true(index != UINT32_MAX);
    when_worker_fails(f, index, error);
    assert_true(last_entry(f).parked);
    return event;
}

static const char *id_text(struct fixture *f, struct event_id id)
{
    char text[EVENT_ID_TEXT_SIZE];
    event_id_print(id, text);
    return (const char *)arena_print(f->arena, "%s", text).bytes;
}

/** Of two stages, two organisations, two errors, an hour apart. */
static void given_three(struct fixture *f)
{
    given_workflow_in(f, "02E", "p", STAGE_PRIORITIES_SET);
    given_parked(f, needs_assessed("02E", "a"), "no memory");
    given_parked(f, needs_assessed("01F", "b"), "disk is full");
    when_time_passes(f, 3600 * 1000);
    when_worker_of_all_joins(f, WORKER, 1000);
    given_parked(f, priorities_set("02E", "p"), "no memory left");
}

/* ---- seen ---- */

static void the_list_says_what_failed_since_when_and_how_often(void **state)
{
    struct fixture *f = *state;
    struct event event = given_parked(f, needs_assessed("02E", "a"), "no memory");

    const struct reply *reply = when_asked(f, "OPS", "parked list", NULL);

    assert_int_equal(reply->rows_count, 1);
    expect_cell(f, reply, 0, "event_id", id_text(f, event.id));
    expect_cell(f, reply, 0, "event_type", "NEEDS_ASSESSED");
    expect_cell(f, reply, 0, "stage", "NEEDS_ASSESSED");
    expect_cell(f, reply, 0, "lead", "02E");
    expect_cell(f, reply, 0, "reference", "a");
    expect_cell(f, reply, 0, "attempts", "1");
    expect_cell(f, reply, 0, "since", "2018-07-02T09:00:00.000Z");
    expect_cell(f, reply, 0, "error", "no memory");
    const char *seq = cell_of(f, reply, 0, "seq");
    reply = when_asked(f, "OPS", "parked show", "seq", seq, NULL);
    expect_cell(f, reply, 0, "error", "no memory");
    reply = when_asked(f, "OPS", "parked show", "lead", "02E", "reference", "a", "event_id",
                       id_text(f, event.id), NULL);
    expect_cell(f, reply, 0, "seq", seq);
}

static void a_list_is_narrowed_by_stage_organisation_error_and_age(void **state)
{
    struct fixture *f = *state;
    given_three(f);

    assert_int_equal(when_asked(f, "OPS", "parked list", NULL)->rows_count, 3);
    const struct reply *reply =
        when_asked(f, "OPS", "parked list", "stage", "PRIORITIES_SET", NULL);
    assert_int_equal(reply->rows_count, 1);
    expect_cell(f, reply, 0, "reference", "p");
    reply = when_asked(f, "OPS", "parked list", "organisation", "01F", NULL);
    assert_int_equal(reply->rows_count, 1);
    expect_cell(f, reply, 0, "reference", "b");
    assert_int_equal(when_asked(f, "OPS", "parked list", "error", "no memory", NULL)->rows_count,
                     2);
    assert_int_equal(when_asked(f, "OPS", "parked list", "error", "memory left", NULL)->rows_count,
                     1);
    assert_int_equal(when_asked(f, "OPS", "parked list", "older_ms", "3600000", NULL)->rows_count,
                     2);
    assert_int_equal(when_asked(f, "OPS", "parked list", "older_ms", "3600001", NULL)->rows_count,
                     0);
    assert_int_equal(
        when_asked(f, "OPS", "parked list", "older_ms", "3600000", "error", "no memory", NULL)
            ->rows_count,
        1);
}

static void each_sees_the_parked_events_that_concern_it(void **state)
{
    struct fixture *f = *state;
    given_three(f);

    assert_int_equal(when_asked(f, "02E", "parked list", NULL)->rows_count, 2);
    assert_int_equal(when_asked(f, "01F", "parked list", NULL)->rows_count, 1);
    assert_int_equal(when_asked(f, "0CE", "parked list", NULL)->rows_count, 2);
    const char *seq = cell_of(f, when_asked(f, "01F", "parked list", NULL), 0, "seq");
    expect_error(when_asked(f, "02E", "parked show", "seq", seq, NULL), "NOT_FOUND");
}

static void a_long_list_of_them_comes_in_pages(void **state)
{
    struct fixture *f = *state;
    given_three(f);

    const struct reply *reply = when_asked(f, "OPS", "parked list", "rows_max", "2", NULL);
    assert_int_equal(reply->rows_count, 2);
    reply = when_asked(f, "OPS", "parked list", "rows_max", "2", NULL);
    assert_int_equal(reply->rows_count, 1);
    expect_cell(f, reply, 0, "reference", "p");
    assert_int_equal(reply->resume.len, 0);
}

/* ---- retried ---- */

static void a_retried_event_is_tried_from_the_beginning(void **state)
{
    struct fixture *f = *state;
    struct event event = given_parked(f, needs_assessed("02E", "a"), "no memory");
    struct event behind = when_sent(f, note("02E", "a"));
    const char *seq = cell_of(f, when_asked(f, "OPS", "parked list", NULL), 0, "seq");

    const struct reply *reply =
        when_asked(f, "OPS", "parked retry", "seq", seq, "reason", "more memory", NULL);

    expect_error(reply, "(none)");
    assert_int_equal(reply->rows_count, 1);
    expect_cell(f, reply, 0, "of_seq", seq);
    struct entry entry = last_entry(f);
    assert_int_equal(entry.kind, ENTRY_RETRIED);
    assert_memory_equal(entry.order_reason.bytes, "more memory", 11);
    EXPECT_NAMES("by", entry.by.text, "OPS");
    assert_int_equal(f->assignments_count, 1);
    assert_int_equal(f->assignments[0].assignment.attempt, 1);
    when_all_is_found_good(f);
    expect_verdict(f, event, VERDICT_ACCEPTED, REASON_COUNT);
    expect_verdict(f, behind, VERDICT_ACCEPTED, REASON_COUNT);
    assert_int_equal(when_asked(f, "OPS", "parked list", NULL)->rows_count, 0);
}

static void a_retry_that_fails_parks_again_and_holds_over_a_restart(void **state)
{
    struct fixture *f = *state;
    struct event event = given_parked(f, needs_assessed("02E", "a"), "no memory");
    when_asked(f, "OPS", "parked retry", NULL);
    when_restarted(f, true);
    when_worker_of_all_joins(f, WORKER, 8);
    turns_until_quiet(f);
    assert_int_equal(f->assignments_count, 1);
    when_worker_fails(f, 0, "still none");

    const struct reply *reply = when_asked(f, "OPS", "parked list", NULL);

    expect_cell(f, reply, 0, "event_id", id_text(f, event.id));
    expect_cell(f, reply, 0, "error", "still none");
    expect_cell(f, reply, 0, "attempts", "1");
}

static void only_those_that_fit_are_retried(void **state)
{
    struct fixture *f = *state;
    given_three(f);

    const struct reply *reply = when_asked(f, "OPS", "parked retry", "error", "no memory", NULL);

    assert_int_equal(reply->rows_count, 2);
    assert_int_equal(f->assignments_count, 2);
    reply = when_asked(f, "OPS", "parked list", NULL);
    assert_int_equal(reply->rows_count, 1);
    expect_cell(f, reply, 0, "error", "disk is full");
}

static void a_crowd_is_retried_some_a_turn_until_all_are(void **state)
{
    struct fixture *f = *state;
    enum { CROWD = 150 };
    char reference[16];
    for (uint32_t i = 0; i < CROWD; i++) {
        (void)snprintf(reference, sizeof reference, "r%u", i);
        given_parked(f, needs_assessed("02E", reference), "no memory");
    }

    uint32_t done = 0;
    uint32_t turns = 0;
    const struct reply *reply;
    do {
        reply = when_asked(f, "OPS", "parked retry", "rows_max", "256", NULL);
        expect_error(reply, "(none)");
        assert_true(reply->rows_count <= 64);
        done += reply->rows_count;
        turns++;
    } while (reply->resume.len > 0);

    assert_int_equal(done, CROWD);
    assert_int_equal(turns, 3);
    assert_int_equal(f->assignments_count, CROWD);
}

/* ---- discarded ---- */

static void a_discarded_event_is_told_and_those_behind_it_go_on(void **state)
{
    struct fixture *f = *state;
    struct event event = given_parked(f, needs_assessed("02E", "a"), "no memory");
    struct event behind = when_sent(f, needs_assessed("02E", "a"));

    const struct reply *reply =
        when_asked(f, "OPS", "parked discard", "lead", "02E", "reference", "a", "event_id",
                   id_text(f, event.id), "reason", "a test that went wrong", NULL);

    expect_error(reply, "(none)");
    expect_verdict(f, event, VERDICT_WITHDRAWN, REASON_DISCARDED);
    const struct out_answer *told = answer_to(f, event.id, ANSWER_VERDICT);
    assert_string_equal(told->reason.text, "a test that went wrong");
    struct entry entry = entry_at(f, told->answer.verdict_seq);
    assert_int_equal(entry.kind, ENTRY_EVENT_WITHDRAWN);
    assert_true(entry.discarded);
    when_all_is_found_good(f);
    expect_verdict(f, behind, VERDICT_ACCEPTED, REASON_COUNT);
    assert_int_equal(when_asked(f, "OPS", "parked list", NULL)->rows_count, 0);
}

static void its_sender_withdraws_a_parked_event(void **state)
{
    struct fixture *f = *state;
    struct event event = given_parked(f, needs_assessed("02E", "a"), "no memory");

    const struct reply *reply =
        when_asked(f, "02E", "event withdraw", "lead", "02E", "reference", "a", "event_id",
                   id_text(f, event.id), "reason", "not needed", NULL);

    expect_cell(f, reply, 0, "was", "parked");
    expect_verdict(f, event, VERDICT_WITHDRAWN, REASON_WITHDRAWN);
    struct broker_counts counts;
    broker_count(f->broker, &counts);
    assert_int_equal(counts.parked, 0);
}

static void a_dry_run_lists_them_and_changes_nothing(void **state)
{
    struct fixture *f = *state;
    given_three(f);
    uint64_t before = store_durable_seq(f->store);

    const struct reply *reply =
        when_asked(f, "OPS", "parked discard", "reason", "x", "dry_run", "true", NULL);
    assert_int_equal(reply->rows_count, 3);
    expect_cell(f, reply, 0, "seq", "");
    reply = when_asked(f, "OPS", "parked retry", "dry_run", "true", NULL);
    assert_int_equal(reply->rows_count, 3);

    assert_int_equal(store_durable_seq(f->store), before);
    assert_int_equal(when_asked(f, "OPS", "parked list", NULL)->rows_count, 3);
}

static void parked_orders_are_operators_and_name_what_is_parked(void **state)
{
    struct fixture *f = *state;
    struct event parked = given_parked(f, needs_assessed("02E", "a"), "no memory");
    struct event ready = when_sent(f, needs_assessed("02E", "b"));
    char seq[24];
    (void)snprintf(seq, sizeof seq, "%llu",
                   (unsigned long long)answer_to(f, ready.id, ANSWER_RECEIPT)->answer.seq);
    uint64_t before = store_durable_seq(f->store);

    expect_error(when_asked(f, "02E", "parked retry", NULL), "SENDER_NOT_AUTHORISED");
    expect_error(when_asked(f, "02E", "parked discard", "reason", "x", NULL),
                 "SENDER_NOT_AUTHORISED");
    expect_error(when_asked(f, "OPS", "parked discard", NULL), "USAGE");
    expect_error(when_asked(f, "OPS", "parked retry", "seq", seq, NULL), "CONFLICT");
    expect_error(when_asked(f, "OPS", "parked discard", "seq", seq, "reason", "x", NULL),
                 "CONFLICT");
    expect_error(when_asked(f, "OPS", "parked retry", "seq", "9999", NULL), "NOT_FOUND");
    expect_error(when_asked(f, "OPS", "parked retry", "event_id", id_text(f, parked.id), NULL),
                 "USAGE");
    assert_int_equal(store_durable_seq(f->store), before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_list_says_what_failed_since_when_and_how_often),
        TEST(a_list_is_narrowed_by_stage_organisation_error_and_age),
        TEST(each_sees_the_parked_events_that_concern_it),
        TEST(a_long_list_of_them_comes_in_pages),
        TEST(a_retried_event_is_tried_from_the_beginning),
        TEST(a_retry_that_fails_parks_again_and_holds_over_a_restart),
        TEST(only_those_that_fit_are_retried),
        TEST(a_crowd_is_retried_some_a_turn_until_all_are),
        TEST(a_discarded_event_is_told_and_those_behind_it_go_on),
        TEST(its_sender_withdraws_a_parked_event),
        TEST(a_dry_run_lists_them_and_changes_nothing),
        TEST(parked_orders_are_operators_and_name_what_is_parked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
