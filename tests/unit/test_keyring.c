/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#include "daemon/net/keyring.h"

#define KEYS 300

struct fixture {
    struct keyring *keyring;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    return f != NULL && keyring_new(&f->keyring, KEYS) == STATUS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    keyring_free(f->keyring);
    free(f);
    return 0;
}

static struct principal principal_of(uint32_t number)
{
    struct principal principal = {
        .organisation = {"02E"},
        .kind = ORGANISATION_CCG,
        .verbs = VERB_BIT(VERB_SUBMIT),
        .key_seq = number,
    };
    memcpy(principal.public_key.bytes, &number, sizeof number);
    return principal;
}

static void given_keys(struct fixture *f, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        struct principal principal = principal_of(i);
        assert_true(keyring_add(f->keyring, &principal) == STATUS_OK);
    }
}

static void each_key_proves_its_principal(void **state)
{
    struct fixture *f = *state;
    given_keys(f, 0, KEYS);

    for (uint32_t i = 0; i < KEYS; i++) {
        const struct principal *found = keyring_find(f->keyring, principal_of(i).public_key);

        assert_non_null(found);
        assert_true(found->key_seq == i);
    }
    assert_null(keyring_find(f->keyring, principal_of(KEYS).public_key));
}

static void a_full_keyring_takes_no_further_key_but_a_new_meaning_of_one_it_has(void **state)
{
    struct fixture *f = *state;
    given_keys(f, 0, KEYS);
    struct principal another = principal_of(KEYS);
    struct principal changed = principal_of(7);
    changed.verbs = VERB_BIT(VERB_READ);

    assert_true(keyring_add(f->keyring, &another) == STATUS_TOO_LARGE);
    assert_true(keyring_add(f->keyring, &changed) == STATUS_OK);

    assert_true(keyring_find(f->keyring, changed.public_key)->verbs == VERB_BIT(VERB_READ));
    assert_true(keyring_count(f->keyring) == KEYS);
}

static void a_revoked_key_proves_nobody_and_hides_no_other(void **state)
{
    struct fixture *f = *state;
    given_keys(f, 0, KEYS);

    for (uint32_t i = 0; i < KEYS; i += 2)
        assert_true(keyring_revoke(f->keyring, principal_of(i).public_key));

    for (uint32_t i = 0; i < KEYS; i++) {
        bool found = keyring_find(f->keyring, principal_of(i).public_key) != NULL;
        assert_true(found == (i % 2 == 1));
    }
    assert_false(keyring_revoke(f->keyring, principal_of(0).public_key));
    assert_true(keyring_count(f->keyring) == KEYS / 2);
}

static void a_key_that_was_revoked_may_be_added_again(void **state)
{
    struct fixture *f = *state;
    given_keys(f, 0, 3);
    keyring_revoke(f->keyring, principal_of(1).public_key);

    given_keys(f, 1, 2);

    assert_non_null(keyring_find(f->keyring, principal_of(1).public_key));
}

static void a_user_id_leads_back_to_its_key(void **state)
{
    struct fixture *f = *state;
    given_keys(f, 0, KEYS);
    char user_id[USER_ID_SIZE];
    keyring_print_key(principal_of(42).public_key, user_id);

    const struct principal *found = keyring_find_user(f->keyring, user_id);

    assert_non_null(found);
    assert_true(found->key_seq == 42);
    assert_null(keyring_find_user(f->keyring, ""));
    assert_null(keyring_find_user(f->keyring, "?"));
    assert_null(keyring_find_user(f->keyring, "AAAA"));
}

static void a_workers_user_may_work_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    char user_id[USER_ID_SIZE];
    keyring_print_worker(1000, user_id);
    assert_null(keyring_find_user(f->keyring, user_id));

    assert_true(keyring_allow_worker(f->keyring, 1000));

    assert_true(keyring_find_worker(f->keyring, 1000)->verbs == VERB_BIT(VERB_WORK));
    assert_non_null(keyring_find_user(f->keyring, user_id));
    assert_null(keyring_find_worker(f->keyring, 1001));
    assert_null(keyring_find_user(f->keyring, "uid:1001"));
    assert_null(keyring_find_user(f->keyring, "uid:10000"));
    assert_null(keyring_find_user(f->keyring, "uid:"));
}

static void the_overflow_user_is_never_mapped(void **state)
{
    struct fixture *f = *state;

    assert_false(keyring_allow_worker(f->keyring, 65534));

    assert_null(keyring_find_worker(f->keyring, 65534));
    assert_null(keyring_find_user(f->keyring, "uid:65534"));
    assert_null(keyring_find_worker(f->keyring, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_key_proves_its_principal, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_full_keyring_takes_no_further_key_but_a_new_meaning_of_one_it_has, setup, teardown),
        cmocka_unit_test_setup_teardown(a_revoked_key_proves_nobody_and_hides_no_other, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_key_that_was_revoked_may_be_added_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_user_id_leads_back_to_its_key, setup, teardown),
        cmocka_unit_test_setup_teardown(a_workers_user_may_work_and_nothing_else, setup, teardown),
        cmocka_unit_test_setup_teardown(the_overflow_user_is_never_mapped, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
