/* SPDX-License-Identifier: Apache-2.0 */
/* replay.h - the journal's entries applied to a state once more. */
#ifndef COMMISSION_REPLAY_H
#define COMMISSION_REPLAY_H

#include "daemon/store/journal.h"
#include "daemon/store/state.h"
#include "daemon/store/walk.h"
#include "proto/arena.h"

#define REPLAY_TEXT_SIZE 400
#define REPLAY_ARENA_BYTES                                                                         \
    (4 * 1024 * 1024)          /* for one entry and one event: codec's budget for the largest */
#define REPLAY_DIRTY_MAX 20000 /* rows between two commits: well below LMDB's limits */

/** Is @state's position an entry of @journal, with its hash? STATUS_STORE_AHEAD, STATUS_STORE_CORRUPT, STATUS_IO_FAILED: @text says. */
MUST_USE enum status replay_check(struct journal *journal, const struct state *state,
                                  char text[REPLAY_TEXT_SIZE]);

/**
 * The bytes of the event that the entry @seq received: from its open row, else from the journal. Valid until the next change of
 * the state, the next reading of the journal, the reset of @arena. STATUS_NOT_FOUND: no such entry.
 */
MUST_USE enum status replay_event_bytes(struct journal *journal, struct state *state,
                                        struct arena *arena, uint64_t seq, struct slice *ret);

/** Decode @walked to *@ret (in @arena) and apply it to @state. STATUS_STORE_CORRUPT and the state's failures: @text says. */
MUST_USE enum status replay_entry(struct journal *journal, struct state *state, struct arena *arena,
                                  const struct walk_entry *walked, struct entry *ret,
                                  char text[REPLAY_TEXT_SIZE]);

/** Apply all that @state has not seen, commit now and then and at the end. *@ret_count: how many. */
MUST_USE enum status replay_tail(struct journal *journal, struct state *state, struct arena *arena,
                                 uint64_t *ret_count, char text[REPLAY_TEXT_SIZE]);

#endif
