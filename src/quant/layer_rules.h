/* layer_rules: how each kind of layer is quantized, a row each.
 *
 * The first column says which of a layer's tensors get a range in training (scheme.c), the others
 * what the layer becomes in the integer program (freeze.c).  A kind of layer that behaves like
 * another one needs only a row here.
 */
#ifndef QUANT_LAYER_RULES_H
#define QUANT_LAYER_RULES_H

#include "model/model.h"
#include "quant/qparams.h"
#include "tflite/frozen.h"

/* What has a range. */
enum layer_ranges {
    RANGES_UNSUPPORTED,   /* a kind without a row: no scheme quantizes it */
    RANGES_NONE,          /* values pass through, or stay as precise as they are */
    RANGES_INPUT,         /* the model's input */
    RANGES_KERNEL,        /* the kernel, and what its activation takes or gives */
    RANGES_NORMALIZATION, /* the output; the layer becomes part of the one before */
    RANGES_OUTPUT,        /* the output, always */
    RANGES_SUM,           /* the output, unless a ReLU that alone reads it takes over the range */
    RANGES_POOLED,        /* the output where the scheme says so (quantize_pooled) */
    RANGES_ACTIVATION,    /* the output of a ReLU; other activations have known ranges or none */
};

/* What it becomes. */
enum layer_becomes {
    BECOMES_INPUT,      /* the program's input */
    BECOMES_PART,       /* part of the layer before it: scheme.h, quant_normalization */
    BECOMES_NOTHING,    /* its output is its input's tensor */
    BECOMES_KERNEL,     /* an operator with weights and bias; sigmoid, tanh and softmax follow it */
    BECOMES_SUM,        /* an operator with two inputs and a range of its own */
    BECOMES_UNARY,      /* an operator with one input and a range of its own */
    BECOMES_ACTIVATION, /* the operator of its activation (activation_rules) */
    BECOMES_POOLING,    /* an operator with a window */
    BECOMES_REDUCTION,  /* an operator over height and width */
    BECOMES_PAD,
    BECOMES_RESHAPE, /* nothing where the shape stays */
};

struct layer_rule {
    enum layer_ranges ranges;
    enum layer_becomes becomes;
    enum frozen_op op; /* unless becomes or the activation says it */
    bool keeps_scale;  /* its output has its input's scale: a range that follows reaches through */
};
extern const struct layer_rule layer_rules[LAYER_KINDS];

/* What an activation is in the program: an operator of its own or, for a ReLU, part of the one
 * before. */
struct activation_rule {
    enum frozen_op op; /* not of ACTIVATION_LINEAR */
    enum frozen_activation fused;
    bool is_bounded; /* its values have the same range for every model, so no range is trained: */
    struct qparams qparams;
};
extern const struct activation_rule activation_rules[ACTIVATIONS];

/* Whether the program has no tensor of its own for the layer's output: BECOMES_NOTHING, or a linear
 * Activation. */
bool layer_becomes_nothing(const struct layer *layer);

#endif
