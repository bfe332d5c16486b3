/* SPDX-License-Identifier: Apache-2.0 */
/* entries.c - journal entries: a line each for people, whole for programs. */

#include "clients/cli/print.h"
#include "proto/codec.h"
#include "proto/json.h"

#include <inttypes.h>
#include <string.h>

#define ENTRY_ARENA_BYTES (1024 * 1024)

enum {
    CELL_SEQ,
    CELL_AT,
    CELL_KIND,
    CELL_WORKFLOW,
    CELL_EVENT,
    CELL_VERDICT,
    CELL_WHAT,
    CELL_HASH,
    CELLS
};

static const struct column columns[CELLS] = {
    [CELL_SEQ] = {"seq", COLUMN_NUMBER, false},   [CELL_AT] = {"at", COLUMN_MOMENT, false},
    [CELL_KIND] = {"entry", COLUMN_TEXT, false},  [CELL_WORKFLOW] = {"about", COLUMN_TEXT, false},
    [CELL_EVENT] = {"event", COLUMN_TEXT, false}, [CELL_VERDICT] = {"verdict", COLUMN_TEXT, false},
    [CELL_WHAT] = {"what", COLUMN_TEXT, false},   [CELL_HASH] = {"hash", COLUMN_TEXT, true},
};

struct printer *entries_printer_new(const struct cli *cli)
{
    return printer_new(cli, columns, CELLS);
}

/** Workflow or organisation, and event type, of the event inside, if there is one. */
static void event_cells(const struct entry *entry, struct arena *arena, struct text *ret_about,
                        struct text *ret_event)
{
    struct event event;
    struct reason items[REASONS_MAX];
    struct reasons reasons = {.items = items, .max = REASONS_MAX};
    bool id_known;
    if (entry->event.len == 0 ||
        codec_decode_event(entry->event, arena, &event, &id_known, &reasons) != STATUS_OK)
        return;
    if (event_type_is_register(event.type))
        text_add(ret_about, "%s", event.organisation.text);
    else
        text_add(ret_about, "%s/%s", event.lead.text, event.reference.text);
    text_add(ret_event, "%s", event_type_name(event.type));
}

/** Who gave an order, and why. */
static void order_words(const struct entry *entry, struct text *ret)
{
    bool ordered = entry->kind == ENTRY_RETRIED || entry->kind == ENTRY_EVENT_WITHDRAWN ||
                   entry->kind == ENTRY_STAGE_SET || entry->kind == ENTRY_OPERATED;

    if (!ordered)
        return;
    text_add(ret, "%sby %s", ret->len > 0 ? ", " : "", entry->by.text);
    if (entry->order_reason.len > 0)
        text_add(ret, ": %.*s", (int)entry->order_reason.len,
                 (const char *)entry->order_reason.bytes);
}

/** What else is to be said of an entry, in few words. */
static void what_cell(const struct entry *entry, struct text *ret)
{
    reasons_codes(entry->reasons, entry->reasons_count, ret);
    if (entry->kind == ENTRY_JUDGED && entry->worker.len > 0)
        text_add(ret, "%sby %.*s", ret->len > 0 ? ", " : "", (int)entry->worker.len,
                 (const char *)entry->worker.bytes);
    if (entry->kind == ENTRY_STARTED)
        text_add(ret, "run %" PRIu64, entry->run);
    if (entry->kind == ENTRY_ATTEMPT_FAILED)
        text_add(ret, "attempt %u: %.*s", (unsigned)entry->attempt, (int)entry->error.len,
                 entry->error.len > 0 ? (const char *)entry->error.bytes : "");
    if (entry->kind == ENTRY_WAIT_ENDED && entry->expired)
        text_add(ret, "what it waited for has not come in time");
    else if (entry->kind == ENTRY_WAIT_ENDED)
        text_add(ret, "what it waited for came with %" PRIu64, entry->by_seq);
    if (entry->kind == ENTRY_TIMER_FIRED)
        text_add(ret, "%s %s, for the %.*s, of %" PRIu64, timer_kind_name(entry->timer.kind),
                 timer_level_name(entry->timer.level), (int)entry->role.len,
                 entry->role.len > 0 ? (const char *)entry->role.bytes : "", entry->timer.of_seq);
    if (entry->kind == ENTRY_STAGE_SET)
        text_add(ret, "%s %s", stage_name(entry->stage), stage_state_name(entry->stage_state));
    if (entry->kind == ENTRY_OPERATED)
        text_add(ret, "%.*s", (int)entry->command.len, (const char *)entry->command.bytes);
    order_words(entry, ret);
    if (entry->of_seq != 0 && entry->kind != ENTRY_RECORDED)
        text_add(ret, "%sof %" PRIu64, ret->len > 0 ? ", " : "", entry->of_seq);
}

static bool print_cells(const struct cli *cli, struct printer *printer, const struct entry_row *row,
                        struct arena *arena)
{
    struct entry entry;
    if (codec_decode_entry(row->entry, arena, &entry) != STATUS_OK) {
        cli_say(cli, "entry %" PRIu64 " cannot be read", row->seq);
        return false;
    }
    char seq[24];
    char at[MOMENT_TEXT_SIZE];
    char hash[HASH_TEXT_SIZE];
    struct text about = {0};
    struct text event = {0};
    struct text what = {0};
    bool judged = entry.verdict != VERDICT_NONE;

    snprintf(seq, sizeof seq, "%" PRIu64, row->seq);
    moment_print(entry.at_ms, at);
    hash_print(row->hash, hash);
    event_cells(&entry, arena, &about, &event);
    what_cell(&entry, &what);
    const char *cells[CELLS] = {
        [CELL_SEQ] = seq,
        [CELL_AT] = at,
        [CELL_KIND] = entry_kind_name(entry.kind),
        [CELL_WORKFLOW] = about.bytes,
        [CELL_EVENT] = event.bytes,
        [CELL_VERDICT] = judged ? verdict_name(entry.verdict) : "",
        [CELL_WHAT] = what.bytes,
        [CELL_HASH] = hash,
    };
    printer_row_text(printer, cells);
    text_clear(&about);
    text_clear(&event);
    text_clear(&what);
    return true;
}

/** {"seq": 7, "hash": "...", "entry": {...}} */
static bool print_json(const struct cli *cli, struct printer *printer, const struct entry_row *row)
{
    char *entry;
    char hash[HASH_TEXT_SIZE];
    struct text text = {0};
    if (json_write("Entry", row->entry, false, &entry) != STATUS_OK) {
        cli_say(cli, "entry %" PRIu64 " cannot be read", row->seq);
        return false;
    }
    hash_print(row->hash, hash);
    text_add(&text, "{\"seq\": %" PRIu64 ", \"hash\": \"%s\", \"entry\": %s}", row->seq, hash,
             entry);
    printer_json(printer, text.bytes);
    text_clear(&text);
    free(entry);
    return true;
}

bool entries_print(const struct cli *cli, struct printer *printer, const struct entry_row *row)
{
    if (cli->output == OUTPUT_JSON || cli->output == OUTPUT_JSONL)
        return print_json(cli, printer, row);

    struct arena *arena;
    if (arena_new(&arena, ENTRY_ARENA_BYTES + 16 * row->entry.len) != STATUS_OK) {
        cli_say(cli, "%s", status_text(STATUS_NO_MEMORY));
        return false;
    }
    bool printed = print_cells(cli, printer, row, arena);
    arena_free(arena);
    return printed;
}
