/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "daemon/broker/inside.h"
#include "daemon/domain/route.h"

static struct slice text_of(const char *text)
{
    return (struct slice){(const uint8_t *)text, strlen(text)};
}

static uint32_t lease_ms(const struct broker *broker, enum stage stage)
{
    return broker->options.lease_ms != 0 ? broker->options.lease_ms
                                         : broker_stage(broker, stage)->lease_ms;
}

/* ---- coming and going ---- */

/** What holds for a worker of @stages (1u << stage): the shortest times of them. */
static struct welcome terms_of(const struct broker *broker, uint32_t stages)
{
    struct welcome terms = {.run = store_run(broker->store), .beat_ms = BEAT_MS};

    for (enum stage stage = STAGE_NEEDS_ASSESSED; stage <= STAGE_REVIEW; stage++) {
        uint32_t lease = lease_ms(broker, stage);
        uint32_t accept = broker_stage(broker, stage)->accept_ms;
        if (!(stages & (1u << stage)))
            continue;
        if (terms.lease_ms == 0 || lease < terms.lease_ms)
            terms.lease_ms = lease;
        if (terms.accept_ms == 0 || accept < terms.accept_ms)
            terms.accept_ms = accept;
    }
    return terms;
}

static void welcome(struct broker *broker, connection_t to, struct welcome said)
{
    struct owed *owed = outbox_push(&broker->outbox, OWED_WORKER, to, MESSAGE_WELCOMES);
    if (owed != NULL)
        owed->welcome = said;
}

static void refuse(struct broker *broker, connection_t to, const char *error)
{
    struct welcome said = terms_of(broker, 0);
    said.error = text_of(error);
    welcome(broker, to, said);
}

/** The worker on @to is here: how often to beat, how long it may take, whether to finish. */
static void tell_terms(struct broker *broker, connection_t to)
{
    struct roster_worker worker;
    bool here = roster_find(broker->roster, to, &worker);
    CHECK(here);
    struct welcome said = terms_of(broker, worker.stages);
    said.drain = worker.draining;
    welcome(broker, to, said);
}

void broker_hello(struct broker *broker, connection_t from, const struct principal *principal,
                  const struct hello *hello)
{
    if (!(principal->verbs & VERB_BIT(VERB_WORK)))
        refuse(broker, from, "SENDER_NOT_AUTHORISED: the key does not have the verb WORK");
    else if (hello->stages_count == 0 || hello->capacity == 0)
        refuse(broker, from, "FIELD_MISSING: a worker names its stages and its capacity");
    else if (!roster_join(broker->roster, from, hello, principal->organisation,
                          broker->now.mono_ms))
        refuse(broker, from, "BUSY: there are as many workers as may be");
    else
        tell_terms(broker, from);
}

void broker_beat(struct broker *broker, connection_t from)
{
    /* Each beat is answered, so that a worker knows of a daemon that went away or started anew. */
    if (roster_beat(broker->roster, from, broker->now.mono_ms))
        tell_terms(broker, from);
    else
        refuse(broker, from, "NOT_FOUND: say HELLO first");
}

void broker_bye(struct broker *broker, connection_t from)
{
    (void)roster_leave(broker->roster, from, LOSS_LEFT);
    work_take_back(broker);
}

void broker_gone(struct broker *broker, connection_t from)
{
    feeds_gone(broker->feeds, from);
    if (roster_leave(broker->roster, from, LOSS_GONE))
        work_take_back(broker);
}

void broker_revoked(struct broker *broker, connection_t from)
{
    feeds_revoked(broker->feeds, from, &broker->outbox);
    broker_gone(broker, from);
}

/** Nothing went wrong: ready again, in its old place by age. */
static void put_back(struct broker *broker, const struct lease *lease)
{
    const struct docket_event *open = docket_find(broker->docket, lease->seq);
    CHECK(open != NULL);
    CHECK(open->state == DOCKET_LEASED);

    queue_push(broker->queue, lease->stage, open->rank, open->sender, lease->seq, open->cost);
    docket_move(broker->docket, lease->seq, lease->stage, DOCKET_READY);
}

/** Is the loss of @lease a failed attempt? Says why, or nothing. */
static const char *fault_of(struct broker *broker, const struct lease *lease, enum roster_loss loss)
{
    if (loss == LOSS_LEFT)
        return NULL;
    if (lease->accepted) {
        docket_offer_taken(broker->docket, lease->seq);
        return loss == LOSS_GONE ? "worker gone" : "lease lost";
    }
    broker->counts.offers_lapsed += loss == LOSS_OFFER;
    /* A worker that dies at once takes its ACCEPT with it: what befalls one after another is an attempt all the same. */
    if (docket_offer_lost(broker->docket, lease->seq) <= OFFERS_LOST_MAX)
        return NULL;
    return loss == LOSS_GONE ? "worker gone before it accepted" : "not accepted in time";
}

void work_take_back(struct broker *broker)
{
    struct lease lease;
    enum roster_loss loss;
    char name[WORKER_NAME_SIZE];

    while (!broker_full(broker) && broker->failure == STATUS_OK &&
           roster_next_lost(broker->roster, broker->now.mono_ms, &lease, &loss, name)) {
        const char *fault = fault_of(broker, &lease, loss);
        if (fault == NULL)
            put_back(broker, &lease);
        else
            turn_failed(broker, &lease, name, text_of(fault), loss == LOSS_GONE);
    }
    turn_run(broker);
}

/* ---- findings ---- */

/** Journal a finding that comes too late: it is refused, and shown. */
static void keep_late(struct broker *broker, const struct finding *finding, const struct lost *lost)
{
    struct event event;
    struct workflow workflow;
    struct ods audience[AUDIENCE_MAX];
    struct hash hash;

    if (!turn_load(broker, lost->seq, &event))
        return;
    if (!store_get_workflow(broker->store, lost->number, &workflow)) {
        broker_fail(broker, STATUS_STORE_CORRUPT);
        return;
    }
    struct entry entry = {
        .number = workflow.number,
        .previous = workflow.last_seq,
        .audience = audience,
        .audience_count = route_audience(&event, &workflow, audience),
        .kind = ENTRY_LATE_FINDING,
        .of_seq = lost->seq,
        .token = finding->token,
        .attempt = lost->attempt,
        .worker = text_of(lost->worker),
        .reasons = finding->reasons,
        .reasons_count = finding->reasons_count,
        .error = {finding->error.bytes, (size_t)turn_error_len(finding->error)},
    };
    (void)broker_add(broker, &entry, NULL, &hash);
}

/** Whose assignment of the run before does @finding name, if its event is still open? Answers once for each event. */
static bool late_of_last_run(struct broker *broker, connection_t from,
                             const struct finding *finding, struct lost *ret)
{
    const struct docket_event *open = docket_find(broker->docket, finding->seq);
    struct open_event row;

    if (finding->token.run + 1 != store_run(broker->store) || open == NULL || open->late_kept ||
        !store_get_open(broker->store, finding->seq, &row))
        return false;
    docket_keep_late(broker->docket, finding->seq);
    *ret = (struct lost){.seq = row.seq, .number = row.number, .counter = finding->token.counter};
    memcpy(ret->worker, roster_name(broker->roster, from),
           strlen(roster_name(broker->roster, from)));
    return true;
}

/** A finding whose assignment is not the newest any more. What was given to a worker once is kept; the rest is counted. */
static void take_late(struct broker *broker, connection_t from, const struct finding *finding)
{
    struct lost lost;
    bool known = finding->seq != 0 &&
                 (finding->token.run == store_run(broker->store)
                      ? roster_late(broker->roster, finding->seq, finding->token.counter, &lost)
                      : late_of_last_run(broker, from, finding, &lost));

    broker->counts.late_findings++;
    if (known)
        keep_late(broker, finding, &lost);
}

static void take_finding(struct broker *broker, connection_t from, const struct finding *finding)
{
    char name[WORKER_NAME_SIZE];
    struct lease lease;

    if (finding->token.run != store_run(broker->store) ||
        !roster_done(broker->roster, from, finding->seq, finding->token.counter, &lease)) {
        take_late(broker, from, finding);
        return;
    }
    memcpy(name, roster_name(broker->roster, from), sizeof name);
    if (finding->error.len > 0)
        turn_failed(broker, &lease, name, finding->error, false);
    else
        turn_judge(broker, &lease, name, finding->reasons, finding->reasons_count);
}

void broker_findings(struct broker *broker, connection_t from, const struct finding *findings,
                     uint32_t findings_count)
{
    (void)roster_heard(broker->roster, from, broker->now.mono_ms);
    for (uint32_t i = 0; i < findings_count && broker->failure == STATUS_OK; i++) {
        take_finding(broker, from, &findings[i]);
        turn_run(broker);
    }
}

/* ---- what a worker says of its assignments ---- */

void broker_accepts(struct broker *broker, connection_t from, const struct assignment_token *tokens,
                    uint32_t tokens_count)
{
    if (!roster_heard(broker->roster, from, broker->now.mono_ms))
        return;
    for (uint32_t i = 0; i < tokens_count; i++) {
        if (tokens[i].token.run == store_run(broker->store))
            (void)roster_accept(broker->roster, from, tokens[i].seq, tokens[i].token.counter,
                                broker->now.mono_ms);
    }
}

void broker_progresses(struct broker *broker, connection_t from,
                       const struct assignment_token *tokens, uint32_t tokens_count)
{
    if (!roster_heard(broker->roster, from, broker->now.mono_ms))
        return;
    for (uint32_t i = 0; i < tokens_count; i++) {
        if (tokens[i].token.run == store_run(broker->store))
            (void)roster_progress(broker->roster, from, tokens[i].seq, tokens[i].token.counter,
                                  broker->now.mono_ms);
    }
}

/* ---- assignments ---- */

/** Those of the event's providers that are registered, as the day of the event saw them. False: the store is broken. */
static bool load_providers(struct broker *broker, enum event_type type,
                           struct assignment *assignment)
{
    struct event event;
    if (type != EVENT_AWARD_INTENDED && type != EVENT_CONTRACT_AWARDED &&
        type != EVENT_BID_RECEIVED)
        return true;
    if (!turn_load(broker, assignment->seq, &event))
        return false;

    bool bid = type == EVENT_BID_RECEIVED;
    const struct provider *providers = bid ? &event.bid_received.provider : event.award.providers;
    uint32_t count = bid ? 1 : event.award.providers_count;
    struct organisation *found = arena_take(broker->arena, count * sizeof *found);
    for (uint32_t i = 0; i < count && found != NULL; i++) {
        struct organisation *organisation = &found[assignment->providers_count];
        struct ods ods;
        if (!ods_parse((const char *)providers[i].id.bytes, providers[i].id.len, &ods))
            continue;
        store_get_organisation(broker->store, ods, event.occurred_on, organisation);
        if (organisation->known)
            assignment->providers_count++;
    }
    assignment->providers = found;
    return true;
}

/** The facts that the event's type asks for, in the order in which they were accepted. */
static void load_facts(struct broker *broker, enum event_type type, uint64_t number,
                       struct assignment *assignment)
{
    const struct needs *needs = needs_of(type);
    struct slice bytes[FACTS_MAX];
    uint64_t seqs[FACTS_MAX];
    uint32_t count = 0;

    for (uint32_t i = 0; i < NEEDS_FACTS_MAX && needs->facts[i] != EVENT_NONE; i++) {
        struct slice more[FACTS_MAX];
        uint64_t more_seqs[FACTS_MAX];
        uint32_t more_count = store_get_facts(broker->store, number, needs->facts[i], more,
                                              more_seqs, FACTS_MAX - count);
        for (uint32_t j = 0; j < more_count; j++, count++) {
            uint32_t at = count;
            for (; at > 0 && seqs[at - 1] > more_seqs[j]; at--) {
                seqs[at] = seqs[at - 1];
                bytes[at] = bytes[at - 1];
            }
            seqs[at] = more_seqs[j];
            bytes[at] = more[j];
        }
    }
    struct slice *copies = arena_take(broker->arena, count * sizeof *copies);
    for (uint32_t i = 0; i < count && copies != NULL; i++)
        copies[i] = arena_copy(broker->arena, bytes[i]);
    assignment->fact_bytes = copies;
    assignment->facts_count = copies != NULL ? count : 0;
}

/** Owe @worker the event of @seq, with all it needs. False: the store is broken, or there is no room. */
static bool assign(struct broker *broker, uint64_t seq, enum stage stage, uint32_t worker)
{
    const struct docket_event *ready = docket_find(broker->docket, seq);
    struct open_event open;
    struct workflow workflow;
    struct slice bytes;
    CHECK(ready != NULL);

    if (!store_get_open(broker->store, seq, &open) ||
        !store_get_workflow(broker->store, open.number, &workflow) ||
        !store_event_bytes(broker->store, seq, &bytes)) {
        broker_fail(broker, STATUS_STORE_CORRUPT);
        return false;
    }

    struct lease lease = {
        .seq = seq,
        .number = open.number,
        .counter = ++broker->counter,
        .stage = stage,
        .attempt = open.attempt + 1,
        .lease_ms = lease_ms(broker, stage),
        .ends_ms = broker->now.mono_ms + broker_stage(broker, stage)->accept_ms,
    };
    struct assignment assignment = {
        .token = {.run = store_run(broker->store), .counter = lease.counter},
        .seq = seq,
        .attempt = lease.attempt,
        .lease_ms = lease.lease_ms,
        .stage = stage,
        .adopted = workflow.adopted,
        .event_bytes = arena_copy(broker->arena, bytes),
    };
    /* An opening event has no present lead yet: its own. */
    store_get_organisation(broker->store, workflow.present_lead, ready->occurred_on,
                           &assignment.commissioner);
    if (!load_providers(broker, open.type, &assignment))
        return false;
    load_facts(broker, open.type, workflow.number, &assignment);

    struct owed *owed = arena_full(broker->arena)
                            ? NULL
                            : outbox_push(&broker->outbox, OWED_WORKER, 0, MESSAGE_ASSIGNMENTS);
    if (owed == NULL)
        return false;
    owed->assignment = assignment;
    owed->connection = roster_lease(broker->roster, worker, &lease);
    docket_move(broker->docket, seq, stage, DOCKET_LEASED);
    return true;
}

/** Is there room to owe another assignment of any size? */
static bool has_room(const struct broker *broker)
{
    return arena_used(broker->arena) + ASSIGNMENT_BYTES_MAX + REPLY_BYTES_MAX < BROKER_ARENA_BYTES;
}

/** Give @worker the next ready event of @stage. False: there is no room, and it is ready again. */
static bool assign_next(struct broker *broker, enum stage stage, uint32_t worker)
{
    uint64_t seq = 0;
    bool popped = queue_pop(broker->queue, stage, &seq);
    CHECK(popped);
    if (has_room(broker) && assign(broker, seq, stage, worker))
        return true;

    const struct docket_event *open = docket_find(broker->docket, seq);
    CHECK(open != NULL);
    queue_push(broker->queue, stage, open->rank, open->sender, seq, open->cost);
    return false;
}

void work_assign(struct broker *broker)
{
    connection_t untold;
    while (roster_next_untold(broker->roster, &untold))
        tell_terms(broker, untold);

    broker->unassigned = false;
    for (enum stage stage = STAGE_NEEDS_ASSESSED; stage <= STAGE_REVIEW && !broker->draining;
         stage++) {
        uint32_t worker;
        if (broker->stages[stage].state == STAGE_PAUSED)
            continue;
        while (broker->failure == STATUS_OK && queue_count(broker->queue, stage) > 0 &&
               roster_pick(broker->roster, stage, &worker)) {
            if (!assign_next(broker, stage, worker)) {
                broker->unassigned = true;
                return;
            }
        }
    }
}
