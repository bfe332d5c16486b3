/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/ident.h"

#include <string.h>

static const char digits[] = "0123456789abcdef";

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

/** The value of a hexadecimal digit, or -1. */
static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/** Where a UUID's text has its hyphens, counted in bytes before them. */
static bool hyphen_before(size_t byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

bool event_id_parse(const char *text, struct event_id *ret)
{
    size_t len = strlen(text);
    bool hyphens = len == EVENT_ID_TEXT_SIZE - 1;
    struct event_id id;
    const char *at = text;

    if (!hyphens && len != 2 * (size_t)EVENT_ID_BYTES)
        return false;
    for (size_t i = 0; i < EVENT_ID_BYTES; i++) {
        if (hyphens && hyphen_before(i) && *at++ != '-')
            return false;
        int high = hex_value(at[0]);
        int low = high >= 0 ? hex_value(at[1]) : -1;
        if (low < 0)
            return false;
        id.bytes[i] = (uint8_t)(high * 16 + low);
        at += 2;
    }
    *ret = id;
    return true;
}

void event_id_print(struct event_id id, char ret[EVENT_ID_TEXT_SIZE])
{
    char *at = ret;

    for (size_t i = 0; i < EVENT_ID_BYTES; i++) {
        if (hyphen_before(i))
            *at++ = '-';
        *at++ = digits[id.bytes[i] >> 4];
        *at++ = digits[id.bytes[i] & 15];
    }
    *at = '\0';
}

bool event_id_equal(struct event_id a, struct event_id b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

void hash_print(struct hash hash, char ret[HASH_TEXT_SIZE])
{
    for (size_t i = 0; i < HASH_BYTES; i++) {
        ret[2 * i] = digits[hash.bytes[i] >> 4];
        ret[2 * i + 1] = digits[hash.bytes[i] & 15];
    }
    ret[HASH_TEXT_SIZE - 1] = '\0';
}

bool hash_equal(struct hash a, struct hash b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

static bool is_ods(const char *text, size_t len)
{
    if (len != 3 && len != 5)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(text[i]) && !is_upper(text[i]))
            return false;
    }
    return true;
}

static bool is_ons(const char *text, size_t len)
{
    if (len != 9 || !is_upper(text[0]))
        return false;
    for (size_t i = 1; i < len; i++) {
        if (!is_digit(text[i]))
            return false;
    }
    return true;
}

bool ods_parse(const char *text, size_t len, struct ods *ret)
{
    if (!is_ods(text, len) && !is_ons(text, len))
        return false;
    memset(ret, 0, sizeof *ret);
    memcpy(ret->text, text, len);
    return true;
}

bool ods_equal(struct ods a, struct ods b)
{
    return memcmp(a.text, b.text, sizeof a.text) == 0;
}

bool ods_empty(struct ods ods)
{
    return ods.text[0] == '\0';
}

static bool in_reference(char c)
{
    return is_digit(c) || is_upper(c) || is_lower(c) || c == '.' || c == '_' || c == ':' ||
           c == '-';
}

bool reference_parse(const char *text, size_t len, struct reference *ret)
{
    if (len < 1 || len >= REFERENCE_SIZE)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!in_reference(text[i]))
            return false;
    }
    memset(ret, 0, sizeof *ret);
    memcpy(ret->text, text, len);
    return true;
}

bool reference_equal(struct reference a, struct reference b)
{
    return memcmp(a.text, b.text, sizeof a.text) == 0;
}
