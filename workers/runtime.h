/* SPDX-License-Identifier: Apache-2.0 */
/* runtime.h - a worker: take assignments of one stage, judge them, report. */
/*
 * Judging needs no connection: runtime_judge() is a function of an assignment's bytes. Memory is
 * taken in runtime_new() and never again.
 */
#ifndef COMMISSION_RUNTIME_H
#define COMMISSION_RUNTIME_H

#include "clients/lib/commission.h"
#include "workers/rule.h"

struct runtime;

/** Make a runtime for @stage. STATUS_OK: *@ret is the caller's. STATUS_NO_MEMORY. */
MUST_USE enum status runtime_new(struct runtime **ret, const struct stage_rules *stage);
/** Release; NULL is fine. Returns NULL. */
struct runtime *runtime_free(struct runtime *runtime);

/**
 * Judge one assignment. @ret's reasons and error are valid until runtime_forget(). What cannot be
 * judged (another stage's, or bytes that cannot be read) gives a finding with an error.
 * False: no room for one more finding; report those that are there, and forget them.
 */
MUST_USE bool runtime_judge(struct runtime *runtime, const struct assignment *assignment,
                            struct finding *ret);
/** All findings so far are done with. */
void runtime_forget(struct runtime *runtime);

/**
 * Take the assignments that come within @timeout_ms, judge and report them. Statuses are those of
 * commission_assignments() and commission_report(); STATUS_UNREACHABLE: the findings are lost, or
 * we are not joined at the moment; the library says HELLO again by itself.
 */
MUST_USE enum status runtime_turn(struct runtime *runtime, struct commission *commission,
                                  int64_t timeout_ms);

/** Assignments judged, and those of them that could not be, since the start. */
uint64_t runtime_judged(const struct runtime *runtime);
uint64_t runtime_failed(const struct runtime *runtime);

#endif
