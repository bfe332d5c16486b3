/* SPDX-License-Identifier: Apache-2.0 */
/* store_verify(): the journal proven, a state built from it beside, and both states compared. */
#include "daemon/store/audit.h"
#include "daemon/store/file.h"
#include "daemon/store/journal.h"
#include "daemon/store/pages.h"
#include "daemon/store/replay.h"
#include "daemon/store/scrub.h"
#include "daemon/store/segment.h"
#include "daemon/store/state.h"
#include "daemon/store/store.h"
#include "daemon/store/walk.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

struct verify {
    const char *dir;
    uint64_t map_bytes;
    const struct store_expected *expected; /* NULL: none */
    void (*say)(void *ctx, const char *line);
    void *ctx;
    struct journal *journal;
    struct journal_report report;
    struct state *present; /* NULL: there is none */
    struct state *rebuilt;
    struct arena *arena;
    struct path folder; /* temporary; "" none */
    uint64_t segments;
    struct audit audit;
    bool compared;
    enum status differs; /* what comparing said: it does not end the walk */
};

static void say(const struct verify *verify, const char *format, ...) PRINTF_LIKE(2, 3);

static void say(const struct verify *verify, const char *format, ...)
{
    char line[REPLAY_TEXT_SIZE + 100];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    verify->say(verify->ctx, line);
}

/** A folder of our own: beside the state, or where temporary files are. */
static enum status make_folder(struct verify *verify)
{
    const char *elsewhere = getenv("TMPDIR");

    verify->folder = file_path(verify->dir, "verify.XXXXXX");
    if (mkdtemp(verify->folder.text) != NULL)
        return STATUS_OK;
    verify->folder =
        file_path(elsewhere != NULL && strlen(elsewhere) < FILE_PATH_SIZE - 64 ? elsewhere : "/tmp",
                  "commission-verify.XXXXXX");
    if (mkdtemp(verify->folder.text) != NULL)
        return STATUS_OK;
    verify->folder.text[0] = '\0';
    say(verify, "no temporary folder can be made");
    return STATUS_IO_FAILED;
}

static enum status remove_folder(const struct verify *verify)
{
    if (verify->folder.text[0] == '\0')
        return STATUS_OK;
    struct path state = file_path(verify->folder.text, "state");
    struct path unfinished = file_path(verify->folder.text, "state.tmp");
    enum status status = file_remove_dir(state.text);
    if (status == STATUS_OK)
        status = file_remove_dir(unfinished.text);
    if (status == STATUS_OK)
        status = file_remove_dir(verify->folder.text);
    if (status != STATUS_OK)
        say(verify, "the temporary folder %s cannot be removed", verify->folder.text);
    return status;
}

static enum status open_journal(struct verify *verify)
{
    struct path dir = file_path(verify->dir, "journal");
    struct journal_options options = {dir.text, verify->dir, SEGMENT_BYTES_MIN, true};
    char fault[JOURNAL_TEXT_SIZE];
    enum status status = journal_open(&verify->journal, &options, &verify->report, fault);

    if (status != STATUS_OK)
        say(verify, "%s", fault);
    if (verify->report.torn_bytes > 0)
        say(verify,
            "journal: %llu bytes of a batch that was never finished follow entry %llu: the "
            "next start cuts them off",
            (unsigned long long)verify->report.torn_bytes,
            (unsigned long long)(status == STATUS_OK ? journal_durable_seq(verify->journal) : 0));
    return status == STATUS_NOT_FOUND ? STATUS_STORE_CORRUPT : status;
}

/** Is the file of the state that is there whole? Before LMDB follows what it says. None at all is told later. */
static enum status check_pages(const struct verify *verify)
{
    struct path present = file_path(verify->dir, "state");
    char fault[PAGES_TEXT_SIZE];
    enum status status = pages_check(present.text, fault);

    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (status == STATUS_STORE_CORRUPT)
        say(verify, "state: %s; without its folder it is built again from the journal", fault);
    return status;
}

/** The state that is there, read only, and an empty one. */
static enum status open_states(struct verify *verify)
{
    struct path present = file_path(verify->dir, "state");
    struct path rebuilt = file_path(verify->folder.text, "state");
    uint8_t id[16];
    char fault[REPLAY_TEXT_SIZE] = "";
    bool created;

    journal_id(verify->journal, id);
    enum status status = state_open(&verify->present, present.text, verify->dir, verify->map_bytes,
                                    id, true, &created, fault);
    if (status == STATUS_NOT_FOUND) {
        say(verify, "state: there is none; the next start builds it");
        status = STATUS_OK;
    } else if (status == STATUS_OK) {
        status = replay_check(verify->journal, verify->present, fault);
    }
    if (status == STATUS_OK)
        status = state_open(&verify->rebuilt, rebuilt.text, verify->folder.text, verify->map_bytes,
                            id, false, &created, fault);
    if (status != STATUS_OK)
        say(verify, "%s", fault);
    return status;
}

/** How far the state that is there has seen; beyond it entries are only checked. */
static uint64_t seen_by_present(const struct verify *verify)
{
    return verify->present == NULL ? UINT64_MAX : state_position(verify->present)->applied_seq;
}

static enum status compare(struct verify *verify)
{
    if (verify->present == NULL)
        return STATUS_OK;
    if (!state_compare(verify->present, verify->rebuilt, verify->say, verify->ctx)) {
        enum status status = state_failure(verify->present);
        if (status != STATUS_OK)
            say(verify, "state: it cannot be read: %s", status_text(status));
        say(verify, "state: it is not what the journal says");
        return STATUS_STORE_CORRUPT;
    }
    say(verify, "state: as of entry %llu, equal to one built from the journal, in every row",
        (unsigned long long)seen_by_present(verify));
    return STATUS_OK;
}

/** The rebuilt state has come as far as the one that is there: now they must agree. */
static void compare_once(struct verify *verify)
{
    if (!verify->compared)
        verify->differs = compare(verify);
    verify->compared = true;
}

/** One entry: form by decoding, meaning by applying it, place in its event's life by counting. */
static enum status take_entry(struct verify *verify, const struct walk_entry *walked,
                              char fault[REPLAY_TEXT_SIZE])
{
    struct entry entry;

    if (walked->seq > seen_by_present(verify))
        compare_once(verify);
    enum status status =
        replay_entry(verify->journal, verify->rebuilt, verify->arena, walked, &entry, fault);
    if (status == STATUS_OK)
        status = audit_entry(&verify->audit, &entry, fault);
    if (status == STATUS_OK && state_dirty(verify->rebuilt) >= REPLAY_DIRTY_MAX)
        status = state_commit(verify->rebuilt);
    return status;
}

/** Each entry: digest and chain by the walk. */
static enum status walk_all(struct verify *verify)
{
    struct walk *walk;
    struct walk_entry walked;
    char fault[REPLAY_TEXT_SIZE] = "";
    uint64_t segment = 0;
    uint64_t count = 0;
    enum status status = walk_new(&walk, verify->journal, 1);

    if (status != STATUS_OK)
        return status;
    while ((status = walk_next(walk, &walked, fault)) == STATUS_OK) {
        verify->segments += walked.segment_seq != segment ? 1 : 0;
        segment = walked.segment_seq;
        count++;
        status = take_entry(verify, &walked, fault);
        if (status != STATUS_OK)
            break;
    }
    walk_free(walk);
    if (status != STATUS_NOT_FOUND) {
        say(verify, "%s", fault);
        return status;
    }
    char hash[HASH_TEXT_SIZE];
    hash_print(journal_durable_hash(verify->journal), hash);
    say(verify, "journal: %llu entries in %llu segments: every digest and the chain are right",
        (unsigned long long)count, (unsigned long long)verify->segments);
    say(verify, "journal: head %llu %s", (unsigned long long)count, hash);
    compare_once(verify);
    return STATUS_OK;
}

/** Promise 5: each event has ended once or is open once, in the state that the journal gives; and that state hangs together. */
static enum status check_lives(struct verify *verify)
{
    const struct audit *audit = &verify->audit;
    struct scrub scrub = {.rows = 0};
    char fault[AUDIT_TEXT_SIZE] = "";
    bool passed;
    enum status status = audit_end(audit, verify->rebuilt, fault);

    if (status == STATUS_OK) {
        status = scrub_step(&scrub, verify->rebuilt, UINT32_MAX, &passed);
        snprintf(fault, sizeof fault, "%s", state_failure_text(verify->rebuilt));
    }
    if (status != STATUS_OK) {
        say(verify, "events: %s", fault[0] != '\0' ? fault : status_text(status));
        return status;
    }
    say(verify,
        "events: %llu received: %llu accepted, %llu rejected, %llu withdrawn, %llu open, each in "
        "one state; every ledger is the sum of its lines",
        (unsigned long long)audit->received, (unsigned long long)audit->accepted,
        (unsigned long long)audit->rejected, (unsigned long long)audit->withdrawn,
        (unsigned long long)audit->open_count);
    return STATUS_OK;
}

/** What was signed, or what a backup says it has, is there. */
static enum status check_expected(struct verify *verify)
{
    const struct store_expected *expected = verify->expected;
    uint8_t id[16];
    struct slice bytes;
    struct hash hash;

    if (expected == NULL)
        return STATUS_OK;
    journal_id(verify->journal, id);
    if (memcmp(id, expected->journal_id, sizeof id) != 0) {
        say(verify, "journal: it is not the one that is expected");
        return STATUS_STORE_CORRUPT;
    }
    enum status status = journal_read(verify->journal, expected->seq, &bytes, &hash);
    if (status != STATUS_OK) {
        say(verify, "journal: entry %llu is expected: %s", (unsigned long long)expected->seq,
            status_text(status));
        return status == STATUS_NOT_FOUND ? STATUS_STORE_CORRUPT : status;
    }
    if (!hash_equal(hash, expected->hash)) {
        say(verify, "journal: entry %llu is another than is expected",
            (unsigned long long)expected->seq);
        return STATUS_STORE_CORRUPT;
    }
    say(verify, "journal: entry %llu is the one that is expected",
        (unsigned long long)expected->seq);
    return STATUS_OK;
}

enum status store_verify_against(const char *dir, uint64_t map_bytes,
                                 const struct store_expected *expected,
                                 void (*say_line)(void *ctx, const char *line), void *ctx)
{
    struct verify verify = {
        .dir = dir, .map_bytes = map_bytes, .expected = expected, .say = say_line, .ctx = ctx};

    if (strlen(dir) > FILE_PATH_SIZE - 64)
        return STATUS_INVALID;
    enum status status = arena_new(&verify.arena, REPLAY_ARENA_BYTES);
    if (status == STATUS_OK)
        status = open_journal(&verify);
    if (status == STATUS_OK)
        status = make_folder(&verify);
    if (status == STATUS_OK)
        status = check_pages(&verify);
    if (status == STATUS_OK)
        status = open_states(&verify);
    if (status == STATUS_OK)
        status = walk_all(&verify);
    if (status == STATUS_OK)
        status = check_expected(&verify);
    if (status == STATUS_OK)
        status = check_lives(&verify);
    if (status == STATUS_OK)
        status = verify.differs;

    state_close(verify.present);
    state_close(verify.rebuilt);
    journal_close(verify.journal);
    arena_free(verify.arena);
    audit_clear(&verify.audit);
    enum status removed = remove_folder(&verify);
    return status != STATUS_OK ? status : removed;
}

enum status store_verify(const char *dir, uint64_t map_bytes,
                         void (*say_line)(void *ctx, const char *line), void *ctx)
{
    return store_verify_against(dir, map_bytes, NULL, say_line, ctx);
}
