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

#include "clients/lib/commission.h"
#include "proto/codec.h"
#include "tests/support/instance.h"

#define STAGES 5
#define STEPS_CASE 10
#define CONNECTIONS_MAX 64
#define EVENT_BYTES 300
#define EVENT_ROOM 2048
#define LEAD "02E"
#define NHSE "X24"
#define OPERATOR "OPS"
#define STALLED_MS 20000
#define US_PER_S 1000000.0

static const enum event_type types[STAGES] = {
    EVENT_NEEDS_ASSESSED,   EVENT_PRIORITIES_SET,   EVENT_BIDS_EVALUATED,
    EVENT_CONTRACT_AWARDED, EVENT_REVIEW_COMPLETED,
};

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
    struct pair lead;
    struct pair nhse;
    struct commission *connections[CONNECTIONS_MAX];
    uint64_t salt;
    uint32_t begun; /* cases */
    uint32_t done;
    int64_t *case_at_us;  /* of each case, when its first event was sent */
    int64_t *event_at_us; /* of each case, when its newest event was sent */
    uint32_t *ack_us;     /* STAGES a case */
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

/* ---- events ---- */

static struct slice text(const char *string)
{
    return (struct slice){(const uint8_t *)string, strlen(string)};
}

/** Time order in front, as UUIDv7 has it; case and stage at the end. */
static struct event_id id_of(const struct bench *bench, uint32_t number, uint32_t stage)
{
    struct event_id id;
    for (int i = 0; i < 8; i++)
        id.bytes[i] = (uint8_t)(bench->salt >> (56 - 8 * i));
    id.bytes[8] = 0x80;
    id.bytes[9] = 0;
    id.bytes[10] = 0;
    id.bytes[11] = (uint8_t)stage;
    for (int i = 0; i < 4; i++)
        id.bytes[12 + i] = (uint8_t)(number >> (24 - 8 * i));
    return id;
}

static uint32_t case_of(const struct event_id *id)
{
    return (uint32_t)id->bytes[12] << 24 | (uint32_t)id->bytes[13] << 16 |
           (uint32_t)id->bytes[14] << 8 | id->bytes[15];
}

static date_t day(const char *string)
{
    date_t date = DATE_NONE;
    CHECK(date_parse(string, strlen(string), &date));
    return date;
}

static void fill(struct event *event, uint32_t stage, struct slice padding,
                 const struct provider *provider)
{
    switch (stage) {
    case 0:
        event->needs_assessed = (struct needs_assessed){
            .category = CATEGORY_ELECTIVE,
            .registered_given = true,
            .unregistered_given = true,
            .registered_count = 214000,
            .unregistered_count = 310,
            .title = padding,
        };
        break;
    case 1:
        event->priorities_set =
            (struct priorities_set){.plan_reference = padding, .budget_pence = 500000};
        break;
    case 2:
        event->bids_evaluated =
            (struct bids_evaluated){.preferred_bid_id = padding, .bids_count = 3};
        break;
    case 3:
        event->award = (struct award){
            .award_id = text("award-1"),
            .reference = padding,
            .providers = provider,
            .providers_count = 1,
            .value_pence = 1000,
            .period = {day("2018-06-01"), day("2018-12-31")},
            .category = CATEGORY_ELECTIVE,
        };
        break;
    default:
        event->review_summary = padding;
        break;
    }
}

/** An event of about EVENT_BYTES, in @bytes. */
static struct slice event_of(const struct bench *bench, uint32_t number, uint32_t stage,
                             uint8_t bytes[EVENT_ROOM])
{
    static const char padding[EVENT_BYTES] =
        "A community physiotherapy service for adults, close to home, in four places of the "
        "borough, with self-referral and a telephone assessment within two working days; bought "
        "for three years with an option of two more, reviewed each quarter against six outcomes "
        "that patients and practices";
    const struct provider provider = {
        .scheme = text("GB-COH"),
        .id = text("01234567"),
        .name = text("A Provider Limited"),
        .kind = PROVIDER_INDEPENDENT,
    };
    struct event event = {
        .id = id_of(bench, number, stage),
        .type = types[stage],
        .lead = {LEAD},
        .sender = {LEAD},
        .occurred_on = day("2018-05-01"),
        .actor = text("bench-4711"),
    };
    snprintf(event.reference.text, sizeof event.reference.text, "bench-%016" PRIx64 "-%u",
             bench->salt, number);
    /* Twice: to see how long it is without the padding, and with it. */
    size_t padding_len = 0;
    struct buffer buffer = {.bytes = bytes, .max = EVENT_ROOM};
    for (int i = 0; i < 2; i++) {
        buffer.len = 0;
        fill(&event, stage, (struct slice){(const uint8_t *)padding, padding_len}, &provider);
        codec_encode_event(&buffer, &event);
        size_t room = types[stage] == EVENT_BIDS_EVALUATED ? AWARD_ID_SIZE - 1 : sizeof padding - 1;
        size_t wanted = buffer.len + 4 < EVENT_BYTES ? EVENT_BYTES - buffer.len - 4 : 1;
        padding_len = wanted < room ? wanted : room;
    }
    CHECK(!buffer.full);
    return (struct slice){bytes, buffer.len};
}

/* ---- registers: what a case needs to be accepted ---- */

static struct commission *connect_as(const struct bench *bench, const struct pair *pair,
                                     uint32_t window)
{
    struct commission_options options = {
        .endpoint = bench->instance.clients,
        .server_key = bench->instance.server.public_key,
        .public_key = pair->public_key,
        .window = window,
        .resend_ms = STALLED_MS,
    };
    memcpy(options.secret_key, pair->secret_key, KEY_BYTES);
    struct commission *commission = NULL;
    if (commission_open(&commission, &options) != STATUS_OK)
        die("connect", "refused");
    return commission;
}

/** Send one register event and want it accepted. */
static void record(struct commission *commission, struct event *event, const char *what)
{
    static uint8_t number = 0;
    uint8_t bytes[EVENT_ROOM];
    struct buffer buffer = {.bytes = bytes, .max = sizeof bytes};
    event->id.bytes[0] = 1;
    event->id.bytes[15] = ++number;
    codec_encode_event(&buffer, event);
    const struct answer *answers = NULL;
    uint32_t count = 0;
    enum status status =
        commission_send(commission, (struct slice){bytes, buffer.len}, COMMISSION_WAIT_VERDICT);
    if (status == STATUS_OK)
        status = commission_answers(commission, STALLED_MS, &answers, &count);
    if (status != STATUS_OK)
        die(what, status_text(status));
    if (answers[0].kind != ANSWER_VERDICT || answers[0].verdict != VERDICT_ACCEPTED)
        die(what, answers[0].reasons_count > 0 ? answers[0].reasons[0].text : "not accepted");
}

static void add_key(struct commission *first, const struct pair *pair, const char *ods,
                    enum organisation_kind kind)
{
    struct event event = {
        .type = EVENT_KEY_ADDED,
        .sender = {OPERATOR},
        .occurred_on = day("2018-04-01"),
        .actor = text("bench"),
        .key_added = {.public_key = pair->public_key,
                      .kind = kind,
                      .verbs = VERB_BIT(VERB_SUBMIT) | VERB_BIT(VERB_DECIDE) | VERB_BIT(VERB_READ),
                      .label = text("bench")},
    };
    snprintf(event.organisation.text, sizeof event.organisation.text, "%s", ods);
    record(first, &event, "key");
}

static void set_registers(struct bench *bench)
{
    struct commission *first = connect_as(bench, &bench->instance.first, 1);
    bench->lead = pair_new();
    bench->nhse = pair_new();
    add_key(first, &bench->nhse, NHSE, ORGANISATION_NHSE);
    add_key(first, &bench->lead, LEAD, ORGANISATION_CCG);
    commission_close(first);

    struct commission *nhse = connect_as(bench, &bench->nhse, 1);
    struct event event = {
        .type = EVENT_ORGANISATION_REGISTERED,
        .organisation = {NHSE},
        .sender = {NHSE},
        .occurred_on = day("2018-04-01"),
        .actor = text("bench"),
        .organisation_registered = {.name = text("NHS England"),
                                    .kind = ORGANISATION_NHSE,
                                    .opened_on = day("2013-04-01"),
                                    .closed_on = DATE_NONE},
    };
    record(nhse, &event, "organisation");
    event.organisation = (struct ods){LEAD};
    event.organisation_registered = (struct organisation_registered){
        .name = text("NHS Warrington CCG"),
        .kind = ORGANISATION_CCG,
        .opened_on = day("2013-04-01"),
        .closed_on = DATE_NONE,
    };
    record(nhse, &event, "organisation");
    event.type = EVENT_ALLOTMENT_SET;
    event.allotment_set = (struct allotment_set){.year = 2018, .core_pence = INT64_C(30000000000)};
    record(nhse, &event, "allotment");
    commission_close(nhse);
}

/* ---- the relay ---- */

static struct commission *connection_of(const struct bench *bench, uint32_t number)
{
    return bench->connections[number % bench->options.connections];
}

static void submit(struct bench *bench, uint32_t number, uint32_t stage)
{
    uint8_t bytes[EVENT_ROOM];
    struct slice event = event_of(bench, number, stage, bytes);
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
    uint32_t number = case_of(&answer->event_id);
    uint32_t stage = answer->event_id.bytes[11];
    CHECK(number < bench->begun);
    CHECK(stage < STAGES);
    uint32_t took_us = (uint32_t)(at_us - bench->event_at_us[number]);
    if (answer->kind == ANSWER_RECEIPT) {
        bench->ack_us[bench->acks++] = took_us;
        return;
    }
    bench->verdict_us[bench->verdicts++] = took_us;
    if (stage + 1 < STAGES) {
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
        if (!take_answers(bench, bench->connections[0], STALLED_MS))
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
        if (!any && poll(items, count, STALLED_MS) == 0)
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

static bool slice_is(struct slice slice, const char *string)
{
    return slice.len == strlen(string) && memcmp(slice.bytes, string, slice.len) == 0;
}

/** A number of "server status", by its name. -1: it has none such. */
static int64_t status_number(struct commission *commission, const char *name)
{
    struct query query = {.query_id = 1, .command = text("server status"), .rows_max = 256};
    const struct reply *reply = NULL;
    if (commission_ask(commission, &query, STALLED_MS, &reply) != STATUS_OK)
        return -1;
    for (uint32_t row = 0; row < reply->rows_count; row++) {
        const struct slice *cells = &reply->cells[(size_t)row * reply->columns_count];
        for (uint32_t i = 0; i < reply->columns_count; i++) {
            bool by_column = strcmp(reply->columns[i].name, name) == 0;
            bool by_row = i + 1 < reply->columns_count && slice_is(cells[i], name);
            if (by_column || by_row) {
                char number[32];
                struct slice cell = by_column ? cells[i] : cells[i + 1];
                snprintf(number, sizeof number, "%.*s", (int)cell.len, (const char *)cell.bytes);
                return atoll(number);
            }
        }
    }
    return -1;
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
    struct commission *first = connect_as(bench, &bench->instance.first, 1);
    int64_t flushes = status_number(first, "flushes");
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
        flushes = status_number(first, "flushes") - flushes;
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
    bench->ack_us = calloc(cases * STAGES, sizeof *bench->ack_us);
    bench->verdict_us = calloc(cases * STAGES, sizeof *bench->verdict_us);
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
    bench.salt = ((uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000) << 16 | 0x7000;

    instance_make(&bench.instance, bench.options.bin != NULL ? bench.options.bin : dirname(self),
                  bench.options.more);
    if (!instance_start(&bench.instance))
        die("commissiond", "does not start");
    instance_start_workers(&bench.instance, bench.options.window > 64 ? WORKER_CAPACITY_MAX : 64);
    set_registers(&bench);
    for (uint32_t i = 0; i < bench.options.connections; i++)
        bench.connections[i] = connect_as(&bench, &bench.lead, bench.options.window);
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
