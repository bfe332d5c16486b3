/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/cases.h"

#include <inttypes.h>
#include <string.h>

#include "proto/codec.h"

static const enum event_type types[CASE_STAGES] = {
    EVENT_NEEDS_ASSESSED,   EVENT_PRIORITIES_SET,   EVENT_BIDS_EVALUATED,
    EVENT_CONTRACT_AWARDED, EVENT_REVIEW_COMPLETED,
};

/* ---- events ---- */

static struct slice text(const char *string)
{
    return (struct slice){(const uint8_t *)string, strlen(string)};
}

/* Time order in front, as UUIDv7 has it; case and stage at the end. */
struct event_id cases_event_id(const struct cases *cases, uint32_t number, uint32_t stage)
{
    struct event_id id;
    for (int i = 0; i < 8; i++)
        id.bytes[i] = (uint8_t)(cases->salt >> (56 - 8 * i));
    id.bytes[8] = 0x80;
    id.bytes[9] = 0;
    id.bytes[10] = 0;
    id.bytes[11] = (uint8_t)stage;
    for (int i = 0; i < 4; i++)
        id.bytes[12 + i] = (uint8_t)(number >> (24 - 8 * i));
    return id;
}

void cases_of(const struct event_id *id, uint32_t *ret_number, uint32_t *ret_stage)
{
    *ret_number = (uint32_t)id->bytes[12] << 24 | (uint32_t)id->bytes[13] << 16 |
                  (uint32_t)id->bytes[14] << 8 | id->bytes[15];
    *ret_stage = id->bytes[11];
}

static date_t day(const char *string)
{
    date_t date = DATE_NONE;
    CHECK(date_parse(string, strlen(string), &date));
    return date;
}

static void fill(struct event *event, uint32_t stage, struct slice padding,
                 const struct provider *provider)
{
    switch (stage) {
    case 0:
        event->needs_assessed = (struct needs_assessed){
            .category = CATEGORY_ELECTIVE,
            .registered_given = true,
            .unregistered_given = true,
            .registered_count = 214000,
            .unregistered_count = 310,
            .title = padding,
        };
        break;
    case 1:
        event->priorities_set =
            (struct priorities_set){.plan_reference = padding, .budget_pence = 500000};
        break;
    case 2:
        event->bids_evaluated =
            (struct bids_evaluated){.preferred_bid_id = padding, .bids_count = 3};
        break;
    case 3:
        event->award = (struct award){
            .award_id = text("award-1"),
            .reference = padding,
            .providers = provider,
            .providers_count = 1,
            .value_pence = 1000,
            .period = {day("2018-06-01"), day("2018-12-31")},
            .category = CATEGORY_ELECTIVE,
        };
        break;
    default:
        event->review_summary = padding;
        break;
    }
}

struct slice cases_event(const struct cases *cases, uint32_t number, uint32_t stage,
                         uint8_t bytes[CASE_EVENT_ROOM])
{
    static const char padding[CASE_EVENT_BYTES] =
        "A community physiotherapy service for adults, close to home, in four places of the "
        "borough, with self-referral and a telephone assessment within two working days; bought "
        "for three years with an option of two more, reviewed each quarter against six outcomes "
        "that patients and practices";
    const struct provider provider = {
        .scheme = text("GB-COH"),
        .id = text("01234567"),
        .name = text("A Provider Limited"),
        .kind = PROVIDER_INDEPENDENT,
    };
    struct event event = {
        .id = cases_event_id(cases, number, stage),
        .type = types[stage],
        .lead = {CASE_LEAD},
        .sender = {CASE_LEAD},
        .occurred_on = day("2018-05-01"),
        .actor = text("staff-4711"),
    };
    snprintf(event.reference.text, sizeof event.reference.text, "case-%016" PRIx64 "-%u",
             cases->salt, number);
    /* Twice: to see how long it is without the padding, and with it. */
    size_t padding_len = 0;
    struct buffer buffer = {.bytes = bytes, .max = CASE_EVENT_ROOM};
    for (int i = 0; i < 2; i++) {
        buffer.len = 0;
        fill(&event, stage, (struct slice){(const uint8_t *)padding, padding_len}, &provider);
        codec_encode_event(&buffer, &event);
        size_t room = types[stage] == EVENT_BIDS_EVALUATED ? AWARD_ID_SIZE - 1 : sizeof padding - 1;
        size_t wanted = buffer.len + 4 < CASE_EVENT_BYTES ? CASE_EVENT_BYTES - buffer.len - 4 : 1;
        padding_len = wanted < room ? wanted : room;
    }
    CHECK(!buffer.full);
    return (struct slice){bytes, buffer.len};
}

/* ---- registers: what a case needs to be accepted ---- */

static void refused(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s\n", what, why);
    exit(1);
}

struct commission *cases_connect(const struct instance *instance, const struct pair *pair,
                                 uint32_t window)
{
    struct commission_options options = {
        .endpoint = instance->clients,
        .server_key = instance->server.public_key,
        .public_key = pair->public_key,
        .window = window,
        .resend_ms = CASE_WAIT_MS,
    };
    memcpy(options.secret_key, pair->secret_key, KEY_BYTES);
    struct commission *commission = NULL;
    enum status status = commission_open(&commission, &options);
    if (status != STATUS_OK)
        refused("connect", status_text(status));
    return commission;
}

void cases_record(struct commission *commission, struct event *event, uint8_t number)
{
    uint8_t bytes[CASE_EVENT_ROOM];
    struct buffer buffer = {.bytes = bytes, .max = sizeof bytes};
    event->id = (struct event_id){{0}};
    event->id.bytes[0] = 1;
    event->id.bytes[15] = number;
    codec_encode_event(&buffer, event);
    const struct answer *answers = NULL;
    uint32_t count = 0;
    enum status status =
        commission_send(commission, (struct slice){bytes, buffer.len}, COMMISSION_WAIT_VERDICT);
    if (status == STATUS_OK)
        status = commission_answers(commission, CASE_WAIT_MS, &answers, &count);
    if (status != STATUS_OK)
        refused(event_type_name(event->type), status_text(status));
    if (answers[0].kind != ANSWER_VERDICT || answers[0].verdict != VERDICT_ACCEPTED)
        refused(event_type_name(event->type),
                answers[0].reasons_count > 0 ? answers[0].reasons[0].text : "not accepted");
}

static void add_key(struct commission *first, const struct pair *pair, struct ods ods,
                    enum organisation_kind kind, uint8_t number)
{
    struct event event = {
        .type = EVENT_KEY_ADDED,
        .organisation = ods,
        .sender = {CASE_OPERATOR},
        .occurred_on = day("2018-04-01"),
        .actor = text("test"),
        .key_added = {.public_key = pair->public_key,
                      .kind = kind,
                      .verbs = VERB_BIT(VERB_SUBMIT) | VERB_BIT(VERB_DECIDE) | VERB_BIT(VERB_READ),
                      .label = text("test")},
    };
    cases_record(first, &event, number);
}

void cases_begin(struct cases *cases, const struct instance *instance, uint64_t salt)
{
    *cases =
        (struct cases){.instance = instance, .lead = pair_new(), .nhse = pair_new(), .salt = salt};
    struct commission *first = cases_connect(instance, &instance->first, 1);
    add_key(first, &cases->nhse, (struct ods){CASE_NHSE}, ORGANISATION_NHSE, 1);
    add_key(first, &cases->lead, (struct ods){CASE_LEAD}, ORGANISATION_CCG, 2);
    commission_close(first);

    struct commission *nhse = cases_connect(instance, &cases->nhse, 1);
    struct event event = {
        .type = EVENT_ORGANISATION_REGISTERED,
        .organisation = {CASE_NHSE},
        .sender = {CASE_NHSE},
        .occurred_on = day("2018-04-01"),
        .actor = text("test"),
        .organisation_registered = {.name = text("NHS England"),
                                    .kind = ORGANISATION_NHSE,
                                    .opened_on = day("2013-04-01"),
                                    .closed_on = DATE_NONE},
    };
    cases_record(nhse, &event, 3);
    event.organisation = (struct ods){CASE_LEAD};
    event.organisation_registered = (struct organisation_registered){
        .name = text("NHS Warrington CCG"),
        .kind = ORGANISATION_CCG,
        .opened_on = day("2013-04-01"),
        .closed_on = DATE_NONE,
    };
    cases_record(nhse, &event, 4);
    event.type = EVENT_ALLOTMENT_SET;
    event.allotment_set = (struct allotment_set){.year = 2018, .core_pence = INT64_C(30000000000)};
    cases_record(nhse, &event, 5);
    commission_close(nhse);
}

/* ---- what the daemon says of itself ---- */

static bool slice_is(struct slice slice, const char *string)
{
    return slice.len == strlen(string) && memcmp(slice.bytes, string, slice.len) == 0;
}

int64_t cases_status(struct commission *commission, const char *name)
{
    struct query query = {.query_id = 1, .command = text("server status"), .rows_max = 256};
    const struct reply *reply = NULL;
    if (commission_ask(commission, &query, CASE_WAIT_MS, &reply) != STATUS_OK)
        return -1;
    for (uint32_t row = 0; row < reply->rows_count; row++) {
        const struct slice *cells = &reply->cells[(size_t)row * reply->columns_count];
        for (uint32_t i = 0; i < reply->columns_count; i++) {
            bool by_column = strcmp(reply->columns[i].name, name) == 0;
            bool by_row = i + 1 < reply->columns_count && slice_is(cells[i], name);
            if (by_column || by_row) {
                char number[32];
                struct slice cell = by_column ? cells[i] : cells[i + 1];
                snprintf(number, sizeof number, "%.*s", (int)cell.len, (const char *)cell.bytes);
                return atoll(number);
            }
        }
    }
    return -1;
}
