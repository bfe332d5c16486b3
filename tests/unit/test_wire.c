/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/wire.h"

#define ROOM 70000

static struct slice text(const char *bytes)
{
    return (struct slice){(const uint8_t *)bytes, strlen(bytes)};
}

/** Encode a code point as UTF-8's pattern has it, whether it may be or not. */
static size_t encode(uint32_t point, uint8_t ret[4])
{
    if (point < 0x80) {
        ret[0] = (uint8_t)point;
        return 1;
    }
    if (point < 0x800) {
        ret[0] = (uint8_t)(0xC0 | point >> 6);
        ret[1] = (uint8_t)(0x80 | (point & 63));
        return 2;
    }
    if (point < 0x10000) {
        ret[0] = (uint8_t)(0xE0 | point >> 12);
        ret[1] = (uint8_t)(0x80 | (point >> 6 & 63));
        ret[2] = (uint8_t)(0x80 | (point & 63));
        return 3;
    }
    ret[0] = (uint8_t)(0xF0 | point >> 18);
    ret[1] = (uint8_t)(0x80 | (point >> 12 & 63));
    ret[2] = (uint8_t)(0x80 | (point >> 6 & 63));
    ret[3] = (uint8_t)(0x80 | (point & 63));
    return 4;
}

static void every_character_is_text_but_surrogates_and_nul(void **state)
{
    (void)state;
    for (uint32_t point = 0; point < 0x1FFFFF; point++) {
        uint8_t bytes[4];
        size_t len = encode(point, bytes);
        bool good = point > 0 && (point < 0xD800 || point > 0xDFFF) && point <= 0x10FFFF;
        if (wire_is_text((struct slice){bytes, len}) != good)
            fail_msg("U+%04X", (unsigned)point);
        if (len > 1 && wire_is_text((struct slice){bytes, len - 1}))
            fail_msg("U+%04X cut short", (unsigned)point);
    }
}

static void overlong_characters_are_no_text(void **state)
{
    static const char *const bad[] = {
        "\xC0\x80",
        "\xC1\xBF",
        "\xE0\x80\x80",
        "\xE0\x9F\xBF",
        "\xF0\x80\x80\x80",
        "\xF0\x8F\xBF\xBF",
        "\xF5\x80\x80\x80",
        "\xFE",
        "\xFF",
        "\x80",
        "\xBF",
        "a\xC3",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(wire_is_text(text(bad[i])));
}

static void a_bad_byte_is_found_at_any_place(void **state)
{
    static const uint8_t bad[] = {0x00, 0x80, 0xC3, 0xFF};
    uint8_t bytes[40];

    (void)state;
    for (size_t len = 1; len <= sizeof bytes; len++) {
        for (size_t at = 0; at < len; at++) {
            for (size_t i = 0; i < sizeof bad; i++) {
                memset(bytes, 0x01 + (int)(at % 100), sizeof bytes);
                assert_true(wire_is_text((struct slice){bytes, len}));
                bytes[at] = bad[i];
                assert_false(wire_is_text((struct slice){bytes, len}));
            }
        }
    }
    assert_true(wire_is_text((struct slice){NULL, 0}));
}

static void varints_are_read_as_they_are_written(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++) {
        for (uint64_t i = 0; i < 3; i++) {
            uint64_t value = ((uint64_t)1 << bit) - 1 + i;
            uint8_t bytes[16];
            struct buffer buffer = {.bytes = bytes, .max = sizeof bytes};
            wire_pack_varint(&buffer, value);
            struct slice rest = {bytes, buffer.len};
            uint64_t read = 0;
            assert_true(wire_read_varint(&rest, &read));
            assert_true(read == value);
            assert_int_equal(rest.len, 0);
        }
    }
}

static void a_varint_that_is_cut_short_or_too_long_is_none(void **state)
{
    static const uint8_t eleven[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
                                     0x80, 0x80, 0x80, 0x80, 0x01};
    static const uint8_t over_64_bits[] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF,
                                           0xFF, 0xFF, 0xFF, 0xFF, 0x02};
    uint64_t value = 42;

    (void)state;
    for (size_t len = 0; len <= sizeof eleven; len++) {
        struct slice rest = {eleven, len};
        assert_false(wire_read_varint(&rest, &value));
        assert_int_equal(rest.len, len);
    }
    struct slice rest = {over_64_bits, sizeof over_64_bits};
    assert_false(wire_read_varint(&rest, &value));
    assert_true(value == 42);
}

static void groups_and_fields_without_a_number_are_refused(void **state)
{
    static const uint8_t tags[] = {0x00, 0x02, 0x0B, 0x0C, 0x0E, 0x0F};

    (void)state;
    for (size_t i = 0; i < sizeof tags; i++) {
        uint8_t bytes[] = {tags[i], 0x01, 0x01, 0x01};
        struct slice rest = {bytes, sizeof bytes};
        struct wire_field field;
        assert_false(wire_read_field(&rest, &field));
        assert_int_equal(rest.len, sizeof bytes);
    }
}

static void fixed_fields_are_passed_over_whole(void **state)
{
    uint8_t bytes[] = {0x09, 1, 2, 3, 4, 5, 6, 7, 8, 0x0D, 1, 2, 3, 4, 0x08, 7};
    struct slice rest = {bytes, sizeof bytes};
    struct wire_field field;

    (void)state;
    assert_true(wire_read_field(&rest, &field));
    assert_int_equal(field.bytes.len, 8);
    assert_true(wire_read_field(&rest, &field));
    assert_int_equal(field.bytes.len, 4);
    assert_true(wire_read_field(&rest, &field));
    assert_int_equal(field.varint, 7);
    assert_int_equal(rest.len, 0);
    rest = (struct slice){bytes, 8};
    assert_false(wire_read_field(&rest, &field));
}

static void a_message_is_moved_when_its_length_needs_more_bytes(void **state)
{
    static const size_t sizes[] = {0, 1, 125, 126, 127, 128, 16380, 16381, 16382, 16383, 60000};
    static uint8_t bytes[ROOM];
    static uint8_t content[ROOM];

    (void)state;
    memset(content, 'c', sizeof content);
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct buffer buffer = {.bytes = bytes, .max = sizeof bytes};
        struct wire_field outer;
        struct wire_field inner;
        size_t mark = wire_begin(&buffer, 3);
        wire_add_bytes(&buffer, 1, (struct slice){content, sizes[i]});
        wire_end(&buffer, mark);
        struct slice rest = {bytes, buffer.len};
        assert_true(wire_read_field(&rest, &outer));
        assert_int_equal(rest.len, 0);
        assert_int_equal(outer.number, 3);
        assert_true(wire_read_field(&outer.bytes, &inner));
        assert_int_equal(outer.bytes.len, 0);
        assert_int_equal(inner.bytes.len, sizes[i]);
        assert_memory_equal(inner.bytes.bytes, content, sizes[i]);
    }
}

static void what_does_not_fit_makes_the_buffer_full_and_writes_nothing_past_it(void **state)
{
    uint8_t bytes[64];
    uint8_t content[40] = {0};

    (void)state;
    for (size_t max = 0; max < 44; max++) {
        struct buffer buffer = {.bytes = bytes, .max = max};
        memset(bytes, 0xEE, sizeof bytes);
        size_t mark = wire_begin(&buffer, 1);
        wire_add_bytes(&buffer, 1, (struct slice){content, sizeof content});
        wire_end(&buffer, mark);
        assert_true(buffer.full);
        assert_true(buffer.len <= max);
        for (size_t i = max; i < sizeof bytes; i++)
            assert_int_equal(bytes[i], 0xEE);
    }
}

static void the_longer_length_itself_may_not_fit(void **state)
{
    uint8_t bytes[256];
    uint8_t content[126] = {0};
    struct buffer buffer = {.bytes = bytes, .max = 2 + 2 + sizeof content};

    (void)state;
    size_t mark = wire_begin(&buffer, 1);
    wire_add_bytes(&buffer, 1, (struct slice){content, sizeof content});
    assert_false(buffer.full);
    wire_end(&buffer, mark);
    assert_true(buffer.full);
}

static void zero_and_empty_are_left_out_unless_they_are_added(void **state)
{
    uint8_t bytes[32];
    struct buffer buffer = {.bytes = bytes, .max = sizeof bytes};

    (void)state;
    wire_put_varint(&buffer, 1, 0);
    wire_put_sint(&buffer, 2, 0);
    wire_put_text(&buffer, 3, "");
    assert_int_equal(buffer.len, 0);
    wire_add_varint(&buffer, 1, 0);
    wire_add_bytes(&buffer, 3, (struct slice){NULL, 0});
    assert_int_equal(buffer.len, 4);
}

static void signed_numbers_go_zigzag(void **state)
{
    static const struct {
        int64_t value;
        uint64_t wire;
    } cases[] = {
        {-1, 1}, {1, 2}, {-2, 3}, {INT64_MAX, UINT64_MAX - 1}, {INT64_MIN, UINT64_MAX},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        uint8_t bytes[16];
        struct buffer buffer = {.bytes = bytes, .max = sizeof bytes};
        struct wire_field field;
        wire_put_sint(&buffer, 1, cases[i].value);
        struct slice rest = {bytes, buffer.len};
        assert_true(wire_read_field(&rest, &field));
        assert_true(field.varint == cases[i].wire);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_is_text_but_surrogates_and_nul),
        cmocka_unit_test(overlong_characters_are_no_text),
        cmocka_unit_test(a_bad_byte_is_found_at_any_place),
        cmocka_unit_test(varints_are_read_as_they_are_written),
        cmocka_unit_test(a_varint_that_is_cut_short_or_too_long_is_none),
        cmocka_unit_test(groups_and_fields_without_a_number_are_refused),
        cmocka_unit_test(fixed_fields_are_passed_over_whole),
        cmocka_unit_test(a_message_is_moved_when_its_length_needs_more_bytes),
        cmocka_unit_test(what_does_not_fit_makes_the_buffer_full_and_writes_nothing_past_it),
        cmocka_unit_test(the_longer_length_itself_may_not_fit),
        cmocka_unit_test(zero_and_empty_are_left_out_unless_they_are_added),
        cmocka_unit_test(signed_numbers_go_zigzag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
