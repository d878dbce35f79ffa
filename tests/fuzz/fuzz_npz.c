/* NumPy's arrays: whole archives, and plain .npy files, or the archive's checksums would keep most
 * mutations away from the arrays' headers. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/npz.h"
#include "fuzz/fuzz.h"

#define LIMIT ((size_t)32 << 20)

const struct fuzz_target fuzz_target = {"npz", NULL, 96};

static void check(const struct npy *npy) {
    size_t count = 1;
    fuzz_check(npy->rank >= 0 && npy->rank <= MAX_NPY_RANK);
    for (int i = 0; i < MAX_NPY_RANK; i++) count *= npy->shape[i];
    fuzz_check(npy->count == count);
}

static void take_samples(struct npz *npz, const char *name) {
    struct error error;
    struct npy npy;
    enum status status = npz_read_samples(npz, name, LIMIT, &npy, &error);
    if (status) {
        fuzz_check_refusal(status, &error);
        fuzz_check(!npy.data);
        return;
    }
    check(&npy);
    fuzz_check(npy.count > 0 && npy.count * npy_type_size(npy.type) <= LIMIT);
    fuzz_check(npy.type == NPY_UINT8 || npy.type == NPY_FLOAT32);
    for (size_t i = 0; i < npy.count; i++) fuzz_check(isfinite(npy_number(&npy, i)));
    free(npy.data);
}

static void take_labels(struct npz *npz, const char *name) {
    struct error error;
    struct npz_labels labels;
    enum status status = npz_read_labels(npz, name, LIMIT, &labels, &error);
    if (status) {
        fuzz_check_refusal(status, &error);
        fuzz_check(!labels.values);
        return;
    }
    fuzz_check(labels.count > 0);
    for (size_t i = 0; labels.classes && i < labels.count; i++)
        fuzz_check(labels.values[i] >= 0 && labels.values[i] < (int64_t)labels.classes);
    free(labels.values);
}

static void take_archive(const char *path) {
    struct error error;
    struct npz *npz;
    char names[200];
    enum status status = npz_open(&npz, path, &error);
    if (status) {
        fuzz_check_refusal(status, &error);
        fuzz_check(!npz);
        return;
    }
    fuzz_check(*npz_names(npz, names, sizeof names));
    take_samples(npz, "x");
    take_labels(npz, "y");
    npz_close(npz);
}

static void take_array(const uint8_t *bytes, size_t length) {
    struct error error;
    struct npy npy;
    size_t header;
    int64_t integer;
    enum status status = npy_parse(bytes, length, &npy, &header, "file", "array", &error);
    if (status) {
        fuzz_check_refusal(status, &error);
        return;
    }
    check(&npy);
    fuzz_check(header <= length && header <= MAX_NPY_HEADER);
    size_t size = npy.count * npy_type_size(npy.type);
    if (size > length - header) return;
    npy.data = malloc(size ? size : 1);
    fuzz_check(npy.data);
    memcpy(npy.data, bytes + header, size);
    fuzz_check(!npy_arrange(&npy, "file", &error));
    for (size_t i = 0; i < npy.count; i++)
        if (npy_integer(&npy, i, &integer)) fuzz_check((double)integer == npy_number(&npy, i));
    fuzz_check(!npy_convert(&npy, npy_fits_bytes(&npy) ? NPY_UINT8 : NPY_FLOAT32, "file", &error));
    free(npy.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    const char *path = fuzz_file(bytes, length);
    if (npz_probe(path)) fuzz_check(length >= 4 && !memcmp(bytes, "PK\3\4", 4));
    take_archive(path);
    take_array(bytes, length);
    return 0;
}
