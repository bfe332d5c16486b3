/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/domain/ledger.h"

void pence_print(int64_t pence, char ret[PENCE_TEXT_SIZE])
{
    char digits[PENCE_TEXT_SIZE];
    uint64_t amount = pence < 0 ? (uint64_t)(-(pence + 1)) + 1 : (uint64_t)pence;
    uint32_t len = 0;
    uint32_t places = 0;

    /* From the right: pence, a point, pounds with a comma after each three. */
    do {
        if (places == 2)
            digits[len++] = '.';
        else if (places > 2 && (places - 2) % 3 == 0)
            digits[len++] = ',';
        digits[len++] = (char)('0' + amount % 10);
        amount /= 10;
        places++;
    } while (amount > 0 || places < 3);

    uint32_t out = 0;
    if (pence < 0)
        ret[out++] = '-';
    while (len > 0)
        ret[out++] = digits[--len];
    ret[out] = '\0';
}

int64_t ledger_left_pence(const struct ledger_year *year)
{
    if (!year->allotted)
        return 0;
    return year->allotment_pence - year->reserved_pence - year->committed_pence;
}

void ledger_add(struct ledger_year *year, const struct ledger_line *line)
{
    CHECK(ods_equal(year->ods, line->ods));
    CHECK(year->year == line->year);

    switch (line->kind) {
    case LEDGER_ALLOTMENT:
        year->allotted = true;
        year->allotment_pence += line->pence;
        year->uncovered_pence = 0;
        break;
    case LEDGER_RESERVATION:
        year->reserved_pence += line->pence;
        break;
    case LEDGER_COMMITMENT:
        year->committed_pence += line->pence;
        break;
    case LEDGER_NONE:
        CHECK(line->kind != LEDGER_NONE);
        break;
    }
    if (line->uncovered)
        year->uncovered_pence += line->pence;
}

static int64_t days_within(struct period a, struct period b)
{
    date_t from = a.from > b.from ? a.from : b.from;
    date_t to = a.to < b.to ? a.to : b.to;
    return to < from ? 0 : (int64_t)to - from + 1;
}

/** value * days / all, rounded down, and what is left over of it; no overflow: value <= 10^15, days < 2^15. */
static int64_t share_of(int64_t value, int64_t days, int64_t all, int64_t *ret_remainder)
{
    *ret_remainder = (value % all) * days % all;
    return value / all * days + (value % all) * days / all;
}

uint32_t ledger_split(const struct award *award, struct year_value *ret)
{
    if (award->years_count > 0) {
        CHECK(award->years_count <= YEARS_MAX);
        for (uint32_t i = 0; i < award->years_count; i++)
            ret[i] = award->years[i];
        return award->years_count;
    }

    struct period period = award->period;
    if (period.to == DATE_NONE)
        period.to = period.from;
    int32_t first = financial_year_of(period.from);
    int32_t last = financial_year_of(period.to);
    if (last - first >= YEARS_MAX)
        return 0;

    uint32_t count = (uint32_t)(last - first) + 1;
    int64_t all = (int64_t)period.to - period.from + 1;
    int64_t remainders[YEARS_MAX];
    int64_t given = 0;
    for (uint32_t i = 0; i < count; i++) {
        int32_t year = first + (int32_t)i;
        int64_t days = days_within(period, financial_year_period(year));
        ret[i].year = year;
        ret[i].pence = share_of(award->value_pence, days, all, &remainders[i]);
        given += ret[i].pence;
    }

    /* Largest remainder: the pence left over go where most was cut off; the earlier year first among equals. */
    for (int64_t left = award->value_pence - given; left > 0; left--) {
        uint32_t best = 0;
        for (uint32_t i = 1; i < count; i++) {
            if (remainders[i] > remainders[best])
                best = i;
        }
        ret[best].pence++;
        remainders[best] = -1;
    }
    return count;
}
