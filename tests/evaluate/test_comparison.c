#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "chain.h"
#include "quant/freeze.h"
#include "tflite/tflite.h"
#include "evaluate/comparison.h"
#include "evaluate/ptq.h"

enum { DIGITS = 70 /* more than one batch */, PIXELS = 784, CLASSES = 10 };

/* ---- by hand: one Dense layer that looks at the first pixel, which is 1 ---- */

/* Each logit lies an eighth above a multiple of the output's step of a half. */
static const float hand_logits[CLASSES] = {0.125f, 0.625f, 1.125f, 1.625f, 0.125f,
                                           0.625f, 1.125f, 1.625f, 0.125f, 0.625f};

struct hand {
    struct model *model;
    struct samples digits;
    int8_t codes[CLASSES][PIXELS]; /* of the kernel, steps of 1/64 */
    float scales[4];
    int32_t zeros[4];
    char name[8]; /* of all tensors */
    struct frozen_tensor tensors[4];
    struct frozen_operator operators[2];
    struct frozen frozen;
};

static void hand_create(struct hand *hand, int32_t zero_out) {
    memset(hand, 0, sizeof *hand);
    hand->model = chain_begin();
    chain_layer(hand->model, LAYER_FLATTEN, "flatten", ACTIVATION_LINEAR);
    chain_dense(hand->model, "dense", CLASSES, ACTIVATION_LINEAR);
    chain_finish(hand->model, 1);
    memset(hand->model->weights, 0, hand->model->weight_count * sizeof(float));
    float *kernel =
        hand->model->weights + hand->model->parameters[hand->model->layers[2].kernel].offset;
    for (int c = 0; c < CLASSES; c++) {
        kernel[c] = hand_logits[c];
        hand->codes[c][0] = (int8_t)lrintf(hand_logits[c] * 64);
    }
    hand->digits = test_digits(calloc(DIGITS, PIXELS), calloc(DIGITS, sizeof(uint16_t)), DIGITS);
    for (int i = 0; i < DIGITS; i++) hand->digits.bytes[i * PIXELS] = 255;
    for (int i = 0; i < DIGITS; i++) hand->digits.labels[i] = 3;

    static const float scales[4] = {1.0f / 255, 1.0f / 255, 1.0f / 64, 0.5f};
    const int32_t zeros[4] = {-128, -128, 0, zero_out};
    static const struct frozen_tensor tensors[4] = {
        {.rank = 4, .shape = {1, 28, 28, 1}},
        {.rank = 2, .shape = {1, PIXELS}},
        {.rank = 2, .shape = {CLASSES, PIXELS}},
        {.rank = 2, .shape = {1, CLASSES}},
    };
    for (int i = 0; i < 4; i++) {
        hand->scales[i] = scales[i];
        hand->zeros[i] = zeros[i];
        hand->tensors[i] = tensors[i];
        hand->tensors[i].name = hand->name;
        hand->tensors[i].type = TYPE_INT8;
        hand->tensors[i].has_batch = i != 2;
        hand->tensors[i].scale_count = 1;
        hand->tensors[i].scale = &hand->scales[i];
        hand->tensors[i].zero_point = &hand->zeros[i];
    }
    hand->tensors[2].data = hand->codes;
    hand->tensors[2].data_bytes = sizeof hand->codes;
    hand->operators[0] = (struct frozen_operator){
        .code = OP_RESHAPE, .inputs = {0}, .input_count = 1, .outputs = {1}};
    hand->operators[1] = (struct frozen_operator){
        .code = OP_FULLY_CONNECTED, .inputs = {1, 2, -1}, .input_count = 3, .outputs = {3}};
    hand->frozen = (struct frozen){.tensors = hand->tensors,
                                   .tensor_count = 4,
                                   .operators = hand->operators,
                                   .operator_count = 2,
                                   .input = 0,
                                   .output = 3};
}

static void hand_free(struct hand *hand) {
    free(hand->digits.bytes);
    free(hand->digits.labels);
    model_free(hand->model);
}

static struct comparison *compare(const struct model *model, const struct frozen *frozen,
                                  const struct samples *digits) {
    struct comparison *comparison;
    struct error error;
    assert_ok(comparison_create(&comparison, model, NULL, frozen, RUNTIME_REF, digits,
                                digits->count, NULL, "frozen", &error),
              &error);
    return comparison;
}

static void sqnr_is_what_arithmetic_says(void **state) {
    (void)state;
    struct hand hand;
    hand_create(&hand, 0);
    struct comparison *comparison = compare(hand.model, &hand.frozen, &hand.digits);
    assert_int_equal(comparison->row_count, 2);
    assert_int_equal(comparison->count, DIGITS);
    const struct compared *input = &comparison->rows[0], *dense = &comparison->rows[1];
    assert_int_equal(input->operator_, -1);
    assert_true(input->sqnr > SQNR_EXACT);
    assert_int_equal(dense->layer, 2);
    assert_int_equal(dense->tensor, 3);
    /* signal 3/64 + 3*25/64 + 2*81/64 + 2*169/64 = 578/64, noise 10/64 */
    assert_near(dense->sqnr, 10 * log10(57.8), 1e-4);
    assert_near(dense->worst, 0.125, 1e-6);
    assert_near(dense->saturation, 0, 0);
    /* the weights are multiples of 1/64 */
    assert_true(dense->weights_sqnr > SQNR_EXACT);
    /* nothing else rounds, so alone it does the same */
    assert_near(dense->alone_sqnr, 10 * log10(57.8), 1e-4);
    assert_near(dense->share, 1, 1e-9);
    assert_int_equal(comparison->costliest, 1);
    assert_int_equal(dense->alone_lost, 0);
    /* every logit loses an eighth: softmax does not see it */
    assert_near(dense->alone_loss, 0, 1e-6);
    assert_ptr_equal(comparison_of_layer(comparison, 2), dense);
    assert_null(comparison_of_layer(comparison, 1));
    comparison_free(comparison);
    hand_free(&hand);
}

static void codes_that_end_too_early_count_as_saturated(void **state) {
    (void)state;
    struct hand hand;
    hand_create(&hand, 125); /* the last code, 127, is 1.0 */
    struct comparison *comparison = compare(hand.model, &hand.frozen, &hand.digits);
    const struct compared *dense = &comparison->rows[1];
    /* 1.125 is rounded to 1 like any other value; 1.625, two of ten, is clipped */
    assert_near(dense->saturation, 0.2, 1e-12);
    assert_near(dense->worst, 0.625, 1e-6);
    /* noise 8/64 + 2*25/64 */
    assert_near(dense->sqnr, 10 * log10(578.0 / (8 + 50)), 1e-4);
    /* The largest logit, class 3, falls to that of class 2, which comes first. */
    assert_int_equal(dense->alone_lost, DIGITS);
    double before = 0, after = 0;
    for (int c = 0; c < CLASSES; c++) {
        before += exp((double)hand_logits[c] - 1.625);
        after += exp(fmin((double)hand_logits[c] - 0.125, 1) - 1);
    }
    assert_near(dense->alone_loss, log(after) - log(before), 1e-5);
    comparison_free(comparison);
    hand_free(&hand);
}

static void weights_have_an_sqnr_of_their_own(void **state) {
    (void)state;
    struct hand hand;
    hand_create(&hand, 0);
    hand.codes[9][0] = 56; /* 0.875 in place of 0.625: an error of 16/64 */
    struct comparison *comparison = compare(hand.model, &hand.frozen, &hand.digits);
    const struct compared *dense = &comparison->rows[1];
    /* in 64ths: signal 578 * 64, noise 16 * 16 */
    assert_near(dense->weights_sqnr, 10 * log10(578.0 * 64 / 256), 1e-9);
    /* the logit becomes 1, three eighths off: noise 9/64 + 9/64 */
    assert_near(dense->sqnr, 10 * log10(578.0 / 18), 1e-4);
    assert_near(dense->alone_sqnr, 10 * log10(578.0 / 18), 1e-4);
    comparison_free(comparison);
    hand_free(&hand);
}

static void zeros_of_a_relu_are_not_saturated(void **state) {
    (void)state;
    struct hand hand;
    hand_create(&hand, -128);
    hand.model->layers[2].activation = ACTIVATION_RELU;
    hand.operators[1].activation = FUSED_RELU;
    float *kernel =
        hand.model->weights + hand.model->parameters[hand.model->layers[2].kernel].offset;
    for (int c = 0; c < 5; c++) {
        kernel[c] = -kernel[c];
        hand.codes[c][0] = (int8_t)-hand.codes[c][0];
    }
    struct comparison *comparison = compare(hand.model, &hand.frozen, &hand.digits);
    assert_near(comparison->rows[1].saturation, 0, 0);
    assert_near(comparison->rows[1].worst, 0.125, 1e-6);
    comparison_free(comparison);
    hand_free(&hand);
}

/* ---- a network of many kinds of layers ---- */

static struct model *chain_of_many(void) {
    struct model *model = chain_begin();
    chain_conv2d(model, "conv", 6, 3, 2, PADDING_SAME, ACTIVATION_LINEAR);
    chain_normalization(model, "norm", true);
    chain_layer(model, LAYER_RELU, "relu", ACTIVATION_RELU);
    chain_depthwise(model, "depthwise", 1, 3, 1, PADDING_SAME, ACTIVATION_RELU);
    chain_max_pooling(model, "pool", 2);
    chain_conv2d(model, "conv_2", 8, 3, 1, PADDING_VALID, ACTIVATION_RELU);
    chain_layer(model, LAYER_FLATTEN, "flatten", ACTIVATION_LINEAR);
    chain_dense(model, "hidden", 20, ACTIVATION_RELU);
    chain_dropout(model, "dropout", 0.5f);
    chain_dense(model, "out", CLASSES, ACTIVATION_SOFTMAX);
    chain_finish(model, 5);
    return model;
}

static void random_digits(struct samples *digits) {
    *digits = test_digits(calloc(DIGITS, PIXELS), calloc(DIGITS, sizeof(uint16_t)), DIGITS);
    for (uint32_t i = 0; i < DIGITS * PIXELS; i++) {
        uint32_t words[4];
        random_philox(3, RANDOM_TEST, i / PIXELS, i, words);
        digits->bytes[i] = (unsigned char)(words[0] >> 24);
    }
    for (int i = 0; i < DIGITS; i++) digits->labels[i] = (uint16_t)((i * 7) % CLASSES);
}

static const char *const row_names[] = {"input_1", "conv",   "depthwise", "pool",
                                        "conv_2",  "hidden", "out",       "out"};

static void every_operator_finds_its_layer(void **state) {
    (void)state;
    struct model *model = chain_of_many();
    struct samples digits;
    struct ptq ptq;
    struct frozen *frozen;
    struct error error;
    random_digits(&digits);
    assert_ok(ptq_create(&ptq, model, &digits, DIGITS, NULL, &error), &error);
    for (enum frozen_io io = IO_FLOAT; io <= IO_UINT8; io++) {
        assert_ok(freeze(ptq.snapshot, io, &frozen, &error), &error);
        struct comparison *comparison = compare(model, frozen, &digits);
        assert_int_equal(comparison->row_count, 8);
        for (int i = 0; i < 8; i++) {
            const struct compared *row = &comparison->rows[i];
            assert_string_equal(model->layers[row->layer].name, row_names[i]);
            assert_true(row->sqnr > 25); /* a wrong tensor has about 0 */
            assert_int_equal(row->is_probabilities, i == 7);
            bool moves = i == 3 || i == 7;
            assert_true(isnan(row->alone_sqnr) == moves);
            bool has_weights = !moves && i > 0;
            assert_true(has_weights ? row->weights_sqnr > 30 : isnan(row->weights_sqnr));
        }
        /* the convolution's tensor holds what its ReLU gives */
        assert_string_equal(model->layers[comparison->rows[1].last].name, "relu");
        double sum = 0;
        for (int i = 0; i < 8; i++) sum += comparison->rows[i].share;
        assert_near(sum, 1, 1e-12);
        comparison_free(comparison);
        frozen_free(frozen);
    }
    ptq_free(&ptq);
    free(digits.bytes);
    free(digits.labels);
    model_free(model);
}

static void a_layer_with_a_crippled_range_is_the_costliest(void **state) {
    (void)state;
    struct model *model = chain_of_many();
    struct samples digits;
    struct ptq ptq;
    struct error error;
    random_digits(&digits);
    assert_ok(ptq_create(&ptq, model, &digits, DIGITS, NULL, &error), &error);
    int tried = 0;
    for (int i = 0; i < ptq.plan->tensor_count; i++) {
        const struct quant_tensor *tensor = &ptq.plan->tensors[i];
        struct range *range = &ptq.snapshot->ranges[tensor->offset], kept = *range;
        struct frozen *frozen;
        *range = (struct range){kept.min / 16, kept.max / 16};
        assert_ok(freeze(ptq.snapshot, IO_FLOAT, &frozen, &error), &error);
        struct comparison *comparison = compare(model, frozen, &digits);
        const struct compared *row = &comparison->rows[comparison->costliest];
        if (row->last != tensor->layer)
            fail_msg("%s is crippled, %s is named", tensor->name, model->layers[row->layer].name);
        print_message("# %s crippled: share %.3f, saturation %.3f\n", tensor->name, row->share,
                      row->saturation);
        assert_true(row->share > 0.5); /* more than all others together */
        assert_true(row->saturation > 0.1);
        comparison_free(comparison);
        frozen_free(frozen);
        *range = kept;
        tried++;
    }
    assert_int_equal(tried, 6);
    ptq_free(&ptq);
    free(digits.bytes);
    free(digits.labels);
    model_free(model);
}

static void a_program_of_another_model_is_refused(void **state) {
    (void)state;
    struct hand hand;
    hand_create(&hand, 0);
    struct model *model = chain_of_many();
    struct comparison *comparison;
    struct error error;
    assert_int_equal(comparison_create(&comparison, model, NULL, &hand.frozen, RUNTIME_REF,
                                       &hand.digits, DIGITS, NULL, "hand.tflite", &error),
                     STATUS_UNSUPPORTED);
    assert_null(comparison);
    assert_string_equal(error.where, "hand.tflite");
    assert_non_null(strstr(error.text, "no CONV_2D for layer 'conv' (Conv2D)"));
    model_free(model);
    hand_free(&hand);
}

/* ---- what TensorFlow wrote ---- */

static const char *golden(const char *name, const char *file) {
    char path[96];
    snprintf(path, sizeof path, "golden/%s/%s", name, file);
    return test_shared(path);
}

/* The SQNR of the probabilities from TensorFlow's own two files: Keras' float outputs, and those of
 * TFLite's reference kernels. */
static double sqnr_of_files(const char *name, const char *file, size_t count) {
    size_t length;
    float *x = (float *)test_read(golden(name, "fp32_probs.f32"), &length);
    float *y = (float *)test_read(golden(name, file), &length);
    double signal = 0, noise = 0;
    for (size_t i = 0; i < count * CLASSES; i++) {
        signal += (double)x[i] * (double)x[i];
        noise += ((double)x[i] - (double)y[i]) * ((double)x[i] - (double)y[i]);
    }
    free(x);
    free(y);
    return 10 * log10(signal / noise);
}

/* What the engine loses at the logits is about the sum of what each layer loses alone in a network
 * of floats. */
static void check_that_errors_add_up(const struct comparison *comparison) {
    double sum = 0;
    for (int i = 0; i < comparison->row_count; i++)
        if (!isnan(comparison->rows[i].alone_sqnr))
            sum += pow(10, -comparison->rows[i].alone_sqnr / 10);
    const struct compared *logits = &comparison->rows[comparison->row_count - 2];
    print_message("#   logits %.1f dB, by the sum of all layers alone %.1f dB\n", logits->sqnr,
                  -10 * log10(sum));
    assert_near(-10 * log10(sum), logits->sqnr, 2);
}

static void probabilities_differ_as_tensorflows_files_do(void **state) {
    (void)state;
    static const char *const names[] = {"fc", "cnn", "cnn_bn"};
    static const char *const files[][2] = {{"model_ptq.tflite", "model_ptq.ref.f32"},
                                           {"model_int8.tflite", "model_int8.ref.f32"}};
    struct dataset dataset;
    struct error error;
    char folder[1024];
    snprintf(folder, sizeof folder, "%s", test_shared("data/mnist/t10k-images-idx3-ubyte.gz"));
    *strrchr(folder, '/') = 0;
    assert_ok(dataset_load(&dataset, folder, &error), &error);
    dataset.test.count = 300;
    for (int i = 0; i < 6; i++) {
        const char *name = names[i / 2];
        struct model *model;
        struct frozen *frozen;
        assert_ok(model_load(golden(name, "model.h5"), &model, &error), &error);
        assert_ok(tflite_read(golden(name, files[i % 2][0]), &frozen, &error), &error);
        struct comparison *comparison = compare(model, frozen, &dataset.test);
        const struct compared *row = &comparison->rows[comparison->row_count - 1];
        double want = sqnr_of_files(name, files[i % 2][1], 300);
        print_message("# %s/%s: SQNR of the probabilities %.3f dB, by TensorFlow's %.3f\n", name,
                      files[i % 2][0], row->sqnr, want);
        assert_true(row->is_probabilities);
        assert_near(row->sqnr, want, 0.005);
        if (i % 2 == 0) check_that_errors_add_up(comparison);
        /* Of these two, TFMOT's averages have a range of their own, by one more QUANTIZE. */
        for (int j = 1; j < comparison->row_count; j++) {
            const struct frozen_operator *op = &frozen->operators[comparison->rows[j].operator_];
            bool has_more = comparison->rows[j].tensor != op->outputs[0];
            assert_true(has_more == (op->code == OP_AVERAGE_POOL_2D && i % 2 == 1));
        }
        comparison_free(comparison);
        frozen_free(frozen);
        model_free(model);
    }
    dataset_free(&dataset);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(sqnr_is_what_arithmetic_says),
    cmocka_unit_test(codes_that_end_too_early_count_as_saturated),
    cmocka_unit_test(weights_have_an_sqnr_of_their_own),
    cmocka_unit_test(zeros_of_a_relu_are_not_saturated),
    cmocka_unit_test(every_operator_finds_its_layer),
    cmocka_unit_test(a_layer_with_a_crippled_range_is_the_costliest),
    cmocka_unit_test(a_program_of_another_model_is_refused),
    cmocka_unit_test(probabilities_differ_as_tensorflows_files_do),
};
TEST_MAIN(tests)
