/* SPDX-License-Identifier: Apache-2.0 */
/* sim.h - broker, store, clients, workers and feed readers in one thread: time by hand, all choices by one seed. */
/*
 *   client ─► sent ─► net ─► host (broker over store over a folder) ─► net ─► client, worker, reader
 *                              │ each durable entry
 *                              ▼
 *                            model: what must hold, by its own reckoning
 *
 * A seed draws a weather (how often what fails), walks STEPS steps in it, heals everything and waits until all has come
 * to rest. After each step the model compares; what does not hold ends the run with the seed and the command that
 * replays it.
 */
#ifndef COMMISSION_TESTS_SIM_H
#define COMMISSION_TESTS_SIM_H

#include "daemon/broker/inside.h"
#include "tests/support/builders.h"

#define SIM_CLIENTS 7
#define SIM_WORKERS 4
#define SIM_READERS 3
#define SIM_PEERS (SIM_CLIENTS + SIM_WORKERS + SIM_READERS)
#define SIM_SENT_MAX 512
#define SIM_PACKETS_MAX 2048
#define SIM_TASKS_MAX 16
#define SIM_HEARD_MAX 16
#define SIM_ARENA_BYTES (24 * 1024 * 1024)
#define SIM_MAP_BYTES (64ull * 1024 * 1024)
#define SIM_LEASE_MS 5000
#define SIM_ATTEMPTS_MAX 3

struct sim;

/* ---- simtest.c: chance, trace, failure ---- */

uint64_t sim_next(struct sim *sim);
/** A number below @below (>= 1), by the seed. */
uint32_t sim_any(struct sim *sim, uint32_t below);
/** True @percent times in a hundred; never while all is healed. */
bool sim_fault(struct sim *sim, uint32_t percent);
/** A line of the trace: when, who, what. */
void sim_say(struct sim *sim, const char *actor, const char *format, ...) PRINTF_LIKE(3, 4);
/** Something that must hold does not: say it with the seed, and end the program. */
_Noreturn void sim_fail(struct sim *sim, const char *format, ...) PRINTF_LIKE(2, 3);
#define sim_expect(sim, condition, ...)                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            sim_fail(sim, __VA_ARGS__);                                                            \
    } while (0)

/* ---- disk.c: the folder, and calls that fail ---- */

enum disk_fault {
    DISK_NONE,
    DISK_WRITE_FAILS, /* nothing is written */
    DISK_WRITE_TORN,  /* a part of it, by sectors or cut off */
    DISK_WRITE_FULL,  /* ENOSPC */
    DISK_FLUSH_FAILS, /* all is written, nobody knows */
    DISK_COMMIT_FAILS,
    DISK_FAULTS,
};
/** Make the folder; what is in it now is what every seed begins with. */
void disk_open(void);
const char *disk_dir(void);
/** Keep what the folder holds as the beginning. */
void disk_keep(void);
/** Back to the beginning. */
void disk_restore(void);
void disk_close(void);
/** The next call that fits fails, once. */
void disk_plan(enum disk_fault fault, uint64_t chance);
bool disk_fired(void);
void disk_set_full(bool full);

/* ---- peers ---- */

/** Who sends, asks and reads; what it may. */
struct sim_peer {
    char name[16];
    struct principal principal;
    uint32_t session;     /* of the connection: raised at each reconnect */
    int64_t stream_at_ms; /* what goes in order, does not overtake */
};

/** An event that was handed in, and what came of it. One event may be sent by several clients. */
struct sim_sent {
    struct event event; /* decoded, in the seed's arena */
    uint32_t client;    /* who made it */
    uint32_t sends;
    int64_t again_ms; /* when it is sent next, if nothing was answered */
    bool wanted;      /* an answer is still wanted */
    bool refused;     /* for good */
    bool receipt_known;
    uint64_t seq;
    struct hash receipt_hash;
    uint64_t verdict_seq;
    enum verdict verdict;
    struct hash verdict_hash;
    uint64_t floor;      /* newest position anyone had seen when it was first sent */
    uint64_t connection; /* on which the daemon heard it last; 0: not in this run of the daemon */
    uint64_t turn;       /* of the daemon, when that was */
    uint64_t heard[SIM_HEARD_MAX]; /* in that turn: the last one before it, and all of it */
    uint32_t heard_count;
};

/* ---- client.c ---- */

struct sim_client {
    uint32_t window; /* events under way at once */
    int64_t act_ms;  /* the next time it does something of its own */
    uint64_t query_id;
    uint64_t query_floor;
    const char *query_command;
    int64_t query_until_ms; /* 0: nothing is asked */
};
void client_init(struct sim *sim, uint32_t at);
void client_act(struct sim *sim, uint32_t at);
void client_answer(struct sim *sim, uint32_t at, const struct answer *answer, enum reason_code why);
void client_reply(struct sim *sim, uint32_t at, uint64_t query_id, uint64_t as_of_seq);
int64_t client_due_ms(const struct sim *sim, uint32_t at);
/** The client @at, NHS England, sets every allotment that is missing; the leads resume what is suspended. */
void client_let_go(struct sim *sim, uint32_t at);
/** An event of chance for the client @at, without id. */
struct event client_invent(struct sim *sim, uint32_t at);

/* ---- worker.c ---- */

struct sim_task {
    struct token token;
    uint64_t seq;
    uint32_t attempt;
    struct event_id id;
    int64_t at_ms; /* when it is found; INT64_MAX: never */
};
enum worker_state { WORKER_DOWN, WORKER_JOINING, WORKER_HERE };
struct sim_worker {
    enum worker_state state;
    struct hello hello;
    uint64_t run;
    int64_t beat_ms;  /* the next beat, or the next HELLO */
    int64_t back_ms;  /* when it is up again */
    int64_t stuck_ms; /* it does nothing until then */
    struct sim_task tasks[SIM_TASKS_MAX];
    uint32_t tasks_count;
    struct sim_task old; /* an assignment of before, for findings that come much too late */
};
/** What the rules say of an event, a fixed thing of its id. */
enum judgement { JUDGE_GOOD, JUDGE_REJECT, JUDGE_HOLD, JUDGE_ERROR };
enum judgement worker_judge(struct event_id id, uint32_t attempt);
void worker_init(struct sim *sim, uint32_t at);
void worker_act(struct sim *sim, uint32_t at);
void worker_welcome(struct sim *sim, uint32_t at, uint64_t run, bool error);
void worker_assignment(struct sim *sim, uint32_t at, const struct sim_task *task);
int64_t worker_due_ms(const struct sim *sim, uint32_t at);

/* ---- reader.c ---- */

struct sim_reader {
    bool open;
    uint64_t feed;
    uint64_t cursor; /* read up to here */
    uint32_t credit;
    int64_t heard_ms;
    int64_t act_ms;
};
struct packet_entries {
    uint64_t feed;
    uint64_t read_seq;
    bool error;
    uint32_t count;
    const uint64_t *seqs;
    const struct hash *hashes;
};
void reader_init(struct sim *sim, uint32_t at);
void reader_act(struct sim *sim, uint32_t at);
void reader_entries(struct sim *sim, uint32_t at, const struct packet_entries *entries);
int64_t reader_due_ms(const struct sim *sim, uint32_t at);

/* ---- net.c: messages under way ---- */

enum packet_kind {
    PACKET_EVENT,
    PACKET_QUERY,
    PACKET_FEED_ASK,
    PACKET_HELLO,
    PACKET_BEAT,
    PACKET_BYE,
    PACKET_FINDING,
    PACKET_ACCEPT,
    PACKET_PROGRESS,
    PACKET_GONE, /* the daemon notices that a connection is no more */
    PACKET_ANSWER,
    PACKET_REPLY,
    PACKET_ENTRIES,
    PACKET_WELCOME,
    PACKET_ASSIGNMENT,
};
struct packet_query {
    uint64_t query_id;
    const char *command;
    struct argument arguments[4];
    uint32_t arguments_count;
};
struct packet_finding {
    struct token token;
    uint64_t seq;
    struct event_id id;
    enum judgement judgement;
};
struct packet {
    int64_t at_ms;
    uint64_t order;
    enum packet_kind kind;
    uint32_t peer;
    uint32_t session;
    union {
        uint32_t sent; /* EVENT: which */
        struct packet_query query;
        struct feed_ask ask;
        struct packet_finding finding;
        struct assignment_token token; /* ACCEPT, PROGRESS */
        struct {                       /* ANSWER */
            struct answer answer;
            enum reason_code why;
        };
        struct {
            uint64_t query_id;
            uint64_t as_of_seq;
        } reply;
        struct packet_entries entries;
        struct {
            uint64_t run;
            bool error;
        } welcome;
        struct sim_task task;
    };
};
struct sim_net {
    struct packet packets[SIM_PACKETS_MAX];
    uint32_t count;
    uint64_t order;
};
/** @packet goes its way, as the weather allows; kind, peer and content are set. */
void net_send(struct sim *sim, struct packet packet);
/** Let everything that is due arrive: at the peers, or in the host's inbox. */
void net_deliver(struct sim *sim);
int64_t net_due_ms(const struct sim *sim);
/** @peer connects anew: what is under way on the old connection may still come or be lost. */
void net_reconnect(struct sim *sim, uint32_t peer);

/* ---- host.c: the daemon ---- */

#define HOST_INBOX_MAX 512
struct sim_host {
    struct store *store;
    struct broker *broker;
    uint64_t incarnation;
    bool up;
    int64_t back_ms;  /* when it is started again */
    int64_t stuck_ms; /* stopped until then, as by SIGSTOP */
    bool draining;
    uint32_t sender_max; /* events open of one organisation */
    struct packet inbox[HOST_INBOX_MAX];
    uint32_t inbox_count;
    uint32_t restarts;
    uint64_t turns;
    uint64_t first_turn; /* since it was started */
};
void host_start(struct sim *sim);
/** Its memory is gone; the folder stays. */
void host_die(struct sim *sim, const char *how);
void host_receive(struct sim *sim, const struct packet *packet);
void host_turn(struct sim *sim);
int64_t host_due_ms(const struct sim *sim);
/** The connection number that the broker knows @peer's present session by. */
connection_t host_connection(const struct sim *sim, uint32_t peer, uint32_t session);

/* ---- model.c, model_apply.c, model_compare.c, model_reply.c ---- */

#include "tests/sim/model.h"

/* ---- the whole ---- */

struct weather {
    uint32_t lost; /* percent of messages */
    uint32_t repeated;
    uint32_t slow; /* delayed by up to some seconds */
    uint32_t reconnects;
    uint32_t worker_faults;
    uint32_t crashes; /* per mille of turns */
    uint32_t disk;    /* per mille of turns */
    uint32_t clock;   /* per mille of steps */
    uint32_t stuck;   /* per mille of steps */
};

struct sim {
    uint64_t seed;
    uint64_t chance;
    uint32_t steps;
    bool trace;
    bool healing;
    uint32_t step;
    struct instant now;
    struct weather weather;
    struct arena *arena;  /* as long as the seed */
    struct arena *decode; /* of the turn */
    struct sim_peer peers[SIM_PEERS];
    struct sim_client clients[SIM_CLIENTS];
    struct sim_worker workers[SIM_WORKERS];
    struct sim_reader readers[SIM_READERS];
    struct sim_sent sent[SIM_SENT_MAX];
    uint32_t sent_count;
    uint32_t ids;
    uint64_t ended; /* the newest position that anyone was shown */
    struct sim_net net;
    struct sim_host host;
    struct model model;
};

#define CLIENT_PEER(at) (at)
#define WORKER_PEER(at) (SIM_CLIENTS + (at))
#define READER_PEER(at) (SIM_CLIENTS + SIM_WORKERS + (at))

/** Take @bytes of zeros from the seed's arena; never NULL. */
void *sim_take(struct sim *sim, size_t bytes);

#endif
