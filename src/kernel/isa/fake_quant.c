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

/* Parameters of some channels, transposed, so that rows can be read from end to end. */
enum { CHANNELS = 128 };

struct channel_parameters {
    float low[CHANNELS], high[CHANNELS], scale[CHANNELS], inverse[CHANNELS], zero[CHANNELS],
        is_zero[CHANNELS];
};

/* Returns how many channels. */
static size_t parameters_of(const struct fake_quant *by, size_t channels,
                            struct channel_parameters *p) {
    size_t count = channels < CHANNELS ? channels : CHANNELS;
    for (size_t i = 0; i < count; i++) {
        p->low[i] = by[i].nudged_min;
        p->high[i] = by[i].nudged_max;
        p->scale[i] = by[i].scale;
        p->inverse[i] = by[i].inv_scale;
        p->zero[i] = by[i].quant_zero;
        p->is_zero[i] = by[i].is_zero;
    }
    for (size_t i = count; i < CHANNELS; i++)
        p->low[i] = p->high[i] = p->scale[i] = p->inverse[i] = p->zero[i] = p->is_zero[i] = 0;
    return count;
}

ALWAYS_INLINE vmask no_range(const struct channel_parameters *p, size_t i) {
    return v_less(v_set(0), v_load(p->is_zero + i));
}

ALWAYS_INLINE vfloat quantize_channels(const struct channel_parameters *p, size_t i, vfloat x) {
    vfloat low = v_load(p->low + i), scale = v_load(p->scale + i);
    vfloat c = v_max(low, v_min(v_load(p->high + i), x)) - low;
    vfloat steps = c * v_load(p->inverse + i) - v_load(p->zero + i);
    return v_select(no_range(p, i), v_set(0), v_floor(steps + v_set(0.5f)) * scale);
}

void ISA(fake_quant_channels)(size_t rows, size_t channels, const float *x,
                              const struct fake_quant *by, float *y) {
    struct channel_parameters p;
    for (size_t c = 0; c < channels; c += CHANNELS) {
        size_t count = parameters_of(by + c, channels - c, &p);
        for (size_t r = 0, at = c; r < rows; r++, at += channels)
            for (size_t i = 0; i < count; i += V_LANES)
                store_count(y + at + i, quantize_channels(&p, i, load_count(x + at + i, count - i)),
                            count - i);
    }
}

ALWAYS_INLINE vfloat channels_gradient(const struct channel_parameters *p, size_t i, vfloat x,
                                       vfloat dy) {
    vmask inside = m_and(v_less_equal(v_load(p->low + i), x), v_less_equal(x, v_load(p->high + i)));
    return v_select(m_or(no_range(p, i), inside), dy, v_set(0));
}

void ISA(fake_quant_channels_backward)(size_t rows, size_t channels, const float *x,
                                       const struct fake_quant *by, const float *dy, float *dx) {
    struct channel_parameters p;
    for (size_t c = 0; c < channels; c += CHANNELS) {
        size_t count = parameters_of(by + c, channels - c, &p);
        for (size_t r = 0, at = c; r < rows; r++, at += channels)
            for (size_t i = 0; i < count; i += V_LANES) {
                size_t rest = count - i;
                vfloat dx_lanes = channels_gradient(&p, i, load_count(x + at + i, rest),
                                                    load_count(dy + at + i, rest));
                store_count(dx + at + i, dx_lanes, rest);
            }
    }
}
