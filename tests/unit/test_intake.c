/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include "daemon/net/intake.h"
#include "daemon/net/zap.h"
#include "proto/codec.h"
#include "tests/support/fixture.h"
#include "tests/support/peer.h"

/* A turn waits until one of the sockets has something; so long in all, then the test fails. */
#define TURN_MS 20
#define TURNS_MAX 500
#define CROWD 4      /* clients that send as much as they can */
#define ASKED_EACH 8 /* questions of each */
#define WORKFLOWS 800
#define WORKFLOWS_TURN 100 /* received in one turn; a part of them */
#define DEAR_TURNS_MAX                                                                             \
    30 /* that a frame of dear questions takes; all of them answered it were twice as many */
#define MANY 300 /* questions in one frame: more than a turn answers */

struct intake_fixture {
    struct fixture world; /* the broker */
    char folder[64];
    void *zmq;
    struct pair server;
    struct pair asker;
    struct keyfile keyfile;
    struct keyring *keyring;
    struct zap *zap;
    struct endpoint *clients;
    struct endpoint *workers;
    struct intake *intake;
    void *peers[CROWD + 2];
    uint32_t peers_count;
    uint8_t bytes[FRAME_BYTES_MAX];
};

static struct endpoint *bound(struct intake_fixture *f, enum owed_to side, const char *name)
{
    char addresses[1][ENDPOINT_ADDRESS_SIZE];
    char text[256];
    struct endpoint *endpoint = NULL;
    snprintf(addresses[0], sizeof addresses[0], "ipc://%s/%s", f->folder, name);
    const struct endpoint_options options = {
        .side = side,
        .addresses = (const char(*)[ENDPOINT_ADDRESS_SIZE])addresses,
        .addresses_count = 1,
        .ipc_by_uid = side == OWED_WORKER,
        .server_key = &f->keyfile,
        .connections_max = 16,
    };
    CHECK(endpoint_new(&endpoint, f->zmq, f->keyring, &options, text, sizeof text) == STATUS_OK);
    return endpoint;
}

static int setup(void **state)
{
    struct intake_fixture *f = calloc(1, sizeof *f);
    *state = f;
    fixture_init(&f->world);
    place_make(f->folder);
    f->zmq = zmq_ctx_new();
    f->server = pair_new();
    f->asker = pair_new();
    f->keyfile.public_key = f->server.public_key;
    memcpy(f->keyfile.secret_key, f->server.secret_key, KEY_BYTES);
    struct principal principal = principal_of("OPS");
    principal.public_key = f->asker.public_key;
    if (keyring_new(&f->keyring, 8) != STATUS_OK ||
        keyring_add(f->keyring, &principal) != STATUS_OK ||
        !keyring_allow_worker(f->keyring, geteuid()) ||
        zap_new(&f->zap, f->zmq, f->keyring) != STATUS_OK)
        return -1;
    f->clients = bound(f, OWED_CLIENT, "c");
    f->workers = bound(f, OWED_WORKER, "w");
    return intake_new(&f->intake, f->world.broker, f->clients, f->workers) == STATUS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct intake_fixture *f = *state;
    for (uint32_t i = 0; i < f->peers_count; i++)
        zmq_close(f->peers[i]);
    intake_free(f->intake);
    endpoint_free(f->clients);
    endpoint_free(f->workers);
    zap_free(f->zap);
    keyring_free(f->keyring);
    zmq_ctx_term(f->zmq);
    place_remove(f->folder);
    fixture_clear(&f->world);
    free(f);
    return 0;
}

/** A peer may only write once it was let in, which wants our answer: so serve until it can. */
static void wait_until_let_in(struct intake_fixture *f, void *peer)
{
    for (uint32_t i = 0; i < TURNS_MAX; i++) {
        zmq_pollitem_t items[] = {{.socket = zap_socket(f->zap), .events = ZMQ_POLLIN},
                                  {.socket = peer, .events = ZMQ_POLLOUT}};
        (void)zmq_poll(items, 2, TURN_MS);
        (void)zap_serve(f->zap, 64);
        if ((items[1].revents & ZMQ_POLLOUT) != 0)
            return;
    }
    fail_msg("the peer was not let in");
}

static void *given_peer(struct intake_fixture *f, bool worker)
{
    const char *address = endpoint_address(worker ? f->workers : f->clients, 0);
    void *peer = peer_open(f->zmq, address, &f->server.public_key, worker ? NULL : &f->asker, NULL);
    f->peers[f->peers_count++] = peer;
    wait_until_let_in(f, peer);
    return peer;
}

/** One frame of @count times @command. */
static void when_asked_often(struct intake_fixture *f, void *peer, const char *command,
                             uint16_t count)
{
    struct buffer buffer = {.bytes = f->bytes, .max = sizeof f->bytes};
    for (uint32_t i = 0; i < count; i++) {
        const struct query query = {.query_id = i + 1,
                                    .command = {(const uint8_t *)command, strlen(command)}};
        codec_put_query(&buffer, &query);
    }
    assert_true(
        peer_send_frame(peer, MESSAGE_QUERIES, count, (struct slice){buffer.bytes, buffer.len}));
}

static void when_asked_much(struct intake_fixture *f, void *peer, uint16_t count)
{
    when_asked_often(f, peer, "server status", count);
}

static void when_worker_says_hello(struct intake_fixture *f, void *peer)
{
    const struct hello hello = {
        .name = "w-1",
        .stages = {STAGE_REVIEW},
        .stages_count = 1,
        .capacity = 4,
    };
    struct buffer buffer = {.bytes = f->bytes, .max = sizeof f->bytes};
    codec_put_hello(&buffer, &hello);
    assert_true(peer_send_frame(peer, MESSAGE_HELLOS, 1, (struct slice){buffer.bytes, buffer.len}));
}

static void wait_until_readable(void *socket)
{
    zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};
    if (zmq_poll(&item, 1, TURN_MS * TURNS_MAX) <= 0)
        fail_msg("nothing came");
}

static uint64_t frames(const struct intake_fixture *f)
{
    struct intake_counts counts;
    intake_count(f->intake, &counts);
    return counts.frames;
}

static void a_turn_of_both(struct intake_fixture *f, uint32_t clients_max,
                           struct intake_result *ret_workers, struct intake_result *ret_clients)
{
    turn_opens(&f->world);
    *ret_workers = intake_workers(f->intake, f->world.now.mono_ms);
    *ret_clients = intake_clients(f->intake, f->world.now.mono_ms, clients_max);
    turn_closes(&f->world);
    intake_end(f->intake);
}

static void a_trickle_of_clients_is_read_while_the_daemon_is_behind(void **state)
{
    struct intake_fixture *f = *state;
    struct intake_result workers;
    struct intake_result clients;
    for (uint32_t i = 0; i < CROWD; i++) {
        void *peer = given_peer(f, false);
        for (uint32_t j = 0; j < ASKED_EACH; j++)
            when_asked_much(f, peer, 1);
    }
    void *worker = given_peer(f, true);
    when_worker_says_hello(f, worker);
    wait_until_readable(endpoint_socket(f->clients));
    wait_until_readable(endpoint_socket(f->workers));

    a_turn_of_both(f, INTAKE_TRICKLE, &workers, &clients);

    assert_true(workers.any);
    assert_int_equal(frames(f), 1 + INTAKE_TRICKLE);
    assert_true(clients.more);
    assert_int_equal(f->world.replies_count, INTAKE_TRICKLE);
    assert_int_equal(f->world.welcomes_count, 1);

    for (uint32_t i = 0; i < TURNS_MAX && f->world.replies_count < CROWD * ASKED_EACH; i++) {
        wait_until_readable(endpoint_socket(f->clients));
        a_turn_of_both(f, INTAKE_CLIENTS_MAX, &workers, &clients);
    }
    assert_int_equal(f->world.replies_count, CROWD * ASKED_EACH);
}

static void a_frame_too_long_for_one_turn_holds_up_no_worker(void **state)
{
    struct intake_fixture *f = *state;
    struct intake_result workers;
    struct intake_result clients;
    when_asked_much(f, given_peer(f, false), MANY);
    void *worker = given_peer(f, true);
    wait_until_readable(endpoint_socket(f->clients));
    a_turn_of_both(f, INTAKE_CLIENTS_MAX, &workers, &clients);
    assert_true(clients.more);
    assert_in_range(f->world.replies_count, 1, MANY - 1);

    when_worker_says_hello(f, worker);
    wait_until_readable(endpoint_socket(f->workers));
    a_turn_of_both(f, INTAKE_TRICKLE, &workers, &clients);

    assert_true(workers.any);
    assert_int_equal(f->world.welcomes_count, 1);
    uint32_t answered = f->world.replies_count;
    assert_in_range(answered, 1, MANY - 1);
    for (uint32_t i = 0; i < MANY && clients.more; i++) {
        f->world.replies_count = 0;
        a_turn_of_both(f, INTAKE_TRICKLE, &workers, &clients);
        answered += f->world.replies_count;
    }
    assert_false(clients.more);
    assert_int_equal(answered, MANY);
    assert_int_equal(frames(f), 2);
}

/** So many workflows that a list of them is dear: none of them is listed, all are looked at. */
static void given_workflows(struct intake_fixture *f)
{
    char reference[16];
    for (uint32_t i = 0; i < WORKFLOWS; i++) {
        snprintf(reference, sizeof reference, "w-%u", (unsigned)i);
        struct event event = made(&f->world, needs_assessed("02E", reference));
        if (i % WORKFLOWS_TURN == 0)
            turn_opens(&f->world);
        hand_in(&f->world, 1, &event);
        if (i % WORKFLOWS_TURN == WORKFLOWS_TURN - 1)
            turn_closes(&f->world);
    }
}

static void a_frame_of_dear_questions_is_cut_short_so_that_others_are_served(void **state)
{
    struct intake_fixture *f = *state;
    struct intake_result workers;
    struct intake_result clients = {.more = true};
    uint32_t turns = 0;
    given_workflows(f);
    void *asker = given_peer(f, false);
    f->world.replies_count = 0;
    when_asked_often(f, asker, "workflow list", FRAME_MESSAGES_MAX);
    wait_until_readable(endpoint_socket(f->clients));

    for (; turns < TURNS_MAX && clients.more; turns++)
        a_turn_of_both(f, INTAKE_CLIENTS_MAX, &workers, &clients);

    assert_int_equal(f->world.replies_count, FRAME_MESSAGES_MAX);
    const struct reply *last =
        &f->world.replies[(FRAME_MESSAGES_MAX - 1) % ARRAY_LEN(f->world.replies)].reply;
    assert_int_equal(last->query_id, FRAME_MESSAGES_MAX);
    assert_int_equal(last->error.len, strlen("BUSY"));
    assert_memory_equal(last->error.bytes, "BUSY", last->error.len);
    /* Without an end to it, one turn for each few. */
    assert_in_range(turns, 2, DEAR_TURNS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_trickle_of_clients_is_read_while_the_daemon_is_behind,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_frame_of_dear_questions_is_cut_short_so_that_others_are_served, setup, teardown),
        cmocka_unit_test_setup_teardown(a_frame_too_long_for_one_turn_holds_up_no_worker, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
