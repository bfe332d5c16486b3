/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/log.h"

#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Shorter than PIPE_BUF: a pipe that is writable takes it whole. */
#define LINE_SIZE 1024

static const struct {
    enum log_level level;
    const char *name;
} levels[] = {
    {LOG_LEVEL_ERR, "err"},   {LOG_LEVEL_WARNING, "warning"}, {LOG_LEVEL_NOTICE, "notice"},
    {LOG_LEVEL_INFO, "info"}, {LOG_LEVEL_DEBUG, "debug"},
};

static const char *level_name(enum log_level level)
{
    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        if (levels[i].level == level)
            return levels[i].name;
    }
    return "?";
}

bool log_level_find(const char *name, enum log_level *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        if (strcmp(levels[i].name, name) == 0) {
            *ret = levels[i].level;
            return true;
        }
    }
    return false;
}

/** Is @fd the stream to the journal that systemd gave us ("device:inode")? */
static bool is_journal(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat stat;
    if (stream == NULL || fstat(fd, &stat) != 0)
        return false;
    char own[64];
    snprintf(own, sizeof own, "%ju:%ju", (uintmax_t)stat.st_dev, (uintmax_t)stat.st_ino);
    return strcmp(stream, own) == 0;
}

void log_init(struct log *log, int fd, enum log_level level)
{
    *log = (struct log){.fd = fd, .journald = is_journal(fd), .level = level};
}

void log_line(struct log *log, enum log_level level, const char *format, ...)
{
    if (level > log->level)
        return;

    char line[LINE_SIZE];
    int start = log->journald ? snprintf(line, sizeof line, "<%d>", (int)level)
                              : snprintf(line, sizeof line, "%s: ", level_name(level));
    size_t room = sizeof line - (size_t)start - 1;
    va_list arguments;
    va_start(arguments, format);
    int text = vsnprintf(line + start, room, format, arguments);
    va_end(arguments);
    if (text < 0)
        return;
    size_t len = (size_t)start + ((size_t)text < room ? (size_t)text : room - 1);
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)line[i] < ' ' || line[i] == '\x7f')
            line[i] = '?';
    }
    line[len++] = '\n';

    struct pollfd pollfd = {.fd = log->fd, .events = POLLOUT};
    if (poll(&pollfd, 1, 0) != 1 || write(log->fd, line, len) != (ssize_t)len)
        log->lost++;
}
