/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_daemon.h - a ROUTER in a thread of its own, for tests of libcommission: it does what its
 * handler says.
 */
/*
 * The handler runs in the fake's thread: it asserts nothing (cmocka jumps), it notes. Notes are
 * read after fake_stop(), which waits for the thread.
 */
#ifndef COMMISSION_TESTS_FAKE_DAEMON_H
#define COMMISSION_TESTS_FAKE_DAEMON_H

#include "proto/codec.h"
#include "proto/frame.h"

struct fake;

/** Called for each frame that comes. */
typedef void fake_handler(struct fake *fake, const struct frame *frame, void *notes);

/** A fake with a folder and keys of its own, not running. */
struct fake *fake_new(void);
/** Stop it, remove its folder; NULL is fine. */
void fake_free(struct fake *fake);

/** Bind and serve; plain or with CURVE, where keys are accepted as fake_accept() last said. */
void fake_start(struct fake *fake, bool curve, fake_handler *handler, void *notes);
/** Unbind and wait for the thread: its clients lose their connection. */
void fake_stop(struct fake *fake);

/**
 * Wait until @count messages of @kind have been handled since fake_new(), 10 s at most. False:
 * they have not.
 */
bool fake_wait(struct fake *fake, enum message_kind kind, uint32_t count);

const char *fake_endpoint(const struct fake *fake);
struct key fake_public_key(const struct fake *fake);
/** Whether keys are accepted; at first they are. */
void fake_accept(struct fake *fake, bool accept);

/** In a handler: answer @frame's sender with what stands in the fake's buffer, and empty it. */
void fake_send(struct fake *fake, const struct frame *frame, enum message_kind kind,
               uint16_t count);
struct buffer *fake_buffer(struct fake *fake);
struct arena *fake_arena(struct fake *fake);

#endif
