/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/cli/csv.h"

#include <string.h>

static enum csv_result fault_at(const struct csv *csv, const char *at, struct csv_fault *fault,
                                const char *text)
{
    fault->line = csv->line;
    fault->column = (uint32_t)(at - csv->start) + 1;
    (void)snprintf(fault->text, sizeof fault->text, "%s", text);
    return CSV_FAULT;
}

/* ---- UTF-8 ---- */

/** Length of the well-formed character (RFC 3629) at @at; 0: it is none, or NUL. */
static size_t character_len(const unsigned char *at, const unsigned char *end)
{
    static const struct {
        unsigned char first_min, first_max, second_min, second_max;
        size_t len;
    } forms[] = {
        {0x01, 0x7F, 0x00, 0x00, 1}, {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
        {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
        {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        if (*at < forms[i].first_min || *at > forms[i].first_max)
            continue;
        size_t len = forms[i].len;
        if ((size_t)(end - at) < len)
            return 0;
        if (len > 1 && (at[1] < forms[i].second_min || at[1] > forms[i].second_max))
            return 0;
        for (size_t j = 2; j < len; j++) {
            if ((at[j] & 0xC0) != 0x80)
                return 0;
        }
        return len;
    }
    return 0;
}

bool csv_begin(struct csv *csv, char *bytes, size_t len, struct csv_fault *fault)
{
    CHECK(bytes[len] == '\0');
    *csv = (struct csv){.start = bytes, .at = bytes, .end = bytes + len, .line = 1};
    if (len >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) {
        csv->start += 3;
        csv->at += 3;
    }

    struct csv walk = *csv;
    while (walk.at < walk.end) {
        size_t step =
            character_len((const unsigned char *)walk.at, (const unsigned char *)walk.end);
        if (step == 0) {
            (void)fault_at(&walk, walk.at, fault,
                           *walk.at == '\0' ? "a NUL: this is no text" : "not UTF-8");
            return false;
        }
        if (*walk.at == '\n') {
            walk.line++;
            walk.start = walk.at + 1;
        }
        walk.at += step;
    }
    return true;
}

/* ---- rows ---- */

static void next_line(struct csv *csv)
{
    csv->line++;
    csv->start = csv->at;
}

/** Take a line's end at the reader; false: there is none. */
static bool take_line_end(struct csv *csv)
{
    size_t len = 0;
    if (csv->at[0] == '\n')
        len = 1;
    else if (csv->at[0] == '\r' && csv->at[1] == '\n')
        len = 2;
    if (len == 0)
        return false;
    csv->at += len;
    next_line(csv);
    return true;
}

/** A cell in quotes, unquoted in place. @ret_end: where its NUL belongs. */
static enum csv_result quoted_cell(struct csv *csv, char **ret_end, struct csv_fault *fault)
{
    struct csv open = *csv;
    char *to = ++csv->at;
    for (; csv->at < csv->end; csv->at++) {
        if (csv->at[0] == '"' && csv->at[1] != '"')
            break;
        if (csv->at[0] == '"')
            csv->at++;
        *to++ = *csv->at;
        if (*csv->at == '\n') {
            csv->line++;
            csv->start = csv->at + 1;
        }
    }
    if (csv->at >= csv->end)
        return fault_at(&open, open.at, fault, "the quote that begins here does not end");
    csv->at++;
    *ret_end = to;
    return CSV_ROW;
}

static enum csv_result plain_cell(struct csv *csv, char **ret_end, struct csv_fault *fault)
{
    while (csv->at < csv->end && strchr(",\r\n\"", *csv->at) == NULL)
        csv->at++;
    if (csv->at < csv->end && *csv->at == '"')
        return fault_at(csv, csv->at, fault, "a quote within a cell that is not quoted");
    *ret_end = csv->at;
    return CSV_ROW;
}

enum csv_result csv_next(struct csv *csv, struct csv_row *ret, struct csv_fault *fault)
{
    while (take_line_end(csv))
        continue;
    if (csv->at >= csv->end)
        return CSV_END;

    ret->count = 0;
    ret->line = csv->line;
    while (ret->count < CSV_CELLS_MAX) {
        bool quoted = *csv->at == '"';
        char *end = NULL;
        ret->cells[ret->count++] = csv->at + quoted;
        enum csv_result result =
            quoted ? quoted_cell(csv, &end, fault) : plain_cell(csv, &end, fault);
        if (result != CSV_ROW)
            return result;

        /* What follows the cell is looked at before its NUL may overwrite it. */
        bool comma = csv->at < csv->end && *csv->at == ',';
        bool last = csv->at >= csv->end;
        const char *after = csv->at;
        bool line_end = !comma && !last && take_line_end(csv);
        if (!comma && !last && !line_end)
            return fault_at(csv, after, fault,
                            quoted ? "a quoted cell is followed by neither comma nor line end"
                                   : "a carriage return without a line feed");
        *end = '\0';
        if (!comma)
            return CSV_ROW;
        csv->at++;
    }
    return fault_at(csv, csv->at, fault, "more than 64 cells in one row");
}

const char *csv_cell(const struct csv_row *row, uint32_t index)
{
    return index < row->count ? row->cells[index] : "";
}
