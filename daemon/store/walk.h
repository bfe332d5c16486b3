/* SPDX-License-Identifier: Apache-2.0 */
/* walk.h - all entries of a journal from a seq on: every digest and the whole chain of the segments on the way checked. */
#ifndef COMMISSION_WALK_H
#define COMMISSION_WALK_H

#include "daemon/store/journal.h"

struct walk;

struct walk_entry {
    uint64_t seq;
    struct slice bytes; /* valid until the next call into the walk */
    struct hash hash;
    uint64_t run;
    uint64_t segment_seq; /* first of its segment */
};

/** Begin at @from_seq (>= 1). @journal must outlive the walk, and nothing be written meanwhile. STATUS_NO_MEMORY. */
MUST_USE enum status walk_new(struct walk **ret, struct journal *journal, uint64_t from_seq);
struct walk *walk_free(struct walk *walk);
/** STATUS_OK; STATUS_NOT_FOUND: no more; STATUS_STORE_CORRUPT, STATUS_STORE_NEWER, STATUS_IO_FAILED: @text says where. */
MUST_USE enum status walk_next(struct walk *walk, struct walk_entry *ret,
                               char text[JOURNAL_TEXT_SIZE]);

#endif
