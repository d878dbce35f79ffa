#include "kernel/curve.h"

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
