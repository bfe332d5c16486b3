/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_codec.c - bytes from the wire and the journal: each decoder, and a frame's parts. The first byte says which. */
/* What decodes must be what we would write: written again it decodes again. */
#include "tests/fuzz/fuzz.h"

#include "proto/codec.h"
#include "proto/frame.h"
#include "proto/wire.h"

#include <string.h>
#include <zmq.h>

#define ENDPOINT "inproc://fuzz"

static struct arena *arena;
static struct arena *again;
static struct buffer out;
static void *context;
static void *sender;
static void *receiver;

static void emptied(void)
{
    arena_reset(again);
    out.len = 0;
    out.full = false;
}

static struct slice written(void)
{
    CHECK(!out.full);
    return (struct slice){out.bytes, out.len};
}

/* ---- one message each ---- */

static void take_event(struct slice bytes)
{
    struct event event;
    struct reason items[REASONS_MAX];
    struct reasons reasons = {.items = items, .max = REASONS_MAX};
    bool id_known;

    memset(&event, 0, sizeof event);
    enum status status = codec_decode_event(bytes, arena, &event, &id_known, &reasons);
    CHECK(status == STATUS_OK || reasons.count > 0);
    if (status != STATUS_OK)
        return;
    CHECK(id_known);
    CHECK(event.bytes.bytes == bytes.bytes && event.bytes.len == bytes.len);
    emptied();
    codec_encode_event(&out, &event);
    struct event copy;
    reasons.count = 0;
    status = codec_decode_event(written(), again, &copy, &id_known, &reasons);
    CHECK(status == STATUS_OK);
    CHECK(copy.type == event.type);
    CHECK(event_id_equal(copy.id, event.id));
    CHECK(ods_equal(copy.sender, event.sender));
    CHECK(reference_equal(copy.reference, event.reference));
}

static void take_entry(struct slice bytes)
{
    struct entry entry;
    struct entry copy;

    if (codec_decode_entry(bytes, arena, &entry) != STATUS_OK)
        return;
    emptied();
    codec_encode_entry(&out, &entry);
    CHECK(codec_decode_entry(written(), again, &copy) == STATUS_OK);
    CHECK(copy.kind == entry.kind);
    CHECK(copy.seq == entry.seq);
    CHECK(copy.reasons_count == entry.reasons_count);
    CHECK(copy.lines_count == entry.lines_count);
}

static void take_events(struct slice bytes)
{
    const struct slice *events;
    uint32_t count;

    if (codec_split_events(bytes, arena, &events, &count) != STATUS_OK)
        return;
    CHECK(count <= FRAME_MESSAGES_MAX);
    for (uint32_t i = 0; i < count; i++)
        CHECK(events[i].len == 0 || (events[i].bytes >= bytes.bytes &&
                                     events[i].bytes + events[i].len <= bytes.bytes + bytes.len));
}

/* A decoder of a list, and what writes one of its items: what was read is written, and read again. */
#define TAKE_LIST(kind, type, decode, put)                                                         \
    static void take_##kind(struct slice bytes)                                                    \
    {                                                                                              \
        const struct type *items;                                                                  \
        const struct type *copies;                                                                 \
        uint32_t count;                                                                            \
        uint32_t copies_count;                                                                     \
        if (decode(bytes, arena, &items, &count) != STATUS_OK)                                     \
            return;                                                                                \
        CHECK(count <= FRAME_MESSAGES_MAX);                                                        \
        emptied();                                                                                 \
        for (uint32_t i = 0; i < count; i++)                                                       \
            put(&out, &items[i]);                                                                  \
        enum status status = decode(written(), again, &copies, &copies_count);                     \
        CHECK(status == STATUS_OK || status == STATUS_TOO_LARGE);                                  \
        CHECK(status != STATUS_OK || copies_count == count);                                       \
    }
TAKE_LIST(answers, answer, codec_decode_answers, codec_put_answer)
TAKE_LIST(queries, query, codec_decode_queries, codec_put_query)
TAKE_LIST(replies, reply, codec_decode_replies, codec_put_reply)
TAKE_LIST(feed_asks, feed_ask, codec_decode_feed_asks, codec_put_feed_ask)
TAKE_LIST(hellos, hello, codec_decode_hellos, codec_put_hello)
TAKE_LIST(assignments, assignment, codec_decode_assignments, codec_put_assignment)
TAKE_LIST(findings, finding, codec_decode_findings, codec_put_finding)
TAKE_LIST(accepts, assignment_token, codec_decode_accepts, codec_put_assignment_token)
TAKE_LIST(progresses, assignment_token, codec_decode_progresses, codec_put_assignment_token)

static void take_entries(struct slice bytes)
{
    struct feed_entries entries;
    struct feed_entries copy;

    if (codec_decode_entries(bytes, arena, &entries) != STATUS_OK)
        return;
    emptied();
    codec_put_entries(&out, &entries);
    enum status status = codec_decode_entries(written(), again, &copy);
    CHECK(status == STATUS_OK || status == STATUS_TOO_LARGE);
    CHECK(status != STATUS_OK || copy.entries_count == entries.entries_count);
}

static void take_welcome(struct slice bytes)
{
    struct welcome welcome;
    struct welcome copy;

    if (codec_decode_welcome(bytes, arena, &welcome) != STATUS_OK)
        return;
    emptied();
    codec_put_welcome(&out, &welcome);
    CHECK(codec_decode_welcome(written(), again, &copy) == STATUS_OK);
    CHECK(copy.run == welcome.run);
}

static void take_beat(struct slice bytes)
{
    uint32_t leased;
    uint32_t copy;

    if (codec_decode_beat(bytes, arena, &leased) != STATUS_OK)
        return;
    emptied();
    codec_put_beat(&out, leased);
    CHECK(codec_decode_beat(written(), again, &copy) == STATUS_OK);
    CHECK(copy == leased);
}

static void take_bye(struct slice bytes)
{
    struct slice reason;
    struct slice copy;

    if (codec_decode_bye(bytes, arena, &reason) != STATUS_OK)
        return;
    emptied();
    codec_put_bye(&out, reason);
    CHECK(codec_decode_bye(written(), again, &copy) == STATUS_OK);
    CHECK(copy.len == reason.len);
}

static void take_wire(struct slice bytes)
{
    struct wire_field field;
    struct slice rest = bytes;

    (void)wire_is_text(bytes);
    while (rest.len > 0 && wire_read_field(&rest, &field)) {
        CHECK(rest.bytes + rest.len == bytes.bytes + bytes.len);
        if (field.type == WIRE_BYTES)
            CHECK(field.bytes.len == 0 || (field.bytes.bytes >= bytes.bytes &&
                                           field.bytes.bytes + field.bytes.len <= rest.bytes));
    }
}

/* ---- a frame: parts of any number and length, each behind a byte that says how long it is ---- */

static void take_frame(struct slice bytes)
{
    struct frame frame;
    bool sent = false;

    for (uint32_t i = 0; bytes.len > 0 && i < 8; i++) {
        size_t len = bytes.bytes[0] < bytes.len - 1 ? bytes.bytes[0] : bytes.len - 1;
        bool more = bytes.len - 1 - len > 0 && i < 7;
        CHECK(zmq_send(sender, bytes.bytes + 1, len, more ? ZMQ_SNDMORE : 0) == (int)len);
        bytes = (struct slice){bytes.bytes + 1 + len, bytes.len - 1 - len};
        sent = true;
    }
    if (!sent)
        return;
    enum status status = frame_receive(receiver, false, &frame);
    CHECK(status == STATUS_OK || status == STATUS_MALFORMED || status == STATUS_UNSUPPORTED);
    if (status == STATUS_OK)
        frame_release(&frame);
    /* The whole message is gone, whatever was wrong with it. */
    CHECK(frame_receive(receiver, false, &frame) == STATUS_NOT_FOUND);
}

/* ---- which is which ---- */

static const struct {
    const char *message; /* of the vectors; "": of none */
    void (*take)(struct slice bytes);
} takers[] = {
    {"Event", take_event},
    {"Entry", take_entry},
    {"Events", take_events},
    {"Answers", take_answers},
    {"Queries", take_queries},
    {"Replies", take_replies},
    {"FeedAsks", take_feed_asks},
    {"Hellos", take_hellos},
    {"Assignments", take_assignments},
    {"Findings", take_findings},
    {"Entries", take_entries},
    {"Welcomes", take_welcome},
    {"Beats", take_beat},
    {"Byes", take_bye},
    {"Accepts", take_accepts},
    {"Progresses", take_progresses},
    {"", take_wire},
    {"", take_frame},
};

int fuzz_vector(const char *name)
{
    size_t len = strcspn(name, "-.");

    for (size_t i = 0; i < ARRAY_LEN(takers); i++) {
        if (strlen(takers[i].message) == len && memcmp(takers[i].message, name, len) == 0)
            return (int)i;
    }
    return -1;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    int linger = 0;

    (void)argc;
    (void)argv;
    CHECK(arena_new(&arena, 2 * ARENA_BYTES_MAX) == STATUS_OK);
    CHECK(arena_new(&again, 2 * ARENA_BYTES_MAX) == STATUS_OK);
    out.max = 8 * 1024 * 1024;
    out.bytes = malloc(out.max);
    CHECK(out.bytes != NULL);
    context = zmq_ctx_new();
    receiver = zmq_socket(context, ZMQ_DEALER);
    sender = zmq_socket(context, ZMQ_DEALER);
    CHECK(zmq_setsockopt(sender, ZMQ_LINGER, &linger, sizeof linger) == 0);
    CHECK(zmq_bind(receiver, ENDPOINT) == 0);
    CHECK(zmq_connect(sender, ENDPOINT) == 0);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > FRAME_BYTES_MAX)
        return 0;
    arena_reset(arena);
    takers[data[0] % ARRAY_LEN(takers)].take((struct slice){data + 1, size - 1});
    return 0;
}
