/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/scrub.h"

#include "daemon/store/kv.h"
#include "daemon/store/record.h"
#include "daemon/store/segment.h"
#include "tests/support/folder.h"
#include "tests/support/scribe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <unistd.h>

#define MAP_BYTES (64ull * 1024 * 1024)
#define ENTRIES 600
#define STEPS_MAX 100000

struct fixture {
    struct folder folder;
    struct store_report report;
    struct scribe scribe;
    struct store *store;
    char text[400];
};

static enum status reopen(struct fixture *f)
{
    struct store_options options = {
        .dir = f->folder.path, .segment_bytes = SEGMENT_BYTES_MIN, .map_bytes = MAP_BYTES};

    f->store = store_close(f->store);
    enum status status = store_open(&f->store, &options, &f->report, f->text, sizeof f->text);
    f->scribe.store = f->store;
    return status;
}

/** A store with rows of every table that entries of chance bring, committed. */
static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->folder = folder_new();
    *state = f;
    scribe_init(&f->scribe, NULL, 7);
    if (reopen(f) != STATUS_OK)
        return 1;
    for (uint32_t i = 0; i < ENTRIES; i++) {
        if (store_batch_full(f->store) && store_flush(f->store) != STATUS_OK)
            return 1;
        scribe_step(&f->scribe);
    }
    return store_flush(f->store) == STATUS_OK && store_commit(f->store) == STATUS_OK ? 0 : 1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    store_close(f->store);
    scribe_clear(&f->scribe);
    folder_remove(&f->folder);
    free(f);
    return 0;
}

/** One pass, @rows_max rows at a time. */
static enum status pass(struct fixture *f, uint32_t rows_max)
{
    bool passed = false;
    enum status status = STATUS_OK;

    for (uint32_t i = 0; i < STEPS_MAX && status == STATUS_OK && !passed; i++)
        status = store_scrub_step(f->store, rows_max, &passed);
    assert_true(passed || status != STATUS_OK);
    return status;
}

static struct slice position_key(void)
{
    return (struct slice){(const uint8_t *)"position", 8};
}

/** The store is closed, and its tables are open by themselves. */
static struct kv *tables_of(struct fixture *f)
{
    struct kv *kv;

    f->store = store_close(f->store);
    assert_int_equal(kv_open(&kv, folder_of(&f->folder, "state").path, MAP_BYTES, false),
                     STATUS_OK);
    return kv;
}

static void get_position(struct kv *kv, struct position *ret)
{
    struct slice value;
    struct slice payload;

    assert_true(kv_get(kv, KV_META, position_key(), &value));
    assert_true(record_open(value, KV_META, position_key(), &payload));
    assert_true(record_decode_position(payload, ret));
}

static void put_position(struct kv *kv, const struct position *position)
{
    struct record record;

    record_encode_position(&record, position);
    kv_put(kv, KV_META, position_key(), record_seal(&record, KV_META, position_key()));
}

/** Delete the first row of @table; with @counted the position's count goes down with it. False: there is none. */
static bool lose_row(struct fixture *f, enum kv_table table, bool counted)
{
    struct kv *kv = tables_of(f);
    uint8_t bytes[KV_KEY_BYTES_MAX];
    struct slice key;
    struct slice value;
    struct position position;

    bool found = kv_next(kv, table, (struct slice){NULL, 0}, &key, &value);
    if (found) {
        memcpy(bytes, key.bytes, key.len);
        kv_del(kv, table, (struct slice){bytes, key.len});
        get_position(kv, &position);
        position.rows[table] -= counted ? 1 : 0;
        put_position(kv, &position);
        assert_int_equal(kv_commit(kv), STATUS_OK);
    }
    kv_close(kv);
    return found;
}

static void a_sound_state_passes_whatever_the_step(void **state)
{
    struct fixture *f = *state;
    struct store_scrub scrub;

    assert_int_equal(pass(f, 1), STATUS_OK);
    assert_int_equal(pass(f, 7), STATUS_OK);
    assert_int_equal(pass(f, UINT32_MAX), STATUS_OK);
    store_scrub(f->store, &scrub);
    assert_int_equal(scrub.passes, 3);
}

static void a_step_looks_at_no_more_than_it_may(void **state)
{
    struct fixture *f = *state;
    struct store_scrub scrub;
    bool passed;

    assert_int_equal(store_scrub_step(f->store, 10, &passed), STATUS_OK);

    store_scrub(f->store, &scrub);
    assert_false(passed);
    assert_int_equal(scrub.rows, 10);
    assert_string_equal(scrub.table, "workflow");
}

static void entries_may_come_between_two_steps(void **state)
{
    struct fixture *f = *state;
    bool passed = false;
    uint32_t passes = 0;

    for (uint32_t i = 0; i < STEPS_MAX && passes < 3; i++) {
        scribe_step(&f->scribe);
        assert_int_equal(store_flush(f->store), STATUS_OK);
        if (i % 5 == 0)
            assert_int_equal(store_commit(f->store), STATUS_OK);
        assert_int_equal(store_scrub_step(f->store, 13, &passed), STATUS_OK);
        passes += passed ? 1 : 0;
    }
    assert_int_equal(passes, 3);
}

static void a_table_with_a_row_less_than_was_committed_is_refused_at_the_start(void **state)
{
    struct fixture *f = *state;
    uint32_t tables = 0;

    for (uint32_t table = KV_META + 1; table < KV_TABLES; table++) {
        if (!lose_row(f, (enum kv_table)table, false))
            continue;
        tables++;
        assert_int_equal(reopen(f), STATUS_STORE_CORRUPT);
        assert_non_null(strstr(f->text, kv_table_name((enum kv_table)table)));
        folder_clear(&f->folder, "state");
        assert_int_equal(reopen(f), STATUS_OK);
    }
    assert_true(tables >= 10);
}

/** Those that others name, or that name others. */
static void a_missing_row_is_missed_by_its_counterpart(void **state)
{
    struct fixture *f = *state;
    static const enum kv_table tables[] = {KV_WORKFLOW,  KV_REFERENCE, KV_OPEN,
                                           KV_WAITS,     KV_DUE,       KV_KEY,
                                           KV_KEY_ORDER, KV_LEDGER,    KV_LEDGER_LINE};
    uint32_t lost = 0;

    for (uint32_t i = 0; i < ARRAY_LEN(tables); i++) {
        if (!lose_row(f, tables[i], true)) {
            print_message("no row of %s\n", kv_table_name(tables[i]));
            assert_int_equal(reopen(f), STATUS_OK);
            continue;
        }
        lost++;
        enum status status = reopen(f);
        assert_int_equal(status, STATUS_OK);
        assert_int_equal(pass(f, 100), STATUS_STORE_CORRUPT);
        assert_true(strlen(store_failure_text(f->store)) > 0);
        /* From now on nothing is written. */
        assert_int_equal(store_flush(f->store), STATUS_STORE_CORRUPT);
        f->store = store_close(f->store);
        folder_clear(&f->folder, "state");
        assert_int_equal(reopen(f), STATUS_OK);
    }
    assert_true(lost >= 7);
}

static void a_row_that_was_changed_is_named(void **state)
{
    struct fixture *f = *state;
    struct kv *kv = tables_of(f);
    uint8_t bytes[RECORD_BYTES_MAX];
    uint8_t name[KV_KEY_BYTES_MAX];
    struct slice key;
    struct slice value;

    assert_true(kv_next(kv, KV_SEEN, (struct slice){NULL, 0}, &key, &value));
    memcpy(bytes, value.bytes, value.len);
    memcpy(name, key.bytes, key.len);
    bytes[value.len - 1] ^= 1;
    kv_put(kv, KV_SEEN, (struct slice){name, key.len}, (struct slice){bytes, value.len});
    assert_int_equal(kv_commit(kv), STATUS_OK);
    kv_close(kv);
    assert_int_equal(reopen(f), STATUS_OK);

    assert_int_equal(pass(f, 100), STATUS_STORE_CORRUPT);

    assert_non_null(strstr(store_failure_text(f->store), "table seen"));
}

/* ---- formats ---- */

static void a_state_of_an_older_format_is_put_aside_and_built_anew(void **state)
{
    struct fixture *f = *state;
    struct kv *kv = tables_of(f);
    struct position position;
    struct record record;

    get_position(kv, &position);
    position.format = 1;
    record_encode_position(&record, &position);
    record.payload_len -= 8; /* an older one knew less */
    kv_put(kv, KV_META, position_key(), record_seal(&record, KV_META, position_key()));
    assert_int_equal(kv_commit(kv), STATUS_OK);
    kv_close(kv);

    assert_int_equal(reopen(f), STATUS_OK);

    assert_int_equal(f->report.state_upgraded_from, 1);
    assert_true(f->report.state_rebuilt);
    assert_int_equal(f->report.entries_replayed, ENTRIES);
    assert_int_equal(access(folder_of(&f->folder, "state.old").path, F_OK), 0);
    assert_int_equal(pass(f, 1000), STATUS_OK);
    assert_int_equal(reopen(f), STATUS_OK);
    assert_int_equal(f->report.state_upgraded_from, 0);
    assert_false(f->report.state_rebuilt);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_sound_state_passes_whatever_the_step),
        CASE(a_step_looks_at_no_more_than_it_may),
        CASE(entries_may_come_between_two_steps),
        CASE(a_table_with_a_row_less_than_was_committed_is_refused_at_the_start),
        CASE(a_missing_row_is_missed_by_its_counterpart),
        CASE(a_row_that_was_changed_is_named),
        CASE(a_state_of_an_older_format_is_put_aside_and_built_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
