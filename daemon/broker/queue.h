/* SPDX-License-Identifier: Apache-2.0 */
/* queue.h - ready work by stage: by rank, then in fair shares between organisations, then by age. */
/*
 * Fair shares are deficit round robin: organisations with ready work stand in a ring; each visit gives one QUEUE_QUANTUM
 * bytes, and its oldest events leave as long as that lasts. So nobody waits longer because another sent ten thousand
 * events before, or large ones. Within an organisation the lowest seq leaves first, also one that came back.
 * Memory is taken in queue_new() and never again.
 */
#ifndef COMMISSION_BROKER_QUEUE_H
#define COMMISSION_BROKER_QUEUE_H

#include "proto/message.h"
#include "proto/status.h"

/** What has a statutory deadline goes before all else of its stage. */
enum queue_rank { QUEUE_STATUTORY, QUEUE_ORDINARY, QUEUE_RANKS };

#define QUEUE_QUANTUM 1024 /* bytes a visit: two or three ordinary events */
#define QUEUE_COST_MAX                                                                             \
    (16 *                                                                                          \
     1024) /* an event costs no more, so that a pop looks at each organisation 17 times at most */

struct queue;

/** Make an empty queue for at most @events_max (>= 1) events. STATUS_OK: *@ret is the caller's. STATUS_NO_MEMORY. */
MUST_USE enum status queue_new(struct queue **ret, uint32_t events_max);
/** Release; NULL is fine. Returns NULL. */
struct queue *queue_free(struct queue *queue);

/** The event of @seq, sent by @sender, is ready for @stage; it costs @cost bytes. There must be room; it is not in the queue yet. */
void queue_push(struct queue *queue, enum stage stage, enum queue_rank rank, struct ods sender,
                uint64_t seq, uint32_t cost);
/** Take out the next event of @stage. False: there is none. */
bool queue_pop(struct queue *queue, enum stage stage, uint64_t *ret_seq);
/** Take out the event of @seq, which is in the queue of @stage: it costs its sender nothing. */
void queue_remove(struct queue *queue, enum stage stage, uint64_t seq);
/** Ready events of @stage. */
uint32_t queue_count(const struct queue *queue, enum stage stage);

#endif
