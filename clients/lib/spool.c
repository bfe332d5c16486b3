/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/lib/spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clients/lib/client.h"

#define FILE_NAME_SIZE 96
#define EVENT_SUFFIX ".event"
#define REASONS_SUFFIX ".reasons"
#define NEW_NAME "new"
#define TRIES_NAME "tries"
#define MAGIC "CSPOOL1\n"
#define HEAD_BYTES 16 /* magic, length, checksum */
#define FILE_BYTES_MAX (HEAD_BYTES + EVENT_BYTES_MAX)
#define TRIES_BYTES_MAX ((size_t)256 * 1024 * 1024)

/* ---- names ---- */

/* 00000000000000000007-1525132800000-0190a5d200007000800000000000000a.event */
static void print_name(const struct commission_spooled *event, const char *suffix,
                       char ret[FILE_NAME_SIZE])
{
    char id[2 * EVENT_ID_BYTES + 1];

    for (uint32_t i = 0; i < EVENT_ID_BYTES; i++)
        snprintf(id + (size_t)2 * i, 3, "%02x", event->id.bytes[i]);
    snprintf(ret, FILE_NAME_SIZE, "%020" PRIu64 "-%013" PRId64 "-%s%s", event->number,
             event->put_at_ms, id, suffix);
}

/* Exactly @len digits, and then @end. */
static bool parse_digits(const char **text, size_t len, char end, uint64_t *ret)
{
    uint64_t value = 0;

    for (size_t i = 0; i < len; i++) {
        char c = (*text)[i];
        if (c < '0' || c > '9' || value > (UINT64_MAX - 9) / 10)
            return false;
        value = value * 10 + (uint64_t)(c - '0');
    }
    if ((*text)[len] != end)
        return false;
    *text += len + 1;
    *ret = value;
    return true;
}

/* False: the name is of no event. */
static bool parse_name(const char *name, struct commission_spooled *ret)
{
    struct commission_spooled event = {.number = 0};
    char id[2 * EVENT_ID_BYTES + 1];
    char again[FILE_NAME_SIZE];
    const char *rest = name;
    uint64_t at_ms;

    if (!parse_digits(&rest, 20, '-', &event.number) || !parse_digits(&rest, 13, '-', &at_ms) ||
        strlen(rest) != 2 * EVENT_ID_BYTES + strlen(EVENT_SUFFIX))
        return false;
    memcpy(id, rest, 2 * EVENT_ID_BYTES);
    id[2 * EVENT_ID_BYTES] = '\0';
    if (!event_id_parse(id, &event.id))
        return false;
    event.put_at_ms = (int64_t)at_ms;
    print_name(&event, EVENT_SUFFIX, again);
    *ret = event;
    return strcmp(again, name) == 0;
}

/* ---- files ---- */

/* CRC-32 (IEEE): against chance, in a file that only we write. */
static uint32_t checksum(struct slice bytes)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= bytes.bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1u)));
    }
    return ~crc;
}

static void put_u32(uint8_t *ret, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        ret[i] = (uint8_t)(value >> (8 * i));
}

static uint32_t get_u32(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
           (uint32_t)bytes[3] << 24;
}

static bool write_all(int fd, struct slice bytes)
{
    while (bytes.len > 0) {
        ssize_t written = write(fd, bytes.bytes, bytes.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes.bytes += written;
        bytes.len -= (size_t)written;
    }
    return true;
}

/* Under a name of its own until it is whole and flushed; the folder is the caller's to flush. */
static enum status write_file(int folder, const char *name, struct slice head, struct slice bytes)
{
    int fd = openat(folder, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return STATUS_IO_FAILED;
    bool written = write_all(fd, head) && write_all(fd, bytes) && fsync(fd) == 0;
    if (close(fd) != 0)
        written = false;
    if (!written || renameat(folder, NEW_NAME, folder, name) != 0) {
        (void)unlinkat(folder, NEW_NAME, 0);
        return STATUS_IO_FAILED;
    }
    return STATUS_OK;
}

static enum status flush_folder(int folder)
{
    return fsync(folder) == 0 ? STATUS_OK : STATUS_IO_FAILED;
}

/* As much as there is of at most @max bytes. */
static enum status read_file(int folder, const char *name, uint8_t *bytes, size_t max,
                             size_t *ret_len)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    size_t len = 0;
    ssize_t got = 1;

    if (fd < 0)
        return errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO_FAILED;
    while (got > 0 && len < max) {
        got = read(fd, bytes + len, max - len);
        if (got < 0 && errno == EINTR) {
            got = 1;
            continue;
        }
        len += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    *ret_len = len;
    return got < 0 ? STATUS_IO_FAILED : STATUS_OK;
}

/* ---- open, close ---- */

/* Ours alone: whoever else may write here could send in our name. */
static bool is_private(int folder)
{
    struct stat about;

    return fstat(folder, &about) == 0 && about.st_uid == geteuid() && (about.st_mode & 077) == 0;
}

static bool flush_parent(int folder)
{
    int parent = openat(folder, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (parent < 0)
        return errno == EACCES; /* not ours to look into: it was there before us */
    bool flushed = fsync(parent) == 0;
    close(parent);
    return flushed;
}

/* @name in @folder, or anywhere with AT_FDCWD; made and made durable where it is not there. */
static enum status open_folder(int folder, const char *name, int *ret)
{
    bool made = mkdirat(folder, name, 0700) == 0;

    if (!made && errno != EEXIST)
        return STATUS_IO_FAILED;
    int fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return STATUS_IO_FAILED;
    *ret = fd;
    if (!is_private(fd))
        return STATUS_REFUSED;
    return !made || flush_parent(fd) ? STATUS_OK : STATUS_IO_FAILED;
}

static int open_lock(int folder, const char *name)
{
    return openat(folder, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

enum status commission_spool_open(struct commission_spool **ret, const char *path)
{
    struct commission_spool *spool = calloc(1, sizeof *spool);

    if (spool == NULL)
        return STATUS_NO_MEMORY;
    spool->folder = spool->rejected = spool->lock = spool->flushing = -1;
    enum status status = STATUS_NO_MEMORY;
    spool->bytes = malloc(FILE_BYTES_MAX + 1);
    if (spool->bytes == NULL)
        goto fail;
    status = open_folder(AT_FDCWD, path, &spool->folder);
    if (status == STATUS_OK)
        status = open_folder(spool->folder, "rejected", &spool->rejected);
    if (status != STATUS_OK)
        goto fail;
    spool->lock = open_lock(spool->folder, "lock");
    spool->flushing = open_lock(spool->folder, "flushing");
    status = STATUS_IO_FAILED;
    if (spool->lock < 0 || spool->flushing < 0)
        goto fail;

    *ret = spool;
    return STATUS_OK;

fail:
    commission_spool_close(spool);
    return status;
}

struct commission_spool *commission_spool_close(struct commission_spool *spool)
{
    if (spool == NULL)
        return NULL;
    const int fds[] = {spool->folder, spool->rejected, spool->lock, spool->flushing};
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    free(spool->listed);
    free(spool->bytes);
    free(spool);
    return NULL;
}

/* ---- what is there ---- */

static enum status list_push(struct commission_spool *spool, const struct commission_spooled *event)
{
    if (spool->listed_count == COMMISSION_SPOOL_EVENTS_MAX)
        return STATUS_TOO_LARGE;
    if (spool->listed_count == spool->listed_max) {
        uint32_t max = spool->listed_max == 0 ? 256 : 2 * spool->listed_max;
        void *larger = realloc(spool->listed, max * sizeof *spool->listed);
        if (larger == NULL)
            return STATUS_NO_MEMORY;
        spool->listed = larger;
        spool->listed_max = max;
    }
    spool->listed[spool->listed_count++] = *event;
    return STATUS_OK;
}

static int by_number(const void *a, const void *b)
{
    const struct commission_spooled *x = a;
    const struct commission_spooled *y = b;

    return x->number < y->number ? -1 : x->number > y->number;
}

/* Add the events of @folder to the list, in their order. */
static enum status look_into(struct commission_spool *spool, int folder, bool rejected)
{
    uint32_t from = spool->listed_count;
    int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *names = fd < 0 ? NULL : fdopendir(fd);
    enum status status = STATUS_OK;

    if (names == NULL) {
        if (fd >= 0)
            close(fd);
        return STATUS_IO_FAILED;
    }
    while (status == STATUS_OK) {
        struct commission_spooled event;
        errno = 0;
        const struct dirent *name = readdir(names);
        if (name == NULL) {
            status = errno == 0 ? STATUS_OK : STATUS_IO_FAILED;
            break;
        }
        if (!parse_name(name->d_name, &event))
            continue;
        event.rejected = rejected;
        status = list_push(spool, &event);
    }
    closedir(names);
    if (spool->listed_count > from)
        qsort(spool->listed + from, spool->listed_count - from, sizeof *spool->listed, by_number);
    return status;
}

enum status spool_look(struct commission_spool *spool)
{
    spool->listed_count = 0;
    enum status status = look_into(spool, spool->folder, false);
    spool->waiting_count = spool->listed_count;
    if (status == STATUS_OK)
        status = look_into(spool, spool->rejected, true);
    return status;
}

/* "number tries when what went wrong", a line each. A line that is none says nothing. */
static void learn_tries(struct commission_spool *spool, char *text)
{
    char *rest = NULL;

    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        struct commission_spooled key = {.number = 0};
        struct spool_tried tried = {.number = 0};
        int at = 0;
        if (sscanf(line, "%" SCNu64 " %" SCNu32 " %" SCNd64 " %n", &key.number, &tried.tries,
                   &tried.at_ms, &at) != 3 ||
            at == 0)
            continue;
        struct commission_spooled *event =
            bsearch(&key, spool->listed, spool->waiting_count, sizeof *spool->listed, by_number);
        if (event == NULL)
            continue;
        event->tries = tried.tries;
        event->tried_at_ms = tried.at_ms;
        snprintf(event->error, sizeof event->error, "%s", line + at);
    }
}

static void load_tries(struct commission_spool *spool)
{
    struct stat about;
    size_t len;

    if (fstatat(spool->folder, TRIES_NAME, &about, AT_SYMLINK_NOFOLLOW) != 0 ||
        (size_t)about.st_size > TRIES_BYTES_MAX)
        return;
    char *text = malloc((size_t)about.st_size + 1);
    if (text != NULL && read_file(spool->folder, TRIES_NAME, (uint8_t *)text, (size_t)about.st_size,
                                  &len) == STATUS_OK) {
        text[len] = '\0';
        if (spool->waiting_count > 0)
            learn_tries(spool, text);
    }
    free(text);
}

static void load_reasons(struct commission_spool *spool, struct commission_spooled *event)
{
    char name[FILE_NAME_SIZE];
    char text[sizeof event->error];
    size_t len;

    print_name(event, REASONS_SUFFIX, name);
    if (read_file(spool->rejected, name, (uint8_t *)text, sizeof text - 1, &len) != STATUS_OK)
        return;
    text[len] = '\0';
    text[strcspn(text, "\n")] = '\0';
    memcpy(event->error, text, sizeof text);
}

enum status commission_spool_list(struct commission_spool *spool,
                                  const struct commission_spooled **ret, uint32_t *ret_count)
{
    enum status status = spool_look(spool);

    if (status != STATUS_OK)
        return status;
    load_tries(spool);
    for (uint32_t i = spool->waiting_count; i < spool->listed_count; i++)
        load_reasons(spool, &spool->listed[i]);
    *ret = spool->listed;
    *ret_count = spool->listed_count;
    return STATUS_OK;
}

enum status commission_spool_read(struct commission_spool *spool,
                                  const struct commission_spooled *event, struct slice *ret)
{
    char name[FILE_NAME_SIZE];
    size_t len;

    print_name(event, EVENT_SUFFIX, name);
    enum status status = read_file(event->rejected ? spool->rejected : spool->folder, name,
                                   spool->bytes, FILE_BYTES_MAX + 1, &len);
    if (status != STATUS_OK)
        return status;
    struct slice bytes = {spool->bytes + HEAD_BYTES, len < HEAD_BYTES ? 0 : len - HEAD_BYTES};
    if (len <= HEAD_BYTES || memcmp(spool->bytes, MAGIC, strlen(MAGIC)) != 0 ||
        get_u32(spool->bytes + 8) != bytes.len || get_u32(spool->bytes + 12) != checksum(bytes))
        return STATUS_MALFORMED;
    *ret = bytes;
    return STATUS_OK;
}

/* ---- putting ---- */

struct known {
    struct event_id id;
    uint32_t index;
};

static int by_id(const void *a, const void *b)
{
    const struct known *x = a;
    const struct known *y = b;

    return memcmp(x->id.bytes, y->id.bytes, EVENT_ID_BYTES);
}

static bool same_bytes(struct commission_spool *spool, const struct commission_spooled *event,
                       struct slice bytes)
{
    struct slice kept;

    return commission_spool_read(spool, event, &kept) == STATUS_OK && kept.len == bytes.len &&
           memcmp(kept.bytes, bytes.bytes, bytes.len) == 0;
}

/* Does @bytes wait already? @known: those that wait, by id; an id may stand there for two workflows. */
static bool waits_already(struct commission_spool *spool, const struct known *known,
                          struct event_id id, struct slice bytes)
{
    struct known key = {.id = id};
    const struct known *found =
        spool->waiting_count == 0
            ? NULL
            : bsearch(&key, known, spool->waiting_count, sizeof *known, by_id);
    if (found == NULL)
        return false;
    while (found > known && by_id(found - 1, &key) == 0)
        found--;
    for (; found < known + spool->waiting_count && by_id(found, &key) == 0; found++) {
        if (same_bytes(spool, &spool->listed[found->index], bytes))
            return true;
    }
    return false;
}

static struct known *known_new(const struct commission_spool *spool)
{
    struct known *known = calloc((size_t)spool->waiting_count + 1, sizeof *known);

    for (uint32_t i = 0; known != NULL && i < spool->waiting_count; i++)
        known[i] = (struct known){spool->listed[i].id, i};
    if (known != NULL && spool->waiting_count > 0)
        qsort(known, spool->waiting_count, sizeof *known, by_id);
    return known;
}

/*
 * No number comes twice: above all that are there, and above what the lock's file remembers of those
 * that are not any more. (Should its few bytes be lost in a crash, those that are there suffice.)
 */
static uint64_t next_number(struct commission_spool *spool)
{
    uint64_t last = 0;
    uint8_t kept[8];

    for (uint32_t i = 0; i < spool->listed_count; i++) {
        if (spool->listed[i].number > last)
            last = spool->listed[i].number;
    }
    if (pread(spool->lock, kept, sizeof kept, 0) == (ssize_t)sizeof kept) {
        uint64_t number = (uint64_t)get_u32(kept) | (uint64_t)get_u32(kept + 4) << 32;
        if (number > last && number < UINT64_MAX / 20)
            last = number;
    }
    return last + 1;
}

static void keep_number(struct commission_spool *spool, uint64_t last)
{
    uint8_t kept[8];

    put_u32(kept, (uint32_t)last);
    put_u32(kept + 4, (uint32_t)(last >> 32));
    (void)!pwrite(spool->lock, kept, sizeof kept, 0);
}

static int64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum status put_one(struct commission_spool *spool, uint64_t number, int64_t now_ms,
                           struct event_id id, struct slice bytes)
{
    struct commission_spooled event = {.number = number, .id = id, .put_at_ms = now_ms};
    uint8_t head[HEAD_BYTES] = MAGIC;
    char name[FILE_NAME_SIZE];

    put_u32(head + 8, (uint32_t)bytes.len);
    put_u32(head + 12, checksum(bytes));
    print_name(&event, EVENT_SUFFIX, name);
    return write_file(spool->folder, name, (struct slice){head, sizeof head}, bytes);
}

static enum status put_all(struct commission_spool *spool, const struct known *known,
                           const struct slice *events, uint32_t count)
{
    uint64_t number = next_number(spool);
    uint64_t first = number;
    int64_t now_ms = wall_ms();
    enum status status = STATUS_OK;

    for (uint32_t i = 0; status == STATUS_OK && i < count; i++) {
        struct event_id id;
        if (events[i].len > EVENT_BYTES_MAX)
            status = STATUS_TOO_LARGE;
        else if (!sender_find_event_id(events[i], &id))
            status = STATUS_MALFORMED;
        else if (!waits_already(spool, known, id, events[i]))
            status = put_one(spool, number++, now_ms, id, events[i]);
    }
    if (number > first)
        keep_number(spool, number - 1);
    /* Also where nothing was written: those that wait may be a killed process's, not flushed yet. */
    enum status flushed = flush_folder(spool->folder);
    return status != STATUS_OK ? status : flushed;
}

enum status commission_spool_put(struct commission_spool *spool, const struct slice *events,
                                 uint32_t count)
{
    while (flock(spool->lock, LOCK_EX) != 0) {
        if (errno != EINTR)
            return STATUS_IO_FAILED;
    }
    enum status status = spool_look(spool);
    if (status == STATUS_OK && count > COMMISSION_SPOOL_EVENTS_MAX - spool->listed_count)
        status = STATUS_TOO_LARGE;
    if (status == STATUS_OK) {
        struct known *known = known_new(spool);
        status = known == NULL ? STATUS_NO_MEMORY : put_all(spool, known, events, count);
        free(known);
    }
    (void)flock(spool->lock, LOCK_UN);
    return status;
}

/* ---- leaving ---- */

enum status spool_lock_flush(struct commission_spool *spool)
{
    if (flock(spool->flushing, LOCK_EX | LOCK_NB) == 0)
        return STATUS_OK;
    return errno == EWOULDBLOCK ? STATUS_LOCKED : STATUS_IO_FAILED;
}

void spool_unlock_flush(struct commission_spool *spool)
{
    (void)flock(spool->flushing, LOCK_UN);
}

static enum status unlink_one(int folder, const char *name)
{
    return unlinkat(folder, name, 0) == 0 || errno == ENOENT ? STATUS_OK : STATUS_IO_FAILED;
}

enum status spool_remove(struct commission_spool *spool, const struct commission_spooled *event)
{
    char name[FILE_NAME_SIZE];

    print_name(event, EVENT_SUFFIX, name);
    return unlink_one(spool->folder, name);
}

/* The reasons first: an event never stands aside without them. */
enum status spool_set_aside(struct commission_spool *spool, const struct commission_spooled *event,
                            const char *reasons)
{
    char name[FILE_NAME_SIZE];

    print_name(event, REASONS_SUFFIX, name);
    enum status status = write_file(spool->rejected, name, (struct slice){0},
                                    (struct slice){(const uint8_t *)reasons, strlen(reasons)});
    if (status != STATUS_OK)
        return status;
    print_name(event, EVENT_SUFFIX, name);
    if (renameat(spool->folder, name, spool->rejected, name) != 0)
        return STATUS_IO_FAILED;
    status = flush_folder(spool->rejected);
    return status == STATUS_OK ? flush_folder(spool->folder) : status;
}

void spool_keep_tries(struct commission_spool *spool, const struct spool_tried *tried,
                      uint32_t count)
{
    if (count == 0) {
        (void)unlink_one(spool->folder, TRIES_NAME);
        return;
    }
    int fd = openat(spool->folder, TRIES_NAME ".new",
                    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (file == NULL) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        fprintf(file, "%" PRIu64 " %" PRIu32 " %" PRId64 " %s\n", tried[i].number, tried[i].tries,
                tried[i].at_ms, tried[i].error);
    bool written = fflush(file) == 0;
    if (fclose(file) == 0 && written)
        (void)!renameat(spool->folder, TRIES_NAME ".new", spool->folder, TRIES_NAME);
}

enum status commission_spool_discard(struct commission_spool *spool,
                                     const struct commission_spooled *event)
{
    char name[FILE_NAME_SIZE];
    int folder = event->rejected ? spool->rejected : spool->folder;

    enum status status = spool_lock_flush(spool);
    if (status != STATUS_OK)
        return status;
    print_name(event, EVENT_SUFFIX, name);
    if (unlinkat(folder, name, 0) != 0)
        status = errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO_FAILED;
    print_name(event, REASONS_SUFFIX, name);
    if (status == STATUS_OK && event->rejected)
        status = unlink_one(folder, name);
    if (status == STATUS_OK)
        status = flush_folder(folder);
    spool_unlock_flush(spool);
    return status;
}
