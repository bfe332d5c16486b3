/* SPDX-License-Identifier: Apache-2.0 */
/* seqmap.h - from the seq of an event to the place of its record in an array. */
/* Open addressing with room for twice as many as will ever be in it. Memory is taken in seqmap_new() and never again. */
#ifndef COMMISSION_BROKER_SEQMAP_H
#define COMMISSION_BROKER_SEQMAP_H

#include "proto/base.h"
#include "proto/status.h"

struct seqmap;

/** Make an empty map for at most @count_max (>= 1) seqs. STATUS_OK: *@ret is the caller's. STATUS_NO_MEMORY. */
MUST_USE enum status seqmap_new(struct seqmap **ret, uint32_t count_max);
/** Release; NULL is fine. Returns NULL. */
struct seqmap *seqmap_free(struct seqmap *map);

/** Put @seq (not 0, not in the map yet) at @place. */
void seqmap_put(struct seqmap *map, uint64_t seq, uint32_t place);
/** Where @seq is. False: it is not in the map. */
bool seqmap_find(const struct seqmap *map, uint64_t seq, uint32_t *ret);
/** @seq, which is in the map, is at @place from now on. */
void seqmap_move(struct seqmap *map, uint64_t seq, uint32_t place);
/** Take @seq out; it must be in the map. */
void seqmap_remove(struct seqmap *map, uint64_t seq);
uint32_t seqmap_count(const struct seqmap *map);

#endif
