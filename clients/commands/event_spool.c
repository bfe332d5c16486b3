/* SPDX-License-Identifier: Apache-2.0 */
/* event_spool.c - what waits in a spool: list, flush, discard. */

#include "clients/cli/print.h"
#include "clients/commands/commands.h"
#include "proto/codec.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DISCARDED_NAME "discarded"

/* ---- an event of the spool ---------------------------------------------------------------- */

/** What it is about, from its bytes: "" where they cannot be read. */
struct about {
    char type[48];
    char subject[ODS_SIZE + REFERENCE_SIZE + 1]; /* "02E/2018-physio", or an organisation */
};

static void about_event(struct commission_spool *spool, const struct commission_spooled *spooled,
                        struct about *ret)
{
    struct slice bytes;
    struct arena *arena;
    struct event event;
    struct reason items[REASONS_MAX];
    struct reasons reasons = {.items = items, .max = REASONS_MAX};
    bool id_known;

    *ret = (struct about){.type = ""};
    if (commission_spool_read(spool, spooled, &bytes) != STATUS_OK ||
        arena_new(&arena, 64 * 1024 + 16 * bytes.len) != STATUS_OK)
        return;
    if (codec_decode_event(bytes, arena, &event, &id_known, &reasons) == STATUS_OK) {
        snprintf(ret->type, sizeof ret->type, "%s", event_type_name(event.type));
        if (event_type_is_register(event.type))
            snprintf(ret->subject, sizeof ret->subject, "%s", event.organisation.text);
        else
            snprintf(ret->subject, sizeof ret->subject, "%s/%s", event.lead.text,
                     event.reference.text);
    }
    arena_free(arena);
}

/* ---- list --------------------------------------------------------------------------------- */

enum {
    LIST_ID,
    LIST_TYPE,
    LIST_ABOUT,
    LIST_STATE,
    LIST_AT,
    LIST_TRIES,
    LIST_TRIED_AT,
    LIST_ERROR,
    LISTS
};

static const struct column list_columns[LISTS] = {
    [LIST_ID] = {"event_id", COLUMN_TEXT, false},
    [LIST_TYPE] = {"event_type", COLUMN_TEXT, false},
    [LIST_ABOUT] = {"about", COLUMN_TEXT, false},
    [LIST_STATE] = {"state", COLUMN_TEXT, false},
    [LIST_AT] = {"put_at", COLUMN_MOMENT, false},
    [LIST_TRIES] = {"tries", COLUMN_NUMBER, false},
    [LIST_TRIED_AT] = {"tried_at", COLUMN_MOMENT, true},
    [LIST_ERROR] = {"last_error", COLUMN_TEXT, false},
};

static void list_row(struct printer *printer, struct commission_spool *spool,
                     const struct commission_spooled *event)
{
    char id[EVENT_ID_TEXT_SIZE];
    char tries[16];
    char put_at[MOMENT_TEXT_SIZE];
    char tried_at[MOMENT_TEXT_SIZE] = "";
    struct about about;

    event_id_print(event->id, id);
    about_event(spool, event, &about);
    snprintf(tries, sizeof tries, "%" PRIu32, event->tries);
    moment_print(event->put_at_ms, put_at);
    if (event->tried_at_ms != 0)
        moment_print(event->tried_at_ms, tried_at);
    const char *cells[LISTS] = {
        [LIST_ID] = id,
        [LIST_TYPE] = about.type,
        [LIST_ABOUT] = about.subject,
        [LIST_STATE] = event->rejected ? "REJECTED" : "WAITING",
        [LIST_AT] = put_at,
        [LIST_TRIES] = tries,
        [LIST_TRIED_AT] = tried_at,
        [LIST_ERROR] = event->error,
    };
    printer_row_text(printer, cells);
}

static int list(struct cli *cli, struct commission_spool *spool)
{
    const struct commission_spooled *events;
    uint32_t count;
    enum status status = commission_spool_list(spool, &events, &count);
    if (status != STATUS_OK)
        return cli_fail(cli, EXIT_FAILED, "spool: %s", status_text(status));

    struct printer *printer = printer_new(cli, list_columns, LISTS);
    for (uint32_t i = 0; i < count; i++)
        list_row(printer, spool, &events[i]);
    if (count == 0 && (cli->output == OUTPUT_TEXT || cli->output == OUTPUT_WIDE))
        cli_say(cli, "nothing is in the spool");
    return printer_end(printer) ? EXIT_DONE : EXIT_FAILED;
}

/* ---- flush -------------------------------------------------------------------------------- */

enum { SENT_ID, SENT_RESULT, SENT_SEQ, SENT_REPEATED, SENT_REASONS, SENTS };

static const struct column sent_columns[SENTS] = {
    [SENT_ID] = {"event_id", COLUMN_TEXT, false},
    [SENT_RESULT] = {"result", COLUMN_TEXT, false},
    [SENT_SEQ] = {"seq", COLUMN_NUMBER, false},
    [SENT_REPEATED] = {"repeated", COLUMN_BOOLEAN, true},
    [SENT_REASONS] = {"reasons", COLUMN_JSON, false},
};

struct sending {
    struct cli *cli;
    struct printer *printer;
    int exit;
};

static void sent(void *ctx, const struct commission_spooled *event, const struct answer *answer)
{
    struct sending *sending = ctx;
    char id[EVENT_ID_TEXT_SIZE];
    char seq[24] = "";
    struct text reasons = {0};
    bool refused = answer->kind == ANSWER_REFUSED;

    event_id_print(event->id, id);
    if (answer->seq != 0)
        snprintf(seq, sizeof seq, "%" PRIu64, answer->seq);
    reasons_cell(sending->cli, answer->reasons, answer->reasons_count, &reasons);
    const char *cells[SENTS] = {
        [SENT_ID] = id,
        [SENT_RESULT] = refused                          ? "REFUSED"
                        : answer->kind == ANSWER_VERDICT ? verdict_name(answer->verdict)
                                                         : "RECEIVED",
        [SENT_SEQ] = seq,
        [SENT_REPEATED] = answer->repeated ? "true" : "false",
        [SENT_REASONS] = reasons.bytes,
    };
    printer_row_text(sending->printer, cells);
    reasons_note(sending->printer, answer->reasons, answer->reasons_count);
    text_clear(&reasons);
    bool rejected =
        refused || answer->verdict == VERDICT_REJECTED || answer->verdict == VERDICT_WITHDRAWN;
    sending->exit = cli_exit_both(sending->exit, rejected ? EXIT_REFUSED : EXIT_DONE);
}

static int flush(struct cli *cli, struct commission_spool *spool, const char *path)
{
    struct commission *connection;
    struct sending sending = {.cli = cli, .exit = -1};
    int failed = cli_connect(cli, &connection);
    if (failed != 0)
        return failed;

    sending.printer = printer_new(cli, sent_columns, SENTS);
    enum status status = commission_spool_flush(spool, connection, COMMISSION_WAIT_RECEIPT,
                                                cli->timeout_ms, sent, &sending);
    bool written = printer_end(sending.printer);
    if (status == STATUS_OK && sending.exit < 0)
        cli_say(cli, "nothing waits in the spool");
    failed = cli_flush_exit(cli, spool, path, status);
    int result = failed != 0 ? cli_exit_both(sending.exit, failed) : sending.exit;
    if (result < 0)
        result = EXIT_DONE;
    return !written && result == EXIT_DONE ? EXIT_FAILED : result;
}

/* ---- discard ------------------------------------------------------------------------------ */

/** Write down that @event is thrown away, and why. False: it cannot be written. */
static bool note_discard(const char *path, const struct commission_spooled *event,
                         const struct about *about, const char *reason)
{
    struct text name = {0};
    struct text line = {0};
    char id[EVENT_ID_TEXT_SIZE];
    char at[MOMENT_TEXT_SIZE];
    struct timespec now;

    CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
    moment_print((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, at);
    event_id_print(event->id, id);
    text_add(&line, "%s %s %s %s ", at, id, about->type, about->subject);
    text_add_safe(&line, slice_of(reason));
    text_add(&name, "%s/" DISCARDED_NAME, path);
    FILE *file = fopen(name.bytes, "ae");
    bool written = file != NULL && fprintf(file, "%s\n", line.bytes) > 0 && fflush(file) == 0;
    if (file != NULL && fclose(file) != 0)
        written = false;
    text_clear(&name);
    text_clear(&line);
    return written;
}

/** Is @event among those named: by their ids, or --rejected? */
static bool is_named(const struct cli *cli, const struct commission_spooled *event, int argc,
                     char **argv)
{
    if (cli_switch(cli, "rejected") && event->rejected)
        return true;
    for (int i = 0; i < argc; i++) {
        struct event_id id;
        if (event_id_parse(argv[i], &id) && event_id_equal(id, event->id))
            return true;
    }
    return false;
}

static int discard_one(struct cli *cli, struct commission_spool *spool, const char *path,
                       const struct commission_spooled *event)
{
    struct about about;
    about_event(spool, event, &about);
    if (!note_discard(path, event, &about, cli_option(cli, "reason")))
        return cli_fail(cli, EXIT_FAILED,
                        "%s/" DISCARDED_NAME " cannot be written; nothing is lost", path);
    enum status status = commission_spool_discard(spool, event);
    if (status == STATUS_LOCKED)
        return cli_fail(cli, EXIT_CONFLICT, "%s: another process is sending from this spool", path);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return cli_fail(cli, EXIT_FAILED, "spool %s: %s", path, status_text(status));
    return EXIT_DONE;
}

static int discard(struct cli *cli, struct commission_spool *spool, const char *path, int argc,
                   char **argv)
{
    const struct commission_spooled *events;
    uint32_t count;
    uint32_t named = 0;
    const char *reason = cli_option(cli, "reason");

    if (reason == NULL || reason[0] == '\0')
        return cli_fail(cli, EXIT_USAGE, "--reason is wanted: it is kept in %s/" DISCARDED_NAME,
                        path);
    if (argc == 0 && !cli_switch(cli, "rejected"))
        return cli_fail(cli, EXIT_USAGE, "which? Name events by their ids, or give --rejected");
    for (int i = 0; i < argc; i++) {
        struct event_id id;
        if (!event_id_parse(argv[i], &id))
            return cli_fail(cli, EXIT_USAGE, "\"%s\" is no event id; one has 32 hexadecimal digits",
                            argv[i]);
    }
    enum status status = commission_spool_list(spool, &events, &count);
    if (status != STATUS_OK)
        return cli_fail(cli, EXIT_FAILED, "spool: %s", status_text(status));

    struct printer *printer = printer_new(cli, list_columns, LISTS);
    int result = EXIT_DONE;
    for (uint32_t i = 0; i < count && result == EXIT_DONE; i++) {
        if (!is_named(cli, &events[i], argc, argv))
            continue;
        list_row(printer, spool, &events[i]);
        named++;
        if (!cli_switch(cli, "dry-run"))
            result = discard_one(cli, spool, path, &events[i]);
    }
    if (!printer_end(printer) && result == EXIT_DONE)
        result = EXIT_FAILED;
    if (result == EXIT_DONE && named == 0)
        return cli_fail(cli, EXIT_NOT_FOUND, "no such event is in the spool");
    if (result == EXIT_DONE && cli_switch(cli, "dry-run"))
        cli_say(cli, "nothing was thrown away");
    return result;
}

/* ---- the verb ----------------------------------------------------------------------------- */

const struct cli_option event_spool_options[] = {
    {"spool", "DIR", "the folder"},
    {"rejected", NULL, "discard: all that were refused for good"},
    {"reason", "TEXT", "discard: why; kept in DIR/discarded"},
    {"dry-run", NULL, "discard: show what would go"},
    {0},
};

const char event_spool_more[] =
    "A spool is a folder (0700) that `event submit --spool DIR` fills. list shows what\n"
    "waits there, and what was refused for good, with its reasons; no daemon is asked.\n"
    "flush sends all that waits and takes the receipts; it may be killed at any moment and\n"
    "begun again. The order of one workflow's events is kept. discard throws away.\n\n"
    "Exit code of flush: 0 all received (or nothing waits), 3 nobody answers, 5 all were\n"
    "refused, 7 no answer in time, or another process is sending, 8 some are received.\n";

int event_spool(struct cli *cli, int argc, char **argv)
{
    const char *path = cli_option(cli, "spool");
    const char *verb = argv[0];
    struct commission_spool *spool;
    bool lists = strcmp(verb, "list") == 0;
    bool flushes = strcmp(verb, "flush") == 0;

    if (path == NULL)
        return cli_fail(cli, EXIT_USAGE, "--spool is wanted: the folder");
    if (!lists && !flushes && strcmp(verb, "discard") != 0)
        return cli_fail(cli, EXIT_USAGE, "event spool has no \"%s\"; list, flush or discard", verb);
    if ((lists || flushes) && argc > 1)
        return cli_fail(cli, EXIT_USAGE, "event spool %s takes no event ids", verb);
    /* Opening makes it; a misspelt one would be made, and empty. */
    if (access(path, F_OK) != 0)
        return cli_fail(cli, EXIT_NOT_FOUND,
                        "spool: there is no folder \"%s\"; 'event submit --spool' makes it", path);
    int result = cli_spool_open(cli, path, &spool);
    if (result != 0)
        return result;
    if (lists)
        result = list(cli, spool);
    else if (flushes)
        result = flush(cli, spool, path);
    else
        result = discard(cli, spool, path, argc - 1, argv + 1);
    commission_spool_close(spool);
    return result;
}
