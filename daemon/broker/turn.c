/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "daemon/broker/inside.h"
#include "daemon/domain/route.h"
#include "proto/codec.h"

#define ERROR_BYTES_MAX 160

/* ---- what deciding looks at ---- */

static bool decode_event(struct broker *broker, struct slice bytes, struct event *ret)
{
    struct reason items[REASONS_MAX];
    struct reasons reasons = {.items = items, .max = REASONS_MAX};
    bool id_known;

    if (bytes.bytes != NULL &&
        codec_decode_event(bytes, broker->scratch, ret, &id_known, &reasons) == STATUS_OK)
        return true;
    broker_fail(broker, STATUS_STORE_CORRUPT);
    return false;
}

bool turn_load(struct broker *broker, uint64_t seq, struct event *ret)
{
    struct slice bytes;

    arena_reset(broker->scratch);
    if (!store_event_bytes(broker->store, seq, &bytes)) {
        broker_fail(broker, STATUS_STORE_CORRUPT);
        return false;
    }
    return decode_event(broker, arena_copy(broker->scratch, bytes), ret);
}

/** The workflow's intended, made and withdrawn awards, in the order of their acceptance. Returns how many. */
static uint32_t load_awards(struct broker *broker, uint64_t number)
{
    static const enum event_type types[] = {EVENT_AWARD_INTENDED, EVENT_CONTRACT_AWARDED,
                                            EVENT_AWARD_WITHDRAWN};
    struct slice bytes[ARRAY_LEN(types)][FACTS_MAX];
    uint64_t seqs[ARRAY_LEN(types)][FACTS_MAX];
    uint32_t counts[ARRAY_LEN(types)];
    uint32_t at[ARRAY_LEN(types)] = {0};
    uint32_t all = 0;
    uint32_t count = 0;

    static_assert(ARRAY_LEN(types) * FACTS_MAX <= ARRAY_LEN(broker->facts), "room for all");
    for (uint32_t i = 0; i < ARRAY_LEN(types); i++) {
        counts[i] = store_get_facts(broker->store, number, types[i], bytes[i], seqs[i], FACTS_MAX);
        all += counts[i];
    }
    while (count < all) {
        uint32_t from = ARRAY_LEN(types);
        for (uint32_t i = 0; i < ARRAY_LEN(types); i++) {
            if (at[i] < counts[i] &&
                (from == ARRAY_LEN(types) || seqs[i][at[i]] < seqs[from][at[from]]))
                from = i;
        }
        struct slice copy = arena_copy(broker->scratch, bytes[from][at[from]++]);
        struct seen seen;
        if (!decode_event(broker, copy, &broker->facts[count]))
            return 0;
        /* A fact stands under the seq of its verdict; a timer about it under that of the event. */
        if (!store_get_seen(broker->store, number, broker->facts[count].id, &seen)) {
            broker_fail(broker, STATUS_STORE_CORRUPT);
            return 0;
        }
        broker->fact_seqs[count++] = seen.seq;
    }
    return count;
}

static void load_years(struct broker *broker, const struct event *event, struct ods ods)
{
    struct circumstances *c = &broker->circumstances;
    int32_t years[DECIDE_YEARS_MAX];

    c->years_count = decide_years(event, c->facts, c->facts_count, years);
    for (uint32_t i = 0; i < c->years_count; i++)
        store_get_ledger(broker->store, ods, years[i], &broker->years[i]);
}

static void begin_circumstances(struct broker *broker)
{
    struct circumstances *c = &broker->circumstances;

    memset(c, 0, sizeof *c);
    c->supports = broker->supports;
    c->years = broker->years;
    c->facts = broker->facts;
    c->fact_seqs = broker->fact_seqs;
    c->now_ms = broker->now.wall_ms;
    c->today = date_at(broker->now.wall_ms);
}

void turn_circumstances(struct broker *broker, const struct event *event,
                        const struct workflow *workflow)
{
    struct circumstances *c = &broker->circumstances;
    const struct needs *needs = needs_of(event->type);
    struct ods commissioner = event_commissioner(event);

    begin_circumstances(broker);
    c->workflow = *workflow;
    store_get_organisation(broker->store, commissioner, event->occurred_on, &c->commissioner);
    if (!ods_equal(commissioner, event->sender))
        c->supports_count = store_get_supports(broker->store, commissioner, event->sender,
                                               broker->supports, SUPPORTS_MAX);
    struct open_event open;
    uint64_t first = 0;
    c->seq = workflow->judging_seq;
    c->expired = c->seq != 0 && store_get_open(broker->store, c->seq, &open) && open.expired;
    c->earlier_wait =
        store_next_waiting(broker->store,
                           &(struct wait){.kind = WAIT_RESUMED, .number = workflow->number}, 0,
                           &first) &&
        (workflow->judging_seq == 0 || first < workflow->judging_seq);
    if (needs->money == MONEY_NONE)
        return;
    c->facts_count = load_awards(broker, workflow->number);
    load_years(broker, event, workflow->present_lead);
}

void turn_register_circumstances(struct broker *broker, const struct event *event)
{
    struct circumstances *c = &broker->circumstances;
    struct key_row key;
    struct key public_key = {{0}};

    begin_circumstances(broker);
    store_get_organisation(broker->store, event->organisation, event->occurred_on,
                           &c->commissioner);
    if (event->type == EVENT_SUPPORT_CONTRACT)
        store_get_organisation(broker->store, event->support_contract.csu, event->occurred_on,
                               &c->named);
    load_years(broker, event, event->organisation);
    if (event->type == EVENT_KEY_ADDED)
        public_key = event->key_added.public_key;
    else if (event->type == EVENT_KEY_REVOKED)
        public_key = event->key_revoked.public_key;
    else
        return;
    /* A revoked key is never added again: who holds it may not be whom it was made for. */
    c->key_in_use = store_get_key(broker->store, public_key, &key) &&
                    (event->type == EVENT_KEY_ADDED || !key.revoked);

    /* The first operator's stands in the configuration: it is not added again, nor revoked here. */
    const struct key *first = &broker->options.first_operator.public_key;
    if (event->type == EVENT_KEY_ADDED && memcmp(first, &public_key, sizeof public_key) == 0)
        c->key_in_use = true;
}

/* ---- at its turn ---- */

void turn_await(struct broker *broker, uint64_t seq)
{
    struct turns *turns = &broker->turns;
    const struct docket_event *event = docket_find(broker->docket, seq);
    CHECK(event != NULL);
    CHECK(turns->count < turns->count_max);

    turns->seqs[(turns->first + turns->count) % turns->count_max] = seq;
    turns->count++;
    docket_move(broker->docket, seq, event->stage, DOCKET_TURN);
}

void turn_forget(struct broker *broker, uint64_t seq)
{
    struct turns *turns = &broker->turns;
    uint32_t kept = 0;

    for (uint32_t i = 0; i < turns->count; i++) {
        uint64_t other = turns->seqs[(turns->first + i) % turns->count_max];
        if (other == seq)
            continue;
        turns->seqs[(turns->first + kept) % turns->count_max] = other;
        kept++;
    }
    CHECK(kept + 1 == turns->count);
    turns->count = kept;
}

void turn_next(struct broker *broker, uint64_t number)
{
    const struct wait wait = {.kind = WAIT_RESUMED, .number = number};
    struct workflow workflow;
    uint64_t first;

    if (!store_get_workflow(broker->store, number, &workflow))
        return;
    if (workflow.judging_seq != 0)
        turn_await(broker, workflow.judging_seq);
    else if (workflow.phase != PHASE_SUSPENDED &&
             store_next_waiting(broker->store, &wait, 0, &first))
        turn_release(broker, &wait, workflow.phase_seq);
}

/** Journal the decision about the event received as @seq, tell it, and let the next of its workflow come to its turn. */
static void conclude_turn(struct broker *broker, uint64_t seq, const struct event *event,
                          const struct workflow *workflow, const char *worker, uint32_t attempt)
{
    const struct decision *decision = &broker->decision;
    struct ods audience[AUDIENCE_MAX];
    struct entry entry = {
        .number = workflow->number,
        .previous = workflow->last_seq,
        .audience = audience,
        .audience_count = route_audience(event, workflow, audience),
        .kind = ENTRY_JUDGED,
        .of_seq = seq,
        .verdict = decision->verdict,
        .reasons = decision->reasons.items,
        .reasons_count = decision->reasons.count,
        .lines = decision->lines,
        .lines_count = decision->lines_count,
        .waits = decision->waits,
        .waits_count = decision->waits_count,
        .stage = decision->stage,
        .phase = decision->phase,
        .category = decision->category,
        .keeps_fact = decision->keeps_fact,
        .timers = decision->timers,
        .timers_count = decision->timers_count,
        .shift_ms = decision->shift_ms,
        .worker = {(const uint8_t *)worker, strlen(worker)},
        .attempt = attempt,
    };
    struct answer answer = {
        .kind = ANSWER_VERDICT,
        .id_known = true,
        .event_id = event->id,
        .seq = seq,
        .verdict = decision->verdict,
        .reasons = decision->reasons.items,
        .reasons_count = decision->reasons.count,
    };
    const struct docket_event *open = docket_find(broker->docket, seq);
    CHECK(open != NULL);
    if (!broker_add(broker, &entry, event, &answer.entry_hash))
        return;
    answer.verdict_seq = entry.seq;
    broker->counts.verdicts++;
    broker_answer(broker, open->connection, &answer);

    if (decision->verdict == VERDICT_HELD) {
        docket_move(broker->docket, seq, open->stage, DOCKET_HELD);
    } else {
        quota_give(broker->quota, open->sender, open->cost);
        docket_remove(broker->docket, seq);
    }
    turn_next(broker, workflow->number);
}

void turn_begin(struct broker *broker, uint64_t seq, const struct event *event,
                const struct workflow *workflow)
{
    const struct docket_event *open = docket_find(broker->docket, seq);
    enum stage stage;
    CHECK(open != NULL);
    CHECK(open->state == DOCKET_TURN);

    turn_circumstances(broker, event, workflow);
    if (broker->failure != STATUS_OK)
        return;
    if (!decide_turn(event, &broker->circumstances, &broker->decision, &stage)) {
        conclude_turn(broker, seq, event, workflow, "", 0);
        return;
    }
    queue_push(broker->queue, stage, open->rank, open->sender, seq, open->cost);
    docket_ready(broker->docket, seq, stage, event->occurred_on);
}

void turn_run(struct broker *broker)
{
    struct turns *turns = &broker->turns;

    while (turns->count > 0 && !broker_full(broker) && broker->failure == STATUS_OK) {
        struct open_event open;
        struct workflow workflow;
        struct event event;
        uint64_t seq = turns->seqs[turns->first];
        turns->first = (turns->first + 1) % turns->count_max;
        turns->count--;

        if (!store_get_open(broker->store, seq, &open) ||
            !store_get_workflow(broker->store, open.number, &workflow)) {
            broker_fail(broker, STATUS_STORE_CORRUPT);
            return;
        }
        CHECK(workflow.judging_seq == seq);
        if (turn_load(broker, seq, &event))
            turn_begin(broker, seq, &event, &workflow);
    }
}

/* ---- findings and failed attempts ---- */

/** Load the leased event with its workflow. False: the store is broken. */
static bool load_leased(struct broker *broker, uint64_t seq, struct event *ret_event,
                        struct open_event *ret_open, struct workflow *ret_workflow)
{
    if (!store_get_open(broker->store, seq, ret_open) ||
        !store_get_workflow(broker->store, ret_open->number, ret_workflow)) {
        broker_fail(broker, STATUS_STORE_CORRUPT);
        return false;
    }
    CHECK(ret_workflow->judging_seq == seq);
    return turn_load(broker, seq, ret_event);
}

void turn_judge(struct broker *broker, const struct lease *lease, const char *worker,
                const struct reason *found, uint32_t found_count)
{
    struct event event;
    struct open_event open;
    struct workflow workflow;

    if (!load_leased(broker, lease->seq, &event, &open, &workflow))
        return;
    turn_circumstances(broker, &event, &workflow);
    if (broker->failure != STATUS_OK)
        return;
    decide_verdict(&event, &broker->circumstances, found, found_count, &broker->decision);
    conclude_turn(broker, lease->seq, &event, &workflow, worker, lease->attempt);
}

/** splitmix64: chance that can be repeated. */
static uint64_t next_chance(struct broker *broker)
{
    uint64_t z = broker->chance += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

int turn_error_len(struct slice error)
{
    size_t len = error.len < ERROR_BYTES_MAX ? error.len : ERROR_BYTES_MAX;

    while (len > 0 && len < error.len && (error.bytes[len] & 0xC0) == 0x80)
        len--;
    return (int)len;
}

/** How long until the next attempt after this one failed. */
static uint32_t next_attempt_ms(struct broker *broker, const struct stage_row *row,
                                uint32_t attempt, bool gone)
{
    /* One whose worker went away may go to another at once; one that takes worker after worker away may not. */
    if (gone && attempt == 1)
        return 0;
    return stage_backoff_ms(row, attempt, (uint32_t)(next_chance(broker) % 1000));
}

void turn_failed(struct broker *broker, const struct lease *lease, const char *worker,
                 struct slice error, bool gone)
{
    struct event event;
    struct open_event open;
    struct workflow workflow;
    struct ods audience[AUDIENCE_MAX];
    struct hash hash;

    if (!load_leased(broker, lease->seq, &event, &open, &workflow))
        return;
    const struct stage_row *row = broker_stage(broker, lease->stage);
    uint32_t attempt = open.attempt + 1;
    bool parked = attempt >= row->attempts_max;
    uint32_t wait_ms = parked ? 0 : next_attempt_ms(broker, row, attempt, gone);
    struct entry entry = {
        .number = workflow.number,
        .previous = workflow.last_seq,
        .audience = audience,
        .audience_count = route_audience(&event, &workflow, audience),
        .kind = ENTRY_ATTEMPT_FAILED,
        .of_seq = lease->seq,
        .worker = {(const uint8_t *)worker, strlen(worker)},
        .attempt = attempt,
        .error = {error.bytes, (size_t)turn_error_len(error)},
        .next_at_ms = parked ? 0 : broker->now.wall_ms + wait_ms,
        .parked = parked,
    };
    if (!broker_add(broker, &entry, NULL, &hash))
        return;
    broker->counts.attempts_failed++;
    if (parked) {
        broker->counts.parkings++;
        broker->counts.parked_last_seq = lease->seq;
        docket_move(broker->docket, lease->seq, lease->stage, DOCKET_PARKED);
        return;
    }
    if (wait_ms == 0) {
        turn_await(broker, lease->seq);
        return;
    }
    docket_move(broker->docket, lease->seq, lease->stage, DOCKET_DELAYED);
    due_push(broker->due, broker->now.mono_ms + wait_ms, lease->seq);
}

/* ---- waits ---- */

static bool same_wait(const struct wait *a, const struct wait *b)
{
    return a->kind == b->kind && a->number == b->number && a->year == b->year &&
           ods_equal(a->ods, b->ods);
}

void turn_release(struct broker *broker, const struct wait *wait, uint64_t by_seq)
{
    for (uint32_t i = 0; i < broker->releases_count; i++) {
        if (same_wait(&broker->releases[i].wait, wait))
            return;
    }
    if (broker->releases_count == RELEASES_MAX) {
        broker->wait_pass = true;
        broker->wait_at = (struct wait){.kind = WAIT_NONE};
        broker->wait_seq = 0;
        return;
    }
    broker->releases[broker->releases_count++] = (struct release){.wait = *wait, .by_seq = by_seq};
}

void turn_end_wait(struct broker *broker, uint64_t seq, uint64_t by_seq, bool expired)
{
    struct open_event open;
    struct workflow workflow;
    struct event event;
    struct ods audience[AUDIENCE_MAX];
    struct hash hash;

    if (!store_get_open(broker->store, seq, &open) ||
        !store_get_workflow(broker->store, open.number, &workflow)) {
        broker_fail(broker, STATUS_STORE_CORRUPT);
        return;
    }
    if (open.state != OPEN_HELD || !turn_load(broker, seq, &event))
        return;
    struct entry entry = {
        .number = workflow.number,
        .previous = workflow.last_seq,
        .audience = audience,
        .audience_count = route_audience(&event, &workflow, audience),
        .kind = ENTRY_WAIT_ENDED,
        .of_seq = seq,
        .by_seq = by_seq,
        .expired = expired,
    };
    if (!broker_add(broker, &entry, NULL, &hash) ||
        !store_get_workflow(broker->store, open.number, &workflow))
        return;
    const struct docket_event *docketed = docket_find(broker->docket, seq);
    CHECK(docketed != NULL);
    if (workflow.judging_seq == seq)
        turn_await(broker, seq);
    else
        docket_move(broker->docket, seq, docketed->stage, DOCKET_QUEUED);
}

/** Which entry set the year's allotment: the first of its lines that did. 0: none is found. */
static uint64_t allotment_seq(struct broker *broker, const struct wait *wait)
{
    struct ledger_line_row row;
    uint64_t seq = 0;
    uint32_t index = 0;

    for (uint32_t i = 0; i < BATCH_ENTRIES_MAX; i++) {
        if (!store_next_ledger_line(broker->store, wait->ods, wait->year, seq, index, &row, &index))
            return 0;
        if (row.line.kind == LEDGER_ALLOTMENT)
            return row.entry_seq;
        seq = row.entry_seq;
    }
    return 0;
}

/** Has what @wait names come? *@ret_seq is the entry that brought it. */
static bool has_ended(struct broker *broker, const struct wait *wait, uint64_t *ret_seq)
{
    struct ledger_year year;
    struct workflow workflow;

    switch (wait->kind) {
    case WAIT_ALLOTMENT:
        store_get_ledger(broker->store, wait->ods, wait->year, &year);
        if (year.allotted)
            *ret_seq = allotment_seq(broker, wait);
        return year.allotted;
    case WAIT_RESUMED:
        if (!store_get_workflow(broker->store, wait->number, &workflow)) {
            broker_fail(broker, STATUS_STORE_CORRUPT);
            return false;
        }
        *ret_seq = workflow.phase_seq;
        return workflow.phase != PHASE_SUSPENDED;
    case WAIT_NONE:
        break;
    }
    return false;
}

/** Look at the next wait of all: has it ended? False: that was the last. */
static bool pass_one(struct broker *broker)
{
    uint64_t by_seq = 0;

    if (!store_next_wait(broker->store, &broker->wait_at, &broker->wait_seq))
        return false;
    /* One look is enough for all that wait for the same. */
    broker->wait_seq = UINT64_MAX;
    if (has_ended(broker, &broker->wait_at, &by_seq))
        turn_release(broker, &broker->wait_at, by_seq);
    return true;
}

/** Is nothing of this held event's workflow at its turn? */
static bool is_idle(struct broker *broker, uint64_t seq)
{
    struct open_event open;
    struct workflow workflow;

    return store_get_open(broker->store, seq, &open) &&
           store_get_workflow(broker->store, open.number, &workflow) && workflow.judging_seq == 0;
}

/**
 * Those that a suspension held keep their order: they go to the queue's head, so only where nothing is left of those let go before. And
 * not where it is suspended again. turn_next() lets go those that are left, when their time comes.
 */
static bool may_go_on(struct broker *broker, uint64_t number)
{
    struct workflow workflow;

    return store_get_workflow(broker->store, number, &workflow) &&
           workflow.phase != PHASE_SUSPENDED && workflow.judging_seq == 0;
}

/** Let go up to RELEASES_TURN_MAX of those that wait. False: nobody waits any more, or not for this. */
static bool release_some(struct broker *broker, const struct release *release)
{
    uint64_t seqs[RELEASES_TURN_MAX];
    uint32_t count = 0;
    uint64_t after = 0;

    if (release->wait.kind == WAIT_RESUMED && !may_go_on(broker, release->wait.number))
        return false;
    while (count < RELEASES_TURN_MAX &&
           store_next_waiting(broker->store, &release->wait, after, &seqs[count]))
        after = seqs[count++];

    /* The oldest of each workflow gets its turn; the others go to the queue's head, so the youngest first. */
    for (uint32_t i = 0; i < count && !broker_full(broker); i++) {
        if (is_idle(broker, seqs[i])) {
            turn_end_wait(broker, seqs[i], release->by_seq, false);
            seqs[i] = 0;
        }
    }
    for (uint32_t i = count; i > 0 && !broker_full(broker); i--) {
        if (seqs[i - 1] != 0)
            turn_end_wait(broker, seqs[i - 1], release->by_seq, false);
    }
    return store_next_waiting(broker->store, &release->wait, 0, &after) &&
           broker->failure == STATUS_OK;
}

void turn_releases(struct broker *broker)
{
    for (uint32_t i = 0; i < RELEASES_TURN_MAX && broker->wait_pass &&
                         broker->releases_count < RELEASES_MAX && broker->failure == STATUS_OK;
         i++) {
        if (!pass_one(broker)) {
            broker->wait_pass = false;
            broker->wait_at = (struct wait){.kind = WAIT_NONE};
            broker->wait_seq = 0;
        }
    }
    if (broker->releases_count == 0 || broker_full(broker))
        return;
    struct release *release = &broker->releases[0];
    if (release_some(broker, release))
        return;
    broker->releases_count--;
    memmove(release, release + 1, broker->releases_count * sizeof *release);
}
