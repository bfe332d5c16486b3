/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/domain/authorise.h"

#include <string.h>

static void refuse(struct reasons *reasons, const char *field, const char *value, const char *text)
{
    reasons_add(reasons, REASON_SENDER_NOT_AUTHORISED, NULL, field, value, text);
}

/** Verbs: every event asks for one, so that a key can be given to a reader or a worker alone. */
static void door_verbs(const struct needs *needs, const struct principal *principal,
                       struct reasons *reasons)
{
    bool operator_event = needs->senders == KIND_BIT(ORGANISATION_OPERATOR);
    if (operator_event) {
        if (!(principal->verbs & VERB_BIT(VERB_OPERATE)))
            refuse(reasons, "sender_ods", principal->organisation.text,
                   "the key does not have the verb OPERATE");
        return;
    }
    if (!(principal->verbs & VERB_BIT(VERB_SUBMIT)))
        refuse(reasons, "sender_ods", principal->organisation.text,
               "the key does not have the verb SUBMIT");
    /* A support unit never decides, whatever its key says: that is R10's to reject, and to keep. */
    if (needs->decision && principal->kind != ORGANISATION_CSU &&
        !(principal->verbs & VERB_BIT(VERB_DECIDE)))
        refuse(reasons, "event_type", event_type_name(needs->type),
               "this is a decision, and the key does not have the verb DECIDE");
}

/** For whom: a support unit names its commissioner, all others send for themselves. */
static void door_acting_for(const struct event *event, const struct principal *principal,
                            struct reasons *reasons)
{
    if (principal->kind == ORGANISATION_CSU) {
        if (ods_empty(event->acting_for) && !event_type_is_register(event->type))
            reasons_add(reasons, REASON_FIELD_MISSING, "acting_for_ods", "acting_for_ods", NULL,
                        "a support unit says for which commissioner it sends");
    } else if (!ods_empty(event->acting_for) && !ods_equal(event->acting_for, event->sender)) {
        reasons_add(reasons, REASON_FIELD_INVALID, "acting_for_ods", "acting_for_ods",
                    event->acting_for.text, "only a support unit acts for another organisation");
    }
}

/** About whom: a register of its own, or a workflow of its own lead; R19 names those that a collaborator may try. */
static void door_subject(const struct event *event, const struct needs *needs,
                         const struct principal *principal, struct reasons *reasons)
{
    bool whoever = principal->kind == ORGANISATION_NHSE || principal->kind == ORGANISATION_OPERATOR;

    if (event_type_is_register(event->type)) {
        /* R30's rejection of an allotment set by another is kept, with its reason. */
        if (!whoever && needs->money != MONEY_ALLOT &&
            !ods_equal(event->organisation, event->sender))
            refuse(reasons, "organisation_ods", event->organisation.text,
                   "the sender keeps no register of this organisation");
        return;
    }
    if (!needs->lead_only && !ods_equal(event->lead, event_commissioner(event)))
        refuse(reasons, "lead_ods", event->lead.text,
               "the sender has no business with workflows of this lead");
}

void authorise_door(const struct event *event, const struct principal *principal,
                    struct reasons *reasons)
{
    const struct needs *needs = needs_of(event->type);
    if (needs == NULL) {
        reasons_add(reasons, REASON_FIELD_INVALID, "event_type", "event_type",
                    event_type_name(event->type), "this type is not built in this version");
        return;
    }
    if (!ods_equal(event->sender, principal->organisation)) {
        refuse(reasons, "sender_ods", event->sender.text,
               "the key belongs to another organisation");
        return;
    }
    if (!(needs->senders & KIND_BIT(principal->kind))) {
        char text[REASON_TEXT_SIZE];
        (void)snprintf(text, sizeof text, "a key of kind %s does not send %s",
                       organisation_kind_name(principal->kind), event_type_name(event->type));
        refuse(reasons, "event_type", event_type_name(event->type), text);
        return;
    }
    door_verbs(needs, principal, reasons);
    door_acting_for(event, principal, reasons);
    door_subject(event, needs, principal, reasons);
}

static struct ods lead_of(const struct event *event, const struct circumstances *circumstances)
{
    const struct workflow *workflow = &circumstances->workflow;
    return workflow->phase == PHASE_NONE ? event->lead : workflow->present_lead;
}

bool authorise_stranger(const struct event *event, const struct circumstances *circumstances)
{
    if (needs_of(event->type)->lead_only &&
        !ods_equal(event_commissioner(event), lead_of(event, circumstances)))
        return true;
    if (ods_equal(event_commissioner(event), event->sender))
        return false;
    for (uint32_t i = 0; i < circumstances->supports_count; i++) {
        if (period_contains(circumstances->supports[i].period, event->occurred_on))
            return false;
    }
    return true;
}

void authorise_lead(const struct event *event, const struct circumstances *circumstances,
                    struct reasons *reasons)
{
    const struct needs *needs = needs_of(event->type);
    struct ods lead = lead_of(event, circumstances);

    if (!needs->lead_only || ods_equal(event_commissioner(event), lead))
        return;

    char text[REASON_TEXT_SIZE];
    (void)snprintf(text, sizeof text, "the lead is %s: only it, or its support unit, sends this",
                   lead.text);
    reasons_add(reasons, REASON_NOT_LEAD_COMMISSIONER, NULL,
                ods_empty(event->acting_for) ? "sender_ods" : "acting_for_ods",
                event_commissioner(event).text, text);
}

/** An event of any stage is covered as the stage's own are. */
static enum service_line line_of_stage(enum stage stage)
{
    switch (stage) {
    case STAGE_NEEDS_ASSESSED:
        return LINE_BUSINESS_INTELLIGENCE;
    case STAGE_PRIORITIES_SET:
        return LINE_SERVICE_REDESIGN;
    case STAGE_PROCUREMENT:
    case STAGE_CONTRACT_AWARD:
        return LINE_PROCUREMENT;
    case STAGE_REVIEW:
        return LINE_CONTRACT_MANAGEMENT;
    case STAGE_NONE:
        break;
    }
    return LINE_NONE;
}

void authorise_support(const struct event *event, const struct circumstances *circumstances,
                       enum stage stage, struct reasons *reasons)
{
    const struct needs *needs = needs_of(event->type);
    if (ods_empty(event->acting_for) || ods_equal(event->acting_for, event->sender))
        return;

    if (needs->decision)
        reasons_add(reasons, REASON_CSU_CANNOT_DECIDE, NULL, "sender_ods", event->sender.text,
                    NULL);

    enum service_line line = needs->any_stage ? line_of_stage(stage) : needs->line;
    bool contracted = false;
    bool covered = line == LINE_NONE;
    for (uint32_t i = 0; i < circumstances->supports_count; i++) {
        const struct support_row *support = &circumstances->supports[i];
        if (!period_contains(support->period, event->occurred_on))
            continue;
        contracted = true;
        covered = covered || (support->lines & LINE_BIT(line)) != 0;
    }
    if (!contracted)
        reasons_add(reasons, REASON_CSU_NOT_CONTRACTED, NULL, "acting_for_ods",
                    event->acting_for.text, NULL);
    else if (!covered)
        reasons_add(reasons, REASON_CSU_SERVICE_NOT_COVERED, NULL, "acting_for_ods",
                    event->acting_for.text, NULL);
}

void authorise_open(const struct event *event, const struct circumstances *circumstances,
                    struct reasons *reasons)
{
    const struct organisation *organisation = &circumstances->commissioner;
    const char *field = ods_empty(event->acting_for) ? "sender_ods" : "acting_for_ods";
    const char *ods = event_commissioner(event).text;
    const char *successor = organisation->successor.text;
    char day[DATE_TEXT_SIZE];
    char text[REASON_TEXT_SIZE];

    if (!organisation->known) {
        reasons_add(reasons, REASON_ORG_UNKNOWN, ods, field, ods, NULL);
        return;
    }
    if (event->occurred_on < organisation->opened_on) {
        date_print(organisation->opened_on, day);
        (void)snprintf(text, sizeof text, "%s opened on %s, after the day of the event", ods, day);
        reasons_add(reasons, REASON_ORG_NOT_OPEN, ods, field, ods, text);
        return;
    }
    bool commissioner = needs_commissioner(organisation->kind);
    if (commissioner && organisation_open_on(organisation, event->occurred_on))
        return;

    if (!commissioner && organisation->kind != ORGANISATION_SUB_ICB) {
        (void)snprintf(text, sizeof text, "%s is of kind %s and commissions nothing", ods,
                       organisation_kind_name(organisation->kind));
        refuse(reasons, field, ods, text);
        return;
    }
    if (commissioner) {
        date_print(organisation->closed_on, day);
        (void)snprintf(text, sizeof text, "%s closed after %s%s%s", ods, day,
                       successor[0] ? "; its successor is " : "", successor);
    } else {
        (void)snprintf(text, sizeof text, "%s was no commissioner on the day%s%s", ods,
                       successor[0] ? "; its successor is " : "", successor);
    }
    reasons_add(reasons, REASON_ORG_CLOSED, successor[0] ? successor : NULL, field, ods, text);
}
