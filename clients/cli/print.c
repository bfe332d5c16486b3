/* SPDX-License-Identifier: Apache-2.0 */
/* print.c - a table in any output. */

#include "clients/cli/print.h"

#include <errno.h>
#include <inttypes.h>
#include <locale.h>
#include <stdarg.h>
#include <string.h>
#include <wchar.h>

#define BLOCK_ROWS 512    /* of a text table: so many are measured and written at a time */
#define CELL_WIDTH_MIN 8  /* narrower no cell is cut */
#define WORD_WIDTH_MIN 12 /* nor one of a single word, before columns are left out */
#define GAP 2

/** A cell for people: what is shown, and how many columns of the terminal that takes. */
struct shown {
    char *text;
    uint32_t width;
};

struct printer {
    const struct cli *cli;
    const struct column *columns;
    uint32_t columns_count;
    uint32_t show[PRINT_COLUMNS_MAX]; /* text: which columns are shown */
    uint32_t show_count;
    uint64_t rows;
    bool begun; /* something was written: the heading, or the first of an array */
    char key[PRINT_COLUMNS_MAX][64]; /* names in json */

    /* text, wide: rows of the block that is not written yet */
    struct shown *cells;
    char **notes;
    uint32_t block_rows;
    uint32_t widths[PRINT_COLUMNS_MAX];
};

/* ---- begin, end --------------------------------------------------------------------------- */

static void *take(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (memory == NULL) {
        fputs("commission: out of memory\n", stderr);
        exit(EXIT_FAILED);
    }
    return memory;
}

static bool for_people(const struct printer *printer)
{
    return printer->cli->output == OUTPUT_TEXT || printer->cli->output == OUTPUT_WIDE;
}

struct printer *printer_new(const struct cli *cli, const struct column *columns, uint32_t count)
{
    CHECK(count <= PRINT_COLUMNS_MAX);
    setlocale(LC_CTYPE, "C.UTF-8"); /* for the width of characters */

    struct printer *printer = take(1, sizeof *printer);
    printer->cli = cli;
    printer->columns = columns;
    printer->columns_count = count;
    for (uint32_t i = 0; i < count; i++) {
        bool wide = columns[i].wide && cli->output == OUTPUT_TEXT;
        if (!wide)
            printer->show[printer->show_count++] = i;
        size_t len = strlen(columns[i].name);
        bool pence = columns[i].type == COLUMN_PENCE &&
                     !(len >= 5 && strcmp(columns[i].name + len - 5, "pence") == 0);
        snprintf(printer->key[i], sizeof printer->key[i], "%.50s%s", columns[i].name,
                 pence ? "_pence" : "");
    }
    if (for_people(printer)) {
        printer->cells = take((size_t)BLOCK_ROWS * (count > 0 ? count : 1), sizeof *printer->cells);
        printer->notes = take(BLOCK_ROWS, sizeof *printer->notes);
    }
    return printer;
}

uint64_t printer_rows(const struct printer *printer)
{
    return printer->rows;
}

/* ---- json, jsonl -------------------------------------------------------------------------- */

/** True for an integer as JSON writes it. */
static bool integer(struct slice cell)
{
    size_t at = cell.len > 0 && cell.bytes[0] == '-' ? 1 : 0;
    if (at == cell.len || (cell.bytes[at] == '0' && cell.len > at + 1))
        return false;
    for (; at < cell.len; at++) {
        if (cell.bytes[at] < '0' || cell.bytes[at] > '9')
            return false;
    }
    return true;
}

static bool says(struct slice cell, const char *text)
{
    return cell.len == strlen(text) && memcmp(cell.bytes, text, cell.len) == 0;
}

static void json_cell(struct text *text, enum column_type type, struct slice cell)
{
    bool plain = ((type == COLUMN_NUMBER || type == COLUMN_PENCE) && integer(cell)) ||
                 (type == COLUMN_BOOLEAN && (says(cell, "true") || says(cell, "false"))) ||
                 (type == COLUMN_JSON && cell.len > 0);
    if (plain)
        text_add_bytes(text, (const char *)cell.bytes, cell.len);
    else if (cell.len == 0 && type != COLUMN_TEXT)
        text_add_bytes(text, "null", 4);
    else
        text_add_json(text, cell);
}

/** Between the values of an array, or after each line. */
static void json_value(struct printer *printer, const char *value, size_t len)
{
    if (printer->cli->output == OUTPUT_JSON)
        fputs(printer->begun ? ",\n  " : "[\n  ", stdout);
    fwrite(value, 1, len, stdout);
    if (printer->cli->output == OUTPUT_JSONL)
        fputc('\n', stdout);
    printer->begun = true;
}

static void json_row(struct printer *printer, const struct slice *cells)
{
    struct text text = {0};
    text_add_bytes(&text, "{", 1);
    for (uint32_t i = 0; i < printer->columns_count; i++) {
        if (i > 0)
            text_add_bytes(&text, ", ", 2);
        text_add_json(&text, slice_of(printer->key[i]));
        text_add_bytes(&text, ": ", 2);
        json_cell(&text, printer->columns[i].type, cells[i]);
    }
    text_add_bytes(&text, "}", 1);
    json_value(printer, text.bytes, text.len);
    text_clear(&text);
}

void printer_json(struct printer *printer, const char *text)
{
    if (printer->cli->output != OUTPUT_JSON && printer->cli->output != OUTPUT_JSONL)
        return;
    json_value(printer, text, strlen(text));
    printer->rows++;
}

/* ---- csv ---------------------------------------------------------------------------------- */

/** RFC 4180; and what a spreadsheet would take for a formula gets a ' in front, unless it is a number of ours. */
static void csv_cell(enum column_type type, struct slice cell)
{
    bool number = (type == COLUMN_NUMBER || type == COLUMN_PENCE) && integer(cell);
    bool formula = cell.len > 0 && !number && strchr("=+-@\t\r", (int)cell.bytes[0]) != NULL &&
                   cell.bytes[0] != '\0';
    bool quoted = false;
    for (size_t i = 0; i < cell.len; i++)
        quoted = quoted || strchr("\",\r\n", (int)cell.bytes[i]) != NULL || cell.bytes[i] == '\0';
    if (quoted)
        fputc('"', stdout);
    if (formula)
        fputc('\'', stdout);
    for (size_t i = 0; i < cell.len; i++) {
        if (cell.bytes[i] == '"')
            fputc('"', stdout);
        fputc(cell.bytes[i], stdout);
    }
    if (quoted)
        fputc('"', stdout);
}

static void csv_heading(struct printer *printer)
{
    for (uint32_t i = 0; i < printer->columns_count; i++) {
        if (i > 0)
            fputc(',', stdout);
        csv_cell(COLUMN_TEXT, slice_of(printer->key[i]));
    }
    fputs("\r\n", stdout);
    printer->begun = true;
}

static void csv_row(struct printer *printer, const struct slice *cells)
{
    if (!printer->begun)
        csv_heading(printer);
    for (uint32_t i = 0; i < printer->columns_count; i++) {
        if (i > 0)
            fputc(',', stdout);
        csv_cell(printer->columns[i].type, cells[i]);
    }
    fputs("\r\n", stdout);
}

/* ---- text, wide --------------------------------------------------------------------------- */

/** Columns of the terminal that @text takes. */
static uint32_t width_of(const char *text)
{
    mbstate_t state = {0};
    uint32_t width = 0;
    size_t left = strlen(text);
    while (left > 0) {
        wchar_t character;
        size_t len = mbrtowc(&character, text, left, &state);
        if (len == 0 || len > left)
            return width + (uint32_t)left;
        int columns = wcwidth(character);
        width += columns > 0 ? (uint32_t)columns : 0;
        text += len;
        left -= len;
    }
    return width;
}

/** Cut @text to @width columns, the last of them "…". */
static void cut(char *text, uint32_t width)
{
    mbstate_t state = {0};
    uint32_t so_far = 0;
    size_t at = 0;
    size_t left = strlen(text);
    while (at < left) {
        wchar_t character;
        size_t len = mbrtowc(&character, text + at, left - at, &state);
        if (len == 0 || len > left - at)
            break;
        int columns = wcwidth(character);
        if (columns > 0 && so_far + (uint32_t)columns > width - 1)
            break;
        so_far += columns > 0 ? (uint32_t)columns : 0;
        at += len;
    }
    memcpy(text + at, "\xe2\x80\xa6", 4); /* what was cut had a byte at least: see reserve_mark() */
}

/** Have room in @text for the mark of cut(), which has two bytes more than the least that it replaces. */
static void reserve_mark(struct text *text)
{
    text_add(text, "  ");
    text->len -= 2;
    text->bytes[text->len] = '\0';
}

/** "5m ago", "in 30s"; past two days, the day. */
static void age_print(int64_t at_ms, int64_t now_ms, char ret[MOMENT_TEXT_SIZE])
{
    int64_t age_s = (now_ms - at_ms) / 1000;
    bool ahead = age_s < 0;
    int64_t size = ahead ? -age_s : age_s;
    char number[16];
    if (size < 1) {
        snprintf(ret, MOMENT_TEXT_SIZE, "now");
        return;
    }
    if (size < 120) {
        snprintf(number, sizeof number, "%ds", (int)size);
    } else if (size < 2 * 3600) {
        snprintf(number, sizeof number, "%dm", (int)(size / 60));
    } else if (size < 48 * 3600) {
        snprintf(number, sizeof number, "%dh", (int)(size / 3600));
    } else {
        moment_print(at_ms, ret);
        ret[10] = '\0';
        return;
    }
    snprintf(ret, MOMENT_TEXT_SIZE, ahead ? "in %s" : "%s ago", number);
}

/** A column's name for people: "reserved_pence" is shown in pounds, so it is RESERVED GBP. */
static void heading_text(const struct column *column, struct text *ret)
{
    char name[64];
    size_t len = strlen(column->name);
    bool pence = column->type == COLUMN_PENCE;
    if (pence && len >= 5 && strcmp(column->name + len - 5, "pence") == 0)
        len -= len > 5 ? 6 : 5;
    (void)snprintf(name, sizeof name, "%.*s%s%s", (int)(len < 50 ? len : 50), column->name,
                   pence && len > 0 ? "_" : "", pence ? "gbp" : "");
    for (char *c = name; *c != '\0'; c++) {
        if (*c >= 'a' && *c <= 'z')
            *c = (char)(*c - 'a' + 'A');
        else if (*c == '_')
            *c = ' ';
    }
    text_add_safe(ret, slice_of(name));
}

/** A cell as people read it. */
static void cell_text(const struct printer *printer, enum column_type type, struct slice cell,
                      struct text *ret)
{
    const char *chars = (const char *)cell.bytes;
    if (type == COLUMN_PENCE && integer(cell) && cell.len < 19) {
        char digits[24];
        char pounds[40];
        snprintf(digits, sizeof digits, "%.*s", (int)cell.len, chars);
        pence_print(strtoll(digits, NULL, 10), pounds);
        text_add(ret, "%s", pounds);
        return;
    }
    int64_t at_ms;
    if (type == COLUMN_MOMENT && printer->cli->output == OUTPUT_TEXT && cell.len > 0 &&
        moment_parse(chars, cell.len, &at_ms)) {
        char age[MOMENT_TEXT_SIZE];
        age_print(at_ms, printer->cli->now_ms, age);
        text_add(ret, "%s", age);
        return;
    }
    if (cell.len == 0)
        text_add(ret, "-");
    else
        text_add_safe(ret, cell);
}

static uint32_t table_width(const struct printer *printer)
{
    uint32_t sum = GAP * (printer->show_count - 1);
    for (uint32_t i = 0; i < printer->show_count; i++)
        sum += printer->widths[printer->show[i]];
    return sum;
}

/** What one types again elsewhere: of no use when it is cut. */
static bool is_handle(const struct column *column)
{
    static const char *const names[] = {"event_id", "lead", "reference",
                                        "about",    "name", "public_key"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(column->name, names[i]) == 0)
            return true;
    }
    return false;
}

static const char *cell_at(const struct printer *printer, uint32_t row, uint32_t column)
{
    return printer->cells[row * printer->columns_count + column].text;
}

/** Some words rather than one: of use also when it is cut. The last column is a remark, or has notes below. */
static bool has_words(const struct printer *printer, uint32_t column)
{
    bool words =
        column == printer->show[printer->show_count - 1] && !is_handle(&printer->columns[column]);
    for (uint32_t row = 0; !words && row < printer->block_rows; row++)
        words = strchr(cell_at(printer, row, column), ' ') != NULL;
    return words;
}

/** No row says anything here; with @zeros also where each says 0 or false. */
static bool says_nothing(const struct printer *printer, uint32_t column, bool zeros)
{
    for (uint32_t row = 0; row < printer->block_rows; row++) {
        const char *cell = cell_at(printer, row, column);
        bool zero =
            strcmp(cell, "0") == 0 || strcmp(cell, "0.00") == 0 || strcmp(cell, "false") == 0;
        if (strcmp(cell, "-") != 0 && !(zeros && zero))
            return false;
    }
    return true;
}

enum cutting { CUT_WORDS, CUT_ONE_WORD, CUT_ANY };

static bool may_be_cut(const struct printer *printer, uint32_t column, enum cutting cutting)
{
    enum column_type type = printer->columns[column].type;
    uint32_t least = cutting == CUT_ONE_WORD ? WORD_WIDTH_MIN : CELL_WIDTH_MIN;
    if ((type != COLUMN_TEXT && type != COLUMN_JSON) || printer->widths[column] <= least)
        return false;
    if (cutting == CUT_WORDS)
        return has_words(printer, column);
    return cutting == CUT_ANY || !is_handle(&printer->columns[column]);
}

/** Make the widest columns that may be cut narrower, until the table fits. */
static void narrow(struct printer *printer, enum cutting cutting)
{
    bool may[PRINT_COLUMNS_MAX];
    for (uint32_t i = 0; i < printer->show_count; i++)
        may[i] = may_be_cut(printer, printer->show[i], cutting);
    while (table_width(printer) > printer->cli->columns) {
        uint32_t widest = UINT32_MAX;
        for (uint32_t i = 0; i < printer->show_count; i++) {
            uint32_t at = printer->show[i];
            if (may[i] && (widest == UINT32_MAX ||
                           printer->widths[at] > printer->widths[printer->show[widest]]))
                widest = i;
        }
        if (widest == UINT32_MAX)
            return;
        printer->widths[printer->show[widest]]--;
        may[widest] = may_be_cut(printer, printer->show[widest], cutting);
    }
}

enum leaving { LEAVE_EMPTY, LEAVE_ZEROS, LEAVE_NUMBERS, LEAVE_ANY };

static bool may_be_left_out(const struct printer *printer, uint32_t column, enum leaving leaving)
{
    enum column_type type = printer->columns[column].type;
    if (leaving == LEAVE_EMPTY || leaving == LEAVE_ZEROS)
        return says_nothing(printer, column, leaving == LEAVE_ZEROS);
    if (leaving == LEAVE_NUMBERS)
        return type == COLUMN_NUMBER && strstr(printer->columns[column].name, "seq") == NULL;
    return type != COLUMN_PENCE; /* rather too wide than without the money */
}

/** Leave out columns, the last first, until the table fits; never the first two. */
static void leave_out(struct printer *printer, enum leaving leaving, struct text *names)
{
    for (uint32_t i = printer->show_count; i > 2 && table_width(printer) > printer->cli->columns;
         i--) {
        uint32_t at = printer->show[i - 1];
        if (!may_be_left_out(printer, at, leaving))
            continue;
        if (names->len > 0)
            text_add(names, ", ");
        heading_text(&printer->columns[at], names);
        printer->show_count--;
        memmove(printer->show + i - 1, printer->show + i,
                (printer->show_count - (i - 1)) * sizeof *printer->show);
    }
}

/** Make the table as wide as the terminal: which columns are left out is known only when it is @whole. */
static void fit(struct printer *printer, bool whole)
{
    struct text names = {0};
    if (printer->cli->columns == 0 || printer->cli->output == OUTPUT_WIDE)
        return;
    if (whole) {
        narrow(printer, CUT_WORDS);
        leave_out(printer, LEAVE_EMPTY, &names);
        narrow(printer, CUT_ONE_WORD);
        leave_out(printer, LEAVE_ZEROS, &names);
        leave_out(printer, LEAVE_NUMBERS, &names);
        leave_out(printer, LEAVE_ANY, &names);
    }
    narrow(printer, CUT_ANY);
    if (names.len > 0)
        cli_say(printer->cli, "too narrow for %s: -o wide shows all", names.bytes);
    text_clear(&names);
}

/** The colour of a word that says how something went; NULL: none. */
static const char *colour_of(const char *word)
{
    static const char *const words[][2] = {
        {"ACCEPTED", "\033[32m"}, {"REJECTED", "\033[31m"}, {"REFUSED", "\033[31m"},
        {"HELD", "\033[33m"},     {"accepted", "\033[32m"}, {"rejected", "\033[31m"},
        {"refused", "\033[31m"},  {"held", "\033[33m"},
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(words[i][0], word) == 0)
            return words[i][1];
    }
    return NULL;
}

static bool on_the_right(enum column_type type)
{
    return type == COLUMN_NUMBER || type == COLUMN_PENCE;
}

/** Write one cell, filled up to its column's width unless it is the last of a line. */
static void put(const struct printer *printer, uint32_t column, char *text, uint32_t width,
                bool last, const char *colour)
{
    uint32_t wanted = printer->widths[column];
    if (width > wanted) {
        cut(text, wanted);
        width = width_of(text);
    }
    int fill = width < wanted ? (int)(wanted - width) : 0;
    bool right = on_the_right(printer->columns[column].type);
    if (right)
        printf("%*s", fill, "");
    if (colour != NULL)
        printf("%s%s\033[0m", colour, text);
    else
        fputs(text, stdout);
    if (!right && !last)
        printf("%*s", fill, "");
    if (!last)
        printf("%*s", GAP, "");
}

static void heading(struct printer *printer)
{
    for (uint32_t i = 0; i < printer->show_count; i++) {
        uint32_t at = printer->show[i];
        struct text name = {0};
        heading_text(&printer->columns[at], &name);
        reserve_mark(&name);
        put(printer, at, name.bytes, width_of(name.bytes), i + 1 == printer->show_count,
            printer->cli->colour ? "\033[1m" : NULL);
        text_clear(&name);
    }
    fputc('\n', stdout);
}

static void block_write(struct printer *printer, bool last)
{
    if (printer->show_count == 0)
        return;
    fit(printer, last && !printer->begun);
    if (!printer->begun)
        heading(printer);
    printer->begun = true;
    for (uint32_t row = 0; row < printer->block_rows; row++) {
        for (uint32_t i = 0; i < printer->show_count; i++) {
            uint32_t at = printer->show[i];
            struct shown *shown = &printer->cells[row * printer->columns_count + at];
            put(printer, at, shown->text, shown->width, i + 1 == printer->show_count,
                printer->cli->colour ? colour_of(shown->text) : NULL);
        }
        fputc('\n', stdout);
        if (printer->notes[row] != NULL)
            fputs(printer->notes[row], stdout);
        free(printer->notes[row]);
        printer->notes[row] = NULL;
        for (uint32_t i = 0; i < printer->columns_count; i++)
            free(printer->cells[row * printer->columns_count + i].text);
    }
    printer->block_rows = 0;
}

/** A column is at least as wide as its heading. */
static void measure_headings(struct printer *printer)
{
    for (uint32_t i = 0; i < printer->columns_count; i++) {
        struct text name = {0};
        heading_text(&printer->columns[i], &name);
        printer->widths[i] = width_of(name.bytes);
        text_clear(&name);
    }
}

static void text_row(struct printer *printer, const struct slice *cells)
{
    if (printer->rows == 0)
        measure_headings(printer);
    if (printer->block_rows == BLOCK_ROWS)
        block_write(printer, false);
    for (uint32_t i = 0; i < printer->columns_count; i++) {
        struct text text = {0};
        cell_text(printer, printer->columns[i].type, cells[i], &text);
        reserve_mark(&text);
        struct shown *shown = &printer->cells[printer->block_rows * printer->columns_count + i];
        shown->text = text.bytes;
        shown->width = width_of(text.bytes);
        if (printer->widths[i] < shown->width)
            printer->widths[i] = shown->width;
    }
    printer->block_rows++;
}

/* ---- any output --------------------------------------------------------------------------- */

void printer_row(struct printer *printer, const struct slice *cells)
{
    switch (printer->cli->output) {
    case OUTPUT_TEXT:
    case OUTPUT_WIDE:
        text_row(printer, cells);
        break;
    case OUTPUT_JSON:
    case OUTPUT_JSONL:
        json_row(printer, cells);
        break;
    case OUTPUT_CSV:
        csv_row(printer, cells);
        break;
    }
    printer->rows++;
}

void printer_row_text(struct printer *printer, const char *const *cells)
{
    struct slice slices[PRINT_COLUMNS_MAX];
    for (uint32_t i = 0; i < printer->columns_count; i++)
        slices[i] = slice_of(cells[i]);
    printer_row(printer, slices);
}

void printer_note(struct printer *printer, const char *format, ...)
{
    if (!for_people(printer) || printer->block_rows == 0)
        return;
    char **note = &printer->notes[printer->block_rows - 1];
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);

    struct text text = {0};
    if (*note != NULL)
        text_add(&text, "%s", *note);
    text_add(&text, "    ");
    text_add_safe(&text, slice_of(line));
    text_add(&text, "\n");
    free(*note);
    *note = text.bytes;
}

void printer_flush(struct printer *printer)
{
    if (for_people(printer) && printer->block_rows > 0)
        block_write(printer, false);
    (void)fflush(stdout);
}

bool printer_end(struct printer *printer)
{
    switch (printer->cli->output) {
    case OUTPUT_TEXT:
    case OUTPUT_WIDE:
        if (printer->block_rows > 0)
            block_write(printer, true);
        break;
    case OUTPUT_JSON:
        fputs(printer->begun ? "\n]\n" : "[]\n", stdout);
        break;
    case OUTPUT_JSONL:
        break;
    case OUTPUT_CSV:
        if (!printer->begun && printer->columns_count > 0)
            csv_heading(printer);
        break;
    }
    errno = 0;
    bool written = fflush(stdout) == 0 && ferror(stdout) == 0;
    if (!written && errno != EPIPE) /* a reader that has seen enough needs no telling */
        cli_say(printer->cli, "standard output cannot be written");
    free(printer->cells);
    free(printer->notes);
    free(printer);
    return written;
}

/* ---- reasons ------------------------------------------------------------------------------ */

/** The @reasons that reject or hold first, those that only warn behind them: which is the @at-th (below @count). */
static const struct reason *reason_at(const struct reason *reasons, uint32_t count, uint32_t at)
{
    const struct reason *found = &reasons[0];
    uint32_t before = 0;

    for (unsigned warnings = 0; warnings < 2; warnings++) {
        for (uint32_t i = 0; i < count; i++) {
            bool warns = reasons[i].severity == SEVERITY_WARN;
            if (warns == (warnings == 1) && before++ == at)
                found = &reasons[i];
        }
    }
    return found;
}

static const char *warning_mark(const struct reason *reason)
{
    return reason->severity == SEVERITY_WARN ? "warning " : "";
}

void reasons_codes(const struct reason *reasons, uint32_t count, struct text *ret)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct reason *reason = reason_at(reasons, count, i);
        char code[REASON_CODE_SIZE];
        reason_print_code(reason, code);
        text_add(ret, "%s%s%s", ret->len > 0 ? ", " : "", warning_mark(reason), code);
    }
}

void reasons_cell(const struct cli *cli, const struct reason *reasons, uint32_t count,
                  struct text *ret)
{
    bool json = cli->output == OUTPUT_JSON || cli->output == OUTPUT_JSONL;
    if (!json) {
        reasons_codes(reasons, count, ret);
        return;
    }
    text_add(ret, "[");
    for (uint32_t i = 0; i < count; i++) {
        const struct reason *reason = &reasons[i];
        char code[REASON_CODE_SIZE];
        reason_print_code(reason, code);
        const struct {
            const char *name;
            const char *value;
        } members[] = {
            {"code", code},
            {"rule", reason_rule(reason->code)},
            {"severity", severity_name(reason->severity)},
            {"field", reason->field},
            {"value", reason->value},
            {"text", reason->text},
        };
        text_add(ret, "%s{", i > 0 ? ", " : "");
        for (size_t m = 0; m < ARRAY_LEN(members); m++) {
            text_add(ret, "%s\"%s\": ", m > 0 ? ", " : "", members[m].name);
            text_add_json(ret, slice_of(members[m].value));
        }
        text_add(ret, "}");
    }
    text_add(ret, "]");
}

void reasons_note(struct printer *printer, const struct reason *reasons, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct reason *reason = reason_at(reasons, count, i);
        char code[REASON_CODE_SIZE];
        reason_print_code(reason, code);
        const char *rule = reason_rule(reason->code);
        bool field = reason->field[0] != '\0';
        bool value = reason->value[0] != '\0';
        printer_note(printer, "%s%s%s%s%s%s%s%s%s: %s", warning_mark(reason), code,
                     rule[0] != '\0' ? " (" : "", rule, rule[0] != '\0' ? ")" : "",
                     field ? " " : "", reason->field, value ? " = " : "", reason->value,
                     reason->text);
    }
}
