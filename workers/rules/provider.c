/* SPDX-License-Identifier: Apache-2.0 */
/* Providers and bidders: known by an official identifier, and open on the day. */
#include "workers/rules/rules.h"

#include <string.h>

/*
 * Lists of organisations, by org-id.guide. An account at a portal is a number, not an organisation:
 * one body has many. It is what published notices often have, and all they have, so it is accepted
 * with a warning.
 */
enum scheme_kind { SCHEME_REGISTER, SCHEME_ACCOUNT };

struct scheme {
    const char *name;
    enum scheme_kind kind;
};

static const struct scheme schemes[] = {
    {"GB-NHS", SCHEME_REGISTER},   /* Organisation Data Service */
    {"GB-COH", SCHEME_REGISTER},   /* Companies House */
    {"GB-CHC", SCHEME_REGISTER},   /* charities, England and Wales */
    {"GB-SC", SCHEME_REGISTER},    /* charities, Scotland */
    {"GB-NIC", SCHEME_REGISTER},   /* charities, Northern Ireland */
    {"GB-MPR", SCHEME_REGISTER},   /* mutual societies */
    {"GB-PPON", SCHEME_REGISTER},  /* public procurement organisation number, from 2025 */
    {"GB-SRS", SCHEME_REGISTER},   /* Supplier Registration Service */
    {"GB-GOR", SCHEME_REGISTER},   /* government organisations */
    {"GB-LAE", SCHEME_REGISTER},   /* local authorities, England */
    {"GB-EDU", SCHEME_REGISTER},   /* schools */
    {"GB-UKPRN", SCHEME_REGISTER}, /* learning providers */
    {"GB-CFS", SCHEME_ACCOUNT},    /* Contracts Finder */
    {"GB-FTS", SCHEME_ACCOUNT},    /* Find a Tender */
};

static bool says(struct slice slice, const char *text)
{
    return slice.len == strlen(text) && memcmp(slice.bytes, text, slice.len) == 0;
}

static const struct scheme *find_scheme(struct slice name)
{
    for (uint32_t i = 0; i < ARRAY_LEN(schemes); i++) {
        if (says(name, schemes[i].name))
            return &schemes[i];
    }
    return NULL;
}

/*
 * The providers that the event names, and where: "bid_received.provider",
 * "award_intended.providers".
 */
static const struct provider *providers(const struct matter *matter, uint32_t *ret_count,
                                        const char **ret_field)
{
    const struct award *award = matter_award(matter);

    if (matter->event.type == EVENT_BID_RECEIVED) {
        *ret_count = 1;
        *ret_field = "bid_received.provider";
        return &matter->event.bid_received.provider;
    }
    *ret_count = award == NULL ? 0 : award->providers_count;
    *ret_field = matter->event.type == EVENT_AWARD_INTENDED ? "award_intended.providers"
                                                            : "contract_awarded.providers";
    return award == NULL ? NULL : award->providers;
}

/* One provider under judgement. */
struct subject {
    const struct matter *matter;
    const struct provider *provider;
    char place[REASON_FIELD_SIZE]; /* "contract_awarded.providers[2]" */
    struct reasons *reasons;
};

static void add(const struct subject *subject, enum reason_code code, const char *parameter,
                const char *member, struct slice value, const char *text)
{
    char field[REASON_FIELD_SIZE + 8];
    char said[REASON_VALUE_SIZE];

    snprintf(field, sizeof field, "%s.%s", subject->place, member);
    snprintf(said, sizeof said, "%.*s",
             (int)(value.len < sizeof said ? value.len : sizeof said - 1),
             (const char *)value.bytes);
    reasons_add(subject->reasons, code, parameter, field, said, text);
}

static void each_provider(const struct matter *matter, struct reasons *reasons,
                          void (*judge_one)(const struct subject *subject))
{
    struct subject subject = {.matter = matter, .reasons = reasons};
    const char *field;
    uint32_t count;
    const struct provider *list = providers(matter, &count, &field);

    for (uint32_t i = 0; i < count; i++) {
        subject.provider = &list[i];
        if (matter_award(matter) == NULL)
            snprintf(subject.place, sizeof subject.place, "%s", field);
        else
            snprintf(subject.place, sizeof subject.place, "%s[%u]", field, i);
        judge_one(&subject);
    }
}

static bool is_nhs(enum provider_kind kind)
{
    return kind == PROVIDER_NHS_TRUST || kind == PROVIDER_NHS_FT || kind == PROVIDER_GP_PRACTICE;
}

/** An ODS code: 3 to 6 capital letters and digits (practices have 6). */
static bool is_ods_code(struct slice id)
{
    for (size_t i = 0; i < id.len; i++) {
        bool letter = id.bytes[i] >= 'A' && id.bytes[i] <= 'Z';
        if (!letter && !(id.bytes[i] >= '0' && id.bytes[i] <= '9'))
            return false;
    }
    return id.len >= 3 && id.len <= 6;
}

static void known_one(const struct subject *subject)
{
    const struct provider *provider = subject->provider;
    const struct scheme *scheme = find_scheme(provider->scheme);

    if (scheme == NULL)
        add(subject, REASON_PROVIDER_UNKNOWN, NULL, "scheme", provider->scheme,
            "no such list of organisations is known here");
    else if (is_nhs(provider->kind) && strcmp(scheme->name, "GB-NHS") != 0)
        add(subject, REASON_PROVIDER_UNKNOWN, NULL, "scheme", provider->scheme,
            "an NHS trust or practice is named by its ODS code, scheme GB-NHS");
    else if (strcmp(scheme->name, "GB-NHS") == 0 && !is_ods_code(provider->id))
        add(subject, REASON_PROVIDER_UNKNOWN, NULL, "id", provider->id,
            "this is no ODS code: 3 to 6 capital letters and digits");
    else if (scheme->kind == SCHEME_ACCOUNT)
        add(subject, REASON_PROVIDER_NOT_IDENTIFIED, NULL, "scheme", provider->scheme, NULL);
}

/**
 * R35: a provider, of whatever kind, is named by an identifier of a known register; NHS kinds by
 * their ODS code; a portal's account number warns. Source: org-id.guide.
 */
static void provider_known(const struct matter *matter, struct reasons *reasons)
{
    each_provider(matter, reasons, known_one);
}

const struct rule rule_provider_known = {"R35", provider_known};

static const struct organisation *registered(const struct subject *subject)
{
    const struct assignment *assignment = subject->matter->assignment;

    if (!says(subject->provider->scheme, "GB-NHS"))
        return NULL;
    for (uint32_t i = 0; i < assignment->providers_count; i++) {
        const struct organisation *organisation = &assignment->providers[i];
        if (organisation->known && says(subject->provider->id, organisation->ods.text))
            return organisation;
    }
    return NULL;
}

static void open_one(const struct subject *subject)
{
    const struct organisation *organisation = registered(subject);
    date_t date = subject->matter->event.occurred_on;
    char text[REASON_TEXT_SIZE];
    char day[DATE_TEXT_SIZE];

    if (organisation == NULL || organisation_open_on(organisation, date))
        return;
    bool too_early = organisation->opened_on != DATE_NONE && date < organisation->opened_on;
    date_print(too_early ? organisation->opened_on : organisation->closed_on, day);
    snprintf(text, sizeof text, "%s %s %s", organisation->ods.text,
             too_early ? "opened on" : "was open until", day);
    add(subject, REASON_PROVIDER_CLOSED,
        ods_empty(organisation->successor) || too_early ? NULL : organisation->successor.text, "id",
        subject->provider->id, text);
}

/**
 * R35: a provider that is registered here was open on the day; of others we cannot say. Source:
 * the ODS, opening and closing dates.
 */
static void provider_open(const struct matter *matter, struct reasons *reasons)
{
    each_provider(matter, reasons, open_one);
}

const struct rule rule_provider_open = {"R35", provider_open};
