#include "test.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "quant/freeze.h"
#include "tflite/tflite.h"
#include "evaluate/evaluate.h"
#include "network/network.h"
#include "evaluate/ptq.h"

/* What a sanitizer slows down many times checks the first of the test digits. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DIGITS 500
#else
#define DIGITS 10000
#endif

/* Loaded once for all tests. */
static const struct dataset *mnist(void) {
    static struct dataset dataset;
    struct error error;
    char folder[1024];
    if (dataset.train.count) return &dataset;
    snprintf(folder, sizeof folder, "%s", test_shared("data/mnist/t10k-images-idx3-ubyte.gz"));
    *strrchr(folder, '/') = 0;
    assert_ok(dataset_load(&dataset, folder, &error), &error);
    return &dataset;
}

/* A golden model, quantized by us and by the TFLite converter. */
struct pair {
    struct model *model;
    struct ptq ptq;
    struct frozen *got, *want;
};

static const char *golden(const char *name, const char *file) {
    char path[96];
    snprintf(path, sizeof path, "golden/%s/%s", name, file);
    return test_shared(path);
}

static struct pair pair_of(const char *name) {
    struct pair pair;
    struct error error;
    assert_ok(model_load(golden(name, "model.h5"), &pair.model, &error), &error);
    assert_ok(ptq_create(&pair.ptq, pair.model, &mnist()->train, 500, NULL, &error), &error);
    assert_ok(freeze(pair.ptq.snapshot, IO_FLOAT, &pair.got, &error), &error);
    assert_ok(tflite_read(golden(name, "model_ptq.tflite"), &pair.want, &error), &error);
    return pair;
}

static void pair_free(struct pair *pair) {
    frozen_free(pair->got);
    frozen_free(pair->want);
    ptq_free(&pair->ptq);
    model_free(pair->model);
}

/* Representable numbers from one to the other; both above 0. */
static int steps_between(float a, float b) {
    int32_t x, y;
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    return abs(x - y);
}

/* ---- the float model as the converter's calibration runs it, in plain C ---- */

#define VALUES (26 * 26 * 32) /* of the largest layer */

/* One digit's values after every layer. */
struct forward {
    const struct model *model;
    float values[16][VALUES];
};

/* The float kernels of TensorFlow's TFLite sum a convolution from first to last and a row of a
 * matrix in the eight lanes of a vector, without fused operations; the bias comes last. */
static void convolve(const struct model *model, const struct layer *layer, const float *x,
                     float *y) {
    const struct shape *in = &model->layers[layer->inputs[0]].output, *out = &layer->output;
    const float *kernel = model->weights + model->parameters[layer->kernel].offset;
    const float *bias = model->weights + model->parameters[layer->bias].offset;
    assert_int_equal(layer->window.padding, PADDING_VALID);
    size_t channels = (size_t)in->size[2], filters = (size_t)layer->units;
    for (size_t i = 0; i < shape_count(out); i++) {
        size_t filter = i % filters, column = i / filters % (size_t)out->size[1];
        size_t row = i / filters / (size_t)out->size[1];
        float sum = 0;
        for (size_t k = 0; k < model->parameters[layer->kernel].count / filters; k++) {
            size_t dx = k / channels % (size_t)layer->window.width;
            size_t dy = k / channels / (size_t)layer->window.width;
            size_t at = ((row + dy) * (size_t)in->size[1] + column + dx) * channels + k % channels;
            sum += x[at] * kernel[k * filters + filter];
        }
        y[i] = sum + bias[filter];
    }
}

static void multiply(const struct model *model, const struct layer *layer, const float *x,
                     float *y) {
    const float *kernel = model->weights + model->parameters[layer->kernel].offset;
    const float *bias = model->weights + model->parameters[layer->bias].offset;
    size_t units = (size_t)layer->units, rows = model->parameters[layer->kernel].count / units;
    assert_int_equal(rows % 8, 0);
    for (size_t unit = 0; unit < units; unit++) {
        float lane[8] = {0};
        for (size_t k = 0; k < rows; k++) lane[k % 8] += x[k] * kernel[k * units + unit];
        for (int half = 4; half; half /= 2)
            for (int i = 0; i < half; i++) lane[i] += lane[i + half];
        y[unit] = lane[0] + bias[unit];
    }
}

static void pool(const struct model *model, const struct layer *layer, const float *x, float *y) {
    const struct shape *in = &model->layers[layer->inputs[0]].output, *out = &layer->output;
    size_t channels = (size_t)in->size[2];
    for (size_t i = 0; i < shape_count(out); i++) {
        size_t column = i / channels % (size_t)out->size[1] * 2;
        size_t row = i / channels / (size_t)out->size[1] * 2;
        y[i] = 0; /* after a ReLU */
        for (size_t k = 0; k < 4; k++)
            y[i] = fmaxf(y[i], x[((row + k / 2) * (size_t)in->size[1] + column + k % 2) * channels +
                                 i % channels]);
    }
}

static void run_forward(struct forward *forward, const unsigned char *pixels) {
    const struct model *model = forward->model;
    assert_true(model->layer_count <= 16);
    for (int i = 0; i < model->layer_count; i++) {
        const struct layer *layer = &model->layers[i];
        const float *x = i ? forward->values[layer->inputs[0]] : NULL;
        float *y = forward->values[i];
        size_t count = shape_count(&layer->output);
        assert_true(count <= VALUES);
        switch (layer->kind) {
        case LAYER_INPUT:
            for (size_t j = 0; j < count; j++) y[j] = (float)pixels[j] / 255.0f;
            break;
        case LAYER_CONV2D:
            convolve(model, layer, x, y);
            break;
        case LAYER_DENSE:
            multiply(model, layer, x, y);
            break;
        case LAYER_MAX_POOLING2D:
            pool(model, layer, x, y);
            break;
        case LAYER_FLATTEN:
        case LAYER_DROPOUT:
            memcpy(y, x, count * sizeof *y);
            break;
        default:
            fail_msg("%s", layer->name);
        }
        for (size_t j = 0; layer->activation == ACTIVATION_RELU && j < count; j++)
            y[j] = fmaxf(y[j], 0);
    }
}

static void widen(struct range *range, const float *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        range->min = fminf(range->min, values[i]);
        range->max = fmaxf(range->max, values[i]);
    }
}

/* Ranges as TFLite's kernels would give them.  Only digits that come near the ends of a range can
 * set it, so only those are run in plain C. */
static void ranges_in_order(const struct pair *pair, struct range *ranges) {
    const struct quant_plan *plan = pair->ptq.plan;
    const struct range *whole = pair->ptq.snapshot->ranges;
    struct forward *forward = malloc(sizeof *forward);
    struct network *network;
    struct error error;
    struct network_options options = {.model = pair->model, .batch = 1, .threads = 1};
    assert_non_null(forward);
    forward->model = pair->model;
    assert_ok(network_create(&network, &options, &error), &error);
    memset(ranges, 0, (size_t)plan->range_count * sizeof *ranges);
    int run = 0;
    for (size_t digit = 0; digit < 500; digit++) {
        struct samples one = samples_part(&mnist()->train, digit, 1);
        struct pass pass = {.count = 1, .samples = &one, .weights = pair->model->weights};
        bool is_near = digit == 0;
        network_forward(network, &pass);
        for (int i = 1; i < plan->tensor_count; i++) {
            size_t count;
            const float *values = network_values(network, plan->tensors[i].layer, &count);
            struct range seen = {0, 0}, all = whole[plan->tensors[i].offset];
            float slack = 1e-4f * (all.max - all.min);
            widen(&seen, values, count);
            is_near |= seen.max > all.max - slack || (all.min < 0 && seen.min < all.min + slack);
        }
        if (!is_near) continue;
        run++;
        run_forward(forward, one.bytes);
        for (int i = 0; i < plan->tensor_count; i++) {
            int layer = plan->tensors[i].layer;
            widen(&ranges[plan->tensors[i].offset], forward->values[layer],
                  shape_count(&pair->model->layers[layer].output));
        }
    }
    assert_true(run < 20);
    network_destroy(network);
    free(forward);
}

/* ---- comparison with the converter's file ---- */

struct differences {
    int scales, scale_steps; /* activation scales that differ, and the most by how many ulp */
    int zero_points;         /* of anything */
    int weight_scales, weight_scale_steps, weights; /* of kernels */
    int bias_scales, bias_scale_steps, biases;
};

static void compare_scales(const struct frozen_tensor *got, const struct frozen_tensor *want,
                           int *differing, int *most) {
    assert_int_equal(got->scale_count, want->scale_count);
    for (int i = 0; i < want->scale_count; i++) {
        int steps = steps_between(got->scale[i], want->scale[i]);
        *differing += steps != 0;
        if (steps > *most) *most = steps;
    }
}

static void compare_tensors(const struct frozen_tensor *got, const struct frozen_tensor *want,
                            struct differences *found) {
    assert_int_equal(got->type, want->type);
    assert_int_equal(got->rank, want->rank);
    assert_memory_equal(got->shape, want->shape, sizeof(int) * (size_t)want->rank);
    assert_int_equal(got->scale_count, want->scale_count);
    assert_int_equal(got->quantized_dimension, want->quantized_dimension);
    assert_int_equal(got->data_bytes, want->data_bytes);
    for (int i = 0; i < want->scale_count; i++)
        found->zero_points += got->zero_point[i] != want->zero_point[i];
    if (!want->data_bytes) {
        compare_scales(got, want, &found->scales, &found->scale_steps);
    } else if (want->type == TYPE_INT8) {
        compare_scales(got, want, &found->weight_scales, &found->weight_scale_steps);
        for (size_t i = 0; i < want->data_bytes; i++)
            found->weights += ((int8_t *)got->data)[i] != ((int8_t *)want->data)[i];
    } else {
        compare_scales(got, want, &found->bias_scales, &found->bias_scale_steps);
        for (size_t i = 0; i < want->data_bytes / 4; i++)
            found->biases += ((int32_t *)got->data)[i] != ((int32_t *)want->data)[i];
    }
}

/* Constants where they are used, activations where they are made. */
static struct differences compare(const struct frozen *got, const struct frozen *want) {
    struct differences found = {0};
    assert_int_equal(got->operator_count, want->operator_count);
    for (int i = 0; i < want->operator_count; i++) {
        const struct frozen_operator *a = &got->operators[i], *b = &want->operators[i];
        assert_int_equal(a->code, b->code);
        assert_int_equal(a->activation, b->activation);
        assert_int_equal(a->input_count, b->input_count);
        for (int j = 1; j < b->input_count; j++)
            compare_tensors(&got->tensors[a->inputs[j]], &want->tensors[b->inputs[j]], &found);
        compare_tensors(&got->tensors[a->outputs[0]], &want->tensors[b->outputs[0]], &found);
    }
    return found;
}

static void print_differences(const char *name, const struct differences *found) {
    print_message("# %s: differing from the converter: %d activation scales (by %d ulp at most), "
                  "%d zero points, %d weight scales (%d ulp), %d weights, %d bias scales (%d ulp), "
                  "%d biases\n",
                  name, found->scales, found->scale_steps, found->zero_points, found->weight_scales,
                  found->weight_scale_steps, found->weights, found->bias_scales,
                  found->bias_scale_steps, found->biases);
}

/* Rows of ten outputs that differ from those of TFLite's reference kernels on the converter's
 * file; *correct of our own. */
static int differing_rows(const struct frozen *frozen, const char *name, size_t *correct) {
    struct samples digits = mnist()->test;
    struct predictions got;
    struct error error;
    size_t length;
    float *want = (float *)test_read(golden(name, "model_ptq.ref.f32"), &length);
    assert_int_equal(length, 10000 * 10 * sizeof *want);
    digits.count = DIGITS;
    assert_ok(evaluate_frozen(frozen, RUNTIME_REF, &digits, NULL, name, &got, &error), &error);
    int differing = 0;
    for (size_t i = 0; i < DIGITS; i++)
        differing += memcmp(got.probabilities + i * 10, want + i * 10, 10 * sizeof *want) != 0;
    *correct = got.correct;
    predictions_free(&got);
    free(want);
    return differing;
}

static double expected_accuracy(const char *name) {
    json_t *root = json_load_file(golden(name, "expect.json"), 0, NULL);
    assert_non_null(root);
    double accuracy =
        json_number_value(json_object_get(json_object_get(root, "model_ptq"), "accuracy"));
    json_decref(root);
    return accuracy;
}

/* ---- tests ---- */

static void check_in_order(const char *name) {
    struct pair pair = pair_of(name);
    struct range ranges[16];
    struct error error;
    struct frozen *frozen;
    assert_true(pair.ptq.plan->range_count <= 16);
    ranges_in_order(&pair, ranges);
    struct snapshot *snapshot =
        snapshot_create(pair.model, pair.ptq.plan, 0, pair.model->weights, ranges);
    assert_non_null(snapshot);
    assert_ok(freeze(snapshot, IO_FLOAT, &frozen, &error), &error);
    struct differences found = compare(frozen, pair.want);
    print_differences(name, &found);
    assert_memory_equal(&found, &(struct differences){0}, sizeof found);
    frozen_free(frozen);
    snapshot_release(snapshot);
    pair_free(&pair);
}

static void ranges_from_sums_in_tflites_order_give_the_converters_file(void **state) {
    (void)state;
    check_in_order("fc");
    check_in_order("cnn");
}

/* Our kernels sum in another order, so ranges differ in their last bits: by one step of a scale,
 * and after the 1600 terms of cnn's logits by a few.  Where BatchNormalization is folded,
 * TensorFlow takes a reciprocal root whose last bit is not the rounded one, which is up to two
 * steps of a product; that and the ranges reach the outputs of 5 digits in 10,000. */
static void check_own(const char *name, int steps, int fold_steps, int most_rows) {
    struct pair pair = pair_of(name);
    size_t correct;
    struct differences found = compare(pair.got, pair.want);
    print_differences(name, &found);
    assert_true(found.scale_steps <= steps);
    assert_int_equal(found.zero_points, 0);
    assert_true(found.weight_scale_steps <= fold_steps);
    assert_int_equal(found.weights, 0);
    assert_int_equal(found.biases, 0);
    int rows = differing_rows(pair.got, name, &correct);
    print_message("# %s: outputs of %d of %d digits differ, %zu right\n", name, rows, DIGITS,
                  correct);
    assert_true(rows <= most_rows);
    if (DIGITS == 10000) assert_near((double)correct / DIGITS, expected_accuracy(name), 0.00001);
    pair_free(&pair);
}

static void a_model_is_quantized_as_the_converter_does_it(void **state) {
    (void)state;
    check_own("fc", 1, 0, 0);
    check_own("cnn", 4, 0, 0);
    check_own("cnn_bn", 3, 2, 5);
}

static void check_accuracy(const char *name) {
    struct model *model;
    struct error error;
    struct predictions predictions;
    assert_ok(model_load(golden(name, "model.h5"), &model, &error), &error);
    assert_ok(ptq_evaluate(model, &mnist()->train, &mnist()->test, RUNTIME_REF, NULL, &predictions,
                           &error),
              &error);
    assert_near(predictions.accuracy, expected_accuracy(name), 0.00001);
    predictions_free(&predictions);
    model_free(model);
}

static void accuracy_is_that_of_the_converters_file(void **state) {
    (void)state;
    check_accuracy("fc");
    check_accuracy("cnn_bn");
}

/* 100 digits; all pixels of digit i have value i. */
static struct samples ramp(bool is_sorted) {
    enum { PIXELS = 784 };
    static unsigned char images[100 * PIXELS];
    static uint16_t labels[100];
    for (int i = 0; i < 100; i++) {
        memset(images + i * PIXELS, i, PIXELS);
        labels[i] = (uint16_t)(is_sorted ? i / 10 : 9 - i / 10);
    }
    return test_digits(images, labels, 100);
}

static float brightest(const struct model *model, const struct samples *digits, size_t count) {
    struct ptq ptq;
    struct error error;
    assert_ok(ptq_create(&ptq, model, digits, count, NULL, &error), &error);
    assert_int_equal(ptq.plan->tensors[0].kind, TENSOR_INPUT);
    float most = ptq.snapshot->ranges[0].max;
    ptq_free(&ptq);
    return most;
}

static void the_first_digits_calibrate_or_where_they_are_sorted_a_spread(void **state) {
    (void)state;
    struct model *model;
    struct ptq ptq;
    struct error error;
    assert_ok(model_build("fc", 1, &model, &error), &error);
    struct samples digits = ramp(false);
    assert_near(brightest(model, &digits, 10), 9 / 255.0, 1e-7);
    assert_near(brightest(model, &digits, 73), 72 / 255.0, 1e-7);
    assert_near(brightest(model, &digits, 1000), 99 / 255.0, 1e-7);
    digits = ramp(true);
    assert_near(brightest(model, &digits, 10), 90 / 255.0, 1e-7); /* 0, 10, 20, ... */
    assert_near(brightest(model, &digits, 1000), 99 / 255.0, 1e-7);
    assert_int_equal(ptq_create(&ptq, model, &digits, 0, NULL, &error), STATUS_USAGE);
    assert_null(ptq.plan);
    model_free(model);
}

static void weights_that_are_not_finite_are_refused_when_frozen(void **state) {
    (void)state;
    struct model *model;
    struct ptq ptq;
    struct frozen *frozen;
    struct error error;
    assert_ok(model_build("fc", 1, &model, &error), &error);
    struct samples digits = ramp(false);
    model->weights[0] = NAN;
    assert_ok(ptq_create(&ptq, model, &digits, 10, NULL, &error), &error);
    assert_int_equal(freeze(ptq.snapshot, IO_INT8, &frozen, &error), STATUS_DIVERGED);
    ptq_free(&ptq);
    model_free(model);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(ranges_from_sums_in_tflites_order_give_the_converters_file),
    cmocka_unit_test(a_model_is_quantized_as_the_converter_does_it),
    cmocka_unit_test(accuracy_is_that_of_the_converters_file),
    cmocka_unit_test(the_first_digits_calibrate_or_where_they_are_sorted_a_spread),
    cmocka_unit_test(weights_that_are_not_finite_are_refused_when_frozen),
};
TEST_MAIN(tests)
