/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "clients/lib/client.h"
#include "tests/support/fake_daemon.h"

#include <string.h>
#include <unistd.h>

#define PATIENCE_MS 10000 /* for what must come: a failing test ends, too */
#define NOTED_MAX 4096
#define EVENTS_OF_A_BATCH 300

/* What the fake does, and what it saw. Read only while it is stopped. */
struct notes {
    uint32_t ignore_frames; /* of events: no answer */
    uint32_t busy_frames;   /* of events: BUSY for all in them */
    uint32_t retry_after_ms;
    bool late_verdicts;
    bool receipts_twice;
    bool no_verdicts;
    bool refuse;
    bool silent_questions;
    bool answers_before_reply;
    uint32_t frames;
    uint32_t events;
    uint32_t order[NOTED_MAX]; /* numbers of the events, as they came */
    uint32_t questions;
    uint64_t query_id;
    uint32_t opens;
    uint64_t from_seq;
    uint32_t credit;
    const char *feed_ended; /* answer the next credit with it */
    uint32_t mute_opens;    /* so many are not answered */
    bool empty_feed;        /* nothing for this reader: only how far was looked */
    uint32_t hellos;
    uint32_t beats;
    uint32_t byes;
    uint32_t findings;
    uint32_t accepts;
    uint64_t accepted; /* the sum of their seqs */
    uint32_t progresses;
    uint64_t progressed_last; /* the highest seq */
    bool assign_at_beat;      /* once more */
    bool forget_worker;       /* answer the next beat with an error */
    bool drain_worker;        /* say so with each answer to a beat */
    bool refuse_worker;
    struct event_id last_id;
};

struct fixture {
    struct fake *fake;
    struct commission *commission;
    struct notes notes;
    uint32_t answers;
    uint32_t receipts;
    uint32_t verdicts;
    uint32_t refusals;
};

/* ---- the fake ---- */

/* An event's number stands in the last four bytes of its id, and its id is the first field. */
static struct event_id id_of(uint32_t number)
{
    struct event_id id = {{0x01, 0x90}};

    memcpy(id.bytes + 12, &number, sizeof number);
    return id;
}

static struct event_id id_in(struct slice event)
{
    struct event_id id;

    CHECK(event.len > 18);
    memcpy(id.bytes, event.bytes + 2, sizeof id.bytes);
    return id;
}

static uint32_t number_in(struct event_id id)
{
    uint32_t number;

    memcpy(&number, id.bytes + 12, sizeof number);
    return number;
}

static void put_answer(struct fake *fake, enum answer_kind kind, struct event_id id,
                       const struct reason *reason, uint32_t retry_after_ms)
{
    struct answer answer = {
        .kind = kind,
        .id_known = true,
        .event_id = id,
        .seq = kind == ANSWER_REFUSED ? 0 : 7,
        .verdict = kind == ANSWER_VERDICT ? VERDICT_ACCEPTED : VERDICT_NONE,
        .verdict_seq = kind == ANSWER_VERDICT ? 8 : 0,
        .reasons = reason,
        .reasons_count = reason == NULL ? 0 : 1,
        .retry_after_ms = retry_after_ms,
    };

    codec_put_answer(fake_buffer(fake), &answer);
}

/* On an event of the same id in another workflow, received earlier as entry 5. */
static void put_late_verdict(struct fake *fake, struct event_id id)
{
    struct answer answer = {
        .kind = ANSWER_VERDICT,
        .id_known = true,
        .event_id = id,
        .seq = 5,
        .verdict = VERDICT_ACCEPTED,
        .verdict_seq = 6,
    };

    codec_put_answer(fake_buffer(fake), &answer);
}

static uint16_t put_answers(struct fake *fake, const struct notes *notes, struct event_id id,
                            bool busy)
{
    struct reason reason;
    struct reasons reasons = {.items = &reason, .max = 1};

    if (busy || notes->refuse) {
        reasons_add(&reasons, busy ? REASON_BUSY : REASON_SENDER_NOT_AUTHORISED, NULL, NULL, NULL,
                    NULL);
        put_answer(fake, ANSWER_REFUSED, id, &reason, busy ? notes->retry_after_ms : 0);
        return 1;
    }
    uint16_t count = 1;
    if (notes->late_verdicts) {
        put_late_verdict(fake, id);
        count++;
    }
    put_answer(fake, ANSWER_RECEIPT, id, NULL, 0);
    if (notes->late_verdicts) {
        put_late_verdict(fake, id);
        count++;
    }
    if (notes->receipts_twice) {
        put_answer(fake, ANSWER_RECEIPT, id, NULL, 0);
        count++;
    }
    if (!notes->no_verdicts) {
        reasons_add(&reasons, REASON_AWARD_AFTER_START, NULL, "contract_awarded.period_from",
                    "2018-04-01", NULL);
        put_answer(fake, ANSWER_VERDICT, id, &reason, 0);
        count++;
    }
    return count;
}

static void take_events(struct fake *fake, const struct frame *frame, struct notes *notes)
{
    const struct slice *events;
    uint32_t count;
    uint16_t answers = 0;

    CHECK(codec_split_events(frame->body, fake_arena(fake), &events, &count) == STATUS_OK);
    CHECK(count == frame->count);
    bool ignore = notes->ignore_frames > 0;
    bool busy = !ignore && notes->busy_frames > 0;
    for (uint32_t i = 0; i < count; i++) {
        struct event_id id = id_in(events[i]);
        if (notes->events < NOTED_MAX)
            notes->order[notes->events++] = number_in(id);
        notes->last_id = id;
        if (!ignore)
            answers = (uint16_t)(answers + put_answers(fake, notes, id, busy));
        if (answers > FRAME_MESSAGES_MAX - 4) {
            fake_send(fake, frame, MESSAGE_ANSWERS, answers);
            answers = 0;
        }
    }
    notes->frames++;
    notes->ignore_frames -= ignore ? 1 : 0;
    notes->busy_frames -= busy ? 1 : 0;
    if (answers > 0)
        fake_send(fake, frame, MESSAGE_ANSWERS, answers);
}

static void take_question(struct fake *fake, const struct frame *frame, struct notes *notes)
{
    const struct query *queries;
    uint32_t count;
    static const struct column columns[] = {{"name", COLUMN_TEXT, false}};
    const struct slice cells[] = {{(const uint8_t *)"x", 1}};
    struct reply reply = {
        .columns = columns, .columns_count = 1, .cells = cells, .rows_count = 1, .as_of_seq = 42};

    CHECK(codec_decode_queries(frame->body, fake_arena(fake), &queries, &count) == STATUS_OK);
    notes->questions++;
    uint64_t before = notes->query_id;
    notes->query_id = queries[0].query_id;
    if (notes->answers_before_reply) {
        put_answer(fake, ANSWER_VERDICT, notes->last_id, NULL, 0);
        fake_send(fake, frame, MESSAGE_ANSWERS, 1);
    }
    if (notes->silent_questions)
        return;
    reply.query_id = before == 0 ? queries[0].query_id + 1000 : before; /* to another question */
    reply.as_of_seq = 7;
    codec_put_reply(fake_buffer(fake), &reply);
    fake_send(fake, frame, MESSAGE_REPLIES, 1);
    reply.as_of_seq = 42;
    reply.query_id = queries[0].query_id;
    codec_put_reply(fake_buffer(fake), &reply);
    fake_send(fake, frame, MESSAGE_REPLIES, 1);
}

/* Each credit is one entry: 10 of them at once, and the rest when more credit comes. */
static void take_feed_ask(struct fake *fake, const struct frame *frame, struct notes *notes)
{
    const struct feed_ask *asks;
    uint32_t count;
    struct entry_row row = {.entry = {(const uint8_t *)"entry", 5}};
    struct feed_entries entries = {.entries = &row, .entries_count = 1};

    CHECK(codec_decode_feed_asks(frame->body, fake_arena(fake), &asks, &count) == STATUS_OK);
    if (asks[0].verb == FEED_OPEN) {
        notes->opens++;
        notes->from_seq = asks[0].from_seq;
        notes->credit = 0;
    }
    notes->credit += asks[0].credit;
    if (asks[0].verb == FEED_CLOSE)
        return;
    entries.feed = asks[0].feed;
    if (asks[0].verb == FEED_OPEN && notes->mute_opens > 0) {
        notes->mute_opens--;
        return;
    }
    if (asks[0].verb == FEED_CREDIT && notes->feed_ended != NULL) {
        entries.entries_count = 0;
        entries.error =
            (struct slice){(const uint8_t *)notes->feed_ended, strlen(notes->feed_ended)};
        notes->feed_ended = NULL;
        codec_put_entries(fake_buffer(fake), &entries);
        fake_send(fake, frame, MESSAGE_ENTRIES, 1);
        return;
    }
    if (notes->empty_feed) {
        entries.entries_count = 0;
        entries.read_seq = notes->from_seq + 49;
        codec_put_entries(fake_buffer(fake), &entries);
        fake_send(fake, frame, MESSAGE_ENTRIES, 1);
        return;
    }
    for (uint32_t i = 0; i < 200 && notes->credit > 0; i++) {
        row.seq = notes->from_seq++;
        entries.read_seq = row.seq;
        notes->credit--;
        codec_put_entries(fake_buffer(fake), &entries);
        fake_send(fake, frame, MESSAGE_ENTRIES, 1);
    }
}

static void put_assignment(struct fake *fake, uint64_t seq)
{
    struct assignment assignment = {
        .token = {.run = 1, .counter = seq},
        .seq = seq,
        .attempt = 1,
        .lease_ms = LEASE_MS,
        .stage = STAGE_REVIEW,
        .event_bytes = {(const uint8_t *)"event", 5},
        .commissioner = {.known = true,
                         .ods = {"02E"},
                         .kind = ORGANISATION_CCG,
                         .opened_on = date_of(2013, 4, 1),
                         .closed_on = DATE_NONE,
                         .entry_seq = 1},
    };

    codec_put_assignment(fake_buffer(fake), &assignment);
}

static void welcome(struct fake *fake, const struct frame *frame, struct notes *notes)
{
    struct welcome welcome = {.run = 1, .beat_ms = 20, .lease_ms = LEASE_MS};

    notes->hellos++;
    if (notes->refuse_worker)
        welcome.error = (struct slice){(const uint8_t *)"no", 2};
    codec_put_welcome(fake_buffer(fake), &welcome);
    fake_send(fake, frame, MESSAGE_WELCOMES, 1);
    if (notes->refuse_worker)
        return;
    for (uint64_t seq = 1; seq <= 3; seq++)
        put_assignment(fake, 100 * notes->hellos + seq);
    fake_send(fake, frame, MESSAGE_ASSIGNMENTS, 3);
}

static void answer_beat(struct fake *fake, const struct frame *frame, struct notes *notes)
{
    struct welcome answer = {.run = 1, .beat_ms = 20, .lease_ms = LEASE_MS};

    notes->beats++;
    answer.drain = notes->drain_worker;
    if (notes->forget_worker)
        answer.error = (struct slice){(const uint8_t *)"say HELLO", 9};
    notes->forget_worker = false;
    codec_put_welcome(fake_buffer(fake), &answer);
    fake_send(fake, frame, MESSAGE_WELCOMES, 1);
    if (!notes->assign_at_beat)
        return;
    notes->assign_at_beat = false;
    for (uint64_t seq = 901; seq <= 903; seq++)
        put_assignment(fake, seq);
    fake_send(fake, frame, MESSAGE_ASSIGNMENTS, 3);
}

static void take_findings(struct fake *fake, const struct frame *frame, struct notes *notes)
{
    const struct finding *findings;
    uint32_t count;

    CHECK(codec_decode_findings(frame->body, fake_arena(fake), &findings, &count) == STATUS_OK);
    notes->findings += count;
}

static void take_tokens(struct fake *fake, const struct frame *frame, struct notes *notes)
{
    const struct assignment_token *tokens;
    uint32_t count;
    bool accepts = frame->kind == MESSAGE_ACCEPTS;

    CHECK((accepts ? codec_decode_accepts(frame->body, fake_arena(fake), &tokens, &count)
                   : codec_decode_progresses(frame->body, fake_arena(fake), &tokens, &count)) ==
          STATUS_OK);
    CHECK(count == frame->count);
    *(accepts ? &notes->accepts : &notes->progresses) += count;
    for (uint32_t i = 0; i < count; i++) {
        CHECK(tokens[i].token.counter == tokens[i].seq);
        if (accepts)
            notes->accepted += tokens[i].seq;
        else if (tokens[i].seq > notes->progressed_last)
            notes->progressed_last = tokens[i].seq;
    }
}

static void handle(struct fake *fake, const struct frame *frame, void *arg)
{
    struct notes *notes = arg;

    if (frame->kind == MESSAGE_EVENTS)
        take_events(fake, frame, notes);
    else if (frame->kind == MESSAGE_QUERIES)
        take_question(fake, frame, notes);
    else if (frame->kind == MESSAGE_FEED_ASKS)
        take_feed_ask(fake, frame, notes);
    else if (frame->kind == MESSAGE_HELLOS)
        welcome(fake, frame, notes);
    else if (frame->kind == MESSAGE_FINDINGS)
        take_findings(fake, frame, notes);
    else if (frame->kind == MESSAGE_ACCEPTS || frame->kind == MESSAGE_PROGRESSES)
        take_tokens(fake, frame, notes);
    else if (frame->kind == MESSAGE_BYES)
        notes->byes++;
    else if (frame->kind == MESSAGE_BEATS)
        answer_beat(fake, frame, notes);
}

/* ---- the fixture ---- */

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    if (f == NULL)
        return -1;
    f->fake = fake_new();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    f->commission = commission_close(f->commission);
    fake_free(f->fake);
    free(f);
    return 0;
}

static void given_daemon(struct fixture *f)
{
    fake_start(f->fake, true, handle, &f->notes);
}

static void given_client(struct fixture *f, int64_t resend_ms)
{
    struct commission_options options = {
        .endpoint = fake_endpoint(f->fake),
        .server_key = fake_public_key(f->fake),
        .resend_ms = resend_ms,
    };

    assert_int_equal(commission_key_new(&options.public_key, options.secret_key), STATUS_OK);
    assert_int_equal(commission_open(&f->commission, &options), STATUS_OK);
}

static struct slice event_bytes(uint32_t number, uint8_t *bytes, size_t max)
{
    struct buffer buffer = {.bytes = bytes, .max = max};
    struct event event = {
        .id = id_of(number),
        .type = EVENT_NOTE,
        .lead = {"02E"},
        .reference = {"2018-physio"},
        .sender = {"02E"},
        .occurred_on = date_of(2018, 4, 1),
        .note_text = {(const uint8_t *)"seen", 4},
    };

    codec_encode_event(&buffer, &event);
    assert_false(buffer.full);
    return (struct slice){bytes, buffer.len};
}

static enum status send_event(struct fixture *f, uint32_t number, enum commission_wait wait)
{
    uint8_t bytes[512];

    return commission_send(f->commission, event_bytes(number, bytes, sizeof bytes), wait);
}

static void when_sent(struct fixture *f, uint32_t from, uint32_t to, enum commission_wait wait)
{
    for (uint32_t i = from; i <= to; i++)
        assert_int_equal(send_event(f, i, wait), STATUS_OK);
}

static void count_answers(struct fixture *f, const struct answer *answers, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        f->receipts += answers[i].kind == ANSWER_RECEIPT;
        f->verdicts += answers[i].kind == ANSWER_VERDICT;
        f->refusals += answers[i].kind == ANSWER_REFUSED;
    }
    f->answers += count;
}

static void when_all_is_answered(struct fixture *f)
{
    const struct answer *answers;
    uint32_t count;

    while (commission_unanswered(f->commission) > 0) {
        assert_int_equal(commission_answers(f->commission, PATIENCE_MS, &answers, &count),
                         STATUS_OK);
        count_answers(f, answers, count);
    }
}

/* ---- as a sender ---- */

static void events_of_a_batch_leave_in_few_frames_and_all_are_answered(void **state)
{
    struct fixture *f = *state;
    given_daemon(f);
    given_client(f, 0);

    when_sent(f, 1, EVENTS_OF_A_BATCH, COMMISSION_WAIT_VERDICT);
    when_all_is_answered(f);

    fake_stop(f->fake);
    assert_int_equal(f->receipts, EVENTS_OF_A_BATCH);
    assert_int_equal(f->verdicts, EVENTS_OF_A_BATCH);
    assert_int_equal(f->notes.frames, 1);
}

static void reasons_of_an_answer_can_be_read(void **state)
{
    struct fixture *f = *state;
    const struct answer *answers;
    uint32_t count;
    given_daemon(f);
    given_client(f, 0);

    when_sent(f, 1, 1, COMMISSION_WAIT_VERDICT);
    assert_int_equal(commission_answers(f->commission, PATIENCE_MS, &answers, &count), STATUS_OK);

    assert_int_equal(count, 2);
    assert_int_equal(answers[0].kind, ANSWER_RECEIPT);
    assert_int_equal(answers[0].reasons_count, 0);
    assert_int_equal(answers[1].reasons_count, 1);
    assert_int_equal(answers[1].reasons[0].code, REASON_AWARD_AFTER_START);
    assert_string_equal(answers[1].reasons[0].value, "2018-04-01");
}

static void who_waits_for_receipts_is_done_with_them(void **state)
{
    struct fixture *f = *state;
    f->notes.no_verdicts = true;
    given_daemon(f);
    given_client(f, 0);

    when_sent(f, 1, 5, COMMISSION_WAIT_RECEIPT);
    when_all_is_answered(f);

    assert_int_equal(f->receipts, 5);
    assert_int_equal(f->answers, 5);
}

static void a_receipt_that_comes_twice_appears_once(void **state)
{
    struct fixture *f = *state;
    f->notes.receipts_twice = true;
    given_daemon(f);
    given_client(f, 0);

    when_sent(f, 1, 5, COMMISSION_WAIT_VERDICT);
    when_all_is_answered(f);

    assert_int_equal(f->receipts, 5);
    assert_int_equal(f->verdicts, 5);
}

static void a_late_verdict_is_not_taken_for_one_on_the_next_event_of_its_id(void **state)
{
    struct fixture *f = *state;
    const struct answer *answers;
    uint32_t count;
    f->notes.late_verdicts = true;
    given_daemon(f);
    given_client(f, 0);

    when_sent(f, 1, 1, COMMISSION_WAIT_VERDICT);
    assert_int_equal(commission_answers(f->commission, PATIENCE_MS, &answers, &count), STATUS_OK);

    assert_int_equal(count, 2);
    assert_int_equal(answers[0].kind, ANSWER_RECEIPT);
    assert_int_equal(answers[1].kind, ANSWER_VERDICT);
    assert_int_equal(answers[1].seq, 7);
    assert_int_equal(commission_unanswered(f->commission), 0);
}

static void an_event_under_way_is_not_taken_twice(void **state)
{
    struct fixture *f = *state;
    given_client(f, 0);
    when_sent(f, 1, 1, COMMISSION_WAIT_VERDICT);

    assert_int_equal(send_event(f, 1, COMMISSION_WAIT_VERDICT), STATUS_EXISTS);
}

static void bytes_without_an_id_are_refused_at_once(void **state)
{
    struct fixture *f = *state;
    uint8_t cut[512];
    static const uint8_t short_id[] = {0x0a, 0x02, 1, 2};
    static const uint8_t no_id[] = {0x10, 20};
    static const uint8_t group[] = {0x0b, 0x0c};
    given_client(f, 0);
    struct slice event = event_bytes(1, cut, sizeof cut);

    event.len = 10;
    assert_int_equal(commission_send(f->commission, event, COMMISSION_WAIT_VERDICT),
                     STATUS_MALFORMED);
    assert_int_equal(commission_send(f->commission, (struct slice){short_id, sizeof short_id},
                                     COMMISSION_WAIT_VERDICT),
                     STATUS_MALFORMED);
    assert_int_equal(commission_send(f->commission, (struct slice){no_id, sizeof no_id},
                                     COMMISSION_WAIT_VERDICT),
                     STATUS_MALFORMED);
    assert_int_equal(commission_send(f->commission, (struct slice){group, sizeof group},
                                     COMMISSION_WAIT_VERDICT),
                     STATUS_MALFORMED);
    assert_int_equal(
        commission_send(f->commission, (struct slice){NULL, 0}, COMMISSION_WAIT_VERDICT),
        STATUS_MALFORMED);
    assert_int_equal(commission_unanswered(f->commission), 0);
}

static void an_event_over_its_limit_is_refused_at_once(void **state)
{
    struct fixture *f = *state;
    static uint8_t large[EVENT_BYTES_MAX + 1];
    given_client(f, 0);

    assert_int_equal(commission_send(f->commission, (struct slice){large, sizeof large},
                                     COMMISSION_WAIT_VERDICT),
                     STATUS_TOO_LARGE);
}

static void silence_is_answered_by_sending_again(void **state)
{
    struct fixture *f = *state;
    f->notes.ignore_frames = 2;
    given_daemon(f);
    given_client(f, 10);

    when_sent(f, 1, 3, COMMISSION_WAIT_VERDICT);
    when_all_is_answered(f);

    fake_stop(f->fake);
    static const uint32_t order[] = {1, 2, 3, 1, 2, 3, 1, 2, 3};
    assert_memory_equal(f->notes.order, order, sizeof order);
    assert_int_equal(f->verdicts, 3);
}

static void busy_is_waited_for_and_not_shown(void **state)
{
    struct fixture *f = *state;
    f->notes.busy_frames = 2;
    f->notes.retry_after_ms = 1;
    given_daemon(f);
    given_client(f, 60000); /* so that it is not silence that sends them again */

    when_sent(f, 1, 3, COMMISSION_WAIT_VERDICT);
    when_all_is_answered(f);

    fake_stop(f->fake);
    static const uint32_t order[] = {1, 2, 3, 1, 2, 3, 1, 2, 3};
    assert_memory_equal(f->notes.order, order, sizeof order);
    assert_int_equal(f->refusals, 0);
    assert_int_equal(f->verdicts, 3);
}

static void busy_is_waited_for_as_long_as_the_daemon_says(void **state)
{
    struct fixture *f = *state;
    f->notes.busy_frames = 1;
    f->notes.retry_after_ms = 150;
    given_daemon(f);
    given_client(f, 60000);

    when_sent(f, 1, 3, COMMISSION_WAIT_VERDICT);
    int64_t before_ms = channel_now_ms();
    when_all_is_answered(f);

    assert_true(channel_now_ms() - before_ms >= 150);
    assert_int_equal(f->refusals, 0);
}

static void a_refusal_is_the_last_word(void **state)
{
    struct fixture *f = *state;
    f->notes.refuse = true;
    given_daemon(f);
    given_client(f, 0);

    when_sent(f, 1, 3, COMMISSION_WAIT_VERDICT);
    when_all_is_answered(f);

    assert_int_equal(f->refusals, 3);
    assert_int_equal(f->answers, 3);
}

static void a_daemon_that_comes_later_gets_what_was_sent_before(void **state)
{
    struct fixture *f = *state;
    const struct answer *answers;
    uint32_t count;
    given_client(f, 0);
    when_sent(f, 1, 3, COMMISSION_WAIT_VERDICT);
    assert_int_equal(commission_answers(f->commission, 20, &answers, &count), STATUS_UNREACHABLE);

    given_daemon(f);
    when_all_is_answered(f);

    assert_int_equal(f->verdicts, 3);
}

static void a_daemon_that_restarts_gets_what_is_unanswered_again(void **state)
{
    struct fixture *f = *state;
    f->notes.no_verdicts = true;
    given_daemon(f);
    given_client(f, 60000); /* silence alone would take a minute */
    when_sent(f, 1, 3, COMMISSION_WAIT_VERDICT);
    while (f->receipts < 3) {
        const struct answer *answers;
        uint32_t count;
        assert_int_equal(commission_answers(f->commission, PATIENCE_MS, &answers, &count),
                         STATUS_OK);
        count_answers(f, answers, count);
    }

    fake_stop(f->fake);
    f->notes.no_verdicts = false;
    given_daemon(f);
    when_all_is_answered(f);

    fake_stop(f->fake);
    static const uint32_t order[] = {1, 2, 3, 1, 2, 3};
    assert_memory_equal(f->notes.order, order, sizeof order);
    assert_int_equal(f->receipts, 3);
    assert_int_equal(f->verdicts, 3);
}

static void a_refused_key_is_said_and_tried_again(void **state)
{
    struct fixture *f = *state;
    const struct answer *answers;
    uint32_t count;
    fake_accept(f->fake, false);
    given_daemon(f);
    given_client(f, 0);
    when_sent(f, 1, 1, COMMISSION_WAIT_VERDICT);
    assert_int_equal(commission_answers(f->commission, PATIENCE_MS, &answers, &count),
                     STATUS_UNREACHABLE);
    assert_true(commission_key_refused(f->commission));

    fake_accept(f->fake, true);
    enum status status = STATUS_UNREACHABLE;
    while (status == STATUS_UNREACHABLE)
        status = commission_answers(f->commission, PATIENCE_MS, &answers, &count);

    assert_int_equal(status, STATUS_OK);
    assert_false(commission_key_refused(f->commission));
}

/* ---- as a reader ---- */

static enum status ask(struct fixture *f, int64_t timeout_ms, const struct reply **ret)
{
    struct query query = {.command = {(const uint8_t *)"workflow list", 13}};

    return commission_ask(f->commission, &query, timeout_ms, ret);
}

static void a_question_gets_its_own_reply_and_no_other(void **state)
{
    struct fixture *f = *state;
    const struct reply *reply = NULL;
    given_daemon(f);
    given_client(f, 0);

    assert_int_equal(ask(f, PATIENCE_MS, &reply), STATUS_OK);
    uint64_t first = reply->query_id;
    assert_int_equal(reply->as_of_seq, 42);
    assert_int_equal(ask(f, PATIENCE_MS, &reply), STATUS_OK);

    assert_int_not_equal(reply->query_id, first);
    assert_int_equal(reply->as_of_seq, 42);
    assert_int_equal(reply->rows_count, 1);
    assert_memory_equal(reply->cells[0].bytes, "x", 1);
}

static void answers_that_come_during_a_question_are_kept(void **state)
{
    struct fixture *f = *state;
    const struct reply *reply = NULL;
    f->notes.no_verdicts = true;
    f->notes.answers_before_reply = true;
    given_daemon(f);
    given_client(f, 0);
    when_sent(f, 1, 1, COMMISSION_WAIT_VERDICT);

    assert_int_equal(ask(f, PATIENCE_MS, &reply), STATUS_OK);
    when_all_is_answered(f);

    assert_int_equal(reply->as_of_seq, 42); /* still valid */
    assert_int_equal(f->receipts, 1);
    assert_int_equal(f->verdicts, 1);
}

static void answers_that_came_are_handed_out_though_the_key_is_refused_since(void **state)
{
    struct fixture *f = *state;
    const struct reply *reply = NULL;
    const struct answer *answers;
    uint32_t count = 0;
    f->notes.answers_before_reply = true;
    given_daemon(f);
    given_client(f, 0);
    when_sent(f, 1, 1, COMMISSION_WAIT_VERDICT);
    assert_int_equal(ask(f, PATIENCE_MS, &reply), STATUS_OK);
    fake_stop(f->fake);
    fake_accept(f->fake, false);
    given_daemon(f);
    for (int i = 0; i < 100 && !commission_key_refused(f->commission); i++)
        (void)!ask(f, 200, &reply);
    assert_true(commission_key_refused(f->commission));

    enum status status = commission_answers(f->commission, 0, &answers, &count);

    assert_int_equal(status, STATUS_OK);
    count_answers(f, answers, count);
    assert_int_equal(f->verdicts, 1);
    assert_int_equal(commission_unanswered(f->commission), 0);
}

static void nobody_there_is_unreachable_and_no_reply_is_timed_out(void **state)
{
    struct fixture *f = *state;
    const struct reply *reply = NULL;
    given_client(f, 0);
    assert_int_equal(ask(f, 20, &reply), STATUS_UNREACHABLE);

    f->notes.silent_questions = true;
    given_daemon(f);
    enum status status = STATUS_UNREACHABLE;
    for (int i = 0; i < 100 && status == STATUS_UNREACHABLE; i++)
        status = ask(f, 200, &reply);

    assert_int_equal(status, STATUS_TIMED_OUT);
}

static void a_question_is_not_asked_twice_when_the_connection_breaks(void **state)
{
    struct fixture *f = *state;
    const struct reply *reply = NULL;
    const struct answer *answers;
    uint32_t count;
    given_daemon(f);
    given_client(f, 0);
    assert_int_equal(ask(f, PATIENCE_MS, &reply), STATUS_OK);
    fake_stop(f->fake);

    assert_int_not_equal(ask(f, 200, &reply), STATUS_OK); /* it did not leave, or got lost */
    given_daemon(f);
    when_sent(f, 1, 1, COMMISSION_WAIT_VERDICT);
    assert_int_equal(commission_answers(f->commission, PATIENCE_MS, &answers, &count), STATUS_OK);

    fake_stop(f->fake);
    assert_int_equal(f->notes.questions, 1);
}

static uint64_t read_feed_to(struct fixture *f, uint64_t from, uint64_t to)
{
    const struct feed_entries *entries;
    uint64_t expected = from;

    while (expected <= to) {
        assert_int_equal(commission_feed_next(f->commission, PATIENCE_MS, &entries), STATUS_OK);
        for (uint32_t i = 0; i < entries->entries_count; i++)
            assert_int_equal(entries->entries[i].seq, expected++);
    }
    return expected;
}

static void a_feed_goes_on_as_long_as_it_is_read(void **state)
{
    struct fixture *f = *state;
    given_daemon(f);
    given_client(f, 0);

    assert_int_equal(commission_feed(f->commission, 5), STATUS_OK);
    read_feed_to(f, 5, 1500);

    fake_stop(f->fake);
    assert_int_equal(f->notes.opens, 1);
}

static void a_feed_goes_on_where_it_was_after_a_restart(void **state)
{
    struct fixture *f = *state;
    given_daemon(f);
    given_client(f, 0);
    assert_int_equal(commission_feed(f->commission, 1), STATUS_OK);
    uint64_t next = read_feed_to(f, 1, 20);

    fake_stop(f->fake);
    given_daemon(f);
    next = read_feed_to(f, next, 600);

    fake_stop(f->fake);
    assert_true(next > 600);
    assert_int_equal(f->notes.opens, 2);
}

static void a_feed_goes_on_behind_what_was_looked_at(void **state)
{
    struct fixture *f = *state;
    const struct feed_entries *entries;
    f->notes.empty_feed = true;
    given_daemon(f);
    given_client(f, 0);
    assert_int_equal(commission_feed(f->commission, 1), STATUS_OK);
    assert_int_equal(commission_feed_next(f->commission, PATIENCE_MS, &entries), STATUS_OK);
    assert_int_equal(entries->entries_count, 0);
    assert_int_equal(entries->read_seq, 50);

    fake_stop(f->fake);
    given_daemon(f);
    assert_int_equal(commission_feed_next(f->commission, PATIENCE_MS, &entries), STATUS_OK);

    fake_stop(f->fake);
    assert_int_equal(f->notes.from_seq, 51);
}

static void a_feed_that_expired_is_opened_again_behind_what_was_read(void **state)
{
    struct fixture *f = *state;
    static const char *const said[] = {"EXPIRED: silent", "NOT_FOUND"};
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        f->notes = (struct notes){.feed_ended = said[i]};
        given_daemon(f);
        given_client(f, 0);
        assert_int_equal(commission_feed(f->commission, 5), STATUS_OK);

        read_feed_to(f, 5, 1500);

        f->commission = commission_close(f->commission);
        fake_stop(f->fake);
        assert_null(f->notes.feed_ended);
        assert_int_equal(f->notes.opens, 2);
    }
}

static void a_feed_that_says_nothing_is_opened_again(void **state)
{
    struct fixture *f = *state;
    f->notes.mute_opens = 2;
    given_daemon(f);
    given_client(f, 0);
    f->commission->reader.silence_ms = 200; /* not a minute */
    assert_int_equal(commission_feed(f->commission, 5), STATUS_OK);

    read_feed_to(f, 5, 300);

    fake_stop(f->fake);
    assert_true(f->notes.opens >= 3);
}

static void who_follows_anew_gets_nothing_of_the_old_feed(void **state)
{
    struct fixture *f = *state;
    const struct reply *reply = NULL;
    given_daemon(f);
    given_client(f, 0);
    assert_int_equal(commission_feed(f->commission, 1), STATUS_OK);
    read_feed_to(f, 1, 150); /* the rest is under way */

    assert_int_equal(commission_feed(f->commission, 5000), STATUS_OK);
    assert_int_equal(ask(f, PATIENCE_MS, &reply), STATUS_OK);

    read_feed_to(f, 5000, 5300);
}

static void entries_that_come_during_a_question_are_kept(void **state)
{
    struct fixture *f = *state;
    const struct reply *reply = NULL;
    given_daemon(f);
    given_client(f, 0);
    assert_int_equal(commission_feed(f->commission, 1), STATUS_OK);

    assert_int_equal(ask(f, PATIENCE_MS, &reply), STATUS_OK);
    assert_int_equal(ask(f, PATIENCE_MS, &reply), STATUS_OK);

    read_feed_to(f, 1, 300);
}

/* ---- as a worker ---- */

static const struct hello hello = {
    .stages = {STAGE_REVIEW}, .stages_count = 1, .name = "test", .capacity = 8};

static void given_joined(struct fixture *f)
{
    struct welcome welcome_got;

    given_daemon(f);
    given_client(f, 0);
    assert_int_equal(commission_join(f->commission, &hello, PATIENCE_MS, &welcome_got), STATUS_OK);
    assert_int_equal(welcome_got.beat_ms, 20);
}

static uint64_t when_assigned(struct fixture *f)
{
    const struct assignment *assignments;
    uint32_t count;
    enum status status = STATUS_TIMED_OUT;

    while (status == STATUS_TIMED_OUT || status == STATUS_UNREACHABLE)
        status = commission_assignments(f->commission, PATIENCE_MS, &assignments, &count);
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(count, 3);
    assert_string_equal(assignments[0].commissioner.ods.text, "02E");
    return assignments[0].seq;
}

static void a_worker_takes_assignments_and_reports_them_in_one_frame(void **state)
{
    struct fixture *f = *state;
    const struct finding findings[] = {{.seq = 101}, {.seq = 102}, {.seq = 103}};
    given_joined(f);

    when_assigned(f);
    assert_int_equal(commission_report(f->commission, findings, 3), STATUS_OK);
    commission_leave(f->commission, "done");
    f->commission = commission_close(f->commission); /* lingers, so that both arrive */

    assert_true(fake_wait(f->fake, MESSAGE_BYES, 1));
    fake_stop(f->fake);
    assert_int_equal(f->notes.findings, 3);
    assert_int_equal(f->notes.byes, 1);
}

static void a_worker_accepts_each_frame_of_assignments_in_one_message(void **state)
{
    struct fixture *f = *state;
    given_joined(f);

    when_assigned(f);

    assert_true(fake_wait(f->fake, MESSAGE_ACCEPTS, 3));
    fake_stop(f->fake);
    assert_int_equal(f->notes.accepts, 3);
    assert_int_equal(f->notes.accepted, 101 + 102 + 103);
}

static void a_worker_that_is_long_at_it_says_so_once_a_beat(void **state)
{
    struct fixture *f = *state;
    const struct assignment *assignments;
    uint32_t count;
    given_joined(f);
    assert_int_equal(commission_assignments(f->commission, PATIENCE_MS, &assignments, &count),
                     STATUS_OK);

    assert_int_equal(commission_progress(f->commission, assignments, count), STATUS_OK);
    int64_t since_ms = channel_now_ms();
    do
        assert_int_equal(commission_progress(f->commission, assignments + 1, count - 1), STATUS_OK);
    while (channel_now_ms() - since_ms < 90); /* a beat is 20 ms */
    assert_int_equal(commission_progress(f->commission, assignments + 1, count - 1), STATUS_OK);

    assert_true(fake_wait(f->fake, MESSAGE_PROGRESSES, 2));
    assert_true(fake_wait(f->fake, MESSAGE_BEATS, 1)); /* nor is that forgotten */
    fake_stop(f->fake);
    assert_in_range(f->notes.progresses, 2, 6 * 2);
    assert_int_equal(f->notes.progresses % 2, 0);
}

static void what_comes_while_a_worker_is_at_it_is_accepted_with_the_rest(void **state)
{
    struct fixture *f = *state;
    const struct assignment *assignments;
    uint32_t count;
    f->notes.assign_at_beat = true;
    given_joined(f);
    assert_int_equal(commission_assignments(f->commission, PATIENCE_MS, &assignments, &count),
                     STATUS_OK);

    int64_t until_ms = channel_now_ms() + PATIENCE_MS;
    while (f->commission->work.assignments.count == 0 && channel_now_ms() < until_ms)
        assert_int_equal(commission_progress(f->commission, assignments, 1), STATUS_OK);

    assert_true(fake_wait(f->fake, MESSAGE_PROGRESSES, 4));
    assert_int_equal(when_assigned(f), 901); /* and handed out at its turn */
    fake_stop(f->fake);
    assert_int_equal(f->notes.progressed_last, 903);
}

static void a_drained_worker_finishes_what_it_has_and_joins_no_more(void **state)
{
    struct fixture *f = *state;
    const struct finding findings[] = {{.seq = 101}, {.seq = 102}, {.seq = 103}};
    const struct assignment *assignments;
    uint32_t count;
    f->notes.drain_worker = true;
    given_joined(f);
    when_assigned(f);
    assert_true(fake_wait(f->fake, MESSAGE_HELLOS, 1));
    assert_false(commission_drained(f->commission));

    assert_int_equal(commission_report(f->commission, findings, 3), STATUS_OK);
    for (int i = 0; i < 1000 && !commission_drained(f->commission); i++)
        assert_int_equal(commission_assignments(f->commission, 20, &assignments, &count),
                         STATUS_TIMED_OUT); /* beats, and their answers */

    assert_true(commission_drained(f->commission));
    assert_true(fake_wait(f->fake, MESSAGE_FINDINGS, 3));
    fake_stop(f->fake);
    given_daemon(f);
    assert_int_equal(commission_assignments(f->commission, 100, &assignments, &count),
                     STATUS_UNREACHABLE);
    fake_stop(f->fake);
    assert_int_equal(f->notes.hellos, 1);
}

static void a_worker_beats_while_it_waits(void **state)
{
    struct fixture *f = *state;
    const struct assignment *assignments;
    uint32_t count;
    given_joined(f);
    when_assigned(f);

    assert_int_equal(commission_assignments(f->commission, 100, &assignments, &count),
                     STATUS_TIMED_OUT);

    assert_true(fake_wait(f->fake, MESSAGE_BEATS, 1));
    fake_stop(f->fake);
    assert_in_range(f->notes.beats, 1, 6);
}

static void a_worker_says_hello_again_after_a_restart(void **state)
{
    struct fixture *f = *state;
    given_joined(f);
    assert_int_equal(when_assigned(f), 101);

    fake_stop(f->fake);
    given_daemon(f);

    assert_int_equal(when_assigned(f), 201);
}

static void a_forgotten_worker_says_hello_again(void **state)
{
    struct fixture *f = *state;
    f->notes.forget_worker = true;
    given_joined(f);
    assert_int_equal(when_assigned(f), 101);

    assert_int_equal(when_assigned(f), 201);
}

static void a_refused_worker_is_told_why(void **state)
{
    struct fixture *f = *state;
    struct welcome welcome_got;
    f->notes.refuse_worker = true;
    given_daemon(f);
    given_client(f, 0);

    assert_int_equal(commission_join(f->commission, &hello, PATIENCE_MS, &welcome_got),
                     STATUS_REFUSED);

    assert_int_equal(welcome_got.error.len, 2);
    assert_memory_equal(welcome_got.error.bytes, "no", 2);
}

/* ---- opening ---- */

static void endpoints_and_keys_that_cannot_be_are_refused(void **state)
{
    struct fixture *f = *state;
    struct commission_options options = {.plain = true};
    static const char *const endpoints[] = {
        NULL, "", "inproc://x", "127.0.0.1:7401", "tcp://", "tcp://nowhere", "pgm://x"};

    for (size_t i = 0; i < ARRAY_LEN(endpoints); i++) {
        options.endpoint = endpoints[i];
        assert_int_equal(commission_open(&f->commission, &options), STATUS_INVALID);
    }
    options.endpoint = "ipc:///tmp/x";
    options.plain = false; /* and no keys */
    assert_int_equal(commission_open(&f->commission, &options), STATUS_INVALID);
    options.plain = true;
    options.resend_ms = -1;
    assert_int_equal(commission_open(&f->commission, &options), STATUS_INVALID);
    assert_null(f->commission);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(events_of_a_batch_leave_in_few_frames_and_all_are_answered),
        TEST(reasons_of_an_answer_can_be_read),
        TEST(who_waits_for_receipts_is_done_with_them),
        TEST(a_receipt_that_comes_twice_appears_once),
        TEST(a_late_verdict_is_not_taken_for_one_on_the_next_event_of_its_id),
        TEST(an_event_under_way_is_not_taken_twice),
        TEST(bytes_without_an_id_are_refused_at_once),
        TEST(an_event_over_its_limit_is_refused_at_once),
        TEST(silence_is_answered_by_sending_again),
        TEST(busy_is_waited_for_and_not_shown),
        TEST(busy_is_waited_for_as_long_as_the_daemon_says),
        TEST(a_refusal_is_the_last_word),
        TEST(a_daemon_that_comes_later_gets_what_was_sent_before),
        TEST(a_daemon_that_restarts_gets_what_is_unanswered_again),
        TEST(a_refused_key_is_said_and_tried_again),
        TEST(a_question_gets_its_own_reply_and_no_other),
        TEST(answers_that_come_during_a_question_are_kept),
        TEST(answers_that_came_are_handed_out_though_the_key_is_refused_since),
        TEST(nobody_there_is_unreachable_and_no_reply_is_timed_out),
        TEST(a_question_is_not_asked_twice_when_the_connection_breaks),
        TEST(a_feed_goes_on_as_long_as_it_is_read),
        TEST(a_feed_goes_on_where_it_was_after_a_restart),
        TEST(a_feed_goes_on_behind_what_was_looked_at),
        TEST(a_feed_that_expired_is_opened_again_behind_what_was_read),
        TEST(a_feed_that_says_nothing_is_opened_again),
        TEST(who_follows_anew_gets_nothing_of_the_old_feed),
        TEST(entries_that_come_during_a_question_are_kept),
        TEST(a_worker_takes_assignments_and_reports_them_in_one_frame),
        TEST(a_worker_accepts_each_frame_of_assignments_in_one_message),
        TEST(a_worker_that_is_long_at_it_says_so_once_a_beat),
        TEST(what_comes_while_a_worker_is_at_it_is_accepted_with_the_rest),
        TEST(a_drained_worker_finishes_what_it_has_and_joins_no_more),
        TEST(a_worker_beats_while_it_waits),
        TEST(a_worker_says_hello_again_after_a_restart),
        TEST(a_forgotten_worker_says_hello_again),
        TEST(a_refused_worker_is_told_why),
        TEST(endpoints_and_keys_that_cannot_be_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
