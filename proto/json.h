/* SPDX-License-Identifier: Apache-2.0 */
/* json.h - messages <-> proto3 JSON, by descriptor: names as in commission.proto, 64-bit numbers as strings, bytes as base64. */
#ifndef COMMISSION_JSON_H
#define COMMISSION_JSON_H

#include "proto/base.h"
#include "proto/status.h"

/** Where reading failed: what was wrong, at which member ("contract_awarded.years[0].value_pence"), and line and column where known (from 1, else 0). */
struct json_fault {
    char text[200];
    char path[120];
    int line;
    int column;
};

/**
 * Read the JSON text of one message called @name ("Event") and write its protobuf bytes to @ret.
 * event_id may also be written as a UUID of 36 characters, other bytes as base64 or base64url; 64-bit numbers as
 * numbers or strings; enumerations as names or numbers. Unknown members are refused.
 * STATUS_OK: *@ret_bytes is malloc'ed, the caller's to free(). STATUS_MALFORMED: @fault says what. STATUS_NO_MEMORY.
 */
MUST_USE enum status json_read(const char *name, struct slice text, uint8_t **ret_bytes,
                               size_t *ret_len, struct json_fault *fault);

/**
 * Write the message @bytes, called @name, as JSON: one line, or indented when @pretty.
 * In an Entry, the event inside is written as an Event. event_id is written as a UUID (PROTOCOL.md names this one difference), public keys and hashes as base64.
 * STATUS_OK: *@ret is malloc'ed, NUL-terminated, the caller's to free(). STATUS_MALFORMED, STATUS_NO_MEMORY.
 */
MUST_USE enum status json_write(const char *name, struct slice bytes, bool pretty, char **ret);

#endif
