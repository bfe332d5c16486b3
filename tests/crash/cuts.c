/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/crash/cuts.h"

#include <string.h>

#define TURNS 60
#define TURNS_AFTER 6
#define TURNS_MAX 3000
#define SECOND_IMAGES 8

/** A run under way. */
struct course {
    struct cuts *cuts;
    struct folder folder;
    struct folder image;
    struct folder trace_path;
    uint64_t chance;
    struct told told[DRIVE_EVENTS]; /* up to where the disk was played */
};

static const char *const cut_names[CUTS] = {
    "kill",
    "kill in a write",
    "power cut that keeps all writes",
    "power cut that keeps none",
    "power cut that keeps some writes",
    "power cut that keeps some pages",
    "power cut that keeps some sectors",
};

static void note_failure(struct course *course, uint64_t place, enum cut cut, const char *second,
                         const char *text)
{
    struct cuts *cuts = course->cuts;

    if (cuts->failures++ == 0)
        (void)snprintf(cuts->text, sizeof cuts->text, "seed %llu, record %llu, %s%s: %s",
                       (unsigned long long)cuts->seed, (unsigned long long)place, cut_names[cut],
                       second, text);
}

static void note_mark(struct told told[DRIVE_EVENTS], const uint8_t *mark, uint32_t len)
{
    struct told one;

    CHECK(len == sizeof one);
    memcpy(&one, mark, sizeof one);
    CHECK(one.event < DRIVE_EVENTS);
    told[one.event] = one;
}

static uint64_t count_records(const uint8_t *trace, size_t len, enum trace_kind kind)
{
    struct trace_head head;
    uint64_t count = 0;

    for (size_t at = 0; at + sizeof head <= len; at += sizeof head + head.follow) {
        memcpy(&head, trace + at, sizeof head);
        count += kind == TRACE_KINDS || head.kind == kind ? 1 : 0;
    }
    return count;
}

/** An empty folder of this name in ours. */
static void make_empty(const struct course *course, const char *name)
{
    struct folder path = folder_of(&course->folder, name);

    folder_clear(&course->folder, name);
    folder_make(&path);
}

/* ---- the second cut ---- */

/** Recover in @dir while recording, and go on for a while, or to the end. The clients know @told, and then what they are told here. */
static bool recover(struct course *course, const struct folder *dir, const struct told *told,
                    uint32_t turns, char text[DRIVE_TEXT_SIZE])
{
    struct drive *drive = malloc(sizeof *drive);
    bool good = true;

    CHECK(drive != NULL);
    drive_init(drive, dir->path, ++course->chance, 0);
    drive->bulk = course->cuts->bulk;
    memcpy(drive->told, told, sizeof drive->told);
    enum status status = drive_open(drive);
    if (status == STATUS_OK)
        status = drive_on(drive, turns);
    if (status != STATUS_OK || drive->contradicted || (turns == TURNS_MAX && !drive_done(drive))) {
        good = false;
        (void)snprintf(text, DRIVE_TEXT_SIZE, "going on: %s: %.300s", status_text(status),
                       drive->text[0] == '\0' ? "it does not come to an end" : drive->text);
    }
    drive_clear(drive);
    free(drive);
    return good;
}

/** What the recovery wrote, cut in its turn. */
static void cut_again(struct course *course, uint64_t place, enum cut first, struct disk *disk)
{
    struct folder trace_path = folder_of(&course->folder, "trace2");
    struct told *told = malloc(sizeof course->told);
    size_t len;
    uint8_t *trace = folder_load(trace_path.path, &len);
    const uint8_t *mark;
    uint32_t mark_len;
    char text[DRIVE_TEXT_SIZE];
    char second[64];
    uint64_t records = count_records(trace, len, TRACE_KINDS);

    CHECK(told != NULL);
    memcpy(told, course->told, sizeof course->told);
    disk_play(disk, trace, len);
    while (disk_step(disk, &mark, &mark_len)) {
        if (mark != NULL)
            note_mark(told, mark, mark_len);
        course->chance = course->chance * 6364136223846793005u + 1442695040888963407u;
        if (!disk_changed(disk) || (course->chance >> 33) % (records + 1) >= SECOND_IMAGES)
            continue;
        enum cut cut = (enum cut)((course->chance >> 20) % CUTS);
        make_empty(course, "image2");
        struct folder image = folder_of(&course->folder, "image2");
        disk_write(disk, cut, &course->chance, image.path);
        course->cuts->second_images++;
        (void)snprintf(second, sizeof second, ", then record %llu, %s",
                       (unsigned long long)disk_place(disk), cut_names[cut]);
        if (!drive_check(image.path, told, text))
            note_failure(course, place, first, second, text);
    }
    free(trace);
    free(told);
}

static void recover_and_cut(struct course *course, uint64_t place, enum cut cut)
{
    struct folder trace_path = folder_of(&course->folder, "trace2");
    char text[DRIVE_TEXT_SIZE];
    struct disk *disk = disk_new(course->image.path);

    folder_clear(&course->folder, "trace2");
    recorder_begin(course->image.path, trace_path.path);
    recorder_forget(course->cuts->forgets);
    bool good = recover(course, &course->image, course->told, TURNS_AFTER, text);
    recorder_end();
    if (!good)
        note_failure(course, place, cut, ", then a start", text);
    else
        cut_again(course, place, cut, disk);
    disk_free(disk);
    if (good && !recover(course, &course->image, course->told, TURNS_MAX, text))
        note_failure(course, place, cut, ", then all the rest", text);
}

/* ---- the first cut ---- */

static void cut_here(struct course *course, const struct disk *disk, enum cut cut)
{
    char text[DRIVE_TEXT_SIZE];
    struct cuts *cuts = course->cuts;

    make_empty(course, "image");
    disk_write(disk, cut, &course->chance, course->image.path);
    cuts->images++;
    if (cuts->second_each > 0 && cuts->images % cuts->second_each == 0)
        recover_and_cut(course, disk_place(disk), cut);
    if (!drive_check(course->image.path, course->told, text))
        note_failure(course, disk_place(disk), cut, "", text);
}

/** A run with a kill and a start in its middle; the trace has all of it. */
static void record(struct course *course, const struct folder *dir)
{
    struct cuts *cuts = course->cuts;
    struct drive *drive = malloc(sizeof *drive);

    CHECK(drive != NULL);
    drive_init(drive, dir->path, cuts->seed, cuts->bulk);
    recorder_begin(dir->path, course->trace_path.path);
    recorder_forget(cuts->forgets);
    for (int start = 0; start < 2; start++) {
        enum status status = drive_open(drive);
        if (status == STATUS_OK)
            status = drive_on(drive, TURNS);
        CHECK(status == STATUS_OK);
        CHECK(!drive->contradicted);
        drive_close(drive);
    }
    recorder_end();
    drive_clear(drive);
    free(drive);
}

static uint64_t count_changes(const struct folder *dir, const uint8_t *trace, size_t len)
{
    struct disk *disk = disk_new(dir->path);
    const uint8_t *mark;
    uint32_t mark_len;
    uint64_t count = 0;

    disk_play(disk, trace, len);
    while (disk_step(disk, &mark, &mark_len))
        count += disk_changed(disk) ? 1 : 0;
    disk_free(disk);
    return count;
}

static void cut_all(struct course *course, struct disk *disk)
{
    struct cuts *cuts = course->cuts;
    const uint8_t *mark;
    uint32_t mark_len;
    /* How many cuts a record gets; each kind in turn. */
    double each = (double)cuts->images_max / (double)(cuts->records == 0 ? 1 : cuts->records);
    double owed = 0;
    uint32_t kind = (uint32_t)cuts->seed;

    if (each > CUTS)
        each = CUTS;
    while (disk_step(disk, &mark, &mark_len)) {
        if (mark != NULL)
            note_mark(course->told, mark, mark_len);
        if (!disk_changed(disk))
            continue;
        for (owed += each; owed >= 1; owed -= 1)
            cut_here(course, disk, (enum cut)(kind++ % CUTS));
    }
}

bool cuts_run(struct cuts *cuts)
{
    struct course *course = calloc(1, sizeof *course);
    size_t len;

    CHECK(course != NULL);
    course->cuts = cuts;
    course->chance = cuts->seed;
    course->folder = folder_new();
    course->image = folder_of(&course->folder, "image");
    course->trace_path = folder_of(&course->folder, "trace");
    make_empty(course, "run");
    make_empty(course, "image");
    struct folder dir = folder_of(&course->folder, "run");
    struct folder empty = dir;

    struct disk *disk = disk_new(dir.path);
    record(course, &dir);
    uint8_t *trace = folder_load(course->trace_path.path, &len);
    folder_clear(&course->folder, "run");
    folder_make(&empty);
    cuts->records = count_changes(&empty, trace, len);
    cuts->renames = count_records(trace, len, TRACE_RENAME);
    disk_play(disk, trace, len);
    cut_all(course, disk);

    disk_free(disk);
    free(trace);
    folder_remove(&course->folder);
    free(course);
    return cuts->failures == 0;
}
