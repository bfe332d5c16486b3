/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_segment.c - a journal's segment file, damaged, is scanned: what is returned was written, and no whole batch is given up. */
/*
 * The first byte: even, the rest is edits (edit.h) of a segment of six batches; odd, the rest are bytes that stand where the batches
 * begin, and where bit 1 is set in place of the segment's header.
 */
#include "tests/fuzz/fuzz.h"

#include "daemon/store/segment.h"
#include "tests/fuzz/edit.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BATCHES 6
#define ENTRIES_PER_BATCH 3
#define USED_MAX (64u * 1024)

static uint8_t good[USED_MAX];
static size_t good_len;
static size_t batch_at[BATCHES + 1];
static uint8_t damaged[USED_MAX];
static int file = -1;
static struct scan *scan;

int fuzz_vector(const char *name)
{
    (void)name;
    return -1;
}

static void put_u32(uint8_t *ret, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        ret[i] = (uint8_t)(value >> (8 * i));
}

/** One batch of entries of different lengths; *@hash is moved on. */
static void add_batch(uint32_t number, struct hash *hash)
{
    struct batch_head head = {0x1122334455667788, 1, 1 + number * ENTRIES_PER_BATCH,
                              ENTRIES_PER_BATCH,  0, *hash};
    uint8_t *begin = good + good_len;
    uint8_t *at = begin + BATCH_HEADER_BYTES;

    for (uint32_t i = 0; i < ENTRIES_PER_BATCH; i++) {
        uint32_t len = 40 + 300 * i + 77 * number;
        put_u32(at, len);
        memset(at + 4, (int)('a' + number), len);
        *hash = segment_hash_entry(hash, (struct slice){at + 4, len});
        memcpy(at + 4 + len, hash->bytes, HASH_BYTES);
        at += ENTRY_FRAME_BYTES + len;
    }
    segment_encode_end(at);
    at += BATCH_END_BYTES;
    head.bytes = (uint32_t)(at - begin - BATCH_HEADER_BYTES);
    segment_encode_batch(&head, begin);
    batch_at[number] = good_len;
    good_len += (size_t)(at - begin);
    batch_at[number + 1] = good_len;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct segment_head head = {
        .segment_id = 0x1122334455667788, .first_seq = 1, .bytes = SEGMENT_BYTES_MIN};
    struct hash hash = {{0}};

    (void)argc;
    (void)argv;
    segment_encode_head(&head, good);
    good_len = SEGMENT_HEADER_BYTES;
    for (uint32_t i = 0; i < BATCHES; i++)
        add_batch(i, &hash);
    CHECK(good_len + BATCH_HEADER_BYTES < USED_MAX);
    file = memfd_create("segment", MFD_CLOEXEC);
    CHECK(file >= 0);
    CHECK(ftruncate(file, SEGMENT_BYTES_MIN) == 0);
    CHECK(scan_new(&scan) == STATUS_OK);
    return 0;
}

/** All whole batches from the front. Returns how many; what they hold was written so, if @from_good. */
static uint32_t scan_all(const struct segment_head *head, bool from_good)
{
    struct batch batch;
    uint32_t count = 0;

    scan_begin(scan, file, head);
    while (scan_next(scan, &batch) == STATUS_OK) {
        size_t at = 0;
        uint64_t seq = batch.head.first_seq;
        CHECK(batch.head.count >= 1 && batch.head.count <= BATCH_ENTRIES_MAX);
        for (uint32_t i = 0; i < batch.head.count; i++) {
            struct batch_entry entry = batch_entry(&batch, i, &at);
            CHECK(entry.seq == seq + i);
            CHECK(entry.bytes.len <= ENTRY_BYTES_MAX);
            if (from_good) {
                CHECK(entry.offset + 4 + entry.bytes.len <= good_len);
                CHECK(memcmp(entry.bytes.bytes, good + entry.offset + 4, entry.bytes.len) == 0);
            }
        }
        count++;
    }
    return count;
}

/** Nothing was damaged in the @index-th batch. */
static bool is_whole(uint32_t index)
{
    return memcmp(good + batch_at[index], damaged + batch_at[index],
                  batch_at[index + 1] - batch_at[index]) == 0;
}

static void look(bool from_good)
{
    struct segment_head head;
    char text[SEGMENT_TEXT_SIZE] = "";
    uint64_t torn = 0;

    CHECK(pwrite(file, damaged, sizeof damaged, 0) == (ssize_t)sizeof damaged);
    if (segment_read_head(file, &head, text) != STATUS_OK) {
        CHECK(text[0] != '\0');
        CHECK(!from_good || memcmp(good, damaged, SEGMENT_HEADER_BYTES) != 0);
        return;
    }
    uint32_t count = scan_all(&head, from_good);
    enum status status = scan_tail(scan, &torn, text);
    CHECK(status == STATUS_OK || text[0] != '\0');
    if (!from_good)
        return;
    CHECK(count <= BATCHES);
    for (uint32_t i = 0; i < count; i++)
        CHECK(is_whole(i));
    /* What would be cut off was damaged, all of it: a batch that someone was told of is not given up while it stands. */
    for (uint32_t i = count; status == STATUS_OK && i < BATCHES; i++)
        CHECK(!is_whole(i));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    bool edits = data[0] % 2 == 0;
    size_t at = (data[0] & 2) != 0 ? 0 : SEGMENT_HEADER_BYTES;
    memset(damaged, 0, sizeof damaged);
    memcpy(damaged, good, edits ? good_len : SEGMENT_HEADER_BYTES);
    if (edits)
        edit_all(data + 1, size - 1, damaged, good_len);
    else
        memcpy(damaged + at, data + 1, size - 1 < USED_MAX - at ? size - 1 : USED_MAX - at);
    look(edits);
    return 0;
}
