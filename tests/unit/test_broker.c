/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "daemon/broker/inside.h"
#include "tests/support/expect.h"

#define ALLOTTED 1000000 /* of 02E and 01F in 2018/19, pence */
#define FLOOD 50000u     /* events of one organisation */
#define OTHERS 10u       /* of another, sent behind them */
#define WIDE 2000u       /* notes of some KiB: more than one turn can give out */

static uint64_t journal_seq(const struct fixture *f)
{
    return store_durable_seq(f->store);
}

/* ---- receipts and verdicts ---- */

static void an_event_gets_a_receipt_and_then_its_verdict(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);

    struct event event = when_sent(f, needs_assessed("02E", "a"));
    const struct out_answer *receipt = answer_to(f, event.id, ANSWER_RECEIPT);
    assert_non_null(receipt);
    assert_int_equal(receipt->answer.seq, journal_seq(f));
    assert_null(answer_to(f, event.id, ANSWER_VERDICT));
    assert_int_equal(f->assignments_count, 1);

    when_found(f, 0, REASON_COUNT);
    expect_verdict(f, event, VERDICT_ACCEPTED, REASON_COUNT);
    const struct out_answer *verdict = answer_to(f, event.id, ANSWER_VERDICT);
    assert_int_equal(verdict->answer.seq, answer_to(f, event.id, ANSWER_RECEIPT)->answer.seq);
    assert_int_equal(verdict->answer.verdict_seq, journal_seq(f));
    assert_int_equal(verdict->to, CLIENT);
}

static void nothing_leaves_before_its_entry_is_durable(void **state)
{
    struct fixture *f = *state;
    struct event event = made(f, needs_assessed("02E", "a"));

    turn_opens(f);
    hand_in(f, CLIENT, &event);
    assert_null(broker_next_owed(f->broker));

    turn_closes(f);
    assert_non_null(answer_to(f, event.id, ANSWER_RECEIPT));
}

static void a_register_event_is_judged_at_once_in_one_entry(void **state)
{
    struct fixture *f = *state;

    struct event event = when_sent(f, allotment_set("02E", 2019, 5000));

    const struct out_answer *verdict = answer_to(f, event.id, ANSWER_VERDICT);
    expect_verdict(f, event, VERDICT_ACCEPTED, REASON_COUNT);
    assert_null(answer_to(f, event.id, ANSWER_RECEIPT));
    assert_int_equal(verdict->answer.seq, verdict->answer.verdict_seq);
    expect_last_entry(f, ENTRY_RECORDED);
}

static void a_rejecting_finding_names_the_workers_reason(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);

    struct event event = when_sent(f, needs_assessed("02E", "a"));
    when_found(f, 0, REASON_UNREGISTERED_MISSING);

    expect_verdict(f, event, VERDICT_REJECTED, REASON_UNREGISTERED_MISSING);
}

static void an_opening_that_was_rejected_reserves_no_name(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    when_sent(f, needs_assessed("02E", "a"));
    when_found(f, 0, REASON_UNREGISTERED_MISSING);

    struct event again = when_sent(f, needs_assessed("02E", "a"));
    when_found(f, 0, REASON_COUNT);

    expect_verdict(f, again, VERDICT_ACCEPTED, REASON_COUNT);
}

static void a_whole_cycle_goes_through_all_stages(void **state)
{
    struct fixture *f = *state;
    struct workflow workflow;
    when_worker_of_all_joins(f, WORKER, 8);
    given_workflow_in(f, "02E", "a", STAGE_REVIEW);

    struct event event = when_sent(f, review_completed("02E", "a"));
    when_all_is_found_good(f);

    expect_verdict(f, event, VERDICT_ACCEPTED, REASON_COUNT);
    struct event first = needs_assessed("02E", "a");
    assert_true(store_find_workflow(f->store, first.lead, &first.reference, &workflow));
    assert_int_equal(workflow.phase, PHASE_COMPLETE);
    assert_int_equal(workflow.accepted_count, 5);
}

static void an_assignment_carries_the_facts_of_stages_before(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    given_workflow_in(f, "02E", "a", STAGE_PROCUREMENT);

    when_sent(f, procurement_started("02E", "a"));

    assert_int_equal(f->assignments_count, 1);
    const struct assignment *assignment = &f->assignments[0].assignment;
    assert_int_equal(assignment->facts_count, 2); /* needs assessed, priorities set */
    assert_int_equal(assignment->stage, STAGE_PROCUREMENT);
    assert_string_equal(assignment->commissioner.ods.text, "02E");
    assert_int_equal(assignment->lease_ms, LEASE_MS);
}

/* ---- repeats ---- */

static void a_repeat_gets_the_first_receipt_and_the_verdict(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    struct event event = when_sent(f, needs_assessed("02E", "a"));
    struct answer first = answer_to(f, event.id, ANSWER_RECEIPT)->answer;
    when_found(f, 0, REASON_UNREGISTERED_MISSING);
    uint64_t before = journal_seq(f);
    f->answers_count = 0;

    turn_opens(f);
    hand_in(f, OTHER_CLIENT, &event);
    turn_closes(f);

    const struct out_answer *receipt = answer_to(f, event.id, ANSWER_RECEIPT);
    assert_non_null(receipt);
    assert_true(receipt->answer.repeated);
    assert_int_equal(receipt->to, OTHER_CLIENT);
    assert_int_equal(receipt->answer.seq, first.seq);
    assert_true(hash_equal(receipt->answer.entry_hash, first.entry_hash));
    expect_verdict(f, event, VERDICT_REJECTED, REASON_UNREGISTERED_MISSING);
    assert_int_equal(journal_seq(f), before);
}

static void a_repeat_in_the_same_batch_is_found(void **state)
{
    struct fixture *f = *state;
    struct event event = made(f, needs_assessed("02E", "a"));
    struct event set = made(f, allotment_set("02E", 2019, 5000));
    uint64_t before = journal_seq(f);

    turn_opens(f);
    hand_in(f, CLIENT, &event);
    hand_in(f, CLIENT, &event);
    hand_in(f, CLIENT, &set);
    hand_in(f, CLIENT, &set);
    turn_closes(f);

    assert_int_equal(journal_seq(f), before + 2);
    assert_int_equal(answers_to(f, event.id, ANSWER_RECEIPT), 2);
    assert_int_equal(answers_to(f, set.id, ANSWER_VERDICT), 2);
    assert_int_equal(answers_to(f, set.id, ANSWER_RECEIPT), 0);
    assert_true(answer_to(f, event.id, ANSWER_RECEIPT)->answer.repeated);
}

static void whoever_repeated_last_hears_the_verdict(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    struct event event = when_sent(f, needs_assessed("02E", "a"));
    turn_opens(f);
    hand_in(f, OTHER_CLIENT, &event);
    turn_closes(f);

    when_found(f, 0, REASON_COUNT);

    assert_int_equal(answers_to(f, event.id, ANSWER_VERDICT), 1);
    assert_int_equal(answer_to(f, event.id, ANSWER_VERDICT)->to, OTHER_CLIENT);
}

static void other_bytes_under_a_known_id_are_refused(void **state)
{
    struct fixture *f = *state;
    struct event first = when_sent(f, needs_assessed("02E", "a"));

    struct event other = note("02E", "a");
    other.id = first.id;
    other = when_sent(f, other);

    expect_refused(f, other, REASON_ID_REUSED);
}

static void the_same_id_in_another_workflow_is_another_event(void **state)
{
    struct fixture *f = *state;
    struct event first = when_sent(f, needs_assessed("02E", "a"));

    struct event other = needs_assessed("02E", "b");
    other.id = first.id;
    when_sent(f, other);

    assert_int_equal(answers_to(f, first.id, ANSWER_RECEIPT), 2);
}

static void an_id_of_another_organisation_is_not_told(void **state)
{
    struct fixture *f = *state;
    struct event first = when_sent(f, needs_assessed("02E", "a"));

    /* 01F may try procurement events in 02E's workflow: R19 would reject it. */
    struct event other = procurement_started("02E", "a");
    other.sender = ods_of("01F");
    other.id = first.id;
    when_sent(f, other);

    expect_refused(f, first, REASON_SENDER_NOT_AUTHORISED);
}

static void a_repeat_under_another_key_is_refused(void **state)
{
    struct fixture *f = *state;
    struct event event = when_sent(f, needs_assessed("02E", "a"));
    struct principal other = principal_of("01F");

    turn_opens(f);
    broker_event(f->broker, OTHER_CLIENT, &other, &event);
    turn_closes(f);

    expect_refused(f, event, REASON_SENDER_NOT_AUTHORISED);
}

static void a_repeat_is_answered_while_draining(void **state)
{
    struct fixture *f = *state;
    struct event event = when_sent(f, needs_assessed("02E", "a"));
    broker_drain(f->broker);
    struct event another = when_sent(f, needs_assessed("02E", "b"));
    turn_opens(f);
    hand_in(f, CLIENT, &event);
    turn_closes(f);

    expect_refused(f, another, REASON_DRAINING);
    assert_true(answer_to(f, event.id, ANSWER_RECEIPT)->answer.repeated);
}

/* ---- at the door ---- */

static void what_the_key_does_not_allow_is_refused_without_an_entry(void **state)
{
    struct fixture *f = *state;
    uint64_t before = journal_seq(f);

    struct event foreign = needs_assessed("02E", "a");
    foreign.sender = ods_of("01F");
    foreign = when_sent(f, foreign);
    struct event by_operator = needs_assessed("02E", "a");
    by_operator.sender = ods_of("OPS");
    by_operator = when_sent(f, by_operator);

    expect_refused(f, foreign, REASON_SENDER_NOT_AUTHORISED);
    expect_refused(f, by_operator, REASON_SENDER_NOT_AUTHORISED);
    assert_int_equal(journal_seq(f), before);
}

static void an_event_that_cannot_be_read_is_refused_and_counted(void **state)
{
    struct fixture *f = *state;
    struct broker_counts counts;
    struct event event = made(f, an_event(EVENT_NEEDS_ASSESSED, "02E", "a"));
    event.bytes.len -= 1;

    turn_opens(f);
    hand_in(f, CLIENT, &event);
    turn_closes(f);

    broker_count(f->broker, &counts);
    assert_int_equal(counts.malformed, 1);
    assert_int_equal(f->answers[f->answers_count - 1].answer.kind, ANSWER_REFUSED);
}

static void more_than_may_be_open_is_busy(void **state)
{
    struct fixture *f = *state;
    struct event last = {0};
    f->options.events_open_max = 5;
    f->options.events_open_sender_max = 3;
    when_restarted(f, false);

    for (uint32_t i = 0; i < 4; i++) {
        char reference[16];
        (void)snprintf(reference, sizeof reference, "r%u", i);
        last = when_sent(f, needs_assessed("02E", reference));
    }

    expect_refused(f, last, REASON_BUSY);
    assert_true(answer_to(f, last.id, ANSWER_REFUSED)->answer.retry_after_ms > 0);
    struct event other = when_sent(f, needs_assessed("01F", "a"));
    assert_non_null(answer_to(f, other.id, ANSWER_RECEIPT));

    /* One judged makes room for one. */
    when_worker_of_all_joins(f, WORKER, 1);
    when_found(f, 0, REASON_COUNT);
    last = when_sent(f, needs_assessed("02E", "r9"));
    assert_non_null(answer_to(f, last.id, ANSWER_RECEIPT));
}

/** @event was refused as BUSY, and told which setting's limit it met. */
static void expect_quota(const struct fixture *f, struct event event, const char *setting)
{
    expect_refused(f, event, REASON_BUSY);
    const struct out_answer *answer = answer_to(f, event.id, ANSWER_REFUSED);
    assert_non_null(strstr(answer->reason.text, setting));
    assert_int_not_equal(answer->answer.retry_after_ms, 0);
}

static void who_sends_too_fast_is_told_when_to_send_again(void **state)
{
    struct fixture *f = *state;
    f->options.events_rate_sender_max = 10;
    f->options.events_burst_sender_max = 2;
    when_restarted(f, false);
    (void)when_sent(f, needs_assessed("02E", "a"));
    struct event known = when_sent(f, needs_assessed("02E", "b"));

    struct event fast = when_sent(f, needs_assessed("02E", "c"));
    struct event other = when_sent(f, needs_assessed("01F", "a"));

    expect_quota(f, fast, "events_rate_sender_max");
    assert_non_null(answer_to(f, other.id, ANSWER_RECEIPT));

    /* What is known is answered again, whatever its sender has used up. */
    known = when_sent(f, known);
    assert_int_equal(answers_to(f, known.id, ANSWER_RECEIPT), 2);
    assert_null(answer_to(f, known.id, ANSWER_REFUSED));

    when_time_passes(f, answer_to(f, fast.id, ANSWER_REFUSED)->answer.retry_after_ms);
    fast = when_sent(f, fast);
    assert_non_null(answer_to(f, fast.id, ANSWER_RECEIPT));
}

static void bytes_under_way_are_bounded_and_counted_again_at_start(void **state)
{
    struct fixture *f = *state;
    struct event first = when_sent(f, needs_assessed("02E", "a"));
    f->options.bytes_open_sender_max = first.bytes.len + 1;
    when_restarted(f, true);

    struct event second = when_sent(f, needs_assessed("02E", "b"));

    expect_quota(f, second, "bytes_open_sender_max");
    when_worker_of_all_joins(f, WORKER, 1);
    when_found(f, 0, REASON_COUNT);
    second = when_sent(f, second);
    assert_non_null(answer_to(f, second.id, ANSWER_RECEIPT));
}

static void a_lead_with_many_open_workflows_opens_no_more(void **state)
{
    struct fixture *f = *state;
    f->options.workflows_open_lead_max = 2;
    when_restarted(f, false);
    when_worker_of_all_joins(f, WORKER, 8);
    given_workflow_in(f, "02E", "a", STAGE_REVIEW);
    given_workflow_in(f, "02E", "b", STAGE_PRIORITIES_SET);

    struct event third = when_sent(f, needs_assessed("02E", "c"));
    struct event within = when_sent(f, note("02E", "b"));
    struct event other = when_sent(f, needs_assessed("01F", "a"));

    expect_quota(f, third, "workflows_open_lead_max");
    assert_non_null(answer_to(f, within.id, ANSWER_RECEIPT));
    assert_non_null(answer_to(f, other.id, ANSWER_RECEIPT));

    /* One that is complete makes room for one, also after a restart. */
    (void)when_sent(f, review_completed("02E", "a"));
    when_all_is_found_good(f);
    when_restarted(f, true);
    third = when_sent(f, third);
    assert_non_null(answer_to(f, third.id, ANSWER_RECEIPT));
}

static void quotas_are_shown_to_whom_they_concern(void **state)
{
    struct fixture *f = *state;
    f->options.events_rate_sender_max = 10;
    f->options.events_burst_sender_max = 5;
    f->options.bytes_open_sender_max = 1000000;
    f->options.workflows_open_lead_max = 9;
    when_restarted(f, false);
    when_worker_of_all_joins(f, WORKER, 8);
    given_workflow_in(f, "01F", "a", STAGE_PRIORITIES_SET);
    struct event open = when_sent(f, needs_assessed("02E", "a"));

    const struct reply *all = when_asked(f, "OPS", "quota list", NULL);

    assert_int_equal(all->rows_count, 2);
    assert_string_equal(cell_of(f, all, 0, "organisation"), "01F");
    assert_string_equal(cell_of(f, all, 0, "workflows"), "1");
    assert_string_equal(cell_of(f, all, 0, "events"), "0");
    assert_string_equal(cell_of(f, all, 1, "organisation"), "02E");
    assert_string_equal(cell_of(f, all, 1, "events"), "1");
    assert_int_equal(strtoul(cell_of(f, all, 1, "bytes"), NULL, 10), open.bytes.len);
    assert_string_equal(cell_of(f, all, 1, "tokens"), "4");
    assert_string_equal(cell_of(f, all, 1, "workflows_max"), "9");

    const struct reply *own = when_asked(f, "02E", "quota list", NULL);
    assert_int_equal(own->rows_count, 1);
    assert_string_equal(cell_of(f, own, 0, "organisation"), "02E");
    const struct reply *others = when_asked(f, "02E", "quota list", "organisation", "01F", NULL);
    assert_int_not_equal(others->error.len, 0);
}

/* ---- behind, and fair ---- */

/** A note of @bytes for the workflow @reference of 02E. */
static struct event long_note(const char *reference, uint32_t bytes)
{
    static uint8_t text[TEXT_BYTES_MAX];
    struct event event = note("02E", reference);
    memset(text, 'x', sizeof text);
    event.note_text = (struct slice){text, bytes};
    return event;
}

static void what_a_start_finds_at_its_turn_is_worked_off_before_more_is_read(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < 20; i++) {
        char reference[16];
        (void)snprintf(reference, sizeof reference, "r%u", i);
        (void)when_sent(f, needs_assessed("02E", reference));
    }
    assert_false(broker_behind(f->broker));

    when_restarted(f, true);

    assert_true(broker_behind(f->broker));
    turns_until_quiet(f);
    assert_false(broker_behind(f->broker));
}

/** Within an open turn: a worker for the stage after the first. */
static void hand_in_hello(struct fixture *f, connection_t worker)
{
    struct principal principal = principal_of("OPS");
    struct hello hello = {
        .stages = {STAGE_PRIORITIES_SET}, .stages_count = 1, .capacity = WORKER_CAPACITY_MAX};
    (void)snprintf(hello.name, sizeof hello.name, "w%u", (unsigned)worker);
    principal.verbs = VERB_BIT(VERB_WORK);
    broker_hello(f->broker, worker, &principal, &hello);
}

static void more_to_give_out_than_a_turn_holds_is_behind_until_it_is_given(void **state)
{
    struct fixture *f = *state;
    when_worker_joins(f, WORKER, STAGE_NEEDS_ASSESSED, 8);
    for (uint32_t i = 0; i < WIDE; i++) {
        char reference[16];
        (void)snprintf(reference, sizeof reference, "r%u", i);
        (void)when_sent(f, needs_assessed("02E", reference));
        when_all_is_found_good(f);
        (void)when_sent(f, long_note(reference, TEXT_BYTES_MAX));
        f->answers_count = 0;
    }
    assert_false(broker_behind(f->broker));

    turn_opens(f);
    hand_in_hello(f, OTHER_WORKER);
    hand_in_hello(f, OTHER_WORKER + 1);
    turn_closes(f);

    assert_true(broker_behind(f->broker));
    assert_true(f->assignments_count < WIDE);
    turns_until_quiet(f);
    assert_false(broker_behind(f->broker));
    assert_int_equal(f->assignments_count, WIDE);
}

static void workers_fill_no_batch_whole(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, WORKER_CAPACITY_MAX);
    for (uint32_t i = 0; i < BATCH_ENTRIES_MAX; i++) {
        char reference[16];
        (void)snprintf(reference, sizeof reference, "r%u", i);
        (void)when_sent(f, needs_assessed("02E", reference));
    }
    assert_int_equal(f->assignments_count, BATCH_ENTRIES_MAX);

    turn_opens(f);
    uint32_t found = 0;
    for (; !broker_crowded(f->broker); found++)
        hand_in_finding(f, 0, REASON_COUNT, NULL);

    assert_int_equal(found, BATCH_ENTRIES_MAX / 4 * 3);
    assert_false(broker_full(f->broker));
    turn_closes(f);
}

static void a_flood_of_one_organisation_does_not_hold_up_the_others(void **state)
{
    struct fixture *f = *state;
    uint32_t verdicts_before_all = 0;
    uint32_t others_judged = 0;
    struct event others[OTHERS];
    f->options.events_open_max = FLOOD + OTHERS;
    f->options.events_open_sender_max = FLOOD;
    when_restarted(f, false);
    turn_opens(f);
    for (uint32_t i = 0; i < FLOOD; i++) {
        char reference[16];
        if (i % 500 == 499) {
            turn_closes(f);
            f->answers_count = 0; /* its receipts */
            turn_opens(f);
        }
        (void)snprintf(reference, sizeof reference, "flood%u", i);
        struct event event = made(f, needs_assessed("02E", reference));
        hand_in(f, CLIENT, &event);
    }
    turn_closes(f);
    f->answers_count = 0;
    turns_until_quiet(f);
    for (uint32_t i = 0; i < OTHERS; i++) {
        char reference[16];
        (void)snprintf(reference, sizeof reference, "other%u", i);
        others[i] = when_sent(f, needs_assessed("01F", reference));
    }
    assert_int_equal(quota_count(f->broker->quota, ods_of("02E")), FLOOD);

    when_worker_of_all_joins(f, WORKER, 4);
    while (others_judged < OTHERS && verdicts_before_all < FLOOD) {
        when_found(f, 0, REASON_COUNT);
        verdicts_before_all++;
        others_judged = 0;
        for (uint32_t i = 0; i < OTHERS; i++)
            others_judged += answer_to(f, others[i].id, ANSWER_VERDICT) != NULL;
    }

    print_message("%u of one organisation, %u of another: these are judged after %u verdicts\n",
                  FLOOD, OTHERS, verdicts_before_all);
    assert_int_equal(others_judged, OTHERS);
    assert_in_range(verdicts_before_all, OTHERS, 36);
}

/* ---- order ---- */

static void a_stale_after_is_a_conflict(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    given_workflow_in(f, "02E", "a", STAGE_PRIORITIES_SET);
    struct event stale = note("02E", "a");
    stale.after_given = true;
    stale.after = 0;
    struct event right = note("02E", "a");
    right.after_given = true;
    right.after = 1;

    stale = when_sent(f, stale);
    right = when_sent(f, right);
    when_all_is_found_good(f);

    expect_verdict(f, stale, VERDICT_REJECTED, REASON_CONFLICT);
    expect_verdict(f, right, VERDICT_ACCEPTED, REASON_COUNT);
}

static void a_stage_out_of_order_is_rejected_by_the_daemon_alone(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    given_workflow_in(f, "02E", "a", STAGE_PRIORITIES_SET);

    struct event event = when_sent(f, contract_awarded("02E", "a", "a-1", 1000));

    expect_verdict(f, event, VERDICT_REJECTED, REASON_STAGE_OUT_OF_ORDER);
    assert_int_equal(f->assignments_count, 0);
}

static void events_of_one_workflow_are_judged_one_at_a_time_in_order(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);

    struct event first = when_sent(f, needs_assessed("02E", "a"));
    struct event second = when_sent(f, priorities_set("02E", "a"));
    struct event third = when_sent(f, note("02E", "a"));
    assert_int_equal(f->assignments_count, 1);

    when_found(f, assignment_of(f, first.id), REASON_COUNT);
    assert_int_equal(f->assignments_count, 1);
    when_found(f, assignment_of(f, second.id), REASON_COUNT);
    assert_int_equal(f->assignments_count, 1);
    assert_int_equal(f->assignments[0].assignment.stage, STAGE_PROCUREMENT);
    when_found(f, assignment_of(f, third.id), REASON_COUNT);

    expect_verdict(f, second, VERDICT_ACCEPTED, REASON_COUNT);
    expect_verdict(f, third, VERDICT_ACCEPTED, REASON_COUNT);
}

static void those_behind_a_rejected_opening_are_judged_in_the_same_turn(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    struct event first = when_sent(f, needs_assessed("02E", "a"));
    struct event behind[20];
    for (uint32_t i = 0; i < ARRAY_LEN(behind); i++)
        behind[i] = when_sent(f, note("02E", "a"));

    when_found(f, assignment_of(f, first.id), REASON_UNREGISTERED_MISSING);

    for (uint32_t i = 0; i < ARRAY_LEN(behind); i++)
        expect_verdict(f, behind[i], VERDICT_REJECTED, REASON_WORKFLOW_UNKNOWN);
}

static void more_at_their_turn_than_a_batch_holds_go_on_in_the_next(void **state)
{
    struct fixture *f = *state;
    const uint32_t many = BATCH_ENTRIES_MAX + 200;
    when_worker_of_all_joins(f, WORKER, 8);
    struct event first = when_sent(f, needs_assessed("02E", "a"));
    for (uint32_t sent = 0; sent < many;) {
        turn_opens(f);
        for (; sent < many && !broker_full(f->broker); sent++) {
            struct event event = made(f, note("02E", "a"));
            hand_in(f, CLIENT, &event);
        }
        turn_closes(f);
    }

    when_found(f, assignment_of(f, first.id), REASON_UNREGISTERED_MISSING);
    turns_until_quiet(f);

    struct broker_counts counts;
    broker_count(f->broker, &counts);
    assert_int_equal(counts.verdicts, 7 + 1 + many); /* 7: the world's registers */
}

/* ---- held ---- */

static void an_award_without_allotment_is_held_and_judged_again_when_it_comes(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    given_workflow_in(f, "02E", "a", STAGE_CONTRACT_AWARD);
    struct event award = contract_awarded("02E", "a", "a-1", 1000);
    award.award.period = (struct period){date_of(2019, 4, 1), date_of(2020, 3, 31)};

    award = when_sent(f, award);
    when_all_is_found_good(f);
    expect_verdict(f, award, VERDICT_HELD, REASON_NO_ALLOTMENT);

    /* Those behind it pass. */
    struct event behind = when_sent(f, note("02E", "a"));
    when_all_is_found_good(f);
    expect_verdict(f, behind, VERDICT_ACCEPTED, REASON_COUNT);

    when_sent(f, allotment_set("02E", 2019, 5000));
    assert_int_equal(f->assignments_count, 1);
    when_all_is_found_good(f);
    expect_verdict(f, award, VERDICT_ACCEPTED, REASON_COUNT);
    assert_int_equal(answers_to(f, award.id, ANSWER_VERDICT), 2);
}

/** An award that was held stands reserved from its acceptance on, whatever was withdrawn while it waited. */
static void an_award_accepted_after_a_later_one_was_withdrawn_stands_reserved(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    given_workflow_in(f, "02E", "a", STAGE_CONTRACT_AWARD);
    struct event held = award_intended("02E", "a", "x", 1000);
    held.award.period = (struct period){date_of(2019, 4, 1), date_of(2020, 3, 31)};
    held = when_sent(f, held);
    when_all_is_found_good(f);
    when_sent(f, award_intended("02E", "a", "x", 2000));
    when_all_is_found_good(f);
    when_sent(f, award_withdrawn("02E", "a", "x"));
    when_all_is_found_good(f);
    when_sent(f, allotment_set("02E", 2019, 5000));
    when_all_is_found_good(f);
    expect_verdict(f, held, VERDICT_ACCEPTED, REASON_COUNT);

    struct event again = when_sent(f, award_intended("02E", "a", "x", 3000));
    when_all_is_found_good(f);
    struct event withdrawn = when_sent(f, award_withdrawn("02E", "a", "x"));
    when_all_is_found_good(f);

    expect_verdict(f, again, VERDICT_REJECTED, REASON_AWARD_EXISTS);
    expect_verdict(f, withdrawn, VERDICT_ACCEPTED, REASON_COUNT);
    struct ledger_year year;
    store_get_ledger(f->store, ods_of("02E"), 2019, &year);
    assert_int_equal(year.reserved_pence, 0);
}

static void a_wait_that_ended_as_the_daemon_died_is_found_at_start(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    given_workflow_in(f, "02E", "a", STAGE_CONTRACT_AWARD);
    struct event award = contract_awarded("02E", "a", "a-1", 1000);
    award.award.period = (struct period){date_of(2019, 4, 1), date_of(2020, 3, 31)};
    award = when_sent(f, award);
    when_all_is_found_good(f);
    struct event set = made(f, allotment_set("02E", 2019, 5000));
    turn_opens(f);
    hand_in(f, CLIENT, &set);
    turn_breaks_off(f);
    uint64_t set_seq = journal_seq(f);

    when_restarted(f, true);
    turns_until_quiet(f);

    assert_int_equal(entry_at(f, journal_seq(f)).kind, ENTRY_WAIT_ENDED);
    assert_int_equal(entry_at(f, journal_seq(f)).by_seq, set_seq);
    when_worker_of_all_joins(f, WORKER, 8);
    assert_int_equal(f->assignments_count, 1);
    when_found(f, 0, REASON_COUNT);
    assert_int_equal(last_entry(f).verdict, VERDICT_ACCEPTED);
}

/** An award of a year that has no allotment yet. */
static struct event early_award(const char *reference, const char *award_id, int32_t year)
{
    struct event award = contract_awarded("02E", reference, award_id, 1000);
    award.award.period = (struct period){date_of(year, 4, 1), date_of(year + 1, 3, 31)};
    return award;
}

static void events_let_go_come_before_younger_ones_and_in_their_order(void **state)
{
    struct fixture *f = *state;
    struct event held[3];
    when_worker_of_all_joins(f, WORKER, 8);
    given_workflow_in(f, "02E", "a", STAGE_CONTRACT_AWARD);
    for (uint32_t i = 0; i < ARRAY_LEN(held); i++) {
        char id[8] = "i0";
        id[1] = (char)('0' + i);
        held[i] = early_award("a", id, 2019);
        held[i].type = EVENT_AWARD_INTENDED;
        held[i] = when_sent(f, held[i]);
    }
    when_all_is_found_good(f);
    expect_verdict(f, held[2], VERDICT_HELD, REASON_NO_ALLOTMENT);
    struct event judged = when_sent(f, note("02E", "a"));
    struct event behind = when_sent(f, note("02E", "a"));

    when_sent(f, allotment_set("02E", 2019, 5000));
    assert_int_equal(assignment_of(f, held[0].id), UINT32_MAX); /* one is judged at a time */
    when_found(f, assignment_of(f, judged.id), REASON_COUNT);

    for (uint32_t i = 0; i < ARRAY_LEN(held); i++) {
        assert_int_equal(f->assignments_count, 1);
        when_found(f, assignment_of(f, held[i].id), REASON_COUNT);
        expect_verdict(f, held[i], VERDICT_ACCEPTED, REASON_COUNT);
    }
    assert_int_not_equal(assignment_of(f, behind.id), UINT32_MAX);
}

static void more_waits_that_end_at_once_than_are_remembered_all_end(void **state)
{
    struct fixture *f = *state;
    struct event held[RELEASES_MAX + 6];
    when_worker_of_all_joins(f, WORKER, 100);
    for (uint32_t i = 0; i < ARRAY_LEN(held); i++) {
        char reference[16];
        (void)snprintf(reference, sizeof reference, "r%u", i);
        when_sent(f, adopted("02E", reference, STAGE_CONTRACT_AWARD));
        held[i] = when_sent(f, early_award(reference, "a-1", 2030 + (int32_t)i));
    }
    when_all_is_found_good(f);
    turn_opens(f);
    for (uint32_t i = 0; i < ARRAY_LEN(held); i++) {
        struct event set = made(f, allotment_set("02E", 2030 + (int32_t)i, 5000));
        hand_in(f, CLIENT, &set);
    }
    turn_closes(f);

    turns_until_quiet(f);
    when_all_is_found_good(f);

    for (uint32_t i = 0; i < ARRAY_LEN(held); i++)
        expect_verdict(f, held[i], VERDICT_ACCEPTED, REASON_COUNT);
}

/* ---- money ---- */

/** Each is rejected at once, so that the next is at its turn in the same batch. */
static void a_batch_of_events_about_many_awards_is_judged(void **state)
{
    struct fixture *f = *state;
    struct provider providers[16];
    for (uint32_t i = 0; i < ARRAY_LEN(providers); i++)
        providers[i] = (struct provider){.scheme = slice_of("GB-COH"),
                                         .id = slice_of("01234567"),
                                         .name = slice_of("a provider of services, one of many"),
                                         .kind = PROVIDER_INDEPENDENT};
    when_worker_of_all_joins(f, WORKER, 8);
    given_workflow_in(f, "02E", "a", STAGE_CONTRACT_AWARD);
    for (uint32_t i = 0; i < FACTS_MAX - 1; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "a-%u", i);
        struct event intended = award_intended("02E", "a", id, 1);
        intended.award.providers = providers;
        intended.award.providers_count = ARRAY_LEN(providers);
        when_sent(f, intended);
        when_all_is_found_good(f);
    }

    struct event last = {0};
    turn_opens(f);
    for (uint32_t i = 0; i < 400; i++) {
        struct event early = award_withdrawn("02E", "a", "a-1");
        early.occurred_on = date_of(2018, 8, 1);
        last = made(f, early);
        hand_in(f, CLIENT, &last);
    }
    turn_closes(f);

    expect_verdict(f, last, VERDICT_REJECTED, REASON_DATE_IN_FUTURE);
}

static void the_second_of_two_competing_awards_exceeds_what_is_left(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    given_workflow_in(f, "02E", "a", STAGE_CONTRACT_AWARD);
    given_workflow_in(f, "02E", "b", STAGE_CONTRACT_AWARD);
    struct event first = when_sent(f, contract_awarded("02E", "a", "a-1", ALLOTTED - 1));
    struct event second = when_sent(f, contract_awarded("02E", "b", "b-1", 2));
    assert_int_equal(f->assignments_count, 2); /* both were within the allotment at their turn */

    when_found(f, assignment_of(f, second.id), REASON_COUNT);
    when_found(f, assignment_of(f, first.id), REASON_COUNT);

    expect_verdict(f, second, VERDICT_ACCEPTED, REASON_COUNT);
    expect_verdict(f, first, VERDICT_REJECTED, REASON_BUDGET_EXCEEDED);
    struct ledger_year year;
    store_get_ledger(f->store, ods_of("02E"), 2018, &year);
    assert_int_equal(year.committed_pence, 2);
}

static void two_findings_in_one_batch_see_each_others_money(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    given_workflow_in(f, "02E", "a", STAGE_CONTRACT_AWARD);
    given_workflow_in(f, "02E", "b", STAGE_CONTRACT_AWARD);
    struct event first = when_sent(f, award_intended("02E", "a", "a-1", ALLOTTED));
    struct event second = when_sent(f, award_intended("02E", "b", "b-1", ALLOTTED));

    turn_opens(f);
    hand_in_finding(f, 0, REASON_COUNT, NULL);
    hand_in_finding(f, 0, REASON_COUNT, NULL);
    turn_closes(f);

    expect_verdict(f, first, VERDICT_ACCEPTED, REASON_COUNT);
    expect_verdict(f, second, VERDICT_REJECTED, REASON_BUDGET_EXCEEDED);
}

static void a_withdrawn_award_gives_its_money_back(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    given_workflow_in(f, "02E", "a", STAGE_CONTRACT_AWARD);
    when_sent(f, award_intended("02E", "a", "a-1", ALLOTTED));
    when_sent(f, award_withdrawn("02E", "a", "a-1"));
    struct event again = when_sent(f, award_intended("02E", "a", "a-2", ALLOTTED));
    when_all_is_found_good(f);

    expect_verdict(f, again, VERDICT_ACCEPTED, REASON_COUNT);
    struct event awarded = when_sent(f, contract_awarded("02E", "a", "a-2", ALLOTTED - 5));
    when_all_is_found_good(f);
    expect_verdict(f, awarded, VERDICT_ACCEPTED, REASON_COUNT);
    struct ledger_year year;
    store_get_ledger(f->store, ods_of("02E"), 2018, &year);
    assert_int_equal(year.reserved_pence, 0);
    assert_int_equal(year.committed_pence, ALLOTTED - 5);
}

/* ---- support units ---- */

static void a_support_unit_sends_but_never_decides(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);

    struct event sent = when_sent(f, by_csu(needs_assessed("02E", "a"), "0CE"));
    when_all_is_found_good(f);
    struct event decided = when_sent(f, by_csu(priorities_set("02E", "a"), "0CE"));
    struct event elsewhere = when_sent(f, by_csu(needs_assessed("01F", "a"), "0CE"));

    expect_verdict(f, sent, VERDICT_ACCEPTED, REASON_COUNT);
    expect_verdict(f, decided, VERDICT_REJECTED, REASON_CSU_CANNOT_DECIDE);
    expect_verdict(f, elsewhere, VERDICT_REJECTED, REASON_CSU_NOT_CONTRACTED);
}

/* ---- workers ---- */

static void what_a_gone_worker_held_goes_to_another_at_once(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    struct event event = when_sent(f, needs_assessed("02E", "a"));
    when_worker_of_all_joins(f, OTHER_WORKER, 8);

    turn_opens(f);
    broker_gone(f->broker, WORKER);
    turn_closes(f);

    assert_int_equal(f->assignments_count, 2);
    assert_int_equal(f->assignments[1].to, OTHER_WORKER);
    assert_int_equal(f->assignments[1].assignment.attempt, 2);
    struct entry failed = last_entry(f);
    assert_int_equal(failed.kind, ENTRY_ATTEMPT_FAILED);
    assert_int_equal(failed.next_at_ms, f->now.wall_ms);
    when_found(f, 1, REASON_COUNT);
    expect_verdict(f, event, VERDICT_ACCEPTED, REASON_COUNT);
}

static void a_silent_worker_is_taken_for_gone(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    when_sent(f, needs_assessed("02E", "a"));
    when_time_passes(f, BEATS_MISSED_MS - 1);
    when_worker_of_all_joins(f, OTHER_WORKER, 8);
    assert_int_equal(f->assignments_count, 1);
    assert_int_equal(broker_due_ms(f->broker), f->now.mono_ms + 1);

    when_time_passes(f, 1);
    a_turn(f);

    assert_int_equal(f->assignments_count, 2);
    assert_int_equal(f->assignments[1].to, OTHER_WORKER);
}

static void a_worker_that_beats_keeps_its_work_until_the_lease_ends(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    when_sent(f, needs_assessed("02E", "a"));

    for (int64_t ms = 0; ms < LEASE_MS; ms += BEAT_MS) {
        when_time_passes(f, BEAT_MS);
        turn_opens(f);
        broker_beat(f->broker, WORKER);
        turn_closes(f);
        assert_int_equal(f->assignments_count, 1);
    }

    /* A lost lease comes back after a while, not at once. */
    expect_last_entry(f, ENTRY_ATTEMPT_FAILED);
    int64_t due_ms = last_entry(f).next_at_ms - f->now.wall_ms;
    assert_in_range(due_ms, 250, 500);
    when_time_passes(f, due_ms);
    a_turn(f);
    assert_int_equal(f->assignments_count, 2);
    assert_int_equal(f->assignments[1].assignment.attempt, 2);
}

static void a_worker_that_says_bye_gives_back_without_an_entry(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    when_sent(f, needs_assessed("02E", "a"));
    when_worker_of_all_joins(f, OTHER_WORKER, 8);
    uint64_t before = journal_seq(f);

    turn_opens(f);
    broker_bye(f->broker, WORKER);
    turn_closes(f);

    assert_int_equal(journal_seq(f), before);
    assert_int_equal(f->assignments_count, 2);
    assert_int_equal(f->assignments[1].to, OTHER_WORKER);
    assert_int_equal(f->assignments[1].assignment.attempt, 1);
}

static void an_offer_that_is_not_accepted_goes_to_another_and_is_no_attempt(void **state)
{
    struct fixture *f = *state;
    struct broker_counts counts;
    f->deaf = true;
    when_worker_of_all_joins(f, WORKER, 8);
    when_sent(f, needs_assessed("02E", "a"));
    when_worker_of_all_joins(f, OTHER_WORKER, 8);
    assert_int_equal(f->assignments_count, 1);
    assert_int_equal(f->assignments[0].to, WORKER);
    assert_int_equal(f->welcome.accept_ms, ACCEPT_MS);
    assert_int_equal(f->welcome.lease_ms, LEASE_MS);
    uint64_t before = journal_seq(f);

    when_time_passes(f, ACCEPT_MS - 1);
    a_turn(f);
    assert_int_equal(f->assignments_count, 1);
    assert_int_equal(broker_due_ms(f->broker), f->now.mono_ms + 1);
    when_time_passes(f, 1);
    a_turn(f);

    assert_int_equal(f->assignments_count, 2);
    assert_int_equal(f->assignments[1].to, OTHER_WORKER);
    assert_int_equal(f->assignments[1].assignment.attempt, 1);
    assert_int_equal(journal_seq(f), before);
    broker_count(f->broker, &counts);
    assert_int_equal(counts.offers_lapsed, 1);
    assert_int_equal(counts.attempts_failed, 0);

    /* What the first one says now is late. */
    when_found(f, 0, REASON_COUNT);
    expect_last_entry(f, ENTRY_LATE_FINDING);
}

static void a_deaf_worker_is_given_work_again_when_it_accepts_late(void **state)
{
    struct fixture *f = *state;
    f->deaf = true;
    when_worker_of_all_joins(f, WORKER, 8);
    when_sent(f, needs_assessed("02E", "a"));
    when_time_passes(f, ACCEPT_MS);
    a_turn(f);
    turn_opens(f);
    broker_beat(f->broker, WORKER);
    turn_closes(f);
    assert_int_equal(f->assignments_count, 1); /* a beat says nothing of the offer */

    struct assignment_token token = {f->assignments[0].assignment.token,
                                     f->assignments[0].assignment.seq};
    turn_opens(f);
    broker_accepts(f->broker, WORKER, &token, 1);
    turn_closes(f);

    assert_int_equal(f->assignments_count, 2);
    assert_int_equal(f->assignments[1].to, WORKER);
    assert_int_equal(f->assignments[1].assignment.attempt, 1);
}

/* Until the offer in the list's last place lapses. */
static void when_an_offer_lapses(struct fixture *f, connection_t next)
{
    when_worker_of_all_joins(f, next, 8);
    when_time_passes(f, ACCEPT_MS);
    a_turn(f);
}

static void offers_lapse_one_after_another_before_they_are_an_attempt(void **state)
{
    struct fixture *f = *state;
    struct broker_counts counts;
    f->deaf = true;
    when_worker_of_all_joins(f, WORKER, 8);
    when_sent(f, needs_assessed("02E", "a"));
    when_an_offer_lapses(f, WORKER + 1);
    when_an_offer_lapses(f, WORKER + 2);
    assert_int_equal(f->assignments_count, 3);

    /* The third worker takes it, and loses its lease: that is an attempt, and the offers count from nothing again. */
    struct assignment_token token = {f->assignments[2].assignment.token,
                                     f->assignments[2].assignment.seq};
    turn_opens(f);
    broker_accepts(f->broker, WORKER + 2, &token, 1);
    turn_closes(f);
    when_worker_of_all_joins(f, WORKER + 3, 8);
    for (int64_t ms = 0; ms <= LEASE_MS; ms += BEAT_MS) {
        when_time_passes(f, BEAT_MS);
        turn_opens(f);
        broker_beat(f->broker, WORKER + 2);
        broker_beat(f->broker, WORKER + 3);
        turn_closes(f);
    }
    broker_count(f->broker, &counts);
    assert_int_equal(counts.attempts_failed, 1);
    assert_int_equal(f->assignments_count, 4);
    when_an_offer_lapses(f, WORKER + 4);

    broker_count(f->broker, &counts);
    assert_int_equal(counts.attempts_failed, 1);
}

static void a_finding_accepts_what_was_offered(void **state)
{
    struct fixture *f = *state;
    f->deaf = true;
    when_worker_of_all_joins(f, WORKER, 8);
    struct event event = when_sent(f, needs_assessed("02E", "a"));

    when_found(f, 0, REASON_COUNT);

    expect_verdict(f, event, VERDICT_ACCEPTED, REASON_COUNT);
}

static void progress_keeps_the_lease_for_as_long_as_it_comes(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    struct event event = when_sent(f, needs_assessed("02E", "a"));
    struct assignment_token token = {f->assignments[0].assignment.token,
                                     f->assignments[0].assignment.seq};

    for (int64_t ms = 0; ms < 4 * LEASE_MS; ms += BEAT_MS) {
        when_time_passes(f, BEAT_MS);
        turn_opens(f);
        broker_progresses(f->broker, WORKER, &token, 1);
        turn_closes(f);
    }
    assert_int_equal(f->assignments_count, 1);
    when_found(f, 0, REASON_COUNT);

    expect_verdict(f, event, VERDICT_ACCEPTED, REASON_COUNT);
}

static void a_token_of_another_run_accepts_nothing(void **state)
{
    struct fixture *f = *state;
    f->deaf = true;
    when_worker_of_all_joins(f, WORKER, 8);
    when_sent(f, needs_assessed("02E", "a"));
    struct assignment_token token = {f->assignments[0].assignment.token,
                                     f->assignments[0].assignment.seq};
    token.token.run--;

    turn_opens(f);
    broker_accepts(f->broker, WORKER, &token, 1);
    broker_progresses(f->broker, WORKER, &token, 1);
    broker_accepts(f->broker, OTHER_WORKER, &token, 1); /* not here at all */
    turn_closes(f);
    when_time_passes(f, ACCEPT_MS);
    when_worker_of_all_joins(f, OTHER_WORKER, 8);

    assert_int_equal(f->assignments_count, 2);
}

static void
a_worker_that_goes_before_it_accepts_costs_no_attempt_but_a_killer_of_workers_does(void **state)
{
    struct fixture *f = *state;
    f->deaf = true;
    when_sent(f, needs_assessed("02E", "a"));
    uint64_t before = journal_seq(f);

    for (uint32_t gone = 1; gone <= OFFERS_LOST_MAX; gone++) {
        when_worker_of_all_joins(f, WORKER, 8);
        assert_int_equal(f->assignments[gone - 1].assignment.attempt, 1);
        turn_opens(f);
        broker_gone(f->broker, WORKER);
        turn_closes(f);
        assert_int_equal(journal_seq(f), before);
    }
    for (uint32_t attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
        when_worker_of_all_joins(f, WORKER, 8);
        turn_opens(f);
        broker_gone(f->broker, WORKER);
        turn_closes(f);
        assert_int_equal(last_entry(f).kind, ENTRY_ATTEMPT_FAILED);
        assert_int_equal(last_entry(f).attempt, attempt);
        when_time_passes(f, 60000);
    }
    assert_true(last_entry(f).parked);
}

static void what_nobody_ever_accepts_is_parked_at_last(void **state)
{
    struct fixture *f = *state;
    uint32_t offers = 0;
    f->deaf = true;
    when_sent(f, needs_assessed("02E", "a"));

    while (!last_entry(f).parked) {
        assert_true(offers++ < 2 * ATTEMPTS_MAX);
        when_worker_of_all_joins(f, WORKER, 8);
        assert_int_equal(f->assignments_count, offers);
        when_time_passes(f, ACCEPT_MS);
        a_turn(f);
        when_time_passes(f, 60000); /* and it falls silent */
    }

    assert_int_equal(offers, OFFERS_LOST_MAX + ATTEMPTS_MAX);
    assert_memory_equal(last_entry(f).error.bytes, "not accepted in time", 20);
}

static void a_drained_worker_is_told_finishes_and_gets_nothing_new(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    struct event event = when_sent(f, needs_assessed("02E", "a"));
    assert_false(f->welcome.drain);
    uint32_t welcomes = f->welcomes_count;

    turn_opens(f);
    assert_int_equal(roster_drain(f->broker->roster, "worker-2001"), 1);
    turn_closes(f);
    assert_int_equal(f->welcomes_count, welcomes + 1);
    assert_true(f->welcome.drain);
    when_sent(f, needs_assessed("02E", "b"));
    assert_int_equal(f->assignments_count, 1);
    turn_opens(f);
    broker_beat(f->broker, WORKER);
    turn_closes(f);
    assert_true(f->welcome.drain);

    when_found(f, 0, REASON_COUNT);
    expect_verdict(f, event, VERDICT_ACCEPTED, REASON_COUNT);
    assert_int_equal(f->assignments_count, 0);
    when_worker_of_all_joins(f, OTHER_WORKER, 8);
    assert_false(f->welcome.drain);
    assert_int_equal(f->assignments_count, 1);
}

static void an_error_is_tried_again_later_and_later_and_then_the_event_is_parked(void **state)
{
    struct fixture *f = *state;
    struct broker_counts counts;
    int64_t longest_ms = 0;
    when_worker_of_all_joins(f, WORKER, 8);
    struct event event = when_sent(f, needs_assessed("02E", "a"));
    struct event behind = when_sent(f, note("02E", "a"));

    for (uint32_t attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
        assert_int_equal(f->assignments_count, 1);
        assert_int_equal(f->assignments[0].assignment.attempt, attempt);
        when_worker_fails(f, 0, "no memory");
        struct entry failed = last_entry(f);
        assert_int_equal(failed.kind, ENTRY_ATTEMPT_FAILED);
        assert_int_equal(failed.attempt, attempt);
        assert_int_equal(failed.parked, attempt == ATTEMPTS_MAX);
        if (attempt == ATTEMPTS_MAX)
            break;
        longest_ms = failed.next_at_ms - f->now.wall_ms;
        assert_in_range(longest_ms, 250 << (attempt - 1), 500 << (attempt - 1));
        when_time_passes(f, longest_ms);
        when_worker_of_all_joins(f, WORKER, 8);
    }
    assert_int_equal(last_entry(f).next_at_ms, 0);
    assert_int_equal(last_entry(f).error.len, strlen("no memory"));
    broker_count(f->broker, &counts);
    assert_int_equal(counts.parked, 1);
    assert_int_equal(counts.parkings, 1);
    assert_int_equal(counts.parked_last_seq, last_entry(f).of_seq);

    /* Nothing tries it again, nor what is behind it: not time, not a new worker, not a restart. */
    when_time_passes(f, 24 * 3600 * 1000);
    turns_until_quiet(f);
    when_restarted(f, true);
    when_worker_of_all_joins(f, WORKER, 8);
    turns_until_quiet(f);
    assert_int_equal(f->assignments_count, 0);
    assert_null(answer_to(f, event.id, ANSWER_VERDICT));
    assert_null(answer_to(f, behind.id, ANSWER_VERDICT));
    broker_count(f->broker, &counts);
    assert_int_equal(counts.parked, 1);
    assert_int_equal(counts.parkings, 0); /* of this run */
}

static void a_worker_that_dies_of_it_again_and_again_is_an_attempt_each_time(void **state)
{
    struct fixture *f = *state;
    struct broker_counts counts;
    when_sent(f, needs_assessed("02E", "a"));

    for (uint32_t attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
        when_worker_of_all_joins(f, WORKER, 8);
        assert_int_equal(f->assignments_count, 1);
        assert_int_equal(f->assignments[0].assignment.attempt, attempt);
        f->assignments_count = 0;
        turn_opens(f);
        broker_gone(f->broker, WORKER);
        turn_closes(f);
        assert_int_equal(last_entry(f).attempt, attempt);
        when_time_passes(f, 60000);
    }

    assert_true(last_entry(f).parked);
    broker_count(f->broker, &counts);
    assert_int_equal(counts.parked, 1);
    assert_int_equal(counts.attempts_failed, ATTEMPTS_MAX);
}

static void a_table_of_ones_own_says_how_often_and_how_soon(void **state)
{
    static const struct stage_row rows[] = {
        {STAGE_NEEDS_ASSESSED, 100, 200, 2, 10, 10}, {STAGE_PRIORITIES_SET, 100, 200, 2, 10, 10},
        {STAGE_PROCUREMENT, 100, 200, 2, 10, 10},    {STAGE_CONTRACT_AWARD, 100, 200, 2, 10, 10},
        {STAGE_REVIEW, 100, 200, 2, 10, 10},
    };
    struct fixture *f = *state;
    f->options.stages = rows;
    when_restarted(f, false);
    when_worker_of_all_joins(f, WORKER, 8);
    when_sent(f, needs_assessed("02E", "a"));

    when_worker_fails(f, 0, "no");
    assert_in_range(last_entry(f).next_at_ms - f->now.wall_ms, 5, 10);
    when_time_passes(f, 10);
    a_turn(f);
    when_worker_fails(f, 0, "no");

    assert_true(last_entry(f).parked);
}

static void a_workers_error_is_cut_between_characters(void **state)
{
    struct fixture *f = *state;
    char error[400];
    for (size_t i = 0; i + 3 < sizeof error; i += 3)
        memcpy(error + i, "\xe2\x82\xac", 4);
    when_worker_of_all_joins(f, WORKER, 8);
    when_sent(f, needs_assessed("02E", "a"));

    when_worker_fails(f, 0, error);

    assert_int_equal(last_entry(f).error.len % 3, 0); /* and it could be read back at all */
}

static void a_finding_that_comes_late_is_refused_and_kept_once(void **state)
{
    struct fixture *f = *state;
    struct broker_counts counts;
    when_worker_of_all_joins(f, WORKER, 8);
    struct event event = when_sent(f, needs_assessed("02E", "a"));
    when_worker_of_all_joins(f, OTHER_WORKER, 8);
    turn_opens(f);
    broker_gone(f->broker, WORKER);
    turn_closes(f);
    struct out_assignment late = f->assignments[0];
    uint64_t before = journal_seq(f);

    when_found(f, 0, REASON_UNREGISTERED_MISSING); /* the first worker's */

    assert_null(answer_to(f, event.id, ANSWER_VERDICT));
    assert_int_equal(journal_seq(f), before + 1);
    struct entry kept = last_entry(f);
    assert_int_equal(kept.kind, ENTRY_LATE_FINDING);
    assert_int_equal(kept.of_seq, late.assignment.seq);
    assert_int_equal(kept.token.counter, late.assignment.token.counter);
    assert_int_equal(kept.attempt, 1);
    assert_int_equal(kept.worker.len, strlen("worker-2001"));
    assert_int_equal(kept.reasons[0].code, REASON_UNREGISTERED_MISSING);

    /* Said again it is counted, no more; and it is shown after the event was judged by another. */
    f->assignments[1] = late;
    f->assignments_count = 2;
    when_found(f, 1, REASON_UNREGISTERED_MISSING);
    assert_int_equal(journal_seq(f), before + 1);
    when_found(f, 0, REASON_COUNT);
    expect_verdict(f, event, VERDICT_ACCEPTED, REASON_COUNT);
    broker_count(f->broker, &counts);
    assert_int_equal(counts.late_findings, 2);
}

static void a_finding_for_an_event_that_is_judged_already_is_kept_too(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    struct event event = when_sent(f, needs_assessed("02E", "a"));
    when_worker_of_all_joins(f, OTHER_WORKER, 8);
    turn_opens(f);
    broker_gone(f->broker, WORKER);
    turn_closes(f);
    struct out_assignment late = f->assignments[0];
    when_found(f, 1, REASON_COUNT);
    expect_verdict(f, event, VERDICT_ACCEPTED, REASON_COUNT);
    uint64_t judged_seq = journal_seq(f);

    f->assignments[0] = late;
    f->assignments_count = 1;
    when_found(f, 0, REASON_COUNT);

    assert_int_equal(last_entry(f).kind, ENTRY_LATE_FINDING);
    assert_int_equal(last_entry(f).previous, judged_seq);
    assert_int_equal(answers_to(f, event.id, ANSWER_VERDICT), 1);
}

static void another_workers_token_does_not_count(void **state)
{
    struct fixture *f = *state;
    struct broker_counts counts;
    when_worker_of_all_joins(f, WORKER, 8);
    when_sent(f, needs_assessed("02E", "a"));
    when_worker_of_all_joins(f, OTHER_WORKER, 8);

    f->assignments[0].to = OTHER_WORKER;
    when_found(f, 0, REASON_COUNT);

    broker_count(f->broker, &counts);
    assert_int_equal(counts.late_findings, 1);
    assert_int_equal(counts.leased, 1);
}

static void a_token_of_the_last_run_is_late(void **state)
{
    struct fixture *f = *state;
    struct broker_counts counts;
    when_worker_of_all_joins(f, WORKER, 8);
    when_sent(f, needs_assessed("02E", "a"));
    struct out_assignment old = f->assignments[0];
    when_restarted(f, true);
    when_worker_of_all_joins(f, WORKER, 8);
    assert_int_equal(f->assignments_count, 1);
    assert_true(f->assignments[0].assignment.token.run > old.assignment.token.run);

    f->assignments[1] = old;
    f->assignments_count = 2;
    when_found(f, 1, REASON_COUNT);

    broker_count(f->broker, &counts);
    assert_int_equal(counts.late_findings, 1);
    assert_int_equal(last_entry(f).kind, ENTRY_LATE_FINDING);
    assert_int_equal(last_entry(f).token.run, old.assignment.token.run);

    /* One for each event is kept: whoever repeats it fills no journal. */
    uint64_t before = journal_seq(f);
    old.assignment.token.counter++;
    f->assignments[1] = old;
    f->assignments_count = 2;
    when_found(f, 1, REASON_COUNT);
    assert_int_equal(journal_seq(f), before);
    broker_count(f->broker, &counts);
    assert_int_equal(counts.late_findings, 2);
}

static void a_worker_gets_no_more_than_its_capacity(void **state)
{
    struct fixture *f = *state;
    when_worker_joins(f, WORKER, STAGE_NEEDS_ASSESSED, 2);
    for (uint32_t i = 0; i < 5; i++) {
        char reference[16];
        (void)snprintf(reference, sizeof reference, "r%u", i);
        when_sent(f, needs_assessed("02E", reference));
    }
    assert_int_equal(f->assignments_count, 2);

    when_found(f, 0, REASON_COUNT);

    assert_int_equal(f->assignments_count, 2);
}

static void a_beat_is_answered_and_a_strangers_is_told_to_join(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 1);
    assert_string_equal(f->welcome_error, "");
    assert_int_equal(f->welcome.run, store_run(f->store));

    turn_opens(f);
    broker_beat(f->broker, WORKER);
    turn_closes(f);
    assert_string_equal(f->welcome_error, "");
    turn_opens(f);
    broker_beat(f->broker, OTHER_WORKER);
    turn_closes(f);
    assert_memory_equal(f->welcome_error, "NOT_FOUND", 9);
}

static void a_key_without_the_verb_work_does_not_join(void **state)
{
    struct fixture *f = *state;
    struct principal principal = principal_of("02E");
    struct hello hello = {.stages = {STAGE_REVIEW}, .stages_count = 1, .capacity = 1};

    turn_opens(f);
    broker_hello(f->broker, WORKER, &principal, &hello);
    turn_closes(f);

    assert_memory_equal(f->welcome_error, "SENDER_NOT_AUTHORISED", 21);
}

static void an_assignment_carries_the_registered_providers(void **state)
{
    struct fixture *f = *state;
    struct provider providers[] = {
        {.scheme = slice_of("GB-COH"),
         .id = slice_of("01234567"),
         .name = slice_of("Ltd"),
         .kind = PROVIDER_INDEPENDENT},
        {.scheme = slice_of("GB-NHS"),
         .id = slice_of("RWW"),
         .name = slice_of("Trust"),
         .kind = PROVIDER_NHS_FT},
        {.scheme = slice_of("GB-NHS"),
         .id = slice_of("RZZ"),
         .name = slice_of("Unknown"),
         .kind = PROVIDER_NHS_FT},
    };
    when_worker_of_all_joins(f, WORKER, 8);
    when_sent(f, organisation_registered("RWW", ORGANISATION_PROVIDER));
    given_workflow_in(f, "02E", "a", STAGE_CONTRACT_AWARD);
    struct event award = contract_awarded("02E", "a", "a-1", 1000);
    award.award.providers = providers;
    award.award.providers_count = ARRAY_LEN(providers);

    when_sent(f, award);

    assert_int_equal(f->assignments[0].assignment.providers_count, 1);
    assert_int_equal(f->assignments[0].assignment.facts_count, 1);
}

static void more_assignments_than_a_turn_holds_go_on_in_the_next(void **state)
{
    struct fixture *f = *state;
    static char evidence[TEXT_BYTES_MAX];
    const uint32_t many = 2000;
    memset(evidence, 'e', sizeof evidence);
    for (uint32_t sent = 0; sent < many;) {
        turn_opens(f);
        for (; sent < many && !broker_full(f->broker); sent++) {
            char reference[16];
            (void)snprintf(reference, sizeof reference, "r%u", sent);
            struct event event = adopted("02E", reference, STAGE_PROCUREMENT);
            event.adopted.evidence = (struct slice){(const uint8_t *)evidence, sizeof evidence};
            event.adopted.reason = event.adopted.evidence;
            event = made(f, event);
            hand_in(f, CLIENT, &event);
            arena_reset(f->decoded);
        }
        turn_closes(f);
    }
    when_worker_of_all_joins(f, WORKER, WORKER_CAPACITY_MAX);
    when_worker_of_all_joins(f, OTHER_WORKER, WORKER_CAPACITY_MAX);
    assert_true(f->assignments_count < many);

    turns_until_quiet(f);

    assert_int_equal(f->assignments_count, many);
}

static void a_hello_without_stages_or_room_is_refused(void **state)
{
    struct fixture *f = *state;
    when_worker_joins(f, WORKER, STAGE_REVIEW, 0);
    assert_memory_equal(f->welcome_error, "FIELD_MISSING", 13);

    for (uint32_t i = 0; i < f->options.workers_max; i++)
        when_worker_joins(f, WORKER + i, STAGE_REVIEW, 1);
    when_worker_joins(f, WORKER + f->options.workers_max, STAGE_REVIEW, 1);

    assert_memory_equal(f->welcome_error, "BUSY", 4);
}

/* ---- restart ---- */

static void a_restart_keeps_all_that_has_a_receipt(void **state)
{
    struct fixture *f = *state;
    for (int killed = 0; killed <= 1; killed++) {
        char name[16];
        when_worker_of_all_joins(f, WORKER, 8);
        (void)snprintf(name, sizeof name, "h%d", killed);
        given_workflow_in(f, "02E", name, STAGE_CONTRACT_AWARD);
        struct event held = contract_awarded("02E", name, "a-1", 1);
        held.award.period = (struct period){date_of(2030 + killed, 4, 1), DATE_NONE};
        held = when_sent(f, held);
        when_all_is_found_good(f);
        (void)snprintf(name, sizeof name, "d%d", killed);
        struct event delayed = when_sent(f, needs_assessed("02E", name));
        when_worker_fails(f, assignment_of(f, delayed.id), "no");
        (void)snprintf(name, sizeof name, "l%d", killed);
        struct event leased = when_sent(f, needs_assessed("02E", name));
        struct event queued = when_sent(f, note("02E", name));

        when_restarted(f, killed != 0);
        turns_until_quiet(f);
        when_worker_of_all_joins(f, WORKER, 8);

        assert_int_not_equal(assignment_of(f, leased.id), UINT32_MAX);
        assert_int_equal(assignment_of(f, delayed.id), UINT32_MAX);
        when_time_passes(f, 500);
        a_turn(f);
        assert_int_not_equal(assignment_of(f, delayed.id), UINT32_MAX);
        when_all_is_found_good(f);
        when_sent(f, allotment_set("02E", 2030 + killed, 100));
        when_all_is_found_good(f);
        struct event all[] = {held, delayed, leased, queued};
        for (uint32_t i = 0; i < ARRAY_LEN(all); i++) {
            turn_opens(f);
            hand_in(f, CLIENT, &all[i]);
            turn_closes(f);
            expect_verdict(f, all[i], VERDICT_ACCEPTED, REASON_COUNT);
        }
    }
}

static void each_start_is_an_entry_with_its_run(void **state)
{
    struct fixture *f = *state;
    uint64_t run = store_run(f->store);

    when_restarted(f, true);
    a_turn(f);

    assert_int_equal(store_run(f->store), run + 1);
    assert_int_equal(last_entry(f).kind, ENTRY_STARTED);
    assert_int_equal(last_entry(f).run, run + 1);
}

static void a_clock_that_was_set_back_delays_nothing_for_long(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    when_sent(f, needs_assessed("02E", "a"));
    when_worker_fails(f, 0, "no");

    f->now.wall_ms -= 3600000;
    f->now.mono_ms += 500;
    when_worker_of_all_joins(f, WORKER, 8);
    assert_int_equal(f->assignments_count, 1);

    when_worker_fails(f, 0, "no");
    f->now.wall_ms -= 3600000;
    when_restarted(f, true);
    f->now.mono_ms += 60000;
    when_worker_of_all_joins(f, WORKER, 8);
    assert_int_equal(f->assignments_count, 1);
}

static void after_a_failed_flush_nobody_is_told_and_nothing_is_kept(void **state)
{
    struct fixture *f = *state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
    struct event event = made(f, needs_assessed("02E", "a"));
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);

    turn_opens(f);
    hand_in(f, CLIENT, &event);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    enum status status = broker_flush(f->broker);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);

    assert_int_not_equal(status, STATUS_OK);
    assert_null(broker_next_owed(f->broker));
    assert_int_not_equal(broker_end(f->broker), STATUS_OK);

    /* After the restart it was never there. */
    when_restarted(f, true);
    turn_opens(f);
    hand_in(f, CLIENT, &event);
    turn_closes(f);
    assert_false(answer_to(f, event.id, ANSWER_RECEIPT)->answer.repeated);
}

/* ---- keys, draining ---- */

static void a_key_change_is_told_once_it_is_durable(void **state)
{
    struct fixture *f = *state;
    struct key key = {{7}};
    struct key_change change;
    struct event add = made(f, key_added("02E", key));

    turn_opens(f);
    hand_in(f, CLIENT, &add);
    assert_false(broker_next_key_change(f->broker, &change));
    assert_int_equal(broker_flush(f->broker), STATUS_OK);
    broker_conclude(f->broker);
    assert_true(broker_next_key_change(f->broker, &change));
    assert_false(change.revoked);
    assert_string_equal(change.principal.organisation.text, "02E");
    assert_int_equal(change.principal.key_seq, journal_seq(f));
    assert_false(broker_next_key_change(f->broker, &change));
    assert_int_equal(broker_end(f->broker), STATUS_OK);

    struct event again = when_sent(f, key_added("02E", key));
    expect_verdict(f, again, VERDICT_REJECTED, REASON_KEY_EXISTS);
    struct event revoke = made(f, key_revoked("02E", key));
    turn_opens(f);
    hand_in(f, CLIENT, &revoke);
    assert_int_equal(broker_flush(f->broker), STATUS_OK);
    broker_conclude(f->broker);
    assert_true(broker_next_key_change(f->broker, &change));
    assert_true(change.revoked);
    assert_memory_equal(change.principal.public_key.bytes, key.bytes, KEY_BYTES);
    assert_int_equal(broker_end(f->broker), STATUS_OK);
    struct event unknown = when_sent(f, key_revoked("02E", key));
    expect_verdict(f, unknown, VERDICT_REJECTED, REASON_KEY_UNKNOWN);
}

static void the_first_operators_key_is_not_added_again(void **state)
{
    struct fixture *f = *state;

    struct event event = when_sent(f, key_added("OPS", principal_of("OPS").public_key));

    expect_verdict(f, event, VERDICT_REJECTED, REASON_KEY_EXISTS);
}

static void draining_ends_when_nothing_is_leased(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 1);
    struct event event = when_sent(f, needs_assessed("02E", "a"));
    when_sent(f, needs_assessed("02E", "b"));

    broker_drain(f->broker);
    assert_false(broker_drained(f->broker));
    when_found(f, 0, REASON_COUNT);

    expect_verdict(f, event, VERDICT_ACCEPTED, REASON_COUNT);
    assert_int_equal(f->assignments_count, 0); /* nothing new is given out */
    assert_true(broker_drained(f->broker));
}

/* ---- shares ---- */

static void a_flood_of_one_organisation_does_not_keep_another_waiting(void **state)
{
    struct fixture *f = *state;
    turn_opens(f);
    for (uint32_t i = 0; i < 500; i++) {
        char reference[16];
        (void)snprintf(reference, sizeof reference, "r%u", i);
        struct event event = made(f, needs_assessed("02E", reference));
        hand_in(f, CLIENT, &event);
    }
    struct event other = made(f, needs_assessed("01F", "a"));
    hand_in(f, OTHER_CLIENT, &other);
    turn_closes(f);

    when_worker_joins(f, WORKER, STAGE_NEEDS_ASSESSED, 40);

    assert_int_not_equal(assignment_of(f, other.id), UINT32_MAX);
}

static void history_is_walked_back_to_the_first_entry(void **state)
{
    struct fixture *f = *state;
    struct workflow workflow;
    uint32_t count = 0;
    when_worker_of_all_joins(f, WORKER, 8);
    given_workflow_in(f, "02E", "a", STAGE_PROCUREMENT);
    struct event first = needs_assessed("02E", "a");
    assert_true(store_find_workflow(f->store, first.lead, &first.reference, &workflow));

    uint64_t seq = workflow.last_seq;
    for (; entry_at(f, seq).previous != 0; seq = entry_at(f, seq).previous)
        count++;

    assert_int_equal(seq, workflow.number);
    assert_int_equal(count, 3);
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, fixture_setup_world, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(an_event_gets_a_receipt_and_then_its_verdict),
        WORLD(nothing_leaves_before_its_entry_is_durable),
        WORLD(a_register_event_is_judged_at_once_in_one_entry),
        WORLD(a_rejecting_finding_names_the_workers_reason),
        WORLD(an_opening_that_was_rejected_reserves_no_name),
        WORLD(a_whole_cycle_goes_through_all_stages),
        WORLD(an_assignment_carries_the_facts_of_stages_before),
        WORLD(a_repeat_gets_the_first_receipt_and_the_verdict),
        WORLD(a_repeat_in_the_same_batch_is_found),
        WORLD(whoever_repeated_last_hears_the_verdict),
        WORLD(other_bytes_under_a_known_id_are_refused),
        WORLD(the_same_id_in_another_workflow_is_another_event),
        WORLD(an_id_of_another_organisation_is_not_told),
        WORLD(a_repeat_under_another_key_is_refused),
        WORLD(a_repeat_is_answered_while_draining),
        WORLD(what_the_key_does_not_allow_is_refused_without_an_entry),
        WORLD(an_event_that_cannot_be_read_is_refused_and_counted),
        WORLD(more_than_may_be_open_is_busy),
        WORLD(what_a_start_finds_at_its_turn_is_worked_off_before_more_is_read),
        WORLD(more_to_give_out_than_a_turn_holds_is_behind_until_it_is_given),
        WORLD(workers_fill_no_batch_whole),
        WORLD(a_flood_of_one_organisation_does_not_hold_up_the_others),
        WORLD(who_sends_too_fast_is_told_when_to_send_again),
        WORLD(bytes_under_way_are_bounded_and_counted_again_at_start),
        WORLD(a_lead_with_many_open_workflows_opens_no_more),
        WORLD(quotas_are_shown_to_whom_they_concern),
        WORLD(a_stale_after_is_a_conflict),
        WORLD(a_stage_out_of_order_is_rejected_by_the_daemon_alone),
        WORLD(events_of_one_workflow_are_judged_one_at_a_time_in_order),
        WORLD(those_behind_a_rejected_opening_are_judged_in_the_same_turn),
        WORLD(more_at_their_turn_than_a_batch_holds_go_on_in_the_next),
        WORLD(an_award_without_allotment_is_held_and_judged_again_when_it_comes),
        WORLD(an_award_accepted_after_a_later_one_was_withdrawn_stands_reserved),
        WORLD(a_wait_that_ended_as_the_daemon_died_is_found_at_start),
        WORLD(events_let_go_come_before_younger_ones_and_in_their_order),
        WORLD(more_waits_that_end_at_once_than_are_remembered_all_end),
        WORLD(a_batch_of_events_about_many_awards_is_judged),
        WORLD(the_second_of_two_competing_awards_exceeds_what_is_left),
        WORLD(two_findings_in_one_batch_see_each_others_money),
        WORLD(a_withdrawn_award_gives_its_money_back),
        WORLD(a_support_unit_sends_but_never_decides),
        WORLD(what_a_gone_worker_held_goes_to_another_at_once),
        WORLD(a_silent_worker_is_taken_for_gone),
        WORLD(a_worker_that_beats_keeps_its_work_until_the_lease_ends),
        WORLD(a_worker_that_says_bye_gives_back_without_an_entry),
        WORLD(an_offer_that_is_not_accepted_goes_to_another_and_is_no_attempt),
        WORLD(a_deaf_worker_is_given_work_again_when_it_accepts_late),
        WORLD(offers_lapse_one_after_another_before_they_are_an_attempt),
        WORLD(a_finding_accepts_what_was_offered),
        WORLD(progress_keeps_the_lease_for_as_long_as_it_comes),
        WORLD(a_token_of_another_run_accepts_nothing),
        WORLD(a_worker_that_goes_before_it_accepts_costs_no_attempt_but_a_killer_of_workers_does),
        WORLD(what_nobody_ever_accepts_is_parked_at_last),
        WORLD(a_drained_worker_is_told_finishes_and_gets_nothing_new),
        WORLD(an_error_is_tried_again_later_and_later_and_then_the_event_is_parked),
        WORLD(a_worker_that_dies_of_it_again_and_again_is_an_attempt_each_time),
        WORLD(a_table_of_ones_own_says_how_often_and_how_soon),
        WORLD(a_workers_error_is_cut_between_characters),
        WORLD(a_finding_that_comes_late_is_refused_and_kept_once),
        WORLD(a_finding_for_an_event_that_is_judged_already_is_kept_too),
        WORLD(another_workers_token_does_not_count),
        WORLD(a_token_of_the_last_run_is_late),
        WORLD(a_worker_gets_no_more_than_its_capacity),
        WORLD(a_beat_is_answered_and_a_strangers_is_told_to_join),
        WORLD(a_key_without_the_verb_work_does_not_join),
        WORLD(an_assignment_carries_the_registered_providers),
        WORLD(more_assignments_than_a_turn_holds_go_on_in_the_next),
        WORLD(a_hello_without_stages_or_room_is_refused),
        WORLD(a_restart_keeps_all_that_has_a_receipt),
        WORLD(each_start_is_an_entry_with_its_run),
        WORLD(a_clock_that_was_set_back_delays_nothing_for_long),
        WORLD(after_a_failed_flush_nobody_is_told_and_nothing_is_kept),
        WORLD(a_key_change_is_told_once_it_is_durable),
        WORLD(the_first_operators_key_is_not_added_again),
        WORLD(draining_ends_when_nothing_is_leased),
        WORLD(a_flood_of_one_organisation_does_not_keep_another_waiting),
        WORLD(history_is_walked_back_to_the_first_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
