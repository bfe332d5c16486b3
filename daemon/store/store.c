/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/store.h"

#include "daemon/store/file.h"
#include "daemon/store/journal.h"
#include "daemon/store/replay.h"
#include "daemon/store/scrub.h"
#include "daemon/store/segment.h"
#include "daemon/store/state.h"
#include "proto/codec.h"

#include <string.h>

#define ROOM_ASKED_EVERY 8                  /* batches between two looks at the disk */
#define ROOM_BATCHES (ROOM_ASKED_EVERY + 2) /* that the disk must hold: until the next look */
#define MAP_FULL_PERCENT 90
#define MAP_ROOM_PERCENT 85 /* there is room again */
#define DISK_AGAIN_BYTES (4ull * BATCH_BYTES_MAX)
/* What the end of an open event may come to take: its rows but for those it has already, its entry. */
#define FINISH_ROW_BYTES 512
#define FINISH_ENTRY_BYTES 1024
#define DIRTY_ROW_BYTES                                                                            \
    8192 /* of the map, at most, for a row not committed yet: its page and one above it */

struct store {
    struct journal *journal;
    struct state *state;
    struct arena *arena; /* for reading entries */
    struct path dir;
    uint64_t run;
    uint64_t entries;
    uint64_t reserve_bytes;
    struct store_room room;
    uint32_t room_asked;
    bool read_only;
    struct scrub scrub;
    enum status failure;
};

/* ---- open ---- */

static enum status say(char *text, size_t text_size, enum status status, const char *what)
{
    snprintf(text, text_size, "%s", what);
    return status;
}

static enum status open_journal(struct store *store, const struct store_options *options,
                                struct store_report *report, char *text, size_t text_size)
{
    struct path dir = file_path(options->dir, "journal");
    struct journal_options journal = {dir.text, options->dir, options->segment_bytes,
                                      options->read_only};
    struct journal_report found;
    char fault[JOURNAL_TEXT_SIZE];
    enum status status = journal_open(&store->journal, &journal, &found, fault);

    if (status != STATUS_OK)
        return say(text, text_size, status, fault);
    report->torn_bytes = found.torn_bytes;
    report->created = found.created;
    return STATUS_OK;
}

static enum status open_state(struct store *store, const struct store_options *options,
                              struct store_report *report, char *text, size_t text_size)
{
    struct path dir = file_path(options->dir, "state");
    uint8_t id[16];
    char fault[STATE_TEXT_SIZE] = "";
    bool created;

    journal_id(store->journal, id);
    enum status status = state_open(&store->state, dir.text, options->dir, options->map_bytes, id,
                                    options->read_only, &created, fault);
    if (status != STATUS_OK)
        return say(text, text_size, status, fault);
    report->state_rebuilt = created && !report->created;
    report->state_upgraded_from = state_upgraded_from(store->state);
    return STATUS_OK;
}

/** Bring the state to the journal's end. */
static enum status catch_up(struct store *store, struct store_report *report, char *text,
                            size_t text_size)
{
    char fault[REPLAY_TEXT_SIZE] = "";
    enum status status = replay_check(store->journal, store->state, fault);

    if (status == STATUS_OK && !store->read_only)
        status = replay_tail(store->journal, store->state, store->arena, &report->entries_replayed,
                             fault);
    if (status != STATUS_OK)
        return say(text, text_size, status, fault);
    return STATUS_OK;
}

static enum status open_parts(struct store *store, const struct store_options *options,
                              struct store_report *report, char *text, size_t text_size)
{
    enum status status = STATUS_OK;

    if (!options->read_only && !file_exists(options->dir)) {
        struct path parent = file_path(options->dir, "..");
        status = file_make_dir(options->dir, parent.text);
        if (status == STATUS_IO_FAILED && file_exists(options->dir))
            status = STATUS_OK;
        if (status != STATUS_OK)
            return say(text, text_size, status, "the state directory cannot be made");
    }
    status = arena_new(&store->arena, REPLAY_ARENA_BYTES);
    if (status == STATUS_OK)
        status = open_journal(store, options, report, text, text_size);
    if (status == STATUS_OK)
        status = open_state(store, options, report, text, text_size);
    if (status == STATUS_OK)
        status = catch_up(store, report, text, text_size);
    return status;
}

enum status store_open(struct store **ret, const struct store_options *options,
                       struct store_report *report, char *text, size_t text_size)
{
    CHECK(options->dir != NULL);
    CHECK(text_size > 0);

    *report = (struct store_report){.created = false};
    text[0] = '\0';
    if (strlen(options->dir) > FILE_PATH_SIZE - 64)
        return say(text, text_size, STATUS_INVALID, "the state directory's path is too long");
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return STATUS_NO_MEMORY;
    store->dir = file_path(options->dir, ".");
    store->read_only = options->read_only;
    store->reserve_bytes = options->reserve_bytes;
    enum status status = open_parts(store, options, report, text, text_size);
    if (status != STATUS_OK)
        goto fail;
    store->run = state_position(store->state)->run + 1;

    *ret = store;
    return STATUS_OK;

fail:
    store_close(store);
    return status;
}

struct store *store_close(struct store *store)
{
    if (store == NULL)
        return NULL;
    state_close(store->state);
    journal_close(store->journal);
    arena_free(store->arena);
    free(store);
    return NULL;
}

/* ---- writing ---- */

/** The first failure of the store or of its state. */
static enum status failure_of(struct store *store)
{
    if (store->failure == STATUS_OK)
        store->failure = state_failure(store->state);
    return store->failure;
}

uint64_t store_next_seq(const struct store *store)
{
    return journal_next_seq(store->journal);
}

bool store_has_room(struct store *store)
{
    struct rows *rows = state_rows(store->state);
    struct store_room *room = &store->room;
    uint64_t dirty_bytes = (uint64_t)state_dirty(store->state) * DIRTY_ROW_BYTES;
    uint64_t open_events = overlay_count(rows->overlay, KV_OPEN);
    uint64_t percent = room->full ? MAP_ROOM_PERCENT : MAP_FULL_PERCENT;

    if (store->room_asked == 0 || room->full)
        room->disk_bytes = file_room(store->dir.text);
    store->room_asked = (store->room_asked + 1) % ROOM_ASKED_EVERY;
    room->map_bytes = kv_map_bytes(rows->kv);
    room->used_bytes = kv_used_bytes(rows->kv) + dirty_bytes + open_events * FINISH_ROW_BYTES;
    room->wanted_bytes = store->reserve_bytes + (uint64_t)ROOM_BATCHES * BATCH_BYTES_MAX +
                         journal_room_wanted(store->journal) + dirty_bytes +
                         open_events * FINISH_ENTRY_BYTES;
    uint64_t wanted_now = room->wanted_bytes + (room->full ? DISK_AGAIN_BYTES : 0);
    room->full =
        room->used_bytes > room->map_bytes / 100 * percent || room->disk_bytes < wanted_now;
    return !room->full;
}

void store_room(const struct store *store, struct store_room *ret)
{
    *ret = store->room;
}

bool store_batch_full(const struct store *store)
{
    return journal_batch_full(store->journal);
}

uint32_t store_batch_count(const struct store *store)
{
    return journal_batch_count(store->journal);
}

void store_add(struct store *store, struct entry *entry, const struct event *event,
               struct hash *ret_hash)
{
    struct buffer buffer = {.len = 0};

    CHECK(!store->read_only);
    CHECK(!journal_batch_full(store->journal));
    entry->seq = 0;
    *ret_hash = (struct hash){{0}};
    if (failure_of(store) != STATUS_OK)
        return;
    entry->seq = journal_next_seq(store->journal);
    buffer.bytes = journal_begin_entry(store->journal, &buffer.max);
    codec_encode_entry(&buffer, entry);
    if (buffer.full) {
        store->failure = STATUS_TOO_LARGE;
        entry->seq = 0;
        return;
    }
    *ret_hash = journal_end_entry(store->journal, buffer.len);
    state_apply(store->state, entry, event, ret_hash);
    if (failure_of(store) != STATUS_OK)
        entry->seq = 0;
    store->entries++;
}

enum status store_flush(struct store *store)
{
    enum status status = failure_of(store);

    if (status == STATUS_OK)
        status = store->failure = journal_flush(store->journal, store->run);
    return status;
}

enum status store_commit(struct store *store)
{
    enum status status = failure_of(store);

    CHECK(status != STATUS_OK || journal_batch_count(store->journal) == 0);
    if (status == STATUS_OK)
        status = store->failure = state_commit(store->state);
    return status;
}

const char *store_failure_text(const struct store *store)
{
    return state_failure_text(store->state);
}

uint32_t store_dirty_rows(const struct store *store)
{
    return state_dirty(store->state);
}

enum status store_scrub_step(struct store *store, uint32_t rows_max, bool *ret_passed)
{
    enum status status = failure_of(store);

    *ret_passed = false;
    if (status == STATUS_OK)
        status = store->failure = scrub_step(&store->scrub, store->state, rows_max, ret_passed);
    return status;
}

void store_scrub(const struct store *store, struct store_scrub *ret)
{
    *ret = (struct store_scrub){
        .table = kv_table_name(store->scrub.table),
        .rows = store->scrub.rows,
        .passes = store->scrub.passes,
    };
}

enum status store_tend(struct store *store)
{
    enum status status = failure_of(store);

    if (status == STATUS_OK)
        status = store->failure = journal_tend(store->journal);
    return status;
}

/* ---- loading ---- */

bool store_find_workflow(struct store *store, struct ods lead, const struct reference *reference,
                         struct workflow *ret)
{
    return rows_find_workflow(state_rows(store->state), lead, reference, ret);
}

bool store_get_workflow(struct store *store, uint64_t number, struct workflow *ret)
{
    return rows_get_workflow(state_rows(store->state), number, ret);
}

bool store_get_register(struct store *store, struct ods organisation, enum event_type type,
                        struct register_head *ret)
{
    return rows_get_register(state_rows(store->state), organisation, type, ret);
}

bool store_get_seen(struct store *store, uint64_t number, struct event_id id, struct seen *ret)
{
    return rows_get_seen(state_rows(store->state), number, id, ret);
}

void store_digest(struct slice event_bytes, uint8_t ret[16])
{
    record_event_digest(event_bytes, ret);
}

bool store_get_open(struct store *store, uint64_t seq, struct open_event *ret)
{
    struct open_row row;

    if (!rows_get_open(state_rows(store->state), seq, &row))
        return false;
    *ret = row.open;
    return true;
}

bool store_event_bytes(struct store *store, uint64_t seq, struct slice *ret)
{
    arena_reset(store->arena);
    enum status status = replay_event_bytes(store->journal, store->state, store->arena, seq, ret);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND && store->failure == STATUS_OK)
        store->failure = status;
    return status == STATUS_OK;
}

void store_get_organisation(struct store *store, struct ods ods, date_t on,
                            struct organisation *ret)
{
    rows_get_organisation(state_rows(store->state), ods, on, ret);
}

uint32_t store_get_supports(struct store *store, struct ods ccg, struct ods csu,
                            struct support_row *ret, uint32_t max)
{
    return rows_get_supports(state_rows(store->state), ccg, csu, ret, max);
}

void store_get_ledger(struct store *store, struct ods ods, int32_t year, struct ledger_year *ret)
{
    rows_get_ledger(state_rows(store->state), ods, year, ret);
}

uint64_t store_get_caseload(struct store *store, struct ods lead)
{
    return rows_get_caseload(state_rows(store->state), lead);
}

uint32_t store_get_facts(struct store *store, uint64_t number, enum event_type type,
                         struct slice *ret, uint64_t *ret_seqs, uint32_t max)
{
    return rows_get_facts(state_rows(store->state), number, type, ret, ret_seqs, max);
}

void store_get_stage(struct store *store, enum stage stage, struct stage_setting *ret)
{
    rows_get_stage(state_rows(store->state), stage, ret);
}

bool store_get_key(struct store *store, struct key public_key, struct key_row *ret)
{
    return rows_get_key(state_rows(store->state), public_key, ret);
}

/* ---- walking ---- */

bool store_next_workflow(struct store *store, uint64_t after_number, struct workflow *ret)
{
    return rows_next_workflow(state_rows(store->state), after_number, ret);
}

bool store_next_open(struct store *store, uint64_t after_seq, struct open_event *ret)
{
    struct open_row row;

    if (!rows_next_open(state_rows(store->state), after_seq, &row))
        return false;
    *ret = row.open;
    return true;
}

bool store_next_organisation(struct store *store, struct ods after, date_t on,
                             struct organisation *ret)
{
    return rows_next_organisation(state_rows(store->state), after, on, ret);
}

bool store_next_ledger(struct store *store, struct ods after_ods, int32_t after_year,
                       struct ledger_year *ret)
{
    return rows_next_ledger(state_rows(store->state), after_ods, after_year, ret);
}

bool store_next_ledger_line(struct store *store, struct ods ods, int32_t year, uint64_t after_seq,
                            uint32_t after_index, struct ledger_line_row *ret, uint32_t *ret_index)
{
    return rows_next_ledger_line(state_rows(store->state), ods, year, after_seq, after_index, ret,
                                 ret_index);
}

bool store_next_caseload(struct store *store, struct ods after, struct ods *ret,
                         uint64_t *ret_count)
{
    return rows_next_caseload(state_rows(store->state), after, ret, ret_count);
}

bool store_next_key(struct store *store, uint64_t after_entry_seq, struct key_row *ret)
{
    return rows_next_key(state_rows(store->state), after_entry_seq, ret);
}

bool store_next_waiting(struct store *store, const struct wait *wait, uint64_t after_seq,
                        uint64_t *ret_seq)
{
    struct wait found = *wait;
    uint64_t seq = after_seq;

    if (!rows_next_wait(state_rows(store->state), &found, &seq))
        return false;
    if (found.kind != wait->kind || !ods_equal(found.ods, wait->ods) || found.year != wait->year ||
        found.number != wait->number)
        return false;
    *ret_seq = seq;
    return true;
}

bool store_next_due(struct store *store, int64_t *due_ms, uint64_t *seq)
{
    return rows_next_due(state_rows(store->state), due_ms, seq);
}

bool store_next_timer(struct store *store, uint64_t number, const struct timer_set *at,
                      struct timer_row *ret)
{
    return rows_next_timer(state_rows(store->state), number, at, ret);
}

bool store_next_timer_due(struct store *store, struct timer_row *at)
{
    struct rows *rows = state_rows(store->state);
    struct timer_row next = *at;

    if (!rows_next_timer_due(rows, &next))
        return false;
    int64_t due_ms = next.timer.due_ms;
    if (rows_get_timer(rows, next.number, &next.timer, at) && at->timer.due_ms == due_ms)
        return true;
    rows_fail(rows, STATUS_STORE_CORRUPT, "state: a timer of workflow %llu is due and not there",
              (unsigned long long)next.number);
    return false;
}

bool store_next_wait(struct store *store, struct wait *wait, uint64_t *seq)
{
    return rows_next_wait(state_rows(store->state), wait, seq);
}

/* ---- the journal ---- */

uint64_t store_durable_seq(const struct store *store)
{
    return journal_durable_seq(store->journal);
}

struct hash store_head_hash(const struct store *store)
{
    return journal_durable_hash(store->journal);
}

uint64_t store_applied_seq(const struct store *store)
{
    return state_committed_seq(store->state);
}

void store_journal_id(const struct store *store, uint8_t ret[16])
{
    journal_id(store->journal, ret);
}

uint64_t store_run(const struct store *store)
{
    return store->run;
}

enum status store_read_entry(struct store *store, uint64_t seq, struct slice *ret,
                             struct hash *ret_hash)
{
    return journal_read(store->journal, seq, ret, ret_hash);
}

void store_count(struct store *store, struct store_counts *ret)
{
    struct rows *rows = state_rows(store->state);

    *ret = (struct store_counts){
        .entries = store->entries,
        .flushes = journal_flushes(store->journal),
        .commits = state_commits(store->state),
        .journal_bytes = journal_written_bytes(store->journal),
        .state_bytes = kv_used_bytes(rows->kv),
        .workflows = overlay_count(rows->overlay, KV_WORKFLOW),
        .open_events = overlay_count(rows->overlay, KV_OPEN),
        .read_only = store->room.full,
    };
}

bool store_table(struct store *store, uint32_t index, struct store_table *ret)
{
    struct rows *rows = state_rows(store->state);

    if (index >= KV_TABLES)
        return false;
    *ret = (struct store_table){
        .name = kv_table_name((enum kv_table)index),
        .rows = overlay_count(rows->overlay, (enum kv_table)index),
        .bytes = kv_table_bytes(rows->kv, (enum kv_table)index),
    };
    return true;
}

void store_sizes(struct store *store, struct store_sizes *ret)
{
    struct kv *kv = state_rows(store->state)->kv;
    const uint64_t *firsts;

    *ret = (struct store_sizes){
        .map_bytes = kv_map_bytes(kv),
        .map_high_bytes = kv_high_bytes(kv),
        .segments = journal_segments(store->journal, &firsts),
        .segments_bytes = journal_disk_bytes(store->journal),
        .disk_free_bytes = file_room(store->dir.text),
        .state_format = STATE_FORMAT,
        .journal_format = SEGMENT_FORMAT,
    };
    for (uint32_t table = 0; table < KV_TABLES; table++)
        ret->map_used_bytes += kv_table_bytes(kv, (enum kv_table)table);
}

enum status store_segment(struct store *store, uint32_t index, struct store_segment *ret)
{
    struct journal_segment segment;
    enum status status = journal_segment(store->journal, index, &segment);

    if (status != STATUS_OK)
        return status;
    *ret = (struct store_segment){segment.first_seq, segment.bytes, segment.end, segment.last_seq,
                                  segment.last_hash};
    return STATUS_OK;
}

enum status store_read_raw(struct store *store, uint64_t first_seq, uint64_t offset, uint8_t *ret,
                           size_t max, size_t *ret_len)
{
    return journal_read_raw(store->journal, first_seq, offset, ret, max, ret_len);
}
