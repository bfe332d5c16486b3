/* SPDX-License-Identifier: Apache-2.0 */
/* form.h - is this a message of its type, read one way only? By descriptor, before protobuf-c sees a byte. */
/*
 * protobuf-c checks neither UTF-8 nor NUL and takes the last of what is given twice. Here is refused:
 * bytes that are no fields; groups; a known field of another wire type; a field or oneof given twice that is no
 * list; text that is not UTF-8, has a NUL or is longer than TEXT_BYTES_MAX. Fields that are not known are let
 * pass and not looked into. Depth is the schema's, FORM_DEPTH_MAX at most; nothing recurses.
 */
#ifndef COMMISSION_FORM_H
#define COMMISSION_FORM_H

#include "proto/base.h"

#include <protobuf-c/protobuf-c.h>

#define FORM_DEPTH_MAX 6
#define FORM_PATH_SIZE 64

struct form_fault {
    const char *text; /* static: what is wrong */
    char path
        [FORM_PATH_SIZE]; /* "contract_awarded.years[0].financial_year", cut to fit; "" the message itself */
    const char *leaf; /* "financial_year", static; "" the message itself */
    bool message;     /* not a field's value: the bytes at @path are no message at all */
};

/** Check @bytes as a message of @descriptor's type. False: @fault says what and where. */
MUST_USE bool form_check(const ProtobufCMessageDescriptor *descriptor, struct slice bytes,
                         struct form_fault *fault);

#endif
