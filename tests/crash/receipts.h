/* SPDX-License-Identifier: Apache-2.0 */
/* receipts.h - what a daemon's clients were told, on disk before it counts; and whether the journal of a daemon at rest says the same. */
#ifndef COMMISSION_TESTS_RECEIPTS_H
#define COMMISSION_TESTS_RECEIPTS_H

#include "tests/support/cases.h"

#define RECEIPTS_TEXT_SIZE 400

struct receipts;

/** An empty file @path, ours alone, in no folder of the daemon's. Stops the program when it cannot. */
struct receipts *receipts_new(const char *path);
struct receipts *receipts_free(struct receipts *receipts);
/** Append an answer of a case's event. */
void receipts_add(struct receipts *receipts, const struct answer *answer);
/** Make what was appended durable: only then it was told. */
void receipts_keep(struct receipts *receipts);
uint64_t receipts_count(const struct receipts *receipts);

/**
 * Read the file again and hold it against the state folder @dir, on which no daemon runs: each receipt's entry and hash, each verdict
 * are there, no event's answers differ, no event is there twice. @cases_max: one more than the largest number of a case. False: @text.
 */
bool receipts_check(const struct receipts *receipts, const char *dir, uint32_t cases_max,
                    char text[RECEIPTS_TEXT_SIZE]);

#endif
