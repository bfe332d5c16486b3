/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/matter.h"

#include <string.h>

date_t day(const char *text)
{
    date_t date = DATE_NONE;

    CHECK(*text == '\0' || date_parse(text, strlen(text), &date));
    return date;
}

static struct slice slice_of(const char *text)
{
    return (struct slice){(const uint8_t *)text, strlen(text)};
}

static struct ods ods_of(const char *text)
{
    struct ods ods = {""};

    CHECK(*text == '\0' || ods_parse(text, strlen(text), &ods));
    return ods;
}

void matter_begin(struct case_matter *c, enum event_type type, const char *occurred_on)
{
    memset(c, 0, sizeof *c);
    c->assignment.commissioner = (struct organisation){.known = true,
                                                       .ods = ods_of("02E"),
                                                       .kind = ORGANISATION_CCG,
                                                       .opened_on = day("2013-04-01"),
                                                       .closed_on = DATE_NONE};
    c->assignment.providers = c->registered;
    c->matter.assignment = &c->assignment;
    c->matter.facts = &c->assessed;
    c->matter.event.type = type;
    c->matter.event.occurred_on = day(occurred_on);
    c->matter.event.lead = ods_of("02E");
    c->matter.event.sender = ods_of("02E");
    c->assessed.type = EVENT_NEEDS_ASSESSED;
    if (matter_award(&c->matter) != NULL) {
        c->matter.event.award.providers = c->providers;
        c->matter.event.award.period = (struct period){DATE_NONE, DATE_NONE};
    }
    c->reasons = (struct reasons){.items = c->items, .max = REASONS_MAX};
}

void matter_commissioner(struct case_matter *c, enum organisation_kind kind,
                         enum co_commissioning level)
{
    c->assignment.commissioner.kind = kind;
    c->assignment.commissioner.co_level = level;
}

void matter_assessed(struct case_matter *c, enum service_category category)
{
    c->assessed.needs_assessed.category = category;
    c->matter.facts_count = 1;
}

void matter_own_category(struct case_matter *c, enum service_category category)
{
    struct event *event = &c->matter.event;

    if (event->type == EVENT_NEEDS_ASSESSED)
        event->needs_assessed.category = category;
    else if (event->type == EVENT_PROCUREMENT_STARTED)
        event->procurement_started.category = category;
    else
        event->award.category = category;
}

void matter_provider(struct case_matter *c, const char *scheme, const char *id,
                     enum provider_kind kind)
{
    struct provider provider = {.scheme = slice_of(scheme),
                                .id = slice_of(id),
                                .name = slice_of("A provider"),
                                .kind = kind};

    if (c->matter.event.type == EVENT_BID_RECEIVED) {
        c->matter.event.bid_received.provider = provider;
        return;
    }
    CHECK(c->matter.event.award.providers_count < ARRAY_LEN(c->providers));
    c->providers[c->matter.event.award.providers_count++] = provider;
}

void matter_registered(struct case_matter *c, const char *ods, const char *opened_on,
                       const char *closed_on, const char *successor)
{
    CHECK(c->assignment.providers_count < ARRAY_LEN(c->registered));
    c->registered[c->assignment.providers_count++] =
        (struct organisation){.known = true,
                              .ods = ods_of(ods),
                              .kind = ORGANISATION_PROVIDER,
                              .opened_on = day(opened_on),
                              .closed_on = day(closed_on),
                              .successor = ods_of(successor)};
}

const char *matter_judged(struct case_matter *c, const struct rule *rule)
{
    static char text[1024];
    char code[REASON_CODE_SIZE];
    size_t len = 0;

    c->reasons.count = 0;
    rule->judge(&c->matter, &c->reasons);
    text[0] = '\0';
    for (uint32_t i = 0; i < c->reasons.count; i++) {
        reason_print_code(&c->items[i], code);
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i == 0 ? "" : " ", code);
    }
    return text;
}
