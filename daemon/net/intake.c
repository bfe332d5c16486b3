/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/intake.h"

#include <string.h>

#include "proto/codec.h"

/* Held at once, until the turn ends. */
#define WORKERS_FRAMES_MAX 256
#define FRAMES_MAX (WORKERS_FRAMES_MAX + INTAKE_CLIENTS_MAX)
/* A frame is decoded only while at least half the arena is left, so that each has the room it is promised. */
#define ARENA_MARK (ARENA_BYTES_MAX / 2)
/* A frame of FRAME_MESSAGES_MAX cheap questions takes as many turns, or fewer; what dear ones leave of theirs is for others. */
#define QUESTIONS_TURNS_MAX 20
#define VALIDATE "event validate"

struct held {
    enum owed_to side;
    connection_t from;
    struct frame frame;
    uint32_t done;  /* messages of it that were handed over */
    uint32_t turns; /* that it took so far */
};

struct intake {
    struct broker *broker;
    struct endpoint *sides[2];
    struct arena *arena;
    struct held frames[FRAMES_MAX]; /* done with; kept until the turn ends */
    uint32_t frames_count;
    struct held rest[2]; /* by side: the frame of which some is left */
    bool unfinished[2];
    struct intake_stain stain;
    bool stained;
    struct intake_counts counts;
};

enum status intake_new(struct intake **ret, struct broker *broker, struct endpoint *clients,
                       struct endpoint *workers)
{
    struct intake *intake = calloc(1, sizeof *intake);
    if (intake == NULL)
        return STATUS_NO_MEMORY;
    intake->broker = broker;
    intake->sides[OWED_CLIENT] = clients;
    intake->sides[OWED_WORKER] = workers;
    enum status status = arena_new(&intake->arena, ARENA_BYTES_MAX);
    if (status != STATUS_OK) {
        intake_free(intake);
        return status;
    }
    *ret = intake;
    return STATUS_OK;
}

struct intake *intake_free(struct intake *intake)
{
    if (intake != NULL) {
        for (uint32_t i = 0; i < intake->frames_count; i++)
            frame_release(&intake->frames[i].frame);
        for (uint32_t i = 0; i < ARRAY_LEN(intake->rest); i++) {
            if (intake->unfinished[i])
                frame_release(&intake->rest[i].frame);
        }
        arena_free(intake->arena);
        free(intake);
    }
    return NULL;
}

/** No more may be handed to the broker in this turn, by @side. */
static bool full(const struct intake *intake, enum owed_to side)
{
    size_t used = arena_used(intake->arena);
    if (side == OWED_WORKER)
        return broker_crowded(intake->broker) || used > ARENA_MARK / 4 * 3;
    return broker_full(intake->broker) || used > ARENA_MARK;
}

static void refuse(struct intake *intake, const struct held *held, enum reason_code code)
{
    if (held->side != OWED_CLIENT)
        return;
    struct reason reason;
    struct reasons reasons = {.items = &reason, .max = 1};
    reasons_add(&reasons, code, NULL, NULL, NULL, NULL);
    broker_refuse(intake->broker, held->from, NULL, &reason, reasons.count);
}

static void stain(struct intake *intake, const struct held *held)
{
    const struct keyring *keyring = endpoint_keyring(intake->sides[held->side]);
    const struct principal *principal = keyring_find_user(keyring, held->frame.user_id);
    static const struct key none;
    bool keyed = principal != NULL &&
                 memcmp(principal->public_key.bytes, none.bytes, sizeof none.bytes) != 0;
    intake->stain.side = held->side;
    /* Without a key the user id says more; a key itself is never logged. */
    snprintf(intake->stain.from, sizeof intake->stain.from, "%s",
             keyed               ? principal->organisation.text
             : principal != NULL ? held->frame.user_id
                                 : "");
    intake->stained = true;
}

/** The whole frame cannot be read. */
static bool malformed(struct intake *intake, const struct held *held, enum status status)
{
    intake->counts.malformed++;
    stain(intake, held);
    if (held->side == OWED_WORKER) /* who is told nothing */
        broker_malformed(intake->broker);
    refuse(intake, held,
           status == STATUS_TOO_LARGE     ? REASON_MESSAGE_TOO_LARGE
           : status == STATUS_UNSUPPORTED ? REASON_UNSUPPORTED_VERSION
                                          : REASON_MALFORMED_MESSAGE);
    return true;
}

static enum status counted(const struct held *held, uint32_t count)
{
    return count == held->frame.count ? STATUS_OK : STATUS_MALFORMED;
}

/* ---- one function a kind; true: the frame is done with ---- */

static bool take_events(struct intake *intake, struct held *held, const struct principal *principal)
{
    const struct slice *events = NULL;
    uint32_t count = 0;
    enum status status = codec_split_events(held->frame.body, intake->arena, &events, &count);
    if (status == STATUS_OK)
        status = counted(held, count);
    if (status != STATUS_OK)
        return malformed(intake, held, status);

    for (; held->done < count && !full(intake, held->side); held->done++) {
        struct reason items[REASONS_MAX];
        struct reasons reasons = {.items = items, .max = REASONS_MAX};
        struct event event;
        bool id_known = false;
        size_t mark = arena_used(intake->arena);
        status = codec_decode_event(events[held->done], intake->arena, &event, &id_known, &reasons);
        if (status == STATUS_OK) {
            broker_event(intake->broker, held->from, principal, &event);
            continue;
        }
        arena_rewind(intake->arena, mark);
        broker_refuse(intake->broker, held->from, id_known ? &event.id : NULL, items,
                      reasons.count);
    }
    return held->done == count;
}

/** The event that "event validate" brings along; NULL: none that could be read. */
static const struct event *body_of(struct intake *intake, const struct query *query,
                                   struct event *room)
{
    if (query->command.len != strlen(VALIDATE) ||
        memcmp(query->command.bytes, VALIDATE, query->command.len) != 0)
        return NULL;
    struct reason items[REASONS_MAX];
    struct reasons reasons = {.items = items, .max = REASONS_MAX};
    bool id_known = false;
    enum status status = codec_decode_event(query->body, intake->arena, room, &id_known, &reasons);
    return status == STATUS_OK ? room : NULL;
}

static bool take_queries(struct intake *intake, struct held *held,
                         const struct principal *principal)
{
    const struct query *queries = NULL;
    uint32_t count = 0;
    enum status status = codec_decode_queries(held->frame.body, intake->arena, &queries, &count);
    if (status == STATUS_OK)
        status = counted(held, count);
    if (status != STATUS_OK)
        return malformed(intake, held, status);

    bool overlong = ++held->turns > QUESTIONS_TURNS_MAX;
    for (; held->done < count && !full(intake, held->side); held->done++) {
        const struct query *query = &queries[held->done];
        struct event event;
        if (overlong)
            broker_query_busy(intake->broker, held->from, query);
        else
            broker_query(intake->broker, held->from, principal, query,
                         body_of(intake, query, &event));
    }
    return held->done == count;
}

static bool take_feed_asks(struct intake *intake, struct held *held,
                           const struct principal *principal)
{
    const struct feed_ask *asks = NULL;
    uint32_t count = 0;
    enum status status = codec_decode_feed_asks(held->frame.body, intake->arena, &asks, &count);
    if (status == STATUS_OK)
        status = counted(held, count);
    if (status != STATUS_OK)
        return malformed(intake, held, status);

    for (; held->done < count && !full(intake, held->side); held->done++)
        broker_feed(intake->broker, held->from, principal, &asks[held->done]);
    return held->done == count;
}

static bool take_hellos(struct intake *intake, struct held *held, const struct principal *principal)
{
    const struct hello *hellos = NULL;
    uint32_t count = 0;
    enum status status = codec_decode_hellos(held->frame.body, intake->arena, &hellos, &count);
    if (status == STATUS_OK)
        status = counted(held, count);
    if (status != STATUS_OK)
        return malformed(intake, held, status);

    for (; held->done < count && !full(intake, held->side); held->done++)
        broker_hello(intake->broker, held->from, principal, &hellos[held->done]);
    return held->done == count;
}

static bool take_findings(struct intake *intake, struct held *held)
{
    const struct finding *findings = NULL;
    uint32_t count = 0;
    enum status status = codec_decode_findings(held->frame.body, intake->arena, &findings, &count);
    if (status == STATUS_OK)
        status = counted(held, count);
    if (status != STATUS_OK)
        return malformed(intake, held, status);

    for (; held->done < count && !full(intake, held->side); held->done++)
        broker_findings(intake->broker, held->from, &findings[held->done], 1);
    return held->done == count;
}

/** Accepted assignments, or such that go on. */
static bool take_tokens(struct intake *intake, struct held *held)
{
    bool accepts = held->frame.kind == MESSAGE_ACCEPTS;
    const struct assignment_token *tokens = NULL;
    uint32_t count = 0;
    enum status status =
        accepts ? codec_decode_accepts(held->frame.body, intake->arena, &tokens, &count)
                : codec_decode_progresses(held->frame.body, intake->arena, &tokens, &count);
    if (status == STATUS_OK)
        status = counted(held, count);
    if (status != STATUS_OK)
        return malformed(intake, held, status);

    if (accepts)
        broker_accepts(intake->broker, held->from, tokens, count);
    else
        broker_progresses(intake->broker, held->from, tokens, count);
    return true;
}

/** A kind belongs to one socket; on the other it cannot be read. */
static bool take(struct intake *intake, struct held *held, const struct principal *principal)
{
    bool client = held->side == OWED_CLIENT;
    switch (held->frame.kind) {
    case MESSAGE_EVENTS:
        return client ? take_events(intake, held, principal)
                      : malformed(intake, held, STATUS_MALFORMED);
    case MESSAGE_QUERIES:
        return client ? take_queries(intake, held, principal)
                      : malformed(intake, held, STATUS_MALFORMED);
    case MESSAGE_FEED_ASKS:
        return client ? take_feed_asks(intake, held, principal)
                      : malformed(intake, held, STATUS_MALFORMED);
    case MESSAGE_HELLOS:
        return client ? malformed(intake, held, STATUS_MALFORMED)
                      : take_hellos(intake, held, principal);
    case MESSAGE_FINDINGS:
        return client ? malformed(intake, held, STATUS_MALFORMED) : take_findings(intake, held);
    case MESSAGE_ACCEPTS:
    case MESSAGE_PROGRESSES:
        return client ? malformed(intake, held, STATUS_MALFORMED) : take_tokens(intake, held);
    case MESSAGE_BEATS:
    case MESSAGE_BYES:
        if (client)
            return malformed(intake, held, STATUS_MALFORMED);
        if (held->frame.kind == MESSAGE_BEATS)
            broker_beat(intake->broker, held->from);
        else
            broker_bye(intake->broker, held->from);
        return true;
    case MESSAGE_ANSWERS:
    case MESSAGE_REPLIES:
    case MESSAGE_ENTRIES:
    case MESSAGE_WELCOMES:
    case MESSAGE_ASSIGNMENTS:
        break;
    }
    return malformed(intake, held, STATUS_MALFORMED);
}

/** Who may speak on this socket at all, asked anew for every message. */
static bool admitted(struct intake *intake, const struct held *held,
                     const struct principal *principal)
{
    bool known = principal != NULL &&
                 (held->side == OWED_CLIENT || (principal->verbs & VERB_BIT(VERB_WORK)) != 0);
    if (!known) {
        intake->counts.revoked++;
        refuse(intake, held, REASON_SENDER_UNKNOWN);
    }
    return known;
}

/** @held lives as long as the turn; if it is not @done, until it is. */
static void keep(struct intake *intake, const struct held *held, bool done)
{
    if (!done) {
        intake->rest[held->side] = *held;
        intake->unfinished[held->side] = true;
        return;
    }
    CHECK(intake->frames_count < FRAMES_MAX);
    intake->frames[intake->frames_count++] = *held;
}

/** One message from @side. False: nothing more is to be taken from it. */
static bool take_one(struct intake *intake, enum owed_to side, int64_t now_ms,
                     struct intake_result *result)
{
    struct delivery delivery;
    enum status status = endpoint_receive(intake->sides[side], now_ms, &delivery);
    if (status == STATUS_NOT_FOUND)
        return false;
    if (status == STATUS_IO_FAILED) {
        result->broken = true;
        return false;
    }
    result->any = true;
    intake->counts.frames++;
    if (delivery.gone != 0)
        broker_gone(intake->broker, delivery.gone);
    if (status == STATUS_REFUSED) {
        intake->counts.unproven++;
        return true;
    }
    if (status == STATUS_BUSY) {
        intake->counts.turned_away++;
        return true;
    }

    struct held held = {.side = side, .from = delivery.from, .frame = delivery.frame};
    bool done = !admitted(intake, &held, delivery.principal);
    if (!done && status != STATUS_OK)
        done = malformed(intake, &held, status);
    if (!done)
        done = take(intake, &held, delivery.principal);
    if (status == STATUS_OK)
        keep(intake, &held, done);
    return done;
}

/** The frame of which the last turn's batch had no room for all. False: nor has this one's. */
static bool take_rest(struct intake *intake, enum owed_to side)
{
    struct held held = intake->rest[side];
    const struct keyring *keyring = endpoint_keyring(intake->sides[side]);
    const struct principal *principal = keyring_find_user(keyring, held.frame.user_id);
    bool done = !admitted(intake, &held, principal) || take(intake, &held, principal);

    intake->unfinished[side] = false;
    keep(intake, &held, done);
    return done;
}

static struct intake_result drain(struct intake *intake, enum owed_to side, int64_t now_ms,
                                  uint32_t frames_max)
{
    struct intake_result result = {0};
    uint32_t taken = 0;
    bool go_on = true;

    if (intake->unfinished[side] && !full(intake, side)) {
        result.any = true;
        go_on = take_rest(intake, side);
        taken++;
    }
    for (; go_on && !intake->unfinished[side] && !full(intake, side) && taken < frames_max; taken++)
        go_on = take_one(intake, side, now_ms, &result);
    result.more = intake->unfinished[side] || full(intake, side) || (go_on && taken == frames_max);
    return result;
}

struct intake_result intake_workers(struct intake *intake, int64_t now_ms)
{
    return drain(intake, OWED_WORKER, now_ms, WORKERS_FRAMES_MAX);
}

struct intake_result intake_clients(struct intake *intake, int64_t now_ms, uint32_t frames_max)
{
    CHECK(frames_max >= 1);
    CHECK(frames_max <= INTAKE_CLIENTS_MAX);
    return drain(intake, OWED_CLIENT, now_ms, frames_max);
}

void intake_end(struct intake *intake)
{
    for (uint32_t i = 0; i < intake->frames_count; i++)
        frame_release(&intake->frames[i].frame);
    intake->frames_count = 0;
    arena_reset(intake->arena);
}

bool intake_next_stain(struct intake *intake, struct intake_stain *ret)
{
    if (!intake->stained)
        return false;
    intake->stained = false;
    *ret = intake->stain;
    return true;
}

void intake_count(const struct intake *intake, struct intake_counts *ret)
{
    *ret = intake->counts;
}
