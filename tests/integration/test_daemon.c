/* SPDX-License-Identifier: Apache-2.0 */
/* The real daemon: who gets in, what it does with rubbish, how it starts, stops and comes back. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

#include "proto/arena.h"
#include "proto/codec.h"
#include "tests/support/cases.h"

#define NOTICE_MS 20000
#define ANSWER_MS 20000
#define PEERS_MAX 96
#define EXIT_USAGE 2
#define EXIT_LOCKED 3
#define EXIT_DAMAGED 4
#define KILLED (128 + SIGKILL)

struct fixture {
    struct instance instance;
    struct cases cases;
    void *zmq;
    void *peers[PEERS_MAX];
    void *monitors[PEERS_MAX];
    uint32_t peers_count;
    struct commission *connections[4];
    uint32_t connections_count;
    struct arena *arena;
    uint8_t bytes[FRAME_BYTES_MAX + 128];
};

static int setup_stopped(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    instance_make(&f->instance, NULL, "segment_bytes = 4194304\nmap_bytes = 67108864\n");
    f->zmq = zmq_ctx_new();
    return arena_new(&f->arena, ARENA_BYTES_MAX) == STATUS_OK ? 0 : -1;
}

static int setup(void **state)
{
    if (setup_stopped(state) != 0)
        return -1;
    struct fixture *f = *state;
    if (instance_start(&f->instance))
        return 0;
    print_error("the daemon does not start; its log is in %s\n", f->instance.log);
    return -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < f->connections_count; i++)
        commission_close(f->connections[i]);
    for (uint32_t i = 0; i < f->peers_count; i++) {
        /* Else libzmq loses the second part of an event that it is just writing. */
        zmq_socket_monitor(f->peers[i], NULL, 0);
        zmq_close(f->monitors[i]);
        zmq_close(f->peers[i]);
    }
    zmq_ctx_term(f->zmq);
    arena_free(f->arena);
    instance_end(&f->instance);
    free(f);
    return 0;
}

/* ---- given ---- */

static struct commission *given_connection(struct fixture *f, const struct pair *pair)
{
    struct commission *connection = cases_connect(&f->instance, pair, 64);
    f->connections[f->connections_count++] = connection;
    return connection;
}

/** A peer whose connection is watched. */
static void *given_peer(struct fixture *f, const char *address, const struct key *server,
                        const struct pair *own)
{
    char monitor[64];
    snprintf(monitor, sizeof monitor, "inproc://monitor-%u", f->peers_count);
    void *peer = zmq_socket(f->zmq, ZMQ_DEALER);
    int none = 0;
    int timeout_ms = ANSWER_MS;
    assert_int_equal(zmq_setsockopt(peer, ZMQ_LINGER, &none, sizeof none), 0);
    assert_int_equal(zmq_setsockopt(peer, ZMQ_SNDTIMEO, &timeout_ms, sizeof timeout_ms), 0);
    if (own != NULL) {
        zmq_setsockopt(peer, ZMQ_CURVE_SERVERKEY, server->bytes, KEY_BYTES);
        zmq_setsockopt(peer, ZMQ_CURVE_PUBLICKEY, own->public_key.bytes, KEY_BYTES);
        zmq_setsockopt(peer, ZMQ_CURVE_SECRETKEY, own->secret_key, KEY_BYTES);
    }
    assert_int_equal(zmq_socket_monitor(peer, monitor, ZMQ_EVENT_ALL), 0);
    void *watch = zmq_socket(f->zmq, ZMQ_PAIR);
    zmq_setsockopt(watch, ZMQ_RCVTIMEO, &timeout_ms, sizeof timeout_ms);
    zmq_setsockopt(watch, ZMQ_LINGER, &none, sizeof none);
    assert_int_equal(zmq_connect(watch, monitor), 0);
    assert_int_equal(zmq_connect(peer, address), 0);
    f->peers[f->peers_count] = peer;
    f->monitors[f->peers_count] = watch;
    f->peers_count++;
    return peer;
}

static void *given_operator_peer(struct fixture *f)
{
    return given_peer(f, f->instance.clients, &f->instance.server.public_key, &f->instance.first);
}

/** Where the daemon says it was bound: what follows "at=" in the line of its log that has @text. */
static void bound_at(struct fixture *f, const char *text, char *ret, size_t size)
{
    FILE *file = fopen(f->instance.log, "r");
    assert_non_null(file);
    char line[512];
    const char *found = NULL;
    while (found == NULL && fgets(line, sizeof line, file) != NULL)
        found = strstr(line, text);
    fclose(file);
    assert_non_null(found);
    found = strstr(found, "at=") + 3;
    snprintf(ret, size, "%.*s", (int)strcspn(found, "\n"), found);
}

/* ---- expected ---- */

/** What comes first of the newest peer: let in (true), or sent away. */
static bool let_in(struct fixture *f)
{
    void *watch = f->monitors[f->peers_count - 1];
    for (;;) {
        uint8_t event[6];
        char address[256];
        if (zmq_recv(watch, event, sizeof event, 0) < 0 ||
            zmq_recv(watch, address, sizeof address, 0) < 0)
            fail_msg("neither let in nor sent away");
        uint16_t number;
        memcpy(&number, event, sizeof number);
        if (number == ZMQ_EVENT_HANDSHAKE_SUCCEEDED)
            return true;
        if (number == ZMQ_EVENT_DISCONNECTED || number == ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL ||
            number == ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL ||
            number == ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)
            return false;
    }
}

/** The daemon is up, and @connection notices nothing. */
static void expect_unmoved(struct fixture *f, struct commission *connection)
{
    assert_true(cases_status(connection, "flushes") >= 0);
    assert_true(f->instance.daemon > 0);
    assert_int_equal(kill(f->instance.daemon, 0), 0);
}

/** The next answer to @peer, a refusal: its first reason. */
static enum reason_code refusal(struct fixture *f, void *peer)
{
    uint8_t header[HEADER_BYTES];
    size_t len = 0;
    if (!peer_receive(peer, ANSWER_MS, header, f->bytes, sizeof f->bytes, &len))
        fail_msg("no answer");
    assert_int_equal(header[0], WIRE_VERSION);
    assert_int_equal(header[1], MESSAGE_ANSWERS);
    const struct answer *answers = NULL;
    uint32_t count = 0;
    arena_reset(f->arena);
    assert_true(codec_decode_answers((struct slice){f->bytes, len}, f->arena, &answers, &count) ==
                STATUS_OK);
    assert_true(count == 1);
    assert_true(answers[0].kind == ANSWER_REFUSED);
    assert_true(answers[0].reasons_count >= 1);
    return answers[0].reasons[0].code;
}

/** Send the event of case @number, stage @stage, and take its answers until one of @kind; false: it was refused. */
static struct answer when_sent(struct fixture *f, struct commission *connection, uint32_t number,
                               uint32_t stage, enum commission_wait wait)
{
    uint8_t bytes[CASE_EVENT_ROOM];
    struct slice event = cases_event(&f->cases, number, stage, bytes);
    assert_true(commission_send(connection, event, wait) == STATUS_OK);
    enum answer_kind wanted = wait == COMMISSION_WAIT_RECEIPT ? ANSWER_RECEIPT : ANSWER_VERDICT;
    for (;;) {
        const struct answer *answers = NULL;
        uint32_t count = 0;
        enum status status = commission_answers(connection, ANSWER_MS, &answers, &count);
        if (status != STATUS_OK)
            fail_msg("no answer: %s", status_text(status));
        for (uint32_t i = 0; i < count; i++) {
            if (answers[i].kind == wanted || answers[i].kind == ANSWER_REFUSED)
                return answers[i];
        }
    }
}

/* ---- who gets in ---- */

static void a_known_key_is_let_in(void **state)
{
    struct fixture *f = *state;

    given_operator_peer(f);

    assert_true(let_in(f));
}

static void over_tcp_only_curve_gets_in_for_clients_and_workers(void **state)
{
    struct fixture *f = *state;
    char more[512];
    snprintf(more, sizeof more,
             "clients_endpoints = {\"%s\", \"tcp://127.0.0.1:*\"}\n"
             "workers_endpoints = {\"%s\", \"tcp://127.0.0.1:*\"}\n",
             f->instance.clients, f->instance.workers);
    instance_configure(&f->instance, more);
    assert_true(instance_start(&f->instance));
    char clients[64];
    char workers[64];
    bound_at(f, "side=clients at=tcp://", clients, sizeof clients);
    bound_at(f, "side=workers at=tcp://", workers, sizeof workers);

    given_peer(f, clients, &f->instance.server.public_key, &f->instance.first);
    assert_true(let_in(f));
    given_peer(f, clients, NULL, NULL);
    assert_false(let_in(f));
    given_peer(f, workers, NULL, NULL);
    assert_false(let_in(f));
    given_peer(f, workers, &f->instance.server.public_key, &f->instance.first);
    assert_false(let_in(f));
    given_peer(f, f->instance.workers, NULL, NULL);
    assert_true(let_in(f));
}

static void whoever_is_not_known_is_sent_away_and_others_notice_nothing(void **state)
{
    struct fixture *f = *state;
    struct commission *other = given_connection(f, &f->instance.first);
    expect_unmoved(f, other);
    struct pair stranger = pair_new();
    struct pair false_server = pair_new();

    given_peer(f, f->instance.clients, &f->instance.server.public_key, &stranger);
    assert_false(let_in(f));
    given_peer(f, f->instance.clients, NULL, NULL);
    assert_false(let_in(f));
    given_peer(f, f->instance.clients, &false_server.public_key, &f->instance.first);
    assert_false(let_in(f));
    given_peer(f, f->instance.workers, &f->instance.server.public_key, &f->instance.first);
    assert_false(let_in(f));

    expect_unmoved(f, other);
}

static void only_the_workers_user_needs_no_key(void **state)
{
    struct fixture *f = *state;
    given_peer(f, f->instance.workers, NULL, NULL);
    assert_true(let_in(f));
    assert_int_equal(instance_stop(&f->instance, SIGTERM), 0);
    char more[64];
    instance_configure(&f->instance, NULL);
    FILE *file = fopen(f->instance.config, "r");
    assert_non_null(file);
    size_t len = fread(f->bytes, 1, sizeof f->bytes - 1, file);
    fclose(file);
    f->bytes[len] = '\0';
    char *user = strstr((char *)f->bytes, "workers_user");
    assert_non_null(user);
    snprintf(more, sizeof more, "workers_user = \"%u\" #", (unsigned)geteuid() + 1);
    memcpy(user, "# workers_us", 12);
    file = fopen(f->instance.config, "w");
    assert_non_null(file);
    fprintf(file, "%s\n%s\n", (const char *)f->bytes, more);
    fclose(file);
    assert_true(instance_start(&f->instance));

    given_peer(f, f->instance.workers, NULL, NULL);

    assert_false(let_in(f));
}

static void a_revoked_key_is_refused_from_the_next_message_on(void **state)
{
    struct fixture *f = *state;
    cases_begin(&f->cases, &f->instance, 1);
    void *peer = given_peer(f, f->instance.clients, &f->instance.server.public_key, &f->cases.lead);
    assert_true(let_in(f));
    struct commission *first = given_connection(f, &f->instance.first);
    date_t today = 0;
    assert_true(date_parse("2018-05-01", 10, &today));
    struct event event = {
        .type = EVENT_KEY_REVOKED,
        .organisation = {CASE_LEAD},
        .sender = {CASE_OPERATOR},
        .occurred_on = today,
        .key_revoked = {.public_key = f->cases.lead.public_key,
                        .reason = {(const uint8_t *)"lost", 4}},
    };

    cases_record(first, &event, 77);

    uint8_t bytes[CASE_EVENT_ROOM];
    uint8_t body[CASE_EVENT_ROOM + 8];
    struct buffer buffer = {.bytes = body, .max = sizeof body};
    codec_put_event(&buffer, cases_event(&f->cases, 1, 0, bytes));
    assert_true(peer_send_frame(peer, MESSAGE_EVENTS, 1, (struct slice){body, buffer.len}));
    assert_true(refusal(f, peer) == REASON_SENDER_UNKNOWN);
    given_peer(f, f->instance.clients, &f->instance.server.public_key, &f->cases.lead);
    assert_false(let_in(f));
}

/* ---- rubbish ---- */

#define BYTES(literal)                                                                             \
    {                                                                                              \
        (const uint8_t *)(literal), sizeof(literal) - 1                                            \
    }

static void what_cannot_be_read_is_refused_and_the_connection_goes_on(void **state)
{
    struct fixture *f = *state;
    struct commission *other = given_connection(f, &f->instance.first);
    void *peer = given_operator_peer(f);
    assert_true(let_in(f));
    static const struct {
        struct slice parts[4];
        uint32_t count;
        enum reason_code expected;
    } cases[] = {
        {{BYTES("\x02\x01\x01\x00"), BYTES("")}, 2, REASON_UNSUPPORTED_VERSION},
        {{BYTES("\xff")}, 1, REASON_UNSUPPORTED_VERSION},
        {{BYTES("\x01\x01\x01\x00")}, 1, REASON_MALFORMED_MESSAGE},
        {{BYTES("\x01\x01\x01\x00"), BYTES("a"), BYTES("b")}, 3, REASON_MALFORMED_MESSAGE},
        {{BYTES("\x01\x01\x01\x00"), BYTES("a"), BYTES("b"), BYTES("c")},
         4,
         REASON_MALFORMED_MESSAGE},
        {{BYTES("\x01\x63\x01\x00"), BYTES("")}, 2, REASON_MALFORMED_MESSAGE},
        {{BYTES("\x01\x02\x01\x00"), BYTES("")}, 2, REASON_MALFORMED_MESSAGE},
        {{BYTES("\x01\x10\x01\x00"), BYTES("")}, 2, REASON_MALFORMED_MESSAGE},
        {{BYTES("\x01\x15\x01\x00"), BYTES("")}, 2, REASON_MALFORMED_MESSAGE},
        {{BYTES("\x01\x01\x01\x00"), BYTES("\xff\xff\xff\xff")}, 2, REASON_MALFORMED_MESSAGE},
        {{BYTES("\x01\x01\x02\x00"), BYTES("\x0a\x00")}, 2, REASON_MALFORMED_MESSAGE},
        {{BYTES("\x01\x01\x00\x00"), BYTES("\x0a\x00")}, 2, REASON_MALFORMED_MESSAGE},
        {{BYTES("\x01\x03\x01\x00"), BYTES("\x0a\x05xx")}, 2, REASON_MALFORMED_MESSAGE},
        {{BYTES("\x01\x05\x01\x00"), BYTES("rubbish")}, 2, REASON_MALFORMED_MESSAGE},
        {{BYTES(""), BYTES("")}, 2, REASON_MALFORMED_MESSAGE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true(peer_send(peer, cases[i].parts, cases[i].count));

        enum reason_code code = refusal(f, peer);

        if (code != cases[i].expected)
            print_error("case %zu: %s\n", i, reason_name(code));
        assert_true(code == cases[i].expected);
    }
    expect_unmoved(f, other);
}

static void rubbish_on_the_workers_socket_harms_nobody(void **state)
{
    struct fixture *f = *state;
    struct commission *other = given_connection(f, &f->instance.first);
    void *peer = given_peer(f, f->instance.workers, NULL, NULL);
    assert_true(let_in(f));
    static const uint8_t kinds[] = {0, 1, 2, 3, 5, 16, 17, 18, 19, 20, 21, 22, 255};

    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        assert_true(peer_send_frame(peer, kinds[i], 1, (struct slice)BYTES("\x0a\x02\xff\xff")));
        assert_true(peer_send_frame(peer, kinds[i], 1024, (struct slice)BYTES("")));
    }

    expect_unmoved(f, other);
    char line[80];
    snprintf(line, sizeof line, "malformed frames side=workers from=uid:%u ", (unsigned)geteuid());
    assert_true(instance_logged(&f->instance, line));
}

static void a_frame_over_its_limit_costs_its_sender_the_connection(void **state)
{
    struct fixture *f = *state;
    struct commission *other = given_connection(f, &f->instance.first);
    void *peer = given_operator_peer(f);
    assert_true(let_in(f));

    assert_true(
        peer_send_frame(peer, MESSAGE_EVENTS, 1, (struct slice){f->bytes, FRAME_BYTES_MAX + 65}));

    assert_false(let_in(f));
    expect_unmoved(f, other);
}

static void a_frame_at_its_limit_is_read(void **state)
{
    struct fixture *f = *state;
    void *peer = given_operator_peer(f);
    assert_true(let_in(f));
    memset(f->bytes, 0xff, FRAME_BYTES_MAX);

    assert_true(
        peer_send_frame(peer, MESSAGE_EVENTS, 1, (struct slice){f->bytes, FRAME_BYTES_MAX}));

    assert_true(refusal(f, peer) == REASON_MALFORMED_MESSAGE);
    assert_true(
        peer_send_frame(peer, MESSAGE_EVENTS, 1, (struct slice){f->bytes, FRAME_BYTES_MAX + 1}));
    assert_true(refusal(f, peer) == REASON_MALFORMED_MESSAGE);
}

static void a_frame_full_of_events_is_answered_whole(void **state)
{
    struct fixture *f = *state;
    cases_begin(&f->cases, &f->instance, 1);
    void *peer = given_peer(f, f->instance.clients, &f->instance.server.public_key, &f->cases.lead);
    assert_true(let_in(f));
    struct buffer buffer = {.bytes = f->bytes, .max = FRAME_BYTES_MAX};
    for (uint32_t i = 0; i < FRAME_MESSAGES_MAX; i++) {
        uint8_t bytes[CASE_EVENT_ROOM];
        codec_put_event(&buffer, cases_event(&f->cases, i, 0, bytes));
    }
    assert_false(buffer.full);

    assert_true(peer_send_frame(peer, MESSAGE_EVENTS, FRAME_MESSAGES_MAX,
                                (struct slice){buffer.bytes, buffer.len}));

    bool receipts[FRAME_MESSAGES_MAX] = {false};
    uint32_t received = 0;
    while (received < FRAME_MESSAGES_MAX) {
        uint8_t header[HEADER_BYTES];
        size_t len = 0;
        assert_true(peer_receive(peer, ANSWER_MS, header, f->bytes, sizeof f->bytes, &len));
        const struct answer *answers = NULL;
        uint32_t count = 0;
        arena_reset(f->arena);
        assert_true(codec_decode_answers((struct slice){f->bytes, len}, f->arena, &answers,
                                         &count) == STATUS_OK);
        assert_true(count == (uint32_t)(header[2] | header[3] << 8));
        for (uint32_t i = 0; i < count; i++) {
            uint32_t number = 0;
            uint32_t stage = 0;
            cases_of(&answers[i].event_id, &number, &stage);
            assert_true(answers[i].kind == ANSWER_RECEIPT);
            assert_true(number < FRAME_MESSAGES_MAX);
            assert_false(receipts[number]);
            receipts[number] = true;
            received++;
        }
    }
}

static void bytes_that_are_no_zeromq_are_shrugged_off(void **state)
{
    struct fixture *f = *state;
    struct commission *other = given_connection(f, &f->instance.first);
    const char *addresses[] = {f->instance.clients, f->instance.workers};
    uint32_t seed = 4711;
    for (int round = 0; round < 20; round++) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        const char *path = addresses[round % 2] + strlen("ipc://");
        memcpy(address.sun_path, path, strlen(path));
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
        uint8_t noise[512];
        for (size_t i = 0; i < sizeof noise; i++) {
            seed = seed * 1664525 + 1013904223;
            noise[i] = (uint8_t)(seed >> 24);
        }
        /* Some begin as ZMTP does. */
        if (round % 3 == 0)
            memcpy(noise, "\xff\0\0\0\0\0\0\0\1\x7f\3\0CURVE", 17);
        (void)!send(fd, noise, sizeof noise, MSG_NOSIGNAL);
        close(fd);
    }
    expect_unmoved(f, other);
}

/* ---- starting ---- */

static int run_with(struct fixture *f, const char *const *arguments)
{
    return instance_wait(instance_spawn(&f->instance, arguments));
}

static void a_second_daemon_on_the_same_folder_is_refused(void **state)
{
    struct fixture *f = *state;
    struct commission *other = given_connection(f, &f->instance.first);
    const char *const arguments[] = {"-c", f->instance.config, NULL};

    assert_int_equal(run_with(f, arguments), EXIT_LOCKED);

    assert_true(instance_logged(&f->instance, "another commissiond runs"));
    expect_unmoved(f, other);
}

static void what_it_is_asked_it_answers_with_its_exit_status(void **state)
{
    struct fixture *f = *state;
    const char *config = f->instance.config;
    const struct {
        const char *arguments[5];
        int expected;
        const char *said;
    } cases[] = {
        {{"--version"}, 0, "commissiond "},
        {{"--help"}, 0, "usage: commissiond"},
        {{"-c", config, "--check-config"}, 0, ": fine"},
        {{"-c", "/nowhere/x.conf", "--check-config"}, EXIT_USAGE, "/nowhere/x.conf: No such file"},
        {{"-c", f->instance.folder}, EXIT_USAGE, "not a plain file"},
        {{"--no-such-option"}, EXIT_USAGE, "--help"},
        {{"-c"}, EXIT_USAGE, "--help"},
        {{"-c", config, "start"}, EXIT_USAGE, "\"start\" is not expected"},
        {{"--verify", "/nowhere/at/all"}, 1, "/nowhere/at/all"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        (void)unlink(f->instance.log);

        int status = run_with(f, cases[i].arguments);

        bool said = instance_logged(&f->instance, cases[i].said);
        if (status != cases[i].expected || !said)
            print_error("case %zu: exit %d, said %d\n", i, status, said);
        assert_int_equal(status, cases[i].expected);
        assert_true(said);
    }
}

static void without_what_it_needs_it_does_not_start(void **state)
{
    struct fixture *f = *state;
    const char *const arguments[] = {"-c", f->instance.config, NULL};
    char key[INSTANCE_PATH_SIZE];
    snprintf(key, sizeof key, "%s/server.key", f->instance.folder);

    assert_int_equal(chmod(key, 0644), 0);
    assert_int_equal(run_with(f, arguments), EXIT_USAGE);
    assert_true(instance_logged(&f->instance, "others may read it"));
    assert_int_equal(unlink(key), 0);
    assert_int_equal(run_with(f, arguments), EXIT_USAGE);
    assert_true(instance_logged(&f->instance, "commission key new"));

    static const struct {
        const char *line;
        int expected;
        const char *said;
    } cases[] = {
        {"colour = \"blue\"", EXIT_USAGE, "no such option 'colour'"},
        {"state_dir = \"/proc/commissiond\"", 1, "no state folder"},
        {"state_dir = \"/dev/null\"", 1, "cannot write state folder"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        instance_configure(&f->instance, cases[i].line);

        int status = run_with(f, arguments);

        if (status != cases[i].expected)
            print_error("case %zu: exit %d\n", i, status);
        assert_int_equal(status, cases[i].expected);
        assert_true(instance_logged(&f->instance, cases[i].said));
    }
}

static void a_file_in_the_sockets_place_is_left_alone(void **state)
{
    struct fixture *f = *state;
    const char *path = f->instance.clients + strlen("ipc://");
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    const char *const arguments[] = {"-c", f->instance.config, NULL};

    assert_int_equal(run_with(f, arguments), 1);

    assert_true(instance_logged(&f->instance, "a file that is no socket stands there"));
    struct stat stat;
    assert_int_equal(lstat(path, &stat), 0);
    assert_true(S_ISREG(stat.st_mode));
}

static void a_socket_left_behind_is_replaced(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(instance_stop(&f->instance, SIGKILL), KILLED);

    assert_true(instance_start(&f->instance));

    expect_unmoved(f, given_connection(f, &f->instance.first));
}

static void it_pings_the_watchdog_from_its_loop(void **state)
{
    struct fixture *f = *state;
    setenv("WATCHDOG_USEC", "60000", 1);
    bool started = instance_start(&f->instance);
    unsetenv("WATCHDOG_USEC");
    assert_true(started);

    for (int i = 0; i < 3; i++)
        assert_true(instance_noticed(&f->instance, "WATCHDOG=1", NOTICE_MS));
}

static void it_cries_before_its_descriptors_run_out(void **state)
{
    struct fixture *f = *state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    /* 70 in a hundred are in use before the last 32, which no connection gets. */
    const struct rlimit few = {.rlim_cur = 120, .rlim_max = before.rlim_max};
    assert_true(instance_start(&f->instance));
    assert_int_equal(prlimit(f->instance.daemon, RLIMIT_NOFILE, &few, NULL), 0);
    struct commission *other = given_connection(f, &f->instance.first);
    expect_unmoved(f, other);

    /* It looks once a second, when it is awake: so ask until it has. */
    while (f->peers_count < PEERS_MAX - 1 &&
           !instance_logged(&f->instance, "descriptors run out")) {
        given_operator_peer(f);
        if (!let_in(f))
            break;
    }
    int64_t flushes = 0;
    for (uint32_t i = 0; i < 200000 && flushes >= 0; i++) {
        flushes = cases_status(other, "flushes");
        if (i % 100 == 0 && instance_logged(&f->instance, "descriptors run out"))
            break;
    }

    assert_true(instance_logged(&f->instance, "descriptors run out"));
    expect_unmoved(f, other);
}

/* ---- stopping and coming back ---- */

static void asked_to_stop_it_says_so_and_exits_well(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(kill(f->instance.daemon, SIGTERM), 0);

    assert_true(instance_noticed(&f->instance, "STOPPING=1", NOTICE_MS));
    assert_int_equal(instance_stop(&f->instance, SIGTERM), 0);
    assert_true(instance_logged(&f->instance, "stopped status=0"));
}

/** A worker in this process that holds the event of case 1. */
static struct commission *given_leased(struct fixture *f, struct commission *sender,
                                       struct token *ret_token, uint64_t *ret_seq)
{
    const struct commission_options options = {.endpoint = f->instance.workers, .plain = true};
    struct commission *worker = NULL;
    assert_true(commission_open(&worker, &options) == STATUS_OK);
    f->connections[f->connections_count++] = worker;
    const struct hello hello = {
        .stages = {STAGE_NEEDS_ASSESSED}, .stages_count = 1, .name = "w", .capacity = 4};
    struct welcome welcome;
    assert_true(commission_join(worker, &hello, ANSWER_MS, &welcome) == STATUS_OK);
    assert_true(when_sent(f, sender, 1, 0, COMMISSION_WAIT_RECEIPT).kind == ANSWER_RECEIPT);
    const struct assignment *assignments = NULL;
    uint32_t count = 0;
    assert_true(commission_assignments(worker, ANSWER_MS, &assignments, &count) == STATUS_OK);
    assert_true(count == 1);
    *ret_token = assignments[0].token;
    *ret_seq = assignments[0].seq;
    return worker;
}

static void draining_it_takes_the_finding_of_what_is_leased_and_no_new_event(void **state)
{
    struct fixture *f = *state;
    cases_begin(&f->cases, &f->instance, 1);
    struct commission *sender = given_connection(f, &f->cases.lead);
    struct finding finding = {0};
    struct commission *worker = given_leased(f, sender, &finding.token, &finding.seq);
    void *peer = given_peer(f, f->instance.clients, &f->instance.server.public_key, &f->cases.lead);
    assert_true(let_in(f));

    assert_int_equal(kill(f->instance.daemon, SIGTERM), 0);
    assert_true(instance_noticed(&f->instance, "STOPPING=1", NOTICE_MS));
    uint8_t bytes[CASE_EVENT_ROOM];
    uint8_t body[CASE_EVENT_ROOM + 8];
    struct buffer buffer = {.bytes = body, .max = sizeof body};
    codec_put_event(&buffer, cases_event(&f->cases, 2, 0, bytes));
    assert_true(peer_send_frame(peer, MESSAGE_EVENTS, 1, (struct slice){body, buffer.len}));
    assert_true(refusal(f, peer) == REASON_DRAINING);
    assert_true(commission_report(worker, &finding, 1) == STATUS_OK);

    assert_int_equal(instance_wait(f->instance.daemon), 0);
    f->instance.daemon = 0;
    assert_true(instance_start(&f->instance));
    struct answer answer = when_sent(f, sender, 1, 0, COMMISSION_WAIT_VERDICT);
    assert_true(answer.kind == ANSWER_VERDICT);
    assert_true(answer.verdict == VERDICT_ACCEPTED);
}

static void a_second_signal_cuts_the_drain_short(void **state)
{
    struct fixture *f = *state;
    cases_begin(&f->cases, &f->instance, 1);
    struct commission *sender = given_connection(f, &f->cases.lead);
    struct finding finding = {0};
    given_leased(f, sender, &finding.token, &finding.seq);

    assert_int_equal(kill(f->instance.daemon, SIGTERM), 0);
    assert_true(instance_noticed(&f->instance, "STOPPING=1", NOTICE_MS));
    assert_int_equal(instance_stop(&f->instance, SIGTERM), 0);

    assert_true(instance_logged(&f->instance, "stopping with work leased leased=1"));
}

static void what_had_a_receipt_is_there_after_kill_9(void **state)
{
    struct fixture *f = *state;
    cases_begin(&f->cases, &f->instance, 1);
    struct commission *sender = given_connection(f, &f->cases.lead);
    struct answer before = when_sent(f, sender, 1, 0, COMMISSION_WAIT_RECEIPT);
    assert_true(before.kind == ANSWER_RECEIPT);

    assert_int_equal(instance_stop(&f->instance, SIGKILL), KILLED);
    assert_true(instance_start(&f->instance));

    struct answer after = when_sent(f, sender, 1, 0, COMMISSION_WAIT_RECEIPT);
    assert_true(after.kind == ANSWER_RECEIPT);
    assert_true(after.repeated);
    assert_true(after.seq == before.seq);
    assert_true(hash_equal(after.entry_hash, before.entry_hash));
    instance_start_workers(&f->instance, 4);
    struct answer verdict = when_sent(f, sender, 1, 0, COMMISSION_WAIT_VERDICT);
    assert_true(verdict.verdict == VERDICT_ACCEPTED);
}

static void a_whole_case_goes_through_all_stages(void **state)
{
    struct fixture *f = *state;
    instance_start_workers(&f->instance, 4);
    cases_begin(&f->cases, &f->instance, 1);
    struct commission *sender = given_connection(f, &f->cases.lead);

    for (uint32_t stage = 0; stage < CASE_STAGES; stage++) {
        struct answer answer = when_sent(f, sender, 1, stage, COMMISSION_WAIT_VERDICT);

        assert_true(answer.kind == ANSWER_VERDICT);
        assert_true(answer.verdict == VERDICT_ACCEPTED);
    }
}

static void reloading_changes_what_can_be_changed_and_a_wrong_file_nothing(void **state)
{
    struct fixture *f = *state;
    instance_configure(&f->instance, "log_level = \"debug\"\nfeeds_max = 3\n"
                                     "segment_bytes = 4194304\nmap_bytes = 67108864\n");
    assert_int_equal(kill(f->instance.daemon, SIGHUP), 0);
    assert_true(instance_noticed(&f->instance, "RELOADING=1", NOTICE_MS));
    assert_true(instance_noticed(&f->instance, "READY=1", NOTICE_MS));
    assert_true(instance_logged(&f->instance, "wants a restart key=feeds_max"));
    assert_true(instance_logged(&f->instance, "reloaded file="));

    instance_configure(&f->instance, "feeds_max = none\n");
    assert_int_equal(kill(f->instance.daemon, SIGHUP), 0);
    assert_true(instance_noticed(&f->instance, "RELOADING=1", NOTICE_MS));
    assert_true(instance_noticed(&f->instance, "READY=1", NOTICE_MS));

    assert_true(instance_logged(&f->instance, "not reloaded, all stays as it was"));
    expect_unmoved(f, given_connection(f, &f->instance.first));
}

/* ---- proving ---- */

static void verify_proves_what_is_whole_and_finds_what_is_not(void **state)
{
    struct fixture *f = *state;
    char dir[INSTANCE_PATH_SIZE];
    char segment[INSTANCE_PATH_SIZE];
    snprintf(dir, sizeof dir, "%s/state", f->instance.folder);
    snprintf(segment, sizeof segment, "%s/journal/00000000000000000001.seg", dir);
    const char *const arguments[] = {"-c", f->instance.config, "--verify", dir, NULL};
    instance_start_workers(&f->instance, 4);
    cases_begin(&f->cases, &f->instance, 1);
    struct commission *sender = given_connection(f, &f->cases.lead);
    assert_true(when_sent(f, sender, 1, 0, COMMISSION_WAIT_VERDICT).kind == ANSWER_VERDICT);

    assert_int_equal(run_with(f, arguments), EXIT_LOCKED);
    assert_int_equal(instance_stop(&f->instance, SIGTERM), 0);
    assert_int_equal(run_with(f, arguments), 0);

    int fd = open(segment, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t len = pread(fd, f->bytes, sizeof f->bytes, 0);
    assert_true(len > 0);
    const uint8_t *name = memmem(f->bytes, (size_t)len, "NHS England", 11);
    assert_non_null(name);
    assert_true(pwrite(fd, "n", 1, name - f->bytes) == 1);
    close(fd);
    assert_int_equal(run_with(f, arguments), EXIT_DAMAGED);
    const char *const start[] = {"-c", f->instance.config, NULL};
    assert_int_equal(run_with(f, start), 1);
    assert_true(instance_logged(&f->instance, "store is corrupt"));
}

#define IN_DAEMON(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define STOPPED(test) cmocka_unit_test_setup_teardown(test, setup_stopped, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_DAEMON(a_known_key_is_let_in),
        STOPPED(over_tcp_only_curve_gets_in_for_clients_and_workers),
        IN_DAEMON(whoever_is_not_known_is_sent_away_and_others_notice_nothing),
        IN_DAEMON(only_the_workers_user_needs_no_key),
        IN_DAEMON(a_revoked_key_is_refused_from_the_next_message_on),
        IN_DAEMON(what_cannot_be_read_is_refused_and_the_connection_goes_on),
        IN_DAEMON(rubbish_on_the_workers_socket_harms_nobody),
        IN_DAEMON(a_frame_over_its_limit_costs_its_sender_the_connection),
        IN_DAEMON(a_frame_at_its_limit_is_read),
        IN_DAEMON(a_frame_full_of_events_is_answered_whole),
        IN_DAEMON(bytes_that_are_no_zeromq_are_shrugged_off),
        IN_DAEMON(a_second_daemon_on_the_same_folder_is_refused),
        STOPPED(what_it_is_asked_it_answers_with_its_exit_status),
        STOPPED(without_what_it_needs_it_does_not_start),
        STOPPED(a_file_in_the_sockets_place_is_left_alone),
        IN_DAEMON(a_socket_left_behind_is_replaced),
        STOPPED(it_pings_the_watchdog_from_its_loop),
        STOPPED(it_cries_before_its_descriptors_run_out),
        IN_DAEMON(asked_to_stop_it_says_so_and_exits_well),
        IN_DAEMON(draining_it_takes_the_finding_of_what_is_leased_and_no_new_event),
        IN_DAEMON(a_second_signal_cuts_the_drain_short),
        IN_DAEMON(what_had_a_receipt_is_there_after_kill_9),
        IN_DAEMON(a_whole_case_goes_through_all_stages),
        IN_DAEMON(reloading_changes_what_can_be_changed_and_a_wrong_file_nothing),
        IN_DAEMON(verify_proves_what_is_whole_and_finds_what_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
