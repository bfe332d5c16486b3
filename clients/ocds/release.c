/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/ocds/release.h"

#include <jansson.h>
#include <string.h>

#include "clients/ocds/part.h"

/* ---- organisations ---- */

/** A party id such as "GB-COH-01234567": its scheme and the id in it. False: it is of another make. */
static bool split_party_id(const char *text, struct ocds_organisation *ret)
{
    const char *first = text == NULL ? NULL : strchr(text, '-');
    const char *second = first == NULL ? NULL : strchr(first + 1, '-');
    if (second == NULL || second == first + 1 || second[1] == '\0')
        return false;
    if (first - text < 2 || first - text > 3 || second - text > 16)
        return false;
    for (const char *at = text; at < second; at++) {
        bool letter = *at >= 'A' && *at <= 'Z';
        bool digit = *at >= '0' && *at <= '9' && at > first;
        if (!letter && !digit && at != first)
            return false;
    }
    ret->scheme = text;
    ret->scheme_len = (size_t)(second - text);
    ret->id = second + 1;
    return true;
}

/** Scheme and id of an identifier object; false: it does not have both. */
static bool take_identifier(struct part *identifier, struct ocds_organisation *ret)
{
    const char *scheme = part_text(identifier, "scheme");
    const char *id = part_id(identifier, "id", false);
    if (scheme == NULL || *scheme == '\0' || id == NULL)
        return false;
    ret->scheme = scheme;
    ret->scheme_len = strlen(scheme);
    ret->id = id;
    return true;
}

static struct part find_party(struct part *release, const char *id)
{
    struct part none = {.release = release->release};
    json_t *parties = json_object_get(release->json, "parties");
    for (size_t i = 0; id != NULL && i < json_array_size(parties); i++) {
        json_t *party = json_array_get(parties, i);
        const char *party_id = json_string_value(json_object_get(party, "id"));
        if (party_id == NULL || strcmp(party_id, id) != 0)
            continue;
        none.json = party;
        (void)snprintf(none.path, sizeof none.path, "parties/%zu", i);
        break;
    }
    return none;
}

/** The identifier @part has of its own, in `identifier` or the first whole one of `additionalIdentifiers`. */
static bool own_identifier(struct part *part, const char *scheme, struct ocds_organisation *ret)
{
    struct ocds_organisation found = {0};
    struct part identifier = part_object(part, "identifier");
    if (take_identifier(&identifier, &found) &&
        (scheme == NULL || strcmp(found.scheme, scheme) == 0)) {
        *ret = found;
        return true;
    }
    json_t *others = part_member(part, "additionalIdentifiers", WANT_LIST, false);
    for (size_t i = 0; i < json_array_size(others); i++) {
        struct part other = part_item(part, "additionalIdentifiers", others, i);
        if (take_identifier(&other, &found) &&
            (scheme == NULL || strcmp(found.scheme, scheme) == 0)) {
            *ret = found;
            return true;
        }
    }
    return false;
}

/** Who is meant by @reference ({id, name}, in 1.0 the organisation itself); official identifiers first. */
static struct ocds_organisation read_organisation(struct part *release, struct part *reference)
{
    struct ocds_organisation organisation = {0};
    const char *id = part_id(reference, "id", false);
    const char *name = part_text(reference, "name");
    struct part party = find_party(release, id);
    if (name == NULL)
        name = part_text(&party, "name");
    if (!own_identifier(&party, NULL, &organisation) &&
        !own_identifier(reference, NULL, &organisation))
        (void)split_party_id(id, &organisation);
    organisation.name = name;
    organisation.vcse =
        json_is_true(json_object_get(json_object_get(party.json, "details"), "vcse"));
    return organisation;
}

static void read_buyer(struct part *release)
{
    struct part buyer = part_object(release, "buyer");
    const char *id = part_id(&buyer, "id", false);
    struct part party = find_party(release, id);
    struct ocds_organisation found = {0};
    release->release->buyer_name = part_text(&buyer, "name");
    bool official = own_identifier(&party, "GB-NHS", &found) ||
                    own_identifier(&buyer, "GB-NHS", &found) ||
                    (split_party_id(id, &found) && found.scheme_len == strlen("GB-NHS") &&
                     memcmp(found.scheme, "GB-NHS", found.scheme_len) == 0);
    if (official)
        release->release->buyer_nhs_id = found.id;
}

/* ---- the release ---- */

static const struct {
    const char *name;
    uint32_t bits;
} tags[] = {
    {"planning", OCDS_TAG_OTHER},
    {"planningUpdate", OCDS_TAG_OTHER | OCDS_TAG_LATER},
    {"tender", OCDS_TAG_TENDER},
    {"tenderAmendment", OCDS_TAG_OTHER | OCDS_TAG_LATER},
    {"tenderUpdate", OCDS_TAG_OTHER | OCDS_TAG_LATER},
    {"tenderCancellation", OCDS_TAG_OTHER | OCDS_TAG_LATER},
    {"award", OCDS_TAG_AWARD},
    {"awardUpdate", OCDS_TAG_OTHER | OCDS_TAG_LATER},
    {"awardCancellation", OCDS_TAG_OTHER | OCDS_TAG_LATER},
    {"contract", OCDS_TAG_OTHER},
    {"contractUpdate", OCDS_TAG_OTHER | OCDS_TAG_LATER},
    {"contractAmendment", OCDS_TAG_OTHER | OCDS_TAG_LATER},
    {"implementation", OCDS_TAG_OTHER},
    {"implementationUpdate", OCDS_TAG_OTHER | OCDS_TAG_LATER},
    {"contractTermination", OCDS_TAG_OTHER},
    {"compiled", OCDS_TAG_OTHER},
};

static uint32_t tag_bits(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        if (strcmp(tags[i].name, name) == 0)
            return tags[i].bits;
    }
    return 0;
}

static void read_tags(struct part *part)
{
    struct ocds_release *release = part->release;
    json_t *list = part_member(part, "tag", WANT_LIST, true);
    if (list != NULL && json_array_size(list) == 0)
        ocds_fault_add(&release->faults, false, "OCDS_FIELD_REQUIRED", "tag", "tag is empty");
    size_t len = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        char path[OCDS_PATH_SIZE];
        (void)snprintf(path, sizeof path, "tag/%zu", i);
        const char *name = json_string_value(json_array_get(list, i));
        if (name == NULL) {
            ocds_fault_add(&release->faults, false, "OCDS_TYPE", path, "%s is not a text", path);
            continue;
        }
        uint32_t bits = tag_bits(name);
        if (bits == 0) {
            ocds_fault_add(&release->faults, false, "OCDS_CODE", path,
                           "%s: \"%.40s\" is no tag of the standard", path, name);
            continue;
        }
        release->tags |= bits;
        if (len < sizeof release->tag_text) {
            int more = snprintf(release->tag_text + len, sizeof release->tag_text - len, "%s%s",
                                len == 0 ? "" : ", ", name);
            len += more < 0 ? 0 : (size_t)more;
        }
    }
}

static bool ocid_usual(const char *ocid)
{
    if (strncmp(ocid, "ocds-", 5) != 0)
        return false;
    for (int i = 5; i < 11; i++) {
        bool lower = ocid[i] >= 'a' && ocid[i] <= 'z';
        bool digit = ocid[i] >= '0' && ocid[i] <= '9';
        if (!lower && !digit)
            return false;
    }
    return ocid[11] == '-' && ocid[12] != '\0';
}

static void read_head(struct part *part)
{
    static const char *const initiation[] = {"tender", NULL};
    struct ocds_release *release = part->release;
    release->ocid = part_id(part, "ocid", true);
    release->id = part_id(part, "id", true);
    (void)part_moment(part, "date", true, &release->date_ms);
    read_tags(part);
    (void)part_code(part, "initiationType", true, initiation);
    if (release->ocid != NULL && !ocid_usual(release->ocid))
        ocds_fault_add(&release->faults, true, "OCDS_CODE", "ocid",
                       "ocid is not a registered prefix (ocds-xxxxxx-) and an identifier");
    if (release->id != NULL && strchr(release->id, '#') != NULL)
        ocds_fault_add(&release->faults, true, "OCDS_CODE", "id", "id holds a #");
}

static void read_tender(struct part *part)
{
    static const char *const methods[] = {"open", "selective", "limited", "direct", NULL};
    static const char *const statuses[] = {"planning",     "planned",  "active",    "cancelled",
                                           "unsuccessful", "complete", "withdrawn", NULL};
    static const char *const known[] = {"id",
                                        "title",
                                        "description",
                                        "status",
                                        "procuringEntity",
                                        "items",
                                        "value",
                                        "minValue",
                                        "procurementMethod",
                                        "procurementMethodDetails",
                                        "procurementMethodRationale",
                                        "mainProcurementCategory",
                                        "additionalProcurementCategories",
                                        "awardCriteria",
                                        "awardCriteriaDetails",
                                        "submissionMethod",
                                        "submissionMethodDetails",
                                        "tenderPeriod",
                                        "enquiryPeriod",
                                        "hasEnquiries",
                                        "eligibilityCriteria",
                                        "awardPeriod",
                                        "contractPeriod",
                                        "numberOfTenderers",
                                        "tenderers",
                                        "documents",
                                        "milestones",
                                        "amendments",
                                        "amendment",
                                        NULL};
    struct ocds_tender *tender = &part->release->tender;
    struct part inner = part_object(part, "tender");
    tender->published = DATE_NONE;
    tender->closes_on = DATE_NONE;
    if (inner.json == NULL)
        return;
    tender->given = true;
    tender->id = part_id(&inner, "id", true);
    tender->title = part_text(&inner, "title");
    tender->method = (enum ocds_method)part_code(&inner, "procurementMethod", false, methods);
    (void)part_code(&inner, "status", false, statuses);
    tender->method_details = part_text(&inner, "procurementMethodDetails");
    tender->value = part_amount(&inner, "value");
    tender->published = part_day(&inner, "datePublished");
    struct part period = part_object(&inner, "tenderPeriod");
    tender->closes_on = part_day(&period, "endDate");
    part_warn_unknown(&inner, known);
}

static bool read_suppliers(struct part *release, struct part *award, struct ocds_award *ret)
{
    json_t *list = part_member(award, "suppliers", WANT_LIST, false);
    size_t count = json_array_size(list);
    if (count == 0)
        return true;
    ret->suppliers = calloc(count, sizeof *ret->suppliers);
    if (ret->suppliers == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct part supplier = part_item(award, "suppliers", list, i);
        ret->suppliers[i] = read_organisation(release, &supplier);
    }
    ret->suppliers_count = (uint32_t)count;
    return true;
}

static bool read_award(struct part *release, struct part *part, struct ocds_award *ret)
{
    static const char *const statuses[] = {"pending", "active", "cancelled", "unsuccessful", NULL};
    static const char *const known[] = {
        "id",    "title",          "description", "status",     "date",      "value", "suppliers",
        "items", "contractPeriod", "documents",   "amendments", "amendment", NULL};
    *ret = (struct ocds_award){.date = DATE_NONE, .period = {DATE_NONE, DATE_NONE}};
    if (part->json == NULL)
        return true;
    ret->id = part_id(part, "id", true);
    ret->title = part_text(part, "title");
    ret->status = (enum ocds_award_status)part_code(part, "status", false, statuses);
    ret->date = part_day(part, "date");
    ret->value = part_amount(part, "value");
    struct part period = part_object(part, "contractPeriod");
    ret->period.from = part_day(&period, "startDate");
    ret->period.to = part_day(&period, "endDate");
    part_warn_unknown(part, known);
    return read_suppliers(release, part, ret);
}

static int compare_awards(const void *a, const void *b)
{
    const struct ocds_award *left = *(struct ocds_award *const *)a;
    const struct ocds_award *right = *(struct ocds_award *const *)b;
    int order = strcmp(left->id, right->id);
    return order != 0 ? order : (left > right) - (left < right);
}

/** Two awards of one id in one release cannot be told apart. False: out of memory. */
static bool check_award_ids(struct ocds_release *release)
{
    struct ocds_award **sorted = calloc(release->awards_count, sizeof *sorted);
    uint32_t count = 0;
    if (sorted == NULL)
        return false;
    for (uint32_t i = 0; i < release->awards_count; i++) {
        if (release->awards[i].id != NULL)
            sorted[count++] = &release->awards[i];
    }
    qsort(sorted, count, sizeof *sorted, compare_awards);
    for (uint32_t i = 1; i < count; i++) {
        if (strcmp(sorted[i - 1]->id, sorted[i]->id) != 0)
            continue;
        char path[OCDS_PATH_SIZE];
        (void)snprintf(path, sizeof path, "awards/%td/id", sorted[i] - release->awards);
        ocds_fault_add(&release->faults, false, "OCDS_DUPLICATE_ID", path,
                       "another award of the release has the id \"%.60s\"", sorted[i]->id);
    }
    free(sorted);
    return true;
}

static bool read_awards(struct part *part)
{
    struct ocds_release *release = part->release;
    json_t *list = part_member(part, "awards", WANT_LIST, false);
    size_t count = json_array_size(list);
    if (count == 0)
        return true;
    release->awards = calloc(count, sizeof *release->awards);
    if (release->awards == NULL)
        return false;
    release->awards_count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        struct part award = part_item(part, "awards", list, i);
        if (!read_award(part, &award, &release->awards[i]))
            return false;
    }
    return check_award_ids(release);
}

bool ocds_release_read(struct ocds_release *release)
{
    static const char *const known[] = {
        "ocid",     "id",     "date",   "tag",       "initiationType", "parties",          "buyer",
        "planning", "tender", "awards", "contracts", "language",       "relatedProcesses", NULL};
    struct part part = {.release = release, .json = release->json};
    CHECK(json_is_object(release->json));

    read_head(&part);
    (void)part_member(&part, "parties", WANT_LIST, false);
    read_buyer(&part);
    read_tender(&part);
    if (!read_awards(&part))
        return false;
    part_warn_unknown(&part, known);
    return true;
}

void ocds_release_clear(struct ocds_release *release)
{
    for (uint32_t i = 0; i < release->awards_count; i++)
        free(release->awards[i].suppliers);
    free(release->awards);
    ocds_faults_clear(&release->faults);
    json_decref(release->json);
    *release = (struct ocds_release){0};
}

bool ocds_release_equal(const struct ocds_release *a, const struct ocds_release *b)
{
    return json_equal(a->json, b->json) == 1;
}
