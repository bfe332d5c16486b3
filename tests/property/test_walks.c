/* SPDX-License-Identifier: Apache-2.0 */
/* Seeded walks through the broker: random events, workers, time and restarts; after each, what must hold holds. */
/* test_walks [walks] [first seed]; a failing walk prints its seed. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#include "daemon/broker/inside.h"
#include "tests/support/expect.h"

#define STEPS 120
#define SENT_MAX 400
#define WORKERS 3
#define VERIFY_EVERY 10
#define ENTRIES_MAX 8192

static uint32_t walks = 1000;
static uint32_t first_seed = 1;

struct walk {
    struct fixture *f;
    uint64_t chance;
    struct event sent[SENT_MAX];
    uint32_t sent_count;
};

static uint32_t any(struct walk *w, uint32_t below)
{
    w->chance = w->chance * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(w->chance >> 33) % below;
}

/* ---- what may happen ---- */

static struct event any_event(struct walk *w)
{
    static const char *const leads[] = {"02E", "02E", "01F"};
    static const char *const names[] = {"a", "b", "c", "d"};
    static const char *const awards[] = {"x", "y"};
    const char *lead = leads[any(w, ARRAY_LEN(leads))];
    const char *name = names[any(w, ARRAY_LEN(names))];
    const char *award = awards[any(w, ARRAY_LEN(awards))];
    int64_t pence = any(w, 700000);

    switch (any(w, 18)) {
    case 0:
    case 1:
        return needs_assessed(lead, name);
    case 2:
    case 3:
        return priorities_set(lead, name);
    case 4:
        return procurement_started(lead, name);
    case 5:
    case 6:
        return bids_evaluated(lead, name);
    case 7:
        return award_intended(lead, name, award, pence);
    case 8:
        return award_withdrawn(lead, name, award);
    case 9:
        return contract_awarded(lead, name, award, pence);
    case 10:
        return review_completed(lead, name);
    case 11:
        return adopted(lead, name, (enum stage)(1 + any(w, STAGES_MAX)));
    case 12:
        return allotment_set(lead, 2018 + (int32_t)any(w, 4), any(w, 2000000));
    case 13:
        return suspended(lead, name);
    case 14:
    case 15:
        return resumed(lead, name);
    case 16:
        return any(w, 4) == 0 ? withdrawn(lead, name) : note(lead, name);
    default:
        return note(lead, name);
    }
}

static void send(struct walk *w)
{
    struct event event;

    if (w->sent_count > 0 && any(w, 6) == 0) {
        event = w->sent[any(w, w->sent_count)]; /* again, the same bytes */
    } else {
        event = any_event(w);
        if (!event_type_is_register(event.type) && any(w, 5) == 0)
            event = by_csu(event, "0CE");
        if ((event.type == EVENT_AWARD_INTENDED || event.type == EVENT_CONTRACT_AWARDED) &&
            any(w, 2) == 0) {
            event.award.period.from = date_of(2018 + (int32_t)any(w, 4), 7, 1);
            event.award.period.to = event.award.period.from + (date_t)any(w, 900);
        }
        if (any(w, 8) == 0) {
            event.after_given = true;
            event.after = any(w, 5);
        }
        if (w->sent_count > 0 && any(w, 20) == 0)
            event.id = w->sent[any(w, w->sent_count)].id; /* an id that may be known here */
        event = made(w->f, event);
    }
    if (w->sent_count < SENT_MAX)
        w->sent[w->sent_count++] = event;
    hand_in(w->f, CLIENT + any(w, 2), &event);
}

static void find(struct walk *w)
{
    static const enum reason_code found[] = {REASON_COUNT,
                                             REASON_COUNT,
                                             REASON_COUNT,
                                             REASON_COUNT,
                                             REASON_AWARD_AFTER_START,
                                             REASON_UNREGISTERED_MISSING};

    if (w->f->assignments_count == 0)
        return;
    uint32_t index = any(w, w->f->assignments_count);
    if (any(w, 10) == 0)
        hand_in_finding(w->f, index, REASON_COUNT, "could not");
    else
        hand_in_finding(w->f, index, found[any(w, ARRAY_LEN(found))], NULL);
}

static void meet_worker(struct walk *w)
{
    struct principal principal = principal_of("OPS");
    connection_t worker = WORKER + any(w, WORKERS);
    struct hello hello = {.stages_count = 2, .capacity = 1 + any(w, 5)};
    hello.stages[0] = (enum stage)(1 + any(w, STAGES_MAX));
    hello.stages[1] = (enum stage)(1 + any(w, STAGES_MAX));

    struct assignment_token token = {.seq = 0};
    if (w->f->assignments_count > 0) {
        const struct out_assignment *out = &w->f->assignments[any(w, w->f->assignments_count)];
        token = (struct assignment_token){out->assignment.token, out->assignment.seq};
    }
    switch (any(w, 9)) {
    case 6:
        broker_progresses(w->f->broker, worker, &token, 1);
        break;
    case 7:
        broker_accepts(w->f->broker, worker, &token, 1);
        break;
    case 8:
        w->f->deaf = any(w, 3) == 0;
        if (any(w, 8) == 0)
            (void)roster_drain(w->f->broker->roster, "");
        break;
    case 0:
        broker_gone(w->f->broker, worker);
        break;
    case 1:
        broker_bye(w->f->broker, worker);
        break;
    case 2:
    case 3:
        broker_beat(w->f->broker, worker);
        break;
    default:
        broker_hello(w->f->broker, worker, &principal, &hello);
    }
}

/** Give the order @command as @ods: name, value pairs up to NULL. */
static void ask(struct walk *w, const char *ods, const char *command, const char *const *pairs)
{
    struct argument arguments[8];
    struct principal principal = principal_of(ods);
    struct query query = {.command = slice_of(command), .arguments = arguments};

    for (; *pairs != NULL; pairs += 2)
        arguments[query.arguments_count++] =
            (struct argument){slice_of(pairs[0]), slice_of(pairs[1])};
    broker_query(w->f->broker, CLIENT, &principal, &query, NULL);
}

static void withdraw(struct walk *w)
{
    char id[EVENT_ID_TEXT_SIZE];

    if (w->sent_count == 0)
        return;
    const struct event *event = &w->sent[any(w, w->sent_count)];
    event_id_print(event->id, id);
    if (!event_type_is_register(event->type))
        ask(w, event->sender.text, "event withdraw",
            (const char *const[]){"lead", event->lead.text, "reference", event->reference.text,
                                  "event_id", id, "reason", "chance", NULL});
}

static void order(struct walk *w)
{
    const char *stage = stage_name((enum stage)(1 + any(w, STAGES_MAX)));
    const char *const set[] = {"stage", stage, "reason", "chance", NULL};
    const char *const narrowed[] = {"stage", stage, "reason", "chance", NULL};

    switch (any(w, 10)) {
    case 0:
        ask(w, "OPS", "queue pause", set);
        break;
    case 1:
        ask(w, "OPS", "queue drain", set);
        break;
    case 2:
    case 3:
        ask(w, "OPS", "queue resume", set);
        break;
    case 4:
        ask(w, "OPS", "parked retry", narrowed);
        break;
    case 5:
        ask(w, "OPS", "parked discard", narrowed);
        break;
    case 6:
        ask(w, "OPS", "server reload", (const char *const[]){NULL});
        break;
    default:
        withdraw(w);
    }
}

static void one_turn(struct walk *w)
{
    turn_opens(w->f);
    for (uint32_t i = any(w, 8); i > 0 && !broker_full(w->f->broker); i--) {
        uint32_t what = any(w, 11);
        if (what < 5)
            send(w);
        else if (what < 8)
            find(w);
        else if (what == 10)
            order(w);
        else
            meet_worker(w);
    }
    if (any(w, 40) == 0) {
        /* Killed after the flush, before anyone was told; or before it, and nothing has happened. */
        if (any(w, 2) == 0)
            turn_breaks_off(w->f);
        when_restarted(w->f, true);
        return;
    }
    turn_closes(w->f);
}

static void step(struct walk *w)
{
    w->f->answers_count = 0;
    one_turn(w);
    if (any(w, 3) == 0)
        when_time_passes(w->f, any(w, 1500));
    if (any(w, 30) == 0)
        when_time_passes(w->f, LEASE_MS);
    if (any(w, 10) == 0)
        when_time_passes(w->f, ACCEPT_MS);
    if (any(w, 50) == 0)
        when_restarted(w->f, any(w, 2) == 0);
}

/* ---- what must hold ---- */

/** Each open row is in the docket, in a state that fits; and the docket has no other. */
static void each_open_event_is_in_one_state(struct fixture *f)
{
    struct broker *broker = f->broker;
    struct open_event open;
    uint32_t count = 0;
    uint32_t sums[DOCKET_STATES] = {0};
    uint32_t ready = 0;

    for (uint64_t seq = 0; store_next_open(f->store, seq, &open); seq = open.seq, count++) {
        const struct docket_event *event = docket_find(broker->docket, open.seq);
        assert_non_null(event);
        assert_true((event->state == DOCKET_QUEUED) == (open.state == OPEN_QUEUED));
        assert_true((event->state == DOCKET_HELD) == (open.state == OPEN_HELD));
        assert_true((event->state == DOCKET_PARKED) == (open.state == OPEN_PARKED));
        sums[event->state]++;
    }
    assert_int_equal(count, docket_count(broker->docket));
    for (enum stage stage = STAGE_NEEDS_ASSESSED; stage <= STAGE_REVIEW; stage++)
        ready += queue_count(broker->queue, stage);
    assert_int_equal(sums[DOCKET_READY], ready);
    assert_int_equal(sums[DOCKET_LEASED], roster_leased(broker->roster));
    assert_int_equal(sums[DOCKET_DELAYED], due_count(broker->due));
    assert_int_equal(sums[DOCKET_TURN], broker->turns.count);
    for (enum stage stage = STAGE_NEEDS_ASSESSED; stage <= STAGE_REVIEW; stage++) {
        struct stage_setting setting;
        store_get_stage(f->store, stage, &setting);
        assert_int_equal(setting.state, broker->stages[stage].state);
        assert_int_equal(setting.seq, broker->stages[stage].seq);
    }
    assert_int_equal(quota_count(broker->quota, ods_of("02E")) +
                         quota_count(broker->quota, ods_of("01F")) +
                         quota_count(broker->quota, ods_of("0CE")),
                     count);
}

/** Every year's row is the sum of its lines. */
static void the_ledger_adds_up(struct fixture *f)
{
    struct ledger_year year;
    struct ods ods = {{0}};
    int32_t number = 0;

    while (store_next_ledger(f->store, ods, number, &year)) {
        struct ledger_year sum = {.ods = year.ods, .year = year.year};
        struct ledger_line_row row;
        uint64_t seq = 0;
        uint32_t index = 0;
        for (; store_next_ledger_line(f->store, year.ods, year.year, seq, index, &row, &index);
             seq = row.entry_seq)
            ledger_add(&sum, &row.line);
        assert_int_equal(sum.allotment_pence, year.allotment_pence);
        assert_int_equal(sum.reserved_pence, year.reserved_pence);
        assert_int_equal(sum.committed_pence, year.committed_pence);
        assert_true(year.reserved_pence >= 0);
        assert_true(year.committed_pence >= 0);
        ods = year.ods;
        number = year.year;
    }
}

/* What the journal says of one number or event. */
struct told {
    uint64_t last_seq;  /* by number: newest entry */
    uint64_t accepted;  /* by number: accepted workflow events */
    bool received;      /* by seq */
    bool parked;        /* by seq */
    enum verdict final; /* by seq */
};

/** The journal alone: no gap, every entry names the one before it, each event is decided once, accepted ones are counted. */
static void the_journal_tells_the_same_story(struct fixture *f)
{
    static struct told by_seq[ENTRIES_MAX];
    static struct told by_number[ENTRIES_MAX];
    uint64_t last = store_durable_seq(f->store);
    uint64_t runs = 0;

    assert_true(last < ENTRIES_MAX);
    memset(by_seq, 0, sizeof by_seq);
    memset(by_number, 0, sizeof by_number);
    for (uint64_t seq = 1; seq <= last; seq++) {
        size_t mark = arena_used(f->arena);
        struct entry entry = entry_at(f, seq);
        arena_rewind(f->arena, mark);
        assert_int_equal(entry.seq, seq);
        assert_int_equal(entry.previous, by_number[entry.number].last_seq);
        if (entry.number != 0)
            by_number[entry.number].last_seq = seq;
        if (entry.kind == ENTRY_STARTED)
            assert_int_equal(entry.run, ++runs);
        if (entry.kind == ENTRY_RECEIVED)
            by_seq[seq].received = true;
        if (entry.kind == ENTRY_ATTEMPT_FAILED)
            by_seq[entry.of_seq].parked = entry.parked;
        if (entry.kind == ENTRY_RETRIED) {
            assert_true(by_seq[entry.of_seq].parked);
            by_seq[entry.of_seq].parked = false;
        }
        if (entry.kind == ENTRY_EVENT_WITHDRAWN) {
            assert_true(by_seq[entry.of_seq].received);
            assert_int_equal(by_seq[entry.of_seq].final, VERDICT_NONE);
            assert_true(by_seq[entry.of_seq].parked || !entry.discarded);
            by_seq[entry.of_seq].final = VERDICT_WITHDRAWN;
        }
        if (entry.kind != ENTRY_JUDGED)
            continue;
        assert_false(by_seq[entry.of_seq].parked);
        assert_true(by_seq[entry.of_seq].received);
        assert_int_equal(by_seq[entry.of_seq].final, VERDICT_NONE);
        if (entry.verdict != VERDICT_HELD)
            by_seq[entry.of_seq].final = entry.verdict;
        if (entry.verdict == VERDICT_ACCEPTED)
            by_number[entry.number].accepted++;
    }

    struct workflow workflow;
    for (uint64_t number = 0; store_next_workflow(f->store, number, &workflow);
         number = workflow.number) {
        assert_int_equal(workflow.accepted_count, by_number[workflow.number].accepted);
        assert_int_equal(workflow.last_seq, by_number[workflow.number].last_seq);
    }
    for (uint64_t seq = 1; seq <= last; seq++) {
        struct open_event open;
        assert_true(store_get_open(f->store, seq, &open) ==
                    (by_seq[seq].received && by_seq[seq].final == VERDICT_NONE));
    }
}

/** With all stages running, a worker for them, parked events tried again, and time, everything is decided but what waits for something. */
static void all_that_can_be_decided_is_decided(struct walk *w)
{
    struct fixture *f = w->f;

    f->deaf = false;
    for (enum stage stage = STAGE_NEEDS_ASSESSED; stage <= STAGE_REVIEW; stage++) {
        turn_opens(f);
        ask(w, "OPS", "queue resume",
            (const char *const[]){"stage", stage_name(stage), "reason", "healed", NULL});
        turn_closes(f);
    }
    for (uint32_t i = 0; i < 50; i++) {
        turn_opens(f);
        ask(w, "OPS", "parked retry", (const char *const[]){NULL});
        turn_closes(f);
        f->answers_count = 0;
        when_worker_of_all_joins(f, WORKER, 100);
        when_all_is_found_good(f);
        when_time_passes(f, 61000);
        a_turn(f);
    }
    struct open_event open;
    for (uint64_t seq = 0; store_next_open(f->store, seq, &open); seq = open.seq)
        assert_int_equal(open.state, OPEN_HELD);

    /* Whatever is sent again gets what it got. */
    for (uint32_t i = 0; i < w->sent_count; i++) {
        uint64_t before = store_durable_seq(f->store);
        f->answers_count = 0;
        turn_opens(f);
        hand_in(f, CLIENT, &w->sent[i]);
        turn_closes(f);
        if (answer_to(f, w->sent[i].id, ANSWER_REFUSED) == NULL) {
            assert_true(f->answers_count >= 1);
            assert_true(f->answers[0].answer.repeated || store_durable_seq(f->store) > before);
        }
    }
}

static void say_line(void *ctx, const char *line)
{
    (void)ctx;
    printf("%s\n", line);
}

/* Few attempts, so that a walk comes to their end. */
static const struct stage_row few_attempts[] = {
    {STAGE_NEEDS_ASSESSED, ACCEPT_MS, LEASE_MS, 3, 500, 60000},
    {STAGE_PRIORITIES_SET, ACCEPT_MS, LEASE_MS, 3, 500, 60000},
    {STAGE_PROCUREMENT, ACCEPT_MS, LEASE_MS, 3, 500, 60000},
    {STAGE_CONTRACT_AWARD, ACCEPT_MS, LEASE_MS, 3, 500, 60000},
    {STAGE_REVIEW, ACCEPT_MS, LEASE_MS, 3, 500, 60000},
};

static void walk(struct fixture *f, uint32_t seed)
{
    struct walk w = {.f = f, .chance = seed};
    f->options.stages = few_attempts;
    when_restarted(f, false);

    for (uint32_t i = 0; i < STEPS; i++) {
        step(&w);
        each_open_event_is_in_one_state(f);
    }
    the_ledger_adds_up(f);
    the_journal_tells_the_same_story(f);
    all_that_can_be_decided_is_decided(&w);
    each_open_event_is_in_one_state(f);
    the_ledger_adds_up(f);
    the_journal_tells_the_same_story(f);
}

/* ---- the tests ---- */

static void whatever_happens_every_event_is_decided_once_and_money_adds_up(void **state)
{
    (void)state;
    struct fixture *f = malloc(sizeof *f);
    assert_non_null(f);

    for (uint32_t i = 0; i < walks; i++) {
        uint32_t seed = first_seed + i;
        printf("\rseed %u ", seed);
        fflush(stdout);
        fixture_init(f);
        given_world(f);
        walk(f, seed);
        if (i % VERIFY_EVERY == 0) {
            f->broker = broker_free(f->broker);
            assert_int_equal(store_commit(f->store), STATUS_OK);
            f->store = store_close(f->store);
            assert_int_equal(store_verify(f->dir, 256 * 1024 * 1024, say_line, NULL), STATUS_OK);
        }
        fixture_clear(f);
    }
    printf("\n");
    free(f);
}

/** All that the journal says but its own name, which is chance's. */
static uint64_t story_of(struct fixture *f)
{
    uint64_t story = 14695981039346656037u;

    for (uint64_t seq = 1; seq <= store_durable_seq(f->store); seq++) {
        struct slice bytes;
        struct hash hash;
        assert_int_equal(store_read_entry(f->store, seq, &bytes, &hash), STATUS_OK);
        size_t mark = arena_used(f->arena);
        bool started = entry_at(f, seq).kind == ENTRY_STARTED;
        arena_rewind(f->arena, mark);
        assert_int_equal(store_read_entry(f->store, seq, &bytes, &hash), STATUS_OK);
        for (size_t i = 0; i < bytes.len && !started; i++)
            story = (story ^ bytes.bytes[i]) * 1099511628211u;
    }
    return story;
}

static void the_same_seed_tells_the_same_story(void **state)
{
    (void)state;
    struct fixture *f = malloc(sizeof *f);
    assert_non_null(f);

    for (uint32_t seed = first_seed; seed < first_seed + 5; seed++) {
        uint64_t stories[2];
        for (uint32_t i = 0; i < ARRAY_LEN(stories); i++) {
            fixture_init(f);
            given_world(f);
            walk(f, seed);
            stories[i] = story_of(f);
            fixture_clear(f);
        }
        assert_true(stories[0] == stories[1]);
    }
    free(f);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        walks = (uint32_t)strtoul(argv[1], NULL, 10);
    if (argc > 2)
        first_seed = (uint32_t)strtoul(argv[2], NULL, 10);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_happens_every_event_is_decided_once_and_money_adds_up),
        cmocka_unit_test(the_same_seed_tells_the_same_story),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
