/* SPDX-License-Identifier: Apache-2.0 */
/* expect.h - comparisons of our types that print names. Include after cmocka. */
#ifndef COMMISSION_TEST_EXPECT_H
#define COMMISSION_TEST_EXPECT_H

#include "tests/support/fixture.h"

/** Stop the test here: @what is @is, and should be @should. */
#define EXPECT_NAMES(what, is, should)                                                             \
    do {                                                                                           \
        if (strcmp((is), (should)) != 0)                                                           \
            fail_msg("%s is %s, expected %s", (what), (is), (should));                             \
    } while (0)

/** The newest verdict on @event is @verdict, for @why first (REASON_COUNT: for no reason). */
#define expect_verdict(f, event, expected, why)                                                    \
    do {                                                                                           \
        const struct out_answer *out_ = answer_to((f), (event).id, ANSWER_VERDICT);                \
        if (out_ == NULL)                                                                          \
            fail_msg("no verdict, expected %s", verdict_name(expected));                           \
        EXPECT_NAMES("the verdict", verdict_name(out_->answer.verdict), verdict_name(expected));   \
        expect_reason(out_->reason.code, why);                                                     \
    } while (0)

/** @event was refused at the door for @why. */
#define expect_refused(f, event, why)                                                              \
    do {                                                                                           \
        const struct out_answer *out_ = answer_to((f), (event).id, ANSWER_REFUSED);                \
        if (out_ == NULL)                                                                          \
            fail_msg("not refused, expected %s", expect_code(why));                                \
        expect_reason(out_->reason.code, why);                                                     \
    } while (0)

#define expect_reason(is, should) EXPECT_NAMES("the reason", expect_code(is), expect_code(should))

/** The newest entry is of @kind. */
#define expect_last_entry(f, should) assert_int_equal(last_entry(f).kind, should)

static inline const char *expect_code(enum reason_code code)
{
    return code == REASON_COUNT ? "(none)" : reason_name(code);
}

#endif
