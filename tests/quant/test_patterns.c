#include "test.h"

#include <math.h>
#include <string.h>

#include "base/array.h"
#include "chain.h"
#include "engine/engine.h"
#include "quant/freeze.h"
#include "quant/observer.h"

/* Which fake quantization TFMOT places where its patterns match, and what becomes of it. */

static struct quant_plan *plan_of(const struct model *model, const char *scheme) {
    struct quant_plan *plan;
    struct error error;
    assert_ok(quant_plan_create(&plan, model, scheme_find(scheme), &error), &error);
    return plan;
}

/* names: those of all tensors after the input's, separated by spaces. */
static void assert_plan(const struct model *model, const char *scheme, const char *names) {
    struct quant_plan *plan = plan_of(model, scheme);
    char got[1024] = "";
    for (int i = 1; i < plan->tensor_count; i++) {
        strcat(got, plan->tensors[i].name);
        if (i + 1 < plan->tensor_count) strcat(got, " ");
    }
    assert_string_equal(got, names);
    quant_plan_free(plan);
}

static void assert_refused(const struct model *model, const char *scheme, const char *layer,
                           const char *text) {
    struct quant_plan *plan;
    struct error error;
    assert_int_equal(quant_plan_create(&plan, model, scheme_find(scheme), &error),
                     STATUS_UNSUPPORTED);
    assert_null(plan);
    assert_string_equal(error.where, layer);
    if (!strstr(error.text, text)) fail_msg("got '%s', want '%s'", error.text, text);
}

static void end(struct model *model) {
    chain_layer(model, LAYER_GLOBAL_AVERAGE_POOLING2D, "g", ACTIVATION_LINEAR);
    chain_dense(model, "z", 10, ACTIVATION_SOFTMAX);
    chain_finish(model, 3);
}

static void assert_operators(const struct model *model, const char *scheme, const char *names);

#define END " g/out z/kernel z/out"

static struct model *conv_with(bool normalization, enum layer_kind kind,
                               enum activation activation) {
    struct model *model = chain_begin();
    chain_conv2d(model, "c", 4, 5, 3, PADDING_SAME, ACTIVATION_LINEAR);
    if (normalization) chain_normalization(model, "n", true);
    if (kind != LAYER_INPUT) chain_layer(model, kind, "r", activation);
    end(model);
    return model;
}

static void both(struct model *model, const char *names) {
    assert_plan(model, "tfmot", names);
    assert_plan(model, "qatop", names);
    model_free(model);
}

static void normalization_and_relu_join_a_convolution(void **state) {
    (void)state;
    both(conv_with(true, LAYER_RELU, ACTIVATION_RELU), "c/kernel r/out" END);
    both(conv_with(true, LAYER_RELU, ACTIVATION_RELU6), "c/kernel r/out" END);
    both(conv_with(true, LAYER_ACTIVATION, ACTIVATION_RELU), "c/kernel r/out" END);
    both(conv_with(true, LAYER_INPUT, 0), "c/kernel n/out" END);
    both(conv_with(true, LAYER_ACTIVATION, ACTIVATION_LINEAR), "c/kernel n/out" END);
    both(conv_with(true, LAYER_DROPOUT, ACTIVATION_LINEAR), "c/kernel n/out" END);
    both(conv_with(true, LAYER_SPATIAL_DROPOUT2D, ACTIVATION_LINEAR), "c/kernel n/out" END);
}

static void activation_relu6_joins_in_our_scheme_only(void **state) {
    (void)state;
    struct model *model = conv_with(true, LAYER_ACTIVATION, ACTIVATION_RELU6);
    assert_plan(model, "tfmot", "c/kernel n/out r/out" END);
    assert_plan(model, "qatop", "c/kernel r/out" END);
    model_free(model);
    model = conv_with(false, LAYER_ACTIVATION, ACTIVATION_RELU6);
    assert_plan(model, "tfmot", "c/kernel c/out r/out" END);
    assert_plan(model, "qatop", "c/kernel r/out" END);
    model_free(model);
    model = conv_with(false, LAYER_RELU, ACTIVATION_RELU6);
    assert_plan(model, "tfmot", "r/out" END);
    assert_plan(model, "qatop", "c/kernel r/out" END);
    model_free(model);
}

static struct model *dense_with(enum layer_kind kind) {
    struct model *model = chain_begin();
    chain_layer(model, LAYER_FLATTEN, "f", ACTIVATION_LINEAR);
    chain_dense(model, "d", 6, ACTIVATION_LINEAR);
    chain_normalization(model, "n", true);
    if (kind != LAYER_INPUT) chain_layer(model, kind, "r", ACTIVATION_RELU);
    chain_dense(model, "z", 10, ACTIVATION_SOFTMAX);
    chain_finish(model, 3);
    return model;
}

static void normalization_after_dense_keeps_a_range_before_relu_as_tfmot_does(void **state) {
    (void)state;
    struct model *model = dense_with(LAYER_RELU);
    assert_plan(model, "tfmot", "d/kernel n/out r/out z/kernel z/out");
    assert_plan(model, "qatop", "d/kernel r/out z/kernel z/out");
    model_free(model);
    both(dense_with(LAYER_INPUT), "d/kernel n/out z/kernel z/out");
}

static struct model *depthwise_with(int multiplier) {
    struct model *model = chain_begin();
    chain_conv2d(model, "c", 4, 5, 3, PADDING_SAME, ACTIVATION_RELU);
    chain_depthwise(model, "w", multiplier, 3, 1, PADDING_SAME, ACTIVATION_LINEAR);
    chain_normalization(model, "n", true);
    chain_layer(model, LAYER_RELU, "r", ACTIVATION_RELU6);
    chain_average(model, "a", 2, PADDING_VALID);
    end(model);
    return model;
}

static void depthwise_kernels_have_a_range_per_filter_or_per_output(void **state) {
    (void)state;
    for (int multiplier = 1; multiplier < 4; multiplier++) {
        struct model *model = depthwise_with(multiplier);
        struct quant_plan *plan = plan_of(model, "tfmot");
        const struct quant_tensor *tensor = &plan->tensors[plan->kernel_tensor[2]];
        assert_string_equal(tensor->name, "w/depthwise_kernel");
        assert_int_equal(tensor->channels, multiplier);
        assert_true(tensor->is_per_channel);
        quant_plan_free(plan);
        plan = plan_of(model, "qatop");
        assert_int_equal(plan->tensors[plan->kernel_tensor[2]].channels, 4 * multiplier);
        quant_plan_free(plan);
        model_free(model);
    }
}

static void averages_have_ranges_in_tfmots_scheme(void **state) {
    (void)state;
    struct model *model = depthwise_with(1);
    assert_plan(model, "tfmot", "c/kernel c/out w/depthwise_kernel r/out a/out" END);
    assert_plan(model, "qatop", "c/kernel c/out w/depthwise_kernel r/out" END);
    model_free(model);
}

/* A convolution, another one after it that ends as said, and their sum, which also ends as said. */
static struct model *sum_with(bool normalization, enum layer_kind kind,
                              enum activation activation) {
    struct model *model = chain_begin();
    chain_conv2d(model, "c", 4, 5, 3, PADDING_SAME, ACTIVATION_RELU);
    chain_conv2d(model, "d", 4, 3, 1, PADDING_SAME, ACTIVATION_LINEAR);
    if (normalization) chain_normalization(model, "n", true);
    chain_add(model, "s", "c");
    if (kind != LAYER_INPUT) chain_layer(model, kind, "r", activation);
    end(model);
    return model;
}

/* The ranges that TFMOT 0.8.1 made of these models; Activation('relu6') is no pattern of its. */
static void a_relu_joins_a_sum(void **state) {
    (void)state;
    both(sum_with(false, LAYER_INPUT, 0), "c/kernel c/out d/kernel d/out s/out" END);
    both(sum_with(true, LAYER_INPUT, 0), "c/kernel c/out d/kernel n/out s/out" END);
    both(sum_with(true, LAYER_RELU, ACTIVATION_RELU), "c/kernel c/out d/kernel n/out r/out" END);
    both(sum_with(false, LAYER_RELU, ACTIVATION_RELU6), "c/kernel c/out d/kernel d/out r/out" END);
    both(sum_with(false, LAYER_ACTIVATION, ACTIVATION_RELU),
         "c/kernel c/out d/kernel d/out r/out" END);
    struct model *model = sum_with(false, LAYER_ACTIVATION, ACTIVATION_RELU6);
    assert_plan(model, "tfmot", "c/kernel c/out d/kernel d/out s/out r/out" END);
    assert_plan(model, "qatop", "c/kernel c/out d/kernel d/out r/out" END);
    /* The converter fuses that one as well, and the range before it is gone. */
    assert_operators(model, "tfmot", "CONV_2D+relu CONV_2D ADD+relu6 MEAN FULLY_CONNECTED SOFTMAX");
    model_free(model);
    model = sum_with(true, LAYER_RELU, ACTIVATION_RELU);
    assert_operators(model, "tfmot", "CONV_2D+relu CONV_2D ADD+relu MEAN FULLY_CONNECTED SOFTMAX");
    model_free(model);
}

/* What more than one layer reads keeps its range, and no pattern goes through it. */
static void nothing_joins_what_others_read_as_well(void **state) {
    (void)state;
    static const enum layer_kind kinds[] = {LAYER_CONV2D, LAYER_BATCH_NORMALIZATION, LAYER_ADD};
    static const char *const names[] = {"c/kernel c/out r/out t/out" END,
                                        "c/kernel n/out r/out t/out" END,
                                        "c/kernel c/out s/out r/out t/out" END};
    for (int i = 0; i < 3; i++) {
        struct model *model = chain_begin();
        chain_conv2d(model, "c", 4, 5, 3, PADDING_SAME, ACTIVATION_LINEAR);
        if (kinds[i] == LAYER_BATCH_NORMALIZATION) chain_normalization(model, "n", true);
        if (kinds[i] == LAYER_ADD) chain_add(model, "s", "c");
        const char *read = model->layers[model->layer_count - 1].name;
        chain_layer(model, LAYER_RELU, "r", ACTIVATION_RELU);
        chain_add(model, "t", read);
        end(model);
        both(model, names[i]);
    }
    struct model *model = chain_begin();
    chain_conv2d(model, "c", 4, 5, 3, PADDING_SAME, ACTIVATION_LINEAR);
    chain_normalization(model, "n", true);
    chain_add(model, "s", "c");
    end(model);
    assert_refused(model, "tfmot", "n", "only directly after a Conv2D");
    model_free(model);
}

static void what_no_pattern_covers_is_refused_by_layer_name(void **state) {
    (void)state;
    static const char *const text = "only directly after a Conv2D";
    for (int scheme = 0; scheme < 2; scheme++) {
        struct model *model = chain_begin();
        chain_normalization(model, "first", true);
        end(model);
        assert_refused(model, schemes[scheme].name, "first", text);
        model_free(model);
        model = chain_begin();
        chain_conv2d(model, "c", 4, 5, 3, PADDING_SAME, ACTIVATION_RELU);
        chain_normalization(model, "after_relu", true);
        end(model);
        assert_refused(model, schemes[scheme].name, "after_relu", text);
        model_free(model);
        model = chain_begin();
        chain_conv2d(model, "c", 4, 5, 3, PADDING_SAME, ACTIVATION_LINEAR);
        chain_max_pooling(model, "p", 2);
        chain_normalization(model, "after_pooling", true);
        end(model);
        assert_refused(model, schemes[scheme].name, "after_pooling", "it comes after 'p'");
        model_free(model);
    }
    struct model *model = chain_begin();
    chain_conv2d(model, "six", 4, 5, 3, PADDING_SAME, ACTIVATION_RELU6);
    end(model);
    assert_refused(model, "tfmot", "six", "does not quantize activation 'relu6' of a Conv2D");
    assert_plan(model, "qatop", "six/kernel six/out" END);
    model_free(model);
}

static void sigmoid_and_tanh_have_a_range_before_them(void **state) {
    (void)state;
    struct model *model = chain_begin();
    chain_conv2d(model, "c", 4, 5, 3, PADDING_SAME, ACTIVATION_SIGMOID);
    chain_depthwise(model, "d", 1, 3, 1, PADDING_SAME, ACTIVATION_TANH);
    chain_layer(model, LAYER_ACTIVATION, "s", ACTIVATION_SIGMOID);
    chain_layer(model, LAYER_ACTIVATION, "t", ACTIVATION_TANH);
    end(model);
    for (int scheme = 0; schemes[scheme].name; scheme++) {
        struct quant_plan *plan = plan_of(model, schemes[scheme].name);
        assert_int_equal(plan->tensors[plan->activation_tensor[1]].placement, PLACE_PRE_ACTIVATION);
        assert_int_equal(plan->tensors[plan->activation_tensor[2]].placement, PLACE_PRE_ACTIVATION);
        quant_plan_free(plan);
    }
    both(model, "c/kernel c/out d/depthwise_kernel d/out" END);
}

static void what_the_converter_leaves_in_float_is_refused_by_tfmots_scheme_only(void **state) {
    (void)state;
    struct model *model = chain_begin();
    chain_dilated(model, LAYER_CONV2D, "wide", 4, 3, 1, 2, PADDING_SAME);
    end(model);
    assert_refused(model, "tfmot", "wide", "leaves a dilated convolution in float");
    assert_plan(model, "qatop", "wide/kernel wide/out" END);
    model_free(model);
    model = chain_begin();
    chain_dilated(model, LAYER_DEPTHWISE_CONV2D, "wide", 4, 3, 2, 1, PADDING_SAME);
    end(model);
    assert_refused(model, "tfmot", "wide", "leaves a dilated convolution in float");
    model_free(model);
    model = chain_begin();
    chain_conv2d(model, "c", 4, 5, 3, PADDING_SAME, ACTIVATION_LINEAR);
    chain_layer(model, LAYER_RELU, "clipped", ACTIVATION_RELU)->limit = 3;
    end(model);
    assert_refused(model, "tfmot", "clipped", "leaves a max_value other than 6 in float");
    assert_plan(model, "qatop", "c/kernel clipped/out" END);
    model_free(model);
    model = chain_begin();
    chain_conv2d(model, "c", 4, 5, 3, PADDING_SAME, ACTIVATION_TANH);
    chain_layer(model, LAYER_ACTIVATION, "r", ACTIVATION_RELU);
    end(model);
    assert_refused(model, "tfmot", "c", "leaves a layer with sigmoid or tanh before a separate");
    assert_plan(model, "qatop", "c/kernel c/out r/out" END);
    model_free(model);
}

/* ---- frozen ---- */

static struct frozen *frozen_of(const struct model *model, struct quant_plan *plan) {
    struct error error;
    struct frozen *frozen;
    struct range *ranges = array_new((size_t)plan->range_count, sizeof *ranges);
    assert_non_null(ranges);
    for (int i = 0; i < plan->range_count; i++)
        ranges[i] = (struct range){-1, 1 + (float)i / 64}; /* no two alike */
    observer_kernels(NULL, plan, model, model->weights, ranges);
    struct snapshot *snapshot = snapshot_create(model, plan, 0, model->weights, ranges);
    assert_non_null(snapshot);
    assert_ok(freeze(snapshot, IO_INT8, &frozen, &error), &error);
    snapshot_release(snapshot);
    array_free(ranges);
    struct engine *engine;
    assert_ok(engine_create(&engine, frozen, RUNTIME_REF, 2, "frozen", &error), &error);
    engine_destroy(engine);
    return frozen;
}

static void assert_operators(const struct model *model, const char *scheme, const char *names) {
    struct quant_plan *plan = plan_of(model, scheme);
    struct frozen *frozen = frozen_of(model, plan);
    char got[1024] = "";
    for (int i = 0; i < frozen->operator_count; i++) {
        static const char *const activations[] = {"", "+relu", "", "+relu6"};
        if (i) strcat(got, " ");
        strcat(got, frozen_op_name(frozen->operators[i].code));
        strcat(got, activations[frozen->operators[i].activation]);
    }
    assert_string_equal(got, names);
    frozen_free(frozen);
    quant_plan_free(plan);
}

static void what_joins_in_training_is_one_operator(void **state) {
    (void)state;
    static const enum activation activations[] = {ACTIVATION_RELU, ACTIVATION_RELU6};
    for (int i = 0; i < 4; i++) {
        enum activation activation = activations[i % 2];
        enum layer_kind kind = i / 2 ? LAYER_ACTIVATION : LAYER_RELU;
        struct model *model = conv_with(true, kind, activation);
        const char *names = i % 2 ? "CONV_2D+relu6 MEAN FULLY_CONNECTED SOFTMAX"
                                  : "CONV_2D+relu MEAN FULLY_CONNECTED SOFTMAX";
        assert_operators(model, "tfmot", names);
        assert_operators(model, "qatop", names);
        model_free(model);
    }
    static const enum layer_kind dropouts[] = {LAYER_DROPOUT, LAYER_SPATIAL_DROPOUT2D};
    for (int i = 0; i < 2; i++) {
        struct model *model = conv_with(true, dropouts[i], ACTIVATION_LINEAR);
        assert_operators(model, "tfmot", "CONV_2D MEAN FULLY_CONNECTED SOFTMAX");
        assert_operators(model, "qatop", "CONV_2D MEAN FULLY_CONNECTED SOFTMAX");
        model_free(model);
    }
    struct model *model = dense_with(LAYER_RELU);
    assert_operators(model, "tfmot", "RESHAPE FULLY_CONNECTED RELU FULLY_CONNECTED SOFTMAX");
    assert_operators(model, "qatop", "RESHAPE FULLY_CONNECTED+relu FULLY_CONNECTED SOFTMAX");
    model_free(model);
    model = depthwise_with(2);
    assert_operators(model, "tfmot",
                     "CONV_2D+relu DEPTHWISE_CONV_2D+relu6 AVERAGE_POOL_2D QUANTIZE MEAN "
                     "FULLY_CONNECTED SOFTMAX");
    assert_operators(model, "qatop",
                     "CONV_2D+relu DEPTHWISE_CONV_2D+relu6 AVERAGE_POOL_2D MEAN FULLY_CONNECTED "
                     "SOFTMAX");
    model_free(model);
}

/* The layers whose operators come one after another. */
static void assert_order(const struct model *model, const struct scheme *scheme,
                         const char *names) {
    struct quant_plan *plan;
    struct error error;
    char got[1024] = "";
    assert_ok(quant_plan_create(&plan, model, scheme, &error), &error);
    struct frozen *frozen = frozen_of(model, plan);
    for (int i = 0; i < frozen->operator_count; i++)
        strcat(strcat(got, i ? " " : ""), frozen->tensors[frozen->operators[i].outputs[0]].name);
    assert_string_equal(got, names);
    frozen_free(frozen);
    quant_plan_free(plan);
}

/* t - a - z_bn, t - m, and their sum: the converter's order of the two (TensorFlow 2.21). */
static void operators_come_in_the_converters_order(void **state) {
    (void)state;
    struct model *model = chain_begin();
    chain_conv2d(model, "t", 4, 5, 3, PADDING_SAME, ACTIVATION_LINEAR);
    chain_conv2d(model, "a", 4, 1, 1, PADDING_SAME, ACTIVATION_LINEAR);
    chain_normalization(model, "z_bn", true);
    chain_branch(model, "t");
    chain_conv2d(model, "m", 4, 3, 1, PADDING_SAME, ACTIVATION_LINEAR);
    chain_add(model, "add", "z_bn");
    end(model);
    assert_order(model, scheme_find("tfmot"), "t a m add g z z/softmax");
    assert_order(model, scheme_find("qatop"), "t a m add g z z/softmax");
    assert_order(model, &scheme_ptq, "t m a add g z z/softmax");
    model_free(model);
    model = chain_begin();
    chain_conv2d(model, "t", 4, 5, 3, PADDING_SAME, ACTIVATION_LINEAR);
    chain_conv2d(model, "conv_9", 4, 3, 1, PADDING_SAME, ACTIVATION_LINEAR);
    chain_branch(model, "t");
    chain_conv2d(model, "conv-x", 4, 1, 1, PADDING_SAME, ACTIVATION_LINEAR);
    chain_add(model, "first", "conv_9");
    chain_branch(model, "t");
    chain_conv2d(model, "conv_10", 4, 1, 1, PADDING_SAME, ACTIVATION_LINEAR);
    chain_add(model, "Add", "first");
    chain_branch(model, "t");
    chain_conv2d(model, "conv", 4, 7, 1, PADDING_SAME, ACTIVATION_LINEAR);
    chain_add(model, "add", "Add");
    end(model);
    assert_order(model, scheme_find("tfmot"),
                 "t conv-x conv conv_10 conv_9 first Add add g z z/softmax");
    assert_order(model, &scheme_ptq, "t conv-x conv conv_10 conv_9 first Add add g z z/softmax");
    model_free(model);
}

/* Operators as the TFLite converter orders them for the same layers. */
static void a_range_reaches_back_to_the_last_one_through_what_keeps_scales(void **state) {
    (void)state;
    struct model *model = chain_begin();
    chain_conv2d(model, "c", 4, 3, 1, PADDING_VALID, ACTIVATION_TANH);
    chain_max_pooling(model, "m", 2);
    chain_average(model, "a", 2, PADDING_VALID);
    end(model);
    assert_operators(model, "tfmot",
                     "CONV_2D TANH QUANTIZE MAX_POOL_2D AVERAGE_POOL_2D MEAN FULLY_CONNECTED "
                     "SOFTMAX");
    assert_operators(model, "qatop",
                     "CONV_2D TANH MAX_POOL_2D AVERAGE_POOL_2D MEAN FULLY_CONNECTED SOFTMAX");
    model_free(model);
    model = chain_begin();
    chain_conv2d(model, "c", 4, 3, 1, PADDING_VALID, ACTIVATION_RELU);
    chain_max_pooling(model, "m", 2);
    chain_padding(model, "p", (const int[]){1, 1, 1, 1});
    chain_average(model, "a", 2, PADDING_VALID);
    chain_average(model, "b", 2, PADDING_VALID);
    chain_max_pooling(model, "n", 2);
    end(model);
    assert_operators(model, "tfmot",
                     "CONV_2D+relu MAX_POOL_2D QUANTIZE PAD AVERAGE_POOL_2D AVERAGE_POOL_2D "
                     "QUANTIZE MAX_POOL_2D MEAN FULLY_CONNECTED SOFTMAX");
    model_free(model);
}

static void a_relu_after_max_pooling_joins_it(void **state) {
    (void)state;
    struct model *model = chain_begin();
    chain_max_pooling(model, "m", 2);
    chain_layer(model, LAYER_RELU, "r", ACTIVATION_RELU);
    chain_conv2d(model, "c", 4, 3, 1, PADDING_VALID, ACTIVATION_SIGMOID);
    chain_max_pooling(model, "n", 2);
    chain_layer(model, LAYER_ACTIVATION, "six", ACTIVATION_RELU6);
    chain_layer(model, LAYER_ACTIVATION, "s", ACTIVATION_TANH);
    chain_layer(model, LAYER_RELU, "t", ACTIVATION_RELU6);
    end(model);
    assert_operators(model, "tfmot",
                     "MAX_POOL_2D+relu QUANTIZE CONV_2D LOGISTIC QUANTIZE MAX_POOL_2D+relu6 TANH "
                     "RELU6 MEAN FULLY_CONNECTED SOFTMAX");
    assert_operators(model, "qatop",
                     "MAX_POOL_2D+relu CONV_2D LOGISTIC MAX_POOL_2D+relu6 TANH RELU6 MEAN "
                     "FULLY_CONNECTED SOFTMAX");
    assert_plan(model, "qatop", "c/kernel c/out t/out" END);
    model_free(model);
}

static void a_range_ends_where_a_relu_does(void **state) {
    (void)state;
    struct model *model = conv_with(false, LAYER_RELU, ACTIVATION_RELU);
    model->layers[2].limit = 0.5f;
    struct quant_plan *plan = plan_of(model, "qatop");
    struct frozen *frozen = frozen_of(model, plan);
    const struct frozen_operator *op = &frozen->operators[0];
    assert_int_equal(op->code, OP_CONV_2D);
    assert_int_equal(op->activation, FUSED_RELU);
    assert_near(frozen->tensors[op->outputs[0]].scale[0], 1.5 / 255, 1e-9); /* of -1 to 0.5 */
    frozen_free(frozen);
    quant_plan_free(plan);
    model_free(model);
}

static void what_moves_values_only_keeps_their_scale(void **state) {
    (void)state;
    struct model *model = chain_begin();
    chain_padding(model, "p", (const int[]){1, 0, 2, 3});
    chain_conv2d(model, "c", 4, 5, 3, PADDING_VALID, ACTIVATION_RELU);
    chain_reshape(model, "s", (struct shape){.rank = 3, .size = {-1, 1, 4}});
    chain_layer(model, LAYER_GLOBAL_MAX_POOLING2D, "g", ACTIVATION_LINEAR);
    chain_reshape(model, "same", (struct shape){.rank = 1, .size = {4}});
    chain_dense(model, "z", 10, ACTIVATION_SOFTMAX);
    chain_finish(model, 3);
    assert_plan(model, "tfmot", "c/kernel c/out z/kernel z/out");
    assert_operators(model, "tfmot", "PAD CONV_2D+relu RESHAPE REDUCE_MAX FULLY_CONNECTED SOFTMAX");
    model_free(model);
}

/* gamma / sqrt(variance + epsilon) is 2, -0.5, 0 and 1 for the four filters. */
static void normalization_is_folded_into_weights_and_bias(void **state) {
    (void)state;
    struct model *model = conv_with(true, LAYER_RELU, ACTIVATION_RELU);
    const struct layer *conv = &model->layers[1];
    const struct normalization *by = &model->layers[2].normalization;
    static const float factors[] = {2, -0.5f, 0, 1}, mean[] = {1, 2, 3, 0}, beta[] = {0, 1, 2, 3};
    for (size_t c = 0; c < 4; c++) {
        model->weights[model->parameters[by->gamma].offset + c] = factors[c];
        model->weights[model->parameters[by->beta].offset + c] = beta[c];
        model->weights[model->parameters[by->moving_mean].offset + c] = mean[c];
        model->weights[model->parameters[by->moving_variance].offset + c] = 1 - 0.001f;
        model->weights[model->parameters[conv->bias].offset + c] = 0.5f;
    }
    struct quant_plan *plan = plan_of(model, "tfmot");
    struct frozen *frozen = frozen_of(model, plan);
    const struct frozen_operator *op = &frozen->operators[0];
    const struct frozen_tensor *kernel = &frozen->tensors[op->inputs[1]];
    const struct frozen_tensor *bias = &frozen->tensors[op->inputs[2]];
    const float *w = model->weights + model->parameters[conv->kernel].offset;
    for (size_t c = 0; c < 4; c++) {
        double largest = 0, input_scale = (double)frozen->tensors[op->inputs[0]].scale[0];
        for (size_t i = 0; i < 25; i++) largest = fmax(largest, fabs((double)w[i * 4 + c]));
        double scale = largest / 127 * fabs((double)factors[c]);
        if (c == 2) scale = 1e-6 / 254;
        assert_near(kernel->scale[c], scale, 1e-6 * scale);
        for (size_t i = 0; i < 25; i++) {
            double q = (double)w[i * 4 + c] * (double)factors[c] / scale;
            assert_near(((const int8_t *)kernel->data)[c * 25 + i], q, 0.51);
        }
        double b = ((0.5 - (double)mean[c]) * (double)factors[c] + (double)beta[c]) /
                   (input_scale * scale);
        assert_near(((const int32_t *)bias->data)[c], fmin(b, INT32_MAX), 1 + 1e-6 * fabs(b));
    }
    frozen_free(frozen);
    quant_plan_free(plan);
    model_free(model);
}

static void statistics_that_are_not_finite_are_refused_by_layer(void **state) {
    (void)state;
    struct model *model = conv_with(true, LAYER_RELU, ACTIVATION_RELU);
    const struct normalization *by = &model->layers[2].normalization;
    model->weights[model->parameters[by->moving_variance].offset] = -1;
    struct quant_plan *plan = plan_of(model, "tfmot");
    struct range ranges[32] = {{0, 0}};
    struct snapshot *snapshot = snapshot_create(model, plan, 0, model->weights, ranges);
    struct frozen *frozen;
    struct error error;
    assert_int_equal(freeze(snapshot, IO_INT8, &frozen, &error), STATUS_DIVERGED);
    assert_string_equal(error.where, "n");
    snapshot_release(snapshot);
    quant_plan_free(plan);
    model_free(model);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(normalization_and_relu_join_a_convolution),
    cmocka_unit_test(activation_relu6_joins_in_our_scheme_only),
    cmocka_unit_test(normalization_after_dense_keeps_a_range_before_relu_as_tfmot_does),
    cmocka_unit_test(depthwise_kernels_have_a_range_per_filter_or_per_output),
    cmocka_unit_test(averages_have_ranges_in_tfmots_scheme),
    cmocka_unit_test(a_relu_joins_a_sum),
    cmocka_unit_test(nothing_joins_what_others_read_as_well),
    cmocka_unit_test(what_no_pattern_covers_is_refused_by_layer_name),
    cmocka_unit_test(sigmoid_and_tanh_have_a_range_before_them),
    cmocka_unit_test(what_the_converter_leaves_in_float_is_refused_by_tfmots_scheme_only),
    cmocka_unit_test(what_joins_in_training_is_one_operator),
    cmocka_unit_test(operators_come_in_the_converters_order),
    cmocka_unit_test(a_range_reaches_back_to_the_last_one_through_what_keeps_scales),
    cmocka_unit_test(a_relu_after_max_pooling_joins_it),
    cmocka_unit_test(a_range_ends_where_a_relu_does),
    cmocka_unit_test(what_moves_values_only_keeps_their_scale),
    cmocka_unit_test(normalization_is_folded_into_weights_and_bias),
    cmocka_unit_test(statistics_that_are_not_finite_are_refused_by_layer),
};
TEST_MAIN(tests)
