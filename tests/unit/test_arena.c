/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdalign.h>
#include <string.h>

#include "proto/arena.h"

static int setup(void **state)
{
    struct arena *arena = NULL;
    enum status status = arena_new(&arena, 1024);

    *state = arena;
    return status == STATUS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

static void what_is_taken_is_zero_and_aligned(void **state)
{
    struct arena *arena = *state;

    memset(arena_take(arena, 1024), 'x', 1024);
    arena_reset(arena);

    for (size_t bytes = 1; bytes < 20; bytes++) {
        uint8_t *taken = arena_take(arena, bytes);
        assert_non_null(taken);
        assert_int_equal((uintptr_t)taken % alignof(max_align_t), 0);
        for (size_t i = 0; i < bytes; i++)
            assert_int_equal(taken[i], 0);
        memset(taken, 'y', bytes);
    }
}

static void the_whole_block_can_be_taken_and_no_byte_more(void **state)
{
    struct arena *arena = *state;

    assert_non_null(arena_take(arena, 1024));
    assert_false(arena_full(arena));
    assert_null(arena_take(arena, 1));
    assert_true(arena_full(arena));
}

static void a_huge_size_does_not_wrap_around(void **state)
{
    struct arena *arena = *state;

    assert_non_null(arena_take(arena, 10));
    assert_null(arena_take(arena, SIZE_MAX));
    assert_null(arena_take(arena, SIZE_MAX - 8));
    assert_int_equal(arena_used(arena), 10);
}

static void full_is_remembered_until_the_reset(void **state)
{
    struct arena *arena = *state;

    assert_null(arena_take(arena, 2000));
    assert_non_null(arena_take(arena, 8));
    assert_true(arena_full(arena));
    arena_reset(arena);
    assert_false(arena_full(arena));
    assert_int_equal(arena_used(arena), 0);
}

static void rewinding_gives_back_what_was_taken_since(void **state)
{
    struct arena *arena = *state;
    uint8_t *first = arena_take(arena, 16);
    size_t mark = arena_used(arena);
    uint8_t *second = arena_take(arena, 100);

    memset(first, 1, 16);
    arena_rewind(arena, mark);

    assert_ptr_equal(arena_take(arena, 100), second);
    assert_int_equal(first[15], 1);
}

static void a_copy_is_another_place_with_the_same_bytes(void **state)
{
    struct arena *arena = *state;
    const uint8_t bytes[] = {1, 2, 3};

    struct slice copy = arena_copy(arena, (struct slice){bytes, 3});

    assert_int_equal(copy.len, 3);
    assert_memory_equal(copy.bytes, bytes, 3);
    assert_ptr_not_equal(copy.bytes, bytes);
    assert_int_equal(arena_copy(arena, (struct slice){NULL, 0}).len, 0);
    assert_null(arena_copy(arena, (struct slice){bytes, 5000}).bytes);
}

static void printed_text_ends_with_a_nul_that_is_not_counted(void **state)
{
    struct arena *arena = *state;

    struct slice text = arena_print(arena, "%s-%d", "seq", 4711);

    assert_int_equal(text.len, 8);
    assert_string_equal((const char *)text.bytes, "seq-4711");
}

static void text_that_does_not_fit_is_nothing(void **state)
{
    struct arena *arena = *state;

    assert_int_equal(arena_print(arena, "%1023s", "").len, 1023);
    struct slice text = arena_print(arena, "x");
    assert_null(text.bytes);
    assert_int_equal(text.len, 0);
    assert_true(arena_full(arena));
}

static void freeing_nothing_is_fine(void **state)
{
    (void)state;
    assert_null(arena_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_taken_is_zero_and_aligned, setup, teardown),
        cmocka_unit_test_setup_teardown(the_whole_block_can_be_taken_and_no_byte_more, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_huge_size_does_not_wrap_around, setup, teardown),
        cmocka_unit_test_setup_teardown(full_is_remembered_until_the_reset, setup, teardown),
        cmocka_unit_test_setup_teardown(rewinding_gives_back_what_was_taken_since, setup, teardown),
        cmocka_unit_test_setup_teardown(a_copy_is_another_place_with_the_same_bytes, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(printed_text_ends_with_a_nul_that_is_not_counted, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(text_that_does_not_fit_is_nothing, setup, teardown),
        cmocka_unit_test(freeing_nothing_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
