/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/broker/query.h"

#include <stdarg.h>
#include <string.h>

#include "proto/codec.h"

static void list_commands(struct asking *asking);

/* ---- columns ---- */

/* clang-format off */
static const struct column server_status[] = {
    TEXT("state"), TEXT("stages"), TEXT("version"), NUMBER("run"), MOMENT("started_at"), NUMBER("seq"),
    NUMBER("workflows"), NUMBER("open"), NUMBER("leased"), NUMBER("parked"), NUMBER("workers"),
    NUMBER("feeds"),
    WIDE("events", NUMBER), WIDE("verdicts", NUMBER), WIDE("refusals", NUMBER),
    WIDE("malformed", NUMBER), WIDE("denied", NUMBER), WIDE("late_findings", NUMBER),
    WIDE("attempts_failed", NUMBER), WIDE("offers_lapsed", NUMBER), WIDE("answers_lost", NUMBER), WIDE("longest_turn_us", NUMBER),
    WIDE("entries", NUMBER), WIDE("flushes", NUMBER), WIDE("commits", NUMBER),
    WIDE("journal_bytes", NUMBER), WIDE("state_bytes", NUMBER), WIDE("applied_seq", NUMBER),
    NUMBER("map_percent"), WIDE("map_bytes", NUMBER), WIDE("disk_bytes", NUMBER),
    WIDE("disk_wanted_bytes", NUMBER),
};
#define WORKFLOW_COLUMNS                                                                        \
    TEXT("lead"), TEXT("reference"), TEXT("stage"), TEXT("phase"), WIDE("present_lead", TEXT),  \
    TEXT("category"), WIDE("adopted", BOOLEAN), DATE("opened_on"), MOMENT("changed_at"),        \
    NUMBER("accepted"), NUMBER("under_way"), NUMBER("held"), WIDE("number", NUMBER),            \
    WIDE("last_seq", NUMBER)
static const struct column workflows[] = {WORKFLOW_COLUMNS};
static const struct column one_workflow[] = {WORKFLOW_COLUMNS, TEXT("timer"), MOMENT("timer_at")};
static const struct column timers[] = {
    MOMENT("due_at"), TEXT("timer"), TEXT("level"), TEXT("role"), TEXT("lead"), TEXT("reference"),
    TEXT("stage"), TEXT("state"), WIDE("of_seq", NUMBER), WIDE("number", NUMBER), WIDE("set_by_seq", NUMBER),
};
static const struct column entries[] = {
    NUMBER("seq"), MOMENT("at"), TEXT("kind"), TEXT("event_type"), TEXT("sender"),
    NUMBER("of_seq"), TEXT("verdict"), TEXT("reasons"), TEXT("stage"), WIDE("phase", TEXT),
    WIDE("worker", TEXT), WIDE("attempt", NUMBER), WIDE("acting_for", TEXT), WIDE("actor", TEXT),
    WIDE("occurred_on", DATE), WIDE("event_id", TEXT),
};
static const struct column event_status[] = {
    TEXT("event_id"), TEXT("state"), NUMBER("seq"), MOMENT("received_at"), TEXT("verdict"),
    NUMBER("verdict_seq"), TEXT("stage"), WIDE("attempts", NUMBER), MOMENT("next_at"),
    TEXT("error"), TEXT("note"), WIDE("entry_hash", TEXT),
};
static const struct column event_validate[] = {
    TEXT("event_id"), TEXT("verdict"), TEXT("stage"), BOOLEAN("worker_asked"), TEXT("note"),
};
static const struct column queues[] = {
    TEXT("stage"), TEXT("state"), NUMBER("queued"), NUMBER("ready"), NUMBER("leased"),
    NUMBER("delayed"), NUMBER("held"), NUMBER("parked"), NUMBER("workers"), MOMENT("oldest"),
    MOMENT("since"), TEXT("why"),
};
static const struct column quotas[] = {
    TEXT("organisation"), NUMBER("events"), NUMBER("events_max"), NUMBER("bytes"),
    NUMBER("bytes_max"), NUMBER("workflows"), NUMBER("workflows_max"), NUMBER("tokens"),
    NUMBER("burst"), NUMBER("rate"), NUMBER("refused"),
};
static const struct column workers[] = {
    TEXT("name"), TEXT("stages"), TEXT("state"), NUMBER("capacity"), NUMBER("leased"),
    NUMBER("findings"), NUMBER("lapsed"),
    NUMBER("silent_ms"), NUMBER("here_ms"), WIDE("organisation", TEXT),
};
static const struct column organisations[] = {
    TEXT("ods"), TEXT("name"), TEXT("kind"), DATE("opened_on"), DATE("closed_on"),
    TEXT("successor"), WIDE("co_commissioning", TEXT), WIDE("entry_seq", NUMBER),
};
static const struct column support_columns[] = {
    TEXT("ccg"), TEXT("csu"), TEXT("lines"), DATE("from"), DATE("to"), WIDE("entry_seq", NUMBER),
};
static const struct column ledger[] = {
    TEXT("ods"), TEXT("year"), BOOLEAN("allotted"), PENCE("allotment_pence"),
    PENCE("reserved_pence"), PENCE("committed_pence"), PENCE("left_pence"),
    PENCE("uncovered_pence"),
};
static const struct column ledger_lines[] = {
    NUMBER("seq"), TEXT("kind"), PENCE("pence"), BOOLEAN("uncovered"), TEXT("lead"),
    TEXT("reference"),
};
static const struct column keys[] = {
    TEXT("public_key"), TEXT("organisation"), TEXT("kind"), TEXT("verbs"), TEXT("label"),
    BOOLEAN("revoked"), NUMBER("entry_seq"),
};
static const struct column journal_head[] = {
    NUMBER("seq"), TEXT("hash"), TEXT("journal_id"), NUMBER("run"), WIDE("applied_seq", NUMBER),
    WIDE("signing_key", TEXT),
};
static const struct column db_stats[] = {
    TEXT("part"), TEXT("name"), NUMBER("rows"), NUMBER("bytes"), TEXT("note"),
};
static const struct column backup_head[] = {
    TEXT("journal_id"), NUMBER("seq"), TEXT("hash"), MOMENT("at"), TEXT("version"),
    NUMBER("state_format"), NUMBER("journal_format"), TEXT("signing_key"), TEXT("hash_of_from"),
};
static const struct column backup_segments[] = {
    NUMBER("first_seq"), NUMBER("bytes"), NUMBER("end"), NUMBER("last_seq"), TEXT("last_hash"),
};
static const struct column statements[] = {
    TEXT("journal_id"), NUMBER("seq"), TEXT("hash"), MOMENT("at"), WIDE("statement", TEXT),
};
static const struct column commands_columns[] = {TEXT("command"), TEXT("arguments"), TEXT("help")};

/* ---- the commands ---- */

static const struct command commands[] = {
    {"help", READING, 0, 0, COLUMNS(commands_columns), LIST, list_commands,
     "the questions that this daemon answers"},
    {"server status", READING, 0, 0, COLUMNS(server_status), SINGLE, query_server_status,
     "how the daemon is, and what it has counted"},
    {"workflow list", READING, TAKES(LEAD) | TAKES(STAGE) | TAKES(OPEN), 0, COLUMNS(workflows), LIST,
     query_workflow_list, "workflows that concern the asker; open=true: those that are not complete"},
    {"workflow show", READING, WORKFLOW, WORKFLOW, COLUMNS(one_workflow), SINGLE, query_workflow_show,
     "where one workflow stands"},
    {"workflow history", READING, WORKFLOW, WORKFLOW, COLUMNS(entries), LIST,
     query_workflow_history, "the entries about one workflow, oldest first"},
    {"timer list", READING, WORKFLOW | TAKES(ORGANISATION) | TAKES(UNTIL), 0, COLUMNS(timers), LIST,
     query_timer_list, "what is due, the soonest first; of one workflow, or of all that concern the asker"},
    {"event status", READING, WORKFLOW | TAKES(EVENT_ID) | TAKES(ORGANISATION) | TAKES(EVENT_TYPE),
     TAKES(EVENT_ID), COLUMNS(event_status), SINGLE, query_event_status,
     "where one event stands, by its id with lead and reference, or organisation and event_type"},
    {"event receipt", READING, WORKFLOW | TAKES(EVENT_ID) | TAKES(ORGANISATION) | TAKES(EVENT_TYPE),
     TAKES(EVENT_ID), COLUMNS(statements), SINGLE, query_event_receipt,
     "the signed receipt of one event, named as in event status"},
    {"event validate", READING, 0, 0, COLUMNS(event_validate), SINGLE, query_event_validate,
     "what the daemon would say of the event in the body; nothing is kept, no worker is asked"},
    {"queue list", READING, 0, 0, COLUMNS(queues), LIST, query_queue_list,
     "work under way, by stage"},
    {"quota list", READING, TAKES(ORGANISATION), 0, COLUMNS(quotas), LIST, query_quota_list,
     "what each organisation has under way, and of how much"},
    {"worker list", READING, 0, 0, COLUMNS(workers), LIST, query_worker_list,
     "the workers that are here"},
    {"org list", READING, TAKES(KIND) | TAKES(ON), 0, COLUMNS(organisations), LIST, query_org_list,
     "registered organisations, as a day saw them"},
    {"org show", READING, TAKES(ODS) | TAKES(ON), TAKES(ODS), COLUMNS(organisations), SINGLE,
     query_org_show, "one organisation, as a day saw it"},
    {"org supports", READING, TAKES(ODS), TAKES(ODS), COLUMNS(support_columns), LIST, query_org_supports,
     "support contracts of one organisation, on either side"},
    {"ledger show", READING, TAKES(ODS) | TAKES(YEAR), 0, COLUMNS(ledger), LIST, query_ledger_show,
     "allotments and what is taken of them, by financial year"},
    {"ledger lines", READING, TAKES(ODS) | TAKES(YEAR), TAKES(ODS) | TAKES(YEAR),
     COLUMNS(ledger_lines), LIST, query_ledger_lines, "every movement of money in one year"},
    {"key list", OPERATING, TAKES(ORGANISATION), 0, COLUMNS(keys), LIST, query_key_list,
     "keys that were added, also revoked ones"},
    {"journal head", READING, 0, 0, COLUMNS(journal_head), SINGLE, query_journal_head,
     "the newest durable entry and its hash"},
    {"journal checkpoint", READING, 0, 0, COLUMNS(statements), SINGLE, query_journal_checkpoint,
     "the newest signed checkpoint of the head"},
    {"journal show", READING, TAKES(SEQ), TAKES(SEQ), COLUMNS(entries), SINGLE, query_journal_show,
     "one entry"},
    {"db stats", OPERATING, 0, 0, COLUMNS(db_stats), LIST, query_db_stats,
     "the store: tables, map, journal, disk, how far the scrub is, formats"},
    {"backup head", BACKING_UP, TAKES(FROM), 0, COLUMNS(backup_head), SINGLE, query_backup_head,
     "what a backup begins with; from: the hash of that entry, too"},
    {"backup segments", BACKING_UP, 0, 0, COLUMNS(backup_segments), LIST, query_backup_segments,
     "the files of the journal, and how far each is written"},
    {"backup read", BACKING_UP, TAKES(SEQ) | TAKES(FROM), TAKES(SEQ), NULL, 0, LIST,
     query_backup_read, "bytes of the file that begins with seq, from an offset on"},
    {"backup config", BACKING_UP, 0, 0, NULL, 0, LIST, query_backup_config,
     "the configuration, which holds no secret"},
    {"journal read", OPERATING, TAKES(FROM), 0, NULL, 0, LIST, query_journal_read,
     "entries from a seq on, as they stand in the journal"},
};

static const char *const argument_names[] = {
    [ARGUMENT_LEAD] = "lead", [ARGUMENT_REFERENCE] = "reference", [ARGUMENT_STAGE] = "stage",
    [ARGUMENT_OPEN] = "open", [ARGUMENT_EVENT_ID] = "event_id",
    [ARGUMENT_ORGANISATION] = "organisation", [ARGUMENT_EVENT_TYPE] = "event_type",
    [ARGUMENT_ODS] = "ods", [ARGUMENT_ON] = "on", [ARGUMENT_KIND] = "kind",
    [ARGUMENT_YEAR] = "year", [ARGUMENT_SEQ] = "seq", [ARGUMENT_FROM] = "from",
    [ARGUMENT_REASON] = "reason", [ARGUMENT_DRY_RUN] = "dry_run",
    [ARGUMENT_ERROR] = "error", [ARGUMENT_OLDER_MS] = "older_ms",
    [ARGUMENT_NAME] = "name", [ARGUMENT_UNTIL] = "until",
};
/* clang-format on */
static_assert(ARRAY_LEN(argument_names) == ARGUMENTS_COUNT, "every argument has a name");

/* ---- arguments ---- */

bool query_given(const struct asking *asking, enum query_argument argument)
{
    return (asking->given & ARGUMENT_BIT(argument)) != 0;
}

static bool slice_is(struct slice slice, const char *text)
{
    return slice.len == strlen(text) && memcmp(slice.bytes, text, slice.len) == 0;
}

static bool parse_number(const char *text, uint64_t *ret)
{
    uint64_t number = 0;
    if (text[0] == '\0')
        return false;
    for (const char *at = text; *at != '\0'; at++) {
        uint64_t digit = (uint64_t)(unsigned char)*at - '0';
        if (digit > 9 || number > (UINT64_MAX - digit) / 10)
            return false;
        number = number * 10 + digit;
    }
    *ret = number;
    return true;
}

static bool parse_boolean(const char *text, bool *ret)
{
    *ret = strcmp(text, "true") == 0;
    return *ret || strcmp(text, "false") == 0;
}

/** Take @text as the value of @argument. */
static bool parse(struct asking *asking, enum query_argument argument, const char *text)
{
    size_t len = strlen(text);

    switch (argument) {
    case ARGUMENT_LEAD:
        return ods_parse(text, len, &asking->lead);
    case ARGUMENT_REFERENCE:
        return reference_parse(text, len, &asking->reference);
    case ARGUMENT_STAGE:
        return stage_find(text, &asking->stage);
    case ARGUMENT_OPEN:
        return parse_boolean(text, &asking->open);
    case ARGUMENT_EVENT_ID:
        return event_id_parse(text, &asking->event_id);
    case ARGUMENT_ORGANISATION:
        return ods_parse(text, len, &asking->organisation);
    case ARGUMENT_EVENT_TYPE:
        return event_type_find(text, &asking->event_type);
    case ARGUMENT_ODS:
        return ods_parse(text, len, &asking->ods);
    case ARGUMENT_ON:
        return date_parse(text, len, &asking->on);
    case ARGUMENT_UNTIL:
        return date_parse(text, len, &asking->until);
    case ARGUMENT_KIND:
        return organisation_kind_find(text, &asking->kind);
    case ARGUMENT_YEAR:
        return financial_year_parse(text, len, &asking->year);
    case ARGUMENT_SEQ:
        return parse_number(text, &asking->seq);
    case ARGUMENT_FROM:
        return parse_number(text, &asking->from);
    case ARGUMENT_DRY_RUN:
        return parse_boolean(text, &asking->dry_run);
    case ARGUMENT_ERROR:
        memcpy(asking->error, text, len + 1);
        return true;
    case ARGUMENT_NAME:
        if (len == 0 || len >= sizeof asking->name)
            return false;
        memcpy(asking->name, text, len + 1);
        return true;
    case ARGUMENT_OLDER_MS:
        return parse_number(text, &asking->older_ms);
    case ARGUMENT_REASON: /* longer than @text: parse_reason() */
    case ARGUMENTS_COUNT:
        break;
    }
    return false;
}

/** Why an order is given: some words. */
static bool parse_reason(struct asking *asking, struct slice value)
{
    asking->reason = value;
    return value.len > 0 && value.len <= TEXT_BYTES_MAX;
}

static void parse_argument(struct asking *asking, const struct argument *argument)
{
    char text[REFERENCE_SIZE + 1] = "";
    uint32_t at = 0;

    while (at < ARGUMENTS_COUNT && !slice_is(argument->name, argument_names[at]))
        at++;
    if (at == ARGUMENTS_COUNT || !(asking->command->takes & ARGUMENT_BIT(at))) {
        query_error(asking, "USAGE", "%s takes no argument %.*s", asking->command->name,
                    (int)(argument->name.len < 40 ? argument->name.len : 40),
                    argument->name.len > 0 ? (const char *)argument->name.bytes : "");
        return;
    }
    bool fits = argument->value.len < sizeof text;
    if (fits && argument->value.len > 0)
        memcpy(text, argument->value.bytes, argument->value.len);
    bool taken = at == ARGUMENT_REASON ? parse_reason(asking, argument->value)
                                       : fits && parse(asking, (enum query_argument)at, text);
    if (!taken) {
        char stages[128] = "";
        for (int stage = STAGE_NEEDS_ASSESSED; stage <= STAGE_REVIEW; stage++)
            snprintf(stages + strlen(stages), sizeof stages - strlen(stages), "%s%s",
                     stages[0] == '\0' ? "; stages are " : ", ", stage_name((enum stage)stage));
        query_error(asking, "USAGE", "%s: \"%.*s\" is no %s%s", asking->command->name,
                    (int)(argument->value.len < 64 ? argument->value.len : 64),
                    argument->value.len > 0 ? (const char *)argument->value.bytes : "",
                    argument_names[at], at == ARGUMENT_STAGE ? stages : "");
        return;
    }
    asking->given |= ARGUMENT_BIT(at);
}

static void parse_arguments(struct asking *asking)
{
    const struct query *query = asking->query;

    for (uint32_t i = 0; i < query->arguments_count && asking->reply->error.len == 0; i++)
        parse_argument(asking, &query->arguments[i]);
    for (uint32_t at = 0; at < ARGUMENTS_COUNT && asking->reply->error.len == 0; at++) {
        if ((asking->command->needs & ARGUMENT_BIT(at)) &&
            !query_given(asking, (enum query_argument)at))
            query_error(asking, "USAGE", "%s needs the argument %s", asking->command->name,
                        argument_names[at]);
    }
}

/* ---- the reply ---- */

void query_error(struct asking *asking, const char *code, const char *format, ...)
{
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    asking->reply->error = (struct slice){(const uint8_t *)code, strlen(code)};
    asking->reply->error_text =
        arena_copy(asking->broker->arena, (struct slice){(const uint8_t *)text, strlen(text)});
}

bool query_row(struct asking *asking)
{
    struct reply *reply = asking->reply;

    CHECK(asking->cell == reply->rows_count * asking->command->columns_count);
    if (reply->rows_count == asking->rows_max || asking->bytes >= REPLY_BYTES_MAX)
        return false;
    reply->rows_count++;
    return true;
}

void query_slice(struct asking *asking, struct slice text)
{
    CHECK(asking->cell < asking->reply->rows_count * asking->command->columns_count);

    struct slice copy = arena_copy(asking->broker->arena, text);
    asking->cells[asking->cell++] = copy;
    asking->bytes += copy.len + 4;
}

void query_text(struct asking *asking, const char *text)
{
    query_slice(asking, (struct slice){(const uint8_t *)text, strlen(text)});
}

void query_number(struct asking *asking, int64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)number);
    query_text(asking, text);
}

void query_boolean(struct asking *asking, bool yes)
{
    query_text(asking, yes ? "true" : "false");
}

void query_date(struct asking *asking, date_t date)
{
    char text[DATE_TEXT_SIZE];
    date_print(date, text);
    query_text(asking, text);
}

void query_moment(struct asking *asking, int64_t wall_ms)
{
    char text[MOMENT_TEXT_SIZE] = "";
    if (wall_ms != 0)
        moment_print(wall_ms, text);
    query_text(asking, text);
}

void query_year(struct asking *asking, int32_t year)
{
    char text[YEAR_TEXT_SIZE];
    financial_year_print(year, text);
    query_text(asking, text);
}

void query_reasons(struct asking *asking, const struct reason *reasons, uint32_t count)
{
    char text[REASONS_MAX * (REASON_CODE_SIZE + 2)] = "";
    size_t len = 0;

    for (uint32_t i = 0; i < count && i < REASONS_MAX; i++) {
        char code[REASON_CODE_SIZE];
        reason_print_code(&reasons[i], code);
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s", i > 0 ? ", " : "", code);
    }
    query_text(asking, text);
}

void query_key(struct asking *asking, struct key key)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                 ".-:+=^!/*?&<>()[]{}@%$#";
    char text[KEY_BYTES / 4 * 5 + 1];

    /* Z85: four bytes are five digits of base 85, the highest first. */
    for (uint32_t i = 0; i < KEY_BYTES / 4; i++) {
        const uint8_t *at = &key.bytes[i * 4];
        uint32_t value =
            (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
        for (uint32_t j = 5; j > 0; j--) {
            text[i * 5 + j - 1] = digits[value % 85];
            value /= 85;
        }
    }
    text[sizeof text - 1] = '\0';
    query_text(asking, text);
}

void query_hash(struct asking *asking, struct hash hash)
{
    char text[HASH_TEXT_SIZE];
    hash_print(hash, text);
    query_text(asking, text);
}

bool query_entry(struct asking *asking, uint64_t seq, struct slice bytes, struct hash hash)
{
    struct reply *reply = asking->reply;

    if (reply->entries_count == asking->rows_max ||
        asking->bytes + bytes.len + HASH_BYTES >= REPLY_BYTES_MAX)
        return false;
    asking->entries[reply->entries_count++] = (struct entry_row){
        .seq = seq, .hash = hash, .entry = arena_copy(asking->broker->arena, bytes)};
    asking->bytes += bytes.len + HASH_BYTES;
    return true;
}

void query_reply_reasons(struct asking *asking, const struct reason *reasons, uint32_t count)
{
    struct slice copy = arena_copy(
        asking->broker->arena, (struct slice){(const uint8_t *)reasons, count * sizeof *reasons});
    asking->reply->reasons = (const struct reason *)(const void *)copy.bytes;
    asking->reply->reasons_count = copy.bytes != NULL ? count : 0;
}

void query_resume(struct asking *asking, const void *key, size_t len)
{
    asking->reply->resume = arena_copy(asking->broker->arena, (struct slice){key, len});
}

bool query_resumed(const struct asking *asking, void *ret, size_t len)
{
    memset(ret, 0, len);
    if (asking->query->resume.len != len)
        return false;
    memcpy(ret, asking->query->resume.bytes, len);
    return true;
}

/* ---- who sees what ---- */

bool query_sees_all(const struct asking *asking)
{
    return (asking->principal->verbs & VERB_BIT(VERB_OPERATE)) != 0 ||
           asking->principal->kind == ORGANISATION_NHSE;
}

bool query_sees_organisation(const struct asking *asking, struct ods ods)
{
    struct support_row supports[SUPPORTS_MAX];

    if (query_sees_all(asking) || ods_equal(asking->principal->organisation, ods))
        return true;
    if (asking->principal->kind != ORGANISATION_CSU)
        return false;
    uint32_t count = store_get_supports(asking->broker->store, ods, asking->principal->organisation,
                                        supports, SUPPORTS_MAX);
    date_t today = date_at(asking->broker->now.wall_ms);
    for (uint32_t i = 0; i < count; i++) {
        if (period_contains(supports[i].period, today))
            return true;
    }
    return false;
}

bool query_sees_workflow(const struct asking *asking, const struct workflow *workflow)
{
    return query_sees_organisation(asking, workflow->lead) ||
           (!ods_equal(workflow->lead, workflow->present_lead) &&
            query_sees_organisation(asking, workflow->present_lead));
}

bool query_workflow(struct asking *asking, struct workflow *ret)
{
    if (store_find_workflow(asking->broker->store, asking->lead, &asking->reference, ret) &&
        query_sees_workflow(asking, ret))
        return true;
    query_error(asking, "NOT_FOUND", "no workflow %s/%s that concerns %s", asking->lead.text,
                asking->reference.text, asking->principal->organisation.text);
    return false;
}

bool query_read(struct asking *asking, uint64_t seq, struct entry *ret, struct slice *ret_bytes,
                struct hash *ret_hash)
{
    struct broker *broker = asking->broker;
    struct slice bytes;

    broker->asked++;
    arena_reset(broker->scratch);
    enum status status = store_read_entry(broker->store, seq, &bytes, ret_hash);
    if (status == STATUS_OK) {
        *ret_bytes = arena_copy(broker->scratch, bytes);
        status = codec_decode_entry(*ret_bytes, broker->scratch, ret);
    }
    if (status == STATUS_OK)
        return true;
    if (status != STATUS_NOT_FOUND)
        broker_fail(broker, STATUS_STORE_CORRUPT);
    query_error(asking, status_name(status), "entry %llu: %s", (unsigned long long)seq,
                status_text(status));
    return false;
}

/* ---- asking ---- */

/** The commands of both tables by number; NULL: no more. */
static const struct command *command_at(uint32_t index)
{
    uint32_t orders_count;
    const struct command *orders = order_table(&orders_count);

    if (index < ARRAY_LEN(commands))
        return &commands[index];
    index -= (uint32_t)ARRAY_LEN(commands);
    return index < orders_count ? &orders[index] : NULL;
}

static void list_commands(struct asking *asking)
{
    for (uint32_t i = 0; command_at(i) != NULL && query_row(asking); i++) {
        const struct command *command = command_at(i);
        char text[256] = "";
        size_t len = 0;
        for (uint32_t at = 0; at < ARGUMENTS_COUNT; at++) {
            bool needed = (command->needs & ARGUMENT_BIT(at)) != 0;
            if (command->takes & ARGUMENT_BIT(at))
                len += (size_t)snprintf(text + len, sizeof text - len, needed ? "%s%s" : "%s[%s]",
                                        len > 0 ? " " : "", argument_names[at]);
        }
        query_text(asking, command->name);
        query_text(asking, text);
        query_text(asking, command->help);
    }
}

static const struct command *find_command(struct slice name)
{
    const struct command *command = command_at(0);
    for (uint32_t i = 1; command != NULL && !slice_is(name, command->name); i++)
        command = command_at(i);
    return command;
}

/** Room for the rows; columns as the table has them. */
static void begin_table(struct asking *asking)
{
    const struct command *command = asking->command;
    uint32_t wanted = asking->query->rows_max;

    asking->rows_max = wanted == 0 || wanted > REPLY_ROWS_MAX ? REPLY_ROWS_MAX : wanted;
    if (command->single)
        asking->rows_max = 1;
    asking->cells =
        arena_take(asking->broker->arena,
                   (size_t)asking->rows_max * command->columns_count * sizeof *asking->cells);
    asking->entries =
        arena_take(asking->broker->arena, (size_t)asking->rows_max * sizeof *asking->entries);
    if (asking->cells == NULL || asking->entries == NULL) {
        query_error(asking, "BUSY", "too much is asked at once; ask again");
        return;
    }
    asking->reply->columns = command->columns;
    asking->reply->columns_count = command->columns_count;
    asking->reply->cells = asking->cells;
    asking->reply->entries = asking->entries;
}

/** Of @verbs, one of which is enough, the one that a key is given for it. */
static enum verb verb_wanted(uint32_t verbs)
{
    enum verb verb = VERB_READ;
    while (!(verbs & VERB_BIT(verb)))
        verb = verb == VERB_BACKUP ? VERB_SUBMIT : (enum verb)(verb + 1);
    return verb;
}

static void answer(struct asking *asking)
{
    const struct query *query = asking->query;

    asking->command = find_command(query->command);
    if (asking->command == NULL) {
        query_error(asking, "USAGE", "no such command: %.*s; help lists them all",
                    (int)(query->command.len < 64 ? query->command.len : 64),
                    query->command.len > 0 ? (const char *)query->command.bytes : "");
        return;
    }
    if (!(asking->principal->verbs & asking->command->verbs)) {
        query_error(asking, "SENDER_NOT_AUTHORISED",
                    "the key of %s may not ask %s: that takes one with the verb %s",
                    asking->principal->organisation.text, asking->command->name,
                    verb_name(verb_wanted(asking->command->verbs)));
        return;
    }
    parse_arguments(asking);
    if (asking->reply->error.len == 0)
        begin_table(asking);
    if (asking->reply->error.len == 0)
        asking->command->answer(asking);
    if (asking->reply->error.len == 0 && arena_full(asking->broker->arena))
        query_error(asking, "BUSY", "too much is asked at once; ask again");
    if (asking->reply->error.len > 0) {
        asking->reply->rows_count = 0;
        asking->reply->entries_count = 0;
    }
}

/** A reply to @query, owed to @from. NULL: there is no room; it is asked again. */
static struct reply *owe_reply(struct broker *broker, connection_t from, const struct query *query)
{
    struct owed *owed = outbox_push(&broker->outbox, OWED_CLIENT, from, MESSAGE_REPLIES);
    if (owed == NULL)
        return NULL;
    owed->reply.query_id = query->query_id;
    owed->reply.as_of_seq = store_next_seq(broker->store) - 1;
    return &owed->reply;
}

void broker_query_busy(struct broker *broker, connection_t from, const struct query *query)
{
    struct asking asking = {.broker = broker, .reply = owe_reply(broker, from, query)};

    if (asking.reply != NULL)
        query_error(&asking, "BUSY", "too much is asked at once; ask again");
}

void broker_query(struct broker *broker, connection_t from, const struct principal *principal,
                  const struct query *query, const struct event *body_event)
{
    broker->asked += ASKED_EACH;
    struct reply *reply = owe_reply(broker, from, query);
    if (reply == NULL)
        return;

    struct asking asking = {
        .broker = broker,
        .principal = principal,
        .query = query,
        .body = body_event,
        .reply = reply,
        .on = date_at(broker->now.wall_ms),
    };
    answer(&asking);
}
