/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/builders.h"

#include <string.h>

struct ods ods_of(const char *text)
{
    struct ods ods;
    bool parsed = ods_parse(text, strlen(text), &ods);
    CHECK(parsed);
    return ods;
}

struct slice slice_of(const char *text)
{
    return (struct slice){(const uint8_t *)text, strlen(text)};
}

struct event_id id_of(uint32_t number)
{
    struct event_id id = {{0x01}};
    for (uint32_t i = 0; i < 4; i++)
        id.bytes[EVENT_ID_BYTES - 1 - i] = (uint8_t)(number >> (8 * i));
    return id;
}

struct principal principal_of(const char *ods)
{
    struct principal principal = {
        .organisation = ods_of(ods),
        .kind = ORGANISATION_CCG,
        .verbs = VERB_BIT(VERB_SUBMIT) | VERB_BIT(VERB_DECIDE) | VERB_BIT(VERB_READ),
    };

    memcpy(principal.public_key.bytes, ods, 3);
    if (strcmp(ods, "X24") == 0)
        principal.kind = ORGANISATION_NHSE;
    if (strcmp(ods, "0CE") == 0) {
        principal.kind = ORGANISATION_CSU;
        principal.verbs = VERB_BIT(VERB_SUBMIT) | VERB_BIT(VERB_READ);
    }
    if (strcmp(ods, "OPS") == 0) {
        principal.kind = ORGANISATION_OPERATOR;
        principal.verbs = VERB_BIT(VERB_OPERATE) | VERB_BIT(VERB_WORK);
    }
    return principal;
}

struct event an_event(enum event_type type, const char *lead, const char *reference)
{
    struct event event = {
        .type = type,
        .lead = ods_of(lead),
        .sender = ods_of(lead),
        .occurred_on = date_of(2018, 6, 1),
        .actor = slice_of("tester"),
    };
    bool parsed = reference_parse(reference, strlen(reference), &event.reference);
    CHECK(parsed);
    return event;
}

struct event by_csu(struct event event, const char *csu)
{
    event.acting_for = event.lead;
    event.sender = ods_of(csu);
    return event;
}

struct event needs_assessed(const char *lead, const char *reference)
{
    struct event event = an_event(EVENT_NEEDS_ASSESSED, lead, reference);
    event.needs_assessed = (struct needs_assessed){
        .category = CATEGORY_COMMUNITY,
        .registered_given = true,
        .unregistered_given = true,
        .registered_count = 210000,
        .unregistered_count = 500,
        .title = slice_of("physiotherapy"),
    };
    return event;
}

struct event priorities_set(const char *lead, const char *reference)
{
    struct event event = an_event(EVENT_PRIORITIES_SET, lead, reference);
    event.priorities_set =
        (struct priorities_set){.plan_reference = slice_of("plan-1"), .budget_pence = 100000};
    return event;
}

struct event procurement_started(const char *lead, const char *reference)
{
    struct event event = an_event(EVENT_PROCUREMENT_STARTED, lead, reference);
    event.procurement_started = (struct procurement_started){
        .route = ROUTE_NOT_STATED,
        .value_pence = 100000,
        .closes_on = date_of(2018, 7, 1),
        .title = slice_of("physiotherapy"),
        .notice_reference = slice_of("n-1"),
    };
    return event;
}

struct event bids_evaluated(const char *lead, const char *reference)
{
    struct event event = an_event(EVENT_BIDS_EVALUATED, lead, reference);
    event.bids_evaluated =
        (struct bids_evaluated){.preferred_bid_id = slice_of("b-1"), .bids_count = 3};
    return event;
}

static struct event award(enum event_type type, const char *lead, const char *reference,
                          const char *award_id, int64_t pence)
{
    static const struct provider providers[] = {
        {.scheme = {(const uint8_t *)"GB-COH", 6},
         .id = {(const uint8_t *)"01234567", 8},
         .name = {(const uint8_t *)"Physio Ltd", 10},
         .kind = PROVIDER_INDEPENDENT},
    };
    struct event event = an_event(type, lead, reference);
    event.award = (struct award){
        .award_id = slice_of(award_id),
        .reference = slice_of("c-1"),
        .providers = providers,
        .providers_count = 1,
        .value_pence = pence,
        .period = {date_of(2018, 7, 1), date_of(2019, 3, 31)},
    };
    return event;
}

struct event award_intended(const char *lead, const char *reference, const char *award_id,
                            int64_t pence)
{
    return award(EVENT_AWARD_INTENDED, lead, reference, award_id, pence);
}

struct event contract_awarded(const char *lead, const char *reference, const char *award_id,
                              int64_t pence)
{
    return award(EVENT_CONTRACT_AWARDED, lead, reference, award_id, pence);
}

struct event award_withdrawn(const char *lead, const char *reference, const char *award_id)
{
    struct event event = an_event(EVENT_AWARD_WITHDRAWN, lead, reference);
    event.award_withdrawn = (struct award_withdrawn){.award_id = slice_of(award_id),
                                                     .reason = slice_of("a representation")};
    return event;
}

struct event review_completed(const char *lead, const char *reference)
{
    struct event event = an_event(EVENT_REVIEW_COMPLETED, lead, reference);
    event.review_summary = slice_of("as agreed");
    return event;
}

struct event note(const char *lead, const char *reference)
{
    struct event event = an_event(EVENT_NOTE, lead, reference);
    event.note_text = slice_of("nothing to add");
    return event;
}

static struct event of_phase(enum event_type type, const char *lead, const char *reference)
{
    struct event event = an_event(type, lead, reference);
    event.phase_reason = slice_of("the estate is under review");
    return event;
}

struct event suspended(const char *lead, const char *reference)
{
    return of_phase(EVENT_SUSPENDED, lead, reference);
}

struct event resumed(const char *lead, const char *reference)
{
    return of_phase(EVENT_RESUMED, lead, reference);
}

struct event withdrawn(const char *lead, const char *reference)
{
    return of_phase(EVENT_WITHDRAWN, lead, reference);
}

struct event adopted(const char *lead, const char *reference, enum stage stage)
{
    struct event event = an_event(EVENT_ADOPTED, lead, reference);
    event.adopted = (struct adopted){
        .stage = stage, .reason = slice_of("began elsewhere"), .evidence = slice_of("a notice")};
    return event;
}

static struct event register_event(enum event_type type, const char *ods, const char *sender)
{
    return (struct event){
        .type = type,
        .organisation = ods_of(ods),
        .sender = ods_of(sender),
        .occurred_on = date_of(2018, 4, 1),
    };
}

struct event organisation_registered(const char *ods, enum organisation_kind kind)
{
    struct event event = register_event(EVENT_ORGANISATION_REGISTERED, ods, "X24");
    event.organisation_registered = (struct organisation_registered){
        .name = slice_of("an organisation"),
        .kind = kind,
        .opened_on = date_of(2013, 4, 1),
        .closed_on = DATE_NONE,
    };
    return event;
}

struct event support_contract(const char *ccg, const char *csu)
{
    struct event event = register_event(EVENT_SUPPORT_CONTRACT, ccg, "X24");
    event.support_contract = (struct support_contract){
        .csu = ods_of(csu),
        .lines = LINE_BIT(LINE_PROCUREMENT) | LINE_BIT(LINE_BUSINESS_INTELLIGENCE),
        .period = {date_of(2018, 4, 1), DATE_NONE},
    };
    return event;
}

struct event allotment_set(const char *ods, int32_t year, int64_t pence)
{
    struct event event = register_event(EVENT_ALLOTMENT_SET, ods, "X24");
    event.allotment_set = (struct allotment_set){.year = year, .core_pence = pence};
    return event;
}

struct event key_added(const char *ods, struct key public_key)
{
    struct event event = register_event(EVENT_KEY_ADDED, ods, "OPS");
    event.key_added = (struct key_added){
        .public_key = public_key,
        .kind = ORGANISATION_CCG,
        .verbs = VERB_BIT(VERB_SUBMIT) | VERB_BIT(VERB_DECIDE),
        .label = slice_of("a key"),
    };
    return event;
}

struct event key_revoked(const char *ods, struct key public_key)
{
    struct event event = register_event(EVENT_KEY_REVOKED, ods, "OPS");
    event.key_revoked = (struct key_revoked){.public_key = public_key, .reason = slice_of("lost")};
    return event;
}
