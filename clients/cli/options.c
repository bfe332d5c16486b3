/* SPDX-License-Identifier: Apache-2.0 */
/* options.c - context files with libconfuse; durations and numbers as people write them. */

#include "clients/cli/options.h"

#include <confuse.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DURATION_MS_MAX (24 * 60 * 60 * (int64_t)1000)

/* ---- values ------------------------------------------------------------------------------- */

bool number_parse(const char *text, uint64_t *ret)
{
    uint64_t number = 0;
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        uint64_t digit = (uint64_t)(*text - '0');
        if (number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *ret = number;
    return true;
}

void capitals(const char *text, char *ret, size_t size)
{
    size_t i = 0;
    for (; text[i] != '\0' && i + 1 < size; i++)
        ret[i] = text[i] >= 'a' && text[i] <= 'z' ? (char)(text[i] - 'a' + 'A') : text[i];
    ret[i] = '\0';
}

bool duration_parse(const char *text, int64_t *ret_ms)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 60 * 60 * 1000}};

    char digits[24];
    size_t len = strspn(text, "0123456789");
    uint64_t number;
    if (len == 0 || len >= sizeof digits)
        return false;
    memcpy(digits, text, len);
    digits[len] = '\0';
    if (!number_parse(digits, &number))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (strcmp(text + len, units[i].unit) != 0)
            continue;
        if (number == 0 || number > (uint64_t)DURATION_MS_MAX / units[i].ms)
            return false;
        *ret_ms = (int64_t)(number * units[i].ms);
        return true;
    }
    return false;
}

/* ---- where contexts are ------------------------------------------------------------------- */

/** Put a path together. False: it does not fit. */
static bool path_print(char ret[CONTEXT_PATH_SIZE], const char *format, ...) PRINTF_LIKE(2, 3);
static bool path_print(char ret[CONTEXT_PATH_SIZE], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(ret, CONTEXT_PATH_SIZE, format, arguments);
    va_end(arguments);
    return len >= 0 && len < CONTEXT_PATH_SIZE;
}

/** The folder of what this tool keeps for its user. */
static bool home_folder(char ret[CONTEXT_PATH_SIZE])
{
    const char *config = getenv("XDG_CONFIG_HOME");
    if (config != NULL && config[0] == '/')
        return path_print(ret, "%s/commission", config);
    const char *home = getenv("HOME");
    if (home == NULL || home[0] != '/')
        return false;
    return path_print(ret, "%s/.config/commission", home);
}

bool context_folder(char ret[CONTEXT_PATH_SIZE])
{
    char home[CONTEXT_PATH_SIZE];
    return home_folder(home) && path_print(ret, "%.*s/contexts", CONTEXT_PATH_SIZE - 16, home);
}

static bool current_path(char ret[CONTEXT_PATH_SIZE])
{
    char home[CONTEXT_PATH_SIZE];
    return home_folder(home) && path_print(ret, "%.*s/current", CONTEXT_PATH_SIZE - 16, home);
}

bool context_default(char ret[CONTEXT_PATH_SIZE])
{
    const char *named = getenv("COMMISSION_CONTEXT");
    if (named != NULL && named[0] != '\0')
        return path_print(ret, "%s", named);

    char path[CONTEXT_PATH_SIZE];
    if (!current_path(path))
        return false;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool read = fgets(ret, CONTEXT_PATH_SIZE, file) != NULL;
    fclose(file);
    if (!read)
        return false;
    ret[strcspn(ret, "\n")] = '\0';
    return ret[0] != '\0';
}

enum status context_use(const char *name)
{
    char home[CONTEXT_PATH_SIZE];
    char path[CONTEXT_PATH_SIZE];
    if (!context_folder(home) || !current_path(path))
        return STATUS_NOT_FOUND;
    /* The folders above, one by one: ~/.config, ~/.config/commission, .../contexts. */
    for (char *slash = strchr(home + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(home, 0700) != 0 && errno != EEXIST)
            return STATUS_IO_FAILED;
        *slash = '/';
    }
    if (mkdir(home, 0700) != 0 && errno != EEXIST)
        return STATUS_IO_FAILED;

    FILE *file = fopen(path, "we");
    if (file == NULL)
        return STATUS_IO_FAILED;
    bool written = fprintf(file, "%s\n", name) > 0;
    return fclose(file) == 0 && written ? STATUS_OK : STATUS_IO_FAILED;
}

/* ---- reading ------------------------------------------------------------------------------ */

/* Not a name that a file can hold: carries the text of the first error, as libconfuse gives its error function nothing of ours. */
#define FAULT "\x01"

/* What libconfuse says repeats the file's words, and the file may be another's secret: only the line is told. */
static void note_fault(cfg_t *cfg, const char *format, va_list arguments) PRINTF_LIKE(2, 0);
static void note_fault(cfg_t *cfg, const char *format, va_list arguments)
{
    char *fault = cfg_getptr(cfg, FAULT);
    if (fault == NULL || fault[0] != '\0')
        return;
    (void)format;
    (void)arguments;
    (void)snprintf(fault, CONTEXT_FAULT_SIZE,
                   "%.4000s:%d: this is no line of a context, which has endpoint, server_key, "
                   "key_file and organisation, each = \"a text in quotes\"",
                   cfg->filename != NULL ? cfg->filename : "context", cfg->line);
}

/** True for a file of a key: its first words are public or secret. */
static bool is_key_file(const char *path)
{
    char line[128];
    bool found = false;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    for (int i = 0; i < 16 && !found && fgets(line, sizeof line, file) != NULL; i++) {
        size_t at = strspn(line, " \t");
        if (strncmp(line + at, "public", 6) == 0 || strncmp(line + at, "secret", 6) == 0) {
            at += 6 + strspn(line + at + 6, " \t");
            found = line[at] == '=';
        }
    }
    explicit_bzero(line, sizeof line);
    fclose(file);
    return found;
}

static int plain_name(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/** There is no context @name: where it was looked for, and which there are. */
static void fault_missing(const char *name, char fault[CONTEXT_FAULT_SIZE])
{
    char folder[CONTEXT_PATH_SIZE];
    struct dirent **entries = NULL;
    if (strchr(name, '/') != NULL || !context_folder(folder)) {
        (void)snprintf(fault, CONTEXT_FAULT_SIZE, "%.4000s: No such file or directory", name);
        return;
    }
    int count = scandir(folder, &entries, plain_name, alphasort);
    size_t at = (size_t)snprintf(fault, CONTEXT_FAULT_SIZE,
                                 "there is no \"%.255s\" in %.3000s, nor a file of this name here; "
                                 "%s",
                                 name, folder, count > 0 ? "there are: " : "there are none there");
    for (int i = 0; i < count; i++) {
        if (at < CONTEXT_FAULT_SIZE - 300)
            at += (size_t)snprintf(fault + at, CONTEXT_FAULT_SIZE - at, "%s%.255s",
                                   i > 0 ? ", " : "", entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

/** A path in a context is meant from the context's own folder. */
static bool path_beside(const char *context_path, const char *path, char ret[CONTEXT_PATH_SIZE])
{
    const char *slash = strrchr(context_path, '/');
    if (path[0] == '/' || slash == NULL)
        return path_print(ret, "%s", path);
    return path_print(ret, "%.*s/%s", (int)(slash - context_path), context_path, path);
}

/** The path of the context @name: itself if it is a path, else a file in the folder of contexts. */
static bool context_path(const char *name, char ret[CONTEXT_PATH_SIZE])
{
    char folder[CONTEXT_PATH_SIZE];
    if (strchr(name, '/') != NULL)
        return path_print(ret, "%s", name);
    if (context_folder(folder) && path_print(ret, "%s/%s", folder, name) && access(ret, F_OK) == 0)
        return true;
    return path_print(ret, "%s", name);
}

/** The values of a parsed file into @ret, each checked. */
static enum status context_take(cfg_t *cfg, struct context *ret, char fault[CONTEXT_FAULT_SIZE])
{
    const char *endpoint = cfg_getstr(cfg, "endpoint");
    const char *server_key = cfg_getstr(cfg, "server_key");
    const char *key_file = cfg_getstr(cfg, "key_file");
    const char *organisation = cfg_getstr(cfg, "organisation");

    if (endpoint == NULL || server_key == NULL || key_file == NULL) {
        snprintf(fault, CONTEXT_FAULT_SIZE, "%s: %s is missing", ret->path,
                 endpoint == NULL     ? "endpoint"
                 : server_key == NULL ? "server_key"
                                      : "key_file");
        return STATUS_INVALID;
    }
    if (strlen(endpoint) >= sizeof ret->endpoint) {
        snprintf(fault, CONTEXT_FAULT_SIZE, "%s: endpoint is too long", ret->path);
        return STATUS_INVALID;
    }
    memcpy(ret->endpoint, endpoint, strlen(endpoint) + 1);
    if (!path_beside(ret->path, key_file, ret->key_path)) {
        snprintf(fault, CONTEXT_FAULT_SIZE, "%s: key_file is too long", ret->path);
        return STATUS_INVALID;
    }
    if (organisation != NULL &&
        !ods_parse(organisation, strlen(organisation), &ret->organisation)) {
        snprintf(fault, CONTEXT_FAULT_SIZE, "%s: organisation: \"%.20s\" is no organisation's code",
                 ret->path, organisation);
        return STATUS_INVALID;
    }
    if (!commission_key_parse(server_key, &ret->server_key)) {
        char path[CONTEXT_PATH_SIZE];
        enum status status = STATUS_INVALID;
        if (path_beside(ret->path, server_key, path))
            status = commission_key_read(path, &ret->server_key, NULL);
        if (status != STATUS_OK) {
            snprintf(fault, CONTEXT_FAULT_SIZE,
                     "%s: server_key: \"%.80s\" is neither a key (40 characters of Z85) nor a key "
                     "file: %s",
                     ret->path, server_key, status_text(status));
            return STATUS_INVALID;
        }
    }
    return STATUS_OK;
}

enum status context_read(const char *name, struct context *ret, char fault[CONTEXT_FAULT_SIZE])
{
    void *fault_pointer = fault;
    cfg_opt_t options[] = {
        {.name = FAULT, .type = CFGT_PTR, .simple_value = {.ptr = &fault_pointer}},
        CFG_STR("endpoint", NULL, CFGF_NODEFAULT),
        CFG_STR("server_key", NULL, CFGF_NODEFAULT),
        CFG_STR("key_file", NULL, CFGF_NODEFAULT),
        CFG_STR("organisation", NULL, CFGF_NODEFAULT),
        CFG_END(),
    };
    struct context context = {0};
    struct stat about;

    fault[0] = '\0';
    if (!context_path(name, context.path)) {
        snprintf(fault, CONTEXT_FAULT_SIZE, "the context's name is too long");
        return STATUS_INVALID;
    }
    const char *slash = strrchr(context.path, '/');
    snprintf(context.name, sizeof context.name, "%.255s", slash != NULL ? slash + 1 : context.path);
    if (stat(context.path, &about) != 0) {
        bool missing = errno == ENOENT || errno == ENOTDIR;
        snprintf(fault, CONTEXT_FAULT_SIZE, "%s: %s", context.path, strerror(errno));
        if (missing)
            fault_missing(name, fault);
        return missing ? STATUS_NOT_FOUND : STATUS_IO_FAILED;
    }
    if (!S_ISREG(about.st_mode)) {
        snprintf(fault, CONTEXT_FAULT_SIZE, "%s: not a file; a context is a file", context.path);
        return STATUS_INVALID;
    }

    if (is_key_file(context.path)) {
        snprintf(fault, CONTEXT_FAULT_SIZE, "%s: this is a key file; a context is wanted",
                 context.path);
        return STATUS_INVALID;
    }

    cfg_t *cfg = cfg_init(options, CFGF_NONE);
    if (cfg == NULL)
        return STATUS_NO_MEMORY;
    cfg_set_error_function(cfg, note_fault);
    int parsed = cfg_parse(cfg, context.path);

    enum status status;
    if (parsed == CFG_SUCCESS) {
        status = context_take(cfg, &context, fault);
    } else {
        status = STATUS_INVALID;
        if (fault[0] == '\0')
            snprintf(fault, CONTEXT_FAULT_SIZE, "%s: it cannot be read", context.path);
    }
    cfg_free(cfg);
    if (status == STATUS_OK)
        *ret = context;
    return status;
}

enum status context_write(const char *path, const char *endpoint, const char *server_key_path,
                          const char *key_path, const char *organisation)
{
    char partial[CONTEXT_PATH_SIZE];
    if (!path_print(partial, "%s.new", path))
        return STATUS_IO_FAILED;
    mode_t mask = umask(0077);
    FILE *file = fopen(partial, "we");
    umask(mask);
    if (file == NULL)
        return STATUS_IO_FAILED;
    bool written = fprintf(file,
                           "# a context of commission(1): who one is, and where the daemon is\n"
                           "endpoint = '%s'\n"
                           "server_key = '%s'\n"
                           "key_file = '%s'\n",
                           endpoint, server_key_path, key_path) > 0;
    if (organisation != NULL)
        written = fprintf(file, "organisation = '%s'\n", organisation) > 0 && written;
    written = fclose(file) == 0 && written;
    if (!written || rename(partial, path) != 0) {
        unlink(partial);
        return STATUS_IO_FAILED;
    }
    return STATUS_OK;
}
