/* SPDX-License-Identifier: Apache-2.0 */
/* Orders: commands that write. Each is checked against the state, journalled with who gave it and why, and answered. */
#include "daemon/broker/order.h"

#include <string.h>

bool order_add(struct asking *asking, struct entry *entry, struct hash *ret_hash)
{
    entry->key_seq = asking->principal->key_seq;
    entry->by = asking->principal->organisation;
    entry->order_reason = asking->reason;
    if (broker_add(asking->broker, entry, NULL, ret_hash))
        return true;
    query_error(asking, "STORE_FAILED", "the order could not be written; the daemon stops");
    return false;
}

void order_seq(struct asking *asking, uint64_t seq)
{
    if (seq != 0)
        query_number(asking, (int64_t)seq);
    else
        query_text(asking, "");
}

/* ---- stages ---- */

/** What is so already is not ordered again: the first order stands. */
static void set_stage(struct asking *asking, enum stage_state state)
{
    struct stage_setting *setting = &asking->broker->stages[asking->stage];
    enum stage_state was = setting->state;
    bool changes = was != state;
    struct hash hash;
    struct entry entry = {.kind = ENTRY_STAGE_SET, .stage = asking->stage, .stage_state = state};

    if (changes && !asking->dry_run) {
        if (!order_add(asking, &entry, &hash))
            return;
        store_get_stage(asking->broker->store, asking->stage, setting);
    }
    if (!query_row(asking))
        return;
    query_text(asking, stage_name(asking->stage));
    query_text(asking, stage_state_name(state));
    query_text(asking, stage_state_name(was));
    query_boolean(asking, changes);
    order_seq(asking, entry.seq);
}

static void queue_pause(struct asking *asking)
{
    set_stage(asking, STAGE_PAUSED);
}

static void queue_resume(struct asking *asking)
{
    set_stage(asking, STAGE_RUNNING);
}

static void queue_drain(struct asking *asking)
{
    set_stage(asking, STAGE_DRAINING);
}

/* ---- what changes nothing that is kept ---- */

/** Journal that this command was given. True: it is to be done. */
static bool operated(struct asking *asking, const char *state)
{
    const char *name = asking->command->name;
    struct entry entry = {
        .kind = ENTRY_OPERATED,
        .command = {(const uint8_t *)name, strlen(name)},
    };
    struct hash hash;

    if (!asking->dry_run && !order_add(asking, &entry, &hash))
        return false;
    if (query_row(asking)) {
        query_text(asking, !asking->dry_run           ? state
                           : asking->broker->draining ? "draining"
                                                      : "running");
        order_seq(asking, entry.seq);
    }
    return !asking->dry_run;
}

static void server_stop(struct asking *asking)
{
    if (operated(asking, "draining"))
        asking->broker->wish = WISH_STOP;
}

static void server_reload(struct asking *asking)
{
    if (operated(asking, "reloading") && asking->broker->wish == WISH_NONE)
        asking->broker->wish = WISH_RELOAD;
}

/** How many workers are called as the arguments say, and how many of them drain already. */
static uint32_t count_named(struct asking *asking, uint32_t *ret_draining)
{
    struct roster_worker worker;
    uint32_t count = 0;
    uint32_t at = 0;

    *ret_draining = 0;
    while (roster_next_worker(asking->broker->roster, &at, &worker)) {
        if (strcmp(worker.name, asking->name) != 0)
            continue;
        count++;
        *ret_draining += worker.draining ? 1 : 0;
    }
    return count;
}

static void worker_drain(struct asking *asking)
{
    char command[COMMAND_SIZE + WORKER_NAME_SIZE];
    struct hash hash;
    uint32_t draining;
    uint32_t count = count_named(asking, &draining);

    if (count == 0) {
        query_error(asking, "NOT_FOUND", "no worker called %s is here", asking->name);
        return;
    }
    int len = snprintf(command, sizeof command, "%s %s", asking->command->name, asking->name);
    struct entry entry = {
        .kind = ENTRY_OPERATED,
        .command = {(const uint8_t *)command, (size_t)len},
    };
    if (draining < count && !asking->dry_run) {
        if (!order_add(asking, &entry, &hash))
            return;
        (void)roster_drain(asking->broker->roster, asking->name);
    }
    if (!query_row(asking))
        return;
    query_text(asking, asking->name);
    query_number(asking, count);
    query_boolean(asking, draining < count);
    order_seq(asking, entry.seq);
}

/* ---- the table ---- */

/* clang-format off */
static const struct column stage_columns[] = {
    TEXT("stage"), TEXT("state"), TEXT("was"), BOOLEAN("changed"), NUMBER("seq"),
};
static const struct column server_columns[] = {TEXT("state"), NUMBER("seq")};

static const struct column worker_columns[] = {
    TEXT("name"), NUMBER("workers"), BOOLEAN("changed"), NUMBER("seq"),
};
static const struct column withdraw_columns[] = {
    TEXT("event_id"), TEXT("state"), TEXT("was"), BOOLEAN("changed"), NUMBER("of_seq"), NUMBER("seq"),
};
static const struct column parked_columns[] = {
    NUMBER("seq"), TEXT("event_id"), TEXT("event_type"), TEXT("stage"), TEXT("lead"),
    TEXT("reference"), TEXT("sender"), NUMBER("attempts"), MOMENT("since"), TEXT("error"),
    WIDE("worker", TEXT), MOMENT("received_at"), WIDE("failed_seq", NUMBER),
};
static const struct column parked_order_columns[] = {
    NUMBER("of_seq"), TEXT("event_id"), TEXT("event_type"), TEXT("stage"), TEXT("lead"), TEXT("reference"),
    BOOLEAN("changed"), NUMBER("seq"),
};

#define EVENT (TAKES(LEAD) | TAKES(REFERENCE) | TAKES(EVENT_ID))
#define PARKED (EVENT | TAKES(SEQ) | TAKES(STAGE) | TAKES(ORGANISATION) | TAKES(ERROR) | TAKES(OLDER_MS))
#define STAGE_ORDER (TAKES(STAGE) | TAKES(REASON) | TAKES(DRY_RUN))

static const struct command orders[] = {
    {"queue pause", OPERATING, STAGE_ORDER, TAKES(STAGE) | TAKES(REASON), COLUMNS(stage_columns), SINGLE,
     queue_pause, "assign nothing more of a stage; events are taken, and wait"},
    {"queue resume", OPERATING, STAGE_ORDER, TAKES(STAGE) | TAKES(REASON), COLUMNS(stage_columns), SINGLE,
     queue_resume, "a stage that was paused or drained works on"},
    {"queue drain", OPERATING, STAGE_ORDER, TAKES(STAGE) | TAKES(REASON), COLUMNS(stage_columns), SINGLE,
     queue_drain, "finish what a stage has, and refuse new events"},
    {"event withdraw", VERB_BIT(VERB_SUBMIT), EVENT | TAKES(REASON) | TAKES(DRY_RUN), EVENT | TAKES(REASON),
     COLUMNS(withdraw_columns), SINGLE, order_event_withdraw,
     "take back an own event that is not judged and that no worker has"},
    {"parked list", READING, PARKED, 0, COLUMNS(parked_columns), LIST, order_parked_list,
     "events that are parked after their last attempt: by stage, organisation (sender or lead), text in the last error, age"},
    {"parked show", READING, EVENT | TAKES(SEQ), 0, COLUMNS(parked_columns), SINGLE, order_parked_show,
     "one parked event, by its seq, or by lead, reference and event_id"},
    {"parked retry", OPERATING, PARKED | TAKES(REASON) | TAKES(DRY_RUN), 0, COLUMNS(parked_order_columns), LIST,
     order_parked_retry, "try parked events again, their attempts counted from the beginning"},
    {"parked discard", OPERATING, PARKED | TAKES(REASON) | TAKES(DRY_RUN), TAKES(REASON),
     COLUMNS(parked_order_columns), LIST, order_parked_discard, "parked events are not judged any more"},
    {"worker drain", OPERATING, TAKES(NAME) | TAKES(REASON) | TAKES(DRY_RUN), TAKES(NAME) | TAKES(REASON),
     COLUMNS(worker_columns), SINGLE, worker_drain,
     "a worker gets nothing new, finishes what it holds, and ends"},
    {"server stop", OPERATING, TAKES(REASON) | TAKES(DRY_RUN), TAKES(REASON), COLUMNS(server_columns), SINGLE,
     server_stop, "finish what is leased, then stop"},
    {"server reload", OPERATING, TAKES(REASON) | TAKES(DRY_RUN), 0, COLUMNS(server_columns), SINGLE,
     server_reload, "read the configuration again"},
};
/* clang-format on */

const struct command *order_table(uint32_t *ret_count)
{
    *ret_count = ARRAY_LEN(orders);
    return orders;
}
