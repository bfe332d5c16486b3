/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t key_bytes[] = {0, 0, 0, 0, 0, 0, 0, 7};
static const struct slice key = {key_bytes, sizeof key_bytes};

static struct ods ods(const char *text)
{
    struct ods code = {""};

    snprintf(code.text, sizeof code.text, "%s", text);
    return code;
}

static struct workflow a_workflow(void)
{
    return (struct workflow){
        .number = 7,
        .last_seq = 4711,
        .lead = ods("02E"),
        .present_lead = ods("QYG"),
        .reference = {"2018-physio"},
        .stage = STAGE_PROCUREMENT,
        .phase = PHASE_OPEN,
        .category = CATEGORY_REHABILITATION,
        .adopted = true,
        .opened_on = 17622,
        .changed_at_ms = 1524816000123,
        .phase_seq = 4690,
        .phase_at_ms = 1524815000001,
        .accepted_count = 3,
        .judging_seq = 4700,
        .queue_head = 4701,
        .queue_tail = 4711,
        .queued_count = 2,
        .held_count = 1,
    };
}

static struct open_row an_open_row(void)
{
    static const uint8_t event[] = {0x0a, 0x01, 0x02};
    struct open_row row = {
        .open = {.seq = 4711,
                 .number = 7,
                 .next_seq = 4712,
                 .type = EVENT_NOTE,
                 .stage = STAGE_REVIEW,
                 .state = OPEN_HELD,
                 .sender = ods("0CE"),
                 .key_seq = 12,
                 .attempt = 2,
                 .failed_seq = 4710,
                 .due_ms = -5,
                 .received_at_ms = 1524816000123,
                 .event_len = 3},
        .event = {event, sizeof event},
        .waits = {{.kind = WAIT_ALLOTMENT, .ods = ods("02E"), .year = 2019}},
        .waits_count = 1,
    };

    memset(row.open.id.bytes, 0xab, sizeof row.open.id.bytes);
    return row;
}

/** The value as hexadecimal digits. */
static void expect_bytes(struct slice value, const char *wanted)
{
    static char hex[2 * RECORD_BYTES_MAX + 1];

    for (size_t i = 0; i < value.len; i++)
        snprintf(hex + 2 * i, 3, "%02x", value.bytes[i]);
    assert_string_equal(hex, wanted);
}

/* The layout is what older states are read by: when one of these fails, the format has changed. */

static void a_workflow_has_these_bytes(void **state)
{
    struct workflow workflow = a_workflow();
    struct record record;

    (void)state;
    record_encode_workflow(&record, &workflow);
    expect_bytes(record_seal(&record, KV_WORKFLOW, key),
                 "016c0060bc491a1043cc560700000000000000671200000000000003303245035159470b32303138"
                 "2d70687973696f03020201d64400007bb41d06630100005212000000000000c1710e066301000003"
                 "000000000000005c120000000000005d12000000000000671200000000000002000000"
                 "01000000");
}

static void an_open_event_has_these_bytes(void **state)
{
    struct open_row row = an_open_row();
    struct record record;

    (void)state;
    record_encode_open(&record, &row);
    expect_bytes(record_seal(&record, KV_OPEN, key),
                 "0170004a8f922fe398e369671200000000000007000000000000006812000000000000ababababab"
                 "ababababababababababab57000504033043450c00000000000000020000006612000000000000fb"
                 "ffffffffffffff007bb41d066301000003000000010103303245e307000000000000000000000300"
                 "0a0102");
}

static void a_seen_id_has_these_bytes(void **state)
{
    struct seen seen = {.seq = 1, .verdict_seq = 258};
    struct record record;

    (void)state;
    memset(seen.digest, 0xcd, sizeof seen.digest);
    record_encode_seen(&record, &seen);
    expect_bytes(record_seal(&record, KV_SEEN, key),
                 "012000b77b21301f009a6e01000000000000000201000000000000cdcdcdcdcdcdcdcdcdcdcdcdcd"
                 "cdcdcd");
}

static void a_register_has_these_bytes(void **state)
{
    struct register_head head = {3, 9};
    struct record record;

    (void)state;
    record_encode_register(&record, &head);
    expect_bytes(record_seal(&record, KV_REGISTER, key),
                 "0110001bce265c1379616203000000000000000900000000000000");
}

static void an_organisation_has_these_bytes(void **state)
{
    struct organisation organisation = {.known = true,
                                        .ods = ods("02E"),
                                        .kind = ORGANISATION_CCG,
                                        .opened_on = 15796,
                                        .closed_on = DATE_NONE,
                                        .successor = ods("QYG"),
                                        .name = "NHS WARRINGTON CCG",
                                        .entry_seq = 5};
    struct record record;

    (void)state;
    record_encode_organisation(&record, &organisation);
    expect_bytes(record_seal(&record, KV_ORGANISATION, key),
                 "012c00e5bff739f4a68a100330324501b43d00000000008003515947124e48532057415252494e47"
                 "544f4e204343470500000000000000");
}

static void a_support_contract_has_these_bytes(void **state)
{
    struct support_row row = {ods("02E"), ods("0CE"), 6, {17622, DATE_NONE}, 8};
    struct record record;

    (void)state;
    record_encode_support(&record, &row);
    expect_bytes(record_seal(&record, KV_SUPPORT, key),
                 "011c00083750f4c07617dc033032450330434506000000d6440000000000800800000000000000");
}

static void a_level_has_these_bytes(void **state)
{
    struct level_row row = {CO_DELEGATED, 17622, 8};
    struct record record;

    (void)state;
    record_encode_level(&record, &row);
    expect_bytes(record_seal(&record, KV_LEVEL, key),
                 "010d00664d17b96f2f2d6404d64400000800000000000000");
}

static void a_key_has_these_bytes(void **state)
{
    struct key_row row = {.principal = {.organisation = ods("02E"),
                                        .kind = ORGANISATION_CCG,
                                        .verbs = VERB_BIT(VERB_SUBMIT),
                                        .key_seq = 6},
                          .label = "desk",
                          .revoked = true,
                          .entry_seq = 6};
    struct record record;

    (void)state;
    memset(row.principal.public_key.bytes, 0x11, KEY_BYTES);
    record_encode_key(&record, &row);
    expect_bytes(record_seal(&record, KV_KEY, key),
                 "013f0069b863190e44846e1111111111111111111111111111111111111111111111111111111111"
                 "1111110330324501020000000600000000000000046465736b010600000000000000");
}

static void a_ledger_year_has_these_bytes(void **state)
{
    struct ledger_year year = {ods("02E"), 2018, true, 100, 20, 3, -1};
    struct record record;

    (void)state;
    record_encode_ledger(&record, &year);
    expect_bytes(record_seal(&record, KV_LEDGER, key),
                 "012900deef5447bddae11c03303245e2070000016400000000000000140000000000000003000000"
                 "00000000ffffffffffffffff");
}

static void a_ledger_line_has_these_bytes(void **state)
{
    struct ledger_line_row row = {{ods("02E"), 2018, LEDGER_COMMITMENT, -77, true}, 44, 7};
    struct record record;

    (void)state;
    record_encode_ledger_line(&record, &row);
    expect_bytes(record_seal(&record, KV_LEDGER_LINE, key),
                 "0122009c3b516f4d6c303903303245e207000003b3ffffffffffffff012c00000000000000070000"
                 "0000000000");
}

static void a_fact_a_number_and_nothing_have_these_bytes(void **state)
{
    struct record record;

    (void)state;
    record_encode_fact(&record, (struct slice){(const uint8_t *)"bytes", 5});
    expect_bytes(record_seal(&record, KV_FACT, key), "0105009ce5775a5d8d05936279746573");
    record_encode_number(&record, 0x0102030405060708);
    expect_bytes(record_seal(&record, KV_REFERENCE, key), "0108004667473e232fc2070807060504030201");
    record_encode_nothing(&record);
    expect_bytes(record_seal(&record, KV_WAITS, key), "01000029f3484095fec252");
}

static void the_position_has_these_bytes(void **state)
{
    struct position position = {.format = 1, .applied_seq = 99, .run = 4};
    struct record record;

    (void)state;
    memset(position.applied_hash.bytes, 0x22, HASH_BYTES);
    memset(position.journal_id, 0x33, sizeof position.journal_id);
    record_encode_position(&record, &position);
    struct slice sealed = record_seal(&record, KV_META, key);
    assert_int_equal(sealed.len, RECORD_HEADER_BYTES + 68 + 8 * KV_TABLES);
    /* Then the rows of each table. */
    expect_bytes((struct slice){sealed.bytes + RECORD_HEADER_BYTES, 68},
                 "0100000063000000000000002222222222222222222222222222222222222222222222222222"
                 "222222222222040000000000000033333333333333333333333333333333");
}

static void the_digest_of_an_event_is_this(void **state)
{
    uint8_t digest[16];

    (void)state;
    record_event_digest((struct slice){(const uint8_t *)"event", 5}, digest);
    expect_bytes((struct slice){digest, sizeof digest}, "b7f15835893f816f60032ed395f1cfeb");
}

/* ---- there and back ---- */

static struct slice payload_of(struct record *record, enum kv_table table)
{
    struct slice payload;

    assert_true(record_open(record_seal(record, table, key), table, key, &payload));
    return payload;
}

static void a_workflow_is_read_as_it_was_written(void **state)
{
    struct workflow workflow = a_workflow();
    struct workflow again;
    struct record record;
    struct record second;

    (void)state;
    record_encode_workflow(&record, &workflow);
    assert_true(record_decode_workflow(payload_of(&record, KV_WORKFLOW), &again));

    assert_int_equal(again.number, workflow.number);
    assert_int_equal(again.phase, workflow.phase);
    assert_string_equal(again.present_lead.text, "QYG");
    assert_string_equal(again.reference.text, "2018-physio");
    record_encode_workflow(&second, &again);
    assert_int_equal(second.payload_len, record.payload_len);
    assert_memory_equal(second.bytes + RECORD_HEADER_BYTES, record.bytes + RECORD_HEADER_BYTES,
                        record.payload_len);
}

static void an_open_event_is_read_as_it_was_written(void **state)
{
    struct open_row row = an_open_row();
    struct open_row again;
    struct record record;
    struct record second;

    (void)state;
    record_encode_open(&record, &row);
    assert_true(record_decode_open(payload_of(&record, KV_OPEN), &again));

    assert_int_equal(again.open.failed_seq, 4710);
    assert_int_equal(again.open.due_ms, -5);
    assert_int_equal(again.waits_count, 1);
    assert_int_equal(again.waits[0].year, 2019);
    assert_int_equal(again.event.len, 3);
    record_encode_open(&second, &again);
    assert_memory_equal(second.bytes + RECORD_HEADER_BYTES, record.bytes + RECORD_HEADER_BYTES,
                        record.payload_len);
}

static void the_largest_open_event_fits(void **state)
{
    static uint8_t event[FACT_BYTES_MAX];
    struct open_row row = an_open_row();
    struct record record;

    (void)state;
    row.event = (struct slice){event, sizeof event};
    row.waits_count = WAITS_MAX;
    for (uint32_t i = 0; i < WAITS_MAX; i++)
        row.waits[i] = (struct wait){.kind = WAIT_ALLOTMENT, .ods = ods("E06000001"), .year = 2199};

    record_encode_open(&record, &row);

    assert_true(record_decode_open(payload_of(&record, KV_OPEN), &row));
    assert_int_equal(row.event.len, sizeof event);
}

/* ---- damage ---- */

static void a_row_with_any_bit_turned_is_not_opened(void **state)
{
    struct workflow workflow = a_workflow();
    struct record record;
    struct slice payload;

    (void)state;
    record_encode_workflow(&record, &workflow);
    struct slice value = record_seal(&record, KV_WORKFLOW, key);
    for (size_t bit = 0; bit < 8 * value.len; bit++) {
        record.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_false(record_open(value, KV_WORKFLOW, key, &payload));
        record.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_true(record_open(value, KV_WORKFLOW, key, &payload));
}

static void a_row_of_another_key_or_table_or_length_is_not_opened(void **state)
{
    static const uint8_t other_bytes[] = {0, 0, 0, 0, 0, 0, 0, 8};
    struct record record;
    struct slice payload;

    (void)state;
    record_encode_number(&record, 5);
    struct slice value = record_seal(&record, KV_REFERENCE, key);

    assert_false(record_open(value, KV_REFERENCE, (struct slice){other_bytes, sizeof other_bytes},
                             &payload));
    assert_false(record_open(value, KV_KEY_ORDER, key, &payload));
    for (size_t len = 0; len < value.len; len++)
        assert_false(record_open((struct slice){value.bytes, len}, KV_REFERENCE, key, &payload));
}

static void a_payload_of_another_length_is_no_row(void **state)
{
    struct workflow workflow = a_workflow();
    struct record record;
    struct open_row row;
    struct seen seen;

    (void)state;
    record_encode_workflow(&record, &workflow);
    struct slice payload = payload_of(&record, KV_WORKFLOW);

    for (size_t len = 0; len < payload.len; len++)
        assert_false(record_decode_workflow((struct slice){payload.bytes, len}, &workflow));
    payload.len++;
    assert_false(record_decode_workflow(payload, &workflow));
    assert_false(record_decode_open(payload, &row));
    assert_false(record_decode_seen(payload, &seen));
}

static void a_text_with_a_nul_in_it_is_not_taken_for_a_shorter_one(void **state)
{
    struct workflow workflow = a_workflow();
    struct workflow read;
    struct record record;

    (void)state;
    record_encode_workflow(&record, &workflow);
    uint8_t *lead = record.bytes + RECORD_HEADER_BYTES + 16; /* behind two numbers: length, text */
    assert_int_equal(lead[0], 3);
    struct slice payload = {record.bytes + RECORD_HEADER_BYTES, record.payload_len};
    assert_true(record_decode_workflow(payload, &read));
    lead[2] = '\0';
    assert_false(record_decode_workflow(payload, &read));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_with_a_nul_in_it_is_not_taken_for_a_shorter_one),
        cmocka_unit_test(a_workflow_has_these_bytes),
        cmocka_unit_test(an_open_event_has_these_bytes),
        cmocka_unit_test(a_seen_id_has_these_bytes),
        cmocka_unit_test(a_register_has_these_bytes),
        cmocka_unit_test(an_organisation_has_these_bytes),
        cmocka_unit_test(a_support_contract_has_these_bytes),
        cmocka_unit_test(a_level_has_these_bytes),
        cmocka_unit_test(a_key_has_these_bytes),
        cmocka_unit_test(a_ledger_year_has_these_bytes),
        cmocka_unit_test(a_ledger_line_has_these_bytes),
        cmocka_unit_test(a_fact_a_number_and_nothing_have_these_bytes),
        cmocka_unit_test(the_position_has_these_bytes),
        cmocka_unit_test(the_digest_of_an_event_is_this),
        cmocka_unit_test(a_workflow_is_read_as_it_was_written),
        cmocka_unit_test(an_open_event_is_read_as_it_was_written),
        cmocka_unit_test(the_largest_open_event_fits),
        cmocka_unit_test(a_row_with_any_bit_turned_is_not_opened),
        cmocka_unit_test(a_row_of_another_key_or_table_or_length_is_not_opened),
        cmocka_unit_test(a_payload_of_another_length_is_no_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
