/* SPDX-License-Identifier: Apache-2.0 */
/* import.c - the verbs of `commission import`: what they are called, their options, their help. */

#include "clients/commands/commands.h"

static const struct cli_option ocds_options[] = {
    {"lead", "ODS", "the lead commissioner, where the data names none by an official identifier"},
    {"dry-run", NULL, "read and map only; ask nobody and send nothing"},
    {0},
};

const struct cli_option import_orgs_options[] = {
    {"csu", "FILE", "a file of commissioning support units, to read as well"},
    {"dry-run", NULL, "say what would be sent; send nothing"},
    {0},
};

const char import_orgs_more[] =
    "Reads files in the shape of ODS's eccg.csv (and csu.csv) and registers each\n"
    "organisation with the days it opened and closed. Importing again changes\n"
    "nothing. Needs NHS England's key.\n";

const char import_orgs_example[] = "commission -c dev/nhse import orgs eccg.csv --csu csu.csv";

static const struct cli_option allotments_options[] = {
    {"year", "YEAR", "the financial year of the file, such as 2018/19"},
    {"dry-run", NULL, "say what would be sent; send nothing"},
    {0},
};

static const struct cli_verb verbs[] = {
    {
        .name = "ocds",
        .arguments = "FILE|-...",
        .arguments_min = 1,
        .arguments_max = -1,
        .help = "Take tender and award notices from open contracting data",
        .more = "Reads releases and release packages of OCDS 1.1. A process becomes an adopted\n"
                "workflow, its tender a PROCUREMENT_STARTED, its awards AWARD_INTENDED or\n"
                "CONTRACT_AWARDED. Importing again changes nothing and says \"repeated\".\n",
        .example = "commission -c dev/QYG import ocds notices/*.json --lead QYG",
        .options = ocds_options,
        .run = import_ocds,
    },
    {
        .name = "orgs",
        .arguments = "FILE|-",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Register organisations from a file of ODS codes",
        .more = import_orgs_more,
        .example = import_orgs_example,
        .options = import_orgs_options,
        .run = import_orgs,
    },
    {
        .name = "allotments",
        .arguments = "FILE|-",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Set the allotments of a financial year from a file of names and sums",
        .more = "Names are matched with the registered organisations. What does not match is\n"
                "said and not sent; nothing is guessed. Needs NHS England's key.\n",
        .example = "commission -c dev/nhse import allotments ccg_allocations.csv --year 2018/19",
        .options = allotments_options,
        .run = import_allotments,
    },
    {0},
};

const struct cli_noun noun_import = {
    "import", "Take over what others publish: notices, organisations, allotments", verbs};
