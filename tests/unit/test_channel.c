/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clients/lib/channel.h"
#include "clients/lib/commission.h"
#include "tests/support/fake_daemon.h"

#include <string.h>

#define PATIENCE_MS 10000

struct fixture {
    struct fake *fake;
    struct channel *channel;
};

/* Send back what comes. */
static void echo(struct fake *fake, const struct frame *frame, void *notes)
{
    struct buffer *buffer = fake_buffer(fake);

    (void)notes;
    memcpy(buffer->bytes, frame->body.bytes, frame->body.len);
    buffer->len = frame->body.len;
    fake_send(fake, frame, MESSAGE_ANSWERS, frame->count);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    if (f == NULL)
        return -1;
    f->fake = fake_new();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    f->channel = channel_close(f->channel);
    fake_free(f->fake);
    free(f);
    return 0;
}

static void given_daemon(struct fixture *f, bool curve)
{
    fake_start(f->fake, curve, echo, NULL);
}

static void given_channel(struct fixture *f, bool curve)
{
    uint8_t secret[KEY_BYTES];
    struct channel_options options = {
        .endpoint = fake_endpoint(f->fake), .plain = !curve, .secret_key = secret};

    options.server_key = fake_public_key(f->fake);
    assert_int_equal(commission_key_new(&options.public_key, secret), STATUS_OK);
    assert_int_equal(channel_open(&f->channel, &options), STATUS_OK);
}

/* Until there have been @connections, or until we are not connected (0). */
static void when_connected(struct fixture *f, uint64_t connections)
{
    int64_t deadline_ms = channel_now_ms() + PATIENCE_MS;

    while (connections > 0 ? channel_connections(f->channel) < connections
                           : channel_connected(f->channel)) {
        assert_true(channel_now_ms() < deadline_ms);
        enum status status = channel_wait(f->channel, false, 100);
        assert_true(status == STATUS_OK || status == STATUS_TIMED_OUT);
    }
}

static void expect_echo(struct fixture *f, const char *text)
{
    struct slice body = {(const uint8_t *)text, strlen(text)};
    struct frame frame;
    int64_t deadline_ms = channel_now_ms() + PATIENCE_MS;

    assert_int_equal(channel_send(f->channel, MESSAGE_EVENTS, 3, body), STATUS_OK);
    while (channel_receive(f->channel, &frame) == STATUS_NOT_FOUND) {
        assert_true(channel_now_ms() < deadline_ms);
        (void)!channel_wait(f->channel, false, 100);
    }
    assert_int_equal(frame.kind, MESSAGE_ANSWERS);
    assert_int_equal(frame.count, 3);
    assert_int_equal(frame.body.len, strlen(text));
    assert_memory_equal(frame.body.bytes, text, strlen(text));
    frame_release(&frame);
}

static void what_is_sent_comes_back_with_curve(void **state)
{
    struct fixture *f = *state;
    given_daemon(f, true);
    given_channel(f, true);
    when_connected(f, 1);

    expect_echo(f, "hello");
}

static void what_is_sent_comes_back_without_curve(void **state)
{
    struct fixture *f = *state;
    given_daemon(f, false);
    given_channel(f, false);
    when_connected(f, 1);

    expect_echo(f, "hello");
}

static void nothing_is_sent_while_nobody_is_there(void **state)
{
    struct fixture *f = *state;
    given_channel(f, true);

    assert_int_equal(channel_connections(f->channel), 0);
    assert_int_equal(channel_send(f->channel, MESSAGE_EVENTS, 1, (struct slice){NULL, 0}),
                     STATUS_BUSY);
    assert_int_equal(channel_wait(f->channel, true, 10), STATUS_TIMED_OUT);
    assert_int_equal(channel_wait(f->channel, false, 0), STATUS_TIMED_OUT);
}

static void each_connection_is_counted(void **state)
{
    struct fixture *f = *state;
    given_daemon(f, true);
    given_channel(f, true);
    when_connected(f, 1);

    for (uint64_t connection = 2; connection <= 4; connection++) {
        fake_stop(f->fake);
        when_connected(f, 0);
        given_daemon(f, true);
        when_connected(f, connection);
        expect_echo(f, "again");
    }
}

static void a_refused_key_is_tried_again_until_it_is_accepted(void **state)
{
    struct fixture *f = *state;
    int64_t deadline_ms = channel_now_ms() + PATIENCE_MS;
    fake_accept(f->fake, false);
    given_daemon(f, true);
    given_channel(f, true);
    while (!channel_refused(f->channel)) {
        assert_true(channel_now_ms() < deadline_ms);
        (void)!channel_wait(f->channel, false, 100);
    }
    assert_false(channel_connected(f->channel));

    fake_accept(f->fake, true);
    when_connected(f, 1);

    assert_false(channel_refused(f->channel));
    expect_echo(f, "hello");
}

static void a_reset_throws_away_what_has_not_left(void **state)
{
    struct fixture *f = *state;
    given_daemon(f, true);
    given_channel(f, true);
    when_connected(f, 1);
    fake_stop(f->fake);
    (void)!channel_send(f->channel, MESSAGE_EVENTS, 1, (struct slice){(const uint8_t *)"old", 3});

    channel_reset(f->channel);
    given_daemon(f, true);
    when_connected(f, 2);

    expect_echo(f, "new"); /* and not the old one before */
}

static void a_channel_that_lingers_closes_in_time(void **state)
{
    struct fixture *f = *state;
    given_daemon(f, true);
    given_channel(f, true);
    when_connected(f, 1);
    int64_t before_ms = channel_now_ms();

    channel_linger(f->channel, 200);
    f->channel = channel_close(f->channel);

    assert_true(channel_now_ms() - before_ms < PATIENCE_MS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_sent_comes_back_with_curve),
        TEST(what_is_sent_comes_back_without_curve),
        TEST(nothing_is_sent_while_nobody_is_there),
        TEST(each_connection_is_counted),
        TEST(a_refused_key_is_tried_again_until_it_is_accepted),
        TEST(a_reset_throws_away_what_has_not_left),
        TEST(a_channel_that_lingers_closes_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
