/* SPDX-License-Identifier: Apache-2.0 */
/* model_money.c - what stands reserved and committed: each entry's lines are its event's money, and nothing gets lost. */
#include "tests/sim/sim.h"

#include <string.h>

void model_move_money(struct sim *sim, const struct entry *entry, bool commissioners)
{
    for (uint32_t i = 0; i < entry->lines_count; i++) {
        const struct ledger_line *line = &entry->lines[i];
        struct model_year *year = model_year_of(sim, line->ods, line->year);
        year->touched = true;
        if (line->kind == LEDGER_ALLOTMENT) {
            year->allotted = true;
            year->allotment_pence += line->pence;
            year->allotted_by = entry->seq;
        } else if (line->kind == LEDGER_RESERVATION) {
            year->reserved_pence += line->pence;
        } else {
            year->committed_pence += line->pence;
        }
    }
    for (uint32_t i = 0; i < entry->lines_count; i++) {
        struct model_year *year = model_year_of(sim, entry->lines[i].ods, entry->lines[i].year);
        int64_t change = 0;
        for (uint32_t j = 0; j < entry->lines_count; j++)
            change += entry->lines[j].year == year->year ? entry->lines[j].pence : 0;
        sim_expect(sim, year->reserved_pence >= 0 && year->committed_pence >= 0,
                   "entry %llu makes a sum of %s negative", (unsigned long long)entry->seq,
                   year->ods.text);
        sim_expect(sim,
                   !commissioners || change <= 0 || !year->allotted ||
                       year->reserved_pence + year->committed_pence <= year->allotment_pence,
                   "entry %llu takes more than is left of %s's year %d",
                   (unsigned long long)entry->seq, year->ods.text, (int)year->year);
    }
}

static struct model_award *award_of(struct model_place *place, struct slice id)
{
    for (uint32_t i = 0; i < place->awards_count; i++) {
        struct model_award *award = &place->awards[i];
        if (strlen(award->id) == id.len && memcmp(award->id, id.bytes, id.len) == 0)
            return award;
    }
    CHECK(place->awards_count < MODEL_AWARDS_MAX);
    struct model_award *award = &place->awards[place->awards_count++];
    *award = (struct model_award){.standing = false};
    CHECK(id.len < sizeof award->id);
    memcpy(award->id, id.bytes, id.len);
    return award;
}

/** The pence that @entry's lines of @kind with the given sign move in all, and how many there are. */
static int64_t moved(const struct entry *entry, enum ledger_kind kind, bool out,
                     uint32_t *ret_count)
{
    int64_t pence = 0;
    *ret_count = 0;
    for (uint32_t i = 0; i < entry->lines_count; i++) {
        const struct ledger_line *line = &entry->lines[i];
        if (line->kind != kind || (line->pence < 0) != out)
            continue;
        pence += line->pence;
        (*ret_count)++;
    }
    return pence;
}

/** What stood reserved is given back year by year, if it stood. */
static void expect_release(struct sim *sim, const struct entry *entry, struct model_award *award)
{
    uint32_t count;
    (void)moved(entry, LEDGER_RESERVATION, true, &count);
    uint32_t wanted = award->standing ? award->years_count : 0;

    sim_expect(sim, count == wanted, "entry %llu gives back %u reservations, %u stand",
               (unsigned long long)entry->seq, count, wanted);
    for (uint32_t i = 0; i < wanted; i++) {
        bool found = false;
        for (uint32_t j = 0; j < entry->lines_count; j++)
            found = found || (entry->lines[j].year == award->years[i].year &&
                              entry->lines[j].kind == LEDGER_RESERVATION &&
                              entry->lines[j].pence == -award->years[i].pence);
        sim_expect(sim, found, "entry %llu does not give back what stands reserved",
                   (unsigned long long)entry->seq);
    }
    award->standing = false;
}

/** A workflow that is given up gives back all that stands reserved, a line for each year. */
static void expect_all_released(struct sim *sim, const struct entry *entry,
                                struct model_place *place)
{
    int64_t left = 0;

    for (uint32_t i = 0; i < place->awards_count; i++) {
        struct model_award *award = &place->awards[i];
        for (uint32_t j = 0; j < award->years_count && award->standing; j++)
            left += award->years[j].pence;
        award->standing = false;
    }
    for (uint32_t i = 0; i < entry->lines_count; i++) {
        sim_expect(sim, entry->lines[i].kind == LEDGER_RESERVATION, "entry %llu moves more",
                   (unsigned long long)entry->seq);
        left += entry->lines[i].pence;
    }
    sim_expect(sim, left == 0, "entry %llu leaves %lld pence reserved",
               (unsigned long long)entry->seq, (long long)left);
}

/** The lines of an accepted event: what it takes is its value, what it gives back stood reserved. */
void model_judge_money(struct sim *sim, const struct entry *entry, const struct event *event,
                       struct model_place *place)
{
    uint32_t count;
    struct model_award *award;

    if (event->type == EVENT_AWARD_INTENDED) {
        award = award_of(place, event->award.award_id);
        sim_expect(sim, !award->standing, "an award is reserved twice");
        sim_expect(sim, moved(entry, LEDGER_RESERVATION, false, &count) == event->award.value_pence,
                   "entry %llu does not reserve the award's value", (unsigned long long)entry->seq);
        CHECK(count <= ARRAY_LEN(award->years));
        award->standing = true;
        award->years_count = entry->lines_count;
        for (uint32_t i = 0; i < entry->lines_count; i++)
            award->years[i] = (struct year_value){entry->lines[i].year, entry->lines[i].pence};
    } else if (event->type == EVENT_CONTRACT_AWARDED) {
        expect_release(sim, entry, award_of(place, event->award.award_id));
        sim_expect(sim, moved(entry, LEDGER_COMMITMENT, false, &count) == event->award.value_pence,
                   "entry %llu does not commit the contract's value",
                   (unsigned long long)entry->seq);
    } else if (event->type == EVENT_AWARD_WITHDRAWN) {
        award = award_of(place, event->award_withdrawn.award_id);
        sim_expect(sim, award->standing, "an award that does not stand is withdrawn");
        expect_release(sim, entry, award);
    } else if (event->type == EVENT_WITHDRAWN) {
        expect_all_released(sim, entry, place);
    } else {
        sim_expect(sim, entry->lines_count == 0, "entry %llu moves money",
                   (unsigned long long)entry->seq);
    }
}
