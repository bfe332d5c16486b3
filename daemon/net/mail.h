/* SPDX-License-Identifier: Apache-2.0 */
/* mail.h - what is owed, in frames: several messages of one kind for one connection travel together. */
#ifndef COMMISSION_MAIL_H
#define COMMISSION_MAIL_H

#include "daemon/net/endpoint.h"

struct mail;

/** Make it over the two endpoints, which stay the caller's. STATUS_OK: *@ret is the caller's. STATUS_NO_MEMORY. */
MUST_USE enum status mail_new(struct mail **ret, struct endpoint *clients,
                              struct endpoint *workers);
struct mail *mail_free(struct mail *mail);

/** Put @owed into the frame of its connection and kind; a frame that is full is sent before. */
void mail_put(struct mail *mail, const struct owed *owed, int64_t now_ms);
/** Send all frames that have begun, in the order in which they were begun. */
void mail_send(struct mail *mail, int64_t now_ms);
/**
 * Entries for which a reader's queue had no room, to be given to broker_unsent() in the same turn. After one frame that found no
 * room, nothing more is sent on its connection in this turn: what leaves, leaves in order. False: no more.
 */
bool mail_next_unsent(struct mail *mail, struct unsent *ret);
/** A connection that has gone, or a worker that takes nothing more: seen while sending. False: no more. */
bool mail_next_lost(struct mail *mail, connection_t *ret);

struct mail_counts {
    uint64_t frames;
    uint64_t messages;
    uint64_t dropped; /* messages that a peer could not be given; entries come again */
};
void mail_count(const struct mail *mail, struct mail_counts *ret);

#endif
