/* SPDX-License-Identifier: Apache-2.0 */
/* The real daemon and its workers, killed again and again while cases go through all stages: nothing is lost, nothing happens twice. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <signal.h>
#include <string.h>

#include "tests/support/cases.h"

#define CASES 60
#define WINDOW 16
#define KILLS 12
#define ANSWERS_BETWEEN_MAX 60
#define ANSWER_MS 30000
#define KILLED (128 + SIGKILL)

/* What we were told of an event; it may be told again, never differently. */
struct told {
    uint64_t seq;
    struct hash hash;
    uint64_t verdict_seq;
};

struct fixture {
    struct instance instance;
    struct cases cases;
    struct commission *sender;
    uint32_t seed;
    uint32_t begun;
    uint32_t done;
    struct told told[CASES][CASE_STAGES];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    instance_make(&f->instance, NULL, "segment_bytes = 4194304\nmap_bytes = 67108864\n");
    if (!instance_start(&f->instance))
        return -1;
    instance_start_workers(&f->instance, 4);
    cases_begin(&f->cases, &f->instance, 1);
    f->sender = cases_connect(&f->instance, &f->cases.lead, 0);
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

static uint32_t chance(struct fixture *f, uint32_t below)
{
    f->seed = f->seed * 1664525 + 1013904223;
    return (f->seed >> 8) % below;
}

static void submit(struct fixture *f, uint32_t number, uint32_t stage)
{
    uint8_t bytes[CASE_EVENT_ROOM];
    struct slice event = cases_event(&f->cases, number, stage, bytes);
    assert_true(commission_send(f->sender, event, COMMISSION_WAIT_VERDICT) == STATUS_OK);
}

static void take(struct fixture *f, const struct answer *answer)
{
    uint32_t number = 0;
    uint32_t stage = 0;
    cases_of(&answer->event_id, &number, &stage);
    assert_true(number < CASES);
    struct told *told = &f->told[number][stage];
    assert_true(answer->kind == ANSWER_RECEIPT || answer->kind == ANSWER_VERDICT);
    if (told->seq == 0)
        told->seq = answer->seq;
    assert_true(told->seq == answer->seq);
    if (answer->kind == ANSWER_RECEIPT) {
        told->hash = answer->entry_hash;
        return;
    }
    assert_true(answer->verdict == VERDICT_ACCEPTED);
    assert_true(answer->verdict_seq > answer->seq);
    told->verdict_seq = answer->verdict_seq;
    if (stage + 1 < CASE_STAGES)
        submit(f, number, stage + 1);
    else if (f->begun < CASES)
        submit(f, f->begun++, 0);
    f->done += stage + 1 == CASE_STAGES;
}

/** Take at least @count answers, or all there are to come. */
static void when_answered(struct fixture *f, uint32_t count)
{
    for (uint32_t taken = 0; taken < count && f->done < CASES;) {
        const struct answer *answers = NULL;
        uint32_t answers_count = 0;
        enum status status = commission_answers(f->sender, ANSWER_MS, &answers, &answers_count);
        if (status != STATUS_OK)
            fail_msg("no answer: %s, %u of %d cases are done", status_text(status), f->done, CASES);
        for (uint32_t i = 0; i < answers_count; i++)
            take(f, &answers[i]);
        taken += answers_count;
    }
}

static void when_killed(struct fixture *f)
{
    uint32_t victim = chance(f, 4);
    if (victim == 0) {
        pid_t *worker = &f->instance.worker[chance(f, INSTANCE_WORKERS)];
        assert_int_equal(kill(*worker, SIGKILL), 0);
        assert_true(instance_wait(*worker) == KILLED);
        *worker = 0;
        instance_start_workers(&f->instance, 4);
        return;
    }
    assert_int_equal(instance_stop(&f->instance, SIGKILL), KILLED);
    assert_true(instance_start(&f->instance));
}

/** After all, each event is asked for once more: the same receipt, the same verdict. */
static void expect_told_again(struct fixture *f)
{
    for (uint32_t number = 0; number < CASES; number++) {
        for (uint32_t stage = 0; stage < CASE_STAGES; stage++)
            submit(f, number, stage);
        for (uint32_t verdicts = 0; verdicts < CASE_STAGES;) {
            const struct answer *answers = NULL;
            uint32_t count = 0;
            assert_true(commission_answers(f->sender, ANSWER_MS, &answers, &count) == STATUS_OK);
            for (uint32_t i = 0; i < count; i++) {
                uint32_t at = 0;
                uint32_t stage = 0;
                cases_of(&answers[i].event_id, &at, &stage);
                const struct told *told = &f->told[at][stage];
                assert_true(answers[i].repeated);
                assert_true(answers[i].seq == told->seq);
                if (answers[i].kind == ANSWER_VERDICT) {
                    assert_true(answers[i].verdict_seq == told->verdict_seq);
                    verdicts++;
                } else {
                    assert_true(hash_equal(answers[i].entry_hash, told->hash));
                }
            }
        }
    }
}

static void nothing_is_lost_and_nothing_happens_twice(void **state)
{
    struct fixture *f = *state;
    const char *seed = getenv("COMMISSION_SEED");
    f->seed = seed != NULL ? (uint32_t)strtoul(seed, NULL, 10) : 4711;
    print_message("COMMISSION_SEED=%u\n", f->seed);
    for (int i = 0; i < WINDOW; i++)
        submit(f, f->begun++, 0);

    for (int i = 0; i < KILLS && f->done < CASES; i++) {
        when_answered(f, 1 + chance(f, ANSWERS_BETWEEN_MAX));
        when_killed(f);
    }
    when_answered(f, UINT32_MAX);
    expect_told_again(f);

    assert_int_equal(instance_stop(&f->instance, SIGTERM), 0);
    char dir[INSTANCE_PATH_SIZE];
    snprintf(dir, sizeof dir, "%s/state", f->instance.folder);
    const char *const verify[] = {"--verify", dir, "-c", f->instance.config, NULL};
    assert_int_equal(instance_wait(instance_spawn(&f->instance, verify)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_lost_and_nothing_happens_twice, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
