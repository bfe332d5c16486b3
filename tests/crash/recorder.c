/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/crash/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS_MAX 4096
#define PATH_SIZE 1024
#define PARTS_MAX 64

/* The kernel is called directly: whatever else stands between us and it (a sanitizer) is neither asked nor disturbed. */

static struct {
    pthread_mutex_t mutex;
    char dir[PATH_SIZE]; /* "": nothing is watched */
    int trace_fd;        /* -1: nothing is written down */
    enum recorder_forgets forgets;
    bool watched[FDS_MAX];
    uint64_t calls;
    enum recorder_call call; /* the kind that fails */
    enum recorder_flaw flaw;
    int error;
    uint32_t nth;
    uint32_t count;
    bool failed;
    char failed_path[PATH_SIZE];
} recorder = {.mutex = PTHREAD_MUTEX_INITIALIZER, .trace_fd = -1};

static void must(bool good, const char *what)
{
    if (!good) {
        fprintf(stderr, "recorder: %s: %s\n", what, strerror(errno));
        abort();
    }
}

/* ---- paths ---- */

/** @name as seen from @dir_fd, without "." and "..". */
static void path_at(int dir_fd, const char *name, char ret[PATH_SIZE])
{
    char whole[2 * PATH_SIZE + 2] = "";
    char link[64];
    size_t len = 0;

    if (name[0] != '/') {
        snprintf(link, sizeof link, dir_fd == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d",
                 dir_fd);
        ssize_t got = syscall(SYS_readlinkat, AT_FDCWD, link, whole, (size_t)PATH_SIZE);
        must(got >= 0 && got < PATH_SIZE, "readlink");
        whole[got] = '\0';
    }
    size_t begun = strlen(whole);
    must(snprintf(whole + begun, sizeof whole - begun, "/%s", name) < (int)(sizeof whole - begun),
         "a long path");
    for (const char *at = whole; *at != '\0';) {
        while (*at == '/')
            at++;
        size_t part = strcspn(at, "/");
        if (part == 2 && memcmp(at, "..", 2) == 0) {
            while (len > 0 && ret[--len] != '/')
                ;
        } else if (part > 0 && !(part == 1 && *at == '.')) {
            must(len + part + 2 < PATH_SIZE, "a long path");
            ret[len++] = '/';
            memcpy(ret + len, at, part);
            len += part;
        }
        at += part;
    }
    ret[len] = '\0';
}

static bool below(const char *path)
{
    size_t len = strlen(recorder.dir);

    return len > 0 && strncmp(path, recorder.dir, len) == 0 &&
           (path[len] == '/' || path[len] == '\0');
}

static bool watched(int fd)
{
    return fd >= 0 && fd < FDS_MAX && recorder.watched[fd];
}

static void path_of(int fd, char ret[PATH_SIZE])
{
    char link[64];

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t got = syscall(SYS_readlinkat, AT_FDCWD, link, ret, (size_t)PATH_SIZE - 1);
    ret[got > 0 ? got : 0] = '\0';
}

/* ---- the trace ---- */

static void put(struct trace_head head, const struct iovec *parts, int parts_count)
{
    struct iovec all[PARTS_MAX + 1] = {{&head, sizeof head}};
    ssize_t len = sizeof head;

    if (recorder.trace_fd < 0)
        return;
    must(parts_count <= PARTS_MAX, "a record of many parts");
    for (int i = 0; i < parts_count; i++) {
        all[i + 1] = parts[i];
        len += (ssize_t)parts[i].iov_len;
    }
    ((struct trace_head *)all[0].iov_base)->follow = (uint32_t)((size_t)len - sizeof head);
    must(syscall(SYS_writev, recorder.trace_fd, all, parts_count + 1) == len, "the trace");
}

static void put_simple(enum trace_kind kind, int fd, uint64_t offset)
{
    put((struct trace_head){.kind = kind, .fd = fd, .offset = offset}, NULL, 0);
}

static struct iovec text_part(char *text)
{
    return (struct iovec){text, strlen(text) + 1};
}

static bool all_zero(const struct iovec *parts, int count)
{
    for (int i = 0; i < count; i++) {
        const char *bytes = parts[i].iov_base;
        size_t len = parts[i].iov_len;
        if (len > 0 && (bytes[0] != 0 || memcmp(bytes, bytes + 1, len - 1) != 0))
            return false;
    }
    return true;
}

/** The first @done bytes of @parts were written at @offset. */
static void put_write(int fd, uint64_t offset, const struct iovec *parts, int count, ssize_t done)
{
    struct trace_head head = {.kind = TRACE_WRITE, .fd = fd, .offset = offset};
    struct iovec written[PARTS_MAX];
    int used = 0;

    must(count <= PARTS_MAX, "a write of many parts");
    head.len = (uint64_t)done;
    for (size_t left = (size_t)done; left > 0 && used < count; used++) {
        written[used] = parts[used];
        if (written[used].iov_len > left)
            written[used].iov_len = left;
        left -= written[used].iov_len;
    }
    if (done > 0 && all_zero(written, used)) {
        head.kind = TRACE_ZEROS;
        used = 0;
    }
    if (done > 0)
        put(head, written, used);
}

/* ---- failures ---- */

static bool fails(enum recorder_call call, const char *path)
{
    recorder.calls++;
    if (recorder.nth == 0 || call != recorder.call || ++recorder.count != recorder.nth)
        return false;
    recorder.failed = true;
    snprintf(recorder.failed_path, sizeof recorder.failed_path, "%s", path);
    errno = recorder.error;
    return true;
}

static bool fails_of(enum recorder_call call, int fd)
{
    char path[PATH_SIZE] = "";

    path_of(fd, path);
    return fails(call, path);
}

/* ---- what tests call ---- */

void recorder_begin(const char *dir, const char *trace)
{
    must(strlen(dir) < PATH_SIZE && dir[0] == '/', "a folder");
    recorder_end();
    pthread_mutex_lock(&recorder.mutex);
    path_at(AT_FDCWD, dir, recorder.dir);
    recorder.calls = 0;
    if (trace != NULL) {
        recorder.trace_fd = (int)syscall(SYS_openat, AT_FDCWD, trace,
                                         O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        must(recorder.trace_fd >= 0, trace);
    }
    pthread_mutex_unlock(&recorder.mutex);
}

void recorder_end(void)
{
    pthread_mutex_lock(&recorder.mutex);
    if (recorder.trace_fd >= 0)
        syscall(SYS_close, recorder.trace_fd);
    recorder.trace_fd = -1;
    recorder.dir[0] = '\0';
    recorder.nth = 0;
    memset(recorder.watched, 0, sizeof recorder.watched);
    pthread_mutex_unlock(&recorder.mutex);
}

void recorder_forget(enum recorder_forgets forgets)
{
    recorder.forgets = forgets;
}

void recorder_mark(const void *bytes, uint32_t len)
{
    char copy[512];

    must(len <= sizeof copy, "a mark");
    memcpy(copy, bytes, len);
    struct iovec part = {copy, len};
    pthread_mutex_lock(&recorder.mutex);
    put((struct trace_head){.kind = TRACE_MARK, .fd = -1}, &part, 1);
    pthread_mutex_unlock(&recorder.mutex);
}

void recorder_fail(enum recorder_call call, uint32_t nth, enum recorder_flaw flaw, int error)
{
    recorder.call = call;
    recorder.flaw = flaw;
    recorder.error = error;
    recorder.nth = nth;
    recorder.count = 0;
    recorder.failed = false;
    recorder.failed_path[0] = '\0';
}

bool recorder_failed(const char **ret)
{
    *ret = recorder.failed_path;
    return recorder.failed;
}

uint64_t recorder_calls(void)
{
    return recorder.calls;
}

__attribute__((constructor)) static void begin_by_environment(void)
{
    const char *dir = getenv("RECORDER_DIR");
    const char *trace = getenv("RECORDER_TRACE");

    if (dir != NULL && trace != NULL)
        recorder_begin(dir, trace);
}

/* ---- the calls ---- */

#define LOCKED(expression)                                                                         \
    do {                                                                                           \
        pthread_mutex_lock(&recorder.mutex);                                                       \
        (expression);                                                                              \
        int kept = errno;                                                                          \
        pthread_mutex_unlock(&recorder.mutex);                                                     \
        errno = kept;                                                                              \
    } while (0)

static int open_at(int dir_fd, const char *name, int flags, mode_t mode)
{
    char path[PATH_SIZE];

    if (recorder.dir[0] == '\0')
        return (int)syscall(SYS_openat, dir_fd, name, flags, mode);
    path_at(dir_fd, name, path);
    if (!below(path))
        return (int)syscall(SYS_openat, dir_fd, name, flags, mode);
    if (fails(CALL_OPEN, path))
        return -1;
    int fd = (int)syscall(SYS_openat, dir_fd, name, flags, mode);
    if (fd >= 0 && fd < FDS_MAX) {
        recorder.watched[fd] = true;
        struct iovec part = text_part(path);
        put((struct trace_head){.kind = TRACE_OPEN, .fd = fd, .flags = (uint32_t)flags}, &part, 1);
    }
    return fd;
}

/** One write of @parts at @offset. */
static ssize_t write_at(enum recorder_call call, int fd, const struct iovec *parts, int count,
                        uint64_t offset)
{
    struct iovec half;

    if (!watched(fd))
        return syscall(SYS_pwritev, fd, parts, count, offset, 0);
    bool failing = fails_of(call, fd);
    if (failing && recorder.flaw == FLAW_ERROR)
        return -1;
    if (failing) {
        half = parts[0];
        half.iov_len = half.iov_len > 1 ? half.iov_len / 2 : half.iov_len;
        parts = &half;
        count = 1;
    }
    ssize_t done = syscall(SYS_pwritev, fd, parts, count, offset, 0);
    put_write(fd, offset, parts, count, done);
    if (failing && recorder.flaw == FLAW_TORN) {
        errno = recorder.error;
        return -1;
    }
    return done;
}

/** The same where the file stands, which then stands behind it. */
static ssize_t write_on(int fd, const struct iovec *parts, int count)
{
    if (!watched(fd))
        return syscall(SYS_writev, fd, parts, count);
    off_t at = (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR);
    ssize_t done = write_at(CALL_WRITEV, fd, parts, count, (uint64_t)at);
    if (done > 0)
        syscall(SYS_lseek, fd, at + done, SEEK_SET);
    return done;
}

static bool is_forgotten(int fd)
{
    struct stat about;

    if (recorder.forgets == FORGET_FOLDER_FLUSHES)
        return fstat(fd, &about) == 0 && S_ISDIR(about.st_mode);
    return recorder.forgets == FORGET_FLUSHES;
}

static int flush(enum recorder_call call, long number, int fd)
{
    if (watched(fd) && fails_of(call, fd))
        return -1;
    int code = (int)syscall(number, fd);
    if (code == 0 && watched(fd) && !is_forgotten(fd))
        put_simple(TRACE_FLUSH, fd, 0);
    return code;
}

static int truncate_to(int fd, off_t len)
{
    if (watched(fd) && fails_of(CALL_TRUNCATE, fd))
        return -1;
    int code = (int)syscall(SYS_ftruncate, fd, len);
    if (code == 0 && watched(fd))
        put_simple(TRACE_SIZE, fd, (uint64_t)len);
    return code;
}

static int allocate(int fd, int mode, off_t offset, off_t len)
{
    if (watched(fd) && fails_of(CALL_RESERVE, fd))
        return -1;
    int code = (int)syscall(SYS_fallocate, fd, mode, offset, len);
    if (code == 0 && watched(fd) && (mode & FALLOC_FL_KEEP_SIZE) == 0)
        put_simple(TRACE_GROW, fd, (uint64_t)(offset + len));
    return code;
}

static int rename_at(int from_fd, const char *from, int to_fd, const char *to)
{
    char from_path[PATH_SIZE] = "";
    char to_path[PATH_SIZE] = "";

    if (recorder.dir[0] != '\0') {
        path_at(from_fd, from, from_path);
        path_at(to_fd, to, to_path);
    }
    if (below(to_path) && fails(CALL_RENAME, to_path))
        return -1;
    int code = (int)syscall(SYS_renameat, from_fd, from, to_fd, to);
    if (code == 0 && below(to_path)) {
        struct iovec parts[] = {text_part(from_path), text_part(to_path)};
        put((struct trace_head){.kind = TRACE_RENAME, .fd = -1}, parts, 2);
    }
    return code;
}

static int remove_at(int dir_fd, const char *name, int flags)
{
    char path[PATH_SIZE] = "";

    if (recorder.dir[0] != '\0')
        path_at(dir_fd, name, path);
    if (below(path) && fails(CALL_UNLINK, path))
        return -1;
    int code = (int)syscall(SYS_unlinkat, dir_fd, name, flags);
    if (code == 0 && below(path)) {
        struct iovec part = text_part(path);
        put((struct trace_head){.kind = (flags & AT_REMOVEDIR) != 0 ? TRACE_RMDIR : TRACE_UNLINK,
                                .fd = -1},
            &part, 1);
    }
    return code;
}

static int make_dir_at(int dir_fd, const char *name, mode_t mode)
{
    char path[PATH_SIZE] = "";

    if (recorder.dir[0] != '\0')
        path_at(dir_fd, name, path);
    if (below(path) && fails(CALL_MKDIR, path))
        return -1;
    int code = (int)syscall(SYS_mkdirat, dir_fd, name, mode);
    if (code == 0 && below(path)) {
        struct iovec part = text_part(path);
        put((struct trace_head){.kind = TRACE_MKDIR, .fd = -1}, &part, 1);
    }
    return code;
}

/* ---- by the C library's names ---- */

#define OPEN_BODY(dir_fd, name, flags, last)                                                       \
    mode_t mode = 0;                                                                               \
    int fd;                                                                                        \
    if (((flags)&O_CREAT) != 0 || ((flags)&O_TMPFILE) == O_TMPFILE) {                              \
        va_list list;                                                                              \
        va_start(list, last);                                                                      \
        mode = va_arg(list, mode_t);                                                               \
        va_end(list);                                                                              \
    }                                                                                              \
    LOCKED(fd = open_at(dir_fd, name, flags, mode));                                               \
    return fd

RECORDER_SHOWN int open(const char *name, int flags, ...)
{
    OPEN_BODY(AT_FDCWD, name, flags, flags);
}

RECORDER_SHOWN int open64(const char *name, int flags, ...)
{
    OPEN_BODY(AT_FDCWD, name, flags, flags);
}

RECORDER_SHOWN int openat(int dir_fd, const char *name, int flags, ...)
{
    OPEN_BODY(dir_fd, name, flags, flags);
}

RECORDER_SHOWN int openat64(int dir_fd, const char *name, int flags, ...)
{
    OPEN_BODY(dir_fd, name, flags, flags);
}

RECORDER_SHOWN int creat(const char *name, mode_t mode)
{
    int fd;

    LOCKED(fd = open_at(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode));
    return fd;
}

RECORDER_SHOWN int close(int fd)
{
    pthread_mutex_lock(&recorder.mutex);
    if (watched(fd)) {
        recorder.watched[fd] = false;
        put_simple(TRACE_CLOSE, fd, 0);
    }
    int code = (int)syscall(SYS_close, fd);
    int kept = errno;
    pthread_mutex_unlock(&recorder.mutex);
    errno = kept;
    return code;
}

/** The bytes of a caller that only reads them. */
static struct iovec part_of(const void *bytes, size_t len)
{
    union {
        const void *from;
        void *to;
    } pointer = {bytes};

    return (struct iovec){pointer.to, len};
}

RECORDER_SHOWN ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    struct iovec part = part_of(bytes, len);
    ssize_t done;

    LOCKED(done = write_at(CALL_PWRITE, fd, &part, 1, (uint64_t)offset));
    return done;
}

RECORDER_SHOWN ssize_t pwrite64(int fd, const void *bytes, size_t len, off64_t offset)
{
    return pwrite(fd, bytes, len, offset);
}

RECORDER_SHOWN ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    ssize_t done;

    LOCKED(done = write_at(CALL_WRITEV, fd, parts, count, (uint64_t)offset));
    return done;
}

/* Where nothing is watched these two are not held up: a socket may block. */
RECORDER_SHOWN ssize_t write(int fd, const void *bytes, size_t len)
{
    struct iovec part = part_of(bytes, len);
    ssize_t done;

    if (!watched(fd))
        return syscall(SYS_write, fd, bytes, len);
    LOCKED(done = write_on(fd, &part, 1));
    return done;
}

RECORDER_SHOWN ssize_t writev(int fd, const struct iovec *parts, int count)
{
    ssize_t done;

    if (!watched(fd))
        return syscall(SYS_writev, fd, parts, count);
    LOCKED(done = write_on(fd, parts, count));
    return done;
}

RECORDER_SHOWN int fdatasync(int fd)
{
    int code;

    LOCKED(code = flush(CALL_FDATASYNC, SYS_fdatasync, fd));
    return code;
}

RECORDER_SHOWN int fsync(int fd)
{
    int code;

    LOCKED(code = flush(CALL_FSYNC, SYS_fsync, fd));
    return code;
}

RECORDER_SHOWN int ftruncate(int fd, off_t len)
{
    int code;

    LOCKED(code = truncate_to(fd, len));
    return code;
}

RECORDER_SHOWN int ftruncate64(int fd, off64_t len)
{
    return ftruncate(fd, len);
}

RECORDER_SHOWN int fallocate(int fd, int mode, off_t offset, off_t len)
{
    int code;

    LOCKED(code = allocate(fd, mode, offset, len));
    return code;
}

/* Returns its error. Without a fallocate() of the file system nothing is reserved. */
RECORDER_SHOWN int posix_fallocate(int fd, off_t offset, off_t len)
{
    return fallocate(fd, 0, offset, len) == 0 ? 0 : errno;
}

RECORDER_SHOWN int rename(const char *from, const char *to)
{
    int code;

    LOCKED(code = rename_at(AT_FDCWD, from, AT_FDCWD, to));
    return code;
}

RECORDER_SHOWN int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    int code;

    LOCKED(code = rename_at(from_fd, from, to_fd, to));
    return code;
}

RECORDER_SHOWN int unlink(const char *name)
{
    int code;

    LOCKED(code = remove_at(AT_FDCWD, name, 0));
    return code;
}

RECORDER_SHOWN int unlinkat(int dir_fd, const char *name, int flags)
{
    int code;

    LOCKED(code = remove_at(dir_fd, name, flags));
    return code;
}

RECORDER_SHOWN int rmdir(const char *name)
{
    int code;

    LOCKED(code = remove_at(AT_FDCWD, name, AT_REMOVEDIR));
    return code;
}

RECORDER_SHOWN int mkdir(const char *name, mode_t mode)
{
    int code;

    LOCKED(code = make_dir_at(AT_FDCWD, name, mode));
    return code;
}
