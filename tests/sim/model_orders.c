/* SPDX-License-Identifier: Apache-2.0 */
/* model_orders.c - what operators and senders bring: events retried, withdrawn, discarded. */
#include "tests/sim/sim.h"

#include <string.h>

/** The event that @entry is about; its workflow in *@ret_place. */
static struct model_event *event_of(struct sim *sim, const struct entry *entry,
                                    struct model_place **ret_place)
{
    struct model *model = &sim->model;
    uint32_t index = entry->of_seq < entry->seq ? model->entries[entry->of_seq].event : UINT32_MAX;

    sim_expect(sim, index != UINT32_MAX && model->events[index].seq == entry->of_seq,
               "entry %llu is about no event", (unsigned long long)entry->seq);
    struct model_event *event = &model->events[index];
    model->entries[entry->seq].event = index;
    *ret_place = model_touch(sim, entry, &event->event);
    return event;
}

void model_retried(struct sim *sim, const struct entry *entry)
{
    struct model_place *place;
    struct model_event *event = event_of(sim, entry, &place);

    sim_expect(sim, event->state == MODEL_PARKED, "entry %llu retries what is not parked",
               (unsigned long long)entry->seq);
    event->state = MODEL_AT_TURN;
    event->attempts = 0;
}

/** Take the event at @index, of seq @seq, out of its workflow's queue. */
static void unqueue(struct sim *sim, const struct entry *entry, struct model_place *place,
                    uint64_t seq)
{
    const struct model *model = &sim->model;
    uint32_t at = 0;

    while (at < place->queued && model->events[place->queue[at]].seq != seq)
        at++;
    CHECK(at < place->queued);
    uint64_t before = at > 0 ? model->events[place->queue[at - 1]].seq : 0;
    sim_expect(sim, entry->before_seq == before,
               "entry %llu names %llu before seq %llu, it is %llu", (unsigned long long)entry->seq,
               (unsigned long long)entry->before_seq, (unsigned long long)seq,
               (unsigned long long)before);
    place->queued--;
    memmove(place->queue + at, place->queue + at + 1, (place->queued - at) * sizeof *place->queue);
}

void model_withdrawn(struct sim *sim, const struct entry *entry)
{
    struct model_place *place;
    struct model_event *event = event_of(sim, entry, &place);
    enum model_state was = event->state;

    sim_expect(sim, was != MODEL_DONE, "entry %llu withdraws what is judged",
               (unsigned long long)entry->seq);
    sim_expect(sim,
               entry->discarded ? was == MODEL_PARKED : ods_equal(entry->by, event->event.sender),
               "entry %llu: %s may not end seq %llu", (unsigned long long)entry->seq,
               entry->by.text, (unsigned long long)event->seq);
    sim->model.entries[entry->seq].verdict = VERDICT_WITHDRAWN;
    event->state = MODEL_DONE;
    event->verdict = VERDICT_WITHDRAWN;
    event->verdict_seq = entry->seq;
    event->assigned = false;
    sim->model.open_count--;
    model_timers_end_wait(sim, entry, event);
    if (was == MODEL_QUEUED)
        unqueue(sim, entry, place, event->seq);
    else if (was == MODEL_HELD)
        place->held--;
    else
        model_next_turn(sim, place);
}
