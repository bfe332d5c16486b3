/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/lib/client.h"

#include <string.h>

#define HELLO_AGAIN_MS 2000 /* no WELCOME: ask again */
#define REPORT_MS 1000 /* for room on the way out; then the findings are lost, and the lease ends */
#define LINGER_MS 200

static void close_frame(struct work *work)
{
    if (work->handed)
        frame_release(&work->handed_frame);
    work->handed = false;
}

void work_clear(struct work *work)
{
    close_frame(work);
    inbox_clear(&work->assignments);
    work->arena = arena_free(work->arena);
}

/* ---- being there ---- */

/* What we hold is not ours any more; say HELLO at the next turn. */
static void begin_again(struct work *work)
{
    inbox_drop(&work->assignments);
    work->asked = false;
    work->joined = false;
    work->leased = 0;
}

void work_reconnected(struct commission *commission)
{
    begin_again(&commission->work);
    commission->work.beats_answered = false;
    commission->work.refused = false;
}

void work_forgotten(struct commission *commission)
{
    struct work *work = &commission->work;

    if (!work->wanted)
        return;
    begin_again(work);
    work->asked = true; /* not at once: it may be told so at each HELLO */
    work->asked_at_ms = channel_now_ms();
}

static enum status say_hello(struct commission *commission, int64_t now_ms)
{
    struct work *work = &commission->work;

    commission->out.len = 0;
    commission->out.full = false;
    codec_put_hello(&commission->out, &work->hello);
    CHECK(!commission->out.full);
    enum status status = client_send_out(commission, MESSAGE_HELLOS, 1);
    work->asked = true; /* full or not: asked again later */
    work->asked_at_ms = now_ms;
    return status == STATUS_BUSY ? STATUS_OK : status;
}

static enum status beat(struct commission *commission, int64_t now_ms)
{
    struct work *work = &commission->work;

    commission->out.len = 0;
    commission->out.full = false;
    codec_put_beat(&commission->out, work->leased);
    CHECK(!commission->out.full);
    enum status status = client_send_out(commission, MESSAGE_BEATS, 1);
    work->beat_at_ms =
        now_ms + work->welcome.beat_ms; /* full or not: the next one counts as well */
    return status == STATUS_BUSY ? STATUS_OK : status;
}

enum status work_keep_up(struct commission *commission, int64_t now_ms)
{
    struct work *work = &commission->work;

    if (!work->wanted || work->refused || !channel_connected(commission->channel))
        return STATUS_OK;
    if (work->joined && work->beats_answered && now_ms - work->heard_at_ms > BEATS_MISSED_MS)
        begin_again(work);
    if (!work->joined && !work->drain &&
        (!work->asked || now_ms - work->asked_at_ms >= HELLO_AGAIN_MS))
        return say_hello(commission, now_ms);
    if (work->joined && now_ms >= work->beat_at_ms)
        return beat(commission, now_ms);
    return STATUS_OK;
}

int64_t work_due_ms(const struct commission *commission)
{
    const struct work *work = &commission->work;

    if (!work->wanted || work->refused || !channel_connected(commission->channel))
        return NEVER_MS;
    if (work->joined)
        return work->beat_at_ms;
    return work->asked && !work->drain ? work->asked_at_ms + HELLO_AGAIN_MS : NEVER_MS;
}

/* Keep the error's text: the frame goes. */
static void keep_error(struct work *work, struct slice error)
{
    size_t len = error.len < sizeof work->error - 1 ? error.len : sizeof work->error - 1;

    memcpy(work->error, error.bytes, len);
    work->error[len] = '\0';
    work->welcome.error = (struct slice){(const uint8_t *)work->error, len};
}

enum status work_take_welcome(struct commission *commission, const struct frame *frame)
{
    struct work *work = &commission->work;
    struct welcome welcome;

    if (!work->wanted)
        return STATUS_OK;
    struct arena *scratch =
        commission->sender.arena; /* not ours: assignments are handed out of that */
    arena_reset(scratch);
    enum status status = codec_decode_welcome(frame->body, scratch, &welcome);
    if (status != STATUS_OK)
        return status;
    work->drain = work->drain || welcome.drain;
    if (work->joined) { /* the answer to a beat, or we are to finish */
        work->beats_answered = true;
        if (welcome.error.len > 0)
            begin_again(work);
        return STATUS_OK;
    }
    work->welcome = welcome;
    work->refused = welcome.error.len > 0;
    if (work->refused) {
        keep_error(work, welcome.error);
        return STATUS_OK;
    }
    if (work->welcome.beat_ms == 0)
        work->welcome.beat_ms = BEAT_MS;
    work->joined = true;
    work->beat_at_ms = channel_now_ms() + work->welcome.beat_ms;
    return STATUS_OK;
}

enum status commission_join(struct commission *commission, const struct hello *hello,
                            int64_t timeout_ms, struct welcome *ret)
{
    struct work *work = &commission->work;
    int64_t deadline_ms = client_deadline(timeout_ms);

    CHECK(hello->stages_count >= 1);
    CHECK(hello->stages_count <= STAGES_MAX);
    enum status status = client_arena(&work->arena);
    close_frame(work);
    begin_again(work);
    work->hello = *hello;
    work->wanted = true;
    work->refused = false;
    work->drain = false;
    while (status == STATUS_OK && !work->joined && !work->refused)
        status = client_turn(commission, deadline_ms, false);
    if (status != STATUS_OK)
        return status;
    *ret = work->welcome;
    return work->refused ? STATUS_REFUSED : STATUS_OK;
}

/* ---- the work ---- */

enum status work_take_assignments(struct commission *commission, struct frame *frame)
{
    struct work *work = &commission->work;
    enum status status = STATUS_OK;

    if (work->joined)
        status = inbox_push(&work->assignments, frame);
    if (!work->joined || status != STATUS_OK)
        frame_release(frame); /* not ours any more, or beyond all credit: the lease ends */
    return status == STATUS_BUSY ? STATUS_OK : status;
}

static enum status wait_for_frame(struct commission *commission, int64_t deadline_ms)
{
    struct work *work = &commission->work;
    enum status status = STATUS_OK;

    while (status == STATUS_OK && !inbox_pop(&work->assignments, &work->handed_frame)) {
        if (work->refused)
            return STATUS_REFUSED;
        status = client_turn(commission, deadline_ms, false);
        if (status == STATUS_OK && channel_interrupted(commission->channel))
            status = STATUS_TIMED_OUT;
    }
    if (status == STATUS_TIMED_OUT && !(work->joined && channel_connected(commission->channel)))
        return STATUS_UNREACHABLE;
    work->handed = status == STATUS_OK;
    return status;
}

/* Tell the daemon which of @assignments we have, or are still at: one message. No room for it: a finding says it, too. */
static enum status send_tokens(struct commission *commission, enum message_kind kind,
                               const struct assignment *assignments, uint32_t count)
{
    enum status status = STATUS_OK;

    for (uint32_t i = 0; i < count && status == STATUS_OK;) {
        uint32_t end = count - i < FRAME_MESSAGES_MAX ? count : i + FRAME_MESSAGES_MAX;
        uint16_t sent = (uint16_t)(end - i);
        commission->out.len = 0;
        commission->out.full = false;
        for (; i < end; i++) {
            struct assignment_token token = {assignments[i].token, assignments[i].seq};
            codec_put_assignment_token(&commission->out, &token);
        }
        CHECK(!commission->out.full);
        status = client_send_out(commission, kind, sent);
    }
    commission->work.progress_at_ms = channel_now_ms() + commission->work.welcome.beat_ms;
    return status == STATUS_BUSY || status == STATUS_UNREACHABLE ? STATUS_OK : status;
}

enum status commission_assignments(struct commission *commission, int64_t timeout_ms,
                                   const struct assignment **ret, uint32_t *ret_count)
{
    struct work *work = &commission->work;
    int64_t deadline_ms = client_deadline(timeout_ms);

    CHECK(work->wanted);
    close_frame(work);
    enum status status = wait_for_frame(commission, deadline_ms);
    if (status != STATUS_OK)
        return status;
    arena_reset(work->arena);
    status = codec_decode_assignments(work->handed_frame.body, work->arena, ret, ret_count);
    if (status != STATUS_OK)
        return status;
    work->leased += *ret_count;
    return send_tokens(commission, MESSAGE_ACCEPTS, *ret, *ret_count);
}

/* What has come meanwhile and waits for its turn is ours, too, and is said to be. */
static enum status send_waiting(struct commission *commission)
{
    const struct inbox *inbox = &commission->work.assignments;
    struct arena *scratch = commission->sender.arena;
    enum status status = STATUS_OK;

    for (uint32_t i = 0; i < inbox->count && status == STATUS_OK; i++) {
        const struct frame *frame = &inbox->frames[(inbox->first + i) % inbox->max];
        const struct assignment *waiting;
        uint32_t count;
        arena_reset(scratch);
        if (codec_decode_assignments(frame->body, scratch, &waiting, &count) == STATUS_OK)
            status = send_tokens(commission, MESSAGE_PROGRESSES, waiting, count);
    }
    return status;
}

enum status commission_progress(struct commission *commission, const struct assignment *assignments,
                                uint32_t assignments_count)
{
    struct work *work = &commission->work;
    int64_t now_ms = channel_now_ms();

    CHECK(work->wanted);
    if (now_ms < work->progress_at_ms)
        return STATUS_OK;
    enum status status = client_turn(commission, now_ms, false);
    if (status != STATUS_OK && status != STATUS_TIMED_OUT && status != STATUS_UNREACHABLE)
        return status;
    if (!work->joined || work->leased == 0) { /* they are not ours any more */
        work->progress_at_ms = now_ms + BEAT_MS;
        return STATUS_OK;
    }
    status = send_tokens(commission, MESSAGE_PROGRESSES, assignments, assignments_count);
    return status == STATUS_OK ? send_waiting(commission) : status;
}

bool commission_drained(const struct commission *commission)
{
    const struct work *work = &commission->work;

    return work->drain && work->leased == 0 && work->assignments.count == 0;
}

/* Send the findings that stand in the way out, waiting for room a little. */
static enum status send_findings(struct commission *commission, uint16_t count)
{
    int64_t deadline_ms = channel_now_ms() + REPORT_MS;
    struct slice body = {commission->out.bytes, commission->out.len};
    enum status status = channel_send(commission->channel, MESSAGE_FINDINGS, count, body);

    while (status == STATUS_BUSY && channel_connected(commission->channel) &&
           channel_now_ms() < deadline_ms) {
        status = channel_wait(commission->channel, true, deadline_ms - channel_now_ms());
        if (status == STATUS_OK || status == STATUS_TIMED_OUT)
            status = channel_send(commission->channel, MESSAGE_FINDINGS, count, body);
    }
    commission->out.len = 0;
    return status == STATUS_BUSY ? STATUS_UNREACHABLE : status;
}

/* Write findings from @from on, as many as fit a frame. */
static uint16_t fill_report(struct buffer *out, const struct finding *findings, uint32_t from,
                            uint32_t findings_count)
{
    uint16_t count = 0;

    out->len = 0;
    out->full = false;
    while (from + count < findings_count && count < FRAME_MESSAGES_MAX) {
        codec_put_finding(out, &findings[from + count]);
        if (out->full)
            break;
        count++;
    }
    out->full = false;
    return count;
}

enum status commission_report(struct commission *commission, const struct finding *findings,
                              uint32_t findings_count)
{
    struct work *work = &commission->work;
    enum status status = STATUS_OK;

    work->leased -= findings_count < work->leased ? findings_count : work->leased;
    for (uint32_t i = 0; i < findings_count && status == STATUS_OK;) {
        uint16_t count = fill_report(&commission->out, findings, i, findings_count);
        if (count == 0)
            return STATUS_TOO_LARGE;
        status = send_findings(commission, count);
        i += count;
    }
    return status;
}

void commission_leave(struct commission *commission, const char *reason)
{
    struct work *work = &commission->work;
    struct slice text = {(const uint8_t *)reason, strlen(reason)};

    if (!work->wanted)
        return;
    work->wanted = false;
    begin_again(work);
    commission->out.len = 0;
    commission->out.full = false;
    codec_put_bye(&commission->out, text);
    if (client_send_out(commission, MESSAGE_BYES, 1) == STATUS_OK)
        channel_linger(commission->channel, LINGER_MS);
}
