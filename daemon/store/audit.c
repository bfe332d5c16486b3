/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/audit.h"

#include <string.h>

#define SEQS_FIRST 65536

void audit_clear(struct audit *audit)
{
    free(audit->open);
    free(audit->ended);
    *audit = (struct audit){.open = NULL};
}

static bool is_set(const struct audit *audit, const uint8_t *bits, uint64_t seq)
{
    return seq < audit->seqs_max && (bits[seq / 8] >> (seq % 8) & 1) != 0;
}

static void set(uint8_t *bits, uint64_t seq)
{
    bits[seq / 8] = (uint8_t)(bits[seq / 8] | 1u << (seq % 8));
}

static void unset(uint8_t *bits, uint64_t seq)
{
    bits[seq / 8] = (uint8_t)(bits[seq / 8] & ~(1u << (seq % 8)));
}

/** Room for @seq. */
static enum status grow(struct audit *audit, uint64_t seq)
{
    uint64_t max = audit->seqs_max == 0 ? SEQS_FIRST : audit->seqs_max;

    if (seq < audit->seqs_max)
        return STATUS_OK;
    while (max <= seq)
        max *= 2;
    uint8_t *open = realloc(audit->open, max / 8);
    if (open == NULL)
        return STATUS_NO_MEMORY;
    audit->open = open;
    uint8_t *ended = realloc(audit->ended, max / 8);
    if (ended == NULL)
        return STATUS_NO_MEMORY;
    audit->ended = ended;
    memset(open + audit->seqs_max / 8, 0, (max - audit->seqs_max) / 8);
    memset(ended + audit->seqs_max / 8, 0, (max - audit->seqs_max) / 8);
    audit->seqs_max = max;
    return STATUS_OK;
}

static enum status fault(char text[AUDIT_TEXT_SIZE], const struct entry *entry, const char *what)
{
    snprintf(text, AUDIT_TEXT_SIZE, "entry %llu: %s (of entry %llu)",
             (unsigned long long)entry->seq, what, (unsigned long long)entry->of_seq);
    return STATUS_STORE_CORRUPT;
}

/** The event of @entry ends, once. */
static enum status end_event(struct audit *audit, const struct entry *entry, uint64_t *count,
                             char text[AUDIT_TEXT_SIZE])
{
    if (is_set(audit, audit->ended, entry->of_seq))
        return fault(text, entry, "ends an event that has ended already");
    if (!is_set(audit, audit->open, entry->of_seq))
        return fault(text, entry, "ends an event that was never received");
    unset(audit->open, entry->of_seq);
    set(audit->ended, entry->of_seq);
    audit->open_count--;
    *count += 1;
    return STATUS_OK;
}

/** What is said of an event is said while it is open. */
static enum status about(const struct audit *audit, const struct entry *entry,
                         char text[AUDIT_TEXT_SIZE])
{
    return is_set(audit, audit->open, entry->of_seq)
               ? STATUS_OK
               : fault(text, entry, "is about an event that is not open");
}

static enum status judged(struct audit *audit, const struct entry *entry,
                          char text[AUDIT_TEXT_SIZE])
{
    switch (entry->verdict) {
    case VERDICT_HELD:
        return about(audit, entry, text);
    case VERDICT_ACCEPTED:
        return end_event(audit, entry, &audit->accepted, text);
    case VERDICT_REJECTED:
        return end_event(audit, entry, &audit->rejected, text);
    case VERDICT_WITHDRAWN: /* has an entry of its own */
    case VERDICT_NONE:
        break;
    }
    return fault(text, entry, "has no verdict");
}

/** A register's event is received and ends at once. */
static enum status recorded(struct audit *audit, const struct entry *entry,
                            char text[AUDIT_TEXT_SIZE])
{
    audit->received++;
    set(audit->ended, entry->seq);
    if (entry->verdict == VERDICT_ACCEPTED)
        audit->accepted++;
    else if (entry->verdict == VERDICT_REJECTED)
        audit->rejected++;
    else
        return fault(text, entry, "has no final verdict");
    return STATUS_OK;
}

enum status audit_entry(struct audit *audit, const struct entry *entry, char text[AUDIT_TEXT_SIZE])
{
    enum status status = grow(audit, entry->seq);

    if (status != STATUS_OK) {
        snprintf(text, AUDIT_TEXT_SIZE, "no memory to count %llu entries",
                 (unsigned long long)entry->seq);
        return status;
    }
    switch (entry->kind) {
    case ENTRY_RECEIVED:
        audit->received++;
        audit->open_count++;
        set(audit->open, entry->seq);
        return STATUS_OK;
    case ENTRY_RECORDED:
        return recorded(audit, entry, text);
    case ENTRY_JUDGED:
        return judged(audit, entry, text);
    case ENTRY_EVENT_WITHDRAWN:
        return end_event(audit, entry, &audit->withdrawn, text);
    case ENTRY_ATTEMPT_FAILED:
    case ENTRY_WAIT_ENDED:
    case ENTRY_RETRIED:
        return about(audit, entry, text);
    case ENTRY_STARTED:
    case ENTRY_LATE_FINDING: /* may come after the end: that is what it says */
    case ENTRY_STAGE_SET:
    case ENTRY_OPERATED:
    case ENTRY_TIMER_FIRED:
        return STATUS_OK;
    case ENTRY_NONE:
        break;
    }
    return fault(text, entry, "is of no kind");
}

enum status audit_end(const struct audit *audit, struct state *state, char text[AUDIT_TEXT_SIZE])
{
    struct rows *rows = state_rows(state);
    struct open_row row;
    uint64_t seq = 0;
    uint64_t count = 0;

    while (rows_next_open(rows, seq, &row)) {
        seq = row.open.seq;
        count++;
        if (!is_set(audit, audit->open, seq)) {
            snprintf(text, AUDIT_TEXT_SIZE, "event %llu is open in the state, and has ended",
                     (unsigned long long)seq);
            return STATUS_STORE_CORRUPT;
        }
    }
    if (count != audit->open_count) {
        snprintf(text, AUDIT_TEXT_SIZE, "%llu events are open, and the state has %llu of them",
                 (unsigned long long)audit->open_count, (unsigned long long)count);
        return STATUS_STORE_CORRUPT;
    }
    if (overlay_count(rows->overlay, KV_SEEN) != audit->received) {
        snprintf(text, AUDIT_TEXT_SIZE, "%llu events were received under %llu ids",
                 (unsigned long long)audit->received,
                 (unsigned long long)overlay_count(rows->overlay, KV_SEEN));
        return STATUS_STORE_CORRUPT;
    }
    return state_failure(state);
}
