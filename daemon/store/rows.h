/* SPDX-License-Identifier: Apache-2.0 */
/* rows.h - the state's tables as typed rows: their keys, and each row checked as it is read. */
/*
 *   workflow      number                          reference     lead, 0, reference -> number
 *   seen          number, event id                open          seq
 *   waits         kind, organisation, year,       due           moment, seq
 *                 number, seq
 *   fact          number, type, verdict's seq     register      organisation, type
 *   organisation  code, last opened first         level         code, newest day first
 *   support       ccg, csu, newest seq first      key           public key
 *   key_order     seq of KEY_ADDED -> public key  ledger        organisation, year
 *   ledger_line   organisation, year, seq, index   caseload      lead -> workflows open
 *   stage         stage, where it was ever set
 *   timer         number, kind, seq               timer_due     moment, number, kind, seq
 *
 * Numbers in keys are big-endian, codes 12 bytes filled with zeros. A row that does not check is a failure, kept in @rows
 * with its table and key; so is what the tables themselves report. Getters then return false.
 */
#ifndef COMMISSION_ROWS_H
#define COMMISSION_ROWS_H

#include "daemon/store/kv.h"
#include "daemon/store/overlay.h"
#include "daemon/store/record.h"
#include "daemon/store/store.h"

#define ROWS_TEXT_SIZE 200

struct rows {
    struct kv *kv;
    struct overlay *overlay; /* before it */
    enum status failure;     /* the first one, of a row; the tables' own is asked of kv */
    char text[ROWS_TEXT_SIZE];
    struct record record; /* the value being made */
};

/** An open row with its own copy of the event's bytes. */
struct open_copy {
    struct open_row row;
    uint8_t event[FACT_BYTES_MAX];
};

/** The first failure, of a row or of the tables. */
enum status rows_failure(const struct rows *rows);
/** Keep a failure with what it is about. */
void rows_fail(struct rows *rows, enum status status, const char *format, ...) PRINTF_LIKE(3, 4);

bool rows_get_position(struct rows *rows, struct position *ret);
void rows_put_position(struct rows *rows, const struct position *position);
/** The key and the value of the position's row, for kv_create(); valid until the next call. */
void rows_make_position(struct rows *rows, const struct position *position, struct slice *ret_key,
                        struct slice *ret_value);

/** The first row of any table whose key is greater than @after (empty: the first): key and payload, its digest checked, until the next call. */
bool rows_next_any(struct rows *rows, enum kv_table table, struct slice after,
                   struct slice *ret_key, struct slice *ret_payload);

bool rows_get_workflow(struct rows *rows, uint64_t number, struct workflow *ret);
bool rows_find_workflow(struct rows *rows, struct ods lead, const struct reference *reference,
                        struct workflow *ret);
bool rows_next_workflow(struct rows *rows, uint64_t after_number, struct workflow *ret);
/** @fresh: it is the first row of this number. */
void rows_put_workflow(struct rows *rows, const struct workflow *workflow, bool fresh);
void rows_put_reference(struct rows *rows, const struct workflow *workflow);

bool rows_get_seen(struct rows *rows, uint64_t number, struct event_id id, struct seen *ret);
void rows_put_seen(struct rows *rows, uint64_t number, struct event_id id, const struct seen *seen,
                   bool fresh);

/** *@ret's slice points into the map. */
bool rows_get_open(struct rows *rows, uint64_t seq, struct open_row *ret);
bool rows_copy_open(struct rows *rows, uint64_t seq, struct open_copy *ret);
bool rows_next_open(struct rows *rows, uint64_t after_seq, struct open_row *ret);
void rows_put_open(struct rows *rows, const struct open_row *row, bool fresh);
void rows_del_open(struct rows *rows, uint64_t seq);

void rows_put_wait(struct rows *rows, const struct wait *wait, uint64_t seq);
void rows_del_wait(struct rows *rows, const struct wait *wait, uint64_t seq);
bool rows_has_wait(struct rows *rows, const struct wait *wait, uint64_t seq);
bool rows_next_wait(struct rows *rows, struct wait *wait, uint64_t *seq);

void rows_put_due(struct rows *rows, int64_t due_ms, uint64_t seq);
void rows_del_due(struct rows *rows, int64_t due_ms, uint64_t seq);
bool rows_has_due(struct rows *rows, int64_t due_ms, uint64_t seq);
bool rows_next_due(struct rows *rows, int64_t *due_ms, uint64_t *seq);

/** The timer of workflow @number that @timer's kind and of_seq name. */
bool rows_get_timer(struct rows *rows, uint64_t number, const struct timer_set *timer,
                    struct timer_row *ret);
/** The next timer of workflow @number after the one that @at names (zeroed: the first). */
bool rows_next_timer(struct rows *rows, uint64_t number, const struct timer_set *at,
                     struct timer_row *ret);
void rows_put_timer(struct rows *rows, const struct timer_row *row);
void rows_del_timer(struct rows *rows, const struct timer_row *row);
/** The index by moments. */
void rows_put_timer_due(struct rows *rows, const struct timer_row *row);
bool rows_has_timer_due(struct rows *rows, const struct timer_row *row);
void rows_del_timer_due(struct rows *rows, const struct timer_row *row);
/** The next in the index after *@at by moment, number, kind, event; its level is not told. */
bool rows_next_timer_due(struct rows *rows, struct timer_row *at);

void rows_put_fact(struct rows *rows, uint64_t number, enum event_type type, uint64_t seq,
                   struct slice event);
uint32_t rows_get_facts(struct rows *rows, uint64_t number, enum event_type type, struct slice *ret,
                        uint64_t *ret_seqs, uint32_t max);

/** Without a row the stage is running. */
void rows_get_stage(struct rows *rows, enum stage stage, struct stage_setting *ret);
void rows_put_stage(struct rows *rows, enum stage stage, const struct stage_setting *setting);

bool rows_get_register(struct rows *rows, struct ods organisation, enum event_type type,
                       struct register_head *ret);
void rows_put_register(struct rows *rows, struct ods organisation, enum event_type type,
                       const struct register_head *head);

void rows_get_organisation(struct rows *rows, struct ods ods, date_t on, struct organisation *ret);
bool rows_next_organisation(struct rows *rows, struct ods after, date_t on,
                            struct organisation *ret);
void rows_put_organisation(struct rows *rows, const struct organisation *organisation);
void rows_put_level(struct rows *rows, struct ods ods, const struct level_row *row);

uint32_t rows_get_supports(struct rows *rows, struct ods ccg, struct ods csu,
                           struct support_row *ret, uint32_t max);
void rows_put_support(struct rows *rows, const struct support_row *row);

bool rows_get_key(struct rows *rows, struct key public_key, struct key_row *ret);
bool rows_next_key(struct rows *rows, uint64_t after_entry_seq, struct key_row *ret);
/** A key that is added again takes a new place in the order. */
void rows_put_key(struct rows *rows, const struct key_row *row);

void rows_get_ledger(struct rows *rows, struct ods ods, int32_t year, struct ledger_year *ret);
/** The same; false: there is no row. */
bool rows_find_ledger(struct rows *rows, struct ods ods, int32_t year, struct ledger_year *ret);
bool rows_next_ledger(struct rows *rows, struct ods after_ods, int32_t after_year,
                      struct ledger_year *ret);
void rows_put_ledger(struct rows *rows, const struct ledger_year *year);
bool rows_next_ledger_line(struct rows *rows, struct ods ods, int32_t year, uint64_t after_seq,
                           uint32_t after_index, struct ledger_line_row *ret, uint32_t *ret_index);
/** How many workflows of @lead, as named for ever, are open. */
uint64_t rows_get_caseload(struct rows *rows, struct ods lead);
/** The next lead by code that has, or had, one. */
bool rows_next_caseload(struct rows *rows, struct ods after, struct ods *ret, uint64_t *ret_count);
void rows_put_caseload(struct rows *rows, struct ods lead, uint64_t count);

void rows_put_ledger_line(struct rows *rows, const struct ledger_line_row *row, uint32_t index);

#endif
