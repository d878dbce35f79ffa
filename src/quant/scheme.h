/* scheme: which tensors are quantized and how; a table that a reader can see and copy. */
#ifndef QUANT_SCHEME_H
#define QUANT_SCHEME_H

#include <stdbool.h>

#include "base/error.h"
#include "data/augment.h"
#include "model/model.h"
#include "quant/qparams.h"

struct scheme {
    const char *name;    /* "qatop", "tfmot" */
    const char *summary; /* one line for --help and the dashboard */
    int weight_bits;     /* 2..8 */
    double range_decay;  /* moving average of activation ranges: keeps this share a step (0.999) */
    bool calibrate;      /* start the ranges from a pass over training digits, not from [-6, 6] */
    bool fresh_weight_ranges;   /* at export: range of the final weights, not of one step before */
    bool dense_per_channel;     /* one range per unit of a Dense kernel */
    bool depthwise_per_channel; /* one range per output channel of a DepthwiseConv2D kernel, not
                                   one per filter of a channel */
    bool quantize_before_relu;  /* a layer with a kernel before a separate ReLU layer keeps the fake
                                   quantization of its kernel */
    bool post_training; /* for a model that was trained without it: no kernel is fake-quantized,
                           each is converted with one range per output channel, in float32 */
    bool join_dense;    /* Dense - BatchNormalization - ReLU has one range, as convolutions do */
    bool join_relu6;    /* Activation('relu6') joins the layer before it as a ReLU layer does, and
                           relu6 may be the activation of a layer with a kernel */
    bool trains_kept_kernels;  /* a fake-quantized kernel is trained also in a layer that keeps its
                                  weights: TFMOT's wrapper hands it to the optimizer */
    bool quantize_pooled;      /* the output of AveragePooling2D, and of a ReLU layer after
                                  MaxPooling2D, has a range of its own */
    bool refuse_leftovers;     /* refuse what the converter would leave in float: dilation, a ReLU
                                  with a max_value other than 6, sigmoid or tanh before a separate
                                  ReLU layer */
    const char *schedule;      /* default learning rate schedule */
    float label_smoothing;     /* default share of each target spread over all classes */
    enum augmentation augment; /* of the training digits, by default, for a model that convolves: a
                                  dense one would have to learn each place by itself */
    float warmup_share;        /* share of all batches in which the rate rises, by default */
};

/* All schemes to train with, the default first, ended by an entry without name. */
extern const struct scheme schemes[];
const struct scheme *scheme_find(const char *name); /* NULL when unknown */

/* What the TFLite converter quantizes of a model that was never trained for it (train/ptq.h). */
extern const struct scheme scheme_ptq;

enum tensor_kind { TENSOR_INPUT, TENSOR_WEIGHT, TENSOR_ACTIVATION };
const char *tensor_kind_name(enum tensor_kind kind); /* "input", "weight", "activation" */

/* Where the activation's fake quantization stands. */
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
    bool is_per_channel;       /* chooses the formula of fake quantization, also with one channel */
    enum tensor_kind kind;
    enum placement placement;
    int layer;    /* index into model->layers */
    int channels; /* ranges it has: 1 per tensor, or one per output channel */
    int offset;   /* of its first range in the plan's range arrays */
};

/* What a scheme makes of a model.  A layer whose kernel is not quantized in training (-1) although
 * it has one is quantized from its raw weights at export, per channel.  In all schemes an Add has a
 * range of its own, unless a ReLU that alone reads it joins it; what it adds has ranges anyway. */
struct quant_plan {
    struct scheme scheme;
    struct quant_tensor *tensors;
    int tensor_count;
    int range_count; /* sum of channels */
    /* per layer, index into tensors or -1 */
    int *kernel_tensor;     /* fake quantization of the layer's kernel */
    int *activation_tensor; /* of its activation or output */
};

/* The layer that alone reads `layer`, as an index; -1 when none or several do. */
int quant_only_reader(const struct model *model, int layer);
/* The BatchNormalization that directly follows `layer`, one with a kernel and without activation,
 * and becomes part of its kernel and bias; -1 when there is none. */
int quant_normalization(const struct model *model, int layer);

/* Refuses, by layer name, what the scheme cannot quantize. */
enum status quant_plan_create(struct quant_plan **plan, const struct model *model,
                              const struct scheme *scheme, struct error *error);
void quant_plan_free(struct quant_plan *plan); /* NULL is harmless */

/* The range that the layer's output is quantized by, when `range` was observed: no operator clips
 * at a limit other than 6, the end of the range does. */
struct range quant_clip(const struct layer *layer, struct range range);

/* What a range of that tensor means: for fake quantization and for the converted model. */
struct fake_quant quant_plan_fake_quant(const struct quant_plan *plan,
                                        const struct quant_tensor *tensor, struct range range);
struct qparams quant_plan_qparams(const struct quant_plan *plan, const struct quant_tensor *tensor,
                                  struct range range);

#endif
