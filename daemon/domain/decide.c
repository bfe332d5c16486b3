/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/domain/decide.h"

#include <string.h>

#include "daemon/domain/authorise.h"
#include "daemon/domain/timer.h"

/** R39, 004: CCGs became operational on 1 April 2013. */
#define CCGS_FROM date_of(2013, 4, 1)

static void begin(struct decision *decision)
{
    decision->verdict = VERDICT_NONE;
    decision->reasons =
        (struct reasons){.items = decision->reasons_items, .count = 0, .max = REASONS_MAX};
    decision->lines_count = 0;
    decision->waits_count = 0;
    decision->stage = STAGE_NONE;
    decision->phase = PHASE_NONE;
    decision->category = CATEGORY_NONE;
    decision->keeps_fact = false;
    decision->stranger = false;
    decision->suspended = false;
    decision->timers_count = 0;
    decision->shift_ms = 0;
}

/** The gravest reason decides. */
static enum verdict verdict_of(const struct reasons *reasons)
{
    switch (reasons_gravest(reasons)) {
    case SEVERITY_REJECT:
        return VERDICT_REJECTED;
    case SEVERITY_HOLD:
        return VERDICT_HELD;
    case SEVERITY_WARN:
    case SEVERITY_NONE:
        break;
    }
    return VERDICT_ACCEPTED;
}

/** R39, 004: not before there were CCGs, not after today. */
static void judge_dates(const struct event *event, const struct circumstances *circumstances,
                        struct reasons *reasons)
{
    char day[DATE_TEXT_SIZE];
    date_print(event->occurred_on, day);

    bool any_day = event->type == EVENT_ORGANISATION_REGISTERED || event->type == EVENT_KEY_ADDED ||
                   event->type == EVENT_KEY_REVOKED;
    if (!any_day && event->occurred_on < CCGS_FROM)
        reasons_add(reasons, REASON_DATE_BEFORE_CCGS, NULL, "occurred_on", day, NULL);
    if (event->occurred_on > circumstances->today)
        reasons_add(reasons, REASON_DATE_IN_FUTURE, NULL, "occurred_on", day, NULL);
}

static void judge_after(const struct event *event, const struct workflow *workflow,
                        struct reasons *reasons)
{
    if (!event->after_given || event->after == workflow->accepted_count)
        return;

    char value[REASON_VALUE_SIZE];
    char text[REASON_TEXT_SIZE];
    (void)snprintf(value, sizeof value, "%llu", (unsigned long long)event->after);
    (void)snprintf(text, sizeof text, "the event expects %llu accepted events, there are %llu",
                   (unsigned long long)event->after, (unsigned long long)workflow->accepted_count);
    reasons_add(reasons, REASON_CONFLICT, NULL, "after", value, text);
}

/** R18, 000: a stage comes after the one before it is complete, and once. Returns the move, or NULL. */
static const struct move *judge_order(const struct event *event, const struct workflow *workflow,
                                      struct reasons *reasons)
{
    const struct move *move = workflow_move(workflow, event->type);
    if (move != NULL) {
        if (move->adopted_only)
            reasons_add(reasons, REASON_ADOPTED_NOT_EVIDENCED, NULL, "event_type",
                        event_type_name(event->type),
                        "the procurement was not seen here: that bids were evaluated is not "
                        "evidenced");
        return move;
    }

    const struct needs *needs = needs_of(event->type);
    const char *name = event_type_name(event->type);
    char text[REASON_TEXT_SIZE];
    if (workflow->phase == PHASE_NONE) {
        reasons_add(reasons, REASON_WORKFLOW_UNKNOWN, NULL, "reference", event->reference.text,
                    NULL);
    } else if (workflow->phase == PHASE_WITHDRAWN) {
        reasons_add(reasons, REASON_WORKFLOW_WITHDRAWN, NULL, "reference", event->reference.text,
                    NULL);
    } else if (needs->any_stage) {
        bool complete = workflow->phase == PHASE_COMPLETE;
        (void)snprintf(text, sizeof text, "%s: the workflow is %s", name,
                       complete ? "complete" : "not suspended");
        reasons_add(reasons, complete ? REASON_STAGE_ALREADY_COMPLETE : REASON_STAGE_OUT_OF_ORDER,
                    NULL, "event_type", name, text);
    } else if (event->type == EVENT_ADOPTED) {
        reasons_add(reasons, REASON_WORKFLOW_EXISTS, NULL, "reference", event->reference.text,
                    NULL);
    } else if (workflow->phase == PHASE_COMPLETE || needs->stage < workflow->stage) {
        (void)snprintf(text, sizeof text, "%s is complete; the workflow is %s %s",
                       stage_name(needs->stage),
                       workflow->phase == PHASE_COMPLETE ? "complete after" : "in",
                       stage_name(workflow->stage));
        reasons_add(reasons, REASON_STAGE_ALREADY_COMPLETE, NULL, "event_type", name, text);
    } else {
        (void)snprintf(text, sizeof text, "%s comes in %s; the workflow is in %s, not complete yet",
                       name, stage_name(needs->stage), stage_name(workflow->stage));
        reasons_add(reasons, REASON_STAGE_OUT_OF_ORDER, NULL, "event_type", name, text);
    }
    return NULL;
}

/**
 * Promise of order over a suspension: what comes while the workflow is suspended waits, but a NOTE; and what comes behind those that
 * wait waits with them, until each has had its turn. True: it waits.
 */
static bool judge_suspension(const struct event *event, const struct circumstances *circumstances,
                             struct decision *decision)
{
    const struct workflow *workflow = &circumstances->workflow;
    bool suspended = workflow->phase == PHASE_SUSPENDED;
    bool again = suspended && event->type == EVENT_SUSPENDED;

    if (suspended ? workflow_move(workflow, event->type) != NULL
                  : workflow->phase != PHASE_OPEN || !circumstances->earlier_wait ||
                        event->type == EVENT_NOTE)
        return false;

    reasons_add(&decision->reasons, REASON_WORKFLOW_SUSPENDED, NULL, "reference",
                event->reference.text,
                again       ? "the workflow is suspended already"
                : suspended ? NULL
                            : "events before it wait still, since the workflow was suspended");
    if (again) {
        /* Held, it would suspend what was just resumed. */
        decision->reasons.items[decision->reasons.count - 1].severity = SEVERITY_REJECT;
        return false;
    }
    CHECK(decision->waits_count < WAITS_MAX);
    decision->waits[decision->waits_count++] =
        (struct wait){.kind = WAIT_RESUMED, .number = workflow->number};
    return true;
}

/** What must fit an assignment is said when it arrives, so that an assignment can always be built. */
static void judge_size(const struct event *event, const struct needs *needs,
                       const struct circumstances *circumstances, struct reasons *reasons)
{
    char value[REASON_VALUE_SIZE];
    char text[REASON_TEXT_SIZE];
    if (needs->keeps_fact && event->bytes.len > FACT_BYTES_MAX) {
        (void)snprintf(value, sizeof value, "%zu", event->bytes.len);
        (void)snprintf(text, sizeof text,
                       "an event of this type has at most %d bytes, this has %zu", FACT_BYTES_MAX,
                       event->bytes.len);
        reasons_add(reasons, REASON_FACT_TOO_LARGE, NULL, "event", value, text);
    }
    /* Half the room is kept for making or withdrawing what is intended. */
    uint32_t awards_max = needs->money == MONEY_RESERVE ? FACTS_MAX / 2 : FACTS_MAX;
    if (needs->keeps_fact && needs->money != MONEY_NONE &&
        circumstances->facts_count >= awards_max) {
        (void)snprintf(text, sizeof text, "the workflow has %u events about awards already",
                       circumstances->facts_count);
        reasons_add(reasons, REASON_FACT_TOO_LARGE, NULL, "event", NULL, text);
    }
}

/* ---- money -------------------------------------------------------------------------------- */

static bool same_award(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.bytes, b.bytes, a.len) == 0);
}

static struct slice award_id_of(const struct event *event)
{
    return event->type == EVENT_AWARD_WITHDRAWN ? event->award_withdrawn.award_id
                                                : event->award.award_id;
}

/** The reservation of @award_id that stands: intended, and neither made nor withdrawn after. NULL: none does. */
static const struct event *standing_reservation(const struct event *facts, uint32_t facts_count,
                                                struct slice award_id)
{
    const struct event *found = NULL;
    for (uint32_t i = 0; i < facts_count; i++) {
        const struct event *fact = &facts[i];
        if (fact->type == EVENT_AWARD_INTENDED && same_award(fact->award.award_id, award_id))
            found = fact;
        else if (fact->type != EVENT_AWARD_INTENDED && same_award(award_id_of(fact), award_id))
            found = NULL;
    }
    return found;
}

/** All reservations that stand, to @ret. Returns how many. */
static uint32_t standing_reservations(const struct event *facts, uint32_t facts_count,
                                      const struct event *ret[FACTS_MAX])
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < facts_count; i++) {
        if (facts[i].type == EVENT_AWARD_INTENDED && count < FACTS_MAX &&
            standing_reservation(facts, facts_count, facts[i].award.award_id) == &facts[i])
            ret[count++] = &facts[i];
    }
    return count;
}

static uint32_t add_year(int32_t *years, uint32_t count, int32_t year)
{
    uint32_t at = 0;
    while (at < count && years[at] < year)
        at++;
    if (at < count && years[at] == year)
        return count;
    CHECK(count < DECIDE_YEARS_MAX);
    memmove(&years[at + 1], &years[at], (count - at) * sizeof *years);
    years[at] = year;
    return count + 1;
}

static uint32_t add_award_years(int32_t *years, uint32_t count, const struct award *award)
{
    struct year_value split[YEARS_MAX];
    uint32_t split_count = ledger_split(award, split);
    for (uint32_t i = 0; i < split_count; i++)
        count = add_year(years, count, split[i].year);
    return count;
}

uint32_t decide_years(const struct event *event, const struct event *facts, uint32_t facts_count,
                      int32_t ret[DECIDE_YEARS_MAX])
{
    const struct needs *needs = needs_of(event->type);
    uint32_t count = 0;

    if (needs == NULL || needs->money == MONEY_NONE)
        return 0;
    if (needs->money == MONEY_ALLOT)
        return add_year(ret, count, event->allotment_set.year);
    if (needs->money == MONEY_RELEASE_ALL) {
        const struct event *standing[FACTS_MAX];
        uint32_t standing_count = standing_reservations(facts, facts_count, standing);
        for (uint32_t i = 0; i < standing_count; i++)
            count = add_award_years(ret, count, &standing[i]->award);
        return count;
    }
    if (needs->money != MONEY_RELEASE)
        count = add_award_years(ret, count, &event->award);
    const struct event *reserved = standing_reservation(facts, facts_count, award_id_of(event));
    if (reserved != NULL)
        count = add_award_years(ret, count, &reserved->award);
    return count;
}

/** The year's row, which was loaded since decide_years() named it. */
static const struct ledger_year *year_of(const struct circumstances *circumstances, int32_t year)
{
    const struct ledger_year *found = NULL;
    for (uint32_t i = 0; i < circumstances->years_count && found == NULL; i++) {
        if (circumstances->years[i].year == year)
            found = &circumstances->years[i];
    }
    CHECK(found != NULL);
    return found;
}

static void add_line(struct decision *decision, const struct ledger_year *year,
                     enum ledger_kind kind, int64_t pence)
{
    if (pence == 0)
        return;
    CHECK(decision->lines_count < LEDGER_LINES_MAX);
    decision->lines[decision->lines_count++] = (struct ledger_line){
        .ods = year->ods,
        .year = year->year,
        .kind = kind,
        .pence = pence,
        .uncovered = !year->allotted,
    };
}

/** The reservation is taken back, year by year. */
static void release(const struct event *reserved, const struct circumstances *circumstances,
                    struct decision *decision)
{
    struct year_value split[YEARS_MAX];
    uint32_t count = ledger_split(&reserved->award, split);
    for (uint32_t i = 0; i < count; i++)
        add_line(decision, year_of(circumstances, split[i].year), LEDGER_RESERVATION,
                 -split[i].pence);
}

/** All reservations are taken back: one line for each year. */
static void release_all(const struct circumstances *circumstances, struct decision *decision)
{
    const struct event *standing[FACTS_MAX];
    uint32_t standing_count =
        standing_reservations(circumstances->facts, circumstances->facts_count, standing);

    for (uint32_t y = 0; y < circumstances->years_count; y++) {
        const struct ledger_year *year = &circumstances->years[y];
        int64_t pence = 0;
        for (uint32_t i = 0; i < standing_count; i++) {
            struct year_value split[YEARS_MAX];
            uint32_t count = ledger_split(&standing[i]->award, split);
            for (uint32_t j = 0; j < count; j++)
                pence += split[j].year == year->year ? split[j].pence : 0;
        }
        add_line(decision, year, LEDGER_RESERVATION, -pence);
    }
}

/** What a release that is decided in the same event gives back to @year. */
static int64_t released_in(const struct decision *decision, int32_t year)
{
    int64_t pence = 0;
    for (uint32_t i = 0; i < decision->lines_count; i++) {
        if (decision->lines[i].year == year && decision->lines[i].kind == LEDGER_RESERVATION &&
            decision->lines[i].pence < 0)
            pence -= decision->lines[i].pence;
    }
    return pence;
}

/** R30: a first year without allotment waits for it, a later one is spent uncovered, up to what a sum can hold. */
static void judge_unallotted(const struct ledger_year *year, bool first, int64_t pence,
                             struct decision *decision)
{
    char name[YEAR_TEXT_SIZE];
    char sum[PENCE_TEXT_SIZE];
    char text[REASON_TEXT_SIZE];
    financial_year_print(year->year, name);
    pence_print(pence, sum);

    if (!first && pence > PENCE_MAX - year->reserved_pence - year->committed_pence) {
        (void)snprintf(text, sizeof text, "%s stands uncovered for %s with all that can be counted",
                       year->ods.text, name);
        reasons_add(&decision->reasons, REASON_BUDGET_EXCEEDED, name, "value_pence", NULL, text);
        return;
    }
    if (!first) {
        (void)snprintf(text, sizeof text, "%s has no allotment for %s yet; GBP %s stands uncovered",
                       year->ods.text, name, sum);
        reasons_add(&decision->reasons, REASON_YEAR_NOT_COVERED, name, "value_pence", NULL, text);
        return;
    }
    (void)snprintf(text, sizeof text, "%s has no allotment for %s yet; GBP %s waits for it",
                   year->ods.text, name, sum);
    reasons_add(&decision->reasons, REASON_NO_ALLOTMENT, name, "value_pence", NULL, text);
    CHECK(decision->waits_count < WAITS_MAX);
    decision->waits[decision->waits_count++] =
        (struct wait){.kind = WAIT_ALLOTMENT, .ods = year->ods, .year = year->year};
}

/** R31, 000: for every year of the contract, committed + reserved + new <= allotment. */
static void judge_year(const struct ledger_year *year, int64_t pence, struct decision *decision)
{
    int64_t left = ledger_left_pence(year) + released_in(decision, year->year);
    if (pence <= left)
        return;

    char name[YEAR_TEXT_SIZE];
    char value[REASON_VALUE_SIZE];
    char sums[4][PENCE_TEXT_SIZE];
    char text[REASON_TEXT_SIZE];
    financial_year_print(year->year, name);
    (void)snprintf(value, sizeof value, "%lld", (long long)pence);
    pence_print(pence, sums[0]);
    pence_print(left < 0 ? -left : left, sums[1]);
    pence_print(year->allotment_pence, sums[2]);
    pence_print(year->allotment_pence - left, sums[3]);
    (void)snprintf(text, sizeof text,
                   "%s needs GBP %s of %s, GBP %s is %s (allotment %s, taken %s)", year->ods.text,
                   sums[0], name, sums[1], left < 0 ? "overcommitted" : "left", sums[2], sums[3]);
    reasons_add(&decision->reasons, REASON_BUDGET_EXCEEDED, name, "value_pence", value, text);
}

/** An award takes its money: reserved when intended, committed when awarded. */
static void spend(const struct event *event, enum ledger_kind kind,
                  const struct circumstances *circumstances, struct decision *decision)
{
    struct year_value split[YEARS_MAX];
    uint32_t count = ledger_split(&event->award, split);
    if (count == 0) {
        reasons_add(&decision->reasons, REASON_FIELD_INVALID, "period_to", "period_to", NULL,
                    "a contract lasts at most 30 financial years");
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct ledger_year *year = year_of(circumstances, split[i].year);
        if (!year->allotted)
            judge_unallotted(year, i == 0, split[i].pence, decision);
        else
            judge_year(year, split[i].pence, decision);
    }
    for (uint32_t i = 0; i < count; i++)
        add_line(decision, year_of(circumstances, split[i].year), kind, split[i].pence);
}

static void judge_money(const struct event *event, const struct needs *needs,
                        const struct circumstances *circumstances, struct decision *decision)
{
    if (needs->money == MONEY_NONE || decision->suspended || decision->stranger)
        return;
    if (needs->money == MONEY_RELEASE_ALL) {
        release_all(circumstances, decision);
        return;
    }

    char id[REASON_VALUE_SIZE];
    struct slice award_id = award_id_of(event);
    (void)snprintf(id, sizeof id, "%.*s", (int)(award_id.len < 64 ? award_id.len : 64),
                   award_id.len > 0 ? (const char *)award_id.bytes : "");
    const struct event *reserved =
        standing_reservation(circumstances->facts, circumstances->facts_count, award_id);

    switch (needs->money) {
    case MONEY_RESERVE:
        if (reserved != NULL)
            reasons_add(&decision->reasons, REASON_AWARD_EXISTS, NULL, "award_intended.award_id",
                        id, NULL);
        else
            spend(event, LEDGER_RESERVATION, circumstances, decision);
        break;
    case MONEY_COMMIT:
        if (reserved != NULL)
            release(reserved, circumstances, decision);
        spend(event, LEDGER_COMMITMENT, circumstances, decision);
        break;
    case MONEY_RELEASE:
        if (reserved == NULL)
            reasons_add(&decision->reasons, REASON_AWARD_UNKNOWN, NULL, "award_withdrawn.award_id",
                        id, NULL);
        else
            release(reserved, circumstances, decision);
        break;
    case MONEY_RELEASE_ALL:
    case MONEY_ALLOT:
    case MONEY_NONE:
        CHECK(needs->money != MONEY_ALLOT);
        break;
    }
}

/* ---- the three moments -------------------------------------------------------------------- */

void decide_door(const struct event *event, const struct principal *principal,
                 struct reasons *reasons)
{
    authorise_door(event, principal, reasons);
}

/** Suspension, order, authority, dates: what the daemon alone knows. Returns the move, or NULL. */
static const struct move *judge_daemon(const struct event *event, const struct needs *needs,
                                       const struct circumstances *circumstances,
                                       struct decision *decision)
{
    const struct workflow *workflow = &circumstances->workflow;
    struct reasons *reasons = &decision->reasons;
    const struct move *move = NULL;

    decision->stranger = authorise_stranger(event, circumstances);
    if (!decision->stranger) {
        decision->suspended = judge_suspension(event, circumstances, decision);
        if (reasons->count == 0)
            move = judge_order(event, workflow, reasons);
        judge_after(event, workflow, reasons);
    }
    judge_dates(event, circumstances, reasons);
    authorise_open(event, circumstances, reasons);
    authorise_lead(event, circumstances, reasons);
    authorise_support(event, circumstances, workflow->stage, reasons);
    if (!decision->stranger)
        judge_size(event, needs, circumstances, reasons);
    if (circumstances->expired)
        reasons_add(reasons, REASON_HELD_EXPIRED, NULL, NULL, NULL, NULL);
    return move;
}

/** The AWARD_INTENDED whose reservation @event makes or takes back; 0: none. */
static uint64_t award_seq_of(const struct event *event, const struct circumstances *circumstances)
{
    if (event->type != EVENT_CONTRACT_AWARDED && event->type != EVENT_AWARD_WITHDRAWN)
        return 0;
    const struct event *reserved =
        standing_reservation(circumstances->facts, circumstances->facts_count, award_id_of(event));
    return reserved != NULL ? circumstances->fact_seqs[reserved - circumstances->facts] : 0;
}

/** What the verdict sets and ends of the workflow's timers. */
static void set_timers(const struct event *event, const struct circumstances *circumstances,
                       struct decision *decision)
{
    const struct workflow *workflow = &circumstances->workflow;
    struct timer_matter matter = {
        .event = event,
        .seq = circumstances->seq,
        .verdict = decision->verdict,
        .suspended = decision->suspended,
        .award_seq = award_seq_of(event, circumstances),
        .now_ms = circumstances->now_ms,
    };

    decision->timers_count = timer_plan(&matter, decision->timers);
    if (decision->verdict == VERDICT_ACCEPTED && workflow->phase == PHASE_SUSPENDED &&
        decision->phase != PHASE_SUSPENDED && circumstances->now_ms > workflow->phase_at_ms)
        decision->shift_ms = circumstances->now_ms - workflow->phase_at_ms;
}

/** Where the workflow stands after the verdict. */
static void stand(const struct event *event, const struct needs *needs,
                  const struct workflow *workflow, const struct move *move,
                  struct decision *decision)
{
    /* The entry is the sender's to read. */
    decision->phase = decision->stranger ? PHASE_NONE : workflow->phase;
    decision->stage = decision->stranger ? STAGE_NONE : workflow->stage;
    decision->category = decision->stranger ? CATEGORY_NONE : workflow->category;
    if (decision->verdict != VERDICT_ACCEPTED) {
        decision->lines_count = 0;
        if (decision->verdict == VERDICT_REJECTED)
            decision->waits_count = 0;
        return;
    }
    decision->waits_count = 0;
    decision->phase = move->to_phase;
    if (event->type == EVENT_ADOPTED)
        decision->stage = event->adopted.stage;
    else if (move->to_stage != STAGE_NONE)
        decision->stage = move->to_stage;
    if (event->type == EVENT_NEEDS_ASSESSED)
        decision->category = event->needs_assessed.category;
    decision->keeps_fact = needs->keeps_fact;
}

bool decide_turn(const struct event *event, const struct circumstances *circumstances,
                 struct decision *ret, enum stage *ret_stage)
{
    const struct needs *needs = needs_of(event->type);
    CHECK(needs != NULL);

    begin(ret);
    const struct move *move = judge_daemon(event, needs, circumstances, ret);
    if (reasons_gravest(&ret->reasons) < SEVERITY_HOLD) {
        *ret_stage = needs->any_stage ? circumstances->workflow.stage : needs->stage;
        return true;
    }

    judge_money(event, needs, circumstances, ret);
    ret->verdict = verdict_of(&ret->reasons);
    stand(event, needs, &circumstances->workflow, move, ret);
    set_timers(event, circumstances, ret);
    return false;
}

void decide_verdict(const struct event *event, const struct circumstances *circumstances,
                    const struct reason *found, uint32_t found_count, struct decision *ret)
{
    const struct needs *needs = needs_of(event->type);
    CHECK(needs != NULL);

    begin(ret);
    const struct move *move = judge_daemon(event, needs, circumstances, ret);
    judge_money(event, needs, circumstances, ret);
    for (uint32_t i = 0; i < found_count; i++) {
        if (ret->reasons.count < ret->reasons.max)
            ret->reasons.items[ret->reasons.count++] = found[i];
        else
            ret->reasons.left_out++;
    }
    ret->verdict = verdict_of(&ret->reasons);
    /* A hold that names nothing to wait for would never end. */
    if (ret->verdict == VERDICT_HELD && ret->waits_count == 0)
        ret->verdict = VERDICT_REJECTED;
    stand(event, needs, &circumstances->workflow, move, ret);
    set_timers(event, circumstances, ret);
}

/* ---- registers ---------------------------------------------------------------------------- */

/** The organisation of a register is registered, and of a @fitting kind. */
static void judge_kind(const struct event *event, bool fitting,
                       const struct circumstances *circumstances, struct reasons *reasons)
{
    const char *ods = event->organisation.text;
    const char *kind = organisation_kind_name(circumstances->commissioner.kind);
    char text[REASON_TEXT_SIZE];

    if (!circumstances->commissioner.known) {
        reasons_add(reasons, REASON_ORG_UNKNOWN, ods, "organisation_ods", ods, NULL);
    } else if (!fitting) {
        (void)snprintf(text, sizeof text, "%s is of kind %s, which has no %s", ods, kind,
                       event_type_name(event->type));
        reasons_add(reasons, REASON_FIELD_INVALID, "organisation_ods", "organisation_ods", ods,
                    text);
    }
}

/** R10, 001: a support contract is a commissioner's, with a support unit. */
static void judge_support(const struct event *event, const struct circumstances *circumstances,
                          struct reasons *reasons)
{
    const struct organisation *csu = &circumstances->named;
    const char *ods = event->support_contract.csu.text;

    judge_kind(event, needs_commissioner(circumstances->commissioner.kind), circumstances, reasons);
    if (!csu->known)
        reasons_add(reasons, REASON_ORG_UNKNOWN, ods, "support_contract.csu_ods", ods, NULL);
    else if (csu->kind != ORGANISATION_CSU)
        reasons_add(reasons, REASON_FIELD_INVALID, "csu_ods", "support_contract.csu_ods", ods,
                    "it is registered, but not as a commissioning support unit");
}

/** R22, 001: co-commissioning is between NHS England and a group or board. */
static void judge_co_commissioning(const struct event *event,
                                   const struct circumstances *circumstances,
                                   struct reasons *reasons)
{
    enum organisation_kind kind = circumstances->commissioner.kind;
    judge_kind(event, kind == ORGANISATION_CCG || kind == ORGANISATION_ICB, circumstances, reasons);
}

/** R30, 004: an allotment is NHS England's, for an organisation that is open within the year. */
static void judge_allotment(const struct event *event, const struct principal *principal,
                            const struct circumstances *circumstances, struct decision *ret)
{
    const struct allotment_set *set = &event->allotment_set;
    const struct organisation *organisation = &circumstances->commissioner;
    const char *ods = event->organisation.text;
    struct period year = financial_year_period(set->year);
    char name[YEAR_TEXT_SIZE];
    financial_year_print(set->year, name);

    bool stranger = principal->kind != ORGANISATION_NHSE;

    if (stranger)
        reasons_add(&ret->reasons, REASON_ALLOTMENT_NOT_NHSE, NULL, "sender_ods",
                    event->sender.text, NULL);
    judge_kind(event, needs_commissioner(organisation->kind), circumstances, &ret->reasons);
    /* A stranger is not told what was taken of it. */
    if (!organisation->known || stranger)
        return;
    if (organisation->closed_on != DATE_NONE && organisation->closed_on < year.from)
        reasons_add(&ret->reasons, REASON_ORG_CLOSED, organisation->successor.text,
                    "organisation_ods", ods, "the organisation was closed before the year began");
    else if (organisation->opened_on > year.to)
        reasons_add(&ret->reasons, REASON_ORG_NOT_OPEN, ods, "organisation_ods", ods,
                    "the organisation opened after the year had ended");

    const struct ledger_year *row = year_of(circumstances, set->year);
    int64_t sum = set->core_pence + set->running_cost_pence + set->primary_care_pence +
                  set->non_recurrent_pence;
    int64_t taken = row->reserved_pence + row->committed_pence;
    if (sum < taken) {
        char sums[2][PENCE_TEXT_SIZE];
        char text[REASON_TEXT_SIZE];
        pence_print(sum, sums[0]);
        pence_print(taken, sums[1]);
        (void)snprintf(text, sizeof text, "%s has GBP %s for %s and has taken GBP %s", ods, sums[0],
                       name, sums[1]);
        reasons_add(&ret->reasons, REASON_OVERCOMMITTED, name, "core_pence", NULL, text);
    }
    ret->lines[0] = (struct ledger_line){
        .ods = row->ods,
        .year = row->year,
        .kind = LEDGER_ALLOTMENT,
        .pence = sum - row->allotment_pence,
    };
    ret->lines_count = 1;
}

/** A key's verbs fit its organisation: a support unit never decides (R10), operators alone operate. */
static void judge_key(const struct key_added *key, const struct circumstances *circumstances,
                      struct decision *ret)
{
    struct reasons *reasons = &ret->reasons;
    const char *kind = organisation_kind_name(key->kind);
    uint32_t operators = VERB_BIT(VERB_OPERATE) | VERB_BIT(VERB_BACKUP) | VERB_BIT(VERB_WORK);

    if (circumstances->key_in_use)
        reasons_add(reasons, REASON_KEY_EXISTS, NULL, "key_added.public_key", NULL, NULL);
    if (key->kind == ORGANISATION_CSU && (key->verbs & VERB_BIT(VERB_DECIDE)))
        reasons_add(reasons, REASON_CSU_CANNOT_DECIDE, NULL, "key_added.verbs", "DECIDE", NULL);
    if (key->kind != ORGANISATION_OPERATOR && (key->verbs & operators))
        reasons_add(reasons, REASON_FIELD_INVALID, "verbs", "key_added.verbs", kind,
                    "OPERATE, BACKUP and WORK are verbs of operators' keys");
    if (key->kind == ORGANISATION_OPERATOR &&
        (key->verbs & (VERB_BIT(VERB_SUBMIT) | VERB_BIT(VERB_DECIDE))))
        reasons_add(reasons, REASON_FIELD_INVALID, "verbs", "key_added.verbs", kind,
                    "operators send no event of the commissioners: not SUBMIT, not DECIDE");
}

void decide_register(const struct event *event, const struct principal *principal,
                     const struct circumstances *circumstances, struct decision *ret)
{
    begin(ret);
    judge_dates(event, circumstances, &ret->reasons);

    if (event->type == EVENT_ALLOTMENT_SET)
        judge_allotment(event, principal, circumstances, ret);
    else if (event->type == EVENT_KEY_ADDED)
        judge_key(&event->key_added, circumstances, ret);
    else if (event->type == EVENT_KEY_REVOKED && !circumstances->key_in_use)
        reasons_add(&ret->reasons, REASON_KEY_UNKNOWN, NULL, "key_revoked.public_key", NULL, NULL);
    else if (event->type == EVENT_SUPPORT_CONTRACT)
        judge_support(event, circumstances, &ret->reasons);
    else if (event->type == EVENT_CO_COMMISSIONING_LEVEL)
        judge_co_commissioning(event, circumstances, &ret->reasons);
    else if (event->type == EVENT_ORGANISATION_REGISTERED &&
             ods_equal(event->organisation_registered.successor, event->organisation))
        reasons_add(&ret->reasons, REASON_FIELD_INVALID, "successor_ods",
                    "organisation_registered.successor_ods", event->organisation.text,
                    "an organisation does not succeed itself");

    ret->verdict = verdict_of(&ret->reasons);
    if (ret->verdict != VERDICT_ACCEPTED)
        ret->lines_count = 0;
}
