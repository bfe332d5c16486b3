/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdlib.h>
#include <string.h>

#include "daemon/domain/apply.h"
#include "daemon/domain/route.h"

#define EVENTS_MAX 400

/* One workflow and its open rows, as the store would keep them: open[seq]. */
struct world {
    struct workflow workflow;
    struct open_event open[EVENTS_MAX * 8];
    bool is_open[EVENTS_MAX * 8];
    uint64_t seq;
};

static struct open_event *row(struct world *w, uint64_t seq)
{
    if (seq == 0)
        return NULL;
    assert_true(w->is_open[seq]);
    return &w->open[seq];
}

static struct entry entry(struct world *w, enum entry_kind kind)
{
    return (struct entry){.seq = ++w->seq, .at_ms = (int64_t)w->seq, .number = 1, .kind = kind};
}

static uint64_t receive(struct world *w)
{
    struct event event = {.type = EVENT_NOTE, .sender = {"02E"}};
    struct entry e = entry(w, ENTRY_RECEIVED);
    if (w->workflow.number == 0)
        w->workflow = (struct workflow){.number = e.seq,
                                        .last_seq = e.seq,
                                        .lead = {"02E"},
                                        .present_lead = {"02E"},
                                        .reference = {"r"},
                                        .phase = PHASE_NONE};
    struct open_event open;
    apply_received(&w->workflow, &open, row(w, w->workflow.queue_tail), &e, &event);
    w->open[e.seq] = open;
    w->is_open[e.seq] = true;
    return e.seq;
}

static void conclude(struct world *w, enum verdict verdict)
{
    struct event event = {.type = EVENT_NOTE};
    struct entry e = entry(w, ENTRY_JUDGED);
    uint64_t of = w->workflow.judging_seq;
    e.of_seq = of;
    e.verdict = verdict;
    e.phase = verdict == VERDICT_ACCEPTED ? PHASE_OPEN : w->workflow.phase;
    e.stage = verdict == VERDICT_ACCEPTED ? STAGE_REVIEW : w->workflow.stage;
    apply_judged(&w->workflow, row(w, of), row(w, w->workflow.queue_head), &e, &event);
    if (verdict != VERDICT_HELD)
        w->is_open[of] = false;
}

static void end_wait(struct world *w, uint64_t seq)
{
    struct entry e = entry(w, ENTRY_WAIT_ENDED);
    e.of_seq = seq;
    apply_wait_ended(&w->workflow, row(w, seq), &e);
}

/** The event of @seq, in whatever state, is withdrawn. */
static void withdraw(struct world *w, uint64_t seq)
{
    struct entry e = entry(w, ENTRY_EVENT_WITHDRAWN);
    struct open_event *open = row(w, seq);
    bool queued = open->state == OPEN_QUEUED;
    struct open_event *before = NULL;
    for (uint64_t at = w->workflow.queue_head; queued && at != seq; at = row(w, at)->next_seq)
        before = row(w, at);
    e.of_seq = seq;
    e.before_seq = before == NULL ? 0 : before->seq;
    apply_withdrawn(&w->workflow, open, before,
                    queued || open->state == OPEN_HELD ? NULL : row(w, w->workflow.queue_head), &e);
    w->is_open[seq] = false;
}

static void park(struct world *w)
{
    struct entry e = entry(w, ENTRY_ATTEMPT_FAILED);
    e.of_seq = w->workflow.judging_seq;
    e.attempt = 8;
    e.parked = true;
    apply_attempt_failed(&w->workflow, row(w, e.of_seq), &e);
}

/** Each open row is judged, or once in the queue, or held; counts agree. */
static void expect_sound(struct world *w)
{
    uint32_t open = 0;
    uint32_t held = 0;
    uint32_t queued = 0;
    uint64_t last = 0;

    workflow_check(&w->workflow);
    for (uint64_t seq = 1; seq <= w->seq; seq++) {
        open += w->is_open[seq];
        held += w->is_open[seq] && w->open[seq].state == OPEN_HELD;
    }
    for (uint64_t seq = w->workflow.queue_head; seq != 0; seq = row(w, seq)->next_seq) {
        assert_int_equal(row(w, seq)->state, OPEN_QUEUED);
        queued++;
        last = seq;
        assert_true(queued <= open);
    }
    assert_int_equal(last, w->workflow.queue_tail);
    assert_int_equal(queued, w->workflow.queued_count);
    assert_int_equal(held, w->workflow.held_count);
    assert_int_equal(open, queued + held + (w->workflow.judging_seq != 0));
}

static void events_come_to_their_turn_in_order(void **state)
{
    (void)state;
    static struct world w;
    memset(&w, 0, sizeof w);
    uint64_t a = receive(&w);
    uint64_t b = receive(&w);
    uint64_t c = receive(&w);

    assert_int_equal(w.workflow.judging_seq, a);
    assert_int_equal(row(&w, a)->state, OPEN_READY);
    assert_int_equal(row(&w, b)->state, OPEN_QUEUED);
    conclude(&w, VERDICT_ACCEPTED);
    assert_int_equal(w.workflow.judging_seq, b);
    assert_int_equal(row(&w, b)->state, OPEN_READY);
    conclude(&w, VERDICT_REJECTED);
    assert_int_equal(w.workflow.judging_seq, c);
    conclude(&w, VERDICT_ACCEPTED);
    assert_int_equal(w.workflow.judging_seq, 0);
    assert_int_equal(w.workflow.accepted_count, 2);
    expect_sound(&w);
}

static void a_held_event_lets_others_pass_and_comes_back_to_the_head(void **state)
{
    (void)state;
    static struct world w;
    memset(&w, 0, sizeof w);
    uint64_t a = receive(&w);
    uint64_t b = receive(&w);
    uint64_t c = receive(&w);

    conclude(&w, VERDICT_HELD);
    assert_int_equal(w.workflow.judging_seq, b);
    end_wait(&w, a);
    assert_int_equal(w.workflow.queue_head, a);
    assert_int_equal(row(&w, a)->next_seq, c);
    conclude(&w, VERDICT_ACCEPTED);
    assert_int_equal(w.workflow.judging_seq, a);
    expect_sound(&w);

    /* With nothing under judgement it is at its turn at once. */
    conclude(&w, VERDICT_HELD);
    conclude(&w, VERDICT_ACCEPTED);
    end_wait(&w, a);
    assert_int_equal(w.workflow.judging_seq, a);
    assert_int_equal(row(&w, a)->state, OPEN_READY);
    expect_sound(&w);
}

static void a_failed_attempt_delays_the_event_and_keeps_its_turn(void **state)
{
    (void)state;
    static struct world w;
    memset(&w, 0, sizeof w);
    uint64_t a = receive(&w);
    struct entry e = entry(&w, ENTRY_ATTEMPT_FAILED);
    e.of_seq = a;
    e.attempt = 3;
    e.next_at_ms = 777;
    apply_attempt_failed(&w.workflow, row(&w, a), &e);

    assert_int_equal(w.workflow.judging_seq, a);
    assert_int_equal(row(&w, a)->state, OPEN_DELAYED);
    assert_int_equal(row(&w, a)->attempt, 3);
    assert_int_equal(row(&w, a)->due_ms, 777);
    assert_int_equal(w.workflow.last_seq, e.seq);
    conclude(&w, VERDICT_ACCEPTED);
    expect_sound(&w);
}

static void the_last_failed_attempt_parks_the_event_and_those_behind_it_wait(void **state)
{
    (void)state;
    static struct world w;
    memset(&w, 0, sizeof w);
    uint64_t a = receive(&w);
    uint64_t b = receive(&w);
    struct entry e = entry(&w, ENTRY_ATTEMPT_FAILED);
    e.of_seq = a;
    e.attempt = 8;
    e.parked = true;
    apply_attempt_failed(&w.workflow, row(&w, a), &e);

    assert_int_equal(w.workflow.judging_seq, a);
    assert_int_equal(row(&w, a)->state, OPEN_PARKED);
    assert_int_equal(row(&w, a)->attempt, 8);
    assert_int_equal(row(&w, a)->failed_seq, e.seq);
    assert_int_equal(row(&w, a)->due_ms, 0);
    assert_int_equal(row(&w, b)->state, OPEN_QUEUED);
    expect_sound(&w);
}

static void a_retried_event_is_at_its_turn_with_no_attempt_behind_it(void **state)
{
    (void)state;
    static struct world w;
    memset(&w, 0, sizeof w);
    uint64_t a = receive(&w);
    receive(&w);
    park(&w);
    struct entry e = entry(&w, ENTRY_RETRIED);
    e.of_seq = a;

    apply_retried(&w.workflow, row(&w, a), &e);

    assert_int_equal(w.workflow.judging_seq, a);
    assert_int_equal(w.workflow.last_seq, e.seq);
    assert_int_equal(row(&w, a)->state, OPEN_READY);
    assert_int_equal(row(&w, a)->attempt, 0);
    expect_sound(&w);
}

static void a_withdrawn_event_leaves_its_place_wherever_it_stood(void **state)
{
    (void)state;
    static struct world w;
    memset(&w, 0, sizeof w);
    uint64_t held = receive(&w);
    uint64_t a = receive(&w);
    uint64_t b = receive(&w);
    uint64_t c = receive(&w);
    uint64_t d = receive(&w);
    conclude(&w, VERDICT_HELD);
    expect_sound(&w);

    withdraw(&w, c); /* from the midst */
    assert_int_equal(row(&w, b)->next_seq, d);
    expect_sound(&w);
    withdraw(&w, d); /* the tail */
    assert_int_equal(w.workflow.queue_tail, b);
    expect_sound(&w);
    withdraw(&w, held);
    assert_int_equal(w.workflow.held_count, 0);
    expect_sound(&w);
    park(&w);
    withdraw(&w, a); /* at its turn, parked: the next one comes */
    assert_int_equal(w.workflow.judging_seq, b);
    assert_int_equal(row(&w, b)->state, OPEN_READY);
    expect_sound(&w);
    withdraw(&w, b);
    assert_int_equal(w.workflow.judging_seq, 0);
    assert_int_equal(w.workflow.accepted_count, 0);
    expect_sound(&w);
}

static void a_late_finding_is_the_workflows_newest_entry_and_no_more(void **state)
{
    (void)state;
    static struct world w;
    memset(&w, 0, sizeof w);
    receive(&w);
    struct workflow before = w.workflow;
    struct entry e = entry(&w, ENTRY_LATE_FINDING);
    apply_late_finding(&w.workflow, &e);

    before.last_seq = e.seq;
    before.changed_at_ms = e.at_ms;
    assert_memory_equal(&w.workflow, &before, sizeof before);
    expect_sound(&w);
}

static void whatever_happens_in_whatever_order_the_queue_is_sound(void **state)
{
    (void)state;
    static struct world w;
    for (unsigned seed = 1; seed <= 200; seed++) {
        srand(seed);
        memset(&w, 0, sizeof w);
        receive(&w);
        for (int step = 0; step < EVENTS_MAX; step++) {
            uint64_t some = 1 + (uint64_t)rand() % w.seq;
            switch (rand() % 7) {
            case 0:
            case 1:
                receive(&w);
                break;
            case 2:
                if (w.workflow.judging_seq != 0)
                    conclude(&w, VERDICT_HELD);
                break;
            case 3:
                if (w.workflow.judging_seq != 0)
                    conclude(&w, rand() % 2 ? VERDICT_ACCEPTED : VERDICT_REJECTED);
                break;
            case 4:
                if (w.is_open[some] && w.open[some].state == OPEN_HELD)
                    end_wait(&w, some);
                break;
            case 5:
                if (w.workflow.judging_seq != 0)
                    park(&w);
                break;
            default:
                if (w.is_open[some])
                    withdraw(&w, some);
            }
            expect_sound(&w);
        }
    }
}

static void an_audience_names_each_concerned_once(void **state)
{
    (void)state;
    struct workflow workflow = {.lead = {"02E"}, .present_lead = {"QYG"}};
    struct event event = {.type = EVENT_NOTE, .sender = {"0CE"}, .acting_for = {"02E"}};
    struct ods audience[AUDIENCE_MAX];

    assert_int_equal(route_audience(&event, &workflow, audience), 3);
    assert_string_equal(audience[0].text, "02E");
    assert_string_equal(audience[1].text, "QYG");
    assert_string_equal(audience[2].text, "0CE");

    event = (struct event){.type = EVENT_SUPPORT_CONTRACT,
                           .organisation = {"02E"},
                           .sender = {"02E"},
                           .support_contract = {.csu = {"0CE"}}};
    assert_int_equal(route_audience(&event, NULL, audience), 2);
    assert_string_equal(audience[1].text, "0CE");
}

static void those_in_the_audience_and_operators_may_read(void **state)
{
    (void)state;
    struct ods audience[] = {{"02E"}, {"0CE"}};
    static const struct {
        const char *ods;
        uint32_t verbs;
        bool may;
    } cases[] = {
        {"02E", VERB_BIT(VERB_READ), true},    {"0CE", VERB_BIT(VERB_SUBMIT), true},
        {"02E", VERB_BIT(VERB_WORK), false},   {"01F", VERB_BIT(VERB_READ), false},
        {"OPS", VERB_BIT(VERB_OPERATE), true}, {"02E", 0, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct principal principal = {.verbs = cases[i].verbs};
        (void)snprintf(principal.organisation.text, ODS_SIZE, "%s", cases[i].ods);
        assert_int_equal(route_may_read(&principal, audience, 2), cases[i].may);
    }
}

static void a_support_contract_is_for_both_its_parties_to_read(void **state)
{
    struct event event = {.type = EVENT_SUPPORT_CONTRACT,
                          .organisation = {"02E"},
                          .sender = {"X24"},
                          .support_contract = {.csu = {"0CE"}}};
    struct ods audience[AUDIENCE_MAX];

    (void)state;
    assert_int_equal(route_audience(&event, NULL, audience), 3);
    assert_string_equal(audience[0].text, "02E");
    assert_string_equal(audience[1].text, "0CE");
    assert_string_equal(audience[2].text, "X24");

    event.type = EVENT_ALLOTMENT_SET;
    assert_int_equal(route_audience(&event, NULL, audience), 2);
    assert_string_equal(audience[1].text, "X24");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_to_their_turn_in_order),
        cmocka_unit_test(a_held_event_lets_others_pass_and_comes_back_to_the_head),
        cmocka_unit_test(a_failed_attempt_delays_the_event_and_keeps_its_turn),
        cmocka_unit_test(the_last_failed_attempt_parks_the_event_and_those_behind_it_wait),
        cmocka_unit_test(a_retried_event_is_at_its_turn_with_no_attempt_behind_it),
        cmocka_unit_test(a_withdrawn_event_leaves_its_place_wherever_it_stood),
        cmocka_unit_test(a_late_finding_is_the_workflows_newest_entry_and_no_more),
        cmocka_unit_test(whatever_happens_in_whatever_order_the_queue_is_sound),
        cmocka_unit_test(an_audience_names_each_concerned_once),
        cmocka_unit_test(those_in_the_audience_and_operators_may_read),
        cmocka_unit_test(a_support_contract_is_for_both_its_parties_to_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
