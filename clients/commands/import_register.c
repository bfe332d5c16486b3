/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/commands/import_register.h"

#include "clients/cli/print.h"

#include <string.h>

/* The columns of "org list" that are needed here. */
enum { ORG_ODS, ORG_NAME, ORG_KIND, ORG_OPENED, ORG_CLOSED, ORG_SUCCESSOR, ORG_SEQ, ORG_COLUMNS };

uint32_t import_column(const struct reply *reply, const char *name)
{
    for (uint32_t i = 0; i < reply->columns_count; i++) {
        if (strcmp(reply->columns[i].name, name) == 0)
            return i;
    }
    return UINT32_MAX;
}

static bool find_columns(const struct reply *reply, uint32_t ret[ORG_COLUMNS])
{
    static const char *const names[ORG_COLUMNS] = {
        [ORG_ODS] = "ods",          [ORG_NAME] = "name",        [ORG_KIND] = "kind",
        [ORG_OPENED] = "opened_on", [ORG_CLOSED] = "closed_on", [ORG_SUCCESSOR] = "successor",
        [ORG_SEQ] = "entry_seq",
    };
    for (uint32_t i = 0; i < ORG_COLUMNS; i++) {
        ret[i] = import_column(reply, names[i]);
        if (ret[i] == UINT32_MAX)
            return false;
    }
    return true;
}

static bool cell_date(struct slice cell, date_t *ret)
{
    *ret = DATE_NONE;
    return cell.len == 0 || date_parse((const char *)cell.bytes, cell.len, ret);
}

static void cell_text(struct slice cell, char *ret, size_t size)
{
    (void)snprintf(ret, size, "%.*s", (int)cell.len, cell.len > 0 ? (const char *)cell.bytes : "");
}

static bool read_row(const struct slice *cells, const uint32_t places[ORG_COLUMNS],
                     struct registered *ret)
{
    struct slice code = cells[places[ORG_ODS]];
    struct slice successor = cells[places[ORG_SUCCESSOR]];
    char kind[32];
    *ret = (struct registered){.closed_on = DATE_NONE};
    cell_text(cells[places[ORG_NAME]], ret->name, sizeof ret->name);
    cell_text(cells[places[ORG_SEQ]], ret->entry_seq, sizeof ret->entry_seq);
    cell_text(cells[places[ORG_KIND]], kind, sizeof kind);
    if (!organisation_kind_find(kind, &ret->kind))
        ret->kind = ORGANISATION_NONE; /* of a newer daemon: none that a file says */
    return ods_parse((const char *)code.bytes, code.len, &ret->ods) &&
           cell_date(cells[places[ORG_OPENED]], &ret->opened_on) &&
           cell_date(cells[places[ORG_CLOSED]], &ret->closed_on) &&
           (successor.len == 0 ||
            ods_parse((const char *)successor.bytes, successor.len, &ret->successor));
}

static struct registered *add(struct registered_list *list)
{
    if (list->count == list->max) {
        uint32_t max = list->max == 0 ? 256 : list->max * 2;
        struct registered *items = realloc(list->items, max * sizeof *items);
        if (items == NULL)
            return NULL;
        list->items = items;
        list->max = max;
    }
    return &list->items[list->count++];
}

static bool read_page(struct registered_list *list, const struct reply *reply)
{
    uint32_t places[ORG_COLUMNS];
    if (reply->rows_count > 0 && !find_columns(reply, places))
        return false;
    for (uint32_t i = 0; i < reply->rows_count; i++) {
        struct registered *item = add(list);
        if (item == NULL ||
            !read_row(&reply->cells[(size_t)i * reply->columns_count], places, item))
            return false;
    }
    return true;
}

int import_ask_registered(struct cli *cli, const char *kind, struct registered_list *ret)
{
    const struct cli_argument arguments[] = {{"kind", kind}};
    struct text resume = {0};
    int failed = 0;
    *ret = (struct registered_list){0};
    do {
        const struct reply *reply = NULL;
        struct slice from = {(const uint8_t *)resume.bytes, resume.len};
        failed = cli_ask(cli, "org list", arguments, ARRAY_LEN(arguments), from, &reply);
        if (failed != 0)
            break;
        if (!read_page(ret, reply))
            failed =
                cli_fail(cli, EXIT_FAILED, "org list: an answer that this version cannot read");
        resume.len = 0;
        text_add_bytes(&resume, (const char *)reply->resume.bytes, reply->resume.len);
    } while (failed == 0 && resume.len > 0);
    text_clear(&resume);
    return failed;
}

const struct registered *registered_find(const struct registered_list *list, struct ods ods)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (ods_equal(list->items[i].ods, ods))
            return &list->items[i];
    }
    return NULL;
}

void registered_clear(struct registered_list *list)
{
    free(list->items);
    *list = (struct registered_list){0};
}
