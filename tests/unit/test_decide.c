/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <string.h>

#include "daemon/domain/authorise.h"
#include "daemon/domain/decide.h"

/* A case of Warrington's in 2018, which every test changes a little. */
struct scene {
    struct event event;
    struct principal principal;
    struct circumstances circumstances;
    struct ledger_year years[8];
    struct support_row supports[2];
    struct event facts[FACTS_MAX];
    uint64_t fact_seqs[FACTS_MAX];
    struct decision decision;
};

static struct organisation organisation(const char *ods, enum organisation_kind kind, date_t from,
                                        date_t to, const char *successor)
{
    struct organisation o = {.known = true, .kind = kind, .opened_on = from, .closed_on = to};
    (void)snprintf(o.ods.text, sizeof o.ods.text, "%s", ods);
    (void)snprintf(o.successor.text, sizeof o.successor.text, "%s", successor);
    return o;
}

static struct scene scene(enum event_type type)
{
    struct scene s = {
        .event = {.type = type,
                  .lead = {"02E"},
                  .reference = {"2018-physio"},
                  .sender = {"02E"},
                  .occurred_on = date_of(2018, 6, 1)},
        .principal = {.organisation = {"02E"},
                      .kind = ORGANISATION_CCG,
                      .verbs = VERB_BIT(VERB_SUBMIT) | VERB_BIT(VERB_DECIDE)},
        .circumstances = {.workflow = {.number = 9,
                                       .last_seq = 9,
                                       .lead = {"02E"},
                                       .present_lead = {"02E"},
                                       .reference = {"2018-physio"},
                                       .phase = PHASE_NONE},
                          .today = date_of(2019, 1, 1)},
    };
    s.circumstances.commissioner =
        organisation("02E", ORGANISATION_CCG, date_of(2013, 4, 1), date_of(2022, 6, 30), "QYG");
    return s;
}

static void stand_in(struct scene *s, enum stage stage)
{
    s->circumstances.workflow.phase = PHASE_OPEN;
    s->circumstances.workflow.stage = stage;
}

static void with_award(struct scene *s, int64_t pence, date_t from, date_t to)
{
    s->event.award = (struct award){
        .award_id = {(const uint8_t *)"a1", 2}, .value_pence = pence, .period = {from, to}};
}

static void with_year(struct scene *s, int32_t year, bool allotted, int64_t allotment,
                      int64_t committed)
{
    s->years[s->circumstances.years_count++] = (struct ledger_year){.ods = {"02E"},
                                                                    .year = year,
                                                                    .allotted = allotted,
                                                                    .allotment_pence = allotment,
                                                                    .committed_pence = committed};
}

static void with_csu(struct scene *s, uint32_t lines, date_t from, date_t to)
{
    s->event.sender = (struct ods){"0CE"};
    s->event.acting_for = (struct ods){"02E"};
    s->principal.organisation = (struct ods){"0CE"};
    s->principal.kind = ORGANISATION_CSU;
    s->principal.verbs = VERB_BIT(VERB_SUBMIT);
    s->supports[0] = (struct support_row){{"02E"}, {"0CE"}, lines, {from, to}, 1};
    s->circumstances.supports_count = 1;
}

static void wire_up(struct scene *s)
{
    s->circumstances.years = s->years;
    s->circumstances.supports = s->supports;
    s->circumstances.facts = s->facts;
    s->circumstances.fact_seqs = s->fact_seqs;
}

static enum verdict verdict(struct scene *s)
{
    wire_up(s);
    decide_verdict(&s->event, &s->circumstances, NULL, 0, &s->decision);
    return s->decision.verdict;
}

static bool turn(struct scene *s, enum stage *ret)
{
    wire_up(s);
    return decide_turn(&s->event, &s->circumstances, &s->decision, ret);
}

static bool door(struct scene *s, struct reasons *reasons)
{
    decide_door(&s->event, &s->principal, reasons);
    return reasons->count == 0;
}

static const struct reason *only_reason(const struct decision *decision)
{
    assert_int_equal(decision->reasons.count, 1);
    return &decision->reasons.items[0];
}

static void expect_only(struct scene *s, enum reason_code code, const char *parameter)
{
    const struct reason *reason = only_reason(&s->decision);
    assert_string_equal(reason_name(reason->code), reason_name(code));
    assert_string_equal(reason->parameter, parameter);
}

/* ---- order -------------------------------------------------------------------------------- */

static void every_type_in_every_place_is_moved_or_refused_with_the_reason_of_its_order(void **state)
{
    (void)state;
    uint32_t count;
    const struct needs *table = needs_table(&count);

    for (uint32_t t = 0; t < count; t++) {
        if (event_type_is_register(table[t].type))
            continue;
        for (int phase = PHASE_NONE; phase <= PHASE_WITHDRAWN; phase++) {
            int first = phase == PHASE_NONE ? STAGE_NONE : STAGE_NEEDS_ASSESSED;
            int last = phase == PHASE_NONE ? STAGE_NONE : STAGE_REVIEW;
            for (int stage = first; stage <= last; stage++) {
                struct scene s = scene(table[t].type);
                s.event.adopted.stage = STAGE_PROCUREMENT;
                s.circumstances.workflow.phase = (enum phase)phase;
                s.circumstances.workflow.stage = (enum stage)stage;
                if (table[t].money == MONEY_RESERVE || table[t].money == MONEY_COMMIT) {
                    with_award(&s, 100, date_of(2018, 7, 1), DATE_NONE);
                    with_year(&s, 2018, true, 100, 0);
                }
                if (table[t].money == MONEY_RELEASE) {
                    with_year(&s, 2018, true, 100, 0);
                    s.facts[0] = (struct event){.type = EVENT_AWARD_INTENDED};
                    s.facts[0].award.period.from = date_of(2018, 7, 1);
                    s.facts[0].award.period.to = DATE_NONE;
                    s.circumstances.facts_count = 1;
                }
                const struct move *move = workflow_move(&s.circumstances.workflow, table[t].type);
                enum verdict found = verdict(&s);

                if (move != NULL) {
                    assert_int_equal(found, VERDICT_ACCEPTED);
                    continue;
                }
                enum reason_code code = s.decision.reasons.items[0].code;
                if (phase == PHASE_SUSPENDED) {
                    bool again = table[t].type == EVENT_SUSPENDED;
                    assert_int_equal(found, again ? VERDICT_REJECTED : VERDICT_HELD);
                    assert_int_equal(code, REASON_WORKFLOW_SUSPENDED);
                    assert_int_equal(s.decision.waits_count, again ? 0 : 1);
                    assert_int_equal(s.decision.lines_count, 0);
                    continue;
                }
                assert_int_equal(found, VERDICT_REJECTED);
                if (phase == PHASE_NONE)
                    assert_int_equal(code, REASON_WORKFLOW_UNKNOWN);
                else if (phase == PHASE_WITHDRAWN)
                    assert_int_equal(code, REASON_WORKFLOW_WITHDRAWN);
                else if (table[t].any_stage)
                    assert_int_equal(code, phase == PHASE_COMPLETE ? REASON_STAGE_ALREADY_COMPLETE
                                                                   : REASON_STAGE_OUT_OF_ORDER);
                else if (table[t].type == EVENT_ADOPTED)
                    assert_int_equal(code, REASON_WORKFLOW_EXISTS);
                else if (phase == PHASE_COMPLETE || (int)table[t].stage < stage)
                    assert_int_equal(code, REASON_STAGE_ALREADY_COMPLETE);
                else
                    assert_int_equal(code, REASON_STAGE_OUT_OF_ORDER);
                assert_int_equal(s.decision.phase, phase);
                assert_int_equal(s.decision.stage, stage);
                assert_int_equal(s.decision.lines_count, 0);
            }
        }
    }
}

static void what_comes_while_it_is_suspended_waits_for_the_workflow_and_costs_nothing(void **state)
{
    (void)state;
    struct scene s = scene(EVENT_AWARD_INTENDED);
    stand_in(&s, STAGE_CONTRACT_AWARD);
    s.circumstances.workflow.phase = PHASE_SUSPENDED;
    with_award(&s, 1000000, date_of(2018, 7, 1), DATE_NONE); /* more than is allotted */
    with_year(&s, 2018, true, 100, 0);
    enum stage stage = STAGE_NONE;

    assert_false(turn(&s, &stage)); /* no worker is asked */

    assert_int_equal(s.decision.verdict, VERDICT_HELD);
    expect_only(&s, REASON_WORKFLOW_SUSPENDED, "");
    assert_int_equal(s.decision.waits_count, 1);
    assert_int_equal(s.decision.waits[0].kind, WAIT_RESUMED);
    assert_int_equal(s.decision.waits[0].number, s.circumstances.workflow.number);
    assert_int_equal(s.decision.lines_count, 0);
    assert_int_equal(s.decision.phase, PHASE_SUSPENDED);
    assert_int_equal(s.decision.stage, STAGE_CONTRACT_AWARD);
}

static void what_cannot_be_whatever_comes_is_rejected_in_a_suspended_workflow_too(void **state)
{
    (void)state;
    struct scene s = scene(EVENT_PRIORITIES_SET);
    stand_in(&s, STAGE_PRIORITIES_SET);
    s.circumstances.workflow.phase = PHASE_SUSPENDED;
    with_csu(&s, LINE_BIT(LINE_SERVICE_REDESIGN), date_of(2018, 4, 1), DATE_NONE);

    assert_int_equal(verdict(&s), VERDICT_REJECTED);
    assert_true(reasons_have(&s.decision.reasons, REASON_CSU_CANNOT_DECIDE));
    assert_int_equal(s.decision.waits_count, 0);
}

static void events_behind_those_that_wait_for_the_resumption_wait_with_them(void **state)
{
    (void)state;
    struct scene s = scene(EVENT_PRIORITIES_SET);
    stand_in(&s, STAGE_PRIORITIES_SET);
    s.circumstances.earlier_wait = true;
    enum stage stage = STAGE_NONE;

    assert_false(turn(&s, &stage));
    assert_int_equal(s.decision.verdict, VERDICT_HELD);
    assert_int_equal(s.decision.waits_count, 1);

    s.event.type = EVENT_NOTE;
    assert_true(turn(&s, &stage));
}

static void giving_a_workflow_up_gives_back_all_that_stands_reserved_and_no_more(void **state)
{
    (void)state;
    static const struct {
        enum event_type type;
        const char *award;
        int64_t pence;
        int32_t year;
    } facts[] = {
        {EVENT_AWARD_INTENDED, "a1", 100, 2018},  {EVENT_AWARD_INTENDED, "a2", 200, 2018},
        {EVENT_AWARD_INTENDED, "a3", 400, 2019},  {EVENT_AWARD_WITHDRAWN, "a2", 0, 0},
        {EVENT_CONTRACT_AWARDED, "a1", 90, 2018}, {EVENT_AWARD_INTENDED, "a2", 800, 2018},
        {EVENT_AWARD_INTENDED, "a4", 1600, 2019},
    };
    struct scene s = scene(EVENT_WITHDRAWN);
    int32_t years[DECIDE_YEARS_MAX];
    stand_in(&s, STAGE_CONTRACT_AWARD);
    for (size_t i = 0; i < ARRAY_LEN(facts); i++) {
        struct slice id = {(const uint8_t *)facts[i].award, 2};
        s.facts[i].type = facts[i].type;
        if (facts[i].type == EVENT_AWARD_WITHDRAWN)
            s.facts[i].award_withdrawn.award_id = id;
        else
            s.facts[i].award = (struct award){.award_id = id,
                                              .value_pence = facts[i].pence,
                                              .period = financial_year_period(facts[i].year)};
    }
    s.circumstances.facts_count = ARRAY_LEN(facts);

    assert_int_equal(decide_years(&s.event, s.facts, ARRAY_LEN(facts), years), 2);
    assert_int_equal(years[0], 2018);
    assert_int_equal(years[1], 2019);
    with_year(&s, 2018, true, 10000, 0);
    with_year(&s, 2019, true, 10000, 0);
    assert_int_equal(verdict(&s), VERDICT_ACCEPTED);

    assert_int_equal(s.decision.phase, PHASE_WITHDRAWN);
    assert_int_equal(s.decision.stage, STAGE_CONTRACT_AWARD);
    assert_int_equal(s.decision.lines_count, 2);
    assert_int_equal(s.decision.lines[0].kind, LEDGER_RESERVATION);
    assert_int_equal(s.decision.lines[0].pence, -800);
    assert_int_equal(s.decision.lines[1].kind, LEDGER_RESERVATION);
    assert_int_equal(s.decision.lines[1].pence, -2000);
}

static void as_many_long_reservations_as_may_stand_are_given_back_at_once(void **state)
{
    (void)state;
    struct scene s = scene(EVENT_WITHDRAWN);
    static struct ledger_year years[DECIDE_YEARS_MAX];
    int32_t numbers[DECIDE_YEARS_MAX];
    stand_in(&s, STAGE_CONTRACT_AWARD);
    for (uint32_t i = 0; i < FACTS_MAX / 2; i++) {
        int32_t year = 1910 + (int32_t)i * YEARS_MAX;
        s.facts[i].type = EVENT_AWARD_INTENDED;
        s.facts[i].award = (struct award){
            .award_id = {(const uint8_t *)"12345678" + i, 1},
            .value_pence = 100000,
            .period = {date_of(year, 4, 1), date_of(year + YEARS_MAX, 3, 31)},
        };
    }
    s.circumstances.facts_count = FACTS_MAX / 2;

    uint32_t count = decide_years(&s.event, s.facts, FACTS_MAX / 2, numbers);
    assert_int_equal(count, DECIDE_YEARS_MAX);
    for (uint32_t i = 0; i < count; i++)
        years[i] = (struct ledger_year){.ods = {"02E"}, .year = numbers[i]};
    s.circumstances.years = years;
    s.circumstances.years_count = count;
    s.circumstances.facts = s.facts;
    decide_verdict(&s.event, &s.circumstances, NULL, 0, &s.decision);

    assert_int_equal(s.decision.verdict, VERDICT_ACCEPTED);
    assert_int_equal(s.decision.lines_count, LEDGER_LINES_MAX);
}

static void an_adopted_workflow_may_be_awarded_from_procurement_with_a_warning(void **state)
{
    (void)state;
    struct scene s = scene(EVENT_CONTRACT_AWARDED);
    stand_in(&s, STAGE_PROCUREMENT);
    s.circumstances.workflow.adopted = true;
    with_award(&s, 100, date_of(2018, 7, 1), DATE_NONE);
    with_year(&s, 2018, true, 100, 0);

    assert_int_equal(verdict(&s), VERDICT_ACCEPTED);
    expect_only(&s, REASON_ADOPTED_NOT_EVIDENCED, "");
    assert_int_equal(s.decision.stage, STAGE_REVIEW);
}

static void adoption_opens_at_the_stage_it_names(void **state)
{
    (void)state;
    for (int stage = STAGE_NEEDS_ASSESSED; stage <= STAGE_REVIEW; stage++) {
        struct scene s = scene(EVENT_ADOPTED);
        s.event.adopted.stage = (enum stage)stage;

        assert_int_equal(verdict(&s), VERDICT_ACCEPTED);
        assert_int_equal(s.decision.phase, PHASE_OPEN);
        assert_int_equal(s.decision.stage, stage);
    }
}

static void after_is_compared_with_the_accepted_count(void **state)
{
    (void)state;
    static const struct {
        uint64_t after;
        uint64_t accepted;
        bool conflict;
    } cases[] = {{0, 0, false}, {0, 1, true}, {1, 0, true}, {7, 7, false}, {6, 7, true}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene s = scene(EVENT_NEEDS_ASSESSED);
        s.event.after_given = true;
        s.event.after = cases[i].after;
        s.circumstances.workflow.accepted_count = cases[i].accepted;
        enum stage stage = STAGE_NONE;

        assert_int_equal(turn(&s, &stage), !cases[i].conflict);
        if (cases[i].conflict)
            expect_only(&s, REASON_CONFLICT, "");
    }
}

static void an_event_goes_to_the_worker_of_its_stage_or_of_the_workflows(void **state)
{
    (void)state;
    struct scene s = scene(EVENT_PRIORITIES_SET);
    stand_in(&s, STAGE_PRIORITIES_SET);
    enum stage stage = STAGE_NONE;
    assert_true(turn(&s, &stage));
    assert_int_equal(stage, STAGE_PRIORITIES_SET);

    s = scene(EVENT_NOTE);
    stand_in(&s, STAGE_REVIEW);
    assert_true(turn(&s, &stage));
    assert_int_equal(stage, STAGE_REVIEW);
}

/* ---- dates -------------------------------------------------------------------------------- */

static void the_day_is_within_the_time_of_ccgs_and_not_after_today(void **state)
{
    (void)state;
    static const struct {
        int32_t year, month, day;
        int code;
    } cases[] = {
        {2013, 3, 31, REASON_DATE_BEFORE_CCGS},
        {2013, 4, 1, -1},
        {2019, 1, 1, -1},
        {2019, 1, 2, REASON_DATE_IN_FUTURE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene s = scene(EVENT_NEEDS_ASSESSED);
        s.circumstances.commissioner.opened_on = date_of(2000, 1, 1);
        s.event.occurred_on = date_of(cases[i].year, cases[i].month, cases[i].day);
        enum verdict found = verdict(&s);

        assert_int_equal(found, cases[i].code < 0 ? VERDICT_ACCEPTED : VERDICT_REJECTED);
        if (cases[i].code >= 0)
            expect_only(&s, (enum reason_code)cases[i].code, "");
    }
}

static void a_commissioner_is_registered_and_open_on_the_day(void **state)
{
    (void)state;
    struct scene s = scene(EVENT_NEEDS_ASSESSED);
    s.circumstances.today = date_of(2025, 1, 1);

    s.event.occurred_on = date_of(2022, 6, 30);
    assert_int_equal(verdict(&s), VERDICT_ACCEPTED);
    s.event.occurred_on = date_of(2022, 7, 1);
    assert_int_equal(verdict(&s), VERDICT_REJECTED);
    expect_only(&s, REASON_ORG_CLOSED, "QYG");

    s.circumstances.commissioner =
        organisation("02E", ORGANISATION_SUB_ICB, date_of(2022, 7, 1), DATE_NONE, "QYG");
    assert_int_equal(verdict(&s), VERDICT_REJECTED);
    expect_only(&s, REASON_ORG_CLOSED, "QYG");

    s.circumstances.commissioner.opened_on = date_of(2022, 7, 2);
    assert_int_equal(verdict(&s), VERDICT_REJECTED);
    expect_only(&s, REASON_ORG_NOT_OPEN, "02E");

    s.circumstances.commissioner =
        organisation("02E", ORGANISATION_CSU, date_of(2013, 4, 1), DATE_NONE, "");
    assert_int_equal(verdict(&s), VERDICT_REJECTED);
    expect_only(&s, REASON_SENDER_NOT_AUTHORISED, "");

    s.circumstances.commissioner.known = false;
    assert_int_equal(verdict(&s), VERDICT_REJECTED);
    expect_only(&s, REASON_ORG_UNKNOWN, "02E");
}

/* ---- authority ---------------------------------------------------------------------------- */

static void a_support_unit_sends_what_its_contract_covers_on_the_day(void **state)
{
    (void)state;
    date_t from = date_of(2018, 4, 1);
    date_t to = date_of(2019, 3, 31);
    static const struct {
        int32_t year, month, day;
        uint32_t lines;
        int code;
    } cases[] = {
        {2018, 4, 1, LINE_BIT(LINE_PROCUREMENT), -1},
        {2018, 3, 31, LINE_BIT(LINE_PROCUREMENT), REASON_CSU_NOT_CONTRACTED},
        {2019, 3, 31, LINE_BIT(LINE_PROCUREMENT), -1},
        {2019, 4, 1, LINE_BIT(LINE_PROCUREMENT), REASON_CSU_NOT_CONTRACTED},
        {2018, 6, 1, LINE_BIT(LINE_CONTRACT_MANAGEMENT), REASON_CSU_SERVICE_NOT_COVERED},
        {2018, 6, 1, 0, REASON_CSU_SERVICE_NOT_COVERED},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene s = scene(EVENT_PROCUREMENT_STARTED);
        stand_in(&s, STAGE_PROCUREMENT);
        s.circumstances.today = date_of(2020, 1, 1);
        with_csu(&s, cases[i].lines, from, to);
        s.event.occurred_on = date_of(cases[i].year, cases[i].month, cases[i].day);
        enum verdict found = verdict(&s);

        assert_int_equal(found, cases[i].code < 0 ? VERDICT_ACCEPTED : VERDICT_REJECTED);
        if (cases[i].code >= 0)
            expect_only(&s, (enum reason_code)cases[i].code, "");
    }
}

static void a_support_unit_never_decides(void **state)
{
    (void)state;
    uint32_t count;
    const struct needs *table = needs_table(&count);
    for (uint32_t t = 0; t < count; t++) {
        if (event_type_is_register(table[t].type))
            continue;
        struct scene s = scene(table[t].type);
        with_csu(&s, ~0u, date_of(2013, 4, 1), DATE_NONE);
        struct reason items[REASONS_MAX];
        struct reasons reasons = {.items = items, .max = REASONS_MAX};

        assert_true(door(&s, &reasons));
        wire_up(&s);
        authorise_support(&s.event, &s.circumstances, STAGE_PROCUREMENT, &reasons);
        assert_int_equal(reasons_have(&reasons, REASON_CSU_CANNOT_DECIDE), table[t].decision);
    }
}

/** Everything that could be said of the workflow and of its lead's money is wrong with @s's event, and only @code is said. */
static void expect_nothing_told(struct scene *s, enum reason_code code)
{
    stand_in(s, STAGE_REVIEW);
    s->circumstances.workflow.accepted_count = 3;
    s->event.after_given = true;
    s->event.after = 99;
    with_award(s, 1001, date_of(2018, 6, 1), date_of(2018, 6, 30));
    with_year(s, 2018, true, 1000, 500);

    assert_int_equal(verdict(s), VERDICT_REJECTED);
    expect_only(s, code, "");
    assert_int_equal(s->decision.stage, STAGE_NONE);
    assert_int_equal(s->decision.phase, PHASE_NONE);
    assert_int_equal(s->decision.category, CATEGORY_NONE);

    /* Suspended, it would be held: that is not told either. */
    s->circumstances.workflow.phase = PHASE_SUSPENDED;
    s->circumstances.workflow.phase_at_ms = s->circumstances.now_ms - 1;
    assert_int_equal(verdict(s), VERDICT_REJECTED);
    expect_only(s, code, "");
    assert_int_equal(s->decision.shift_ms, 0);
}

static void a_stranger_is_not_told_where_the_workflow_and_its_money_stand(void **state)
{
    (void)state;
    struct scene s = scene(EVENT_AWARD_INTENDED);
    s.event.sender = (struct ods){"01F"};
    s.principal.organisation = (struct ods){"01F"};
    expect_nothing_told(&s, REASON_NOT_LEAD_COMMISSIONER);

    s = scene(EVENT_PROCUREMENT_STARTED);
    with_csu(&s, ~0u, date_of(2013, 4, 1), date_of(2014, 3, 31));
    expect_nothing_told(&s, REASON_CSU_NOT_CONTRACTED);
}

static void only_the_lead_sends_events_of_procurement(void **state)
{
    (void)state;
    struct scene s = scene(EVENT_PROCUREMENT_STARTED);
    stand_in(&s, STAGE_PROCUREMENT);
    s.event.sender = (struct ods){"01F"};
    s.principal.organisation = (struct ods){"01F"};
    struct reason items[REASONS_MAX];
    struct reasons reasons = {.items = items, .max = REASONS_MAX};

    assert_true(door(&s, &reasons));
    assert_int_equal(verdict(&s), VERDICT_REJECTED);
    expect_only(&s, REASON_NOT_LEAD_COMMISSIONER, "");

    /* Other events of another's workflow do not even get in. */
    s.event.type = EVENT_NOTE;
    assert_false(door(&s, &reasons));
    assert_int_equal(reasons.items[0].code, REASON_SENDER_NOT_AUTHORISED);
}

/* Which kind of key gets which type past the door, all of them. */
static void the_door_asks_for_kind_and_verbs(void **state)
{
    (void)state;
    uint32_t count;
    const struct needs *table = needs_table(&count);
    for (uint32_t t = 0; t < count; t++) {
        for (int kind = ORGANISATION_CCG; kind <= ORGANISATION_SUB_ICB; kind++) {
            for (uint32_t verbs = 0; verbs < (1u << (VERB_BACKUP + 1)); verbs++) {
                struct scene s = scene(table[t].type);
                s.principal.kind = (enum organisation_kind)kind;
                s.principal.verbs = verbs;
                s.event.organisation = s.event.sender;
                if (kind == ORGANISATION_CSU && !event_type_is_register(table[t].type))
                    s.event.acting_for = s.event.lead;
                struct reason items[REASONS_MAX];
                struct reasons reasons = {.items = items, .max = REASONS_MAX};

                bool kind_may = (table[t].senders & KIND_BIT(kind)) != 0;
                bool operates = table[t].senders == KIND_BIT(ORGANISATION_OPERATOR);
                uint32_t wanted = operates ? VERB_BIT(VERB_OPERATE) : VERB_BIT(VERB_SUBMIT);
                if (table[t].decision && kind != ORGANISATION_CSU)
                    wanted |= VERB_BIT(VERB_DECIDE);
                bool may = kind_may && (verbs & wanted) == wanted;
                assert_int_equal(door(&s, &reasons), may);
            }
        }
    }
}

static void the_door_keeps_out_who_is_not_who_he_says(void **state)
{
    (void)state;
    struct reason items[REASONS_MAX];
    struct reasons reasons = {.items = items, .max = REASONS_MAX};

    struct scene s = scene(EVENT_NEEDS_ASSESSED);
    s.event.sender = (struct ods){"01F"};
    assert_false(door(&s, &reasons));
    assert_int_equal(reasons.items[0].code, REASON_SENDER_NOT_AUTHORISED);

    reasons.count = 0;
    s = scene(EVENT_NEEDS_ASSESSED);
    s.event.acting_for = (struct ods){"01F"};
    assert_false(door(&s, &reasons));
    assert_int_equal(reasons.items[0].code, REASON_FIELD_INVALID);

    reasons.count = 0;
    s = scene(EVENT_NEEDS_ASSESSED);
    with_csu(&s, ~0u, date_of(2013, 4, 1), DATE_NONE);
    s.event.acting_for = (struct ods){""};
    assert_false(door(&s, &reasons));
    assert_int_equal(reasons.items[0].code, REASON_FIELD_MISSING);

    reasons.count = 0;
    s = scene(EVENT_GB_DECISION);
    assert_false(door(&s, &reasons));
    assert_int_equal(reasons.items[0].code, REASON_FIELD_INVALID);

    reasons.count = 0;
    s = scene(EVENT_SUPPORT_CONTRACT);
    s.event.organisation = (struct ods){"01F"};
    assert_false(door(&s, &reasons));
    assert_int_equal(reasons.items[0].code, REASON_SENDER_NOT_AUTHORISED);
}

/* ---- money -------------------------------------------------------------------------------- */

static void every_year_of_a_contract_is_within_its_allotment(void **state)
{
    (void)state;
    static const struct {
        int64_t left_first, left_second;
        const char *exceeded;
    } cases[] = {{500, 500, NULL}, {499, 500, "2018/19"}, {500, 499, "2019/20"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene s = scene(EVENT_CONTRACT_AWARDED);
        stand_in(&s, STAGE_CONTRACT_AWARD);
        struct year_value split[] = {{2018, 500}, {2019, 500}};
        with_award(&s, 1000, date_of(2018, 4, 1), date_of(2020, 3, 31));
        s.event.award.years = split;
        s.event.award.years_count = 2;
        with_year(&s, 2018, true, 10000, 10000 - cases[i].left_first);
        with_year(&s, 2019, true, 10000, 10000 - cases[i].left_second);
        enum verdict found = verdict(&s);

        if (cases[i].exceeded == NULL) {
            assert_int_equal(found, VERDICT_ACCEPTED);
            assert_int_equal(s.decision.lines_count, 2);
            assert_int_equal(s.decision.lines[0].kind, LEDGER_COMMITMENT);
            assert_int_equal(s.decision.lines[1].pence, 500);
            continue;
        }
        assert_int_equal(found, VERDICT_REJECTED);
        expect_only(&s, REASON_BUDGET_EXCEEDED, cases[i].exceeded);
        assert_string_equal(s.decision.reasons.items[0].value, "500");
        assert_non_null(strstr(s.decision.reasons.items[0].text, "GBP 4.99 is left"));
        assert_int_equal(s.decision.lines_count, 0);
    }
}

static void a_first_year_without_allotment_waits_and_a_later_one_warns(void **state)
{
    (void)state;
    struct scene s = scene(EVENT_AWARD_INTENDED);
    stand_in(&s, STAGE_CONTRACT_AWARD);
    with_award(&s, 200, date_of(2018, 4, 1), date_of(2020, 3, 31));
    with_year(&s, 2018, false, 0, 0);
    with_year(&s, 2019, true, 1000, 0);

    assert_int_equal(verdict(&s), VERDICT_HELD);
    expect_only(&s, REASON_NO_ALLOTMENT, "2018/19");
    assert_int_equal(s.decision.waits_count, 1);
    assert_int_equal(s.decision.waits[0].year, 2018);
    assert_int_equal(s.decision.lines_count, 0);
    assert_int_equal(s.decision.stage, STAGE_CONTRACT_AWARD);

    s.years[0].allotted = true;
    s.years[0].allotment_pence = 1000;
    s.years[1].allotted = false;
    assert_int_equal(verdict(&s), VERDICT_ACCEPTED);
    expect_only(&s, REASON_YEAR_NOT_COVERED, "2019/20");
    assert_false(s.decision.lines[0].uncovered);
    assert_true(s.decision.lines[1].uncovered);
}

static void what_stands_uncovered_has_an_end(void **state)
{
    (void)state;
    struct scene s = scene(EVENT_AWARD_INTENDED);
    stand_in(&s, STAGE_CONTRACT_AWARD);
    with_award(&s, 200, date_of(2018, 4, 1), date_of(2020, 3, 31));
    struct year_value split[] = {{2018, 100}, {2019, 100}};
    s.event.award.years = split;
    s.event.award.years_count = 2;
    with_year(&s, 2018, true, 1000, 0);
    with_year(&s, 2019, false, 0, PENCE_MAX - 100);
    assert_int_equal(verdict(&s), VERDICT_ACCEPTED);
    s.years[1].reserved_pence = 1;
    assert_int_equal(verdict(&s), VERDICT_REJECTED);
    expect_only(&s, REASON_BUDGET_EXCEEDED, "2019/20");
}

static void an_award_takes_the_place_of_its_reservation(void **state)
{
    (void)state;
    struct scene s = scene(EVENT_CONTRACT_AWARDED);
    stand_in(&s, STAGE_CONTRACT_AWARD);
    with_award(&s, 900, date_of(2018, 7, 1), DATE_NONE);
    s.facts[0] = (struct event){.type = EVENT_AWARD_INTENDED};
    s.facts[0].award = s.event.award;
    s.facts[0].award.value_pence = 800;
    s.circumstances.facts_count = 1;
    with_year(&s, 2018, true, 1000, 0);
    s.years[0].reserved_pence = 800;

    assert_int_equal(verdict(&s), VERDICT_ACCEPTED);
    assert_int_equal(s.decision.lines_count, 2);
    assert_int_equal(s.decision.lines[0].kind, LEDGER_RESERVATION);
    assert_int_equal(s.decision.lines[0].pence, -800);
    assert_int_equal(s.decision.lines[1].pence, 900);

    /* Another award's reservation is not its to take. */
    s.facts[0].award.award_id = (struct slice){(const uint8_t *)"a2", 2};
    assert_int_equal(verdict(&s), VERDICT_REJECTED);
    expect_only(&s, REASON_BUDGET_EXCEEDED, "2018/19");
}

static void an_award_is_intended_once_and_withdrawn_once(void **state)
{
    (void)state;
    struct scene s = scene(EVENT_AWARD_INTENDED);
    stand_in(&s, STAGE_CONTRACT_AWARD);
    with_award(&s, 100, date_of(2018, 7, 1), DATE_NONE);
    with_year(&s, 2018, true, 1000, 0);
    s.facts[0] = s.event;
    s.circumstances.facts_count = 1;
    assert_int_equal(verdict(&s), VERDICT_REJECTED);
    expect_only(&s, REASON_AWARD_EXISTS, "");

    s.event.type = EVENT_AWARD_WITHDRAWN;
    s.event.award_withdrawn =
        (struct award_withdrawn){.award_id = {(const uint8_t *)"a1", 2}, .reason = {0}};
    assert_int_equal(verdict(&s), VERDICT_ACCEPTED);
    assert_int_equal(s.decision.lines_count, 1);
    assert_int_equal(s.decision.lines[0].pence, -100);

    s.facts[1] = s.event;
    s.circumstances.facts_count = 2;
    assert_int_equal(verdict(&s), VERDICT_REJECTED);
    expect_only(&s, REASON_AWARD_UNKNOWN, "");
}

static void an_award_that_was_not_made_is_withdrawn_at_any_time_after(void **state)
{
    (void)state;
    for (int phase = PHASE_OPEN; phase <= PHASE_COMPLETE; phase++) {
        struct scene s = scene(EVENT_AWARD_INTENDED);
        stand_in(&s, STAGE_REVIEW);
        s.circumstances.workflow.phase = (enum phase)phase;
        with_award(&s, 100, date_of(2018, 7, 1), DATE_NONE);
        with_year(&s, 2018, true, 1000, 0);
        s.facts[0] = s.event;
        s.circumstances.facts_count = 1;
        s.event.type = EVENT_AWARD_WITHDRAWN;
        s.event.award_withdrawn =
            (struct award_withdrawn){.award_id = {(const uint8_t *)"a1", 2}, .reason = {0}};

        assert_int_equal(verdict(&s), VERDICT_ACCEPTED);
        assert_int_equal(s.decision.lines[0].pence, -100);
        assert_int_equal(s.decision.phase, phase);
        assert_int_equal(s.decision.stage, STAGE_REVIEW);
    }
}

static void a_fact_fits_an_assignment(void **state)
{
    (void)state;
    static uint8_t bytes[FACT_BYTES_MAX + 1];
    struct scene s = scene(EVENT_NEEDS_ASSESSED);
    s.event.bytes = (struct slice){bytes, FACT_BYTES_MAX};
    assert_int_equal(verdict(&s), VERDICT_ACCEPTED);
    assert_true(s.decision.keeps_fact);
    s.event.bytes.len++;
    assert_int_equal(verdict(&s), VERDICT_REJECTED);
    expect_only(&s, REASON_FACT_TOO_LARGE, "");
}

static void all_reasons_are_reported_and_the_gravest_decides(void **state)
{
    (void)state;
    struct scene s = scene(EVENT_CONTRACT_AWARDED);
    stand_in(&s, STAGE_CONTRACT_AWARD);
    with_award(&s, 5000, date_of(2018, 7, 1), DATE_NONE);
    with_year(&s, 2018, true, 1000, 0);
    struct reason found[2] = {{.code = REASON_AWARD_AFTER_START, .severity = SEVERITY_WARN},
                              {.code = REASON_PROVIDER_CLOSED, .severity = SEVERITY_REJECT}};
    wire_up(&s);
    decide_verdict(&s.event, &s.circumstances, found, 2, &s.decision);

    assert_int_equal(s.decision.verdict, VERDICT_REJECTED);
    assert_int_equal(s.decision.reasons.count, 3);
    assert_true(reasons_have(&s.decision.reasons, REASON_BUDGET_EXCEEDED));
    assert_true(reasons_have(&s.decision.reasons, REASON_PROVIDER_CLOSED));

    /* A hold is outweighed by a rejection, and outweighs a warning. */
    s.years[0] = (struct ledger_year){.ods = {"02E"}, .year = 2018};
    decide_verdict(&s.event, &s.circumstances, found, 2, &s.decision);
    assert_int_equal(s.decision.verdict, VERDICT_REJECTED);
    assert_int_equal(s.decision.waits_count, 0);
    decide_verdict(&s.event, &s.circumstances, found, 1, &s.decision);
    assert_int_equal(s.decision.verdict, VERDICT_HELD);

    /* A worker's hold that names nothing to wait for would never end: it rejects. */
    found[0].severity = SEVERITY_HOLD;
    s.years[0] = (struct ledger_year){
        .ods = {"02E"}, .year = 2018, .allotted = true, .allotment_pence = 9000};
    decide_verdict(&s.event, &s.circumstances, found, 1, &s.decision);
    assert_int_equal(s.decision.verdict, VERDICT_REJECTED);
}

/* ---- registers ---------------------------------------------------------------------------- */

static void registers_are_of_organisations_of_their_kind(void **state)
{
    (void)state;
    static const struct {
        enum event_type type;
        enum organisation_kind kind;
        enum organisation_kind named;
        int code;
    } cases[] = {
        {EVENT_SUPPORT_CONTRACT, ORGANISATION_CCG, ORGANISATION_CSU, -1},
        {EVENT_SUPPORT_CONTRACT, ORGANISATION_ICB, ORGANISATION_CSU, -1},
        {EVENT_SUPPORT_CONTRACT, ORGANISATION_CCG, ORGANISATION_CCG, REASON_FIELD_INVALID},
        {EVENT_SUPPORT_CONTRACT, ORGANISATION_CCG, ORGANISATION_NONE, REASON_ORG_UNKNOWN},
        {EVENT_SUPPORT_CONTRACT, ORGANISATION_CSU, ORGANISATION_CSU, REASON_FIELD_INVALID},
        {EVENT_SUPPORT_CONTRACT, ORGANISATION_NONE, ORGANISATION_CSU, REASON_ORG_UNKNOWN},
        {EVENT_CO_COMMISSIONING_LEVEL, ORGANISATION_CCG, ORGANISATION_NONE, -1},
        {EVENT_CO_COMMISSIONING_LEVEL, ORGANISATION_NHSE, ORGANISATION_NONE, REASON_FIELD_INVALID},
        {EVENT_CO_COMMISSIONING_LEVEL, ORGANISATION_CSU, ORGANISATION_NONE, REASON_FIELD_INVALID},
        {EVENT_ALLOTMENT_SET, ORGANISATION_NHSE, ORGANISATION_NONE, -1},
        {EVENT_ALLOTMENT_SET, ORGANISATION_PROVIDER, ORGANISATION_NONE, REASON_FIELD_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene s = scene(cases[i].type);
        s.event.organisation = (struct ods){"02E"};
        s.principal.kind = ORGANISATION_NHSE;
        if (cases[i].type == EVENT_SUPPORT_CONTRACT)
            s.event.support_contract.csu = (struct ods){"0CE"};
        if (cases[i].type == EVENT_ALLOTMENT_SET) {
            s.event.allotment_set = (struct allotment_set){.year = 2018, .core_pence = 1};
            with_year(&s, 2018, false, 0, 0);
        }
        s.circumstances.commissioner.kind = cases[i].kind;
        s.circumstances.commissioner.known = cases[i].kind != ORGANISATION_NONE;
        s.circumstances.named.kind = cases[i].named;
        s.circumstances.named.known = cases[i].named != ORGANISATION_NONE;
        wire_up(&s);
        decide_register(&s.event, &s.principal, &s.circumstances, &s.decision);

        assert_int_equal(s.decision.verdict,
                         cases[i].code < 0 ? VERDICT_ACCEPTED : VERDICT_REJECTED);
        if (cases[i].code >= 0)
            assert_int_equal(only_reason(&s.decision)->code, cases[i].code);
    }
}

static void an_organisation_does_not_succeed_itself(void **state)
{
    (void)state;
    struct scene s = scene(EVENT_ORGANISATION_REGISTERED);
    s.event.organisation = (struct ods){"02E"};
    s.event.organisation_registered.successor = (struct ods){"QYG"};
    decide_register(&s.event, &s.principal, &s.circumstances, &s.decision);
    assert_int_equal(s.decision.verdict, VERDICT_ACCEPTED);
    s.event.organisation_registered.successor = (struct ods){"02E"};
    decide_register(&s.event, &s.principal, &s.circumstances, &s.decision);
    expect_only(&s, REASON_FIELD_INVALID, "successor_ods");
}

static void an_allotment_is_set_by_nhs_england_for_an_organisation_of_the_year(void **state)
{
    (void)state;
    struct scene s = scene(EVENT_ALLOTMENT_SET);
    s.event.organisation = (struct ods){"02E"};
    s.event.sender = s.principal.organisation = (struct ods){"X24"};
    s.principal.kind = ORGANISATION_NHSE;
    s.event.allotment_set =
        (struct allotment_set){.year = 2018, .core_pence = 70, .running_cost_pence = 30};
    with_year(&s, 2018, true, 60, 0);
    wire_up(&s);
    decide_register(&s.event, &s.principal, &s.circumstances, &s.decision);
    assert_int_equal(s.decision.verdict, VERDICT_ACCEPTED);
    assert_int_equal(s.decision.lines_count, 1);
    assert_int_equal(s.decision.lines[0].pence, 40);

    s.years[0].committed_pence = 101;
    decide_register(&s.event, &s.principal, &s.circumstances, &s.decision);
    assert_int_equal(s.decision.verdict, VERDICT_ACCEPTED);
    expect_only(&s, REASON_OVERCOMMITTED, "2018/19");

    s.principal.kind = ORGANISATION_CCG; /* who is not told that it is overcommitted */
    decide_register(&s.event, &s.principal, &s.circumstances, &s.decision);
    assert_int_equal(s.decision.verdict, VERDICT_REJECTED);
    expect_only(&s, REASON_ALLOTMENT_NOT_NHSE, "");
    assert_int_equal(s.decision.lines_count, 0);

    s.years[0].committed_pence = 0;
    s.principal.kind = ORGANISATION_NHSE;
    s.circumstances.commissioner.closed_on = date_of(2018, 3, 31);
    decide_register(&s.event, &s.principal, &s.circumstances, &s.decision);
    expect_only(&s, REASON_ORG_CLOSED, "QYG");
    s.circumstances.commissioner.closed_on = date_of(2018, 4, 1);
    decide_register(&s.event, &s.principal, &s.circumstances, &s.decision);
    assert_int_equal(s.decision.verdict, VERDICT_ACCEPTED);
    s.circumstances.commissioner.opened_on = date_of(2019, 4, 1);
    s.circumstances.commissioner.closed_on = DATE_NONE;
    decide_register(&s.event, &s.principal, &s.circumstances, &s.decision);
    expect_only(&s, REASON_ORG_NOT_OPEN, "02E");
    s.circumstances.commissioner.known = false;
    decide_register(&s.event, &s.principal, &s.circumstances, &s.decision);
    expect_only(&s, REASON_ORG_UNKNOWN, "02E");
}

static void a_key_fits_its_organisation(void **state)
{
    (void)state;
    static const struct {
        enum organisation_kind kind;
        uint32_t verbs;
        bool in_use;
        int code;
    } cases[] = {
        {ORGANISATION_CCG, VERB_BIT(VERB_SUBMIT) | VERB_BIT(VERB_DECIDE), false, -1},
        {ORGANISATION_CCG, VERB_BIT(VERB_SUBMIT), true, REASON_KEY_EXISTS},
        {ORGANISATION_CSU, VERB_BIT(VERB_SUBMIT), false, -1},
        {ORGANISATION_CSU, VERB_BIT(VERB_DECIDE), false, REASON_CSU_CANNOT_DECIDE},
        {ORGANISATION_CCG, VERB_BIT(VERB_OPERATE), false, REASON_FIELD_INVALID},
        {ORGANISATION_NHSE, VERB_BIT(VERB_BACKUP), false, REASON_FIELD_INVALID},
        {ORGANISATION_OPERATOR, VERB_BIT(VERB_WORK), false, -1},
        {ORGANISATION_OPERATOR, VERB_BIT(VERB_SUBMIT), false, REASON_FIELD_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene s = scene(EVENT_KEY_ADDED);
        s.event.key_added =
            (struct key_added){.kind = cases[i].kind, .verbs = cases[i].verbs, .label = {0}};
        s.circumstances.key_in_use = cases[i].in_use;
        decide_register(&s.event, &s.principal, &s.circumstances, &s.decision);

        assert_int_equal(s.decision.verdict,
                         cases[i].code < 0 ? VERDICT_ACCEPTED : VERDICT_REJECTED);
        if (cases[i].code >= 0)
            assert_int_equal(only_reason(&s.decision)->code, cases[i].code);
    }

    struct scene s = scene(EVENT_KEY_REVOKED);
    decide_register(&s.event, &s.principal, &s.circumstances, &s.decision);
    expect_only(&s, REASON_KEY_UNKNOWN, "");
    s.circumstances.key_in_use = true;
    decide_register(&s.event, &s.principal, &s.circumstances, &s.decision);
    assert_int_equal(s.decision.verdict, VERDICT_ACCEPTED);
}

static void the_years_of_a_decision_are_those_of_award_and_reservation(void **state)
{
    (void)state;
    struct scene s = scene(EVENT_CONTRACT_AWARDED);
    with_award(&s, 100, date_of(2019, 4, 1), date_of(2021, 3, 31));
    s.facts[0] = (struct event){.type = EVENT_AWARD_INTENDED};
    s.facts[0].award = s.event.award;
    s.facts[0].award.period = (struct period){date_of(2018, 4, 1), date_of(2020, 3, 31)};
    int32_t years[DECIDE_YEARS_MAX];

    assert_int_equal(decide_years(&s.event, s.facts, 0, years), 2);
    assert_int_equal(decide_years(&s.event, s.facts, 1, years), 3);
    assert_int_equal(years[0], 2018);
    assert_int_equal(years[2], 2020);
    s.event.type = EVENT_NOTE;
    assert_int_equal(decide_years(&s.event, s.facts, 1, years), 0);
}

/* ---- corners ------------------------------------------------------------------------------ */

static void a_wrong_lead_is_named_where_the_event_says_for_whom_it_acts(void **state)
{
    (void)state;
    struct scene s = scene(EVENT_PROCUREMENT_STARTED);
    stand_in(&s, STAGE_PROCUREMENT);
    with_csu(&s, ~0u, date_of(2013, 4, 1), DATE_NONE);
    s.event.acting_for = (struct ods){"01F"};

    assert_int_equal(verdict(&s), VERDICT_REJECTED);

    expect_only(&s, REASON_NOT_LEAD_COMMISSIONER, "");
    assert_string_equal(s.decision.reasons.items[0].field, "acting_for_ods");
    assert_string_equal(s.decision.reasons.items[0].value, "01F");
}

static void a_closed_commissioner_without_a_successor_has_none_named(void **state)
{
    static const enum organisation_kind kinds[] = {ORGANISATION_CCG, ORGANISATION_SUB_ICB};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct scene s = scene(EVENT_NEEDS_ASSESSED);
        s.circumstances.commissioner =
            organisation("02E", kinds[i], date_of(2013, 4, 1), date_of(2018, 5, 31), "");

        assert_int_equal(verdict(&s), VERDICT_REJECTED);

        expect_only(&s, REASON_ORG_CLOSED, "");
        assert_null(strstr(s.decision.reasons.items[0].text, "successor"));
    }
}

static void who_acts_for_himself_needs_no_support_contract(void **state)
{
    (void)state;
    struct scene s = scene(EVENT_NEEDS_ASSESSED);
    s.event.acting_for = s.event.sender;
    struct reason items[REASONS_MAX];
    struct reasons reasons = {.items = items, .max = REASONS_MAX};

    assert_true(door(&s, &reasons));
    assert_int_equal(verdict(&s), VERDICT_ACCEPTED);
}

static void one_contract_that_covers_is_enough_whatever_the_others_say(void **state)
{
    (void)state;
    for (int first = 0; first < 2; first++) {
        struct scene s = scene(EVENT_PROCUREMENT_STARTED);
        stand_in(&s, STAGE_PROCUREMENT);
        with_csu(&s, first == 0 ? LINE_BIT(LINE_PROCUREMENT) : 0, date_of(2013, 4, 1), DATE_NONE);
        s.supports[1] = s.supports[0];
        s.supports[1].lines = first == 0 ? 0 : LINE_BIT(LINE_PROCUREMENT);
        s.circumstances.supports_count = 2;

        assert_int_equal(verdict(&s), VERDICT_ACCEPTED);
    }
}

static void a_workers_reasons_past_the_last_place_are_counted(void **state)
{
    static struct reason found[REASONS_MAX + 3];
    struct reasons list = {.items = found, .max = ARRAY_LEN(found)};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(found); i++)
        reasons_add(&list, REASON_AWARD_AFTER_START, NULL, NULL, NULL, NULL);
    struct scene s = scene(EVENT_NEEDS_ASSESSED);
    wire_up(&s);

    decide_verdict(&s.event, &s.circumstances, found, ARRAY_LEN(found), &s.decision);

    assert_int_equal(s.decision.verdict, VERDICT_ACCEPTED);
    assert_int_equal(s.decision.reasons.count, REASONS_MAX);
    assert_int_equal(s.decision.reasons.left_out, 3);
}

static void an_allotment_names_its_year_and_what_costs_nothing_none(void **state)
{
    static const enum event_type without[] = {EVENT_NOTE, EVENT_BID_RECEIVED, EVENT_HWB_VIEW};
    int32_t years[DECIDE_YEARS_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(without); i++) {
        struct scene s = scene(without[i]);
        assert_int_equal(decide_years(&s.event, NULL, 0, years), 0);
    }
    struct scene s = scene(EVENT_ALLOTMENT_SET);
    s.event.allotment_set.year = 2018;
    assert_int_equal(decide_years(&s.event, NULL, 0, years), 1);
    assert_int_equal(years[0], 2018);
}

static void a_withdrawal_names_the_years_of_its_reservation_alone(void **state)
{
    int32_t years[DECIDE_YEARS_MAX];

    (void)state;
    struct scene s = scene(EVENT_AWARD_WITHDRAWN);
    s.event.award_withdrawn.award_id = (struct slice){(const uint8_t *)"a1", 2};
    assert_int_equal(decide_years(&s.event, s.facts, 0, years), 0);
    s.facts[0].type = EVENT_AWARD_INTENDED;
    s.facts[0].award = (struct award){.award_id = {(const uint8_t *)"a1", 2},
                                      .value_pence = 1,
                                      .period = financial_year_period(2018)};
    assert_int_equal(decide_years(&s.event, s.facts, 1, years), 1);
    assert_int_equal(years[0], 2018);
    /* Another id of the same length, and one that begins alike. */
    s.event.award_withdrawn.award_id = (struct slice){(const uint8_t *)"a2", 2};
    assert_int_equal(decide_years(&s.event, s.facts, 1, years), 0);
    s.event.award_withdrawn.award_id = (struct slice){(const uint8_t *)"a11", 3};
    assert_int_equal(decide_years(&s.event, s.facts, 1, years), 0);
}

static void an_award_id_of_any_length_is_named_cut_to_fit(void **state)
{
    static const uint8_t id[AWARD_ID_SIZE - 1] = {'x', 'y', 'z'};
    static const size_t lens[] = {0, 3, 63, 64, 65, AWARD_ID_SIZE - 1};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lens); i++) {
        struct scene s = scene(EVENT_AWARD_WITHDRAWN);
        stand_in(&s, STAGE_CONTRACT_AWARD);
        s.event.award_withdrawn.award_id = (struct slice){id, lens[i]};

        assert_int_equal(verdict(&s), VERDICT_REJECTED);

        expect_only(&s, REASON_AWARD_UNKNOWN, "");
        assert_string_equal(s.decision.reasons.items[0].value, lens[i] > 0 ? "xyz" : "");
    }
}

static void a_contract_of_more_years_than_can_be_counted_is_rejected(void **state)
{
    (void)state;
    for (int years = YEARS_MAX; years <= YEARS_MAX + 1; years++) {
        struct scene s = scene(EVENT_AWARD_INTENDED);
        stand_in(&s, STAGE_CONTRACT_AWARD);
        with_award(&s, 100, date_of(2018, 4, 1), date_of(2018 + years, 3, 31));
        struct ledger_year rows[YEARS_MAX];
        for (int32_t i = 0; i < YEARS_MAX; i++)
            rows[i] = (struct ledger_year){
                .ods = {"02E"}, .year = 2018 + i, .allotted = true, .allotment_pence = 100};
        wire_up(&s);
        s.circumstances.years = rows;
        s.circumstances.years_count = YEARS_MAX;
        decide_verdict(&s.event, &s.circumstances, NULL, 0, &s.decision);

        assert_int_equal(s.decision.verdict,
                         years == YEARS_MAX ? VERDICT_ACCEPTED : VERDICT_REJECTED);
        if (years > YEARS_MAX)
            expect_only(&s, REASON_FIELD_INVALID, "period_to");
    }
}

static void a_board_has_a_level_of_co_commissioning_as_a_group_has(void **state)
{
    static const enum organisation_kind kinds[] = {ORGANISATION_CCG, ORGANISATION_ICB,
                                                   ORGANISATION_CSU};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct scene s = scene(EVENT_CO_COMMISSIONING_LEVEL);
        s.event.organisation = (struct ods){"02E"};
        s.event.sender = (struct ods){"X24"};
        s.event.co_commissioning_level.level = CO_JOINT;
        s.event.co_commissioning_level.from = date_of(2018, 4, 1);
        s.principal.kind = ORGANISATION_NHSE;
        s.principal.organisation = (struct ods){"X24"};
        s.circumstances.commissioner =
            organisation("02E", kinds[i], date_of(2013, 4, 1), DATE_NONE, "");
        wire_up(&s);

        decide_register(&s.event, &s.principal, &s.circumstances, &s.decision);

        assert_int_equal(s.decision.verdict,
                         kinds[i] == ORGANISATION_CSU ? VERDICT_REJECTED : VERDICT_ACCEPTED);
    }
}

static void what_waited_in_vain_is_rejected_for_that(void **state)
{
    (void)state;
    struct scene s = scene(EVENT_AWARD_INTENDED);
    stand_in(&s, STAGE_CONTRACT_AWARD);
    with_award(&s, 100, date_of(2018, 7, 1), DATE_NONE);
    with_year(&s, 2018, false, 0, 0);
    s.circumstances.expired = true;

    assert_int_equal(verdict(&s), VERDICT_REJECTED);

    assert_true(reasons_have(&s.decision.reasons, REASON_HELD_EXPIRED));
    assert_true(reasons_have(&s.decision.reasons, REASON_NO_ALLOTMENT));
    assert_int_equal(s.decision.waits_count, 0);
}

static void a_resumption_shifts_by_the_time_it_was_suspended_and_never_back(void **state)
{
    static const struct {
        int64_t now_ms;
        int64_t shift_ms;
    } cases[] = {{999, 0}, {1000, 0}, {1001, 1}, {5000, 4000}}; /* suspended at 1000 */

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct scene s = scene(EVENT_RESUMED);
        stand_in(&s, STAGE_PROCUREMENT);
        s.circumstances.workflow.phase = PHASE_SUSPENDED;
        s.circumstances.workflow.phase_at_ms = 1000;
        s.circumstances.now_ms = cases[i].now_ms;

        assert_int_equal(verdict(&s), VERDICT_ACCEPTED);

        assert_int_equal(s.decision.phase, PHASE_OPEN);
        assert_int_equal(s.decision.shift_ms, cases[i].shift_ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            every_type_in_every_place_is_moved_or_refused_with_the_reason_of_its_order),
        cmocka_unit_test(what_comes_while_it_is_suspended_waits_for_the_workflow_and_costs_nothing),
        cmocka_unit_test(what_cannot_be_whatever_comes_is_rejected_in_a_suspended_workflow_too),
        cmocka_unit_test(events_behind_those_that_wait_for_the_resumption_wait_with_them),
        cmocka_unit_test(giving_a_workflow_up_gives_back_all_that_stands_reserved_and_no_more),
        cmocka_unit_test(as_many_long_reservations_as_may_stand_are_given_back_at_once),
        cmocka_unit_test(an_adopted_workflow_may_be_awarded_from_procurement_with_a_warning),
        cmocka_unit_test(adoption_opens_at_the_stage_it_names),
        cmocka_unit_test(after_is_compared_with_the_accepted_count),
        cmocka_unit_test(an_event_goes_to_the_worker_of_its_stage_or_of_the_workflows),
        cmocka_unit_test(the_day_is_within_the_time_of_ccgs_and_not_after_today),
        cmocka_unit_test(a_commissioner_is_registered_and_open_on_the_day),
        cmocka_unit_test(a_support_unit_sends_what_its_contract_covers_on_the_day),
        cmocka_unit_test(a_support_unit_never_decides),
        cmocka_unit_test(a_stranger_is_not_told_where_the_workflow_and_its_money_stand),
        cmocka_unit_test(only_the_lead_sends_events_of_procurement),
        cmocka_unit_test(the_door_asks_for_kind_and_verbs),
        cmocka_unit_test(the_door_keeps_out_who_is_not_who_he_says),
        cmocka_unit_test(every_year_of_a_contract_is_within_its_allotment),
        cmocka_unit_test(a_first_year_without_allotment_waits_and_a_later_one_warns),
        cmocka_unit_test(what_stands_uncovered_has_an_end),
        cmocka_unit_test(an_award_takes_the_place_of_its_reservation),
        cmocka_unit_test(an_award_is_intended_once_and_withdrawn_once),
        cmocka_unit_test(a_fact_fits_an_assignment),
        cmocka_unit_test(all_reasons_are_reported_and_the_gravest_decides),
        cmocka_unit_test(an_allotment_is_set_by_nhs_england_for_an_organisation_of_the_year),
        cmocka_unit_test(registers_are_of_organisations_of_their_kind),
        cmocka_unit_test(an_organisation_does_not_succeed_itself),
        cmocka_unit_test(an_award_that_was_not_made_is_withdrawn_at_any_time_after),
        cmocka_unit_test(a_key_fits_its_organisation),
        cmocka_unit_test(the_years_of_a_decision_are_those_of_award_and_reservation),
        cmocka_unit_test(a_wrong_lead_is_named_where_the_event_says_for_whom_it_acts),
        cmocka_unit_test(a_closed_commissioner_without_a_successor_has_none_named),
        cmocka_unit_test(who_acts_for_himself_needs_no_support_contract),
        cmocka_unit_test(one_contract_that_covers_is_enough_whatever_the_others_say),
        cmocka_unit_test(a_workers_reasons_past_the_last_place_are_counted),
        cmocka_unit_test(an_allotment_names_its_year_and_what_costs_nothing_none),
        cmocka_unit_test(a_withdrawal_names_the_years_of_its_reservation_alone),
        cmocka_unit_test(an_award_id_of_any_length_is_named_cut_to_fit),
        cmocka_unit_test(a_contract_of_more_years_than_can_be_counted_is_rejected),
        cmocka_unit_test(a_board_has_a_level_of_co_commissioning_as_a_group_has),
        cmocka_unit_test(what_waited_in_vain_is_rejected_for_that),
        cmocka_unit_test(a_resumption_shifts_by_the_time_it_was_suspended_and_never_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
