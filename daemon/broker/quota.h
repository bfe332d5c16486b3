/* SPDX-License-Identifier: Apache-2.0 */
/* quota.h - how many events of each organisation are open. */
/* Memory is taken in quota_new() and never again. */
#ifndef COMMISSION_BROKER_QUOTA_H
#define COMMISSION_BROKER_QUOTA_H

#include "proto/ident.h"
#include "proto/status.h"

struct quota;

/** Make a count for at most @events_max (>= 1) events, all together. STATUS_OK: *@ret is the caller's. STATUS_NO_MEMORY. */
MUST_USE enum status quota_new(struct quota **ret, uint32_t events_max);
/** Release; NULL is fine. Returns NULL. */
struct quota *quota_free(struct quota *quota);

/** One more event of @sender is open. */
void quota_take(struct quota *quota, struct ods sender);
/** One of those is open no more. */
void quota_give(struct quota *quota, struct ods sender);
uint32_t quota_count(const struct quota *quota, struct ods sender);

#endif
