/* SPDX-License-Identifier: Apache-2.0 */
/* feed.h - who reads the journal on, from where, and for how many entries there is credit. */
/*
 * A feed is a reader's own number on a connection. It gets the durable entries whose audience it belongs to, in order, as
 * long as it has credit; read_seq says how far was looked, whoever that was for. A turn looks at a bounded number of
 * entries, each feed in turn, so that a slow or far-behind reader harms nobody. A feed whose credit is spent ends
 * when its reader is silent for FEED_SILENT_MS; every other one says something every FEED_ALIVE_MS, by which a
 * connection that is gone is found.
 * Memory is taken in feeds_new() and never again.
 */
#ifndef COMMISSION_BROKER_FEED_H
#define COMMISSION_BROKER_FEED_H

#include "daemon/broker/outbox.h"
#include "daemon/store/store.h"

#define FEED_READS_MAX 512          /* entries looked at a turn, all feeds together */
#define FEED_ENTRIES_MAX 256        /* of one message */
#define FEED_BYTES_MAX (256 * 1024) /* of one message's entries */
#define FEED_TELL_MS                                                                               \
    1000 /* a reader for whom there was nothing hears how far was looked so often */
#define FEED_PAUSE_MS 100 /* a reader whose queue is full: then again, each time twice as long */
#define FEED_PAUSE_MS_MAX 3200
#define FEED_SHARES 4 /* one organisation may have this part of all feeds, at least one */
#define FEED_NEVER INT64_MAX

struct feeds;

/** Make room for @feeds_max (1..FEEDS_MAX) feeds. STATUS_OK: *@ret is the caller's. STATUS_NO_MEMORY. */
MUST_USE enum status feeds_new(struct feeds **ret, uint32_t feeds_max);
/** Release; NULL is fine. Returns NULL. */
struct feeds *feeds_free(struct feeds *feeds);

/** Do what @ask says for @principal on @connection: open (again), more credit, close. @now_ms is monotonic. NULL: done; else a code that says why not. */
const char *feeds_ask(struct feeds *feeds, uint64_t connection, const struct principal *principal,
                      const struct feed_ask *ask, int64_t now_ms);
/** What feeds_read() owed has not left: its feed, if it is still open, goes back to before it, gets the credit back, and pauses. */
void feeds_unsent(struct feeds *feeds, const struct unsent *unsent, int64_t now_ms);
/** The connection is gone: its feeds end. */
void feeds_gone(struct feeds *feeds, uint64_t connection);
/** Its key was revoked: its feeds end, and each reader is told so through @outbox. */
void feeds_revoked(struct feeds *feeds, uint64_t connection, struct outbox *outbox);

/**
 * Read on, up to the durable entries, into @outbox. @scratch is reset again and again. STATUS_OK, or the store's failure.
 */
MUST_USE enum status feeds_read(struct feeds *feeds, struct store *store, struct outbox *outbox,
                                struct arena *scratch, int64_t now_ms);
/** When feeds_read() is wanted next: 0 (now) when a reader with credit is behind @durable_seq, or FEED_NEVER. */
int64_t feeds_due_ms(const struct feeds *feeds, uint64_t durable_seq);
uint32_t feeds_count(const struct feeds *feeds);

#endif
