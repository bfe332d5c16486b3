/* SPDX-License-Identifier: Apache-2.0 */
/* message.h - what is spoken of, as plain values: events, entries, assignments, findings. */
/* Numbers of enumerators are the wire's (commission.proto). Slices belong to the bytes they were decoded from, or to its arena. */
#ifndef COMMISSION_MESSAGE_H
#define COMMISSION_MESSAGE_H

#include "proto/base.h"
#include "proto/date.h"
#include "proto/ident.h"
#include "proto/limits.h"
#include "proto/reason.h"

/* The kind in the first frame. */
enum message_kind {
    MESSAGE_EVENTS = 1,  /* client to daemon */
    MESSAGE_ANSWERS = 2, /* daemon to client */
    MESSAGE_QUERIES = 3,
    MESSAGE_REPLIES = 4,
    MESSAGE_FEED_ASKS = 5,
    MESSAGE_ENTRIES = 6,
    MESSAGE_HELLOS = 16, /* worker to daemon */
    MESSAGE_WELCOMES = 17,
    MESSAGE_BEATS = 18,
    MESSAGE_BYES = 19,
    MESSAGE_ASSIGNMENTS = 20, /* daemon to worker */
    MESSAGE_FINDINGS = 21,
    MESSAGE_ACCEPTS = 22, /* worker to daemon */
    MESSAGE_PROGRESSES = 23,
};

/* clang-format off */
/* name, number, kind of subject: every type of the catalogue; which are built stands in domain/needs. */
#define EVENT_TYPE_LIST(X)                                                                          \
    X(NEEDS_ASSESSED, 20) X(ADOPTED, 21) X(PROPOSAL_SCORED, 30) X(PRIORITIES_SET, 31)               \
    X(PROCUREMENT_STARTED, 40) X(PROCUREMENT_AMENDED, 41) X(BID_RECEIVED, 42) X(BIDS_EVALUATED, 43) \
    X(PROCUREMENT_ABANDONED, 44) X(AWARD_INTENDED, 50) X(REPRESENTATION_RECEIVED, 51)               \
    X(REPRESENTATION_DECIDED, 52) X(CONTRACT_AWARDED, 53) X(AWARD_WITHDRAWN, 54)                    \
    X(CONTRACT_SIGNED, 55) X(REVIEW_MEETING, 60) X(INDICATOR_MEASURED, 61)                          \
    X(PERFORMANCE_NOTICE, 62) X(RAP_AGREED, 63) X(RAP_BREACHED, 64) X(WITHHOLDING, 65)              \
    X(VARIATION, 66) X(TERMINATION, 67) X(REVIEW_COMPLETED, 68) X(GB_DECISION, 80)                  \
    X(COUNCIL_DECISION, 81) X(CONSULTATION_OPENED, 82) X(CONSULTATION_CLOSED, 83)                   \
    X(SIGN_OFF_ASKED, 84) X(SIGN_OFF, 85) X(AMENDED, 86) X(NOTE, 87) X(SUSPENDED, 88)               \
    X(RESUMED, 89) X(WITHDRAWN, 90) X(ORGANISATION_REGISTERED, 100) X(SUCCESSION, 101)              \
    X(PRACTICE_MEMBERSHIP, 102) X(GOVERNING_BODY_CHANGED, 103) X(CONSTITUTION_ADOPTED, 104)         \
    X(DELEGATION_SET, 105) X(INTEREST_DECLARED, 106) X(LOCALITY_SET, 107) X(LOCALITY_REPORT, 108)   \
    X(LOCALITY_SURPLUS_REINVESTED, 109) X(SUPPORT_CONTRACT, 110) X(FRAMEWORK_SUPPLIER, 111)         \
    X(JSNA_PUBLISHED, 112) X(JHWS_PUBLISHED, 113) X(CO_COMMISSIONING_LEVEL, 114)                    \
    X(COLLABORATION_PROPOSED, 115) X(COLLABORATION_ANSWERED, 116) X(COLLABORATION_ENDED, 117)       \
    X(RISK_POOL_SET, 118) X(RISK_POOL_DRAWN, 119) X(NEIGHBOUR_SET, 120) X(ALLOTMENT_SET, 121)       \
    X(RESOURCE_LIMIT_SET, 122) X(DIRECTION_ISSUED, 123) X(QUALITY_PAYMENT_RECEIVED, 124)            \
    X(QUALITY_PAYMENT_EXPLAINED, 125) X(ASSESSMENT_PUBLISHED, 126) X(HWB_VIEW, 127)                 \
    X(KEY_ADDED, 140) X(KEY_REVOKED, 141)
/* clang-format on */

#define EVENT_TYPE_ENUM(name, number) EVENT_##name = number,
enum event_type { EVENT_NONE = 0, EVENT_TYPE_LIST(EVENT_TYPE_ENUM) EVENT_TYPES_END };
#undef EVENT_TYPE_ENUM

enum stage {
    STAGE_NONE = 0,
    STAGE_NEEDS_ASSESSED = 1,
    STAGE_PRIORITIES_SET = 2,
    STAGE_PROCUREMENT = 3,
    STAGE_CONTRACT_AWARD = 4,
    STAGE_REVIEW = 5,
};
enum phase {
    PHASE_UNSPECIFIED = 0,
    PHASE_NONE = 1,
    PHASE_OPEN = 2,
    PHASE_COMPLETE = 3,
    PHASE_SUSPENDED = 4,
    PHASE_WITHDRAWN = 5,
};
enum verdict {
    VERDICT_NONE = 0,
    VERDICT_ACCEPTED = 1,
    VERDICT_HELD = 2,
    VERDICT_REJECTED = 3,
    VERDICT_WITHDRAWN = 4,
};
enum stage_state {
    STAGE_STATE_NONE = 0,
    STAGE_RUNNING = 1,
    STAGE_PAUSED = 2,   /* events are taken, and wait */
    STAGE_DRAINING = 3, /* what is there is finished, new events are refused */
};
enum timer_kind {
    TIMER_NONE = 0,
    TIMER_HELD_EXPIRY = 1,
    TIMER_BIDS_DUE = 2,
    TIMER_STANDSTILL = 3,
    TIMER_REVIEW_DUE = 4,
};
enum timer_level {
    TIMER_LEVEL_NONE = 0,
    TIMER_WARN = 1,
    TIMER_REMIND = 2,
    TIMER_ESCALATE = 3,
    TIMER_END = 4,
};
enum organisation_kind {
    ORGANISATION_NONE = 0,
    ORGANISATION_CCG = 1,
    ORGANISATION_ICB = 2,
    ORGANISATION_CSU = 3,
    ORGANISATION_NHSE = 4,
    ORGANISATION_HWB = 5,
    ORGANISATION_LA = 6,
    ORGANISATION_OPERATOR = 7,
    ORGANISATION_PROVIDER = 8,
    ORGANISATION_SUB_ICB = 9,
};
enum verb {
    VERB_NONE = 0,
    VERB_SUBMIT = 1,
    VERB_DECIDE = 2,
    VERB_READ = 3,
    VERB_WORK = 4,
    VERB_OPERATE = 5,
    VERB_BACKUP = 6,
};
#define VERB_BIT(verb) (1u << (verb))
enum service_category {
    CATEGORY_NONE = 0, /* not given */
    CATEGORY_ELECTIVE = 1,
    CATEGORY_REHABILITATION = 2,
    CATEGORY_URGENT_EMERGENCY = 3,
    CATEGORY_COMMUNITY = 4,
    CATEGORY_MENTAL_HEALTH = 5,
    CATEGORY_LEARNING_DISABILITY = 6,
    CATEGORY_OBESITY_T3 = 7,
    CATEGORY_SPECIALISED = 8,
    CATEGORY_GP_CORE = 9,
    CATEGORY_DENTAL = 10,
    CATEGORY_PHARMACY = 11,
    CATEGORY_OPTICAL = 12,
    CATEGORY_ARMED_FORCES = 13,
    CATEGORY_JUSTICE = 14,
    CATEGORY_PUBLIC_HEALTH = 15,
    CATEGORY_OBESITY_T2 = 16,
    CATEGORY_OBESITY_T4 = 17,
    CATEGORY_UNLISTED = 255, /* a number that is none of the list: for R36 to reject */
};
enum provider_kind {
    PROVIDER_NONE = 0,
    PROVIDER_NHS_TRUST = 1,
    PROVIDER_NHS_FT = 2,
    PROVIDER_GP_PRACTICE = 3,
    PROVIDER_INDEPENDENT = 4,
    PROVIDER_VCSE = 5,
    PROVIDER_LOCAL_AUTHORITY = 6,
    PROVIDER_OTHER = 7,
};
enum service_line {
    LINE_NONE = 0,
    LINE_PROCUREMENT = 1,
    LINE_CONTRACT_MANAGEMENT = 2,
    LINE_BUSINESS_INTELLIGENCE = 3,
    LINE_SERVICE_REDESIGN = 4,
    LINE_COMMUNICATIONS = 5,
    LINE_ENGAGEMENT = 6,
};
#define LINE_BIT(line) (1u << (line))
enum co_commissioning {
    CO_UNKNOWN = 0,
    CO_NONE = 1,
    CO_GREATER_INVOLVEMENT = 2,
    CO_JOINT = 3,
    CO_DELEGATED = 4,
};
enum route {
    ROUTE_NONE = 0,
    ROUTE_NOT_STATED = 1,
    ROUTE_LAST = 15, /* the others are named by route_name(); no rule of today tells them apart */
};

/* Names as on the wire; "?" for a number without one; static. */
const char *event_type_name(enum event_type type);
const char *stage_name(enum stage stage);
const char *phase_name(enum phase phase);
const char *verdict_name(enum verdict verdict);
const char *stage_state_name(enum stage_state state);
const char *timer_kind_name(enum timer_kind kind);
const char *timer_level_name(enum timer_level level);
const char *organisation_kind_name(enum organisation_kind kind);
const char *verb_name(enum verb verb);
const char *service_category_name(enum service_category category);
const char *route_name(enum route route);
/** Find by name, e.g. "NEEDS_ASSESSED"; false: no such name, *@ret untouched. */
MUST_USE bool event_type_find(const char *name, enum event_type *ret);
MUST_USE bool stage_find(const char *name, enum stage *ret);
MUST_USE bool organisation_kind_find(const char *name, enum organisation_kind *ret);
MUST_USE bool verb_find(const char *name, enum verb *ret);

/** True for a type about a register (or a key), which names an organisation, not a workflow. */
bool event_type_is_register(enum event_type type);

/* ---- events ------------------------------------------------------------------------------- */

struct provider {
    struct slice scheme; /* "GB-COH" */
    struct slice id;
    struct slice name;
    enum provider_kind kind;
};

struct year_value {
    int32_t year; /* 2018 for 2018/19 */
    int64_t pence;
};

/** AWARD_INTENDED and CONTRACT_AWARDED. Lists live in the arena. The period is closed: without a last day it ends with its first financial year. */
struct award {
    struct slice award_id;
    struct slice reference; /* of the notice or the contract */
    const struct provider *providers;
    uint32_t providers_count;
    int64_t value_pence;
    struct period period;
    const struct year_value *years; /* empty: split by days */
    uint32_t years_count;
    enum service_category category;
    bool excludes_unregistered;
};

struct needs_assessed {
    enum service_category category;
    bool registered_given;
    bool unregistered_given;
    uint64_t registered_count;
    uint64_t unregistered_count;
    uint32_t weight_management_tier; /* 0..4 */
    struct slice title;
    struct slice la_code;
    struct slice hwb_id;
};
struct adopted {
    enum stage stage;
    struct slice reason;
    struct slice evidence;
};
struct priorities_set {
    struct slice plan_reference;
    int64_t budget_pence;
};
struct procurement_started {
    enum route route;
    enum service_category category;
    int64_t value_pence;
    date_t closes_on;
    bool excludes_unregistered;
    struct slice title;
    struct slice notice_reference;
};
struct bid_received {
    struct slice bid_id;
    struct provider provider;
    int64_t value_pence;
};
struct bids_evaluated {
    struct slice preferred_bid_id;
    uint32_t bids_count;
};
struct award_withdrawn {
    struct slice award_id;
    struct slice reason;
};
struct organisation_registered {
    struct slice name;
    enum organisation_kind kind;
    date_t opened_on;
    date_t closed_on;
    struct ods successor;
};
struct support_contract {
    struct ods csu;
    uint32_t lines; /* LINE_BITs */
    struct period period;
};
struct co_commissioning_level {
    enum co_commissioning level;
    date_t from;
};
struct allotment_set {
    int32_t year;
    int64_t core_pence;
    int64_t running_cost_pence;
    int64_t primary_care_pence;
    int64_t non_recurrent_pence;
};
struct key_added {
    struct key public_key;
    enum organisation_kind kind;
    uint32_t verbs; /* VERB_BITs */
    struct slice label;
};
struct key_revoked {
    struct key public_key;
    struct slice reason;
};

/** One event, decoded and checked for form. For a register event @organisation is set, else @lead and @reference. */
struct event {
    struct event_id id;
    enum event_type type;
    struct ods lead;
    struct reference reference;
    struct ods organisation;
    struct ods sender;
    struct ods acting_for; /* "" unless a CSU acts */
    date_t occurred_on;
    bool after_given;
    uint64_t after;
    struct slice actor;
    struct slice bytes; /* the whole event as received */
    union {
        struct needs_assessed needs_assessed;
        struct adopted adopted;
        struct priorities_set priorities_set;
        struct procurement_started procurement_started;
        struct bid_received bid_received;
        struct bids_evaluated bids_evaluated;
        struct slice abandoned_reason;
        struct award award; /* AWARD_INTENDED, CONTRACT_AWARDED */
        struct award_withdrawn award_withdrawn;
        struct slice review_summary;
        struct slice note_text;
        struct slice phase_reason; /* SUSPENDED, RESUMED, WITHDRAWN */
        struct organisation_registered organisation_registered;
        struct support_contract support_contract;
        struct co_commissioning_level co_commissioning_level;
        struct allotment_set allotment_set;
        struct key_added key_added;
        struct key_revoked key_revoked;
    };
};

/** The commissioner for whom an event is sent: acting_for of a CSU's, else the sender. */
struct ods event_commissioner(const struct event *event);

/* ---- registers ---------------------------------------------------------------------------- */

/** What a key proves. @key_seq: the entry that added it; 0: the first operator's, from the configuration. */
struct principal {
    struct key public_key;
    struct ods organisation;
    enum organisation_kind kind;
    uint32_t verbs; /* VERB_BITs */
    uint64_t key_seq;
};

/** An organisation as a day saw it. @known is false: not registered, nothing else is set. */
struct organisation {
    bool known;
    struct ods ods;
    enum organisation_kind kind;
    date_t opened_on;
    date_t closed_on; /* last day; DATE_NONE: open */
    struct ods successor;
    enum co_commissioning co_level; /* on that day; CO_UNKNOWN: never set, as CO_NONE */
    char name[NAME_SIZE];
    uint64_t entry_seq;
};

bool organisation_open_on(const struct organisation *organisation, date_t date);

/* ---- the journal -------------------------------------------------------------------------- */

/* clang-format off */
/* name, number: what an entry tells; numbers are those of the wire's Entry.body. */
#define ENTRY_KIND_LIST(X)                                                                          \
    X(STARTED, 10) X(RECEIVED, 11) X(JUDGED, 12) X(RECORDED, 13) X(ATTEMPT_FAILED, 14)              \
    X(WAIT_ENDED, 15) X(LATE_FINDING, 16) X(RETRIED, 17) X(EVENT_WITHDRAWN, 18)                     \
    X(STAGE_SET, 19) X(OPERATED, 20) X(TIMER_FIRED, 21)
/* clang-format on */

#define ENTRY_KIND_ENUM(name, number) ENTRY_##name = number,
enum entry_kind { ENTRY_NONE = 0, ENTRY_KIND_LIST(ENTRY_KIND_ENUM) };
#undef ENTRY_KIND_ENUM

/** As on the wire, in capitals: "ATTEMPT_FAILED"; "?" for a number without one; static. */
const char *entry_kind_name(enum entry_kind kind);

/** Which assignment of an event: the newest one's finding counts. */
struct token {
    uint64_t run;
    uint64_t counter;
};

/** What a timer will do when it is due. */
struct timer_set {
    enum timer_kind kind;
    uint64_t of_seq; /* the event it is about; 0: the workflow */
    enum timer_level level;
    int64_t due_ms; /* wall clock; 0: there is none any more */
};

enum ledger_kind {
    LEDGER_NONE = 0,
    LEDGER_ALLOTMENT = 1,
    LEDGER_RESERVATION = 2,
    LEDGER_COMMITMENT = 3
};

/** One movement of money: @pence is the change. */
struct ledger_line {
    struct ods ods;
    int32_t year;
    enum ledger_kind kind;
    int64_t pence;
    bool uncovered;
};

enum wait_kind { WAIT_NONE = 0, WAIT_ALLOTMENT = 1, WAIT_RESUMED = 2 };

/** What a held event waits for. */
struct wait {
    enum wait_kind kind;
    struct ods ods;  /* ALLOTMENT */
    int32_t year;    /* ALLOTMENT */
    uint64_t number; /* RESUMED: the workflow */
};

/** One entry. Lists belong to whoever made or decoded it. Only the members of its kind are set. */
struct entry {
    uint64_t seq;
    int64_t at_ms;
    uint64_t number;
    uint64_t previous;
    const struct ods *audience;
    uint32_t audience_count;
    enum entry_kind kind;

    /* STARTED */
    uint64_t run;
    struct slice version;
    struct slice journal_id;

    /* RECEIVED, RECORDED: */
    struct slice event;
    uint64_t key_seq; /* also of an order */

    /* JUDGED, RECORDED: */
    uint64_t of_seq; /* also of all others that are about one event */
    enum verdict verdict;
    const struct reason *reasons; /* also LATE_FINDING */
    uint32_t reasons_count;
    const struct ledger_line *lines;
    uint32_t lines_count;
    const struct wait *waits;
    uint32_t waits_count;
    enum stage stage;
    enum phase phase;
    enum service_category category;
    bool keeps_fact;
    struct slice worker; /* also ATTEMPT_FAILED, LATE_FINDING */
    uint32_t attempt;    /* also ATTEMPT_FAILED, LATE_FINDING */
    const struct timer_set *timers;
    uint32_t timers_count;
    int64_t shift_ms; /* RESUMED is accepted: so much later are all timers of the workflow due */

    /* ATTEMPT_FAILED: */
    struct slice error; /* also LATE_FINDING */
    int64_t next_at_ms; /* 0 where parked */
    bool parked;

    /* WAIT_ENDED: */
    uint64_t by_seq; /* 0 where expired */
    bool expired;

    /* LATE_FINDING: */
    struct token token;

    /* An order (with key_seq): RETRIED, EVENT_WITHDRAWN, STAGE_SET, OPERATED. */
    struct ods by;
    struct slice order_reason;
    /* EVENT_WITHDRAWN: */
    bool discarded;
    uint64_t before_seq; /* the event before it in its workflow's queue; 0: none */
    /* STAGE_SET, with stage: */
    enum stage_state stage_state;
    /* OPERATED: */
    struct slice command;

    /* TIMER_FIRED: what was due, and what comes next. */
    struct timer_set timer;
    enum timer_level next_level;
    int64_t next_due_ms; /* 0: that was the last */
    struct slice role;
};

/* ---- answers ------------------------------------------------------------------------------ */

enum answer_kind { ANSWER_NONE = 0, ANSWER_RECEIPT = 1, ANSWER_VERDICT = 2, ANSWER_REFUSED = 3 };

struct answer {
    enum answer_kind kind;
    bool id_known;
    struct event_id event_id;
    uint64_t seq;
    struct hash entry_hash; /* of a receipt's @seq, of a verdict's @verdict_seq */
    bool repeated;
    enum verdict verdict;
    uint64_t verdict_seq;
    const struct reason *reasons;
    uint32_t reasons_count;
    uint32_t retry_after_ms;
};

/* ---- questions ---------------------------------------------------------------------------- */

struct argument {
    struct slice name;
    struct slice value;
};

struct query {
    uint64_t query_id;
    struct slice command; /* "workflow list" */
    const struct argument *arguments;
    uint32_t arguments_count;
    struct slice body;
    uint32_t rows_max;
    struct slice resume;
};

enum column_type {
    COLUMN_NONE = 0,
    COLUMN_TEXT = 1,
    COLUMN_NUMBER = 2,
    COLUMN_BOOLEAN = 3,
    COLUMN_DATE = 4,
    COLUMN_MOMENT = 5,
    COLUMN_PENCE = 6,
};

struct column {
    const char *name;
    enum column_type type;
    bool wide;
};

/** An entry with its place in the chain, as bytes. */
struct entry_row {
    uint64_t seq;
    struct hash hash;
    struct slice entry;
};

/** A table. @cells has rows_count * columns_count of them, row by row; lists live in the arena. */
struct reply {
    uint64_t query_id;
    struct slice error; /* empty: it went well */
    struct slice error_text;
    struct slice resume;
    uint64_t as_of_seq;
    const struct column *columns;
    uint32_t columns_count;
    const struct slice *cells;
    uint32_t rows_count;
    const struct entry_row *entries;
    uint32_t entries_count;
    const struct reason *reasons;
    uint32_t reasons_count;
    struct slice data; /* raw bytes, of a backup */
};

enum feed_verb { FEED_NONE = 0, FEED_OPEN = 1, FEED_CREDIT = 2, FEED_CLOSE = 3 };

struct feed_ask {
    enum feed_verb verb;
    uint64_t feed;
    uint64_t from_seq;
    uint32_t credit;
    bool after_given;       /* OPEN: */
    struct hash after_hash; /* of the entry before @from_seq, as the reader has it */
};

/** What a feed's reader gets. */
struct feed_entries {
    uint64_t feed;
    const struct entry_row *entries;
    uint32_t entries_count;
    uint64_t read_seq;
    struct slice error;
};

/* ---- workers ------------------------------------------------------------------------------ */

struct hello {
    enum stage stages[STAGES_MAX];
    uint32_t stages_count;
    char name[WORKER_NAME_SIZE];
    uint32_t capacity;
};

struct welcome {
    uint64_t run;
    uint32_t beat_ms;
    uint32_t lease_ms;
    struct slice error; /* empty: joined */
    uint32_t accept_ms;
    bool drain; /* finish what you hold, then say BYE */
};

/** The assignment @token of the event @seq: accepted, or still at work. */
struct assignment_token {
    struct token token;
    uint64_t seq;
};

/** An event given to a worker with the facts it needs. Lists live in the arena. */
struct assignment {
    struct token token;
    uint64_t seq;
    uint32_t attempt;
    uint32_t lease_ms;
    enum stage stage;
    bool adopted;
    struct slice event_bytes;
    struct organisation commissioner;
    const struct organisation *providers; /* those of the event's that are registered */
    uint32_t providers_count;
    const struct slice *fact_bytes; /* earlier accepted events, oldest first */
    uint32_t facts_count;
};

struct finding {
    struct token token;
    uint64_t seq;
    const struct reason *reasons;
    uint32_t reasons_count;
    struct slice error; /* not empty: the worker could not judge */
};

#endif
