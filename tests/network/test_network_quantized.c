/* Fake quantization in the network. */
#include "test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "chain.h"
#include "quant/observer.h"
#include "network/work.h"

/* y = dense_b(relu(dense_a(x))) with fixed ranges so narrow that many values saturate. */
enum { HIDDEN = 13, CLASSES = 10 };

struct masks {
    bool hidden[DIGITS][HIDDEN], logits[DIGITS][CLASSES];
};

static float quantize_one(float x, const struct fake_quant *by) {
    float y;
    fake_quant_tensor(NULL, 1, &x, by, &y);
    return y;
}

/* Gradient of kernel a by the chain rule in double, masks by their definition. */
static void assert_straight_through(const struct model *model, const struct quant_plan *plan,
                                    const struct range *ranges, const struct work *work) {
    const struct parameter *a = &model->parameters[0], *a_bias = &model->parameters[1];
    const struct parameter *b = &model->parameters[2], *b_bias = &model->parameters[3];
    struct fake_quant by[5];
    for (int i = 0; i < 5; i++)
        by[i] = quant_plan_fake_quant(plan, &plan->tensors[i], ranges[plan->tensors[i].offset]);
    static double want_a[PIXELS * HIDDEN], want_b[HIDDEN * CLASSES];
    memset(want_a, 0, sizeof want_a);
    memset(want_b, 0, sizeof want_b);
    int outside = 0;
    for (int d = 0; d < DIGITS; d++) {
        double x[PIXELS], hidden[HIDDEN], quantized[HIDDEN], logits[CLASSES], back[HIDDEN] = {0};
        for (int i = 0; i < PIXELS; i++)
            x[i] = (double)quantize_one((float)work->pixels[d * PIXELS + i] / 255.0f, &by[0]);
        for (int h = 0; h < HIDDEN; h++) {
            double sum = (double)model->weights[a_bias->offset + (size_t)h];
            for (int i = 0; i < PIXELS; i++)
                sum += x[i] * (double)quantize_one(
                                  model->weights[a->offset + (size_t)(i * HIDDEN + h)], &by[1]);
            hidden[h] = fmax(sum, 0);
            quantized[h] = (double)quantize_one((float)hidden[h], &by[2]);
        }
        double total = 0, exps[CLASSES];
        for (int c = 0; c < CLASSES; c++) {
            logits[c] = (double)model->weights[b_bias->offset + (size_t)c];
            for (int h = 0; h < HIDDEN; h++)
                logits[c] += quantized[h] *
                             (double)quantize_one(
                                 model->weights[b->offset + (size_t)(h * CLASSES + c)], &by[3]);
            exps[c] = exp((double)quantize_one((float)logits[c], &by[4]));
            total += exps[c];
        }
        for (int c = 0; c < CLASSES; c++) {
            double g = (exps[c] / total - (c == work->labels[d])) / DIGITS;
            if (logits[c] < (double)by[4].nudged_min || logits[c] > (double)by[4].nudged_max) {
                outside++;
                continue;
            }
            for (int h = 0; h < HIDDEN; h++) {
                want_b[h * CLASSES + c] += quantized[h] * g;
                back[h] += g * (double)quantize_one(
                                   model->weights[b->offset + (size_t)(h * CLASSES + c)], &by[3]);
            }
        }
        for (int h = 0; h < HIDDEN; h++) {
            if (hidden[h] <= 0) continue;
            if (hidden[h] > (double)by[2].nudged_max) {
                outside++;
                continue;
            }
            for (int i = 0; i < PIXELS; i++) want_a[i * HIDDEN + h] += x[i] * back[h];
        }
    }
    assert_true(outside > 5);
    for (int i = 0; i < PIXELS * HIDDEN; i++)
        assert_near(work->gradient[a->offset + (size_t)i], want_a[i], 1e-6);
    for (int i = 0; i < HIDDEN * CLASSES; i++)
        assert_near(work->gradient[b->offset + (size_t)i], want_b[i], 1e-6);
}

static struct model *two_layers(void) {
    struct model *model = chain_begin();
    chain_layer(model, LAYER_FLATTEN, "flatten", ACTIVATION_LINEAR);
    chain_dense(model, "a", HIDDEN, ACTIVATION_RELU);
    chain_dense(model, "b", CLASSES, ACTIVATION_SOFTMAX);
    chain_finish(model, 6);
    return model;
}

static struct quant_plan *plan_for(const struct model *model, const char *scheme) {
    struct quant_plan *plan;
    struct error error;
    assert_ok(quant_plan_create(&plan, model, scheme_find(scheme), &error), &error);
    return plan;
}

static void gradient_goes_straight_through_fake_quantization(void **state) {
    (void)state;
    struct model *model = two_layers();
    struct quant_plan *plan = plan_for(model, "tfmot");
    struct range ranges[5] = {{0, 1}, {0, 0}, {-0.1f, 0.4f}, {0, 0}, {-0.15f, 0.2f}};
    observer_kernels(NULL, plan, model, model->weights, ranges);
    struct work work;
    work_begin(&work, model, plan);
    work.pass.ranges = ranges;
    work_run(&work);
    assert_straight_through(model, plan, ranges, &work);
    assert_true(ranges[2].max == 0.4f); /* rate 0 leaves ranges alone */
    work_end(&work);
    quant_plan_free(plan);
    model_free(model);
}

/* For one range in 250 float32 rounding puts the largest weight outside: its gradient is 0. */
static void check_largest_weight(const char *scheme) {
    float bound = 1;
    for (;; bound = nextafterf(bound, 2)) {
        struct fake_quant by = fake_quant_from_range((struct range){-bound, bound}, true, 8);
        if (by.nudged_max < bound) break;
    }
    struct model *model = two_layers();
    struct quant_plan *plan = plan_for(model, scheme);
    const struct quant_tensor *tensors = plan->tensors, *kernel = &tensors[3];
    size_t at = model->parameters[2].offset + 37;
    struct range ranges[32] = {{0, 1}};
    assert_true(plan->tensor_count == 5 && plan->range_count <= 32);
    ranges[tensors[2].offset] = ranges[tensors[4].offset] = (struct range){-6, 6};
    int channel = kernel->offset + 37 % kernel->channels; /* in the middle, where there are some */
    model->weights[at] = bound;
    observer_kernels(NULL, plan, model, model->weights, ranges);
    assert_true(ranges[channel].max == bound);
    struct work work;
    work_begin(&work, model, plan);
    work.pass.ranges = ranges;
    work_run(&work);
    assert_true(work.gradient[at] == 0);
    assert_true(work.gradient[at + 1] != 0);
    model->weights[at] = 1.5f; /* one that rounding keeps */
    observer_kernels(NULL, plan, model, model->weights, ranges);
    assert_true(fake_quant_from_range(ranges[channel], true, 8).nudged_max >= 1.5f);
    work_run(&work);
    assert_true(work.gradient[at] != 0);
    work_end(&work);
    quant_plan_free(plan);
    model_free(model);
}

static void largest_weight_has_no_gradient_when_rounding_leaves_it_out(void **state) {
    (void)state;
    check_largest_weight("tfmot"); /* one range for the kernel */
    check_largest_weight("qatop"); /* one for each of its channels */
}

static void untrained_tfmot_model_predicts_a_constant(void **state) {
    (void)state;
    struct model *model = two_layers();
    struct quant_plan *plan = plan_for(model, "tfmot");
    struct range ranges[5];
    observer_reset(plan, ranges);
    memset(&model->weights[model->parameters[1].offset], 0, HIDDEN * sizeof(float));
    memset(&model->weights[model->parameters[3].offset], 0, CLASSES * sizeof(float));
    struct work work;
    work_begin(&work, model, plan);
    work.pass.ranges = ranges;
    work_run(&work);
    assert_near(work.loss, log(10), 1e-6);
    work_end(&work);
    quant_plan_free(plan);
    model_free(model);
}

/* Ranges are those of the batch: rounding to 255 steps is all that is between the two networks,
 * also where a maximum is taken of a tensor that others read as well. */
static void a_quantized_network_has_nearly_the_loss_of_the_plain_one(void **state) {
    (void)state;
    struct model *model = work_residual(false);
    struct work plain, work;
    work_begin(&plain, model, NULL);
    work_run(&plain);
    for (int s = 0; s < 2; s++) {
        struct quant_plan *plan = plan_for(model, schemes[s].name);
        struct range *ranges = calloc((size_t)plan->range_count, sizeof *ranges);
        assert_non_null(ranges);
        observer_kernels(NULL, plan, model, model->weights, ranges);
        work_begin(&work, model, plan);
        work.pass.ranges = ranges;
        work.pass.rate = 1;
        work_run(&work);
        assert_near(work.loss, plain.loss, 0.005);
        assert_true(work.loss != plain.loss);
        work_end(&work);
        free(ranges);
        quant_plan_free(plan);
    }
    work_end(&plain);
    model_free(model);
}

/* A pooling that alone reads a convolution also does its fake quantization.  One that does not must
 * leave it to the convolution, as it does where a layer stands between. */
static void a_layer_that_hands_on_its_values_changes_no_bit(void **state) {
    (void)state;
    float *gradients[2];
    double losses[2];
    size_t bytes = 0;
    for (int i = 0; i < 2; i++) {
        struct model *model = work_residual(i == 1);
        struct quant_plan *plan = plan_for(model, "tfmot");
        struct range *ranges = calloc((size_t)plan->range_count, sizeof *ranges);
        struct work work;
        assert_non_null(ranges);
        observer_kernels(NULL, plan, model, model->weights, ranges);
        work_begin(&work, model, plan);
        work.pass.ranges = ranges;
        work.pass.rate = 1;
        work_run(&work);
        bytes = model->weight_count * sizeof(float);
        gradients[i] = malloc(bytes);
        assert_non_null(gradients[i]);
        memcpy(gradients[i], work.gradient, bytes);
        losses[i] = work.loss;
        work_end(&work);
        free(ranges);
        quant_plan_free(plan);
        model_free(model);
    }
    assert_true(losses[0] == losses[1]);
    assert_memory_equal(gradients[0], gradients[1], bytes);
    free(gradients[0]);
    free(gradients[1]);
}

/* One forward pass from ranges that have seen nothing. */
static void run_samples(const struct model *model, const struct quant_plan *plan,
                        const struct samples *samples, float logits[DIGITS * CLASSES],
                        struct range *input) {
    struct range ranges[5];
    struct work work;
    observer_reset(plan, ranges);
    observer_kernels(NULL, plan, model, model->weights, ranges);
    work_begin(&work, model, plan);
    work.pass.ranges = ranges;
    work.pass.rate = 1;
    work.pass.samples = samples;
    network_quantize_kernels(work.network, &work.pass);
    memcpy(logits, network_forward(work.network, &work.pass), DIGITS * CLASSES * sizeof *logits);
    *input = ranges[0];
    work_end(&work);
}

/* The tables for bytes are the same as values one by one, and so are the ranges they show. */
static void bytes_and_the_floats_they_stand_for_change_no_bit(void **state) {
    (void)state;
    static const float mean[] = {0.5f, 0.25f, 0.75f, 0.125f}, std[] = {0.25f, 0.5f, 0.5f, 1};
    static float x[DIGITS * PIXELS + 16];
    struct model *model = two_layers();
    model->layers[0].output = (struct shape){3, {14, 14, 4}};
    struct quant_plan *plan = plan_for(model, "tfmot");
    struct error error;
    struct work work;
    work_begin(&work, model, plan);
    struct preprocessing raw;
    assert_ok(preprocessing_parse(&raw, "raw", &error), &error);
    static const char *const texts[] = {"unit", "signed", "-0.02,3", "unit"};
    for (int i = 0; i < 4; i++) {
        struct preprocessing by;
        assert_ok(preprocessing_parse(&by, texts[i], &error), &error);
        if (i == 3) assert_ok(preprocessing_normalize(&by, 4, mean, std, &error), &error);
        struct samples bytes = work.samples;
        bytes.shape = model->layers[0].output;
        bytes.preprocessing = &by;
        /* Channels differ in what they hold. */
        for (int j = 0; j < DIGITS * PIXELS; j++)
            if (j % 4 != 1 && work.pixels[j] > 200) work.pixels[j] = 200;
        samples_to_float(&bytes, x);
        struct samples floats = bytes;
        floats.element = ELEMENT_FLOAT32;
        floats.bytes = (unsigned char *)x;
        floats.preprocessing = &raw;
        struct range seen = {0, 0}, from_bytes, from_floats;
        for (int j = 0; j < DIGITS * PIXELS; j++) {
            seen.min = fminf(seen.min, x[j]);
            seen.max = fmaxf(seen.max, x[j]);
        }
        float want[DIGITS * CLASSES], got[DIGITS * CLASSES];
        run_samples(model, plan, &floats, want, &from_floats);
        run_samples(model, plan, &bytes, got, &from_bytes);
        assert_memory_equal(got, want, sizeof want);
        assert_true(from_bytes.min == seen.min && from_bytes.max == seen.max);
        assert_true(from_floats.min == seen.min && from_floats.max == seen.max);
    }
    work_end(&work);
    quant_plan_free(plan);
    model_free(model);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(gradient_goes_straight_through_fake_quantization),
    cmocka_unit_test(largest_weight_has_no_gradient_when_rounding_leaves_it_out),
    cmocka_unit_test(untrained_tfmot_model_predicts_a_constant),
    cmocka_unit_test(a_quantized_network_has_nearly_the_loss_of_the_plain_one),
    cmocka_unit_test(a_layer_that_hands_on_its_values_changes_no_bit),
    cmocka_unit_test(bytes_and_the_floats_they_stand_for_change_no_bit),
};
TEST_MAIN(tests)
