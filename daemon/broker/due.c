/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/broker/due.h"

struct when {
    int64_t due_ms;
    uint64_t seq;
};

/* heap[0] is the earliest; the children of i are 2i + 1 and 2i + 2. */
struct due {
    struct when *heap;
    uint32_t count;
    uint32_t count_max;
};

enum status due_new(struct due **ret, uint32_t count_max)
{
    CHECK(count_max >= 1);

    struct due *due = calloc(1, sizeof *due);
    if (due == NULL)
        return STATUS_NO_MEMORY;
    due->heap = calloc(count_max, sizeof *due->heap);
    if (due->heap == NULL)
        goto fail;
    due->count_max = count_max;

    *ret = due;
    return STATUS_OK;

fail:
    due_free(due);
    return STATUS_NO_MEMORY;
}

struct due *due_free(struct due *due)
{
    if (due != NULL)
        free(due->heap);
    free(due);
    return NULL;
}

static bool before(struct when a, struct when b)
{
    return a.due_ms < b.due_ms || (a.due_ms == b.due_ms && a.seq < b.seq);
}

static void swap(struct when *a, struct when *b)
{
    struct when kept = *a;
    *a = *b;
    *b = kept;
}

static void rise(struct due *due, uint32_t at)
{
    while (at > 0 && before(due->heap[at], due->heap[(at - 1) / 2])) {
        swap(&due->heap[at], &due->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

void due_push(struct due *due, int64_t due_ms, uint64_t seq)
{
    CHECK(due->count < due->count_max);

    uint32_t at = due->count++;
    due->heap[at] = (struct when){due_ms, seq};
    rise(due, at);
}

static void sink(struct due *due, uint32_t at)
{
    while (2 * at + 1 < due->count) {
        uint32_t child = 2 * at + 1;
        if (child + 1 < due->count && before(due->heap[child + 1], due->heap[child]))
            child++;
        if (!before(due->heap[child], due->heap[at]))
            return;
        swap(&due->heap[child], &due->heap[at]);
        at = child;
    }
}

bool due_pop(struct due *due, int64_t now_ms, uint64_t *ret_seq)
{
    if (due->count == 0 || due->heap[0].due_ms > now_ms)
        return false;

    *ret_seq = due->heap[0].seq;
    due->count--;
    due->heap[0] = due->heap[due->count];
    sink(due, 0);
    return true;
}

void due_remove(struct due *due, uint64_t seq)
{
    uint32_t at = 0;
    while (at < due->count && due->heap[at].seq != seq)
        at++;
    CHECK(at < due->count);

    due->count--;
    if (at == due->count)
        return;
    due->heap[at] = due->heap[due->count];
    rise(due, at);
    sink(due, at);
}

int64_t due_next_ms(const struct due *due)
{
    return due->count > 0 ? due->heap[0].due_ms : DUE_NEVER;
}

uint32_t due_count(const struct due *due)
{
    return due->count;
}
