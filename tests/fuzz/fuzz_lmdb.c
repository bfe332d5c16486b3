/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_lmdb.c - a state's data.mdb, damaged, is opened and read through kv and rows: an error, or what was written. */
/*
 * liblmdb trusts its file: it follows a page number that points nowhere, and dies. That is not ours to mend, and it harms nothing
 * but the process: nobody was told anything, and the state is built again from the journal. So each input runs in a child; when it dies, where
 * it died decides: within liblmdb it is counted; within our code, or by reading forever, it is a finding, as is a row that is taken and was
 * never written. (One that was deleted or replaced can come back when the head of its page is damaged: its digest is right. Verify finds it.)
 *
 * The first byte: bit 0, a state that is written to, else only read; the rest is edits (edit.h).
 */
#include "tests/fuzz/fuzz.h"

#include "daemon/store/segment.h"
#include "daemon/store/state.h"
#include "daemon/store/store.h"
#include "tests/fuzz/edit.h"
#include "tests/support/folder.h"
#include "tests/support/scribe.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEPS 250
#define MAP_BYTES (64ull * 1024 * 1024)
#define SEGMENT_BYTES (4ull * 1024 * 1024)
#define ROWS_MAX 20000
#define FRAMES_MAX 64
#define CHILD_S 10 /* a child that takes so long reads forever */

enum ended { ENDED_WELL = 0, ENDED_IN_LMDB = 40, ENDED_IN_OURS = 41, ENDED_FOREVER = 42 };

void __real_kv_put(struct kv *kv, enum kv_table table, struct slice key, struct slice value);
void __wrap_kv_put(struct kv *kv, enum kv_table table, struct slice key, struct slice value);

/** A row as it was written, once. */
struct row {
    enum kv_table table;
    struct hash hash; /* of key and value */
};

static struct folder folder;
static struct folder state_dir;
static uint8_t journal_id[16];
static uint8_t *good;
static size_t good_len; /* up to its last page; behind that the file is empty */
static size_t file_len;
static uint8_t *damaged;
static struct row rows[ROWS_MAX];
static uint32_t rows_count;
static uint64_t counted[2]; /* children that ended by themselves; that died in liblmdb */

int fuzz_vector(const char *name)
{
    (void)name;
    return -1;
}

/* ---- a good one ---- */

static struct hash hash_of(enum kv_table table, struct slice key, struct slice value)
{
    struct hash hash = {{(uint8_t)table}};

    hash = segment_hash_entry(&hash, key);
    return segment_hash_entry(&hash, value);
}

void __wrap_kv_put(struct kv *kv, enum kv_table table, struct slice key, struct slice value)
{
    CHECK(rows_count < ROWS_MAX);
    rows[rows_count++] = (struct row){table, hash_of(table, key, value)};
    __real_kv_put(kv, table, key, value);
}

/* kv_create() writes it without kv_put()'s being seen from here. */
static void note_first_row(void)
{
    struct kv *kv;
    struct slice key = {.len = 0};
    struct slice value;

    CHECK(kv_open(&kv, state_dir.path, MAP_BYTES, true) == STATUS_OK);
    CHECK(kv_next(kv, KV_META, key, &key, &value));
    rows[rows_count++] = (struct row){KV_META, hash_of(KV_META, key, value)};
    kv_close(kv);
}

static void fill(void)
{
    struct store_options options = {
        .dir = folder.path, .segment_bytes = SEGMENT_BYTES, .map_bytes = MAP_BYTES};
    struct store_report report;
    struct store *store;
    struct scribe scribe;
    char text[400];

    CHECK(store_open(&store, &options, &report, text, sizeof text) == STATUS_OK);
    store_close(store);
    note_first_row();
    CHECK(store_open(&store, &options, &report, text, sizeof text) == STATUS_OK);
    scribe_init(&scribe, store, 7);
    (void)scribe_start(&scribe);
    for (uint32_t i = 0; i < STEPS; i++) {
        scribe_step(&scribe);
        if (i % 16 == 0)
            CHECK(store_flush(store) == STATUS_OK);
    }
    CHECK(store_flush(store) == STATUS_OK);
    CHECK(store_commit(store) == STATUS_OK);
    store_journal_id(store, journal_id);
    scribe_clear(&scribe);
    store_close(store);
}

static void measure(void)
{
    struct kv *kv;

    CHECK(kv_open(&kv, state_dir.path, MAP_BYTES, true) == STATUS_OK);
    good_len = (size_t)kv_used_bytes(kv);
    kv_close(kv);
}

static void remove_folder(void)
{
    folder_remove(&folder);
}

static int by_hash(const void *a, const void *b)
{
    const struct row *x = a;
    const struct row *y = b;

    return x->table != y->table ? (x->table < y->table ? -1 : 1)
                                : memcmp(x->hash.bytes, y->hash.bytes, HASH_BYTES);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    folder = folder_new();
    CHECK(atexit(remove_folder) == 0);
    state_dir = folder_of(&folder, "state");
    fill();
    measure();
    qsort(rows, rows_count, sizeof *rows, by_hash);
    struct folder data = folder_of(&state_dir, "data.mdb");
    good = folder_load(data.path, &file_len);
    CHECK(good_len > 0 && good_len <= file_len);
    damaged = malloc(good_len);
    CHECK(damaged != NULL);
    return 0;
}

/* ---- the child ---- */

static bool in_lmdb(void *address)
{
    Dl_info info;

    return dladdr(address, &info) != 0 && info.dli_fname != NULL &&
           strstr(info.dli_fname, "liblmdb") != NULL;
}

/**
 * Who died: the innermost frame that is liblmdb's, or ours (this program's own). A memcpy stands in this program too where a sanitizer takes
 * its place: so the two innermost frames are looked at.
 */
static void died(int signal)
{
    void *frames[FRAMES_MAX];
    int count = backtrace(frames, FRAMES_MAX);
    int seen = 0;

    (void)signal;
    /* 0 is this function, 1 the kernel's return; abort() and raise() of libc may follow. */
    for (int i = 2; i < count && seen < 3; i++) {
        Dl_info info;
        bool known = dladdr(frames[i], &info) != 0 && info.dli_fname != NULL;
        if (known && strstr(info.dli_fname, "libc.so") != NULL)
            continue;
        if (in_lmdb(frames[i]))
            _exit(ENDED_IN_LMDB);
        seen++;
    }
    _exit(ENDED_IN_OURS);
}

static void forever(int signal)
{
    void *frames[FRAMES_MAX];
    int count = backtrace(frames, FRAMES_MAX);

    (void)signal;
    for (int i = 2; i < count; i++) {
        if (in_lmdb(frames[i]))
            _exit(ENDED_IN_LMDB);
    }
    _exit(ENDED_FOREVER);
}

static void catch_signals(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
    static uint8_t stack[256 * 1024];
    stack_t other = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_handler = died, .sa_flags = SA_ONSTACK};

    CHECK(sigaltstack(&other, NULL) == 0);
    for (size_t i = 0; i < ARRAY_LEN(signals); i++)
        CHECK(sigaction(signals[i], &action, NULL) == 0);
    action.sa_handler = forever;
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    (void)alarm(CHILD_S);
}

static bool was_written(enum kv_table table, struct slice key, struct slice value)
{
    struct hash hash = hash_of(table, key, value);

    struct row row = {table, hash};

    return bsearch(&row, rows, rows_count, sizeof row, by_hash) != NULL;
}

/** Every row as it stands: whose digest checks, was written. */
static void read_raw(struct kv *kv)
{
    for (uint32_t table = 0; table < KV_TABLES; table++) {
        struct slice key = {.len = 0};
        struct slice value;
        struct slice payload;
        while (kv_next(kv, (enum kv_table)table, key, &key, &value)) {
            if (record_open(value, (enum kv_table)table, key, &payload))
                CHECK(was_written((enum kv_table)table, key, value));
        }
    }
}

/** Every row as the broker reads it, each kind until there is none or one is damaged. */
static void read_rows(struct rows *all)
{
    struct workflow workflow = {.number = 0};
    struct open_row open = {.open = {.seq = 0}};
    struct organisation organisation = {.known = false};
    struct ledger_year year = {.year = 0};
    struct key_row key = {.principal = {.key_seq = 0}};
    struct wait wait = {.kind = WAIT_NONE};
    uint64_t seq = 0;
    int64_t due_ms = INT64_MIN;
    uint64_t due_seq = 0;

    while (rows_next_workflow(all, workflow.number, &workflow)) {
        struct seen seen;
        (void)rows_get_seen(all, workflow.number, scribe_id(seq++), &seen);
    }
    seq = 0;
    while (rows_next_open(all, open.open.seq, &open))
        CHECK(open.open.seq > 0);
    while (rows_next_wait(all, &wait, &seq))
        continue;
    while (rows_next_due(all, &due_ms, &due_seq))
        continue;
    while (rows_next_organisation(all, organisation.ods, 20000, &organisation))
        continue;
    while (rows_next_ledger(all, year.ods, year.year, &year))
        continue;
    while (rows_next_key(all, key.principal.key_seq, &key))
        continue;
}

static void child(bool written)
{
    struct state *state;
    struct kv *kv;
    bool created;
    char text[STATE_TEXT_SIZE];

    catch_signals();
    if (kv_open(&kv, state_dir.path, MAP_BYTES, true) == STATUS_OK) {
        read_raw(kv);
        kv_close(kv);
    }
    if (state_open(&state, state_dir.path, folder.path, MAP_BYTES, journal_id, !written, &created,
                   text) != STATUS_OK)
        _exit(ENDED_WELL);
    read_rows(state_rows(state));
    if (written) {
        struct workflow workflow;
        if (rows_next_workflow(state_rows(state), 0, &workflow))
            rows_put_workflow(state_rows(state), &workflow, false);
        if (state_commit(state) == STATUS_OK)
            CHECK(state_failure(state) == STATUS_OK);
    }
    state_close(state);
    _exit(ENDED_WELL);
}

/* ---- the parent ---- */

static void write_damaged(void)
{
    struct folder data = folder_of(&state_dir, "data.mdb");
    int fd = open(data.path, O_WRONLY | O_TRUNC | O_CLOEXEC);

    CHECK(fd >= 0);
    CHECK(pwrite(fd, damaged, good_len, 0) == (ssize_t)good_len);
    CHECK(ftruncate(fd, (off_t)file_len) == 0);
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int ended = 0;

    if (size == 0)
        return 0;
    memcpy(damaged, good, good_len);
    edit_all(data + 1, size - 1, damaged, good_len);
    write_damaged();
    fflush(NULL);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        child(data[0] % 2 == 1);
    while (waitpid(pid, &ended, 0) < 0)
        CHECK(errno == EINTR);
    int code = WIFEXITED(ended) ? WEXITSTATUS(ended) : 1000 + WTERMSIG(ended);
    if (code != ENDED_WELL && code != ENDED_IN_LMDB)
        fprintf(stderr, "the child ended with %d\n", code);
    CHECK(code == ENDED_WELL || code == ENDED_IN_LMDB);
    counted[code == ENDED_IN_LMDB]++;
    if ((counted[0] + counted[1]) % 5000 == 0)
        fprintf(stderr, "%llu children, %llu died in liblmdb\n",
                (unsigned long long)(counted[0] + counted[1]), (unsigned long long)counted[1]);
    return 0;
}
