/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/ocds/map.h"

#include <jansson.h>
#include <string.h>
#include <strings.h>

/* Kept facts are small (FACT_BYTES_MAX): long texts are cut, identifiers never. In bytes. */
#define TITLE_BYTES_MAX 400
#define DETAILS_BYTES_MAX 200
#define NAME_BYTES_MAX 160
#define NAMES_BYTES_MAX 900 /* of all providers of one award together */

/* ---- routes ---- */

/*
 * The details of a method in Contracts Finder and Find a Tender, without regard to case; the first that is found counts. A method
 * that more than one route leads to says nothing without them.
 */
static const struct {
    enum ocds_method method;
    const char *details; /* NULL: whatever they are */
    const char *route;
} routes[] = {
    {OCDS_METHOD_OPEN, "any qualified provider", "ANY_QUALIFIED_PROVIDER"},
    {OCDS_METHOD_OPEN, NULL, "OPEN"},
    {OCDS_METHOD_SELECTIVE, "framework", "FRAMEWORK_CALL_OFF"},
    {OCDS_METHOD_SELECTIVE, "dynamic purchasing", "DYNAMIC_PURCHASING"},
    {OCDS_METHOD_SELECTIVE, "restricted", "RESTRICTED"},
    {OCDS_METHOD_LIMITED, "quotation", "QUOTATIONS"},
    {OCDS_METHOD_LIMITED, "without prior publication", "NEGOTIATED_WITHOUT_NOTICE"},
    {OCDS_METHOD_LIMITED, "most suitable provider", "PSR_MOST_SUITABLE"},
    {OCDS_METHOD_DIRECT, "single tender", "SINGLE_TENDER"},
    {OCDS_METHOD_DIRECT, "direct award process a", "PSR_DIRECT_A"},
    {OCDS_METHOD_DIRECT, "direct award process b", "PSR_DIRECT_B"},
    {OCDS_METHOD_DIRECT, "direct award process c", "PSR_DIRECT_C"},
    {OCDS_METHOD_DIRECT, "urgent", "PSR_URGENT"},
};

const char *ocds_route(enum ocds_method method, const char *details)
{
    for (size_t i = 0; i < ARRAY_LEN(routes); i++) {
        if (routes[i].method != method)
            continue;
        if (routes[i].details == NULL ||
            (details != NULL && strcasestr(details, routes[i].details) != NULL))
            return routes[i].route;
    }
    return "NOT_STATED";
}

/* ---- small things ---- */

/** @text as JSON, cut to @max bytes at a character's boundary. */
static json_t *cut_text(const char *text, size_t max)
{
    size_t len = strlen(text);
    if (len > max) {
        len = max;
        while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80)
            len--;
    }
    return json_stringn(text, len);
}

/** Set members; the first failure (of memory) is kept, and what follows does nothing. */
struct writer {
    json_t *json;
    bool failed;
};

static void put(struct writer *writer, const char *name, json_t *value)
{
    /* json_object_set_new() takes @value over, also when it fails. */
    if (json_object_set_new(writer->json, name, value) != 0)
        writer->failed = true;
}

static void put_text(struct writer *writer, const char *name, const char *text)
{
    put(writer, name, json_string(text));
}

static void put_cut(struct writer *writer, const char *name, const char *text, size_t max)
{
    if (text != NULL && *text != '\0')
        put(writer, name, cut_text(text, max));
}

static void put_date(struct writer *writer, const char *name, date_t date)
{
    char day[DATE_TEXT_SIZE];
    if (date == DATE_NONE)
        return;
    date_print(date, day);
    put_text(writer, name, day);
}

static void identity_add(struct ocds_event *event, const char *part)
{
    size_t len = strlen(part) + 1;
    CHECK(len <= sizeof event->identity - event->identity_len);
    memcpy(event->identity + event->identity_len, part, len);
    event->identity_len += len;
}

/** The envelope of a workflow event. */
static struct writer begin_event(const struct ocds_mapped *mapped, const struct ocds_terms *terms,
                                 enum event_type type, date_t occurred_on)
{
    struct writer writer = {.json = json_object()};
    bool acts = !ods_empty(terms->sender) && !ods_equal(terms->sender, mapped->lead);
    put_text(&writer, "event_type", event_type_name(type));
    put_text(&writer, "lead_ods", mapped->lead.text);
    put_text(&writer, "reference", mapped->reference.text);
    put_text(&writer, "sender_ods", acts ? terms->sender.text : mapped->lead.text);
    if (acts)
        put_text(&writer, "acting_for_ods", mapped->lead.text);
    put_date(&writer, "occurred_on", occurred_on);
    put(&writer, "schema_version", json_integer(SCHEMA_VERSION));
    return writer;
}

/** Take @writer's JSON over as the text of @event. False: out of memory. */
static bool end_event(struct writer *writer, struct ocds_event *event)
{
    event->text = writer->failed ? NULL : json_dumps(writer->json, JSON_COMPACT);
    json_decref(writer->json);
    return event->text != NULL;
}

/* ---- tender ---- */

/** The estimate: whole pounds and pence of GBP, else nothing is said; a notice may do without. */
static void put_estimate(struct writer *writer, const struct ocds_amount *value)
{
    if (value->given && value->pounds && value->exact && value->pence >= 0)
        put(writer, "value_pence", json_integer(value->pence));
}

static bool map_tender(const struct ocds_release *release, const struct ocds_terms *terms,
                       struct ocds_mapped *mapped)
{
    const struct ocds_tender *tender = &release->tender;
    if (!tender->given) {
        ocds_fault_add(&mapped->faults, false, "FIELD_MISSING", "tender",
                       "a tender notice without a tender");
        return true;
    }
    if (tender->value.given && tender->value.currency != NULL && !tender->value.pounds) {
        ocds_fault_add(&mapped->faults, false, "FIELD_INVALID", "tender/value/currency",
                       "the value is in %.8s, not in GBP", tender->value.currency);
        return true;
    }
    struct ocds_event *event = &mapped->events[mapped->count];
    *event = (struct ocds_event){.type = EVENT_PROCUREMENT_STARTED};
    identity_add(event, release->ocid);
    identity_add(event, release->id);
    identity_add(event, event_type_name(event->type));

    date_t day = tender->published != DATE_NONE ? tender->published : date_at(release->date_ms);
    struct writer writer = begin_event(mapped, terms, event->type, day);
    struct writer payload = {.json = json_object()};
    const char *route = ocds_route(tender->method, tender->method_details);
    put_text(&payload, "route", route);
    put_cut(&payload, "title", tender->title, TITLE_BYTES_MAX);
    put_text(&payload, "notice_reference", release->id);
    put_estimate(&payload, &tender->value);
    put_date(&payload, "closes_on", tender->closes_on);
    if (strcmp(route, "NOT_STATED") == 0)
        put_cut(&payload, "method_details", tender->method_details, DETAILS_BYTES_MAX);
    writer.failed = writer.failed || payload.failed;
    put(&writer, "procurement_started", payload.json);
    if (!end_event(&writer, event))
        return false;
    mapped->count++;
    return true;
}

/* ---- awards ---- */

static const char *provider_kind(const struct ocds_organisation *supplier)
{
    struct slice scheme = {(const uint8_t *)supplier->scheme, supplier->scheme_len};
    if (supplier->vcse || (scheme.len == 6 && memcmp(scheme.bytes, "GB-CHC", 6) == 0))
        return "VCSE";
    if (scheme.len == 6 && memcmp(scheme.bytes, "GB-LAE", 6) == 0)
        return "LOCAL_AUTHORITY";
    return "OTHER";
}

static json_t *providers_json(const struct ocds_award *award)
{
    size_t name_max = NAMES_BYTES_MAX / award->suppliers_count;
    if (name_max > NAME_BYTES_MAX)
        name_max = NAME_BYTES_MAX;
    json_t *list = json_array();
    bool failed = list == NULL;
    for (uint32_t i = 0; i < award->suppliers_count && !failed; i++) {
        const struct ocds_organisation *supplier = &award->suppliers[i];
        struct writer writer = {.json = json_object()};
        put(&writer, "scheme", json_stringn(supplier->scheme, supplier->scheme_len));
        put_text(&writer, "id", supplier->id);
        put_cut(&writer, "name", supplier->name, name_max);
        put_text(&writer, "kind", provider_kind(supplier));
        failed = json_array_append_new(list, writer.json) != 0 || writer.failed;
    }
    if (failed) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static enum event_type award_event(enum ocds_award_status status)
{
    switch (status) {
    case OCDS_AWARD_PENDING:
        return EVENT_AWARD_INTENDED;
    case OCDS_AWARD_ACTIVE:
        return EVENT_CONTRACT_AWARDED;
    case OCDS_AWARD_CANCELLED:
    case OCDS_AWARD_UNSUCCESSFUL:
        return EVENT_AWARD_WITHDRAWN;
    case OCDS_AWARD_NONE:
        break;
    }
    return EVENT_NONE;
}

/** What an award cannot be said without; each thing that is not there is a fault. True: nothing. */
static bool award_whole(const struct ocds_award *award, uint32_t index, struct ocds_faults *faults)
{
    uint32_t before = faults->errors;
    char path[OCDS_PATH_SIZE];
    if (award->status == OCDS_AWARD_NONE) {
        (void)snprintf(path, sizeof path, "awards/%u/status", index);
        ocds_fault_add(faults, false, "FIELD_MISSING", path,
                       "neither intended nor made: the award has no status");
    }
    if (award_event(award->status) == EVENT_AWARD_WITHDRAWN)
        return faults->errors == before;

    if (award->suppliers_count == 0) {
        (void)snprintf(path, sizeof path, "awards/%u/suppliers", index);
        ocds_fault_add(faults, false, "FIELD_MISSING", path, "the award names no supplier");
    }
    for (uint32_t i = 0; i < award->suppliers_count; i++) {
        if (award->suppliers[i].scheme != NULL)
            continue;
        (void)snprintf(path, sizeof path, "awards/%u/suppliers/%u/identifier", index, i);
        ocds_fault_add(faults, false, "FIELD_MISSING", path,
                       "the supplier \"%.60s\" has no identifier of any scheme",
                       award->suppliers[i].name == NULL ? "" : award->suppliers[i].name);
    }
    if (award->period.from == DATE_NONE) {
        (void)snprintf(path, sizeof path, "awards/%u/contractPeriod/startDate", index);
        ocds_fault_add(faults, false, "FIELD_MISSING", path,
                       "the award does not say when the contract begins");
    }
    if (!award->value.given) {
        (void)snprintf(path, sizeof path, "awards/%u/value/amount", index);
        ocds_fault_add(faults, false, "FIELD_MISSING", path, "the award has no value");
    } else if (!award->value.pounds) {
        (void)snprintf(path, sizeof path, "awards/%u/value/currency", index);
        ocds_fault_add(faults, false, "FIELD_INVALID", path, "the value is in %.8s, not in GBP",
                       award->value.currency == NULL ? "no currency" : award->value.currency);
    } else if (!award->value.exact || award->value.pence < 0) {
        (void)snprintf(path, sizeof path, "awards/%u/value/amount", index);
        ocds_fault_add(faults, false, "FIELD_INVALID", path,
                       "the value is not in whole pence, negative, or beyond all bounds");
    }
    return faults->errors == before;
}

static void put_award(struct writer *payload, const struct ocds_release *release,
                      const struct ocds_award *award, enum event_type type)
{
    put_text(payload, "award_id", award->id);
    put(payload, "providers", providers_json(award));
    put(payload, "value_pence", json_integer(award->value.pence));
    put_date(payload, "period_from", award->period.from);
    put_date(payload, "period_to", award->period.to);
    if (type == EVENT_AWARD_INTENDED) {
        put_text(payload, "notice_reference", release->id);
        return;
    }
    put_text(payload, "contract_reference", release->id);
    put_cut(payload, "title", award->title != NULL ? award->title : release->tender.title,
            TITLE_BYTES_MAX);
}

static void put_withdrawal(struct writer *payload, const struct ocds_award *award)
{
    put_text(payload, "award_id", award->id);
    put_text(payload, "reason",
             award->status == OCDS_AWARD_CANCELLED ? "published as cancelled"
                                                   : "published as unsuccessful");
}

static bool map_award(const struct ocds_release *release, const struct ocds_terms *terms,
                      uint32_t index, struct ocds_mapped *mapped)
{
    const struct ocds_award *award = &release->awards[index];
    if (!award_whole(award, index, &mapped->faults))
        return true;
    enum event_type type = award_event(award->status);
    struct ocds_event *event = &mapped->events[mapped->count];
    *event = (struct ocds_event){.type = type};
    identity_add(event, release->ocid);
    identity_add(event, release->id);
    identity_add(event, event_type_name(type));
    identity_add(event, award->id);

    date_t day = award->date != DATE_NONE ? award->date : date_at(release->date_ms);
    struct writer writer = begin_event(mapped, terms, type, day);
    struct writer payload = {.json = json_object()};
    const char *name = "award_withdrawn";
    if (type == EVENT_AWARD_WITHDRAWN) {
        put_withdrawal(&payload, award);
    } else {
        put_award(&payload, release, award, type);
        name = type == EVENT_AWARD_INTENDED ? "award_intended" : "contract_awarded";
    }
    writer.failed = writer.failed || payload.failed;
    put(&writer, name, payload.json);
    if (!end_event(&writer, event))
        return false;
    mapped->count++;
    return true;
}

static bool map_awards(const struct ocds_release *release, const struct ocds_terms *terms,
                       struct ocds_mapped *mapped)
{
    if (release->awards_count == 0)
        ocds_fault_add(&mapped->faults, false, "FIELD_MISSING", "awards",
                       "an award notice without an award");
    for (uint32_t i = 0; i < release->awards_count; i++) {
        if (!map_award(release, terms, i, mapped))
            return false;
    }
    return true;
}

/* ---- the release ---- */

/** The code an official identifier holds, in capitals. */
static bool official_lead(const char *id, struct ods *ret)
{
    char code[ODS_SIZE];
    size_t len = strlen(id);
    if (len >= sizeof code)
        return false;
    for (size_t i = 0; i < len; i++)
        code[i] = (char)(id[i] >= 'a' && id[i] <= 'z' ? id[i] - 'a' + 'A' : id[i]);
    return ods_parse(code, len, ret);
}

static void find_lead(const struct ocds_release *release, const struct ocds_terms *terms,
                      struct ocds_mapped *mapped)
{
    if (release->buyer_nhs_id != NULL) {
        if (!official_lead(release->buyer_nhs_id, &mapped->lead))
            ocds_fault_add(&mapped->faults, false, "OCDS_CODE", "buyer/identifier/id",
                           "\"%.20s\" is no ODS code", release->buyer_nhs_id);
        return;
    }
    mapped->lead = terms->lead;
    if (ods_empty(terms->lead))
        ocds_fault_add(&mapped->faults, false, "FIELD_MISSING", "buyer/identifier",
                       "the buyer has no GB-NHS identifier; --lead names the lead then");
}

static void find_reference(const struct ocds_release *release, struct ocds_mapped *mapped)
{
    size_t len = strlen(release->ocid);
    if (!reference_parse(release->ocid, len, &mapped->reference))
        ocds_fault_add(&mapped->faults, false, "OCDS_CODE", "ocid",
                       "an ocid of other than letters, digits, '.', '_', ':', '-', or of more "
                       "than 64, cannot name a workflow");
    if (strlen(release->id) >= AWARD_ID_SIZE)
        ocds_fault_add(&mapped->faults, false, "FIELD_INVALID", "id", "longer than %d bytes",
                       AWARD_ID_SIZE - 1);
    for (uint32_t i = 0; i < release->awards_count; i++) {
        char path[OCDS_PATH_SIZE];
        (void)snprintf(path, sizeof path, "awards/%u/id", i);
        if (release->awards[i].id != NULL && strlen(release->awards[i].id) >= AWARD_ID_SIZE)
            ocds_fault_add(&mapped->faults, false, "FIELD_INVALID", path, "longer than %d bytes",
                           AWARD_ID_SIZE - 1);
    }
}

static bool map_notices(const struct ocds_release *release, const struct ocds_terms *terms,
                        struct ocds_mapped *mapped)
{
    mapped->events = calloc((size_t)release->awards_count + 1, sizeof *mapped->events);
    if (mapped->events == NULL)
        return false;
    if ((release->tags & OCDS_TAG_TENDER) && !map_tender(release, terms, mapped))
        return false;
    return !(release->tags & OCDS_TAG_AWARD) || map_awards(release, terms, mapped);
}

enum status ocds_map(const struct ocds_release *release, const struct ocds_terms *terms,
                     struct ocds_mapped *ret)
{
    CHECK(release->faults.errors == 0);
    CHECK(release->ocid != NULL);
    CHECK(release->id != NULL);

    struct ocds_mapped mapped = {0};
    if (!(release->tags & (OCDS_TAG_TENDER | OCDS_TAG_AWARD))) {
        mapped.skipped = true;
        (void)snprintf(mapped.skip_text, sizeof mapped.skip_text,
                       "%s: not a tender or award notice", release->tag_text);
        *ret = mapped;
        return STATUS_OK;
    }
    find_lead(release, terms, &mapped);
    find_reference(release, &mapped);
    if (mapped.faults.errors == 0 && !map_notices(release, terms, &mapped)) {
        ocds_mapped_clear(&mapped);
        return STATUS_NO_MEMORY;
    }
    *ret = mapped;
    return STATUS_OK;
}

bool ocds_mapped_equal(const struct ocds_mapped *a, const struct ocds_mapped *b)
{
    if (a->skipped != b->skipped || a->count != b->count || a->faults.errors != b->faults.errors ||
        a->faults.count != b->faults.count)
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        if (strcmp(a->events[i].text, b->events[i].text) != 0)
            return false;
    }
    for (uint32_t i = 0; i < a->faults.count; i++) {
        if (strcmp(a->faults.items[i].code, b->faults.items[i].code) != 0)
            return false;
    }
    return strcmp(a->skip_text, b->skip_text) == 0;
}

void ocds_mapped_clear(struct ocds_mapped *mapped)
{
    for (uint32_t i = 0; i < mapped->count; i++)
        ocds_event_clear(&mapped->events[i]);
    free(mapped->events);
    ocds_faults_clear(&mapped->faults);
    *mapped = (struct ocds_mapped){0};
}

enum status ocds_map_adopted(const struct ocds_mapped *mapped, const struct ocds_terms *terms,
                             date_t occurred_on, struct ocds_event *ret)
{
    struct ocds_event event = {.type = EVENT_ADOPTED};
    identity_add(&event, mapped->reference.text);
    identity_add(&event, mapped->lead.text);
    identity_add(&event, event_type_name(event.type));

    struct writer writer = begin_event(mapped, terms, event.type, occurred_on);
    struct writer payload = {.json = json_object()};
    put_text(&payload, "stage", stage_name(STAGE_PROCUREMENT));
    put_text(&payload, "reason",
             "begun elsewhere; its notices are published as open contracting data");
    put_text(&payload, "evidence", "the notices published under the reference, which is the ocid");
    writer.failed = writer.failed || payload.failed;
    put(&writer, "adopted", payload.json);
    if (!end_event(&writer, &event))
        return STATUS_NO_MEMORY;
    *ret = event;
    return STATUS_OK;
}

void ocds_event_clear(struct ocds_event *event)
{
    free(event->text);
    *event = (struct ocds_event){0};
}

char *ocds_event_text(const struct ocds_event *event, struct event_id id)
{
    char uuid[EVENT_ID_TEXT_SIZE];
    event_id_print(id, uuid);
    /* The text is an object with members: "{" and more. */
    size_t max = strlen(event->text) + EVENT_ID_TEXT_SIZE + sizeof "{\"event_id\":\"\",";
    char *text = malloc(max);
    if (text != NULL)
        (void)snprintf(text, max, "{\"event_id\":\"%s\",%s", uuid, event->text + 1);
    return text;
}
