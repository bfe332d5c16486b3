/* SPDX-License-Identifier: Apache-2.0 */
/* codec.h - bytes <-> values, with every check of form: range, length, UTF-8, NUL. Nobody above sees generated code. */
/*
 * Decoding: the second frame's bytes to a list of values. Lists and slices live in the arena or in @bytes.
 * All decoders: STATUS_OK; STATUS_MALFORMED (not this message, a field out of its range, bad UTF-8, a NUL in text);
 * STATUS_TOO_LARGE (over FRAME_MESSAGES_MAX, over the arena's budget). Nothing is half decoded: on failure
 * *@ret is untouched. The memory one frame may take is bounded, 16 times its bytes and 64 KiB: a frame of empty messages
 * would take sixty times its own.
 *
 * Encoding appends one item of a repeated main field to a buffer; items of one kind for one peer simply stand one
 * after the other, which is the protobuf message of them all.
 */
#ifndef COMMISSION_CODEC_H
#define COMMISSION_CODEC_H

#include "proto/arena.h"
#include "proto/buffer.h"
#include "proto/message.h"
#include "proto/status.h"

/* ---- decoding ---- */

/** Split Events{events}: slices into @bytes, no copy, nothing in them checked yet. */
MUST_USE enum status codec_split_events(struct slice bytes, struct arena *arena,
                                        const struct slice **ret, uint32_t *ret_count);

/**
 * Decode one event and check its form. On failure (STATUS_MALFORMED, STATUS_UNSUPPORTED for its schema version,
 * STATUS_TOO_LARGE) @reasons says why (MALFORMED_MESSAGE, FIELD_MISSING:x, FIELD_INVALID:x, UNSUPPORTED_VERSION,
 * MESSAGE_TOO_LARGE, with field and value) and @ret->id is set where it could be read (@ret_id_known). @ret->bytes is @bytes.
 */
MUST_USE enum status codec_decode_event(struct slice bytes, struct arena *arena, struct event *ret,
                                        bool *ret_id_known, struct reasons *reasons);

MUST_USE enum status codec_decode_queries(struct slice bytes, struct arena *arena,
                                          const struct query **ret, uint32_t *ret_count);
MUST_USE enum status codec_decode_feed_asks(struct slice bytes, struct arena *arena,
                                            const struct feed_ask **ret, uint32_t *ret_count);
MUST_USE enum status codec_decode_hellos(struct slice bytes, struct arena *arena,
                                         const struct hello **ret, uint32_t *ret_count);
MUST_USE enum status codec_decode_findings(struct slice bytes, struct arena *arena,
                                           const struct finding **ret, uint32_t *ret_count);
MUST_USE enum status codec_decode_accepts(struct slice bytes, struct arena *arena,
                                          const struct assignment_token **ret, uint32_t *ret_count);
MUST_USE enum status codec_decode_progresses(struct slice bytes, struct arena *arena,
                                             const struct assignment_token **ret,
                                             uint32_t *ret_count);
MUST_USE enum status codec_decode_answers(struct slice bytes, struct arena *arena,
                                          const struct answer **ret, uint32_t *ret_count);
MUST_USE enum status codec_decode_replies(struct slice bytes, struct arena *arena,
                                          const struct reply **ret, uint32_t *ret_count);
MUST_USE enum status codec_decode_entries(struct slice bytes, struct arena *arena,
                                          struct feed_entries *ret);
MUST_USE enum status codec_decode_welcome(struct slice bytes, struct arena *arena,
                                          struct welcome *ret);
MUST_USE enum status codec_decode_assignments(struct slice bytes, struct arena *arena,
                                              const struct assignment **ret, uint32_t *ret_count);
/** Beats carry one beat, Byes one bye. */
MUST_USE enum status codec_decode_beat(struct slice bytes, struct arena *arena,
                                       uint32_t *ret_leased);
MUST_USE enum status codec_decode_bye(struct slice bytes, struct arena *arena,
                                      struct slice *ret_reason);
/** Decode a journal entry (no list around it). */
MUST_USE enum status codec_decode_entry(struct slice bytes, struct arena *arena, struct entry *ret);

/* ---- encoding: one item each, appended to @buffer ---- */

void codec_put_event(struct buffer *buffer, struct slice event_bytes);
void codec_put_answer(struct buffer *buffer, const struct answer *answer);
void codec_put_query(struct buffer *buffer, const struct query *query);
void codec_put_reply(struct buffer *buffer, const struct reply *reply);
void codec_put_feed_ask(struct buffer *buffer, const struct feed_ask *ask);
/** One Entries message, whole (a frame carries one). */
void codec_put_entries(struct buffer *buffer, const struct feed_entries *entries);
void codec_put_hello(struct buffer *buffer, const struct hello *hello);
void codec_put_welcome(struct buffer *buffer, const struct welcome *welcome);
void codec_put_beat(struct buffer *buffer, uint32_t leased);
void codec_put_bye(struct buffer *buffer, struct slice reason);
void codec_put_assignment(struct buffer *buffer, const struct assignment *assignment);
void codec_put_finding(struct buffer *buffer, const struct finding *finding);
/** One Accept or one Progress: their fields are the same. */
void codec_put_assignment_token(struct buffer *buffer, const struct assignment_token *token);

/** Write @entry as the journal keeps it, with no list around it. */
void codec_encode_entry(struct buffer *buffer, const struct entry *entry);
/** Write @event as a sender would (tests, importers, samples): @event->bytes is not looked at. A type that has no payload yet is written without one. */
void codec_encode_event(struct buffer *buffer, const struct event *event);

#endif
