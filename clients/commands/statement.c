/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/commands/statement.h"

#include "clients/cli/print.h"
#include "proto/date.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define FILE_BYTES_MAX 4096

/** The line's end and blanks do not belong to a key. */
static size_t trimmed(const char *text)
{
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
        len--;
    return len;
}

int statement_key_given(struct cli *cli, struct statement_key *ret)
{
    const char *given = cli_option(cli, "key");
    char *text;
    size_t len;

    if (given == NULL)
        return cli_fail(cli, EXIT_USAGE,
                        "whose signature? Give the daemon's public key with --key: 64 hexadecimal "
                        "digits, base64, or a file; `commission journal head -o wide` shows it");
    if (statement_key_parse(given, strlen(given), ret))
        return 0;
    if (access(given, F_OK) != 0)
        return cli_fail(cli, EXIT_USAGE,
                        "--key %s: neither a public key (64 hexadecimal digits, or base64) nor a "
                        "file",
                        given);
    int failed = cli_read_file(cli, given, FILE_BYTES_MAX, &text, &len);
    if (failed != 0)
        return failed;
    bool fine = strlen(text) == len && statement_key_parse(text, trimmed(text), ret);
    free(text);
    return fine ? 0 : cli_fail(cli, EXIT_FAILED, "%s: no public key in it", given);
}

int statement_read_file(struct cli *cli, const char *path, enum statement_kind kind,
                        struct statement_key key, struct statement *ret)
{
    const char *what = kind == STATEMENT_RECEIPT ? "receipt" : "checkpoint";
    char signer[STATEMENT_KEY_TEXT_SIZE];
    char *text;
    size_t len;
    int failed = cli_read_file(cli, path, FILE_BYTES_MAX, &text, &len);
    if (failed != 0)
        return failed;
    enum status status = statement_verify((struct slice){(const uint8_t *)text, len}, key, ret);
    free(text);
    if (status == STATUS_UNSUPPORTED)
        return cli_fail(cli, EXIT_FAILED, "%s: of a later version than this tool knows", path);
    if (status == STATUS_MALFORMED || ret->kind != kind)
        return cli_fail(cli, EXIT_FAILED, "%s: this is no %s, or it was changed", path, what);
    if (status == STATUS_OK)
        return 0;
    statement_key_print(ret->key, signer);
    if (memcmp(&ret->key, &key, sizeof key) != 0)
        return cli_fail(cli, EXIT_REFUSED, "%s: it names another key, %s", path, signer);
    return cli_fail(cli, EXIT_REFUSED, "%s: the signature is wrong: it was changed", path);
}

/* ---- fetching ---- */

static int write_out(struct cli *cli, const char *path, struct slice text)
{
    FILE *file = fopen(path, "wxe");
    if (file == NULL)
        return cli_fail(cli, EXIT_FAILED, "%s: %s", path,
                        errno == EEXIST ? "it exists, and is not overwritten" : strerror(errno));
    bool written = fwrite(text.bytes, 1, text.len, file) == text.len && fflush(file) == 0 &&
                   fsync(fileno(file)) == 0;
    written = fclose(file) == 0 && written;
    if (!written) {
        (void)unlink(path);
        return cli_fail(cli, EXIT_FAILED, "%s: it cannot be written", path);
    }
    return EXIT_DONE;
}

/** The cell of the only row in the column @name; empty: there is none. */
static struct slice cell_of(const struct reply *reply, const char *name)
{
    for (uint32_t i = 0; i < reply->columns_count && reply->rows_count == 1; i++) {
        if (strcmp(reply->columns[i].name, name) == 0)
            return reply->cells[i];
    }
    return (struct slice){0};
}

int statement_fetch(struct cli *cli, const char *command, const struct cli_argument *arguments,
                    uint32_t arguments_count)
{
    const struct reply *reply;
    const char *path = cli_option(cli, "out");
    int failed = cli_ask(cli, command, arguments, arguments_count, (struct slice){0}, &reply);
    if (failed != 0)
        return failed;
    struct slice text = cell_of(reply, "statement");
    if (text.len == 0)
        return cli_fail(cli, EXIT_FAILED, "%s: the daemon gave no statement", command);
    if (path != NULL)
        return write_out(cli, path, text);
    if (cli->output == OUTPUT_TEXT) {
        fwrite(text.bytes, 1, text.len, stdout);
        return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
    }
    struct printer *printer = printer_new(cli, reply->columns, reply->columns_count);
    printer_row(printer, reply->cells);
    return printer_end(printer) ? EXIT_DONE : EXIT_FAILED;
}

int statement_print(struct cli *cli, const struct statement *statement)
{
    static const struct column columns[] = {
        {"kind", COLUMN_TEXT, false},       {"seq", COLUMN_NUMBER, false},
        {"at", COLUMN_MOMENT, false},       {"event_id", COLUMN_TEXT, false},
        {"journal_id", COLUMN_TEXT, false}, {"hash", COLUMN_TEXT, true},
        {"digest", COLUMN_TEXT, true},      {"ok", COLUMN_BOOLEAN, false},
    };
    bool receipt = statement->kind == STATEMENT_RECEIPT;
    char seq[24];
    char at[MOMENT_TEXT_SIZE];
    char event[EVENT_ID_TEXT_SIZE];
    char journal[33];
    char hash[HASH_TEXT_SIZE];
    char digest[HASH_TEXT_SIZE];

    (void)snprintf(seq, sizeof seq, "%" PRIu64, statement->seq);
    moment_print(statement->at_ms, at);
    event_id_print(statement->event_id, event);
    statement_id_print(statement->journal_id, journal);
    hash_print(statement->hash, hash);
    hash_print(statement->digest, digest);
    struct printer *printer = printer_new(cli, columns, ARRAY_LEN(columns));
    const char *cells[] = {receipt ? "receipt" : "checkpoint",
                           seq,
                           at,
                           receipt ? event : "",
                           journal,
                           hash,
                           receipt ? digest : "",
                           "true"};
    printer_row_text(printer, cells);
    return printer_end(printer) ? EXIT_DONE : EXIT_FAILED;
}
