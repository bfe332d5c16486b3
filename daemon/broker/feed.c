/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/broker/feed.h"

#include "daemon/domain/route.h"
#include "proto/codec.h"

/* As long as the daemon: it is owed. */
static const char revoked[] = "SENDER_UNKNOWN: the reader's key was revoked";
static const char expired[] = "EXPIRED: its credit was spent, and nothing was heard of its reader";

struct feed {
    bool open;
    uint64_t connection;
    uint64_t number; /* the reader's */
    struct principal principal;
    uint64_t read_seq; /* looked at up to here */
    uint64_t told_seq; /* what the reader knows of that */
    int64_t told_ms;
    uint32_t credit;
    bool sending;            /* something was owed to it, and has not come back */
    int64_t heard_ms;        /* its reader, the last time */
    int64_t pause_ms;        /* the last one, while its reader takes nothing; else 0 */
    int64_t paused_until_ms; /* nothing is read before; 0: at once */
};

struct feeds {
    struct feed *feeds;
    struct entry_row *rows; /* of the message being made */
    uint32_t feeds_max;
    uint32_t count;
    uint32_t turn;
};

enum status feeds_new(struct feeds **ret, uint32_t feeds_max)
{
    CHECK(feeds_max >= 1);
    CHECK(feeds_max <= FEEDS_MAX);

    struct feeds *feeds = calloc(1, sizeof *feeds);
    if (feeds == NULL)
        return STATUS_NO_MEMORY;
    feeds->feeds_max = feeds_max;
    feeds->feeds = calloc(feeds_max, sizeof *feeds->feeds);
    feeds->rows = calloc(FEED_ENTRIES_MAX, sizeof *feeds->rows);
    if (feeds->feeds == NULL || feeds->rows == NULL)
        goto fail;

    *ret = feeds;
    return STATUS_OK;

fail:
    feeds_free(feeds);
    return STATUS_NO_MEMORY;
}

struct feeds *feeds_free(struct feeds *feeds)
{
    if (feeds != NULL) {
        free(feeds->feeds);
        free(feeds->rows);
    }
    free(feeds);
    return NULL;
}

/* ---- asking ---- */

static struct feed *find_feed(struct feeds *feeds, uint64_t connection, uint64_t number)
{
    for (uint32_t i = 0; i < feeds->feeds_max; i++) {
        struct feed *feed = &feeds->feeds[i];
        if (feed->open && feed->connection == connection && feed->number == number)
            return feed;
    }
    return NULL;
}

static struct feed *find_place(struct feeds *feeds)
{
    for (uint32_t i = 0; i < feeds->feeds_max; i++) {
        if (!feeds->feeds[i].open)
            return &feeds->feeds[i];
    }
    return NULL;
}

static void close_feed(struct feeds *feeds, struct feed *feed)
{
    CHECK(feed->open);
    feed->open = false;
    feeds->count--;
}

/** @organisation has as many as it may have. */
static bool share_used(const struct feeds *feeds, struct ods organisation)
{
    uint32_t share = feeds->feeds_max / FEED_SHARES;
    uint32_t count = 0;
    for (uint32_t i = 0; i < feeds->feeds_max; i++) {
        const struct feed *feed = &feeds->feeds[i];
        if (feed->open && ods_equal(feed->principal.organisation, organisation))
            count++;
    }
    return count >= (share > 0 ? share : 1);
}

static void give_credit(struct feed *feed, uint32_t credit)
{
    feed->credit = credit < UINT32_MAX - feed->credit ? feed->credit + credit : UINT32_MAX;
}

static const char *open_feed(struct feeds *feeds, uint64_t connection,
                             const struct principal *principal, const struct feed_ask *ask,
                             int64_t now_ms)
{
    uint32_t reading = VERB_BIT(VERB_READ) | VERB_BIT(VERB_SUBMIT) | VERB_BIT(VERB_OPERATE);
    if (!(principal->verbs & reading))
        return reason_name(REASON_SENDER_NOT_AUTHORISED);
    struct feed *feed = find_feed(feeds, connection, ask->feed);
    if (feed != NULL)
        close_feed(feeds, feed);
    feed = find_place(feeds);
    if (feed == NULL || share_used(feeds, principal->organisation))
        return reason_name(REASON_BUSY);

    uint64_t before = ask->from_seq > 0 ? ask->from_seq - 1 : 0;
    *feed = (struct feed){
        .open = true,
        .connection = connection,
        .number = ask->feed,
        .principal = *principal,
        .read_seq = before,
        .told_seq = UINT64_MAX, /* nothing yet: it hears at once how far was looked */
        .credit = ask->credit,
        .heard_ms = now_ms,
    };
    feeds->count++;
    return NULL;
}

const char *feeds_ask(struct feeds *feeds, uint64_t connection, const struct principal *principal,
                      const struct feed_ask *ask, int64_t now_ms)
{
    if (ask->verb == FEED_OPEN)
        return open_feed(feeds, connection, principal, ask, now_ms);

    struct feed *feed = find_feed(feeds, connection, ask->feed);
    if (feed == NULL)
        return status_name(STATUS_NOT_FOUND);
    if (ask->verb == FEED_CLOSE) {
        close_feed(feeds, feed);
        return NULL;
    }
    give_credit(feed, ask->credit);
    feed->heard_ms = now_ms;
    return NULL;
}

/** Back to before @first_seq (0: nothing was lost but how far was looked), until a pause is over. */
static void set_back(struct feed *feed, uint64_t first_seq, int64_t now_ms)
{
    if (first_seq > 0 && first_seq <= feed->read_seq)
        feed->read_seq = first_seq - 1;
    feed->told_seq = UINT64_MAX;
    feed->sending = false;
    int64_t pause_ms = feed->pause_ms > 0 ? 2 * feed->pause_ms : FEED_PAUSE_MS;
    feed->pause_ms = pause_ms < FEED_PAUSE_MS_MAX ? pause_ms : FEED_PAUSE_MS_MAX;
    feed->paused_until_ms = now_ms + feed->pause_ms;
}

void feeds_unsent(struct feeds *feeds, const struct unsent *unsent, int64_t now_ms)
{
    struct feed *feed = find_feed(feeds, unsent->connection, unsent->feed);
    if (feed == NULL)
        return;
    give_credit(feed, unsent->count);
    set_back(feed, unsent->first_seq, now_ms);
}

void feeds_gone(struct feeds *feeds, uint64_t connection)
{
    for (uint32_t i = 0; i < feeds->feeds_max; i++) {
        if (feeds->feeds[i].open && feeds->feeds[i].connection == connection)
            close_feed(feeds, &feeds->feeds[i]);
    }
}

void feeds_revoked(struct feeds *feeds, uint64_t connection, struct outbox *outbox)
{
    for (uint32_t i = 0; i < feeds->feeds_max; i++) {
        struct feed *feed = &feeds->feeds[i];
        if (!feed->open || feed->connection != connection)
            continue;
        struct owed *owed = outbox_push(outbox, OWED_CLIENT, connection, MESSAGE_ENTRIES);
        if (owed != NULL) {
            owed->entries.feed = feed->number;
            owed->entries.error = (struct slice){(const uint8_t *)revoked, sizeof revoked - 1};
        }
        close_feed(feeds, feed);
    }
}

/* ---- reading ---- */

static bool may_read(const struct feed *feed, struct slice bytes, struct arena *scratch,
                     enum status *ret_status)
{
    if (feed->principal.verbs & VERB_BIT(VERB_OPERATE))
        return true;

    struct entry entry;
    arena_reset(scratch);
    *ret_status = codec_decode_entry(bytes, scratch, &entry);
    return *ret_status == STATUS_OK &&
           route_may_read(&feed->principal, entry.audience, entry.audience_count);
}

/** Owe the reader what was gathered, and how far was looked. */
static void tell(struct feeds *feeds, struct feed *feed, uint32_t rows_count, struct outbox *outbox,
                 int64_t now_ms)
{
    struct slice rows = {NULL, 0};
    if (rows_count > 0)
        rows = arena_copy(outbox->arena, (struct slice){(const uint8_t *)feeds->rows,
                                                        rows_count * sizeof *feeds->rows});
    struct owed *owed = rows_count > 0 && rows.bytes == NULL
                            ? NULL
                            : outbox_push(outbox, OWED_CLIENT, feed->connection, MESSAGE_ENTRIES);
    if (owed == NULL) { /* no room: nothing is lost, it is read again */
        set_back(feed, rows_count > 0 ? feeds->rows[0].seq : 0, now_ms);
        return;
    }
    owed->entries.feed = feed->number;
    owed->entries.entries = (const struct entry_row *)(const void *)rows.bytes;
    owed->entries.entries_count = rows_count;
    owed->entries.read_seq = feed->read_seq;
    feed->credit -= rows_count;
    feed->told_seq = feed->read_seq;
    feed->told_ms = now_ms;
    feed->sending = true;
}

/** End @feed, and say so: a reader that lives opens it again. Without room now, in a later turn. */
static void expire(struct feeds *feeds, struct feed *feed, struct outbox *outbox)
{
    struct owed *owed = outbox_push(outbox, OWED_CLIENT, feed->connection, MESSAGE_ENTRIES);
    if (owed == NULL)
        return;
    owed->entries.feed = feed->number;
    owed->entries.read_seq = feed->read_seq;
    owed->entries.error = (struct slice){(const uint8_t *)expired, sizeof expired - 1};
    close_feed(feeds, feed);
}

/** When its reader is to hear something even if there is nothing for it. */
static int64_t tell_ms(const struct feed *feed)
{
    return feed->told_ms + (feed->told_seq != feed->read_seq ? FEED_TELL_MS : FEED_ALIVE_MS);
}

/** What time brings: its end, or that what was sent last did leave. False: it is not to be read now. */
static bool awake(struct feeds *feeds, struct feed *feed, struct outbox *outbox, int64_t now_ms)
{
    if (feed->credit == 0 && feed->heard_ms + FEED_SILENT_MS <= now_ms) {
        expire(feeds, feed, outbox);
        return false;
    }
    if (now_ms < feed->paused_until_ms)
        return false;
    if (feed->sending)
        feed->pause_ms = 0;
    feed->sending = false;
    feed->paused_until_ms = 0;
    return true;
}

/** Look at up to *@reads entries for @feed, and owe it those it may read. */
static enum status read_feed(struct feeds *feeds, struct feed *feed, struct store *store,
                             struct outbox *outbox, struct arena *scratch, int64_t now_ms,
                             uint32_t *reads)
{
    uint64_t durable = store_durable_seq(store);
    uint32_t count = 0;
    size_t bytes = 0;

    while (*reads > 0 && feed->read_seq < durable && count < feed->credit &&
           count < FEED_ENTRIES_MAX && bytes < FEED_BYTES_MAX) {
        struct entry_row row = {.seq = feed->read_seq + 1};
        enum status status = store_read_entry(store, row.seq, &row.entry, &row.hash);
        if (status != STATUS_OK)
            return status;
        (*reads)--;
        if (may_read(feed, row.entry, scratch, &status)) {
            row.entry = arena_copy(outbox->arena, row.entry);
            if (row.entry.bytes == NULL)
                break;
            bytes += row.entry.len;
            feeds->rows[count++] = row;
        }
        if (status != STATUS_OK)
            return STATUS_STORE_CORRUPT;
        feed->read_seq = row.seq;
    }

    /* Once when it is opened; then, where there was nothing for it, now and then. */
    bool news = feed->told_seq == UINT64_MAX || tell_ms(feed) <= now_ms;
    if (count > 0 || news)
        tell(feeds, feed, count, outbox, now_ms);
    return STATUS_OK;
}

enum status feeds_read(struct feeds *feeds, struct store *store, struct outbox *outbox,
                       struct arena *scratch, int64_t now_ms)
{
    uint32_t reads = FEED_READS_MAX;

    for (uint32_t i = 0; i < feeds->feeds_max && feeds->count > 0 && reads > 0; i++) {
        struct feed *feed = &feeds->feeds[feeds->turn];
        feeds->turn = (feeds->turn + 1) % feeds->feeds_max;
        if (!feed->open || !awake(feeds, feed, outbox, now_ms))
            continue;
        enum status status = read_feed(feeds, feed, store, outbox, scratch, now_ms, &reads);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static int64_t due_of(const struct feed *feed, uint64_t durable_seq)
{
    if (!feed->open)
        return FEED_NEVER;
    int64_t due_ms = tell_ms(feed);
    if (feed->told_seq == UINT64_MAX || (feed->credit > 0 && feed->read_seq < durable_seq))
        due_ms = 0;
    if (due_ms < feed->paused_until_ms)
        due_ms = feed->paused_until_ms;
    int64_t end_ms = feed->credit == 0 ? feed->heard_ms + FEED_SILENT_MS : FEED_NEVER;
    return end_ms < due_ms ? end_ms : due_ms;
}

int64_t feeds_due_ms(const struct feeds *feeds, uint64_t durable_seq)
{
    int64_t due = FEED_NEVER;
    for (uint32_t i = 0; i < feeds->feeds_max && feeds->count > 0; i++) {
        int64_t one = due_of(&feeds->feeds[i], durable_seq);
        due = one < due ? one : due;
    }
    return due;
}

uint32_t feeds_count(const struct feeds *feeds)
{
    return feeds->count;
}
