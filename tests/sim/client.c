/* SPDX-License-Identifier: Apache-2.0 */
/* client.c - those who send events, send them again until they are answered, and ask. */
#include "tests/sim/sim.h"

#include <string.h>

#include "proto/codec.h"

#define AGAIN_MS_MIN 400
#define AGAIN_MS_SPREAD 3000
#define QUERY_MS 4000
#define REST_SENDS_MAX 400

/* Who they are; two have one key. */
static const char *const organisations[SIM_CLIENTS] = {"02E", "02E", "01F", "0CE",
                                                       "X24", "OPS", "01F"};

void client_init(struct sim *sim, uint32_t at)
{
    struct sim_peer *peer = &sim->peers[CLIENT_PEER(at)];

    (void)snprintf(peer->name, sizeof peer->name, "client-%u", at);
    peer->principal = principal_of(organisations[at]);
    sim->clients[at] = (struct sim_client){
        .window = 1 + sim_any(sim, 5),
        .act_ms = sim->now.mono_ms + sim_any(sim, 200),
    };
}

/* ---- what is sent ---- */

static const char *const leads[] = {"02E", "02E", "01F"};
static const char *const names[] = {"a", "b", "c", "d"};
static const char *const awards[] = {"x", "y"};

/** An event that may well be next for the workflow, since only those come far. */
static struct event next_of(struct sim *sim, const char *lead, const char *name)
{
    struct event event = note(lead, name);
    const struct model_place *place = model_place_of(sim, &event);
    const char *award = awards[sim_any(sim, ARRAY_LEN(awards))];
    int64_t pence = sim_any(sim, 700000);

    if (place == NULL || place->phase == PHASE_NONE) {
        enum stage stage = sim_any(sim, 2) == 0 ? STAGE_CONTRACT_AWARD
                                                : (enum stage)(1 + sim_any(sim, STAGES_MAX));
        return sim_any(sim, 2) == 0 ? needs_assessed(lead, name) : adopted(lead, name, stage);
    }
    switch (place->stage) {
    case STAGE_NEEDS_ASSESSED:
        return needs_assessed(lead, name);
    case STAGE_PRIORITIES_SET:
        return priorities_set(lead, name);
    case STAGE_PROCUREMENT:
        return sim_any(sim, 3) == 0 ? procurement_started(lead, name) : bids_evaluated(lead, name);
    case STAGE_CONTRACT_AWARD:
        return sim_any(sim, 3) == 0   ? contract_awarded(lead, name, award, pence)
               : sim_any(sim, 3) == 0 ? award_withdrawn(lead, name, award)
                                      : award_intended(lead, name, award, pence);
    case STAGE_REVIEW:
        return sim_any(sim, 2) == 0 ? review_completed(lead, name)
                                    : award_withdrawn(lead, name, award);
    case STAGE_NONE:
        break;
    }
    return event;
}

static struct event any_workflow_event(struct sim *sim, const char *lead, const char *name)
{
    const char *award = awards[sim_any(sim, ARRAY_LEN(awards))];
    int64_t pence = sim_any(sim, 700000);

    switch (sim_any(sim, 14)) {
    case 9:
        return suspended(lead, name);
    case 10:
    case 11:
        return resumed(lead, name);
    case 12:
        return sim_any(sim, 3) == 0 ? withdrawn(lead, name) : resumed(lead, name);
    case 0:
        return needs_assessed(lead, name);
    case 1:
        return priorities_set(lead, name);
    case 2:
        return bids_evaluated(lead, name);
    case 3:
        return award_intended(lead, name, award, pence);
    case 4:
        return contract_awarded(lead, name, award, pence);
    case 5:
        return award_withdrawn(lead, name, award);
    case 6:
        return review_completed(lead, name);
    default:
        return note(lead, name);
    }
}

static struct event register_event_of(struct sim *sim, bool keys)
{
    static const char *const groups[] = {"02E", "01F"};
    const char *ods = groups[sim_any(sim, ARRAY_LEN(groups))];
    struct key key = {{0x77}};

    key.bytes[1] = (uint8_t)sim_any(sim, 6);
    if (keys)
        return sim_any(sim, 2) == 0 ? key_added(ods, key) : key_revoked(ods, key);
    if (sim_any(sim, 5) == 0)
        return organisation_registered("01F", ORGANISATION_CCG);
    return allotment_set(ods, 2018 + (int32_t)sim_any(sim, 4), sim_any(sim, 2000000));
}

struct event client_invent(struct sim *sim, uint32_t at)
{
    const char *ods = organisations[at];
    if (strcmp(ods, "X24") == 0 || strcmp(ods, "OPS") == 0)
        return register_event_of(sim, ods[0] == 'O');

    bool unit = strcmp(ods, "0CE") == 0;
    const char *lead = unit ? leads[sim_any(sim, ARRAY_LEN(leads))] : ods;
    const char *name = names[sim_any(sim, 1 + (uint32_t)(sim->seed % ARRAY_LEN(names)))];
    struct event event =
        sim_any(sim, 10) < 7 ? next_of(sim, lead, name) : any_workflow_event(sim, lead, name);
    if (unit)
        event = by_csu(event, ods);
    if ((event.type == EVENT_AWARD_INTENDED || event.type == EVENT_CONTRACT_AWARDED) &&
        sim_any(sim, 2) == 0) {
        event.award.period.from = date_of(2018 + (int32_t)sim_any(sim, 4), 7, 1);
        event.award.period.to = event.award.period.from + (date_t)sim_any(sim, 900);
    }
    if (sim_any(sim, 10) == 0) {
        const struct model_place *place = model_place_of(sim, &event);
        event.after_given = true;
        event.after = place != NULL && sim_any(sim, 2) == 0 ? place->accepted : sim_any(sim, 4);
    }
    return event;
}

/** Give @event its bytes, and a place in the list of what was sent. */
static uint32_t keep(struct sim *sim, uint32_t at, struct event event)
{
    static const struct event_id none;
    uint8_t *bytes = sim_take(sim, 2048);
    struct buffer buffer = {.bytes = bytes, .max = 2048};
    struct reason items[REASONS_MAX];
    struct reasons reasons = {.items = items, .max = REASONS_MAX};
    bool id_known;

    if (event_id_equal(event.id, none))
        event.id = id_of(++sim->ids);
    codec_encode_event(&buffer, &event);
    CHECK(!buffer.full);
    for (uint32_t i = 0; i < sim->sent_count; i++) {
        struct slice known = sim->sent[i].event.bytes;
        if (known.len == buffer.len && memcmp(known.bytes, bytes, known.len) == 0)
            return i; /* by chance the same, to the last byte */
    }
    struct sim_sent *sent = &sim->sent[sim->sent_count];
    *sent = (struct sim_sent){.client = at, .wanted = true, .floor = sim->ended};
    enum status status = codec_decode_event((struct slice){bytes, buffer.len}, sim->arena,
                                            &sent->event, &id_known, &reasons);
    CHECK(status == STATUS_OK);
    return sim->sent_count++;
}

static void send(struct sim *sim, uint32_t at, uint32_t index)
{
    struct sim_sent *sent = &sim->sent[index];
    char id[EVENT_ID_TEXT_SIZE];

    event_id_print(sent->event.id, id);
    sent->sends++;
    sent->again_ms = sim->now.mono_ms + AGAIN_MS_MIN + sim_any(sim, AGAIN_MS_SPREAD);
    sim_say(sim, sim->peers[at].name, "sends #%u %s %s/%s %s, time %u", index,
            event_type_name(sent->event.type),
            event_type_is_register(sent->event.type) ? sent->event.organisation.text
                                                     : sent->event.lead.text,
            sent->event.reference.text, id + 28, sent->sends);
    net_send(sim, (struct packet){.kind = PACKET_EVENT, .peer = CLIENT_PEER(at), .sent = index});
}

/** Another's event of the same organisation, again; or its id with other bytes. */
static void send_known(struct sim *sim, uint32_t at)
{
    uint32_t index = sim_any(sim, sim->sent_count);
    struct sim_sent *sent = &sim->sent[index];

    if (!ods_equal(sent->event.sender, sim->peers[at].principal.organisation))
        return;
    if (sim_any(sim, 3) > 0 || sent->client == at) {
        send(sim, at, index);
        return;
    }
    struct event event = client_invent(sim, at);
    event.id = sent->event.id;
    if (sim_any(sim, 2) == 0 &&
        event_type_is_register(event.type) == event_type_is_register(sent->event.type)) {
        event.lead = sent->event.lead;
        event.reference = sent->event.reference;
    }
    send(sim, at, keep(sim, at, event));
}

void client_let_go(struct sim *sim, uint32_t at)
{
    static const char *const groups[] = {"02E", "01F"};
    static const uint32_t senders[] = {0, 2};

    for (uint32_t i = 0; i < ARRAY_LEN(groups); i++) {
        for (int32_t year = 2018; year < 2022; year++) {
            if (!model_year_of(sim, ods_of(groups[i]), year)->allotted)
                send(sim, at, keep(sim, at, allotment_set(groups[i], year, 5000000)));
        }
        for (uint32_t j = 0; j < sim->model.places_count; j++) {
            const struct model_place *place = &sim->model.places[j];
            if (place->phase == PHASE_SUSPENDED && strcmp(place->ods.text, groups[i]) == 0)
                send(sim, senders[i],
                     keep(sim, senders[i], resumed(groups[i], place->reference.text)));
        }
    }
}

/* ---- what is asked ---- */

static void pose(struct sim *sim, uint32_t at, struct packet *packet)
{
    struct sim_client *client = &sim->clients[at];
    struct packet_query *query = &packet->query;

    query->query_id = ++client->query_id * SIM_PEERS + at;
    client->query_command = query->command;
    client->query_floor = sim->ended;
    client->query_until_ms = sim->now.mono_ms + QUERY_MS;
    sim_say(sim, sim->peers[at].name, "asks %s %.*s", query->command,
            query->arguments_count > 0 ? (int)query->arguments[0].value.len : 0,
            query->arguments_count > 0 ? (const char *)query->arguments[0].value.bytes : "");
    net_send(sim, *packet);
}

static void ask(struct sim *sim, uint32_t at)
{
    static const char *const commands[] = {"workflow show", "workflow list", "ledger show",
                                           "event status", "queue list"};
    struct packet packet = {.kind = PACKET_QUERY, .peer = CLIENT_PEER(at)};
    struct packet_query *query = &packet.query;
    struct event like = client_invent(sim, at);
    uint32_t which = sim_any(sim, ARRAY_LEN(commands));

    if (event_type_is_register(like.type))
        which = 2 + 2 * sim_any(sim, 2); /* of money, or of queues */
    query->command = commands[which];
    if (which == 0 || which == 3) {
        const struct sim_sent *sent = NULL;
        for (uint32_t i = 0; which == 3 && i < 8 && sim->sent_count > 0; i++) {
            const struct sim_sent *some = &sim->sent[sim_any(sim, sim->sent_count)];
            if (!event_type_is_register(some->event.type))
                sent = some;
        }
        struct event *event = sim_take(sim, sizeof *event);
        *event = sent != NULL ? sent->event : like;
        query->arguments[0] = (struct argument){slice_of("lead"), slice_of(event->lead.text)};
        query->arguments[1] =
            (struct argument){slice_of("reference"), slice_of(event->reference.text)};
        query->arguments_count = 2;
        if (which == 3) {
            char *id = sim_take(sim, EVENT_ID_TEXT_SIZE);
            event_id_print(event->id, id);
            query->arguments[2] = (struct argument){slice_of("event_id"), slice_of(id)};
            query->arguments_count = 3;
        }
    }
    pose(sim, at, &packet);
}

static bool any_parked(const struct sim *sim)
{
    for (uint32_t i = 0; i < sim->model.events_count; i++) {
        if (sim->model.events[i].state == MODEL_PARKED)
            return true;
    }
    return false;
}

static bool all_run(const struct sim *sim)
{
    for (uint32_t i = 1; i <= STAGES_MAX; i++) {
        if (sim->model.stages[i] != STAGE_RUNNING)
            return false;
    }
    return true;
}

/** Has the operator still something to set right? */
static bool to_be_ordered(const struct sim *sim)
{
    return !all_run(sim) || (sim->seed % 2 == 0 && any_parked(sim));
}

/** The operator: a stage stands still, empties itself, or goes on; what is parked is tried again, or discarded. */
static void order(struct sim *sim, uint32_t at)
{
    static const char *const commands[] = {"queue pause",  "queue drain",  "queue resume",
                                           "queue resume", "parked retry", "parked discard"};
    struct packet packet = {.kind = PACKET_QUERY, .peer = CLIENT_PEER(at)};
    struct packet_query *query = &packet.query;
    enum stage stage = (enum stage)(1 + sim_any(sim, STAGES_MAX));
    uint32_t which = sim_any(sim, ARRAY_LEN(commands));

    if (sim->healing)
        which = all_run(sim) ? 4 + sim_any(sim, 2) : 2;
    for (uint32_t i = 1; sim->healing && i <= STAGES_MAX; i++) {
        if (sim->model.stages[i] != STAGE_RUNNING)
            stage = (enum stage)i;
    }
    query->command = commands[which];
    query->arguments[0] = (struct argument){slice_of("reason"), slice_of("as the seed has it")};
    query->arguments[1] = (struct argument){slice_of("stage"), slice_of(stage_name(stage))};
    query->arguments_count = which < 4 ? 2 : 1;
    pose(sim, at, &packet);
}

/** A sender takes back an event of its own that is under way. */
static void take_back(struct sim *sim, uint32_t at)
{
    struct packet packet = {.kind = PACKET_QUERY, .peer = CLIENT_PEER(at)};
    struct packet_query *query = &packet.query;
    struct sim_sent *sent = &sim->sent[sim_any(sim, sim->sent_count)];
    char *id = sim_take(sim, EVENT_ID_TEXT_SIZE);

    if (event_type_is_register(sent->event.type))
        return;
    event_id_print(sent->event.id, id);
    query->command = "event withdraw";
    query->arguments[0] = (struct argument){slice_of("event_id"), slice_of(id)};
    query->arguments[1] = (struct argument){slice_of("lead"), slice_of(sent->event.lead.text)};
    query->arguments[2] =
        (struct argument){slice_of("reference"), slice_of(sent->event.reference.text)};
    query->arguments[3] = (struct argument){slice_of("reason"), slice_of("sent in error")};
    query->arguments_count = 4;
    pose(sim, at, &packet);
}

/* ---- acting ---- */

static uint32_t under_way(const struct sim *sim, uint32_t at)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < sim->sent_count; i++)
        count += sim->sent[i].client == at && sim->sent[i].wanted ? 1 : 0;
    return count;
}

static void resend_due(struct sim *sim, uint32_t at)
{
    bool anew = sim_fault(sim, sim->weather.reconnects);

    for (uint32_t i = 0; i < sim->sent_count; i++) {
        struct sim_sent *sent = &sim->sent[i];
        if (sent->client != at || !sent->wanted || sent->again_ms > sim->now.mono_ms)
            continue;
        if (anew)
            net_reconnect(sim, CLIENT_PEER(at));
        anew = false;
        sim_expect(sim, !sim->healing || sent->sends < REST_SENDS_MAX,
                   "event #%u was sent %u times and is not answered", i, sent->sends);
        send(sim, at, i);
    }
}

void client_act(struct sim *sim, uint32_t at)
{
    struct sim_client *client = &sim->clients[at];

    resend_due(sim, at);
    if (client->query_until_ms != 0 && client->query_until_ms <= sim->now.mono_ms)
        client->query_until_ms = 0;
    if (client->act_ms > sim->now.mono_ms)
        return;
    client->act_ms = sim->now.mono_ms + 1 + sim_any(sim, at == 4 || at == 5 ? 1500 : 150);
    bool operates = (sim->peers[at].principal.verbs & VERB_BIT(VERB_OPERATE)) != 0;
    bool idle = client->query_until_ms == 0;
    if (operates && idle && (sim->healing ? to_be_ordered(sim) : sim_any(sim, 4) == 0))
        order(sim, at);
    else if (idle && !sim->healing && sim->sent_count > 0 && sim_any(sim, 20) == 0)
        take_back(sim, at);
    else if (idle && sim_any(sim, 4) == 0)
        ask(sim, at);
    if (sim->healing || sim->sent_count + 16 > SIM_SENT_MAX)
        return;
    if (sim->sent_count > 0 && sim_any(sim, 8) == 0)
        send_known(sim, at);
    else if (under_way(sim, at) < client->window)
        send(sim, at, keep(sim, at, client_invent(sim, at)));
}

int64_t client_due_ms(const struct sim *sim, uint32_t at)
{
    int64_t due_ms = sim->healing && !to_be_ordered(sim) ? INT64_MAX : sim->clients[at].act_ms;
    for (uint32_t i = 0; i < sim->sent_count; i++) {
        const struct sim_sent *sent = &sim->sent[i];
        if (sent->client == at && sent->wanted && sent->again_ms < due_ms)
            due_ms = sent->again_ms;
    }
    return due_ms;
}

/* ---- what comes back ---- */

/** Which of its organisation's events the answer is about: its own, else one that it sent again. */
static struct sim_sent *sent_by(struct sim *sim, uint32_t at, const struct answer *answer)
{
    struct sim_sent *found = NULL;
    for (uint32_t i = 0; i < sim->sent_count; i++) {
        struct sim_sent *sent = &sim->sent[i];
        bool same = answer->id_known && event_id_equal(sent->event.id, answer->event_id) &&
                    ods_equal(sent->event.sender, sim->peers[at].principal.organisation);
        /* Where one id was used for two events, a receipt tells by its seq which it is about. */
        if (same && answer->kind != ANSWER_REFUSED) {
            const struct model_event *event = model_find(sim, &sent->event);
            same = event != NULL && event->seq == answer->seq && event->sent == i;
        }
        if (same && (found == NULL || sent->client == at))
            found = sent;
    }
    return found;
}

static void shown(struct sim *sim, uint64_t position)
{
    if (position > sim->ended)
        sim->ended = position;
}

static void take_receipt(struct sim *sim, struct sim_sent *sent, const struct answer *answer)
{
    if (sent->receipt_known) {
        sim_expect(sim,
                   sent->seq == answer->seq && hash_equal(sent->receipt_hash, answer->entry_hash),
                   "another receipt than the first: seq %llu, was %llu",
                   (unsigned long long)answer->seq, (unsigned long long)sent->seq);
        return;
    }
    sim_expect(sim, answer->seq > sent->floor,
               "an event sent after position %llu was shown has the older seq %llu",
               (unsigned long long)sent->floor, (unsigned long long)answer->seq);
    sent->receipt_known = true;
    sent->seq = answer->seq;
    sent->receipt_hash = answer->entry_hash;
    shown(sim, answer->seq);
}

static void take_verdict(struct sim *sim, struct sim_sent *sent, const struct answer *answer)
{
    sim_expect(sim, !sent->receipt_known || sent->seq == answer->seq,
               "a verdict about seq %llu for the event of seq %llu",
               (unsigned long long)answer->seq, (unsigned long long)sent->seq);
    if (answer->verdict_seq < sent->verdict_seq)
        return; /* it was overtaken by a later one */
    if (answer->verdict_seq == sent->verdict_seq)
        sim_expect(
            sim,
            answer->verdict == sent->verdict && hash_equal(answer->entry_hash, sent->verdict_hash),
            "another verdict than before under seq %llu", (unsigned long long)answer->verdict_seq);
    else
        sim_expect(sim, sent->verdict == VERDICT_NONE || sent->verdict == VERDICT_HELD,
                   "a second final verdict, seq %llu", (unsigned long long)answer->verdict_seq);
    sent->verdict_seq = answer->verdict_seq;
    sent->verdict = answer->verdict;
    sent->verdict_hash = answer->entry_hash;
    sent->wanted = false;
    shown(sim, answer->verdict_seq);
}

void client_answer(struct sim *sim, uint32_t at, const struct answer *answer, enum reason_code why)
{
    struct sim_sent *sent = sent_by(sim, at, answer);

    sim_say(sim, sim->peers[at].name, "hears %s about seq %llu%s",
            answer->kind == ANSWER_RECEIPT   ? "RECEIPT"
            : answer->kind == ANSWER_VERDICT ? verdict_name(answer->verdict)
                                             : reason_name(why),
            (unsigned long long)answer->seq, answer->repeated ? ", repeated" : "");
    sim_expect(sim, sent != NULL, "%s hears of an event that it did not send", sim->peers[at].name);
    if (answer->kind == ANSWER_RECEIPT) {
        take_receipt(sim, sent, answer);
    } else if (answer->kind == ANSWER_VERDICT) {
        take_verdict(sim, sent, answer);
    } else if (why == REASON_BUSY || why == REASON_DRAINING || why == REASON_STORE_FULL ||
               why == REASON_STAGE_DRAINING) {
        sent->again_ms = sim->now.mono_ms + answer->retry_after_ms + 1 + sim_any(sim, 200);
    } else {
        /* For another's event of the same id this says nothing of one's own. */
        for (uint32_t i = 0; i < sim->sent_count; i++) {
            struct sim_sent *mine = &sim->sent[i];
            const struct model_event *known = model_find(sim, &mine->event);
            bool taken = known != NULL && known->sent == i;
            if (mine->client == at && event_id_equal(mine->event.id, answer->event_id) && !taken) {
                mine->refused = why != REASON_ID_REUSED || known != NULL;
                mine->wanted = !mine->refused;
            }
        }
    }
}

void client_reply(struct sim *sim, uint32_t at, uint64_t query_id, uint64_t as_of_seq)
{
    struct sim_client *client = &sim->clients[at];

    if (client->query_until_ms == 0 || query_id != client->query_id * SIM_PEERS + at)
        return;
    client->query_until_ms = 0;
    sim_say(sim, sim->peers[at].name, "hears a reply as of %llu", (unsigned long long)as_of_seq);
    sim_expect(sim, as_of_seq >= client->query_floor,
               "a reply as of %llu to a question asked after position %llu was shown",
               (unsigned long long)as_of_seq, (unsigned long long)client->query_floor);
    shown(sim, as_of_seq);
}
