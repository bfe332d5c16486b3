/* SPDX-License-Identifier: Apache-2.0 */
/* store.h - the journal that is the truth, and the state that follows it: open and replay, load, add, flush, commit, walk. */
/*
 *   store_add()     an entry joins the batch: it gets its seq, is encoded, hashed, and applied to the state's open
 *                   write transaction, so that what is loaded next sees it. Nothing is on disk.
 *   store_flush()   the batch is written and flushed: one pwrite, one fdatasync. Now it is durable: answers may leave.
 *   store_commit()  the state is committed with the journal position inside; between batches only.
 *
 * The store keeps its first failure: after it nothing is written any more, store_flush() says which it was, and the
 * daemon stops; the next start replays. What is loaded is copied into values, except slices: these are valid until the
 * next store_add(), store_commit(), store_event_bytes(), or walk with store_next_...().
 */
#ifndef COMMISSION_STORE_H
#define COMMISSION_STORE_H

#include "daemon/domain/decide.h"
#include "daemon/domain/ledger.h"
#include "daemon/domain/stage.h"
#include "daemon/domain/timer.h"
#include "daemon/domain/workflow.h"
#include "proto/arena.h"
#include "proto/message.h"
#include "proto/status.h"

struct store;

struct store_options {
    const char *dir;        /* state directory: journal/, state/ in it */
    uint64_t segment_bytes; /* of a journal segment; >= 4 MiB */
    uint64_t map_bytes;     /* of the state's map */
    bool read_only;         /* verify: nothing is created or changed */
    uint64_t reserve_bytes; /* of the disk, left free beside what the largest batches take */
};

/** What opening found. */
struct store_report {
    uint64_t entries_replayed;
    uint64_t torn_bytes; /* of an unfinished batch at the end that was cut off */
    bool created;
    bool state_rebuilt;           /* there was none, or one of an older format */
    uint32_t state_upgraded_from; /* its format; 0: none was put aside */
};

/**
 * Open or create; cuts off a torn tail, replays what the state has not seen. The instance lock is the caller's.
 * STATUS_OK: *@ret is the caller's, to be released with store_close(). STATUS_STORE_CORRUPT, STATUS_STORE_AHEAD, STATUS_STORE_NEWER: @text says where (entry, file).
 * STATUS_IO_FAILED, STATUS_NO_MEMORY, STATUS_STORE_FULL.
 */
MUST_USE enum status store_open(struct store **ret, const struct store_options *options,
                                struct store_report *report, char *text, size_t text_size);
/** Release without committing what is not committed. NULL is fine. Returns NULL. */
struct store *store_close(struct store *store);

/* ---- writing ---- */

/** The seq that the next entry will get. */
uint64_t store_next_seq(const struct store *store);
/**
 * Is there room for the largest batch in map, segment and disk, and for the end of all that is open? Asked before a batch is taken,
 * with nothing pending. Once there was none, it takes a little more until there is room again.
 */
bool store_has_room(struct store *store);

/** How full it is, as store_has_room() saw it last. */
struct store_room {
    uint64_t map_bytes; /* of the state's map */
    uint64_t
        used_bytes; /* of it, with what is not committed yet and what the open events may come to take */
    uint64_t disk_bytes;   /* that may still be written */
    uint64_t wanted_bytes; /* of those, that must be left */
    bool full;             /* new events are refused */
};
void store_room(const struct store *store, struct store_room *ret);
/** Is the batch full: no room for another entry of the largest size? */
bool store_batch_full(const struct store *store);
/** Entries in the batch. */
uint32_t store_batch_count(const struct store *store);

/**
 * Add @entry to the batch and apply it. In: all but seq. Out: @entry->seq; its hash in *@ret_hash. @event: the decoded event of
 * RECEIVED and RECORDED, and the event that JUDGED is about; else NULL. On a failure, which is kept for store_flush(), @entry->seq is 0.
 */
void store_add(struct store *store, struct entry *entry, const struct event *event,
               struct hash *ret_hash);

/** Make the batch durable. STATUS_OK, or the first failure: stop. An empty batch is fine. */
MUST_USE enum status store_flush(struct store *store);
/** Commit the state up to the last flushed batch; nothing may be pending. */
MUST_USE enum status store_commit(struct store *store);
/** What the first failure is about, in words; "" where nothing is known beside its status. */
const char *store_failure_text(const struct store *store);
/** Rows changed since the last commit: when to commit. */
uint32_t store_dirty_rows(const struct store *store);
/** How far the slow scrub has come. */
struct store_scrub {
    const char *table; /* static: where it is */
    uint64_t rows;     /* looked at in this pass */
    uint64_t passes;   /* through the whole state since the start */
};
/**
 * Look at up to @rows_max rows of the state, when idle: digests, counterparts, sums (scrub.h). *@ret_passed: one pass has ended. STATUS_OK, or the first
 * failure: stop; store_failure_text() names the row.
 */
MUST_USE enum status store_scrub_step(struct store *store, uint32_t rows_max, bool *ret_passed);
void store_scrub(const struct store *store, struct store_scrub *ret);

/** A little file work when idle or between turns: the next segment is filled ahead. At most a few hundred KiB a call. */
MUST_USE enum status store_tend(struct store *store);

/* ---- loading; false: there is none ---- */

bool store_find_workflow(struct store *store, struct ods lead, const struct reference *reference,
                         struct workflow *ret);
bool store_get_workflow(struct store *store, uint64_t number, struct workflow *ret);
bool store_get_register(struct store *store, struct ods organisation, enum event_type type,
                        struct register_head *ret);

/** A known event id. @digest is of the event's bytes as received. */
struct seen {
    uint64_t seq;
    uint64_t verdict_seq; /* of the newest verdict; 0: none yet */
    uint8_t digest[16];
};
bool store_get_seen(struct store *store, uint64_t number, struct event_id id, struct seen *ret);
/** The digest that `seen` keeps. */
void store_digest(struct slice event_bytes, uint8_t ret[16]);

bool store_get_open(struct store *store, uint64_t seq, struct open_event *ret);
/** The bytes of a received event: from its open row, else from the journal. False: no such entry. */
bool store_event_bytes(struct store *store, uint64_t seq, struct slice *ret);

/** The organisation as @on saw it; @ret->known is false where it is not registered. */
void store_get_organisation(struct store *store, struct ods ods, date_t on,
                            struct organisation *ret);
/** Contracts between @ccg and @csu, newest first. Returns how many were written to @ret. */
uint32_t store_get_supports(struct store *store, struct ods ccg, struct ods csu,
                            struct support_row *ret, uint32_t max);
/** The year's row; without one all is zero but ods and year. */
void store_get_ledger(struct store *store, struct ods ods, int32_t year, struct ledger_year *ret);
/** How many workflows of @lead, as named for ever, are open. */
uint64_t store_get_caseload(struct store *store, struct ods lead);
/** Facts of a workflow of one type, in the order in which they were accepted: bytes, and the seqs of their verdicts. Returns how many. */
uint32_t store_get_facts(struct store *store, uint64_t number, enum event_type type,
                         struct slice *ret, uint64_t *ret_seqs, uint32_t max);

/** Whether the work of @stage goes on: running unless it was set. */
void store_get_stage(struct store *store, enum stage stage, struct stage_setting *ret);

struct key_row {
    struct principal principal;
    char label[NAME_SIZE];
    bool revoked;
    uint64_t entry_seq;
};
bool store_get_key(struct store *store, struct key public_key, struct key_row *ret);

/* ---- walking: the first row after a key, in the key's order; false: no more ---- */

bool store_next_workflow(struct store *store, uint64_t after_number, struct workflow *ret);
bool store_next_open(struct store *store, uint64_t after_seq, struct open_event *ret);
bool store_next_organisation(struct store *store, struct ods after, date_t on,
                             struct organisation *ret);
bool store_next_ledger(struct store *store, struct ods after_ods, int32_t after_year,
                       struct ledger_year *ret);
bool store_next_ledger_line(struct store *store, struct ods ods, int32_t year, uint64_t after_seq,
                            uint32_t after_index, struct ledger_line_row *ret, uint32_t *ret_index);
/** Leads by code that have, or had, open workflows, and how many. */
bool store_next_caseload(struct store *store, struct ods after, struct ods *ret,
                         uint64_t *ret_count);
bool store_next_key(struct store *store, uint64_t after_entry_seq, struct key_row *ret);
/** The next event that waits for @wait; @ret_seq is its seq. */
bool store_next_waiting(struct store *store, const struct wait *wait, uint64_t after_seq,
                        uint64_t *ret_seq);
/** The next delayed event by its time: pass *@due_ms INT64_MIN and *@seq 0 first, then as returned. */
bool store_next_due(struct store *store, int64_t *due_ms, uint64_t *seq);
/** The next timer of workflow @number after the one that @at names (zeroed: the first of all). */
bool store_next_timer(struct store *store, uint64_t number, const struct timer_set *at,
                      struct timer_row *ret);
/** The next timer that runs, by its moment, whole: pass *@at with due_ms INT64_MIN and all else zero first, then as returned. */
bool store_next_timer_due(struct store *store, struct timer_row *at);
/** All waits, in key order, for the check at start: pass *@wait and *@seq zeroed first, then as returned. */
bool store_next_wait(struct store *store, struct wait *wait, uint64_t *seq);

/* ---- the journal ---- */

/** The newest durable entry and its hash; 0 and zeros: none. */
uint64_t store_durable_seq(const struct store *store);
struct hash store_head_hash(const struct store *store);
/** What the committed state has seen. */
uint64_t store_applied_seq(const struct store *store);
/** 16 bytes that name this journal for ever. */
void store_journal_id(const struct store *store, uint8_t ret[16]);
/** Runs so far: this one's number. */
uint64_t store_run(const struct store *store);
/**
 * Read a durable or pending entry, checked against its hash: bytes and hash, valid until the next call into the store.
 * STATUS_NOT_FOUND, STATUS_STORE_CORRUPT, STATUS_IO_FAILED.
 */
MUST_USE enum status store_read_entry(struct store *store, uint64_t seq, struct slice *ret,
                                      struct hash *ret_hash);

/** One table of the state. */
struct store_table {
    const char *name; /* static */
    uint64_t rows;
    uint64_t bytes; /* of its pages */
};
/** The @index-th table; false: there are no more. */
bool store_table(struct store *store, uint32_t index, struct store_table *ret);

/** Where the room has gone. */
struct store_sizes {
    uint64_t map_bytes;      /* the most that the state may come to take */
    uint64_t map_high_bytes; /* taken at most so far: the file does not shrink */
    uint64_t map_used_bytes; /* of these, in tables now */
    uint32_t segments;       /* files of the journal */
    uint64_t segments_bytes; /* of all of them, whole */
    uint64_t disk_free_bytes;
    uint32_t state_format;
    uint32_t journal_format;
};
void store_sizes(struct store *store, struct store_sizes *ret);

/** A segment of the journal as a backup copies it: its bytes up to @end are whole batches on disk; zeros follow. */
struct store_segment {
    uint64_t first_seq;
    uint64_t bytes; /* of the file */
    uint64_t end;
    uint64_t last_seq;
    struct hash last_hash;
};
/** The @index-th segment, ascending. STATUS_NOT_FOUND: there are no more. STATUS_STORE_CORRUPT, STATUS_IO_FAILED. */
MUST_USE enum status store_segment(struct store *store, uint32_t index, struct store_segment *ret);
/** Up to @max bytes of the segment that begins with @first_seq, from @offset on and before its end. As above. */
MUST_USE enum status store_read_raw(struct store *store, uint64_t first_seq, uint64_t offset,
                                    uint8_t *ret, size_t max, size_t *ret_len);

struct store_counts {
    uint64_t entries;
    uint64_t flushes;
    uint64_t commits;
    uint64_t journal_bytes; /* written */
    uint64_t state_bytes;   /* of the map in use */
    uint64_t workflows;     /* rows, opened or not */
    uint64_t open_events;
    bool read_only; /* too little room: new events are refused */
};
void store_count(struct store *store, struct store_counts *ret);

/** An entry that a journal must hold: a checkpoint or a backup's manifest says so. */
struct store_expected {
    uint8_t journal_id[16];
    uint64_t seq;
    struct hash hash;
};

/**
 * Copy the journal of the backup @from into the empty state folder @to (made where it is missing; a file "lock" in it is fine), flush it, build the state from it,
 * and prove both as store_verify_against() does. STATUS_EXISTS: @to is not empty. Else as there; then nothing is left in @to.
 */
MUST_USE enum status store_restore(const char *from, const char *to, uint64_t map_bytes,
                                   const struct store_expected *expected,
                                   void (*say)(void *ctx, const char *line), void *ctx);

/**
 * Prove the journal and the state in @dir, with the daemon down: every digest and the chain; then a new state is built from the journal in a temporary
 * folder and compared with the one there, table by table, byte by byte (but meta). @expected: an entry that must be there; NULL: none.
 * @say is called with each line of the report.
 * STATUS_OK: all agrees. STATUS_STORE_CORRUPT: @say said what does not.
 */
MUST_USE enum status store_verify_against(const char *dir, uint64_t map_bytes,
                                          const struct store_expected *expected,
                                          void (*say)(void *ctx, const char *line), void *ctx);
/** The same, nothing expected. */
MUST_USE enum status store_verify(const char *dir, uint64_t map_bytes,
                                  void (*say)(void *ctx, const char *line), void *ctx);

#endif
