/* SPDX-License-Identifier: Apache-2.0 */
/* rule.c - the rules that are built; from the tool's own rulebook, no daemon is asked. */

#include "clients/cli/print.h"
#include "clients/commands/commands.h"
#include "proto/rulebook.h"

#include <string.h>
#include <strings.h>

static const char *judge_name(enum judged_by judged_by)
{
    return judged_by == JUDGED_BY_DAEMON ? "daemon" : "worker";
}

/** "PROCUREMENT, REVIEW"; "registers" when it is of no stage. */
static void stages_cell(uint32_t stages, struct text *ret)
{
    for (enum stage stage = STAGE_NEEDS_ASSESSED; stage <= STAGE_REVIEW; stage++) {
        if ((stages & (1u << stage)) != 0)
            text_add(ret, "%s%s", ret->len > 0 ? ", " : "", stage_name(stage));
    }
    if (ret->len == 0)
        text_add(ret, "registers");
}

/** The codes of @rule, with those that only warn or hold marked. */
static void codes_cell(const struct rulebook_rule *rule, bool marks, struct text *ret)
{
    for (uint32_t code = 0; code < REASON_COUNT; code++) {
        enum reason_code reason = (enum reason_code)code;
        if (strcmp(reason_rule(reason), rule->number) != 0)
            continue;
        text_add(ret, "%s%s", ret->len > 0 ? ", " : "", reason_name(reason));
        if (marks && reason_severity(reason) == SEVERITY_WARN)
            text_add(ret, " (warns)");
        if (marks && reason_severity(reason) == SEVERITY_HOLD)
            text_add(ret, " (holds)");
    }
}

enum {
    RULE_NUMBER,
    RULE_TITLE,
    RULE_JUDGE,
    RULE_STAGES,
    RULE_FROM,
    RULE_TO,
    RULE_CODES,
    RULE_TEXT,
    RULE_SOURCE,
    RULES
};

static const struct column columns[RULES] = {
    [RULE_NUMBER] = {"rule", COLUMN_TEXT, false},     [RULE_TITLE] = {"title", COLUMN_TEXT, false},
    [RULE_JUDGE] = {"judged_by", COLUMN_TEXT, false}, [RULE_STAGES] = {"stages", COLUMN_TEXT, true},
    [RULE_FROM] = {"from", COLUMN_DATE, true},        [RULE_TO] = {"to", COLUMN_DATE, true},
    [RULE_CODES] = {"codes", COLUMN_TEXT, false},     [RULE_TEXT] = {"text", COLUMN_TEXT, true},
    [RULE_SOURCE] = {"source", COLUMN_TEXT, true},
};

static void rule_print(struct printer *printer, const struct rulebook_rule *rule)
{
    struct text stages = {0};
    struct text codes = {0};
    char from[DATE_TEXT_SIZE];
    char to[DATE_TEXT_SIZE];
    stages_cell(rule->stages, &stages);
    codes_cell(rule, false, &codes);
    date_print(rule->in_force.from, from);
    date_print(rule->in_force.to, to);
    const char *cells[RULES] = {
        [RULE_NUMBER] = rule->number,
        [RULE_TITLE] = rule->title,
        [RULE_JUDGE] = judge_name(rule->judged_by),
        [RULE_STAGES] = stages.bytes,
        [RULE_FROM] = from,
        [RULE_TO] = to,
        [RULE_CODES] = codes.bytes,
        [RULE_TEXT] = rule->text,
        [RULE_SOURCE] = rule->source,
    };
    printer_row_text(printer, cells);
    text_clear(&stages);
    text_clear(&codes);
}

static int list(struct cli *cli, int argc, char **argv)
{
    uint32_t count;
    const struct rulebook_rule *rules = rulebook(&count);
    struct printer *printer = printer_new(cli, columns, RULES);
    (void)argc;
    (void)argv;
    for (uint32_t i = 0; i < count; i++)
        rule_print(printer, &rules[i]);
    return printer_end(printer) ? EXIT_DONE : EXIT_FAILED;
}

/** A rule's number, or a reason's code, with or without what follows its colon. */
static const struct rulebook_rule *find(const char *word)
{
    const struct rulebook_rule *rule = rulebook_find(word);
    enum reason_code code;
    char name[REASON_CODE_SIZE];
    capitals(word, name, sizeof name);
    if (rule == NULL && reason_find(name, strcspn(name, ":"), &code))
        rule = rulebook_find(reason_rule(code));
    return rule;
}

static int show(struct cli *cli, int argc, char **argv)
{
    const struct rulebook_rule *rule = find(argv[0]);
    (void)argc;
    if (rule == NULL)
        return cli_fail(cli, EXIT_NOT_FOUND,
                        "no rule \"%s\" is built; `commission rule list` lists those that are",
                        argv[0]);
    if (cli->output != OUTPUT_TEXT && cli->output != OUTPUT_WIDE) {
        struct printer *printer = printer_new(cli, columns, RULES);
        rule_print(printer, rule);
        return printer_end(printer) ? EXIT_DONE : EXIT_FAILED;
    }
    struct text stages = {0};
    struct text codes = {0};
    char from[DATE_TEXT_SIZE];
    char to[DATE_TEXT_SIZE];
    stages_cell(rule->stages, &stages);
    codes_cell(rule, true, &codes);
    date_print(rule->in_force.from, from);
    date_print(rule->in_force.to, to);
    printf("%s  %s\n\n%s\n\nSource:    %s\nJudged by: the %s\nStages:    %s\nCodes:     %s\n",
           rule->number, rule->title, rule->text, rule->source, judge_name(rule->judged_by),
           stages.bytes, codes.bytes);
    if (from[0] != '\0' || to[0] != '\0')
        printf("In force:  %s to %s\n", from[0] != '\0' ? from : "always",
               to[0] != '\0' ? to : "now");
    text_clear(&stages);
    text_clear(&codes);
    return EXIT_DONE;
}

static const struct cli_verb verbs[] = {
    {
        .name = "list",
        .arguments = "",
        .help = "List the rules that are built",
        .example = "commission rule list -o wide",
        .run = list,
    },
    {
        .name = "show",
        .arguments = "RULE|CODE",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Show a rule: what it asks, where that stands, its reason codes",
        .example = "commission rule show R31",
        .run = show,
    },
    {0},
};

const struct cli_noun noun_rule = {"rule", "Look up the rules and their reasons", verbs};
