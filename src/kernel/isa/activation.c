#include "kernel/activation.h"

#include "kernel/isa/level.h"

void ISA(sigmoid_forward)(size_t count, const float *x, float *y) {
    for (size_t i = 0; i < count; i++) y[i] = sigmoid_float(x[i]);
}

void ISA(tanh_forward)(size_t count, const float *x, float *y) {
    for (size_t i = 0; i < count; i++) y[i] = tanh_float(x[i]);
}

void ISA(sigmoid_backward)(size_t count, const float *y, const float *dy, float *dx) {
    for (size_t i = 0; i < count; i += V_LANES) {
        vfloat v = load_count(y + i, count - i);
        store_count(dx + i, load_count(dy + i, count - i) * (v * (v_set(1) - v)), count - i);
    }
}

void ISA(tanh_backward)(size_t count, const float *y, const float *dy, float *dx) {
    for (size_t i = 0; i < count; i += V_LANES) {
        vfloat v = load_count(y + i, count - i);
        store_count(dx + i, load_count(dy + i, count - i) * (v_set(1) - v * v), count - i);
    }
}

/* `kept` where x > 0, else kept * slope. */
ALWAYS_INLINE vfloat leaky(vfloat x, vfloat kept, vfloat slope) {
    return v_select(v_less(v_set(0), x), kept, kept * slope);
}

void ISA(leaky_forward)(size_t count, const float *x, float slope, float *y) {
    for (size_t i = 0; i < count; i += V_LANES) {
        vfloat v = load_count(x + i, count - i);
        store_count(y + i, leaky(v, v, v_set(slope)), count - i);
    }
}

void ISA(leaky_backward)(size_t count, const float *x, float slope, const float *dy, float *dx) {
    for (size_t i = 0; i < count; i += V_LANES)
        store_count(
            dx + i,
            leaky(load_count(x + i, count - i), load_count(dy + i, count - i), v_set(slope)),
            count - i);
}
