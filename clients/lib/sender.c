/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/lib/client.h"

#include <string.h>
#include <sys/random.h>

#define WINDOW_AT_FIRST 1024
#define WINDOW_MAX (1u << 20)
#define RESEND_MS 2000
#define PATIENCE_DOUBLINGS_MAX                                                                     \
    4 /* so that a worker that is away does not bring the same events every two seconds */
#define SEND_BYTES                                                                                 \
    (256 * 1024) /* a frame of events leaves when it is this full, or when answers are asked for */
#define SEND_EVENTS 512
#define EVENT_OVERHEAD_BYTES 8 /* tag and length around an event */
#define HOLD_MS_DEFAULT 100
#define ANSWERS_GATHERED_MAX 8192 /* then the caller has them first */

enum wire_type { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };
#define EVENT_ID_FIELD 1u

enum status sender_init(struct sender *sender, const struct commission_options *options)
{
    uint32_t window = options->window == 0 ? WINDOW_AT_FIRST : options->window;

    if (window > WINDOW_MAX || options->resend_ms < 0)
        return STATUS_INVALID;
    sender->resend_ms = options->resend_ms == 0 ? RESEND_MS : options->resend_ms;
    sender->frame.bytes = malloc(SEND_BYTES);
    if (sender->frame.bytes == NULL)
        return STATUS_NO_MEMORY;
    sender->frame.max = SEND_BYTES;
    if (getrandom(&sender->chance, sizeof sender->chance, GRND_NONBLOCK) < 0 || sender->chance == 0)
        sender->chance = (uint64_t)channel_now_ms() | 1;
    enum status status = client_arena(&sender->arena);
    return status == STATUS_OK ? pending_new(&sender->pending, window) : status;
}

static void answer_list_clear(struct answer_list *list)
{
    free(list->answers);
    free(list->first_reason);
    free(list->reasons);
    *list = (struct answer_list){.answers = NULL};
}

void sender_clear(struct sender *sender)
{
    answer_list_clear(&sender->gathered);
    answer_list_clear(&sender->handed);
    free(sender->frame.bytes);
    sender->arena = arena_free(sender->arena);
    sender->pending = pending_free(sender->pending);
}

/* ---- sending ---- */

static bool read_varint(struct slice *bytes, uint64_t *ret)
{
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && bytes->len > 0; shift += 7) {
        uint8_t byte = *bytes->bytes++;
        bytes->len--;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret = value;
            return true;
        }
    }
    return false;
}

/*
 * How many bytes a field's value takes; WIRE_BYTES: its length has been read. False: no such type,
 * or cut off.
 */
static bool field_len(struct slice *bytes, unsigned type, uint64_t *ret)
{
    uint64_t ignored;

    *ret = 0;
    if (type == WIRE_VARINT)
        return read_varint(bytes, &ignored);
    if (type == WIRE_BYTES)
        return read_varint(bytes, ret) && *ret <= bytes->len;
    *ret = type == WIRE_FIXED64 ? 8 : type == WIRE_FIXED32 ? 4 : UINT64_MAX;
    return *ret <= bytes->len;
}

bool sender_find_field(struct slice event, uint32_t number, struct slice *ret)
{
    bool found = false;
    uint64_t key;
    uint64_t len;

    while (event.len > 0) {
        if (!read_varint(&event, &key) || !field_len(&event, key & 7, &len))
            return false;
        if (key == ((uint64_t)number << 3 | WIRE_BYTES)) { /* the last one counts, as in protobuf */
            *ret = (struct slice){event.bytes, (size_t)len};
            found = true;
        }
        event.bytes += len;
        event.len -= len;
    }
    return found;
}

bool sender_find_event_id(struct slice event, struct event_id *ret)
{
    struct slice id;

    if (!sender_find_field(event, EVENT_ID_FIELD, &id) || id.len != EVENT_ID_BYTES)
        return false;
    memcpy(ret->bytes, id.bytes, EVENT_ID_BYTES);
    return true;
}

static void fill_frame(struct sender *sender)
{
    struct buffer *frame = &sender->frame;
    struct pending_event *event = pending_unsent(sender->pending);

    while (event != NULL && sender->frame_count < FRAME_MESSAGES_MAX &&
           frame->len + event->bytes.len + EVENT_OVERHEAD_BYTES <= frame->max) {
        codec_put_event(frame, event->bytes);
        CHECK(!frame->full);
        sender->frame_count++;
        pending_sent(sender->pending, event);
        event = pending_unsent(sender->pending);
    }
}

static void drop_frame(struct sender *sender)
{
    sender->frame.len = 0;
    sender->frame.full = false;
    sender->frame_count = 0;
}

/* Send all that is not sent, as far as there is room on the way out. */
static enum status flush(struct commission *commission, int64_t now_ms)
{
    struct sender *sender = &commission->sender;

    if (now_ms < sender->hold_until_ms || !channel_connected(commission->channel))
        return STATUS_OK;
    while (sender->frame_count > 0 || pending_unsent(sender->pending) != NULL) {
        if (sender->frame_count == 0)
            fill_frame(sender);
        enum status status = channel_send(commission->channel, MESSAGE_EVENTS, sender->frame_count,
                                          (struct slice){sender->frame.bytes, sender->frame.len});
        if (status != STATUS_OK)
            return status == STATUS_BUSY ? STATUS_OK : status;
        drop_frame(sender);
        sender->quiet_since_ms = now_ms;
    }
    return STATUS_OK;
}

enum status commission_send(struct commission *commission, struct slice event,
                            enum commission_wait wait)
{
    struct sender *sender = &commission->sender;
    struct event_id id;

    if (event.len > EVENT_BYTES_MAX)
        return STATUS_TOO_LARGE;
    if (!sender_find_event_id(event, &id))
        return STATUS_MALFORMED;
    enum status status = pending_add(sender->pending, id, event, wait);
    if (status != STATUS_OK)
        return status;
    if (pending_unsent_bytes(sender->pending) >= SEND_BYTES ||
        pending_unsent_count(sender->pending) >= SEND_EVENTS) {
        client_notice(commission);
        status = flush(commission, channel_now_ms());
    }
    return status;
}

uint32_t commission_unanswered(const struct commission *commission)
{
    return pending_count(commission->sender.pending) + commission->sender.gathered_last;
}

/* ---- sending again ---- */

void sender_reconnected(struct commission *commission)
{
    struct sender *sender = &commission->sender;

    drop_frame(sender);
    pending_all_again(sender->pending);
    sender->hold_until_ms = 0;
    sender->silences = 0;
}

static bool some_sent(const struct sender *sender)
{
    return pending_count(sender->pending) > pending_unsent_count(sender->pending);
}

static int64_t resend_at_ms(const struct sender *sender)
{
    return sender->quiet_since_ms + (sender->resend_ms << sender->silences);
}

enum status sender_keep_up(struct commission *commission, int64_t now_ms)
{
    struct sender *sender = &commission->sender;

    if (!channel_connected(commission->channel))
        return STATUS_OK;
    if (sender->frame_count == 0 && some_sent(sender) && now_ms >= resend_at_ms(sender)) {
        pending_all_again(sender->pending);
        sender->quiet_since_ms = now_ms;
        if (sender->silences < PATIENCE_DOUBLINGS_MAX)
            sender->silences++;
    }
    return flush(commission, now_ms);
}

bool sender_waits(const struct commission *commission, int64_t now_ms)
{
    const struct sender *sender = &commission->sender;

    return now_ms >= sender->hold_until_ms &&
           (sender->frame_count > 0 || pending_unsent_count(sender->pending) > 0);
}

int64_t sender_due_ms(const struct commission *commission, int64_t now_ms)
{
    const struct sender *sender = &commission->sender;
    int64_t due_ms = NEVER_MS;

    if (!channel_connected(commission->channel))
        return NEVER_MS;
    if (sender->frame_count == 0 && some_sent(sender))
        due_ms = resend_at_ms(sender);
    if (pending_unsent_count(sender->pending) > 0 && sender->hold_until_ms > now_ms &&
        sender->hold_until_ms < due_ms)
        due_ms = sender->hold_until_ms;
    return due_ms;
}

/* ---- answers ---- */

static bool room_for(void **list, size_t size, uint32_t count, uint32_t *max)
{
    if (count <= *max)
        return true;
    uint32_t larger = *max == 0 ? 64 : *max;
    while (larger < count)
        larger *= 2;
    void *grown = realloc(*list, larger * size);
    if (grown == NULL)
        return false;
    *list = grown;
    *max = larger;
    return true;
}

static bool answer_list_room(struct answer_list *list, const struct answer *answer)
{
    void *answers = list->answers;
    void *first_reason = list->first_reason;
    void *reasons = list->reasons;
    uint32_t answers_max = list->max;
    uint32_t first_max = list->max;

    bool room = room_for(&answers, sizeof *list->answers, list->count + 1, &answers_max);
    list->answers = answers;
    room = room && room_for(&first_reason, sizeof *list->first_reason, list->count + 1, &first_max);
    list->first_reason = first_reason;
    if (room)
        list->max = answers_max;
    room = room && room_for(&reasons, sizeof *list->reasons,
                            list->reasons_count + answer->reasons_count, &list->reasons_max);
    list->reasons = reasons;
    return room;
}

static enum status gather(struct answer_list *list, const struct answer *answer)
{
    if (!answer_list_room(list, answer))
        return STATUS_NO_MEMORY;
    list->answers[list->count] = *answer;
    list->first_reason[list->count] = list->reasons_count;
    list->count++;
    if (answer->reasons_count > 0)
        memcpy(list->reasons + list->reasons_count, answer->reasons,
               answer->reasons_count * sizeof *list->reasons);
    list->reasons_count += answer->reasons_count;
    return STATUS_OK;
}

static bool come_again_later(const struct answer *answer)
{
    bool later = false;

    for (uint32_t i = 0; i < answer->reasons_count; i++) {
        enum reason_code code = answer->reasons[i].code;
        later = later || code == REASON_BUSY || code == REASON_DRAINING;
    }
    return later && answer->kind == ANSWER_REFUSED;
}

/* As long as the daemon says, and up to half as long again (xorshift: chance, not secrecy). */
static int64_t hold_ms(struct sender *sender, uint32_t retry_after_ms)
{
    int64_t least_ms = retry_after_ms == 0 ? HOLD_MS_DEFAULT : retry_after_ms;

    sender->chance ^= sender->chance << 13;
    sender->chance ^= sender->chance >> 7;
    sender->chance ^= sender->chance << 17;
    return least_ms + (int64_t)(sender->chance % (uint64_t)(least_ms / 2 + 1));
}

static bool is_last(const struct answer *answer, const struct pending_event *event)
{
    return answer->kind != ANSWER_RECEIPT || event->wait == COMMISSION_WAIT_RECEIPT;
}

/* A verdict that comes late, on an event for whose receipt alone was waited: the id is another's now,
 * of another workflow. Only a register's event has a verdict without a receipt before it. */
static bool is_of_another(const struct answer *answer, const struct pending_event *event)
{
    return answer->kind == ANSWER_VERDICT && answer->seq != answer->verdict_seq &&
           !(event->receipt && event->seq == answer->seq);
}

static enum status take_answer(struct sender *sender, const struct answer *answer, int64_t now_ms)
{
    if (!answer->id_known)
        return gather(&sender->gathered, answer);
    struct pending_event *event = pending_find(sender->pending, answer->event_id);
    if (event == NULL || is_of_another(answer, event))
        return STATUS_OK;
    if (answer->kind == ANSWER_RECEIPT)
        event->seq = answer->seq;
    if (come_again_later(answer)) {
        int64_t until_ms = now_ms + hold_ms(sender, answer->retry_after_ms);
        if (until_ms > sender->hold_until_ms)
            sender->hold_until_ms = until_ms;
        pending_again(sender->pending, event);
        return STATUS_OK;
    }
    if (answer->kind == ANSWER_RECEIPT && event->receipt)
        return STATUS_OK;
    enum status status = gather(&sender->gathered, answer);
    if (status != STATUS_OK)
        return status;
    sender->quiet_since_ms = now_ms;
    sender->silences = 0;
    event->receipt = true;
    if (is_last(answer, event)) {
        pending_remove(sender->pending, event);
        sender->gathered_last++;
    }
    return STATUS_OK;
}

enum status sender_take(struct commission *commission, const struct frame *frame)
{
    struct sender *sender = &commission->sender;
    const struct answer *answers;
    uint32_t count;
    int64_t now_ms = channel_now_ms();

    arena_reset(sender->arena);
    enum status status = codec_decode_answers(frame->body, sender->arena, &answers, &count);
    for (uint32_t i = 0; status == STATUS_OK && i < count; i++)
        status = take_answer(sender, &answers[i], now_ms);
    return status;
}

/* What was gathered becomes what is handed out; the memory changes places. */
static void hand_out(struct sender *sender)
{
    struct answer_list list = sender->handed;

    sender->handed = sender->gathered;
    sender->gathered_last = 0;
    sender->gathered = list;
    list = sender->handed;
    for (uint32_t i = 0; i < list.count; i++) {
        bool any = list.answers[i].reasons_count > 0;
        list.answers[i].reasons = any ? list.reasons + list.first_reason[i] : NULL;
    }
}

/* The caller waits for nothing more: what else is there already comes along. */
static enum status gather_more(struct commission *commission)
{
    const struct sender *sender = &commission->sender;
    enum status status = STATUS_OK;

    for (uint32_t count = 0; status == STATUS_OK && count != sender->gathered.count &&
                             sender->gathered.count < ANSWERS_GATHERED_MAX;) {
        count = sender->gathered.count;
        status = client_turn(commission, 0, false);
    }
    bool no_more = status == STATUS_TIMED_OUT || status == STATUS_UNREACHABLE;
    return no_more ? STATUS_OK : status;
}

enum status commission_answers(struct commission *commission, int64_t timeout_ms,
                               const struct answer **ret, uint32_t *ret_count)
{
    struct sender *sender = &commission->sender;
    int64_t deadline_ms = client_deadline(timeout_ms);
    enum status status = STATUS_OK;

    sender->handed.count = 0;
    sender->handed.reasons_count = 0;
    while (status == STATUS_OK && sender->gathered.count == 0)
        status = client_turn(commission, deadline_ms, false);
    if (status == STATUS_OK)
        status = gather_more(commission);
    if (status != STATUS_OK)
        return status;
    hand_out(sender);
    *ret = sender->handed.answers;
    *ret_count = sender->handed.count;
    return STATUS_OK;
}
