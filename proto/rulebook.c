/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/rulebook.h"

#include <string.h>
#include <strings.h>

#define STAGE(name) (1u << STAGE_##name)
#define ALL_STAGES                                                                                 \
    (STAGE(NEEDS_ASSESSED) | STAGE(PRIORITIES_SET) | STAGE(PROCUREMENT) | STAGE(CONTRACT_AWARD) |  \
     STAGE(REVIEW))
#define BUYING (STAGE(PROCUREMENT) | STAGE(CONTRACT_AWARD))

/* Days since 1970-01-01, since a table holds constants; a test compares them with date_of(). */
#define DAY_2013_04_01 15796

#define ALWAYS                                                                                     \
    {                                                                                              \
        DATE_NONE, DATE_NONE                                                                       \
    }
#define SINCE(day)                                                                                 \
    {                                                                                              \
        day, DATE_NONE                                                                             \
    }

/* clang-format off */
static const struct rulebook_rule rules[] = {
    {"R10", "A support unit sends, it never decides",
     "A commissioning support unit may send events for a commissioner while a support contract "
     "between the two is in "
     "force, for the service lines that the contract covers; decisions are the commissioner's "
     "alone.",
     "Knowhow Nonprofit, How clinical commissioning groups operate: commissioning support "
     "units, and the group's free choice among them",
     JUDGED_BY_DAEMON, ALL_STAGES, SINCE(DAY_2013_04_01)},
    {"R18", "Stages in their order",
     "Needs, priorities, procurement, award, review: an event of a stage waits for the stage "
     "before to be complete, and "
     "a complete stage is not done twice. A case begun elsewhere is adopted at its stage, which "
     "is marked.",
     "NHS Warrington CCG, about CCGs: the steps of commissioning; NHS England, Commissioning: a "
     "cycle, not one action",
     JUDGED_BY_DAEMON, ALL_STAGES, ALWAYS},
    {"R19", "One lead commissioner",
     "Procurement and award events of a case come from its lead commissioner, or from the "
     "support unit that acts for it, "
     "and from no other commissioner.",
     "Knowhow Nonprofit, How clinical commissioning groups operate: lead commissioners",
     JUDGED_BY_DAEMON, BUYING, ALWAYS},
    {"R22", "The commissioner's own responsibility",
     "The category of service is one that an organisation of this kind commissions on the day. "
     "Core general practice is "
     "NHS England's, and a CCG's only under delegated co-commissioning, from 1 April 2015.",
     "Knowhow Nonprofit, How clinical commissioning groups operate: what NHS England "
     "commissions; NHS England, primary care co-commissioning from 1 April 2015",
     JUDGED_BY_WORKER, STAGE(NEEDS_ASSESSED) | STAGE(PRIORITIES_SET) | BUYING, ALWAYS},
    {"R23", "Weight management by tier",
     "Tiers 1 and 2 are local authorities', tier 3 is the CCG's and is planned through the "
     "health and wellbeing board it "
     "names, tier 4 was NHS England's until 31 March 2017 and is the CCG's since.",
     "Obesity services by tier: who commissions lifestyle, specialist and surgical services; "
     "NHS England, transfer of adult obesity surgery on 1 April 2017",
     JUDGED_BY_WORKER, STAGE(NEEDS_ASSESSED) | STAGE(PRIORITIES_SET) | BUYING, ALWAYS},
    {"R24", "The entire population",
     "An assessment counts the registered and the unregistered residents, where 0 is a count; "
     "urgent and emergency care "
     "leaves nobody out for not being registered.",
     "NHS Act 2006, s. 3: people for whom a CCG has responsibility; NHS Warrington CCG, about "
     "CCGs",
     JUDGED_BY_WORKER, STAGE(NEEDS_ASSESSED) | BUYING, ALWAYS},
    {"R30", "Allotments come from NHS England",
     "Only NHS England sets what a commissioner may spend in a financial year; a later figure "
     "for a year replaces the "
     "earlier one. An award whose first year has no allotment yet is held until it comes.",
     "NHS Act 2006, ss. 223G to 223K: funding of CCGs by NHS England",
     JUDGED_BY_DAEMON, STAGE(CONTRACT_AWARD), SINCE(DAY_2013_04_01)},
    {"R31", "Within the allotment, every year",
     "What is reserved and committed in each financial year of a contract stays within that "
     "year's allotment. A later "
     "year without an allotment is warned of and stands uncovered until it comes.",
     "NHS Act 2006, s. 223H: expenditure within the aggregate of allotments",
     JUDGED_BY_DAEMON, STAGE(CONTRACT_AWARD), SINCE(DAY_2013_04_01)},
    {"R35", "Providers are known, and open",
     "Whoever bids or is awarded is named by an identifier of a known register of "
     "organisations, NHS bodies by their ODS "
     "code; a number of an account at a portal is accepted with a warning. A provider "
     "registered here was open on the day.",
     "NHS trusts, firms and voluntary bodies may all provide; org-id.guide: lists of "
     "organisations and their codes; ODS for NHS bodies",
     JUDGED_BY_WORKER, BUYING, ALWAYS},
    {"R36", "A known category of service",
     "The service belongs to a category of the list, as it was assessed or as the event says "
     "itself. In an adopted case "
     "that says none, what depends on it is not judged, and that is warned of.",
     "The lists of services in public descriptions of CCGs, NHS England and local authorities",
     JUDGED_BY_WORKER, STAGE(NEEDS_ASSESSED) | STAGE(PRIORITIES_SET) | BUYING, ALWAYS},
    {"R38", "Organisations open on the day",
     "The commissioner for whom an event is sent, and whoever a register is about, was registered and "
     "open on the day of the event; the rejection of a closed one names its successor.",
     "ODS: opening, closing and successors; Establishment Order under NHS Act 2006, s. 14Z25: "
     "integrated care boards from 1 July 2022",
     JUDGED_BY_DAEMON, ALL_STAGES, ALWAYS},
    {"R39", "A day that can be",
     "Nothing happens before 1 April 2013, when CCGs began, and nothing is reported before it "
     "has happened.",
     "Health and Social Care Act 2012: CCGs from 1 April 2013",
     JUDGED_BY_DAEMON, ALL_STAGES, ALWAYS},
    {"R40", "Awards fit for the public register",
     "An award says a positive amount; one that comes after the contract has begun is accepted "
     "with a warning.",
     "SI 2013/500 (No. 2), regulation 9: the published record of contracts",
     JUDGED_BY_WORKER, STAGE(CONTRACT_AWARD), ALWAYS},
};
/* clang-format on */

const struct rulebook_rule *rulebook(uint32_t *ret_count)
{
    *ret_count = ARRAY_LEN(rules);
    return rules;
}

const struct rulebook_rule *rulebook_find(const char *number)
{
    for (uint32_t i = 0; i < ARRAY_LEN(rules); i++) {
        if (strcasecmp(rules[i].number, number) == 0)
            return &rules[i];
    }
    return NULL;
}
