/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/replay.h"

#include "proto/codec.h"

enum status replay_check(struct journal *journal, const struct state *state,
                         char text[REPLAY_TEXT_SIZE])
{
    const struct position *position = state_position(state);
    struct slice bytes;
    struct hash hash;

    if (position->applied_seq == 0)
        return STATUS_OK;
    if (position->applied_seq > journal_durable_seq(journal)) {
        snprintf(text, REPLAY_TEXT_SIZE,
                 "the state has seen entry %llu, the journal ends with %llu",
                 (unsigned long long)position->applied_seq,
                 (unsigned long long)journal_durable_seq(journal));
        return STATUS_STORE_AHEAD;
    }
    enum status status = journal_read(journal, position->applied_seq, &bytes, &hash);
    if (status != STATUS_OK) {
        snprintf(text, REPLAY_TEXT_SIZE, "journal: entry %llu: %s",
                 (unsigned long long)position->applied_seq, status_text(status));
        return status;
    }
    if (!hash_equal(hash, position->applied_hash)) {
        snprintf(text, REPLAY_TEXT_SIZE, "the state has seen another entry %llu than the journal's",
                 (unsigned long long)position->applied_seq);
        return STATUS_STORE_AHEAD;
    }
    return STATUS_OK;
}

enum status replay_event_bytes(struct journal *journal, struct state *state, struct arena *arena,
                               uint64_t seq, struct slice *ret)
{
    struct open_row row;
    struct slice bytes;
    struct hash hash;
    struct entry entry;

    if (rows_get_open(state_rows(state), seq, &row) && row.event.len > 0) {
        *ret = row.event;
        return STATUS_OK;
    }
    enum status status = journal_read(journal, seq, &bytes, &hash);
    if (status == STATUS_OK)
        status = codec_decode_entry(bytes, arena, &entry);
    if (status == STATUS_MALFORMED || (status == STATUS_OK && entry.seq != seq))
        return STATUS_STORE_CORRUPT;
    if (status != STATUS_OK)
        return status;
    if (entry.kind != ENTRY_RECEIVED && entry.kind != ENTRY_RECORDED)
        return STATUS_NOT_FOUND;
    *ret = entry.event;
    return STATUS_OK;
}

/** The event that @entry carries or is about; *@ret is NULL where it needs none. */
static enum status find_event(struct journal *journal, struct state *state, struct arena *arena,
                              const struct entry *entry, struct event *event,
                              const struct event **ret)
{
    struct reason first; /* why not: there is no one to tell more than the status */
    struct reasons reasons = {.items = &first, .max = 1};
    struct slice bytes = entry->event;
    enum status status = STATUS_OK;
    bool id_known;

    *ret = NULL;
    if (entry->kind == ENTRY_JUDGED)
        status = replay_event_bytes(journal, state, arena, entry->of_seq, &bytes);
    else if (entry->kind != ENTRY_RECEIVED && entry->kind != ENTRY_RECORDED)
        return STATUS_OK;
    if (status == STATUS_OK)
        status = codec_decode_event(bytes, arena, event, &id_known, &reasons);
    if (status == STATUS_OK)
        *ret = event;
    return status;
}

enum status replay_entry(struct journal *journal, struct state *state, struct arena *arena,
                         const struct walk_entry *walked, struct entry *ret,
                         char text[REPLAY_TEXT_SIZE])
{
    struct event event;
    const struct event *found = NULL;

    arena_reset(arena);
    enum status status = codec_decode_entry(walked->bytes, arena, ret);
    if (status == STATUS_OK && ret->seq != walked->seq)
        status = STATUS_MALFORMED;
    if (status == STATUS_OK)
        status = find_event(journal, state, arena, ret, &event, &found);
    if (status != STATUS_OK) {
        snprintf(text, REPLAY_TEXT_SIZE, "journal: entry %llu cannot be read: %s",
                 (unsigned long long)walked->seq, status_text(status));
        return STATUS_STORE_CORRUPT;
    }
    state_apply(state, ret, found, &walked->hash);
    status = state_failure(state);
    if (status != STATUS_OK)
        snprintf(text, REPLAY_TEXT_SIZE, "entry %llu cannot be applied: %s; %s",
                 (unsigned long long)walked->seq, status_text(status), state_failure_text(state));
    return status;
}

static enum status replay_walk(struct walk *walk, struct journal *journal, struct state *state,
                               struct arena *arena, uint64_t *ret_count,
                               char text[REPLAY_TEXT_SIZE])
{
    struct walk_entry walked;
    struct entry entry;
    enum status status;

    while ((status = walk_next(walk, &walked, text)) == STATUS_OK) {
        status = replay_entry(journal, state, arena, &walked, &entry, text);
        if (status == STATUS_OK && state_dirty(state) >= REPLAY_DIRTY_MAX)
            status = state_commit(state);
        if (status != STATUS_OK)
            return status;
        *ret_count += 1;
    }
    return status == STATUS_NOT_FOUND ? state_commit(state) : status;
}

enum status replay_tail(struct journal *journal, struct state *state, struct arena *arena,
                        uint64_t *ret_count, char text[REPLAY_TEXT_SIZE])
{
    uint64_t applied = state_position(state)->applied_seq;
    struct walk *walk;

    *ret_count = 0;
    if (applied == journal_durable_seq(journal))
        return STATUS_OK;
    enum status status = walk_new(&walk, journal, applied + 1);
    if (status != STATUS_OK)
        return status;
    status = replay_walk(walk, journal, state, arena, ret_count, text);
    walk_free(walk);
    return status;
}
