/* SPDX-License-Identifier: Apache-2.0 */
/* simtest [--seeds A..B] [--steps N] [--seed N] [--trace]: walks of the whole system through bad weather, each by its seed. */
#include "tests/sim/sim.h"

#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proto/codec.h"

#define STEPS 150
#define REST_STEPS_MAX 20000
#define VERIFY_EVERY 64
#define HOUR_MS INT64_C(3600000)
#define YEARS_MS (400 * 24 * HOUR_MS)

static struct sim *simulation; /* the one there is, for the handler */

/* ---- chance, trace, failure ---- */

uint64_t sim_next(struct sim *sim)
{
    uint64_t z = sim->chance += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

uint32_t sim_any(struct sim *sim, uint32_t below)
{
    CHECK(below >= 1);
    return (uint32_t)((sim_next(sim) >> 32) * below >> 32);
}

bool sim_fault(struct sim *sim, uint32_t percent)
{
    return !sim->healing && percent > 0 && sim_any(sim, 100) < percent;
}

void *sim_take(struct sim *sim, size_t bytes)
{
    void *taken = arena_take(sim->arena, bytes);
    CHECK(taken != NULL);
    return taken;
}

void sim_say(struct sim *sim, const char *actor, const char *format, ...)
{
    va_list arguments;

    if (!sim->trace)
        return;
    printf("%5u %9.3f %-9s ", sim->step, (double)sim->now.mono_ms / 1000, actor);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

static void say_seed(const struct sim *sim)
{
    fflush(stdout);
    fprintf(stderr, "seed %llu fails at step %u; again: simtest --seed %llu --steps %u --trace\n",
            (unsigned long long)sim->seed, sim->step, (unsigned long long)sim->seed, sim->steps);
}

void sim_fail(struct sim *sim, const char *format, ...)
{
    va_list arguments;

    say_seed(sim);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

/** A CHECK of the daemon's that does not hold is a find like any other. */
static void on_abort(int signal_number)
{
    if (simulation != NULL)
        say_seed(simulation);
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

/* ---- the beginning that all seeds share ---- */

static void make_beginning(struct sim *sim)
{
    struct event events[] = {
        organisation_registered("X24", ORGANISATION_NHSE),
        organisation_registered("02E", ORGANISATION_CCG),
        organisation_registered("01F", ORGANISATION_CCG),
        organisation_registered("0CE", ORGANISATION_CSU),
        support_contract("02E", "0CE"),
        allotment_set("02E", 2018, 1000000),
    };
    struct principal nhse = principal_of("X24");
    struct sim_host *host = &sim->host;

    host_start(sim);
    arena_reset(sim->decode);
    broker_begin(host->broker, sim->now);
    for (uint32_t i = 0; i < ARRAY_LEN(events); i++) {
        uint8_t *bytes = sim_take(sim, 2048);
        struct buffer buffer = {.bytes = bytes, .max = 2048};
        events[i].id = id_of(0x1000000 + i);
        codec_encode_event(&buffer, &events[i]);
        events[i].bytes = (struct slice){bytes, buffer.len};
        broker_event(host->broker, 0, &nhse, &events[i]);
    }
    CHECK(broker_flush(host->broker) == STATUS_OK);
    broker_conclude(host->broker);
    CHECK(broker_end(host->broker) == STATUS_OK);
    CHECK(store_commit(host->store) == STATUS_OK);
    host->broker = broker_free(host->broker);
    host->store = store_close(host->store);
    disk_keep();
}

static void draw_weather(struct sim *sim)
{
    static const uint32_t percents[] = {0, 0, 1, 4, 12};
    static const uint32_t rare[] = {0, 4, 12, 30};
    struct weather *weather = &sim->weather;

    *weather = (struct weather){
        .lost = percents[sim_any(sim, ARRAY_LEN(percents))],
        .repeated = percents[sim_any(sim, ARRAY_LEN(percents))],
        .slow = percents[sim_any(sim, ARRAY_LEN(percents))],
        .reconnects = percents[sim_any(sim, ARRAY_LEN(percents))],
        .worker_faults = percents[sim_any(sim, ARRAY_LEN(percents))],
        .crashes = rare[sim_any(sim, ARRAY_LEN(rare))],
        .disk = rare[sim_any(sim, ARRAY_LEN(rare))],
        .clock = rare[sim_any(sim, ARRAY_LEN(rare))],
        .stuck = rare[sim_any(sim, ARRAY_LEN(rare))],
    };
    sim_say(
        sim, "weather",
        "lost %u%%, repeated %u%%, slow %u%%, reconnects %u%%, workers %u%%, crashes %u, disk %u, "
        "clock %u, stuck %u in a thousand",
        weather->lost, weather->repeated, weather->slow, weather->reconnects,
        weather->worker_faults, weather->crashes, weather->disk, weather->clock, weather->stuck);
}

static void begin(struct sim *sim, uint64_t seed)
{
    sim->seed = seed;
    sim->chance = seed * UINT64_C(0xD1342543DE82EF95);
    sim->healing = false;
    sim->step = 0;
    sim->now = (struct instant){.wall_ms = INT64_C(1530522000000), .mono_ms = 1000000};
    sim->sent_count = sim->ids = 0;
    sim->ended = 0;
    sim->net.count = 0;
    sim->host = (struct sim_host){.sender_max = seed % 8 == 0 ? 6 : 100};
    arena_reset(sim->arena);
    arena_reset(sim->decode);
    model_init(sim);
    draw_weather(sim);
    for (uint32_t i = 0; i < SIM_PEERS; i++)
        sim->peers[i] = (struct sim_peer){.session = 1};
    for (uint32_t i = 0; i < SIM_CLIENTS; i++)
        client_init(sim, i);
    for (uint32_t i = 0; i < SIM_WORKERS; i++)
        worker_init(sim, i);
    for (uint32_t i = 0; i < SIM_READERS; i++)
        reader_init(sim, i);
}

/* ---- time and chance at large ---- */

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t next_ms(struct sim *sim)
{
    int64_t due_ms = sooner(net_due_ms(sim), host_due_ms(sim));
    for (uint32_t i = 0; i < SIM_CLIENTS; i++)
        due_ms = sooner(due_ms, client_due_ms(sim, i));
    for (uint32_t i = 0; i < SIM_WORKERS; i++)
        due_ms = sooner(due_ms, worker_due_ms(sim, i));
    for (uint32_t i = 0; i < SIM_READERS; i++)
        due_ms = sooner(due_ms, reader_due_ms(sim, i));
    return due_ms;
}

static void let_time_pass(struct sim *sim)
{
    int64_t ms = next_ms(sim) - sim->now.mono_ms;

    ms = ms < 0 ? 0 : ms;
    /* A wake-up is late now and then, and takes in more at once. */
    ms += sim_any(sim, 4) == 0 ? sim_any(sim, 60) : 0;
    sim->now.mono_ms += ms;
    sim->now.wall_ms += ms;
}

/** What happens to the machine: clock, disk, the process as a whole. */
static void happen(struct sim *sim)
{
    static const int64_t jumps_ms[] = {-HOUR_MS, HOUR_MS, 24 * HOUR_MS, 40 * 24 * HOUR_MS};

    if (sim_any(sim, 1000) < sim->weather.clock) {
        int64_t jump_ms = jumps_ms[sim_any(sim, ARRAY_LEN(jumps_ms))];
        sim->now.wall_ms += jump_ms;
        sim_say(sim, "clock", "jumps by %lld ms", (long long)jump_ms);
    }
    if (sim_any(sim, 1000) < sim->weather.disk) {
        bool full = sim_any(sim, 3) == 0;
        disk_set_full(full);
        sim_say(sim, "disk", "is %s", full ? "full" : "not full");
    }
    if (sim->host.up && sim->host.stuck_ms < sim->now.mono_ms &&
        sim_any(sim, 2000) < sim->weather.stuck) {
        sim->host.stuck_ms = sim->now.mono_ms + sim_any(sim, 9000);
        sim_say(sim, "daemon", "is stopped for a while");
    }
    if (sim->host.up && !sim->host.draining && sim_any(sim, 4000) < sim->weather.stuck) {
        sim->host.draining = true;
        broker_drain(sim->host.broker);
        sim_say(sim, "daemon", "drains");
    }
}

static void step(struct sim *sim)
{
    sim->step++;
    if (!sim->healing)
        happen(sim);
    for (uint32_t i = 0; i < SIM_CLIENTS; i++)
        client_act(sim, i);
    for (uint32_t i = 0; i < SIM_WORKERS; i++) {
        if (worker_due_ms(sim, i) <= sim->now.mono_ms)
            worker_act(sim, i);
    }
    for (uint32_t i = 0; i < SIM_READERS; i++) {
        if (reader_due_ms(sim, i) <= sim->now.mono_ms)
            reader_act(sim, i);
    }
    net_deliver(sim);
    host_turn(sim);
    if (sim->host.up && sim->now.mono_ms >= sim->host.stuck_ms)
        model_compare(sim, false);
    let_time_pass(sim);
}

/* ---- healing ---- */

static void heal(struct sim *sim)
{
    sim_say(sim, "weather", "clears up");
    sim->healing = true;
    disk_plan(DISK_NONE, 0);
    disk_set_full(false);
    sim->host.stuck_ms = 0;
    /* In every third seed more than a year goes by, and all that has a term runs out. */
    if (sim->seed % 3 == 0)
        sim->now.wall_ms += YEARS_MS;
    for (uint32_t i = 0; i < SIM_WORKERS; i++) {
        /* Those who are there stay, with what they will never find: that must come back by its lease. */
        sim->workers[i].stuck_ms = 0;
        if (sim->workers[i].state == WORKER_DOWN)
            sim->workers[i].back_ms = sim->now.mono_ms;
    }
}

static void come_to_rest(struct sim *sim)
{
    const char *why = "";

    for (uint32_t i = 0; why != NULL; i++) {
        if (i == REST_STEPS_MAX)
            sim_fail(sim, "does not come to rest: %s", why);
        step(sim);
        why = model_unrest(sim);
    }
    model_compare(sim, true);
}

/** Everything once more: each gets what it got, and nothing happens. */
static void send_all_again(struct sim *sim)
{
    uint32_t events = sim->model.events_count;

    for (uint32_t i = 0; i < sim->sent_count; i++) {
        sim->sent[i].wanted = !sim->sent[i].refused;
        sim->sent[i].again_ms = sim->now.mono_ms;
        sim->sent[i].sends = 0;
    }
    come_to_rest(sim);
    sim_expect(sim, sim->model.events_count == events, "what was sent again was taken for new");
}

static void keep_line(void *ctx, const char *line)
{
    (void)snprintf(ctx, 400, "%s", line);
}

static void end(struct sim *sim)
{
    struct sim_host *host = &sim->host;
    char line[400] = "";

    host->broker = broker_free(host->broker);
    bool verify = sim->seed % VERIFY_EVERY == 0;
    if (verify)
        CHECK(store_commit(host->store) == STATUS_OK);
    host->store = store_close(host->store);
    if (verify)
        sim_expect(sim, store_verify(disk_dir(), SIM_MAP_BYTES, keep_line, line) == STATUS_OK,
                   "verify: %s", line);
}

static void run_seed(struct sim *sim, uint64_t seed)
{
    disk_restore();
    begin(sim, seed);
    host_start(sim);
    for (uint32_t i = 0; i < sim->steps; i++)
        step(sim);
    heal(sim);
    /* In every other seed all that is held is let go; in the others it stays, for a reason. */
    if (seed % 2 == 0)
        client_let_go(sim, 4);
    come_to_rest(sim);
    /* What lies at rest lies there after a start. */
    host_die(sim, "is killed at rest");
    come_to_rest(sim);
    send_all_again(sim);
    end(sim);
}

/* ---- the program ---- */

struct choice {
    uint64_t first;
    uint64_t last;
    uint32_t steps;
    bool trace;
};

static bool parse(int argc, char **argv, struct choice *ret)
{
    for (int i = 1; i < argc; i++) {
        char *end_of = NULL;
        if (strcmp(argv[i], "--trace") == 0) {
            ret->trace = true;
            continue;
        }
        if (i + 1 == argc)
            return false;
        const char *value = argv[++i];
        if (strcmp(argv[i - 1], "--steps") == 0) {
            ret->steps = (uint32_t)strtoul(value, &end_of, 10);
        } else if (strcmp(argv[i - 1], "--seed") == 0) {
            ret->first = ret->last = strtoull(value, &end_of, 10);
        } else if (strcmp(argv[i - 1], "--seeds") == 0) {
            ret->first = strtoull(value, &end_of, 10);
            if (strncmp(end_of, "..", 2) != 0)
                return false;
            ret->last = strtoull(end_of + 2, &end_of, 10);
        }
        if (end_of == NULL || *end_of != '\0')
            return false;
    }
    return ret->steps > 0 && ret->first <= ret->last;
}

int main(int argc, char **argv)
{
    struct choice choice = {.first = 1, .last = 2000, .steps = STEPS};
    struct timespec from;
    struct timespec to;
    uint64_t entries = 0;
    uint64_t restarts = 0;

    if (!parse(argc, argv, &choice)) {
        fprintf(stderr, "usage: simtest [--seeds A..B] [--seed N] [--steps N] [--trace]\n");
        return 2;
    }
    /* Memory that one seed gave back is the next one's, without asking the kernel. */
    (void)mallopt(M_MMAP_THRESHOLD, 1 << 30);
    (void)mallopt(M_TRIM_THRESHOLD, -1);
    struct sim *sim = calloc(1, sizeof *sim);
    CHECK(sim != NULL);
    CHECK(arena_new(&sim->arena, SIM_ARENA_BYTES) == STATUS_OK);
    CHECK(arena_new(&sim->decode, 4 * ARENA_BYTES_MAX) == STATUS_OK);
    sim->steps = choice.steps;
    simulation = sim;
    signal(SIGABRT, on_abort);
    disk_open();
    begin(sim, 0);
    make_beginning(sim);
    sim->trace = choice.trace;

    clock_gettime(CLOCK_MONOTONIC, &from);
    for (uint64_t seed = choice.first; seed <= choice.last; seed++) {
        run_seed(sim, seed);
        entries += sim->model.seq;
        restarts += sim->host.restarts;
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    double seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
    uint64_t seeds = choice.last - choice.first + 1;
    printf("%llu seeds (%llu..%llu) of %u steps hold: %llu entries, %llu restarts, %.1f s, %.0f a "
           "second\n",
           (unsigned long long)seeds, (unsigned long long)choice.first,
           (unsigned long long)choice.last, choice.steps, (unsigned long long)entries,
           (unsigned long long)restarts, seconds, (double)seeds / seconds);
    disk_close();
    arena_free(sim->arena);
    arena_free(sim->decode);
    free(sim);
    return 0;
}
