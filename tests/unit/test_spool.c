/* SPDX-License-Identifier: Apache-2.0 */
/* test_spool.c - the spool: each file call fails once, or is the process's last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clients/lib/spool.h"
#include "tests/support/fake_daemon.h"
#include "tests/support/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 10000
#define CALLS_MAX 400 /* more than any scenario makes */
#define EVENTS_MAX 8
#define NOTED_MAX 8192
#define KILLED 9

/* ---- the calls ---- */

static struct {
    uint32_t at;    /* the call that fails, from 1; 0: none */
    uint32_t calls; /* so far */
    bool kills;     /* it does not fail: the process is gone before it */
    bool fired;
    char order[64]; /* of the first calls: o w s r u m */
    uint32_t order_len;
} plan;

int __real_openat(int folder, const char *name, int flags, ...);
int __wrap_openat(int folder, const char *name, int flags, mode_t mode);
ssize_t __real_write(int fd, const void *bytes, size_t len);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_renameat(int from_folder, const char *from, int to_folder, const char *to);
int __wrap_renameat(int from_folder, const char *from, int to_folder, const char *to);
int __real_unlinkat(int folder, const char *name, int flags);
int __wrap_unlinkat(int folder, const char *name, int flags);
int __real_mkdirat(int folder, const char *name, mode_t mode);
int __wrap_mkdirat(int folder, const char *name, mode_t mode);

/* True: this call fails. */
static bool fails(char kind)
{
    if (plan.order_len < sizeof plan.order - 1)
        plan.order[plan.order_len++] = kind;
    if (plan.at == 0 || ++plan.calls != plan.at)
        return false;
    plan.fired = true;
    if (plan.kills)
        _exit(KILLED);
    errno = EIO;
    return true;
}

int __wrap_openat(int folder, const char *name, int flags, mode_t mode)
{
    return fails('o') ? -1 : __real_openat(folder, name, flags, mode);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t len)
{
    if (!fails('w'))
        return __real_write(fd, bytes, len);
    (void)!__real_write(fd, bytes, len / 2);
    return -1;
}

int __wrap_fsync(int fd)
{
    return fails('s') ? -1 : __real_fsync(fd);
}

int __wrap_renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    return fails('r') ? -1 : __real_renameat(from_folder, from, to_folder, to);
}

int __wrap_unlinkat(int folder, const char *name, int flags)
{
    return fails('u') ? -1 : __real_unlinkat(folder, name, flags);
}

int __wrap_mkdirat(int folder, const char *name, mode_t mode)
{
    return fails('m') ? -1 : __real_mkdirat(folder, name, mode);
}

static void given_plan(uint32_t at, bool kills)
{
    memset(&plan, 0, sizeof plan);
    plan.at = at;
    plan.kills = kills;
}

/* ---- events, and a daemon that notes them ---- */

struct noted {
    uint32_t number;
    char workflow;
};

struct notes {
    struct noted noted[NOTED_MAX];
    uint32_t count;
    uint32_t busy_every;     /* each so-many-th event is BUSY; 0: none */
    uint32_t seen;           /* of those */
    enum reason_code refuse; /* the events whose number is odd, with this; REASON_COUNT: none */
    bool silent;
    bool hang_up; /* answer the first frame only */
    uint32_t frames;
};

struct fixture {
    struct folder folder;
    char path[FOLDER_PATH_SIZE];
    struct fake *fake;
    struct notes notes;
    struct commission *connection;
    struct commission_spool *spool;
    uint8_t bytes[EVENTS_MAX][64];
    struct slice events[EVENTS_MAX];
    uint32_t answers;
};

/* Event @number (in the last bytes of its id) of the workflow 02E/@workflow. */
static struct slice event_of(uint8_t *ret, uint32_t number, char workflow)
{
    uint8_t event[] = {0x0a, 16, 1, 0x90, 0, 0,    0, 0,   0,   0,   0,    0, 0,
                       0,    0,  0, 0,    0, 0x1a, 3, '0', '2', 'E', 0x22, 1, (uint8_t)workflow};

    memcpy(event + 14, &number, sizeof number);
    memcpy(ret, event, sizeof event);
    return (struct slice){ret, sizeof event};
}

static uint32_t number_in(struct event_id id)
{
    uint32_t number;

    memcpy(&number, id.bytes + 12, sizeof number);
    return number;
}

static void take(struct notes *notes, struct fake *fake, struct slice bytes)
{
    struct answer answer = {.kind = ANSWER_RECEIPT, .id_known = true, .seq = 7};
    struct reason reason;
    struct reasons reasons = {.items = &reason, .max = 1};

    memcpy(answer.event_id.bytes, bytes.bytes + 2, EVENT_ID_BYTES);
    uint32_t number = number_in(answer.event_id);
    if (notes->busy_every != 0 && ++notes->seen % notes->busy_every == 0) {
        reasons_add(&reasons, REASON_BUSY, NULL, NULL, NULL, NULL);
        answer.retry_after_ms = 1;
    } else if (notes->refuse != REASON_COUNT && number % 2 == 1) {
        reasons_add(&reasons, notes->refuse, NULL, "note.text", "x", NULL);
    } else if (notes->count < NOTED_MAX) {
        notes->noted[notes->count++] = (struct noted){number, (char)bytes.bytes[bytes.len - 1]};
    }
    if (reasons.count > 0) {
        answer.kind = ANSWER_REFUSED;
        answer.seq = 0;
        answer.reasons = &reason;
        answer.reasons_count = 1;
    }
    codec_put_answer(fake_buffer(fake), &answer);
}

static void handle(struct fake *fake, const struct frame *frame, void *arg)
{
    struct notes *notes = arg;
    const struct slice *events;
    uint32_t count;

    if (frame->kind != MESSAGE_EVENTS || notes->silent || (notes->hang_up && notes->frames++ > 0))
        return;
    CHECK(codec_split_events(frame->body, fake_arena(fake), &events, &count) == STATUS_OK);
    for (uint32_t i = 0; i < count; i++)
        take(notes, fake, events[i]);
    fake_send(fake, frame, MESSAGE_ANSWERS, (uint16_t)count);
}

/* ---- fixture ---- */

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    given_plan(0, false);
    f->folder = folder_new();
    snprintf(f->path, sizeof f->path, "%s", folder_of(&f->folder, "spool").path);
    f->fake = fake_new();
    f->notes.refuse = REASON_COUNT;
    for (uint32_t i = 0; i < EVENTS_MAX; i++)
        f->events[i] = event_of(f->bytes[i], i, i % 3 == 0 ? 'a' : 'b');
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    given_plan(0, false);
    commission_spool_close(f->spool);
    commission_close(f->connection);
    fake_free(f->fake);
    folder_remove(&f->folder);
    free(f);
    return 0;
}

static void given_spool(struct fixture *f)
{
    f->spool = commission_spool_close(f->spool);
    assert_int_equal(commission_spool_open(&f->spool, f->path), STATUS_OK);
}

static void given_connection(struct fixture *f)
{
    const struct commission_options options = {.endpoint = fake_endpoint(f->fake), .plain = true};

    f->connection = commission_close(f->connection);
    assert_int_equal(commission_open(&f->connection, &options), STATUS_OK);
}

static void count_answer(void *ctx, const struct commission_spooled *event,
                         const struct answer *answer)
{
    struct fixture *f = ctx;

    assert_true(event_id_equal(event->id, answer->event_id));
    f->answers++;
}

static enum status when_flushed(struct fixture *f, int64_t timeout_ms)
{
    return commission_spool_flush(f->spool, f->connection, COMMISSION_WAIT_RECEIPT, timeout_ms,
                                  count_answer, f);
}

static void ignore_answer(void *ctx, const struct commission_spooled *event,
                          const struct answer *answer)
{
    (void)ctx;
    (void)event;
    (void)answer;
}

/* The other program: flush the spool at @path, and end before the file call number @at. 0: there are fewer. */
static int flush_until(const char *path, const char *endpoint, uint32_t at)
{
    const struct commission_options options = {.endpoint = endpoint, .plain = true};
    struct commission_spool *spool = NULL;
    struct commission *connection = NULL;

    enum status status = commission_open(&connection, &options);
    if (status == STATUS_OK)
        status = commission_spool_open(&spool, path);
    if (status != STATUS_OK)
        return 1;
    given_plan(at, true);
    status = commission_spool_flush(spool, connection, COMMISSION_WAIT_RECEIPT, PATIENCE_MS,
                                    ignore_answer, NULL);
    _exit(status == STATUS_OK ? 0 : 1);
}

/* Flush in a process of its own, killed before its call number @at; a new program, since threads of ours hold locks. Returns its exit status. */
static int when_flushed_and_killed(struct fixture *f, uint32_t at)
{
    char number[16];
    int killed;

    snprintf(number, sizeof number, "%u", (unsigned)at);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        execl("/proc/self/exe", "test_spool", f->path, fake_endpoint(f->fake), number, NULL);
        _exit(1);
    }
    assert_int_equal(waitpid(child, &killed, 0), child);
    assert_true(WIFEXITED(killed));
    return WEXITSTATUS(killed);
}

static uint32_t listed(struct fixture *f, const struct commission_spooled **ret)
{
    uint32_t count;

    assert_int_equal(commission_spool_list(f->spool, ret, &count), STATUS_OK);
    return count;
}

/* The first @count events wait, in order, whole, and no others. */
static void expect_waiting(struct fixture *f, uint32_t count)
{
    const struct commission_spooled *events;
    struct slice bytes;

    assert_int_equal(listed(f, &events), count);
    for (uint32_t i = 0; i < count; i++) {
        assert_false(events[i].rejected);
        assert_int_equal(commission_spool_read(f->spool, &events[i], &bytes), STATUS_OK);
        assert_int_equal(bytes.len, f->events[i].len);
        assert_memory_equal(bytes.bytes, f->events[i].bytes, bytes.len);
    }
}

/* Of each workflow the numbers came in order; each at least once. */
static void expect_noted_in_order(const struct fixture *f, uint32_t count)
{
    bool seen[EVENTS_MAX] = {false};

    for (uint32_t i = 0; i < f->notes.count; i++) {
        const struct noted *noted = &f->notes.noted[i];
        for (uint32_t j = 0; j < noted->number; j++)
            assert_true(seen[j] || (j % 3 == 0) != (noted->workflow == 'a'));
        seen[noted->number] = true;
    }
    for (uint32_t i = 0; i < count; i++)
        assert_true(seen[i]);
}

/* ---- putting ---- */

static void what_is_put_is_there_when_it_is_opened_again(void **state)
{
    struct fixture *f = *state;
    given_spool(f);

    assert_int_equal(commission_spool_put(f->spool, f->events, 2), STATUS_OK);
    assert_int_equal(commission_spool_put(f->spool, f->events + 2, EVENTS_MAX - 2), STATUS_OK);
    given_spool(f);

    expect_waiting(f, EVENTS_MAX);
}

static void the_same_bytes_are_not_put_twice(void **state)
{
    struct fixture *f = *state;
    uint8_t other[64];
    given_spool(f);
    assert_int_equal(commission_spool_put(f->spool, f->events, 3), STATUS_OK);

    assert_int_equal(commission_spool_put(f->spool, f->events, 4), STATUS_OK);
    expect_waiting(f, 4);

    struct slice same_id = event_of(other, 3, 'c');
    const struct commission_spooled *events;
    assert_int_equal(commission_spool_put(f->spool, &same_id, 1), STATUS_OK);
    assert_int_equal(listed(f, &events), 5);
}

static void
an_event_is_flushed_before_it_has_its_name_and_the_folder_before_it_is_accepted(void **state)
{
    struct fixture *f = *state;
    given_spool(f);
    given_plan(0, false);

    assert_int_equal(commission_spool_put(f->spool, f->events, 2), STATUS_OK);

    /* look: two folders; twice: open, head, bytes, flush, rename; the folder. */
    assert_string_equal(plan.order, "oo"
                                    "owwsr"
                                    "owwsr"
                                    "s");
}

static void the_folder_is_ones_own(void **state)
{
    struct fixture *f = *state;
    struct stat about;
    given_spool(f);

    assert_int_equal(stat(f->path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0700);
    assert_int_equal(chmod(f->path, 0750), 0);
    struct commission_spool *other = NULL;
    assert_int_equal(commission_spool_open(&other, f->path), STATUS_REFUSED);
    assert_int_equal(chmod(f->path, 0700), 0);
    assert_int_equal(commission_spool_put(f->spool, f->events, 1), STATUS_OK);
    const struct commission_spooled *events;
    assert_int_equal(listed(f, &events), 1);
}

static void bytes_without_an_id_or_over_the_limit_are_not_put(void **state)
{
    struct fixture *f = *state;
    const struct commission_spooled *events;
    uint8_t *large = calloc(1, EVENT_BYTES_MAX + 1);
    given_spool(f);

    struct slice no_id = {(const uint8_t *)"\x1a\x03"
                                           "02E",
                          5};
    assert_int_equal(commission_spool_put(f->spool, &no_id, 1), STATUS_MALFORMED);
    struct slice too_large = {large, EVENT_BYTES_MAX + 1};
    assert_int_equal(commission_spool_put(f->spool, &too_large, 1), STATUS_TOO_LARGE);
    assert_int_equal(listed(f, &events), 0);
    free(large);
}

static void put_again_after_any_call_has_failed_all_are_there_once(void **state)
{
    struct fixture *f = *state;
    uint32_t failures = 0;

    for (uint32_t at = 1; at < CALLS_MAX; at++) {
        given_plan(at, false);
        enum status status = commission_spool_open(&f->spool, f->path);
        if (status == STATUS_OK)
            status = commission_spool_put(f->spool, f->events, 3);
        bool fired = plan.fired;
        given_plan(0, false);
        assert_true(fired || status == STATUS_OK);
        failures += status != STATUS_OK;
        /* A lock that cannot be taken, or a tidying up that fails, is no failure of the put. */
        given_spool(f);
        assert_int_equal(commission_spool_put(f->spool, f->events, 3), STATUS_OK);
        expect_waiting(f, 3);
        f->spool = commission_spool_close(f->spool);
        folder_clear(&f->folder, "spool");
        if (!fired)
            break;
        assert_true(at < CALLS_MAX - 1);
    }
    assert_true(failures >= 15);
}

static void killed_at_any_call_of_a_put_what_is_there_is_whole_and_in_order(void **state)
{
    struct fixture *f = *state;
    int killed = KILLED;

    for (uint32_t at = 1; killed == KILLED && at < CALLS_MAX; at++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            given_plan(at, true);
            bool put = commission_spool_open(&f->spool, f->path) == STATUS_OK &&
                       commission_spool_put(f->spool, f->events, 3) == STATUS_OK;
            _exit(put ? 0 : 1);
        }
        assert_int_equal(waitpid(child, &killed, 0), child);
        killed = WEXITSTATUS(killed);
        given_spool(f);
        const struct commission_spooled *events;
        expect_waiting(f, listed(f, &events));
        assert_int_equal(commission_spool_put(f->spool, f->events, 3), STATUS_OK);
        expect_waiting(f, 3);
        f->spool = commission_spool_close(f->spool);
        folder_clear(&f->folder, "spool");
    }
    assert_int_equal(killed, 0);
}

static void a_number_does_not_come_twice(void **state)
{
    struct fixture *f = *state;
    const struct commission_spooled *events;
    given_spool(f);
    assert_int_equal(commission_spool_put(f->spool, f->events, 3), STATUS_OK);
    assert_int_equal(listed(f, &events), 3);
    uint64_t last = events[2].number;
    struct commission_spooled gone[3];
    memcpy(gone, events, sizeof gone);
    for (int i = 0; i < 3; i++)
        assert_int_equal(commission_spool_discard(f->spool, &gone[i]), STATUS_OK);
    assert_int_equal(commission_spool_discard(f->spool, &gone[0]), STATUS_NOT_FOUND);

    assert_int_equal(commission_spool_put(f->spool, f->events, 1), STATUS_OK);

    assert_int_equal(listed(f, &events), 1);
    assert_true(events[0].number > last);
}

/* ---- flushing ---- */

static void all_that_waits_is_sent_and_gone(void **state)
{
    struct fixture *f = *state;
    fake_start(f->fake, false, handle, &f->notes);
    given_spool(f);
    given_connection(f);
    assert_int_equal(commission_spool_put(f->spool, f->events, EVENTS_MAX), STATUS_OK);

    assert_int_equal(when_flushed(f, PATIENCE_MS), STATUS_OK);

    fake_stop(f->fake);
    expect_waiting(f, 0);
    expect_noted_in_order(f, EVENTS_MAX);
    assert_int_equal(f->notes.count, EVENTS_MAX);
    assert_int_equal(f->answers, EVENTS_MAX);
}

static void busy_does_not_change_the_order_within_a_workflow(void **state)
{
    struct fixture *f = *state;
    f->notes.busy_every = 2;
    fake_start(f->fake, false, handle, &f->notes);
    given_spool(f);
    given_connection(f);
    assert_int_equal(commission_spool_put(f->spool, f->events, EVENTS_MAX), STATUS_OK);

    assert_int_equal(when_flushed(f, PATIENCE_MS), STATUS_OK);

    fake_stop(f->fake);
    expect_waiting(f, 0);
    expect_noted_in_order(f, EVENTS_MAX);
}

static void what_is_refused_for_good_is_kept_aside_with_its_reasons(void **state)
{
    struct fixture *f = *state;
    const struct commission_spooled *events;
    struct slice bytes;
    f->notes.refuse = REASON_FIELD_INVALID;
    fake_start(f->fake, false, handle, &f->notes);
    given_spool(f);
    given_connection(f);
    assert_int_equal(commission_spool_put(f->spool, f->events, EVENTS_MAX), STATUS_OK);

    assert_int_equal(when_flushed(f, PATIENCE_MS), STATUS_OK);

    fake_stop(f->fake);
    assert_int_equal(listed(f, &events), EVENTS_MAX / 2);
    assert_int_equal(f->notes.count, EVENTS_MAX / 2);
    for (uint32_t i = 0; i < EVENTS_MAX / 2; i++) {
        assert_true(events[i].rejected);
        assert_int_equal(number_in(events[i].id), 2 * i + 1);
        assert_string_equal(events[i].error, "FIELD_INVALID");
    }
    assert_int_equal(commission_spool_read(f->spool, &events[0], &bytes), STATUS_OK);
    assert_memory_equal(bytes.bytes, f->events[1].bytes, bytes.len);
    assert_int_equal(commission_spool_discard(f->spool, &events[0]), STATUS_OK);
    assert_int_equal(listed(f, &events), EVENTS_MAX / 2 - 1);
}

static void a_key_that_is_not_known_ends_the_flush_and_loses_nothing(void **state)
{
    struct fixture *f = *state;
    const struct commission_spooled *events;
    f->notes.refuse = REASON_SENDER_UNKNOWN;
    fake_start(f->fake, false, handle, &f->notes);
    given_spool(f);
    given_connection(f);
    assert_int_equal(commission_spool_put(f->spool, f->events + 1, 1), STATUS_OK);

    assert_int_equal(when_flushed(f, PATIENCE_MS), STATUS_REFUSED);
    assert_int_equal(when_flushed(f, PATIENCE_MS), STATUS_REFUSED);

    assert_int_equal(listed(f, &events), 1);
    assert_false(events[0].rejected);
    assert_int_equal(events[0].tries, 2);
    assert_string_equal(events[0].error, "SENDER_UNKNOWN");
    fake_stop(f->fake);
    f->notes.refuse = REASON_COUNT;
    fake_start(f->fake, false, handle, &f->notes);
    assert_int_equal(when_flushed(f, PATIENCE_MS), STATUS_OK);
    expect_waiting(f, 0);
}

static void nobody_there_or_no_answer_is_said_and_counted(void **state)
{
    struct fixture *f = *state;
    const struct commission_spooled *events;
    given_spool(f);
    given_connection(f);
    assert_int_equal(commission_spool_put(f->spool, f->events, 2), STATUS_OK);

    assert_int_equal(when_flushed(f, 20), STATUS_UNREACHABLE);
    assert_int_equal(listed(f, &events), 2);
    assert_int_equal(events[0].tries, 1);
    assert_string_equal(events[0].error, "UNREACHABLE");
    assert_true(events[0].tried_at_ms >= events[0].put_at_ms);

    f->notes.silent = true;
    fake_start(f->fake, false, handle, &f->notes);
    assert_int_equal(when_flushed(f, 1000), STATUS_TIMED_OUT);
    given_spool(f);
    assert_int_equal(listed(f, &events), 2);
    assert_int_equal(events[0].tries, 2);
    assert_string_equal(events[0].error, "TIMED_OUT");

    /* The same connection remembers them: nothing is sent beside itself. */
    fake_stop(f->fake);
    f->notes.silent = false;
    fake_start(f->fake, false, handle, &f->notes);
    assert_int_equal(when_flushed(f, PATIENCE_MS), STATUS_OK);
    expect_waiting(f, 0);
}

static void one_process_sends_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct commission_spool *other;
    given_spool(f);
    given_connection(f);
    assert_int_equal(commission_spool_open(&other, f->path), STATUS_OK);
    assert_int_equal(spool_lock_flush(other), STATUS_OK);

    assert_int_equal(commission_spool_put(f->spool, f->events, 1), STATUS_OK);
    assert_int_equal(when_flushed(f, 0), STATUS_LOCKED);
    const struct commission_spooled *events;
    assert_int_equal(listed(f, &events), 1);
    assert_int_equal(commission_spool_discard(f->spool, &events[0]), STATUS_LOCKED);

    commission_spool_close(other);
}

static void a_damaged_file_is_not_sent_but_kept_aside(void **state)
{
    struct fixture *f = *state;
    const struct commission_spooled *events;
    char path[2 * FOLDER_PATH_SIZE];
    fake_start(f->fake, false, handle, &f->notes);
    given_spool(f);
    given_connection(f);
    assert_int_equal(commission_spool_put(f->spool, f->events, 2), STATUS_OK);
    assert_int_equal(listed(f, &events), 2);
    char id[EVENT_ID_TEXT_SIZE];
    event_id_print(events[0].id, id);
    snprintf(path, sizeof path, "%s/%020llu-%013lld-%.8s%.4s%.4s%.4s%s.event", f->path,
             (unsigned long long)events[0].number, (long long)events[0].put_at_ms, id, id + 9,
             id + 14, id + 19, id + 24);
    folder_write(path, "!", 1, 30);

    assert_int_equal(when_flushed(f, PATIENCE_MS), STATUS_MALFORMED);

    assert_int_equal(listed(f, &events), 1);
    assert_true(events[0].rejected);
    assert_string_equal(events[0].error, "DAMAGED");
    fake_stop(f->fake);
    assert_int_equal(f->notes.count, 1);
}

static void killed_at_any_call_of_a_flush_nothing_is_lost_and_the_order_stays(void **state)
{
    struct fixture *f = *state;
    int killed = KILLED;
    uint32_t kills = 0;

    for (uint32_t at = 1; killed == KILLED && at < CALLS_MAX; at++) {
        f->notes.refuse = REASON_COUNT;
        f->notes.count = 0;
        fake_start(f->fake, false, handle, &f->notes);
        given_spool(f);
        assert_int_equal(commission_spool_put(f->spool, f->events, 5), STATUS_OK);
        killed = when_flushed_and_killed(f, at);
        kills += killed == KILLED;
        given_connection(f);
        assert_int_equal(when_flushed(f, PATIENCE_MS), STATUS_OK);
        fake_stop(f->fake);
        expect_waiting(f, 0);
        expect_noted_in_order(f, 5);
    }
    assert_int_equal(killed, 0);
    assert_true(kills >= 15);
}

static void killed_while_one_is_set_aside_it_is_sent_again_or_aside_with_its_reasons(void **state)
{
    struct fixture *f = *state;
    int killed = KILLED;

    f->notes.refuse = REASON_FIELD_INVALID;
    fake_start(f->fake, false, handle, &f->notes);
    for (uint32_t at = 1; killed == KILLED && at < CALLS_MAX; at++) {
        const struct commission_spooled *events;
        given_spool(f);
        assert_int_equal(commission_spool_put(f->spool, f->events + 1, 1), STATUS_OK);
        killed = when_flushed_and_killed(f, at);
        assert_int_equal(listed(f, &events), 1);
        assert_true(!events[0].rejected || strcmp(events[0].error, "FIELD_INVALID") == 0);
        given_connection(f);
        assert_int_equal(when_flushed(f, PATIENCE_MS), STATUS_OK);
        assert_int_equal(listed(f, &events), 1);
        assert_true(events[0].rejected);
        folder_clear(&f->folder, "spool");
    }
    assert_int_equal(killed, 0);
}

static void when_any_call_of_a_flush_fails_the_next_flush_sends_what_is_left(void **state)
{
    struct fixture *f = *state;
    bool fired = true;

    for (uint32_t at = 1; fired && at < CALLS_MAX; at++) {
        f->notes.count = 0;
        fake_start(f->fake, false, handle, &f->notes);
        given_spool(f);
        given_connection(f);
        assert_int_equal(commission_spool_put(f->spool, f->events, 4), STATUS_OK);
        given_plan(at, false);
        enum status status = when_flushed(f, PATIENCE_MS);
        fired = plan.fired;
        given_plan(0, false);
        assert_true(fired || status == STATUS_OK);
        given_connection(f);
        assert_int_equal(when_flushed(f, PATIENCE_MS), STATUS_OK);
        fake_stop(f->fake);
        expect_waiting(f, 0);
        expect_noted_in_order(f, 4);
    }
    assert_false(fired);
}

int main(int argc, char **argv)
{
    if (argc == 4)
        return flush_until(argv[1], argv[2], (uint32_t)strtoul(argv[3], NULL, 10));
#define SPOOL_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        SPOOL_TEST(what_is_put_is_there_when_it_is_opened_again),
        SPOOL_TEST(the_same_bytes_are_not_put_twice),
        SPOOL_TEST(an_event_is_flushed_before_it_has_its_name_and_the_folder_before_it_is_accepted),
        SPOOL_TEST(the_folder_is_ones_own),
        SPOOL_TEST(bytes_without_an_id_or_over_the_limit_are_not_put),
        SPOOL_TEST(put_again_after_any_call_has_failed_all_are_there_once),
        SPOOL_TEST(killed_at_any_call_of_a_put_what_is_there_is_whole_and_in_order),
        SPOOL_TEST(a_number_does_not_come_twice),
        SPOOL_TEST(all_that_waits_is_sent_and_gone),
        SPOOL_TEST(busy_does_not_change_the_order_within_a_workflow),
        SPOOL_TEST(what_is_refused_for_good_is_kept_aside_with_its_reasons),
        SPOOL_TEST(a_key_that_is_not_known_ends_the_flush_and_loses_nothing),
        SPOOL_TEST(nobody_there_or_no_answer_is_said_and_counted),
        SPOOL_TEST(one_process_sends_at_a_time),
        SPOOL_TEST(a_damaged_file_is_not_sent_but_kept_aside),
        SPOOL_TEST(killed_at_any_call_of_a_flush_nothing_is_lost_and_the_order_stays),
        SPOOL_TEST(killed_while_one_is_set_aside_it_is_sent_again_or_aside_with_its_reasons),
        SPOOL_TEST(when_any_call_of_a_flush_fails_the_next_flush_sends_what_is_left),
    };
#undef SPOOL_TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
