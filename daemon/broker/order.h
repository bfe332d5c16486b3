/* SPDX-License-Identifier: Apache-2.0 */
/* order.h - what all orders share. An order is a command that writes: its entry says who gave it and why. Inside the broker only. */
/*
 * An order that finds the state as it wants it changes nothing and is answered all the same, so that asking again is harmless.
 * With dry_run it says what it would change. Its reply leaves after the flush, as all that is owed.
 */
#ifndef COMMISSION_BROKER_ORDER_H
#define COMMISSION_BROKER_ORDER_H

#include "daemon/broker/query.h"

/** Add @entry as ordered by the asker, for its reason. False: the store has failed; the error is said. */
MUST_USE bool order_add(struct asking *asking, struct entry *entry, struct hash *ret_hash);
/** The cell of an entry's seq; 0: empty, nothing was written. */
void order_seq(struct asking *asking, uint64_t seq);

/* ---- order_events.c ---- */

/**
 * The event of @open, in any state but LEASED, is withdrawn, or @discarded, for the asker's reason: journalled, told to whoever waits for its
 * verdict, and the next of its workflow comes to its turn. Returns the entry's seq; 0: the store has failed, the error is said.
 */
uint64_t order_withdraw(struct asking *asking, const struct open_event *open, bool discarded);

void order_event_withdraw(struct asking *asking);

/* ---- order_parked.c ---- */

void order_parked_list(struct asking *asking);
void order_parked_show(struct asking *asking);
void order_parked_retry(struct asking *asking);
void order_parked_discard(struct asking *asking);

#endif
