/* SPDX-License-Identifier: Apache-2.0 */
/* Questions about timers: what is due, when, and whose business it is. */
#include "daemon/broker/query.h"

/** A level that only ends the wait is the END that was told. */
static const char *level_of(const struct timer_set *timer)
{
    return timer_level_name(timer->level == TIMER_LEVEL_NONE ? TIMER_END : timer->level);
}

static void put_timer(struct asking *asking, const struct timer_row *row,
                      const struct workflow *workflow)
{
    query_moment(asking, row->timer.due_ms);
    query_text(asking, timer_kind_name(row->timer.kind));
    query_text(asking, level_of(&row->timer));
    query_text(asking, timer_role(row->timer.kind, row->timer.level));
    query_text(asking, workflow->lead.text);
    query_text(asking, workflow->reference.text);
    query_text(asking, stage_name(workflow->stage));
    query_text(asking, workflow->phase == PHASE_SUSPENDED ? "suspended" : "running");
    query_number(asking, (int64_t)row->timer.of_seq);
    query_number(asking, (int64_t)row->number);
    query_number(asking, (int64_t)row->set_by_seq);
}

static bool is_listed(const struct asking *asking, const struct timer_row *row,
                      const struct workflow *workflow)
{
    if (query_given(asking, ARGUMENT_UNTIL) &&
        row->timer.due_ms >= date_begins_ms(asking->until + 1))
        return false;
    if (query_given(asking, ARGUMENT_ORGANISATION) &&
        !ods_equal(asking->organisation, workflow->lead) &&
        !ods_equal(asking->organisation, workflow->present_lead))
        return false;
    return query_sees_workflow(asking, workflow);
}

/** The timer after @at: of the workflow @number, or (0) of all that run, by their moments. */
static bool next_timer(struct store *store, uint64_t number, struct timer_row *at)
{
    if (number == 0)
        return store_next_timer_due(store, at);
    return store_next_timer(store, number, &at->timer, at);
}

void query_timer_list(struct asking *asking)
{
    struct store *store = asking->broker->store;
    struct workflow workflow = {.number = 0};
    struct timer_row at;

    if (query_given(asking, ARGUMENT_LEAD) != query_given(asking, ARGUMENT_REFERENCE)) {
        query_error(asking, "USAGE", "timer list needs lead and reference, or neither");
        return;
    }
    if (query_given(asking, ARGUMENT_LEAD) && !query_workflow(asking, &workflow))
        return;
    uint64_t number = workflow.number;
    if (!query_resumed(asking, &at, sizeof at))
        at.timer.due_ms = number == 0 ? INT64_MIN : 0;

    struct timer_row before = at;
    for (uint32_t scanned = 0; next_timer(store, number, &at); scanned++, before = at) {
        bool listed =
            store_get_workflow(store, at.number, &workflow) && is_listed(asking, &at, &workflow);
        if (scanned == QUERY_SCAN_MAX || (listed && !query_row(asking))) {
            query_resume(asking, &before, sizeof before);
            return;
        }
        asking->broker->asked++;
        if (listed)
            put_timer(asking, &at, &workflow);
        else if (number == 0 && query_given(asking, ARGUMENT_UNTIL) &&
                 at.timer.due_ms >= date_begins_ms(asking->until + 1))
            return;
    }
}

void query_next_timer(struct asking *asking, uint64_t number)
{
    struct timer_row row = {.number = 0};
    struct timer_row first = {.timer.due_ms = INT64_MAX};
    char text[48];

    for (uint32_t i = 0;
         i < QUERY_SCAN_MAX && store_next_timer(asking->broker->store, number, &row.timer, &row);
         i++) {
        if (row.timer.due_ms < first.timer.due_ms)
            first = row;
    }
    if (first.number == 0) {
        query_text(asking, "");
        query_moment(asking, 0);
        return;
    }
    (void)snprintf(text, sizeof text, "%s %s", timer_kind_name(first.timer.kind),
                   level_of(&first.timer));
    query_text(asking, text);
    query_moment(asking, first.timer.due_ms);
}
