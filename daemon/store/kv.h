/* SPDX-License-Identifier: Apache-2.0 */
/* kv.h - the state's tables: ordered keys and values in LMDB, the only file that knows it. */
/*
 * One write transaction is open from the first touch to kv_commit(): it is the scratch copy that all reads and writes
 * of a batch see. It keeps its first failure and ignores what follows: ask kv_failure() at the end of a batch.
 * Slices that are returned point into the map: they are valid until the next kv_put(), kv_del() or kv_commit().
 * Default sync flags, one environment a directory and process (PITFALLS L1, L3).
 */
#ifndef COMMISSION_KV_H
#define COMMISSION_KV_H

#include "proto/base.h"
#include "proto/status.h"

struct kv;

/* clang-format off */
#define KV_TABLE_LIST(X)                                                                           \
    X(META, "meta") X(WORKFLOW, "workflow") X(REFERENCE, "reference") X(SEEN, "seen")              \
    X(OPEN, "open") X(WAITS, "waits") X(FACT, "fact") X(REGISTER, "register")                      \
    X(ORGANISATION, "organisation") X(SUPPORT, "support") X(LEVEL, "level") X(KEY, "key")          \
    X(KEY_ORDER, "key_order") X(LEDGER, "ledger") X(LEDGER_LINE, "ledger_line") X(DUE, "due")         \
    X(CASELOAD, "caseload") X(STAGE, "stage") X(TIMER, "timer") X(TIMER_DUE, "timer_due")
/* clang-format on */

#define KV_TABLE_ENUM(name, text) KV_##name,
enum kv_table { KV_TABLE_LIST(KV_TABLE_ENUM) KV_TABLES };
#undef KV_TABLE_ENUM

/** The table's name; static. */
const char *kv_table_name(enum kv_table table);

#define KV_KEY_BYTES_MAX 128    /* of ours; LMDB takes 511 */
#define KV_COUNT_EVERY 4        /* commits */
#define KV_VALUE_BYTES_MAX 8192 /* more than any row of ours: what is longer is damage */
#define KV_OPEN_MAX 4           /* environments of one process, each another directory */

/**
 * Make the directory @dir (whose parent is @parent) with all tables and one first row in META: whole or not at all, and
 * lasting when it returns (PITFALLS L5). STATUS_STORE_FULL, STATUS_IO_FAILED, STATUS_STORE_FAILED.
 */
MUST_USE enum status kv_create(const char *dir, const char *parent, uint64_t map_bytes,
                               struct slice key, struct slice value);

/**
 * Open what kv_create() made. STATUS_OK: *@ret is the caller's, to be released with kv_close(). STATUS_STORE_CORRUPT: a
 * table is missing, the file is cut short or no database. STATUS_EXISTS: this process has it open already.
 * STATUS_NO_MEMORY, STATUS_IO_FAILED, STATUS_STORE_FAILED.
 */
MUST_USE enum status kv_open(struct kv **ret, const char *dir, uint64_t map_bytes, bool read_only);
/**
 * The value of @key in META of what kv_create() made, by this version or another: at most @max bytes of it to @ret. Nothing is changed.
 * STATUS_NOT_FOUND: there is no such row; the other failures as kv_open().
 */
MUST_USE enum status kv_peek(const char *dir, uint64_t map_bytes, struct slice key, uint8_t *ret,
                             size_t max, size_t *ret_len);
/** Release; what is not committed is gone. NULL is fine. Returns NULL. */
struct kv *kv_close(struct kv *kv);

/** The row of @key; false: there is none, or there was a failure. */
bool kv_get(struct kv *kv, enum kv_table table, struct slice key, struct slice *ret);
/** The first row whose key is greater than @after (empty: the first of all); false: no more, or a failure. */
bool kv_next(struct kv *kv, enum kv_table table, struct slice after, struct slice *ret_key,
             struct slice *ret_value);
/** Write a row, new or not. @value is not in the map. */
void kv_put(struct kv *kv, enum kv_table table, struct slice key, struct slice value);
/** Delete a row; one that is not there is fine. */
void kv_del(struct kv *kv, enum kv_table table, struct slice key);
/** Rows of a table. */
uint64_t kv_count(struct kv *kv, enum kv_table table);

/** The first failure since kv_open(): STATUS_STORE_FULL, STATUS_STORE_CORRUPT, STATUS_STORE_FAILED; STATUS_OK: none. */
enum status kv_failure(const struct kv *kv);
/** Rows written and deleted since the last commit. */
uint32_t kv_dirty(const struct kv *kv);
/** Commit. STATUS_OK, or the first failure: what is on disk is then either the last commit or this one. */
MUST_USE enum status kv_commit(struct kv *kv);

/** Bytes of a table's pages, as of the open transaction; and up to the last page ever taken, as of the last commit. */
uint64_t kv_table_bytes(struct kv *kv, enum kv_table table);
uint64_t kv_high_bytes(const struct kv *kv);
/**
 * Bytes of the map in use (as of the last commit), and of the map. In use are its pages up to the last one; once they are half of
 * the map, less those that are free again, counted each KV_COUNT_EVERY commits and at each one where it is nearly full.
 */
uint64_t kv_used_bytes(const struct kv *kv);
uint64_t kv_map_bytes(const struct kv *kv);

#endif
