/* samples_input: from a data set's samples to what a program takes; private to the engine.
 *
 * The program's input is float32, which gets what preprocessing makes of a sample, or int8 or uint8
 * with one scale, which gets clamp(round(x / scale) + zero_point).  Bytes that are all preprocessed
 * alike go through a table; where a float32 input is only read by QUANTIZE, that operator has the
 * table and the floats are never made.
 */
#ifndef ENGINE_SAMPLES_INPUT_H
#define ENGINE_SAMPLES_INPUT_H

#include "engine/step.h"

/* Once the steps are planned. */
void samples_input_plan(struct engine *engine);

/* Prepare for samples like these; refuses an input that takes no numbers, or another count. */
enum status samples_input_set(struct engine *engine, const struct samples *samples,
                              struct error *error);

/* Fill the input's slot for samples [begin, end) of this call. */
void samples_input_fill(const struct engine *engine, size_t begin, size_t end);

#endif
