/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/commands/org_file.h"

#include <string.h>
#include <strings.h>

#include "clients/commands/mergers.h"

/* Cells of eccg, from 0. */
enum {
    ECCG_CODE = 0,
    ECCG_NAME = 1,
    ECCG_ICB = 3,
    ECCG_OPENED = 10,
    ECCG_CLOSED = 11,
    ECCG_ROLE = 13,
    ECCG_CELLS = 27,
};

/* ---- names ---- */

static bool is_capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_letter(char c)
{
    return is_capital(c) || (c >= 'a' && c <= 'z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool word_in(const char *word, size_t len, const char *const *list)
{
    for (size_t i = 0; list[i] != NULL; i++) {
        if (strlen(list[i]) == len && strncasecmp(list[i], word, len) == 0)
            return true;
    }
    return false;
}

/** Lower the word of @len characters as its place in a name asks. */
static void word_case(char *word, size_t len, bool first)
{
    static const char *const capitals[] = {"NHS", "CCG", "ICB", "CSU", "K", "C", "QPP", NULL};
    static const char *const small[] = {"and",  "of",  "with", "the", "in", "on",
                                        "upon", "for", "to",   "by",  "le", NULL};
    bool code = false;
    for (size_t i = 0; i < len; i++)
        code = code || is_digit(word[i]);
    if (code || word_in(word, len, capitals))
        return;
    bool lower_first = !first && word_in(word, len, small);
    for (size_t i = lower_first ? 0 : 1; i < len; i++) {
        if (is_capital(word[i]))
            word[i] = (char)(word[i] - 'A' + 'a');
    }
}

void org_name_case(const char *name, char ret[NAME_SIZE])
{
    bool mixed = false;
    (void)snprintf(ret, NAME_SIZE, "%s", name);
    size_t len = strlen(ret);
    if (strlen(name) >= NAME_SIZE) {
        while (len > 0 && ((unsigned char)name[len] & 0xC0) == 0x80)
            len--;
        ret[len] = '\0';
    }
    for (const char *at = ret; *at != '\0'; at++)
        mixed = mixed || (*at >= 'a' && *at <= 'z');
    if (mixed)
        return;
    for (size_t at = 0; at < len;) {
        size_t end = at;
        /* An apostrophe is within its word: KING'S is King's. */
        while (end < len && (is_letter(ret[end]) || is_digit(ret[end]) || ret[end] == '\''))
            end++;
        if (end > at)
            word_case(ret + at, end - at, at == 0);
        at = end + 1;
    }
}

void org_name_key(const char *name, char ret[ORG_KEY_SIZE])
{
    static const char *const dropped[] = {"NHS", "CCG", "AND", "THE", NULL};
    size_t len = 0;
    while (*name != '\0') {
        char word[ORG_KEY_SIZE];
        size_t word_len = 0;
        while (*name != '\0' && (is_letter(*name) || is_digit(*name) || *name == '\'' ||
                                 (unsigned char)*name >= 0x80)) {
            if (*name != '\'' && word_len + 1 < sizeof word)
                word[word_len++] = *name;
            name++;
        }
        name +=
            *name != '\0'; /* "&" and other marks stand between words; "and" is dropped as well */
        if (word_len == 0 || word_in(word, word_len, dropped) || len + word_len + 2 > ORG_KEY_SIZE)
            continue;
        if (len > 0)
            ret[len++] = ' ';
        for (size_t i = 0; i < word_len; i++)
            ret[len++] = (char)(word[i] >= 'a' && word[i] <= 'z' ? word[i] - 'a' + 'A' : word[i]);
    }
    ret[len] = '\0';
}

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

uint32_t org_key_distance(const char *a, const char *b)
{
    uint32_t rows[3][ORG_KEY_SIZE + 1];
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    CHECK(a_len < ORG_KEY_SIZE);
    CHECK(b_len < ORG_KEY_SIZE);
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = (uint32_t)j;
    for (size_t i = 1; i <= a_len; i++) {
        uint32_t *row = rows[i % 3];
        const uint32_t *above = rows[(i + 2) % 3];
        const uint32_t *two_above = rows[(i + 1) % 3];
        row[0] = (uint32_t)i;
        for (size_t j = 1; j <= b_len; j++) {
            row[j] = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = least(row[j], least(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[a_len % 3][b_len];
}

/* ---- rows ---- */

static bool row_fault(const struct csv_row *row, struct csv_fault *fault, const char *text,
                      const char *value)
{
    fault->line = row->line;
    fault->column = 0;
    (void)snprintf(fault->text, sizeof fault->text, "%s: \"%.40s\"", text, value);
    return false;
}

/** Room for one more row; NULL: no memory, or ORG_ROWS_MAX are there. */
static struct org_row *add_row(struct org_file *file)
{
    if (file->count == ORG_ROWS_MAX)
        return NULL;
    if (file->count == file->max) {
        uint32_t max = file->max == 0 ? 512 : file->max * 2;
        struct org_row *rows = realloc(file->rows, max * sizeof *rows);
        if (rows == NULL)
            return NULL;
        file->rows = rows;
        file->max = max;
    }
    struct org_row *row = &file->rows[file->count++];
    *row = (struct org_row){.opened_on = DATE_NONE, .closed_on = DATE_NONE};
    return row;
}

const struct org_row *org_file_find(const struct org_file *file, struct ods ods)
{
    for (uint32_t i = 0; i < file->count; i++) {
        if (ods_equal(file->rows[i].ods, ods))
            return &file->rows[i];
    }
    return NULL;
}

/** Read YYYYMMDD; "" is DATE_NONE. */
static bool compact_date(const char *text, date_t *ret)
{
    char day[DATE_TEXT_SIZE];
    if (*text == '\0') {
        *ret = DATE_NONE;
        return true;
    }
    if (strlen(text) != 8)
        return false;
    (void)snprintf(day, sizeof day, "%.4s-%.2s-%.2s", text, text + 4, text + 6);
    return date_parse(day, strlen(day), ret);
}

/** The place in @name of " ICB" as a word that ends it or stands before " - CODE"; NULL: it is no such name. */
static const char *icb_in(const char *name)
{
    const char *at = strstr(name, " ICB - ");
    if (at != NULL)
        return at;
    size_t len = strlen(name);
    return len > 4 && strcmp(name + len - 4, " ICB") == 0 ? name + len - 4 : NULL;
}

/** The ICB that the row's code became part of: an organisation of its own, though it has no row. */
static bool add_icb(struct org_file *file, struct ods icb, const char *name)
{
    if (org_file_find(file, icb) != NULL)
        return true;
    struct org_row *row = add_row(file);
    if (row == NULL)
        return false;
    char full[NAME_SIZE];
    const char *end = icb_in(name);
    CHECK(end != NULL);
    (void)snprintf(full, sizeof full, "%.*s ICB", (int)(end - name), name);
    org_name_case(full, row->name);
    row->ods = icb;
    row->kind = ORGANISATION_ICB;
    row->opened_on = ICBS_FROM;
    return true;
}

/** A commissioner's row: what it was while it commissioned. */
static bool take_commissioner(struct org_file *file, const struct csv_row *cells,
                              struct org_row *row, struct csv_fault *fault)
{
    const char *name = csv_cell(cells, ECCG_NAME);
    const char *icb = csv_cell(cells, ECCG_ICB);
    org_name_case(name, row->name);
    row->kind = ORGANISATION_CCG;
    row->renamed = icb_in(name) != NULL;
    if (row->opened_on >= ICBS_FROM) {
        row->kind = ORGANISATION_SUB_ICB;
        row->renamed = false;
        return true;
    }
    if (row->closed_on == DATE_NONE || row->closed_on >= ICBS_FROM) {
        row->closed_on = ICBS_FROM - 1;
        if (!ods_parse(icb, strlen(icb), &row->successor))
            return row_fault(cells, fault, "no code of an ICB in cell 4", icb);
        return true;
    }
    if (row->closed_on == ICBS_FROM - 1 && ods_parse(icb, strlen(icb), &row->successor))
        return true;
    if (!merger_find(row->ods, row->closed_on, &row->successor))
        file->no_successor_count++;
    return true;
}

static bool take_eccg(struct org_file *file, const struct csv_row *cells, struct csv_fault *fault)
{
    const char *code = csv_cell(cells, ECCG_CODE);
    const char *role = csv_cell(cells, ECCG_ROLE);
    struct org_row taken = {.line = cells->line};
    if (cells->count != ECCG_CELLS)
        return row_fault(cells, fault, "a row of other than 27 cells", code);
    if (!ods_parse(code, strlen(code), &taken.ods))
        return row_fault(cells, fault, "no ODS code in cell 1", code);
    if (strstr(role, "RO218") != NULL) {
        file->hubs_count++;
        return true;
    }
    if (strstr(role, "RO327") != NULL) {
        file->entities_count++;
        return true;
    }
    if (!compact_date(csv_cell(cells, ECCG_OPENED), &taken.opened_on) ||
        taken.opened_on == DATE_NONE)
        return row_fault(cells, fault, "no opening day in cell 11", csv_cell(cells, ECCG_OPENED));
    if (!compact_date(csv_cell(cells, ECCG_CLOSED), &taken.closed_on))
        return row_fault(cells, fault, "no closing day in cell 12", csv_cell(cells, ECCG_CLOSED));
    if (org_file_find(file, taken.ods) != NULL)
        return row_fault(cells, fault, "the code stands twice", code);
    if (!take_commissioner(file, cells, &taken, fault))
        return false;
    struct org_row *row = add_row(file);
    if (row == NULL)
        return row_fault(cells, fault, "out of memory, or too many rows", code);
    *row = taken;
    return true;
}

static bool take_csu(struct org_file *file, const struct csv_row *cells, struct csv_fault *fault)
{
    const char *code = csv_cell(cells, 0);
    struct ods ods;
    if (!ods_parse(code, strlen(code), &ods))
        return row_fault(cells, fault, "no ODS code in cell 1", code);
    if (org_file_find(file, ods) != NULL)
        return row_fault(cells, fault, "the code stands twice", code);
    struct org_row *row = add_row(file);
    if (row == NULL)
        return row_fault(cells, fault, "out of memory, or too many rows", code);
    row->line = cells->line;
    row->ods = ods;
    row->kind = ORGANISATION_CSU;
    org_name_case(csv_cell(cells, 1), row->name);
    /* The list has no dates. Support units began with the CCGs; whom one supports, and when, is said by its contracts. */
    row->opened_on = date_of(2013, 4, 1);
    return true;
}

static bool take_ons(struct org_file *file, const struct csv_row *cells, uint32_t code_cell,
                     uint32_t name_cell, struct csv_fault *fault)
{
    const char *code = csv_cell(cells, code_cell);
    struct ods ods;
    if (!ods_parse(code, strlen(code), &ods))
        return row_fault(cells, fault, "no ODS code in the column of codes", code);
    struct org_row *row = add_row(file);
    if (row == NULL)
        return row_fault(cells, fault, "out of memory, or too many rows", code);
    row->line = cells->line;
    row->ods = ods;
    org_name_case(csv_cell(cells, name_cell), row->name);
    return true;
}

/* ---- files ---- */

/** The cell whose text ends with @end; UINT32_MAX: none. */
static uint32_t cell_ending(const struct csv_row *row, const char *end)
{
    for (uint32_t i = 0; i < row->count; i++) {
        size_t len = strlen(row->cells[i]);
        if (len >= strlen(end) && strcmp(row->cells[i] + len - strlen(end), end) == 0)
            return i;
    }
    return UINT32_MAX;
}

static enum org_shape shape_of(const struct csv_row *first)
{
    struct ods ods;
    const char *code = csv_cell(first, 0);
    if (first->count == ECCG_CELLS && ods_parse(code, strlen(code), &ods))
        return ORG_SHAPE_ECCG;
    if (strcmp(code, "ods_code") == 0 && strcmp(csv_cell(first, 1), "name") == 0)
        return ORG_SHAPE_CSU;
    if (cell_ending(first, "CDH") != UINT32_MAX && cell_ending(first, "NM") != UINT32_MAX)
        return ORG_SHAPE_ONS;
    return ORG_SHAPE_UNKNOWN;
}

/** Every ICB that a row of eccg names is one; after the rows, so that one with a row of its own keeps it. */
static bool add_icbs(struct org_file *file, char *const *names, const struct ods *icbs,
                     uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (names[i] != NULL && !add_icb(file, icbs[i], names[i]))
            return false;
    }
    return true;
}

/** What the walk over the rows keeps. */
struct walk {
    uint32_t code_cell; /* ONS */
    uint32_t name_cell;
    char **names; /* eccg: of rows with an ICB's name */
    struct ods *icbs;
    uint32_t count;
    uint32_t max;
};

static bool keep_icb(struct walk *walk, const struct csv_row *row)
{
    struct ods icb;
    const char *code = csv_cell(row, ECCG_ICB);
    if (row->count != ECCG_CELLS || icb_in(row->cells[ECCG_NAME]) == NULL ||
        !ods_parse(code, strlen(code), &icb))
        return true;
    if (walk->count == walk->max) {
        uint32_t max = walk->max == 0 ? 256 : walk->max * 2;
        char **names = realloc(walk->names, max * sizeof *names);
        if (names == NULL)
            return false;
        walk->names = names;
        struct ods *icbs = realloc(walk->icbs, max * sizeof *icbs);
        if (icbs == NULL)
            return false;
        walk->icbs = icbs;
        walk->max = max;
    }
    walk->names[walk->count] = row->cells[ECCG_NAME];
    walk->icbs[walk->count++] = icb;
    return true;
}

static bool take_row(struct org_file *file, struct walk *walk, const struct csv_row *row,
                     struct csv_fault *fault)
{
    switch (file->shape) {
    case ORG_SHAPE_ECCG:
        if (!keep_icb(walk, row))
            return row_fault(row, fault, "out of memory", "");
        return take_eccg(file, row, fault);
    case ORG_SHAPE_CSU:
        return take_csu(file, row, fault);
    case ORG_SHAPE_ONS:
        return take_ons(file, row, walk->code_cell, walk->name_cell, fault);
    case ORG_SHAPE_UNKNOWN:
        break;
    }
    return row_fault(row, fault, "neither eccg, nor a list of support units, nor an ONS list",
                     csv_cell(row, 0));
}

static bool read_rows(struct org_file *file, struct walk *walk, struct csv *csv,
                      struct csv_fault *fault)
{
    struct csv_row row;
    enum csv_result result = csv_next(csv, &row, fault);
    if (result == CSV_END) {
        *fault = (struct csv_fault){.line = 1, .text = "the file is empty"};
        return false;
    }
    if (result == CSV_ROW) {
        file->shape = shape_of(&row);
        walk->code_cell = cell_ending(&row, "CDH");
        walk->name_cell = cell_ending(&row, "NM");
        if (file->shape == ORG_SHAPE_CSU || file->shape == ORG_SHAPE_ONS)
            result = csv_next(csv, &row, fault); /* the first was the heading */
    }
    while (result == CSV_ROW) {
        if (!take_row(file, walk, &row, fault))
            return false;
        result = csv_next(csv, &row, fault);
    }
    return result == CSV_END;
}

bool org_file_read(char *bytes, size_t len, struct org_file *ret, struct csv_fault *fault)
{
    struct csv csv;
    struct walk walk = {0};
    *ret = (struct org_file){0};
    bool read = csv_begin(&csv, bytes, len, fault) && read_rows(ret, &walk, &csv, fault);
    if (read && !add_icbs(ret, walk.names, walk.icbs, walk.count)) {
        *fault = (struct csv_fault){.text = "out of memory"};
        read = false;
    }
    free(walk.names);
    free(walk.icbs);
    return read;
}

void org_file_clear(struct org_file *file)
{
    free(file->rows);
    *file = (struct org_file){0};
}
