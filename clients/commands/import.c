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
    {"names", "FILE", "an ONS list: the names of CCGs that the file calls by their ICB"},
    {"dry-run", NULL, "compare with the register and say what would be sent; send nothing"},
    {0},
};

const char import_orgs_more[] =
    "Reads files in the shape of ODS's eccg.csv (and csu.csv) and registers each\n"
    "organisation with the days it opened and closed. A CCG whose code became a\n"
    "sub-ICB location is registered as what it was, to 30 June 2022, with its ICB\n"
    "as successor; the file has lost its name: --names gives it, else the register's\n"
    "stays, else it gets its ICB's. What is registered so already is \"unchanged\" and\n"
    "not sent. Needs NHS England's key. Exit codes: 0 all well, 1 none, 8 some, 5 not\n"
    "with this key.\n";

const char import_orgs_example[] = "commission -c dev/nhse import orgs eccg.csv --csu csu.csv";

static const struct cli_option allotments_options[] = {
    {"year", "YEAR", "the financial year of the file, such as 2018/19"},
    {"names", "FILE", "an ONS list: more names of the organisations registered"},
    {"on", "DATE", "the day they were set; the year's first day if not given"},
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
        .more =
            "Reads releases and release packages of OCDS 1.0 and 1.1, lists of releases, and\n"
            "several of these in one file (JSONL); records are not read. A process becomes an\n"
            "adopted workflow named by its ocid, a tender release PROCUREMENT_STARTED, an\n"
            "award release AWARD_INTENDED, CONTRACT_AWARDED or AWARD_WITHDRAWN for each of\n"
            "its awards. Other releases are skipped. Importing again changes nothing and says\n"
            "\"repeated\" or \"rejected before\": a final verdict stays, also when its cause is\n"
            "gone, as an event's id comes from ocid, release, type and award id. Exit codes:\n"
            "0 all well, 1 none, 8 some, 5 the key is not the lead's.\n",
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
        .more =
            "Reads the columns \"CCG\" and \"Final allocation\" (thousands of pounds). Names are\n"
            "matched with the CCGs registered and open on the year's first day. What does\n"
            "not match is said and not sent; nothing is guessed; a name that stands twice is\n"
            "refused. What the ledger has so already is \"unchanged\" and not sent. Needs NHS\n"
            "England's key. Exit codes: 0 all well, 1 none, 8 some, 5 not with this key.\n",
        .example = "commission -c dev/nhse import allotments ccg_allocations.csv --year 2018/19",
        .options = allotments_options,
        .run = import_allotments,
    },
    {0},
};

const struct cli_noun noun_import = {
    "import", "Take over what others publish: notices, organisations, allotments", verbs};
