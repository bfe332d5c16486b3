/* SPDX-License-Identifier: Apache-2.0 */
/* record.h - the state's values: version, length and digest around a payload; the only reader and writer of rows' bytes. */
/*
 *     version u8 | length u16 | digest 8 bytes | payload
 *
 * Numbers are little-endian, of fixed width, written field by field; texts are a length u8 and their bytes. The digest
 * is BLAKE2b, personalised with our context and salted with the table, over version, key and payload: a row is
 * known to be damaged, moved to another key or to another table when it is read.
 */
#ifndef COMMISSION_RECORD_H
#define COMMISSION_RECORD_H

#include "daemon/store/kv.h"
#include "daemon/store/store.h"

#define RECORD_VERSION 1
#define RECORD_DIGEST_BYTES 8
#define RECORD_HEADER_BYTES (1 + 2 + RECORD_DIGEST_BYTES)
#define RECORD_PAYLOAD_MAX 4096
#define RECORD_BYTES_MAX (RECORD_HEADER_BYTES + RECORD_PAYLOAD_MAX)
static_assert(RECORD_BYTES_MAX <= KV_VALUE_BYTES_MAX, "a row is read as long as it was written");

/** One value being made: its payload at @bytes + RECORD_HEADER_BYTES. */
struct record {
    size_t payload_len;
    uint8_t bytes[RECORD_BYTES_MAX];
};

/** Put the header before the payload; the slice is the value, in @record. */
struct slice record_seal(struct record *record, enum kv_table table, struct slice key);
/** Check @value; *@ret is its payload. False: it is damaged, or not the value of this key. */
MUST_USE bool record_open(struct slice value, enum kv_table table, struct slice key,
                          struct slice *ret);

/* Encoders write the payload whole; decoders return false where it is none of theirs. */

void record_encode_workflow(struct record *record, const struct workflow *workflow);
MUST_USE bool record_decode_workflow(struct slice payload, struct workflow *ret);

/** Of an open event: the row, the event's bytes (empty where longer than FACT_BYTES_MAX) and what it waits for. */
struct open_row {
    struct open_event open;
    struct slice event;
    struct wait waits[WAITS_MAX];
    uint32_t waits_count;
};
void record_encode_open(struct record *record, const struct open_row *row);
/** The slice in *@ret points into @payload. */
MUST_USE bool record_decode_open(struct slice payload, struct open_row *ret);

void record_encode_seen(struct record *record, const struct seen *seen);
MUST_USE bool record_decode_seen(struct slice payload, struct seen *ret);

void record_encode_register(struct record *record, const struct register_head *head);
MUST_USE bool record_decode_register(struct slice payload, struct register_head *ret);

/** An organisation without its level of co-commissioning, which has rows of its own. */
void record_encode_organisation(struct record *record, const struct organisation *organisation);
MUST_USE bool record_decode_organisation(struct slice payload, struct organisation *ret);

void record_encode_support(struct record *record, const struct support_row *row);
MUST_USE bool record_decode_support(struct slice payload, struct support_row *ret);

struct level_row {
    enum co_commissioning level;
    date_t from;
    uint64_t entry_seq;
};
void record_encode_level(struct record *record, const struct level_row *row);
MUST_USE bool record_decode_level(struct slice payload, struct level_row *ret);

void record_encode_key(struct record *record, const struct key_row *row);
MUST_USE bool record_decode_key(struct slice payload, struct key_row *ret);

void record_encode_ledger(struct record *record, const struct ledger_year *year);
MUST_USE bool record_decode_ledger(struct slice payload, struct ledger_year *ret);

void record_encode_ledger_line(struct record *record, const struct ledger_line_row *row);
MUST_USE bool record_decode_ledger_line(struct slice payload, struct ledger_line_row *ret);

/** A fact: the event's bytes as received. The decoder is the identity. */
void record_encode_fact(struct record *record, struct slice event);

/** A number: of a reference, of a key's order. */
void record_encode_number(struct record *record, uint64_t number);
MUST_USE bool record_decode_number(struct slice payload, uint64_t *ret);

void record_encode_public_key(struct record *record, struct key key);
MUST_USE bool record_decode_public_key(struct slice payload, struct key *ret);

/** A row whose key says all: waits, due dates, due timers. */
void record_encode_nothing(struct record *record);

void record_encode_stage(struct record *record, const struct stage_setting *setting);
MUST_USE bool record_decode_stage(struct slice payload, struct stage_setting *ret);

/** Of a timer: its level, when that is due, who set it. Kind and event stand in the key. */
void record_encode_timer(struct record *record, const struct timer_row *row);
MUST_USE bool record_decode_timer(struct slice payload, struct timer_row *ret);

/** The one row of META. */
struct position {
    uint32_t format;
    uint64_t applied_seq;
    struct hash applied_hash;
    uint64_t run; /* of the last STARTED entry */
    uint8_t journal_id[16];
    uint64_t rows
        [KV_TABLES]; /* of each table as it was committed; META's is 0. A table more is a format more */
};
void record_encode_position(struct record *record, const struct position *position);
MUST_USE bool record_decode_position(struct slice payload, struct position *ret);
/** The format alone, of whichever it is: it comes first in all of them. */
MUST_USE bool record_decode_format(struct slice payload, uint32_t *ret);

/** The digest of an event's bytes that `seen` keeps: BLAKE2b-128 with a context of its own. */
void record_event_digest(struct slice event_bytes, uint8_t ret[16]);

#endif
