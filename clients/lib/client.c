/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/lib/client.h"

#include <string.h>

#define OUT_BYTES FRAME_BYTES_MAX
#define DECODE_BYTES (2 * ARENA_BYTES_MAX)
#define FRAMES_PER_TURN_MAX 64

int64_t client_deadline(int64_t timeout_ms)
{
    int64_t now_ms = channel_now_ms();

    return timeout_ms < 0 || timeout_ms > NEVER_MS - now_ms ? NEVER_MS : now_ms + timeout_ms;
}

enum status client_arena(struct arena **arena)
{
    return *arena != NULL ? STATUS_OK : arena_new(arena, DECODE_BYTES);
}

enum status client_send_out(struct commission *commission, enum message_kind kind, uint16_t count)
{
    struct buffer *out = &commission->out;
    enum status status =
        channel_send(commission->channel, kind, count, (struct slice){out->bytes, out->len});

    out->len = 0;
    out->full = false;
    return status;
}

static bool keys_given(const struct commission_options *options)
{
    static const struct key none;

    return memcmp(options->server_key.bytes, none.bytes, KEY_BYTES) != 0 &&
           memcmp(options->public_key.bytes, none.bytes, KEY_BYTES) != 0;
}

enum status commission_open(struct commission **ret, const struct commission_options *options)
{
    struct channel_options channel = {
        .endpoint = options->endpoint,
        .plain = options->plain,
        .server_key = options->server_key,
        .public_key = options->public_key,
        .secret_key = options->secret_key,
    };

    if (!options->plain && !keys_given(options))
        return STATUS_INVALID;
    struct commission *commission = calloc(1, sizeof *commission);
    if (commission == NULL)
        return STATUS_NO_MEMORY;
    enum status status = STATUS_NO_MEMORY;
    commission->out.bytes = malloc(OUT_BYTES);
    if (commission->out.bytes == NULL)
        goto fail;
    commission->out.max = OUT_BYTES;
    status = sender_init(&commission->sender, options);
    if (status != STATUS_OK)
        goto fail;
    reader_init(&commission->reader);
    status = channel_open(&commission->channel, &channel);
    if (status != STATUS_OK)
        goto fail;

    *ret = commission;
    return STATUS_OK;

fail:
    commission_close(commission);
    return status;
}

struct commission *commission_close(struct commission *commission)
{
    if (commission == NULL)
        return NULL;
    sender_clear(&commission->sender);
    reader_clear(&commission->reader);
    work_clear(&commission->work);
    free(commission->out.bytes);
    channel_close(commission->channel);
    free(commission);
    return NULL;
}

int commission_fd(struct commission *commission)
{
    return channel_fd(commission->channel);
}

bool commission_key_refused(const struct commission *commission)
{
    return channel_refused(commission->channel);
}

void client_notice(struct commission *commission)
{
    uint64_t connections = channel_connections(commission->channel);

    if (connections == commission->connections)
        return;
    commission->connections = connections;
    sender_reconnected(commission);
    reader_reconnected(commission);
    work_reconnected(commission);
}

static enum status keep_up(struct commission *commission, int64_t now_ms)
{
    enum status status = sender_keep_up(commission, now_ms);

    if (status == STATUS_OK)
        status = reader_keep_up(commission);
    if (status == STATUS_OK)
        status = work_keep_up(commission, now_ms);
    return status;
}

/* Give a frame to its role. What a daemon does not send to us is thrown away. */
static enum status take(struct commission *commission, struct frame *frame)
{
    enum status status = STATUS_OK;

    commission->work.heard_at_ms = channel_now_ms();
    switch (frame->kind) {
    case MESSAGE_ANSWERS:
        status = sender_take(commission, frame);
        break;
    case MESSAGE_REPLIES:
        return reader_take_replies(commission, frame);
    case MESSAGE_ENTRIES:
        return reader_take_entries(commission, frame);
    case MESSAGE_WELCOMES:
        status = work_take_welcome(commission, frame);
        break;
    case MESSAGE_ASSIGNMENTS:
        return work_take_assignments(commission, frame);
    case MESSAGE_BEATS:
        commission->work.beats_answered = true;
        break;
    case MESSAGE_BYES:
        work_forgotten(commission);
        break;
    case MESSAGE_EVENTS:
    case MESSAGE_QUERIES:
    case MESSAGE_FEED_ASKS:
    case MESSAGE_HELLOS:
    case MESSAGE_FINDINGS:
    case MESSAGE_ACCEPTS:
    case MESSAGE_PROGRESSES:
        break;
    }
    frame_release(frame);
    return status;
}

/* STATUS_NOT_FOUND: nothing was there. */
static enum status take_what_came(struct commission *commission)
{
    struct frame frame;

    for (int i = 0; i < FRAMES_PER_TURN_MAX; i++) {
        enum status status = channel_receive(commission->channel, &frame);
        if (status == STATUS_NOT_FOUND)
            return i == 0 ? STATUS_NOT_FOUND : STATUS_OK;
        if (status == STATUS_OK)
            status = take(commission, &frame);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static int64_t earliest(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

enum status client_turn(struct commission *commission, int64_t deadline_ms, bool writable)
{
    int64_t now_ms = channel_now_ms();

    client_notice(commission);
    enum status status = keep_up(commission, now_ms);
    if (status != STATUS_OK)
        return status;
    status = take_what_came(commission);
    if (status != STATUS_NOT_FOUND)
        return status;
    if (channel_refused(commission->channel))
        return STATUS_UNREACHABLE; /* the daemon is there, and has said no */
    now_ms = channel_now_ms();
    if (reader_notice_silence(commission, now_ms))
        return STATUS_OK;
    if (now_ms >= deadline_ms)
        return commission->connections == 0 ? STATUS_UNREACHABLE : STATUS_TIMED_OUT;

    int64_t until_ms = earliest(deadline_ms, sender_due_ms(commission, now_ms));
    until_ms = earliest(until_ms, reader_due_ms(commission));
    until_ms = earliest(until_ms, work_due_ms(commission));
    int64_t wait_ms = until_ms == NEVER_MS ? -1 : until_ms <= now_ms ? 0 : until_ms - now_ms;
    writable = writable || sender_waits(commission, now_ms);
    status = channel_wait(commission->channel, writable, wait_ms);
    return status == STATUS_TIMED_OUT ? STATUS_OK : status;
}
