/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/json_schema.h"

#include "proto/commission.pb-c.h"

#include <string.h>

static const descriptor_t *const messages[] = {
    &commission__event__descriptor,
    &commission__provider__descriptor,
    &commission__year_value__descriptor,
    &commission__needs_assessed__descriptor,
    &commission__adopted__descriptor,
    &commission__priorities_set__descriptor,
    &commission__procurement_started__descriptor,
    &commission__bid_received__descriptor,
    &commission__bids_evaluated__descriptor,
    &commission__procurement_abandoned__descriptor,
    &commission__award_intended__descriptor,
    &commission__contract_awarded__descriptor,
    &commission__award_withdrawn__descriptor,
    &commission__review_completed__descriptor,
    &commission__note__descriptor,
    &commission__suspended__descriptor,
    &commission__resumed__descriptor,
    &commission__withdrawn__descriptor,
    &commission__organisation_registered__descriptor,
    &commission__support_contract__descriptor,
    &commission__co_commissioning_level__descriptor,
    &commission__allotment_set__descriptor,
    &commission__key_added__descriptor,
    &commission__key_revoked__descriptor,
    &commission__events__descriptor,
    &commission__reason__descriptor,
    &commission__answer__descriptor,
    &commission__answers__descriptor,
    &commission__query__descriptor,
    &commission__argument__descriptor,
    &commission__queries__descriptor,
    &commission__reply__descriptor,
    &commission__column__descriptor,
    &commission__row__descriptor,
    &commission__replies__descriptor,
    &commission__entry_row__descriptor,
    &commission__feed_open__descriptor,
    &commission__feed_credit__descriptor,
    &commission__feed_close__descriptor,
    &commission__feed_ask__descriptor,
    &commission__feed_asks__descriptor,
    &commission__entries__descriptor,
    &commission__hello__descriptor,
    &commission__hellos__descriptor,
    &commission__welcome__descriptor,
    &commission__welcomes__descriptor,
    &commission__beat__descriptor,
    &commission__beats__descriptor,
    &commission__bye__descriptor,
    &commission__byes__descriptor,
    &commission__organisation__descriptor,
    &commission__assignment__descriptor,
    &commission__assignments__descriptor,
    &commission__accept__descriptor,
    &commission__accepts__descriptor,
    &commission__progress__descriptor,
    &commission__progresses__descriptor,
    &commission__finding__descriptor,
    &commission__findings__descriptor,
    &commission__entry__descriptor,
    &commission__started__descriptor,
    &commission__received__descriptor,
    &commission__judged__descriptor,
    &commission__recorded__descriptor,
    &commission__attempt_failed__descriptor,
    &commission__wait_ended__descriptor,
    &commission__late_finding__descriptor,
    &commission__order__descriptor,
    &commission__retried__descriptor,
    &commission__event_withdrawn__descriptor,
    &commission__stage_set__descriptor,
    &commission__operated__descriptor,
    &commission__timer_set__descriptor,
    &commission__timer_fired__descriptor,
    &commission__ledger_line__descriptor,
    &commission__wait__descriptor,
};

/* Fields of bytes that hold a message, kept as received: in JSON they are that message. */
struct embedded {
    const descriptor_t *in;
    const char *field;
    const descriptor_t *holds;
};

static const struct embedded embeddeds[] = {
    {&commission__events__descriptor, "events", &commission__event__descriptor},
    {&commission__query__descriptor, "body", &commission__event__descriptor},
    {&commission__received__descriptor, "event", &commission__event__descriptor},
    {&commission__recorded__descriptor, "event", &commission__event__descriptor},
    {&commission__assignment__descriptor, "event", &commission__event__descriptor},
    {&commission__assignment__descriptor, "facts", &commission__event__descriptor},
    {&commission__entry_row__descriptor, "entry", &commission__entry__descriptor},
};

const descriptor_t *schema_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(messages); i++) {
        if (strcmp(messages[i]->short_name, name) == 0)
            return messages[i];
    }
    return NULL;
}

const descriptor_t *schema_held(const descriptor_t *in, const field_t *field)
{
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return field->descriptor;
    for (size_t i = 0; field->type == PROTOBUF_C_TYPE_BYTES && i < ARRAY_LEN(embeddeds); i++) {
        if (embeddeds[i].in == in && strcmp(embeddeds[i].field, field->name) == 0)
            return embeddeds[i].holds;
    }
    return NULL;
}

bool schema_is_event_id(const field_t *field)
{
    return strcmp(field->name, "event_id") == 0;
}

bool schema_is_bytes(const field_t *field)
{
    return field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_BYTES;
}
