/* SPDX-License-Identifier: Apache-2.0 */
/* import_orgs.c - `commission import orgs`: a file of organisations becomes ORGANISATION_REGISTERED events. */
#include "clients/cli/print.h"
#include "clients/commands/batch.h"
#include "clients/commands/commands.h"
#include "clients/commands/import_register.h"
#include "clients/commands/org_file.h"

#include <string.h>

/*
 * Event ids derive from this, the whole event and the entry it replaces: so the same step is the same event, and a name that was given, changed
 * and is given again is another one.
 */
#define ID_LABEL "commission import orgs"

#define EVENT_NONE UINT32_MAX /* of a row that is registered so already */

#define FILE_BYTES_MAX (64u * 1024 * 1024)

/** The file and, with --csu, another; with --names, the names of those whose own was overwritten. */
struct import {
    struct cli *cli;
    struct ods sender;
    struct org_file orgs;
    struct org_file csus;
    struct org_file names;
    struct registered_list registered;
    bool dry_run;
    struct batch batch;
};

static int read_file(struct cli *cli, const char *path, struct org_file *ret)
{
    char *bytes = NULL;
    size_t len = 0;
    struct csv_fault fault = {0};
    int failed = cli_read_file(cli, path, FILE_BYTES_MAX, &bytes, &len);
    if (failed != 0)
        return failed;
    if (!org_file_read(bytes, len, ret, &fault))
        failed =
            cli_fail(cli, EXIT_FAILED, "%s:%u:%u: %s", path, fault.line, fault.column, fault.text);
    free(bytes);
    return failed;
}

/** The name that --names has for @row, where the file overwrote its own; or NULL. */
static const char *name_given(const struct import *import, const struct org_row *row)
{
    const struct org_row *named = row->renamed ? org_file_find(&import->names, row->ods) : NULL;
    return named != NULL && !named->renamed ? named->name : NULL;
}

/** A list of names that has none of those that are wanted is another list. */
static int check_names(const struct import *import, const char *path)
{
    uint32_t wanted = 0;
    uint32_t given = 0;
    for (uint32_t i = 0; i < import->orgs.count; i++) {
        wanted += import->orgs.rows[i].renamed;
        given += name_given(import, &import->orgs.rows[i]) != NULL;
    }
    if (wanted == 0 || given > 0)
        return 0;
    return cli_fail(import->cli, EXIT_FAILED,
                    "--names %s: it names none of the %u CCG%s whose own name is not in the file; "
                    "wanted is an ONS list of CCGs, by ODS code",
                    path, wanted, wanted == 1 ? "" : "s");
}

static int read_files(struct import *import, const char *path)
{
    const char *csu = cli_option(import->cli, "csu");
    const char *names = cli_option(import->cli, "names");
    int failed = read_file(import->cli, path, &import->orgs);
    if (failed == 0 && import->orgs.shape == ORG_SHAPE_ONS)
        failed = cli_fail(import->cli, EXIT_FAILED,
                          "%s: an ONS list has names but no dates; it is for --names", path);
    if (failed == 0 && csu != NULL)
        failed = read_file(import->cli, csu, &import->csus);
    if (failed == 0 && names != NULL)
        failed = read_file(import->cli, names, &import->names);
    return failed == 0 && names != NULL ? check_names(import, names) : failed;
}

/** The name to register; where the file overwrote it, that of --names, else the one it is registered with, else the file's. */
static const char *name_of(const struct import *import, const struct org_row *row)
{
    if (!row->renamed)
        return row->name;
    const char *given = name_given(import, row);
    const struct registered *present = registered_find(&import->registered, row->ods);
    if (given != NULL)
        return given;
    return present != NULL ? present->name : row->name;
}

/** Does the register say just what @row says? */
static bool is_so(const struct import *import, const struct org_row *row)
{
    const struct registered *present = registered_find(&import->registered, row->ods);
    return present != NULL && present->kind == row->kind && present->opened_on == row->opened_on &&
           present->closed_on == row->closed_on && ods_equal(present->successor, row->successor) &&
           strcmp(present->name, name_of(import, row)) == 0;
}

/** Before anything is sent: whose names are not their own. */
static void say_unnamed(const struct import *import)
{
    uint32_t count = 0;
    const struct org_row *example = NULL;
    for (uint32_t i = 0; i < import->orgs.count; i++) {
        const struct org_row *row = &import->orgs.rows[i];
        if (!row->renamed || strcmp(name_of(import, row), row->name) != 0)
            continue;
        count++;
        example = row;
    }
    if (count > 0)
        cli_say(import->cli,
                "%u CCG%s get the name of the ICB that overwrote their own in the file, such as "
                "\"%s\"; --names FILE (an ONS list) gives them their own",
                count, count == 1 ? "" : "s", example->name);
}

static void write_event(const struct import *import, const struct org_row *row, struct text *ret)
{
    char day[DATE_TEXT_SIZE];
    struct text body = {0};
    date_print(row->opened_on, day);
    text_add(&body,
             "\"event_type\":\"ORGANISATION_REGISTERED\",\"organisation_ods\":\"%s\","
             "\"sender_ods\":\"%s\",\"occurred_on\":\"%s\",\"schema_version\":%d,"
             "\"organisation_registered\":{\"name\":",
             row->ods.text, import->sender.text, day, SCHEMA_VERSION);
    text_add_json(&body, slice_of(name_of(import, row)));
    text_add(&body, ",\"kind\":\"%s\",\"opened_on\":\"%s\"", organisation_kind_name(row->kind),
             day);
    date_print(row->closed_on, day);
    if (row->closed_on != DATE_NONE)
        text_add(&body, ",\"closed_on\":\"%s\"", day);
    if (!ods_empty(row->successor))
        text_add(&body, ",\"successor_ods\":\"%s\"", row->successor.text);
    text_add(&body, "}}");

    struct event_id id;
    char uuid[EVENT_ID_TEXT_SIZE];
    struct text identity = {0};
    const struct registered *present = registered_find(&import->registered, row->ods);
    text_add(&identity, "%s%s", body.bytes, present != NULL ? present->entry_seq : "");
    cli_event_id_from(ID_LABEL, (struct slice){(const uint8_t *)identity.bytes, identity.len}, &id);
    text_clear(&identity);
    event_id_print(id, uuid);
    text_add(ret, "{\"event_id\":\"%s\",%s", uuid, body.bytes);
    text_clear(&body);
}

static int add_events(struct import *import, struct org_file *file)
{
    for (uint32_t i = 0; i < file->count; i++) {
        struct text text = {0};
        struct json_fault fault = {0};
        file->rows[i].event = EVENT_NONE;
        if (is_so(import, &file->rows[i]))
            continue;
        file->rows[i].event = import->batch.count;
        write_event(import, &file->rows[i], &text);
        int failed = batch_add(&import->batch, text.bytes, &fault);
        text_clear(&text);
        if (failed != 0)
            return cli_fail(import->cli, EXIT_FAILED, "line %u: %s: %s", file->rows[i].line,
                            fault.path, fault.text);
    }
    return 0;
}

/* ---- report ---- */

static const struct column columns[] = {
    {"ods", COLUMN_TEXT, false},       {"kind", COLUMN_TEXT, false},
    {"name", COLUMN_TEXT, false},      {"opened_on", COLUMN_DATE, false},
    {"closed_on", COLUMN_DATE, false}, {"successor_ods", COLUMN_TEXT, false},
    {"outcome", COLUMN_TEXT, false},   {"reasons", COLUMN_TEXT, false},
};

static void print_row(const struct import *import, struct printer *printer,
                      const struct org_row *row, const struct cli_outcome *outcome,
                      const char *outcome_name)
{
    char opened[DATE_TEXT_SIZE];
    char closed[DATE_TEXT_SIZE];
    char code[REASON_CODE_SIZE];
    struct text reasons = {0};
    date_print(row->opened_on, opened);
    date_print(row->closed_on, closed);
    for (uint32_t i = 0; outcome != NULL && i < outcome->reasons_count; i++) {
        reason_print_code(&outcome->reasons[i], code);
        text_add(&reasons, "%s%s", i > 0 ? ", " : "", code);
    }
    printer_row_text(printer,
                     (const char *const[]){row->ods.text, organisation_kind_name(row->kind),
                                           name_of(import, row), opened, closed,
                                           row->successor.text, outcome_name, reasons.bytes});
    text_clear(&reasons);
}

static void print_rows(const struct import *import, struct printer *printer,
                       const struct org_file *file, struct tally *tally)
{
    for (uint32_t i = 0; i < file->count; i++) {
        const struct org_row *row = &file->rows[i];
        const struct cli_outcome *outcome = NULL;
        const char *name = "ready";
        if (row->event == EVENT_NONE) {
            name = "unchanged";
            tally->unchanged++;
        } else if (import->dry_run) {
            tally->accepted++;
        } else {
            outcome = &import->batch.outcomes[row->event];
            name = tally_add(tally, outcome);
        }
        print_row(import, printer, row, outcome, name);
    }
}

static void add_counts(struct text *text, const struct import *import)
{
    static const enum organisation_kind kinds[] = {ORGANISATION_CCG, ORGANISATION_ICB,
                                                   ORGANISATION_CSU, ORGANISATION_SUB_ICB};
    const struct org_file *files[] = {&import->orgs, &import->csus};
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        uint32_t count = 0;
        for (size_t f = 0; f < ARRAY_LEN(files); f++) {
            for (uint32_t i = 0; i < files[f]->count; i++)
                count += files[f]->rows[i].kind == kinds[k];
        }
        if (count > 0)
            text_add(text, "%s%u %s", text->len > 0 ? ", " : "", count,
                     organisation_kind_name(kinds[k]));
    }
}

static void say_summary(const struct import *import, const struct tally *tally)
{
    struct text text = {0};
    add_counts(&text, import);
    text_add(&text, "%s: %u %s, %u unchanged", text.len > 0 ? "" : "no organisations",
             tally->accepted, import->dry_run ? "ready" : "accepted", tally->unchanged);
    if (tally->repeated > 0)
        text_add(&text, ", %u repeated", tally->repeated);
    if (tally->rejected + tally->held > 0)
        text_add(&text, ", %u rejected", tally->rejected + tally->held);
    if (tally->unknown > 0)
        text_add(&text, ", %u without answer", tally->unknown);
    if (import->dry_run || import->batch.count == 0)
        text_add(&text, "; nothing was sent");
    cli_say(import->cli, "%s", text.bytes);
    text_clear(&text);
    if (import->orgs.hubs_count + import->orgs.entities_count > 0)
        cli_say(import->cli,
                "left out: %u commissioning hub%s (NHS England's own offices), %u sub-ICB "
                "reporting %s",
                import->orgs.hubs_count, import->orgs.hubs_count == 1 ? "" : "s",
                import->orgs.entities_count,
                import->orgs.entities_count == 1 ? "entity" : "entities");
    if (import->orgs.no_successor_count > 0)
        cli_say(import->cli, "%u closed CCG%s no known successor", import->orgs.no_successor_count,
                import->orgs.no_successor_count == 1 ? " has" : "s have");
}

static int report(const struct import *import)
{
    struct tally tally = {0};
    struct printer *printer = printer_new(import->cli, columns, ARRAY_LEN(columns));
    print_rows(import, printer, &import->orgs, &tally);
    print_rows(import, printer, &import->csus, &tally);
    if (!printer_end(printer))
        return EXIT_FAILED;
    say_summary(import, &tally);
    return tally_exit(&tally);
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
    int failed = read_files(import, path);
    if (failed == 0)
        failed = find_sender(import);
    if (failed == 0)
        failed = import_ask_registered(import->cli, NULL, &import->registered);
    if (failed != 0)
        return failed;
    say_unnamed(import);
    failed = add_events(import, &import->orgs);
    if (failed == 0)
        failed = add_events(import, &import->csus);
    if (failed == 0 && !import->dry_run)
        failed = batch_send_register(&import->batch, import->cli, "registering");
    cli_progress(import->cli, "%s", "");
    return failed == 0 ? report(import) : failed;
}

int import_orgs(struct cli *cli, int argc, char **argv)
{
    struct import import = {.cli = cli, .dry_run = cli_switch(cli, "dry-run")};
    CHECK(argc == 1);
    int exit = run(&import, argv[0]);
    org_file_clear(&import.orgs);
    org_file_clear(&import.csus);
    org_file_clear(&import.names);
    registered_clear(&import.registered);
    batch_clear(&import.batch);
    return exit;
}
