/* SPDX-License-Identifier: Apache-2.0 */
/* cli.c - what all verbs share: talk, context, connection, questions, files. */

#include "clients/cli/cli.h"
#include "clients/cli/print.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define QUESTION_WINDOW 1024

/* ---- options of the verb ------------------------------------------------------------------ */

const char *cli_option(const struct cli *cli, const char *name)
{
    const struct cli_option *options = cli->verb->options;
    for (uint32_t i = 0; options != NULL && options[i].name != NULL; i++) {
        if (strcmp(options[i].name, name) == 0)
            return cli->values[i];
    }
    return NULL;
}

bool cli_switch(const struct cli *cli, const char *name)
{
    return cli_option(cli, name) != NULL;
}

/* ---- talk --------------------------------------------------------------------------------- */

static void say(const char *format, va_list arguments) PRINTF_LIKE(1, 0);
static void say(const char *format, va_list arguments)
{
    char line[4096];
    struct text text = {0};
    vsnprintf(line, sizeof line, format, arguments);
    text_add_safe(&text, slice_of(line));
    fprintf(stderr, "commission: %s\n", text.bytes);
    text_clear(&text);
}

void cli_say(const struct cli *cli, const char *format, ...)
{
    cli_progress(cli, "%s", "");
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

int cli_fail(const struct cli *cli, int exit, const char *format, ...)
{
    cli_progress(cli, "%s", "");
    va_list arguments;
    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    return exit;
}

void cli_progress(const struct cli *cli, const char *format, ...)
{
    if (!cli->progress)
        return;
    char line[200];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    fprintf(stderr, "\r\033[K%s", line);
    fflush(stderr);
}

/* ---- context, connection ------------------------------------------------------------------ */

int cli_context(struct cli *cli, const struct context **ret)
{
    char named[CONTEXT_PATH_SIZE];
    char fault[CONTEXT_FAULT_SIZE];

    if (!cli->context_loaded) {
        const char *name = cli->context_name;
        if (name == NULL && context_default(named))
            name = named;
        if (name == NULL)
            return cli_fail(cli, EXIT_USAGE,
                            "which context? Give one with -c FILE or -c NAME, in "
                            "COMMISSION_CONTEXT, or once with `commission context use NAME`");
        enum status status = context_read(name, &cli->context, fault);
        if (status != STATUS_OK)
            return cli_fail(cli, status == STATUS_NOT_FOUND ? EXIT_NOT_FOUND : EXIT_FAILED,
                            "context: %s", fault[0] != '\0' ? fault : status_text(status));
        cli->context_loaded = true;
    }
    *ret = &cli->context;
    return 0;
}

/** Say why the key file of @context cannot be used. */
static int key_failed(const struct cli *cli, const struct context *context, enum status status)
{
    if (status == STATUS_REFUSED)
        return cli_fail(cli, EXIT_FAILED,
                        "%s: others may read this key, so it is not used; "
                        "chmod 600 it, and replace the key if others did read it",
                        context->key_path);
    if (status == STATUS_INVALID)
        return cli_fail(cli, EXIT_FAILED, "%s: this is no key file with a secret key",
                        context->key_path);
    return cli_fail(cli, EXIT_FAILED, "%s (key_file of context %s): %s", context->key_path,
                    context->path, status_text(status));
}

int cli_connect(struct cli *cli, struct commission **ret)
{
    if (cli->connection == NULL) {
        const struct context *context;
        int failed = cli_context(cli, &context);
        if (failed != 0)
            return failed;
        const char *endpoint = cli->endpoint != NULL ? cli->endpoint : context->endpoint;
        struct commission_options options = {
            .endpoint = endpoint,
            .server_key = context->server_key,
            .window = QUESTION_WINDOW,
        };
        enum status status =
            commission_key_read(context->key_path, &options.public_key, options.secret_key);
        if (status != STATUS_OK)
            return key_failed(cli, context, status);
        status = commission_open(&cli->connection, &options);
        explicit_bzero(options.secret_key, sizeof options.secret_key);
        if (status != STATUS_OK)
            return cli_fail(cli, status == STATUS_INVALID ? EXIT_USAGE : EXIT_FAILED,
                            "endpoint %s: %s%s", endpoint, status_text(status),
                            status == STATUS_INVALID
                                ? "; one is ipc:///PATH (at most 107 bytes) or tcp://HOST:PORT"
                                : "");
    }
    *ret = cli->connection;
    return 0;
}

int cli_failed(const struct cli *cli, const char *what, enum status status)
{
    const char *endpoint = cli->endpoint != NULL ? cli->endpoint : cli->context.endpoint;
    if (status == STATUS_UNREACHABLE)
        return cli_fail(cli, EXIT_UNREACHABLE,
                        "%s: nobody answers at %s; is commissiond running there, and is this key "
                        "(%s) known to it?",
                        what, endpoint, cli->context.key_path);
    if (status == STATUS_TIMED_OUT)
        return cli_fail(cli, EXIT_TIMED_OUT, "%s: no answer from %s within %lld ms (--timeout)",
                        what, endpoint, (long long)cli->timeout_ms);
    return cli_fail(cli, EXIT_FAILED, "%s: %s", what, status_text(status));
}

/* ---- questions ---------------------------------------------------------------------------- */

static int reply_exit(const char *error)
{
    if (strcmp(error, "USAGE") == 0)
        return EXIT_USAGE;
    if (strcmp(error, "NOT_FOUND") == 0 || strcmp(error, "WORKFLOW_UNKNOWN") == 0 ||
        strcmp(error, "ORG_UNKNOWN") == 0)
        return EXIT_NOT_FOUND;
    return strcmp(error, "CONFLICT") == 0 ? EXIT_CONFLICT : EXIT_REFUSED;
}

/** What the user wrote, which may be called otherwise on the wire: "workflow timers" for "timer list". */
static void print_asked(const struct cli *cli, const char *command, char ret[64])
{
    if (cli->noun == NULL || cli->verb == NULL || cli->verb->name[0] == '\0')
        snprintf(ret, 64, "%s", command);
    else
        snprintf(ret, 64, "%s %s", cli->noun->name, cli->verb->name);
}

/** Say the daemon's error, without naming @command twice. */
static int reply_failed(const struct cli *cli, const char *command, const struct reply *reply)
{
    char error[64];
    struct slice text = reply->error_text;
    size_t len = strlen(command);
    snprintf(error, sizeof error, "%.*s", (int)reply->error.len, (const char *)reply->error.bytes);
    int exit = reply_exit(error);
    if (text.len > len && memcmp(text.bytes, command, len) == 0 &&
        (text.bytes[len] == ' ' || text.bytes[len] == ':'))
        text = (struct slice){text.bytes + len, text.len - len};
    while (text.len > 0 && (text.bytes[0] == ' ' || text.bytes[0] == ':'))
        text = (struct slice){text.bytes + 1, text.len - 1};
    bool coded = exit != EXIT_USAGE || text.len == 0;
    char asked[64];
    print_asked(cli, command, asked);
    return cli_fail(cli, exit, "%s: %s%s%.*s", asked, coded ? error : "",
                    coded && text.len > 0 ? ": " : "", (int)text.len,
                    text.len > 0 ? (const char *)text.bytes : "");
}

int cli_ask_body(struct cli *cli, const char *command, const struct cli_argument *arguments,
                 uint32_t arguments_count, struct slice body, struct slice resume,
                 const struct reply **ret)
{
    struct commission *connection;
    int failed = cli_connect(cli, &connection);
    if (failed != 0)
        return failed;

    struct argument given[CLI_ARGUMENTS_MAX];
    struct query query = {
        .command = slice_of(command),
        .arguments = given,
        .body = body,
        .resume = resume,
    };
    CHECK(arguments_count <= CLI_ARGUMENTS_MAX);
    for (uint32_t i = 0; i < arguments_count; i++) {
        if (arguments[i].value == NULL)
            continue;
        given[query.arguments_count++] = (struct argument){
            .name = slice_of(arguments[i].name),
            .value = slice_of(arguments[i].value),
        };
    }

    const struct reply *reply;
    enum status status = commission_ask(connection, &query, cli->timeout_ms, &reply);
    if (status != STATUS_OK)
        return cli_failed(cli, command, status);
    if (reply->error.len > 0)
        return reply_failed(cli, command, reply);
    *ret = reply;
    return 0;
}

int cli_ask(struct cli *cli, const char *command, const struct cli_argument *arguments,
            uint32_t arguments_count, struct slice resume, const struct reply **ret)
{
    return cli_ask_body(cli, command, arguments, arguments_count, (struct slice){0}, resume, ret);
}

/** The columns of the first page, which outlive it. */
struct columns {
    struct column items[PRINT_COLUMNS_MAX];
    char names[PRINT_COLUMNS_MAX][64];
    uint32_t count;
};

static void columns_keep(struct columns *columns, const struct reply *reply)
{
    columns->count =
        reply->columns_count < PRINT_COLUMNS_MAX ? reply->columns_count : PRINT_COLUMNS_MAX;
    for (uint32_t i = 0; i < columns->count; i++) {
        snprintf(columns->names[i], sizeof columns->names[i], "%.60s", reply->columns[i].name);
        columns->items[i] = reply->columns[i];
        columns->items[i].name = columns->names[i];
    }
}

/** One page into the table. False: an entry could not be read (said). */
static bool page_print(struct cli *cli, struct printer *printer, const struct reply *reply,
                       bool as_entries)
{
    if (as_entries) {
        for (uint32_t i = 0; i < reply->entries_count; i++) {
            if (!entries_print(cli, printer, &reply->entries[i]))
                return false;
        }
        return true;
    }
    for (uint32_t i = 0; i < reply->rows_count; i++)
        printer_row(printer, &reply->cells[(size_t)i * reply->columns_count]);
    return true;
}

int cli_print_answer(struct cli *cli, const char *command, const struct cli_argument *arguments,
                     uint32_t arguments_count)
{
    uint64_t rows;

    return cli_print_rows(cli, command, arguments, arguments_count, &rows);
}

int cli_print_rows(struct cli *cli, const char *command, const struct cli_argument *arguments,
                   uint32_t arguments_count, uint64_t *ret_rows)
{
    bool json = cli->output == OUTPUT_JSON || cli->output == OUTPUT_JSONL;
    struct columns columns = {0};
    struct printer *printer = NULL;
    struct text resume = {0};
    bool as_entries = false;
    int failed;

    do {
        const struct reply *reply;
        struct slice from = {(const uint8_t *)resume.bytes, resume.len};
        failed = cli_ask(cli, command, arguments, arguments_count, from, &reply);
        if (failed != 0)
            break;
        if (printer == NULL) {
            columns_keep(&columns, reply);
            as_entries = reply->entries_count > 0 && (json || reply->columns_count == 0);
            printer = as_entries ? entries_printer_new(cli)
                                 : printer_new(cli, columns.items, columns.count);
        }
        if (!as_entries && reply->columns_count != columns.count && reply->rows_count > 0) {
            failed = cli_fail(cli, EXIT_FAILED, "%s: the answer changed its columns", command);
            break;
        }
        resume.len = 0;
        text_add_bytes(&resume, (const char *)reply->resume.bytes, reply->resume.len);
        if (!page_print(cli, printer, reply, as_entries))
            failed = EXIT_FAILED;
    } while (failed == 0 && resume.len > 0);

    bool people = cli->output == OUTPUT_TEXT || cli->output == OUTPUT_WIDE;
    *ret_rows = printer != NULL ? printer_rows(printer) : 0;
    if (printer != NULL && failed == 0 && people && printer_rows(printer) == 0) {
        char asked[64];
        print_asked(cli, command, asked);
        cli_say(cli, "%s: none", asked);
    }
    if (printer != NULL && !printer_end(printer) && failed == 0)
        failed = EXIT_FAILED;
    text_clear(&resume);
    return failed;
}

/* ---- files, names ------------------------------------------------------------------------- */

/** Read @file to its end. 0, or an exit code, said. */
static int read_all(struct cli *cli, FILE *file, const char *path, size_t max, struct text *ret)
{
    char block[65536];
    size_t len;
    text_add_bytes(ret, "", 0);
    while ((len = fread(block, 1, sizeof block, file)) > 0) {
        if (ret->len + len > max)
            return cli_fail(cli, EXIT_FAILED, "%s: larger than %zu bytes", path, max);
        text_add_bytes(ret, block, len);
    }
    if (ferror(file))
        return cli_fail(cli, EXIT_FAILED, "%s: %s", path, strerror(errno));
    return 0;
}

int cli_read_file(struct cli *cli, const char *path, size_t max, char **ret, size_t *ret_len)
{
    struct text text = {0};
    int failed;

    if (strcmp(path, "-") == 0) {
        failed = read_all(cli, stdin, "standard input", max, &text);
    } else {
        struct stat about;
        FILE *file = fopen(path, "re");
        if (file == NULL)
            return cli_fail(cli, EXIT_FAILED, "%s: %s", path, strerror(errno));
        if (fstat(fileno(file), &about) == 0 && S_ISDIR(about.st_mode))
            failed = cli_fail(cli, EXIT_FAILED, "%s: a directory; a file is wanted", path);
        else
            failed = read_all(cli, file, path, max, &text);
        fclose(file);
    }
    if (failed != 0) {
        text_clear(&text);
        return failed;
    }
    *ret = text.bytes;
    *ret_len = text.len;
    return 0;
}

int cli_workflow(const struct cli *cli, const char *text, struct ods *ret_lead,
                 struct reference *ret_reference)
{
    const char *slash = strchr(text, '/');
    struct ods lead;
    struct reference reference;
    if (slash == NULL || !ods_parse(text, (size_t)(slash - text), &lead) ||
        !reference_parse(slash + 1, strlen(slash + 1), &reference))
        return cli_fail(cli, EXIT_USAGE,
                        "\"%s\" names no workflow; one is named LEAD/REFERENCE, such as "
                        "02E/2018-physio",
                        text);
    *ret_lead = lead;
    *ret_reference = reference;
    return 0;
}
