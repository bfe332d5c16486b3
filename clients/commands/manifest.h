/* SPDX-License-Identifier: Apache-2.0 */
/* manifest.h - what a backup says of itself: manifest.json beside its journal. */
/*
 * {"format": 1, "journal_id": "…", "seq": "…", "hash": "…", "at": "…", "version": "…", "signing_key": "…",
 *  "segments": [{"first_seq": "…", "bytes": "…", "end": "…", "last_seq": "…", "last_hash": "…"}, …]}
 *
 * Numbers are texts, as they may be longer than a double holds. It is written last: a folder without it is no backup.
 */
#ifndef COMMISSION_COMMANDS_MANIFEST_H
#define COMMISSION_COMMANDS_MANIFEST_H

#include "clients/cli/cli.h"
#include "proto/statement.h"

#define MANIFEST_FORMAT 1
#define MANIFEST_NAME "manifest.json"

struct manifest_segment {
    uint64_t first_seq;
    uint64_t bytes; /* of the file */
    uint64_t end;   /* what was written of it */
    uint64_t last_seq;
    struct hash last_hash;
};

struct manifest {
    uint8_t journal_id[16];
    uint64_t seq; /* the newest entry in it, and its hash */
    struct hash hash;
    char at[40];
    char version[64];
    char signing_key[STATEMENT_KEY_TEXT_SIZE];
    struct manifest_segment *segments; /* malloc'ed */
    uint32_t segments_count;
};

void manifest_clear(struct manifest *manifest);
/** Add a segment. */
void manifest_add(struct manifest *manifest, const struct manifest_segment *segment);
/** The segment that begins with @first_seq, or NULL. */
const struct manifest_segment *manifest_find(const struct manifest *manifest, uint64_t first_seq);
/** Its text, to be released with free(). */
char *manifest_print(const struct manifest *manifest);
/**
 * Read @folder's. STATUS_OK: *@ret is to be cleared. STATUS_NOT_FOUND: there is none. STATUS_UNSUPPORTED: of a later format. STATUS_MALFORMED, STATUS_IO_FAILED.
 */
MUST_USE enum status manifest_read(const char *folder, struct manifest *ret);

#endif
