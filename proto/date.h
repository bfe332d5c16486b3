/* SPDX-License-Identifier: Apache-2.0 */
/* date.h - days, periods, financial years, moments. Civil dates of England; no clock is read here. */
#ifndef COMMISSION_DATE_H
#define COMMISSION_DATE_H

#include "proto/base.h"

/** A day: days since 1970-01-01, proleptic Gregorian. DATE_NONE: no day is given. */
typedef int32_t date_t;
#define DATE_NONE INT32_MIN
#define DATE_TEXT_SIZE 11   /* "2018-04-01", with NUL */
#define YEAR_TEXT_SIZE 8    /* "2018/19", with NUL */
#define MOMENT_TEXT_SIZE 25 /* "2018-04-01T09:30:00.123Z", with NUL */

/** From a day to a last day, both within; @to may be DATE_NONE: open. */
struct period {
    date_t from;
    date_t to;
};

/** What a wake-up saw: wall clock (UTC) and monotonic, in milliseconds. */
struct instant {
    int64_t wall_ms;
    int64_t mono_ms;
};

/** Read "YYYY-MM-DD" (RFC 3339 full-date), years 1900 to 2199. False: it is none, *@ret untouched. */
MUST_USE bool date_parse(const char *text, size_t len, date_t *ret);
/** Write @date, or "" for DATE_NONE. */
void date_print(date_t date, char ret[DATE_TEXT_SIZE]);
/** The day of @month (1..12) and @day (1..31), which must exist. */
date_t date_of(int32_t year, int32_t month, int32_t day);
/** The civil day in England (GMT or BST) at a moment, UTC milliseconds. */
date_t date_at(int64_t wall_ms);

/** The moment, UTC milliseconds, at which a civil day begins in England: midnight, GMT or BST. */
int64_t date_begins_ms(date_t date);

/** Monday to Friday, and no bank holiday of England: those of today's law, and what was proclaimed besides up to 2026. */
bool date_is_working(date_t date);
/** The @count-th (>= 1) working day after @date, which itself is not counted. */
date_t date_working_after(date_t date, uint32_t count);

bool period_contains(struct period period, date_t date);

/** The financial year of a day, by its first calendar year: 2018 is 2018-04-01 to 2019-03-31. */
int32_t financial_year_of(date_t date);
/** First and last day of a financial year. */
struct period financial_year_period(int32_t year);
/** Read "2018/19". False: it is none (also when the second half does not follow the first). */
MUST_USE bool financial_year_parse(const char *text, size_t len, int32_t *ret);
void financial_year_print(int32_t year, char ret[YEAR_TEXT_SIZE]);

/** Write a moment (UTC milliseconds) as RFC 3339. */
void moment_print(int64_t wall_ms, char ret[MOMENT_TEXT_SIZE]);
/** Read an RFC 3339 date-time with its offset. False: it is none. */
MUST_USE bool moment_parse(const char *text, size_t len, int64_t *ret);

#endif
