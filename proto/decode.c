/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/decode.h"

#include "proto/form.h"
#include "proto/limits.h"

#include <inttypes.h>
#include <string.h>

#define BUDGET_TIMES 16
#define BUDGET_MORE ((size_t)64 * 1024)

void decoder_begin(struct decoder *decoder, struct arena *arena, size_t bytes,
                   struct reasons *reasons)
{
    CHECK(arena != NULL);
    *decoder = (struct decoder){
        .arena = arena,
        .mark = arena_used(arena),
        .left = BUDGET_TIMES * bytes + BUDGET_MORE,
        .reasons = reasons,
    };
}

enum status decoder_end(struct decoder *decoder)
{
    if (!decoder->over && !decoder->bad)
        return STATUS_OK;
    arena_rewind(decoder->arena, decoder->mark);
    if (decoder->over && decoder->reasons != NULL && !decoder->bad)
        reasons_add(decoder->reasons, REASON_MESSAGE_TOO_LARGE, NULL, NULL, NULL, NULL);
    return decoder->over ? STATUS_TOO_LARGE : STATUS_MALFORMED;
}

void *decoder_take(struct decoder *decoder, size_t count, size_t max, size_t size)
{
    if (count > max || count * size > decoder->left) {
        decoder->over = true;
        return NULL;
    }
    void *taken = arena_take(decoder->arena, count * size);
    if (taken == NULL) {
        decoder->over = true;
        return NULL;
    }
    decoder->left -= count * size;
    return taken;
}

static void *budget_alloc(void *context, size_t size)
{
    return decoder_take(context, 1, 1, size);
}

static void budget_free(void *context, void *pointer)
{
    (void)context; /* the arena is rewound whole */
    (void)pointer;
}

static void complain_of_form(struct decoder *decoder, const struct form_fault *fault)
{
    char text[REASON_TEXT_SIZE];
    bool field = fault->leaf[0] != '\0' && !fault->message;
    enum reason_code code = field ? REASON_FIELD_INVALID : REASON_MALFORMED_MESSAGE;

    decoder->bad = true;
    if (decoder->reasons == NULL)
        return;
    snprintf(text, sizeof text, "%s %s", fault->path[0] != '\0' ? fault->path : "the message",
             fault->text);
    reasons_add(decoder->reasons, code, field ? fault->leaf : NULL, fault->path, NULL, text);
}

void *decoder_unpack(struct decoder *decoder, const ProtobufCMessageDescriptor *descriptor,
                     struct slice bytes)
{
    ProtobufCAllocator allocator = {budget_alloc, budget_free, decoder};
    struct form_fault fault;

    if (!form_check(descriptor, bytes, &fault)) {
        complain_of_form(decoder, &fault);
        return NULL;
    }
    void *message = protobuf_c_message_unpack(descriptor, &allocator, bytes.len, bytes.bytes);
    if (message == NULL && !decoder->over) {
        fault = (struct form_fault){.text = "cannot be read", .leaf = "", .message = true};
        complain_of_form(decoder, &fault);
    }
    return message;
}

static void print_path(const struct decoder *decoder, const char *leaf, char ret[REASON_FIELD_SIZE])
{
    if (decoder->message == NULL)
        snprintf(ret, REASON_FIELD_SIZE, "%s", leaf);
    else if (decoder->list == NULL)
        snprintf(ret, REASON_FIELD_SIZE, "%s.%s", decoder->message, leaf);
    else
        snprintf(ret, REASON_FIELD_SIZE, "%s.%s[%" PRIu32 "].%s", decoder->message, decoder->list,
                 decoder->index, leaf);
}

void decoder_missing(struct decoder *decoder, const char *leaf)
{
    char path[REASON_FIELD_SIZE];
    char text[REASON_TEXT_SIZE];

    decoder->bad = true;
    if (decoder->reasons == NULL)
        return;
    print_path(decoder, leaf, path);
    snprintf(text, sizeof text, "%s is needed and is missing", path);
    reasons_add(decoder->reasons, REASON_FIELD_MISSING, leaf, path, NULL, text);
}

void decoder_invalid(struct decoder *decoder, const char *leaf, const char *value, const char *text)
{
    char path[REASON_FIELD_SIZE];
    char sentence[REASON_TEXT_SIZE];

    decoder->bad = true;
    if (decoder->reasons == NULL)
        return;
    print_path(decoder, leaf, path);
    snprintf(sentence, sizeof sentence, "%s %s", path, text);
    reasons_add(decoder->reasons, REASON_FIELD_INVALID, leaf, path, value, sentence);
}

static void invalid_number(struct decoder *decoder, const char *leaf, int64_t number,
                           const char *text)
{
    char value[24];

    snprintf(value, sizeof value, "%" PRId64, number);
    decoder_invalid(decoder, leaf, value, text);
}

/** False: @text is not given, and that was complained of where it is needed. */
static bool given(struct decoder *decoder, const char *leaf, size_t len, bool needed)
{
    if (len == 0 && needed)
        decoder_missing(decoder, leaf);
    return len > 0;
}

struct slice decode_text(struct decoder *decoder, const char *leaf, const char *text,
                         size_t bytes_max, bool needed)
{
    size_t len = strlen(text);

    if (!given(decoder, leaf, len, needed))
        return (struct slice){NULL, 0};
    if (len > bytes_max)
        decoder_invalid(decoder, leaf, text, "is too long");
    return (struct slice){(const uint8_t *)text, len};
}

struct slice decode_bytes(struct decoder *decoder, const char *leaf, ProtobufCBinaryData bytes,
                          size_t bytes_max, bool needed)
{
    if (!given(decoder, leaf, bytes.len, needed))
        return (struct slice){NULL, 0};
    if (bytes.len > bytes_max)
        decoder_invalid(decoder, leaf, NULL, "is too long");
    return (struct slice){bytes.data, bytes.len};
}

void decode_fixed(struct decoder *decoder, const char *leaf, ProtobufCBinaryData bytes, size_t size,
                  bool needed, uint8_t *ret)
{
    if (!given(decoder, leaf, bytes.len, needed))
        return;
    if (bytes.len == size)
        memcpy(ret, bytes.data, size);
    else
        decoder_invalid(decoder, leaf, NULL,
                        size == EVENT_ID_BYTES ? "is not 16 bytes long" : "is not 32 bytes long");
}

struct ods decode_ods(struct decoder *decoder, const char *leaf, const char *text, bool needed)
{
    struct ods ods = {""};
    size_t len = strlen(text);

    if (given(decoder, leaf, len, needed) && !ods_parse(text, len, &ods))
        decoder_invalid(decoder, leaf, text,
                        "is no organisation's code: 3 or 5 capitals and digits, or a capital and 8 "
                        "digits");
    return ods;
}

date_t decode_date(struct decoder *decoder, const char *leaf, const char *text, bool needed)
{
    date_t date = DATE_NONE;
    size_t len = strlen(text);

    if (given(decoder, leaf, len, needed) && !date_parse(text, len, &date))
        decoder_invalid(decoder, leaf, text, "is no day of 1900 to 2199 written as 2018-04-01");
    return date;
}

int32_t decode_year(struct decoder *decoder, const char *leaf, const char *text, bool needed)
{
    int32_t year = 0;
    size_t len = strlen(text);

    if (given(decoder, leaf, len, needed) && !financial_year_parse(text, len, &year))
        decoder_invalid(decoder, leaf, text, "is no financial year written as 2018/19");
    return year;
}

int64_t decode_pence(struct decoder *decoder, const char *leaf, int64_t pence)
{
    if (pence < 0)
        invalid_number(decoder, leaf, pence, "is less than nothing");
    if (pence > PENCE_MAX)
        invalid_number(decoder, leaf, pence, "is more than 10^15 pence");
    return pence;
}

uint64_t decode_count(struct decoder *decoder, const char *leaf, uint64_t count, uint64_t max)
{
    char value[24];

    if (count > max) {
        snprintf(value, sizeof value, "%" PRIu64, count);
        decoder_invalid(decoder, leaf, value, "is more than it can be");
    }
    return count;
}

uint32_t decode_number(struct decoder *decoder, const char *leaf, int64_t number, uint32_t last,
                       bool needed)
{
    if (number == 0 && needed)
        decoder_missing(decoder, leaf);
    if (number >= 0 && number <= (int64_t)last)
        return (uint32_t)number;
    invalid_number(decoder, leaf, number, "is a number that is not in its list");
    return 0;
}

struct period decode_period(struct decoder *decoder, const char *from_leaf, const char *from,
                            const char *to_leaf, const char *to, bool needed)
{
    struct period period;

    period.from = decode_date(decoder, from_leaf, from, needed);
    period.to = decode_date(decoder, to_leaf, to, false);
    if (period.to != DATE_NONE && period.to < period.from)
        decoder_invalid(decoder, to_leaf, to, "is before the first day");
    return period;
}
