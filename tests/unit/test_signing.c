/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/net/signing.h"
#include "tests/support/folder.h"

struct fixture {
    struct folder folder;
    struct folder path;
    struct signing signing;
    bool made;
    char text[256];
};

static int set_up(void **state)
{
    static struct fixture fixture;

    memset(&fixture, 0, sizeof fixture);
    fixture.folder = folder_new();
    fixture.path = folder_of(&fixture.folder, "signing.key");
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    folder_remove(&f->folder);
    return 0;
}

static enum status open_key(struct fixture *f)
{
    return signing_open(f->path.path, &f->signing, &f->made, f->text, sizeof f->text);
}

static void the_key_is_made_once_and_only_its_owner_may_read_it(void **state)
{
    struct fixture *f = *state;
    struct stat about;

    assert_int_equal(open_key(f), STATUS_OK);
    assert_true(f->made);
    struct statement_key first = f->signing.public_key;
    signing_clear(&f->signing);

    assert_int_equal(stat(f->path.path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
    assert_int_equal(open_key(f), STATUS_OK);
    assert_false(f->made);
    assert_memory_equal(&f->signing.public_key, &first, sizeof first);
    signing_clear(&f->signing);
}

static void a_key_that_others_may_read_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(open_key(f), STATUS_OK);
    signing_clear(&f->signing);
    assert_int_equal(chmod(f->path.path, 0644), 0);

    assert_int_equal(open_key(f), STATUS_REFUSED);
    assert_non_null(strstr(f->text, "chmod 600"));
}

static void a_file_that_is_no_key_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(signing_keep(f->path.path, "public = 00\n"), STATUS_OK);
    assert_int_equal(open_key(f), STATUS_INVALID);
}

static void a_public_key_of_another_secret_is_refused(void **state)
{
    struct fixture *f = *state;
    char text[2 * STATEMENT_KEY_TEXT_SIZE + 32];
    char digits[STATEMENT_KEY_TEXT_SIZE];

    memset(digits, '1', sizeof digits - 1);
    digits[sizeof digits - 1] = '\0';
    (void)snprintf(text, sizeof text, "public = %s\nsecret = %s\n", digits, digits);
    assert_int_equal(signing_keep(f->path.path, text), STATUS_OK);

    assert_int_equal(open_key(f), STATUS_INVALID);
}

static void a_folder_that_is_not_there_is_said(void **state)
{
    struct fixture *f = *state;

    f->path = folder_of(&f->folder, "nowhere/signing.key");
    assert_int_equal(open_key(f), STATUS_IO_FAILED);
    assert_non_null(strstr(f->text, "cannot be made"));
}

static void the_newest_checkpoint_takes_the_place_of_the_one_before(void **state)
{
    struct fixture *f = *state;
    struct folder path = folder_of(&f->folder, SIGNING_CHECKPOINT);
    char text[STATEMENT_TEXT_SIZE];
    struct statement found;

    assert_int_equal(open_key(f), STATUS_OK);
    assert_int_equal(signing_kept(path.path, f->signing.public_key, &found), STATUS_NOT_FOUND);
    for (uint64_t seq = 1; seq <= 3; seq++) {
        struct statement statement = {.kind = STATEMENT_CHECKPOINT, .seq = seq};
        statement_sign(&statement, f->signing.secret, text);
        assert_int_equal(signing_keep(path.path, text), STATUS_OK);
    }

    assert_int_equal(signing_kept(path.path, f->signing.public_key, &found), STATUS_OK);
    assert_int_equal(found.seq, 3);
    struct statement_key other = {{1}};
    assert_int_equal(signing_kept(path.path, other, &found), STATUS_REFUSED);
    signing_clear(&f->signing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_key_is_made_once_and_only_its_owner_may_read_it, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_key_that_others_may_read_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_no_key_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_public_key_of_another_secret_is_refused, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_is_not_there_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_newest_checkpoint_takes_the_place_of_the_one_before,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
