/* SPDX-License-Identifier: Apache-2.0 */
/* due.h - which delayed event comes back when: a heap on monotonic time. */
/* The wall clock stands in the entry; here it is turned into monotonic time once, so that a clock that is set back harms nothing. */
#ifndef COMMISSION_BROKER_DUE_H
#define COMMISSION_BROKER_DUE_H

#include "proto/base.h"
#include "proto/status.h"

#define DUE_NEVER INT64_MAX

struct due;

/** Make an empty heap for at most @count_max (>= 1) events. STATUS_OK: *@ret is the caller's. STATUS_NO_MEMORY. */
MUST_USE enum status due_new(struct due **ret, uint32_t count_max);
/** Release; NULL is fine. Returns NULL. */
struct due *due_free(struct due *due);

/** The event of @seq comes back at @due_ms, monotonic. There must be room. */
void due_push(struct due *due, int64_t due_ms, uint64_t seq);
/** Take out the earliest event that is due by @now_ms, the older first among equals. False: there is none. */
bool due_pop(struct due *due, int64_t now_ms, uint64_t *ret_seq);
/** Take out the event of @seq, which is there. Looks at all. */
void due_remove(struct due *due, uint64_t seq);
/** When the earliest is due, or DUE_NEVER. */
int64_t due_next_ms(const struct due *due);
uint32_t due_count(const struct due *due);

#endif
