/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/connections.h"

#include <string.h>

/* A number is (serial << 16 | side << 15 | place): the place finds the row, the serial makes it unique. */
#define PLACE_BITS 15
#define PLACE_MASK ((1u << PLACE_BITS) - 1)
#define SIDE_BIT (1u << PLACE_BITS)
#define SERIAL_SHIFT (PLACE_BITS + 1)
#define NOWHERE UINT32_MAX

static_assert(CONNECTIONS_MAX <= PLACE_MASK, "a place fits its bits");

struct row {
    connection_t connection; /* 0: free */
    struct peer peer;
    char user_id[USER_ID_SIZE];
    int64_t heard_ms;
    uint32_t next;  /* of the same bucket, or of the free rows */
    uint32_t older; /* by when it was heard */
    uint32_t newer;
};

struct connections {
    struct row *rows;
    uint32_t *buckets; /* as many as the mask says: the first row, or NOWHERE */
    uint32_t mask;
    uint32_t rows_max;
    uint32_t side_bit;
    uint32_t free;
    uint32_t oldest;
    uint32_t newest;
    uint32_t count;
    uint64_t serial;
};

uint32_t connections_room(uint64_t descriptors, uint32_t workers)
{
    uint64_t taken = DESCRIPTORS_RESERVED + (uint64_t)workers;
    if (descriptors <= taken)
        return 0;
    uint64_t room = (descriptors - taken) / 4 * 3;
    return room < CLIENTS_MAX ? (uint32_t)room : CLIENTS_MAX;
}

enum status connections_new(struct connections **ret, uint32_t connections_max, uint32_t side)
{
    CHECK(connections_max >= 1);
    CHECK(connections_max <= CONNECTIONS_MAX);
    CHECK(side <= 1);

    struct connections *connections = calloc(1, sizeof *connections);
    if (connections == NULL)
        return STATUS_NO_MEMORY;
    uint32_t buckets = 2;
    while (buckets < 2 * connections_max)
        buckets *= 2;
    connections->mask = buckets - 1;
    connections->rows_max = connections_max;
    connections->side_bit = side * SIDE_BIT;
    connections->oldest = NOWHERE;
    connections->newest = NOWHERE;
    connections->rows = calloc(connections_max, sizeof *connections->rows);
    if (connections->rows == NULL)
        goto fail;
    connections->buckets = malloc(buckets * sizeof *connections->buckets);
    if (connections->buckets == NULL)
        goto fail;
    for (uint32_t i = 0; i < buckets; i++)
        connections->buckets[i] = NOWHERE;
    for (uint32_t i = 0; i < connections_max; i++)
        connections->rows[i].next = i + 1 < connections_max ? i + 1 : NOWHERE;

    *ret = connections;
    return STATUS_OK;

fail:
    connections_free(connections);
    return STATUS_NO_MEMORY;
}

struct connections *connections_free(struct connections *connections)
{
    if (connections != NULL) {
        free(connections->rows);
        free(connections->buckets);
        free(connections);
    }
    return NULL;
}

/** libzmq counts its ids up from a random start, so the last bytes spread them well. */
static uint32_t *bucket_of(struct connections *connections, struct peer peer)
{
    uint32_t hash = 0;
    for (uint32_t i = 0; i < peer.len; i++)
        hash = hash * 256 + peer.bytes[i];
    return &connections->buckets[hash & connections->mask];
}

/* ---- who was heard when ---- */

static void line_leave(struct connections *connections, uint32_t at)
{
    struct row *row = &connections->rows[at];
    if (row->older != NOWHERE)
        connections->rows[row->older].newer = row->newer;
    else
        connections->oldest = row->newer;
    if (row->newer != NOWHERE)
        connections->rows[row->newer].older = row->older;
    else
        connections->newest = row->older;
}

static void line_join(struct connections *connections, uint32_t at, int64_t now_ms)
{
    struct row *row = &connections->rows[at];
    row->heard_ms = now_ms;
    row->newer = NOWHERE;
    row->older = connections->newest;
    if (connections->newest != NOWHERE)
        connections->rows[connections->newest].newer = at;
    else
        connections->oldest = at;
    connections->newest = at;
}

static void touch(struct connections *connections, uint32_t at, int64_t now_ms)
{
    if (connections->newest == at) {
        connections->rows[at].heard_ms = now_ms;
        return;
    }
    line_leave(connections, at);
    line_join(connections, at, now_ms);
}

/* ---- rows ---- */

static uint32_t place_of(const struct connections *connections, connection_t connection)
{
    uint32_t at = (uint32_t)connection & PLACE_MASK;
    if (connection == 0 || at >= connections->rows_max ||
        connections->rows[at].connection != connection)
        return NOWHERE;
    return at;
}

static void row_end(struct connections *connections, uint32_t at)
{
    struct row *row = &connections->rows[at];
    uint32_t *link = bucket_of(connections, row->peer);
    while (*link != at) {
        CHECK(*link != NOWHERE);
        link = &connections->rows[*link].next;
    }
    *link = row->next;
    line_leave(connections, at);
    *row = (struct row){.next = connections->free};
    connections->free = at;
    connections->count--;
}

static connection_t row_begin(struct connections *connections, struct peer peer,
                              const char *user_id, int64_t now_ms)
{
    uint32_t at = connections->free;
    CHECK(at != NOWHERE);
    struct row *row = &connections->rows[at];
    connections->free = row->next;
    uint32_t *bucket = bucket_of(connections, peer);
    connections->serial++;
    *row = (struct row){
        .connection = connections->serial << SERIAL_SHIFT | connections->side_bit | at,
        .peer = peer,
        .next = *bucket,
    };
    snprintf(row->user_id, sizeof row->user_id, "%s", user_id);
    *bucket = at;
    line_join(connections, at, now_ms);
    connections->count++;
    return row->connection;
}

connection_t connections_take(struct connections *connections, struct peer peer,
                              const char *user_id, int64_t now_ms, connection_t *ret_gone)
{
    *ret_gone = 0;
    uint32_t at = *bucket_of(connections, peer);
    while (at != NOWHERE && !peer_equal(connections->rows[at].peer, peer))
        at = connections->rows[at].next;
    if (at != NOWHERE) {
        if (strcmp(connections->rows[at].user_id, user_id) == 0) {
            touch(connections, at, now_ms);
            return connections->rows[at].connection;
        }
        *ret_gone = connections->rows[at].connection;
        row_end(connections, at);
    } else if (connections->free == NOWHERE) {
        at = connections->oldest;
        if (now_ms - connections->rows[at].heard_ms < CONNECTION_IDLE_MS)
            return 0;
        *ret_gone = connections->rows[at].connection;
        row_end(connections, at);
    }
    return row_begin(connections, peer, user_id, now_ms);
}

bool connections_find(struct connections *connections, connection_t connection, int64_t now_ms,
                      struct peer *ret)
{
    uint32_t at = place_of(connections, connection);
    if (at == NOWHERE)
        return false;
    touch(connections, at, now_ms);
    *ret = connections->rows[at].peer;
    return true;
}

void connections_drop(struct connections *connections, connection_t connection)
{
    uint32_t at = place_of(connections, connection);
    if (at != NOWHERE)
        row_end(connections, at);
}

connection_t connections_of(const struct connections *connections, const char *user_id,
                            connection_t after)
{
    uint32_t at = after == 0 ? 0 : ((uint32_t)after & PLACE_MASK) + 1;
    for (; at < connections->rows_max; at++) {
        const struct row *row = &connections->rows[at];
        if (row->connection != 0 && strcmp(row->user_id, user_id) == 0)
            return row->connection;
    }
    return 0;
}

uint32_t connections_count(const struct connections *connections)
{
    return connections->count;
}
