/* SPDX-License-Identifier: Apache-2.0 */
/* bench.c - the load generator: whole cases through all five stages, on the real daemon with five workers. */
/*
 * A case is five events, one for each stage, each submitted when the verdict on the one before has come: ten durable
 * steps, a receipt and a verdict each. One JSON line is printed; times are microseconds.
 *     ack      submission to receipt, of each event
 *     verdict  submission to verdict, of each event
 *     done     first submission to last verdict, of each case
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/cases.h"

#define STEPS_CASE 10
#define CONNECTIONS_MAX 64
#define US_PER_S 1000000.0

struct options {
    const char *bin;
    uint32_t window;
    uint32_t cases;
    uint32_t connections;
    const char *more; /* of the configuration */
};

struct bench {
    struct options options;
    struct instance instance;
    struct cases cases;
    struct commission *connections[CONNECTIONS_MAX];
    uint32_t begun; /* cases */
    uint32_t done;
    int64_t *case_at_us;  /* of each case, when its first event was sent */
    int64_t *event_at_us; /* of each case, when its newest event was sent */
    uint32_t *ack_us;     /* CASE_STAGES a case */
    uint32_t *verdict_us;
    uint32_t *done_us;
    uint64_t acks;
    uint64_t verdicts;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench: %s: %s\n", what, why);
    exit(1);
}

static int64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- the relay ---- */

static struct commission *connection_of(const struct bench *bench, uint32_t number)
{
    return bench->connections[number % bench->options.connections];
}

static void submit(struct bench *bench, uint32_t number, uint32_t stage)
{
    uint8_t bytes[CASE_EVENT_ROOM];
    struct slice event = cases_event(&bench->cases, number, stage, bytes);
    bench->event_at_us[number] = now_us();
    if (stage == 0)
        bench->case_at_us[number] = bench->event_at_us[number];
    enum status status =
        commission_send(connection_of(bench, number), event, COMMISSION_WAIT_VERDICT);
    if (status != STATUS_OK)
        die("send", status_text(status));
}

static void begin_next(struct bench *bench)
{
    if (bench->begun < bench->options.cases)
        submit(bench, bench->begun++, 0);
}

static void take_answer(struct bench *bench, const struct answer *answer, int64_t at_us)
{
    if (answer->kind == ANSWER_REFUSED ||
        (answer->kind == ANSWER_VERDICT && answer->verdict != VERDICT_ACCEPTED)) {
        char code[REASON_CODE_SIZE] = "";
        if (answer->reasons_count > 0)
            reason_print_code(&answer->reasons[0], code);
        die("an event was not accepted", code);
    }
    uint32_t number = 0;
    uint32_t stage = 0;
    cases_of(&answer->event_id, &number, &stage);
    CHECK(number < bench->begun);
    CHECK(stage < CASE_STAGES);
    uint32_t took_us = (uint32_t)(at_us - bench->event_at_us[number]);
    if (answer->kind == ANSWER_RECEIPT) {
        bench->ack_us[bench->acks++] = took_us;
        return;
    }
    bench->verdict_us[bench->verdicts++] = took_us;
    if (stage + 1 < CASE_STAGES) {
        submit(bench, number, stage + 1);
        return;
    }
    bench->done_us[bench->done++] = (uint32_t)(at_us - bench->case_at_us[number]);
    begin_next(bench);
}

/** Take what has come on one connection, waiting for @timeout_ms. False: nothing. */
static bool take_answers(struct bench *bench, struct commission *commission, int64_t timeout_ms)
{
    const struct answer *answers = NULL;
    uint32_t count = 0;
    enum status status = commission_answers(commission, timeout_ms, &answers, &count);
    if (status == STATUS_TIMED_OUT)
        return false;
    if (status != STATUS_OK)
        die("answers", status_text(status));
    /* They are valid until the next call, and we send meanwhile: so take them by value. */
    int64_t at_us = now_us();
    for (uint32_t i = 0; i < count; i++)
        take_answer(bench, &answers[i], at_us);
    return true;
}

static void run_one(struct bench *bench)
{
    while (bench->done < bench->options.cases) {
        if (!take_answers(bench, bench->connections[0], CASE_WAIT_MS))
            die("stalled", "no answer for 20 s");
    }
}

static void run_many(struct bench *bench)
{
    struct pollfd items[CONNECTIONS_MAX];
    uint32_t count = bench->options.connections;
    for (uint32_t i = 0; i < count; i++)
        items[i] = (struct pollfd){.fd = commission_fd(bench->connections[i]), .events = POLLIN};
    while (bench->done < bench->options.cases) {
        bool any = false;
        for (uint32_t i = 0; i < count; i++)
            any |= take_answers(bench, bench->connections[i], 0);
        if (!any && poll(items, count, CASE_WAIT_MS) == 0)
            die("stalled", "no answer for 20 s");
    }
}

/* ---- measuring ---- */

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static uint32_t percentile(uint32_t *values, uint64_t count, uint32_t percent)
{
    if (count == 0)
        return 0;
    qsort(values, count, sizeof *values, compare);
    return values[(count - 1) * percent / 100];
}

/** CPU time of the daemon's threads so far, in microseconds. */
static int64_t cpu_us(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
    FILE *file = fopen(path, "re");
    unsigned long user = 0;
    unsigned long system = 0;
    if (file == NULL || fscanf(file, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
                               &user, &system) != 2)
        die("cpu", strerror(errno));
    fclose(file);
    return (int64_t)((double)(user + system) * US_PER_S / (double)sysconf(_SC_CLK_TCK));
}

static long memory_kb(pid_t pid, const char *name)
{
    char path[64];
    char line[256];
    long kb = 0;
    snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0)
            kb = atol(line + strlen(name) + 1);
    }
    fclose(file);
    return kb;
}

static void report(struct bench *bench, int64_t took_us, int64_t cpu_taken_us, int64_t flushes)
{
    double seconds = (double)took_us / US_PER_S;
    double steps = (double)bench->options.cases * STEPS_CASE;
    pid_t pid = bench->instance.daemon;
    printf("{\"bench\":\"relay\",\"window\":%u,\"connections\":%u,\"cases\":%u,"
           "\"cases_s\":%.0f,\"steps_s\":%.0f,"
           "\"ack_p50\":%u,\"ack_p99\":%u,\"verdict_p50\":%u,\"verdict_p99\":%u,"
           "\"done_p50\":%u,\"done_p99\":%u,\"cpu_daemon_step_us\":%.2f,\"flush_step\":",
           bench->options.window, bench->options.connections, bench->options.cases,
           (double)bench->options.cases / seconds, steps / seconds,
           percentile(bench->ack_us, bench->acks, 50), percentile(bench->ack_us, bench->acks, 99),
           percentile(bench->verdict_us, bench->verdicts, 50),
           percentile(bench->verdict_us, bench->verdicts, 99),
           percentile(bench->done_us, bench->done, 50), percentile(bench->done_us, bench->done, 99),
           (double)cpu_taken_us / steps);
    if (flushes >= 0)
        printf("%.4f", (double)flushes / steps);
    else
        printf("null");
    printf(",\"rss_kb\":%ld,\"rss_anon_kb\":%ld}\n", memory_kb(pid, "VmRSS:"),
           memory_kb(pid, "RssAnon:"));
}

static void relay(struct bench *bench)
{
    const struct options *options = &bench->options;
    struct commission *first = cases_connect(&bench->instance, &bench->instance.first, 1);
    int64_t flushes = cases_status(first, "flushes");
    int64_t cpu_before_us = cpu_us(bench->instance.daemon);
    int64_t began_us = now_us();
    for (uint32_t i = 0; i < options->window; i++)
        begin_next(bench);
    if (options->connections == 1)
        run_one(bench);
    else
        run_many(bench);
    int64_t took_us = now_us() - began_us;
    int64_t cpu_taken_us = cpu_us(bench->instance.daemon) - cpu_before_us;
    if (flushes >= 0)
        flushes = cases_status(first, "flushes") - flushes;
    commission_close(first);
    report(bench, took_us, cpu_taken_us, flushes);
}

/* ---- all ---- */

static const char help[] =
    "usage: bench [--window N] [--cases N] [--connections N] [--dir DIR] [--bin DIR] [--config "
    "LINE]\n"
    "  --window N       cases under way at once (1)\n"
    "  --cases N        cases in all (1000)\n"
    "  --connections N  over which they are spread (1)\n"
    "  --dir DIR        where the daemon's folder is made ($TMPDIR or /tmp)\n"
    "  --bin DIR        where commissiond and the workers are (beside bench)\n"
    "  --config LINE    a further line of the daemon's configuration\n";

static uint32_t number_of(const char *string, uint32_t max)
{
    char *end = NULL;
    unsigned long number = strtoul(string, &end, 10);
    if (end == string || *end != '\0' || number < 1 || number > max)
        die(string, "not a possible number");
    return (uint32_t)number;
}

static void options_read(struct options *ret, int argc, char **argv)
{
    static const struct option longs[] = {
        {"window", required_argument, NULL, 'w'},
        {"cases", required_argument, NULL, 'n'},
        {"connections", required_argument, NULL, 'k'},
        {"dir", required_argument, NULL, 'd'},
        {"bin", required_argument, NULL, 'b'},
        {"config", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    *ret = (struct options){.window = 1, .cases = 1000, .connections = 1};
    int option = 0;
    while ((option = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        switch (option) {
        case 'w':
            ret->window = number_of(optarg, 4096);
            break;
        case 'n':
            ret->cases = number_of(optarg, 10000000);
            break;
        case 'k':
            ret->connections = number_of(optarg, CONNECTIONS_MAX);
            break;
        case 'd':
            setenv("TMPDIR", optarg, 1);
            break;
        case 'b':
            ret->bin = optarg;
            break;
        case 'c':
            ret->more = optarg;
            break;
        case 'h':
            fputs(help, stdout);
            exit(0);
        default:
            fputs(help, stderr);
            exit(2);
        }
    }
}

static void memory_take(struct bench *bench)
{
    size_t cases = bench->options.cases;
    bench->case_at_us = calloc(cases, sizeof *bench->case_at_us);
    bench->event_at_us = calloc(cases, sizeof *bench->event_at_us);
    bench->ack_us = calloc(cases * CASE_STAGES, sizeof *bench->ack_us);
    bench->verdict_us = calloc(cases * CASE_STAGES, sizeof *bench->verdict_us);
    bench->done_us = calloc(cases, sizeof *bench->done_us);
    if (bench->case_at_us == NULL || bench->event_at_us == NULL || bench->ack_us == NULL ||
        bench->verdict_us == NULL || bench->done_us == NULL)
        die("memory", "there is not enough");
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    options_read(&bench.options, argc, argv);
    memory_take(&bench);
    char self[512] = "";
    if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
        die("where am I", strerror(errno));
    struct timespec wall;
    clock_gettime(CLOCK_REALTIME, &wall);
    uint64_t salt =
        ((uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000) << 16 | 0x7000;

    /* One sender is all senders here. */
    char more[1024];
    snprintf(more, sizeof more,
             "events_rate_sender_max = 1000000\nevents_burst_sender_max = 1000000\n%s",
             bench.options.more != NULL ? bench.options.more : "");
    instance_make(&bench.instance, bench.options.bin != NULL ? bench.options.bin : dirname(self),
                  more);
    if (!instance_start(&bench.instance))
        die("commissiond", "does not start");
    instance_start_workers(&bench.instance, bench.options.window > 64 ? WORKER_CAPACITY_MAX : 64);
    cases_begin(&bench.cases, &bench.instance, salt);
    for (uint32_t i = 0; i < bench.options.connections; i++)
        bench.connections[i] =
            cases_connect(&bench.instance, &bench.cases.lead, bench.options.window);
    relay(&bench);

    for (uint32_t i = 0; i < bench.options.connections; i++)
        commission_close(bench.connections[i]);
    int status = instance_stop(&bench.instance, SIGTERM);
    if (status != 0)
        die("commissiond", "did not stop well");
    instance_end(&bench.instance);
    free(bench.case_at_us);
    free(bench.event_at_us);
    free(bench.ack_us);
    free(bench.verdict_us);
    free(bench.done_us);
    return 0;
}
