/* SPDX-License-Identifier: Apache-2.0 */
/* workflow.c - list, show, history of workflows, following one; and the events that suspend, resume and end one. */

#include "clients/cli/print.h"
#include "clients/commands/commands.h"
#include "clients/commands/follow.h"

#include <string.h>

static int list(struct cli *cli, int argc, char **argv)
{
    const char *lead = cli_option(cli, "lead");
    const char *stage = cli_option(cli, "stage");
    const struct cli_argument arguments[] = {
        {"lead", lead},
        {"stage", stage},
        {"open", cli_switch(cli, "open") ? "true" : NULL},
    };
    enum stage found;
    (void)argc;
    (void)argv;
    if (stage != NULL && !stage_find(stage, &found))
        return cli_fail(cli, EXIT_USAGE,
                        "--stage: \"%s\" is none of NEEDS_ASSESSED, PRIORITIES_SET, PROCUREMENT, "
                        "CONTRACT_AWARD, REVIEW",
                        stage);
    return cli_print_answer(cli, "workflow list", arguments, ARRAY_LEN(arguments));
}

/** Ask @command about the one workflow that is named. */
static int ask_one(struct cli *cli, const char *command, const char *name)
{
    struct ods lead;
    struct reference reference;
    int failed = cli_workflow(cli, name, &lead, &reference);
    if (failed != 0)
        return failed;
    const struct cli_argument arguments[] = {
        {"lead", lead.text},
        {"reference", reference.text},
    };
    return cli_print_answer(cli, command, arguments, ARRAY_LEN(arguments));
}

static int show(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    return ask_one(cli, "workflow show", argv[0]);
}

static int history(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    return ask_one(cli, "workflow history", argv[0]);
}

static int follow(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    return follow_workflow(cli, argv[0]);
}

static int timers(struct cli *cli, int argc, char **argv)
{
    const char *until = cli_option(cli, "until");
    struct ods lead = {0};
    struct reference reference = {0};
    date_t day;

    if (until != NULL && !date_parse(until, strlen(until), &day))
        return cli_fail(cli, EXIT_USAGE, "--until: \"%s\" is no day; write YYYY-MM-DD", until);
    int failed = argc > 0 ? cli_workflow(cli, argv[0], &lead, &reference) : 0;
    if (failed != 0)
        return failed;
    const struct cli_argument arguments[] = {
        {"lead", argc > 0 ? lead.text : NULL},
        {"reference", argc > 0 ? reference.text : NULL},
        {"organisation", cli_option(cli, "org")},
        {"until", until},
    };
    return cli_print_answer(cli, "timer list", arguments, ARRAY_LEN(arguments));
}

/* ---- suspend, resume, withdraw: an event each --------------------------------------------- */

/** The id of --id, so that the same can be sent again, or a new one. 0, or an exit code, said. */
static int take_id(struct cli *cli, struct event_id *ret)
{
    const char *id = cli_option(cli, "id");

    if (id == NULL)
        return cli_event_id_new(cli, ret);
    if (event_id_parse(id, ret))
        return 0;
    return cli_fail(cli, EXIT_USAGE, "--id: \"%s\" is no event id; one has 32 hexadecimal digits",
                    id);
}

/** The day of --on, or today in England. 0, or an exit code, said. */
static int take_day(struct cli *cli, char ret[DATE_TEXT_SIZE])
{
    const char *on = cli_option(cli, "on");
    date_t day = date_at(cli->now_ms);

    if (on != NULL && !date_parse(on, strlen(on), &day))
        return cli_fail(cli, EXIT_USAGE, "--on: \"%s\" is no day; write YYYY-MM-DD", on);
    date_print(day, ret);
    return 0;
}

/** Send the event @type, whose payload is called @payload, about the workflow @name. */
static int send_phase(struct cli *cli, const char *type, const char *payload, const char *name)
{
    const char *reason = cli_option(cli, "reason");
    struct ods lead;
    struct reference reference;
    struct event_id id;
    char id_text[EVENT_ID_TEXT_SIZE];
    char day[DATE_TEXT_SIZE];

    if (reason == NULL || reason[0] == '\0')
        return cli_fail(cli, EXIT_USAGE, "say why, with --reason TEXT");
    int result = cli_workflow(cli, name, &lead, &reference);
    if (result == 0)
        result = take_id(cli, &id);
    if (result == 0)
        result = take_day(cli, day);
    if (result != 0)
        return result;

    struct text json = {0};
    event_id_print(id, id_text);
    text_add(&json,
             "{\"event_id\": \"%s\", \"event_type\": \"%s\", \"lead_ods\": \"%s\", "
             "\"reference\": \"%s\", \"occurred_on\": \"%s\", \"schema_version\": %d, \"%s\": "
             "{\"reason\": ",
             id_text, type, lead.text, reference.text, day, SCHEMA_VERSION, payload);
    text_add_json(&json, slice_of(reason));
    text_add(&json, "}}");
    result = event_send_text(cli, json.bytes, cli_switch(cli, "dry-run"));
    text_clear(&json);
    return result;
}

static int suspend(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    return send_phase(cli, "SUSPENDED", "suspended", argv[0]);
}

static int resume(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    return send_phase(cli, "RESUMED", "resumed", argv[0]);
}

static int withdraw(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    return send_phase(cli, "WITHDRAWN", "withdrawn", argv[0]);
}

/* ---- the table ---------------------------------------------------------------------------- */

static const struct cli_option phase_options[] = {
    {"reason", "TEXT", "why; kept with the event"},
    {"on", "DATE", "the day it was decided; today, if left out"},
    {"id", "EVENT_ID", "of an attempt whose outcome is unknown: sent again, it takes effect once"},
    {"dry-run", NULL, "send nothing: ask what the daemon would say"},
    {0},
};

static const struct cli_option timers_options[] = {
    {"org", "ODS", "of workflows of this lead commissioner only"},
    {"until", "DATE", "due by the end of this day"},
    {0},
};

static const struct cli_option list_options[] = {
    {"lead", "ODS", "of this lead commissioner only"},
    {"stage", "STAGE", "in this stage only, such as PROCUREMENT"},
    {"open", NULL, "only those that go on: neither complete nor given up"},
    {0},
};

static const struct cli_verb verbs[] = {
    {
        .name = "list",
        .arguments = "",
        .help = "List workflows",
        .example = "commission -c dev/02E workflow list --open",
        .options = list_options,
        .run = list,
    },
    {
        .name = "show",
        .arguments = "LEAD/REFERENCE",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Show where a workflow stands",
        .example = "commission -c dev/02E workflow show 02E/2018-physio",
        .run = show,
    },
    {
        .name = "history",
        .arguments = "LEAD/REFERENCE",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "List all entries about a workflow",
        .more = "What was received, what was decided, when, and why. As json and jsonl the\n"
                "entries are whole, each with its seq and hash.\n",
        .example = "commission -c dev/02E workflow history 02E/2018-physio -o jsonl",
        .run = history,
    },
    {
        .name = "follow",
        .arguments = "LEAD/REFERENCE",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Show a workflow's entries, and on as they come",
        .more = "Ends when the workflow is complete or withdrawn, or with Ctrl-C.\n",
        .example = "commission -c dev/02E workflow follow 02E/2018-physio",
        .run = follow,
    },
    {
        .name = "timers",
        .arguments = "[LEAD/REFERENCE]",
        .arguments_max = 1,
        .help = "List what is due, when, and whose business it is",
        .more = "Bids that close, standstills that end, reviews, held events that expire. Of one\n"
                "workflow, or of all that concern you, the soonest first.\n",
        .example = "commission -c dev/02E workflow timers --until 2026-12-31",
        .options = timers_options,
        .run = timers,
    },
    {
        .name = "suspend",
        .arguments = "LEAD/REFERENCE",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Suspend a workflow: what comes waits, its clocks stand still",
        .more = "Sends the event SUSPENDED, a decision of the lead's. Until it is resumed, all\n"
                "events but NOTE are held; they are judged then, in their order.\n",
        .example = "commission -c dev/02E workflow suspend 02E/2018-physio --on 2018-06-04 "
                   "--reason \"a judicial review\"",
        .options = phase_options,
        .run = suspend,
    },
    {
        .name = "resume",
        .arguments = "LEAD/REFERENCE",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Resume a suspended workflow",
        .more = "Sends the event RESUMED, a decision of the lead's. Its timers go on, so much\n"
                "later as it was suspended.\n",
        .example = "commission -c dev/02E workflow resume 02E/2018-physio --on 2018-06-04 "
                   "--reason \"permission was refused\"",
        .options = phase_options,
        .run = resume,
    },
    {
        .name = "withdraw",
        .arguments = "LEAD/REFERENCE",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Give a workflow up, for ever; what it has reserved is free again",
        .more = "Sends the event WITHDRAWN, a decision of the lead's. What is held for the\n"
                "workflow is rejected. Money that contracts have committed stays committed.\n",
        .example = "commission -c dev/02E workflow withdraw 02E/2018-physio --on 2018-06-04 "
                   "--reason \"the board buys this from April\"",
        .options = phase_options,
        .run = withdraw,
    },
    {0},
};

const struct cli_noun noun_workflow = {
    "workflow", "Look at commissioning cases; suspend, resume or end one", verbs};
