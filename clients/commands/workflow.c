/* SPDX-License-Identifier: Apache-2.0 */
/* workflow.c - list, show, history of workflows, and following one. */

#include "clients/commands/commands.h"
#include "clients/commands/follow.h"

static int list(struct cli *cli, int argc, char **argv)
{
    const char *lead = cli_option(cli, "lead");
    const char *stage = cli_option(cli, "stage");
    const struct cli_argument arguments[] = {
        {"lead", lead},
        {"stage", stage},
        {"open", cli_switch(cli, "open") ? "true" : NULL},
    };
    enum stage found;
    (void)argc;
    (void)argv;
    if (stage != NULL && !stage_find(stage, &found))
        return cli_fail(cli, EXIT_USAGE,
                        "--stage: \"%s\" is none of NEEDS_ASSESSED, PRIORITIES_SET, PROCUREMENT, "
                        "CONTRACT_AWARD, REVIEW",
                        stage);
    return cli_print_answer(cli, "workflow list", arguments, ARRAY_LEN(arguments));
}

/** Ask @command about the one workflow that is named. */
static int ask_one(struct cli *cli, const char *command, const char *name)
{
    struct ods lead;
    struct reference reference;
    int failed = cli_workflow(cli, name, &lead, &reference);
    if (failed != 0)
        return failed;
    const struct cli_argument arguments[] = {
        {"lead", lead.text},
        {"reference", reference.text},
    };
    return cli_print_answer(cli, command, arguments, ARRAY_LEN(arguments));
}

static int show(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    return ask_one(cli, "workflow show", argv[0]);
}

static int history(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    return ask_one(cli, "workflow history", argv[0]);
}

static int follow(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    return follow_workflow(cli, argv[0]);
}

static const struct cli_option list_options[] = {
    {"lead", "ODS", "of this lead commissioner only"},
    {"stage", "STAGE", "in this stage only, such as PROCUREMENT"},
    {"open", NULL, "only those that are not complete"},
    {0},
};

static const struct cli_verb verbs[] = {
    {
        .name = "list",
        .arguments = "",
        .help = "List workflows",
        .example = "commission -c dev/02E workflow list --open",
        .options = list_options,
        .run = list,
    },
    {
        .name = "show",
        .arguments = "LEAD/REFERENCE",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Show where a workflow stands",
        .example = "commission -c dev/02E workflow show 02E/2018-physio",
        .run = show,
    },
    {
        .name = "history",
        .arguments = "LEAD/REFERENCE",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "List all entries about a workflow",
        .more = "What was received, what was decided, when, and why. As json and jsonl the\n"
                "entries are whole, each with its seq and hash.\n",
        .example = "commission -c dev/02E workflow history 02E/2018-physio -o jsonl",
        .run = history,
    },
    {
        .name = "follow",
        .arguments = "LEAD/REFERENCE",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Show a workflow's entries, and on as they come",
        .more = "Ends when the workflow is complete or withdrawn, or with Ctrl-C.\n",
        .example = "commission -c dev/02E workflow follow 02E/2018-physio",
        .run = follow,
    },
    {0},
};

const struct cli_noun noun_workflow = {"workflow", "Look at commissioning cases", verbs};
