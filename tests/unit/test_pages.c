/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/pages.h"

#include "daemon/store/kv.h"
#include "daemon/store/number.h"
#include "tests/support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MAP_BYTES (64ull * 1024 * 1024)
#define PAGE_BYTES 4096u
#define META_TREES_AT (16 + 24)
#define META_LAST_AT (META_TREES_AT + 96)
#define TREE_BYTES 48
#define ROOT_AT 40

struct fixture {
    struct folder folder;
    struct folder dir;
    struct folder path;
    uint8_t *bytes;
    size_t len;
    size_t meta_at; /* of the newer meta page */
    char text[PAGES_TEXT_SIZE];
};

static struct slice key_of(uint32_t number, uint8_t bytes[8])
{
    memset(bytes, 0, 8);
    for (unsigned i = 0; i < 4; i++)
        bytes[7 - i] = (uint8_t)(number >> (8 * i));
    return (struct slice){bytes, 8};
}

/** Some thousand rows, so that a tree has branches; some deleted, so that pages are free. */
static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct kv *kv = NULL;
    uint8_t bytes[8];
    static const uint8_t value[200] = {1};

    f->folder = folder_new();
    f->dir = folder_of(&f->folder, "state");
    f->path = folder_of(&f->dir, "data.mdb");
    assert_int_equal(kv_create(f->dir.path, f->folder.path, MAP_BYTES,
                               (struct slice){(const uint8_t *)"first", 5},
                               (struct slice){(const uint8_t *)"row", 3}),
                     STATUS_OK);
    assert_int_equal(kv_open(&kv, f->dir.path, MAP_BYTES, false), STATUS_OK);
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 3000; i++) {
            if (round == 1 && i % 5 != 0)
                kv_del(kv, KV_SEEN, key_of(i, bytes));
            else
                kv_put(kv, KV_SEEN, key_of(i, bytes), (struct slice){value, sizeof value});
        }
        assert_int_equal(kv_commit(kv), STATUS_OK);
    }
    kv_close(kv);
    f->bytes = folder_load(f->path.path, &f->len);
    size_t other = PAGE_BYTES;
    f->meta_at = number_get(f->bytes + META_LAST_AT + 8, 8) >=
                         number_get(f->bytes + other + META_LAST_AT + 8, 8)
                     ? 0
                     : other;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    folder_remove(&f->folder);
    free(f->bytes);
    free(f);
    return 0;
}

/** A number of @bytes bytes at @at is another; @wanted is part of what is said. */
static void expect_damage(struct fixture *f, size_t at, uint64_t value, unsigned bytes,
                          const char *wanted)
{
    uint8_t number[8];

    number_put(number, value, bytes);
    folder_write(f->path.path, number, bytes, at);
    assert_int_equal(pages_check(f->dir.path, f->text), STATUS_STORE_CORRUPT);
    if (strstr(f->text, wanted) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", f->text, wanted);
    folder_write(f->path.path, f->bytes + at, bytes, at);
}

/** The root of the free pages (0) or of the tables (1). */
static size_t root_of(const struct fixture *f, unsigned tree)
{
    return (size_t)number_get(f->bytes + f->meta_at + META_TREES_AT + tree * TREE_BYTES + ROOT_AT,
                              8);
}

static void a_file_as_it_was_written_is_whole(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(pages_check(f->dir.path, f->text), STATUS_OK);
}

static void no_file_is_told_from_a_damaged_one(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(pages_check(f->folder.path, f->text), STATUS_NOT_FOUND);
    folder_write(f->path.path, "no", 2, 16);
    assert_int_equal(pages_check(f->dir.path, f->text), STATUS_STORE_CORRUPT);
    assert_string_equal(f->text, "page 0: not the head of a database");
}

static void a_wrong_page_is_named(void **state)
{
    struct fixture *f = *state;
    size_t tables = root_of(f, 1);
    char wanted[64];

    (void)snprintf(wanted, sizeof wanted, "page %zu: ", tables);
    expect_damage(f, tables * PAGE_BYTES, 99, 8, wanted);             /* its number */
    expect_damage(f, tables * PAGE_BYTES + 10, 4, 2, wanted);         /* its kind */
    expect_damage(f, tables * PAGE_BYTES + 12, 4095, 2, wanted);      /* how many nodes */
    expect_damage(f, tables * PAGE_BYTES + 14, 4096, 2, wanted);      /* where they begin */
    expect_damage(f, tables * PAGE_BYTES + 16, 4094, 2, "not in it"); /* where the first is */
}

static void a_file_that_is_too_short_is_found(void **state)
{
    struct fixture *f = *state;

    expect_damage(f, f->meta_at + META_LAST_AT, f->len / PAGE_BYTES, 8, "beyond the file's end");
}

static void a_count_that_is_not_so_is_found(void **state)
{
    struct fixture *f = *state;
    size_t trees = f->meta_at + META_TREES_AT + TREE_BYTES;

    expect_damage(f, trees + 32, 3, 8, "which has not the pages or rows");
    expect_damage(f, trees + 16, 7, 8, "which has not the pages or rows");
    expect_damage(f, trees + 6, 9, 2, "no branch of");
    expect_damage(f, trees + 4, 4, 2, "form is unknown");
}

static void keys_out_of_order_are_found(void **state)
{
    struct fixture *f = *state;
    uint32_t found = 0;

    /* The key of each branch's second child is too large; of pages that are free by now nobody minds. */
    for (size_t page = 2; page < f->len / PAGE_BYTES; page++) {
        const uint8_t *branch = f->bytes + page * PAGE_BYTES;
        if (number_get(branch, 8) != page || number_get(branch + 10, 2) != 1)
            continue;
        size_t key = page * PAGE_BYTES + (size_t)number_get(branch + 18, 2) + 8;
        folder_write(f->path.path, "\xff\xff", 2, key);
        if (pages_check(f->dir.path, f->text) != STATUS_OK) {
            found++;
            assert_non_null(strstr(f->text, "do not ascend"));
        }
        folder_write(f->path.path, f->bytes + key, 2, key);
    }
    assert_true(found > 0);
    assert_int_equal(pages_check(f->dir.path, f->text), STATUS_OK);
}

static void a_page_in_use_on_the_list_of_free_ones_is_found(void **state)
{
    struct fixture *f = *state;
    size_t page = root_of(f, 0);
    size_t leaf = page * PAGE_BYTES;
    size_t node = leaf + (size_t)number_get(f->bytes + leaf + 16, 2);
    size_t list = node + 8 + 8; /* its head and its key, a transaction */

    /* The last of a list is its lowest: below it nothing is out of order. */
    assert_int_equal(number_get(f->bytes + leaf + 10, 2), 2);
    assert_int_equal(number_get(f->bytes + node + 6, 2), 8);
    uint64_t count = number_get(f->bytes + list, 8);
    assert_true(count > 0);
    expect_damage(f, list + 8 * (size_t)count, 1, 8, "not of this file");
    expect_damage(f, list, count + 100000, 8, "longer than it is");
    size_t tables = root_of(f, 1);
    if (tables < number_get(f->bytes + list + 8 * (size_t)count, 8))
        expect_damage(f, list + 8 * (size_t)count, tables, 8, "named twice");
    else
        expect_damage(f, list + 8, tables, 8, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_file_as_it_was_written_is_whole),
        TEST(no_file_is_told_from_a_damaged_one),
        TEST(a_wrong_page_is_named),
        TEST(a_file_that_is_too_short_is_found),
        TEST(a_count_that_is_not_so_is_found),
        TEST(keys_out_of_order_are_found),
        TEST(a_page_in_use_on_the_list_of_free_ones_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
