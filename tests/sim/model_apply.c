/* SPDX-License-Identifier: Apache-2.0 */
/* model_apply.c - what each entry may say, and where things stand after it: reckoned anew. */
#include "tests/sim/sim.h"

#include <string.h>

#include "proto/codec.h"

#define NO_EVENT UINT32_MAX

static struct model_event *event_at(struct sim *sim, uint32_t index)
{
    return &sim->model.events[index];
}

/* ---- an event's first entry ---- */

/** Which of those sent it is, by its bytes. */
static uint32_t sent_of(struct sim *sim, struct slice bytes)
{
    for (uint32_t i = 0; i < sim->sent_count; i++) {
        struct slice sent = sim->sent[i].event.bytes;
        if (sent.len == bytes.len && memcmp(sent.bytes, bytes.bytes, bytes.len) == 0)
            return i;
    }
    sim_expect(sim, sim->host.restarts == 0 && sim->sent_count == 0,
               "an event that nobody sent is in the journal");
    return UINT32_MAX;
}

static struct model_event *add_event(struct sim *sim, const struct entry *entry)
{
    struct model *model = &sim->model;
    struct reason items[REASONS_MAX];
    struct reasons reasons = {.items = items, .max = REASONS_MAX};
    bool id_known;
    CHECK(model->events_count < MODEL_EVENTS_MAX);
    uint32_t index = model->events_count;
    struct model_event *event = &model->events[index];

    *event = (struct model_event){.seq = entry->seq, .at_ms = entry->at_ms};
    enum status status = codec_decode_event(arena_copy(sim->arena, entry->event), sim->arena,
                                            &event->event, &id_known, &reasons);
    sim_expect(sim, status == STATUS_OK, "the event of entry %llu cannot be read",
               (unsigned long long)entry->seq);
    sim_expect(sim, model_find(sim, &event->event) == NULL,
               "an event id is received twice: seq %llu", (unsigned long long)entry->seq);
    event->sent = sent_of(sim, entry->event);
    model->events_count++;
    model->entries[entry->seq].event = index;
    return event;
}

static struct model_place *add_place(struct sim *sim, const struct entry *entry,
                                     const struct event *event)
{
    struct model *model = &sim->model;
    struct model_place *place = model_place_of(sim, event);

    if (place == NULL) {
        CHECK(model->places_count < MODEL_PLACES_MAX);
        place = &model->places[model->places_count++];
        place->is_register = event_type_is_register(event->type);
        place->ods = place->is_register ? event->organisation : event->lead;
        place->reference = event->reference;
        place->type = event->type;
        place->number = entry->seq;
        place->last_seq = 0;
        place->phase = PHASE_NONE;
        place->stage = STAGE_NONE;
        place->category = CATEGORY_NONE;
        place->adopted = false;
        place->opened_on = DATE_NONE;
        place->accepted = 0;
        place->judging = NO_EVENT;
        place->queued = place->held = place->awards_count = 0;
    }
    sim_expect(sim, entry->number == place->number && entry->previous == place->last_seq,
               "entry %llu names number %llu and %llu before it, where these are %llu and %llu",
               (unsigned long long)entry->seq, (unsigned long long)entry->number,
               (unsigned long long)entry->previous, (unsigned long long)place->number,
               (unsigned long long)place->last_seq);
    return place;
}

static void touch(struct model_place *place, const struct entry *entry)
{
    place->last_seq = entry->seq;
    place->changed_at_ms = entry->at_ms;
    place->touched = true;
}

struct model_place *model_touch(struct sim *sim, const struct entry *entry,
                                const struct event *event)
{
    struct model_place *place = add_place(sim, entry, event);

    touch(place, entry);
    return place;
}

void model_received(struct sim *sim, const struct entry *entry)
{
    struct model_event *event = add_event(sim, entry);
    struct model_place *place = add_place(sim, entry, &event->event);
    uint32_t index = sim->model.entries[entry->seq].event;
    uint32_t audience = sim->model.entries[entry->seq].audience;

    touch(place, entry);
    event->place = (uint32_t)(place - sim->model.places);
    sim_expect(sim,
               (audience & model_ods_bit(event->event.lead)) != 0 &&
                   (audience & model_ods_bit(event->event.sender)) != 0,
               "entry %llu is not shown to its lead and its sender",
               (unsigned long long)entry->seq);
    sim->model.open_count++;
    if (place->judging == NO_EVENT) {
        place->judging = index;
        event->state = MODEL_AT_TURN;
        return;
    }
    CHECK(place->queued < MODEL_QUEUE_MAX);
    place->queue[place->queued++] = index;
    event->state = MODEL_QUEUED;
}

/* ---- registers ---- */

void model_recorded(struct sim *sim, const struct entry *entry)
{
    struct model_event *event = add_event(sim, entry);
    struct model_place *place = add_place(sim, entry, &event->event);

    touch(place, entry);
    event->place = (uint32_t)(place - sim->model.places);
    event->state = MODEL_DONE;
    event->verdict = entry->verdict;
    event->verdict_seq = entry->seq;
    sim_expect(sim, entry->verdict == VERDICT_ACCEPTED || entry->verdict == VERDICT_REJECTED,
               "a register's event has the verdict %s", verdict_name(entry->verdict));
    sim_expect(sim,
               (entry->lines_count > 0) ==
                   (entry->verdict == VERDICT_ACCEPTED && event->event.type == EVENT_ALLOTMENT_SET),
               "entry %llu has %u lines of money", (unsigned long long)entry->seq,
               entry->lines_count);
    model_move_money(sim, entry, false);
    if (entry->lines_count == 0)
        return;
    const struct allotment_set *set = &event->event.allotment_set;
    sim_expect(sim,
               model_year_of(sim, event->event.organisation, set->year)->allotment_pence ==
                   set->core_pence,
               "entry %llu does not set the allotment that it names",
               (unsigned long long)entry->seq);
}

/* ---- verdicts ---- */

static bool steps(struct model_place *place, const struct event *event, enum phase *phase,
                  enum stage *stage)
{
    enum stage from = place->stage;
    bool open = place->phase == PHASE_OPEN;

    *phase = place->phase;
    *stage = from;
    if (event->type == EVENT_NOTE)
        return place->phase != PHASE_NONE;
    if (event->type == EVENT_SUSPENDED || event->type == EVENT_RESUMED) {
        *phase = open ? PHASE_SUSPENDED : PHASE_OPEN;
        return event->type == EVENT_SUSPENDED ? open : place->phase == PHASE_SUSPENDED;
    }
    if (event->type == EVENT_WITHDRAWN) {
        *phase = PHASE_WITHDRAWN;
        return open || place->phase == PHASE_SUSPENDED;
    }
    if (event->type == EVENT_AWARD_WITHDRAWN)
        return place->phase == PHASE_COMPLETE ||
               (open && (from == STAGE_CONTRACT_AWARD || from == STAGE_REVIEW));
    if (event->type == EVENT_ADOPTED) {
        *phase = PHASE_OPEN;
        *stage = event->adopted.stage;
        return place->phase == PHASE_NONE;
    }
    if (event->type == EVENT_NEEDS_ASSESSED) {
        *phase = PHASE_OPEN;
        *stage = STAGE_PRIORITIES_SET;
        return place->phase == PHASE_NONE || (open && from == STAGE_NEEDS_ASSESSED);
    }
    if (event->type == EVENT_PRIORITIES_SET) {
        *stage = STAGE_PROCUREMENT;
        return open && from == STAGE_PRIORITIES_SET;
    }
    if (event->type == EVENT_PROCUREMENT_STARTED)
        return open && from == STAGE_PROCUREMENT;
    if (event->type == EVENT_BIDS_EVALUATED) {
        *stage = STAGE_CONTRACT_AWARD;
        return open && from == STAGE_PROCUREMENT;
    }
    bool awarding =
        open && (from == STAGE_CONTRACT_AWARD || (from == STAGE_PROCUREMENT && place->adopted));
    if (event->type == EVENT_AWARD_INTENDED) {
        *stage = STAGE_CONTRACT_AWARD;
        return awarding;
    }
    if (event->type == EVENT_CONTRACT_AWARDED) {
        *stage = STAGE_REVIEW;
        return awarding;
    }
    *phase = PHASE_COMPLETE;
    return event->type == EVENT_REVIEW_COMPLETED && open && from == STAGE_REVIEW;
}

static void accept(struct sim *sim, const struct entry *entry, struct model_place *place,
                   const struct event *event)
{
    enum phase phase;
    enum stage stage;

    sim_expect(
        sim, steps(place, event, &phase, &stage) && entry->phase == phase && entry->stage == stage,
        "entry %llu accepts %s, after which the workflow is %s in %s",
        (unsigned long long)entry->seq, event_type_name(event->type), phase_name(entry->phase),
        stage_name(entry->stage));
    sim_expect(sim, !event->after_given || event->after == place->accepted,
               "entry %llu accepts an event that expects %llu before it, %llu were",
               (unsigned long long)entry->seq, (unsigned long long)event->after,
               (unsigned long long)place->accepted);
    model_judge_money(sim, entry, event, place);
    if (place->phase == PHASE_NONE) {
        place->opened_on = event->occurred_on;
        place->adopted = event->type == EVENT_ADOPTED;
    }
    if (event->type == EVENT_NEEDS_ASSESSED)
        place->category = event->needs_assessed.category;
    place->phase = phase;
    place->stage = stage;
    place->accepted++;
}

/** The finding in the verdict is that of the newest token, and what the rules say of this event. */
static void judge_finding(struct sim *sim, const struct entry *entry,
                          const struct model_event *event)
{
    char token[48];
    enum judgement judgement = worker_judge(event->event.id, entry->attempt);
    bool rejected = false;
    bool tokened = false;

    (void)snprintf(token, sizeof token, "%llu.%llu", (unsigned long long)event->token.run,
                   (unsigned long long)event->token.counter);
    for (uint32_t i = 0; i < entry->reasons_count; i++) {
        const struct reason *reason = &entry->reasons[i];
        rejected = rejected || reason->code == REASON_UNREGISTERED_MISSING;
        if (reason->code != REASON_AWARD_AFTER_START)
            continue;
        tokened = true;
        sim_expect(sim, event->assigned && strcmp(reason->value, token) == 0,
                   "entry %llu applies the finding of token %s, the newest is %s",
                   (unsigned long long)entry->seq, reason->value, event->assigned ? token : "none");
    }
    sim_expect(sim,
               tokened && entry->attempt == event->attempts + 1 && judgement != JUDGE_ERROR &&
                   rejected == (judgement == JUDGE_REJECT),
               "entry %llu is not what the worker found", (unsigned long long)entry->seq);
}

/** The gravest reason decides; a hold that waits for nothing would never end. */
static void judge_gravest(struct sim *sim, const struct entry *entry)
{
    enum severity gravest = SEVERITY_NONE;
    enum verdict verdict = VERDICT_ACCEPTED;

    for (uint32_t i = 0; i < entry->reasons_count; i++) {
        if (entry->reasons[i].severity > gravest)
            gravest = entry->reasons[i].severity;
    }
    if (gravest == SEVERITY_REJECT || (gravest == SEVERITY_HOLD && entry->waits_count == 0))
        verdict = VERDICT_REJECTED;
    else if (gravest == SEVERITY_HOLD)
        verdict = VERDICT_HELD;
    if (gravest == SEVERITY_HOLD && entry->verdict == VERDICT_REJECTED)
        return; /* what it would have waited for is not kept in a rejection */
    sim_expect(sim, entry->verdict == verdict, "entry %llu is %s, its reasons say %s",
               (unsigned long long)entry->seq, verdict_name(entry->verdict), verdict_name(verdict));
}

/** The event that @entry is about, which must be at its turn; its workflow in *@ret_place. */
static struct model_event *at_turn(struct sim *sim, const struct entry *entry,
                                   struct model_place **ret_place)
{
    struct model_entry *kept = &sim->model.entries[entry->seq];

    sim_expect(sim,
               entry->of_seq < entry->seq && sim->model.entries[entry->of_seq].event != NO_EVENT,
               "entry %llu is about no event", (unsigned long long)entry->seq);
    kept->event = sim->model.entries[entry->of_seq].event;
    struct model_event *event = event_at(sim, kept->event);
    struct model_place *place = add_place(sim, entry, &event->event);
    sim_expect(sim,
               event->seq == entry->of_seq && place->judging == kept->event &&
                   event->state == MODEL_AT_TURN,
               "entry %llu is about seq %llu, which is not at its turn",
               (unsigned long long)entry->seq, (unsigned long long)entry->of_seq);
    touch(place, entry);
    *ret_place = place;
    return event;
}

void model_next_turn(struct sim *sim, struct model_place *place)
{
    place->judging = NO_EVENT;
    if (place->queued == 0)
        return;
    place->judging = place->queue[0];
    place->queued--;
    memmove(place->queue, place->queue + 1, place->queued * sizeof *place->queue);
    event_at(sim, place->judging)->state = MODEL_AT_TURN;
}

static void hold(struct sim *sim, const struct entry *entry, struct model_event *event,
                 struct model_place *place)
{
    event->state = MODEL_HELD;
    event->attempts = 0;
    event->waits_count = entry->waits_count;
    for (uint32_t i = 0; i < entry->waits_count; i++) {
        const struct wait *wait = &entry->waits[i];
        event->waits[i] = *wait;
        if (wait->kind == WAIT_RESUMED)
            sim_expect(sim, wait->number == place->number, "entry %llu waits for another workflow",
                       (unsigned long long)entry->seq);
        else
            sim_expect(sim, !model_year_of(sim, wait->ods, wait->year)->allotted,
                       "entry %llu waits for an allotment that is there",
                       (unsigned long long)entry->seq);
    }
    place->held++;
}

/** What comes while its workflow is suspended waits, and no worker is asked. */
static bool waits_for_resumption(const struct entry *entry)
{
    return entry->verdict == VERDICT_HELD && entry->waits_count == 1 &&
           entry->waits[0].kind == WAIT_RESUMED;
}

void model_judged(struct sim *sim, const struct entry *entry)
{
    struct model_place *place;
    struct model_event *event = at_turn(sim, entry, &place);

    if (entry->worker.len > 0)
        judge_finding(sim, entry, event);
    else
        sim_expect(sim, entry->verdict == VERDICT_REJECTED || waits_for_resumption(entry),
                   "entry %llu: no worker was asked", (unsigned long long)entry->seq);
    enum phase before = place->phase;
    judge_gravest(sim, entry);
    if (entry->verdict == VERDICT_ACCEPTED) {
        accept(sim, entry, place, &event->event);
        model_move_money(sim, entry, true);
    } else {
        bool told_where = entry->phase == place->phase && entry->stage == place->stage;
        bool told_nothing = entry->verdict == VERDICT_REJECTED && entry->phase == PHASE_NONE &&
                            entry->stage == STAGE_NONE;
        sim_expect(sim, entry->lines_count == 0 && (told_where || told_nothing),
                   "entry %llu changes something, and is not accepted",
                   (unsigned long long)entry->seq);
    }
    model_timers_judged(sim, entry, event->place, before);
    event->verdict = entry->verdict;
    event->verdict_seq = entry->seq;
    event->assigned = false;
    if (entry->verdict == VERDICT_HELD) {
        hold(sim, entry, event, place);
    } else {
        event->state = MODEL_DONE;
        sim->model.open_count--;
    }
    model_next_turn(sim, place);
}

void model_failed(struct sim *sim, const struct entry *entry)
{
    struct model_place *place;
    struct model_event *event = at_turn(sim, entry, &place);

    sim_expect(sim, event->assigned && entry->attempt == event->attempts + 1,
               "entry %llu: attempt %u failed, %u had failed, and %s has it",
               (unsigned long long)entry->seq, entry->attempt, event->attempts,
               event->assigned ? "a worker" : "nobody");
    sim_expect(sim, entry->parked == (entry->attempt >= SIM_ATTEMPTS_MAX),
               "entry %llu: after attempt %u the event is %sparked", (unsigned long long)entry->seq,
               entry->attempt, entry->parked ? "" : "not ");
    event->attempts = entry->attempt;
    event->assigned = false;
    if (entry->parked)
        event->state = MODEL_PARKED;
}

void model_late(struct sim *sim, const struct entry *entry)
{
    struct model *model = &sim->model;
    uint32_t index = model->entries[entry->of_seq].event;
    sim_expect(sim, entry->of_seq < entry->seq && index != NO_EVENT, "entry %llu is about no event",
               (unsigned long long)entry->seq);
    struct model_event *event = event_at(sim, index);

    touch(add_place(sim, entry, &event->event), entry);
    model->entries[entry->seq].event = index;
    /* The newest one may have been given back; then nothing of it is ever applied. */
    if (event->token.run == entry->token.run && event->token.counter == entry->token.counter)
        event->assigned = false;
    for (uint32_t i = 0; i < event->late_count; i++)
        sim_expect(
            sim,
            event->late[i].run != entry->token.run ||
                event->late[i].counter != entry->token.counter || event->late_run[i] != model->runs,
            "entry %llu keeps a late finding twice in one run", (unsigned long long)entry->seq);
    if (event->late_count < MODEL_LATE_MAX) {
        event->late_run[event->late_count] = model->runs;
        event->late[event->late_count++] = entry->token;
    }
}

bool model_wait_over(struct sim *sim, const struct model_event *event)
{
    bool over = event->waits_count == 0;

    for (uint32_t i = 0; i < event->waits_count; i++) {
        const struct wait *wait = &event->waits[i];
        over = over || (wait->kind == WAIT_RESUMED
                            ? sim->model.places[event->place].phase != PHASE_SUSPENDED
                            : model_year_of(sim, wait->ods, wait->year)->allotted);
    }
    return over;
}

/** Did the entry that @entry names bring what @event waits for? */
static bool brought(struct sim *sim, const struct entry *entry, const struct model_event *event)
{
    const struct model *model = &sim->model;
    const struct model_entry *by = &model->entries[entry->by_seq];

    if (entry->by_seq >= entry->seq || by->verdict != VERDICT_ACCEPTED || by->event == NO_EVENT)
        return false;
    const struct event *that = &model->events[by->event].event;
    for (uint32_t i = 0; i < event->waits_count; i++) {
        const struct wait *wait = &event->waits[i];
        if (wait->kind == WAIT_RESUMED
                ? model->events[by->event].place == event->place &&
                      (that->type == EVENT_RESUMED || that->type == EVENT_WITHDRAWN)
                : that->type == EVENT_ALLOTMENT_SET && that->allotment_set.year == wait->year &&
                      ods_equal(that->organisation, wait->ods))
            return true;
    }
    return false;
}

void model_wait_ended(struct sim *sim, const struct entry *entry)
{
    struct model *model = &sim->model;
    uint32_t index = model->entries[entry->of_seq].event;
    CHECK(index != NO_EVENT);
    struct model_event *event = event_at(sim, index);
    struct model_place *place = add_place(sim, entry, &event->event);

    touch(place, entry);
    model->entries[entry->seq].event = index;
    sim_expect(sim, event->state == MODEL_HELD,
               "entry %llu ends a wait of seq %llu, which does not wait",
               (unsigned long long)entry->seq, (unsigned long long)event->seq);
    sim_expect(sim, entry->expired || brought(sim, entry, event),
               "entry %llu names %llu as what ended the wait", (unsigned long long)entry->seq,
               (unsigned long long)entry->by_seq);
    model_timers_end_wait(sim, entry, event);
    place->held--;
    if (place->judging == NO_EVENT) {
        place->judging = index;
        event->state = MODEL_AT_TURN;
        return;
    }
    CHECK(place->queued < MODEL_QUEUE_MAX);
    memmove(place->queue + 1, place->queue, place->queued * sizeof *place->queue);
    place->queue[0] = index;
    place->queued++;
    event->state = MODEL_QUEUED;
}
