/* SPDX-License-Identifier: Apache-2.0 */
/* Orders: commands that write. Each is checked against the state, journalled with who gave it and why, and answered. */
#include "daemon/broker/order.h"

#include <string.h>

bool order_add(struct asking *asking, struct entry *entry)
{
    struct hash hash;

    entry->key_seq = asking->principal->key_seq;
    entry->by = asking->principal->organisation;
    entry->order_reason = asking->reason;
    if (broker_add(asking->broker, entry, NULL, &hash))
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
    struct entry entry = {.kind = ENTRY_STAGE_SET, .stage = asking->stage, .stage_state = state};

    if (changes && !asking->dry_run) {
        if (!order_add(asking, &entry))
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

    if (!asking->dry_run && !order_add(asking, &entry))
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

/* ---- the table ---- */

/* clang-format off */
static const struct column stage_columns[] = {
    TEXT("stage"), TEXT("state"), TEXT("was"), BOOLEAN("changed"), NUMBER("seq"),
};
static const struct column server_columns[] = {TEXT("state"), NUMBER("seq")};

#define STAGE_ORDER (TAKES(STAGE) | TAKES(REASON) | TAKES(DRY_RUN))

static const struct command orders[] = {
    {"queue pause", OPERATING, STAGE_ORDER, TAKES(STAGE) | TAKES(REASON), COLUMNS(stage_columns), SINGLE,
     queue_pause, "assign nothing more of a stage; events are taken, and wait"},
    {"queue resume", OPERATING, STAGE_ORDER, TAKES(STAGE) | TAKES(REASON), COLUMNS(stage_columns), SINGLE,
     queue_resume, "a stage that was paused or drained works on"},
    {"queue drain", OPERATING, STAGE_ORDER, TAKES(STAGE) | TAKES(REASON), COLUMNS(stage_columns), SINGLE,
     queue_drain, "finish what a stage has, and refuse new events"},
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
