/* fuzz: what the fuzz targets share.
 *
 * A target reads bytes as one of qatop's readers would and checks what comes of it: a refusal is
 * one line of text, what is accepted is sane.  A failed check aborts.  With --enable-fuzzing each
 * target is a libFuzzer program (`make fuzz`); else tests/fuzz/driver.c runs it over its seeds and
 * a fixed number of mutations of them, in `make check`.
 *
 * Seeds are the files of tests/fuzz/corpus/NAME, which also keep what was once found, and those
 * that the target names.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Stand in the target's source. */
struct fuzz_target {
    const char *name;
    const char *const *seeds; /* relative paths, NULL at the end; or NULL */
    int megabytes;            /* most memory that any one input may ask for, as the headers say */
};
extern const struct fuzz_target fuzz_target;
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* Path of a file that holds just these bytes, until the next call. */
const char *fuzz_file(const uint8_t *bytes, size_t length);

#define fuzz_check(condition) ((condition) ? (void)0 : fuzz_failed(#condition, __FILE__, __LINE__))
NO_RETURN void fuzz_failed(const char *condition, const char *file, int line);

/* A status other than STATUS_OK came with one line that says what is wrong, and where. */
void fuzz_check_refusal(enum status status, const struct error *error);

/* The next seed's path; NULL at the end.  *state starts at 0; the string is static. */
const char *fuzz_next_seed(int *state);

#endif
