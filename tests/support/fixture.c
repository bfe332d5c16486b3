/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fixture.h"

#include <ftw.h>
#include <stdarg.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "proto/codec.h"

#define FIXTURE_ARENA_BYTES (64 * 1024 * 1024)
#define ROOM_BYTES (UINT64_C(1024) * 1024 * 1024)

static void must(enum status status)
{
    if (status != STATUS_OK)
        fprintf(stderr, "fixture: %s\n", status_text(status));
    CHECK(status == STATUS_OK);
}

/* ---- a folder, a store, a broker ---- */

static void start(struct fixture *f)
{
    struct store_options options = {
        .dir = f->dir, .segment_bytes = 4 * 1024 * 1024, .map_bytes = 256 * 1024 * 1024};
    struct store_report report = {0};
    char text[512] = "";
    enum status status = store_open(&f->store, &options, &report, text, sizeof text);
    if (status != STATUS_OK)
        fprintf(stderr, "fixture: %s\n", text);
    must(status);
    must(broker_new(&f->broker, f->store, &f->options, f->now, f->seed));
}

/** Where a flush costs nothing, if there is such a place with room: what is tested here is not the disk. */
static const char *parent_dir(void)
{
    struct statvfs about;
    const char *parent = getenv("TMPDIR");

    if (parent != NULL)
        return parent;
    bool room =
        statvfs("/dev/shm", &about) == 0 && (uint64_t)about.f_bavail * about.f_frsize > ROOM_BYTES;
    return room ? "/dev/shm" : "/tmp";
}

void fixture_init(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    (void)snprintf(f->dir, sizeof f->dir, "%s/broker-XXXXXX", parent_dir());
    CHECK(mkdtemp(f->dir) != NULL);
    f->seed = 1;
    f->now = (struct instant){.wall_ms = INT64_C(1530522000000), .mono_ms = 1000000};
    f->options = (struct broker_options){
        .first_operator = principal_of("OPS"),
        .workers_max = 8,
        .feeds_max = 16,
        .events_open_max = 3000,
        .events_open_sender_max = 2500,
        .version = "test",
        .signing_secret = f->secret,
        .checkpoint_ms = 3600000,
    };
    static const uint8_t seed[STATEMENT_SEED_BYTES] = {1, 2, 3};
    statement_key_pair(seed, &f->signing_key, f->secret);
    must(arena_new(&f->arena, FIXTURE_ARENA_BYTES));
    must(arena_new(&f->decoded, ARENA_BYTES_MAX));
    start(f);
}

static int remove_one(const char *path, const struct stat *about, int type, struct FTW *where)
{
    (void)about;
    (void)type;
    (void)where;
    return remove(path);
}

void fixture_clear(struct fixture *f)
{
    f->broker = broker_free(f->broker);
    f->store = store_close(f->store);
    f->arena = arena_free(f->arena);
    f->decoded = arena_free(f->decoded);
    (void)nftw(f->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int fixture_setup(void **state)
{
    struct fixture *f = malloc(sizeof *f);
    CHECK(f != NULL);
    fixture_init(f);
    *state = f;
    return 0;
}

int fixture_setup_world(void **state)
{
    fixture_setup(state);
    given_world(*state);
    return 0;
}

int fixture_teardown(void **state)
{
    fixture_clear(*state);
    free(*state);
    return 0;
}

void given_world(struct fixture *f)
{
    turn_opens(f);
    struct event events[] = {
        made(f, organisation_registered("X24", ORGANISATION_NHSE)),
        made(f, organisation_registered("02E", ORGANISATION_CCG)),
        made(f, organisation_registered("01F", ORGANISATION_CCG)),
        made(f, organisation_registered("0CE", ORGANISATION_CSU)),
        made(f, support_contract("02E", "0CE")),
        made(f, allotment_set("02E", 2018, 1000000)),
        made(f, allotment_set("01F", 2018, 1000000)),
    };
    for (uint32_t i = 0; i < ARRAY_LEN(events); i++)
        hand_in(f, CLIENT, &events[i]);
    turn_closes(f);
    for (uint32_t i = 0; i < ARRAY_LEN(events); i++) {
        const struct out_answer *answer = answer_to(f, events[i].id, ANSWER_VERDICT);
        CHECK(answer != NULL);
        CHECK(answer->answer.verdict == VERDICT_ACCEPTED);
    }
    f->answers_count = 0;
}

void when_restarted(struct fixture *f, bool killed)
{
    if (!killed)
        must(store_commit(f->store));
    f->broker = broker_free(f->broker);
    f->store = store_close(f->store);
    f->assignments_count = 0;
    start(f);
}

void when_time_passes(struct fixture *f, int64_t ms)
{
    f->now.wall_ms += ms;
    f->now.mono_ms += ms;
}

/* ---- what comes out ---- */

static void take_answer(struct fixture *f, const struct owed *owed)
{
    CHECK(f->answers_count < FIXTURE_OUT_MAX);
    struct out_answer *out = &f->answers[f->answers_count++];
    *out = (struct out_answer){.to = owed->connection, .answer = owed->answer};
    if (owed->answer.reasons_count > 0)
        out->reason = owed->answer.reasons[0];
    else
        out->reason.code = REASON_COUNT;
    out->answer.reasons = NULL;
}

static void take_assignment(struct fixture *f, const struct owed *owed)
{
    struct reason items[REASONS_MAX];
    struct reasons reasons = {.items = items, .max = REASONS_MAX};
    struct event event;
    bool id_known;

    CHECK(f->assignments_count < FIXTURE_OUT_MAX);
    struct out_assignment *out = &f->assignments[f->assignments_count++];
    size_t mark = arena_used(f->arena);
    must(codec_decode_event(owed->assignment.event_bytes, f->arena, &event, &id_known, &reasons));
    *out = (struct out_assignment){
        .to = owed->connection, .assignment = owed->assignment, .id = event.id, .type = event.type};
    arena_rewind(f->arena, mark);
}

static const void *keep(struct fixture *f, const void *bytes, size_t len)
{
    return arena_copy(f->arena, (struct slice){bytes, len}).bytes;
}

static void take_reply(struct fixture *f, const struct owed *owed)
{
    struct out_reply *out = &f->replies[f->replies_count++ % ARRAY_LEN(f->replies)];
    struct reply *reply = &out->reply;
    *out = (struct out_reply){.to = owed->connection, .reply = owed->reply};

    size_t cells = (size_t)reply->rows_count * reply->columns_count;
    struct slice *copies = arena_take(f->arena, (cells + 1) * sizeof *copies);
    for (size_t i = 0; i < cells; i++)
        copies[i] = arena_copy(f->arena, owed->reply.cells[i]);
    struct entry_row *rows = arena_take(f->arena, (reply->entries_count + 1) * sizeof *rows);
    for (uint32_t i = 0; i < reply->entries_count; i++) {
        rows[i] = owed->reply.entries[i];
        rows[i].entry = arena_copy(f->arena, rows[i].entry);
    }
    reply->cells = copies;
    reply->entries = rows;
    reply->reasons = keep(f, reply->reasons, reply->reasons_count * sizeof *reply->reasons);
    reply->error_text = arena_copy(f->arena, reply->error_text);
    reply->resume = arena_copy(f->arena, reply->resume);
}

static void take_entries(struct fixture *f, const struct owed *owed)
{
    CHECK(f->entries_count < ARRAY_LEN(f->entries));
    struct out_entries *out = &f->entries[f->entries_count++];
    *out = (struct out_entries){.to = owed->connection, .entries = owed->entries};
    struct entry_row *rows = arena_take(f->arena, (out->entries.entries_count + 1) * sizeof *rows);
    for (uint32_t i = 0; i < out->entries.entries_count; i++) {
        rows[i] = owed->entries.entries[i];
        rows[i].entry = arena_copy(f->arena, rows[i].entry);
    }
    out->entries.entries = rows;
}

static void take_welcome(struct fixture *f, const struct owed *owed)
{
    f->welcomes_count++;
    f->welcome = owed->welcome;
    (void)snprintf(f->welcome_error, sizeof f->welcome_error, "%.*s", (int)owed->welcome.error.len,
                   (const char *)owed->welcome.error.bytes);
}

static void take_owed(struct fixture *f)
{
    for (const struct owed *owed = broker_next_owed(f->broker); owed != NULL;
         owed = broker_next_owed(f->broker)) {
        if (owed->kind == MESSAGE_ANSWERS)
            take_answer(f, owed);
        else if (owed->kind == MESSAGE_ASSIGNMENTS)
            take_assignment(f, owed);
        else if (owed->kind == MESSAGE_REPLIES)
            take_reply(f, owed);
        else if (owed->kind == MESSAGE_ENTRIES)
            take_entries(f, owed);
        else if (owed->kind == MESSAGE_WELCOMES)
            take_welcome(f, owed);
    }
}

/* ---- turns ---- */

void turn_opens(struct fixture *f)
{
    arena_reset(f->decoded);
    broker_begin(f->broker, f->now);
}

/** As libcommission does, at once: the assignments from @first on. */
static void accept_from(struct fixture *f, uint32_t first)
{
    for (uint32_t i = first; !f->deaf && i < f->assignments_count; i++) {
        const struct assignment *assignment = &f->assignments[i].assignment;
        struct assignment_token token = {assignment->token, assignment->seq};
        broker_accepts(f->broker, f->assignments[i].to, &token, 1);
    }
}

void turn_closes(struct fixture *f)
{
    uint32_t first = f->assignments_count;
    broker_tick(f->broker);
    must(broker_flush(f->broker));
    CHECK(broker_next_owed(f->broker) == NULL); /* nothing leaves before broker_conclude() */
    broker_conclude(f->broker);
    take_owed(f);
    must(broker_end(f->broker));
    accept_from(f, first);
}

void turn_breaks_off(struct fixture *f)
{
    must(broker_flush(f->broker));
}

void a_turn(struct fixture *f)
{
    turn_opens(f);
    turn_closes(f);
}

void turns_until_quiet(struct fixture *f)
{
    bool quiet = false;

    for (uint32_t i = 0; i < 1000 && !quiet; i++) {
        a_turn(f);
        quiet = broker_due_ms(f->broker) > f->now.mono_ms;
    }
    CHECK(quiet);
}

/* ---- senders ---- */

struct event made(struct fixture *f, struct event event)
{
    static const struct event_id none;
    uint8_t bytes[EVENT_BYTES_MAX];
    struct buffer buffer = {.bytes = bytes, .max = sizeof bytes};

    if (event_id_equal(event.id, none))
        event.id = id_of(++f->ids);
    codec_encode_event(&buffer, &event);
    CHECK(!buffer.full);
    event.bytes = arena_copy(f->arena, (struct slice){bytes, buffer.len});
    return event;
}

void hand_in(struct fixture *f, connection_t from, const struct event *event)
{
    struct reason items[REASONS_MAX];
    struct reasons reasons = {.items = items, .max = REASONS_MAX};
    struct event decoded;
    bool id_known;
    struct principal principal = principal_of(event->sender.text);

    enum status status =
        codec_decode_event(event->bytes, f->decoded, &decoded, &id_known, &reasons);
    if (status != STATUS_OK)
        broker_refuse(f->broker, from, id_known ? &decoded.id : NULL, items, reasons.count);
    else
        broker_event(f->broker, from, &principal, &decoded);
}

struct event when_sent(struct fixture *f, struct event event)
{
    event = made(f, event);
    turn_opens(f);
    hand_in(f, CLIENT, &event);
    turn_closes(f);
    return event;
}

/* ---- workers ---- */

static void join(struct fixture *f, connection_t worker, struct hello hello)
{
    struct principal principal = principal_of("OPS");

    (void)snprintf(hello.name, sizeof hello.name, "worker-%u", (unsigned)worker);
    turn_opens(f);
    broker_hello(f->broker, worker, &principal, &hello);
    turn_closes(f);
}

void when_worker_joins(struct fixture *f, connection_t worker, enum stage stage, uint32_t capacity)
{
    join(f, worker, (struct hello){.stages = {stage}, .stages_count = 1, .capacity = capacity});
}

void when_worker_of_all_joins(struct fixture *f, connection_t worker, uint32_t capacity)
{
    join(f, worker,
         (struct hello){.stages = {STAGE_NEEDS_ASSESSED, STAGE_PRIORITIES_SET, STAGE_PROCUREMENT,
                                   STAGE_CONTRACT_AWARD, STAGE_REVIEW},
                        .stages_count = 5,
                        .capacity = capacity});
}

void hand_in_finding(struct fixture *f, uint32_t index, enum reason_code found, const char *error)
{
    struct reason item;
    struct reasons reasons = {.items = &item, .max = 1};
    CHECK(index < f->assignments_count);
    struct out_assignment out = f->assignments[index];

    f->assignments_count--;
    memmove(&f->assignments[index], &f->assignments[index + 1],
            (f->assignments_count - index) * sizeof *f->assignments);
    if (found != REASON_COUNT)
        reasons_add(&reasons, found, NULL, NULL, NULL, NULL);
    struct finding finding = {
        .token = out.assignment.token,
        .seq = out.assignment.seq,
        .reasons = &item,
        .reasons_count = reasons.count,
        .error = error != NULL ? slice_of(error) : (struct slice){NULL, 0},
    };
    broker_findings(f->broker, out.to, &finding, 1);
}

void when_found(struct fixture *f, uint32_t index, enum reason_code found)
{
    turn_opens(f);
    hand_in_finding(f, index, found, NULL);
    turn_closes(f);
}

void when_worker_fails(struct fixture *f, uint32_t index, const char *error)
{
    turn_opens(f);
    hand_in_finding(f, index, REASON_COUNT, error);
    turn_closes(f);
}

void when_all_is_found_good(struct fixture *f)
{
    for (uint32_t i = 0; f->assignments_count > 0; i++) {
        CHECK(i < 100000);
        turn_opens(f);
        while (f->assignments_count > 0 && !broker_full(f->broker))
            hand_in_finding(f, 0, REASON_COUNT, NULL);
        turn_closes(f);
    }
}

void given_workflow_in(struct fixture *f, const char *lead, const char *reference, enum stage stage)
{
    struct event steps[] = {needs_assessed(lead, reference), priorities_set(lead, reference),
                            bids_evaluated(lead, reference),
                            contract_awarded(lead, reference, "a-0", 1000)};

    for (uint32_t i = 0; i + 1 < (uint32_t)stage; i++) {
        struct event event = when_sent(f, steps[i]);
        when_all_is_found_good(f);
        const struct out_answer *answer = answer_to(f, event.id, ANSWER_VERDICT);
        CHECK(answer != NULL);
        CHECK(answer->answer.verdict == VERDICT_ACCEPTED);
    }
}

/* ---- readers ---- */

const struct reply *when_asked(struct fixture *f, const char *ods, const char *command, ...)
{
    struct argument arguments[8];
    struct query query = {.query_id = 7, .command = slice_of(command), .arguments = arguments};
    struct principal principal = principal_of(ods);
    va_list list;

    va_start(list, command);
    for (const char *name = va_arg(list, const char *); name != NULL;
         name = va_arg(list, const char *)) {
        const char *value = va_arg(list, const char *);
        if (strcmp(name, "rows_max") == 0)
            query.rows_max = (uint32_t)strtoul(value, NULL, 10);
        else
            arguments[query.arguments_count++] = (struct argument){slice_of(name), slice_of(value)};
    }
    va_end(list);
    /* On from where the last reply to the same question ended. */
    if (query.rows_max != 0 && f->replies_count > 0)
        query.resume = f->replies[(f->replies_count - 1) % ARRAY_LEN(f->replies)].reply.resume;

    uint32_t before = f->replies_count;
    turn_opens(f);
    broker_query(f->broker, CLIENT, &principal, &query, NULL);
    turn_closes(f);
    CHECK(f->replies_count == before + 1);
    return &f->replies[before % ARRAY_LEN(f->replies)].reply;
}

const char *cell_of(struct fixture *f, const struct reply *reply, uint32_t row, const char *name)
{
    for (uint32_t i = 0; i < reply->columns_count && row < reply->rows_count; i++) {
        if (strcmp(reply->columns[i].name, name) != 0)
            continue;
        struct slice cell = reply->cells[row * reply->columns_count + i];
        return (const char *)arena_print(f->arena, "%.*s", (int)cell.len,
                                         cell.len > 0 ? (const char *)cell.bytes : "")
            .bytes;
    }
    return "(no such cell)";
}

const struct out_answer *answer_to(const struct fixture *f, struct event_id id,
                                   enum answer_kind kind)
{
    for (uint32_t i = f->answers_count; i > 0; i--) {
        const struct out_answer *out = &f->answers[i - 1];
        if (out->answer.kind == kind && out->answer.id_known &&
            event_id_equal(out->answer.event_id, id))
            return out;
    }
    return NULL;
}

uint32_t answers_to(const struct fixture *f, struct event_id id, enum answer_kind kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < f->answers_count; i++) {
        if (f->answers[i].answer.kind == kind && f->answers[i].answer.id_known &&
            event_id_equal(f->answers[i].answer.event_id, id))
            count++;
    }
    return count;
}

uint32_t assignment_of(const struct fixture *f, struct event_id id)
{
    for (uint32_t i = f->assignments_count; i > 0; i--) {
        if (event_id_equal(f->assignments[i - 1].id, id))
            return i - 1;
    }
    return UINT32_MAX;
}

struct entry entry_at(struct fixture *f, uint64_t seq)
{
    struct slice bytes;
    struct hash hash;
    struct entry entry;

    must(store_read_entry(f->store, seq, &bytes, &hash));
    must(codec_decode_entry(arena_copy(f->arena, bytes), f->arena, &entry));
    return entry;
}

struct entry last_entry(struct fixture *f)
{
    return entry_at(f, store_durable_seq(f->store));
}
