/* SPDX-License-Identifier: Apache-2.0 */
/* Parked events: listed, tried again, discarded. */
#include <string.h>

#include "daemon/broker/order.h"
#include "daemon/domain/route.h"

#define ORDERS_TURN_MAX 64 /* entries that one question writes; its resume goes on */

/** One that is parked, with the entry that says so. */
struct parked {
    struct open_event open;
    struct workflow workflow;
    enum stage stage;
    struct entry failed; /* in the scratch arena */
};

/* ---- which ---- */

static bool contains(struct slice text, const char *part)
{
    size_t len = strlen(part);

    for (size_t at = 0; at + len <= text.len; at++) {
        if (len == 0 || memcmp(text.bytes + at, part, len) == 0)
            return true;
    }
    return false;
}

/** Load the rest of @ret->open's. False: it is not parked, or the error is said. */
static bool load(struct asking *asking, struct parked *ret)
{
    struct broker *broker = asking->broker;
    const struct docket_event *event = docket_find(broker->docket, ret->open.seq);
    struct slice bytes;
    struct hash hash;

    if (ret->open.state != OPEN_PARKED)
        return false;
    CHECK(event != NULL);
    ret->stage = event->stage;
    if (!store_get_workflow(broker->store, ret->open.number, &ret->workflow)) {
        broker_fail(broker, STATUS_STORE_CORRUPT);
        query_error(asking, "STORE_CORRUPT", "event %llu has no workflow",
                    (unsigned long long)ret->open.seq);
        return false;
    }
    return query_read(asking, ret->open.failed_seq, &ret->failed, &bytes, &hash);
}

static bool may_see(const struct asking *asking, const struct parked *parked)
{
    return ods_equal(asking->principal->organisation, parked->open.sender) ||
           query_sees_workflow(asking, &parked->workflow);
}

/** Is it one of those that the arguments narrow the list to? */
static bool fits(const struct asking *asking, const struct parked *parked)
{
    if (query_given(asking, ARGUMENT_STAGE) && asking->stage != parked->stage)
        return false;
    if (query_given(asking, ARGUMENT_ORGANISATION) &&
        !ods_equal(asking->organisation, parked->open.sender) &&
        !ods_equal(asking->organisation, parked->workflow.lead))
        return false;
    if (query_given(asking, ARGUMENT_ERROR) && !contains(parked->failed.error, asking->error))
        return false;
    int64_t age_ms = asking->broker->now.wall_ms - parked->failed.at_ms;
    if (query_given(asking, ARGUMENT_OLDER_MS) &&
        (age_ms < 0 || (uint64_t)age_ms < asking->older_ms))
        return false;
    return may_see(asking, parked);
}

static bool is_named(const struct asking *asking)
{
    return query_given(asking, ARGUMENT_SEQ) || query_given(asking, ARGUMENT_EVENT_ID);
}

/** The seq of the event that the arguments name, known or not; 0: it is not known. */
static uint64_t named_seq(const struct asking *asking)
{
    struct store *store = asking->broker->store;
    struct workflow workflow;
    struct seen seen;

    if (query_given(asking, ARGUMENT_SEQ))
        return asking->seq;
    if (!store_find_workflow(store, asking->lead, &asking->reference, &workflow) ||
        !store_get_seen(store, workflow.number, asking->event_id, &seen))
        return 0;
    return seen.seq;
}

/** The one parked event that the arguments name. False: the error is said. */
static bool find_named(struct asking *asking, struct parked *ret)
{
    const struct docket_event *event;
    uint64_t seq;

    if (!query_given(asking, ARGUMENT_SEQ) &&
        (!query_given(asking, ARGUMENT_LEAD) || !query_given(asking, ARGUMENT_REFERENCE) ||
         !query_given(asking, ARGUMENT_EVENT_ID))) {
        query_error(asking, "USAGE",
                    "an event is named by seq, or by lead, reference and event_id");
        return false;
    }
    seq = named_seq(asking);
    event = seq != 0 ? docket_find(asking->broker->docket, seq) : NULL;
    if (event != NULL && store_get_open(asking->broker->store, seq, &ret->open) &&
        load(asking, ret) && may_see(asking, ret))
        return true;
    if (asking->reply->error.len == 0 && event != NULL && query_sees_all(asking))
        query_error(asking, "CONFLICT", "the event is not parked, but %s",
                    query_docket_state(event->state));
    else if (asking->reply->error.len == 0)
        query_error(asking, "NOT_FOUND", "no such event is parked");
    return false;
}

/**
 * The next parked event after *@at that fits, at most @scan_max rows on. False: there is none; *@more: because rows are left to be
 * looked at.
 */
static bool next_parked(struct asking *asking, uint64_t *at, uint32_t *scanned, bool *more,
                        struct parked *ret)
{
    *more = false;
    while (store_next_open(asking->broker->store, *at, &ret->open)) {
        if (++*scanned > QUERY_SCAN_MAX) {
            *more = true;
            return false;
        }
        asking->broker->asked++;
        bool found = load(asking, ret) && fits(asking, ret);
        if (asking->reply->error.len > 0)
            return false;
        if (found)
            return true;
        *at = ret->open.seq;
    }
    return false;
}

/* ---- list and show ---- */

static void put_parked(struct asking *asking, const struct parked *parked)
{
    char id[EVENT_ID_TEXT_SIZE];

    event_id_print(parked->open.id, id);
    query_number(asking, (int64_t)parked->open.seq);
    query_text(asking, id);
    query_text(asking, event_type_name(parked->open.type));
    query_text(asking, stage_name(parked->stage));
    query_text(asking, parked->workflow.lead.text);
    query_text(asking, parked->workflow.reference.text);
    query_text(asking, parked->open.sender.text);
    query_number(asking, parked->open.attempt);
    query_moment(asking, parked->failed.at_ms);
    query_slice(asking, parked->failed.error);
    query_slice(asking, parked->failed.worker);
    query_moment(asking, parked->open.received_at_ms);
    query_number(asking, (int64_t)parked->open.failed_seq);
}

void order_parked_show(struct asking *asking)
{
    struct parked parked;

    if (find_named(asking, &parked) && query_row(asking))
        put_parked(asking, &parked);
}

void order_parked_list(struct asking *asking)
{
    struct parked parked;
    uint64_t at;
    uint32_t scanned = 0;
    bool more;

    if (is_named(asking)) {
        order_parked_show(asking);
        return;
    }
    (void)query_resumed(asking, &at, sizeof at);
    while (next_parked(asking, &at, &scanned, &more, &parked)) {
        if (!query_row(asking)) {
            query_resume(asking, &at, sizeof at);
            return;
        }
        put_parked(asking, &parked);
        at = parked.open.seq;
    }
    if (more)
        query_resume(asking, &at, sizeof at);
}

/* ---- orders ---- */

/** RETRIED for @parked. Returns the entry's seq; 0: the error is said. */
static uint64_t retry(struct asking *asking, const struct parked *parked)
{
    struct ods audience[AUDIENCE_MAX];
    struct event event;
    struct hash hash;
    struct entry entry = {
        .number = parked->workflow.number,
        .previous = parked->workflow.last_seq,
        .audience = audience,
        .kind = ENTRY_RETRIED,
        .of_seq = parked->open.seq,
    };

    if (!turn_load(asking->broker, parked->open.seq, &event)) {
        query_error(asking, "STORE_CORRUPT", "event %llu cannot be read",
                    (unsigned long long)parked->open.seq);
        return 0;
    }
    entry.audience_count = route_audience(&event, &parked->workflow, audience);
    if (!order_add(asking, &entry, &hash))
        return 0;
    docket_offer_taken(asking->broker->docket, parked->open.seq);
    turn_await(asking->broker, parked->open.seq);
    return entry.seq;
}

/** Do it to @parked, or only say so. False: the reply is full, or the error is said. */
static bool order_one(struct asking *asking, const struct parked *parked, bool discard)
{
    char id[EVENT_ID_TEXT_SIZE];
    uint64_t seq = 0;

    if (!query_row(asking))
        return false;
    if (!asking->dry_run) {
        seq = discard ? order_withdraw(asking, &parked->open, true) : retry(asking, parked);
        if (seq == 0)
            return false;
    }
    event_id_print(parked->open.id, id);
    query_number(asking, (int64_t)parked->open.seq);
    query_text(asking, id);
    query_text(asking, event_type_name(parked->open.type));
    query_text(asking, stage_name(parked->stage));
    query_text(asking, parked->workflow.lead.text);
    query_text(asking, parked->workflow.reference.text);
    query_boolean(asking, true);
    order_seq(asking, seq);
    return true;
}

static void order_parked(struct asking *asking, bool discard)
{
    struct parked parked;
    uint64_t at;
    uint32_t scanned = 0;
    uint32_t done = 0;
    bool more;

    if (is_named(asking)) {
        if (find_named(asking, &parked))
            (void)order_one(asking, &parked, discard);
        return;
    }
    (void)query_resumed(asking, &at, sizeof at);
    while (next_parked(asking, &at, &scanned, &more, &parked)) {
        if (done == ORDERS_TURN_MAX || broker_full(asking->broker) ||
            !order_one(asking, &parked, discard)) {
            query_resume(asking, &at, sizeof at);
            return;
        }
        at = parked.open.seq;
        done++;
    }
    if (more)
        query_resume(asking, &at, sizeof at);
}

void order_parked_retry(struct asking *asking)
{
    order_parked(asking, false);
}

void order_parked_discard(struct asking *asking)
{
    order_parked(asking, true);
}
