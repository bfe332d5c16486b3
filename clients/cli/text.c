/* SPDX-License-Identifier: Apache-2.0 */
/* text.c - growing texts; escaping for terminals and JSON; numbers and money for people. */

#include "clients/cli/print.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

/* ---- growing ------------------------------------------------------------------------------ */

/** Room for @len bytes more and a NUL. The tool has nothing to save when memory is gone: it stops. */
static void text_reserve(struct text *text, size_t len)
{
    size_t wanted = text->len + len + 1;
    if (wanted <= text->max)
        return;
    size_t max = text->max < 64 ? 64 : text->max;
    while (max < wanted)
        max *= 2;
    char *bytes = realloc(text->bytes, max);
    if (bytes == NULL) {
        fputs("commission: out of memory\n", stderr);
        exit(EXIT_FAILED);
    }
    text->bytes = bytes;
    text->max = max;
}

void text_add_bytes(struct text *text, const char *bytes, size_t len)
{
    text_reserve(text, len);
    if (len > 0)
        memcpy(text->bytes + text->len, bytes, len);
    text->len += len;
    text->bytes[text->len] = '\0';
}

void text_add(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    CHECK(len >= 0);
    text_reserve(text, (size_t)len);
    vsnprintf(text->bytes + text->len, (size_t)len + 1, format, again);
    va_end(again);
    text->len += (size_t)len;
}

void text_clear(struct text *text)
{
    free(text->bytes);
    *text = (struct text){0};
}

struct slice slice_of(const char *text)
{
    if (text == NULL)
        return (struct slice){0};
    return (struct slice){(const uint8_t *)text, strlen(text)};
}

/* ---- escaping ----------------------------------------------------------------------------- */

/** Decode one character of UTF-8 at @bytes. Returns its length, or 0: none begins here. */
static size_t character_at(const uint8_t *bytes, size_t len, uint32_t *ret)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t count;
    uint32_t point;
    if (bytes[0] < 0x80) {
        *ret = bytes[0];
        return 1;
    }
    if (bytes[0] >= 0xc2 && bytes[0] < 0xe0) {
        count = 2;
        point = bytes[0] & 0x1fu;
    } else if (bytes[0] >= 0xe0 && bytes[0] < 0xf0) {
        count = 3;
        point = bytes[0] & 0x0fu;
    } else if (bytes[0] >= 0xf0 && bytes[0] < 0xf5) {
        count = 4;
        point = bytes[0] & 0x07u;
    } else {
        return 0;
    }
    if (count > len)
        return 0;
    for (size_t i = 1; i < count; i++) {
        if ((bytes[i] & 0xc0u) != 0x80)
            return 0;
        point = point << 6 | (bytes[i] & 0x3fu);
    }
    if (point < least[count] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000))
        return 0;
    *ret = point;
    return count;
}

/** Characters that move a terminal's cursor or turn the direction of what follows. */
static bool unsafe(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x200e || point == 0x200f ||
           (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069) ||
           point == 0xfeff;
}

void text_add_safe(struct text *text, struct slice slice)
{
    for (size_t i = 0; i < slice.len;) {
        uint32_t point = 0;
        size_t len = character_at(slice.bytes + i, slice.len - i, &point);
        if (len == 0) {
            text_add(text, "\\x%02x", (unsigned)slice.bytes[i]);
            len = 1;
        } else if (point == '\n') {
            text_add_bytes(text, "\\n", 2);
        } else if (point == '\t') {
            text_add_bytes(text, "\\t", 2);
        } else if (unsafe(point)) {
            text_add(text, point < 0x80 ? "\\x%02x" : "\\u%04x", (unsigned)point);
        } else {
            text_add_bytes(text, (const char *)slice.bytes + i, len);
        }
        i += len;
    }
    if (text->bytes == NULL)
        text_add_bytes(text, "", 0);
}

void text_add_json(struct text *text, struct slice slice)
{
    text_add_bytes(text, "\"", 1);
    for (size_t i = 0; i < slice.len;) {
        uint32_t point = 0;
        size_t len = character_at(slice.bytes + i, slice.len - i, &point);
        if (len == 0) {
            text_add_bytes(text, "\xef\xbf\xbd", 3);
            len = 1;
        } else if (point == '"' || point == '\\') {
            char escaped[2] = {'\\', (char)point};
            text_add_bytes(text, escaped, 2);
        } else if (unsafe(point)) {
            text_add(text, "\\u%04x", (unsigned)point);
        } else {
            text_add_bytes(text, (const char *)slice.bytes + i, len);
        }
        i += len;
    }
    text_add_bytes(text, "\"", 1);
}

/* ---- numbers ------------------------------------------------------------------------------ */

void number_print(const char *digits, size_t len, char ret[32])
{
    size_t at = 0;
    size_t sign = len > 0 && (digits[0] == '-' || digits[0] == '+') ? 1 : 0;
    if (len > 22)
        len = 22; /* 64 bits have 20 digits; with separators all of it fits 32 */
    for (size_t i = 0; i < len; i++) {
        if (i > sign && (len - i) % 3 == 0)
            ret[at++] = ',';
        ret[at++] = digits[i];
    }
    ret[at] = '\0';
}

void pence_print(int64_t pence, char ret[40])
{
    char digits[24];
    char pounds[32];
    uint64_t size = pence < 0 ? 0 - (uint64_t)pence : (uint64_t)pence;
    int len = snprintf(digits, sizeof digits, "%s%" PRIu64, pence < 0 ? "-" : "", size / 100);
    number_print(digits, (size_t)len, pounds);
    snprintf(ret, 40, "%s.%02u", pounds, (unsigned)(size % 100));
}
