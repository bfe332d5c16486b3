/* SPDX-License-Identifier: Apache-2.0 */
/* part.h - members of a release's JSON by name, type and place; what is wrong with one is a fault of the release. */
#ifndef COMMISSION_OCDS_PART_H
#define COMMISSION_OCDS_PART_H

#include "clients/ocds/release.h"

#include <jansson.h>

enum want { WANT_TEXT, WANT_ID, WANT_OBJECT, WANT_LIST, WANT_NUMBER };

/** An object of the release and where it stands. */
struct part {
    struct ocds_release *release;
    json_t *json; /* NULL: not given */
    char path[OCDS_PATH_SIZE];
};

/* A member that is absent or null is not given: NULL, false, DATE_NONE. One that is given wrongly is a fault, and as if not given. */

/** The member @name; missing when @required is a fault. */
json_t *part_member(struct part *part, const char *name, enum want want, bool required);
/** The object @name; without one, a part whose members are all not given. */
struct part part_object(struct part *part, const char *name);
/** Object number @index of @list, which is the member @name of @part. */
struct part part_item(struct part *part, const char *name, json_t *list, size_t index);
const char *part_text(struct part *part, const char *name);
/** An identifier: a text, or a whole number, which is turned into text in place. Empty is missing. */
const char *part_id(struct part *part, const char *name, bool required);
/** A date and time of RFC 3339, in UTC milliseconds. False: *@ret_ms is untouched. */
bool part_moment(struct part *part, const char *name, bool required, int64_t *ret_ms);
/** The day in England of a date and time. */
date_t part_day(struct part *part, const char *name);
/** Which of @codes, a NULL-terminated closed list: from 1; 0: not given, or unknown. */
int part_code(struct part *part, const char *name, bool required, const char *const *codes);
struct ocds_amount part_amount(struct part *part, const char *name);
/** Warn of each member that is not in @known, NULL-terminated: the standard asks for it. */
void part_warn_unknown(struct part *part, const char *const *known);

#endif
