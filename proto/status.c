/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/status.h"

const char *status_name(enum status status)
{
#define STATUS_NAME(name, text) #name,
    static const char *const names[] = { STATUS_LIST(STATUS_NAME) };
#undef STATUS_NAME
    static_assert(ARRAY_LEN(names) == STATUS_COUNT, "every status has a name");

    return (size_t)status < ARRAY_LEN(names) ? names[status] : "?";
}

const char *status_text(enum status status)
{
#define STATUS_TEXT(name, text) text,
    static const char *const texts[] = { STATUS_LIST(STATUS_TEXT) };
#undef STATUS_TEXT
    static_assert(ARRAY_LEN(texts) == STATUS_COUNT, "every status has a text");

    return (size_t)status < ARRAY_LEN(texts) ? texts[status] : "?";
}
