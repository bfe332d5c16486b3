/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#define FILE_BYTES_MAX 4096
#define Z85_LEN 40
#define Z85 "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"

bool key_parse(const char *text, struct key *ret)
{
    /* libzmq's decoder does not look at what is no Z85, so we do. */
    if (strnlen(text, Z85_LEN + 1) != Z85_LEN || strspn(text, Z85) != Z85_LEN)
        return false;
    struct key key;
    if (zmq_z85_decode(key.bytes, text) == NULL)
        return false;
    *ret = key;
    return true;
}

/** Take "name = value" apart; false: the line is something else. */
static bool line_take(char *line, const char *name, struct key *ret, bool *taken)
{
    size_t len = strlen(name);
    if (strncmp(line, name, len) != 0)
        return true;
    char *value = line + len;
    value += strspn(value, " \t");
    if (*value != '=' || *taken)
        return false;
    value++;
    value += strspn(value, " \t");
    value[strcspn(value, " \t\r")] = '\0';
    *taken = key_parse(value, ret);
    return *taken;
}

/** A Z85 key may hold a # itself, so only a line that begins with one is a comment. */
static bool text_take(char *text, struct keyfile *ret)
{
    struct key secret = {{0}};
    bool public_taken = false;
    bool secret_taken = false;
    bool fine = true;
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line != NULL && fine; line = strsep(&rest, "\n")) {
        line += strspn(line, " \t\r");
        if (*line == '\0' || *line == '#')
            continue;
        fine = strncmp(line, "public", 6) == 0 || strncmp(line, "secret", 6) == 0;
        fine = fine && line_take(line, "public", &ret->public_key, &public_taken) &&
               line_take(line, "secret", &secret, &secret_taken);
    }
    memcpy(ret->secret_key, secret.bytes, KEY_BYTES);
    sodium_memzero(&secret, sizeof secret);
    return fine && public_taken && secret_taken;
}

/** Does the public key belong to the secret one? */
static bool pair_fits(const struct keyfile *keyfile)
{
    uint8_t expected[KEY_BYTES];
    return crypto_scalarmult_base(expected, keyfile->secret_key) == 0 &&
           memcmp(expected, keyfile->public_key.bytes, KEY_BYTES) == 0;
}

enum status keyfile_open(const char *path, int *ret, char *text, size_t text_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        snprintf(text, text_size, "%s: %s", path, strerror(errno));
        return errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO_FAILED;
    }
    struct stat stat;
    if (fstat(fd, &stat) != 0 || !S_ISREG(stat.st_mode)) {
        snprintf(text, text_size, "%s: not a plain file", path);
        close(fd);
        return STATUS_REFUSED;
    }
    if ((stat.st_mode & (S_IRWXG | S_IRWXO)) != 0 && stat.st_uid == geteuid()) {
        snprintf(text, text_size, "%s: others may read it; do: chmod 600 %s", path, path);
        close(fd);
        return STATUS_REFUSED;
    }
    if ((stat.st_mode & (S_IWGRP | S_IRWXO)) != 0) {
        snprintf(text, text_size, "%s: others may read or write it", path);
        close(fd);
        return STATUS_REFUSED;
    }
    *ret = fd;
    return STATUS_OK;
}

enum status keyfile_read(const char *path, struct keyfile *ret, char *text, size_t text_size)
{
    int fd = -1;
    enum status status = keyfile_open(path, &fd, text, text_size);
    if (status != STATUS_OK)
        return status;

    char bytes[FILE_BYTES_MAX + 1];
    ssize_t len = read(fd, bytes, FILE_BYTES_MAX);
    close(fd);
    if (len < 0) {
        snprintf(text, text_size, "%s: %s", path, strerror(errno));
        return STATUS_IO_FAILED;
    }
    bytes[len] = '\0';

    /* Without the right to lock we go on: the limit may be 0 in a container. */
    (void)sodium_mlock(ret, sizeof *ret);
    bool fine = strlen(bytes) == (size_t)len && text_take(bytes, ret);
    sodium_memzero(bytes, sizeof bytes);
    if (!fine)
        snprintf(text, text_size, "%s: not a key file (public = ..., secret = ...)", path);
    else if (!pair_fits(ret)) {
        snprintf(text, text_size, "%s: the public key is not the secret key's", path);
        fine = false;
    }
    if (!fine) {
        keyfile_clear(ret);
        return STATUS_INVALID;
    }
    return STATUS_OK;
}

void keyfile_clear(struct keyfile *keyfile)
{
    sodium_munlock(keyfile, sizeof *keyfile);
}
