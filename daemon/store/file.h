/* SPDX-License-Identifier: Apache-2.0 */
/* file.h - the store's system calls on files, in one place, so that tests can make the n-th one fail. */
#ifndef COMMISSION_FILE_H
#define COMMISSION_FILE_H

#include "proto/base.h"
#include "proto/status.h"

#define FILE_PATH_SIZE 1024

/** A path, made by file_path(). */
struct path {
    char text[FILE_PATH_SIZE];
};

/** @dir/@name; stops where it does not fit: lengths are checked when the store is opened. */
struct path file_path(const char *dir, const char *name);

/**
 * Write all of @bytes at @offset; a short write is finished.
 * STATUS_STORE_FULL: no space. STATUS_IO_FAILED: how much was written is unknown.
 */
MUST_USE enum status file_write(int fd, const void *bytes, size_t len, uint64_t offset);
/** Write @len zero bytes at @offset. As file_write(). */
MUST_USE enum status file_write_zeros(int fd, uint64_t len, uint64_t offset);
/** Read up to @len bytes at @offset; *@ret_len is less only at the file's end. STATUS_IO_FAILED. */
MUST_USE enum status file_read(int fd, void *ret, size_t len, uint64_t offset, size_t *ret_len);
/** fdatasync. STATUS_IO_FAILED: never try again on the same file, the pages may be gone (PITFALLS J1). */
MUST_USE enum status file_flush(int fd);
/** Let the kernel start to write what is dirty there; nothing is promised. */
void file_start_flush(int fd, uint64_t offset, uint64_t len);
/** fsync a directory, so that names made or changed in it last. STATUS_IO_FAILED. */
MUST_USE enum status file_flush_dir(const char *dir);

/** Open; close-on-exec. STATUS_OK: *@ret is the caller's to close(). STATUS_NOT_FOUND, STATUS_EXISTS (O_EXCL), STATUS_STORE_FULL, STATUS_IO_FAILED. */
MUST_USE enum status file_open(const char *path, int flags, int *ret);
/** Set aside the blocks of the first @len bytes, so that they do not run out later; where the file system cannot, nothing happens. STATUS_STORE_FULL, STATUS_IO_FAILED. */
MUST_USE enum status file_reserve(int fd, uint64_t len);
/** The pages of @fd are not wanted again soon (PITFALLS J8). */
void file_forget(int fd);
void file_forget_range(int fd, uint64_t offset, uint64_t len);
/** The size of @fd. STATUS_IO_FAILED. */
MUST_USE enum status file_size(int fd, uint64_t *ret);
bool file_exists(const char *path);
/** Make a directory, 0700, and flush its parent. One that is there is fine. STATUS_STORE_FULL, STATUS_IO_FAILED. */
MUST_USE enum status file_make_dir(const char *dir, const char *parent);
/** Rename and flush the directory. STATUS_STORE_FULL, STATUS_IO_FAILED. */
MUST_USE enum status file_rename(const char *from, const char *to, const char *dir);
/** Remove a directory with the files in it (no folders). One that is not there is fine. STATUS_IO_FAILED. */
MUST_USE enum status file_remove_dir(const char *dir);
/** Bytes that an unprivileged process may still write to the file system of @dir; 0 when it cannot be asked. */
uint64_t file_room(const char *dir);

#endif
