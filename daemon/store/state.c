/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/state.h"

#include "daemon/domain/apply.h"
#include "daemon/store/clocks.h"
#include "daemon/store/file.h"

#include <string.h>

struct state {
    struct rows rows;
    struct position position;
    uint64_t committed_seq;
    uint64_t commits;
    uint32_t upgraded_from;
    struct open_copy open;   /* the event that the entry is about */
    struct open_copy beside; /* and the one whose link it changes */
};

/* ---- open ---- */

/** An empty state that has seen nothing. */
static enum status create(struct state *state, const char *dir, const char *parent,
                          uint64_t map_bytes, const uint8_t journal_id[16])
{
    struct position position = {.format = STATE_FORMAT};
    struct slice key;
    struct slice value;

    memcpy(position.journal_id, journal_id, sizeof position.journal_id);
    rows_make_position(&state->rows, &position, &key, &value);
    return kv_create(dir, parent, map_bytes, key, value);
}

/** The format of the state in @dir. STATUS_NOT_FOUND: it cannot be told; whoever opens it will say why. */
static enum status find_format(struct state *state, const char *dir, uint64_t map_bytes,
                               uint32_t *ret)
{
    static const struct position none;
    uint8_t bytes[RECORD_HEADER_BYTES + 256];
    struct slice key;
    struct slice ignored;
    struct slice payload;
    size_t len;

    rows_make_position(&state->rows, &none, &key, &ignored);
    enum status status = kv_peek(dir, map_bytes, key, bytes, sizeof bytes, &len);
    if (status != STATUS_OK || !record_open((struct slice){bytes, len}, KV_META, key, &payload) ||
        !record_decode_format(payload, ret))
        return STATUS_NOT_FOUND;
    return STATUS_OK;
}

/** What an older version left is put aside, and what one before it left is removed. */
static enum status put_aside(const char *dir, const char *parent)
{
    char old[FILE_PATH_SIZE];

    if ((size_t)snprintf(old, sizeof old, "%s.old", dir) >= sizeof old)
        return STATUS_INVALID;
    enum status status = file_remove_dir(old);
    return status == STATUS_OK ? file_rename(dir, old, parent) : status;
}

/** Is what is in @dir of our format? STATUS_OK: yes, or it is put aside. STATUS_NOT_FOUND: it is older, and @read_only. STATUS_STORE_NEWER. */
static enum status check_format(struct state *state, const char *dir, const char *parent,
                                uint64_t map_bytes, bool read_only, char text[STATE_TEXT_SIZE])
{
    uint32_t format;

    if (!file_exists(dir) || find_format(state, dir, map_bytes, &format) != STATUS_OK ||
        format == STATE_FORMAT)
        return STATUS_OK;
    if (format > STATE_FORMAT) {
        snprintf(text, STATE_TEXT_SIZE, "state: format %u, this version knows %d", (unsigned)format,
                 STATE_FORMAT);
        return STATUS_STORE_NEWER;
    }
    if (read_only) {
        snprintf(text, STATE_TEXT_SIZE, "state: of the older format %u", (unsigned)format);
        return STATUS_NOT_FOUND;
    }
    state->upgraded_from = format;
    enum status status = put_aside(dir, parent);
    if (status != STATUS_OK)
        snprintf(text, STATE_TEXT_SIZE, "state: of format %u, and it cannot be put aside: %s",
                 (unsigned)format, status_text(status));
    return status;
}

/** Have the tables as many rows as were committed? */
static enum status check_counts(struct state *state, char text[STATE_TEXT_SIZE])
{
    for (uint32_t table = KV_META + 1; table < KV_TABLES; table++) {
        uint64_t there = kv_count(state->rows.kv, (enum kv_table)table);
        if (there == state->position.rows[table])
            continue;
        snprintf(text, STATE_TEXT_SIZE,
                 "state: table %s has %llu rows, and %llu were committed; without the folder "
                 "state it is built again from the journal",
                 kv_table_name((enum kv_table)table), (unsigned long long)there,
                 (unsigned long long)state->position.rows[table]);
        return STATUS_STORE_CORRUPT;
    }
    return state_failure(state);
}

/** Read the position and see that this state is one of ours. */
static enum status check_position(struct state *state, const uint8_t journal_id[16], bool read_only,
                                  char text[STATE_TEXT_SIZE])
{
    if (!rows_get_position(&state->rows, &state->position)) {
        enum status status = rows_failure(&state->rows);
        snprintf(text, STATE_TEXT_SIZE, "state: its position is missing or damaged");
        return status == STATUS_OK ? STATUS_STORE_CORRUPT : status;
    }
    if (memcmp(state->position.journal_id, journal_id, 16) != 0) {
        snprintf(text, STATE_TEXT_SIZE, "state: it belongs to another journal");
        return STATUS_STORE_CORRUPT;
    }
    state->committed_seq = state->position.applied_seq;
    /* Who only reads compares, and names each row. */
    return read_only ? STATUS_OK : check_counts(state, text);
}

enum status state_open(struct state **ret, const char *dir, const char *parent, uint64_t map_bytes,
                       const uint8_t journal_id[16], bool read_only, bool *ret_created,
                       char text[STATE_TEXT_SIZE])
{
    enum status status = STATUS_OK;

    *ret_created = false;
    if (!file_exists(dir) && read_only) {
        snprintf(text, STATE_TEXT_SIZE, "state: there is none");
        return STATUS_NOT_FOUND;
    }
    struct state *state = calloc(1, sizeof *state);
    if (state == NULL)
        return STATUS_NO_MEMORY;
    status = check_format(state, dir, parent, map_bytes, read_only, text);
    if (status != STATUS_OK)
        goto fail;
    if (!file_exists(dir)) {
        *ret_created = true;
        status = create(state, dir, parent, map_bytes, journal_id);
    }
    if (status == STATUS_OK)
        status = kv_open(&state->rows.kv, dir, map_bytes, read_only);
    if (status == STATUS_OK)
        status = overlay_new(&state->rows.overlay, state->rows.kv);
    if (status != STATUS_OK)
        snprintf(text, STATE_TEXT_SIZE, "state: it cannot be %s: %s%s",
                 *ret_created ? "made" : "opened", status_text(status),
                 status == STATUS_STORE_CORRUPT
                     ? "; without its folder it is built again from the journal"
                     : "");
    if (status == STATUS_OK)
        status = check_position(state, journal_id, read_only, text);
    if (status != STATUS_OK)
        goto fail;

    *ret = state;
    return STATUS_OK;

fail:
    state_close(state);
    return status;
}

struct state *state_close(struct state *state)
{
    if (state != NULL) {
        overlay_free(state->rows.overlay);
        kv_close(state->rows.kv);
    }
    free(state);
    return NULL;
}

uint32_t state_upgraded_from(const struct state *state)
{
    return state->upgraded_from;
}

struct rows *state_rows(struct state *state)
{
    return &state->rows;
}

const struct position *state_position(const struct state *state)
{
    return &state->position;
}

uint64_t state_committed_seq(const struct state *state)
{
    return state->committed_seq;
}

/* ---- entries ---- */

/** A row that an entry needs is not there: the state is damaged. */
static void fail_missing(struct state *state, const struct entry *entry, const char *what,
                         uint64_t number)
{
    rows_fail(&state->rows, STATUS_STORE_CORRUPT,
              "state: entry %llu needs %s %llu, which is missing", (unsigned long long)entry->seq,
              what, (unsigned long long)number);
}

static bool load_workflow(struct state *state, const struct entry *entry, struct workflow *ret)
{
    if (rows_get_workflow(&state->rows, entry->number, ret))
        return true;
    fail_missing(state, entry, "workflow", entry->number);
    return false;
}

static bool load_open(struct state *state, const struct entry *entry, uint64_t seq,
                      struct open_copy *ret)
{
    if (rows_copy_open(&state->rows, seq, ret))
        return true;
    fail_missing(state, entry, "open event", seq);
    return false;
}

/** The first entry about a name makes its row. */
static struct workflow new_workflow(const struct entry *entry, const struct event *event)
{
    return (struct workflow){
        .number = entry->number,
        .lead = event->lead,
        .present_lead = event->lead,
        .reference = event->reference,
        .phase = PHASE_NONE,
        .opened_on = DATE_NONE,
    };
}

static void apply_event(struct state *state, const struct entry *entry, const struct event *event)
{
    struct rows *rows = &state->rows;
    struct open_row row = {.event = entry->event};
    struct open_copy *tail = NULL;
    struct seen seen = {.seq = entry->seq};
    struct workflow workflow;
    bool first = entry->number == entry->seq;

    if (first)
        workflow = new_workflow(entry, event);
    else if (!load_workflow(state, entry, &workflow))
        return;
    if (workflow.queue_tail != 0) {
        tail = &state->beside;
        if (!load_open(state, entry, workflow.queue_tail, tail))
            return;
    }
    apply_received(&workflow, &row.open, tail == NULL ? NULL : &tail->row.open, entry, event);

    if (row.event.len > FACT_BYTES_MAX)
        row.event = (struct slice){NULL, 0};
    rows_put_open(rows, &row, true);
    if (tail != NULL)
        rows_put_open(rows, &tail->row, false);
    rows_put_workflow(rows, &workflow, first);
    if (first)
        rows_put_reference(rows, &workflow);
    record_event_digest(entry->event, seen.digest);
    rows_put_seen(rows, workflow.number, event->id, &seen, true);
}

/** Money moves by the entry's lines, whatever today's rules would say. */
static void apply_lines(struct state *state, const struct entry *entry)
{
    for (uint32_t i = 0; i < entry->lines_count; i++) {
        const struct ledger_line *line = &entry->lines[i];
        struct ledger_line_row row = {*line, entry->seq, entry->number};
        struct ledger_year year;

        rows_get_ledger(&state->rows, line->ods, line->year, &year);
        ledger_add(&year, line);
        rows_put_ledger(&state->rows, &year);
        rows_put_ledger_line(&state->rows, &row, i);
    }
}

/** The event known by @id got a verdict. */
static void note_verdict(struct state *state, const struct entry *entry, struct event_id id)
{
    struct seen seen;

    if (!rows_get_seen(&state->rows, entry->number, id, &seen)) {
        fail_missing(state, entry, "the id of event", entry->of_seq);
        return;
    }
    seen.verdict_seq = entry->seq;
    rows_put_seen(&state->rows, entry->number, id, &seen, false);
}

static void hold(struct state *state, const struct entry *entry, struct open_row *row)
{
    row->waits_count = entry->waits_count < WAITS_MAX ? entry->waits_count : WAITS_MAX;
    for (uint32_t i = 0; i < row->waits_count; i++) {
        row->waits[i] = entry->waits[i];
        rows_put_wait(&state->rows, &row->waits[i], row->open.seq);
    }
    rows_put_open(&state->rows, row, false);
}

static void forget_due(struct state *state, const struct open_event *open)
{
    if (open->state == OPEN_DELAYED)
        rows_del_due(&state->rows, open->due_ms, open->seq);
}

/** @workflow was in @before: is it one more that is open, or one less? */
static void count_case(struct state *state, enum phase before, const struct workflow *workflow)
{
    bool was = workflow_goes_on(before);
    bool is = workflow_goes_on(workflow->phase);

    if (was == is)
        return;
    uint64_t count = rows_get_caseload(&state->rows, workflow->lead);
    if (was && count == 0) {
        rows_fail(&state->rows, STATUS_STORE_CORRUPT, "state: %s has no open workflow to close",
                  workflow->lead.text);
        return;
    }
    rows_put_caseload(&state->rows, workflow->lead, is ? count + 1 : count - 1);
}

static void apply_verdict(struct state *state, const struct entry *entry, const struct event *event)
{
    struct rows *rows = &state->rows;
    struct open_row *row = &state->open.row;
    struct open_copy *next = NULL;
    struct workflow workflow;

    if (!load_workflow(state, entry, &workflow) ||
        !load_open(state, entry, entry->of_seq, &state->open))
        return;
    if (workflow.queue_head != 0) {
        next = &state->beside;
        if (!load_open(state, entry, workflow.queue_head, next))
            return;
    }
    forget_due(state, &row->open);
    enum phase before = workflow.phase;
    apply_judged(&workflow, &row->open, next == NULL ? NULL : &next->row.open, entry, event);
    count_case(state, before, &workflow);
    clocks_turn(rows, entry, before, &workflow);
    clocks_set(rows, entry, &workflow);

    if (entry->verdict == VERDICT_HELD)
        hold(state, entry, row);
    else
        rows_del_open(rows, row->open.seq);
    if (next != NULL)
        rows_put_open(rows, &next->row, false);
    rows_put_workflow(rows, &workflow, false);
    note_verdict(state, entry, row->open.id);
    apply_lines(state, entry);
    if (entry->verdict == VERDICT_ACCEPTED && entry->keeps_fact && row->event.len > 0)
        rows_put_fact(rows, entry->number, row->open.type, entry->seq, row->event);
}

static void apply_failed_attempt(struct state *state, const struct entry *entry)
{
    struct open_row *row = &state->open.row;
    struct workflow workflow;

    if (!load_workflow(state, entry, &workflow) ||
        !load_open(state, entry, entry->of_seq, &state->open))
        return;
    forget_due(state, &row->open);
    apply_attempt_failed(&workflow, &row->open, entry);

    if (row->open.state == OPEN_DELAYED)
        rows_put_due(&state->rows, row->open.due_ms, row->open.seq);
    rows_put_open(&state->rows, row, false);
    rows_put_workflow(&state->rows, &workflow, false);
}

/** The event may be judged long since: only its workflow has an entry more. */
static void apply_refused_finding(struct state *state, const struct entry *entry)
{
    struct workflow workflow;

    if (!load_workflow(state, entry, &workflow))
        return;
    apply_late_finding(&workflow, entry);
    rows_put_workflow(&state->rows, &workflow, false);
}

static void apply_end_of_wait(struct state *state, const struct entry *entry)
{
    struct open_row *row = &state->open.row;
    struct workflow workflow;

    if (!load_workflow(state, entry, &workflow) ||
        !load_open(state, entry, entry->of_seq, &state->open))
        return;
    apply_wait_ended(&workflow, &row->open, entry);

    for (uint32_t i = 0; i < row->waits_count; i++)
        rows_del_wait(&state->rows, &row->waits[i], row->open.seq);
    row->waits_count = 0;
    clocks_end(&state->rows, &workflow, TIMER_HELD_EXPIRY, row->open.seq);
    rows_put_open(&state->rows, row, false);
    rows_put_workflow(&state->rows, &workflow, false);
}

static void apply_retry(struct state *state, const struct entry *entry)
{
    struct open_row *row = &state->open.row;
    struct workflow workflow;

    if (!load_workflow(state, entry, &workflow) ||
        !load_open(state, entry, entry->of_seq, &state->open))
        return;
    apply_retried(&workflow, &row->open, entry);
    rows_put_open(&state->rows, row, false);
    rows_put_workflow(&state->rows, &workflow, false);
}

/** Whose row changes when @open leaves: the one before it in the queue, or the one that comes to its turn; 0: none. */
static uint64_t neighbour_of(const struct entry *entry, const struct open_event *open,
                             const struct workflow *workflow)
{
    if (open->state == OPEN_QUEUED)
        return entry->before_seq;
    return open->state == OPEN_HELD ? 0 : workflow->queue_head;
}

static void apply_withdrawal(struct state *state, const struct entry *entry)
{
    struct open_row *row = &state->open.row;
    struct open_event *beside = NULL;
    struct workflow workflow;

    if (!load_workflow(state, entry, &workflow) ||
        !load_open(state, entry, entry->of_seq, &state->open))
        return;
    bool queued = row->open.state == OPEN_QUEUED;
    uint64_t neighbour = neighbour_of(entry, &row->open, &workflow);
    if (neighbour != 0) {
        if (!load_open(state, entry, neighbour, &state->beside))
            return;
        beside = &state->beside.row.open;
    }
    forget_due(state, &row->open);
    apply_withdrawn(&workflow, &row->open, queued ? beside : NULL, queued ? NULL : beside, entry);

    for (uint32_t i = 0; i < row->waits_count; i++)
        rows_del_wait(&state->rows, &row->waits[i], row->open.seq);
    clocks_end(&state->rows, &workflow, TIMER_HELD_EXPIRY, row->open.seq);
    rows_del_open(&state->rows, row->open.seq);
    if (beside != NULL)
        rows_put_open(&state->rows, &state->beside.row, false);
    rows_put_workflow(&state->rows, &workflow, false);
    note_verdict(state, entry, row->open.id);
}

static void apply_fired(struct state *state, const struct entry *entry)
{
    struct workflow workflow;

    if (!load_workflow(state, entry, &workflow))
        return;
    apply_timer_fired(&workflow, entry);
    rows_put_workflow(&state->rows, &workflow, false);
    if (!clocks_fired(&state->rows, entry, &workflow))
        fail_missing(state, entry, "a timer of event", entry->timer.of_seq);
}

static void apply_stage_set(struct state *state, const struct entry *entry)
{
    struct stage_setting setting = {
        .state = entry->stage_state, .since_ms = entry->at_ms, .seq = entry->seq};

    rows_put_stage(&state->rows, entry->stage, &setting);
}

/* ---- registers ---- */

/** Copy text into a field of @size with its NUL, cut at a character's boundary. */
static void copy_text(char *ret, size_t size, struct slice text)
{
    size_t len = text.len < size ? text.len : size - 1;

    while (len > 0 && len < text.len && (text.bytes[len] & 0xc0) == 0x80)
        len--;
    memset(ret, 0, size);
    if (len > 0)
        memcpy(ret, text.bytes, len);
}

static void register_organisation(struct state *state, const struct entry *entry,
                                  const struct event *event)
{
    const struct organisation_registered *said = &event->organisation_registered;
    struct organisation organisation = {
        .known = true,
        .ods = event->organisation,
        .kind = said->kind,
        .opened_on = said->opened_on,
        .closed_on = said->closed_on,
        .successor = said->successor,
        .entry_seq = entry->seq,
    };

    copy_text(organisation.name, sizeof organisation.name, said->name);
    rows_put_organisation(&state->rows, &organisation);
}

static void register_support(struct state *state, const struct entry *entry,
                             const struct event *event)
{
    struct support_row row = {
        .ccg = event->organisation,
        .csu = event->support_contract.csu,
        .lines = event->support_contract.lines,
        .period = event->support_contract.period,
        .entry_seq = entry->seq,
    };

    rows_put_support(&state->rows, &row);
}

static void register_level(struct state *state, const struct entry *entry,
                           const struct event *event)
{
    struct level_row row = {
        .level = event->co_commissioning_level.level,
        .from = event->co_commissioning_level.from,
        .entry_seq = entry->seq,
    };

    rows_put_level(&state->rows, event->organisation, &row);
}

static void register_key(struct state *state, const struct entry *entry, const struct event *event)
{
    struct key_row row = {
        .principal = {.public_key = event->key_added.public_key,
                      .organisation = event->organisation,
                      .kind = event->key_added.kind,
                      .verbs = event->key_added.verbs,
                      .key_seq = entry->seq},
        .entry_seq = entry->seq,
    };

    copy_text(row.label, sizeof row.label, event->key_added.label);
    rows_put_key(&state->rows, &row);
}

static void revoke_key(struct state *state, const struct entry *entry, const struct event *event)
{
    struct key_row row;

    (void)entry;
    if (!rows_get_key(&state->rows, event->key_revoked.public_key, &row))
        return;
    row.revoked = true;
    rows_put_key(&state->rows, &row);
}

/** What an accepted register event leaves behind it, beside lines of the ledger. */
static const struct {
    enum event_type type;
    void (*record)(struct state *state, const struct entry *entry, const struct event *event);
} registers[] = {
    {EVENT_ORGANISATION_REGISTERED, register_organisation},
    {EVENT_SUPPORT_CONTRACT, register_support},
    {EVENT_CO_COMMISSIONING_LEVEL, register_level},
    {EVENT_KEY_ADDED, register_key},
    {EVENT_KEY_REVOKED, revoke_key},
};

static void apply_recorded(struct state *state, const struct entry *entry,
                           const struct event *event)
{
    struct register_head head = {.number = entry->number, .last_seq = entry->seq};
    struct seen seen = {.seq = entry->seq, .verdict_seq = entry->seq};

    rows_put_register(&state->rows, event->organisation, event->type, &head);
    record_event_digest(entry->event, seen.digest);
    rows_put_seen(&state->rows, entry->number, event->id, &seen, true);
    apply_lines(state, entry);
    if (entry->verdict != VERDICT_ACCEPTED)
        return;
    for (uint32_t i = 0; i < ARRAY_LEN(registers); i++) {
        if (registers[i].type == event->type)
            registers[i].record(state, entry, event);
    }
}

void state_apply(struct state *state, const struct entry *entry, const struct event *event,
                 const struct hash *hash)
{
    CHECK(entry->seq == state->position.applied_seq + 1);

    if (state_failure(state) != STATUS_OK)
        return;
    switch (entry->kind) {
    case ENTRY_STARTED:
        state->position.run = entry->run;
        break;
    case ENTRY_RECEIVED:
        apply_event(state, entry, event);
        break;
    case ENTRY_JUDGED:
        apply_verdict(state, entry, event);
        break;
    case ENTRY_RECORDED:
        apply_recorded(state, entry, event);
        break;
    case ENTRY_ATTEMPT_FAILED:
        apply_failed_attempt(state, entry);
        break;
    case ENTRY_WAIT_ENDED:
        apply_end_of_wait(state, entry);
        break;
    case ENTRY_TIMER_FIRED:
        apply_fired(state, entry);
        break;
    case ENTRY_STAGE_SET:
        apply_stage_set(state, entry);
        break;
    case ENTRY_OPERATED: /* changes nothing that is kept here */
        break;
    case ENTRY_LATE_FINDING:
        apply_refused_finding(state, entry);
        break;
    case ENTRY_RETRIED:
        apply_retry(state, entry);
        break;
    case ENTRY_EVENT_WITHDRAWN:
        apply_withdrawal(state, entry);
        break;
    case ENTRY_NONE:
        CHECK(entry->kind != ENTRY_NONE);
        break;
    }
    state->position.applied_seq = entry->seq;
    state->position.applied_hash = *hash;
}

/* ---- the transaction ---- */

enum status state_failure(const struct state *state)
{
    return rows_failure(&state->rows);
}

const char *state_failure_text(const struct state *state)
{
    return state->rows.text;
}

enum status state_commit(struct state *state)
{
    enum status status = state_failure(state);

    if (status != STATUS_OK)
        return status;
    if (state->position.applied_seq == state->committed_seq)
        return STATUS_OK;
    overlay_spill(state->rows.overlay);
    for (uint32_t table = KV_META + 1; table < KV_TABLES; table++)
        state->position.rows[table] = kv_count(state->rows.kv, (enum kv_table)table);
    rows_put_position(&state->rows, &state->position);
    status = kv_commit(state->rows.kv);
    if (status != STATUS_OK)
        return status;
    state->committed_seq = state->position.applied_seq;
    state->commits++;
    return STATUS_OK;
}

uint32_t state_dirty(const struct state *state)
{
    return overlay_rows(state->rows.overlay) + kv_dirty(state->rows.kv);
}

uint64_t state_commits(const struct state *state)
{
    return state->commits;
}

/* ---- comparison ---- */

/** Where one of two tables stands. */
struct cursor {
    struct kv *kv;
    uint8_t key_bytes[KV_KEY_BYTES_MAX];
    struct slice key; /* empty: before the first */
    struct slice value;
    bool more;
};

static void advance(struct cursor *cursor, enum kv_table table)
{
    struct slice key;

    cursor->more = kv_next(cursor->kv, table, cursor->key, &key, &cursor->value);
    if (!cursor->more)
        return;
    CHECK(key.len <= sizeof cursor->key_bytes);
    memcpy(cursor->key_bytes, key.bytes, key.len);
    cursor->key = (struct slice){cursor->key_bytes, key.len};
}

static int compare_slices(struct slice a, struct slice b)
{
    size_t len = a.len < b.len ? a.len : b.len;
    int order = memcmp(a.bytes, b.bytes, len);

    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

#define SAID_MAX 5 /* rows of a table that are named; the others are counted */

static uint64_t compare_table(struct state *a, struct state *b, enum kv_table table,
                              void (*say)(void *ctx, const char *line), void *ctx)
{
    struct cursor left = {.kv = a->rows.kv};
    struct cursor right = {.kv = b->rows.kv};
    uint64_t differences = 0;

    advance(&left, table);
    advance(&right, table);
    while (left.more || right.more) {
        int order = !left.more ? 1 : !right.more ? -1 : compare_slices(left.key, right.key);
        bool same = order == 0 && compare_slices(left.value, right.value) == 0;
        const struct cursor *named = order <= 0 ? &left : &right;
        if (!same && ++differences <= SAID_MAX) {
            char line[200];
            int len = snprintf(line, sizeof line, "state: table %s: %s row ", kv_table_name(table),
                               order == 0  ? "another value in"
                               : order < 0 ? "needless"
                                           : "missing");
            for (size_t i = 0; i < named->key.len && i < 40; i++)
                len += snprintf(line + len, sizeof line - (size_t)len, "%02x", named->key.bytes[i]);
            say(ctx, line);
        }
        if (order <= 0)
            advance(&left, table);
        if (order >= 0)
            advance(&right, table);
    }
    return differences;
}

bool state_compare(struct state *a, struct state *b, void (*say)(void *ctx, const char *line),
                   void *ctx)
{
    bool same = true;

    overlay_spill(a->rows.overlay);
    overlay_spill(b->rows.overlay);
    for (uint32_t table = 0; table < KV_TABLES; table++) {
        if (table == KV_META)
            continue;
        uint64_t differences = compare_table(a, b, (enum kv_table)table, say, ctx);
        if (differences > 0) {
            char line[200];
            snprintf(line, sizeof line, "state: table %s: %llu rows differ",
                     kv_table_name((enum kv_table)table), (unsigned long long)differences);
            say(ctx, line);
            same = false;
        }
    }
    return same && state_failure(a) == STATUS_OK && state_failure(b) == STATUS_OK;
}
