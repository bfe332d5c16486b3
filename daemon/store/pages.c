/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/store/pages.h"

#include "daemon/store/file.h"
#include "daemon/store/number.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * LMDB 0.9, 64 bits, little-endian:
 *     page  number u64 | pad u16 | flags u16 | lower u16, upper u16, or pages u32 | then u16 places of nodes up to lower,
 *           nodes from upper to the end; an overflow page: bytes
 *     node  of a leaf: data bytes u32 | flags u16 | key bytes u16 | key | data, or the number of an overflow page
 *           of a branch: number of the child u48 | key bytes u16 | key, which the first child has none of
 *     tree  pad u32 (of the first: bytes of a page) | flags u16 | depth u16 | branches, leaves, overflow pages, rows, root u64
 *     meta  a page with: magic u32 | version u32 | address u64 | map bytes u64 | trees of free pages and of tables
 *           | last page u64 | transaction u64
 */
#define PAGE_HEAD_BYTES 16
#define PAGE_BYTES_MAX 32768
#define NODE_HEAD_BYTES 8
#define TREE_BYTES 48
#define META_PAGES 2
#define META_MAGIC 0xbeefc0deu
#define META_VERSION 1
#define META_BYTES (24 + 2 * TREE_BYTES + 16)
#define DEPTH_MAX 32
#define KEY_MAX 511
#define NO_PAGE UINT64_MAX

enum { PAGE_BRANCH = 1, PAGE_LEAF = 2, PAGE_OVERFLOW = 4, PAGE_META = 8 };
enum { NODE_BIG = 1, NODE_TREE = 2 };
enum { TREE_INTEGER_KEY = 8 };

struct tree {
    const char *name;
    uint32_t flags;
    uint32_t depth;
    uint64_t branches;
    uint64_t leaves;
    uint64_t overflows;
    uint64_t rows;
    uint64_t root;
};

struct node {
    struct slice key;
    struct slice value;
    uint64_t child; /* of a branch */
    uint32_t flags;
    size_t bytes; /* of the page that it takes */
};

struct pages {
    const uint8_t *bytes; /* of the file */
    uint64_t size;
    uint32_t page_bytes;
    uint64_t last;
    uint64_t transaction;
    uint8_t *used; /* by page number: belongs to a tree, or is free */
    char *text;
};

static enum status damaged(struct pages *pages, uint64_t page, const char *format, ...)
    PRINTF_LIKE(3, 4);

static enum status damaged(struct pages *pages, uint64_t page, const char *format, ...)
{
    va_list list;
    int len = snprintf(pages->text, PAGES_TEXT_SIZE, "page %llu: ", (unsigned long long)page);

    va_start(list, format);
    (void)vsnprintf(pages->text + len, PAGES_TEXT_SIZE - (size_t)len, format, list);
    va_end(list);
    return STATUS_STORE_CORRUPT;
}

static const uint8_t *page_at(const struct pages *pages, uint64_t page)
{
    return pages->bytes + page * pages->page_bytes;
}

static uint32_t flags_of(const uint8_t *page)
{
    return (uint32_t)number_get(page + 10, 2);
}

static uint32_t nodes_of(const uint8_t *page)
{
    return ((uint32_t)number_get(page + 12, 2) - PAGE_HEAD_BYTES) / 2;
}

static void read_tree(const uint8_t *bytes, const char *name, struct tree *ret)
{
    *ret = (struct tree){
        .name = name,
        .flags = (uint32_t)number_get(bytes + 4, 2),
        .depth = (uint32_t)number_get(bytes + 6, 2),
        .branches = number_get(bytes + 8, 8),
        .leaves = number_get(bytes + 16, 8),
        .overflows = number_get(bytes + 24, 8),
        .rows = number_get(bytes + 32, 8),
        .root = number_get(bytes + 40, 8),
    };
}

/* ---- pages ---- */

/** @page now belongs to something: it is within the file, and to nothing else. */
static enum status take_page(struct pages *pages, uint64_t page, const char *by)
{
    if (page < META_PAGES || page > pages->last)
        return damaged(pages, page, "not of this file, but named by %s", by);
    if (pages->used[page] != 0)
        return damaged(pages, page, "named twice, now by %s", by);
    pages->used[page] = 1;
    return STATUS_OK;
}

/** The data of a node on pages of its own. */
static enum status take_overflow(struct pages *pages, struct tree *tree, uint64_t page, size_t len,
                                 struct slice *ret)
{
    if (page < META_PAGES || page > pages->last)
        return damaged(pages, page, "not of this file, but named by %s", tree->name);
    const uint8_t *bytes = page_at(pages, page);
    uint64_t count = number_get(bytes + 12, 4);
    if (number_get(bytes, 8) != page || flags_of(bytes) != PAGE_OVERFLOW)
        return damaged(pages, page, "no overflow page, as %s says", tree->name);
    if (count == 0 || count > pages->last + 1 - page ||
        len > count * pages->page_bytes - PAGE_HEAD_BYTES)
        return damaged(pages, page, "a value of %zu bytes does not fit it", len);
    for (uint64_t i = 0; i < count; i++) {
        enum status status = take_page(pages, page + i, tree->name);
        if (status != STATUS_OK)
            return status;
    }
    tree->overflows -= count;
    *ret = (struct slice){bytes + PAGE_HEAD_BYTES, len};
    return STATUS_OK;
}

/** Node @index of a page whose head was checked; without what lies on overflow pages. */
static enum status read_node(struct pages *pages, uint64_t number, uint32_t index, struct node *ret)
{
    const uint8_t *page = page_at(pages, number);
    bool leaf = flags_of(page) == PAGE_LEAF;
    size_t upper = (size_t)number_get(page + 14, 2);
    size_t place = (size_t)number_get(page + PAGE_HEAD_BYTES + 2 * (size_t)index, 2);

    if (place < upper || place % 2 != 0 || place + NODE_HEAD_BYTES > pages->page_bytes)
        return damaged(pages, number, "node %u is not in it", index);
    const uint8_t *node = page + place;
    size_t room = pages->page_bytes - place - NODE_HEAD_BYTES;
    size_t key_len = (size_t)number_get(node + 6, 2);
    size_t len = leaf ? (size_t)number_get(node, 4) : 0;
    *ret = (struct node){.flags = leaf ? (uint32_t)number_get(node + 4, 2) : 0};
    if (!leaf)
        ret->child = number_get(node, 6);
    size_t here = (ret->flags & NODE_BIG) != 0 ? 8 : len;
    if (key_len > KEY_MAX || key_len > room || here > room - key_len)
        return damaged(pages, number, "node %u does not fit it", index);
    ret->key = (struct slice){node + NODE_HEAD_BYTES, key_len};
    ret->value = (struct slice){node + NODE_HEAD_BYTES + key_len, len};
    ret->bytes = (NODE_HEAD_BYTES + key_len + here + 1) & ~(size_t)1;
    return STATUS_OK;
}

/** Nodes fill the page from upper to its end, each byte for one of them. */
static enum status check_nodes(struct pages *pages, uint64_t number)
{
    uint8_t taken[PAGE_BYTES_MAX / 2] = {0};
    const uint8_t *page = page_at(pages, number);
    size_t left = pages->page_bytes - (size_t)number_get(page + 14, 2);
    struct node node;

    for (uint32_t i = 0; i < nodes_of(page); i++) {
        enum status status = read_node(pages, number, i, &node);
        if (status != STATUS_OK)
            return status;
        size_t place = (size_t)(node.key.bytes - page) - NODE_HEAD_BYTES;
        if (place + node.bytes > pages->page_bytes || node.bytes > left)
            return damaged(pages, number, "its nodes are more than it holds");
        left -= node.bytes;
        for (size_t at = place / 2; at < (place + node.bytes) / 2; at++) {
            if (taken[at]++ != 0)
                return damaged(pages, number, "node %u lies on another", i);
        }
    }
    return left == 0 ? STATUS_OK : damaged(pages, number, "its nodes leave a gap");
}

/** A page of a tree at @level from its root. */
static enum status check_page(struct pages *pages, struct tree *tree, uint64_t number,
                              uint32_t level)
{
    bool leaf = level + 1 == tree->depth;
    enum status status = take_page(pages, number, tree->name);

    if (status != STATUS_OK)
        return status;
    const uint8_t *page = page_at(pages, number);
    uint32_t lower = (uint32_t)number_get(page + 12, 2);
    uint32_t upper = (uint32_t)number_get(page + 14, 2);
    if (number_get(page, 8) != number || flags_of(page) != (leaf ? PAGE_LEAF : PAGE_BRANCH))
        return damaged(pages, number, "no %s of %s", leaf ? "leaf" : "branch", tree->name);
    if (lower < PAGE_HEAD_BYTES + (leaf ? 2 : 4) || lower % 2 != 0 || upper < lower ||
        upper > pages->page_bytes || upper % 2 != 0)
        return damaged(pages, number, "its head is damaged");
    tree->leaves -= leaf ? 1 : 0;
    tree->branches -= leaf ? 0 : 1;
    return check_nodes(pages, number);
}

/* ---- trees ---- */

/** A walk through a tree, in the order of its keys. */
struct way {
    struct tree *tree;
    uint64_t page[DEPTH_MAX];
    uint32_t index[DEPTH_MAX];
    uint32_t level;
    struct slice before; /* key of the row before; bytes NULL: none */
    struct slice floor;  /* key that the next row's must reach; bytes NULL: any */
};

static int compare_keys(const struct tree *tree, struct slice a, struct slice b)
{
    size_t len = a.len < b.len ? a.len : b.len;

    if ((tree->flags & TREE_INTEGER_KEY) != 0 && a.len == 8 && b.len == 8) {
        uint64_t left = number_get(a.bytes, 8);
        uint64_t right = number_get(b.bytes, 8);
        return (left > right) - (left < right);
    }
    int order = memcmp(a.bytes, b.bytes, len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/** Into the child at the way's place. */
static enum status go_down(struct pages *pages, struct way *way)
{
    uint64_t page = way->page[way->level];
    struct node node;
    enum status status = read_node(pages, page, way->index[way->level], &node);

    if (status != STATUS_OK)
        return status;
    if (way->index[way->level] > 0) {
        if ((way->before.bytes != NULL && compare_keys(way->tree, way->before, node.key) >= 0) ||
            (way->floor.bytes != NULL && compare_keys(way->tree, way->floor, node.key) > 0))
            return damaged(pages, page, "its keys do not ascend");
        way->floor = node.key;
    }
    way->level++;
    way->page[way->level] = node.child;
    way->index[way->level] = 0;
    return check_page(pages, way->tree, node.child, way->level);
}

/** The next row. STATUS_NOT_FOUND: no more. */
static enum status next_row(struct pages *pages, struct way *way, struct node *ret)
{
    /* Ends: each page is taken once. */
    while (true) {
        uint64_t page = way->page[way->level];
        enum status status = STATUS_OK;
        if (way->index[way->level] == nodes_of(page_at(pages, page))) {
            if (way->level == 0)
                return STATUS_NOT_FOUND;
            way->level--;
            way->index[way->level]++;
            continue;
        }
        if (way->level + 1 < way->tree->depth) {
            status = go_down(pages, way);
            if (status != STATUS_OK)
                return status;
            continue;
        }
        status = read_node(pages, page, way->index[way->level]++, ret);
        if (status != STATUS_OK)
            return status;
        if ((way->before.bytes != NULL && compare_keys(way->tree, way->before, ret->key) >= 0) ||
            (way->floor.bytes != NULL && compare_keys(way->tree, way->floor, ret->key) > 0))
            return damaged(pages, page, "its keys do not ascend");
        way->before = ret->key;
        way->floor.bytes = NULL;
        way->tree->rows--;
        if ((ret->flags & NODE_BIG) != 0)
            return take_overflow(pages, way->tree, number_get(ret->value.bytes, 8), ret->value.len,
                                 &ret->value);
        return STATUS_OK;
    }
}

static enum status begin_way(struct pages *pages, struct tree *tree, struct way *way)
{
    *way = (struct way){.tree = tree, .page = {tree->root}};
    if (tree->depth == 0 || tree->depth > DEPTH_MAX)
        return damaged(pages, tree->root, "root of %s, which is %u levels deep", tree->name,
                       tree->depth);
    return check_page(pages, tree, tree->root, 0);
}

static bool is_empty(const struct tree *tree)
{
    return tree->root == NO_PAGE && tree->depth == 0;
}

/** After the walk all that was promised has been met. */
static enum status end_way(struct pages *pages, const struct tree *tree)
{
    if (tree->branches != 0 || tree->leaves != 0 || tree->overflows != 0 || tree->rows != 0)
        return damaged(pages, tree->root, "root of %s, which has not the pages or rows it says",
                       tree->name);
    return STATUS_OK;
}

static enum status check_table(struct pages *pages, const struct node *node)
{
    char name[32];
    struct tree tree;
    struct way way;
    struct node row;

    (void)snprintf(name, sizeof name, "table %.*s", (int)node->key.len,
                   (const char *)node->key.bytes);
    read_tree(node->value.bytes, name, &tree);
    if (tree.flags != 0)
        return damaged(pages, tree.root, "root of %s, whose form is unknown", name);
    if (is_empty(&tree))
        return end_way(pages, &tree);
    enum status status = begin_way(pages, &tree, &way);
    while (status == STATUS_OK) {
        status = next_row(pages, &way, &row);
        if (status == STATUS_OK && (row.flags & ~(uint32_t)NODE_BIG) != 0)
            status = damaged(pages, way.page[way.level], "a row of %s of unknown form", name);
    }
    return status == STATUS_NOT_FOUND ? end_way(pages, &tree) : status;
}

static enum status check_tables(struct pages *pages, struct tree *tree)
{
    struct way way;
    struct node node;

    if (tree->flags != 0)
        return damaged(pages, tree->root, "root of the tables, whose form is unknown");
    enum status status = begin_way(pages, tree, &way);
    while (status == STATUS_OK) {
        status = next_row(pages, &way, &node);
        if (status == STATUS_OK && (node.flags != NODE_TREE || node.value.len != TREE_BYTES))
            status = damaged(pages, way.page[way.level], "names something that is no table");
        if (status == STATUS_OK)
            status = check_table(pages, &node);
    }
    return status == STATUS_NOT_FOUND ? end_way(pages, tree) : status;
}

/** What one transaction left behind: a count, then page numbers, descending. */
static enum status check_free_list(struct pages *pages, uint64_t page, const struct node *node)
{
    if (node->key.len != 8 || number_get(node->key.bytes, 8) > pages->transaction ||
        (node->flags & ~(uint32_t)NODE_BIG) != 0 || node->value.len < 8 || node->value.len % 8 != 0)
        return damaged(pages, page, "a list of free pages is damaged");
    uint64_t count = number_get(node->value.bytes, 8);
    if (count > node->value.len / 8 - 1)
        return damaged(pages, page, "a list of free pages is longer than it is");
    uint64_t before = NO_PAGE;
    for (uint64_t i = 1; i <= count; i++) {
        uint64_t number = number_get(node->value.bytes + 8 * i, 8);
        if (number >= before)
            return damaged(pages, page, "a list of free pages is out of order");
        before = number;
        enum status status = take_page(pages, number, "the list of free pages");
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status check_free(struct pages *pages, struct tree *tree)
{
    struct way way;
    struct node node;

    if (tree->flags != TREE_INTEGER_KEY)
        return damaged(pages, tree->root, "root of the free pages, whose form is unknown");
    if (is_empty(tree))
        return end_way(pages, tree);
    enum status status = begin_way(pages, tree, &way);
    while (status == STATUS_OK) {
        status = next_row(pages, &way, &node);
        if (status == STATUS_OK)
            status = check_free_list(pages, way.page[way.level], &node);
    }
    return status == STATUS_NOT_FOUND ? end_way(pages, tree) : status;
}

/* ---- the file ---- */

/** Where the meta of page @page begins; its place depends on the page size that the first one names. */
static const uint8_t *meta_at(const struct pages *pages, uint64_t page)
{
    return page_at(pages, page) + PAGE_HEAD_BYTES;
}

static bool meta_good(const struct pages *pages, uint64_t page)
{
    const uint8_t *meta = meta_at(pages, page);

    return (flags_of(page_at(pages, page)) & PAGE_META) != 0 && number_get(meta, 4) == META_MAGIC &&
           number_get(meta + 4, 4) == META_VERSION && number_get(meta + 24, 4) == pages->page_bytes;
}

static enum status check_file(struct pages *pages)
{
    struct tree free_pages;
    struct tree tables;

    pages->page_bytes = pages->size >= PAGE_HEAD_BYTES + META_BYTES
                            ? (uint32_t)number_get(pages->bytes + PAGE_HEAD_BYTES + 24, 4)
                            : 0;
    if (pages->page_bytes < 512 || pages->page_bytes > PAGE_BYTES_MAX ||
        (pages->page_bytes & (pages->page_bytes - 1)) != 0 ||
        pages->size < (uint64_t)META_PAGES * pages->page_bytes)
        return damaged(pages, 0, "not the head of a database");
    for (uint64_t page = 0; page < META_PAGES; page++) {
        if (!meta_good(pages, page))
            return damaged(pages, page, "not the head of a database");
    }
    const uint8_t *meta = meta_at(pages, 0);
    const uint8_t *other = meta_at(pages, 1);
    size_t at = 24 + 2 * TREE_BYTES;
    if (number_get(meta + at + 8, 8) < number_get(other + at + 8, 8))
        meta = other;
    pages->last = number_get(meta + at, 8);
    pages->transaction = number_get(meta + at + 8, 8);
    if (pages->last < META_PAGES - 1 || pages->last >= pages->size / pages->page_bytes)
        return damaged(pages, pages->last, "the last, beyond the file's end");
    pages->used = calloc(1, (size_t)pages->last + 1);
    if (pages->used == NULL)
        return STATUS_NO_MEMORY;
    read_tree(meta + 24, "the free pages", &free_pages);
    read_tree(meta + 24 + TREE_BYTES, "the tables", &tables);
    enum status status = check_tables(pages, &tables);
    if (status == STATUS_OK)
        status = check_free(pages, &free_pages);
    free(pages->used);
    return status;
}

enum status pages_check(const char *dir, char text[PAGES_TEXT_SIZE])
{
    struct path path = file_path(dir, "data.mdb");
    struct pages pages = {.text = text};
    int fd = -1;

    text[0] = '\0';
    enum status status = file_open(path.text, O_RDONLY, &fd);
    if (status != STATUS_OK)
        return status;
    status = file_size(fd, &pages.size);
    if (status == STATUS_OK && pages.size == 0)
        status = damaged(&pages, 0, "the file is empty");
    if (status == STATUS_OK) {
        void *map = mmap(NULL, (size_t)pages.size, PROT_READ, MAP_SHARED, fd, 0);
        if (map == MAP_FAILED) {
            status = STATUS_IO_FAILED;
        } else {
            pages.bytes = map;
            status = check_file(&pages);
            (void)munmap(map, (size_t)pages.size);
        }
    }
    close(fd);
    return status;
}
