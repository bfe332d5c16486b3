/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz.h - what a fuzz target is: libFuzzer's entry, and the byte that says what a vector of proto/vectors is fed to. */
/*
 * The same targets run in two ways: with the preset `fuzz` libFuzzer calls them; in every other build replay.c does, as plain
 * tests, with the files of corpus/ and the vectors. A target stops (CHECK, a sanitizer) when what must hold does not.
 */
#ifndef COMMISSION_TESTS_FUZZ_H
#define COMMISSION_TESTS_FUZZ_H

#include "proto/base.h"

/* libFuzzer's names. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** The first byte of an input that feeds the rest to what reads the message of the vector @name ("Event-note.hex"); -1: none here does. */
int fuzz_vector(const char *name);

#endif
