/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#include "daemon/broker/inside.h"
#include "daemon/broker/notary.h"
#include "tests/support/expect.h"

#define expect_cell(f, reply, row, name, should)                                                   \
    EXPECT_NAMES(name, cell_of(f, reply, row, name), should)

static void expect_error(const struct reply *reply, const char *code)
{
    char is[32] = "(none)";
    if (reply->error.len > 0)
        (void)snprintf(is, sizeof is, "%.*s", (int)reply->error.len, reply->error.bytes);
    EXPECT_NAMES("the error", is, code);
    if (strcmp(code, "(none)") != 0)
        assert_true(reply->error_text.len > 0);
}

/** A workflow of 02E's in procurement, one of 01F's just opened, with no worker left. */
static void given_two_workflows(struct fixture *f)
{
    when_worker_of_all_joins(f, WORKER, 8);
    given_workflow_in(f, "02E", "a", STAGE_PROCUREMENT);
    given_workflow_in(f, "01F", "b", STAGE_PRIORITIES_SET);
    turn_opens(f);
    broker_bye(f->broker, WORKER);
    turn_closes(f);
}

/* ---- asking ---- */

static void what_is_no_command_or_argument_is_said(void **state)
{
    struct fixture *f = *state;

    expect_error(when_asked(f, "02E", "workflow lust", NULL), "USAGE");
    expect_error(when_asked(f, "02E", "workflow list", "colour", "blue", NULL), "USAGE");
    expect_error(when_asked(f, "02E", "workflow list", "stage", "DINNER", NULL), "USAGE");
    expect_error(when_asked(f, "02E", "workflow list", "lead", "not a code", NULL), "USAGE");
    expect_error(when_asked(f, "02E", "workflow show", "lead", "02E", NULL), "USAGE");
    expect_error(when_asked(f, "02E", "journal show", "seq", "18446744073709551616", NULL),
                 "USAGE");
    expect_error(when_asked(f, "02E", "journal show", "seq", "", NULL), "USAGE");
    expect_error(when_asked(f, "02E", "ledger show", "year", "2018", NULL), "USAGE");
    expect_error(when_asked(f, "02E", "org list", "on", "2018-02-30", NULL), "USAGE");
    expect_error(when_asked(f, "02E", "event status", "event_id", "1", NULL), "USAGE");
}

static void operators_questions_are_operators(void **state)
{
    struct fixture *f = *state;
    static const char *const theirs[] = {"key list", "journal read"};
    for (uint32_t i = 0; i < ARRAY_LEN(theirs); i++) {
        expect_error(when_asked(f, "02E", theirs[i], NULL), "SENDER_NOT_AUTHORISED");
        expect_error(when_asked(f, "OPS", theirs[i], NULL), "(none)");
    }
}

static void help_lists_every_question(void **state)
{
    struct fixture *f = *state;

    const struct reply *reply = when_asked(f, "02E", "help", NULL);

    assert_true(reply->rows_count >= 18);
    assert_int_equal(reply->columns_count, 3);
}

static void a_reply_says_what_it_has_seen(void **state)
{
    struct fixture *f = *state;

    const struct reply *reply = when_asked(f, "02E", "server status", NULL);

    assert_int_equal(reply->query_id, 7);
    assert_int_equal(reply->as_of_seq, store_durable_seq(f->store));
    expect_cell(f, reply, 0, "state", "running");
    expect_cell(f, reply, 0, "version", "test");
    expect_cell(f, reply, 0, "run", "1");
}

/* ---- workflows ---- */

static void each_sees_the_workflows_that_concern_it(void **state)
{
    struct fixture *f = *state;
    given_two_workflows(f);

    const struct reply *reply = when_asked(f, "02E", "workflow list", NULL);
    assert_int_equal(reply->rows_count, 1);
    expect_cell(f, reply, 0, "reference", "a");
    expect_cell(f, reply, 0, "stage", "PROCUREMENT");
    expect_cell(f, reply, 0, "category", "COMMUNITY");
    expect_cell(f, reply, 0, "accepted", "2");
    assert_int_equal(when_asked(f, "01F", "workflow list", NULL)->rows_count, 1);
    assert_int_equal(when_asked(f, "OPS", "workflow list", NULL)->rows_count, 2);
    assert_int_equal(when_asked(f, "X24", "workflow list", NULL)->rows_count, 2);
    /* The support unit acts for 02E alone. */
    reply = when_asked(f, "0CE", "workflow list", NULL);
    assert_int_equal(reply->rows_count, 1);
    expect_cell(f, reply, 0, "lead", "02E");
    expect_error(when_asked(f, "01F", "workflow show", "lead", "02E", "reference", "a", NULL),
                 "NOT_FOUND");
}

static void a_list_is_narrowed_by_its_arguments(void **state)
{
    struct fixture *f = *state;
    given_two_workflows(f);

    assert_int_equal(when_asked(f, "OPS", "workflow list", "lead", "01F", NULL)->rows_count, 1);
    assert_int_equal(
        when_asked(f, "OPS", "workflow list", "stage", "PROCUREMENT", NULL)->rows_count, 1);
    assert_int_equal(when_asked(f, "OPS", "workflow list", "stage", "REVIEW", NULL)->rows_count, 0);
    assert_int_equal(when_asked(f, "OPS", "workflow list", "open", "true", NULL)->rows_count, 2);
    assert_int_equal(when_asked(f, "OPS", "workflow list", "open", "false", NULL)->rows_count, 0);
}

static void a_long_list_comes_in_pages_each_row_once(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    for (uint32_t i = 0; i < 7; i++) {
        char reference[16];
        (void)snprintf(reference, sizeof reference, "r%u", i);
        given_workflow_in(f, "02E", reference, STAGE_PRIORITIES_SET);
    }

    uint32_t seen = 0;
    const struct reply *reply = NULL;
    do {
        reply = when_asked(f, "02E", "workflow list", "rows_max", "3", NULL);
        for (uint32_t i = 0; i < reply->rows_count; i++, seen++) {
            char reference[16];
            (void)snprintf(reference, sizeof reference, "r%u", seen);
            expect_cell(f, reply, i, "reference", reference);
        }
        assert_true(reply->rows_count <= 3);
    } while (reply->resume.len > 0);
    assert_int_equal(seen, 7);
}

static void a_workflow_shows_where_it_stands(void **state)
{
    struct fixture *f = *state;
    given_two_workflows(f);
    when_sent(f, note("02E", "a"));
    when_sent(f, note("02E", "a"));

    const struct reply *reply =
        when_asked(f, "02E", "workflow show", "lead", "02E", "reference", "a", NULL);

    expect_cell(f, reply, 0, "phase", "OPEN");
    expect_cell(f, reply, 0, "under_way", "2");
    expect_cell(f, reply, 0, "opened_on", "2018-06-01");
    expect_error(when_asked(f, "02E", "workflow show", "lead", "02E", "reference", "zz", NULL),
                 "NOT_FOUND");
}

static void a_history_has_every_entry_oldest_first(void **state)
{
    struct fixture *f = *state;
    given_two_workflows(f);

    const struct reply *reply =
        when_asked(f, "02E", "workflow history", "lead", "02E", "reference", "a", NULL);

    assert_int_equal(reply->rows_count, 4);
    assert_int_equal(reply->entries_count, 4);
    expect_cell(f, reply, 0, "kind", "RECEIVED");
    expect_cell(f, reply, 0, "event_type", "NEEDS_ASSESSED");
    expect_cell(f, reply, 0, "sender", "02E");
    expect_cell(f, reply, 0, "actor", "tester");
    expect_cell(f, reply, 1, "kind", "JUDGED");
    expect_cell(f, reply, 1, "verdict", "ACCEPTED");
    expect_cell(f, reply, 1, "worker", "worker-2001");
    expect_cell(f, reply, 3, "stage", "PROCUREMENT");
    for (uint32_t i = 1; i < reply->entries_count; i++)
        assert_true(reply->entries[i].seq > reply->entries[i - 1].seq);
}

static void a_history_tells_of_attempts_and_waits(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    given_workflow_in(f, "02E", "a", STAGE_CONTRACT_AWARD);
    struct event award = contract_awarded("02E", "a", "a-1", 1000);
    award.award.period = (struct period){date_of(2019, 4, 1), date_of(2020, 3, 31)};
    when_sent(f, award);
    when_worker_fails(f, 0, "no memory");
    when_time_passes(f, 500);
    a_turn(f);
    when_found(f, 0, REASON_COUNT);
    when_sent(f, allotment_set("02E", 2019, 5000));

    const struct reply *reply =
        when_asked(f, "02E", "workflow history", "lead", "02E", "reference", "a", NULL);

    assert_int_equal(reply->rows_count, 10);
    expect_cell(f, reply, 7, "kind", "ATTEMPT_FAILED");
    expect_cell(f, reply, 7, "reasons", "no memory");
    expect_cell(f, reply, 8, "verdict", "HELD");
    expect_cell(f, reply, 8, "reasons", "NO_ALLOTMENT:2019/20");
    expect_cell(f, reply, 9, "kind", "WAIT_ENDED");
}

static void a_history_longer_than_a_reply_comes_in_pages_in_order(void **state)
{
    struct fixture *f = *state;
    const uint32_t many = 2 * REPLY_ROWS_MAX + 3;
    when_worker_of_all_joins(f, WORKER, 8);
    given_workflow_in(f, "02E", "a", STAGE_PRIORITIES_SET);
    for (uint32_t sent = 0; sent < many;) {
        turn_opens(f);
        for (; sent < many && !broker_full(f->broker); sent++) {
            struct event event = made(f, note("02E", "a"));
            hand_in(f, CLIENT, &event);
        }
        turn_closes(f);
    }

    uint64_t last = 0;
    uint32_t seen = 0;
    const struct reply *reply = NULL;
    do {
        reply = when_asked(f, "02E", "workflow history", "lead", "02E", "reference", "a",
                           "rows_max", "200", NULL);
        for (uint32_t i = 0; i < reply->entries_count; i++, seen++) {
            assert_true(reply->entries[i].seq > last);
            last = reply->entries[i].seq;
        }
    } while (reply->resume.len > 0);
    assert_int_equal(seen, 2 + many);
}

/* ---- events ---- */

static void an_events_state_is_told_from_receipt_to_verdict(void **state)
{
    struct fixture *f = *state;
    char id[EVENT_ID_TEXT_SIZE];
    struct event event = when_sent(f, needs_assessed("02E", "a"));
    event_id_print(event.id, id);

    const struct reply *reply =
        when_asked(f, "02E", "event status", "event_id", id, "lead", "02E", "reference", "a", NULL);
    expect_cell(f, reply, 0, "state", "ready");
    expect_cell(f, reply, 0, "stage", "NEEDS_ASSESSED");
    expect_cell(f, reply, 0, "verdict", "");
    when_worker_of_all_joins(f, WORKER, 8);
    reply =
        when_asked(f, "02E", "event status", "event_id", id, "lead", "02E", "reference", "a", NULL);
    expect_cell(f, reply, 0, "state", "leased");
    when_worker_fails(f, 0, "no");
    reply =
        when_asked(f, "02E", "event status", "event_id", id, "lead", "02E", "reference", "a", NULL);
    expect_cell(f, reply, 0, "state", "delayed");
    expect_cell(f, reply, 0, "attempts", "1");
    when_time_passes(f, 500);
    a_turn(f);
    when_found(f, 0, REASON_UNREGISTERED_MISSING);
    reply =
        when_asked(f, "02E", "event status", "event_id", id, "lead", "02E", "reference", "a", NULL);
    expect_cell(f, reply, 0, "state", "rejected");
    assert_int_equal(reply->reasons_count, 1);
    assert_int_equal(reply->reasons[0].code, REASON_UNREGISTERED_MISSING);
}

static void a_parked_event_says_why_and_what_helps(void **state)
{
    struct fixture *f = *state;
    char id[EVENT_ID_TEXT_SIZE];
    when_worker_of_all_joins(f, WORKER, 8);
    struct event event = when_sent(f, needs_assessed("02E", "a"));
    event_id_print(event.id, id);
    for (uint32_t attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
        when_worker_fails(f, 0, "no memory");
        when_time_passes(f, 60000);
        when_worker_of_all_joins(f, WORKER, 8);
    }

    const struct reply *reply =
        when_asked(f, "02E", "event status", "event_id", id, "lead", "02E", "reference", "a", NULL);
    expect_cell(f, reply, 0, "state", "parked");
    expect_cell(f, reply, 0, "error", "no memory");
    assert_non_null(strstr(cell_of(f, reply, 0, "note"), "event withdraw"));
    reply = when_asked(f, "02E", "queue list", NULL);
    expect_cell(f, reply, 0, "parked", "1");
    expect_cell(f, reply, 0, "delayed", "0");
    reply = when_asked(f, "OPS", "server status", NULL);
    expect_cell(f, reply, 0, "parked", "1");
    reply = when_asked(f, "02E", "workflow history", "lead", "02E", "reference", "a", NULL);
    expect_cell(f, reply, ATTEMPTS_MAX, "kind", "ATTEMPT_FAILED");
    expect_cell(f, reply, ATTEMPTS_MAX, "reasons", "parked: no memory");
    expect_cell(f, reply, ATTEMPTS_MAX - 1, "reasons", "no memory");
}

static void the_history_marks_findings_that_came_too_late(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    when_worker_of_all_joins(f, OTHER_WORKER, 8);
    when_sent(f, needs_assessed("02E", "a"));
    when_sent(f, needs_assessed("02E", "b"));
    turn_opens(f);
    broker_gone(f->broker, WORKER);
    turn_closes(f);
    turn_opens(f);
    broker_gone(f->broker, OTHER_WORKER);
    turn_closes(f);

    when_found(f, 0, REASON_UNREGISTERED_MISSING);
    when_found(f, 0, REASON_COUNT);

    const struct reply *a =
        when_asked(f, "02E", "workflow history", "lead", "02E", "reference", "a", NULL);
    expect_cell(f, a, a->rows_count - 1, "kind", "LATE_FINDING");
    expect_cell(f, a, a->rows_count - 1, "reasons", "refused, too late: UNREGISTERED_MISSING");
    const struct reply *b =
        when_asked(f, "02E", "workflow history", "lead", "02E", "reference", "b", NULL);
    expect_cell(f, b, b->rows_count - 1, "reasons", "refused, too late: nothing found");
    expect_cell(f, b, b->rows_count - 1, "verdict", "");
}

static void a_register_event_has_a_status_too(void **state)
{
    struct fixture *f = *state;
    char id[EVENT_ID_TEXT_SIZE];
    struct event event = when_sent(f, allotment_set("02E", 2019, 7));
    event_id_print(event.id, id);

    const struct reply *reply = when_asked(f, "02E", "event status", "event_id", id, "organisation",
                                           "02E", "event_type", "ALLOTMENT_SET", NULL);
    expect_cell(f, reply, 0, "state", "accepted");
    expect_error(when_asked(f, "01F", "event status", "event_id", id, "organisation", "02E",
                            "event_type", "ALLOTMENT_SET", NULL),
                 "NOT_FOUND");
    expect_error(when_asked(f, "02E", "event status", "event_id",
                            "00000000-0000-0000-0000-00000000ffff", "organisation", "02E",
                            "event_type", "ALLOTMENT_SET", NULL),
                 "NOT_FOUND");
}

/* ---- statements ---- */

/** The statement in a reply's only row, checked with the daemon's key. */
static struct statement signed_in(struct fixture *f, const struct reply *reply)
{
    struct statement statement;
    expect_error(reply, "(none)");
    const char *text = cell_of(f, reply, 0, "statement");
    assert_int_equal(statement_verify((struct slice){(const uint8_t *)text, strlen(text)},
                                      f->signing_key, &statement),
                     STATUS_OK);
    return statement;
}

static void a_receipt_is_signed_over_the_entry_and_the_events_bytes(void **state)
{
    struct fixture *f = *state;
    char id[EVENT_ID_TEXT_SIZE];
    char hash[HASH_TEXT_SIZE];
    uint8_t journal_id[16];
    struct event event = when_sent(f, needs_assessed("02E", "a"));
    event_id_print(event.id, id);

    struct statement statement = signed_in(f, when_asked(f, "02E", "event receipt", "event_id", id,
                                                         "lead", "02E", "reference", "a", NULL));

    assert_int_equal(statement.kind, STATEMENT_RECEIPT);
    assert_true(event_id_equal(statement.event_id, event.id));
    assert_true(hash_equal(statement.digest, statement_digest(event.bytes)));
    assert_int_equal(statement.at_ms, f->now.wall_ms);
    store_journal_id(f->store, journal_id);
    assert_memory_equal(statement.journal_id, journal_id, 16);
    hash_print(statement.hash, hash);
    expect_cell(
        f,
        when_asked(f, "02E", "event status", "event_id", id, "lead", "02E", "reference", "a", NULL),
        0, "entry_hash", hash);
}

static void a_receipt_is_for_those_whom_the_event_concerns(void **state)
{
    struct fixture *f = *state;
    char id[EVENT_ID_TEXT_SIZE];
    struct event event = when_sent(f, allotment_set("02E", 2019, 7));
    event_id_print(event.id, id);

    (void)signed_in(f, when_asked(f, "02E", "event receipt", "event_id", id, "organisation", "02E",
                                  "event_type", "ALLOTMENT_SET", NULL));
    expect_error(when_asked(f, "01F", "event receipt", "event_id", id, "organisation", "02E",
                            "event_type", "ALLOTMENT_SET", NULL),
                 "NOT_FOUND");
}

static void too_many_receipts_at_once_are_put_off(void **state)
{
    struct fixture *f = *state;
    char id[EVENT_ID_TEXT_SIZE];
    struct event event = when_sent(f, allotment_set("02E", 2019, 7));
    event_id_print(event.id, id);

    for (uint32_t i = 0; i < NOTARY_EACH_SAVED; i++)
        (void)signed_in(f, when_asked(f, "02E", "event receipt", "event_id", id, "organisation",
                                      "02E", "event_type", "ALLOTMENT_SET", NULL));
    expect_error(when_asked(f, "02E", "event receipt", "event_id", id, "organisation", "02E",
                            "event_type", "ALLOTMENT_SET", NULL),
                 "BUSY");
}

static void the_head_is_signed_at_the_start_and_then_each_interval(void **state)
{
    struct fixture *f = *state;

    struct statement first = signed_in(f, when_asked(f, "02E", "journal checkpoint", NULL));
    assert_int_equal(first.kind, STATEMENT_CHECKPOINT);
    when_sent(f, needs_assessed("02E", "a"));
    struct statement same = signed_in(f, when_asked(f, "02E", "journal checkpoint", NULL));
    assert_int_equal(same.seq, first.seq);

    when_time_passes(f, 3600000);
    a_turn(f);
    struct statement next = signed_in(f, when_asked(f, "02E", "journal checkpoint", NULL));
    assert_int_equal(next.seq, store_durable_seq(f->store));
    assert_true(hash_equal(next.hash, store_head_hash(f->store)));
    assert_true(next.seq > first.seq);
}

static void the_store_tells_where_its_room_has_gone(void **state)
{
    struct fixture *f = *state;
    when_sent(f, needs_assessed("02E", "a"));
    expect_error(when_asked(f, "02E", "db stats", NULL), "SENDER_NOT_AUTHORISED");

    const struct reply *reply = when_asked(f, "OPS", "db stats", NULL);

    uint32_t found = 0;
    for (uint32_t i = 0; i < reply->rows_count; i++) {
        const char *part = cell_of(f, reply, i, "part");
        const char *name = cell_of(f, reply, i, "name");
        if (strcmp(part, "table") == 0 && strcmp(name, "workflow") == 0) {
            expect_cell(f, reply, i, "rows", "1");
            found++;
        }
        if (strcmp(part, "journal") == 0 && strcmp(name, "segments") == 0) {
            expect_cell(f, reply, i, "rows", "1");
            found++;
        }
    }
    assert_int_equal(found, 2);
}

static void an_idle_broker_scrubs_its_state_slowly(void **state)
{
    struct fixture *f = *state;
    struct store_scrub scrub;
    f->options.scrub_rows = 40;
    when_restarted(f, false);
    a_turn(f);
    when_time_passes(f, 1000);
    a_turn(f);

    assert_int_equal(broker_idle(f->broker), STATUS_OK);
    assert_int_equal(broker_idle(f->broker), STATUS_OK);
    store_scrub(f->store, &scrub);
    assert_int_equal(scrub.rows, 10);
    assert_true(broker_due_ms(f->broker) <= f->now.mono_ms + 250);
    for (uint32_t i = 0; i < 10000 && scrub.passes == 0; i++) {
        when_time_passes(f, 250);
        a_turn(f);
        assert_int_equal(broker_idle(f->broker), STATUS_OK);
        store_scrub(f->store, &scrub);
    }
    assert_int_equal(scrub.passes, 1);
    when_time_passes(f, 3599000);
    a_turn(f);
    assert_int_equal(broker_idle(f->broker), STATUS_OK);
    store_scrub(f->store, &scrub);
    assert_int_equal(scrub.rows, 0);
}

static const struct reply *validated(struct fixture *f, const char *ods, struct slice body)
{
    struct principal principal = principal_of(ods);
    struct query query = {.query_id = 7, .command = slice_of("event validate"), .body = body};

    turn_opens(f);
    broker_query(f->broker, CLIENT, &principal, &query, NULL);
    turn_closes(f);
    return &f->replies[(f->replies_count - 1) % ARRAY_LEN(f->replies)].reply;
}

static void validating_says_what_would_be_and_keeps_nothing(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    given_workflow_in(f, "02E", "a", STAGE_CONTRACT_AWARD);
    uint64_t before = store_durable_seq(f->store);
    struct event good = made(f, contract_awarded("02E", "a", "a-1", 1000));
    struct event dear = made(f, contract_awarded("02E", "a", "a-1", 1000001));
    struct event early = made(f, review_completed("02E", "a"));
    struct event set = made(f, allotment_set("02E", 2020, 5));

    const struct reply *reply = validated(f, "02E", good.bytes);
    expect_cell(f, reply, 0, "verdict", "ACCEPTED");
    expect_cell(f, reply, 0, "worker_asked", "false");
    expect_cell(f, reply, 0, "stage", "CONTRACT_AWARD");
    reply = validated(f, "02E", dear.bytes);
    expect_cell(f, reply, 0, "verdict", "REJECTED");
    assert_int_equal(reply->reasons[0].code, REASON_BUDGET_EXCEEDED);
    reply = validated(f, "02E", early.bytes);
    assert_int_equal(reply->reasons[0].code, REASON_STAGE_OUT_OF_ORDER);
    reply = validated(f, "01F", early.bytes);
    expect_cell(f, reply, 0, "verdict", "REFUSED");
    assert_int_equal(reply->reasons[0].code, REASON_SENDER_NOT_AUTHORISED);
    expect_cell(f, validated(f, "X24", set.bytes), 0, "verdict", "ACCEPTED");
    reply = validated(f, "02E", slice_of("nonsense"));
    expect_cell(f, reply, 0, "verdict", "REFUSED");
    assert_true(reply->reasons_count > 0);
    expect_error(validated(f, "02E", (struct slice){NULL, 0}), "USAGE");
    assert_int_equal(store_durable_seq(f->store), before);
}

/* ---- work ---- */

static void queues_are_counted_by_stage_and_state(void **state)
{
    struct fixture *f = *state;
    when_sent(f, needs_assessed("02E", "a"));
    when_sent(f, note("02E", "a"));
    when_sent(f, priorities_set("02E", "a"));
    when_sent(f, needs_assessed("02E", "b"));
    when_worker_joins(f, WORKER, STAGE_NEEDS_ASSESSED, 1);

    const struct reply *reply = when_asked(f, "02E", "queue list", NULL);

    assert_int_equal(reply->rows_count, STAGES_MAX);
    expect_cell(f, reply, 0, "stage", "NEEDS_ASSESSED");
    expect_cell(f, reply, 0, "ready", "1");
    expect_cell(f, reply, 0, "leased", "1");
    expect_cell(f, reply, 0, "workers", "1");
    expect_cell(f, reply, 0, "oldest", "2018-07-02T09:00:00.000Z");
    expect_cell(f, reply, 1, "queued", "1");
    expect_cell(f, reply, 1, "workers", "0");
    reply = when_asked(f, "OPS", "worker list", NULL);
    assert_int_equal(reply->rows_count, 1);
    expect_cell(f, reply, 0, "name", "worker-2001");
    expect_cell(f, reply, 0, "stages", "NEEDS_ASSESSED");
    expect_cell(f, reply, 0, "leased", "1");
    expect_cell(f, reply, 0, "state", "here");
    expect_cell(f, reply, 0, "lapsed", "0");
}

static void a_worker_that_drains_or_does_not_accept_is_shown_so(void **state)
{
    struct fixture *f = *state;
    f->deaf = true;
    when_worker_joins(f, WORKER, STAGE_NEEDS_ASSESSED, 1);
    when_sent(f, needs_assessed("02E", "a"));
    when_time_passes(f, ACCEPT_MS);
    a_turn(f);

    const struct reply *reply = when_asked(f, "OPS", "worker list", NULL);
    expect_cell(f, reply, 0, "state", "not accepting");
    expect_cell(f, reply, 0, "lapsed", "1");
    expect_cell(f, reply, 0, "leased", "0");
    reply = when_asked(f, "OPS", "server status", NULL);
    expect_cell(f, reply, 0, "offers_lapsed", "1");
    turn_opens(f);
    assert_int_equal(roster_drain(f->broker->roster, "worker-2001"), 1);
    turn_closes(f);
    reply = when_asked(f, "OPS", "worker list", NULL);
    expect_cell(f, reply, 0, "state", "draining");
}

static void a_crowd_of_questions_fills_a_turn(void **state)
{
    struct fixture *f = *state;
    struct principal principal = {.organisation = {"02E"}, .kind = ORGANISATION_CCG};
    principal.verbs = VERB_BIT(VERB_READ);
    struct query query = {.query_id = 7, .command = slice_of("queue list")};
    uint32_t asked = 0;

    broker_begin(f->broker, f->now);
    for (; asked < 1000 && !broker_full(f->broker); asked++)
        broker_query(f->broker, 1, &principal, &query, NULL);
    assert_in_range(asked, 16, 128);
    assert_int_equal(broker_flush(f->broker), STATUS_OK);
    broker_conclude(f->broker);
    assert_int_equal(broker_end(f->broker), STATUS_OK);

    broker_begin(f->broker, f->now);
    assert_false(broker_full(f->broker));
    assert_int_equal(broker_flush(f->broker), STATUS_OK);
    broker_conclude(f->broker);
    assert_int_equal(broker_end(f->broker), STATUS_OK);
}

/* ---- registers ---- */

static void organisations_are_listed_by_kind_and_shown(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(when_asked(f, "02E", "org list", NULL)->rows_count, 4);
    assert_int_equal(when_asked(f, "02E", "org list", "kind", "CCG", NULL)->rows_count, 2);
    assert_int_equal(when_asked(f, "02E", "org list", "on", "2013-04-01", NULL)->rows_count, 4);
    assert_int_equal(when_asked(f, "02E", "org list", "on", "2013-03-31", NULL)->rows_count, 0);
    const struct reply *reply = when_asked(f, "02E", "org show", "ods", "0CE", NULL);
    expect_cell(f, reply, 0, "kind", "CSU");
    expect_cell(f, reply, 0, "opened_on", "2013-04-01");
    expect_error(when_asked(f, "02E", "org show", "ods", "ZZZ", NULL), "NOT_FOUND");
    reply = when_asked(f, "02E", "org supports", "ods", "02E", NULL);
    assert_int_equal(reply->rows_count, 1);
    expect_cell(f, reply, 0, "csu", "0CE");
    expect_cell(f, reply, 0, "lines", "PROCUREMENT BUSINESS_INTELLIGENCE");
    assert_int_equal(when_asked(f, "02E", "org supports", "ods", "0CE", NULL)->rows_count, 1);
    assert_int_equal(when_asked(f, "02E", "org supports", "ods", "01F", NULL)->rows_count, 0);
}

static void contracts_of_one_pair_come_in_pages_too(void **state)
{
    struct fixture *f = *state;
    const struct reply *reply = NULL;
    uint32_t seen = 0;
    when_sent(f, support_contract("02E", "0CE"));
    when_sent(f, support_contract("02E", "0CE"));

    for (uint32_t page = 0; page < 4 && (reply == NULL || reply->resume.len > 0); page++) {
        reply = when_asked(f, "02E", "org supports", "ods", "02E", "rows_max", "1", NULL);
        seen += reply->rows_count;
    }

    assert_int_equal(reply->resume.len, 0);
    assert_int_equal(seen, 3);
}

static void money_is_shown_to_those_whose_it_is(void **state)
{
    struct fixture *f = *state;
    when_worker_of_all_joins(f, WORKER, 8);
    given_workflow_in(f, "02E", "a", STAGE_CONTRACT_AWARD);
    when_sent(f, award_intended("02E", "a", "a-1", 300));
    when_all_is_found_good(f);

    const struct reply *reply = when_asked(f, "02E", "ledger show", NULL);
    assert_int_equal(reply->rows_count, 1);
    expect_cell(f, reply, 0, "year", "2018/19");
    expect_cell(f, reply, 0, "allotment_pence", "1000000");
    expect_cell(f, reply, 0, "reserved_pence", "300");
    expect_cell(f, reply, 0, "left_pence", "999700");
    assert_int_equal(when_asked(f, "X24", "ledger show", NULL)->rows_count, 2);
    assert_int_equal(when_asked(f, "X24", "ledger show", "ods", "02E", NULL)->rows_count, 1);
    assert_int_equal(
        when_asked(f, "01F", "ledger show", "ods", "01F", "year", "2030/31", NULL)->rows_count, 0);
    expect_error(when_asked(f, "01F", "ledger show", "ods", "02E", NULL), "SENDER_NOT_AUTHORISED");
    expect_error(when_asked(f, "02E", "ledger show", "ods", "ZZ9", NULL), "NOT_FOUND");
    expect_error(when_asked(f, "X24", "ledger show", "ods", "ZZ9", NULL), "NOT_FOUND");
    expect_error(when_asked(f, "X24", "ledger lines", "ods", "ZZ9", "year", "2018/19", NULL),
                 "NOT_FOUND");
    assert_int_equal(when_asked(f, "X24", "ledger show", "year", "2019/20", NULL)->rows_count, 0);
    reply = when_asked(f, "0CE", "ledger lines", "ods", "02E", "year", "2018/19", NULL);
    assert_int_equal(reply->rows_count, 2);
    expect_cell(f, reply, 0, "kind", "ALLOTMENT");
    expect_cell(f, reply, 1, "kind", "RESERVATION");
    expect_cell(f, reply, 1, "reference", "a");
    expect_error(when_asked(f, "01F", "ledger lines", "ods", "02E", "year", "2018/19", NULL),
                 "SENDER_NOT_AUTHORISED");
}

static void keys_are_listed_with_their_text(void **state)
{
    struct fixture *f = *state;
    /* The example of ZeroMQ's RFC 32, eight bytes of it. */
    struct key key = {{0x86, 0x4F, 0xD2, 0x6F, 0xB5, 0x59, 0xF7, 0x5B}};
    when_sent(f, key_added("02E", key));

    const struct reply *reply = when_asked(f, "OPS", "key list", NULL);

    assert_int_equal(reply->rows_count, 1);
    assert_memory_equal(cell_of(f, reply, 0, "public_key"), "HelloWorld0000", 14);
    expect_cell(f, reply, 0, "verbs", "SUBMIT DECIDE");
    expect_cell(f, reply, 0, "revoked", "false");
}

/* ---- the journal ---- */

static void the_journal_is_read_in_pages_without_a_gap(void **state)
{
    struct fixture *f = *state;
    uint64_t next = 1;
    const struct reply *reply = NULL;

    do {
        reply = when_asked(f, "OPS", "journal read", "rows_max", "3", NULL);
        for (uint32_t i = 0; i < reply->entries_count; i++)
            assert_int_equal(reply->entries[i].seq, next++);
    } while (reply->resume.len > 0);

    assert_int_equal(next, store_durable_seq(f->store) + 1);
    assert_int_equal(when_asked(f, "OPS", "journal read", "from", "5", NULL)->entries[0].seq, 5);
}

static void head_and_entries_are_shown(void **state)
{
    struct fixture *f = *state;
    char seq[24];
    (void)snprintf(seq, sizeof seq, "%llu", (unsigned long long)store_durable_seq(f->store));

    expect_cell(f, when_asked(f, "02E", "journal head", NULL), 0, "seq", seq);
    /* The last of the world's registers is 01F's allotment. */
    const struct reply *reply = when_asked(f, "01F", "journal show", "seq", seq, NULL);
    expect_cell(f, reply, 0, "event_type", "ALLOTMENT_SET");
    assert_int_equal(reply->entries_count, 1);
    expect_error(when_asked(f, "02E", "journal show", "seq", seq, NULL), "NOT_FOUND");
    expect_error(when_asked(f, "OPS", "journal show", "seq", "9999", NULL), "NOT_FOUND");
    expect_error(when_asked(f, "OPS", "journal show", "seq", "0", NULL), "NOT_FOUND");
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, fixture_setup_world, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(what_is_no_command_or_argument_is_said),
        WORLD(operators_questions_are_operators),
        WORLD(help_lists_every_question),
        WORLD(a_reply_says_what_it_has_seen),
        WORLD(each_sees_the_workflows_that_concern_it),
        WORLD(a_list_is_narrowed_by_its_arguments),
        WORLD(a_long_list_comes_in_pages_each_row_once),
        WORLD(a_workflow_shows_where_it_stands),
        WORLD(a_history_has_every_entry_oldest_first),
        WORLD(a_history_tells_of_attempts_and_waits),
        WORLD(a_history_longer_than_a_reply_comes_in_pages_in_order),
        WORLD(an_events_state_is_told_from_receipt_to_verdict),
        WORLD(a_parked_event_says_why_and_what_helps),
        WORLD(the_history_marks_findings_that_came_too_late),
        WORLD(a_register_event_has_a_status_too),
        WORLD(a_receipt_is_signed_over_the_entry_and_the_events_bytes),
        WORLD(a_receipt_is_for_those_whom_the_event_concerns),
        WORLD(too_many_receipts_at_once_are_put_off),
        WORLD(the_head_is_signed_at_the_start_and_then_each_interval),
        WORLD(the_store_tells_where_its_room_has_gone),
        WORLD(an_idle_broker_scrubs_its_state_slowly),
        WORLD(validating_says_what_would_be_and_keeps_nothing),
        WORLD(queues_are_counted_by_stage_and_state),
        WORLD(a_worker_that_drains_or_does_not_accept_is_shown_so),
        WORLD(a_crowd_of_questions_fills_a_turn),
        WORLD(organisations_are_listed_by_kind_and_shown),
        WORLD(contracts_of_one_pair_come_in_pages_too),
        WORLD(money_is_shown_to_those_whose_it_is),
        WORLD(keys_are_listed_with_their_text),
        WORLD(the_journal_is_read_in_pages_without_a_gap),
        WORLD(head_and_entries_are_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
