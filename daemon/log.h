/* SPDX-License-Identifier: Apache-2.0 */
/* log.h - what the operator reads: a constant phrase, then key=value. Seen by main and net only. */
/*
 * err      someone must act
 * warning  we went on without something
 * notice   life cycle
 * info     one line a second with counts
 * debug    one line a frame
 * Identifiers only: no payload, no key, no personal data.
 */
#ifndef COMMISSION_LOG_H
#define COMMISSION_LOG_H

#include "proto/base.h"

/* The numbers are syslog's. */
enum log_level {
    LOG_LEVEL_ERR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_NOTICE = 5,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7,
};

/** Where lines go and which. A value: main has the only one. */
struct log {
    int fd;
    bool journald; /* priorities are written as "<4>", else as "warning: " */
    enum log_level level;
    uint64_t lost; /* lines that nobody took */
};

/** Log to @fd (standard error) what is @level or graver; journald when $JOURNAL_STREAM names @fd. */
void log_init(struct log *log, int fd, enum log_level level);
/** Find a level by its name ("notice"). False: no such level. */
MUST_USE bool log_level_find(const char *name, enum log_level *ret);

/**
 * Write one line, at once or never: a reader who does not read does not stop us, the line is counted as lost. Control characters
 * become '?', what is longer than 1 KB is cut.
 */
void log_line(struct log *log, enum log_level level, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
