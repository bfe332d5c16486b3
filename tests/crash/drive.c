/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/crash/drive.h"

#include "daemon/store/segment.h"
#include "proto/codec.h"
#include "tests/crash/recorder.h"
#include "tests/support/builders.h"

#include <stdarg.h>
#include <string.h>

#define CLIENT 1001
#define WORKER 2001
#define SENT_TURN_MAX 6
#define BULK_TURN 150
#define FAIL_TEXT "no such register"

static const char *const leads[] = {"02E", "01F"};

static bool complain(char text[DRIVE_TEXT_SIZE], const char *format, ...) PRINTF_LIKE(2, 3);

static bool complain(char text[DRIVE_TEXT_SIZE], const char *format, ...)
{
    va_list list;

    va_start(list, format);
    (void)vsnprintf(text, DRIVE_TEXT_SIZE, format, list);
    va_end(list);
    return false;
}

void drive_init(struct drive *drive, const char *dir, uint64_t seed, uint32_t bulk)
{
    CHECK(bulk <= DRIVE_BULK_MAX);
    memset(drive, 0, sizeof *drive);
    (void)snprintf(drive->dir.path, sizeof drive->dir.path, "%s", dir);
    drive->chance = seed * 2862933555777941757u + 3037000493u;
    drive->bulk = bulk;
    drive->cases = DRIVE_CASES;
    drive->now = (struct instant){.wall_ms = INT64_C(1530522000000), .mono_ms = 1000000};
    CHECK(arena_new(&drive->arena, ARENA_BYTES_MAX) == STATUS_OK);
}

void drive_clear(struct drive *drive)
{
    drive_close(drive);
    drive->arena = arena_free(drive->arena);
}

uint32_t drive_draw(struct drive *drive, uint32_t below)
{
    drive->chance = drive->chance * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(drive->chance >> 33) % below;
}

/* ---- events by their number ---- */

static bool is_register(uint32_t number)
{
    return number < DRIVE_REGISTERS;
}

static bool is_case(uint32_t number)
{
    return number >= DRIVE_REGISTERS && number < DRIVE_REGISTERS + DRIVE_CASES * DRIVE_STAGES;
}

/** Is it one of this run's? */
static bool wanted(const struct drive *drive, uint32_t number)
{
    if (number < DRIVE_REGISTERS + drive->cases * DRIVE_STAGES)
        return true;
    return !is_case(number) && number < DRIVE_REGISTERS + DRIVE_CASES * DRIVE_STAGES + drive->bulk;
}

static struct event make_register(uint32_t number)
{
    switch (number) {
    case 0:
        return organisation_registered("X24", ORGANISATION_NHSE);
    case 1:
        return organisation_registered("02E", ORGANISATION_CCG);
    case 2:
        return organisation_registered("01F", ORGANISATION_CCG);
    case 3:
        return organisation_registered("0CE", ORGANISATION_CSU);
    case 4:
        return support_contract("02E", "0CE");
    case 5:
        return allotment_set("02E", 2018, 1000000);
    default:
        return allotment_set("01F", 2018, 1000000);
    }
}

static struct event make_case(uint32_t number)
{
    uint32_t place = (number - DRIVE_REGISTERS) / DRIVE_STAGES;
    const char *lead = leads[place % ARRAY_LEN(leads)];
    char reference[32];

    (void)snprintf(reference, sizeof reference, "case-%u", (unsigned)place);
    switch ((number - DRIVE_REGISTERS) % DRIVE_STAGES) {
    case 0:
        return needs_assessed(lead, reference);
    case 1:
        return priorities_set(lead, reference);
    case 2:
        return bids_evaluated(lead, reference);
    case 3:
        return contract_awarded(lead, reference, "a-1", 1000);
    default:
        return review_completed(lead, reference);
    }
}

static struct event make(uint32_t number, char text[TEXT_BYTES_MAX])
{
    struct event event;
    char reference[32];

    if (is_register(number)) {
        event = make_register(number);
    } else if (is_case(number)) {
        event = make_case(number);
    } else {
        (void)snprintf(reference, sizeof reference, "bulk-%u", (unsigned)number);
        event = needs_assessed(leads[number % ARRAY_LEN(leads)], reference);
        memset(text, 'a' + (int)(number % 26), TEXT_BYTES_MAX);
        event.needs_assessed.title = (struct slice){(const uint8_t *)text, TEXT_BYTES_MAX};
    }
    event.id = id_of(number + 1);
    return event;
}

/** Which of our events it is. */
static uint32_t number_of(struct event_id id)
{
    uint32_t number = 0;

    for (uint32_t i = EVENT_ID_BYTES - 4; i < EVENT_ID_BYTES; i++)
        number = number << 8 | id.bytes[i];
    return number - 1;
}

static bool judged(const struct drive *drive, uint32_t number)
{
    return drive->told[number].verdict_seq != 0;
}

/** May it be sent now: are those before it judged? */
static bool ripe(const struct drive *drive, uint32_t number)
{
    if (is_register(number))
        return true;
    for (uint32_t i = 0; i < DRIVE_REGISTERS; i++) {
        if (!judged(drive, i))
            return false;
    }
    if (is_case(number) && (number - DRIVE_REGISTERS) % DRIVE_STAGES > 0)
        return judged(drive, number - 1);
    return true;
}

/* ---- start and end ---- */

enum status drive_open(struct drive *drive)
{
    struct store_options options = {
        .dir = drive->dir.path, .segment_bytes = SEGMENT_BYTES_MIN, .map_bytes = DRIVE_MAP_BYTES};
    struct broker_options broker = {
        .first_operator = principal_of("OPS"),
        .workers_max = 8,
        .feeds_max = 4,
        .events_open_max = 3000,
        .events_open_sender_max = 3000,
        .version = "test",
    };

    memset(drive->sent, 0, sizeof drive->sent);
    drive->handed_count = 0;
    drive->text[0] = '\0';
    enum status status =
        store_open(&drive->store, &options, &drive->report, drive->text, sizeof drive->text);
    if (status != STATUS_OK) {
        drive->store = NULL;
        return status;
    }
    status = broker_new(&drive->broker, drive->store, &broker, drive->now, 1);
    if (status != STATUS_OK)
        drive->broker = NULL;
    return status;
}

void drive_close(struct drive *drive)
{
    drive->broker = broker_free(drive->broker);
    drive->store = store_close(drive->store);
}

/* ---- a turn ---- */

static void send_event(struct drive *drive, uint32_t number)
{
    static char text[TEXT_BYTES_MAX];
    struct reason items[REASONS_MAX];
    struct reasons reasons = {.items = items, .max = REASONS_MAX};
    struct event event = make(number, text);
    struct event decoded;
    bool id_known;
    uint8_t *bytes = arena_take(drive->arena, EVENT_BYTES_MAX);

    if (bytes == NULL)
        return;
    struct buffer buffer = {.bytes = bytes, .max = EVENT_BYTES_MAX};
    codec_encode_event(&buffer, &event);
    CHECK(!buffer.full);
    enum status status = codec_decode_event((struct slice){bytes, buffer.len}, drive->arena,
                                            &decoded, &id_known, &reasons);
    if (status == STATUS_NO_MEMORY)
        return;
    CHECK(status == STATUS_OK);
    struct principal principal = principal_of(event.sender.text);
    broker_event(drive->broker, CLIENT, &principal, &decoded);
    drive->sent[number] = true;
}

static void send_some(struct drive *drive)
{
    uint32_t small = drive_draw(drive, SENT_TURN_MAX);
    uint32_t bulk = 0;

    for (uint32_t i = 0; i < DRIVE_EVENTS && !broker_full(drive->broker); i++) {
        if (!wanted(drive, i))
            continue;
        bool large = !is_register(i) && !is_case(i);
        bool again = drive->sent[i] && drive_draw(drive, 64) == 0;
        if ((drive->sent[i] && !again) || judged(drive, i) || !ripe(drive, i))
            continue;
        if (large ? ++bulk > BULK_TURN : small == 0)
            continue;
        if (!large)
            small--;
        send_event(drive, i);
        if (arena_used(drive->arena) > ARENA_BYTES_MAX / 2)
            arena_reset(drive->arena);
    }
}

static void find_some(struct drive *drive)
{
    while (drive->handed_count > 0 && !broker_full(drive->broker) && drive_draw(drive, 8) != 0) {
        uint32_t index = drive_draw(drive, drive->handed_count);
        struct handed handed = drive->handed[index];
        struct finding finding = {.token = handed.token, .seq = handed.seq};
        if (drive_draw(drive, 24) == 0)
            finding.error = slice_of(FAIL_TEXT);
        drive->handed[index] = drive->handed[--drive->handed_count];
        broker_findings(drive->broker, WORKER, &finding, 1);
    }
}

/** An answer may come again, but never differently. */
static void take_answer(struct drive *drive, const struct answer *answer)
{
    static const struct hash none;
    uint32_t number = number_of(answer->event_id);

    CHECK(number < DRIVE_EVENTS);
    struct told *told = &drive->told[number];
    bool same = told->seq == 0 || told->seq == answer->seq;
    if (answer->kind == ANSWER_REFUSED)
        return;
    if (answer->kind == ANSWER_RECEIPT && told->seq != 0 && !hash_equal(told->hash, none))
        same = same && hash_equal(told->hash, answer->entry_hash);
    bool held = answer->kind == ANSWER_VERDICT && answer->verdict == VERDICT_HELD;
    if (answer->kind == ANSWER_VERDICT && told->verdict_seq != 0)
        same = same && told->verdict_seq == answer->verdict_seq &&
               told->verdict == (uint32_t)answer->verdict;
    if (!same) {
        drive->contradicted = true;
        (void)complain(drive->text, "event %u was told otherwise before", number);
    }
    told->event = number;
    told->seq = answer->seq;
    if (answer->kind == ANSWER_RECEIPT)
        told->hash = answer->entry_hash;
    if (answer->kind == ANSWER_VERDICT && !held && told->verdict_seq == 0) {
        told->verdict_seq = answer->verdict_seq;
        told->verdict = (uint32_t)answer->verdict;
        drive->judged++;
    }
    recorder_mark(told, sizeof *told);
}

static void take_owed(struct drive *drive)
{
    for (const struct owed *owed = broker_next_owed(drive->broker); owed != NULL;
         owed = broker_next_owed(drive->broker)) {
        if (owed->kind == MESSAGE_ANSWERS && owed->connection == CLIENT)
            take_answer(drive, &owed->answer);
        else if (owed->kind == MESSAGE_ASSIGNMENTS && drive->handed_count < DRIVE_ASSIGNMENTS_MAX)
            drive->handed[drive->handed_count++] =
                (struct handed){owed->assignment.token, owed->assignment.seq};
    }
}

static void join(struct drive *drive)
{
    struct hello hello = {.stages = {STAGE_NEEDS_ASSESSED, STAGE_PRIORITIES_SET, STAGE_PROCUREMENT,
                                     STAGE_CONTRACT_AWARD, STAGE_REVIEW},
                          .stages_count = STAGES_MAX,
                          .name = "worker",
                          .capacity = DRIVE_ASSIGNMENTS_MAX};
    struct principal principal = principal_of("OPS");

    broker_hello(drive->broker, WORKER, &principal, &hello);
}

enum status drive_turn(struct drive *drive)
{
    uint32_t passes_ms = 1 + drive_draw(drive, 120);

    drive->now.wall_ms += passes_ms;
    drive->now.mono_ms += passes_ms;
    arena_reset(drive->arena);
    broker_begin(drive->broker, drive->now);
    if (drive_draw(drive, 16) == 0 || drive->handed_count == 0)
        join(drive);
    broker_beat(drive->broker, WORKER);
    find_some(drive);
    send_some(drive);
    broker_tick(drive->broker);
    enum status status = broker_flush(drive->broker);
    if (status != STATUS_OK)
        return status;
    broker_conclude(drive->broker);
    take_owed(drive);
    return broker_end(drive->broker);
}

bool drive_done(const struct drive *drive)
{
    for (uint32_t i = 0; i < DRIVE_EVENTS; i++) {
        if (wanted(drive, i) && !judged(drive, i))
            return false;
    }
    return true;
}

enum status drive_on(struct drive *drive, uint32_t turns_max)
{
    enum status status = STATUS_OK;

    for (uint32_t i = 0; i < turns_max && status == STATUS_OK && !drive_done(drive); i++)
        status = drive_turn(drive);
    return status;
}

/* ---- what must be true ---- */

static void keep_last(void *ctx, const char *line)
{
    (void)snprintf(ctx, DRIVE_TEXT_SIZE, "%s", line);
}

struct check {
    struct store *store;
    struct arena *arena;
    uint64_t *received; /* by event number: the seq of its entry */
    char *text;
};

/** Each event was taken once; and no entry cannot be read. */
static bool check_entry(struct check *check, uint64_t seq)
{
    struct slice bytes;
    struct hash hash;
    struct entry entry;
    struct event event;
    struct reason item;
    struct reasons reasons = {.items = &item, .max = 1};
    bool id_known;

    arena_reset(check->arena);
    if (store_read_entry(check->store, seq, &bytes, &hash) != STATUS_OK ||
        codec_decode_entry(bytes, check->arena, &entry) != STATUS_OK || entry.seq != seq)
        return complain(check->text, "entry %llu cannot be read", (unsigned long long)seq);
    if (entry.kind != ENTRY_RECEIVED && entry.kind != ENTRY_RECORDED)
        return true;
    if (codec_decode_event(entry.event, check->arena, &event, &id_known, &reasons) != STATUS_OK)
        return complain(check->text, "the event of entry %llu cannot be read",
                        (unsigned long long)seq);
    uint32_t number = number_of(event.id);
    CHECK(number < DRIVE_EVENTS);
    if (check->received[number] != 0)
        return complain(check->text, "event %u is there twice: entries %llu and %llu", number,
                        (unsigned long long)check->received[number], (unsigned long long)seq);
    check->received[number] = seq;
    return true;
}

/** What somebody was told stands in the journal, as it was told. */
static bool check_told(struct check *check, const struct told *told)
{
    static const struct hash none;
    struct slice bytes;
    struct hash hash;
    struct entry entry;
    unsigned long long seq = told->seq;

    if (told->seq == 0)
        return true;
    if (check->received[told->event] != told->seq)
        return complain(check->text, "lost: event %u had a receipt for entry %llu", told->event,
                        seq);
    if (store_read_entry(check->store, told->seq, &bytes, &hash) != STATUS_OK ||
        (!hash_equal(told->hash, none) && !hash_equal(told->hash, hash)))
        return complain(check->text, "entry %llu is not what the receipt says", seq);
    if (told->verdict_seq == 0)
        return true;
    arena_reset(check->arena);
    if (store_read_entry(check->store, told->verdict_seq, &bytes, &hash) != STATUS_OK ||
        codec_decode_entry(bytes, check->arena, &entry) != STATUS_OK ||
        (uint32_t)entry.verdict != told->verdict ||
        (entry.kind == ENTRY_JUDGED ? entry.of_seq : entry.seq) != told->seq)
        return complain(check->text, "lost: the verdict on event %u, entry %llu", told->event,
                        (unsigned long long)told->verdict_seq);
    return true;
}

static bool check_entries(struct check *check, const struct told *told)
{
    for (uint64_t seq = 1; seq <= store_durable_seq(check->store); seq++) {
        if (!check_entry(check, seq))
            return false;
    }
    for (uint32_t i = 0; i < DRIVE_EVENTS; i++) {
        if (!check_told(check, &told[i]))
            return false;
    }
    return true;
}

bool drive_check(const char *dir, const struct told *told, char text[DRIVE_TEXT_SIZE])
{
    struct store_options options = {
        .dir = dir, .segment_bytes = SEGMENT_BYTES_MIN, .map_bytes = DRIVE_MAP_BYTES};
    struct store_report report;
    struct check check = {.text = text};
    char fault[DRIVE_TEXT_SIZE] = "";

    enum status status = store_open(&check.store, &options, &report, fault, sizeof fault);
    if (status != STATUS_OK)
        return complain(text, "not opened: %s: %.300s", status_text(status), fault);
    CHECK(arena_new(&check.arena, ARENA_BYTES_MAX) == STATUS_OK);
    check.received = calloc(DRIVE_EVENTS, sizeof *check.received);
    CHECK(check.received != NULL);
    bool good = check_entries(&check, told);
    free(check.received);
    arena_free(check.arena);
    store_close(check.store);
    if (good && store_verify(dir, DRIVE_MAP_BYTES, keep_last, fault) != STATUS_OK)
        good = complain(text, "not proven: %.300s", fault);
    return good;
}
