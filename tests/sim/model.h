/* SPDX-License-Identifier: Apache-2.0 */
/* model.h - the journal as it must be, reckoned entry by entry without the daemon's own code; part of sim.h. */
#ifndef COMMISSION_TESTS_SIM_MODEL_H
#define COMMISSION_TESTS_SIM_MODEL_H

#define MODEL_ENTRIES_MAX 16384
#define MODEL_PLACES_MAX 64
#define MODEL_EVENTS_MAX 1024
#define MODEL_YEARS_MAX 64
#define MODEL_AWARDS_MAX 32
#define MODEL_QUEUE_MAX 512
#define MODEL_TIMERS_MAX 1024
#define MODEL_LATE_MAX 16

enum model_state { MODEL_QUEUED, MODEL_AT_TURN, MODEL_HELD, MODEL_PARKED, MODEL_DONE };

/** An event that has an entry. */
struct model_event {
    uint64_t seq;
    struct event event; /* decoded, in the seed's arena */
    uint32_t place;
    uint32_t sent; /* which of the sim's; UINT32_MAX: of the beginning */
    int64_t at_ms;
    enum model_state state;
    enum verdict verdict;
    uint64_t verdict_seq;
    uint32_t attempts;
    struct wait waits[WAITS_MAX];
    uint32_t waits_count;
    bool assigned;      /* in this run of the daemon, and not failed since */
    struct token token; /* the newest */
    uint32_t late_count;
    struct token late[MODEL_LATE_MAX]; /* whose findings were kept */
    uint64_t late_run[MODEL_LATE_MAX];
};

/** An award that stands reserved. */
struct model_award {
    char id[16];
    bool standing;
    struct year_value years[4];
    uint32_t years_count;
};

/** A workflow or a register. */
struct model_place {
    bool is_register;
    struct ods ods; /* the lead, or the register's */
    struct reference reference;
    enum event_type type; /* of a register */
    uint64_t number;
    uint64_t last_seq;
    enum phase phase;
    enum stage stage;
    enum service_category category;
    bool adopted;
    date_t opened_on;
    int64_t changed_at_ms;
    uint64_t accepted;
    uint32_t judging; /* index of an event; UINT32_MAX: none */
    uint32_t queue[MODEL_QUEUE_MAX];
    uint32_t queued;
    uint32_t held;
    struct model_award awards[MODEL_AWARDS_MAX];
    uint32_t awards_count;
    bool touched;
};

struct model_year {
    struct ods ods;
    int32_t year;
    bool allotted;
    int64_t allotment_pence;
    int64_t reserved_pence;
    int64_t committed_pence;
    uint64_t allotted_by; /* newest entry that set it */
    bool touched;
};

struct model_timer {
    uint32_t place;
    struct timer_set set;
};

struct model_entry {
    struct hash hash;
    enum entry_kind kind;
    uint32_t audience; /* bits of model_ods_bit() */
    uint32_t event;    /* index; UINT32_MAX: about none */
    enum verdict verdict;
    bool told; /* its answer left */
};

struct model {
    uint64_t seq; /* entries taken */
    uint64_t runs;
    uint64_t counter;    /* of the newest token in this run */
    uint64_t turn_first; /* the first entry of this turn */
    struct model_entry entries[MODEL_ENTRIES_MAX + 1];
    struct model_event events[MODEL_EVENTS_MAX];
    uint32_t events_count;
    struct model_place places[MODEL_PLACES_MAX];
    uint32_t places_count;
    struct model_year years[MODEL_YEARS_MAX];
    uint32_t years_count;
    uint32_t open_count;
    struct model_timer timers[MODEL_TIMERS_MAX];
    uint32_t timers_count;
    enum stage_state stages[STAGES_MAX + 1];
};

/** Begin with an empty journal. */
void model_init(struct sim *sim);
/** Take the next entry, which is durable: judge it and move on. */
void model_take(struct sim *sim, uint64_t seq);
/** Take all that is durable; between them, judge the replies among @owed at the position that they name. */
void model_catch_up(struct sim *sim, const struct owed *const *owed, uint32_t owed_count);
/** After a start: all that was durable is there still, and the state is what the journal says. */
void model_reopened(struct sim *sim);
/** An answer is about to leave on @to: it says what is durable, and to the right one. */
void model_answer(struct sim *sim, connection_t to, const struct answer *answer);
/** An assignment is about to leave. */
void model_assignment(struct sim *sim, const struct assignment *assignment);
/** Entries are about to leave to a reader: those that are its own, without a gap. */
void model_entries(struct sim *sim, const struct feed_entries *entries);
/** All that was owed in this turn has been looked at: was anyone forgotten? */
void model_turn_ended(struct sim *sim);
/** What the reader at @reader got follows what it had. */
void model_read(struct sim *sim, uint32_t reader, const struct packet_entries *entries);
/** Store and broker hold what the model holds; @all: also what was not touched since. */
void model_compare(struct sim *sim, bool all);
/** A reply is about to leave, and the model stands where it was asked. */
void model_reply(struct sim *sim, const struct reply *reply, connection_t to);
/** All has come to rest: what is open is open for a reason. NULL: it has; else why not. */
const char *model_unrest(struct sim *sim);

/** The event that @id names in @event's workflow or register, or NULL. */
struct model_event *model_find(struct sim *sim, const struct event *event);
struct model_place *model_place_of(struct sim *sim, const struct event *event);
struct model_year *model_year_of(struct sim *sim, struct ods ods, int32_t year);
uint32_t model_ods_bit(struct ods ods);

/* model_apply.c: one entry each */
void model_received(struct sim *sim, const struct entry *entry);
void model_recorded(struct sim *sim, const struct entry *entry);
void model_judged(struct sim *sim, const struct entry *entry);
void model_failed(struct sim *sim, const struct entry *entry);
void model_wait_ended(struct sim *sim, const struct entry *entry);
void model_late(struct sim *sim, const struct entry *entry);
/* model_timers.c */
void model_timer_fired(struct sim *sim, const struct entry *entry);
/** The verdict @entry sets and ends timers; its workflow was in @before. */
void model_timers_judged(struct sim *sim, const struct entry *entry, uint32_t place,
                         enum phase before);
/** The wait of @event is over, or the event is; where it has expired, it was due. */
void model_timers_end_wait(struct sim *sim, const struct entry *entry,
                           const struct model_event *event);
void model_compare_timers(struct sim *sim);
/** Is a timer not fired that should have been? */
bool model_any_overdue(const struct sim *sim);
/* model_money.c */
/** The years move by @entry's lines; a commissioner's event takes no more than is left. */
void model_move_money(struct sim *sim, const struct entry *entry, bool commissioners);
/** The lines of @entry, which accepts @event, are what the event takes and gives back. */
void model_judge_money(struct sim *sim, const struct entry *entry, const struct event *event,
                       struct model_place *place);
/* model_orders.c: what operators and senders bring */
void model_retried(struct sim *sim, const struct entry *entry);
void model_withdrawn(struct sim *sim, const struct entry *entry);
/* model_apply.c: shared */
struct model_place *model_touch(struct sim *sim, const struct entry *entry,
                                const struct event *event);
void model_next_turn(struct sim *sim, struct model_place *place);
/** What the wait of @event's workflow or year is for has come. */
bool model_wait_over(struct sim *sim, const struct model_event *event);

#endif
