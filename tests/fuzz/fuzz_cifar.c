/* CIFAR's binary files, as a batch of CIFAR-10 and as the test part of CIFAR-100, and class names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/cifar.h"
#include "fuzz/fuzz.h"

#define LIMIT ((size_t)16 << 20)

const struct fuzz_target fuzz_target = {"cifar", NULL, 32};

static char folders[2][256], links[2][512];

static void remove_folders(void) {
    for (int i = 0; i < 2; i++) {
        unlink(links[i]);
        rmdir(folders[i]);
    }
}

/* Two folders with the fuzzed file under the names that it may have. */
static void make_folders(const char *path) {
    static const char *const names[] = {"data_batch_1.bin", "test.bin"};
    if (*folders[0]) return;
    for (int i = 0; i < 2; i++) {
        snprintf(folders[i], sizeof folders[i], "%.200s.XXXXXX", path);
        fuzz_check(mkdtemp(folders[i]));
        snprintf(links[i], sizeof links[i], "%.255s/%s", folders[i], names[i]);
        fuzz_check(!symlink(path, links[i]));
    }
    atexit(remove_folders);
}

static void take(const char *folder, enum cifar_part part, size_t classes) {
    struct error error;
    struct cifar cifar;
    enum status status = cifar_read(folder, part, classes, LIMIT, &cifar, &error);
    if (status) {
        fuzz_check_refusal(status, &error);
        fuzz_check(!cifar.images && !cifar.labels);
        return;
    }
    fuzz_check(cifar.count > 0 && cifar.count * CIFAR_BYTES <= LIMIT);
    for (size_t i = 0; i < cifar.count; i++) fuzz_check(cifar.labels[i] < classes);
    free(cifar.images);
    free(cifar.labels);
}

static void take_names(const char *path) {
    struct error error;
    struct names names;
    enum status status = names_read(path, &names, &error);
    if (status) {
        fuzz_check_refusal(status, &error);
        fuzz_check(!names.list);
        return;
    }
    fuzz_check(names.count > 0 && names.count <= MAX_NAMES);
    for (size_t i = 0; i < names.count; i++)
        fuzz_check(names.list[i][0] && strlen(names.list[i]) <= MAX_NAMES_BYTES);
    names_free(&names);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    const char *path = fuzz_file(bytes, length);
    make_folders(path);
    take(folders[0], CIFAR_TRAIN, 10);
    take(folders[1], CIFAR_TEST, 100);
    take_names(path);
    return 0;
}
