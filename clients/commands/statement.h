/* SPDX-License-Identifier: Apache-2.0 */
/* statement.h - receipts and checkpoints in files: fetched from the daemon, and checked without it. */
#ifndef COMMISSION_COMMANDS_STATEMENT_H
#define COMMISSION_COMMANDS_STATEMENT_H

#include "clients/cli/cli.h"
#include "proto/statement.h"

/** The daemon's public key as --key gives it: digits, base64, or a file with one of them. 0, or an exit code, said already. */
MUST_USE int statement_key_given(struct cli *cli, struct statement_key *ret);
/**
 * The statement of @kind in the file @path, signed by @key. 0; EXIT_REFUSED: the signature is wrong or another's; EXIT_FAILED: it is no such
 * statement; said already.
 */
MUST_USE int statement_read_file(struct cli *cli, const char *path, enum statement_kind kind,
                                 struct statement_key key, struct statement *ret);
/** Ask @command, whose answer is one statement; print it, or write it to the file that --out names. Returns an exit code. */
int statement_fetch(struct cli *cli, const char *command, const struct cli_argument *arguments,
                    uint32_t arguments_count);
/** Print @statement, which was checked, as a row. Returns an exit code. */
int statement_print(struct cli *cli, const struct statement *statement);

#endif
