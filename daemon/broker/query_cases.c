/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "daemon/broker/query.h"
#include "proto/codec.h"

static void number_of(struct asking *asking, uint64_t number)
{
    query_number(asking, (int64_t)number);
}

/* ---- server ---- */

static const char *state_of(const struct broker *broker)
{
    return broker->draining ? "draining" : broker->has_room ? "running" : "store full";
}

/** Which stages are paused or draining. */
static void put_stages(struct asking *asking)
{
    char text[256] = "running";
    size_t len = 0;

    for (enum stage stage = STAGE_NEEDS_ASSESSED; stage <= STAGE_REVIEW; stage++) {
        enum stage_state state = asking->broker->stages[stage].state;
        if (state != STAGE_RUNNING)
            len += (size_t)snprintf(text + len, sizeof text - len, "%s%s %s", len > 0 ? ", " : "",
                                    stage_name(stage), stage_state_name(state));
    }
    query_text(asking, text);
}

void query_server_status(struct asking *asking)
{
    struct broker *broker = asking->broker;
    struct broker_counts counts;
    struct store_counts store;
    struct store_room room;

    broker_count(broker, &counts);
    store_count(broker->store, &store);
    if (!query_row(asking))
        return;
    query_text(asking, state_of(broker));
    put_stages(asking);
    query_text(asking, broker->version);
    number_of(asking, store_run(broker->store));
    query_moment(asking, broker->started.wall_ms);
    number_of(asking, store_next_seq(broker->store) - 1);
    number_of(asking, store.workflows);
    number_of(asking, docket_count(broker->docket));
    number_of(asking, counts.leased);
    number_of(asking, counts.parked);
    number_of(asking, counts.workers);
    number_of(asking, counts.feeds);
    number_of(asking, counts.events);
    number_of(asking, counts.verdicts);
    number_of(asking, counts.refusals);
    number_of(asking, counts.malformed);
    number_of(asking, broker->denied);
    number_of(asking, counts.late_findings);
    number_of(asking, counts.attempts_failed);
    number_of(asking, counts.offers_lapsed);
    number_of(asking, broker->outbox.lost);
    query_number(asking, broker->longest_turn_us);
    number_of(asking, store.entries);
    number_of(asking, store.flushes);
    number_of(asking, store.commits);
    number_of(asking, store.journal_bytes);
    number_of(asking, store.state_bytes);
    number_of(asking, store_applied_seq(broker->store));
    broker_room(broker, &room);
    number_of(asking, room.map_bytes > 0 ? room.used_bytes * 100 / room.map_bytes : 0);
    number_of(asking, room.map_bytes);
    number_of(asking, room.disk_bytes);
    number_of(asking, room.wanted_bytes);
}

/* ---- workflows ---- */

static void put_workflow(struct asking *asking, const struct workflow *workflow)
{
    query_text(asking, workflow->lead.text);
    query_text(asking, workflow->reference.text);
    query_text(asking, stage_name(workflow->stage));
    query_text(asking, phase_name(workflow->phase));
    query_text(asking, workflow->present_lead.text);
    query_text(asking, workflow->category == CATEGORY_NONE
                           ? ""
                           : service_category_name(workflow->category));
    query_boolean(asking, workflow->adopted);
    query_date(asking, workflow->opened_on);
    query_moment(asking, workflow->changed_at_ms);
    number_of(asking, workflow->accepted_count);
    query_number(asking, workflow->queued_count + (workflow->judging_seq != 0 ? 1 : 0));
    query_number(asking, workflow->held_count);
    number_of(asking, workflow->number);
    number_of(asking, workflow->last_seq);
}

static bool is_listed(const struct asking *asking, const struct workflow *workflow)
{
    if (workflow->phase == PHASE_NONE)
        return false;
    if (query_given(asking, ARGUMENT_LEAD) && !ods_equal(asking->lead, workflow->lead) &&
        !ods_equal(asking->lead, workflow->present_lead))
        return false;
    if (query_given(asking, ARGUMENT_STAGE) && asking->stage != workflow->stage)
        return false;
    if (query_given(asking, ARGUMENT_OPEN) && asking->open != workflow_goes_on(workflow->phase))
        return false;
    return query_sees_workflow(asking, workflow);
}

void query_workflow_list(struct asking *asking)
{
    struct workflow workflow;
    uint64_t at;

    (void)query_resumed(asking, &at, sizeof at);
    for (uint32_t scanned = 0; store_next_workflow(asking->broker->store, at, &workflow);
         scanned++) {
        bool listed = is_listed(asking, &workflow);
        asking->broker->asked++;
        if (scanned == QUERY_SCAN_MAX || (listed && !query_row(asking))) {
            query_resume(asking, &at, sizeof at);
            return;
        }
        at = workflow.number;
        if (listed)
            put_workflow(asking, &workflow);
    }
}

void query_workflow_show(struct asking *asking)
{
    struct workflow workflow;

    if (!query_workflow(asking, &workflow))
        return;
    if (workflow.phase == PHASE_NONE && workflow.judging_seq == 0 && workflow.held_count == 0) {
        query_error(asking, "NOT_FOUND",
                    "%s/%s was never opened: its events were rejected or withdrawn",
                    asking->lead.text, asking->reference.text);
        return;
    }
    if (!query_row(asking))
        return;
    put_workflow(asking, &workflow);
    query_next_timer(asking, workflow.number);
}

/* ---- one event ---- */

const char *query_docket_state(enum docket_state state)
{
    static const char *const names[DOCKET_STATES] = {
        [DOCKET_QUEUED] = "queued", [DOCKET_TURN] = "ready",      [DOCKET_READY] = "ready",
        [DOCKET_LEASED] = "leased", [DOCKET_DELAYED] = "delayed", [DOCKET_HELD] = "held",
        [DOCKET_PARKED] = "parked",
    };

    CHECK(state < DOCKET_STATES);
    return names[state];
}

static const char *verdict_state(enum verdict verdict)
{
    return verdict == VERDICT_ACCEPTED    ? "accepted"
           : verdict == VERDICT_REJECTED  ? "rejected"
           : verdict == VERDICT_WITHDRAWN ? "withdrawn"
                                          : "held";
}

/** The number of the workflow or register that the arguments name; 0: the error is said. */
static uint64_t event_number(struct asking *asking)
{
    struct workflow workflow;
    struct register_head head;

    if (query_given(asking, ARGUMENT_LEAD) && query_given(asking, ARGUMENT_REFERENCE))
        return query_workflow(asking, &workflow) ? workflow.number : 0;
    if (!query_given(asking, ARGUMENT_ORGANISATION) || !query_given(asking, ARGUMENT_EVENT_TYPE)) {
        query_error(asking, "USAGE", "%s needs lead and reference, or organisation and event_type",
                    asking->command->name);
        return 0;
    }
    if (store_get_register(asking->broker->store, asking->organisation, asking->event_type, &head))
        return head.number;
    query_error(asking, "NOT_FOUND", "no event %s of %s", event_type_name(asking->event_type),
                asking->organisation.text);
    return 0;
}

/** May the asker see the register event of @entry? */
static bool sees_entry(const struct asking *asking, const struct entry *entry)
{
    if (query_sees_all(asking))
        return true;
    for (uint32_t i = 0; i < entry->audience_count; i++) {
        if (ods_equal(entry->audience[i], asking->principal->organisation))
            return true;
    }
    return false;
}

/** Why the event that @row is about was not judged yet, and what helps. */
static void put_failure(struct asking *asking, const struct open_event *row)
{
    bool failed = (row->state == OPEN_DELAYED || row->state == OPEN_PARKED) && row->failed_seq != 0;
    struct entry entry = {0};
    struct slice bytes;
    struct hash hash;

    if (failed && !query_read(asking, row->failed_seq, &entry, &bytes, &hash))
        entry.error = (struct slice){NULL, 0};
    query_slice(asking, entry.error);
    query_text(asking, row->state == OPEN_PARKED
                           ? "no more attempts: an operator says 'parked retry' or 'parked "
                             "discard', its sender 'event withdraw'"
                           : "");
}

static void put_event_status(struct asking *asking, const struct seen *seen,
                             const struct entry *received, struct hash hash, enum verdict verdict)
{
    const struct docket_event *open = docket_find(asking->broker->docket, seen->seq);
    struct open_event row = {0};
    char id[EVENT_ID_TEXT_SIZE];

    if (open != NULL)
        (void)store_get_open(asking->broker->store, seen->seq, &row);
    event_id_print(asking->event_id, id);
    query_text(asking, id);
    query_text(asking, open != NULL ? query_docket_state(open->state) : verdict_state(verdict));
    number_of(asking, seen->seq);
    query_moment(asking, received->at_ms);
    query_text(asking, verdict != VERDICT_NONE ? verdict_name(verdict) : "");
    if (seen->verdict_seq != 0)
        number_of(asking, seen->verdict_seq);
    else
        query_text(asking, ""); /* not judged yet */
    query_text(asking, open != NULL && open->stage != STAGE_NONE ? stage_name(open->stage) : "");
    query_number(asking, row.attempt);
    query_moment(asking, row.state == OPEN_DELAYED ? row.due_ms : 0);
    put_failure(asking, &row);
    query_hash(asking, hash);
}

bool query_known_event(struct asking *asking, struct seen *ret, struct entry *ret_entry,
                       struct slice *ret_bytes, struct hash *ret_hash)
{
    uint64_t number = event_number(asking);

    if (number == 0)
        return false;
    bool known = store_get_seen(asking->broker->store, number, asking->event_id, ret);
    if (known && !query_read(asking, ret->seq, ret_entry, ret_bytes, ret_hash))
        return false;
    if (known && (ret_entry->kind != ENTRY_RECORDED || sees_entry(asking, ret_entry)))
        return true;
    query_error(asking, "NOT_FOUND", "no such event is known; nothing was kept under this id");
    return false;
}

void query_event_status(struct asking *asking)
{
    struct seen seen;
    struct entry received;
    struct entry judged;
    struct slice bytes;
    struct hash hash;
    struct hash verdict_hash;
    struct reason item;
    const struct reason *reasons;
    uint32_t reasons_count;
    enum verdict verdict = VERDICT_NONE;

    if (!query_known_event(asking, &seen, &received, &bytes, &hash))
        return;
    if (seen.verdict_seq != 0) {
        if (!query_read(asking, seen.verdict_seq, &judged, &bytes, &verdict_hash))
            return;
        verdict = order_verdict(&judged, &item, &reasons, &reasons_count);
        query_reply_reasons(asking, reasons, reasons_count);
    }
    if (query_row(asking))
        put_event_status(asking, &seen, &received, hash, verdict);
}

/** What the daemon would decide at the event's turn, and of its money. */
static const char *judge_now(struct asking *asking, const struct event *event,
                             enum stage *ret_stage)
{
    struct broker *broker = asking->broker;
    struct workflow workflow = {.lead = event->lead,
                                .present_lead = event->lead,
                                .reference = event->reference,
                                .phase = PHASE_NONE};

    if (event_type_is_register(event->type)) {
        turn_register_circumstances(broker, event);
        decide_register(event, asking->principal, &broker->circumstances, &broker->decision);
        return verdict_name(broker->decision.verdict);
    }
    (void)store_find_workflow(broker->store, event->lead, &event->reference, &workflow);
    workflow.judging_seq = 0; /* it would come behind all that is there */
    turn_circumstances(broker, event, &workflow);
    if (broker->failure == STATUS_OK &&
        decide_turn(event, &broker->circumstances, &broker->decision, ret_stage))
        decide_verdict(event, &broker->circumstances, NULL, 0, &broker->decision);
    return verdict_name(broker->decision.verdict);
}

static void put_validated(struct asking *asking, const struct event_id *id, const char *verdict,
                          enum stage stage, const char *note)
{
    char text[EVENT_ID_TEXT_SIZE] = "";
    if (id != NULL)
        event_id_print(*id, text);
    if (!query_row(asking))
        return;
    query_text(asking, text);
    query_text(asking, verdict);
    query_text(asking, stage != STAGE_NONE ? stage_name(stage) : "");
    query_boolean(asking, false);
    query_text(asking, note);
}

void query_event_validate(struct asking *asking)
{
    struct reason items[REASONS_MAX];
    struct reasons reasons = {.items = items, .max = REASONS_MAX};
    struct event event;
    bool id_known = false;
    enum stage stage = STAGE_NONE;

    if (asking->query->body.len == 0 && asking->body == NULL) {
        query_error(asking, "USAGE", "event validate needs an event in the body");
        return;
    }
    arena_reset(asking->broker->scratch);
    if (asking->body != NULL) {
        event = *asking->body;
    } else if (codec_decode_event(asking->query->body, asking->broker->scratch, &event, &id_known,
                                  &reasons) != STATUS_OK) {
        query_reply_reasons(asking, items, reasons.count);
        put_validated(asking, id_known ? &event.id : NULL, "REFUSED", STAGE_NONE,
                      "not well formed: nothing would be kept");
        return;
    }
    decide_door(&event, asking->principal, &reasons);
    if (reasons.count > 0) {
        query_reply_reasons(asking, items, reasons.count);
        put_validated(asking, &event.id, "REFUSED", STAGE_NONE,
                      "refused at the door: nothing would be kept");
        return;
    }
    const char *verdict = judge_now(asking, &event, &stage);
    const struct decision *decision = &asking->broker->decision;
    query_reply_reasons(asking, decision->reasons.items, decision->reasons.count);
    put_validated(asking, &event.id, verdict, stage,
                  stage != STAGE_NONE ? "as the daemon alone would decide now; the stage's worker "
                                        "judges the content and was not asked"
                                      : "the daemon alone decides this");
}

/* ---- work under way ---- */

/** Since when @stage is as it is; why, as the order says, for those who may read it. */
static void put_stage_setting(struct asking *asking, enum stage stage)
{
    const struct stage_setting *setting = &asking->broker->stages[stage];
    struct entry entry = {0};
    struct slice bytes;
    struct hash hash;

    query_moment(asking, setting->since_ms);
    if (setting->seq == 0 || !(asking->principal->verbs & VERB_BIT(VERB_OPERATE)) ||
        !query_read(asking, setting->seq, &entry, &bytes, &hash))
        query_text(asking, "");
    else
        query_slice(asking, entry.order_reason);
}

void query_queue_list(struct asking *asking)
{
    const struct docket *docket = asking->broker->docket;

    for (enum stage stage = STAGE_NEEDS_ASSESSED; stage <= STAGE_REVIEW; stage++) {
        if (!query_row(asking))
            return;
        query_text(asking, stage_name(stage));
        query_text(asking, stage_state_name(asking->broker->stages[stage].state));
        query_number(asking, docket_count_of(docket, stage, DOCKET_QUEUED));
        query_number(asking, docket_count_of(docket, stage, DOCKET_READY) +
                                 docket_count_of(docket, stage, DOCKET_TURN));
        query_number(asking, docket_count_of(docket, stage, DOCKET_LEASED));
        query_number(asking, docket_count_of(docket, stage, DOCKET_DELAYED));
        query_number(asking, docket_count_of(docket, stage, DOCKET_HELD));
        query_number(asking, docket_count_of(docket, stage, DOCKET_PARKED));
        query_number(asking, roster_workers_of(asking->broker->roster, stage));
        query_moment(asking, docket_oldest_ms(docket, stage));
        put_stage_setting(asking, stage);
    }
}

static void put_worker(struct asking *asking, const struct roster_worker *worker)
{
    char stages[128] = "";
    size_t len = 0;
    int64_t now_ms = asking->broker->now.mono_ms;

    for (enum stage stage = STAGE_NEEDS_ASSESSED; stage <= STAGE_REVIEW; stage++) {
        if (worker->stages & (1u << stage))
            len += (size_t)snprintf(stages + len, sizeof stages - len, "%s%s", len > 0 ? " " : "",
                                    stage_name(stage));
    }
    query_text(asking, worker->name);
    query_text(asking, stages);
    query_text(asking, worker->draining ? "draining" : worker->deaf ? "not accepting" : "here");
    query_number(asking, worker->capacity);
    query_number(asking, worker->leased);
    number_of(asking, worker->findings);
    number_of(asking, worker->lapsed);
    query_number(asking, now_ms - worker->heard_ms);
    query_number(asking, now_ms - worker->joined_ms);
    query_text(asking, worker->organisation.text);
}

void query_worker_list(struct asking *asking)
{
    struct roster_worker worker;
    uint32_t at;

    (void)query_resumed(asking, &at, sizeof at);
    for (uint32_t before = at; roster_next_worker(asking->broker->roster, &at, &worker);
         before = at) {
        if (!query_row(asking)) {
            query_resume(asking, &before, sizeof before);
            return;
        }
        put_worker(asking, &worker);
    }
}

/* ---- quotas ---- */

static void put_quota(struct asking *asking, struct ods ods)
{
    struct broker *broker = asking->broker;
    const struct broker_options *options = &broker->options;
    struct quota_use use = quota_use_of(broker->quota, ods, broker->now.mono_ms);

    query_text(asking, ods.text);
    query_number(asking, use.events);
    query_number(asking, options->events_open_sender_max);
    number_of(asking, use.bytes);
    number_of(asking, options->bytes_open_sender_max);
    number_of(asking, store_get_caseload(broker->store, ods));
    query_number(asking, options->workflows_open_lead_max);
    query_number(asking, use.tokens);
    query_number(asking, options->events_burst_sender_max);
    query_number(asking, options->events_rate_sender_max);
    number_of(asking, use.refused);
}

/** The next organisation after @after that has anything under way, or a workflow. False: no more. */
static bool next_in_quotas(struct asking *asking, struct ods after, struct ods *ret)
{
    struct broker *broker = asking->broker;
    struct ods leads;
    uint64_t count = 0;
    uint32_t looked = 0;
    bool found = quota_next(broker->quota, after, ret, &looked);
    bool led = store_next_caseload(broker->store, after, &leads, &count);

    broker->asked += looked / 64 + 1; /* a row of the store costs some 64 of these */
    if (led && (!found || memcmp(leads.text, ret->text, ODS_SIZE) < 0))
        *ret = leads;
    return found || led;
}

void query_quota_list(struct asking *asking)
{
    struct ods at;
    struct ods next;

    if (query_given(asking, ARGUMENT_ORGANISATION) || !query_sees_all(asking)) {
        struct ods one = query_given(asking, ARGUMENT_ORGANISATION)
                             ? asking->organisation
                             : asking->principal->organisation;
        if (!query_sees_organisation(asking, one))
            query_error(asking, "SENDER_NOT_AUTHORISED", "%s may not see what %s has under way",
                        asking->principal->organisation.text, one.text);
        else if (query_row(asking))
            put_quota(asking, one);
        return;
    }
    (void)query_resumed(asking, &at, sizeof at);
    while (next_in_quotas(asking, at, &next)) {
        if (asking->broker->asked >= ASKED_MAX || !query_row(asking)) {
            query_resume(asking, &at, sizeof at);
            return;
        }
        put_quota(asking, next);
        at = next;
    }
}
