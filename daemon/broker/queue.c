/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/broker/queue.h"

#include <string.h>

#include "daemon/broker/seqmap.h"

#define NOWHERE UINT32_MAX

/* An event: a node of its organisation's pairing heap, the lowest seq on top. */
struct node {
    uint64_t seq;
    uint32_t cost;
    uint32_t flow;
    uint32_t child;   /* its first; NOWHERE: none */
    uint32_t sibling; /* the next of its parent's children; also links free nodes */
    uint32_t before;  /* the sibling before it, or its parent; of the heap's top: anything */
};

/* One organisation's ready work of one rank in one stage. It is there only as long as it has any. */
struct flow {
    struct ods sender;
    uint32_t lane;
    uint32_t top; /* of the heap */
    uint32_t deficit;
    uint32_t next; /* in the ring */
    uint32_t before;
    uint32_t chained; /* in the hash table, or among the free */
};

/* A stage's rank: a ring of flows. */
struct lane {
    uint32_t turn; /* the flow whose turn it is; NOWHERE: the ring is empty */
};

#define LANES ((STAGES_MAX + 1) * QUEUE_RANKS)

struct queue {
    struct node *nodes;
    struct flow *flows;
    struct seqmap *places; /* of events among the nodes */
    uint32_t *table;       /* first flow by hash */
    uint32_t table_mask;
    uint32_t free_node; /* given back; those from @fresh_node on were never used */
    uint32_t free_flow;
    uint32_t fresh_node;
    uint32_t fresh_flow;
    uint32_t events_max;
    struct lane lanes[LANES];
    uint32_t counts[STAGES_MAX + 1];
};

enum status queue_new(struct queue **ret, uint32_t events_max)
{
    CHECK(events_max >= 1);
    CHECK(events_max <= UINT32_MAX / 4);

    struct queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL)
        return STATUS_NO_MEMORY;
    uint32_t cells = 4;
    while (cells < events_max && cells < 4096)
        cells *= 2;
    queue->events_max = events_max;
    queue->table_mask = cells - 1;
    queue->nodes = calloc(events_max, sizeof *queue->nodes);
    queue->flows = calloc(events_max, sizeof *queue->flows);
    queue->table = calloc(cells, sizeof *queue->table);
    if (queue->nodes == NULL || queue->flows == NULL || queue->table == NULL ||
        seqmap_new(&queue->places, events_max) != STATUS_OK)
        goto fail;

    queue->free_node = NOWHERE;
    queue->free_flow = NOWHERE;
    for (uint32_t i = 0; i < cells; i++)
        queue->table[i] = NOWHERE;
    for (uint32_t i = 0; i < LANES; i++)
        queue->lanes[i].turn = NOWHERE;

    *ret = queue;
    return STATUS_OK;

fail:
    queue_free(queue);
    return STATUS_NO_MEMORY;
}

struct queue *queue_free(struct queue *queue)
{
    if (queue != NULL) {
        free(queue->nodes);
        free(queue->flows);
        free(queue->table);
        seqmap_free(queue->places);
    }
    free(queue);
    return NULL;
}

/* ---- the heap of one flow ---- */

/** Make one heap of two; the one with the lower seq stays on top. */
static uint32_t meld(struct queue *queue, uint32_t a, uint32_t b)
{
    if (a == NOWHERE)
        return b;
    if (b == NOWHERE)
        return a;
    if (queue->nodes[b].seq < queue->nodes[a].seq) {
        uint32_t kept = a;
        a = b;
        b = kept;
    }
    CHECK(queue->nodes[a].seq != queue->nodes[b].seq);
    uint32_t child = queue->nodes[a].child;
    if (child != NOWHERE)
        queue->nodes[child].before = b;
    queue->nodes[b].sibling = child;
    queue->nodes[b].before = a;
    queue->nodes[a].child = b;
    return a;
}

/** Make one heap of the children from @first on: in pairs from the left, then all from the right. */
static uint32_t meld_children(struct queue *queue, uint32_t first)
{
    uint32_t pairs = NOWHERE; /* the melded pairs, the last one first, linked by sibling */
    while (first != NOWHERE) {
        uint32_t second = queue->nodes[first].sibling;
        uint32_t rest = second != NOWHERE ? queue->nodes[second].sibling : NOWHERE;
        queue->nodes[first].sibling = NOWHERE;
        if (second != NOWHERE)
            queue->nodes[second].sibling = NOWHERE;
        uint32_t pair = meld(queue, first, second);
        queue->nodes[pair].sibling = pairs;
        pairs = pair;
        first = rest;
    }

    uint32_t top = NOWHERE;
    while (pairs != NOWHERE) {
        uint32_t rest = queue->nodes[pairs].sibling;
        queue->nodes[pairs].sibling = NOWHERE;
        top = meld(queue, top, pairs);
        pairs = rest;
    }
    return top;
}

/** Take @at, which is not the top of its heap, out of the list that it stands in. */
static void cut(struct queue *queue, uint32_t at)
{
    uint32_t before = queue->nodes[at].before;
    uint32_t sibling = queue->nodes[at].sibling;

    if (queue->nodes[before].child == at)
        queue->nodes[before].child = sibling;
    else
        queue->nodes[before].sibling = sibling;
    if (sibling != NOWHERE)
        queue->nodes[sibling].before = before;
    queue->nodes[at].sibling = NOWHERE;
}

/* ---- the flows of one lane ---- */

static uint32_t lane_of(enum stage stage, enum queue_rank rank)
{
    CHECK(stage >= STAGE_NEEDS_ASSESSED);
    CHECK(stage <= STAGE_REVIEW);
    CHECK(rank < QUEUE_RANKS);
    return (uint32_t)stage * QUEUE_RANKS + (uint32_t)rank;
}

static uint32_t *chain_of(struct queue *queue, uint32_t lane, struct ods sender)
{
    uint32_t hash = 2166136261u ^ lane;
    for (uint32_t i = 0; i < ODS_SIZE; i++)
        hash = (hash ^ (uint8_t)sender.text[i]) * 16777619u;
    return &queue->table[(hash ^ (hash >> 15)) & queue->table_mask];
}

static uint32_t find_flow(struct queue *queue, uint32_t lane, struct ods sender)
{
    uint32_t at = *chain_of(queue, lane, sender);
    while (at != NOWHERE &&
           (queue->flows[at].lane != lane || !ods_equal(queue->flows[at].sender, sender)))
        at = queue->flows[at].chained;
    return at;
}

/** A new flow joins the ring as the last to have its turn. */
static uint32_t add_flow(struct queue *queue, uint32_t lane, struct ods sender)
{
    uint32_t at = queue->free_flow;
    if (at != NOWHERE)
        queue->free_flow = queue->flows[at].chained;
    else
        at = queue->fresh_flow++;
    CHECK(at < queue->events_max);
    struct flow *flow = &queue->flows[at];

    uint32_t *chain = chain_of(queue, lane, sender);
    *flow = (struct flow){.sender = sender,
                          .lane = lane,
                          .top = NOWHERE,
                          .next = at,
                          .before = at,
                          .chained = *chain};
    *chain = at;

    uint32_t turn = queue->lanes[lane].turn;
    if (turn == NOWHERE) {
        queue->lanes[lane].turn = at;
        return at;
    }
    flow->next = turn;
    flow->before = queue->flows[turn].before;
    queue->flows[flow->before].next = at;
    queue->flows[turn].before = at;
    return at;
}

/** A flow without work leaves the ring; what was left of its share is lost. */
static void drop_flow(struct queue *queue, uint32_t at)
{
    struct flow *flow = &queue->flows[at];
    uint32_t *link = chain_of(queue, flow->lane, flow->sender);
    while (*link != at)
        link = &queue->flows[*link].chained;
    *link = flow->chained;

    struct lane *lane = &queue->lanes[flow->lane];
    if (lane->turn == at)
        lane->turn = flow->next != at ? flow->next : NOWHERE;
    queue->flows[flow->before].next = flow->next;
    queue->flows[flow->next].before = flow->before;

    flow->chained = queue->free_flow;
    queue->free_flow = at;
}

void queue_push(struct queue *queue, enum stage stage, enum queue_rank rank, struct ods sender,
                uint64_t seq, uint32_t cost)
{
    uint32_t lane = lane_of(stage, rank);
    uint32_t at = queue->free_node;
    if (at != NOWHERE)
        queue->free_node = queue->nodes[at].sibling;
    else
        at = queue->fresh_node++;
    CHECK(at < queue->events_max);
    CHECK(seq != 0);
    uint32_t flow = find_flow(queue, lane, sender);
    if (flow == NOWHERE)
        flow = add_flow(queue, lane, sender);
    queue->nodes[at] = (struct node){.seq = seq,
                                     .cost = cost < QUEUE_COST_MAX ? cost : QUEUE_COST_MAX,
                                     .flow = flow,
                                     .child = NOWHERE,
                                     .sibling = NOWHERE};

    queue->flows[flow].top = meld(queue, queue->flows[flow].top, at);
    seqmap_put(queue->places, seq, at);
    queue->counts[stage]++;
}

/** Whose turn it is in @lane: a flow whose share covers its oldest event. */
static uint32_t turn_of(struct queue *queue, struct lane *lane)
{
    /* Ends: each round gives every flow a quantum, and no event costs more than QUEUE_COST_MAX. */
    for (;;) {
        struct flow *flow = &queue->flows[lane->turn];
        if (flow->deficit >= queue->nodes[flow->top].cost)
            return lane->turn;
        flow->deficit += QUEUE_QUANTUM;
        lane->turn = flow->next;
    }
}

/** Take @at, which stands alone now, out of the books; its flow leaves when that was its last. */
static void forget(struct queue *queue, uint32_t at)
{
    uint32_t flow = queue->nodes[at].flow;

    seqmap_remove(queue->places, queue->nodes[at].seq);
    queue->nodes[at].sibling = queue->free_node;
    queue->free_node = at;
    if (queue->flows[flow].top == NOWHERE)
        drop_flow(queue, flow);
}

static uint64_t pop_lane(struct queue *queue, struct lane *lane)
{
    struct flow *flow = &queue->flows[turn_of(queue, lane)];
    uint32_t top = flow->top;
    uint64_t seq = queue->nodes[top].seq;

    flow->deficit -= queue->nodes[top].cost;
    flow->top = meld_children(queue, queue->nodes[top].child);
    forget(queue, top);
    return seq;
}

bool queue_pop(struct queue *queue, enum stage stage, uint64_t *ret_seq)
{
    for (uint32_t rank = 0; rank < QUEUE_RANKS; rank++) {
        struct lane *lane = &queue->lanes[lane_of(stage, (enum queue_rank)rank)];
        if (lane->turn == NOWHERE)
            continue;
        *ret_seq = pop_lane(queue, lane);
        CHECK(queue->counts[stage] > 0);
        queue->counts[stage]--;
        return true;
    }
    return false;
}

void queue_remove(struct queue *queue, enum stage stage, uint64_t seq)
{
    uint32_t at;
    bool found = seqmap_find(queue->places, seq, &at);
    CHECK(found);
    struct flow *flow = &queue->flows[queue->nodes[at].flow];
    CHECK(flow->lane / QUEUE_RANKS == (uint32_t)stage);

    uint32_t rest = meld_children(queue, queue->nodes[at].child);
    if (flow->top == at) {
        flow->top = rest;
    } else {
        cut(queue, at);
        flow->top = meld(queue, flow->top, rest);
    }
    forget(queue, at);
    CHECK(queue->counts[stage] > 0);
    queue->counts[stage]--;
}

uint32_t queue_count(const struct queue *queue, enum stage stage)
{
    CHECK(stage <= STAGE_REVIEW);
    return queue->counts[stage];
}
