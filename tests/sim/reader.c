/* SPDX-License-Identifier: Apache-2.0 */
/* reader.c - those who read the journal on from where they stopped. */
#include "tests/sim/sim.h"

#define SILENT_MS 30000
#define OPEN_MS 2500

static const char *const organisations[SIM_READERS] = {"02E", "OPS", "01F"};

void reader_init(struct sim *sim, uint32_t at)
{
    struct sim_peer *peer = &sim->peers[READER_PEER(at)];

    (void)snprintf(peer->name, sizeof peer->name, "reader-%u", at);
    peer->principal = principal_of(organisations[at]);
    sim->readers[at] = (struct sim_reader){.act_ms = sim->now.mono_ms + sim_any(sim, 300)};
}

static void ask(struct sim *sim, uint32_t at, enum feed_verb verb, uint32_t credit)
{
    struct sim_reader *reader = &sim->readers[at];
    struct packet packet = {.kind = PACKET_FEED_ASK, .peer = READER_PEER(at)};

    packet.ask = (struct feed_ask){
        .verb = verb, .feed = reader->feed, .from_seq = reader->cursor + 1, .credit = credit};
    reader->credit += credit;
    net_send(sim, packet);
}

static void open_feed(struct sim *sim, uint32_t at)
{
    struct sim_reader *reader = &sim->readers[at];

    reader->feed++;
    reader->open = false;
    reader->credit = 0;
    reader->heard_ms = sim->now.mono_ms;
    sim_say(sim, sim->peers[READER_PEER(at)].name, "opens feed %llu after %llu",
            (unsigned long long)reader->feed, (unsigned long long)reader->cursor);
    ask(sim, at, FEED_OPEN, 1 + sim_any(sim, 20));
}

void reader_act(struct sim *sim, uint32_t at)
{
    struct sim_reader *reader = &sim->readers[at];
    int64_t patience_ms = reader->open ? SILENT_MS : OPEN_MS;

    if (reader->feed > 0 && sim_fault(sim, sim->weather.reconnects / 4)) {
        net_reconnect(sim, READER_PEER(at));
        open_feed(sim, at);
    } else if (reader->feed == 0 || reader->heard_ms + patience_ms <= sim->now.mono_ms) {
        open_feed(sim, at);
    } else if (reader->credit < 4) {
        ask(sim, at, FEED_CREDIT, 1 + sim_any(sim, 20));
    } else if (sim_fault(sim, 2)) {
        ask(sim, at, FEED_CLOSE, 0);
        open_feed(sim, at);
    }
    reader->act_ms = sim->now.mono_ms + 200 + sim_any(sim, 1000);
}

void reader_entries(struct sim *sim, uint32_t at, const struct packet_entries *entries)
{
    struct sim_reader *reader = &sim->readers[at];

    if (entries->feed != reader->feed)
        return; /* of one that was closed */
    reader->heard_ms = sim->now.mono_ms;
    if (entries->error) {
        sim_say(sim, sim->peers[READER_PEER(at)].name, "hears that its feed has ended");
        reader->open = false;
        reader->heard_ms -= OPEN_MS - 100;
        return;
    }
    sim_say(sim, sim->peers[READER_PEER(at)].name, "reads %u entries up to %llu", entries->count,
            (unsigned long long)entries->read_seq);
    reader->open = true;
    sim_expect(sim, entries->count <= reader->credit, "%u entries for a credit of %u",
               entries->count, reader->credit);
    model_read(sim, at, entries);
    reader->credit -= entries->count;
    reader->cursor = entries->read_seq;
}

int64_t reader_due_ms(const struct sim *sim, uint32_t at)
{
    return sim->readers[at].act_ms;
}
