/* SPDX-License-Identifier: Apache-2.0 */
/* folder.h - a temporary folder for a test, in memory where there is such a place; and files in it by name. */
#ifndef COMMISSION_TESTS_FOLDER_H
#define COMMISSION_TESTS_FOLDER_H

#include "proto/base.h"

#define FOLDER_PATH_SIZE 512

struct folder {
    char path[FOLDER_PATH_SIZE];
};

/** Make a new folder; stops the test program when it cannot. */
struct folder folder_new(void);
/** Make an empty folder of this path; stops when it cannot. */
void folder_make(const struct folder *folder);
/** Remove it with all that is in it, folders too. */
void folder_remove(const struct folder *folder);
/** Remove what is called @name in it, with all that is in it; nothing there is fine. */
void folder_clear(const struct folder *folder, const char *name);

/** The path of @name in it. */
struct folder folder_of(const struct folder *folder, const char *name);
/** The whole file, malloc'ed; stops when it cannot be read. */
uint8_t *folder_load(const char *path, size_t *ret_len);
/** Overwrite @len bytes at @offset of a file that is there. */
void folder_write(const char *path, const void *bytes, size_t len, size_t offset);

#endif
