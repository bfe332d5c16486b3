/* SPDX-License-Identifier: Apache-2.0 */
/* image.h - a disk, played from a recorder's trace: what a folder holds after a kill or a power cut at any of its records. */
/*
 * Played record by record. At any point the folder can be written out
 *   as the kernel has it: all that was written is there (kill -9; the write that comes next may have been done in part);
 *   as a disk has it after a power cut: what was flushed is there. Of what was written to a file after its flush each sector is as
 *   before or as any later write left it; the file's length is the old one or a new one; a folder has its flushed names, and the first
 *   few of the changes made since. A write through O_DSYNC is durable, alone.
 */
#ifndef COMMISSION_TESTS_IMAGE_H
#define COMMISSION_TESTS_IMAGE_H

#include "tests/crash/recorder.h"

#include <stddef.h>

struct disk;

enum cut {
    CUT_KILL,    /* as the kernel has it */
    CUT_KILL_IN, /* the same, in the middle of the write that comes next */
    CUT_ALL,     /* power: all that was not flushed came to disk, but the names */
    CUT_NONE,    /* power: none of it */
    CUT_WRITES,  /* power: any of the writes, each whole */
    CUT_PAGES,   /* power: any of their pages of 4 KB */
    CUT_SECTORS, /* power: any of their sectors of 512 bytes */
    CUTS,
};

/** The disk with what is in the folder @dir now, flushed: files, and folders with files. */
struct disk *disk_new(const char *dir);
/** From here on @trace, of changes below the same folder, is played from its beginning; its bytes stay the caller's. */
void disk_play(struct disk *disk, const uint8_t *trace, size_t trace_len);
struct disk *disk_free(struct disk *disk);
/** Play the next record. False: there is none. A mark's bytes are in *@ret_mark, else it is NULL. */
bool disk_step(struct disk *disk, const uint8_t **ret_mark, uint32_t *ret_mark_len);
/** Records in the trace that are played; those that change nothing counted, too. */
uint64_t disk_place(const struct disk *disk);
/** Did the last record change what a cut finds: a write, a flush, a name? */
bool disk_changed(const struct disk *disk);

/** Write what a cut here would leave into the empty folder @dir; @chance decides and is moved on. */
void disk_write(const struct disk *disk, enum cut cut, uint64_t *chance, const char *dir);

#endif
