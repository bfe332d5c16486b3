/* SPDX-License-Identifier: Apache-2.0 */
/* org_file.h - files of organisations: what a row of one means, and which names people give them. */
/*
 * Three shapes are known by their first row:
 *
 *   ODS's eccg    no heading; 27 cells: code, name, region, ICB, address, postcode, opened, closed (YYYYMMDD), ..., role
 *   a CSU list    heading ods_code, name, primary_role, ...
 *   an ONS list   heading with a column ...CDH (ODS codes) and a column ...NM (names): names only, no dates
 *
 * ODS gave the code of a CCG that had not merged by 2022 to a sub-ICB location and overwrote its name ("NHS CHESHIRE AND
 * MERSEYSIDE ICB - 02E"). Such a row is here what it was: a CCG, to 30 June 2022, with its ICB as successor; and the ICB itself
 * is an organisation from 1 July 2022, though it has no row.
 */
#ifndef COMMISSION_ORG_FILE_H
#define COMMISSION_ORG_FILE_H

#include "clients/cli/csv.h"
#include "proto/date.h"
#include "proto/ident.h"
#include "proto/message.h"

enum org_shape { ORG_SHAPE_UNKNOWN = 0, ORG_SHAPE_ECCG, ORG_SHAPE_CSU, ORG_SHAPE_ONS };

#define ORG_ROWS_MAX 20000 /* every row is looked up among those before it */

struct org_row {
    struct ods ods;
    char name[NAME_SIZE];
    enum organisation_kind kind; /* ORGANISATION_NONE: a row of an ONS list, names only */
    date_t opened_on;            /* DATE_NONE in an ONS list */
    date_t closed_on;            /* last day; DATE_NONE: open */
    struct ods successor;
    bool renamed;   /* its own name is not in the file */
    uint32_t line;  /* 0: the file has no row of its own for it */
    uint32_t event; /* the caller's */
};

struct org_file {
    enum org_shape shape;
    struct org_row *rows; /* malloc'ed; ICBs behind the others */
    uint32_t count;
    uint32_t max;
    uint32_t hubs_count;     /* NHS England's commissioning hubs: offices of its own, left out */
    uint32_t entities_count; /* sub-ICB reporting entities: they commission nothing, left out */
    uint32_t no_successor_count; /* closed, and none is known */
};

/**
 * Read @bytes, which are overwritten (csv.h says how). False: @fault says what is wrong and where, *@ret is to be cleared all the same.
 */
MUST_USE bool org_file_read(char *bytes, size_t len, struct org_file *ret, struct csv_fault *fault);
void org_file_clear(struct org_file *file);

/** The row of @ods, or NULL. */
const struct org_row *org_file_find(const struct org_file *file, struct ods ods);

/** A name all in capitals as people write it: "NHS STOKE ON TRENT CCG" is "NHS Stoke on Trent CCG". Others stay. Cut to fit. */
void org_name_case(const char *name, char ret[NAME_SIZE]);

#define ORG_KEY_SIZE 160

/** What is left of a name to compare: capitals, without punctuation and the words NHS, CCG, and, the. Words with one blank between. */
void org_name_key(const char *name, char ret[ORG_KEY_SIZE]);

/** How many letters apart two keys are: insertions, deletions, changes, and swaps of neighbours. */
uint32_t org_key_distance(const char *a, const char *b);

#endif
