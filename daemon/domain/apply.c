/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/domain/apply.h"

static void touch(struct workflow *workflow, const struct entry *entry)
{
    CHECK(entry->number == workflow->number);
    CHECK(entry->seq > workflow->last_seq || entry->seq == workflow->number);
    workflow->last_seq = entry->seq;
    workflow->changed_at_ms = entry->at_ms;
}

void apply_received(struct workflow *workflow, struct open_event *open, struct open_event *tail,
                    const struct entry *entry, const struct event *event)
{
    CHECK(entry->kind == ENTRY_RECEIVED);
    CHECK((tail == NULL) == (workflow->queue_tail == 0));

    *open = (struct open_event){
        .seq = entry->seq,
        .number = workflow->number,
        .id = event->id,
        .type = event->type,
        .state = OPEN_QUEUED,
        .sender = event->sender,
        .key_seq = entry->key_seq,
        .received_at_ms = entry->at_ms,
        .event_len = (uint32_t)entry->event.len,
    };
    touch(workflow, entry);

    if (workflow->judging_seq == 0) {
        CHECK(tail == NULL);
        workflow->judging_seq = open->seq;
        open->state = OPEN_READY;
        return;
    }
    if (tail != NULL) {
        CHECK(tail->seq == workflow->queue_tail);
        tail->next_seq = open->seq;
    } else {
        workflow->queue_head = open->seq;
    }
    workflow->queue_tail = open->seq;
    workflow->queued_count++;
}

/** The event at the queue's head comes to its turn. */
static void advance(struct workflow *workflow, struct open_event *next)
{
    workflow->judging_seq = 0;
    CHECK((next == NULL) == (workflow->queue_head == 0));
    if (next == NULL)
        return;
    CHECK(next->seq == workflow->queue_head);
    CHECK(next->state == OPEN_QUEUED);

    workflow->judging_seq = next->seq;
    workflow->queue_head = next->next_seq;
    if (workflow->queue_head == 0)
        workflow->queue_tail = 0;
    workflow->queued_count--;
    next->next_seq = 0;
    next->state = OPEN_READY;
}

/** The event is accepted: the workflow stands where the entry says. */
static void move(struct workflow *workflow, const struct entry *entry, const struct event *event)
{
    if (workflow->phase == PHASE_NONE) {
        workflow->opened_on = event->occurred_on;
        workflow->adopted = event->type == EVENT_ADOPTED;
    }
    if (workflow->phase != entry->phase) {
        workflow->phase_seq = entry->seq;
        workflow->phase_at_ms = entry->at_ms;
    }
    workflow->phase = entry->phase;
    workflow->stage = entry->stage;
    workflow->category = entry->category;
    workflow->accepted_count++;
}

void apply_judged(struct workflow *workflow, struct open_event *open, struct open_event *next,
                  const struct entry *entry, const struct event *event)
{
    CHECK(entry->kind == ENTRY_JUDGED);
    CHECK(entry->of_seq == open->seq);
    CHECK(workflow->judging_seq == open->seq);

    touch(workflow, entry);
    switch (entry->verdict) {
    case VERDICT_ACCEPTED:
        move(workflow, entry, event);
        break;
    case VERDICT_HELD:
        open->state = OPEN_HELD;
        open->attempt = 0;
        open->due_ms = 0;
        workflow->held_count++;
        break;
    case VERDICT_REJECTED:
        break;
    case VERDICT_WITHDRAWN: /* has an entry of its own */
    case VERDICT_NONE:
        CHECK(entry->verdict == VERDICT_REJECTED);
        break;
    }
    advance(workflow, next);
}

void apply_attempt_failed(struct workflow *workflow, struct open_event *open,
                          const struct entry *entry)
{
    CHECK(entry->kind == ENTRY_ATTEMPT_FAILED);
    CHECK(workflow->judging_seq == open->seq);

    touch(workflow, entry);
    open->state = entry->parked ? OPEN_PARKED : OPEN_DELAYED;
    open->attempt = entry->attempt;
    open->failed_seq = entry->seq;
    open->due_ms = entry->parked ? 0 : entry->next_at_ms;
}

void apply_late_finding(struct workflow *workflow, const struct entry *entry)
{
    CHECK(entry->kind == ENTRY_LATE_FINDING);

    touch(workflow, entry);
}

void apply_wait_ended(struct workflow *workflow, struct open_event *open, const struct entry *entry)
{
    CHECK(entry->kind == ENTRY_WAIT_ENDED);
    CHECK(open->state == OPEN_HELD);
    CHECK(workflow->held_count > 0);

    touch(workflow, entry);
    workflow->held_count--;
    open->next_seq = 0;
    open->expired = entry->expired;
    if (workflow->judging_seq == 0) {
        workflow->judging_seq = open->seq;
        open->state = OPEN_READY;
        return;
    }
    /* Held events are older than those that passed them: to the head. */
    open->state = OPEN_QUEUED;
    open->next_seq = workflow->queue_head;
    workflow->queue_head = open->seq;
    if (workflow->queue_tail == 0)
        workflow->queue_tail = open->seq;
    workflow->queued_count++;
}

void apply_retried(struct workflow *workflow, struct open_event *open, const struct entry *entry)
{
    CHECK(entry->kind == ENTRY_RETRIED);
    CHECK(open->state == OPEN_PARKED);
    CHECK(workflow->judging_seq == open->seq);

    touch(workflow, entry);
    open->state = OPEN_READY;
    open->attempt = 0;
}

/** Take @open, which waits in the queue behind @before (NULL: as the first), out of it. */
static void unlink_queued(struct workflow *workflow, const struct open_event *open,
                          struct open_event *before)
{
    CHECK(workflow->queued_count > 0);
    CHECK((before == NULL) == (workflow->queue_head == open->seq));
    CHECK(before == NULL || before->next_seq == open->seq);

    if (before == NULL)
        workflow->queue_head = open->next_seq;
    else
        before->next_seq = open->next_seq;
    if (workflow->queue_tail == open->seq)
        workflow->queue_tail = before == NULL ? 0 : before->seq;
    workflow->queued_count--;
}

void apply_withdrawn(struct workflow *workflow, const struct open_event *open,
                     struct open_event *before, struct open_event *next, const struct entry *entry)
{
    CHECK(entry->kind == ENTRY_EVENT_WITHDRAWN);
    CHECK(entry->of_seq == open->seq);

    touch(workflow, entry);
    switch (open->state) {
    case OPEN_QUEUED:
        unlink_queued(workflow, open, before);
        return;
    case OPEN_HELD:
        CHECK(workflow->held_count > 0);
        workflow->held_count--;
        return;
    case OPEN_READY:
    case OPEN_DELAYED:
    case OPEN_PARKED:
        CHECK(workflow->judging_seq == open->seq);
        advance(workflow, next);
        return;
    }
}

void apply_timer_fired(struct workflow *workflow, const struct entry *entry)
{
    CHECK(entry->kind == ENTRY_TIMER_FIRED);

    touch(workflow, entry);
}
