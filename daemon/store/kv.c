/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/kv.h"

#include "daemon/store/file.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KV_META_BYTES 8192  /* LMDB's two meta pages */
#define KV_AHEAD_PAGES 4096 /* more than a transaction adds, as a rule */

struct kv {
    MDB_env *env;
    MDB_txn *txn; /* NULL: none is open */
    MDB_dbi tables[KV_TABLES];
    MDB_cursor *cursors[KV_TABLES]; /* of the open transaction */
    enum status failure;
    uint32_t dirty;
    uint64_t page_bytes;
    uint64_t map_bytes;
    uint64_t free_pages; /* when they were counted last */
    uint32_t uncounted;  /* commits since */
    bool read_only;
    bool guarded;
    dev_t device;
    ino_t inode;
};

/*
 * The one variable of this program that is not const: closing a second environment on the same files would drop
 * the locks of the first (PITFALLS L3), and only a thing as wide as the process can know.
 */
static struct {
    bool used;
    dev_t device;
    ino_t inode;
} opened[KV_OPEN_MAX];

#define KV_TABLE_NAME(name, text) text,
static const char *const table_names[] = {KV_TABLE_LIST(KV_TABLE_NAME)};
#undef KV_TABLE_NAME
static_assert(ARRAY_LEN(table_names) == KV_TABLES, "each table has a name");

const char *kv_table_name(enum kv_table table)
{
    CHECK(table < KV_TABLES);
    return table_names[table];
}

static enum status status_of(int code)
{
    switch (code) {
    case MDB_SUCCESS:
        return STATUS_OK;
    case MDB_MAP_FULL:
    case ENOSPC:
    case EDQUOT:
        return STATUS_STORE_FULL;
    case ENOMEM:
        return STATUS_NO_MEMORY;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_NOTFOUND:
    case MDB_INCOMPATIBLE:
        return STATUS_STORE_CORRUPT;
    default:
        return STATUS_STORE_FAILED;
    }
}

static MDB_val val_of(struct slice slice)
{
    /* LMDB does not write through it. */
    union {
        const uint8_t *from;
        void *to;
    } bytes = {slice.bytes};

    return (MDB_val){slice.len, bytes.to};
}

static struct slice slice_of(MDB_val val)
{
    return (struct slice){val.mv_data, val.mv_size};
}

/** Keep the first failure. */
static void keep(struct kv *kv, int code)
{
    if (kv->failure == STATUS_OK)
        kv->failure = status_of(code);
}

/* ---- open and create ---- */

/** Enter the directory into the list of those open in this process. */
static enum status guard(struct kv *kv, const char *dir)
{
    struct stat about;
    uint32_t place = KV_OPEN_MAX;

    if (stat(dir, &about) != 0)
        return STATUS_IO_FAILED;
    for (uint32_t i = 0; i < KV_OPEN_MAX; i++) {
        if (!opened[i].used)
            place = i;
        else if (opened[i].device == about.st_dev && opened[i].inode == about.st_ino)
            return STATUS_EXISTS;
    }
    if (place == KV_OPEN_MAX)
        return STATUS_EXISTS;
    opened[place].used = true;
    opened[place].device = kv->device = about.st_dev;
    opened[place].inode = kv->inode = about.st_ino;
    kv->guarded = true;
    return STATUS_OK;
}

static void unguard(struct kv *kv)
{
    for (uint32_t i = 0; kv->guarded && i < KV_OPEN_MAX; i++) {
        if (opened[i].used && opened[i].device == kv->device && opened[i].inode == kv->inode)
            opened[i].used = false;
    }
    kv->guarded = false;
}

/** A file cut short would be a SIGBUS at the first read (PITFALLS L2). */
static enum status check_size(struct kv *kv)
{
    MDB_envinfo info;
    MDB_stat about;
    mdb_filehandle_t fd;
    uint64_t bytes;
    int code = mdb_env_info(kv->env, &info);

    if (code == MDB_SUCCESS)
        code = mdb_env_stat(kv->env, &about);
    if (code == MDB_SUCCESS)
        code = mdb_env_get_fd(kv->env, &fd);
    if (code != MDB_SUCCESS)
        return status_of(code);
    kv->page_bytes = about.ms_psize;
    enum status status = file_size(fd, &bytes);
    if (status != STATUS_OK)
        return status;
    if (bytes < (info.me_last_pgno + 1) * kv->page_bytes)
        return STATUS_STORE_CORRUPT;
    /* Not close-on-exec by LMDB's design (L12). */
    return fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? STATUS_OK : STATUS_IO_FAILED;
}

/** Open the environment itself; @flags: MDB_RDONLY or 0. */
static enum status open_env(struct kv *kv, const char *dir, uint64_t map_bytes)
{
    unsigned flags = MDB_NOTLS;

    /* A reader of a store at rest: no lock file is made. */
    if (kv->read_only)
        flags |= MDB_RDONLY | MDB_NOLOCK;
    int code = mdb_env_create(&kv->env);
    if (code != MDB_SUCCESS)
        return status_of(code);
    code = mdb_env_set_maxdbs(kv->env, KV_TABLES);
    if (code == MDB_SUCCESS)
        code = mdb_env_set_mapsize(kv->env, map_bytes);
    if (code == MDB_SUCCESS)
        code = mdb_env_open(kv->env, dir, flags, 0600);
    kv->map_bytes = map_bytes;
    return status_of(code);
}

/** Begin the transaction that everything goes through, if none is open. False: a failure, now or before. */
static bool begin(struct kv *kv)
{
    if (kv->failure != STATUS_OK)
        return false;
    if (kv->txn != NULL)
        return true;
    int code = mdb_txn_begin(kv->env, NULL, kv->read_only ? MDB_RDONLY : 0, &kv->txn);
    if (code != MDB_SUCCESS) {
        kv->txn = NULL;
        keep(kv, code);
        return false;
    }
    return true;
}

static void close_cursors(struct kv *kv)
{
    for (uint32_t i = 0; i < KV_TABLES; i++) {
        if (kv->cursors[i] != NULL)
            mdb_cursor_close(kv->cursors[i]);
        kv->cursors[i] = NULL;
    }
}

static void abort_txn(struct kv *kv)
{
    if (kv->txn == NULL)
        return;
    close_cursors(kv);
    mdb_txn_abort(kv->txn);
    kv->txn = NULL;
}

/** Open all tables in a first transaction, as a handle that was opened in an aborted one is lost (L9). */
static enum status open_tables(struct kv *kv, unsigned flags)
{
    if (!begin(kv))
        return kv->failure;
    for (uint32_t i = 0; i < KV_TABLES; i++) {
        int code = mdb_dbi_open(kv->txn, table_names[i], flags, &kv->tables[i]);
        if (code != MDB_SUCCESS) {
            abort_txn(kv);
            return status_of(code);
        }
    }
    int code = mdb_txn_commit(kv->txn);
    kv->txn = NULL;
    return status_of(code);
}

static uint64_t pages_bytes(const struct kv *kv)
{
    MDB_envinfo info;

    if (mdb_env_info(kv->env, &info) != MDB_SUCCESS)
        return kv->map_bytes;
    return (info.me_last_pgno + 1) * kv->page_bytes;
}

/** Free pages stand in a table of LMDB's own: for each transaction that gave some back, their number and which. */
static int sum_free(MDB_txn *txn, uint64_t *ret)
{
    MDB_cursor *cursor;
    MDB_val key;
    MDB_val value;
    size_t pages;
    int code = mdb_cursor_open(txn, 0, &cursor);

    if (code != MDB_SUCCESS)
        return code;
    *ret = 0;
    for (code = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
         code == MDB_SUCCESS && value.mv_size >= sizeof pages;
         code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
        memcpy(&pages, value.mv_data, sizeof pages);
        *ret += pages;
    }
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? MDB_SUCCESS : code;
}

/** Between two transactions: how much of the map can be used again? Without an answer it is as if nothing could. */
static void count_free(struct kv *kv)
{
    MDB_txn *txn;
    uint64_t used = pages_bytes(kv);
    uint64_t counted = 0;
    bool nearly_full = used - kv->free_pages * kv->page_bytes > kv->map_bytes / 10 * 8;

    if (used < kv->map_bytes / 2) {
        kv->free_pages = 0;
        return;
    }
    if (++kv->uncounted < KV_COUNT_EVERY && !nearly_full)
        return;
    kv->uncounted = 0;
    kv->free_pages = 0;
    if (mdb_txn_begin(kv->env, NULL, MDB_RDONLY, &txn) != MDB_SUCCESS)
        return;
    if (sum_free(txn, &counted) == MDB_SUCCESS && counted * kv->page_bytes < used)
        kv->free_pages = counted;
    mdb_txn_abort(txn);
}

enum status kv_open(struct kv **ret, const char *dir, uint64_t map_bytes, bool read_only)
{
    struct path data = file_path(dir, "data.mdb");
    struct stat about;
    int dead = 0;

    /* LMDB would make an empty file a database. */
    if (stat(data.text, &about) != 0 || about.st_size < KV_META_BYTES)
        return STATUS_STORE_CORRUPT;
    struct kv *kv = calloc(1, sizeof *kv);
    if (kv == NULL)
        return STATUS_NO_MEMORY;
    kv->read_only = read_only;
    enum status status = guard(kv, dir);
    if (status == STATUS_OK)
        status = open_env(kv, dir, map_bytes);
    if (status == STATUS_OK)
        status = check_size(kv);
    if (status == STATUS_OK && !read_only)
        status = status_of(mdb_reader_check(kv->env, &dead));
    if (status == STATUS_OK)
        status = open_tables(kv, 0);
    if (status != STATUS_OK)
        goto fail;
    kv->uncounted = KV_COUNT_EVERY;
    count_free(kv);

    *ret = kv;
    return STATUS_OK;

fail:
    kv_close(kv);
    return status;
}

/** Read the row; other tables may be there or not. */
static enum status peek(struct kv *kv, struct slice key, uint8_t *ret, size_t max, size_t *ret_len)
{
    MDB_val name = val_of(key);
    MDB_val value;

    if (!begin(kv))
        return kv->failure;
    int code = mdb_dbi_open(kv->txn, table_names[KV_META], 0, &kv->tables[KV_META]);
    if (code == MDB_SUCCESS)
        code = mdb_get(kv->txn, kv->tables[KV_META], &name, &value);
    if (code == MDB_SUCCESS) {
        *ret_len = value.mv_size < max ? value.mv_size : max;
        memcpy(ret, value.mv_data, *ret_len);
    }
    abort_txn(kv);
    return code == MDB_NOTFOUND ? STATUS_NOT_FOUND : status_of(code);
}

enum status kv_peek(const char *dir, uint64_t map_bytes, struct slice key, uint8_t *ret, size_t max,
                    size_t *ret_len)
{
    struct path data = file_path(dir, "data.mdb");
    struct kv kv = {.read_only = true};
    struct stat about;

    if (stat(data.text, &about) != 0 || about.st_size < KV_META_BYTES)
        return STATUS_STORE_CORRUPT;
    enum status status = guard(&kv, dir);
    if (status == STATUS_OK)
        status = open_env(&kv, dir, map_bytes);
    if (status == STATUS_OK)
        status = check_size(&kv);
    if (status == STATUS_OK)
        status = peek(&kv, key, ret, max, ret_len);
    if (kv.env != NULL)
        mdb_env_close(kv.env);
    unguard(&kv);
    return status;
}

struct kv *kv_close(struct kv *kv)
{
    if (kv == NULL)
        return NULL;
    abort_txn(kv);
    if (kv->env != NULL)
        mdb_env_close(kv->env);
    unguard(kv);
    free(kv);
    return NULL;
}

/** Fill the fresh directory @dir: all tables, the first row, on disk. */
static enum status fill(struct kv *kv, const char *dir, uint64_t map_bytes, struct slice key,
                        struct slice value)
{
    enum status status = guard(kv, dir);

    if (status == STATUS_OK)
        status = open_env(kv, dir, map_bytes);
    if (status == STATUS_OK)
        status = open_tables(kv, MDB_CREATE);
    if (status != STATUS_OK)
        return status;
    kv_put(kv, KV_META, key, value);
    status = kv_commit(kv);
    if (status == STATUS_OK)
        status = status_of(mdb_env_sync(kv->env, 1));
    return status;
}

enum status kv_create(const char *dir, const char *parent, uint64_t map_bytes, struct slice key,
                      struct slice value)
{
    char fresh[FILE_PATH_SIZE];
    struct kv kv = {.env = NULL};

    CHECK((size_t)snprintf(fresh, sizeof fresh, "%s.tmp", dir) < sizeof fresh);
    enum status status = file_remove_dir(fresh);
    if (status == STATUS_OK)
        status = file_make_dir(fresh, parent);
    if (status != STATUS_OK)
        return status;

    status = fill(&kv, fresh, map_bytes, key, value);
    abort_txn(&kv);
    if (kv.env != NULL)
        mdb_env_close(kv.env);
    unguard(&kv);
    if (status == STATUS_OK)
        status = file_flush_dir(fresh);
    if (status == STATUS_OK)
        status = file_rename(fresh, dir, parent);
    return status;
}

/* ---- rows ---- */

/** LMDB has no checksums: of a damaged page any length may come. Longer than ours, the row is not looked at. */
static bool has_length(struct kv *kv, MDB_val key, MDB_val value)
{
    if (key.mv_size <= KV_KEY_BYTES_MAX && value.mv_size <= KV_VALUE_BYTES_MAX)
        return true;
    keep(kv, MDB_CORRUPTED);
    return false;
}

bool kv_get(struct kv *kv, enum kv_table table, struct slice key, struct slice *ret)
{
    MDB_val name = val_of(key);
    MDB_val value;

    if (!begin(kv))
        return false;
    int code = mdb_get(kv->txn, kv->tables[table], &name, &value);
    if (code == MDB_NOTFOUND)
        return false;
    if (code != MDB_SUCCESS) {
        keep(kv, code);
        return false;
    }
    *ret = slice_of(value);
    return has_length(kv, name, value);
}

/** The transaction's own cursor on @table; NULL: a failure. */
static MDB_cursor *cursor_of(struct kv *kv, enum kv_table table)
{
    if (!begin(kv))
        return NULL;
    if (kv->cursors[table] == NULL) {
        int code = mdb_cursor_open(kv->txn, kv->tables[table], &kv->cursors[table]);
        if (code != MDB_SUCCESS) {
            kv->cursors[table] = NULL;
            keep(kv, code);
        }
    }
    return kv->cursors[table];
}

static bool same(MDB_val val, struct slice slice)
{
    return val.mv_size == slice.len && memcmp(val.mv_data, slice.bytes, slice.len) == 0;
}

/** A walk goes forward, or it would never end: on a damaged page keys may stand in any order. */
static bool follows(struct kv *kv, MDB_val key, struct slice after)
{
    size_t len = key.mv_size < after.len ? key.mv_size : after.len;
    int order = len == 0 ? 0 : memcmp(key.mv_data, after.bytes, len);

    if (order > 0 || (order == 0 && key.mv_size > after.len))
        return true;
    keep(kv, MDB_CORRUPTED);
    return false;
}

bool kv_next(struct kv *kv, enum kv_table table, struct slice after, struct slice *ret_key,
             struct slice *ret_value)
{
    MDB_cursor *cursor = cursor_of(kv, table);
    MDB_val key = val_of(after);
    MDB_val value;

    if (cursor == NULL)
        return false;
    int code = mdb_cursor_get(cursor, &key, &value, after.len == 0 ? MDB_FIRST : MDB_SET_RANGE);
    if (code == MDB_SUCCESS && after.len > 0 && same(key, after))
        code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
    if (code == MDB_NOTFOUND)
        return false;
    if (code != MDB_SUCCESS) {
        keep(kv, code);
        return false;
    }
    if (!has_length(kv, key, value) || !follows(kv, key, after))
        return false;
    *ret_key = slice_of(key);
    *ret_value = slice_of(value);
    return true;
}

void kv_put(struct kv *kv, enum kv_table table, struct slice key, struct slice value)
{
    MDB_val name = val_of(key);
    MDB_val bytes = val_of(value);

    CHECK(!kv->read_only);
    CHECK(key.len <= KV_KEY_BYTES_MAX);
    if (!begin(kv))
        return;
    int code = mdb_put(kv->txn, kv->tables[table], &name, &bytes, 0);
    if (code != MDB_SUCCESS)
        keep(kv, code);
    kv->dirty++;
}

void kv_del(struct kv *kv, enum kv_table table, struct slice key)
{
    MDB_val name = val_of(key);

    CHECK(!kv->read_only);
    if (!begin(kv))
        return;
    int code = mdb_del(kv->txn, kv->tables[table], &name, NULL);
    if (code != MDB_SUCCESS && code != MDB_NOTFOUND)
        keep(kv, code);
    kv->dirty++;
}

uint64_t kv_count(struct kv *kv, enum kv_table table)
{
    MDB_stat about;

    if (!begin(kv))
        return 0;
    int code = mdb_stat(kv->txn, kv->tables[table], &about);
    if (code != MDB_SUCCESS) {
        keep(kv, code);
        return 0;
    }
    return about.ms_entries;
}

uint64_t kv_table_bytes(struct kv *kv, enum kv_table table)
{
    MDB_stat about;

    if (!begin(kv))
        return 0;
    int code = mdb_stat(kv->txn, kv->tables[table], &about);
    if (code != MDB_SUCCESS) {
        keep(kv, code);
        return 0;
    }
    return (about.ms_branch_pages + about.ms_leaf_pages + about.ms_overflow_pages) *
           (uint64_t)about.ms_psize;
}

/* ---- the transaction ---- */

enum status kv_failure(const struct kv *kv)
{
    return kv->failure;
}

uint32_t kv_dirty(const struct kv *kv)
{
    return kv->dirty;
}

/**
 * A page at the end that a transaction took and gave back is never written, so that the file could be shorter than its last page
 * says, as if it had been cut short. So it is kept longer than that, by pages that take no room.
 */
static enum status reserve(struct kv *kv)
{
    MDB_envinfo info;
    MDB_stat about;
    mdb_filehandle_t fd;
    uint64_t bytes;
    int code = mdb_env_info(kv->env, &info);

    if (code == MDB_SUCCESS)
        code = mdb_env_stat(kv->env, &about);
    if (code == MDB_SUCCESS)
        code = mdb_env_get_fd(kv->env, &fd);
    if (code != MDB_SUCCESS)
        return status_of(code);
    enum status status = file_size(fd, &bytes);
    if (status != STATUS_OK ||
        bytes >= (info.me_last_pgno + 1 + KV_AHEAD_PAGES / 2) * (uint64_t)about.ms_psize)
        return status;
    bytes = (info.me_last_pgno + 1 + KV_AHEAD_PAGES) * (uint64_t)about.ms_psize;
    return ftruncate(fd, (off_t)bytes) == 0 ? STATUS_OK : status_of(errno);
}

enum status kv_commit(struct kv *kv)
{
    if (kv->failure != STATUS_OK) {
        abort_txn(kv);
        return kv->failure;
    }
    if (kv->txn == NULL)
        return STATUS_OK;
    close_cursors(kv);
    enum status status = reserve(kv);
    if (status != STATUS_OK) {
        kv->failure = status;
        abort_txn(kv);
        return status;
    }
    int code = mdb_txn_commit(kv->txn);
    kv->txn = NULL;
    if (code != MDB_SUCCESS)
        keep(kv, code);
    kv->dirty = 0;
    if (kv->failure == STATUS_OK)
        kv->failure = reserve(kv); /* after a transaction larger than foreseen */
    if (kv->failure == STATUS_OK)
        count_free(kv);
    return kv->failure;
}

uint64_t kv_used_bytes(const struct kv *kv)
{
    uint64_t bytes = pages_bytes(kv);
    uint64_t free_bytes = kv->free_pages * kv->page_bytes;
    return bytes > free_bytes ? bytes - free_bytes : bytes;
}

uint64_t kv_high_bytes(const struct kv *kv)
{
    return pages_bytes(kv);
}

uint64_t kv_map_bytes(const struct kv *kv)
{
    return kv->map_bytes;
}
