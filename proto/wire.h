/* SPDX-License-Identifier: Apache-2.0 */
/* wire.h - protobuf's encoding itself, bounded: fields read one by one, fields appended to a buffer. */
#ifndef COMMISSION_WIRE_H
#define COMMISSION_WIRE_H

#include "proto/base.h"
#include "proto/buffer.h"

enum wire_type {
    WIRE_VARINT = 0,
    WIRE_FIXED64 = 1,
    WIRE_BYTES = 2,
    WIRE_GROUP_BEGIN = 3, /* refused everywhere */
    WIRE_GROUP_END = 4,   /* refused everywhere */
    WIRE_FIXED32 = 5,
};

/** A field as it stands on the wire. */
struct wire_field {
    uint32_t number;
    enum wire_type type;
    uint64_t varint;    /* of a WIRE_VARINT */
    struct slice bytes; /* of a WIRE_BYTES: within the message's own bytes */
};

/** Take one varint off the front of *@bytes. False: it is cut short or longer than 10 bytes; *@bytes is untouched. */
MUST_USE bool wire_read_varint(struct slice *bytes, uint64_t *ret);

/** Take one field off the front of *@bytes. False: cut short, a group, or a number out of range; *@bytes is untouched. */
MUST_USE bool wire_read_field(struct slice *bytes, struct wire_field *ret);

/** @text is UTF-8 as RFC 3629 has it (nothing overlong, no surrogates, up to U+10FFFF) without a NUL. */
bool wire_is_text(struct slice text);

/* Append a field; what is zero or empty is left out, as proto3 has it. */
void wire_put_varint(struct buffer *buffer, uint32_t number, uint64_t value);
void wire_put_sint(struct buffer *buffer, uint32_t number, int64_t value);
void wire_put_bytes(struct buffer *buffer, uint32_t number, struct slice value);
void wire_put_text(struct buffer *buffer, uint32_t number, const char *value);

/* Append a field that is there even when it is zero or empty: a member of a oneof, an item of a list. */
void wire_add_varint(struct buffer *buffer, uint32_t number, uint64_t value);
void wire_add_bytes(struct buffer *buffer, uint32_t number, struct slice value);

/** Begin a message (or packed list) as field @number; what is put until wire_end() is in it. Returns its mark. */
size_t wire_begin(struct buffer *buffer, uint32_t number);
void wire_end(struct buffer *buffer, size_t mark);
/** Append a number to a packed list that was begun. */
void wire_pack_varint(struct buffer *buffer, uint64_t value);

#endif
