/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/date.h"

#include <string.h>

#define YEAR_MIN 1900
#define YEAR_MAX 2199
#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)
#define HOUR_MS ((int64_t)60 * 60 * 1000)
#define MINUTE_MS ((int64_t)60 * 1000)

/* Of the years that are read and printed: 1900-01-01 and 2199-12-31. */
#define DATE_MIN (-25567)
#define DATE_MAX 84005

struct civil {
    int32_t year;
    int32_t month;
    int32_t day;
};

static bool is_leap(int32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int32_t days_in(int32_t year, int32_t month)
{
    static const int32_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

static bool civil_exists(struct civil civil)
{
    return civil.month >= 1 && civil.month <= 12 && civil.day >= 1 &&
           civil.day <= days_in(civil.year, civil.month);
}

/* Years are counted from March, so that the leap day is the last: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
static date_t days_of(struct civil civil)
{
    int32_t year = civil.month <= 2 ? civil.year - 1 : civil.year;
    int32_t era = (year >= 0 ? year : year - 399) / 400;
    int32_t year_of_era = year - era * 400;
    int32_t month = civil.month > 2 ? civil.month - 3 : civil.month + 9;
    int32_t day_of_year = (153 * month + 2) / 5 + civil.day - 1;
    int32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return era * 146097 + day_of_era - 719468;
}

static struct civil civil_of(date_t date)
{
    int32_t days = date + 719468;
    int32_t era = (days >= 0 ? days : days - 146096) / 146097;
    int32_t day_of_era = days - era * 146097;
    int32_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int32_t month = (5 * day_of_year + 2) / 153;
    struct civil civil;

    civil.day = day_of_year - (153 * month + 2) / 5 + 1;
    civil.month = month < 10 ? month + 3 : month - 9;
    civil.year = year_of_era + era * 400 + (civil.month <= 2 ? 1 : 0);
    return civil;
}

static bool printable(date_t date)
{
    return date >= DATE_MIN && date <= DATE_MAX;
}

/** Read @count decimal digits. -1: they are none. */
static int32_t read_digits(const char *text, size_t count)
{
    int32_t value = 0;

    for (size_t i = 0; i < count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

static void print_digits(char *ret, size_t count, int64_t value)
{
    for (size_t i = count; i > 0; i--) {
        ret[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
}

bool date_parse(const char *text, size_t len, date_t *ret)
{
    if (len != DATE_TEXT_SIZE - 1 || text[4] != '-' || text[7] != '-')
        return false;
    struct civil civil = {read_digits(text, 4), read_digits(text + 5, 2), read_digits(text + 8, 2)};
    if (civil.year < YEAR_MIN || civil.year > YEAR_MAX || !civil_exists(civil))
        return false;
    *ret = days_of(civil);
    return true;
}

void date_print(date_t date, char ret[DATE_TEXT_SIZE])
{
    ret[0] = '\0';
    if (!printable(date))
        return;
    struct civil civil = civil_of(date);
    print_digits(ret, 4, civil.year);
    ret[4] = '-';
    print_digits(ret + 5, 2, civil.month);
    ret[7] = '-';
    print_digits(ret + 8, 2, civil.day);
    ret[10] = '\0';
}

date_t date_of(int32_t year, int32_t month, int32_t day)
{
    struct civil civil = {year, month, day};

    CHECK(year >= 0 && year <= 9999);
    CHECK(civil_exists(civil));
    return days_of(civil);
}

/** 0 is Sunday. 1970-01-01 was a Thursday. */
static int32_t weekday_of(date_t date)
{
    return (((date + 4) % 7) + 7) % 7;
}

/** The last Sunday of a month of 31 days. */
static date_t last_sunday(int32_t year, int32_t month)
{
    date_t last = days_of((struct civil){year, month, 31});

    return last - weekday_of(last);
}

/** The day a moment falls on, and the milliseconds since that day began (UTC). */
static date_t split_moment(int64_t wall_ms, int64_t *ret_ms_of_day)
{
    int64_t days = wall_ms / DAY_MS;
    int64_t ms_of_day = wall_ms % DAY_MS;

    if (ms_of_day < 0) {
        ms_of_day += DAY_MS;
        days--;
    }
    *ret_ms_of_day = ms_of_day;
    if (days < DATE_MIN)
        return DATE_MIN;
    return days > DATE_MAX ? DATE_MAX : (date_t)days;
}

/* Summer time runs from the last Sunday of March to the last of October, 01:00 UTC both (Summer Time Order 2002). */
date_t date_at(int64_t wall_ms)
{
    int64_t ms_of_day;
    date_t day = split_moment(wall_ms, &ms_of_day);
    int32_t year = civil_of(day).year;
    int64_t begins_ms = last_sunday(year, 3) * DAY_MS + HOUR_MS;
    int64_t ends_ms = last_sunday(year, 10) * DAY_MS + HOUR_MS;
    bool summer = wall_ms >= begins_ms && wall_ms < ends_ms;

    return summer && ms_of_day >= DAY_MS - HOUR_MS ? day + 1 : day;
}

/* At midnight of the Sunday on which summer time begins it is not summer yet, on which it ends it is still. */
int64_t date_begins_ms(date_t date)
{
    CHECK(date != DATE_NONE);
    int32_t year = civil_of(date).year;
    bool summer = date > last_sunday(year, 3) && date <= last_sunday(year, 10);

    return date * DAY_MS - (summer ? HOUR_MS : 0);
}

/* ---- working days ---- */

/** Easter Sunday: J. Meeus, "Astronomical Algorithms", chapter 8, the Gregorian calendar. */
static date_t easter(int32_t year)
{
    int32_t golden = year % 19;
    int32_t century = year / 100;
    int32_t skipped = (century + 8) / 25;
    int32_t epact = (19 * golden + century - century / 4 - (century - skipped + 1) / 3 + 15) % 30;
    int32_t weekday = (32 + 2 * (century % 4) + 2 * (year % 100 / 4) - epact - year % 100 % 4) % 7;
    int32_t late = (golden + 11 * epact + 22 * weekday) / 451;
    int32_t day = epact + weekday - 7 * late + 114;

    return days_of((struct civil){year, day / 31, day % 31 + 1});
}

/* Banking and Financial Dealings Act 1971, sch. 1, and royal proclamations. MOVED: not on the day of the rule, but here. */
static const struct {
    struct civil day;
    struct civil moved_from; /* year 0: one more */
} proclaimed[] = {
    {{2020, 5, 8}, {2020, 5, 4}},  /* 75 years after the war in Europe */
    {{2022, 6, 2}, {2022, 5, 30}}, /* the platinum jubilee, and the day after */
    {{2022, 6, 3}, {0, 0, 0}},     {{2022, 9, 19}, {0, 0, 0}}, /* the late queen's funeral */
    {{2023, 5, 8}, {0, 0, 0}},                                 /* the coronation */
};

static bool is_monday_of(date_t date, int32_t month, bool last)
{
    struct civil civil = civil_of(date);

    if (weekday_of(date) != 1 || civil.month != month)
        return false;
    return last ? civil.day + 7 > days_in(civil.year, month) : civil.day <= 7;
}

/** A holiday of a fixed day that falls on a weekend is kept on the next weekday that is none. */
static bool is_fixed_holiday(date_t date)
{
    struct civil civil = civil_of(date);
    int32_t weekday = weekday_of(date);

    if (civil.month == 1)
        return civil.day == 1 || (weekday == 1 && civil.day <= 3);
    if (civil.month != 12)
        return false;
    return civil.day == 25 || civil.day == 26 ||
           ((weekday == 1 || weekday == 2) && (civil.day == 27 || civil.day == 28));
}

static bool is_bank_holiday(date_t date)
{
    for (size_t i = 0; i < ARRAY_LEN(proclaimed); i++) {
        if (days_of(proclaimed[i].day) == date)
            return true;
        if (proclaimed[i].moved_from.year != 0 && days_of(proclaimed[i].moved_from) == date)
            return false;
    }
    date_t sunday = easter(civil_of(date).year);
    return date == sunday - 2 || date == sunday + 1 || is_monday_of(date, 5, false) ||
           is_monday_of(date, 5, true) || is_monday_of(date, 8, true) || is_fixed_holiday(date);
}

bool date_is_working(date_t date)
{
    int32_t weekday = weekday_of(date);

    return weekday != 0 && weekday != 6 && !is_bank_holiday(date);
}

date_t date_working_after(date_t date, uint32_t count)
{
    CHECK(count >= 1);
    CHECK(count <= 1000);

    while (count > 0) {
        date++;
        count -= date_is_working(date) ? 1 : 0;
    }
    return date;
}

bool period_contains(struct period period, date_t date)
{
    return date >= period.from && (period.to == DATE_NONE || date <= period.to);
}

int32_t financial_year_of(date_t date)
{
    CHECK(date != DATE_NONE);
    struct civil civil = civil_of(date);
    return civil.month >= 4 ? civil.year : civil.year - 1;
}

struct period financial_year_period(int32_t year)
{
    return (struct period){date_of(year, 4, 1), date_of(year + 1, 3, 31)};
}

bool financial_year_parse(const char *text, size_t len, int32_t *ret)
{
    if (len != YEAR_TEXT_SIZE - 1 || text[4] != '/')
        return false;
    int32_t first = read_digits(text, 4);
    int32_t second = read_digits(text + 5, 2);
    if (first < YEAR_MIN || first >= YEAR_MAX || second != (first + 1) % 100)
        return false;
    *ret = first;
    return true;
}

void financial_year_print(int32_t year, char ret[YEAR_TEXT_SIZE])
{
    ret[0] = '\0';
    if (year < 0 || year > 9999)
        return;
    print_digits(ret, 4, year);
    ret[4] = '/';
    print_digits(ret + 5, 2, (year + 1) % 100);
    ret[7] = '\0';
}

void moment_print(int64_t wall_ms, char ret[MOMENT_TEXT_SIZE])
{
    int64_t ms;
    date_t day = split_moment(wall_ms, &ms);

    ret[0] = '\0';
    if (wall_ms < DATE_MIN * DAY_MS || wall_ms >= (DATE_MAX + 1) * DAY_MS)
        return;
    date_print(day, ret);
    ret[10] = 'T';
    print_digits(ret + 11, 2, ms / HOUR_MS);
    ret[13] = ':';
    print_digits(ret + 14, 2, ms / MINUTE_MS % 60);
    ret[16] = ':';
    print_digits(ret + 17, 2, ms / 1000 % 60);
    ret[19] = '.';
    print_digits(ret + 20, 3, ms % 1000);
    ret[23] = 'Z';
    ret[24] = '\0';
}

/** Read "Z" or "+01:00", all of @len. False: it is none. */
static bool read_offset(const char *text, size_t len, int64_t *ret_ms)
{
    if (len == 1 && (text[0] == 'Z' || text[0] == 'z')) {
        *ret_ms = 0;
        return true;
    }
    if (len != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':')
        return false;
    int32_t hours = read_digits(text + 1, 2);
    int32_t minutes = read_digits(text + 4, 2);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
        return false;
    int64_t offset_ms = hours * HOUR_MS + minutes * MINUTE_MS;
    *ret_ms = text[0] == '-' ? -offset_ms : offset_ms;
    return true;
}

/** Read ".123456", to the millisecond; the rest of the digits is cut. Returns how many characters it was, 0: no digit. */
static size_t read_fraction(const char *text, size_t len, int64_t *ret_ms)
{
    int64_t ms = 0;
    size_t at = 1;

    for (; at < len && text[at] >= '0' && text[at] <= '9'; at++) {
        if (at <= 3)
            ms = ms * 10 + (text[at] - '0');
    }
    for (size_t digits = at; digits <= 3; digits++)
        ms *= 10;
    *ret_ms = ms;
    return at > 1 ? at : 0;
}

/** Read "09:30:00". A leap second is the first moment of the next minute. False: it is none. */
static bool read_clock(const char *text, int64_t *ret_ms)
{
    int32_t hour = read_digits(text, 2);
    int32_t minute = read_digits(text + 3, 2);
    int32_t second = read_digits(text + 6, 2);

    if (text[2] != ':' || text[5] != ':' || hour < 0 || hour > 23 || minute < 0 || minute > 59 ||
        second < 0 || second > 60)
        return false;
    *ret_ms = hour * HOUR_MS + minute * MINUTE_MS + second * 1000;
    return true;
}

bool moment_parse(const char *text, size_t len, int64_t *ret)
{
    date_t day;
    int64_t clock_ms;
    int64_t fraction_ms = 0;
    int64_t offset_ms;
    size_t at = 19;

    if (len < 20 || !date_parse(text, 10, &day) || (text[10] != 'T' && text[10] != 't') ||
        !read_clock(text + 11, &clock_ms))
        return false;
    if (text[at] == '.') {
        size_t fraction = read_fraction(text + at, len - at, &fraction_ms);
        if (fraction == 0)
            return false;
        at += fraction;
    }
    if (!read_offset(text + at, len - at, &offset_ms))
        return false;
    *ret = day * DAY_MS + clock_ms + fraction_ms - offset_ms;
    return true;
}
