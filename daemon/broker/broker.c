/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/broker/broker.h"

#include <string.h>

#include "daemon/broker/inside.h"
#include "daemon/broker/timers.h"

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
        .rank = door_rank(open->type),
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
    case OPEN_PARKED:
        event.state = DOCKET_PARKED;
        break;
    }
    docket_add(broker->docket, &event);
    quota_take(broker->quota, open->sender, open->event_len);
    if (open->state == OPEN_READY)
        turn_await(broker, open->seq);
    if (open->state != OPEN_DELAYED)
        return;

    /* A clock that was set back makes nobody wait longer than the longest backoff. */
    int64_t longest_ms =
        event.stage != STAGE_NONE ? broker_stage(broker, event.stage)->backoff_ms_max : LEASE_MS;
    int64_t wait_ms = open->due_ms - broker->now.wall_ms;
    wait_ms = wait_ms < 0 ? 0 : wait_ms > longest_ms ? longest_ms : wait_ms;
    due_push(broker->due, broker->now.mono_ms + wait_ms, open->seq);
}

static void rebuild(struct broker *broker)
{
    struct open_event open;
    for (uint64_t seq = 0; store_next_open(broker->store, seq, &open); seq = open.seq)
        reopen(broker, &open);

    for (enum stage stage = STAGE_NEEDS_ASSESSED; stage <= STAGE_REVIEW; stage++)
        store_get_stage(broker->store, stage, &broker->stages[stage]);

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
    const struct quota_limits limits = {
        .rate = options->events_rate_sender_max,
        .burst = options->events_burst_sender_max,
        .events_max = options->events_open_sender_max,
        .bytes_max = options->bytes_open_sender_max,
    };
    if (status == STATUS_OK)
        status = quota_new(&broker->quota, &limits, events_max);
    if (status == STATUS_OK)
        status = roster_new(&broker->roster, options->workers_max, events_max);
    if (status == STATUS_OK)
        status = due_new(&broker->due, events_max);
    if (status == STATUS_OK)
        status = feeds_new(&broker->feeds, options->feeds_max);
    if (status == STATUS_OK)
        status = notary_new(&broker->notary, options->signing_secret, options->checkpoint_ms);
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
        notary_free(broker->notary);
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

/* ---- a turn ---- */

void broker_begin(struct broker *broker, struct instant now)
{
    broker->now = now;
    broker->concluded = false;
    broker->asked = 0;
    arena_reset(broker->arena);
    outbox_reset(&broker->outbox);
    broker->has_room = store_has_room(broker->store);
    if (!broker->has_room && store_dirty_rows(broker->store) > 0) {
        /* Perhaps it is only what is not committed yet; and what was given back can be counted then. */
        enum status status = store_commit(broker->store);
        if (status != STATUS_OK)
            broker_fail(broker, status);
        broker->has_room = store_has_room(broker->store);
    }
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
           broker->key_changes_count == KEY_CHANGES_MAX || broker->asked >= ASKED_MAX;
}

bool broker_crowded(const struct broker *broker)
{
    return store_batch_count(broker->store) >= BATCH_ENTRIES_MAX / 4 * 3 ||
           arena_used(broker->arena) > BROKER_ARENA_BYTES / 8 * 3 || broker_full(broker);
}

bool broker_behind(const struct broker *broker)
{
    return broker->turns.count > 0 || broker->releases_count > 0 || broker->unassigned;
}

void broker_tick(struct broker *broker)
{
    work_take_back(broker);

    uint64_t seq;
    while (!broker_full(broker) && due_pop(broker->due, broker->now.mono_ms, &seq))
        turn_await(broker, seq);
    timers_run(broker);
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
        broker->unassigned || !broker->begun)
        return 0;

    int64_t due_ms = sooner(due_next_ms(broker->due), roster_due_ms(broker->roster));
    due_ms = sooner(due_ms, timers_due_ms(broker));
    due_ms = sooner(due_ms, feeds_due_ms(broker->feeds, store_durable_seq(broker->store)));
    due_ms = sooner(due_ms, notary_due_ms(broker->notary, store_durable_seq(broker->store)));
    if (broker->options.scrub_rows > 0)
        due_ms = sooner(due_ms, broker->scrub_next_ms);
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

/** The head as it is on disk, signed when that is due. */
static void sign_head(struct broker *broker)
{
    struct statement head = {
        .kind = STATEMENT_CHECKPOINT,
        .seq = store_durable_seq(broker->store),
        .hash = store_head_hash(broker->store),
    };

    store_journal_id(broker->store, head.journal_id);
    notary_tick(broker->notary, &head, broker->now);
}

void broker_conclude(struct broker *broker)
{
    sign_head(broker);
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

enum status broker_idle(struct broker *broker)
{
    uint32_t rows = broker->options.scrub_rows;
    bool passed = false;

    if (rows == 0 || broker->failure != STATUS_OK || broker->now.mono_ms < broker->scrub_next_ms)
        return broker->failure;
    if (store_dirty_rows(broker->store) == 0) {
        enum status status =
            store_scrub_step(broker->store, (rows + SCRUB_STEPS - 1) / SCRUB_STEPS, &passed);
        if (status != STATUS_OK)
            broker_fail(broker, status);
    }
    broker->scrub_next_ms = broker->now.mono_ms + (passed ? SCRUB_REST_MS : SCRUB_EVERY_MS);
    return broker->failure;
}

enum status broker_end(struct broker *broker)
{
    /* Not whenever there is nothing else to do: that would cost a lone sender a flush an event. */
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

/* ---- readers ---- */

/** What a reader has read is what this journal holds: else it was restored since. NULL: it is, or the reader does not say. */
static const char *astray(struct broker *broker, const struct feed_ask *ask)
{
    static const char beyond[] = "RESYNC: the journal ends before that; it may have been restored";
    static const char another[] = "RESYNC: the journal holds another entry there";
    struct slice bytes;
    struct hash hash;

    if (ask->verb != FEED_OPEN || ask->from_seq <= 1)
        return NULL;
    if (ask->from_seq > store_next_seq(broker->store))
        return beyond;
    if (ask->after_given &&
        (store_read_entry(broker->store, ask->from_seq - 1, &bytes, &hash) != STATUS_OK ||
         !hash_equal(hash, ask->after_hash)))
        return another;
    return NULL;
}

void broker_feed(struct broker *broker, connection_t from, const struct principal *principal,
                 const struct feed_ask *ask)
{
    const char *error = astray(broker, ask);
    if (error == NULL)
        error = feeds_ask(broker->feeds, from, principal, ask, broker->now.mono_ms);
    if (error == NULL)
        return;
    struct owed *owed = outbox_push(&broker->outbox, OWED_CLIENT, from, MESSAGE_ENTRIES);
    if (owed == NULL)
        return;
    owed->entries.feed = ask->feed;
    owed->entries.error = (struct slice){(const uint8_t *)error, strlen(error)};
}

void broker_unsent(struct broker *broker, const struct unsent *unsent)
{
    feeds_unsent(broker->feeds, unsent, broker->now.mono_ms);
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

const char *broker_next_checkpoint(struct broker *broker)
{
    return notary_next_checkpoint(broker->notary);
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
    ret->parked = docket_count_in(broker->docket, DOCKET_PARKED);
}

void broker_malformed(struct broker *broker)
{
    broker->counts.malformed++;
}

void broker_tell(struct broker *broker, uint64_t denied, int64_t longest_turn_us)
{
    broker->denied = denied;
    broker->longest_turn_us = longest_turn_us;
}

void broker_room(const struct broker *broker, struct store_room *ret)
{
    store_room(broker->store, ret);
}
