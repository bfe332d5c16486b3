/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <zmq.h>

#include "proto/frame.h"

#define HIGH_WATER 8
#define WAIT_MS 5000 /* an upper bound of waits that end with the event */

/* A ROUTER with a DEALER connected, over inproc: what one sends, the other has at once. */
struct fixture {
    void *context;
    void *router;
    void *dealer;
};

static void set(void *socket, int option, int value)
{
    assert_int_equal(zmq_setsockopt(socket, option, &value, sizeof value), 0);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    if (f == NULL)
        return -1;
    f->context = zmq_ctx_new();
    f->router = zmq_socket(f->context, ZMQ_ROUTER);
    f->dealer = zmq_socket(f->context, ZMQ_DEALER);
    set(f->router, ZMQ_ROUTER_MANDATORY, 1);
    set(f->router, ZMQ_LINGER, 0);
    set(f->dealer, ZMQ_LINGER, 0);
    set(f->router, ZMQ_SNDHWM, HIGH_WATER);
    set(f->dealer, ZMQ_RCVHWM, HIGH_WATER);
    set(f->dealer, ZMQ_SNDHWM, HIGH_WATER);
    set(f->router, ZMQ_RCVHWM, HIGH_WATER);
    *state = f;
    return zmq_bind(f->router, "inproc://frame") == 0 &&
                   zmq_connect(f->dealer, "inproc://frame") == 0
               ? 0
               : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    zmq_close(f->dealer);
    zmq_close(f->router);
    zmq_ctx_term(f->context);
    free(f);
    return 0;
}

static struct slice text(const char *chars)
{
    return (struct slice){(const uint8_t *)chars, strlen(chars)};
}

static void expect_slice(struct slice found, const char *expected)
{
    assert_int_equal(found.len, strlen(expected));
    assert_memory_equal(found.bytes, expected, found.len);
}

static void wait_for_input(void *socket)
{
    zmq_pollitem_t item = {socket, 0, ZMQ_POLLIN, 0};

    assert_int_equal(zmq_poll(&item, 1, WAIT_MS), 1);
}

static enum status receive(void *socket, bool routed, struct frame *ret)
{
    wait_for_input(socket);
    return frame_receive(socket, routed, ret);
}

/** Send the parts @bytes (lengths @lens) as one message, as a stranger may. */
static void send_parts(void *socket, const struct slice *parts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int flags = i + 1 < count ? ZMQ_SNDMORE : 0;
        assert_true(zmq_send(socket, parts[i].bytes, parts[i].len, flags) >= 0);
    }
}

static const struct peer nobody = {.len = 0};

static void a_message_goes_there_and_back(void **state)
{
    struct fixture *f = *state;
    struct frame frame;

    assert_int_equal(frame_send(f->dealer, nobody, MESSAGE_EVENTS, 513, text("events")), STATUS_OK);
    assert_int_equal(receive(f->router, true, &frame), STATUS_OK);
    assert_int_equal(frame.kind, MESSAGE_EVENTS);
    assert_int_equal(frame.count, 513);
    expect_slice(frame.body, "events");
    assert_true(frame.peer.len > 0);
    struct peer peer = frame.peer;
    struct frame copy = frame; /* a frame may be copied */
    expect_slice(copy.body, "events");
    frame_release(&frame);
    assert_int_equal(frame.body.len, 0);
    frame_release(&frame);

    assert_int_equal(frame_send(f->router, peer, MESSAGE_ANSWERS, 1, text("")), STATUS_OK);
    assert_int_equal(receive(f->dealer, false, &frame), STATUS_OK);
    assert_int_equal(frame.kind, MESSAGE_ANSWERS);
    assert_int_equal(frame.peer.len, 0);
    assert_int_equal(frame.body.len, 0);
    frame_release(&frame);
}

static void an_empty_socket_has_nothing(void **state)
{
    struct fixture *f = *state;
    struct frame frame;

    assert_int_equal(frame_receive(f->router, true, &frame), STATUS_NOT_FOUND);
    assert_int_equal(frame_receive(f->dealer, false, &frame), STATUS_NOT_FOUND);
}

static void a_bad_header_is_malformed_and_the_next_message_is_whole(void **state)
{
    static const struct {
        uint8_t bytes[6];
        size_t len;
        enum status expected;
    } cases[] = {
        {{0}, 0, STATUS_MALFORMED},
        {{1}, 1, STATUS_MALFORMED},
        {{1, 1, 0}, 3, STATUS_MALFORMED},
        {{1, 1, 1, 0, 0}, 5, STATUS_MALFORMED},
        {{1, 0, 1, 0}, 4, STATUS_MALFORMED}, /* no such kind */
        {{1, 7, 1, 0}, 4, STATUS_MALFORMED},
        {{1, 15, 1, 0}, 4, STATUS_MALFORMED},
        {{1, 24, 1, 0}, 4, STATUS_MALFORMED},
        {{1, 1, 1, 4}, 4, STATUS_MALFORMED}, /* 1,025 messages */
        {{0, 1, 1, 0}, 4, STATUS_UNSUPPORTED},
        {{2, 1, 1, 0}, 4, STATUS_UNSUPPORTED},
        {{2}, 1, STATUS_UNSUPPORTED},
        {{1, 1, 0, 4}, 4, STATUS_OK}, /* 1,024 */
        {{1, 6, 0, 0}, 4, STATUS_OK},
        {{1, 16, 1, 0}, 4, STATUS_OK},
        {{1, 21, 1, 0}, 4, STATUS_OK},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct frame frame;
        const struct slice parts[] = {{cases[i].bytes, cases[i].len}, text("body")};
        send_parts(f->dealer, parts, 2);
        assert_int_equal(frame_send(f->dealer, nobody, MESSAGE_QUERIES, 1, text("next")),
                         STATUS_OK);

        assert_int_equal(receive(f->router, true, &frame), cases[i].expected);
        assert_true(frame.peer.len > 0); /* so that it can be told */
        frame_release(&frame);
        assert_int_equal(receive(f->router, true, &frame), STATUS_OK);
        expect_slice(frame.body, "next");
        frame_release(&frame);
    }
}

static void any_other_number_of_parts_is_malformed_and_thrown_away(void **state)
{
    struct fixture *f = *state;
    static const uint8_t header[] = {1, 1, 1, 0};

    for (size_t count = 1; count <= 100; count += count < 5 ? 1 : 95) {
        struct slice parts[100];
        struct frame frame;
        if (count == 2)
            continue;
        for (size_t i = 0; i < count; i++)
            parts[i] = (struct slice){header, sizeof header};
        send_parts(f->dealer, parts, count);
        assert_int_equal(frame_send(f->dealer, nobody, MESSAGE_QUERIES, 1, text("next")),
                         STATUS_OK);

        assert_int_equal(receive(f->router, true, &frame), STATUS_MALFORMED);
        assert_int_equal(frame.body.len, 0);
        assert_null(frame.part);
        assert_int_equal(receive(f->router, true, &frame), STATUS_OK);
        expect_slice(frame.body, "next");
        frame_release(&frame);
    }
}

static void a_body_over_its_limit_is_malformed(void **state)
{
    struct fixture *f = *state;
    static const uint8_t header[] = {1, 1, 1, 0};
    static uint8_t body[FRAME_BYTES_MAX + 1];
    struct frame frame;

    for (size_t over = 0; over < 2; over++) {
        const struct slice parts[] = {{header, 4}, {body, FRAME_BYTES_MAX + over}};
        send_parts(f->dealer, parts, 2);
        assert_int_equal(receive(f->router, true, &frame), over ? STATUS_MALFORMED : STATUS_OK);
        frame_release(&frame);
    }
}

static void a_dealer_is_as_strict(void **state)
{
    struct fixture *f = *state;
    struct frame frame;

    assert_int_equal(frame_send(f->dealer, nobody, MESSAGE_EVENTS, 1, text("x")), STATUS_OK);
    assert_int_equal(receive(f->router, true, &frame), STATUS_OK);
    const struct slice parts[] = {{frame.peer.bytes, frame.peer.len}, text("one part")};
    send_parts(f->router, parts, 2);
    frame_release(&frame);

    assert_int_equal(receive(f->dealer, false, &frame), STATUS_UNSUPPORTED);
}

static void a_peer_that_is_not_there_is_unreachable(void **state)
{
    struct fixture *f = *state;
    struct peer stranger = {.bytes = {0, 1, 2, 3, 4}, .len = 5};
    struct frame frame;

    assert_int_equal(frame_send(f->router, stranger, MESSAGE_ANSWERS, 1, text("x")),
                     STATUS_UNREACHABLE);
    /* Nothing of it went to anybody else. */
    assert_int_equal(frame_send(f->dealer, nobody, MESSAGE_EVENTS, 1, text("x")), STATUS_OK);
    assert_int_equal(receive(f->router, true, &frame), STATUS_OK);
    struct peer peer = frame.peer;
    frame_release(&frame);
    assert_int_equal(frame_send(f->router, peer, MESSAGE_ANSWERS, 1, text("mine")), STATUS_OK);
    assert_int_equal(receive(f->dealer, false, &frame), STATUS_OK);
    expect_slice(frame.body, "mine");
    frame_release(&frame);
}

static void a_full_queue_is_busy_and_loses_nothing(void **state)
{
    struct fixture *f = *state;
    struct frame frame;
    unsigned sent = 0;

    assert_int_equal(frame_send(f->dealer, nobody, MESSAGE_EVENTS, 1, text("x")), STATUS_OK);
    assert_int_equal(receive(f->router, true, &frame), STATUS_OK);
    struct peer peer = frame.peer;
    frame_release(&frame);

    enum status status = STATUS_OK;
    while (status == STATUS_OK && sent < 1000) {
        status = frame_send(f->router, peer, MESSAGE_ANSWERS, 1, text("answer"));
        sent += status == STATUS_OK ? 1 : 0;
    }
    assert_int_equal(status, STATUS_BUSY);

    for (unsigned i = 0; i < sent; i++) {
        assert_int_equal(receive(f->dealer, false, &frame), STATUS_OK);
        expect_slice(frame.body, "answer");
        frame_release(&frame);
    }
    assert_int_equal(frame_receive(f->dealer, false, &frame), STATUS_NOT_FOUND);
}

static void a_dealer_without_a_peer_is_busy(void **state)
{
    struct fixture *f = *state;
    void *lonely = zmq_socket(f->context, ZMQ_DEALER);

    set(lonely, ZMQ_LINGER, 0);
    assert_int_equal(frame_send(lonely, nobody, MESSAGE_EVENTS, 1, text("x")), STATUS_BUSY);
    zmq_close(lonely);
}

static void a_peer_that_chose_a_long_name_is_malformed(void **state)
{
    struct fixture *f = *state;
    void *named = zmq_socket(f->context, ZMQ_DEALER);
    struct frame frame;

    set(named, ZMQ_LINGER, 0);
    assert_int_equal(zmq_setsockopt(named, ZMQ_ROUTING_ID, "a name of my own", 16), 0);
    assert_int_equal(zmq_connect(named, "inproc://frame"), 0);
    assert_int_equal(frame_send(named, nobody, MESSAGE_EVENTS, 1, text("x")), STATUS_OK);
    assert_int_equal(receive(f->router, true, &frame), STATUS_MALFORMED);
    assert_int_equal(frame.peer.len, 0);
    assert_int_equal(frame_receive(f->router, true, &frame), STATUS_NOT_FOUND);
    zmq_close(named);
}

static void a_socket_that_is_none_has_failed(void **state)
{
    struct fixture *f = *state;
    struct frame frame;
    int none = 0;

    (void)f;
    assert_int_equal(frame_receive(&none, true, &frame), STATUS_IO_FAILED);
    assert_int_equal(frame_send(&none, nobody, MESSAGE_EVENTS, 1, text("x")), STATUS_IO_FAILED);
}

static void peers_are_equal_in_all_their_bytes(void **state)
{
    struct peer a = {.bytes = {0, 1, 2, 3, 4}, .len = 5};
    struct peer b = a;

    (void)state;
    assert_true(peer_equal(a, b));
    b.bytes[4] = 5;
    assert_false(peer_equal(a, b));
    b = a;
    b.len = 4;
    assert_false(peer_equal(a, b));
    assert_true(peer_equal(nobody, nobody));
}

/* ---- over ipc, with a handler that names who connects ------------------------------------- */

/** Answer one question of ZAP with the user id "02E". */
static void answer_zap(void *zap)
{
    char parts[10][256];
    int lens[10] = {0};
    int count = 0;
    int more = 1;
    size_t more_size = sizeof more;

    wait_for_input(zap);
    while (more && count < 10) {
        lens[count] = zmq_recv(zap, parts[count], sizeof parts[0], 0);
        assert_in_range(lens[count], 0, sizeof parts[0]);
        count++;
        assert_int_equal(zmq_getsockopt(zap, ZMQ_RCVMORE, &more, &more_size), 0);
    }
    const struct slice answer[] = {text("1.0"), {(const uint8_t *)parts[1], (size_t)lens[1]},
                                   text("200"), text("OK"),
                                   text("02E"), text("")};
    send_parts(zap, answer, ARRAY_LEN(answer));
}

static void who_sent_it_is_read_from_the_payload(void **state)
{
    void *context = zmq_ctx_new();
    void *zap = zmq_socket(context, ZMQ_REP);
    void *router = zmq_socket(context, ZMQ_ROUTER);
    void *dealer = zmq_socket(context, ZMQ_DEALER);
    char folder[] = "/tmp/test-frame-XXXXXX";
    char endpoint[64];
    struct frame frame;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(endpoint, sizeof endpoint, "ipc://%s/socket", folder);
    set(router, ZMQ_LINGER, 0);
    set(dealer, ZMQ_LINGER, 0);
    set(zap, ZMQ_LINGER, 0);
    assert_int_equal(zmq_bind(zap, "inproc://zeromq.zap.01"), 0);
    assert_int_equal(zmq_setsockopt(router, ZMQ_ZAP_DOMAIN, "test", 4), 0);
    assert_int_equal(zmq_bind(router, endpoint), 0);
    assert_int_equal(zmq_connect(dealer, endpoint), 0);
    assert_int_equal(frame_send(dealer, nobody, MESSAGE_EVENTS, 1, text("x")), STATUS_OK);
    answer_zap(zap);

    /* After a poll: that is when libzmq loses the properties of the routing id. */
    assert_int_equal(receive(router, true, &frame), STATUS_OK);
    assert_string_equal(frame.user_id, "02E");
    assert_true(strlen(frame.address) > 0);
    frame_release(&frame);
    const struct slice bad[] = {text("bad"), text("x"), text("y")};
    send_parts(dealer, bad, 3);
    assert_int_equal(receive(router, true, &frame), STATUS_UNSUPPORTED);
    assert_string_equal(frame.user_id, "02E");

    zmq_close(dealer);
    zmq_close(router);
    zmq_close(zap);
    zmq_ctx_term(context);
    snprintf(endpoint, sizeof endpoint, "%s/socket", folder);
    remove(endpoint);
    remove(folder);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_message_goes_there_and_back),
        TEST(an_empty_socket_has_nothing),
        TEST(a_bad_header_is_malformed_and_the_next_message_is_whole),
        TEST(any_other_number_of_parts_is_malformed_and_thrown_away),
        TEST(a_body_over_its_limit_is_malformed),
        TEST(a_dealer_is_as_strict),
        TEST(a_peer_that_is_not_there_is_unreachable),
        TEST(a_full_queue_is_busy_and_loses_nothing),
        TEST(a_dealer_without_a_peer_is_busy),
        TEST(a_peer_that_chose_a_long_name_is_malformed),
        TEST(a_socket_that_is_none_has_failed),
        cmocka_unit_test(peers_are_equal_in_all_their_bytes),
        cmocka_unit_test(who_sent_it_is_read_from_the_payload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
