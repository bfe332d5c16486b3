/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/lib/pending.h"

#include <string.h>

#define NONE UINT32_MAX

struct slot {
    struct pending_event event; /* first: a struct pending_event of ours is its slot */
    uint8_t *bytes;
    size_t bytes_max;
    uint64_t order; /* grows along the row */
    uint32_t before;
    uint32_t after;
    uint32_t chain; /* the next one in the same bucket, or free one */
    bool used;
};

struct pending {
    struct slot *slots;
    uint32_t window;
    uint32_t count;
    uint32_t free;
    uint32_t first;
    uint32_t last;
    uint32_t cursor; /* all before it in the row are sent */
    uint64_t order;
    size_t unsent_bytes;
    uint32_t unsent_count;
    uint32_t *buckets;
    uint32_t buckets_mask;
};

static uint32_t round_up(uint32_t count)
{
    uint32_t power = 1;

    while (power < count && power < (1u << 31))
        power <<= 1;
    return power;
}

enum status pending_new(struct pending **ret, uint32_t window)
{
    CHECK(window >= 1);
    CHECK(window <= 1u << 24);

    struct pending *pending = calloc(1, sizeof *pending);
    if (pending == NULL)
        return STATUS_NO_MEMORY;
    uint32_t buckets = round_up(2 * window);
    pending->slots = calloc(window, sizeof *pending->slots);
    pending->buckets = calloc(buckets, sizeof *pending->buckets);
    if (pending->slots == NULL || pending->buckets == NULL)
        goto fail;
    pending->window = window;
    pending->buckets_mask = buckets - 1;
    pending->first = pending->last = pending->cursor = NONE;
    memset(pending->buckets, 0xff, buckets * sizeof *pending->buckets);
    for (uint32_t i = 0; i < window; i++)
        pending->slots[i].chain = i + 1 < window ? i + 1 : NONE;

    *ret = pending;
    return STATUS_OK;

fail:
    pending_free(pending);
    return STATUS_NO_MEMORY;
}

struct pending *pending_free(struct pending *pending)
{
    if (pending == NULL)
        return NULL;
    for (uint32_t i = 0; i < pending->window; i++)
        free(pending->slots[i].bytes);
    free(pending->slots);
    free(pending->buckets);
    free(pending);
    return NULL;
}

uint32_t pending_count(const struct pending *pending)
{
    return pending->count;
}

/*
 * Ids are mostly time and chance (UUIDv7): both halves, mixed. Whoever picks ids to collide slows
 * down only himself.
 */
static uint32_t *bucket(struct pending *pending, struct event_id id)
{
    uint64_t halves[2];

    static_assert(sizeof halves == sizeof id.bytes, "an id is two halves");
    memcpy(halves, id.bytes, sizeof halves);
    uint64_t mixed = (halves[0] ^ (halves[1] >> 29) ^ (halves[1] << 35)) * 0x9e3779b97f4a7c15u;
    return &pending->buckets[(mixed >> 32) & pending->buckets_mask];
}

static struct slot *find(struct pending *pending, struct event_id id)
{
    for (uint32_t i = *bucket(pending, id); i != NONE; i = pending->slots[i].chain) {
        if (memcmp(pending->slots[i].event.id.bytes, id.bytes, sizeof id.bytes) == 0)
            return &pending->slots[i];
    }
    return NULL;
}

static uint32_t index_of(const struct pending *pending, const struct slot *slot)
{
    return (uint32_t)(slot - pending->slots);
}

static struct slot *slot_of(struct pending *pending, struct pending_event *event)
{
    static_assert(offsetof(struct slot, event) == 0, "an event is the head of its slot");
    struct slot *slot = (struct slot *)(void *)event;

    CHECK(slot >= pending->slots);
    CHECK(slot < pending->slots + pending->window);
    CHECK(slot->used);
    return slot;
}

static bool copy_bytes(struct slot *slot, struct slice bytes)
{
    if (slot->bytes_max < bytes.len) {
        uint8_t *larger = realloc(slot->bytes, bytes.len);
        if (larger == NULL)
            return false;
        slot->bytes = larger;
        slot->bytes_max = bytes.len;
    }
    memcpy(slot->bytes, bytes.bytes, bytes.len);
    return true;
}

static void append(struct pending *pending, struct slot *slot)
{
    uint32_t index = index_of(pending, slot);
    uint32_t *head = bucket(pending, slot->event.id);

    slot->chain = *head;
    *head = index;
    slot->before = pending->last;
    slot->after = NONE;
    if (pending->last == NONE)
        pending->first = index;
    else
        pending->slots[pending->last].after = index;
    pending->last = index;
    if (pending->cursor == NONE)
        pending->cursor = index;
}

enum status pending_add(struct pending *pending, struct event_id id, struct slice bytes,
                        enum commission_wait wait)
{
    CHECK(bytes.len > 0);

    if (find(pending, id) != NULL)
        return STATUS_EXISTS;
    if (pending->free == NONE)
        return STATUS_BUSY;
    struct slot *slot = &pending->slots[pending->free];
    if (!copy_bytes(slot, bytes))
        return STATUS_NO_MEMORY;
    pending->free = slot->chain;
    slot->event = (struct pending_event){.id = id, .bytes = {slot->bytes, bytes.len}, .wait = wait};
    slot->order = ++pending->order;
    slot->used = true;
    append(pending, slot);
    pending->count++;
    pending->unsent_count++;
    pending->unsent_bytes += bytes.len;
    return STATUS_OK;
}

struct pending_event *pending_find(struct pending *pending, struct event_id id)
{
    struct slot *slot = find(pending, id);

    return slot == NULL ? NULL : &slot->event;
}

static void unchain(struct pending *pending, struct slot *slot)
{
    uint32_t *at = bucket(pending, slot->event.id);
    uint32_t index = index_of(pending, slot);

    while (*at != index) {
        CHECK(*at != NONE);
        at = &pending->slots[*at].chain;
    }
    *at = slot->chain;
}

void pending_remove(struct pending *pending, struct pending_event *event)
{
    struct slot *slot = slot_of(pending, event);

    unchain(pending, slot);
    if (slot->before == NONE)
        pending->first = slot->after;
    else
        pending->slots[slot->before].after = slot->after;
    if (slot->after == NONE)
        pending->last = slot->before;
    else
        pending->slots[slot->after].before = slot->before;
    if (pending->cursor == index_of(pending, slot))
        pending->cursor = slot->after;
    if (!event->sent) {
        pending->unsent_count--;
        pending->unsent_bytes -= event->bytes.len;
    }
    slot->used = false;
    slot->chain = pending->free;
    pending->free = index_of(pending, slot);
    pending->count--;
}

struct pending_event *pending_unsent(struct pending *pending)
{
    while (pending->cursor != NONE && pending->slots[pending->cursor].event.sent)
        pending->cursor = pending->slots[pending->cursor].after;
    return pending->cursor == NONE ? NULL : &pending->slots[pending->cursor].event;
}

void pending_sent(struct pending *pending, struct pending_event *event)
{
    CHECK(index_of(pending, slot_of(pending, event)) == pending->cursor);
    CHECK(!event->sent);

    event->sent = true;
    pending->cursor = slot_of(pending, event)->after;
    pending->unsent_count--;
    pending->unsent_bytes -= event->bytes.len;
}

void pending_again(struct pending *pending, struct pending_event *event)
{
    struct slot *slot = slot_of(pending, event);

    if (!event->sent)
        return;
    event->sent = false;
    pending->unsent_count++;
    pending->unsent_bytes += event->bytes.len;
    if (pending->cursor == NONE || pending->slots[pending->cursor].order > slot->order)
        pending->cursor = index_of(pending, slot);
}

void pending_all_again(struct pending *pending)
{
    for (uint32_t i = pending->first; i != NONE; i = pending->slots[i].after)
        pending_again(pending, &pending->slots[i].event);
}

size_t pending_unsent_bytes(const struct pending *pending)
{
    return pending->unsent_bytes;
}

uint32_t pending_unsent_count(const struct pending *pending)
{
    return pending->unsent_count;
}
