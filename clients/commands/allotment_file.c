/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/commands/allotment_file.h"

#include <string.h>

#define PENCE_OF_A_THOUSAND 100000
#define THOUSANDS_DIGITS_MAX 10 /* so that the sum in pence is within what an event can hold */

/* ---- names ---- */

bool org_names_add(struct org_names *names, const struct org_name *org, const char *name)
{
    char key[ORG_KEY_SIZE];
    org_name_key(name, key);
    for (uint32_t i = 0; i < names->count; i++) {
        if (ods_equal(names->items[i].ods, org->ods) && strcmp(names->items[i].key, key) == 0)
            return true;
    }
    if (names->count == names->max) {
        uint32_t max = names->max == 0 ? 512 : names->max * 2;
        struct org_name *items = realloc(names->items, max * sizeof *items);
        if (items == NULL)
            return false;
        names->items = items;
        names->max = max;
    }
    struct org_name *item = &names->items[names->count++];
    *item = (struct org_name){.ods = org->ods, .open = org->open, .successor = org->successor};
    (void)snprintf(item->name, sizeof item->name, "%s", name);
    memcpy(item->key, key, sizeof key);
    return true;
}

void org_names_clear(struct org_names *names)
{
    free(names->items);
    *names = (struct org_names){0};
}

/* ---- reading ---- */

static bool row_fault(const struct csv_row *row, struct csv_fault *fault, const char *text,
                      const char *value)
{
    fault->line = row->line;
    fault->column = 0;
    (void)snprintf(fault->text, sizeof fault->text, "%s: \"%.40s\"", text, value);
    return false;
}

static uint32_t cell_named(const struct csv_row *row, const char *name)
{
    for (uint32_t i = 0; i < row->count; i++) {
        if (strcmp(row->cells[i], name) == 0)
            return i;
    }
    return UINT32_MAX;
}

/** Read thousands of pounds: digits, or groups of three with commas between; "12,5" might be a fraction. */
static bool thousands(const char *text, int64_t *ret_pence)
{
    int64_t pounds = 0;
    int digits = 0;
    int group = 0; /* digits since the last comma */
    bool commas = false;
    for (; *text != '\0'; text++) {
        if (*text == ',') {
            if (commas ? group != 3 : group < 1 || group > 3)
                return false;
            commas = true;
            group = 0;
            continue;
        }
        if (*text < '0' || *text > '9' || digits == THOUSANDS_DIGITS_MAX)
            return false;
        pounds = pounds * 10 + (*text - '0');
        digits++;
        group++;
    }
    *ret_pence = pounds * PENCE_OF_A_THOUSAND;
    return digits > 0 && (!commas || group == 3);
}

static bool take_row(struct allotment_file *file, const struct csv_row *cells, uint32_t sum_cell,
                     struct csv_fault *fault)
{
    const char *name = csv_cell(cells, 0);
    const char *sum = csv_cell(cells, sum_cell);
    if (file->count == ALLOTMENT_ROWS_MAX)
        return row_fault(cells, fault, "more rows than there can be CCGs", name);
    if (file->count == file->max) {
        uint32_t max = file->max == 0 ? 256 : file->max * 2;
        struct allotment_row *rows = realloc(file->rows, max * sizeof *rows);
        if (rows == NULL)
            return row_fault(cells, fault, "out of memory", name);
        file->rows = rows;
        file->max = max;
    }
    struct allotment_row *row = &file->rows[file->count];
    *row = (struct allotment_row){.line = cells->line};
    if (*name == '\0' || strlen(name) >= sizeof row->name)
        return row_fault(cells, fault, "no name, or too long a one, in cell 1", name);
    if (!thousands(sum, &row->pence))
        return row_fault(cells, fault, "not a sum in thousands of pounds", sum);
    (void)snprintf(row->name, sizeof row->name, "%s", name);
    org_name_key(name, row->key);
    file->count++;
    return true;
}

bool allotment_file_read(char *bytes, size_t len, struct allotment_file *ret,
                         struct csv_fault *fault)
{
    struct csv csv;
    struct csv_row row;
    *ret = (struct allotment_file){0};
    if (!csv_begin(&csv, bytes, len, fault))
        return false;
    enum csv_result result = csv_next(&csv, &row, fault);
    if (result == CSV_END) {
        *fault = (struct csv_fault){.line = 1, .text = "the file is empty"};
        return false;
    }
    if (result == CSV_FAULT)
        return false;
    uint32_t sum_cell = cell_named(&row, "Final allocation");
    if (strcmp(csv_cell(&row, 0), "CCG") != 0 || sum_cell == UINT32_MAX)
        return row_fault(&row, fault, "the heading has no columns CCG and Final allocation",
                         csv_cell(&row, 0));
    while ((result = csv_next(&csv, &row, fault)) == CSV_ROW) {
        if (!take_row(ret, &row, sum_cell, fault))
            return false;
    }
    return result == CSV_END;
}

void allotment_file_clear(struct allotment_file *file)
{
    free(file->rows);
    *file = (struct allotment_file){0};
}

/* ---- matching ---- */

/** Is a name of @ods in one of the rows? Then it is no candidate for another. */
static bool taken(const struct allotment_file *file, struct ods ods)
{
    for (uint32_t i = 0; i < file->count; i++) {
        if (ods_equal(file->rows[i].ods, ods))
            return true;
    }
    return false;
}

/** Find the names that are the row's, of organisations that were open or were not; returns how many, at most two. A row whose name has no word that counts has none. */
static uint32_t find_alike(struct allotment_row *row, const struct org_names *names, bool open)
{
    uint32_t found = 0;
    for (uint32_t i = 0; *row->key != '\0' && i < names->count && found < 2; i++) {
        const struct org_name *name = &names->items[i];
        if (name->open == open && strcmp(name->key, row->key) == 0)
            row->hints[found++] = name;
    }
    return found;
}

static void find_exact(struct allotment_row *row, const struct org_names *names)
{
    row->match = MATCH_FOUND;
    uint32_t found = find_alike(row, names, true);
    if (found == 0) {
        row->match = MATCH_CLOSED;
        found = find_alike(row, names, false);
    }
    if (found == 1)
        row->ods = row->hints[0]->ods;
    else
        row->match = found == 0 ? MATCH_NONE : MATCH_MANY;
}

/** Is every word of @part a word of @whole? */
static bool words_within(const char *part, const char *whole)
{
    while (*part != '\0') {
        size_t len = strcspn(part, " ");
        bool found = false;
        for (const char *at = whole; *at != '\0' && !found;) {
            size_t at_len = strcspn(at, " ");
            found = at_len == len && memcmp(at, part, len) == 0;
            at += at_len + (at[at_len] == ' ');
        }
        if (!found)
            return false;
        part += len + (part[len] == ' ');
    }
    return true;
}

/** The open names nearest to the row's among those that no row has: at most half of the letters apart, or all words of one in the other. */
static void find_hints(struct allotment_row *row, const struct allotment_file *file,
                       const struct org_names *names)
{
    uint32_t distances[HINTS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < names->count; i++) {
        const struct org_name *name = &names->items[i];
        uint32_t distance = org_key_distance(row->key, name->key);
        bool near = distance <= strlen(row->key) / 2 || words_within(name->key, row->key) ||
                    words_within(row->key, name->key);
        if (!near || !name->open || *name->key == '\0' || taken(file, name->ods))
            continue;
        uint32_t at = count < HINTS_MAX ? count : HINTS_MAX;
        while (at > 0 && distances[at - 1] > distance) {
            if (at < HINTS_MAX) {
                distances[at] = distances[at - 1];
                row->hints[at] = row->hints[at - 1];
            }
            at--;
        }
        if (at == HINTS_MAX)
            continue;
        distances[at] = distance;
        row->hints[at] = name;
        count += count < HINTS_MAX;
    }
}

static void mark_twice(struct allotment_row *row, const struct allotment_row *other)
{
    row->match = MATCH_TWICE;
    row->twin_line = other->line;
    row->twin_same = row->pence == other->pence;
}

/** Two rows about one: by their names, or by the organisation that was found. */
static bool same_subject(const struct allotment_row *a, const struct allotment_row *b)
{
    if (!ods_empty(a->ods) && ods_equal(a->ods, b->ods))
        return true;
    return strcmp(a->key, b->key) == 0;
}

void allotment_file_match(struct allotment_file *file, const struct org_names *names)
{
    for (uint32_t i = 0; i < file->count; i++)
        find_exact(&file->rows[i], names);
    for (uint32_t i = 0; i < file->count; i++) {
        for (uint32_t j = i + 1; j < file->count; j++) {
            if (!same_subject(&file->rows[i], &file->rows[j]))
                continue;
            mark_twice(&file->rows[i], &file->rows[j]);
            mark_twice(&file->rows[j], &file->rows[i]);
        }
    }
    for (uint32_t i = 0; i < file->count; i++) {
        if (file->rows[i].match == MATCH_NONE)
            find_hints(&file->rows[i], file, names);
    }
}
