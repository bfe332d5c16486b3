/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/log.h"

struct fixture {
    int ends[2];
    char text[8192];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    unsetenv("JOURNAL_STREAM");
    return f != NULL && pipe2(f->ends, O_CLOEXEC | O_NONBLOCK) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    close(f->ends[0]);
    close(f->ends[1]);
    free(f);
    return 0;
}

static const char *logged(struct fixture *f)
{
    ssize_t len = read(f->ends[0], f->text, sizeof f->text - 1);
    f->text[len > 0 ? len : 0] = '\0';
    return f->text;
}

static void a_line_bears_its_level(void **state)
{
    struct fixture *f = *state;
    struct log log;
    log_init(&log, f->ends[1], LOG_LEVEL_INFO);

    log_line(&log, LOG_LEVEL_WARNING, "low seq=%d", 7);

    assert_string_equal(logged(f), "warning: low seq=7\n");
}

static void for_the_journal_it_is_a_number(void **state)
{
    struct fixture *f = *state;
    struct stat stat;
    assert_int_equal(fstat(f->ends[1], &stat), 0);
    char stream[64];
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)stat.st_dev, (uintmax_t)stat.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    struct log log;
    log_init(&log, f->ends[1], LOG_LEVEL_INFO);

    log_line(&log, LOG_LEVEL_ERR, "gone");

    unsetenv("JOURNAL_STREAM");
    assert_string_equal(logged(f), "<3>gone\n");
}

static void what_is_finer_than_the_level_is_left_out(void **state)
{
    struct fixture *f = *state;
    struct log log;
    log_init(&log, f->ends[1], LOG_LEVEL_NOTICE);

    log_line(&log, LOG_LEVEL_INFO, "chatter");
    log_line(&log, LOG_LEVEL_NOTICE, "started");

    assert_string_equal(logged(f), "notice: started\n");
}

static void text_from_others_makes_no_second_line(void **state)
{
    struct fixture *f = *state;
    struct log log;
    log_init(&log, f->ends[1], LOG_LEVEL_INFO);

    log_line(&log, LOG_LEVEL_INFO, "name=%s", "a\nerr: b\x1b[2J\x7f");

    assert_string_equal(logged(f), "info: name=a?err: b?[2J?\n");
}

static void a_long_line_is_cut(void **state)
{
    struct fixture *f = *state;
    struct log log;
    log_init(&log, f->ends[1], LOG_LEVEL_INFO);

    log_line(&log, LOG_LEVEL_INFO, "%04000d", 1);

    const char *text = logged(f);
    assert_true(strlen(text) <= 1024);
    assert_true(text[strlen(text) - 1] == '\n');
}

static void a_reader_who_does_not_read_stops_nobody(void **state)
{
    struct fixture *f = *state;
    struct log log;
    log_init(&log, f->ends[1], LOG_LEVEL_INFO);

    for (int i = 0; i < 3000; i++)
        log_line(&log, LOG_LEVEL_INFO, "%0900d", i);

    assert_true(log.lost > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_bears_its_level, setup, teardown),
        cmocka_unit_test_setup_teardown(for_the_journal_it_is_a_number, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_finer_than_the_level_is_left_out, setup, teardown),
        cmocka_unit_test_setup_teardown(text_from_others_makes_no_second_line, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_line_is_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reader_who_does_not_read_stops_nobody, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
