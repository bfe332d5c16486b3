/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/ident.h"

static void an_event_id_is_read_with_and_without_hyphens(void **state)
{
    struct event_id with;
    struct event_id without;
    char text[EVENT_ID_TEXT_SIZE];

    (void)state;
    assert_true(event_id_parse("0190a5d2-7b1c-7def-8123-456789abcdef", &with));
    assert_true(event_id_parse("0190A5D27B1C7DEF8123456789ABCDEF", &without));

    assert_true(event_id_equal(with, without));
    event_id_print(with, text);
    assert_string_equal(text, "0190a5d2-7b1c-7def-8123-456789abcdef");
}

static void what_is_no_uuid_is_no_event_id(void **state)
{
    static const char *const bad[] = {
        "",
        "0190a5d2",
        "0190a5d2-7b1c-7def-8123-456789abcde",
        "0190a5d2-7b1c-7def-8123-456789abcdef0",
        "0190a5d27-b1c-7def-8123-456789abcdef",
        "0190a5d2-7b1c-7def-8123-456789abcdeg",
        "0190a5d27b1c7def8123456789abcde-",
        "{190a5d2-7b1c-7def-8123-456789abcdef",
    };
    struct event_id id = {{7}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(event_id_parse(bad[i], &id));
    assert_int_equal(id.bytes[0], 7);
}

static void ids_differ_in_their_last_byte(void **state)
{
    struct event_id a = {{1}};
    struct event_id b = a;

    (void)state;
    assert_true(event_id_equal(a, b));
    b.bytes[15] = 1;
    assert_false(event_id_equal(a, b));
}

static void a_hash_is_printed_in_hexadecimal(void **state)
{
    struct hash hash = {{0}};
    struct hash other = {{0}};
    char text[HASH_TEXT_SIZE];

    (void)state;
    hash.bytes[0] = 0xAB;
    hash.bytes[31] = 0x01;
    hash_print(hash, text);
    assert_int_equal(strlen(text), 64);
    assert_memory_equal(text, "ab00", 4);
    assert_memory_equal(text + 60, "0001", 4);
    assert_false(hash_equal(hash, other));
    assert_true(hash_equal(hash, hash));
}

static void codes_of_organisations_have_three_five_or_nine_characters(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        {"02E", true},
        {"X24", true},
        {"OPS", true},
        {"000", true},
        {"RBL01", true},
        {"E06000007", true},
        {"", false},
        {"02", false},
        {"02EA", false},
        {"RBL012", false},
        {"02e", false},
        {"0 E", false},
        {"E0600000A", false},
        {"006000007", false},
        {"E0600007", false},
        {"E060000071", false},
        {"\xC3\x89"
         "2",
         false},
    };
    struct ods ods;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(ods_parse(cases[i].text, strlen(cases[i].text), &ods), cases[i].good);
}

static void a_code_is_padded_with_zeroes(void **state)
{
    struct ods ods;
    struct ods other;

    (void)state;
    memset(&ods, 'x', sizeof ods);
    assert_true(ods_parse("02E and more", 3, &ods));
    assert_true(ods_parse("02E", 3, &other));
    for (size_t i = 3; i < ODS_SIZE; i++)
        assert_int_equal(ods.text[i], 0);
    assert_true(ods_equal(ods, other));
    assert_false(ods_empty(ods));
    assert_true(ods_empty((struct ods){""}));
}

static void a_reference_has_one_to_sixty_four_of_its_characters(void **state)
{
    struct reference reference;
    char text[REFERENCE_SIZE + 1];

    (void)state;
    memset(text, 'a', sizeof text);
    assert_false(reference_parse(text, 0, &reference));
    assert_true(reference_parse(text, 1, &reference));
    assert_true(reference_parse(text, 64, &reference));
    assert_int_equal(strlen(reference.text), 64);
    assert_false(reference_parse(text, 65, &reference));
    for (unsigned c = 1; c < 256; c++) {
        char one = (char)c;
        bool good = strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-",
                           (int)c) != NULL;
        assert_int_equal(reference_parse(&one, 1, &reference), good);
    }
    assert_false(reference_parse("", 1, &reference)); /* a NUL */
}

static void references_are_compared_whole(void **state)
{
    struct reference a;
    struct reference b;

    (void)state;
    assert_true(reference_parse("2018-physio", 11, &a));
    assert_true(reference_parse("2018-physio-2", 13, &b));
    assert_false(reference_equal(a, b));
    assert_true(reference_equal(a, a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_id_is_read_with_and_without_hyphens),
        cmocka_unit_test(what_is_no_uuid_is_no_event_id),
        cmocka_unit_test(ids_differ_in_their_last_byte),
        cmocka_unit_test(a_hash_is_printed_in_hexadecimal),
        cmocka_unit_test(codes_of_organisations_have_three_five_or_nine_characters),
        cmocka_unit_test(a_code_is_padded_with_zeroes),
        cmocka_unit_test(a_reference_has_one_to_sixty_four_of_its_characters),
        cmocka_unit_test(references_are_compared_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
