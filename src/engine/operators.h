/* operators: how the engine runs each operator, a row each; private to the engine.
 *
 * To plan an operator is to check it and its tensors, prepare its constants and set the step's
 * `run`.  Plan functions return false after a refusal.  What `run` needs they keep in step->own, a
 * struct that the operator's file declares for itself.
 *
 * A new operator is a file with its plan functions, a row in operators.c, and a row in
 * tflite/operators.c.
 */
#ifndef ENGINE_OPERATORS_H
#define ENGINE_OPERATORS_H

#include "engine/planner.h"

typedef bool plan_operator(struct planner *planner);

enum output_memory {
    OUTPUT_OWN,    /* the output gets memory of its own before the operator is planned */
    OUTPUT_PLANNED /* the plan function says where the output is, if anywhere */
};

struct operator_planners {
    enum frozen_op code;
    plan_operator *int8, *float32; /* by the type of the first input; NULL: not supported */
    enum output_memory output;
};

/* NULL when there is none. */
const struct operator_planners *operator_planners(enum frozen_op code);

plan_operator plan_activation, plan_activation_float;         /* activation.c */
plan_operator plan_add, plan_add_float;                       /* add.c */
plan_operator plan_conv2d;                                    /* conv2d.c */
plan_operator plan_depthwise_conv2d;                          /* depthwise_conv2d.c */
plan_operator plan_fully_connected;                           /* fully_connected.c */
plan_operator plan_conv2d_float, plan_depthwise_conv2d_float, /* float_products.c */
    plan_fully_connected_float;
plan_operator plan_leaky_relu, plan_leaky_relu_float;                  /* leaky_relu.c */
plan_operator plan_minimum, plan_minimum_float;                        /* minimum.c */
plan_operator plan_pad;                                                /* pad.c */
plan_operator plan_average_pool2d, plan_max_pool2d, plan_pool2d_float; /* pool2d.c */
plan_operator plan_dequantize, plan_quantize;                          /* quantize.c */
plan_operator plan_mean, plan_reduce_max, plan_reduce_float;           /* reduce.c */
plan_operator plan_relu, plan_relu_float;                              /* relu.c */
plan_operator plan_reshape;                                            /* reshape.c */
plan_operator plan_softmax, plan_softmax_float;                        /* softmax.c */
plan_operator plan_space_to_batch;                                     /* space_to_batch.c */

#endif
