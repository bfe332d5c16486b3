/* SPDX-License-Identifier: Apache-2.0 */
/* import_ocds.c - `commission import ocds`: notices that others publish become events, and each release a line that says what became of it. */
/*
 * Read all files, map all releases, send, report. Events go in waves: the first event of every process, then the second of every process,
 * and so on, by date. So many are under way at once, and yet no event of a process is sent before the one ahead of it has its verdict: whatever is
 * busy, lost or sent again on the way, their order stays.
 *
 * Each event's id follows from what it says, so an import that was cut short is simply run again.
 */
#include "clients/commands/import_ocds.h"
#include "clients/cli/print.h"
#include "clients/commands/commands.h"
#include "clients/commands/import_register.h"

#include <string.h>

/* What event ids are derived from begins with this; another text would be other ids, and all would be imported twice. */
#define ID_LABEL "commission import ocds"

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
    }
    return 0;
}

static int make_lines(struct import *import)
{
    size_t lines_max = 1;
    for (uint32_t i = 0; i < import->sources_count; i++)
        lines_max += source_lines(&import->sources[i]);
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

static bool slice_is(struct slice slice, const char *text)
{
    return slice.len == strlen(text) && memcmp(slice.bytes, text, slice.len) == 0;
}

/** Ask @command of the process of @line: how many rows there are; NOT_FOUND is none. */
static int ask(struct import *import, const char *command, const struct argument *arguments,
               uint32_t arguments_count, uint32_t *ret_rows)
{
    struct commission *connection = NULL;
    const struct reply *reply = NULL;
    int failed = cli_connect(import->cli, &connection);
    if (failed != 0)
        return failed;
    struct query query = {
        .command = slice_of(command),
        .arguments = arguments,
        .arguments_count = arguments_count,
        .rows_max = 1,
    };
    enum status status = commission_ask(connection, &query, import->cli->timeout_ms, &reply);
    if (status != STATUS_OK)
        return cli_failed(import->cli, command, status);
    *ret_rows = reply->error.len == 0 ? reply->rows_count : 0;
    if (reply->error.len == 0 || slice_is(reply->error, "NOT_FOUND"))
        return 0;
    return cli_fail(import->cli, EXIT_REFUSED, "%s: %.*s: %.*s; nothing was sent", command,
                    (int)reply->error.len, (const char *)reply->error.bytes,
                    (int)reply->error_text.len,
                    reply->error_text.len > 0 ? (const char *)reply->error_text.bytes : "");
}

/** Is there a workflow for the process of @line already? */
static int ask_known(struct import *import, const struct line *line, bool *ret)
{
    const struct argument arguments[] = {
        {slice_of("lead"), slice_of(line->mapped.lead.text)},
        {slice_of("reference"), slice_of(line->mapped.reference.text)},
    };
    uint32_t rows = 0;
    int failed = ask(import, "workflow show", arguments, ARRAY_LEN(arguments), &rows);
    *ret = rows > 0;
    return failed;
}

/**
 * Is the lead of @line registered? An ADOPTED that was rejected since it was not would stay rejected for
 * ever, under the id that comes from ocid and lead alone: so nothing is sent before it is.
 */
static int ask_registered(struct import *import, const struct line *line)
{
    if (ods_equal(import->registered, line->mapped.lead))
        return 0;
    const struct argument arguments[] = {{slice_of("ods"), slice_of(line->mapped.lead.text)}};
    uint32_t rows = 0;
    int failed = ask(import, "org show", arguments, ARRAY_LEN(arguments), &rows);
    if (failed != 0)
        return failed;
    if (rows == 0)
        return cli_fail(import->cli, EXIT_FAILED,
                        "%s is not registered here, so nothing was sent; first, as NHS England: "
                        "commission import orgs FILE",
                        line->mapped.lead.text);
    import->registered = line->mapped.lead;
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
            int failed = import->dry_run ? 0 : ask_registered(import, line);
            if (failed == 0 && !import->dry_run)
                failed = ask_known(import, line, &known);
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
    if (import->sendings == NULL) {
        free(sorted);
        return no_memory(import);
    }
    qsort(sorted, count, sizeof *sorted, compare_lines);
    int failed = count > 0 ? add_processes(import, sorted, count) : 0;
    free(sorted);
    qsort(import->sendings, import->sendings_count, sizeof *import->sendings, compare_sendings);
    return failed;
}

/* ---- sending ------------------------------------------------------------------------------ */

const struct ocds_event *sending_event(const struct sending *sending)
{
    return sending->event != NULL ? sending->event : &sending->adopted;
}

/** Write the event into the batch. What cannot be written is the release's fault, and rejected here. */
static int write_event(struct import *import, struct sending *sending)
{
    const struct ocds_event *event = sending_event(sending);
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

/** Send the first event; a key that sends nothing at all is told so once. */
static int send_first(struct import *import)
{
    struct batch *batch = &import->batch;
    char code[REASON_CODE_SIZE];
    int failed = batch_begin(batch, import->cli, "importing");
    if (failed == 0)
        failed = batch_send(batch, 0, batch->count > 0);
    if (failed != 0 || batch->count == 0)
        return failed;
    const struct reason *refusal = outcome_key_refusal(&batch->outcomes[0]);
    /* Of the sender: with another field, only this event or this lead is refused. */
    if (refusal == NULL || strcmp(refusal->field, "sender_ods") != 0)
        return 0;
    reason_print_code(refusal, code);
    return cli_fail(import->cli, EXIT_REFUSED,
                    "your key may not send these: %s (%s); nothing was set", refusal->text, code);
}

/** Send wave after wave; after one without an answer nothing more is sent. */
static int send_waves(struct import *import)
{
    struct batch *batch = &import->batch;
    int failed = send_first(import);
    uint32_t first = 0; /* in the batch */
    uint32_t at = 0;
    while (failed == 0 && at < import->sendings_count) {
        uint32_t wave = import->sendings[at].wave;
        uint32_t count = 0;
        for (; at < import->sendings_count && import->sendings[at].wave == wave; at++)
            count += import->sendings[at].place != UINT32_MAX;
        uint32_t sent = first == 0 && count > 0; /* by send_first() */
        if (sent == 0 || batch->outcomes[0].known)
            failed = batch_send(batch, first + sent, count - sent);
        for (uint32_t i = first; i < first + count; i++) {
            if (!batch->outcomes[i].known)
                return failed;
        }
        first += count;
    }
    return failed;
}

/* ---- the verb ----------------------------------------------------------------------------- */

/** A key speaks for its own organisation; but a support unit's for those it supports, which the daemon judges. */
static int check_lead(struct import *import)
{
    struct ods sender = import->terms.sender;
    struct ods lead = import->terms.lead;
    struct registered_list units;
    if (ods_empty(sender) || ods_equal(sender, lead))
        return 0;
    int failed = import_ask_registered(import->cli, "CSU", &units);
    bool unit = registered_find(&units, sender) != NULL;
    registered_clear(&units);
    if (failed != 0 || unit)
        return failed;
    return cli_fail(import->cli, EXIT_REFUSED,
                    "your key speaks for %s, not %s: nothing was sent; choose %s's context with -c",
                    sender.text, lead.text, lead.text);
}

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
    if (failed != 0)
        return failed;
    import->terms.sender = context->organisation;
    return lead == NULL ? 0 : check_lead(import);
}

static int run(struct import *import, int argc, char **argv)
{
    int failed = find_terms(import);
    if (failed == 0)
        failed = read_sources(import, argc, argv);
    if (failed == 0)
        failed = make_lines(import);
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

    if (!import->dry_run)
        failed = send_waves(import);
    if (failed != 0)
        return failed;
    import_ocds_conclude(import);
    cli_progress(import->cli, "%s", "");
    return import_ocds_report(import);
}

static void import_clear(struct import *import)
{
    for (uint32_t i = 0; i < import->sendings_count; i++)
        ocds_event_clear(&import->sendings[i].adopted);
    free(import->sendings);
    for (uint32_t i = 0; i < import->lines_count; i++) {
        ocds_mapped_clear(&import->lines[i].mapped);
        free(import->lines[i].event_fault);
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
