/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - status, stop, reload of the daemon. */

#include "clients/cli/print.h"
#include "clients/commands/commands.h"

/** Many columns in one row are read better one below the other. */
static int print_down(struct cli *cli, const struct reply *reply)
{
    static const struct column columns[] = {{"what", COLUMN_TEXT, false},
                                            {"value", COLUMN_TEXT, false}};
    struct printer *printer = printer_new(cli, columns, 2);
    for (uint32_t i = 0; reply->rows_count > 0 && i < reply->columns_count; i++) {
        struct slice cells[2] = {slice_of(reply->columns[i].name), reply->cells[i]};
        char number[32];
        if (reply->columns[i].wide && cli->output == OUTPUT_TEXT)
            continue;
        if (reply->columns[i].type == COLUMN_NUMBER) {
            number_print((const char *)cells[1].bytes, cells[1].len, number);
            cells[1] = slice_of(number);
        }
        printer_row(printer, cells);
    }
    return printer_end(printer) ? EXIT_DONE : EXIT_FAILED;
}

static int status(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    if (cli->output == OUTPUT_JSON || cli->output == OUTPUT_JSONL || cli->output == OUTPUT_CSV)
        return cli_print_answer(cli, "server status", NULL, 0);
    const struct reply *reply;
    int failed = cli_ask(cli, "server status", NULL, 0, (struct slice){0}, &reply);
    if (failed != 0)
        return failed;
    if (reply->rows_count != 1 || reply->columns_count <= 2)
        return cli_print_answer(cli, "server status", NULL, 0);
    return print_down(cli, reply);
}

static int stop(struct cli *cli, int argc, char **argv)
{
    const char *reason = cli_option(cli, "reason");
    const struct cli_argument arguments[] = {
        {"reason", reason}, {"dry_run", cli_switch(cli, "dry-run") ? "true" : NULL}};
    (void)argc;
    (void)argv;
    if (reason == NULL || reason[0] == '\0')
        return cli_fail(cli, EXIT_USAGE, "say why, with --reason TEXT");
    int failed = cli_print_answer(cli, "server stop", arguments, ARRAY_LEN(arguments));
    if (failed == 0 && cli_switch(cli, "dry-run"))
        cli_say(cli, "the daemon is there and would be stopped: %s", reason);
    return failed;
}

static int reload(struct cli *cli, int argc, char **argv)
{
    const struct cli_argument arguments[] = {
        {"reason", cli_option(cli, "reason")},
        {"dry_run", cli_switch(cli, "dry-run") ? "true" : NULL}};
    (void)argc;
    (void)argv;
    int failed = cli_print_answer(cli, "server reload", arguments, ARRAY_LEN(arguments));
    if (failed == 0 && cli_switch(cli, "dry-run"))
        cli_say(cli, "the daemon is there and would read its configuration again");
    return failed;
}

static const struct cli_option stop_options[] = {
    {"reason", "TEXT", "why; needed"},
    {"dry-run", NULL, "stop nothing; only see whether the daemon is there"},
    {0},
};
static const struct cli_option reload_options[] = {
    {"reason", "TEXT", "why; kept in the journal"},
    {"dry-run", NULL, "reload nothing; only see whether the daemon is there"},
    {0},
};

static const struct cli_verb verbs[] = {
    {
        .name = "status",
        .arguments = "",
        .help = "Show how the daemon is",
        .example = "commission -c dev/operator server status",
        .run = status,
    },
    {
        .name = "stop",
        .arguments = "",
        .help = "Stop the daemon: no new events, what is at work is finished or given back",
        .more = "Nothing is lost: what has a receipt is on disk, and work that is not finished\n"
                "is given out again at the next start. Needs an operator's key.\n",
        .example = "commission -c dev/operator server stop --reason 'kernel update'",
        .options = stop_options,
        .run = stop,
    },
    {
        .name = "reload",
        .arguments = "",
        .help = "Let the daemon read its configuration again",
        .example = "commission -c dev/operator server reload",
        .options = reload_options,
        .run = reload,
    },
    {0},
};

const struct cli_noun noun_server = {"server", "Look after the daemon", verbs};
