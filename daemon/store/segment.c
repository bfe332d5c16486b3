/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/segment.h"

#include "daemon/store/file.h"
#include "daemon/store/number.h"

#include <sodium.h>
#include <string.h>

#define HEAD_DIGEST_AT 88
#define BATCH_DIGEST_AT 40
#define BATCH_DIGEST_BYTES 8
#define BATCH_BEFORE_AT 48
#define BATCH_MAGIC 0x42434d43u /* "CMCB" */
#define END_MAGIC 0xdcb3bcbdu   /* no byte of it is zero */
#define SCAN_BYTES (4u * 1024 * 1024)

static const uint8_t head_magic[8] = {'C', 'M', 'S', 'N', 'S', 'E', 'G', '\n'};
static const uint8_t file_context[] = "commission file";
static const uint8_t batch_context[] = "commission batch";
static_assert(sizeof file_context == crypto_generichash_blake2b_PERSONALBYTES, "a context's size");
static_assert(sizeof batch_context == crypto_generichash_blake2b_PERSONALBYTES + 1,
              "a context's size and NUL");
static_assert(SCAN_BYTES >= 2 * BATCH_BYTES_MAX, "a batch and what follows it fit the window");

struct scan {
    int fd;
    struct segment_head head;
    struct scan_place place;
    uint64_t window_at; /* where in the file the window stands */
    size_t window_len;
    uint8_t *window; /* SCAN_BYTES */
};

/* ---- digests ---- */

struct hash segment_hash_entry(const struct hash *before, struct slice entry)
{
    crypto_generichash_blake2b_state state;
    struct hash hash;

    crypto_generichash_blake2b_init(&state, NULL, 0, sizeof hash.bytes);
    crypto_generichash_blake2b_update(&state, before->bytes, sizeof before->bytes);
    crypto_generichash_blake2b_update(&state, entry.bytes, entry.len);
    crypto_generichash_blake2b_final(&state, hash.bytes, sizeof hash.bytes);
    return hash;
}

void segment_digest(struct slice bytes, uint8_t ret[16])
{
    crypto_generichash_blake2b_salt_personal(ret, 16, bytes.bytes, bytes.len, NULL, 0, NULL,
                                             file_context);
}

uint64_t segment_new_id(void)
{
    uint64_t id;

    randombytes_buf(&id, sizeof id);
    return id;
}

/** The digest of a batch's header: all but the digest itself. */
static void digest_batch(const uint8_t head[BATCH_HEADER_BYTES], uint8_t ret[BATCH_DIGEST_BYTES])
{
    uint8_t fields[BATCH_HEADER_BYTES - BATCH_DIGEST_BYTES];

    memcpy(fields, head, BATCH_DIGEST_AT);
    memcpy(fields + BATCH_DIGEST_AT, head + BATCH_BEFORE_AT, HASH_BYTES);
    crypto_generichash_blake2b_salt_personal(ret, BATCH_DIGEST_BYTES, fields, sizeof fields, NULL,
                                             0, NULL, batch_context);
}

/* ---- headers ---- */

void segment_encode_head(const struct segment_head *head, uint8_t ret[SEGMENT_HEADER_BYTES])
{
    memset(ret, 0, SEGMENT_HEADER_BYTES);
    memcpy(ret, head_magic, sizeof head_magic);
    number_put(ret + 8, SEGMENT_FORMAT, 4);
    number_put(ret + 12, SEGMENT_HEADER_BYTES, 4);
    memcpy(ret + 16, head->journal_id, sizeof head->journal_id);
    number_put(ret + 32, head->segment_id, 8);
    number_put(ret + 40, head->first_seq, 8);
    number_put(ret + 48, head->bytes, 8);
    memcpy(ret + 56, head->before.bytes, HASH_BYTES);
    segment_digest((struct slice){ret, HEAD_DIGEST_AT}, ret + HEAD_DIGEST_AT);
}

enum status segment_decode_head(const uint8_t bytes[SEGMENT_HEADER_BYTES], struct segment_head *ret)
{
    uint8_t digest[16];

    segment_digest((struct slice){bytes, HEAD_DIGEST_AT}, digest);
    if (memcmp(bytes, head_magic, sizeof head_magic) != 0 ||
        memcmp(bytes + HEAD_DIGEST_AT, digest, sizeof digest) != 0)
        return STATUS_STORE_CORRUPT;
    if (number_get(bytes + 8, 4) > SEGMENT_FORMAT)
        return STATUS_STORE_NEWER;
    memcpy(ret->journal_id, bytes + 16, sizeof ret->journal_id);
    ret->segment_id = number_get(bytes + 32, 8);
    ret->first_seq = number_get(bytes + 40, 8);
    ret->bytes = number_get(bytes + 48, 8);
    memcpy(ret->before.bytes, bytes + 56, HASH_BYTES);
    return STATUS_OK;
}

void segment_encode_batch(const struct batch_head *head, uint8_t ret[BATCH_HEADER_BYTES])
{
    number_put(ret, BATCH_MAGIC, 4);
    number_put(ret + 4, head->count, 4);
    number_put(ret + 8, head->segment_id, 8);
    number_put(ret + 16, head->run, 8);
    number_put(ret + 24, head->first_seq, 8);
    number_put(ret + 32, head->bytes, 4);
    number_put(ret + 36, 0, 4);
    memcpy(ret + BATCH_BEFORE_AT, head->before.bytes, HASH_BYTES);
    digest_batch(ret, ret + BATCH_DIGEST_AT);
}

/** False: it is no header of a batch of this segment. */
static bool decode_batch(const uint8_t bytes[BATCH_HEADER_BYTES], uint64_t segment_id,
                         struct batch_head *ret)
{
    uint8_t digest[BATCH_DIGEST_BYTES];

    if (number_get(bytes, 4) != BATCH_MAGIC || number_get(bytes + 8, 8) != segment_id)
        return false;
    digest_batch(bytes, digest);
    if (memcmp(digest, bytes + BATCH_DIGEST_AT, sizeof digest) != 0)
        return false;
    ret->count = (uint32_t)number_get(bytes + 4, 4);
    ret->segment_id = segment_id;
    ret->run = number_get(bytes + 16, 8);
    ret->first_seq = number_get(bytes + 24, 8);
    ret->bytes = (uint32_t)number_get(bytes + 32, 4);
    memcpy(ret->before.bytes, bytes + BATCH_BEFORE_AT, HASH_BYTES);
    return true;
}

void segment_encode_end(uint8_t ret[BATCH_END_BYTES])
{
    number_put(ret, END_MAGIC, BATCH_END_BYTES);
}

enum status segment_read_head(int fd, struct segment_head *ret, char text[SEGMENT_TEXT_SIZE])
{
    uint8_t bytes[SEGMENT_HEADER_BYTES];
    uint64_t size;
    size_t len;
    enum status status = file_read(fd, bytes, sizeof bytes, 0, &len);

    if (status == STATUS_OK)
        status = file_size(fd, &size);
    if (status != STATUS_OK) {
        snprintf(text, SEGMENT_TEXT_SIZE, "the header cannot be read");
        return status;
    }
    if (len < sizeof bytes) {
        snprintf(text, SEGMENT_TEXT_SIZE, "the file is cut short within its header");
        return STATUS_STORE_CORRUPT;
    }
    status = segment_decode_head(bytes, ret);
    if (status == STATUS_STORE_NEWER) {
        snprintf(text, SEGMENT_TEXT_SIZE, "written by a newer version");
        return status;
    }
    if (status != STATUS_OK) {
        snprintf(text, SEGMENT_TEXT_SIZE, "the header is damaged");
        return status;
    }
    if (size != ret->bytes || size < SEGMENT_BYTES_MIN || size > SEGMENT_BYTES_MAX) {
        snprintf(text, SEGMENT_TEXT_SIZE, "%llu bytes long, where its header says %llu",
                 (unsigned long long)size, (unsigned long long)ret->bytes);
        return STATUS_STORE_CORRUPT;
    }
    return STATUS_OK;
}

/* ---- reading from front to back ---- */

enum status scan_new(struct scan **ret)
{
    struct scan *scan = calloc(1, sizeof *scan);

    if (scan == NULL)
        return STATUS_NO_MEMORY;
    scan->window = malloc(SCAN_BYTES);
    if (scan->window == NULL)
        goto fail;

    *ret = scan;
    return STATUS_OK;

fail:
    scan_free(scan);
    return STATUS_NO_MEMORY;
}

struct scan *scan_free(struct scan *scan)
{
    if (scan != NULL)
        free(scan->window);
    free(scan);
    return NULL;
}

void scan_begin(struct scan *scan, int fd, const struct segment_head *head)
{
    scan->fd = fd;
    scan->head = *head;
    scan->place = (struct scan_place){
        .offset = SEGMENT_HEADER_BYTES, .next_seq = head->first_seq, .hash = head->before};
    scan->window_at = 0;
    scan->window_len = 0;
}

struct scan_place scan_place(const struct scan *scan)
{
    return scan->place;
}

/** The @len bytes at @offset, or fewer at the segment's end; they stay until the next call. */
static enum status look(struct scan *scan, uint64_t offset, size_t len, struct slice *ret)
{
    CHECK(len <= SCAN_BYTES);
    CHECK(offset <= scan->head.bytes);
    if (len > scan->head.bytes - offset)
        len = (size_t)(scan->head.bytes - offset);
    if (offset < scan->window_at || offset + len > scan->window_at + scan->window_len) {
        uint64_t left = scan->head.bytes - offset;
        size_t wanted = left < SCAN_BYTES ? (size_t)left : SCAN_BYTES;
        enum status status = file_read(scan->fd, scan->window, wanted, offset, &scan->window_len);
        scan->window_at = offset;
        if (status != STATUS_OK || scan->window_len < len) {
            scan->window_len = 0;
            return STATUS_IO_FAILED;
        }
    }
    *ret = (struct slice){scan->window + (offset - scan->window_at), len};
    return STATUS_OK;
}

/** Are a batch's entries all there, linked, and followed by the end mark? */
static bool check_entries(const struct batch_head *head, struct slice bytes, struct hash *ret_last)
{
    struct hash hash = head->before;
    size_t at = 0;

    for (uint32_t i = 0; i < head->count; i++) {
        if (bytes.len - at < ENTRY_FRAME_BYTES + BATCH_END_BYTES)
            return false;
        size_t len = (size_t)number_get(bytes.bytes + at, 4);
        if (len > bytes.len - at - ENTRY_FRAME_BYTES - BATCH_END_BYTES)
            return false;
        hash = segment_hash_entry(&hash, (struct slice){bytes.bytes + at + 4, len});
        if (memcmp(hash.bytes, bytes.bytes + at + 4 + len, HASH_BYTES) != 0)
            return false;
        at += ENTRY_FRAME_BYTES + len;
    }
    if (bytes.len - at != BATCH_END_BYTES ||
        number_get(bytes.bytes + at, BATCH_END_BYTES) != END_MAGIC)
        return false;
    *ret_last = hash;
    return true;
}

/** The header at the scan's place, if it is one that may stand there. */
static enum status head_here(struct scan *scan, struct batch_head *ret)
{
    struct slice bytes;
    enum status status = look(scan, scan->place.offset, BATCH_HEADER_BYTES, &bytes);

    if (status != STATUS_OK)
        return status;
    if (bytes.len < BATCH_HEADER_BYTES || !decode_batch(bytes.bytes, scan->head.segment_id, ret))
        return STATUS_NOT_FOUND;
    return STATUS_OK;
}

/** Does this header go on where the scan stands, with bytes that can be? */
static bool head_fits(const struct scan *scan, const struct batch_head *head)
{
    const struct scan_place *place = &scan->place;

    return head->first_seq == place->next_seq && hash_equal(head->before, place->hash) &&
           head->count >= 1 && head->count <= BATCH_ENTRIES_MAX && head->bytes >= BATCH_END_BYTES &&
           head->bytes <= BATCH_BYTES_MAX - BATCH_HEADER_BYTES &&
           head->bytes <= scan->head.bytes - place->offset - BATCH_HEADER_BYTES;
}

enum status scan_next(struct scan *scan, struct batch *ret)
{
    struct batch_head head;
    struct slice bytes;
    struct hash last;
    enum status status = head_here(scan, &head);

    if (status != STATUS_OK)
        return status;
    if (!head_fits(scan, &head))
        return STATUS_NOT_FOUND;
    status = look(scan, scan->place.offset, BATCH_HEADER_BYTES + head.bytes, &bytes);
    if (status != STATUS_OK)
        return status;
    bytes.bytes += BATCH_HEADER_BYTES;
    bytes.len -= BATCH_HEADER_BYTES;
    if (!check_entries(&head, bytes, &last))
        return STATUS_NOT_FOUND;

    *ret = (struct batch){head, scan->place.offset, bytes.bytes, last};
    scan->place.offset += BATCH_HEADER_BYTES + head.bytes;
    scan->place.next_seq += head.count;
    scan->place.hash = last;
    scan->place.run = head.run;
    return STATUS_OK;
}

struct batch_entry batch_entry(const struct batch *batch, uint32_t index, size_t *at)
{
    const uint8_t *bytes = batch->entries + *at;
    size_t len = (size_t)number_get(bytes, 4);
    struct batch_entry entry = {
        .seq = batch->head.first_seq + index,
        .bytes = {bytes + 4, len},
        .offset = (uint32_t)(batch->offset + BATCH_HEADER_BYTES + *at),
    };

    memcpy(entry.hash.bytes, bytes + 4 + len, HASH_BYTES);
    *at += ENTRY_FRAME_BYTES + len;
    return entry;
}

/* ---- the tail ---- */

static bool all_zero(struct slice bytes)
{
    return bytes.len == 0 ||
           (bytes.bytes[0] == 0 && memcmp(bytes.bytes, bytes.bytes + 1, bytes.len - 1) == 0);
}

/** The end of what is not zero from @offset on; @offset itself: all is zero. */
static enum status find_end(struct scan *scan, uint64_t offset, uint64_t *ret)
{
    uint64_t end = offset;

    while (offset < scan->head.bytes) {
        struct slice bytes;
        enum status status = look(scan, offset, SCAN_BYTES, &bytes);
        if (status != STATUS_OK)
            return status;
        if (!all_zero(bytes)) {
            size_t last = bytes.len;
            while (bytes.bytes[last - 1] == 0)
                last--;
            end = offset + last;
        }
        offset += bytes.len;
    }
    *ret = end;
    return STATUS_OK;
}

/** Is there the header of another batch of this segment in (@offset, @end)? Then what stands at @offset was flushed. */
static enum status find_later(struct scan *scan, uint64_t offset, uint64_t end, bool *ret,
                              struct batch_head *ret_head)
{
    uint8_t id[8];
    uint64_t at = offset + 1;

    *ret = false;
    number_put(id, scan->head.segment_id, sizeof id);
    while (at < end) {
        struct slice bytes;
        enum status status = look(scan, at, SCAN_BYTES, &bytes);
        if (status != STATUS_OK)
            return status;
        const uint8_t *last = bytes.bytes + bytes.len;
        const uint8_t *from = bytes.bytes;
        while ((from = memmem(from, (size_t)(last - from), id, sizeof id)) != NULL) {
            if (from - bytes.bytes >= 8 && last - from >= BATCH_HEADER_BYTES - 8 &&
                decode_batch(from - 8, scan->head.segment_id, ret_head)) {
                *ret = true;
                return STATUS_OK;
            }
            from++;
        }
        if (bytes.len < SCAN_BYTES)
            break;
        at += bytes.len - BATCH_HEADER_BYTES;
    }
    return STATUS_OK;
}

/**
 * Could a write of [@from, @to) that was cut off have left these bytes, where all was zero before? Then a sector was not
 * written and is zero still, or the write ended before @to. Else every sector was written, and what is wrong went wrong later.
 */
static enum status may_be_torn(struct scan *scan, uint64_t from, uint64_t to, bool *ret)
{
    struct slice bytes;
    enum status status = look(scan, from, (size_t)(to - from), &bytes);

    if (status != STATUS_OK)
        return status;
    *ret = bytes.bytes[bytes.len - 1] == 0;
    for (size_t at = 0; at < bytes.len && !*ret;) {
        size_t sector = SECTOR_BYTES - (size_t)((from + at) % SECTOR_BYTES);
        size_t len = sector < bytes.len - at ? sector : bytes.len - at;
        *ret = all_zero((struct slice){bytes.bytes + at, len});
        at += len;
    }
    return STATUS_OK;
}

/** The same of what begins without a whole header: torn within it, or with a sector of it missing. */
static enum status may_be_torn_head(struct scan *scan, uint64_t offset, uint64_t end, bool *ret)
{
    struct slice bytes;
    enum status status = look(scan, offset, BATCH_HEADER_BYTES, &bytes);

    if (status != STATUS_OK)
        return status;
    *ret = end < offset + BATCH_HEADER_BYTES;
    for (size_t at = 0; at < bytes.len && !*ret;) {
        size_t sector = SECTOR_BYTES - (size_t)((offset + at) % SECTOR_BYTES);
        size_t len = sector < bytes.len - at ? sector : bytes.len - at;
        *ret = all_zero((struct slice){bytes.bytes + at, len});
        at += len;
    }
    return STATUS_OK;
}

static enum status corrupt(char text[SEGMENT_TEXT_SIZE], const struct scan *scan, const char *what)
{
    snprintf(text, SEGMENT_TEXT_SIZE, "entry %llu at byte %llu: %s",
             (unsigned long long)scan->place.next_seq, (unsigned long long)scan->place.offset,
             what);
    return STATUS_STORE_CORRUPT;
}

enum status scan_tail(struct scan *scan, uint64_t *ret_torn_bytes, char text[SEGMENT_TEXT_SIZE])
{
    uint64_t offset = scan->place.offset;
    uint64_t end;
    bool later;
    bool torn;
    struct batch_head head;
    enum status status = find_end(scan, offset, &end);

    if (status != STATUS_OK)
        return status;
    *ret_torn_bytes = 0;
    if (end == offset)
        return STATUS_OK;
    if (end - offset > BATCH_BYTES_MAX)
        return corrupt(text, scan, "damaged, and more follows than one batch");
    status = find_later(scan, offset, end, &later, &head);
    if (status != STATUS_OK)
        return status;
    if (later)
        return corrupt(text, scan, "damaged, and a later batch follows");

    status = head_here(scan, &head);
    if (status == STATUS_OK && !head_fits(scan, &head))
        return corrupt(text, scan, "a batch that does not follow the one before it");
    if (status == STATUS_OK && end > offset + BATCH_HEADER_BYTES + head.bytes)
        return corrupt(text, scan, "damaged, and more follows than this batch");
    if (status == STATUS_OK)
        status = may_be_torn(scan, offset, offset + BATCH_HEADER_BYTES + head.bytes, &torn);
    else if (status == STATUS_NOT_FOUND)
        status = may_be_torn_head(scan, offset, end, &torn);
    if (status != STATUS_OK)
        return status;
    if (!torn)
        return corrupt(text, scan, "damaged: it was written whole and does not check");
    *ret_torn_bytes = end - offset;
    return STATUS_OK;
}
