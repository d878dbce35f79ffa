#include "quant/qparams.h"

#include <math.h>

struct fake_quant fake_quant_from_range(struct range range, bool narrow, int bits) {
    struct fake_quant by = {0};
    float min = range.min, max = range.max;
    if (min == 0 && max == 0) {
        by.is_zero = true;
        return by;
    }
    float code_min = narrow ? 1.0f : 0.0f, code_max = (float)((1 << bits) - 1);
    by.scale = (max - min) / (code_max - code_min);
    by.inv_scale = (code_max - code_min) / (max - min); /* not 1 / scale: that rounds twice */
    float exact_zero = code_min - min / by.scale;
    float zero;
    if (exact_zero < code_min)
        zero = code_min;
    else if (exact_zero > code_max)
        zero = code_max;
    else
        zero = roundf(exact_zero);
    by.nudged_min = (code_min - zero) * by.scale;
    by.nudged_max = (code_max - zero) * by.scale;
    by.quant_zero = floorf(-by.nudged_min * by.inv_scale + 0.5f);
    return by;
}

/* The converter widens a range that is too narrow for a usable scale. */
static void widen(double *min, double *max) {
    static const double narrowest = 1e-6;
    if (*max - *min > narrowest) return;
    *min = fmin(*min, -narrowest / 2);
    *max = fmax(*max, narrowest / 2);
}

struct qparams qparams_activation(struct range range) {
    double min = (double)range.min, max = (double)range.max;
    widen(&min, &max);
    double scale = (max - min) / 255.0;
    /* Two estimates of the zero point; the one from the nearer end has the smaller error. */
    double from_min = 0.0 - min / scale, from_max = 255.0 - max / scale;
    double zero = fabs(min / scale) < 255.0 + fabs(max / scale) ? from_min : from_max;
    if (!(zero > 0))
        zero = 0;
    else if (zero > 255)
        zero = 255;
    return (struct qparams){scale, (int)round(zero) - 128};
}

struct qparams qparams_weight(struct range range, int bits) {
    double min = (double)range.min, max = (double)range.max;
    widen(&min, &max);
    return (struct qparams){(max - min) / (double)((1 << bits) - 2), 0};
}

struct qparams qparams_activation_float32(struct range range) {
    double min = (double)range.min, max = (double)range.max;
    widen(&min, &max);
    float scale = ((float)max - (float)min) / 255.0f;
    float zero = (float)(-128.0 - min / (double)scale);
    if (!(zero > -128))
        zero = -128;
    else if (zero > 127)
        zero = 127;
    return (struct qparams){(double)scale, (int)roundf(zero)};
}

struct qparams qparams_weight_float32(struct range range) {
    double min = (double)range.min, max = (double)range.max;
    widen(&min, &max);
    return (struct qparams){(double)(((float)max - (float)min) / 254.0f), 0};
}

int32_t quantize_float32(float value, double scale, int32_t limit) {
    float inverse = (float)(1.0 / (double)(float)scale);
    double rounded = (double)roundf(value * inverse);
    return rounded > limit ? limit : rounded < -(double)limit ? -limit : (int32_t)rounded;
}
