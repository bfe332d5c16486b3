/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.c - allotments, reservations and commitments, by organisation and financial year. */

#include "clients/commands/commands.h"

#include <string.h>

/** "2018/19" is asked for as it is; anything else is said to be wrong. */
static int ask(struct cli *cli, const char *command, const char *organisation)
{
    const char *year = cli_option(cli, "year");
    struct ods ods;
    int32_t number;
    if (!ods_parse(organisation, strlen(organisation), &ods))
        return cli_fail(cli, EXIT_USAGE, "\"%s\" is no organisation's code, such as 02E",
                        organisation);
    if (year != NULL && !financial_year_parse(year, strlen(year), &number))
        return cli_fail(cli, EXIT_USAGE, "--year: \"%s\" is no financial year, such as 2018/19",
                        year);
    const struct cli_argument arguments[] = {{"ods", ods.text}, {"year", year}};
    return cli_print_answer(cli, command, arguments, ARRAY_LEN(arguments));
}

static int show(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    if (cli_switch(cli, "lines") && cli_option(cli, "year") == NULL)
        return cli_fail(cli, EXIT_USAGE, "--lines shows one year: say which, with --year 2018/19");
    return ask(cli, cli_switch(cli, "lines") ? "ledger lines" : "ledger show", argv[0]);
}

static const struct cli_option show_options[] = {
    {"year", "YEAR", "of this financial year only, such as 2018/19"},
    {"lines", NULL, "with --year: each movement, with the entry that made it"},
    {0},
};

static const struct cli_verb verbs[] = {
    {
        .name = "show",
        .arguments = "ODS",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Show an organisation's allotments, what is reserved, committed and left",
        .example = "commission -c dev/02E ledger show 02E --year 2018/19 --lines",
        .options = show_options,
        .run = show,
    },
    {0},
};

const struct cli_noun noun_ledger = {"ledger", "Look at the money", verbs};
