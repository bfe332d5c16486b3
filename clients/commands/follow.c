/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/commands/follow.h"

#include "proto/arena.h"
#include "proto/codec.h"

#define FOLLOW_MS 60000 /* nothing new for so long: ask on */

/** What an entry says of its workflow. False: it cannot be read, and that was said. */
static bool look_at(const struct cli *cli, const struct entry_row *row, uint64_t *ret_number,
                    bool *ret_ended)
{
    struct arena *arena;
    struct entry entry;
    enum status status = arena_new(&arena, 16 * row->entry.len + 64 * 1024);

    if (status == STATUS_OK)
        status = codec_decode_entry(row->entry, arena, &entry);
    if (status != STATUS_OK) {
        arena_free(arena);
        cli_say(cli, "entry %llu: %s", (unsigned long long)row->seq, status_text(status));
        return false;
    }
    *ret_number = entry.number;
    *ret_ended = entry.kind == ENTRY_JUDGED &&
                 (entry.phase == PHASE_COMPLETE || entry.phase == PHASE_WITHDRAWN);
    arena_free(arena);
    return true;
}

/** Print @row if it is wanted. False: it cannot be. */
static bool follow_entry(const struct cli *cli, struct printer *printer,
                         const struct follow *follow, const struct entry_row *row, bool *ret_ended)
{
    uint64_t number;
    bool ended;

    if (follow->last != 0 && row->seq > follow->last)
        return true; /* what came after the start is another time's */
    if (follow->number == 0)
        return entries_print(cli, printer, row);
    if (!look_at(cli, row, &number, &ended))
        return false;
    if (number != follow->number)
        return true;
    *ret_ended = ended;
    return entries_print(cli, printer, row);
}

/** What one message of the feed holds. Returns an exit code. */
static int follow_message(const struct cli *cli, struct printer *printer,
                          const struct follow *follow, const struct feed_entries *entries,
                          bool *ret_ended)
{
    for (uint32_t i = 0; i < entries->entries_count && !*ret_ended; i++) {
        if (!follow_entry(cli, printer, follow, &entries->entries[i], ret_ended))
            return EXIT_FAILED;
    }
    if (follow->last == 0)
        printer_flush(printer);
    return ferror(stdout) ? EXIT_FAILED : EXIT_DONE;
}

int follow_feed(struct cli *cli, struct commission *connection, struct printer *printer,
                const struct follow *follow)
{
    enum status status = commission_feed(connection, follow->first);
    uint64_t read_seq = 0;
    bool ended = false;

    if (status != STATUS_OK)
        return cli_failed(cli, "feed", status);
    while (!ended && (follow->last == 0 || read_seq < follow->last)) {
        const struct feed_entries *entries;
        status = commission_feed_next(connection, follow->last == 0 ? FOLLOW_MS : cli->timeout_ms,
                                      &entries);
        if (status == STATUS_TIMED_OUT && follow->last == 0)
            continue;
        if (status == STATUS_REFUSED)
            return cli_fail(cli, EXIT_REFUSED, "feed: %.*s", (int)entries->error.len,
                            entries->error.len > 0 ? (const char *)entries->error.bytes : "");
        if (status != STATUS_OK)
            return cli_failed(cli, "feed", status);

        int result = follow_message(cli, printer, follow, entries, &ended);
        if (result != EXIT_DONE)
            return result;
        read_seq = entries->read_seq > read_seq ? entries->read_seq : read_seq;
        if (entries->entries_count > 0 &&
            entries->entries[entries->entries_count - 1].seq > read_seq)
            read_seq = entries->entries[entries->entries_count - 1].seq;
    }
    return EXIT_DONE;
}

/** The pages of the history so far. *@ret_number is 0 where there is none; *@ret_last is what it has seen. */
static int print_history(struct cli *cli, struct printer *printer, const char *name,
                         uint64_t *ret_number, uint64_t *ret_last, bool *ret_ended)
{
    struct ods lead;
    struct reference reference;
    struct text resume = {0};
    int failed = cli_workflow(cli, name, &lead, &reference);
    const struct cli_argument arguments[] = {{"lead", lead.text}, {"reference", reference.text}};

    do {
        const struct reply *reply;
        struct slice from = {(const uint8_t *)resume.bytes, resume.len};
        if (failed == 0)
            failed =
                cli_ask(cli, "workflow history", arguments, ARRAY_LEN(arguments), from, &reply);
        if (failed != 0)
            break;
        resume.len = 0;
        text_add_bytes(&resume, (const char *)reply->resume.bytes, reply->resume.len);
        *ret_last = reply->as_of_seq;
        for (uint32_t i = 0; i < reply->entries_count && failed == 0; i++) {
            *ret_last = reply->entries[i].seq > *ret_last ? reply->entries[i].seq : *ret_last;
            if (!look_at(cli, &reply->entries[i], ret_number, ret_ended) ||
                !entries_print(cli, printer, &reply->entries[i]))
                failed = EXIT_FAILED;
        }
    } while (failed == 0 && resume.len > 0);
    text_clear(&resume);
    return failed;
}

int follow_workflow(struct cli *cli, const char *name)
{
    struct follow follow = {0};
    struct commission *connection;
    struct printer *printer = entries_printer_new(cli);
    uint64_t last = 0;
    bool ended = false;
    int result = print_history(cli, printer, name, &follow.number, &last, &ended);

    printer_flush(printer);
    if (result == EXIT_DONE && !ended)
        result = cli_connect(cli, &connection);
    if (result == EXIT_DONE && !ended) {
        follow.first = last + 1;
        result = follow_feed(cli, connection, printer, &follow);
    }
    if (!printer_end(printer) && result == EXIT_DONE)
        result = EXIT_FAILED;
    return result;
}
