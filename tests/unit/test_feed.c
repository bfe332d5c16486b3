/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#include "daemon/broker/feed.h"
#include "tests/support/expect.h"

#define READER 3001

static void ask(struct fixture *f, const char *ods, struct feed_ask ask)
{
    struct principal principal = principal_of(ods);
    turn_opens(f);
    broker_feed(f->broker, READER, &principal, &ask);
    turn_closes(f);
}

static void open_feed(struct fixture *f, const char *ods, uint64_t from_seq, uint32_t credit)
{
    ask(f, ods,
        (struct feed_ask){.verb = FEED_OPEN, .feed = 1, .from_seq = from_seq, .credit = credit});
}

/** Entries of all messages so far; *@ret_read: how far was looked. */
static uint32_t entries_read(const struct fixture *f, uint64_t *ret_read)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < f->entries_count; i++) {
        count += f->entries[i].entries.entries_count;
        *ret_read = f->entries[i].entries.read_seq;
    }
    return count;
}

static void an_operator_reads_all(void **state)
{
    struct fixture *f = *state;
    uint64_t read = 0;

    open_feed(f, "OPS", 1, 1000);

    assert_int_equal(entries_read(f, &read), store_durable_seq(f->store));
    assert_int_equal(read, store_durable_seq(f->store));
    for (uint32_t i = 0; i < f->entries[0].entries.entries_count; i++)
        assert_int_equal(f->entries[0].entries.entries[i].seq, i + 1);
}

static void others_read_what_concerns_them_and_learn_how_far_was_looked(void **state)
{
    struct fixture *f = *state;
    uint64_t read = 0;
    when_sent(f, needs_assessed("01F", "a"));
    when_sent(f, needs_assessed("02E", "a"));
    when_sent(f, needs_assessed("01F", "b"));

    open_feed(f, "02E", 1, 1000);

    /* Its registration, support contract, allotment, and its own event. */
    assert_int_equal(entries_read(f, &read), 4);
    assert_int_equal(read, store_durable_seq(f->store));
}

static void a_support_unit_reads_what_names_it(void **state)
{
    struct fixture *f = *state;
    uint64_t read = 0;
    when_sent(f, by_csu(needs_assessed("02E", "a"), "0CE"));
    when_sent(f, needs_assessed("02E", "b"));

    open_feed(f, "0CE", 1, 1000);

    /* Its registration, its contract, and what it sent. */
    assert_int_equal(entries_read(f, &read), 3);
}

static void new_entries_follow_once_they_are_durable(void **state)
{
    struct fixture *f = *state;
    uint64_t read = 0;
    open_feed(f, "02E", 1, 1000);
    uint32_t before = entries_read(f, &read);

    when_sent(f, needs_assessed("02E", "a"));

    assert_int_equal(entries_read(f, &read), before + 1);
    const struct feed_entries *last = &f->entries[f->entries_count - 1].entries;
    assert_int_equal(last->entries[0].seq, store_durable_seq(f->store));
}

static void no_more_is_sent_than_there_is_credit(void **state)
{
    struct fixture *f = *state;
    uint64_t read = 0;

    open_feed(f, "OPS", 1, 3);
    a_turn(f);
    assert_int_equal(entries_read(f, &read), 3);
    assert_int_equal(read, 3);

    ask(f, "OPS", (struct feed_ask){.verb = FEED_CREDIT, .feed = 1, .credit = 2});
    assert_int_equal(entries_read(f, &read), 5);
    assert_int_equal(read, 5);
}

static void a_feed_goes_on_from_where_it_is_opened(void **state)
{
    struct fixture *f = *state;

    open_feed(f, "OPS", 4, 1);

    assert_int_equal(f->entries[0].entries.entries[0].seq, 4);
}

static void a_reader_for_whom_there_is_nothing_hears_it_once_a_second(void **state)
{
    struct fixture *f = *state;
    open_feed(f, "0CE", 1000, 10);
    assert_int_equal(f->entries_count, 1); /* at once: there is nothing */
    open_feed(f, "0CE", 1, 1000);
    uint32_t before = f->entries_count;

    when_sent(f, needs_assessed("01F", "a"));
    assert_int_equal(f->entries_count, before);
    assert_int_equal(broker_due_ms(f->broker) <= f->now.mono_ms + FEED_TELL_MS, 1);
    when_time_passes(f, FEED_TELL_MS);
    a_turn(f);
    assert_int_equal(f->entries_count, before + 1);
    assert_int_equal(f->entries[before].entries.entries_count, 0);
    assert_int_equal(f->entries[before].entries.read_seq, store_durable_seq(f->store));
    when_time_passes(f, FEED_TELL_MS);
    a_turn(f);
    assert_int_equal(f->entries_count, before + 1);
}

static void a_far_behind_reader_is_served_over_several_turns(void **state)
{
    struct fixture *f = *state;
    uint64_t read = 0;
    for (uint32_t sent = 0; sent < 1200;) {
        turn_opens(f);
        for (; sent < 1200 && !broker_full(f->broker); sent++) {
            struct event event = made(f, note("02E", "a"));
            hand_in(f, CLIENT, &event);
        }
        turn_closes(f);
    }
    f->answers_count = 0;

    open_feed(f, "OPS", 1, 100000);
    assert_true(entries_read(f, &read) <= FEED_READS_MAX);
    assert_int_equal(broker_due_ms(f->broker), 0); /* there is more */
    turns_until_quiet(f);

    assert_int_equal(entries_read(f, &read), store_durable_seq(f->store));
}

static void a_reader_of_another_history_is_told_to_resync(void **state)
{
    struct fixture *f = *state;
    uint64_t head = store_durable_seq(f->store);
    struct feed_ask given = {
        .verb = FEED_OPEN, .feed = 1, .from_seq = head + 2, .credit = 5, .after_given = false};
    struct slice bytes;

    ask(f, "02E", given);
    assert_int_equal(f->entries_count, 1);
    assert_memory_equal(f->entries[0].entries.error.bytes, "RESYNC", 6);

    given.from_seq = head + 1;
    given.after_given = true;
    ask(f, "02E", given);
    assert_memory_equal(f->entries[f->entries_count - 1].entries.error.bytes, "RESYNC", 6);

    assert_int_equal(store_read_entry(f->store, head, &bytes, &given.after_hash), STATUS_OK);
    ask(f, "02E", given);
    assert_int_equal(f->entries[f->entries_count - 1].entries.error.len, 0);
}

static void feeds_beyond_the_limit_are_busy(void **state)
{
    struct fixture *f = *state;
    for (uint64_t feed = 1; feed <= 5; feed++)
        ask(f, "02E",
            (struct feed_ask){.verb = FEED_OPEN, .feed = feed, .from_seq = 1, .credit = 0});

    const struct feed_entries *last = &f->entries[f->entries_count - 1].entries;
    assert_int_equal(last->feed, 5);
    assert_memory_equal(last->error.bytes, "BUSY", 4);

    /* One that is closed makes room. */
    ask(f, "02E", (struct feed_ask){.verb = FEED_CLOSE, .feed = 2});
    ask(f, "02E", (struct feed_ask){.verb = FEED_OPEN, .feed = 5, .from_seq = 1, .credit = 0});
    assert_int_equal(f->entries[f->entries_count - 1].entries.error.len, 0);
}

static uint32_t feeds_open(const struct fixture *f)
{
    struct broker_counts counts;
    broker_count(f->broker, &counts);
    return counts.feeds;
}

static void one_organisation_cannot_take_the_feeds_of_all(void **state)
{
    struct fixture *f = *state;
    static const char *const organisations[] = {"02E", "01F", "0CE", "X24"};
    for (size_t i = 0; i < ARRAY_LEN(organisations); i++) {
        for (uint64_t feed = 1; feed <= 5; feed++)
            ask(f, organisations[i],
                (struct feed_ask){
                    .verb = FEED_OPEN, .feed = 10 * i + feed, .from_seq = 1, .credit = 0});
        const struct feed_entries *last = &f->entries[f->entries_count - 1].entries;
        assert_memory_equal(last->error.bytes, "BUSY", 4);
        assert_int_equal(feeds_open(f), 4 * (i + 1));
    }

    /* And there are no more than there are. */
    ask(f, "OPS", (struct feed_ask){.verb = FEED_OPEN, .feed = 99, .from_seq = 1, .credit = 0});
    assert_int_equal(f->entries[f->entries_count - 1].entries.feed, 99);
    assert_memory_equal(f->entries[f->entries_count - 1].entries.error.bytes, "BUSY", 4);
    assert_int_equal(feeds_open(f), 16);
}

static void a_feed_without_credit_ends_when_its_reader_is_silent(void **state)
{
    struct fixture *f = *state;
    open_feed(f, "OPS", 1, 3);
    when_time_passes(f, FEED_SILENT_MS - 1);
    a_turn(f);
    assert_int_equal(feeds_open(f), 1);
    assert_int_equal(broker_due_ms(f->broker), f->now.mono_ms + 1);

    when_time_passes(f, 1);
    a_turn(f);

    assert_int_equal(feeds_open(f), 0);
    const struct feed_entries *last = &f->entries[f->entries_count - 1].entries;
    assert_int_equal(last->feed, 1);
    assert_int_equal(last->read_seq, 3);
    assert_true(last->error.len > 8);
    assert_memory_equal(last->error.bytes, "EXPIRED:", 8);
}

static void a_word_from_its_reader_keeps_a_feed(void **state)
{
    struct fixture *f = *state;
    open_feed(f, "OPS", 1, 1);
    for (int i = 0; i < 3; i++) {
        when_time_passes(f, FEED_SILENT_MS - 1);
        ask(f, "OPS", (struct feed_ask){.verb = FEED_CREDIT, .feed = 1, .credit = 1});
        assert_int_equal(feeds_open(f), 1);
    }
}

/** So that only feeds are due. */
static void given_clean_state(struct fixture *f)
{
    when_time_passes(f, STATE_COMMIT_MS);
    turns_until_quiet(f);
}

static void a_feed_with_credit_and_nothing_to_read_is_told_that_it_lives(void **state)
{
    struct fixture *f = *state;
    given_clean_state(f);
    uint64_t head = store_durable_seq(f->store);
    open_feed(f, "0CE", head + 1, 10);
    uint32_t before = f->entries_count;
    assert_int_equal(broker_due_ms(f->broker), f->now.mono_ms + FEED_ALIVE_MS);
    when_time_passes(f, FEED_ALIVE_MS - 1);
    a_turn(f);
    assert_int_equal(f->entries_count, before);

    for (uint32_t i = 1; i <= 4; i++) {
        when_time_passes(f, i == 1 ? 1 : FEED_ALIVE_MS);
        a_turn(f);
        a_turn(f);
        assert_int_equal(f->entries_count, before + i);
        const struct feed_entries *last = &f->entries[before + i - 1].entries;
        assert_int_equal(last->entries_count, 0);
        assert_int_equal(last->error.len, 0);
        assert_int_equal(last->read_seq, head);
    }
    assert_int_equal(feeds_open(f), 1);
}

/** The newest message to the reader did not find room on its way. */
static void when_unsent(struct fixture *f)
{
    const struct feed_entries *last = &f->entries[f->entries_count - 1].entries;
    struct unsent unsent = {
        .connection = READER,
        .feed = last->feed,
        .first_seq = last->entries_count > 0 ? last->entries[0].seq : 0,
        .count = last->entries_count,
    };
    broker_unsent(f->broker, &unsent);
}

static void what_could_not_be_sent_is_sent_again_after_a_pause(void **state)
{
    struct fixture *f = *state;
    uint64_t read = 0;
    given_clean_state(f);
    open_feed(f, "OPS", 2, 3);
    assert_int_equal(entries_read(f, &read), 3);
    when_unsent(f);

    a_turn(f);
    assert_int_equal(f->entries_count, 1);
    assert_int_equal(broker_due_ms(f->broker), f->now.mono_ms + FEED_PAUSE_MS);
    when_time_passes(f, FEED_PAUSE_MS);
    a_turn(f);

    /* The same once more, and no more than there was credit for. */
    turns_until_quiet(f);
    assert_int_equal(f->entries_count, 2);
    const struct feed_entries *last = &f->entries[1].entries;
    assert_int_equal(last->entries_count, 3);
    assert_int_equal(last->entries[0].seq, 2);
    assert_int_equal(last->read_seq, 4);
}

static void the_pause_grows_while_the_reader_takes_nothing(void **state)
{
    struct fixture *f = *state;
    given_clean_state(f);
    open_feed(f, "OPS", 1, 2);
    int64_t pause_ms = FEED_PAUSE_MS;
    for (int i = 0; i < 10; i++) {
        when_unsent(f);
        assert_int_equal(broker_due_ms(f->broker), f->now.mono_ms + pause_ms);
        when_time_passes(f, pause_ms);
        f->entries_count = 0;
        a_turn(f);
        assert_int_equal(f->entries_count, 1);
        pause_ms = 2 * pause_ms < FEED_PAUSE_MS_MAX ? 2 * pause_ms : FEED_PAUSE_MS_MAX;
    }
    assert_int_equal(pause_ms, FEED_PAUSE_MS_MAX);

    /* It took something: the next pause is short again. */
    ask(f, "OPS", (struct feed_ask){.verb = FEED_CREDIT, .feed = 1, .credit = 1});
    when_unsent(f);
    assert_int_equal(broker_due_ms(f->broker), f->now.mono_ms + FEED_PAUSE_MS);
}

static void what_was_unsent_of_a_feed_that_ended_is_forgotten(void **state)
{
    struct fixture *f = *state;
    open_feed(f, "OPS", 1, 2);
    ask(f, "OPS", (struct feed_ask){.verb = FEED_CLOSE, .feed = 1});

    when_unsent(f);
    turns_until_quiet(f);

    assert_int_equal(f->entries_count, 1);
    assert_int_equal(feeds_open(f), 0);
}

static void a_reader_whose_key_is_revoked_is_told_so_and_its_feed_ends(void **state)
{
    struct fixture *f = *state;
    struct broker_counts counts;
    open_feed(f, "02E", 1, 1000);
    uint32_t before = f->entries_count;

    turn_opens(f);
    broker_revoked(f->broker, READER);
    turn_closes(f);

    assert_int_equal(f->entries_count, before + 1);
    struct slice error = f->entries[before].entries.error;
    assert_int_equal(f->entries[before].to, READER);
    assert_true(error.len > strlen("SENDER_UNKNOWN"));
    assert_memory_equal(error.bytes, "SENDER_UNKNOWN", strlen("SENDER_UNKNOWN"));
    broker_count(f->broker, &counts);
    assert_int_equal(counts.feeds, 0);
}

static void a_gone_readers_feeds_end(void **state)
{
    struct fixture *f = *state;
    struct broker_counts counts;
    open_feed(f, "02E", 1, 1000);
    uint32_t before = f->entries_count;

    turn_opens(f);
    broker_gone(f->broker, READER);
    turn_closes(f);
    when_sent(f, needs_assessed("02E", "a"));

    assert_int_equal(f->entries_count, before);
    broker_count(f->broker, &counts);
    assert_int_equal(counts.feeds, 0);
}

static void a_worker_reads_nothing(void **state)
{
    struct fixture *f = *state;
    struct principal worker = principal_of("OPS");
    worker.verbs = VERB_BIT(VERB_WORK);
    struct feed_ask ask = {.verb = FEED_OPEN, .feed = 1, .from_seq = 1, .credit = 10};

    turn_opens(f);
    broker_feed(f->broker, READER, &worker, &ask);
    turn_closes(f);

    assert_int_equal(f->entries_count, 1);
    assert_int_equal(f->entries[0].entries.entries_count, 0);
    assert_true(f->entries[0].entries.error.len > 0);
}

#define WORLD(test) cmocka_unit_test_setup_teardown(test, fixture_setup_world, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(an_operator_reads_all),
        WORLD(others_read_what_concerns_them_and_learn_how_far_was_looked),
        WORLD(a_support_unit_reads_what_names_it),
        WORLD(new_entries_follow_once_they_are_durable),
        WORLD(no_more_is_sent_than_there_is_credit),
        WORLD(a_feed_goes_on_from_where_it_is_opened),
        WORLD(a_reader_for_whom_there_is_nothing_hears_it_once_a_second),
        WORLD(a_far_behind_reader_is_served_over_several_turns),
        WORLD(a_reader_of_another_history_is_told_to_resync),
        WORLD(feeds_beyond_the_limit_are_busy),
        WORLD(one_organisation_cannot_take_the_feeds_of_all),
        WORLD(a_feed_without_credit_ends_when_its_reader_is_silent),
        WORLD(a_word_from_its_reader_keeps_a_feed),
        WORLD(a_feed_with_credit_and_nothing_to_read_is_told_that_it_lives),
        WORLD(what_could_not_be_sent_is_sent_again_after_a_pause),
        WORLD(the_pause_grows_while_the_reader_takes_nothing),
        WORLD(what_was_unsent_of_a_feed_that_ended_is_forgotten),
        WORLD(a_reader_whose_key_is_revoked_is_told_so_and_its_feed_ends),
        WORLD(a_gone_readers_feeds_end),
        WORLD(a_worker_reads_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
