/* SPDX-License-Identifier: Apache-2.0 */
/* authorise.h - may this principal send this, for this organisation, on this day? */
#ifndef COMMISSION_AUTHORISE_H
#define COMMISSION_AUTHORISE_H

#include "daemon/domain/decide.h"

/** At the door: what the key alone decides. Adds SENDER_NOT_AUTHORISED and errors of form to @reasons. */
void authorise_door(const struct event *event, const struct principal *principal,
                    struct reasons *reasons);

/** Has the sender no business with the workflow, by R19 or R10? It is told this alone, not where the workflow or its lead's money stands. */
MUST_USE bool authorise_stranger(const struct event *event,
                                 const struct circumstances *circumstances);

/** R19, 001: only the lead commissioner, or its support unit, sends events of procurement and award. */
void authorise_lead(const struct event *event, const struct circumstances *circumstances,
                    struct reasons *reasons);

/** R10, 001: a support unit sends under a contract in force that covers the stage's service line, and never decides. @stage: where the workflow is. */
void authorise_support(const struct event *event, const struct circumstances *circumstances,
                       enum stage stage, struct reasons *reasons);

/** R38, C2: the commissioner is registered and open on the day; one that is not names its successor. */
void authorise_open(const struct event *event, const struct circumstances *circumstances,
                    struct reasons *reasons);

#endif
