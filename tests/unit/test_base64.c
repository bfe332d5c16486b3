/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/base64.h"

static void the_standards_examples_go_both_ways(void **state)
{
    /* RFC 4648, section 10 */
    static const struct {
        const char *bytes;
        const char *text;
    } cases[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[16] = "";
        uint8_t bytes[16];
        size_t len = 0;
        struct slice slice = {(const uint8_t *)cases[i].bytes, strlen(cases[i].bytes)};
        assert_int_equal(BASE64_LEN(slice.len), strlen(cases[i].text));
        base64_write(slice, text);
        assert_string_equal(text, cases[i].text);
        assert_true(base64_read(text, strlen(text), bytes, sizeof bytes, &len));
        assert_int_equal(len, slice.len);
        assert_memory_equal(bytes, slice.bytes, len);
        size_t unpadded = strcspn(text, "=");
        assert_true(base64_read(text, unpadded, bytes, sizeof bytes, &len));
        assert_int_equal(len, slice.len);
    }
}

static void every_byte_goes_both_ways_in_either_alphabet(void **state)
{
    uint8_t bytes[256];
    uint8_t read[256];
    char text[BASE64_LEN(256)];
    size_t len = 0;

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    base64_write((struct slice){bytes, sizeof bytes}, text);
    assert_true(base64_read(text, sizeof text, read, sizeof read, &len));
    assert_int_equal(len, sizeof bytes);
    assert_memory_equal(read, bytes, len);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i]);
    assert_true(base64_read(text, sizeof text, read, sizeof read, &len));
    assert_memory_equal(read, bytes, len);
}

static void what_is_none_or_does_not_fit_is_refused(void **state)
{
    static const char *const bad[] = {
        "Z", "Zm9vZ", "Z===", "Zg=", "Zm 8=", "=Zg=", "Zm9v\n", "Zm8é"};
    uint8_t bytes[8];
    size_t len;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(base64_read(bad[i], strlen(bad[i]), bytes, sizeof bytes, &len));
    assert_true(base64_read("Zm9v", 4, bytes, 3, &len));
    assert_false(base64_read("Zm9v", 4, bytes, 2, &len));
    assert_false(base64_read("Zg\0=", 4, bytes, sizeof bytes, &len));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_standards_examples_go_both_ways),
        cmocka_unit_test(every_byte_goes_both_ways_in_either_alphabet),
        cmocka_unit_test(what_is_none_or_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
