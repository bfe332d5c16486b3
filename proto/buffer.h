/* SPDX-License-Identifier: Apache-2.0 */
/* buffer.h - bytes being written. */
#ifndef COMMISSION_BUFFER_H
#define COMMISSION_BUFFER_H

#include "proto/base.h"

/**
 * Bytes being written; grows nowhere. @full: something did not fit and was left out whole; from then on
 * nothing is appended any more, so that order holds, until the owner sets @full to false.
 */
struct buffer {
    uint8_t *bytes;
    size_t len;
    size_t max;
    bool full;
};

#endif
