/* SPDX-License-Identifier: Apache-2.0 */
/* Real workers that hang, die and are drained, on the real daemon: their work goes to others, and is not tried for ever. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/cases.h"
#include "tests/support/fake_daemon.h"

#define ANSWER_MS 30000
#define STATUS_MS 30000
#define KILLED (128 + SIGKILL)
#define DEATHS_MAX (2 * ATTEMPTS_MAX)
#define HASTY "COMMISSION_HASTY_DIR" /* where the daemon with small backoffs is */

struct fixture {
    struct instance instance;
    struct cases cases;
    struct commission *sender;
    struct commission *first;
    pid_t stopped; /* a worker that is to be ended after all */
};

static char *own_path; /* of this program */

/* ---- a worker that dies of what it is given ---- */

/** Join, take assignments (libcommission accepts them), and die. */
static int die_of_assignments(const char *endpoint)
{
    struct commission *commission = NULL;
    struct commission_options options = {.endpoint = endpoint, .plain = true};
    struct hello hello = {
        .stages = {STAGE_NEEDS_ASSESSED}, .stages_count = 1, .name = "mortal", .capacity = 4};
    struct welcome welcome;
    const struct assignment *assignments;
    uint32_t count;

    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (commission_open(&commission, &options) != STATUS_OK ||
        commission_join(commission, &hello, ANSWER_MS, &welcome) != STATUS_OK ||
        commission_assignments(commission, ANSWER_MS, &assignments, &count) != STATUS_OK)
        return 1;
    return raise(SIGKILL);
}

static pid_t spawn_mortal(struct fixture *f)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char *argv[] = {own_path, (char[]){"--die"}, f->instance.workers, NULL};
        execv("/proc/self/exe", argv);
        _exit(127);
    }
    return pid;
}

/* ---- the fixture ---- */

static int begin(void **state, const char *bin)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    instance_make(&f->instance, bin, "segment_bytes = 4194304\nmap_bytes = 67108864\n");
    if (!instance_start(&f->instance))
        return -1;
    cases_begin(&f->cases, &f->instance, 1);
    f->sender = cases_connect(&f->instance, &f->cases.lead, 0);
    f->first = cases_connect(&f->instance, &f->instance.first, 0);
    return 0;
}

static int setup(void **state)
{
    return begin(state, NULL);
}

static int setup_hasty(void **state)
{
    return begin(state, getenv(HASTY));
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    commission_close(f->sender);
    commission_close(f->first);
    if (f->stopped > 0) {
        (void)kill(f->stopped, SIGKILL);
        (void)instance_wait(f->stopped);
    }
    instance_end(&f->instance);
    free(f);
    return 0;
}

/* ---- given, when, then ---- */

static int64_t now_ms(void)
{
    struct timespec now;
    assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &now), 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/** Ask for "server status" until its @name is @wanted at least. */
static void expect_status(struct fixture *f, const char *name, int64_t wanted)
{
    int64_t until_ms = now_ms() + STATUS_MS;
    int64_t found = cases_status(f->first, name);

    while (found < wanted && now_ms() < until_ms)
        found = cases_status(f->first, name);
    if (found < wanted)
        fail_msg("%s is %lld, expected %lld", name, (long long)found, (long long)wanted);
}

/** Take answers until there is one of @kind. */
static struct answer expect_answer(struct fixture *f, enum answer_kind kind)
{
    for (;;) {
        const struct answer *answers = NULL;
        uint32_t count = 0;
        enum status status = commission_answers(f->sender, ANSWER_MS, &answers, &count);
        if (status != STATUS_OK)
            fail_msg("no answer: %s", status_text(status));
        for (uint32_t i = 0; i < count; i++) {
            if (answers[i].kind == kind)
                return answers[i];
        }
    }
}

/** The first event of case @number is sent, and has its receipt. */
static void when_submitted(struct fixture *f, uint32_t number)
{
    uint8_t bytes[CASE_EVENT_ROOM];
    struct slice event = cases_event(&f->cases, number, 0, bytes);
    assert_true(commission_send(f->sender, event, COMMISSION_WAIT_VERDICT) == STATUS_OK);
    expect_answer(f, ANSWER_RECEIPT);
}

static void expect_accepted(struct fixture *f)
{
    assert_true(expect_answer(f, ANSWER_VERDICT).verdict == VERDICT_ACCEPTED);
}

/** The same, with workers that are quick: receipt and verdict may come together. */
static void when_judged(struct fixture *f, uint32_t number)
{
    uint8_t bytes[CASE_EVENT_ROOM];
    struct slice event = cases_event(&f->cases, number, 0, bytes);
    assert_true(commission_send(f->sender, event, COMMISSION_WAIT_VERDICT) == STATUS_OK);
    expect_accepted(f);
}

/** Ask @command with up to two arguments; the reply. */
static const struct reply *when_asked(struct fixture *f, const char *command, const char *name,
                                      const char *value)
{
    struct argument argument = {{(const uint8_t *)name, name != NULL ? strlen(name) : 0},
                                {(const uint8_t *)value, value != NULL ? strlen(value) : 0}};
    struct query query = {.command = {(const uint8_t *)command, strlen(command)},
                          .arguments = &argument,
                          .arguments_count = name != NULL ? 1 : 0,
                          .rows_max = 256};
    const struct reply *reply = NULL;

    assert_true(commission_ask(f->first, &query, ANSWER_MS, &reply) == STATUS_OK);
    if (reply->error.len > 0)
        fail_msg("%s: %.*s: %.*s", command, (int)reply->error.len, (const char *)reply->error.bytes,
                 (int)reply->error_text.len, (const char *)reply->error_text.bytes);
    return reply;
}

/** The cell of row @row called @name is @wanted. */
static bool cell_is(const struct reply *reply, uint32_t row, const char *name, const char *wanted)
{
    for (uint32_t i = 0; i < reply->columns_count; i++) {
        const struct slice *cell = &reply->cells[row * reply->columns_count + i];
        if (strcmp(reply->columns[i].name, name) == 0)
            return cell->len == strlen(wanted) && memcmp(cell->bytes, wanted, cell->len) == 0;
    }
    fail_msg("no column %s", name);
    return false;
}

/** The log says so, a second later at the latest. */
static void expect_logged(struct fixture *f, const char *text)
{
    int64_t until_ms = now_ms() + STATUS_MS;

    while (!instance_logged(&f->instance, text) && now_ms() < until_ms)
        (void)cases_status(f->first, "seq");
    assert_true(instance_logged(&f->instance, text));
}

/* ---- the tests ---- */

static void what_a_hanging_worker_was_offered_goes_to_another_within_seconds(void **state)
{
    struct fixture *f = *state;
    instance_start_workers(&f->instance, 4);
    expect_status(f, "workers", INSTANCE_WORKERS);
    f->stopped = f->instance.worker[0];
    f->instance.worker[0] = 0;
    assert_int_equal(kill(f->stopped, SIGSTOP), 0);
    when_submitted(f, 1);
    expect_status(f, "leased", 1);
    int64_t begun_ms = now_ms();

    instance_start_workers(&f->instance, 4);
    expect_accepted(f);

    print_message("the event was judged %lld ms after its worker hung\n",
                  (long long)(now_ms() - begun_ms));
    assert_true(now_ms() - begun_ms < LEASE_MS);
    assert_true(cases_status(f->first, "attempts_failed") == 0);

    /* It wakes up and judges what is not its any more: refused, and shown. */
    assert_int_equal(kill(f->stopped, SIGCONT), 0);
    expect_status(f, "late_findings", 1);
    int64_t seq = cases_status(f->first, "seq");
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)seq);
    assert_true(cell_is(when_asked(f, "journal show", "seq", text), 0, "kind", "LATE_FINDING"));
}

/** What the dead one had is taken back: when it is missed, at the latest. */
static void expect_nothing_leased(struct fixture *f)
{
    int64_t until_ms = now_ms() + STATUS_MS;

    while (cases_status(f->first, "leased") != 0 && now_ms() < until_ms)
        continue;
    assert_true(cases_status(f->first, "leased") == 0);
}

static void what_kills_each_worker_is_an_attempt_each_time_and_then_parked(void **state)
{
    struct fixture *f = *state;
    uint32_t deaths = 0;
    when_submitted(f, 1);

    while (cases_status(f->first, "parked") == 0) {
        assert_true(deaths++ < DEATHS_MAX);
        pid_t mortal = spawn_mortal(f);
        assert_int_equal(instance_wait(mortal), KILLED);
        expect_nothing_leased(f);
    }

    print_message("parked after %u workers were killed\n", deaths);
    assert_in_range(deaths, ATTEMPTS_MAX, DEATHS_MAX);
    assert_true(cases_status(f->first, "attempts_failed") == ATTEMPTS_MAX);
    const struct reply *queues = when_asked(f, "queue list", NULL, NULL);
    assert_true(cell_is(queues, 0, "stage", "NEEDS_ASSESSED"));
    assert_true(cell_is(queues, 0, "parked", "1"));
    assert_true(cell_is(queues, 0, "ready", "0"));

    /* A worker that could judge it does not get it; others go on; a restart changes nothing. */
    expect_logged(f, "events parked count=1");
    assert_int_equal(instance_stop(&f->instance, SIGKILL), KILLED);
    assert_true(instance_start(&f->instance));
    instance_start_workers(&f->instance, 4);
    when_judged(f, 2);
    assert_true(cases_status(f->first, "parked") == 1);
    assert_true(cases_status(f->first, "leased") == 0);
}

/* ---- drained ---- */

#define DRAIN_BEAT_MS 20
#define HELD 3

/** What a daemon of ours was told, in order. */
struct drain_notes {
    uint32_t findings;
    uint32_t findings_before_bye;
    uint32_t byes;
};

static void welcome(struct fake *fake, const struct frame *frame, bool drain)
{
    struct welcome said = {
        .run = 1, .beat_ms = DRAIN_BEAT_MS, .lease_ms = LEASE_MS, .drain = drain};

    codec_put_welcome(fake_buffer(fake), &said);
    fake_send(fake, frame, MESSAGE_WELCOMES, 1);
}

/** Give a worker three assignments, and drain it with the answer to its first beat. */
static void drain(struct fake *fake, const struct frame *frame, void *arg)
{
    struct drain_notes *notes = arg;
    struct assignment assignment = {.token = {.run = 1, .counter = 1},
                                    .attempt = 1,
                                    .lease_ms = LEASE_MS,
                                    .stage = STAGE_NEEDS_ASSESSED,
                                    .event_bytes = {(const uint8_t *)"event", 5}};

    if (frame->kind == MESSAGE_HELLOS) {
        welcome(fake, frame, false);
        for (assignment.seq = 1; assignment.seq <= HELD; assignment.seq++)
            codec_put_assignment(fake_buffer(fake), &assignment);
        fake_send(fake, frame, MESSAGE_ASSIGNMENTS, HELD);
    }
    if (frame->kind == MESSAGE_BEATS)
        welcome(fake, frame, true);
    notes->findings += frame->kind == MESSAGE_FINDINGS ? frame->count : 0;
    if (frame->kind == MESSAGE_BYES) {
        notes->byes++;
        notes->findings_before_bye = notes->findings;
    }
}

static void a_drained_worker_reports_what_it_has_says_bye_and_exits_with_0(void **state)
{
    (void)state;
    struct drain_notes notes = {0};
    char program[INSTANCE_PATH_SIZE * 4];
    const char *build = getenv("COMMISSION_BINARY_DIR");
    struct fake *fake = fake_new();
    fake_start(fake, false, drain, &notes);
    snprintf(program, sizeof program, "%s/bin/commission-worker-needs-assessed",
             build != NULL ? build : ".");
    pid_t worker = fork();
    assert_true(worker >= 0);
    if (worker == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl(program, program, "-e", fake_endpoint(fake), (char *)NULL);
        _exit(127);
    }

    int exit_status = instance_wait(worker);
    bool told = fake_wait(fake, MESSAGE_BYES, 1);

    fake_stop(fake);
    fake_free(fake);
    assert_int_equal(exit_status, 0);
    assert_true(told);
    assert_int_equal(notes.byes, 1);
    assert_int_equal(notes.findings_before_bye, HELD);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--die") == 0)
        return die_of_assignments(argv[2]);
    own_path = argv[0];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            what_a_hanging_worker_was_offered_goes_to_another_within_seconds, setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_kills_each_worker_is_an_attempt_each_time_and_then_parked, setup_hasty, teardown),
        cmocka_unit_test(a_drained_worker_reports_what_it_has_says_bye_and_exits_with_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
