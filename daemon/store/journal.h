/* SPDX-License-Identifier: Apache-2.0 */
/* journal.h - the row of segments: make a batch durable, read an entry, walk from a seq. The seam for replication. */
/*
 * DIR/<first seq, 20 digits>.seg, closed ones with .idx beside them (seq -> offset, made again when lost), and next.tmp, the
 * next segment while it is filled. Only the last segment is scanned when the journal is opened.
 *
 * One batch is in flight: entries are put into its buffer, journal_flush() writes it with one pwrite and one fdatasync.
 * After the first failure nothing is written any more.
 */
#ifndef COMMISSION_JOURNAL_H
#define COMMISSION_JOURNAL_H

#include "proto/ident.h"
#include "proto/limits.h"
#include "proto/status.h"

#define JOURNAL_TEXT_SIZE 400

struct journal;

struct journal_options {
    const char *dir;
    const char *parent;     /* of @dir, there already */
    uint64_t segment_bytes; /* of segments that are made from now on */
    bool read_only;         /* nothing is created, cut off or written */
};

struct journal_report {
    uint64_t torn_bytes; /* of a batch that was never finished; cut off unless read-only */
    bool created;
};

/**
 * Open, or create when there is none. STATUS_OK: *@ret is the caller's, to be released with journal_close().
 * STATUS_STORE_CORRUPT, STATUS_STORE_NEWER: @text names file and entry. STATUS_STORE_FULL, STATUS_IO_FAILED, STATUS_NO_MEMORY.
 */
MUST_USE enum status journal_open(struct journal **ret, const struct journal_options *options,
                                  struct journal_report *report, char text[JOURNAL_TEXT_SIZE]);
/** Release; the pending batch is gone. NULL is fine. Returns NULL. */
struct journal *journal_close(struct journal *journal);

/* ---- writing ---- */

/** Where the next entry's bytes are to be written, and how many may be: ENTRY_BYTES_MAX unless the batch is full. */
uint8_t *journal_begin_entry(struct journal *journal, size_t *ret_max);
/** They are written, @len of them: the entry joins the batch. Returns its hash. */
struct hash journal_end_entry(struct journal *journal, size_t len);
bool journal_batch_full(const struct journal *journal);
uint32_t journal_batch_count(const struct journal *journal);
/** Write and flush the batch, as of @run. STATUS_OK, or the first failure. Without entries nothing is done. */
MUST_USE enum status journal_flush(struct journal *journal, uint64_t run);
/** Fill the next segment a little, once the present one is a quarter full; no more than 2 MiB a call. STATUS_OK, or the first failure. */
MUST_USE enum status journal_tend(struct journal *journal);
/** Bytes of disk that the next segment still needs. */
uint64_t journal_room_wanted(const struct journal *journal);

/* ---- reading ---- */

/** The seq of the next entry. */
uint64_t journal_next_seq(const struct journal *journal);
/** The newest entry on disk, 0: none; and its hash. */
uint64_t journal_durable_seq(const struct journal *journal);
struct hash journal_durable_hash(const struct journal *journal);
void journal_id(const struct journal *journal, uint8_t ret[16]);
uint64_t journal_flushes(const struct journal *journal);
uint64_t journal_written_bytes(const struct journal *journal);
/** Bytes of all segments, whole; a closed one counts as it was made. */
uint64_t journal_disk_bytes(const struct journal *journal);

/**
 * An entry, pending or on disk, checked by its hash. The slice is valid until the next call into the journal.
 * STATUS_NOT_FOUND: no such entry. STATUS_STORE_CORRUPT, STATUS_IO_FAILED.
 */
MUST_USE enum status journal_read(struct journal *journal, uint64_t seq, struct slice *ret,
                                  struct hash *ret_hash);

/** A segment as a backup copies it: its bytes up to @end are whole batches on disk and will not change; zeros follow. */
struct journal_segment {
    uint64_t first_seq;
    uint64_t bytes; /* of the file */
    uint64_t end;
    uint64_t last_seq; /* first_seq - 1: it has no entry yet */
    struct hash last_hash;
};
/** The @index-th segment, ascending. STATUS_NOT_FOUND: there are no more. STATUS_STORE_CORRUPT, STATUS_IO_FAILED. */
MUST_USE enum status journal_segment(struct journal *journal, uint32_t index,
                                     struct journal_segment *ret);
/**
 * Up to @max bytes of the segment that begins with @first_seq, from @offset on and before its end, as they stand on disk; the kernel need not keep them
 * (PITFALLS J8). STATUS_NOT_FOUND: no such segment. STATUS_STORE_CORRUPT, STATUS_IO_FAILED.
 */
MUST_USE enum status journal_read_raw(struct journal *journal, uint64_t first_seq, uint64_t offset,
                                      uint8_t *ret, size_t max, size_t *ret_len);

/** First seqs of all segments, ascending, valid until the next flush. Returns how many: at least one. */
uint32_t journal_segments(const struct journal *journal, const uint64_t **ret);
const char *journal_dir(const struct journal *journal);

#endif
