/* SPDX-License-Identifier: Apache-2.0 */
/* batch.h - events that an import sends: collected as JSON, encoded, each with its outcome. */
#ifndef COMMISSION_BATCH_H
#define COMMISSION_BATCH_H

#include "clients/cli/cli.h"

struct batch {
    struct slice *events;         /* encoded; malloc'ed, as is each of them */
    struct cli_outcome *outcomes; /* one for each event, after batch_send() */
    uint32_t count;
    uint32_t max;
    uint32_t done;
    const char *doing; /* for progress: "importing" */
    struct cli *cli;
};

/**
 * Add the event that @json says, in proto3 JSON and with its id. 0; or EXIT_FAILED, and @fault says why it is none (or that there is no memory).
 */
MUST_USE int batch_add(struct batch *batch, const char *json, struct json_fault *fault);

/** Make room for the outcomes; before the first batch_send(). 0, or an exit code, said already. */
MUST_USE int batch_begin(struct batch *batch, struct cli *cli, const char *doing);

/**
 * Send events @first to @first + @count - 1 and wait for their verdicts. 0: look at the outcomes. Else an exit code, said already.
 */
MUST_USE int batch_send(struct batch *batch, uint32_t first, uint32_t count);

/**
 * Make room, send all events, the first of them alone, and wait for their verdicts; none is fine. 0: look at the outcomes. Else an exit code,
 * said already: EXIT_REFUSED when the first answer is that only NHS England sends these, and nothing more was sent.
 */
MUST_USE int batch_send_register(struct batch *batch, struct cli *cli, const char *doing);

/** The reason in @outcome why this key may not send such an event at all; NULL: none. */
const struct reason *outcome_key_refusal(const struct cli_outcome *outcome);

void batch_clear(struct batch *batch);

/** What several outcomes come to, as words and as an exit code. */
struct tally {
    uint32_t accepted;
    uint32_t unchanged; /* so already, not sent; or, in a dry run, would not be */
    uint32_t repeated;  /* accepted before */
    uint32_t held;
    uint32_t rejected; /* or refused, or rejected before */
    uint32_t unknown;  /* no answer in time */
};

/** Count @outcome, and return what it is called: "accepted", "repeated", "held", "rejected", "rejected before", "no answer". */
const char *tally_add(struct tally *tally, const struct cli_outcome *outcome);
/** 0 all well; 7 no answer to some; 1 none well; 8 some well. */
int tally_exit(const struct tally *tally);

#endif
