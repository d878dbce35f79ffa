#include "engine/planner.h"

#include <math.h>

#include "base/array.h"

bool plan_refuse(struct planner *planner, enum status status, const char *text) {
    if (!planner->status)
        planner->status = error_set(planner->error, status, planner->where, "operator %d (%s): %s",
                                    planner->index, frozen_op_name(planner->op->code), text);
    return false;
}

void *plan_memory(struct planner *planner, size_t count, size_t size) {
    struct step *step = planner->step;
    size_t bytes;
    qt_assert(step->memory_count < (int)(sizeof step->memory / sizeof *step->memory));
    if (!size_multiply(count, size, &bytes) ||
        bytes > MAX_ENGINE_BYTES - planner->engine->planned_bytes) {
        plan_refuse(planner, STATUS_UNSUPPORTED, "it needs tables larger than a gigabyte");
        return NULL;
    }
    planner->engine->planned_bytes += bytes;
    void *memory = array_new(count, size);
    if (memory)
        step->memory[step->memory_count++] = memory;
    else
        planner->status = error_memory(planner->error, planner->where, count * size);
    return memory;
}

void *plan_own(struct planner *planner, size_t size) {
    return planner->step->own = plan_memory(planner, 1, size);
}

const struct frozen_tensor *plan_input(const struct planner *planner, int index) {
    const struct frozen_operator *op = planner->op;
    if (index >= op->input_count || op->inputs[index] < 0) return NULL;
    return &planner->engine->frozen->tensors[op->inputs[index]];
}

const int32_t *plan_int32s(const struct planner *planner, int index, size_t count) {
    return frozen_int32s(planner->engine->frozen, planner->op, index, count);
}

bool plan_int8(struct planner *planner, const struct frozen_tensor *tensor) {
    if (tensor->type != TYPE_INT8)
        return plan_refuse(planner, STATUS_UNSUPPORTED,
                           "only int8 is supported; convert with int8 quantization");
    if (tensor->scale_count != 1)
        return plan_refuse(planner, STATUS_FORMAT, "an int8 tensor needs exactly one scale");
    return true;
}

bool plan_int8_only(struct planner *planner) {
    return plan_int8(planner, planner->input) && plan_int8(planner, planner->output);
}

bool plan_float_only(struct planner *planner) {
    if (planner->output->type != TYPE_FLOAT32)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its input is float32, its output is not");
    return true;
}

bool plan_same_size(struct planner *planner) {
    if (planner->step->input->count != planner->step->output->count)
        return plan_refuse(planner, STATUS_FORMAT, "input and output differ in size");
    return true;
}

bool plan_same_quantization(struct planner *planner) {
    if (planner->input->scale[0] != planner->output->scale[0] ||
        planner->input->zero_point[0] != planner->output->zero_point[0])
        return plan_refuse(planner, STATUS_FORMAT,
                           "input and output differ in scale or zero point");
    return true;
}

bool plan_output_shape(struct planner *planner, int height, int width, int channels) {
    const struct frozen_tensor *output = planner->output;
    if (output->rank != 4 || output->shape[1] != height || output->shape[2] != width ||
        output->shape[3] != channels)
        return plan_refuse(planner, STATUS_FORMAT,
                           "the shape of its output is not the one it computes");
    return true;
}

bool plan_factor(struct planner *planner, double real, struct fixed *fixed) {
    if (!fixed_from_double(real, fixed))
        return plan_refuse(planner, STATUS_FORMAT, "its scales are too far apart");
    return true;
}

struct int8_range plan_int8_range(const struct planner *planner) {
    const struct frozen_tensor *output = planner->output;
    int32_t zero = output->zero_point[0];
    struct int8_range range = {planner->input->zero_point[0], zero, -128, 127};
    if (planner->op->activation == FUSED_NONE) return range;
    if (zero > range.low) range.low = zero;
    if (planner->op->activation == FUSED_RELU) return range;
    /* XNNPACK rounds the limit half to even, TFLite's own kernels away from zero. */
    float six = 6.0f / output->scale[0];
    six = planner->engine->runtime == RUNTIME_XNN ? rintf(six) : roundf(six);
    if (six < (float)(range.high - zero)) range.high = zero + (int32_t)six;
    return range;
}

struct float_range plan_float_range(const struct planner *planner) {
    enum frozen_activation activation = planner->op->activation;
    return (struct float_range){activation == FUSED_NONE ? -INFINITY : 0,
                                activation == FUSED_RELU6 ? 6 : INFINITY};
}

void clamp_floats(struct float_range range, size_t count, float *x) {
    for (size_t i = 0; i < count; i++)
        x[i] = x[i] < range.low ? range.low : x[i] > range.high ? range.high : x[i];
}

static void run_table(const struct engine *engine, const struct step *step, size_t begin,
                      size_t end, unsigned char *scratch) {
    (void)scratch;
    engine->kernels->look_up(step->own, (end - begin) * step->output->count,
                             step->input->data + begin * step->input->bytes,
                             step->output->data + begin * step->output->bytes);
}

struct dot_table *plan_table(struct planner *planner) {
    planner->step->run = run_table;
    return plan_own(planner, sizeof(struct dot_table));
}
