/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/domain/route.h"

static uint32_t add_once(struct ods *list, uint32_t count, struct ods ods)
{
    if (ods_empty(ods))
        return count;
    for (uint32_t i = 0; i < count; i++) {
        if (ods_equal(list[i], ods))
            return count;
    }
    CHECK(count < AUDIENCE_MAX);
    list[count] = ods;
    return count + 1;
}

uint32_t route_audience(const struct event *event, const struct workflow *workflow,
                        struct ods ret[AUDIENCE_MAX])
{
    uint32_t count = 0;
    if (workflow != NULL) {
        count = add_once(ret, count, workflow->lead);
        count = add_once(ret, count, workflow->present_lead);
    } else {
        count = add_once(ret, count, event->organisation);
        if (event->type == EVENT_SUPPORT_CONTRACT)
            count = add_once(ret, count, event->support_contract.csu);
    }
    count = add_once(ret, count, event->sender);
    count = add_once(ret, count, event->acting_for);
    return count;
}

bool route_may_read(const struct principal *principal, const struct ods *audience,
                    uint32_t audience_count)
{
    if (principal->verbs & VERB_BIT(VERB_OPERATE))
        return true;
    if (!(principal->verbs & (VERB_BIT(VERB_READ) | VERB_BIT(VERB_SUBMIT))))
        return false;
    for (uint32_t i = 0; i < audience_count; i++) {
        if (ods_equal(audience[i], principal->organisation))
            return true;
    }
    return false;
}
