/* SPDX-License-Identifier: Apache-2.0 */
/* cuts.h - a recorded run of broker and store, cut at its records in every way, once and twice: what was said to be safe is there. */
#ifndef COMMISSION_TESTS_CUTS_H
#define COMMISSION_TESTS_CUTS_H

#include "tests/crash/drive.h"
#include "tests/crash/image.h"

struct cuts {
    /* in */
    uint64_t seed;
    uint32_t bulk;       /* events of 4 KB: enough of them fill segments */
    uint32_t images_max; /* of first cuts, spread over the trace */
    uint32_t
        second_each; /* after every so many of them: recover while recording, and cut again; 0: never */
    enum recorder_forgets forgets; /* the controls */
    /* out */
    uint64_t records; /* of the trace that change something */
    uint64_t renames; /* among them: of the state, and of each segment */
    uint64_t images;
    uint64_t second_images;
    uint64_t failures;
    char text[DRIVE_TEXT_SIZE + 100]; /* the first one */
};

/** Record a run, cut it. True: no failure. */
bool cuts_run(struct cuts *cuts);

#endif
