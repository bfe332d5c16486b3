/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pending.h - events under way: found by id, sent and sent again in the order in which they were
 * given.
 */
/*
 * Bookkeeping only: no socket, no clock. Memory for an event's bytes is kept for the next one in
 * its place.
 */
#ifndef COMMISSION_PENDING_H
#define COMMISSION_PENDING_H

#include "clients/lib/commission.h"

struct pending;

/** One event under way. Its bytes belong to the table, until it is removed. */
struct pending_event {
    struct event_id id;
    struct slice bytes;
    enum commission_wait wait;
    bool sent;    /* on the present connection, as far as we know */
    bool receipt; /* its receipt has come */
    uint64_t seq; /* as the receipt has it */
};

/** Make an empty table for @window events (at least 1). STATUS_OK, STATUS_NO_MEMORY. */
MUST_USE enum status pending_new(struct pending **ret, uint32_t window);
/** Release; NULL is fine. Returns NULL. */
struct pending *pending_free(struct pending *pending);

uint32_t pending_count(const struct pending *pending);

/**
 * Copy an event to the end of the row, not sent yet. STATUS_OK; STATUS_EXISTS: the id is under
 * way; STATUS_BUSY: the window is full; STATUS_NO_MEMORY.
 */
MUST_USE enum status pending_add(struct pending *pending, struct event_id id, struct slice bytes,
                                 enum commission_wait wait);
/** The event of @id, or NULL; valid until the next add or remove. */
struct pending_event *pending_find(struct pending *pending, struct event_id id);
/** Take @event out, which must be one of ours. */
void pending_remove(struct pending *pending, struct pending_event *event);

/** The first event in the row that is not sent, or NULL. */
struct pending_event *pending_unsent(struct pending *pending);
/** Mark @event, which must be pending_unsent()'s, as sent. */
void pending_sent(struct pending *pending, struct pending_event *event);
/** @event must be sent again, and before all that follow it and are not sent. */
void pending_again(struct pending *pending, struct pending_event *event);
/** All must be sent again. */
void pending_all_again(struct pending *pending);

/** Bytes and number of the events not sent. */
size_t pending_unsent_bytes(const struct pending *pending);
uint32_t pending_unsent_count(const struct pending *pending);

#endif
