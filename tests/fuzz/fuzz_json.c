/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_json.c - JSON to the wire and back. The first byte says which message, and whether the rest is JSON or bytes. */
/* What is read as JSON is written as JSON that reads as the same bytes; so is what came as bytes, once it can be written at all. */
#include "tests/fuzz/fuzz.h"

#include "proto/codec.h"
#include "proto/json.h"
#include "proto/limits.h"

#include <string.h>

#define BYTES_BIT 0x80

static const char *const messages[] = {
    "Event",    "Entry",  "Events",      "Answers",  "Queries", "Replies",
    "FeedAsks", "Hellos", "Assignments", "Findings", "Entries", "Welcomes",
};

int fuzz_vector(const char *name)
{
    size_t len = strcspn(name, "-.");

    for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
        if (strlen(messages[i]) == len && memcmp(messages[i], name, len) == 0)
            return (int)i | BYTES_BIT;
    }
    return -1;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return 0;
}

static struct slice slice_of(const char *text)
{
    return (struct slice){(const uint8_t *)text, strlen(text)};
}

/** Write @bytes as JSON and read that. False: it is no message. *@ret: what was read, malloc'ed. */
static bool there_and_back(const char *name, struct slice bytes, uint8_t **ret, size_t *ret_len)
{
    struct json_fault fault;
    char *text;

    if (json_write(name, bytes, false, &text) != STATUS_OK)
        return false;
    enum status status = json_read(name, slice_of(text), ret, ret_len, &fault);
    if (status != STATUS_OK)
        fprintf(stderr, "%s\n%s at %s\n", text, fault.text, fault.path);
    CHECK(status == STATUS_OK);
    free(text);
    return true;
}

/** @bytes were read from JSON: they come back the same. */
static void expect_same(const char *name, struct slice bytes)
{
    uint8_t *again = NULL;
    size_t len = 0;

    CHECK(there_and_back(name, bytes, &again, &len));
    CHECK(len == bytes.len);
    CHECK(len == 0 || memcmp(again, bytes.bytes, len) == 0);
    free(again);
}

static void take_bytes(const char *name, struct slice bytes)
{
    uint8_t *read;
    size_t len;

    if (!there_and_back(name, bytes, &read, &len))
        return;
    expect_same(name, (struct slice){read, len});
    free(read);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > 64 * 1024)
        return 0;
    const char *name = messages[(data[0] & 0x7f) % ARRAY_LEN(messages)];
    struct slice rest = {data + 1, size - 1};
    struct json_fault fault;
    uint8_t *bytes;
    size_t len;
    if ((data[0] & BYTES_BIT) != 0) {
        take_bytes(name, rest);
        return 0;
    }
    memset(&fault, 0, sizeof fault);
    enum status status = json_read(name, rest, &bytes, &len, &fault);
    if (status != STATUS_OK) {
        CHECK(status == STATUS_MALFORMED);
        CHECK(fault.text[0] != '\0');
        return 0;
    }
    /* The event in an Entry is bytes, of which JSON shows what they say: they come to rest one turn later. */
    if (strcmp(name, "Entry") == 0)
        take_bytes(name, (struct slice){bytes, len});
    else
        expect_same(name, (struct slice){bytes, len});
    free(bytes);
    return 0;
}
