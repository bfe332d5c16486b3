/* SPDX-License-Identifier: Apache-2.0 */
/* dev.c - a private instance in a folder: daemon, five workers, sample registers, contexts. */

#include "clients/commands/commands.h"
#include "clients/commands/dev_children.h"
#include "clients/commands/dev_folder.h"
#include "clients/commands/dev_registers.h"

#include <string.h>

#define ANSWER_MS 1000
#define ANSWERS_MAX 30 /* questions until one is answered, a second each */

/** Wait until the daemon answers the operator. 0, or an exit code, said. */
static int wait_for_daemon(struct cli *cli, struct dev_children *children, const char *folder)
{
    char path[DEV_PATH_SIZE];
    uint32_t count;
    struct commission *connection;
    const struct query query = {
        .command = {(const uint8_t *)"server status", strlen("server status")},
    };
    dev_context_path(folder, &dev_parties(&count)[0], path);
    cli->context_name = path;
    int failed = cli_connect(cli, &connection);
    for (int i = 0; failed == 0 && i < ANSWERS_MAX; i++) {
        const struct reply *reply;
        if (commission_ask(connection, &query, ANSWER_MS, &reply) == STATUS_OK)
            return 0;
        if (!dev_children_daemon_runs(children))
            return EXIT_FAILED;
    }
    if (failed == 0)
        failed = cli_fail(cli, EXIT_UNREACHABLE, "the daemon does not answer; see %s/log", folder);
    return failed;
}

static void tell(const char *wanted, uint16_t tcp_port)
{
    printf("An instance of commissiond runs in %s, with a worker for each stage.\n\n"
           "Speak to it as one of these:\n"
           "  commission -c %s/operator server status\n"
           "  commission -c %s/02E ledger show 02E        (NHS Warrington CCG)\n"
           "  commission -c %s/0CE org show 0CE           (its commissioning support unit)\n"
           "  commission -c %s/nhse org list              (NHS England)\n"
           "  and 01F, 01J, 01T, 01X (neighbours), QYG (the integrated care board)\n\n",
           wanted, wanted, wanted, wanted, wanted);
    if (tcp_port != 0)
        printf("On the network of this machine: tcp://127.0.0.1:%u\n", (unsigned)tcp_port);
    printf("Sample data: the five groups' allotments of 2018/19 are real ones; support contracts,\n"
           "co-commissioning levels and the board's allotments are made up.\n"
           "Logs are in %s/log. Ctrl-C ends all of it; what was journalled stays in the folder.\n",
           wanted);
    (void)fflush(stdout);
}

static int dev(struct cli *cli, int argc, char **argv)
{
    const char *port = cli_option(cli, "tcp");
    char folder[DEV_PATH_SIZE];
    struct dev_children *children = NULL;
    uint64_t tcp_port = 0;
    (void)argc;
    if (port != NULL && (!number_parse(port, &tcp_port) || tcp_port < 1 || tcp_port > 65535))
        return cli_fail(cli, EXIT_USAGE, "--tcp: \"%s\" is no port; 1 to 65535", port);
    if (cli->context_name != NULL || cli->endpoint != NULL)
        return cli_fail(cli, EXIT_USAGE, "dev makes its own contexts: leave -c and --endpoint out");

    int failed = dev_folder_open(cli, argv[0], (uint16_t)tcp_port, folder);
    if (failed == 0)
        failed = dev_children_new(&children, cli, folder);
    if (failed != 0)
        return failed;
    failed = dev_children_start_daemon(children);
    if (failed == 0)
        failed = wait_for_daemon(cli, children, folder);
    if (failed == 0)
        failed = dev_registers_send(cli, folder);
    if (failed == 0)
        failed = dev_children_start_workers(children);
    if (failed == 0) {
        tell(argv[0], (uint16_t)tcp_port);
        failed = dev_children_keep(children);
        cli_say(cli, "ending the workers, then the daemon");
    }
    dev_children_free(children);
    return failed;
}

static const struct cli_option options[] = {
    {"tcp", "PORT", "listen on 127.0.0.1:PORT too"},
    {0},
};

static const struct cli_verb verbs[] = {
    {
        .name = "",
        .arguments = "DIR",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Run a private instance in DIR, with sample registers, until Ctrl-C",
        .more = "Makes keys, configuration and contexts in DIR (once), starts the daemon and a\n"
                "worker for each stage on sockets in DIR, and registers sample organisations:\n"
                "the CCGs 02E 01F 01J 01T 01X, their support unit 0CE, the board QYG, NHS\n"
                "England. The contexts are DIR/operator, DIR/nhse, DIR/02E and so on. A daemon or\n"
                "worker that fails is started again; `server stop` ends all, as Ctrl-C does.\n"
                "DIR/run has their process ids, DIR/log their logs. Run again with the same DIR,\n"
                "it goes on where it was.\n",
        .example = "commission dev ./dev",
        .options = options,
        .run = dev,
    },
    {0},
};

const struct cli_noun noun_dev = {"dev", "Run a private instance, to try things out", verbs};
