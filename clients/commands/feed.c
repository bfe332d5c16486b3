/* SPDX-License-Identifier: Apache-2.0 */
/* feed.c - read the journal on, as far as it concerns one's organisation. */

#include "clients/commands/commands.h"
#include "clients/commands/follow.h"

#include <inttypes.h>

static int tail(struct cli *cli, int argc, char **argv)
{
    const char *from = cli_option(cli, "from");
    bool follow = cli_switch(cli, "follow");
    struct commission *connection;
    const struct reply *reply;
    uint64_t first = 1;
    (void)argc;
    (void)argv;
    if (from != NULL && (!number_parse(from, &first) || first == 0))
        return cli_fail(cli, EXIT_USAGE, "--from: \"%s\" is no entry's number; they count from 1",
                        from);
    int failed = cli_ask(cli, "journal head", NULL, 0, (struct slice){0}, &reply);
    if (failed != 0)
        return failed;
    uint64_t last = reply->as_of_seq;
    failed = cli_connect(cli, &connection);
    if (failed != 0)
        return failed;
    if (!follow && first > last) {
        cli_say(cli, "nothing yet: the journal ends at %" PRIu64, last);
        return printer_end(entries_printer_new(cli)) ? EXIT_DONE : EXIT_FAILED;
    }
    struct printer *printer = entries_printer_new(cli);
    const struct follow wanted = {.first = first, .last = follow ? 0 : last};
    failed = follow_feed(cli, connection, printer, &wanted);
    if (!printer_end(printer) && failed == 0)
        failed = EXIT_FAILED;
    return failed;
}

static const struct cli_option tail_options[] = {
    {"from", "SEQ", "begin with this entry (1)"},
    {"follow", NULL, "go on as entries come, until ended with Ctrl-C"},
    {0},
};

static const struct cli_verb verbs[] = {
    {
        .name = "tail",
        .arguments = "",
        .help = "Show the entries that concern one's organisation, in order",
        .more = "An operator's key sees all entries. To go on later, keep the last seq and give\n"
                "--from the one after it.\n",
        .example = "commission -c dev/01F feed tail --from 1 --follow -o jsonl",
        .options = tail_options,
        .run = tail,
    },
    {0},
};

const struct cli_noun noun_feed = {"feed", "Read the journal on, as far as one may", verbs};
