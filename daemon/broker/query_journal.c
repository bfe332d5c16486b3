/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "daemon/broker/query.h"
#include "daemon/domain/route.h"
#include "proto/codec.h"

/** The event that @entry brought; false: it brought none. */
static bool event_of(struct asking *asking, const struct entry *entry, struct event *ret)
{
    struct reason items[REASONS_MAX];
    struct reasons reasons = {.items = items, .max = REASONS_MAX};
    bool id_known;

    return (entry->kind == ENTRY_RECEIVED || entry->kind == ENTRY_RECORDED) &&
           codec_decode_event(entry->event, asking->broker->scratch, ret, &id_known, &reasons) ==
               STATUS_OK;
}

/** Why: an error, or reasons; a finding that came too late is marked, and so is an event that is parked. */
static void put_reasons(struct asking *asking, const struct entry *entry)
{
    char text[256 + REASONS_MAX * (REASON_CODE_SIZE + 2)]; /* the error as it is kept, all codes */
    bool late = entry->kind == ENTRY_LATE_FINDING;

    if (entry->kind == ENTRY_TIMER_FIRED) {
        (void)snprintf(text, sizeof text, "%s %s, for the %.*s", timer_kind_name(entry->timer.kind),
                       timer_level_name(entry->timer.level), (int)entry->role.len,
                       (const char *)entry->role.bytes);
        query_text(asking, text);
        return;
    }
    if (entry->kind == ENTRY_WAIT_ENDED && entry->expired) {
        query_text(asking, "it has not come in time");
        return;
    }
    if (entry->order_reason.len > 0) {
        query_slice(asking, entry->order_reason);
        return;
    }
    if (!late && entry->error.len == 0) {
        query_reasons(asking, entry->reasons, entry->reasons_count);
        return;
    }
    int len = snprintf(text, sizeof text, "%s%.*s",
                       late            ? "refused, too late: "
                       : entry->parked ? "parked: "
                                       : "",
                       turn_error_len(entry->error),
                       entry->error.len > 0 ? (const char *)entry->error.bytes : "");
    if (late && entry->error.len == 0 && entry->reasons_count == 0)
        len += snprintf(text + len, sizeof text - (size_t)len, "nothing found");
    for (uint32_t i = 0; i < entry->reasons_count; i++) {
        char code[REASON_CODE_SIZE];
        reason_print_code(&entry->reasons[i], code);
        len += snprintf(text + len, sizeof text - (size_t)len, "%s%s", i > 0 ? ", " : "", code);
    }
    query_text(asking, text);
}

/** A line for people; whoever wants all decodes the entry itself. */
static void put_entry(struct asking *asking, const struct entry *entry)
{
    struct event event = {.type = EVENT_NONE, .occurred_on = DATE_NONE};
    bool brought = event_of(asking, entry, &event);
    char id[EVENT_ID_TEXT_SIZE] = "";
    if (brought)
        event_id_print(event.id, id);

    query_number(asking, (int64_t)entry->seq);
    query_moment(asking, entry->at_ms);
    query_text(asking, entry_kind_name(entry->kind));
    query_text(asking, brought ? event_type_name(event.type) : "");
    query_text(asking, event.sender.text);
    uint64_t of_seq = entry->kind == ENTRY_TIMER_FIRED ? entry->timer.of_seq : entry->of_seq;
    if (of_seq != 0)
        query_number(asking, (int64_t)of_seq);
    else
        query_text(asking, "");
    query_text(asking, entry->verdict != VERDICT_NONE ? verdict_name(entry->verdict) : "");
    put_reasons(asking, entry);
    query_text(asking, entry->stage != STAGE_NONE ? stage_name(entry->stage) : "");
    query_text(asking, entry->phase != PHASE_UNSPECIFIED ? phase_name(entry->phase) : "");
    query_slice(asking, entry->worker);
    query_number(asking, entry->attempt);
    query_text(asking, event.acting_for.text);
    query_slice(asking, event.actor);
    query_date(asking, event.occurred_on);
    query_text(asking, id);
}

/**
 * Walk back from @last to the oldest entry after @after, each naming the one before it. @ret: a ring of the seqs seen last, that is the
 * oldest ones. Returns how many entries there are; 0: the error is said.
 */
static uint32_t walk_back(struct asking *asking, uint64_t last, uint64_t after,
                          uint64_t ret[REPLY_ROWS_MAX])
{
    uint32_t count = 0;

    for (uint64_t seq = last; seq > after; count++) {
        struct entry entry;
        struct slice bytes;
        struct hash hash;
        if (count == QUERY_HISTORY_MAX) {
            query_error(asking, "TOO_LARGE", "more than %d entries: read the feed instead",
                        QUERY_HISTORY_MAX);
            return 0;
        }
        if (!query_read(asking, seq, &entry, &bytes, &hash))
            return 0;
        ret[count % REPLY_ROWS_MAX] = seq;
        CHECK(entry.previous < seq);
        seq = entry.previous;
    }
    return count;
}

void query_workflow_history(struct asking *asking)
{
    struct workflow workflow;
    uint64_t seqs[REPLY_ROWS_MAX];
    uint64_t after;

    (void)query_resumed(asking, &after, sizeof after);
    if (!query_workflow(asking, &workflow))
        return;
    for (uint32_t left = walk_back(asking, workflow.last_seq, after, seqs), i = 0; left > 0;
         left--, i++) {
        struct entry entry;
        struct slice bytes;
        struct hash hash;
        if (i == REPLY_ROWS_MAX) {
            query_resume(asking, &after, sizeof after);
            return;
        }
        if (!query_read(asking, seqs[(left - 1) % REPLY_ROWS_MAX], &entry, &bytes, &hash))
            return;
        if (!query_entry(asking, entry.seq, bytes, hash) || !query_row(asking)) {
            query_resume(asking, &after, sizeof after);
            return;
        }
        put_entry(asking, &entry);
        after = entry.seq;
    }
}

void query_journal_head(struct asking *asking)
{
    struct store *store = asking->broker->store;
    uint8_t id[16];
    char text[33];
    struct statement_key key;
    char key_text[STATEMENT_KEY_TEXT_SIZE] = "";

    store_journal_id(store, id);
    statement_id_print(id, text);
    if (notary_can(asking->broker->notary, &key))
        statement_key_print(key, key_text);
    if (!query_row(asking))
        return;
    query_number(asking, (int64_t)store_durable_seq(store));
    query_hash(asking, store_head_hash(store));
    query_text(asking, text);
    query_number(asking, (int64_t)store_run(store));
    query_number(asking, (int64_t)store_applied_seq(store));
    query_text(asking, key_text);
}

void query_journal_show(struct asking *asking)
{
    struct entry entry;
    struct slice bytes;
    struct hash hash;

    if (!query_read(asking, asking->seq, &entry, &bytes, &hash))
        return;
    if (!query_sees_all(asking) &&
        !route_may_read(asking->principal, entry.audience, entry.audience_count)) {
        query_error(asking, "NOT_FOUND", "entry %llu does not concern %s",
                    (unsigned long long)asking->seq, asking->principal->organisation.text);
        return;
    }
    if (query_entry(asking, entry.seq, bytes, hash) && query_row(asking))
        put_entry(asking, &entry);
}

void query_journal_read(struct asking *asking)
{
    struct store *store = asking->broker->store;
    uint64_t seq;

    if (!query_resumed(asking, &seq, sizeof seq))
        seq = asking->from > 0 ? asking->from : 1;
    asking->reply->as_of_seq = store_durable_seq(store);
    for (; seq <= asking->reply->as_of_seq; seq++) {
        struct slice bytes;
        struct hash hash;
        enum status status = store_read_entry(store, seq, &bytes, &hash);
        if (status != STATUS_OK) {
            broker_fail(asking->broker, STATUS_STORE_CORRUPT);
            query_error(asking, status_name(status), "entry %llu: %s", (unsigned long long)seq,
                        status_text(status));
            return;
        }
        if (!query_entry(asking, seq, bytes, hash)) {
            query_resume(asking, &seq, sizeof seq);
            return;
        }
    }
}
