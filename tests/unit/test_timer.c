/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#include "daemon/domain/timer.h"

#define SEQ 4711

static date_t date(const char *text)
{
    date_t day = DATE_NONE;
    bool parsed = date_parse(text, strlen(text), &day);
    assert_true(parsed);
    return day;
}

static int64_t moment(const char *text)
{
    int64_t ms = 0;
    bool parsed = moment_parse(text, strlen(text), &ms);
    assert_true(parsed);
    return ms;
}

/** The timer of @kind that accepting @event at @now sets. due_ms 0: none. */
static struct timer_set set_by(const struct event *event, const char *now, enum timer_kind kind)
{
    struct timer_matter matter = {
        .event = event, .seq = SEQ, .verdict = VERDICT_ACCEPTED, .now_ms = moment(now)};
    struct timer_set timers[TIMERS_MAX];
    uint32_t count = timer_plan(&matter, timers);

    for (uint32_t i = 0; i < count; i++) {
        if (timers[i].kind == kind && timers[i].due_ms != 0)
            return timers[i];
    }
    return (struct timer_set){.kind = kind};
}

static void expect_timer(struct timer_set timer, enum timer_level level, const char *due)
{
    char text[MOMENT_TEXT_SIZE];

    moment_print(timer.due_ms, text);
    assert_string_equal(timer_level_name(timer.level), timer_level_name(level));
    if (timer.due_ms != moment(due))
        fail_msg("due %s, expected %s", text, due);
    assert_int_equal(timer.of_seq, SEQ);
}

static void a_standstill_ends_at_midnight_after_its_last_day(void **state)
{
    static const struct {
        const char *noticed_on;
        const char *over; /* NULL: there is none */
    } cases[] = {
        {"2024-06-03", "2024-06-14T23:00:00Z"}, /* the guidance's own example */
        {"2024-06-07", "2024-06-19T23:00:00Z"}, /* begins on a Saturday */
        {"2024-12-16", "2025-01-01T00:00:00Z"}, /* over Christmas */
        {"2024-03-18", "2024-04-02T23:00:00Z"}, /* over Easter, into summer time */
        {"2024-10-17", "2024-10-31T00:00:00Z"}, /* out of summer time */
        {"2024-02-19", "2024-03-02T00:00:00Z"}, /* over a leap day */
        {"2037-12-16", "2038-01-01T00:00:00Z"}, {"2038-01-06", "2038-01-20T00:00:00Z"},
        {"2024-01-01", "2024-01-13T00:00:00Z"}, /* the first day of the regime */
        {"2023-12-29", "2024-01-09T00:00:00Z"}, /* ten days */
        {"2018-06-01", "2018-06-11T23:00:00Z"}, {"2018-06-06", "2018-06-18T23:00:00Z"},
        {"2016-04-18", "2016-04-28T23:00:00Z"}, {"2016-04-17", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct event event = {.type = EVENT_AWARD_INTENDED,
                              .occurred_on = date(cases[i].noticed_on)};
        struct timer_set timer = set_by(&event, "2016-04-01T12:00:00Z", TIMER_STANDSTILL);
        if (cases[i].over == NULL)
            assert_int_equal(timer.due_ms, 0);
        else
            expect_timer(timer, TIMER_END, cases[i].over);
    }
}

static void bids_that_are_due_are_spoken_of_three_times(void **state)
{
    (void)state;
    struct event event = {.type = EVENT_PROCUREMENT_STARTED};
    event.procurement_started.closes_on = date("2024-10-29");

    struct timer_set timer = set_by(&event, "2024-09-01T12:00:00Z", TIMER_BIDS_DUE);
    expect_timer(timer, TIMER_WARN, "2024-10-22T23:00:00Z"); /* summer still */
    timer = timer_next(&timer);
    expect_timer(timer, TIMER_REMIND, "2024-10-30T00:00:00Z"); /* and not */
    timer = timer_next(&timer);
    expect_timer(timer, TIMER_ESCALATE, "2024-11-27T00:00:00Z");
    assert_int_equal(timer_next(&timer).due_ms, 0);
}

static void a_level_whose_moment_is_over_is_left_out(void **state)
{
    static const struct {
        const char *now;
        enum timer_level level; /* NONE: no timer */
    } cases[] = {
        {"2024-10-22T22:59:59.999Z", TIMER_WARN},
        {"2024-10-22T23:00:00Z", TIMER_REMIND},
        {"2024-10-30T00:00:00Z", TIMER_ESCALATE},
        {"2024-11-27T00:00:00Z", TIMER_LEVEL_NONE},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct event event = {.type = EVENT_PROCUREMENT_STARTED};
        event.procurement_started.closes_on = date("2024-10-29");
        struct timer_set timer = set_by(&event, cases[i].now, TIMER_BIDS_DUE);
        assert_int_equal(timer.level, cases[i].level);
        assert_int_equal(timer.due_ms == 0, cases[i].level == TIMER_LEVEL_NONE);
    }
}

static void what_has_no_day_sets_no_timer(void **state)
{
    (void)state;
    struct event event = {.type = EVENT_PROCUREMENT_STARTED};
    event.procurement_started.closes_on = DATE_NONE;
    assert_int_equal(set_by(&event, "2024-09-01T12:00:00Z", TIMER_BIDS_DUE).due_ms, 0);
    event = (struct event){.type = EVENT_CONTRACT_AWARDED, .award.period = {0, DATE_NONE}};
    assert_int_equal(set_by(&event, "2024-09-01T12:00:00Z", TIMER_REVIEW_DUE).due_ms, 0);
}

static void a_review_is_due_when_the_contract_ends(void **state)
{
    (void)state;
    struct event event = {.type = EVENT_CONTRACT_AWARDED};
    event.award.period = (struct period){date("2037-01-01"), date("2037-12-31")};

    struct timer_set timer = set_by(&event, "2036-12-01T12:00:00Z", TIMER_REVIEW_DUE);
    expect_timer(timer, TIMER_WARN, "2037-10-02T23:00:00Z");
    timer = timer_next(&timer);
    expect_timer(timer, TIMER_REMIND, "2037-12-04T00:00:00Z");
    timer = timer_next(&timer);
    expect_timer(timer, TIMER_ESCALATE, "2038-01-01T00:00:00Z");
    assert_int_equal(timer_next(&timer).due_ms, 0);
}

static void a_held_event_has_ninety_days_and_then_its_wait_is_ended(void **state)
{
    (void)state;
    struct event event = {.type = EVENT_AWARD_INTENDED, .occurred_on = date("2024-06-03")};
    struct timer_matter matter = {.event = &event,
                                  .seq = SEQ,
                                  .verdict = VERDICT_HELD,
                                  .now_ms = moment("2023-12-01T12:00:00Z")};
    struct timer_set timers[TIMERS_MAX];

    assert_int_equal(timer_plan(&matter, timers), 1);
    struct timer_set timer = timers[0];
    assert_int_equal(timer.kind, TIMER_HELD_EXPIRY);
    expect_timer(timer, TIMER_WARN, "2024-02-15T00:00:00Z");
    timer = timer_next(&timer);
    expect_timer(timer, TIMER_ESCALATE, "2024-02-22T00:00:00Z");
    timer = timer_next(&timer);
    expect_timer(timer, TIMER_END, "2024-02-29T00:00:00Z");
    timer = timer_next(&timer);
    expect_timer(timer, TIMER_LEVEL_NONE, "2024-02-29T00:00:00Z");

    matter.suspended = true; /* its clock would stand still */
    assert_int_equal(timer_plan(&matter, timers), 0);
    matter.suspended = false;
    matter.verdict = VERDICT_REJECTED;
    assert_int_equal(timer_plan(&matter, timers), 0);
}

static void each_timer_is_ended_by_what_makes_it_pointless(void **state)
{
    static const struct {
        enum event_type type;
        enum timer_kind kind;
        uint64_t of_seq; /* 0: all of the kind */
    } cases[] = {
        {EVENT_PROCUREMENT_STARTED, TIMER_BIDS_DUE, 0},
        {EVENT_BIDS_EVALUATED, TIMER_BIDS_DUE, 0},
        {EVENT_PROCUREMENT_ABANDONED, TIMER_BIDS_DUE, 0},
        {EVENT_AWARD_INTENDED, TIMER_BIDS_DUE, 0},
        {EVENT_CONTRACT_AWARDED, TIMER_BIDS_DUE, 0},
        {EVENT_CONTRACT_AWARDED, TIMER_STANDSTILL, 17},
        {EVENT_AWARD_WITHDRAWN, TIMER_STANDSTILL, 17},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct event event = {.type = cases[i].type, .occurred_on = date("2018-06-01")};
        struct timer_matter matter = {.event = &event,
                                      .seq = SEQ,
                                      .verdict = VERDICT_ACCEPTED,
                                      .award_seq = 17,
                                      .now_ms = moment("2026-01-01T12:00:00Z")};
        struct timer_set timers[TIMERS_MAX];
        uint32_t count = timer_plan(&matter, timers);
        bool ended = false;
        for (uint32_t t = 0; t < count; t++)
            ended = ended || (timers[t].kind == cases[i].kind && timers[t].due_ms == 0 &&
                              timers[t].of_seq == cases[i].of_seq);
        assert_true(ended);
    }
    struct event event = {.type = EVENT_NOTE};
    struct timer_matter matter = {.event = &event, .seq = SEQ, .verdict = VERDICT_ACCEPTED};
    struct timer_set timers[TIMERS_MAX];
    assert_int_equal(timer_plan(&matter, timers), 0);
}

static void a_shifted_timer_keeps_its_hour_over_the_next_levels(void **state)
{
    (void)state;
    struct timer_set timer = {.kind = TIMER_BIDS_DUE,
                              .of_seq = SEQ,
                              .level = TIMER_WARN,
                              .due_ms = moment("2024-03-28T09:30:00Z")};

    timer = timer_next(&timer);
    expect_timer(timer, TIMER_REMIND, "2024-04-04T08:30:00Z");
}

static void every_level_is_somebodys_business(void **state)
{
    (void)state;
    assert_string_equal(timer_role(TIMER_HELD_EXPIRY, TIMER_WARN), "sender");
    assert_string_equal(timer_role(TIMER_HELD_EXPIRY, TIMER_ESCALATE), "lead");
    assert_string_equal(timer_role(TIMER_BIDS_DUE, TIMER_REMIND), "sender");
    assert_string_equal(timer_role(TIMER_STANDSTILL, TIMER_END), "sender");
    assert_string_equal(timer_role(TIMER_REVIEW_DUE, TIMER_ESCALATE), "lead");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_standstill_ends_at_midnight_after_its_last_day),
        cmocka_unit_test(bids_that_are_due_are_spoken_of_three_times),
        cmocka_unit_test(a_level_whose_moment_is_over_is_left_out),
        cmocka_unit_test(what_has_no_day_sets_no_timer),
        cmocka_unit_test(a_review_is_due_when_the_contract_ends),
        cmocka_unit_test(a_held_event_has_ninety_days_and_then_its_wait_is_ended),
        cmocka_unit_test(each_timer_is_ended_by_what_makes_it_pointless),
        cmocka_unit_test(a_shifted_timer_keeps_its_hour_over_the_next_levels),
        cmocka_unit_test(every_level_is_somebodys_business),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
