/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/broker/outbox.h"

void outbox_init(struct outbox *outbox, struct arena *arena)
{
    *outbox = (struct outbox){.arena = arena};
}

void outbox_reset(struct outbox *outbox)
{
    outbox->first = NULL;
    outbox->last = NULL;
    outbox->taken = 0;
}

struct owed *outbox_push(struct outbox *outbox, enum owed_to to, uint64_t connection,
                         enum message_kind kind)
{
    struct outbox_chunk *chunk = outbox->last;
    if (chunk == NULL || chunk->count == OUTBOX_CHUNK) {
        chunk = arena_take(outbox->arena, sizeof *chunk);
        if (chunk == NULL) {
            outbox->lost++;
            return NULL;
        }
        if (outbox->last != NULL)
            outbox->last->next = chunk;
        else
            outbox->first = chunk;
        outbox->last = chunk;
    }
    struct owed *owed = &chunk->owed[chunk->count++];
    owed->to = to;
    owed->connection = connection;
    owed->kind = kind;
    return owed;
}

const struct owed *outbox_next(struct outbox *outbox)
{
    struct outbox_chunk *chunk = outbox->first;
    if (chunk != NULL && outbox->taken == OUTBOX_CHUNK) {
        outbox->first = chunk->next;
        outbox->taken = 0;
        chunk = outbox->first;
        if (chunk == NULL)
            outbox->last = NULL;
    }
    if (chunk == NULL || outbox->taken == chunk->count)
        return NULL;
    return &chunk->owed[outbox->taken++];
}
