/* SPDX-License-Identifier: Apache-2.0 */
/* csv.h - rows of a comma-separated file, as RFC 4180 has them; read in place. */
/*
 * A byte order mark is skipped, lines may end in CRLF or LF, a quoted cell may hold commas, line breaks and doubled quotes. The text
 * must be UTF-8 without NUL. Blank lines are skipped. Anything else that RFC 4180 does not allow is a fault, with its line and column.
 */
#ifndef COMMISSION_CSV_H
#define COMMISSION_CSV_H

#include "proto/base.h"

#define CSV_CELLS_MAX 64

struct csv_fault {
    uint32_t line;   /* from 1 */
    uint32_t column; /* in bytes, from 1 */
    char text[120];
};

/** A reader; it overwrites the text it reads, and its cells point into it. */
struct csv {
    char *start; /* of the line that @at is in */
    char *at;
    char *end;
    uint32_t line;
};

/** One row: NUL-terminated cells, valid as long as the text. */
struct csv_row {
    char *cells[CSV_CELLS_MAX];
    uint32_t count;
    uint32_t line; /* where it begins */
};

enum csv_result { CSV_ROW, CSV_END, CSV_FAULT };

/**
 * Begin with @bytes, @len of them and a NUL behind them; they are overwritten. False: it is not UTF-8 text, @fault says where.
 */
MUST_USE bool csv_begin(struct csv *csv, char *bytes, size_t len, struct csv_fault *fault);

/** Read the next row. CSV_FAULT: @fault says what is wrong; nothing more is to be read. */
MUST_USE enum csv_result csv_next(struct csv *csv, struct csv_row *ret, struct csv_fault *fault);

/** Cell @index, or "" where the row has none. */
const char *csv_cell(const struct csv_row *row, uint32_t index);

#endif
