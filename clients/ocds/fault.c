/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/ocds/fault.h"

#include <stdarg.h>

void ocds_fault_add(struct ocds_faults *faults, bool warning, const char *code, const char *path,
                    const char *format, ...)
{
    if (!warning)
        faults->errors++;
    /* Half the room is kept for errors, however many warnings come first. */
    uint32_t max = warning ? OCDS_FAULTS_MAX / 2 : OCDS_FAULTS_MAX;
    struct ocds_fault *items = NULL;
    if (faults->count < max)
        items = realloc(faults->items, (faults->count + 1) * sizeof *items);
    if (items == NULL) {
        faults->left_out++;
        return;
    }
    faults->items = items;

    struct ocds_fault *fault = &items[faults->count++];
    fault->warning = warning;
    bool bare = path == NULL || *path == '\0';
    (void)snprintf(fault->code, sizeof fault->code, "%s%s%s", code, bare ? "" : ":",
                   bare ? "" : path);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(fault->text, sizeof fault->text, format, arguments);
    va_end(arguments);
}

void ocds_faults_clear(struct ocds_faults *faults)
{
    free(faults->items);
    *faults = (struct ocds_faults){0};
}
