/* SPDX-License-Identifier: Apache-2.0 */
/* What is refused, and with which reason, is in proto/vectors/bad and test_vectors.c; here is what is read, and the bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <string.h>

#include "proto/codec.h"
#include "proto/wire.h"

#include "proto/commission.pb-c.h"

#define ROOM (2 * FRAME_BYTES_MAX)

struct fixture {
    struct arena *arena;
    struct buffer buffer;
    struct reason items[REASONS_MAX];
    struct reasons reasons;
    struct event event;
    bool id_known;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    if (f == NULL || arena_new(&f->arena, ARENA_BYTES_MAX) != STATUS_OK)
        return -1;
    f->buffer.max = ROOM;
    f->buffer.bytes = malloc(ROOM);
    f->reasons = (struct reasons){.items = f->items, .max = REASONS_MAX};
    *state = f;
    return f->buffer.bytes != NULL ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    arena_free(f->arena);
    free(f->buffer.bytes);
    free(f);
    return 0;
}

static struct slice text(const char *chars)
{
    return (struct slice){(const uint8_t *)chars, strlen(chars)};
}

static struct slice written(const struct fixture *f)
{
    return (struct slice){f->buffer.bytes, f->buffer.len};
}

static void expect_slice(struct slice found, const char *expected)
{
    assert_int_equal(found.len, strlen(expected));
    if (found.len > 0)
        assert_memory_equal(found.bytes, expected, found.len);
}

static void begin_again(struct fixture *f)
{
    f->buffer.len = 0;
    f->buffer.full = false;
    f->reasons.count = 0;
}

static enum status decode(struct fixture *f, struct slice bytes)
{
    return codec_decode_event(bytes, f->arena, &f->event, &f->id_known, &f->reasons);
}

/** An event of @type, of a workflow or of a register. Its payload is empty. */
static struct event event_of(enum event_type type)
{
    struct event event = {.type = type,
                          .id = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}},
                          .sender = {"02E"},
                          .occurred_on = date_of(2018, 5, 1)};

    if (event_type_is_register(type)) {
        event.organisation = (struct ods){"02E"};
    } else {
        event.lead = (struct ods){"02E"};
        event.reference = (struct reference){"2018-physio"};
    }
    return event;
}

/** Encode @event, decode what was written, and compare what protobuf-c makes of the bytes. */
static void round_trip(struct fixture *f, const struct event *event)
{
    begin_again(f);
    codec_encode_event(&f->buffer, event);
    assert_false(f->buffer.full);
    enum status status = decode(f, written(f));
    if (status != STATUS_OK)
        fail_msg("%s: %s", event_type_name(event->type),
                 f->reasons.count > 0 ? f->items[0].text : "no reason");

    Commission__Event *message = commission__event__unpack(NULL, f->buffer.len, f->buffer.bytes);
    assert_non_null(message);
    size_t len = commission__event__get_packed_size(message);
    uint8_t *packed = malloc(len);
    assert_non_null(packed);
    commission__event__pack(message, packed);
    assert_int_equal(len, f->buffer.len);
    assert_memory_equal(packed, f->buffer.bytes, len);
    free(packed);
    commission__event__free_unpacked(message, NULL);
}

/* ---- events ------------------------------------------------------------------------------- */

static void the_envelope_comes_back_whole(void **state)
{
    struct fixture *f = *state;
    struct event event = event_of(EVENT_NOTE);

    event.acting_for = (struct ods){"01F"};
    event.sender = (struct ods){"0CE"};
    event.actor = text("staff-0417");
    event.after_given = true;
    event.note_text = text("caf\xC3\xA9");
    round_trip(f, &event);

    assert_int_equal(f->event.type, EVENT_NOTE);
    assert_true(event_id_equal(f->event.id, event.id));
    assert_true(f->id_known);
    assert_string_equal(f->event.lead.text, "02E");
    assert_string_equal(f->event.reference.text, "2018-physio");
    assert_string_equal(f->event.organisation.text, "");
    assert_string_equal(f->event.sender.text, "0CE");
    assert_string_equal(f->event.acting_for.text, "01F");
    expect_slice(f->event.actor, "staff-0417");
    assert_int_equal(f->event.occurred_on, event.occurred_on);
    assert_true(f->event.after_given);
    assert_int_equal(f->event.after, 0);
    expect_slice(f->event.note_text, "caf\xC3\xA9");
    assert_ptr_equal(f->event.bytes.bytes, f->buffer.bytes);
    assert_int_equal(f->event.bytes.len, f->buffer.len);
}

static void needs_tell_a_count_of_zero_from_none(void **state)
{
    struct fixture *f = *state;
    struct event event = event_of(EVENT_NEEDS_ASSESSED);

    event.needs_assessed = (struct needs_assessed){.category = CATEGORY_OBESITY_T3,
                                                   .registered_given = true,
                                                   .weight_management_tier = 3,
                                                   .title = text("tier 3"),
                                                   .la_code = text("E06000007"),
                                                   .hwb_id = text("E06000007")};
    round_trip(f, &event);

    assert_int_equal(f->event.needs_assessed.category, CATEGORY_OBESITY_T3);
    assert_true(f->event.needs_assessed.registered_given);
    assert_int_equal(f->event.needs_assessed.registered_count, 0);
    assert_false(f->event.needs_assessed.unregistered_given);
    assert_int_equal(f->event.needs_assessed.weight_management_tier, 3);
    expect_slice(f->event.needs_assessed.title, "tier 3");
    expect_slice(f->event.needs_assessed.la_code, "E06000007");
    expect_slice(f->event.needs_assessed.hwb_id, "E06000007");
}

static void a_category_out_of_the_list_is_for_the_rules(void **state)
{
    static const unsigned numbers[] = {18, 255, 1000};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        struct event event = event_of(EVENT_NEEDS_ASSESSED);
        event.needs_assessed.category = (enum service_category)numbers[i];
        round_trip(f, &event);
        assert_int_equal(f->event.needs_assessed.category, CATEGORY_UNLISTED);
    }
}

static void the_stages_of_a_procurement_come_back_whole(void **state)
{
    struct fixture *f = *state;
    struct event event = event_of(EVENT_ADOPTED);

    event.adopted = (struct adopted){STAGE_PROCUREMENT, text("older"), text("notice")};
    round_trip(f, &event);
    assert_int_equal(f->event.adopted.stage, STAGE_PROCUREMENT);
    expect_slice(f->event.adopted.reason, "older");
    expect_slice(f->event.adopted.evidence, "notice");

    event = event_of(EVENT_PRIORITIES_SET);
    event.priorities_set = (struct priorities_set){text("plan"), PENCE_MAX};
    round_trip(f, &event);
    expect_slice(f->event.priorities_set.plan_reference, "plan");
    assert_true(f->event.priorities_set.budget_pence == PENCE_MAX);

    event = event_of(EVENT_PROCUREMENT_STARTED);
    event.procurement_started = (struct procurement_started){
        ROUTE_LAST,    CATEGORY_COMMUNITY, 5, date_of(2018, 7, 31), true,
        text("title"), text("notice")};
    round_trip(f, &event);
    assert_int_equal(f->event.procurement_started.route, ROUTE_LAST);
    assert_int_equal(f->event.procurement_started.category, CATEGORY_COMMUNITY);
    assert_int_equal(f->event.procurement_started.value_pence, 5);
    assert_int_equal(f->event.procurement_started.closes_on, date_of(2018, 7, 31));
    assert_true(f->event.procurement_started.excludes_unregistered);
    expect_slice(f->event.procurement_started.title, "title");
    expect_slice(f->event.procurement_started.notice_reference, "notice");

    event = event_of(EVENT_BID_RECEIVED);
    event.bid_received = (struct bid_received){
        text("bid-1"), {text("GB-COH"), text("0400"), text("Ltd"), PROVIDER_VCSE}, 7};
    round_trip(f, &event);
    expect_slice(f->event.bid_received.bid_id, "bid-1");
    expect_slice(f->event.bid_received.provider.scheme, "GB-COH");
    expect_slice(f->event.bid_received.provider.id, "0400");
    expect_slice(f->event.bid_received.provider.name, "Ltd");
    assert_int_equal(f->event.bid_received.provider.kind, PROVIDER_VCSE);
    assert_int_equal(f->event.bid_received.value_pence, 7);

    event = event_of(EVENT_BIDS_EVALUATED);
    event.bids_evaluated = (struct bids_evaluated){text("bid-1"), 4};
    round_trip(f, &event);
    expect_slice(f->event.bids_evaluated.preferred_bid_id, "bid-1");
    assert_int_equal(f->event.bids_evaluated.bids_count, 4);

    event = event_of(EVENT_PROCUREMENT_ABANDONED);
    event.abandoned_reason = text("no bid");
    round_trip(f, &event);
    expect_slice(f->event.abandoned_reason, "no bid");
}

static void the_reason_of_a_suspension_comes_back_and_is_needed(void **state)
{
    static const enum event_type types[] = {EVENT_SUSPENDED, EVENT_RESUMED, EVENT_WITHDRAWN};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct event event = event_of(types[i]);
        event.phase_reason = text("a judicial review");
        round_trip(f, &event);
        assert_int_equal(f->event.type, types[i]);
        expect_slice(f->event.phase_reason, "a judicial review");

        event.phase_reason = (struct slice){NULL, 0};
        begin_again(f);
        codec_encode_event(&f->buffer, &event);
        assert_int_equal(decode(f, written(f)), STATUS_MALFORMED);
        assert_int_equal(f->items[0].code, REASON_FIELD_MISSING);
        assert_string_equal(f->items[0].parameter, "reason");
    }
}

static void awards_come_back_with_providers_and_years(void **state)
{
    static const enum event_type types[] = {EVENT_AWARD_INTENDED, EVENT_CONTRACT_AWARDED};
    struct fixture *f = *state;
    const struct provider providers[] = {
        {text("GB-COH"), text("1"), text("One"), PROVIDER_INDEPENDENT},
        {text("GB-NHS"), text("2"), {NULL, 0}, PROVIDER_NONE},
    };
    const struct year_value years[] = {{2018, 40}, {2020, 60}};

    for (size_t i = 0; i < ARRAY_LEN(types); i++) {
        struct event event = event_of(types[i]);
        event.award = (struct award){text("award-1"),
                                     text("notice"),
                                     providers,
                                     2,
                                     100,
                                     {date_of(2018, 10, 1), date_of(2021, 3, 31)},
                                     years,
                                     2,
                                     CATEGORY_COMMUNITY,
                                     true};
        round_trip(f, &event);

        const struct award *award = &f->event.award;
        expect_slice(award->award_id, "award-1");
        expect_slice(award->reference, "notice");
        assert_int_equal(award->providers_count, 2);
        expect_slice(award->providers[0].name, "One");
        expect_slice(award->providers[1].id, "2");
        expect_slice(award->providers[1].name, "");
        assert_int_equal(award->value_pence, 100);
        assert_int_equal(award->period.from, date_of(2018, 10, 1));
        assert_int_equal(award->period.to, date_of(2021, 3, 31));
        assert_int_equal(award->years_count, 2);
        assert_int_equal(award->years[1].year, 2020);
        assert_int_equal(award->years[1].pence, 60);
        assert_int_equal(award->category, CATEGORY_COMMUNITY);
        assert_true(award->excludes_unregistered);
    }
}

static void an_award_without_a_last_day_ends_with_its_first_financial_year(void **state)
{
    struct fixture *f = *state;
    const struct provider provider = {text("GB-COH"), text("1"), {NULL, 0}, PROVIDER_NONE};
    struct event event = event_of(EVENT_CONTRACT_AWARDED);

    event.award = (struct award){.award_id = text("award-1"),
                                 .providers = &provider,
                                 .providers_count = 1,
                                 .period = {date_of(2019, 2, 1), DATE_NONE}};
    round_trip(f, &event);

    assert_int_equal(f->event.award.period.to, date_of(2019, 3, 31));
    assert_int_equal(f->event.award.value_pence, 0); /* for R40 to reject */
}

static void an_award_of_thirty_years_is_in_form(void **state)
{
    struct fixture *f = *state;
    const struct provider provider = {text("GB-COH"), text("1"), {NULL, 0}, PROVIDER_NONE};
    struct year_value years[YEARS_MAX];
    struct event event = event_of(EVENT_CONTRACT_AWARDED);

    for (int32_t i = 0; i < YEARS_MAX; i++)
        years[i] = (struct year_value){2018 + i, 0};
    years[0].pence = PENCE_MAX;
    event.award = (struct award){.award_id = text("award-1"),
                                 .providers = &provider,
                                 .providers_count = 1,
                                 .value_pence = PENCE_MAX,
                                 .years = years,
                                 .years_count = YEARS_MAX,
                                 .period = {date_of(2018, 4, 1), date_of(2048, 3, 31)}};
    round_trip(f, &event);
    assert_int_equal(f->event.award.years_count, YEARS_MAX);
}

static void the_end_of_a_workflow_comes_back_whole(void **state)
{
    struct fixture *f = *state;
    struct event event = event_of(EVENT_AWARD_WITHDRAWN);

    event.award_withdrawn = (struct award_withdrawn){text("award-1"), text("upheld")};
    round_trip(f, &event);
    expect_slice(f->event.award_withdrawn.award_id, "award-1");
    expect_slice(f->event.award_withdrawn.reason, "upheld");

    event = event_of(EVENT_REVIEW_COMPLETED);
    round_trip(f, &event);
    expect_slice(f->event.review_summary, "");
}

static void registers_come_back_whole(void **state)
{
    struct fixture *f = *state;
    struct event event = event_of(EVENT_ORGANISATION_REGISTERED);

    event.organisation_registered = (struct organisation_registered){text("NHS Warrington CCG"),
                                                                     ORGANISATION_SUB_ICB,
                                                                     date_of(2013, 4, 1),
                                                                     date_of(2013, 4, 1),
                                                                     {"QYG"}};
    round_trip(f, &event);
    assert_string_equal(f->event.organisation.text, "02E");
    assert_string_equal(f->event.lead.text, "");
    expect_slice(f->event.organisation_registered.name, "NHS Warrington CCG");
    assert_int_equal(f->event.organisation_registered.kind, ORGANISATION_SUB_ICB);
    assert_int_equal(f->event.organisation_registered.opened_on, date_of(2013, 4, 1));
    assert_int_equal(f->event.organisation_registered.closed_on, date_of(2013, 4, 1));
    assert_string_equal(f->event.organisation_registered.successor.text, "QYG");

    event = event_of(EVENT_SUPPORT_CONTRACT);
    event.support_contract =
        (struct support_contract){{"0CE"},
                                  LINE_BIT(LINE_PROCUREMENT) | LINE_BIT(LINE_ENGAGEMENT),
                                  {date_of(2016, 4, 1), DATE_NONE}};
    round_trip(f, &event);
    assert_string_equal(f->event.support_contract.csu.text, "0CE");
    assert_int_equal(f->event.support_contract.lines,
                     LINE_BIT(LINE_PROCUREMENT) | LINE_BIT(LINE_ENGAGEMENT));
    assert_int_equal(f->event.support_contract.period.to, DATE_NONE);

    event = event_of(EVENT_CO_COMMISSIONING_LEVEL);
    event.co_commissioning_level =
        (struct co_commissioning_level){CO_DELEGATED, date_of(2015, 4, 1)};
    round_trip(f, &event);
    assert_int_equal(f->event.co_commissioning_level.level, CO_DELEGATED);
    assert_int_equal(f->event.co_commissioning_level.from, date_of(2015, 4, 1));

    event = event_of(EVENT_ALLOTMENT_SET);
    event.allotment_set = (struct allotment_set){2018, 1, 2, 3, 4};
    round_trip(f, &event);
    assert_int_equal(f->event.allotment_set.year, 2018);
    assert_int_equal(f->event.allotment_set.core_pence, 1);
    assert_int_equal(f->event.allotment_set.running_cost_pence, 2);
    assert_int_equal(f->event.allotment_set.primary_care_pence, 3);
    assert_int_equal(f->event.allotment_set.non_recurrent_pence, 4);
}

static void keys_come_back_whole(void **state)
{
    struct fixture *f = *state;
    struct event event = event_of(EVENT_KEY_ADDED);
    struct key key;

    memset(key.bytes, 0xA5, sizeof key.bytes);
    event.key_added = (struct key_added){
        key, ORGANISATION_OPERATOR, VERB_BIT(VERB_OPERATE) | VERB_BIT(VERB_READ), text("desk")};
    round_trip(f, &event);
    assert_memory_equal(f->event.key_added.public_key.bytes, key.bytes, KEY_BYTES);
    assert_int_equal(f->event.key_added.kind, ORGANISATION_OPERATOR);
    assert_int_equal(f->event.key_added.verbs, VERB_BIT(VERB_OPERATE) | VERB_BIT(VERB_READ));
    expect_slice(f->event.key_added.label, "desk");

    event = event_of(EVENT_KEY_REVOKED);
    event.key_revoked = (struct key_revoked){key, text("lost")};
    round_trip(f, &event);
    assert_memory_equal(f->event.key_revoked.public_key.bytes, key.bytes, KEY_BYTES);
    expect_slice(f->event.key_revoked.reason, "lost");
}

static void a_list_in_pieces_is_one_list(void **state)
{
    struct fixture *f = *state;
    struct event event = event_of(EVENT_SUPPORT_CONTRACT);

    event.support_contract = (struct support_contract){
        {"0CE"}, LINE_BIT(LINE_PROCUREMENT), {date_of(2016, 4, 1), DATE_NONE}};
    codec_encode_event(&f->buffer, &event);
    /* The payload is the last field and shorter than 128 bytes: its length is the byte after a tag of two. */
    size_t payload = 0;
    while (memcmp(f->buffer.bytes + payload, "\xF2\x06", 2) != 0)
        payload++;
    f->buffer.bytes[payload + 2] = (uint8_t)(f->buffer.bytes[payload + 2] + 5);
    wire_add_varint(&f->buffer, 2, LINE_ENGAGEMENT);
    wire_add_bytes(&f->buffer, 2, (struct slice){(const uint8_t *)"\x04", 1});

    assert_int_equal(decode(f, written(f)), STATUS_OK);
    assert_int_equal(f->event.support_contract.lines, LINE_BIT(LINE_PROCUREMENT) |
                                                          LINE_BIT(LINE_ENGAGEMENT) |
                                                          LINE_BIT(LINE_SERVICE_REDESIGN));
}

static void fields_of_a_later_version_are_passed_over(void **state)
{
    struct fixture *f = *state;
    struct event event = event_of(EVENT_REVIEW_COMPLETED);

    codec_encode_event(&f->buffer, &event);
    wire_add_bytes(&f->buffer, 300, text("from later"));
    wire_add_varint(&f->buffer, 301, 7);
    assert_int_equal(decode(f, written(f)), STATUS_OK);
}

static void every_fault_of_an_event_is_told(void **state)
{
    struct fixture *f = *state;
    struct event event = event_of(EVENT_CONTRACT_AWARDED);

    event.lead = (struct ods){"02e"};
    event.occurred_on = DATE_NONE;
    event.award.value_pence = -1;
    event.award.period = (struct period){DATE_NONE, DATE_NONE};
    codec_encode_event(&f->buffer, &event);

    assert_int_equal(decode(f, written(f)), STATUS_MALFORMED);
    assert_int_equal(f->reasons.count, 6);
    assert_string_equal(f->items[0].field, "lead_ods");
    assert_string_equal(f->items[0].value, "02e");
    assert_int_equal(f->items[1].code, REASON_FIELD_MISSING);
    assert_string_equal(f->items[1].parameter, "occurred_on");
    assert_string_equal(f->items[2].field, "contract_awarded.award_id");
    assert_string_equal(f->items[3].field, "contract_awarded.providers");
    assert_string_equal(f->items[4].field, "contract_awarded.value_pence");
    assert_string_equal(f->items[4].value, "-1");
    assert_string_equal(f->items[5].field, "contract_awarded.period_from");
}

static void a_refused_event_leaves_all_but_its_id_untouched(void **state)
{
    struct fixture *f = *state;
    struct event event = event_of(EVENT_NOTE);

    codec_encode_event(&f->buffer, &event);
    memset(&f->event, 0x55, sizeof f->event);

    assert_int_equal(decode(f, written(f)), STATUS_MALFORMED);
    assert_true(f->id_known);
    assert_true(event_id_equal(f->event.id, event.id));
    assert_int_equal(f->event.lead.text[0], 0x55);
    assert_int_equal(arena_used(f->arena), 0);
}

static void the_id_is_read_from_an_event_of_another_version_and_one_cut_short(void **state)
{
    struct fixture *f = *state;
    struct event event = event_of(EVENT_REVIEW_COMPLETED);

    codec_encode_event(&f->buffer, &event);
    assert_int_equal(decode(f, (struct slice){f->buffer.bytes, 25}), STATUS_MALFORMED);
    assert_true(f->id_known);
    assert_int_equal(decode(f, (struct slice){f->buffer.bytes, 10}), STATUS_MALFORMED);
    assert_false(f->id_known);

    begin_again(f);
    wire_add_bytes(&f->buffer, 1, (struct slice){event.id.bytes, EVENT_ID_BYTES});
    wire_add_varint(&f->buffer, 10, 2);
    assert_int_equal(decode(f, written(f)), STATUS_UNSUPPORTED);
    assert_true(f->id_known);
    assert_int_equal(f->items[0].code, REASON_UNSUPPORTED_VERSION);
    assert_string_equal(f->items[0].value, "2");
}

static void a_type_that_is_not_built_is_written_without_a_payload(void **state)
{
    struct fixture *f = *state;
    struct event event = event_of(EVENT_VARIATION);

    codec_encode_event(&f->buffer, &event);
    assert_int_equal(decode(f, written(f)), STATUS_MALFORMED);
    assert_int_equal(f->reasons.count, 1);
    assert_string_equal(f->items[0].value, "VARIATION");
    assert_string_equal(f->items[0].text, "event_type is not built in this version");
}

/* ---- whatever comes ----------------------------------------------------------------------- */

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static struct event rich_event(void)
{
    static const struct year_value years[] = {{2018, 40}, {2019, 60}};
    static struct provider providers[2];
    struct event event = event_of(EVENT_CONTRACT_AWARDED);

    providers[0] = (struct provider){text("GB-COH"), text("04001234"), text("One"), PROVIDER_VCSE};
    providers[1] = providers[0];
    event.actor = text("staff-0417");
    event.after_given = true;
    event.after = 6;
    event.award = (struct award){text("award-1"),
                                 text("contract"),
                                 providers,
                                 2,
                                 100,
                                 {date_of(2018, 10, 1), date_of(2019, 9, 30)},
                                 years,
                                 2,
                                 CATEGORY_COMMUNITY,
                                 true};
    return event;
}

static void an_event_cut_anywhere_is_refused_or_whole(void **state)
{
    struct fixture *f = *state;
    struct event event = rich_event();

    codec_encode_event(&f->buffer, &event);
    for (size_t len = 0; len < f->buffer.len; len++) {
        uint8_t *cut = malloc(len + 1); /* so that a read past its end is seen */
        assert_non_null(cut);
        memcpy(cut, f->buffer.bytes, len);
        f->reasons.count = 0;
        assert_int_not_equal(decode(f, (struct slice){cut, len}), STATUS_OK);
        assert_true(f->reasons.count > 0);
        assert_int_equal(arena_used(f->arena), 0);
        free(cut);
    }
}

static void damaged_messages_do_no_harm(void **state)
{
    struct fixture *f = *state;
    struct event event = rich_event();
    uint32_t seed = 20181001;
    uint32_t fine = 0;

    print_message("seed %u\n", (unsigned)seed);
    codec_encode_event(&f->buffer, &event);
    size_t len = f->buffer.len;
    uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    for (unsigned round = 0; round < 20000; round++) {
        const struct answer *answers;
        struct entry entry;
        uint32_t count;
        memcpy(bytes, f->buffer.bytes, len);
        for (unsigned i = next_random(&seed) % 4 + 1; i > 0; i--)
            bytes[next_random(&seed) % len] = (uint8_t)next_random(&seed);
        struct slice damaged = {bytes, len - (next_random(&seed) % 8 == 0 ? 5 : 0)};
        f->reasons.count = 0;
        arena_reset(f->arena);
        if (decode(f, damaged) == STATUS_OK)
            fine++;
        else
            assert_true(f->reasons.count > 0);
        if (codec_decode_answers(damaged, f->arena, &answers, &count) == STATUS_OK ||
            codec_decode_entry(damaged, f->arena, &entry) == STATUS_OK)
            fine++;
    }
    free(bytes);
    assert_true(fine > 0); /* a changed letter is another message, and a good one */
}

static void memory_is_bounded_by_what_was_received(void **state)
{
    struct fixture *f = *state;
    uint8_t *bytes = f->buffer.bytes;

    /* 8,000 empty findings: 16 KB on the wire, a thousand kilobytes as structs. */
    for (size_t i = 0; i < 8000; i++) {
        bytes[2 * i] = 0x0A;
        bytes[2 * i + 1] = 0;
    }
    const struct finding *findings;
    uint32_t count;
    assert_int_equal(
        codec_decode_findings((struct slice){bytes, 16000}, f->arena, &findings, &count),
        STATUS_TOO_LARGE);
    assert_int_equal(arena_used(f->arena), 0);
    assert_false(arena_full(f->arena)); /* the budget was at an end, not the arena */
}

static void a_frame_over_its_limit_is_too_large(void **state)
{
    struct fixture *f = *state;
    const struct slice *events;
    const struct hello *hellos;
    uint32_t count;

    memset(f->buffer.bytes, 0, FRAME_BYTES_MAX + 1);
    struct slice bytes = {f->buffer.bytes, FRAME_BYTES_MAX + 1};
    assert_int_equal(codec_split_events(bytes, f->arena, &events, &count), STATUS_TOO_LARGE);
    assert_int_equal(codec_decode_hellos(bytes, f->arena, &hellos, &count), STATUS_TOO_LARGE);
}

/* ---- lists -------------------------------------------------------------------------------- */

static void events_are_split_where_they_lie(void **state)
{
    struct fixture *f = *state;
    const struct slice *events;
    uint32_t count;

    codec_put_event(&f->buffer, text("first"));
    codec_put_event(&f->buffer, (struct slice){NULL, 0});
    codec_put_event(&f->buffer, text("third"));

    assert_int_equal(codec_split_events(written(f), f->arena, &events, &count), STATUS_OK);
    assert_int_equal(count, 3);
    expect_slice(events[0], "first");
    expect_slice(events[1], "");
    expect_slice(events[2], "third");
    assert_true(events[2].bytes > f->buffer.bytes &&
                events[2].bytes < f->buffer.bytes + f->buffer.len);
}

static void as_many_events_as_a_frame_may_have_are_split(void **state)
{
    struct fixture *f = *state;
    const struct slice *events;
    uint32_t count;

    for (unsigned i = 0; i < FRAME_MESSAGES_MAX; i++)
        codec_put_event(&f->buffer, text("x"));
    assert_int_equal(codec_split_events(written(f), f->arena, &events, &count), STATUS_OK);
    assert_int_equal(count, FRAME_MESSAGES_MAX);
    codec_put_event(&f->buffer, text("x"));
    assert_int_equal(codec_split_events(written(f), f->arena, &events, &count), STATUS_TOO_LARGE);
}

static void nothing_is_a_list_of_nothing(void **state)
{
    struct fixture *f = *state;
    const struct slice *events;
    const struct answer *answers;
    uint32_t count = 7;

    assert_int_equal(codec_split_events((struct slice){NULL, 0}, f->arena, &events, &count),
                     STATUS_OK);
    assert_int_equal(count, 0);
    count = 7;
    assert_int_equal(codec_decode_answers((struct slice){NULL, 0}, f->arena, &answers, &count),
                     STATUS_OK);
    assert_int_equal(count, 0);
}

static void what_does_not_fit_is_left_out_whole_and_so_is_what_follows(void **state)
{
    struct fixture *f = *state;
    struct answer answer = {.kind = ANSWER_REFUSED, .id_known = true};
    struct reason reason;
    struct reasons reasons = {.items = &reason, .max = 1};
    const struct answer *answers;
    uint32_t count;

    codec_put_answer(&f->buffer, &answer);
    size_t one = f->buffer.len;
    f->buffer.max = 2 * one;
    reasons_add(&reasons, REASON_BUSY, NULL, NULL, NULL, NULL);
    struct answer longer = answer;
    longer.reasons = &reason;
    longer.reasons_count = 1;
    codec_put_answer(&f->buffer, &longer);
    assert_true(f->buffer.full);
    assert_int_equal(f->buffer.len, one);

    codec_put_answer(&f->buffer, &answer); /* it would fit, but out of its turn */
    assert_int_equal(f->buffer.len, one);
    f->buffer.full = false;
    codec_put_answer(&f->buffer, &answer);
    assert_int_equal(f->buffer.len, 2 * one);
    assert_int_equal(codec_decode_answers(written(f), f->arena, &answers, &count), STATUS_OK);
    assert_int_equal(count, 2);
}

static void a_reason_of_a_newer_version_is_shown_by_its_name(void **state)
{
    struct fixture *f = *state;
    struct reason reason;
    struct reasons reasons = {.items = &reason, .max = 1};
    const struct answer *answers;
    uint32_t count;
    reasons_add(&reasons, REASON_BUSY, NULL, NULL, NULL, NULL);
    reason.severity = SEVERITY_WARN;
    struct answer answer = {.kind = ANSWER_REFUSED, .reasons = &reason, .reasons_count = 1};
    codec_put_answer(&f->buffer, &answer);
    uint8_t *code = memmem(f->buffer.bytes, f->buffer.len, "BUSY", 4);
    assert_non_null(code);
    memcpy(code, "LAZY", 4);

    assert_int_equal(codec_decode_answers(written(f), f->arena, &answers, &count), STATUS_OK);

    assert_int_equal(answers[0].reasons[0].code, REASON_OTHER);
    assert_int_equal(answers[0].reasons[0].severity, SEVERITY_WARN);
    assert_string_equal(answers[0].reasons[0].parameter, "LAZY");
}

static void a_verdict_comes_back_with_its_reasons(void **state)
{
    struct fixture *f = *state;
    struct reason items[2];
    struct reasons reasons = {.items = items, .max = 2};
    const struct answer *answers;
    uint32_t count;

    reasons_add(&reasons, REASON_BUDGET_EXCEEDED, "2018/19", "contract_awarded.value_pence", "5",
                "695,000.00 asked, 512,340.10 left");
    reasons_add(&reasons, REASON_FIELD_INVALID, "a:b", NULL, NULL, NULL);
    items[1].severity = SEVERITY_WARN; /* as a rule may have it */
    struct answer answer = {.kind = ANSWER_VERDICT,
                            .id_known = true,
                            .seq = 7,
                            .repeated = true,
                            .verdict = VERDICT_REJECTED,
                            .verdict_seq = UINT64_MAX,
                            .reasons = items,
                            .reasons_count = 2,
                            .retry_after_ms = 250};
    memset(answer.entry_hash.bytes, 9, HASH_BYTES);
    codec_put_answer(&f->buffer, &answer);

    assert_int_equal(codec_decode_answers(written(f), f->arena, &answers, &count), STATUS_OK);
    assert_int_equal(count, 1);
    assert_int_equal(answers[0].kind, ANSWER_VERDICT);
    assert_int_equal(answers[0].seq, 7);
    assert_true(answers[0].repeated);
    assert_true(hash_equal(answers[0].entry_hash, answer.entry_hash));
    assert_int_equal(answers[0].verdict, VERDICT_REJECTED);
    assert_true(answers[0].verdict_seq == UINT64_MAX);
    assert_int_equal(answers[0].retry_after_ms, 250);
    assert_int_equal(answers[0].reasons_count, 2);
    assert_memory_equal(&answers[0].reasons[0], &items[0], sizeof items[0]);
    assert_int_equal(answers[0].reasons[1].code, REASON_FIELD_INVALID);
    assert_string_equal(answers[0].reasons[1].parameter, "a:b");
    assert_int_equal(answers[0].reasons[1].severity, SEVERITY_WARN);
}

static void a_reasons_longer_text_is_cut_to_fit(void **state)
{
    static char longer[1000];
    struct fixture *f = *state;
    const struct finding *findings;
    uint32_t count;

    memset(longer, 'a', sizeof longer - 1);
    size_t finding = wire_begin(&f->buffer, 1);
    wire_put_varint(&f->buffer, 3, 7);
    size_t reason = wire_begin(&f->buffer, 4);
    wire_put_text(&f->buffer, 1, "PROVIDER_UNKNOWN");
    wire_put_varint(&f->buffer, 3, SEVERITY_REJECT);
    wire_put_text(&f->buffer, 6, longer);
    wire_end(&f->buffer, reason);
    wire_end(&f->buffer, finding);

    assert_int_equal(codec_decode_findings(written(f), f->arena, &findings, &count), STATUS_OK);
    assert_int_equal(strlen(findings[0].reasons[0].text), REASON_TEXT_SIZE - 1);
}

static void a_query_comes_back_whole(void **state)
{
    struct fixture *f = *state;
    const struct argument arguments[] = {{text("stage"), text("REVIEW")}, {text("open"), text("")}};
    struct query query = {1, text("workflow list"), arguments, 2, text("body"), 50, text("resume")};
    const struct query *queries;
    uint32_t count;

    codec_put_query(&f->buffer, &query);
    assert_int_equal(codec_decode_queries(written(f), f->arena, &queries, &count), STATUS_OK);
    assert_int_equal(count, 1);
    assert_int_equal(queries[0].query_id, 1);
    expect_slice(queries[0].command, "workflow list");
    assert_int_equal(queries[0].arguments_count, 2);
    expect_slice(queries[0].arguments[0].value, "REVIEW");
    expect_slice(queries[0].arguments[1].name, "open");
    expect_slice(queries[0].body, "body");
    assert_int_equal(queries[0].rows_max, 50);
    expect_slice(queries[0].resume, "resume");
}

static void a_table_comes_back_row_by_row(void **state)
{
    struct fixture *f = *state;
    const struct column columns[] = {{"name", COLUMN_TEXT, false}, {"pence", COLUMN_PENCE, true}};
    struct slice cells[2 * REPLY_ROWS_MAX];
    struct reply reply = {.query_id = 3,
                          .resume = text("more"),
                          .as_of_seq = 9,
                          .columns = columns,
                          .columns_count = 2,
                          .cells = cells,
                          .rows_count = REPLY_ROWS_MAX};
    const struct reply *replies;
    uint32_t count;

    for (size_t i = 0; i < ARRAY_LEN(cells); i++)
        cells[i] = text(i % 3 == 0 ? "" : i % 2 == 0 ? "even" : "odd");
    codec_put_reply(&f->buffer, &reply);

    assert_int_equal(codec_decode_replies(written(f), f->arena, &replies, &count), STATUS_OK);
    assert_int_equal(replies[0].rows_count, REPLY_ROWS_MAX);
    assert_int_equal(replies[0].columns_count, 2);
    assert_string_equal(replies[0].columns[1].name, "pence");
    assert_int_equal(replies[0].columns[1].type, COLUMN_PENCE);
    assert_true(replies[0].columns[1].wide);
    for (size_t i = 0; i < ARRAY_LEN(cells); i++)
        expect_slice(replies[0].cells[i], i % 3 == 0 ? "" : i % 2 == 0 ? "even" : "odd");
    expect_slice(replies[0].resume, "more");
    assert_int_equal(replies[0].as_of_seq, 9);
}

static void feeds_are_asked_for_as_said(void **state)
{
    struct fixture *f = *state;
    const struct feed_ask asks[] = {
        {.verb = FEED_OPEN, .feed = 1, .from_seq = 4711, .credit = 100},
        {.verb = FEED_CREDIT, .feed = 1, .credit = 50},
        {.verb = FEED_CLOSE, .feed = 1},
        {.verb = FEED_OPEN, .feed = 2, .from_seq = 2, .after_given = true, .after_hash = {{7, 8}}},
    };
    const struct feed_ask *decoded;
    uint32_t count;

    for (size_t i = 0; i < ARRAY_LEN(asks); i++)
        codec_put_feed_ask(&f->buffer, &asks[i]);
    assert_int_equal(codec_decode_feed_asks(written(f), f->arena, &decoded, &count), STATUS_OK);
    assert_int_equal(count, ARRAY_LEN(asks));
    for (size_t i = 0; i < ARRAY_LEN(asks); i++) {
        assert_int_equal(decoded[i].after_given, asks[i].after_given);
        assert_true(hash_equal(decoded[i].after_hash, asks[i].after_hash));
        assert_int_equal(decoded[i].verb, asks[i].verb);
        assert_int_equal(decoded[i].feed, asks[i].feed);
        assert_int_equal(decoded[i].from_seq, asks[i].from_seq);
        assert_int_equal(decoded[i].credit, asks[i].credit);
    }
}

static void an_organisation_not_registered_is_not_sent(void **state)
{
    struct fixture *f = *state;
    struct assignment assignment = {.token = {3, 4},
                                    .seq = 7,
                                    .attempt = 1,
                                    .lease_ms = LEASE_MS,
                                    .stage = STAGE_REVIEW,
                                    .event_bytes = text("event")};
    const struct assignment *decoded;
    uint32_t count;

    codec_put_assignment(&f->buffer, &assignment);
    assert_int_equal(codec_decode_assignments(written(f), f->arena, &decoded, &count), STATUS_OK);
    assert_false(decoded[0].commissioner.known);
    assert_int_equal(decoded[0].token.run, 3);
    assert_int_equal(decoded[0].token.counter, 4);
    assert_int_equal(decoded[0].facts_count, 0);
}

static void an_open_organisation_has_no_last_day(void **state)
{
    struct fixture *f = *state;
    struct organisation provider = {.known = true,
                                    .ods = {"RBL"},
                                    .kind = ORGANISATION_PROVIDER,
                                    .opened_on = date_of(2007, 7, 1),
                                    .closed_on = DATE_NONE,
                                    .co_level = CO_JOINT,
                                    .name = "Wirral",
                                    .entry_seq = 5};
    const struct slice facts[] = {text("one"), text("two")};
    struct assignment assignment = {.seq = 7,
                                    .stage = STAGE_REVIEW,
                                    .event_bytes = text("event"),
                                    .commissioner = provider,
                                    .providers = &provider,
                                    .providers_count = 1,
                                    .fact_bytes = facts,
                                    .facts_count = 2};
    const struct assignment *decoded;
    uint32_t count;

    codec_put_assignment(&f->buffer, &assignment);
    assert_int_equal(codec_decode_assignments(written(f), f->arena, &decoded, &count), STATUS_OK);
    const struct organisation *found = &decoded[0].providers[0];
    assert_true(found->known);
    assert_string_equal(found->ods.text, "RBL");
    assert_int_equal(found->kind, ORGANISATION_PROVIDER);
    assert_int_equal(found->opened_on, date_of(2007, 7, 1));
    assert_int_equal(found->closed_on, DATE_NONE);
    assert_int_equal(found->co_level, CO_JOINT);
    assert_string_equal(found->name, "Wirral");
    assert_int_equal(found->entry_seq, 5);
    assert_true(decoded[0].commissioner.known);
    expect_slice(decoded[0].fact_bytes[1], "two");
}

/* ---- entries ------------------------------------------------------------------------------ */

static void a_judged_entry_comes_back_whole(void **state)
{
    struct fixture *f = *state;
    const struct ods audience[] = {{"02E"}, {"X24"}};
    const struct ledger_line lines[] = {{{"02E"}, 2018, LEDGER_RESERVATION, -PENCE_MAX, false},
                                        {{"02E"}, 2019, LEDGER_COMMITMENT, PENCE_MAX, true}};
    const struct wait waits[] = {{.kind = WAIT_ALLOTMENT, .ods = {"02E"}, .year = 2018}};
    struct reason item;
    struct reasons reasons = {.items = &item, .max = 1};
    struct entry entry = {.seq = 12,
                          .at_ms = 1525168801456,
                          .number = 3,
                          .previous = 4,
                          .audience = audience,
                          .audience_count = 2,
                          .kind = ENTRY_JUDGED,
                          .of_seq = 11,
                          .verdict = VERDICT_HELD,
                          .reasons = &item,
                          .reasons_count = 1,
                          .lines = lines,
                          .lines_count = 2,
                          .waits = waits,
                          .waits_count = 1,
                          .stage = STAGE_CONTRACT_AWARD,
                          .phase = PHASE_OPEN,
                          .category = CATEGORY_UNLISTED,
                          .keeps_fact = true,
                          .worker = text("worker-1"),
                          .attempt = 2};
    struct entry found;

    reasons_add(&reasons, REASON_NO_ALLOTMENT, "2018/19", NULL, NULL, NULL);
    codec_encode_entry(&f->buffer, &entry);
    assert_int_equal(codec_decode_entry(written(f), f->arena, &found), STATUS_OK);

    assert_int_equal(found.seq, 12);
    assert_true(found.at_ms == entry.at_ms);
    assert_int_equal(found.number, 3);
    assert_int_equal(found.previous, 4);
    assert_int_equal(found.audience_count, 2);
    assert_memory_equal(found.audience, audience, sizeof audience);
    assert_int_equal(found.kind, ENTRY_JUDGED);
    assert_int_equal(found.of_seq, 11);
    assert_int_equal(found.verdict, VERDICT_HELD);
    assert_int_equal(found.reasons_count, 1);
    assert_int_equal(found.reasons[0].severity, SEVERITY_HOLD);
    assert_int_equal(found.lines_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(ods_equal(found.lines[i].ods, lines[i].ods));
        assert_int_equal(found.lines[i].year, lines[i].year);
        assert_int_equal(found.lines[i].kind, lines[i].kind);
        assert_true(found.lines[i].pence == lines[i].pence);
        assert_int_equal(found.lines[i].uncovered, lines[i].uncovered);
    }
    assert_int_equal(found.waits_count, 1);
    assert_int_equal(found.waits[0].kind, WAIT_ALLOTMENT);
    assert_int_equal(found.waits[0].year, 2018);
    assert_int_equal(found.stage, STAGE_CONTRACT_AWARD);
    assert_int_equal(found.phase, PHASE_OPEN);
    assert_int_equal(found.category, CATEGORY_UNLISTED);
    assert_true(found.keeps_fact);
    expect_slice(found.worker, "worker-1");
    assert_int_equal(found.attempt, 2);
}

static void the_longest_event_fits_an_entry(void **state)
{
    static uint8_t bytes[EVENT_BYTES_MAX];
    struct fixture *f = *state;
    struct entry entry = {
        .seq = 1, .kind = ENTRY_RECEIVED, .event = {bytes, sizeof bytes}, .key_seq = 2};
    struct entry found;

    codec_encode_entry(&f->buffer, &entry);
    assert_true(f->buffer.len <= ENTRY_BYTES_MAX);
    assert_int_equal(codec_decode_entry(written(f), f->arena, &found), STATUS_OK);
    assert_int_equal(found.event.len, EVENT_BYTES_MAX);
    assert_int_equal(found.key_seq, 2);
}

static void a_verdict_with_all_its_reasons_and_lines_fits_an_entry(void **state)
{
    struct fixture *f = *state;
    struct reason items[REASONS_MAX];
    struct ledger_line lines[LEDGER_LINES_MAX];
    struct entry entry = {.seq = 1,
                          .kind = ENTRY_JUDGED,
                          .verdict = VERDICT_ACCEPTED,
                          .reasons = items,
                          .reasons_count = REASONS_MAX,
                          .lines = lines,
                          .lines_count = LEDGER_LINES_MAX};
    struct entry found;

    for (size_t i = 0; i < REASONS_MAX; i++) {
        memset(&items[i], 'a', sizeof items[i]);
        items[i].code = REASON_COCOMMISSIONING_LEVEL_INSUFFICIENT;
        items[i].severity = SEVERITY_WARN;
        items[i].parameter[REASON_PARAMETER_SIZE - 1] = '\0';
        items[i].field[REASON_FIELD_SIZE - 1] = '\0';
        items[i].value[REASON_VALUE_SIZE - 1] = '\0';
        items[i].text[REASON_TEXT_SIZE - 1] = '\0';
    }
    for (size_t i = 0; i < LEDGER_LINES_MAX; i++)
        lines[i] = (struct ledger_line){{"02E"}, 2018, LEDGER_COMMITMENT, -PENCE_MAX, true};
    codec_encode_entry(&f->buffer, &entry);

    assert_true(f->buffer.len <= ENTRY_BYTES_MAX);
    assert_int_equal(codec_decode_entry(written(f), f->arena, &found), STATUS_OK);
    assert_int_equal(found.reasons_count, REASONS_MAX);
    assert_int_equal(found.lines_count, LEDGER_LINES_MAX);
    assert_memory_equal(found.reasons, items, sizeof items);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_envelope_comes_back_whole),
        TEST(needs_tell_a_count_of_zero_from_none),
        TEST(a_category_out_of_the_list_is_for_the_rules),
        TEST(the_stages_of_a_procurement_come_back_whole),
        TEST(the_reason_of_a_suspension_comes_back_and_is_needed),
        TEST(awards_come_back_with_providers_and_years),
        TEST(an_award_without_a_last_day_ends_with_its_first_financial_year),
        TEST(an_award_of_thirty_years_is_in_form),
        TEST(the_end_of_a_workflow_comes_back_whole),
        TEST(registers_come_back_whole),
        TEST(keys_come_back_whole),
        TEST(a_list_in_pieces_is_one_list),
        TEST(fields_of_a_later_version_are_passed_over),
        TEST(every_fault_of_an_event_is_told),
        TEST(a_refused_event_leaves_all_but_its_id_untouched),
        TEST(the_id_is_read_from_an_event_of_another_version_and_one_cut_short),
        TEST(a_type_that_is_not_built_is_written_without_a_payload),
        TEST(an_event_cut_anywhere_is_refused_or_whole),
        TEST(damaged_messages_do_no_harm),
        TEST(memory_is_bounded_by_what_was_received),
        TEST(a_frame_over_its_limit_is_too_large),
        TEST(events_are_split_where_they_lie),
        TEST(as_many_events_as_a_frame_may_have_are_split),
        TEST(nothing_is_a_list_of_nothing),
        TEST(what_does_not_fit_is_left_out_whole_and_so_is_what_follows),
        TEST(a_reason_of_a_newer_version_is_shown_by_its_name),
        TEST(a_verdict_comes_back_with_its_reasons),
        TEST(a_reasons_longer_text_is_cut_to_fit),
        TEST(a_query_comes_back_whole),
        TEST(a_table_comes_back_row_by_row),
        TEST(feeds_are_asked_for_as_said),
        TEST(an_organisation_not_registered_is_not_sent),
        TEST(an_open_organisation_has_no_last_day),
        TEST(a_judged_entry_comes_back_whole),
        TEST(the_longest_event_fits_an_entry),
        TEST(a_verdict_with_all_its_reasons_and_lines_fits_an_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
