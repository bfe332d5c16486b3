/* SPDX-License-Identifier: Apache-2.0 */
/* import_ocds.c - `commission import ocds`: notices that others publish become events, and each release a line that says what became of it. */
/*
 * Read all files, map all releases, send, report. Events go in waves: the first event of every process, then the second of every process,
 * and so on, by date. So many are under way at once, and yet no event of a process is sent before the one ahead of it has its verdict: whatever is
 * busy, lost or sent again on the way, their order stays.
 *
 * Each event's id follows from what it says, so an import that was cut short is simply run again.
 */
#include "clients/cli/print.h"
#include "clients/commands/batch.h"
#include "clients/commands/commands.h"
#include "clients/ocds/map.h"
#include "clients/ocds/read.h"

#include <string.h>

/* What event ids are derived from begins with this; another text would be other ids, and all would be imported twice. */
#define ID_LABEL "commission import ocds"

enum outcome {
    OUTCOME_NONE = 0,
    OUTCOME_READY, /* a dry run: it would be sent */
    OUTCOME_ACCEPTED,
    OUTCOME_REPEATED, /* imported before */
    OUTCOME_HELD,
    OUTCOME_REJECTED,
    OUTCOME_SKIPPED,
    OUTCOME_NOT_OCDS,
    OUTCOME_UNREADABLE, /* the file */
    OUTCOME_UNKNOWN,    /* no answer in time */
    OUTCOMES
};

static const char *const outcome_names[OUTCOMES] = {
    "",         "ready",   "accepted", "repeated",   "held",
    "rejected", "skipped", "not OCDS", "unreadable", "no answer",
};

/** One line of the report: a release; or what a file, or a part of it, is instead. */
struct line {
    const char *path;
    struct ocds_release *release;   /* NULL: the file, see @fault */
    const struct ocds_fault *fault; /* of the file */
    struct ocds_mapped mapped;
    struct line *original;   /* of a copy: the line of the release that it repeats */
    const char *event_fault; /* malloc'ed: why an event of it could not be written */
    enum outcome outcome;
    const struct line
        *opener; /* the line that brings its process in; NULL: it was known, or nothing is sent */
    bool known;  /* its process was a workflow already */
    bool adopts; /* it brings the process in */
    struct sending *sendings; /* its events, in order, linked by next */
    bool late;                /* an update or amendment with nothing before it */
    uint32_t order;           /* in the files' order */
};

struct source {
    const char *path;
    struct ocds_file *file; /* NULL: unreadable */
};

/** One event to send. */
struct sending {
    struct line *line;
    const struct ocds_event *event;
    struct ocds_event adopted; /* owned, when @event points to it */
    uint32_t wave;
    uint32_t place;       /* in the batch; UINT32_MAX: it could not be written */
    struct sending *next; /* of the same line */
};

struct import {
    struct cli *cli;
    bool dry_run;
    struct ocds_terms terms;
    struct source *sources;
    uint32_t sources_count;
    struct line *lines;
    uint32_t lines_count;
    struct sending *sendings;
    uint32_t sendings_count;
    struct batch batch;
    uint32_t counts[OUTCOMES];
    uint32_t adopted_count;
    uint32_t warnings_count;
};

static int no_memory(const struct import *import)
{
    return cli_fail(import->cli, EXIT_FAILED, "%s", status_text(STATUS_NO_MEMORY));
}

/* ---- reading ------------------------------------------------------------------------------ */

static int read_source(struct import *import, struct source *source)
{
    char *bytes = NULL;
    size_t len = 0;
    if (cli_read_file(import->cli, source->path, OCDS_FILE_BYTES_MAX, &bytes, &len) != 0)
        return 0; /* said; a line of the report as well */
    enum status status = ocds_read((struct slice){(const uint8_t *)bytes, len}, &source->file);
    free(bytes);
    return status == STATUS_OK ? 0 : no_memory(import);
}

static uint32_t source_lines(const struct source *source)
{
    return source->file == NULL ? 1 : source->file->count + source->file->faults.count;
}

static void add_source_lines(struct import *import, const struct source *source)
{
    struct line *line = &import->lines[import->lines_count];
    if (source->file == NULL) {
        *line++ = (struct line){.path = source->path, .outcome = OUTCOME_UNREADABLE};
    } else {
        for (uint32_t i = 0; i < source->file->count; i++)
            *line++ = (struct line){.path = source->path, .release = &source->file->releases[i]};
        for (uint32_t i = 0; i < source->file->faults.count; i++) {
            const struct ocds_fault *fault = &source->file->faults.items[i];
            if (fault->warning)
                import->warnings_count++;
            else
                *line++ = (struct line){
                    .path = source->path, .fault = fault, .outcome = OUTCOME_NOT_OCDS};
        }
    }
    import->lines_count = (uint32_t)(line - import->lines);
}

static int read_sources(struct import *import, int argc, char **argv)
{
    size_t lines_max = 1;
    import->sources = calloc((size_t)argc + 1, sizeof *import->sources);
    if (import->sources == NULL)
        return no_memory(import);
    for (int i = 0; i < argc; i++) {
        struct source *source = &import->sources[import->sources_count++];
        source->path = argv[i];
        if (argc > 1)
            cli_progress(import->cli, "reading: %d of %d files", i + 1, argc);
        int failed = read_source(import, source);
        if (failed != 0)
            return failed;
        lines_max += source_lines(source);
    }
    import->lines = calloc(lines_max, sizeof *import->lines);
    if (import->lines == NULL)
        return no_memory(import);
    for (uint32_t i = 0; i < import->sources_count; i++)
        add_source_lines(import, &import->sources[i]);
    for (uint32_t i = 0; i < import->lines_count; i++)
        import->lines[i].order = i;
    return 0;
}

/* ---- copies, mapping ---------------------------------------------------------------------- */

static int find_namesakes(struct import *import)
{
    struct ocds_release **releases = calloc((size_t)import->lines_count + 1, sizeof *releases);
    uint32_t count = 0;
    if (releases == NULL)
        return no_memory(import);
    for (uint32_t i = 0; i < import->lines_count; i++) {
        if (import->lines[i].release == NULL)
            continue;
        import->lines[i].release->number = i;
        releases[count++] = import->lines[i].release;
    }
    enum status status = ocds_find_namesakes(releases, count);
    free(releases);
    return status == STATUS_OK ? 0 : no_memory(import);
}

/**
 * A release of the same ocid and id as one before it: a copy, when both say the same in what is read (publishers' copies differ in
 * line ends and the like); else it is one too many.
 */
static void judge_namesake(struct import *import, struct line *line)
{
    struct line *first = &import->lines[line->release->namesake->number];
    bool both_read = first->release->faults.errors == 0 && line->release->faults.errors == 0;
    bool same = both_read ? ocds_mapped_equal(&first->mapped, &line->mapped)
                          : ocds_release_equal(first->release, line->release);
    if (same) {
        line->original = first;
        return;
    }
    ocds_fault_add(&line->release->faults, false, "OCDS_DUPLICATE_ID", "id",
                   "another release of this ocid has this id and says something else, in %.100s",
                   first->path);
    line->outcome = OUTCOME_NOT_OCDS;
}

static int map_lines(struct import *import)
{
    for (uint32_t i = 0; i < import->lines_count; i++) {
        struct line *line = &import->lines[i];
        if (line->release == NULL)
            continue;
        if (line->release->faults.errors > 0)
            line->outcome = OUTCOME_NOT_OCDS;
        else if (ocds_map(line->release, &import->terms, &line->mapped) != STATUS_OK)
            return no_memory(import);
        if (line->mapped.skipped)
            line->outcome = OUTCOME_SKIPPED;
        else if (line->mapped.faults.errors > 0)
            line->outcome = OUTCOME_REJECTED;
    }
    for (uint32_t i = 0; i < import->lines_count; i++) {
        struct line *line = &import->lines[i];
        if (line->release != NULL && line->release->namesake != NULL)
            judge_namesake(import, line);
    }
    return 0;
}

/* ---- processes ---------------------------------------------------------------------------- */

/** Is @line one that can be put in order: a release of a process, read whole and not a copy? */
static bool orderly(const struct line *line)
{
    return line->release != NULL && line->release->faults.errors == 0 && line->original == NULL;
}

static int compare_lines(const void *a, const void *b)
{
    const struct line *left = *(struct line *const *)a;
    const struct line *right = *(struct line *const *)b;
    int order = strcmp(left->release->ocid, right->release->ocid);
    if (order == 0)
        order = (left->release->date_ms > right->release->date_ms) -
                (left->release->date_ms < right->release->date_ms);
    return order != 0 ? order : (left->order > right->order) - (left->order < right->order);
}

/** Is there a workflow for the process of @line already? */
static int ask_known(struct import *import, const struct line *line, bool *ret)
{
    struct commission *connection = NULL;
    const struct reply *reply = NULL;
    int failed = cli_connect(import->cli, &connection);
    if (failed != 0)
        return failed;
    const struct argument arguments[] = {
        {slice_of("lead"), slice_of(line->mapped.lead.text)},
        {slice_of("reference"), slice_of(line->mapped.reference.text)},
    };
    struct query query = {
        .command = slice_of("workflow show"),
        .arguments = arguments,
        .arguments_count = ARRAY_LEN(arguments),
        .rows_max = 1,
    };
    enum status status = commission_ask(connection, &query, import->cli->timeout_ms, &reply);
    if (status != STATUS_OK)
        return cli_failed(import->cli, "workflow show", status);
    *ret = reply->error.len == 0 && reply->rows_count > 0;
    return 0;
}

static int add_sending(struct import *import, struct line *line, const struct ocds_event *event,
                       uint32_t wave)
{
    struct sending *sending = &import->sendings[import->sendings_count++];
    *sending = (struct sending){.line = line, .event = event, .wave = wave};
    if (event != NULL)
        return 0;
    date_t day = date_at(line->release->date_ms);
    if (ocds_map_adopted(&line->mapped, &import->terms, day, &sending->adopted) != STATUS_OK)
        return no_memory(import);
    return 0;
}

/** The releases of one process, by date: its events, one a wave, with ADOPTED ahead where its workflow is not known. */
static int add_process(struct import *import, struct line **lines, uint32_t count)
{
    uint32_t wave = 0;
    const struct line *asked = NULL;
    const struct line *opener = NULL;
    lines[0]->late = (lines[0]->release->tags & OCDS_TAG_LATER) != 0;
    for (uint32_t i = 0; i < count; i++) {
        struct line *line = lines[i];
        if (line->mapped.count == 0)
            continue;
        bool other = asked == NULL || !ods_equal(asked->mapped.lead, line->mapped.lead);
        if (other) {
            bool known = false;
            int failed = import->dry_run ? 0 : ask_known(import, line, &known);
            if (failed == 0 && !known)
                failed = add_sending(import, line, NULL, wave++);
            if (failed != 0)
                return failed;
            line->adopts = !known;
            opener = known ? NULL : line;
        }
        line->opener = opener;
        line->known = opener == NULL;
        asked = line;
        for (uint32_t k = 0; k < line->mapped.count; k++) {
            if (add_sending(import, line, &line->mapped.events[k], wave++) != 0)
                return EXIT_FAILED;
        }
    }
    return 0;
}

static int compare_sendings(const void *a, const void *b)
{
    const struct sending *left = a;
    const struct sending *right = b;
    int order = (left->wave > right->wave) - (left->wave < right->wave);
    if (order != 0)
        return order;
    int64_t left_ms = left->line->release->date_ms;
    int64_t right_ms = right->line->release->date_ms;
    order = (left_ms > right_ms) - (left_ms < right_ms);
    return order != 0 ? order
                      : (left->line->order > right->line->order) -
                            (left->line->order < right->line->order);
}

static int add_processes(struct import *import, struct line **sorted, uint32_t count)
{
    uint32_t first = 0;
    for (uint32_t i = 1; i <= count; i++) {
        if (i < count && strcmp(sorted[i]->release->ocid, sorted[first]->release->ocid) == 0)
            continue;
        int failed = add_process(import, sorted + first, i - first);
        if (failed != 0)
            return failed;
        first = i;
        if (!import->dry_run && i % 64 == 0)
            cli_progress(import->cli, "asking what is known: %u of %u releases", i, count);
    }
    return 0;
}

static int order_events(struct import *import)
{
    struct line **sorted = calloc((size_t)import->lines_count + 1, sizeof *sorted);
    uint32_t count = 0;
    size_t sendings_max = 1;
    if (sorted == NULL)
        return no_memory(import);
    for (uint32_t i = 0; i < import->lines_count; i++) {
        if (!orderly(&import->lines[i]))
            continue;
        sorted[count++] = &import->lines[i];
        sendings_max += import->lines[i].mapped.count + 1u; /* and an ADOPTED */
    }
    import->sendings = calloc(sendings_max, sizeof *import->sendings);
    int failed = import->sendings == NULL ? no_memory(import) : 0;
    if (failed == 0 && count > 0) {
        qsort(sorted, count, sizeof *sorted, compare_lines);
        failed = add_processes(import, sorted, count);
    }
    free(sorted);
    if (failed == 0 && import->sendings_count > 0)
        qsort(import->sendings, import->sendings_count, sizeof *import->sendings, compare_sendings);
    return failed;
}

/* ---- sending ------------------------------------------------------------------------------ */

/** The event itself; ADOPTED is the sending's own. (Sendings were sorted: no pointer into them is kept.) */
static const struct ocds_event *event_of(const struct sending *sending)
{
    return sending->event != NULL ? sending->event : &sending->adopted;
}

/** Write the event into the batch. What cannot be written is the release's fault, and rejected here. */
static int write_event(struct import *import, struct sending *sending)
{
    const struct ocds_event *event = event_of(sending);
    struct event_id id;
    cli_event_id_from(ID_LABEL,
                      (struct slice){(const uint8_t *)event->identity, event->identity_len}, &id);
    char *text = ocds_event_text(event, id);
    if (text == NULL)
        return no_memory(import);
    struct json_fault fault = {0};
    if (batch_add(&import->batch, text, &fault) == 0) {
        sending->place = import->batch.count - 1;
    } else {
        sending->place = UINT32_MAX;
        sending->line->outcome = OUTCOME_REJECTED;
        if (sending->line->event_fault == NULL)
            sending->line->event_fault = strdup(fault.text);
    }
    free(text);
    return 0;
}

static int write_events(struct import *import)
{
    for (uint32_t i = import->sendings_count; i > 0; i--) {
        struct sending *sending = &import->sendings[i - 1];
        sending->next = sending->line->sendings;
        sending->line->sendings = sending;
    }
    for (uint32_t i = 0; i < import->sendings_count; i++) {
        int failed = write_event(import, &import->sendings[i]);
        if (failed != 0)
            return failed;
    }
    return 0;
}

/** Send wave after wave; after one without an answer nothing more is sent. */
static int send_waves(struct import *import)
{
    struct batch *batch = &import->batch;
    int failed = batch_begin(batch, import->cli, "importing");
    uint32_t first = 0; /* in the batch */
    uint32_t at = 0;
    while (failed == 0 && at < import->sendings_count) {
        uint32_t wave = import->sendings[at].wave;
        uint32_t count = 0;
        for (; at < import->sendings_count && import->sendings[at].wave == wave; at++)
            count += import->sendings[at].place != UINT32_MAX;
        failed = batch_send(batch, first, count);
        for (uint32_t i = first; i < first + count; i++) {
            if (!batch->outcomes[i].known)
                return failed;
        }
        first += count;
    }
    return failed;
}

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
        [OUTCOME_REPEATED] = 1, [OUTCOME_ACCEPTED] = 2, [OUTCOME_HELD] = 3,
        [OUTCOME_REJECTED] = 4, [OUTCOME_UNKNOWN] = 5,
    };
    return gravity[after] > gravity[before] ? after : before;
}

static enum outcome outcome_of(const struct cli_outcome *outcome)
{
    if (!outcome->known)
        return OUTCOME_UNKNOWN;
    if (outcome->kind == ANSWER_REFUSED)
        return OUTCOME_REJECTED;
    if (outcome->repeated)
        return OUTCOME_REPEATED;
    if (outcome->verdict == VERDICT_REJECTED)
        return OUTCOME_REJECTED;
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
        bool sent = outcome == OUTCOME_READY || outcome == OUTCOME_ACCEPTED ||
                    outcome == OUTCOME_HELD ||
                    (outcome == OUTCOME_REJECTED && line->original->mapped.faults.errors == 0);
        line->outcome = sent ? OUTCOME_REPEATED : outcome;
        line->known = line->original->adopts || line->original->known;
    }
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
                 event_type_name(event_of(sending)->type));
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
        text_add(&text, "; of %u award notices %u are accepted", awards, awards_accepted);
    if (import->warnings_count > 0)
        text_add(&text, "; %u warnings (-o wide)", import->warnings_count);
    bool people = import->cli->output == OUTPUT_TEXT || import->cli->output == OUTPUT_WIDE;
    if (people && printer_rows(printer) > 0)
        printer_note(printer, "%s", text.bytes);
    else
        cli_say(import->cli, "%s", text.bytes);
    text_clear(&text);
}

/** Exit code: 7 no answer, 0 all well, 1 none, 8 some. What was skipped is neither. */
static int report(struct import *import)
{
    uint32_t well = 0;
    uint32_t ill = 0;
    struct printer *printer = printer_new(import->cli, columns, COLUMNS);
    for (uint32_t i = 0; i < import->lines_count; i++) {
        const struct line *line = &import->lines[i];
        print_line(import, printer, line);
        import->counts[line->outcome]++;
        if (line->release != NULL)
            import->warnings_count += line->release->faults.count - line->release->faults.errors;
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
    return well > 0 ? EXIT_PARTLY : EXIT_FAILED;
}

/* ---- the verb ----------------------------------------------------------------------------- */

static int find_terms(struct import *import)
{
    const char *lead = cli_option(import->cli, "lead");
    if (lead != NULL && !ods_parse(lead, strlen(lead), &import->terms.lead))
        return cli_fail(import->cli, EXIT_USAGE, "--lead %s: an ODS code is wanted, such as QYG",
                        lead);
    if (import->dry_run)
        return 0;
    const struct context *context = NULL;
    int failed = cli_context(import->cli, &context);
    if (failed == 0)
        import->terms.sender = context->organisation;
    return failed;
}

static int run(struct import *import, int argc, char **argv)
{
    int failed = find_terms(import);
    if (failed == 0)
        failed = read_sources(import, argc, argv);
    if (failed == 0)
        failed = find_namesakes(import);
    if (failed == 0)
        failed = map_lines(import);
    if (failed == 0)
        failed = order_events(import);
    if (failed == 0)
        failed = write_events(import);
    if (failed != 0)
        return failed;

    if (import->dry_run) {
        for (uint32_t i = 0; i < import->lines_count; i++) {
            struct line *line = &import->lines[i];
            if (line->outcome == OUTCOME_NONE && line->original == NULL)
                line->outcome = OUTCOME_READY;
        }
    } else {
        failed = send_waves(import);
        if (failed != 0)
            return failed;
        conclude_sendings(import);
        conclude_known(import);
    }
    conclude_copies(import);
    cli_progress(import->cli, "%s", "");
    return report(import);
}

static void import_clear(struct import *import)
{
    for (uint32_t i = 0; i < import->sendings_count; i++)
        ocds_event_clear(&import->sendings[i].adopted);
    free(import->sendings);
    for (uint32_t i = 0; i < import->lines_count; i++) {
        ocds_mapped_clear(&import->lines[i].mapped);
        free((void *)(uintptr_t)import->lines[i].event_fault);
    }
    free(import->lines);
    for (uint32_t i = 0; i < import->sources_count; i++)
        ocds_file_free(import->sources[i].file);
    free(import->sources);
    batch_clear(&import->batch);
}

int import_ocds(struct cli *cli, int argc, char **argv)
{
    struct import import = {.cli = cli, .dry_run = cli_switch(cli, "dry-run")};
    int exit = run(&import, argc, argv);
    import_clear(&import);
    return exit;
}
