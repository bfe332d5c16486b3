/* SPDX-License-Identifier: Apache-2.0 */
/* mergers.h - which CCG went into which: a dated table, as no published file of codes says it. */
#ifndef COMMISSION_MERGERS_H
#define COMMISSION_MERGERS_H

#include "proto/date.h"
#include "proto/ident.h"

/** The day after the last one of all CCGs: integrated care boards took their place. */
#define ICBS_FROM date_of(2022, 7, 1)

/** The organisation that took over from the CCG @from, which closed on @closed_on. False: none is known. */
MUST_USE bool merger_find(struct ods from, date_t closed_on, struct ods *ret);

#endif
