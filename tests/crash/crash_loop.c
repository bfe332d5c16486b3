/* SPDX-License-Identifier: Apache-2.0 */
/* crash_loop.c - crash_loop [CYCLES [SEED [CASES]]]: the real programs under load, killed and stopped at moments that the seed chooses. */
/*
 * A cycle: CASES cases go through all stages over several connections, while the daemon and its workers are disturbed some times.
 * Each answer is on our own disk before it counts. Then every event is sent once more and must be answered as before; the daemon is
 * ended, killed or not; what we were told must stand in its journal, and `commissiond --verify` must agree. After LIFE cycles a new
 * folder is begun. One line of figures at the end; the first thing that is wrong ends it, and the folder is kept. SIGTERM or SIGINT:
 * the present cycle is the last.
 */
#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/crash/receipts.h"

#define LIFE 20
#define CONNECTIONS 3
#define WINDOW 24
#define CASES 40
#define CASES_MAX 1000
#define WORKER_CAPACITY 4
#define ANSWER_MS 40000
#define LOOK_MS 20
#define STALL_MS                                                                                   \
    100 /* nothing came for so long: all that can be done without the stopped one is done */
#define ANSWERS_BETWEEN_MAX 90
#define START_MS_MAX 60
#define KILLED (128 + SIGKILL)

struct told {
    uint64_t seq;
    uint64_t verdict_seq;
    struct hash hash;
    struct hash verdict_hash;
};

struct figures {
    uint64_t cycles;
    uint64_t daemon_kills;
    uint64_t start_kills; /* among them: while it started */
    uint64_t daemon_stops;
    uint64_t drains;
    uint64_t worker_kills;
    uint64_t worker_stops;
    uint64_t worker_hangs; /* stopped until its work was given to another */
    uint64_t answers;
    uint64_t events;
};

struct loop {
    struct instance instance;
    struct cases cases;
    struct receipts *receipts;
    struct commission *connections[CONNECTIONS];
    uint64_t chance;
    uint32_t cases_each;
    uint32_t first; /* number of this cycle's first case */
    uint32_t begun;
    uint32_t done;
    bool again; /* all is sent once more: nothing new is begun */
    uint32_t verdicts_again;
    pid_t hanging; /* a worker stopped for good; 0: none */
    struct told told[CASES_MAX][CASE_STAGES];
    struct figures figures;
};

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
    (void)signal;
    stopped = 1;
}

static void die(struct loop *loop, const char *what, const char *why)
{
    fprintf(stderr, "crash_loop: cycle %" PRIu64 ": %s: %s; kept: %s\n", loop->figures.cycles + 1,
            what, why, loop->instance.folder);
    for (int i = 0; i < INSTANCE_WORKERS; i++) {
        if (loop->instance.worker[i] > 0)
            (void)kill(loop->instance.worker[i], SIGKILL);
    }
    if (loop->hanging > 0)
        (void)kill(loop->hanging, SIGKILL);
    if (loop->instance.daemon > 0)
        (void)kill(loop->instance.daemon, SIGABRT);
    exit(1);
}

static uint32_t draw(struct loop *loop, uint32_t below)
{
    loop->chance = loop->chance * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(loop->chance >> 33) % below;
}

/* ---- the load ---- */

static void submit(struct loop *loop, uint32_t index, uint32_t stage)
{
    uint8_t bytes[CASE_EVENT_ROOM];
    uint32_t number = loop->first + index;
    struct slice event = cases_event(&loop->cases, number, stage, bytes);
    enum status status =
        commission_send(loop->connections[number % CONNECTIONS], event, COMMISSION_WAIT_VERDICT);

    if (status != STATUS_OK)
        die(loop, "send", status_text(status));
    loop->figures.events++;
}

static void begin_next(struct loop *loop)
{
    if (loop->begun < loop->cases_each)
        submit(loop, loop->begun++, 0);
}

/** An answer that counts: it is on our disk. */
static void take(struct loop *loop, const struct answer *answer)
{
    uint32_t number = 0;
    uint32_t stage = 0;

    cases_of(&answer->event_id, &number, &stage);
    if (number < loop->first || number >= loop->first + loop->cases_each)
        die(loop, "answer", "of another cycle");
    struct told *told = &loop->told[number - loop->first][stage];
    loop->figures.answers++;
    if (told->seq != 0 && told->seq != answer->seq)
        die(loop, "twice", "an event was answered as two entries");
    told->seq = answer->seq;
    if (answer->kind == ANSWER_RECEIPT) {
        told->hash = answer->entry_hash;
        return;
    }
    if (answer->kind != ANSWER_VERDICT || answer->verdict != VERDICT_ACCEPTED)
        die(loop, "verdict", answer->reasons_count > 0 ? answer->reasons[0].text : "not accepted");
    if (told->verdict_seq != 0 && (told->verdict_seq != answer->verdict_seq ||
                                   !hash_equal(told->verdict_hash, answer->entry_hash)))
        die(loop, "verdict", "another than before");
    told->verdict_seq = answer->verdict_seq;
    told->verdict_hash = answer->entry_hash;
    if (loop->again) {
        loop->verdicts_again++;
        return;
    }
    if (stage + 1 < CASE_STAGES) {
        submit(loop, number - loop->first, stage + 1);
        return;
    }
    loop->done++;
    begin_next(loop);
}

/** What has come on one connection, waiting for @timeout_ms. Returns how many. */
static uint32_t take_from(struct loop *loop, struct commission *commission, int64_t timeout_ms)
{
    static struct answer kept[FRAME_MESSAGES_MAX];
    const struct answer *answers = NULL;
    uint32_t count = 0;
    enum status status = commission_answers(commission, timeout_ms, &answers, &count);

    if (status == STATUS_TIMED_OUT || status == STATUS_UNREACHABLE)
        return 0;
    if (status != STATUS_OK)
        die(loop, "answers", status_text(status));
    CHECK(count <= FRAME_MESSAGES_MAX);
    for (uint32_t i = 0; i < count; i++)
        receipts_add(loop->receipts, &answers[i]);
    receipts_keep(loop->receipts);
    /* By value: what is sent meanwhile may move the others. */
    memcpy(kept, answers, count * sizeof *kept);
    for (uint32_t i = 0; i < count; i++)
        take(loop, &kept[i]);
    return count;
}

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/** From any of them, within @timeout_ms. One whose daemon has just been killed says so at once, and tries again a second later. */
static uint32_t take_any(struct loop *loop, int64_t timeout_ms)
{
    struct pollfd items[CONNECTIONS];
    int64_t until_ms = now_ms() + timeout_ms;
    uint32_t count = 0;

    for (int i = 0; i < CONNECTIONS; i++)
        items[i] = (struct pollfd){.fd = commission_fd(loop->connections[i]), .events = POLLIN};
    do {
        for (int i = 0; i < CONNECTIONS; i++)
            count += take_from(loop, loop->connections[i], 0);
        if (count == 0)
            (void)poll(items, CONNECTIONS, LOOK_MS);
    } while (count == 0 && now_ms() < until_ms);
    return count;
}

static bool finished(const struct loop *loop)
{
    return loop->again ? loop->verdicts_again == loop->cases_each * CASE_STAGES
                       : loop->done == loop->cases_each;
}

/** Take @count answers, or all there are to come. */
static void take_answers(struct loop *loop, uint32_t count)
{
    for (uint32_t taken = 0; taken < count && !finished(loop);) {
        uint32_t came = take_any(loop, ANSWER_MS);
        if (came == 0)
            die(loop, "lost", "an event is not answered any more");
        taken += came;
    }
}

/** Until nothing comes any more, or @count answers have come. */
static void take_until_stalled(struct loop *loop, uint32_t count)
{
    for (uint32_t taken = 0; taken < count && !finished(loop);) {
        uint32_t came = take_any(loop, STALL_MS);
        if (came == 0)
            return;
        taken += came;
    }
}

/* ---- what happens to them ---- */

static void start(struct loop *loop)
{
    if (!instance_start(&loop->instance))
        die(loop, "commissiond", "does not start; see its log");
}

static void kill_daemon(struct loop *loop)
{
    loop->figures.daemon_kills++;
    if (instance_stop(&loop->instance, SIGKILL) != KILLED)
        die(loop, "commissiond", "ended before it was killed");
}

/** Killed, and again while it comes up. */
static void kill_starts(struct loop *loop)
{
    const char *const arguments[] = {"-c", loop->instance.config, NULL};

    kill_daemon(loop);
    for (uint32_t i = 1 + draw(loop, 2); i > 0; i--) {
        loop->instance.daemon = instance_spawn(&loop->instance, arguments);
        (void)instance_noticed(&loop->instance, "READY=1", (int)draw(loop, START_MS_MAX));
        loop->figures.start_kills++;
        kill_daemon(loop);
    }
}

static void stop_daemon(struct loop *loop)
{
    loop->figures.daemon_stops++;
    (void)kill(loop->instance.daemon, SIGSTOP);
    take_until_stalled(loop, UINT32_MAX);
    (void)kill(loop->instance.daemon, SIGCONT);
}

static void drain(struct loop *loop)
{
    loop->figures.drains++;
    if (instance_stop(&loop->instance, SIGTERM) != 0)
        die(loop, "commissiond", "did not stop well");
    start(loop);
}

static void kill_worker(struct loop *loop)
{
    pid_t *worker = &loop->instance.worker[draw(loop, INSTANCE_WORKERS)];

    loop->figures.worker_kills++;
    (void)kill(*worker, SIGKILL);
    if (instance_wait(*worker) != KILLED)
        die(loop, "worker", "ended before it was killed");
    *worker = 0;
    instance_start_workers(&loop->instance, WORKER_CAPACITY);
}

static void stop_worker(struct loop *loop)
{
    pid_t worker = loop->instance.worker[draw(loop, INSTANCE_WORKERS)];

    loop->figures.worker_stops++;
    (void)kill(worker, SIGSTOP);
    take_until_stalled(loop, 1 + draw(loop, ANSWERS_BETWEEN_MAX));
    (void)kill(worker, SIGCONT);
}

/** It hangs; another one of its stage comes, and after some seconds gets its work. */
static void hang_worker(struct loop *loop)
{
    pid_t *worker = &loop->instance.worker[draw(loop, INSTANCE_WORKERS)];

    if (loop->hanging != 0)
        return;
    loop->figures.worker_hangs++;
    (void)kill(*worker, SIGSTOP);
    loop->hanging = *worker;
    *worker = 0;
    instance_start_workers(&loop->instance, WORKER_CAPACITY);
}

/** What it found comes late, if at all. */
static void wake_hanging(struct loop *loop)
{
    if (loop->hanging == 0)
        return;
    (void)kill(loop->hanging, SIGCONT);
    take_until_stalled(loop, UINT32_MAX);
    (void)kill(loop->hanging, SIGTERM);
    (void)instance_wait(loop->hanging);
    loop->hanging = 0;
}

static void disturb(struct loop *loop)
{
    uint32_t kind = draw(loop, 40);

    if (kind < 14) {
        kill_daemon(loop);
        start(loop);
    } else if (kind < 19) {
        kill_starts(loop);
        start(loop);
    } else if (kind < 24) {
        stop_daemon(loop);
    } else if (kind < 26) {
        drain(loop);
    } else if (kind < 33) {
        kill_worker(loop);
    } else if (kind < 39) {
        stop_worker(loop);
    } else {
        hang_worker(loop);
    }
}

/* ---- a cycle ---- */

static void expect_journal(struct loop *loop)
{
    char dir[INSTANCE_PATH_SIZE];
    char text[RECEIPTS_TEXT_SIZE] = "";
    const char *const verify[] = {"--verify", dir, "-c", loop->instance.config, NULL};

    (void)snprintf(dir, sizeof dir, "%s/state", loop->instance.folder);
    if (instance_wait(instance_spawn(&loop->instance, verify)) != 0)
        die(loop, "commissiond --verify", "does not agree; see the log");
    if (!receipts_check(loop->receipts, dir, loop->first + loop->cases_each, text))
        die(loop, "journal", text);
}

static void run_cycle(struct loop *loop)
{
    loop->begun = loop->done = loop->verdicts_again = 0;
    loop->again = false;
    memset(loop->told, 0, sizeof loop->told);
    start(loop);
    instance_start_workers(&loop->instance, WORKER_CAPACITY);
    for (uint32_t i = 0; i < WINDOW; i++)
        begin_next(loop);
    for (uint32_t i = 2 + draw(loop, 3); i > 0 && !finished(loop); i--) {
        take_answers(loop, 1 + draw(loop, ANSWERS_BETWEEN_MAX));
        disturb(loop);
    }
    take_answers(loop, UINT32_MAX);
    wake_hanging(loop);

    loop->again = true;
    for (uint32_t i = 0; i < loop->cases_each; i++) {
        for (uint32_t stage = 0; stage < CASE_STAGES; stage++)
            submit(loop, i, stage);
    }
    take_answers(loop, UINT32_MAX);

    if (draw(loop, 3) == 0)
        kill_daemon(loop);
    else if (instance_stop(&loop->instance, SIGTERM) != 0)
        die(loop, "commissiond", "did not stop well");
    expect_journal(loop);
    loop->first += loop->cases_each;
    loop->figures.cycles++;
}

/** A new folder, with its registers. */
static void begin_life(struct loop *loop)
{
    char path[INSTANCE_PATH_SIZE];

    char self[512] = "";

    CHECK(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    instance_make(&loop->instance, dirname(self),
                  "segment_bytes = 4194304\nmap_bytes = 67108864\n");
    start(loop);
    cases_begin(&loop->cases, &loop->instance, 1);
    for (int i = 0; i < CONNECTIONS; i++)
        loop->connections[i] = cases_connect(&loop->instance, &loop->cases.lead, 0);
    if (instance_stop(&loop->instance, SIGTERM) != 0)
        die(loop, "commissiond", "did not stop well");
    (void)snprintf(path, sizeof path, "%s/receipts", loop->instance.folder);
    loop->receipts = receipts_new(path);
    loop->first = 0;
}

static void end_life(struct loop *loop)
{
    for (int i = 0; i < CONNECTIONS; i++)
        commission_close(loop->connections[i]);
    loop->receipts = receipts_free(loop->receipts);
    instance_end(&loop->instance);
}

static uint32_t argument(int argc, char **argv, int index, uint32_t otherwise, uint32_t max)
{
    unsigned long number = argc > index ? strtoul(argv[index], NULL, 10) : otherwise;

    if (number < 1 || number > max) {
        fprintf(stderr, "usage: crash_loop [CYCLES [SEED [CASES]]]\n");
        exit(2);
    }
    return (uint32_t)number;
}

int main(int argc, char **argv)
{
    static struct loop loop;
    uint32_t cycles = argument(argc, argv, 1, 1000, 1000000);
    uint32_t seed = argument(argc, argv, 2, 1, UINT32_MAX);
    struct figures *figures = &loop.figures;
    time_t began = time(NULL);

    loop.cases_each = argument(argc, argv, 3, CASES, CASES_MAX);
    loop.chance = seed;
    (void)sigaction(SIGTERM, &(struct sigaction){.sa_handler = stop, .sa_flags = SA_RESTART}, NULL);
    (void)sigaction(SIGINT, &(struct sigaction){.sa_handler = stop, .sa_flags = SA_RESTART}, NULL);
    for (uint32_t cycle = 0; cycle < cycles && stopped == 0; cycle++) {
        if (cycle % LIFE == 0)
            begin_life(&loop);
        run_cycle(&loop);
        if ((cycle + 1) % LIFE == 0 || cycle + 1 == cycles || stopped != 0)
            end_life(&loop);
    }
    printf("crash-long: cycles=%" PRIu64 " seed=%u cases=%u daemon_kills=%" PRIu64
           " start_kills=%" PRIu64 " daemon_stops=%" PRIu64 " drains=%" PRIu64
           " worker_kills=%" PRIu64 " worker_stops=%" PRIu64 " worker_hangs=%" PRIu64
           " events=%" PRIu64 " answers=%" PRIu64 " lost=0 twice=0 changed=0 seconds=%lld\n",
           figures->cycles, seed, loop.cases_each, figures->daemon_kills, figures->start_kills,
           figures->daemon_stops, figures->drains, figures->worker_kills, figures->worker_stops,
           figures->worker_hangs, figures->events, figures->answers,
           (long long)(time(NULL) - began));
    return 0;
}
