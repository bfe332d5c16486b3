/* SPDX-License-Identifier: Apache-2.0 */
/* drive.h - clients and a worker around a real broker and store, by seed, that remember what they were told; and what must be true of any folder afterwards. */
#ifndef COMMISSION_TESTS_DRIVE_H
#define COMMISSION_TESTS_DRIVE_H

#include "daemon/broker/broker.h"
#include "tests/support/folder.h"

#define DRIVE_CASES 8
#define DRIVE_STAGES 5
#define DRIVE_REGISTERS 7
#define DRIVE_BULK_MAX 1200
#define DRIVE_EVENTS (DRIVE_REGISTERS + DRIVE_CASES * DRIVE_STAGES + DRIVE_BULK_MAX)
#define DRIVE_TEXT_SIZE 400
#define DRIVE_ASSIGNMENTS_MAX 256
#define DRIVE_MAP_BYTES (64ull * 1024 * 1024)

/** What a client was told of one event; kept as a mark in the trace, too. */
struct told {
    uint32_t event;       /* its number: 0.. */
    uint32_t verdict;     /* enum verdict; only with verdict_seq */
    uint64_t seq;         /* 0: no receipt yet */
    uint64_t verdict_seq; /* 0: no verdict yet */
    struct hash hash;     /* of the receipt's entry */
};

/** An assignment that the worker has not answered. */
struct handed {
    struct token token;
    uint64_t seq;
};

struct drive {
    struct folder dir;
    struct store *store;
    struct broker *broker;
    struct store_report report;
    struct instant now;
    uint64_t chance;
    uint32_t bulk;  /* events of 4 KB, sent beside the cases: they fill segments */
    uint32_t cases; /* 1..DRIVE_CASES, at first all */
    bool sent[DRIVE_EVENTS];
    struct told told[DRIVE_EVENTS];
    struct handed handed[DRIVE_ASSIGNMENTS_MAX];
    uint32_t handed_count;
    uint32_t judged;     /* events with a final verdict */
    struct arena *arena; /* of a turn */
    char text
        [DRIVE_TEXT_SIZE]; /* what was wrong, with anything that is not STATUS_OK, or contradicted what was told */
    bool contradicted;
};

/** Clients that were told nothing yet. @bulk: how many large events. */
void drive_init(struct drive *drive, const char *dir, uint64_t seed, uint32_t bulk);
void drive_clear(struct drive *drive);
uint32_t drive_draw(struct drive *drive, uint32_t below);

/** Start: store and broker. All that is not judged will be sent again. STATUS_OK, or why not. */
MUST_USE enum status drive_open(struct drive *drive);
/** The end of the process, without a commit. */
void drive_close(struct drive *drive);
/** A turn by chance: some events sent, some findings handed in, time passes. The first failure: stop, nobody is told anything more. */
MUST_USE enum status drive_turn(struct drive *drive);
/** Turns until all is judged, or @turns_max of them were made. */
MUST_USE enum status drive_on(struct drive *drive, uint32_t turns_max);
bool drive_done(const struct drive *drive);

/** What the store in @dir must be, once somebody was told @told (DRIVE_EVENTS of them): opened, nothing lost, nothing twice, proven. False: @text. */
bool drive_check(const char *dir, const struct told *told, char text[DRIVE_TEXT_SIZE]);

#endif
