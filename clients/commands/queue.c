/* SPDX-License-Identifier: Apache-2.0 */
/* queue.c - what waits for a worker, by stage. */

#include "clients/commands/commands.h"

static int list(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return cli_print_answer(cli, "queue list", NULL, 0);
}

static const struct cli_verb verbs[] = {
    {
        .name = "list",
        .arguments = "",
        .help = "Show, for each stage, what is ready, leased, delayed and held",
        .example = "commission -c dev/operator queue list",
        .run = list,
    },
    {0},
};

const struct cli_noun noun_queue = {"queue", "Look at what waits for a worker", verbs};
