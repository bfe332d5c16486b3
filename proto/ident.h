/* SPDX-License-Identifier: Apache-2.0 */
/* ident.h - identifiers: of events, of organisations, of workflows. Parse, print, compare. */
#ifndef COMMISSION_IDENT_H
#define COMMISSION_IDENT_H

#include "proto/base.h"
#include "proto/limits.h"

/** The sender's own number of an event; UUIDv7 advised. */
struct event_id {
    uint8_t bytes[EVENT_ID_BYTES];
};

/** A CURVE public key, or a hash of an entry: 32 bytes. */
struct key {
    uint8_t bytes[KEY_BYTES];
};
struct hash {
    uint8_t bytes[HASH_BYTES];
};

/** An organisation's code, upper case: ODS (3 or 5 characters) or ONS (9); "" is none. Bytes after the NUL are 0. */
struct ods {
    char text[ODS_SIZE];
};

/** A sender's name for a workflow, [A-Za-z0-9._:-]{1,64}; "" is none. Bytes after the NUL are 0. */
struct reference {
    char text[REFERENCE_SIZE];
};

#define EVENT_ID_TEXT_SIZE 37 /* "0190a5d2-....", with NUL */
#define HASH_TEXT_SIZE 65

/** Read a UUID with or without hyphens (32 hexadecimal digits). False: it is none, *@ret untouched. */
MUST_USE bool event_id_parse(const char *text, struct event_id *ret);
/** Write @id as a UUID of 36 characters and NUL. */
void event_id_print(struct event_id id, char ret[EVENT_ID_TEXT_SIZE]);
bool event_id_equal(struct event_id a, struct event_id b);

/** Write @hash as 64 hexadecimal digits and NUL. */
void hash_print(struct hash hash, char ret[HASH_TEXT_SIZE]);
bool hash_equal(struct hash a, struct hash b);

/**
 * Take @len characters as an organisation's code: 3 or 5 upper-case letters and digits (ODS), or
 * a letter and eight digits (ONS). False: it is none, *@ret untouched.
 */
MUST_USE bool ods_parse(const char *text, size_t len, struct ods *ret);
bool ods_equal(struct ods a, struct ods b);
bool ods_empty(struct ods ods);

/** Take @len characters as a reference. False: it is none, *@ret untouched. */
MUST_USE bool reference_parse(const char *text, size_t len, struct reference *ret);
bool reference_equal(struct reference a, struct reference b);

#endif
