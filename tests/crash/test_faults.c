/* SPDX-License-Identifier: Apache-2.0 */
/* test_faults.c - each call of broker and store that can fail, fails once: they stop, nobody is told anything more, and what was told is there. */
#include "tests/crash/drive.h"
#include "tests/crash/recorder.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define CALLS_MAX 4000 /* more than the script makes of any kind */
#define TURNS 14
#define TURNS_MAX 3000
#define SEED 11
#define SMALL_CASES 2

/* ---- memory ---- */

/** The allocation that fails: its number, from 1; 0: none does. */
static struct {
    uint32_t at;
    uint32_t calls;
    bool failed;
} memory;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);

static bool memory_fails(void)
{
    if (memory.at == 0 || ++memory.calls != memory.at)
        return false;
    memory.failed = true;
    errno = ENOMEM;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return memory_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return memory_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return memory_fails() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
    return memory_fails() ? NULL : __real_reallocarray(old, count, size);
}

/* ---- one failure ---- */

struct fault {
    const char *name;
    enum recorder_call call; /* CALLS: an allocation */
    enum recorder_flaw flaw;
    int error;
};

static uint32_t told_count(const struct drive *drive)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < DRIVE_EVENTS; i++)
        count += (drive->told[i].seq != 0 ? 1u : 0u) + (drive->told[i].verdict_seq != 0 ? 1u : 0u);
    return count;
}

/** Start and go on for a while with @fault at its @nth call. *@ret: did it come to that call? */
static enum status run_with(struct drive *drive, const struct fault *fault, uint32_t nth, bool *ret)
{
    const char *path;

    memory.at = fault->call == CALLS ? nth : 0;
    memory.calls = 0;
    memory.failed = false;
    recorder_fail(fault->call, nth, fault->flaw, fault->error);
    enum status status = drive_open(drive);
    if (status == STATUS_OK)
        status = drive_on(drive, TURNS);
    memory.at = 0;
    *ret = fault->call == CALLS ? memory.failed : recorder_failed(&path);
    return status;
}

/** Once failed, for ever: nothing is written, nobody is told anything. */
static void expect_to_have_stopped(struct drive *drive, enum status failure)
{
    uint32_t told = told_count(drive);

    if (drive->broker == NULL)
        return;
    uint64_t calls = recorder_calls();
    assert_int_equal(drive_turn(drive), failure);
    assert_int_equal(recorder_calls(), calls);
    assert_int_equal(told_count(drive), told);
}

/** An error that nobody may pass over. What is made again when it is wanted is none: the index of a closed segment, a file to be removed. */
static bool must_stop(const struct fault *fault, const char *path)
{
    size_t len = strlen(path);
    bool index = len > 4 && strcmp(path + len - 4, ".idx") == 0;

    return fault->error == EIO && !index && fault->call != CALL_UNLINK;
}

/** LMDB takes a short write for an error; the journal goes on with the rest. */
static bool must_go_on(const struct fault *fault, const char *path)
{
    return fault->flaw == FLAW_SHORT && strstr(path, "/journal/") != NULL;
}

static void expect_all_of_it(struct drive *drive, const struct fault *fault, uint32_t nth)
{
    char text[DRIVE_TEXT_SIZE];

    enum status status = drive_open(drive);
    if (status != STATUS_OK)
        fail_msg("%s %u: not opened again: %s: %s", fault->name, nth, status_text(status),
                 drive->text);
    status = drive_on(drive, TURNS_MAX);
    if (status != STATUS_OK || drive->contradicted || !drive_done(drive))
        fail_msg("%s %u: does not go on: %s: %s", fault->name, nth, status_text(status),
                 drive->text);
    drive_close(drive);
    if (!drive_check(drive->dir.path, drive->told, text))
        fail_msg("%s %u: %s", fault->name, nth, text);
}

/** False: there are not so many calls. */
static bool fail_once(const struct fault *fault, uint32_t nth, uint32_t bulk)
{
    struct folder folder = folder_new();
    struct drive *drive = malloc(sizeof *drive);
    bool failed;
    const char *path;

    assert_non_null(drive);
    drive_init(drive, folder.path, SEED, bulk);
    drive->cases = SMALL_CASES;
    recorder_begin(folder.path, NULL);
    enum status status = run_with(drive, fault, nth, &failed);
    if (status != STATUS_OK) {
        if (!failed)
            fail_msg("%s %u: failed of itself: %s: %s", fault->name, nth, status_text(status),
                     drive->text);
        expect_to_have_stopped(drive, status);
    }
    (void)recorder_failed(&path);
    if (failed && must_stop(fault, path) && status == STATUS_OK)
        fail_msg("%s %u, of %s, was passed over", fault->name, nth, path);
    if (failed && must_go_on(fault, path))
        assert_int_equal(status, STATUS_OK);
    drive_close(drive);
    recorder_end();
    expect_all_of_it(drive, fault, nth);
    drive_clear(drive);
    free(drive);
    folder_remove(&folder);
    return failed;
}

/** Every @stride-th call from @first on. */
static void fail_each(const struct fault *fault, uint32_t bulk, uint32_t stride)
{
    uint32_t nth = 1;

    while (nth < CALLS_MAX && fail_once(fault, nth, bulk))
        nth += stride;
    print_message("%s: up to %u\n", fault->name, nth);
    assert_true(nth > 1);
    assert_true(nth < CALLS_MAX);
}

static void what_was_told_survives_any_failing_call(void **state)
{
    static const struct fault faults[] = {
        {"open", CALL_OPEN, FLAW_ERROR, EIO},
        {"open without descriptors", CALL_OPEN, FLAW_ERROR, EMFILE},
        {"open of a full disk", CALL_OPEN, FLAW_ERROR, ENOSPC},
        {"pwrite", CALL_PWRITE, FLAW_ERROR, EIO},
        {"pwrite to a full disk", CALL_PWRITE, FLAW_ERROR, ENOSPC},
        {"pwrite torn", CALL_PWRITE, FLAW_TORN, EIO},
        {"pwrite torn by a full disk", CALL_PWRITE, FLAW_TORN, ENOSPC},
        {"pwrite short", CALL_PWRITE, FLAW_SHORT, 0},
        {"writev", CALL_WRITEV, FLAW_ERROR, EIO},
        {"writev to a full disk", CALL_WRITEV, FLAW_ERROR, ENOSPC},
        {"fdatasync", CALL_FDATASYNC, FLAW_ERROR, EIO},
        {"fdatasync of a full disk", CALL_FDATASYNC, FLAW_ERROR, ENOSPC},
        {"fsync", CALL_FSYNC, FLAW_ERROR, EIO},
        {"ftruncate", CALL_TRUNCATE, FLAW_ERROR, EIO},
        {"fallocate", CALL_RESERVE, FLAW_ERROR, EIO},
        {"fallocate of a full disk", CALL_RESERVE, FLAW_ERROR, ENOSPC},
        {"rename", CALL_RENAME, FLAW_ERROR, EIO},
        {"mkdir", CALL_MKDIR, FLAW_ERROR, EIO},
        {"unlink", CALL_UNLINK, FLAW_ERROR, EIO},
    };

    (void)state;
    for (uint32_t i = 0; i < ARRAY_LEN(faults); i++)
        fail_each(&faults[i], 0, 1);
}

static void what_was_told_survives_any_failing_allocation(void **state)
{
    static const struct fault fault = {"malloc", CALLS, FLAW_ERROR, ENOMEM};

    (void)state;
    fail_each(&fault, 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_told_survives_any_failing_call),
        cmocka_unit_test(what_was_told_survives_any_failing_allocation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
