/* SPDX-License-Identifier: Apache-2.0 */
/* cli.h - what all verbs of the tool share: one run of it, its options, its connection, its exit codes. */
/*
 * A verb is a row of its noun's table (struct cli_verb). The tool reads the options, wherever they stand after the verb,
 * and calls the verb's function with what is left: argv[0] to argv[argc - 1] are its arguments, argv[argc] is NULL.
 * The function returns an exit code. Answers go to standard output, talk to standard error (cli_say, cli_fail).
 */
#ifndef COMMISSION_CLI_H
#define COMMISSION_CLI_H

#include "clients/cli/options.h"
#include "clients/lib/commission.h"

enum cli_exit {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_UNREACHABLE = 3,
    EXIT_NOT_FOUND = 4,
    EXIT_REFUSED = 5,
    EXIT_CONFLICT = 6,
    EXIT_TIMED_OUT = 7, /* the outcome is unknown */
    EXIT_PARTLY = 8,
};

enum cli_output { OUTPUT_TEXT, OUTPUT_WIDE, OUTPUT_JSON, OUTPUT_JSONL, OUTPUT_CSV };

#define CLI_OPTIONS_MAX 16 /* of one verb */

/** An option of a verb, always written out: "--lead ODS". @value NULL: a switch. A table ends with {0}. */
struct cli_option {
    const char *name;  /* "lead" */
    const char *value; /* "ODS" */
    const char *help;
};

struct cli;

/** One verb. @name "": the noun is a verb itself ("dev DIR"). */
struct cli_verb {
    const char *name;
    const char *arguments; /* "FILE|-..." for people; "" none */
    int arguments_min;
    int arguments_max; /* -1: as many as one likes */
    const char *help;  /* one line */
    const char
        *more; /* what one should know, in lines of at most 80 columns, each ended; NULL: nothing */
    const char *example;
    const struct cli_option *options; /* NULL: none but the shared ones */
    int (*run)(struct cli *cli, int argc, char **argv);
};

/** A noun and its verbs; the table ends with {0}. */
struct cli_noun {
    const char *name;
    const char *help; /* one line */
    const struct cli_verb *verbs;
};

/** One run of the tool. */
struct cli {
    const struct cli_noun *const *nouns; /* the whole table, NULL-terminated */
    const struct cli_noun *noun;
    const struct cli_verb *verb;
    enum cli_output output;
    int64_t timeout_ms;
    bool timeout_given;
    bool colour;                         /* standard output is a terminal, and colours are wanted */
    bool progress;                       /* standard error is a terminal: progress may be shown */
    uint32_t columns;                    /* of the terminal on standard output; 0: it is none */
    int64_t now_ms;                      /* wall clock at the start */
    const char *context_name;            /* -c, or NULL */
    const char *endpoint;                /* --endpoint, or NULL */
    const char *values[CLI_OPTIONS_MAX]; /* of the verb's options, in its order; NULL: not given */
    bool context_loaded;
    struct context context;
    struct commission *connection;
};

/** What the option @name of this verb was given; NULL: nothing. For a switch: "" or NULL. */
const char *cli_option(const struct cli *cli, const char *name);
bool cli_switch(const struct cli *cli, const char *name);

/** Say something on standard error: "commission: " and a line. */
void cli_say(const struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);
/** The same, and return @exit. */
int cli_fail(const struct cli *cli, int exit, const char *format, ...) PRINTF_LIKE(3, 4);
/** A line of progress, overwritten by the next; nothing when standard error is no terminal. "" ends it. */
void cli_progress(const struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);

/** The context in use. Returns 0 and sets *@ret, or says what is wrong and returns an exit code. */
MUST_USE int cli_context(struct cli *cli, const struct context **ret);
/** Connect on demand, once; the same connection again on later calls. 0, or an exit code (said already). */
MUST_USE int cli_connect(struct cli *cli, struct commission **ret);
/** The exit code for a failure of the connection, said already: "@what: nobody answers at ipc://...". */
int cli_failed(const struct cli *cli, const char *what, enum status status);

/** Name and value pairs of a question. Pairs with a NULL value are left out. */
struct cli_argument {
    const char *name;
    const char *value;
};

#define CLI_ARGUMENTS_MAX 8

/**
 * Ask one question, one page: @resume empty for the first. 0 and *@ret (valid until the next question), or an exit code,
 * said already: 3 and 7 for the connection, 4 NOT_FOUND, 5 for another error of the daemon's.
 */
MUST_USE int cli_ask(struct cli *cli, const char *command, const struct cli_argument *arguments,
                     uint32_t arguments_count, struct slice resume, const struct reply **ret);
/** The same with a body: an event, for "event validate". */
MUST_USE int cli_ask_body(struct cli *cli, const char *command,
                          const struct cli_argument *arguments, uint32_t arguments_count,
                          struct slice body, struct slice resume, const struct reply **ret);
/** Ask, and print all pages of the answer as --output says. Returns an exit code. */
int cli_print_answer(struct cli *cli, const char *command, const struct cli_argument *arguments,
                     uint32_t arguments_count);

/** The same, and say how many rows there were. */
int cli_print_rows(struct cli *cli, const char *command, const struct cli_argument *arguments,
                   uint32_t arguments_count, uint64_t *ret_rows);

/** Read a whole file, "-" for standard input, of at most @max bytes. 0 and *@ret malloc'ed (with a NUL behind it), or an exit code, said already. */
MUST_USE int cli_read_file(struct cli *cli, const char *path, size_t max, char **ret,
                           size_t *ret_len);
/** Take "02E/2018-physio" apart. 0, or EXIT_USAGE, said already. */
MUST_USE int cli_workflow(const struct cli *cli, const char *text, struct ods *ret_lead,
                          struct reference *ret_reference);

/* ---- sending events ---- */

/** What became of one event. */
struct cli_outcome {
    bool known;            /* false: no answer in time */
    enum answer_kind kind; /* of the last answer */
    uint64_t seq;
    bool repeated;
    enum verdict verdict; /* VERDICT_NONE: a receipt only, or refused */
    uint64_t verdict_seq;
    bool spooled;           /* not known: it waits in the spool ... */
    int spooled_exit;       /* ... and the exit code that says why */
    struct reason *reasons; /* malloc'ed; released by cli_outcome_clear() */
    uint32_t reasons_count;
};

void cli_outcome_clear(struct cli_outcome *outcome);
/** Give @outcome the answer that @word names: ACCEPTED, HELD, REJECTED or REFUSED. False: none of them; @outcome is untouched. */
MUST_USE bool cli_outcome_named(const char *word, struct cli_outcome *outcome);
/** The exit code of one event's outcome: 0, 5, 6, 7 or 8 (held). */
int cli_outcome_exit(const struct cli_outcome *outcome);
/** The exit code of several: all alike, that; an unknown one, 7; else 8. @so_far starts at -1. */
int cli_exit_both(int so_far, int next);

/**
 * Send @count events, many under way at once, and wait for all of them as @wait says (0: only until the daemon has been heard).
 * @ret has room for @count outcomes, in the same order. @done, if not NULL, is called when one has its outcome.
 * Returns 0 when the daemon was there (look at the outcomes), or an exit code, said already.
 */
MUST_USE int cli_submit(struct cli *cli, const struct slice *events, uint32_t count,
                        enum commission_wait wait, struct cli_outcome *ret,
                        void (*done)(void *ctx, uint32_t index), void *ctx);

/**
 * The same through the spool in the folder @path: put there first, then sent with all else that waits there, in order (0: not sent).
 * What has no answer stays there, and its outcome says so.
 */
MUST_USE int cli_submit_spooled(struct cli *cli, const char *path, const struct slice *events,
                                uint32_t count, enum commission_wait wait, struct cli_outcome *ret,
                                void (*done)(void *ctx, uint32_t index), void *ctx);
/** Open the spool of --spool. 0, or an exit code, said. */
MUST_USE int cli_spool_open(struct cli *cli, const char *path, struct commission_spool **ret);
/** The exit code of a flush that ended with @status, said already where it is no success: why, and how many wait in @path now. */
MUST_USE int cli_flush_exit(struct cli *cli, struct commission_spool *spool, const char *path,
                            enum status status);

/** The first field @number of an encoded event, of bytes or text (a number: empty). False: it has none. */
MUST_USE bool cli_event_field(struct slice event, uint32_t number, struct slice *ret);
/** Give the event @bytes (encoded, without an id) the fixed id that follows from its bytes and @label: sending it again changes nothing. */
void cli_event_id_from(const char *label, struct slice bytes, struct event_id *ret);
/** A new UUIDv7. 0, or an exit code. */
MUST_USE int cli_event_id_new(struct cli *cli, struct event_id *ret);

#endif
