/* SPDX-License-Identifier: Apache-2.0 */
/* audit.h - counts, entry by entry, that nothing is dropped and nothing ends twice. */
/*
 * Each event that the journal received ends once (a final verdict, or withdrawn), or is one open row of the state at the journal's end;
 * no event id was received twice; nothing is said of an event that is not open. Kept apart from the state it is compared with: two bits an entry.
 */
#ifndef COMMISSION_AUDIT_H
#define COMMISSION_AUDIT_H

#include "daemon/store/state.h"

#define AUDIT_TEXT_SIZE 200

struct audit {
    uint8_t *open; /* a bit for each seq */
    uint8_t *ended;
    uint64_t seqs_max;
    uint64_t received; /* events, registers' too */
    uint64_t accepted;
    uint64_t rejected;
    uint64_t withdrawn;
    uint64_t open_count;
};

/** Release what is in it. */
void audit_clear(struct audit *audit);
/** Take @entry into account, in the order of the journal. STATUS_STORE_CORRUPT: @text says what is wrong. STATUS_NO_MEMORY. */
MUST_USE enum status audit_entry(struct audit *audit, const struct entry *entry,
                                 char text[AUDIT_TEXT_SIZE]);
/** Compare with @state, to which the same entries were applied. As above. */
MUST_USE enum status audit_end(const struct audit *audit, struct state *state,
                               char text[AUDIT_TEXT_SIZE]);

#endif
