/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/ocds/read.h"

#include <jansson.h>
#include <string.h>

/* ---- the file's list ---- */

/** Take over a reference to @json, an object, as the next release. */
static bool add_release(struct ocds_file *file, json_t *json, const char *place)
{
    if (file->count == file->max) {
        uint32_t max = file->max == 0 ? 4 : file->max * 2;
        struct ocds_release *releases = realloc(file->releases, max * sizeof *releases);
        if (releases == NULL)
            return false;
        file->releases = releases;
        file->max = max;
    }
    struct ocds_release *release = &file->releases[file->count++];
    *release = (struct ocds_release){.json = json_incref(json)};
    (void)snprintf(release->place, sizeof release->place, "%s", place);
    return ocds_release_read(release);
}

static void not_a_package(struct ocds_file *file, const char *place, const char *text)
{
    ocds_fault_add(&file->faults, false, "OCDS_NOT_A_PACKAGE", place, "%s", text);
}

/** What stands in a list: releases, as the member or the file @place says. */
static bool add_list(struct ocds_file *file, json_t *list, const char *place)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        char at[64];
        (void)snprintf(at, sizeof at, "%s/%zu", place, i);
        json_t *json = json_array_get(list, i);
        if (!json_is_object(json)) {
            not_a_package(file, at, "not a release: it is no object");
            continue;
        }
        if (!add_release(file, json, at))
            return false;
    }
    return true;
}

/* ---- packages ---- */

static const char *after_digits(const char *text)
{
    while (*text >= '0' && *text <= '9')
        text++;
    return text;
}

/** No version is 1.0. A higher first number is refused; a higher second one is only strange. */
static bool version_known(struct ocds_file *file, const json_t *package)
{
    const json_t *version = json_object_get(package, "version");
    if (version == NULL || json_is_null(version))
        return true;
    const char *text = json_string_value(version);
    const char *point = text == NULL ? NULL : after_digits(text);
    bool shaped = point != NULL && point != text && *point == '.' && point[1] != '\0' &&
                  *after_digits(point + 1) == '\0';
    if (!shaped) {
        ocds_fault_add(&file->faults, false, "OCDS_VERSION_UNSUPPORTED", NULL,
                       "version is not two numbers with a point, such as \"1.1\"");
        return false;
    }
    if (strncmp(text, "1.", 2) != 0) {
        ocds_fault_add(&file->faults, false, "OCDS_VERSION_UNSUPPORTED", NULL,
                       "version %.20s is not read, only 1.0 and 1.1", text);
        return false;
    }
    if (strcmp(text, "1.0") != 0 && strcmp(text, "1.1") != 0)
        ocds_fault_add(&file->faults, true, "OCDS_VERSION_UNSUPPORTED", NULL,
                       "version %.20s is read as 1.1", text);
    return true;
}

/** What a package says of itself; a release stands without it, so it is a warning. */
static void check_package(struct ocds_file *file, const json_t *package)
{
    static const char *const required[] = {"uri", "publisher", "publishedDate"};
    for (size_t i = 0; i < ARRAY_LEN(required); i++) {
        const json_t *value = json_object_get(package, required[i]);
        if (value == NULL || json_is_null(value))
            ocds_fault_add(&file->faults, true, "OCDS_FIELD_REQUIRED", required[i],
                           "the package's %s is missing", required[i]);
    }
    const json_t *extensions = json_object_get(package, "extensions");
    if (json_array_size(extensions) > 0)
        ocds_fault_add(&file->faults, true, "OCDS_UNKNOWN_EXTENSION", NULL,
                       "the package names %zu extensions; what they add is not read",
                       json_array_size(extensions));
}

/** One JSON value of the file; @place says where it stands when there are several. */
static bool add_value(struct ocds_file *file, json_t *value, const char *place)
{
    char at[64];
    const char *gap = *place == '\0' ? "" : " ";
    if (json_is_array(value)) {
        (void)snprintf(at, sizeof at, "%s%slist", place, gap);
        if (json_array_size(value) == 0)
            not_a_package(file, at, "the list is empty");
        return add_list(file, value, at);
    }
    if (!json_is_object(value)) {
        not_a_package(file, place, "neither a release nor a release package: it is no object");
        return true;
    }
    json_t *releases = json_object_get(value, "releases");
    if (json_object_get(value, "records") != NULL ||
        (releases != NULL && json_object_get(value, "ocid") != NULL)) {
        not_a_package(file, place, "records and record packages are not read; releases are");
        return true;
    }
    if (releases != NULL && !json_is_array(releases)) {
        (void)snprintf(at, sizeof at, "%s%sreleases", place, gap);
        ocds_fault_add(&file->faults, false, "OCDS_TYPE", at, "releases is not a list");
        return true;
    }
    if (releases != NULL) {
        if (!version_known(file, value))
            return true;
        check_package(file, value);
        (void)snprintf(at, sizeof at, "%s%sreleases", place, gap);
        return add_list(file, releases, at);
    }
    if (json_object_get(value, "ocid") == NULL && json_object_get(value, "tag") == NULL) {
        not_a_package(file, place,
                      "neither a release (no ocid) nor a release package (no releases)");
        return true;
    }
    return add_release(file, value, place);
}

/* ---- text ---- */

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

/** A place in the text, with the line and column that go with it; both from 1. */
struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    uint32_t line;
    uint32_t column;
};

static void cursor_skip(struct cursor *cursor, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (*cursor->at == '\n') {
            cursor->line++;
            cursor->column = 0;
        }
        /* Columns count characters: a byte that goes on with one is none of its own. */
        if ((*cursor->at & 0xC0) != 0x80)
            cursor->column++;
        cursor->at++;
    }
}

static void cursor_skip_blanks(struct cursor *cursor)
{
    while (cursor->at < cursor->end && is_blank(*cursor->at))
        cursor_skip(cursor, 1);
}

static bool utf16(struct slice bytes)
{
    if (bytes.len < 2)
        return false;
    const uint8_t *b = bytes.bytes;
    return (b[0] == 0xFF && b[1] == 0xFE) || (b[0] == 0xFE && b[1] == 0xFF) || b[0] == 0 ||
           b[1] == 0;
}

/** Say at which line and column of the whole file jansson stopped. */
static void add_json_fault(struct ocds_file *file, const struct cursor *cursor,
                           const json_error_t *error)
{
    uint32_t line = cursor->line + (error->line > 0 ? (uint32_t)error->line - 1 : 0);
    uint32_t column = error->column > 0 ? (uint32_t)error->column : 0;
    if (error->line <= 1)
        column += cursor->column - 1;
    char place[32];
    (void)snprintf(place, sizeof place, "%u:%u", line, column);
    bool encoding = json_error_code(error) == json_error_invalid_utf8;
    ocds_fault_add(&file->faults, false, encoding ? "OCDS_NOT_UTF8" : "OCDS_NOT_JSON", place,
                   "line %u, column %u: %.120s", line, column, error->text);
}

/** Read value after value. False: out of memory. */
static bool read_values(struct ocds_file *file, struct cursor *cursor)
{
    cursor_skip_blanks(cursor);
    if (cursor->at == cursor->end) {
        not_a_package(file, NULL, "the file is empty");
        return true;
    }
    for (bool first = true; cursor->at < cursor->end; first = false) {
        json_error_t error = {0};
        json_t *value =
            json_loadb((const char *)cursor->at, (size_t)(cursor->end - cursor->at),
                       JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &error);
        if (value == NULL) {
            add_json_fault(file, cursor, &error);
            return json_error_code(&error) != json_error_out_of_memory;
        }
        char place[32] = "";
        uint32_t line = cursor->line;
        cursor_skip(cursor, (size_t)error.position);
        cursor_skip_blanks(cursor);
        if (!first || cursor->at < cursor->end)
            (void)snprintf(place, sizeof place, "line %u", line);
        bool read = add_value(file, value, place);
        json_decref(value);
        if (!read)
            return false;
    }
    return true;
}

enum status ocds_read(struct slice bytes, struct ocds_file **ret)
{
    struct ocds_file *file = calloc(1, sizeof *file);
    if (file == NULL)
        return STATUS_NO_MEMORY;

    if (utf16(bytes)) {
        ocds_fault_add(&file->faults, false, "OCDS_NOT_UTF8", "1:1",
                       "line 1, column 1: this looks like UTF-16 or UTF-32; OCDS is UTF-8");
    } else {
        struct cursor cursor = {bytes.bytes, bytes.bytes + bytes.len, 1, 1};
        if (bytes.len >= 3 && memcmp(bytes.bytes, "\xEF\xBB\xBF", 3) == 0)
            cursor.at += 3;
        if (!read_values(file, &cursor))
            goto fail;
    }

    *ret = file;
    return STATUS_OK;

fail:
    ocds_file_free(file);
    return STATUS_NO_MEMORY;
}

struct ocds_file *ocds_file_free(struct ocds_file *file)
{
    if (file == NULL)
        return NULL;
    for (uint32_t i = 0; i < file->count; i++)
        ocds_release_clear(&file->releases[i]);
    free(file->releases);
    ocds_faults_clear(&file->faults);
    free(file);
    return NULL;
}

/* ---- namesakes ---- */

struct numbered {
    struct ocds_release *release;
    uint32_t index;
};

static int compare_text(const char *a, const char *b)
{
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b);
}

static int compare_numbered(const void *a, const void *b)
{
    const struct numbered *left = a;
    const struct numbered *right = b;
    int order = compare_text(left->release->ocid, right->release->ocid);
    if (order == 0)
        order = compare_text(left->release->id, right->release->id);
    if (order == 0)
        order = left->index < right->index ? -1 : 1;
    return order;
}

static bool same_name(const struct ocds_release *a, const struct ocds_release *b)
{
    return a->ocid != NULL && b->ocid != NULL && a->id != NULL && b->id != NULL &&
           strcmp(a->ocid, b->ocid) == 0 && strcmp(a->id, b->id) == 0;
}

enum status ocds_find_namesakes(struct ocds_release *const *releases, uint32_t count)
{
    if (count == 0)
        return STATUS_OK;
    struct numbered *sorted = calloc(count, sizeof *sorted);
    if (sorted == NULL)
        return STATUS_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = (struct numbered){releases[i], i};
    qsort(sorted, count, sizeof *sorted, compare_numbered);

    const struct ocds_release *first = sorted[0].release;
    for (uint32_t i = 1; i < count; i++) {
        struct ocds_release *release = sorted[i].release;
        if (same_name(first, release))
            release->namesake = first;
        else
            first = release;
    }
    free(sorted);
    return STATUS_OK;
}
