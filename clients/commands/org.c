/* SPDX-License-Identifier: Apache-2.0 */
/* org.c - the register of organisations. */

#include "clients/commands/commands.h"

#include <string.h>

/** --on, if given, is a day. 0, or an exit code, said. */
static int check_on(const struct cli *cli, const char *on)
{
    date_t date;
    if (on == NULL || date_parse(on, strlen(on), &date))
        return 0;
    return cli_fail(cli, EXIT_USAGE, "--on: \"%s\" is no day; write YYYY-MM-DD", on);
}

static int list(struct cli *cli, int argc, char **argv)
{
    const char *on = cli_option(cli, "on");
    const char *kind = cli_option(cli, "kind");
    char kind_name[16];
    enum organisation_kind found;
    (void)argc;
    (void)argv;
    int failed = check_on(cli, on);
    if (failed != 0)
        return failed;
    if (kind != NULL)
        capitals(kind, kind_name, sizeof kind_name);
    if (kind != NULL && !organisation_kind_find(kind_name, &found))
        return cli_fail(cli, EXIT_USAGE,
                        "--kind: \"%s\" is none of CCG, ICB, CSU, NHSE, HWB, LA, PROVIDER, SUB_ICB",
                        kind);
    const struct cli_argument arguments[] = {{"kind", kind != NULL ? kind_name : NULL}, {"on", on}};
    return cli_print_answer(cli, "org list", arguments, ARRAY_LEN(arguments));
}

static int show(struct cli *cli, int argc, char **argv)
{
    const char *on = cli_option(cli, "on");
    struct ods ods;
    (void)argc;
    int failed = check_on(cli, on);
    if (failed != 0)
        return failed;
    if (!ods_parse(argv[0], strlen(argv[0]), &ods))
        return cli_fail(cli, EXIT_USAGE, "\"%s\" is no organisation's code, such as 02E", argv[0]);
    const struct cli_argument arguments[] = {{"ods", ods.text}, {"on", on}};
    return cli_print_answer(cli, "org show", arguments, ARRAY_LEN(arguments));
}

static const struct cli_option list_options[] = {
    {"kind", "KIND", "of this kind only: CCG, ICB, CSU, NHSE, HWB, LA, PROVIDER, SUB_ICB"},
    {"on", "DAY", "only those open on that day, YYYY-MM-DD"},
    {0},
};
static const struct cli_option show_options[] = {
    {"on", "DAY", "as it was on that day, YYYY-MM-DD"},
    {0},
};

static const struct cli_verb verbs[] = {
    {
        .name = "list",
        .arguments = "",
        .help = "List organisations",
        .example = "commission -c dev/operator org list --kind CCG --on 2018-04-01",
        .options = list_options,
        .run = list,
    },
    {
        .name = "show",
        .arguments = "ODS",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Show an organisation, its days and its successor",
        .example = "commission -c dev/operator org show 02E",
        .options = show_options,
        .run = show,
    },
    {
        .name = "import",
        .arguments = "FILE|-",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Register organisations from a file of ODS codes",
        .more = import_orgs_more,
        .example = "commission -c dev/nhse org import eccg.csv --csu csu.csv",
        .options = import_orgs_options,
        .run = import_orgs,
    },
    {0},
};

const struct cli_noun noun_org = {"org", "Look at the register of organisations", verbs};
