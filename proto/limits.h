/* SPDX-License-Identifier: Apache-2.0 */
/* limits.h - every limit that two modules must agree on: its unit, and why it is what it is. */
#ifndef COMMISSION_LIMITS_H
#define COMMISSION_LIMITS_H

#include "proto/base.h"

/* Identifiers. Sizes count the terminating NUL. */
#define EVENT_ID_BYTES 16
#define KEY_BYTES 32      /* a CURVE key */
#define HASH_BYTES 32     /* BLAKE2b-256 */
#define ODS_SIZE 12       /* 3 or 5 characters by ODS; boards and authorities: 9, by ONS */
#define REFERENCE_SIZE 65 /* [A-Za-z0-9._:-]{1,64} */
#define ACTOR_SIZE 65
#define WORKER_NAME_SIZE 65
#define NAME_SIZE 129     /* an organisation's name */
#define AWARD_ID_SIZE 129 /* as others publish them */
#define BID_ID_SIZE 129
#define LABEL_SIZE 129  /* of a key */
#define COMMAND_SIZE 65 /* of a query */
/* 10^15, ten million million pounds: no sum of a list overflows. */
#define PENCE_MAX 1000000000000000
#define COUNT_MAX 1000000000 /* people, bids: more than there are */

/* Messages. */
#define WIRE_VERSION 1
#define SCHEMA_VERSION 1
#define HEADER_BYTES 4                /* version, kind, count: the first frame */
#define EVENT_BYTES_MAX (64 * 1024)   /* an event with its payload */
#define FRAME_BYTES_MAX (1024 * 1024) /* the second frame: a batch of what it carries */
#define FRAME_MESSAGES_MAX 1024       /* messages in one frame */
#define TEXT_BYTES_MAX 4096           /* one text field, in bytes of UTF-8 */
#define ENTRY_BYTES_MAX (96 * 1024)   /* of the journal: an event, or reasons and ledger lines */
#define ASSIGNMENT_BYTES_MAX (256 * 1024) /* so that an assignment can always be built */
#define FACT_BYTES_MAX 2048               /* an event that is kept as a fact */
#define FACTS_MAX 16                      /* of an assignment, today's kinds */
#define PROVIDERS_MAX 64
#define YEARS_MAX 30   /* of one contract */
#define REASONS_MAX 32 /* of one verdict; then the first ones stand */
#define VERBS_MAX 8
#define LINES_MAX 8 /* service lines of a support contract */
#define STAGES_MAX 5
#define AUDIENCE_MAX 8
#define ARGUMENTS_MAX 32 /* of one query */
#define COLUMNS_MAX 64   /* of one reply */
#define RESUME_BYTES_MAX 256
#define WAITS_MAX 8
#define TIMERS_MAX 8 /* set or ended by one verdict */
#define ROLE_SIZE 17 /* of a timer: "lead", "operator" */
#define LEDGER_LINES_MAX                                                                           \
    (FACTS_MAX / 2 * YEARS_MAX) /* of one verdict: all that is reserved, given back */

/* Batches. */
#define BATCH_ENTRIES_MAX 1024
#define BATCH_BYTES_MAX (1024 * 1024 + 256 * 1024) /* one entry more always fits after 1 MiB */
#define ARENA_BYTES_MAX (4 * 1024 * 1024) /* decoded: at most 16 times its bytes and 64 KiB */

/* Who may be there at once; memory for it is taken at start. */
#define CLIENTS_MAX 4096
#define WORKERS_MAX 256
#define WORKER_CAPACITY_MAX 1024
#define FEEDS_MAX 1024
#define KEYS_MAX 4096

/* Time, in milliseconds. */
#define BEAT_MS 2000
#define BEATS_MISSED_MS 7000 /* three beats and a little: its work is given back */
#define LEASE_MS 30000
#define ACCEPT_MS 5000 /* an assignment that is not accepted by then is offered to another */
#define STATE_COMMIT_MS 200
#define STATE_DIRTY_ROWS_MAX 2000
#define ATTEMPTS_MAX 8
#define HANDSHAKE_MS 4000
#define FEED_ALIVE_MS 20000  /* a feed says something so often: by that, who is gone is found */
#define FEED_SILENT_MS 60000 /* three of these: a feed, or a reader without credit, has gone */

/* Replies. */
#define REPLY_ROWS_MAX 256 /* a query's rows a turn */
#define REPLY_BYTES_MAX (512 * 1024)

static_assert(EVENT_BYTES_MAX < FRAME_BYTES_MAX, "an event fits a frame");
static_assert(EVENT_BYTES_MAX + 16 * 1024 < ENTRY_BYTES_MAX, "an event fits an entry");
static_assert(EVENT_BYTES_MAX + FACTS_MAX * FACT_BYTES_MAX + 64 * 1024 < ASSIGNMENT_BYTES_MAX,
              "an assignment can always be built");
static_assert(ASSIGNMENT_BYTES_MAX < FRAME_BYTES_MAX, "an assignment fits a frame");
static_assert(FEED_ALIVE_MS < FEED_SILENT_MS, "a feed that lives is heard");
static_assert(FRAME_BYTES_MAX < BATCH_BYTES_MAX, "a frame of events fits a batch");

#endif
