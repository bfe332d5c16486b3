/* SPDX-License-Identifier: Apache-2.0 */
/* model_reply.c - a reply says what the journal says up to the position that it names. */
#include "tests/sim/sim.h"

#include <string.h>

#define NO_EVENT UINT32_MAX

/** The cell of @row in the column @name, which must be there, as text. */
static const char *cell(struct sim *sim, const struct reply *reply, uint32_t row, const char *name)
{
    static char texts[8][128];
    static uint32_t turn;

    for (uint32_t i = 0; i < reply->columns_count; i++) {
        if (strcmp(reply->columns[i].name, name) != 0)
            continue;
        struct slice slice = reply->cells[row * reply->columns_count + i];
        char *text = texts[turn++ % ARRAY_LEN(texts)];
        (void)snprintf(text, sizeof texts[0], "%.*s", (int)slice.len,
                       slice.len > 0 ? (const char *)slice.bytes : "");
        return text;
    }
    sim_fail(sim, "a reply has no column %s", name);
}

static uint64_t number(struct sim *sim, const struct reply *reply, uint32_t row, const char *name)
{
    return strtoull(cell(sim, reply, row, name), NULL, 10);
}

#define EXPECT_TEXT(name, wanted)                                                                  \
    sim_expect(sim, strcmp(cell(sim, reply, row, name), wanted) == 0,                              \
               "a reply as of %llu has %s \"%s\", it was \"%s\"",                                  \
               (unsigned long long)reply->as_of_seq, name, cell(sim, reply, row, name), wanted)
#define EXPECT_NUMBER(name, wanted)                                                                \
    sim_expect(sim, number(sim, reply, row, name) == (uint64_t)(wanted),                           \
               "a reply as of %llu has %s %s, it was %llu", (unsigned long long)reply->as_of_seq,  \
               name, cell(sim, reply, row, name), (unsigned long long)(wanted))

static bool sees(const struct principal *principal, struct ods lead)
{
    const char *own = principal->organisation.text;
    return (principal->verbs & VERB_BIT(VERB_OPERATE)) != 0 || strcmp(own, "X24") == 0 ||
           strcmp(own, lead.text) == 0 ||
           (strcmp(own, "0CE") == 0 && strcmp(lead.text, "02E") == 0);
}

static void judge_workflow(struct sim *sim, const struct reply *reply, uint32_t row)
{
    const struct model_place *place = NULL;

    for (uint32_t i = 0; i < sim->model.places_count; i++) {
        if (sim->model.places[i].number == number(sim, reply, row, "number"))
            place = &sim->model.places[i];
    }
    sim_expect(sim, place != NULL && !place->is_register, "a reply has an unknown workflow");
    EXPECT_TEXT("lead", place->ods.text);
    EXPECT_TEXT("reference", place->reference.text);
    EXPECT_TEXT("stage", stage_name(place->stage));
    EXPECT_TEXT("phase", phase_name(place->phase));
    EXPECT_TEXT("adopted", place->adopted ? "true" : "false");
    EXPECT_NUMBER("accepted", place->accepted);
    EXPECT_NUMBER("under_way", place->queued + (place->judging != NO_EVENT ? 1 : 0));
    EXPECT_NUMBER("held", place->held);
    EXPECT_NUMBER("last_seq", place->last_seq);
}

static void judge_workflows(struct sim *sim, const struct reply *reply,
                            const struct principal *principal)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < sim->model.places_count; i++) {
        const struct model_place *place = &sim->model.places[i];
        count += !place->is_register && place->phase != PHASE_NONE && sees(principal, place->ods);
    }
    sim_expect(sim, reply->error.len == 0 && reply->rows_count == count,
               "a list as of %llu has %u workflows, there were %u",
               (unsigned long long)reply->as_of_seq, reply->rows_count, count);
    for (uint32_t row = 0; row < reply->rows_count; row++)
        judge_workflow(sim, reply, row);
}

static void judge_ledger(struct sim *sim, const struct reply *reply)
{
    for (uint32_t row = 0; row < reply->rows_count; row++) {
        const struct model_year *year = NULL;
        for (uint32_t i = 0; i < sim->model.years_count; i++) {
            char name[YEAR_TEXT_SIZE];
            financial_year_print(sim->model.years[i].year, name);
            if (strcmp(sim->model.years[i].ods.text, cell(sim, reply, row, "ods")) == 0 &&
                strcmp(name, cell(sim, reply, row, "year")) == 0)
                year = &sim->model.years[i];
        }
        sim_expect(sim, year != NULL, "a reply has a year that no entry is about");
        EXPECT_TEXT("allotted", year->allotted ? "true" : "false");
        EXPECT_NUMBER("allotment_pence", year->allotment_pence);
        /* What was taken while there is no allotment stands in a column of its own. */
        EXPECT_NUMBER("reserved_pence", year->allotted ? year->reserved_pence : 0);
        EXPECT_NUMBER("committed_pence", year->allotted ? year->committed_pence : 0);
        if (!year->allotted)
            EXPECT_NUMBER("uncovered_pence", year->reserved_pence + year->committed_pence);
    }
}

static bool state_fits(const struct model_event *event, const char *state)
{
    switch (event->state) {
    case MODEL_QUEUED:
        return strcmp(state, "queued") == 0;
    case MODEL_AT_TURN:
        return strcmp(state, "ready") == 0 || strcmp(state, "leased") == 0 ||
               strcmp(state, "delayed") == 0;
    case MODEL_HELD:
        return strcmp(state, "held") == 0;
    case MODEL_PARKED:
        return strcmp(state, "parked") == 0;
    case MODEL_DONE:
        break;
    }
    return strcmp(state, event->verdict == VERDICT_ACCEPTED    ? "accepted"
                         : event->verdict == VERDICT_WITHDRAWN ? "withdrawn"
                                                               : "rejected") == 0;
}

static void judge_event(struct sim *sim, const struct reply *reply)
{
    const uint32_t row = 0;
    const struct model_event *event = NULL;
    if (reply->rows_count == 0)
        return;

    for (uint32_t i = 0; i < sim->model.events_count; i++) {
        if (sim->model.events[i].seq == number(sim, reply, row, "seq"))
            event = &sim->model.events[i];
    }
    sim_expect(sim, event != NULL, "a reply has an event that was not received");
    char id[EVENT_ID_TEXT_SIZE];
    event_id_print(event->event.id, id);
    EXPECT_TEXT("event_id", id);
    EXPECT_NUMBER("verdict_seq", event->verdict_seq);
    EXPECT_TEXT("verdict", event->verdict != VERDICT_NONE ? verdict_name(event->verdict) : "");
    sim_expect(sim, state_fits(event, cell(sim, reply, row, "state")),
               "a reply as of %llu has the event of seq %llu in state %s",
               (unsigned long long)reply->as_of_seq, (unsigned long long)event->seq,
               cell(sim, reply, row, "state"));
    if (event->state != MODEL_DONE)
        EXPECT_NUMBER("attempts", event->attempts);
}

static void judge_queues(struct sim *sim, const struct reply *reply)
{
    uint64_t queued = 0;
    uint64_t held = 0;
    uint64_t at_turn = 0;
    uint64_t parked = 0;

    for (uint32_t row = 0; row < reply->rows_count; row++) {
        queued += number(sim, reply, row, "queued");
        held += number(sim, reply, row, "held");
        parked += number(sim, reply, row, "parked");
        at_turn += number(sim, reply, row, "ready") + number(sim, reply, row, "leased") +
                   number(sim, reply, row, "delayed");
    }
    /* What has not come to its turn may have no stage yet, and stands in no row. */
    uint32_t counts[MODEL_DONE + 1] = {0};
    for (uint32_t i = 0; i < sim->model.events_count; i++)
        counts[sim->model.events[i].state]++;
    sim_expect(sim,
               held == counts[MODEL_HELD] && parked == counts[MODEL_PARKED] &&
                   queued <= counts[MODEL_QUEUED] && at_turn <= counts[MODEL_AT_TURN],
               "the queues as of %llu have %llu queued, %llu at their turn, %llu held; there were "
               "%u, %u, %u",
               (unsigned long long)reply->as_of_seq, (unsigned long long)queued,
               (unsigned long long)at_turn, (unsigned long long)held, counts[MODEL_QUEUED],
               counts[MODEL_AT_TURN], counts[MODEL_HELD]);
}

void model_reply(struct sim *sim, const struct reply *reply, connection_t to)
{
    uint32_t at = (uint32_t)(to & 0xff) - 1;
    CHECK(at < SIM_CLIENTS);
    const struct sim_client *client = &sim->clients[at];

    if (reply->query_id != client->query_id * SIM_PEERS + at)
        return; /* a question given up long ago */
    if (strcmp(client->query_command, "workflow list") == 0)
        judge_workflows(sim, reply, &sim->peers[at].principal);
    else if (strcmp(client->query_command, "ledger show") == 0)
        judge_ledger(sim, reply);
    else if (strcmp(client->query_command, "queue list") == 0)
        judge_queues(sim, reply);
    else if (strcmp(client->query_command, "event status") == 0)
        judge_event(sim, reply);
    else if (strcmp(client->query_command, "workflow show") == 0 && reply->rows_count > 0)
        judge_workflow(sim, reply, 0);
}
