/* SPDX-License-Identifier: Apache-2.0 */
/* state.h - the state that follows the journal: entries applied to rows, and the position that it has seen. */
#ifndef COMMISSION_STATE_H
#define COMMISSION_STATE_H

#include "daemon/store/rows.h"

#define STATE_FORMAT 3
#define STATE_TEXT_SIZE 400

struct state;

/**
 * Open the state in @dir (whose parent is @parent), or make an empty one of the journal @journal_id; @ret_created says which.
 * One of an older format is put aside as @dir.old and an empty one made: it is derived, the journal builds it anew. (Read only: STATUS_NOT_FOUND.)
 * STATUS_OK: *@ret is the caller's, to be released with state_close(). STATUS_NOT_FOUND: @read_only and there is none.
 * STATUS_STORE_CORRUPT (also of another journal), STATUS_STORE_NEWER: @text says what. The other failures as kv_open().
 */
MUST_USE enum status state_open(struct state **ret, const char *dir, const char *parent,
                                uint64_t map_bytes, const uint8_t journal_id[16], bool read_only,
                                bool *ret_created, char text[STATE_TEXT_SIZE]);
/** Release; what is not committed is gone. NULL is fine. Returns NULL. */
struct state *state_close(struct state *state);

/** The format of the state that was put aside as it was opened; 0: none was. */
uint32_t state_upgraded_from(const struct state *state);

/** Its rows, for reading. */
struct rows *state_rows(struct state *state);
/** What it has seen, committed or not. */
const struct position *state_position(const struct state *state);
/** What its last commit has seen. */
uint64_t state_committed_seq(const struct state *state);

/**
 * Apply @entry, whose seq follows the position's and whose hash is @hash. @event: of RECEIVED and RECORDED, and the one that JUDGED is
 * about; else NULL. What goes wrong is kept for state_failure().
 */
void state_apply(struct state *state, const struct entry *entry, const struct event *event,
                 const struct hash *hash);

/** The first failure; @state's text says what it is about. */
enum status state_failure(const struct state *state);
const char *state_failure_text(const struct state *state);
/** Commit with the position. STATUS_OK, or the first failure. */
MUST_USE enum status state_commit(struct state *state);
uint32_t state_dirty(const struct state *state);
uint64_t state_commits(const struct state *state);

/** Compare all tables but META, row by row, byte by byte; @say is called for each that differs. True: all agree. */
bool state_compare(struct state *a, struct state *b, void (*say)(void *ctx, const char *line),
                   void *ctx);

#endif
