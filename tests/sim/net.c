/* SPDX-License-Identifier: Apache-2.0 */
/* net.c - messages under way: lost, repeated, overtaken, late; and connections of which one side thinks they live. */
#include "tests/sim/sim.h"

#define LATE_MS_MAX 6000

/** A feed's messages keep their order: a reader is told what it is not told. */
static bool in_order(enum packet_kind kind)
{
    return kind == PACKET_FEED_ASK || kind == PACKET_ENTRIES;
}

static void put(struct sim *sim, const struct packet *packet, int64_t at_ms)
{
    struct sim_net *net = &sim->net;
    CHECK(net->count < SIM_PACKETS_MAX);

    struct packet *kept = &net->packets[net->count++];
    *kept = *packet;
    kept->at_ms = at_ms;
    kept->order = ++net->order;
}

static int64_t way_ms(struct sim *sim)
{
    int64_t ms = sim_any(sim, 4);
    if (sim_fault(sim, sim->weather.slow))
        ms += sim_any(sim, sim_any(sim, 4) == 0 ? LATE_MS_MAX : 300);
    return ms;
}

void net_send(struct sim *sim, struct packet packet)
{
    struct sim_peer *peer = &sim->peers[packet.peer];
    if (packet.kind < PACKET_GONE)
        packet.session = peer->session;

    if (in_order(packet.kind)) {
        /* What would be lost on the way breaks the connection; what was sent before still comes. */
        if (sim_fault(sim, sim->weather.lost / 2)) {
            sim_say(sim, "net", "the connection of %s breaks", peer->name);
            net_reconnect(sim, packet.peer);
            return;
        }
        int64_t at_ms = sim->now.mono_ms + way_ms(sim);
        if (at_ms <= peer->stream_at_ms)
            at_ms = peer->stream_at_ms;
        peer->stream_at_ms = at_ms;
        put(sim, &packet, at_ms);
        return;
    }
    if (sim_fault(sim, sim->weather.lost)) {
        sim_say(sim, "net", "a message of kind %d of %s is lost", (int)packet.kind, peer->name);
        return;
    }
    put(sim, &packet, sim->now.mono_ms + way_ms(sim));
    if (sim_fault(sim, sim->weather.repeated))
        put(sim, &packet, sim->now.mono_ms + way_ms(sim));
}

void net_reconnect(struct sim *sim, uint32_t at)
{
    struct sim_peer *peer = &sim->peers[at];

    /* The daemon notices at once, later, or when it sends there. */
    if (sim_any(sim, 2) == 0) {
        struct packet gone = {.kind = PACKET_GONE, .peer = at, .session = peer->session};
        put(sim, &gone, sim->now.mono_ms + sim_any(sim, 3000));
    }
    peer->session++;
    peer->stream_at_ms = sim->now.mono_ms;
    sim_say(sim, peer->name, "connects anew, session %u", peer->session);
}

static void to_peer(struct sim *sim, const struct packet *packet)
{
    uint32_t at = packet->peer;
    if (packet->session != sim->peers[at].session)
        return; /* nobody is there any more */

    switch (packet->kind) {
    case PACKET_ANSWER:
        client_answer(sim, at, &packet->answer, packet->why);
        break;
    case PACKET_REPLY:
        client_reply(sim, at, packet->reply.query_id, packet->reply.as_of_seq);
        break;
    case PACKET_ENTRIES:
        reader_entries(sim, at - READER_PEER(0), &packet->entries);
        break;
    case PACKET_WELCOME:
        worker_welcome(sim, at - WORKER_PEER(0), packet->welcome.run, packet->welcome.error);
        break;
    case PACKET_ASSIGNMENT:
        worker_assignment(sim, at - WORKER_PEER(0), &packet->task);
        break;
    case PACKET_EVENT:
    case PACKET_QUERY:
    case PACKET_FEED_ASK:
    case PACKET_HELLO:
    case PACKET_BEAT:
    case PACKET_BYE:
    case PACKET_FINDING:
    case PACKET_ACCEPT:
    case PACKET_PROGRESS:
    case PACKET_GONE:
        CHECK(packet->kind > PACKET_GONE);
        break;
    }
}

/** The next one due: the earliest, among equals the one sent first. False: none is. */
static bool take_due(struct sim *sim, struct packet *ret)
{
    struct sim_net *net = &sim->net;
    struct packet *next = NULL;

    for (uint32_t i = 0; i < net->count; i++) {
        struct packet *packet = &net->packets[i];
        if (packet->at_ms <= sim->now.mono_ms &&
            (next == NULL || packet->at_ms < next->at_ms ||
             (packet->at_ms == next->at_ms && packet->order < next->order)))
            next = packet;
    }
    if (next == NULL)
        return false;
    *ret = *next;
    *next = net->packets[--net->count];
    return true;
}

void net_deliver(struct sim *sim)
{
    struct packet packet;

    while (sim->host.inbox_count < HOST_INBOX_MAX && take_due(sim, &packet)) {
        if (packet.kind <= PACKET_GONE)
            host_receive(sim, &packet);
        else
            to_peer(sim, &packet);
    }
}

int64_t net_due_ms(const struct sim *sim)
{
    int64_t due_ms = INT64_MAX;
    for (uint32_t i = 0; i < sim->net.count; i++) {
        if (sim->net.packets[i].at_ms < due_ms)
            due_ms = sim->net.packets[i].at_ms;
    }
    return due_ms;
}
