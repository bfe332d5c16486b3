/* SPDX-License-Identifier: Apache-2.0 */
/* The real daemon with little room: full, it takes nothing new and finishes what it has; then it takes events again. A write that fails ends it, and loses nothing. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "proto/codec.h"
#include "tests/support/cases.h"

#define ANSWER_MS 30000
#define NOTE_BYTES 1800  /* kept in the state until it is judged */
#define NOTES_MAX 20000u /* more than any such map holds */
#define WINDOW 256
#define EXIT_FAILED 1

struct fixture {
    struct instance instance;
    struct cases cases;
    struct commission *sender;
    uint32_t received;
    uint32_t judged;
    bool full; /* STORE_FULL was the answer */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    instance_make(&f->instance, NULL,
                  "segment_bytes = 4194304\nmap_bytes = 16777216\nreserve_bytes = 1048576\n");
    if (!instance_start(&f->instance))
        return -1;
    cases_begin(&f->cases, &f->instance, 1);
    f->sender = cases_connect(&f->instance, &f->cases.lead, WINDOW);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    commission_close(f->sender);
    instance_end(&f->instance);
    free(f);
    return 0;
}

/** A note about case 0: its @number-th. */
static void send_note(struct fixture *f, uint32_t number)
{
    static uint8_t padding[NOTE_BYTES];
    static const char actor[] = "staff-4711";
    uint8_t bytes[2 * NOTE_BYTES];
    struct buffer buffer = {.bytes = bytes, .max = sizeof bytes};
    struct event event = {
        .id = cases_event_id(&f->cases, 1000 + number, 4),
        .type = EVENT_NOTE,
        .lead = {CASE_LEAD},
        .sender = {CASE_LEAD},
        .actor = {(const uint8_t *)actor, strlen(actor)},
        .note_text = {padding, sizeof padding},
    };
    memset(padding, 'x', sizeof padding);
    CHECK(date_parse("2018-05-01", 10, &event.occurred_on));
    snprintf(event.reference.text, sizeof event.reference.text, "case-%016" PRIx64 "-%u",
             f->cases.salt, 0u);
    codec_encode_event(&buffer, &event);
    assert_false(buffer.full);
    assert_true(commission_send(f->sender, (struct slice){bytes, buffer.len},
                                COMMISSION_WAIT_VERDICT) == STATUS_OK);
}

/** Take what answers come within @timeout_ms. False: none. */
static bool take_answers(struct fixture *f, int64_t timeout_ms)
{
    const struct answer *answers = NULL;
    uint32_t count = 0;
    enum status status = commission_answers(f->sender, timeout_ms, &answers, &count);
    assert_true(status == STATUS_OK || status == STATUS_TIMED_OUT || status == STATUS_UNREACHABLE);
    for (uint32_t i = 0; status == STATUS_OK && i < count; i++) {
        f->received += answers[i].kind == ANSWER_RECEIPT && !answers[i].repeated;
        f->judged += answers[i].kind == ANSWER_VERDICT;
        if (answers[i].kind != ANSWER_REFUSED)
            continue;
        assert_true(answers[i].reasons_count == 1);
        assert_true(answers[i].reasons[0].code == REASON_STORE_FULL);
        f->full = true;
    }
    return status == STATUS_OK;
}

/** Case 0 is opened, and judged. */
static void given_workflow(struct fixture *f)
{
    uint8_t bytes[CASE_EVENT_ROOM];
    struct slice event = cases_event(&f->cases, 0, 0, bytes);
    instance_start_workers(&f->instance, 64);
    assert_true(commission_send(f->sender, event, COMMISSION_WAIT_VERDICT) == STATUS_OK);
    while (f->judged == 0)
        assert_true(take_answers(f, ANSWER_MS));
    f->received = f->judged = 0;
}

static void when_workers_are_killed(struct fixture *f)
{
    for (int i = 0; i < INSTANCE_WORKERS; i++) {
        assert_int_equal(kill(f->instance.worker[i], SIGKILL), 0);
        assert_int_equal(instance_wait(f->instance.worker[i]), 128 + SIGKILL);
        f->instance.worker[i] = 0;
    }
}

/** Ask until "server status" says a number that is at most @most. */
static int64_t status_falls_to(struct commission *asker, const char *name, int64_t most)
{
    int64_t number = INT64_MAX;
    for (int i = 0; i < 100000 && number > most; i++) {
        number = cases_status(asker, name);
        assert_true(number >= 0);
    }
    return number;
}

static void a_full_store_finishes_what_it_has_and_takes_events_again(void **state)
{
    struct fixture *f = *state;
    struct commission *asker = cases_connect(&f->instance, &f->instance.first, 1);
    uint32_t sent = 0;
    given_workflow(f);
    when_workers_are_killed(f);

    while (!f->full && sent < NOTES_MAX) {
        send_note(f, sent++);
        while (commission_unanswered(f->sender) > 0 && f->received + WINDOW / 2 < sent && !f->full)
            (void)take_answers(f, ANSWER_MS);
        (void)take_answers(f, 0);
        if (commission_unanswered(f->sender) == WINDOW) {
            /* Nobody judges: the events are known to be received, and asked for again below. */
            commission_close(f->sender);
            f->sender = cases_connect(&f->instance, &f->cases.lead, WINDOW);
        }
    }
    assert_true(f->full);
    print_message("full after %u events, at %lld in a hundred of the map\n", f->received,
                  (long long)cases_status(asker, "map_percent"));
    /* It looks once a second, when it is awake: so ask until it has. */
    for (uint32_t i = 0; i < 100000 && !instance_logged(&f->instance, "no new events are taken");
         i++)
        assert_true(cases_status(asker, "map_percent") >= 85);
    assert_true(instance_logged(&f->instance, "no new events are taken"));
    int64_t open = cases_status(asker, "open");
    assert_true(open > 1000);

    /* What is known is answered, also now. */
    f->full = false;
    commission_close(f->sender);
    f->sender = cases_connect(&f->instance, &f->cases.lead, WINDOW);
    send_note(f, 0);
    assert_true(take_answers(f, ANSWER_MS));
    assert_false(f->full);

    /* All of it is judged, and there is room. */
    instance_start_workers(&f->instance, 64);
    assert_int_equal(status_falls_to(asker, "open", 0), 0);
    assert_true(status_falls_to(asker, "map_percent", 84) < 85);
    while (f->judged == 0)
        assert_true(take_answers(f, ANSWER_MS));
    f->judged = 0;
    send_note(f, NOTES_MAX + 1);
    while (f->judged == 0)
        assert_true(take_answers(f, ANSWER_MS));
    assert_false(f->full);
    commission_close(asker);

    assert_int_equal(instance_stop(&f->instance, SIGTERM), 0);
    char dir[INSTANCE_PATH_SIZE];
    snprintf(dir, sizeof dir, "%s/state", f->instance.folder);
    const char *const verify[] = {"--verify", dir, "-c", f->instance.config, NULL};
    assert_int_equal(instance_wait(instance_spawn(&f->instance, verify)), 0);
}

static void a_write_that_fails_ends_the_daemon_and_nothing_is_acknowledged(void **state)
{
    struct fixture *f = *state;
    const struct rlimit none = {.rlim_cur = 4096, .rlim_max = RLIM_INFINITY};
    given_workflow(f);

    /* From here on no file grows, nor is it written beyond its first page. */
    assert_int_equal(prlimit(f->instance.daemon, RLIMIT_FSIZE, &none, NULL), 0);
    send_note(f, 0);
    assert_int_equal(instance_wait(f->instance.daemon), EXIT_FAILED);
    f->instance.daemon = 0;

    assert_int_equal(f->received, 0);
    assert_true(instance_logged(&f->instance, "store failed") ||
                instance_logged(&f->instance, "failed reason="));
    assert_true(instance_start(&f->instance));
    while (f->judged == 0)
        assert_true(take_answers(f, ANSWER_MS));
    assert_int_equal(f->received, 1);
    assert_false(f->full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_full_store_finishes_what_it_has_and_takes_events_again,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_write_that_fails_ends_the_daemon_and_nothing_is_acknowledged, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
