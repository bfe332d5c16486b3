/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/form.h"

#include "proto/limits.h"
#include "proto/wire.h"

#include <string.h>

#define FIELDS_MAX 64 /* of one message: a bit each */

/** A message that is being walked. */
struct level {
    const ProtobufCMessageDescriptor *descriptor;
    struct slice rest;
    uint64_t given; /* fields seen, by index */
    unsigned
        at; /* the field we are at, by index; fields come in order, so the next is searched from here */
    uint32_t repeat; /* how often in a row */
};

struct walk {
    struct level levels[FORM_DEPTH_MAX];
    uint32_t depth;
};

static const ProtobufCFieldDescriptor *field_at(const struct level *level)
{
    return &level->descriptor->fields[level->at];
}

static void print_path(const struct walk *walk, bool with_last, char ret[FORM_PATH_SIZE])
{
    size_t used = 0;

    ret[0] = '\0';
    for (uint32_t i = 0; i < walk->depth && used < FORM_PATH_SIZE; i++) {
        const struct level *level = &walk->levels[i];
        const ProtobufCFieldDescriptor *field = field_at(level);
        if (i + 1 == walk->depth && !with_last)
            break;
        const char *dot = i > 0 ? "." : "";
        int more = field->label == PROTOBUF_C_LABEL_REPEATED
                       ? snprintf(ret + used, FORM_PATH_SIZE - used, "%s%s[%u]", dot, field->name,
                                  level->repeat)
                       : snprintf(ret + used, FORM_PATH_SIZE - used, "%s%s", dot, field->name);
        used += more > 0 ? (size_t)more : 0;
    }
}

static bool fail_field(const struct walk *walk, const char *text, struct form_fault *fault)
{
    fault->text = text;
    fault->leaf = field_at(&walk->levels[walk->depth - 1])->name;
    fault->message = false;
    print_path(walk, true, fault->path);
    return false;
}

static bool fail_message(const struct walk *walk, const char *text, struct form_fault *fault)
{
    fault->text = text;
    fault->leaf = walk->depth > 1 ? field_at(&walk->levels[walk->depth - 2])->name : "";
    fault->message = true;
    print_path(walk, false, fault->path);
    return false;
}

/** Find @number from where @level is, going round. False: it is not known. */
static bool find_field(struct level *level, uint32_t number)
{
    const ProtobufCMessageDescriptor *descriptor = level->descriptor;
    unsigned at = level->at;

    if (at >= descriptor->n_fields || descriptor->fields[at].id > number)
        at = 0;
    while (at < descriptor->n_fields && descriptor->fields[at].id < number)
        at++;
    if (at == descriptor->n_fields || descriptor->fields[at].id != number)
        return false;
    level->repeat = at == level->at && (level->given >> at & 1) != 0 ? level->repeat + 1 : 0;
    level->at = at;
    return true;
}

/** Another member of the oneof that @field belongs to was given before. */
static bool rival_given(const struct level *level, const ProtobufCFieldDescriptor *field)
{
    const ProtobufCMessageDescriptor *descriptor = level->descriptor;

    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) == 0)
        return false;
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *other = &descriptor->fields[i];
        if ((level->given >> i & 1) != 0 && (other->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0 &&
            other->quantifier_offset == field->quantifier_offset)
            return true;
    }
    return false;
}

static bool is_varint(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_ENUM:
    case PROTOBUF_C_TYPE_BOOL:
        return true;
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return false;
    }
    return false;
}

/** @value is within @type: protobuf-c would cut it to its low bits, and read another number. */
static bool in_range(ProtobufCType type, uint64_t value)
{
    if (type == PROTOBUF_C_TYPE_BOOL)
        return value <= 1;
    if (type == PROTOBUF_C_TYPE_UINT32 || type == PROTOBUF_C_TYPE_SINT32)
        return value <= UINT32_MAX;
    if (type == PROTOBUF_C_TYPE_ENUM || type == PROTOBUF_C_TYPE_INT32)
        return value <= INT32_MAX || value >= (uint64_t)(int64_t)INT32_MIN;
    return true;
}

/** All of @bytes is varints within @type. */
static bool packed_whole(ProtobufCType type, struct slice bytes)
{
    uint64_t value;

    while (bytes.len > 0) {
        if (!wire_read_varint(&bytes, &value) || !in_range(type, value))
            return false;
    }
    return true;
}

static bool check_number(const struct walk *walk, const ProtobufCFieldDescriptor *field,
                         const struct wire_field *value, struct form_fault *fault)
{
    if (value->type == WIRE_VARINT)
        return in_range(field->type, value->varint) ||
               fail_field(walk, "is a number out of range", fault);
    if (value->type == WIRE_BYTES && field->label == PROTOBUF_C_LABEL_REPEATED)
        return packed_whole(field->type, value->bytes) ||
               fail_field(walk, "is no list of numbers within their range", fault);
    return fail_field(walk, "is no number", fault);
}

/** The schema has numbers (as varints), texts, bytes and messages only; a test holds it to that. */
static bool check_value(const struct walk *walk, const ProtobufCFieldDescriptor *field,
                        const struct wire_field *value, struct form_fault *fault)
{
    if (is_varint(field->type))
        return check_number(walk, field, value, fault);
    if (value->type != WIRE_BYTES)
        return fail_field(walk, "is a number where none belongs", fault);
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        if (value->bytes.len > TEXT_BYTES_MAX)
            return fail_field(walk, "is longer than a text may be", fault);
        if (!wire_is_text(value->bytes))
            return fail_field(walk, "is no UTF-8 text, or has a NUL in it", fault);
    }
    return true;
}

static void enter(struct walk *walk, const ProtobufCMessageDescriptor *descriptor,
                  struct slice bytes)
{
    CHECK(walk->depth < FORM_DEPTH_MAX);
    CHECK(descriptor->n_fields <= FIELDS_MAX);
    walk->levels[walk->depth++] = (struct level){.descriptor = descriptor, .rest = bytes};
}

/** Take the next field of the innermost message and check it; a message in it is entered. */
static bool step(struct walk *walk, struct form_fault *fault)
{
    struct level *level = &walk->levels[walk->depth - 1];
    struct wire_field value;

    if (!wire_read_field(&level->rest, &value))
        return fail_message(walk, "cannot be read: cut short, or no message", fault);
    if (!find_field(level, value.number))
        return true;
    const ProtobufCFieldDescriptor *field = field_at(level);
    if (field->label != PROTOBUF_C_LABEL_REPEATED &&
        ((level->given >> level->at & 1) != 0 || rival_given(level, field)))
        return fail_field(walk, "is given twice", fault);
    level->given |= (uint64_t)1 << level->at;
    if (!check_value(walk, field, &value, fault))
        return false;
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        enter(walk, field->descriptor, value.bytes);
    return true;
}

bool form_check(const ProtobufCMessageDescriptor *descriptor, struct slice bytes,
                struct form_fault *fault)
{
    struct walk walk;

    walk.depth = 0;
    enter(&walk, descriptor, bytes);
    /* Each turn takes a field or leaves a message that was entered by one: bounded by the bytes. */
    while (walk.depth > 0) {
        if (walk.levels[walk.depth - 1].rest.len == 0)
            walk.depth--;
        else if (!step(&walk, fault))
            return false;
    }
    return true;
}
