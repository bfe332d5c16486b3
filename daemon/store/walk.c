/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/walk.h"

#include "daemon/store/part.h"

#include <string.h>
#include <unistd.h>

struct walk {
    const char *dir; /* the journal's */
    uint8_t journal_id[16];
    const uint64_t *segments; /* their first seqs */
    uint32_t segments_count;
    struct scan *scan;
    uint64_t from_seq;
    uint32_t segment; /* index */
    int fd;           /* -1: the segment is not open yet */
    bool linked;      /* a segment came before */
    struct scan_place before;
    struct part index; /* the closed segment's, to be compared; its count is 0 when there is none */
    struct batch batch;
    uint32_t batch_index; /* of the next entry */
    size_t batch_at;
};

enum status walk_new(struct walk **ret, struct journal *journal, uint64_t from_seq)
{
    CHECK(from_seq >= 1);

    struct walk *walk = calloc(1, sizeof *walk);
    if (walk == NULL)
        return STATUS_NO_MEMORY;
    walk->dir = journal_dir(journal);
    journal_id(journal, walk->journal_id);
    walk->segments_count = journal_segments(journal, &walk->segments);
    CHECK(walk->segments_count > 0);
    walk->from_seq = from_seq;
    walk->fd = -1;
    walk->index.fd = -1;
    while (walk->segment + 1 < walk->segments_count &&
           walk->segments[walk->segment + 1] <= from_seq)
        walk->segment++;
    enum status status = scan_new(&walk->scan);
    if (status != STATUS_OK)
        goto fail;

    *ret = walk;
    return STATUS_OK;

fail:
    walk_free(walk);
    return status;
}

struct walk *walk_free(struct walk *walk)
{
    if (walk == NULL)
        return NULL;
    if (walk->fd >= 0)
        close(walk->fd);
    part_close(&walk->index);
    scan_free(walk->scan);
    free(walk);
    return NULL;
}

static bool is_last(const struct walk *walk)
{
    return walk->segment + 1 == walk->segments_count;
}

/** Open the segment that comes now, and check that it follows the one before. */
static enum status walk_open(struct walk *walk, char text[JOURNAL_TEXT_SIZE])
{
    uint64_t first_seq = walk->segments[walk->segment];
    struct part part = {.fd = -1};
    enum status status = part_open(walk->dir, first_seq, false, &part, text);

    walk->fd = part.fd;
    if (status != STATUS_OK)
        return status;
    if (memcmp(part.head.journal_id, walk->journal_id, 16) != 0)
        return part_fault(text, STATUS_STORE_CORRUPT, first_seq, "it belongs to another journal");
    if (walk->linked && (part.head.first_seq != walk->before.next_seq ||
                         !hash_equal(part.head.before, walk->before.hash)))
        return part_fault(text, STATUS_STORE_CORRUPT, first_seq,
                          "it does not follow the segment before it");
    /* One that is lost or damaged is made again when it is needed: nothing to compare. */
    part_close(&walk->index);
    walk->index.head = part.head;
    if (!is_last(walk) && !part_read_index(walk->dir, &walk->index))
        walk->index.count = 0;
    scan_begin(walk->scan, walk->fd, &part.head);
    return STATUS_OK;
}

/** The segment's batches have ended: what follows must be zeros, but after the last. */
static enum status walk_close(struct walk *walk, char text[JOURNAL_TEXT_SIZE])
{
    uint64_t first_seq = walk->segments[walk->segment];
    char fault[SEGMENT_TEXT_SIZE] = "cannot be read";
    uint64_t torn;
    enum status status = scan_tail(walk->scan, &torn, fault);

    walk->before = scan_place(walk->scan);
    if (status == STATUS_OK && torn > 0 && !is_last(walk)) {
        snprintf(fault, sizeof fault, "entry %llu: unfinished, in a segment that is not the last",
                 (unsigned long long)walk->before.next_seq);
        status = STATUS_STORE_CORRUPT;
    }
    if (status == STATUS_OK && walk->index.count > 0 &&
        (walk->before.next_seq != first_seq + walk->index.count ||
         !hash_equal(walk->before.hash, walk->index.last_hash))) {
        snprintf(fault, sizeof fault, "its index does not agree with it");
        status = STATUS_STORE_CORRUPT;
    }
    if (status != STATUS_OK)
        return part_fault(text, status, first_seq, fault);
    if (!is_last(walk))
        file_forget(walk->fd);
    close(walk->fd);
    walk->fd = -1;
    walk->linked = true;
    walk->segment++;
    return STATUS_OK;
}

/** The next batch, over segments. */
static enum status walk_batch(struct walk *walk, char text[JOURNAL_TEXT_SIZE])
{
    /* Ends: each turn gives a batch or goes on to the next segment. */
    while (walk->segment < walk->segments_count) {
        enum status status = STATUS_OK;
        if (walk->fd < 0)
            status = walk_open(walk, text);
        if (status != STATUS_OK)
            return status;
        status = scan_next(walk->scan, &walk->batch);
        walk->batch_index = 0;
        walk->batch_at = 0;
        if (status == STATUS_OK)
            return STATUS_OK;
        if (status != STATUS_NOT_FOUND)
            return part_fault(text, status, walk->segments[walk->segment], "cannot be read");
        status = walk_close(walk, text);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_NOT_FOUND;
}

static bool index_agrees(const struct walk *walk, const struct batch_entry *entry)
{
    uint64_t place = entry->seq - walk->index.head.first_seq;

    if (walk->index.count == 0)
        return true;
    return place < walk->index.count && walk->index.offsets[place] == entry->offset;
}

enum status walk_next(struct walk *walk, struct walk_entry *ret, char text[JOURNAL_TEXT_SIZE])
{
    struct batch_entry entry;

    do {
        if (walk->batch_index == walk->batch.head.count) {
            enum status status = walk_batch(walk, text);
            if (status != STATUS_OK)
                return status;
        }
        entry = batch_entry(&walk->batch, walk->batch_index++, &walk->batch_at);
        if (!index_agrees(walk, &entry))
            return part_fault(text, STATUS_STORE_CORRUPT, walk->index.head.first_seq,
                              "its index does not agree with it");
    } while (entry.seq < walk->from_seq);

    *ret = (struct walk_entry){
        .seq = entry.seq,
        .bytes = entry.bytes,
        .hash = entry.hash,
        .run = walk->batch.head.run,
        .segment_seq = walk->segments[walk->segment],
    };
    return STATUS_OK;
}
