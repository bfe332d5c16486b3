/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/wire.h"

#include <string.h>

#define VARINT_BYTES_MAX 10
#define FIELD_NUMBER_MAX 536870911u /* 2^29 - 1, protobuf's own limit */

bool wire_read_varint(struct slice *bytes, uint64_t *ret)
{
    uint64_t value = 0;
    size_t max = bytes->len < VARINT_BYTES_MAX ? bytes->len : VARINT_BYTES_MAX;

    for (size_t i = 0; i < max; i++) {
        uint8_t byte = bytes->bytes[i];
        if (i == VARINT_BYTES_MAX - 1 && byte > 1)
            return false;
        value |= (uint64_t)(byte & 0x7F) << (7 * i);
        if ((byte & 0x80) == 0) {
            bytes->bytes += i + 1;
            bytes->len -= i + 1;
            *ret = value;
            return true;
        }
    }
    return false;
}

/** Take @len bytes off the front of *@bytes. False: there are less. */
static bool read_bytes(struct slice *bytes, uint64_t len, struct slice *ret)
{
    if (len > bytes->len)
        return false;
    *ret = (struct slice){bytes->bytes, (size_t)len};
    bytes->bytes += len;
    bytes->len -= (size_t)len;
    return true;
}

bool wire_read_field(struct slice *bytes, struct wire_field *ret)
{
    struct slice rest = *bytes;
    struct wire_field field = {0};
    uint64_t tag;
    uint64_t len;
    bool whole = false;

    if (!wire_read_varint(&rest, &tag) || tag >> 3 < 1 || tag >> 3 > FIELD_NUMBER_MAX)
        return false;
    field.number = (uint32_t)(tag >> 3);
    switch (tag & 7) {
    case WIRE_VARINT:
        field.type = WIRE_VARINT;
        whole = wire_read_varint(&rest, &field.varint);
        break;
    case WIRE_FIXED64:
        field.type = WIRE_FIXED64;
        whole = read_bytes(&rest, 8, &field.bytes);
        break;
    case WIRE_BYTES:
        field.type = WIRE_BYTES;
        whole = wire_read_varint(&rest, &len) && read_bytes(&rest, len, &field.bytes);
        break;
    case WIRE_FIXED32:
        field.type = WIRE_FIXED32;
        whole = read_bytes(&rest, 4, &field.bytes);
        break;
    default: /* groups, and two numbers that mean nothing */
        break;
    }
    if (!whole)
        return false;
    *ret = field;
    *bytes = rest;
    return true;
}

static bool in_range(uint8_t byte, uint8_t first, uint8_t last)
{
    return byte >= first && byte <= last;
}

/** How many bytes the character at @at has, with @left bytes there; 0: it is none. RFC 3629, section 4. */
static size_t character_bytes(const uint8_t *at, size_t left)
{
    if (in_range(at[0], 0x01, 0x7F))
        return 1;
    if (in_range(at[0], 0xC2, 0xDF))
        return left >= 2 && in_range(at[1], 0x80, 0xBF) ? 2 : 0;
    if (in_range(at[0], 0xE0, 0xEF)) {
        uint8_t first = at[0] == 0xE0 ? 0xA0 : 0x80;
        uint8_t last = at[0] == 0xED ? 0x9F : 0xBF;
        return left >= 3 && in_range(at[1], first, last) && in_range(at[2], 0x80, 0xBF) ? 3 : 0;
    }
    if (in_range(at[0], 0xF0, 0xF4)) {
        uint8_t first = at[0] == 0xF0 ? 0x90 : 0x80;
        uint8_t last = at[0] == 0xF4 ? 0x8F : 0xBF;
        return left >= 4 && in_range(at[1], first, last) && in_range(at[2], 0x80, 0xBF) &&
                       in_range(at[3], 0x80, 0xBF)
                   ? 4
                   : 0;
    }
    return 0;
}

/** How many bytes at the front are plain ASCII and no NUL, in steps of eight. */
static size_t plain_bytes(struct slice text)
{
    const uint64_t high = 0x8080808080808080u;
    const uint64_t ones = 0x0101010101010101u;
    size_t at = 0;

    for (; at + 8 <= text.len; at += 8) {
        uint64_t word;
        memcpy(&word, text.bytes + at, 8);
        /* A byte of 0 borrows into its high bit; a byte of 128 and more has it already. */
        if (((word | (word - ones)) & high) != 0)
            break;
    }
    return at;
}

bool wire_is_text(struct slice text)
{
    size_t at = plain_bytes(text);

    while (at < text.len) {
        size_t bytes = character_bytes(text.bytes + at, text.len - at);
        if (bytes == 0)
            return false;
        at += bytes;
    }
    return true;
}

static void put_raw(struct buffer *buffer, const uint8_t *bytes, size_t len)
{
    if (buffer->full || len > buffer->max - buffer->len) {
        buffer->full = true;
        return;
    }
    if (len > 0)
        memcpy(buffer->bytes + buffer->len, bytes, len);
    buffer->len += len;
}

static size_t write_varint(uint8_t ret[VARINT_BYTES_MAX], uint64_t value)
{
    size_t len = 0;

    for (; value >= 0x80; value >>= 7)
        ret[len++] = (uint8_t)(value | 0x80);
    ret[len++] = (uint8_t)value;
    return len;
}

static void put_tag(struct buffer *buffer, uint32_t number, enum wire_type type)
{
    wire_pack_varint(buffer, (uint64_t)number << 3 | type);
}

void wire_put_varint(struct buffer *buffer, uint32_t number, uint64_t value)
{
    if (value != 0)
        wire_add_varint(buffer, number, value);
}

void wire_put_sint(struct buffer *buffer, uint32_t number, int64_t value)
{
    uint64_t zigzag = (uint64_t)value << 1;

    wire_put_varint(buffer, number, value < 0 ? ~zigzag : zigzag);
}

void wire_put_bytes(struct buffer *buffer, uint32_t number, struct slice value)
{
    if (value.len > 0)
        wire_add_bytes(buffer, number, value);
}

void wire_put_text(struct buffer *buffer, uint32_t number, const char *value)
{
    wire_put_bytes(buffer, number, (struct slice){(const uint8_t *)value, strlen(value)});
}

void wire_add_varint(struct buffer *buffer, uint32_t number, uint64_t value)
{
    put_tag(buffer, number, WIRE_VARINT);
    wire_pack_varint(buffer, value);
}

void wire_add_bytes(struct buffer *buffer, uint32_t number, struct slice value)
{
    put_tag(buffer, number, WIRE_BYTES);
    wire_pack_varint(buffer, value.len);
    put_raw(buffer, value.bytes, value.len);
}

size_t wire_begin(struct buffer *buffer, uint32_t number)
{
    static const uint8_t one_byte_len = 0;

    put_tag(buffer, number, WIRE_BYTES);
    put_raw(buffer, &one_byte_len, 1);
    return buffer->len;
}

/* The length before a message is one byte until it is known to be longer: then the message moves up. */
void wire_end(struct buffer *buffer, size_t mark)
{
    uint8_t len_bytes[VARINT_BYTES_MAX];

    if (buffer->full)
        return;
    CHECK(mark >= 1 && mark <= buffer->len);
    size_t len = buffer->len - mark;
    size_t more = write_varint(len_bytes, len) - 1;
    if (more > buffer->max - buffer->len) {
        buffer->full = true;
        return;
    }
    if (more > 0)
        memmove(buffer->bytes + mark + more, buffer->bytes + mark, len);
    memcpy(buffer->bytes + mark - 1, len_bytes, more + 1);
    buffer->len += more;
}

void wire_pack_varint(struct buffer *buffer, uint64_t value)
{
    uint8_t bytes[VARINT_BYTES_MAX];

    put_raw(buffer, bytes, write_varint(bytes, value));
}
