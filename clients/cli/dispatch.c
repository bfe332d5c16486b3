/* SPDX-License-Identifier: Apache-2.0 */
/* dispatch.c - options and words to a verb; help of the tool, a noun, a verb. */

#include "clients/cli/dispatch.h"

#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define TIMEOUT_MS 10000
#define WORD_MAX 32 /* of a word that a suggestion is looked for */

enum shared { SHARED_CONTEXT, SHARED_OUTPUT, SHARED_TIMEOUT, SHARED_ENDPOINT, SHARED_HELP };

const struct cli_shared_option cli_shared_options[] = {
    [SHARED_CONTEXT] = {'c', "context", "CONTEXT",
                        "who one is and where the daemon is: a file, or a name"},
    [SHARED_OUTPUT] = {'o', "output", "FORMAT", "text, wide, json, jsonl or csv"},
    [SHARED_TIMEOUT] = {'\0', "timeout", "D",
                        "give up after D without an answer: 500ms, 5s, 2m (10s)"},
    [SHARED_ENDPOINT] = {'\0', "endpoint", "ENDPOINT",
                         "another place than the context's: ipc://..., tcp://..."},
    [SHARED_HELP] = {'h', "help", NULL, "show help"},
    {0},
};

/** What is read from the command line. */
struct line {
    struct cli *cli;
    const char **words; /* noun and verb taken off, what the verb gets */
    int words_count;
    bool help;
    bool version;
};

/* ---- suggestions -------------------------------------------------------------------------- */

/** How many letters must be added, left out or changed to make one of the other. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[WORD_MAX + 1];
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    if (a_len > WORD_MAX || b_len > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= b_len; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        unsigned corner = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned best = corner + (a[i - 1] != b[j - 1]);
            corner = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b_len];
}

/** Keep @candidate when it is nearer to @word than what is in @ret_best. */
static void nearer(const char *word, const char *candidate, const char **ret_best,
                   unsigned *ret_least)
{
    unsigned far = distance(word, candidate);
    size_t len = strlen(word);
    if (len >= 2 && strncmp(word, candidate, len) == 0)
        far = 1;
    if (far < *ret_least && far <= 1 + strlen(candidate) / 3) {
        *ret_least = far;
        *ret_best = candidate;
    }
}

static int no_such_noun(struct cli *cli, const char *word)
{
    const char *best = NULL;
    unsigned least = WORD_MAX;
    for (uint32_t i = 0; cli->nouns[i] != NULL; i++)
        nearer(word, cli->nouns[i]->name, &best, &least);
    if (best != NULL)
        return cli_fail(cli, EXIT_USAGE, "\"%s\" is no command; did you mean \"%s\"?", word, best);
    return cli_fail(cli, EXIT_USAGE, "\"%s\" is no command; `commission help` lists them", word);
}

static int no_such_verb(struct cli *cli, const char *word)
{
    const char *best = NULL;
    unsigned least = WORD_MAX;
    for (const struct cli_verb *verb = cli->noun->verbs; verb->name != NULL; verb++)
        nearer(word, verb->name, &best, &least);
    if (best != NULL)
        return cli_fail(cli, EXIT_USAGE, "%s has no verb \"%s\"; did you mean \"%s %s\"?",
                        cli->noun->name, word, cli->noun->name, best);
    return cli_fail(cli, EXIT_USAGE, "%s has no verb \"%s\"; `commission help %s` lists them",
                    cli->noun->name, word, cli->noun->name);
}

static int no_such_option(struct cli *cli, const char *word)
{
    const char *best = NULL;
    unsigned least = WORD_MAX;
    for (const struct cli_shared_option *shared = cli_shared_options; shared->name != NULL;
         shared++)
        nearer(word, shared->name, &best, &least);
    if (cli->verb != NULL && cli->verb->options != NULL) {
        for (const struct cli_option *option = cli->verb->options; option->name != NULL; option++)
            nearer(word, option->name, &best, &least);
    }
    const char *noun = cli->noun != NULL ? cli->noun->name : "";
    const char *verb = cli->verb != NULL ? cli->verb->name : "";
    if (best != NULL)
        return cli_fail(cli, EXIT_USAGE, "no option --%s; did you mean --%s?", word, best);
    return cli_fail(cli, EXIT_USAGE, "no option --%s; `commission help%s%s%s%s` lists them", word,
                    noun[0] != '\0' ? " " : "", noun, verb[0] != '\0' ? " " : "", verb);
}

/* ---- help --------------------------------------------------------------------------------- */

static void shared_help(void)
{
    puts("Options everywhere:");
    for (const struct cli_shared_option *option = cli_shared_options; option->name != NULL;
         option++) {
        char left[48];
        char letter[8] = "    ";
        if (option->letter != '\0')
            snprintf(letter, sizeof letter, "-%c, ", option->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, option->name,
                 option->value != NULL ? " " : "", option->value != NULL ? option->value : "");
        printf("  %-24s %s\n", left, option->help);
    }
}

static void tool_help(const struct cli *cli)
{
    puts("commission - speak to commissiond, the broker for commissioning cases\n\n"
         "Usage: commission [-c CONTEXT] [-o FORMAT] NOUN VERB [ARGUMENT...]\n\nNouns:");
    for (uint32_t i = 0; cli->nouns[i] != NULL; i++)
        printf("  %-11s %s\n", cli->nouns[i]->name, cli->nouns[i]->help);
    puts("");
    shared_help();
    puts("\nExit codes: 0 done, 1 failed, 2 usage, 3 unreachable, 4 not found, 5 refused or\n"
         "rejected, 6 conflict, 7 timed out (outcome unknown), 8 partly done or held.\n\n"
         "Begin with: commission dev DIR\n"
         "More: commission help NOUN, commission help NOUN VERB, man commission");
}

static void noun_help(const struct cli_noun *noun)
{
    printf("commission %s - %s\n\nVerbs:\n", noun->name, noun->help);
    for (const struct cli_verb *verb = noun->verbs; verb->name != NULL; verb++) {
        char left[64];
        snprintf(left, sizeof left, "%s %s", verb->name, verb->arguments);
        printf("  %-32s %s\n", left, verb->help);
    }
    printf("\nMore: commission help %s VERB\n", noun->name);
}

static void verb_help(const struct cli_noun *noun, const struct cli_verb *verb)
{
    const char *space = verb->name[0] != '\0' ? " " : "";
    printf("commission %s%s%s - %s\n\nUsage: commission %s%s%s%s%s%s\n", noun->name, space,
           verb->name, verb->help, noun->name, space, verb->name,
           verb->arguments[0] != '\0' ? " " : "", verb->arguments,
           verb->options != NULL ? " [OPTION...]" : "");
    if (verb->more != NULL)
        printf("\n%s", verb->more);
    if (verb->options != NULL) {
        puts("\nOptions:");
        for (const struct cli_option *option = verb->options; option->name != NULL; option++) {
            char left[48];
            snprintf(left, sizeof left, "--%s%s%s", option->name, option->value != NULL ? " " : "",
                     option->value != NULL ? option->value : "");
            printf("  %-24s %s\n", left, option->help);
        }
    }
    puts("");
    shared_help();
    if (verb->example != NULL)
        printf("\nExample:\n  %s\n", verb->example);
}

/** Help for where the words have led. */
static int help(struct cli *cli)
{
    if (cli->verb != NULL)
        verb_help(cli->noun, cli->verb);
    else if (cli->noun != NULL)
        noun_help(cli->noun);
    else
        tool_help(cli);
    return EXIT_DONE;
}

/* ---- parsing ------------------------------------------------------------------------------ */

static const struct cli_noun *find_noun(const struct cli *cli, const char *name)
{
    for (uint32_t i = 0; cli->nouns[i] != NULL; i++) {
        if (strcmp(cli->nouns[i]->name, name) == 0)
            return cli->nouns[i];
    }
    return NULL;
}

static const struct cli_verb *find_verb(const struct cli_noun *noun, const char *name)
{
    for (const struct cli_verb *verb = noun->verbs; verb->name != NULL; verb++) {
        if (strcmp(verb->name, name) == 0)
            return verb;
    }
    return NULL;
}

/** A word that is no option: the noun, the verb, or an argument. */
static int take_word(struct line *line, const char *word)
{
    struct cli *cli = line->cli;
    if (cli->verb == NULL && strcmp(word, "help") == 0) {
        line->help = true;
        return 0;
    }
    if (cli->noun == NULL) {
        cli->noun = find_noun(cli, word);
        if (cli->noun == NULL)
            return no_such_noun(cli, word);
        if (cli->noun->verbs[0].name[0] == '\0')
            cli->verb = &cli->noun->verbs[0];
        return 0;
    }
    if (cli->verb == NULL) {
        cli->verb = find_verb(cli->noun, word);
        return cli->verb != NULL ? 0 : no_such_verb(cli, word);
    }
    line->words[line->words_count++] = word;
    return 0;
}

static int take_output(struct cli *cli, const char *value)
{
    static const char *const names[] = {"text", "wide", "json", "jsonl", "csv"};
    for (uint32_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(names[i], value) == 0) {
            cli->output = (enum cli_output)i;
            return 0;
        }
    }
    return cli_fail(cli, EXIT_USAGE, "--output: \"%s\" is none of text, wide, json, jsonl, csv",
                    value);
}

static int take_shared(struct line *line, enum shared shared, const char *value)
{
    struct cli *cli = line->cli;
    switch (shared) {
    case SHARED_CONTEXT:
        cli->context_name = value;
        return 0;
    case SHARED_OUTPUT:
        return take_output(cli, value);
    case SHARED_TIMEOUT:
        cli->timeout_given = true;
        if (!duration_parse(value, &cli->timeout_ms))
            return cli_fail(cli, EXIT_USAGE,
                            "--timeout: \"%s\" is no duration; write 500ms, 5s, 2m or 1h", value);
        return 0;
    case SHARED_ENDPOINT:
        cli->endpoint = value;
        return 0;
    case SHARED_HELP:
        line->help = true;
        return 0;
    }
    return 0;
}

/** What an option is: shared (its number) or the verb's (its number); false: neither. */
static bool find_option(const struct cli *cli, const char *name, size_t len, int *ret_shared,
                        int *ret_own, bool *ret_value)
{
    *ret_shared = -1;
    *ret_own = -1;
    for (int i = 0; cli_shared_options[i].name != NULL; i++) {
        if (strlen(cli_shared_options[i].name) == len &&
            strncmp(cli_shared_options[i].name, name, len) == 0) {
            *ret_shared = i;
            *ret_value = cli_shared_options[i].value != NULL;
            return true;
        }
    }
    if (cli->verb == NULL || cli->verb->options == NULL)
        return false;
    for (int i = 0; cli->verb->options[i].name != NULL; i++) {
        if (strlen(cli->verb->options[i].name) == len &&
            strncmp(cli->verb->options[i].name, name, len) == 0) {
            *ret_own = i;
            *ret_value = cli->verb->options[i].value != NULL;
            return true;
        }
    }
    return false;
}

/** "--name", "--name=value", "--name value". @at: argv's index of it; moved on when a value is taken. */
static int take_long(struct line *line, char **argv, int argc, int *at)
{
    struct cli *cli = line->cli;
    const char *name = argv[*at] + 2;
    size_t len = strcspn(name, "=");
    const char *value = name[len] == '=' ? name + len + 1 : NULL;
    int shared;
    int own;
    bool wants_value;

    if (strcmp(name, "version") == 0) {
        line->version = true;
        return 0;
    }
    if (!find_option(cli, name, len, &shared, &own, &wants_value)) {
        char word[WORD_MAX + 1];
        snprintf(word, sizeof word, "%.*s", (int)(len < WORD_MAX ? len : WORD_MAX), name);
        return no_such_option(cli, word);
    }
    if (!wants_value && value != NULL)
        return cli_fail(cli, EXIT_USAGE, "--%.*s takes no value", (int)len, name);
    if (wants_value && value == NULL) {
        if (*at + 1 >= argc)
            return cli_fail(cli, EXIT_USAGE, "--%s wants a value", name);
        value = argv[++*at];
    }
    if (shared >= 0)
        return take_shared(line, (enum shared)shared, value);
    CHECK(own < CLI_OPTIONS_MAX);
    cli->values[own] = value != NULL ? value : "";
    return 0;
}

/** "-c CONTEXT", "-cCONTEXT", "-h". */
static int take_letter(struct line *line, char **argv, int argc, int *at)
{
    const char *word = argv[*at];
    for (int i = 0; cli_shared_options[i].name != NULL; i++) {
        const struct cli_shared_option *option = &cli_shared_options[i];
        if (option->letter == '\0' || option->letter != word[1])
            continue;
        const char *value = word[2] != '\0' ? word + 2 : NULL;
        if (option->value == NULL && value != NULL)
            break;
        if (option->value != NULL && value == NULL) {
            if (*at + 1 >= argc)
                return cli_fail(line->cli, EXIT_USAGE, "-%c wants a value", option->letter);
            value = argv[++*at];
        }
        return take_shared(line, (enum shared)i, value);
    }
    return cli_fail(line->cli, EXIT_USAGE, "no option %s; `commission help` lists them", word);
}

static int parse(struct line *line, int argc, char **argv)
{
    bool options = true;
    for (int at = 1; at < argc; at++) {
        const char *word = argv[at];
        int failed;
        if (options && strcmp(word, "--") == 0) {
            options = false;
            continue;
        }
        if (options && word[0] == '-' && word[1] == '-')
            failed = take_long(line, argv, argc, &at);
        else if (options && word[0] == '-' && word[1] != '\0')
            failed = take_letter(line, argv, argc, &at);
        else
            failed = take_word(line, word);
        if (failed != 0)
            return failed;
    }
    return 0;
}

/* ---- a run -------------------------------------------------------------------------------- */

static void look_around(struct cli *cli)
{
    struct winsize size;
    struct timespec now;
    const char *columns = getenv("COLUMNS");
    const char *no_colour = getenv("NO_COLOR");
    uint64_t wanted;

    if (isatty(STDOUT_FILENO)) {
        cli->colour = no_colour == NULL || no_colour[0] == '\0';
        cli->columns = 80;
        if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
            cli->columns = size.ws_col;
    }
    if (columns != NULL && number_parse(columns, &wanted) && wanted >= 20 && wanted <= 10000)
        cli->columns = (uint32_t)wanted;
    cli->progress = isatty(STDERR_FILENO);
    if (clock_gettime(CLOCK_REALTIME, &now) == 0)
        cli->now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int check_arguments(const struct cli *cli, int count)
{
    const struct cli_verb *verb = cli->verb;
    const char *space = verb->name[0] != '\0' ? " " : "";
    if (count < verb->arguments_min)
        return cli_fail(cli, EXIT_USAGE, "usage: commission %s%s%s %s", cli->noun->name, space,
                        verb->name, verb->arguments);
    if (verb->arguments_max >= 0 && count > verb->arguments_max)
        return cli_fail(cli, EXIT_USAGE, "too many arguments; usage: commission %s%s%s %s",
                        cli->noun->name, space, verb->name, verb->arguments);
    return 0;
}

static int run(struct line *line, int argc, char **argv)
{
    struct cli *cli = line->cli;
    int failed = parse(line, argc, argv);
    if (failed != 0)
        return failed;
    if (line->version && cli->noun == NULL) {
        cli->noun = find_noun(cli, "version");
        CHECK(cli->noun != NULL);
        cli->verb = &cli->noun->verbs[0];
    }
    if (line->help)
        return help(cli);
    if (cli->noun == NULL) {
        tool_help(cli);
        return EXIT_USAGE;
    }
    if (cli->verb == NULL) {
        noun_help(cli->noun);
        return cli_fail(cli, EXIT_USAGE, "%s wants a verb", cli->noun->name);
    }
    failed = check_arguments(cli, line->words_count);
    if (failed != 0)
        return failed;
    line->words[line->words_count] = NULL;
    return cli->verb->run(cli, line->words_count, (char **)(uintptr_t)line->words);
}

int cli_main(const struct cli_noun *const *nouns, int argc, char **argv)
{
    struct cli cli = {.nouns = nouns, .timeout_ms = TIMEOUT_MS};
    struct line line = {.cli = &cli};

    signal(SIGPIPE, SIG_IGN); /* a reader that has gone is a failed write, said once */
    look_around(&cli);
    line.words = calloc((size_t)argc + 1, sizeof *line.words);
    if (line.words == NULL)
        return EXIT_FAILED;
    int result = run(&line, argc, argv);
    free(line.words);
    cli.connection = commission_close(cli.connection);
    if (fflush(stdout) != 0 && result == EXIT_DONE)
        result = EXIT_FAILED;
    return result;
}
