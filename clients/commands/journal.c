/* SPDX-License-Identifier: Apache-2.0 */
/* journal.c - show entries, the head, and walk the chain of hashes over the wire. */

#include "clients/cli/print.h"
#include "clients/cli/program.h"
#include "clients/commands/commands.h"
#include "clients/commands/statement.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

static int head(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return cli_print_answer(cli, "journal head", NULL, 0);
}

static int show(struct cli *cli, int argc, char **argv)
{
    uint64_t seq;
    (void)argc;
    if (!number_parse(argv[0], &seq) || seq == 0)
        return cli_fail(cli, EXIT_USAGE, "\"%s\" is no entry's number; they count from 1", argv[0]);
    const struct cli_argument arguments[] = {{"seq", argv[0]}};
    return cli_print_answer(cli, "journal show", arguments, ARRAY_LEN(arguments));
}

static int checkpoint(struct cli *cli, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return statement_fetch(cli, "journal checkpoint", NULL, 0);
}

/* ---- verify ------------------------------------------------------------------------------- */

/** The chain as far as it was walked. */
struct walk {
    struct hash hash;             /* of the last entry; before the first, zeros */
    uint64_t seq;                 /* of the last entry */
    char fault[200];              /* "": none */
    const struct statement *kept; /* a checkpoint to be found on the way; NULL: none */
};

/** The next entry: its number follows, and its hash is BLAKE2b-256 of the hash before it and its bytes. */
static bool walk_step(struct walk *walk, const struct entry_row *row)
{
    crypto_generichash_state state;
    struct hash hash;
    if (row->seq != walk->seq + 1) {
        (void)snprintf(walk->fault, sizeof walk->fault,
                       "entry %" PRIu64 " is missing: after %" PRIu64 " comes %" PRIu64,
                       walk->seq + 1, walk->seq, row->seq);
        return false;
    }
    CHECK(crypto_generichash_init(&state, NULL, 0, HASH_BYTES) == 0);
    crypto_generichash_update(&state, walk->hash.bytes, HASH_BYTES);
    crypto_generichash_update(&state, row->entry.bytes, row->entry.len);
    crypto_generichash_final(&state, hash.bytes, HASH_BYTES);
    if (!hash_equal(hash, row->hash)) {
        (void)snprintf(walk->fault, sizeof walk->fault,
                       "entry %" PRIu64 " does not have the hash that its bytes and the entry "
                       "before it give",
                       row->seq);
        return false;
    }
    if (walk->kept != NULL && walk->kept->seq == row->seq && !hash_equal(hash, walk->kept->hash)) {
        (void)snprintf(walk->fault, sizeof walk->fault,
                       "entry %" PRIu64 " is not the one that the checkpoint signed: the journal "
                       "was changed, or is another",
                       row->seq);
        return false;
    }
    walk->hash = hash;
    walk->seq = row->seq;
    return true;
}

static void verify_print(struct printer *printer, const struct walk *walk)
{
    char count[24];
    char bad[24] = "";
    char hash[HASH_TEXT_SIZE];
    bool ok = walk->fault[0] == '\0';
    (void)snprintf(count, sizeof count, "%" PRIu64, walk->seq);
    if (!ok)
        (void)snprintf(bad, sizeof bad, "%" PRIu64, walk->seq + 1);
    hash_print(walk->hash, hash);
    const char *cells[] = {count, hash, ok ? "true" : "false", bad};
    printer_row_text(printer, cells);
}

static int walk_all(struct cli *cli, struct walk *walk)
{
    const struct cli_argument arguments[] = {{"from", "1"}};
    struct text resume = {0};
    int failed;
    do {
        const struct reply *reply;
        struct slice from = {(const uint8_t *)resume.bytes, resume.len};
        failed = cli_ask(cli, "journal read", arguments, ARRAY_LEN(arguments), from, &reply);
        if (failed != 0)
            break;
        for (uint32_t i = 0; i < reply->entries_count && walk->fault[0] == '\0'; i++) {
            if (!walk_step(walk, &reply->entries[i]))
                failed = EXIT_FAILED;
        }
        resume.len = 0;
        text_add_bytes(&resume, (const char *)reply->resume.bytes, reply->resume.len);
        cli_progress(cli, "%" PRIu64 " entries of %" PRIu64, walk->seq, reply->as_of_seq);
    } while (failed == 0 && resume.len > 0);
    cli_progress(cli, "%s", "");
    text_clear(&resume);
    return failed;
}

/** What needs the store needs the daemon's program: this process becomes it. */
static int verify_folder(struct cli *cli, const char *folder, const struct statement *kept)
{
    char path[PROGRAM_PATH_SIZE];
    char expected[33 + 24 + HASH_TEXT_SIZE] = "";
    if (!program_find("commissiond", path))
        return cli_fail(cli, EXIT_FAILED,
                        "commissiond is neither beside this tool nor in PATH; it is needed to read "
                        "%s",
                        folder);
    if (kept != NULL) {
        char id[33];
        char hash[HASH_TEXT_SIZE];
        statement_id_print(kept->journal_id, id);
        hash_print(kept->hash, hash);
        (void)snprintf(expected, sizeof expected, "%s:%" PRIu64 ":%s", id, kept->seq, hash);
    }
    const char *const arguments[] = {path,     "--verify", folder, kept != NULL ? "--expect" : NULL,
                                     expected, NULL};
    (void)fflush(stdout);
    execv(path, (char *const *)(uintptr_t)arguments);
    return cli_fail(cli, EXIT_FAILED, "%s: %s", path, strerror(errno));
}

/** Is it the journal that the checkpoint is of? 0, or an exit code, said already. */
static int same_journal(struct cli *cli, const struct statement *kept)
{
    const struct reply *reply;
    char id[33];
    int failed = cli_ask(cli, "journal head", NULL, 0, (struct slice){0}, &reply);
    if (failed != 0)
        return failed;
    statement_id_print(kept->journal_id, id);
    for (uint32_t i = 0; i < reply->columns_count && reply->rows_count == 1; i++) {
        if (strcmp(reply->columns[i].name, "journal_id") == 0 &&
            reply->cells[i].len == strlen(id) && memcmp(reply->cells[i].bytes, id, strlen(id)) == 0)
            return 0;
    }
    return cli_fail(cli, EXIT_REFUSED, "the checkpoint is of another journal, %s", id);
}

static int verify(struct cli *cli, int argc, char **argv)
{
    static const struct column columns[] = {
        {"entries", COLUMN_NUMBER, false},
        {"head", COLUMN_TEXT, false},
        {"ok", COLUMN_BOOLEAN, false},
        {"first_bad", COLUMN_NUMBER, false},
    };
    const char *folder = cli_option(cli, "dir");
    const char *path = cli_option(cli, "checkpoint");
    struct statement_key key;
    struct statement kept;
    struct walk walk = {.kept = path != NULL ? &kept : NULL};
    int failed = 0;
    (void)argc;
    (void)argv;
    CHECK(sodium_init() >= 0);
    if (path == NULL && cli_option(cli, "key") != NULL)
        return cli_fail(cli, EXIT_USAGE, "--key goes with --checkpoint FILE");
    if (path != NULL)
        failed = statement_key_given(cli, &key);
    if (path != NULL && failed == 0)
        failed = statement_read_file(cli, path, STATEMENT_CHECKPOINT, key, &kept);
    if (failed != 0)
        return failed;
    if (folder != NULL)
        return verify_folder(cli, folder, walk.kept);
    if (path != NULL)
        failed = same_journal(cli, &kept);
    if (failed == 0)
        failed = walk_all(cli, &walk);
    if (failed == 0 && path != NULL && walk.seq < kept.seq) {
        (void)snprintf(walk.fault, sizeof walk.fault,
                       "entry %" PRIu64 ", which the checkpoint signed, is missing: the journal "
                       "ends with %" PRIu64,
                       kept.seq, walk.seq);
        failed = EXIT_FAILED;
    }
    if (failed != 0 && walk.fault[0] == '\0')
        return failed;
    struct printer *printer = printer_new(cli, columns, ARRAY_LEN(columns));
    verify_print(printer, &walk);
    if (!printer_end(printer))
        return EXIT_FAILED;
    if (walk.fault[0] != '\0')
        return cli_fail(cli, EXIT_FAILED, "%s", walk.fault);
    return EXIT_DONE;
}

static const struct cli_option verify_options[] = {
    {"dir", "DIR", "prove the journal and state in DIR instead; no daemon may run on it"},
    {"checkpoint", "FILE", "a checkpoint that was kept: the journal must still hold what it says"},
    {"key", "KEY", "with --checkpoint: the daemon's public key, 64 digits, base64, or a file"},
    {0},
};

static const struct cli_option checkpoint_options[] = {
    {"out", "FILE", "write the checkpoint to a new file"},
    {0},
};

static const struct cli_verb verbs[] = {
    {
        .name = "show",
        .arguments = "SEQ",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Show one entry",
        .example = "commission -c dev/operator journal show 42 -o json",
        .run = show,
    },
    {
        .name = "head",
        .arguments = "",
        .help = "Show the newest entry's number and hash",
        .more = "Whoever keeps a head outside can show later that nothing before it was changed.\n",
        .example = "commission -c dev/operator journal head",
        .run = head,
    },
    {
        .name = "checkpoint",
        .arguments = "",
        .help = "Fetch the newest signed checkpoint of the head",
        .more = "The daemon signs its head now and then (checkpoint_interval_s). Keep checkpoints\n"
                "where the daemon's machine cannot reach them: `journal verify --checkpoint`\n"
                "shows later that nothing before them was changed or taken away.\n",
        .example = "commission -c dev/02E journal checkpoint --out checkpoint.txt",
        .options = checkpoint_options,
        .run = checkpoint,
    },
    {
        .name = "verify",
        .arguments = "",
        .help = "Walk the whole journal and check each hash",
        .more = "The hash of an entry is BLAKE2b-256 over the hash before it and its bytes; the\n"
                "first follows 32 zero bytes. With --dir, commissiond --verify is run: it also\n"
                "rebuilds the state and compares.\n",
        .example = "commission -c dev/operator journal verify",
        .options = verify_options,
        .run = verify,
    },
    {0},
};

const struct cli_noun noun_journal = {"journal", "Look into the journal, and check it", verbs};
