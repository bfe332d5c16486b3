/* SPDX-License-Identifier: Apache-2.0 */
/* notary.h - what the daemon signs: receipts on request, within a quota, and a checkpoint of the head now and then. */
/*
 * A signature costs some 40 microseconds, so none is made on the way of an event, and those who ask share what is made: an
 * organisation has NOTARY_EACH_SECOND a second and may save NOTARY_EACH_SAVED; all together have NOTARY_ALL_SECOND.
 * Memory is taken in notary_new() and never again.
 */
#ifndef COMMISSION_BROKER_NOTARY_H
#define COMMISSION_BROKER_NOTARY_H

#include "proto/message.h"
#include "proto/statement.h"

#define NOTARY_EACH_SECOND 10
#define NOTARY_EACH_SAVED 50
#define NOTARY_ALL_SECOND 500 /* 2 % of a core */
#define NOTARY_ALL_SAVED 500

struct notary;

/**
 * @secret stays the caller's; NULL: nothing is signed. @checkpoint_ms: between two checkpoints; 0: none. STATUS_OK: *@ret is the caller's.
 * STATUS_NO_MEMORY.
 */
MUST_USE enum status notary_new(struct notary **ret, const uint8_t *secret, int64_t checkpoint_ms);
/** Release; NULL is fine. Returns NULL. */
struct notary *notary_free(struct notary *notary);

/** Is there a key to sign with? *@ret_key is its public half then. */
bool notary_can(const struct notary *notary, struct statement_key *ret_key);
/** May @asker have a signature now (monotonic)? One is taken from what it and all have. */
bool notary_allows(struct notary *notary, struct ods asker, int64_t now_ms);
/** Sign @statement; notary_can() holds. */
void notary_sign(const struct notary *notary, const struct statement *statement,
                 char ret[STATEMENT_TEXT_SIZE]);

/** When a checkpoint is wanted, monotonic milliseconds, with @seq as the head; INT64_MAX: not before the head moves on. */
int64_t notary_due_ms(const struct notary *notary, uint64_t seq);
/** Make a checkpoint of @head, a CHECKPOINT without its key and time, if one is due. */
void notary_tick(struct notary *notary, const struct statement *head, struct instant now);
/** The newest checkpoint, or NULL. */
const char *notary_checkpoint(const struct notary *notary);
/** The same, once after it was made; else NULL. */
const char *notary_next_checkpoint(struct notary *notary);

#endif
