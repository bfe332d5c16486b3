/* SPDX-License-Identifier: Apache-2.0 */
/* base.h - the whole dialect: what every file here may use without asking. */
#ifndef COMMISSION_BASE_H
#define COMMISSION_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(at, first) __attribute__((format(printf, at, first)))
#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

/** What must hold whatever the world does. False: a bug of ours; stop at once, in every build. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "<2>bug: %s at %s:%d\n", #condition, __FILE__, __LINE__);              \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/** Bytes of somebody else: valid as long as their owner says. {NULL, 0} is empty. */
struct slice {
    const uint8_t *bytes;
    size_t len;
};

#endif
