/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/broker/docket.h"

#include "daemon/broker/seqmap.h"

struct docket {
    struct docket_event *events; /* the first @count are taken, in no order */
    struct seqmap *places;
    uint32_t count;
    uint32_t events_max;
    uint32_t counts[STAGES_MAX + 1][DOCKET_STATES];
};

enum status docket_new(struct docket **ret, uint32_t events_max)
{
    CHECK(events_max >= 1);

    struct docket *docket = calloc(1, sizeof *docket);
    if (docket == NULL)
        return STATUS_NO_MEMORY;
    docket->events_max = events_max;
    docket->events = calloc(events_max, sizeof *docket->events);
    if (docket->events == NULL)
        goto fail;
    if (seqmap_new(&docket->places, events_max) != STATUS_OK)
        goto fail;

    *ret = docket;
    return STATUS_OK;

fail:
    docket_free(docket);
    return STATUS_NO_MEMORY;
}

struct docket *docket_free(struct docket *docket)
{
    if (docket != NULL) {
        free(docket->events);
        seqmap_free(docket->places);
    }
    free(docket);
    return NULL;
}

bool docket_full(const struct docket *docket)
{
    return docket->count == docket->events_max;
}

static uint32_t *counter_of(struct docket *docket, const struct docket_event *event)
{
    CHECK(event->stage <= STAGE_REVIEW);
    CHECK(event->state < DOCKET_STATES);
    return &docket->counts[event->stage][event->state];
}

static struct docket_event *event_of(const struct docket *docket, uint64_t seq)
{
    uint32_t place;
    if (!seqmap_find(docket->places, seq, &place))
        return NULL;
    return &docket->events[place];
}

void docket_add(struct docket *docket, const struct docket_event *event)
{
    CHECK(!docket_full(docket));

    seqmap_put(docket->places, event->seq, docket->count);
    docket->events[docket->count] = *event;
    docket->count++;
    (*counter_of(docket, event))++;
}

const struct docket_event *docket_find(const struct docket *docket, uint64_t seq)
{
    return event_of(docket, seq);
}

void docket_move(struct docket *docket, uint64_t seq, enum stage stage, enum docket_state state)
{
    struct docket_event *event = event_of(docket, seq);
    CHECK(event != NULL);

    (*counter_of(docket, event))--;
    event->stage = stage;
    event->state = state;
    (*counter_of(docket, event))++;
}

void docket_ready(struct docket *docket, uint64_t seq, enum stage stage, date_t occurred_on)
{
    struct docket_event *event = event_of(docket, seq);
    CHECK(event != NULL);

    event->occurred_on = occurred_on;
    docket_move(docket, seq, stage, DOCKET_READY);
}

uint32_t docket_offer_lost(struct docket *docket, uint64_t seq)
{
    struct docket_event *event = event_of(docket, seq);
    CHECK(event != NULL);

    if (event->offers_lost < UINT8_MAX)
        event->offers_lost++;
    return event->offers_lost;
}

void docket_offer_taken(struct docket *docket, uint64_t seq)
{
    struct docket_event *event = event_of(docket, seq);
    CHECK(event != NULL);

    event->offers_lost = 0;
}

void docket_keep_late(struct docket *docket, uint64_t seq)
{
    struct docket_event *event = event_of(docket, seq);
    CHECK(event != NULL);

    event->late_kept = true;
}

void docket_tell(struct docket *docket, uint64_t seq, uint64_t connection)
{
    struct docket_event *event = event_of(docket, seq);
    if (event != NULL)
        event->connection = connection;
}

void docket_remove(struct docket *docket, uint64_t seq)
{
    struct docket_event *event = event_of(docket, seq);
    CHECK(event != NULL);

    (*counter_of(docket, event))--;
    seqmap_remove(docket->places, seq);
    docket->count--;

    /* The last one takes its place. */
    struct docket_event *last = &docket->events[docket->count];
    if (last != event) {
        seqmap_move(docket->places, last->seq, (uint32_t)(event - docket->events));
        *event = *last;
    }
}

uint32_t docket_count(const struct docket *docket)
{
    return docket->count;
}

uint32_t docket_count_of(const struct docket *docket, enum stage stage, enum docket_state state)
{
    CHECK(stage <= STAGE_REVIEW);
    CHECK(state < DOCKET_STATES);
    return docket->counts[stage][state];
}

uint32_t docket_count_in(const struct docket *docket, enum docket_state state)
{
    uint32_t count = 0;
    for (enum stage stage = STAGE_NONE; stage <= STAGE_REVIEW; stage++)
        count += docket_count_of(docket, stage, state);
    return count;
}

int64_t docket_oldest_ms(const struct docket *docket, enum stage stage)
{
    const struct docket_event *oldest = NULL;
    for (uint32_t i = 0; i < docket->count; i++) {
        const struct docket_event *event = &docket->events[i];
        if (event->stage == stage && (oldest == NULL || event->seq < oldest->seq))
            oldest = event;
    }
    return oldest != NULL ? oldest->received_at_ms : 0;
}
