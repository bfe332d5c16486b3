/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/part.h"

#include "daemon/store/number.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define INDEX_FORMAT 1
#define INDEX_HEAD_BYTES 96
#define INDEX_DIGEST_AT 80

static const uint8_t index_magic[8] = {'C', 'M', 'S', 'N', 'I', 'D', 'X', '\n'};

struct path part_path(const char *dir, uint64_t first_seq, const char *suffix)
{
    char name[PART_NAME_DIGITS + 8];

    snprintf(name, sizeof name, "%020llu.%s", (unsigned long long)first_seq, suffix);
    return file_path(dir, name);
}

void part_close(struct part *part)
{
    if (part->fd >= 0)
        close(part->fd);
    free(part->offsets);
    *part = (struct part){.fd = -1};
}

enum status part_room(struct part *part, uint32_t max)
{
    if (part->offsets_max >= max)
        return STATUS_OK;
    uint32_t *offsets = malloc((size_t)max * sizeof *offsets);
    if (offsets == NULL)
        return STATUS_NO_MEMORY;
    free(part->offsets);
    part->offsets = offsets;
    part->offsets_max = max;
    return STATUS_OK;
}

uint32_t part_entries_max(const struct segment_head *head)
{
    return (uint32_t)((head->bytes - SEGMENT_HEADER_BYTES) / ENTRY_FRAME_BYTES);
}

enum status part_open(const char *dir, uint64_t first_seq, bool writable, struct part *part,
                      char text[PART_TEXT_SIZE])
{
    struct path path = part_path(dir, first_seq, "seg");
    char fault[SEGMENT_TEXT_SIZE];
    enum status status = file_open(path.text, writable ? O_RDWR : O_RDONLY, &part->fd);

    if (status != STATUS_OK)
        return part_fault(text, status == STATUS_NOT_FOUND ? STATUS_STORE_CORRUPT : status,
                          first_seq, "cannot be opened");
    status = segment_read_head(part->fd, &part->head, fault);
    if (status != STATUS_OK)
        return part_fault(text, status, first_seq, fault);
    if (part->head.first_seq != first_seq)
        return part_fault(text, STATUS_STORE_CORRUPT, first_seq, "its name is not its first entry");
    return STATUS_OK;
}

enum status part_scan(struct part *part, struct scan *scan)
{
    struct batch batch;
    enum status status = part_room(part, part_entries_max(&part->head));

    if (status != STATUS_OK)
        return status;
    part->count = 0;
    scan_begin(scan, part->fd, &part->head);
    while ((status = scan_next(scan, &batch)) == STATUS_OK) {
        size_t at = 0;
        for (uint32_t i = 0; i < batch.head.count; i++)
            part->offsets[part->count++] = batch_entry(&batch, i, &at).offset;
    }
    if (status != STATUS_NOT_FOUND)
        return status;
    struct scan_place place = scan_place(scan);
    part->end = place.offset;
    part->last_hash = place.hash;
    return STATUS_OK;
}

void part_write_index(const char *dir, const struct part *part)
{
    struct path path = part_path(dir, part->head.first_seq, "idx");
    size_t len = INDEX_HEAD_BYTES + 4 * (size_t)part->count;
    uint8_t *bytes = calloc(1, len);
    int fd;

    if (bytes == NULL)
        return;
    memcpy(bytes, index_magic, sizeof index_magic);
    number_put(bytes + 8, INDEX_FORMAT, 4);
    number_put(bytes + 12, part->count, 4);
    number_put(bytes + 16, part->head.segment_id, 8);
    number_put(bytes + 24, part->head.first_seq, 8);
    number_put(bytes + 32, part->end, 8);
    memcpy(bytes + 40, part->last_hash.bytes, HASH_BYTES);
    for (uint32_t i = 0; i < part->count; i++)
        number_put(bytes + INDEX_HEAD_BYTES + 4 * (size_t)i, part->offsets[i], 4);
    /* The digest's own place is zero while it is made. */
    segment_digest((struct slice){bytes, len}, bytes + INDEX_DIGEST_AT);
    if (file_open(path.text, O_WRONLY | O_CREAT | O_TRUNC, &fd) == STATUS_OK) {
        if (file_write(fd, bytes, len, 0) != STATUS_OK)
            (void)unlink(path.text);
        close(fd);
    }
    free(bytes);
}

/** Take @bytes of an index file into @part, if it is this segment's and whole. */
static bool decode_index(struct part *part, uint8_t *bytes, size_t len)
{
    uint8_t digest[16];
    uint8_t wanted[16];

    if (len < INDEX_HEAD_BYTES || memcmp(bytes, index_magic, sizeof index_magic) != 0 ||
        number_get(bytes + 8, 4) != INDEX_FORMAT)
        return false;
    uint32_t count = (uint32_t)number_get(bytes + 12, 4);
    if (count > part_entries_max(&part->head) || len != INDEX_HEAD_BYTES + 4 * (size_t)count)
        return false;
    memcpy(wanted, bytes + INDEX_DIGEST_AT, sizeof wanted);
    memset(bytes + INDEX_DIGEST_AT, 0, sizeof wanted);
    segment_digest((struct slice){bytes, len}, digest);
    if (memcmp(wanted, digest, sizeof digest) != 0 ||
        number_get(bytes + 16, 8) != part->head.segment_id ||
        number_get(bytes + 24, 8) != part->head.first_seq ||
        number_get(bytes + 32, 8) > part->head.bytes)
        return false;
    if (part_room(part, count) != STATUS_OK)
        return false;
    part->count = count;
    part->end = number_get(bytes + 32, 8);
    memcpy(part->last_hash.bytes, bytes + 40, HASH_BYTES);
    for (uint32_t i = 0; i < count; i++)
        part->offsets[i] = (uint32_t)number_get(bytes + INDEX_HEAD_BYTES + 4 * (size_t)i, 4);
    return true;
}

bool part_read_index(const char *dir, struct part *part)
{
    struct path path = part_path(dir, part->head.first_seq, "idx");
    uint64_t size = 0;
    size_t len;
    uint8_t *bytes = NULL;
    bool good = false;
    int fd;

    if (file_open(path.text, O_RDONLY, &fd) != STATUS_OK)
        return false;
    if (file_size(fd, &size) == STATUS_OK && size >= INDEX_HEAD_BYTES && size < SEGMENT_BYTES_MAX)
        bytes = malloc((size_t)size);
    if (bytes != NULL && file_read(fd, bytes, (size_t)size, 0, &len) == STATUS_OK && len == size)
        good = decode_index(part, bytes, len);
    free(bytes);
    close(fd);
    return good;
}

enum status part_rebuild_index(const char *dir, struct part *part, bool keep,
                               char text[PART_TEXT_SIZE])
{
    struct scan *scan;
    char fault[SEGMENT_TEXT_SIZE] = "cannot be read";
    uint64_t torn = 0;
    enum status status = scan_new(&scan);

    if (status != STATUS_OK)
        return status;
    status = part_scan(part, scan);
    if (status == STATUS_OK)
        status = scan_tail(scan, &torn, fault);
    if (status == STATUS_OK && torn > 0) {
        snprintf(fault, sizeof fault, "entry %llu: unfinished, in a segment that is not the last",
                 (unsigned long long)scan_place(scan).next_seq);
        status = STATUS_STORE_CORRUPT;
    }
    scan_free(scan);
    if (status != STATUS_OK)
        return part_fault(text, status, part->head.first_seq, fault);
    if (keep)
        part_write_index(dir, part);
    return STATUS_OK;
}
