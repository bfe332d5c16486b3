/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "proto/form.h"
#include "proto/limits.h"
#include "proto/message.h"
#include "proto/wire.h"

#include "proto/commission.pb-c.h"

#define ROOM 16384

struct message {
    uint8_t bytes[ROOM];
    struct buffer buffer;
};

static struct buffer *begin(struct message *message)
{
    message->buffer = (struct buffer){.bytes = message->bytes, .max = ROOM};
    return &message->buffer;
}

static bool check(const struct message *message, const ProtobufCMessageDescriptor *descriptor,
                  struct form_fault *fault)
{
    assert_false(message->buffer.full);
    return form_check(descriptor, (struct slice){message->bytes, message->buffer.len}, fault);
}

/* ---- the schema --------------------------------------------------------------------------- */

/* All that is on the wire or in the journal hangs below these. */
static const ProtobufCMessageDescriptor *const roots[] = {
    &commission__event__descriptor,    &commission__events__descriptor,
    &commission__answers__descriptor,  &commission__queries__descriptor,
    &commission__replies__descriptor,  &commission__feed_asks__descriptor,
    &commission__entries__descriptor,  &commission__hellos__descriptor,
    &commission__welcomes__descriptor, &commission__beats__descriptor,
    &commission__byes__descriptor,     &commission__assignments__descriptor,
    &commission__findings__descriptor, &commission__entry__descriptor,
};

/** form.c knows numbers that are varints, texts, bytes and messages. */
static bool type_is_known(ProtobufCType type)
{
    return type != PROTOBUF_C_TYPE_FLOAT && type != PROTOBUF_C_TYPE_DOUBLE &&
           type != PROTOBUF_C_TYPE_FIXED32 && type != PROTOBUF_C_TYPE_FIXED64 &&
           type != PROTOBUF_C_TYPE_SFIXED32 && type != PROTOBUF_C_TYPE_SFIXED64;
}

/** Walk all paths below @root: no cycle, no path too deep, nothing that form.c does not know. */
static void walk(const ProtobufCMessageDescriptor *root)
{
    const ProtobufCMessageDescriptor *path[FORM_DEPTH_MAX];
    unsigned at[FORM_DEPTH_MAX] = {0};
    unsigned depth = 1;

    path[0] = root;
    while (depth > 0) {
        const ProtobufCMessageDescriptor *message = path[depth - 1];
        if (at[depth - 1] == message->n_fields) {
            depth--;
            continue;
        }
        const ProtobufCFieldDescriptor *field = &message->fields[at[depth - 1]++];
        assert_true(message->n_fields <= 64);
        assert_true(type_is_known(field->type));
        if (field->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        for (unsigned i = 0; i < depth; i++) {
            if (path[i] == field->descriptor)
                fail_msg("%s.%s leads back to %s", message->name, field->name, path[i]->name);
        }
        if (depth == FORM_DEPTH_MAX)
            fail_msg("%s.%s is too deep", message->name, field->name);
        path[depth] = field->descriptor;
        at[depth++] = 0;
    }
}

static void no_message_contains_itself_or_what_form_does_not_know(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(roots); i++)
        walk(roots[i]);
}

static void each_payload_has_its_event_types_number_and_name(void **state)
{
    unsigned payloads = 0;

    (void)state;
    for (unsigned i = 0; i < commission__event__descriptor.n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &commission__event__descriptor.fields[i];
        enum event_type type = EVENT_NONE;
        char name[64] = "";
        if (field->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        for (size_t c = 0; field->name[c] != '\0'; c++)
            name[c] = (char)(field->name[c] == '_' ? '_' : field->name[c] - 'a' + 'A');
        assert_true(event_type_find(name, &type));
        assert_int_equal(field->id, type);
        payloads++;
    }
    assert_int_equal(payloads, 21);
}

/* ---- messages ----------------------------------------------------------------------------- */

static void a_field_that_is_not_known_is_let_pass(void **state)
{
    struct message message;
    struct form_fault fault;
    struct buffer *buffer = begin(&message);

    (void)state;
    wire_add_varint(buffer, 1000, 7);
    wire_add_bytes(buffer, 1001, (struct slice){(const uint8_t *)"\xFF\x0B", 2});
    wire_add_bytes(buffer, 1001, (struct slice){(const uint8_t *)"again", 5});
    assert_true(check(&message, &commission__note__descriptor, &fault));
}

static void a_list_may_be_given_in_pieces(void **state)
{
    struct message message;
    struct form_fault fault;
    struct buffer *buffer = begin(&message);

    (void)state;
    wire_put_text(buffer, 1, "0CE");
    wire_add_varint(buffer, 2, 1);
    wire_put_text(buffer, 3, "2018-04-01");
    wire_add_bytes(buffer, 2, (struct slice){(const uint8_t *)"\x02\x03", 2});
    assert_true(check(&message, &commission__support_contract__descriptor, &fault));
}

static void a_text_given_twice_is_refused_by_its_name(void **state)
{
    struct message message;
    struct form_fault fault;
    struct buffer *buffer = begin(&message);

    (void)state;
    wire_put_text(buffer, 1, "one");
    wire_put_text(buffer, 1, "two");
    assert_false(check(&message, &commission__note__descriptor, &fault));
    assert_string_equal(fault.leaf, "text");
    assert_string_equal(fault.path, "text");
    assert_string_equal(fault.text, "is given twice");
    assert_false(fault.message);
}

static void two_members_of_a_oneof_are_refused_and_of_two_oneofs_are_not(void **state)
{
    struct message message;
    struct form_fault fault;
    struct buffer *buffer = begin(&message);

    (void)state;
    wire_add_varint(buffer, 3, 0); /* registered_count */
    wire_add_varint(buffer, 4, 0); /* unregistered_count */
    assert_true(check(&message, &commission__needs_assessed__descriptor, &fault));

    buffer = begin(&message);
    wire_end(buffer, wire_begin(buffer, 1)); /* open */
    wire_end(buffer, wire_begin(buffer, 3)); /* close */
    assert_false(check(&message, &commission__feed_ask__descriptor, &fault));
    assert_string_equal(fault.leaf, "close");
}

static void the_path_counts_the_items_of_lists(void **state)
{
    struct message message;
    struct form_fault fault;
    struct buffer *buffer = begin(&message);

    (void)state;
    size_t award = wire_begin(buffer, 53);
    for (unsigned i = 0; i < 3; i++) {
        size_t value = wire_begin(buffer, 6);
        wire_put_text(buffer, 1, i < 2 ? "2018/19" : "\xFF");
        wire_end(buffer, value);
    }
    wire_end(buffer, award);
    assert_false(check(&message, &commission__event__descriptor, &fault));
    assert_string_equal(fault.path, "contract_awarded.years[2].financial_year");
    assert_string_equal(fault.leaf, "financial_year");
}

static void numbers_past_their_type_are_refused(void **state)
{
    static const struct {
        const ProtobufCMessageDescriptor *message;
        uint32_t field;
        uint64_t value;
        bool good;
    } cases[] = {
        {&commission__beat__descriptor, 1, UINT32_MAX, true},
        {&commission__beat__descriptor, 1, (uint64_t)UINT32_MAX + 1, false},
        {&commission__answer__descriptor, 5, 1, true}, /* a boolean */
        {&commission__answer__descriptor, 5, 2, false},
        {&commission__answer__descriptor, 1, INT32_MAX, true}, /* an enumeration */
        {&commission__answer__descriptor, 1, (uint64_t)INT32_MAX + 1, false},
        {&commission__answer__descriptor, 1, UINT64_MAX, true}, /* -1 */
        {&commission__answer__descriptor, 3, UINT64_MAX, true}, /* 64 bits */
    };
    struct message message;
    struct form_fault fault;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        wire_add_varint(begin(&message), cases[i].field, cases[i].value);
        assert_int_equal(check(&message, cases[i].message, &fault), cases[i].good);
    }
}

static void packed_numbers_are_looked_at_one_by_one(void **state)
{
    struct message message;
    struct form_fault fault;
    struct buffer *buffer = begin(&message);

    (void)state;
    wire_add_bytes(buffer, 1, (struct slice){(const uint8_t *)"\x01\x80", 2});
    assert_false(check(&message, &commission__hello__descriptor, &fault));
    assert_string_equal(fault.leaf, "stages");
    wire_add_bytes(begin(&message), 1, (struct slice){(const uint8_t *)"\xFF\xFF\xFF\xFF\x7F", 5});
    assert_false(check(&message, &commission__hello__descriptor, &fault));
}

static void a_message_cut_short_inside_is_named_by_the_field_it_is_in(void **state)
{
    struct message message;
    struct form_fault fault;

    (void)state;
    wire_add_bytes(begin(&message), 87, (struct slice){(const uint8_t *)"\x0A\x05hi", 4});
    assert_false(check(&message, &commission__event__descriptor, &fault));
    assert_true(fault.message);
    assert_string_equal(fault.path, "note");
    wire_add_bytes(begin(&message), 9, (struct slice){(const uint8_t *)"x", 1});
    message.buffer.len--;
    assert_false(check(&message, &commission__event__descriptor, &fault));
    assert_true(fault.message);
    assert_string_equal(fault.path, "");
}

static void a_text_of_the_longest_length_is_let_pass(void **state)
{
    static char text[TEXT_BYTES_MAX + 2];
    struct message message;
    struct form_fault fault;

    (void)state;
    memset(text, 'a', TEXT_BYTES_MAX);
    wire_put_text(begin(&message), 1, text);
    assert_true(check(&message, &commission__note__descriptor, &fault));
    text[TEXT_BYTES_MAX] = 'a';
    wire_put_text(begin(&message), 1, text);
    assert_false(check(&message, &commission__note__descriptor, &fault));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_message_contains_itself_or_what_form_does_not_know),
        cmocka_unit_test(each_payload_has_its_event_types_number_and_name),
        cmocka_unit_test(a_field_that_is_not_known_is_let_pass),
        cmocka_unit_test(a_list_may_be_given_in_pieces),
        cmocka_unit_test(a_text_given_twice_is_refused_by_its_name),
        cmocka_unit_test(two_members_of_a_oneof_are_refused_and_of_two_oneofs_are_not),
        cmocka_unit_test(the_path_counts_the_items_of_lists),
        cmocka_unit_test(numbers_past_their_type_are_refused),
        cmocka_unit_test(packed_numbers_are_looked_at_one_by_one),
        cmocka_unit_test(a_message_cut_short_inside_is_named_by_the_field_it_is_in),
        cmocka_unit_test(a_text_of_the_longest_length_is_let_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
