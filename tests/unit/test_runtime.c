/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/support/fake_daemon.h"
#include "workers/runtime.h"

#include <string.h>
#include <time.h>

#define PATIENCE_MS 10000

struct fixture {
    struct runtime *runtime;
    struct commission *commission;
    struct fake *fake;
    uint8_t event_bytes[4096];
    uint8_t fact_bytes[4096];
    struct slice facts[1];
    struct assignment assignment;
    struct provider provider;
    struct event event;
};

static struct slice text(const char *said)
{
    return (struct slice){(const uint8_t *)said, strlen(said)};
}

static struct slice encode(const struct event *event, uint8_t *bytes, size_t max)
{
    struct buffer buffer = {.bytes = bytes, .max = max};

    codec_encode_event(&buffer, event);
    assert_false(buffer.full);
    return (struct slice){bytes, buffer.len};
}

static struct event envelope(enum event_type type, const char *reference)
{
    struct event event = {.id = {{1, 2, 3}},
                          .type = type,
                          .lead = {"02E"},
                          .sender = {"02E"},
                          .occurred_on = date_of(2018, 4, 1)};

    assert_true(reference_parse(reference, strlen(reference), &event.reference));
    return event;
}

/* An award of physiotherapy to a company, as assessed: nothing is wrong with it. */
static void given_award(struct fixture *f)
{
    struct event assessed = envelope(EVENT_NEEDS_ASSESSED, "physio");

    assessed.needs_assessed.category = CATEGORY_COMMUNITY;
    assessed.needs_assessed.registered_given = true;
    assessed.needs_assessed.unregistered_given = true;
    assessed.needs_assessed.title = text("Physiotherapy");
    f->facts[0] = encode(&assessed, f->fact_bytes, sizeof f->fact_bytes);
    f->provider = (struct provider){text("GB-COH"), text("04103211"), text("Physio Ltd"),
                                    PROVIDER_INDEPENDENT};
    f->event = envelope(EVENT_CONTRACT_AWARDED, "physio");
    f->event.award = (struct award){.award_id = text("A1"),
                                    .providers = &f->provider,
                                    .providers_count = 1,
                                    .value_pence = 100000,
                                    .period = {date_of(2018, 4, 1), date_of(2019, 3, 31)}};
    f->assignment = (struct assignment){
        .token = {.run = 3, .counter = 4},
        .seq = 5,
        .attempt = 1,
        .lease_ms = LEASE_MS,
        .stage = STAGE_CONTRACT_AWARD,
        .commissioner = {.known = true,
                         .ods = {"02E"},
                         .kind = ORGANISATION_CCG,
                         .opened_on = date_of(2013, 4, 1),
                         .closed_on = DATE_NONE,
                         .entry_seq = 1,
                         .name = "NHS Warrington CCG"},
        .fact_bytes = f->facts,
        .facts_count = 1,
    };
}

static void when_written(struct fixture *f)
{
    f->assignment.event_bytes = encode(&f->event, f->event_bytes, sizeof f->event_bytes);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    *state = f;
    return f == NULL || runtime_new(&f->runtime, &stage_rules_contract_award) != STATUS_OK ? -1 : 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    f->runtime = runtime_free(f->runtime);
    f->commission = commission_close(f->commission);
    fake_free(f->fake);
    free(f);
    return 0;
}

static void an_award_in_order_gives_a_finding_without_reasons(void **state)
{
    struct fixture *f = *state;
    struct finding finding;
    given_award(f);
    when_written(f);

    assert_true(runtime_judge(f->runtime, &f->assignment, &finding));

    assert_int_equal(finding.token.run, 3);
    assert_int_equal(finding.token.counter, 4);
    assert_int_equal(finding.seq, 5);
    assert_int_equal(finding.reasons_count, 0);
    assert_int_equal(finding.error.len, 0);
}

static void all_rules_run_and_all_reasons_are_reported(void **state)
{
    struct fixture *f = *state;
    struct finding finding;
    given_award(f);
    f->event.award.category = CATEGORY_SPECIALISED;
    f->event.award.value_pence = 0;
    f->provider.scheme = text("GB-X");
    when_written(f);

    assert_true(runtime_judge(f->runtime, &f->assignment, &finding));

    static const enum reason_code codes[] = {REASON_NOT_CCG_RESPONSIBILITY, REASON_PROVIDER_UNKNOWN,
                                             REASON_AWARD_VALUE_ZERO};
    assert_int_equal(finding.reasons_count, ARRAY_LEN(codes));
    for (size_t i = 0; i < ARRAY_LEN(codes); i++)
        assert_int_equal(finding.reasons[i].code, codes[i]);
}

static void the_fact_is_judged_with_the_event(void **state)
{
    struct fixture *f = *state;
    struct finding finding;
    given_award(f);
    f->assignment.facts_count = 0;
    f->assignment.adopted = true;
    when_written(f);

    assert_true(runtime_judge(f->runtime, &f->assignment, &finding));

    assert_int_equal(finding.reasons_count, 1);
    assert_int_equal(finding.reasons[0].code, REASON_ADOPTED_NOT_EVIDENCED);
    assert_int_equal(finding.reasons[0].severity, SEVERITY_WARN);
}

static void an_event_without_rules_of_its_own_passes(void **state)
{
    struct fixture *f = *state;
    struct finding finding;
    given_award(f);
    f->event = envelope(EVENT_NOTE, "physio");
    f->event.note_text = text("seen");
    when_written(f);

    assert_true(runtime_judge(f->runtime, &f->assignment, &finding));

    assert_int_equal(finding.reasons_count, 0);
    assert_int_equal(finding.error.len, 0);
}

static void what_cannot_be_judged_gives_an_error_and_no_reasons(void **state)
{
    struct fixture *f = *state;
    struct finding finding;
    given_award(f);
    when_written(f);
    f->assignment.stage = STAGE_REVIEW;
    assert_true(runtime_judge(f->runtime, &f->assignment, &finding));
    assert_memory_equal(finding.error.bytes, "this is a worker for CONTRACT_AWARD, not for REVIEW",
                        finding.error.len);

    f->assignment.stage = STAGE_CONTRACT_AWARD;
    f->assignment.event_bytes.len -= 3;
    assert_true(runtime_judge(f->runtime, &f->assignment, &finding));
    assert_true(finding.error.len > 0);
    assert_int_equal(finding.reasons_count, 0);

    when_written(f);
    f->facts[0] = text("nothing");
    assert_true(runtime_judge(f->runtime, &f->assignment, &finding));
    assert_true(finding.error.len > 0);
    assert_int_equal(runtime_judged(f->runtime), 3);
    assert_int_equal(runtime_failed(f->runtime), 3);
}

static void a_full_report_makes_room_when_it_is_forgotten(void **state)
{
    struct fixture *f = *state;
    struct finding finding;
    uint32_t count = 0;
    given_award(f);
    f->event.award.value_pence = 0;
    when_written(f);

    while (runtime_judge(f->runtime, &f->assignment, &finding))
        assert_true(++count < 100000);
    assert_false(runtime_judge(f->runtime, &f->assignment, &finding));
    runtime_forget(f->runtime);

    assert_true(count > 100);
    assert_true(runtime_judge(f->runtime, &f->assignment, &finding));
    assert_int_equal(finding.reasons[0].code, REASON_AWARD_VALUE_ZERO);
}

/* ---- with a daemon ---- */

#define ASSIGNED 600 /* more than one report holds */

struct notes {
    const struct fixture *fixture;
    uint32_t frames;
    uint32_t findings;
    uint32_t rejected;
    uint32_t accepted;
    uint32_t progressed;
    uint32_t beat_ms;
    uint32_t assigned;
};

static void assign(struct fake *fake, const struct frame *frame, struct notes *notes)
{
    struct welcome welcome = {.run = 3, .beat_ms = notes->beat_ms, .lease_ms = LEASE_MS};
    struct assignment assignment = notes->fixture->assignment;

    codec_put_welcome(fake_buffer(fake), &welcome);
    fake_send(fake, frame, MESSAGE_WELCOMES, 1);
    for (uint32_t i = 0; i < notes->assigned; i++) {
        assignment.seq = 100 + i;
        codec_put_assignment(fake_buffer(fake), &assignment);
    }
    fake_send(fake, frame, MESSAGE_ASSIGNMENTS, (uint16_t)notes->assigned);
}

static void handle(struct fake *fake, const struct frame *frame, void *arg)
{
    struct notes *notes = arg;
    const struct finding *findings;
    uint32_t count;

    if (frame->kind == MESSAGE_HELLOS)
        assign(fake, frame, notes);
    notes->accepted += frame->kind == MESSAGE_ACCEPTS ? frame->count : 0;
    notes->progressed += frame->kind == MESSAGE_PROGRESSES ? frame->count : 0;
    if (frame->kind != MESSAGE_FINDINGS)
        return;
    CHECK(codec_decode_findings(frame->body, fake_arena(fake), &findings, &count) == STATUS_OK);
    notes->frames++;
    for (uint32_t i = 0; i < count; i++) {
        notes->rejected += findings[i].reasons_count == 1 &&
                           findings[i].reasons[0].code == REASON_AWARD_VALUE_ZERO;
        CHECK(findings[i].seq == 100 + notes->findings);
        notes->findings++;
    }
}

static void given_joined(struct fixture *f, struct notes *notes)
{
    struct hello hello = {
        .stages = {STAGE_CONTRACT_AWARD}, .stages_count = 1, .name = "test", .capacity = 1024};
    struct commission_options options = {.plain = true};
    struct welcome welcome;

    f->fake = fake_new();
    fake_start(f->fake, false, handle, notes);
    options.endpoint = fake_endpoint(f->fake);
    assert_int_equal(commission_open(&f->commission, &options), STATUS_OK);
    assert_int_equal(commission_join(f->commission, &hello, PATIENCE_MS, &welcome), STATUS_OK);
}

static void a_turn_takes_accepts_judges_and_reports_a_whole_frame(void **state)
{
    struct fixture *f = *state;
    struct notes notes = {.fixture = f, .beat_ms = BEAT_MS, .assigned = ASSIGNED};
    given_award(f);
    f->event.award.value_pence = 0;
    when_written(f);
    given_joined(f, &notes);

    assert_int_equal(runtime_turn(f->runtime, f->commission, PATIENCE_MS), STATUS_OK);

    assert_true(fake_wait(f->fake, MESSAGE_FINDINGS, ASSIGNED));
    fake_stop(f->fake);
    assert_int_equal(notes.findings, ASSIGNED);
    assert_int_equal(notes.rejected, ASSIGNED);
    assert_in_range(notes.frames, 2, 10);
    assert_int_equal(notes.accepted, ASSIGNED);
}

/* A rule that takes longer than the daemon's beat. */
static void judge_slowly(const struct matter *matter, struct reasons *reasons)
{
    struct timespec begun;
    struct timespec now;

    (void)matter;
    (void)reasons;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &begun) == 0);
    do
        CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    while ((now.tv_sec - begun.tv_sec) * 1000000000 + now.tv_nsec - begun.tv_nsec < 2000000);
}

static void whoever_judges_for_long_says_so_of_all_that_is_not_reported(void **state)
{
    static const struct rule slow = {"R0", judge_slowly};
    static const struct rule *const rules[] = {&slow, NULL};
    static const struct event_rules events[] = {{EVENT_CONTRACT_AWARDED, rules}};
    static const struct stage_rules stage = {STAGE_CONTRACT_AWARD, events, ARRAY_LEN(events)};
    struct fixture *f = *state;
    struct notes notes = {.fixture = f, .beat_ms = 1, .assigned = 20};
    f->runtime = runtime_free(f->runtime);
    assert_int_equal(runtime_new(&f->runtime, &stage), STATUS_OK);
    given_award(f);
    when_written(f);
    given_joined(f, &notes);

    assert_int_equal(runtime_turn(f->runtime, f->commission, PATIENCE_MS), STATUS_OK);

    assert_true(fake_wait(f->fake, MESSAGE_FINDINGS, 20));
    fake_stop(f->fake);
    assert_int_equal(notes.findings, 20);
    assert_in_range(notes.progressed, 20, 20 * 20); /* all of them, at least once */
    assert_int_equal(notes.progressed % 20, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(an_award_in_order_gives_a_finding_without_reasons),
        TEST(all_rules_run_and_all_reasons_are_reported),
        TEST(the_fact_is_judged_with_the_event),
        TEST(an_event_without_rules_of_its_own_passes),
        TEST(what_cannot_be_judged_gives_an_error_and_no_reasons),
        TEST(a_full_report_makes_room_when_it_is_forgotten),
        TEST(a_turn_takes_accepts_judges_and_reports_a_whole_frame),
        TEST(whoever_judges_for_long_says_so_of_all_that_is_not_reported),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
