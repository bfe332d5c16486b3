/* SPDX-License-Identifier: Apache-2.0 */
/* release.h - one OCDS release as values: what an importer looks at, checked for form. */
/*
 * OCDS 1.1 (and 1.0). Texts point into the release's JSON and live as long as it; NULL: not given. JSON null is "not given"
 * everywhere. What is wrong is a fault with its import code and its path within the release ("awards/0/value/amount");
 * a release with a fault that is no warning is not OCDS, and is not to be mapped.
 */
#ifndef COMMISSION_OCDS_RELEASE_H
#define COMMISSION_OCDS_RELEASE_H

#include "clients/ocds/fault.h"
#include "proto/base.h"
#include "proto/date.h"

struct json_t;

#define OCDS_PATH_SIZE 128
#define OCDS_PENCE_MAX 1000000000000000 /* 10^15: what an event can hold */

/** Bits of the tags that an importer tells apart; all others are OCDS_TAG_OTHER. */
enum ocds_tag {
    OCDS_TAG_TENDER = 1,
    OCDS_TAG_AWARD = 2,
    OCDS_TAG_OTHER = 4,
    OCDS_TAG_LATER = 8, /* an update or amendment: something must have come before it */
};

/** A sum of money. @pence is valid when @exact; @currency may be NULL. */
struct ocds_amount {
    bool given;
    bool exact;  /* whole pence, 0 to OCDS_PENCE_MAX in size */
    bool pounds; /* the currency is GBP */
    int64_t pence;
    const char *currency;
};

/** An organisation as far as it is identified: an official identifier where there is one, else the portal's own. */
struct ocds_organisation {
    const char *scheme; /* "GB-COH"; NULL: it is not identified */
    size_t scheme_len;
    const char *id;
    const char *name;
    bool vcse; /* said to be a voluntary, community or social enterprise */
};

enum ocds_award_status {
    OCDS_AWARD_NONE = 0, /* not said */
    OCDS_AWARD_PENDING,
    OCDS_AWARD_ACTIVE,
    OCDS_AWARD_CANCELLED,
    OCDS_AWARD_UNSUCCESSFUL,
};

struct ocds_award {
    const char *id;
    const char *title;
    enum ocds_award_status status;
    date_t date; /* DATE_NONE: not given */
    struct ocds_amount value;
    struct period period; /* days in England; DATE_NONE: not given */
    struct ocds_organisation *suppliers;
    uint32_t suppliers_count;
};

enum ocds_method {
    OCDS_METHOD_NONE = 0, /* not said */
    OCDS_METHOD_OPEN,
    OCDS_METHOD_SELECTIVE,
    OCDS_METHOD_LIMITED,
    OCDS_METHOD_DIRECT,
};

struct ocds_tender {
    bool given;
    const char *id;
    const char *title;
    enum ocds_method method;
    const char *method_details;
    struct ocds_amount value;
    date_t published;
    date_t closes_on;
};

struct ocds_release {
    struct json_t *json;
    char place[64]; /* in its file: "releases/3", "line 7"; "": the file is the release */
    const char *ocid;
    const char *id;
    int64_t date_ms;          /* UTC; valid when there is no error */
    uint32_t tags;            /* enum ocds_tag bits */
    char tag_text[64];        /* "award", "planning, tender" */
    const char *buyer_nhs_id; /* of scheme GB-NHS: an ODS code, as written; NULL: none */
    const char *buyer_name;
    struct ocds_tender tender;
    struct ocds_award *awards;
    uint32_t awards_count;
    struct ocds_faults faults;
    uint32_t number;                     /* the caller's own */
    const struct ocds_release *namesake; /* the first of this ocid and id; NULL: it is */
};

/** Read @release->json, an object, into the other members. False: out of memory. */
MUST_USE bool ocds_release_read(struct ocds_release *release);
/** Release what it holds; the JSON as well. */
void ocds_release_clear(struct ocds_release *release);
/** The same JSON: the same members with the same values, in any order. */
bool ocds_release_equal(const struct ocds_release *a, const struct ocds_release *b);

/**
 * Pounds as JSON has them (@real: not an integer) to pence, exactly: a decimal of at most 15 digits comes back from its double as it was
 * written. False: not whole pence, or beyond OCDS_PENCE_MAX either way.
 */
MUST_USE bool ocds_pence(double real, int64_t *ret);

#endif
