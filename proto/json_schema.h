/* SPDX-License-Identifier: Apache-2.0 */
/* json_schema.h - the schema as JSON sees it: messages by name, and which bytes are messages. Private to json. */
#ifndef COMMISSION_JSON_SCHEMA_H
#define COMMISSION_JSON_SCHEMA_H

#include "proto/base.h"

#include <protobuf-c/protobuf-c.h>

/* Entries > EntryRow > Entry > Recorded > Event > ContractAwarded > Provider, and room. */
#define JSON_DEPTH_MAX 10

typedef ProtobufCMessageDescriptor descriptor_t;
typedef ProtobufCFieldDescriptor field_t;

/** The message called @name, such as "Event"; NULL: there is none. */
const descriptor_t *schema_find(const char *name);
/** The message that @field of @in holds, be it as bytes (an event kept as received); NULL: none. */
const descriptor_t *schema_held(const descriptor_t *in, const field_t *field);
/** @field is an event's id, which JSON has as a UUID. */
bool schema_is_event_id(const field_t *field);
/** @field is text or bytes. */
bool schema_is_bytes(const field_t *field);

#endif
