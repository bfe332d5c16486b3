/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/overlay.h"

#include <string.h>

#define BUCKETS 32768u /* a power of two */
#define ROW_KEY_BYTES 80
#define CHUNK_BYTES_MIN 64u
#define CHUNK_CLASSES 7 /* 64 bytes to 4 KiB */
#define NONE UINT32_MAX

static_assert(CHUNK_BYTES_MIN << (CHUNK_CLASSES - 1) >= RECORD_PAYLOAD_MAX, "any payload fits");
static_assert(ODS_SIZE + 1 + REFERENCE_SIZE < ROW_KEY_BYTES, "a reference's key fits");

static const bool hot[KV_TABLES] = {
    [KV_WORKFLOW] = true, [KV_REFERENCE] = true, [KV_SEEN] = true,
    [KV_OPEN] = true,     [KV_LEDGER] = true,    [KV_CASELOAD] = true,
};

struct row {
    uint32_t next;  /* in its bucket, or among the free rows */
    uint32_t chunk; /* where its payload stands; NONE: it is deleted */
    uint16_t len;
    uint8_t class;
    uint8_t table;
    bool fresh; /* not in the tables */
    uint8_t key_len;
    uint8_t key[ROW_KEY_BYTES];
};

struct overlay {
    struct kv *kv;
    uint32_t buckets[BUCKETS];
    struct row *rows;    /* OVERLAY_ROWS_MAX */
    uint32_t *order;     /* for sorting */
    uint32_t rows_used;  /* those from here on were never used */
    uint32_t rows_count; /* that hold something */
    uint32_t rows_free;  /* a list */
    uint8_t *bytes;      /* OVERLAY_BYTES_MAX, in chunks */
    uint32_t bytes_used;
    uint32_t chunks_free[CHUNK_CLASSES]; /* lists, linked through the chunks */
    uint32_t waiting[KV_TABLES];
    uint32_t fresh[KV_TABLES];
    uint32_t deleted[KV_TABLES];
    struct record record; /* the row on its way to the tables */
};

static void forget_all(struct overlay *overlay)
{
    memset(overlay->buckets, 0xff, sizeof overlay->buckets);
    memset(overlay->chunks_free, 0xff, sizeof overlay->chunks_free);
    memset(overlay->waiting, 0, sizeof overlay->waiting);
    memset(overlay->fresh, 0, sizeof overlay->fresh);
    memset(overlay->deleted, 0, sizeof overlay->deleted);
    overlay->rows_used = 0;
    overlay->rows_count = 0;
    overlay->rows_free = NONE;
    overlay->bytes_used = 0;
}

enum status overlay_new(struct overlay **ret, struct kv *kv)
{
    CHECK(kv != NULL);

    struct overlay *overlay = calloc(1, sizeof *overlay);
    if (overlay == NULL)
        return STATUS_NO_MEMORY;
    overlay->kv = kv;
    overlay->rows = malloc(OVERLAY_ROWS_MAX * sizeof *overlay->rows);
    overlay->order = malloc(OVERLAY_ROWS_MAX * sizeof *overlay->order);
    overlay->bytes = malloc(OVERLAY_BYTES_MAX);
    if (overlay->rows == NULL || overlay->order == NULL || overlay->bytes == NULL)
        goto fail;
    forget_all(overlay);

    *ret = overlay;
    return STATUS_OK;

fail:
    overlay_free(overlay);
    return STATUS_NO_MEMORY;
}

struct overlay *overlay_free(struct overlay *overlay)
{
    if (overlay == NULL)
        return NULL;
    free(overlay->rows);
    free(overlay->order);
    free(overlay->bytes);
    free(overlay);
    return NULL;
}

/* ---- rows in memory ---- */

/** By eights; whoever chooses keys to collide waits no longer than for OVERLAY_ROWS_MAX comparisons. */
static uint32_t bucket_of(enum kv_table table, struct slice key)
{
    uint64_t hash = 0x9e3779b97f4a7c15u * ((uint64_t)table + 1);

    for (size_t at = 0; at < key.len; at += 8) {
        uint64_t part = 0;
        memcpy(&part, key.bytes + at, key.len - at < 8 ? key.len - at : 8);
        /* Down first: numbers are big-endian, what differs stands at the top. */
        hash ^= part;
        hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdu;
        hash ^= hash >> 33;
    }
    return (uint32_t)hash & (BUCKETS - 1);
}

/** The link that points to @key's row, or the one at its chain's end. */
static uint32_t *find(struct overlay *overlay, enum kv_table table, struct slice key)
{
    uint32_t *link = &overlay->buckets[bucket_of(table, key)];

    while (*link != NONE) {
        struct row *row = &overlay->rows[*link];
        if (row->table == table && row->key_len == key.len &&
            memcmp(row->key, key.bytes, key.len) == 0)
            return link;
        link = &row->next;
    }
    return link;
}

static uint8_t class_of(size_t len)
{
    uint8_t class = 0;

    while ((size_t)CHUNK_BYTES_MIN << class < len)
        class ++;
    return class;
}

/** NONE: no room. */
static uint32_t take_chunk(struct overlay *overlay, uint8_t class)
{
    uint32_t chunk = overlay->chunks_free[class];
    uint32_t bytes = CHUNK_BYTES_MIN << class;

    if (chunk != NONE) {
        memcpy(&overlay->chunks_free[class], overlay->bytes + chunk, sizeof chunk);
        return chunk;
    }
    if (OVERLAY_BYTES_MAX - overlay->bytes_used < bytes)
        return NONE;
    chunk = overlay->bytes_used;
    overlay->bytes_used += bytes;
    return chunk;
}

static void give_chunk(struct overlay *overlay, struct row *row)
{
    if (row->chunk == NONE)
        return;
    memcpy(overlay->bytes + row->chunk, &overlay->chunks_free[row->class], sizeof row->chunk);
    overlay->chunks_free[row->class] = row->chunk;
    row->chunk = NONE;
}

/** A row without payload at the end of the chain, where find() left @link. */
static struct row *add_row(struct overlay *overlay, uint32_t *link, enum kv_table table,
                           struct slice key, bool fresh)
{
    uint32_t index = overlay->rows_free;

    if (index != NONE)
        overlay->rows_free = overlay->rows[index].next;
    else
        index = overlay->rows_used++;
    CHECK(index < OVERLAY_ROWS_MAX);
    struct row *row = &overlay->rows[index];
    row->next = NONE;
    row->chunk = NONE;
    row->len = 0;
    row->class = 0;
    row->table = (uint8_t)table;
    row->fresh = fresh;
    row->key_len = (uint8_t)key.len;
    memcpy(row->key, key.bytes, key.len);
    *link = index;
    overlay->rows_count++;
    overlay->waiting[table]++;
    overlay->fresh[table] += fresh ? 1 : 0;
    overlay->deleted[table] += fresh ? 0 : 1;
    return row;
}

static struct slice payload_of(const struct overlay *overlay, const struct row *row)
{
    return (struct slice){overlay->bytes + row->chunk, row->len};
}

/* ---- to the tables ---- */

static int compare_rows(const void *a, const void *b, void *ctx)
{
    const struct overlay *overlay = ctx;
    const struct row *left = &overlay->rows[*(const uint32_t *)a];
    const struct row *right = &overlay->rows[*(const uint32_t *)b];

    if (left->table != right->table)
        return left->table < right->table ? -1 : 1;
    size_t len = left->key_len < right->key_len ? left->key_len : right->key_len;
    int order = memcmp(left->key, right->key, len);
    return order != 0 ? order : (left->key_len > right->key_len) - (left->key_len < right->key_len);
}

static void spill_row(struct overlay *overlay, const struct row *row)
{
    struct slice key = {row->key, row->key_len};
    enum kv_table table = (enum kv_table)row->table;

    if (row->chunk == NONE) {
        kv_del(overlay->kv, table, key);
        return;
    }
    overlay->record.payload_len = row->len;
    memcpy(overlay->record.bytes + RECORD_HEADER_BYTES, overlay->bytes + row->chunk, row->len);
    kv_put(overlay->kv, table, key, record_seal(&overlay->record, table, key));
}

void overlay_spill(struct overlay *overlay)
{
    uint32_t count = 0;

    if (overlay->rows_count == 0)
        return;
    for (uint32_t bucket = 0; bucket < BUCKETS; bucket++) {
        for (uint32_t at = overlay->buckets[bucket]; at != NONE; at = overlay->rows[at].next)
            overlay->order[count++] = at;
    }
    CHECK(count == overlay->rows_count);
    /* In the order of their keys: neighbours fall on one page. */
    qsort_r(overlay->order, count, sizeof *overlay->order, compare_rows, overlay);
    for (uint32_t i = 0; i < count; i++)
        spill_row(overlay, &overlay->rows[overlay->order[i]]);
    forget_all(overlay);
}

/* ---- reading and writing ---- */

/** A row as the tables have it. */
static enum found check(enum kv_table table, struct slice key, struct slice value,
                        struct slice *ret)
{
    return record_open(value, table, key, ret) ? FOUND_ROW : FOUND_DAMAGED;
}

enum found overlay_get(struct overlay *overlay, enum kv_table table, struct slice key,
                       struct slice *ret)
{
    struct slice value;

    if (hot[table]) {
        uint32_t at = *find(overlay, table, key);
        if (at != NONE && overlay->rows[at].chunk == NONE)
            return FOUND_NONE;
        if (at != NONE) {
            *ret = payload_of(overlay, &overlay->rows[at]);
            return FOUND_ROW;
        }
    }
    if (!kv_get(overlay->kv, table, key, &value))
        return FOUND_NONE;
    return check(table, key, value, ret);
}

enum found overlay_next(struct overlay *overlay, enum kv_table table, struct slice after,
                        struct slice *ret_key, struct slice *ret)
{
    struct slice value;

    if (overlay->waiting[table] > 0)
        overlay_spill(overlay);
    if (!kv_next(overlay->kv, table, after, ret_key, &value))
        return FOUND_NONE;
    return check(table, *ret_key, value, ret);
}

void overlay_put(struct overlay *overlay, enum kv_table table, struct slice key,
                 struct record *record, bool fresh)
{
    if (!hot[table]) {
        kv_put(overlay->kv, table, key, record_seal(record, table, key));
        return;
    }
    CHECK(key.len <= ROW_KEY_BYTES);
    CHECK(record->payload_len <= RECORD_PAYLOAD_MAX);
    /* With room for the largest payload and one row more, nothing below can fail. */
    if (overlay->rows_count == OVERLAY_ROWS_MAX ||
        OVERLAY_BYTES_MAX - overlay->bytes_used < RECORD_PAYLOAD_MAX)
        overlay_spill(overlay);

    uint32_t *link = find(overlay, table, key);
    struct row *row =
        *link != NONE ? &overlay->rows[*link] : add_row(overlay, link, table, key, fresh);
    if (row->chunk == NONE && !row->fresh)
        overlay->deleted[table]--;
    uint8_t class = class_of(record->payload_len);
    if (row->chunk == NONE || row->class != class) {
        give_chunk(overlay, row);
        row->chunk = take_chunk(overlay, class);
        row->class = class;
        CHECK(row->chunk != NONE);
    }
    row->len = (uint16_t)record->payload_len;
    memcpy(overlay->bytes + row->chunk, record->bytes + RECORD_HEADER_BYTES, row->len);
}

void overlay_del(struct overlay *overlay, enum kv_table table, struct slice key)
{
    if (!hot[table]) {
        kv_del(overlay->kv, table, key);
        return;
    }
    if (overlay->rows_count == OVERLAY_ROWS_MAX)
        overlay_spill(overlay);
    uint32_t *link = find(overlay, table, key);
    if (*link == NONE) {
        (void)add_row(overlay, link, table, key, false);
        return;
    }
    uint32_t at = *link;
    struct row *row = &overlay->rows[at];
    if (row->chunk != NONE && !row->fresh)
        overlay->deleted[table]++;
    give_chunk(overlay, row);
    if (!row->fresh)
        return;
    /* The tables never heard of it. */
    *link = row->next;
    row->next = overlay->rows_free;
    overlay->rows_free = at;
    overlay->rows_count--;
    overlay->waiting[table]--;
    overlay->fresh[table]--;
}

uint32_t overlay_rows(const struct overlay *overlay)
{
    return overlay->rows_count;
}

uint64_t overlay_count(struct overlay *overlay, enum kv_table table)
{
    return kv_count(overlay->kv, table) + overlay->fresh[table] - overlay->deleted[table];
}
