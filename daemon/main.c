/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - commissiond: options, instance lock, all parts built bottom-up and released top-down. The only file that knows all of them. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <sodium.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "daemon/broker/broker.h"
#include "daemon/config.h"
#include "daemon/log.h"
#include "daemon/net/connections.h"
#include "daemon/net/loop.h"
#include "daemon/net/notify.h"
#include "daemon/net/signing.h"
#include "daemon/store/store.h"

#ifndef COMMISSION_VERSION
#define COMMISSION_VERSION "0.1.0"
#endif
#define CONFIG_FILE "/etc/commissiond/commissiond.conf"
#define TEXT_SIZE 512
#define KEYS_ROOM_EXTRA 1 /* the first operator's */
#define OPERATOR_CODE "OPS"

/* As commissiond(8) says. */
enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_LOCKED = 3,
    EXIT_DAMAGED = 4,
};

enum mode { MODE_RUN, MODE_CHECK_CONFIG, MODE_VERIFY, MODE_RESTORE };

struct options {
    enum mode mode;
    const char *config_file;
    const char *verify_dir;
    const char *restore_dir;
    const char *to_dir;
    bool expecting;
    struct store_expected expected;
};

/* All parts, in the order in which they are built. */
struct daemon {
    struct config config;
    const char *config_file;
    char config_text[CONFIG_TEXT_SIZE]; /* for backups */
    struct log log;
    int signal_fd;
    int lock_fd;
    uint32_t clients_max; /* connections for which there are descriptors */
    struct keyfile server_key;
    bool server_key_read;
    struct signing signing;
    bool signing_read;
    char checkpoint_file[CONFIG_PATH_SIZE + 16];
    struct store *store;
    struct keyring *keyring;
    struct broker *broker;
    void *zmq;
    struct zap *zap;
    struct endpoint *workers;
    struct endpoint *clients;
    struct loop *loop;
};

/* ---- options ---- */

static const char help[] =
    "usage: commissiond [-c FILE]                run, in the foreground\n"
    "       commissiond [-c FILE] --check-config say whether FILE is fine\n"
    "       commissiond [-c FILE] --verify DIR [--expect ID:SEQ:HASH]\n"
    "                                            prove journal and state in DIR (the daemon down)\n"
    "       commissiond [-c FILE] --restore BACKUP --to STATE [--expect ID:SEQ:HASH]\n"
    "                                            a backup into an empty state folder, proven\n"
    "       commissiond --version | --help\n"
    "\n"
    "FILE is " CONFIG_FILE " unless given. SIGTERM drains and stops, SIGHUP reads\n"
    "the configuration again. Exit status: 0 done, 1 failed, 2 usage or configuration,\n"
    "3 the state folder is in use, 4 damage was found. See commissiond(8).\n";

/** The journal's id, a seq, the entry's hash. */
static bool expected_read(const char *text, struct store_expected *ret)
{
    const char *colon = strchr(text, ':');
    char *end = NULL;
    if (colon == NULL || !statement_id_parse(text, (size_t)(colon - text), ret->journal_id) ||
        colon[1] < '0' || colon[1] > '9')
        return false;
    errno = 0;
    ret->seq = strtoull(colon + 1, &end, 10);
    return errno == 0 && *end == ':' && statement_hash_parse(end + 1, strlen(end + 1), &ret->hash);
}

/** -1: go on; else the exit status. */
static int options_read(struct options *ret, int argc, char **argv)
{
    static const struct option longs[] = {
        {"config", required_argument, NULL, 'c'},
        {"check-config", no_argument, NULL, 'k'},
        {"verify", required_argument, NULL, 'v'},
        {"expect", required_argument, NULL, 'e'},
        {"restore", required_argument, NULL, 'r'},
        {"to", required_argument, NULL, 't'},
        {"version", no_argument, NULL, 'V'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    *ret = (struct options){.mode = MODE_RUN, .config_file = CONFIG_FILE};
    for (int option = getopt_long(argc, argv, "c:h", longs, NULL); option != -1;
         option = getopt_long(argc, argv, "c:h", longs, NULL)) {
        switch (option) {
        case 'c':
            ret->config_file = optarg;
            break;
        case 'k':
            ret->mode = MODE_CHECK_CONFIG;
            break;
        case 'v':
            ret->mode = MODE_VERIFY;
            ret->verify_dir = optarg;
            break;
        case 'r':
            ret->mode = MODE_RESTORE;
            ret->restore_dir = optarg;
            break;
        case 't':
            ret->to_dir = optarg;
            break;
        case 'e':
            ret->expecting = expected_read(optarg, &ret->expected);
            if (ret->expecting)
                break;
            fprintf(stderr, "commissiond: --expect %s: ID:SEQ:HASH is wanted\n", optarg);
            return EXIT_USAGE;
        case 'V':
            printf("commissiond %s\n", COMMISSION_VERSION);
            return EXIT_DONE;
        case 'h':
            fputs(help, stdout);
            return EXIT_DONE;
        default:
            fputs("commissiond --help says how it is used\n", stderr);
            return EXIT_USAGE;
        }
    }
    if ((ret->mode == MODE_RESTORE) != (ret->to_dir != NULL)) {
        fputs("commissiond: --restore BACKUP and --to STATE go together\n", stderr);
        return EXIT_USAGE;
    }
    if (optind < argc) {
        fprintf(stderr, "commissiond: \"%s\" is not expected here; see --help\n", argv[optind]);
        return EXIT_USAGE;
    }
    return -1;
}

/* ---- the instance lock ---- */

/** Make @dir unless it is there; its name lasts when this returns, and with it what will be acknowledged in it. */
static bool folder_make(const char *dir)
{
    char parent[CONFIG_PATH_SIZE + 8];
    if (mkdir(dir, 0700) != 0)
        return errno == EEXIST;
    snprintf(parent, sizeof parent, "%s/..", dir);
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool lasting = fsync(fd) == 0;
    close(fd);
    return lasting;
}

/** Taken before anything is opened or bound: LMDB and ipc:// would happily be shared. */
static int lock_take(struct daemon *daemon)
{
    const char *dir = daemon->config.state_dir;
    if (!folder_make(dir)) {
        log_line(&daemon->log, LOG_LEVEL_ERR, "no state folder dir=%s reason=\"%s\"", dir,
                 strerror(errno));
        return EXIT_FAILED;
    }
    char path[CONFIG_PATH_SIZE + 8];
    snprintf(path, sizeof path, "%s/lock", dir);
    daemon->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (daemon->lock_fd < 0) {
        log_line(&daemon->log, LOG_LEVEL_ERR, "cannot write state folder dir=%s reason=\"%s\"", dir,
                 strerror(errno));
        return EXIT_FAILED;
    }
    if (flock(daemon->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        log_line(&daemon->log, LOG_LEVEL_ERR,
                 "another commissiond runs on this state folder dir=%s", dir);
        return EXIT_LOCKED;
    }
    return EXIT_DONE;
}

/* ---- building ---- */

/** All our descriptors are open before the first peer comes; libzmq aborts where an ipc listener finds none left (PITFALLS Z1). */
static bool take_descriptors(struct daemon *daemon)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    daemon->clients_max = connections_room(limit.rlim_cur, 2 * daemon->config.workers_max);
    if (daemon->clients_max < CLIENTS_MAX)
        log_line(&daemon->log, daemon->clients_max == 0 ? LOG_LEVEL_ERR : LOG_LEVEL_WARNING,
                 "few descriptors may be open limit=%ju clients_max=%u wanted=%d",
                 (uintmax_t)limit.rlim_cur, daemon->clients_max, CLIENTS_MAX);
    return daemon->clients_max > 0;
}

static void harden(void)
{
#ifndef __SANITIZE_ADDRESS__ /* whose leak check, at the end, reads our memory from outside */
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
#endif
    umask(077);

    /* libzmq's routing ids start from rand(), which nobody else seeds (PITFALLS Z7). */
    unsigned seed = 0;
    CHECK(getrandom(&seed, sizeof seed, 0) == (ssize_t)sizeof seed);
    srand(seed);
}

static bool store_begin(struct daemon *daemon)
{
    const struct store_options options = {
        .dir = daemon->config.state_dir,
        .segment_bytes = daemon->config.segment_bytes,
        .map_bytes = daemon->config.map_bytes,
        .reserve_bytes = daemon->config.reserve_bytes,
    };
    struct store_report report = {0};
    char text[TEXT_SIZE] = "";
    enum status status = store_open(&daemon->store, &options, &report, text, sizeof text);
    if (status != STATUS_OK) {
        log_line(&daemon->log, LOG_LEVEL_ERR, "store not opened dir=%s reason=\"%s\" at=\"%s\"",
                 options.dir, status_text(status), text);
        return false;
    }
    if (report.torn_bytes > 0)
        log_line(&daemon->log, LOG_LEVEL_WARNING,
                 "unfinished batch cut off, nobody was told of it bytes=%" PRIu64,
                 report.torn_bytes);
    if (report.state_upgraded_from != 0)
        log_line(&daemon->log, LOG_LEVEL_NOTICE,
                 "state of an older format put aside as state.old, and built anew format=%u",
                 report.state_upgraded_from);
    log_line(&daemon->log, LOG_LEVEL_NOTICE,
             "store open run=%" PRIu64 " seq=%" PRIu64 " replayed=%" PRIu64
             " created=%d rebuilt=%d",
             store_run(daemon->store), store_durable_seq(daemon->store), report.entries_replayed,
             report.created, report.state_rebuilt);
    return true;
}

static struct principal first_operator(const struct config *config)
{
    return (struct principal){
        .public_key = config->operator_key,
        .organisation = {OPERATOR_CODE},
        .kind = ORGANISATION_OPERATOR,
        .verbs = VERB_BIT(VERB_OPERATE) | VERB_BIT(VERB_READ) | VERB_BIT(VERB_SUBMIT),
    };
}

/** Who may come: the first operator, the workers' user, and the keys of the register. */
static bool keyring_begin(struct daemon *daemon)
{
    const struct config *config = &daemon->config;
    if (keyring_new(&daemon->keyring, KEYS_MAX + KEYS_ROOM_EXTRA) != STATUS_OK)
        return false;
    if (config->operator_key_given) {
        struct principal principal = first_operator(config);
        if (keyring_add(daemon->keyring, &principal) != STATUS_OK)
            return false;
    } else {
        log_line(&daemon->log, LOG_LEVEL_WARNING,
                 "no operator_public_key in the configuration: nobody can add keys");
    }
    if (config->workers_uid_given && !keyring_allow_worker(daemon->keyring, config->workers_uid))
        return false;

    struct key_row row;
    uint64_t after = 0;
    while (store_next_key(daemon->store, after, &row)) {
        after = row.entry_seq;
        if (!row.revoked && keyring_add(daemon->keyring, &row.principal) != STATUS_OK)
            log_line(&daemon->log, LOG_LEVEL_ERR, "no room for a key organisation=%s seq=%" PRIu64,
                     row.principal.organisation.text, row.entry_seq);
    }
    return true;
}

static bool broker_begin_with(struct daemon *daemon)
{
    const struct broker_options options = {
        .first_operator = first_operator(&daemon->config),
        .workers_max = daemon->config.workers_max,
        .feeds_max = daemon->config.feeds_max,
        .events_open_max = daemon->config.events_open_max,
        .events_open_sender_max = daemon->config.events_open_sender_max,
        .bytes_open_sender_max = daemon->config.bytes_open_sender_max,
        .events_rate_sender_max = daemon->config.events_rate_sender_max,
        .events_burst_sender_max = daemon->config.events_burst_sender_max,
        .workflows_open_lead_max = daemon->config.workflows_open_lead_max,
        .version = COMMISSION_VERSION,
        .signing_secret = daemon->signing.secret,
        .scrub_rows = daemon->config.scrub_rows,
        .config_text = daemon->config_text,
        .checkpoint_ms = (int64_t)daemon->config.checkpoint_interval_s * 1000,
    };
    uint32_t seed = 0;
    CHECK(getrandom(&seed, sizeof seed, 0) == (ssize_t)sizeof seed);
    enum status status = broker_new(&daemon->broker, daemon->store, &options, loop_now(), seed);
    if (status != STATUS_OK)
        log_line(&daemon->log, LOG_LEVEL_ERR, "broker not made reason=\"%s\"", status_text(status));
    return status == STATUS_OK;
}

static bool endpoint_begin(struct daemon *daemon, enum owed_to side, struct endpoint **ret)
{
    bool worker = side == OWED_WORKER;
    const struct config_endpoints *from =
        worker ? &daemon->config.workers : &daemon->config.clients;
    const struct endpoint_options options = {
        .side = side,
        .addresses = from->addresses,
        .addresses_count = from->count,
        .ipc_by_uid = worker && daemon->config.workers_uid_given,
        .server_key = &daemon->server_key,
        .connections_max = worker ? 2 * daemon->config.workers_max : daemon->clients_max,
    };
    char text[TEXT_SIZE] = "";
    enum status status =
        endpoint_new(ret, daemon->zmq, daemon->keyring, &options, text, sizeof text);
    if (status != STATUS_OK) {
        log_line(&daemon->log, LOG_LEVEL_ERR, "not bound side=%s reason=\"%s\" at=\"%s\"",
                 worker ? "workers" : "clients", status_text(status), text);
        return false;
    }
    for (uint32_t i = 0; endpoint_address(*ret, i) != NULL; i++)
        log_line(&daemon->log, LOG_LEVEL_NOTICE, "bound side=%s at=%s",
                 worker ? "workers" : "clients", endpoint_address(*ret, i));
    return true;
}

/** The ZAP handler first, workers before clients (PITFALLS S4). */
static bool net_begin(struct daemon *daemon)
{
    daemon->zmq = zmq_ctx_new();
    if (daemon->zmq == NULL)
        return false;
    enum status status = zap_new(&daemon->zap, daemon->zmq, daemon->keyring);
    if (status != STATUS_OK) {
        log_line(&daemon->log, LOG_LEVEL_ERR, "no ZAP handler reason=\"%s\"", status_text(status));
        return false;
    }
    if (!endpoint_begin(daemon, OWED_WORKER, &daemon->workers) ||
        !endpoint_begin(daemon, OWED_CLIENT, &daemon->clients))
        return false;
    const struct loop_parts parts = {
        .broker = daemon->broker,
        .keyring = daemon->keyring,
        .zap = daemon->zap,
        .clients = daemon->clients,
        .workers = daemon->workers,
        .log = &daemon->log,
        .signal_fd = daemon->signal_fd,
        .checkpoint_file = daemon->checkpoint_file,
    };
    if (loop_new(&daemon->loop, &parts) != STATUS_OK)
        return false;
    loop_set_drain(daemon->loop, daemon->config.drain_ms);
    return true;
}

static int server_key_begin(struct daemon *daemon)
{
    char text[TEXT_SIZE] = "";
    enum status status =
        keyfile_read(daemon->config.server_key_file, &daemon->server_key, text, sizeof text);
    if (status == STATUS_OK) {
        daemon->server_key_read = true;
        return EXIT_DONE;
    }
    log_line(&daemon->log, LOG_LEVEL_ERR, "server's key not read reason=\"%s\"%s", text,
             status == STATUS_NOT_FOUND ? "; make it with: commission key new FILE" : "");
    return EXIT_USAGE;
}

static int signing_begin(struct daemon *daemon)
{
    char text[TEXT_SIZE] = "";
    bool made;
    enum status status =
        signing_open(daemon->config.signing_key_file, &daemon->signing, &made, text, sizeof text);
    if (status != STATUS_OK) {
        log_line(&daemon->log, LOG_LEVEL_ERR, "signing key not read reason=\"%s\"", text);
        return EXIT_USAGE;
    }
    daemon->signing_read = true;
    if (made)
        log_line(&daemon->log, LOG_LEVEL_NOTICE, "signing key made file=%s",
                 daemon->config.signing_key_file);
    snprintf(daemon->checkpoint_file, sizeof daemon->checkpoint_file, "%s/" SIGNING_CHECKPOINT,
             daemon->config.state_dir);
    return EXIT_DONE;
}

/**
 * The journal holds what was signed: else an older one was put in the place of this one, or its end was cut off, and what others were
 * told is gone. A checkpoint that another key signed says nothing.
 */
static int checkpoint_check(struct daemon *daemon)
{
    struct statement kept;
    struct slice bytes;
    struct hash hash;
    uint8_t id[16];
    enum status status = signing_kept(daemon->checkpoint_file, daemon->signing.public_key, &kept);
    if (status != STATUS_OK) {
        if (status != STATUS_NOT_FOUND)
            log_line(&daemon->log, LOG_LEVEL_WARNING,
                     "kept checkpoint not used file=%s reason=\"%s\"", daemon->checkpoint_file,
                     status_text(status));
        return EXIT_DONE;
    }
    store_journal_id(daemon->store, id);
    if (memcmp(id, kept.journal_id, sizeof id) == 0 &&
        store_read_entry(daemon->store, kept.seq, &bytes, &hash) == STATUS_OK &&
        hash_equal(hash, kept.hash))
        return EXIT_DONE;
    log_line(&daemon->log, LOG_LEVEL_ERR,
             "the journal lacks what was signed seq=%" PRIu64 " file=%s: it was replaced or cut "
             "short; to go on all the same, take that file away",
             kept.seq, daemon->checkpoint_file);
    return EXIT_DAMAGED;
}

/** EXIT_DONE: everything stands. Else it was logged; daemon_end() releases what there is. */
static int daemon_begin(struct daemon *daemon)
{
    daemon->signal_fd = loop_signals();
    if (daemon->signal_fd < 0)
        return EXIT_FAILED;
    int exit_status = lock_take(daemon);
    if (exit_status != EXIT_DONE)
        return exit_status;
    if (!take_descriptors(daemon))
        return EXIT_FAILED;
    harden();
    exit_status = server_key_begin(daemon);
    if (exit_status != EXIT_DONE)
        return exit_status;
    exit_status = signing_begin(daemon);
    if (exit_status != EXIT_DONE)
        return exit_status;
    if (!store_begin(daemon))
        return EXIT_FAILED;
    exit_status = checkpoint_check(daemon);
    if (exit_status != EXIT_DONE)
        return exit_status;
    if (!keyring_begin(daemon) || !broker_begin_with(daemon) || !net_begin(daemon))
        return EXIT_FAILED;
    /* The sockets have it now. */
    keyfile_clear(&daemon->server_key);
    daemon->server_key_read = false;
    return EXIT_DONE;
}

static void daemon_end(struct daemon *daemon)
{
    loop_free(daemon->loop);
    endpoint_free(daemon->clients);
    endpoint_free(daemon->workers);
    zap_free(daemon->zap);
    if (daemon->zmq != NULL)
        (void)zmq_ctx_term(daemon->zmq);
    broker_free(daemon->broker);
    keyring_free(daemon->keyring);
    store_close(daemon->store);
    if (daemon->server_key_read)
        keyfile_clear(&daemon->server_key);
    if (daemon->signing_read)
        signing_clear(&daemon->signing);
    if (daemon->lock_fd >= 0)
        close(daemon->lock_fd);
    if (daemon->signal_fd >= 0)
        close(daemon->signal_fd);
}

/* ---- running ---- */

/** A file that is wrong now changes nothing. */
static void reload(struct daemon *daemon)
{
    struct config config;
    char text[TEXT_SIZE];
    enum status status = config_read(daemon->config_file, &config, text, sizeof text);
    if (status != STATUS_OK) {
        log_line(&daemon->log, LOG_LEVEL_ERR, "not reloaded, all stays as it was reason=\"%s\"",
                 text);
        return;
    }
    const char *key = config_needs_restart(&daemon->config, &config);
    if (key != NULL)
        log_line(&daemon->log, LOG_LEVEL_WARNING, "changed, but wants a restart key=%s", key);
    config_print(daemon->config_file, daemon->config_text, sizeof daemon->config_text);
    daemon->config.log_level = config.log_level;
    daemon->config.drain_ms = config.drain_ms;
    daemon->log.level = config.log_level;
    loop_set_drain(daemon->loop, config.drain_ms);
    log_line(&daemon->log, LOG_LEVEL_NOTICE, "reloaded file=%s", daemon->config_file);
}

/** So that the next start has nothing to replay. */
static int commit_last(struct daemon *daemon)
{
    enum status status = store_commit(daemon->store);
    if (status == STATUS_OK)
        return EXIT_DONE;
    log_line(&daemon->log, LOG_LEVEL_ERR, "state not committed reason=\"%s\"", status_text(status));
    return EXIT_FAILED;
}

/** What the store's first failure was about, once: which file, table or entry. */
static void say_failure(struct daemon *daemon)
{
    const char *text = store_failure_text(daemon->store);
    if (text[0] != '\0')
        log_line(&daemon->log, LOG_LEVEL_ERR,
                 "store failed at=\"%s\": what has a receipt is in the journal; see "
                 "commissiond --verify",
                 text);
}

static int run(const struct options *options, const struct config *config)
{
    struct daemon daemon = {
        .config = *config,
        .config_file = options->config_file,
        .signal_fd = -1,
        .lock_fd = -1,
    };
    log_init(&daemon.log, STDERR_FILENO, config->log_level);
    log_line(&daemon.log, LOG_LEVEL_NOTICE, "starting version=%s pid=%ld", COMMISSION_VERSION,
             (long)getpid());
    config_print(daemon.config_file, daemon.config_text, sizeof daemon.config_text);
    int exit_status = daemon_begin(&daemon);
    if (exit_status == EXIT_DONE) {
        enum loop_end end = LOOP_RELOAD;
        while (end == LOOP_RELOAD) {
            notify_ready("running");
            end = loop_run(daemon.loop);
            if (end == LOOP_RELOAD)
                reload(&daemon);
        }
        exit_status = end == LOOP_STOPPED ? commit_last(&daemon) : EXIT_FAILED;
        say_failure(&daemon);
    }
    daemon_end(&daemon);
    log_line(&daemon.log, LOG_LEVEL_NOTICE, "stopped status=%d", exit_status);
    return exit_status;
}

/* ---- without a daemon ---- */

static void say(void *ctx, const char *line)
{
    (void)ctx;
    puts(line);
}

/** A copy of a state folder may be read only, or have no lock file: then nobody can be running on it. */
static bool verify_locked(const char *dir, int *ret_fd)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/lock", dir);
    *ret_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return *ret_fd < 0 || flock(*ret_fd, LOCK_EX | LOCK_NB) == 0;
}

static int verify(const struct options *options, const struct config *config)
{
    const char *dir = options->verify_dir;
    struct stat about;
    if (stat(dir, &about) != 0 || !S_ISDIR(about.st_mode)) {
        fprintf(stderr, "commissiond: %s: no such folder\n", dir);
        return EXIT_FAILED;
    }
    int lock_fd = -1;
    int exit_status = EXIT_LOCKED;
    if (!verify_locked(dir, &lock_fd)) {
        fprintf(stderr,
                "commissiond: a daemon runs on %s: stop it first, or ask it: commission "
                "journal verify\n",
                dir);
    } else {
        enum status status = store_verify_against(
            dir, config->map_bytes, options->expecting ? &options->expected : NULL, say, NULL);
        exit_status = status == STATUS_OK              ? EXIT_DONE
                      : status == STATUS_STORE_CORRUPT ? EXIT_DAMAGED
                                                       : EXIT_FAILED;
        if (status != STATUS_OK)
            fprintf(stderr, "commissiond: %s: %s\n", dir, status_text(status));
    }
    if (lock_fd >= 0)
        close(lock_fd);
    return exit_status;
}

static int restore(const struct options *options, const struct config *config)
{
    struct daemon daemon = {.lock_fd = -1};
    log_init(&daemon.log, STDERR_FILENO, config->log_level);
    if (strlen(options->to_dir) >= sizeof daemon.config.state_dir) {
        fprintf(stderr, "commissiond: %s: too long a path\n", options->to_dir);
        return EXIT_USAGE;
    }
    umask(077);
    snprintf(daemon.config.state_dir, sizeof daemon.config.state_dir, "%s", options->to_dir);
    int exit_status = lock_take(&daemon);
    if (exit_status == EXIT_DONE) {
        enum status status =
            store_restore(options->restore_dir, options->to_dir, config->map_bytes,
                          options->expecting ? &options->expected : NULL, say, NULL);
        exit_status = status == STATUS_OK              ? EXIT_DONE
                      : status == STATUS_STORE_CORRUPT ? EXIT_DAMAGED
                                                       : EXIT_FAILED;
        if (status != STATUS_OK)
            fprintf(stderr, "commissiond: not restored: %s\n", status_text(status));
    }
    if (daemon.lock_fd >= 0)
        close(daemon.lock_fd);
    return exit_status;
}

int main(int argc, char **argv)
{
    struct options options;
    int exit_status = options_read(&options, argc, argv);
    if (exit_status >= 0)
        return exit_status;

    struct config config;
    char text[TEXT_SIZE];
    config_default(&config);
    enum status status = config_read(options.config_file, &config, text, sizeof text);
    /* A proof needs no configuration: the folder is named. */
    bool needless =
        (options.mode == MODE_VERIFY || options.mode == MODE_RESTORE) && status == STATUS_NOT_FOUND;
    if (status != STATUS_OK && !needless) {
        fprintf(stderr, "commissiond: %s\n", text);
        return EXIT_USAGE;
    }
    switch (options.mode) {
    case MODE_CHECK_CONFIG:
        printf("%s: fine\n", options.config_file);
        return EXIT_DONE;
    case MODE_VERIFY:
        return verify(&options, &config);
    case MODE_RESTORE:
        return restore(&options, &config);
    case MODE_RUN:
        return run(&options, &config);
    }
    return EXIT_FAILED;
}
