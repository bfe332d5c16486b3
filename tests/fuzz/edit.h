/* SPDX-License-Identifier: Apache-2.0 */
/* edit.h - damage to a file's bytes, as a fuzzer can vary it: a row of small edits. */
/*
 * An edit is 6 bytes: where u32 (of the bytes there are, modulo), what u8, and a value u8:
 *   what % 4 = 0  exclusive-or with the value (or 1, so that something changes)
 *              1  the value itself
 *              2  a sector of 512 bytes becomes zeros
 *              3  a sector becomes the one that lies value + 1 sectors before it
 */
#ifndef COMMISSION_TESTS_EDIT_H
#define COMMISSION_TESTS_EDIT_H

#include <string.h>

#include "proto/base.h"

#define EDIT_BYTES 6
#define EDITS_MAX 64
#define EDIT_SECTOR 512

static inline void edit_once(const uint8_t edit[EDIT_BYTES], uint8_t *bytes, size_t len)
{
    uint32_t at = (uint32_t)edit[0] | (uint32_t)edit[1] << 8 | (uint32_t)edit[2] << 16 |
                  (uint32_t)edit[3] << 24;
    size_t place = at % len;
    size_t sector = place - place % EDIT_SECTOR;
    size_t sector_len = len - sector < EDIT_SECTOR ? len - sector : EDIT_SECTOR;
    size_t back = ((size_t)edit[5] + 1) * EDIT_SECTOR;

    switch (edit[4] % 4) {
    case 0:
        bytes[place] = (uint8_t)(bytes[place] ^ (edit[5] != 0 ? edit[5] : 1));
        break;
    case 1:
        bytes[place] = edit[5];
        break;
    case 2:
        memset(bytes + sector, 0, sector_len);
        break;
    default:
        if (back <= sector)
            memmove(bytes + sector, bytes + sector - back, sector_len);
        break;
    }
}

/** Damage @bytes as @data says. */
static inline void edit_all(const uint8_t *data, size_t size, uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < EDITS_MAX && (i + 1) * EDIT_BYTES <= size; i++)
        edit_once(data + i * EDIT_BYTES, bytes, len);
}

#endif
