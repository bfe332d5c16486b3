/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/lib/inbox.h"

#define FRAMES_AT_FIRST 16

static enum status grow(struct inbox *inbox)
{
    if (inbox->max >= INBOX_FRAMES_MAX)
        return STATUS_BUSY;
    uint32_t max = inbox->max == 0 ? FRAMES_AT_FIRST : 2 * inbox->max;
    struct frame *frames = calloc(max, sizeof *frames);
    if (frames == NULL)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < inbox->count; i++)
        frames[i] = inbox->frames[(inbox->first + i) % inbox->max];
    free(inbox->frames);
    inbox->frames = frames;
    inbox->first = 0;
    inbox->max = max;
    return STATUS_OK;
}

enum status inbox_push(struct inbox *inbox, const struct frame *frame)
{
    if (inbox->count == inbox->max) {
        enum status status = grow(inbox);
        if (status != STATUS_OK)
            return status;
    }
    inbox->frames[(inbox->first + inbox->count) % inbox->max] = *frame;
    inbox->count++;
    return STATUS_OK;
}

bool inbox_pop(struct inbox *inbox, struct frame *ret)
{
    if (inbox->count == 0)
        return false;
    *ret = inbox->frames[inbox->first];
    inbox->first = (inbox->first + 1) % inbox->max;
    inbox->count--;
    return true;
}

void inbox_drop(struct inbox *inbox)
{
    struct frame frame;

    while (inbox_pop(inbox, &frame))
        frame_release(&frame);
}

void inbox_clear(struct inbox *inbox)
{
    inbox_drop(inbox);
    free(inbox->frames);
    *inbox = (struct inbox){.frames = NULL};
}
