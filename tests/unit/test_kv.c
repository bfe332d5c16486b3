/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/kv.h"

#include "tests/support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <unistd.h>

#define MAP_BYTES (64ull * 1024 * 1024)

struct fixture {
    struct folder folder;
    struct folder dir;
    struct kv *kv;
};

static struct slice text(const char *bytes)
{
    return (struct slice){(const uint8_t *)bytes, strlen(bytes)};
}

static void given_tables(struct fixture *f)
{
    assert_int_equal(kv_create(f->dir.path, f->folder.path, MAP_BYTES, text("first"), text("row")),
                     STATUS_OK);
    assert_int_equal(kv_open(&f->kv, f->dir.path, MAP_BYTES, false), STATUS_OK);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->folder = folder_new();
    f->dir = folder_of(&f->folder, "state");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    kv_close(f->kv);
    folder_remove(&f->folder);
    free(f);
    return 0;
}

static void expect_row(struct kv *kv, enum kv_table table, const char *key, const char *value)
{
    struct slice found;

    assert_true(kv_get(kv, table, text(key), &found));
    assert_int_equal(found.len, strlen(value));
    assert_memory_equal(found.bytes, value, found.len);
}

static void expect_none(struct kv *kv, enum kv_table table, const char *key)
{
    struct slice found;

    assert_false(kv_get(kv, table, text(key), &found));
    assert_int_equal(kv_failure(kv), STATUS_OK);
}

static void what_is_created_has_its_first_row_and_empty_tables(void **state)
{
    struct fixture *f = *state;

    given_tables(f);

    expect_row(f->kv, KV_META, "first", "row");
    for (uint32_t table = 0; table < KV_TABLES; table++)
        assert_int_equal(kv_count(f->kv, (enum kv_table)table), table == KV_META ? 1 : 0);
    assert_int_equal(access(folder_of(&f->folder, "state.tmp").path, F_OK), -1);
}

static void rows_are_seen_before_the_commit_and_after_it(void **state)
{
    struct fixture *f = *state;

    given_tables(f);
    kv_put(f->kv, KV_OPEN, text("a"), text("1"));
    expect_row(f->kv, KV_OPEN, "a", "1");
    assert_int_equal(kv_dirty(f->kv), 1);

    assert_int_equal(kv_commit(f->kv), STATUS_OK);

    assert_int_equal(kv_dirty(f->kv), 0);
    f->kv = kv_close(f->kv);
    assert_int_equal(kv_open(&f->kv, f->dir.path, MAP_BYTES, false), STATUS_OK);
    expect_row(f->kv, KV_OPEN, "a", "1");
}

static void what_is_not_committed_is_gone(void **state)
{
    struct fixture *f = *state;

    given_tables(f);
    kv_put(f->kv, KV_OPEN, text("a"), text("1"));

    f->kv = kv_close(f->kv);

    assert_int_equal(kv_open(&f->kv, f->dir.path, MAP_BYTES, false), STATUS_OK);
    expect_none(f->kv, KV_OPEN, "a");
}

static void next_gives_rows_in_order_of_their_keys(void **state)
{
    struct fixture *f = *state;
    static const char *const keys[] = {"b", "a", "ba", "c"};
    static const char *const order[] = {"a", "b", "ba", "c"};
    struct slice key = {NULL, 0};
    struct slice value;

    given_tables(f);
    for (uint32_t i = 0; i < ARRAY_LEN(keys); i++)
        kv_put(f->kv, KV_SEEN, text(keys[i]), text("x"));

    for (uint32_t i = 0; i < ARRAY_LEN(order); i++) {
        assert_true(kv_next(f->kv, KV_SEEN, key, &key, &value));
        assert_int_equal(key.len, strlen(order[i]));
        assert_memory_equal(key.bytes, order[i], key.len);
    }
    assert_false(kv_next(f->kv, KV_SEEN, key, &key, &value));
    assert_true(kv_next(f->kv, KV_SEEN, text("bb"), &key, &value));
    assert_memory_equal(key.bytes, "c", 1);
}

static void rows_are_deleted_and_a_missing_one_is_fine(void **state)
{
    struct fixture *f = *state;
    struct slice key = {NULL, 0};
    struct slice value;

    given_tables(f);
    kv_put(f->kv, KV_DUE, text("a"), text("1"));
    kv_put(f->kv, KV_DUE, text("b"), text("2"));
    assert_true(kv_next(f->kv, KV_DUE, text("a"), &key, &value));

    kv_del(f->kv, KV_DUE, text("a"));
    kv_del(f->kv, KV_DUE, text("none"));

    expect_none(f->kv, KV_DUE, "a");
    assert_true(kv_next(f->kv, KV_DUE, (struct slice){NULL, 0}, &key, &value));
    assert_memory_equal(key.bytes, "b", 1);
    assert_int_equal(kv_commit(f->kv), STATUS_OK);
}

static void the_same_directory_is_not_opened_twice(void **state)
{
    struct fixture *f = *state;
    struct kv *second = NULL;
    struct folder other = folder_of(&f->folder, "other");

    given_tables(f);

    assert_int_equal(kv_open(&second, f->dir.path, MAP_BYTES, false), STATUS_EXISTS);
    assert_int_equal(kv_open(&second, f->dir.path, MAP_BYTES, true), STATUS_EXISTS);
    assert_int_equal(kv_create(other.path, f->folder.path, MAP_BYTES, text("k"), text("v")),
                     STATUS_OK);
    assert_int_equal(kv_open(&second, other.path, MAP_BYTES, false), STATUS_OK);
    kv_close(second);
    expect_row(f->kv, KV_META, "first", "row");
}

static void a_full_map_is_kept_as_the_first_failure(void **state)
{
    struct fixture *f = *state;
    uint8_t key[4];
    uint8_t value[2000] = {0};

    assert_int_equal(kv_create(f->dir.path, f->folder.path, 1 << 20, text("k"), text("v")),
                     STATUS_OK);
    assert_int_equal(kv_open(&f->kv, f->dir.path, 1 << 20, false), STATUS_OK);

    for (uint32_t i = 0; i < 1000; i++) {
        memcpy(key, &i, sizeof key);
        kv_put(f->kv, KV_FACT, (struct slice){key, sizeof key},
               (struct slice){value, sizeof value});
    }

    assert_int_equal(kv_failure(f->kv), STATUS_STORE_FULL);
    assert_int_equal(kv_commit(f->kv), STATUS_STORE_FULL);
    struct slice found;
    assert_false(kv_get(f->kv, KV_META, text("k"), &found));
}

static void a_file_cut_short_is_damage(void **state)
{
    struct fixture *f = *state;
    static const off_t lengths[] = {0, 1, 4096, 8192, 12288, 16384};
    char path[FOLDER_PATH_SIZE];

    given_tables(f);
    f->kv = kv_close(f->kv);
    snprintf(path, sizeof path, "%s", folder_of(&f->dir, "data.mdb").path);
    size_t len;
    uint8_t *bytes = folder_load(path, &len);
    for (uint32_t i = 0; i < ARRAY_LEN(lengths); i++) {
        assert_true((size_t)lengths[i] < len);
        folder_write(path, bytes, len, 0);
        assert_int_equal(truncate(path, lengths[i]), 0);

        assert_int_equal(kv_open(&f->kv, f->dir.path, MAP_BYTES, false), STATUS_STORE_CORRUPT);
    }
    free(bytes);
}

static void a_missing_file_is_damage(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(kv_open(&f->kv, f->dir.path, MAP_BYTES, false), STATUS_STORE_CORRUPT);
}

static void an_unfinished_creation_is_begun_again(void **state)
{
    struct fixture *f = *state;
    struct folder fresh = folder_of(&f->folder, "state.tmp");

    assert_int_equal(kv_create(fresh.path, f->folder.path, MAP_BYTES, text("old"), text("x")),
                     STATUS_OK);

    given_tables(f);

    expect_row(f->kv, KV_META, "first", "row");
    expect_none(f->kv, KV_META, "old");
}

static void reading_only_changes_no_file(void **state)
{
    struct fixture *f = *state;
    size_t before_len;
    size_t after_len;

    given_tables(f);
    f->kv = kv_close(f->kv);
    struct folder path = folder_of(&f->dir, "data.mdb");
    uint8_t *before = folder_load(path.path, &before_len);

    assert_int_equal(kv_open(&f->kv, f->dir.path, MAP_BYTES, true), STATUS_OK);
    expect_row(f->kv, KV_META, "first", "row");
    f->kv = kv_close(f->kv);

    uint8_t *after = folder_load(path.path, &after_len);
    assert_int_equal(before_len, after_len);
    assert_memory_equal(before, after, before_len);
    free(before);
    free(after);
}

/** @count rows of a KiB in one table, or none of them, each hundred committed. */
static void when_rows_are(struct fixture *f, uint32_t count, bool there)
{
    static const char value[1024] = "x";
    for (uint32_t i = 0; i < count; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "row%06u", i);
        if (there)
            kv_put(f->kv, KV_FACT, text(key), (struct slice){(const uint8_t *)value, sizeof value});
        else
            kv_del(f->kv, KV_FACT, text(key));
        if (i % 100 == 99)
            assert_int_equal(kv_commit(f->kv), STATUS_OK);
    }
    assert_int_equal(kv_commit(f->kv), STATUS_OK);
}

#define ROWS 2000 /* nearly fill a map of 4 MiB */

static void pages_that_were_given_back_count_as_free(void **state)
{
    struct fixture *f = *state;
    const uint64_t map_bytes = 4ull << 20;
    assert_int_equal(kv_create(f->dir.path, f->folder.path, map_bytes, text("first"), text("row")),
                     STATUS_OK);
    assert_int_equal(kv_open(&f->kv, f->dir.path, map_bytes, false), STATUS_OK);
    when_rows_are(f, ROWS, true);
    uint64_t full = kv_used_bytes(f->kv);
    assert_true(full > map_bytes / 10 * 6);

    when_rows_are(f, ROWS, false);

    uint64_t left = kv_used_bytes(f->kv);
    assert_true(left < map_bytes / 10 * 3);

    /* Whoever opens it sees the same; and they are used again: the map never grows beyond. */
    f->kv = kv_close(f->kv);
    assert_int_equal(kv_open(&f->kv, f->dir.path, map_bytes, false), STATUS_OK);
    assert_in_range(kv_used_bytes(f->kv), 1, left);
    for (uint32_t i = 0; i < 5; i++) {
        when_rows_are(f, ROWS, true);
        when_rows_are(f, ROWS, false);
    }
    assert_int_equal(kv_failure(f->kv), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_created_has_its_first_row_and_empty_tables, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(rows_are_seen_before_the_commit_and_after_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_committed_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(next_gives_rows_in_order_of_their_keys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_are_deleted_and_a_missing_one_is_fine, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_same_directory_is_not_opened_twice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pages_that_were_given_back_count_as_free, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_full_map_is_kept_as_the_first_failure, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_cut_short_is_damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_file_is_damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unfinished_creation_is_begun_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reading_only_changes_no_file, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
