/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/lib/commission.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#define Z85_LEN (COMMISSION_KEY_TEXT_SIZE - 1)
#define KEY_FILE_BYTES_MAX 4096
#define OTHERS_BITS (S_IRWXG | S_IRWXO)

enum status commission_key_new(struct key *ret_public, uint8_t ret_secret[KEY_BYTES])
{
    char public_text[COMMISSION_KEY_TEXT_SIZE];
    char secret_text[COMMISSION_KEY_TEXT_SIZE];

    if (zmq_curve_keypair(public_text, secret_text) != 0)
        return STATUS_UNSUPPORTED;
    CHECK(zmq_z85_decode(ret_public->bytes, public_text) != NULL);
    CHECK(zmq_z85_decode(ret_secret, secret_text) != NULL);
    explicit_bzero(secret_text, sizeof secret_text);
    return STATUS_OK;
}

bool commission_key_parse(const char *text, struct key *ret)
{
    struct key key;

    if (strlen(text) != Z85_LEN || zmq_z85_decode(key.bytes, text) == NULL)
        return false;
    *ret = key;
    return true;
}

void commission_key_print(struct key key, char ret[COMMISSION_KEY_TEXT_SIZE])
{
    CHECK(zmq_z85_encode(ret, key.bytes, KEY_BYTES) != NULL);
}

/* ---- key files ---- */

/* The whole file as text. */
static enum status read_text(const char *path, bool secret, char text[KEY_FILE_BYTES_MAX + 1])
{
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO_FAILED;
    enum status status = STATUS_OK;
    ssize_t len = 0;
    if (fstat(fd, &about) != 0)
        status = STATUS_IO_FAILED;
    else if (!S_ISREG(about.st_mode) || about.st_size > KEY_FILE_BYTES_MAX)
        status = STATUS_INVALID;
    else if (secret && (about.st_mode & OTHERS_BITS) != 0)
        status = STATUS_REFUSED;
    if (status == STATUS_OK) {
        len = read(fd, text, KEY_FILE_BYTES_MAX);
        status = len < 0 ? STATUS_IO_FAILED : STATUS_OK;
    }
    close(fd);
    text[len < 0 ? 0 : len] = '\0';
    return status == STATUS_OK && strlen(text) != (size_t)len ? STATUS_INVALID : status;
}

static char *trimmed(char *text)
{
    while (isspace((unsigned char)*text))
        text++;
    size_t len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        text[--len] = '\0';
    return text;
}

struct key_file {
    struct key public_key;
    struct key secret_key;
    bool has_public;
    bool has_secret;
};

/* One line: "name = value", a comment, or nothing. False: none of them, or said twice. */
static bool read_line(char *line, struct key_file *file)
{
    line = trimmed(line);
    if (*line == '\0' || *line == '#')
        return true;
    char *equals = strchr(line, '=');
    if (equals == NULL)
        return false;
    *equals = '\0'; /* Z85 has '=' as well, but after this one */
    const char *name = trimmed(line);
    const char *value = trimmed(equals + 1);
    bool is_public = strcmp(name, "public") == 0;
    bool is_secret = strcmp(name, "secret") == 0;
    bool *has = is_public ? &file->has_public : &file->has_secret;
    if ((!is_public && !is_secret) || *has)
        return false;
    *has = commission_key_parse(value, is_public ? &file->public_key : &file->secret_key);
    return *has;
}

static bool read_lines(char *text, struct key_file *file)
{
    char *rest = NULL;

    for (char *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (!read_line(line, file))
            return false;
    }
    return file->has_public;
}

enum status commission_key_read(const char *path, struct key *ret_public, uint8_t *ret_secret)
{
    char text[KEY_FILE_BYTES_MAX + 1];
    struct key_file file = {.has_public = false};

    enum status status = read_text(path, ret_secret != NULL, text);
    if (status == STATUS_OK && !read_lines(text, &file))
        status = STATUS_INVALID;
    if (status == STATUS_OK && ret_secret != NULL && !file.has_secret)
        status = STATUS_INVALID;
    if (status == STATUS_OK) {
        *ret_public = file.public_key;
        if (ret_secret != NULL)
            memcpy(ret_secret, file.secret_key.bytes, KEY_BYTES);
    }
    explicit_bzero(text, sizeof text);
    explicit_bzero(&file, sizeof file);
    return status;
}

static bool write_all(int fd, const char *text, size_t len)
{
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

static bool write_lines(int fd, struct key public_key, const uint8_t *secret)
{
    char lines[2 * COMMISSION_KEY_TEXT_SIZE + 64];
    char value[COMMISSION_KEY_TEXT_SIZE];
    struct key secret_key;

    commission_key_print(public_key, value);
    int len = snprintf(lines, sizeof lines, "public = %s\n", value);
    if (secret != NULL) {
        memcpy(secret_key.bytes, secret, KEY_BYTES);
        commission_key_print(secret_key, value);
        len += snprintf(lines + len, sizeof lines - (size_t)len, "secret = %s\n", value);
        explicit_bzero(&secret_key, sizeof secret_key);
    }
    bool written = write_all(fd, lines, (size_t)len) && fsync(fd) == 0;
    explicit_bzero(lines, sizeof lines);
    explicit_bzero(value, sizeof value);
    return written;
}

enum status commission_key_write(const char *path, struct key public_key, const uint8_t *secret)
{
    mode_t mode = secret != NULL ? 0600 : 0644;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

    if (fd < 0)
        return errno == EEXIST ? STATUS_EXISTS : STATUS_IO_FAILED;
    bool written = fchmod(fd, mode) == 0 && write_lines(fd, public_key, secret);
    if (close(fd) != 0)
        written = false;
    if (!written)
        unlink(path); /* half a key is none */
    return written ? STATUS_OK : STATUS_IO_FAILED;
}
