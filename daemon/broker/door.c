/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "daemon/broker/inside.h"
#include "daemon/domain/route.h"
#include "proto/codec.h"

/* ---- refusals ---- */

static void refuse(struct broker *broker, connection_t to, const struct event_id *id,
                   const struct reasons *reasons, uint32_t retry_after_ms)
{
    struct answer answer = {
        .kind = ANSWER_REFUSED,
        .id_known = id != NULL,
        .reasons = reasons->items,
        .reasons_count = reasons->count,
        .retry_after_ms = retry_after_ms,
    };
    if (id != NULL)
        answer.event_id = *id;
    broker->counts.refusals++;
    broker_answer(broker, to, &answer);
}

void broker_refuse(struct broker *broker, connection_t from, const struct event_id *id,
                   const struct reason *reasons, uint32_t reasons_count)
{
    struct reason items[REASONS_MAX];
    struct reasons copied = {.items = items, .max = REASONS_MAX};

    for (uint32_t i = 0; i < reasons_count && i < REASONS_MAX; i++)
        items[copied.count++] = reasons[i];
    broker->counts.malformed++;
    refuse(broker, from, id, &copied, 0);
}

/* ---- an event comes in ---- */

/** Where an event belongs: the workflow or register it is about. @number is 0 when there is none yet. */
struct place {
    uint64_t number;
    uint64_t last_seq;
    bool opened;      /* a workflow that is open, or complete */
    enum stage stage; /* where it stands */
};

static struct place find_place(struct broker *broker, const struct event *event)
{
    if (event_type_is_register(event->type)) {
        struct register_head head;
        if (!store_get_register(broker->store, event->organisation, event->type, &head))
            return (struct place){0};
        return (struct place){.number = head.number, .last_seq = head.last_seq};
    }
    struct workflow workflow;
    if (!store_find_workflow(broker->store, event->lead, &event->reference, &workflow))
        return (struct place){0};
    return (struct place){.number = workflow.number,
                          .last_seq = workflow.last_seq,
                          .opened = workflow.phase != PHASE_NONE,
                          .stage = workflow.stage};
}

/** Read and decode an entry into the scratch arena, which is reset before. False: the store is broken. */
static bool read_entry(struct broker *broker, uint64_t seq, struct entry *ret,
                       struct hash *ret_hash)
{
    struct slice bytes;
    arena_reset(broker->scratch);
    enum status status = store_read_entry(broker->store, seq, &bytes, ret_hash);
    if (status == STATUS_OK) {
        bytes = arena_copy(broker->scratch, bytes);
        status = codec_decode_entry(bytes, broker->scratch, ret);
    }
    if (status != STATUS_OK)
        broker_fail(broker, STATUS_STORE_CORRUPT);
    return status == STATUS_OK;
}

/** The verdict there is already, as its entry has it. */
static void answer_verdict_again(struct broker *broker, connection_t to, const struct event *event,
                                 const struct seen *seen)
{
    struct entry entry;
    struct hash hash;
    struct reason item;
    if (!read_entry(broker, seen->verdict_seq, &entry, &hash))
        return;
    struct answer answer = {
        .kind = ANSWER_VERDICT,
        .id_known = true,
        .event_id = event->id,
        .seq = seen->seq,
        .entry_hash = hash,
        .repeated = true,
        .verdict_seq = seen->verdict_seq,
    };
    answer.verdict = order_verdict(&entry, &item, &answer.reasons, &answer.reasons_count);
    broker_answer(broker, to, &answer);
}

static void answer_receipt_again(struct broker *broker, connection_t to, const struct event *event,
                                 const struct seen *seen)
{
    struct slice bytes;
    struct hash hash;
    enum status status = store_read_entry(broker->store, seen->seq, &bytes, &hash);
    if (status != STATUS_OK) {
        broker_fail(broker, STATUS_STORE_CORRUPT);
        return;
    }
    struct answer answer = {
        .kind = ANSWER_RECEIPT,
        .id_known = true,
        .event_id = event->id,
        .seq = seen->seq,
        .entry_hash = hash,
        .repeated = true,
    };
    broker_answer(broker, to, &answer);
}

/** The same id came before with other bytes. What another organisation sent is not told. */
static void refuse_reused(struct broker *broker, connection_t to, const struct event *event,
                          const struct seen *seen)
{
    struct reason item;
    struct reasons reasons = {.items = &item, .max = 1};
    struct entry entry;
    struct hash hash;
    struct event first;
    struct reason form[REASONS_MAX];
    struct reasons form_reasons = {.items = form, .max = REASONS_MAX};
    bool id_known;

    if (!read_entry(broker, seen->seq, &entry, &hash))
        return;
    if (codec_decode_event(entry.event, broker->scratch, &first, &id_known, &form_reasons) !=
        STATUS_OK) {
        broker_fail(broker, STATUS_STORE_CORRUPT);
        return;
    }
    if (ods_equal(first.sender, event->sender))
        reasons_add(&reasons, REASON_ID_REUSED, NULL, "event_id", NULL, NULL);
    else
        reasons_add(&reasons, REASON_SENDER_NOT_AUTHORISED, NULL, "event_id", NULL,
                    "the event id is another organisation's");
    refuse(broker, to, &event->id, &reasons, 0);
}

/** Known already? Then the first answers are given again, whatever is asked of new events. */
static bool repeated(struct broker *broker, connection_t from, const struct principal *principal,
                     const struct event *event, uint64_t number)
{
    struct seen seen;
    uint8_t digest[sizeof seen.digest];

    if (number == 0 || !ods_equal(event->sender, principal->organisation) ||
        !store_get_seen(broker->store, number, event->id, &seen))
        return false;
    store_digest(event->bytes, digest);
    if (memcmp(digest, seen.digest, sizeof digest) != 0) {
        refuse_reused(broker, from, event, &seen);
        return true;
    }
    docket_tell(broker->docket, seen.seq, from);
    if (seen.verdict_seq != seen.seq)
        answer_receipt_again(broker, from, event, &seen);
    if (seen.verdict_seq != 0)
        answer_verdict_again(broker, from, event, &seen);
    return true;
}

/** Would @event open a workflow, beyond as many as its lead may have? Those not judged yet are not counted. */
static bool too_many_workflows(struct broker *broker, const struct event *event, struct place place)
{
    const struct workflow none = {.phase = PHASE_NONE};
    uint32_t max = broker->options.workflows_open_lead_max;

    return max > 0 && !place.opened && workflow_move(&none, event->type) != NULL &&
           store_get_caseload(broker->store, event->lead) >= max;
}

/** BUSY, with the quota that was met, its limit and its setting. */
static void say_quota(struct broker *broker, enum quota_bound bound, const struct event *event,
                      struct reasons *reasons)
{
    const struct broker_options *options = &broker->options;
    const char *sender = event->sender.text;
    char text[REASON_TEXT_SIZE];

    switch (bound) {
    case QUOTA_WITHIN:
        return;
    case QUOTA_RATE:
        (void)snprintf(text, sizeof text,
                       "%s sends faster than %u events a second (events_rate_sender_max, "
                       "%u at once); send it again later",
                       sender, options->events_rate_sender_max, options->events_burst_sender_max);
        break;
    case QUOTA_EVENTS:
        (void)snprintf(text, sizeof text,
                       "%u events of %s are under way, as many as may be "
                       "(events_open_sender_max); send it again later",
                       options->events_open_sender_max, sender);
        break;
    case QUOTA_BYTES:
        (void)snprintf(text, sizeof text,
                       "the events of %s under way would take more than %llu bytes "
                       "(bytes_open_sender_max); send it again later",
                       sender, (unsigned long long)options->bytes_open_sender_max);
        break;
    }
    reasons_add(reasons, REASON_BUSY, NULL, NULL, NULL, text);
}

/** Which stage's worker would judge @event; STAGE_NONE: none, or its workflow is not open yet. */
static enum stage stage_of(const struct event *event, struct place place)
{
    const struct needs *needs = needs_of(event->type);

    CHECK(needs != NULL);
    return needs->any_stage ? place.stage : needs->stage;
}

/** Why the daemon takes no new event of @event's sender just now; nothing is added: it does. */
static uint32_t unavailable(struct broker *broker, const struct principal *principal,
                            const struct event *event, struct place place, struct reasons *reasons)
{
    const struct broker_options *options = &broker->options;
    bool registers = event_type_is_register(event->type);
    int64_t now_ms = broker->now.mono_ms;
    uint32_t retry_ms = BUSY_RETRY_MS;
    char text[REASON_TEXT_SIZE];

    if (broker->draining) {
        reasons_add(reasons, REASON_DRAINING, NULL, NULL, NULL, NULL);
    } else if (!broker->has_room) {
        reasons_add(reasons, REASON_STORE_FULL, NULL, NULL, NULL, NULL);
        retry_ms = 0;
    } else if (broker->stages[stage_of(event, place)].state == STAGE_DRAINING) {
        (void)snprintf(text, sizeof text,
                       "the stage %s finishes what it has and takes no new events; send it again "
                       "when it is resumed",
                       stage_name(stage_of(event, place)));
        reasons_add(reasons, REASON_STAGE_DRAINING, NULL, NULL, NULL, text);
        retry_ms = STAGE_RETRY_MS;
    } else if (!registers && (docket_count(broker->docket) >= options->events_open_max ||
                              docket_full(broker->docket))) {
        (void)snprintf(text, sizeof text,
                       "%u events are under way, as many as may be (events_open_max); send it "
                       "again later",
                       docket_count(broker->docket));
        reasons_add(reasons, REASON_BUSY, NULL, NULL, NULL, text);
    } else if (!registers && too_many_workflows(broker, event, place)) {
        (void)snprintf(text, sizeof text,
                       "%s has %u workflows open, as many as may be (workflows_open_lead_max); "
                       "complete some first",
                       event->lead.text, options->workflows_open_lead_max);
        reasons_add(reasons, REASON_BUSY, NULL, NULL, NULL, text);
        quota_refused(broker->quota, event->sender, now_ms);
        retry_ms = WORKFLOWS_RETRY_MS;
    } else if ((principal->verbs & VERB_BIT(VERB_OPERATE)) == 0) {
        /* An operator must be able to revoke a key at any time. */
        uint32_t bytes = registers ? 0 : (uint32_t)event->bytes.len;
        enum quota_bound bound = quota_ask(broker->quota, event->sender, bytes, now_ms, &retry_ms);
        say_quota(broker, bound, event, reasons);
    }
    return retry_ms;
}

/** A register event is received and judged in one entry, at once. */
static void record(struct broker *broker, connection_t from, const struct principal *principal,
                   const struct event *event, struct place place)
{
    struct decision *decision = &broker->decision;
    struct ods audience[AUDIENCE_MAX];
    struct key_row revoked;
    bool revokes = event->type == EVENT_KEY_REVOKED &&
                   store_get_key(broker->store, event->key_revoked.public_key, &revoked);

    turn_register_circumstances(broker, event);
    decide_register(event, principal, &broker->circumstances, decision);
    struct entry entry = {
        .number = place.number != 0 ? place.number : store_next_seq(broker->store),
        .previous = place.last_seq,
        .audience = audience,
        .audience_count = route_audience(event, NULL, audience),
        .kind = ENTRY_RECORDED,
        .event = event->bytes,
        .key_seq = principal->key_seq,
        .verdict = decision->verdict,
        .reasons = decision->reasons.items,
        .reasons_count = decision->reasons.count,
        .lines = decision->lines,
        .lines_count = decision->lines_count,
    };
    struct answer answer = {
        .kind = ANSWER_VERDICT,
        .id_known = true,
        .event_id = event->id,
        .verdict = decision->verdict,
        .reasons = decision->reasons.items,
        .reasons_count = decision->reasons.count,
    };
    if (!broker_add(broker, &entry, event, &answer.entry_hash))
        return;
    answer.seq = entry.seq;
    answer.verdict_seq = entry.seq;
    broker->counts.verdicts++;
    broker_answer(broker, from, &answer);
    if (decision->verdict != VERDICT_ACCEPTED)
        return;

    struct key_change *change = &broker->key_changes[broker->key_changes_count];
    if (event->type == EVENT_ALLOTMENT_SET) {
        turn_release(broker,
                     &(struct wait){.kind = WAIT_ALLOTMENT,
                                    .ods = event->organisation,
                                    .year = event->allotment_set.year},
                     entry.seq);
    } else if (event->type == EVENT_KEY_ADDED && broker->key_changes_count < KEY_CHANGES_MAX) {
        *change = (struct key_change){.principal = {.public_key = event->key_added.public_key,
                                                    .organisation = event->organisation,
                                                    .kind = event->key_added.kind,
                                                    .verbs = event->key_added.verbs,
                                                    .key_seq = entry.seq}};
        broker->key_changes_count++;
    } else if (revokes && broker->key_changes_count < KEY_CHANGES_MAX) {
        *change = (struct key_change){.principal = revoked.principal, .revoked = true};
        broker->key_changes_count++;
    }
}

enum queue_rank door_rank(enum event_type type)
{
    return type == EVENT_REPRESENTATION_RECEIVED || type == EVENT_REPRESENTATION_DECIDED
               ? QUEUE_STATUTORY
               : QUEUE_ORDINARY;
}

/** A workflow's event is received; if nothing of its workflow is under judgement, it is at its turn. */
static void receive(struct broker *broker, connection_t from, const struct principal *principal,
                    const struct event *event, struct place place)
{
    struct workflow workflow = {
        .lead = event->lead, .present_lead = event->lead, .reference = event->reference};
    struct ods audience[AUDIENCE_MAX];

    if (place.number != 0 && !store_get_workflow(broker->store, place.number, &workflow)) {
        broker_fail(broker, STATUS_STORE_CORRUPT);
        return;
    }
    struct entry entry = {
        .number = place.number != 0 ? place.number : store_next_seq(broker->store),
        .previous = place.last_seq,
        .audience = audience,
        .audience_count = route_audience(event, &workflow, audience),
        .kind = ENTRY_RECEIVED,
        .event = event->bytes,
        .key_seq = principal->key_seq,
    };
    struct answer receipt = {.kind = ANSWER_RECEIPT, .id_known = true, .event_id = event->id};
    if (!broker_add(broker, &entry, event, &receipt.entry_hash) ||
        !store_get_workflow(broker->store, entry.number, &workflow))
        return;
    receipt.seq = entry.seq;
    broker_answer(broker, from, &receipt);

    const struct needs *needs = needs_of(event->type);
    bool at_turn = workflow.judging_seq == entry.seq;
    docket_add(broker->docket, &(struct docket_event){
                                   .seq = entry.seq,
                                   .connection = from,
                                   .sender = event->sender,
                                   .received_at_ms = entry.at_ms,
                                   .cost = (uint32_t)event->bytes.len,
                                   .rank = door_rank(event->type),
                                   .stage = needs->any_stage ? workflow.stage : needs->stage,
                                   .state = at_turn ? DOCKET_TURN : DOCKET_QUEUED,
                               });
    quota_take(broker->quota, event->sender, (uint32_t)event->bytes.len);
    if (!at_turn)
        return;
    arena_reset(broker->scratch); /* of the event before, with the facts that it looked at */
    turn_begin(broker, entry.seq, event, &workflow);
}

void broker_event(struct broker *broker, connection_t from, const struct principal *principal,
                  const struct event *event)
{
    struct reason items[REASONS_MAX];
    struct reasons reasons = {.items = items, .max = REASONS_MAX};

    broker->counts.events++;
    broker_make_room(broker);
    struct place place = find_place(broker, event);
    if (repeated(broker, from, principal, event, place.number))
        return;
    decide_door(event, principal, &reasons);
    if (reasons.count > 0) {
        refuse(broker, from, &event->id, &reasons, 0);
        return;
    }
    uint32_t retry_ms = unavailable(broker, principal, event, place, &reasons);
    if (reasons.count > 0) {
        refuse(broker, from, &event->id, &reasons, retry_ms);
        return;
    }
    if (event_type_is_register(event->type))
        record(broker, from, principal, event, place);
    else
        receive(broker, from, principal, event, place);
}
