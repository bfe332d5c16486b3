/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/store.h"

#include "daemon/store/kv.h"
#include "daemon/store/record.h"
#include "daemon/store/segment.h"
#include "tests/support/folder.h"
#include "tests/support/scribe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <glob.h>
#include <unistd.h>

#define MAP_BYTES (64ull * 1024 * 1024)

struct fixture {
    struct folder folder;
    struct store_report report;
    struct scribe scribe;
    struct store *store;
    char text[400];
    char said[4000]; /* by verify */
};

static enum status open_with(struct fixture *f, uint64_t map_bytes, bool read_only)
{
    struct store_options options = {f->folder.path, SEGMENT_BYTES_MIN, map_bytes, read_only, 0};

    f->store = store_close(f->store);
    enum status status = store_open(&f->store, &options, &f->report, f->text, sizeof f->text);
    f->scribe.store = f->store;
    return status;
}

static enum status reopen(struct fixture *f)
{
    return open_with(f, MAP_BYTES, false);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->folder = folder_new();
    *state = f;
    scribe_init(&f->scribe, NULL, 1);
    return reopen(f) == STATUS_OK ? 0 : 1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    store_close(f->store);
    scribe_clear(&f->scribe);
    folder_remove(&f->folder);
    free(f);
    return 0;
}

static void flush(struct fixture *f)
{
    assert_int_equal(store_flush(f->store), STATUS_OK);
}

static void commit(struct fixture *f)
{
    assert_int_equal(store_flush(f->store), STATUS_OK);
    assert_int_equal(store_commit(f->store), STATUS_OK);
}

static struct ods ods(const char *text)
{
    return scribe_ods(text);
}

/** An accepted register event. */
static uint64_t record(struct fixture *f, struct event event)
{
    event.id = scribe_id(++f->scribe.ids);
    event.sender = ods("X24");
    event.occurred_on = 17622;
    scribe_take(&f->scribe, &event);
    return scribe_record(&f->scribe, VERDICT_ACCEPTED, NULL, 0);
}

static struct slice words(const char *text)
{
    return (struct slice){(const uint8_t *)text, strlen(text)};
}

static uint64_t given_organisation(struct fixture *f, const char *code, const char *name,
                                   date_t opened_on, date_t closed_on)
{
    struct event event = {.type = EVENT_ORGANISATION_REGISTERED, .organisation = ods(code)};

    event.organisation_registered =
        (struct organisation_registered){words(name), ORGANISATION_CCG, opened_on, closed_on, {""}};
    return record(f, event);
}

/* ---- open ---- */

static void a_new_store_is_empty(void **state)
{
    struct fixture *f = *state;
    struct workflow workflow;
    struct store_counts counts;

    assert_true(f->report.created);
    assert_false(f->report.state_rebuilt);
    assert_int_equal(store_next_seq(f->store), 1);
    assert_int_equal(store_run(f->store), 1);
    assert_false(store_next_workflow(f->store, 0, &workflow));
    store_count(f->store, &counts);
    assert_int_equal(counts.workflows, 0);
    assert_true(store_has_room(f->store));
}

static void what_was_flushed_is_applied_again_after_a_crash(void **state)
{
    struct fixture *f = *state;
    struct open_event open;

    scribe_start(&f->scribe);
    commit(f);
    scribe_take_note(&f->scribe, 1, 10);
    scribe_receive(&f->scribe);
    flush(f);
    scribe_take_note(&f->scribe, 2, 10);
    scribe_receive(&f->scribe);

    assert_int_equal(reopen(f), STATUS_OK);

    assert_int_equal(f->report.entries_replayed, 1);
    assert_int_equal(store_durable_seq(f->store), 2);
    assert_int_equal(store_applied_seq(f->store), 2);
    assert_true(store_get_open(f->store, 2, &open));
    assert_false(store_get_open(f->store, 3, &open));
    assert_int_equal(store_run(f->store), 2);
}

static void a_state_that_is_gone_is_built_again(void **state)
{
    struct fixture *f = *state;
    struct workflow workflow;

    scribe_take_note(&f->scribe, 1, 10);
    scribe_receive(&f->scribe);
    commit(f);
    f->store = store_close(f->store);
    folder_clear(&f->folder, "state");

    assert_int_equal(reopen(f), STATUS_OK);

    assert_true(f->report.state_rebuilt);
    assert_int_equal(f->report.entries_replayed, 1);
    assert_true(store_get_workflow(f->store, 1, &workflow));
}

static void a_state_ahead_of_its_journal_is_refused(void **state)
{
    struct fixture *f = *state;
    struct folder segment = folder_of(&f->folder, "journal/00000000000000000001.seg");
    size_t len;

    scribe_take_note(&f->scribe, 1, 10);
    scribe_receive(&f->scribe);
    flush(f);
    uint8_t *earlier = folder_load(segment.path, &len);
    scribe_take_note(&f->scribe, 1, 10);
    scribe_receive(&f->scribe);
    commit(f);
    f->store = store_close(f->store);
    folder_write(segment.path, earlier, len, 0);

    assert_int_equal(reopen(f), STATUS_STORE_AHEAD);
    assert_non_null(strstr(f->text, "entry 2"));

    /* Another entry 2 than the one that the state has seen. */
    f->store = store_close(f->store);
    struct folder state_folder = folder_of(&f->folder, "state");
    struct folder aside = folder_of(&f->folder, "aside");
    assert_int_equal(rename(state_folder.path, aside.path), 0);
    assert_int_equal(reopen(f), STATUS_OK);
    scribe_take_note(&f->scribe, 1, 99);
    scribe_receive(&f->scribe);
    commit(f);
    f->store = store_close(f->store);
    folder_clear(&f->folder, "state");
    assert_int_equal(rename(aside.path, state_folder.path), 0);
    assert_int_equal(reopen(f), STATUS_STORE_AHEAD);
    free(earlier);
}

static void a_state_of_another_journal_is_refused(void **state)
{
    struct fixture *f = *state;

    f->store = store_close(f->store);
    folder_clear(&f->folder, "journal");

    assert_int_equal(reopen(f), STATUS_STORE_CORRUPT);
    assert_non_null(strstr(f->text, "another journal"));
}

static void a_state_of_a_newer_format_is_refused(void **state)
{
    struct fixture *f = *state;
    struct folder path = folder_of(&f->folder, "state");
    struct slice key = words("position");
    struct position position = {.format = 99};
    struct record record;
    struct kv *kv;

    store_journal_id(f->store, position.journal_id);
    f->store = store_close(f->store);
    assert_int_equal(kv_open(&kv, path.path, MAP_BYTES, false), STATUS_OK);
    record_encode_position(&record, &position);
    kv_put(kv, KV_META, key, record_seal(&record, KV_META, key));
    assert_int_equal(kv_commit(kv), STATUS_OK);
    kv_close(kv);

    assert_int_equal(reopen(f), STATUS_STORE_NEWER);
}

static void a_path_too_long_is_invalid(void **state)
{
    struct fixture *f = *state;
    char path[2000];
    struct store_options options = {path, SEGMENT_BYTES_MIN, MAP_BYTES, false, 0};
    struct store *store = NULL;

    memset(path, 'x', sizeof path);
    path[sizeof path - 1] = '\0';
    assert_int_equal(store_open(&store, &options, &f->report, f->text, sizeof f->text),
                     STATUS_INVALID);
    assert_null(store);
}

static void a_store_that_is_only_read_says_what_is_committed(void **state)
{
    struct fixture *f = *state;
    struct workflow workflow;

    scribe_take_note(&f->scribe, 1, 10);
    scribe_receive(&f->scribe);
    commit(f);
    scribe_take_note(&f->scribe, 2, 10);
    scribe_receive(&f->scribe);
    flush(f);

    assert_int_equal(open_with(f, MAP_BYTES, true), STATUS_OK);

    assert_int_equal(store_durable_seq(f->store), 2);
    assert_int_equal(store_applied_seq(f->store), 1);
    assert_true(store_get_workflow(f->store, 1, &workflow));
    assert_false(store_get_workflow(f->store, 2, &workflow));
}

/* ---- entries ---- */

static void an_entry_is_seen_at_once_and_durable_after_the_flush(void **state)
{
    struct fixture *f = *state;
    struct workflow workflow;
    struct slice bytes;
    struct hash hash;

    scribe_take_note(&f->scribe, 1, 10);
    assert_int_equal(scribe_receive(&f->scribe), 1);

    assert_true(store_get_workflow(f->store, 1, &workflow));
    assert_int_equal(workflow.judging_seq, 1);
    assert_int_equal(store_durable_seq(f->store), 0);
    assert_int_equal(store_read_entry(f->store, 1, &bytes, &hash), STATUS_OK);
    assert_true(hash_equal(hash, f->scribe.hash));
    flush(f);
    assert_int_equal(store_durable_seq(f->store), 1);
    assert_true(hash_equal(store_head_hash(f->store), f->scribe.hash));
    assert_int_equal(store_applied_seq(f->store), 0);
    assert_int_equal(store_commit(f->store), STATUS_OK);
    assert_int_equal(store_applied_seq(f->store), 1);
    assert_int_equal(store_dirty_rows(f->store), 0);
}

static void a_workflow_is_found_by_its_name(void **state)
{
    struct fixture *f = *state;
    struct reference reference = {"case-7"};
    struct reference other = {"case-70"};
    struct workflow workflow;

    scribe_start(&f->scribe);
    scribe_take_note(&f->scribe, 7, 10);
    scribe_receive(&f->scribe);

    assert_true(store_find_workflow(f->store, ods("02E"), &reference, &workflow));
    assert_int_equal(workflow.number, 2);
    assert_int_equal(workflow.phase, PHASE_NONE);
    assert_false(store_find_workflow(f->store, ods("02E"), &other, &workflow));
    assert_false(store_find_workflow(f->store, ods("02"), &reference, &workflow));
}

static void a_known_id_has_its_receipt_digest_and_newest_verdict(void **state)
{
    struct fixture *f = *state;
    struct seen seen;
    uint8_t digest[16];

    scribe_take_note(&f->scribe, 1, 10);
    struct event_id id = f->scribe.event.id;
    scribe_receive(&f->scribe);
    store_digest(f->scribe.event.bytes, digest);
    assert_true(store_get_seen(f->store, 1, id, &seen));
    assert_int_equal(seen.seq, 1);
    assert_int_equal(seen.verdict_seq, 0);
    assert_memory_equal(seen.digest, digest, sizeof digest);

    scribe_judge(&f->scribe, 1, VERDICT_HELD, false, NULL, 0);
    assert_true(store_get_seen(f->store, 1, id, &seen));
    assert_int_equal(seen.verdict_seq, 2);
    scribe_end_wait(&f->scribe, 1);
    scribe_judge(&f->scribe, 1, VERDICT_REJECTED, false, NULL, 0);
    assert_true(store_get_seen(f->store, 1, id, &seen));
    assert_int_equal(seen.verdict_seq, 4);
    assert_false(store_get_seen(f->store, 2, id, &seen));
    assert_false(store_get_seen(f->store, 1, scribe_id(99), &seen));
}

static void an_events_bytes_come_from_its_row_or_the_journal(void **state)
{
    struct fixture *f = *state;
    static const size_t lens[] = {1, 1900, 2200, 4096};
    struct slice bytes;

    for (uint32_t i = 0; i < ARRAY_LEN(lens); i++) {
        scribe_take_note(&f->scribe, i, lens[i]);
        uint8_t *wanted = malloc(f->scribe.event.bytes.len);
        size_t len = f->scribe.event.bytes.len;
        memcpy(wanted, f->scribe.event.bytes.bytes, len);
        uint64_t seq = scribe_receive(&f->scribe);

        for (uint32_t look = 0; look < 3; look++) {
            assert_true(store_event_bytes(f->store, seq, &bytes));
            assert_int_equal(bytes.len, len);
            assert_memory_equal(bytes.bytes, wanted, len);
            if (look == 0)
                commit(f);
            if (look == 1) {
                scribe_judge(&f->scribe, seq, VERDICT_REJECTED, false, NULL, 0);
                commit(f);
                seq = store_next_seq(f->store) - 2;
            }
        }
        free(wanted);
    }
    assert_false(store_event_bytes(f->store, 2, &bytes)); /* a verdict */
    assert_false(store_event_bytes(f->store, 99, &bytes));
    assert_int_equal(store_flush(f->store), STATUS_OK);
}

static void events_of_a_workflow_wait_for_their_turn(void **state)
{
    struct fixture *f = *state;
    struct open_event open;
    uint64_t seq = 0;

    for (uint32_t i = 0; i < 3; i++) {
        scribe_take_note(&f->scribe, 1, 10);
        scribe_receive(&f->scribe);
    }
    static const enum open_state states[] = {OPEN_READY, OPEN_QUEUED, OPEN_QUEUED};
    for (uint32_t i = 0; i < 3; i++) {
        assert_true(store_next_open(f->store, seq, &open));
        assert_int_equal(open.state, states[i]);
        seq = open.seq;
    }
    assert_false(store_next_open(f->store, seq, &open));

    scribe_judge(&f->scribe, 1, VERDICT_ACCEPTED, false, NULL, 0);

    assert_false(store_get_open(f->store, 1, &open));
    assert_true(store_get_open(f->store, 2, &open));
    assert_int_equal(open.state, OPEN_READY);
    assert_true(store_get_open(f->store, 3, &open));
    assert_int_equal(open.state, OPEN_QUEUED);
}

static void a_held_event_is_found_by_what_it_waits_for(void **state)
{
    struct fixture *f = *state;
    struct wait wait = {.kind = WAIT_ALLOTMENT, .ods = ods("02E"), .year = 2018};
    struct wait other = {.kind = WAIT_ALLOTMENT, .ods = ods("02E"), .year = 2017};
    struct wait all = {.kind = WAIT_NONE};
    uint64_t seq = 0;

    scribe_take_note(&f->scribe, 1, 10);
    scribe_receive(&f->scribe);
    scribe_judge(&f->scribe, 1, VERDICT_HELD, false, NULL, 0);

    assert_true(store_next_waiting(f->store, &wait, 0, &seq));
    assert_int_equal(seq, 1);
    assert_false(store_next_waiting(f->store, &wait, seq, &seq));
    assert_false(store_next_waiting(f->store, &other, 0, &seq));
    seq = 0;
    assert_true(store_next_wait(f->store, &all, &seq));
    assert_int_equal(all.kind, WAIT_ALLOTMENT);
    assert_string_equal(all.ods.text, "02E");
    assert_int_equal(all.year, 2018);
    assert_int_equal(seq, 1);
    assert_false(store_next_wait(f->store, &all, &seq));

    scribe_end_wait(&f->scribe, 1);
    assert_false(store_next_waiting(f->store, &wait, 0, &seq));
}

static void a_delayed_event_is_due_until_it_is_judged(void **state)
{
    struct fixture *f = *state;
    int64_t due_ms = INT64_MIN;
    uint64_t seq = 0;

    scribe_take_note(&f->scribe, 1, 10);
    scribe_receive(&f->scribe);
    scribe_fail(&f->scribe, 1, 1, 1524816009000);
    scribe_fail(&f->scribe, 1, 2, 1524816005000);

    assert_true(store_next_due(f->store, &due_ms, &seq));
    assert_int_equal(due_ms, 1524816005000);
    assert_int_equal(seq, 1);
    assert_false(store_next_due(f->store, &due_ms, &seq));

    scribe_judge(&f->scribe, 1, VERDICT_REJECTED, false, NULL, 0);
    due_ms = INT64_MIN;
    seq = 0;
    assert_false(store_next_due(f->store, &due_ms, &seq));
}

static void a_parked_event_is_not_due_and_a_late_finding_changes_only_its_workflow(void **state)
{
    struct fixture *f = *state;
    int64_t due_ms = INT64_MIN;
    uint64_t seq = 0;
    struct open_event open;
    struct open_event after;
    struct workflow workflow;

    scribe_take_note(&f->scribe, 1, 10);
    scribe_receive(&f->scribe);
    scribe_fail(&f->scribe, 1, 1, 1524816009000);
    uint64_t parked_seq = scribe_park(&f->scribe, 1, 2);

    assert_false(store_next_due(f->store, &due_ms, &seq));
    assert_true(store_get_open(f->store, 1, &open));
    assert_int_equal(open.state, OPEN_PARKED);
    assert_int_equal(open.failed_seq, parked_seq);

    uint64_t late_seq = scribe_refuse_finding(&f->scribe, 1, 1);
    assert_true(store_get_workflow(f->store, 1, &workflow));
    assert_int_equal(workflow.last_seq, late_seq);
    assert_true(store_get_open(f->store, 1, &after));
    assert_int_equal(after.state, OPEN_PARKED);
    assert_int_equal(after.failed_seq, parked_seq);
}

static void a_stage_is_as_it_was_set_and_stays_so_when_opened_again(void **state)
{
    struct fixture *f = *state;
    struct stage_setting setting;

    store_get_stage(f->store, STAGE_REVIEW, &setting);
    assert_int_equal(setting.state, STAGE_RUNNING);
    assert_int_equal(setting.seq, 0);
    int64_t at_ms = f->scribe.at_ms;
    uint64_t seq = scribe_set_stage(&f->scribe, STAGE_REVIEW, STAGE_PAUSED);
    scribe_operate(&f->scribe);
    assert_int_equal(store_flush(f->store), STATUS_OK);
    assert_int_equal(reopen(f), STATUS_OK);

    store_get_stage(f->store, STAGE_REVIEW, &setting);
    assert_int_equal(setting.state, STAGE_PAUSED);
    assert_int_equal(setting.seq, seq);
    assert_int_equal(setting.since_ms, at_ms);
    store_get_stage(f->store, STAGE_PROCUREMENT, &setting);
    assert_int_equal(setting.state, STAGE_RUNNING);
}

static void a_withdrawn_event_leaves_its_id_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    struct open_event open;
    struct workflow workflow;
    struct seen seen;
    struct wait wait = {.kind = WAIT_NONE};
    int64_t due_ms = INT64_MIN;
    uint64_t seq = 0;

    scribe_take_note(&f->scribe, 1, 10);
    struct event_id id = f->scribe.event.id;
    uint64_t held = scribe_receive(&f->scribe);
    scribe_judge(&f->scribe, held, VERDICT_HELD, false, NULL, 0);
    scribe_take_note(&f->scribe, 1, 10);
    uint64_t delayed = scribe_receive(&f->scribe);
    scribe_fail(&f->scribe, held, 1, 1524816009000);
    scribe_take_note(&f->scribe, 1, 10);
    uint64_t queued = scribe_receive(&f->scribe);

    uint64_t withdrawn = scribe_withdraw(&f->scribe, held);
    scribe_withdraw(&f->scribe, delayed);

    assert_false(store_next_wait(f->store, &wait, &seq));
    seq = 0;
    assert_false(store_next_due(f->store, &due_ms, &seq));
    assert_false(store_get_open(f->store, held, &open));
    assert_false(store_get_open(f->store, delayed, &open));
    assert_true(store_get_open(f->store, queued, &open));
    assert_int_equal(open.state, OPEN_READY);
    assert_true(store_get_workflow(f->store, held, &workflow));
    assert_int_equal(workflow.judging_seq, queued);
    assert_int_equal(workflow.held_count, 0);
    assert_true(store_get_seen(f->store, held, id, &seen));
    assert_int_equal(seen.verdict_seq, withdrawn);
}

static void a_retried_event_is_at_its_turn_again(void **state)
{
    struct fixture *f = *state;
    struct open_event open;

    scribe_take_note(&f->scribe, 1, 10);
    scribe_receive(&f->scribe);
    scribe_park(&f->scribe, 1, 4);
    scribe_retry(&f->scribe, 1);

    assert_true(store_get_open(f->store, 1, &open));
    assert_int_equal(open.state, OPEN_READY);
    assert_int_equal(open.attempt, 0);
}

static void facts_are_kept_as_received_in_the_order_of_their_acceptance(void **state)
{
    struct fixture *f = *state;
    struct slice facts[4];
    uint64_t seqs[4];

    for (uint32_t i = 0; i < 3; i++) {
        scribe_take_note(&f->scribe, 1, 10 + i);
        scribe_receive(&f->scribe);
        scribe_judge(&f->scribe, 1, VERDICT_ACCEPTED, i != 1, NULL, 0);
    }
    commit(f);

    assert_int_equal(store_get_facts(f->store, 1, EVENT_NOTE, facts, seqs, 4), 2);
    assert_int_equal(seqs[0], 2);
    assert_int_equal(seqs[1], 6);
    assert_memory_equal(facts[1].bytes, f->scribe.event.bytes.bytes, facts[1].len);
    assert_int_equal(facts[1].len, f->scribe.event.bytes.len);
    assert_int_equal(store_get_facts(f->store, 1, EVENT_NOTE, facts, seqs, 1), 1);
    assert_int_equal(store_get_facts(f->store, 1, EVENT_BID_RECEIVED, facts, seqs, 4), 0);
    assert_int_equal(store_get_facts(f->store, 2, EVENT_NOTE, facts, seqs, 4), 0);
}

/* ---- registers ---- */

static void an_organisation_is_seen_as_of_a_day(void **state)
{
    struct fixture *f = *state;
    struct organisation found;
    static const struct {
        date_t on;
        const char *name;
    } cases[] = {
        {99, "OLD"}, /* before all: the newest at all */
        {100, "OLD"}, {199, "OLD"},  {200, "OLD"},
        {201, "NEW"}, /* between: the newest at all */
        {300, "NEW"}, {9999, "NEW"}, {DATE_NONE, "NEW"},
    };

    given_organisation(f, "02E", "OLD", 100, 200);
    given_organisation(f, "02E", "NEW", 300, DATE_NONE);
    for (uint32_t i = 0; i < ARRAY_LEN(cases); i++) {
        store_get_organisation(f->store, ods("02E"), cases[i].on, &found);
        assert_true(found.known);
        bool before = cases[i].on == 99 || cases[i].on == 201;
        assert_string_equal(found.name, before ? "NEW" : cases[i].name);
        assert_int_equal(found.co_level, CO_UNKNOWN);
    }
    store_get_organisation(f->store, ods("02"), 100, &found);
    assert_false(found.known);
    assert_string_equal(found.ods.text, "02");

    uint64_t seq = given_organisation(f, "02E", "CORRECTED", 300, 400);
    store_get_organisation(f->store, ods("02E"), 350, &found);
    assert_string_equal(found.name, "CORRECTED");
    assert_int_equal(found.closed_on, 400);
    assert_int_equal(found.entry_seq, seq);
}

static void organisations_are_walked_each_once(void **state)
{
    struct fixture *f = *state;
    struct organisation found;
    struct ods after = {""};
    static const char *const order[] = {"01F", "02E", "QYG"};

    given_organisation(f, "QYG", "C", 100, DATE_NONE);
    given_organisation(f, "02E", "B", 100, 200);
    given_organisation(f, "02E", "B", 300, DATE_NONE);
    given_organisation(f, "01F", "A", 100, DATE_NONE);

    for (uint32_t i = 0; i < ARRAY_LEN(order); i++) {
        assert_true(store_next_organisation(f->store, after, 150, &found));
        assert_string_equal(found.ods.text, order[i]);
        after = found.ods;
    }
    assert_false(store_next_organisation(f->store, after, 150, &found));
}

static void the_level_of_co_commissioning_is_that_of_the_day(void **state)
{
    struct fixture *f = *state;
    struct organisation found;
    struct event event = {.type = EVENT_CO_COMMISSIONING_LEVEL, .organisation = ods("02E")};

    given_organisation(f, "02E", "A", 100, DATE_NONE);
    event.co_commissioning_level = (struct co_commissioning_level){CO_JOINT, 200};
    record(f, event);
    event.co_commissioning_level = (struct co_commissioning_level){CO_DELEGATED, 300};
    record(f, event);

    static const struct {
        date_t on;
        enum co_commissioning level;
    } cases[] = {{199, CO_UNKNOWN},
                 {200, CO_JOINT},
                 {299, CO_JOINT},
                 {300, CO_DELEGATED},
                 {DATE_NONE, CO_DELEGATED}};
    for (uint32_t i = 0; i < ARRAY_LEN(cases); i++) {
        store_get_organisation(f->store, ods("02E"), cases[i].on, &found);
        assert_int_equal(found.co_level, cases[i].level);
    }
}

static void support_contracts_are_listed_newest_first(void **state)
{
    struct fixture *f = *state;
    struct support_row rows[4];
    struct event event = {.type = EVENT_SUPPORT_CONTRACT, .organisation = ods("02E")};

    event.support_contract = (struct support_contract){ods("0CE"), 2, {100, 200}};
    uint64_t first = record(f, event);
    event.support_contract = (struct support_contract){ods("0CE"), 4, {300, DATE_NONE}};
    uint64_t second = record(f, event);
    event.support_contract = (struct support_contract){ods("0DJ"), 4, {300, DATE_NONE}};
    record(f, event);

    assert_int_equal(store_get_supports(f->store, ods("02E"), ods("0CE"), rows, 4), 2);
    assert_int_equal(rows[0].entry_seq, second);
    assert_int_equal(rows[0].lines, 4);
    assert_int_equal(rows[1].entry_seq, first);
    assert_int_equal(rows[1].period.to, 200);
    assert_int_equal(store_get_supports(f->store, ods("02E"), ods("0CE"), rows, 1), 1);
    assert_int_equal(store_get_supports(f->store, ods("0CE"), ods("02E"), rows, 4), 0);
}

static void a_rejected_register_event_is_known_and_changes_nothing(void **state)
{
    struct fixture *f = *state;
    struct organisation found;
    struct register_head head;
    struct seen seen;
    struct event event = {.id = scribe_id(5),
                          .type = EVENT_ORGANISATION_REGISTERED,
                          .organisation = ods("02E"),
                          .sender = ods("X24"),
                          .occurred_on = 17622};

    event.organisation_registered =
        (struct organisation_registered){words("A"), ORGANISATION_CCG, 100, DATE_NONE, {""}};
    scribe_take(&f->scribe, &event);
    scribe_start(&f->scribe);
    scribe_record(&f->scribe, VERDICT_REJECTED, NULL, 0);

    store_get_organisation(f->store, ods("02E"), 100, &found);
    assert_false(found.known);
    assert_true(store_get_register(f->store, ods("02E"), EVENT_ORGANISATION_REGISTERED, &head));
    assert_int_equal(head.number, 2);
    assert_true(store_get_seen(f->store, 2, scribe_id(5), &seen));
    assert_int_equal(seen.verdict_seq, 2);
    event.id = scribe_id(6);
    scribe_take(&f->scribe, &event);
    scribe_record(&f->scribe, VERDICT_ACCEPTED, NULL, 0);
    assert_true(store_get_register(f->store, ods("02E"), EVENT_ORGANISATION_REGISTERED, &head));
    assert_int_equal(head.number, 2);
    assert_int_equal(head.last_seq, 3);
}

static void keys_are_added_revoked_and_walked(void **state)
{
    struct fixture *f = *state;
    struct key_row row;
    struct key a = {{1}};
    struct key b = {{2}};
    struct event event = {.type = EVENT_KEY_ADDED, .organisation = ods("02E")};

    event.key_added = (struct key_added){b, ORGANISATION_CCG, VERB_BIT(VERB_SUBMIT), words("desk")};
    uint64_t first = record(f, event);
    event.key_added.public_key = a;
    uint64_t second = record(f, event);

    assert_true(store_get_key(f->store, b, &row));
    assert_string_equal(row.label, "desk");
    assert_int_equal(row.principal.key_seq, first);
    assert_string_equal(row.principal.organisation.text, "02E");
    assert_false(row.revoked);
    assert_true(store_next_key(f->store, 0, &row));
    assert_int_equal(row.entry_seq, first);
    assert_true(store_next_key(f->store, first, &row));
    assert_int_equal(row.entry_seq, second);
    assert_false(store_next_key(f->store, second, &row));

    struct event revoked = {.type = EVENT_KEY_REVOKED, .organisation = ods("02E")};
    revoked.key_revoked = (struct key_revoked){b, words("lost")};
    record(f, revoked);
    assert_true(store_get_key(f->store, b, &row));
    assert_true(row.revoked);
    assert_int_equal(row.entry_seq, first);
    event.key_added.public_key = b;
    uint64_t third = record(f, event);
    assert_true(store_next_key(f->store, 0, &row));
    assert_int_equal(row.entry_seq, second);
    assert_true(store_next_key(f->store, second, &row));
    assert_int_equal(row.entry_seq, third);
    assert_false(row.revoked);
}

static void the_ledger_is_the_sum_of_its_lines(void **state)
{
    struct fixture *f = *state;
    struct ledger_line lines[] = {
        {ods("02E"), 2018, LEDGER_RESERVATION, 500, false},
        {ods("02E"), 2018, LEDGER_RESERVATION, -200, false},
        {ods("02E"), 2019, LEDGER_COMMITMENT, 70, true},
    };
    struct ledger_year year;
    struct ledger_line_row row;
    uint32_t index = 0;

    scribe_take_note(&f->scribe, 1, 10);
    scribe_receive(&f->scribe);
    scribe_judge(&f->scribe, 1, VERDICT_ACCEPTED, false, lines, ARRAY_LEN(lines));

    store_get_ledger(f->store, ods("02E"), 2018, &year);
    assert_int_equal(year.reserved_pence, 300);
    assert_false(year.allotted);
    assert_true(store_next_ledger(f->store, ods(""), 0, &year));
    assert_int_equal(year.year, 2018);
    assert_true(store_next_ledger(f->store, year.ods, year.year, &year));
    assert_int_equal(year.uncovered_pence, 70);
    assert_false(store_next_ledger(f->store, year.ods, year.year, &year));
    assert_true(store_next_ledger_line(f->store, ods("02E"), 2018, 0, 0, &row, &index));
    assert_int_equal(row.line.pence, 500);
    assert_int_equal(row.entry_seq, 2);
    assert_int_equal(row.number, 1);
    assert_true(
        store_next_ledger_line(f->store, ods("02E"), 2018, row.entry_seq, index, &row, &index));
    assert_int_equal(row.line.pence, -200);
    assert_int_equal(index, 1);
    assert_false(
        store_next_ledger_line(f->store, ods("02E"), 2018, row.entry_seq, index, &row, &index));
    store_get_ledger(f->store, ods("02E"), 2030, &year);
    assert_int_equal(year.year, 2030);
    assert_int_equal(year.reserved_pence, 0);
}

/* ---- room, batches ---- */

static void a_nearly_full_map_leaves_no_room_until_what_is_open_is_finished(void **state)
{
    struct fixture *f = *state;
    struct store_counts counts;
    uint32_t name = 0;

    f->store = store_close(f->store);
    folder_clear(&f->folder, "state");
    assert_int_equal(open_with(f, 2 << 20, false), STATUS_OK);
    while (store_has_room(f->store) && name < 5000) {
        scribe_take_note(&f->scribe, ++name, 1000);
        scribe_receive(&f->scribe);
        if (name % 20 == 0)
            commit(f);
    }

    assert_true(name > 100);
    assert_true(name < 5000);
    commit(f);
    store_count(f->store, &counts);
    assert_true(counts.read_only);
    /* All that is under way can still be finished, and what that gives back is room again. */
    for (uint32_t seq = 1; seq <= name; seq++) {
        scribe_judge(&f->scribe, seq, VERDICT_REJECTED, false, NULL, 0);
        if (seq % 20 == 0)
            commit(f);
    }
    commit(f);
    assert_true(store_has_room(f->store));
    store_count(f->store, &counts);
    assert_false(counts.read_only);
    assert_int_equal(counts.open_events, 0);
}

static void a_batch_takes_entries_until_it_is_full(void **state)
{
    struct fixture *f = *state;
    uint32_t count = 0;

    while (!store_batch_full(f->store)) {
        scribe_take_note(&f->scribe, count % 50, 200);
        scribe_receive(&f->scribe);
        count++;
    }

    assert_int_equal(count, BATCH_ENTRIES_MAX);
    assert_int_equal(store_batch_count(f->store), count);
    commit(f);
    assert_int_equal(store_batch_count(f->store), 0);
    assert_int_equal(store_tend(f->store), STATUS_OK);
    assert_int_equal(reopen(f), STATUS_OK);
    assert_int_equal(store_durable_seq(f->store), count);
}

/* ---- verify ---- */

static void keep_line(void *ctx, const char *line)
{
    struct fixture *f = ctx;
    size_t len = strlen(f->said);

    snprintf(f->said + len, sizeof f->said - len, "%s\n", line);
}

static enum status verify(struct fixture *f)
{
    f->store = store_close(f->store);
    f->said[0] = '\0';
    return store_verify(f->folder.path, MAP_BYTES, keep_line, f);
}

static void given_entries(struct fixture *f)
{
    for (uint32_t i = 0; i < 40; i++)
        scribe_step(&f->scribe);
    commit(f);
    for (uint32_t i = 0; i < 5; i++)
        scribe_step(&f->scribe);
    flush(f);
}

static void expect_no_traces(struct fixture *f)
{
    struct folder pattern = folder_of(&f->folder, "verify*");
    glob_t found = {0};
    int code = glob(pattern.path, 0, NULL, &found);

    globfree(&found);
    assert_int_equal(code, GLOB_NOMATCH);
}

static void verify_proves_a_whole_store_and_changes_nothing(void **state)
{
    struct fixture *f = *state;

    given_entries(f);

    assert_int_equal(verify(f), STATUS_OK);

    assert_non_null(strstr(f->said, "journal: 45 entries in 1 segments"));
    assert_non_null(strstr(f->said, "state: as of entry 40, equal"));
    expect_no_traces(f);
    assert_int_equal(reopen(f), STATUS_OK);
    assert_int_equal(f->report.entries_replayed, 5);
}

static void verify_says_when_there_is_no_state(void **state)
{
    struct fixture *f = *state;

    given_entries(f);
    f->store = store_close(f->store);
    folder_clear(&f->folder, "state");

    assert_int_equal(verify(f), STATUS_OK);
    assert_non_null(strstr(f->said, "state: there is none"));
    assert_int_equal(access(folder_of(&f->folder, "state").path, F_OK), -1);
}

/** Change the state behind the store's back. */
static void change_state(struct fixture *f, bool delete)
{
    struct folder path = folder_of(&f->folder, "state");
    struct kv *kv;
    struct slice key;
    struct slice value;
    uint8_t copy[KV_KEY_BYTES_MAX];

    f->store = store_close(f->store);
    assert_int_equal(kv_open(&kv, path.path, MAP_BYTES, false), STATUS_OK);
    assert_true(kv_next(kv, KV_SEEN, (struct slice){NULL, 0}, &key, &value));
    memcpy(copy, key.bytes, key.len);
    key.bytes = copy;
    if (delete) {
        kv_del(kv, KV_SEEN, key);
    } else {
        struct record record;
        struct seen seen = {.seq = 1};
        record_encode_seen(&record, &seen);
        kv_put(kv, KV_SEEN, key, record_seal(&record, KV_SEEN, key));
    }
    assert_int_equal(kv_commit(kv), STATUS_OK);
    kv_close(kv);
}

static void verify_names_a_row_that_is_missing(void **state)
{
    struct fixture *f = *state;

    given_entries(f);
    change_state(f, true);

    assert_int_equal(verify(f), STATUS_STORE_CORRUPT);
    assert_non_null(strstr(f->said, "table seen: missing row"));
}

static void verify_names_a_row_with_another_value(void **state)
{
    struct fixture *f = *state;

    given_entries(f);
    change_state(f, false);

    assert_int_equal(verify(f), STATUS_STORE_CORRUPT);
    assert_non_null(strstr(f->said, "table seen: another value in row"));
}

static void verify_names_a_damaged_entry(void **state)
{
    struct fixture *f = *state;
    struct folder segment = folder_of(&f->folder, "journal/00000000000000000001.seg");

    given_entries(f);
    f->store = store_close(f->store);
    folder_write(segment.path, "?", 1, SEGMENT_HEADER_BYTES + 200);

    assert_int_equal(verify(f), STATUS_STORE_CORRUPT);
    assert_non_null(strstr(f->said, "entry 1 at byte 4096"));
}

static void verify_of_nothing_is_a_failure(void **state)
{
    struct fixture *f = *state;

    f->store = store_close(f->store);
    folder_clear(&f->folder, "journal");

    assert_int_equal(verify(f), STATUS_STORE_CORRUPT);
}

/** A damaged row is noticed when it is read, and stops the store. */
static void a_damaged_row_stops_the_store(void **state)
{
    struct fixture *f = *state;
    struct folder path = folder_of(&f->folder, "state/data.mdb");
    struct workflow workflow;
    size_t len;
    uint32_t turned = 0;

    scribe_take_note(&f->scribe, 77, 10);
    scribe_receive(&f->scribe);
    commit(f);
    f->store = store_close(f->store);
    uint8_t *bytes = folder_load(path.path, &len);
    for (size_t at = 0; at + 7 < len; at++) {
        /* A workflow's row and its reference's key: one bit in the row's text. */
        if (memcmp(bytes + at,
                   "\x07"
                   "case-77",
                   8) == 0) {
            bytes[at + 3] ^= 1;
            turned++;
        }
    }
    assert_true(turned > 0);
    folder_write(path.path, bytes, len, 0);
    free(bytes);
    assert_int_equal(reopen(f), STATUS_OK);

    assert_false(store_get_workflow(f->store, 1, &workflow));

    assert_int_equal(store_flush(f->store), STATUS_STORE_CORRUPT);
    assert_non_null(strstr(store_failure_text(f->store), "table workflow"));
    scribe_start(&f->scribe);
    assert_int_equal(store_flush(f->store), STATUS_STORE_CORRUPT);
    assert_int_equal(store_durable_seq(f->store), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_new_store_is_empty),
        TEST(what_was_flushed_is_applied_again_after_a_crash),
        TEST(a_state_that_is_gone_is_built_again),
        TEST(a_state_ahead_of_its_journal_is_refused),
        TEST(a_state_of_another_journal_is_refused),
        TEST(a_state_of_a_newer_format_is_refused),
        TEST(a_path_too_long_is_invalid),
        TEST(a_store_that_is_only_read_says_what_is_committed),
        TEST(an_entry_is_seen_at_once_and_durable_after_the_flush),
        TEST(a_workflow_is_found_by_its_name),
        TEST(a_known_id_has_its_receipt_digest_and_newest_verdict),
        TEST(an_events_bytes_come_from_its_row_or_the_journal),
        TEST(events_of_a_workflow_wait_for_their_turn),
        TEST(a_held_event_is_found_by_what_it_waits_for),
        TEST(a_delayed_event_is_due_until_it_is_judged),
        TEST(a_parked_event_is_not_due_and_a_late_finding_changes_only_its_workflow),
        TEST(a_stage_is_as_it_was_set_and_stays_so_when_opened_again),
        TEST(a_withdrawn_event_leaves_its_id_and_nothing_else),
        TEST(a_retried_event_is_at_its_turn_again),
        TEST(facts_are_kept_as_received_in_the_order_of_their_acceptance),
        TEST(an_organisation_is_seen_as_of_a_day),
        TEST(organisations_are_walked_each_once),
        TEST(the_level_of_co_commissioning_is_that_of_the_day),
        TEST(support_contracts_are_listed_newest_first),
        TEST(a_rejected_register_event_is_known_and_changes_nothing),
        TEST(keys_are_added_revoked_and_walked),
        TEST(the_ledger_is_the_sum_of_its_lines),
        TEST(a_nearly_full_map_leaves_no_room_until_what_is_open_is_finished),
        TEST(a_batch_takes_entries_until_it_is_full),
        TEST(verify_proves_a_whole_store_and_changes_nothing),
        TEST(verify_says_when_there_is_no_state),
        TEST(verify_names_a_row_that_is_missing),
        TEST(verify_names_a_row_with_another_value),
        TEST(verify_names_a_damaged_entry),
        TEST(verify_of_nothing_is_a_failure),
        TEST(a_damaged_row_stops_the_store),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
