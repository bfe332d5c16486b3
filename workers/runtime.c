/* SPDX-License-Identifier: Apache-2.0 */
#include "workers/runtime.h"

#include "proto/arena.h"
#include "proto/codec.h"

#include <string.h>

#define SCRATCH_BYTES ARENA_BYTES_MAX /* one assignment's event and facts, decoded */
#define FINDINGS_BYTES (1024 * 1024)  /* reasons and errors of findings not reported yet */
#define FINDINGS_MAX 256

struct runtime {
    const struct stage_rules *stage;
    struct arena *scratch;
    struct arena *kept;
    struct reason reasons[REASONS_MAX];
    struct finding findings[FINDINGS_MAX];
    uint32_t findings_count;
    uint64_t judged;
    uint64_t failed;
};

enum status runtime_new(struct runtime **ret, const struct stage_rules *stage)
{
    struct runtime *runtime = calloc(1, sizeof *runtime);

    if (runtime == NULL)
        return STATUS_NO_MEMORY;
    runtime->stage = stage;
    enum status status = arena_new(&runtime->scratch, SCRATCH_BYTES);
    if (status == STATUS_OK)
        status = arena_new(&runtime->kept, FINDINGS_BYTES);
    if (status != STATUS_OK)
        goto fail;

    *ret = runtime;
    return STATUS_OK;

fail:
    runtime_free(runtime);
    return status;
}

struct runtime *runtime_free(struct runtime *runtime)
{
    if (runtime == NULL)
        return NULL;
    arena_free(runtime->scratch);
    arena_free(runtime->kept);
    free(runtime);
    return NULL;
}

void runtime_forget(struct runtime *runtime)
{
    arena_reset(runtime->kept);
    runtime->findings_count = 0;
}

/* ---- judging ---- */

static struct reasons empty_reasons(struct runtime *runtime)
{
    return (struct reasons){.items = runtime->reasons, .max = REASONS_MAX};
}

static bool decode(struct runtime *runtime, struct slice bytes, struct event *ret,
                   struct reasons *reasons)
{
    bool id_known;

    return codec_decode_event(bytes, runtime->scratch, ret, &id_known, reasons) == STATUS_OK;
}

/* The assignment's event and facts. False: they cannot be read, @reasons says why. */
static bool read_matter(struct runtime *runtime, const struct assignment *assignment,
                        struct matter *ret, struct reasons *reasons)
{
    struct event *facts = NULL;

    if (assignment->facts_count > 0)
        facts = arena_take(runtime->scratch, assignment->facts_count * sizeof *facts);
    bool readable = assignment->facts_count == 0 || facts != NULL;
    readable = readable && decode(runtime, assignment->event_bytes, &ret->event, reasons);
    for (uint32_t i = 0; readable && i < assignment->facts_count; i++)
        readable = decode(runtime, assignment->fact_bytes[i], &facts[i], reasons);
    ret->assignment = assignment;
    ret->facts = facts;
    ret->facts_count = assignment->facts_count;
    return readable;
}

/* Why @assignment cannot be judged, or nothing. */
static struct slice find_fault(struct runtime *runtime, const struct assignment *assignment,
                               struct matter *ret_matter)
{
    struct reasons reasons = empty_reasons(runtime);
    char code[REASON_CODE_SIZE];

    if (assignment->stage != runtime->stage->stage)
        return arena_print(runtime->kept, "this is a worker for %s, not for %s",
                           stage_name(runtime->stage->stage), stage_name(assignment->stage));
    if (read_matter(runtime, assignment, ret_matter, &reasons))
        return (struct slice){NULL, 0};
    if (reasons.count == 0)
        return arena_print(runtime->kept, "the event or its facts cannot be read");
    reason_print_code(&reasons.items[0], code);
    return arena_print(runtime->kept, "the event or its facts cannot be read: %s", code);
}

static bool keep_reasons(struct runtime *runtime, const struct reasons *reasons,
                         struct finding *finding)
{
    if (reasons->count == 0)
        return true;
    size_t bytes = reasons->count * sizeof *reasons->items;
    struct reason *kept = arena_take(runtime->kept, bytes);
    if (kept == NULL)
        return false;
    memcpy(kept, reasons->items, bytes);
    finding->reasons = kept;
    finding->reasons_count = reasons->count;
    return true;
}

bool runtime_judge(struct runtime *runtime, const struct assignment *assignment,
                   struct finding *ret)
{
    struct matter matter;
    struct reasons reasons = empty_reasons(runtime);
    struct finding finding = {.token = assignment->token, .seq = assignment->seq};
    size_t mark = arena_used(runtime->kept);

    arena_reset(runtime->scratch);
    finding.error = find_fault(runtime, assignment, &matter);
    if (finding.error.len == 0 && !arena_full(runtime->kept)) {
        judge(runtime->stage, &matter, &reasons);
        (void)keep_reasons(runtime, &reasons, &finding); /* no room: asked below */
    }
    if (arena_full(runtime->kept)) {
        arena_rewind(runtime->kept, mark);
        return false;
    }
    runtime->judged++;
    if (finding.error.len > 0)
        runtime->failed++;
    *ret = finding;
    return true;
}

/* ---- the turn ---- */

static enum status report(struct runtime *runtime, struct commission *commission)
{
    enum status status = commission_report(commission, runtime->findings, runtime->findings_count);

    runtime_forget(runtime);
    return status;
}

enum status runtime_turn(struct runtime *runtime, struct commission *commission, int64_t timeout_ms)
{
    const struct assignment *assignments;
    uint32_t count;

    enum status status = commission_assignments(commission, timeout_ms, &assignments, &count);
    uint32_t reported = 0;
    runtime_forget(runtime);
    for (uint32_t i = 0; status == STATUS_OK && i < count;) {
        bool room =
            runtime->findings_count < FINDINGS_MAX &&
            runtime_judge(runtime, &assignments[i], &runtime->findings[runtime->findings_count]);
        if (room) {
            runtime->findings_count++;
            i++;
            status = commission_progress(commission, &assignments[reported], count - reported);
        } else {
            CHECK(runtime->findings_count > 0); /* one always fits */
            reported = i;
            status = report(runtime, commission);
        }
    }
    if (status == STATUS_OK && runtime->findings_count > 0)
        status = report(runtime, commission);
    return status;
}

uint64_t runtime_judged(const struct runtime *runtime)
{
    return runtime->judged;
}

uint64_t runtime_failed(const struct runtime *runtime)
{
    return runtime->failed;
}
