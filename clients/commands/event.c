/* SPDX-License-Identifier: Apache-2.0 */
/* event.c - submit, validate, status: events as JSON, in; receipts, verdicts, reasons, out. */

#include "clients/cli/member.h"
#include "clients/cli/print.h"
#include "clients/commands/commands.h"
#include "clients/commands/statement.h"
#include "proto/codec.h"
#include "proto/json.h"

#include <inttypes.h>
#include <string.h>

#define FILE_BYTES_MAX ((size_t)256 * 1024 * 1024)
#define EVENTS_MAX 1000000
#define FIELD_EVENT_ID 1
#define FIELD_LEAD_ODS 3
#define FIELD_ORGANISATION_ODS 5
#define FIELD_SENDER_ODS 6
#define FIELD_SCHEMA_VERSION 10
#define FAULTS_SHOWN_MAX 20

/** One event of a file. */
struct given {
    uint8_t *bytes; /* encoded, malloc'ed */
    size_t len;
    struct event_id id;
    enum event_type type;
    const char *path;
    int line; /* where it begins, from 1 */
    int column;
    struct slice json; /* its text, while the file is being read */
};

struct givens {
    struct given *items;
    uint32_t count;
    uint32_t max;
    uint32_t faults; /* events that cannot be sent */
    int failed; /* not an event's fault, said: an exit code, and nothing may be sent; 0: none */
};

static void givens_clear(struct givens *givens)
{
    for (uint32_t i = 0; i < givens->count; i++)
        free(givens->items[i].bytes);
    free(givens->items);
    *givens = (struct givens){0};
}

/* ---- one event ---------------------------------------------------------------------------- */

/** A fault of the file at @path: file:line:column: what is wrong. */
static void fault_say(struct cli *cli, struct givens *givens, const char *path, int line,
                      int column, const char *text)
{
    givens->faults++;
    if (givens->faults == FAULTS_SHOWN_MAX + 1)
        cli_say(cli, "more of the same is not shown");
    if (givens->faults > FAULTS_SHOWN_MAX)
        return;
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    if (column > 0)
        cli_say(cli, "%s:%d:%d: %s", name, line, column, text);
    else
        cli_say(cli, "%s:%d: %s", name, line, text);
}

/** Where in @given's text the member of the path @member ("note.text", "years[0].value_pence") stands; where it begins if it cannot be found. */
static void member_place(const struct given *given, const char *member, int *ret_line,
                         int *ret_column)
{
    size_t at = member_find(given->json, member);
    size_t line_at = 0;
    *ret_line = given->line;
    for (size_t i = 0; i < at; i++) {
        if (given->json.bytes[i] == '\n') {
            ++*ret_line;
            line_at = i + 1;
        }
    }
    *ret_column = (int)(at - line_at) + (line_at == 0 ? given->column : 1);
}

/** Append a field to an encoded event: where it was left out, that is the same as having written it. */
static void append_field(struct text *event, uint32_t number, struct slice value)
{
    char head[2] = {(char)(number << 3 | 2), (char)value.len};
    CHECK(number < 16);
    CHECK(value.len < 128);
    text_add_bytes(event, head, 2);
    text_add_bytes(event, (const char *)value.bytes, value.len);
}

static bool fill_in_version(struct text *event)
{
    static const char version[2] = {FIELD_SCHEMA_VERSION << 3, SCHEMA_VERSION};
    struct slice bytes = {(const uint8_t *)event->bytes, event->len};
    struct slice found;
    if (!cli_event_field(bytes, FIELD_SCHEMA_VERSION, &found))
        text_add_bytes(event, version, sizeof version);
    return true;
}

/** Who sends @event when it does not say: the context's organisation. Offline and without a context its own lead stands in. 0, or an exit code, said. */
static int sender_of(struct cli *cli, struct slice event, struct ods *ret)
{
    const struct context *context;
    struct slice own;
    *ret = (struct ods){0};
    if (cli_switch(cli, "offline") && cli->context_name == NULL) {
        if (cli_event_field(event, FIELD_LEAD_ODS, &own) ||
            cli_event_field(event, FIELD_ORGANISATION_ODS, &own))
            (void)!ods_parse((const char *)own.bytes, own.len, ret);
        return 0;
    }
    int failed = cli_context(cli, &context);
    if (failed == 0)
        *ret = context->organisation;
    return failed;
}

/** Fill in what may be left out: the sender, the schema's version, with --new-id the id. False: said. */
static bool fill_in(struct cli *cli, struct givens *givens, struct given *given, struct text *event)
{
    struct slice bytes = {(const uint8_t *)event->bytes, event->len};
    struct slice found;
    if (!cli_event_field(bytes, FIELD_EVENT_ID, &found)) {
        if (!cli_switch(cli, "new-id")) {
            fault_say(cli, givens, given->path, given->line, 0,
                      "event_id is missing; give each event one of its own, so that sending it "
                      "again is harmless, or let --new-id make one");
            return false;
        }
        struct event_id id;
        givens->failed = cli_event_id_new(cli, &id);
        if (givens->failed != 0)
            return false;
        append_field(event, FIELD_EVENT_ID, (struct slice){id.bytes, sizeof id.bytes});
    }
    bytes = (struct slice){(const uint8_t *)event->bytes, event->len};
    if (!cli_event_field(bytes, FIELD_SENDER_ODS, &found)) {
        struct ods sender;
        givens->failed = sender_of(cli, bytes, &sender);
        if (givens->failed != 0)
            return false;
        if (!ods_empty(sender))
            append_field(event, FIELD_SENDER_ODS, slice_of(sender.text));
    }
    return fill_in_version(event);
}

/** Check the form of an encoded event. False: said, each reason in a line. */
static bool check_form(struct cli *cli, struct givens *givens, struct given *given)
{
    struct arena *arena;
    struct event event;
    struct reason items[REASONS_MAX];
    struct reasons reasons = {.items = items, .max = REASONS_MAX};
    bool id_known = false;

    memset(&event, 0, sizeof event);
    if (arena_new(&arena, 64 * 1024 + 16 * given->len) != STATUS_OK) {
        fault_say(cli, givens, given->path, given->line, 0, status_text(STATUS_NO_MEMORY));
        return false;
    }
    enum status status = codec_decode_event((struct slice){given->bytes, given->len}, arena, &event,
                                            &id_known, &reasons);
    given->id = event.id;
    given->type = event.type;
    for (uint32_t i = 0; status != STATUS_OK && i < reasons.count; i++) {
        char code[REASON_CODE_SIZE];
        struct text text = {0};
        reason_print_code(&items[i], code);
        text_add(&text, "%s: %s%s%s%s%s", code, items[i].text, items[i].field[0] ? ", at " : "",
                 items[i].field, items[i].value[0] ? " = " : "", items[i].value);
        if (i > 0)
            givens->faults--;
        int line;
        int column;
        member_place(given, items[i].field, &line, &column);
        fault_say(cli, givens, given->path, line, column, text.bytes);
        text_clear(&text);
    }
    if (status != STATUS_OK && reasons.count == 0)
        fault_say(cli, givens, given->path, given->line, 0, status_text(status));
    arena_free(arena);
    return status == STATUS_OK;
}

static void givens_push(struct givens *givens, const struct given *given)
{
    if (givens->count == givens->max) {
        givens->max = givens->max > 0 ? 2 * givens->max : 64;
        struct given *items = realloc(givens->items, givens->max * sizeof *items);
        CHECK(items != NULL);
        givens->items = items;
    }
    givens->items[givens->count++] = *given;
}

/** One JSON value that begins at @line of @path. What is wrong with it is said and counted. */
static void take_event(struct cli *cli, struct givens *givens, const char *path, int line,
                       int column, struct slice json)
{
    struct json_fault fault = {0};
    struct given given = {.path = path, .line = line, .column = column, .json = json};
    uint8_t *bytes;
    size_t len;
    enum status status = json_read("Event", json, &bytes, &len, &fault);
    if (status != STATUS_OK) {
        struct text text = {0};
        text_add(&text, "%s%s%s", fault.path, fault.path[0] != '\0' ? ": " : "",
                 fault.text[0] != '\0' ? fault.text : status_text(status));
        int at_line = fault.line > 0 ? line + fault.line - 1 : line;
        int at_column = fault.line == 1 ? fault.column + column - 1 : fault.column;
        if (fault.line == 0 && fault.path[0] != '\0')
            member_place(&given, fault.path, &at_line, &at_column);
        fault_say(cli, givens, path, at_line, at_column, text.bytes);
        text_clear(&text);
        return;
    }
    struct text event = {0};
    text_add_bytes(&event, (const char *)bytes, len);
    free(bytes);
    if (!fill_in(cli, givens, &given, &event)) {
        text_clear(&event);
        return;
    }
    given.bytes = (uint8_t *)event.bytes;
    given.len = event.len;
    bool formed = check_form(cli, givens, &given);
    given.json = (struct slice){0};
    if (formed)
        givens_push(givens, &given);
    else
        free(given.bytes);
}

/* ---- a file of events --------------------------------------------------------------------- */

/** Where one is in a text. */
struct place {
    const char *text;
    size_t len;
    size_t at;
    int line;
    size_t line_at; /* where the line begins */
};

static void step(struct place *place)
{
    if (place->text[place->at] == '\n') {
        place->line++;
        place->line_at = place->at + 1;
    }
    place->at++;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/** The end of the JSON object that begins here: behind its last brace, or where the text ends. */
static void skip_object(struct place *place)
{
    int depth = 0;
    bool quoted = false;
    while (place->at < place->len) {
        char c = place->text[place->at];
        if (quoted && c == '\\' && place->at + 1 < place->len)
            step(place);
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '['))
            depth++;
        else if (!quoted && (c == '}' || c == ']'))
            depth--;
        step(place);
        if (depth <= 0)
            return;
    }
}

/** All events of one file: JSON objects, one after the other, on one line or several each. */
static int take_file(struct cli *cli, struct givens *givens, const char *path)
{
    char *text;
    size_t len;
    int failed = cli_read_file(cli, path, FILE_BYTES_MAX, &text, &len);
    if (failed != 0)
        return failed;

    struct place place = {.text = text, .len = len, .line = 1};
    uint32_t before = givens->count + givens->faults;
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        place.at = 3;
    while (place.at < place.len) {
        if (blank(place.text[place.at])) {
            step(&place);
            continue;
        }
        int line = place.line;
        int column = (int)(place.at - place.line_at) + 1;
        size_t from = place.at;
        if (place.text[place.at] != '{') {
            fault_say(cli, givens, path, line, column,
                      "an event is a JSON object, { ... }; this is something else");
            break;
        }
        skip_object(&place);
        take_event(cli, givens, path, line, column,
                   (struct slice){(const uint8_t *)text + from, place.at - from});
        failed = givens->failed;
        if (failed != 0)
            break;
        if (givens->count > EVENTS_MAX) {
            failed = cli_fail(cli, EXIT_FAILED, "%s: more than %d events", path, EVENTS_MAX);
            break;
        }
    }
    if (failed == 0 && givens->count + givens->faults == before)
        fault_say(cli, givens, path, place.line, 0, "no event in it");
    free(text);
    return failed;
}

/** All files. The context is wanted first: who sends is a part of what is checked. 0, or an exit code, said. */
static int take_files(struct cli *cli, struct givens *givens, int argc, char **argv)
{
    const struct context *context;
    if (!cli_switch(cli, "offline") || cli->context_name != NULL) {
        int failed = cli_context(cli, &context);
        if (failed != 0)
            return failed;
    }
    for (int i = 0; i < argc; i++) {
        int failed = take_file(cli, givens, argv[i]);
        if (failed != 0)
            return failed;
    }
    return 0;
}

/* ---- submit ------------------------------------------------------------------------------- */

enum { OUT_ID, OUT_TYPE, OUT_SEQ, OUT_VERDICT, OUT_VERDICT_SEQ, OUT_REPEATED, OUT_REASONS, OUTS };

static const struct column submit_columns[OUTS] = {
    [OUT_ID] = {"event_id", COLUMN_TEXT, false},
    [OUT_TYPE] = {"event_type", COLUMN_TEXT, false},
    [OUT_SEQ] = {"seq", COLUMN_NUMBER, false},
    [OUT_VERDICT] = {"verdict", COLUMN_TEXT, false},
    [OUT_VERDICT_SEQ] = {"verdict_seq", COLUMN_NUMBER, true},
    [OUT_REPEATED] = {"repeated", COLUMN_BOOLEAN, true},
    [OUT_REASONS] = {"reasons", COLUMN_JSON, false},
};

/** What an outcome is called: a verdict, or what there is instead of one. */
static const char *outcome_name(const struct cli_outcome *outcome, bool none)
{
    if (outcome->spooled)
        return "SPOOLED";
    if (!outcome->known)
        return none ? "SENT" : outcome->seq != 0 ? "RECEIVED" : "UNKNOWN";
    if (outcome->kind == ANSWER_REFUSED)
        return "REFUSED";
    return outcome->verdict == VERDICT_NONE ? "RECEIVED" : verdict_name(outcome->verdict);
}

static void outcome_print(struct cli *cli, struct printer *printer, const struct given *given,
                          const struct cli_outcome *outcome, bool none)
{
    char id[EVENT_ID_TEXT_SIZE];
    char seq[24] = "";
    char verdict_seq[24] = "";
    struct text reasons = {0};

    event_id_print(given->id, id);
    if (outcome->seq != 0)
        snprintf(seq, sizeof seq, "%" PRIu64, outcome->seq);
    if (outcome->verdict_seq != 0)
        snprintf(verdict_seq, sizeof verdict_seq, "%" PRIu64, outcome->verdict_seq);
    reasons_cell(cli, outcome->reasons, outcome->reasons_count, &reasons);
    const char *cells[OUTS] = {
        [OUT_ID] = id,
        [OUT_TYPE] = event_type_name(given->type),
        [OUT_SEQ] = seq,
        [OUT_VERDICT] = outcome_name(outcome, none),
        [OUT_VERDICT_SEQ] = verdict_seq,
        [OUT_REPEATED] = outcome->repeated ? "true" : "false",
        [OUT_REASONS] = reasons.bytes,
    };
    printer_row_text(printer, cells);
    if (outcome->repeated)
        printer_note(printer, "known before: this is its first receipt again");
    reasons_note(printer, outcome->reasons, outcome->reasons_count);
    text_clear(&reasons);
}

/** What is printed while answers come: rows in the order given, as soon as those before them are there. */
struct showing {
    struct cli *cli;
    struct printer *printer;
    const struct givens *givens;
    const struct cli_outcome *outcomes;
    uint32_t shown;
    uint32_t done;
};

static void show_done(void *ctx, uint32_t index)
{
    struct showing *showing = ctx;
    (void)index;
    showing->done++;
    while (showing->shown < showing->givens->count && showing->outcomes[showing->shown].known) {
        outcome_print(showing->cli, showing->printer, &showing->givens->items[showing->shown],
                      &showing->outcomes[showing->shown], false);
        showing->shown++;
    }
    if (showing->givens->count > 100 && showing->done % 64 == 0)
        cli_progress(showing->cli, "%u of %u answered", showing->done, showing->givens->count);
}

/** @spool: the folder through which they go, or NULL. */
static int send_all(struct cli *cli, const struct givens *givens, enum commission_wait wait,
                    const char *spool)
{
    struct slice *events = calloc(givens->count, sizeof *events);
    struct cli_outcome *outcomes = calloc(givens->count, sizeof *outcomes);
    CHECK(events != NULL && outcomes != NULL);
    for (uint32_t i = 0; i < givens->count; i++)
        events[i] = (struct slice){givens->items[i].bytes, givens->items[i].len};

    struct showing showing = {
        .cli = cli,
        .printer = printer_new(cli, submit_columns, OUTS),
        .givens = givens,
        .outcomes = outcomes,
    };
    bool none = wait == 0;
    int result = spool == NULL
                     ? cli_submit(cli, events, givens->count, wait, outcomes, show_done, &showing)
                     : cli_submit_spooled(cli, spool, events, givens->count, wait, outcomes,
                                          show_done, &showing);
    bool there = result == 0;
    cli_progress(cli, "%s", "");
    for (uint32_t i = showing.shown; there && i < givens->count; i++)
        outcome_print(cli, showing.printer, &givens->items[i], &outcomes[i], none);

    int exit = -1;
    for (uint32_t i = 0; there && i < givens->count; i++) {
        bool sent = none && !outcomes[i].known && !outcomes[i].spooled;
        exit = cli_exit_both(exit, sent ? EXIT_DONE : cli_outcome_exit(&outcomes[i]));
    }
    if (there)
        result = exit < 0 ? EXIT_DONE : exit;
    if (!printer_end(showing.printer) && result == EXIT_DONE)
        result = EXIT_FAILED;
    for (uint32_t i = 0; i < givens->count; i++)
        cli_outcome_clear(&outcomes[i]);
    free(outcomes);
    free(events);
    return result;
}

static int validate_all(struct cli *cli, const struct givens *givens, bool offline);

static int submit(struct cli *cli, int argc, char **argv)
{
    static const struct {
        const char *name;
        enum commission_wait wait;
    } waits[] = {{"verdict", COMMISSION_WAIT_VERDICT},
                 {"receipt", COMMISSION_WAIT_RECEIPT},
                 {"none", (enum commission_wait)0}};
    const char *wanted = cli_option(cli, "wait");
    enum commission_wait wait = COMMISSION_WAIT_VERDICT;
    bool found = wanted == NULL;
    for (uint32_t i = 0; wanted != NULL && i < ARRAY_LEN(waits); i++) {
        if (strcmp(waits[i].name, wanted) == 0) {
            wait = waits[i].wait;
            found = true;
        }
    }
    if (!found)
        return cli_fail(cli, EXIT_USAGE, "--wait: \"%s\" is none of receipt, verdict, none",
                        wanted);

    struct givens givens = {0};
    int result = take_files(cli, &givens, argc, argv);
    if (result == 0 && givens.faults > 0)
        result = cli_fail(cli, EXIT_REFUSED, "nothing was sent: %u event%s cannot be sent as %s",
                          givens.faults, givens.faults == 1 ? "" : "s",
                          givens.faults == 1 ? "it is" : "they are");
    else if (result == 0 && cli_switch(cli, "dry-run"))
        result = validate_all(cli, &givens, false);
    else if (result == 0)
        result = send_all(cli, &givens, wait, cli_option(cli, "spool"));
    givens_clear(&givens);
    return result;
}

/* ---- validate ----------------------------------------------------------------------------- */

enum { VAL_ID, VAL_TYPE, VAL_VERDICT, VAL_CHECKED, VAL_WORKER, VAL_REASONS, VALS };

static const struct column validate_columns[VALS] = {
    [VAL_ID] = {"event_id", COLUMN_TEXT, false},
    [VAL_TYPE] = {"event_type", COLUMN_TEXT, false},
    [VAL_VERDICT] = {"would_be", COLUMN_TEXT, false},
    [VAL_CHECKED] = {"checked", COLUMN_TEXT, false},
    [VAL_WORKER] = {"worker_asked", COLUMN_BOOLEAN, true},
    [VAL_REASONS] = {"reasons", COLUMN_JSON, false},
};

/** The cell @name of the reply's one row; "" when it has none. */
static struct slice cell_of(const struct reply *reply, const char *name)
{
    for (uint32_t i = 0; reply->rows_count > 0 && i < reply->columns_count; i++) {
        if (strcmp(reply->columns[i].name, name) == 0)
            return reply->cells[i];
    }
    return (struct slice){0};
}

/** The exit code for what the daemon would say: @verdict, a word, with its reasons. */
static int would_be_exit(struct cli *cli, const struct reply *reply, const char *verdict)
{
    struct cli_outcome outcome = {
        .known = true,
        .reasons = (struct reason *)(uintptr_t)reply->reasons,
        .reasons_count = reply->reasons_count,
    };
    if (!cli_outcome_named(verdict, &outcome))
        return cli_fail(cli, EXIT_FAILED,
                        "the daemon says \"%s\", which this version of the tool does not know",
                        verdict);
    return cli_outcome_exit(&outcome);
}

/** Ask the daemon what it would say of @given, and print it. */
static int validate_one(struct cli *cli, struct printer *printer, const struct given *given,
                        bool offline)
{
    static const struct reply nothing = {0};
    const struct reply *reply = &nothing;
    char id[EVENT_ID_TEXT_SIZE];
    char verdict[16] = "";
    struct text reasons = {0};

    event_id_print(given->id, id);
    if (!offline) {
        struct slice body = {given->bytes, given->len};
        int failed = cli_ask_body(cli, "event validate", NULL, 0, body, (struct slice){0}, &reply);
        if (failed != 0)
            return failed;
        struct slice cell = cell_of(reply, "verdict");
        (void)snprintf(verdict, sizeof verdict, "%.*s", (int)(cell.len < 15 ? cell.len : 15),
                       cell.len > 0 ? (const char *)cell.bytes : "");
    }
    reasons_cell(cli, reply->reasons, reply->reasons_count, &reasons);
    const char *cells[VALS] = {
        [VAL_ID] = id,           [VAL_TYPE] = event_type_name(given->type),
        [VAL_VERDICT] = verdict, [VAL_CHECKED] = offline ? "form" : "form, authority, order, money",
        [VAL_WORKER] = "false",  [VAL_REASONS] = reasons.bytes,
    };
    printer_row_text(printer, cells);
    reasons_note(printer, reply->reasons, reply->reasons_count);
    text_clear(&reasons);
    return offline ? EXIT_DONE : would_be_exit(cli, reply, verdict);
}

static int validate_all(struct cli *cli, const struct givens *givens, bool offline)
{
    struct printer *printer = printer_new(cli, validate_columns, VALS);
    int result = -1;
    bool stopped = false;
    for (uint32_t i = 0; i < givens->count && !stopped; i++) {
        uint64_t before = printer_rows(printer);
        int next = validate_one(cli, printer, &givens->items[i], offline);
        stopped = printer_rows(printer) == before;
        result = stopped ? next : cli_exit_both(result, next);
    }
    if (!printer_end(printer) && result == EXIT_DONE)
        result = EXIT_FAILED;
    if (!stopped)
        cli_say(cli, offline ? "only the form was checked; nobody was asked, nothing was sent"
                             : "nothing was sent; the stage's worker was not asked, so its rules "
                               "may still say something else");
    return result < 0 ? EXIT_DONE : result;
}

static int validate(struct cli *cli, int argc, char **argv)
{
    struct givens givens = {0};
    int result = take_files(cli, &givens, argc, argv);
    if (result == 0 && givens.count > 0)
        result = validate_all(cli, &givens, cli_switch(cli, "offline"));
    if (givens.faults > 0 && (result == 0 || result == EXIT_REFUSED))
        result = givens.count > 0 && result == 0 ? EXIT_PARTLY : EXIT_REFUSED;
    givens_clear(&givens);
    return result;
}

int event_send_text(struct cli *cli, const char *json, bool dry_run)
{
    struct givens givens = {0};
    int result;
    take_event(cli, &givens, "event", 1, 1, slice_of(json));
    if (givens.failed != 0)
        result = givens.failed;
    else if (givens.faults > 0)
        result = EXIT_REFUSED;
    else if (dry_run)
        result = validate_all(cli, &givens, false);
    else
        result = send_all(cli, &givens, COMMISSION_WAIT_VERDICT, NULL);
    givens_clear(&givens);
    return result;
}

/* ---- status ------------------------------------------------------------------------------- */

/** Which event a question is about. */
struct named {
    char id[EVENT_ID_TEXT_SIZE];
    struct ods lead;
    struct reference reference;
    struct cli_argument arguments[5];
};

/** The event @text, with the options that say where it belongs. 0, or an exit code, said already. */
static int name_event(struct cli *cli, const char *text, struct named *ret)
{
    struct event_id id;
    const char *workflow = cli_option(cli, "workflow");
    const char *organisation = cli_option(cli, "organisation");
    const char *type = cli_option(cli, "type");

    *ret = (struct named){.id = ""};
    if (!event_id_parse(text, &id))
        return cli_fail(cli, EXIT_USAGE, "\"%s\" is no event id; one has 32 hexadecimal digits",
                        text);
    event_id_print(id, ret->id);
    if ((workflow == NULL) == (organisation == NULL) || (organisation == NULL) != (type == NULL))
        return cli_fail(cli, EXIT_USAGE,
                        "an event id is unique within its workflow or register: say which, with "
                        "--workflow LEAD/REFERENCE, or --organisation ODS --type EVENT_TYPE");
    if (workflow != NULL) {
        int failed = cli_workflow(cli, workflow, &ret->lead, &ret->reference);
        if (failed != 0)
            return failed;
    }
    const struct cli_argument arguments[] = {
        {"event_id", ret->id},
        {"lead", workflow != NULL ? ret->lead.text : NULL},
        {"reference", workflow != NULL ? ret->reference.text : NULL},
        {"organisation", organisation},
        {"event_type", type},
    };
    static_assert(sizeof arguments == sizeof ret->arguments, "all of them");
    memcpy(ret->arguments, arguments, sizeof arguments);
    return 0;
}

static int status(struct cli *cli, int argc, char **argv)
{
    struct named named;

    CHECK(argc == 1);
    int failed = name_event(cli, argv[0], &named);
    if (failed != 0)
        return failed;
    const struct reply *reply;
    failed = cli_ask(cli, "event status", named.arguments, ARRAY_LEN(named.arguments),
                     (struct slice){0}, &reply);
    if (failed != 0)
        return failed;
    if (reply->rows_count == 0)
        return cli_fail(cli, EXIT_NOT_FOUND, "event %s is not known there", named.id);

    /* The daemon's columns and one more, for the reasons. */
    struct column columns[PRINT_COLUMNS_MAX];
    struct slice cells[PRINT_COLUMNS_MAX];
    uint32_t count = reply->columns_count;
    struct text reasons = {0};
    CHECK(count < PRINT_COLUMNS_MAX);
    memcpy(columns, reply->columns, count * sizeof *columns);
    memcpy(cells, reply->cells, count * sizeof *cells);
    reasons_cell(cli, reply->reasons, reply->reasons_count, &reasons);
    columns[count] = (struct column){"reasons", COLUMN_JSON, false};
    cells[count] = slice_of(reasons.bytes);
    struct printer *printer = printer_new(cli, columns, count + 1);
    printer_row(printer, cells);
    reasons_note(printer, reply->reasons, reply->reasons_count);
    bool written = printer_end(printer);
    text_clear(&reasons);
    return written ? EXIT_DONE : EXIT_FAILED;
}

/* ---- withdraw ----------------------------------------------------------------------------- */

static int withdraw(struct cli *cli, int argc, char **argv)
{
    struct named named;
    const char *reason = cli_option(cli, "reason");

    CHECK(argc == 1);
    int failed = name_event(cli, argv[0], &named);
    if (failed != 0)
        return failed;
    if (reason == NULL || reason[0] == '\0')
        return cli_fail(cli, EXIT_USAGE, "say why, with --reason TEXT; it stands in the journal");
    const struct cli_argument arguments[] = {
        {"lead", named.lead.text},
        {"reference", named.reference.text},
        {"event_id", named.id},
        {"reason", reason},
        {"dry_run", cli_switch(cli, "dry-run") ? "true" : NULL},
    };
    return cli_print_answer(cli, "event withdraw", arguments, ARRAY_LEN(arguments));
}

/* ---- receipt ------------------------------------------------------------------------------ */

static int receipt(struct cli *cli, int argc, char **argv)
{
    bool verifying = strcmp(argv[0], "verify") == 0;
    if (verifying != (argc == 2))
        return cli_fail(cli, EXIT_USAGE, "event receipt EVENT_ID, or event receipt verify FILE");
    if (verifying) {
        struct statement_key key;
        struct statement statement;
        int failed = statement_key_given(cli, &key);
        if (failed == 0)
            failed = statement_read_file(cli, argv[1], STATEMENT_RECEIPT, key, &statement);
        return failed != 0 ? failed : statement_print(cli, &statement);
    }
    struct named named;
    int failed = name_event(cli, argv[0], &named);
    if (failed != 0)
        return failed;
    return statement_fetch(cli, "event receipt", named.arguments, ARRAY_LEN(named.arguments));
}

/* ---- the table ---------------------------------------------------------------------------- */

static const struct cli_option submit_options[] = {
    {"wait", "FOR", "receipt: it is on disk; verdict: it is judged (default); none: it is sent"},
    {"new-id", NULL, "make an event_id (UUIDv7) where one is missing, and print it"},
    {"dry-run", NULL, "send nothing: check, and ask, as event validate does"},
    {"spool", "DIR", "keep them in this folder until they are received, whatever happens"},
    {0},
};
static const struct cli_option validate_options[] = {
    {"offline", NULL, "check the form only; ask nobody"},
    {"new-id", NULL, "do not mind a missing event_id"},
    {0},
};
static const struct cli_option status_options[] = {
    {"workflow", "LEAD/REFERENCE", "the workflow that the event is about"},
    {"organisation", "ODS", "the organisation whose register it is about"},
    {"type", "EVENT_TYPE", "with --organisation: the event's type, such as ALLOTMENT_SET"},
    {0},
};

static const struct cli_option withdraw_options[] = {
    {"workflow", "LEAD/REFERENCE", "the workflow that the event is about; needed"},
    {"reason", "TEXT", "why; needed, kept in the journal, told with the verdict WITHDRAWN"},
    {"dry-run", NULL, "only say where the event is, and whether it would be withdrawn"},
    {0},
};

static const struct cli_option receipt_options[] = {
    {"workflow", "LEAD/REFERENCE", "the workflow that the event is about"},
    {"organisation", "ODS", "the organisation whose register it is about"},
    {"type", "EVENT_TYPE", "with --organisation: the event's type, such as ALLOTMENT_SET"},
    {"out", "FILE", "write the receipt to a new file"},
    {"key", "KEY", "verify: the daemon's public key: 64 digits, base64, or a file with it"},
    {0},
};

static const struct cli_verb verbs[] = {
    {
        .name = "submit",
        .arguments = "FILE|-...",
        .arguments_min = 1,
        .arguments_max = -1,
        .help = "Send events and wait for their verdicts",
        .more =
            "Events are JSON objects (proto3 JSON, names as in commission.proto), one after\n"
            "the other, each on one line or several. sender_ods is the context's\n"
            "organisation where it is left out, and schema_version 1. If one event of the\n"
            "files cannot be read, none is sent. Sending the same events again is harmless:\n"
            "each event_id takes effect once.\n\n"
            "Exit code: 0 all accepted, 5 rejected or refused, 6 CONFLICT or ID_REUSED,\n"
            "7 no answer in time for some (send them again), 8 some accepted and some not,\n"
            "or held until what they wait for comes.\n\n"
            "With --spool the events are on disk in DIR before any is sent, and leave it with\n"
            "their receipts: whatever falls down meanwhile, `event spool flush` goes on. A row\n"
            "says SPOOLED for what waits there; the exit code is then 3 (nobody answers) or 7.\n"
            "With --wait none they are only put there.\n",
        .example = "commission -c dev/02E event submit needs.json --wait verdict",
        .options = submit_options,
        .run = submit,
    },
    {
        .name = "validate",
        .arguments = "FILE|-...",
        .arguments_min = 1,
        .arguments_max = -1,
        .help = "Check events without sending them",
        .more = "Checks the form here, and asks the daemon about authority, order and money\n"
                "as they stand now. The stage's worker is not asked.\n",
        .example = "commission event validate needs.json --offline",
        .options = validate_options,
        .run = validate,
    },
    {
        .name = "status",
        .arguments = "EVENT_ID",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Show what became of an event",
        .more = NULL,
        .example = "commission -c dev/02E event status 0190a5d2-0000-7000-8000-000000000001 "
                   "--workflow 02E/2018-physio",
        .options = status_options,
        .run = status,
    },
    {
        .name = "withdraw",
        .arguments = "EVENT_ID",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Take back an event of one's own that is not judged yet",
        .more = "Queued, ready, delayed, held or parked: it ends with the verdict WITHDRAWN, and\n"
                "what waits behind it goes on. Not while a worker has it. Doing it again, or\n"
                "sending the event again, says the same; its id stays used.\n",
        .example = "commission -c dev/02E event withdraw 01909d5c-0000-7000-8000-000000000001 \\\n"
                   "      --workflow 02E/2018-physio --reason 'the wrong case'",
        .options = withdraw_options,
        .run = withdraw,
    },
    {
        .name = "receipt",
        .arguments = "EVENT_ID | verify FILE",
        .arguments_min = 1,
        .arguments_max = 2,
        .help = "Fetch an event's signed receipt, or check one without the daemon",
        .more = "The receipt says which entry of which journal received the event, with the\n"
                "entry's hash, a digest of the event's bytes and the time, signed with the\n"
                "daemon's key. Kept outside, it proves later what was acknowledged. `verify`\n"
                "asks nobody: it needs the daemon's public key, from `journal head -o wide`.\n"
                "Some ten receipts a second are signed for an organisation.\n\n"
                "Exit code of verify: 0 it is the daemon's, 1 it is no receipt, 5 another\n"
                "signed it, or it was changed.\n",
        .example = "commission event receipt verify receipt.txt --key daemon.pub",
        .options = receipt_options,
        .run = receipt,
    },
    {
        .name = "spool",
        .arguments = "list|flush|discard [EVENT_ID...]",
        .arguments_min = 1,
        .arguments_max = -1,
        .help = "Show, send or throw away what waits in a spool",
        .more = event_spool_more,
        .example = "commission -c dev/02E event spool flush --spool /var/spool/02E",
        .options = event_spool_options,
        .run = event_spool,
    },
    {0},
};

const struct cli_noun noun_event = {"event", "Send events, check them, ask what became of them",
                                    verbs};
