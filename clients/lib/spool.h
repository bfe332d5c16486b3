/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spool.h - inside libcommission: the folder of events that wait for their receipts.
 */
/*
 * In the folder:
 *
 *   <number>-<when>-<id>.event             an event that waits; numbers grow in the order given
 *   rejected/<number>-<when>-<id>.event    one that was refused for good,
 *   rejected/<number>-<when>-<id>.reasons  and why
 *   new, rejected/new                      being written, or left behind by a crash
 *   tries                                  what the last flush met with; may be missing
 *   lock, flushing                         held while an event is put; while events are sent
 *
 * An event's file is written under another name, flushed, renamed, and the folder is flushed: so
 * under its name it is whole, and all that commission_spool_put() accepted survives any crash. A
 * file goes when its receipt has come; a crash before that brings it back, and it is sent again, the
 * same bytes, which is harmless. Removing is not flushed for that reason.
 */
#ifndef COMMISSION_SPOOL_H
#define COMMISSION_SPOOL_H

#include "clients/lib/commission.h"

struct spool_tried {
    uint64_t number;
    uint32_t tries;
    int64_t at_ms;
    char error[COMMISSION_SPOOL_ERROR_SIZE];
};

struct commission_spool {
    int folder;
    int rejected;
    int lock;
    int flushing;
    struct commission_spooled *listed; /* those that wait, then those refused; each by number */
    uint32_t listed_count;
    uint32_t listed_max;
    uint32_t waiting_count;
    uint8_t *bytes; /* of the file read last */
};

/** One process sends at a time. STATUS_LOCKED: another does. STATUS_IO_FAILED. */
MUST_USE enum status spool_lock_flush(struct commission_spool *spool);
void spool_unlock_flush(struct commission_spool *spool);

/** Read the folder into @spool->listed. STATUS_OK, STATUS_NO_MEMORY, STATUS_TOO_LARGE, STATUS_IO_FAILED. */
MUST_USE enum status spool_look(struct commission_spool *spool);
/** The receipt of @event has come: it waits no more. STATUS_OK, also when it is gone; STATUS_IO_FAILED. */
MUST_USE enum status spool_remove(struct commission_spool *spool,
                                  const struct commission_spooled *event);
/** @event is refused for good: keep it aside with @reasons (text, lines; the first says it all in short). */
MUST_USE enum status spool_set_aside(struct commission_spool *spool,
                                     const struct commission_spooled *event, const char *reasons);
/** Keep what was met with, for the list. What fails is left: it is for people only. */
void spool_keep_tries(struct commission_spool *spool, const struct spool_tried *tried,
                      uint32_t count);

#endif
