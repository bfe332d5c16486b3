/* SPDX-License-Identifier: Apache-2.0 */
/* queue.c - what waits for a worker, by stage. */

#include "clients/commands/commands.h"

static int list(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return cli_print_answer(cli, "queue list", NULL, 0);
}

static int quotas(struct cli *cli, int argc, char **argv)
{
    const struct cli_argument arguments[] = {{"organisation", argc > 0 ? argv[0] : NULL}};
    return cli_print_answer(cli, "quota list", arguments, ARRAY_LEN(arguments));
}

static const struct cli_verb verbs[] = {
    {
        .name = "list",
        .arguments = "",
        .help = "Show, for each stage, what is ready, leased, delayed and held",
        .example = "commission -c dev/operator queue list",
        .run = list,
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

const struct cli_noun noun_queue = {"queue", "Look at what waits for a worker", verbs};
