/* IDX files, plain and compressed: as labels and as images. */
#include <stdlib.h>

#include "data/dataset.h"
#include "data/idx.h"
#include "fuzz/fuzz.h"

static const char *const seeds[] = {"assets/mnist-5k/t10k-labels-idx1-ubyte.gz",
                                    "assets/mnist-5k/train-labels-idx1-ubyte.gz",
                                    "assets/mnist-5k/t10k-images-idx3-ubyte.gz", NULL};
const struct fuzz_target fuzz_target = {"idx", seeds, 784};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    const char *path = fuzz_file(bytes, length);
    struct error error;
    struct idx idx;
    size_t sum = 0;
    enum status status = idx_read_labels(path, &idx, &error);
    if (status) {
        fuzz_check_refusal(status, &error);
        fuzz_check(!idx.bytes && !idx.count);
    }
    fuzz_check(idx.count <= MAX_IDX_ITEMS);
    for (size_t i = 0; i < idx.count; i++) sum += idx.bytes[i];
    fuzz_check(sum <= idx.count * 255);
    free(idx.bytes);
    status = idx_read_images(path, &idx, &error);
    if (status) {
        fuzz_check_refusal(status, &error);
        fuzz_check(!idx.bytes && !idx.count);
    }
    fuzz_check(idx.count <= MAX_IDX_ITEMS);
    size_t values = idx.count * shape_count(&idx.shape);
    fuzz_check(values <= MAX_DATASET_BYTES);
    sum = 0;
    for (size_t i = 0; i < values; i++) sum += idx.bytes[i];
    fuzz_check(sum <= values * 255);
    free(idx.bytes);
    return 0;
}
