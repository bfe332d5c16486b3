/* SPDX-License-Identifier: Apache-2.0 */
/* worker.c - which workers are there. */

#include "clients/commands/commands.h"

static int list(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return cli_print_answer(cli, "worker list", NULL, 0);
}

static const struct cli_verb verbs[] = {
    {
        .name = "list",
        .arguments = "",
        .help = "List the workers that are joined, and what each holds",
        .example = "commission -c dev/operator worker list",
        .run = list,
    },
    {0},
};

const struct cli_noun noun_worker = {"worker", "Look at the workers", verbs};
