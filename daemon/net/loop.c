/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/net/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "daemon/net/accept.h"
#include "daemon/net/intake.h"
#include "daemon/net/mail.h"
#include "daemon/net/notify.h"
#include "daemon/net/signing.h"

#define ZAP_TURN_MAX 64
#define LOST_TURN_MAX 64
#define REVOKED_MAX BATCH_ENTRIES_MAX /* as many as a turn can bring */
#define REPORT_MS 1000
#define ROOM_NOTE_PERCENT 70  /* of the state's map */
#define ROOM_ALARM_PERCENT 85 /* at 90 new events are refused */
#define WAIT_MS_MAX 10000
#define MS_PER_S 1000
#define NS_PER_MS 1000000
#define NS_PER_US 1000
#define US_PER_S 1000000
#define US_PER_MS 1000

enum item { ITEM_SIGNALS, ITEM_ZAP, ITEM_WORKERS, ITEM_CLIENTS, ITEMS_COUNT };

/* What a line of counts is made of: the difference to the line before. */
struct figures {
    struct broker_counts broker;
    struct intake_counts intake;
    struct mail_counts mail;
    uint64_t denied;
    uint64_t turns;
};

struct loop {
    struct loop_parts parts;
    struct intake *intake;
    struct mail *mail;
    uint32_t drain_ms;

    struct instant now;
    bool more; /* the last turn left something undone */
    bool draining;
    bool reload_wished;
    int64_t drain_until_ms;
    int64_t alive_every_ms;
    int64_t alive_next_ms;
    int64_t report_next_ms;
    int64_t stain_next_ms;
    uint64_t stains_said; /* malformed frames that a line has counted */
    int64_t watch_next_ms;
    bool descriptors_low;
    uint64_t accept_refused; /* as said */
    int64_t room_next_ms;
    uint32_t room_alarm; /* as it was said last */
    int64_t ended_us;    /* the last turn, monotonic */
    int64_t longest_turn_us;
    bool unreported; /* something has happened since the last line of counts */
    uint64_t turns;
    struct key revoked[REVOKED_MAX];
    uint32_t revoked_count;
    struct figures reported;
};

/* ---- clocks and signals ---- */

struct instant loop_now(void)
{
    struct timespec wall;
    struct timespec mono;
    CHECK(clock_gettime(CLOCK_REALTIME, &wall) == 0);
    CHECK(clock_gettime(CLOCK_MONOTONIC, &mono) == 0);
    return (struct instant){
        .wall_ms = (int64_t)wall.tv_sec * MS_PER_S + wall.tv_nsec / NS_PER_MS,
        .mono_ms = (int64_t)mono.tv_sec * MS_PER_S + mono.tv_nsec / NS_PER_MS,
    };
}

/** For measuring turns only. */
static int64_t stopwatch_us(void)
{
    struct timespec mono;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &mono) == 0);
    return (int64_t)mono.tv_sec * US_PER_S + mono.tv_nsec / NS_PER_US;
}

int loop_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    /* A write beyond a limit on file sizes is to fail like any other, not to be the end. */
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || signal(SIGXFSZ, SIG_IGN) == SIG_ERR ||
        sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void drain_begin(struct loop *loop, const char *why)
{
    if (loop->draining) {
        loop->drain_until_ms = loop->now.mono_ms;
        return;
    }
    struct broker_counts counts;
    broker_count(loop->parts.broker, &counts);
    log_line(loop->parts.log, LOG_LEVEL_NOTICE, "draining by=%s leased=%u wait_ms=%u", why,
             counts.leased, loop->drain_ms);
    notify_stopping("draining", loop->drain_ms + REPORT_MS);
    broker_drain(loop->parts.broker);
    loop->draining = true;
    loop->drain_until_ms = loop->now.mono_ms + loop->drain_ms;
}

static void take_signals(struct loop *loop)
{
    struct signalfd_siginfo info;
    while (read(loop->parts.signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP)
            loop->reload_wished = true;
        else
            drain_begin(loop, info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT");
    }
}

static void take_wishes(struct loop *loop)
{
    for (enum broker_wish wish = broker_next_wish(loop->parts.broker); wish != WISH_NONE;
         wish = broker_next_wish(loop->parts.broker)) {
        if (wish == WISH_STOP)
            drain_begin(loop, "operator");
        if (wish == WISH_RELOAD)
            loop->reload_wished = true;
    }
}

/* ---- keys that changed ---- */

/**
 * Before any answer leaves: who is told that his key was added may use it. A revoked key's messages are refused from now on;
 * its feeds and assignments end with the next turn, which follows at once, since that makes entries.
 */
static void take_key_changes(struct loop *loop)
{
    struct key_change change;
    while (loop->revoked_count < REVOKED_MAX &&
           broker_next_key_change(loop->parts.broker, &change)) {
        if (change.revoked) {
            keyring_revoke(loop->parts.keyring, change.principal.public_key);
            loop->revoked[loop->revoked_count++] = change.principal.public_key;
            log_line(loop->parts.log, LOG_LEVEL_NOTICE, "key revoked organisation=%s",
                     change.principal.organisation.text);
        } else if (keyring_add(loop->parts.keyring, &change.principal) != STATUS_OK) {
            log_line(loop->parts.log, LOG_LEVEL_ERR, "no room for a key organisation=%s keys=%u",
                     change.principal.organisation.text, keyring_count(loop->parts.keyring));
        } else {
            log_line(loop->parts.log, LOG_LEVEL_NOTICE, "key added organisation=%s",
                     change.principal.organisation.text);
        }
    }
}

/** The newest checkpoint is kept for those who check the journal with the daemon down. Without the file nothing is lost. */
static void keep_checkpoint(struct loop *loop)
{
    const char *text = broker_next_checkpoint(loop->parts.broker);
    if (text == NULL || loop->parts.checkpoint_file == NULL)
        return;
    enum status status = signing_keep(loop->parts.checkpoint_file, text);
    if (status != STATUS_OK)
        log_line(loop->parts.log, LOG_LEVEL_ERR, "checkpoint not kept file=%s reason=\"%s\"",
                 loop->parts.checkpoint_file, strerror(errno));
}

static void end_revoked(struct loop *loop)
{
    struct endpoint *sides[] = {loop->parts.clients, loop->parts.workers};
    for (uint32_t i = 0; i < loop->revoked_count; i++) {
        for (size_t j = 0; j < ARRAY_LEN(sides); j++) {
            connection_t at = endpoint_connection_of(sides[j], loop->revoked[i], 0);
            for (; at != 0; at = endpoint_connection_of(sides[j], loop->revoked[i], at))
                broker_revoked(loop->parts.broker, at);
        }
    }
    loop->revoked_count = 0;
}

/* ---- what is said ---- */

static void figures_take(const struct loop *loop, struct figures *ret)
{
    broker_count(loop->parts.broker, &ret->broker);
    intake_count(loop->intake, &ret->intake);
    mail_count(loop->mail, &ret->mail);
    ret->denied = zap_denied(loop->parts.zap);
    ret->turns = loop->turns;
}

/** Beats and questions alone are no news. */
static bool quiet(const struct figures *old, const struct figures *new)
{
    return old->broker.events == new->broker.events &&
           old->broker.verdicts == new->broker.verdicts &&
           old->broker.refusals == new->broker.refusals &&
           old->broker.late_findings == new->broker.late_findings &&
           old->broker.attempts_failed == new->broker.attempts_failed &&
           old->broker.offers_lapsed == new->broker.offers_lapsed &&
           old->broker.workers == new->broker.workers && old->broker.feeds == new->broker.feeds &&
           old->intake.malformed == new->intake.malformed &&
           old->intake.unproven == new->intake.unproven &&
           old->intake.revoked == new->intake.revoked &&
           old->intake.turned_away == new->intake.turned_away &&
           old->mail.dropped == new->mail.dropped && old->denied == new->denied;
}

/** Someone must act: these are not tried again by themselves. */
static void report_parked(struct loop *loop, const struct figures *new)
{
    if (new->broker.parkings == loop->reported.broker.parkings)
        return;
    log_line(loop->parts.log, LOG_LEVEL_ERR,
             "events parked count=%" PRIu64 " newest=%" PRIu64 " parked=%u",
             new->broker.parkings - loop->reported.broker.parkings, new->broker.parked_last_seq,
             new->broker.parked);
}

/** Once a second, when anything has happened. */
static void report(struct loop *loop)
{
    if (!loop->unreported || loop->now.mono_ms < loop->report_next_ms)
        return;
    loop->report_next_ms = loop->now.mono_ms + REPORT_MS;
    loop->unreported = false;
    struct figures new;
    figures_take(loop, &new);
    broker_tell(loop->parts.broker, new.denied + new.intake.unproven + new.intake.turned_away,
                loop->longest_turn_us);
    const struct figures *old = &loop->reported;
    if (quiet(old, &new))
        return;
    report_parked(loop, &new);
    log_line(
        loop->parts.log, LOG_LEVEL_INFO,
        "counts events=%" PRIu64 " verdicts=%" PRIu64 " refusals=%" PRIu64 " malformed=%" PRIu64
        " denied=%" PRIu64 " late=%" PRIu64 " failed=%" PRIu64 " lapsed=%" PRIu64
        " dropped=%" PRIu64 " frames_in=%" PRIu64 " frames_out=%" PRIu64 " turns=%" PRIu64
        " workers=%u leased=%u parked=%u feeds=%u clients=%u",
        new.broker.events - old->broker.events, new.broker.verdicts - old->broker.verdicts,
        new.broker.refusals - old->broker.refusals, new.intake.malformed - old->intake.malformed,
        new.denied - old->denied, new.broker.late_findings - old->broker.late_findings,
        new.broker.attempts_failed - old->broker.attempts_failed,
        new.broker.offers_lapsed - old->broker.offers_lapsed, new.mail.dropped - old->mail.dropped,
        new.intake.frames - old->intake.frames, new.mail.frames - old->mail.frames,
        new.turns - old->turns, new.broker.workers, new.broker.leased, new.broker.parked,
        new.broker.feeds, endpoint_connections(loop->parts.clients));
    loop->reported = new;
}

/** A frame that could not be read leaves one line, those of the next second another one together. */
static void report_stains(struct loop *loop)
{
    struct intake_stain stain;
    if (loop->now.mono_ms < loop->stain_next_ms || !intake_next_stain(loop->intake, &stain))
        return;
    struct intake_counts counts;
    intake_count(loop->intake, &counts);
    log_line(loop->parts.log, LOG_LEVEL_WARNING, "malformed frames side=%s from=%s count=%" PRIu64,
             stain.side == OWED_WORKER ? "workers" : "clients", stain.from,
             counts.malformed - loop->stains_said);
    loop->stains_said = counts.malformed;
    loop->stain_next_ms = loop->now.mono_ms + REPORT_MS;
}

/**
 * Who comes when too few descriptors are left is turned away (accept.c): say so, and long before. The lowest free descriptor is about
 * as many as are open.
 */
static void watch_descriptors(struct loop *loop)
{
    if (loop->now.mono_ms < loop->watch_next_ms)
        return;
    loop->watch_next_ms = loop->now.mono_ms + REPORT_MS;
    struct rlimit limit;
    int lowest = fcntl(loop->parts.signal_fd, F_DUPFD_CLOEXEC, 0);
    if (lowest >= 0)
        close(lowest);
    if (lowest < 0 || getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    uint64_t refused = accept_refused();
    if (refused > loop->accept_refused)
        log_line(loop->parts.log, LOG_LEVEL_ERR,
                 "no descriptors left, connections turned away count=%" PRIu64 " limit=%ju",
                 refused - loop->accept_refused, (uintmax_t)limit.rlim_cur);
    loop->accept_refused = refused;
    bool many = (rlim_t)lowest * 10 >= limit.rlim_cur * 7;
    bool few = (rlim_t)lowest * 10 < limit.rlim_cur * 5;
    if (many && !loop->descriptors_low)
        log_line(loop->parts.log, LOG_LEVEL_ERR,
                 "descriptors run out, connections must end or the limit be raised open=%d "
                 "limit=%ju",
                 lowest, (uintmax_t)limit.rlim_cur);
    if (many || few)
        loop->descriptors_low = many;
}

/** How near the store is to its limits: 0 far, 1 near, 2 nearly there, 3 no new events are taken. */
static uint32_t room_alarm(const struct store_room *room)
{
    uint64_t percent = room->map_bytes > 0 ? room->used_bytes * 100 / room->map_bytes : 0;
    if (room->full)
        return 3;
    if (percent >= ROOM_ALARM_PERCENT || room->disk_bytes < room->wanted_bytes * 3 / 2)
        return 2;
    return percent >= ROOM_NOTE_PERCENT || room->disk_bytes < room->wanted_bytes * 3 ? 1 : 0;
}

/** Once as it grows worse, and once when it is over. */
static void watch_room(struct loop *loop)
{
    static const char *const texts[] = {
        "there is room again",
        "the store fills: plan for a larger map_bytes, or more disk",
        "the store is nearly full: raise map_bytes, or make room on the disk",
        "the store is full: no new events are taken, what is under way is finished; raise "
        "map_bytes "
        "or make room on the disk",
    };
    static const enum log_level levels[] = {LOG_LEVEL_NOTICE, LOG_LEVEL_WARNING, LOG_LEVEL_ERR,
                                            LOG_LEVEL_ERR};
    if (loop->now.mono_ms < loop->room_next_ms)
        return;
    loop->room_next_ms = loop->now.mono_ms + REPORT_MS;
    struct store_room room;
    broker_room(loop->parts.broker, &room);
    uint32_t alarm = room_alarm(&room);
    if (alarm <= loop->room_alarm && (alarm > 0 || loop->room_alarm == 0) &&
        !(alarm < 3 && loop->room_alarm == 3))
        return;
    const char *text = loop->room_alarm == 3 && alarm < 3
                           ? "there is room again, new events are taken"
                           : texts[alarm];
    loop->room_alarm = alarm;
    log_line(loop->parts.log, levels[alarm],
             "%s map_used=%" PRIu64 " map_bytes=%" PRIu64 " disk_bytes=%" PRIu64
             " disk_wanted=%" PRIu64,
             text, room.used_bytes, room.map_bytes, room.disk_bytes, room.wanted_bytes);
}

static void say_alive(struct loop *loop)
{
    if (loop->alive_every_ms == 0 || loop->now.mono_ms < loop->alive_next_ms)
        return;
    notify_alive();
    loop->alive_next_ms = loop->now.mono_ms + loop->alive_every_ms;
}

/* ---- a turn ---- */

static enum status failed(struct loop *loop, enum status status, const char *what)
{
    log_line(loop->parts.log, LOG_LEVEL_ERR, "%s failed reason=\"%s\": stopping", what,
             status_text(status));
    return status;
}

static enum status turn(struct loop *loop)
{
    struct broker *broker = loop->parts.broker;
    int64_t now_ms = loop->now.mono_ms;

    broker_begin(broker, loop->now);
    end_revoked(loop);
    connection_t lost = 0;
    for (uint32_t i = 0; i < LOST_TURN_MAX && mail_next_lost(loop->mail, &lost); i++)
        broker_gone(broker, lost);
    struct intake_result workers = intake_workers(loop->intake, now_ms);
    broker_tick(broker);
    struct intake_result clients = intake_clients(
        loop->intake, now_ms, broker_behind(broker) ? INTAKE_TRICKLE : INTAKE_CLIENTS_MAX);
    if (workers.broken || clients.broken)
        return failed(loop, STATUS_IO_FAILED, "socket");
    report_stains(loop);
    broker_tick(broker);

    enum status status = broker_flush(broker);
    if (status != STATUS_OK)
        return failed(loop, status, "store");
    broker_conclude(broker);
    take_key_changes(loop);
    uint32_t owed_count = 0;
    for (const struct owed *owed = broker_next_owed(broker); owed != NULL;
         owed = broker_next_owed(broker)) {
        mail_put(loop->mail, owed, now_ms);
        owed_count++;
    }
    mail_send(loop->mail, now_ms);
    struct unsent unsent;
    while (mail_next_unsent(loop->mail, &unsent))
        broker_unsent(broker, &unsent);
    take_wishes(loop);
    keep_checkpoint(loop);

    bool idle = !workers.any && !clients.any && owed_count == 0;
    status = broker_end(broker);
    intake_end(loop->intake);
    if (status == STATUS_OK && idle)
        status = broker_idle(broker);
    if (status != STATUS_OK)
        return failed(loop, status, "state");
    loop->more = workers.more || clients.more || loop->revoked_count > 0;
    loop->unreported |= !idle;
    loop->turns++;
    return STATUS_OK;
}

/* ---- waiting ---- */

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/** How long to wait, in milliseconds. */
static long wait_ms(const struct loop *loop)
{
    if (loop->more)
        return 0;
    int64_t now_ms = loop->ended_us / US_PER_MS;
    int64_t until_ms = sooner(broker_due_ms(loop->parts.broker), now_ms + WAIT_MS_MAX);
    if (loop->alive_every_ms != 0)
        until_ms = sooner(until_ms, loop->alive_next_ms);
    if (loop->draining)
        until_ms = sooner(until_ms, loop->drain_until_ms);
    if (loop->unreported)
        until_ms = sooner(until_ms, loop->report_next_ms);
    return until_ms > now_ms ? (long)(until_ms - now_ms) : 0;
}

/** False: polling itself fails. */
static bool wait_for(struct loop *loop)
{
    zmq_pollitem_t items[ITEMS_COUNT] = {
        [ITEM_SIGNALS] = {.fd = loop->parts.signal_fd, .events = ZMQ_POLLIN},
        [ITEM_ZAP] = {.socket = zap_socket(loop->parts.zap), .events = ZMQ_POLLIN},
        [ITEM_WORKERS] = {.socket = endpoint_socket(loop->parts.workers), .events = ZMQ_POLLIN},
        [ITEM_CLIENTS] = {.socket = endpoint_socket(loop->parts.clients), .events = ZMQ_POLLIN},
    };
    if (zmq_poll(items, ITEMS_COUNT, wait_ms(loop)) < 0 && errno != EINTR) {
        log_line(loop->parts.log, LOG_LEVEL_ERR, "poll failed reason=\"%s\"", strerror(errno));
        return false;
    }
    loop->now = loop_now();
    if ((items[ITEM_SIGNALS].revents & ZMQ_POLLIN) != 0)
        take_signals(loop);
    if ((items[ITEM_ZAP].revents & ZMQ_POLLIN) != 0)
        loop->unreported |= zap_serve(loop->parts.zap, ZAP_TURN_MAX) > 0;
    return true;
}

/* ---- the loop ---- */

enum status loop_new(struct loop **ret, const struct loop_parts *parts)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        return STATUS_NO_MEMORY;
    loop->parts = *parts;
    enum status status = intake_new(&loop->intake, parts->broker, parts->clients, parts->workers);
    if (status != STATUS_OK)
        goto fail;
    status = mail_new(&loop->mail, parts->clients, parts->workers);
    if (status != STATUS_OK)
        goto fail;
    loop->now = loop_now();
    loop->alive_every_ms = notify_alive_ms();
    *ret = loop;
    return STATUS_OK;

fail:
    loop_free(loop);
    return status;
}

struct loop *loop_free(struct loop *loop)
{
    if (loop != NULL) {
        intake_free(loop->intake);
        mail_free(loop->mail);
        free(loop);
    }
    return NULL;
}

void loop_set_drain(struct loop *loop, uint32_t drain_ms)
{
    loop->drain_ms = drain_ms;
}

/** What was proposed last becomes durable. */
static enum loop_end stop(struct loop *loop)
{
    struct broker_counts counts;
    broker_count(loop->parts.broker, &counts);
    if (counts.leased > 0)
        log_line(loop->parts.log, LOG_LEVEL_WARNING, "stopping with work leased leased=%u",
                 counts.leased);
    broker_begin(loop->parts.broker, loop->now);
    enum status status = broker_flush(loop->parts.broker);
    if (status == STATUS_OK)
        status = broker_end(loop->parts.broker);
    if (status != STATUS_OK) {
        failed(loop, status, "state");
        return LOOP_FAILED;
    }
    return LOOP_STOPPED;
}

enum loop_end loop_run(struct loop *loop)
{
    loop->more = true;
    for (;;) {
        if (!wait_for(loop))
            return LOOP_FAILED;
        int64_t began_us = stopwatch_us();
        if (turn(loop) != STATUS_OK) {
            notify_stopping("failed", REPORT_MS);
            return LOOP_FAILED;
        }
        loop->ended_us = stopwatch_us();
        if (loop->ended_us - began_us > loop->longest_turn_us)
            loop->longest_turn_us = loop->ended_us - began_us;
        report(loop);
        watch_descriptors(loop);
        watch_room(loop);
        say_alive(loop);

        if (loop->draining && (loop->now.mono_ms >= loop->drain_until_ms ||
                               (!loop->more && broker_drained(loop->parts.broker))))
            return stop(loop);
        if (loop->reload_wished && loop->draining) {
            /* It would say READY=1 to systemd, which waits for the end. */
            loop->reload_wished = false;
            log_line(loop->parts.log, LOG_LEVEL_NOTICE, "not reloaded, as it is stopping");
        }
        if (loop->reload_wished) {
            loop->reload_wished = false;
            notify_reloading(loop->now.mono_ms);
            return LOOP_RELOAD;
        }
    }
}
