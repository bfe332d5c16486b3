/* SPDX-License-Identifier: Apache-2.0 */
/* overlay.h - rows changed since the last commit, in memory, before they reach the tables. */
/*
 * Rows of the hot tables (workflows, open events, known ids, references, the ledger's years) are rewritten and deleted again
 * within milliseconds. They stand here as payloads, without header and digest, and go to the tables sorted by key when
 * the state is committed, when there is no more room, or when their table is walked. Those of other tables go through.
 * Memory is taken in overlay_new() and never again.
 */
#ifndef COMMISSION_OVERLAY_H
#define COMMISSION_OVERLAY_H

#include "daemon/store/kv.h"
#include "daemon/store/record.h"
#include "proto/status.h"

#define OVERLAY_ROWS_MAX 16384
#define OVERLAY_BYTES_MAX (8u * 1024 * 1024)

struct overlay;

/** Make one before @kv, which stays the caller's. STATUS_NO_MEMORY. */
MUST_USE enum status overlay_new(struct overlay **ret, struct kv *kv);
/** Release, and forget what has not reached the tables. NULL is fine. Returns NULL. */
struct overlay *overlay_free(struct overlay *overlay);

enum found { FOUND_NONE, FOUND_ROW, FOUND_DAMAGED };

/** The payload of @key's row, checked; valid until the next call that writes, walks or spills. */
enum found overlay_get(struct overlay *overlay, enum kv_table table, struct slice key,
                       struct slice *ret);
/** The first row after @after, as kv_next(), its payload checked; *@ret_key is set when it is damaged, too. */
enum found overlay_next(struct overlay *overlay, enum kv_table table, struct slice after,
                        struct slice *ret_key, struct slice *ret);
/** Write the payload in @record. @fresh: the tables have no row of this key for certain. */
void overlay_put(struct overlay *overlay, enum kv_table table, struct slice key,
                 struct record *record, bool fresh);
void overlay_del(struct overlay *overlay, enum kv_table table, struct slice key);

/** Hand all rows to the tables: before a commit. */
void overlay_spill(struct overlay *overlay);
/** Rows that wait here. */
uint32_t overlay_rows(const struct overlay *overlay);
/** Rows of a table, here and there. */
uint64_t overlay_count(struct overlay *overlay, enum kv_table table);

#endif
