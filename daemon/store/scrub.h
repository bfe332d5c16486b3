/* SPDX-License-Identifier: Apache-2.0 */
/* scrub.h - the state looked through row by row: each digest, each row's counterpart, each ledger's sum. */
/*
 * A row that is damaged is found when it is read; one that is missing only by what should name it or be named by it. So
 * for each row the scrub asks for its counterpart:
 *
 *   workflow <-> reference     workflow -> the events at its turn and in its queue     seen, fact, open -> workflow
 *   open -> seen, next in its queue, its waits, its due time     waits, due -> open     key <-> key_order
 *   ledger = the sum of its lines     ledger_line -> ledger     rows of a table = what its root counts
 *
 * It goes on where it stopped, a bounded number of rows at a time, while entries are applied in between.
 */
#ifndef COMMISSION_SCRUB_H
#define COMMISSION_SCRUB_H

#include "daemon/store/state.h"

struct scrub {
    enum kv_table table;
    uint8_t key[KV_KEY_BYTES_MAX]; /* of the row looked at last */
    size_t key_len;                /* 0: before the first of its table */
    uint64_t table_rows;           /* of this table so far */
    uint64_t table_seq;            /* what the state had seen as the table began */
    bool summing;                  /* the lines of the ledger's row @key are being added up */
    struct ledger_year sum;
    uint64_t sum_seq; /* what the state had seen as that began */
    uint64_t line_seq;
    uint32_t line_index;
    uint64_t rows;   /* of this pass */
    uint64_t passes; /* that came to their end */
};

/**
 * Look at up to @rows_max rows more. STATUS_OK; *@ret_passed: the end was reached, and the next call begins anew. STATUS_STORE_CORRUPT and the tables'
 * failures are the state's first failure from now on: state_failure_text() names table and row.
 */
MUST_USE enum status scrub_step(struct scrub *scrub, struct state *state, uint32_t rows_max,
                                bool *ret_passed);

#endif
