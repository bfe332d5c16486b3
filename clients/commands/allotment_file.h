/* SPDX-License-Identifier: Apache-2.0 */
/* allotment_file.h - a file of names and sums, matched with organisations by name. */
/*
 * The shape is that of the allocations NHS England published in January 2016: a heading, then one CCG a row; the columns "CCG" and
 * "Final allocation" are read, the latter in thousands of pounds. (In the copy at hand the headings after those have slipped by one column;
 * that does not concern these two.)
 */
#ifndef COMMISSION_ALLOTMENT_FILE_H
#define COMMISSION_ALLOTMENT_FILE_H

#include "clients/commands/org_file.h"

#define HINTS_MAX 3
#define ALLOTMENT_ROWS_MAX                                                                         \
    2000 /* there were never more than 211 CCGs; every row is compared with all */

/** A name that an organisation bears; one can have several. */
struct org_name {
    struct ods ods;
    bool open;            /* on the day in question */
    struct ods successor; /* of one that was closed; "" none */
    char name[NAME_SIZE];
    char key[ORG_KEY_SIZE];
};

struct org_names {
    struct org_name *items; /* malloc'ed */
    uint32_t count;
    uint32_t max;
};

/** Add a name of @org (whose own name and key are not looked at); one it has already, by its key, is not added again. False: out of memory. */
MUST_USE bool org_names_add(struct org_names *names, const struct org_name *org, const char *name);
void org_names_clear(struct org_names *names);

enum match {
    MATCH_NONE = 0, /* nobody is called so */
    MATCH_FOUND,
    MATCH_CLOSED, /* only one that was not open on the day is */
    MATCH_MANY,   /* more than one is */
    MATCH_TWICE,  /* the same name, or organisation, is in another row as well */
};

/** What the ledger has for the organisation and year. */
enum allotted { ALLOTTED_NOTHING = 0, ALLOTTED_SO, ALLOTTED_OTHERWISE };

struct allotment_row {
    uint32_t line;
    char name[NAME_SIZE];
    char key[ORG_KEY_SIZE];
    int64_t pence;
    enum match match;
    struct ods ods; /* FOUND, and TWICE where one was found */
    const struct org_name
        *hints[HINTS_MAX]; /* NONE: the nearest first; MANY: two of them; NULL ends */
    uint32_t twin_line;    /* TWICE: the other one */
    bool twin_same;        /* with the same sum */
    uint32_t event;        /* this and the next two: the caller's */
    enum allotted present;
    char present_seq[24]; /* ALLOTTED_OTHERWISE: of the entry that set it, in decimal; else "" */
};

struct allotment_file {
    struct allotment_row *rows; /* malloc'ed */
    uint32_t count;
    uint32_t max;
};

/** Read @bytes, which are overwritten. False: @fault says what is wrong and where; *@ret is to be cleared all the same. */
MUST_USE bool allotment_file_read(char *bytes, size_t len, struct allotment_file *ret,
                                  struct csv_fault *fault);
void allotment_file_clear(struct allotment_file *file);

/** Find out whom each row is about. Hints point into @names. */
void allotment_file_match(struct allotment_file *file, const struct org_names *names);

#endif
