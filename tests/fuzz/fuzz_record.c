/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_record.c - payloads of the state's rows, past their digest: each decoder. The first byte says which; 255: a value, whole. */
/* A payload that is taken is written again the same, byte for byte: there is one way to write a row. */
#include "tests/fuzz/fuzz.h"

#include "daemon/store/record.h"

#include <string.h>

int fuzz_vector(const char *name)
{
    (void)name;
    return -1;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

static struct record record;

static void expect_same(struct slice payload)
{
    CHECK(record.payload_len == payload.len);
    CHECK(memcmp(record.bytes + RECORD_HEADER_BYTES, payload.bytes, payload.len) == 0);
}

#define TAKE(noun, type)                                                                           \
    static void take_##noun(struct slice payload)                                                  \
    {                                                                                              \
        static type row;                                                                           \
        memset(&row, 0, sizeof row);                                                               \
        if (!record_decode_##noun(payload, &row))                                                  \
            return;                                                                                \
        record_encode_##noun(&record, &row);                                                       \
        expect_same(payload);                                                                      \
    }
TAKE(workflow, struct workflow)
TAKE(open, struct open_row)
TAKE(seen, struct seen)
TAKE(register, struct register_head)
TAKE(organisation, struct organisation)
TAKE(support, struct support_row)
TAKE(level, struct level_row)
TAKE(key, struct key_row)
TAKE(ledger, struct ledger_year)
TAKE(ledger_line, struct ledger_line_row)
TAKE(position, struct position)

static void take_number(struct slice payload)
{
    uint64_t number;

    if (!record_decode_number(payload, &number))
        return;
    record_encode_number(&record, number);
    expect_same(payload);
}

static void take_public_key(struct slice payload)
{
    struct key key;

    if (!record_decode_public_key(payload, &key))
        return;
    record_encode_public_key(&record, key);
    expect_same(payload);
}

static void (*const takers[])(struct slice payload) = {
    take_workflow, take_open,   take_seen,       take_register, take_organisation,
    take_support,  take_level,  take_key,        take_ledger,   take_ledger_line,
    take_position, take_number, take_public_key,
};

/* libFuzzer sees the digest that is compared with, and learns it: so a value may be taken; its payload lies within it. */
static void take_value(struct slice value)
{
    static const uint8_t key_bytes[8] = {1};
    struct slice payload;

    if (!record_open(value, KV_WORKFLOW, (struct slice){key_bytes, sizeof key_bytes}, &payload))
        return;
    CHECK(payload.bytes == value.bytes + RECORD_HEADER_BYTES);
    CHECK(payload.len == value.len - RECORD_HEADER_BYTES);
    take_workflow(payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > RECORD_PAYLOAD_MAX)
        return 0;
    struct slice rest = {data + 1, size - 1};
    if (data[0] == 255)
        take_value(rest);
    else
        takers[data[0] % ARRAY_LEN(takers)](rest);
    return 0;
}
