/* SPDX-License-Identifier: Apache-2.0 */
/* Real clients and workers over a network that resets, stalls, drips, repeats, loses and invents bytes, and a crowd that connects and says nothing. */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "proto/arena.h"
#include "proto/codec.h"
#include "tests/support/cases.h"
#include "tests/support/proxy.h"

#define CASES 160 /* unless $COMMISSION_NETWORK_CASES says more */
#define CLIENTS 4
#define WINDOW 8               /* cases under way of one client */
#define CLIENT_BYTES_MAX 20000 /* of a connection, before it meets its fate */
#define WORKER_BYTES_MAX                                                                           \
    200000 /* more, as what a worker holds is given back each time: an attempt */
#define RESEND_MS 1000
#define TAKE_MS 20
#define SILENCE_MS 60000 /* nobody heard anything for so long: something was lost */
#define CROWD 2000
#define CROWD_CASES 20
#define FEW_DESCRIPTORS 128

/* What we were told of an event; it may be told again, never differently. */
struct told {
    uint64_t seq;
    uint64_t verdict_seq;
    uint64_t received_entries; /* found in the journal */
    uint64_t judged_entries;
    struct hash hash;
};

struct fixture {
    struct instance instance;
    struct cases cases;
    struct proxy clients_proxy;
    struct proxy workers_proxy;
    uint16_t clients_port; /* the daemon's own */
    uint16_t workers_port;
    uint32_t seed;
    struct commission *senders[CLIENTS];
    uint32_t cases_count;
    uint32_t begun;
    uint32_t done;
    uint64_t repeats; /* answers that said so */
    struct told (*told)[CASE_STAGES];
    struct arena *arena;
    int *crowd;
    uint32_t crowd_count;
};

static int64_t now_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint32_t number_from(const char *variable, uint32_t otherwise)
{
    const char *text = getenv(variable);
    return text != NULL ? (uint32_t)strtoul(text, NULL, 10) : otherwise;
}

/* ---- given ---- */

/** The port on which the daemon bound @side on tcp, as its log says. */
static uint16_t port_of(const struct fixture *f, const char *side)
{
    char wanted[64];
    char line[512];
    uint16_t port = 0;
    snprintf(wanted, sizeof wanted, "bound side=%s at=tcp://", side);
    FILE *file = fopen(f->instance.log, "re");
    CHECK(file != NULL);
    while (port == 0 && fgets(line, sizeof line, file) != NULL) {
        if (strstr(line, wanted) != NULL)
            port = (uint16_t)strtoul(strrchr(line, ':') + 1, NULL, 10);
    }
    fclose(file);
    CHECK(port != 0);
    return port;
}

/** A key with the verb WORK, in the file worker.key. */
static void add_worker_key(struct fixture *f, char *ret_path, size_t size)
{
    static const char actor[] = "test";
    struct pair pair = pair_new();
    struct event event = {
        .type = EVENT_KEY_ADDED,
        .organisation = {CASE_OPERATOR},
        .sender = {CASE_OPERATOR},
        .actor = {(const uint8_t *)actor, strlen(actor)},
        .key_added = {.public_key = pair.public_key,
                      .kind = ORGANISATION_OPERATOR,
                      .verbs = VERB_BIT(VERB_WORK),
                      .label = {(const uint8_t *)actor, strlen(actor)}},
    };
    CHECK(date_parse("2018-04-01", 10, &event.occurred_on));
    snprintf(ret_path, size, "%s/worker.key", f->instance.folder);
    pair_write(&pair, ret_path);
    struct commission *first = cases_connect(&f->instance, &f->instance.first, 1);
    cases_record(first, &event, 9);
    commission_close(first);
}

/** All five, over tcp with CURVE, through the workers' proxy. */
static void start_workers(struct fixture *f)
{
    char key_path[INSTANCE_PATH_SIZE];
    char server_path[INSTANCE_PATH_SIZE];
    char address[64];
    add_worker_key(f, key_path, sizeof key_path);
    snprintf(server_path, sizeof server_path, "%s/server.key", f->instance.folder);
    snprintf(address, sizeof address, "tcp://127.0.0.1:%u", f->workers_proxy.port);
    const char *const arguments[] = {"-e",        address, "-k", key_path, "-s",
                                     server_path, "-c",    "4",  NULL};
    for (int i = 0; i < INSTANCE_WORKERS; i++)
        instance_spawn_worker(&f->instance, i, arguments);
}

static struct commission *connected(const struct fixture *f, uint16_t port)
{
    char address[64];
    struct commission *commission = NULL;
    snprintf(address, sizeof address, "tcp://127.0.0.1:%u", port);
    struct commission_options options = {
        .endpoint = address,
        .server_key = f->instance.server.public_key,
        .public_key = f->cases.lead.public_key,
        .resend_ms = RESEND_MS,
    };
    memcpy(options.secret_key, f->cases.lead.secret_key, KEY_BYTES);
    CHECK(commission_open(&commission, &options) == STATUS_OK);
    return commission;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char more[512];
    *state = f;
    f->seed = number_from("COMMISSION_SEED", 4711);
    f->cases_count = number_from("COMMISSION_NETWORK_CASES", CASES);
    f->told = calloc(f->cases_count, sizeof *f->told);
    f->crowd = calloc(CROWD, sizeof *f->crowd);
    instance_make(&f->instance, NULL, NULL);
    snprintf(more, sizeof more,
             "segment_bytes = 4194304\nmap_bytes = 268435456\n"
             "clients_endpoints = {\"%s\", \"tcp://127.0.0.1:*\"}\n"
             "workers_endpoints = {\"%s\", \"tcp://127.0.0.1:*\"}\n",
             f->instance.clients, f->instance.workers);
    instance_configure(&f->instance, more);
    if (arena_new(&f->arena, ARENA_BYTES_MAX) != STATUS_OK || !instance_start(&f->instance))
        return -1;
    f->clients_port = port_of(f, "clients");
    f->workers_port = port_of(f, "workers");
    cases_begin(&f->cases, &f->instance, 1);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < CLIENTS; i++)
        commission_close(f->senders[i]);
    for (uint32_t i = 0; i < f->crowd_count; i++)
        close(f->crowd[i]);
    proxy_end(&f->clients_proxy);
    proxy_end(&f->workers_proxy);
    instance_end(&f->instance);
    arena_free(f->arena);
    free(f->crowd);
    free(f->told);
    free(f);
    return 0;
}

/* ---- events and answers ---- */

static void submit(struct fixture *f, struct commission *sender, uint32_t number, uint32_t stage)
{
    uint8_t bytes[CASE_EVENT_ROOM];
    struct slice event = cases_event(&f->cases, number, stage, bytes);
    enum status status = commission_send(sender, event, COMMISSION_WAIT_VERDICT);
    if (status != STATUS_OK)
        fail_msg("case %u stage %u: %s", number, stage, status_text(status));
}

static void take(struct fixture *f, struct commission *sender, const struct answer *answer)
{
    uint32_t number = 0;
    uint32_t stage = 0;
    assert_true(answer->id_known);
    cases_of(&answer->event_id, &number, &stage);
    assert_true(number < f->cases_count);
    struct told *told = &f->told[number][stage];
    f->repeats += answer->repeated;
    if (answer->kind != ANSWER_RECEIPT && answer->kind != ANSWER_VERDICT)
        fail_msg("case %u stage %u was refused", number, stage);
    if (told->seq == 0)
        told->seq = answer->seq;
    assert_true(told->seq == answer->seq);
    if (answer->kind == ANSWER_RECEIPT) {
        told->hash = answer->entry_hash;
        return;
    }
    assert_true(answer->verdict == VERDICT_ACCEPTED);
    assert_true(told->verdict_seq == 0); /* each is handed out once */
    told->verdict_seq = answer->verdict_seq;
    if (stage + 1 < CASE_STAGES)
        submit(f, sender, number, stage + 1);
    else if (f->begun < f->cases_count)
        submit(f, sender, f->begun++, 0);
    f->done += stage + 1 == CASE_STAGES;
}

/** Until all cases are done. */
static void when_all_are_done(struct fixture *f)
{
    int64_t heard_ms = now_ms();
    while (f->done < f->cases_count) {
        for (int i = 0; i < CLIENTS; i++) {
            const struct answer *answers = NULL;
            uint32_t count = 0;
            enum status status = commission_answers(f->senders[i], TAKE_MS, &answers, &count);
            if (status != STATUS_OK && status != STATUS_TIMED_OUT && status != STATUS_UNREACHABLE)
                fail_msg("client %d: %s", i, status_text(status));
            for (uint32_t j = 0; status == STATUS_OK && j < count; j++)
                take(f, f->senders[i], &answers[j]);
            if (status == STATUS_OK)
                heard_ms = now_ms();
        }
        if (now_ms() - heard_ms > SILENCE_MS)
            fail_msg("silence: %u of %u cases are done", f->done, f->cases_count);
    }
}

/* ---- what the journal holds ---- */

static void note_entry(struct fixture *f, const struct entry_row *row)
{
    struct entry entry;
    struct event event;
    struct reason items[REASONS_MAX];
    struct reasons reasons = {.items = items, .max = REASONS_MAX};
    bool id_known = false;
    arena_reset(f->arena);
    assert_true(codec_decode_entry(row->entry, f->arena, &entry) == STATUS_OK);
    if (entry.kind == ENTRY_JUDGED) {
        for (uint32_t i = 0; i < f->cases_count; i++) {
            for (uint32_t stage = 0; stage < CASE_STAGES; stage++)
                f->told[i][stage].judged_entries += f->told[i][stage].seq == entry.of_seq;
        }
    }
    if (entry.kind != ENTRY_RECEIVED)
        return;
    uint32_t number = 0;
    uint32_t stage = 0;
    assert_true(codec_decode_event(entry.event, f->arena, &event, &id_known, &reasons) ==
                STATUS_OK);
    cases_of(&event.id, &number, &stage);
    assert_true(number < f->cases_count);
    assert_true(f->told[number][stage].seq == row->seq);
    assert_true(hash_equal(f->told[number][stage].hash, row->hash));
    f->told[number][stage].received_entries++;
}

/** Each event stands in the journal once, where its receipt said, and was judged once. */
static void expect_each_once(struct fixture *f)
{
    struct commission *reader = cases_connect(&f->instance, &f->instance.first, 1);
    uint64_t seq = 0;
    int64_t head = cases_status(reader, "seq");
    assert_true(head > 0);
    assert_true(commission_feed(reader, 1) == STATUS_OK);
    while (seq < (uint64_t)head) {
        const struct feed_entries *entries = NULL;
        assert_true(commission_feed_next(reader, SILENCE_MS, &entries) == STATUS_OK);
        for (uint32_t i = 0; i < entries->entries_count; i++) {
            seq = entries->entries[i].seq;
            note_entry(f, &entries->entries[i]);
        }
        seq = entries->read_seq > seq ? entries->read_seq : seq;
    }
    commission_close(reader);
    for (uint32_t i = 0; i < f->cases_count; i++) {
        for (uint32_t stage = 0; stage < CASE_STAGES; stage++) {
            assert_true(f->told[i][stage].received_entries == 1);
            assert_true(f->told[i][stage].judged_entries == 1);
        }
    }
}

static void say_fates(const char *whose, const struct proxy *proxy)
{
    print_message("%s: %u connections", whose, proxy->counts->connections);
    for (uint32_t fate = 0; fate < FATES; fate++)
        print_message(", %u %s", proxy->counts->met[fate], fate_text((enum fate)fate));
    print_message("\n");
}

/* ---- tests ---- */

static void a_bad_network_costs_time_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    int64_t began_ms = now_ms();
    print_message("COMMISSION_SEED=%u COMMISSION_NETWORK_CASES=%u\n", f->seed, f->cases_count);
    proxy_start(&f->clients_proxy, f->clients_port, f->seed, CLIENT_BYTES_MAX);
    proxy_start(&f->workers_proxy, f->workers_port, f->seed + 1, WORKER_BYTES_MAX);
    start_workers(f);
    for (int i = 0; i < CLIENTS; i++) {
        f->senders[i] = connected(f, f->clients_proxy.port);
        for (int j = 0; j < WINDOW && f->begun < f->cases_count; j++)
            submit(f, f->senders[i], f->begun++, 0);
    }

    when_all_are_done(f);

    print_message("%u events in %lld ms, %llu answers given again\n", f->cases_count * CASE_STAGES,
                  (long long)(now_ms() - began_ms), (unsigned long long)f->repeats);
    say_fates("clients", &f->clients_proxy);
    say_fates("workers", &f->workers_proxy);
    assert_true(f->clients_proxy.counts->connections > CLIENTS);
    for (uint32_t fate = 0; fate < FATES; fate++)
        assert_true(f->clients_proxy.counts->met[fate] + f->workers_proxy.counts->met[fate] > 0);
    expect_each_once(f);
    assert_int_equal(instance_stop(&f->instance, SIGTERM), 0);
    char dir[INSTANCE_PATH_SIZE];
    snprintf(dir, sizeof dir, "%s/state", f->instance.folder);
    const char *const verify[] = {"--verify", dir, "-c", f->instance.config, NULL};
    assert_int_equal(instance_wait(instance_spawn(&f->instance, verify)), 0);
}

/** As many as this process may hold open: they connect, and say nothing, half a greeting, or rubbish. */
static void given_crowd(struct fixture *f)
{
    static const uint8_t greeting[] = {0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0, 'C', 'U', 'R'};
    static const uint8_t rubbish[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons(f->clients_port),
                                   .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    uint32_t wanted = limit.rlim_max < CROWD + 200 ? (uint32_t)limit.rlim_max - 200 : CROWD;
    while (f->crowd_count < wanted) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        f->crowd[f->crowd_count++] = fd;
        assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof to), 0);
        if (f->crowd_count % 3 == 1)
            (void)!send(fd, greeting, sizeof greeting, MSG_NOSIGNAL);
        if (f->crowd_count % 3 == 2)
            (void)!send(fd, rubbish, sizeof rubbish - 1, MSG_NOSIGNAL);
    }
    print_message("%u connections without a handshake\n", f->crowd_count);
}

static void a_crowd_that_never_shakes_hands_stops_nobody(void **state)
{
    struct fixture *f = *state;
    instance_start_workers(&f->instance, 4);
    struct commission *before = connected(f, f->clients_port);
    assert_true(cases_status(before, "seq") > 0);
    given_crowd(f);
    int64_t began_ms = now_ms();

    /* Who was there already, who comes now, and all that they send. */
    assert_true(cases_status(before, "seq") > 0);
    f->cases_count = CROWD_CASES;
    for (int i = 0; i < CLIENTS; i++) {
        f->senders[i] = connected(f, f->clients_port);
        submit(f, f->senders[i], f->begun++, 0);
    }
    when_all_are_done(f);
    print_message("%u events beside it in %lld ms\n", f->cases_count * CASE_STAGES,
                  (long long)(now_ms() - began_ms));

    /* Nobody of the crowd is let in, and all are sent away in the end. */
    assert_true(cases_status(before, "denied") >= 0);
    uint8_t byte[64];
    for (uint32_t i = 0; i < f->crowd_count; i++) {
        const struct timeval wait = {.tv_sec = 20};
        (void)setsockopt(f->crowd[i], SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        ssize_t len = 1;
        while (len > 0)
            len = recv(f->crowd[i], byte, sizeof byte, 0);
        if (len < 0 && errno == EAGAIN)
            fail_msg("connection %u of the crowd still stands", i);
    }
    commission_close(before);
}

/** Each is taken or closed again by the daemon, which is never without a descriptor. */
static void given_crowd_on_ipc(struct fixture *f, uint32_t wanted)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const char *path = f->instance.clients + strlen("ipc://");

    assert_true(strlen(path) < sizeof to.sun_path);
    memcpy(to.sun_path, path, strlen(path));
    while (f->crowd_count < wanted) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fd >= 0);
        f->crowd[f->crowd_count++] = fd;
        if (connect(fd, (const struct sockaddr *)&to, sizeof to) != 0)
            fail_msg("connection %u: %s", f->crowd_count, strerror(errno));
    }
}

static void a_crowd_beyond_the_descriptors_stops_nobody(void **state)
{
    struct fixture *f = *state;
    const struct rlimit few = {FEW_DESCRIPTORS, FEW_DESCRIPTORS};
    instance_start_workers(&f->instance, 4);
    f->senders[0] = connected(f, f->clients_port);
    for (int i = 1; i < CLIENTS; i++)
        f->senders[i] = connected(f, f->clients_port);
    assert_true(cases_status(f->senders[0], "seq") > 0);
    assert_int_equal(prlimit(f->instance.daemon, RLIMIT_NOFILE, &few, NULL), 0);

    given_crowd_on_ipc(f, 3 * FEW_DESCRIPTORS);

    f->cases_count = CROWD_CASES;
    for (int i = 0; i < CLIENTS; i++)
        submit(f, f->senders[i], f->begun++, 0);
    when_all_are_done(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_bad_network_costs_time_and_nothing_else, setup, teardown),
        cmocka_unit_test_setup_teardown(a_crowd_that_never_shakes_hands_stops_nobody, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_crowd_beyond_the_descriptors_stops_nobody, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
