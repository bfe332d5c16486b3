/* SPDX-License-Identifier: Apache-2.0 */
/* signing.h - the file with the key that the daemon signs statements with, and the file of the newest checkpoint. */
/*
 * The key's file is made at the first start: "public = <64 hexadecimal digits>", "secret = <64 of the seed>", 0600. It never goes
 * into a backup: whoever has it can sign what was never acknowledged.
 */
#ifndef COMMISSION_SIGNING_H
#define COMMISSION_SIGNING_H

#include "proto/statement.h"

#define SIGNING_CHECKPOINT "checkpoint" /* the file's name in the state folder */

/** An Ed25519 key pair, its memory locked from signing_open() to signing_clear(). */
struct signing {
    struct statement_key public_key;
    uint8_t secret[STATEMENT_SECRET_BYTES];
};

/**
 * Read the key pair from @path; make it, whole or not at all, where there is none: *@ret_made.
 * STATUS_OK; STATUS_REFUSED: others may read it, or it is no plain file; STATUS_INVALID: not in this form, or the two do not belong
 * together; STATUS_IO_FAILED. @text says more.
 */
MUST_USE enum status signing_open(const char *path, struct signing *ret, bool *ret_made, char *text,
                                  size_t text_size);
/** Wipe and unlock. */
void signing_clear(struct signing *signing);

/** Put @text in the place of the file @path, whole or not at all, and lasting when it returns. STATUS_IO_FAILED. */
MUST_USE enum status signing_keep(const char *path, const char *text);
/**
 * The statement in @path, checked with @key. STATUS_OK; STATUS_NOT_FOUND: there is none; STATUS_REFUSED: another key signed it;
 * STATUS_MALFORMED, STATUS_UNSUPPORTED, STATUS_IO_FAILED.
 */
MUST_USE enum status signing_kept(const char *path, struct statement_key key,
                                  struct statement *ret);

#endif
