/* QUANTIZE and DEQUANTIZE. */
#include <math.h>

#include "engine/internal.h"

int32_t quantize_value(float x, float scale, int32_t zero_point, int32_t low, int32_t high,
                       bool half_even) {
    float scaled = half_even ? x * (1.0f / scale) : x / scale;
    float least = (float)(low - zero_point), most = (float)(high - zero_point);
    if (!(scaled > least)) return low; /* NaN too */
    if (scaled >= most) return high;
    if (!half_even) return fixed_round((double)scaled) + zero_point;
    const float magic = 12582912.0f; /* 1.5 * 2^23: what is added rounds half to even */
    float shifted = scaled + magic;
    return (int32_t)(shifted - magic) + zero_point;
}

static void run_from_float(const struct engine *engine, const struct step *step, size_t begin,
                           size_t end, unsigned char *scratch) {
    (void)scratch;
    size_t count = (end - begin) * step->output->count;
    unsigned char *out = step->output->data + begin * step->output->bytes;
    bool is_first = step->input == &engine->slots[engine->frozen->input];
    if (is_first && engine->pixels && engine->pixels_quantized) {
        const unsigned char *pixels = engine->pixels + begin * step->output->count;
        engine->kernels->look_up(&step->table, count, pixels, out);
        return;
    }
    const float *x = (const float *)(const void *)step->input->data + begin * step->input->count;
    for (size_t i = 0; i < count; i++)
        out[i] = (unsigned char)quantize_value(x[i], step->scale_out, step->zero_out, step->low,
                                               step->high, step->half_even);
}

void run_table(const struct engine *engine, const struct step *step, size_t begin, size_t end,
               unsigned char *scratch) {
    (void)scratch;
    engine->kernels->look_up(&step->table, (end - begin) * step->output->count,
                             step->input->data + begin * step->input->bytes,
                             step->output->data + begin * step->output->bytes);
}

static void run_dequantize(const struct engine *engine, const struct step *step, size_t begin,
                           size_t end, unsigned char *scratch) {
    (void)engine, (void)scratch;
    const unsigned char *x = step->input->data + begin * step->input->bytes;
    float *out = (float *)(void *)step->output->data + begin * step->output->count;
    const int8_t *q = (const int8_t *)x;
    bool is_signed = step->low < 0;
    for (size_t i = 0; i < (end - begin) * step->output->count; i++)
        out[i] = (float)((double)step->scale_in * ((is_signed ? q[i] : x[i]) - step->zero_in));
}

static bool is_byte(const struct frozen_tensor *tensor) {
    return tensor->type == TYPE_INT8 || tensor->type == TYPE_UINT8;
}

static bool same_count(struct planner *planner) {
    if (planner->step->input->count != planner->step->output->count)
        return plan_refuse(planner, STATUS_FORMAT, "input and output differ in size");
    return true;
}

/* XNNPACK's conversion between two int8 scales has 8 fractional bits. */
static int32_t convert_eight_bits(int32_t x, const struct step *step, float ratio) {
    int32_t multiplier = (int32_t)lrint(256.0 * (double)ratio);
    return (step->zero_out * 256 + 128 - multiplier * step->zero_in + multiplier * x) >> 8;
}

/* From byte to byte there are 256 cases. */
static bool plan_requantize(struct planner *planner) {
    struct step *step = planner->step;
    const struct frozen_tensor *input = planner->input, *output = planner->output;
    bool is_signed = input->type == TYPE_INT8;
    float ratio = input->scale[0] / output->scale[0];
    struct fixed factor;
    step->zero_in = input->zero_point[0];
    if (!plan_factor(planner, (double)input->scale[0] / (double)output->scale[0], &factor))
        return false;
    bool eight_bits = planner->engine->runtime == RUNTIME_XNN && input->type == output->type &&
                      ratio >= 1.0f / 256 && ratio <= 128.0f;
    for (int byte = 0; byte < 256; byte++) {
        int32_t x = is_signed ? (int8_t)(byte < 128 ? byte : byte - 256) : byte;
        int32_t q = eight_bits ? convert_eight_bits(x, step, ratio)
                               : fixed_add(fixed_scale(x - step->zero_in, factor), step->zero_out);
        step->table.bytes[byte] = (unsigned char)fixed_clamp(q, step->low, step->high);
    }
    dot_table_finish(&step->table);
    step->run = run_table;
    return true;
}

bool plan_quantize(struct planner *planner) {
    struct step *step = planner->step;
    const struct frozen_tensor *input = planner->input, *output = planner->output;
    if (!is_byte(output) || output->scale_count != 1)
        return plan_refuse(planner, STATUS_UNSUPPORTED,
                           "its output is not int8 or uint8 of one scale");
    if (!same_count(planner)) return false;
    step->scale_out = output->scale[0];
    step->zero_out = output->zero_point[0];
    step->low = output->type == TYPE_INT8 ? -128 : 0;
    step->high = step->low + 255;
    step->half_even = planner->engine->runtime == RUNTIME_XNN;
    if (is_byte(input) && input->scale_count == 1) return plan_requantize(planner);
    if (input->type != TYPE_FLOAT32)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its input is not float32, int8 or uint8");
    for (int pixel = 0; pixel < 256; pixel++)
        step->table.bytes[pixel] =
            (unsigned char)quantize_value((float)pixel / 255.0f, step->scale_out, step->zero_out,
                                          step->low, step->high, step->half_even);
    dot_table_finish(&step->table);
    step->run = run_from_float;
    return true;
}

bool plan_dequantize(struct planner *planner) {
    struct step *step = planner->step;
    const struct frozen_tensor *input = planner->input;
    if (!is_byte(input) || input->scale_count != 1)
        return plan_refuse(planner, STATUS_UNSUPPORTED,
                           "its input is not int8 or uint8 of one scale");
    if (planner->output->type != TYPE_FLOAT32)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its output is not float32");
    if (!same_count(planner)) return false;
    step->scale_in = input->scale[0];
    step->zero_in = input->zero_point[0];
    step->low = input->type == TYPE_INT8 ? -128 : 0;
    step->run = run_dequantize;
    return true;
}
