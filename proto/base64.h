/* SPDX-License-Identifier: Apache-2.0 */
/* base64.h - bytes as text (RFC 4648). */
#ifndef COMMISSION_BASE64_H
#define COMMISSION_BASE64_H

#include "proto/base.h"

/** How many characters @bytes bytes are, padded; without a NUL. */
#define BASE64_LEN(bytes) (((bytes) + 2) / 3 * 4)

/** Read base64 or base64url, padded or not, into @ret of @max bytes. False: it is none, or longer. */
MUST_USE bool base64_read(const char *text, size_t len, uint8_t *ret, size_t max, size_t *ret_len);

/** Write @bytes padded, BASE64_LEN(@bytes.len) characters and no NUL, to @ret. */
void base64_write(struct slice bytes, char *ret);

#endif
