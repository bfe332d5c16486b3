/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/rows.h"

#include <stdarg.h>
#include <string.h>

#define ODS_KEY_BYTES ODS_SIZE

/* ---- keys ---- */

struct name {
    uint8_t bytes[KV_KEY_BYTES_MAX];
    size_t len;
};

static void add_bytes(struct name *name, const void *bytes, size_t len)
{
    CHECK(name->len + len <= sizeof name->bytes);
    memcpy(name->bytes + name->len, bytes, len);
    name->len += len;
}

static void add_number(struct name *name, uint64_t value, unsigned bytes)
{
    CHECK(name->len + bytes <= sizeof name->bytes);
    for (unsigned i = 0; i < bytes; i++)
        name->bytes[name->len++] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
}

/** Signed, in its order: the sign's bit turned round. */
static uint32_t ordered32(int32_t value)
{
    return (uint32_t)value ^ 0x80000000u;
}

static uint64_t ordered64(int64_t value)
{
    return (uint64_t)value ^ 0x8000000000000000u;
}

static void add_ods(struct name *name, struct ods ods)
{
    add_bytes(name, ods.text, ODS_KEY_BYTES);
}

static struct slice slice_of(const struct name *name)
{
    return (struct slice){name->bytes, name->len};
}

static uint64_t number_at(struct slice key, size_t at, unsigned bytes)
{
    uint64_t value = 0;

    CHECK(at + bytes <= key.len);
    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | key.bytes[at + i];
    return value;
}

static struct name name_number(uint64_t number)
{
    struct name name;

    name.len = 0;
    add_number(&name, number, 8);
    return name;
}

static struct name name_reference(struct ods lead, const struct reference *reference)
{
    struct name name;

    name.len = 0;
    add_bytes(&name, lead.text, strnlen(lead.text, sizeof lead.text));
    add_number(&name, 0, 1);
    add_bytes(&name, reference->text, strnlen(reference->text, sizeof reference->text));
    return name;
}

static struct name name_seen(uint64_t number, struct event_id id)
{
    struct name name = name_number(number);

    add_bytes(&name, id.bytes, sizeof id.bytes);
    return name;
}

static struct name name_wait(const struct wait *wait, uint64_t seq)
{
    struct name name;

    name.len = 0;
    add_number(&name, (uint64_t)wait->kind, 1);
    add_ods(&name, wait->ods);
    add_number(&name, ordered32(wait->year), 4);
    add_number(&name, wait->number, 8);
    add_number(&name, seq, 8);
    return name;
}

static struct name name_due(int64_t due_ms, uint64_t seq)
{
    struct name name;

    name.len = 0;
    add_number(&name, ordered64(due_ms), 8);
    add_number(&name, seq, 8);
    return name;
}

static struct name name_timer(uint64_t number, const struct timer_set *timer)
{
    struct name name = name_number(number);

    add_number(&name, (uint64_t)timer->kind, 1);
    add_number(&name, timer->of_seq, 8);
    return name;
}

static struct name name_timer_due(const struct timer_row *row)
{
    struct name name;

    name.len = 0;
    add_number(&name, ordered64(row->timer.due_ms), 8);
    add_number(&name, row->number, 8);
    add_number(&name, (uint64_t)row->timer.kind, 1);
    add_number(&name, row->timer.of_seq, 8);
    return name;
}

static struct name name_fact(uint64_t number, enum event_type type, uint64_t seq)
{
    struct name name = name_number(number);

    add_number(&name, (uint64_t)type, 2);
    add_number(&name, seq, 8);
    return name;
}

static struct name name_register(struct ods organisation, enum event_type type)
{
    struct name name;

    name.len = 0;
    add_ods(&name, organisation);
    add_number(&name, (uint64_t)type, 2);
    return name;
}

/** Of what has a day, the latest first. */
static struct name name_dated(struct ods ods, date_t date)
{
    struct name name;

    name.len = 0;
    add_ods(&name, ods);
    add_number(&name, ~ordered32(date), 4);
    return name;
}

static struct name name_ods(struct ods ods)
{
    struct name name;

    name.len = 0;
    add_ods(&name, ods);
    return name;
}

static struct name name_support(struct ods ccg, struct ods csu)
{
    struct name name = name_ods(ccg);

    add_ods(&name, csu);
    return name;
}

static struct name name_key(struct key key)
{
    struct name name;

    name.len = 0;
    add_bytes(&name, key.bytes, sizeof key.bytes);
    return name;
}

static struct name name_ledger(struct ods ods, int32_t year)
{
    struct name name = name_ods(ods);

    add_number(&name, ordered32(year), 4);
    return name;
}

static struct name name_ledger_line(struct ods ods, int32_t year, uint64_t seq, uint32_t index)
{
    struct name name = name_ledger(ods, year);

    add_number(&name, seq, 8);
    add_number(&name, index, 4);
    return name;
}

static bool begins_with(struct slice key, const struct name *prefix)
{
    return key.len >= prefix->len && memcmp(key.bytes, prefix->bytes, prefix->len) == 0;
}

/* ---- failures, and rows of any kind ---- */

enum status rows_failure(const struct rows *rows)
{
    return rows->failure != STATUS_OK ? rows->failure : kv_failure(rows->kv);
}

void rows_fail(struct rows *rows, enum status status, const char *format, ...)
{
    va_list arguments;

    if (rows->failure != STATUS_OK)
        return;
    rows->failure = status;
    va_start(arguments, format);
    vsnprintf(rows->text, sizeof rows->text, format, arguments);
    va_end(arguments);
}

static void fail_row(struct rows *rows, enum kv_table table, struct slice key)
{
    char hex[2 * 32 + 1] = "";

    for (size_t i = 0; i < key.len && i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", key.bytes[i]);
    rows_fail(rows, STATUS_STORE_CORRUPT, "state: table %s: the row of key %s is damaged",
              kv_table_name(table), hex);
}

/** True: a row was found and checks. */
static bool sound(struct rows *rows, enum kv_table table, struct slice key, enum found found)
{
    if (found == FOUND_DAMAGED)
        fail_row(rows, table, key);
    return found == FOUND_ROW;
}

static bool get(struct rows *rows, enum kv_table table, const struct name *name, struct slice *ret)
{
    return rows->failure == STATUS_OK &&
           sound(rows, table, slice_of(name),
                 overlay_get(rows->overlay, table, slice_of(name), ret));
}

/** The first row after @after. */
static bool next(struct rows *rows, enum kv_table table, const struct name *after,
                 struct slice *ret_key, struct slice *ret)
{
    if (rows->failure != STATUS_OK)
        return false;
    enum found found = overlay_next(rows->overlay, table, slice_of(after), ret_key, ret);
    return found != FOUND_NONE && sound(rows, table, *ret_key, found);
}

/** The same, within those that begin with @prefix. */
static bool next_within(struct rows *rows, enum kv_table table, const struct name *prefix,
                        const struct name *after, struct slice *ret_key, struct slice *ret)
{
    return next(rows, table, after, ret_key, ret) && begins_with(*ret_key, prefix);
}

/** Write the record that was encoded. @fresh: there is no row of this key for certain. */
static void put_row(struct rows *rows, enum kv_table table, const struct name *name, bool fresh)
{
    overlay_put(rows->overlay, table, slice_of(name), &rows->record, fresh);
}

static void put(struct rows *rows, enum kv_table table, const struct name *name)
{
    put_row(rows, table, name, false);
}

/** What a decoder said of a row whose digest is right. */
static bool decoded(struct rows *rows, enum kv_table table, struct slice key, bool good)
{
    if (!good)
        fail_row(rows, table, key);
    return good;
}

/* ---- the position ---- */

static struct name name_position(void)
{
    struct name name;

    name.len = 0;
    add_bytes(&name, "position", 8);
    return name;
}

bool rows_get_position(struct rows *rows, struct position *ret)
{
    struct name name = name_position();
    struct slice payload;

    return get(rows, KV_META, &name, &payload) &&
           decoded(rows, KV_META, slice_of(&name), record_decode_position(payload, ret));
}

void rows_put_position(struct rows *rows, const struct position *position)
{
    struct name name = name_position();

    record_encode_position(&rows->record, position);
    put(rows, KV_META, &name);
}

void rows_make_position(struct rows *rows, const struct position *position, struct slice *ret_key,
                        struct slice *ret_value)
{
    *ret_key = (struct slice){(const uint8_t *)"position", 8};
    record_encode_position(&rows->record, position);
    *ret_value = record_seal(&rows->record, KV_META, *ret_key);
}

bool rows_next_any(struct rows *rows, enum kv_table table, struct slice after,
                   struct slice *ret_key, struct slice *ret_payload)
{
    struct name name;

    name.len = 0;
    if (after.len > 0)
        add_bytes(&name, after.bytes, after.len);
    return next(rows, table, &name, ret_key, ret_payload);
}

/* ---- workflows ---- */

bool rows_get_workflow(struct rows *rows, uint64_t number, struct workflow *ret)
{
    struct name name = name_number(number);
    struct slice payload;

    if (!get(rows, KV_WORKFLOW, &name, &payload) ||
        !decoded(rows, KV_WORKFLOW, slice_of(&name), record_decode_workflow(payload, ret)))
        return false;
    workflow_check(ret);
    return true;
}

bool rows_find_workflow(struct rows *rows, struct ods lead, const struct reference *reference,
                        struct workflow *ret)
{
    struct name name = name_reference(lead, reference);
    struct slice payload;
    uint64_t number;

    if (!get(rows, KV_REFERENCE, &name, &payload) ||
        !decoded(rows, KV_REFERENCE, slice_of(&name), record_decode_number(payload, &number)))
        return false;
    if (rows_get_workflow(rows, number, ret))
        return true;
    rows_fail(rows, STATUS_STORE_CORRUPT, "state: workflow %llu has a reference and no row",
              (unsigned long long)number);
    return false;
}

bool rows_next_workflow(struct rows *rows, uint64_t after_number, struct workflow *ret)
{
    struct name after = name_number(after_number);
    struct slice key;
    struct slice payload;

    if (!next(rows, KV_WORKFLOW, &after, &key, &payload) ||
        !decoded(rows, KV_WORKFLOW, key, record_decode_workflow(payload, ret)))
        return false;
    workflow_check(ret);
    return true;
}

void rows_put_workflow(struct rows *rows, const struct workflow *workflow, bool fresh)
{
    struct name name = name_number(workflow->number);

    workflow_check(workflow);
    record_encode_workflow(&rows->record, workflow);
    put_row(rows, KV_WORKFLOW, &name, fresh);
}

void rows_put_reference(struct rows *rows, const struct workflow *workflow)
{
    struct name name = name_reference(workflow->lead, &workflow->reference);

    record_encode_number(&rows->record, workflow->number);
    put_row(rows, KV_REFERENCE, &name, true);
}

/* ---- events ---- */

bool rows_get_seen(struct rows *rows, uint64_t number, struct event_id id, struct seen *ret)
{
    struct name name = name_seen(number, id);
    struct slice payload;

    return get(rows, KV_SEEN, &name, &payload) &&
           decoded(rows, KV_SEEN, slice_of(&name), record_decode_seen(payload, ret));
}

void rows_put_seen(struct rows *rows, uint64_t number, struct event_id id, const struct seen *seen,
                   bool fresh)
{
    struct name name = name_seen(number, id);

    record_encode_seen(&rows->record, seen);
    put_row(rows, KV_SEEN, &name, fresh);
}

bool rows_get_open(struct rows *rows, uint64_t seq, struct open_row *ret)
{
    struct name name = name_number(seq);
    struct slice payload;

    return get(rows, KV_OPEN, &name, &payload) &&
           decoded(rows, KV_OPEN, slice_of(&name), record_decode_open(payload, ret));
}

bool rows_copy_open(struct rows *rows, uint64_t seq, struct open_copy *ret)
{
    if (!rows_get_open(rows, seq, &ret->row))
        return false;
    CHECK(ret->row.event.len <= sizeof ret->event);
    if (ret->row.event.len > 0)
        memcpy(ret->event, ret->row.event.bytes, ret->row.event.len);
    ret->row.event.bytes = ret->event;
    return true;
}

bool rows_next_open(struct rows *rows, uint64_t after_seq, struct open_row *ret)
{
    struct name after = name_number(after_seq);
    struct slice key;
    struct slice payload;

    return next(rows, KV_OPEN, &after, &key, &payload) &&
           decoded(rows, KV_OPEN, key, record_decode_open(payload, ret));
}

void rows_put_open(struct rows *rows, const struct open_row *row, bool fresh)
{
    struct name name = name_number(row->open.seq);

    record_encode_open(&rows->record, row);
    put_row(rows, KV_OPEN, &name, fresh);
}

void rows_del_open(struct rows *rows, uint64_t seq)
{
    struct name name = name_number(seq);

    overlay_del(rows->overlay, KV_OPEN, slice_of(&name));
}

void rows_put_wait(struct rows *rows, const struct wait *wait, uint64_t seq)
{
    struct name name = name_wait(wait, seq);

    record_encode_nothing(&rows->record);
    put(rows, KV_WAITS, &name);
}

void rows_del_wait(struct rows *rows, const struct wait *wait, uint64_t seq)
{
    struct name name = name_wait(wait, seq);

    overlay_del(rows->overlay, KV_WAITS, slice_of(&name));
}

bool rows_has_wait(struct rows *rows, const struct wait *wait, uint64_t seq)
{
    struct name name = name_wait(wait, seq);
    struct slice payload;

    return get(rows, KV_WAITS, &name, &payload);
}

bool rows_next_wait(struct rows *rows, struct wait *wait, uint64_t *seq)
{
    struct name after = name_wait(wait, *seq);
    struct slice key;
    struct slice payload;

    if (!next(rows, KV_WAITS, &after, &key, &payload))
        return false;
    *wait = (struct wait){.kind = (enum wait_kind)number_at(key, 0, 1)};
    memcpy(wait->ods.text, key.bytes + 1, ODS_KEY_BYTES);
    wait->year = (int32_t)((uint32_t)number_at(key, 1 + ODS_KEY_BYTES, 4) ^ 0x80000000u);
    wait->number = number_at(key, 1 + ODS_KEY_BYTES + 4, 8);
    *seq = number_at(key, 1 + ODS_KEY_BYTES + 12, 8);
    return true;
}

void rows_put_due(struct rows *rows, int64_t due_ms, uint64_t seq)
{
    struct name name = name_due(due_ms, seq);

    record_encode_nothing(&rows->record);
    put(rows, KV_DUE, &name);
}

void rows_del_due(struct rows *rows, int64_t due_ms, uint64_t seq)
{
    struct name name = name_due(due_ms, seq);

    overlay_del(rows->overlay, KV_DUE, slice_of(&name));
}

bool rows_has_due(struct rows *rows, int64_t due_ms, uint64_t seq)
{
    struct name name = name_due(due_ms, seq);
    struct slice payload;

    return get(rows, KV_DUE, &name, &payload);
}

bool rows_next_due(struct rows *rows, int64_t *due_ms, uint64_t *seq)
{
    struct name after = name_due(*due_ms, *seq);
    struct slice key;
    struct slice payload;

    if (!next(rows, KV_DUE, &after, &key, &payload))
        return false;
    *due_ms = (int64_t)(number_at(key, 0, 8) ^ 0x8000000000000000u);
    *seq = number_at(key, 8, 8);
    return true;
}

/** The workflow, kind and event in a timer's key, from @at on. */
static void read_timer_key(struct slice key, size_t at, struct timer_row *ret)
{
    ret->number = number_at(key, at, 8);
    ret->timer.kind = (enum timer_kind)number_at(key, at + 8, 1);
    ret->timer.of_seq = number_at(key, at + 9, 8);
}

bool rows_get_timer(struct rows *rows, uint64_t number, const struct timer_set *timer,
                    struct timer_row *ret)
{
    struct name name = name_timer(number, timer);
    struct slice payload;

    if (!get(rows, KV_TIMER, &name, &payload) ||
        !decoded(rows, KV_TIMER, slice_of(&name), record_decode_timer(payload, ret)))
        return false;
    read_timer_key(slice_of(&name), 0, ret);
    return true;
}

bool rows_next_timer(struct rows *rows, uint64_t number, const struct timer_set *at,
                     struct timer_row *ret)
{
    struct name prefix = name_number(number);
    struct name after = name_timer(number, at);
    struct slice key;
    struct slice payload;

    if (!next_within(rows, KV_TIMER, &prefix, &after, &key, &payload) ||
        !decoded(rows, KV_TIMER, key, record_decode_timer(payload, ret)))
        return false;
    read_timer_key(key, 0, ret);
    return true;
}

void rows_put_timer(struct rows *rows, const struct timer_row *row)
{
    struct name name = name_timer(row->number, &row->timer);

    record_encode_timer(&rows->record, row);
    put(rows, KV_TIMER, &name);
}

void rows_del_timer(struct rows *rows, const struct timer_row *row)
{
    struct name name = name_timer(row->number, &row->timer);

    overlay_del(rows->overlay, KV_TIMER, slice_of(&name));
}

void rows_put_timer_due(struct rows *rows, const struct timer_row *row)
{
    struct name name = name_timer_due(row);

    record_encode_nothing(&rows->record);
    put(rows, KV_TIMER_DUE, &name);
}

bool rows_has_timer_due(struct rows *rows, const struct timer_row *row)
{
    struct name name = name_timer_due(row);
    struct slice payload;

    return get(rows, KV_TIMER_DUE, &name, &payload);
}

void rows_del_timer_due(struct rows *rows, const struct timer_row *row)
{
    struct name name = name_timer_due(row);

    overlay_del(rows->overlay, KV_TIMER_DUE, slice_of(&name));
}

bool rows_next_timer_due(struct rows *rows, struct timer_row *at)
{
    struct name after = name_timer_due(at);
    struct slice key;
    struct slice payload;

    if (!next(rows, KV_TIMER_DUE, &after, &key, &payload))
        return false;
    *at = (struct timer_row){.number = 0};
    at->timer.due_ms = (int64_t)(number_at(key, 0, 8) ^ 0x8000000000000000u);
    read_timer_key(key, 8, at);
    return true;
}

void rows_put_fact(struct rows *rows, uint64_t number, enum event_type type, uint64_t seq,
                   struct slice event)
{
    struct name name = name_fact(number, type, seq);

    record_encode_fact(&rows->record, event);
    put(rows, KV_FACT, &name);
}

uint32_t rows_get_facts(struct rows *rows, uint64_t number, enum event_type type, struct slice *ret,
                        uint64_t *ret_seqs, uint32_t max)
{
    struct name prefix = name_number(number);
    struct name at = name_fact(number, type, 0);
    struct slice key;
    uint32_t count = 0;

    add_number(&prefix, (uint64_t)type, 2);
    while (count < max && next_within(rows, KV_FACT, &prefix, &at, &key, &ret[count])) {
        ret_seqs[count] = number_at(key, 10, 8);
        at = name_fact(number, type, ret_seqs[count]);
        count++;
    }
    return count;
}

/* ---- stages ---- */

static struct name name_stage(enum stage stage)
{
    struct name name;

    name.len = 0;
    add_number(&name, (uint64_t)stage, 1);
    return name;
}

void rows_get_stage(struct rows *rows, enum stage stage, struct stage_setting *ret)
{
    struct name name = name_stage(stage);
    struct slice payload;

    *ret = (struct stage_setting){.state = STAGE_RUNNING};
    if (get(rows, KV_STAGE, &name, &payload))
        (void)decoded(rows, KV_STAGE, slice_of(&name), record_decode_stage(payload, ret));
}

void rows_put_stage(struct rows *rows, enum stage stage, const struct stage_setting *setting)
{
    struct name name = name_stage(stage);

    record_encode_stage(&rows->record, setting);
    put(rows, KV_STAGE, &name);
}

/* ---- registers ---- */

bool rows_get_register(struct rows *rows, struct ods organisation, enum event_type type,
                       struct register_head *ret)
{
    struct name name = name_register(organisation, type);
    struct slice payload;

    return get(rows, KV_REGISTER, &name, &payload) &&
           decoded(rows, KV_REGISTER, slice_of(&name), record_decode_register(payload, ret));
}

void rows_put_register(struct rows *rows, struct ods organisation, enum event_type type,
                       const struct register_head *head)
{
    struct name name = name_register(organisation, type);

    record_encode_register(&rows->record, head);
    put(rows, KV_REGISTER, &name);
}

/** The version of @ods whose period has @on, the last opened first; else the last opened of all. */
static bool find_version(struct rows *rows, struct ods ods, date_t on, struct organisation *ret)
{
    struct name prefix = name_ods(ods);
    struct name at = prefix;
    struct slice key;
    struct slice payload;
    struct organisation version;
    bool found = false;

    while (next_within(rows, KV_ORGANISATION, &prefix, &at, &key, &payload)) {
        if (!decoded(rows, KV_ORGANISATION, key, record_decode_organisation(payload, &version)))
            return false;
        if (!found)
            *ret = version;
        found = true;
        if (on == DATE_NONE)
            return true;
        if (organisation_open_on(&version, on)) {
            *ret = version;
            return true;
        }
        at = name_dated(ods, version.opened_on);
    }
    return found;
}

/** The level that held on @on: the newest row of that day or before; DATE_NONE: the newest. */
static enum co_commissioning find_level(struct rows *rows, struct ods ods, date_t on)
{
    struct name prefix = name_ods(ods);
    struct name at = prefix;
    struct slice key;
    struct slice payload;
    struct level_row row;

    while (next_within(rows, KV_LEVEL, &prefix, &at, &key, &payload)) {
        if (!decoded(rows, KV_LEVEL, key, record_decode_level(payload, &row)))
            return CO_UNKNOWN;
        if (on == DATE_NONE || row.from <= on)
            return row.level;
        at = name_dated(ods, row.from);
    }
    return CO_UNKNOWN;
}

void rows_get_organisation(struct rows *rows, struct ods ods, date_t on, struct organisation *ret)
{
    struct organisation none = {.known = false, .ods = ods};

    *ret = none;
    if (find_version(rows, ods, on, ret))
        ret->co_level = find_level(rows, ods, on);
}

bool rows_next_organisation(struct rows *rows, struct ods after, date_t on,
                            struct organisation *ret)
{
    static const uint8_t last[4] = {0xff, 0xff, 0xff, 0xff};
    struct name at = name_ods(after);
    struct slice key;
    struct slice payload;
    struct ods ods = {""};

    /* Beyond all versions of the one before. */
    if (!ods_empty(after))
        add_bytes(&at, last, sizeof last);
    if (!next(rows, KV_ORGANISATION, &at, &key, &payload))
        return false;
    memcpy(ods.text, key.bytes, ODS_KEY_BYTES);
    rows_get_organisation(rows, ods, on, ret);
    return ret->known;
}

void rows_put_organisation(struct rows *rows, const struct organisation *organisation)
{
    struct name name = name_dated(organisation->ods, organisation->opened_on);

    record_encode_organisation(&rows->record, organisation);
    put(rows, KV_ORGANISATION, &name);
}

void rows_put_level(struct rows *rows, struct ods ods, const struct level_row *row)
{
    struct name name = name_dated(ods, row->from);

    record_encode_level(&rows->record, row);
    put(rows, KV_LEVEL, &name);
}

uint32_t rows_get_supports(struct rows *rows, struct ods ccg, struct ods csu,
                           struct support_row *ret, uint32_t max)
{
    struct name prefix = name_support(ccg, csu);
    struct name at = prefix;
    struct slice key;
    struct slice payload;
    uint32_t count = 0;

    while (count < max && next_within(rows, KV_SUPPORT, &prefix, &at, &key, &payload)) {
        if (!decoded(rows, KV_SUPPORT, key, record_decode_support(payload, &ret[count])))
            return 0;
        at = prefix;
        add_number(&at, ~ret[count].entry_seq, 8);
        count++;
    }
    return count;
}

void rows_put_support(struct rows *rows, const struct support_row *row)
{
    struct name name = name_support(row->ccg, row->csu);

    add_number(&name, ~row->entry_seq, 8);
    record_encode_support(&rows->record, row);
    put(rows, KV_SUPPORT, &name);
}

/* ---- keys ---- */

bool rows_get_key(struct rows *rows, struct key public_key, struct key_row *ret)
{
    struct name name = name_key(public_key);
    struct slice payload;

    return get(rows, KV_KEY, &name, &payload) &&
           decoded(rows, KV_KEY, slice_of(&name), record_decode_key(payload, ret));
}

bool rows_next_key(struct rows *rows, uint64_t after_entry_seq, struct key_row *ret)
{
    struct name after = name_number(after_entry_seq);
    struct slice key;
    struct slice payload;
    struct key public_key;

    if (!next(rows, KV_KEY_ORDER, &after, &key, &payload) ||
        !decoded(rows, KV_KEY_ORDER, key, record_decode_public_key(payload, &public_key)))
        return false;
    return rows_get_key(rows, public_key, ret);
}

void rows_put_key(struct rows *rows, const struct key_row *row)
{
    struct name name = name_key(row->principal.public_key);
    struct name order = name_number(row->entry_seq);
    struct key_row before;

    if (rows_get_key(rows, row->principal.public_key, &before) &&
        before.entry_seq != row->entry_seq) {
        struct name old = name_number(before.entry_seq);
        overlay_del(rows->overlay, KV_KEY_ORDER, slice_of(&old));
    }
    record_encode_public_key(&rows->record, row->principal.public_key);
    put(rows, KV_KEY_ORDER, &order);
    record_encode_key(&rows->record, row);
    put(rows, KV_KEY, &name);
}

/* ---- money ---- */

void rows_get_ledger(struct rows *rows, struct ods ods, int32_t year, struct ledger_year *ret)
{
    struct ledger_year empty = {.ods = ods, .year = year};

    *ret = empty;
    (void)rows_find_ledger(rows, ods, year, ret);
}

bool rows_find_ledger(struct rows *rows, struct ods ods, int32_t year, struct ledger_year *ret)
{
    struct name name = name_ledger(ods, year);
    struct slice payload;

    return get(rows, KV_LEDGER, &name, &payload) &&
           decoded(rows, KV_LEDGER, slice_of(&name), record_decode_ledger(payload, ret));
}

bool rows_next_ledger(struct rows *rows, struct ods after_ods, int32_t after_year,
                      struct ledger_year *ret)
{
    struct name after = name_ledger(after_ods, after_year);
    struct slice key;
    struct slice payload;

    return next(rows, KV_LEDGER, &after, &key, &payload) &&
           decoded(rows, KV_LEDGER, key, record_decode_ledger(payload, ret));
}

void rows_put_ledger(struct rows *rows, const struct ledger_year *year)
{
    struct name name = name_ledger(year->ods, year->year);

    record_encode_ledger(&rows->record, year);
    put(rows, KV_LEDGER, &name);
}

bool rows_next_ledger_line(struct rows *rows, struct ods ods, int32_t year, uint64_t after_seq,
                           uint32_t after_index, struct ledger_line_row *ret, uint32_t *ret_index)
{
    struct name prefix = name_ledger(ods, year);
    struct name after = name_ledger_line(ods, year, after_seq, after_index);
    struct slice key;
    struct slice payload;

    if (!next_within(rows, KV_LEDGER_LINE, &prefix, &after, &key, &payload) ||
        !decoded(rows, KV_LEDGER_LINE, key, record_decode_ledger_line(payload, ret)))
        return false;
    *ret_index = (uint32_t)number_at(key, ODS_KEY_BYTES + 4 + 8, 4);
    return true;
}

void rows_put_ledger_line(struct rows *rows, const struct ledger_line_row *row, uint32_t index)
{
    struct name name = name_ledger_line(row->line.ods, row->line.year, row->entry_seq, index);

    record_encode_ledger_line(&rows->record, row);
    put(rows, KV_LEDGER_LINE, &name);
}

/* ---- caseload ---- */

uint64_t rows_get_caseload(struct rows *rows, struct ods lead)
{
    struct name name = name_ods(lead);
    struct slice payload;
    uint64_t count = 0;

    if (get(rows, KV_CASELOAD, &name, &payload))
        (void)decoded(rows, KV_CASELOAD, slice_of(&name), record_decode_number(payload, &count));
    return count;
}

bool rows_next_caseload(struct rows *rows, struct ods after, struct ods *ret, uint64_t *ret_count)
{
    struct name name = name_ods(after);
    struct slice key;
    struct slice payload;
    struct ods ods = {""};

    if (!next(rows, KV_CASELOAD, &name, &key, &payload) ||
        !decoded(rows, KV_CASELOAD, key, record_decode_number(payload, ret_count)))
        return false;
    memcpy(ods.text, key.bytes, ODS_KEY_BYTES);
    *ret = ods;
    return true;
}

void rows_put_caseload(struct rows *rows, struct ods lead, uint64_t count)
{
    struct name name = name_ods(lead);

    record_encode_number(&rows->record, count);
    put(rows, KV_CASELOAD, &name);
}
