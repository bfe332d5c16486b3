/* SPDX-License-Identifier: Apache-2.0 */
/* recorder.h - stands before the C library's file calls: writes down what is changed below one folder, and makes the n-th call fail. */
/*
 * A shared object. A test program is linked to it and asks for what it wants by the functions below; a program of ours that knows
 * nothing of it is given it by LD_PRELOAD, with RECORDER_DIR and RECORDER_TRACE in its environment. Either way the trace is a row of
 * records, each appended by one write, so that another process may put its marks between them.
 *
 * Writes through a shared map are not seen: LMDB without WRITEMAP makes none but to its lock file, which is worthless after a crash.
 */
#ifndef COMMISSION_TESTS_RECORDER_H
#define COMMISSION_TESTS_RECORDER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define RECORDER_SHOWN __attribute__((visibility("default")))

/** What a record says. Paths are absolute, without "." and "..". */
enum trace_kind {
    TRACE_OPEN =
        1, /* fd, flags, path; a file that was not there is made, one that was may be cut to nothing */
    TRACE_CLOSE,  /* fd */
    TRACE_WRITE,  /* fd, offset, len; the bytes follow */
    TRACE_ZEROS,  /* fd, offset, len: that many zero bytes were written */
    TRACE_FLUSH,  /* fd: of a file or of a folder */
    TRACE_SIZE,   /* fd, offset: the file is so long now */
    TRACE_GROW,   /* fd, offset: it is at least so long now */
    TRACE_RENAME, /* two paths */
    TRACE_UNLINK, /* path */
    TRACE_MKDIR,  /* path */
    TRACE_RMDIR,  /* path */
    TRACE_MARK,   /* bytes of the test's own */
    TRACE_KINDS,
};

struct trace_head {
    uint32_t kind;
    int32_t fd;
    uint64_t offset;
    uint64_t len;
    uint32_t flags;  /* of open */
    uint32_t follow; /* bytes that follow: what was written, or paths with their NUL, or a mark */
};

/** Calls that can be made to fail; those on other files than the watched are not counted. */
enum recorder_call {
    CALL_OPEN,
    CALL_PWRITE,
    CALL_WRITEV, /* write and pwritev, too */
    CALL_FDATASYNC,
    CALL_FSYNC,
    CALL_TRUNCATE,
    CALL_RESERVE,
    CALL_RENAME,
    CALL_UNLINK, /* rmdir, too */
    CALL_MKDIR,
    CALLS,
};

enum recorder_flaw {
    FLAW_ERROR, /* nothing is done, the call says @error */
    FLAW_TORN,  /* of a write: half is done, then it says @error */
    FLAW_SHORT, /* of a write: half is done, and it says so: no error */
};

/** Watch all below @dir from now on (absolute); @trace NULL: nothing is written down. Files that are open already are not watched. */
RECORDER_SHOWN void recorder_begin(const char *dir, const char *trace);
RECORDER_SHOWN void recorder_end(void);
/** What is done, but not written down: the controls, that must lose something. */
enum recorder_forgets { FORGET_NOTHING, FORGET_FLUSHES, FORGET_FOLDER_FLUSHES };
RECORDER_SHOWN void recorder_forget(enum recorder_forgets forgets);
/** Put @len bytes of the test's own into the trace. */
RECORDER_SHOWN void recorder_mark(const void *bytes, uint32_t len);

/** Let the @nth call (from 1; 0: none) of this kind fail; counting begins anew. */
RECORDER_SHOWN void recorder_fail(enum recorder_call call, uint32_t nth, enum recorder_flaw flaw,
                                  int error);
/** Did it? Then *@ret is the path, valid until the next recorder_fail(). */
RECORDER_SHOWN bool recorder_failed(const char **ret);
/** How many calls that change a watched file were made since recorder_begin(), failed ones too. */
RECORDER_SHOWN uint64_t recorder_calls(void);

#endif
