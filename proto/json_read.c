/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON to bytes, by descriptor, with a stack of the messages one is in: the schema bounds its depth. A message's fields are
 * looked for in the order of their numbers, and appended as they are found.
 */
#include "proto/json.h"

#include "proto/base64.h"
#include "proto/form.h"
#include "proto/ident.h"
#include "proto/json_schema.h"
#include "proto/limits.h"
#include "proto/wire.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <string.h>

#define TEXT_LEN_MAX ((size_t)8 * FRAME_BYTES_MAX)

/** A message that is being read. */
struct level {
    const descriptor_t *descriptor;
    json_t *object;
    unsigned at; /* the field we are at, by index */
    size_t item; /* the item of its list */
    size_t mark; /* of wire_begin(); not for the outermost */
};

struct reading {
    struct level levels[JSON_DEPTH_MAX];
    uint32_t depth;
    struct buffer buffer;
    struct json_fault *fault;
    uint8_t *scratch; /* for bytes, as large as the buffer */
};

static struct level *innermost(struct reading *reading)
{
    return &reading->levels[reading->depth - 1];
}

static const field_t *field_of(const struct level *level)
{
    return &level->descriptor->fields[level->at];
}

static void print_path(const struct reading *reading, const char *member, char *ret, size_t size)
{
    size_t used = 0;

    ret[0] = '\0';
    for (uint32_t i = 0; i < reading->depth && used < size; i++) {
        const struct level *level = &reading->levels[i];
        bool last = i + 1 == reading->depth;
        const char *dot = i > 0 ? "." : "";
        if (last && member != NULL) {
            snprintf(ret + used, size - used, "%s%s", dot, member);
            return;
        }
        const field_t *field = field_of(level);
        int more =
            field->label == PROTOBUF_C_LABEL_REPEATED
                ? snprintf(ret + used, size - used, "%s%s[%zu]", dot, field->name, level->item)
                : snprintf(ret + used, size - used, "%s%s", dot, field->name);
        used += more > 0 ? (size_t)more : 0;
    }
}

/** Say what is wrong with @member of the innermost message; NULL: with the field we are at. Returns false. */
static bool PRINTF_LIKE(3, 4)
    fail(struct reading *reading, const char *member, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(reading->fault->text, sizeof reading->fault->text, format, arguments);
    va_end(arguments);
    print_path(reading, member, reading->fault->path, sizeof reading->fault->path);
    return false;
}

static const char *kind_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a text";
    case JSON_INTEGER:
        return "a whole number";
    case JSON_REAL:
        return "a number with a fraction";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    case JSON_NULL:
        return "null";
    }
    return "something else";
}

/** The field whose name is @name but for two letters in one place at most; NULL: none is so near. */
static const char *nearest_field(const descriptor_t *descriptor, const char *name)
{
    const char *nearest = NULL;
    size_t least = 3;
    size_t len = strlen(name);

    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        const char *other = descriptor->fields[i].name;
        size_t other_len = strlen(other);
        size_t shorter = len < other_len ? len : other_len;
        size_t longer = len < other_len ? other_len : len;
        size_t head = 0;
        size_t tail = 0;
        while (head < shorter && name[head] == other[head])
            head++;
        while (tail < shorter - head && name[len - tail - 1] == other[other_len - tail - 1])
            tail++;
        if (longer - head - tail < least && head + tail >= 2) {
            least = longer - head - tail;
            nearest = other;
        }
    }
    return nearest;
}

/** Every member of @level's object is a field, and of a oneof at most one is there. */
static bool check_members(struct reading *reading)
{
    const struct level *level = innermost(reading);
    const descriptor_t *descriptor = level->descriptor;
    const char *name;
    json_t *value;

    json_object_foreach(level->object, name, value)
    {
        if (protobuf_c_message_descriptor_get_field_by_name(descriptor, name) == NULL) {
            const char *nearest = nearest_field(descriptor, name);
            return fail(reading, name, "%s has no member of this name%s%s%s",
                        descriptor->short_name, nearest != NULL ? "; did you mean " : "",
                        nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
        }
    }
    return true;
}

static bool enter(struct reading *reading, const descriptor_t *descriptor, json_t *object,
                  size_t mark)
{
    CHECK(reading->depth < JSON_DEPTH_MAX);
    if (!json_is_object(object))
        return fail(reading, NULL, "%s is an object here, not %s", descriptor->short_name,
                    kind_of(object));
    reading->levels[reading->depth++] =
        (struct level){.descriptor = descriptor, .object = object, .mark = mark};
    return check_members(reading);
}

/** Read decimal digits, perhaps after a sign. */
static bool parse_number(const char *text, bool *ret_negative, uint64_t *ret)
{
    uint64_t value = 0;

    *ret_negative = text[0] == '-';
    text += *ret_negative ? 1 : 0;
    if (text[0] == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        uint64_t digit = (uint64_t)(*text - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *ret = value;
    return true;
}

/** A whole number, written as one or as a text, as sign and amount. */
static bool read_whole(struct reading *reading, const json_t *value, bool *ret_negative,
                       uint64_t *ret)
{
    if (json_is_integer(value)) {
        json_int_t number = json_integer_value(value);
        *ret_negative = number < 0;
        *ret = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
        return true;
    }
    if (!json_is_string(value))
        return fail(reading, NULL, "a whole number belongs here, not %s", kind_of(value));
    if (!parse_number(json_string_value(value), ret_negative, ret))
        return fail(reading, NULL, "\"%.40s\" is no whole number of 64 bits",
                    json_string_value(value));
    return true;
}

/** A whole number within @field's type, as the wire has it (not yet zigzag). */
static bool read_number(struct reading *reading, const field_t *field, const json_t *value,
                        uint64_t *ret)
{
    bool is_signed = field->type == PROTOBUF_C_TYPE_INT64 || field->type == PROTOBUF_C_TYPE_SINT64;
    uint64_t most = field->type == PROTOBUF_C_TYPE_UINT32 ? UINT32_MAX
                    : is_signed                           ? (uint64_t)INT64_MAX
                                                          : UINT64_MAX;
    bool negative = false;
    uint64_t amount = 0;

    if (!read_whole(reading, value, &negative, &amount))
        return false;
    if (negative && !is_signed && amount > 0)
        return fail(reading, NULL, "-%" PRIu64 " is less than nothing", amount);
    if (amount > most + (negative && is_signed ? 1 : 0))
        return fail(reading, NULL, "%s%" PRIu64 " is out of range", negative ? "-" : "", amount);
    *ret = negative ? 0 - amount : amount;
    return true;
}

static bool read_enum(struct reading *reading, const field_t *field, const json_t *value,
                      uint64_t *ret)
{
    const ProtobufCEnumDescriptor *list = field->descriptor;

    if (json_is_string(value)) {
        const ProtobufCEnumValue *found =
            protobuf_c_enum_descriptor_get_value_by_name(list, json_string_value(value));
        if (found == NULL)
            return fail(reading, NULL, "\"%.40s\" is none of the names of %s",
                        json_string_value(value), field->name);
        *ret = (uint64_t)(int64_t)found->value;
        return true;
    }
    if (!json_is_integer(value))
        return fail(reading, NULL, "a name or a number belongs here, not %s", kind_of(value));
    if (json_integer_value(value) < INT32_MIN || json_integer_value(value) > INT32_MAX)
        return fail(reading, NULL, "%" JSON_INTEGER_FORMAT " is out of range",
                    json_integer_value(value));
    *ret = (uint64_t)json_integer_value(value);
    return true;
}

/** A value that is a varint on the wire. */
static bool read_varint(struct reading *reading, const field_t *field, const json_t *value,
                        uint64_t *ret)
{
    if (field->type == PROTOBUF_C_TYPE_ENUM)
        return read_enum(reading, field, value, ret);
    if (field->type != PROTOBUF_C_TYPE_BOOL)
        return read_number(reading, field, value, ret);
    *ret = json_is_true(value) ? 1 : 0;
    return json_is_boolean(value) ||
           fail(reading, NULL, "true or false belongs here, not %s", kind_of(value));
}

/** Text, or bytes as base64 (an event's id also as a UUID). The slice is the value's or the scratch's. */
static bool read_bytes(struct reading *reading, const field_t *field, const json_t *value,
                       struct slice *ret)
{
    struct event_id id;

    if (!json_is_string(value))
        return fail(reading, NULL, "a text belongs here, not %s", kind_of(value));
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);
    *ret = (struct slice){(const uint8_t *)text, len};
    if (field->type == PROTOBUF_C_TYPE_STRING)
        return true;
    *ret = (struct slice){reading->scratch, 0};
    if (schema_is_event_id(field) && event_id_parse(text, &id)) {
        memcpy(reading->scratch, id.bytes, sizeof id.bytes);
        ret->len = sizeof id.bytes;
        return true;
    }
    if (base64_read(text, len, reading->scratch, reading->buffer.max, &ret->len))
        return true;
    return fail(reading, NULL, "\"%.40s\" is no %s", text,
                schema_is_event_id(field) ? "UUID and no base64" : "base64");
}

/** One value that is no message. What has its zero is left out, but in a list or a oneof. */
static bool read_scalar(struct reading *reading, const field_t *field, const json_t *value)
{
    bool always = field->label == PROTOBUF_C_LABEL_REPEATED ||
                  (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
    struct slice bytes;
    uint64_t number;

    if (schema_is_bytes(field)) {
        if (!read_bytes(reading, field, value, &bytes))
            return false;
        if (always || bytes.len > 0)
            wire_add_bytes(&reading->buffer, field->id, bytes);
        return true;
    }
    if (!read_varint(reading, field, value, &number))
        return false;
    if (field->type == PROTOBUF_C_TYPE_SINT64)
        wire_put_sint(&reading->buffer, field->id, (int64_t)number);
    else if (always || number != 0)
        wire_add_varint(&reading->buffer, field->id, number);
    return true;
}

/** A list of numbers, packed. */
static bool read_packed(struct reading *reading, const field_t *field, json_t *list)
{
    struct level *level = innermost(reading);
    uint64_t number;

    if (json_array_size(list) == 0)
        return true;
    size_t mark = wire_begin(&reading->buffer, field->id);
    for (level->item = 0; level->item < json_array_size(list); level->item++) {
        if (!read_varint(reading, field, json_array_get(list, level->item), &number))
            return false;
        wire_pack_varint(&reading->buffer, number);
    }
    wire_end(&reading->buffer, mark);
    level->item = 0;
    return true;
}

/** One value of the field we are at; a message is entered. */
static bool read_value(struct reading *reading, const field_t *field, json_t *value)
{
    const descriptor_t *message = schema_held(innermost(reading)->descriptor, field);

    if (message == NULL || (field->type == PROTOBUF_C_TYPE_BYTES && json_is_string(value)))
        return read_scalar(reading, field, value);
    return enter(reading, message, value, wire_begin(&reading->buffer, field->id));
}

/** Take the next value of the innermost message, or leave it when there is none. */
static bool read_step(struct reading *reading)
{
    struct level *level = innermost(reading);

    if (level->at == level->descriptor->n_fields) {
        reading->depth--;
        if (reading->depth > 0)
            wire_end(&reading->buffer, level->mark);
        return true;
    }
    const field_t *field = field_of(level);
    json_t *value = json_object_get(level->object, field->name);
    bool list = field->label == PROTOBUF_C_LABEL_REPEATED;
    if (value == NULL || json_is_null(value)) {
        level->at++;
        return true;
    }
    if (list && !json_is_array(value))
        return fail(reading, field->name, "a list belongs here, not %s", kind_of(value));
    if (list && !schema_is_bytes(field) && field->type != PROTOBUF_C_TYPE_MESSAGE) {
        bool read = read_packed(reading, field, value);
        level->at += read ? 1 : 0;
        return read;
    }
    if (list && level->item == json_array_size(value)) {
        level->item = 0;
        level->at++;
        return true;
    }
    if (list)
        value = json_array_get(value, level->item);
    /* The path of a fault in it needs our place as it is now, so the message that is entered moves us on later. */
    uint32_t depth = reading->depth;
    if (!read_value(reading, field, value))
        return false;
    if (reading->depth == depth) {
        level->item += list ? 1 : 0;
        level->at += list ? 0 : 1;
    }
    return true;
}

/** We are back in the message around one that was left: go on after it. */
static void move_on(struct reading *reading)
{
    struct level *level = innermost(reading);

    if (field_of(level)->label == PROTOBUF_C_LABEL_REPEATED)
        level->item++;
    else
        level->at++;
}

static bool read_message(struct reading *reading, const descriptor_t *descriptor, json_t *root)
{
    if (!enter(reading, descriptor, root, 0))
        return false;
    while (reading->depth > 0) {
        uint32_t depth = reading->depth;
        if (!read_step(reading))
            return false;
        if (reading->depth < depth && reading->depth > 0)
            move_on(reading);
    }
    return true;
}

static json_t *parse(struct slice text, struct json_fault *fault)
{
    json_error_t error;

    if (text.len == 0 || text.len > TEXT_LEN_MAX) {
        snprintf(fault->text, sizeof fault->text, "%s",
                 text.len == 0 ? "nothing is there; a JSON object belongs here"
                               : "the text is too long");
        return NULL;
    }
    json_t *root = json_loadb((const char *)text.bytes, text.len, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        snprintf(fault->text, sizeof fault->text, "no JSON: %s", error.text);
        fault->line = error.line > 0 ? error.line : 0;
        fault->column = error.column > 0 ? error.column : 0;
    }
    return root;
}

/** What was read is a message in form: a text too long, two members of a oneof. */
static bool check_result(struct reading *reading, const descriptor_t *descriptor)
{
    struct slice bytes = {reading->buffer.bytes, reading->buffer.len};
    struct form_fault form;

    if (form_check(descriptor, bytes, &form))
        return true;
    snprintf(reading->fault->text, sizeof reading->fault->text, "%s %s", form.path, form.text);
    snprintf(reading->fault->path, sizeof reading->fault->path, "%s", form.path);
    return false;
}

enum status json_read(const char *name, struct slice text, uint8_t **ret_bytes, size_t *ret_len,
                      struct json_fault *fault)
{
    const descriptor_t *descriptor = schema_find(name);
    struct reading reading = {.fault = fault};
    enum status status = STATUS_MALFORMED;

    CHECK(descriptor != NULL);
    memset(fault, 0, sizeof *fault);
    json_t *root = parse(text, fault);
    if (root == NULL)
        return STATUS_MALFORMED;
    /* A member's name and its quotes are longer than a tag and a length: twice the text is always enough. */
    reading.buffer.max = 2 * text.len + 64;
    reading.buffer.bytes = malloc(reading.buffer.max);
    reading.scratch = malloc(reading.buffer.max);
    if (reading.buffer.bytes == NULL || reading.scratch == NULL)
        status = STATUS_NO_MEMORY;
    else if (read_message(&reading, descriptor, root) && check_result(&reading, descriptor)) {
        CHECK(!reading.buffer.full);
        status = STATUS_OK;
    }
    json_decref(root);
    free(reading.scratch);
    if (status != STATUS_OK) {
        free(reading.buffer.bytes);
        return status;
    }
    *ret_bytes = reading.buffer.bytes;
    *ret_len = reading.buffer.len;
    return STATUS_OK;
}
