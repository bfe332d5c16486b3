/* SPDX-License-Identifier: Apache-2.0 */
/* needs.h - the table of event types: what each is, which rows decide() reads for it, which facts its assignment carries. */
#ifndef COMMISSION_NEEDS_H
#define COMMISSION_NEEDS_H

#include "proto/message.h"

#define KIND_BIT(kind) (1u << (kind))
#define NEEDS_FACTS_MAX 4

enum money {
    MONEY_NONE = 0,
    MONEY_RESERVE,
    MONEY_COMMIT,
    MONEY_RELEASE,     /* one award's reservation */
    MONEY_RELEASE_ALL, /* all that stand */
    MONEY_ALLOT
};

struct needs {
    enum event_type type;
    enum stage stage; /* STAGE_NONE: a register's, or any stage's */
    bool any_stage;
    bool opens;             /* opens a workflow */
    bool decision;          /* R10: never a CSU's; asks for the verb DECIDE */
    uint32_t senders;       /* KIND_BITs of organisations that may send it at all */
    bool lead_only;         /* R19: NOT_LEAD_COMMISSIONER when another commissioner sends it */
    enum service_line line; /* of a CSU's contract that covers it; LINE_NONE: none does */
    enum money money;
    bool keeps_fact;                        /* accepted, it is kept for later stages */
    enum event_type facts[NEEDS_FACTS_MAX]; /* what its assignment carries; EVENT_NONE ends */
};

/** Does an organisation of @kind commission: a group, a board, NHS England? */
bool needs_commissioner(enum organisation_kind kind);

/** The row of @type; NULL: not built. */
const struct needs *needs_of(enum event_type type);
const struct needs *needs_table(uint32_t *ret_count);

#endif
