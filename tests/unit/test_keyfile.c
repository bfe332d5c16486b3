/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>
#include <sys/stat.h>

#include "daemon/net/keyfile.h"
#include "tests/support/peer.h"

/* Example keys of ZeroMQ's CURVE documents. */
#define PUBLIC "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define SECRET "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"
#define OTHER "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"

struct fixture {
    char folder[64];
    char path[96];
    char text[256];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    place_make(f->folder);
    snprintf(f->path, sizeof f->path, "%s/server.key", f->folder);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    place_remove(f->folder);
    free(f);
    return 0;
}

static void given_file(struct fixture *f, const char *content, mode_t mode)
{
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
    assert_int_equal(chmod(f->path, mode), 0);
}

static void a_key_pair_is_read_as_it_was_written(void **state)
{
    struct fixture *f = *state;
    struct pair pair = pair_new();
    pair_write(&pair, f->path);
    struct keyfile keyfile;

    enum status status = keyfile_read(f->path, &keyfile, f->text, sizeof f->text);

    assert_true(status == STATUS_OK);
    assert_memory_equal(keyfile.public_key.bytes, pair.public_key.bytes, KEY_BYTES);
    assert_memory_equal(keyfile.secret_key, pair.secret_key, KEY_BYTES);
    keyfile_clear(&keyfile);
}

static void a_file_in_another_form_is_refused(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *content;
        mode_t mode;
        enum status status;
    } cases[] = {
        {"public = " PUBLIC "\nsecret = " SECRET "\n", 0600, STATUS_OK},
        {"\n# why\n  secret=" SECRET "\r\npublic\t= " PUBLIC, 0400, STATUS_OK},
        {"public = " PUBLIC "\nsecret = " SECRET "\n", 0640, STATUS_REFUSED},
        {"public = " PUBLIC "\nsecret = " SECRET "\n", 0604, STATUS_REFUSED},
        {"public = " OTHER "\nsecret = " SECRET "\n", 0600, STATUS_INVALID},
        {"public = " PUBLIC "\n", 0600, STATUS_INVALID},
        {"secret = " SECRET "\n", 0600, STATUS_INVALID},
        {"public = " PUBLIC "\nsecret = " SECRET "\nsecret = " SECRET "\n", 0600, STATUS_INVALID},
        {"public = " PUBLIC "\nsecret = short\n", 0600, STATUS_INVALID},
        {"public = " PUBLIC "\nsecret = " SECRET "x\n", 0600, STATUS_INVALID},
        {"public " PUBLIC "\nsecret " SECRET "\n", 0600, STATUS_INVALID},
        {"public = " PUBLIC "\nsecret = " SECRET "\ncolour = blue\n", 0600, STATUS_INVALID},
        {"", 0600, STATUS_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        given_file(f, cases[i].content, cases[i].mode);
        struct keyfile keyfile;

        enum status status = keyfile_read(f->path, &keyfile, f->text, sizeof f->text);

        if (status != cases[i].status)
            print_error("case %zu: %s %s\n", i, status_name(status), f->text);
        assert_true(status == cases[i].status);
        assert_true(status == STATUS_OK || strstr(f->text, f->path) != NULL);
        if (status == STATUS_OK)
            keyfile_clear(&keyfile);
        remove(f->path);
    }
}

static void what_is_no_file_is_refused(void **state)
{
    struct fixture *f = *state;
    struct keyfile keyfile;

    assert_true(keyfile_read(f->path, &keyfile, f->text, sizeof f->text) == STATUS_NOT_FOUND);
    assert_true(keyfile_read(f->folder, &keyfile, f->text, sizeof f->text) == STATUS_REFUSED);
    assert_true(keyfile_read("/dev/zero", &keyfile, f->text, sizeof f->text) == STATUS_REFUSED);
}

static void only_z85_of_forty_characters_is_a_key(void **state)
{
    (void)state;
    struct key key;

    assert_true(key_parse(PUBLIC, &key));
    assert_false(key_parse("", &key));
    assert_false(key_parse("Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hI", &key));
    assert_false(key_parse("Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hIDD", &key));
    assert_false(key_parse("Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hI\"", &key));
    assert_false(key_parse("Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hI ", &key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_pair_is_read_as_it_was_written, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_in_another_form_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_file_is_refused, setup, teardown),
        cmocka_unit_test(only_z85_of_forty_characters_is_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
