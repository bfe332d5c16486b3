/* SPDX-License-Identifier: Apache-2.0 */
/* store_restore(): a backup's journal copied into an empty folder, the state built from it, both proven. */
#include "daemon/store/file.h"
#include "daemon/store/part.h"
#include "daemon/store/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define PIECE_BYTES (1024 * 1024)

struct restore {
    const char *from;
    const char *to;
    void (*say)(void *ctx, const char *line);
    void *ctx;
    uint8_t *piece; /* PIECE_BYTES */
    uint32_t segments;
};

static void say(const struct restore *restore, const char *format, ...) PRINTF_LIKE(2, 3);

static void say(const struct restore *restore, const char *format, ...)
{
    char line[FILE_PATH_SIZE + 200];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    restore->say(restore->ctx, line);
}

/** Nothing in it but the lock of whoever restores. */
static bool folder_empty(const char *dir)
{
    DIR *listing = opendir(dir);
    bool empty = listing != NULL;

    for (const struct dirent *name = empty ? readdir(listing) : NULL; name != NULL && empty;
         name = readdir(listing))
        empty = strcmp(name->d_name, ".") == 0 || strcmp(name->d_name, "..") == 0 ||
                strcmp(name->d_name, "lock") == 0;
    if (listing != NULL)
        closedir(listing);
    return empty;
}

static bool is_segment(const char *name)
{
    return strlen(name) == PART_NAME_DIGITS + 4 && strspn(name, "0123456789") == PART_NAME_DIGITS &&
           strcmp(name + PART_NAME_DIGITS, ".seg") == 0;
}

static enum status copy_bytes(const struct restore *restore, int from, int to)
{
    uint64_t offset = 0;
    size_t len = PIECE_BYTES;
    enum status status = STATUS_OK;

    /* Zeros too: the file that is appended to is filled ahead (PITFALLS J2). */
    while (status == STATUS_OK && len == PIECE_BYTES) {
        status = file_read(from, restore->piece, PIECE_BYTES, offset, &len);
        if (status == STATUS_OK)
            status = file_write(to, restore->piece, len, offset);
        offset += len;
    }
    if (status == STATUS_OK)
        status = file_flush(to);
    file_forget(from);
    file_forget(to);
    return status;
}

static enum status copy_segment(const struct restore *restore, const char *from_dir,
                                const char *to_dir, const char *name)
{
    struct path from_path = file_path(from_dir, name);
    struct path to_path = file_path(to_dir, name);
    int from = -1;
    int to = -1;
    enum status status = file_open(from_path.text, O_RDONLY | O_NOFOLLOW, &from);

    if (status == STATUS_OK)
        status = file_open(to_path.text, O_WRONLY | O_CREAT | O_EXCL, &to);
    if (status == STATUS_OK)
        status = copy_bytes(restore, from, to);
    if (from >= 0)
        close(from);
    if (to >= 0)
        close(to);
    if (status != STATUS_OK)
        say(restore, "%s: it cannot be copied: %s", from_path.text, status_text(status));
    return status;
}

/** All segments into journal.tmp, which then becomes journal. */
static enum status copy_journal(struct restore *restore)
{
    struct path from = file_path(restore->from, "journal");
    struct path fresh = file_path(restore->to, "journal.tmp");
    struct path to = file_path(restore->to, "journal");
    enum status status = file_make_dir(fresh.text, restore->to);
    DIR *listing = opendir(from.text);

    if (listing == NULL) {
        say(restore, "%s: no such folder; a backup has one", from.text);
        return STATUS_NOT_FOUND;
    }
    for (const struct dirent *name = readdir(listing); name != NULL && status == STATUS_OK;
         name = readdir(listing)) {
        if (!is_segment(name->d_name))
            continue;
        status = copy_segment(restore, from.text, fresh.text, name->d_name);
        restore->segments++;
    }
    closedir(listing);
    if (status == STATUS_OK && restore->segments == 0) {
        say(restore, "%s: no journal in it", from.text);
        status = STATUS_NOT_FOUND;
    }
    if (status == STATUS_OK)
        status = file_flush_dir(fresh.text);
    if (status == STATUS_OK)
        status = file_rename(fresh.text, to.text, restore->to);
    return status;
}

/** Opening it builds the state. */
static enum status build_state(struct restore *restore, uint64_t map_bytes)
{
    struct store_options options = {
        .dir = restore->to, .segment_bytes = SEGMENT_BYTES_MIN, .map_bytes = map_bytes};
    struct store_report report;
    struct store *store;
    char fault[400];
    enum status status = store_open(&store, &options, &report, fault, sizeof fault);

    if (status != STATUS_OK) {
        say(restore, "%s", fault);
        return status;
    }
    store_close(store);
    say(restore, "journal: %u segments copied; state: built from %llu entries",
        (unsigned)restore->segments, (unsigned long long)report.entries_replayed);
    return STATUS_OK;
}

static void take_away(const struct restore *restore)
{
    static const char *const made[] = {"journal.tmp", "journal", "state.tmp", "state"};

    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        struct path path = file_path(restore->to, made[i]);
        if (file_remove_dir(path.text) != STATUS_OK)
            say(restore, "%s: it cannot be removed", path.text);
    }
}

enum status store_restore(const char *from, const char *to, uint64_t map_bytes,
                          const struct store_expected *expected,
                          void (*say_line)(void *ctx, const char *line), void *ctx)
{
    struct restore restore = {.from = from, .to = to, .say = say_line, .ctx = ctx};

    if (strlen(from) > FILE_PATH_SIZE - 64 || strlen(to) > FILE_PATH_SIZE - 64)
        return STATUS_INVALID;
    struct path parent = file_path(to, "..");
    enum status status = file_exists(to) ? STATUS_OK : file_make_dir(to, parent.text);
    if (status == STATUS_OK && !folder_empty(to)) {
        say(&restore, "%s: it is not empty, and nothing is overwritten", to);
        return STATUS_EXISTS;
    }
    if (status == STATUS_OK) {
        restore.piece = malloc(PIECE_BYTES);
        status = restore.piece != NULL ? STATUS_OK : STATUS_NO_MEMORY;
    }
    if (status == STATUS_OK)
        status = copy_journal(&restore);
    if (status == STATUS_OK)
        status = build_state(&restore, map_bytes);
    if (status == STATUS_OK)
        status = store_verify_against(to, map_bytes, expected, say_line, ctx);
    if (status != STATUS_OK)
        take_away(&restore);
    free(restore.piece);
    return status;
}
