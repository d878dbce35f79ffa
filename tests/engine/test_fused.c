/* A convolution with the max pooling after it fused in gives what the two give one after the
 * other; where they cannot be fused they are not. */
#include "test.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "engine/dot.h"
#include "engine/engine.h"

enum { HEIGHT = 11, WIDTH = 10, CHANNELS = 19, WEIGHTS = CHANNELS * 3 * 3 * CHANNELS, BATCH = 3 };

static char unnamed[] = "";
static int8_t weights[WEIGHTS], input[BATCH][HEIGHT * WIDTH * CHANNELS];
static int32_t bias[CHANNELS];
static float scale_in[] = {0.02f}, scale_weights[] = {0.01f}, scale_out[] = {0.05f};
static int32_t zero_in[] = {-7}, zero_weights[] = {0}, zero_out[] = {-20};

static struct frozen_tensor activation(int height, int width, float *scale, int32_t *zero) {
    return (struct frozen_tensor){.name = unnamed,
                                  .type = TYPE_INT8,
                                  .rank = 4,
                                  .shape = {1, height, width, CHANNELS},
                                  .has_batch = true,
                                  .scale_count = 1,
                                  .scale = scale,
                                  .zero_point = zero};
}

/* 0 the input, 1 the first operator's output, 2 the pooling's, 3 weights, 4 bias, 5 RELU of 1 */
struct network {
    struct frozen_tensor tensors[6];
    struct frozen_operator operators[3];
    struct frozen frozen;
};

static int positions(int size, int window, int stride, enum frozen_padding padding) {
    return padding == FROZEN_SAME ? (size + stride - 1) / stride : (size - window) / stride + 1;
}

static struct frozen_tensor weights_of(enum frozen_op code) {
    struct frozen_tensor tensor = {.name = unnamed,
                                   .type = TYPE_INT8,
                                   .rank = 4,
                                   .shape = {CHANNELS, 3, 3, CHANNELS},
                                   .scale_count = 1,
                                   .scale = scale_weights,
                                   .zero_point = zero_weights,
                                   .data = weights};
    if (code == OP_DEPTHWISE_CONV_2D) tensor.shape[0] = 1;
    if (code == OP_FULLY_CONNECTED) {
        tensor.rank = 2;
        tensor.shape[1] = CHANNELS;
    }
    tensor.data_bytes = frozen_tensor_count(&tensor);
    return tensor;
}

/* An operator of this code on every position, then the pooling. */
static void network_make(struct network *network, enum frozen_op code,
                         const struct frozen_operator *pool, bool second_reader) {
    int height = positions(HEIGHT, pool->filter_height, pool->stride_y, pool->padding);
    int width = positions(WIDTH, pool->filter_width, pool->stride_x, pool->padding);
    *network = (struct network){
        .tensors = {activation(HEIGHT, WIDTH, scale_in, zero_in),
                    activation(HEIGHT, WIDTH, scale_out, zero_out),
                    activation(height, width, scale_out, zero_out),
                    weights_of(code),
                    {.name = unnamed,
                     .type = TYPE_INT32,
                     .rank = 1,
                     .shape = {CHANNELS},
                     .data = bias,
                     .data_bytes = sizeof bias},
                    activation(HEIGHT, WIDTH, scale_out, zero_out)},
        .operators = {{.code = code,
                       .inputs = {0, 3, 4},
                       .input_count = 3,
                       .outputs = {1},
                       .padding = FROZEN_SAME,
                       .stride_x = 1,
                       .stride_y = 1,
                       .dilation_x = 1,
                       .dilation_y = 1,
                       .depth_multiplier = 1},
                      *pool,
                      {.code = OP_RELU, .inputs = {1}, .input_count = 1, .outputs = {5}}},
    };
    network->frozen = (struct frozen){.tensors = network->tensors,
                                      .tensor_count = second_reader ? 6 : 5,
                                      .operators = network->operators,
                                      .operator_count = second_reader ? 3 : 2,
                                      .input = 0,
                                      .output = second_reader ? 5 : 2,
                                      .input_name = unnamed,
                                      .output_name = unnamed,
                                      .description = unnamed};
}

static int8_t *run(struct frozen *frozen, enum runtime runtime, bool *fused) {
    struct engine *engine;
    struct error error;
    assert_ok(engine_create(&engine, frozen, runtime, BATCH, "by hand", &error), &error);
    int8_t *output = malloc(BATCH * engine_output_count(engine));
    engine_run(engine, NULL, BATCH, input, output);
    *fused = !engine_tensor(engine, 1);
    engine_destroy(engine);
    return output;
}

/* The largest of each window that lies in the image, from `least` on. */
static void assert_pooled(const struct frozen_operator *pool, const struct frozen_tensor *output,
                          int least, const int8_t *x, const int8_t *got) {
    int height = output->shape[1], width = output->shape[2];
    int above = (height - 1) * pool->stride_y + pool->filter_height - HEIGHT;
    int left = (width - 1) * pool->stride_x + pool->filter_width - WIDTH;
    above = above > 0 ? above / 2 : 0;
    left = left > 0 ? left / 2 : 0;
    for (int i = 0; i < height * width * CHANNELS; i++) {
        int c = i % CHANNELS, column = i / CHANNELS % width, row = i / CHANNELS / width;
        int most = least;
        for (int y = row * pool->stride_y - above;
             y < row * pool->stride_y - above + pool->filter_height; y++)
            for (int x_at = column * pool->stride_x - left;
                 x_at < column * pool->stride_x - left + pool->filter_width; x_at++)
                if (y >= 0 && y < HEIGHT && x_at >= 0 && x_at < WIDTH &&
                    x[(y * WIDTH + x_at) * CHANNELS + c] > most)
                    most = x[(y * WIDTH + x_at) * CHANNELS + c];
        assert_int_equal(got[i], most);
    }
}

static void check(enum runtime runtime, enum frozen_op code, const struct frozen_operator *pool,
                  bool want_fused) {
    struct network network;
    bool fused, unused;
    network_make(&network, code, pool, false);
    size_t count = frozen_tensor_count(&network.tensors[2]);
    int8_t *got = run(&network.frozen, runtime, &fused);
    assert_int_equal(fused, want_fused);
    network.frozen.output = 1;
    network.frozen.operator_count = 1;
    int8_t *between = run(&network.frozen, runtime, &unused);
    int least = pool->activation == FUSED_RELU ? zero_out[0] : -128;
    for (int digit = 0; digit < BATCH; digit++)
        assert_pooled(pool, &network.tensors[2], least, between + digit * HEIGHT * WIDTH * CHANNELS,
                      got + (size_t)digit * count);
    free(between);
    free(got);
}

static struct frozen_operator max_pool(int height, int width, int stride_y, int stride_x,
                                       enum frozen_padding padding) {
    return (struct frozen_operator){.code = OP_MAX_POOL_2D,
                                    .inputs = {1},
                                    .input_count = 1,
                                    .outputs = {2},
                                    .padding = padding,
                                    .filter_height = height,
                                    .filter_width = width,
                                    .stride_y = stride_y,
                                    .stride_x = stride_x,
                                    .dilation_x = 1,
                                    .dilation_y = 1};
}

static void fill(void) {
    uint32_t words[4];
    for (uint32_t i = 0; i < WEIGHTS; i++) {
        random_philox(3, RANDOM_TEST, 2, i, words);
        weights[i] = (int8_t)(words[0] % 255 - 127);
        if (i < CHANNELS) bias[i] = (int32_t)words[1] >> 18;
        for (int digit = 0; digit < BATCH; digit++)
            if (i < sizeof input[0]) input[digit][i] = (int8_t)(words[2] >> 8 * digit);
    }
}

static void with_every_set(void (*run_checks)(enum runtime runtime)) {
    const struct dot_kernels *kernels;
    fill();
    for (int i = 0; (kernels = dot_kernels_set(i)); i++) {
        dot_kernels_force(kernels);
        run_checks(RUNTIME_REF);
        run_checks(RUNTIME_XNN);
    }
    dot_kernels_force(NULL);
}

static void check_fused(enum runtime runtime) {
    for (int i = 0; i < 2; i++) {
        enum frozen_op code = i ? OP_DEPTHWISE_CONV_2D : OP_CONV_2D;
        struct frozen_operator usual = max_pool(2, 2, 2, 2, FROZEN_VALID);
        struct frozen_operator large = max_pool(3, 3, 3, 3, FROZEN_VALID);
        struct frozen_operator flat = max_pool(1, 5, 1, 5, FROZEN_VALID);
        struct frozen_operator tall = max_pool(11, 2, 11, 2, FROZEN_SAME);
        check(runtime, code, &usual, true);
        check(runtime, code, &large, true);
        check(runtime, code, &flat, true);
        check(runtime, code, &tall, true);
    }
}

static void check_apart(enum runtime runtime) {
    for (int i = 0; i < 2; i++) {
        enum frozen_op code = i ? OP_DEPTHWISE_CONV_2D : OP_CONV_2D;
        struct frozen_operator overlapping = max_pool(2, 2, 1, 1, FROZEN_VALID);
        struct frozen_operator cut = max_pool(2, 3, 2, 3, FROZEN_SAME);
        struct frozen_operator huge = max_pool(10, 10, 10, 10, FROZEN_VALID);
        struct frozen_operator rectified = max_pool(2, 2, 2, 2, FROZEN_VALID);
        rectified.activation = FUSED_RELU;
        check(runtime, code, &overlapping, false);
        check(runtime, code, &cut, false);
        check(runtime, code, &huge, false);
        check(runtime, code, &rectified, false);
    }
    /* A factor above 1: its shift to the left might throw bits away. */
    struct frozen_operator usual = max_pool(2, 2, 2, 2, FROZEN_VALID);
    scale_out[0] = 0.0001f;
    check(runtime, OP_CONV_2D, &usual, false);
    scale_out[0] = 0.05f;
}

/* Its rows do not lie in a padded input. */
static void check_dense(enum runtime runtime) {
    struct frozen_operator usual = max_pool(2, 2, 2, 2, FROZEN_VALID);
    check(runtime, OP_FULLY_CONNECTED, &usual, false);
}

/* RELU reads what lies between. */
static void check_second_reader(enum runtime runtime) {
    struct frozen_operator usual = max_pool(2, 2, 2, 2, FROZEN_VALID);
    struct network network;
    bool fused;
    network_make(&network, OP_CONV_2D, &usual, true);
    int8_t *got = run(&network.frozen, runtime, &fused);
    assert_false(fused);
    network.frozen.output = 1;
    network.frozen.operator_count = 1;
    int8_t *between = run(&network.frozen, runtime, &fused);
    for (int i = 0; i < BATCH * HEIGHT * WIDTH * CHANNELS; i++)
        assert_int_equal(got[i], between[i] > zero_out[0] ? between[i] : zero_out[0]);
    free(between);
    free(got);
}

static void fused_pooling_equals_pooling_after_the_convolution(void **state) {
    (void)state;
    with_every_set(check_fused);
}

static void pooling_that_cannot_be_fused_is_not(void **state) {
    (void)state;
    with_every_set(check_apart);
}

static void pooling_after_a_fully_connected_of_4_dimensions_is_not_fused(void **state) {
    (void)state;
    with_every_set(check_dense);
}

static void what_another_operator_reads_is_not_fused_away(void **state) {
    (void)state;
    with_every_set(check_second_reader);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(fused_pooling_equals_pooling_after_the_convolution),
    cmocka_unit_test(pooling_that_cannot_be_fused_is_not),
    cmocka_unit_test(pooling_after_a_fully_connected_of_4_dimensions_is_not_fused),
    cmocka_unit_test(what_another_operator_reads_is_not_fused_away),
};
TEST_MAIN(tests)
