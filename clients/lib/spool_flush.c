/* SPDX-License-Identifier: Apache-2.0 */
/* spool_flush.c - send what waits in the spool, in order, and let go of what has its receipt. */
/*
 * Each event hangs behind the one before it of its workflow (or register) and becomes ready when
 * that one has its receipt:
 *
 *   waits ──► ready ──► under way ──receipt──► received ──verdict, if wanted──► done
 *                           └──────refused for good──► set aside: done
 *
 * So BUSY, a repeat or a lost connection cannot change the order in a workflow, and thousands of
 * workflows are under way at once all the same.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "clients/lib/client.h"
#include "clients/lib/spool.h"

#define UNDER_WAY_MAX 1024
#define NONE UINT32_MAX
#define FIELD_LEAD 3
#define FIELD_REFERENCE 4
#define FIELD_ORGANISATION 5
#define REASONS_TEXT_SIZE 16384

enum flight_state { FLIGHT_WAITS, FLIGHT_UNDER_WAY, FLIGHT_RECEIVED, FLIGHT_DONE };

struct flight {
    struct commission_spooled event;
    uint64_t subject; /* which workflow or register: a hash; two of one hash only wait longer */
    uint32_t next;    /* behind it, of the same subject; NONE */
    enum flight_state state;
    bool tried;
};

struct flush {
    struct commission_spool *spool;
    struct commission *commission;
    enum commission_wait wait;
    commission_spool_answered *answered;
    void *ctx;
    struct flight *flights;
    uint32_t count;
    uint32_t *ready; /* of as many as there are flights; each comes here once */
    uint32_t ready_first;
    uint32_t ready_end;
    uint32_t *tails; /* the last flight of each subject: open addressing, half of it free */
    uint32_t tails_mask;
    uint32_t under_way[UNDER_WAY_MAX];
    uint32_t under_way_count;
    bool damaged;
    enum status refused; /* STATUS_OK, or why nothing more is sent */
};

/* ---- what waits ---- */

static uint64_t mixed(uint64_t hash, struct slice bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        hash = (hash ^ bytes.bytes[i]) * 0x100000001b3u;
    return (hash ^ 0xff) * 0x100000001b3u; /* an end, so that "a","b" is not "","ab" */
}

static uint64_t subject_of(struct slice event)
{
    static const uint32_t fields[] = {FIELD_LEAD, FIELD_REFERENCE, FIELD_ORGANISATION};
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        struct slice value = {.len = 0};
        (void)!sender_find_field(event, fields[i], &value);
        hash = mixed(hash, value);
    }
    return hash;
}

static void make_ready(struct flush *flush, uint32_t index)
{
    flush->ready[flush->ready_end++] = index;
}

static uint32_t *tail_of(struct flush *flush, uint64_t subject)
{
    uint32_t at = (uint32_t)(subject >> 20) & flush->tails_mask;

    while (flush->tails[at] != NONE && flush->flights[flush->tails[at]].subject != subject)
        at = (at + 1) & flush->tails_mask; /* ends: half of the places are free */
    return &flush->tails[at];
}

static void hang_on(struct flush *flush, uint32_t index)
{
    uint32_t *tail = tail_of(flush, flush->flights[index].subject);

    if (*tail == NONE)
        make_ready(flush, index);
    else
        flush->flights[*tail].next = index;
    *tail = index;
}

/* A flight for @event, if it is still there and whole. */
static enum status board(struct flush *flush, const struct commission_spooled *event)
{
    struct slice bytes;
    enum status status = commission_spool_read(flush->spool, event, &bytes);

    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (status == STATUS_MALFORMED) {
        flush->damaged = true;
        return spool_set_aside(flush->spool, event,
                               "DAMAGED\nthe file is not as it was written; it was not sent\n");
    }
    if (status != STATUS_OK)
        return status;
    flush->flights[flush->count] =
        (struct flight){.event = *event, .subject = subject_of(bytes), .next = NONE};
    hang_on(flush, flush->count++);
    return STATUS_OK;
}

static void forget(struct flush *flush)
{
    free(flush->flights);
    free(flush->ready);
    free(flush->tails);
    flush->flights = NULL;
    flush->ready = NULL;
    flush->tails = NULL;
    flush->count = flush->ready_first = flush->ready_end = 0;
}

/* All that waits now, anew: called when nothing is under way. */
static enum status load(struct flush *flush)
{
    const struct commission_spooled *listed;
    uint32_t count;
    uint32_t places = 16;

    forget(flush);
    enum status status = commission_spool_list(flush->spool, &listed, &count);
    if (status != STATUS_OK)
        return status;
    count = flush->spool->waiting_count;
    while (places < 2 * count)
        places *= 2;
    flush->tails_mask = places - 1;
    flush->flights = calloc((size_t)count + 1, sizeof *flush->flights);
    flush->ready = calloc((size_t)count + 1, sizeof *flush->ready);
    flush->tails = malloc(places * sizeof *flush->tails);
    if (flush->flights == NULL || flush->ready == NULL || flush->tails == NULL)
        return STATUS_NO_MEMORY;
    memset(flush->tails, 0xff, places * sizeof *flush->tails);
    for (uint32_t i = 0; status == STATUS_OK && i < count; i++)
        status = board(flush, &flush->spool->listed[i]);
    return status;
}

/* ---- sending ---- */

/* The place of @id in under_way, or NONE. */
static uint32_t under_way_of(const struct flush *flush, struct event_id id)
{
    for (uint32_t i = 0; i < flush->under_way_count; i++) {
        if (event_id_equal(flush->flights[flush->under_way[i]].event.id, id))
            return i;
    }
    return NONE;
}

/* STATUS_BUSY: answers first. */
static enum status send_one(struct flush *flush, uint32_t index)
{
    struct flight *flight = &flush->flights[index];
    struct slice bytes;

    if (flush->under_way_count == UNDER_WAY_MAX ||
        under_way_of(flush, flight->event.id) != NONE) /* the same id in another workflow */
        return STATUS_BUSY;
    enum status status = commission_spool_read(flush->spool, &flight->event, &bytes);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_IO_FAILED : status;
    status = commission_send(flush->commission, bytes, flush->wait);
    if (status != STATUS_OK && status != STATUS_EXISTS) /* still under way since an earlier flush */
        return status;
    flight->tried = true;
    flight->state = FLIGHT_UNDER_WAY;
    flush->under_way[flush->under_way_count++] = index;
    return STATUS_OK;
}

static enum status send_ready(struct flush *flush)
{
    while (flush->refused == STATUS_OK && flush->ready_first < flush->ready_end) {
        enum status status = send_one(flush, flush->ready[flush->ready_first]);
        if (status != STATUS_OK)
            return status == STATUS_BUSY ? STATUS_OK : status;
        flush->ready_first++;
    }
    return STATUS_OK;
}

/* ---- answers ---- */

static void release_next(struct flush *flush, const struct flight *flight)
{
    if (flight->next != NONE)
        make_ready(flush, flight->next);
}

/* "CODE, CODE", then a line for each reason. */
static void print_reasons(const struct answer *answer, char ret[REASONS_TEXT_SIZE])
{
    char code[REASON_CODE_SIZE];
    size_t len = 0;

    ret[0] = '\0';
    for (uint32_t i = 0; i < answer->reasons_count && len < REASONS_TEXT_SIZE / 2; i++) {
        reason_print_code(&answer->reasons[i], code);
        len +=
            (size_t)snprintf(ret + len, REASONS_TEXT_SIZE - len, "%s%s", i > 0 ? ", " : "", code);
    }
    len += (size_t)snprintf(ret + len, REASONS_TEXT_SIZE - len, "%s\n",
                            answer->reasons_count == 0 ? "REFUSED" : "");
    for (uint32_t i = 0; i < answer->reasons_count && len < REASONS_TEXT_SIZE - 1024; i++) {
        const struct reason *reason = &answer->reasons[i];
        reason_print_code(reason, code);
        len += (size_t)snprintf(ret + len, REASONS_TEXT_SIZE - len, "%s %s%s%s: %s\n", code,
                                reason->field, reason->value[0] != '\0' ? " = " : "", reason->value,
                                reason->text);
    }
}

/* Of a refusal: it is not this event's fault, and will pass when an operator has acted. */
static bool will_pass(const struct answer *answer)
{
    for (uint32_t i = 0; i < answer->reasons_count; i++) {
        enum reason_code code = answer->reasons[i].code;
        if (code == REASON_SENDER_UNKNOWN || code == REASON_STORE_FULL)
            return true;
    }
    return false;
}

static enum status take_refusal(struct flush *flush, struct flight *flight,
                                const struct answer *answer)
{
    char reasons[REASONS_TEXT_SIZE];

    print_reasons(answer, reasons);
    snprintf(flight->event.error, sizeof flight->event.error, "%.*s", (int)strcspn(reasons, "\n"),
             reasons);
    if (will_pass(answer)) {
        flight->state = FLIGHT_WAITS;
        flush->refused = STATUS_REFUSED;
        return STATUS_OK;
    }
    flight->state = FLIGHT_DONE;
    release_next(flush, flight);
    return spool_set_aside(flush->spool, &flight->event, reasons);
}

static enum status take_receipt(struct flush *flush, struct flight *flight)
{
    flight->state = FLIGHT_RECEIVED;
    release_next(flush, flight);
    return spool_remove(flush->spool, &flight->event);
}

static enum status take_answer(struct flush *flush, const struct answer *answer)
{
    uint32_t place = answer->id_known ? under_way_of(flush, answer->event_id) : NONE;
    enum status status = STATUS_OK;

    if (place == NONE)
        return STATUS_OK;
    struct flight *flight = &flush->flights[flush->under_way[place]];
    if (answer->kind == ANSWER_REFUSED && flight->state == FLIGHT_UNDER_WAY)
        status = take_refusal(flush, flight, answer);
    else if (flight->state == FLIGHT_UNDER_WAY)
        status = take_receipt(flush, flight);
    if (answer->kind != ANSWER_RECEIPT || flush->wait == COMMISSION_WAIT_RECEIPT) {
        if (flight->state == FLIGHT_RECEIVED)
            flight->state = FLIGHT_DONE;
        flush->under_way[place] = flush->under_way[--flush->under_way_count];
    }
    if (flush->answered != NULL)
        flush->answered(flush->ctx, &flight->event, answer);
    return status;
}

static enum status take_answers(struct flush *flush, int64_t timeout_ms)
{
    const struct answer *answers;
    uint32_t count = 0;
    enum status status = commission_answers(flush->commission, timeout_ms, &answers, &count);

    for (uint32_t i = 0; status == STATUS_OK && i < count; i++)
        status = take_answer(flush, &answers[i]);
    return status;
}

/* ---- a flush ---- */

static void keep_tries(struct flush *flush, enum status status)
{
    struct spool_tried *tried = calloc((size_t)flush->count + 1, sizeof *tried);
    uint32_t count = 0;
    struct timespec now;

    if (tried == NULL)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    for (uint32_t i = 0; i < flush->count; i++) {
        struct flight *flight = &flush->flights[i];
        if (flight->state > FLIGHT_UNDER_WAY || (!flight->tried && flight->event.tries == 0))
            continue;
        struct spool_tried *one = &tried[count++];
        *one = (struct spool_tried){flight->event.number, flight->event.tries,
                                    flight->event.tried_at_ms, ""};
        if (flight->tried) {
            one->tries++;
            one->at_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
        }
        const char *error = flight->event.error;
        if (flight->tried && flight->state == FLIGHT_UNDER_WAY)
            error = status_name(status);
        snprintf(one->error, sizeof one->error, "%s", error);
    }
    spool_keep_tries(flush->spool, tried, count);
    free(tried);
}

static enum status run(struct flush *flush, int64_t timeout_ms)
{
    enum status status = load(flush);

    while (status == STATUS_OK && flush->count > 0) {
        status = send_ready(flush);
        if (status != STATUS_OK)
            break;
        bool more = flush->refused == STATUS_OK && flush->ready_first < flush->ready_end;
        if (flush->under_way_count > 0 || more)
            status = take_answers(flush, timeout_ms);
        else if (flush->refused != STATUS_OK)
            status = flush->refused;
        else
            status = load(flush); /* all are done: what was put meanwhile */
    }
    keep_tries(flush, status);
    if (status == STATUS_OK && flush->damaged)
        status = STATUS_MALFORMED;
    return status;
}

enum status commission_spool_flush(struct commission_spool *spool, struct commission *commission,
                                   enum commission_wait wait, int64_t timeout_ms,
                                   commission_spool_answered *answered, void *ctx)
{
    struct flush *flush = calloc(1, sizeof *flush);

    if (flush == NULL)
        return STATUS_NO_MEMORY;
    *flush = (struct flush){
        .spool = spool,
        .commission = commission,
        .wait = wait,
        .answered = answered,
        .ctx = ctx,
    };
    enum status status = spool_lock_flush(spool);
    if (status == STATUS_OK) {
        status = run(flush, timeout_ms);
        spool_unlock_flush(spool);
    }
    forget(flush);
    free(flush);
    return status;
}
