/* SPDX-License-Identifier: Apache-2.0 */
/* arena.h - one fixed block of memory, handed out front to back and taken back whole. */
#ifndef COMMISSION_ARENA_H
#define COMMISSION_ARENA_H

#include "proto/base.h"
#include "proto/status.h"

struct arena;

/** Take @bytes_max bytes once. STATUS_OK: *@ret is the caller's. STATUS_NO_MEMORY: untouched. */
MUST_USE enum status arena_new(struct arena **ret, size_t bytes_max);
/** Release; NULL is fine. Returns NULL. */
struct arena *arena_free(struct arena *arena);

/** @bytes zeroed bytes, aligned for any type, valid until arena_reset(); NULL: none left (and arena_full() from now on). */
void *arena_take(struct arena *arena, size_t bytes);
/** A copy of @slice in the arena; {NULL, 0} when there is no room. */
struct slice arena_copy(struct arena *arena, struct slice slice);
/** printf into the arena: NUL-terminated; the slice leaves the NUL out. */
struct slice arena_print(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);
/** All that was taken is gone; as new. */
void arena_reset(struct arena *arena);
/** Give back what was taken since @mark = arena_used(). */
void arena_rewind(struct arena *arena, size_t mark);
size_t arena_used(const struct arena *arena);
/** A take has failed since the last reset. */
bool arena_full(const struct arena *arena);

#endif
