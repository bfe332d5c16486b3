/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rulebook.h - the rules that are built, as data for people: number, text, source, who judges, in
 * which stages, since when.
 */
#ifndef COMMISSION_RULEBOOK_H
#define COMMISSION_RULEBOOK_H

#include "proto/date.h"
#include "proto/message.h"
#include "proto/reason.h"

enum judged_by { JUDGED_BY_DAEMON, JUDGED_BY_WORKER };

/** One rule. Its reason codes are those of REASON_LIST with its number. */
struct rulebook_rule {
    const char *number; /* "R24" */
    const char *title;  /* a few words */
    const char *text;   /* what it asks, in a sentence */
    const char
        *source; /* where it stands: act, regulation, guidance, or the text it was taken from */
    enum judged_by judged_by;
    uint32_t stages;        /* 1u << stage; 0: registers */
    struct period in_force; /* by the event's occurred_on; from DATE_NONE: always */
};

/** All of them, in order of their numbers. */
const struct rulebook_rule *rulebook(uint32_t *ret_count);
/** The rule of @number ("R24", any case), or NULL. */
const struct rulebook_rule *rulebook_find(const char *number);

#endif
