/* SPDX-License-Identifier: Apache-2.0 */
/*
 * commission.h - libcommission: speak to commissiond as a sender, a reader or a worker. Installed.
 */
/*
 * One struct commission is one connection, used by one thread. Bytes of events are what the daemon
 * keeps: build them with json_read("Event", ...) or protobuf of your own. A connection keeps nothing
 * on disk: what has no answer yet is remembered and sent again, the same bytes, until it is answered
 * or given up; the event id makes the repeat harmless. What must outlive the program goes into a
 * spool (commission_spool_open()).
 */
#ifndef COMMISSION_COMMISSION_H
#define COMMISSION_COMMISSION_H

#include "proto/json.h"
#include "proto/message.h"
#include "proto/reason.h"
#include "proto/status.h"

struct commission;

/**
 * Keys are 32 bytes. @server_key all zero and @plain true: no CURVE (a worker on ipc whose user id
 * is its proof).
 */
struct commission_options {
    const char *endpoint; /* "ipc:///run/commissiond/clients.sock", "tcp://127.0.0.1:7401" */
    bool plain;
    struct key server_key; /* the daemon's public key */
    struct key public_key; /* one's own */
    uint8_t secret_key[KEY_BYTES];
    uint32_t window;   /* events under way at most; 0: 1024 */
    int64_t resend_ms; /* silence after which unanswered events are sent again; 0: 2000 */
};

/**
 * Make a connection; the daemon need not be there yet.
 * STATUS_OK: *@ret is the caller's, to be released with commission_close(). STATUS_INVALID:
 * endpoint or keys. STATUS_NO_MEMORY. STATUS_IO_FAILED.
 */
MUST_USE enum status commission_open(struct commission **ret,
                                     const struct commission_options *options);
/** Close without waiting; NULL is fine. Returns NULL. */
struct commission *commission_close(struct commission *commission);

/**
 * The daemon did not accept our key at the last attempt (or is not the one whose key we have). It
 * is tried again every second; until then whoever waits is told STATUS_UNREACHABLE at once.
 */
bool commission_key_refused(const struct commission *commission);

/**
 * A file descriptor that becomes readable when there may be something to take
 * (edge-triggered, as ZeroMQ's are).
 */
int commission_fd(struct commission *commission);

/* ---- as a sender ---- */

enum commission_wait { COMMISSION_WAIT_RECEIPT = 1, COMMISSION_WAIT_VERDICT = 2 };

/**
 * Send an event (its bytes are copied) and remember it until it has its receipt or its verdict, as
 * @wait says.
 * STATUS_BUSY: the window is full, take answers first. STATUS_MALFORMED: no event id in it.
 * STATUS_EXISTS: under way already. STATUS_TOO_LARGE.
 */
MUST_USE enum status commission_send(struct commission *commission, struct slice event,
                                     enum commission_wait wait);

/**
 * Take the answers that have come, waiting up to @timeout_ms for the first (0: not at all, -1: for
 * ever). They are valid until the next call. An event's first RECEIPT and VERDICT or REFUSED each
 * appear once; an answer without an event's id always appears. BUSY and DRAINING are not shown but
 * waited for and sent again, in the order given; STAGE_DRAINING is shown, as it may last for hours.
 * STATUS_OK: at least one. STATUS_TIMED_OUT: none came; nothing is lost, what is unanswered is
 * still remembered.
 * STATUS_UNREACHABLE: none came, and no connection has ever come about, so nothing has left; or
 * commission_key_refused(). STATUS_MALFORMED, STATUS_UNSUPPORTED: what came cannot be read.
 * STATUS_NO_MEMORY, STATUS_IO_FAILED.
 */
MUST_USE enum status commission_answers(struct commission *commission, int64_t timeout_ms,
                                        const struct answer **ret, uint32_t *ret_count);

/** Events sent whose answer, as asked for, has not been handed out by commission_answers() yet. */
uint32_t commission_unanswered(const struct commission *commission);

/* ---- a spool: events that outlive the program ---- */
/*
 * A folder, 0700, in which events wait for the hours when the daemon or the line is down. What
 * commission_spool_put() has accepted is on stable storage; commission_spool_flush() sends it, in
 * order, and an event leaves the folder only when its receipt has come, or a refusal that is final:
 * then it is kept aside with its reasons. Killed at any moment, nothing is lost, and what is sent
 * again takes effect once. Several processes may put at any time; one sends.
 */

#define COMMISSION_SPOOL_EVENTS_MAX 1000000
#define COMMISSION_SPOOL_ERROR_SIZE 96

struct commission_spool;

/** An event in the spool. @number grows in the order in which events were put. */
struct commission_spooled {
    uint64_t number;
    struct event_id id;
    int64_t put_at_ms; /* wall clock */
    bool rejected;     /* kept aside: it is not sent any more */
    uint32_t tries;    /* flushes that ended without an answer to it, as far as is known */
    int64_t tried_at_ms;
    char error[COMMISSION_SPOOL_ERROR_SIZE]; /* of the last of them; why it was rejected; "" none */
};

/**
 * Open the spool in the folder @path, which is made if it is not there (its parent must be).
 * STATUS_OK: *@ret is the caller's. STATUS_REFUSED: others than its owner may read or write the
 * folder, or it is another user's. STATUS_IO_FAILED, STATUS_NO_MEMORY.
 */
MUST_USE enum status commission_spool_open(struct commission_spool **ret, const char *path);
/** Close; what is in the spool stays. NULL is fine. Returns NULL. */
struct commission_spool *commission_spool_close(struct commission_spool *spool);

/**
 * Put @count events into the spool, in this order. One that waits there already, byte for byte, is
 * not put twice, so that after a failure all may be put again.
 * STATUS_OK: all are on stable storage. Otherwise some of them may be: STATUS_MALFORMED: one has no
 * event id; STATUS_TOO_LARGE: one is too large, or the spool has COMMISSION_SPOOL_EVENTS_MAX;
 * STATUS_IO_FAILED, STATUS_NO_MEMORY.
 */
MUST_USE enum status commission_spool_put(struct commission_spool *spool,
                                          const struct slice *events, uint32_t count);

/**
 * What is in the spool: those that wait, then those rejected, each in the order given. *@ret is
 * valid until the next list, put or flush of @spool. STATUS_OK, STATUS_IO_FAILED, STATUS_NO_MEMORY.
 */
MUST_USE enum status commission_spool_list(struct commission_spool *spool,
                                           const struct commission_spooled **ret,
                                           uint32_t *ret_count);
/**
 * The bytes of @event, valid until the next call with @spool. STATUS_NOT_FOUND: it has left the
 * spool. STATUS_MALFORMED: the file is damaged. STATUS_IO_FAILED, STATUS_NO_MEMORY.
 */
MUST_USE enum status commission_spool_read(struct commission_spool *spool,
                                           const struct commission_spooled *event,
                                           struct slice *ret);

/** What a flush says while it goes on: an answer to an event of the spool. */
typedef void commission_spool_answered(void *ctx, const struct commission_spooled *event,
                                       const struct answer *answer);

/**
 * Send all that waits over @commission, also what is put meanwhile, and take the answers: use a
 * connection of its own for this, since other answers are thrown away. An event of a workflow (or a
 * register) is sent only when those put before it have their receipts. @wait: for receipts, or for
 * verdicts too; events leave the spool at their receipt in any case. @answered may be NULL.
 * STATUS_OK: nothing waits any more. STATUS_LOCKED: another process sends. STATUS_TIMED_OUT: no
 * answer for @timeout_ms; STATUS_UNREACHABLE: nor ever a connection; STATUS_REFUSED: the daemon
 * takes nothing from this key (SENDER_UNKNOWN), or has no room (STORE_FULL). After these, flush
 * again when one likes. STATUS_IO_FAILED, STATUS_NO_MEMORY, STATUS_MALFORMED, STATUS_UNSUPPORTED.
 */
MUST_USE enum status commission_spool_flush(struct commission_spool *spool,
                                            struct commission *commission,
                                            enum commission_wait wait, int64_t timeout_ms,
                                            commission_spool_answered *answered, void *ctx);

/**
 * Throw @event away, waiting or rejected. STATUS_LOCKED: another process sends just now.
 * STATUS_NOT_FOUND: it has left. STATUS_IO_FAILED.
 */
MUST_USE enum status commission_spool_discard(struct commission_spool *spool,
                                              const struct commission_spooled *event);

/* ---- as a reader ---- */

/**
 * Ask @query's command with its arguments and wait for the reply. The query_id is the library's
 * own; @query's is not looked at. resume empty: from the start. *@ret is valid until the next
 * commission_ask(). The daemon's error stands in @ret->error.
 * STATUS_UNREACHABLE: it has not left. STATUS_TIMED_OUT: it has, and no reply came, or the
 * connection broke: the outcome is unknown, and it is never asked twice. STATUS_TOO_LARGE,
 * STATUS_MALFORMED, STATUS_UNSUPPORTED, STATUS_IO_FAILED.
 */
MUST_USE enum status commission_ask(struct commission *commission, const struct query *query,
                                    int64_t timeout_ms, const struct reply **ret);

/**
 * Follow the journal from @from_seq. Then commission_feed_next() hands out entries in order;
 * credit is kept up by the library, and after a lost connection, a feed that expired or one that
 * has fallen silent it goes on behind what was handed out last. Followed already: begins anew there.
 */
MUST_USE enum status commission_feed(struct commission *commission, uint64_t from_seq);
/**
 * The next entries, perhaps none but a read_seq that has moved on. STATUS_OK: *@ret is valid until
 * the next commission_feed_next(). STATUS_TIMED_OUT: nothing new within @timeout_ms;
 * STATUS_UNREACHABLE: nor ever a connection.
 * STATUS_REFUSED: (*@ret)->error says why, and the feed has ended.
 */
MUST_USE enum status commission_feed_next(struct commission *commission, int64_t timeout_ms,
                                          const struct feed_entries **ret);

/* ---- as a worker ---- */

/**
 * Say HELLO and wait for the WELCOME. STATUS_OK. STATUS_REFUSED: @ret->error says why (valid until
 * the next join). STATUS_UNREACHABLE, STATUS_TIMED_OUT: nobody there, or no answer; leave it so,
 * or join again.
 */
MUST_USE enum status commission_join(struct commission *commission, const struct hello *hello,
                                     int64_t timeout_ms, struct welcome *ret);
/**
 * Take assignments, those of one frame, waiting up to @timeout_ms, and accept them at once; beats are sent meanwhile when
 * due, and HELLO again when the daemon has forgotten us or a lost connection is back. *@ret is
 * valid until the next commission_assignments().
 * STATUS_TIMED_OUT: none; also when a signal was caught. STATUS_UNREACHABLE: none, and we are not
 * joined at the moment.
 * STATUS_REFUSED: our HELLO was refused this time; join again later. STATUS_MALFORMED,
 * STATUS_IO_FAILED.
 */
MUST_USE enum status commission_assignments(struct commission *commission, int64_t timeout_ms,
                                            const struct assignment **ret, uint32_t *ret_count);
/**
 * Say that we are still at @assignments, of those handed out last: their leases begin anew. What has
 * come meanwhile and was not handed out yet is accepted with them. To be
 * called between two of them, as often as one likes: it looks at the clock, and does something once
 * a beat. STATUS_OK; STATUS_MALFORMED, STATUS_IO_FAILED.
 */
MUST_USE enum status commission_progress(struct commission *commission,
                                         const struct assignment *assignments,
                                         uint32_t assignments_count);
/**
 * An operator drains this worker, and all that was handed out is reported: nothing more will come.
 * Leave, and end.
 */
bool commission_drained(const struct commission *commission);
/**
 * Report findings, all in one frame where they fit. STATUS_TOO_LARGE: one that fits no frame.
 * STATUS_UNREACHABLE: they did not leave; their leases will end and others judge again.
 * STATUS_IO_FAILED.
 */
MUST_USE enum status commission_report(struct commission *commission,
                                       const struct finding *findings, uint32_t findings_count);
/**
 * Say BYE: what we hold is given to others at once. commission_close() then waits a moment (200 ms
 * at most) for it to leave.
 */
void commission_leave(struct commission *commission, const char *reason);

/* ---- keys ---- */

#define COMMISSION_KEY_TEXT_SIZE 41 /* Z85 of 32 bytes, with NUL */

/** A new CURVE key pair. STATUS_UNSUPPORTED: this libzmq has no CURVE. */
MUST_USE enum status commission_key_new(struct key *ret_public, uint8_t ret_secret[KEY_BYTES]);
/** Z85 of 40 characters <-> 32 bytes. False: not Z85. */
MUST_USE bool commission_key_parse(const char *text, struct key *ret);
void commission_key_print(struct key key, char ret[COMMISSION_KEY_TEXT_SIZE]);
/**
 * Read a key file: lines "public = <z85>" and, in a secret key's file, "secret = <z85>".
 * @ret_secret may be NULL for a public one. A file with a secret must be 0600 or less
 * (STATUS_REFUSED). STATUS_NOT_FOUND, STATUS_INVALID, STATUS_IO_FAILED.
 */
MUST_USE enum status commission_key_read(const char *path, struct key *ret_public,
                                         uint8_t *ret_secret);
/**
 * Write a key file, 0600 with a secret (@secret not NULL), else 0644. STATUS_EXISTS: never
 * overwritten.
 */
MUST_USE enum status commission_key_write(const char *path, struct key public_key,
                                          const uint8_t *secret);

#endif
