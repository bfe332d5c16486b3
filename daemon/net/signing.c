/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/signing.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "daemon/net/keyfile.h"

#define FILE_BYTES_MAX 1024
#define PUBLIC "public = "
#define SECRET "secret = "

/* ---- files ---- */

static bool write_all(int fd, const char *text)
{
    size_t len = strlen(text);

    while (len > 0) {
        ssize_t written = write(fd, text, len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        text += written;
        len -= (size_t)written;
    }
    return true;
}

/** fsync the folder that @path is in. */
static bool flush_folder(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int len = slash == NULL   ? snprintf(folder, sizeof folder, ".")
              : slash == path ? snprintf(folder, sizeof folder, "/")
                              : snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);

    if (len < 0 || (size_t)len >= sizeof folder)
        return false;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool flushed = fsync(fd) == 0;
    close(fd);
    return flushed;
}

enum status signing_keep(const char *path, const char *text)
{
    char fresh[PATH_MAX];
    int len = snprintf(fresh, sizeof fresh, "%s.tmp", path);

    if (len < 0 || (size_t)len >= sizeof fresh)
        return STATUS_IO_FAILED;
    (void)unlink(fresh);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return STATUS_IO_FAILED;
    bool fine = write_all(fd, text) && fsync(fd) == 0;
    fine = close(fd) == 0 && fine;
    fine = fine && rename(fresh, path) == 0 && flush_folder(path);
    if (!fine)
        (void)unlink(fresh);
    return fine ? STATUS_OK : STATUS_IO_FAILED;
}

/** All of a small file, NUL-terminated. */
static enum status read_all(int fd, char ret[FILE_BYTES_MAX + 1])
{
    size_t len = 0;

    while (len < FILE_BYTES_MAX) {
        ssize_t got = read(fd, ret + len, FILE_BYTES_MAX - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return STATUS_IO_FAILED;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    ret[len] = '\0';
    return STATUS_OK;
}

enum status signing_kept(const char *path, struct statement_key key, struct statement *ret)
{
    char text[FILE_BYTES_MAX + 1];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd < 0)
        return errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO_FAILED;
    enum status status = read_all(fd, text);
    close(fd);
    if (status != STATUS_OK)
        return status;
    return statement_verify((struct slice){(const uint8_t *)text, strlen(text)}, key, ret);
}

/* ---- the key ---- */

/** The two lines, and nothing else. */
static bool parse(const char *text, struct signing *ret)
{
    struct statement_key wanted;
    struct statement_key seed;
    size_t line = strlen(PUBLIC) + STATEMENT_KEY_TEXT_SIZE - 1;

    bool fine =
        strlen(text) == 2 * (line + 1) && strncmp(text, PUBLIC, strlen(PUBLIC)) == 0 &&
        text[line] == '\n' && strncmp(text + line + 1, SECRET, strlen(SECRET)) == 0 &&
        text[2 * line + 1] == '\n' &&
        statement_key_parse(text + strlen(PUBLIC), STATEMENT_KEY_TEXT_SIZE - 1, &wanted) &&
        statement_key_parse(text + line + 1 + strlen(SECRET), STATEMENT_KEY_TEXT_SIZE - 1, &seed);
    if (fine) {
        statement_key_pair(seed.bytes, &ret->public_key, ret->secret);
        fine = memcmp(&wanted, &ret->public_key, sizeof wanted) == 0;
    }
    sodium_memzero(&seed, sizeof seed);
    return fine;
}

static enum status make(const char *path)
{
    struct statement_key seed;
    struct signing signing;
    char public_text[STATEMENT_KEY_TEXT_SIZE];
    char secret_text[STATEMENT_KEY_TEXT_SIZE];
    char text[FILE_BYTES_MAX];

    randombytes_buf(seed.bytes, sizeof seed.bytes);
    statement_key_pair(seed.bytes, &signing.public_key, signing.secret);
    statement_key_print(signing.public_key, public_text);
    statement_key_print(seed, secret_text);
    (void)snprintf(text, sizeof text, PUBLIC "%s\n" SECRET "%s\n", public_text, secret_text);
    enum status status = signing_keep(path, text);
    sodium_memzero(&seed, sizeof seed);
    sodium_memzero(&signing, sizeof signing);
    sodium_memzero(secret_text, sizeof secret_text);
    sodium_memzero(text, sizeof text);
    return status;
}

enum status signing_open(const char *path, struct signing *ret, bool *ret_made, char *text,
                         size_t text_size)
{
    char bytes[FILE_BYTES_MAX + 1];
    int fd = -1;

    *ret_made = false;
    if (sodium_init() < 0)
        return STATUS_NO_MEMORY;
    enum status status = keyfile_open(path, &fd, text, text_size);
    if (status == STATUS_NOT_FOUND) {
        *ret_made = true;
        status = make(path);
        if (status != STATUS_OK)
            snprintf(text, text_size, "%s: the key cannot be made: %s", path, strerror(errno));
        else
            status = keyfile_open(path, &fd, text, text_size);
    }
    if (status != STATUS_OK)
        return status;
    status = read_all(fd, bytes);
    close(fd);
    /* Without the right to lock we go on: the limit may be 0 in a container. */
    (void)sodium_mlock(ret, sizeof *ret);
    if (status == STATUS_OK && !parse(bytes, ret))
        status = STATUS_INVALID;
    sodium_memzero(bytes, sizeof bytes);
    if (status == STATUS_OK)
        return STATUS_OK;
    snprintf(text, text_size, "%s: not a signing key (public = ..., secret = ...)", path);
    signing_clear(ret);
    return status;
}

void signing_clear(struct signing *signing)
{
    sodium_munlock(signing, sizeof *signing);
}
