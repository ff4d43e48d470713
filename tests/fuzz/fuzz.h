/* fuzz.h: what the targets share. A target is fuzz_<reader>.c with LLVMFuzzerTestOneInput: it gives
 * one input to the reader, checks what came out and frees it. libFuzzer drives it (tools/fuzz.sh),
 * and in every build test_fuzz.c does. */
#ifndef RN_TESTS_FUZZ_H
#define RN_TESTS_FUZZ_H

#include "base/status.h"

#include <stdio.h>
#include <stdlib.h>

/* Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Make the lengths and checksums of a mutated input right again, so that what lies behind them is
 * reached. Only some targets have it. */
void fuzz_repair(uint8_t *data, size_t size) __attribute__((weak));

/* A broken promise of the reader's ends the program, as a crash would. */
#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (condition) break;                                                                      \
        fprintf(stderr, "%s:%d: not so: %s (%s)\n", __FILE__, __LINE__, #condition,                \
                rn_error_text());                                                                  \
        abort();                                                                                   \
    } while (0)

/* The path of a file that holds `data`; good until the next call. In memory, no disk is touched. */
const char *fuzz_file(const uint8_t *data, size_t size);

/* Count the input as read, or check its refusal: RN_EINPUT, never RN_ENOMEM (inputs are small), and
 * a text of one line that begins with `name` and says more. True where `status` is RN_OK. */
bool fuzz_read(rn_status status, const char *name);

/* Inputs counted as read so far. */
size_t fuzz_n_read(void);

#endif
