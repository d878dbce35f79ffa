/* requant: the real factors by which an operator brings integers to the scale of its output, as
 * TFLite computes them when it prepares the operator.
 *
 *   CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED   M[c] = s_in * s_weights[c] / s_out
 *   QUANTIZE of codes, MEAN, RELU                 M = s_in / s_out
 *   ADD     M[a] = s_a / 2 max(s_a, s_b), M[b] likewise, M[out] = 2 max(s_a, s_b) / (2^20 s_out)
 *
 * All others, and those on float32, have none.  An integer kernel multiplies by the fixed-point
 * form (base/fixed_point.h): M = multiplier / 2^31 * 2^shift.
 */
#ifndef TFLITE_REQUANT_H
#define TFLITE_REQUANT_H

#include "tflite/frozen.h"

/* How many there are: 0, 1, 3 for ADD, or as many as the weights have scales. */
int requant_count(const struct frozen *frozen, const struct frozen_operator *op);

/* One of them.  The program has passed frozen_check. */
double requant_real(const struct frozen *frozen, const struct frozen_operator *op, int index);

/* "M = s_in * s_weights / s_out", "M[c] = s_in * s_weights[c] / s_out", ... */
const char *requant_formula(const struct frozen *frozen, const struct frozen_operator *op);

#endif
