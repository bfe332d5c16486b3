/* SPDX-License-Identifier: Apache-2.0 */
/* status.h - failures: the world's fault, handed up unchanged. (What the sender did wrong is a reason.) */
#ifndef COMMISSION_STATUS_H
#define COMMISSION_STATUS_H

#include "proto/base.h"

/* clang-format off */
#define STATUS_LIST(X)                                                        \
    X(OK,             "ok")                                                   \
    X(NO_MEMORY,      "out of memory")                                        \
    X(MALFORMED,      "malformed message")                                    \
    X(TOO_LARGE,      "over its limit")                                       \
    X(UNSUPPORTED,    "version not supported")                                \
    X(NOT_FOUND,      "not found")                                            \
    X(EXISTS,         "exists already")                                       \
    X(BUSY,           "busy, try again later")                                \
    X(REFUSED,        "refused")                                              \
    X(UNREACHABLE,    "nobody answers")                                       \
    X(TIMED_OUT,      "timed out, the outcome is unknown")                    \
    X(INVALID,        "invalid setting")                                      \
    X(LOCKED,         "in use by another process")                            \
    X(IO_FAILED,      "input or output failed")                               \
    X(STORE_FULL,     "store is full")                                        \
    X(STORE_CORRUPT,  "store is corrupt")                                     \
    X(STORE_FAILED,   "store failed")                                         \
    X(STORE_AHEAD,    "state is ahead of the journal")                        \
    X(STORE_NEWER,    "store was written by a newer version")
/* clang-format on */

#define STATUS_ENUM(name, text) STATUS_##name,
enum status { STATUS_LIST(STATUS_ENUM) STATUS_COUNT };
#undef STATUS_ENUM

/** The name of @status, e.g. "STORE_FULL"; static. */
const char *status_name(enum status status);

/** What @status means, as part of a sentence; static. */
const char *status_text(enum status status);

#endif
