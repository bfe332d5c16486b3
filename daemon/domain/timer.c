/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/domain/timer.h"

#define STEPS_MAX 4

/* A level, due so many days after the timer's day (negative: before). */
struct step {
    enum timer_level level;
    int32_t days;
    const char *role;
};

/* clang-format off */
/* kind: the timer's day; set by; ended by. A level NONE after END: what END says takes effect. */
static const struct row {
    enum timer_kind kind;
    struct step steps[STEPS_MAX];
    uint32_t steps_count;
} table[] = {
    /* the 90th day after the verdict HELD; ended with the wait, or with the event */
    {TIMER_HELD_EXPIRY, {{TIMER_WARN, -14, "sender"}, {TIMER_ESCALATE, -7, "lead"}, {TIMER_END, 0, "lead"},
                         {TIMER_LEVEL_NONE, 0, "lead"}}, 4},
    /* the day after PROCUREMENT_STARTED.closes_on; BIDS_EVALUATED, PROCUREMENT_ABANDONED, an award (adopted), another PROCUREMENT_STARTED */
    {TIMER_BIDS_DUE,    {{TIMER_WARN, -7, "sender"}, {TIMER_REMIND, 0, "sender"}, {TIMER_ESCALATE, 28, "lead"}}, 3},
    /* the day after the standstill of AWARD_INTENDED; CONTRACT_AWARDED, AWARD_WITHDRAWN of the same award */
    {TIMER_STANDSTILL,  {{TIMER_END, 0, "sender"}}, 1},
    /* the day after CONTRACT_AWARDED.period_to; REVIEW_COMPLETED, which completes the workflow */
    {TIMER_REVIEW_DUE,  {{TIMER_WARN, -90, "lead"}, {TIMER_REMIND, -28, "lead"}, {TIMER_ESCALATE, 0, "lead"}}, 3},
};

/*
 * The standstill, by the day of the intention notice. From 2024: SI 2023/1348 reg. 12, it begins the day after and ends with the 8th working
 * day after the day it begins. From 2016: SI 2015/102 reg. 87(2), ten days, ending on a working day. Before that there was none for
 * services of this kind.
 */
#define STANDSTILL_PSR_FROM date_of(2024, 1, 1)
#define STANDSTILL_PCR_FROM date_of(2016, 4, 18)
/* clang-format on */

static const struct row *row_of(enum timer_kind kind)
{
    const struct row *found = NULL;

    for (uint32_t i = 0; i < ARRAY_LEN(table); i++) {
        if (table[i].kind == kind)
            found = &table[i];
    }
    CHECK(found != NULL);
    return found;
}

/** The first day after the standstill; DATE_NONE: there is none. */
static date_t standstill_over_on(date_t noticed_on)
{
    if (noticed_on >= STANDSTILL_PSR_FROM)
        return date_working_after(noticed_on + 1, 8) + 1;
    if (noticed_on < STANDSTILL_PCR_FROM)
        return DATE_NONE;
    date_t last = noticed_on + 10;
    return (date_is_working(last) ? last : date_working_after(last, 1)) + 1;
}

/** The plan being made. */
struct plan {
    const struct timer_matter *matter;
    struct timer_set *timers;
    uint32_t count;
};

static void add(struct plan *plan, struct timer_set timer)
{
    CHECK(plan->count < TIMERS_MAX);
    plan->timers[plan->count++] = timer;
}

static void end(struct plan *plan, enum timer_kind kind, uint64_t of_seq)
{
    add(plan, (struct timer_set){.kind = kind, .of_seq = of_seq, .level = TIMER_END});
}

/** Set the timer to the first of its levels that is still to come; the last one counts from @day. */
static void set(struct plan *plan, enum timer_kind kind, date_t day)
{
    const struct row *row = row_of(kind);

    if (day == DATE_NONE)
        return;
    for (uint32_t i = 0; i < row->steps_count; i++) {
        int64_t due_ms = date_begins_ms(day + row->steps[i].days);
        if (due_ms <= plan->matter->now_ms)
            continue;
        add(plan, (struct timer_set){.kind = kind,
                                     .of_seq = plan->matter->seq,
                                     .level = row->steps[i].level,
                                     .due_ms = due_ms});
        return;
    }
}

static date_t day_after(date_t day)
{
    return day == DATE_NONE ? DATE_NONE : day + 1;
}

static void plan_accepted(struct plan *plan)
{
    const struct event *event = plan->matter->event;

    /* The others set and end nothing, so that they are not listed. */
    switch ((int)event->type) {
    case EVENT_PROCUREMENT_STARTED:
        end(plan, TIMER_BIDS_DUE, 0);
        set(plan, TIMER_BIDS_DUE, day_after(event->procurement_started.closes_on));
        break;
    case EVENT_BIDS_EVALUATED:
    case EVENT_PROCUREMENT_ABANDONED:
        end(plan, TIMER_BIDS_DUE, 0);
        break;
    case EVENT_AWARD_INTENDED:
        end(plan, TIMER_BIDS_DUE, 0);
        set(plan, TIMER_STANDSTILL, standstill_over_on(event->occurred_on));
        break;
    case EVENT_CONTRACT_AWARDED:
        end(plan, TIMER_BIDS_DUE, 0);
        if (plan->matter->award_seq != 0)
            end(plan, TIMER_STANDSTILL, plan->matter->award_seq);
        set(plan, TIMER_REVIEW_DUE, day_after(event->award.period.to));
        break;
    case EVENT_AWARD_WITHDRAWN:
        if (plan->matter->award_seq != 0)
            end(plan, TIMER_STANDSTILL, plan->matter->award_seq);
        break;
    default:
        break;
    }
}

uint32_t timer_plan(const struct timer_matter *matter, struct timer_set ret[TIMERS_MAX])
{
    struct plan plan = {.matter = matter, .timers = ret};

    if (matter->verdict == VERDICT_ACCEPTED)
        plan_accepted(&plan);
    else if (matter->verdict == VERDICT_HELD && !matter->suspended)
        set(&plan, TIMER_HELD_EXPIRY, date_at(matter->now_ms) + HELD_DAYS);
    return plan.count;
}

struct timer_set timer_next(const struct timer_set *timer)
{
    const struct row *row = row_of(timer->kind);
    struct timer_set next = {.kind = timer->kind, .of_seq = timer->of_seq};

    for (uint32_t i = 0; i + 1 < row->steps_count; i++) {
        if (row->steps[i].level != timer->level)
            continue;
        /* A timer that was shifted has its moment within a day: that stays. */
        date_t day = date_at(timer->due_ms);
        int64_t within_ms = timer->due_ms - date_begins_ms(day);
        next.level = row->steps[i + 1].level;
        next.due_ms = date_begins_ms(day + row->steps[i + 1].days - row->steps[i].days) + within_ms;
    }
    return next;
}

const char *timer_role(enum timer_kind kind, enum timer_level level)
{
    const struct row *row = row_of(kind);
    const char *role = NULL;

    for (uint32_t i = 0; i < row->steps_count; i++) {
        if (row->steps[i].level == level)
            role = row->steps[i].role;
    }
    CHECK(role != NULL);
    return role;
}
