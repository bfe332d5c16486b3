/* SPDX-License-Identifier: Apache-2.0 */
/* test_flips.c - a bit of a state folder's files is turned: it is found, or the byte is shown to be of no use to anyone. */
/*
 * "Of no use" is shown, not believed: the daemon's store opens the folder, goes on, commits, and is proven whole at the end.
 * COMMISSION_FLIPS=N looks at every N-th byte; without it so many are left out that it takes seconds.
 */
#include "daemon/store/segment.h"
#include "daemon/store/store.h"
#include "tests/support/folder.h"
#include "tests/support/scribe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAP_BYTES (16ull * 1024 * 1024)
#define SEED 77u
#define STEPS 160
#define STEPS_AFTER 40
#define ALARM_S 120 /* a walk that does not end is no answer */
#define STRIDE_STATE 2003
#define STRIDE_JOURNAL 200003
#define STRIDE_INDEX 353
#define TEXT_SIZE 400

/** What became of a folder with a turned bit. */
enum outcome { FOUND, UNUSED, SLIPPED, DIED };

struct fixture {
    struct folder folder;
    struct folder whole; /* a state folder at rest */
    struct folder tried; /* a copy of it */
    char *text;          /* shared with the children: the last line said */
    uint64_t counts[4];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->folder = folder_new();
    f->whole = folder_of(&f->folder, "whole");
    f->tried = folder_of(&f->folder, "tried");
    folder_make(&f->whole);
    f->text = mmap(NULL, TEXT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(f->text, MAP_FAILED);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    folder_remove(&f->folder);
    munmap(f->text, TEXT_SIZE);
    free(f);
    return 0;
}

static enum status open_store(const char *dir, struct store **ret, char text[TEXT_SIZE])
{
    struct store_options options = {
        .dir = dir, .segment_bytes = SEGMENT_BYTES_MIN, .map_bytes = MAP_BYTES};
    struct store_report report;

    return store_open(ret, &options, &report, text, TEXT_SIZE);
}

/** @steps entries of chance, in batches and commits. */
static enum status go_on(struct store *store, uint32_t steps, uint64_t seed)
{
    struct scribe scribe;
    enum status status = STATUS_OK;

    scribe_init(&scribe, store, seed);
    scribe.ids = seed << 20; /* none of those before */
    for (uint32_t i = 0; i < steps && status == STATUS_OK; i++) {
        scribe_step(&scribe);
        if (i % 4 == 3)
            status = store_flush(store);
        if (status == STATUS_OK && i % 20 == 19)
            status = store_commit(store);
    }
    if (status == STATUS_OK)
        status = store_flush(store);
    if (status == STATUS_OK)
        status = store_commit(store);
    scribe_clear(&scribe);
    return status;
}

static void given_state(struct fixture *f)
{
    struct store *store;

    assert_int_equal(open_store(f->whole.path, &store, f->text), STATUS_OK);
    assert_int_equal(go_on(store, STEPS, 1), STATUS_OK);
    store_close(store);
}

/** Two segments, the first one closed and with its index. */
static void given_segments(struct fixture *f)
{
    struct store *store;
    struct scribe scribe;

    assert_int_equal(open_store(f->whole.path, &store, f->text), STATUS_OK);
    scribe_init(&scribe, store, SEED);
    for (uint32_t i = 0; i < 1100; i++) {
        scribe_take_note(&scribe, i, 4000);
        scribe_receive(&scribe);
        if (i % 100 == 99)
            assert_int_equal(store_flush(store), STATUS_OK);
    }
    assert_int_equal(store_flush(store), STATUS_OK);
    assert_int_equal(store_commit(store), STATUS_OK);
    scribe_clear(&scribe);
    store_close(store);
}

/* ---- copies ---- */

static bool all_zero(const uint8_t *bytes, size_t len)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0;
}

/** What is zero stays a hole: most of it is. */
static void copy_file(const char *from, const char *to)
{
    size_t len;
    uint8_t *bytes = folder_load(from, &len);
    int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)len), 0);
    for (size_t at = 0; at < len; at += 4096) {
        size_t piece = len - at < 4096 ? len - at : 4096;
        if (!all_zero(bytes + at, piece))
            assert_int_equal(pwrite(fd, bytes + at, piece, (off_t)at), (ssize_t)piece);
    }
    close(fd);
    free(bytes);
}

static void copy_files(const struct folder *from, const struct folder *to)
{
    DIR *listing = opendir(from->path);

    assert_non_null(listing);
    folder_make(to);
    for (const struct dirent *name = readdir(listing); name != NULL; name = readdir(listing)) {
        if (name->d_type != DT_REG)
            continue;
        struct folder source = folder_of(from, name->d_name);
        struct folder target = folder_of(to, name->d_name);
        copy_file(source.path, target.path);
    }
    closedir(listing);
}

static void given_copy(struct fixture *f)
{
    static const char *const names[] = {"journal", "state"};

    folder_clear(&f->folder, "tried");
    folder_make(&f->tried);
    for (int i = 0; i < 2; i++) {
        struct folder from = folder_of(&f->whole, names[i]);
        struct folder to = folder_of(&f->tried, names[i]);
        copy_files(&from, &to);
    }
}

/* ---- a turned bit ---- */

static void keep_last(void *ctx, const char *line)
{
    (void)snprintf(ctx, TEXT_SIZE, "%s", line);
}

/** Said as damage: not as anything that may pass, and be tried again. */
static enum outcome judge(struct fixture *f)
{
    struct store *store = NULL;

    if (store_verify(f->tried.path, MAP_BYTES, keep_last, f->text) != STATUS_OK)
        return FOUND;
    if (open_store(f->tried.path, &store, f->text) != STATUS_OK)
        return FOUND;
    enum status status = go_on(store, STEPS_AFTER, 2);
    store_close(store);
    if (status != STATUS_OK)
        return SLIPPED;
    return store_verify(f->tried.path, MAP_BYTES, keep_last, f->text) == STATUS_OK ? UNUSED
                                                                                   : SLIPPED;
}

/** In a process of its own: it may die of what it reads. */
static enum outcome judge_apart(struct fixture *f)
{
    int status = 0;

    f->text[0] = '\0';
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
        (void)dup2(fd, STDERR_FILENO);
        (void)alarm(ALARM_S);
        _exit((int)judge(f));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) < DIED ? (enum outcome)WEXITSTATUS(status)
                                                           : DIED;
}

static enum outcome turn(struct fixture *f, const char *folder, const char *name, size_t at,
                         uint8_t byte)
{
    struct folder dir = folder_of(&f->tried, folder);
    struct folder path = folder_of(&dir, name);
    uint8_t turned = byte ^ (uint8_t)(1u << (at + at / 8) % 8);

    folder_write(path.path, &turned, 1, at);
    enum outcome outcome = judge_apart(f);
    if (outcome == FOUND)
        folder_write(path.path, &byte, 1, at); /* nothing was changed: the copy is good again */
    else
        given_copy(f);
    f->counts[outcome]++;
    if (outcome == SLIPPED || outcome == DIED)
        print_error("%s/%s, byte %zu, %02x turned to %02x: %s: %s\n", folder, name, at, byte,
                    turned, outcome == DIED ? "died" : "slipped through", f->text);
    return outcome;
}

static size_t stride_of(size_t otherwise)
{
    const char *wanted = getenv("COMMISSION_FLIPS");

    return wanted != NULL && strtoul(wanted, NULL, 10) > 0 ? strtoul(wanted, NULL, 10) : otherwise;
}

/** Every @stride-th byte of [@from, @to) of a file. */
static void turn_each(struct fixture *f, const char *folder, const char *name, size_t from,
                      size_t to, size_t stride)
{
    struct folder dir = folder_of(&f->whole, folder);
    struct folder path = folder_of(&dir, name);
    size_t len;
    uint8_t *bytes = folder_load(path.path, &len);

    memset(f->counts, 0, sizeof f->counts);
    for (size_t at = from; at < to && at < len; at += stride)
        (void)turn(f, folder, name, at, bytes[at]);
    free(bytes);
    print_message("%s/%s: %llu found, %llu of no use, %llu slipped through, %llu died\n", folder,
                  name, (unsigned long long)f->counts[FOUND], (unsigned long long)f->counts[UNUSED],
                  (unsigned long long)f->counts[SLIPPED], (unsigned long long)f->counts[DIED]);
    assert_int_equal(f->counts[SLIPPED], 0);
    assert_int_equal(f->counts[DIED], 0);
}

/** Where the last byte that is not zero stands, and one more. */
static size_t end_of(struct fixture *f, const char *folder, const char *name)
{
    struct folder dir = folder_of(&f->whole, folder);
    struct folder path = folder_of(&dir, name);
    size_t len;
    uint8_t *bytes = folder_load(path.path, &len);

    while (len > 0 && bytes[len - 1] == 0)
        len--;
    free(bytes);
    return len;
}

static void a_turned_bit_of_the_state_is_found_or_of_no_use(void **state)
{
    struct fixture *f = *state;

    given_state(f);
    given_copy(f);
    turn_each(f, "state", "data.mdb", 0, end_of(f, "state", "data.mdb"), stride_of(STRIDE_STATE));
    assert_true(f->counts[FOUND] > 0);
}

static void a_turned_bit_of_a_closed_segment_is_found(void **state)
{
    struct fixture *f = *state;
    const char *name = "00000000000000000001.seg";

    given_segments(f);
    given_copy(f);
    /* The fields of its head, and all its batches. */
    turn_each(f, "journal", name, 0, 104, 7);
    assert_int_equal(f->counts[UNUSED], 0);
    turn_each(f, "journal", name, SEGMENT_HEADER_BYTES, end_of(f, "journal", name), STRIDE_JOURNAL);
    assert_int_equal(f->counts[UNUSED], 0);
    /* The rest of its head is zeros that nobody reads. */
    turn_each(f, "journal", name, 104, SEGMENT_HEADER_BYTES, 997);
    assert_int_equal(f->counts[FOUND], 0);
}

static void a_turned_bit_of_an_index_is_of_no_use(void **state)
{
    struct fixture *f = *state;
    const char *name = "00000000000000000001.idx";

    given_segments(f);
    given_copy(f);
    /* It has a digest, and is made again. */
    turn_each(f, "journal", name, 0, end_of(f, "journal", name), STRIDE_INDEX);
    assert_int_equal(f->counts[FOUND], 0);
}

static void a_turned_bit_behind_the_last_batch_is_of_no_use_or_found(void **state)
{
    struct fixture *f = *state;
    const char *name = "00000000000000000001.seg";

    given_state(f);
    given_copy(f);
    size_t end = end_of(f, "journal", name);
    /* So near it is taken for a batch that was never finished, and cut off; far behind there was never a write. */
    turn_each(f, "journal", name, end, end + 4096, 401);
    assert_int_equal(f->counts[FOUND], 0);
    turn_each(f, "journal", name, end + BATCH_BYTES_MAX, SEGMENT_BYTES_MIN, 500009);
    assert_int_equal(f->counts[UNUSED], 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_turned_bit_of_the_state_is_found_or_of_no_use),
        TEST(a_turned_bit_of_a_closed_segment_is_found),
        TEST(a_turned_bit_of_an_index_is_of_no_use),
        TEST(a_turned_bit_behind_the_last_batch_is_of_no_use_or_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
