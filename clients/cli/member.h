/* SPDX-License-Identifier: Apache-2.0 */
/* member.h - where a member stands in the text of a JSON object. */
#ifndef COMMISSION_MEMBER_H
#define COMMISSION_MEMBER_H

#include "proto/base.h"

/**
 * The index in @json (one object, well formed or not) of the member that @path names, "note.text" or
 * "contract_awarded.years[0].value_pence": of its name's quote, or of the item. As far as the path can be
 * followed; 0 where it cannot be at all.
 */
size_t member_find(struct slice json, const char *path);

#endif
