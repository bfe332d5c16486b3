/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/scrub.h"

#include <string.h>

/* What a table's function gets. */
struct look {
    struct state *state;
    struct rows *rows;
    struct slice key;
    struct slice payload;
};

/** Something that @look's row wants is not there. */
static void miss(const struct look *look, enum kv_table table, const char *what)
{
    char hex[2 * 32 + 1] = "";

    for (size_t i = 0; i < look->key.len && i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", look->key.bytes[i]);
    rows_fail(look->rows, STATUS_STORE_CORRUPT, "state: table %s: the row of key %s: %s",
              kv_table_name(table), hex, what);
}

static uint64_t number_of(struct slice key, size_t at)
{
    uint64_t value = 0;

    for (size_t i = at; i < at + 8 && i < key.len; i++)
        value = value << 8 | key.bytes[i];
    return value;
}

/* ---- workflows ---- */

/** An event that the workflow's row names is open, and is its. */
static bool holds_open(const struct look *look, const struct workflow *workflow, uint64_t seq)
{
    struct open_row open;

    return seq == 0 ||
           (rows_get_open(look->rows, seq, &open) && open.open.number == workflow->number);
}

static void look_workflow(const struct look *look)
{
    struct workflow workflow;
    struct workflow named;

    if (!record_decode_workflow(look->payload, &workflow) ||
        workflow.number != number_of(look->key, 0)) {
        miss(look, KV_WORKFLOW, "it is not what its key says");
        return;
    }
    if (!rows_find_workflow(look->rows, workflow.lead, &workflow.reference, &named) ||
        named.number != workflow.number)
        miss(look, KV_WORKFLOW, "its reference is missing");
    if (!holds_open(look, &workflow, workflow.judging_seq))
        miss(look, KV_WORKFLOW, "the event at its turn is missing");
    if (!holds_open(look, &workflow, workflow.queue_head) ||
        !holds_open(look, &workflow, workflow.queue_tail))
        miss(look, KV_WORKFLOW, "an event of its queue is missing");
}

static void look_reference(const struct look *look)
{
    struct workflow workflow;
    uint64_t number;

    if (!record_decode_number(look->payload, &number) ||
        !rows_get_workflow(look->rows, number, &workflow))
        miss(look, KV_REFERENCE, "its workflow is missing");
}

static void look_seen(const struct look *look)
{
    uint64_t applied = state_position(look->state)->applied_seq;
    struct workflow workflow;
    struct seen seen;

    if (!record_decode_seen(look->payload, &seen) || seen.seq == 0 || seen.seq > applied ||
        seen.verdict_seq > applied)
        miss(look, KV_SEEN, "it names no entry");
    /* A register's event is judged by the entry that receives it; its head is not found by number. */
    else if (seen.verdict_seq != seen.seq &&
             !rows_get_workflow(look->rows, number_of(look->key, 0), &workflow))
        miss(look, KV_SEEN, "its workflow is missing");
}

static void look_fact(const struct look *look)
{
    struct workflow workflow;

    if (!rows_get_workflow(look->rows, number_of(look->key, 0), &workflow))
        miss(look, KV_FACT, "its workflow is missing");
}

/* ---- open events ---- */

/** What an open event's state says is so; NULL: it is, else what is missing. */
static const char *missing_of(const struct look *look, const struct open_row *row,
                              const struct workflow *workflow)
{
    const struct open_event *open = &row->open;
    struct open_row next;

    if (open->state == OPEN_QUEUED && open->next_seq == 0 && workflow->queue_tail != open->seq)
        return "it is queued, and its queue ends elsewhere";
    if (open->next_seq != 0 &&
        (!rows_get_open(look->rows, open->next_seq, &next) || next.open.number != open->number))
        return "the event behind it in its queue is missing";
    bool at_turn =
        open->state == OPEN_READY || open->state == OPEN_DELAYED || open->state == OPEN_PARKED;
    if (at_turn && workflow->judging_seq != open->seq)
        return "it is at its turn, and its workflow judges another";
    if (open->state == OPEN_DELAYED && !rows_has_due(look->rows, open->due_ms, open->seq))
        return "its due time is missing";
    for (uint32_t i = 0; open->state == OPEN_HELD && i < row->waits_count; i++) {
        if (!rows_has_wait(look->rows, &row->waits[i], open->seq))
            return "one of its waits is missing";
    }
    return NULL;
}

static void look_open(const struct look *look)
{
    struct open_row row;
    struct seen seen;
    struct workflow workflow;

    if (!record_decode_open(look->payload, &row) || row.open.seq != number_of(look->key, 0)) {
        miss(look, KV_OPEN, "it is not what its key says");
        return;
    }
    if (!rows_get_workflow(look->rows, row.open.number, &workflow))
        miss(look, KV_OPEN, "its workflow is missing");
    else if (!rows_get_seen(look->rows, row.open.number, row.open.id, &seen) ||
             seen.seq != row.open.seq)
        miss(look, KV_OPEN, "its event id is missing");
    else if (missing_of(look, &row, &workflow) != NULL)
        miss(look, KV_OPEN, missing_of(look, &row, &workflow));
}

static void look_waits(const struct look *look)
{
    struct open_row row;

    if (!rows_get_open(look->rows, number_of(look->key, look->key.len - 8), &row) ||
        row.open.state != OPEN_HELD)
        miss(look, KV_WAITS, "no held event waits for it");
}

static void look_due(const struct look *look)
{
    struct open_row row;

    if (!rows_get_open(look->rows, number_of(look->key, look->key.len - 8), &row))
        miss(look, KV_DUE, "its event is missing");
}

static void look_stage(const struct look *look)
{
    struct stage_setting setting;

    if (!record_decode_stage(look->payload, &setting) || setting.seq == 0 ||
        setting.seq > state_position(look->state)->applied_seq || look->key.len != 1 ||
        look->key.bytes[0] < STAGE_NEEDS_ASSESSED || look->key.bytes[0] > STAGE_REVIEW)
        miss(look, KV_STAGE, "it names no stage, or no entry");
}

static void look_timer(const struct look *look)
{
    struct timer_row row;
    struct workflow workflow;

    if (!record_decode_timer(look->payload, &row) || look->key.len != 17) {
        miss(look, KV_TIMER, "it is not what its key says");
        return;
    }
    row.number = number_of(look->key, 0);
    row.timer.kind = (enum timer_kind)look->key.bytes[8];
    row.timer.of_seq = number_of(look->key, 9);
    if (!rows_get_workflow(look->rows, row.number, &workflow))
        miss(look, KV_TIMER, "its workflow is missing");
    else if ((workflow.phase != PHASE_SUSPENDED) != rows_has_timer_due(look->rows, &row))
        miss(look, KV_TIMER, "it runs and is not due, or stands still and is");
}

static void look_timer_due(const struct look *look)
{
    struct timer_set named;
    struct timer_row row;

    named = (struct timer_set){.kind = (enum timer_kind)look->key.bytes[16],
                               .of_seq = number_of(look->key, 17)};
    if (!rows_get_timer(look->rows, number_of(look->key, 8), &named, &row) ||
        ((uint64_t)row.timer.due_ms ^ UINT64_C(0x8000000000000000)) != number_of(look->key, 0))
        miss(look, KV_TIMER_DUE, "its timer is missing");
}

/* ---- registers and money ---- */

static void look_key(const struct look *look)
{
    struct key_row row;
    struct key_row found;

    if (!record_decode_key(look->payload, &row) ||
        !rows_next_key(look->rows, row.entry_seq - 1, &found) || found.entry_seq != row.entry_seq)
        miss(look, KV_KEY, "its place in the order is missing");
}

static void look_key_order(const struct look *look)
{
    struct key public_key;
    struct key_row row;

    if (!record_decode_public_key(look->payload, &public_key) ||
        !rows_get_key(look->rows, public_key, &row) || row.entry_seq != number_of(look->key, 0))
        miss(look, KV_KEY_ORDER, "its key is missing");
}

static void look_ledger_line(const struct look *look)
{
    struct ledger_line_row row;
    struct ledger_year year;

    if (!record_decode_ledger_line(look->payload, &row) ||
        !rows_find_ledger(look->rows, row.line.ods, row.line.year, &year))
        miss(look, KV_LEDGER_LINE, "its year is missing");
}

/** Nothing names it and it names nothing: its digest was right. */
static void look_nothing(const struct look *look)
{
    (void)look;
}

static void (*const looks[KV_TABLES])(const struct look *look) = {
    [KV_META] = look_nothing,
    [KV_WORKFLOW] = look_workflow,
    [KV_REFERENCE] = look_reference,
    [KV_SEEN] = look_seen,
    [KV_OPEN] = look_open,
    [KV_WAITS] = look_waits,
    [KV_FACT] = look_fact,
    [KV_DUE] = look_due,
    [KV_REGISTER] = look_nothing,
    [KV_ORGANISATION] = look_nothing,
    [KV_SUPPORT] = look_nothing,
    [KV_LEVEL] = look_nothing,
    [KV_KEY] = look_key,
    [KV_KEY_ORDER] = look_key_order,
    [KV_LEDGER] = look_nothing, /* see sum_line() */
    [KV_LEDGER_LINE] = look_ledger_line,
    [KV_CASELOAD] = look_nothing,
    [KV_STAGE] = look_stage,
    [KV_TIMER] = look_timer,
    [KV_TIMER_DUE] = look_timer_due,
};

/* ---- sums ---- */

static bool sums_agree(const struct ledger_year *a, const struct ledger_year *b)
{
    return a->allotted == b->allotted && a->allotment_pence == b->allotment_pence &&
           a->reserved_pence == b->reserved_pence && a->committed_pence == b->committed_pence &&
           a->uncovered_pence == b->uncovered_pence;
}

/** Begin to add up the lines of the ledger's row. */
static void begin_sum(struct scrub *scrub, const struct look *look)
{
    struct ledger_year year;

    if (!record_decode_ledger(look->payload, &year)) {
        miss(look, KV_LEDGER, "it is not what its key says");
        return;
    }
    scrub->summing = true;
    scrub->sum = (struct ledger_year){.ods = year.ods, .year = year.year};
    scrub->sum_seq = state_position(look->state)->applied_seq;
    scrub->line_seq = 0;
    scrub->line_index = 0;
}

/** One line more; after the last the sum is the row. When entries came meanwhile, it may not be: the next pass adds it up again. */
static void sum_line(struct scrub *scrub, const struct look *look)
{
    struct ledger_line_row line;
    struct ledger_year year;

    if (rows_next_ledger_line(look->rows, scrub->sum.ods, scrub->sum.year, scrub->line_seq,
                              scrub->line_index, &line, &scrub->line_index)) {
        scrub->line_seq = line.entry_seq;
        ledger_add(&scrub->sum, &line.line);
        return;
    }
    scrub->summing = false;
    if (rows_failure(look->rows) != STATUS_OK ||
        state_position(look->state)->applied_seq != scrub->sum_seq)
        return;
    if (!rows_find_ledger(look->rows, scrub->sum.ods, scrub->sum.year, &year) ||
        !sums_agree(&scrub->sum, &year))
        miss(look, KV_LEDGER, "it is not the sum of its lines");
}

/* ---- going on ---- */

/** The table has ended: as many rows as its root counts, unless entries came meanwhile. */
static void end_table(struct scrub *scrub, struct state *state)
{
    struct rows *rows = state_rows(state);
    const struct position *position = state_position(state);
    uint64_t counted = overlay_count(rows->overlay, scrub->table);

    if (rows_failure(rows) == STATUS_OK && scrub->table != KV_META &&
        position->applied_seq == scrub->table_seq && scrub->table_rows != counted)
        rows_fail(rows, STATUS_STORE_CORRUPT, "state: table %s: %llu rows of %llu are there",
                  kv_table_name(scrub->table), (unsigned long long)scrub->table_rows,
                  (unsigned long long)counted);
    scrub->table++;
    scrub->key_len = 0;
    scrub->table_rows = 0;
    scrub->table_seq = position->applied_seq;
}

/** Look at one row, or one line of a sum. False: the table has no more. */
static bool look_next(struct scrub *scrub, struct state *state)
{
    struct look look = {
        .state = state, .rows = state_rows(state), .key = {scrub->key, scrub->key_len}};
    uint8_t payload[RECORD_PAYLOAD_MAX];
    struct slice key;

    if (scrub->summing) {
        sum_line(scrub, &look);
        return true;
    }
    if (!rows_next_any(look.rows, scrub->table, look.key, &key, &look.payload))
        return false;
    /* Both point into the map; a counterpart's look may move them. */
    CHECK(key.len <= sizeof scrub->key);
    CHECK(look.payload.len <= sizeof payload);
    memcpy(scrub->key, key.bytes, key.len);
    scrub->key_len = key.len;
    if (look.payload.len > 0)
        memcpy(payload, look.payload.bytes, look.payload.len);
    look.key = (struct slice){scrub->key, scrub->key_len};
    look.payload = (struct slice){payload, look.payload.len};
    scrub->table_rows++;
    if (scrub->table == KV_LEDGER)
        begin_sum(scrub, &look);
    else
        looks[scrub->table](&look);
    return true;
}

enum status scrub_step(struct scrub *scrub, struct state *state, uint32_t rows_max,
                       bool *ret_passed)
{
    *ret_passed = false;
    if (scrub->table == KV_META && scrub->key_len == 0)
        scrub->table_seq = state_position(state)->applied_seq;
    for (uint32_t i = 0; i < rows_max && state_failure(state) == STATUS_OK; i++) {
        scrub->rows++;
        if (look_next(scrub, state) || state_failure(state) != STATUS_OK)
            continue;
        end_table(scrub, state);
        if (scrub->table == KV_TABLES) {
            *ret_passed = true;
            *scrub = (struct scrub){.passes = scrub->passes + 1};
            break;
        }
    }
    return state_failure(state);
}
