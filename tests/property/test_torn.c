/* SPDX-License-Identifier: Apache-2.0 */
/* test_torn.c - what a crash or a disk may leave of a journal: torn tails are cut off, damage is named, nothing is made up. */
#include "daemon/store/journal.h"
#include "daemon/store/segment.h"
#include "tests/support/folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BATCHES 4
#define SEED 20181122u

/** A small journal of BATCHES batches, as a file and in memory. */
struct fixture {
    struct folder folder;
    struct folder dir;
    struct folder path; /* of its only segment */
    struct journal *journal;
    struct journal_report report;
    char text[JOURNAL_TEXT_SIZE];
    uint8_t *bytes; /* the file as it was written */
    size_t len;
    uint64_t starts[BATCHES + 1]; /* where each batch begins in the file; the last: where all end */
    uint64_t seqs[BATCHES + 1];   /* newest entry before each */
    uint32_t chance;
};

static uint32_t draw(struct fixture *f, uint32_t below)
{
    f->chance = f->chance * 1664525u + 1013904223u;
    return (f->chance >> 8) % below;
}

static enum status open_it(struct fixture *f)
{
    struct journal_options options = {f->dir.path, f->folder.path, SEGMENT_BYTES_MIN, false};

    f->journal = journal_close(f->journal);
    return journal_open(&f->journal, &options, &f->report, f->text);
}

static void close_it(struct fixture *f)
{
    f->journal = journal_close(f->journal);
}

/** No byte is zero, so that what is zero was not written. */
static void add(struct fixture *f, size_t len, uint8_t mark)
{
    size_t max;
    uint8_t *at = journal_begin_entry(f->journal, &max);

    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)(1 + (i * 13 + mark) % 255);
    (void)journal_end_entry(f->journal, len);
}

static void flush(struct fixture *f)
{
    assert_int_equal(journal_flush(f->journal, 1), STATUS_OK);
}

/** @last_len: how large the entries of the last batch are. */
static void given_journal(struct fixture *f, size_t last_len)
{
    assert_int_equal(open_it(f), STATUS_OK);
    f->starts[0] = SEGMENT_HEADER_BYTES;
    for (uint32_t i = 0; i < BATCHES; i++) {
        f->seqs[i] = journal_durable_seq(f->journal);
        for (uint32_t entry = 0; entry <= i; entry++)
            add(f, i + 1 == BATCHES ? last_len : 40 + 11 * (size_t)entry,
                (uint8_t)(16 * i + entry));
        flush(f);
        f->starts[i + 1] = SEGMENT_HEADER_BYTES + journal_written_bytes(f->journal);
    }
    f->seqs[BATCHES] = journal_durable_seq(f->journal);
    close_it(f);
    f->bytes = folder_load(f->path.path, &f->len);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->folder = folder_new();
    f->dir = folder_of(&f->folder, "journal");
    f->path = folder_of(&f->dir, "00000000000000000001.seg");
    f->chance = SEED;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    journal_close(f->journal);
    folder_remove(&f->folder);
    free(f->bytes);
    free(f);
    return 0;
}

/** The file again as it was written, from its @from-th byte on, so far as tests change it. */
static void restore(struct fixture *f, uint64_t from)
{
    close_it(f);
    folder_write(f->path.path, f->bytes + from, f->starts[BATCHES] + 4096 - from, from);
}

static void write_zeros(struct fixture *f, uint64_t from, uint64_t to)
{
    static const uint8_t zeros[SECTOR_BYTES];

    while (from < to) {
        size_t piece = to - from < sizeof zeros ? (size_t)(to - from) : sizeof zeros;
        folder_write(f->path.path, zeros, piece, from);
        from += piece;
    }
}

/** All entries up to @seq are there, as they were. */
static void expect_entries(struct fixture *f, uint64_t seq)
{
    struct slice entry;
    struct hash hash;

    assert_int_equal(journal_durable_seq(f->journal), seq);
    for (uint64_t at = 1; at <= seq; at++)
        assert_int_equal(journal_read(f->journal, at, &entry, &hash), STATUS_OK);
    assert_int_equal(journal_read(f->journal, seq + 1, &entry, &hash), STATUS_NOT_FOUND);
}

/** What was cut off is gone for good: another batch takes its place and is found again. */
static void expect_to_go_on(struct fixture *f)
{
    uint64_t seq = journal_durable_seq(f->journal);

    add(f, 33, 99);
    flush(f);
    assert_int_equal(open_it(f), STATUS_OK);
    assert_int_equal(f->report.torn_bytes, 0);
    expect_entries(f, seq + 1);
}

static void a_last_batch_cut_at_any_byte_is_a_torn_tail(void **state)
{
    struct fixture *f = *state;
    uint64_t start;

    given_journal(f, 30);
    start = f->starts[BATCHES - 1];
    for (uint64_t cut = start; cut < f->starts[BATCHES]; cut++) {
        write_zeros(f, cut, f->starts[BATCHES]);

        assert_int_equal(open_it(f), STATUS_OK);
        /* Zeros at the end of what was written are not told from what was not. */
        assert_true(f->report.torn_bytes <= cut - start);
        assert_true((f->report.torn_bytes == 0) == (cut == start));
        expect_entries(f, f->seqs[BATCHES - 1]);
        if (cut % 7 == 0)
            expect_to_go_on(f);
        restore(f, start);
    }
    assert_int_equal(open_it(f), STATUS_OK);
    expect_entries(f, f->seqs[BATCHES]);
}

static void a_last_batch_with_any_of_its_sectors_missing_is_a_torn_tail(void **state)
{
    struct fixture *f = *state;

    given_journal(f, 1500);
    uint64_t start = f->starts[BATCHES - 1];
    uint64_t end = f->starts[BATCHES];
    uint64_t sectors = end / SECTOR_BYTES - start / SECTOR_BYTES + 1;
    print_message("seed %u\n", SEED);
    for (uint32_t turn = 0; turn < 300; turn++) {
        /* The first turns leave out one sector each, the others any of them. */
        for (uint64_t i = 0; i < sectors; i++) {
            bool missing = turn < sectors ? i == turn : draw(f, 2) == 0;
            uint64_t from = (start / SECTOR_BYTES + i) * SECTOR_BYTES;
            uint64_t to = from + SECTOR_BYTES;
            if (missing)
                write_zeros(f, from < start ? start : from, to > end ? end : to);
        }

        assert_int_equal(open_it(f), STATUS_OK);
        if (journal_durable_seq(f->journal) != f->seqs[BATCHES])
            expect_entries(f, f->seqs[BATCHES - 1]);
        if (turn % 10 == 0)
            expect_to_go_on(f);
        restore(f, start);
    }
}

static void two_crashes_in_a_row_leave_what_was_flushed(void **state)
{
    struct fixture *f = *state;

    given_journal(f, 400);
    uint64_t start = f->starts[BATCHES - 1];
    for (uint32_t turn = 0; turn < 60; turn++) {
        /* The first: most of a large batch is on disk. */
        uint64_t cut = start + draw(f, (uint32_t)(f->starts[BATCHES] - start));
        write_zeros(f, cut, f->starts[BATCHES]);
        assert_int_equal(open_it(f), STATUS_OK);
        /* The second: within the batch that takes its place. */
        uint64_t before = journal_written_bytes(f->journal);
        add(f, 100, 5);
        flush(f);
        uint64_t len = journal_written_bytes(f->journal) - before;
        close_it(f);
        write_zeros(f, start + draw(f, (uint32_t)len), start + len);

        assert_int_equal(open_it(f), STATUS_OK);
        expect_entries(f, f->seqs[BATCHES - 1]);
        expect_to_go_on(f);
        restore(f, start);
    }
}

static void a_turned_byte_is_named_or_harmless(void **state)
{
    struct fixture *f = *state;

    given_journal(f, 30);
    for (uint64_t at = 0; at < f->starts[BATCHES]; at++) {
        if (at == 104)
            at = SEGMENT_HEADER_BYTES; /* zeros that nobody reads */
        uint8_t turned = f->bytes[at] ^ (uint8_t)(1u << at % 8);
        folder_write(f->path.path, &turned, 1, at);

        enum status status = open_it(f);
        if (status != STATUS_STORE_CORRUPT) {
            assert_int_equal(status, STATUS_OK);
            expect_entries(f, f->seqs[BATCHES]);
            fail_msg("byte %llu was turned and nobody noticed", (unsigned long long)at);
        }
        close_it(f);
        folder_write(f->path.path, &f->bytes[at], 1, at);
    }
    assert_int_equal(open_it(f), STATUS_OK);
    expect_entries(f, f->seqs[BATCHES]);
}

static void damage_before_whole_batches_names_its_entry(void **state)
{
    struct fixture *f = *state;
    char wanted[64];

    given_journal(f, 30);
    for (uint32_t batch = 0; batch < BATCHES; batch++) {
        uint8_t turned = f->bytes[f->starts[batch] + 100] ^ 0x20;
        folder_write(f->path.path, &turned, 1, f->starts[batch] + 100);

        assert_int_equal(open_it(f), STATUS_STORE_CORRUPT);

        snprintf(wanted, sizeof wanted, "entry %llu ", (unsigned long long)f->seqs[batch] + 1);
        assert_non_null(strstr(f->text, wanted));
        assert_non_null(strstr(f->text, "00000000000000000001.seg"));
        restore(f, f->starts[batch]);
    }
    /* A batch that is gone whole, with others behind it, is no torn tail either. */
    write_zeros(f, f->starts[1], f->starts[2]);
    assert_int_equal(open_it(f), STATUS_STORE_CORRUPT);
}

static void bytes_of_another_time_are_never_taken_for_entries(void **state)
{
    struct fixture *f = *state;
    struct folder other;
    size_t len;

    given_journal(f, 30);
    /* A batch of this segment, once more at its end. */
    folder_write(f->path.path, f->bytes + f->starts[1], f->starts[2] - f->starts[1],
                 f->starts[BATCHES]);
    assert_int_equal(open_it(f), STATUS_STORE_CORRUPT);
    restore(f, SEGMENT_HEADER_BYTES);

    /* The same entries, written by another journal: all but the segment's id is as here. */
    struct folder away = folder_of(&f->folder, "other");
    struct journal_options options = {away.path, f->folder.path, SEGMENT_BYTES_MIN, false};
    assert_int_equal(journal_open(&f->journal, &options, &f->report, f->text), STATUS_OK);
    for (uint32_t i = 0; i < BATCHES; i++) {
        for (uint32_t entry = 0; entry <= i; entry++)
            add(f, i + 1 == BATCHES ? 30 : 40 + 11 * (size_t)entry, (uint8_t)(16 * i + entry));
        flush(f);
    }
    close_it(f);
    other = folder_of(&away, "00000000000000000001.seg");
    uint8_t *bytes = folder_load(other.path, &len);
    uint64_t from = f->starts[BATCHES - 1];
    folder_write(f->path.path, bytes + from, f->starts[BATCHES] - from, from);
    free(bytes);
    assert_int_equal(open_it(f), STATUS_STORE_CORRUPT);
    restore(f, SEGMENT_HEADER_BYTES);

    /* Beyond one batch's length there was never a write. */
    folder_write(f->path.path, "x", 1, f->starts[BATCHES] + BATCH_BYTES_MAX);
    assert_int_equal(open_it(f), STATUS_STORE_CORRUPT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_last_batch_cut_at_any_byte_is_a_torn_tail),
        TEST(a_last_batch_with_any_of_its_sectors_missing_is_a_torn_tail),
        TEST(two_crashes_in_a_row_leave_what_was_flushed),
        TEST(a_turned_byte_is_named_or_harmless),
        TEST(damage_before_whole_batches_names_its_entry),
        TEST(bytes_of_another_time_are_never_taken_for_entries),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
