/* scheme: which tensors are quantized and how, a table of schemes; and the plan that applies a
 * scheme to a model. */
#ifndef QUANT_SCHEME_H
#define QUANT_SCHEME_H

#include <stdbool.h>

#include "base/error.h"
#include "data/augment.h"
#include "model/model.h"
#include "quant/qparams.h"

struct scheme {
    const char *name;   /* "qatop", "tfmot" */
    int weight_bits;    /* 2..8 */
    double range_decay; /* moving average of activation ranges: share kept in each step (0.999) */
    bool calibrate;     /* start from the ranges of a pass over training digits, not from [-6, 6] */
    bool fresh_weight_ranges;   /* export with the range of the final weights, not that of the last
                                   step */
    bool dense_per_channel;     /* one range per unit of a Dense kernel */
    bool depthwise_per_channel; /* one range per output channel of a DepthwiseConv2D kernel, not
                                   one per depth multiplier index */
    bool quantize_before_relu;  /* fake-quantize the kernel of a layer that a separate ReLU layer
                                   follows */
    bool post_training; /* the model was trained without quantization: no kernel is fake-quantized,
                           each is converted with one range per output channel, in float32 */
    bool join_dense;    /* Dense - BatchNormalization - ReLU has one range, as with a convolution */
    bool join_relu6;    /* Activation('relu6') joins the layer before it as a ReLU layer does, and
                           relu6 may be the activation of a layer with a kernel */
    bool trains_kept_kernels;  /* train a fake-quantized kernel even in a layer that is not
                                  trainable: TFMOT's wrapper hands it to the optimizer */
    bool quantize_pooled;      /* the output of AveragePooling2D, and of a ReLU layer after
                                  MaxPooling2D, has a range of its own */
    bool refuse_leftovers;     /* refuse what the converter would leave in float: dilation, a ReLU
                                  with a max_value other than 6, sigmoid or tanh before a separate
                                  ReLU layer */
    const char *schedule;      /* default learning rate schedule */
    float label_smoothing;     /* default share of each target spread over all classes */
    enum augmentation augment; /* default for a model with convolutions; a dense one would have to
                                  learn each position by itself */
    float warmup_share;        /* default share of all batches in which the learning rate rises */
};

/* The schemes to train with, the default first; an entry without a name ends the list. */
extern const struct scheme schemes[];
const struct scheme *scheme_find(const char *name); /* NULL when unknown */

/* TensorFlow Model Optimization's, which the ranges in a saved QAT model belong to. */
extern const struct scheme *const scheme_tfmot;

/* What the TFLite converter quantizes of a model trained without quantization (evaluate/ptq.h). */
extern const struct scheme scheme_ptq;

enum tensor_kind { TENSOR_INPUT, TENSOR_WEIGHT, TENSOR_ACTIVATION };
const char *tensor_kind_name(enum tensor_kind kind); /* "input", "weight", "activation" */

/* What is fake-quantized, relative to a layer. */
enum placement {
    PLACE_INPUT,
    PLACE_KERNEL,
    PLACE_PRE_ACTIVATION,
    PLACE_POST_ACTIVATION,
    PLACE_OUTPUT
};

#define ACTIVATION_BITS 8

/* One quantized tensor.  The list is in graph order: input, then each layer's kernel and its
 * activation; every other module indexes into it. */
struct quant_tensor {
    char name[2 * MODEL_NAME]; /* "input", "dense/kernel", "dense/out" */
    bool is_per_channel;       /* which formula fake quantization uses, even with one channel */
    enum tensor_kind kind;
    enum placement placement;
    int layer;    /* index into model->layers */
    int channels; /* ranges it has: 1 per tensor, or one per output channel */
    int offset;   /* of its first range in the plan's range arrays */
};

/* A scheme applied to a model.  A kernel that is not fake-quantized in training (-1) is quantized
 * from its float weights at export, per channel.  In all schemes an Add has a range of its own,
 * unless its only reader is a ReLU, which then takes over the range. */
struct quant_plan {
    struct scheme scheme;
    struct quant_tensor *tensors;
    int tensor_count;
    int range_count; /* sum of channels */
    /* per layer, index into tensors or -1 */
    int *kernel_tensor;     /* fake quantization of the layer's kernel */
    int *activation_tensor; /* of its activation or output */
};

/* Index of the only layer that reads `layer`; -1 when none or several do. */
int quant_only_reader(const struct model *model, int layer);
/* Index of the BatchNormalization that is folded into `layer`: its only reader, where `layer` has a
 * kernel and no activation.  -1 when there is none. */
int quant_normalization(const struct model *model, int layer);

/* Fails on what the scheme cannot quantize; the error names the layer. */
enum status quant_plan_create(struct quant_plan **plan, const struct model *model,
                              const struct scheme *scheme, struct error *error);
void quant_plan_free(struct quant_plan *plan); /* NULL is harmless */

/* The range to quantize the layer's output with, given the observed one.  No operator clips at a
 * limit other than 6, so the range ends at the limit instead. */
struct range quant_clip(const struct layer *layer, struct range range);

/* Parameters of fake quantization, and those of the converted model, for a range of `tensor`. */
struct fake_quant quant_plan_fake_quant(const struct quant_plan *plan,
                                        const struct quant_tensor *tensor, struct range range);
struct qparams quant_plan_qparams(const struct quant_plan *plan, const struct quant_tensor *tensor,
                                  struct range range);

#endif
