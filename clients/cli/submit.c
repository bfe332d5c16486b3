/* SPDX-License-Identifier: Apache-2.0 */
/* submit.c - sending events, many under way at once, each with its outcome; and their identifiers. */

#include "clients/cli/cli.h"
#include "proto/codec.h"

#include <sodium.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

/* ---- outcomes ----------------------------------------------------------------------------- */

void cli_outcome_clear(struct cli_outcome *outcome)
{
    free(outcome->reasons);
    *outcome = (struct cli_outcome){0};
}

/** The code that an answer which is no acceptance ends with: CONFLICT and ID_REUSED can be told from the rest. */
static int refusal_exit(const struct cli_outcome *outcome)
{
    for (uint32_t i = 0; i < outcome->reasons_count; i++) {
        enum reason_code code = outcome->reasons[i].code;
        if (code == REASON_CONFLICT || code == REASON_ID_REUSED)
            return EXIT_CONFLICT;
    }
    return EXIT_REFUSED;
}

bool cli_outcome_named(const char *word, struct cli_outcome *outcome)
{
    static const enum verdict verdicts[] = {VERDICT_ACCEPTED, VERDICT_HELD, VERDICT_REJECTED};
    if (strcmp(word, "REFUSED") == 0) {
        outcome->kind = ANSWER_REFUSED;
        return true;
    }
    for (uint32_t i = 0; i < ARRAY_LEN(verdicts); i++) {
        if (strcmp(word, verdict_name(verdicts[i])) == 0) {
            outcome->kind = ANSWER_VERDICT;
            outcome->verdict = verdicts[i];
            return true;
        }
    }
    return false;
}

int cli_outcome_exit(const struct cli_outcome *outcome)
{
    if (!outcome->known)
        return outcome->spooled ? outcome->spooled_exit : EXIT_TIMED_OUT;
    if (outcome->kind == ANSWER_REFUSED || outcome->verdict == VERDICT_REJECTED)
        return refusal_exit(outcome);
    if (outcome->verdict == VERDICT_WITHDRAWN)
        return EXIT_REFUSED;
    if (outcome->verdict == VERDICT_HELD)
        return EXIT_PARTLY;
    return EXIT_DONE;
}

int cli_exit_both(int so_far, int next)
{
    if (so_far < 0 || so_far == next)
        return next;
    if (so_far == EXIT_TIMED_OUT || next == EXIT_TIMED_OUT)
        return EXIT_TIMED_OUT;
    bool both_failed = (so_far == EXIT_REFUSED || so_far == EXIT_CONFLICT) &&
                       (next == EXIT_REFUSED || next == EXIT_CONFLICT);
    return both_failed ? EXIT_REFUSED : EXIT_PARTLY;
}

/* ---- who is who --------------------------------------------------------------------------- */

/** Event ids -> index of the event under way with it: open addressing, twice as many places as events. */
struct ids {
    struct event_id *ids;
    uint32_t *indices; /* 1 more than the index; 0: free */
    uint32_t mask;
};

static uint32_t id_hash(struct event_id id)
{
    uint32_t a;
    uint32_t b;
    memcpy(&a, id.bytes + 8, 4);
    memcpy(&b, id.bytes + 12, 4); /* the random half of a UUIDv7 */
    return (a ^ b * 2654435761u) * 2654435761u;
}

static uint32_t ids_place(const struct ids *ids, struct event_id id)
{
    uint32_t at = id_hash(id) & ids->mask;
    while (ids->indices[at] != 0 && !event_id_equal(ids->ids[at], id))
        at = (at + 1) & ids->mask; /* ends: half of the places are free */
    return at;
}

static bool ids_new(struct ids *ids, uint32_t count)
{
    uint32_t places = 16;
    while (places < 2 * count)
        places *= 2;
    ids->mask = places - 1;
    ids->ids = calloc(places, sizeof *ids->ids);
    ids->indices = calloc(places, sizeof *ids->indices);
    return ids->ids != NULL && ids->indices != NULL;
}

static void ids_free(struct ids *ids)
{
    free(ids->ids);
    free(ids->indices);
}

/** The event id in an encoded event: field 1, of 16 bytes. False: there is none. */
static bool id_of(struct slice event, struct event_id *ret)
{
    struct slice id;
    if (!cli_event_field(event, 1, &id) || id.len != EVENT_ID_BYTES)
        return false;
    memcpy(ret->bytes, id.bytes, EVENT_ID_BYTES);
    return true;
}

/* ---- on the way --------------------------------------------------------------------------- */

struct submission {
    struct cli *cli;
    struct commission *connection;
    const struct slice *events;
    uint32_t count;
    enum commission_wait wait;
    struct cli_outcome *outcomes;
    struct ids ids;
    uint32_t sent;
    uint32_t done;
    void (*on_done)(void *ctx, uint32_t index);
    void *ctx;
};

/** Send until the window is full, or until one waits for an earlier one with its own id. */
static int send_more(struct submission *submission)
{
    while (submission->sent < submission->count) {
        uint32_t index = submission->sent;
        struct event_id id;
        if (!id_of(submission->events[index], &id))
            return cli_fail(submission->cli, EXIT_FAILED, "event %u has no event_id", index + 1);
        enum status status =
            commission_send(submission->connection, submission->events[index], submission->wait);
        if (status == STATUS_BUSY || status == STATUS_EXISTS)
            return 0;
        if (status != STATUS_OK)
            return cli_fail(submission->cli, EXIT_FAILED, "event %u cannot be sent: %s", index + 1,
                            status_text(status));
        uint32_t place = ids_place(&submission->ids, id);
        submission->ids.ids[place] = id;
        submission->ids.indices[place] = index + 1;
        submission->sent++;
    }
    return 0;
}

static void outcome_take(struct cli_outcome *outcome, const struct answer *answer)
{
    outcome->kind = answer->kind;
    if (answer->seq != 0)
        outcome->seq = answer->seq;
    outcome->repeated = outcome->repeated || answer->repeated;
    if (answer->kind == ANSWER_VERDICT) {
        outcome->verdict = answer->verdict;
        outcome->verdict_seq = answer->verdict_seq;
    }
    if (answer->reasons_count > 0) {
        struct reason *reasons = calloc(answer->reasons_count, sizeof *reasons);
        CHECK(reasons != NULL);
        memcpy(reasons, answer->reasons, answer->reasons_count * sizeof *reasons);
        free(outcome->reasons);
        outcome->reasons = reasons;
        outcome->reasons_count = answer->reasons_count;
    }
}

static void take_answer(struct submission *submission, const struct answer *answer)
{
    if (!answer->id_known)
        return;
    uint32_t place = ids_place(&submission->ids, answer->event_id);
    if (submission->ids.indices[place] == 0)
        return;
    uint32_t index = submission->ids.indices[place] - 1;
    struct cli_outcome *outcome = &submission->outcomes[index];
    if (outcome->known)
        return;
    outcome_take(outcome, answer);
    outcome->known = answer->kind != ANSWER_RECEIPT || submission->wait != COMMISSION_WAIT_VERDICT;
    if (!outcome->known)
        return;
    submission->done++;
    if (submission->on_done != NULL)
        submission->on_done(submission->ctx, index);
}

/** @none: not to wait for the answers, only for the daemon to have been heard. */
static int submit_all(struct submission *submission, bool none)
{
    bool heard = false;
    while (submission->done < submission->count) {
        int failed = send_more(submission);
        if (failed != 0)
            return failed;
        if (none && heard && submission->sent == submission->count)
            return 0;
        const struct answer *answers;
        uint32_t answers_count;
        enum status status = commission_answers(submission->connection, submission->cli->timeout_ms,
                                                &answers, &answers_count);
        if (status == STATUS_TIMED_OUT || (status == STATUS_UNREACHABLE && heard)) {
            cli_say(submission->cli,
                    "%u of %u events have no %s after %lld ms (--timeout); send the same file "
                    "again: what is known is not taken twice",
                    submission->count - submission->done, submission->count,
                    submission->wait == COMMISSION_WAIT_RECEIPT ? "receipt" : "verdict",
                    (long long)submission->cli->timeout_ms);
            return 0;
        }
        if (status != STATUS_OK)
            return cli_failed(submission->cli, "events", status);
        heard = true;
        for (uint32_t i = 0; i < answers_count; i++)
            take_answer(submission, &answers[i]);
    }
    return 0;
}

int cli_submit(struct cli *cli, const struct slice *events, uint32_t count,
               enum commission_wait wait, struct cli_outcome *ret,
               void (*done)(void *ctx, uint32_t index), void *ctx)
{
    struct submission submission = {
        .cli = cli,
        .events = events,
        .count = count,
        .wait = wait != 0 ? wait : COMMISSION_WAIT_RECEIPT,
        .outcomes = ret,
        .on_done = done,
        .ctx = ctx,
    };
    memset(ret, 0, count * sizeof *ret);
    int failed = cli_connect(cli, &submission.connection);
    if (failed != 0)
        return failed;
    if (ids_new(&submission.ids, count))
        failed = submit_all(&submission, wait == 0);
    else
        failed = cli_fail(cli, EXIT_FAILED, "%s", status_text(STATUS_NO_MEMORY));
    ids_free(&submission.ids);
    return failed;
}

/* ---- through a spool ---------------------------------------------------------------------- */

int cli_spool_open(struct cli *cli, const char *path, struct commission_spool **ret)
{
    enum status status = commission_spool_open(ret, path);
    if (status == STATUS_REFUSED)
        return cli_fail(cli, EXIT_FAILED,
                        "%s: a spool is a folder of one's own that nobody else may look into: "
                        "chmod 700 it",
                        path);
    if (status != STATUS_OK)
        return cli_fail(cli, EXIT_FAILED, "spool %s: %s", path, status_text(status));
    return 0;
}

static uint32_t spool_waiting(struct commission_spool *spool)
{
    const struct commission_spooled *listed;
    uint32_t count = 0;
    uint32_t waiting = 0;
    if (commission_spool_list(spool, &listed, &count) != STATUS_OK)
        return 0;
    for (uint32_t i = 0; i < count; i++)
        waiting += !listed[i].rejected;
    return waiting;
}

int cli_flush_exit(struct cli *cli, struct commission_spool *spool, const char *path,
                   enum status status)
{
    if (status == STATUS_OK)
        return 0;
    if (status == STATUS_LOCKED)
        return cli_fail(cli, EXIT_TIMED_OUT,
                        "%s: another process is sending from this spool; it takes along what has "
                        "been put there",
                        path);
    if (status == STATUS_MALFORMED)
        return cli_fail(cli, EXIT_FAILED,
                        "%s: a file was damaged, or an answer could not be read; `commission event "
                        "spool list --spool %s` shows what is there",
                        path, path);
    const char *endpoint = cli->endpoint != NULL ? cli->endpoint : cli->context.endpoint;
    const char *why = status == STATUS_UNREACHABLE ? "nobody answers"
                      : status == STATUS_TIMED_OUT ? "no answer in time"
                      : status == STATUS_REFUSED   ? "nothing is taken at present"
                                                   : status_text(status);
    int exit = status == STATUS_UNREACHABLE ? EXIT_UNREACHABLE
               : status == STATUS_TIMED_OUT ? EXIT_TIMED_OUT
               : status == STATUS_REFUSED   ? EXIT_REFUSED
                                            : EXIT_FAILED;
    uint32_t waiting = spool_waiting(spool);
    if (waiting == 0)
        return cli_fail(cli, exit, "%s at %s; all events have their receipts, the spool is empty",
                        why, endpoint);
    return cli_fail(cli, exit,
                    "%s at %s: %u event%s in the spool; `commission event spool flush --spool %s` "
                    "sends %s later",
                    why, endpoint, waiting, waiting == 1 ? " waits" : "s wait", path,
                    waiting == 1 ? "it" : "them");
}

/** The next event after @index with the same id that has no outcome yet; @index if there is none. */
static uint32_t next_alike(const struct submission *submission, struct event_id id, uint32_t index)
{
    for (uint32_t i = index + 1; i < submission->count; i++) {
        struct event_id other;
        if (!submission->outcomes[i].known && id_of(submission->events[i], &other) &&
            event_id_equal(id, other))
            return i;
    }
    return index;
}

static void spool_answered(void *ctx, const struct commission_spooled *event,
                           const struct answer *answer)
{
    struct submission *submission = ctx;
    uint32_t place = ids_place(&submission->ids, event->id);
    uint32_t index = submission->ids.indices[place];
    /* One id in two workflows: one after the other, so that the answer is that of the first without. */
    if (index != 0 && submission->outcomes[index - 1].known)
        submission->ids.indices[place] = next_alike(submission, event->id, index - 1) + 1;
    take_answer(submission, answer);
}

/** 0: they are in the spool. */
static int put_all(struct submission *submission, struct commission_spool *spool, const char *path)
{
    for (uint32_t i = submission->count; i > 0; i--) {
        struct event_id id;
        if (!id_of(submission->events[i - 1], &id))
            return cli_fail(submission->cli, EXIT_FAILED, "event %u has no event_id", i);
        uint32_t place = ids_place(&submission->ids, id);
        submission->ids.ids[place] = id;
        submission->ids.indices[place] = i;
    }
    enum status status = commission_spool_put(spool, submission->events, submission->count);
    if (status != STATUS_OK)
        return cli_fail(submission->cli, EXIT_FAILED,
                        "spool %s: %s; nothing was sent. Give it the same events again: none is "
                        "taken twice",
                        path, status_text(status));
    return 0;
}

static int spool_all(struct submission *submission, const char *path)
{
    struct commission_spool *spool;
    int failed = cli_spool_open(submission->cli, path, &spool);
    if (failed != 0)
        return failed;
    int exit = 0;
    failed = put_all(submission, spool, path);
    if (failed == 0 && submission->wait != 0)
        failed = cli_connect(submission->cli, &submission->connection);
    if (failed == 0 && submission->wait != 0)
        exit = cli_flush_exit(submission->cli, spool, path,
                              commission_spool_flush(spool, submission->connection,
                                                     submission->wait, submission->cli->timeout_ms,
                                                     spool_answered, submission));
    for (uint32_t i = 0; i < submission->count; i++) {
        struct cli_outcome *outcome = &submission->outcomes[i];
        outcome->spooled = !outcome->known && outcome->seq == 0;
        outcome->spooled_exit = exit;
    }
    commission_spool_close(spool);
    return failed;
}

int cli_submit_spooled(struct cli *cli, const char *path, const struct slice *events,
                       uint32_t count, enum commission_wait wait, struct cli_outcome *ret,
                       void (*done)(void *ctx, uint32_t index), void *ctx)
{
    struct submission submission = {
        .cli = cli,
        .events = events,
        .count = count,
        .wait = wait,
        .outcomes = ret,
        .on_done = done,
        .ctx = ctx,
    };
    memset(ret, 0, count * sizeof *ret);
    int failed;
    if (ids_new(&submission.ids, count))
        failed = spool_all(&submission, path);
    else
        failed = cli_fail(cli, EXIT_FAILED, "%s", status_text(STATUS_NO_MEMORY));
    ids_free(&submission.ids);
    return failed;
}

/* ---- identifiers -------------------------------------------------------------------------- */

bool cli_event_field(struct slice event, uint32_t number, struct slice *ret)
{
    size_t at = 0;
    while (at < event.len) {
        uint64_t key = 0;
        uint64_t value = 0;
        for (unsigned part = 0; part < 2; part++) {
            uint64_t varint = 0;
            unsigned shift = 0;
            bool more = true;
            if (part == 1 && (key & 7) != 0 && (key & 7) != 2)
                break;
            while (more && at < event.len && shift < 64) {
                varint |= (uint64_t)(event.bytes[at] & 0x7fu) << shift;
                more = event.bytes[at++] >= 0x80;
                shift += 7;
            }
            if (more)
                return false;
            if (part == 0)
                key = varint;
            else
                value = varint;
        }
        size_t len = (key & 7) == 2 ? (size_t)value : (key & 7) == 5 ? 4 : (key & 7) == 1 ? 8 : 0;
        if (len > event.len - at)
            return false;
        if (key >> 3 == number) {
            *ret = (struct slice){event.bytes + at, len};
            return true;
        }
        at += len;
    }
    return false;
}

void cli_event_id_from(const char *label, struct slice bytes, struct event_id *ret)
{
    crypto_generichash_state state;
    CHECK(sodium_init() >= 0);
    CHECK(crypto_generichash_init(&state, NULL, 0, EVENT_ID_BYTES) == 0);
    crypto_generichash_update(&state, (const uint8_t *)label, strlen(label) + 1);
    crypto_generichash_update(&state, bytes.bytes, bytes.len);
    crypto_generichash_final(&state, ret->bytes, EVENT_ID_BYTES);
}

int cli_event_id_new(struct cli *cli, struct event_id *ret)
{
    struct timespec now;
    struct event_id id;
    if (getrandom(id.bytes, sizeof id.bytes, 0) != (ssize_t)sizeof id.bytes)
        return cli_fail(cli, EXIT_FAILED, "no random numbers from the system");
    CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
    uint64_t ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    for (unsigned i = 0; i < 6; i++)
        id.bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    id.bytes[6] = (uint8_t)(0x70u | (id.bytes[6] & 0x0fu));
    id.bytes[8] = (uint8_t)(0x80u | (id.bytes[8] & 0x3fu));
    *ret = id;
    return 0;
}
