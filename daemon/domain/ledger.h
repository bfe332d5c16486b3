/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.h - allotments and commitments in pence, by commissioner and financial year. */
#ifndef COMMISSION_LEDGER_H
#define COMMISSION_LEDGER_H

#include "proto/message.h"

/** One commissioner's year. Invariant for each commissioner's event: allotment - reserved - committed >= 0 where allotted. */
struct ledger_year {
    struct ods ods;
    int32_t year;
    bool allotted;
    int64_t allotment_pence; /* the newest version, all streams */
    int64_t reserved_pence;
    int64_t committed_pence;
    int64_t uncovered_pence; /* part of the two above that came while there was no allotment */
};

/** A line of the ledger: the entry that moved money. */
struct ledger_line_row {
    struct ledger_line line;
    uint64_t entry_seq;
    uint64_t number; /* of the workflow or register */
};

#define PENCE_TEXT_SIZE 32

/** Write pence as pounds: "1,234,567.89". */
void pence_print(int64_t pence, char ret[PENCE_TEXT_SIZE]);

/** What is left of the year; negative when an allotment was lowered; 0 while there is none: what was taken then stands uncovered. */
int64_t ledger_left_pence(const struct ledger_year *year);
/** Add a line: total and deterministic. */
void ledger_add(struct ledger_year *year, const struct ledger_line *line);

/**
 * Split an award over financial years: its own @years where given, else by days of its period, largest remainder, so that the sum is exact.
 * An award without a last day falls into the year of its first. @ret has room for YEARS_MAX. Returns how many; 0: over more than YEARS_MAX years.
 */
uint32_t ledger_split(const struct award *award, struct year_value *ret);

#endif
