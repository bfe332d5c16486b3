/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/clocks.h"

static bool clocks_run(enum phase phase)
{
    return phase != PHASE_SUSPENDED;
}

static void del_timer(struct rows *rows, const struct timer_row *row, bool runs)
{
    if (runs)
        rows_del_timer_due(rows, row);
    rows_del_timer(rows, row);
}

static void put_timer(struct rows *rows, const struct timer_row *row, bool runs)
{
    if (runs)
        rows_put_timer_due(rows, row);
    rows_put_timer(rows, row);
}

void clocks_end(struct rows *rows, const struct workflow *workflow, enum timer_kind kind,
                uint64_t of_seq)
{
    struct timer_set at = {.kind = kind, .of_seq = of_seq > 0 ? of_seq - 1 : 0};
    struct timer_row row;

    /* Ends: each turn deletes the row that it found. */
    while (rows_next_timer(rows, workflow->number, &at, &row) && row.timer.kind == kind &&
           (of_seq == 0 || row.timer.of_seq == of_seq))
        del_timer(rows, &row, clocks_run(workflow->phase));
}

void clocks_set(struct rows *rows, const struct entry *entry, const struct workflow *workflow)
{
    for (uint32_t i = 0; i < entry->timers_count; i++) {
        const struct timer_set *timer = &entry->timers[i];
        struct timer_row row = {
            .number = workflow->number, .timer = *timer, .set_by_seq = entry->seq};

        clocks_end(rows, workflow, timer->kind, timer->of_seq);
        if (timer->due_ms != 0)
            put_timer(rows, &row, clocks_run(workflow->phase));
    }
}

void clocks_turn(struct rows *rows, const struct entry *entry, enum phase before,
                 const struct workflow *workflow)
{
    bool over = !workflow_goes_on(workflow->phase);
    struct timer_row row = {.number = 0};

    if (before == workflow->phase)
        return;
    while (rows_next_timer(rows, workflow->number, &row.timer, &row)) {
        struct timer_row shifted = row;
        if (!clocks_run(before))
            shifted.timer.due_ms += entry->shift_ms;
        del_timer(rows, &row, clocks_run(before));
        if (!over || row.timer.kind == TIMER_HELD_EXPIRY)
            put_timer(rows, &shifted, clocks_run(workflow->phase));
    }
}

bool clocks_fired(struct rows *rows, const struct entry *entry, const struct workflow *workflow)
{
    struct timer_row row;

    if (!rows_get_timer(rows, workflow->number, &entry->timer, &row))
        return false;
    del_timer(rows, &row, clocks_run(workflow->phase));
    row.timer.level = entry->next_level;
    row.timer.due_ms = entry->next_due_ms;
    if (row.timer.due_ms != 0)
        put_timer(rows, &row, clocks_run(workflow->phase));
    return true;
}
