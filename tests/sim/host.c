/* SPDX-License-Identifier: Apache-2.0 */
/* host.c - the daemon: turns as net/loop.c makes them, and its death between any two effects. */
#include "tests/sim/sim.h"

#include <string.h>

#include "proto/codec.h"

#define OWED_MAX 8192
#define TOKEN_TEXT_SIZE 48
#define YOUNG_TURNS 4

/** Where the daemon is killed within a turn. */
enum death {
    DEATH_NONE,
    DEATH_WHILE_TAKING, /* some of what came was proposed */
    DEATH_BEFORE_FLUSH,
    DEATH_AFTER_FLUSH, /* durable, and nobody was told */
    DEATH_WHILE_TELLING,
    DEATH_BEFORE_COMMIT,
    DEATH_AFTER_END,
    DEATHS,
};
static const char *const death_names[DEATHS] = {
    "",
    "killed while it takes what has come",
    "killed before the flush",
    "killed after the flush, before anyone was told",
    "killed while it tells",
    "killed before the commit",
    "killed after the turn",
};

connection_t host_connection(const struct sim *sim, uint32_t peer, uint32_t session)
{
    CHECK(session < 65536);
    return sim->host.incarnation << 24 | (connection_t)session << 8 | (peer + 1);
}

/* Quick to fail and quick to try again. */
#define ROW(stage)                                                                                 \
    {                                                                                              \
        stage, 2000, SIM_LEASE_MS, SIM_ATTEMPTS_MAX, 300, 4000                                     \
    }
static const struct stage_row stages[STAGES_MAX] = {
    ROW(STAGE_NEEDS_ASSESSED), ROW(STAGE_PRIORITIES_SET), ROW(STAGE_PROCUREMENT),
    ROW(STAGE_CONTRACT_AWARD), ROW(STAGE_REVIEW),
};

/* ---- start and end ---- */

void host_start(struct sim *sim)
{
    struct sim_host *host = &sim->host;
    struct store_options options = {
        .dir = disk_dir(), .segment_bytes = 4 * 1024 * 1024, .map_bytes = SIM_MAP_BYTES};
    struct broker_options broker_options = {
        .first_operator = principal_of("OPS"),
        .workers_max = 16,
        .feeds_max = 48,
        .events_open_max = 200,
        .events_open_sender_max = host->sender_max,
        .stages = stages,
        .version = "sim",
    };
    struct store_report report = {0};
    char text[512] = "";

    disk_plan(DISK_NONE, 0);
    host->incarnation++;
    host->up = true;
    host->draining = false;
    host->first_turn = host->turns;
    enum status status = store_open(&host->store, &options, &report, text, sizeof text);
    sim_expect(sim, status == STATUS_OK, "the store does not open: %s: %s", status_text(status),
               text);
    sim_say(sim, "daemon", "starts: run %llu, %llu entries durable, %llu replayed, %llu bytes cut",
            (unsigned long long)store_run(host->store),
            (unsigned long long)store_durable_seq(host->store),
            (unsigned long long)report.entries_replayed, (unsigned long long)report.torn_bytes);
    status =
        broker_new(&host->broker, host->store, &broker_options, sim->now, (uint32_t)sim_next(sim));
    CHECK(status == STATUS_OK);
    for (uint32_t i = 0; i < sim->sent_count; i++)
        sim->sent[i].connection = 0;
    model_reopened(sim);
}

void host_die(struct sim *sim, const char *how)
{
    struct sim_host *host = &sim->host;

    sim_say(sim, "daemon", "%s", how);
    host->broker = broker_free(host->broker);
    host->store = store_close(host->store);
    host->up = false;
    host->restarts++;
    host->back_ms = sim->now.mono_ms + sim_any(sim, 2000);
    if (sim_any(sim, 2) == 0)
        host->inbox_count = 0;
}

/** It stops of its own accord, since a call failed that was meant to. */
static void stop_on(struct sim *sim, enum status status, const char *where)
{
    char text[96];

    sim_expect(sim, disk_fired(), "%s failed without a cause: %s (%s)", where, status_name(status),
               store_failure_text(sim->host.store));
    (void)snprintf(text, sizeof text, "stops: %s failed: %s", where, status_name(status));
    host_die(sim, text);
}

/* ---- what comes in ---- */

void host_receive(struct sim *sim, const struct packet *packet)
{
    struct sim_host *host = &sim->host;

    /* While it is down, what is sent waits at the sender, or is lost with the connection. */
    if (!host->up && sim_fault(sim, 50))
        return;
    CHECK(host->inbox_count < HOST_INBOX_MAX);
    host->inbox[host->inbox_count++] = *packet;
}

static void take_event(struct sim *sim, const struct packet *packet, connection_t from)
{
    struct sim_sent *sent = &sim->sent[packet->sent];
    struct reason items[REASONS_MAX];
    struct reasons reasons = {.items = items, .max = REASONS_MAX};
    struct event event;
    bool id_known;

    enum status status =
        codec_decode_event(sent->event.bytes, sim->decode, &event, &id_known, &reasons);
    CHECK(status == STATUS_OK);
    if (sent->turn != sim->host.turns) {
        sent->turn = sim->host.turns;
        sent->heard[0] = sent->connection;
        sent->heard_count = 1;
    }
    if (sent->heard_count < SIM_HEARD_MAX)
        sent->heard[sent->heard_count++] = from;
    sent->connection = from;
    broker_event(sim->host.broker, from, &sim->peers[packet->peer].principal, &event);
}

static void take_finding(struct sim *sim, const struct packet *packet, connection_t from)
{
    struct reason items[2];
    struct reasons reasons = {.items = items, .max = ARRAY_LEN(items)};
    const struct packet_finding *found = &packet->finding;
    char token[TOKEN_TEXT_SIZE];

    /* The warning carries the token that the finding was made for: the model reads it in the verdict. */
    (void)snprintf(token, sizeof token, "%llu.%llu", (unsigned long long)found->token.run,
                   (unsigned long long)found->token.counter);
    reasons_add(&reasons, REASON_AWARD_AFTER_START, NULL, NULL, token, NULL);
    if (found->judgement == JUDGE_REJECT)
        reasons_add(&reasons, REASON_UNREGISTERED_MISSING, NULL, NULL, NULL, NULL);
    else if (found->judgement == JUDGE_HOLD)
        reasons_add(&reasons, REASON_NO_ALLOTMENT, NULL, NULL, NULL, NULL);
    struct finding finding = {
        .token = found->token,
        .seq = found->seq,
        .reasons = items,
        .reasons_count = reasons.count,
        .error =
            found->judgement == JUDGE_ERROR ? slice_of("it could not") : (struct slice){NULL, 0},
    };
    broker_findings(sim->host.broker, from, &finding, 1);
}

static void take(struct sim *sim, const struct packet *packet)
{
    struct broker *broker = sim->host.broker;
    struct sim_peer *peer = &sim->peers[packet->peer];
    connection_t from = host_connection(sim, packet->peer, packet->session);
    struct query query;

    switch (packet->kind) {
    case PACKET_EVENT:
        take_event(sim, packet, from);
        break;
    case PACKET_QUERY:
        query = (struct query){
            .query_id = packet->query.query_id,
            .command = slice_of(packet->query.command),
            .arguments = packet->query.arguments,
            .arguments_count = packet->query.arguments_count,
        };
        broker_query(broker, from, &peer->principal, &query, NULL);
        break;
    case PACKET_FEED_ASK:
        broker_feed(broker, from, &peer->principal, &packet->ask);
        break;
    case PACKET_HELLO:
        broker_hello(broker, from, &peer->principal,
                     &sim->workers[packet->peer - WORKER_PEER(0)].hello);
        break;
    case PACKET_BEAT:
        broker_beat(broker, from);
        break;
    case PACKET_BYE:
        broker_bye(broker, from);
        break;
    case PACKET_FINDING:
        take_finding(sim, packet, from);
        break;
    case PACKET_ACCEPT:
        broker_accepts(broker, from, &packet->token, 1);
        break;
    case PACKET_PROGRESS:
        broker_progresses(broker, from, &packet->token, 1);
        break;
    case PACKET_GONE:
        sim_say(sim, "daemon", "notices that session %u of %s is gone", packet->session,
                peer->name);
        broker_gone(broker, from);
        break;
    case PACKET_ANSWER:
    case PACKET_REPLY:
    case PACKET_ENTRIES:
    case PACKET_WELCOME:
    case PACKET_ASSIGNMENT:
        CHECK(packet->kind <= PACKET_GONE);
        break;
    }
}

/** Take in what has come, until the batch is full or @count is reached. */
static void take_inbox(struct sim *sim, uint32_t count)
{
    struct sim_host *host = &sim->host;
    uint32_t taken = 0;

    while (taken < count && taken < host->inbox_count && !broker_full(host->broker))
        take(sim, &host->inbox[taken++]);
    host->inbox_count -= taken;
    memmove(host->inbox, host->inbox + taken, host->inbox_count * sizeof *host->inbox);
}

/* ---- what goes out ---- */

static void pack_entries(struct sim *sim, const struct feed_entries *entries,
                         struct packet_entries *ret)
{
    uint64_t *seqs = sim_take(sim, (entries->entries_count + 1) * sizeof *seqs);
    struct hash *hashes = sim_take(sim, (entries->entries_count + 1) * sizeof *hashes);

    for (uint32_t i = 0; i < entries->entries_count; i++) {
        seqs[i] = entries->entries[i].seq;
        hashes[i] = entries->entries[i].hash;
    }
    *ret = (struct packet_entries){
        .feed = entries->feed,
        .read_seq = entries->read_seq,
        .error = entries->error.len > 0,
        .count = entries->entries_count,
        .seqs = seqs,
        .hashes = hashes,
    };
}

/** Judge what is owed, and make a packet of it. */
static struct packet pack(struct sim *sim, const struct owed *owed)
{
    struct packet packet = {.peer = (uint32_t)(owed->connection & 0xff) - 1,
                            .session = (uint32_t)(owed->connection >> 8 & 0xffff)};

    switch (owed->kind) {
    case MESSAGE_ANSWERS:
        model_answer(sim, owed->connection, &owed->answer);
        packet.kind = PACKET_ANSWER;
        packet.answer = owed->answer;
        packet.answer.reasons = NULL;
        packet.why = owed->answer.reasons_count > 0 ? owed->answer.reasons[0].code : REASON_COUNT;
        break;
    case MESSAGE_REPLIES:
        packet.kind = PACKET_REPLY;
        packet.reply.query_id = owed->reply.query_id;
        packet.reply.as_of_seq = owed->reply.as_of_seq;
        break;
    case MESSAGE_ENTRIES:
        model_entries(sim, &owed->entries);
        packet.kind = PACKET_ENTRIES;
        pack_entries(sim, &owed->entries, &packet.entries);
        break;
    case MESSAGE_WELCOMES:
        packet.kind = PACKET_WELCOME;
        packet.welcome.run = owed->welcome.run;
        packet.welcome.error = owed->welcome.error.len > 0;
        break;
    case MESSAGE_ASSIGNMENTS:
        model_assignment(sim, &owed->assignment);
        packet.kind = PACKET_ASSIGNMENT;
        packet.task = (struct sim_task){.token = owed->assignment.token,
                                        .seq = owed->assignment.seq,
                                        .attempt = owed->assignment.attempt};
        break;
    case MESSAGE_EVENTS:
    case MESSAGE_QUERIES:
    case MESSAGE_FEED_ASKS:
    case MESSAGE_HELLOS:
    case MESSAGE_BEATS:
    case MESSAGE_BYES:
    case MESSAGE_FINDINGS:
    case MESSAGE_ACCEPTS:
    case MESSAGE_PROGRESSES:
        sim_fail(sim, "the daemon owes a message of kind %d", (int)owed->kind);
    }
    return packet;
}

static void send_one(struct sim *sim, const struct owed *owed)
{
    struct packet packet = pack(sim, owed);
    CHECK(packet.peer < SIM_PEERS);

    if (packet.session != sim->peers[packet.peer].session) {
        /* A ROUTER may know that nobody is there, and says so; or it does not know yet. */
        if (sim->healing || sim_any(sim, 2) == 0)
            host_receive(sim, &(struct packet){.kind = PACKET_GONE,
                                               .peer = packet.peer,
                                               .session = packet.session});
        return;
    }
    net_send(sim, packet);
}

/** What is owed leaves, or the first @count of it. */
static void tell(struct sim *sim, uint32_t count)
{
    static const struct owed *owed[OWED_MAX];
    struct broker *broker = sim->host.broker;
    struct key_change change;
    uint32_t owed_count = 0;

    for (const struct owed *next = broker_next_owed(broker); next != NULL;
         next = broker_next_owed(broker)) {
        CHECK(owed_count < OWED_MAX);
        owed[owed_count++] = next;
    }
    sim->model.turn_first = sim->model.seq + 1;
    model_catch_up(sim, owed, owed_count);
    for (uint32_t i = 0; i < owed_count && i < count; i++)
        send_one(sim, owed[i]);
    if (count == UINT32_MAX)
        model_turn_ended(sim);
    while (broker_next_key_change(broker, &change))
        continue;
}

/* ---- a turn ---- */

static enum death draw_death(struct sim *sim)
{
    /* What has just come back is the likeliest to go again. */
    bool young = sim->host.turns < sim->host.first_turn + YOUNG_TURNS;
    if (sim->healing || sim_any(sim, 1000) >= sim->weather.crashes * (young ? 8 : 1))
        return DEATH_NONE;
    return (enum death)(1 + sim_any(sim, DEATHS - 1));
}

static bool dies(struct sim *sim, enum death death, enum death here)
{
    if (death == here)
        host_die(sim, death_names[here]);
    return death == here;
}

static void one_turn(struct sim *sim, enum death death)
{
    struct sim_host *host = &sim->host;

    host->turns++;
    arena_reset(sim->decode);
    broker_begin(host->broker, sim->now);
    take_inbox(sim, death == DEATH_WHILE_TAKING ? sim_any(sim, 4) : UINT32_MAX);
    if (dies(sim, death, DEATH_WHILE_TAKING))
        return;
    broker_tick(host->broker);
    if (dies(sim, death, DEATH_BEFORE_FLUSH))
        return;
    enum status status = broker_flush(host->broker);
    if (status != STATUS_OK) {
        stop_on(sim, status, "the flush");
        return;
    }
    if (dies(sim, death, DEATH_AFTER_FLUSH))
        return;
    sim_expect(sim, broker_next_owed(host->broker) == NULL, "something leaves before its turn");
    broker_conclude(host->broker);
    tell(sim, death == DEATH_WHILE_TELLING ? sim_any(sim, 4) : UINT32_MAX);
    if (dies(sim, death, DEATH_WHILE_TELLING) || dies(sim, death, DEATH_BEFORE_COMMIT))
        return;
    status = broker_end(host->broker);
    if (status != STATUS_OK) {
        stop_on(sim, status, "the turn's end");
        return;
    }
    (void)dies(sim, death, DEATH_AFTER_END);
}

/** An orderly stop: nothing new is taken, what is leased comes back, the state is committed. */
static void stop_when_drained(struct sim *sim)
{
    struct sim_host *host = &sim->host;

    if (!host->draining || !broker_drained(host->broker))
        return;
    enum status status = store_commit(host->store);
    if (status != STATUS_OK)
        stop_on(sim, status, "the last commit");
    else
        host_die(sim, "stops, drained");
}

void host_turn(struct sim *sim)
{
    struct sim_host *host = &sim->host;

    if (!host->up && sim->now.mono_ms >= host->back_ms)
        host_start(sim);
    if (!host->up || sim->now.mono_ms < host->stuck_ms)
        return;
    if (!sim->healing && sim_any(sim, 1000) < sim->weather.disk)
        disk_plan((enum disk_fault)(1 + sim_any(sim, DISK_FAULTS - 1)), sim_next(sim));
    one_turn(sim, draw_death(sim));
    if (host->up)
        stop_when_drained(sim);
}

int64_t host_due_ms(const struct sim *sim)
{
    const struct sim_host *host = &sim->host;

    if (!host->up)
        return host->back_ms;
    int64_t due_ms = host->inbox_count > 0 ? 0 : broker_due_ms(host->broker);
    return due_ms < host->stuck_ms ? host->stuck_ms : due_ms;
}
