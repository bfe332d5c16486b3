/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/broker/roster.h"

#include <string.h>

#include "daemon/broker/seqmap.h"

#define NOWHERE UINT32_MAX

/* A link of a list through an array; a list is a ring through its head. */
struct link {
    uint32_t next;
    uint32_t before;
};

struct list {
    uint32_t first; /* NOWHERE: empty */
    uint32_t last;
};

struct held {
    struct lease lease;
    uint32_t worker;
    struct link of_worker;
    struct link
        of_stage; /* among those of its stage that are offered, or leased: in order of ends_ms */
};

enum presence { ABSENT, PRESENT, LEAVING };

struct worker {
    struct roster_worker shown;
    uint64_t connection;
    enum presence presence;
    enum roster_loss loss; /* LEAVING: how it went */
    int64_t deaf_until_ms; /* deaf: then it is tried with one offer */
    bool trial;            /* deaf, and that time has come */
    bool untold;           /* draining: it does not know yet */
    struct list leases;
    struct link of_heard; /* PRESENT: in order of heard_ms */
};

struct roster {
    struct worker *workers;
    struct held *held;
    struct seqmap *places;
    uint32_t workers_max;
    uint32_t leases_max;
    uint32_t used; /* from here on all places are free */
    uint32_t present;
    uint32_t leaving;
    uint32_t leased;
    uint32_t deaf; /* not on trial */
    uint32_t untold;
    uint32_t
        free_held; /* given back, linked by of_worker.next; those from @fresh_held on were never used */
    uint32_t fresh_held;
    struct list heard;
    struct list offered[STAGES_MAX + 1];
    struct list by_stage[STAGES_MAX + 1]; /* accepted */
    uint32_t turn[STAGES_MAX + 1];
    struct lost lost[ROSTER_LOST_MAX]; /* a ring; seq 0: nothing */
    uint32_t lost_next;
};

enum status roster_new(struct roster **ret, uint32_t workers_max, uint32_t leases_max)
{
    CHECK(workers_max >= 1);
    CHECK(workers_max <= WORKERS_MAX);
    CHECK(leases_max >= 1);

    struct roster *roster = calloc(1, sizeof *roster);
    if (roster == NULL)
        return STATUS_NO_MEMORY;
    roster->workers_max = workers_max;
    roster->workers = calloc(workers_max, sizeof *roster->workers);
    roster->held = calloc(leases_max, sizeof *roster->held);
    if (roster->workers == NULL || roster->held == NULL)
        goto fail;
    if (seqmap_new(&roster->places, leases_max) != STATUS_OK)
        goto fail;
    roster->leases_max = leases_max;
    roster->free_held = NOWHERE;
    roster->heard = (struct list){NOWHERE, NOWHERE};
    for (uint32_t i = 0; i < ARRAY_LEN(roster->by_stage); i++)
        roster->offered[i] = roster->by_stage[i] = (struct list){NOWHERE, NOWHERE};

    *ret = roster;
    return STATUS_OK;

fail:
    roster_free(roster);
    return STATUS_NO_MEMORY;
}

struct roster *roster_free(struct roster *roster)
{
    if (roster != NULL) {
        free(roster->workers);
        free(roster->held);
        seqmap_free(roster->places);
    }
    free(roster);
    return NULL;
}

/* ---- the three lists ---- */

static void heard_remove(struct roster *roster, uint32_t at)
{
    struct link link = roster->workers[at].of_heard;
    *(link.before != NOWHERE ? &roster->workers[link.before].of_heard.next : &roster->heard.first) =
        link.next;
    *(link.next != NOWHERE ? &roster->workers[link.next].of_heard.before : &roster->heard.last) =
        link.before;
}

static void heard_append(struct roster *roster, uint32_t at)
{
    uint32_t last = roster->heard.last;
    roster->workers[at].of_heard = (struct link){NOWHERE, last};
    *(last != NOWHERE ? &roster->workers[last].of_heard.next : &roster->heard.first) = at;
    roster->heard.last = at;
}

/** Where @held stands by its time. */
static struct list *list_of(struct roster *roster, const struct held *held)
{
    return held->lease.accepted ? &roster->by_stage[held->lease.stage]
                                : &roster->offered[held->lease.stage];
}

static void stage_append(struct roster *roster, uint32_t at)
{
    struct held *held = &roster->held[at];
    struct list *stage = list_of(roster, held);
    CHECK(stage->last == NOWHERE || roster->held[stage->last].lease.ends_ms <= held->lease.ends_ms);

    held->of_stage = (struct link){NOWHERE, stage->last};
    *(stage->last != NOWHERE ? &roster->held[stage->last].of_stage.next : &stage->first) = at;
    stage->last = at;
}

static void stage_remove(struct roster *roster, uint32_t at)
{
    struct held *held = &roster->held[at];
    struct list *stage = list_of(roster, held);
    struct link s = held->of_stage;

    *(s.before != NOWHERE ? &roster->held[s.before].of_stage.next : &stage->first) = s.next;
    *(s.next != NOWHERE ? &roster->held[s.next].of_stage.before : &stage->last) = s.before;
}

static void lease_append(struct roster *roster, uint32_t at)
{
    struct held *held = &roster->held[at];
    struct list *own = &roster->workers[held->worker].leases;

    held->of_worker = (struct link){NOWHERE, own->last};
    *(own->last != NOWHERE ? &roster->held[own->last].of_worker.next : &own->first) = at;
    own->last = at;
    stage_append(roster, at);
}

static void lease_remove(struct roster *roster, uint32_t at)
{
    struct held *held = &roster->held[at];
    struct list *own = &roster->workers[held->worker].leases;
    struct link w = held->of_worker;

    *(w.before != NOWHERE ? &roster->held[w.before].of_worker.next : &own->first) = w.next;
    *(w.next != NOWHERE ? &roster->held[w.next].of_worker.before : &own->last) = w.before;
    stage_remove(roster, at);
}

/* ---- workers ---- */

/** The worker present on @connection, or NOWHERE. */
static uint32_t find_worker(const struct roster *roster, uint64_t connection)
{
    for (uint32_t i = 0; i < roster->used; i++) {
        if (roster->workers[i].presence == PRESENT && roster->workers[i].connection == connection)
            return i;
    }
    return NOWHERE;
}

static uint32_t find_place(const struct roster *roster)
{
    for (uint32_t i = 0; i < roster->workers_max; i++) {
        if (roster->workers[i].presence == ABSENT)
            return i;
    }
    return NOWHERE;
}

/** The place is free. */
static void vacate(struct roster *roster, uint32_t at)
{
    roster->workers[at].presence = ABSENT;
    while (roster->used > 0 && roster->workers[roster->used - 1].presence == ABSENT)
        roster->used--;
}

static void end_deafness(struct roster *roster, struct worker *worker)
{
    roster->deaf -= worker->shown.deaf && !worker->trial;
    worker->shown.deaf = false;
    worker->trial = false;
}

/** Gets nothing any more; its place is free once its leases have been taken back. */
static void dismiss(struct roster *roster, uint32_t at, enum roster_loss loss)
{
    struct worker *worker = &roster->workers[at];
    CHECK(worker->presence == PRESENT);

    heard_remove(roster, at);
    roster->present--;
    end_deafness(roster, worker);
    roster->untold -= worker->untold;
    worker->untold = false;
    if (worker->leases.first == NOWHERE) {
        vacate(roster, at);
        return;
    }
    worker->presence = LEAVING;
    worker->loss = loss;
    roster->leaving++;
}

bool roster_join(struct roster *roster, uint64_t connection, const struct hello *hello,
                 struct ods organisation, int64_t now_ms)
{
    (void)roster_leave(roster, connection, LOSS_LEFT);
    uint32_t at = find_place(roster);
    if (at == NOWHERE)
        return false;

    struct worker *worker = &roster->workers[at];
    *worker = (struct worker){.connection = connection, .presence = PRESENT};
    worker->leases = (struct list){NOWHERE, NOWHERE};
    memcpy(worker->shown.name, hello->name, sizeof worker->shown.name);
    worker->shown.organisation = organisation;
    worker->shown.capacity =
        hello->capacity < WORKER_CAPACITY_MAX ? hello->capacity : WORKER_CAPACITY_MAX;
    worker->shown.joined_ms = now_ms;
    worker->shown.heard_ms = now_ms;
    for (uint32_t i = 0; i < hello->stages_count; i++)
        worker->shown.stages |= 1u << hello->stages[i];
    heard_append(roster, at);
    roster->present++;
    roster->used = at + 1 > roster->used ? at + 1 : roster->used;
    return true;
}

static void hear(struct roster *roster, uint32_t at, int64_t now_ms)
{
    heard_remove(roster, at);
    roster->workers[at].shown.heard_ms = now_ms;
    heard_append(roster, at);
}

bool roster_beat(struct roster *roster, uint64_t connection, int64_t now_ms)
{
    uint32_t at = find_worker(roster, connection);
    if (at == NOWHERE)
        return false;
    hear(roster, at, now_ms);
    return true;
}

bool roster_heard(struct roster *roster, uint64_t connection, int64_t now_ms)
{
    uint32_t at = find_worker(roster, connection);
    if (at == NOWHERE)
        return false;
    hear(roster, at, now_ms);
    end_deafness(roster, &roster->workers[at]);
    return true;
}

bool roster_leave(struct roster *roster, uint64_t connection, enum roster_loss loss)
{
    uint32_t at = find_worker(roster, connection);
    if (at == NOWHERE)
        return false;
    dismiss(roster, at, loss);
    return true;
}

uint32_t roster_drain(struct roster *roster, const char *name)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < roster->used; i++) {
        struct worker *worker = &roster->workers[i];
        if (worker->presence != PRESENT || strcmp(worker->shown.name, name) != 0)
            continue;
        count++;
        roster->untold += !worker->untold;
        worker->untold = true;
        worker->shown.draining = true;
    }
    return count;
}

bool roster_next_untold(struct roster *roster, uint64_t *ret_connection)
{
    for (uint32_t i = 0; roster->untold > 0 && i < roster->used; i++) {
        struct worker *worker = &roster->workers[i];
        if (!worker->untold)
            continue;
        worker->untold = false;
        roster->untold--;
        *ret_connection = worker->connection;
        return true;
    }
    return false;
}

/* ---- leases ---- */

static bool has_credit(const struct worker *worker, enum stage stage)
{
    return worker->presence == PRESENT && (worker->shown.stages & (1u << stage)) != 0 &&
           worker->shown.leased < worker->shown.capacity && !worker->shown.draining &&
           (!worker->shown.deaf || (worker->trial && worker->shown.offered == 0));
}

bool roster_pick(struct roster *roster, enum stage stage, uint32_t *ret_worker)
{
    CHECK(stage >= STAGE_NEEDS_ASSESSED);
    CHECK(stage <= STAGE_REVIEW);

    for (uint32_t i = 0; i < roster->used; i++) {
        uint32_t at = (roster->turn[stage] + i) % roster->used;
        if (!has_credit(&roster->workers[at], stage))
            continue;
        roster->turn[stage] = at + 1;
        *ret_worker = at;
        return true;
    }
    return false;
}

uint64_t roster_lease(struct roster *roster, uint32_t worker, const struct lease *lease)
{
    CHECK(worker < roster->workers_max);
    CHECK(has_credit(&roster->workers[worker], lease->stage));
    uint32_t at = roster->free_held;

    if (at != NOWHERE)
        roster->free_held = roster->held[at].of_worker.next;
    else
        at = roster->fresh_held++;
    CHECK(at < roster->leases_max);
    roster->held[at] = (struct held){.lease = *lease, .worker = worker};
    roster->held[at].lease.accepted = false;
    lease_append(roster, at);
    seqmap_put(roster->places, lease->seq, at);
    roster->workers[worker].shown.leased++;
    roster->workers[worker].shown.offered++;
    roster->leased++;
    return roster->workers[worker].connection;
}

static void end_lease(struct roster *roster, uint32_t at)
{
    struct worker *worker = &roster->workers[roster->held[at].worker];

    lease_remove(roster, at);
    seqmap_remove(roster->places, roster->held[at].lease.seq);
    roster->held[at].of_worker.next = roster->free_held;
    roster->free_held = at;
    CHECK(worker->shown.leased > 0);
    worker->shown.leased--;
    worker->shown.offered -= !roster->held[at].lease.accepted;
    roster->leased--;
    if (worker->presence == LEAVING && worker->leases.first == NOWHERE) {
        vacate(roster, roster->held[at].worker);
        roster->leaving--;
    }
}

/** What the worker on @connection has of @seq under the token of @counter, or NOWHERE. */
static uint32_t find_held(const struct roster *roster, uint64_t connection, uint64_t seq,
                          uint64_t counter)
{
    uint32_t at;
    if (!seqmap_find(roster->places, seq, &at))
        return NOWHERE;
    const struct held *held = &roster->held[at];
    const struct worker *worker = &roster->workers[held->worker];
    bool is_its = held->lease.counter == counter && worker->presence == PRESENT &&
                  worker->connection == connection;
    return is_its ? at : NOWHERE;
}

/** From now on the lease counts. */
static void begin_lease(struct roster *roster, uint32_t at, int64_t now_ms)
{
    struct held *held = &roster->held[at];

    stage_remove(roster, at);
    roster->workers[held->worker].shown.offered -= !held->lease.accepted;
    held->lease.accepted = true;
    held->lease.ends_ms = now_ms + held->lease.lease_ms;
    stage_append(roster, at);
}

bool roster_accept(struct roster *roster, uint64_t connection, uint64_t seq, uint64_t counter,
                   int64_t now_ms)
{
    uint32_t at = find_held(roster, connection, seq, counter);
    if (at == NOWHERE)
        return false;
    if (!roster->held[at].lease.accepted)
        begin_lease(roster, at, now_ms);
    return true;
}

bool roster_progress(struct roster *roster, uint64_t connection, uint64_t seq, uint64_t counter,
                     int64_t now_ms)
{
    uint32_t at = find_held(roster, connection, seq, counter);
    if (at == NOWHERE)
        return false;
    begin_lease(roster, at, now_ms);
    return true;
}

bool roster_done(struct roster *roster, uint64_t connection, uint64_t seq, uint64_t counter,
                 struct lease *ret)
{
    uint32_t at = find_held(roster, connection, seq, counter);
    if (at == NOWHERE)
        return false;

    *ret = roster->held[at].lease;
    roster->workers[roster->held[at].worker].shown.findings++;
    end_lease(roster, at);
    return true;
}

static void take_lost(struct roster *roster, uint32_t at, struct lease *ret,
                      char ret_name[WORKER_NAME_SIZE])
{
    struct lost *lost = &roster->lost[roster->lost_next];

    *ret = roster->held[at].lease;
    memcpy(ret_name, roster->workers[roster->held[at].worker].shown.name, WORKER_NAME_SIZE);
    roster->lost_next = (roster->lost_next + 1) % ROSTER_LOST_MAX;
    *lost = (struct lost){ret->seq, ret->number, ret->counter, ret->attempt, {0}};
    memcpy(lost->worker, ret_name, WORKER_NAME_SIZE);
    end_lease(roster, at);
}

static bool next_of_leaving(struct roster *roster, struct lease *ret, enum roster_loss *ret_loss,
                            char ret_name[WORKER_NAME_SIZE])
{
    for (uint32_t i = 0; roster->leaving > 0 && i < roster->used; i++) {
        struct worker *worker = &roster->workers[i];
        if (worker->presence != LEAVING)
            continue;
        *ret_loss = worker->loss;
        take_lost(roster, worker->leases.first, ret, ret_name);
        return true;
    }
    return false;
}

/** Its offer lapsed: it gets nothing until it is heard of, or a while has passed. */
static void grow_deaf(struct roster *roster, uint32_t at, int64_t now_ms)
{
    struct worker *worker = &roster->workers[at];

    worker->shown.lapsed++;
    if (worker->presence != PRESENT)
        return;
    roster->deaf += !worker->shown.deaf || worker->trial;
    worker->shown.deaf = true;
    worker->trial = false;
    worker->deaf_until_ms = now_ms + ROSTER_DEAF_MS;
}

/** Those that were deaf for long are tried with one offer. */
static void try_deaf(struct roster *roster, int64_t now_ms)
{
    for (uint32_t i = 0; roster->deaf > 0 && i < roster->used; i++) {
        struct worker *worker = &roster->workers[i];
        if (!worker->shown.deaf || worker->trial || worker->deaf_until_ms > now_ms)
            continue;
        worker->trial = true;
        roster->deaf--;
    }
}

/** What was due first in @list is lost by @now_ms? */
static bool is_over(const struct roster *roster, const struct list *list, int64_t now_ms)
{
    return list->first != NOWHERE && roster->held[list->first].lease.ends_ms <= now_ms;
}

static bool next_overdue(struct roster *roster, int64_t now_ms, struct lease *ret,
                         enum roster_loss *ret_loss, char ret_name[WORKER_NAME_SIZE])
{
    for (uint32_t stage = 1; stage <= STAGES_MAX; stage++) {
        if (is_over(roster, &roster->offered[stage], now_ms)) {
            uint32_t first = roster->offered[stage].first;
            *ret_loss = LOSS_OFFER;
            grow_deaf(roster, roster->held[first].worker, now_ms);
            take_lost(roster, first, ret, ret_name);
            return true;
        }
        if (is_over(roster, &roster->by_stage[stage], now_ms)) {
            *ret_loss = LOSS_LEASE;
            take_lost(roster, roster->by_stage[stage].first, ret, ret_name);
            return true;
        }
    }
    return false;
}

bool roster_next_lost(struct roster *roster, int64_t now_ms, struct lease *ret,
                      enum roster_loss *ret_loss, char ret_name[WORKER_NAME_SIZE])
{
    while (roster->heard.first != NOWHERE &&
           roster->workers[roster->heard.first].shown.heard_ms + BEATS_MISSED_MS <= now_ms)
        dismiss(roster, roster->heard.first, LOSS_GONE);
    try_deaf(roster, now_ms);

    return next_of_leaving(roster, ret, ret_loss, ret_name) ||
           next_overdue(roster, now_ms, ret, ret_loss, ret_name);
}

bool roster_late(struct roster *roster, uint64_t seq, uint64_t counter, struct lost *ret)
{
    CHECK(seq != 0);

    for (uint32_t i = 0; i < ROSTER_LOST_MAX; i++) {
        if (roster->lost[i].seq != seq || roster->lost[i].counter != counter)
            continue;
        *ret = roster->lost[i];
        roster->lost[i].seq = 0;
        return true;
    }
    return false;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t ends_ms(const struct roster *roster, const struct list *list)
{
    return list->first != NOWHERE ? roster->held[list->first].lease.ends_ms : ROSTER_NEVER;
}

int64_t roster_due_ms(const struct roster *roster)
{
    int64_t due = ROSTER_NEVER;

    if (roster->leaving > 0 || roster->untold > 0)
        return 0;
    if (roster->heard.first != NOWHERE)
        due = roster->workers[roster->heard.first].shown.heard_ms + BEATS_MISSED_MS;
    for (uint32_t stage = 1; stage <= STAGES_MAX; stage++) {
        due = sooner(due, ends_ms(roster, &roster->offered[stage]));
        due = sooner(due, ends_ms(roster, &roster->by_stage[stage]));
    }
    for (uint32_t i = 0; roster->deaf > 0 && i < roster->used; i++) {
        if (roster->workers[i].shown.deaf && !roster->workers[i].trial)
            due = sooner(due, roster->workers[i].deaf_until_ms);
    }
    return due;
}

/* ---- looking on ---- */

bool roster_find(const struct roster *roster, uint64_t connection, struct roster_worker *ret)
{
    uint32_t at = find_worker(roster, connection);
    if (at == NOWHERE)
        return false;
    *ret = roster->workers[at].shown;
    return true;
}

const char *roster_name(const struct roster *roster, uint64_t connection)
{
    uint32_t at = find_worker(roster, connection);
    return at != NOWHERE ? roster->workers[at].shown.name : "";
}

uint32_t roster_workers(const struct roster *roster)
{
    return roster->present;
}

uint32_t roster_workers_of(const struct roster *roster, enum stage stage)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < roster->used; i++) {
        const struct worker *worker = &roster->workers[i];
        if (worker->presence == PRESENT && (worker->shown.stages & (1u << stage)) != 0)
            count++;
    }
    return count;
}

uint32_t roster_leased(const struct roster *roster)
{
    return roster->leased;
}

bool roster_next_worker(const struct roster *roster, uint32_t *at, struct roster_worker *ret)
{
    while (*at < roster->used) {
        const struct worker *worker = &roster->workers[(*at)++];
        if (worker->presence == PRESENT) {
            *ret = worker->shown;
            return true;
        }
    }
    return false;
}
