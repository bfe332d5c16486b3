/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/journal.h"

#include "daemon/store/segment.h"
#include "daemon/store/walk.h"
#include "tests/support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_SEGMENT "00000000000000000001.seg"
#define FIRST_INDEX "00000000000000000001.idx"

struct fixture {
    struct folder folder;
    struct folder dir;
    struct journal *journal;
    struct journal_report report;
    char text[JOURNAL_TEXT_SIZE];
};

static enum status open_it(struct fixture *f, bool read_only)
{
    struct journal_options options = {f->dir.path, f->folder.path, SEGMENT_BYTES_MIN, read_only};

    f->journal = journal_close(f->journal);
    return journal_open(&f->journal, &options, &f->report, f->text);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->folder = folder_new();
    f->dir = folder_of(&f->folder, "journal");
    *state = f;
    return open_it(f, false) == STATUS_OK ? 0 : 1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    journal_close(f->journal);
    folder_remove(&f->folder);
    free(f);
    return 0;
}

/** The bytes of entry @seq: @len of them, none like another's. */
static void fill(uint64_t seq, uint8_t *ret, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ret[i] = (uint8_t)(seq * 31 + i * 7 + 1);
}

static void add(struct journal *journal, size_t len)
{
    size_t max;
    uint64_t seq = journal_next_seq(journal);
    uint8_t *at = journal_begin_entry(journal, &max);

    assert_true(len <= max);
    fill(seq, at, len);
    (void)journal_end_entry(journal, len);
}

static void given_batch(struct fixture *f, uint32_t count, size_t len)
{
    for (uint32_t i = 0; i < count; i++)
        add(f->journal, len);
    assert_int_equal(journal_flush(f->journal, 1), STATUS_OK);
}

static void expect_entry(struct fixture *f, uint64_t seq, size_t len)
{
    struct slice bytes;
    struct hash hash;
    uint8_t *wanted = malloc(len + 1);

    fill(seq, wanted, len);
    assert_int_equal(journal_read(f->journal, seq, &bytes, &hash), STATUS_OK);
    assert_int_equal(bytes.len, len);
    assert_memory_equal(bytes.bytes, wanted, len);
    free(wanted);
}

static uint64_t count_entries(struct fixture *f, uint64_t from)
{
    struct walk *walk;
    struct walk_entry entry;
    uint64_t count = 0;
    enum status status;

    assert_int_equal(walk_new(&walk, f->journal, from), STATUS_OK);
    while ((status = walk_next(walk, &entry, f->text)) == STATUS_OK) {
        assert_int_equal(entry.seq, from + count);
        count++;
    }
    walk_free(walk);
    assert_int_equal(status, STATUS_NOT_FOUND);
    return count;
}

/** Fill segments until the journal has @segments more. */
static uint64_t given_segments(struct fixture *f, uint32_t segments)
{
    uint64_t batches = segments * (SEGMENT_BYTES_MIN / 900000 + 1);

    for (uint64_t i = 0; i < batches; i++)
        given_batch(f, 10, 90000);
    return journal_durable_seq(f->journal);
}

static bool is_there(struct fixture *f, const char *name)
{
    return access(folder_of(&f->dir, name).path, F_OK) == 0;
}

/* ---- writing and reading ---- */

static void a_new_journal_is_empty_and_begins_with_entry_one(void **state)
{
    struct fixture *f = *state;
    struct slice bytes;
    struct hash hash;

    assert_true(f->report.created);
    assert_int_equal(journal_next_seq(f->journal), 1);
    assert_int_equal(journal_durable_seq(f->journal), 0);
    assert_int_equal(journal_read(f->journal, 1, &bytes, &hash), STATUS_NOT_FOUND);
    assert_int_equal(journal_read(f->journal, 0, &bytes, &hash), STATUS_NOT_FOUND);
    assert_int_equal(count_entries(f, 1), 0);
}

static void a_pending_entry_is_read_but_not_durable(void **state)
{
    struct fixture *f = *state;

    add(f->journal, 100);
    add(f->journal, 0);

    assert_int_equal(journal_durable_seq(f->journal), 0);
    assert_int_equal(journal_batch_count(f->journal), 2);
    expect_entry(f, 1, 100);
    expect_entry(f, 2, 0);
    assert_int_equal(open_it(f, false), STATUS_OK);
    assert_int_equal(journal_next_seq(f->journal), 1);
}

static void flushed_entries_are_there_after_a_new_start(void **state)
{
    struct fixture *f = *state;
    uint8_t id[16];
    uint8_t again[16];

    given_batch(f, 3, 200);
    given_batch(f, 1, 65536);
    struct hash head = journal_durable_hash(f->journal);
    journal_id(f->journal, id);

    assert_int_equal(open_it(f, false), STATUS_OK);

    assert_int_equal(journal_durable_seq(f->journal), 4);
    assert_true(hash_equal(head, journal_durable_hash(f->journal)));
    journal_id(f->journal, again);
    assert_memory_equal(id, again, sizeof id);
    assert_int_equal(f->report.torn_bytes, 0);
    assert_false(f->report.created);
    expect_entry(f, 1, 200);
    expect_entry(f, 3, 200);
    expect_entry(f, 4, 65536);
    given_batch(f, 1, 10);
    expect_entry(f, 5, 10);
}

static void each_hash_covers_the_entry_and_the_hash_before_it(void **state)
{
    struct fixture *f = *state;
    struct hash before = {{0}};
    struct slice bytes;
    struct hash hash;

    given_batch(f, 2, 50);
    given_batch(f, 2, 50);

    for (uint64_t seq = 1; seq <= 4; seq++) {
        assert_int_equal(journal_read(f->journal, seq, &bytes, &hash), STATUS_OK);
        assert_true(hash_equal(hash, segment_hash_entry(&before, bytes)));
        before = hash;
    }
    assert_true(hash_equal(before, journal_durable_hash(f->journal)));
}

static void a_batch_is_full_before_the_largest_entry_would_not_fit(void **state)
{
    struct fixture *f = *state;
    size_t max;
    uint32_t count = 0;

    while (!journal_batch_full(f->journal)) {
        (void)journal_begin_entry(f->journal, &max);
        assert_int_equal(max, ENTRY_BYTES_MAX);
        add(f->journal, ENTRY_BYTES_MAX);
        count++;
    }

    assert_true(count >= 1024 * 1024 / ENTRY_BYTES_MAX);
    assert_int_equal(journal_flush(f->journal, 1), STATUS_OK);
    assert_false(journal_batch_full(f->journal));
    for (uint32_t i = 0; i < BATCH_ENTRIES_MAX; i++)
        add(f->journal, 1);
    assert_true(journal_batch_full(f->journal));
    assert_int_equal(journal_flush(f->journal, 1), STATUS_OK);
    assert_int_equal(open_it(f, false), STATUS_OK);
    assert_int_equal(journal_durable_seq(f->journal), count + BATCH_ENTRIES_MAX);
}

static void an_empty_flush_writes_nothing(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(journal_flush(f->journal, 1), STATUS_OK);
    assert_int_equal(journal_flushes(f->journal), 0);
    assert_int_equal(journal_written_bytes(f->journal), 0);
}

/* ---- segments ---- */

static void a_full_segment_is_closed_and_the_next_goes_on(void **state)
{
    struct fixture *f = *state;
    uint64_t last = given_segments(f, 3);

    assert_true(is_there(f, FIRST_INDEX));
    expect_entry(f, 1, 90000);
    expect_entry(f, last, 90000);
    assert_int_equal(open_it(f, false), STATUS_OK);
    assert_int_equal(journal_durable_seq(f->journal), last);
    for (uint64_t seq = 1; seq <= last; seq++)
        expect_entry(f, seq, 90000);
    assert_int_equal(count_entries(f, 1), last);
    assert_int_equal(count_entries(f, last / 2), last - last / 2 + 1);
    assert_int_equal(count_entries(f, last), 1);
}

static void an_index_that_is_lost_or_damaged_is_made_again(void **state)
{
    struct fixture *f = *state;
    uint64_t last = given_segments(f, 2);
    struct folder path = folder_of(&f->dir, FIRST_INDEX);
    size_t len;
    uint8_t *index = folder_load(path.path, &len);

    f->journal = journal_close(f->journal);
    for (size_t at = 0; at < len; at += 1 + at / 16) {
        uint8_t other = index[at] ^ 0x10;
        folder_write(path.path, &other, 1, at);

        assert_int_equal(open_it(f, false), STATUS_OK);
        expect_entry(f, 1, 90000);
        expect_entry(f, 20, 90000);

        size_t again_len;
        uint8_t *again = folder_load(path.path, &again_len);
        assert_int_equal(again_len, len);
        assert_memory_equal(again, index, len);
        free(again);
    }
    unlink(path.path);
    assert_int_equal(open_it(f, false), STATUS_OK);
    expect_entry(f, 2, 90000);
    assert_int_equal(count_entries(f, 1), last);
    assert_true(is_there(f, FIRST_INDEX));
    free(index);
}

static void tending_fills_the_next_segment_before_it_is_needed(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(journal_tend(f->journal), STATUS_OK);
    assert_false(is_there(f, "next.tmp"));
    given_batch(f, 10, 90000);
    given_batch(f, 10, 90000);

    for (uint32_t i = 0; i < 32; i++)
        assert_int_equal(journal_tend(f->journal), STATUS_OK);

    struct stat about;
    assert_int_equal(stat(folder_of(&f->dir, "next.tmp").path, &about), 0);
    assert_int_equal(about.st_size, SEGMENT_BYTES_MIN);
    assert_int_equal(journal_room_wanted(f->journal), 0);
    uint64_t last = given_segments(f, 1);
    assert_false(is_there(f, "next.tmp"));
    assert_int_equal(open_it(f, false), STATUS_OK);
    assert_int_equal(journal_durable_seq(f->journal), last);
}

static void a_half_filled_next_segment_is_begun_again_after_a_start(void **state)
{
    struct fixture *f = *state;
    struct folder path = folder_of(&f->dir, "next.tmp");
    FILE *file = fopen(path.path, "w");

    fputs("bytes of another time", file);
    fclose(file);

    assert_int_equal(open_it(f, false), STATUS_OK);

    assert_false(is_there(f, "next.tmp"));
    uint64_t last = given_segments(f, 2);
    assert_int_equal(open_it(f, false), STATUS_OK);
    assert_int_equal(count_entries(f, 1), last);
}

static void a_segment_made_just_before_the_crash_is_the_last_one(void **state)
{
    struct fixture *f = *state;
    struct folder path = folder_of(&f->dir, "00000000000000000041.seg");
    size_t len;

    /* As when the crash came between the new name and its first batch: zeros but for the header. */
    given_segments(f, 1);
    f->journal = journal_close(f->journal);
    uint8_t *bytes = folder_load(path.path, &len);
    memset(bytes + SEGMENT_HEADER_BYTES, 0, len - SEGMENT_HEADER_BYTES);
    folder_write(path.path, bytes, len, 0);
    free(bytes);

    assert_int_equal(open_it(f, false), STATUS_OK);

    assert_int_equal(journal_durable_seq(f->journal), 40);
    given_batch(f, 1, 20);
    assert_int_equal(open_it(f, false), STATUS_OK);
    assert_int_equal(count_entries(f, 1), 41);
}

static void a_missing_segment_is_noticed(void **state)
{
    struct fixture *f = *state;
    struct slice bytes;
    struct hash hash;
    struct walk *walk;
    struct walk_entry entry;
    enum status status;

    given_segments(f, 4);
    assert_int_equal(unlink(folder_of(&f->dir, "00000000000000000041.seg").path), 0);

    assert_int_equal(open_it(f, false), STATUS_OK);

    assert_int_equal(journal_read(f->journal, 45, &bytes, &hash), STATUS_STORE_CORRUPT);
    assert_int_equal(walk_new(&walk, f->journal, 1), STATUS_OK);
    while ((status = walk_next(walk, &entry, f->text)) == STATUS_OK)
        ;
    walk_free(walk);
    assert_int_equal(status, STATUS_STORE_CORRUPT);
    assert_int_equal(unlink(folder_of(&f->dir, FIRST_SEGMENT).path), 0);
    assert_int_equal(open_it(f, false), STATUS_STORE_CORRUPT);
}

static void a_journal_that_is_only_read_is_not_changed(void **state)
{
    struct fixture *f = *state;
    struct folder path = folder_of(&f->dir, FIRST_SEGMENT);
    size_t len;

    given_batch(f, 1, 700);
    given_batch(f, 1, 700);
    f->journal = journal_close(f->journal);
    uint8_t *bytes = folder_load(path.path, &len);
    memset(bytes + SEGMENT_HEADER_BYTES + 80 + 36 + 704 + 700, 0, 700);
    folder_write(path.path, bytes, len, 0);

    assert_int_equal(open_it(f, true), STATUS_OK);

    assert_true(f->report.torn_bytes > 0);
    assert_int_equal(journal_durable_seq(f->journal), 1);
    f->journal = journal_close(f->journal);
    size_t again_len;
    uint8_t *again = folder_load(path.path, &again_len);
    assert_memory_equal(again, bytes, len);
    free(bytes);
    free(again);
}

static void a_file_of_a_newer_format_is_refused(void **state)
{
    struct fixture *f = *state;
    struct folder path = folder_of(&f->dir, FIRST_SEGMENT);
    size_t len;

    f->journal = journal_close(f->journal);
    uint8_t *bytes = folder_load(path.path, &len);
    bytes[8] = SEGMENT_FORMAT + 1;
    segment_digest((struct slice){bytes, 88}, bytes + 88);
    folder_write(path.path, bytes, SEGMENT_HEADER_BYTES, 0);

    assert_int_equal(open_it(f, false), STATUS_STORE_NEWER);
    free(bytes);
}

static void a_segment_cut_short_is_damage(void **state)
{
    struct fixture *f = *state;
    struct folder path = folder_of(&f->dir, FIRST_SEGMENT);
    static const off_t lengths[] = {0, 100, 4096, 5000, SEGMENT_BYTES_MIN - 1};

    given_batch(f, 1, 100);
    f->journal = journal_close(f->journal);
    for (uint32_t i = ARRAY_LEN(lengths); i > 0; i--) {
        assert_int_equal(truncate(path.path, lengths[i - 1]), 0);
        assert_int_equal(open_it(f, false), STATUS_STORE_CORRUPT);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_new_journal_is_empty_and_begins_with_entry_one),
        TEST(a_pending_entry_is_read_but_not_durable),
        TEST(flushed_entries_are_there_after_a_new_start),
        TEST(each_hash_covers_the_entry_and_the_hash_before_it),
        TEST(a_batch_is_full_before_the_largest_entry_would_not_fit),
        TEST(an_empty_flush_writes_nothing),
        TEST(a_full_segment_is_closed_and_the_next_goes_on),
        TEST(an_index_that_is_lost_or_damaged_is_made_again),
        TEST(tending_fills_the_next_segment_before_it_is_needed),
        TEST(a_half_filled_next_segment_is_begun_again_after_a_start),
        TEST(a_segment_made_just_before_the_crash_is_the_last_one),
        TEST(a_missing_segment_is_noticed),
        TEST(a_journal_that_is_only_read_is_not_changed),
        TEST(a_file_of_a_newer_format_is_refused),
        TEST(a_segment_cut_short_is_damage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
