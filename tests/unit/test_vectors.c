/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto/vectors/: MESSAGE[-what].json and .hex say the same, for each message; what is in bad/ is refused as bad/EXPECT says.
 * `test_vectors --write` makes the .hex files anew from the .json ones; a change there is a change of the wire.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <jansson.h>
#include <limits.h>
#include <string.h>

#include "proto/codec.h"
#include "proto/json.h"

#define FILES_MAX 100
#define FILE_BYTES_MAX (256 * 1024)
#define GOOD_MIN 43
#define BAD_MIN 30

struct files {
    char names[FILES_MAX][64];
    uint32_t count;
};

static const char *folder(void)
{
    static char path[PATH_MAX];
    const char *source = getenv("COMMISSION_SOURCE_DIR");

    snprintf(path, sizeof path, "%s/proto/vectors", source != NULL ? source : ".");
    return path;
}

static FILE *open_file(const char *name, const char *ending, const char *mode)
{
    char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/%s%s", folder(), name, ending);
    FILE *file = fopen(path, mode);
    if (file == NULL)
        fprintf(stderr, "cannot open %s\n", path);
    return file;
}

/** The whole file, NUL-terminated, the caller's to free(). */
static char *read_file(const char *name, const char *ending)
{
    FILE *file = open_file(name, ending, "rb");
    char *text = calloc(1, FILE_BYTES_MAX);

    assert_non_null(file);
    assert_non_null(text);
    assert_true(fread(text, 1, FILE_BYTES_MAX, file) < FILE_BYTES_MAX);
    fclose(file);
    return text;
}

static unsigned digit(char c)
{
    const char *digits = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;

    assert_non_null(at);
    return (unsigned)(at - digits);
}

/** The bytes of a hexadecimal file, the caller's to free(). Lines and spaces mean nothing. */
static uint8_t *read_hex(const char *name, size_t *ret_len)
{
    char *text = read_file(name, ".hex");
    uint8_t *bytes = malloc(FILE_BYTES_MAX);
    size_t len = 0;
    bool low = false;

    assert_non_null(bytes);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == ' ' || *at == '\n')
            continue;
        bytes[len] = (uint8_t)(low ? (unsigned)bytes[len] << 4 | digit(*at) : digit(*at));
        len += low ? 1 : 0;
        low = !low;
    }
    assert_false(low);
    free(text);
    *ret_len = len;
    return bytes;
}

static void write_hex(const char *name, const uint8_t *bytes, size_t len)
{
    FILE *file = open_file(name, ".hex", "w");

    assert_non_null(file);
    for (size_t i = 0; i < len; i++)
        fprintf(file, "%02x%s", (unsigned)bytes[i], i % 32 == 31 || i + 1 == len ? "\n" : "");
    fclose(file);
}

static int is_json(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return dot != NULL && strcmp(dot, ".json") == 0;
}

static struct files list_good(void)
{
    struct files files = {.count = 0};
    struct dirent **entries;
    int count = scandir(folder(), &entries, is_json, alphasort);

    assert_in_range(count, 1, FILES_MAX);
    for (int i = 0; i < count; i++) {
        snprintf(files.names[files.count++], sizeof files.names[0], "%.*s",
                 (int)(strlen(entries[i]->d_name) - strlen(".json")), entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return files;
}

/** "Event-note" is an Event. */
static void message_of(const char *file, char ret[64])
{
    snprintf(ret, 64, "%.*s", (int)strcspn(file, "-"), file);
}

static uint8_t *json_to_bytes(const char *name, size_t *ret_len)
{
    char message[64];
    struct json_fault fault;
    uint8_t *bytes = NULL;
    char *text = read_file(name, ".json");

    message_of(name, message);
    enum status status = json_read(message, (struct slice){(const uint8_t *)text, strlen(text)},
                                   &bytes, ret_len, &fault);
    if (status != STATUS_OK)
        fail_msg("%s: %s: %s", name, fault.path, fault.text);
    free(text);
    return bytes;
}

static void each_json_is_its_bytes(void **state)
{
    struct files files = list_good();

    (void)state;
    assert_true(files.count >= GOOD_MIN);
    for (uint32_t i = 0; i < files.count; i++) {
        size_t expected_len;
        size_t len;
        uint8_t *expected = read_hex(files.names[i], &expected_len);
        uint8_t *bytes = json_to_bytes(files.names[i], &len);
        if (len != expected_len || memcmp(bytes, expected, len) != 0)
            fail_msg("%s.hex is not %s.json", files.names[i], files.names[i]);
        free(bytes);
        free(expected);
    }
}

static void each_bytes_are_their_json(void **state)
{
    struct files files = list_good();

    (void)state;
    for (uint32_t i = 0; i < files.count; i++) {
        char message[64];
        char *written = NULL;
        size_t len;
        uint8_t *bytes = read_hex(files.names[i], &len);
        char *text = read_file(files.names[i], ".json");
        message_of(files.names[i], message);
        assert_int_equal(json_write(message, (struct slice){bytes, len}, i % 2 == 0, &written),
                         STATUS_OK);
        json_t *expected = json_loads(text, 0, NULL);
        json_t *found = json_loads(written, 0, NULL);
        if (json_equal(expected, found) != 1)
            fail_msg("%s.hex says %s", files.names[i], written);
        json_decref(expected);
        json_decref(found);
        free(written);
        free(text);
        free(bytes);
    }
}

/* ---- the codec ---------------------------------------------------------------------------- */

/** What decoding one message came to, and its bytes as encoded again. */
struct outcome {
    enum status status;
    struct reason items[REASONS_MAX];
    struct reasons reasons;
    bool encoded;
    struct buffer again;
};

static void decode_event(struct slice bytes, struct arena *arena, struct outcome *ret)
{
    struct event event;
    bool id_known;

    ret->status = codec_decode_event(bytes, arena, &event, &id_known, &ret->reasons);
    /* Some fields of a payload are of no use to any rule, and are not in the value. */
    if (ret->status == STATUS_OK)
        assert_ptr_equal(event.bytes.bytes, bytes.bytes);
}

static void decode_entry(struct slice bytes, struct arena *arena, struct outcome *ret)
{
    struct entry entry;

    ret->status = codec_decode_entry(bytes, arena, &entry);
    ret->encoded = ret->status == STATUS_OK;
    if (ret->encoded)
        codec_encode_entry(&ret->again, &entry);
}

#define LIST(name, message, type, put)                                                             \
    static void name(struct slice bytes, struct arena *arena, struct outcome *ret)                 \
    {                                                                                              \
        type const *items = NULL;                                                                  \
        uint32_t count = 0;                                                                        \
        ret->status = message(bytes, arena, &items, &count);                                       \
        ret->encoded = ret->status == STATUS_OK;                                                   \
        for (uint32_t i = 0; ret->encoded && i < count; i++)                                       \
            put(&ret->again, &items[i]);                                                           \
    }
LIST(decode_answers, codec_decode_answers, struct answer, codec_put_answer)
LIST(decode_queries, codec_decode_queries, struct query, codec_put_query)
LIST(decode_replies, codec_decode_replies, struct reply, codec_put_reply)
LIST(decode_feed_asks, codec_decode_feed_asks, struct feed_ask, codec_put_feed_ask)
LIST(decode_assignments, codec_decode_assignments, struct assignment, codec_put_assignment)
LIST(decode_findings, codec_decode_findings, struct finding, codec_put_finding)
LIST(decode_accepts, codec_decode_accepts, struct assignment_token, codec_put_assignment_token)
LIST(decode_progresses, codec_decode_progresses, struct assignment_token,
     codec_put_assignment_token)

static void decode_hellos(struct slice bytes, struct arena *arena, struct outcome *ret)
{
    const struct hello *hellos = NULL;
    uint32_t count = 0;

    /* The version is for people who look at the wire, and is not in the value. */
    ret->status = codec_decode_hellos(bytes, arena, &hellos, &count);
}

static void decode_events(struct slice bytes, struct arena *arena, struct outcome *ret)
{
    const struct slice *events = NULL;
    uint32_t count = 0;

    ret->status = codec_split_events(bytes, arena, &events, &count);
    ret->encoded = ret->status == STATUS_OK;
    for (uint32_t i = 0; ret->encoded && i < count; i++)
        codec_put_event(&ret->again, events[i]);
}

static void decode_entries(struct slice bytes, struct arena *arena, struct outcome *ret)
{
    struct feed_entries entries;

    ret->status = codec_decode_entries(bytes, arena, &entries);
    ret->encoded = ret->status == STATUS_OK;
    if (ret->encoded)
        codec_put_entries(&ret->again, &entries);
}

static void decode_welcomes(struct slice bytes, struct arena *arena, struct outcome *ret)
{
    struct welcome welcome;

    ret->status = codec_decode_welcome(bytes, arena, &welcome);
    ret->encoded = ret->status == STATUS_OK;
    if (ret->encoded)
        codec_put_welcome(&ret->again, &welcome);
}

static void decode_beats(struct slice bytes, struct arena *arena, struct outcome *ret)
{
    uint32_t leased = 0;

    ret->status = codec_decode_beat(bytes, arena, &leased);
    ret->encoded = ret->status == STATUS_OK;
    if (ret->encoded)
        codec_put_beat(&ret->again, leased);
}

static void decode_byes(struct slice bytes, struct arena *arena, struct outcome *ret)
{
    struct slice reason;

    ret->status = codec_decode_bye(bytes, arena, &reason);
    ret->encoded = ret->status == STATUS_OK;
    if (ret->encoded)
        codec_put_bye(&ret->again, reason);
}

static const struct decoder {
    const char *message;
    void (*decode)(struct slice bytes, struct arena *arena, struct outcome *ret);
} decoders[] = {
    {"Event", decode_event},       {"Events", decode_events},   {"Answers", decode_answers},
    {"Queries", decode_queries},   {"Replies", decode_replies}, {"FeedAsks", decode_feed_asks},
    {"Entries", decode_entries},   {"Hellos", decode_hellos},   {"Welcomes", decode_welcomes},
    {"Beats", decode_beats},       {"Byes", decode_byes},       {"Assignments", decode_assignments},
    {"Findings", decode_findings}, {"Accepts", decode_accepts}, {"Progresses", decode_progresses},
    {"Entry", decode_entry},
};

static void decode(const char *message, struct slice bytes, struct arena *arena,
                   struct outcome *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->reasons = (struct reasons){.items = ret->items, .max = REASONS_MAX};
    ret->again.max = 2 * FRAME_BYTES_MAX;
    ret->again.bytes = malloc(ret->again.max);
    assert_non_null(ret->again.bytes);
    for (size_t i = 0; i < ARRAY_LEN(decoders); i++) {
        if (strcmp(decoders[i].message, message) == 0) {
            decoders[i].decode(bytes, arena, ret);
            return;
        }
    }
    fail_msg("no decoder for %s", message);
}

static void each_good_message_is_decoded_and_encoded_the_same(void **state)
{
    struct files files = list_good();
    struct arena *arena = NULL;

    (void)state;
    assert_int_equal(arena_new(&arena, ARENA_BYTES_MAX), STATUS_OK);
    for (uint32_t i = 0; i < files.count; i++) {
        char message[64];
        size_t len;
        struct outcome outcome;
        uint8_t *bytes = read_hex(files.names[i], &len);
        message_of(files.names[i], message);
        arena_reset(arena);
        decode(message, (struct slice){bytes, len}, arena, &outcome);
        if (outcome.status != STATUS_OK)
            fail_msg("%s: %s: %s", files.names[i], status_name(outcome.status),
                     outcome.reasons.count > 0 ? outcome.items[0].text : "");
        if (outcome.encoded &&
            (outcome.again.len != len || memcmp(outcome.again.bytes, bytes, len) != 0))
            fail_msg("%s: encoded again it is another message", files.names[i]);
        free(outcome.again.bytes);
        free(bytes);
    }
    arena_free(arena);
}

/** "FIELD_INVALID:reference@reference" of the first reason, or the status where a message has no reasons. */
static void print_outcome(const struct outcome *outcome, char ret[200])
{
    char code[REASON_CODE_SIZE];

    snprintf(ret, 200, "%s", status_name(outcome->status));
    if (outcome->reasons.count == 0)
        return;
    reason_print_code(&outcome->items[0], code);
    snprintf(ret, 200, "%s%s%s", code, outcome->items[0].field[0] != '\0' ? "@" : "",
             outcome->items[0].field);
}

static void each_bad_message_is_refused_for_what_is_bad_in_it(void **state)
{
    struct arena *arena = NULL;
    char *expect = read_file("bad/EXPECT", "");
    char *save = NULL;
    uint32_t count = 0;

    (void)state;
    assert_int_equal(arena_new(&arena, ARENA_BYTES_MAX), STATUS_OK);
    for (char *line = strtok_r(expect, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        char name[64];
        char message[64];
        char expected[128];
        char path[80];
        char found[200];
        size_t len;
        struct outcome outcome;
        if (line[0] == '#')
            continue;
        assert_int_equal(sscanf(line, "%63s %63s %127s", name, message, expected), 3);
        snprintf(path, sizeof path, "bad/%s", name);
        uint8_t *bytes = read_hex(path, &len);
        arena_reset(arena);
        decode(message, (struct slice){bytes, len}, arena, &outcome);
        print_outcome(&outcome, found);
        if (strcmp(found, expected) != 0)
            fail_msg("%s: expected %s, found %s", name, expected, found);
        assert_int_equal(arena_used(arena), 0);
        free(outcome.again.bytes);
        free(bytes);
        count++;
    }
    assert_true(count >= BAD_MIN);
    arena_free(arena);
    free(expect);
}

static void write_all(void)
{
    struct files files = list_good();

    for (uint32_t i = 0; i < files.count; i++) {
        size_t len;
        uint8_t *bytes = json_to_bytes(files.names[i], &len);
        write_hex(files.names[i], bytes, len);
        free(bytes);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_json_is_its_bytes),
        cmocka_unit_test(each_bytes_are_their_json),
        cmocka_unit_test(each_good_message_is_decoded_and_encoded_the_same),
        cmocka_unit_test(each_bad_message_is_refused_for_what_is_bad_in_it),
    };

    if (argc == 2 && strcmp(argv[1], "--write") == 0) {
        write_all();
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
