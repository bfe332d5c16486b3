/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h - inside libcommission: one connection and its three roles, each in a file of its own.
 */
/*
 * Every public call that waits turns client_turn() until it has what it wants. A turn notices a
 * new connection, lets the roles say what is due (keep_up), takes in what has come (each kind to
 * its role, whoever is waiting), and only then waits. So an answer that comes during a question is
 * gathered, and an entry that comes during a send is kept.
 */
#ifndef COMMISSION_CLIENT_H
#define COMMISSION_CLIENT_H

#include "clients/lib/channel.h"
#include "clients/lib/commission.h"
#include "clients/lib/inbox.h"
#include "clients/lib/pending.h"
#include "proto/arena.h"
#include "proto/codec.h"

#define NEVER_MS INT64_MAX

/** Answers, copied out of their frames; the reasons' pointers are set when they are handed out. */
struct answer_list {
    struct answer *answers;
    uint32_t *first_reason;
    uint32_t count;
    uint32_t max;
    struct reason *reasons;
    uint32_t reasons_count;
    uint32_t reasons_max;
};

struct sender {
    struct pending *pending;
    struct arena *arena;
    struct buffer frame; /* being filled, or waiting to leave */
    uint16_t frame_count;
    struct answer_list gathered;
    uint32_t gathered_last; /* events that are done with once these are handed out */
    struct answer_list handed;
    int64_t resend_ms;
    int64_t quiet_since_ms; /* the last time an event left or a first answer came */
    uint32_t silences;      /* in a row: each doubles the patience */
    int64_t hold_until_ms;  /* the daemon is busy */
    uint64_t chance;        /* so that many who were told to wait do not come back at once */
};

struct reader {
    struct arena *reply_arena;
    struct frame reply_frame;
    bool reply_kept;
    const struct reply *reply;
    uint64_t query_id;

    struct arena *feed_arena;
    bool following;
    bool asked; /* on the present connection */
    bool handed;
    uint64_t feed;
    uint64_t next_seq;
    uint32_t credit;    /* entries the daemon may still send */
    int64_t heard_ms;   /* when the feed was opened or last said something */
    int64_t silence_ms; /* after so long without a word it is opened again */
    struct inbox entries;
    struct frame handed_frame;
    struct feed_entries handed_entries;
};

struct work {
    struct arena *arena;
    struct hello hello;
    bool wanted;
    bool asked; /* HELLO has left on the present connection */
    bool joined;
    bool refused;
    bool handed;
    bool drain;          /* an operator drains us: nothing more comes, and no HELLO is said again */
    bool beats_answered; /* this daemon answers beats, so its silence means something */
    int64_t asked_at_ms;
    int64_t beat_at_ms;
    int64_t heard_at_ms;
    int64_t progress_at_ms; /* not to be said before */
    struct welcome welcome;
    char error[200];
    uint32_t leased;
    struct inbox assignments;
    struct frame handed_frame;
};

struct commission {
    struct channel *channel;
    uint64_t connections; /* as many as the roles know of */
    struct buffer out;    /* queries, findings and other small things */
    struct sender sender;
    struct reader reader;
    struct work work;
};

/** When to give up, by channel_now_ms(). */
int64_t client_deadline(int64_t timeout_ms);
/**
 * One turn, waiting until @deadline_ms at most. STATUS_OK: look again. STATUS_TIMED_OUT;
 * STATUS_UNREACHABLE: and there never was a connection. Others: the connection is of no use.
 */
MUST_USE enum status client_turn(struct commission *commission, int64_t deadline_ms, bool writable);
/** Tell the roles of a new connection, before anything is sent on it. */
void client_notice(struct commission *commission);
/** Make an arena for decoding where there is none yet. STATUS_OK, STATUS_NO_MEMORY. */
MUST_USE enum status client_arena(struct arena **arena);
/** Send what stands in @commission->out as one message, and empty it. */
MUST_USE enum status client_send_out(struct commission *commission, enum message_kind kind,
                                     uint16_t count);

/*
 * Each role: make and release; a new connection; what is due now; when something will be due; a
 * frame of its own.
 */
MUST_USE enum status sender_init(struct sender *sender, const struct commission_options *options);
void sender_clear(struct sender *sender);
void sender_reconnected(struct commission *commission);
MUST_USE enum status sender_keep_up(struct commission *commission, int64_t now_ms);
int64_t sender_due_ms(const struct commission *commission, int64_t now_ms);
MUST_USE enum status sender_take(struct commission *commission, const struct frame *frame);
/**
 * The last field @number of an encoded event, of bytes or text, found without decoding the rest: the
 * daemon is the judge of that. False: it has none, or is no message.
 */
MUST_USE bool sender_find_field(struct slice event, uint32_t number, struct slice *ret);
MUST_USE bool sender_find_event_id(struct slice event, struct event_id *ret);
/** Something waits only for room on the way out. */
bool sender_waits(const struct commission *commission, int64_t now_ms);

void reader_init(struct reader *reader);
void reader_clear(struct reader *reader);
/** When a feed that says nothing is to be opened again, or NEVER_MS. */
int64_t reader_due_ms(const struct commission *commission);
/** Nothing is there to be read. True: the feed has said nothing for too long, the next turn opens it again. */
bool reader_notice_silence(struct commission *commission, int64_t now_ms);
void reader_reconnected(struct commission *commission);
MUST_USE enum status reader_keep_up(struct commission *commission);
/** Both take @frame over. */
MUST_USE enum status reader_take_replies(struct commission *commission, struct frame *frame);
MUST_USE enum status reader_take_entries(struct commission *commission, struct frame *frame);

void work_clear(struct work *work);
void work_reconnected(struct commission *commission);
MUST_USE enum status work_keep_up(struct commission *commission, int64_t now_ms);
int64_t work_due_ms(const struct commission *commission);
MUST_USE enum status work_take_welcome(struct commission *commission, const struct frame *frame);
/** Takes @frame over. */
MUST_USE enum status work_take_assignments(struct commission *commission, struct frame *frame);
/** The daemon says that it does not know us (any more). */
void work_forgotten(struct commission *commission);

#endif
