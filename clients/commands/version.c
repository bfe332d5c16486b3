/* SPDX-License-Identifier: Apache-2.0 */
/* version.c - which version this is. */

#include "clients/cli/print.h"
#include "clients/commands/commands.h"

#ifndef COMMISSION_VERSION
#define COMMISSION_VERSION "unknown"
#endif

static int version(struct cli *cli, int argc, char **argv)
{
    static const struct column columns[] = {{"version", COLUMN_TEXT, false},
                                            {"wire_version", COLUMN_NUMBER, false},
                                            {"schema_version", COLUMN_NUMBER, false}};
    char wire[12];
    char schema[12];
    (void)argc;
    (void)argv;
    if (cli->output == OUTPUT_TEXT) {
        printf("commission %s\n", COMMISSION_VERSION);
        return EXIT_DONE;
    }
    snprintf(wire, sizeof wire, "%d", WIRE_VERSION);
    snprintf(schema, sizeof schema, "%d", SCHEMA_VERSION);
    struct printer *printer = printer_new(cli, columns, ARRAY_LEN(columns));
    const char *cells[] = {COMMISSION_VERSION, wire, schema};
    printer_row_text(printer, cells);
    return printer_end(printer) ? EXIT_DONE : EXIT_FAILED;
}

static const struct cli_verb verbs[] = {
    {
        .name = "",
        .arguments = "",
        .help = "Show the version of this tool",
        .example = "commission version -o json",
        .run = version,
    },
    {0},
};

const struct cli_noun noun_version = {"version", "Show the version of this tool", verbs};
