/* SPDX-License-Identifier: Apache-2.0 */
/* model_compare.c - store and broker hold what the model holds; and whether all has come to rest. */
#include "tests/sim/sim.h"

#include <string.h>

#define NO_EVENT UINT32_MAX

/* ---- the store ---- */

static void compare_workflow(struct sim *sim, const struct model_place *place)
{
    const struct model *model = &sim->model;
    struct workflow workflow;
    uint64_t judging = place->judging != NO_EVENT ? model->events[place->judging].seq : 0;
    uint64_t head = place->queued > 0 ? model->events[place->queue[0]].seq : 0;
    uint64_t tail = place->queued > 0 ? model->events[place->queue[place->queued - 1]].seq : 0;

    sim_expect(sim, store_get_workflow(sim->host.store, place->number, &workflow),
               "workflow %llu is missing", (unsigned long long)place->number);
    sim_expect(
        sim,
        workflow.last_seq == place->last_seq && workflow.phase == place->phase &&
            workflow.stage == place->stage && workflow.adopted == place->adopted &&
            workflow.category == place->category && workflow.accepted_count == place->accepted,
        "workflow %llu stands in %s %s after %llu, %llu accepted; it should be in %s %s after "
        "%llu, %llu accepted",
        (unsigned long long)place->number, stage_name(workflow.stage), phase_name(workflow.phase),
        (unsigned long long)workflow.last_seq, (unsigned long long)workflow.accepted_count,
        stage_name(place->stage), phase_name(place->phase), (unsigned long long)place->last_seq,
        (unsigned long long)place->accepted);
    sim_expect(sim,
               workflow.judging_seq == judging && workflow.queue_head == head &&
                   workflow.queue_tail == tail && workflow.queued_count == place->queued &&
                   workflow.held_count == place->held,
               "workflow %llu: at its turn %llu, %u queued, %u held; it should be %llu, %u, %u",
               (unsigned long long)place->number, (unsigned long long)workflow.judging_seq,
               workflow.queued_count, workflow.held_count, (unsigned long long)judging,
               place->queued, place->held);
}

static void compare_year(struct sim *sim, const struct model_year *year)
{
    struct ledger_year kept;

    store_get_ledger(sim->host.store, year->ods, year->year, &kept);
    sim_expect(sim,
               kept.allotted == year->allotted && kept.allotment_pence == year->allotment_pence &&
                   kept.reserved_pence == year->reserved_pence &&
                   kept.committed_pence == year->committed_pence,
               "the ledger of %s %d has %lld reserved, %lld committed; its lines sum to %lld, %lld",
               year->ods.text, (int)year->year, (long long)kept.reserved_pence,
               (long long)kept.committed_pence, (long long)year->reserved_pence,
               (long long)year->committed_pence);
}

/** Known ids and open rows, which only a start can spoil. */
static void compare_events(struct sim *sim)
{
    const struct model *model = &sim->model;
    struct open_event open;
    uint32_t count = 0;

    for (uint32_t i = 0; i < model->events_count; i++) {
        const struct model_event *event = &model->events[i];
        struct seen seen;
        sim_expect(sim,
                   store_get_seen(sim->host.store, model->places[event->place].number,
                                  event->event.id, &seen) &&
                       seen.seq == event->seq && seen.verdict_seq == event->verdict_seq,
                   "the event of seq %llu is not known as it was", (unsigned long long)event->seq);
    }
    for (uint64_t seq = 0; store_next_open(sim->host.store, seq, &open); seq = open.seq)
        count++;
    sim_expect(sim, count == model->open_count, "%u events are open, it should be %u", count,
               model->open_count);
}

/* ---- the broker ---- */

static bool fits(enum model_state state, enum docket_state docket)
{
    switch (state) {
    case MODEL_QUEUED:
        return docket == DOCKET_QUEUED;
    case MODEL_AT_TURN:
        return docket == DOCKET_TURN || docket == DOCKET_READY || docket == DOCKET_LEASED ||
               docket == DOCKET_DELAYED;
    case MODEL_HELD:
        return docket == DOCKET_HELD;
    case MODEL_PARKED:
        return docket == DOCKET_PARKED;
    case MODEL_DONE:
        break;
    }
    return false;
}

/** Each open event is in exactly one state of the docket, and the queues agree with it. */
static void compare_docket(struct sim *sim)
{
    const struct model *model = &sim->model;
    const struct broker *broker = sim->host.broker;
    uint32_t sums[DOCKET_STATES] = {0};
    uint32_t ready = 0;
    uint32_t count = 0;

    for (uint32_t i = 0; i < model->events_count; i++) {
        const struct model_event *event = &model->events[i];
        if (event->state == MODEL_DONE)
            continue;
        const struct docket_event *docketed = docket_find(broker->docket, event->seq);
        sim_expect(sim, docketed != NULL, "the open event of seq %llu is dropped",
                   (unsigned long long)event->seq);
        sim_expect(sim, fits(event->state, docketed->state),
                   "the event of seq %llu is in state %d of the docket, and in %d of the journal",
                   (unsigned long long)event->seq, (int)docketed->state, (int)event->state);
        sums[docketed->state]++;
        count++;
    }
    sim_expect(sim, count == model->open_count && count == docket_count(broker->docket),
               "%u events are in the docket, %u are open", docket_count(broker->docket), count);
    for (enum stage stage = STAGE_NEEDS_ASSESSED; stage <= STAGE_REVIEW; stage++)
        ready += queue_count(broker->queue, stage);
    sim_expect(sim, sums[DOCKET_READY] == ready, "%u events are ready, %u are queued for workers",
               sums[DOCKET_READY], ready);
    sim_expect(sim, sums[DOCKET_LEASED] == roster_leased(broker->roster),
               "%u events are leased, workers have %u", sums[DOCKET_LEASED],
               roster_leased(broker->roster));
    sim_expect(sim, sums[DOCKET_DELAYED] == due_count(broker->due),
               "%u events are delayed, %u will come back", sums[DOCKET_DELAYED],
               due_count(broker->due));
    sim_expect(sim, sums[DOCKET_TURN] == broker->turns.count,
               "%u events are at their turn, %u will be looked at", sums[DOCKET_TURN],
               broker->turns.count);
}

void model_compare(struct sim *sim, bool all)
{
    struct model *model = &sim->model;

    for (uint32_t i = 0; i < model->places_count; i++) {
        struct model_place *place = &model->places[i];
        if ((all || place->touched) && !place->is_register)
            compare_workflow(sim, place);
        place->touched = false;
    }
    for (uint32_t i = 0; i < model->years_count; i++) {
        if (all || model->years[i].touched)
            compare_year(sim, &model->years[i]);
        model->years[i].touched = false;
    }
    if (all) {
        compare_events(sim);
        model_compare_timers(sim);
    }
    compare_docket(sim);
}

/* ---- rest ---- */

static const char *unrest_of_event(struct sim *sim, const struct model_event *event)
{
    static char text[200];

    if (event->state == MODEL_DONE)
        return NULL;
    /* Parked, and what stands behind it: until someone decides. */
    const struct model_place *place = &sim->model.places[event->place];
    if (place->judging != NO_EVENT && sim->model.events[place->judging].state == MODEL_PARKED &&
        event->state != MODEL_HELD)
        return NULL;
    if (event->state == MODEL_HELD && !model_wait_over(sim, event))
        return NULL;
    (void)snprintf(text, sizeof text, "the event of seq %llu is still open, in state %d, %s",
                   (unsigned long long)event->seq, (int)event->state,
                   event->state == MODEL_HELD ? "though what it waits for has come"
                                              : "for no reason");
    return text;
}

/** So many of its events are held or parked that it gets BUSY until someone decides. */
static bool no_room_for(const struct sim *sim, struct ods sender)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < sim->model.events_count; i++) {
        const struct model_event *event = &sim->model.events[i];
        count += event->state != MODEL_DONE && ods_equal(event->event.sender, sender) ? 1 : 0;
    }
    return count >= sim->host.sender_max;
}

static const char *unrest_of_sent(struct sim *sim, uint32_t index)
{
    static char text[200];
    const struct sim_sent *sent = &sim->sent[index];
    const struct model_event *event = model_find(sim, &sent->event);

    text[0] = '\0';
    bool open = event != NULL && event->sent == index && event->state != MODEL_DONE;
    if (sent->wanted && !(open && sent->receipt_known) &&
        !(event == NULL && no_room_for(sim, sent->event.sender)))
        (void)snprintf(text, sizeof text, "event #%u is not answered", index);
    else if (!sent->refused && !sent->wanted && (event == NULL || event->sent != index))
        (void)snprintf(text, sizeof text, "event #%u was answered, and is not in the journal",
                       index);
    else if (!sent->refused && !sent->wanted && sent->verdict != event->verdict &&
             sent->verdict != VERDICT_HELD)
        (void)snprintf(text, sizeof text, "the verdict told of event #%u is not the journal's",
                       index);
    return text[0] != '\0' ? text : NULL;
}

const char *model_unrest(struct sim *sim)
{
    const struct model *model = &sim->model;
    const char *why = NULL;

    if (!sim->host.up || sim->host.inbox_count > 0)
        return "the daemon is not at rest";
    for (uint32_t i = 0; i < sim->sent_count && why == NULL; i++)
        why = unrest_of_sent(sim, i);
    for (uint32_t i = 0; i < model->events_count && why == NULL; i++)
        why = unrest_of_event(sim, &model->events[i]);
    if (why == NULL && model_any_overdue(sim))
        why = "a timer is overdue";
    for (uint32_t i = 0; i < SIM_READERS && why == NULL; i++) {
        if (sim->readers[i].cursor != model->seq)
            why = "a reader has not read all";
    }
    return why;
}
