/* SPDX-License-Identifier: Apache-2.0 */
/* test_store_faults.c - each write, flush, rename and commit fails once: what was acknowledged is there, and nothing is tried again. */
#include "daemon/store/segment.h"
#include "daemon/store/store.h"
#include "tests/support/folder.h"
#include "tests/support/scribe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <sys/types.h>
#include <unistd.h>

#define MAP_BYTES (64ull * 1024 * 1024)
#define CALLS_MAX 500 /* more than any scenario makes */

enum fault {
    WRITE_FAILS,      /* nothing is written */
    WRITE_IS_TORN,    /* half is written, then it fails */
    WRITE_IS_SHORT,   /* half is written, and said so: no failure */
    WRITE_FINDS_FULL, /* ENOSPC */
    FLUSH_FAILS,
    FLUSH_OF_FOLDER_FAILS,
    RENAME_FAILS,
    COMMIT_FAILS,
    FAULTS,
};

/** The call that fails: its number among those of its kind, from 1; 0: none does. */
static struct {
    enum fault fault;
    uint32_t at;
    uint32_t calls;
    bool fired;
    bool harmless;   /* it was a segment's index, which can be made again */
    uint32_t writes; /* of any kind, to see that nothing is tried again */
} plan;

struct MDB_txn;
ssize_t __real_pwrite(int fd, const void *bytes, size_t len, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t len, off_t offset);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
int __real_mdb_txn_commit(struct MDB_txn *txn);
int __wrap_mdb_txn_commit(struct MDB_txn *txn);
void mdb_txn_abort(struct MDB_txn *txn);

static bool fires(bool of_kind)
{
    if (!of_kind || plan.at == 0 || ++plan.calls != plan.at)
        return false;
    plan.fired = true;
    return true;
}

static bool is_index(int fd)
{
    char link[64];
    char path[FOLDER_PATH_SIZE];

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path);
    return len > 4 && memcmp(path + len - 4, ".idx", 4) == 0;
}

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    plan.writes++;
    if (!fires(plan.fault <= WRITE_FINDS_FULL))
        return __real_pwrite(fd, bytes, len, offset);
    plan.harmless = is_index(fd);
    if (plan.fault == WRITE_IS_SHORT)
        return __real_pwrite(fd, bytes, len > 1 ? len / 2 : len, offset);
    if (plan.fault == WRITE_IS_TORN)
        (void)__real_pwrite(fd, bytes, len / 2, offset);
    errno = plan.fault == WRITE_FINDS_FULL ? ENOSPC : EIO;
    return -1;
}

int __wrap_fdatasync(int fd)
{
    plan.writes++;
    if (!fires(plan.fault == FLUSH_FAILS))
        return __real_fdatasync(fd);
    errno = EIO;
    return -1;
}

int __wrap_fsync(int fd)
{
    if (!fires(plan.fault == FLUSH_OF_FOLDER_FAILS))
        return __real_fsync(fd);
    errno = EIO;
    return -1;
}

int __wrap_rename(const char *from, const char *to)
{
    if (!fires(plan.fault == RENAME_FAILS))
        return __real_rename(from, to);
    errno = EIO;
    return -1;
}

int __wrap_mdb_txn_commit(struct MDB_txn *txn)
{
    plan.writes++;
    if (!fires(plan.fault == COMMIT_FAILS))
        return __real_mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return EIO;
}

/* ---- a daemon's work, until something fails ---- */

struct work {
    struct folder folder;
    struct scribe scribe;
    uint64_t acknowledged; /* newest entry that somebody was told of */
    struct hash hash;
};

static enum status open_store(struct work *work)
{
    struct store_options options = {work->folder.path, SEGMENT_BYTES_MIN, MAP_BYTES, false, 0};
    struct store_report report;
    char text[400];

    work->scribe.store = NULL;
    return store_open(&work->scribe.store, &options, &report, text, sizeof text);
}

static enum status flush(struct work *work)
{
    enum status status = store_flush(work->scribe.store);

    if (status == STATUS_OK) {
        work->acknowledged = store_durable_seq(work->scribe.store);
        work->hash = store_head_hash(work->scribe.store);
    }
    return status;
}

/** Entries of all kinds in small batches. */
static enum status small_batches(struct work *work)
{
    enum status status = STATUS_OK;

    for (uint32_t step = 0; step < 40 && status == STATUS_OK; step++) {
        scribe_step(&work->scribe);
        if (step % 3 == 0)
            status = flush(work);
        if (status == STATUS_OK && step % 12 == 0)
            status = store_commit(work->scribe.store);
    }
    return status == STATUS_OK ? flush(work) : status;
}

/** Large batches over two segments, the second one filled ahead only in part. */
static enum status large_batches(struct work *work)
{
    enum status status = STATUS_OK;

    for (uint32_t batch = 0; batch < 7 && status == STATUS_OK; batch++) {
        for (uint32_t i = 0; i < 200; i++) {
            scribe_take_note(&work->scribe, 200 * batch + i, 4000);
            scribe_receive(&work->scribe);
        }
        status = flush(work);
        if (status == STATUS_OK)
            status = store_tend(work->scribe.store);
        if (status == STATUS_OK && batch % 3 == 2)
            status = store_commit(work->scribe.store);
    }
    return status;
}

/** After the failure nothing is written any more, and it is said again. */
static void expect_to_have_stopped(struct work *work, enum status failure)
{
    struct store *store = work->scribe.store;
    uint32_t writes = plan.writes;
    struct entry entry = {.kind = ENTRY_STARTED, .run = 1, .at_ms = 1524816000000};
    struct hash hash;

    store_add(store, &entry, NULL, &hash);
    assert_int_equal(entry.seq, 0);
    assert_int_equal(store_flush(store), failure);
    assert_int_equal(store_commit(store), failure);
    assert_int_equal(store_tend(store), failure);
    assert_int_equal(plan.writes, writes);
}

static void keep_last(void *ctx, const char *line)
{
    snprintf(ctx, 400, "%s", line);
}

/** A new start finds all that was acknowledged; its state is what the journal says. */
static void expect_recovery(struct work *work)
{
    struct slice bytes;
    struct hash hash;
    char line[400] = "";

    plan.at = 0;
    assert_int_equal(open_store(work), STATUS_OK);
    assert_true(store_durable_seq(work->scribe.store) >= work->acknowledged);
    if (work->acknowledged > 0) {
        assert_int_equal(store_read_entry(work->scribe.store, work->acknowledged, &bytes, &hash),
                         STATUS_OK);
        assert_true(hash_equal(hash, work->hash));
    }
    scribe_take_note(&work->scribe, 5000, 10);
    scribe_receive(&work->scribe);
    assert_int_equal(flush(work), STATUS_OK);
    assert_int_equal(store_commit(work->scribe.store), STATUS_OK);
    store_close(work->scribe.store);
    if (store_verify(work->folder.path, MAP_BYTES, keep_last, line) != STATUS_OK)
        fail_msg("%s", line);
}

/** Let the @at-th call fail. False: there are not so many. */
static bool fail_once(enum fault fault, uint32_t at, enum status (*scenario)(struct work *work))
{
    struct work work = {.folder = folder_new()};

    scribe_init(&work.scribe, NULL, 7);
    memset(&plan, 0, sizeof plan);
    plan.fault = fault;
    plan.at = at;
    enum status status = open_store(&work);
    if (status == STATUS_OK) {
        status = scenario(&work);
        if (status != STATUS_OK)
            expect_to_have_stopped(&work, status);
        store_close(work.scribe.store);
    }
    bool fired = plan.fired;
    /* A segment that cannot be filled ahead for lack of room is no failure yet. */
    if (fired && !plan.harmless && fault != WRITE_IS_SHORT && fault != WRITE_FINDS_FULL)
        assert_int_not_equal(status, STATUS_OK);
    if (!fired || fault == WRITE_IS_SHORT)
        assert_int_equal(status, STATUS_OK);
    if (fired && fault == WRITE_FINDS_FULL && status != STATUS_OK)
        assert_int_equal(status, STATUS_STORE_FULL);
    expect_recovery(&work);
    scribe_clear(&work.scribe);
    folder_remove(&work.folder);
    return fired;
}

static void fail_each(enum fault fault, enum status (*scenario)(struct work *work))
{
    uint32_t at = 1;

    while (at < CALLS_MAX && fail_once(fault, at, scenario))
        at++;
    assert_true(at > 1);
    assert_true(at < CALLS_MAX);
}

static void what_was_acknowledged_survives_any_failing_call(void **state)
{
    (void)state;
    for (enum fault fault = 0; fault < FAULTS; fault++)
        fail_each(fault, small_batches);
}

static void what_was_acknowledged_survives_any_failing_call_between_segments(void **state)
{
    (void)state;
    for (enum fault fault = 0; fault < FAULTS; fault++)
        fail_each(fault, large_batches);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_acknowledged_survives_any_failing_call),
        cmocka_unit_test(what_was_acknowledged_survives_any_failing_call_between_segments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
