/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define ZEROS_BYTES (256 * 1024)

/** What errno says, in our words. */
static enum status status_of(int code)
{
    switch (code) {
    case ENOENT:
        return STATUS_NOT_FOUND;
    case EEXIST:
        return STATUS_EXISTS;
    case ENOSPC:
    case EDQUOT:
        return STATUS_STORE_FULL;
    case ENOMEM:
        return STATUS_NO_MEMORY;
    default:
        return STATUS_IO_FAILED;
    }
}

struct path file_path(const char *dir, const char *name)
{
    struct path path;
    int len = snprintf(path.text, sizeof path.text, "%s/%s", dir, name);

    CHECK(len > 0);
    CHECK((size_t)len < sizeof path.text);
    return path;
}

enum status file_write(int fd, const void *bytes, size_t len, uint64_t offset)
{
    const uint8_t *at = bytes;

    while (len > 0) {
        ssize_t written = pwrite(fd, at, len, (off_t)offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return status_of(errno);
        if (written == 0)
            return STATUS_IO_FAILED;
        at += written;
        len -= (size_t)written;
        offset += (uint64_t)written;
    }
    return STATUS_OK;
}

enum status file_write_zeros(int fd, uint64_t len, uint64_t offset)
{
    static const uint8_t zeros[ZEROS_BYTES];

    while (len > 0) {
        size_t piece = len < sizeof zeros ? (size_t)len : sizeof zeros;
        enum status status = file_write(fd, zeros, piece, offset);
        if (status != STATUS_OK)
            return status;
        len -= piece;
        offset += piece;
    }
    return STATUS_OK;
}

enum status file_read(int fd, void *ret, size_t len, uint64_t offset, size_t *ret_len)
{
    uint8_t *at = ret;
    size_t got = 0;

    while (got < len) {
        ssize_t bytes = pread(fd, at + got, len - got, (off_t)(offset + got));
        if (bytes < 0 && errno == EINTR)
            continue;
        if (bytes < 0)
            return STATUS_IO_FAILED;
        if (bytes == 0)
            break;
        got += (size_t)bytes;
    }
    *ret_len = got;
    return STATUS_OK;
}

enum status file_flush(int fd)
{
    return fdatasync(fd) == 0 ? STATUS_OK : STATUS_IO_FAILED;
}

void file_start_flush(int fd, uint64_t offset, uint64_t len)
{
    /* Only a hint: the flush that counts comes later and says what failed. */
    (void)sync_file_range(fd, (off_t)offset, (off_t)len, SYNC_FILE_RANGE_WRITE);
}

enum status file_flush_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return STATUS_IO_FAILED;
    int failed = fsync(fd);
    close(fd);
    return failed == 0 ? STATUS_OK : STATUS_IO_FAILED;
}

enum status file_open(const char *path, int flags, int *ret)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);

    if (fd < 0)
        return status_of(errno);
    *ret = fd;
    return STATUS_OK;
}

enum status file_reserve(int fd, uint64_t len)
{
    int code = posix_fallocate(fd, 0, (off_t)len);

    if (code == 0 || code == EOPNOTSUPP || code == EINVAL)
        return STATUS_OK;
    return status_of(code);
}

void file_forget(int fd)
{
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}

void file_forget_range(int fd, uint64_t offset, uint64_t len)
{
    (void)posix_fadvise(fd, (off_t)offset, (off_t)len, POSIX_FADV_DONTNEED);
}

enum status file_size(int fd, uint64_t *ret)
{
    struct stat about;

    if (fstat(fd, &about) != 0)
        return STATUS_IO_FAILED;
    *ret = (uint64_t)about.st_size;
    return STATUS_OK;
}

bool file_exists(const char *path)
{
    struct stat about;

    return stat(path, &about) == 0;
}

enum status file_make_dir(const char *dir, const char *parent)
{
    if (mkdir(dir, 0700) == 0)
        return file_flush_dir(parent);
    struct stat about;
    if (errno == EEXIST && stat(dir, &about) == 0 && S_ISDIR(about.st_mode))
        return STATUS_OK;
    return errno == ENOSPC ? STATUS_STORE_FULL : STATUS_IO_FAILED;
}

enum status file_rename(const char *from, const char *to, const char *dir)
{
    if (rename(from, to) != 0)
        return errno == ENOSPC ? STATUS_STORE_FULL : STATUS_IO_FAILED;
    return file_flush_dir(dir);
}

enum status file_remove_dir(const char *dir)
{
    DIR *listing = opendir(dir);

    if (listing == NULL)
        return errno == ENOENT ? STATUS_OK : STATUS_IO_FAILED;
    for (const struct dirent *name = readdir(listing); name != NULL; name = readdir(listing)) {
        if (strcmp(name->d_name, ".") == 0 || strcmp(name->d_name, "..") == 0)
            continue;
        if (unlinkat(dirfd(listing), name->d_name, 0) != 0) {
            closedir(listing);
            return STATUS_IO_FAILED;
        }
    }
    closedir(listing);
    return rmdir(dir) == 0 ? STATUS_OK : STATUS_IO_FAILED;
}

uint64_t file_room(const char *dir)
{
    struct statvfs about;

    if (statvfs(dir, &about) != 0)
        return 0;
    return (uint64_t)about.f_bavail * about.f_frsize;
}
