/* SPDX-License-Identifier: Apache-2.0 */
/* options.h - contexts (who am I, and where is the daemon), and values as people write them. */
#ifndef COMMISSION_OPTIONS_H
#define COMMISSION_OPTIONS_H

#include "clients/lib/commission.h"

#define CONTEXT_PATH_SIZE 4096
#define ENDPOINT_SIZE 256

/** A context file, read. */
struct context {
    char path[CONTEXT_PATH_SIZE]; /* of the file; "": none, only --endpoint and the like */
    char name[256];               /* its file's name */
    char endpoint[ENDPOINT_SIZE];
    struct key server_key;
    char key_path[CONTEXT_PATH_SIZE];
    struct ods organisation; /* "" where it says none */
};

#define CONTEXT_FAULT_SIZE 4608

/**
 * Read the context @name: a path, or a name in the folder of contexts. STATUS_OK, or STATUS_NOT_FOUND, STATUS_INVALID,
 * STATUS_IO_FAILED, and @fault says what is wrong, and where.
 */
MUST_USE enum status context_read(const char *name, struct context *ret,
                                  char fault[CONTEXT_FAULT_SIZE]);
/**
 * Write a context file at @path, 0600. @key_path and @server_key_path may be relative to it. No text has a single
 * quote or a backslash. STATUS_IO_FAILED.
 */
MUST_USE enum status context_write(const char *path, const char *endpoint,
                                   const char *server_key_path, const char *key_path,
                                   const char *organisation);
/** The folder of contexts: $XDG_CONFIG_HOME/commission/contexts, or ~/.config/... False: no home. */
MUST_USE bool context_folder(char ret[CONTEXT_PATH_SIZE]);
/** The name that is used when none is given: $COMMISSION_CONTEXT, or what `context use` said. False: none. */
MUST_USE bool context_default(char ret[CONTEXT_PATH_SIZE]);
/** From now on @name is used when none is given. */
MUST_USE enum status context_use(const char *name);

/** "500ms", "5s", "2m", "1h"; 1 ms to 24 h. False: it is none. */
MUST_USE bool duration_parse(const char *text, int64_t *ret_ms);
/** @text in capital letters, as codes and names are written; cut at @size - 1. */
void capitals(const char *text, char *ret, size_t size);
/** Decimal digits, nothing else, within 64 bits. */
MUST_USE bool number_parse(const char *text, uint64_t *ret);

#endif
