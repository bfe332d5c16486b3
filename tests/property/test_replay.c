/* SPDX-License-Identifier: Apache-2.0 */
/* test_replay.c - seeded walks: what is built again from the journal is what was there, byte for byte. */
#include "daemon/store/segment.h"
#include "daemon/store/state.h"
#include "tests/support/folder.h"
#include "tests/support/scribe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEEDS 1000u
#define STEPS 60u
#define MAP_BYTES (64ull * 1024 * 1024)

static void say(void *ctx, const char *line)
{
    (void)ctx;
    print_message("%s\n", line);
}

static void quiet(void *ctx, const char *line)
{
    (void)ctx;
    (void)line;
}

static struct store *open_store(const struct folder *folder, struct store_report *report)
{
    struct store_options options = {folder->path, SEGMENT_BYTES_MIN, MAP_BYTES, false, 0};
    struct store *store = NULL;
    char text[400];
    enum status status = store_open(&store, &options, report, text, sizeof text);

    if (status != STATUS_OK)
        print_message("%s: %s\n", status_name(status), text);
    assert_int_equal(status, STATUS_OK);
    return store;
}

/** Are the states in two folders of one journal the same, row for row? */
static bool same_state(const struct folder *a, const struct folder *b, const uint8_t id[16])
{
    struct state *left;
    struct state *right;
    bool created;
    char text[STATE_TEXT_SIZE];

    assert_int_equal(state_open(&left, a->path, a->path, MAP_BYTES, id, true, &created, text),
                     STATUS_OK);
    assert_int_equal(state_open(&right, b->path, b->path, MAP_BYTES, id, true, &created, text),
                     STATUS_OK);
    assert_int_equal(state_position(left)->applied_seq, state_position(right)->applied_seq);
    bool same = state_compare(left, right, say, NULL);
    state_close(left);
    state_close(right);
    return same;
}

/** A walk with flushes, commits and starts in between, its state kept aside, then built again. */
static void walk(uint64_t seed)
{
    struct folder folder = folder_new();
    struct folder state = folder_of(&folder, "state");
    struct folder aside = folder_of(&folder, "aside");
    struct store_report report;
    struct scribe scribe;
    uint8_t id[16];
    uint64_t flushed = 0;

    scribe_init(&scribe, open_store(&folder, &report), seed);
    store_journal_id(scribe.store, id);
    for (uint32_t step = 0; step < STEPS; step++) {
        scribe_step(&scribe);
        uint32_t choice = scribe_draw(&scribe, 100);
        if (choice < 30) {
            assert_int_equal(store_flush(scribe.store), STATUS_OK);
            flushed = store_durable_seq(scribe.store);
        }
        if (choice < 8)
            assert_int_equal(store_commit(scribe.store), STATUS_OK);
        if (choice >=
            97) { /* as after kill -9: the pending batch and the state's changes are lost */
            store_close(scribe.store);
            scribe.store = open_store(&folder, &report);
            assert_int_equal(store_durable_seq(scribe.store), flushed);
            assert_int_equal(store_applied_seq(scribe.store), flushed);
        }
    }
    assert_int_equal(store_flush(scribe.store), STATUS_OK);
    assert_int_equal(store_commit(scribe.store), STATUS_OK);
    uint64_t last = store_durable_seq(scribe.store);
    store_close(scribe.store);

    assert_int_equal(rename(state.path, aside.path), 0);
    scribe.store = open_store(&folder, &report);
    assert_int_equal(report.state_rebuilt, true);
    assert_int_equal(report.entries_replayed, last);
    store_close(scribe.store);
    scribe_clear(&scribe);

    bool same = same_state(&aside, &state, id);
    if (seed % 50 == 0)
        assert_int_equal(store_verify(folder.path, MAP_BYTES, quiet, NULL), STATUS_OK);
    folder_remove(&folder);
    if (!same)
        fail_msg("seed %llu: the state that was built again differs", (unsigned long long)seed);
}

static void a_rebuilt_state_is_the_live_state_in_every_row(void **state)
{
    const char *one = getenv("COMMISSION_TEST_SEED");

    (void)state;
    if (one != NULL) {
        walk(strtoull(one, NULL, 10));
        return;
    }
    print_message("seeds 1 to %u\n", SEEDS);
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        walk(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rebuilt_state_is_the_live_state_in_every_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
