/* SPDX-License-Identifier: Apache-2.0 */
/* reason.h - reason codes: name, rule, severity, text, from one list. Names are wire and journal values: never change one. */
#ifndef COMMISSION_REASON_H
#define COMMISSION_REASON_H

#include "proto/base.h"

enum severity { SEVERITY_NONE = 0, SEVERITY_WARN = 1, SEVERITY_HOLD = 2, SEVERITY_REJECT = 3 };

/* name, rule, severity, what it says. A rule's text and source stand at its function: R10 and so on. */
/* clang-format off */
#define REASON_LIST(X)                                                                                                  \
    /* the protocol's own */                                                                                            \
    X(ID_REUSED,              "",    REJECT, "this event id was used before for other bytes")                           \
    X(CONFLICT,               "",    REJECT, "another number of events has been accepted than the event expects")       \
    X(WORKFLOW_UNKNOWN,       "",    REJECT, "no such workflow is open; NEEDS_ASSESSED or ADOPTED opens one")           \
    X(WORKFLOW_EXISTS,        "R18", REJECT, "a workflow of this name is open already")                                 \
    X(SENDER_UNKNOWN,         "",    REJECT, "the sender's key is not known here, or revoked")                          \
    X(SENDER_NOT_AUTHORISED,  "",    REJECT, "the sender may not send this")                                            \
    X(MALFORMED_MESSAGE,      "",    REJECT, "the message cannot be read")                                              \
    X(UNSUPPORTED_VERSION,    "",    REJECT, "this version is not spoken here")                                         \
    X(FIELD_MISSING,          "",    REJECT, "a field that is needed is missing")                                       \
    X(FIELD_INVALID,          "",    REJECT, "a field holds what it cannot hold")                                       \
    X(MESSAGE_TOO_LARGE,      "",    REJECT, "larger than its limit")                                                   \
    X(BUSY,                   "",    REJECT, "too much is under way; send it again later")                              \
    X(DRAINING,               "",    REJECT, "the daemon is stopping; send it again later")                             \
    X(STORE_FULL,             "",    REJECT, "the daemon has no room left; an operator must act")                       \
    X(FACT_TOO_LARGE,         "",    REJECT, "the event is kept as a fact for later stages and is too long for one")    \
    X(KEY_EXISTS,             "",    REJECT, "this key is in use already, or was revoked")                                              \
    X(KEY_UNKNOWN,            "",    REJECT, "no such key, or it is revoked already")                                   \
    X(AWARD_UNKNOWN,          "",    REJECT, "the workflow has no such award")                                          \
    X(AWARD_EXISTS,           "",    REJECT, "the workflow has an award of this id already")                            \
    X(OTHER,                  "",    REJECT, "a reason that this version does not know by name")                        \
    X(STAGE_DRAINING,         "",    REJECT, "the stage takes no new events just now; send it again later")             \
    X(WITHDRAWN,              "",    REJECT, "taken back by its sender before it was judged")                           \
    X(DISCARDED,              "",    REJECT, "discarded by an operator before it was judged")                           \
    X(HELD_EXPIRED,           "",    REJECT, "what the event waited for has not come in time")                          \
    X(WORKFLOW_SUSPENDED,     "",    HOLD,   "the workflow is suspended; the event waits until it is resumed")          \
    X(WORKFLOW_WITHDRAWN,     "",    REJECT, "the workflow was given up")                                               \
    X(ADOPTED_NOT_EVIDENCED,  "R18", WARN,   "facts of a stage that was skipped by adoption are not evidenced here")    \
    /* the daemon's rules */                                                                                            \
    X(CSU_NOT_CONTRACTED,     "R10", REJECT, "no support contract with the group is in force on the day")               \
    X(CSU_SERVICE_NOT_COVERED,"R10", REJECT, "the support contract does not cover this stage's service line")           \
    X(CSU_CANNOT_DECIDE,      "R10", REJECT, "a commissioning support unit sends, it never decides")                    \
    X(STAGE_OUT_OF_ORDER,     "R18", REJECT, "the stages before this one are not complete")                             \
    X(STAGE_ALREADY_COMPLETE, "R18", REJECT, "this stage is complete already")                                          \
    X(NOT_LEAD_COMMISSIONER,  "R19", REJECT, "only the lead commissioner, or its support unit, sends this")             \
    X(ALLOTMENT_NOT_NHSE,     "R30", REJECT, "only NHS England sets an allotment")                                      \
    X(NO_ALLOTMENT,           "R30", HOLD,   "the year has no allotment yet")                                           \
    X(YEAR_NOT_COVERED,       "R31", WARN,   "a later year has no allotment yet; the commitment stands uncovered")      \
    X(BUDGET_EXCEEDED,        "R31", REJECT, "more than is left of the year's allotment")                               \
    X(OVERCOMMITTED,          "R31", WARN,   "the new allotment is below what is committed already")                    \
    X(ORG_UNKNOWN,            "R38", REJECT, "the organisation is not registered here")                                 \
    X(ORG_NOT_OPEN,           "R38", REJECT, "the organisation was not open yet on the day")                            \
    X(ORG_CLOSED,             "R38", REJECT, "the organisation was closed on the day")                                  \
    X(DATE_BEFORE_CCGS,       "R39", REJECT, "before 1 April 2013 there were no clinical commissioning groups")         \
    X(DATE_IN_FUTURE,         "R39", REJECT, "the day has not come yet")                                                \
    /* the workers' rules */                                                                                            \
    X(NOT_CCG_RESPONSIBILITY, "R22", REJECT, "this category is not the commissioner's to buy on the day")               \
    X(COCOMMISSIONING_LEVEL_INSUFFICIENT, "R22", REJECT, "core GP services need delegated co-commissioning on the day") \
    X(WRONG_COMMISSIONER_TIER,"R23", REJECT, "this tier of weight management is another commissioner's on the day")     \
    X(HWB_COORDINATION_MISSING,"R23",REJECT, "a tier 3 plan names the health and wellbeing board it is coordinated with")\
    X(UNREGISTERED_MISSING,   "R24", REJECT, "registered and unregistered residents are both counted, 0 is a count")    \
    X(URGENT_CARE_EXCLUDES_UNREGISTERED, "R24", REJECT, "urgent and emergency care includes unregistered people")       \
    X(PROVIDER_UNKNOWN,       "R35", REJECT, "the provider's identifier is of no known scheme, or unknown in it")       \
    X(PROVIDER_CLOSED,        "R35", REJECT, "the provider was not open on the day")                                    \
    X(PROVIDER_NOT_IDENTIFIED,"R35", WARN,   "the provider is named by a portal's account number, not by a register's") \
    X(SERVICE_CATEGORY_UNKNOWN,"R36",REJECT, "the service category is none of the list")                                \
    X(AWARD_VALUE_ZERO,       "R40", REJECT, "an award has a positive value")                                           \
    X(AWARD_AFTER_START,      "R40", WARN,   "awarded after the contract began")
/* clang-format on */

#define REASON_ENUM(name, rule, severity, text) REASON_##name,
enum reason_code { REASON_LIST(REASON_ENUM) REASON_COUNT };
#undef REASON_ENUM

#define REASON_PARAMETER_SIZE 24
#define REASON_FIELD_SIZE 64
#define REASON_VALUE_SIZE 72
#define REASON_TEXT_SIZE 240
#define REASON_CODE_SIZE 64 /* with its parameter: "BUDGET_EXCEEDED:2018/19" */

/** One reason of a finding or verdict: a value, copied whole. */
struct reason {
    enum reason_code code;
    enum severity severity;                /* the list's, unless a rule says otherwise */
    char parameter[REASON_PARAMETER_SIZE]; /* after the colon: a year, a field; "" none */
    char field[REASON_FIELD_SIZE]; /* path in the event, e.g. "contract_awarded.years"; "" none */
    char value[REASON_VALUE_SIZE]; /* the offending value, cut to fit; "" none */
    char text[REASON_TEXT_SIZE];   /* a sentence for people */
};

/** Reasons in the order they were found; past REASONS_MAX they are counted only. */
struct reasons {
    struct reason *items; /* room for @max, the caller's */
    uint32_t count;
    uint32_t max;
    uint32_t left_out;
};

const char *reason_name(enum reason_code code);
const char *reason_rule(enum reason_code code);
enum severity reason_severity(enum reason_code code);
const char *reason_text(enum reason_code code);
const char *severity_name(enum severity severity);
/** Find a code by its name, @len characters (without parameter). False: no such code. */
MUST_USE bool reason_find(const char *name, size_t len, enum reason_code *ret);

/**
 * Add a reason with the list's severity. @parameter, @field, @value may be NULL; text is the list's,
 * or what @text says where it is not NULL. All are cut to fit at a character's boundary.
 */
void reasons_add(struct reasons *reasons, enum reason_code code, const char *parameter,
                 const char *field, const char *value, const char *text);

/** The gravest severity among them; SEVERITY_NONE: none at all. */
enum severity reasons_gravest(const struct reasons *reasons);
bool reasons_have(const struct reasons *reasons, enum reason_code code);

/** Write "CODE" or "CODE:parameter" and NUL. */
void reason_print_code(const struct reason *reason, char ret[REASON_CODE_SIZE]);

#endif
