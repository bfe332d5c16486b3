/* SPDX-License-Identifier: Apache-2.0 */
/* model_timers.c - which timers run, what they did, and whether one is overdue. */
#include "tests/sim/sim.h"

#define OVERDUE_MS (2 * 60 * 1000) /* the daemon looks once a minute at least */

static bool is_of(const struct model_timer *timer, uint32_t place, enum timer_kind kind,
                  uint64_t of_seq)
{
    return timer->place == place && timer->set.kind == kind &&
           (of_seq == 0 || timer->set.of_seq == of_seq);
}

static void drop(struct model *model, uint32_t at)
{
    model->timers[at] = model->timers[--model->timers_count];
}

static void end(struct model *model, uint32_t place, enum timer_kind kind, uint64_t of_seq)
{
    for (uint32_t i = model->timers_count; i > 0; i--) {
        if (is_of(&model->timers[i - 1], place, kind, of_seq))
            drop(model, i - 1);
    }
}

void model_timers_end_wait(struct sim *sim, const struct entry *entry,
                           const struct model_event *event)
{
    struct model *model = &sim->model;
    bool found = false;

    for (uint32_t i = 0; i < model->timers_count; i++) {
        const struct model_timer *timer = &model->timers[i];
        found =
            found || (is_of(timer, event->place, TIMER_HELD_EXPIRY, event->seq) &&
                      timer->set.level == TIMER_LEVEL_NONE && timer->set.due_ms <= entry->at_ms);
    }
    sim_expect(sim, !entry->expired || found, "entry %llu: the wait of seq %llu has not expired",
               (unsigned long long)entry->seq, (unsigned long long)event->seq);
    end(model, event->place, TIMER_HELD_EXPIRY, event->seq);
}

void model_timers_judged(struct sim *sim, const struct entry *entry, uint32_t place,
                         enum phase before)
{
    struct model *model = &sim->model;
    enum phase after = model->places[place].phase;
    bool over = after != PHASE_OPEN && after != PHASE_SUSPENDED;

    for (uint32_t i = model->timers_count; i > 0 && before != after; i--) {
        struct model_timer *timer = &model->timers[i - 1];
        if (timer->place != place)
            continue;
        if (before == PHASE_SUSPENDED)
            timer->set.due_ms += entry->shift_ms;
        if (over && timer->set.kind != TIMER_HELD_EXPIRY)
            drop(model, i - 1);
    }
    for (uint32_t i = 0; i < entry->timers_count; i++) {
        const struct timer_set *set = &entry->timers[i];
        end(model, place, set->kind, set->of_seq);
        if (set->due_ms == 0)
            continue;
        CHECK(model->timers_count < MODEL_TIMERS_MAX);
        model->timers[model->timers_count++] = (struct model_timer){.place = place, .set = *set};
    }
}

void model_timer_fired(struct sim *sim, const struct entry *entry)
{
    struct model *model = &sim->model;
    uint32_t index =
        entry->timer.of_seq < entry->seq ? model->entries[entry->timer.of_seq].event : UINT32_MAX;
    sim_expect(sim, index != UINT32_MAX, "a timer of no event fires, entry %llu",
               (unsigned long long)entry->seq);
    const struct model_event *event = &model->events[index];
    const struct model_place *place = model_touch(sim, entry, &event->event);
    struct model_timer *found = NULL;

    for (uint32_t i = 0; i < model->timers_count; i++) {
        struct model_timer *timer = &model->timers[i];
        if (is_of(timer, event->place, entry->timer.kind, entry->timer.of_seq))
            found = timer;
    }
    sim_expect(sim,
               found != NULL && found->set.level == entry->timer.level &&
                   found->set.due_ms == entry->timer.due_ms && found->set.due_ms <= entry->at_ms &&
                   place->phase != PHASE_SUSPENDED,
               "entry %llu: a timer fires that is not set, not due, or fired before",
               (unsigned long long)entry->seq);
    found->set.level = entry->next_level;
    found->set.due_ms = entry->next_due_ms;
    if (entry->next_due_ms == 0)
        drop(model, (uint32_t)(found - model->timers));
}

void model_compare_timers(struct sim *sim)
{
    const struct model *model = &sim->model;
    uint32_t count = 0;

    for (uint32_t i = 0; i < model->places_count; i++) {
        struct timer_set at = {.kind = TIMER_NONE};
        struct timer_row row;
        uint64_t number = model->places[i].number;
        for (;
             !model->places[i].is_register && store_next_timer(sim->host.store, number, &at, &row);
             at = row.timer, count++) {
            bool found = false;
            for (uint32_t j = 0; j < model->timers_count; j++)
                found = found || (is_of(&model->timers[j], i, row.timer.kind, row.timer.of_seq) &&
                                  model->timers[j].set.due_ms == row.timer.due_ms);
            sim_expect(sim, found, "workflow %llu has a timer that no entry set",
                       (unsigned long long)number);
        }
    }
    sim_expect(sim, count == model->timers_count, "%u timers run, it should be %u", count,
               model->timers_count);
}

bool model_any_overdue(const struct sim *sim)
{
    const struct model *model = &sim->model;

    for (uint32_t i = 0; i < model->timers_count; i++) {
        const struct model_timer *timer = &model->timers[i];
        if (model->places[timer->place].phase != PHASE_SUSPENDED &&
            timer->set.due_ms + OVERDUE_MS < sim->now.wall_ms)
            return true;
    }
    return false;
}
