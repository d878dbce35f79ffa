#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/cpu.h"
#include "engine/engine.h"
#include "tflite/tflite.h"

#define DIGITS 10000
#define PIXELS 784

static unsigned char *test_images(void) {
    static unsigned char images[DIGITS * PIXELS];
    gzFile file = gzopen(test_shared("data/mnist/t10k-images-idx3-ubyte.gz"), "rb");
    unsigned char header[16];
    assert_non_null(file);
    assert_int_equal(gzread(file, header, 16), 16);
    assert_int_equal(gzread(file, images, sizeof images), sizeof images);
    gzclose(file);
    return images;
}

/* Outputs of `model` on the test digits that differ from the file `wanted`. */
static size_t differing(const char *model, enum runtime runtime, const char *wanted,
                        size_t *compared) {
    const unsigned char *images = test_images();
    struct error error;
    struct frozen *frozen;
    struct engine *engine;
    struct pool *pool;
    const char *path = test_shared(model);
    size_t length;
    unsigned char *want = test_read(test_shared(wanted), &length);
    assert_ok(tflite_read(path, &frozen, &error), &error);
    assert_ok(engine_create(&engine, frozen, runtime, 250, path, &error), &error);
    assert_ok(pool_create(&pool, 2, &error), &error);
    size_t outputs = engine_output_count(engine);
    size_t size = frozen_type_size(frozen->tensors[frozen->output].type);
    assert_int_equal(outputs * size * DIGITS, length);
    unsigned char *got = malloc(length);
    assert_ok(engine_run_digits(engine, pool, DIGITS, images, got, &error), &error);
    size_t count = 0;
    for (size_t i = 0; i < length; i += size) count += memcmp(got + i, want + i, size) != 0;
    *compared = length / size;
    free(got);
    free(want);
    pool_destroy(pool);
    engine_destroy(engine);
    frozen_free(frozen);
    return count;
}

static void every_output_of_every_golden_equals_both_of_tflites_runtimes(void **state) {
    (void)state;
    static const char *const models[] = {"fc", "cnn", "cnn_bn"};
    static const struct {
        const char *name, *suffix;
    } files[] = {{"model_int8", "f32"}, {"model_int8_io", "i8"}, {"model_ptq", "f32"}};
    size_t wrong = 0;
    for (size_t m = 0; m < 3; m++)
        for (size_t f = 0; f < 3; f++)
            for (enum runtime runtime = RUNTIME_REF; runtime <= RUNTIME_XNN; runtime++) {
                char model[64], wanted[64];
                size_t compared;
                snprintf(model, sizeof model, "golden/%s/%s.tflite", models[m], files[f].name);
                snprintf(wanted, sizeof wanted, "golden/%s/%s.%s.%s", models[m], files[f].name,
                         runtime_name(runtime), files[f].suffix);
                size_t differ = differing(model, runtime, wanted, &compared);
                print_message("# %-30s x %s -> %zu outputs compared, differing: %zu\n", model,
                              runtime_name(runtime), compared, differ);
                wrong += differ;
            }
    assert_int_equal(wrong, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_output_of_every_golden_equals_both_of_tflites_runtimes),
};
TEST_MAIN(tests)
