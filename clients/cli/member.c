/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/cli/member.h"

#include <stdlib.h>
#include <string.h>

static bool blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',' || c == ':';
}

/** The next index from @at on that is neither white nor a comma nor a colon. */
static size_t skip_blanks(struct slice json, size_t at)
{
    while (at < json.len && blank(json.bytes[at]))
        at++;
    return at;
}

/** Behind the string whose quote stands at @at. */
static size_t skip_string(struct slice json, size_t at)
{
    for (at++; at < json.len && json.bytes[at] != '"'; at++) {
        if (json.bytes[at] == '\\')
            at++;
    }
    return at < json.len ? at + 1 : json.len;
}

/** Behind the value that begins at @at. */
static size_t skip_value(struct slice json, size_t at)
{
    size_t depth = 0;
    do {
        uint8_t c = at < json.len ? json.bytes[at] : '}';
        if (c == '"') {
            at = skip_string(json, at);
            continue;
        }
        if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && depth == 0)
            return at;
        else if (c == '}' || c == ']')
            depth--;
        else if (depth == 0 && blank(c))
            return at;
        at++;
        if ((c == '}' || c == ']') && depth == 0)
            return at;
    } while (at < json.len && (depth > 0 || (!blank(json.bytes[at]) && json.bytes[at] != '"')));
    return at < json.len ? at : json.len;
}

/** The quote of the name @name of the object at @at; json.len: it has none. */
static size_t find_name(struct slice json, size_t at, const char *name, size_t len)
{
    if (at >= json.len || json.bytes[at] != '{')
        return json.len;
    for (at = skip_blanks(json, at + 1); at < json.len && json.bytes[at] == '"';
         at = skip_blanks(json, at)) {
        size_t behind = skip_string(json, at);
        if (behind - at == len + 2 && memcmp(json.bytes + at + 1, name, len) == 0)
            return at;
        at = skip_value(json, skip_blanks(json, behind));
    }
    return json.len;
}

/** The item @item of the list at @at; json.len: it has none. */
static size_t find_item(struct slice json, size_t at, unsigned long item)
{
    if (at >= json.len || json.bytes[at] != '[')
        return json.len;
    at = skip_blanks(json, at + 1);
    for (; item > 0 && at < json.len && json.bytes[at] != ']'; item--)
        at = skip_blanks(json, skip_value(json, at));
    return at < json.len && json.bytes[at] != ']' ? at : json.len;
}

size_t member_find(struct slice json, const char *path)
{
    size_t value = skip_blanks(json, 0);
    size_t found = 0;
    while (*path != '\0') {
        size_t len = strcspn(path, ".[");
        size_t at;
        if (*path == '[') {
            char *end;
            at = find_item(json, value, strtoul(path + 1, &end, 10));
            path = *end == ']' ? end + 1 : end + strlen(end);
            value = at;
        } else {
            at = find_name(json, value, path, len);
            path += len;
            if (at < json.len)
                value = skip_blanks(json, skip_string(json, at));
        }
        if (at >= json.len)
            return found;
        found = at;
        if (*path == '.')
            path++;
    }
    return found;
}
