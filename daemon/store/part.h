/* SPDX-License-Identifier: Apache-2.0 */
/* part.h - a segment's file with its index: where each entry stands in it. */
/*
 * The index of a closed segment lies beside it as .idx: magic 8 | format u32 | count u32 | segment id u64 | first seq u64
 * | end u64 | last hash 32 | digest 16 (over all, its own place zero) | offsets u32 ... It can always be made again.
 */
#ifndef COMMISSION_PART_H
#define COMMISSION_PART_H

#include "daemon/store/file.h"
#include "daemon/store/segment.h"

#define PART_TEXT_SIZE 400
#define PART_NAME_DIGITS 20

/** One segment's file, with its index: where each entry's len stands. */
struct part {
    int fd; /* -1: none */
    struct segment_head head;
    uint64_t end; /* after its last batch */
    struct hash last_hash;
    uint32_t count;
    uint32_t offsets_max;
    uint32_t *offsets;
    uint64_t used_at; /* for the closed ones: when last, in reads */
};

/** The path of the segment that begins with @first_seq: @suffix is "seg" or "idx". */
struct path part_path(const char *dir, uint64_t first_seq, const char *suffix);
/** Write "journal/<first seq>.seg: @what" to @text. Returns @status. */
static inline enum status part_fault(char text[PART_TEXT_SIZE], enum status status,
                                     uint64_t first_seq, const char *what)
{
    snprintf(text, PART_TEXT_SIZE, "journal/%020llu.seg: %s", (unsigned long long)first_seq, what);
    return status;
}

/** Open the file and check its header; the index is empty then. STATUS_STORE_CORRUPT (also: not there), STATUS_STORE_NEWER, STATUS_IO_FAILED: @text says. */
MUST_USE enum status part_open(const char *dir, uint64_t first_seq, bool writable,
                               struct part *part, char text[PART_TEXT_SIZE]);
/** Close the file and release the index; also of one that is not open. */
void part_close(struct part *part);

/** The most entries that a segment can hold. */
uint32_t part_entries_max(const struct segment_head *head);
/** Room for @max offsets; those that were there are gone. STATUS_NO_MEMORY. */
MUST_USE enum status part_room(struct part *part, uint32_t max);
/** Scan all whole batches into the index; @scan stands after the last then. STATUS_IO_FAILED, STATUS_NO_MEMORY. */
MUST_USE enum status part_scan(struct part *part, struct scan *scan);

/** Write the index beside the segment. It is not flushed, and a failure is none. */
void part_write_index(const char *dir, const struct part *part);
/** Read it. False: there is none, or it is damaged, or none of this segment. */
bool part_read_index(const char *dir, struct part *part);
/** Scan a closed segment, which must be whole, and make its index again; written too when @keep. STATUS_STORE_CORRUPT: @text says. */
MUST_USE enum status part_rebuild_index(const char *dir, struct part *part, bool keep,
                                        char text[PART_TEXT_SIZE]);

#endif
