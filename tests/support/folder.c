/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/folder.h"

#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct folder folder_new(void)
{
    const char *memory = access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp";
    const char *wanted = getenv("COMMISSION_TEST_FOLDER");
    struct folder folder;

    snprintf(folder.path, sizeof folder.path, "%s/commission-test.XXXXXX",
             wanted != NULL ? wanted : memory);
    CHECK(mkdtemp(folder.path) != NULL);
    return folder;
}

void folder_make(const struct folder *folder)
{
    CHECK(mkdir(folder->path, 0700) == 0);
}

static int remove_one(const char *path, const struct stat *about, int kind, struct FTW *place)
{
    (void)about;
    (void)kind;
    (void)place;
    return remove(path);
}

void folder_remove(const struct folder *folder)
{
    (void)nftw(folder->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void folder_clear(const struct folder *folder, const char *name)
{
    struct folder path = folder_of(folder, name);

    folder_remove(&path);
}

struct folder folder_of(const struct folder *folder, const char *name)
{
    struct folder path;
    int len = snprintf(path.path, sizeof path.path, "%s/%s", folder->path, name);

    CHECK(len > 0);
    CHECK((size_t)len < sizeof path.path);
    return path;
}

uint8_t *folder_load(const char *path, size_t *ret_len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat about;

    CHECK(fd >= 0);
    CHECK(fstat(fd, &about) == 0);
    uint8_t *bytes = malloc((size_t)about.st_size + 1);
    CHECK(bytes != NULL);
    CHECK(read(fd, bytes, (size_t)about.st_size) == about.st_size);
    close(fd);
    *ret_len = (size_t)about.st_size;
    return bytes;
}

void folder_write(const char *path, const void *bytes, size_t len, size_t offset)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);

    CHECK(fd >= 0);
    CHECK(lseek(fd, (off_t)offset, SEEK_SET) == (off_t)offset);
    CHECK(write(fd, bytes, len) == (ssize_t)len);
    close(fd);
}
