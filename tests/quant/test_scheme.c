#include "test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "quant/observer.h"
#include "quant/snapshot.h"

/* A chain of layers made by hand: no file is needed to see what a scheme makes of it. */
struct chain {
    struct model model;
    struct layer layers[12];
    struct parameter parameters[24];
    float weights[4096];
};

static struct layer *add(struct chain *chain, enum layer_kind kind, const char *name,
                         enum activation activation) {
    struct layer *layer = &chain->layers[chain->model.layer_count];
    memset(layer, 0, sizeof *layer);
    layer->kind = kind;
    strcpy(layer->name, name);
    layer->activation = activation;
    layer->input_count = chain->model.layer_count ? 1 : 0;
    layer->inputs[0] = chain->model.layer_count - 1;
    layer->kernel = layer->bias = -1;
    chain->model.layer_count++;
    return layer;
}

static void add_kernel(struct chain *chain, struct layer *layer, int rows, int units) {
    layer->units = units;
    layer->kernel = chain->model.parameter_count++;
    struct parameter *kernel = &chain->parameters[layer->kernel];
    memset(kernel, 0, sizeof *kernel);
    /* Through a copy: both names lie in `chain`, and gcc 14 fears that they overlap. */
    char name[MODEL_NAME];
    snprintf(name, sizeof name, "%s", layer->name);
    snprintf(kernel->name, sizeof kernel->name, "%s/kernel", name);
    kernel->layer = chain->model.layer_count - 1;
    kernel->offset = chain->model.weight_count;
    kernel->count = (size_t)(rows * units);
    chain->model.weight_count += kernel->count;
}

static void chain_begin(struct chain *chain) {
    memset(chain, 0, sizeof *chain);
    chain->model.layers = chain->layers;
    chain->model.parameters = chain->parameters;
    chain->model.weights = chain->weights;
    add(chain, LAYER_INPUT, "input_1", ACTIVATION_LINEAR);
}

static struct quant_plan *plan_of(const struct chain *chain, const char *scheme) {
    struct quant_plan *plan;
    struct error error;
    assert_ok(quant_plan_create(&plan, &chain->model, scheme_find(scheme), &error), &error);
    return plan;
}

static void assert_tensor(const struct quant_plan *plan, int index, const char *name,
                          enum placement placement, int channels) {
    assert_true(index < plan->tensor_count);
    assert_string_equal(plan->tensors[index].name, name);
    assert_int_equal(plan->tensors[index].placement, placement);
    assert_int_equal(plan->tensors[index].channels, channels);
}

static void small_cnn(struct chain *chain) {
    chain_begin(chain);
    add_kernel(chain, add(chain, LAYER_CONV2D, "conv", ACTIVATION_RELU), 9, 4);
    add(chain, LAYER_MAX_POOLING2D, "pool", ACTIVATION_LINEAR);
    add(chain, LAYER_FLATTEN, "flatten", ACTIVATION_LINEAR);
    add(chain, LAYER_DROPOUT, "dropout", ACTIVATION_LINEAR);
    add_kernel(chain, add(chain, LAYER_DENSE, "dense", ACTIVATION_SOFTMAX), 12, 10);
}

static void tensors_stand_in_graph_order(void **state) {
    (void)state;
    struct chain chain;
    small_cnn(&chain);
    struct quant_plan *plan = plan_of(&chain, "tfmot");
    assert_int_equal(plan->tensor_count, 5);
    assert_tensor(plan, 0, "input", PLACE_INPUT, 1);
    assert_tensor(plan, 1, "conv/kernel", PLACE_KERNEL, 4);
    assert_tensor(plan, 2, "conv/out", PLACE_POST_ACTIVATION, 1);
    assert_tensor(plan, 3, "dense/kernel", PLACE_KERNEL, 1);
    assert_tensor(plan, 4, "dense/out", PLACE_PRE_ACTIVATION, 1);
    assert_int_equal(plan->range_count, 8);
    assert_int_equal(plan->tensors[3].offset, 6);
    assert_int_equal(plan->kernel_tensor[1], 1);
    assert_int_equal(plan->activation_tensor[1], 2);
    assert_int_equal(plan->activation_tensor[2], -1);
    quant_plan_free(plan);
    plan = plan_of(&chain, "qatop"); /* Dense has one range a unit */
    assert_tensor(plan, 3, "dense/kernel", PLACE_KERNEL, 10);
    assert_int_equal(plan->range_count, 17);
    quant_plan_free(plan);
}

static void post_training_quantization_observes_activations_only(void **state) {
    (void)state;
    struct chain chain;
    struct quant_plan *plan;
    struct error error;
    small_cnn(&chain);
    assert_ok(quant_plan_create(&plan, &chain.model, &scheme_ptq, &error), &error);
    assert_int_equal(plan->tensor_count, 3);
    assert_tensor(plan, 0, "input", PLACE_INPUT, 1);
    assert_tensor(plan, 1, "conv/out", PLACE_POST_ACTIVATION, 1);
    assert_tensor(plan, 2, "dense/out", PLACE_PRE_ACTIVATION, 1);
    assert_int_equal(plan->kernel_tensor[1], -1);
    assert_null(scheme_find("ptq")); /* nothing to train with */
    quant_plan_free(plan);
}

static void separate_relu_switches_off_the_layer_before_it(void **state) {
    (void)state;
    struct chain chain;
    chain_begin(&chain);
    add_kernel(&chain, add(&chain, LAYER_DENSE, "a", ACTIVATION_LINEAR), 4, 3);
    add(&chain, LAYER_RELU, "relu", ACTIVATION_RELU);
    add_kernel(&chain, add(&chain, LAYER_DENSE, "b", ACTIVATION_LINEAR), 3, 3);
    add(&chain, LAYER_ACTIVATION, "act", ACTIVATION_RELU);
    add_kernel(&chain, add(&chain, LAYER_DENSE, "c", ACTIVATION_LINEAR), 3, 10);
    add(&chain, LAYER_SOFTMAX, "softmax", ACTIVATION_SOFTMAX);
    struct quant_plan *plan = plan_of(&chain, "tfmot");
    assert_int_equal(plan->tensor_count, 5);
    assert_tensor(plan, 1, "relu/out", PLACE_OUTPUT, 1);
    assert_tensor(plan, 2, "act/out", PLACE_OUTPUT, 1);
    assert_tensor(plan, 3, "c/kernel", PLACE_KERNEL, 1);
    assert_tensor(plan, 4, "c/out", PLACE_POST_ACTIVATION, 1);
    quant_plan_free(plan);
    plan = plan_of(&chain, "qatop"); /* keeps the kernel's, not the output's */
    assert_int_equal(plan->tensor_count, 7);
    assert_tensor(plan, 1, "a/kernel", PLACE_KERNEL, 3);
    assert_tensor(plan, 2, "relu/out", PLACE_OUTPUT, 1);
    quant_plan_free(plan);
}

static void relu_after_pooling_switches_nothing_off(void **state) {
    (void)state;
    struct chain chain;
    chain_begin(&chain);
    add_kernel(&chain, add(&chain, LAYER_CONV2D, "conv", ACTIVATION_LINEAR), 9, 4);
    add(&chain, LAYER_MAX_POOLING2D, "pool", ACTIVATION_LINEAR);
    add(&chain, LAYER_RELU, "relu", ACTIVATION_RELU);
    struct quant_plan *plan = plan_of(&chain, "tfmot");
    assert_int_equal(plan->tensor_count, 4);
    assert_tensor(plan, 2, "conv/out", PLACE_POST_ACTIVATION, 1);
    assert_tensor(plan, 3, "relu/out", PLACE_OUTPUT, 1);
    quant_plan_free(plan);
}

static void weights_of_impossible_width_are_refused(void **state) {
    (void)state;
    struct chain chain;
    small_cnn(&chain);
    for (int bits = 0; bits <= 10; bits++) {
        struct scheme scheme = *scheme_find("tfmot");
        scheme.weight_bits = bits;
        struct quant_plan *plan;
        struct error error;
        enum status status = quant_plan_create(&plan, &chain.model, &scheme, &error);
        assert_int_equal(status, bits >= 2 && bits <= 8 ? STATUS_OK : STATUS_USAGE);
        quant_plan_free(plan);
    }
}

static void schemes_are_found_by_name_and_the_first_is_the_default(void **state) {
    (void)state;
    assert_string_equal(schemes[0].name, "qatop");
    assert_string_equal(scheme_find("tfmot")->name, "tfmot");
    assert_null(scheme_find("nonsense"));
}

static void the_only_reader_of_a_layer_is_the_only_one(void **state) {
    (void)state;
    struct chain chain;
    chain_begin(&chain);
    add(&chain, LAYER_RELU, "first", ACTIVATION_RELU);
    add(&chain, LAYER_RELU, "second", ACTIVATION_RELU);
    struct layer *sum = add(&chain, LAYER_ADD, "sum", ACTIVATION_LINEAR);
    sum->inputs[1] = 1;
    sum->input_count = 2;
    assert_int_equal(quant_only_reader(&chain.model, 0), 1);
    assert_int_equal(quant_only_reader(&chain.model, 1), -1); /* second and sum */
    assert_int_equal(quant_only_reader(&chain.model, 2), 3);
    assert_int_equal(quant_only_reader(&chain.model, 3), -1); /* the output */
}

static void observers_follow_their_rules(void **state) {
    (void)state;
    struct range input = {0, 0};
    observer_widest(&input, (struct range){0.25f, 0.5f});
    assert_true(input.min == 0 && input.max == 0.5f);
    observer_widest(&input, (struct range){-1, 0.25f});
    assert_true(input.min == -1 && input.max == 0.5f);
    /* two steps of golden fc's first activation: the maximum of batch 1 was 11.42593 */
    struct range range = {-6, 6};
    observer_activation(&range, (struct range){0, 11.42593f}, (float)(1 - 0.999));
    assert_true(range.min == -5.994f);
    assert_near(range.max, 6 + 0.001 * 5.42593, 5e-7);
    range = (struct range){-1, 1}; /* 0 belongs to what was seen, whatever the values were */
    observer_activation(&range, (struct range){2, 3}, 0.5f);
    assert_true(range.min == -0.5f && range.max == 2);
    observer_activation(&range, (struct range){-3, -2}, 0.5f);
    assert_true(range.min == -1.75f && range.max == 1);
    observer_activation(&range, (struct range){NAN, NAN}, 0.5f);
    assert_true(isnan(range.min) && isnan(range.max));
}

static void kernel_ranges_are_symmetric_per_tensor_and_per_channel(void **state) {
    (void)state;
    float kernel[3 * 70];
    for (int i = 0; i < 3 * 70; i++) kernel[i] = (float)(i % 7) - 3;
    kernel[70 + 69] = -9;
    struct quant_tensor tensor = {.kind = TENSOR_WEIGHT, .channels = 1};
    struct range ranges[70];
    observer_kernel(NULL, &tensor, kernel, 3 * 70, ranges);
    assert_true(ranges[0].min == -9 && ranges[0].max == 9);
    tensor.channels = 70;
    observer_kernel(NULL, &tensor, kernel, 3 * 70, ranges);
    for (int c = 0; c < 70; c++) {
        float largest = c == 69 ? 9 : 0;
        for (int row = 0; row < 3; row++) largest = fmaxf(largest, fabsf(kernel[row * 70 + c]));
        assert_true(ranges[c].max == largest && ranges[c].min == -largest);
    }
    tensor.channels = 1;
    kernel[127] = 11;
    observer_kernel(NULL, &tensor, kernel, 128, ranges);
    assert_true(ranges[0].min == -11 && ranges[0].max == 11);
}

static void snapshot_is_a_copy_that_lives_until_its_last_holder(void **state) {
    (void)state;
    struct chain chain;
    small_cnn(&chain);
    struct quant_plan *plan = plan_of(&chain, "tfmot");
    struct range ranges[8] = {{0, 1}};
    chain.weights[3] = 7;
    struct snapshot *snapshot = snapshot_create(&chain.model, plan, 42, chain.weights, ranges);
    assert_non_null(snapshot);
    chain.weights[3] = 8;
    ranges[0].max = 2;
    struct snapshot *other = snapshot_retain(snapshot);
    snapshot_release(snapshot);
    assert_true(other->weights[3] == 7 && other->ranges[0].max == 1);
    assert_int_equal(other->step, 42);
    snapshot_release(other);
    snapshot_release(NULL);
    quant_plan_free(plan);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(tensors_stand_in_graph_order),
    cmocka_unit_test(post_training_quantization_observes_activations_only),
    cmocka_unit_test(separate_relu_switches_off_the_layer_before_it),
    cmocka_unit_test(relu_after_pooling_switches_nothing_off),
    cmocka_unit_test(weights_of_impossible_width_are_refused),
    cmocka_unit_test(schemes_are_found_by_name_and_the_first_is_the_default),
    cmocka_unit_test(the_only_reader_of_a_layer_is_the_only_one),
    cmocka_unit_test(observers_follow_their_rules),
    cmocka_unit_test(kernel_ranges_are_symmetric_per_tensor_and_per_channel),
    cmocka_unit_test(snapshot_is_a_copy_that_lives_until_its_last_holder),
};
TEST_MAIN(tests)
