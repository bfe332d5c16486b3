/* SPDX-License-Identifier: Apache-2.0 */
/* Events withdrawn: by their sender, or discarded by an operator. */
#include <string.h>

#include "daemon/broker/order.h"
#include "daemon/domain/route.h"
#include "proto/codec.h"

/* ---- what is told ---- */

static void tell(const struct entry *entry, struct reasons *ret)
{
    char text[REASON_TEXT_SIZE + 4]; /* reasons_add() cuts it at a character */
    size_t len = entry->order_reason.len;

    (void)snprintf(text, sizeof text, "%.*s", (int)(len < sizeof text ? len : sizeof text - 1),
                   len > 0 ? (const char *)entry->order_reason.bytes : "");
    reasons_add(ret, entry->discarded ? REASON_DISCARDED : REASON_WITHDRAWN, NULL, NULL, NULL,
                len > 0 ? text : NULL);
}

enum verdict order_verdict(const struct entry *entry, struct reason *item,
                           const struct reason **ret, uint32_t *ret_count)
{
    struct reasons reasons = {.items = item, .max = 1};

    if (entry->kind != ENTRY_EVENT_WITHDRAWN) {
        *ret = entry->reasons;
        *ret_count = entry->reasons_count;
        return entry->verdict;
    }
    tell(entry, &reasons);
    *ret = item;
    *ret_count = reasons.count;
    return VERDICT_WITHDRAWN;
}

/* ---- out of the books ---- */

/** Which event stands before that of @seq in the queue of @workflow; 0: it is the first. False: the store is broken. */
static bool find_before(struct broker *broker, const struct workflow *workflow, uint64_t seq,
                        uint64_t *ret)
{
    uint64_t before = 0;
    uint64_t at = workflow->queue_head;

    for (uint32_t i = 0; i < workflow->queued_count && at != seq; i++) {
        struct open_event open;
        if (at == 0 || !store_get_open(broker->store, at, &open))
            break;
        before = at;
        at = open.next_seq;
        broker->asked++;
    }
    *ret = before;
    if (at == seq)
        return true;
    broker_fail(broker, STATUS_STORE_CORRUPT);
    return false;
}

/** The rows about the event of @seq do not fit each other: the daemon stops. */
static void say_broken(struct asking *asking, uint64_t seq)
{
    broker_fail(asking->broker, STATUS_STORE_CORRUPT);
    query_error(asking, "STORE_CORRUPT", "what is kept of event %llu is broken",
                (unsigned long long)seq);
}

/** Out of the lists in memory. */
static void forget(struct broker *broker, const struct docket_event *event)
{
    switch (event->state) {
    case DOCKET_TURN:
        turn_forget(broker, event->seq);
        break;
    case DOCKET_READY:
        queue_remove(broker->queue, event->stage, event->seq);
        break;
    case DOCKET_DELAYED:
        due_remove(broker->due, event->seq);
        break;
    case DOCKET_QUEUED:
    case DOCKET_HELD:
    case DOCKET_PARKED:
        break;
    case DOCKET_LEASED:
    case DOCKET_STATES:
        CHECK(event->state != DOCKET_LEASED);
        break;
    }
    quota_give(broker->quota, event->sender, event->cost);
    docket_remove(broker->docket, event->seq);
}

uint64_t order_withdraw(struct asking *asking, const struct open_event *open, bool discarded)
{
    struct broker *broker = asking->broker;
    const struct docket_event *event = docket_find(broker->docket, open->seq);
    struct workflow workflow;
    struct event about;
    struct ods audience[AUDIENCE_MAX];
    struct reason item;
    CHECK(event != NULL);

    if (!store_get_workflow(broker->store, open->number, &workflow)) {
        say_broken(asking, open->seq);
        return 0;
    }
    bool at_turn = workflow.judging_seq == open->seq;
    struct entry entry = {
        .number = workflow.number,
        .previous = workflow.last_seq,
        .audience = audience,
        .kind = ENTRY_EVENT_WITHDRAWN,
        .of_seq = open->seq,
        .discarded = discarded,
    };
    if ((open->state == OPEN_QUEUED &&
         !find_before(broker, &workflow, open->seq, &entry.before_seq)) ||
        !turn_load(broker, open->seq, &about)) {
        say_broken(asking, open->seq);
        return 0;
    }
    entry.audience_count = route_audience(&about, &workflow, audience);

    struct answer answer = {
        .kind = ANSWER_VERDICT, .id_known = true, .event_id = open->id, .seq = open->seq};
    if (!order_add(asking, &entry, &answer.entry_hash))
        return 0;
    answer.verdict_seq = entry.seq;
    answer.verdict = order_verdict(&entry, &item, &answer.reasons, &answer.reasons_count);
    broker_answer(broker, event->connection, &answer);
    forget(broker, event);
    if (at_turn)
        turn_next(broker, entry.number);
    return entry.seq;
}

/* ---- by its sender ---- */

static void put_withdrawn(struct asking *asking, uint64_t of_seq, const char *was, bool changed,
                          uint64_t seq)
{
    char id[EVENT_ID_TEXT_SIZE];

    if (!query_row(asking))
        return;
    event_id_print(asking->event_id, id);
    query_text(asking, id);
    query_text(asking, "withdrawn");
    query_text(asking, was);
    query_boolean(asking, changed);
    order_seq(asking, of_seq);
    order_seq(asking, seq);
}

/** It has its verdict: withdrawn before, or too late. */
static void say_verdict(struct asking *asking, const struct seen *seen)
{
    struct entry entry;
    struct slice bytes;
    struct hash hash;

    if (!query_read(asking, seen->verdict_seq, &entry, &bytes, &hash))
        return;
    if (entry.kind == ENTRY_EVENT_WITHDRAWN)
        put_withdrawn(asking, seen->seq, "withdrawn", false, seen->verdict_seq);
    else
        query_error(asking, "CONFLICT", "it is too late: the event was %s, by entry %llu",
                    entry.verdict == VERDICT_ACCEPTED ? "accepted" : "rejected",
                    (unsigned long long)seen->verdict_seq);
}

/** Is the event of @seq the asker's own? Else the error is said, which tells no more than the asker may know. */
static bool is_own(struct asking *asking, const struct workflow *workflow, uint64_t seq)
{
    struct event event;

    if (!turn_load(asking->broker, seq, &event)) {
        say_broken(asking, seq);
        return false;
    }
    if (ods_equal(event.sender, asking->principal->organisation))
        return true;
    if (query_sees_workflow(asking, workflow))
        query_error(asking, "SENDER_NOT_AUTHORISED", "only its sender withdraws an event: %s",
                    event.sender.text);
    else
        query_error(asking, "NOT_FOUND", "no such event of %s is known",
                    asking->principal->organisation.text);
    return false;
}

void order_event_withdraw(struct asking *asking)
{
    struct broker *broker = asking->broker;
    struct workflow workflow;
    struct seen seen;
    struct open_event open;

    if (!store_find_workflow(broker->store, asking->lead, &asking->reference, &workflow) ||
        !store_get_seen(broker->store, workflow.number, asking->event_id, &seen)) {
        query_error(asking, "NOT_FOUND", "no such event of %s is known",
                    asking->principal->organisation.text);
        return;
    }
    if (!is_own(asking, &workflow, seen.seq))
        return;
    const struct docket_event *event = docket_find(broker->docket, seen.seq);
    if (event == NULL) {
        say_verdict(asking, &seen);
        return;
    }
    if (event->state == DOCKET_LEASED) {
        query_error(asking, "BUSY", "a worker has it: its verdict comes, or it is given back");
        return;
    }
    const char *was = query_docket_state(event->state);
    uint64_t seq = 0;
    if (!asking->dry_run) {
        bool found = store_get_open(broker->store, seen.seq, &open);
        CHECK(found);
        seq = order_withdraw(asking, &open, false);
        if (seq == 0)
            return;
    }
    put_withdrawn(asking, seen.seq, was, true, seq);
}
