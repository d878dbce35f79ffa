/* RELU, RELU6 and RELU_N1_TO_1. */
#include <math.h>
#include <string.h>

#include "engine/operators.h"

/* The limits in real numbers. */
static struct float_range range_of(enum frozen_op code) {
    return (struct float_range){code == OP_RELU_N1_TO_1 ? -1 : 0, code == OP_RELU6 ? 6
                                                                  : code == OP_RELU_N1_TO_1
                                                                      ? 1
                                                                      : INFINITY};
}

/* round(value / scale) + zero point, in int8. */
static int32_t limit_of(float value, const struct frozen_tensor *output) {
    float steps = roundf(value / output->scale[0]);
    float least = (float)(-128 - output->zero_point[0]),
          most = (float)(127 - output->zero_point[0]);
    steps = steps < least ? least : steps > most ? most : steps;
    return output->zero_point[0] + (int32_t)steps;
}

bool plan_relu(struct planner *planner) {
    const struct frozen_tensor *input = planner->input, *output = planner->output;
    struct fixed factor;
    if (!plan_int8_only(planner) || !plan_same_size(planner) ||
        !plan_factor(planner, (double)(input->scale[0] / output->scale[0]), &factor))
        return false;
    struct dot_table *table = plan_table(planner);
    if (!table) return false;
    struct float_range range = range_of(planner->op->code);
    int32_t low = limit_of(range.low, output), high = limit_of(range.high, output);
    for (int byte = 0; byte < 256; byte++) {
        int32_t x = byte_as_int8(byte) - input->zero_point[0];
        int64_t q = (int64_t)fixed_scale(x, factor) + output->zero_point[0];
        table->bytes[byte] = (unsigned char)fixed_clamp(q, low, high);
    }
    dot_table_finish(table);
    return true;
}

/* ---- float32 ---- */

static void run_float(const struct engine *engine, const struct step *step, size_t begin,
                      size_t end, unsigned char *scratch) {
    (void)engine, (void)scratch;
    const struct float_range *range = step->own;
    size_t count = (end - begin) * step->output->count;
    float *out = step_output_float(step, begin);
    memcpy(out, step_input_float(step, begin), count * sizeof *out);
    clamp_floats(*range, count, out);
}

bool plan_relu_float(struct planner *planner) {
    struct float_range *range = plan_own(planner, sizeof *range);
    if (!range || !plan_float_only(planner) || !plan_same_size(planner)) return false;
    *range = range_of(planner->op->code);
    planner->step->run = run_float;
    return true;
}
