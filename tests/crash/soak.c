/* SPDX-License-Identifier: Apache-2.0 */
/* soak.c - soak [MINUTES [WINDOW]]: full load on the real programs, watched: neither memory nor descriptors nor times to the receipt may grow. */
/*
 * Every SAMPLE_S seconds: the daemon's own memory (without mapped files) and descriptors, the median and 99th percentile of the times
 * from sending an event to its receipt, and what the machine itself gives: the share of time that others were given (steal), and the
 * 99th percentile of flushes of a file of ours on the same disk. Then the median of the last third is held against that of the first:
 *     memory       no more than a tenth and 8 MB above it
 *     descriptors  no more than 8 above it
 *     receipts     99th percentile no more than twice it, unless the flushes took twice as long or steal rose by a tenth: the machine's doing
 * A line a sample to standard error, one of figures at the end. Exit status 1: something grew.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/cases.h"

#define SAMPLE_S 10
#define SAMPLES_MAX 8640
#define CONNECTIONS 4
#define WINDOW 256
#define RING 65536 /* cases under way are fewer, and their numbers near each other */
#define TIMES_MAX 1000000
#define PROBES 20
#define WAIT_US 20000000
#define LOOK_MS 20
#define MEMORY_SPARE_KB 8192
#define DESCRIPTORS_SPARE 8
#define STEAL_SPARE 0.1

struct sample {
    double memory_kb;
    double descriptors;
    double p50_us;
    double p99_us;
    double flush_us; /* 99th percentile of the probe */
    double steal;    /* share of the interval */
    double cases;
};

struct soak {
    struct instance instance;
    struct cases cases;
    struct commission *connections[CONNECTIONS];
    uint32_t window;
    uint32_t begun;
    uint64_t done;
    int64_t sent_us[RING];
    uint32_t *times_us; /* of this interval's receipts */
    uint32_t times_count;
    int probe_fd;
    uint64_t steal_before;
    uint64_t ticks_before;
    struct sample samples[SAMPLES_MAX];
    uint32_t samples_count;
};

static void die(struct soak *soak, const char *what, const char *why)
{
    fprintf(stderr, "soak: %s: %s; log: %s\n", what, why, soak->instance.log);
    exit(1);
}

static int64_t now_us(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- the load ---- */

static void submit(struct soak *soak, uint32_t number, uint32_t stage)
{
    uint8_t bytes[CASE_EVENT_ROOM];
    struct slice event = cases_event(&soak->cases, number, stage, bytes);

    soak->sent_us[number % RING] = now_us();
    enum status status =
        commission_send(soak->connections[number % CONNECTIONS], event, COMMISSION_WAIT_VERDICT);
    if (status != STATUS_OK)
        die(soak, "send", status_text(status));
}

static void take(struct soak *soak, const struct answer *answer, int64_t at_us)
{
    uint32_t number = 0;
    uint32_t stage = 0;

    cases_of(&answer->event_id, &number, &stage);
    if (answer->kind == ANSWER_RECEIPT) {
        if (soak->times_count < TIMES_MAX)
            soak->times_us[soak->times_count++] = (uint32_t)(at_us - soak->sent_us[number % RING]);
        return;
    }
    if (answer->kind != ANSWER_VERDICT || answer->verdict != VERDICT_ACCEPTED)
        die(soak, "verdict", "not accepted");
    if (stage + 1 < CASE_STAGES) {
        submit(soak, number, stage + 1);
        return;
    }
    soak->done++;
    submit(soak, soak->begun++, 0);
}

static bool take_some(struct soak *soak)
{
    static struct answer kept[FRAME_MESSAGES_MAX];
    bool any = false;

    for (int i = 0; i < CONNECTIONS; i++) {
        const struct answer *answers = NULL;
        uint32_t count = 0;
        enum status status = commission_answers(soak->connections[i], 0, &answers, &count);
        if (status == STATUS_TIMED_OUT || status == STATUS_UNREACHABLE)
            continue;
        if (status != STATUS_OK)
            die(soak, "answers", status_text(status));
        int64_t at_us = now_us();
        CHECK(count <= FRAME_MESSAGES_MAX);
        memcpy(kept, answers, count * sizeof *kept);
        for (uint32_t at = 0; at < count; at++)
            take(soak, &kept[at], at_us);
        any = true;
    }
    return any;
}

static void load_until(struct soak *soak, int64_t until_us)
{
    struct pollfd items[CONNECTIONS];

    for (int i = 0; i < CONNECTIONS; i++)
        items[i] = (struct pollfd){.fd = commission_fd(soak->connections[i]), .events = POLLIN};
    for (int64_t at_us = now_us(), heard_us = at_us; at_us < until_us; at_us = now_us()) {
        if (take_some(soak)) {
            heard_us = at_us;
            continue;
        }
        if (at_us - heard_us > WAIT_US)
            die(soak, "stalled", "no answer for 20 s");
        /* Not for long: a connection that has come about is not seen by its descriptor alone. */
        (void)poll(items, CONNECTIONS, LOOK_MS);
    }
}

/* ---- what is watched ---- */

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static double percentile(uint32_t *values, uint32_t count, uint32_t percent)
{
    if (count == 0)
        return 0;
    qsort(values, count, sizeof *values, compare);
    return values[(uint64_t)(count - 1) * percent / 100];
}

static double memory_kb(pid_t pid)
{
    char path[64];
    char line[256];
    double kb = 0;

    (void)snprintf(path, sizeof path, "/proc/%ld/status", (long)pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "RssAnon:", 8) == 0)
            kb = strtod(line + 8, NULL);
    }
    if (file != NULL)
        fclose(file);
    return kb;
}

static double descriptors(pid_t pid)
{
    char path[64];
    double count = 0;

    (void)snprintf(path, sizeof path, "/proc/%ld/fd", (long)pid);
    DIR *listing = opendir(path);
    if (listing == NULL)
        return 0;
    while (readdir(listing) != NULL)
        count++;
    closedir(listing);
    return count;
}

/** The share of the machine's time since the last call that was given to others. */
static double steal(struct soak *soak)
{
    uint64_t ticks[8] = {0};
    uint64_t all = 0;
    FILE *file = fopen("/proc/stat", "re");

    if (file == NULL)
        return 0;
    char line[512] = "";
    bool read = fgets(line, sizeof line, file) != NULL;
    fclose(file);
    char *at = line + strcspn(line, " ");
    for (int i = 0; read && i < 8; i++) {
        ticks[i] = strtoull(at, &at, 10);
        all += ticks[i];
    }
    double share = all > soak->ticks_before ? (double)(ticks[7] - soak->steal_before) /
                                                  (double)(all - soak->ticks_before)
                                            : 0;
    soak->steal_before = ticks[7];
    soak->ticks_before = all;
    return share;
}

static double probe_flushes(struct soak *soak)
{
    uint32_t took_us[PROBES];
    static const uint8_t page[4096];

    for (int i = 0; i < PROBES; i++) {
        int64_t began_us = now_us();
        CHECK(pwrite(soak->probe_fd, page, sizeof page, 0) == (ssize_t)sizeof page);
        CHECK(fdatasync(soak->probe_fd) == 0);
        took_us[i] = (uint32_t)(now_us() - began_us);
    }
    return percentile(took_us, PROBES, 99);
}

static void take_sample(struct soak *soak, uint64_t done_before)
{
    CHECK(soak->samples_count < SAMPLES_MAX);
    struct sample *sample = &soak->samples[soak->samples_count++];
    pid_t pid = soak->instance.daemon;

    *sample = (struct sample){
        .memory_kb = memory_kb(pid),
        .descriptors = descriptors(pid),
        .p50_us = percentile(soak->times_us, soak->times_count, 50),
        .p99_us = percentile(soak->times_us, soak->times_count, 99),
        .flush_us = probe_flushes(soak),
        .steal = steal(soak),
        .cases = (double)(soak->done - done_before),
    };
    soak->times_count = 0;
    fprintf(stderr,
            "soak: %us cases=%.0f memory_kb=%.0f descriptors=%.0f receipt_p50_us=%.0f "
            "receipt_p99_us=%.0f flush_us=%.0f steal=%.3f\n",
            soak->samples_count * SAMPLE_S, sample->cases, sample->memory_kb, sample->descriptors,
            sample->p50_us, sample->p99_us, sample->flush_us, sample->steal);
}

/* ---- the judgement ---- */

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

/** The median of a member over a third of the samples: the first (0) or the last (2). */
static double median_of(const struct soak *soak, size_t member, uint32_t third)
{
    static double values[SAMPLES_MAX];
    uint32_t count = soak->samples_count / 3;
    uint32_t from = third == 0 ? 0 : soak->samples_count - count;

    for (uint32_t i = 0; i < count; i++)
        memcpy(&values[i], (const char *)&soak->samples[from + i] + member, sizeof values[i]);
    qsort(values, count, sizeof *values, compare_doubles);
    return values[count / 2];
}

static bool judge(const struct soak *soak)
{
#define FIRST(member) median_of(soak, offsetof(struct sample, member), 0)
#define LAST(member) median_of(soak, offsetof(struct sample, member), 2)
    bool memory_grew = LAST(memory_kb) > FIRST(memory_kb) * 1.1 + MEMORY_SPARE_KB;
    bool descriptors_grew = LAST(descriptors) > FIRST(descriptors) + DESCRIPTORS_SPARE;
    bool machine = LAST(flush_us) > 2 * FIRST(flush_us) || LAST(steal) > FIRST(steal) + STEAL_SPARE;
    bool slower = LAST(p99_us) > 2 * FIRST(p99_us) && !machine;

    printf("soak: seconds=%u window=%u cases=%" PRIu64 " memory_kb=%.0f->%.0f descriptors=%.0f->"
           "%.0f receipt_p50_us=%.0f->%.0f receipt_p99_us=%.0f->%.0f flush_us=%.0f->%.0f "
           "steal=%.3f->%.3f%s%s%s\n",
           soak->samples_count * SAMPLE_S, soak->window, soak->done, FIRST(memory_kb),
           LAST(memory_kb), FIRST(descriptors), LAST(descriptors), FIRST(p50_us), LAST(p50_us),
           FIRST(p99_us), LAST(p99_us), FIRST(flush_us), LAST(flush_us), FIRST(steal), LAST(steal),
           memory_grew ? " MEMORY GREW" : "", descriptors_grew ? " DESCRIPTORS GREW" : "",
           slower ? " SLOWER" : "");
    return !memory_grew && !descriptors_grew && !slower;
}

/* ---- all ---- */

static void begin(struct soak *soak)
{
    char self[512] = "";
    char path[INSTANCE_PATH_SIZE];

    CHECK(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    instance_make(&soak->instance, dirname(self), NULL);
    if (!instance_start(&soak->instance))
        die(soak, "commissiond", "does not start");
    instance_start_workers(&soak->instance, WORKER_CAPACITY_MAX);
    cases_begin(&soak->cases, &soak->instance, 1);
    for (int i = 0; i < CONNECTIONS; i++)
        soak->connections[i] = cases_connect(&soak->instance, &soak->cases.lead, soak->window);
    (void)snprintf(path, sizeof path, "%s/probe", soak->instance.folder);
    soak->probe_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(soak->probe_fd >= 0);
    soak->times_us = calloc(TIMES_MAX, sizeof *soak->times_us);
    CHECK(soak->times_us != NULL);
    (void)steal(soak);
}

static void end(struct soak *soak)
{
    for (int i = 0; i < CONNECTIONS; i++)
        commission_close(soak->connections[i]);
    if (instance_stop(&soak->instance, SIGTERM) != 0)
        die(soak, "commissiond", "did not stop well");
    close(soak->probe_fd);
    free(soak->times_us);
    instance_end(&soak->instance);
}

int main(int argc, char **argv)
{
    static struct soak soak;
    double minutes = argc > 1 ? strtod(argv[1], NULL) : 20;
    uint32_t samples = (uint32_t)(minutes * 60 / SAMPLE_S);

    soak.window = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : WINDOW;
    if (samples < 3 || samples > SAMPLES_MAX || soak.window < 1 || soak.window > 1024) {
        fputs("usage: soak [MINUTES [WINDOW]]\n", stderr);
        return 2;
    }
    begin(&soak);
    while (soak.begun < soak.window)
        submit(&soak, soak.begun++, 0);
    for (uint32_t i = 0; i < samples; i++) {
        uint64_t done_before = soak.done;
        load_until(&soak, now_us() + (int64_t)SAMPLE_S * 1000000);
        take_sample(&soak, done_before);
    }
    bool good = judge(&soak);
    end(&soak);
    return good ? 0 : 1;
}
