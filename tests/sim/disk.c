/* SPDX-License-Identifier: Apache-2.0 */
/* disk.c - the folder that every seed begins with, zeros that cost nothing, and calls that fail (linked with --wrap). */
#include "tests/sim/sim.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store/file.h"
#include "daemon/store/segment.h"
#include "tests/support/folder.h"

#define KEPT_MAX 8
#define SECTOR 512
#define HOLE_BYTES 4096 /* zeros that are handed out where there is a hole */

struct MDB_txn;
ssize_t __real_pwrite(int fd, const void *bytes, size_t len, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t len, off_t offset);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_fsync(int fd);
int __real_mdb_txn_commit(struct MDB_txn *txn);
int __wrap_mdb_txn_commit(struct MDB_txn *txn);
void mdb_txn_abort(struct MDB_txn *txn);
enum status __real_file_write_zeros(int fd, uint64_t len, uint64_t offset);
enum status __wrap_file_write_zeros(int fd, uint64_t len, uint64_t offset);
enum status __real_file_read(int fd, void *ret, size_t len, uint64_t offset, size_t *ret_len);
enum status __wrap_file_read(int fd, void *ret, size_t len, uint64_t offset, size_t *ret_len);
void __real_scan_begin(struct scan *scan, int fd, const struct segment_head *head);
void __wrap_scan_begin(struct scan *scan, int fd, const struct segment_head *head);
enum status __real_scan_tail(struct scan *scan, uint64_t *ret_torn_bytes,
                             char text[SEGMENT_TEXT_SIZE]);
enum status __wrap_scan_tail(struct scan *scan, uint64_t *ret_torn_bytes,
                             char text[SEGMENT_TEXT_SIZE]);
enum status __wrap_file_reserve(int fd, uint64_t len);
uint64_t __wrap_file_room(const char *dir);

/** A file as it is at the beginning; what follows its bytes is zeros. */
struct kept {
    char path[FOLDER_PATH_SIZE];
    uint8_t *bytes;
    size_t len;
    size_t size;
};

/* One folder for the whole program. */
static struct {
    struct folder folder;
    struct kept kept[KEPT_MAX];
    uint32_t kept_count;
    enum disk_fault fault;
    uint64_t chance;
    bool fired;
    bool full;
    int scanned; /* the segment being scanned from front to back */
    bool scanning;
} disk;

void disk_plan(enum disk_fault fault, uint64_t chance)
{
    disk.fault = fault;
    disk.chance = chance;
    disk.fired = false;
}

bool disk_fired(void)
{
    return disk.fired;
}

void disk_set_full(bool full)
{
    disk.full = full;
}

static bool fires(bool of_kind)
{
    if (!of_kind || disk.fault == DISK_NONE)
        return false;
    disk.fault = DISK_NONE;
    disk.fired = true;
    return true;
}

/* ---- calls that may fail ---- */

/** Some of the sectors reach the disk, in no order; or its front does. */
static void write_torn(int fd, const uint8_t *bytes, size_t len, off_t offset)
{
    uint64_t chance = disk.chance;

    if (chance % 2 == 0) {
        (void)__real_pwrite(fd, bytes, len * (chance / 2 % 100) / 100, offset);
        return;
    }
    size_t at = 0;
    while (at < len) {
        size_t sector = SECTOR - (size_t)offset % SECTOR;
        size_t piece = sector < len - at ? sector : len - at;
        chance = chance * UINT64_C(6364136223846793005) + 1;
        if ((chance >> 60) < 8)
            (void)__real_pwrite(fd, bytes + at, piece, offset);
        at += piece;
        offset += (off_t)piece;
    }
}

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    enum disk_fault fault = disk.fault;

    if (!fires(fault >= DISK_WRITE_FAILS && fault <= DISK_WRITE_FULL))
        return __real_pwrite(fd, bytes, len, offset);
    if (fault == DISK_WRITE_TORN)
        write_torn(fd, bytes, len, offset);
    errno = fault == DISK_WRITE_FULL ? ENOSPC : EIO;
    return -1;
}

int __wrap_fdatasync(int fd)
{
    (void)fd; /* what the kernel was given stays: it is not the machine that goes down here */
    if (!fires(disk.fault == DISK_FLUSH_FAILS))
        return 0;
    errno = EIO;
    return -1;
}

int __wrap_fsync(int fd)
{
    (void)fd;
    return 0;
}

int __wrap_mdb_txn_commit(struct MDB_txn *txn)
{
    if (!fires(disk.fault == DISK_COMMIT_FAILS))
        return __real_mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return EIO;
}

uint64_t __wrap_file_room(const char *dir)
{
    (void)dir;
    return disk.full ? 0 : UINT64_C(1) << 40;
}

/* ---- zeros ---- */

enum status __wrap_file_reserve(int fd, uint64_t len)
{
    (void)fd;
    (void)len;
    return STATUS_OK;
}

enum status __wrap_file_write_zeros(int fd, uint64_t len, uint64_t offset)
{
    uint64_t size;

    if (file_size(fd, &size) != STATUS_OK)
        return STATUS_IO_FAILED;
    if (offset >= size)
        return ftruncate(fd, (off_t)(offset + len)) == 0 ? STATUS_OK : STATUS_IO_FAILED;
    if (offset + len == size && ftruncate(fd, (off_t)offset) == 0 &&
        ftruncate(fd, (off_t)size) == 0)
        return STATUS_OK;
    return __real_file_write_zeros(fd, len, offset);
}

enum status __wrap_file_read(int fd, void *ret, size_t len, uint64_t offset, size_t *ret_len)
{
    uint64_t size;

    /* A large read is a scan: from where there is only a hole on, zeros need not be fetched. */
    off_t hole = len >= 65536 ? lseek(fd, (off_t)offset, SEEK_HOLE) : -1;
    if (hole < 0 || lseek(fd, hole, SEEK_DATA) >= 0 || file_size(fd, &size) != STATUS_OK ||
        offset > size)
        return __real_file_read(fd, ret, len, offset, ret_len);
    size_t there = len < size - offset ? len : (size_t)(size - offset);
    size_t data = (size_t)((uint64_t)hole - offset);
    data = data < there ? data : there;
    /* The scan asks for more than it needs; it ends at the first batch that is none. */
    if (disk.scanning && disk.scanned == fd && there > data + HOLE_BYTES)
        there = data + HOLE_BYTES;
    enum status status = __real_file_read(fd, ret, data, offset, ret_len);
    if (status != STATUS_OK)
        return status;
    memset((uint8_t *)ret + data, 0, there - data);
    *ret_len = there;
    return STATUS_OK;
}

void __wrap_scan_begin(struct scan *scan, int fd, const struct segment_head *head)
{
    disk.scanned = fd;
    disk.scanning = true;
    __real_scan_begin(scan, fd, head);
}

/** Where the file ends in a hole and there are only zeros before it, the tail need not be looked through. */
enum status __wrap_scan_tail(struct scan *scan, uint64_t *ret_torn_bytes,
                             char text[SEGMENT_TEXT_SIZE])
{
    static const uint8_t zeros[2 * HOLE_BYTES];
    uint8_t bytes[2 * HOLE_BYTES];
    off_t offset = (off_t)scan_place(scan).offset;
    off_t hole = lseek(disk.scanned, offset, SEEK_HOLE);

    disk.scanning = false;
    if (hole >= offset && (size_t)(hole - offset) <= sizeof bytes &&
        lseek(disk.scanned, hole, SEEK_DATA) < 0 &&
        pread(disk.scanned, bytes, (size_t)(hole - offset), offset) == hole - offset &&
        memcmp(bytes, zeros, (size_t)(hole - offset)) == 0) {
        *ret_torn_bytes = 0;
        return STATUS_OK;
    }
    return __real_scan_tail(scan, ret_torn_bytes, text);
}

/* ---- the folder ---- */

const char *disk_dir(void)
{
    return disk.folder.path;
}

void disk_open(void)
{
    disk.folder = folder_new();
}

void disk_close(void)
{
    for (uint32_t i = 0; i < disk.kept_count; i++)
        free(disk.kept[i].bytes);
    folder_remove(&disk.folder);
}

static void keep_file(const char *path)
{
    CHECK(disk.kept_count < KEPT_MAX);
    struct kept *kept = &disk.kept[disk.kept_count++];
    int len = snprintf(kept->path, sizeof kept->path, "%s", path);
    CHECK(len > 0);
    CHECK((size_t)len < sizeof kept->path);
    kept->bytes = folder_load(path, &kept->size);
    kept->len = kept->size;
    while (kept->len > 0 && kept->bytes[kept->len - 1] == 0)
        kept->len--;
}

static const char *const parts[] = {"journal", "state"};

/** Call @each with every file of the two folders but LMDB's lock. */
static void walk(void (*each)(const char *path))
{
    for (uint32_t i = 0; i < ARRAY_LEN(parts); i++) {
        struct folder part = folder_of(&disk.folder, parts[i]);
        DIR *listing = opendir(part.path);
        CHECK(listing != NULL);
        for (struct dirent *name = readdir(listing); name != NULL; name = readdir(listing)) {
            if (name->d_name[0] != '.' && strcmp(name->d_name, "lock.mdb") != 0)
                each(folder_of(&part, name->d_name).path);
        }
        closedir(listing);
    }
}

void disk_keep(void)
{
    walk(keep_file);
}

static void drop_unknown(const char *path)
{
    for (uint32_t i = 0; i < disk.kept_count; i++) {
        if (strcmp(disk.kept[i].path, path) == 0)
            return;
    }
    CHECK(unlink(path) == 0);
}

void disk_restore(void)
{
    disk_plan(DISK_NONE, 0);
    disk.full = false;
    walk(drop_unknown);
    for (uint32_t i = 0; i < disk.kept_count; i++) {
        const struct kept *kept = &disk.kept[i];
        int fd = open(kept->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        CHECK(fd >= 0);
        CHECK(ftruncate(fd, (off_t)kept->len) == 0);
        CHECK(__real_pwrite(fd, kept->bytes, kept->len, 0) == (ssize_t)kept->len);
        CHECK(ftruncate(fd, (off_t)kept->size) == 0);
        close(fd);
    }
}
