/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Money, by seed: whatever awards, withdrawals and allotments arrive in whatever order, no event of a commissioner makes a
 * year's balance negative, and the ledger is the sum of what was accepted.
 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdlib.h>
#include <string.h>

#include "daemon/domain/decide.h"

#define SEEDS 2000
#define STEPS 60
#define YEAR_FIRST 2016
#define YEARS 6
#define AWARDS 4

/* One commissioner with a few workflows of one award each, and a model: what each award holds. */
struct world {
    struct ledger_year years[YEARS];
    struct workflow workflows[AWARDS];
    struct event facts[AWARDS][FACTS_MAX];
    uint64_t fact_seqs[AWARDS][FACTS_MAX];
    uint32_t facts_count[AWARDS];
    int64_t reserved[AWARDS];
    int64_t committed[AWARDS];
    struct decision decision;
};

static void start(struct world *w)
{
    memset(w, 0, sizeof *w);
    for (int i = 0; i < YEARS; i++)
        w->years[i] = (struct ledger_year){.ods = {"02E"}, .year = YEAR_FIRST + i};
    for (int i = 0; i < AWARDS; i++)
        w->workflows[i] = (struct workflow){.number = 1,
                                            .last_seq = 1,
                                            .lead = {"02E"},
                                            .present_lead = {"02E"},
                                            .reference = {"r"},
                                            .phase = PHASE_OPEN,
                                            .stage = STAGE_CONTRACT_AWARD};
}

static struct circumstances around(struct world *w, int at, struct organisation *organisation)
{
    *organisation = (struct organisation){
        .known = true, .ods = {"02E"}, .kind = ORGANISATION_CCG, .opened_on = date_of(2013, 4, 1)};
    organisation->closed_on = DATE_NONE;
    return (struct circumstances){.workflow = w->workflows[at],
                                  .commissioner = *organisation,
                                  .years = w->years,
                                  .years_count = YEARS,
                                  .facts = w->facts[at],
                                  .fact_seqs = w->fact_seqs[at],
                                  .facts_count = w->facts_count[at],
                                  .today = date_of(2030, 1, 1)};
}

static struct event award_event(enum event_type type)
{
    date_t from = date_of(YEAR_FIRST, 4, 1) + rand() % (365 * (YEARS - 3));
    struct event event = {.type = type,
                          .lead = {"02E"},
                          .reference = {"r"},
                          .sender = {"02E"},
                          .occurred_on = date_of(2018, 6, 1)};
    event.award = (struct award){.award_id = {(const uint8_t *)"a", 1},
                                 .value_pence = rand() % 100000,
                                 .period = {from, from + rand() % (365 * 2)}};
    return event;
}

static void apply(struct world *w, int at, const struct event *event)
{
    const struct decision *d = &w->decision;
    for (uint32_t i = 0; i < d->lines_count; i++) {
        const struct ledger_line *line = &d->lines[i];
        ledger_add(&w->years[line->year - YEAR_FIRST], line);
        if (line->kind == LEDGER_RESERVATION)
            w->reserved[at] += line->pence;
        if (line->kind == LEDGER_COMMITMENT)
            w->committed[at] += line->pence;
    }
    if (d->verdict != VERDICT_ACCEPTED)
        return;
    w->workflows[at].stage = d->stage;
    w->facts[at][w->facts_count[at]++] = *event;
}

static void award_step(struct world *w)
{
    static const enum event_type types[] = {EVENT_AWARD_INTENDED, EVENT_CONTRACT_AWARDED,
                                            EVENT_AWARD_WITHDRAWN};
    int at = rand() % AWARDS;
    struct event event = award_event(types[rand() % 3]);
    if (event.type == EVENT_AWARD_WITHDRAWN)
        event.award_withdrawn =
            (struct award_withdrawn){.award_id = {(const uint8_t *)"a", 1}, .reason = {0}};
    struct organisation organisation;
    struct circumstances circumstances = around(w, at, &organisation);
    int64_t left[YEARS];
    for (int i = 0; i < YEARS; i++)
        left[i] = ledger_left_pence(&w->years[i]);

    decide_verdict(&event, &circumstances, NULL, 0, &w->decision);
    apply(w, at, &event);

    /* A year that has its allotment may be overdrawn by a lower allotment before, never by this event. */
    for (int i = 0; i < YEARS; i++) {
        int64_t now = ledger_left_pence(&w->years[i]);
        if (w->years[i].allotted)
            assert_true(now >= 0 || now >= left[i]);
    }
    if (w->decision.verdict == VERDICT_ACCEPTED && event.type != EVENT_AWARD_WITHDRAWN)
        assert_true((event.type == EVENT_AWARD_INTENDED ? w->reserved[at] : w->committed[at]) ==
                    event.award.value_pence);
    if (w->decision.verdict == VERDICT_ACCEPTED && event.type != EVENT_AWARD_INTENDED)
        assert_true(w->reserved[at] == 0);
}

static void allotment_step(struct world *w)
{
    struct event event = {.type = EVENT_ALLOTMENT_SET,
                          .organisation = {"02E"},
                          .sender = {"X24"},
                          .occurred_on = date_of(2018, 6, 1)};
    event.allotment_set =
        (struct allotment_set){.year = YEAR_FIRST + rand() % YEARS, .core_pence = rand() % 300000};
    struct principal principal = {.organisation = {"X24"}, .kind = ORGANISATION_NHSE};
    struct organisation organisation;
    struct circumstances circumstances = around(w, 0, &organisation);

    decide_register(&event, &principal, &circumstances, &w->decision);
    assert_int_equal(w->decision.verdict, VERDICT_ACCEPTED);
    struct ledger_year *year = &w->years[event.allotment_set.year - YEAR_FIRST];
    ledger_add(year, &w->decision.lines[0]);
    assert_true(year->allotted);
    assert_true(year->allotment_pence == event.allotment_set.core_pence);
    assert_true(reasons_have(&w->decision.reasons, REASON_OVERCOMMITTED) ==
                (ledger_left_pence(year) < 0));
}

static void the_ledger_is_the_sum_of_what_was_accepted(void **state)
{
    (void)state;
    static struct world w;
    uint32_t accepted = 0;
    for (unsigned seed = 1; seed <= SEEDS; seed++) {
        srand(seed);
        start(&w);
        for (int step = 0; step < STEPS; step++) {
            if (rand() % 4 == 0)
                allotment_step(&w);
            else
                award_step(&w);
            accepted += w.decision.verdict == VERDICT_ACCEPTED;

            int64_t years = 0;
            int64_t awards = 0;
            for (int i = 0; i < YEARS; i++) {
                years += w.years[i].reserved_pence + w.years[i].committed_pence;
                assert_true(w.years[i].reserved_pence >= 0);
                assert_true(w.years[i].committed_pence >= 0);
                assert_true(w.years[i].uncovered_pence >= 0);
                assert_true(!w.years[i].allotted || w.years[i].uncovered_pence == 0);
            }
            for (int i = 0; i < AWARDS; i++)
                awards += w.reserved[i] + w.committed[i];
            if (years != awards)
                fail_msg("seed %u step %d: the years hold %lld, the awards %lld", seed, step,
                         (long long)years, (long long)awards);
        }
    }
    assert_true(accepted > SEEDS * 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ledger_is_the_sum_of_what_was_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
