/* SPDX-License-Identifier: Apache-2.0 */
/* print.h - tables, in every output: text and wide for people; json, jsonl and csv for programs. */
/*
 * Columns are a reply's (struct column): a cell is text as the daemon sends it, "" is none. In json and jsonl NUMBER and PENCE
 * are integers (a column of pence is named ..._pence), BOOLEAN is true or false, an empty cell of another type than TEXT is
 * null. For people, pence are pounds ("1,234,567.89"), moments are ages ("5m ago"), numbers are on the right. A table too
 * wide for the terminal is cut with "…" where there are words, then loses columns: empty ones first, then numbers,
 * then the last, never money; standard error names them. Control characters never reach a terminal; a cell that a spreadsheet
 * could take for a formula gets a ' in front in csv.
 */
#ifndef COMMISSION_PRINT_H
#define COMMISSION_PRINT_H

#include "clients/cli/cli.h"

/** A cell that is JSON already (json, jsonl: as it is; else text). */
#define COLUMN_JSON ((enum column_type)100)
#define PRINT_COLUMNS_MAX (COLUMNS_MAX + 1) /* a reply's, and one of reasons */

struct printer;

/** Begin a table on standard output as @cli->output says. @columns must live as long. Stops on no memory. */
struct printer *printer_new(const struct cli *cli, const struct column *columns, uint32_t count);
/** Add a row; @cells has a cell for each column. In jsonl and csv it is written at once. */
void printer_row(struct printer *printer, const struct slice *cells);
/** The same with C strings, NULL as "". */
void printer_row_text(struct printer *printer, const char *const *cells);
/** A line for people below the row before; not in json, jsonl, csv. */
void printer_note(struct printer *printer, const char *format, ...) PRINTF_LIKE(2, 3);
/** One ready JSON value, in the place of a row; @text is one line. For tables without columns: json and jsonl only. */
void printer_json(struct printer *printer, const char *text);
/** Write what has been added so far. */
void printer_flush(struct printer *printer);
/** Write what is left, and release. False: standard output failed (said already). */
MUST_USE bool printer_end(struct printer *printer);
/** Rows so far. */
uint64_t printer_rows(const struct printer *printer);

/** A growing text. */
struct text {
    char *bytes; /* malloc'ed, NUL-terminated; NULL: empty */
    size_t len;
    size_t max;
};
void text_add(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);
void text_add_bytes(struct text *text, const char *bytes, size_t len);
/** Add @slice as a JSON string with its quotes; what is not UTF-8 becomes U+FFFD. */
void text_add_json(struct text *text, struct slice slice);
/** Add @slice so that it can be shown on a terminal: control characters and broken UTF-8 as \n, \x1b. */
void text_add_safe(struct text *text, struct slice slice);
void text_clear(struct text *text);

struct slice slice_of(const char *text);
/** "1234567" -> "1,234,567"; @ret has room for 32. */
void number_print(const char *digits, size_t len, char ret[32]);
/** Pence -> "12,345.67"; @ret has room for 40. */
void pence_print(int64_t pence, char ret[40]);

/**
 * Codes of reasons, those that reject or hold first, a warning marked as such:
 * "BUDGET_EXCEEDED:2018/19, warning YEAR_NOT_COVERED:2019/20". Nothing for none.
 */
void reasons_codes(const struct reason *reasons, uint32_t count, struct text *ret);
/** Reasons as one cell: JSON for json and jsonl, else codes as above. */
void reasons_cell(const struct cli *cli, const struct reason *reasons, uint32_t count,
                  struct text *ret);
/** Reasons for people, a line each, below the row before: what, where, why. */
void reasons_note(struct printer *printer, const struct reason *reasons, uint32_t count);

/** Print entries as rows of a table of entries; which as JSON are the entries whole. */
struct printer *entries_printer_new(const struct cli *cli);
/** One entry. False: its bytes cannot be read (said already). */
MUST_USE bool entries_print(const struct cli *cli, struct printer *printer,
                            const struct entry_row *row);

#endif
