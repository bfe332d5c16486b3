/* SPDX-License-Identifier: Apache-2.0 */
/* parked.c - events whose attempts have all failed: list, show, retry, discard. */

#include "clients/cli/print.h"
#include "clients/commands/commands.h"

#include <inttypes.h>
#include <string.h>

#define WHERE_MAX 512

/** Which parked events are meant, as the daemon's arguments. */
struct meant {
    char where[WHERE_MAX]; /* taken apart; the values below point into it */
    const char *stage;
    const char *organisation;
    const char *error;
    char older_ms[24];
    char seq[24];
    char id[EVENT_ID_TEXT_SIZE];
    struct ods lead;
    struct reference reference;
};

/* ---- --where ------------------------------------------------------------------------------ */

static const char *const keys[] = {"stage=", "org=", "reason=", "older="};

/** Does a condition begin here? */
static bool begins(const char *text)
{
    for (uint32_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (strncmp(text, keys[i], strlen(keys[i])) == 0)
            return true;
    }
    return false;
}

/** "30m", "2h", "3d", "45s" to milliseconds. False: it is none. */
static bool age_parse(const char *text, uint64_t *ret_ms)
{
    static const struct {
        char unit;
        uint64_t ms;
    } units[] = {{'s', 1000}, {'m', 60 * 1000}, {'h', 3600 * 1000}, {'d', 24 * 3600 * 1000}};
    char digits[16];
    size_t len = strlen(text);
    uint64_t count;

    if (len < 2 || len > 8)
        return false;
    snprintf(digits, sizeof digits, "%.*s", (int)(len - 1), text);
    if (!number_parse(digits, &count))
        return false;
    for (uint32_t i = 0; i < ARRAY_LEN(units); i++) {
        if (units[i].unit == text[len - 1]) {
            *ret_ms = count * units[i].ms;
            return true;
        }
    }
    return false;
}

static int take_condition(struct cli *cli, char *condition, struct meant *ret)
{
    char *value = strchr(condition, '=') + 1;
    uint64_t older_ms;

    if (value[0] == '\0')
        return cli_fail(cli, EXIT_USAGE, "--where: %s has no value", condition);
    switch (condition[0]) {
    case 's':
        capitals(value, value, strlen(value) + 1);
        ret->stage = value;
        return 0;
    case 'r':
        ret->error = value;
        return 0;
    case 'o':
        if (condition[1] == 'r') {
            capitals(value, value, strlen(value) + 1);
            ret->organisation = value;
            return 0;
        }
        if (!age_parse(value, &older_ms))
            return cli_fail(cli, EXIT_USAGE, "--where: older=%s is no age; write 30m, 2h or 3d",
                            value);
        snprintf(ret->older_ms, sizeof ret->older_ms, "%" PRIu64, older_ms);
        return 0;
    default:
        CHECK(begins(condition));
        return EXIT_USAGE;
    }
}

/** "stage=REVIEW,older=2h": a comma ends a condition where another one follows. 0, or EXIT_USAGE, said. */
static int take_where(struct cli *cli, const char *where, struct meant *ret)
{
    int failed = 0;

    if (strlen(where) >= sizeof ret->where)
        return cli_fail(cli, EXIT_USAGE, "--where: longer than %d characters", WHERE_MAX - 1);
    snprintf(ret->where, sizeof ret->where, "%s", where);
    for (char *at = ret->where; at != NULL && failed == 0;) {
        char *end = at;
        if (!begins(at))
            return cli_fail(cli, EXIT_USAGE,
                            "--where: \"%s\" is none of stage=STAGE, org=ODS, reason=TEXT (in the "
                            "last error), older=AGE",
                            at);
        do
            end = strchr(end + 1, ',');
        while (end != NULL && !begins(end + 1));
        if (end != NULL)
            *end = '\0';
        failed = take_condition(cli, at, ret);
        at = end == NULL ? NULL : end + 1;
    }
    return failed;
}

/* ---- which -------------------------------------------------------------------------------- */

/** The event @text: a seq, or an id with --workflow. */
static int take_event(struct cli *cli, const char *text, struct meant *ret)
{
    const char *workflow = cli_option(cli, "workflow");
    struct event_id id;
    uint64_t seq;

    if (number_parse(text, &seq) && strlen(text) < sizeof ret->seq) {
        snprintf(ret->seq, sizeof ret->seq, "%s", text);
        return 0;
    }
    if (!event_id_parse(text, &id))
        return cli_fail(cli, EXIT_USAGE, "\"%s\" is no seq and no event id", text);
    if (workflow == NULL)
        return cli_fail(cli, EXIT_USAGE,
                        "an event id is unique within its workflow: say which, with --workflow "
                        "LEAD/REFERENCE, or give the event's seq");
    event_id_print(id, ret->id);
    return cli_workflow(cli, workflow, &ret->lead, &ret->reference);
}

#define GIVEN(text) ((text)[0] != '\0' ? (text) : NULL)

static int ask(struct cli *cli, const char *command, const struct meant *meant, uint64_t *ret_rows)
{
    bool ordering = strcmp(command, "parked retry") == 0 || strcmp(command, "parked discard") == 0;
    bool named = meant->id[0] != '\0';
    const struct cli_argument arguments[] = {
        {"seq", GIVEN(meant->seq)},
        {named ? "lead" : "stage", named ? meant->lead.text : meant->stage},
        {named ? "reference" : "organisation", named ? meant->reference.text : meant->organisation},
        {named ? "event_id" : "error", named ? meant->id : meant->error},
        {"older_ms", GIVEN(meant->older_ms)},
        {"reason", ordering ? cli_option(cli, "reason") : NULL},
        {"dry_run", ordering && cli_switch(cli, "dry-run") ? "true" : NULL},
    };
    return cli_print_rows(cli, command, arguments, ARRAY_LEN(arguments), ret_rows);
}

/* ---- verbs -------------------------------------------------------------------------------- */

static int list(struct cli *cli, int argc, char **argv)
{
    struct meant meant = {0};
    const char *where = cli_option(cli, "where");
    uint64_t rows;
    (void)argc;
    (void)argv;
    int failed = where != NULL ? take_where(cli, where, &meant) : 0;
    return failed != 0 ? failed : ask(cli, "parked list", &meant, &rows);
}

static int show(struct cli *cli, int argc, char **argv)
{
    struct meant meant = {0};
    uint64_t rows;
    (void)argc;
    int failed = take_event(cli, argv[0], &meant);
    return failed != 0 ? failed : ask(cli, "parked show", &meant, &rows);
}

/** Order @command of all that is named, or narrowed by --where, or --all; say how many. */
static int order(struct cli *cli, const char *command, const char *done, int argc, char **argv)
{
    const char *where = cli_option(cli, "where");
    bool all = cli_switch(cli, "all");
    uint64_t count = 0;
    uint64_t rows;
    int result = -1;

    if ((argc > 0) + (where != NULL) + all != 1)
        return cli_fail(cli, EXIT_USAGE,
                        "which? Name events, or narrow them with --where, or say --all");
    for (int i = 0; i < argc; i++) {
        struct meant meant = {0};
        int next = take_event(cli, argv[i], &meant);
        if (next == EXIT_USAGE)
            return next;
        rows = 0;
        if (next == 0)
            next = ask(cli, command, &meant, &rows);
        count += rows;
        result = cli_exit_both(result, next);
    }
    if (argc == 0) {
        struct meant meant = {0};
        result = where != NULL ? take_where(cli, where, &meant) : 0;
        if (result == 0)
            result = ask(cli, command, &meant, &count);
    }
    if (result == EXIT_DONE || count > 0)
        cli_say(cli, "%" PRIu64 " %s%s", count, cli_switch(cli, "dry-run") ? "would be " : "",
                done);
    return result;
}

static int retry(struct cli *cli, int argc, char **argv)
{
    return order(cli, "parked retry", "tried again", argc, argv);
}

static int discard(struct cli *cli, int argc, char **argv)
{
    const char *reason = cli_option(cli, "reason");
    if (reason == NULL || reason[0] == '\0')
        return cli_fail(cli, EXIT_USAGE, "say why, with --reason TEXT; it stands in the journal");
    return order(cli, "parked discard", "discarded", argc, argv);
}

#define WHERE_HELP "stage=STAGE,org=ODS,reason=TEXT,older=AGE: those that fit all"

static const struct cli_option list_options[] = {
    {"where", "CONDITIONS", WHERE_HELP},
    {0},
};
static const struct cli_option show_options[] = {
    {"workflow", "LEAD/REFERENCE", "with an event id: the workflow that it is about"},
    {0},
};
static const struct cli_option order_options[] = {
    {"where", "CONDITIONS", WHERE_HELP},
    {"all", NULL, "all that are parked"},
    {"workflow", "LEAD/REFERENCE", "with event ids: the workflow that they are about"},
    {"reason", "TEXT", "why; kept in the journal; discard needs it"},
    {"dry-run", NULL, "only list those that are meant"},
    {0},
};

static const char where_more[] =
    "--where: org is an event's sender or lead, reason a text in its last error, older an\n"
    "age such as 30m, 2h, 3d: `--where stage=REVIEW,older=2h`.\n";

static const struct cli_verb verbs[] = {
    {
        .name = "list",
        .arguments = "",
        .help = "List events whose attempts have all failed, with their last error",
        .more = where_more,
        .example = "commission -c dev/operator parked list --where stage=REVIEW",
        .options = list_options,
        .run = list,
    },
    {
        .name = "show",
        .arguments = "SEQ|EVENT_ID",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Show one of them",
        .example = "commission -c dev/operator parked show 4711 -o json",
        .options = show_options,
        .run = show,
    },
    {
        .name = "retry",
        .arguments = "[SEQ|EVENT_ID...]",
        .arguments_max = -1,
        .help = "Try parked events again, their attempts counted from the beginning",
        .more = where_more,
        .example = "commission -c dev/operator parked retry --where reason='no memory' --dry-run",
        .options = order_options,
        .run = retry,
    },
    {
        .name = "discard",
        .arguments = "[SEQ|EVENT_ID...]",
        .arguments_max = -1,
        .help = "Give parked events up: their verdict is WITHDRAWN, with the reason DISCARDED",
        .more = where_more,
        .example = "commission -c dev/operator parked discard 4711 --reason 'sent by a test'",
        .options = order_options,
        .run = discard,
    },
    {0},
};

const struct cli_noun noun_parked = {"parked", "Events whose attempts have all failed", verbs};
