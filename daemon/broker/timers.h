/* SPDX-License-Identifier: Apache-2.0 */
/* timers.h - the durable timers: what is due by the wall clock speaks, each level once. Inside the broker only. */
#ifndef COMMISSION_BROKER_TIMERS_H
#define COMMISSION_BROKER_TIMERS_H

#include "proto/base.h"

#define TIMERS_TURN_MAX 256  /* that fire in one turn */
#define TIMERS_LOOK_MS 60000 /* so often the wall clock is looked at, as it may be set forward */

struct broker;

/** Fire those that are due, the earliest first, as many as a turn may and the batch has room for. */
void timers_run(struct broker *broker);
/** When timers_run() is wanted next, monotonic milliseconds; DUE_NEVER: no timer runs. */
int64_t timers_due_ms(const struct broker *broker);

#endif
