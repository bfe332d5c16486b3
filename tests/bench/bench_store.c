/* SPDX-License-Identifier: Apache-2.0 */
/* bench_store.c - the store alone: entries a second by batch size, and of a rebuild; one JSON line a figure. */
/* bench_store [FOLDER [ENTRIES [WORKFLOWS]]]: FOLDER is where the store is made (default: here), on the disk to be measured. */
#include "daemon/store/segment.h"
#include "daemon/store/store.h"
#include "tests/support/folder.h"
#include "tests/support/scribe.h"

#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define MAP_BYTES (16ull << 30)
#define SEGMENT_BYTES (64ull << 20)
#define EVENT_TEXT_BYTES 200 /* makes events of about 300 bytes */

static double seconds(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct store *open_store(const struct folder *folder, struct store_report *report)
{
    struct store_options options = {folder->path, SEGMENT_BYTES, MAP_BYTES, false, 0};
    struct store *store = NULL;
    char text[400];

    if (store_open(&store, &options, report, text, sizeof text) != STATUS_OK) {
        fprintf(stderr, "%s\n", text);
        exit(1);
    }
    return store;
}

static void must(enum status status)
{
    if (status == STATUS_OK)
        return;
    fprintf(stderr, "%s\n", status_name(status));
    exit(1);
}

/** As the broker does: the batch durable, the state committed every 2,000 rows or so, a little file work. */
static void turn(struct store *store)
{
    must(store_flush(store));
    if (store_dirty_rows(store) >= STATE_DIRTY_ROWS_MAX)
        must(store_commit(store));
    must(store_tend(store));
}

/** Half of the entries RECEIVED, half JUDGED. */
static void measure_adding(const struct folder *folder, uint32_t batch, uint32_t entries,
                           uint32_t workflows)
{
    struct store_report report;
    struct store_counts counts;
    struct scribe scribe;

    scribe_init(&scribe, open_store(folder, &report), 1);
    scribe.ids = (uint64_t)batch << 32;
    double wall = -seconds(CLOCK_MONOTONIC);
    double cpu = -seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (uint32_t i = 0; i < entries; i += 2) {
        struct workflow workflow;
        scribe_take_note(&scribe, scribe_draw(&scribe, workflows), EVENT_TEXT_BYTES);
        scribe_receive(&scribe);
        if (batch == 1)
            turn(scribe.store);
        CHECK(store_find_workflow(scribe.store, scribe.event.lead, &scribe.event.reference,
                                  &workflow));
        scribe_judge(&scribe, workflow.number, VERDICT_ACCEPTED, false, NULL, 0);
        if (store_batch_count(scribe.store) >= batch)
            turn(scribe.store);
    }
    must(store_flush(scribe.store));
    must(store_commit(scribe.store));
    wall += seconds(CLOCK_MONOTONIC);
    cpu += seconds(CLOCK_PROCESS_CPUTIME_ID);
    store_count(scribe.store, &counts);
    printf("{\"bench\": \"store add\", \"batch\": %u, \"entries\": %llu, \"workflows\": %llu, "
           "\"entries_per_s\": %.0f, \"cpu_us_per_entry\": %.2f, \"flushes_per_entry\": %.4f, "
           "\"journal_bytes_per_entry\": %.0f, \"commits\": %llu}\n",
           batch, (unsigned long long)counts.entries, (unsigned long long)counts.workflows,
           (double)counts.entries / wall, cpu * 1e6 / (double)counts.entries,
           (double)counts.flushes / (double)counts.entries,
           (double)counts.journal_bytes / (double)counts.entries,
           (unsigned long long)counts.commits);
    scribe_clear(&scribe);
    store_close(scribe.store);
}

static void measure_opening(const struct folder *folder, const char *what)
{
    struct store_report report;
    double wall = -seconds(CLOCK_MONOTONIC);
    double cpu = -seconds(CLOCK_PROCESS_CPUTIME_ID);
    struct store *store = open_store(folder, &report);
    struct rusage usage;

    wall += seconds(CLOCK_MONOTONIC);
    cpu += seconds(CLOCK_PROCESS_CPUTIME_ID);
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"bench\": \"store %s\", \"entries\": %llu, \"replayed\": %llu, \"seconds\": %.3f, "
           "\"cpu_seconds\": %.3f, \"entries_per_s\": %.0f, \"max_rss_kib\": %ld}\n",
           what, (unsigned long long)store_durable_seq(store),
           (unsigned long long)report.entries_replayed, wall, cpu,
           (double)report.entries_replayed / wall, usage.ru_maxrss);
    store_close(store);
}

int main(int argc, char **argv)
{
    static const uint32_t batches[] = {1, 64, 512};
    uint32_t entries = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 400000;
    uint32_t workflows = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 20000;
    struct folder folder;

    CHECK(setenv("COMMISSION_TEST_FOLDER", argc > 1 ? argv[1] : ".", 1) == 0);
    folder = folder_new();
    for (uint32_t i = 0; i < ARRAY_LEN(batches); i++)
        measure_adding(&folder, batches[i], batches[i] == 1 ? entries / 20 : entries, workflows);
    measure_opening(&folder, "open");
    folder_clear(&folder, "state");
    measure_opening(&folder, "rebuild");
    folder_remove(&folder);
    return 0;
}
