/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/lib/client.h"

#include <string.h>

#define CREDIT_ENTRIES 256u
/*
 * How the daemon says that it ended a feed because nothing was heard of us, and, should we not have
 * heard that, that it has it no more: then it is opened again.
 */
static const char *const ended[] = {"EXPIRED", "NOT_FOUND"};

/* ---- questions ---- */

static void drop_reply(struct reader *reader)
{
    if (reader->reply_kept)
        frame_release(&reader->reply_frame);
    reader->reply_kept = false;
    reader->reply = NULL;
}

void reader_init(struct reader *reader)
{
    reader->silence_ms = FEED_SILENT_MS;
}

void reader_clear(struct reader *reader)
{
    drop_reply(reader);
    if (reader->handed)
        frame_release(&reader->handed_frame);
    inbox_clear(&reader->entries);
    reader->reply_arena = arena_free(reader->reply_arena);
    reader->feed_arena = arena_free(reader->feed_arena);
}

enum status reader_take_replies(struct commission *commission, struct frame *frame)
{
    struct reader *reader = &commission->reader;
    const struct reply *replies = NULL;
    uint32_t count = 0;

    if (reader->reply_arena == NULL || reader->reply_kept) { /* nobody asks */
        frame_release(frame);
        return STATUS_OK;
    }
    arena_reset(reader->reply_arena);
    enum status status = codec_decode_replies(frame->body, reader->reply_arena, &replies, &count);
    for (uint32_t i = 0; status == STATUS_OK && i < count; i++) {
        if (replies[i].query_id == reader->query_id)
            reader->reply = &replies[i];
    }
    if (reader->reply == NULL) { /* it came too late */
        frame_release(frame);
        return status;
    }
    reader->reply_frame = *frame;
    reader->reply_kept = true;
    return STATUS_OK;
}

/* Put the question, with the number we gave it, into the way out. */
static enum status write_query(struct commission *commission, const struct query *query)
{
    struct query numbered = *query;

    numbered.query_id = ++commission->reader.query_id;
    commission->out.len = 0;
    commission->out.full = false;
    codec_put_query(&commission->out, &numbered);
    return commission->out.full ? STATUS_TOO_LARGE : STATUS_OK;
}

/*
 * A question that left with a connection that broke may have had its effect (server stop): it is
 * not asked twice.
 */
static enum status wait_for_reply(struct commission *commission, int64_t deadline_ms)
{
    const struct reader *reader = &commission->reader;
    uint64_t asked_on = channel_connections(commission->channel);
    enum status status = STATUS_OK;

    while (status == STATUS_OK && reader->reply == NULL) {
        status = client_turn(commission, deadline_ms, false);
        bool broken = channel_connections(commission->channel) != asked_on ||
                      !channel_connected(commission->channel);
        if (status == STATUS_OK && reader->reply == NULL && broken) {
            /* What came before it broke is there already (a daemon that stops has answered). */
            status = client_turn(commission, 0, false);
            if (status == STATUS_OK && reader->reply != NULL)
                break;
            channel_reset(commission->channel); /* it may wait there for the next connection */
            status = STATUS_TIMED_OUT;
        }
    }
    return status;
}

enum status commission_ask(struct commission *commission, const struct query *query,
                           int64_t timeout_ms, const struct reply **ret)
{
    struct reader *reader = &commission->reader;
    int64_t deadline_ms = client_deadline(timeout_ms);

    drop_reply(reader);
    enum status status = client_arena(&reader->reply_arena);
    while (status == STATUS_OK) {
        client_notice(commission);
        /* Events given before the question leave before it. */
        status = sender_keep_up(commission, channel_now_ms());
        if (status == STATUS_OK)
            status = write_query(commission, query); /* anew: a turn may use the way out */
        if (status != STATUS_OK)
            return status;
        status = client_send_out(commission, MESSAGE_QUERIES, 1);
        if (status != STATUS_BUSY)
            break;
        status = client_turn(commission, deadline_ms, true);
        if (status == STATUS_TIMED_OUT)
            return STATUS_UNREACHABLE; /* it never left */
    }
    if (status == STATUS_OK)
        status = wait_for_reply(commission, deadline_ms);
    if (status != STATUS_OK)
        return status;
    *ret = reader->reply;
    return STATUS_OK;
}

/* ---- the feed ---- */

/*
 * Begin anew after what was handed out: under another number, so that what is still on the way is
 * not taken for it.
 */
static void feed_again(struct reader *reader)
{
    inbox_drop(&reader->entries);
    reader->asked = false;
    reader->feed++;
}

void reader_reconnected(struct commission *commission)
{
    feed_again(&commission->reader);
}

static enum status feed_ask(struct commission *commission, enum feed_verb verb, uint32_t credit)
{
    const struct reader *reader = &commission->reader;
    struct feed_ask ask = {
        .verb = verb,
        .feed = reader->feed,
        .from_seq = verb == FEED_OPEN ? reader->next_seq : 0,
        .credit = credit,
    };

    commission->out.len = 0;
    commission->out.full = false;
    codec_put_feed_ask(&commission->out, &ask);
    CHECK(!commission->out.full);
    return client_send_out(commission, MESSAGE_FEED_ASKS, 1);
}

enum status reader_keep_up(struct commission *commission)
{
    struct reader *reader = &commission->reader;

    if (!reader->following || !channel_connected(commission->channel))
        return STATUS_OK;
    uint32_t missing = reader->asked ? CREDIT_ENTRIES - reader->credit : CREDIT_ENTRIES;
    if (missing < CREDIT_ENTRIES / 2)
        return STATUS_OK;
    enum status status = feed_ask(commission, reader->asked ? FEED_CREDIT : FEED_OPEN, missing);
    if (status != STATUS_OK)
        return status == STATUS_BUSY ? STATUS_OK : status;
    if (!reader->asked)
        reader->heard_ms = channel_now_ms();
    reader->asked = true;
    reader->credit = CREDIT_ENTRIES;
    return STATUS_OK;
}

int64_t reader_due_ms(const struct commission *commission)
{
    const struct reader *reader = &commission->reader;

    if (!reader->following || !reader->asked)
        return NEVER_MS;
    return reader->heard_ms + reader->silence_ms;
}

bool reader_notice_silence(struct commission *commission, int64_t now_ms)
{
    struct reader *reader = &commission->reader;

    if (now_ms < reader_due_ms(commission))
        return false;
    /* Should the daemon still have it after all, it need not keep it. */
    if (channel_connected(commission->channel))
        (void)!feed_ask(commission, FEED_CLOSE, 0);
    feed_again(reader);
    return true;
}

enum status reader_take_entries(struct commission *commission, struct frame *frame)
{
    struct reader *reader = &commission->reader;

    if (!reader->following) {
        frame_release(frame);
        return STATUS_OK;
    }
    reader->heard_ms = channel_now_ms();
    enum status status = inbox_push(&reader->entries, frame);
    if (status == STATUS_OK)
        return STATUS_OK;
    frame_release(frame);
    feed_again(reader); /* more than was asked for: read it again, when there is room */
    return status == STATUS_BUSY ? STATUS_OK : status;
}

enum status commission_feed(struct commission *commission, uint64_t from_seq)
{
    struct reader *reader = &commission->reader;

    enum status status = client_arena(&reader->feed_arena);
    if (status != STATUS_OK)
        return status;
    if (reader->following && reader->asked) {
        status = feed_ask(commission, FEED_CLOSE, 0);
        if (status != STATUS_OK && status != STATUS_BUSY)
            return status;
    }
    feed_again(reader);
    reader->following = true;
    reader->next_seq = from_seq;
    return STATUS_OK;
}

/* The next frame of our feed, decoded. STATUS_NOT_FOUND: none is there. */
static enum status open_frame(struct reader *reader)
{
    if (!inbox_pop(&reader->entries, &reader->handed_frame))
        return STATUS_NOT_FOUND;
    reader->handed = true;
    arena_reset(reader->feed_arena);
    return codec_decode_entries(reader->handed_frame.body, reader->feed_arena,
                                &reader->handed_entries);
}

static void close_frame(struct reader *reader)
{
    if (reader->handed)
        frame_release(&reader->handed_frame);
    reader->handed = false;
}

static bool is_ended(struct slice error)
{
    for (size_t i = 0; i < ARRAY_LEN(ended); i++) {
        size_t len = strlen(ended[i]);
        if (error.len >= len && memcmp(error.bytes, ended[i], len) == 0 &&
            (error.len == len || error.bytes[len] == ':'))
            return true;
    }
    return false;
}

static void step_on(struct reader *reader)
{
    const struct feed_entries *entries = &reader->handed_entries;

    if (entries->entries_count > 0)
        reader->next_seq = entries->entries[entries->entries_count - 1].seq + 1;
    if (entries->read_seq >= reader->next_seq)
        reader->next_seq = entries->read_seq + 1;
    reader->credit -=
        entries->entries_count < reader->credit ? entries->entries_count : reader->credit;
}

enum status commission_feed_next(struct commission *commission, int64_t timeout_ms,
                                 const struct feed_entries **ret)
{
    struct reader *reader = &commission->reader;
    int64_t deadline_ms = client_deadline(timeout_ms);
    enum status status = STATUS_OK;

    CHECK(reader->feed_arena != NULL);
    while (status == STATUS_OK) {
        close_frame(reader);
        status = open_frame(reader);
        if (status == STATUS_OK && reader->handed_entries.feed == reader->feed) {
            if (!is_ended(reader->handed_entries.error))
                break;
            feed_again(reader);
        }
        if (status == STATUS_NOT_FOUND)
            status = client_turn(commission, deadline_ms, false);
    }
    if (status != STATUS_OK)
        return status;
    *ret = &reader->handed_entries;
    if (reader->handed_entries.error.len > 0) {
        reader->following = false;
        return STATUS_REFUSED;
    }
    step_on(reader);
    return STATUS_OK;
}
