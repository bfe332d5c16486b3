/* SPDX-License-Identifier: Apache-2.0 */
/* queue.c - what waits for a worker, by stage; and whether a stage works on. */

#include "clients/commands/commands.h"

static int list(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return cli_print_answer(cli, "queue list", NULL, 0);
}

/** Order @command of the stage that argv names. */
static int order(struct cli *cli, const char *command, char **argv)
{
    char stage[64];
    const char *reason = cli_option(cli, "reason");
    const struct cli_argument arguments[] = {
        {"stage", stage},
        {"reason", reason},
        {"dry_run", cli_switch(cli, "dry-run") ? "true" : NULL},
    };

    capitals(argv[0], stage, sizeof stage);
    if (reason == NULL || reason[0] == '\0')
        return cli_fail(cli, EXIT_USAGE, "say why, with --reason TEXT; it stands in the journal");
    return cli_print_answer(cli, command, arguments, ARRAY_LEN(arguments));
}

static int pause_stage(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    return order(cli, "queue pause", argv);
}

static int resume_stage(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    return order(cli, "queue resume", argv);
}

static int drain_stage(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    return order(cli, "queue drain", argv);
}

static const struct cli_option order_options[] = {
    {"reason", "TEXT", "why; needed, and kept in the journal"},
    {"dry-run", NULL, "only say what would change"},
    {0},
};

static int quotas(struct cli *cli, int argc, char **argv)
{
    const struct cli_argument arguments[] = {{"organisation", argc > 0 ? argv[0] : NULL}};
    return cli_print_answer(cli, "quota list", arguments, ARRAY_LEN(arguments));
}

static const struct cli_verb verbs[] = {
    {
        .name = "list",
        .arguments = "",
        .help = "Show, for each stage, what is ready, leased, delayed, held and parked",
        .more = "And whether the stage is running, paused or draining, since when and why.\n",
        .example = "commission -c dev/operator queue list",
        .run = list,
    },
    {
        .name = "pause",
        .arguments = "STAGE",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Give out nothing more of a stage",
        .more =
            "Events are taken as before, and wait; what a worker has may be finished. It stays\n"
            "so over restarts, until `queue resume`. Needs an operator's key.\n",
        .example =
            "commission -c dev/operator queue pause PROCUREMENT --reason 'rule under review'",
        .options = order_options,
        .run = pause_stage,
    },
    {
        .name = "resume",
        .arguments = "STAGE",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Let a stage that was paused or drained work on",
        .example = "commission -c dev/operator queue resume PROCUREMENT --reason 'review is over'",
        .options = order_options,
        .run = resume_stage,
    },
    {
        .name = "drain",
        .arguments = "STAGE",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Finish what a stage has, and take no new events of it",
        .more =
            "New events of the stage are refused with STAGE_DRAINING; nothing of them is kept,\n"
            "and they may be sent again when the stage is resumed. Needs an operator's key.\n",
        .example = "commission -c dev/operator queue drain REVIEW --reason 'new worker tonight'",
        .options = order_options,
        .run = drain_stage,
    },
    {
        .name = "quotas",
        .arguments = "[ORG]",
        .arguments_max = 1,
        .help = "Show what each organisation has under way, of how much it may have",
        .more =
            "events, bytes and workflows are what is open now, with their limits; tokens is how\n"
            "many new events may come at once just now: the bucket holds burst, and gets rate a\n"
            "second. refused counts the events that met a limit: they were answered BUSY. An\n"
            "operator sees all organisations, others their own.\n",
        .example = "commission -c dev/operator queue quotas",
        .run = quotas,
    },
    {0},
};

const struct cli_noun noun_queue = {"queue", "Look at what waits for a worker; pause stages",
                                    verbs};
