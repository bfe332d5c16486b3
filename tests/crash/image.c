/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/crash/image.h"

#include "proto/base.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 1024
#define NAME_BYTES 64
#define FDS_MAX 4096
#define NODES_MAX 1024
#define PAGE 4096u
#define SECTOR 512u

/** A change of a file that is not flushed: a write, or (bytes NULL) a length, or zeros. */
struct change {
    uint64_t offset; /* of a length: the length */
    uint64_t len;
    const uint8_t *bytes;
    enum { CHANGE_BYTES, CHANGE_ZEROS, CHANGE_SIZE, CHANGE_GROW } kind;
    bool durable; /* O_DSYNC */
};

/** A change of a folder: @node has the name @name from now on; without one: nobody has. */
struct renaming {
    int gone; /* node that loses its name in this folder; -1: none */
    int node; /* -1: none */
    char name[NAME_BYTES];
};

/** What a folder holds. */
struct naming {
    char name[NAME_BYTES];
    int node;
};

struct node {
    bool folder;
    /* a file, as it was flushed, and what was done since */
    uint8_t *bytes;
    uint64_t size;
    uint64_t room;
    struct change *changes;
    size_t changes_count;
    /* a folder, likewise */
    struct naming *names;
    size_t names_count;
    struct renaming *renamings;
    size_t renamings_count;
};

struct disk {
    const uint8_t *trace;
    size_t trace_len;
    size_t at;
    uint64_t place;
    bool changed;
    char dir[PATH_SIZE];
    struct node nodes[NODES_MAX]; /* the first is the folder itself */
    int nodes_count;
    struct {
        int node; /* -1: none */
        uint32_t flags;
    } open[FDS_MAX];
};

static uint32_t draw(uint64_t *chance, uint32_t below)
{
    *chance = *chance * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*chance >> 33) % below;
}

static void *grown(void *list, size_t count, size_t size)
{
    if ((count & (count - 1)) != 0)
        return list;
    void *more = realloc(list, (count == 0 ? 1 : 2 * count) * size);
    CHECK(more != NULL);
    return more;
}

static int node_new(struct disk *disk, bool folder)
{
    CHECK(disk->nodes_count < NODES_MAX);
    disk->nodes[disk->nodes_count] = (struct node){.folder = folder};
    return disk->nodes_count++;
}

/* ---- files ---- */

/** Memory for the first @end bytes; beyond it all is zero. */
static void reserve(struct node *node, uint64_t end)
{
    if (end <= node->room)
        return;
    uint64_t room = node->room == 0 ? PAGE : node->room;
    while (room < end)
        room *= 2;
    node->bytes = realloc(node->bytes, room);
    CHECK(node->bytes != NULL);
    memset(node->bytes + node->room, 0, room - node->room);
    node->room = room;
}

static void clear_bytes(struct node *node, uint64_t from, uint64_t to)
{
    if (to > node->room)
        to = node->room;
    if (from < to)
        memset(node->bytes + from, 0, to - from);
}

static void set_size(struct node *node, uint64_t size)
{
    clear_bytes(node, size, node->size);
    node->size = size;
}

/** @bytes NULL: zeros. */
static void put_bytes(struct node *node, uint64_t offset, const uint8_t *bytes, uint64_t len)
{
    if (offset + len > node->size)
        node->size = offset + len;
    if (bytes == NULL) {
        clear_bytes(node, offset, offset + len);
        return;
    }
    reserve(node, offset + len);
    if (len > 0)
        memcpy(node->bytes + offset, bytes, len);
}

static void apply(struct node *node, const struct change *change)
{
    switch (change->kind) {
    case CHANGE_BYTES:
    case CHANGE_ZEROS:
        put_bytes(node, change->offset, change->bytes, change->len);
        break;
    case CHANGE_SIZE:
        set_size(node, change->offset);
        break;
    case CHANGE_GROW:
        if (change->offset > node->size)
            set_size(node, change->offset);
        break;
    }
}

/** The units of @unit bytes of a write that came to disk, one by one. */
static void apply_units(struct node *node, const struct change *change, uint32_t unit,
                        uint64_t *chance)
{
    uint64_t end = change->offset + change->len;
    uint32_t odds = 1 + draw(chance, 7); /* of eight units so many come, as a rule */

    for (uint64_t at = change->offset; at < end;) {
        uint64_t next = (at / unit + 1) * unit;
        if (next > end)
            next = end;
        if (draw(chance, 8) < odds)
            put_bytes(node, at,
                      change->bytes == NULL ? NULL : change->bytes + (at - change->offset),
                      next - at);
        at = next;
    }
}

static void apply_cut(struct node *node, const struct change *change, enum cut cut,
                      uint64_t *chance)
{
    bool write = change->kind == CHANGE_BYTES || change->kind == CHANGE_ZEROS;

    if (change->durable || cut == CUT_KILL || cut == CUT_KILL_IN || cut == CUT_ALL)
        apply(node, change);
    else if (cut == CUT_WRITES || (!write && cut != CUT_NONE)) {
        if (draw(chance, 2) == 0)
            apply(node, change);
    } else if (cut == CUT_PAGES || cut == CUT_SECTORS) {
        apply_units(node, change, cut == CUT_PAGES ? PAGE : SECTOR, chance);
    }
}

static void change_file(struct disk *disk, int fd, struct change change)
{
    CHECK(fd >= 0 && fd < FDS_MAX && disk->open[fd].node >= 0);
    struct node *node = &disk->nodes[disk->open[fd].node];

    /* What one flag of open promises is no flush of what others wrote. */
    change.durable = (disk->open[fd].flags & O_DSYNC) != 0;
    node->changes = grown(node->changes, node->changes_count, sizeof change);
    node->changes[node->changes_count++] = change;
}

/* ---- folders ---- */

static void rename_in(struct naming **names, size_t *count, const struct renaming *renaming)
{
    for (size_t i = 0; i < *count;) {
        if ((*names)[i].node == renaming->gone ||
            (renaming->node >= 0 && strcmp((*names)[i].name, renaming->name) == 0))
            (*names)[i] = (*names)[--*count];
        else
            i++;
    }
    if (renaming->node < 0)
        return;
    *names = realloc(*names, (*count + 1) * sizeof **names);
    CHECK(*names != NULL);
    (*names)[*count].node = renaming->node;
    memcpy((*names)[*count].name, renaming->name, NAME_BYTES);
    ++*count;
}

/** The names of a folder with the first @count changes made since its flush; the caller frees them. */
static struct naming *names_after(const struct node *folder, size_t count, size_t *ret_count)
{
    struct naming *names = malloc((folder->names_count + 1) * sizeof *names);

    CHECK(names != NULL);
    if (folder->names_count > 0)
        memcpy(names, folder->names, folder->names_count * sizeof *names);
    *ret_count = folder->names_count;
    for (size_t i = 0; i < count; i++)
        rename_in(&names, ret_count, &folder->renamings[i]);
    return names;
}

static int find_in(const struct disk *disk, int folder, const char *name)
{
    const struct node *node = &disk->nodes[folder];
    size_t count;
    int found = -1;
    struct naming *names = names_after(node, node->renamings_count, &count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i].name, name) == 0)
            found = names[i].node;
    }
    free(names);
    return found;
}

/** The folder that @path is in, and its name there ("" for the root). -1: there is no such folder. */
static int find_folder(const struct disk *disk, const char *path, char name[NAME_BYTES])
{
    size_t len = strlen(disk->dir);
    int folder = 0;

    CHECK(strncmp(path, disk->dir, len) == 0);
    path += len;
    name[0] = '\0';
    while (*path == '/') {
        path++;
        size_t part = strcspn(path, "/");
        CHECK(part < NAME_BYTES);
        if (name[0] != '\0')
            folder = find_in(disk, folder, name);
        if (folder < 0)
            return -1;
        memcpy(name, path, part);
        name[part] = '\0';
        path += part;
    }
    return folder;
}

static void change_folder(struct disk *disk, int folder, int gone, int node, const char *name)
{
    struct node *at = &disk->nodes[folder];
    struct renaming renaming = {.gone = gone, .node = node};

    (void)snprintf(renaming.name, sizeof renaming.name, "%s", name);
    at->renamings = grown(at->renamings, at->renamings_count, sizeof renaming);
    at->renamings[at->renamings_count++] = renaming;
}

static void flush_node(struct node *node)
{
    for (size_t i = 0; i < node->changes_count; i++)
        apply(node, &node->changes[i]);
    node->changes_count = 0;
    for (size_t i = 0; i < node->renamings_count; i++)
        rename_in(&node->names, &node->names_count, &node->renamings[i]);
    node->renamings_count = 0;
}

/* ---- playing ---- */

static void play_open(struct disk *disk, const struct trace_head *head, const char *path)
{
    char name[NAME_BYTES];
    int folder = find_folder(disk, path, name);

    CHECK(head->fd >= 0 && head->fd < FDS_MAX);
    CHECK(folder >= 0);
    int node = name[0] == '\0' ? 0 : find_in(disk, folder, name);
    bool made = node < 0;
    if (made) {
        CHECK((head->flags & O_CREAT) != 0);
        node = node_new(disk, false);
        change_folder(disk, folder, -1, node, name);
    }
    disk->open[head->fd].node = node;
    disk->open[head->fd].flags = head->flags;
    if (!made && (head->flags & O_TRUNC) != 0)
        change_file(disk, head->fd, (struct change){.kind = CHANGE_SIZE});
    disk->changed = made || (head->flags & O_TRUNC) != 0;
}

static void play_rename(struct disk *disk, const char *from, const char *to)
{
    char from_name[NAME_BYTES];
    char to_name[NAME_BYTES];
    int from_folder = find_folder(disk, from, from_name);
    int to_folder = find_folder(disk, to, to_name);

    /* Nothing of ours goes from one folder to another. */
    CHECK(from_folder >= 0 && from_folder == to_folder);
    int node = find_in(disk, from_folder, from_name);
    CHECK(node >= 0);
    change_folder(disk, to_folder, node, node, to_name);
}

static void play_removal(struct disk *disk, const char *path)
{
    char name[NAME_BYTES];
    int folder = find_folder(disk, path, name);

    CHECK(folder >= 0);
    int node = find_in(disk, folder, name);
    CHECK(node >= 0);
    change_folder(disk, folder, node, -1, "");
}

static void play_mkdir(struct disk *disk, const char *path)
{
    char name[NAME_BYTES];
    int folder = find_folder(disk, path, name);

    CHECK(folder >= 0);
    change_folder(disk, folder, -1, node_new(disk, true), name);
}

static void play(struct disk *disk, const struct trace_head *head, const uint8_t *follow)
{
    const char *path = (const char *)follow;

    disk->changed = true;
    switch ((enum trace_kind)head->kind) {
    case TRACE_OPEN:
        play_open(disk, head, path);
        break;
    case TRACE_CLOSE:
        disk->open[head->fd].node = -1;
        disk->changed = false;
        break;
    case TRACE_WRITE:
        change_file(disk, head->fd,
                    (struct change){head->offset, head->len, follow, CHANGE_BYTES, false});
        break;
    case TRACE_ZEROS:
        change_file(disk, head->fd,
                    (struct change){head->offset, head->len, NULL, CHANGE_ZEROS, false});
        break;
    case TRACE_FLUSH:
        CHECK(disk->open[head->fd].node >= 0);
        flush_node(&disk->nodes[disk->open[head->fd].node]);
        break;
    case TRACE_SIZE:
    case TRACE_GROW:
        change_file(disk, head->fd,
                    (struct change){.offset = head->offset,
                                    .kind = head->kind == TRACE_SIZE ? CHANGE_SIZE : CHANGE_GROW});
        break;
    case TRACE_RENAME:
        play_rename(disk, path, path + strlen(path) + 1);
        break;
    case TRACE_UNLINK:
    case TRACE_RMDIR:
        play_removal(disk, path);
        break;
    case TRACE_MKDIR:
        play_mkdir(disk, path);
        break;
    case TRACE_MARK:
    case TRACE_KINDS:
        disk->changed = false;
        break;
    }
}

/** The record at @at, if it is there whole. */
static bool record_at(const struct disk *disk, size_t at, struct trace_head *ret)
{
    if (disk->trace_len - at < sizeof *ret)
        return false;
    memcpy(ret, disk->trace + at, sizeof *ret);
    CHECK(ret->kind >= TRACE_OPEN && ret->kind < TRACE_KINDS);
    return disk->trace_len - at - sizeof *ret >= ret->follow;
}

bool disk_step(struct disk *disk, const uint8_t **ret_mark, uint32_t *ret_mark_len)
{
    struct trace_head head;

    *ret_mark = NULL;
    *ret_mark_len = 0;
    if (!record_at(disk, disk->at, &head))
        return false;
    const uint8_t *follow = disk->trace + disk->at + sizeof head;
    play(disk, &head, follow);
    if (head.kind == TRACE_MARK) {
        *ret_mark = follow;
        *ret_mark_len = head.follow;
    }
    disk->at += sizeof head + head.follow;
    disk->place++;
    return true;
}

uint64_t disk_place(const struct disk *disk)
{
    return disk->place;
}

bool disk_changed(const struct disk *disk)
{
    return disk->changed;
}

/* ---- in and out ---- */

static bool all_zero(const uint8_t *bytes, size_t len)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0;
}

static void load_file(struct node *node, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat about;

    CHECK(fd >= 0 && fstat(fd, &about) == 0);
    set_size(node, (uint64_t)about.st_size);
    for (uint64_t at = 0; at < node->size; at += PAGE) {
        uint8_t page[PAGE];
        ssize_t len = pread(fd, page, sizeof page, (off_t)at);
        CHECK(len > 0);
        if (!all_zero(page, (size_t)len))
            put_bytes(node, at, page, (uint64_t)len);
    }
    close(fd);
}

/** What is there, two levels of it: the folder, and the folders in it. */
static void load(struct disk *disk, int folder, const char *dir, bool deepest)
{
    DIR *listing = opendir(dir);

    CHECK(listing != NULL);
    for (const struct dirent *name = readdir(listing); name != NULL; name = readdir(listing)) {
        char path[PATH_SIZE];
        struct stat about;
        if (strcmp(name->d_name, ".") == 0 || strcmp(name->d_name, "..") == 0)
            continue;
        CHECK(strlen(name->d_name) < NAME_BYTES);
        CHECK((size_t)snprintf(path, sizeof path, "%s/%s", dir, name->d_name) < sizeof path);
        CHECK(stat(path, &about) == 0);
        int node = node_new(disk, S_ISDIR(about.st_mode));
        change_folder(disk, folder, -1, node, name->d_name);
        CHECK(!deepest || !disk->nodes[node].folder);
        if (!disk->nodes[node].folder)
            load_file(&disk->nodes[node], path);
    }
    closedir(listing);
    flush_node(&disk->nodes[folder]);
}

struct disk *disk_new(const char *dir)
{
    struct disk *disk = calloc(1, sizeof *disk);

    CHECK(disk != NULL);
    CHECK(strlen(dir) < PATH_SIZE - NAME_BYTES);
    memcpy(disk->dir, dir, strlen(dir) + 1);
    for (int i = 0; i < FDS_MAX; i++)
        disk->open[i].node = -1;
    (void)node_new(disk, true);
    load(disk, 0, dir, false);
    for (size_t i = 0; i < disk->nodes[0].names_count; i++) {
        char path[PATH_SIZE];
        struct naming naming = disk->nodes[0].names[i];
        (void)snprintf(path, sizeof path, "%s/%s", dir, naming.name);
        if (disk->nodes[naming.node].folder)
            load(disk, naming.node, path, true);
    }
    return disk;
}

void disk_play(struct disk *disk, const uint8_t *trace, size_t trace_len)
{
    disk->trace = trace;
    disk->trace_len = trace_len;
    disk->at = 0;
    disk->place = 0;
}

struct disk *disk_free(struct disk *disk)
{
    for (int i = 0; disk != NULL && i < disk->nodes_count; i++) {
        free(disk->nodes[i].bytes);
        free(disk->nodes[i].changes);
        free(disk->nodes[i].names);
        free(disk->nodes[i].renamings);
    }
    free(disk);
    return NULL;
}

static void write_file(const struct node *node, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    CHECK(fd >= 0);
    CHECK(ftruncate(fd, (off_t)node->size) == 0);
    for (uint64_t at = 0; at < node->size && at < node->room; at += PAGE) {
        size_t len = node->size - at < PAGE ? (size_t)(node->size - at) : PAGE;
        if (!all_zero(node->bytes + at, len))
            CHECK(pwrite(fd, node->bytes + at, len, (off_t)at) == (ssize_t)len);
    }
    close(fd);
}

/** A copy of a file's flushed bytes, with what the cut leaves of the rest. */
static void write_cut(const struct disk *disk, int number, enum cut cut, uint64_t *chance,
                      const char *path)
{
    const struct node *node = &disk->nodes[number];
    struct node copy = {.size = 0};
    struct trace_head next;

    reserve(&copy, node->room);
    if (node->room > 0)
        memcpy(copy.bytes, node->bytes, node->room);
    copy.size = node->size;
    for (size_t i = 0; i < node->changes_count; i++)
        apply_cut(&copy, &node->changes[i], cut, chance);
    if (cut == CUT_KILL_IN && record_at(disk, disk->at, &next) &&
        (next.kind == TRACE_WRITE || next.kind == TRACE_ZEROS) &&
        disk->open[next.fd].node == number) {
        uint64_t pages = next.len / PAGE + 1;
        uint64_t done = draw(chance, (uint32_t)pages) * (uint64_t)PAGE;
        const uint8_t *bytes = disk->trace + disk->at + sizeof next;
        put_bytes(&copy, next.offset, next.kind == TRACE_WRITE ? bytes : NULL,
                  done < next.len ? done : next.len);
    }
    write_file(&copy, path);
    free(copy.bytes);
}

void disk_write(const struct disk *disk, enum cut cut, uint64_t *chance, const char *dir)
{
    struct {
        int node;
        char path[PATH_SIZE];
    } left[16];
    int left_count = 1;

    left[0].node = 0;
    CHECK((size_t)snprintf(left[0].path, PATH_SIZE, "%s", dir) < PATH_SIZE);
    while (left_count > 0) {
        char at[PATH_SIZE];
        const struct node *folder = &disk->nodes[left[--left_count].node];
        size_t known = folder->renamings_count;
        size_t count;
        memcpy(at, left[left_count].path, sizeof at);
        if (cut == CUT_NONE)
            known = 0;
        else if (cut > CUT_KILL_IN)
            known = draw(chance, (uint32_t)known + 1);
        struct naming *names = names_after(folder, known, &count);
        for (size_t i = 0; i < count; i++) {
            char path[PATH_SIZE];
            CHECK((size_t)snprintf(path, sizeof path, "%s/%s", at, names[i].name) < sizeof path);
            if (!disk->nodes[names[i].node].folder) {
                write_cut(disk, names[i].node, cut, chance, path);
                continue;
            }
            CHECK(mkdir(path, 0700) == 0);
            CHECK(left_count < 16);
            left[left_count].node = names[i].node;
            memcpy(left[left_count++].path, path, sizeof path);
        }
        free(names);
    }
}
