/* SPDX-License-Identifier: Apache-2.0 */
/* Durable timers through the whole broker: over days, restarts, clocks that are set, suspensions. */
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

#define HOUR_MS ((int64_t)60 * 60 * 1000)
#define DAY_MS (24 * HOUR_MS)

static int64_t moment(const char *text)
{
    int64_t ms = 0;
    bool parsed = moment_parse(text, strlen(text), &ms);
    assert_true(parsed);
    return ms;
}

/** TIMER_FIRED entries of @kind at @level in the journal. */
static uint32_t fired(struct fixture *f, enum timer_kind kind, enum timer_level level)
{
    uint32_t count = 0;
    for (uint64_t seq = 1; seq <= store_durable_seq(f->store); seq++) {
        struct entry entry = entry_at(f, seq);
        count += entry.kind == ENTRY_TIMER_FIRED && entry.timer.kind == kind &&
                 entry.timer.level == level;
    }
    return count;
}

static uint32_t timers_running(struct fixture *f)
{
    struct timer_row row = {.timer.due_ms = INT64_MIN};
    uint32_t count = 0;
    while (store_next_timer_due(f->store, &row))
        count++;
    return count;
}

/** The clock shows @text, and all that is due then is done. */
static void when_it_is(struct fixture *f, const char *text)
{
    when_time_passes(f, moment(text) - f->now.wall_ms);
    turns_until_quiet(f);
}

static void when_the_clock_is_set(struct fixture *f, int64_t ms)
{
    f->now.wall_ms += ms;
    turns_until_quiet(f);
}

static struct event when_judged(struct fixture *f, struct event event)
{
    when_worker_of_all_joins(f, WORKER, 64);
    struct event sent = when_sent(f, event);
    when_all_is_found_good(f);
    return sent;
}

/** A procurement of 02E's, bids until 2018-07-31: warned of on 25 July, reminded on 1 August, escalated on 29 August. */
static void given_procurement(struct fixture *f)
{
    struct event start = procurement_started("02E", "a");
    start.procurement_started.closes_on = date_of(2018, 7, 31);
    when_worker_of_all_joins(f, WORKER, 64);
    given_workflow_in(f, "02E", "a", STAGE_PROCUREMENT);
    when_judged(f, start);
    assert_int_equal(timers_running(f), 1);
}

static void each_level_is_fired_once_at_its_moment(void **state)
{
    struct fixture *f = *state;
    given_procurement(f);

    when_it_is(f, "2018-07-24T22:59:59.999Z");
    assert_int_equal(fired(f, TIMER_BIDS_DUE, TIMER_WARN), 0);
    when_it_is(f, "2018-07-24T23:00:00Z");
    assert_int_equal(fired(f, TIMER_BIDS_DUE, TIMER_WARN), 1);
    struct entry entry = last_entry(f);
    assert_int_equal(entry.kind, ENTRY_TIMER_FIRED);
    assert_int_equal(entry.timer.due_ms, moment("2018-07-24T23:00:00Z"));
    assert_int_equal(entry.next_level, TIMER_REMIND);
    assert_int_equal(entry.next_due_ms, moment("2018-07-31T23:00:00Z"));
    assert_int_equal(entry.audience_count, 1);
    assert_string_equal(entry.audience[0].text, "02E");
    assert_int_equal(entry.role.len, strlen("sender"));

    when_it_is(f, "2018-12-01T00:00:00Z");
    assert_int_equal(fired(f, TIMER_BIDS_DUE, TIMER_WARN), 1);
    assert_int_equal(fired(f, TIMER_BIDS_DUE, TIMER_REMIND), 1);
    assert_int_equal(fired(f, TIMER_BIDS_DUE, TIMER_ESCALATE), 1);
    assert_int_equal(timers_running(f), 0);
}

static void what_was_due_while_the_daemon_was_down_is_fired_at_start(void **state)
{
    struct fixture *f = *state;
    given_procurement(f);

    when_time_passes(f, 35 * DAY_MS);
    when_restarted(f, true);
    turns_until_quiet(f);
    when_restarted(f, true);
    turns_until_quiet(f);

    assert_int_equal(fired(f, TIMER_BIDS_DUE, TIMER_WARN), 1);
    assert_int_equal(fired(f, TIMER_BIDS_DUE, TIMER_REMIND), 1);
    assert_int_equal(fired(f, TIMER_BIDS_DUE, TIMER_ESCALATE), 0);
}

static void killed_before_its_entry_is_durable_a_timer_is_fired_again_and_told_once(void **state)
{
    struct fixture *f = *state;
    given_procurement(f);
    when_time_passes(f, 25 * DAY_MS);

    broker_begin(f->broker, f->now);
    broker_tick(f->broker);
    when_restarted(f, true);
    assert_int_equal(fired(f, TIMER_BIDS_DUE, TIMER_WARN), 0);

    turns_until_quiet(f);
    assert_int_equal(fired(f, TIMER_BIDS_DUE, TIMER_WARN), 1);
}

static void a_clock_that_is_set_by_an_hour_fires_nothing_twice_and_loses_nothing(void **state)
{
    struct fixture *f = *state;
    given_procurement(f);

    when_it_is(f, "2018-07-24T23:00:30Z");
    when_the_clock_is_set(f, -HOUR_MS);
    when_time_passes(f, 2 * HOUR_MS);
    turns_until_quiet(f);
    assert_int_equal(fired(f, TIMER_BIDS_DUE, TIMER_WARN), 1);

    when_it_is(f, "2018-07-31T22:30:00Z");
    assert_int_equal(fired(f, TIMER_BIDS_DUE, TIMER_REMIND), 0);
    when_the_clock_is_set(f, HOUR_MS);
    assert_int_equal(fired(f, TIMER_BIDS_DUE, TIMER_REMIND), 1);
    when_the_clock_is_set(f, -HOUR_MS);
    when_restarted(f, true);
    when_time_passes(f, 3 * HOUR_MS);
    turns_until_quiet(f);
    assert_int_equal(fired(f, TIMER_BIDS_DUE, TIMER_REMIND), 1);
}

static void the_loop_looks_at_the_clock_again_within_a_minute(void **state)
{
    struct fixture *f = *state;
    given_procurement(f);
    turns_until_quiet(f);

    int64_t wait_ms = broker_due_ms(f->broker) - f->now.mono_ms;
    assert_true(wait_ms > 0);
    assert_true(wait_ms <= 60000);
}

static void what_ends_a_timer_leaves_no_row_of_it(void **state)
{
    struct fixture *f = *state;
    given_procurement(f);

    when_judged(f, bids_evaluated("02E", "a"));
    assert_int_equal(timers_running(f), 0);
    struct event intended = award_intended("02E", "a", "x", 1000);
    intended.occurred_on = date_of(2018, 7, 2); /* until 12 July */
    when_judged(f, intended);
    assert_int_equal(timers_running(f), 1);
    intended.award.award_id = slice_of("y");
    when_judged(f, intended);
    assert_int_equal(timers_running(f), 2);
    struct event awarded = contract_awarded("02E", "a", "x", 1000);
    awarded.occurred_on = date_of(2018, 7, 2);
    when_judged(f, awarded);
    assert_int_equal(timers_running(f), 2); /* the other's standstill, the review */
    when_it_is(f, "2018-07-12T23:00:00Z");
    assert_int_equal(fired(f, TIMER_STANDSTILL, TIMER_END), 1);
    when_judged(f, review_completed("02E", "a"));
    assert_int_equal(timers_running(f), 0);
    when_it_is(f, "2020-01-01T00:00:00Z");
    assert_int_equal(fired(f, TIMER_REVIEW_DUE, TIMER_WARN), 0);
}

static void a_new_closing_day_takes_the_place_of_the_old_one(void **state)
{
    struct fixture *f = *state;
    given_procurement(f);

    struct event later = procurement_started("02E", "a");
    later.procurement_started.closes_on = date_of(2018, 9, 30);
    when_judged(f, later);

    assert_int_equal(timers_running(f), 1);
    when_it_is(f, "2018-09-01T12:00:00Z");
    assert_int_equal(fired(f, TIMER_BIDS_DUE, TIMER_WARN), 0);
    when_it_is(f, "2018-09-23T23:00:00Z");
    assert_int_equal(fired(f, TIMER_BIDS_DUE, TIMER_WARN), 1);
}

static void a_suspended_workflows_clocks_stand_still_and_go_on_so_much_later(void **state)
{
    struct fixture *f = *state;
    given_procurement(f);
    when_it_is(f, "2018-07-10T12:00:00Z");
    when_judged(f, suspended("02E", "a"));
    assert_int_equal(timers_running(f), 0);

    when_it_is(f, "2018-10-10T12:00:00Z");
    assert_int_equal(fired(f, TIMER_BIDS_DUE, TIMER_WARN), 0);
    when_restarted(f, true);
    when_judged(f, resumed("02E", "a"));
    assert_int_equal(timers_running(f), 1);

    /* 92 days: due on 24 July at 23:00, now on 24 October. */
    when_it_is(f, "2018-10-24T22:59:59Z");
    assert_int_equal(fired(f, TIMER_BIDS_DUE, TIMER_WARN), 0);
    when_it_is(f, "2018-10-24T23:00:00Z");
    assert_int_equal(fired(f, TIMER_BIDS_DUE, TIMER_WARN), 1);
}

static void given_up_a_workflow_has_no_timer_any_more(void **state)
{
    struct fixture *f = *state;
    given_procurement(f);
    when_judged(f, suspended("02E", "a"));

    when_judged(f, withdrawn("02E", "a"));

    struct timer_row row;
    struct event named = note("02E", "a");
    struct workflow workflow;
    assert_true(store_find_workflow(f->store, named.lead, &named.reference, &workflow));
    assert_false(
        store_next_timer(f->store, workflow.number, &(struct timer_set){.of_seq = 0}, &row));
    assert_int_equal(timers_running(f), 0);
}

/** An award in a year without an allotment: held on 2 July, until the beginning of 30 September 2018. */
static struct event given_held(struct fixture *f)
{
    when_worker_of_all_joins(f, WORKER, 64);
    given_workflow_in(f, "02E", "a", STAGE_CONTRACT_AWARD);
    struct event intended = award_intended("02E", "a", "x", 1000);
    intended.award.period = (struct period){date_of(2019, 7, 1), date_of(2020, 3, 31)};
    struct event held = when_judged(f, intended);
    expect_verdict(f, held, VERDICT_HELD, REASON_NO_ALLOTMENT);
    assert_int_equal(timers_running(f), 1);
    return held;
}

static void a_held_event_expires_with_an_escalation_and_is_rejected(void **state)
{
    struct fixture *f = *state;
    struct event held = given_held(f);

    when_it_is(f, "2018-09-15T23:00:00Z");
    assert_int_equal(fired(f, TIMER_HELD_EXPIRY, TIMER_WARN), 1);
    when_it_is(f, "2018-09-29T22:59:00Z");
    assert_int_equal(fired(f, TIMER_HELD_EXPIRY, TIMER_ESCALATE), 1);
    expect_verdict(f, held, VERDICT_HELD, REASON_NO_ALLOTMENT);

    when_it_is(f, "2018-09-29T23:00:00Z");
    assert_int_equal(fired(f, TIMER_HELD_EXPIRY, TIMER_END), 1);
    expect_verdict(f, held, VERDICT_REJECTED, REASON_HELD_EXPIRED);
    struct entry judged = last_entry(f);
    assert_int_equal(judged.kind, ENTRY_JUDGED);
    struct entry ended = entry_at(f, judged.seq - 1);
    assert_int_equal(ended.kind, ENTRY_WAIT_ENDED);
    assert_true(ended.expired);
    assert_int_equal(timers_running(f), 0);
    assert_int_equal(docket_count(f->broker->docket), 0);
}

static void what_comes_in_time_ends_the_expiry(void **state)
{
    struct fixture *f = *state;
    struct event held = given_held(f);
    when_it_is(f, "2018-09-20T12:00:00Z");

    when_sent(f, allotment_set("02E", 2019, 100000));
    turns_until_quiet(f);
    when_worker_of_all_joins(f, WORKER, 64);
    when_all_is_found_good(f);

    expect_verdict(f, held, VERDICT_ACCEPTED, REASON_COUNT);
    when_it_is(f, "2019-01-01T12:00:00Z");
    assert_int_equal(fired(f, TIMER_HELD_EXPIRY, TIMER_END), 0);
}

static void expired_over_a_restart_it_is_rejected_all_the_same(void **state)
{
    struct fixture *f = *state;
    struct event held = given_held(f);
    when_time_passes(f, 100 * DAY_MS);

    /* Killed right after the entries became durable, before the event's turn was over. */
    broker_begin(f->broker, f->now);
    when_restarted(f, true);
    turns_until_quiet(f);

    assert_int_equal(fired(f, TIMER_HELD_EXPIRY, TIMER_WARN), 1);
    assert_int_equal(fired(f, TIMER_HELD_EXPIRY, TIMER_ESCALATE), 1);
    assert_int_equal(fired(f, TIMER_HELD_EXPIRY, TIMER_END), 1);
    turn_opens(f);
    hand_in(f, CLIENT, &held);
    turn_closes(f);
    expect_verdict(f, held, VERDICT_REJECTED, REASON_HELD_EXPIRED);
}

static void more_timers_than_a_turn_fires_go_on_in_the_next(void **state)
{
    struct fixture *f = *state;
    uint32_t count = 300;
    when_worker_of_all_joins(f, WORKER, 64);
    for (uint32_t i = 0; i < count; i++) {
        char reference[16];
        (void)snprintf(reference, sizeof reference, "w%u", i);
        when_judged(f, adopted("02E", reference, STAGE_PROCUREMENT));
        struct event start = procurement_started("02E", reference);
        start.procurement_started.closes_on = date_of(2018, 7, 31);
        when_judged(f, start);
    }
    f->answers_count = 0;
    when_time_passes(f, 25 * DAY_MS);

    a_turn(f);
    assert_int_equal(fired(f, TIMER_BIDS_DUE, TIMER_WARN), 256);
    assert_true(broker_due_ms(f->broker) <= f->now.mono_ms);
    turns_until_quiet(f);
    assert_int_equal(fired(f, TIMER_BIDS_DUE, TIMER_WARN), count);
}

static void what_is_due_is_listed_the_soonest_first_to_those_whom_it_concerns(void **state)
{
    struct fixture *f = *state;
    given_procurement(f);
    when_judged(f, adopted("02E", "b", STAGE_PROCUREMENT));
    struct event start = procurement_started("02E", "b");
    start.procurement_started.closes_on = date_of(2018, 7, 20);
    when_judged(f, start);

    const struct reply *reply = when_asked(f, "02E", "timer list", NULL);
    assert_int_equal(reply->error.len, 0);
    assert_int_equal(reply->rows_count, 2);
    assert_string_equal(cell_of(f, reply, 0, "reference"), "b");
    assert_string_equal(cell_of(f, reply, 0, "due_at"), "2018-07-13T23:00:00.000Z");
    assert_string_equal(cell_of(f, reply, 0, "timer"), "BIDS_DUE");
    assert_string_equal(cell_of(f, reply, 0, "level"), "WARN");
    assert_string_equal(cell_of(f, reply, 0, "role"), "sender");
    assert_string_equal(cell_of(f, reply, 1, "reference"), "a");
    reply = when_asked(f, "02E", "timer list", "until", "2018-07-14", NULL);
    assert_int_equal(reply->rows_count, 1);
    reply = when_asked(f, "02E", "timer list", "until", "2018-07-13", NULL);
    assert_int_equal(reply->rows_count, 0);
    reply = when_asked(f, "02E", "timer list", "lead", "02E", "reference", "a", NULL);
    assert_int_equal(reply->rows_count, 1);
    reply = when_asked(f, "X24", "timer list", "organisation", "01F", NULL);
    assert_int_equal(reply->rows_count, 0);
    reply = when_asked(f, "01F", "timer list", NULL);
    assert_int_equal(reply->rows_count, 0);
    reply = when_asked(f, "01F", "timer list", "lead", "02E", "reference", "a", NULL);
    assert_int_equal(reply->rows_count, 0);
    assert_true(reply->error.len > 0);
    reply = when_asked(f, "02E", "timer list", "lead", "02E", NULL);
    assert_true(reply->error.len > 0);
}

static void a_workflow_shows_its_next_timer_and_its_history_what_fired(void **state)
{
    struct fixture *f = *state;
    given_procurement(f);

    const struct reply *reply =
        when_asked(f, "02E", "workflow show", "lead", "02E", "reference", "a", NULL);
    assert_string_equal(cell_of(f, reply, 0, "timer"), "BIDS_DUE WARN");
    assert_string_equal(cell_of(f, reply, 0, "timer_at"), "2018-07-24T23:00:00.000Z");
    when_it_is(f, "2018-07-25T00:00:00Z");
    reply = when_asked(f, "02E", "workflow history", "lead", "02E", "reference", "a", NULL);
    assert_string_equal(cell_of(f, reply, reply->rows_count - 1, "kind"), "TIMER_FIRED");
    assert_string_equal(cell_of(f, reply, reply->rows_count - 1, "reasons"),
                        "BIDS_DUE WARN, for the sender");

    when_judged(f, suspended("02E", "a"));
    reply = when_asked(f, "02E", "timer list", NULL);
    assert_int_equal(reply->rows_count, 0);
    reply = when_asked(f, "02E", "timer list", "lead", "02E", "reference", "a", NULL);
    assert_string_equal(cell_of(f, reply, 0, "state"), "suspended");
    when_judged(f, withdrawn("02E", "a"));
    reply = when_asked(f, "02E", "workflow show", "lead", "02E", "reference", "a", NULL);
    assert_string_equal(cell_of(f, reply, 0, "timer"), "");
}

static void a_retry_is_due_over_a_restart_whatever_the_clock_says_then(void **state)
{
    struct fixture *f = *state;
    static const int64_t steps_ms[] = {0, HOUR_MS, -HOUR_MS};

    for (size_t i = 0; i < ARRAY_LEN(steps_ms); i++) {
        char reference[16];
        (void)snprintf(reference, sizeof reference, "r%zu", i);
        when_worker_of_all_joins(f, WORKER, 64);
        struct event event = when_sent(f, needs_assessed("02E", reference));
        when_worker_fails(f, assignment_of(f, event.id), "could not");

        when_restarted(f, true);
        f->now.wall_ms += steps_ms[i];
        when_time_passes(f, 60000); /* the longest backoff */
        when_worker_of_all_joins(f, WORKER, 64);
        turns_until_quiet(f);
        when_all_is_found_good(f);

        turn_opens(f);
        hand_in(f, CLIENT, &event);
        turn_closes(f);
        expect_verdict(f, event, VERDICT_ACCEPTED, REASON_COUNT);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup_world, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_level_is_fired_once_at_its_moment),
        TEST(what_was_due_while_the_daemon_was_down_is_fired_at_start),
        TEST(killed_before_its_entry_is_durable_a_timer_is_fired_again_and_told_once),
        TEST(a_clock_that_is_set_by_an_hour_fires_nothing_twice_and_loses_nothing),
        TEST(the_loop_looks_at_the_clock_again_within_a_minute),
        TEST(what_ends_a_timer_leaves_no_row_of_it),
        TEST(a_new_closing_day_takes_the_place_of_the_old_one),
        TEST(a_suspended_workflows_clocks_stand_still_and_go_on_so_much_later),
        TEST(given_up_a_workflow_has_no_timer_any_more),
        TEST(a_held_event_expires_with_an_escalation_and_is_rejected),
        TEST(what_comes_in_time_ends_the_expiry),
        TEST(expired_over_a_restart_it_is_rejected_all_the_same),
        TEST(more_timers_than_a_turn_fires_go_on_in_the_next),
        TEST(what_is_due_is_listed_the_soonest_first_to_those_whom_it_concerns),
        TEST(a_workflow_shows_its_next_timer_and_its_history_what_fired),
        TEST(a_retry_is_due_over_a_restart_whatever_the_clock_says_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
