/* SPDX-License-Identifier: Apache-2.0 */
/* read.h - a file of open contracting data: is it one, and which releases are in it? */
#ifndef COMMISSION_OCDS_READ_H
#define COMMISSION_OCDS_READ_H

#include "clients/ocds/release.h"
#include "proto/base.h"
#include "proto/status.h"

/* Their JSON is held in memory as long as the import runs. */
#define OCDS_FILE_BYTES_MAX (256u * 1024 * 1024)

/**
 * What was read: releases in the file's order. With an error among @faults (OCDS_NOT_JSON, OCDS_NOT_UTF8, OCDS_NOT_A_PACKAGE,
 * OCDS_VERSION_UNSUPPORTED) the file, or the rest of it, could not be read; @releases are those before.
 */
struct ocds_file {
    struct ocds_release *releases;
    uint32_t count;
    uint32_t max;
    struct ocds_faults faults;
};

/**
 * Read @bytes: one release; a release package; a list of releases; or several of these one after the other, such as
 * one a line (JSONL). Record packages are not read, and refused by that name.
 * STATUS_OK: *@ret is the caller's, to be released with ocds_file_free(). STATUS_NO_MEMORY.
 */
MUST_USE enum status ocds_read(struct slice bytes, struct ocds_file **ret);
/** Release; NULL is fine. Returns NULL. */
struct ocds_file *ocds_file_free(struct ocds_file *file);

/**
 * Among @releases, @count pointers, find those with the ocid and id of an earlier one, and set their namesake to the first of that
 * name. Whether they say the same is not looked at. STATUS_NO_MEMORY.
 */
MUST_USE enum status ocds_find_namesakes(struct ocds_release *const *releases, uint32_t count);

#endif
