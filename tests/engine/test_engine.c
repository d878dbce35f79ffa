#include "test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <zlib.h>

#include "engine/dot.h"
#include "engine/engine.h"
#include "tflite/tflite.h"

#define PIXELS 784

/* All the test digits; what a sanitizer slows down many times checks the first of them. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DIGITS            200
#define DIGITS_EACH_LEVEL 20
#else
#define DIGITS            10000
#define DIGITS_EACH_LEVEL 300
#endif

static unsigned char *test_images(void) {
    static unsigned char images[DIGITS * PIXELS];
    static bool loaded;
    const char *path = test_shared("data/mnist/t10k-images-idx3-ubyte.gz");
    if (loaded) return images;
    gzFile file = gzopen(path, "rb");
    unsigned char header[16];
    assert_non_null(file);
    assert_int_equal(gzread(file, header, 16), 16);
    assert_int_equal(gzread(file, images, sizeof images), sizeof images);
    gzclose(file);
    loaded = true;
    return images;
}

/* Outputs of `model` on the first test digits that differ from the file `wanted`. */
static size_t differing(const char *model, enum runtime runtime, const char *wanted, size_t digits,
                        size_t *compared) {
    struct error error;
    struct frozen *frozen;
    struct engine *engine;
    struct pool *pool;
    const char *path = test_shared(model);
    size_t file_length;
    unsigned char *want = test_read(test_shared(wanted), &file_length);
    assert_ok(tflite_read(path, &frozen, &error), &error);
    assert_ok(engine_create(&engine, frozen, runtime, 250, path, &error), &error);
    assert_ok(pool_create(&pool, 2, &error), &error);
    size_t outputs = engine_output_count(engine);
    size_t size = frozen_type_size(frozen->tensors[frozen->output].type);
    size_t length = outputs * size * digits;
    assert_int_equal(outputs * size * 10000, file_length);
    unsigned char *got = malloc(length);
    struct samples samples = test_digits(test_images(), NULL, digits);
    assert_ok(engine_run_samples(engine, pool, &samples, got, &error), &error);
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
                size_t differ = differing(model, runtime, wanted, DIGITS, &compared);
                print_message("# %-30s x %s -> %zu outputs compared, differing: %zu\n", model,
                              runtime_name(runtime), compared, differ);
                wrong += differ;
            }
    assert_int_equal(wrong, 0);
}

/* Against TensorFlow's own probabilities. */
static void float_programs_give_the_models_probabilities(void **state) {
    (void)state;
    enum { SOME = DIGITS < 1000 ? DIGITS / 4 : 1000 };
    static const char *const models[] = {"fc", "cnn", "cnn_bn"};
    static float got[SOME * 10];
    const struct samples samples = test_digits(test_images(), NULL, SOME);
    for (size_t m = 0; m < 3; m++) {
        char model[64], wanted[64];
        struct error error;
        struct frozen *frozen;
        struct engine *engine;
        struct pool *pool;
        size_t length;
        snprintf(model, sizeof model, "golden/%s/model_fp32.tflite", models[m]);
        snprintf(wanted, sizeof wanted, "golden/%s/fp32_probs.f32", models[m]);
        float *want = (float *)(void *)test_read(test_shared(wanted), &length);
        assert_int_equal(length, 10000 * 10 * sizeof *want);
        assert_ok(tflite_read(test_shared(model), &frozen, &error), &error);
        assert_ok(pool_create(&pool, 2, &error), &error);
        for (enum runtime runtime = RUNTIME_REF; runtime <= RUNTIME_XNN; runtime++) {
            assert_ok(engine_create(&engine, frozen, runtime, 64, model, &error), &error);
            assert_ok(engine_run_samples(engine, pool, &samples, got, &error), &error);
            for (int i = 0; i < SOME * 10; i++) assert_near(got[i], want[i], 1e-5);
            engine_destroy(engine);
        }
        pool_destroy(pool);
        frozen_free(frozen);
        free(want);
    }
}

static void every_set_of_kernels_gives_the_same_outputs(void **state) {
    (void)state;
    static const char *const models[] = {"fc", "cnn", "cnn_bn"};
    const struct dot_kernels *kernels;
    for (int i = 0; (kernels = dot_kernels_set(i)); i++) {
        size_t compared, wrong = 0;
        dot_kernels_force(kernels);
        for (size_t m = 0; m < 3; m++)
            for (enum runtime runtime = RUNTIME_REF; runtime <= RUNTIME_XNN; runtime++) {
                char model[64], wanted[64];
                snprintf(model, sizeof model, "golden/%s/model_int8.tflite", models[m]);
                snprintf(wanted, sizeof wanted, "golden/%s/model_int8.%s.f32", models[m],
                         runtime_name(runtime));
                wrong += differing(model, runtime, wanted, DIGITS_EACH_LEVEL, &compared);
            }
        print_message("# %s: differing: %zu\n", kernels->name, wrong);
        assert_int_equal(wrong, 0);
    }
    dot_kernels_force(NULL);
}

struct loaded {
    struct frozen *frozen;
    struct engine *engine;
};

static struct loaded load(const char *model, int batch) {
    struct loaded loaded;
    struct error error;
    const char *path = test_shared(model);
    assert_ok(tflite_read(path, &loaded.frozen, &error), &error);
    assert_ok(engine_create(&loaded.engine, loaded.frozen, RUNTIME_REF, batch, path, &error),
              &error);
    return loaded;
}

static void unload(struct loaded *loaded) {
    engine_destroy(loaded->engine);
    frozen_free(loaded->frozen);
}

/* 7 digits in a batch of 3 with 3 threads, one by one, and as floats. */
static void batches_threads_and_the_kind_of_input_change_nothing(void **state) {
    (void)state;
    enum { SOME = 7 };
    const unsigned char *images = test_images();
    const struct samples samples = test_digits(images, NULL, SOME);
    struct error error;
    struct pool *pool;
    float threaded[SOME * 10], single[SOME * 10], floats[SOME * 10], x[SOME * PIXELS];
    assert_ok(pool_create(&pool, 3, &error), &error);
    struct loaded loaded = load("golden/cnn/model_int8.tflite", 3);
    assert_ok(engine_run_samples(loaded.engine, pool, &samples, threaded, &error), &error);
    for (size_t i = 0; i < SOME; i++) {
        struct samples one = samples_part(&samples, i, 1);
        assert_ok(engine_run_samples(loaded.engine, NULL, &one, single + i * 10, &error), &error);
    }
    for (int i = 0; i < SOME * PIXELS; i++) x[i] = (float)images[i] / 255.0f;
    for (int i = 0; i < SOME; i += 3)
        engine_run(loaded.engine, pool, SOME - i < 3 ? SOME - i : 3, x + i * PIXELS,
                   floats + i * 10);
    assert_memory_equal(threaded, single, sizeof threaded);
    assert_memory_equal(threaded, floats, sizeof threaded);
    unload(&loaded);
    pool_destroy(pool);
}

static void a_tensor_can_be_looked_at_after_a_run(void **state) {
    (void)state;
    struct loaded loaded = load("golden/fc/model_int8.tflite", 1);
    struct error error;
    float output[10];
    const struct samples digit = test_digits(test_images(), NULL, 1);
    assert_ok(engine_run_samples(loaded.engine, NULL, &digit, output, &error), &error);
    /* golden/fc/model_int8.tensors.json, values of the first digit */
    static const int8_t probabilities[] = {-128, -128, -128, -128, -128,
                                           -128, -128, 127,  -128, -128};
    assert_memory_equal(engine_tensor(loaded.engine, 8), probabilities, 10);
    const int8_t *input = engine_tensor(loaded.engine, 3);
    for (int i = 0; i < PIXELS; i++) assert_int_equal(input[i], test_images()[i] - 128);
    assert_null(engine_tensor(loaded.engine, 0)); /* pixels were quantized without being floats */
    assert_null(engine_tensor(loaded.engine, 4711));
    unload(&loaded);
}

/* Values of one digit as TFLite's reference kernels had them; how many int8 tensors there were. */
static int check_tensors(const struct engine *engine, const struct frozen *frozen,
                         const json_t *values, int digit) {
    int checked = 0;
    for (int t = 0; t < frozen->tensor_count; t++) {
        const struct frozen_tensor *tensor = &frozen->tensors[t];
        if (tensor->data || tensor->type != TYPE_INT8) continue;
        char key[32];
        snprintf(key, sizeof key, "%d:%d", digit, t);
        const json_t *want = json_object_get(values, key);
        const int8_t *got = engine_tensor(engine, t);
        size_t count = frozen_tensor_count(tensor), index;
        const json_t *value;
        assert_non_null(got);
        assert_int_equal(json_array_size(want), count);
        json_array_foreach(want, index, value)
            assert_int_equal(got[index], json_integer_value(value));
        checked++;
    }
    return checked;
}

static void an_inspectable_engine_has_every_tensor_that_tflite_had(void **state) {
    (void)state;
    static const char *const names[] = {"fc", "cnn", "cnn_bn"};
    static const int tensors[] = {4, 8, 11};
    for (int n = 0; n < 3; n++) {
        struct frozen *frozen;
        struct engine *engine;
        struct error error;
        json_error_t where;
        char path[128];
        float output[10];
        snprintf(path, sizeof path, "golden/%s/model_int8.tensors.json", names[n]);
        json_t *root = json_load_file(test_shared(path), 0, &where);
        assert_non_null(root);
        snprintf(path, sizeof path, "golden/%s/model_int8.tflite", names[n]);
        assert_ok(tflite_read(test_shared(path), &frozen, &error), &error);
        assert_ok(engine_create_inspectable(&engine, frozen, RUNTIME_REF, 1, path, &error), &error);
        for (int digit = 0; digit < 2; digit++) {
            const struct samples one = test_digits(test_images() + digit * PIXELS, NULL, 1);
            assert_ok(engine_run_samples(engine, NULL, &one, output, &error), &error);
            int checked = check_tensors(engine, frozen, json_object_get(root, "values"), digit);
            assert_int_equal(checked, tensors[n]);
        }
        engine_destroy(engine);
        frozen_free(frozen);
        json_decref(root);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_inspectable_engine_has_every_tensor_that_tflite_had),
    cmocka_unit_test(every_output_of_every_golden_equals_both_of_tflites_runtimes),
    cmocka_unit_test(float_programs_give_the_models_probabilities),
    cmocka_unit_test(every_set_of_kernels_gives_the_same_outputs),
    cmocka_unit_test(batches_threads_and_the_kind_of_input_change_nothing),
    cmocka_unit_test(a_tensor_can_be_looked_at_after_a_run),
};
TEST_MAIN(tests)
