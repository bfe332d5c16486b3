/* SPDX-License-Identifier: Apache-2.0 */
#include "clients/commands/manifest.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <string.h>

#include "proto/date.h"

void manifest_clear(struct manifest *manifest)
{
    free(manifest->segments);
    *manifest = (struct manifest){.seq = 0};
}

void manifest_add(struct manifest *manifest, const struct manifest_segment *segment)
{
    struct manifest_segment *more = reallocarray(
        manifest->segments, manifest->segments_count + (size_t)1, sizeof *manifest->segments);
    CHECK(more != NULL);
    manifest->segments = more;
    more[manifest->segments_count++] = *segment;
}

const struct manifest_segment *manifest_find(const struct manifest *manifest, uint64_t first_seq)
{
    for (uint32_t i = 0; i < manifest->segments_count; i++) {
        if (manifest->segments[i].first_seq == first_seq)
            return &manifest->segments[i];
    }
    return NULL;
}

/* ---- writing ---- */

static json_t *number_json(uint64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRIu64, number);
    return json_string(text);
}

static json_t *hash_json(struct hash hash)
{
    char text[HASH_TEXT_SIZE];
    hash_print(hash, text);
    return json_string(text);
}

char *manifest_print(const struct manifest *manifest)
{
    char id[33];
    json_t *segments = json_array();

    statement_id_print(manifest->journal_id, id);
    for (uint32_t i = 0; i < manifest->segments_count; i++) {
        const struct manifest_segment *segment = &manifest->segments[i];
        json_array_append_new(segments, json_pack("{s:o, s:o, s:o, s:o, s:o}", "first_seq",
                                                  number_json(segment->first_seq), "bytes",
                                                  number_json(segment->bytes), "end",
                                                  number_json(segment->end), "last_seq",
                                                  number_json(segment->last_seq), "last_hash",
                                                  hash_json(segment->last_hash)));
    }
    json_t *whole = json_pack(
        "{s:i, s:s, s:o, s:o, s:s, s:s, s:s, s:o}", "format", MANIFEST_FORMAT, "journal_id", id,
        "seq", number_json(manifest->seq), "hash", hash_json(manifest->hash), "at", manifest->at,
        "version", manifest->version, "signing_key", manifest->signing_key, "segments", segments);
    CHECK(whole != NULL);
    char *text = json_dumps(whole, JSON_INDENT(2) | JSON_PRESERVE_ORDER);
    CHECK(text != NULL);
    json_decref(whole);
    return text;
}

/* ---- reading ---- */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

static bool number_of(const json_t *object, const char *name, uint64_t *ret)
{
    const char *text = text_of(object, name);
    char *end = NULL;
    errno = 0;
    *ret = strtoull(text, &end, 10);
    return errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == '\0';
}

static bool hash_of(const json_t *object, const char *name, struct hash *ret)
{
    const char *text = text_of(object, name);
    return statement_hash_parse(text, strlen(text), ret);
}

static bool take(const json_t *whole, struct manifest *ret)
{
    const char *id = text_of(whole, "journal_id");
    const json_t *segments = json_object_get(whole, "segments");

    (void)snprintf(ret->at, sizeof ret->at, "%s", text_of(whole, "at"));
    (void)snprintf(ret->version, sizeof ret->version, "%s", text_of(whole, "version"));
    (void)snprintf(ret->signing_key, sizeof ret->signing_key, "%s", text_of(whole, "signing_key"));
    if (!statement_id_parse(id, strlen(id), ret->journal_id) ||
        !number_of(whole, "seq", &ret->seq) || !hash_of(whole, "hash", &ret->hash) ||
        !json_is_array(segments))
        return false;
    for (size_t i = 0; i < json_array_size(segments); i++) {
        const json_t *item = json_array_get(segments, i);
        struct manifest_segment segment;
        if (!number_of(item, "first_seq", &segment.first_seq) ||
            !number_of(item, "bytes", &segment.bytes) || !number_of(item, "end", &segment.end) ||
            !number_of(item, "last_seq", &segment.last_seq) ||
            !hash_of(item, "last_hash", &segment.last_hash) || segment.end > segment.bytes)
            return false;
        manifest_add(ret, &segment);
    }
    return ret->segments_count > 0 && ret->segments[ret->segments_count - 1].last_seq == ret->seq &&
           hash_equal(ret->segments[ret->segments_count - 1].last_hash, ret->hash);
}

enum status manifest_read(const char *folder, struct manifest *ret)
{
    char path[PATH_MAX];
    json_error_t fault;

    *ret = (struct manifest){.seq = 0};
    int len = snprintf(path, sizeof path, "%s/" MANIFEST_NAME, folder);
    if (len < 0 || (size_t)len >= sizeof path)
        return STATUS_IO_FAILED;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return errno == ENOENT || errno == ENOTDIR ? STATUS_NOT_FOUND : STATUS_IO_FAILED;
    json_t *whole = json_loadf(file, JSON_REJECT_DUPLICATES, &fault);
    (void)fclose(file);
    enum status status = whole != NULL ? STATUS_OK : STATUS_MALFORMED;
    json_int_t format = json_integer_value(json_object_get(whole, "format"));
    if (status == STATUS_OK && format > MANIFEST_FORMAT)
        status = STATUS_UNSUPPORTED;
    else if (status == STATUS_OK && (format < 1 || !take(whole, ret)))
        status = STATUS_MALFORMED;
    json_decref(whole);
    if (status != STATUS_OK)
        manifest_clear(ret);
    return status;
}
