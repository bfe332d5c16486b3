/* SPDX-License-Identifier: Apache-2.0 */
/* Good messages are in proto/vectors and test_vectors.c; here is what JSON leaves open, and its faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/arena.h"
#include "proto/codec.h"
#include "proto/json.h"
#include "proto/wire.h"

struct result {
    enum status status;
    uint8_t *bytes;
    size_t len;
    struct json_fault fault;
};

static struct result read_text(const char *name, const char *text, size_t len)
{
    struct result result = {0};

    result.status = json_read(name, (struct slice){(const uint8_t *)text, len}, &result.bytes,
                              &result.len, &result.fault);
    return result;
}

static struct result read(const char *name, const char *text)
{
    return read_text(name, text, strlen(text));
}

static void expect_read(const char *name, const char *text, const char *bytes, size_t len)
{
    struct result result = read(name, text);

    if (result.status != STATUS_OK)
        fail_msg("%s: %s: %s", text, result.fault.path, result.fault.text);
    assert_int_equal(result.len, len);
    if (len > 0)
        assert_memory_equal(result.bytes, bytes, len);
    free(result.bytes);
}

static void expect_fault(const char *name, const char *text, const char *path, const char *part)
{
    struct result result = read(name, text);

    assert_int_equal(result.status, STATUS_MALFORMED);
    assert_null(result.bytes);
    assert_string_equal(result.fault.path, path);
    if (strstr(result.fault.text, part) == NULL)
        fail_msg("%s: \"%s\" does not say \"%s\"", text, result.fault.text, part);
}

static void expect_written(const char *name, const char *bytes, size_t len, const char *text)
{
    char *written = NULL;

    assert_int_equal(json_write(name, (struct slice){(const uint8_t *)bytes, len}, false, &written),
                     STATUS_OK);
    assert_string_equal(written, text);
    free(written);
}

/* ---- reading ------------------------------------------------------------------------------ */

static void numbers_of_64_bits_are_numbers_or_texts(void **state)
{
    (void)state;
    expect_read("Welcome", "{\"run\": 7}", "\x08\x07", 2);
    expect_read("Welcome", "{\"run\": \"7\"}", "\x08\x07", 2);
    expect_read("Welcome", "{\"run\": \"18446744073709551615\"}",
                "\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11);
    expect_read("YearValue", "{\"value_pence\": \"-9223372036854775808\"}",
                "\x10\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11);
    expect_read("YearValue", "{\"value_pence\": -1}",
                "\x10\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11);
    expect_read("LedgerLine", "{\"pence\": \"-1\"}", "\x20\x01", 2);
}

static void numbers_out_of_range_are_refused_with_their_place(void **state)
{
    (void)state;
    expect_fault("Welcome", "{\"run\": \"18446744073709551616\"}", "run", "no whole number");
    expect_fault("Welcome", "{\"run\": -1}", "run", "less than nothing");
    expect_fault("Welcome", "{\"run\": \"0x7\"}", "run", "no whole number");
    expect_fault("Welcome", "{\"run\": \"\"}", "run", "no whole number");
    expect_fault("Welcome", "{\"run\": \"-\"}", "run", "no whole number");
    expect_fault("Welcome", "{\"run\": 1.5}", "run", "a number with a fraction");
    expect_fault("Welcome", "{\"run\": true}", "run", "not true or false");
    expect_fault("Welcome", "{\"beat_ms\": 4294967296}", "beat_ms", "out of range");
    expect_fault("YearValue", "{\"value_pence\": \"9223372036854775808\"}", "value_pence",
                 "out of range");
    expect_fault("YearValue", "{\"value_pence\": \"-9223372036854775809\"}", "value_pence",
                 "out of range");
}

static void enumerations_are_names_or_numbers(void **state)
{
    (void)state;
    expect_read("Adopted", "{\"stage\": \"PROCUREMENT\"}", "\x08\x03", 2);
    expect_read("Adopted", "{\"stage\": 3}", "\x08\x03", 2);
    expect_read("Hello", "{\"stages\": [\"PROCUREMENT\", 5]}", "\x0A\x02\x03\x05", 4);
    expect_fault("Adopted", "{\"stage\": \"procurement\"}", "stage", "none of the names");
    expect_fault("Adopted", "{\"stage\": 3000000000}", "stage", "out of range");
    expect_fault("Hello", "{\"stages\": [\"PROCUREMENT\", \"x\"]}", "stages[1]",
                 "none of the names");
}

static void an_event_id_is_a_uuid_or_base64(void **state)
{
    static const char bytes[] = "\x12\x10\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0A\x0B\x0C\x0D"
                                "\x0E\x0F";

    (void)state;
    expect_read("Answer", "{\"event_id\": \"00010203-0405-0607-0809-0a0b0c0d0e0f\"}", bytes, 18);
    expect_read("Answer", "{\"event_id\": \"000102030405060708090A0B0C0D0E0F\"}", bytes, 18);
    expect_read("Answer", "{\"event_id\": \"AAECAwQFBgcICQoLDA0ODw==\"}", bytes, 18);
    expect_fault("Answer", "{\"event_id\": \"00010203-0405-0607-0809-0a0b0c0d0e0g!\"}", "event_id",
                 "no UUID and no base64");
}

static void base64_may_be_of_either_alphabet_and_padded_or_not(void **state)
{
    (void)state;
    expect_read("KeyAdded", "{\"public_key\": \"+/8=\"}", "\x0A\x02\xFB\xFF", 4);
    expect_read("KeyAdded", "{\"public_key\": \"-_8\"}", "\x0A\x02\xFB\xFF", 4);
    expect_read("KeyAdded", "{\"public_key\": \"AQ==\"}", "\x0A\x01\x01", 3);
    expect_read("KeyAdded", "{\"public_key\": \"\"}", "", 0);
    expect_fault("KeyAdded", "{\"public_key\": \"A\"}", "public_key", "no base64");
    expect_fault("KeyAdded", "{\"public_key\": \"AA=A\"}", "public_key", "no base64");
    expect_fault("KeyAdded", "{\"public_key\": \"====\"}", "public_key", "no base64");
}

static void what_has_its_zero_is_left_out_but_in_a_oneof(void **state)
{
    (void)state;
    expect_read("Answer", "{\"seq\": 0, \"repeated\": false, \"kind\": 0, \"reasons\": []}", "", 0);
    expect_read("Answer", "{\"seq\": null, \"reasons\": null}", "", 0);
    expect_read("NeedsAssessed", "{\"registered_count\": 0}", "\x18\x00", 2);
    expect_read("Event", "{\"after\": \"0\"}", "\x58\x00", 2);
    expect_read("Row", "{\"cells\": [\"\", \"x\"]}", "\x0A\x00\x0A\x01x", 5);
    expect_read("FeedAsk", "{\"close\": {}}", "\x1A\x00", 2);
}

static void fields_are_written_in_the_order_of_their_numbers(void **state)
{
    (void)state;
    expect_read("YearValue", "{\"value_pence\": 1, \"financial_year\": \"2018/19\"}",
                "\x0A\x07"
                "2018/19\x10\x01",
                11);
}

static void a_member_that_is_none_is_refused_with_its_path(void **state)
{
    (void)state;
    expect_fault("Event", "{\"lead\": \"02E\"}", "lead", "Event has no member of this name");
    expect_fault("Event", "{\"note\": {\"txt\": \"x\"}}", "note.txt", "Note has no member");
    expect_fault("Event", "{\"contract_awarded\": {\"years\": [{}, {\"value\": 1}]}}",
                 "contract_awarded.years[1].value", "YearValue has no member");
    expect_fault("Event", "{\"eventType\": \"NOTE\"}", "eventType", "no member");
}

static void a_value_of_another_kind_is_refused_with_its_path(void **state)
{
    (void)state;
    expect_fault("Event", "[]", "", "Event is an object here, not a list");
    expect_fault("Event", "{\"note\": \"x\"}", "note", "Note is an object here, not a text");
    expect_fault("Event", "{\"lead_ods\": 2}", "lead_ods", "a text belongs here");
    expect_fault("Event", "{\"contract_awarded\": {\"years\": {}}}", "contract_awarded.years",
                 "a list belongs here, not an object");
    expect_fault("Event", "{\"contract_awarded\": {\"providers\": [{}, null]}}",
                 "contract_awarded.providers[1]", "Provider is an object here, not null");
    expect_fault("Answer", "{\"repeated\": 1}", "repeated", "true or false belongs here");
}

static void two_members_of_a_oneof_are_refused(void **state)
{
    (void)state;
    expect_fault("Event", "{\"note\": {}, \"adopted\": {}}", "note", "given twice");
}

static void what_is_no_json_is_refused_with_line_and_column(void **state)
{
    struct result result;

    (void)state;
    result = read("Event", "{\n  \"lead_ods\": \"02E\"\n  \"reference\"");
    assert_int_equal(result.status, STATUS_MALFORMED);
    assert_int_equal(result.fault.line, 3);
    assert_true(result.fault.column > 0);
    assert_non_null(strstr(result.fault.text, "no JSON"));
    expect_fault("Event", "", "", "nothing is there");
    expect_fault("Event", "{\"actor\": \"a\", \"actor\": \"b\"}", "", "duplicate");
    expect_fault("Event", "{} {}", "", "no JSON");
    expect_fault("Event", "{\"actor\": \"\xFF\"}", "", "no JSON");
    expect_fault("Event", "{\"actor\": \"\\u0000\"}", "", "no JSON");
    expect_fault("Event", "{\"actor\": \"\\ud800\"}", "", "no JSON");
    expect_fault("Event", "2", "", "no JSON");
    result = read_text("Event", "{}\0{}", 5);
    assert_int_equal(result.status, STATUS_MALFORMED);
}

static void a_text_over_its_limit_is_refused_with_its_path(void **state)
{
    static char text[6000];
    int len = snprintf(text, sizeof text, "{\"note\": {\"text\": \"%4097s\"}}", "x");

    (void)state;
    assert_in_range(len, 4097, sizeof text);
    expect_fault("Event", text, "note.text", "longer than a text may be");
}

static void bytes_that_hold_an_event_are_written_as_one(void **state)
{
    static const char text[] = "{\"events\":[{\"actor\":\"a\",\"note\":{\"text\":\"t\"}},{}]}";
    static const char bytes[] = "\x0A\x09\x42\x01"
                                "a\xBA\x05\x03\x0A\x01t\x0A\x00";

    (void)state;
    expect_read("Events", text, bytes, 13);
    expect_written("Events", bytes, 13, text);
    expect_fault("Events", "{\"events\": [{}, {\"note\": {\"txt\": 1}}]}", "events[1].note.txt",
                 "Note has no member");
}

static void bytes_that_should_hold_an_event_and_do_not_are_base64(void **state)
{
    (void)state;
    expect_written("Events", "\x0A\x02\xFF\xFF", 4, "{\"events\":[\"//8=\"]}");
    expect_read("Events", "{\"events\": [\"//8=\"]}", "\x0A\x02\xFF\xFF", 4);
}

/* ---- writing ------------------------------------------------------------------------------ */

static void numbers_of_64_bits_are_written_as_texts(void **state)
{
    (void)state;
    expect_written("Welcome", "\x08\x07\x10\xD0\x0F", 5, "{\"run\":\"7\",\"beat_ms\":2000}");
    expect_written("LedgerLine", "\x20\x01", 2, "{\"pence\":\"-1\"}");
    expect_written("YearValue", "\x10\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11,
                   "{\"value_pence\":\"-1\"}");
}

static void a_number_without_a_name_is_written_as_it_is(void **state)
{
    (void)state;
    expect_written("Adopted", "\x08\x07", 2, "{\"stage\":7}");
    expect_written("Adopted", "\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11, "{\"stage\":-1}");
    expect_written("Hello", "\x0A\x02\x03\x05", 4, "{\"stages\":[\"PROCUREMENT\",\"REVIEW\"]}");
    expect_written("Hello", "\x08\x03\x08\x05", 4, "{\"stages\":[\"PROCUREMENT\",\"REVIEW\"]}");
}

static void fields_that_are_not_known_are_left_out(void **state)
{
    (void)state;
    expect_written("Note", "\x0A\x01x\xA0\x06\x07", 6, "{\"text\":\"x\"}");
}

static void what_is_no_message_is_not_written(void **state)
{
    char *written = NULL;

    (void)state;
    assert_int_equal(
        json_write("Note", (struct slice){(const uint8_t *)"\x0A\x05x", 3}, false, &written),
        STATUS_MALFORMED);
    assert_null(written);
}

static void pretty_is_indented(void **state)
{
    char *written = NULL;

    (void)state;
    assert_int_equal(
        json_write("Note", (struct slice){(const uint8_t *)"\x0A\x01x", 3}, true, &written),
        STATUS_OK);
    assert_string_equal(written, "{\n  \"text\": \"x\"\n}");
    free(written);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_64_bits_are_numbers_or_texts),
        cmocka_unit_test(numbers_out_of_range_are_refused_with_their_place),
        cmocka_unit_test(enumerations_are_names_or_numbers),
        cmocka_unit_test(an_event_id_is_a_uuid_or_base64),
        cmocka_unit_test(base64_may_be_of_either_alphabet_and_padded_or_not),
        cmocka_unit_test(what_has_its_zero_is_left_out_but_in_a_oneof),
        cmocka_unit_test(fields_are_written_in_the_order_of_their_numbers),
        cmocka_unit_test(a_member_that_is_none_is_refused_with_its_path),
        cmocka_unit_test(a_value_of_another_kind_is_refused_with_its_path),
        cmocka_unit_test(two_members_of_a_oneof_are_refused),
        cmocka_unit_test(what_is_no_json_is_refused_with_line_and_column),
        cmocka_unit_test(a_text_over_its_limit_is_refused_with_its_path),
        cmocka_unit_test(bytes_that_hold_an_event_are_written_as_one),
        cmocka_unit_test(bytes_that_should_hold_an_event_and_do_not_are_base64),
        cmocka_unit_test(numbers_of_64_bits_are_written_as_texts),
        cmocka_unit_test(a_number_without_a_name_is_written_as_it_is),
        cmocka_unit_test(fields_that_are_not_known_are_left_out),
        cmocka_unit_test(what_is_no_message_is_not_written),
        cmocka_unit_test(pretty_is_indented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
