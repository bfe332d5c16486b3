/* SPDX-License-Identifier: Apache-2.0 */
/* worker.c - which workers are there. */

#include "clients/commands/commands.h"

static int list(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return cli_print_answer(cli, "worker list", NULL, 0);
}

static int drain(struct cli *cli, int argc, char **argv)
{
    const char *reason = cli_option(cli, "reason");
    const struct cli_argument arguments[] = {
        {"name", argv[0]},
        {"reason", reason},
        {"dry_run", cli_switch(cli, "dry-run") ? "true" : NULL},
    };
    (void)argc;
    if (reason == NULL || reason[0] == '\0')
        return cli_fail(cli, EXIT_USAGE, "say why, with --reason TEXT; it stands in the journal");
    return cli_print_answer(cli, "worker drain", arguments, ARRAY_LEN(arguments));
}

static const struct cli_option drain_options[] = {
    {"reason", "TEXT", "why; needed, and kept in the journal"},
    {"dry-run", NULL, "only say what would change"},
    {0},
};

static const struct cli_verb verbs[] = {
    {
        .name = "list",
        .arguments = "",
        .help = "List the workers that are joined, and what each holds",
        .example = "commission -c dev/operator worker list",
        .run = list,
    },
    {
        .name = "drain",
        .arguments = "NAME",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Let a worker finish what it holds, and end",
        .more = "It gets nothing new. All workers of this name are meant; `worker list` has the\n"
                "names. Needs an operator's key.\n",
        .example = "commission -c dev/operator worker drain review-1 --reason 'new version'",
        .options = drain_options,
        .run = drain,
    },
    {0},
};

const struct cli_noun noun_worker = {"worker", "Look at the workers, drain one", verbs};
