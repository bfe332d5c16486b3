/* SPDX-License-Identifier: Apache-2.0 */
/* map.h - from a release to the events that say the same: tender and award notices. */
/*
 *   tag `tender`                        PROCUREMENT_STARTED, on the day it was published
 *   tag `award`, each of its awards     by its status: pending AWARD_INTENDED, active CONTRACT_AWARDED,
 *                                       cancelled or unsuccessful AWARD_WITHDRAWN; on the award's day
 *   the first of a process              ADOPTED before it, where the workflow is not known
 *   any other tag                       skipped
 *
 * The workflow is named by the ocid; its lead is the buyer's GB-NHS identifier or, where it has none, the one that is given.
 *
 * Events are texts of proto3 JSON without their event_id, which the caller derives from @identity: so the same release is
 * the same event, byte for byte, however often and in whichever company it is imported.
 *
 * ADOPTED is the exception that needs care. Its identity is ocid and lead alone, for the process is adopted once, whichever
 * of its releases comes first; its payload is constant. But an event says when it occurred, and rules look at that day (was
 * the lead open?), so it cannot be constant as well: it is the day of the earliest release of the process at hand. Two imports of
 * different releases could therefore differ in that one date. That does no harm, as the caller sends ADOPTED only when the workflow
 * is unknown, and takes ID_REUSED for what it then means: an earlier import has adopted the process, or is about to.
 */
#ifndef COMMISSION_OCDS_MAP_H
#define COMMISSION_OCDS_MAP_H

#include "clients/ocds/release.h"
#include "proto/ident.h"
#include "proto/message.h"
#include "proto/status.h"

/** What the data does not say. */
struct ocds_terms {
    struct ods lead;   /* of processes whose buyer has no GB-NHS identifier; "" none */
    struct ods sender; /* who sends; "" the lead itself. Another than the lead acts for it. */
};

struct ocds_event {
    enum event_type type;
    char *text;         /* proto3 JSON, one line, without event_id; malloc'ed */
    char identity[640]; /* what the event id is derived from: parts, each with a NUL behind it */
    size_t identity_len;
};

/**
 * What becomes of a release. @faults: why it, or one of its awards, cannot be said as an event; what can be said, is still among
 * @events. @skipped: nothing is wrong, it is just none of the notices above; @skip_text says which it is.
 */
struct ocds_mapped {
    struct ods lead;
    struct reference reference;
    struct ocds_event *events; /* malloc'ed */
    uint32_t count;
    struct ocds_faults faults;
    bool skipped;
    char skip_text[160];
};

/**
 * Map @release, which has no errors. STATUS_OK: *@ret is the caller's, to be released with ocds_mapped_clear(). STATUS_NO_MEMORY: *@ret is
 * untouched.
 */
MUST_USE enum status ocds_map(const struct ocds_release *release, const struct ocds_terms *terms,
                              struct ocds_mapped *ret);
/** They say the same, word for word: the same events, or the same reasons why there are none. */
bool ocds_mapped_equal(const struct ocds_mapped *a, const struct ocds_mapped *b);
void ocds_mapped_clear(struct ocds_mapped *mapped);

/**
 * The ADOPTED event of the process that @mapped belongs to, on the day @occurred_on. STATUS_OK: *@ret is the caller's, to be released with
 * ocds_event_clear(). STATUS_NO_MEMORY.
 */
MUST_USE enum status ocds_map_adopted(const struct ocds_mapped *mapped,
                                      const struct ocds_terms *terms, date_t occurred_on,
                                      struct ocds_event *ret);
void ocds_event_clear(struct ocds_event *event);

/**
 * The text of @event with its id, for the daemon. Returns a malloc'ed text, or NULL: out of memory.
 */
char *ocds_event_text(const struct ocds_event *event, struct event_id id);

/** The route, as the .proto names it, that a method and its details mean; "NOT_STATED" where they do not say. */
const char *ocds_route(enum ocds_method method, const char *details);

#endif
