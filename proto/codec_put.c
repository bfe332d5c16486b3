/* SPDX-License-Identifier: Apache-2.0 */
/* codec.h, encoding. Written field by field, in the order of their numbers, as protobuf-c would; a test compares the two. */
#include "proto/codec.h"

#include "proto/wire.h"

/** Begin an item: nothing of it stays if it does not fit. */
static size_t begin_whole(const struct buffer *buffer)
{
    CHECK(buffer->len <= buffer->max);
    return buffer->len;
}

static void end_whole(struct buffer *buffer, size_t start)
{
    if (buffer->full)
        buffer->len = start;
}

static struct slice bytes_of(const uint8_t *bytes, size_t len)
{
    return (struct slice){bytes, len};
}

static void put_date(struct buffer *buffer, uint32_t number, date_t date)
{
    char text[DATE_TEXT_SIZE];

    date_print(date, text);
    wire_put_text(buffer, number, text);
}

static void put_year(struct buffer *buffer, uint32_t number, int32_t year)
{
    char text[YEAR_TEXT_SIZE];

    financial_year_print(year, text);
    wire_put_text(buffer, number, text);
}

static void put_pence(struct buffer *buffer, uint32_t number, int64_t pence)
{
    wire_put_varint(buffer, number, (uint64_t)pence);
}

/** The bits of @bits that are set, 0 to 31, as a packed list. */
static void put_bits(struct buffer *buffer, uint32_t number, uint32_t bits)
{
    if (bits == 0)
        return;
    size_t list = wire_begin(buffer, number);
    for (uint32_t i = 0; i < 32; i++) {
        if ((bits >> i & 1) != 0)
            wire_pack_varint(buffer, i);
    }
    wire_end(buffer, list);
}

static void put_reasons(struct buffer *buffer, uint32_t number, const struct reason *reasons,
                        uint32_t count)
{
    char code[REASON_CODE_SIZE];

    for (uint32_t i = 0; i < count; i++) {
        const struct reason *reason = &reasons[i];
        size_t message = wire_begin(buffer, number);
        reason_print_code(reason, code);
        wire_put_text(buffer, 1, code);
        wire_put_text(buffer, 2, reason_rule(reason->code));
        wire_put_varint(buffer, 3, reason->severity);
        wire_put_text(buffer, 4, reason->field);
        wire_put_text(buffer, 5, reason->value);
        wire_put_text(buffer, 6, reason->text);
        wire_end(buffer, message);
    }
}

/* ---- clients' socket ---------------------------------------------------------------------- */

void codec_put_event(struct buffer *buffer, struct slice event_bytes)
{
    size_t start = begin_whole(buffer);

    wire_add_bytes(buffer, 1, event_bytes);
    end_whole(buffer, start);
}

void codec_put_answer(struct buffer *buffer, const struct answer *answer)
{
    size_t start = begin_whole(buffer);
    size_t message = wire_begin(buffer, 1);

    wire_put_varint(buffer, 1, answer->kind);
    if (answer->id_known)
        wire_put_bytes(buffer, 2, bytes_of(answer->event_id.bytes, EVENT_ID_BYTES));
    wire_put_varint(buffer, 3, answer->seq);
    if (answer->seq != 0)
        wire_put_bytes(buffer, 4, bytes_of(answer->entry_hash.bytes, HASH_BYTES));
    wire_put_varint(buffer, 5, answer->repeated);
    wire_put_varint(buffer, 6, answer->verdict);
    wire_put_varint(buffer, 7, answer->verdict_seq);
    put_reasons(buffer, 8, answer->reasons, answer->reasons_count);
    wire_put_varint(buffer, 9, answer->retry_after_ms);
    wire_end(buffer, message);
    end_whole(buffer, start);
}

void codec_put_query(struct buffer *buffer, const struct query *query)
{
    size_t start = begin_whole(buffer);
    size_t message = wire_begin(buffer, 1);

    wire_put_varint(buffer, 1, query->query_id);
    wire_put_bytes(buffer, 2, query->command);
    for (uint32_t i = 0; i < query->arguments_count; i++) {
        size_t argument = wire_begin(buffer, 3);
        wire_put_bytes(buffer, 1, query->arguments[i].name);
        wire_put_bytes(buffer, 2, query->arguments[i].value);
        wire_end(buffer, argument);
    }
    wire_put_bytes(buffer, 4, query->body);
    wire_put_varint(buffer, 5, query->rows_max);
    wire_put_bytes(buffer, 6, query->resume);
    wire_end(buffer, message);
    end_whole(buffer, start);
}

static void put_entry_rows(struct buffer *buffer, uint32_t number, const struct entry_row *rows,
                           uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        size_t row = wire_begin(buffer, number);
        wire_put_varint(buffer, 1, rows[i].seq);
        wire_put_bytes(buffer, 2, bytes_of(rows[i].hash.bytes, HASH_BYTES));
        wire_put_bytes(buffer, 3, rows[i].entry);
        wire_end(buffer, row);
    }
}

static void put_columns(struct buffer *buffer, const struct reply *reply)
{
    for (uint32_t i = 0; i < reply->columns_count; i++) {
        size_t column = wire_begin(buffer, 6);
        wire_put_text(buffer, 1, reply->columns[i].name);
        wire_put_varint(buffer, 2, reply->columns[i].type);
        wire_put_varint(buffer, 3, reply->columns[i].wide);
        wire_end(buffer, column);
    }
}

static void put_rows(struct buffer *buffer, const struct reply *reply)
{
    const struct slice *cell = reply->cells;

    for (uint32_t i = 0; i < reply->rows_count; i++) {
        size_t row = wire_begin(buffer, 7);
        for (uint32_t j = 0; j < reply->columns_count; j++)
            wire_add_bytes(buffer, 1, *cell++);
        wire_end(buffer, row);
    }
}

void codec_put_reply(struct buffer *buffer, const struct reply *reply)
{
    size_t start = begin_whole(buffer);
    size_t message = wire_begin(buffer, 1);

    wire_put_varint(buffer, 1, reply->query_id);
    wire_put_bytes(buffer, 2, reply->error);
    wire_put_bytes(buffer, 3, reply->error_text);
    wire_put_bytes(buffer, 4, reply->resume);
    wire_put_varint(buffer, 5, reply->as_of_seq);
    put_columns(buffer, reply);
    put_rows(buffer, reply);
    put_entry_rows(buffer, 8, reply->entries, reply->entries_count);
    put_reasons(buffer, 9, reply->reasons, reply->reasons_count);
    wire_put_bytes(buffer, 10, reply->data);
    wire_end(buffer, message);
    end_whole(buffer, start);
}

/** The members of the asks have the same numbers: 1 feed; FeedOpen 2 from_seq, 3 credit; FeedCredit 2 credit. */
static void put_ask(struct buffer *buffer, const struct feed_ask *ask)
{
    wire_put_varint(buffer, 1, ask->feed);
    switch (ask->verb) {
    case FEED_OPEN:
        wire_put_varint(buffer, 2, ask->from_seq);
        wire_put_varint(buffer, 3, ask->credit);
        if (ask->after_given)
            wire_put_bytes(buffer, 4, (struct slice){ask->after_hash.bytes, HASH_BYTES});
        break;
    case FEED_CREDIT:
        wire_put_varint(buffer, 2, ask->credit);
        break;
    case FEED_NONE:
    case FEED_CLOSE:
        break;
    }
}

void codec_put_feed_ask(struct buffer *buffer, const struct feed_ask *ask)
{
    CHECK(ask->verb != FEED_NONE);
    size_t start = begin_whole(buffer);
    size_t message = wire_begin(buffer, 1);
    size_t member = wire_begin(buffer, ask->verb);

    put_ask(buffer, ask);
    wire_end(buffer, member);
    wire_end(buffer, message);
    end_whole(buffer, start);
}

void codec_put_entries(struct buffer *buffer, const struct feed_entries *entries)
{
    size_t start = begin_whole(buffer);

    wire_put_varint(buffer, 1, entries->feed);
    put_entry_rows(buffer, 2, entries->entries, entries->entries_count);
    wire_put_varint(buffer, 3, entries->read_seq);
    wire_put_bytes(buffer, 4, entries->error);
    end_whole(buffer, start);
}

/* ---- workers' socket ---------------------------------------------------------------------- */

void codec_put_hello(struct buffer *buffer, const struct hello *hello)
{
    size_t start = begin_whole(buffer);
    size_t message = wire_begin(buffer, 1);

    if (hello->stages_count > 0) {
        size_t list = wire_begin(buffer, 1);
        for (uint32_t i = 0; i < hello->stages_count; i++)
            wire_pack_varint(buffer, hello->stages[i]);
        wire_end(buffer, list);
    }
    wire_put_text(buffer, 2, hello->name);
    wire_put_varint(buffer, 3, hello->capacity);
    wire_end(buffer, message);
    end_whole(buffer, start);
}

void codec_put_welcome(struct buffer *buffer, const struct welcome *welcome)
{
    size_t start = begin_whole(buffer);
    size_t message = wire_begin(buffer, 1);

    wire_put_varint(buffer, 1, welcome->run);
    wire_put_varint(buffer, 2, welcome->beat_ms);
    wire_put_varint(buffer, 3, welcome->lease_ms);
    wire_put_bytes(buffer, 4, welcome->error);
    wire_put_varint(buffer, 5, welcome->accept_ms);
    wire_put_varint(buffer, 6, welcome->drain);
    wire_end(buffer, message);
    end_whole(buffer, start);
}

void codec_put_beat(struct buffer *buffer, uint32_t leased)
{
    size_t start = begin_whole(buffer);
    size_t message = wire_begin(buffer, 1);

    wire_put_varint(buffer, 1, leased);
    wire_end(buffer, message);
    end_whole(buffer, start);
}

void codec_put_bye(struct buffer *buffer, struct slice reason)
{
    size_t start = begin_whole(buffer);
    size_t message = wire_begin(buffer, 1);

    wire_put_bytes(buffer, 1, reason);
    wire_end(buffer, message);
    end_whole(buffer, start);
}

static void put_organisation(struct buffer *buffer, uint32_t number,
                             const struct organisation *organisation)
{
    size_t message = wire_begin(buffer, number);

    wire_put_text(buffer, 1, organisation->ods.text);
    wire_put_text(buffer, 2, organisation->name);
    wire_put_varint(buffer, 3, organisation->kind);
    put_date(buffer, 4, organisation->opened_on);
    put_date(buffer, 5, organisation->closed_on);
    wire_put_text(buffer, 6, organisation->successor.text);
    wire_put_varint(buffer, 7, organisation->co_level);
    wire_put_varint(buffer, 8, organisation->entry_seq);
    wire_end(buffer, message);
}

void codec_put_assignment(struct buffer *buffer, const struct assignment *assignment)
{
    size_t start = begin_whole(buffer);
    size_t message = wire_begin(buffer, 1);

    wire_put_varint(buffer, 1, assignment->token.run);
    wire_put_varint(buffer, 2, assignment->token.counter);
    wire_put_varint(buffer, 3, assignment->seq);
    wire_put_varint(buffer, 4, assignment->attempt);
    wire_put_varint(buffer, 5, assignment->lease_ms);
    wire_put_bytes(buffer, 6, assignment->event_bytes);
    wire_put_varint(buffer, 7, assignment->stage);
    wire_put_varint(buffer, 8, assignment->adopted);
    if (assignment->commissioner.known)
        put_organisation(buffer, 9, &assignment->commissioner);
    for (uint32_t i = 0; i < assignment->providers_count; i++)
        put_organisation(buffer, 10, &assignment->providers[i]);
    for (uint32_t i = 0; i < assignment->facts_count; i++)
        wire_add_bytes(buffer, 11, assignment->fact_bytes[i]);
    wire_end(buffer, message);
    end_whole(buffer, start);
}

void codec_put_finding(struct buffer *buffer, const struct finding *finding)
{
    size_t start = begin_whole(buffer);
    size_t message = wire_begin(buffer, 1);

    wire_put_varint(buffer, 1, finding->token.run);
    wire_put_varint(buffer, 2, finding->token.counter);
    wire_put_varint(buffer, 3, finding->seq);
    put_reasons(buffer, 4, finding->reasons, finding->reasons_count);
    wire_put_bytes(buffer, 5, finding->error);
    wire_end(buffer, message);
    end_whole(buffer, start);
}

void codec_put_assignment_token(struct buffer *buffer, const struct assignment_token *token)
{
    size_t start = begin_whole(buffer);
    size_t message = wire_begin(buffer, 1);

    wire_put_varint(buffer, 1, token->token.run);
    wire_put_varint(buffer, 2, token->token.counter);
    wire_put_varint(buffer, 3, token->seq);
    wire_end(buffer, message);
    end_whole(buffer, start);
}

/* ---- the journal -------------------------------------------------------------------------- */

static void put_lines(struct buffer *buffer, uint32_t number, const struct entry *entry)
{
    for (uint32_t i = 0; i < entry->lines_count; i++) {
        const struct ledger_line *line = &entry->lines[i];
        size_t message = wire_begin(buffer, number);
        wire_put_text(buffer, 1, line->ods.text);
        wire_put_varint(buffer, 2, (uint32_t)line->year);
        wire_put_varint(buffer, 3, line->kind);
        wire_put_sint(buffer, 4, line->pence);
        wire_put_varint(buffer, 5, line->uncovered);
        wire_end(buffer, message);
    }
}

static void put_waits(struct buffer *buffer, uint32_t number, const struct entry *entry)
{
    for (uint32_t i = 0; i < entry->waits_count; i++) {
        const struct wait *wait = &entry->waits[i];
        size_t message = wire_begin(buffer, number);
        wire_put_varint(buffer, 1, wait->kind);
        wire_put_text(buffer, 2, wait->ods.text);
        wire_put_varint(buffer, 3, (uint32_t)wait->year);
        wire_put_varint(buffer, 4, wait->number);
        wire_end(buffer, message);
    }
}

static void put_timers(struct buffer *buffer, uint32_t number, const struct entry *entry)
{
    for (uint32_t i = 0; i < entry->timers_count; i++) {
        const struct timer_set *timer = &entry->timers[i];
        size_t message = wire_begin(buffer, number);
        wire_put_varint(buffer, 1, timer->kind);
        wire_put_varint(buffer, 2, timer->of_seq);
        wire_put_varint(buffer, 3, timer->level);
        wire_put_varint(buffer, 4, (uint64_t)timer->due_ms);
        wire_end(buffer, message);
    }
}

static void put_judged(struct buffer *buffer, const struct entry *entry)
{
    wire_put_varint(buffer, 1, entry->of_seq);
    wire_put_varint(buffer, 2, entry->verdict);
    put_reasons(buffer, 3, entry->reasons, entry->reasons_count);
    wire_put_varint(buffer, 4, entry->stage);
    wire_put_varint(buffer, 5, entry->phase);
    put_lines(buffer, 6, entry);
    put_waits(buffer, 7, entry);
    wire_put_bytes(buffer, 8, entry->worker);
    wire_put_varint(buffer, 9, entry->attempt);
    wire_put_varint(buffer, 10, entry->keeps_fact);
    wire_put_varint(buffer, 11, entry->category);
    put_timers(buffer, 12, entry);
    wire_put_varint(buffer, 13, (uint64_t)entry->shift_ms);
}

static void put_recorded(struct buffer *buffer, const struct entry *entry)
{
    wire_put_bytes(buffer, 1, entry->event);
    wire_put_varint(buffer, 2, entry->key_seq);
    wire_put_varint(buffer, 3, entry->verdict);
    put_reasons(buffer, 4, entry->reasons, entry->reasons_count);
    put_lines(buffer, 5, entry);
}

static void put_attempt_failed(struct buffer *buffer, const struct entry *entry)
{
    wire_put_varint(buffer, 1, entry->of_seq);
    wire_put_varint(buffer, 2, entry->attempt);
    wire_put_bytes(buffer, 3, entry->error);
    wire_put_varint(buffer, 4, (uint64_t)entry->next_at_ms);
    wire_put_bytes(buffer, 5, entry->worker);
    wire_put_varint(buffer, 6, entry->parked);
}

static void put_late_finding(struct buffer *buffer, const struct entry *entry)
{
    wire_put_varint(buffer, 1, entry->of_seq);
    wire_put_varint(buffer, 2, entry->token.run);
    wire_put_varint(buffer, 3, entry->token.counter);
    wire_put_varint(buffer, 4, entry->attempt);
    wire_put_bytes(buffer, 5, entry->worker);
    put_reasons(buffer, 6, entry->reasons, entry->reasons_count);
    wire_put_bytes(buffer, 7, entry->error);
}

static void put_order(struct buffer *buffer, uint32_t number, const struct entry *entry)
{
    size_t order = wire_begin(buffer, number);

    wire_put_varint(buffer, 1, entry->key_seq);
    wire_put_text(buffer, 2, entry->by.text);
    wire_put_bytes(buffer, 3, entry->order_reason);
    wire_end(buffer, order);
}

static void put_event_withdrawn(struct buffer *buffer, const struct entry *entry)
{
    wire_put_varint(buffer, 1, entry->of_seq);
    put_order(buffer, 2, entry);
    wire_put_varint(buffer, 3, entry->discarded);
    wire_put_varint(buffer, 4, entry->before_seq);
}

static void put_timer_fired(struct buffer *buffer, const struct entry *entry)
{
    wire_put_varint(buffer, 1, entry->timer.kind);
    wire_put_varint(buffer, 2, entry->timer.of_seq);
    wire_put_varint(buffer, 3, entry->timer.level);
    wire_put_varint(buffer, 4, (uint64_t)entry->timer.due_ms);
    wire_put_varint(buffer, 5, entry->next_level);
    wire_put_varint(buffer, 6, (uint64_t)entry->next_due_ms);
    wire_put_bytes(buffer, 7, entry->role);
}

static void put_body(struct buffer *buffer, const struct entry *entry)
{
    switch (entry->kind) {
    case ENTRY_NONE:
        break;
    case ENTRY_STARTED:
        wire_put_varint(buffer, 1, entry->run);
        wire_put_bytes(buffer, 2, entry->version);
        wire_put_bytes(buffer, 3, entry->journal_id);
        break;
    case ENTRY_RECEIVED:
        wire_put_bytes(buffer, 1, entry->event);
        wire_put_varint(buffer, 2, entry->key_seq);
        break;
    case ENTRY_JUDGED:
        put_judged(buffer, entry);
        break;
    case ENTRY_RECORDED:
        put_recorded(buffer, entry);
        break;
    case ENTRY_ATTEMPT_FAILED:
        put_attempt_failed(buffer, entry);
        break;
    case ENTRY_WAIT_ENDED:
        wire_put_varint(buffer, 1, entry->of_seq);
        wire_put_varint(buffer, 2, entry->by_seq);
        wire_put_varint(buffer, 3, entry->expired);
        break;
    case ENTRY_LATE_FINDING:
        put_late_finding(buffer, entry);
        break;
    case ENTRY_RETRIED:
        wire_put_varint(buffer, 1, entry->of_seq);
        put_order(buffer, 2, entry);
        break;
    case ENTRY_EVENT_WITHDRAWN:
        put_event_withdrawn(buffer, entry);
        break;
    case ENTRY_STAGE_SET:
        wire_put_varint(buffer, 1, entry->stage);
        wire_put_varint(buffer, 2, entry->stage_state);
        put_order(buffer, 3, entry);
        break;
    case ENTRY_OPERATED:
        wire_put_bytes(buffer, 1, entry->command);
        put_order(buffer, 2, entry);
        break;
    case ENTRY_TIMER_FIRED:
        put_timer_fired(buffer, entry);
        break;
    }
}

void codec_encode_entry(struct buffer *buffer, const struct entry *entry)
{
    CHECK(entry->kind != ENTRY_NONE);
    size_t start = begin_whole(buffer);

    wire_put_varint(buffer, 1, entry->seq);
    wire_put_varint(buffer, 2, (uint64_t)entry->at_ms);
    wire_put_varint(buffer, 3, entry->number);
    wire_put_varint(buffer, 4, entry->previous);
    for (uint32_t i = 0; i < entry->audience_count; i++)
        wire_put_text(buffer, 5, entry->audience[i].text);
    size_t body = wire_begin(buffer, entry->kind);
    put_body(buffer, entry);
    wire_end(buffer, body);
    end_whole(buffer, start);
}

/* ---- events ------------------------------------------------------------------------------- */

static void put_provider(struct buffer *buffer, uint32_t number, const struct provider *provider)
{
    size_t message = wire_begin(buffer, number);

    wire_put_bytes(buffer, 1, provider->scheme);
    wire_put_bytes(buffer, 2, provider->id);
    wire_put_bytes(buffer, 3, provider->name);
    wire_put_varint(buffer, 4, provider->kind);
    wire_end(buffer, message);
}

/** AwardIntended and ContractAwarded have the same fields under the same numbers. */
static void put_award(struct buffer *buffer, const struct award *award)
{
    wire_put_bytes(buffer, 1, award->award_id);
    for (uint32_t i = 0; i < award->providers_count; i++)
        put_provider(buffer, 2, &award->providers[i]);
    put_pence(buffer, 3, award->value_pence);
    put_date(buffer, 4, award->period.from);
    put_date(buffer, 5, award->period.to);
    for (uint32_t i = 0; i < award->years_count; i++) {
        size_t value = wire_begin(buffer, 6);
        put_year(buffer, 1, award->years[i].year);
        put_pence(buffer, 2, award->years[i].pence);
        wire_end(buffer, value);
    }
    wire_put_bytes(buffer, 7, award->reference);
    wire_put_varint(buffer, 8, award->category);
    wire_put_varint(buffer, 9, award->excludes_unregistered);
}

static void put_needs_assessed(struct buffer *buffer, const struct needs_assessed *needs)
{
    wire_put_varint(buffer, 1, needs->category);
    wire_put_bytes(buffer, 2, needs->title);
    if (needs->registered_given)
        wire_add_varint(buffer, 3, needs->registered_count);
    if (needs->unregistered_given)
        wire_add_varint(buffer, 4, needs->unregistered_count);
    wire_put_varint(buffer, 5, needs->weight_management_tier);
    wire_put_bytes(buffer, 6, needs->la_code);
    wire_put_bytes(buffer, 7, needs->hwb_id);
}

static void put_procurement_started(struct buffer *buffer,
                                    const struct procurement_started *started)
{
    wire_put_varint(buffer, 1, started->route);
    wire_put_bytes(buffer, 2, started->title);
    wire_put_bytes(buffer, 3, started->notice_reference);
    put_pence(buffer, 4, started->value_pence);
    put_date(buffer, 5, started->closes_on);
    wire_put_varint(buffer, 6, started->category);
    wire_put_varint(buffer, 7, started->excludes_unregistered);
}

static void put_organisation_registered(struct buffer *buffer,
                                        const struct organisation_registered *registered)
{
    wire_put_bytes(buffer, 1, registered->name);
    wire_put_varint(buffer, 2, registered->kind);
    put_date(buffer, 3, registered->opened_on);
    put_date(buffer, 4, registered->closed_on);
    wire_put_text(buffer, 5, registered->successor.text);
}

static void put_allotment_set(struct buffer *buffer, const struct allotment_set *set)
{
    put_year(buffer, 1, set->year);
    put_pence(buffer, 2, set->core_pence);
    put_pence(buffer, 3, set->running_cost_pence);
    put_pence(buffer, 4, set->primary_care_pence);
    put_pence(buffer, 5, set->non_recurrent_pence);
}

static void put_key(struct buffer *buffer, struct key key)
{
    wire_put_bytes(buffer, 1, bytes_of(key.bytes, KEY_BYTES));
}

/** The payloads that are built. False: @event's type is none of theirs. */
static bool put_payload(struct buffer *buffer, const struct event *event)
{
    /* Most types of the catalogue have no payload yet, so that they are not listed. */
    switch ((int)event->type) {
    case EVENT_NEEDS_ASSESSED:
        put_needs_assessed(buffer, &event->needs_assessed);
        return true;
    case EVENT_ADOPTED:
        wire_put_varint(buffer, 1, event->adopted.stage);
        wire_put_bytes(buffer, 2, event->adopted.reason);
        wire_put_bytes(buffer, 3, event->adopted.evidence);
        return true;
    case EVENT_PRIORITIES_SET:
        wire_put_bytes(buffer, 1, event->priorities_set.plan_reference);
        put_pence(buffer, 2, event->priorities_set.budget_pence);
        return true;
    case EVENT_PROCUREMENT_STARTED:
        put_procurement_started(buffer, &event->procurement_started);
        return true;
    case EVENT_BID_RECEIVED:
        wire_put_bytes(buffer, 1, event->bid_received.bid_id);
        put_provider(buffer, 2, &event->bid_received.provider);
        put_pence(buffer, 3, event->bid_received.value_pence);
        return true;
    case EVENT_BIDS_EVALUATED:
        wire_put_bytes(buffer, 1, event->bids_evaluated.preferred_bid_id);
        wire_put_varint(buffer, 2, event->bids_evaluated.bids_count);
        return true;
    case EVENT_PROCUREMENT_ABANDONED:
        wire_put_bytes(buffer, 1, event->abandoned_reason);
        return true;
    case EVENT_AWARD_INTENDED:
    case EVENT_CONTRACT_AWARDED:
        put_award(buffer, &event->award);
        return true;
    case EVENT_AWARD_WITHDRAWN:
        wire_put_bytes(buffer, 1, event->award_withdrawn.award_id);
        wire_put_bytes(buffer, 2, event->award_withdrawn.reason);
        return true;
    case EVENT_REVIEW_COMPLETED:
        wire_put_bytes(buffer, 1, event->review_summary);
        return true;
    case EVENT_NOTE:
        wire_put_bytes(buffer, 1, event->note_text);
        return true;
    case EVENT_SUSPENDED:
    case EVENT_RESUMED:
    case EVENT_WITHDRAWN:
        wire_put_bytes(buffer, 1, event->phase_reason);
        return true;
    case EVENT_ORGANISATION_REGISTERED:
        put_organisation_registered(buffer, &event->organisation_registered);
        return true;
    case EVENT_SUPPORT_CONTRACT:
        wire_put_text(buffer, 1, event->support_contract.csu.text);
        put_bits(buffer, 2, event->support_contract.lines);
        put_date(buffer, 3, event->support_contract.period.from);
        put_date(buffer, 4, event->support_contract.period.to);
        return true;
    case EVENT_CO_COMMISSIONING_LEVEL:
        wire_put_varint(buffer, 1, event->co_commissioning_level.level);
        put_date(buffer, 2, event->co_commissioning_level.from);
        return true;
    case EVENT_ALLOTMENT_SET:
        put_allotment_set(buffer, &event->allotment_set);
        return true;
    case EVENT_KEY_ADDED:
        put_key(buffer, event->key_added.public_key);
        wire_put_varint(buffer, 2, event->key_added.kind);
        put_bits(buffer, 3, event->key_added.verbs);
        wire_put_bytes(buffer, 4, event->key_added.label);
        return true;
    case EVENT_KEY_REVOKED:
        put_key(buffer, event->key_revoked.public_key);
        wire_put_bytes(buffer, 2, event->key_revoked.reason);
        return true;
    default:
        return false;
    }
}

void codec_encode_event(struct buffer *buffer, const struct event *event)
{
    size_t start = begin_whole(buffer);

    wire_put_bytes(buffer, 1, bytes_of(event->id.bytes, EVENT_ID_BYTES));
    wire_put_varint(buffer, 2, event->type);
    wire_put_text(buffer, 3, event->lead.text);
    wire_put_text(buffer, 4, event->reference.text);
    wire_put_text(buffer, 5, event->organisation.text);
    wire_put_text(buffer, 6, event->sender.text);
    wire_put_text(buffer, 7, event->acting_for.text);
    wire_put_bytes(buffer, 8, event->actor);
    put_date(buffer, 9, event->occurred_on);
    wire_put_varint(buffer, 10, SCHEMA_VERSION);
    if (event->after_given)
        wire_add_varint(buffer, 11, event->after);
    size_t before = buffer->len;
    size_t payload = wire_begin(buffer, event->type);
    bool built = put_payload(buffer, event);
    wire_end(buffer, payload);
    if (!built)
        buffer->len = before;
    end_whole(buffer, start);
}
