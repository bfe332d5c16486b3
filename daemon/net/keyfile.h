/* SPDX-License-Identifier: Apache-2.0 */
/* keyfile.h - a file with a CURVE key pair: "public = <Z85>", "secret = <Z85>"; and Z85 itself. */
#ifndef COMMISSION_KEYFILE_H
#define COMMISSION_KEYFILE_H

#include "proto/ident.h"
#include "proto/status.h"

/** The server's key pair, its memory locked from keyfile_read() to keyfile_clear(). */
struct keyfile {
    struct key public_key;
    uint8_t secret_key[KEY_BYTES];
};

/**
 * Read a key pair from @path; the two must belong together. Blank lines and what follows a # are skipped.
 * STATUS_OK; STATUS_NOT_FOUND; STATUS_REFUSED: others may read it, or it is no plain file; STATUS_INVALID: not in this form, or the public
 * key is not the secret one's; STATUS_IO_FAILED. @text says more.
 */
MUST_USE enum status keyfile_read(const char *path, struct keyfile *ret, char *text,
                                  size_t text_size);
/** Open a file that holds a secret, for reading. STATUS_OK: *@ret is the caller's to close(). STATUS_NOT_FOUND, STATUS_REFUSED, STATUS_IO_FAILED: as above. */
MUST_USE enum status keyfile_open(const char *path, int *ret, char *text, size_t text_size);
/** Wipe and unlock. */
void keyfile_clear(struct keyfile *keyfile);

/** Z85 of 40 characters -> 32 bytes. False: not Z85, *@ret untouched. */
MUST_USE bool key_parse(const char *text, struct key *ret);

#endif
