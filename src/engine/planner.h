/* planner: what plan functions of operators share; private to the engine.
 *
 * Those that return bool return false after a refusal, so that a plan function can chain them or
 * say `return plan_refuse(...)`.
 */
#ifndef ENGINE_PLANNER_H
#define ENGINE_PLANNER_H

#include "engine/fixed.h"
#include "engine/step.h"

#define MAX_ENGINE_BYTES                                                                           \
    ((size_t)1 << 30) /* the most for values of a batch, for tables, for scratch */

struct planner {
    struct engine *engine;
    const char *where;
    struct error *error;
    enum status status; /* the first refusal */
    int index;          /* of the operator */
    const struct frozen_operator *op;
    const struct frozen_tensor *input, *output; /* the first input and the output */
    struct step *step;
};

/* "operator 3 (CONV_2D): TEXT" */
bool plan_refuse(struct planner *planner, enum status status, const char *text);

/* Zeroed memory that lives as long as the step; NULL after a refusal. */
void *plan_memory(struct planner *planner, size_t count, size_t size);
/* The same, as step->own. */
void *plan_own(struct planner *planner, size_t size);

/* Input `index` of the operator; NULL when there is none. */
const struct frozen_tensor *plan_input(const struct planner *planner, int index);
/* The same as a constant of `count` int32; NULL when it is anything else. */
const int32_t *plan_int32s(const struct planner *planner, int index, size_t count);

/* Check that the tensor is int8 with one scale; */
bool plan_int8(struct planner *planner, const struct frozen_tensor *tensor);
/* that input and output are; */
bool plan_int8_only(struct planner *planner);
/* that the output is float32, as the input is. */
bool plan_float_only(struct planner *planner);

/* Check that input and output have as many elements, or the same scale and zero point. */
bool plan_same_size(struct planner *planner);
bool plan_same_quantization(struct planner *planner);
/* Check that this is the output's shape behind the batch. */
bool plan_output_shape(struct planner *planner, int height, int width, int channels);

/* `real` in fixed point. */
bool plan_factor(struct planner *planner, double real, struct fixed *fixed);

/* Zero points of input and output, and the limits that the fused activation sets. */
struct int8_range {
    int32_t zero_in, zero_out, low, high;
};
struct int8_range plan_int8_range(const struct planner *planner);

struct float_range {
    float low, high;
};
struct float_range plan_float_range(const struct planner *planner);
void clamp_floats(struct float_range range, size_t count, float *x);

/* For an operator that is a function of one byte: the table that it runs as.  The caller fills
 * table->bytes and calls dot_table_finish. */
struct dot_table *plan_table(struct planner *planner);
static inline int32_t byte_as_int8(int byte) {
    return byte < 128 ? byte : byte - 256;
}

#endif
