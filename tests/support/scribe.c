/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/scribe.h"

#include "proto/codec.h"

#include <string.h>

#define NAMES 8 /* workflows of a walk */

void scribe_init(struct scribe *scribe, struct store *store, uint64_t seed)
{
    *scribe = (struct scribe){.store = store, .at_ms = 1524816000000, .chance = seed};
    CHECK(arena_new(&scribe->arena, ARENA_BYTES_MAX) == STATUS_OK);
    scribe->bytes = malloc(EVENT_BYTES_MAX);
    CHECK(scribe->bytes != NULL);
}

void scribe_clear(struct scribe *scribe)
{
    arena_free(scribe->arena);
    free(scribe->bytes);
    scribe->arena = NULL;
    scribe->bytes = NULL;
}

uint32_t scribe_draw(struct scribe *scribe, uint32_t below)
{
    scribe->chance = scribe->chance * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(scribe->chance >> 33) % below;
}

struct ods scribe_ods(const char *text)
{
    struct ods ods = {""};

    CHECK(strlen(text) < sizeof ods.text);
    memcpy(ods.text, text, strlen(text));
    return ods;
}

struct event_id scribe_id(uint64_t number)
{
    struct event_id id = {{1}};

    for (uint32_t i = 0; i < 8; i++)
        id.bytes[8 + i] = (uint8_t)(number >> (8 * (7 - i)));
    return id;
}

/* ---- events ---- */

static void decode(struct scribe *scribe, struct slice bytes, struct event *ret)
{
    struct reason items[REASONS_MAX];
    struct reasons reasons = {.items = items, .max = REASONS_MAX};
    bool id_known;
    enum status status = codec_decode_event(bytes, scribe->arena, ret, &id_known, &reasons);

    if (status != STATUS_OK && reasons.count > 0)
        fprintf(stderr, "%s %s: %s\n", items[0].field, items[0].value, items[0].text);
    CHECK(status == STATUS_OK);
}

void scribe_take(struct scribe *scribe, const struct event *event)
{
    struct buffer buffer = {.bytes = scribe->bytes, .max = EVENT_BYTES_MAX};

    codec_encode_event(&buffer, event);
    CHECK(!buffer.full);
    arena_reset(scribe->arena);
    decode(scribe, (struct slice){buffer.bytes, buffer.len}, &scribe->event);
}

void scribe_take_note(struct scribe *scribe, uint32_t name, size_t len)
{
    static char text[TEXT_BYTES_MAX];
    struct event event = {
        .id = scribe_id(++scribe->ids),
        .type = EVENT_NOTE,
        .lead = scribe_ods("02E"),
        .sender = scribe_ods("02E"),
        .occurred_on = 17622,
    };

    CHECK(len <= sizeof text);
    memset(text, 'n', len);
    event.note_text = (struct slice){(const uint8_t *)text, len};
    snprintf(event.reference.text, sizeof event.reference.text, "case-%u", name);
    scribe_take(scribe, &event);
}

/* ---- entries ---- */

static uint64_t add(struct scribe *scribe, struct entry *entry, const struct event *event)
{
    static const struct ods audience[] = {{"02E"}, {"X24"}};

    entry->at_ms = scribe->at_ms++;
    entry->audience = audience;
    entry->audience_count = ARRAY_LEN(audience);
    store_add(scribe->store, entry, event, &scribe->hash);
    return entry->seq;
}

uint64_t scribe_start(struct scribe *scribe)
{
    uint8_t id[16];
    struct entry entry = {.kind = ENTRY_STARTED, .run = store_run(scribe->store)};

    store_journal_id(scribe->store, id);
    entry.version = (struct slice){(const uint8_t *)"test", 4};
    entry.journal_id = (struct slice){id, sizeof id};
    return add(scribe, &entry, NULL);
}

uint64_t scribe_receive(struct scribe *scribe)
{
    const struct event *event = &scribe->event;
    struct workflow workflow;
    struct entry entry = {.kind = ENTRY_RECEIVED, .event = event->bytes, .key_seq = 3};

    if (store_find_workflow(scribe->store, event->lead, &event->reference, &workflow)) {
        entry.number = workflow.number;
        entry.previous = workflow.last_seq;
    } else {
        entry.number = store_next_seq(scribe->store);
    }
    return add(scribe, &entry, event);
}

/** The event that is at its turn, decoded. */
static struct workflow at_turn(struct scribe *scribe, uint64_t number, struct event *ret)
{
    struct workflow workflow;
    struct slice bytes;

    CHECK(store_get_workflow(scribe->store, number, &workflow));
    CHECK(workflow.judging_seq != 0);
    CHECK(store_event_bytes(scribe->store, workflow.judging_seq, &bytes));
    arena_reset(scribe->arena);
    decode(scribe, arena_copy(scribe->arena, bytes), ret);
    return workflow;
}

/** Timers by chance: one that a verdict sets or ends; workflows that stand still, go on, and are over. */
static void judge_clocks(struct scribe *scribe, const struct workflow *workflow,
                         struct entry *entry, struct timer_set timers[2])
{
    bool held = entry->verdict == VERDICT_HELD;

    if (entry->verdict == VERDICT_REJECTED)
        return;
    timers[0] = (struct timer_set){
        .kind = held ? TIMER_HELD_EXPIRY : (enum timer_kind)(TIMER_BIDS_DUE + scribe->ids % 3),
        .of_seq = entry->of_seq,
        .level = TIMER_WARN,
        .due_ms = scribe->at_ms + 1000,
    };
    timers[1] = (struct timer_set){.kind = TIMER_BIDS_DUE, .level = TIMER_END};
    entry->timers = timers;
    entry->timers_count = held ? 1 : 2 - (uint32_t)(scribe->ids % 2);
    if (held || workflow->phase == PHASE_NONE || scribe->ids % 5 > 1)
        return;
    bool suspended = workflow->phase == PHASE_SUSPENDED;
    entry->phase = suspended               ? PHASE_OPEN
                   : scribe->ids % 10 == 0 ? PHASE_WITHDRAWN
                                           : PHASE_SUSPENDED;
    if (workflow->phase == PHASE_WITHDRAWN)
        entry->phase = PHASE_WITHDRAWN;
    entry->shift_ms = suspended ? 500 : 0;
}

uint64_t scribe_judge(struct scribe *scribe, uint64_t number, enum verdict verdict, bool keeps_fact,
                      const struct ledger_line *lines, uint32_t lines_count)
{
    struct event event;
    struct workflow workflow = at_turn(scribe, number, &event);
    struct wait wait = {.kind = WAIT_ALLOTMENT, .ods = scribe_ods("02E"), .year = 2018};
    struct timer_set timers[2];
    struct entry entry = {
        .kind = ENTRY_JUDGED,
        .number = number,
        .previous = workflow.last_seq,
        .of_seq = workflow.judging_seq,
        .verdict = verdict,
        .lines = lines,
        .lines_count = lines_count,
        .stage = workflow.stage,
        .phase = workflow.phase,
        .category = workflow.category,
        .keeps_fact = keeps_fact,
        .worker = {(const uint8_t *)"worker-1", 8},
        .attempt = 1,
    };

    if (verdict == VERDICT_HELD) {
        entry.waits = &wait;
        entry.waits_count = 1;
    }
    if (verdict == VERDICT_ACCEPTED && entry.phase == PHASE_NONE) {
        entry.phase = PHASE_OPEN;
        entry.stage = STAGE_PRIORITIES_SET;
        entry.category = CATEGORY_REHABILITATION;
    }
    if (scribe->clocks)
        judge_clocks(scribe, &workflow, &entry, timers);
    return add(scribe, &entry, &event);
}

uint64_t scribe_fail(struct scribe *scribe, uint64_t number, uint32_t attempt, int64_t next_at_ms)
{
    struct event event;
    struct workflow workflow = at_turn(scribe, number, &event);
    struct entry entry = {
        .kind = ENTRY_ATTEMPT_FAILED,
        .number = number,
        .previous = workflow.last_seq,
        .of_seq = workflow.judging_seq,
        .attempt = attempt,
        .error = {(const uint8_t *)"gone", 4},
        .next_at_ms = next_at_ms,
    };

    return add(scribe, &entry, NULL);
}

uint64_t scribe_park(struct scribe *scribe, uint64_t number, uint32_t attempt)
{
    struct event event;
    struct workflow workflow = at_turn(scribe, number, &event);
    struct entry entry = {
        .kind = ENTRY_ATTEMPT_FAILED,
        .number = number,
        .previous = workflow.last_seq,
        .of_seq = workflow.judging_seq,
        .attempt = attempt,
        .error = {(const uint8_t *)"gone", 4},
        .parked = true,
    };

    return add(scribe, &entry, NULL);
}

uint64_t scribe_refuse_finding(struct scribe *scribe, uint64_t number, uint64_t of_seq)
{
    struct workflow workflow;

    CHECK(store_get_workflow(scribe->store, number, &workflow));
    struct entry entry = {
        .kind = ENTRY_LATE_FINDING,
        .number = number,
        .previous = workflow.last_seq,
        .of_seq = of_seq,
        .token = {1, 1},
        .attempt = 1,
        .worker = {(const uint8_t *)"w", 1},
    };

    return add(scribe, &entry, NULL);
}

uint64_t scribe_end_wait(struct scribe *scribe, uint64_t seq)
{
    struct open_event open;
    struct workflow workflow;

    CHECK(store_get_open(scribe->store, seq, &open));
    CHECK(store_get_workflow(scribe->store, open.number, &workflow));
    struct entry entry = {
        .kind = ENTRY_WAIT_ENDED,
        .number = open.number,
        .previous = workflow.last_seq,
        .of_seq = seq,
        .by_seq = 1,
    };
    return add(scribe, &entry, NULL);
}

uint64_t scribe_fire(struct scribe *scribe)
{
    struct timer_row row = {.timer.due_ms = INT64_MIN};
    struct workflow workflow;

    if (!store_next_timer_due(scribe->store, &row))
        return 0;
    CHECK(store_get_workflow(scribe->store, row.number, &workflow));
    bool last = row.timer.level >= TIMER_ESCALATE;
    struct entry entry = {
        .kind = ENTRY_TIMER_FIRED,
        .number = row.number,
        .previous = workflow.last_seq,
        .timer = row.timer,
        .next_level = last ? TIMER_LEVEL_NONE : (enum timer_level)(row.timer.level + 1),
        .next_due_ms = last ? 0 : row.timer.due_ms + 1000,
        .role = {(const uint8_t *)"lead", 4},
    };
    return add(scribe, &entry, NULL);
}

uint64_t scribe_record(struct scribe *scribe, enum verdict verdict, const struct ledger_line *lines,
                       uint32_t lines_count)
{
    const struct event *event = &scribe->event;
    struct register_head head;
    struct entry entry = {
        .kind = ENTRY_RECORDED,
        .event = event->bytes,
        .verdict = verdict,
        .lines = lines,
        .lines_count = lines_count,
    };

    if (store_get_register(scribe->store, event->organisation, event->type, &head)) {
        entry.number = head.number;
        entry.previous = head.last_seq;
    } else {
        entry.number = store_next_seq(scribe->store);
    }
    return add(scribe, &entry, event);
}

/* ---- orders ---- */

static uint64_t add_order(struct scribe *scribe, struct entry *entry)
{
    entry->key_seq = 3;
    entry->by = scribe_ods("OPS");
    entry->order_reason = (struct slice){(const uint8_t *)"a test", 6};
    return add(scribe, entry, NULL);
}

uint64_t scribe_retry(struct scribe *scribe, uint64_t number)
{
    struct workflow workflow;

    CHECK(store_get_workflow(scribe->store, number, &workflow));
    struct entry entry = {
        .kind = ENTRY_RETRIED,
        .number = number,
        .previous = workflow.last_seq,
        .of_seq = workflow.judging_seq,
    };
    return add_order(scribe, &entry);
}

uint64_t scribe_withdraw(struct scribe *scribe, uint64_t seq)
{
    struct open_event open;
    struct open_event other;
    struct workflow workflow;

    CHECK(store_get_open(scribe->store, seq, &open));
    CHECK(store_get_workflow(scribe->store, open.number, &workflow));
    struct entry entry = {
        .kind = ENTRY_EVENT_WITHDRAWN,
        .number = open.number,
        .previous = workflow.last_seq,
        .of_seq = seq,
        .discarded = open.state == OPEN_PARKED,
    };
    for (uint64_t at = workflow.queue_head; open.state == OPEN_QUEUED && at != seq;
         at = other.next_seq) {
        CHECK(store_get_open(scribe->store, at, &other));
        entry.before_seq = at;
    }
    return add_order(scribe, &entry);
}

uint64_t scribe_set_stage(struct scribe *scribe, enum stage stage, enum stage_state state)
{
    struct entry entry = {.kind = ENTRY_STAGE_SET, .stage = stage, .stage_state = state};

    return add_order(scribe, &entry);
}

uint64_t scribe_operate(struct scribe *scribe)
{
    struct entry entry = {
        .kind = ENTRY_OPERATED,
        .command = {(const uint8_t *)"server reload", 13},
    };

    return add_order(scribe, &entry);
}

/* ---- walks ---- */

/** A register event of chance about one of three organisations. */
static void take_register(struct scribe *scribe)
{
    static const char *const codes[] = {"02E", "0CE", "01F"};
    static const enum event_type types[] = {
        EVENT_ORGANISATION_REGISTERED, EVENT_SUPPORT_CONTRACT, EVENT_CO_COMMISSIONING_LEVEL,
        EVENT_ALLOTMENT_SET,           EVENT_KEY_ADDED,        EVENT_KEY_REVOKED,
    };
    struct event event = {
        .id = scribe_id(++scribe->ids),
        .type = types[scribe_draw(scribe, ARRAY_LEN(types))],
        .organisation = scribe_ods(codes[scribe_draw(scribe, ARRAY_LEN(codes))]),
        .sender = scribe_ods("X24"),
        .occurred_on = 17622,
    };
    date_t day = 17000 + (date_t)scribe_draw(scribe, 5) * 100;
    struct slice text = {(const uint8_t *)"words", 5};
    struct key key = {{(uint8_t)(1 + scribe_draw(scribe, 4))}};

    if (event.type == EVENT_ORGANISATION_REGISTERED)
        event.organisation_registered = (struct organisation_registered){
            .name = text, .kind = ORGANISATION_CCG, .opened_on = day, .closed_on = DATE_NONE};
    else if (event.type == EVENT_SUPPORT_CONTRACT)
        event.support_contract = (struct support_contract){
            scribe_ods("0CE"), LINE_BIT(LINE_PROCUREMENT), {day, DATE_NONE}};
    else if (event.type == EVENT_CO_COMMISSIONING_LEVEL)
        event.co_commissioning_level = (struct co_commissioning_level){CO_JOINT, day};
    else if (event.type == EVENT_ALLOTMENT_SET)
        event.allotment_set = (struct allotment_set){.year = 2018, .core_pence = 100};
    else if (event.type == EVENT_KEY_ADDED)
        event.key_added = (struct key_added){key, ORGANISATION_CCG, VERB_BIT(VERB_SUBMIT), text};
    else
        event.key_revoked = (struct key_revoked){key, text};
    scribe_take(scribe, &event);
}

static struct ledger_line draw_line(struct scribe *scribe)
{
    return (struct ledger_line){
        .ods = scribe_ods("02E"),
        .year = 2018 + (int32_t)scribe_draw(scribe, 3),
        .kind = (enum ledger_kind)(LEDGER_ALLOTMENT + scribe_draw(scribe, 3)),
        .pence = (int64_t)scribe_draw(scribe, 100000) - 50000,
        .uncovered = scribe_draw(scribe, 8) == 0,
    };
}

static void step_register(struct scribe *scribe)
{
    struct ledger_line line = draw_line(scribe);

    take_register(scribe);
    scribe_record(scribe, scribe_draw(scribe, 5) == 0 ? VERDICT_REJECTED : VERDICT_ACCEPTED, &line,
                  scribe->event.type == EVENT_ALLOTMENT_SET ? 1 : 0);
}

/** A workflow with an event at its turn, from a random place on; 0: none. */
static uint64_t find_turn(struct scribe *scribe)
{
    uint64_t after = scribe_draw(scribe, (uint32_t)store_next_seq(scribe->store));
    struct workflow workflow;

    for (uint32_t round = 0; round < 2; round++) {
        while (store_next_workflow(scribe->store, after, &workflow)) {
            if (workflow.judging_seq != 0)
                return workflow.number;
            after = workflow.number;
        }
        after = 0;
    }
    return 0;
}

static void step_verdict(struct scribe *scribe, uint64_t number)
{
    static const enum verdict verdicts[] = {VERDICT_ACCEPTED, VERDICT_ACCEPTED, VERDICT_REJECTED,
                                            VERDICT_HELD};
    enum verdict verdict = verdicts[scribe_draw(scribe, ARRAY_LEN(verdicts))];
    struct ledger_line lines[2] = {draw_line(scribe), draw_line(scribe)};

    scribe->clocks = true;
    scribe_judge(scribe, number, verdict, scribe_draw(scribe, 2) == 0, lines,
                 verdict == VERDICT_ACCEPTED ? scribe_draw(scribe, 3) : 0);
    scribe->clocks = false;
}

/** An order of chance that can be given. */
static void step_order(struct scribe *scribe)
{
    uint64_t after = scribe_draw(scribe, (uint32_t)store_next_seq(scribe->store));
    uint64_t number = find_turn(scribe);
    struct workflow workflow;
    struct open_event open;

    if (number != 0 && store_get_workflow(scribe->store, number, &workflow) &&
        store_get_open(scribe->store, workflow.judging_seq, &open) && open.state == OPEN_PARKED)
        scribe_retry(scribe, number);
    else if (store_next_open(scribe->store, after, &open) && scribe_draw(scribe, 3) != 0)
        scribe_withdraw(scribe, open.seq);
    else if (scribe_draw(scribe, 4) == 0)
        scribe_operate(scribe);
    else
        scribe_set_stage(scribe, (enum stage)(1 + scribe_draw(scribe, STAGES_MAX)),
                         (enum stage_state)(1 + scribe_draw(scribe, 3)));
}

void scribe_step(struct scribe *scribe)
{
    uint32_t choice = scribe_draw(scribe, 100);
    uint64_t number = find_turn(scribe);
    struct wait wait = {.kind = WAIT_NONE};
    uint64_t seq = 0;

    if (choice < 40 && number != 0) {
        step_verdict(scribe, number);
    } else if (choice < 50 && number != 0) {
        if (choice < 48)
            scribe_fail(scribe, number, 1 + scribe_draw(scribe, 3),
                        scribe->at_ms + scribe_draw(scribe, 1000));
        else if (choice < 49)
            scribe_park(scribe, number, 4);
        else
            scribe_refuse_finding(scribe, number, number);
    } else if (choice < 58 && store_next_wait(scribe->store, &wait, &seq)) {
        scribe_end_wait(scribe, seq);
    } else if (choice < 63 && scribe_fire(scribe) != 0) {
        return;
    } else if (choice < 70) {
        step_register(scribe);
    } else if (choice < 72) {
        scribe_start(scribe);
    } else if (choice < 78) {
        step_order(scribe);
    } else {
        scribe_take_note(scribe, scribe_draw(scribe, NAMES),
                         1 + scribe_draw(scribe, scribe_draw(scribe, 8) == 0 ? 4000 : 300));
        scribe_receive(scribe);
    }
}
