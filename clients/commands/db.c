/* SPDX-License-Identifier: Apache-2.0 */
/* db.c - what the store holds, and where its room has gone. */

#include "clients/commands/commands.h"

static int stats(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return cli_print_answer(cli, "db stats", NULL, 0);
}

static const struct cli_verb verbs[] = {
    {
        .name = "stats",
        .arguments = "",
        .help = "Show tables, map, journal, disk, scrub and formats",
        .more = "The scrub reads the state slowly while the daemon is idle, and checks each row\n"
                "and what it belongs to (scrub_rows). The state is built from the journal: it may\n"
                "be deleted while the daemon is down.\n",
        .example = "commission -c dev/operator db stats",
        .run = stats,
    },
    {0},
};

const struct cli_noun noun_db = {"db", "Look at the store", verbs};
