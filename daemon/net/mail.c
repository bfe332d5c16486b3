/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/mail.h"

#include "proto/codec.h"

/* Frames begun at once: five stages of workers, and clients. Their memory is touched only as far as it is used. */
#define PARCELS_MAX 16
/* A reader may limit what it reads as the wire has it: CURVE's wrapping must fit as well. */
#define PARCEL_BYTES_MAX (FRAME_BYTES_MAX - 64)
/* More than these in one turn are found by their silence. */
#define LOST_MAX 256

struct parcel {
    enum owed_to to;
    connection_t connection;
    enum message_kind kind;
    uint16_t count;
    struct buffer buffer;
};

struct mail {
    struct endpoint *sides[2];
    struct parcel parcels[PARCELS_MAX];
    uint32_t first; /* the oldest begun; a ring */
    uint32_t begun;
    connection_t lost[LOST_MAX];
    uint32_t lost_count;
    struct mail_counts counts;
};

static_assert(OWED_CLIENT == 0 && OWED_WORKER == 1, "they index the sides");

enum status mail_new(struct mail **ret, struct endpoint *clients, struct endpoint *workers)
{
    struct mail *mail = calloc(1, sizeof *mail);
    if (mail == NULL)
        return STATUS_NO_MEMORY;
    mail->sides[OWED_CLIENT] = clients;
    mail->sides[OWED_WORKER] = workers;
    for (uint32_t i = 0; i < PARCELS_MAX; i++) {
        struct buffer *buffer = &mail->parcels[i].buffer;
        buffer->max = PARCEL_BYTES_MAX;
        buffer->bytes = malloc(PARCEL_BYTES_MAX);
        if (buffer->bytes == NULL)
            goto fail;
    }
    *ret = mail;
    return STATUS_OK;

fail:
    mail_free(mail);
    return STATUS_NO_MEMORY;
}

struct mail *mail_free(struct mail *mail)
{
    if (mail != NULL) {
        for (uint32_t i = 0; i < PARCELS_MAX; i++)
            free(mail->parcels[i].buffer.bytes);
        free(mail);
    }
    return NULL;
}

static struct parcel *parcel_at(struct mail *mail, uint32_t index)
{
    return &mail->parcels[(mail->first + index) % PARCELS_MAX];
}

static void parcel_send(struct mail *mail, struct parcel *parcel, int64_t now_ms)
{
    if (parcel->count == 0)
        return;
    struct slice body = {parcel->buffer.bytes, parcel->buffer.len};
    enum status status = endpoint_send(mail->sides[parcel->to], parcel->connection, parcel->kind,
                                       parcel->count, body, now_ms);
    if (status == STATUS_OK) {
        mail->counts.frames++;
        mail->counts.messages += parcel->count;
    } else {
        mail->counts.dropped += parcel->count;
        /* A client asks again. A worker would wait for what it was never given, and a feed have a gap. */
        bool lost =
            status != STATUS_BUSY || parcel->to == OWED_WORKER || parcel->kind == MESSAGE_ENTRIES;
        if (lost && mail->lost_count < LOST_MAX)
            mail->lost[mail->lost_count++] = parcel->connection;
    }
    parcel->count = 0;
    parcel->buffer.len = 0;
    parcel->buffer.full = false;
}

static void encode(struct buffer *buffer, const struct owed *owed)
{
    switch (owed->kind) {
    case MESSAGE_ANSWERS:
        codec_put_answer(buffer, &owed->answer);
        return;
    case MESSAGE_REPLIES:
        codec_put_reply(buffer, &owed->reply);
        return;
    case MESSAGE_ENTRIES:
        codec_put_entries(buffer, &owed->entries);
        return;
    case MESSAGE_WELCOMES:
        codec_put_welcome(buffer, &owed->welcome);
        return;
    case MESSAGE_ASSIGNMENTS:
        codec_put_assignment(buffer, &owed->assignment);
        return;
    case MESSAGE_EVENTS:
    case MESSAGE_QUERIES:
    case MESSAGE_FEED_ASKS:
    case MESSAGE_HELLOS:
    case MESSAGE_BEATS:
    case MESSAGE_BYES:
    case MESSAGE_FINDINGS:
        break;
    }
    CHECK(owed->kind == MESSAGE_ASSIGNMENTS);
}

/** The frame begun for it, or a new one; when all are in use, the oldest leaves. */
static struct parcel *parcel_for(struct mail *mail, const struct owed *owed, int64_t now_ms)
{
    for (uint32_t i = mail->begun; i > 0; i--) {
        struct parcel *parcel = parcel_at(mail, i - 1);
        if (parcel->connection == owed->connection && parcel->kind == owed->kind)
            return parcel;
    }
    if (mail->begun == PARCELS_MAX) {
        parcel_send(mail, parcel_at(mail, 0), now_ms);
        mail->first = (mail->first + 1) % PARCELS_MAX;
        mail->begun--;
    }
    struct parcel *parcel = parcel_at(mail, mail->begun++);
    parcel->to = owed->to;
    parcel->connection = owed->connection;
    parcel->kind = owed->kind;
    return parcel;
}

void mail_put(struct mail *mail, const struct owed *owed, int64_t now_ms)
{
    struct parcel *parcel = parcel_for(mail, owed, now_ms);
    bool alone = owed->kind == MESSAGE_ENTRIES;
    if (parcel->count == FRAME_MESSAGES_MAX || (alone && parcel->count > 0))
        parcel_send(mail, parcel, now_ms);
    encode(&parcel->buffer, owed);
    if (parcel->buffer.full && parcel->count > 0) {
        parcel_send(mail, parcel, now_ms);
        encode(&parcel->buffer, owed);
    }
    if (parcel->buffer.full) {
        parcel->buffer.full = false;
        mail->counts.dropped++;
        return;
    }
    parcel->count++;
}

void mail_send(struct mail *mail, int64_t now_ms)
{
    for (uint32_t i = 0; i < mail->begun; i++)
        parcel_send(mail, parcel_at(mail, i), now_ms);
    mail->first = 0;
    mail->begun = 0;
}

bool mail_next_lost(struct mail *mail, connection_t *ret)
{
    if (mail->lost_count == 0)
        return false;
    *ret = mail->lost[--mail->lost_count];
    return true;
}

void mail_count(const struct mail *mail, struct mail_counts *ret)
{
    *ret = mail->counts;
}
