/* SPDX-License-Identifier: Apache-2.0 */
/* scribe.h - writes entries into a store as the broker would, but with verdicts as the test says; and seeded walks of them. */
#ifndef COMMISSION_TESTS_SCRIBE_H
#define COMMISSION_TESTS_SCRIBE_H

#include "daemon/store/store.h"
#include "proto/arena.h"

struct scribe {
    struct store *store; /* the test's */
    struct arena *arena;
    uint8_t *bytes; /* of the event in hand */
    struct event event;
    struct hash hash; /* of the newest entry */
    int64_t at_ms;
    uint64_t chance;
    uint64_t ids; /* event ids given out */
    bool clocks;  /* verdicts set and end timers, suspend and end workflows */
};

void scribe_init(struct scribe *scribe, struct store *store, uint64_t seed);
void scribe_clear(struct scribe *scribe);

/** A number below @below, by the seed. */
uint32_t scribe_draw(struct scribe *scribe, uint32_t below);
struct ods scribe_ods(const char *text);
struct event_id scribe_id(uint64_t number);

/** Take an event in hand: encoded as a sender would, and decoded again. */
void scribe_take(struct scribe *scribe, const struct event *event);
/** A NOTE of @len bytes of text for the workflow of lead 02E called "case-@name", with a new id. */
void scribe_take_note(struct scribe *scribe, uint32_t name, size_t len);

/** RECEIVED for the event in hand. Returns its seq. */
uint64_t scribe_receive(struct scribe *scribe);
/** JUDGED for the event that is at its turn in workflow @number; HELD waits for the allotment of 02E in 2018. */
uint64_t scribe_judge(struct scribe *scribe, uint64_t number, enum verdict verdict, bool keeps_fact,
                      const struct ledger_line *lines, uint32_t lines_count);
/** ATTEMPT_FAILED for it, to be tried again at @next_at_ms. */
uint64_t scribe_fail(struct scribe *scribe, uint64_t number, uint32_t attempt, int64_t next_at_ms);
/** The same for the last time: it is parked. */
uint64_t scribe_park(struct scribe *scribe, uint64_t number, uint32_t attempt);
/** LATE_FINDING for the event @of_seq of workflow @number. */
uint64_t scribe_refuse_finding(struct scribe *scribe, uint64_t number, uint64_t of_seq);
/** WAIT_ENDED for the held event @seq. */
uint64_t scribe_end_wait(struct scribe *scribe, uint64_t seq);
/** RETRIED for the event that is at its turn in workflow @number, and parked. */
uint64_t scribe_retry(struct scribe *scribe, uint64_t number);
/** EVENT_WITHDRAWN for the open event @seq, in whatever state. */
uint64_t scribe_withdraw(struct scribe *scribe, uint64_t seq);
uint64_t scribe_set_stage(struct scribe *scribe, enum stage stage, enum stage_state state);
/** OPERATED, by a command that changes nothing. */
uint64_t scribe_operate(struct scribe *scribe);
/** TIMER_FIRED for the timer that is due first, at its moment or before. 0: none runs. */
uint64_t scribe_fire(struct scribe *scribe);
/** RECORDED for the register event in hand. */
uint64_t scribe_record(struct scribe *scribe, enum verdict verdict, const struct ledger_line *lines,
                       uint32_t lines_count);
uint64_t scribe_start(struct scribe *scribe);

/** One entry of chance that can follow what the store holds, of any kind. */
void scribe_step(struct scribe *scribe);

#endif
