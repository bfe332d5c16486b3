/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/broker/broker.h"

#include <string.h>

#include "daemon/broker/inside.h"
#include "daemon/domain/route.h"
#include "proto/codec.h"

/* ---- new and free ---- */

/** Where the event of an open row stands after a start. */
static void reopen(struct broker *broker, const struct open_event *open)
{
    const struct needs *needs = needs_of(open->type);
    struct docket_event event = {
        .seq = open->seq,
        .sender = open->sender,
        .received_at_ms = open->received_at_ms,
        .cost = open->event_len,
        .rank = QUEUE_ORDINARY,
        .stage = needs != NULL ? needs->stage : STAGE_NONE,
    };
    struct workflow workflow;
    if (needs != NULL && needs->any_stage &&
        store_get_workflow(broker->store, open->number, &workflow))
        event.stage = workflow.stage;

    switch (open->state) {
    case OPEN_QUEUED:
        event.state = DOCKET_QUEUED;
        break;
    case OPEN_READY:
        event.state = DOCKET_TURN;
        break;
    case OPEN_DELAYED:
        event.state = DOCKET_DELAYED;
        break;
    case OPEN_HELD:
        event.state = DOCKET_HELD;
        break;
    }
    docket_add(broker->docket, &event);
    quota_take(broker->quota, open->sender);
    if (open->state == OPEN_READY)
        turn_await(broker, open->seq);
    if (open->state != OPEN_DELAYED)
        return;

    /* A clock that was set back makes nobody wait longer than the longest backoff. */
    int64_t longest_ms =
        event.stage != STAGE_NONE ? stage_row(event.stage)->backoff_ms_max : LEASE_MS;
    int64_t wait_ms = open->due_ms - broker->now.wall_ms;
    wait_ms = wait_ms < 0 ? 0 : wait_ms > longest_ms ? longest_ms : wait_ms;
    due_push(broker->due, broker->now.mono_ms + wait_ms, open->seq);
}

static void rebuild(struct broker *broker)
{
    struct open_event open;
    for (uint64_t seq = 0; store_next_open(broker->store, seq, &open); seq = open.seq)
        reopen(broker, &open);

    /* What somebody waits for may have come just before the end. */
    broker->wait_pass = true;
}

static enum status take_memory(struct broker *broker, uint32_t events_max)
{
    const struct broker_options *options = &broker->options;
    enum status status = arena_new(&broker->arena, BROKER_ARENA_BYTES);

    outbox_init(&broker->outbox, broker->arena);
    if (status == STATUS_OK)
        status = arena_new(&broker->scratch, ARENA_BYTES_MAX);
    if (status == STATUS_OK)
        status = docket_new(&broker->docket, events_max);
    if (status == STATUS_OK)
        status = queue_new(&broker->queue, events_max);
    if (status == STATUS_OK)
        status = quota_new(&broker->quota, events_max);
    if (status == STATUS_OK)
        status = roster_new(&broker->roster, options->workers_max, events_max);
    if (status == STATUS_OK)
        status = due_new(&broker->due, events_max);
    if (status == STATUS_OK)
        status = feeds_new(&broker->feeds, options->feeds_max);
    if (status != STATUS_OK)
        return status;
    broker->turns.seqs = calloc(events_max, sizeof *broker->turns.seqs);
    broker->turns.count_max = events_max;
    return broker->turns.seqs != NULL ? STATUS_OK : STATUS_NO_MEMORY;
}

enum status broker_new(struct broker **ret, struct store *store,
                       const struct broker_options *options, struct instant now, uint32_t seed)
{
    CHECK(options->events_open_max >= 1);
    CHECK(options->events_open_sender_max >= 1);

    struct broker *broker = calloc(1, sizeof *broker);
    if (broker == NULL)
        return STATUS_NO_MEMORY;
    broker->store = store;
    broker->options = *options;
    (void)snprintf(broker->version, sizeof broker->version, "%s",
                   options->version != NULL ? options->version : "");
    broker->started = now;
    broker->now = now;
    broker->chance = seed;

    /* More may be open than is allowed today: nothing of it is dropped. */
    struct store_counts counts;
    store_count(store, &counts);
    uint64_t events_max = counts.open_events > options->events_open_max ? counts.open_events
                                                                        : options->events_open_max;
    CHECK(events_max <= UINT32_MAX / 4);
    enum status status = take_memory(broker, (uint32_t)events_max);
    if (status != STATUS_OK)
        goto fail;
    rebuild(broker);

    *ret = broker;
    return STATUS_OK;

fail:
    broker_free(broker);
    return status;
}

struct broker *broker_free(struct broker *broker)
{
    if (broker != NULL) {
        arena_free(broker->arena);
        arena_free(broker->scratch);
        docket_free(broker->docket);
        queue_free(broker->queue);
        quota_free(broker->quota);
        roster_free(broker->roster);
        due_free(broker->due);
        feeds_free(broker->feeds);
        free(broker->turns.seqs);
    }
    free(broker);
    return NULL;
}

/* ---- the ways out ---- */

void broker_fail(struct broker *broker, enum status status)
{
    CHECK(status != STATUS_OK);
    if (broker->failure == STATUS_OK)
        broker->failure = status;
}

void broker_make_room(struct broker *broker)
{
    if (!store_batch_full(broker->store))
        return;
    enum status status = store_flush(broker->store);
    if (status != STATUS_OK)
        broker_fail(broker, status);
}

bool broker_add(struct broker *broker, struct entry *entry, const struct event *event,
                struct hash *ret_hash)
{
    broker_make_room(broker);
    if (broker->failure != STATUS_OK)
        return false;

    uint64_t next_seq = store_next_seq(broker->store);
    entry->seq = 0;
    entry->at_ms = broker->now.wall_ms;
    store_add(broker->store, entry, event, ret_hash);
    /* Else the store has failed, and says how at the flush. */
    return entry->seq == next_seq;
}

void broker_answer(struct broker *broker, connection_t to, const struct answer *answer)
{
    if (to == 0)
        return;
    size_t bytes = answer->reasons_count * sizeof *answer->reasons;
    struct slice reasons = {NULL, 0};
    if (bytes > 0)
        reasons =
            arena_copy(broker->arena, (struct slice){(const uint8_t *)answer->reasons, bytes});
    struct owed *owed = bytes > 0 && reasons.bytes == NULL
                            ? NULL
                            : outbox_push(&broker->outbox, OWED_CLIENT, to, MESSAGE_ANSWERS);
    if (owed == NULL)
        return; /* no room: it is asked again, and answered then */
    owed->answer = *answer;
    owed->answer.reasons = (const struct reason *)(const void *)reasons.bytes;
}

static void refuse(struct broker *broker, connection_t to, const struct event_id *id,
                   const struct reasons *reasons, uint32_t retry_after_ms)
{
    struct answer answer = {
        .kind = ANSWER_REFUSED,
        .id_known = id != NULL,
        .reasons = reasons->items,
        .reasons_count = reasons->count,
        .retry_after_ms = retry_after_ms,
    };
    if (id != NULL)
        answer.event_id = *id;
    broker->counts.refusals++;
    broker_answer(broker, to, &answer);
}

void broker_refuse(struct broker *broker, connection_t from, const struct event_id *id,
                   const struct reason *reasons, uint32_t reasons_count)
{
    struct reason items[REASONS_MAX];
    struct reasons copied = {.items = items, .max = REASONS_MAX};

    for (uint32_t i = 0; i < reasons_count && i < REASONS_MAX; i++)
        items[copied.count++] = reasons[i];
    broker->counts.malformed++;
    refuse(broker, from, id, &copied, 0);
}

/* ---- a turn ---- */

void broker_begin(struct broker *broker, struct instant now)
{
    broker->now = now;
    broker->concluded = false;
    arena_reset(broker->arena);
    outbox_reset(&broker->outbox);
    broker->has_room = store_has_room(broker->store);
    if (broker->begun)
        return;

    broker->begun = true;
    uint8_t journal_id[16];
    store_journal_id(broker->store, journal_id);
    struct entry entry = {
        .kind = ENTRY_STARTED,
        .run = store_run(broker->store),
        .version = {(const uint8_t *)broker->version, strlen(broker->version)},
        .journal_id = {journal_id, sizeof journal_id},
    };
    struct hash hash;
    broker_add(broker, &entry, NULL, &hash);
}

bool broker_full(const struct broker *broker)
{
    return store_batch_full(broker->store) || arena_used(broker->arena) > BROKER_ARENA_BYTES / 2 ||
           broker->key_changes_count == KEY_CHANGES_MAX;
}

void broker_tick(struct broker *broker)
{
    work_take_back(broker);

    uint64_t seq;
    while (!broker_full(broker) && due_pop(broker->due, broker->now.mono_ms, &seq))
        turn_await(broker, seq);
    turn_releases(broker);
    turn_run(broker);
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int64_t broker_due_ms(const struct broker *broker)
{
    if (broker->turns.count > 0 || broker->releases_count > 0 || broker->wait_pass ||
        !broker->begun)
        return 0;

    int64_t due_ms = sooner(due_next_ms(broker->due), roster_due_ms(broker->roster));
    due_ms = sooner(due_ms, feeds_due_ms(broker->feeds, store_durable_seq(broker->store)));
    if (broker->dirty_since_ms != 0)
        due_ms = sooner(due_ms, broker->dirty_since_ms + STATE_COMMIT_MS);
    return due_ms;
}

enum status broker_flush(struct broker *broker)
{
    enum status status = store_flush(broker->store);
    if (status != STATUS_OK)
        broker_fail(broker, status);
    return broker->failure;
}

void broker_conclude(struct broker *broker)
{
    work_assign(broker);
    enum status status = feeds_read(broker->feeds, broker->store, &broker->outbox, broker->scratch,
                                    broker->now.mono_ms);
    if (status != STATUS_OK)
        broker_fail(broker, status);
    broker->concluded = true;
}

/** The state is committed when it is old or large enough; in between, a little file work. */
static enum status keep_up(struct broker *broker)
{
    uint32_t dirty = store_dirty_rows(broker->store);
    int64_t now_ms = broker->now.mono_ms;

    if (dirty == 0)
        broker->dirty_since_ms = 0;
    else if (broker->dirty_since_ms == 0)
        broker->dirty_since_ms = now_ms;
    if (dirty > 0 &&
        (dirty >= STATE_DIRTY_ROWS_MAX || now_ms - broker->dirty_since_ms >= STATE_COMMIT_MS)) {
        broker->dirty_since_ms = 0;
        return store_commit(broker->store);
    }
    return store_tend(broker->store);
}

enum status broker_end(struct broker *broker, bool idle)
{
    (void)
        idle; /* a commit each time there is nothing else to do would cost a lone sender a flush an event */
    if (broker->failure == STATUS_OK) {
        enum status status = keep_up(broker);
        if (status != STATUS_OK)
            broker_fail(broker, status);
    }
    outbox_reset(&broker->outbox);
    arena_reset(broker->arena);
    arena_reset(broker->scratch);
    broker->concluded = false;
    return broker->failure;
}

const struct owed *broker_next_owed(struct broker *broker)
{
    return broker->concluded ? outbox_next(&broker->outbox) : NULL;
}

/* ---- an event comes in ---- */

/** Where an event belongs: the workflow or register it is about. @number is 0 when there is none yet. */
struct place {
    uint64_t number;
    uint64_t last_seq;
};

static struct place find_place(struct broker *broker, const struct event *event)
{
    if (event_type_is_register(event->type)) {
        struct register_head head;
        if (!store_get_register(broker->store, event->organisation, event->type, &head))
            return (struct place){0, 0};
        return (struct place){head.number, head.last_seq};
    }
    struct workflow workflow;
    if (!store_find_workflow(broker->store, event->lead, &event->reference, &workflow))
        return (struct place){0, 0};
    return (struct place){workflow.number, workflow.last_seq};
}

/** Read and decode an entry into the scratch arena, which is reset before. False: the store is broken. */
static bool read_entry(struct broker *broker, uint64_t seq, struct entry *ret,
                       struct hash *ret_hash)
{
    struct slice bytes;
    arena_reset(broker->scratch);
    enum status status = store_read_entry(broker->store, seq, &bytes, ret_hash);
    if (status == STATUS_OK) {
        bytes = arena_copy(broker->scratch, bytes);
        status = codec_decode_entry(bytes, broker->scratch, ret);
    }
    if (status != STATUS_OK)
        broker_fail(broker, STATUS_STORE_CORRUPT);
    return status == STATUS_OK;
}

/** The verdict there is already, as its entry has it. */
static void answer_verdict_again(struct broker *broker, connection_t to, const struct event *event,
                                 const struct seen *seen)
{
    struct entry entry;
    struct hash hash;
    if (!read_entry(broker, seen->verdict_seq, &entry, &hash))
        return;
    struct answer answer = {
        .kind = ANSWER_VERDICT,
        .id_known = true,
        .event_id = event->id,
        .seq = seen->seq,
        .entry_hash = hash,
        .repeated = true,
        .verdict = entry.verdict,
        .verdict_seq = seen->verdict_seq,
        .reasons = entry.reasons,
        .reasons_count = entry.reasons_count,
    };
    broker_answer(broker, to, &answer);
}

static void answer_receipt_again(struct broker *broker, connection_t to, const struct event *event,
                                 const struct seen *seen)
{
    struct slice bytes;
    struct hash hash;
    enum status status = store_read_entry(broker->store, seen->seq, &bytes, &hash);
    if (status != STATUS_OK) {
        broker_fail(broker, STATUS_STORE_CORRUPT);
        return;
    }
    struct answer answer = {
        .kind = ANSWER_RECEIPT,
        .id_known = true,
        .event_id = event->id,
        .seq = seen->seq,
        .entry_hash = hash,
        .repeated = true,
    };
    broker_answer(broker, to, &answer);
}

/** The same id came before with other bytes. What another organisation sent is not told. */
static void refuse_reused(struct broker *broker, connection_t to, const struct event *event,
                          const struct seen *seen)
{
    struct reason item;
    struct reasons reasons = {.items = &item, .max = 1};
    struct entry entry;
    struct hash hash;
    struct event first;
    struct reason form[REASONS_MAX];
    struct reasons form_reasons = {.items = form, .max = REASONS_MAX};
    bool id_known;

    if (!read_entry(broker, seen->seq, &entry, &hash))
        return;
    if (codec_decode_event(entry.event, broker->scratch, &first, &id_known, &form_reasons) !=
        STATUS_OK) {
        broker_fail(broker, STATUS_STORE_CORRUPT);
        return;
    }
    if (ods_equal(first.sender, event->sender))
        reasons_add(&reasons, REASON_ID_REUSED, NULL, "event_id", NULL, NULL);
    else
        reasons_add(&reasons, REASON_SENDER_NOT_AUTHORISED, NULL, "event_id", NULL,
                    "the event id is another organisation's");
    refuse(broker, to, &event->id, &reasons, 0);
}

/** Known already? Then the first answers are given again, whatever is asked of new events. */
static bool repeated(struct broker *broker, connection_t from, const struct principal *principal,
                     const struct event *event, uint64_t number)
{
    struct seen seen;
    uint8_t digest[sizeof seen.digest];

    if (number == 0 || !ods_equal(event->sender, principal->organisation) ||
        !store_get_seen(broker->store, number, event->id, &seen))
        return false;
    store_digest(event->bytes, digest);
    if (memcmp(digest, seen.digest, sizeof digest) != 0) {
        refuse_reused(broker, from, event, &seen);
        return true;
    }
    docket_tell(broker->docket, seen.seq, from);
    if (seen.verdict_seq != seen.seq)
        answer_receipt_again(broker, from, event, &seen);
    if (seen.verdict_seq != 0)
        answer_verdict_again(broker, from, event, &seen);
    return true;
}

/** Why nothing new is taken just now; REASON_COUNT: it is. */
static enum reason_code unavailable(const struct broker *broker, const struct event *event)
{
    if (broker->draining)
        return REASON_DRAINING;
    if (!broker->has_room)
        return REASON_STORE_FULL;
    if (event_type_is_register(event->type))
        return REASON_COUNT;
    if (docket_count(broker->docket) >= broker->options.events_open_max ||
        docket_full(broker->docket) ||
        quota_count(broker->quota, event->sender) >= broker->options.events_open_sender_max)
        return REASON_BUSY;
    return REASON_COUNT;
}

/** A register event is received and judged in one entry, at once. */
static void record(struct broker *broker, connection_t from, const struct principal *principal,
                   const struct event *event, struct place place)
{
    struct decision *decision = &broker->decision;
    struct ods audience[AUDIENCE_MAX];
    struct key_row revoked;
    bool revokes = event->type == EVENT_KEY_REVOKED &&
                   store_get_key(broker->store, event->key_revoked.public_key, &revoked);

    turn_register_circumstances(broker, event);
    decide_register(event, principal, &broker->circumstances, decision);
    struct entry entry = {
        .number = place.number != 0 ? place.number : store_next_seq(broker->store),
        .previous = place.last_seq,
        .audience = audience,
        .audience_count = route_audience(event, NULL, audience),
        .kind = ENTRY_RECORDED,
        .event = event->bytes,
        .key_seq = principal->key_seq,
        .verdict = decision->verdict,
        .reasons = decision->reasons.items,
        .reasons_count = decision->reasons.count,
        .lines = decision->lines,
        .lines_count = decision->lines_count,
    };
    struct answer answer = {
        .kind = ANSWER_VERDICT,
        .id_known = true,
        .event_id = event->id,
        .verdict = decision->verdict,
        .reasons = decision->reasons.items,
        .reasons_count = decision->reasons.count,
    };
    if (!broker_add(broker, &entry, event, &answer.entry_hash))
        return;
    answer.seq = entry.seq;
    answer.verdict_seq = entry.seq;
    broker->counts.verdicts++;
    broker_answer(broker, from, &answer);
    if (decision->verdict != VERDICT_ACCEPTED)
        return;

    struct key_change *change = &broker->key_changes[broker->key_changes_count];
    if (event->type == EVENT_ALLOTMENT_SET) {
        turn_release(broker,
                     &(struct wait){.kind = WAIT_ALLOTMENT,
                                    .ods = event->organisation,
                                    .year = event->allotment_set.year},
                     entry.seq);
    } else if (event->type == EVENT_KEY_ADDED && broker->key_changes_count < KEY_CHANGES_MAX) {
        *change = (struct key_change){.principal = {.public_key = event->key_added.public_key,
                                                    .organisation = event->organisation,
                                                    .kind = event->key_added.kind,
                                                    .verbs = event->key_added.verbs,
                                                    .key_seq = entry.seq}};
        broker->key_changes_count++;
    } else if (revokes && broker->key_changes_count < KEY_CHANGES_MAX) {
        *change = (struct key_change){.principal = revoked.principal, .revoked = true};
        broker->key_changes_count++;
    }
}

/** What has a statutory deadline: the standstill's representations. */
static enum queue_rank rank_of(enum event_type type)
{
    return type == EVENT_REPRESENTATION_RECEIVED || type == EVENT_REPRESENTATION_DECIDED
               ? QUEUE_STATUTORY
               : QUEUE_ORDINARY;
}

/** A workflow's event is received; if nothing of its workflow is under judgement, it is at its turn. */
static void receive(struct broker *broker, connection_t from, const struct principal *principal,
                    const struct event *event, struct place place)
{
    struct workflow workflow = {
        .lead = event->lead, .present_lead = event->lead, .reference = event->reference};
    struct ods audience[AUDIENCE_MAX];

    if (place.number != 0 && !store_get_workflow(broker->store, place.number, &workflow)) {
        broker_fail(broker, STATUS_STORE_CORRUPT);
        return;
    }
    struct entry entry = {
        .number = place.number != 0 ? place.number : store_next_seq(broker->store),
        .previous = place.last_seq,
        .audience = audience,
        .audience_count = route_audience(event, &workflow, audience),
        .kind = ENTRY_RECEIVED,
        .event = event->bytes,
        .key_seq = principal->key_seq,
    };
    struct answer receipt = {.kind = ANSWER_RECEIPT, .id_known = true, .event_id = event->id};
    if (!broker_add(broker, &entry, event, &receipt.entry_hash) ||
        !store_get_workflow(broker->store, entry.number, &workflow))
        return;
    receipt.seq = entry.seq;
    broker_answer(broker, from, &receipt);

    const struct needs *needs = needs_of(event->type);
    bool at_turn = workflow.judging_seq == entry.seq;
    docket_add(broker->docket, &(struct docket_event){
                                   .seq = entry.seq,
                                   .connection = from,
                                   .sender = event->sender,
                                   .received_at_ms = entry.at_ms,
                                   .cost = (uint32_t)event->bytes.len,
                                   .rank = rank_of(event->type),
                                   .stage = needs->any_stage ? workflow.stage : needs->stage,
                                   .state = at_turn ? DOCKET_TURN : DOCKET_QUEUED,
                               });
    quota_take(broker->quota, event->sender);
    if (at_turn)
        turn_begin(broker, entry.seq, event, &workflow);
}

void broker_event(struct broker *broker, connection_t from, const struct principal *principal,
                  const struct event *event)
{
    struct reason items[REASONS_MAX];
    struct reasons reasons = {.items = items, .max = REASONS_MAX};

    broker->counts.events++;
    broker_make_room(broker);
    struct place place = find_place(broker, event);
    if (repeated(broker, from, principal, event, place.number))
        return;
    decide_door(event, principal, &reasons);
    if (reasons.count > 0) {
        refuse(broker, from, &event->id, &reasons, 0);
        return;
    }
    enum reason_code why = unavailable(broker, event);
    if (why != REASON_COUNT) {
        reasons_add(&reasons, why, NULL, NULL, NULL, NULL);
        refuse(broker, from, &event->id, &reasons, why == REASON_STORE_FULL ? 0 : BUSY_RETRY_MS);
        return;
    }
    if (event_type_is_register(event->type))
        record(broker, from, principal, event, place);
    else
        receive(broker, from, principal, event, place);
}

/* ---- readers ---- */

void broker_feed(struct broker *broker, connection_t from, const struct principal *principal,
                 const struct feed_ask *ask)
{
    const char *error = feeds_ask(broker->feeds, from, principal, ask);
    if (error == NULL)
        return;
    struct owed *owed = outbox_push(&broker->outbox, OWED_CLIENT, from, MESSAGE_ENTRIES);
    if (owed == NULL)
        return;
    owed->entries.feed = ask->feed;
    owed->entries.error = (struct slice){(const uint8_t *)error, strlen(error)};
}

/* ---- what the loop must know ---- */

bool broker_next_key_change(struct broker *broker, struct key_change *ret)
{
    if (!broker->concluded || broker->key_changes_first == broker->key_changes_count) {
        if (broker->concluded)
            broker->key_changes_first = broker->key_changes_count = 0;
        return false;
    }
    *ret = broker->key_changes[broker->key_changes_first++];
    return true;
}

enum broker_wish broker_next_wish(struct broker *broker)
{
    enum broker_wish wish = broker->wish;
    broker->wish = WISH_NONE;
    return wish;
}

void broker_drain(struct broker *broker)
{
    broker->draining = true;
}

bool broker_drained(const struct broker *broker)
{
    return broker->draining && roster_leased(broker->roster) == 0;
}

void broker_count(const struct broker *broker, struct broker_counts *ret)
{
    *ret = broker->counts;
    ret->workers = roster_workers(broker->roster);
    ret->feeds = feeds_count(broker->feeds);
    ret->leased = roster_leased(broker->roster);
}

void broker_tell(struct broker *broker, uint64_t denied, int64_t longest_turn_us)
{
    broker->denied = denied;
    broker->longest_turn_us = longest_turn_us;
}
