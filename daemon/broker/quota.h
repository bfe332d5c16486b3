/* SPDX-License-Identifier: Apache-2.0 */
/* quota.h - what each organisation has under way, how fast it sends, and whether one more event is within its limits. */
/*
 * Rate is a token bucket on monotonic time: it holds @burst, fills by @rate a second, and each new event takes one. Nothing here
 * is durable: what is open is counted again at start, and a bucket is full then.
 * Memory is taken in quota_new() and never again.
 */
#ifndef COMMISSION_BROKER_QUOTA_H
#define COMMISSION_BROKER_QUOTA_H

#include "proto/ident.h"
#include "proto/status.h"

struct quota;

/** Of one organisation; 0: no limit. */
struct quota_limits {
    uint32_t rate;  /* events a second, in the long run */
    uint32_t burst; /* at once, after a pause; at least 1 where there is a rate */
    uint32_t events_max;
    uint64_t bytes_max; /* of those events */
};

enum quota_bound { QUOTA_WITHIN, QUOTA_RATE, QUOTA_EVENTS, QUOTA_BYTES };

/** What one organisation has, as of now. */
struct quota_use {
    struct ods sender;
    uint32_t events;
    uint64_t bytes;
    uint32_t tokens;  /* what it may send at once; 0 without a rate */
    uint64_t refused; /* times that it met a limit, since it was last idle */
};

/** Make a count for at most @events_max (>= 1) events, all together. STATUS_OK: *@ret is the caller's. STATUS_NO_MEMORY. */
MUST_USE enum status quota_new(struct quota **ret, const struct quota_limits *limits,
                               uint32_t events_max);
/** Release; NULL is fine. Returns NULL. */
struct quota *quota_free(struct quota *quota);

/**
 * May @sender send one more event of @bytes at @now_ms (monotonic)? 0: one that is judged at once and never open, so only its rate
 * counts. QUOTA_WITHIN: yes, its token is taken. Else the limit that it meets: nothing is taken, and *@ret_retry_ms is when to ask
 * again. However few bytes may be open, one event may.
 */
enum quota_bound quota_ask(struct quota *quota, struct ods sender, uint32_t bytes, int64_t now_ms,
                           uint32_t *ret_retry_ms);
/** One more that met a limit which is counted elsewhere. */
void quota_refused(struct quota *quota, struct ods sender, int64_t now_ms);

/** One more event of @sender is open, of @bytes; asked or not. */
void quota_take(struct quota *quota, struct ods sender, uint32_t bytes);
/** One of those is open no more. */
void quota_give(struct quota *quota, struct ods sender, uint32_t bytes);
/** Open events of @sender. */
uint32_t quota_count(const struct quota *quota, struct ods sender);

/** @sender's use at @now_ms; all zero but a full bucket where nothing is known of it. */
struct quota_use quota_use_of(const struct quota *quota, struct ods sender, int64_t now_ms);
/** The first organisation after @after, by code, of which something is known. False: no more. Looks at all: *@ret_looked. */
bool quota_next(const struct quota *quota, struct ods after, struct ods *ret, uint32_t *ret_looked);

#endif
