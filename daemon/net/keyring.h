/* SPDX-License-Identifier: Apache-2.0 */
/* keyring.h - whom a CURVE public key, or on ipc a user id, proves: in memory, for every handshake and message. */
#ifndef COMMISSION_KEYRING_H
#define COMMISSION_KEYRING_H

#include "proto/message.h"
#include "proto/status.h"

/* What our ZAP handler gives libzmq as User-Id, and gets back with every message; with NUL. */
#define USER_ID_SIZE 48

struct keyring;

/**
 * Make an empty keyring with room for @keys_max (1..1 << 20) keys; memory is taken here and never again.
 * STATUS_OK: *@ret is the caller's, to be released with keyring_free(). STATUS_NO_MEMORY.
 */
MUST_USE enum status keyring_new(struct keyring **ret, uint32_t keys_max);
/** Release; NULL is fine. Returns NULL. */
struct keyring *keyring_free(struct keyring *keyring);

/** Add @principal under its key, or take its place where the key is known. STATUS_TOO_LARGE: no room. */
MUST_USE enum status keyring_add(struct keyring *keyring, const struct principal *principal);
/** From now on @public_key proves nobody. False: it did not before. */
bool keyring_revoke(struct keyring *keyring, struct key public_key);
/** Whom @public_key proves, or NULL; valid until the next keyring_add() or keyring_revoke(). */
const struct principal *keyring_find(const struct keyring *keyring, struct key public_key);
uint32_t keyring_count(const struct keyring *keyring);

/**
 * A peer on the workers' ipc whose user id, as the kernel says, is @uid may work, and nothing else. The overflow user
 * (65534) is whoever has no name here: it is never mapped (false).
 */
bool keyring_allow_worker(struct keyring *keyring, uint32_t uid);
/** The worker with this user id, or NULL. */
const struct principal *keyring_find_worker(const struct keyring *keyring, uint32_t uid);

/** Write the User-Id of a key, or of a worker's user id. */
void keyring_print_key(struct key public_key, char ret[USER_ID_SIZE]);
void keyring_print_worker(uint32_t uid, char ret[USER_ID_SIZE]);
/** Whom a User-Id proves now; NULL: nobody, or nobody any more. */
const struct principal *keyring_find_user(const struct keyring *keyring, const char *user_id);

#endif
