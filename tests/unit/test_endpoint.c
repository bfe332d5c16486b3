/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "daemon/net/endpoint.h"
#include "daemon/net/zap.h"
#include "tests/support/peer.h"

/* A turn waits until one of the sockets has something; so long in all, then the test fails. */
#define LARGE_WAITING 8 /* replies of 512 KiB that may wait for one client */
#define LARGE_MAX 64    /* far more than that, and than what both ends of the line hold */
#define TURN_MS 20
#define TURNS_MAX 500

struct fixture {
    char folder[64];
    char address[ENDPOINT_ADDRESS_SIZE];
    char text[256];
    void *zmq;
    struct pair server;
    struct pair sender;
    struct keyfile keyfile;
    struct keyring *keyring;
    struct zap *zap;
    struct endpoint *endpoint;
    void *peers[8];
    uint32_t peers_count;
    int64_t now_ms;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    place_make(f->folder);
    f->zmq = zmq_ctx_new();
    f->server = pair_new();
    f->sender = pair_new();
    f->keyfile.public_key = f->server.public_key;
    memcpy(f->keyfile.secret_key, f->server.secret_key, KEY_BYTES);
    if (keyring_new(&f->keyring, 8) != STATUS_OK)
        return -1;
    struct principal principal = {
        .public_key = f->sender.public_key,
        .organisation = {"02E"},
        .verbs = VERB_BIT(VERB_SUBMIT),
    };
    if (keyring_add(f->keyring, &principal) != STATUS_OK)
        return -1;
    return zap_new(&f->zap, f->zmq, f->keyring) == STATUS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < f->peers_count; i++)
        zmq_close(f->peers[i]);
    endpoint_free(f->endpoint);
    zap_free(f->zap);
    keyring_free(f->keyring);
    zmq_ctx_term(f->zmq);
    place_remove(f->folder);
    free(f);
    return 0;
}

static enum status bind_at(struct fixture *f, enum owed_to side, const char *address, bool by_uid,
                           uint32_t connections_max)
{
    char addresses[1][ENDPOINT_ADDRESS_SIZE];
    snprintf(addresses[0], sizeof addresses[0], "%s", address);
    const struct endpoint_options options = {
        .side = side,
        .addresses = (const char(*)[ENDPOINT_ADDRESS_SIZE])addresses,
        .addresses_count = 1,
        .ipc_by_uid = by_uid,
        .server_key = &f->keyfile,
        .connections_max = connections_max,
    };
    enum status status =
        endpoint_new(&f->endpoint, f->zmq, f->keyring, &options, f->text, sizeof f->text);
    if (status == STATUS_OK)
        snprintf(f->address, sizeof f->address, "%s", endpoint_address(f->endpoint, 0));
    return status;
}

static void given_endpoint(struct fixture *f, enum owed_to side, bool by_uid)
{
    char address[ENDPOINT_ADDRESS_SIZE];
    snprintf(address, sizeof address, "ipc://%s/x.sock", f->folder);
    assert_true(bind_at(f, side, address, by_uid, 8) == STATUS_OK);
}

static void *given_peer(struct fixture *f, const struct pair *own, const char *routing_id)
{
    void *socket = peer_open(f->zmq, f->address, &f->server.public_key, own, routing_id);
    f->peers[f->peers_count++] = socket;
    return socket;
}

/** Serve ZAP and wait until a message is there. STATUS_TIMED_OUT: none came. */
static enum status when_received(struct fixture *f, struct delivery *ret)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        enum status status = endpoint_receive(f->endpoint, f->now_ms, ret);
        if (status != STATUS_NOT_FOUND)
            return status;
        zmq_pollitem_t items[] = {
            {.socket = zap_socket(f->zap), .events = ZMQ_POLLIN},
            {.socket = endpoint_socket(f->endpoint), .events = ZMQ_POLLIN},
        };
        zmq_poll(items, 2, TURN_MS);
        zap_serve(f->zap, 10);
    }
    return STATUS_TIMED_OUT;
}

/** Serve ZAP until it has denied somebody @count times; nothing must come through meanwhile. */
static void when_denied(struct fixture *f, uint64_t count)
{
    struct delivery delivery;
    for (int i = 0; i < TURNS_MAX && zap_denied(f->zap) < count; i++) {
        zmq_pollitem_t item = {.socket = zap_socket(f->zap), .events = ZMQ_POLLIN};
        zmq_poll(&item, 1, TURN_MS);
        zap_serve(f->zap, 10);
        assert_true(endpoint_receive(f->endpoint, 0, &delivery) == STATUS_NOT_FOUND);
    }
    assert_true(zap_denied(f->zap) >= count);
    assert_true(endpoint_connections(f->endpoint) == 0);
}

/** A peer may only write once it was let in, which wants our answer: so serve until it can. */
static void given_sent(struct fixture *f, void *peer, const struct slice *parts, uint32_t count)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        zmq_pollitem_t items[] = {
            {.socket = zap_socket(f->zap), .events = ZMQ_POLLIN},
            {.socket = peer, .events = ZMQ_POLLOUT},
        };
        zmq_poll(items, 2, TURN_MS);
        zap_serve(f->zap, 10);
        if ((items[1].revents & ZMQ_POLLOUT) != 0) {
            assert_true(peer_send(peer, parts, count));
            return;
        }
    }
    fail_msg("the peer was not let in");
}

#define BYTES(literal)                                                                             \
    {                                                                                              \
        (const uint8_t *)(literal), sizeof(literal) - 1                                            \
    }

static const struct slice hello[] = {BYTES("\x01\x01\x00\x00"), BYTES("body")};

static void a_known_key_is_heard_and_answered(void **state)
{
    struct fixture *f = *state;
    given_endpoint(f, OWED_CLIENT, false);
    void *peer = given_peer(f, &f->sender, NULL);
    given_sent(f, peer, hello, 2);
    struct delivery delivery;

    assert_true(when_received(f, &delivery) == STATUS_OK);

    assert_true(delivery.from != 0);
    assert_non_null(delivery.principal);
    assert_string_equal(delivery.principal->organisation.text, "02E");
    assert_true(delivery.frame.kind == MESSAGE_EVENTS);
    assert_memory_equal(delivery.frame.body.bytes, "body", 4);
    frame_release(&delivery.frame);
    assert_true(endpoint_send(f->endpoint, delivery.from, MESSAGE_ANSWERS, 3,
                              (struct slice)BYTES("reply"), 0) == STATUS_OK);
    uint8_t header[HEADER_BYTES];
    uint8_t body[16];
    size_t len = 0;
    assert_true(peer_receive(peer, TURN_MS * TURNS_MAX, header, body, sizeof body, &len));
    assert_memory_equal(header, "\x01\x02\x03\x00", HEADER_BYTES);
    assert_memory_equal(body, "reply", 5);
}

static void a_key_that_is_not_known_is_denied(void **state)
{
    struct fixture *f = *state;
    given_endpoint(f, OWED_CLIENT, false);
    struct pair stranger = pair_new();

    given_peer(f, &stranger, NULL);

    when_denied(f, 1);
}

static void the_clients_socket_does_not_speak_without_curve(void **state)
{
    struct fixture *f = *state;
    given_endpoint(f, OWED_CLIENT, false);
    void *plain = given_peer(f, NULL, NULL);
    void *good = given_peer(f, &f->sender, NULL);

    given_sent(f, good, hello, 2);

    struct delivery delivery;
    assert_true(when_received(f, &delivery) == STATUS_OK);
    frame_release(&delivery.frame);
    zmq_pollitem_t item = {.socket = plain, .events = ZMQ_POLLOUT};
    assert_int_equal(zmq_poll(&item, 1, 0), 0);
    assert_true(endpoint_connections(f->endpoint) == 1);
}

static void on_the_workers_ipc_the_user_id_proves(void **state)
{
    struct fixture *f = *state;
    assert_true(keyring_allow_worker(f->keyring, geteuid()));
    given_endpoint(f, OWED_WORKER, true);
    void *peer = given_peer(f, NULL, NULL);
    given_sent(f, peer, hello, 2);
    struct delivery delivery;

    assert_true(when_received(f, &delivery) == STATUS_OK);

    assert_true(delivery.principal->verbs == VERB_BIT(VERB_WORK));
    frame_release(&delivery.frame);
}

static void another_user_id_is_denied(void **state)
{
    struct fixture *f = *state;
    assert_true(keyring_allow_worker(f->keyring, geteuid() + 1));
    given_endpoint(f, OWED_WORKER, true);

    given_peer(f, NULL, NULL);

    when_denied(f, 1);
}

static void on_tcp_a_user_id_proves_nothing(void **state)
{
    struct fixture *f = *state;
    assert_true(keyring_allow_worker(f->keyring, geteuid()));
    assert_true(bind_at(f, OWED_WORKER, "tcp://127.0.0.1:*", true, 8) == STATUS_OK);
    void *plain = given_peer(f, NULL, NULL);
    struct pair worker = pair_new();
    struct principal principal = {.public_key = worker.public_key, .verbs = VERB_BIT(VERB_WORK)};
    assert_true(keyring_add(f->keyring, &principal) == STATUS_OK);
    void *good = given_peer(f, &worker, NULL);

    given_sent(f, good, hello, 2);

    struct delivery delivery;
    assert_true(when_received(f, &delivery) == STATUS_OK);
    frame_release(&delivery.frame);
    zmq_pollitem_t item = {.socket = plain, .events = ZMQ_POLLOUT};
    assert_int_equal(zmq_poll(&item, 1, 0), 0);
}

static void a_revoked_key_is_heard_as_nobody(void **state)
{
    struct fixture *f = *state;
    given_endpoint(f, OWED_CLIENT, false);
    void *peer = given_peer(f, &f->sender, NULL);
    given_sent(f, peer, hello, 2);
    struct delivery first;
    assert_true(when_received(f, &first) == STATUS_OK);
    frame_release(&first.frame);

    keyring_revoke(f->keyring, f->sender.public_key);
    assert_true(endpoint_connection_of(f->endpoint, f->sender.public_key, 0) == first.from);
    assert_true(peer_send(peer, hello, 2));

    struct delivery second;
    assert_true(when_received(f, &second) == STATUS_OK);
    assert_null(second.principal);
    assert_true(second.from == first.from);
    frame_release(&second.frame);
}

static void a_peer_that_brings_its_own_id_is_not_heard(void **state)
{
    struct fixture *f = *state;
    given_endpoint(f, OWED_CLIENT, false);
    static const char *const ids[] = {"mine!", "a", "far-too-long-for-us"};
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        void *peer = given_peer(f, &f->sender, ids[i]);
        given_sent(f, peer, hello, 2);
        struct delivery delivery;

        assert_true(when_received(f, &delivery) == STATUS_REFUSED);

        assert_true(delivery.from == 0);
    }
    assert_true(endpoint_connections(f->endpoint) == 0);
}

static void what_is_no_message_of_ours_is_thrown_away_whole(void **state)
{
    struct fixture *f = *state;
    given_endpoint(f, OWED_CLIENT, false);
    void *peer = given_peer(f, &f->sender, NULL);
    static const struct {
        struct slice parts[4];
        uint32_t count;
        enum status status;
    } cases[] = {
        {{BYTES("\x01\x01\x00\x00")}, 1, STATUS_MALFORMED},
        {{BYTES("\x01\x01\x00\x00"), BYTES("a"), BYTES("b")}, 3, STATUS_MALFORMED},
        {{BYTES("\x01\x01\x00\x00"), BYTES("a"), BYTES("b"), BYTES("c")}, 4, STATUS_MALFORMED},
        {{BYTES("\x01\x01\x00"), BYTES("a")}, 2, STATUS_MALFORMED},
        {{BYTES(""), BYTES("a")}, 2, STATUS_MALFORMED},
        {{BYTES("\x01\x63\x00\x00"), BYTES("a")}, 2, STATUS_MALFORMED},
        {{BYTES("\x01\x01\xff\xff"), BYTES("a")}, 2, STATUS_MALFORMED},
        {{BYTES("\x02\x01\x00\x00"), BYTES("a")}, 2, STATUS_UNSUPPORTED},
        {{BYTES("\x02"), BYTES("a"), BYTES("b")}, 3, STATUS_UNSUPPORTED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        given_sent(f, peer, cases[i].parts, cases[i].count);
        struct delivery delivery;

        enum status status = when_received(f, &delivery);

        if (status != cases[i].status)
            print_error("case %zu: %s\n", i, status_name(status));
        assert_true(status == cases[i].status);
        assert_true(delivery.from != 0);
        assert_non_null(delivery.principal);
    }
    given_sent(f, peer, hello, 2);
    struct delivery delivery;
    assert_true(when_received(f, &delivery) == STATUS_OK);
    frame_release(&delivery.frame);
}

static void it_sends_no_heartbeats_which_libzmq_would_die_of(void **state)
{
    struct fixture *f = *state;
    given_endpoint(f, OWED_CLIENT, false);
    int interval_ms = -1;
    int keepalive = 0;
    size_t size = sizeof interval_ms;

    /* A peer that filled its queue here and broke off would take the process with it at the next heartbeat. */
    assert_int_equal(
        zmq_getsockopt(endpoint_socket(f->endpoint), ZMQ_HEARTBEAT_IVL, &interval_ms, &size), 0);
    assert_int_equal(interval_ms, 0);
    assert_int_equal(
        zmq_getsockopt(endpoint_socket(f->endpoint), ZMQ_TCP_KEEPALIVE, &keepalive, &size), 0);
    assert_int_equal(keepalive, 1);
}

static void one_connection_too_many_is_told_so(void **state)
{
    struct fixture *f = *state;
    char address[ENDPOINT_ADDRESS_SIZE];
    snprintf(address, sizeof address, "ipc://%s/x.sock", f->folder);
    assert_true(bind_at(f, OWED_CLIENT, address, false, 1) == STATUS_OK);
    void *first = given_peer(f, &f->sender, NULL);
    given_sent(f, first, hello, 2);
    struct delivery delivery;
    assert_true(when_received(f, &delivery) == STATUS_OK);
    frame_release(&delivery.frame);
    void *second = given_peer(f, &f->sender, NULL);
    given_sent(f, second, hello, 2);

    assert_true(when_received(f, &delivery) == STATUS_BUSY);

    uint8_t header[HEADER_BYTES];
    uint8_t body[512];
    size_t len = 0;
    assert_true(peer_receive(second, TURN_MS * TURNS_MAX, header, body, sizeof body, &len));
    assert_int_equal(header[1], MESSAGE_ANSWERS);
}

static void of_what_a_client_does_not_read_only_some_megabytes_wait(void **state)
{
    struct fixture *f = *state;
    static uint8_t large[512 * 1024];
    const int one = 1;
    given_endpoint(f, OWED_CLIENT, false);
    void *peer = given_peer(f, &f->sender, NULL);
    assert_int_equal(zmq_setsockopt(peer, ZMQ_RCVHWM, &one, sizeof one), 0);
    given_sent(f, peer, hello, 2);
    struct delivery delivery;
    assert_true(when_received(f, &delivery) == STATUS_OK);
    frame_release(&delivery.frame);

    uint32_t sent = 0;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && sent < LARGE_MAX) {
        status = endpoint_send(f->endpoint, delivery.from, MESSAGE_REPLIES, 1,
                               (struct slice){large, sizeof large}, 0);
        sent += status == STATUS_OK;
    }
    assert_true(status == STATUS_BUSY);
    assert_in_range(sent, LARGE_WAITING, LARGE_MAX - 1);

    /* Once it reads, it is written to again. */
    uint8_t header[HEADER_BYTES];
    size_t len = 0;
    for (uint32_t i = 0; i < sent; i++)
        assert_true(peer_receive(peer, TURN_MS * TURNS_MAX, header, large, sizeof large, &len));
    assert_true(endpoint_send(f->endpoint, delivery.from, MESSAGE_REPLIES, 1,
                              (struct slice){large, sizeof large}, 0) == STATUS_OK);
}

static void a_peer_that_has_gone_is_noticed_when_written_to(void **state)
{
    struct fixture *f = *state;
    given_endpoint(f, OWED_CLIENT, false);
    void *peer = given_peer(f, &f->sender, NULL);
    given_sent(f, peer, hello, 2);
    struct delivery delivery;
    assert_true(when_received(f, &delivery) == STATUS_OK);
    frame_release(&delivery.frame);
    zmq_close(f->peers[--f->peers_count]);

    enum status status = STATUS_OK;
    for (int i = 0; i < TURNS_MAX && status == STATUS_OK; i++) {
        zmq_poll(NULL, 0, 1);
        status = endpoint_send(f->endpoint, delivery.from, MESSAGE_ANSWERS, 1,
                               (struct slice)BYTES("x"), 0);
    }

    assert_true(status == STATUS_UNREACHABLE);
    assert_true(endpoint_send(f->endpoint, delivery.from, MESSAGE_ANSWERS, 1,
                              (struct slice)BYTES("x"), 0) == STATUS_NOT_FOUND);
}

static void the_socket_is_for_its_group_and_replaces_only_a_socket(void **state)
{
    struct fixture *f = *state;
    char path[96];
    char address[ENDPOINT_ADDRESS_SIZE];
    snprintf(path, sizeof path, "%s/x.sock", f->folder);
    snprintf(address, sizeof address, "ipc://%s", path);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);

    assert_true(bind_at(f, OWED_CLIENT, address, false, 8) == STATUS_EXISTS);
    assert_non_null(strstr(f->text, path));
    assert_int_equal(unlink(path), 0);
    assert_true(bind_at(f, OWED_CLIENT, address, false, 8) == STATUS_OK);

    struct stat stat;
    assert_int_equal(lstat(path, &stat), 0);
    assert_true(S_ISSOCK(stat.st_mode));
    assert_true((stat.st_mode & 07777) == 0660);
}

static void an_address_in_use_or_impossible_is_an_error(void **state)
{
    struct fixture *f = *state;
    assert_true(bind_at(f, OWED_CLIENT, "tcp://127.0.0.1:*", false, 8) == STATUS_OK);
    char taken[ENDPOINT_ADDRESS_SIZE];
    snprintf(taken, sizeof taken, "%s", f->address);
    struct endpoint *first = f->endpoint;
    f->endpoint = NULL;

    enum status in_use = bind_at(f, OWED_CLIENT, taken, false, 8);
    enum status no_folder = bind_at(f, OWED_CLIENT, "ipc:///nowhere/at/all", false, 8);
    enum status no_scheme = bind_at(f, OWED_CLIENT, "inproc://x", false, 8);

    endpoint_free(first);
    assert_true(in_use == STATUS_EXISTS);
    assert_true(no_folder == STATUS_IO_FAILED);
    assert_true(no_scheme == STATUS_INVALID);
    assert_null(f->endpoint);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_known_key_is_heard_and_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(a_key_that_is_not_known_is_denied, setup, teardown),
        cmocka_unit_test_setup_teardown(the_clients_socket_does_not_speak_without_curve, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(on_the_workers_ipc_the_user_id_proves, setup, teardown),
        cmocka_unit_test_setup_teardown(another_user_id_is_denied, setup, teardown),
        cmocka_unit_test_setup_teardown(on_tcp_a_user_id_proves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_revoked_key_is_heard_as_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(a_peer_that_brings_its_own_id_is_not_heard, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_is_no_message_of_ours_is_thrown_away_whole, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(it_sends_no_heartbeats_which_libzmq_would_die_of, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_connection_too_many_is_told_so, setup, teardown),
        cmocka_unit_test_setup_teardown(of_what_a_client_does_not_read_only_some_megabytes_wait,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_peer_that_has_gone_is_noticed_when_written_to, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_socket_is_for_its_group_and_replaces_only_a_socket,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(an_address_in_use_or_impossible_is_an_error, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
