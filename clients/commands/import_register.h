/* SPDX-License-Identifier: Apache-2.0 */
/* import_register.h - what is registered already: so that an import sends only what is not so yet. */
#ifndef COMMISSION_IMPORT_REGISTER_H
#define COMMISSION_IMPORT_REGISTER_H

#include "clients/cli/cli.h"

#define ENTRY_SEQ_SIZE 24

/** An organisation as the register has it today. */
struct registered {
    struct ods ods;
    char name[NAME_SIZE];
    enum organisation_kind kind;
    date_t opened_on;
    date_t closed_on; /* last day; DATE_NONE: open */
    struct ods successor;
    char entry_seq[ENTRY_SEQ_SIZE]; /* of the entry that says so, in decimal */
};

/** All of them, by their codes. */
struct registered_list {
    struct registered *items; /* malloc'ed */
    uint32_t count;
    uint32_t max;
};

/** The column of @reply called @name; UINT32_MAX: it has none. */
uint32_t import_column(const struct reply *reply, const char *name);

/** Ask for the organisations of @kind ("CCG"; NULL: of every kind). 0, or an exit code, said already. *@ret is to be cleared in any case. */
MUST_USE int import_ask_registered(struct cli *cli, const char *kind, struct registered_list *ret);
/** The one with the code @ods, or NULL. */
const struct registered *registered_find(const struct registered_list *list, struct ods ods);
void registered_clear(struct registered_list *list);

#endif
