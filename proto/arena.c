/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <string.h>

struct arena {
    uint8_t *bytes;
    size_t used;
    size_t max;
    bool full;
};

enum status arena_new(struct arena **ret, size_t bytes_max)
{
    CHECK(bytes_max > 0);

    struct arena *arena = calloc(1, sizeof *arena);
    if (arena == NULL)
        return STATUS_NO_MEMORY;
    arena->bytes = malloc(bytes_max);
    if (arena->bytes == NULL)
        goto fail;
    arena->max = bytes_max;

    *ret = arena;
    return STATUS_OK;

fail:
    arena_free(arena);
    return STATUS_NO_MEMORY;
}

struct arena *arena_free(struct arena *arena)
{
    if (arena != NULL)
        free(arena->bytes);
    free(arena);
    return NULL;
}

/** @bytes as they are, aligned; NULL and full: none left. */
static void *take(struct arena *arena, size_t bytes)
{
    const size_t align = alignof(max_align_t);
    size_t start = (arena->used + align - 1) & ~(align - 1);

    if (start > arena->max || bytes > arena->max - start) {
        arena->full = true;
        return NULL;
    }
    arena->used = start + bytes;
    return arena->bytes + start;
}

void *arena_take(struct arena *arena, size_t bytes)
{
    void *taken = take(arena, bytes);

    if (taken != NULL)
        memset(taken, 0, bytes);
    return taken;
}

struct slice arena_copy(struct arena *arena, struct slice slice)
{
    uint8_t *copy = take(arena, slice.len);

    if (copy == NULL)
        return (struct slice){NULL, 0};
    if (slice.len > 0)
        memcpy(copy, slice.bytes, slice.len);
    return (struct slice){copy, slice.len};
}

struct slice arena_print(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_list again;

    va_start(arguments, format);
    va_copy(again, arguments);
    int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    CHECK(len >= 0);
    char *text = take(arena, (size_t)len + 1);
    if (text != NULL)
        vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);

    if (text == NULL)
        return (struct slice){NULL, 0};
    return (struct slice){(const uint8_t *)text, (size_t)len};
}

void arena_reset(struct arena *arena)
{
    arena->used = 0;
    arena->full = false;
}

void arena_rewind(struct arena *arena, size_t mark)
{
    CHECK(mark <= arena->used);
    arena->used = mark;
}

size_t arena_used(const struct arena *arena)
{
    return arena->used;
}

bool arena_full(const struct arena *arena)
{
    return arena->full;
}
