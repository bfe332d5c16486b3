/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.c - allotments, reservations and commitments, by organisation and financial year. */

#include "clients/cli/print.h"
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

#define LEDGER_YEARS_MAX 128 /* of one organisation */
#define YEAR_SIZE 8          /* "2018/19" */

struct years {
    char items[LEDGER_YEARS_MAX][YEAR_SIZE];
    uint32_t count;
};

/** The years that @ods has a ledger for, in their order. 0, or an exit code, said. */
static int ask_years(struct cli *cli, const char *ods, struct years *ret)
{
    const struct cli_argument arguments[] = {{"ods", ods}};
    struct text resume = {0};
    int failed;
    do {
        const struct reply *reply;
        struct slice from = {(const uint8_t *)resume.bytes, resume.len};
        failed = cli_ask(cli, "ledger show", arguments, ARRAY_LEN(arguments), from, &reply);
        if (failed != 0)
            break;
        for (uint32_t i = 0; i < reply->rows_count * reply->columns_count; i++) {
            struct slice cell = reply->cells[i];
            if (strcmp(reply->columns[i % reply->columns_count].name, "year") != 0)
                continue;
            if (ret->count == LEDGER_YEARS_MAX || cell.len >= YEAR_SIZE) {
                failed =
                    cli_fail(cli, EXIT_FAILED, "%s has too many years: name one, with --year", ods);
                break;
            }
            memcpy(ret->items[ret->count++], cell.bytes, cell.len);
        }
        resume.len = 0;
        text_add_bytes(&resume, (const char *)reply->resume.bytes, reply->resume.len);
    } while (failed == 0 && resume.len > 0);
    text_clear(&resume);
    return failed;
}

static const struct column line_columns[] = {
    {"year", COLUMN_TEXT, false},         {"seq", COLUMN_NUMBER, false},
    {"kind", COLUMN_TEXT, false},         {"pence", COLUMN_PENCE, false},
    {"uncovered", COLUMN_BOOLEAN, false}, {"lead", COLUMN_TEXT, false},
    {"reference", COLUMN_TEXT, false},
};

/** Add the lines of @year to the table. 0, or an exit code, said. */
static int print_year(struct cli *cli, struct printer *printer, const char *ods, const char *year)
{
    const struct cli_argument arguments[] = {{"ods", ods}, {"year", year}};
    struct text resume = {0};
    int failed;
    do {
        const struct reply *reply;
        struct slice from = {(const uint8_t *)resume.bytes, resume.len};
        failed = cli_ask(cli, "ledger lines", arguments, ARRAY_LEN(arguments), from, &reply);
        if (failed != 0)
            break;
        for (uint32_t row = 0; row < reply->rows_count; row++) {
            struct slice cells[ARRAY_LEN(line_columns)] = {slice_of(year)};
            for (uint32_t i = 0; i < reply->columns_count; i++) {
                for (uint32_t to = 1; to < ARRAY_LEN(line_columns); to++) {
                    if (strcmp(reply->columns[i].name, line_columns[to].name) == 0)
                        cells[to] = reply->cells[row * reply->columns_count + i];
                }
            }
            printer_row(printer, cells);
        }
        resume.len = 0;
        text_add_bytes(&resume, (const char *)reply->resume.bytes, reply->resume.len);
    } while (failed == 0 && resume.len > 0);
    text_clear(&resume);
    return failed;
}

/** The lines of all years, in one table. */
static int show_all_lines(struct cli *cli, const char *organisation)
{
    struct years years = {0};
    struct ods ods;
    if (!ods_parse(organisation, strlen(organisation), &ods))
        return cli_fail(cli, EXIT_USAGE, "\"%s\" is no organisation's code, such as 02E",
                        organisation);
    int failed = ask_years(cli, ods.text, &years);
    if (failed != 0)
        return failed;
    struct printer *printer = printer_new(cli, line_columns, ARRAY_LEN(line_columns));
    for (uint32_t i = 0; i < years.count && failed == 0; i++)
        failed = print_year(cli, printer, ods.text, years.items[i]);
    if (failed == 0 && printer_rows(printer) == 0 && cli->output <= OUTPUT_WIDE)
        cli_say(cli, "ledger lines: none");
    if (!printer_end(printer) && failed == 0)
        failed = EXIT_FAILED;
    return failed;
}

static int show(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    if (cli_switch(cli, "lines") && cli_option(cli, "year") == NULL)
        return show_all_lines(cli, argv[0]);
    return ask(cli, cli_switch(cli, "lines") ? "ledger lines" : "ledger show", argv[0]);
}

static const struct cli_option show_options[] = {
    {"year", "YEAR", "of this financial year only, such as 2018/19"},
    {"lines", NULL, "each movement, with the entry that made it"},
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
