/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/broker/seqmap.h"

#define NEIGHBOURS 16

struct cell {
    uint64_t seq; /* 0: free */
    uint32_t place;
};

struct seqmap {
    struct cell *cells;
    uint32_t mask; /* cells, a power of two, less one */
    uint32_t count;
    uint32_t count_max;
};

enum status seqmap_new(struct seqmap **ret, uint32_t count_max)
{
    CHECK(count_max >= 1);
    CHECK(count_max <= UINT32_MAX / 4);

    struct seqmap *map = calloc(1, sizeof *map);
    if (map == NULL)
        return STATUS_NO_MEMORY;
    uint32_t cells = 4;
    while (cells < 2 * count_max)
        cells *= 2;
    map->cells = calloc(cells, sizeof *map->cells);
    if (map->cells == NULL)
        goto fail;
    map->mask = cells - 1;
    map->count_max = count_max;

    *ret = map;
    return STATUS_OK;

fail:
    seqmap_free(map);
    return STATUS_NO_MEMORY;
}

struct seqmap *seqmap_free(struct seqmap *map)
{
    if (map != NULL)
        free(map->cells);
    free(map);
    return NULL;
}

/**
 * Where @seq belongs when nothing is in its way: neighbours together, since they are looked for together; but only so many, so that
 * what is open for long is in nobody's way.
 */
static uint32_t home_of(const struct seqmap *map, uint64_t seq)
{
    uint64_t block = ((seq / NEIGHBOURS) * UINT64_C(0x9E3779B97F4A7C15)) >> 32;

    return (uint32_t)(block * NEIGHBOURS + seq % NEIGHBOURS) & map->mask;
}

/** The cell of @seq, or the free one where the search for it ends. */
static uint32_t cell_of(const struct seqmap *map, uint64_t seq)
{
    uint32_t at = home_of(map, seq);

    /* Ends: at most half of the cells are taken. */
    while (map->cells[at].seq != 0 && map->cells[at].seq != seq)
        at = (at + 1) & map->mask;
    return at;
}

void seqmap_put(struct seqmap *map, uint64_t seq, uint32_t place)
{
    CHECK(seq != 0);
    CHECK(map->count < map->count_max);

    uint32_t at = cell_of(map, seq);
    CHECK(map->cells[at].seq == 0);
    map->cells[at] = (struct cell){seq, place};
    map->count++;
}

bool seqmap_find(const struct seqmap *map, uint64_t seq, uint32_t *ret)
{
    if (seq == 0)
        return false;
    uint32_t at = cell_of(map, seq);
    if (map->cells[at].seq == 0)
        return false;
    *ret = map->cells[at].place;
    return true;
}

void seqmap_move(struct seqmap *map, uint64_t seq, uint32_t place)
{
    uint32_t at = cell_of(map, seq);
    CHECK(seq != 0);
    CHECK(map->cells[at].seq == seq);
    map->cells[at].place = place;
}

void seqmap_remove(struct seqmap *map, uint64_t seq)
{
    uint32_t hole = cell_of(map, seq);
    CHECK(map->cells[hole].seq == seq);
    CHECK(seq != 0);

    /* What follows without a gap moves up, unless that would take it before its home. */
    uint32_t at = hole;
    for (uint32_t i = 0; i < map->mask; i++) {
        at = (at + 1) & map->mask;
        if (map->cells[at].seq == 0)
            break;
        uint32_t home = home_of(map, map->cells[at].seq);
        if (((at - home) & map->mask) >= ((at - hole) & map->mask)) {
            map->cells[hole] = map->cells[at];
            hole = at;
        }
    }
    map->cells[hole] = (struct cell){0, 0};
    map->count--;
}

uint32_t seqmap_count(const struct seqmap *map)
{
    return map->count;
}
