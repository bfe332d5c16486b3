/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/journal.h"

#include "daemon/store/file.h"
#include "daemon/store/number.h"
#include "daemon/store/part.h"
#include "daemon/store/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOTS 4      /* batches in memory: the pending one and those before it */
#define CLOSED_MAX 4 /* closed segments held open for reading */
#define FILL_BYTES_MIN (256 * 1024)
#define FILL_BYTES_MAX (2 * 1024 * 1024)
#define READ_BYTES (ENTRY_BYTES_MAX + 1024)

static_assert(JOURNAL_TEXT_SIZE == PART_TEXT_SIZE, "texts are handed up");

static const char next_name[] = "next.tmp";

/** A batch in memory. Its bytes are as on disk. */
struct slot {
    uint8_t *bytes; /* BATCH_BYTES_MAX */
    size_t len;     /* header included */
    uint64_t first_seq;
    uint32_t count;
    struct hash last_hash;
    uint32_t offsets[BATCH_ENTRIES_MAX]; /* of each entry's len, in bytes */
};

struct journal {
    struct path dir;
    uint64_t segment_bytes;
    bool read_only;
    enum status failure;

    uint64_t *segments; /* first seqs, ascending */
    uint32_t segments_count;
    uint32_t segments_max;
    struct part active;

    int next_fd; /* -1: not begun */
    uint64_t next_filled;
    uint64_t tended_at; /* offset in the active segment at the last tend */

    struct slot slots[SLOTS];
    uint32_t slot;    /* the pending one */
    struct hash hash; /* of the newest entry, pending or not */
    uint64_t durable_seq;
    struct hash durable_hash;

    struct part closed[CLOSED_MAX];
    uint64_t reads;
    uint8_t *buffer; /* READ_BYTES */
    uint64_t flushes;
    uint64_t written_bytes;
};

/* ---- names ---- */

/** False: it is not the name of a segment. */
static bool parse_name(const char *name, uint64_t *ret)
{
    uint64_t seq = 0;

    if (strlen(name) != PART_NAME_DIGITS + 4 || strcmp(name + PART_NAME_DIGITS, ".seg") != 0)
        return false;
    for (unsigned i = 0; i < PART_NAME_DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
        if (__builtin_mul_overflow(seq, 10, &seq) ||
            __builtin_add_overflow(seq, (uint64_t)(name[i] - '0'), &seq))
            return false;
    }
    *ret = seq;
    return true;
}

static enum status add_segment(struct journal *journal, uint64_t first_seq)
{
    if (journal->segments_count == journal->segments_max) {
        uint32_t max = journal->segments_max == 0 ? 64 : 2 * journal->segments_max;
        uint64_t *more = reallocarray(journal->segments, max, sizeof *more);
        if (more == NULL)
            return STATUS_NO_MEMORY;
        journal->segments = more;
        journal->segments_max = max;
    }
    journal->segments[journal->segments_count++] = first_seq;
    return STATUS_OK;
}

static int compare_seqs(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;

    return (left > right) - (left < right);
}

static enum status list_segments(struct journal *journal)
{
    DIR *listing = opendir(journal->dir.text);
    enum status status = STATUS_OK;
    uint64_t seq;

    if (listing == NULL)
        return errno == ENOENT ? STATUS_NOT_FOUND : STATUS_IO_FAILED;
    for (const struct dirent *name = readdir(listing); name != NULL && status == STATUS_OK;
         name = readdir(listing)) {
        if (parse_name(name->d_name, &seq))
            status = add_segment(journal, seq);
    }
    closedir(listing);
    if (journal->segments_count > 0)
        qsort(journal->segments, journal->segments_count, sizeof *journal->segments, compare_seqs);
    return status;
}

/** Which segment holds @seq. */
static uint32_t find_segment(const struct journal *journal, uint64_t seq)
{
    uint32_t low = 0;
    uint32_t high = journal->segments_count;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (journal->segments[middle] <= seq)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/** A closed segment, open and with its index; the one not used for longest makes room. */
static enum status load_closed(struct journal *journal, uint32_t segment, struct part **ret,
                               char text[JOURNAL_TEXT_SIZE])
{
    uint64_t first_seq = journal->segments[segment];
    struct part *oldest = &journal->closed[0];

    for (uint32_t i = 0; i < CLOSED_MAX; i++) {
        struct part *part = &journal->closed[i];
        if (part->fd >= 0 && part->head.first_seq == first_seq) {
            part->used_at = ++journal->reads;
            *ret = part;
            return STATUS_OK;
        }
        if (part->used_at < oldest->used_at)
            oldest = part;
    }

    part_close(oldest);
    enum status status = part_open(journal->dir.text, first_seq, false, oldest, text);
    if (status == STATUS_OK && !part_read_index(journal->dir.text, oldest))
        status = part_rebuild_index(journal->dir.text, oldest, !journal->read_only, text);
    if (status == STATUS_OK &&
        oldest->head.first_seq + oldest->count != journal->segments[segment + 1])
        status = part_fault(text, STATUS_STORE_CORRUPT, first_seq,
                            "the segment that should follow it is missing");
    if (status != STATUS_OK) {
        part_close(oldest);
        return status;
    }
    oldest->used_at = ++journal->reads;
    *ret = oldest;
    return STATUS_OK;
}

/* ---- the next segment ---- */

static void drop_next(struct journal *journal)
{
    struct path path = file_path(journal->dir.text, next_name);

    if (journal->next_fd >= 0)
        close(journal->next_fd);
    journal->next_fd = -1;
    journal->next_filled = 0;
    (void)unlink(path.text);
}

static enum status begin_next(struct journal *journal)
{
    struct path path = file_path(journal->dir.text, next_name);
    enum status status = file_open(path.text, O_RDWR | O_CREAT | O_TRUNC, &journal->next_fd);

    if (status == STATUS_OK)
        status = file_reserve(journal->next_fd, journal->segment_bytes);
    journal->next_filled = 0;
    return status;
}

/** Fill up to @bytes more; when it is full it is flushed, so that only the header's flush is left for later. */
static enum status fill_next(struct journal *journal, uint64_t bytes)
{
    uint64_t left = journal->segment_bytes - journal->next_filled;
    uint64_t piece = bytes < left ? bytes : left;
    enum status status = file_write_zeros(journal->next_fd, piece, journal->next_filled);

    if (status != STATUS_OK)
        return status;
    file_start_flush(journal->next_fd, journal->next_filled, piece);
    journal->next_filled += piece;
    if (journal->next_filled == journal->segment_bytes)
        return file_flush(journal->next_fd);
    return STATUS_OK;
}

/** Make the next segment the active one: filled whole, its header flushed, then its name (PITFALLS J3). */
static enum status take_next(struct journal *journal, const struct segment_head *head)
{
    struct path from = file_path(journal->dir.text, next_name);
    struct path to = part_path(journal->dir.text, head->first_seq, "seg");
    uint8_t bytes[SEGMENT_HEADER_BYTES];
    enum status status = STATUS_OK;

    if (journal->next_fd < 0)
        status = begin_next(journal);
    if (status == STATUS_OK && journal->next_filled < journal->segment_bytes)
        status = fill_next(journal, journal->segment_bytes);
    if (status == STATUS_OK)
        status = part_room(&journal->active, part_entries_max(head));
    if (status == STATUS_OK)
        status = add_segment(journal, head->first_seq);
    segment_encode_head(head, bytes);
    if (status == STATUS_OK)
        status = file_write(journal->next_fd, bytes, sizeof bytes, 0);
    if (status == STATUS_OK)
        status = file_flush(journal->next_fd);
    if (status == STATUS_OK)
        status = file_rename(from.text, to.text, journal->dir.text);
    if (status != STATUS_OK)
        return status;

    journal->active.fd = journal->next_fd;
    journal->active.head = *head;
    journal->active.end = SEGMENT_HEADER_BYTES;
    journal->active.count = 0;
    journal->next_fd = -1;
    journal->next_filled = 0;
    journal->tended_at = SEGMENT_HEADER_BYTES;
    return STATUS_OK;
}

/** The batch does not fit any more: close the segment and go on in the next. */
static enum status roll(struct journal *journal)
{
    struct segment_head head = journal->active.head;

    journal->active.last_hash = journal->durable_hash;
    part_write_index(journal->dir.text, &journal->active);
    close(journal->active.fd);
    journal->active.fd = -1;

    head.segment_id = segment_new_id();
    head.first_seq = journal->durable_seq + 1;
    head.bytes = journal->segment_bytes;
    head.before = journal->durable_hash;
    return take_next(journal, &head);
}

/* ---- open ---- */

/** Begin an empty batch in the next slot. */
static void begin_batch(struct journal *journal)
{
    journal->slot = (journal->slot + 1) % SLOTS;
    struct slot *slot = &journal->slots[journal->slot];

    slot->first_seq = journal->durable_seq + 1;
    slot->count = 0;
    slot->len = BATCH_HEADER_BYTES;
}

static enum status create(struct journal *journal)
{
    struct segment_head head = {
        .segment_id = segment_new_id(), .first_seq = 1, .bytes = journal->segment_bytes};
    uint64_t chance[2] = {segment_new_id(), segment_new_id()};

    memcpy(head.journal_id, chance, sizeof head.journal_id);
    return take_next(journal, &head);
}

/** Does the last segment go on where the one before it ends? */
static enum status check_link(struct journal *journal, char text[JOURNAL_TEXT_SIZE])
{
    const struct part *active = &journal->active;
    struct part *before = NULL;

    if (journal->segments[0] != 1)
        return part_fault(text, STATUS_STORE_CORRUPT, 1, "the first segment is missing");
    if (journal->segments_count == 1)
        return STATUS_OK;
    enum status status = load_closed(journal, journal->segments_count - 2, &before, text);
    if (status != STATUS_OK)
        return status;
    CHECK(before != NULL);
    if (memcmp(before->head.journal_id, active->head.journal_id, 16) != 0)
        return part_fault(text, STATUS_STORE_CORRUPT, active->head.first_seq,
                          "it belongs to another journal");
    if (!hash_equal(before->last_hash, active->head.before))
        return part_fault(text, STATUS_STORE_CORRUPT, active->head.first_seq,
                          "it does not follow the segment before it");
    return STATUS_OK;
}

/** Scan the last segment and cut off its torn tail. */
static enum status open_last(struct journal *journal, struct journal_report *report,
                             char text[JOURNAL_TEXT_SIZE])
{
    uint64_t first_seq = journal->segments[journal->segments_count - 1];
    struct part *part = &journal->active;
    struct scan *scan;
    char fault[SEGMENT_TEXT_SIZE] = "cannot be read";
    enum status status = part_open(journal->dir.text, first_seq, !journal->read_only, part, text);

    if (status != STATUS_OK)
        return status;
    status = scan_new(&scan);
    if (status != STATUS_OK)
        return status;
    status = part_scan(part, scan);
    if (status == STATUS_OK)
        status = scan_tail(scan, &report->torn_bytes, fault);
    struct scan_place place = scan_place(scan);
    scan_free(scan);
    if (status != STATUS_OK)
        return part_fault(text, status, first_seq, fault);

    /* Zeros first, and flushed, so that the next batch cannot be mixed with this one's rest. */
    if (report->torn_bytes > 0 && !journal->read_only) {
        status = file_write_zeros(part->fd, part->head.bytes - part->end, part->end);
        if (status == STATUS_OK)
            status = file_flush(part->fd);
        if (status != STATUS_OK)
            return part_fault(text, status, first_seq, "the torn tail cannot be cut off");
    }
    journal->durable_seq = place.next_seq - 1;
    journal->durable_hash = place.hash;
    journal->tended_at = part->end;
    return STATUS_OK;
}

static enum status take_memory(struct journal *journal)
{
    journal->buffer = malloc(READ_BYTES);
    if (journal->buffer == NULL)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < SLOTS; i++) {
        journal->slots[i].bytes = malloc(BATCH_BYTES_MAX);
        if (journal->slots[i].bytes == NULL)
            return STATUS_NO_MEMORY;
    }
    return STATUS_OK;
}

static enum status open_segments(struct journal *journal, const struct journal_options *options,
                                 struct journal_report *report, char text[JOURNAL_TEXT_SIZE])
{
    enum status status = STATUS_OK;

    if (!options->read_only) {
        status = file_make_dir(options->dir, options->parent);
        if (status != STATUS_OK) {
            snprintf(text, JOURNAL_TEXT_SIZE, "journal: the folder cannot be made");
            return status;
        }
        drop_next(journal);
    }
    status = list_segments(journal);
    if (status != STATUS_OK || (journal->segments_count == 0 && options->read_only)) {
        snprintf(text, JOURNAL_TEXT_SIZE, "journal: there is none");
        return status == STATUS_OK ? STATUS_NOT_FOUND : status;
    }
    if (journal->segments_count == 0) {
        report->created = true;
        status = create(journal);
        if (status != STATUS_OK)
            snprintf(text, JOURNAL_TEXT_SIZE, "journal: the first segment cannot be made");
        return status;
    }
    status = open_last(journal, report, text);
    if (status == STATUS_OK)
        status = check_link(journal, text);
    return status;
}

enum status journal_open(struct journal **ret, const struct journal_options *options,
                         struct journal_report *report, char text[JOURNAL_TEXT_SIZE])
{
    CHECK(options->segment_bytes >= SEGMENT_BYTES_MIN);
    CHECK(options->segment_bytes <= SEGMENT_BYTES_MAX);

    *report = (struct journal_report){.torn_bytes = 0};
    text[0] = '\0';
    if (sodium_init() < 0)
        return STATUS_NO_MEMORY;
    struct journal *journal = calloc(1, sizeof *journal);
    if (journal == NULL)
        return STATUS_NO_MEMORY;
    journal->dir = file_path(options->dir, ".");
    journal->segment_bytes = options->segment_bytes;
    journal->read_only = options->read_only;
    journal->next_fd = -1;
    journal->active.fd = -1;
    for (uint32_t i = 0; i < CLOSED_MAX; i++)
        journal->closed[i].fd = -1;
    enum status status = take_memory(journal);
    if (status == STATUS_OK)
        status = open_segments(journal, options, report, text);
    if (status != STATUS_OK)
        goto fail;
    journal->hash = journal->durable_hash;
    begin_batch(journal);

    *ret = journal;
    return STATUS_OK;

fail:
    journal_close(journal);
    return status;
}

struct journal *journal_close(struct journal *journal)
{
    if (journal == NULL)
        return NULL;
    for (uint32_t i = 0; i < CLOSED_MAX; i++)
        part_close(&journal->closed[i]);
    part_close(&journal->active);
    if (journal->next_fd >= 0)
        drop_next(journal);
    for (uint32_t i = 0; i < SLOTS; i++)
        free(journal->slots[i].bytes);
    free(journal->buffer);
    free(journal->segments);
    free(journal);
    return NULL;
}

/* ---- writing ---- */

/** Keep the first failure. */
static enum status keep(struct journal *journal, enum status status)
{
    if (journal->failure == STATUS_OK)
        journal->failure = status;
    return journal->failure;
}

static size_t batch_room(const struct slot *slot)
{
    return BATCH_BYTES_MAX - BATCH_END_BYTES - slot->len;
}

uint8_t *journal_begin_entry(struct journal *journal, size_t *ret_max)
{
    struct slot *slot = &journal->slots[journal->slot];

    CHECK(slot->count < BATCH_ENTRIES_MAX);
    CHECK(batch_room(slot) >= ENTRY_FRAME_BYTES);
    *ret_max = batch_room(slot) - ENTRY_FRAME_BYTES;
    if (*ret_max > ENTRY_BYTES_MAX)
        *ret_max = ENTRY_BYTES_MAX;
    return slot->bytes + slot->len + 4;
}

struct hash journal_end_entry(struct journal *journal, size_t len)
{
    struct slot *slot = &journal->slots[journal->slot];
    uint8_t *at = slot->bytes + slot->len;

    CHECK(!journal->read_only);
    CHECK(slot->count < BATCH_ENTRIES_MAX);
    CHECK(len <= ENTRY_BYTES_MAX);
    CHECK(len + ENTRY_FRAME_BYTES <= batch_room(slot));
    number_put(at, len, 4);
    journal->hash = segment_hash_entry(&journal->hash, (struct slice){at + 4, len});
    memcpy(at + 4 + len, journal->hash.bytes, HASH_BYTES);
    slot->offsets[slot->count++] = (uint32_t)slot->len;
    slot->len += ENTRY_FRAME_BYTES + len;
    slot->last_hash = journal->hash;
    return journal->hash;
}

bool journal_batch_full(const struct journal *journal)
{
    const struct slot *slot = &journal->slots[journal->slot];

    return slot->count == BATCH_ENTRIES_MAX ||
           batch_room(slot) < ENTRY_FRAME_BYTES + ENTRY_BYTES_MAX;
}

uint32_t journal_batch_count(const struct journal *journal)
{
    return journal->slots[journal->slot].count;
}

/** One write and one flush of the pending batch at the end of the active segment. */
static enum status write_batch(struct journal *journal, struct slot *slot, uint64_t run)
{
    struct part *active = &journal->active;
    size_t len = slot->len + BATCH_END_BYTES;
    struct batch_head head = {
        .segment_id = active->head.segment_id,
        .run = run,
        .first_seq = slot->first_seq,
        .count = slot->count,
        .bytes = (uint32_t)(len - BATCH_HEADER_BYTES),
        .before = journal->durable_hash,
    };

    segment_encode_batch(&head, slot->bytes);
    segment_encode_end(slot->bytes + slot->len);
    enum status status = file_write(active->fd, slot->bytes, len, active->end);
    if (status == STATUS_OK)
        status = file_flush(active->fd);
    if (status != STATUS_OK)
        return status;
    for (uint32_t i = 0; i < slot->count; i++)
        active->offsets[active->count++] = (uint32_t)active->end + slot->offsets[i];
    active->end += len;
    journal->written_bytes += len;
    journal->flushes++;
    return STATUS_OK;
}

enum status journal_flush(struct journal *journal, uint64_t run)
{
    struct slot *slot = &journal->slots[journal->slot];
    enum status status = STATUS_OK;

    if (journal->failure != STATUS_OK || slot->count == 0)
        return journal->failure;
    if (slot->len + BATCH_END_BYTES > journal->active.head.bytes - journal->active.end)
        status = roll(journal);
    if (status == STATUS_OK)
        status = write_batch(journal, slot, run);
    if (status != STATUS_OK)
        return keep(journal, status);
    journal->durable_seq += slot->count;
    journal->durable_hash = slot->last_hash;
    begin_batch(journal);
    return STATUS_OK;
}

enum status journal_tend(struct journal *journal)
{
    struct part *active = &journal->active;
    enum status status = STATUS_OK;

    if (journal->failure != STATUS_OK || journal->read_only)
        return journal->failure;
    uint64_t appended = active->end - journal->tended_at;
    journal->tended_at = active->end;
    if (active->end < active->head.bytes / 4 || journal->next_filled == journal->segment_bytes)
        return STATUS_OK;
    if (journal->next_fd < 0)
        status = begin_next(journal);
    /* Twice as fast as it is needed, so that it is ready in time. */
    uint64_t piece = 2 * appended;
    if (piece < FILL_BYTES_MIN)
        piece = FILL_BYTES_MIN;
    if (piece > FILL_BYTES_MAX)
        piece = FILL_BYTES_MAX;
    if (status == STATUS_OK)
        status = fill_next(journal, piece);
    if (status == STATUS_OK)
        return STATUS_OK;
    drop_next(journal);
    /* No room now: whether there is enough for the next batch is asked before it is taken. */
    return status == STATUS_STORE_FULL ? STATUS_OK : keep(journal, status);
}

uint64_t journal_room_wanted(const struct journal *journal)
{
    return journal->next_fd >= 0 ? 0 : journal->segment_bytes;
}

/* ---- reading ---- */

uint64_t journal_next_seq(const struct journal *journal)
{
    const struct slot *slot = &journal->slots[journal->slot];

    return slot->first_seq + slot->count;
}

uint64_t journal_durable_seq(const struct journal *journal)
{
    return journal->durable_seq;
}

struct hash journal_durable_hash(const struct journal *journal)
{
    return journal->durable_hash;
}

void journal_id(const struct journal *journal, uint8_t ret[16])
{
    memcpy(ret, journal->active.head.journal_id, 16);
}

uint64_t journal_flushes(const struct journal *journal)
{
    return journal->flushes;
}

uint64_t journal_written_bytes(const struct journal *journal)
{
    return journal->written_bytes;
}

uint64_t journal_disk_bytes(const struct journal *journal)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < journal->segments_count; i++) {
        struct path path = part_path(journal->dir.text, journal->segments[i], "seg");
        struct stat about;
        if (stat(path.text, &about) == 0)
            total += (uint64_t)about.st_size;
    }
    return total;
}

/** Is it still in memory? */
static bool read_slot(const struct journal *journal, uint64_t seq, struct slice *ret,
                      struct hash *ret_hash)
{
    for (uint32_t i = 0; i < SLOTS; i++) {
        const struct slot *slot = &journal->slots[i];
        if (slot->count == 0 || seq < slot->first_seq || seq >= slot->first_seq + slot->count)
            continue;
        const uint8_t *at = slot->bytes + slot->offsets[seq - slot->first_seq];
        size_t len = (size_t)number_get(at, 4);
        *ret = (struct slice){at + 4, len};
        memcpy(ret_hash->bytes, at + 4 + len, HASH_BYTES);
        return true;
    }
    return false;
}

/** One pread: the hash before, len, entry, hash. */
static enum status read_part(struct journal *journal, const struct part *part, uint64_t seq,
                             struct slice *ret, struct hash *ret_hash)
{
    uint64_t index = seq - part->head.first_seq;
    uint64_t from = part->offsets[index] - (uint64_t)HASH_BYTES;
    uint64_t to = index + 1 < part->count ? part->offsets[index + 1] : part->end;
    size_t len = (size_t)(to - from);
    size_t got;
    struct hash before;

    if (to < from + HASH_BYTES + ENTRY_FRAME_BYTES || len > READ_BYTES)
        return STATUS_STORE_CORRUPT;
    enum status status = file_read(part->fd, journal->buffer, len, from, &got);
    if (status != STATUS_OK)
        return status;
    const uint8_t *at = journal->buffer + HASH_BYTES;
    size_t bytes = got < len ? 0 : (size_t)number_get(at, 4);
    if (got < len || bytes > len - HASH_BYTES - ENTRY_FRAME_BYTES)
        return STATUS_STORE_CORRUPT;
    memcpy(before.bytes, journal->buffer, HASH_BYTES);
    *ret = (struct slice){at + 4, bytes};
    *ret_hash = segment_hash_entry(&before, *ret);
    return memcmp(ret_hash->bytes, at + 4 + bytes, HASH_BYTES) == 0 ? STATUS_OK
                                                                    : STATUS_STORE_CORRUPT;
}

enum status journal_read(struct journal *journal, uint64_t seq, struct slice *ret,
                         struct hash *ret_hash)
{
    char text[JOURNAL_TEXT_SIZE];
    struct part *part = &journal->active;

    if (seq == 0 || seq >= journal_next_seq(journal))
        return STATUS_NOT_FOUND;
    if (read_slot(journal, seq, ret, ret_hash))
        return STATUS_OK;
    uint32_t segment = find_segment(journal, seq);
    if (segment + 1 < journal->segments_count) {
        enum status status = load_closed(journal, segment, &part, text);
        if (status != STATUS_OK)
            return status;
    }
    if (seq - part->head.first_seq >= part->count)
        return STATUS_STORE_CORRUPT;
    return read_part(journal, part, seq, ret, ret_hash);
}

/** The segment at @index, open and with its index. */
static enum status load(struct journal *journal, uint32_t index, struct part **ret)
{
    char text[JOURNAL_TEXT_SIZE];

    *ret = &journal->active;
    return index + 1 < journal->segments_count ? load_closed(journal, index, ret, text) : STATUS_OK;
}

enum status journal_segment(struct journal *journal, uint32_t index, struct journal_segment *ret)
{
    struct part *part;

    if (index >= journal->segments_count)
        return STATUS_NOT_FOUND;
    enum status status = load(journal, index, &part);
    if (status != STATUS_OK)
        return status;
    bool last = part == &journal->active;
    *ret = (struct journal_segment){
        .first_seq = part->head.first_seq,
        .bytes = part->head.bytes,
        .end = part->end,
        .last_seq = last ? journal->durable_seq : part->head.first_seq + part->count - 1,
        .last_hash = last ? journal->durable_hash : part->last_hash,
    };
    return STATUS_OK;
}

enum status journal_read_raw(struct journal *journal, uint64_t first_seq, uint64_t offset,
                             uint8_t *ret, size_t max, size_t *ret_len)
{
    uint32_t index = find_segment(journal, first_seq);
    struct part *part;

    if (journal->segments[index] != first_seq)
        return STATUS_NOT_FOUND;
    enum status status = load(journal, index, &part);
    if (status != STATUS_OK)
        return status;
    size_t len = offset >= part->end ? 0 : (size_t)(part->end - offset);
    len = len < max ? len : max;
    status = file_read(part->fd, ret, len, offset, ret_len);
    if (status == STATUS_OK && *ret_len < len)
        status = STATUS_STORE_CORRUPT;
    if (part != &journal->active)
        file_forget_range(part->fd, offset, len);
    return status;
}

uint32_t journal_segments(const struct journal *journal, const uint64_t **ret)
{
    *ret = journal->segments;
    return journal->segments_count;
}

const char *journal_dir(const struct journal *journal)
{
    return journal->dir.text;
}
