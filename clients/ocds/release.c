/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/ocds/release.h"

#include <float.h>
#include <jansson.h>
#include <stdarg.h>
#include <string.h>

static_assert(DBL_DIG >= 15, "a decimal of 15 digits survives a double");

/* ---- faults ---- */

void ocds_fault_add(struct ocds_faults *faults, bool warning, const char *code, const char *path,
                    const char *format, ...)
{
    if (!warning)
        faults->errors++;
    /* Half the room is kept for errors, however many warnings come first. */
    uint32_t max = warning ? OCDS_FAULTS_MAX / 2 : OCDS_FAULTS_MAX;
    struct ocds_fault *items = NULL;
    if (faults->count < max)
        items = realloc(faults->items, (faults->count + 1) * sizeof *items);
    if (items == NULL) {
        faults->left_out++;
        return;
    }
    faults->items = items;

    struct ocds_fault *fault = &items[faults->count++];
    fault->warning = warning;
    bool bare = path == NULL || *path == '\0';
    (void)snprintf(fault->code, sizeof fault->code, "%s%s%s", code, bare ? "" : ":",
                   bare ? "" : path);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(fault->text, sizeof fault->text, format, arguments);
    va_end(arguments);
}

void ocds_faults_clear(struct ocds_faults *faults)
{
    free(faults->items);
    *faults = (struct ocds_faults){0};
}

/* ---- members ---- */

enum want { WANT_TEXT, WANT_ID, WANT_OBJECT, WANT_LIST, WANT_NUMBER };

static const char *want_name(enum want want)
{
    switch (want) {
    case WANT_TEXT:
        return "a text";
    case WANT_ID:
        return "a text or a whole number";
    case WANT_OBJECT:
        return "an object";
    case WANT_LIST:
        return "a list";
    case WANT_NUMBER:
        return "a number";
    }
    return "?";
}

static bool want_met(enum want want, const json_t *value)
{
    switch (want) {
    case WANT_TEXT:
        return json_is_string(value);
    case WANT_ID:
        return json_is_string(value) || json_is_integer(value);
    case WANT_OBJECT:
        return json_is_object(value);
    case WANT_LIST:
        return json_is_array(value);
    case WANT_NUMBER:
        return json_is_number(value);
    }
    return false;
}

/** An object of the release and where it stands. */
struct part {
    struct ocds_release *release;
    json_t *json; /* NULL: not given */
    char path[OCDS_PATH_SIZE];
};

/** A path that was cut at its limit ends in "..."; it is for people. */
static void path_cut(int len, char path[OCDS_PATH_SIZE])
{
    if (len >= OCDS_PATH_SIZE)
        memcpy(path + OCDS_PATH_SIZE - 4, "...", 4);
}

static void path_of(const struct part *part, const char *name, char ret[OCDS_PATH_SIZE])
{
    const char *gap = *part->path == '\0' ? "" : "/";
    path_cut(snprintf(ret, OCDS_PATH_SIZE, "%s%s%s", part->path, gap, name), ret);
}

/** The member @name of @part, or NULL: not given, or given wrongly (then it is a fault). */
static json_t *member(struct part *part, const char *name, enum want want, bool required)
{
    char path[OCDS_PATH_SIZE];
    path_of(part, name, path);
    json_t *value = json_object_get(part->json, name);
    if (value == NULL || json_is_null(value)) {
        if (required)
            ocds_fault_add(&part->release->faults, false, "OCDS_FIELD_REQUIRED", path,
                           "%s is missing", path);
        return NULL;
    }
    if (!want_met(want, value)) {
        ocds_fault_add(&part->release->faults, false, "OCDS_TYPE", path, "%s is not %s", path,
                       want_name(want));
        return NULL;
    }
    return value;
}

static struct part object_member(struct part *part, const char *name)
{
    struct part inner = {.release = part->release, .json = member(part, name, WANT_OBJECT, false)};
    path_of(part, name, inner.path);
    return inner;
}

/** Object number @index of @list, which is the member @name of @part. */
static struct part list_item(struct part *part, const char *name, json_t *list, size_t index)
{
    struct part item = {.release = part->release, .json = json_array_get(list, index)};
    const char *gap = *part->path == '\0' ? "" : "/";
    path_cut(snprintf(item.path, sizeof item.path, "%s%s%s/%zu", part->path, gap, name, index),
             item.path);
    if (!json_is_object(item.json)) {
        ocds_fault_add(&part->release->faults, false, "OCDS_TYPE", item.path, "%s is not an object",
                       item.path);
        item.json = NULL;
    }
    return item;
}

static const char *text_member(struct part *part, const char *name)
{
    return json_string_value(member(part, name, WANT_TEXT, false));
}

/** An identifier: a text, or a whole number, which is turned into text in place. Empty is missing. */
static const char *id_member(struct part *part, const char *name, bool required)
{
    json_t *value = member(part, name, WANT_ID, required);
    if (json_is_integer(value)) {
        char digits[32];
        (void)snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        if (json_object_set_new(part->json, name, json_string(digits)) != 0)
            return NULL;
        value = json_object_get(part->json, name);
    }
    const char *text = json_string_value(value);
    if (text != NULL && *text == '\0') {
        if (required) {
            char path[OCDS_PATH_SIZE];
            path_of(part, name, path);
            ocds_fault_add(&part->release->faults, false, "OCDS_FIELD_REQUIRED", path,
                           "%s is empty", path);
        }
        return NULL;
    }
    return text;
}

static bool moment_member(struct part *part, const char *name, bool required, int64_t *ret_ms)
{
    const char *text = json_string_value(member(part, name, WANT_TEXT, required));
    if (text == NULL)
        return false;
    if (moment_parse(text, strlen(text), ret_ms))
        return true;
    char path[OCDS_PATH_SIZE];
    path_of(part, name, path);
    ocds_fault_add(&part->release->faults, false, "OCDS_DATE", path,
                   "%s is not a date and time of RFC 3339: \"%.40s\"", path, text);
    return false;
}

static date_t day_member(struct part *part, const char *name)
{
    int64_t ms = 0;
    return moment_member(part, name, false, &ms) ? date_at(ms) : DATE_NONE;
}

/** Which of @codes, a NULL-terminated closed list, is the member @name? From 1; 0: not given, or unknown (a fault). */
static int code_member(struct part *part, const char *name, bool required, const char *const *codes)
{
    const char *text = json_string_value(member(part, name, WANT_TEXT, required));
    if (text == NULL)
        return 0;
    for (int i = 0; codes[i] != NULL; i++) {
        if (strcmp(codes[i], text) == 0)
            return i + 1;
    }
    char path[OCDS_PATH_SIZE];
    path_of(part, name, path);
    ocds_fault_add(&part->release->faults, false, "OCDS_CODE", path,
                   "%s: \"%.40s\" is not in its closed list", path, text);
    return 0;
}

/** The standard asks that members it does not know be reported: they are not read. */
static void warn_unknown(struct part *part, const char *const *known)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach(part->json, name, value)
    {
        bool found = false;
        for (size_t i = 0; known[i] != NULL && !found; i++)
            found = strcmp(known[i], name) == 0;
        if (found)
            continue;
        char path[OCDS_PATH_SIZE];
        path_of(part, name, path);
        ocds_fault_add(&part->release->faults, true, "OCDS_UNKNOWN_FIELD", path,
                       "%s is not in the standard and is not read", path);
    }
}

/* ---- money ---- */

/** The decimal @text (of at most 15 digits, "%.15g") to hundredths. */
static bool hundredths(const char *text, int64_t *ret)
{
    bool negative = *text == '-';
    int64_t pence = 0;
    int decimals = -1; /* digits after the point; -1: it has not come yet */
    for (const char *at = text + negative; *at != '\0'; at++) {
        if (*at == '.' && decimals < 0) {
            decimals = 0;
            continue;
        }
        if (*at < '0' || *at > '9' || decimals == 2)
            return false;
        if (pence > OCDS_PENCE_MAX)
            return false;
        pence = pence * 10 + (*at - '0');
        if (decimals >= 0)
            decimals++;
    }
    for (int i = decimals < 0 ? 0 : decimals; i < 2; i++) {
        if (pence > OCDS_PENCE_MAX)
            return false;
        pence *= 10;
    }
    if (pence > OCDS_PENCE_MAX)
        return false;
    *ret = negative ? -pence : pence;
    return true;
}

bool ocds_pence(double real, int64_t *ret)
{
    /* Beyond this "%.15g" writes an exponent, and no event can hold it. */
    if (!(real > -1e14 && real < 1e14))
        return false;
    if (real > -0.005 && real < 0.005 && real != 0.0)
        return false;
    char text[64];
    (void)snprintf(text, sizeof text, "%.15g", real);
    return hundredths(text, ret);
}

static bool integer_pence(json_int_t pounds, int64_t *ret)
{
    if (pounds > OCDS_PENCE_MAX / 100 || pounds < -(OCDS_PENCE_MAX / 100))
        return false;
    *ret = (int64_t)pounds * 100;
    return true;
}

static struct ocds_amount amount_member(struct part *part, const char *name)
{
    struct ocds_amount amount = {0};
    struct part value = object_member(part, name);
    json_t *number = member(&value, "amount", WANT_NUMBER, false);
    amount.currency = text_member(&value, "currency");
    amount.pounds = amount.currency != NULL && strcmp(amount.currency, "GBP") == 0;
    amount.given = number != NULL;
    if (json_is_integer(number))
        amount.exact = integer_pence(json_integer_value(number), &amount.pence);
    else if (json_is_real(number))
        amount.exact = ocds_pence(json_real_value(number), &amount.pence);
    return amount;
}

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
    const char *scheme = text_member(identifier, "scheme");
    const char *id = id_member(identifier, "id", false);
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
    struct part identifier = object_member(part, "identifier");
    if (take_identifier(&identifier, &found) &&
        (scheme == NULL || strcmp(found.scheme, scheme) == 0)) {
        *ret = found;
        return true;
    }
    json_t *others = member(part, "additionalIdentifiers", WANT_LIST, false);
    for (size_t i = 0; i < json_array_size(others); i++) {
        struct part other = list_item(part, "additionalIdentifiers", others, i);
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
    const char *id = id_member(reference, "id", false);
    const char *name = text_member(reference, "name");
    struct part party = find_party(release, id);
    if (name == NULL)
        name = text_member(&party, "name");
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
    struct part buyer = object_member(release, "buyer");
    const char *id = id_member(&buyer, "id", false);
    struct part party = find_party(release, id);
    struct ocds_organisation found = {0};
    release->release->buyer_name = text_member(&buyer, "name");
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
    json_t *list = member(part, "tag", WANT_LIST, true);
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
    release->ocid = id_member(part, "ocid", true);
    release->id = id_member(part, "id", true);
    (void)moment_member(part, "date", true, &release->date_ms);
    read_tags(part);
    (void)code_member(part, "initiationType", true, initiation);
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
    struct part inner = object_member(part, "tender");
    tender->published = DATE_NONE;
    tender->closes_on = DATE_NONE;
    if (inner.json == NULL)
        return;
    tender->given = true;
    tender->id = id_member(&inner, "id", true);
    tender->title = text_member(&inner, "title");
    tender->method = (enum ocds_method)code_member(&inner, "procurementMethod", false, methods);
    (void)code_member(&inner, "status", false, statuses);
    tender->method_details = text_member(&inner, "procurementMethodDetails");
    tender->value = amount_member(&inner, "value");
    tender->published = day_member(&inner, "datePublished");
    struct part period = object_member(&inner, "tenderPeriod");
    tender->closes_on = day_member(&period, "endDate");
    warn_unknown(&inner, known);
}

static bool read_suppliers(struct part *release, struct part *award, struct ocds_award *ret)
{
    json_t *list = member(award, "suppliers", WANT_LIST, false);
    size_t count = json_array_size(list);
    if (count == 0)
        return true;
    ret->suppliers = calloc(count, sizeof *ret->suppliers);
    if (ret->suppliers == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        struct part supplier = list_item(award, "suppliers", list, i);
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
    ret->id = id_member(part, "id", true);
    ret->title = text_member(part, "title");
    ret->status = (enum ocds_award_status)code_member(part, "status", false, statuses);
    ret->date = day_member(part, "date");
    ret->value = amount_member(part, "value");
    struct part period = object_member(part, "contractPeriod");
    ret->period.from = day_member(&period, "startDate");
    ret->period.to = day_member(&period, "endDate");
    warn_unknown(part, known);
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
    json_t *list = member(part, "awards", WANT_LIST, false);
    size_t count = json_array_size(list);
    if (count == 0)
        return true;
    release->awards = calloc(count, sizeof *release->awards);
    if (release->awards == NULL)
        return false;
    release->awards_count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        struct part award = list_item(part, "awards", list, i);
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
    (void)member(&part, "parties", WANT_LIST, false);
    read_buyer(&part);
    read_tender(&part);
    if (!read_awards(&part))
        return false;
    warn_unknown(&part, known);
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
