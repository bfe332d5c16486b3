/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/broker/query.h"

/* ---- organisations ---- */

static const char *const co_commissioning[] = {
    [CO_UNKNOWN] = "",
    [CO_NONE] = "NONE",
    [CO_GREATER_INVOLVEMENT] = "GREATER_INVOLVEMENT",
    [CO_JOINT] = "JOINT",
    [CO_DELEGATED] = "DELEGATED",
};

static void put_organisation(struct asking *asking, const struct organisation *organisation)
{
    query_text(asking, organisation->ods.text);
    query_text(asking, organisation->name);
    query_text(asking, organisation_kind_name(organisation->kind));
    query_date(asking, organisation->opened_on);
    query_date(asking, organisation->closed_on);
    query_text(asking, organisation->successor.text);
    query_text(asking, (size_t)organisation->co_level < ARRAY_LEN(co_commissioning)
                           ? co_commissioning[organisation->co_level]
                           : "?");
    query_number(asking, (int64_t)organisation->entry_seq);
}

/** With a day: those open on it; without: all that are registered, as today sees them. */
static bool org_listed(const struct asking *asking, const struct organisation *organisation)
{
    return (!query_given(asking, ARGUMENT_KIND) || organisation->kind == asking->kind) &&
           (!query_given(asking, ARGUMENT_ON) || organisation_open_on(organisation, asking->on));
}

void query_org_list(struct asking *asking)
{
    struct organisation organisation;
    struct ods at;

    (void)query_resumed(asking, &at, sizeof at);
    for (uint32_t scanned = 0;
         store_next_organisation(asking->broker->store, at, asking->on, &organisation); scanned++) {
        bool listed = org_listed(asking, &organisation);
        asking->broker->asked++;
        if (scanned == QUERY_SCAN_MAX || (listed && !query_row(asking))) {
            query_resume(asking, &at, sizeof at);
            return;
        }
        at = organisation.ods;
        if (listed)
            put_organisation(asking, &organisation);
    }
}

void query_org_show(struct asking *asking)
{
    struct organisation organisation;

    store_get_organisation(asking->broker->store, asking->ods, asking->on, &organisation);
    if (!organisation.known) {
        query_error(asking, "NOT_FOUND", "%s is not registered here", asking->ods.text);
        return;
    }
    if (query_row(asking))
        put_organisation(asking, &organisation);
}

static const char *const service_lines[] = {
    [LINE_PROCUREMENT] = "PROCUREMENT",
    [LINE_CONTRACT_MANAGEMENT] = "CONTRACT_MANAGEMENT",
    [LINE_BUSINESS_INTELLIGENCE] = "BUSINESS_INTELLIGENCE",
    [LINE_SERVICE_REDESIGN] = "SERVICE_REDESIGN",
    [LINE_COMMUNICATIONS] = "COMMUNICATIONS",
    [LINE_ENGAGEMENT] = "ENGAGEMENT",
};

static void put_support(struct asking *asking, const struct support_row *support)
{
    char lines[192] = "";
    size_t len = 0;

    for (enum service_line line = LINE_PROCUREMENT; line <= LINE_ENGAGEMENT; line++) {
        if (support->lines & LINE_BIT(line))
            len += (size_t)snprintf(lines + len, sizeof lines - len, "%s%s", len > 0 ? " " : "",
                                    service_lines[line]);
    }
    query_text(asking, support->ccg.text);
    query_text(asking, support->csu.text);
    query_text(asking, lines);
    query_date(asking, support->period.from);
    query_date(asking, support->period.to);
    query_number(asking, (int64_t)support->entry_seq);
}

/** Contracts between the organisation asked for and @other, whichever of them is the support unit. Returns how many. */
static uint32_t get_supports(struct asking *asking, const struct organisation *other,
                             struct support_row ret[SUPPORTS_MAX])
{
    if (other->kind == ORGANISATION_CSU)
        return store_get_supports(asking->broker->store, asking->ods, other->ods, ret,
                                  SUPPORTS_MAX);
    return store_get_supports(asking->broker->store, other->ods, asking->ods, ret, SUPPORTS_MAX);
}

struct support_key {
    struct ods ods;
    uint32_t told; /* contracts with the organisation after it */
};

void query_org_supports(struct asking *asking)
{
    struct organisation other;
    struct support_key at;

    (void)query_resumed(asking, &at, sizeof at);
    for (uint32_t scanned = 0;
         store_next_organisation(asking->broker->store, at.ods, asking->on, &other); scanned++) {
        struct support_row supports[SUPPORTS_MAX];
        uint32_t count = get_supports(asking, &other, supports);
        asking->broker->asked += 2; /* the organisation, and what it supports */
        for (; at.told < count && query_row(asking); at.told++)
            put_support(asking, &supports[at.told]);
        if (scanned == QUERY_SCAN_MAX || at.told < count) {
            query_resume(asking, &at, sizeof at);
            return;
        }
        at = (struct support_key){.ods = other.ods};
    }
}

/* ---- money ---- */

struct ledger_key {
    struct ods ods;
    int32_t year;
};

/** Without an allotment all that was taken stands uncovered, and is shown there alone. */
static void put_ledger(struct asking *asking, const struct ledger_year *year)
{
    query_text(asking, year->ods.text);
    query_year(asking, year->year);
    query_boolean(asking, year->allotted);
    query_number(asking, year->allotment_pence);
    query_number(asking, year->allotted ? year->reserved_pence : 0);
    query_number(asking, year->allotted ? year->committed_pence : 0);
    query_number(asking, ledger_left_pence(year));
    query_number(asking, year->uncovered_pence);
}

/** The organisation asked about has a ledger that the asker may see; else the error is said. */
static bool ledger_seen(struct asking *asking)
{
    struct organisation organisation;

    if (ods_equal(asking->ods, asking->principal->organisation))
        return true;
    store_get_organisation(asking->broker->store, asking->ods, asking->on, &organisation);
    if (!organisation.known) {
        query_error(asking, "NOT_FOUND", "%s is not registered here", asking->ods.text);
        return false;
    }
    if (!query_sees_organisation(asking, asking->ods)) {
        query_error(asking, "SENDER_NOT_AUTHORISED", "the ledger of %s does not concern %s",
                    asking->ods.text, asking->principal->organisation.text);
        return false;
    }
    return true;
}

void query_ledger_show(struct asking *asking)
{
    struct ledger_year year;
    struct ledger_key at;

    if (query_given(asking, ARGUMENT_ODS) && !ledger_seen(asking))
        return;
    if (!query_resumed(asking, &at, sizeof at) && query_given(asking, ARGUMENT_ODS))
        at.ods = asking->ods; /* year 0: before all of its years */
    for (uint32_t scanned = 0; store_next_ledger(asking->broker->store, at.ods, at.year, &year);
         scanned++) {
        bool ours = !query_given(asking, ARGUMENT_ODS) || ods_equal(year.ods, asking->ods);
        if (!ours)
            return;
        bool listed = query_sees_organisation(asking, year.ods) &&
                      (!query_given(asking, ARGUMENT_YEAR) || year.year == asking->year);
        asking->broker->asked++;
        if (scanned == QUERY_SCAN_MAX || (listed && !query_row(asking))) {
            query_resume(asking, &at, sizeof at);
            return;
        }
        at = (struct ledger_key){year.ods, year.year};
        if (listed)
            put_ledger(asking, &year);
    }
}

struct line_key {
    uint64_t seq;
    uint32_t index;
    uint32_t zero;
};

static const char *const ledger_kinds[] = {
    [LEDGER_NONE] = "",
    [LEDGER_ALLOTMENT] = "ALLOTMENT",
    [LEDGER_RESERVATION] = "RESERVATION",
    [LEDGER_COMMITMENT] = "COMMITMENT",
};

void query_ledger_lines(struct asking *asking)
{
    struct broker *broker = asking->broker;
    struct ledger_line_row row;
    struct line_key at;
    uint32_t index;

    if (!ledger_seen(asking))
        return;
    (void)query_resumed(asking, &at, sizeof at);
    while (store_next_ledger_line(broker->store, asking->ods, asking->year, at.seq, at.index, &row,
                                  &index)) {
        struct workflow workflow = {.lead = {""}};
        if (!query_row(asking)) {
            query_resume(asking, &at, sizeof at);
            return;
        }
        at = (struct line_key){.seq = row.entry_seq, .index = index};
        if (row.line.kind != LEDGER_ALLOTMENT)
            (void)store_get_workflow(broker->store, row.number, &workflow);
        query_number(asking, (int64_t)row.entry_seq);
        query_text(asking, ledger_kinds[row.line.kind]);
        query_number(asking, row.line.pence);
        query_boolean(asking, row.line.uncovered);
        query_text(asking, workflow.lead.text);
        query_text(asking, workflow.reference.text);
    }
}

/* ---- keys ---- */

static void put_key(struct asking *asking, const struct key_row *key)
{
    char verbs[128] = "";
    size_t len = 0;

    for (enum verb verb = VERB_SUBMIT; verb <= VERB_BACKUP; verb++) {
        if (key->principal.verbs & VERB_BIT(verb))
            len += (size_t)snprintf(verbs + len, sizeof verbs - len, "%s%s", len > 0 ? " " : "",
                                    verb_name(verb));
    }
    query_key(asking, key->principal.public_key);
    query_text(asking, key->principal.organisation.text);
    query_text(asking, organisation_kind_name(key->principal.kind));
    query_text(asking, verbs);
    query_text(asking, key->label);
    query_boolean(asking, key->revoked);
    query_number(asking, (int64_t)key->entry_seq);
}

void query_key_list(struct asking *asking)
{
    struct key_row key;
    uint64_t at;

    (void)query_resumed(asking, &at, sizeof at);
    for (uint32_t scanned = 0; store_next_key(asking->broker->store, at, &key); scanned++) {
        bool listed = !query_given(asking, ARGUMENT_ORGANISATION) ||
                      ods_equal(key.principal.organisation, asking->organisation);
        asking->broker->asked++;
        if (scanned == QUERY_SCAN_MAX || (listed && !query_row(asking))) {
            query_resume(asking, &at, sizeof at);
            return;
        }
        at = key.entry_seq;
        if (listed)
            put_key(asking, &key);
    }
}
