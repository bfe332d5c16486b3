/* SPDX-License-Identifier: Apache-2.0 */
/* decode.h - what all decoders share: a budget, complaints, and the reading of one field. Private to the codec. */
#ifndef COMMISSION_DECODE_H
#define COMMISSION_DECODE_H

#include "proto/arena.h"
#include "proto/date.h"
#include "proto/ident.h"
#include "proto/reason.h"
#include "proto/status.h"

#include <protobuf-c/protobuf-c.h>

/** One decoding: takes memory from @arena until @left is used up, and notes what was wrong. */
struct decoder {
    struct arena *arena;
    size_t mark;             /* where the arena stood at the beginning */
    size_t left;             /* bytes it may still take */
    bool over;               /* the budget, the arena or a limit of the list was exceeded */
    bool bad;                /* a field holds what it cannot hold, or is missing */
    struct reasons *reasons; /* where to say what is wrong; NULL: nobody asks */
    const char
        *message;     /* the path of the fields that are read: "contract_awarded", NULL: the top */
    const char *list; /* "years", NULL: not in one */
    uint32_t index;   /* of the item in it */
};

/** Begin: at most 16 times @bytes and 64 KiB of @arena may be taken. */
void decoder_begin(struct decoder *decoder, struct arena *arena, size_t bytes,
                   struct reasons *reasons);
/** STATUS_OK; else STATUS_TOO_LARGE or STATUS_MALFORMED, and the arena is as it was at the beginning. */
MUST_USE enum status decoder_end(struct decoder *decoder);

/** Room for @count items of @size bytes, zeroed. NULL: over the budget, or @count over @max. */
void *decoder_take(struct decoder *decoder, size_t count, size_t max, size_t size);
/** Check the form of @bytes and unpack them, into the arena. NULL: complained. */
void *decoder_unpack(struct decoder *decoder, const ProtobufCMessageDescriptor *descriptor,
                     struct slice bytes);

/** Complain that the field @leaf is missing. */
void decoder_missing(struct decoder *decoder, const char *leaf);
/** Complain that the field @leaf holds @value (NULL: not shown): "@path @text". */
void decoder_invalid(struct decoder *decoder, const char *leaf, const char *value,
                     const char *text);

/* Read one field. A field that is empty or zero is not given: NULL, none, 0, unless it is @needed. */
struct slice decode_text(struct decoder *decoder, const char *leaf, const char *text,
                         size_t bytes_max, bool needed);
struct slice decode_bytes(struct decoder *decoder, const char *leaf, ProtobufCBinaryData bytes,
                          size_t bytes_max, bool needed);
/** Exactly @size bytes into @ret; none at all leave it zero. */
void decode_fixed(struct decoder *decoder, const char *leaf, ProtobufCBinaryData bytes, size_t size,
                  bool needed, uint8_t *ret);
struct ods decode_ods(struct decoder *decoder, const char *leaf, const char *text, bool needed);
date_t decode_date(struct decoder *decoder, const char *leaf, const char *text, bool needed);
/** A financial year's first calendar year; 0: not given. */
int32_t decode_year(struct decoder *decoder, const char *leaf, const char *text, bool needed);
/** 0..PENCE_MAX. */
int64_t decode_pence(struct decoder *decoder, const char *leaf, int64_t pence);
/** 0..@max. */
uint64_t decode_count(struct decoder *decoder, const char *leaf, uint64_t count, uint64_t max);
/** 1..@last, or 0 where it is not @needed. */
uint32_t decode_number(struct decoder *decoder, const char *leaf, int64_t number, uint32_t last,
                       bool needed);
/** From @from on, to @to where it is given; @to is not before @from. */
struct period decode_period(struct decoder *decoder, const char *from_leaf, const char *from,
                            const char *to_leaf, const char *to, bool needed);

struct Commission__Reason;
/** The list of reasons, in the arena; left as it is where there are none. Texts are cut to fit struct reason. */
void decode_reasons(struct decoder *decoder, size_t count, struct Commission__Reason **messages,
                    const struct reason **ret, uint32_t *ret_count);

#endif
