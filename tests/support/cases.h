/* SPDX-License-Identifier: Apache-2.0 */
/* cases.h - commissioning cases of one group, for the real daemon: its registers, and five events a case that are accepted. */
#ifndef COMMISSION_TESTS_CASES_H
#define COMMISSION_TESTS_CASES_H

#include "clients/lib/commission.h"
#include "tests/support/instance.h"

#define CASE_STAGES 5
#define CASE_EVENT_BYTES 300
#define CASE_EVENT_ROOM 2048
#define CASE_LEAD "02E"
#define CASE_NHSE "X24"
#define CASE_OPERATOR "OPS"
#define CASE_WAIT_MS 20000

/** Keys of those who take part; @salt makes the event ids and references of one run its own. */
struct cases {
    const struct instance *instance;
    struct pair lead;
    struct pair nhse;
    uint64_t salt;
};

/** A connection to the daemon of @instance with the key @pair. */
struct commission *cases_connect(const struct instance *instance, const struct pair *pair,
                                 uint32_t window);
/** As the first operator: add keys; as NHS England: register it and the lead, and set the lead's allotment of 2018/19. Stops the program when refused. */
void cases_begin(struct cases *cases, const struct instance *instance, uint64_t salt);
/** Have @event (without id) accepted on @commission; stops the program when it is not. @number makes its id. */
void cases_record(struct commission *commission, struct event *event, uint8_t number);
/** The event that ends stage @stage (0..4) of case @number, about CASE_EVENT_BYTES long, in @bytes. */
struct slice cases_event(const struct cases *cases, uint32_t number, uint32_t stage,
                         uint8_t bytes[CASE_EVENT_ROOM]);
struct event_id cases_event_id(const struct cases *cases, uint32_t number, uint32_t stage);
/** Which case and stage an event id of ours is of. */
void cases_of(const struct event_id *id, uint32_t *ret_number, uint32_t *ret_stage);
/** A number of "server status", by its name; -1: none such, or no answer. */
int64_t cases_status(struct commission *commission, const char *name);

#endif
