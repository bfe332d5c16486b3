/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/base64.h"

#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** The value of a digit of either alphabet, or -1. */
static int value_of(char c)
{
    const char *at = c != '\0' ? strchr(digits, c) : NULL;

    if (c == '-')
        return 62;
    if (c == '_')
        return 63;
    return at != NULL ? (int)(at - digits) : -1;
}

bool base64_read(const char *text, size_t len, uint8_t *ret, size_t max, size_t *ret_len)
{
    uint32_t bits = 0;
    uint32_t bits_count = 0;
    size_t written = 0;

    if (len >= 4 && len % 4 == 0 && text[len - 1] == '=')
        len -= text[len - 2] == '=' ? 2 : 1;
    for (size_t i = 0; i < len; i++) {
        int value = value_of(text[i]);
        if (value < 0)
            return false;
        bits = (bits << 6 | (uint32_t)value) & 0xFFFF;
        bits_count += 6;
        if (bits_count < 8)
            continue;
        if (written == max)
            return false;
        bits_count -= 8;
        ret[written++] = (uint8_t)(bits >> bits_count);
    }
    *ret_len = written;
    return len % 4 != 1;
}

void base64_write(struct slice bytes, char *ret)
{
    for (size_t in = 0, out = 0; in < bytes.len; in += 3, out += 4) {
        size_t left = bytes.len - in;
        uint32_t bits = (uint32_t)bytes.bytes[in] << 16;
        bits |= left > 1 ? (uint32_t)bytes.bytes[in + 1] << 8 : 0;
        bits |= left > 2 ? bytes.bytes[in + 2] : 0;
        ret[out] = digits[bits >> 18];
        ret[out + 1] = digits[bits >> 12 & 63];
        ret[out + 2] = left > 1 ? digits[bits >> 6 & 63] : '=';
        ret[out + 3] = left > 2 ? digits[bits & 63] : '=';
    }
}
