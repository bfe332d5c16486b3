/* SPDX-License-Identifier: Apache-2.0 */
/* outbox.h - what is owed: messages in the order they arose, in the turn's arena, gone with it. */
#ifndef COMMISSION_BROKER_OUTBOX_H
#define COMMISSION_BROKER_OUTBOX_H

#include "daemon/broker/broker.h"
#include "proto/arena.h"

#define OUTBOX_CHUNK 8

/** Some of them. */
struct outbox_chunk {
    struct owed owed[OUTBOX_CHUNK];
    uint32_t count;
    struct outbox_chunk *next;
};

/** @arena holds what is owed, and what that points to. */
struct outbox {
    struct arena *arena;
    struct outbox_chunk *first;
    struct outbox_chunk *last;
    uint32_t taken; /* of the first chunk */
    uint64_t lost;  /* for which the arena had no room */
};

void outbox_init(struct outbox *outbox, struct arena *arena);
/** What is owed is forgotten; the arena is about to be reset. */
void outbox_reset(struct outbox *outbox);
/**
 * Owe @connection a message of @kind: zeroed, to be filled in. NULL: there is no room, and it counts as lost. Nothing that
 * leaves by the outbox is durable: whoever misses it asks again.
 */
struct owed *outbox_push(struct outbox *outbox, enum owed_to to, uint64_t connection,
                         enum message_kind kind);
/** The next one, or NULL; valid until outbox_reset(). */
const struct owed *outbox_next(struct outbox *outbox);

#endif
