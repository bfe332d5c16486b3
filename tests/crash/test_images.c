/* SPDX-License-Identifier: Apache-2.0 */
/* test_images.c - recorded runs, cut as by kill -9 and as by power cuts: what somebody was told is there, once. crash_images does more of them. */
#include "tests/crash/cuts.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void expect_nothing_lost(struct cuts *cuts)
{
    print_message("seed %llu\n", (unsigned long long)cuts->seed);
    if (!cuts_run(cuts))
        fail_msg("%llu of %llu images: %s", (unsigned long long)cuts->failures,
                 (unsigned long long)cuts->images, cuts->text);
    assert_true(cuts->images > 0);
}

static void no_cut_at_any_record_loses_what_was_told(void **state)
{
    (void)state;
    struct cuts cuts = {.seed = 1, .images_max = 500};

    expect_nothing_lost(&cuts);
}

static void no_cut_between_segments_loses_what_was_told(void **state)
{
    (void)state;
    struct cuts cuts = {.seed = 2, .bulk = DRIVE_BULK_MAX, .images_max = 60};

    expect_nothing_lost(&cuts);
    assert_true(cuts.renames >= 3); /* the state, and two segments */
}

static void no_second_cut_loses_what_was_told(void **state)
{
    (void)state;
    struct cuts cuts = {.seed = 3, .images_max = 60, .second_each = 2};

    expect_nothing_lost(&cuts);
    assert_true(cuts.second_images > 0);
}

static void without_its_flushes_it_is_seen_to_lose(void **state)
{
    (void)state;
    struct cuts cuts = {.seed = 4, .images_max = 70, .forgets = FORGET_FLUSHES};

    assert_false(cuts_run(&cuts));
    print_message("%llu of %llu images, first %s\n", (unsigned long long)cuts.failures,
                  (unsigned long long)cuts.images, cuts.text);
    assert_true(cuts.failures * 10 > cuts.images);
}

static void without_the_flushes_of_its_folders_it_is_seen_to_lose(void **state)
{
    (void)state;
    struct cuts cuts = {.seed = 5, .images_max = 140, .forgets = FORGET_FOLDER_FLUSHES};

    assert_false(cuts_run(&cuts));
    print_message("%llu of %llu images, first %s\n", (unsigned long long)cuts.failures,
                  (unsigned long long)cuts.images, cuts.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_cut_at_any_record_loses_what_was_told),
        cmocka_unit_test(no_cut_between_segments_loses_what_was_told),
        cmocka_unit_test(no_second_cut_loses_what_was_told),
        cmocka_unit_test(without_its_flushes_it_is_seen_to_lose),
        cmocka_unit_test(without_the_flushes_of_its_folders_it_is_seen_to_lose),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
