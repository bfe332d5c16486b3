/* SPDX-License-Identifier: Apache-2.0 */
/* fault.h - what is wrong, or only strange, with a file, a release or an award: import code, path, and a sentence. */
#ifndef COMMISSION_OCDS_FAULT_H
#define COMMISSION_OCDS_FAULT_H

#include "proto/base.h"

#define OCDS_FAULT_CODE_SIZE 160 /* "OCDS_FIELD_REQUIRED:awards/0/id" */
#define OCDS_FAULT_TEXT_SIZE 200
#define OCDS_FAULTS_MAX 32 /* of one release; then they are counted only */

/** One thing that is wrong, or (@warning) only strange. */
struct ocds_fault {
    char code[OCDS_FAULT_CODE_SIZE];
    char text[OCDS_FAULT_TEXT_SIZE];
    bool warning;
};

struct ocds_faults {
    struct ocds_fault *items; /* malloc'ed */
    uint32_t count;
    uint32_t left_out;
    uint32_t errors; /* those that are no warnings, left out ones as well */
};

/**
 * Add a fault "CODE:path" (@path "" or NULL: "CODE") that says @format. At OCDS_FAULTS_MAX, or out of memory, it is only counted.
 */
void ocds_fault_add(struct ocds_faults *faults, bool warning, const char *code, const char *path,
                    const char *format, ...) PRINTF_LIKE(5, 6);
void ocds_faults_clear(struct ocds_faults *faults);

#endif
