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

#include <string.h>

/* Event ids derive from this and ods, year, sum and day. */
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

static uint32_t column_named(const struct reply *reply, const char *name)
{
    for (uint32_t i = 0; i < reply->columns_count; i++) {
        if (strcmp(reply->columns[i].name, name) == 0)
            return i;
    }
    return UINT32_MAX;
}

/** The columns of "org list" that are needed here. */
enum { ORG_ODS, ORG_NAME, ORG_OPENED, ORG_CLOSED, ORG_SUCCESSOR, ORG_COLUMNS };

static bool find_columns(const struct reply *reply, uint32_t ret[ORG_COLUMNS])
{
    static const char *const names[ORG_COLUMNS] = {"ods", "name", "opened_on", "closed_on",
                                                   "successor"};
    for (uint32_t i = 0; i < ORG_COLUMNS; i++) {
        ret[i] = column_named(reply, names[i]);
        if (ret[i] == UINT32_MAX)
            return false;
    }
    return true;
}

static bool cell_date(struct slice cell, date_t *ret)
{
    *ret = DATE_NONE;
    return cell.len == 0 || date_parse((const char *)cell.bytes, cell.len, ret);
}

/** One organisation's row. False: it cannot be read, or there is no memory. */
static bool add_org(struct import *import, const struct slice *cells,
                    const uint32_t places[ORG_COLUMNS])
{
    struct slice code = cells[places[ORG_ODS]];
    struct slice name = cells[places[ORG_NAME]];
    struct slice successor = cells[places[ORG_SUCCESSOR]];
    date_t day = financial_year_period(import->year).from;
    struct period open;
    struct org_name org = {.open = false};
    char text[NAME_SIZE];
    if (!ods_parse((const char *)code.bytes, code.len, &org.ods) ||
        !cell_date(cells[places[ORG_OPENED]], &open.from) ||
        !cell_date(cells[places[ORG_CLOSED]], &open.to))
        return false;
    if (successor.len > 0 &&
        !ods_parse((const char *)successor.bytes, successor.len, &org.successor))
        return false;
    org.open = period_contains(open, day);
    (void)snprintf(text, sizeof text, "%.*s", (int)name.len,
                   name.len > 0 ? (const char *)name.bytes : "");
    const struct org_row *other = org_file_find(&import->names, org.ods);
    return org_names_add(&import->orgs, &org, text) &&
           (other == NULL || org_names_add(&import->orgs, &org, other->name));
}

static bool add_page(struct import *import, const struct reply *reply)
{
    uint32_t places[ORG_COLUMNS];
    if (reply->rows_count > 0 && !find_columns(reply, places))
        return false;
    for (uint32_t i = 0; i < reply->rows_count; i++) {
        if (!add_org(import, &reply->cells[(size_t)i * reply->columns_count], places))
            return false;
    }
    return true;
}

static int ask_orgs(struct import *import)
{
    const struct cli_argument arguments[] = {{"kind", "CCG"}};
    struct text resume = {0};
    int failed = 0;
    do {
        const struct reply *reply = NULL;
        struct slice from = {(const uint8_t *)resume.bytes, resume.len};
        failed = cli_ask(import->cli, "org list", arguments, ARRAY_LEN(arguments), from, &reply);
        if (failed != 0)
            break;
        if (!add_page(import, reply))
            failed = cli_fail(import->cli, EXIT_FAILED,
                              "org list: an answer that this version cannot read");
        resume.len = 0;
        text_add_bytes(&resume, (const char *)reply->resume.bytes, reply->resume.len);
    } while (failed == 0 && resume.len > 0);
    text_clear(&resume);
    if (failed == 0 && import->orgs.count == 0)
        failed = cli_fail(import->cli, EXIT_NOT_FOUND,
                          "no CCG is registered; `commission import orgs` comes first");
    return failed;
}

/* ---- events ---- */

static void write_event(const struct import *import, const struct allotment_row *row,
                        struct text *ret)
{
    char day[DATE_TEXT_SIZE];
    char year[YEAR_TEXT_SIZE];
    char identity[80];
    date_print(import->set_on, day);
    financial_year_print(import->year, year);
    int len = snprintf(identity, sizeof identity, "%s %s %lld %s", row->ods.text, year,
                       (long long)row->pence, day);
    CHECK(len > 0);
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
        if (row->match != MATCH_FOUND)
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
    int failed = batch_begin(&import->batch, import->cli, "setting allotments");
    return failed == 0 ? batch_send(&import->batch, 0, import->batch.count) : failed;
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
    if (row->match != MATCH_FOUND || import->batch.outcomes == NULL)
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
    if (import->batch.outcomes == NULL) {
        tally->accepted++;
        return "ready";
    }
    return tally_add(tally, &import->batch.outcomes[row->event]);
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
    cli_say(import->cli,
            "%u lines: %u matched%s (%u accepted, %u repeated), %u not sent or "
            "rejected",
            import->file.count, matched, import->dry_run ? ", nothing sent" : "",
            import->dry_run ? 0 : tally.accepted, tally.repeated, tally.rejected + tally.held);
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
    if (!import->dry_run)
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
