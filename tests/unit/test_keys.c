/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clients/lib/commission.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define Z85_A "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7" /* of RFC ZMTP CURVE's examples */
#define Z85_B "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"

struct fixture {
    char folder[32];
    char path[64];
};

static int setup(void **state)
{
    static struct fixture fixture;

    snprintf(fixture.folder, sizeof fixture.folder, "/tmp/keys-XXXXXX");
    *state = &fixture;
    if (mkdtemp(fixture.folder) == NULL)
        return -1;
    snprintf(fixture.path, sizeof fixture.path, "%s/key", fixture.folder);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    unlink(f->path);
    return rmdir(f->folder);
}

static void given_file(struct fixture *f, const char *text, size_t len, mode_t mode)
{
    int fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void a_pair_that_is_written_is_read_again(void **state)
{
    struct fixture *f = *state;
    struct key public_key;
    struct key read_public;
    uint8_t secret[KEY_BYTES];
    uint8_t read_secret[KEY_BYTES];
    struct stat about;
    assert_int_equal(commission_key_new(&public_key, secret), STATUS_OK);

    assert_int_equal(commission_key_write(f->path, public_key, secret), STATUS_OK);
    assert_int_equal(commission_key_read(f->path, &read_public, read_secret), STATUS_OK);

    assert_memory_equal(read_public.bytes, public_key.bytes, KEY_BYTES);
    assert_memory_equal(read_secret, secret, KEY_BYTES);
    assert_int_equal(stat(f->path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0600);
}

static void a_public_file_has_no_secret(void **state)
{
    struct fixture *f = *state;
    struct key key;
    uint8_t secret[KEY_BYTES];
    struct stat about;
    assert_true(commission_key_parse(Z85_A, &key));

    assert_int_equal(commission_key_write(f->path, key, NULL), STATUS_OK);

    assert_int_equal(stat(f->path, &about), 0);
    assert_int_equal(about.st_mode & 07777, 0644);
    assert_int_equal(commission_key_read(f->path, &key, NULL), STATUS_OK);
    assert_int_equal(chmod(f->path, 0600), 0);
    assert_int_equal(commission_key_read(f->path, &key, secret), STATUS_INVALID);
}

static void a_file_that_is_there_is_never_overwritten(void **state)
{
    struct fixture *f = *state;
    struct key key;
    assert_true(commission_key_parse(Z85_A, &key));
    given_file(f, "mine", 4, 0600);

    assert_int_equal(commission_key_write(f->path, key, NULL), STATUS_EXISTS);
}

static void a_secret_that_others_can_read_is_refused(void **state)
{
    static const struct {
        mode_t mode;
        enum status status;
    } cases[] = {
        {0600, STATUS_OK},      {0400, STATUS_OK},      {0640, STATUS_REFUSED},
        {0604, STATUS_REFUSED}, {0660, STATUS_REFUSED}, {0601, STATUS_REFUSED},
    };
    static const char text[] = "public = " Z85_A "\nsecret = " Z85_B "\n";
    struct fixture *f = *state;
    struct key key;
    uint8_t secret[KEY_BYTES];

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        given_file(f, text, sizeof text - 1, cases[i].mode);
        assert_int_equal(commission_key_read(f->path, &key, secret), cases[i].status);
        assert_int_equal(commission_key_read(f->path, &key, NULL), STATUS_OK);
    }
}

static void key_files_are_read_line_by_line(void **state)
{
#define CASE(text, status)                                                                         \
    {                                                                                              \
        text, sizeof text - 1, status                                                              \
    }
    static const struct {
        const char *text;
        size_t len;
        enum status status;
    } cases[] = {
        CASE("public = " Z85_A "\nsecret = " Z85_B "\n", STATUS_OK),
        CASE("# a comment\n\n  public=" Z85_A "  \r\n secret =" Z85_B, STATUS_OK),
        CASE("", STATUS_INVALID),
        CASE("secret = " Z85_B "\n", STATUS_INVALID),
        CASE("public = " Z85_A "\n", STATUS_INVALID),
        CASE("public = " Z85_A "\npublic = " Z85_A "\nsecret = " Z85_B "\n", STATUS_INVALID),
        CASE("public = short\nsecret = " Z85_B "\n", STATUS_INVALID),
        CASE("public = " Z85_A "x\nsecret = " Z85_B "\n", STATUS_INVALID),
        CASE("public = \"q:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7\nsecret = " Z85_B, STATUS_INVALID),
        CASE("public = " Z85_A "\nsecret = " Z85_B "\nother = 1\n", STATUS_INVALID),
        CASE("public = " Z85_A "\nsecret = " Z85_B "\nwhat\n", STATUS_INVALID),
        CASE("public = " Z85_A "\nsecret = " Z85_B "\n\0more", STATUS_INVALID),
    };
    struct fixture *f = *state;
    struct key key;
    uint8_t secret[KEY_BYTES];

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        given_file(f, cases[i].text, cases[i].len, 0600);
        if (commission_key_read(f->path, &key, secret) != cases[i].status)
            fail_msg("case %zu", i);
    }
}

static void what_is_no_file_of_a_key_is_refused(void **state)
{
    struct fixture *f = *state;
    static char large[5000];
    struct key key;
    memset(large, '#', sizeof large);

    assert_int_equal(commission_key_read(f->path, &key, NULL), STATUS_NOT_FOUND);
    assert_int_equal(commission_key_read(f->folder, &key, NULL), STATUS_INVALID);
    given_file(f, large, sizeof large, 0600);
    assert_int_equal(commission_key_read(f->path, &key, NULL), STATUS_INVALID);
}

static void a_key_is_forty_characters_both_ways(void **state)
{
    struct key key;
    char text[COMMISSION_KEY_TEXT_SIZE];

    (void)state;
    assert_true(commission_key_parse(Z85_A, &key));
    commission_key_print(key, text);

    assert_string_equal(text, Z85_A);
    assert_int_equal(key.bytes[0], 0x54);
    assert_false(commission_key_parse("", &key));
    assert_false(commission_key_parse("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf", &key));
    assert_false(commission_key_parse("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7x", &key));
    assert_false(commission_key_parse("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf\x7f", &key));
    assert_false(commission_key_parse("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf,", &key));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_pair_that_is_written_is_read_again),
        TEST(a_public_file_has_no_secret),
        TEST(a_file_that_is_there_is_never_overwritten),
        TEST(a_secret_that_others_can_read_is_refused),
        TEST(key_files_are_read_line_by_line),
        TEST(what_is_no_file_of_a_key_is_refused),
        cmocka_unit_test(a_key_is_forty_characters_both_ways),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
