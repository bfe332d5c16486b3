/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "daemon/broker/notary.h"

#define HOUR_MS 3600000

static const struct ods ccg = {"02E"};
static const struct ods other = {"01F"};

struct fixture {
    struct statement_key key;
    uint8_t secret[STATEMENT_SECRET_BYTES];
    struct notary *notary;
};

static int set_up(void **state)
{
    static struct fixture fixture;
    static const uint8_t seed[STATEMENT_SEED_BYTES] = {1, 2, 3};

    statement_key_pair(seed, &fixture.key, fixture.secret);
    *state = &fixture;
    return notary_new(&fixture.notary, fixture.secret, HOUR_MS) == STATUS_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    notary_free(f->notary);
    return 0;
}

static uint32_t signatures_for(struct notary *notary, struct ods ods, int64_t now_ms)
{
    uint32_t count = 0;

    while (count < 2 * NOTARY_ALL_SAVED && notary_allows(notary, ods, now_ms))
        count++;
    return count;
}

static struct statement head(uint64_t seq)
{
    return (struct statement){.kind = STATEMENT_CHECKPOINT, .seq = seq};
}

static struct instant at(int64_t ms)
{
    return (struct instant){.wall_ms = 1525170123456 + ms, .mono_ms = ms};
}

static void an_organisation_has_its_quota_and_no_more(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(signatures_for(f->notary, ccg, 1000), NOTARY_EACH_SAVED);
    assert_int_equal(signatures_for(f->notary, ccg, 1099), 0);
    assert_int_equal(signatures_for(f->notary, ccg, 1100), 1);
    assert_int_equal(signatures_for(f->notary, ccg, 2100), NOTARY_EACH_SECOND);
    assert_int_equal(signatures_for(f->notary, ccg, 2100 + HOUR_MS), NOTARY_EACH_SAVED);
}

static void one_organisation_takes_nothing_from_another(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(signatures_for(f->notary, ccg, 1000), NOTARY_EACH_SAVED);
    assert_int_equal(signatures_for(f->notary, other, 1000), NOTARY_EACH_SAVED);
}

static void all_together_have_a_quota_too(void **state)
{
    struct fixture *f = *state;
    uint32_t count = 0;

    for (char first = 'A'; first <= 'Z'; first++) {
        struct ods ods = {{first, '1', 'X'}};
        count += signatures_for(f->notary, ods, 1000);
    }
    assert_int_equal(count, NOTARY_ALL_SAVED);
}

static void the_first_head_is_signed_at_once_and_handed_out_once(void **state)
{
    struct fixture *f = *state;
    struct statement first = head(1);
    struct statement found;

    assert_null(notary_checkpoint(f->notary));
    assert_int_equal(notary_due_ms(f->notary, 1), 0);
    notary_tick(f->notary, &first, at(5));

    const char *text = notary_next_checkpoint(f->notary);
    assert_non_null(text);
    struct slice slice = {(const uint8_t *)text, strlen(text)};
    assert_int_equal(statement_verify(slice, f->key, &found), STATUS_OK);
    assert_int_equal(found.seq, 1);
    assert_int_equal(found.at_ms, at(5).wall_ms);
    assert_null(notary_next_checkpoint(f->notary));
    assert_non_null(notary_checkpoint(f->notary));
}

static void the_next_comes_after_the_interval_when_the_head_has_moved_on(void **state)
{
    struct fixture *f = *state;
    struct statement first = head(1);
    struct statement second = head(2);

    notary_tick(f->notary, &first, at(5));
    (void)notary_next_checkpoint(f->notary);
    assert_true(notary_due_ms(f->notary, 1) == INT64_MAX);
    assert_int_equal(notary_due_ms(f->notary, 2), 5 + HOUR_MS);
    notary_tick(f->notary, &second, at(4 + HOUR_MS));
    assert_null(notary_next_checkpoint(f->notary));
    notary_tick(f->notary, &second, at(5 + HOUR_MS));
    assert_non_null(notary_next_checkpoint(f->notary));
}

static void without_a_key_nothing_is_signed(void **state)
{
    struct notary *notary;
    struct statement_key key;
    struct statement first = head(1);

    (void)state;
    assert_int_equal(notary_new(&notary, NULL, HOUR_MS), STATUS_OK);
    assert_false(notary_can(notary, &key));
    notary_tick(notary, &first, at(5));
    assert_null(notary_checkpoint(notary));
    notary_free(notary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_organisation_has_its_quota_and_no_more, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(one_organisation_takes_nothing_from_another, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(all_together_have_a_quota_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_first_head_is_signed_at_once_and_handed_out_once,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            the_next_comes_after_the_interval_when_the_head_has_moved_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_key_nothing_is_signed, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
