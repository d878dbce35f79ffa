#include "kernel/isa/quantizer.h"

void ISA(fake_quant_tensor)(size_t count, const float *x, const struct fake_quant *by, float *y) {
    const struct quantizer q = quantizer_of(by);
    size_t i = 0;
    if (!q.is_zero && !q.divide)
        for (; i + 4 * V_LANES <= count; i += 4 * V_LANES) quantize_four(&q, x + i, y + i);
    for (; i + V_LANES <= count; i += V_LANES) v_store(y + i, quantize(&q, v_load(x + i)));
    size_t rest = count - i;
    if (rest) v_store_part(y + i, quantize(&q, v_load_part(x + i, rest)), rest);
}

void ISA(fake_quant_tensor_backward)(size_t count, const float *x, const struct fake_quant *by,
                                     bool relu, const float *dy, float *dx) {
    const struct quantizer q = quantizer_of(by);
    size_t i = 0;
    for (; i + V_LANES <= count; i += V_LANES)
        v_store(dx + i, quantizer_gradient(&q, v_load(x + i), relu, v_load(dy + i)));
    size_t rest = count - i;
    if (rest)
        v_store_part(
            dx + i,
            quantizer_gradient(&q, v_load_part(x + i, rest), relu, v_load_part(dy + i, rest)),
            rest);
}

/* Parameters of V_LANES channels, side by side. */
struct channel_lanes {
    vfloat low, high, scale, inverse, zero;
    vmask is_zero;
};

static struct channel_lanes channel_lanes(const struct fake_quant *by, size_t count) {
    float low[V_LANES] = {0}, high[V_LANES] = {0}, scale[V_LANES] = {0}, inverse[V_LANES] = {0},
          zero[V_LANES] = {0}, is_zero[V_LANES] = {0};
    for (size_t i = 0; i < count; i++) {
        low[i] = by[i].nudged_min;
        high[i] = by[i].nudged_max;
        scale[i] = by[i].scale;
        inverse[i] = by[i].inv_scale;
        zero[i] = by[i].quant_zero;
        is_zero[i] = by[i].is_zero;
    }
    return (struct channel_lanes){v_load(low),     v_load(high), v_load(scale),
                                  v_load(inverse), v_load(zero), v_less(v_set(0), v_load(is_zero))};
}

ALWAYS_INLINE vfloat quantize_channels(const struct channel_lanes *q, vfloat x) {
    vfloat c = v_max(q->low, v_min(q->high, x)) - q->low;
    vfloat y = v_floor(c * q->inverse - q->zero + v_set(0.5f)) * q->scale;
    return v_select(q->is_zero, v_set(0), y);
}

void ISA(fake_quant_channels)(size_t rows, size_t channels, const float *x,
                              const struct fake_quant *by, float *y) {
    for (size_t c = 0; c < channels; c += V_LANES) {
        size_t count = channels - c;
        const struct channel_lanes q = channel_lanes(by + c, count < V_LANES ? count : V_LANES);
        const float *from = x + c;
        float *to = y + c;
        if (count >= V_LANES) {
            for (size_t r = 0; r < rows; r++, from += channels, to += channels)
                v_store(to, quantize_channels(&q, v_load(from)));
        } else {
            for (size_t r = 0; r < rows; r++, from += channels, to += channels)
                v_store_part(to, quantize_channels(&q, v_load_part(from, count)), count);
        }
    }
}

ALWAYS_INLINE vfloat channels_gradient(const struct channel_lanes *q, vfloat x, vfloat dy) {
    vmask inside = m_and(v_less_equal(q->low, x), v_less_equal(x, q->high));
    return v_select(m_or(q->is_zero, inside), dy, v_set(0));
}

void ISA(fake_quant_channels_backward)(size_t rows, size_t channels, const float *x,
                                       const struct fake_quant *by, const float *dy, float *dx) {
    for (size_t c = 0; c < channels; c += V_LANES) {
        size_t count = channels - c;
        const struct channel_lanes q = channel_lanes(by + c, count < V_LANES ? count : V_LANES);
        for (size_t r = 0, i = c; r < rows; r++, i += channels) {
            if (count >= V_LANES)
                v_store(dx + i, channels_gradient(&q, v_load(x + i), v_load(dy + i)));
            else
                v_store_part(
                    dx + i,
                    channels_gradient(&q, v_load_part(x + i, count), v_load_part(dy + i, count)),
                    count);
        }
    }
}
