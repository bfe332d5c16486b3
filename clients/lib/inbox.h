/* SPDX-License-Identifier: Apache-2.0 */
/* inbox.h - received frames that nobody has asked for yet, in order. */
#ifndef COMMISSION_INBOX_H
#define COMMISSION_INBOX_H

#include "proto/frame.h"

/** Zeroed is empty. Frames in it are its own. */
struct inbox {
    struct frame *frames; /* a ring of @max */
    uint32_t first;
    uint32_t count;
    uint32_t max;
};

#define INBOX_FRAMES_MAX 4096

/**
 * Take @frame over. STATUS_OK; STATUS_BUSY: INBOX_FRAMES_MAX are waiting; STATUS_NO_MEMORY: it is
 * still the caller's.
 */
MUST_USE enum status inbox_push(struct inbox *inbox, const struct frame *frame);
/** Give the oldest frame to the caller. False: empty. */
MUST_USE bool inbox_pop(struct inbox *inbox, struct frame *ret);
/** Release all frames. */
void inbox_drop(struct inbox *inbox);
/** Release all frames and the memory: as zeroed. */
void inbox_clear(struct inbox *inbox);

#endif
