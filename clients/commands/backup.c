/* SPDX-License-Identifier: Apache-2.0 */
/* backup.c - the journal fetched over the wire into a folder; verified and restored by the daemon's own program. */

#include "clients/cli/print.h"
#include "clients/cli/program.h"
#include "clients/commands/commands.h"
#include "clients/commands/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MIB (1024.0 * 1024.0)
#define SEGMENT_BYTES_MIN 4096u /* a header at least */
#define SEGMENT_BYTES_MAX (2ull * 1024 * 1024 * 1024)

/** A backup being made. */
struct making {
    struct cli *cli;
    char folder[PATH_MAX];   /* where it is written: DIR, or DIR.tmp while it is new */
    struct manifest before;  /* of the backup that was there; empty: none was */
    struct manifest present; /* what there is to be had */
    uint64_t fetched_bytes;
    uint64_t wanted_bytes;
};

static int path_of(struct cli *cli, char ret[PATH_MAX], const char *format, ...) PRINTF_LIKE(3, 4);

static int path_of(struct cli *cli, char ret[PATH_MAX], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(ret, PATH_MAX, format, arguments);
    va_end(arguments);
    return len > 0 && len < PATH_MAX ? 0 : cli_fail(cli, EXIT_USAGE, "the path is too long");
}

/* ---- asking ---- */

static struct slice cell(const struct reply *reply, uint32_t row, const char *name)
{
    for (uint32_t i = 0; i < reply->columns_count; i++) {
        if (strcmp(reply->columns[i].name, name) == 0)
            return reply->cells[(size_t)row * reply->columns_count + i];
    }
    return (struct slice){0};
}

/** The cell as a C string, cut to @size. */
static const char *cell_text(const struct reply *reply, uint32_t row, const char *name, char *ret,
                             size_t size)
{
    struct slice text = cell(reply, row, name);
    (void)snprintf(ret, size, "%.*s", (int)text.len, text.len > 0 ? (const char *)text.bytes : "");
    return ret;
}

static bool cell_number(const struct reply *reply, uint32_t row, const char *name, uint64_t *ret)
{
    char text[24];
    return number_parse(cell_text(reply, row, name, text, sizeof text), ret);
}

static bool cell_hash(const struct reply *reply, uint32_t row, const char *name, struct hash *ret)
{
    struct slice text = cell(reply, row, name);
    return statement_hash_parse((const char *)text.bytes, text.len, ret);
}

/** Whose journal it is, and whether what is in the backup that is there is its beginning. */
static int ask_head(struct making *making)
{
    struct cli *cli = making->cli;
    const struct manifest *before = &making->before;
    struct manifest *present = &making->present;
    const struct reply *reply;
    char from[24];
    struct hash hash;

    (void)snprintf(from, sizeof from, "%" PRIu64, before->seq);
    const struct cli_argument arguments[] = {{"from", before->seq > 0 ? from : NULL}};
    int failed =
        cli_ask(cli, "backup head", arguments, ARRAY_LEN(arguments), (struct slice){0}, &reply);
    if (failed != 0)
        return failed;
    struct slice id = cell(reply, 0, "journal_id");
    if (reply->rows_count != 1 ||
        !statement_id_parse((const char *)id.bytes, id.len, present->journal_id))
        return cli_fail(cli, EXIT_FAILED, "backup head: the answer cannot be read");
    (void)cell_text(reply, 0, "at", present->at, sizeof present->at);
    (void)cell_text(reply, 0, "version", present->version, sizeof present->version);
    (void)cell_text(reply, 0, "signing_key", present->signing_key, sizeof present->signing_key);
    if (before->seq == 0)
        return 0;
    if (memcmp(before->journal_id, present->journal_id, 16) != 0)
        return cli_fail(cli, EXIT_CONFLICT,
                        "the backup that is there is of another journal; name another folder");
    if (!cell_hash(reply, 0, "hash_of_from", &hash) || !hash_equal(hash, before->hash))
        return cli_fail(cli, EXIT_CONFLICT,
                        "the journal does not hold entry %" PRIu64
                        " as the backup that is there does: it was restored or changed since; "
                        "keep that backup, and name another folder",
                        before->seq);
    return 0;
}

static bool take_segment(const struct reply *reply, uint32_t row, struct manifest_segment *ret)
{
    return cell_number(reply, row, "first_seq", &ret->first_seq) &&
           cell_number(reply, row, "bytes", &ret->bytes) &&
           cell_number(reply, row, "end", &ret->end) &&
           cell_number(reply, row, "last_seq", &ret->last_seq) &&
           cell_hash(reply, row, "last_hash", &ret->last_hash) && ret->end <= ret->bytes &&
           ret->end >= SEGMENT_BYTES_MIN && ret->bytes <= SEGMENT_BYTES_MAX;
}

static bool unchanged(const struct making *making, const struct manifest_segment *segment)
{
    const struct manifest_segment *before = manifest_find(&making->before, segment->first_seq);
    return before != NULL && before->end == segment->end && before->bytes == segment->bytes &&
           hash_equal(before->last_hash, segment->last_hash);
}

/** All files of the journal, as far as they are written now. */
static int ask_segments(struct making *making)
{
    struct cli *cli = making->cli;
    struct text resume = {0};
    int failed;
    do {
        const struct reply *reply;
        struct slice from = {(const uint8_t *)resume.bytes, resume.len};
        failed = cli_ask(cli, "backup segments", NULL, 0, from, &reply);
        for (uint32_t i = 0; failed == 0 && i < reply->rows_count; i++) {
            struct manifest_segment segment;
            if (!take_segment(reply, i, &segment)) {
                failed = cli_fail(cli, EXIT_FAILED, "backup segments: the answer cannot be read");
                break;
            }
            manifest_add(&making->present, &segment);
            if (!unchanged(making, &segment))
                making->wanted_bytes += segment.end;
        }
        resume.len = 0;
        if (failed == 0)
            text_add_bytes(&resume, (const char *)reply->resume.bytes, reply->resume.len);
    } while (failed == 0 && resume.len > 0);
    text_clear(&resume);
    if (failed == 0 && making->present.segments_count == 0)
        failed = cli_fail(cli, EXIT_FAILED, "backup segments: there are none");
    if (failed != 0)
        return failed;
    const struct manifest_segment *last =
        &making->present.segments[making->present.segments_count - 1];
    making->present.seq = last->last_seq;
    making->present.hash = last->last_hash;
    return 0;
}

/* ---- files ---- */

static int say_errno(struct cli *cli, const char *path)
{
    return cli_fail(cli, EXIT_FAILED, "%s: %s", path, strerror(errno));
}

static int flush_folder(struct cli *cli, const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool flushed = fd >= 0 && fsync(fd) == 0;
    int failed = flushed ? 0 : say_errno(cli, path);
    if (fd >= 0)
        close(fd);
    return failed;
}

static int make_folder(struct cli *cli, const char *path)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : say_errno(cli, path);
}

/** Write all of @bytes; 0, or an exit code. */
static int write_all(struct cli *cli, int fd, const char *path, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t written = write(fd, bytes.bytes, bytes.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return say_errno(cli, path);
        bytes.bytes += written;
        bytes.len -= (size_t)written;
    }
    return 0;
}

/** Flush and close @fd, which was written as @path.tmp, and give it its name; what @failed says stands. */
static int finish_file(struct cli *cli, int fd, const char *fresh, const char *path, int failed)
{
    if (failed == 0 && fsync(fd) != 0)
        failed = say_errno(cli, fresh);
    if (close(fd) != 0 && failed == 0)
        failed = say_errno(cli, fresh);
    if (failed == 0 && rename(fresh, path) != 0)
        failed = say_errno(cli, path);
    if (failed != 0)
        (void)unlink(fresh);
    return failed;
}

static int open_fresh(struct cli *cli, const char *path, char ret_fresh[PATH_MAX], int *ret_fd)
{
    int failed = path_of(cli, ret_fresh, "%s.tmp", path);
    if (failed != 0)
        return failed;
    (void)unlink(ret_fresh);
    *ret_fd = open(ret_fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    return *ret_fd >= 0 ? 0 : say_errno(cli, ret_fresh);
}

static int write_file(struct cli *cli, const char *path, struct slice bytes)
{
    char fresh[PATH_MAX];
    int fd;
    int failed = open_fresh(cli, path, fresh, &fd);
    if (failed != 0)
        return failed;
    failed = write_all(cli, fd, fresh, bytes);
    return finish_file(cli, fd, fresh, path, failed);
}

/* ---- create ---- */

static int fetch_bytes(struct making *making, const struct manifest_segment *segment, int fd,
                       const char *path)
{
    struct cli *cli = making->cli;
    char seq[24];
    char from[24];
    uint64_t offset = 0;

    (void)snprintf(seq, sizeof seq, "%" PRIu64, segment->first_seq);
    while (offset < segment->end) {
        const struct reply *reply;
        (void)snprintf(from, sizeof from, "%" PRIu64, offset);
        const struct cli_argument arguments[] = {{"seq", seq}, {"from", from}};
        int failed =
            cli_ask(cli, "backup read", arguments, ARRAY_LEN(arguments), (struct slice){0}, &reply);
        if (failed != 0)
            return failed;
        struct slice data = reply->data;
        /* It may have grown since: what came after the list is left for the next time. */
        if (data.len > segment->end - offset)
            data.len = (size_t)(segment->end - offset);
        if (data.len == 0)
            return cli_fail(cli, EXIT_FAILED, "backup read: entry %s: nothing at byte %s", seq,
                            from);
        failed = write_all(cli, fd, path, data);
        if (failed != 0)
            return failed;
        offset += data.len;
        making->fetched_bytes += data.len;
        cli_progress(cli, "%.1f MiB of %.1f MiB", (double)making->fetched_bytes / MIB,
                     (double)making->wanted_bytes / MIB);
    }
    return ftruncate(fd, (off_t)segment->bytes) == 0 ? 0 : say_errno(cli, path);
}

static int fetch_segment(struct making *making, const struct manifest_segment *segment)
{
    struct cli *cli = making->cli;
    char path[PATH_MAX];
    char fresh[PATH_MAX];
    int fd;
    int failed =
        path_of(cli, path, "%s/journal/%020" PRIu64 ".seg", making->folder, segment->first_seq);
    if (failed != 0 || (unchanged(making, segment) && access(path, F_OK) == 0))
        return failed;
    failed = open_fresh(cli, path, fresh, &fd);
    if (failed != 0)
        return failed;
    failed = fetch_bytes(making, segment, fd, fresh);
    return finish_file(cli, fd, fresh, path, failed);
}

static int fetch_config(struct making *making)
{
    const struct reply *reply;
    char path[PATH_MAX];
    int failed = cli_ask(making->cli, "backup config", NULL, 0, (struct slice){0}, &reply);
    if (failed == 0)
        failed = path_of(making->cli, path, "%s/commissiond.conf", making->folder);
    return failed != 0 ? failed : write_file(making->cli, path, reply->data);
}

/** The manifest last: only what has one is a backup. */
static int write_manifest(struct making *making)
{
    char path[PATH_MAX];
    int failed = path_of(making->cli, path, "%s/" MANIFEST_NAME, making->folder);
    if (failed != 0)
        return failed;
    char *text = manifest_print(&making->present);
    failed = write_file(making->cli, path, slice_of(text));
    free(text);
    return failed;
}

static int fetch_all(struct making *making)
{
    struct cli *cli = making->cli;
    char journal[PATH_MAX];
    int failed = make_folder(cli, making->folder);
    if (failed == 0)
        failed = path_of(cli, journal, "%s/journal", making->folder);
    if (failed == 0)
        failed = make_folder(cli, journal);
    for (uint32_t i = 0; i < making->present.segments_count && failed == 0; i++)
        failed = fetch_segment(making, &making->present.segments[i]);
    cli_progress(cli, "%s", "");
    if (failed == 0)
        failed = flush_folder(cli, journal);
    if (failed == 0)
        failed = fetch_config(making);
    if (failed == 0)
        failed = flush_folder(cli, making->folder);
    if (failed == 0)
        failed = write_manifest(making);
    return failed != 0 ? failed : flush_folder(cli, making->folder);
}

static bool folder_empty(const char *folder)
{
    DIR *dir = opendir(folder);
    bool empty = dir != NULL;
    for (struct dirent *entry = empty ? readdir(dir) : NULL; entry != NULL && empty;
         entry = readdir(dir))
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (dir != NULL)
        closedir(dir);
    return empty;
}

/** DIR holds a backup, which is gone on with, or is not there yet. */
static int open_folder(struct making *making, const char *folder)
{
    struct cli *cli = making->cli;
    struct stat about;
    bool there = stat(folder, &about) == 0;
    enum status status = manifest_read(folder, &making->before);
    if (status == STATUS_OK)
        return path_of(cli, making->folder, "%s", folder);
    if (status != STATUS_NOT_FOUND)
        return cli_fail(cli, EXIT_FAILED, "%s/" MANIFEST_NAME ": %s; name another folder", folder,
                        status_text(status));
    if (there && (!S_ISDIR(about.st_mode) || !folder_empty(folder)))
        return cli_fail(cli, EXIT_FAILED, "%s is neither empty nor a backup; name another folder",
                        folder);
    return path_of(cli, making->folder, "%s.tmp", folder);
}

/** A new backup gets its name when it is whole. */
static int name_folder(struct making *making, const char *folder)
{
    char parent[PATH_MAX];
    if (making->before.seq > 0)
        return 0;
    int failed = path_of(making->cli, parent, "%s/..", making->folder);
    if (failed != 0)
        return failed;
    if (rename(making->folder, folder) != 0)
        return say_errno(making->cli, folder);
    failed = path_of(making->cli, parent, "%s/..", folder);
    return failed != 0 ? failed : flush_folder(making->cli, parent);
}

/* ---- the daemon's program ---- */

static void expect_text(const struct manifest *manifest, char ret[33 + 24 + HASH_TEXT_SIZE])
{
    char id[33];
    char hash[HASH_TEXT_SIZE];
    statement_id_print(manifest->journal_id, id);
    hash_print(manifest->hash, hash);
    (void)snprintf(ret, 33 + 24 + HASH_TEXT_SIZE, "%s:%" PRIu64 ":%s", id, manifest->seq, hash);
}

/** Run commissiond with @arguments (its path is put in front) and wait. Its lines go to standard error unless they are asked for. An exit code. */
static int run_daemon(struct cli *cli, const char **arguments, bool aloud)
{
    char path[PROGRAM_PATH_SIZE];
    int status;
    if (!program_find("commissiond", path))
        return cli_fail(cli, EXIT_FAILED,
                        "commissiond is neither beside this tool nor in PATH; it is needed here");
    arguments[0] = path;
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid < 0)
        return cli_fail(cli, EXIT_FAILED, "%s: %s", path, strerror(errno));
    if (pid == 0) {
        if (!aloud)
            (void)dup2(STDERR_FILENO, STDOUT_FILENO);
        execv(path, (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return cli_fail(cli, EXIT_FAILED, "%s: %s", path, strerror(errno));
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return EXIT_DONE;
    return cli_fail(cli, EXIT_FAILED, "%s", "not proven, or not done: see above");
}

static int prove(struct cli *cli, const char *folder, const struct manifest *manifest, bool aloud)
{
    char expected[33 + 24 + HASH_TEXT_SIZE];
    expect_text(manifest, expected);
    const char *arguments[] = {NULL, "--verify", folder, "--expect", expected, NULL};
    return run_daemon(cli, arguments, aloud);
}

/* ---- the verbs ---- */

static int print_made(const struct making *making, const char *folder, bool proven)
{
    static const struct column columns[] = {
        {"folder", COLUMN_TEXT, false},     {"seq", COLUMN_NUMBER, false},
        {"hash", COLUMN_TEXT, false},       {"fetched_bytes", COLUMN_NUMBER, false},
        {"segments", COLUMN_NUMBER, false}, {"verified", COLUMN_BOOLEAN, false},
    };
    char seq[24];
    char hash[HASH_TEXT_SIZE];
    char bytes[24];
    char segments[24];
    (void)snprintf(seq, sizeof seq, "%" PRIu64, making->present.seq);
    hash_print(making->present.hash, hash);
    (void)snprintf(bytes, sizeof bytes, "%" PRIu64, making->fetched_bytes);
    (void)snprintf(segments, sizeof segments, "%u", (unsigned)making->present.segments_count);
    struct printer *printer = printer_new(making->cli, columns, ARRAY_LEN(columns));
    const char *cells[] = {folder, seq, hash, bytes, segments, proven ? "true" : "false"};
    printer_row_text(printer, cells);
    return printer_end(printer) ? EXIT_DONE : EXIT_FAILED;
}

static int make(struct making *making, const char *folder)
{
    struct cli *cli = making->cli;
    bool proving = !cli_switch(cli, "no-verify");
    int failed = open_folder(making, folder);
    if (failed == 0)
        failed = ask_head(making);
    if (failed == 0)
        failed = ask_segments(making);
    if (failed != 0)
        return failed;
    if (cli_switch(cli, "dry-run")) {
        cli_say(cli, "%.1f MiB in %u files would be fetched to %s, up to entry %" PRIu64,
                (double)making->wanted_bytes / MIB, (unsigned)making->present.segments_count,
                folder, making->present.seq);
        return EXIT_DONE;
    }
    failed = fetch_all(making);
    if (failed == 0)
        failed = name_folder(making, folder);
    if (failed == 0 && proving)
        failed = prove(cli, folder, &making->present, false);
    if (failed != 0)
        return failed;
    if (!proving)
        cli_say(cli, "not verified; a backup is good only if `backup verify` says so");
    return print_made(making, folder, proving);
}

static int create(struct cli *cli, int argc, char **argv)
{
    struct making making = {.cli = cli};
    mode_t mask = umask(0077);
    size_t len = strlen(argv[0]);
    (void)argc;
    while (len > 1 && argv[0][len - 1] == '/')
        argv[0][--len] = '\0';
    int result = make(&making, argv[0]);
    umask(mask);
    manifest_clear(&making.before);
    manifest_clear(&making.present);
    return result;
}

/** The files that the manifest names are there, as long as it says. */
static int check_files(struct cli *cli, const char *folder, const struct manifest *manifest)
{
    for (uint32_t i = 0; i < manifest->segments_count; i++) {
        char path[PATH_MAX];
        struct stat about;
        int failed = path_of(cli, path, "%s/journal/%020" PRIu64 ".seg", folder,
                             manifest->segments[i].first_seq);
        if (failed != 0)
            return failed;
        if (stat(path, &about) != 0)
            return say_errno(cli, path);
        if ((uint64_t)about.st_size != manifest->segments[i].bytes)
            return cli_fail(cli, EXIT_FAILED,
                            "%s: %jd bytes long, where the manifest says %" PRIu64, path,
                            (intmax_t)about.st_size, manifest->segments[i].bytes);
    }
    return 0;
}

static int open_backup(struct cli *cli, const char *folder, struct manifest *ret)
{
    enum status status = manifest_read(folder, ret);
    if (status == STATUS_NOT_FOUND)
        return cli_fail(cli, EXIT_NOT_FOUND, "%s: no " MANIFEST_NAME " in it: this is no backup",
                        folder);
    if (status != STATUS_OK)
        return cli_fail(cli, EXIT_FAILED, "%s/" MANIFEST_NAME ": %s", folder, status_text(status));
    int failed = check_files(cli, folder, ret);
    if (failed != 0)
        manifest_clear(ret);
    return failed;
}

static int verify(struct cli *cli, int argc, char **argv)
{
    struct manifest manifest;
    (void)argc;
    int failed = open_backup(cli, argv[0], &manifest);
    if (failed != 0)
        return failed;
    failed = prove(cli, argv[0], &manifest, true);
    manifest_clear(&manifest);
    return failed;
}

static int restore(struct cli *cli, int argc, char **argv)
{
    struct manifest manifest;
    char expected[33 + 24 + HASH_TEXT_SIZE];
    const char *to = cli_option(cli, "to");
    (void)argc;
    if (to == NULL)
        return cli_fail(cli, EXIT_USAGE,
                        "where to? --to STATE names an empty folder, or a new one");
    int failed = open_backup(cli, argv[0], &manifest);
    if (failed != 0)
        return failed;
    if (cli_switch(cli, "dry-run")) {
        cli_say(cli, "entries 1 to %" PRIu64 ", of %s, would be restored to %s", manifest.seq,
                manifest.at, to);
        manifest_clear(&manifest);
        return EXIT_DONE;
    }
    expect_text(&manifest, expected);
    manifest_clear(&manifest);
    const char *arguments[] = {NULL, "--restore", argv[0], "--to", to, "--expect", expected, NULL};
    return run_daemon(cli, arguments, true);
}

/* ---- the table ---- */

static const struct cli_option create_options[] = {
    {"no-verify", NULL, "do not build the state from it to prove it; do so later"},
    {"dry-run", NULL, "say how much would be fetched"},
    {0},
};
static const struct cli_option restore_options[] = {
    {"to", "STATE", "the state folder: empty, or new"},
    {"dry-run", NULL, "check the manifest and the files, and change nothing"},
    {0},
};

static const struct cli_verb verbs[] = {
    {
        .name = "create",
        .arguments = "DIR",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Fetch the journal into a folder, and prove it",
        .more =
            "The daemon goes on meanwhile. DIR is new, or holds an earlier backup of the same\n"
            "journal: then only what came since is fetched. It gets the journal up to what is\n"
            "on disk now, the configuration, and a manifest; no key. The state is built from\n"
            "it at the end, which takes commissiond. A backup holds unopened bids, so it takes\n"
            "a key with the verb BACKUP, and belongs where bids belong.\n",
        .example = "commission -c dev/backup backup create /mnt/backup/commissiond",
        .options = create_options,
        .run = create,
    },
    {
        .name = "verify",
        .arguments = "DIR",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Prove a backup: build the state from it",
        .more = "Every digest, the whole chain, the end of each event's life, the sums of all\n"
                "ledgers, and that its last entry is the one that the manifest names. It asks no\n"
                "daemon; commissiond --verify is run.\n",
        .example = "commission backup verify /mnt/backup/commissiond",
        .run = verify,
    },
    {
        .name = "restore",
        .arguments = "DIR",
        .arguments_min = 1,
        .arguments_max = 1,
        .help = "Copy a backup into an empty state folder, and prove it",
        .more =
            "The state is built from the journal. Receipts given after the backup are lost with\n"
            "what they were for: senders send again, the ids make that harmless; feeds are\n"
            "told RESYNC. Put the configuration and the keys in place yourself.\n",
        .example = "commission backup restore /mnt/backup/commissiond --to /var/lib/commissiond",
        .options = restore_options,
        .run = restore,
    },
    {0},
};

const struct cli_noun noun_backup = {"backup", "Make, prove and restore backups", verbs};
