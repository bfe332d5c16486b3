/* SPDX-License-Identifier: Apache-2.0 */
/* route.h - whom an entry concerns: its audience, decided once. */
#ifndef COMMISSION_ROUTE_H
#define COMMISSION_ROUTE_H

#include "daemon/domain/workflow.h"
#include "proto/message.h"

/** Write who may read an entry about @event (and @workflow, NULL for a register) to @ret, each once; returns how many (<= AUDIENCE_MAX). */
uint32_t route_audience(const struct event *event, const struct workflow *workflow,
                        struct ods ret[AUDIENCE_MAX]);

/** May @principal read an entry with this audience? Operators (verb OPERATE) and those in it with the verb READ or SUBMIT. */
bool route_may_read(const struct principal *principal, const struct ods *audience,
                    uint32_t audience_count);

#endif
