/* SPDX-License-Identifier: Apache-2.0 */
/* statement.h - what the daemon says of its journal and signs: the receipt of an event, a checkpoint of the head. */
/*
 * A statement is a text of ASCII lines, each ended with a line feed, always the same bytes for the same values:
 *
 *     commission receipt 1                     commission checkpoint 1
 *     journal <32 hexadecimal digits>          journal <32 hexadecimal digits>
 *     seq <decimal>                            seq <decimal>
 *     hash <64 hexadecimal digits>             hash <64 hexadecimal digits>
 *     event <UUID>                             at <RFC 3339>
 *     digest <64 hexadecimal digits>           key <64 hexadecimal digits>
 *     at <RFC 3339>                            signature <128 hexadecimal digits>
 *     key <64 hexadecimal digits>
 *     signature <128 hexadecimal digits>
 *
 * The signature is Ed25519 (RFC 8032) over all bytes before the line that begins with "signature ".
 */
#ifndef COMMISSION_STATEMENT_H
#define COMMISSION_STATEMENT_H

#include "proto/ident.h"
#include "proto/status.h"

#define STATEMENT_KEY_BYTES 32     /* Ed25519's public key */
#define STATEMENT_SECRET_BYTES 64  /* seed and public key, as libsodium has them */
#define STATEMENT_SEED_BYTES 32    /* what the secret key is made of */
#define STATEMENT_TEXT_SIZE 640    /* with NUL */
#define STATEMENT_KEY_TEXT_SIZE 65 /* hexadecimal digits, with NUL */

enum statement_kind { STATEMENT_RECEIPT = 1, STATEMENT_CHECKPOINT = 2 };

struct statement_key {
    uint8_t bytes[STATEMENT_KEY_BYTES];
};

struct statement {
    enum statement_kind kind;
    uint8_t journal_id[16];
    uint64_t seq;
    struct hash hash;         /* of the entry @seq */
    struct event_id event_id; /* RECEIPT: what the entry received */
    struct hash digest;       /* RECEIPT: BLAKE2b-256 of the event's bytes as received */
    int64_t at_ms;            /* UTC: of the entry; a checkpoint's own */
    struct statement_key key; /* the signer's; set by statement_sign() and statement_read() */
};

/** BLAKE2b-256 of an event's bytes, without a key: the receipt's digest. */
struct hash statement_digest(struct slice event);

/** The key pair of @seed. */
void statement_key_pair(const uint8_t seed[STATEMENT_SEED_BYTES], struct statement_key *ret_public,
                        uint8_t ret_secret[STATEMENT_SECRET_BYTES]);
/** Write @statement's text, signed with @secret, whose public half becomes its key. */
void statement_sign(const struct statement *statement, const uint8_t secret[STATEMENT_SECRET_BYTES],
                    char ret[STATEMENT_TEXT_SIZE]);

/**
 * Read @text and check that it was signed by @key. STATUS_OK. STATUS_MALFORMED: it is no statement, or not in the one form that it can have.
 * STATUS_UNSUPPORTED: of a later version. STATUS_REFUSED: the signature is not @key's; *@ret->key is then whose it claims to be. *@ret is
 * set but for MALFORMED and UNSUPPORTED.
 */
MUST_USE enum status statement_verify(struct slice text, struct statement_key key,
                                      struct statement *ret);

/** A public key from 64 hexadecimal digits or base64. False: it is none. */
MUST_USE bool statement_key_parse(const char *text, size_t len, struct statement_key *ret);
/** 64 hexadecimal digits. */
void statement_key_print(struct statement_key key, char ret[STATEMENT_KEY_TEXT_SIZE]);
/** A journal's id as 32 hexadecimal digits and NUL, and back. False: it is none. */
void statement_id_print(const uint8_t id[16], char ret[33]);
MUST_USE bool statement_id_parse(const char *text, size_t len, uint8_t ret[16]);
/** 64 hexadecimal digits. False: it is no hash. */
MUST_USE bool statement_hash_parse(const char *text, size_t len, struct hash *ret);

#endif
