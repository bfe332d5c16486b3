/* SPDX-License-Identifier: Apache-2.0 */
/* codec.h, of one event: the envelope, then the payload that its type asks for. */
#include "proto/codec.h"
#include "proto/decode.h"
#include "proto/wire.h"

#include "proto/commission.pb-c.h"

#include <inttypes.h>
#include <string.h>

/* The schema's numbers are message.h's: what is in range is cast. */
#define SAME(ours, theirs) static_assert((int)(ours) == (int)(theirs), "the schema's number")
#define SAME_TYPE(name, number) SAME(EVENT_##name, COMMISSION__EVENT_TYPE__ENUM__##name);
EVENT_TYPE_LIST(SAME_TYPE)
#undef SAME_TYPE
SAME(STAGE_NEEDS_ASSESSED, COMMISSION__STAGE__ENUM__NEEDS_ASSESSED);
SAME(STAGE_PRIORITIES_SET, COMMISSION__STAGE__ENUM__PRIORITIES_SET);
SAME(STAGE_PROCUREMENT, COMMISSION__STAGE__ENUM__PROCUREMENT);
SAME(STAGE_CONTRACT_AWARD, COMMISSION__STAGE__ENUM__CONTRACT_AWARD);
SAME(STAGE_REVIEW, COMMISSION__STAGE__ENUM__REVIEW);
SAME(ORGANISATION_CCG, COMMISSION__ORGANISATION_KIND__ENUM__CCG);
SAME(ORGANISATION_ICB, COMMISSION__ORGANISATION_KIND__ENUM__ICB);
SAME(ORGANISATION_CSU, COMMISSION__ORGANISATION_KIND__ENUM__CSU);
SAME(ORGANISATION_NHSE, COMMISSION__ORGANISATION_KIND__ENUM__NHSE);
SAME(ORGANISATION_HWB, COMMISSION__ORGANISATION_KIND__ENUM__HWB);
SAME(ORGANISATION_LA, COMMISSION__ORGANISATION_KIND__ENUM__LA);
SAME(ORGANISATION_OPERATOR, COMMISSION__ORGANISATION_KIND__ENUM__OPERATOR);
SAME(ORGANISATION_PROVIDER, COMMISSION__ORGANISATION_KIND__ENUM__PROVIDER);
SAME(ORGANISATION_SUB_ICB, COMMISSION__ORGANISATION_KIND__ENUM__SUB_ICB);
SAME(VERB_SUBMIT, COMMISSION__VERB__ENUM__SUBMIT);
SAME(VERB_DECIDE, COMMISSION__VERB__ENUM__DECIDE);
SAME(VERB_READ, COMMISSION__VERB__ENUM__READ);
SAME(VERB_WORK, COMMISSION__VERB__ENUM__WORK);
SAME(VERB_OPERATE, COMMISSION__VERB__ENUM__OPERATE);
SAME(VERB_BACKUP, COMMISSION__VERB__ENUM__BACKUP);
SAME(CATEGORY_ELECTIVE, COMMISSION__SERVICE_CATEGORY__ENUM__ELECTIVE);
SAME(CATEGORY_REHABILITATION, COMMISSION__SERVICE_CATEGORY__ENUM__REHABILITATION);
SAME(CATEGORY_URGENT_EMERGENCY, COMMISSION__SERVICE_CATEGORY__ENUM__URGENT_EMERGENCY);
SAME(CATEGORY_COMMUNITY, COMMISSION__SERVICE_CATEGORY__ENUM__COMMUNITY);
SAME(CATEGORY_MENTAL_HEALTH, COMMISSION__SERVICE_CATEGORY__ENUM__MENTAL_HEALTH);
SAME(CATEGORY_LEARNING_DISABILITY, COMMISSION__SERVICE_CATEGORY__ENUM__LEARNING_DISABILITY);
SAME(CATEGORY_OBESITY_T3, COMMISSION__SERVICE_CATEGORY__ENUM__OBESITY_T3);
SAME(CATEGORY_SPECIALISED, COMMISSION__SERVICE_CATEGORY__ENUM__SPECIALISED);
SAME(CATEGORY_GP_CORE, COMMISSION__SERVICE_CATEGORY__ENUM__GP_CORE);
SAME(CATEGORY_DENTAL, COMMISSION__SERVICE_CATEGORY__ENUM__DENTAL);
SAME(CATEGORY_PHARMACY, COMMISSION__SERVICE_CATEGORY__ENUM__PHARMACY);
SAME(CATEGORY_OPTICAL, COMMISSION__SERVICE_CATEGORY__ENUM__OPTICAL);
SAME(CATEGORY_ARMED_FORCES, COMMISSION__SERVICE_CATEGORY__ENUM__ARMED_FORCES);
SAME(CATEGORY_JUSTICE, COMMISSION__SERVICE_CATEGORY__ENUM__JUSTICE);
SAME(CATEGORY_PUBLIC_HEALTH, COMMISSION__SERVICE_CATEGORY__ENUM__PUBLIC_HEALTH);
SAME(CATEGORY_OBESITY_T2, COMMISSION__SERVICE_CATEGORY__ENUM__OBESITY_T2);
SAME(CATEGORY_OBESITY_T4, COMMISSION__SERVICE_CATEGORY__ENUM__OBESITY_T4);
SAME(PROVIDER_NHS_TRUST, COMMISSION__PROVIDER_KIND__ENUM__NHS_TRUST);
SAME(PROVIDER_NHS_FT, COMMISSION__PROVIDER_KIND__ENUM__NHS_FT);
SAME(PROVIDER_GP_PRACTICE, COMMISSION__PROVIDER_KIND__ENUM__GP_PRACTICE);
SAME(PROVIDER_INDEPENDENT, COMMISSION__PROVIDER_KIND__ENUM__INDEPENDENT);
SAME(PROVIDER_VCSE, COMMISSION__PROVIDER_KIND__ENUM__VCSE);
SAME(PROVIDER_LOCAL_AUTHORITY, COMMISSION__PROVIDER_KIND__ENUM__LOCAL_AUTHORITY);
SAME(PROVIDER_OTHER, COMMISSION__PROVIDER_KIND__ENUM__OTHER);
SAME(ROUTE_NOT_STATED, COMMISSION__ROUTE__ENUM__NOT_STATED);
SAME(ROUTE_LAST, COMMISSION__ROUTE__ENUM__PSR_URGENT);
SAME(LINE_PROCUREMENT, COMMISSION__SERVICE_LINE__ENUM__PROCUREMENT);
SAME(LINE_CONTRACT_MANAGEMENT, COMMISSION__SERVICE_LINE__ENUM__CONTRACT_MANAGEMENT);
SAME(LINE_BUSINESS_INTELLIGENCE, COMMISSION__SERVICE_LINE__ENUM__BUSINESS_INTELLIGENCE);
SAME(LINE_SERVICE_REDESIGN, COMMISSION__SERVICE_LINE__ENUM__SERVICE_REDESIGN);
SAME(LINE_COMMUNICATIONS, COMMISSION__SERVICE_LINE__ENUM__COMMUNICATIONS);
SAME(LINE_ENGAGEMENT, COMMISSION__SERVICE_LINE__ENUM__ENGAGEMENT);
SAME(CO_NONE, COMMISSION__CO_COMMISSIONING__ENUM__NONE);
SAME(CO_GREATER_INVOLVEMENT, COMMISSION__CO_COMMISSIONING__ENUM__GREATER_INVOLVEMENT);
SAME(CO_JOINT, COMMISSION__CO_COMMISSIONING__ENUM__JOINT);
SAME(CO_DELEGATED, COMMISSION__CO_COMMISSIONING__ENUM__DELEGATED);

/* A category that is none of the list is for R36 to reject, with its rule and source: not a matter of form. */
static enum service_category category_of(int64_t number)
{
    bool listed = number >= 0 && number <= CATEGORY_OBESITY_T4;

    return listed ? (enum service_category)number : CATEGORY_UNLISTED;
}

/* ---- payloads ----------------------------------------------------------------------------- */

static void decode_needs_assessed(struct decoder *decoder, const Commission__NeedsAssessed *message,
                                  struct needs_assessed *ret)
{
    ret->category = category_of(message->service_category);
    ret->registered_given = message->registered_case != 0;
    ret->unregistered_given = message->unregistered_case != 0;
    if (ret->registered_given)
        ret->registered_count =
            decode_count(decoder, "registered_count", message->registered_count, COUNT_MAX);
    if (ret->unregistered_given)
        ret->unregistered_count =
            decode_count(decoder, "unregistered_count", message->unregistered_count, COUNT_MAX);
    ret->weight_management_tier =
        decode_number(decoder, "weight_management_tier", message->weight_management_tier, 4, false);
    ret->title = decode_text(decoder, "title", message->title, TEXT_BYTES_MAX, false);
    decode_ods(decoder, "la_code", message->la_code, false);
    ret->la_code = decode_text(decoder, "la_code", message->la_code, TEXT_BYTES_MAX, false);
    decode_ods(decoder, "hwb_id", message->hwb_id, false);
    ret->hwb_id = decode_text(decoder, "hwb_id", message->hwb_id, TEXT_BYTES_MAX, false);
}

static void decode_adopted(struct decoder *decoder, const Commission__Adopted *message,
                           struct adopted *ret)
{
    ret->stage = (enum stage)decode_number(decoder, "stage", message->stage, STAGE_REVIEW, true);
    ret->reason = decode_text(decoder, "reason", message->reason, TEXT_BYTES_MAX, true);
    ret->evidence = decode_text(decoder, "evidence", message->evidence, TEXT_BYTES_MAX, false);
}

static void decode_priorities_set(struct decoder *decoder, const Commission__PrioritiesSet *message,
                                  struct priorities_set *ret)
{
    ret->plan_reference =
        decode_text(decoder, "plan_reference", message->plan_reference, TEXT_BYTES_MAX, true);
    ret->budget_pence = decode_pence(decoder, "budget_pence", message->budget_pence);
}

static void decode_procurement_started(struct decoder *decoder,
                                       const Commission__ProcurementStarted *message,
                                       struct procurement_started *ret)
{
    ret->route = (enum route)decode_number(decoder, "route", message->route, ROUTE_LAST, true);
    ret->category = category_of(message->service_category);
    ret->value_pence = decode_pence(decoder, "value_pence", message->value_pence);
    ret->closes_on = decode_date(decoder, "closes_on", message->closes_on, false);
    ret->excludes_unregistered = message->excludes_unregistered;
    ret->title = decode_text(decoder, "title", message->title, TEXT_BYTES_MAX, false);
    ret->notice_reference =
        decode_text(decoder, "notice_reference", message->notice_reference, TEXT_BYTES_MAX, false);
}

static void decode_provider(struct decoder *decoder, const Commission__Provider *message,
                            struct provider *ret)
{
    ret->scheme = decode_text(decoder, "scheme", message->scheme, AWARD_ID_SIZE - 1, true);
    ret->id = decode_text(decoder, "id", message->id, AWARD_ID_SIZE - 1, true);
    ret->name = decode_text(decoder, "name", message->name, TEXT_BYTES_MAX, false);
    ret->kind =
        (enum provider_kind)decode_number(decoder, "kind", message->kind, PROVIDER_OTHER, false);
}

static void decode_bid_received(struct decoder *decoder, const Commission__BidReceived *message,
                                struct bid_received *ret)
{
    ret->bid_id = decode_text(decoder, "bid_id", message->bid_id, BID_ID_SIZE - 1, true);
    ret->value_pence = decode_pence(decoder, "value_pence", message->value_pence);
    if (message->provider == NULL) {
        decoder_missing(decoder, "provider");
        return;
    }
    decoder->message = "bid_received.provider";
    decode_provider(decoder, message->provider, &ret->provider);
    decoder->message = "bid_received";
}

static void decode_bids_evaluated(struct decoder *decoder, const Commission__BidsEvaluated *message,
                                  struct bids_evaluated *ret)
{
    ret->preferred_bid_id =
        decode_text(decoder, "preferred_bid_id", message->preferred_bid_id, BID_ID_SIZE - 1, true);
    ret->bids_count = (uint32_t)decode_count(decoder, "bids_count", message->bids_count, COUNT_MAX);
}

static void decode_providers(struct decoder *decoder, size_t count, Commission__Provider **messages,
                             struct award *ret)
{
    if (count == 0)
        decoder_missing(decoder, "providers");
    if (count > PROVIDERS_MAX) {
        decoder_invalid(decoder, "providers", NULL, "are more than 64");
        return;
    }
    struct provider *providers = decoder_take(decoder, count, PROVIDERS_MAX, sizeof *providers);
    if (providers == NULL)
        return;
    decoder->list = "providers";
    for (decoder->index = 0; decoder->index < count; decoder->index++)
        decode_provider(decoder, messages[decoder->index], &providers[decoder->index]);
    decoder->list = NULL;
    ret->providers = providers;
    ret->providers_count = (uint32_t)count;
}

/** One year's share: within the contract's years, after the one before it. */
static struct year_value decode_year_value(struct decoder *decoder,
                                           const Commission__YearValue *message,
                                           struct period years, int32_t year_before)
{
    struct year_value value;

    value.year = decode_year(decoder, "financial_year", message->financial_year, true);
    value.pence = decode_pence(decoder, "value_pence", message->value_pence);
    if (value.year == 0)
        return value;
    if (value.year < years.from || value.year > years.to)
        decoder_invalid(decoder, "financial_year", message->financial_year,
                        "is none of the contract's years");
    else if (value.year <= year_before)
        decoder_invalid(decoder, "financial_year", message->financial_year,
                        "does not come after the year before it");
    return value;
}

static void decode_years(struct decoder *decoder, size_t count, Commission__YearValue **messages,
                         struct award *ret)
{
    struct period years = {INT32_MIN, INT32_MAX};
    int64_t sum_pence = 0;
    int32_t year_before = 0;

    if (count > YEARS_MAX) {
        decoder_invalid(decoder, "years", NULL, "are more than 30");
        return;
    }
    struct year_value *values = decoder_take(decoder, count, YEARS_MAX, sizeof *values);
    if (values == NULL || count == 0)
        return;
    if (ret->period.from != DATE_NONE)
        years =
            (struct period){financial_year_of(ret->period.from), financial_year_of(ret->period.to)};
    decoder->list = "years";
    for (decoder->index = 0; decoder->index < count; decoder->index++) {
        struct year_value *value = &values[decoder->index];
        *value = decode_year_value(decoder, messages[decoder->index], years, year_before);
        year_before = value->year;
        if (value->pence >= 0 && value->pence <= PENCE_MAX)
            sum_pence += value->pence;
    }
    decoder->list = NULL;
    if (sum_pence != ret->value_pence)
        decoder_invalid(decoder, "years", NULL, "do not add up to value_pence");
    ret->years = values;
    ret->years_count = (uint32_t)count;
}

/** The period, closed: without a last day it is the financial year of the first. */
static struct period decode_award_period(struct decoder *decoder, const char *from, const char *to)
{
    struct period period = decode_period(decoder, "period_from", from, "period_to", to, true);

    if (period.from == DATE_NONE)
        return period;
    if (period.to == DATE_NONE)
        period.to = financial_year_period(financial_year_of(period.from)).to;
    if (period.to < period.from)
        period.to = period.from; /* complained of already */
    if (financial_year_of(period.to) - financial_year_of(period.from) >= YEARS_MAX)
        decoder_invalid(decoder, "period_to", to, "makes more than 30 financial years");
    return period;
}

static void decode_award_intended(struct decoder *decoder, const Commission__AwardIntended *message,
                                  struct award *ret)
{
    ret->award_id = decode_text(decoder, "award_id", message->award_id, AWARD_ID_SIZE - 1, true);
    ret->reference =
        decode_text(decoder, "notice_reference", message->notice_reference, TEXT_BYTES_MAX, false);
    decode_providers(decoder, message->n_providers, message->providers, ret);
    ret->value_pence = decode_pence(decoder, "value_pence", message->value_pence);
    ret->period = decode_award_period(decoder, message->period_from, message->period_to);
    decode_years(decoder, message->n_years, message->years, ret);
    ret->category = category_of(message->service_category);
    ret->excludes_unregistered = message->excludes_unregistered;
}

static void decode_contract_awarded(struct decoder *decoder,
                                    const Commission__ContractAwarded *message, struct award *ret)
{
    ret->award_id = decode_text(decoder, "award_id", message->award_id, AWARD_ID_SIZE - 1, true);
    ret->reference = decode_text(decoder, "contract_reference", message->contract_reference,
                                 TEXT_BYTES_MAX, false);
    decode_providers(decoder, message->n_providers, message->providers, ret);
    ret->value_pence = decode_pence(decoder, "value_pence", message->value_pence);
    ret->period = decode_award_period(decoder, message->period_from, message->period_to);
    decode_years(decoder, message->n_years, message->years, ret);
    ret->category = category_of(message->service_category);
    ret->excludes_unregistered = message->excludes_unregistered;
}

static void decode_award_withdrawn(struct decoder *decoder,
                                   const Commission__AwardWithdrawn *message,
                                   struct award_withdrawn *ret)
{
    ret->award_id = decode_text(decoder, "award_id", message->award_id, AWARD_ID_SIZE - 1, true);
    ret->reason = decode_text(decoder, "reason", message->reason, TEXT_BYTES_MAX, true);
}

static void decode_organisation_registered(struct decoder *decoder,
                                           const Commission__OrganisationRegistered *message,
                                           struct organisation_registered *ret)
{
    struct period open = decode_period(decoder, "opened_on", message->opened_on, "closed_on",
                                       message->closed_on, true);

    ret->name = decode_text(decoder, "name", message->name, NAME_SIZE - 1, true);
    ret->kind = (enum organisation_kind)decode_number(decoder, "kind", message->kind,
                                                      ORGANISATION_SUB_ICB, true);
    ret->opened_on = open.from;
    ret->closed_on = open.to;
    ret->successor = decode_ods(decoder, "successor_ods", message->successor_ods, false);
}

static void decode_support_contract(struct decoder *decoder,
                                    const Commission__SupportContract *message,
                                    struct support_contract *ret)
{
    ret->csu = decode_ods(decoder, "csu_ods", message->csu_ods, true);
    if (message->n_service_lines == 0)
        decoder_missing(decoder, "service_lines");
    if (message->n_service_lines > LINES_MAX) {
        decoder_invalid(decoder, "service_lines", NULL, "are more than 8");
        return;
    }
    for (size_t i = 0; i < message->n_service_lines; i++)
        ret->lines |= LINE_BIT(decode_number(decoder, "service_lines", message->service_lines[i],
                                             LINE_ENGAGEMENT, true));
    ret->period = decode_period(decoder, "from", message->from, "to", message->to, true);
}

static void decode_co_commissioning_level(struct decoder *decoder,
                                          const Commission__CoCommissioningLevel *message,
                                          struct co_commissioning_level *ret)
{
    ret->level =
        (enum co_commissioning)decode_number(decoder, "level", message->level, CO_DELEGATED, true);
    ret->from = decode_date(decoder, "from", message->from, true);
}

static void decode_allotment_set(struct decoder *decoder, const Commission__AllotmentSet *message,
                                 struct allotment_set *ret)
{
    ret->year = decode_year(decoder, "financial_year", message->financial_year, true);
    ret->core_pence = decode_pence(decoder, "core_pence", message->core_pence);
    ret->running_cost_pence =
        decode_pence(decoder, "running_cost_pence", message->running_cost_pence);
    ret->primary_care_pence =
        decode_pence(decoder, "primary_care_pence", message->primary_care_pence);
    ret->non_recurrent_pence =
        decode_pence(decoder, "non_recurrent_pence", message->non_recurrent_pence);
}

static void decode_key_added(struct decoder *decoder, const Commission__KeyAdded *message,
                             struct key_added *ret)
{
    decode_fixed(decoder, "public_key", message->public_key, KEY_BYTES, true,
                 ret->public_key.bytes);
    ret->kind = (enum organisation_kind)decode_number(decoder, "kind", message->kind,
                                                      ORGANISATION_SUB_ICB, true);
    ret->label = decode_text(decoder, "label", message->label, LABEL_SIZE - 1, false);
    if (message->n_verbs == 0)
        decoder_missing(decoder, "verbs");
    if (message->n_verbs > VERBS_MAX) {
        decoder_invalid(decoder, "verbs", NULL, "are more than 8");
        return;
    }
    for (size_t i = 0; i < message->n_verbs; i++)
        ret->verbs |=
            VERB_BIT(decode_number(decoder, "verbs", message->verbs[i], VERB_BACKUP, true));
}

static void decode_key_revoked(struct decoder *decoder, const Commission__KeyRevoked *message,
                               struct key_revoked *ret)
{
    decode_fixed(decoder, "public_key", message->public_key, KEY_BYTES, true,
                 ret->public_key.bytes);
    ret->reason = decode_text(decoder, "reason", message->reason, TEXT_BYTES_MAX, true);
}

/** Decode the payload that is there; its case was found to be @ret's type. */
static void decode_payload(struct decoder *decoder, const Commission__Event *message,
                           struct event *ret)
{
    switch (message->payload_case) {
    case COMMISSION__EVENT__PAYLOAD__NOT_SET:
        break;
    case COMMISSION__EVENT__PAYLOAD_NEEDS_ASSESSED:
        decode_needs_assessed(decoder, message->needs_assessed, &ret->needs_assessed);
        break;
    case COMMISSION__EVENT__PAYLOAD_ADOPTED:
        decode_adopted(decoder, message->adopted, &ret->adopted);
        break;
    case COMMISSION__EVENT__PAYLOAD_PRIORITIES_SET:
        decode_priorities_set(decoder, message->priorities_set, &ret->priorities_set);
        break;
    case COMMISSION__EVENT__PAYLOAD_PROCUREMENT_STARTED:
        decode_procurement_started(decoder, message->procurement_started,
                                   &ret->procurement_started);
        break;
    case COMMISSION__EVENT__PAYLOAD_BID_RECEIVED:
        decode_bid_received(decoder, message->bid_received, &ret->bid_received);
        break;
    case COMMISSION__EVENT__PAYLOAD_BIDS_EVALUATED:
        decode_bids_evaluated(decoder, message->bids_evaluated, &ret->bids_evaluated);
        break;
    case COMMISSION__EVENT__PAYLOAD_PROCUREMENT_ABANDONED:
        ret->abandoned_reason = decode_text(
            decoder, "reason", message->procurement_abandoned->reason, TEXT_BYTES_MAX, true);
        break;
    case COMMISSION__EVENT__PAYLOAD_AWARD_INTENDED:
        decode_award_intended(decoder, message->award_intended, &ret->award);
        break;
    case COMMISSION__EVENT__PAYLOAD_CONTRACT_AWARDED:
        decode_contract_awarded(decoder, message->contract_awarded, &ret->award);
        break;
    case COMMISSION__EVENT__PAYLOAD_AWARD_WITHDRAWN:
        decode_award_withdrawn(decoder, message->award_withdrawn, &ret->award_withdrawn);
        break;
    case COMMISSION__EVENT__PAYLOAD_REVIEW_COMPLETED:
        ret->review_summary = decode_text(decoder, "summary", message->review_completed->summary,
                                          TEXT_BYTES_MAX, false);
        break;
    case COMMISSION__EVENT__PAYLOAD_NOTE:
        ret->note_text = decode_text(decoder, "text", message->note->text, TEXT_BYTES_MAX, true);
        break;
    case COMMISSION__EVENT__PAYLOAD_SUSPENDED:
        ret->phase_reason =
            decode_text(decoder, "reason", message->suspended->reason, TEXT_BYTES_MAX, true);
        break;
    case COMMISSION__EVENT__PAYLOAD_RESUMED:
        ret->phase_reason =
            decode_text(decoder, "reason", message->resumed->reason, TEXT_BYTES_MAX, true);
        break;
    case COMMISSION__EVENT__PAYLOAD_WITHDRAWN:
        ret->phase_reason =
            decode_text(decoder, "reason", message->withdrawn->reason, TEXT_BYTES_MAX, true);
        break;
    case COMMISSION__EVENT__PAYLOAD_ORGANISATION_REGISTERED:
        decode_organisation_registered(decoder, message->organisation_registered,
                                       &ret->organisation_registered);
        break;
    case COMMISSION__EVENT__PAYLOAD_SUPPORT_CONTRACT:
        decode_support_contract(decoder, message->support_contract, &ret->support_contract);
        break;
    case COMMISSION__EVENT__PAYLOAD_CO_COMMISSIONING_LEVEL:
        decode_co_commissioning_level(decoder, message->co_commissioning_level,
                                      &ret->co_commissioning_level);
        break;
    case COMMISSION__EVENT__PAYLOAD_ALLOTMENT_SET:
        decode_allotment_set(decoder, message->allotment_set, &ret->allotment_set);
        break;
    case COMMISSION__EVENT__PAYLOAD_KEY_ADDED:
        decode_key_added(decoder, message->key_added, &ret->key_added);
        break;
    case COMMISSION__EVENT__PAYLOAD_KEY_REVOKED:
        decode_key_revoked(decoder, message->key_revoked, &ret->key_revoked);
        break;
    case _COMMISSION__EVENT__PAYLOAD__CASE_IS_INT_SIZE:
        break;
    }
}

/* ---- the envelope ------------------------------------------------------------------------- */

/** The field of the payload that @type must have; NULL: no such type is built. */
static const ProtobufCFieldDescriptor *payload_field(int32_t type)
{
    if (type < EVENT_NEEDS_ASSESSED)
        return NULL;
    return protobuf_c_message_descriptor_get_field(&commission__event__descriptor, (unsigned)type);
}

/** The type of the event, with the payload that belongs to it. False: complained. */
static bool decode_type(struct decoder *decoder, const Commission__Event *message,
                        enum event_type *ret)
{
    int32_t type = (int32_t)message->event_type;
    const ProtobufCFieldDescriptor *payload = payload_field(type);
    char number[12];

    snprintf(number, sizeof number, "%" PRId32, type);
    const char *name = event_type_name((enum event_type)type);
    if (type == 0)
        decoder_missing(decoder, "event_type");
    else if (name[0] == '?')
        decoder_invalid(decoder, "event_type", number, "is no event type");
    else if (payload == NULL)
        decoder_invalid(decoder, "event_type", name, "is not built in this version");
    else if (message->payload_case == COMMISSION__EVENT__PAYLOAD__NOT_SET)
        decoder_missing(decoder, payload->name);
    else if ((int32_t)message->payload_case != type)
        decoder_invalid(decoder, "event_type", name, "is not the type of the payload");
    else {
        *ret = (enum event_type)type;
        decoder->message = payload->name;
        return true;
    }
    return false;
}

static void refuse_given(struct decoder *decoder, const char *leaf, const char *text,
                         const char *why)
{
    if (text[0] != '\0')
        decoder_invalid(decoder, leaf, text, why);
}

/** A register's event names its organisation, a workflow's its lead and reference. */
static void decode_subject(struct decoder *decoder, const Commission__Event *message,
                           struct event *ret)
{
    size_t len = strlen(message->reference);

    if (event_type_is_register((enum event_type)message->event_type)) {
        const char *why = "has no place in a register's event";
        ret->organisation =
            decode_ods(decoder, "organisation_ods", message->organisation_ods, true);
        refuse_given(decoder, "lead_ods", message->lead_ods, why);
        refuse_given(decoder, "reference", message->reference, why);
        if (message->condition_case != 0)
            decoder_invalid(decoder, "after", NULL, why);
        return;
    }
    refuse_given(decoder, "organisation_ods", message->organisation_ods,
                 "has no place in a workflow's event");
    ret->lead = decode_ods(decoder, "lead_ods", message->lead_ods, true);
    if (len == 0)
        decoder_missing(decoder, "reference");
    else if (!reference_parse(message->reference, len, &ret->reference))
        decoder_invalid(decoder, "reference", message->reference,
                        "is no reference: 1 to 64 letters, digits and . _ : -");
    ret->after_given = message->condition_case != 0;
    if (ret->after_given)
        ret->after = message->after;
}

static void decode_envelope(struct decoder *decoder, const Commission__Event *message,
                            struct event *ret)
{
    decode_fixed(decoder, "event_id", message->event_id, EVENT_ID_BYTES, true, ret->id.bytes);
    if (message->schema_version == 0)
        decoder_missing(decoder, "schema_version");
    decode_subject(decoder, message, ret);
    ret->sender = decode_ods(decoder, "sender_ods", message->sender_ods, true);
    ret->acting_for = decode_ods(decoder, "acting_for_ods", message->acting_for_ods, false);
    ret->actor = decode_text(decoder, "actor", message->actor, ACTOR_SIZE - 1, false);
    ret->occurred_on = decode_date(decoder, "occurred_on", message->occurred_on, true);
}

/** What is read of any event of any version: its id and its schema. Fields 1 and 10, and they stay that. */
struct front {
    bool id_known;
    struct event_id id;
    uint64_t schema_version;
};

static struct front read_front(struct slice bytes)
{
    struct front front = {0};
    struct wire_field field;

    while (bytes.len > 0 && wire_read_field(&bytes, &field)) {
        if (field.number == 1 && field.type == WIRE_BYTES && field.bytes.len == EVENT_ID_BYTES) {
            memcpy(front.id.bytes, field.bytes.bytes, EVENT_ID_BYTES);
            front.id_known = true;
        }
        if (field.number == 10 && field.type == WIRE_VARINT)
            front.schema_version = field.varint;
    }
    return front;
}

static enum status refuse_version(uint64_t version, struct reasons *reasons)
{
    char value[24];

    snprintf(value, sizeof value, "%" PRIu64, version);
    reasons_add(reasons, REASON_UNSUPPORTED_VERSION, NULL, "schema_version", value,
                "schema_version is not 1, the one spoken here");
    return STATUS_UNSUPPORTED;
}

enum status codec_decode_event(struct slice bytes, struct arena *arena, struct event *ret,
                               bool *ret_id_known, struct reasons *reasons)
{
    struct decoder decoder;
    struct event event = {.bytes = bytes, .occurred_on = DATE_NONE};

    CHECK(reasons != NULL);
    *ret_id_known = false;
    if (bytes.len > EVENT_BYTES_MAX) {
        reasons_add(reasons, REASON_MESSAGE_TOO_LARGE, NULL, NULL, NULL,
                    "the event is larger than 64 KiB");
        return STATUS_TOO_LARGE;
    }
    struct front front = read_front(bytes);
    if (front.id_known) {
        ret->id = front.id;
        *ret_id_known = true;
    }
    if (front.schema_version > SCHEMA_VERSION)
        return refuse_version(front.schema_version, reasons);

    decoder_begin(&decoder, arena, bytes.len, reasons);
    const Commission__Event *message =
        decoder_unpack(&decoder, &commission__event__descriptor, bytes);
    if (message != NULL) {
        decode_envelope(&decoder, message, &event);
        if (decode_type(&decoder, message, &event.type))
            decode_payload(&decoder, message, &event);
    }
    enum status status = decoder_end(&decoder);
    if (status == STATUS_OK)
        *ret = event;
    return status;
}
