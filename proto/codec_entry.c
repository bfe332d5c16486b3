/* SPDX-License-Identifier: Apache-2.0 */
/* codec.h, decoding of one entry of the journal, and of reasons, which others have too. */
#include "proto/codec.h"
#include "proto/decode.h"

#include "proto/commission.pb-c.h"

#include <string.h>

#define SAME(ours, theirs) static_assert((int)(ours) == (int)(theirs), "the schema's number")
SAME(PHASE_NONE, COMMISSION__PHASE__ENUM__NONE);
SAME(PHASE_OPEN, COMMISSION__PHASE__ENUM__OPEN);
SAME(PHASE_COMPLETE, COMMISSION__PHASE__ENUM__COMPLETE);
SAME(PHASE_SUSPENDED, COMMISSION__PHASE__ENUM__SUSPENDED);
SAME(PHASE_WITHDRAWN, COMMISSION__PHASE__ENUM__WITHDRAWN);
SAME(STAGE_RUNNING, COMMISSION__STAGE_STATE__ENUM__RUNNING);
SAME(STAGE_PAUSED, COMMISSION__STAGE_STATE__ENUM__PAUSED);
SAME(STAGE_DRAINING, COMMISSION__STAGE_STATE__ENUM__DRAINING);
SAME(TIMER_HELD_EXPIRY, COMMISSION__TIMER__KIND__HELD_EXPIRY);
SAME(TIMER_BIDS_DUE, COMMISSION__TIMER__KIND__BIDS_DUE);
SAME(TIMER_STANDSTILL, COMMISSION__TIMER__KIND__STANDSTILL);
SAME(TIMER_REVIEW_DUE, COMMISSION__TIMER__KIND__REVIEW_DUE);
SAME(TIMER_WARN, COMMISSION__TIMER__LEVEL__WARN);
SAME(TIMER_REMIND, COMMISSION__TIMER__LEVEL__REMIND);
SAME(TIMER_ESCALATE, COMMISSION__TIMER__LEVEL__ESCALATE);
SAME(TIMER_END, COMMISSION__TIMER__LEVEL__END);
SAME(VERDICT_ACCEPTED, COMMISSION__VERDICT__ENUM__ACCEPTED);
SAME(VERDICT_HELD, COMMISSION__VERDICT__ENUM__HELD);
SAME(VERDICT_REJECTED, COMMISSION__VERDICT__ENUM__REJECTED);
SAME(VERDICT_WITHDRAWN, COMMISSION__VERDICT__ENUM__WITHDRAWN);
SAME(SEVERITY_WARN, COMMISSION__SEVERITY__ENUM__WARN);
SAME(SEVERITY_HOLD, COMMISSION__SEVERITY__ENUM__HOLD);
SAME(SEVERITY_REJECT, COMMISSION__SEVERITY__ENUM__REJECT);
SAME(LEDGER_ALLOTMENT, COMMISSION__LEDGER_LINE__KIND__ALLOTMENT);
SAME(LEDGER_RESERVATION, COMMISSION__LEDGER_LINE__KIND__RESERVATION);
SAME(LEDGER_COMMITMENT, COMMISSION__LEDGER_LINE__KIND__COMMITMENT);
SAME(WAIT_ALLOTMENT, COMMISSION__WAIT__KIND__ALLOTMENT);
SAME(WAIT_RESUMED, COMMISSION__WAIT__KIND__RESUMED);
SAME(ENTRY_STARTED, COMMISSION__ENTRY__BODY_STARTED);
SAME(ENTRY_RECEIVED, COMMISSION__ENTRY__BODY_RECEIVED);
SAME(ENTRY_JUDGED, COMMISSION__ENTRY__BODY_JUDGED);
SAME(ENTRY_RECORDED, COMMISSION__ENTRY__BODY_RECORDED);
SAME(ENTRY_ATTEMPT_FAILED, COMMISSION__ENTRY__BODY_ATTEMPT_FAILED);
SAME(ENTRY_WAIT_ENDED, COMMISSION__ENTRY__BODY_WAIT_ENDED);
SAME(ENTRY_LATE_FINDING, COMMISSION__ENTRY__BODY_LATE_FINDING);
SAME(ENTRY_RETRIED, COMMISSION__ENTRY__BODY_RETRIED);
SAME(ENTRY_EVENT_WITHDRAWN, COMMISSION__ENTRY__BODY_EVENT_WITHDRAWN);
SAME(ENTRY_STAGE_SET, COMMISSION__ENTRY__BODY_STAGE_SET);
SAME(ENTRY_OPERATED, COMMISSION__ENTRY__BODY_OPERATED);
SAME(ENTRY_TIMER_FIRED, COMMISSION__ENTRY__BODY_TIMER_FIRED);

/** A year of the ledger, such as 2018. */
static int32_t decode_ledger_year(struct decoder *decoder, uint32_t year)
{
    if (year < 1900 || year > 2199)
        decoder_invalid(decoder, "year", NULL, "is no financial year");
    return year <= 2199 ? (int32_t)year : 0;
}

/** A moment: any that can be printed. */
static int64_t decode_moment(struct decoder *decoder, const char *leaf, int64_t at_ms)
{
    char text[MOMENT_TEXT_SIZE];

    moment_print(at_ms, text);
    if (text[0] == '\0')
        decoder_invalid(decoder, leaf, NULL, "is no moment of 1900 to 2199");
    return at_ms;
}

/** Split "BUDGET_EXCEEDED:2018/19"; the rest of a reason is cut to fit by reasons_add(). */
static void decode_reason(struct decoder *decoder, const Commission__Reason *message,
                          struct reasons *reasons)
{
    const char *colon = strchr(message->code, ':');
    size_t len = colon != NULL ? (size_t)(colon - message->code) : strlen(message->code);
    const char *parameter = colon != NULL ? colon + 1 : "";
    enum reason_code code;

    /* From a newer daemon or a worker of one's own: shown by its name, and as grave as it says. */
    if (!reason_find(message->code, len, &code)) {
        code = REASON_OTHER;
        parameter = message->code;
    } else if (strlen(parameter) >= REASON_PARAMETER_SIZE) {
        decoder_invalid(decoder, "code", message->code, "has too long a parameter");
        return;
    }
    const char *text = message->text[0] != '\0' ? message->text : NULL;
    reasons_add(reasons, code, parameter, message->field, message->value, text);
    reasons->items[reasons->count - 1].severity =
        (enum severity)decode_number(decoder, "severity", message->severity, SEVERITY_REJECT, true);
}

void decode_reasons(struct decoder *decoder, size_t count, Commission__Reason **messages,
                    const struct reason **ret, uint32_t *ret_count)
{
    struct reasons reasons = {0};

    if (count == 0)
        return;
    if (count > REASONS_MAX) {
        decoder_invalid(decoder, "reasons", NULL, "are more than 32");
        return;
    }
    reasons.items = decoder_take(decoder, count, REASONS_MAX, sizeof *reasons.items);
    if (reasons.items == NULL)
        return;
    reasons.max = (uint32_t)count;
    for (size_t i = 0; i < count; i++)
        decode_reason(decoder, messages[i], &reasons);
    *ret = reasons.items;
    *ret_count = reasons.count;
}

static void decode_lines(struct decoder *decoder, size_t count, Commission__LedgerLine **messages,
                         struct entry *ret)
{
    struct ledger_line *lines = decoder_take(decoder, count, LEDGER_LINES_MAX, sizeof *lines);

    if (lines == NULL || count == 0)
        return;
    for (size_t i = 0; i < count; i++) {
        const Commission__LedgerLine *message = messages[i];
        lines[i].ods = decode_ods(decoder, "ods", message->ods, true);
        lines[i].year = decode_ledger_year(decoder, message->year);
        lines[i].kind = (enum ledger_kind)decode_number(decoder, "kind", message->kind,
                                                        LEDGER_COMMITMENT, true);
        lines[i].pence = message->pence;
        lines[i].uncovered = message->uncovered;
    }
    ret->lines = lines;
    ret->lines_count = (uint32_t)count;
}

static void decode_waits(struct decoder *decoder, size_t count, Commission__Wait **messages,
                         struct entry *ret)
{
    struct wait *waits = decoder_take(decoder, count, WAITS_MAX, sizeof *waits);

    if (waits == NULL || count == 0)
        return;
    for (size_t i = 0; i < count; i++) {
        const Commission__Wait *message = messages[i];
        waits[i].kind =
            (enum wait_kind)decode_number(decoder, "kind", message->kind, WAIT_RESUMED, true);
        if (waits[i].kind == WAIT_ALLOTMENT) {
            waits[i].ods = decode_ods(decoder, "ods", message->ods, true);
            waits[i].year = decode_ledger_year(decoder, message->year);
        } else if (message->number == 0) {
            decoder_missing(decoder, "number");
        }
        waits[i].number = message->number;
    }
    ret->waits = waits;
    ret->waits_count = (uint32_t)count;
}

/** A moment, or 0: none. */
static int64_t decode_moment_or_none(struct decoder *decoder, const char *leaf, int64_t at_ms)
{
    return at_ms == 0 ? 0 : decode_moment(decoder, leaf, at_ms);
}

static void decode_timers(struct decoder *decoder, size_t count, Commission__TimerSet **messages,
                          struct entry *ret)
{
    struct timer_set *timers = decoder_take(decoder, count, TIMERS_MAX, sizeof *timers);

    if (timers == NULL || count == 0)
        return;
    for (size_t i = 0; i < count; i++) {
        const Commission__TimerSet *message = messages[i];
        timers[i].kind =
            (enum timer_kind)decode_number(decoder, "kind", message->kind, TIMER_REVIEW_DUE, true);
        timers[i].of_seq = message->of_seq;
        timers[i].level =
            (enum timer_level)decode_number(decoder, "level", message->level, TIMER_END, false);
        timers[i].due_ms = decode_moment_or_none(decoder, "due_ms", message->due_ms);
    }
    ret->timers = timers;
    ret->timers_count = (uint32_t)count;
}

static void decode_started(struct decoder *decoder, const Commission__Started *message,
                           struct entry *ret)
{
    ret->run = message->run;
    ret->version = decode_text(decoder, "version", message->version, TEXT_BYTES_MAX, false);
    ret->journal_id = decode_bytes(decoder, "journal_id", message->journal_id, HASH_BYTES, false);
}

static void decode_received(struct decoder *decoder, const Commission__Received *message,
                            struct entry *ret)
{
    ret->event = decode_bytes(decoder, "event", message->event, EVENT_BYTES_MAX, true);
    ret->key_seq = message->key_seq;
}

static void decode_judged(struct decoder *decoder, const Commission__Judged *message,
                          struct entry *ret)
{
    bool listed =
        message->service_category >= 0 && message->service_category <= (int)CATEGORY_OBESITY_T4;

    ret->of_seq = message->of_seq;
    ret->verdict =
        (enum verdict)decode_number(decoder, "verdict", message->verdict, VERDICT_REJECTED, true);
    decode_reasons(decoder, message->n_reasons, message->reasons, &ret->reasons,
                   &ret->reasons_count);
    ret->stage = (enum stage)decode_number(decoder, "stage", message->stage, STAGE_REVIEW, false);
    ret->phase =
        (enum phase)decode_number(decoder, "phase", message->phase, PHASE_WITHDRAWN, false);
    decode_lines(decoder, message->n_lines, message->lines, ret);
    decode_waits(decoder, message->n_waits, message->waits, ret);
    ret->worker = decode_text(decoder, "worker", message->worker, WORKER_NAME_SIZE - 1, false);
    ret->attempt = message->attempt;
    ret->keeps_fact = message->keeps_fact;
    ret->category = listed ? (enum service_category)message->service_category : CATEGORY_UNLISTED;
    decode_timers(decoder, message->n_timers, message->timers, ret);
    ret->shift_ms = message->shift_ms;
}

static void decode_recorded(struct decoder *decoder, const Commission__Recorded *message,
                            struct entry *ret)
{
    ret->event = decode_bytes(decoder, "event", message->event, EVENT_BYTES_MAX, true);
    ret->key_seq = message->key_seq;
    ret->verdict =
        (enum verdict)decode_number(decoder, "verdict", message->verdict, VERDICT_REJECTED, true);
    decode_reasons(decoder, message->n_reasons, message->reasons, &ret->reasons,
                   &ret->reasons_count);
    decode_lines(decoder, message->n_lines, message->lines, ret);
}

static void decode_attempt_failed(struct decoder *decoder, const Commission__AttemptFailed *message,
                                  struct entry *ret)
{
    ret->of_seq = message->of_seq;
    ret->attempt = message->attempt;
    ret->error = decode_text(decoder, "error", message->error, TEXT_BYTES_MAX, false);
    ret->parked = message->parked;
    ret->next_at_ms =
        message->parked ? 0 : decode_moment(decoder, "next_at_ms", message->next_at_ms);
    ret->worker = decode_text(decoder, "worker", message->worker, WORKER_NAME_SIZE - 1, false);
}

static void decode_late_finding(struct decoder *decoder, const Commission__LateFinding *message,
                                struct entry *ret)
{
    ret->of_seq = message->of_seq;
    ret->token = (struct token){message->run, message->counter};
    ret->attempt = message->attempt;
    ret->worker = decode_text(decoder, "worker", message->worker, WORKER_NAME_SIZE - 1, false);
    decode_reasons(decoder, message->n_reasons, message->reasons, &ret->reasons,
                   &ret->reasons_count);
    ret->error = decode_text(decoder, "error", message->error, TEXT_BYTES_MAX, false);
}

static void decode_order(struct decoder *decoder, const Commission__Order *message,
                         struct entry *ret)
{
    if (message == NULL) {
        decoder_missing(decoder, "order");
        return;
    }
    ret->key_seq = message->key_seq;
    ret->by = decode_ods(decoder, "by_ods", message->by_ods, true);
    ret->order_reason = decode_text(decoder, "reason", message->reason, TEXT_BYTES_MAX, false);
}

static void decode_event_withdrawn(struct decoder *decoder,
                                   const Commission__EventWithdrawn *message, struct entry *ret)
{
    ret->of_seq = message->of_seq;
    ret->discarded = message->discarded;
    ret->before_seq = message->before_seq;
    decode_order(decoder, message->order, ret);
}

static void decode_stage_set(struct decoder *decoder, const Commission__StageSet *message,
                             struct entry *ret)
{
    ret->stage = (enum stage)decode_number(decoder, "stage", message->stage, STAGE_REVIEW, true);
    ret->stage_state =
        (enum stage_state)decode_number(decoder, "state", message->state, STAGE_DRAINING, true);
    decode_order(decoder, message->order, ret);
}

static void decode_timer_fired(struct decoder *decoder, const Commission__TimerFired *message,
                               struct entry *ret)
{
    ret->of_seq = message->of_seq;
    ret->timer.kind =
        (enum timer_kind)decode_number(decoder, "kind", message->kind, TIMER_REVIEW_DUE, true);
    ret->timer.of_seq = message->of_seq;
    ret->timer.level =
        (enum timer_level)decode_number(decoder, "level", message->level, TIMER_END, true);
    ret->timer.due_ms = decode_moment(decoder, "due_ms", message->due_ms);
    ret->next_level = (enum timer_level)decode_number(decoder, "next_level", message->next_level,
                                                      TIMER_END, false);
    ret->next_due_ms = decode_moment_or_none(decoder, "next_due_ms", message->next_due_ms);
    ret->role = decode_text(decoder, "role", message->role, ROLE_SIZE - 1, false);
}

static void decode_body(struct decoder *decoder, const Commission__Entry *message,
                        struct entry *ret)
{
    ret->kind = (enum entry_kind)message->body_case;
    switch (message->body_case) {
    case COMMISSION__ENTRY__BODY_STARTED:
        decode_started(decoder, message->started, ret);
        return;
    case COMMISSION__ENTRY__BODY_RECEIVED:
        decode_received(decoder, message->received, ret);
        return;
    case COMMISSION__ENTRY__BODY_JUDGED:
        decode_judged(decoder, message->judged, ret);
        return;
    case COMMISSION__ENTRY__BODY_RECORDED:
        decode_recorded(decoder, message->recorded, ret);
        return;
    case COMMISSION__ENTRY__BODY_ATTEMPT_FAILED:
        decode_attempt_failed(decoder, message->attempt_failed, ret);
        return;
    case COMMISSION__ENTRY__BODY_WAIT_ENDED:
        ret->of_seq = message->wait_ended->of_seq;
        ret->by_seq = message->wait_ended->by_seq;
        ret->expired = message->wait_ended->expired;
        return;
    case COMMISSION__ENTRY__BODY_LATE_FINDING:
        decode_late_finding(decoder, message->late_finding, ret);
        return;
    case COMMISSION__ENTRY__BODY_RETRIED:
        ret->of_seq = message->retried->of_seq;
        decode_order(decoder, message->retried->order, ret);
        return;
    case COMMISSION__ENTRY__BODY_EVENT_WITHDRAWN:
        decode_event_withdrawn(decoder, message->event_withdrawn, ret);
        return;
    case COMMISSION__ENTRY__BODY_STAGE_SET:
        decode_stage_set(decoder, message->stage_set, ret);
        return;
    case COMMISSION__ENTRY__BODY_OPERATED:
        ret->command =
            decode_text(decoder, "command", message->operated->command, TEXT_BYTES_MAX, true);
        decode_order(decoder, message->operated->order, ret);
        return;
    case COMMISSION__ENTRY__BODY_TIMER_FIRED:
        decode_timer_fired(decoder, message->timer_fired, ret);
        return;
    case COMMISSION__ENTRY__BODY__NOT_SET:
    case _COMMISSION__ENTRY__BODY__CASE_IS_INT_SIZE:
        break;
    }
    decoder_missing(decoder, "body");
}

static void decode_audience(struct decoder *decoder, const Commission__Entry *message,
                            struct entry *ret)
{
    struct ods *audience =
        decoder_take(decoder, message->n_audience, AUDIENCE_MAX, sizeof *audience);

    if (audience == NULL || message->n_audience == 0)
        return;
    for (size_t i = 0; i < message->n_audience; i++)
        audience[i] = decode_ods(decoder, "audience", message->audience[i], true);
    ret->audience = audience;
    ret->audience_count = (uint32_t)message->n_audience;
}

enum status codec_decode_entry(struct slice bytes, struct arena *arena, struct entry *ret)
{
    struct decoder decoder;
    struct entry entry = {0};
    const Commission__Entry *message = NULL;

    decoder_begin(&decoder, arena, bytes.len, NULL);
    if (bytes.len > ENTRY_BYTES_MAX)
        decoder.over = true;
    else
        message = decoder_unpack(&decoder, &commission__entry__descriptor, bytes);
    if (message != NULL) {
        entry.seq = message->seq;
        if (message->seq == 0)
            decoder_missing(&decoder, "seq");
        entry.at_ms = decode_moment(&decoder, "at_ms", message->at_ms);
        entry.number = message->number;
        entry.previous = message->previous;
        decode_audience(&decoder, message, &entry);
        decode_body(&decoder, message, &entry);
    }
    enum status status = decoder_end(&decoder);
    if (status == STATUS_OK)
        *ret = entry;
    return status;
}
