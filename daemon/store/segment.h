/* SPDX-License-Identifier: Apache-2.0 */
/* segment.h - one preallocated file of the journal: its header, its batches, and telling a torn tail from damage. */
/*
 *     0     header: magic 8 | format u32 | header bytes u32 | journal id 16 | segment id u64 | first seq u64
 *                   | segment bytes u64 | hash before 32 | digest 16 | zeros
 *     4096  batches, one after the other:
 *           magic u32 | count u32 | segment id u64 | run u64 | first seq u64 | bytes u32 | 0 u32 | digest 8 | hash before 32
 *           then for each entry: len u32 | entry | hash 32; then an end mark u32
 *     then  zeros to the end
 *
 * Numbers are little-endian. An entry's hash is BLAKE2b-256 over the hash before it and its bytes; the 32 bytes before a
 * len are always the hash of the entry before. A batch's digest covers the header's fields and the hash before it.
 */
#ifndef COMMISSION_SEGMENT_H
#define COMMISSION_SEGMENT_H

#include "proto/ident.h"
#include "proto/limits.h"
#include "proto/status.h"

#define SEGMENT_FORMAT 1
#define SEGMENT_HEADER_BYTES 4096
#define SEGMENT_BYTES_MIN (4ull * 1024 * 1024)
#define SEGMENT_BYTES_MAX (2ull * 1024 * 1024 * 1024) /* offsets are u32 */
#define SEGMENT_TEXT_SIZE 200
#define BATCH_HEADER_BYTES 80
#define BATCH_END_BYTES 4
#define ENTRY_FRAME_BYTES (4 + HASH_BYTES) /* around an entry: its len before, its hash after */
#define SECTOR_BYTES 512                   /* what a disk writes whole, at the least */

static_assert(SEGMENT_BYTES_MIN > SEGMENT_HEADER_BYTES + BATCH_BYTES_MAX, "a batch fits a segment");

/** What stands in a segment's header. */
struct segment_head {
    uint8_t journal_id[16];
    uint64_t segment_id; /* chance: bytes of another segment are never taken for this one's */
    uint64_t first_seq;
    uint64_t bytes; /* of the whole file */
    struct hash before;
};

/** What stands in a batch's header. */
struct batch_head {
    uint64_t segment_id;
    uint64_t run;
    uint64_t first_seq;
    uint32_t count;
    uint32_t bytes; /* of all that follows the header, end mark included */
    struct hash before;
};

/** The hash of an entry. */
struct hash segment_hash_entry(const struct hash *before, struct slice entry);
/** A digest of any bytes, for files beside the journal; 16 bytes. */
void segment_digest(struct slice bytes, uint8_t ret[16]);
/** 8 bytes of chance. */
uint64_t segment_new_id(void);

void segment_encode_head(const struct segment_head *head, uint8_t ret[SEGMENT_HEADER_BYTES]);
/** STATUS_STORE_CORRUPT: it is damaged or none of ours. STATUS_STORE_NEWER. */
MUST_USE enum status segment_decode_head(const uint8_t bytes[SEGMENT_HEADER_BYTES],
                                         struct segment_head *ret);
void segment_encode_batch(const struct batch_head *head, uint8_t ret[BATCH_HEADER_BYTES]);
/** Write the mark that ends a batch. */
void segment_encode_end(uint8_t ret[BATCH_END_BYTES]);

/** Read and check the header of the open file @fd, and that the file is as long as it says. @text says what is wrong. STATUS_STORE_CORRUPT, STATUS_STORE_NEWER, STATUS_IO_FAILED. */
MUST_USE enum status segment_read_head(int fd, struct segment_head *ret,
                                       char text[SEGMENT_TEXT_SIZE]);

/* ---- reading from front to back ---- */

struct scan;

/** Make a scan: takes its memory. STATUS_NO_MEMORY. */
MUST_USE enum status scan_new(struct scan **ret);
struct scan *scan_free(struct scan *scan);
/** Begin with the first batch of @fd, which stays the caller's. */
void scan_begin(struct scan *scan, int fd, const struct segment_head *head);

/** A batch that was checked whole: head, chain, every hash, end mark. Valid until the next call. */
struct batch {
    struct batch_head head;
    uint64_t offset;        /* of its header in the file */
    const uint8_t *entries; /* len, entry, hash, ... */
    struct hash last_hash;
};
/** STATUS_OK: *@ret is the next batch. STATUS_NOT_FOUND: what stands here is none: scan_tail() says why. STATUS_IO_FAILED. */
MUST_USE enum status scan_next(struct scan *scan, struct batch *ret);

/** One entry of a batch. */
struct batch_entry {
    uint64_t seq;
    struct slice bytes;
    struct hash hash;
    uint32_t offset; /* of its len in the file */
};
/** Entry number @index as it stands at *@at, which begins with 0 and is moved on. */
struct batch_entry batch_entry(const struct batch *batch, uint32_t index, size_t *at);

/** Where the scan stands: after the last whole batch. */
struct scan_place {
    uint64_t offset;
    uint64_t next_seq;
    struct hash hash;
    uint64_t run; /* of the last batch; 0: none */
};
struct scan_place scan_place(const struct scan *scan);

/**
 * What follows the last whole batch? STATUS_OK and *@ret_torn_bytes 0: nothing but zeros. STATUS_OK and more: a batch that was
 * never finished, within BATCH_BYTES_MAX, nobody was told of it. STATUS_STORE_CORRUPT: damage, @text says where. STATUS_IO_FAILED.
 */
MUST_USE enum status scan_tail(struct scan *scan, uint64_t *ret_torn_bytes,
                               char text[SEGMENT_TEXT_SIZE]);

#endif
