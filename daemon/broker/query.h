/* SPDX-License-Identifier: Apache-2.0 */
/* query.h - questions and orders: what a command's function gets, and how it writes its table. Inside the broker only. */
/*
 * The commands stand in two tables, those that only read in query.c, those that write in order.c: name, verbs, arguments, columns, function, help. A reply holds a bounded number of
 * rows and bytes, and no function looks at more than QUERY_SCAN_MAX rows of the store: then resume says where to go on.
 */
#ifndef COMMISSION_BROKER_QUERY_H
#define COMMISSION_BROKER_QUERY_H

#include "daemon/broker/inside.h"

#define QUERY_SCAN_MAX 4096    /* rows looked at for one reply */
#define QUERY_HISTORY_MAX 8192 /* entries of one workflow that are walked back for its history */

/* Arguments by name; a command says which it takes and which it needs. */
enum query_argument {
    ARGUMENT_LEAD,
    ARGUMENT_REFERENCE,
    ARGUMENT_STAGE,
    ARGUMENT_OPEN,
    ARGUMENT_EVENT_ID,
    ARGUMENT_ORGANISATION,
    ARGUMENT_EVENT_TYPE,
    ARGUMENT_ODS,
    ARGUMENT_ON,
    ARGUMENT_KIND,
    ARGUMENT_YEAR,
    ARGUMENT_SEQ,
    ARGUMENT_FROM,
    ARGUMENT_REASON,
    ARGUMENT_DRY_RUN,
    ARGUMENT_ERROR,
    ARGUMENT_OLDER_MS,
    ARGUMENT_NAME,
    ARGUMENT_UNTIL,
    ARGUMENTS_COUNT,
};
#define ARGUMENT_BIT(argument) (1u << (argument))

struct command;

/** A question being answered. */
struct asking {
    struct broker *broker;
    const struct principal *principal;
    const struct query *query;
    const struct event *body; /* "event validate": the event, or NULL */
    const struct command *command;
    struct reply *reply;

    uint32_t given; /* ARGUMENT_BITs; what is not given is zero */
    struct ods lead;
    struct reference reference;
    enum stage stage;
    bool open;
    struct event_id event_id;
    struct ods organisation;
    enum event_type event_type;
    struct ods ods;
    date_t on; /* today unless given */
    date_t until;
    enum organisation_kind kind;
    int32_t year;
    uint64_t seq;
    uint64_t from;
    struct slice reason;
    bool dry_run;
    char error[REFERENCE_SIZE + 1];
    uint64_t older_ms;
    char name[WORKER_NAME_SIZE];

    struct slice *cells;
    struct entry_row *entries;
    uint32_t rows_max;
    uint32_t cell;
    size_t bytes;
};

struct command {
    const char *name;
    uint32_t verbs; /* VERB_BITs, one of which is enough */
    uint32_t takes; /* ARGUMENT_BITs */
    uint32_t needs;
    const struct column *columns;
    uint32_t columns_count;
    bool single; /* one row */
    void (*answer)(struct asking *asking);
    const char *help;
};

/* ---- tables of commands: rows and columns ---- */

/* clang-format off */
#define READING (VERB_BIT(VERB_READ) | VERB_BIT(VERB_SUBMIT) | VERB_BIT(VERB_OPERATE))
#define OPERATING VERB_BIT(VERB_OPERATE)
#define BACKING_UP VERB_BIT(VERB_BACKUP) /* it holds unopened bids: nothing less will do */
#define TAKES(name) ARGUMENT_BIT(ARGUMENT_##name)
#define WORKFLOW (TAKES(LEAD) | TAKES(REFERENCE))
#define TEXT(name)    {name, COLUMN_TEXT, false}
#define NUMBER(name)  {name, COLUMN_NUMBER, false}
#define BOOLEAN(name) {name, COLUMN_BOOLEAN, false}
#define DATE(name)    {name, COLUMN_DATE, false}
#define MOMENT(name)  {name, COLUMN_MOMENT, false}
#define PENCE(name)   {name, COLUMN_PENCE, false}
#define WIDE(name, type) {name, COLUMN_##type, true}
#define COLUMNS(list) list, ARRAY_LEN(list)
#define LIST false
#define SINGLE true
/* clang-format on */

/** The orders: commands that write (order.c). */
const struct command *order_table(uint32_t *ret_count);

bool query_given(const struct asking *asking, enum query_argument argument);

/** It went wrong: @code for programs, the text for people. */
void query_error(struct asking *asking, const char *code, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* ---- a row: query_row(), then one call for each column ---- */

/** Begin the next row. False: the reply is full; say with query_resume() where to go on. */
MUST_USE bool query_row(struct asking *asking);
void query_text(struct asking *asking, const char *text);
void query_slice(struct asking *asking, struct slice text);
void query_number(struct asking *asking, int64_t number);
void query_boolean(struct asking *asking, bool yes);
void query_date(struct asking *asking, date_t date);
/** Milliseconds UTC; 0: empty. */
void query_moment(struct asking *asking, int64_t wall_ms);
void query_year(struct asking *asking, int32_t year);
/** "CODE:parameter, CODE". */
void query_reasons(struct asking *asking, const struct reason *reasons, uint32_t count);
/** A key as Z85, a hash in hexadecimal digits. */
void query_key(struct asking *asking, struct key key);
void query_hash(struct asking *asking, struct hash hash);

/** Add an entry as it stands in the journal. False: the reply is full. */
MUST_USE bool query_entry(struct asking *asking, uint64_t seq, struct slice bytes,
                          struct hash hash);
/** The reasons of the reply, copied. */
void query_reply_reasons(struct asking *asking, const struct reason *reasons, uint32_t count);

/* ---- resume: numbers that only the function itself reads again ---- */

void query_resume(struct asking *asking, const void *key, size_t len);
/** The key of the question, of just @len bytes. False: none is given; *@ret is zeroed. */
bool query_resumed(const struct asking *asking, void *ret, size_t len);

/* ---- who sees what ---- */

/** Operators and NHS England see all. */
bool query_sees_all(const struct asking *asking);
/** Its own money, and that of those for whom it acts as a support unit today. */
bool query_sees_organisation(const struct asking *asking, struct ods ods);
bool query_sees_workflow(const struct asking *asking, const struct workflow *workflow);

/** The workflow that lead and reference name, if it may be seen; else the error is said. */
MUST_USE bool query_workflow(struct asking *asking, struct workflow *ret);
/** Read and decode entry @seq: @ret's lists live in the scratch arena until the next call. False: the error is said. */
MUST_USE bool query_read(struct asking *asking, uint64_t seq, struct entry *ret,
                         struct slice *ret_bytes, struct hash *ret_hash);

/**
 * The event that the arguments name, as it was received: the row of its id, its entry and that entry's bytes and hash (as query_read()).
 * False: it does not concern the asker, or is not known, or was never sent; the error is said.
 */
MUST_USE bool query_known_event(struct asking *asking, struct seen *ret, struct entry *ret_entry,
                                struct slice *ret_bytes, struct hash *ret_hash);

/* ---- query_cases.c ---- */

/** Where an open event is, for people: "ready"; static. */
const char *query_docket_state(enum docket_state state);

void query_server_status(struct asking *asking);
void query_workflow_list(struct asking *asking);
void query_workflow_show(struct asking *asking);

/* ---- query_timers.c ---- */

void query_timer_list(struct asking *asking);
/** Two cells: which timer of workflow @number is due first, and when. */
void query_next_timer(struct asking *asking, uint64_t number);

void query_event_status(struct asking *asking);
void query_event_validate(struct asking *asking);
void query_queue_list(struct asking *asking);
void query_worker_list(struct asking *asking);
void query_quota_list(struct asking *asking);

/* ---- query_registers.c ---- */

void query_org_list(struct asking *asking);
void query_org_show(struct asking *asking);
void query_org_supports(struct asking *asking);
void query_ledger_show(struct asking *asking);
void query_ledger_lines(struct asking *asking);
void query_key_list(struct asking *asking);

/* ---- query_journal.c ---- */

void query_workflow_history(struct asking *asking);
void query_journal_head(struct asking *asking);
void query_journal_show(struct asking *asking);
void query_journal_read(struct asking *asking);

/* ---- query_store.c ---- */

void query_db_stats(struct asking *asking);
void query_backup_head(struct asking *asking);
void query_backup_segments(struct asking *asking);
void query_backup_read(struct asking *asking);
void query_backup_config(struct asking *asking);

/* ---- query_statements.c ---- */

void query_event_receipt(struct asking *asking);
void query_journal_checkpoint(struct asking *asking);

#endif
