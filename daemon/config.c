/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/config.h"

#include <confuse.h>
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/net/keyfile.h"
#include "proto/limits.h"

#define MIB (1024L * 1024)
#define GIB (1024L * MIB)
#define UID_OVERFLOW 65534u
#define CONFIG_BYTES_MAX 65536 /* the sample has 3000 */
#define SERVER_KEY "/etc/commissiond/server.key"
#define CREDENTIAL "server.key"
#define SIGNING_KEY "signing.key"
/* Not a name that the file can hold: carries the error function's buffer, as libconfuse gives it none. */
#define SINK "\x01"

/* ---- the keys ---- */

enum key_kind { KIND_NUMBER, KIND_TEXT, KIND_LIST };

struct config_row {
    const char *name;
    enum key_kind kind;
    const char *text; /* default of a text, or of a list */
    long number;      /* default, smallest, greatest */
    long min;
    long max;
    bool at_run_time; /* a reload changes it */
};

/* clang-format off */
static const struct config_row rows[] = {
    {"state_dir",              KIND_TEXT,   "/var/lib/commissiond", 0, 0, 0, false},
    {"clients_endpoints",      KIND_LIST,   "{\"ipc:///run/commissiond/clients.sock\"}", 0, 0, 0, false},
    {"workers_endpoints",      KIND_LIST,   "{\"ipc:///run/commissiond/workers.sock\"}", 0, 0, 0, false},
    {"workers_user",           KIND_TEXT,   "", 0, 0, 0, false},
    {"server_key_file",        KIND_TEXT,   "", 0, 0, 0, false},
    {"operator_public_key",    KIND_TEXT,   "", 0, 0, 0, false},
    {"signing_key_file",       KIND_TEXT,   "", 0, 0, 0, false},
    {"checkpoint_interval_s",  KIND_NUMBER, NULL, 3600, 0, 31 * 86400L, false},
    {"segment_bytes",          KIND_NUMBER, NULL, 64 * MIB, 4 * MIB, 1 * GIB, false},
    {"map_bytes",              KIND_NUMBER, NULL, 16 * GIB, 16 * MIB, 1024 * GIB, false},
    {"reserve_bytes",          KIND_NUMBER, NULL, 64 * MIB, 1 * MIB, 1024 * GIB, false},
    {"scrub_rows",             KIND_NUMBER, NULL, 1000, 0, 1000000, false},
    {"drain_ms",               KIND_NUMBER, NULL, 10000, 0, 600000, true},
    {"workers_max",            KIND_NUMBER, NULL, 64, 1, WORKERS_MAX, false},
    {"feeds_max",              KIND_NUMBER, NULL, 256, 1, FEEDS_MAX, false},
    {"events_open_max",        KIND_NUMBER, NULL, 100000, 1, 1000000, false},
    {"events_open_sender_max", KIND_NUMBER, NULL, 20000, 1, 1000000, false},
    {"bytes_open_sender_max",  KIND_NUMBER, NULL, 256 * MIB, 1 * MIB, 64 * GIB, false},
    {"events_rate_sender_max", KIND_NUMBER, NULL, 50000, 1, 1000000, false},
    {"events_burst_sender_max", KIND_NUMBER, NULL, 100000, 1, 10000000, false},
    {"workflows_open_lead_max", KIND_NUMBER, NULL, 1000000, 1, 1000000000, false},
    {"log_level",              KIND_TEXT,   "info", 0, 0, 0, true},
};
/* clang-format on */

#define ROWS ARRAY_LEN(rows)

const char *config_key(uint32_t index)
{
    return index < ROWS ? rows[index].name : NULL;
}

/* ---- errors, with their place ---- */

struct sink {
    char *text;
    size_t size;
    bool used; /* the first error stands: what follows comes from it */
};

static void take_error(cfg_t *cfg, const char *format, va_list arguments) PRINTF_LIKE(2, 0);

static void take_error(cfg_t *cfg, const char *format, va_list arguments)
{
    cfg_opt_t *opt = cfg_getopt(cfg, SINK);
    CHECK(opt != NULL);
    struct sink *sink = *opt->simple_value.ptr;
    if (sink->used)
        return;
    sink->used = true;
    int len = 0;
    if (cfg->filename != NULL)
        len = snprintf(sink->text, sink->size, "%s:%d: ", cfg->filename, cfg->line);
    if (len >= 0 && (size_t)len < sink->size)
        (void)vsnprintf(sink->text + len, sink->size - (size_t)len, format, arguments);
}

static const struct config_row *row_of(const char *name)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    }
    return NULL;
}

/* ---- checks of one value, while its line is known ---- */

static int check_number(cfg_t *cfg, cfg_opt_t *opt)
{
    const struct config_row *row = row_of(opt->name);
    CHECK(row != NULL);
    long value = cfg_opt_getnint(opt, 0);
    if (value >= row->min && value <= row->max)
        return 0;
    cfg_error(cfg, "%s = %ld: from %ld to %ld is possible", opt->name, value, row->min, row->max);
    return -1;
}

static int check_path(cfg_t *cfg, cfg_opt_t *opt)
{
    const char *value = cfg_opt_getnstr(opt, 0);
    bool empty_fine =
        strcmp(opt->name, "server_key_file") == 0 || strcmp(opt->name, "signing_key_file") == 0;
    if (value[0] == '\0' && empty_fine)
        return 0;
    if (value[0] == '/' && strlen(value) < CONFIG_PATH_SIZE)
        return 0;
    cfg_error(cfg, "%s = \"%s\": an absolute path of at most %d bytes is wanted", opt->name, value,
              CONFIG_PATH_SIZE - 1);
    return -1;
}

static int check_endpoints(cfg_t *cfg, cfg_opt_t *opt)
{
    unsigned count = cfg_opt_size(opt);
    if (count < 1 || count > CONFIG_ENDPOINTS_MAX) {
        cfg_error(cfg, "%s: from 1 to %d addresses are wanted", opt->name, CONFIG_ENDPOINTS_MAX);
        return -1;
    }
    for (unsigned i = 0; i < count; i++) {
        const char *value = cfg_opt_getnstr(opt, i);
        if (!endpoint_address_valid(value)) {
            cfg_error(cfg, "%s: \"%s\" is not ipc:///PATH (at most 107 bytes) or tcp://HOST:PORT",
                      opt->name, value);
            return -1;
        }
    }
    return 0;
}

/** A number, or a name of this system; 65534 is nobody in particular. */
static bool find_uid(const char *text, uint32_t *ret)
{
    char *end = NULL;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (text[strspn(text, "0123456789")] != '\0') {
        const struct passwd *passwd = getpwnam(text);
        if (passwd == NULL)
            return false;
        number = passwd->pw_uid;
    }
    if (errno == ERANGE || number >= UINT32_MAX || number == UID_OVERFLOW)
        return false;
    *ret = (uint32_t)number;
    return true;
}

static int check_user(cfg_t *cfg, cfg_opt_t *opt)
{
    const char *value = cfg_opt_getnstr(opt, 0);
    uint32_t uid = 0;
    if (value[0] == '\0' || find_uid(value, &uid))
        return 0;
    cfg_error(cfg,
              "%s = \"%s\": no such user here (or 65534, who is nobody); systemd-sysusers makes "
              "those of the installation",
              opt->name, value);
    return -1;
}

static int check_public_key(cfg_t *cfg, cfg_opt_t *opt)
{
    const char *value = cfg_opt_getnstr(opt, 0);
    struct key key;
    if (value[0] == '\0' || key_parse(value, &key))
        return 0;
    cfg_error(cfg,
              "%s: not a public key (Z85, 40 characters in single quotes, as \"commission key "
              "new\" prints it)",
              opt->name);
    return -1;
}

static int check_level(cfg_t *cfg, cfg_opt_t *opt)
{
    enum log_level level;
    if (log_level_find(cfg_opt_getnstr(opt, 0), &level))
        return 0;
    cfg_error(cfg, "%s = \"%s\": err, warning, notice, info or debug is possible", opt->name,
              cfg_opt_getnstr(opt, 0));
    return -1;
}

static const struct {
    const char *name;
    cfg_validate_callback_t check;
} checks[] = {
    {"state_dir", check_path},
    {"clients_endpoints", check_endpoints},
    {"workers_endpoints", check_endpoints},
    {"workers_user", check_user},
    {"server_key_file", check_path},
    {"signing_key_file", check_path},
    {"operator_public_key", check_public_key},
    {"log_level", check_level},
};

/* ---- reading ---- */

static cfg_t *parser_new(void **sink)
{
    cfg_opt_t opts[ROWS + 2];
    char lists[ROWS][CONFIG_PATH_SIZE]; /* libconfuse copies them, though it says char * */
    memset(opts, 0, sizeof opts);
    for (size_t i = 0; i < ROWS; i++) {
        opts[i].name = rows[i].name;
        switch (rows[i].kind) {
        case KIND_NUMBER:
            opts[i].type = CFGT_INT;
            opts[i].def.number = rows[i].number;
            break;
        case KIND_TEXT:
            opts[i].type = CFGT_STR;
            opts[i].def.string = rows[i].text;
            break;
        case KIND_LIST:
            opts[i].type = CFGT_STR;
            opts[i].flags = CFGF_LIST;
            snprintf(lists[i], sizeof lists[i], "%s", rows[i].text);
            opts[i].def.parsed = lists[i];
            break;
        }
    }
    opts[ROWS] = (cfg_opt_t){.name = SINK, .type = CFGT_PTR, .simple_value = {.ptr = sink}};
    cfg_t *cfg = cfg_init(opts, CFGF_NONE);
    if (cfg == NULL)
        return NULL;
    cfg_set_error_function(cfg, take_error);
    for (size_t i = 0; i < ROWS; i++) {
        if (rows[i].kind == KIND_NUMBER)
            cfg_set_validate_func(cfg, rows[i].name, check_number);
    }
    for (size_t i = 0; i < ARRAY_LEN(checks); i++)
        cfg_set_validate_func(cfg, checks[i].name, checks[i].check);
    return cfg;
}

static void take_endpoints(cfg_t *cfg, const char *name, struct config_endpoints *ret)
{
    ret->count = cfg_size(cfg, name);
    for (uint32_t i = 0; i < ret->count; i++)
        snprintf(ret->addresses[i], sizeof ret->addresses[i], "%s", cfg_getnstr(cfg, name, i));
}

/** What the file does not say: the credential that systemd hands over, else the usual place. */
static void take_server_key(cfg_t *cfg, char ret[CONFIG_PATH_SIZE])
{
    const char *value = cfg_getstr(cfg, "server_key_file");
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (value[0] != '\0')
        snprintf(ret, CONFIG_PATH_SIZE, "%s", value);
    else if (folder != NULL && folder[0] == '/')
        snprintf(ret, CONFIG_PATH_SIZE, "%s/%s", folder, CREDENTIAL);
    else
        snprintf(ret, CONFIG_PATH_SIZE, "%s", SERVER_KEY);
}

/** What the file does not say: a file of the state folder. */
static void take_signing_key(cfg_t *cfg, struct config *config)
{
    const char *value = cfg_getstr(cfg, "signing_key_file");
    if (value[0] != '\0')
        snprintf(config->signing_key_file, sizeof config->signing_key_file, "%s", value);
    else
        snprintf(config->signing_key_file, sizeof config->signing_key_file, "%.*s/%s",
                 (int)(sizeof config->signing_key_file - sizeof "/" SIGNING_KEY), config->state_dir,
                 SIGNING_KEY);
}

static void take_values(cfg_t *cfg, struct config *ret)
{
    struct config config = {
        .segment_bytes = (uint64_t)cfg_getint(cfg, "segment_bytes"),
        .map_bytes = (uint64_t)cfg_getint(cfg, "map_bytes"),
        .checkpoint_interval_s = (uint32_t)cfg_getint(cfg, "checkpoint_interval_s"),
        .reserve_bytes = (uint64_t)cfg_getint(cfg, "reserve_bytes"),
        .scrub_rows = (uint32_t)cfg_getint(cfg, "scrub_rows"),
        .drain_ms = (uint32_t)cfg_getint(cfg, "drain_ms"),
        .workers_max = (uint32_t)cfg_getint(cfg, "workers_max"),
        .feeds_max = (uint32_t)cfg_getint(cfg, "feeds_max"),
        .events_open_max = (uint32_t)cfg_getint(cfg, "events_open_max"),
        .events_open_sender_max = (uint32_t)cfg_getint(cfg, "events_open_sender_max"),
        .bytes_open_sender_max = (uint64_t)cfg_getint(cfg, "bytes_open_sender_max"),
        .events_rate_sender_max = (uint32_t)cfg_getint(cfg, "events_rate_sender_max"),
        .events_burst_sender_max = (uint32_t)cfg_getint(cfg, "events_burst_sender_max"),
        .workflows_open_lead_max = (uint32_t)cfg_getint(cfg, "workflows_open_lead_max"),
    };
    snprintf(config.state_dir, sizeof config.state_dir, "%s", cfg_getstr(cfg, "state_dir"));
    take_endpoints(cfg, "clients_endpoints", &config.clients);
    take_endpoints(cfg, "workers_endpoints", &config.workers);
    take_server_key(cfg, config.server_key_file);
    take_signing_key(cfg, &config);
    const char *user = cfg_getstr(cfg, "workers_user");
    config.workers_uid_given = user[0] != '\0' && find_uid(user, &config.workers_uid);
    config.operator_key_given =
        key_parse(cfg_getstr(cfg, "operator_public_key"), &config.operator_key);
    CHECK(log_level_find(cfg_getstr(cfg, "log_level"), &config.log_level));
    *ret = config;
}

void config_default(struct config *ret)
{
    struct sink sink = {0};
    void *sink_pointer = &sink;
    cfg_t *cfg = parser_new(&sink_pointer);
    CHECK(cfg != NULL);
    take_values(cfg, ret);
    cfg_free(cfg);
}

/** A folder, say, would be read as empty. */
static enum status open_plain(const char *path, FILE **ret, char *text, size_t text_size)
{
    FILE *file = fopen(path, "re");
    struct stat stat;
    if (file == NULL || fstat(fileno(file), &stat) != 0) {
        snprintf(text, text_size, "%s: %s", path, strerror(errno));
        enum status status = errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO_FAILED;
        if (file != NULL)
            fclose(file);
        return status;
    }
    if (!S_ISREG(stat.st_mode)) {
        snprintf(text, text_size, "%s: not a plain file", path);
        fclose(file);
        return STATUS_INVALID;
    }
    *ret = file;
    return STATUS_OK;
}

/**
 * Make the comments in @text blank, and leave its lines: libconfuse 3.3 counts the line of a comment
 * more than once, and what is wrong further down would be said to stand elsewhere.
 */
static void blank_comments(char *text)
{
    char quote = '\0';
    while (*text != '\0') {
        size_t len = 1;
        if (quote != '\0') {
            if (*text == '\\' && text[1] != '\0')
                len = 2;
            else if (*text == quote)
                quote = '\0';
        } else if (*text == '"' || *text == '\'') {
            quote = *text;
        } else if (*text == '#') {
            len = strcspn(text, "\n");
            memset(text, ' ', len);
        }
        text += len;
    }
}

/** All of @file without its comments, to be read as a file; the caller closes it and frees *@ret_text. */
static enum status open_blanked(FILE *file, FILE **ret, char **ret_text)
{
    char *content = calloc(1, CONFIG_BYTES_MAX + 1);
    if (content == NULL)
        return STATUS_NO_MEMORY;
    size_t len = fread(content, 1, CONFIG_BYTES_MAX + 1, file);
    bool whole = ferror(file) == 0;
    if (!whole || len > CONFIG_BYTES_MAX || memchr(content, '\0', len) != NULL) {
        free(content);
        return whole ? STATUS_INVALID : STATUS_IO_FAILED;
    }
    blank_comments(content);
    FILE *blanked = fmemopen(content, len, "r");
    if (blanked == NULL) {
        free(content);
        return STATUS_NO_MEMORY;
    }
    *ret = blanked;
    *ret_text = content;
    return STATUS_OK;
}

/** Check what was read; false: @sink or @text says what is wrong. */
static bool parse_whole(cfg_t *cfg, FILE *blanked, struct sink *sink, const char *path)
{
    if (cfg_parse_fp(cfg, blanked) != CFG_SUCCESS || sink->used) {
        if (!sink->used)
            snprintf(sink->text, sink->size, "%s: cannot be read", path);
        return false;
    }
    /* An empty list is the one value that libconfuse lets pass unchecked. */
    const char *empty = cfg_size(cfg, "clients_endpoints") == 0   ? "clients_endpoints"
                        : cfg_size(cfg, "workers_endpoints") == 0 ? "workers_endpoints"
                                                                  : NULL;
    if (empty != NULL)
        snprintf(sink->text, sink->size, "%s: %s: from 1 to %d addresses are wanted", path, empty,
                 CONFIG_ENDPOINTS_MAX);
    return empty == NULL;
}

/** Read @path and hand what was parsed to @take. */
static enum status read_with(const char *path, void (*take)(cfg_t *cfg, void *ctx), void *ctx,
                             char *text, size_t text_size)
{
    snprintf(text, text_size, "%s", "");
    FILE *file = NULL;
    enum status status = open_plain(path, &file, text, text_size);
    if (status != STATUS_OK)
        return status;
    FILE *blanked = NULL;
    char *content = NULL;
    status = open_blanked(file, &blanked, &content);
    fclose(file);
    if (status != STATUS_OK) {
        snprintf(text, text_size, "%s: cannot be read: a text of at most %d bytes is wanted", path,
                 CONFIG_BYTES_MAX);
        return status;
    }

    struct sink sink = {.text = text, .size = text_size};
    void *sink_pointer = &sink;
    cfg_t *cfg = parser_new(&sink_pointer);
    status = STATUS_NO_MEMORY;
    if (cfg != NULL) {
        cfg->filename = strdup(path);
        status = parse_whole(cfg, blanked, &sink, path) ? STATUS_OK : STATUS_INVALID;
        if (status == STATUS_OK)
            take(cfg, ctx);
        cfg_free(cfg);
    }
    fclose(blanked);
    free(content);
    return status;
}

static void take_config(cfg_t *cfg, void *ctx)
{
    take_values(cfg, ctx);
}

enum status config_read(const char *path, struct config *ret, char *text, size_t text_size)
{
    return read_with(path, take_config, ret, text, text_size);
}

static void print_rows(cfg_t *cfg, void *ctx)
{
    FILE *stream = ctx;
    for (size_t i = 0; i < ROWS; i++) {
        const char *text = rows[i].kind == KIND_TEXT ? cfg_getstr(cfg, rows[i].name) : NULL;
        /* In single quotes nothing is expanded when it is read again: a key may hold a ${. */
        if (text != NULL && strpbrk(text, "'\\") == NULL)
            fprintf(stream, "%s = '%s'\n", rows[i].name, text);
        else
            (void)cfg_opt_print(cfg_getopt(cfg, rows[i].name), stream);
    }
}

void config_print(const char *path, char *ret, size_t size)
{
    char text[256];
    memset(ret, 0, size);
    FILE *stream = fmemopen(ret, size - 1, "w");
    if (stream == NULL)
        return;
    enum status status = read_with(path, print_rows, stream, text, sizeof text);
    if (fclose(stream) != 0 || status != STATUS_OK)
        ret[0] = '\0';
}

/* ---- reloading ---- */

static bool endpoints_equal(const struct config_endpoints *a, const struct config_endpoints *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        if (strcmp(a->addresses[i], b->addresses[i]) != 0)
            return false;
    }
    return true;
}

const char *config_needs_restart(const struct config *before, const struct config *after)
{
    const struct {
        const char *name;
        bool same;
    } compared[] = {
        {"state_dir", strcmp(before->state_dir, after->state_dir) == 0},
        {"clients_endpoints", endpoints_equal(&before->clients, &after->clients)},
        {"workers_endpoints", endpoints_equal(&before->workers, &after->workers)},
        {"workers_user", before->workers_uid_given == after->workers_uid_given &&
                             before->workers_uid == after->workers_uid},
        {"server_key_file", strcmp(before->server_key_file, after->server_key_file) == 0},
        {"signing_key_file", strcmp(before->signing_key_file, after->signing_key_file) == 0},
        {"scrub_rows", before->scrub_rows == after->scrub_rows},
        {"checkpoint_interval_s", before->checkpoint_interval_s == after->checkpoint_interval_s},
        {"operator_public_key",
         before->operator_key_given == after->operator_key_given &&
             memcmp(&before->operator_key, &after->operator_key, sizeof before->operator_key) == 0},
        {"segment_bytes", before->segment_bytes == after->segment_bytes},
        {"map_bytes", before->map_bytes == after->map_bytes},
        {"reserve_bytes", before->reserve_bytes == after->reserve_bytes},
        {"workers_max", before->workers_max == after->workers_max},
        {"feeds_max", before->feeds_max == after->feeds_max},
        {"events_open_max", before->events_open_max == after->events_open_max},
        {"events_open_sender_max", before->events_open_sender_max == after->events_open_sender_max},
        {"bytes_open_sender_max", before->bytes_open_sender_max == after->bytes_open_sender_max},
        {"events_rate_sender_max", before->events_rate_sender_max == after->events_rate_sender_max},
        {"events_burst_sender_max",
         before->events_burst_sender_max == after->events_burst_sender_max},
        {"workflows_open_lead_max",
         before->workflows_open_lead_max == after->workflows_open_lead_max},
    };
    for (size_t i = 0; i < ARRAY_LEN(compared); i++) {
        const struct config_row *row = row_of(compared[i].name);
        CHECK(row != NULL && !row->at_run_time);
        if (!compared[i].same)
            return compared[i].name;
    }
    return NULL;
}
