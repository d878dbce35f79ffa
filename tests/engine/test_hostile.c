/* Programs that were tampered with: reading, planning and running them must neither crash nor touch
 * memory that is not theirs (the sanitizer builds see to the latter). */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "engine/engine.h"
#include "tflite/tflite.h"

#define SEED 20261123
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FLIPS_PER_FILE 400
#else
#define FLIPS_PER_FILE 1500
#endif

static const char *const goldens[] = {
    "golden/cnn_bn/model_int8.tflite", "golden/cnn_bn/model_int8_io.tflite",
    "golden/cnn/model_int8.tflite",    "golden/fc/model_ptq.tflite",
    "golden/cnn_bn/model_fp32.tflite",
};

struct tally {
    int refused_by_reader, refused_by_engine, run;
};

/* A block of its own, exactly as long as the file, so that a read past its end is seen. */
static void take(const unsigned char *bytes, size_t length, struct tally *tally) {
    unsigned char *exact = malloc(length);
    struct error error = {.text = ""};
    struct frozen *frozen;
    assert_non_null(exact);
    memcpy(exact, bytes, length);
    enum status status = tflite_parse(exact, length, "hostile", &frozen, &error);
    free(exact);
    if (status) {
        assert_null(frozen);
        assert_true(strlen(error.text) > 0);
        tally->refused_by_reader++;
        return;
    }
    for (enum runtime runtime = RUNTIME_REF; runtime <= RUNTIME_XNN; runtime++) {
        struct engine *engine;
        status = engine_create(&engine, frozen, runtime, 2, "hostile", &error);
        if (status) {
            assert_null(engine);
            tally->refused_by_engine++;
            continue;
        }
        const struct frozen_tensor *tensor = &frozen->tensors[frozen->input];
        size_t in = frozen_tensor_count(tensor) / (size_t)tensor->shape[0];
        size_t out = engine_output_count(engine);
        unsigned char *input = calloc(2 * in, 4), *output = calloc(2 * out, 8);
        for (size_t i = 0; i < 2 * in * 4; i++) input[i] = (unsigned char)(i * 37);
        engine_run(engine, NULL, 2, input, output);
        free(input);
        free(output);
        engine_destroy(engine);
        tally->run++;
    }
    frozen_free(frozen);
}

/* Interesting values go to interesting places: these files begin and end with their tables, and
 * have the weights between. */
static void flip(unsigned char *bytes, size_t length, uint64_t file, uint32_t round) {
    static const unsigned char values[] = {0, 1, 2, 3, 4, 8, 127, 128, 254, 255};
    uint32_t words[4];
    random_philox(SEED, RANDOM_TEST, file, round, words);
    size_t at = length - 1 - words[0] % 6000;
    if (words[3] % 8 == 0) at = words[0] % length;
    if (words[3] % 8 == 1) at = words[0] % 400;
    int count = 1 + (int)(words[1] % 4);
    for (int i = 0; i < count && at + (size_t)i < length; i++) {
        uint32_t choice = words[2] >> 8 * i;
        bytes[at + (size_t)i] =
            choice & 1 ? values[(choice >> 1) % 10] : (unsigned char)(choice >> 1);
    }
}

static void flipped_bytes_never_break_reader_or_engine(void **state) {
    (void)state;
    for (size_t g = 0; g < sizeof goldens / sizeof *goldens; g++) {
        size_t length;
        unsigned char *bytes = test_read(test_shared(goldens[g]), &length);
        unsigned char *copy = malloc(length);
        struct tally tally = {0, 0, 0};
        for (uint32_t round = 0; round < FLIPS_PER_FILE; round++) {
            memcpy(copy, bytes, length);
            flip(copy, length, g, round);
            take(copy, length, &tally);
        }
        print_message("# %s, seed %d: %d refused by the reader, %d by the engine, %d run\n",
                      goldens[g], SEED, tally.refused_by_reader, tally.refused_by_engine,
                      tally.run);
        assert_true(tally.refused_by_reader > 0 && tally.refused_by_engine > 0 && tally.run > 0);
        free(copy);
        free(bytes);
    }
}

/* ---- programs with one thing wrong ---- */

static struct frozen *golden(const char *relative) {
    struct error error;
    struct frozen *frozen;
    assert_ok(tflite_read(test_shared(relative), &frozen, &error), &error);
    return frozen;
}

static void assert_refused(struct frozen *frozen, const char *text) {
    struct error error = {.text = ""};
    struct engine *engine;
    assert_int_not_equal(engine_create(&engine, frozen, RUNTIME_REF, 3, "x", &error), STATUS_OK);
    assert_null(engine);
    if (!strstr(error.text, text)) print_error("\"%s\" lacks \"%s\"\n", error.text, text);
    assert_non_null(strstr(error.text, text));
    frozen_free(frozen);
}

#define CNN    "golden/cnn/model_int8.tflite"
#define CNN_BN "golden/cnn_bn/model_int8.tflite"

static void windows_and_strides_of_nothing_are_refused(void **state) {
    (void)state;
    struct frozen *frozen = golden(CNN);
    frozen->operators[2].filter_width = 0;
    assert_refused(frozen, "operator 2 (MAX_POOL_2D): its window, strides or dilation");
    frozen = golden(CNN);
    frozen->operators[2].stride_y = 0;
    assert_refused(frozen, "operator 2 (MAX_POOL_2D)");
    frozen = golden(CNN);
    frozen->operators[1].stride_x = -1;
    assert_refused(frozen, "operator 1 (CONV_2D)");
    frozen = golden(CNN);
    frozen->operators[1].dilation_x = INT32_MAX;
    assert_refused(frozen, "operator 1 (CONV_2D): its window does not fit");
    frozen = golden(CNN);
    frozen->operators[2].filter_height = INT32_MAX;
    frozen->operators[2].padding = FROZEN_SAME;
    assert_refused(frozen, "operator 2 (MAX_POOL_2D)");
}

static void outputs_of_another_shape_than_computed_are_refused(void **state) {
    (void)state;
    struct frozen *frozen = golden(CNN);
    frozen->tensors[frozen->operators[1].outputs[0]].shape[1] = 27;
    assert_refused(frozen, "operator 1 (CONV_2D): the shape of its output is not the one");
    frozen = golden(CNN);
    frozen->operators[1].stride_x = INT32_MAX;
    assert_refused(frozen, "operator 1 (CONV_2D): the shape of its output is not the one");
    frozen = golden(CNN);
    frozen->tensors[frozen->operators[5].outputs[0]].shape[1] = 1601;
    assert_refused(frozen, "operator 5 (RESHAPE)");
    frozen = golden(CNN_BN);
    frozen->tensors[frozen->operators[8].outputs[0]].shape[1] = 31;
    assert_refused(frozen, "operator 8 (MEAN)");
}

static void references_forward_or_outside_are_refused(void **state) {
    (void)state;
    struct frozen *frozen = golden(CNN);
    frozen->operators[1].inputs[0] = frozen->operators[3].outputs[0];
    assert_refused(frozen, "operator 1 (CONV_2D): reads tensor 10, which nothing has written yet");
    frozen = golden(CNN);
    frozen->operators[1].inputs[0] = frozen->operators[1].outputs[0];
    assert_refused(frozen, "operator 1 (CONV_2D): reads tensor 7");
    frozen = golden(CNN);
    frozen->operators[3].outputs[0] = frozen->operators[1].outputs[0];
    assert_refused(frozen, "operator 3 (CONV_2D): writes tensor 7");
    frozen = golden(CNN);
    frozen->operators[3].outputs[0] = frozen->operators[1].inputs[1];
    assert_refused(frozen, "operator 3 (CONV_2D): writes tensor 6");
    frozen = golden(CNN);
    frozen->operators[1].inputs[1] = -1;
    assert_refused(frozen, "operator 1 (CONV_2D): input 1 is tensor -1; there are 17");
    frozen = golden(CNN);
    frozen->operators[1].inputs[2] = 17;
    assert_refused(frozen, "operator 1 (CONV_2D): input 2 is tensor 17; there are 17");
    frozen = golden(CNN);
    frozen->output = 6000;
    assert_refused(frozen, "its output tensor 6000; there are 17");
}

static void shapes_that_overflow_are_refused(void **state) {
    (void)state;
    struct frozen *frozen = golden(CNN);
    frozen->tensors[frozen->input].shape[1] = INT32_MAX;
    frozen->tensors[frozen->input].shape[2] = INT32_MAX;
    assert_refused(frozen, "its shape is too large");
    frozen = golden(CNN);
    frozen->tensors[frozen->input].shape[2] = -28;
    assert_refused(frozen, "a dimension is not positive");
    frozen = golden(CNN);
    for (int i = 1; i < 4; i++) {
        frozen->tensors[frozen->operators[i].outputs[0]].shape[1] = 20000;
        frozen->tensors[frozen->operators[i].outputs[0]].shape[2] = 200;
    }
    assert_refused(frozen, "more than 1073741824 bytes");
    frozen = golden(CNN);
    frozen->tensors[frozen->operators[1].outputs[0]].shape[0] = 7;
    assert_refused(frozen, "tensor 7: its first dimension is not the batch size, 1");
}

static void quantization_that_means_nothing_is_refused(void **state) {
    (void)state;
    struct frozen *frozen = golden(CNN);
    frozen->tensors[5].scale[0] = 0;
    assert_refused(frozen, "tensor 5");
    frozen = golden(CNN);
    frozen->tensors[5].scale[0] = INFINITY;
    assert_refused(frozen, "tensor 5");
    frozen = golden(CNN);
    frozen->tensors[5].scale[0] = NAN;
    assert_refused(frozen, "a scale is not a positive number");
    frozen = golden(CNN);
    frozen->tensors[5].zero_point[0] = 128;
    assert_refused(frozen, "a zero point is outside its type");
    frozen = golden(CNN);
    frozen->tensors[6].zero_point[3] = 1;
    assert_refused(frozen, "operator 1 (CONV_2D): its weights have a zero point");
    frozen = golden(CNN);
    frozen->tensors[7].scale[0] = 1e-38f;
    assert_refused(frozen, "operator 1 (CONV_2D)");
    frozen = golden(CNN);
    frozen->tensors[15].scale[0] = 1.0f / 255;
    assert_refused(frozen, "operator 7 (SOFTMAX): its output does not have scale 1/256");
    frozen = golden(CNN);
    frozen->operators[7].beta = 0;
    assert_refused(frozen, "operator 7 (SOFTMAX): its beta");
    frozen = golden(CNN);
    frozen->tensors[8].zero_point[0] = 3;
    assert_refused(frozen, "operator 2 (MAX_POOL_2D): input and output differ in scale");
    frozen = golden(CNN);
    frozen->tensors[3].scale[0] *= 100000;
    assert_refused(frozen, "operator 1 (CONV_2D): the scale of its bias is not");
}

static void float_operators_with_constants_of_another_kind_are_refused(void **state) {
    (void)state;
    const char *file = "golden/fc/model_fp32.tflite";
    struct frozen *frozen = golden(file);
    frozen->tensors[frozen->operators[0].inputs[1]].type = TYPE_INT32; /* as many bytes */
    assert_refused(frozen, "operator 0 (FULLY_CONNECTED): its weights are not a float32 constant");
    frozen = golden(file);
    frozen->operators[0].inputs[2] = frozen->operators[1].inputs[2];
    assert_refused(frozen,
                   "operator 0 (FULLY_CONNECTED): its bias is not a constant of one float32");
    frozen = golden(file);
    frozen->operators[1].inputs[1] = frozen->operators[0].inputs[1];
    assert_refused(frozen, "operator 1 (FULLY_CONNECTED): input, weights and output");
    frozen = golden(file);
    frozen->operators[2].beta = (float)NAN;
    assert_refused(frozen, "operator 2 (SOFTMAX): its beta");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(flipped_bytes_never_break_reader_or_engine),
    cmocka_unit_test(windows_and_strides_of_nothing_are_refused),
    cmocka_unit_test(outputs_of_another_shape_than_computed_are_refused),
    cmocka_unit_test(references_forward_or_outside_are_refused),
    cmocka_unit_test(shapes_that_overflow_are_refused),
    cmocka_unit_test(quantization_that_means_nothing_is_refused),
    cmocka_unit_test(float_operators_with_constants_of_another_kind_are_refused),
};
TEST_MAIN(tests)
