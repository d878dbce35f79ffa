/* QUANTIZE and DEQUANTIZE. */
#include "engine/quantize.h"

#include <math.h>

#include "engine/operators.h"

struct quantize {
    float scale;
    int32_t zero_point, low, high;
    bool half_even;         /* XNNPACK's way */
    struct dot_table table; /* of bytes of samples */
};

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

static void run_quantize(const struct engine *engine, const struct step *step, size_t begin,
                         size_t end, unsigned char *scratch) {
    (void)scratch;
    const struct quantize *quantize = step->own;
    size_t count = (end - begin) * step->output->count;
    unsigned char *out = step->output->data + begin * step->output->bytes;
    bool is_first = step->input == &engine->slots[engine->frozen->input];
    if (is_first && engine_skips_input(engine)) {
        const unsigned char *bytes =
            engine->samples.bytes + (engine->first + begin) * step->output->count;
        engine->kernels->look_up(&quantize->table, count, bytes, out);
        return;
    }
    const float *x = step_input_float(step, begin);
    for (size_t i = 0; i < count; i++)
        out[i] = (unsigned char)quantize_value(x[i], quantize->scale, quantize->zero_point,
                                               quantize->low, quantize->high, quantize->half_even);
}

void quantize_tabulate(const struct engine *engine, struct step *step, const float values[256]) {
    if (step->run != run_quantize || step->input != &engine->slots[engine->frozen->input]) return;
    struct quantize *quantize = step->own;
    for (int byte = 0; byte < 256; byte++)
        quantize->table.bytes[byte] =
            (unsigned char)quantize_value(values[byte], quantize->scale, quantize->zero_point,
                                          quantize->low, quantize->high, quantize->half_even);
    dot_table_finish(&quantize->table);
}

static bool is_byte(const struct frozen_tensor *tensor) {
    return tensor->type == TYPE_INT8 || tensor->type == TYPE_UINT8;
}

/* int8 or uint8 with one scale, and of the other tensor's size. */
static bool plan_bytes(struct planner *planner, const struct frozen_tensor *tensor,
                       const char *refusal) {
    if (!is_byte(tensor) || tensor->scale_count != 1)
        return plan_refuse(planner, STATUS_UNSUPPORTED, refusal);
    return plan_same_size(planner);
}

/* XNNPACK's conversion between two int8 scales has 8 fractional bits. */
static int32_t convert_eight_bits(int32_t x, int32_t zero_in, int32_t zero_out, float ratio) {
    int32_t multiplier = (int32_t)lrint(256.0 * (double)ratio);
    return (zero_out * 256 + 128 - multiplier * zero_in + multiplier * x) >> 8;
}

/* From byte to byte. */
static bool plan_requantize(struct planner *planner, int32_t low, int32_t high) {
    const struct frozen_tensor *input = planner->input, *output = planner->output;
    int32_t zero_in = input->zero_point[0], zero_out = output->zero_point[0];
    bool is_signed = input->type == TYPE_INT8;
    float ratio = input->scale[0] / output->scale[0];
    struct fixed factor;
    if (!plan_factor(planner, (double)input->scale[0] / (double)output->scale[0], &factor))
        return false;
    struct dot_table *table = plan_table(planner);
    if (!table) return false;
    bool eight_bits = planner->engine->runtime == RUNTIME_XNN && input->type == output->type &&
                      ratio >= 1.0f / 256 && ratio <= 128.0f;
    for (int byte = 0; byte < 256; byte++) {
        int32_t x = is_signed ? byte_as_int8(byte) : byte;
        int32_t q = eight_bits ? convert_eight_bits(x, zero_in, zero_out, ratio)
                               : fixed_add(fixed_scale(x - zero_in, factor), zero_out);
        table->bytes[byte] = (unsigned char)fixed_clamp(q, low, high);
    }
    dot_table_finish(table);
    return true;
}

bool plan_quantize(struct planner *planner) {
    const struct frozen_tensor *input = planner->input, *output = planner->output;
    if (!plan_bytes(planner, output, "its output is not int8 or uint8 with one scale"))
        return false;
    int32_t low = output->type == TYPE_INT8 ? -128 : 0, high = low + 255;
    if (is_byte(input) && input->scale_count == 1) return plan_requantize(planner, low, high);
    if (input->type != TYPE_FLOAT32)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its input is not float32, int8 or uint8");
    struct quantize *quantize = plan_own(planner, sizeof *quantize);
    if (!quantize) return false;
    quantize->scale = output->scale[0];
    quantize->zero_point = output->zero_point[0];
    quantize->low = low;
    quantize->high = high;
    quantize->half_even = planner->engine->runtime == RUNTIME_XNN;
    planner->step->run = run_quantize;
    return true;
}

/* ---- DEQUANTIZE ---- */

struct dequantize {
    float scale;
    int32_t zero_point;
    bool is_signed;
};

static void run_dequantize(const struct engine *engine, const struct step *step, size_t begin,
                           size_t end, unsigned char *scratch) {
    (void)engine, (void)scratch;
    const struct dequantize *dequantize = step->own;
    const unsigned char *x = step->input->data + begin * step->input->bytes;
    float *out = step_output_float(step, begin);
    const int8_t *q = (const int8_t *)x;
    for (size_t i = 0; i < (end - begin) * step->output->count; i++)
        out[i] = (float)((double)dequantize->scale *
                         ((dequantize->is_signed ? q[i] : x[i]) - dequantize->zero_point));
}

bool plan_dequantize(struct planner *planner) {
    const struct frozen_tensor *input = planner->input;
    if (!plan_bytes(planner, input, "its input is not int8 or uint8 with one scale")) return false;
    if (planner->output->type != TYPE_FLOAT32)
        return plan_refuse(planner, STATUS_UNSUPPORTED, "its output is not float32");
    struct dequantize *dequantize = plan_own(planner, sizeof *dequantize);
    if (!dequantize) return false;
    *dequantize =
        (struct dequantize){input->scale[0], input->zero_point[0], input->type == TYPE_INT8};
    planner->step->run = run_dequantize;
    return true;
}
