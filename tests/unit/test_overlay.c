/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/overlay.h"

#include "tests/support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MAP_BYTES (256ull * 1024 * 1024)
#define KEYS 40
#define STEPS 40000
#define SEED 4711u

struct fixture {
    struct folder folder;
    struct kv *kv;
    struct overlay *overlay;
    struct record record;
    uint32_t chance;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct slice word = {(const uint8_t *)"x", 1};

    f->folder = folder_new();
    f->chance = SEED;
    *state = f;
    struct folder dir = folder_of(&f->folder, "state");
    if (kv_create(dir.path, f->folder.path, MAP_BYTES, word, word) != STATUS_OK ||
        kv_open(&f->kv, dir.path, MAP_BYTES, false) != STATUS_OK)
        return 1;
    return overlay_new(&f->overlay, f->kv) == STATUS_OK ? 0 : 1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    overlay_free(f->overlay);
    kv_close(f->kv);
    folder_remove(&f->folder);
    free(f);
    return 0;
}

static uint32_t draw(struct fixture *f, uint32_t below)
{
    f->chance = f->chance * 1664525u + 1013904223u;
    return (f->chance >> 8) % below;
}

/** Big-endian, so that the order is the numbers'. */
static struct slice key_of(uint32_t number, uint8_t ret[8])
{
    for (uint32_t i = 0; i < 8; i++)
        ret[i] = (uint8_t)((uint64_t)number >> (8 * (7 - i)));
    return (struct slice){ret, 8};
}

/** A payload of @len bytes of @mark. */
static void put(struct fixture *f, enum kv_table table, uint32_t number, size_t len, uint8_t mark,
                bool fresh)
{
    uint8_t key[8];

    f->record.payload_len = len;
    memset(f->record.bytes + RECORD_HEADER_BYTES, mark, len);
    overlay_put(f->overlay, table, key_of(number, key), &f->record, fresh);
}

static void expect(struct fixture *f, enum kv_table table, uint32_t number, size_t len,
                   uint8_t mark)
{
    uint8_t key[8];
    struct slice found;

    assert_int_equal(overlay_get(f->overlay, table, key_of(number, key), &found), FOUND_ROW);
    assert_int_equal(found.len, len);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(found.bytes[i], mark);
}

static void expect_none(struct fixture *f, enum kv_table table, uint32_t number)
{
    uint8_t key[8];
    struct slice found;

    assert_int_equal(overlay_get(f->overlay, table, key_of(number, key), &found), FOUND_NONE);
}

static void del(struct fixture *f, enum kv_table table, uint32_t number)
{
    uint8_t key[8];

    overlay_del(f->overlay, table, key_of(number, key));
}

static void a_fresh_row_that_is_deleted_never_reaches_the_tables(void **state)
{
    struct fixture *f = *state;

    put(f, KV_OPEN, 1, 300, 7, true);
    expect(f, KV_OPEN, 1, 300, 7);
    assert_int_equal(overlay_count(f->overlay, KV_OPEN), 1);

    del(f, KV_OPEN, 1);

    expect_none(f, KV_OPEN, 1);
    assert_int_equal(overlay_rows(f->overlay), 0);
    assert_int_equal(overlay_count(f->overlay, KV_OPEN), 0);
    overlay_spill(f->overlay);
    assert_int_equal(kv_dirty(f->kv), 0);
}

static void a_row_of_the_tables_that_is_deleted_stays_away(void **state)
{
    struct fixture *f = *state;

    put(f, KV_OPEN, 1, 30, 7, true);
    overlay_spill(f->overlay);
    assert_int_equal(kv_count(f->kv, KV_OPEN), 1);

    del(f, KV_OPEN, 1);
    expect_none(f, KV_OPEN, 1);
    assert_int_equal(overlay_count(f->overlay, KV_OPEN), 0);
    put(f, KV_OPEN, 1, 31, 8, false);
    expect(f, KV_OPEN, 1, 31, 8);
    assert_int_equal(overlay_count(f->overlay, KV_OPEN), 1);
    del(f, KV_OPEN, 1);
    overlay_spill(f->overlay);

    expect_none(f, KV_OPEN, 1);
    assert_int_equal(kv_count(f->kv, KV_OPEN), 0);
}

static void rows_of_other_tables_go_through(void **state)
{
    struct fixture *f = *state;

    put(f, KV_FACT, 1, 30, 7, false);

    assert_int_equal(overlay_rows(f->overlay), 0);
    assert_int_equal(kv_count(f->kv, KV_FACT), 1);
    expect(f, KV_FACT, 1, 30, 7);
    del(f, KV_FACT, 1);
    expect_none(f, KV_FACT, 1);
}

static void a_row_too_many_sends_all_to_the_tables(void **state)
{
    struct fixture *f = *state;

    for (uint32_t i = 0; i < OVERLAY_ROWS_MAX; i++)
        put(f, KV_SEEN, i, 32, (uint8_t)i, true);
    assert_int_equal(overlay_rows(f->overlay), OVERLAY_ROWS_MAX);

    put(f, KV_SEEN, OVERLAY_ROWS_MAX, 32, 1, true);

    assert_int_equal(overlay_rows(f->overlay), 1);
    assert_int_equal(overlay_count(f->overlay, KV_SEEN), OVERLAY_ROWS_MAX + 1);
    for (uint32_t i = 0; i < OVERLAY_ROWS_MAX; i += 97)
        expect(f, KV_SEEN, i, 32, (uint8_t)i);
}

static void bytes_too_many_send_all_to_the_tables(void **state)
{
    struct fixture *f = *state;
    uint32_t count = OVERLAY_BYTES_MAX / 4096 + 10;

    for (uint32_t i = 0; i < count; i++)
        put(f, KV_OPEN, i, 2100, (uint8_t)i, true);

    assert_true(overlay_rows(f->overlay) < count);
    assert_int_equal(overlay_count(f->overlay, KV_OPEN), count);
    for (uint32_t i = 0; i < count; i += 31)
        expect(f, KV_OPEN, i, 2100, (uint8_t)i);
}

/** Against an array: the same puts, deletes, walks, spills and commits. */
static void it_is_what_an_array_would_be(void **state)
{
    struct fixture *f = *state;
    static const enum kv_table tables[] = {KV_WORKFLOW, KV_OPEN, KV_FACT};
    static struct {
        bool there;
        size_t len;
        uint8_t mark;
    } model[ARRAY_LEN(tables)][KEYS];

    print_message("seed %u\n", SEED);
    for (uint32_t step = 0; step < STEPS; step++) {
        uint32_t t = draw(f, ARRAY_LEN(tables));
        uint32_t number = draw(f, KEYS);
        uint32_t choice = draw(f, 100);
        if (choice < 45) {
            size_t len = draw(f, draw(f, 10) == 0 ? 2500 : 200);
            uint8_t mark = (uint8_t)step;
            put(f, tables[t], number, len, mark, false);
            model[t][number].there = true;
            model[t][number].len = len;
            model[t][number].mark = mark;
        } else if (choice < 75) {
            if (model[t][number].there)
                del(f, tables[t], number);
            model[t][number].there = false;
        } else if (choice < 95) {
            if (model[t][number].there)
                expect(f, tables[t], number, model[t][number].len, model[t][number].mark);
            else
                expect_none(f, tables[t], number);
        } else if (choice < 97) {
            overlay_spill(f->overlay);
            assert_int_equal(kv_commit(f->kv), STATUS_OK);
        } else {
            uint8_t bytes[8];
            struct slice after = {NULL, 0};
            struct slice found;
            uint32_t count = 0;
            for (uint32_t i = 0; i < KEYS; i++) {
                if (!model[t][i].there)
                    continue;
                assert_int_equal(overlay_next(f->overlay, tables[t], after, &after, &found),
                                 FOUND_ROW);
                assert_memory_equal(after.bytes, key_of(i, bytes).bytes, 8);
                assert_int_equal(found.len, model[t][i].len);
                count++;
            }
            assert_int_equal(overlay_next(f->overlay, tables[t], after, &after, &found),
                             FOUND_NONE);
            assert_int_equal(overlay_count(f->overlay, tables[t]), count);
        }
    }
    assert_int_equal(kv_failure(f->kv), STATUS_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_fresh_row_that_is_deleted_never_reaches_the_tables),
        TEST(a_row_of_the_tables_that_is_deleted_stays_away),
        TEST(rows_of_other_tables_go_through),
        TEST(a_row_too_many_sends_all_to_the_tables),
        TEST(bytes_too_many_send_all_to_the_tables),
        TEST(it_is_what_an_array_would_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
