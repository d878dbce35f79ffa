/* FULLY_CONNECTED on int8. */
#include "engine/operators.h"
#include "engine/product.h"

struct fully_connected {
    struct product product;
    size_t rows, inputs; /* rows of one image, values of one row */
    int32_t zero_in;
    uint32_t *row_offset; /* [PRODUCT_ROWS] */
};

static void run_fully_connected(const struct engine *engine, const struct step *step, size_t begin,
                                size_t end, unsigned char *scratch) {
    const struct fully_connected *dense = step->own;
    int32_t *sums = (int32_t *)(void *)scratch;
    unsigned char *packed = scratch + product_sum_bytes(&dense->product);
    size_t inputs = dense->inputs, channels = (size_t)dense->product.stage.scale.channels;
    const int8_t *x = step_input(step, begin);
    int8_t *out = step_output(step, begin);
    for (size_t rows = (end - begin) * dense->rows; rows;) {
        size_t some = rows < PRODUCT_ROWS ? rows : PRODUCT_ROWS;
        engine->kernels->pack(some * inputs, x, dense->zero_in, packed);
        product_rows(engine, &dense->product, packed, some, dense->row_offset, sums, out);
        x += some * inputs;
        out += some * channels;
        rows -= some;
    }
}

bool plan_fully_connected(struct planner *planner) {
    struct step *step = planner->step;
    const struct dot_kernels *kernels = planner->engine->kernels;
    const struct frozen_tensor *weights, *bias;
    struct fully_connected *dense = plan_own(planner, sizeof *dense);
    if (!dense || !plan_int8_only(planner) || !plan_weights(planner, 2, &weights, &bias))
        return false;
    int channels = weights->shape[0], inputs = weights->shape[1];
    size_t in = step->input->count;
    if (in % (size_t)inputs || step->output->count != in / (size_t)inputs * (size_t)channels)
        return plan_refuse(planner, STATUS_FORMAT, "input, weights and output do not fit together");
    size_t row_bytes = (size_t)inputs * (size_t)kernels->activation_bytes;
    if (row_bytes > INT32_MAX / PRODUCT_ROWS)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its weights have too many inputs");
    struct int8_range range = plan_int8_range(planner);
    dense->rows = in / (size_t)inputs;
    dense->inputs = (size_t)inputs;
    dense->zero_in = range.zero_in;
    struct product *product = &dense->product;
    if (!plan_constants(planner, weights, bias, channels, 0) ||
        !plan_dot(planner, product, weights, bias, channels, 1, inputs, range.zero_in) ||
        !plan_output_stage(planner, &product->stage, weights, channels, range))
        return false;
    if (planner->engine->runtime == RUNTIME_REF) product->stage.store = kernels->output_exact;
    uint32_t *segment_offset = plan_memory(planner, 1, sizeof *segment_offset);
    dense->row_offset = plan_memory(planner, PRODUCT_ROWS, sizeof *dense->row_offset);
    if (!segment_offset || !dense->row_offset) return false;
    for (size_t row = 0; row < PRODUCT_ROWS; row++)
        dense->row_offset[row] = (uint32_t)(row * row_bytes);
    product->dot.segment_offset = segment_offset;
    step->scratch_bytes = product_sum_bytes(product) + PRODUCT_ROWS * row_bytes + 64;
    step->run = run_fully_connected;
    return true;
}
