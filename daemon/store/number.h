/* SPDX-License-Identifier: Apache-2.0 */
/* number.h - little-endian numbers of fixed width in files. */
#ifndef COMMISSION_NUMBER_H
#define COMMISSION_NUMBER_H

#include "proto/base.h"

/** Write the @bytes (1..8) low bytes of @value. */
static inline void number_put(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

/** Read a number of @bytes (1..8) bytes. */
static inline uint64_t number_get(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

#endif
