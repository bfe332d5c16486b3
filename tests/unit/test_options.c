/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clients/cli/options.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void durations_are_a_number_and_a_unit(void **state)
{
    static const struct {
        const char *text;
        int64_t wanted_ms; /* 0: it is none */
    } cases[] = {
        {"500ms", 500},
        {"1ms", 1},
        {"5s", 5000},
        {"2m", 120000},
        {"24h", 86400000},
        {"86400000ms", 86400000},
        {"25h", 0},
        {"86400001ms", 0},
        {"0s", 0},
        {"5", 0},
        {"s", 0},
        {"", 0},
        {"-5s", 0},
        {"5 s", 0},
        {"5sec", 0},
        {"1.5s", 0},
        {"99999999999999999999999h", 0},
        {"18446744073709551615s", 0},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t ms = 0;
        bool taken = duration_parse(cases[i].text, &ms);
        assert_int_equal(taken, cases[i].wanted_ms != 0);
        assert_true(ms == cases[i].wanted_ms);
    }
}

static void numbers_are_digits_of_64_bits(void **state)
{
    uint64_t number = 7;
    (void)state;

    assert_true(number_parse("0", &number) && number == 0);
    assert_true(number_parse("18446744073709551615", &number) && number == UINT64_MAX);
    number = 7;
    assert_false(number_parse("18446744073709551616", &number));
    assert_false(number_parse("", &number));
    assert_false(number_parse("+1", &number));
    assert_false(number_parse("1 ", &number));
    assert_false(number_parse("0x1", &number));
    assert_true(number == 7);
}

/* ---- contexts ---- */

struct fixture {
    char folder[64];
    char path[96];
    char key_path[96];
    struct context context;
    char fault[CONTEXT_FAULT_SIZE];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct key key;
    uint8_t secret[KEY_BYTES];
    if (f == NULL)
        return 1;
    *state = f;
    (void)snprintf(f->folder, sizeof f->folder, "/tmp/commission-options.XXXXXX");
    if (mkdtemp(f->folder) == NULL)
        return 1;
    (void)snprintf(f->path, sizeof f->path, "%s/ctx", f->folder);
    (void)snprintf(f->key_path, sizeof f->key_path, "%s/a.key", f->folder);
    if (commission_key_new(&key, secret) != STATUS_OK)
        return 1;
    return commission_key_write(f->key_path, key, secret) != STATUS_OK;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    (void)unlink(f->path);
    (void)unlink(f->key_path);
    (void)rmdir(f->folder);
    free(f);
    return 0;
}

static void given_context(struct fixture *f, const char *text)
{
    FILE *file = fopen(f->path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static enum status when_read(struct fixture *f)
{
    return context_read(f->path, &f->context, f->fault);
}

static void a_context_that_was_written_is_read_with_paths_from_its_folder(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(context_write(f->path, "ipc:///x", "a.key", "a.key", "02E"), STATUS_OK);

    assert_int_equal(when_read(f), STATUS_OK);
    assert_string_equal(f->context.endpoint, "ipc:///x");
    assert_string_equal(f->context.key_path, f->key_path);
    assert_string_equal(f->context.organisation.text, "02E");
    assert_string_equal(f->context.name, "ctx");
    struct stat about;
    assert_int_equal(stat(f->path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
}

static void what_is_written_is_read_back_whatever_characters_it_has(void **state)
{
    static const char endpoint[] = "ipc:///a \"b\" ${HOME} # c/x.sock";
    struct fixture *f = *state;

    assert_int_equal(context_write(f->path, endpoint, "a.key", "a.key", "02E"), STATUS_OK);

    assert_int_equal(when_read(f), STATUS_OK);
    assert_string_equal(f->context.endpoint, endpoint);
}

static void a_server_key_may_stand_in_the_context_itself(void **state)
{
    struct fixture *f = *state;
    struct key key;
    char text[COMMISSION_KEY_TEXT_SIZE];
    char context[512];
    assert_int_equal(commission_key_read(f->key_path, &key, NULL), STATUS_OK);
    commission_key_print(key, text);
    (void)snprintf(context, sizeof context,
                   "endpoint = \"tcp://127.0.0.1:1\"\nserver_key = '%s'\nkey_file = /k\n", text);
    given_context(f, context);

    assert_int_equal(when_read(f), STATUS_OK);
    assert_memory_equal(&f->context.server_key, &key, sizeof key);
    assert_string_equal(f->context.key_path, "/k");
    assert_string_equal(f->context.organisation.text, "");
}

static void what_is_wrong_with_a_context_is_said_with_its_line(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *text;
        const char *said;
    } cases[] = {
        {"endpoint = \"x\"\nnonsense = 1\n", "ctx:2:"},
        {"endpoint = \"x\"\n", "server_key is missing"},
        {"server_key = \"x\"\n", "endpoint is missing"},
        {"endpoint = \"x\"\nserver_key = \"nothing\"\nkey_file = \"k\"\n", "neither a key"},
        {"endpoint = \"x\"\nserver_key = \"a.key\"\nkey_file = \"k\"\norganisation = \"2e\"\n",
         "no organisation's code"},
        {"endpoint = \"x\nserver_key", "ctx:"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        given_context(f, cases[i].text);
        f->context.endpoint[0] = '\0';
        assert_int_equal(when_read(f), STATUS_INVALID);
        assert_non_null(strstr(f->fault, cases[i].said));
        assert_string_equal(f->context.endpoint, "");
    }
}

static void a_folder_or_nothing_is_no_context(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(context_read(f->folder, &f->context, f->fault), STATUS_INVALID);
    assert_int_equal(when_read(f), STATUS_NOT_FOUND);
    assert_non_null(strstr(f->fault, "No such file"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(durations_are_a_number_and_a_unit),
        cmocka_unit_test(numbers_are_digits_of_64_bits),
        cmocka_unit_test_setup_teardown(
            a_context_that_was_written_is_read_with_paths_from_its_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_written_is_read_back_whatever_characters_it_has,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_server_key_may_stand_in_the_context_itself, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_wrong_with_a_context_is_said_with_its_line, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_folder_or_nothing_is_no_context, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
