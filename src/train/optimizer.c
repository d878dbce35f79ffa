#include "train/optimizer.h"

#include <math.h>
#include <string.h>

/* cos(pi * x) for x in 0..1, to within 1e-15. */
static double cosine_of_turn(double x) {
    /* cos(pi x) = -sin(pi (x - 1/2)): the Taylor series of the sine. */
    double angle = 3.14159265358979323846 * (x - 0.5), square = angle * angle;
    double term = angle, sum = angle;
    for (int k = 2; k <= 22; k += 2) {
        term *= -square / (double)(k * (k + 1));
        sum += term;
    }
    return -sum;
}

const char *schedule_name(enum schedule schedule) {
    static const char *const names[SCHEDULES] = {
        [SCHEDULE_CONSTANT] = "constant",
        [SCHEDULE_COSINE] = "cosine",
        [SCHEDULE_LINEAR] = "linear",
    };
    return names[schedule];
}

enum schedule schedule_named(const char *name) {
    int i = 0;
    while (i < SCHEDULES && strcmp(name, schedule_name((enum schedule)i))) i++;
    return (enum schedule)i;
}

double schedule_share(enum schedule schedule, uint64_t step, uint64_t steps) {
    if (schedule == SCHEDULE_CONSTANT || steps == 0) return 1;
    double gone = step < steps ? (double)step / (double)steps : 1;
    if (schedule == SCHEDULE_LINEAR) return 1 - gone;
    return 0.5 * (1 + cosine_of_turn(gone));
}

/* base^exponent; in double, the rounding errors are far below those of float32. */
static float power(float base, uint64_t exponent) {
    double result = 1, factor = (double)base;
    for (; exponent; exponent >>= 1, factor *= factor)
        if (exponent & 1) result *= factor;
    return (float)result;
}

struct adam adam_factors(float learning_rate, uint64_t step) {
    float beta1_power = power(0.9f, step), beta2_power = power(0.999f, step);
    return (struct adam){
        .alpha = learning_rate * sqrtf(1 - beta2_power) / (1 - beta1_power),
        .one_minus_beta1 = (float)(1 - 0.9),
        .one_minus_beta2 = (float)(1 - 0.999),
        .epsilon = 1e-7f,
    };
}
