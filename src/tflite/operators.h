/* operators: the operators that qatop reads and writes, a row each.
 *
 * engine/operators.c has a row for each, too: how it runs.
 */
#ifndef TFLITE_OPERATORS_H
#define TFLITE_OPERATORS_H

#include "tflite/frozen.h"
#include "tflite/options.h"

/* The shape of the output. */
enum shape_rule {
    SHAPE_IN_FILE, /* as the file has it */
    SHAPE_OF_INPUT,
    SHAPE_RESHAPED, /* RESHAPE: the second input holds it */
    SHAPE_VALUES    /* the output's values are a shape, or a part of one */
};

/* The factors that bring integers to the scale of the output (requant.h). */
enum requant_rule {
    REQUANT_NONE,
    REQUANT_WEIGHTS,     /* s_in * s_weights[c] / s_out */
    REQUANT_RATIO,       /* s_in / s_out */
    REQUANT_RATIO_FLOAT, /* the same, which the kernel keeps in float32 */
    REQUANT_ADD          /* of two inputs and their sum */
};

struct operator_row {
    enum frozen_op code;
    uint32_t version; /* written to files: the first one with int8 */
    enum shape_rule shape;
    enum requant_rule requant;
    const struct options_format *options; /* NULL: neither written nor read */
};

/* NULL for an operator that is not supported. */
const struct operator_row *operator_row(int code);

#endif
