/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/broker/timers.h"

#include <string.h>

#include "daemon/broker/inside.h"
#include "daemon/domain/route.h"

/** The timer that runs out first. False: none runs. */
static bool first_timer(const struct broker *broker, struct timer_row *ret)
{
    *ret = (struct timer_row){.timer.due_ms = INT64_MIN};
    return store_next_timer_due(broker->store, ret);
}

/** Journal that @row's level is reached, and which one comes next. */
static void fire(struct broker *broker, const struct timer_row *row)
{
    const char *role = timer_role(row->timer.kind, row->timer.level);
    struct timer_set next = timer_next(&row->timer);
    struct ods audience[AUDIENCE_MAX];
    struct workflow workflow;
    struct event event;
    struct hash hash;

    if (!store_get_workflow(broker->store, row->number, &workflow)) {
        broker_fail(broker, STATUS_STORE_CORRUPT);
        return;
    }
    if (!turn_load(broker, row->timer.of_seq, &event))
        return;
    struct entry entry = {
        .number = workflow.number,
        .previous = workflow.last_seq,
        .audience = audience,
        .audience_count = route_audience(&event, &workflow, audience),
        .kind = ENTRY_TIMER_FIRED,
        .timer = row->timer,
        .next_level = next.level,
        .next_due_ms = next.due_ms,
        .role = {(const uint8_t *)role, strlen(role)},
    };
    if (broker_add(broker, &entry, NULL, &hash))
        broker->counts.timers_fired++;
}

void timers_run(struct broker *broker)
{
    struct timer_row row;

    for (uint32_t i = 0;
         i < TIMERS_TURN_MAX && broker->failure == STATUS_OK && !broker_full(broker) &&
         first_timer(broker, &row) && row.timer.due_ms <= broker->now.wall_ms;
         i++) {
        if (row.timer.level == TIMER_LEVEL_NONE)
            turn_end_wait(broker, row.timer.of_seq, 0, true);
        else
            fire(broker, &row);
    }
}

int64_t timers_due_ms(const struct broker *broker)
{
    struct timer_row row;

    if (!first_timer(broker, &row))
        return DUE_NEVER;
    int64_t wait_ms = row.timer.due_ms - broker->now.wall_ms;
    wait_ms = wait_ms < 0 ? 0 : wait_ms > TIMERS_LOOK_MS ? TIMERS_LOOK_MS : wait_ms;
    return broker->now.mono_ms + wait_ms;
}
