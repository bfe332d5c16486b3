/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/reason.h"

#include <string.h>

struct description {
    const char *name;
    const char *rule;
    enum severity severity;
    const char *text;
};

#define REASON_DESCRIPTION(name, rule, severity, text) {#name, rule, SEVERITY_##severity, text},
static const struct description descriptions[] = {REASON_LIST(REASON_DESCRIPTION)};
#undef REASON_DESCRIPTION

static_assert(ARRAY_LEN(descriptions) == REASON_COUNT, "every reason is described");

static const struct description *describe(enum reason_code code)
{
    CHECK((size_t)code < ARRAY_LEN(descriptions));
    return &descriptions[code];
}

/** How many bytes of @text (@len) fit into @max without cutting a UTF-8 character. */
static size_t fitting(const char *text, size_t len, size_t max)
{
    if (len <= max)
        return len;
    size_t fit = max;
    while (fit > 0 && ((unsigned char)text[fit] & 0xC0) == 0x80)
        fit--;
    return fit;
}

static void copy_cut(char *ret, size_t size, const char *text)
{
    size_t len = text != NULL ? fitting(text, strlen(text), size - 1) : 0;

    memset(ret, 0, size);
    if (len > 0)
        memcpy(ret, text, len);
}

const char *reason_name(enum reason_code code)
{
    return describe(code)->name;
}

const char *reason_rule(enum reason_code code)
{
    return describe(code)->rule;
}

enum severity reason_severity(enum reason_code code)
{
    return describe(code)->severity;
}

const char *reason_text(enum reason_code code)
{
    return describe(code)->text;
}

const char *severity_name(enum severity severity)
{
    switch (severity) {
    case SEVERITY_NONE:
        return "UNSPECIFIED";
    case SEVERITY_WARN:
        return "WARN";
    case SEVERITY_HOLD:
        return "HOLD";
    case SEVERITY_REJECT:
        return "REJECT";
    }
    return "?";
}

bool reason_find(const char *name, size_t len, enum reason_code *ret)
{
    for (uint32_t i = 0; i < ARRAY_LEN(descriptions); i++) {
        if (strlen(descriptions[i].name) == len && memcmp(descriptions[i].name, name, len) == 0) {
            *ret = (enum reason_code)i;
            return true;
        }
    }
    return false;
}

void reasons_add(struct reasons *reasons, enum reason_code code, const char *parameter,
                 const char *field, const char *value, const char *text)
{
    const struct description *description = describe(code);

    CHECK(reasons->count <= reasons->max);
    if (reasons->count == reasons->max) {
        reasons->left_out++;
        return;
    }
    struct reason *reason = &reasons->items[reasons->count++];
    reason->code = code;
    reason->severity = description->severity;
    copy_cut(reason->parameter, sizeof reason->parameter, parameter);
    copy_cut(reason->field, sizeof reason->field, field);
    copy_cut(reason->value, sizeof reason->value, value);
    copy_cut(reason->text, sizeof reason->text, text != NULL ? text : description->text);
}

enum severity reasons_gravest(const struct reasons *reasons)
{
    enum severity gravest = SEVERITY_NONE;

    for (uint32_t i = 0; i < reasons->count; i++) {
        if (reasons->items[i].severity > gravest)
            gravest = reasons->items[i].severity;
    }
    return gravest;
}

bool reasons_have(const struct reasons *reasons, enum reason_code code)
{
    for (uint32_t i = 0; i < reasons->count; i++) {
        if (reasons->items[i].code == code)
            return true;
    }
    return false;
}

void reason_print_code(const struct reason *reason, char ret[REASON_CODE_SIZE])
{
    const char *colon = reason->parameter[0] != '\0' ? ":" : "";

    snprintf(ret, REASON_CODE_SIZE, "%s%s%s", reason_name(reason->code), colon, reason->parameter);
}
