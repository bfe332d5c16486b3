/* SPDX-License-Identifier: Apache-2.0 */
/* model.c - what has become durable, entry by entry; and what leaves the daemon, held against it. */
#include "tests/sim/sim.h"

#include <string.h>

#include "proto/codec.h"

void model_init(struct sim *sim)
{
    struct model *model = &sim->model;

    model->seq = model->runs = model->counter = model->turn_first = 0;
    model->events_count = model->places_count = model->years_count = model->open_count = 0;
    model->timers_count = 0;
    for (uint32_t i = 0; i <= STAGES_MAX; i++)
        model->stages[i] = STAGE_RUNNING;
}

/* ---- finding ---- */

uint32_t model_ods_bit(struct ods ods)
{
    static const char *const known[] = {"02E", "01F", "0CE", "X24", "OPS"};
    for (uint32_t i = 0; i < ARRAY_LEN(known); i++) {
        if (strcmp(ods.text, known[i]) == 0)
            return 1u << i;
    }
    return 0;
}

struct model_place *model_place_of(struct sim *sim, const struct event *event)
{
    bool is_register = event_type_is_register(event->type);

    for (uint32_t i = 0; i < sim->model.places_count; i++) {
        struct model_place *place = &sim->model.places[i];
        if (place->is_register != is_register)
            continue;
        if (is_register ? place->type == event->type && ods_equal(place->ods, event->organisation)
                        : ods_equal(place->ods, event->lead) &&
                              reference_equal(place->reference, event->reference))
            return place;
    }
    return NULL;
}

struct model_event *model_find(struct sim *sim, const struct event *event)
{
    const struct model_place *place = model_place_of(sim, event);

    for (uint32_t i = 0; place != NULL && i < sim->model.events_count; i++) {
        struct model_event *found = &sim->model.events[i];
        if (&sim->model.places[found->place] == place && event_id_equal(found->event.id, event->id))
            return found;
    }
    return NULL;
}

struct model_year *model_year_of(struct sim *sim, struct ods ods, int32_t year)
{
    struct model *model = &sim->model;

    for (uint32_t i = 0; i < model->years_count; i++) {
        if (model->years[i].year == year && ods_equal(model->years[i].ods, ods))
            return &model->years[i];
    }
    CHECK(model->years_count < MODEL_YEARS_MAX);
    struct model_year *made = &model->years[model->years_count++];
    *made = (struct model_year){.ods = ods, .year = year};
    return made;
}

/* ---- entries ---- */

static void take_started(struct sim *sim, const struct entry *entry)
{
    struct model *model = &sim->model;

    model->runs++;
    sim_expect(sim, entry->run == model->runs, "run %llu after %llu others",
               (unsigned long long)entry->run, (unsigned long long)model->runs - 1);
    model->counter = 0;
    for (uint32_t i = 0; i < model->events_count; i++)
        model->events[i].assigned = false;
}

static void take_kind(struct sim *sim, const struct entry *entry)
{
    switch (entry->kind) {
    case ENTRY_STARTED:
        take_started(sim, entry);
        break;
    case ENTRY_RECEIVED:
        model_received(sim, entry);
        break;
    case ENTRY_RECORDED:
        model_recorded(sim, entry);
        break;
    case ENTRY_JUDGED:
        model_judged(sim, entry);
        break;
    case ENTRY_ATTEMPT_FAILED:
        model_failed(sim, entry);
        break;
    case ENTRY_WAIT_ENDED:
        model_wait_ended(sim, entry);
        break;
    case ENTRY_LATE_FINDING:
        model_late(sim, entry);
        break;
    case ENTRY_STAGE_SET:
        sim_expect(sim, sim->model.stages[entry->stage] != entry->stage_state,
                   "a stage is set as it is");
        sim->model.stages[entry->stage] = entry->stage_state;
        break;
    case ENTRY_OPERATED:
        break;
    case ENTRY_RETRIED:
        model_retried(sim, entry);
        break;
    case ENTRY_EVENT_WITHDRAWN:
        model_withdrawn(sim, entry);
        break;
    case ENTRY_TIMER_FIRED:
        model_timer_fired(sim, entry);
        break;
    case ENTRY_NONE:
        sim_fail(sim, "an entry of kind %d", (int)entry->kind);
    }
}

void model_take(struct sim *sim, uint64_t seq)
{
    struct model *model = &sim->model;
    struct slice bytes;
    struct entry entry;
    CHECK(seq == model->seq + 1);
    CHECK(seq <= MODEL_ENTRIES_MAX);
    struct model_entry *kept = &model->entries[seq];

    *kept = (struct model_entry){.event = UINT32_MAX};
    enum status status = store_read_entry(sim->host.store, seq, &bytes, &kept->hash);
    sim_expect(sim, status == STATUS_OK, "entry %llu cannot be read: %s", (unsigned long long)seq,
               status_text(status));
    size_t mark = arena_used(sim->decode);
    status = codec_decode_entry(arena_copy(sim->decode, bytes), sim->decode, &entry);
    sim_expect(sim, status == STATUS_OK && entry.seq == seq, "entry %llu is not what it says",
               (unsigned long long)seq);
    kept->kind = entry.kind;
    kept->verdict = entry.verdict;
    for (uint32_t i = 0; i < entry.audience_count; i++)
        kept->audience |= model_ods_bit(entry.audience[i]);
    model->seq = seq;
    sim_say(sim, "journal", "%llu: kind %d of %llu, number %llu %s", (unsigned long long)seq,
            (int)entry.kind, (unsigned long long)entry.of_seq, (unsigned long long)entry.number,
            entry.verdict != VERDICT_NONE ? verdict_name(entry.verdict) : "");
    take_kind(sim, &entry);
    arena_rewind(sim->decode, mark);
}

void model_catch_up(struct sim *sim, const struct owed *const *owed, uint32_t owed_count)
{
    struct model *model = &sim->model;
    uint64_t durable = store_durable_seq(sim->host.store);
    uint32_t at = 0;

    sim_expect(sim, durable >= model->seq, "%llu entries were durable, %llu are",
               (unsigned long long)model->seq, (unsigned long long)durable);
    for (uint64_t seq = model->seq;; seq++) {
        /* Replies are owed in the order in which they were asked. */
        for (; at < owed_count; at++) {
            if (owed[at]->kind != MESSAGE_REPLIES)
                continue;
            if (owed[at]->reply.as_of_seq > seq)
                break;
            sim_expect(sim, owed[at]->reply.as_of_seq == seq,
                       "a reply as of %llu when %llu had been taken",
                       (unsigned long long)owed[at]->reply.as_of_seq, (unsigned long long)seq);
            model_reply(sim, &owed[at]->reply, owed[at]->connection);
        }
        if (seq == durable)
            break;
        model_take(sim, seq + 1);
    }
    sim_expect(sim, at == owed_count, "a reply about entries that are not durable");
}

void model_reopened(struct sim *sim)
{
    struct model *model = &sim->model;
    uint64_t durable = store_durable_seq(sim->host.store);
    struct slice bytes;
    struct hash hash;

    sim_expect(sim, durable >= model->seq, "%llu entries were durable, %llu are left",
               (unsigned long long)model->seq, (unsigned long long)durable);
    /* The chain makes the last one speak for all before it. */
    if (model->seq > 0) {
        enum status status = store_read_entry(sim->host.store, model->seq, &bytes, &hash);
        sim_expect(sim, status == STATUS_OK && hash_equal(hash, model->entries[model->seq].hash),
                   "entry %llu is another than before", (unsigned long long)model->seq);
    }
    while (model->seq < durable)
        model_take(sim, model->seq + 1);
    model_compare(sim, true);
}

/* ---- what leaves ---- */

static const struct model_event *event_of_entry(struct sim *sim, uint64_t seq)
{
    uint32_t index = seq <= sim->model.seq ? sim->model.entries[seq].event : UINT32_MAX;
    return index != UINT32_MAX ? &sim->model.events[index] : NULL;
}

void model_answer(struct sim *sim, connection_t to, const struct answer *answer)
{
    struct model *model = &sim->model;
    uint64_t seq = answer->kind == ANSWER_VERDICT ? answer->verdict_seq : answer->seq;

    if (answer->kind == ANSWER_REFUSED)
        return;
    sim_expect(sim, seq <= model->seq, "an answer of entry %llu, durable are %llu",
               (unsigned long long)seq, (unsigned long long)model->seq);
    const struct model_event *event = event_of_entry(sim, seq);
    struct model_entry *entry = &model->entries[seq];
    sim_expect(sim,
               event != NULL && event->seq == answer->seq &&
                   event_id_equal(event->event.id, answer->event_id),
               "an answer names entry %llu, which is not about its event", (unsigned long long)seq);
    sim_expect(sim, hash_equal(entry->hash, answer->entry_hash),
               "an answer of entry %llu has another hash", (unsigned long long)seq);
    sim_expect(sim, answer->repeated || seq >= model->turn_first,
               "a first answer of entry %llu, which is older than this turn",
               (unsigned long long)seq);
    if (answer->kind == ANSWER_VERDICT)
        sim_expect(sim, answer->verdict == entry->verdict, "a verdict other than entry %llu's",
                   (unsigned long long)seq);
    if (event->sent != UINT32_MAX) {
        const struct sim_sent *sent = &sim->sent[event->sent];
        bool heard = to == sent->connection;
        for (uint32_t i = 0; i < sent->heard_count && sent->turn == sim->host.turns; i++)
            heard = heard || to == sent->heard[i];
        sim_expect(sim, heard || sent->heard_count == SIM_HEARD_MAX,
                   "an answer of entry %llu goes to a connection that did not send the event last",
                   (unsigned long long)seq);
    }
    if (!answer->repeated)
        entry->told = true;
}

/** Did someone send the event to this run of the daemon, before it was judged in this turn? */
static bool has_listener(const struct sim *sim, const struct model_event *event)
{
    const struct sim_sent *sent = &sim->sent[event->sent];
    if (event->seq >= sim->model.turn_first || sent->turn != sim->host.turns)
        return sent->connection != 0;
    return sent->heard[0] != 0;
}

void model_turn_ended(struct sim *sim)
{
    const struct model *model = &sim->model;

    for (uint64_t seq = model->turn_first; seq <= model->seq; seq++) {
        const struct model_entry *entry = &model->entries[seq];
        const struct model_event *event = event_of_entry(sim, seq);
        bool answered = entry->kind == ENTRY_RECEIVED || entry->kind == ENTRY_JUDGED ||
                        entry->kind == ENTRY_RECORDED || entry->kind == ENTRY_EVENT_WITHDRAWN;
        if (answered && event->sent != UINT32_MAX && has_listener(sim, event))
            sim_expect(sim, entry->told, "nobody was told of entry %llu", (unsigned long long)seq);
    }
}

void model_assignment(struct sim *sim, const struct assignment *assignment)
{
    struct model *model = &sim->model;
    struct model_event *event = NULL;

    for (uint32_t i = 0; i < model->events_count; i++) {
        if (model->events[i].seq == assignment->seq)
            event = &model->events[i];
    }
    sim_expect(sim, event != NULL && event->state == MODEL_AT_TURN,
               "seq %llu is assigned and not at its turn", (unsigned long long)assignment->seq);
    sim_expect(sim,
               assignment->token.run == model->runs && assignment->token.counter > model->counter,
               "the token %llu.%llu is not a new one", (unsigned long long)assignment->token.run,
               (unsigned long long)assignment->token.counter);
    sim_expect(sim, model->stages[assignment->stage] != STAGE_PAUSED,
               "seq %llu is assigned, and its stage is paused",
               (unsigned long long)assignment->seq);
    sim_expect(sim, assignment->attempt == event->attempts + 1, "attempt %u after %u that failed",
               assignment->attempt, event->attempts);
    sim_expect(sim,
               assignment->event_bytes.len == event->event.bytes.len &&
                   memcmp(assignment->event_bytes.bytes, event->event.bytes.bytes,
                          event->event.bytes.len) == 0,
               "seq %llu is assigned with other bytes", (unsigned long long)assignment->seq);
    model->counter = assignment->token.counter;
    event->assigned = true;
    event->token = assignment->token;
}

void model_entries(struct sim *sim, const struct feed_entries *entries)
{
    const struct model *model = &sim->model;

    if (entries->error.len > 0)
        return;
    for (uint32_t i = 0; i < entries->entries_count; i++) {
        const struct entry_row *row = &entries->entries[i];
        sim_expect(sim,
                   row->seq <= model->seq && hash_equal(row->hash, model->entries[row->seq].hash),
                   "a feed has another entry %llu", (unsigned long long)row->seq);
    }
    sim_expect(sim, entries->read_seq <= model->seq || entries->entries_count == 0,
               "a feed is at %llu, durable are %llu", (unsigned long long)entries->read_seq,
               (unsigned long long)model->seq);
}

void model_read(struct sim *sim, uint32_t reader, const struct packet_entries *entries)
{
    const struct model *model = &sim->model;
    const struct principal *principal = &sim->peers[READER_PEER(reader)].principal;
    uint32_t mine = model_ods_bit(principal->organisation);
    uint32_t at = 0;

    for (uint64_t seq = sim->readers[reader].cursor + 1; seq <= entries->read_seq; seq++) {
        sim_expect(sim, seq <= model->seq, "a feed is ahead of the journal");
        if (!(principal->verbs & VERB_BIT(VERB_OPERATE)) &&
            (model->entries[seq].audience & mine) == 0)
            continue;
        sim_expect(sim, at < entries->count && entries->seqs[at] == seq,
                   "entry %llu is missing in a feed that was read up to %llu",
                   (unsigned long long)seq, (unsigned long long)entries->read_seq);
        at++;
    }
    sim_expect(sim, at == entries->count, "a feed has %u entries too many", entries->count - at);
}
