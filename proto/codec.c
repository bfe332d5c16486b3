/* SPDX-License-Identifier: Apache-2.0 */
/* codec.h, decoding of what is sent in frames; events and entries have files of their own, and so has encoding. */
#include "proto/codec.h"

#include "proto/decode.h"
#include "proto/wire.h"

#include "proto/commission.pb-c.h"

#include <string.h>

#define SAME(ours, theirs) static_assert((int)(ours) == (int)(theirs), "the schema's number")
SAME(ANSWER_RECEIPT, COMMISSION__ANSWER__KIND__RECEIPT);
SAME(ANSWER_VERDICT, COMMISSION__ANSWER__KIND__VERDICT);
SAME(ANSWER_REFUSED, COMMISSION__ANSWER__KIND__REFUSED);
SAME(COLUMN_TEXT, COMMISSION__COLUMN__TYPE__TEXT);
SAME(COLUMN_NUMBER, COMMISSION__COLUMN__TYPE__NUMBER);
SAME(COLUMN_BOOLEAN, COMMISSION__COLUMN__TYPE__BOOLEAN);
SAME(COLUMN_DATE, COMMISSION__COLUMN__TYPE__DATE);
SAME(COLUMN_MOMENT, COMMISSION__COLUMN__TYPE__MOMENT);
SAME(COLUMN_PENCE, COMMISSION__COLUMN__TYPE__PENCE);
SAME(FEED_OPEN, COMMISSION__FEED_ASK__ASK_OPEN);
SAME(FEED_CREDIT, COMMISSION__FEED_ASK__ASK_CREDIT);
SAME(FEED_CLOSE, COMMISSION__FEED_ASK__ASK_CLOSE);

/** Begin to decode a frame's body. NULL: it is none of @descriptor's, or too large. */
static void *open_frame(struct decoder *decoder, struct arena *arena,
                        const ProtobufCMessageDescriptor *descriptor, struct slice bytes)
{
    decoder_begin(decoder, arena, bytes.len, NULL);
    if (bytes.len > FRAME_BYTES_MAX) {
        decoder->over = true;
        return NULL;
    }
    return decoder_unpack(decoder, descriptor, bytes);
}

/* A decoder of a message whose one field @list is repeated: @decode_one for each item. */
/* clang-format off */
#define LIST_DECODER(function, type, message_type, descriptor, list, decode_one)                   \
    enum status function(struct slice bytes, struct arena *arena, type const **ret,                \
                         uint32_t *ret_count)                                                      \
    {                                                                                              \
        struct decoder decoder;                                                                    \
        type *items = NULL;                                                                        \
        const message_type *message = open_frame(&decoder, arena, &descriptor, bytes);             \
                                                                                                   \
        if (message != NULL)                                                                       \
            items = decoder_take(&decoder, message->n_##list, FRAME_MESSAGES_MAX, sizeof *items);  \
        for (size_t i = 0; items != NULL && i < message->n_##list; i++)                            \
            decode_one(&decoder, message->list[i], &items[i]);                                     \
        enum status status = decoder_end(&decoder);                                                \
        if (status == STATUS_OK && items != NULL) {                                                \
            *ret = items;                                                                          \
            *ret_count = (uint32_t)message->n_##list;                                              \
        }                                                                                          \
        return status;                                                                             \
    }
/* clang-format on */

static void copy_text(char *ret, size_t size, const char *text)
{
    size_t len = strlen(text);

    CHECK(len < size);
    memcpy(ret, text, len + 1);
}

/* ---- parts of messages -------------------------------------------------------------------- */

static void decode_organisation(struct decoder *decoder, const Commission__Organisation *message,
                                struct organisation *ret)
{
    struct period open = decode_period(decoder, "opened_on", message->opened_on, "closed_on",
                                       message->closed_on, false);
    struct slice name = decode_text(decoder, "name", message->name, NAME_SIZE - 1, false);

    ret->known = true;
    ret->ods = decode_ods(decoder, "ods", message->ods, true);
    ret->kind = (enum organisation_kind)decode_number(decoder, "kind", message->kind,
                                                      ORGANISATION_SUB_ICB, true);
    ret->opened_on = open.from;
    ret->closed_on = open.to;
    ret->successor = decode_ods(decoder, "successor_ods", message->successor_ods, false);
    ret->co_level = (enum co_commissioning)decode_number(
        decoder, "co_commissioning", message->co_commissioning, CO_DELEGATED, false);
    ret->entry_seq = message->entry_seq;
    if (name.len > 0 && name.len < NAME_SIZE)
        memcpy(ret->name, name.bytes, name.len);
}

static void decode_entry_rows(struct decoder *decoder, size_t count,
                              Commission__EntryRow **messages, const struct entry_row **ret,
                              uint32_t *ret_count)
{
    struct entry_row *rows = decoder_take(decoder, count, FRAME_MESSAGES_MAX, sizeof *rows);

    if (rows == NULL || count == 0)
        return;
    for (size_t i = 0; i < count; i++) {
        rows[i].seq = decode_count(decoder, "seq", messages[i]->seq, UINT64_MAX);
        decode_fixed(decoder, "hash", messages[i]->hash, HASH_BYTES, true, rows[i].hash.bytes);
        rows[i].entry = decode_bytes(decoder, "entry", messages[i]->entry, ENTRY_BYTES_MAX, true);
    }
    *ret = rows;
    *ret_count = (uint32_t)count;
}

/* ---- clients' socket ---------------------------------------------------------------------- */

/* Not through protobuf-c, which would copy: each event is read by its own decoder, from where it lies. */
enum status codec_split_events(struct slice bytes, struct arena *arena, const struct slice **ret,
                               uint32_t *ret_count)
{
    struct decoder decoder;
    struct wire_field field;
    struct slice *events;
    uint32_t count = 0;

    if (bytes.len > FRAME_BYTES_MAX)
        return STATUS_TOO_LARGE;
    for (struct slice rest = bytes; rest.len > 0;) {
        if (!wire_read_field(&rest, &field) || (field.number == 1 && field.type != WIRE_BYTES))
            return STATUS_MALFORMED;
        count += field.number == 1 ? 1 : 0;
    }
    decoder_begin(&decoder, arena, bytes.len, NULL);
    events = decoder_take(&decoder, count, FRAME_MESSAGES_MAX, sizeof *events);
    if (events == NULL)
        return decoder_end(&decoder);
    count = 0;
    for (struct slice rest = bytes; rest.len > 0 && wire_read_field(&rest, &field);) {
        if (field.number == 1)
            events[count++] = field.bytes;
    }
    *ret = events;
    *ret_count = count;
    return STATUS_OK;
}

static void decode_answer(struct decoder *decoder, const Commission__Answer *message,
                          struct answer *ret)
{
    ret->kind =
        (enum answer_kind)decode_number(decoder, "kind", message->kind, ANSWER_REFUSED, true);
    ret->id_known = message->event_id.len > 0;
    decode_fixed(decoder, "event_id", message->event_id, EVENT_ID_BYTES,
                 ret->kind != ANSWER_REFUSED, ret->event_id.bytes);
    ret->seq = message->seq;
    decode_fixed(decoder, "entry_hash", message->entry_hash, HASH_BYTES, false,
                 ret->entry_hash.bytes);
    ret->repeated = message->repeated;
    ret->verdict = (enum verdict)decode_number(decoder, "verdict", message->verdict,
                                               VERDICT_WITHDRAWN, ret->kind == ANSWER_VERDICT);
    ret->verdict_seq = message->verdict_seq;
    decode_reasons(decoder, message->n_reasons, message->reasons, &ret->reasons,
                   &ret->reasons_count);
    ret->retry_after_ms = message->retry_after_ms;
}

LIST_DECODER(codec_decode_answers, struct answer, Commission__Answers,
             commission__answers__descriptor, answers, decode_answer)

static void decode_query(struct decoder *decoder, const Commission__Query *message,
                         struct query *ret)
{
    ret->query_id = message->query_id;
    ret->command = decode_text(decoder, "command", message->command, COMMAND_SIZE - 1, true);
    ret->body = decode_bytes(decoder, "body", message->body, EVENT_BYTES_MAX, false);
    ret->rows_max = message->rows_max;
    ret->resume = decode_bytes(decoder, "resume", message->resume, RESUME_BYTES_MAX, false);
    if (message->n_arguments > ARGUMENTS_MAX) {
        decoder_invalid(decoder, "arguments", NULL, "are more than 32");
        return;
    }
    struct argument *arguments =
        decoder_take(decoder, message->n_arguments, ARGUMENTS_MAX, sizeof *arguments);
    if (arguments == NULL)
        return;
    for (size_t i = 0; i < message->n_arguments; i++) {
        const Commission__Argument *argument = message->arguments[i];
        arguments[i].name = decode_text(decoder, "name", argument->name, COMMAND_SIZE - 1, true);
        arguments[i].value = decode_text(decoder, "value", argument->value, TEXT_BYTES_MAX, false);
    }
    ret->arguments = arguments;
    ret->arguments_count = (uint32_t)message->n_arguments;
}

LIST_DECODER(codec_decode_queries, struct query, Commission__Queries,
             commission__queries__descriptor, queries, decode_query)

static void decode_columns(struct decoder *decoder, const Commission__Reply *message,
                           struct reply *ret)
{
    if (message->n_columns > COLUMNS_MAX) {
        decoder_invalid(decoder, "columns", NULL, "are more than 64");
        return;
    }
    struct column *columns =
        decoder_take(decoder, message->n_columns, COLUMNS_MAX, sizeof *columns);
    if (columns == NULL)
        return;
    for (size_t i = 0; i < message->n_columns; i++) {
        const Commission__Column *column = message->columns[i];
        decode_text(decoder, "name", column->name, COMMAND_SIZE - 1, true);
        columns[i].name = column->name;
        columns[i].type =
            (enum column_type)decode_number(decoder, "type", column->type, COLUMN_PENCE, true);
        columns[i].wide = column->wide;
    }
    ret->columns = columns;
    ret->columns_count = (uint32_t)message->n_columns;
}

static void decode_rows(struct decoder *decoder, const Commission__Reply *message,
                        struct reply *ret)
{
    size_t width = ret->columns_count;

    if (message->n_rows > REPLY_ROWS_MAX) {
        decoder_invalid(decoder, "rows", NULL, "are more than 256");
        return;
    }
    struct slice *cells = decoder_take(decoder, message->n_rows * width,
                                       (size_t)REPLY_ROWS_MAX * COLUMNS_MAX, sizeof *cells);
    if (cells == NULL)
        return;
    for (size_t row = 0; row < message->n_rows; row++) {
        if (message->rows[row]->n_cells != width) {
            decoder_invalid(decoder, "rows", NULL, "have another number of cells than columns");
            return;
        }
        for (size_t i = 0; i < width; i++)
            cells[row * width + i] =
                decode_text(decoder, "cells", message->rows[row]->cells[i], TEXT_BYTES_MAX, false);
    }
    ret->cells = cells;
    ret->rows_count = (uint32_t)message->n_rows;
}

static void decode_reply(struct decoder *decoder, const Commission__Reply *message,
                         struct reply *ret)
{
    ret->query_id = message->query_id;
    ret->error = decode_text(decoder, "error", message->error, COMMAND_SIZE - 1, false);
    ret->error_text =
        decode_text(decoder, "error_text", message->error_text, TEXT_BYTES_MAX, false);
    ret->resume = decode_bytes(decoder, "resume", message->resume, RESUME_BYTES_MAX, false);
    ret->as_of_seq = message->as_of_seq;
    decode_columns(decoder, message, ret);
    decode_rows(decoder, message, ret);
    decode_entry_rows(decoder, message->n_entries, message->entries, &ret->entries,
                      &ret->entries_count);
    decode_reasons(decoder, message->n_reasons, message->reasons, &ret->reasons,
                   &ret->reasons_count);
    ret->data = decode_bytes(decoder, "data", message->data, REPLY_BYTES_MAX, false);
}

LIST_DECODER(codec_decode_replies, struct reply, Commission__Replies,
             commission__replies__descriptor, replies, decode_reply)

static void decode_feed_ask(struct decoder *decoder, const Commission__FeedAsk *message,
                            struct feed_ask *ret)
{
    switch (message->ask_case) {
    case COMMISSION__FEED_ASK__ASK_OPEN:
        *ret = (struct feed_ask){.verb = FEED_OPEN,
                                 .feed = message->open->feed,
                                 .from_seq = message->open->from_seq,
                                 .credit = message->open->credit,
                                 .after_given = message->open->after_hash.len > 0};
        if (message->open->after_hash.len == HASH_BYTES)
            memcpy(ret->after_hash.bytes, message->open->after_hash.data, HASH_BYTES);
        else if (ret->after_given)
            decoder_invalid(decoder, "after_hash", NULL, "is no hash of 32 bytes");
        return;
    case COMMISSION__FEED_ASK__ASK_CREDIT:
        *ret = (struct feed_ask){
            .verb = FEED_CREDIT, .feed = message->credit->feed, .credit = message->credit->credit};
        return;
    case COMMISSION__FEED_ASK__ASK_CLOSE:
        *ret = (struct feed_ask){.verb = FEED_CLOSE, .feed = message->close->feed};
        return;
    case COMMISSION__FEED_ASK__ASK__NOT_SET:
    case _COMMISSION__FEED_ASK__ASK__CASE_IS_INT_SIZE:
        break;
    }
    decoder_missing(decoder, "ask");
}

LIST_DECODER(codec_decode_feed_asks, struct feed_ask, Commission__FeedAsks,
             commission__feed_asks__descriptor, asks, decode_feed_ask)

enum status codec_decode_entries(struct slice bytes, struct arena *arena, struct feed_entries *ret)
{
    struct decoder decoder;
    struct feed_entries entries = {0};
    const Commission__Entries *message =
        open_frame(&decoder, arena, &commission__entries__descriptor, bytes);

    if (message != NULL) {
        entries.feed = message->feed;
        decode_entry_rows(&decoder, message->n_entries, message->entries, &entries.entries,
                          &entries.entries_count);
        entries.read_seq = message->read_seq;
        entries.error = decode_text(&decoder, "error", message->error, TEXT_BYTES_MAX, false);
    }
    enum status status = decoder_end(&decoder);
    if (status == STATUS_OK)
        *ret = entries;
    return status;
}

/* ---- workers' socket ---------------------------------------------------------------------- */

static void decode_hello(struct decoder *decoder, const Commission__Hello *message,
                         struct hello *ret)
{
    struct slice name = decode_text(decoder, "name", message->name, WORKER_NAME_SIZE - 1, true);

    if (name.len < WORKER_NAME_SIZE)
        copy_text(ret->name, sizeof ret->name, message->name);
    ret->capacity =
        decode_number(decoder, "capacity", message->capacity, WORKER_CAPACITY_MAX, true);
    if (message->n_stages == 0)
        decoder_missing(decoder, "stages");
    if (message->n_stages > STAGES_MAX) {
        decoder_invalid(decoder, "stages", NULL, "are more than 5");
        return;
    }
    for (size_t i = 0; i < message->n_stages; i++)
        ret->stages[i] =
            (enum stage)decode_number(decoder, "stages", message->stages[i], STAGE_REVIEW, true);
    ret->stages_count = (uint32_t)message->n_stages;
}

LIST_DECODER(codec_decode_hellos, struct hello, Commission__Hellos, commission__hellos__descriptor,
             hellos, decode_hello)

enum status codec_decode_welcome(struct slice bytes, struct arena *arena, struct welcome *ret)
{
    struct decoder decoder;
    struct welcome welcome = {0};
    const Commission__Welcomes *message =
        open_frame(&decoder, arena, &commission__welcomes__descriptor, bytes);

    if (message != NULL && message->n_welcomes != 1)
        decoder_missing(&decoder, "welcomes");
    else if (message != NULL) {
        const Commission__Welcome *one = message->welcomes[0];
        welcome.run = one->run;
        welcome.beat_ms = one->beat_ms;
        welcome.lease_ms = one->lease_ms;
        welcome.error = decode_text(&decoder, "error", one->error, TEXT_BYTES_MAX, false);
        welcome.accept_ms = one->accept_ms;
        welcome.drain = one->drain;
    }
    enum status status = decoder_end(&decoder);
    if (status == STATUS_OK)
        *ret = welcome;
    return status;
}

enum status codec_decode_beat(struct slice bytes, struct arena *arena, uint32_t *ret_leased)
{
    struct decoder decoder;
    uint32_t leased = 0;
    const Commission__Beats *message =
        open_frame(&decoder, arena, &commission__beats__descriptor, bytes);

    if (message != NULL && message->n_beats != 1)
        decoder_missing(&decoder, "beats");
    else if (message != NULL)
        leased = (uint32_t)decode_count(&decoder, "leased", message->beats[0]->leased,
                                        WORKER_CAPACITY_MAX);
    enum status status = decoder_end(&decoder);
    if (status == STATUS_OK)
        *ret_leased = leased;
    return status;
}

enum status codec_decode_bye(struct slice bytes, struct arena *arena, struct slice *ret_reason)
{
    struct decoder decoder;
    struct slice reason = {NULL, 0};
    const Commission__Byes *message =
        open_frame(&decoder, arena, &commission__byes__descriptor, bytes);

    if (message != NULL && message->n_byes != 1)
        decoder_missing(&decoder, "byes");
    else if (message != NULL)
        reason = decode_text(&decoder, "reason", message->byes[0]->reason, TEXT_BYTES_MAX, false);
    enum status status = decoder_end(&decoder);
    if (status == STATUS_OK)
        *ret_reason = reason;
    return status;
}

static void decode_assigned_providers(struct decoder *decoder,
                                      const Commission__Assignment *message, struct assignment *ret)
{
    struct organisation *providers =
        decoder_take(decoder, message->n_providers, PROVIDERS_MAX, sizeof *providers);

    if (providers == NULL)
        return;
    for (size_t i = 0; i < message->n_providers; i++)
        decode_organisation(decoder, message->providers[i], &providers[i]);
    ret->providers = providers;
    ret->providers_count = (uint32_t)message->n_providers;
}

static void decode_facts(struct decoder *decoder, const Commission__Assignment *message,
                         struct assignment *ret)
{
    struct slice *facts = decoder_take(decoder, message->n_facts, FACTS_MAX, sizeof *facts);

    if (facts == NULL)
        return;
    for (size_t i = 0; i < message->n_facts; i++)
        facts[i] = decode_bytes(decoder, "facts", message->facts[i], FACT_BYTES_MAX, true);
    ret->fact_bytes = facts;
    ret->facts_count = (uint32_t)message->n_facts;
}

static void decode_assignment(struct decoder *decoder, const Commission__Assignment *message,
                              struct assignment *ret)
{
    ret->token = (struct token){message->run, message->counter};
    ret->seq = message->seq;
    ret->attempt = message->attempt;
    ret->lease_ms = message->lease_ms;
    ret->event_bytes = decode_bytes(decoder, "event", message->event, EVENT_BYTES_MAX, true);
    ret->stage = (enum stage)decode_number(decoder, "stage", message->stage, STAGE_REVIEW, true);
    ret->adopted = message->adopted;
    ret->commissioner.opened_on = DATE_NONE;
    ret->commissioner.closed_on = DATE_NONE;
    if (message->commissioner != NULL)
        decode_organisation(decoder, message->commissioner, &ret->commissioner);
    decode_assigned_providers(decoder, message, ret);
    decode_facts(decoder, message, ret);
}

LIST_DECODER(codec_decode_assignments, struct assignment, Commission__Assignments,
             commission__assignments__descriptor, assignments, decode_assignment)

static void decode_accept(struct decoder *decoder, const Commission__Accept *message,
                          struct assignment_token *ret)
{
    ret->token = (struct token){message->run, message->counter};
    ret->seq = decode_count(decoder, "seq", message->seq, UINT64_MAX);
    if (message->seq == 0)
        decoder_missing(decoder, "seq");
}

LIST_DECODER(codec_decode_accepts, struct assignment_token, Commission__Accepts,
             commission__accepts__descriptor, accepts, decode_accept)

static void decode_progress(struct decoder *decoder, const Commission__Progress *message,
                            struct assignment_token *ret)
{
    ret->token = (struct token){message->run, message->counter};
    ret->seq = decode_count(decoder, "seq", message->seq, UINT64_MAX);
    if (message->seq == 0)
        decoder_missing(decoder, "seq");
}

LIST_DECODER(codec_decode_progresses, struct assignment_token, Commission__Progresses,
             commission__progresses__descriptor, progresses, decode_progress)

static void decode_finding(struct decoder *decoder, const Commission__Finding *message,
                           struct finding *ret)
{
    ret->token = (struct token){message->run, message->counter};
    ret->seq = message->seq;
    if (message->seq == 0)
        decoder_missing(decoder, "seq");
    decode_reasons(decoder, message->n_reasons, message->reasons, &ret->reasons,
                   &ret->reasons_count);
    ret->error = decode_text(decoder, "error", message->error, TEXT_BYTES_MAX, false);
}

LIST_DECODER(codec_decode_findings, struct finding, Commission__Findings,
             commission__findings__descriptor, findings, decode_finding)
