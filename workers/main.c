/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's program; WORKER_STAGE is the stage's list of rules, WORKER_NAME the program's name. */
#include "workers/runtime.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define ENDPOINT "ipc:///run/commissiond/workers.sock"
#define CAPACITY 64
#define JOIN_MS 2000
#define TURN_MS 1000
#define BACKOFF_MS 250
#define BACKOFF_MS_MAX 8000

static volatile sig_atomic_t stopped;

static void stop(int signal)
{
    (void)signal;
    stopped = 1;
}

/* syslog's levels; systemd reads them off the line. */
enum level { LEVEL_ERR = 3, LEVEL_WARNING = 4, LEVEL_NOTICE = 5 };

static void say(enum level level, const char *format, ...) PRINTF_LIKE(2, 3);

static void say(enum level level, const char *format, ...)
{
    va_list arguments;

    if (getenv("JOURNAL_STREAM") != NULL)
        fprintf(stderr, "<%d>", (int)level);
    else
        fprintf(stderr, "%s: ", WORKER_NAME);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

struct settings {
    struct commission_options connection;
    struct hello hello;
    const char *key_file;
    const char *server_key_file;
};

static void print_help(void)
{
    printf("Usage: %s [OPTION...]\n"
           "Take the assignments of the stage %s from commissiond, judge them, report.\n\n"
           "  -e, --endpoint ENDPOINT     the workers' socket, tcp://... or ipc://...\n"
           "                              (%s)\n"
           "  -k, --key-file FILE         one's own key; without it the user's id is the proof, on "
           "ipc\n"
           "  -s, --server-key-file FILE  the daemon's public key; with -k\n"
           "  -n, --name NAME             what operators see (the host and the process)\n"
           "  -c, --capacity N            assignments held at once, 1 to %d (%d)\n"
           "  -h, --help                  this\n"
           "  -V, --version               the version\n",
           WORKER_NAME, stage_name(WORKER_STAGE.stage), ENDPOINT, WORKER_CAPACITY_MAX, CAPACITY);
}

static bool read_capacity(const char *text, uint32_t *ret)
{
    char *end;

    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || *text == '-' || value < 1 ||
        value > WORKER_CAPACITY_MAX)
        return false;
    *ret = (uint32_t)value;
    return true;
}

static bool set_name(struct hello *hello, const char *name)
{
    int len = snprintf(hello->name, sizeof hello->name, "%s", name);

    return len > 0 && (size_t)len < sizeof hello->name;
}

static void name_by_host(struct hello *hello)
{
    char host[WORKER_NAME_SIZE - 12] = "worker";

    if (gethostname(host, sizeof host) != 0)
        snprintf(host, sizeof host, "worker");
    host[sizeof host - 1] = '\0';
    snprintf(hello->name, sizeof hello->name, "%s-%ld", host, (long)getpid());
}

static bool read_keys(struct settings *settings)
{
    struct commission_options *connection = &settings->connection;

    connection->plain = settings->key_file == NULL;
    if (connection->plain != (settings->server_key_file == NULL)) {
        say(LEVEL_ERR, "-k and -s go together");
        return false;
    }
    if (connection->plain)
        return true;
    enum status status =
        commission_key_read(settings->key_file, &connection->public_key, connection->secret_key);
    if (status != STATUS_OK) {
        say(LEVEL_ERR, "%s: %s", settings->key_file,
            status == STATUS_REFUSED ? "others can read this key; chmod 0600 it"
                                     : status_text(status));
        return false;
    }
    status = commission_key_read(settings->server_key_file, &connection->server_key, NULL);
    if (status != STATUS_OK)
        say(LEVEL_ERR, "%s: %s", settings->server_key_file, status_text(status));
    return status == STATUS_OK;
}

static bool usage_failed(const char *what)
{
    say(LEVEL_ERR, "%s; see --help", what);
    return false;
}

/* One option. False: it cannot be, and that has been said. */
static bool take_option(struct settings *settings, int option)
{
    switch (option) {
    case 'e':
        settings->connection.endpoint = optarg;
        return true;
    case 'k':
        settings->key_file = optarg;
        return true;
    case 's':
        settings->server_key_file = optarg;
        return true;
    case 'n':
        return set_name(&settings->hello, optarg) || usage_failed("a name has 1 to 64 characters");
    case 'c':
        return read_capacity(optarg, &settings->hello.capacity) ||
               usage_failed("a capacity is a number from 1 to 1024");
    default:
        return usage_failed("wrong option");
    }
}

/* -1: go on; else the exit code. */
static int read_options(struct settings *settings, int argc, char **argv)
{
    static const struct option options[] = {
        {"endpoint", required_argument, NULL, 'e'},
        {"key-file", required_argument, NULL, 'k'},
        {"server-key-file", required_argument, NULL, 's'},
        {"name", required_argument, NULL, 'n'},
        {"capacity", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "e:k:s:n:c:hV", options, NULL)) != -1) {
        if (option == 'h') {
            print_help();
            return EXIT_SUCCESS;
        }
        if (option == 'V') {
            printf("%s %s\n", WORKER_NAME, COMMISSION_VERSION);
            return EXIT_SUCCESS;
        }
        if (!take_option(settings, option))
            return 2;
    }
    if (optind < argc) {
        usage_failed("there are no arguments, only options");
        return 2;
    }
    return -1;
}

/* Wait, unless told to stop. */
static void pause_ms(int ms)
{
    if (!stopped)
        (void)poll(NULL, 0, ms);
}

/* Say HELLO until there is a WELCOME, ever more slowly; say aloud only what is new. */
static bool join(struct commission *commission, const struct settings *settings)
{
    enum status told = STATUS_OK;
    struct welcome welcome = {.run = 0};

    for (int backoff_ms = BACKOFF_MS; !stopped;) {
        enum status status = commission_join(commission, &settings->hello, JOIN_MS, &welcome);
        if (status == STATUS_OK) {
            say(LEVEL_NOTICE, "joined endpoint=%s name=%s run=%llu", settings->connection.endpoint,
                settings->hello.name, (unsigned long long)welcome.run);
            return true;
        }
        if (status != told && commission_key_refused(commission))
            say(LEVEL_WARNING, "the daemon does not accept our key endpoint=%s",
                settings->connection.endpoint);
        else if (status != told && status == STATUS_REFUSED)
            say(LEVEL_WARNING, "refused endpoint=%s reason=%.*s", settings->connection.endpoint,
                (int)welcome.error.len, (const char *)welcome.error.bytes);
        else if (status != told)
            say(LEVEL_WARNING, "waiting for the daemon endpoint=%s reason=%s",
                settings->connection.endpoint, status_text(status));
        told = status;
        pause_ms(backoff_ms);
        backoff_ms = backoff_ms * 2 < BACKOFF_MS_MAX ? backoff_ms * 2 : BACKOFF_MS_MAX;
    }
    return false;
}

/* Until we are refused, drained or told to stop. After a lost connection the library joins again by itself. */
static void work(struct runtime *runtime, struct commission *commission)
{
    bool away = false;
    enum status status = STATUS_OK;

    while (!stopped && !commission_drained(commission) &&
           (status == STATUS_OK || status == STATUS_TIMED_OUT ||
            (status == STATUS_UNREACHABLE && !commission_key_refused(commission)))) {
        status = runtime_turn(runtime, commission, TURN_MS);
        if (!away && status == STATUS_UNREACHABLE)
            say(LEVEL_WARNING, "the daemon is away");
        if (away && (status == STATUS_OK || status == STATUS_TIMED_OUT))
            say(LEVEL_NOTICE, "joined again");
        away = status == STATUS_UNREACHABLE;
    }
    if (!stopped && !commission_drained(commission))
        say(LEVEL_WARNING, "beginning anew reason=%s", status_text(status));
}

static int serve(const struct settings *settings)
{
    struct runtime *runtime = NULL;
    struct commission *commission = NULL;

    enum status status = runtime_new(&runtime, &WORKER_STAGE);
    if (status == STATUS_OK)
        status = commission_open(&commission, &settings->connection);
    if (status != STATUS_OK) {
        say(LEVEL_ERR, "cannot start endpoint=%s reason=%s", settings->connection.endpoint,
            status_text(status));
        runtime_free(runtime);
        return EXIT_FAILURE;
    }
    bool drained = false;
    while (!stopped && !drained && join(commission, settings)) {
        work(runtime, commission);
        drained = commission_drained(commission);
    }
    commission_leave(commission, drained ? "drained" : "stopping");
    commission_close(commission);
    say(LEVEL_NOTICE, "%s judged=%llu failed=%llu", drained ? "drained" : "stopped",
        (unsigned long long)runtime_judged(runtime), (unsigned long long)runtime_failed(runtime));
    runtime_free(runtime);
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct settings settings = {
        .connection = {.endpoint = ENDPOINT},
        .hello = {.stages = {WORKER_STAGE.stage}, .stages_count = 1, .capacity = CAPACITY},
    };
    struct sigaction action = {.sa_handler = stop}; /* no SA_RESTART: whoever waits is woken */

    name_by_host(&settings.hello);
    int exit_code = read_options(&settings, argc, argv);
    if (exit_code >= 0)
        return exit_code;
    if (!read_keys(&settings))
        return EXIT_FAILURE;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    exit_code = serve(&settings);
    explicit_bzero(&settings, sizeof settings);
    return exit_code;
}
