/* SPDX-License-Identifier: Apache-2.0 */
/*
 * matter.h - matters for tests of rules: an assignment, its event and its facts, and what a rule
 * says.
 */
#ifndef COMMISSION_TESTS_MATTER_H
#define COMMISSION_TESTS_MATTER_H

#include "workers/rules/rules.h"

/** A matter with all that it points to. */
struct case_matter {
    struct matter matter;
    struct assignment assignment;
    struct event assessed; /* the fact, if given */
    struct provider providers[4];
    struct organisation registered[4];
    struct reason items[REASONS_MAX];
    struct reasons reasons;
};

/** Begin: an event of @type on @day ("2018-04-01"), by the CCG 02E, without facts. */
void matter_begin(struct case_matter *c, enum event_type type, const char *day);
/** The commissioner is of another kind; @level is its co-commissioning on the day. */
void matter_commissioner(struct case_matter *c, enum organisation_kind kind,
                         enum co_commissioning level);
/** A needs assessment of @category was accepted before. */
void matter_assessed(struct case_matter *c, enum service_category category);
/** The event itself names @category. */
void matter_own_category(struct case_matter *c, enum service_category category);
/** The award or bid names one more provider. */
void matter_provider(struct case_matter *c, const char *scheme, const char *id,
                     enum provider_kind kind);
/** The register knows @ods; days as text, "" for none. */
void matter_registered(struct case_matter *c, const char *ods, const char *opened_on,
                       const char *closed_on, const char *successor);
/** Ask @rule; what it says, as "CODE CODE:parameter", "" for nothing. */
const char *matter_judged(struct case_matter *c, const struct rule *rule);
/** A day from its text. */
date_t day(const char *text);

#endif
