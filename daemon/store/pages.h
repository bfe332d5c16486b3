/* SPDX-License-Identifier: Apache-2.0 */
/* pages.h - is the state's file whole? Its pages read as bytes, without LMDB, which trusts them and would follow a wrong one anywhere. */
/*
 * From the newest of the two meta pages each tree is walked: every page is what it should be there, its nodes fit and fill it, keys
 * ascend, counts are right, no page belongs to two, and none that is in use is on the list of the free ones, where the next
 * transaction would overwrite it. What the rows say is not looked at: they carry digests, and are compared with the journal.
 */
#ifndef COMMISSION_PAGES_H
#define COMMISSION_PAGES_H

#include "proto/base.h"
#include "proto/status.h"

#define PAGES_TEXT_SIZE 200

/**
 * Check the file data.mdb in @dir, which nobody writes meanwhile. STATUS_STORE_CORRUPT: @text says which page, and what is wrong.
 * STATUS_NOT_FOUND: there is none. STATUS_IO_FAILED, STATUS_NO_MEMORY.
 */
MUST_USE enum status pages_check(const char *dir, char text[PAGES_TEXT_SIZE]);

#endif
