/* quantize: a real number as a code, by the arithmetic of QUANTIZE; private to the engine.
 */
#ifndef ENGINE_QUANTIZE_H
#define ENGINE_QUANTIZE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/step.h"

/* clamp(round(x / scale) + zero_point, low, high).  half_even: as XNNPACK, which multiplies by
 * 1 / scale and rounds half to even; else TFLite's rounding, half away from zero. */
int32_t quantize_value(float x, float scale, int32_t zero_point, int32_t low, int32_t high,
                       bool half_even);

/* If the step is a QUANTIZE of the program's float32 input: its codes of the 256 values that bytes
 * of samples stand for. */
void quantize_tabulate(const struct engine *engine, struct step *step, const float values[256]);

#endif
