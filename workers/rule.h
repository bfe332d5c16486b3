/* SPDX-License-Identifier: Apache-2.0 */
/* rule.h - what a rule is, what a stage is: a list of rules for each of its events. */
/*
 * A rule is pure: it looks at a matter and says what is wrong. It knows no clock; the law is chosen
 * by the event's occurred_on.
 */
#ifndef COMMISSION_RULE_H
#define COMMISSION_RULE_H

#include "proto/message.h"
#include "proto/reason.h"
#include "proto/status.h"

/** What is judged: an assignment with its event and facts decoded. */
struct matter {
    const struct assignment *assignment;
    struct event event;
    const struct event *facts; /* earlier accepted events of the workflow, oldest first */
    uint32_t facts_count;
};

/** The newest fact of @type, or NULL. */
const struct event *matter_fact(const struct matter *matter, enum event_type type);

/**
 * The category of service in question: the event's own, else the one assessed; CATEGORY_NONE: not
 * evidenced. Its place in the event that says so, for a reason's field; "" for none.
 */
enum service_category matter_category(const struct matter *matter);
const char *matter_category_field(const struct matter *matter);

/** The award of an AWARD_INTENDED or CONTRACT_AWARDED, else NULL. */
const struct award *matter_award(const struct matter *matter);

/** One rule. Its text, source and reasons stand in proto/rulebook under its number. */
struct rule {
    const char *number; /* "R24" */
    /** Add to @reasons what is wrong with @matter; nothing: it holds. */
    void (*judge)(const struct matter *matter, struct reasons *reasons);
};

/** Which rules an event type must pass; in this order. */
struct event_rules {
    enum event_type type;
    const struct rule *const *rules; /* NULL-terminated */
};

struct stage_rules {
    enum stage stage;
    const struct event_rules *events;
    uint32_t events_count;
};

/* The five stages, each in stages/<stage>.c; a program judges one of them. */
extern const struct stage_rules stage_rules_needs_assessed;
extern const struct stage_rules stage_rules_priorities_set;
extern const struct stage_rules stage_rules_procurement;
extern const struct stage_rules stage_rules_contract_award;
extern const struct stage_rules stage_rules_review;

/**
 * Run all rules for the matter's event, in order; all reasons are added. An event type without
 * rules of its own in this stage passes.
 */
void judge(const struct stage_rules *stage, const struct matter *matter, struct reasons *reasons);

#endif
