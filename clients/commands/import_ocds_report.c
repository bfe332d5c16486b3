/* SPDX-License-Identifier: Apache-2.0 */
/* import_ocds_report.c - what became of each release, and of all. */
#include "clients/cli/print.h"
#include "clients/commands/import_ocds.h"

#include <string.h>

static const char *const outcome_names[OUTCOMES] = {
    [OUTCOME_NONE] = "",
    [OUTCOME_READY] = "ready",
    [OUTCOME_ACCEPTED] = "accepted",
    [OUTCOME_REPEATED] = "repeated",
    [OUTCOME_HELD] = "held",
    [OUTCOME_REJECTED] = "rejected",
    [OUTCOME_REJECTED_BEFORE] = "rejected before",
    [OUTCOME_SKIPPED] = "skipped",
    [OUTCOME_NOT_OCDS] = "not OCDS",
    [OUTCOME_UNREADABLE] = "unreadable",
    [OUTCOME_UNKNOWN] = "no answer",
};

/* ---- what became of it -------------------------------------------------------------------- */

static bool has_reason(const struct cli_outcome *outcome, enum reason_code code)
{
    for (uint32_t i = 0; i < outcome->reasons_count; i++) {
        if (outcome->reasons[i].code == code)
            return true;
    }
    return false;
}

/** The gravest of what was and what is; OUTCOME_REPEATED only when all are. */
static enum outcome graver(enum outcome before, enum outcome after)
{
    static const int gravity[OUTCOMES] = {
        [OUTCOME_REPEATED] = 1, [OUTCOME_ACCEPTED] = 2,        [OUTCOME_HELD] = 3,
        [OUTCOME_REJECTED] = 5, [OUTCOME_REJECTED_BEFORE] = 4, [OUTCOME_UNKNOWN] = 6,
    };
    return gravity[after] > gravity[before] ? after : before;
}

static enum outcome outcome_of(const struct cli_outcome *outcome)
{
    if (!outcome->known)
        return OUTCOME_UNKNOWN;
    if (outcome->kind == ANSWER_REFUSED)
        return OUTCOME_REJECTED;
    if (outcome->verdict == VERDICT_REJECTED || outcome->verdict == VERDICT_WITHDRAWN)
        return outcome->repeated ? OUTCOME_REJECTED_BEFORE : OUTCOME_REJECTED;
    if (outcome->repeated)
        return OUTCOME_REPEATED;
    return outcome->verdict == VERDICT_HELD ? OUTCOME_HELD : OUTCOME_ACCEPTED;
}

static void conclude_adopted(struct import *import, struct line *line,
                             const struct cli_outcome *outcome)
{
    bool known = has_reason(outcome, REASON_ID_REUSED) ||
                 has_reason(outcome, REASON_WORKFLOW_EXISTS) ||
                 (outcome->repeated && outcome->verdict == VERDICT_ACCEPTED);
    line->adopts = outcome->known && !known && outcome->verdict == VERDICT_ACCEPTED;
    line->known = known;
    import->adopted_count += line->adopts;
    if (!outcome->known)
        line->outcome = graver(line->outcome, OUTCOME_UNKNOWN);
}

static void conclude_sendings(struct import *import)
{
    for (uint32_t i = 0; i < import->sendings_count; i++) {
        const struct sending *sending = &import->sendings[i];
        if (sending->place == UINT32_MAX)
            continue;
        const struct cli_outcome *outcome = &import->batch.outcomes[sending->place];
        if (sending->event == NULL)
            conclude_adopted(import, sending->line, outcome);
        else
            sending->line->outcome = graver(sending->line->outcome, outcome_of(outcome));
    }
}

/** A line's process is known when the one that was to bring it in did, or found it so. */
static void conclude_known(struct import *import)
{
    for (uint32_t i = 0; i < import->lines_count; i++) {
        struct line *line = &import->lines[i];
        if (line->opener != NULL && line->opener != line)
            line->known = line->opener->adopts || line->opener->known;
    }
}

static bool verdict_is(const struct import *import, const struct line *line, enum verdict verdict)
{
    for (const struct sending *sending = line->sendings; sending != NULL; sending = sending->next) {
        if (sending->event == NULL || sending->place == UINT32_MAX)
            continue;
        const struct cli_outcome *outcome = &import->batch.outcomes[sending->place];
        if (outcome->verdict == verdict ||
            (verdict == VERDICT_REJECTED && outcome->kind == ANSWER_REFUSED))
            return true;
    }
    return false;
}

/** A copy's outcome is its original's, which it repeats. */
static void conclude_copies(struct import *import)
{
    for (uint32_t i = 0; i < import->lines_count; i++) {
        struct line *line = &import->lines[i];
        if (line->original == NULL)
            continue;
        enum outcome outcome = line->original->outcome;
        if (outcome == OUTCOME_READY || outcome == OUTCOME_ACCEPTED || outcome == OUTCOME_HELD)
            line->outcome = OUTCOME_REPEATED;
        else if (outcome == OUTCOME_REJECTED && line->original->mapped.faults.errors == 0)
            line->outcome = OUTCOME_REJECTED_BEFORE;
        else
            line->outcome = outcome;
        line->known = line->original->adopts || line->original->known;
    }
}

void import_ocds_conclude(struct import *import)
{
    for (uint32_t i = 0; import->dry_run && i < import->lines_count; i++) {
        struct line *line = &import->lines[i];
        if (line->outcome == OUTCOME_NONE && line->original == NULL)
            line->outcome = OUTCOME_READY;
    }
    if (!import->dry_run) {
        conclude_sendings(import);
        conclude_known(import);
    }
    conclude_copies(import);
}

/* ---- report ------------------------------------------------------------------------------- */

enum {
    COLUMN_FILE,
    COLUMN_PLACE,
    COLUMN_OCID,
    COLUMN_RELEASE,
    COLUMN_TAG,
    COLUMN_OUTCOME,
    COLUMN_WORKFLOW,
    COLUMN_EVENTS,
    COLUMN_VERDICT,
    COLUMN_REASONS,
    COLUMN_SAYING,
    COLUMN_WARNINGS,
    COLUMNS
};

static const struct column columns[COLUMNS] = {
    [COLUMN_FILE] = {"file", COLUMN_TEXT, false},
    [COLUMN_PLACE] = {"place", COLUMN_TEXT, true},
    [COLUMN_OCID] = {"ocid", COLUMN_TEXT, false},
    [COLUMN_RELEASE] = {"release", COLUMN_TEXT, true},
    [COLUMN_TAG] = {"tag", COLUMN_TEXT, false},
    [COLUMN_OUTCOME] = {"outcome", COLUMN_TEXT, false},
    [COLUMN_WORKFLOW] = {"workflow", COLUMN_TEXT, false},
    [COLUMN_EVENTS] = {"events", COLUMN_TEXT, true},
    [COLUMN_VERDICT] = {"verdict", COLUMN_TEXT, false},
    [COLUMN_REASONS] = {"reasons", COLUMN_TEXT, false},
    [COLUMN_SAYING] = {"text", COLUMN_TEXT, false},
    [COLUMN_WARNINGS] = {"warnings", COLUMN_TEXT, true},
};

/** The growing cells of one row. */
struct cells {
    struct text reasons;
    struct text saying;
    struct text events;
    struct text warnings;
};

/** Add @code to a list of codes, once. */
static void add_code(struct text *text, const char *code)
{
    size_t len = strlen(code);
    for (const char *at = text->bytes; at != NULL; at = strchr(at, ' ')) {
        at += *at == ' ';
        if (strncmp(at, code, len) == 0 && (at[len] == ',' || at[len] == '\0'))
            return;
    }
    text_add(text, "%s%s", text->len > 0 ? ", " : "", code);
}

/** Errors go to the reasons, the first with its text; warnings to the warnings. */
static void add_faults(struct cells *cells, const struct ocds_faults *faults)
{
    for (uint32_t i = 0; i < faults->count; i++) {
        const struct ocds_fault *fault = &faults->items[i];
        if (fault->warning) {
            add_code(&cells->warnings, fault->code);
            continue;
        }
        add_code(&cells->reasons, fault->code);
        if (cells->saying.len == 0)
            text_add(&cells->saying, "%s", fault->text);
    }
    if (faults->left_out > 0)
        text_add(&cells->warnings, "%sand %u more", cells->warnings.len > 0 ? ", " : "",
                 faults->left_out);
}

static void add_reasons(struct cells *cells, const struct cli_outcome *outcome)
{
    char code[REASON_CODE_SIZE];
    for (uint32_t i = 0; i < outcome->reasons_count; i++) {
        const struct reason *reason = &outcome->reasons[i];
        reason_print_code(reason, code);
        if (reason->severity == SEVERITY_WARN) {
            add_code(&cells->warnings, code);
            continue;
        }
        add_code(&cells->reasons, code);
        if (cells->saying.len == 0)
            text_add(&cells->saying, "%s", reason->text);
    }
}

/** Events of @line with their fate. */
static void add_events(const struct import *import, const struct line *line, struct cells *cells)
{
    for (const struct sending *sending = line->sendings; sending != NULL; sending = sending->next) {
        text_add(&cells->events, "%s%s", cells->events.len > 0 ? ", " : "",
                 event_type_name(sending_event(sending)->type));
        if (import->dry_run || sending->place == UINT32_MAX)
            continue;
        const struct cli_outcome *outcome = &import->batch.outcomes[sending->place];
        text_add(&cells->events, " %s", outcome_names[outcome_of(outcome)]);
        /* That the process is known is no fault of the release. */
        if (sending->event != NULL || !line->known)
            add_reasons(cells, outcome);
    }
}

static const char *verdict_text(const struct import *import, const struct line *line)
{
    if (import->dry_run)
        return "";
    if (verdict_is(import, line, VERDICT_REJECTED))
        return "REJECTED";
    if (verdict_is(import, line, VERDICT_HELD))
        return "HELD";
    return verdict_is(import, line, VERDICT_ACCEPTED) ? "ACCEPTED" : "";
}

static void print_line(const struct import *import, struct printer *printer,
                       const struct line *line)
{
    const struct line *told = line->original != NULL ? line->original : line;
    const struct ocds_release *release = line->release;
    const char *row[COLUMNS] = {NULL};
    struct cells cells = {0};

    row[COLUMN_FILE] = line->path;
    row[COLUMN_OUTCOME] = outcome_names[line->outcome];
    if (line->fault != NULL) {
        add_code(&cells.reasons, line->fault->code);
        text_add(&cells.saying, "%s", line->fault->text);
    }
    if (release != NULL) {
        row[COLUMN_PLACE] = release->place;
        row[COLUMN_OCID] = release->ocid;
        row[COLUMN_RELEASE] = release->id;
        row[COLUMN_TAG] = release->tag_text;
        if (!import->dry_run)
            row[COLUMN_WORKFLOW] = line->adopts ? "adopted" : line->known ? "known" : "";
        row[COLUMN_VERDICT] = verdict_text(import, told);
        add_faults(&cells, &release->faults);
        add_faults(&cells, &told->mapped.faults);
        add_events(import, told, &cells);
        if (told->event_fault != NULL) {
            add_code(&cells.reasons, "FIELD_INVALID");
            text_add(&cells.saying, "%s", cells.saying.len == 0 ? told->event_fault : "");
        }
        if (told->mapped.skipped)
            text_add(&cells.saying, "%s", told->mapped.skip_text);
        if (line->late)
            add_code(&cells.warnings, "OCDS_OUT_OF_ORDER");
        if (line->original != NULL && cells.saying.len == 0)
            text_add(&cells.saying, "the same release as in %s", line->original->path);
    }
    row[COLUMN_EVENTS] = cells.events.bytes;
    row[COLUMN_REASONS] = cells.reasons.bytes;
    row[COLUMN_SAYING] = cells.saying.bytes;
    row[COLUMN_WARNINGS] = cells.warnings.bytes;
    printer_row_text(printer, row);
    text_clear(&cells.events);
    text_clear(&cells.reasons);
    text_clear(&cells.saying);
    text_clear(&cells.warnings);
}

static bool went_well(const struct import *import, const struct line *line)
{
    const struct line *told = line->original != NULL ? line->original : line;
    if (line->outcome == OUTCOME_REPEATED)
        return import->dry_run || verdict_is(import, told, VERDICT_ACCEPTED);
    return line->outcome == OUTCOME_READY || line->outcome == OUTCOME_ACCEPTED;
}

/** How many award notices there are, and how many of them stand as accepted, now or before. */
static void count_awards(const struct import *import, uint32_t *ret_count, uint32_t *ret_accepted)
{
    *ret_count = 0;
    *ret_accepted = 0;
    for (uint32_t i = 0; i < import->lines_count; i++) {
        const struct line *line = &import->lines[i];
        if (line->release == NULL || !(line->release->tags & OCDS_TAG_AWARD))
            continue;
        ++*ret_count;
        *ret_accepted += went_well(import, line);
    }
}

/** "202 releases in 136 files: 114 accepted, 62 repeated, ...; 119 processes adopted; ...". */
static void print_summary(const struct import *import, struct printer *printer)
{
    struct text text = {0};
    uint32_t releases = 0;
    for (uint32_t i = 0; i < import->lines_count; i++)
        releases += import->lines[i].release != NULL;
    text_add(&text, "%u release%s in %u file%s", releases, releases == 1 ? "" : "s",
             import->sources_count, import->sources_count == 1 ? "" : "s");
    const char *gap = ": ";
    for (int i = OUTCOME_READY; i < OUTCOMES; i++) {
        if (import->counts[i] == 0)
            continue;
        text_add(&text, "%s%u %s", gap, import->counts[i], outcome_names[i]);
        gap = ", ";
    }
    if (!import->dry_run)
        text_add(&text, "; %u process%s adopted", import->adopted_count,
                 import->adopted_count == 1 ? "" : "es");
    uint32_t awards = 0;
    uint32_t awards_accepted = 0;
    count_awards(import, &awards, &awards_accepted);
    if (!import->dry_run && awards > 0)
        text_add(&text, "; %u of %u award notices stand as accepted", awards_accepted, awards);
    if (import->warnings_count > 0)
        text_add(&text, "; %u warnings (-o wide)", import->warnings_count);
    bool people = import->cli->output == OUTPUT_TEXT || import->cli->output == OUTPUT_WIDE;
    if (people && printer_rows(printer) > 0)
        printer_note(printer, "%s", text.bytes);
    else
        cli_say(import->cli, "%s", text.bytes);
    text_clear(&text);
}

int import_ocds_report(struct import *import)
{
    uint32_t well = 0;
    uint32_t ill = 0;
    struct printer *printer = printer_new(import->cli, columns, COLUMNS);
    for (uint32_t i = 0; i < import->lines_count; i++) {
        const struct line *line = &import->lines[i];
        print_line(import, printer, line);
        import->counts[line->outcome]++;
        if (line->release != NULL)
            import->warnings_count += line->release->faults.count + line->release->faults.left_out -
                                      line->release->faults.errors;
        well += went_well(import, line) || line->outcome == OUTCOME_HELD;
        ill += !went_well(import, line) && line->outcome != OUTCOME_SKIPPED;
    }
    print_summary(import, printer);
    if (!printer_end(printer))
        return EXIT_FAILED;
    if (import->counts[OUTCOME_UNKNOWN] > 0)
        return EXIT_TIMED_OUT;
    if (ill == 0)
        return EXIT_DONE;
    if (well > 0)
        return EXIT_PARTLY;
    bool rejected =
        import->counts[OUTCOME_REJECTED] > 0 || import->counts[OUTCOME_REJECTED_BEFORE] > 0;
    return rejected ? EXIT_REFUSED : EXIT_FAILED;
}
