/* SPDX-License-Identifier: Apache-2.0 */
/* worker.c - those who judge: a fixed rule by the event's id, and every way of failing at it. */
#include "tests/sim/sim.h"

#include <string.h>

#define HELLO_AGAIN_MS 3000
#define WORK_MS 400

enum judgement worker_judge(struct event_id id, uint32_t attempt)
{
    uint64_t mixed = 0;
    for (uint32_t i = 0; i < EVENT_ID_BYTES; i++)
        mixed = (mixed ^ id.bytes[i]) * UINT64_C(0x9E3779B97F4A7C15);
    switch (mixed >> 59) {
    case 0:
    case 1:
        return JUDGE_REJECT;
    case 2:
        return JUDGE_HOLD;
    case 3:
    case 4:
        return attempt <= 2 ? JUDGE_ERROR : JUDGE_GOOD;
    case 5:
        return JUDGE_ERROR;
    default:
        return JUDGE_GOOD;
    }
}

static void new_hello(struct sim *sim, uint32_t at)
{
    struct hello *hello = &sim->workers[at].hello;

    *hello = (struct hello){.capacity = 1 + sim_any(sim, 8)};
    (void)snprintf(hello->name, sizeof hello->name, "worker-%u", at);
    for (enum stage stage = STAGE_NEEDS_ASSESSED; stage <= STAGE_REVIEW; stage++) {
        if (sim->healing || at == 0 || sim_any(sim, 2) == 0)
            hello->stages[hello->stages_count++] = stage;
    }
    if (hello->stages_count == 0)
        hello->stages[hello->stages_count++] = STAGE_PROCUREMENT;
}

void worker_init(struct sim *sim, uint32_t at)
{
    struct sim_peer *peer = &sim->peers[WORKER_PEER(at)];

    (void)snprintf(peer->name, sizeof peer->name, "worker-%u", at);
    peer->principal = principal_of("OPS");
    sim->workers[at].state = WORKER_DOWN;
    sim->workers[at].back_ms = sim->now.mono_ms + sim_any(sim, 500);
    sim->workers[at].tasks_count = 0;
    sim->workers[at].stuck_ms = 0;
    sim->workers[at].old = (struct sim_task){.seq = 0};
}

static void send(struct sim *sim, uint32_t at, enum packet_kind kind)
{
    net_send(sim, (struct packet){.kind = kind, .peer = WORKER_PEER(at)});
}

static void say_hello(struct sim *sim, uint32_t at)
{
    struct sim_worker *worker = &sim->workers[at];

    worker->state = WORKER_JOINING;
    worker->tasks_count = 0;
    worker->beat_ms = sim->now.mono_ms + HELLO_AGAIN_MS;
    sim_say(sim, sim->peers[WORKER_PEER(at)].name, "says HELLO, capacity %u",
            worker->hello.capacity);
    send(sim, at, PACKET_HELLO);
}

static void come_back(struct sim *sim, uint32_t at)
{
    net_reconnect(sim, WORKER_PEER(at));
    new_hello(sim, at);
    say_hello(sim, at);
}

/** What goes wrong of itself. True: it is not there any more, or does nothing. */
static bool fail(struct sim *sim, uint32_t at)
{
    struct sim_worker *worker = &sim->workers[at];
    const char *name = sim->peers[WORKER_PEER(at)].name;

    if (!sim_fault(sim, sim->weather.worker_faults))
        return false;
    switch (sim_any(sim, 4)) {
    case 0:
        sim_say(sim, name, "crashes");
        break;
    case 1:
        sim_say(sim, name, "leaves");
        send(sim, at, PACKET_BYE);
        break;
    case 2:
        worker->stuck_ms = sim->now.mono_ms + 1000 + sim_any(sim, 12000);
        sim_say(sim, name, "hangs");
        return true;
    default:
        come_back(sim, at);
        return true;
    }
    worker->state = WORKER_DOWN;
    worker->tasks_count = 0;
    worker->back_ms = sim->now.mono_ms + sim_any(sim, 9000);
    return true;
}

static void find(struct sim *sim, uint32_t at, const struct sim_task *task, struct token token)
{
    struct packet packet = {.kind = PACKET_FINDING, .peer = WORKER_PEER(at)};

    packet.finding = (struct packet_finding){
        .token = token,
        .seq = task->seq,
        .id = task->id,
        .judgement = worker_judge(task->id, task->attempt),
    };
    sim_say(sim, sim->peers[WORKER_PEER(at)].name, "has found: seq %llu, token %llu.%llu",
            (unsigned long long)task->seq, (unsigned long long)token.run,
            (unsigned long long)token.counter);
    net_send(sim, packet);
}

static void find_due(struct sim *sim, uint32_t at)
{
    struct sim_worker *worker = &sim->workers[at];

    for (uint32_t i = 0; i < worker->tasks_count;) {
        struct sim_task task = worker->tasks[i];
        if (task.at_ms > sim->now.mono_ms) {
            i++;
            continue;
        }
        worker->tasks[i] = worker->tasks[--worker->tasks_count];
        struct token token = task.token;
        if (sim_fault(sim, sim->weather.worker_faults))
            token.counter += sim_any(sim, 2) == 0 ? 1 : UINT64_MAX;
        find(sim, at, &task, token);
        if (sim_fault(sim, sim->weather.worker_faults))
            find(sim, at, &task, task.token);
        worker->old = task;
    }
}

void worker_act(struct sim *sim, uint32_t at)
{
    struct sim_worker *worker = &sim->workers[at];

    if (worker->stuck_ms > sim->now.mono_ms)
        return;
    if (worker->state == WORKER_DOWN) {
        if (worker->back_ms <= sim->now.mono_ms)
            come_back(sim, at);
        return;
    }
    if (worker->beat_ms <= sim->now.mono_ms) {
        if (worker->state == WORKER_JOINING) {
            say_hello(sim, at);
            return;
        }
        if (fail(sim, at))
            return;
        worker->beat_ms = sim->now.mono_ms + BEAT_MS;
        send(sim, at, PACKET_BEAT);
        /* A finding for an assignment that was another's long ago. */
        if (worker->old.seq != 0 && sim_fault(sim, sim->weather.worker_faults))
            find(sim, at, &worker->old, worker->old.token);
    }
    find_due(sim, at);
}

void worker_welcome(struct sim *sim, uint32_t at, uint64_t run, bool error)
{
    struct sim_worker *worker = &sim->workers[at];

    if (worker->state == WORKER_DOWN || worker->stuck_ms > sim->now.mono_ms)
        return;
    if (error || (worker->state == WORKER_HERE && run != worker->run)) {
        if (worker->state == WORKER_HERE)
            say_hello(sim, at);
        return;
    }
    if (worker->state == WORKER_JOINING) {
        worker->state = WORKER_HERE;
        worker->beat_ms = sim->now.mono_ms + BEAT_MS;
    }
    worker->run = run;
}

/** It accepts, or is still at it. */
static void say_of(struct sim *sim, uint32_t at, const struct sim_task *task, enum packet_kind kind)
{
    struct packet packet = {.kind = kind, .peer = WORKER_PEER(at)};

    packet.token = (struct assignment_token){.token = task->token, .seq = task->seq};
    net_send(sim, packet);
}

void worker_assignment(struct sim *sim, uint32_t at, const struct sim_task *task)
{
    struct sim_worker *worker = &sim->workers[at];
    const struct model_event *event = NULL;

    if (worker->state == WORKER_DOWN || worker->tasks_count == SIM_TASKS_MAX)
        return;
    for (uint32_t i = 0; i < sim->model.events_count; i++) {
        if (sim->model.events[i].seq == task->seq)
            event = &sim->model.events[i];
    }
    CHECK(event != NULL);
    struct sim_task *mine = &worker->tasks[worker->tasks_count++];
    *mine = *task;
    if (!sim_fault(sim, sim->weather.worker_faults))
        say_of(sim, at, task, PACKET_ACCEPT);
    mine->id = event->event.id;
    mine->at_ms = sim->now.mono_ms + sim_any(sim, WORK_MS);
    if (sim_fault(sim, sim->weather.worker_faults))
        mine->at_ms =
            sim_any(sim, 3) == 0 ? INT64_MAX : sim->now.mono_ms + sim_any(sim, 2 * SIM_LEASE_MS);
    sim_say(sim, sim->peers[WORKER_PEER(at)].name, "gets seq %llu, token %llu.%llu, attempt %u",
            (unsigned long long)task->seq, (unsigned long long)task->token.run,
            (unsigned long long)task->token.counter, task->attempt);
}

int64_t worker_due_ms(const struct sim *sim, uint32_t at)
{
    const struct sim_worker *worker = &sim->workers[at];
    int64_t due_ms = worker->state == WORKER_DOWN ? worker->back_ms : worker->beat_ms;

    for (uint32_t i = 0; i < worker->tasks_count; i++) {
        if (worker->tasks[i].at_ms < due_ms)
            due_ms = worker->tasks[i].at_ms;
    }
    return due_ms < worker->stuck_ms ? worker->stuck_ms : due_ms;
}
