/* SPDX-License-Identifier: Apache-2.0 */
/* feed.c - read the journal on, as far as it concerns one's organisation. */

#include "clients/cli/print.h"
#include "clients/commands/commands.h"

#include <inttypes.h>

#define FOLLOW_MS 60000 /* nothing new for so long: ask on */

/** Print entries until @last was looked at; @follow: until it is ended. */
static int tail_all(struct cli *cli, struct commission *connection, uint64_t last, bool follow)
{
    struct printer *printer = entries_printer_new(cli);
    uint64_t read_seq = 0;
    int result = EXIT_DONE;
    while (result == EXIT_DONE && (follow || read_seq < last)) {
        const struct feed_entries *entries;
        enum status status =
            commission_feed_next(connection, follow ? FOLLOW_MS : cli->timeout_ms, &entries);
        if (status == STATUS_TIMED_OUT && follow)
            continue;
        if (status == STATUS_REFUSED) {
            result = cli_fail(cli, EXIT_REFUSED, "feed: %.*s", (int)entries->error.len,
                              entries->error.len > 0 ? (const char *)entries->error.bytes : "");
        } else if (status != STATUS_OK) {
            result = cli_failed(cli, "feed", status);
        } else {
            read_seq = entries->read_seq > read_seq ? entries->read_seq : read_seq;
            for (uint32_t i = 0; i < entries->entries_count && result == EXIT_DONE; i++) {
                if (entries->entries[i].seq > read_seq)
                    read_seq = entries->entries[i].seq;
                /* Without --follow, what came after the start is another time's. */
                if (!follow && entries->entries[i].seq > last)
                    continue;
                if (!entries_print(cli, printer, &entries->entries[i]))
                    result = EXIT_FAILED;
            }
            if (follow)
                printer_flush(printer);
        }
        if (ferror(stdout))
            result = EXIT_FAILED;
    }
    if (!printer_end(printer) && result == EXIT_DONE)
        result = EXIT_FAILED;
    return result;
}

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
    enum status status = commission_feed(connection, first);
    if (status != STATUS_OK)
        return cli_failed(cli, "feed", status);
    return tail_all(cli, connection, last, follow);
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
