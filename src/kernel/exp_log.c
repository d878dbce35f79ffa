#include "kernel/exp_log.h"

#include <math.h>

static const double ln2 = 0.693147180559945309417;

/* 2^k for -1022 <= k <= 1023 */
static double power_of_two(int k) {
    uint64_t bits = (uint64_t)(k + 1023) << 52;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float exp_float(float x) {
    if (isnan(x)) return x;
    if (x > 89.0f) return INFINITY;
    if (x < -104.0f) return 0;
    /* exp(x) = 2^k * exp(r) */
    double k = floor((double)x * 1.44269504088896340736 + 0.5);
    return (float)(exp_near_zero((double)x - k * ln2) * power_of_two((int)k));
}

float log_float(float x) {
    if (isnan(x) || x < 0) return NAN;
    if (x == 0) return -INFINITY;
    if (isinf(x)) return x;
    /* Every float is a normal double: x = m * 2^k with sqrt(1/2) <= m < sqrt(2). */
    double wide = (double)x;
    uint64_t bits;
    memcpy(&bits, &wide, sizeof bits);
    int k = (int)(bits >> 52) - 1023;
    bits = (bits & 0xfffffffffffffu) | (uint64_t)1023 << 52;
    double m;
    memcpy(&m, &bits, sizeof m);
    if (m > 1.41421356237309504880) {
        m *= 0.5;
        k++;
    }
    /* log(m) = 2 artanh(s) = 2 (s + s^3/3 + ...), |s| < 0.172; omitted: 2 s^17 / 17 < 2e-14 */
    double s = (m - 1) / (m + 1), square = s * s;
    double sum = 1.0 / 15;
    sum = sum * square + 1.0 / 13;
    sum = sum * square + 1.0 / 11;
    sum = sum * square + 1.0 / 9;
    sum = sum * square + 1.0 / 7;
    sum = sum * square + 1.0 / 5;
    sum = sum * square + 1.0 / 3;
    sum = sum * square + 1.0;
    return (float)(2 * s * sum + k * ln2);
}
