/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/ocds/part.h"

#include <float.h>
#include <string.h>

static_assert(DBL_DIG >= 15, "a decimal of 15 digits survives a double");

/* ---- members ---- */

static const char *want_name(enum want want)
{
    switch (want) {
    case WANT_TEXT:
        return "a text";
    case WANT_ID:
        return "a text or a whole number";
    case WANT_OBJECT:
        return "an object";
    case WANT_LIST:
        return "a list";
    case WANT_NUMBER:
        return "a number";
    }
    return "?";
}

static bool want_met(enum want want, const json_t *value)
{
    switch (want) {
    case WANT_TEXT:
        return json_is_string(value);
    case WANT_ID:
        return json_is_string(value) || json_is_integer(value);
    case WANT_OBJECT:
        return json_is_object(value);
    case WANT_LIST:
        return json_is_array(value);
    case WANT_NUMBER:
        return json_is_number(value);
    }
    return false;
}

/** A path that was cut at its limit ends in "..."; it is for people. */
static void path_cut(int len, char path[OCDS_PATH_SIZE])
{
    if (len >= OCDS_PATH_SIZE)
        memcpy(path + OCDS_PATH_SIZE - 4, "...", 4);
}

static void part_path(const struct part *part, const char *name, char ret[OCDS_PATH_SIZE])
{
    const char *gap = *part->path == '\0' ? "" : "/";
    path_cut(snprintf(ret, OCDS_PATH_SIZE, "%s%s%s", part->path, gap, name), ret);
}

/** The member @name of @part, or NULL: not given, or given wrongly (then it is a fault). */
json_t *part_member(struct part *part, const char *name, enum want want, bool required)
{
    char path[OCDS_PATH_SIZE];
    part_path(part, name, path);
    json_t *value = json_object_get(part->json, name);
    if (value == NULL || json_is_null(value)) {
        if (required)
            ocds_fault_add(&part->release->faults, false, "OCDS_FIELD_REQUIRED", path,
                           "%s is missing", path);
        return NULL;
    }
    if (!want_met(want, value)) {
        ocds_fault_add(&part->release->faults, false, "OCDS_TYPE", path, "%s is not %s", path,
                       want_name(want));
        return NULL;
    }
    return value;
}

struct part part_object(struct part *part, const char *name)
{
    struct part inner = {.release = part->release,
                         .json = part_member(part, name, WANT_OBJECT, false)};
    part_path(part, name, inner.path);
    return inner;
}

/** Object number @index of @list, which is the member @name of @part. */
struct part part_item(struct part *part, const char *name, json_t *list, size_t index)
{
    struct part item = {.release = part->release, .json = json_array_get(list, index)};
    const char *gap = *part->path == '\0' ? "" : "/";
    path_cut(snprintf(item.path, sizeof item.path, "%s%s%s/%zu", part->path, gap, name, index),
             item.path);
    if (!json_is_object(item.json)) {
        ocds_fault_add(&part->release->faults, false, "OCDS_TYPE", item.path, "%s is not an object",
                       item.path);
        item.json = NULL;
    }
    return item;
}

const char *part_text(struct part *part, const char *name)
{
    return json_string_value(part_member(part, name, WANT_TEXT, false));
}

/** An identifier: a text, or a whole number, which is turned into text in place. Empty is missing. */
const char *part_id(struct part *part, const char *name, bool required)
{
    json_t *value = part_member(part, name, WANT_ID, required);
    if (json_is_integer(value)) {
        char digits[32];
        (void)snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        if (json_object_set_new(part->json, name, json_string(digits)) != 0)
            return NULL;
        value = json_object_get(part->json, name);
    }
    const char *text = json_string_value(value);
    if (text != NULL && *text == '\0') {
        if (required) {
            char path[OCDS_PATH_SIZE];
            part_path(part, name, path);
            ocds_fault_add(&part->release->faults, false, "OCDS_FIELD_REQUIRED", path,
                           "%s is empty", path);
        }
        return NULL;
    }
    return text;
}

bool part_moment(struct part *part, const char *name, bool required, int64_t *ret_ms)
{
    const char *text = json_string_value(part_member(part, name, WANT_TEXT, required));
    if (text == NULL)
        return false;
    if (moment_parse(text, strlen(text), ret_ms))
        return true;
    char path[OCDS_PATH_SIZE];
    part_path(part, name, path);
    ocds_fault_add(&part->release->faults, false, "OCDS_DATE", path,
                   "%s is not a date and time of RFC 3339: \"%.40s\"", path, text);
    return false;
}

date_t part_day(struct part *part, const char *name)
{
    int64_t ms = 0;
    return part_moment(part, name, false, &ms) ? date_at(ms) : DATE_NONE;
}

/** Which of @codes, a NULL-terminated closed list, is the member @name? From 1; 0: not given, or unknown (a fault). */
int part_code(struct part *part, const char *name, bool required, const char *const *codes)
{
    const char *text = json_string_value(part_member(part, name, WANT_TEXT, required));
    if (text == NULL)
        return 0;
    for (int i = 0; codes[i] != NULL; i++) {
        if (strcmp(codes[i], text) == 0)
            return i + 1;
    }
    char path[OCDS_PATH_SIZE];
    part_path(part, name, path);
    ocds_fault_add(&part->release->faults, false, "OCDS_CODE", path,
                   "%s: \"%.40s\" is not in its closed list", path, text);
    return 0;
}

/** The standard asks that members it does not know be reported: they are not read. */
void part_warn_unknown(struct part *part, const char *const *known)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(part->json, name, value)
    {
        bool found = false;
        for (size_t i = 0; known[i] != NULL && !found; i++)
            found = strcmp(known[i], name) == 0;
        if (found)
            continue;
        char path[OCDS_PATH_SIZE];
        part_path(part, name, path);
        ocds_fault_add(&part->release->faults, true, "OCDS_UNKNOWN_FIELD", path,
                       "%s is not in the standard and is not read", path);
    }
}

/* ---- money ---- */

/** The decimal @text (of at most 15 digits, "%.15g") to hundredths. */
static bool hundredths(const char *text, int64_t *ret)
{
    bool negative = *text == '-';
    int64_t pence = 0;
    int decimals = -1; /* digits after the point; -1: it has not come yet */
    for (const char *at = text + negative; *at != '\0'; at++) {
        if (*at == '.' && decimals < 0) {
            decimals = 0;
            continue;
        }
        if (*at < '0' || *at > '9' || decimals == 2)
            return false;
        if (pence > OCDS_PENCE_MAX)
            return false;
        pence = pence * 10 + (*at - '0');
        if (decimals >= 0)
            decimals++;
    }
    for (int i = decimals < 0 ? 0 : decimals; i < 2; i++) {
        if (pence > OCDS_PENCE_MAX)
            return false;
        pence *= 10;
    }
    if (pence > OCDS_PENCE_MAX)
        return false;
    *ret = negative ? -pence : pence;
    return true;
}

bool ocds_pence(double real, int64_t *ret)
{
    /* Beyond this "%.15g" writes an exponent, and no event can hold it. */
    if (!(real > -1e14 && real < 1e14))
        return false;
    if (real > -0.005 && real < 0.005 && real != 0.0)
        return false;
    char text[64];
    (void)snprintf(text, sizeof text, "%.15g", real);
    return hundredths(text, ret);
}

static bool integer_pence(json_int_t pounds, int64_t *ret)
{
    if (pounds > OCDS_PENCE_MAX / 100 || pounds < -(OCDS_PENCE_MAX / 100))
        return false;
    *ret = (int64_t)pounds * 100;
    return true;
}

struct ocds_amount part_amount(struct part *part, const char *name)
{
    struct ocds_amount amount = {0};
    struct part value = part_object(part, name);
    json_t *number = part_member(&value, "amount", WANT_NUMBER, false);
    amount.currency = part_text(&value, "currency");
    amount.pounds = amount.currency != NULL && strcmp(amount.currency, "GBP") == 0;
    amount.given = number != NULL;
    if (json_is_integer(number))
        amount.exact = integer_pence(json_integer_value(number), &amount.pence);
    else if (json_is_real(number))
        amount.exact = ocds_pence(json_real_value(number), &amount.pence);
    return amount;
}
