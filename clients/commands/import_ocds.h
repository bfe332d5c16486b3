/* SPDX-License-Identifier: Apache-2.0 */
/* import_ocds.h - one run of `commission import ocds`: its files, releases and events, between the sending and the report. */
#ifndef COMMISSION_IMPORT_OCDS_H
#define COMMISSION_IMPORT_OCDS_H

#include "clients/commands/batch.h"
#include "clients/ocds/map.h"
#include "clients/ocds/read.h"

enum outcome {
    OUTCOME_NONE = 0,
    OUTCOME_READY, /* a dry run: it would be sent */
    OUTCOME_ACCEPTED,
    OUTCOME_REPEATED, /* imported before, and not rejected */
    OUTCOME_HELD,
    OUTCOME_REJECTED,
    OUTCOME_REJECTED_BEFORE, /* imported before, and rejected then: a final verdict stays */
    OUTCOME_SKIPPED,
    OUTCOME_NOT_OCDS,
    OUTCOME_UNREADABLE, /* the file */
    OUTCOME_UNKNOWN,    /* no answer in time */
    OUTCOMES
};

/** One line of the report: a release; or what a file, or a part of it, is instead. */
struct line {
    const char *path;
    struct ocds_release *release;   /* NULL: the file, see @fault */
    const struct ocds_fault *fault; /* of the file */
    struct ocds_mapped mapped;
    struct line *original; /* of a copy: the line of the release that it repeats */
    char *event_fault;     /* malloc'ed: why an event of it could not be written */
    enum outcome outcome;
    const struct line *opener; /* of its process: brings it in; NULL: known already, or none */
    bool known;                /* its process was a workflow already */
    bool adopts;               /* it brings the process in */
    struct sending *sendings;  /* its events, in order, linked by next */
    bool late;                 /* an update or amendment with nothing before it */
    uint32_t order;            /* in the files' order */
};

struct source {
    const char *path;
    struct ocds_file *file; /* NULL: unreadable */
};

/** One event to send. */
struct sending {
    struct line *line;
    const struct ocds_event *event; /* the line's; NULL: ADOPTED */
    struct ocds_event adopted;      /* then: the sending's own */
    uint32_t wave;
    uint32_t place;       /* in the batch; UINT32_MAX: it could not be written */
    struct sending *next; /* of the same line */
};

struct import {
    struct cli *cli;
    bool dry_run;
    struct ocds_terms terms;
    struct ods registered; /* the last lead that was found to be */
    struct source *sources;
    uint32_t sources_count;
    struct line *lines;
    uint32_t lines_count;
    struct sending *sendings;
    uint32_t sendings_count;
    struct batch batch;
    uint32_t counts[OUTCOMES];
    uint32_t adopted_count;
    uint32_t warnings_count;
};

/** The event itself, the line's or the sending's own. */
const struct ocds_event *sending_event(const struct sending *sending);

/** After the waves: what each release's events came to, and its copies with it. */
void import_ocds_conclude(struct import *import);

/** Print a line for each release, and what all come to. Returns an exit code: 7 no answer, 0 all well, 1 none, 8 some. What was skipped is neither. */
int import_ocds_report(struct import *import);

#endif
