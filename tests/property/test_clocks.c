/* SPDX-License-Identifier: Apache-2.0 */
/* Seeded walks of timers: days, clocks set forward and back, restarts, kills, suspensions; against a model made of the journal alone. */
/* test_clocks [walks] [first seed]; a failing walk prints its seed. */
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

#define STEPS 80
#define HOUR_MS ((int64_t)60 * 60 * 1000)
#define DAY_MS (24 * HOUR_MS)
#define ENTRIES_MAX 8192
#define TIMERS_SEEN_MAX 1024

static uint32_t walks = 60;
static uint32_t first_seed = 1;

struct walk {
    struct fixture *f;
    uint64_t chance;
};

static uint32_t any(struct walk *w, uint32_t below)
{
    w->chance = w->chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(w->chance >> 33) % below;
}

/* ---- what may happen ---- */

static struct event any_event(struct walk *w)
{
    static const char *const names[] = {"a", "b", "c"};
    static const char *const awards[] = {"x", "y"};
    const char *name = names[any(w, ARRAY_LEN(names))];
    const char *award = awards[any(w, ARRAY_LEN(awards))];
    date_t today = date_at(w->f->now.wall_ms);
    struct event event = note("02E", name);

    switch (any(w, 12)) {
    case 0:
    case 1:
        event = procurement_started("02E", name);
        event.procurement_started.closes_on = today + (date_t)any(w, 60);
        break;
    case 2:
        event = bids_evaluated("02E", name);
        break;
    case 3:
    case 4:
        event = award_intended("02E", name, award, any(w, 1000));
        event.award.period.from = date_of(2018 + (int32_t)any(w, 3), 7, 1);
        event.award.period.to = event.award.period.from + 200;
        break;
    case 5:
        event = award_withdrawn("02E", name, award);
        break;
    case 6:
        event = contract_awarded("02E", name, award, any(w, 1000));
        event.award.period.to = today + (date_t)any(w, 300);
        event.award.period.from = event.award.period.to - 100;
        break;
    case 7:
        event = suspended("02E", name);
        break;
    case 8:
    case 9:
        event = resumed("02E", name);
        break;
    case 10:
        event = any(w, 3) == 0 ? withdrawn("02E", name) : adopted("02E", name, STAGE_PROCUREMENT);
        break;
    default:
        event = any(w, 4) == 0 ? allotment_set("02E", 2019 + (int32_t)any(w, 2), 1000000)
                               : adopted("02E", name, STAGE_CONTRACT_AWARD);
        break;
    }
    if (!event_type_is_register(event.type))
        event.occurred_on = today;
    return event;
}

static void step(struct walk *w)
{
    struct fixture *f = w->f;

    f->answers_count = 0;
    switch (any(w, 10)) {
    case 0:
    case 1:
        when_time_passes(f, (int64_t)any(w, 40) * DAY_MS + any(w, 86400) * 1000);
        break;
    case 2:
        f->now.wall_ms += any(w, 2) == 0 ? HOUR_MS : -HOUR_MS;
        break;
    case 3:
        when_restarted(f, any(w, 2) == 0);
        break;
    case 4: /* killed while what is due was fired, and nobody knows of it */
        broker_begin(f->broker, f->now);
        broker_tick(f->broker);
        when_restarted(f, true);
        break;
    default:
        when_worker_of_all_joins(f, WORKER, 64);
        when_sent(f, any_event(w));
        when_all_is_found_good(f);
        break;
    }
    turns_until_quiet(f);
}

/* ---- the model: what the journal says of each timer, kept in a plain list ---- */

struct modelled {
    uint64_t number;
    struct timer_set timer;
};

struct model {
    struct modelled timers[TIMERS_SEEN_MAX];
    uint32_t count;
    bool suspended[ENTRIES_MAX]; /* by number */
    int64_t suspended_at_ms[ENTRIES_MAX];
    uint32_t fired;
};

static void forget(struct model *model, uint64_t number, enum timer_kind kind, uint64_t of_seq)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < model->count; i++) {
        const struct modelled *m = &model->timers[i];
        bool gone = m->number == number && (kind == TIMER_NONE || m->timer.kind == kind) &&
                    (of_seq == 0 || m->timer.of_seq == of_seq) &&
                    !(kind == TIMER_NONE && m->timer.kind == TIMER_HELD_EXPIRY);
        if (!gone)
            model->timers[kept++] = *m;
    }
    model->count = kept;
}

static void model_phase(struct model *model, const struct entry *entry)
{
    bool suspended = entry->phase == PHASE_SUSPENDED;
    int64_t shift_ms = 0;

    if (suspended && !model->suspended[entry->number])
        model->suspended_at_ms[entry->number] = entry->at_ms;
    if (!suspended && model->suspended[entry->number]) {
        shift_ms = entry->at_ms - model->suspended_at_ms[entry->number];
        shift_ms = shift_ms > 0 ? shift_ms : 0;
        for (uint32_t i = 0; i < model->count; i++) {
            if (model->timers[i].number == entry->number)
                model->timers[i].timer.due_ms += shift_ms;
        }
    }
    assert_int_equal(entry->shift_ms, shift_ms);
    model->suspended[entry->number] = suspended;
    if (entry->phase == PHASE_COMPLETE || entry->phase == PHASE_WITHDRAWN)
        forget(model, entry->number, TIMER_NONE, 0);
}

static void model_judged(struct model *model, const struct entry *entry)
{
    if (entry->verdict == VERDICT_ACCEPTED)
        model_phase(model, entry);
    for (uint32_t i = 0; i < entry->timers_count; i++) {
        forget(model, entry->number, entry->timers[i].kind, entry->timers[i].of_seq);
        if (entry->timers[i].due_ms == 0)
            continue;
        assert_true(entry->timers[i].due_ms > entry->at_ms);
        assert_true(model->count < TIMERS_SEEN_MAX);
        model->timers[model->count++] =
            (struct modelled){.number = entry->number, .timer = entry->timers[i]};
    }
}

/** A timer fires at the level and moment that it stands at, not before, not while its clock stands still. */
static void model_fired(struct model *model, const struct entry *entry)
{
    struct modelled *found = NULL;

    for (uint32_t i = 0; i < model->count; i++) {
        struct modelled *m = &model->timers[i];
        if (m->number == entry->number && m->timer.kind == entry->timer.kind &&
            m->timer.of_seq == entry->timer.of_seq)
            found = m;
    }
    if (found == NULL) {
        fail_msg("entry %llu tells of a timer that is not set", (unsigned long long)entry->seq);
        return;
    }
    assert_int_equal(found->timer.level, entry->timer.level);
    assert_int_equal(found->timer.due_ms, entry->timer.due_ms);
    assert_true(entry->at_ms >= entry->timer.due_ms);
    assert_false(model->suspended[entry->number]);
    model->fired++;
    if (entry->next_due_ms == 0) {
        forget(model, entry->number, entry->timer.kind, entry->timer.of_seq);
        return;
    }
    assert_true(entry->next_due_ms >= entry->timer.due_ms);
    found->timer.level = entry->next_level;
    found->timer.due_ms = entry->next_due_ms;
}

static void model_of(struct fixture *f, struct model *ret)
{
    memset(ret, 0, sizeof *ret);
    assert_true(store_durable_seq(f->store) < ENTRIES_MAX);
    for (uint64_t seq = 1; seq <= store_durable_seq(f->store); seq++) {
        size_t mark = arena_used(f->arena);
        struct entry entry = entry_at(f, seq);
        if (entry.kind == ENTRY_JUDGED)
            model_judged(ret, &entry);
        if (entry.kind == ENTRY_TIMER_FIRED)
            model_fired(ret, &entry);
        if (entry.kind == ENTRY_WAIT_ENDED)
            forget(ret, entry.number, TIMER_HELD_EXPIRY, entry.of_seq);
        arena_rewind(f->arena, mark);
    }
}

/** The store's timers are the model's; those that run are in the index; and nothing that is due is left. */
static void the_timers_are_those_of_the_journal(struct fixture *f, struct model *model)
{
    struct timer_row row = {.timer.due_ms = INT64_MIN};
    uint32_t running = 0;
    uint32_t expected = 0;

    model_of(f, model);
    for (uint32_t i = 0; i < model->count; i++) {
        const struct modelled *m = &model->timers[i];
        struct timer_set before = {.kind = m->timer.kind, .of_seq = m->timer.of_seq - 1};
        struct timer_row found;
        assert_true(store_next_timer(f->store, m->number, &before, &found));
        assert_int_equal(found.timer.kind, m->timer.kind);
        assert_int_equal(found.timer.of_seq, m->timer.of_seq);
        assert_int_equal(found.timer.level, m->timer.level);
        assert_int_equal(found.timer.due_ms, m->timer.due_ms);
        if (model->suspended[m->number])
            continue;
        expected++;
        assert_true(m->timer.due_ms > f->now.wall_ms);
    }
    int64_t before_ms = INT64_MIN;
    for (; store_next_timer_due(f->store, &row); running++) {
        assert_true(row.timer.due_ms >= before_ms);
        before_ms = row.timer.due_ms;
    }
    assert_int_equal(running, expected);
}

static void say_line(void *ctx, const char *line)
{
    (void)ctx;
    printf("%s\n", line);
}

static void every_level_is_told_once_and_never_early_whatever_the_clock_does(void **state)
{
    (void)state;
    struct fixture *f = malloc(sizeof *f);
    struct model *model = malloc(sizeof *model);
    uint64_t fired = 0;
    assert_non_null(f);
    assert_non_null(model);

    for (uint32_t i = 0; i < walks; i++) {
        struct walk w = {.f = f, .chance = first_seed + i};
        printf("\rseed %u ", first_seed + i);
        fflush(stdout);
        fixture_init(f);
        given_world(f);
        for (uint32_t s = 0; s < STEPS; s++) {
            step(&w);
            if (s % 10 == 9)
                the_timers_are_those_of_the_journal(f, model);
        }
        fired += model->fired;
        if (i % 10 == 0) {
            f->broker = broker_free(f->broker);
            assert_int_equal(store_commit(f->store), STATUS_OK);
            f->store = store_close(f->store);
            assert_int_equal(store_verify(f->dir, 256 * 1024 * 1024, say_line, NULL), STATUS_OK);
        }
        fixture_clear(f);
    }
    printf("\n%llu levels were told\n", (unsigned long long)fired);
    assert_true(fired > walks); /* else the walks walk past what they are for */
    free(model);
    free(f);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        walks = (uint32_t)strtoul(argv[1], NULL, 10);
    if (argc > 2)
        first_seed = (uint32_t)strtoul(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_level_is_told_once_and_never_early_whatever_the_clock_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
