/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/crash/receipts.h"

#include "daemon/store/segment.h"
#include "daemon/store/store.h"
#include "proto/codec.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define MAP_BYTES (64ull * 1024 * 1024)

struct receipts {
    char path[INSTANCE_PATH_SIZE];
    int fd;
    uint64_t count;
};

/** One answer. */
struct line {
    uint32_t number;
    uint32_t stage;
    uint32_t kind;
    uint32_t verdict;
    uint64_t seq;
    uint64_t verdict_seq;
    struct hash hash; /* of the entry of the receipt, or of the verdict */
};

struct receipts *receipts_new(const char *path)
{
    struct receipts *receipts = calloc(1, sizeof *receipts);

    CHECK(receipts != NULL);
    CHECK((size_t)snprintf(receipts->path, sizeof receipts->path, "%s", path) <
          sizeof receipts->path);
    receipts->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    CHECK(receipts->fd >= 0);
    return receipts;
}

struct receipts *receipts_free(struct receipts *receipts)
{
    if (receipts != NULL) {
        close(receipts->fd);
        (void)unlink(receipts->path);
    }
    free(receipts);
    return NULL;
}

void receipts_add(struct receipts *receipts, const struct answer *answer)
{
    struct line line = {
        .kind = (uint32_t)answer->kind,
        .verdict = (uint32_t)answer->verdict,
        .seq = answer->seq,
        .verdict_seq = answer->verdict_seq,
        .hash = answer->entry_hash,
    };

    cases_of(&answer->event_id, &line.number, &line.stage);
    CHECK(write(receipts->fd, &line, sizeof line) == (ssize_t)sizeof line);
    receipts->count++;
}

void receipts_keep(struct receipts *receipts)
{
    CHECK(fsync(receipts->fd) == 0);
}

uint64_t receipts_count(const struct receipts *receipts)
{
    return receipts->count;
}

/* ---- against a journal ---- */

/** What the journal has of a case's event, and what we were told. */
struct place {
    uint64_t seq;
    uint64_t told_verdict_seq;
};

struct check {
    struct store *store;
    struct arena *arena;
    struct place *places; /* CASE_STAGES a case */
    uint32_t cases_max;
    char *text;
};

static bool complain(const struct check *check, const char *format, ...) PRINTF_LIKE(2, 3);

static bool complain(const struct check *check, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    (void)vsnprintf(check->text, RECEIPTS_TEXT_SIZE, format, list);
    va_end(list);
    return false;
}

static bool read_entry(struct check *check, uint64_t seq, struct entry *ret, struct hash *ret_hash)
{
    struct slice bytes;

    arena_reset(check->arena);
    return store_read_entry(check->store, seq, &bytes, ret_hash) == STATUS_OK &&
           codec_decode_entry(bytes, check->arena, ret) == STATUS_OK && ret->seq == seq;
}

/** Note where each event is, once. */
static bool check_entry(struct check *check, uint64_t seq)
{
    struct entry entry;
    struct event event;
    struct hash hash;
    struct reason item;
    struct reasons reasons = {.items = &item, .max = 1};
    bool id_known;
    uint32_t number;
    uint32_t stage;

    if (!read_entry(check, seq, &entry, &hash))
        return complain(check, "entry %llu cannot be read", (unsigned long long)seq);
    if (entry.kind != ENTRY_RECEIVED)
        return true;
    if (codec_decode_event(entry.event, check->arena, &event, &id_known, &reasons) != STATUS_OK)
        return complain(check, "the event of entry %llu cannot be read", (unsigned long long)seq);
    cases_of(&event.id, &number, &stage);
    if (number >= check->cases_max || stage >= CASE_STAGES)
        return complain(check, "entry %llu has an event that nobody sent", (unsigned long long)seq);
    struct place *place = &check->places[(size_t)number * CASE_STAGES + stage];
    if (place->seq != 0)
        return complain(check, "case %u, stage %u is there twice: entries %llu and %llu", number,
                        stage, (unsigned long long)place->seq, (unsigned long long)seq);
    place->seq = seq;
    return true;
}

static bool check_line(struct check *check, const struct line *line)
{
    struct entry entry;
    struct hash hash;
    struct place *place = &check->places[(size_t)line->number * CASE_STAGES + line->stage];
    bool verdict = line->kind == (uint32_t)ANSWER_VERDICT;
    uint64_t seq = verdict ? line->verdict_seq : line->seq;

    if (line->number >= check->cases_max || line->stage >= CASE_STAGES)
        return complain(check, "an answer to an event that nobody sent");
    if (place->seq != line->seq)
        return complain(check, "lost: case %u, stage %u was answered as entry %llu, and is %llu",
                        line->number, line->stage, (unsigned long long)line->seq,
                        (unsigned long long)place->seq);
    if (!read_entry(check, seq, &entry, &hash) || !hash_equal(hash, line->hash))
        return complain(check, "entry %llu is not what case %u, stage %u was told",
                        (unsigned long long)seq, line->number, line->stage);
    if (!verdict)
        return true;
    if (entry.kind != ENTRY_JUDGED || entry.of_seq != line->seq ||
        (uint32_t)entry.verdict != line->verdict ||
        (place->told_verdict_seq != 0 && place->told_verdict_seq != line->verdict_seq))
        return complain(check, "the verdict on case %u, stage %u is another", line->number,
                        line->stage);
    place->told_verdict_seq = line->verdict_seq;
    return true;
}

static bool check_all(struct check *check, int fd)
{
    struct line line;
    off_t at = 0;

    for (uint64_t seq = 1; seq <= store_durable_seq(check->store); seq++) {
        if (!check_entry(check, seq))
            return false;
    }
    while (pread(fd, &line, sizeof line, at) == (ssize_t)sizeof line) {
        if (!check_line(check, &line))
            return false;
        at += (off_t)sizeof line;
    }
    return true;
}

bool receipts_check(const struct receipts *receipts, const char *dir, uint32_t cases_max,
                    char text[RECEIPTS_TEXT_SIZE])
{
    struct store_options options = {
        .dir = dir, .segment_bytes = SEGMENT_BYTES_MIN, .map_bytes = MAP_BYTES, .read_only = true};
    struct store_report report;
    struct check check = {.cases_max = cases_max, .text = text};

    enum status status = store_open(&check.store, &options, &report, text, RECEIPTS_TEXT_SIZE);
    if (status != STATUS_OK)
        return false;
    CHECK(arena_new(&check.arena, ARENA_BYTES_MAX) == STATUS_OK);
    check.places = calloc((size_t)cases_max * CASE_STAGES, sizeof *check.places);
    CHECK(check.places != NULL);
    bool good = check_all(&check, receipts->fd);
    free(check.places);
    arena_free(check.arena);
    store_close(check.store);
    return good;
}
