/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes to JSON: the fields as they stand, after form_check() has seen them all, with a stack of the messages one is in. */
#include "proto/json.h"

#include "proto/base64.h"
#include "proto/form.h"
#include "proto/ident.h"
#include "proto/json_schema.h"
#include "proto/wire.h"

#include <inttypes.h>
#include <jansson.h>
#include <string.h>

/** A message that is being written. */
struct output {
    const descriptor_t *descriptor;
    struct slice rest;
    json_t *object; /* the root's, or borrowed from what it stands in */
};

/** Put @value, which is given away, as @field's member, or append it to its list. False: no memory. */
static bool put_member(json_t *object, const field_t *field, json_t *value)
{
    if (value == NULL)
        return false;
    if (field->label != PROTOBUF_C_LABEL_REPEATED)
        return json_object_set_new(object, field->name, value) == 0;
    json_t *list = json_object_get(object, field->name);
    if (list == NULL) {
        list = json_array();
        if (list == NULL || json_object_set_new(object, field->name, list) != 0) {
            json_decref(value);
            return false;
        }
    }
    return json_array_append_new(list, value) == 0;
}

/* Numbers of 64 bits are texts in JSON: others would read them as floating-point numbers. */
static json_t *write_signed(int64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRId64, number);
    return json_string(text);
}

static json_t *write_unsigned(uint64_t number)
{
    char text[24];

    snprintf(text, sizeof text, "%" PRIu64, number);
    return json_string(text);
}

static json_t *write_varint(const field_t *field, uint64_t number)
{
    if (field->type == PROTOBUF_C_TYPE_BOOL)
        return json_boolean(number != 0);
    if (field->type == PROTOBUF_C_TYPE_UINT32)
        return json_integer((json_int_t)number);
    if (field->type == PROTOBUF_C_TYPE_UINT64)
        return write_unsigned(number);
    if (field->type == PROTOBUF_C_TYPE_SINT64)
        return write_signed((int64_t)(number >> 1 ^ (0 - (number & 1))));
    if (field->type != PROTOBUF_C_TYPE_ENUM)
        return write_signed((int64_t)number);
    const ProtobufCEnumValue *value =
        protobuf_c_enum_descriptor_get_value(field->descriptor, (int)(int64_t)number);
    return value != NULL ? json_string(value->name) : json_integer((json_int_t)number);
}

/** @bytes as base64. NULL: no memory. */
static json_t *write_base64(struct slice bytes)
{
    size_t len = BASE64_LEN(bytes.len);
    char *text = malloc(len + 1);

    if (text == NULL)
        return NULL;
    base64_write(bytes, text);
    json_t *string = json_stringn(text, len);
    free(text);
    return string;
}

static json_t *write_bytes(const field_t *field, struct slice bytes)
{
    struct event_id id;
    char text[EVENT_ID_TEXT_SIZE];

    if (field->type == PROTOBUF_C_TYPE_STRING)
        return json_stringn((const char *)bytes.bytes, bytes.len);
    if (!schema_is_event_id(field) || bytes.len != EVENT_ID_BYTES)
        return write_base64(bytes);
    memcpy(id.bytes, bytes.bytes, sizeof id.bytes);
    event_id_print(id, text);
    return json_string(text);
}

static bool write_packed(json_t *object, const field_t *field, struct slice bytes)
{
    uint64_t number;

    while (bytes.len > 0 && wire_read_varint(&bytes, &number)) {
        if (!put_member(object, field, write_varint(field, number)))
            return false;
    }
    return true;
}

/** Take a field off @output; a message in it is made and given as *@ret_inner. False: no memory. */
static bool write_field(struct output *output, struct output *ret_inner)
{
    struct wire_field value;
    struct form_fault fault;

    bool read = wire_read_field(&output->rest, &value);
    CHECK(read); /* form_check() has seen it all */
    const field_t *field =
        protobuf_c_message_descriptor_get_field(output->descriptor, value.number);
    if (field == NULL)
        return true;
    if (value.type == WIRE_VARINT)
        return put_member(output->object, field, write_varint(field, value.varint));
    const descriptor_t *inner = schema_held(output->descriptor, field);
    if (inner == NULL && !schema_is_bytes(field))
        return write_packed(output->object, field, value.bytes);
    if (inner == NULL ||
        (field->type == PROTOBUF_C_TYPE_BYTES && !form_check(inner, value.bytes, &fault)))
        return put_member(output->object, field, write_bytes(field, value.bytes));
    *ret_inner = (struct output){inner, value.bytes, json_object()};
    return put_member(output->object, field, ret_inner->object);
}

static bool write_message(const descriptor_t *descriptor, struct slice bytes, json_t *root)
{
    struct output outputs[JSON_DEPTH_MAX];
    uint32_t depth = 0;

    outputs[depth++] = (struct output){descriptor, bytes, root};
    while (depth > 0) {
        struct output inner = {0};
        if (outputs[depth - 1].rest.len == 0) {
            depth--;
            continue;
        }
        if (!write_field(&outputs[depth - 1], &inner))
            return false;
        if (inner.object != NULL) {
            CHECK(depth < JSON_DEPTH_MAX);
            outputs[depth++] = inner;
        }
    }
    return true;
}

enum status json_write(const char *name, struct slice bytes, bool pretty, char **ret)
{
    const descriptor_t *descriptor = schema_find(name);
    struct form_fault fault;
    char *text = NULL;

    CHECK(descriptor != NULL);
    if (!form_check(descriptor, bytes, &fault))
        return STATUS_MALFORMED;
    json_t *root = json_object();
    if (root != NULL && write_message(descriptor, bytes, root))
        text = json_dumps(root, pretty ? JSON_INDENT(2) : JSON_COMPACT);
    json_decref(root);
    if (text == NULL)
        return STATUS_NO_MEMORY;
    *ret = text;
    return STATUS_OK;
}
