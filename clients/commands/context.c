/* SPDX-License-Identifier: Apache-2.0 */
/* context.c - list, show, use of contexts. */

#include "clients/cli/print.h"
#include "clients/commands/commands.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>

enum { CTX_NAME, CTX_USED, CTX_ENDPOINT, CTX_ORGANISATION, CTX_KEY, CTX_PATH, CTXS };

static const struct column columns[CTXS] = {
    [CTX_NAME] = {"name", COLUMN_TEXT, false},
    [CTX_USED] = {"used", COLUMN_BOOLEAN, false},
    [CTX_ENDPOINT] = {"endpoint", COLUMN_TEXT, false},
    [CTX_ORGANISATION] = {"organisation", COLUMN_TEXT, false},
    [CTX_KEY] = {"key_file", COLUMN_TEXT, true},
    [CTX_PATH] = {"path", COLUMN_TEXT, true},
};

static void context_print(struct printer *printer, const struct context *context, bool used)
{
    const char *cells[CTXS] = {
        [CTX_NAME] = context->name,         [CTX_USED] = used ? "true" : "false",
        [CTX_ENDPOINT] = context->endpoint, [CTX_ORGANISATION] = context->organisation.text,
        [CTX_KEY] = context->key_path,      [CTX_PATH] = context->path,
    };
    printer_row_text(printer, cells);
}

static int plain_name(const struct dirent *entry)
{
    return entry->d_name[0] != '.' &&
           (entry->d_type == DT_REG || entry->d_type == DT_LNK || entry->d_type == DT_UNKNOWN);
}

static int list(struct cli *cli, int argc, char **argv)
{
    char folder[CONTEXT_PATH_SIZE];
    char used[CONTEXT_PATH_SIZE] = "";
    struct dirent **entries = NULL;
    (void)argc;
    (void)argv;
    if (!context_default(used))
        used[0] = '\0';
    if (!context_folder(folder))
        return cli_fail(cli, EXIT_FAILED,
                        "neither HOME nor XDG_CONFIG_HOME says where you keep "
                        "your configuration");
    int count = scandir(folder, &entries, plain_name, alphasort);
    if (count < 0 && errno != ENOENT)
        return cli_fail(cli, EXIT_FAILED, "%s: %s", folder, strerror(errno));

    struct printer *printer = printer_new(cli, columns, CTXS);
    for (int i = 0; i < count; i++) {
        char path[CONTEXT_PATH_SIZE + NAME_MAX + 2];
        char fault[CONTEXT_FAULT_SIZE];
        struct context context;
        (void)snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        if (context_read(path, &context, fault) == STATUS_OK)
            context_print(printer, &context, strcmp(used, entries[i]->d_name) == 0);
        else
            cli_say(cli, "%s", fault);
        free(entries[i]);
    }
    free(entries);
    if (printer_rows(printer) == 0)
        cli_say(cli, "no contexts in %s; a file can be named too: -c FILE", folder);
    return printer_end(printer) ? EXIT_DONE : EXIT_FAILED;
}

static int show(struct cli *cli, int argc, char **argv)
{
    const struct context *context;
    char named[CONTEXT_PATH_SIZE];
    bool used = argc == 0;
    if (argc == 1) {
        cli->context_name = argv[0];
        used = context_default(named) && strcmp(named, argv[0]) == 0;
    }
    int failed = cli_context(cli, &context);
    if (failed != 0)
        return failed;
    struct printer *printer = printer_new(cli, columns, CTXS);
    context_print(printer, context, used);
    if (cli->output == OUTPUT_TEXT) {
        printer_note(printer, "context %s", context->path);
        printer_note(printer, "key     %s", context->key_path);
    }
    return printer_end(printer) ? EXIT_DONE : EXIT_FAILED;
}

static int use(struct cli *cli, int argc, char **argv)
{
    char absolute[PATH_MAX];
    const char *name = argv[0];
    const struct context *context;
    (void)argc;
    cli->context_name = name;
    int failed = cli_context(cli, &context);
    if (failed != 0)
        return failed;
    /* A file is remembered by where it is, whatever folder one is in later. */
    if (strcmp(context->path, name) == 0 || strchr(name, '/') != NULL) {
        if (realpath(context->path, absolute) == NULL)
            return cli_fail(cli, EXIT_FAILED, "%s: %s", context->path, strerror(errno));
        name = absolute;
    }
    if (cli_switch(cli, "dry-run")) {
        cli_say(cli, "%s would be used when no context is given", name);
        return EXIT_DONE;
    }
    enum status status = context_use(name);
    if (status != STATUS_OK)
        return cli_fail(cli, EXIT_FAILED, "it cannot be remembered: %s", strerror(errno));
    cli_say(cli, "%s is used when no context is given", name);
    return EXIT_DONE;
}

static const struct cli_option use_options[] = {
    {"dry-run", NULL, "check the context; remember nothing"},
    {0},
};

static const struct cli_verb verbs[] = {
    {
        .name = "list",
        .arguments = "",
        .help = "List the contexts in ~/.config/commission/contexts",
        .example = "commission context list -o wide",
        .run = list,
    },
    {
        .name = "show",
        .arguments = "[CONTEXT]",
        .arguments_max = 1,
        .help = "Show the context in use, or another",
        .example = "commission context show dev/02E",
        .run = show,
    },
    {
        .name = "use",
        .arguments = "CONTEXT",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Use a context from now on when none is given",
        .more = "A context is a file:\n\n"
                "  endpoint = \"ipc:///run/commissiond/clients.sock\"\n"
                "  server_key = \"server.pub\"     # a key file, or 'the key' in single quotes\n"
                "  key_file = \"keys/02E.key\"     # one's own, from the file's folder on\n"
                "  organisation = \"02E\"\n\n"
                "-c and the variable COMMISSION_CONTEXT go before it.\n",
        .example = "commission context use dev/operator",
        .options = use_options,
        .run = use,
    },
    {0},
};

const struct cli_noun noun_context = {"context", "Say who one is and where the daemon is", verbs};
