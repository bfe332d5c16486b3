/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/mail.h"

#include "proto/codec.h"

/* Frames begun at once: five stages of workers, and clients. Their memory is touched only as far as it is used. */
#define PARCELS_MAX 16
/* A reader may limit what it reads as the wire has it: CURVE's wrapping must fit as well. */
#define PARCEL_BYTES_MAX (FRAME_BYTES_MAX - 64)
/* More than these in one turn are found by their silence. */
#define LOST_MAX 256
/* Connections that take no more in this turn; those beyond count as lost. */
#define FULL_MAX FEEDS_MAX

struct parcel {
    enum owed_to to;
    connection_t connection;
    enum message_kind kind;
    uint16_t count;
    struct unsent entries; /* to be sent again when it does not leave; connection 0: none */
    struct buffer buffer;
};

struct mail {
    struct endpoint *sides[2];
    struct parcel parcels[PARCELS_MAX];
    uint32_t first; /* the oldest begun; a ring */
    uint32_t begun;
    connection_t lost[LOST_MAX];
    uint32_t lost_count;
    connection_t full[FULL_MAX]; /* in this turn */
    uint32_t full_count;
    struct unsent unsent[FEEDS_MAX];
    uint32_t unsent_count;
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

static bool is_full(const struct mail *mail, connection_t connection)
{
    for (uint32_t i = 0; i < mail->full_count; i++) {
        if (mail->full[i] == connection)
            return true;
    }
    return false;
}

/** There is no room for @parcel. False: it was not noted, and must count as lost. */
static bool note_full(struct mail *mail, const struct parcel *parcel)
{
    if (!is_full(mail, parcel->connection)) {
        if (mail->full_count == FULL_MAX)
            return false;
        mail->full[mail->full_count++] = parcel->connection;
    }
    if (parcel->entries.connection == 0)
        return true;
    if (mail->unsent_count == ARRAY_LEN(mail->unsent))
        return false;
    mail->unsent[mail->unsent_count++] = parcel->entries;
    return true;
}

static void note_dropped(struct mail *mail, const struct parcel *parcel, enum status status)
{
    mail->counts.dropped += parcel->count;
    /* A client asks again, a feed sends again. A worker would wait for what it was never given. */
    bool lost = status != STATUS_BUSY || parcel->to == OWED_WORKER || !note_full(mail, parcel);
    if (lost && mail->lost_count < LOST_MAX)
        mail->lost[mail->lost_count++] = parcel->connection;
}

static void parcel_send(struct mail *mail, struct parcel *parcel, int64_t now_ms)
{
    if (parcel->count == 0)
        return;
    struct slice body = {parcel->buffer.bytes, parcel->buffer.len};
    enum status status = STATUS_BUSY;
    if (!is_full(mail, parcel->connection))
        status = endpoint_send(mail->sides[parcel->to], parcel->connection, parcel->kind,
                               parcel->count, body, now_ms);
    if (status == STATUS_OK) {
        mail->counts.frames++;
        mail->counts.messages += parcel->count;
    } else {
        note_dropped(mail, parcel, status);
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
    case MESSAGE_ACCEPTS:
    case MESSAGE_PROGRESSES:
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

/** What comes again when @owed does not leave. */
static struct unsent entries_of(const struct owed *owed)
{
    if (owed->kind != MESSAGE_ENTRIES || owed->entries.error.len > 0)
        return (struct unsent){0};
    const struct feed_entries *entries = &owed->entries;
    return (struct unsent){
        .connection = owed->connection,
        .feed = entries->feed,
        .first_seq = entries->entries_count > 0 ? entries->entries[0].seq : 0,
        .count = entries->entries_count,
    };
}

void mail_put(struct mail *mail, const struct owed *owed, int64_t now_ms)
{
    struct parcel *parcel = parcel_for(mail, owed, now_ms);
    bool alone = owed->kind == MESSAGE_ENTRIES || owed->kind == MESSAGE_WELCOMES;
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
    parcel->entries = entries_of(owed);
}

void mail_send(struct mail *mail, int64_t now_ms)
{
    for (uint32_t i = 0; i < mail->begun; i++)
        parcel_send(mail, parcel_at(mail, i), now_ms);
    mail->first = 0;
    mail->begun = 0;
    mail->full_count = 0;
}

bool mail_next_unsent(struct mail *mail, struct unsent *ret)
{
    if (mail->unsent_count == 0)
        return false;
    *ret = mail->unsent[--mail->unsent_count];
    return true;
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
