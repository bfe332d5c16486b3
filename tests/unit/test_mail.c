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

#include "daemon/net/mail.h"
#include "daemon/net/zap.h"
#include "proto/arena.h"
#include "proto/codec.h"
#include "tests/support/peer.h"

#define TURN_MS 20
#define TURNS_MAX 500
#define PEERS 20

/* Workers by user id: the one kind of peer that needs no key. */
struct fixture {
    char folder[64];
    void *zmq;
    struct pair server;
    struct keyfile keyfile;
    struct keyring *keyring;
    struct zap *zap;
    struct endpoint *workers;
    struct mail *mail;
    struct arena *arena;
    void *peers[PEERS];
    connection_t connections[PEERS];
    uint32_t peers_count;
    uint8_t body[FRAME_BYTES_MAX];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    place_make(f->folder);
    f->zmq = zmq_ctx_new();
    f->server = pair_new();
    f->keyfile.public_key = f->server.public_key;
    memcpy(f->keyfile.secret_key, f->server.secret_key, KEY_BYTES);
    char addresses[1][ENDPOINT_ADDRESS_SIZE];
    snprintf(addresses[0], sizeof addresses[0], "ipc://%s/x.sock", f->folder);
    const struct endpoint_options options = {
        .side = OWED_WORKER,
        .addresses = (const char(*)[ENDPOINT_ADDRESS_SIZE])addresses,
        .addresses_count = 1,
        .ipc_by_uid = true,
        .server_key = &f->keyfile,
        .connections_max = PEERS,
    };
    char text[256];
    if (keyring_new(&f->keyring, 1) != STATUS_OK || !keyring_allow_worker(f->keyring, geteuid()) ||
        zap_new(&f->zap, f->zmq, f->keyring) != STATUS_OK ||
        endpoint_new(&f->workers, f->zmq, f->keyring, &options, text, sizeof text) != STATUS_OK ||
        arena_new(&f->arena, ARENA_BYTES_MAX) != STATUS_OK)
        return -1;
    return mail_new(&f->mail, f->workers, f->workers) == STATUS_OK ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < f->peers_count; i++)
        zmq_close(f->peers[i]);
    mail_free(f->mail);
    arena_free(f->arena);
    endpoint_free(f->workers);
    zap_free(f->zap);
    keyring_free(f->keyring);
    zmq_ctx_term(f->zmq);
    place_remove(f->folder);
    free(f);
    return 0;
}

/** A peer that has been heard once, so that it can be written to. Returns its index. */
static uint32_t given_peer(struct fixture *f)
{
    uint32_t at = f->peers_count++;
    f->peers[at] =
        peer_open(f->zmq, endpoint_address(f->workers, 0), &f->server.public_key, NULL, NULL);
    bool sent = false;
    for (int i = 0; i < TURNS_MAX && f->connections[at] == 0; i++) {
        zmq_pollitem_t items[] = {
            {.socket = zap_socket(f->zap), .events = ZMQ_POLLIN},
            {.socket = endpoint_socket(f->workers), .events = ZMQ_POLLIN},
            {.socket = f->peers[at], .events = sent ? 0 : ZMQ_POLLOUT},
        };
        zmq_poll(items, 3, TURN_MS);
        zap_serve(f->zap, 10);
        if (!sent && (items[2].revents & ZMQ_POLLOUT) != 0)
            sent = peer_send_frame(f->peers[at], MESSAGE_BEATS, 0, (struct slice){NULL, 0});
        struct delivery delivery;
        if (endpoint_receive(f->workers, 0, &delivery) == STATUS_OK) {
            f->connections[at] = delivery.from;
            frame_release(&delivery.frame);
        }
    }
    assert_true(f->connections[at] != 0);
    return at;
}

static void given_answer(struct fixture *f, uint32_t peer, uint64_t seq)
{
    const struct owed owed = {
        .to = OWED_WORKER,
        .connection = f->connections[peer],
        .kind = MESSAGE_ANSWERS,
        .answer = {.kind = ANSWER_RECEIPT, .id_known = true, .seq = seq},
    };
    mail_put(f->mail, &owed, 0);
}

static void given_assignment(struct fixture *f, uint32_t peer, uint64_t seq, size_t bytes)
{
    const struct owed owed = {
        .to = OWED_WORKER,
        .connection = f->connections[peer],
        .kind = MESSAGE_ASSIGNMENTS,
        .assignment = {.token = {1, seq},
                       .seq = seq,
                       .attempt = 1,
                       .lease_ms = 1,
                       .stage = STAGE_REVIEW,
                       .event_bytes = {f->body, bytes},
                       .commissioner = {.ods = {"02E"}}},
    };
    mail_put(f->mail, &owed, 0);
}

/** The next frame to @peer: its kind and count. False: there is none. */
static bool received(struct fixture *f, uint32_t peer, long timeout_ms, enum message_kind *ret_kind,
                     uint32_t *ret_count)
{
    uint8_t header[HEADER_BYTES];
    size_t len = 0;
    static uint8_t body[FRAME_BYTES_MAX];
    if (!peer_receive(f->peers[peer], timeout_ms, header, body, sizeof body, &len))
        return false;
    *ret_kind = (enum message_kind)header[1];
    *ret_count = (uint32_t)(header[2] | header[3] << 8);
    if (*ret_kind == MESSAGE_ANSWERS) {
        const struct answer *answers = NULL;
        uint32_t count = 0;
        arena_reset(f->arena);
        assert_true(codec_decode_answers((struct slice){body, len}, f->arena, &answers, &count) ==
                    STATUS_OK);
        assert_true(count == *ret_count);
    }
    return true;
}

#define WAIT_MS (TURN_MS * TURNS_MAX)

static void expect_frame(struct fixture *f, uint32_t peer, enum message_kind kind, uint32_t count)
{
    enum message_kind got_kind = MESSAGE_EVENTS;
    uint32_t got_count = 0;
    assert_true(received(f, peer, WAIT_MS, &got_kind, &got_count));
    assert_true(got_kind == kind);
    if (got_count != count)
        print_error("%u in the frame, not %u\n", got_count, count);
    assert_true(got_count == count);
}

static void messages_of_one_kind_for_one_peer_travel_in_one_frame(void **state)
{
    struct fixture *f = *state;
    uint32_t a = given_peer(f);
    uint32_t b = given_peer(f);
    for (uint64_t i = 1; i <= 10; i++) {
        given_answer(f, a, i);
        if (i % 2 == 0)
            given_answer(f, b, i);
        if (i % 5 == 0)
            given_assignment(f, a, i, 300);
    }

    mail_send(f->mail, 0);

    expect_frame(f, a, MESSAGE_ANSWERS, 10);
    expect_frame(f, a, MESSAGE_ASSIGNMENTS, 2);
    expect_frame(f, b, MESSAGE_ANSWERS, 5);
    struct mail_counts counts;
    mail_count(f->mail, &counts);
    assert_true(counts.frames == 3);
    assert_true(counts.messages == 17);
    assert_true(counts.dropped == 0);
}

static void a_frame_holds_no_more_than_it_may(void **state)
{
    struct fixture *f = *state;
    uint32_t a = given_peer(f);
    for (uint64_t i = 1; i <= FRAME_MESSAGES_MAX + 1; i++)
        given_answer(f, a, i);

    mail_send(f->mail, 0);

    expect_frame(f, a, MESSAGE_ANSWERS, FRAME_MESSAGES_MAX);
    expect_frame(f, a, MESSAGE_ANSWERS, 1);
}

static void each_welcome_is_a_frame_of_its_own(void **state)
{
    struct fixture *f = *state;
    uint32_t a = given_peer(f);
    const struct owed owed = {.to = OWED_WORKER,
                              .connection = f->connections[a],
                              .kind = MESSAGE_WELCOMES,
                              .welcome = {.run = 1, .beat_ms = BEAT_MS}};
    mail_put(f->mail, &owed, 0); /* two beats that came in one turn */
    mail_put(f->mail, &owed, 0);

    mail_send(f->mail, 0);

    expect_frame(f, a, MESSAGE_WELCOMES, 1);
    expect_frame(f, a, MESSAGE_WELCOMES, 1);
}

static void a_frame_is_no_longer_than_it_may_be(void **state)
{
    struct fixture *f = *state;
    uint32_t a = given_peer(f);
    for (uint64_t i = 1; i <= 40; i++)
        given_assignment(f, a, i, EVENT_BYTES_MAX);

    mail_send(f->mail, 0);

    expect_frame(f, a, MESSAGE_ASSIGNMENTS, 15);
    expect_frame(f, a, MESSAGE_ASSIGNMENTS, 15);
    expect_frame(f, a, MESSAGE_ASSIGNMENTS, 10);
}

static void more_peers_than_frames_begun_at_once_are_all_served(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < PEERS; i++)
        assert_true(given_peer(f) == i);
    for (uint64_t round = 1; round <= 3; round++) {
        for (uint32_t i = 0; i < PEERS; i++)
            given_answer(f, i, round);
    }

    mail_send(f->mail, 0);

    for (uint32_t i = 0; i < PEERS; i++) {
        uint32_t got = 0;
        while (got < 3) {
            enum message_kind kind = MESSAGE_EVENTS;
            uint32_t count = 0;
            assert_true(received(f, i, WAIT_MS, &kind, &count));
            got += count;
        }
        assert_true(got == 3);
    }
}

static void a_peer_that_has_gone_is_reported_lost(void **state)
{
    struct fixture *f = *state;
    uint32_t stays = given_peer(f);
    uint32_t goes = given_peer(f);
    zmq_close(f->peers[--f->peers_count]);

    connection_t lost = 0;
    for (int i = 0; i < TURNS_MAX && lost == 0; i++) {
        zmq_poll(NULL, 0, 1);
        given_answer(f, goes, 1);
        mail_send(f->mail, 0);
        (void)mail_next_lost(f->mail, &lost);
    }
    given_answer(f, stays, 1);
    mail_send(f->mail, 0);

    assert_true(lost == f->connections[goes]);
    expect_frame(f, stays, MESSAGE_ANSWERS, 1);
}

static void a_worker_that_takes_nothing_more_is_reported_lost(void **state)
{
    struct fixture *f = *state;
    uint32_t a = given_peer(f);

    connection_t lost = 0;
    for (uint64_t i = 1; i <= 20000 && lost == 0; i++) {
        given_assignment(f, a, i, EVENT_BYTES_MAX);
        mail_send(f->mail, 0);
        (void)mail_next_lost(f->mail, &lost);
    }

    assert_true(lost == f->connections[a]);
}

static void given_entries(struct fixture *f, uint32_t peer, uint64_t seq, size_t bytes)
{
    const struct entry_row row = {.seq = seq, .entry = {f->body, bytes}};
    const struct owed owed = {
        .to = OWED_CLIENT,
        .connection = f->connections[peer],
        .kind = MESSAGE_ENTRIES,
        .entries = {.feed = 7,
                    .entries = &row,
                    .entries_count = bytes > 0 ? 1 : 0,
                    .read_seq = seq},
    };
    mail_put(f->mail, &owed, 0);
}

static void entries_for_a_full_queue_come_back_and_none_overtakes_them(void **state)
{
    struct fixture *f = *state;
    uint32_t slow = given_peer(f);
    uint32_t other = given_peer(f);
    struct unsent unsent[4] = {0};
    struct mail_counts counts = {0};
    uint64_t seq = 0;
    while (seq < 20000 && counts.dropped == 0) { /* each is sent when the next one is put */
        given_entries(f, slow, ++seq, EVENT_BYTES_MAX);
        mail_count(f->mail, &counts);
    }
    assert_true(counts.dropped == 1);

    /* In the same turn there is room again: too late for those behind. */
    enum message_kind kind = MESSAGE_EVENTS;
    uint32_t count = 0;
    for (uint64_t i = 1; i < seq - 1; i++)
        expect_frame(f, slow, MESSAGE_ENTRIES, 1);
    given_entries(f, slow, seq + 1, 0);
    given_answer(f, other, 1);
    mail_send(f->mail, 0);

    uint32_t unsent_count = 0;
    while (unsent_count < 4 && mail_next_unsent(f->mail, &unsent[unsent_count]))
        unsent_count++;
    assert_true(unsent_count == 3);
    for (uint32_t i = 0; i < unsent_count; i++) {
        assert_true(unsent[i].connection == f->connections[slow]);
        assert_true(unsent[i].feed == 7);
        assert_true(unsent[i].count == (i == 0 ? 0 : 1));
        assert_true(unsent[i].first_seq == (i == 0 ? 0 : seq + 1 - i));
    }
    connection_t lost = 0;
    assert_false(mail_next_lost(f->mail, &lost));
    assert_false(received(f, slow, TURN_MS, &kind, &count));
    expect_frame(f, other, MESSAGE_ANSWERS, 1);

    /* The next turn sends again. */
    given_entries(f, slow, seq - 1, EVENT_BYTES_MAX);
    mail_send(f->mail, 0);
    expect_frame(f, slow, MESSAGE_ENTRIES, 1);
    assert_false(mail_next_unsent(f->mail, &unsent[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(messages_of_one_kind_for_one_peer_travel_in_one_frame,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_frame_holds_no_more_than_it_may, setup, teardown),
        cmocka_unit_test_setup_teardown(a_frame_is_no_longer_than_it_may_be, setup, teardown),
        cmocka_unit_test_setup_teardown(each_welcome_is_a_frame_of_its_own, setup, teardown),
        cmocka_unit_test_setup_teardown(more_peers_than_frames_begun_at_once_are_all_served, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_peer_that_has_gone_is_reported_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(entries_for_a_full_queue_come_back_and_none_overtakes_them,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_worker_that_takes_nothing_more_is_reported_lost, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
