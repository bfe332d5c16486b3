/* SPDX-License-Identifier: Apache-2.0 */
/* import_allotments.c - `commission import allotments`: a file of names and sums becomes ALLOTMENT_SET events. */
/*
 * The file has names and no codes. A name is matched with the CCGs that are registered and open on the year's first day, after
 * taking away what people write in different ways (org_name_key). What does not match exactly one is never guessed: it is reported with the
 * nearest names as a hint, and not sent. A name, or an organisation, that stands twice is refused in both places.
 */
#include "clients/cli/print.h"
#include "clients/commands/allotment_file.h"
#include "clients/commands/batch.h"
#include "clients/commands/commands.h"
#include "clients/commands/import_register.h"

#include <string.h>

/*
 * Event ids derive from this and sender, ods, year, sum, day and the entry that set the sum before: so the same step is the same event, and
 * a sum that was set, corrected and is set again is another one.
 */
#define ID_LABEL "commission import allotments"

#define FILE_BYTES_MAX (16u * 1024 * 1024)

struct import {
    struct cli *cli;
    bool dry_run;
    struct ods sender;
    int32_t year;
    date_t set_on;
    struct org_file names; /* --names */
    struct org_names orgs;
    struct allotment_file file;
    struct batch batch;
};

/* ---- what is registered ---- */

/** An organisation's name, and the other that --names has. False: no memory. */
static bool add_org(struct import *import, const struct registered *registered)
{
    struct period open = {registered->opened_on, registered->closed_on};
    struct org_name org = {
        .ods = registered->ods,
        .open = period_contains(open, financial_year_period(import->year).from),
        .successor = registered->successor,
    };
    const struct org_row *other = org_file_find(&import->names, org.ods);
    return org_names_add(&import->orgs, &org, registered->name) &&
           (other == NULL || org_names_add(&import->orgs, &org, other->name));
}

static int ask_orgs(struct import *import)
{
    struct registered_list list;
    int failed = import_ask_registered(import->cli, "CCG", &list);
    if (failed == 0 && list.count == 0)
        failed = cli_fail(import->cli, EXIT_NOT_FOUND,
                          "no CCGs are registered: first, as NHS England: commission import orgs "
                          "FILE");
    for (uint32_t i = 0; failed == 0 && i < list.count; i++) {
        if (!add_org(import, &list.items[i]))
            failed = cli_fail(import->cli, EXIT_FAILED, "%s", status_text(STATUS_NO_MEMORY));
    }
    registered_clear(&list);
    return failed;
}

/* ---- what is set ---- */

static bool cell_is(struct slice cell, const char *text)
{
    return cell.len == strlen(text) && (cell.len == 0 || memcmp(cell.bytes, text, cell.len) == 0);
}

/** The ledger has @pence for @ods: is that what its row says? */
static void compare(struct import *import, struct slice ods, struct slice pence)
{
    char sum[32];
    for (uint32_t i = 0; i < import->file.count; i++) {
        struct allotment_row *row = &import->file.rows[i];
        if (row->match != MATCH_FOUND || !cell_is(ods, row->ods.text))
            continue;
        (void)snprintf(sum, sizeof sum, "%lld", (long long)row->pence);
        row->present = cell_is(pence, sum) ? ALLOTTED_SO : ALLOTTED_OTHERWISE;
    }
}

/** One page of "ledger show". False: it cannot be read. */
static bool compare_page(struct import *import, const struct reply *reply)
{
    uint32_t ods = import_column(reply, "ods");
    uint32_t allotted = import_column(reply, "allotted");
    uint32_t pence = import_column(reply, "allotment_pence");
    if (reply->rows_count > 0 &&
        (ods == UINT32_MAX || allotted == UINT32_MAX || pence == UINT32_MAX))
        return false;
    for (uint32_t i = 0; i < reply->rows_count; i++) {
        const struct slice *cells = &reply->cells[(size_t)i * reply->columns_count];
        if (cell_is(cells[allotted], "true"))
            compare(import, cells[ods], cells[pence]);
    }
    return true;
}

/** The entry that set the sum which the page of "ledger lines" ends with; @ret keeps an earlier page's. False: it cannot be read. */
static bool find_entry(const struct reply *reply, char ret[ENTRY_SEQ_SIZE])
{
    uint32_t seq = import_column(reply, "seq");
    uint32_t kind = import_column(reply, "kind");
    if (reply->rows_count > 0 && (seq == UINT32_MAX || kind == UINT32_MAX))
        return false;
    for (uint32_t i = 0; i < reply->rows_count; i++) {
        const struct slice *cells = &reply->cells[(size_t)i * reply->columns_count];
        if (cell_is(cells[kind], "ALLOTMENT") && cells[seq].len > 0)
            (void)snprintf(ret, ENTRY_SEQ_SIZE, "%.*s", (int)cells[seq].len,
                           (const char *)cells[seq].bytes);
    }
    return true;
}

/** Ask for the year's ledger: all of it (@row NULL), to compare; or @row's lines, for the entry that stands now. */
static int ask_ledger(struct import *import, struct allotment_row *row)
{
    char year[YEAR_TEXT_SIZE];
    financial_year_print(import->year, year);
    const char *command = row == NULL ? "ledger show" : "ledger lines";
    const struct cli_argument arguments[] = {{"ods", row == NULL ? NULL : row->ods.text},
                                             {"year", year}};
    struct text resume = {0};
    int failed = 0;
    do {
        const struct reply *reply = NULL;
        struct slice from = {(const uint8_t *)resume.bytes, resume.len};
        failed = cli_ask(import->cli, command, arguments, ARRAY_LEN(arguments), from, &reply);
        if (failed != 0)
            break;
        if (!(row == NULL ? compare_page(import, reply) : find_entry(reply, row->present_seq)))
            failed = cli_fail(import->cli, EXIT_FAILED,
                              "%s: an answer that this version cannot read", command);
        resume.len = 0;
        text_add_bytes(&resume, (const char *)reply->resume.bytes, reply->resume.len);
    } while (failed == 0 && resume.len > 0);
    text_clear(&resume);
    return failed;
}

/** What stands in the ledger for each row, and which entry says so. */
static int ask_present(struct import *import)
{
    int failed = ask_ledger(import, NULL);
    for (uint32_t i = 0; failed == 0 && i < import->file.count; i++) {
        struct allotment_row *row = &import->file.rows[i];
        if (row->present == ALLOTTED_OTHERWISE)
            failed = ask_ledger(import, row);
    }
    return failed;
}

/* ---- events ---- */

static void write_event(const struct import *import, const struct allotment_row *row,
                        struct text *ret)
{
    char day[DATE_TEXT_SIZE];
    char year[YEAR_TEXT_SIZE];
    char identity[128];
    date_print(import->set_on, day);
    financial_year_print(import->year, year);
    int len = snprintf(identity, sizeof identity, "%s %s %s %lld %s %s", import->sender.text,
                       row->ods.text, year, (long long)row->pence, day, row->present_seq);
    CHECK(len > 0 && (size_t)len < sizeof identity);
    struct event_id id;
    char uuid[EVENT_ID_TEXT_SIZE];
    cli_event_id_from(ID_LABEL, (struct slice){(const uint8_t *)identity, (size_t)len}, &id);
    event_id_print(id, uuid);
    text_add(ret,
             "{\"event_id\":\"%s\",\"event_type\":\"ALLOTMENT_SET\",\"organisation_ods\":\"%s\","
             "\"sender_ods\":\"%s\",\"occurred_on\":\"%s\",\"schema_version\":%d,"
             "\"allotment_set\":{\"financial_year\":\"%s\",\"core_pence\":%lld}}",
             uuid, row->ods.text, import->sender.text, day, SCHEMA_VERSION, year,
             (long long)row->pence);
}

static int send_events(struct import *import)
{
    for (uint32_t i = 0; i < import->file.count; i++) {
        struct allotment_row *row = &import->file.rows[i];
        if (row->match != MATCH_FOUND || row->present == ALLOTTED_SO)
            continue;
        struct text text = {0};
        struct json_fault fault = {0};
        write_event(import, row, &text);
        row->event = import->batch.count;
        int failed = batch_add(&import->batch, text.bytes, &fault);
        text_clear(&text);
        if (failed != 0)
            return cli_fail(import->cli, EXIT_FAILED, "line %u: %s: %s", row->line, fault.path,
                            fault.text);
    }
    return batch_send_register(&import->batch, import->cli, "setting allotments");
}

/* ---- report ---- */

static const struct column columns[] = {
    {"line", COLUMN_NUMBER, false},  {"name", COLUMN_TEXT, false},
    {"ods", COLUMN_TEXT, false},     {"allotment_pence", COLUMN_PENCE, false},
    {"outcome", COLUMN_TEXT, false}, {"reasons", COLUMN_TEXT, false},
};

static void describe(const struct import *import, const struct allotment_row *row, struct text *ret)
{
    switch (row->match) {
    case MATCH_FOUND:
        break;
    case MATCH_NONE:
        text_add(ret, "no CCG of this name is registered that was open then");
        for (uint32_t i = 0; i < HINTS_MAX && row->hints[i] != NULL; i++)
            text_add(ret, "%s%s %s", i == 0 ? "; is it " : " or ", row->hints[i]->ods.text,
                     row->hints[i]->name);
        text_add(ret, "%s", row->hints[0] != NULL ? "?" : "");
        break;
    case MATCH_CLOSED:
        text_add(ret, "%s was not open on the year's first day%s%s", row->ods.text,
                 ods_empty(row->hints[0]->successor) ? "" : "; its successor is ",
                 row->hints[0]->successor.text);
        break;
    case MATCH_MANY:
        text_add(ret, "%s and %s are both called so", row->hints[0]->ods.text,
                 row->hints[1]->ods.text);
        break;
    case MATCH_TWICE:
        text_add(ret, "stands twice, in lines %u and %u, with %s; neither is sent",
                 row->line < row->twin_line ? row->line : row->twin_line,
                 row->line < row->twin_line ? row->twin_line : row->line,
                 row->twin_same ? "the same sum" : "two sums");
        break;
    }
    if (row->match != MATCH_FOUND || row->present == ALLOTTED_SO || import->batch.outcomes == NULL)
        return;
    const struct cli_outcome *outcome = &import->batch.outcomes[row->event];
    char code[REASON_CODE_SIZE];
    for (uint32_t i = 0; i < outcome->reasons_count; i++) {
        reason_print_code(&outcome->reasons[i], code);
        text_add(ret, "%s%s", i > 0 ? ", " : "", code);
    }
}

static const char *outcome_name(const struct import *import, const struct allotment_row *row,
                                struct tally *tally)
{
    if (row->match == MATCH_TWICE) {
        tally->rejected++;
        return "refused";
    }
    if (row->match != MATCH_FOUND) {
        tally->rejected++;
        return "not matched";
    }
    if (row->present == ALLOTTED_SO) {
        tally->unchanged++;
        return "unchanged";
    }
    if (import->batch.outcomes == NULL) {
        tally->accepted++;
        return "ready";
    }
    return tally_add(tally, &import->batch.outcomes[row->event]);
}

/** "209 lines: 181 matched: 1 accepted, 180 unchanged; 28 refused, rejected or not matched". */
static void say_summary(const struct import *import, const struct tally *tally, uint32_t matched)
{
    struct text text = {0};
    text_add(&text, "%u line%s: %u matched: %u %s, %u unchanged", import->file.count,
             import->file.count == 1 ? "" : "s", matched, tally->accepted,
             import->dry_run ? "ready" : "accepted", tally->unchanged);
    if (tally->repeated > 0)
        text_add(&text, ", %u repeated", tally->repeated);
    if (tally->unknown > 0)
        text_add(&text, ", %u without answer", tally->unknown);
    if (tally->rejected + tally->held > 0)
        text_add(&text, "; %u refused, rejected or not matched", tally->rejected + tally->held);
    if (import->dry_run || import->batch.count == 0)
        text_add(&text, "; nothing was sent");
    cli_say(import->cli, "%s", text.bytes);
    text_clear(&text);
}

static int report(const struct import *import)
{
    struct tally tally = {0};
    uint32_t matched = 0;
    struct printer *printer = printer_new(import->cli, columns, ARRAY_LEN(columns));
    for (uint32_t i = 0; i < import->file.count; i++) {
        const struct allotment_row *row = &import->file.rows[i];
        char line[16];
        char pence[32];
        struct text text = {0};
        (void)snprintf(line, sizeof line, "%u", row->line);
        (void)snprintf(pence, sizeof pence, "%lld", (long long)row->pence);
        describe(import, row, &text);
        matched += row->match == MATCH_FOUND;
        const char *outcome = outcome_name(import, row, &tally);
        printer_row_text(printer, (const char *const[]){line, row->name, row->ods.text, pence,
                                                        outcome, text.bytes});
        text_clear(&text);
    }
    if (!printer_end(printer))
        return EXIT_FAILED;
    say_summary(import, &tally, matched);
    return tally_exit(&tally);
}

/* ---- the verb ---- */

static int read_options(struct import *import)
{
    struct cli *cli = import->cli;
    const char *year = cli_option(cli, "year");
    const char *on = cli_option(cli, "on");
    if (year == NULL)
        return cli_fail(cli, EXIT_USAGE, "which year? --year 2018/19: the file does not say");
    if (!financial_year_parse(year, strlen(year), &import->year))
        return cli_fail(cli, EXIT_USAGE, "--year %s: a financial year is wanted, such as 2018/19",
                        year);
    import->set_on = financial_year_period(import->year).from;
    if (on != NULL && !date_parse(on, strlen(on), &import->set_on))
        return cli_fail(cli, EXIT_USAGE, "--on %s: a day is wanted, such as 2018-04-01", on);
    return 0;
}

static int read_names(struct import *import)
{
    const char *path = cli_option(import->cli, "names");
    char *bytes = NULL;
    size_t len = 0;
    struct csv_fault fault = {0};
    if (path == NULL)
        return 0;
    int failed = cli_read_file(import->cli, path, FILE_BYTES_MAX, &bytes, &len);
    if (failed != 0)
        return failed;
    if (!org_file_read(bytes, len, &import->names, &fault))
        failed = cli_fail(import->cli, EXIT_FAILED, "%s:%u:%u: %s", path, fault.line, fault.column,
                          fault.text);
    free(bytes);
    return failed;
}

static int read_allotments(struct import *import, const char *path)
{
    char *bytes = NULL;
    size_t len = 0;
    struct csv_fault fault = {0};
    int failed = cli_read_file(import->cli, path, FILE_BYTES_MAX, &bytes, &len);
    if (failed != 0)
        return failed;
    if (!allotment_file_read(bytes, len, &import->file, &fault))
        failed = cli_fail(import->cli, EXIT_FAILED, "%s:%u:%u: %s", path, fault.line, fault.column,
                          fault.text);
    free(bytes);
    return failed;
}

static int find_sender(struct import *import)
{
    const struct context *context = NULL;
    int failed = cli_context(import->cli, &context);
    if (failed != 0)
        return failed;
    import->sender = context->organisation;
    if (ods_empty(import->sender))
        return cli_fail(import->cli, EXIT_USAGE, "the context names no organisation");
    return 0;
}

static int run(struct import *import, const char *path)
{
    int failed = read_options(import);
    if (failed == 0)
        failed = find_sender(import);
    if (failed == 0)
        failed = read_names(import);
    if (failed == 0)
        failed = read_allotments(import, path);
    if (failed == 0)
        failed = ask_orgs(import);
    if (failed != 0)
        return failed;
    allotment_file_match(&import->file, &import->orgs);
    failed = ask_present(import);
    if (failed == 0 && !import->dry_run)
        failed = send_events(import);
    cli_progress(import->cli, "%s", "");
    return failed == 0 ? report(import) : failed;
}

int import_allotments(struct cli *cli, int argc, char **argv)
{
    struct import import = {.cli = cli, .dry_run = cli_switch(cli, "dry-run")};
    CHECK(argc == 1);
    int exit = run(&import, argv[0]);
    org_file_clear(&import.names);
    org_names_clear(&import.orgs);
    allotment_file_clear(&import.file);
    batch_clear(&import.batch);
    return exit;
}
