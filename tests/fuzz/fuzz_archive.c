/* Zip archives: the two members of a .keras file, with the limits that the loader sets. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "model/archive.h"
#include "model/h5_reader.h"
#include "model/model.h"

static const char *const seeds[] = {"shared/golden/keras3/cnn_rescale.keras",
                                    "tests/golden/qat.keras", NULL};
const struct fuzz_target fuzz_target = {"archive", seeds, 96};

static void take(struct archive *archive, const char *name, size_t limit) {
    struct error error;
    unsigned char *bytes;
    size_t length = 0;
    enum status status = archive_read(archive, name, limit, &bytes, &length, &error);
    if (status) {
        fuzz_check_refusal(status, &error);
        fuzz_check(!bytes);
        return;
    }
    fuzz_check(bytes && length <= limit && !bytes[length]);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    const char *path = fuzz_file(bytes, length);
    struct error error;
    struct archive *archive;
    bool is_probed = archive_probe(path);
    enum status status = archive_open(&archive, path, &error);
    fuzz_check(!is_probed || length >= 4);
    if (status) {
        fuzz_check_refusal(status, &error);
        fuzz_check(!archive);
        return 0;
    }
    take(archive, "config.json", MAX_H5_TEXT);
    take(archive, "model.weights.h5", MAX_WEIGHTS * sizeof(float) * 4);
    archive_close(archive);
    return 0;
}
