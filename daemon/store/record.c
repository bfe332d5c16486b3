/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/record.h"

#include <sodium.h>
#include <string.h>

static_assert(RECORD_PAYLOAD_MAX > FACT_BYTES_MAX + 512, "an open event with its bytes fits");

/* 16 bytes each: BLAKE2b's personalisation, so that no digest of ours is mistaken for another's. */
static const uint8_t row_context[] = "commissiond row";
static const uint8_t event_context[] = "commission event";
static_assert(sizeof row_context == crypto_generichash_blake2b_PERSONALBYTES, "a context's size");
static_assert(sizeof event_context == crypto_generichash_blake2b_PERSONALBYTES + 1,
              "a context's size and NUL");

/* ---- the header ---- */

/** The digest of a row. */
static void digest_row(enum kv_table table, struct slice key, struct slice payload,
                       uint8_t ret[RECORD_DIGEST_BYTES])
{
    uint8_t salt[crypto_generichash_blake2b_SALTBYTES] = {(uint8_t)table, RECORD_VERSION};
    crypto_generichash_blake2b_state digest;

    crypto_generichash_blake2b_init_salt_personal(&digest, NULL, 0, RECORD_DIGEST_BYTES, salt,
                                                  row_context);
    crypto_generichash_blake2b_update(&digest, key.bytes, key.len);
    crypto_generichash_blake2b_update(&digest, payload.bytes, payload.len);
    crypto_generichash_blake2b_final(&digest, ret, RECORD_DIGEST_BYTES);
}

struct slice record_seal(struct record *record, enum kv_table table, struct slice key)
{
    struct slice payload = {record->bytes + RECORD_HEADER_BYTES, record->payload_len};

    CHECK(record->payload_len <= RECORD_PAYLOAD_MAX);
    record->bytes[0] = RECORD_VERSION;
    record->bytes[1] = (uint8_t)payload.len;
    record->bytes[2] = (uint8_t)(payload.len >> 8);
    digest_row(table, key, payload, record->bytes + 3);
    return (struct slice){record->bytes, RECORD_HEADER_BYTES + payload.len};
}

bool record_open(struct slice value, enum kv_table table, struct slice key, struct slice *ret)
{
    uint8_t digest[RECORD_DIGEST_BYTES];

    if (value.len < RECORD_HEADER_BYTES || value.bytes[0] != RECORD_VERSION)
        return false;
    struct slice payload = {value.bytes + RECORD_HEADER_BYTES, value.len - RECORD_HEADER_BYTES};
    if ((size_t)(value.bytes[1] | value.bytes[2] << 8) != payload.len)
        return false;
    digest_row(table, key, payload, digest);
    if (memcmp(digest, value.bytes + 3, sizeof digest) != 0)
        return false;
    *ret = payload;
    return true;
}

/* ---- fields ---- */

static void start(struct record *record)
{
    record->payload_len = 0;
}

/** Room for @len bytes more of payload. */
static uint8_t *room(struct record *record, size_t len)
{
    CHECK(record->payload_len + len <= RECORD_PAYLOAD_MAX);
    uint8_t *at = record->bytes + RECORD_HEADER_BYTES + record->payload_len;
    record->payload_len += len;
    return at;
}

static void put_u8(struct record *record, unsigned value)
{
    CHECK(value <= UINT8_MAX);
    *room(record, 1) = (uint8_t)value;
}

static void put_u16(struct record *record, unsigned value)
{
    uint8_t *at = room(record, 2);

    CHECK(value <= UINT16_MAX);
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

static void put_u32(struct record *record, uint32_t value)
{
    uint8_t *at = room(record, 4);

    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static void put_u64(struct record *record, uint64_t value)
{
    uint8_t *at = room(record, 8);

    for (unsigned i = 0; i < 8; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

static void put_i32(struct record *record, int32_t value)
{
    put_u32(record, (uint32_t)value);
}

static void put_i64(struct record *record, int64_t value)
{
    put_u64(record, (uint64_t)value);
}

static void put_bool(struct record *record, bool value)
{
    put_u8(record, value ? 1 : 0);
}

static void put_bytes(struct record *record, const void *bytes, size_t len)
{
    if (len > 0)
        memcpy(room(record, len), bytes, len);
}

static void put_text(struct record *record, const char *text, size_t size)
{
    size_t len = strnlen(text, size);

    CHECK(len < size);
    put_u8(record, (unsigned)len);
    put_bytes(record, text, len);
}

static void put_ods(struct record *record, struct ods ods)
{
    put_text(record, ods.text, sizeof ods.text);
}

/** A payload being read; once bad, all that follows is zero. */
struct reading {
    const uint8_t *at;
    size_t left;
    bool bad;
};

static struct reading read_from(struct slice payload)
{
    return (struct reading){payload.bytes, payload.len, false};
}

static const uint8_t *next_bytes(struct reading *reading, size_t len)
{
    if (reading->bad || reading->left < len) {
        reading->bad = true;
        return NULL;
    }
    const uint8_t *at = reading->at;
    reading->at += len;
    reading->left -= len;
    return at;
}

static uint64_t next_number(struct reading *reading, unsigned bytes)
{
    const uint8_t *at = next_bytes(reading, bytes);
    uint64_t value = 0;

    for (unsigned i = 0; at != NULL && i < bytes; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static unsigned get_u8(struct reading *reading)
{
    return (unsigned)next_number(reading, 1);
}

static unsigned get_u16(struct reading *reading)
{
    return (unsigned)next_number(reading, 2);
}

static uint32_t get_u32(struct reading *reading)
{
    return (uint32_t)next_number(reading, 4);
}

static uint64_t get_u64(struct reading *reading)
{
    return next_number(reading, 8);
}

static int32_t get_i32(struct reading *reading)
{
    return (int32_t)get_u32(reading);
}

static int64_t get_i64(struct reading *reading)
{
    return (int64_t)get_u64(reading);
}

static bool get_bool(struct reading *reading)
{
    unsigned value = get_u8(reading);

    if (value > 1)
        reading->bad = true;
    return value == 1;
}

static void get_bytes(struct reading *reading, void *ret, size_t len)
{
    const uint8_t *at = next_bytes(reading, len);

    if (at != NULL)
        memcpy(ret, at, len);
}

/** @ret is zero beyond the text. */
static void get_text(struct reading *reading, char *ret, size_t size)
{
    unsigned len = get_u8(reading);

    if (len >= size) {
        reading->bad = true;
        return;
    }
    get_bytes(reading, ret, len);
    if (memchr(ret, '\0', len) != NULL) /* it would be another, shorter text */
        reading->bad = true;
}

static struct ods get_ods(struct reading *reading)
{
    struct ods ods = {""};

    get_text(reading, ods.text, sizeof ods.text);
    return ods;
}

static bool whole(const struct reading *reading)
{
    return !reading->bad && reading->left == 0;
}

/* ---- rows ---- */

void record_encode_workflow(struct record *record, const struct workflow *workflow)
{
    start(record);
    put_u64(record, workflow->number);
    put_u64(record, workflow->last_seq);
    put_ods(record, workflow->lead);
    put_ods(record, workflow->present_lead);
    put_text(record, workflow->reference.text, sizeof workflow->reference.text);
    put_u8(record, workflow->stage);
    put_u8(record, workflow->phase);
    put_u8(record, workflow->category);
    put_bool(record, workflow->adopted);
    put_i32(record, workflow->opened_on);
    put_i64(record, workflow->changed_at_ms);
    put_u64(record, workflow->phase_seq);
    put_i64(record, workflow->phase_at_ms);
    put_u64(record, workflow->accepted_count);
    put_u64(record, workflow->judging_seq);
    put_u64(record, workflow->queue_head);
    put_u64(record, workflow->queue_tail);
    put_u32(record, workflow->queued_count);
    put_u32(record, workflow->held_count);
}

bool record_decode_workflow(struct slice payload, struct workflow *ret)
{
    struct reading reading = read_from(payload);
    struct workflow workflow = {.number = get_u64(&reading)};

    workflow.last_seq = get_u64(&reading);
    workflow.lead = get_ods(&reading);
    workflow.present_lead = get_ods(&reading);
    get_text(&reading, workflow.reference.text, sizeof workflow.reference.text);
    workflow.stage = (enum stage)get_u8(&reading);
    workflow.phase = (enum phase)get_u8(&reading);
    workflow.category = (enum service_category)get_u8(&reading);
    workflow.adopted = get_bool(&reading);
    workflow.opened_on = get_i32(&reading);
    workflow.changed_at_ms = get_i64(&reading);
    workflow.phase_seq = get_u64(&reading);
    workflow.phase_at_ms = get_i64(&reading);
    workflow.accepted_count = get_u64(&reading);
    workflow.judging_seq = get_u64(&reading);
    workflow.queue_head = get_u64(&reading);
    workflow.queue_tail = get_u64(&reading);
    workflow.queued_count = get_u32(&reading);
    workflow.held_count = get_u32(&reading);
    if (!whole(&reading))
        return false;
    *ret = workflow;
    return true;
}

static void put_wait(struct record *record, const struct wait *wait)
{
    put_u8(record, wait->kind);
    put_ods(record, wait->ods);
    put_i32(record, wait->year);
    put_u64(record, wait->number);
}

void record_encode_open(struct record *record, const struct open_row *row)
{
    const struct open_event *open = &row->open;

    CHECK(row->waits_count <= WAITS_MAX);
    CHECK(row->event.len <= FACT_BYTES_MAX);
    start(record);
    put_u64(record, open->seq);
    put_u64(record, open->number);
    put_u64(record, open->next_seq);
    put_bytes(record, open->id.bytes, sizeof open->id.bytes);
    put_u16(record, open->type);
    put_u8(record, open->stage);
    put_u8(record, open->state);
    put_ods(record, open->sender);
    put_u64(record, open->key_seq);
    put_u32(record, open->attempt);
    put_u64(record, open->failed_seq);
    put_i64(record, open->due_ms);
    put_bool(record, open->expired);
    put_i64(record, open->received_at_ms);
    put_u32(record, open->event_len);
    put_u8(record, row->waits_count);
    for (uint32_t i = 0; i < row->waits_count; i++)
        put_wait(record, &row->waits[i]);
    put_u16(record, (unsigned)row->event.len);
    put_bytes(record, row->event.bytes, row->event.len);
}

bool record_decode_open(struct slice payload, struct open_row *ret)
{
    struct reading reading = read_from(payload);
    struct open_event *open = &ret->open;

    *open = (struct open_event){.seq = get_u64(&reading)};
    open->number = get_u64(&reading);
    open->next_seq = get_u64(&reading);
    get_bytes(&reading, open->id.bytes, sizeof open->id.bytes);
    open->type = (enum event_type)get_u16(&reading);
    open->stage = (enum stage)get_u8(&reading);
    open->state = (enum open_state)get_u8(&reading);
    open->sender = get_ods(&reading);
    open->key_seq = get_u64(&reading);
    open->attempt = get_u32(&reading);
    open->failed_seq = get_u64(&reading);
    open->due_ms = get_i64(&reading);
    open->expired = get_bool(&reading);
    open->received_at_ms = get_i64(&reading);
    open->event_len = get_u32(&reading);
    ret->waits_count = get_u8(&reading);
    if (ret->waits_count > WAITS_MAX)
        return false;
    for (uint32_t i = 0; i < ret->waits_count; i++) {
        ret->waits[i].kind = (enum wait_kind)get_u8(&reading);
        ret->waits[i].ods = get_ods(&reading);
        ret->waits[i].year = get_i32(&reading);
        ret->waits[i].number = get_u64(&reading);
    }
    size_t len = get_u16(&reading);
    ret->event = (struct slice){next_bytes(&reading, len), len};
    return whole(&reading);
}

void record_encode_seen(struct record *record, const struct seen *seen)
{
    start(record);
    put_u64(record, seen->seq);
    put_u64(record, seen->verdict_seq);
    put_bytes(record, seen->digest, sizeof seen->digest);
}

bool record_decode_seen(struct slice payload, struct seen *ret)
{
    struct reading reading = read_from(payload);

    ret->seq = get_u64(&reading);
    ret->verdict_seq = get_u64(&reading);
    get_bytes(&reading, ret->digest, sizeof ret->digest);
    return whole(&reading);
}

void record_encode_register(struct record *record, const struct register_head *head)
{
    start(record);
    put_u64(record, head->number);
    put_u64(record, head->last_seq);
}

bool record_decode_register(struct slice payload, struct register_head *ret)
{
    struct reading reading = read_from(payload);

    ret->number = get_u64(&reading);
    ret->last_seq = get_u64(&reading);
    return whole(&reading);
}

void record_encode_organisation(struct record *record, const struct organisation *organisation)
{
    start(record);
    put_ods(record, organisation->ods);
    put_u8(record, organisation->kind);
    put_i32(record, organisation->opened_on);
    put_i32(record, organisation->closed_on);
    put_ods(record, organisation->successor);
    put_text(record, organisation->name, sizeof organisation->name);
    put_u64(record, organisation->entry_seq);
}

bool record_decode_organisation(struct slice payload, struct organisation *ret)
{
    struct reading reading = read_from(payload);
    struct organisation organisation = {.known = true};

    organisation.ods = get_ods(&reading);
    organisation.kind = (enum organisation_kind)get_u8(&reading);
    organisation.opened_on = get_i32(&reading);
    organisation.closed_on = get_i32(&reading);
    organisation.successor = get_ods(&reading);
    get_text(&reading, organisation.name, sizeof organisation.name);
    organisation.entry_seq = get_u64(&reading);
    if (!whole(&reading))
        return false;
    *ret = organisation;
    return true;
}

void record_encode_support(struct record *record, const struct support_row *row)
{
    start(record);
    put_ods(record, row->ccg);
    put_ods(record, row->csu);
    put_u32(record, row->lines);
    put_i32(record, row->period.from);
    put_i32(record, row->period.to);
    put_u64(record, row->entry_seq);
}

bool record_decode_support(struct slice payload, struct support_row *ret)
{
    struct reading reading = read_from(payload);

    ret->ccg = get_ods(&reading);
    ret->csu = get_ods(&reading);
    ret->lines = get_u32(&reading);
    ret->period.from = get_i32(&reading);
    ret->period.to = get_i32(&reading);
    ret->entry_seq = get_u64(&reading);
    return whole(&reading);
}

void record_encode_level(struct record *record, const struct level_row *row)
{
    start(record);
    put_u8(record, row->level);
    put_i32(record, row->from);
    put_u64(record, row->entry_seq);
}

bool record_decode_level(struct slice payload, struct level_row *ret)
{
    struct reading reading = read_from(payload);

    ret->level = (enum co_commissioning)get_u8(&reading);
    ret->from = get_i32(&reading);
    ret->entry_seq = get_u64(&reading);
    return whole(&reading);
}

void record_encode_key(struct record *record, const struct key_row *row)
{
    start(record);
    put_bytes(record, row->principal.public_key.bytes, sizeof row->principal.public_key.bytes);
    put_ods(record, row->principal.organisation);
    put_u8(record, row->principal.kind);
    put_u32(record, row->principal.verbs);
    put_u64(record, row->principal.key_seq);
    put_text(record, row->label, sizeof row->label);
    put_bool(record, row->revoked);
    put_u64(record, row->entry_seq);
}

bool record_decode_key(struct slice payload, struct key_row *ret)
{
    struct reading reading = read_from(payload);
    struct key_row row = {.revoked = false};

    get_bytes(&reading, row.principal.public_key.bytes, sizeof row.principal.public_key.bytes);
    row.principal.organisation = get_ods(&reading);
    row.principal.kind = (enum organisation_kind)get_u8(&reading);
    row.principal.verbs = get_u32(&reading);
    row.principal.key_seq = get_u64(&reading);
    get_text(&reading, row.label, sizeof row.label);
    row.revoked = get_bool(&reading);
    row.entry_seq = get_u64(&reading);
    if (!whole(&reading))
        return false;
    *ret = row;
    return true;
}

void record_encode_ledger(struct record *record, const struct ledger_year *year)
{
    start(record);
    put_ods(record, year->ods);
    put_i32(record, year->year);
    put_bool(record, year->allotted);
    put_i64(record, year->allotment_pence);
    put_i64(record, year->reserved_pence);
    put_i64(record, year->committed_pence);
    put_i64(record, year->uncovered_pence);
}

bool record_decode_ledger(struct slice payload, struct ledger_year *ret)
{
    struct reading reading = read_from(payload);
    struct ledger_year year = {.ods = get_ods(&reading)};

    year.year = get_i32(&reading);
    year.allotted = get_bool(&reading);
    year.allotment_pence = get_i64(&reading);
    year.reserved_pence = get_i64(&reading);
    year.committed_pence = get_i64(&reading);
    year.uncovered_pence = get_i64(&reading);
    if (!whole(&reading))
        return false;
    *ret = year;
    return true;
}

void record_encode_ledger_line(struct record *record, const struct ledger_line_row *row)
{
    start(record);
    put_ods(record, row->line.ods);
    put_i32(record, row->line.year);
    put_u8(record, row->line.kind);
    put_i64(record, row->line.pence);
    put_bool(record, row->line.uncovered);
    put_u64(record, row->entry_seq);
    put_u64(record, row->number);
}

bool record_decode_ledger_line(struct slice payload, struct ledger_line_row *ret)
{
    struct reading reading = read_from(payload);
    struct ledger_line_row row = {.line = {.ods = get_ods(&reading)}};

    row.line.year = get_i32(&reading);
    row.line.kind = (enum ledger_kind)get_u8(&reading);
    row.line.pence = get_i64(&reading);
    row.line.uncovered = get_bool(&reading);
    row.entry_seq = get_u64(&reading);
    row.number = get_u64(&reading);
    if (!whole(&reading))
        return false;
    *ret = row;
    return true;
}

void record_encode_fact(struct record *record, struct slice event)
{
    start(record);
    put_bytes(record, event.bytes, event.len);
}

void record_encode_number(struct record *record, uint64_t number)
{
    start(record);
    put_u64(record, number);
}

bool record_decode_number(struct slice payload, uint64_t *ret)
{
    struct reading reading = read_from(payload);

    *ret = get_u64(&reading);
    return whole(&reading);
}

void record_encode_public_key(struct record *record, struct key key)
{
    start(record);
    put_bytes(record, key.bytes, sizeof key.bytes);
}

bool record_decode_public_key(struct slice payload, struct key *ret)
{
    struct reading reading = read_from(payload);

    get_bytes(&reading, ret->bytes, sizeof ret->bytes);
    return whole(&reading);
}

void record_encode_stage(struct record *record, const struct stage_setting *setting)
{
    start(record);
    put_u8(record, setting->state);
    put_i64(record, setting->since_ms);
    put_u64(record, setting->seq);
}

bool record_decode_stage(struct slice payload, struct stage_setting *ret)
{
    struct reading reading = read_from(payload);

    ret->state = (enum stage_state)get_u8(&reading);
    ret->since_ms = get_i64(&reading);
    ret->seq = get_u64(&reading);
    return whole(&reading) && ret->state >= STAGE_RUNNING && ret->state <= STAGE_DRAINING;
}

void record_encode_nothing(struct record *record)
{
    start(record);
}

void record_encode_timer(struct record *record, const struct timer_row *row)
{
    start(record);
    put_u8(record, row->timer.level);
    put_i64(record, row->timer.due_ms);
    put_u64(record, row->set_by_seq);
}

bool record_decode_timer(struct slice payload, struct timer_row *ret)
{
    struct reading reading = read_from(payload);
    struct timer_row row = {.timer.level = (enum timer_level)get_u8(&reading)};

    row.timer.due_ms = get_i64(&reading);
    row.set_by_seq = get_u64(&reading);
    if (!whole(&reading) || row.timer.level > TIMER_END)
        return false;
    *ret = row;
    return true;
}

void record_encode_position(struct record *record, const struct position *position)
{
    start(record);
    put_u32(record, position->format);
    put_u64(record, position->applied_seq);
    put_bytes(record, position->applied_hash.bytes, sizeof position->applied_hash.bytes);
    put_u64(record, position->run);
    put_bytes(record, position->journal_id, sizeof position->journal_id);
    for (uint32_t table = 0; table < KV_TABLES; table++)
        put_u64(record, position->rows[table]);
}

bool record_decode_format(struct slice payload, uint32_t *ret)
{
    struct reading reading = read_from((struct slice){payload.bytes, payload.len < 4 ? 0 : 4});

    *ret = get_u32(&reading);
    return whole(&reading);
}

bool record_decode_position(struct slice payload, struct position *ret)
{
    struct reading reading = read_from(payload);

    ret->format = get_u32(&reading);
    ret->applied_seq = get_u64(&reading);
    get_bytes(&reading, ret->applied_hash.bytes, sizeof ret->applied_hash.bytes);
    ret->run = get_u64(&reading);
    get_bytes(&reading, ret->journal_id, sizeof ret->journal_id);
    for (uint32_t table = 0; table < KV_TABLES; table++)
        ret->rows[table] = get_u64(&reading);
    return whole(&reading);
}

void record_event_digest(struct slice event_bytes, uint8_t ret[16])
{
    crypto_generichash_blake2b_salt_personal(ret, 16, event_bytes.bytes, event_bytes.len, NULL, 0,
                                             NULL, event_context);
}
