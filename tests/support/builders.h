/* SPDX-License-Identifier: Apache-2.0 */
/* builders.h - events and principals of a small world: Warrington (02E), its neighbour 01F, the support unit 0CE, NHS England X24, an operator. */
#ifndef COMMISSION_TEST_BUILDERS_H
#define COMMISSION_TEST_BUILDERS_H

#include "proto/message.h"

struct ods ods_of(const char *text);
struct slice slice_of(const char *text);
struct event_id id_of(uint32_t number);

/** Whose key it is, with the kind and verbs that fit the organisation: "02E", "01F", "0CE", "X24", "OPS". */
struct principal principal_of(const char *ods);

/** An event of 02E's, or another lead's, on 2018-06-01; without an id and bytes. */
struct event an_event(enum event_type type, const char *lead, const char *reference);
/** The same, sent by @csu for the lead. */
struct event by_csu(struct event event, const char *csu);
struct event needs_assessed(const char *lead, const char *reference);
struct event priorities_set(const char *lead, const char *reference);
struct event procurement_started(const char *lead, const char *reference);
struct event bids_evaluated(const char *lead, const char *reference);
/** An award of @award_id over @pence for the year from 2018-07-01 to 2019-03-31. */
struct event award_intended(const char *lead, const char *reference, const char *award_id,
                            int64_t pence);
struct event contract_awarded(const char *lead, const char *reference, const char *award_id,
                              int64_t pence);
struct event award_withdrawn(const char *lead, const char *reference, const char *award_id);
struct event review_completed(const char *lead, const char *reference);
struct event note(const char *lead, const char *reference);
struct event suspended(const char *lead, const char *reference);
struct event resumed(const char *lead, const char *reference);
struct event withdrawn(const char *lead, const char *reference);
/** Brings in a workflow at @stage. */
struct event adopted(const char *lead, const char *reference, enum stage stage);

/** Register events, sent by NHS England (keys: by the operator). */
struct event organisation_registered(const char *ods, enum organisation_kind kind);
struct event support_contract(const char *ccg, const char *csu);
struct event allotment_set(const char *ods, int32_t year, int64_t pence);
struct event key_added(const char *ods, struct key public_key);
struct event key_revoked(const char *ods, struct key public_key);

#endif
