/* model: layers and float weights as Keras describes them; no training state.
 *
 * A model is a list of layers in Keras' own topological order.  Layer 0 is always the only
 * LAYER_INPUT, and the last layer gives the output.  A Sequential model is a chain; in a Functional
 * model several layers may read the same layer, and an Add reads two.
 * All weights are in one block; `parameters` says which part belongs to which layer.  A copy of the
 * block is a snapshot of the model.
 *
 * Shapes leave out the batch dimension.  Layouts are Keras':
 *   activations    [height][width][channels] or [features]
 *   Dense kernel   [inputs][units]
 *   Conv2D kernel  [height][width][inputs][filters]
 *   DepthwiseConv2D kernel  [height][width][inputs][depth_multiplier], whose output channel is
 *                  input * depth_multiplier + the last index
 */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/shape.h"

#define MODEL_NAME       64 /* bytes of a name, NUL included; longer ones are refused */
#define MAX_LAYER_INPUTS 2  /* most inputs of one layer (Add) */
#define MAX_LAYERS       256
#define MAX_WEIGHTS      ((size_t)64 << 20) /* floats; a file that asks for more is refused */

/* The kinds of layers.  ROW(kind, name) stands for a kind and its rows: NAME_layer has what Keras
 * says of it (model/layer.h), NAME_node what a network computes (network/node.h). */
#define LAYER_LIST(ROW)                                                                            \
    ROW(LAYER_INPUT, input)                                                                        \
    ROW(LAYER_DENSE, dense)                                                                        \
    ROW(LAYER_CONV2D, conv2d)                                                                      \
    ROW(LAYER_DEPTHWISE_CONV2D, depthwise_conv2d)                                                  \
    ROW(LAYER_BATCH_NORMALIZATION, batch_normalization)                                            \
    ROW(LAYER_ADD, add)                                                                            \
    ROW(LAYER_MAX_POOLING2D, max_pooling2d)                                                        \
    ROW(LAYER_AVERAGE_POOLING2D, average_pooling2d)                                                \
    ROW(LAYER_GLOBAL_AVERAGE_POOLING2D, global_average_pooling2d)                                  \
    ROW(LAYER_GLOBAL_MAX_POOLING2D, global_max_pooling2d)                                          \
    ROW(LAYER_ZERO_PADDING2D, zero_padding2d)                                                      \
    ROW(LAYER_RESHAPE, reshape)                                                                    \
    ROW(LAYER_FLATTEN, flatten)                                                                    \
    ROW(LAYER_DROPOUT, dropout)                                                                    \
    ROW(LAYER_ACTIVATION, activation)                                                              \
    ROW(LAYER_RELU, relu)                                                                          \
    ROW(LAYER_SOFTMAX, softmax)                                                                    \
    ROW(LAYER_LEAKY_RELU, leaky_relu)                                                              \
    ROW(LAYER_SPATIAL_DROPOUT2D, spatial_dropout2d)

/* LAYER_SEPARABLE_CONV2D exists only while a file is read: it is split into its two layers. */
#define LAYER_KIND(kind, name) kind,
enum layer_kind { LAYER_LIST(LAYER_KIND) LAYER_SEPARABLE_CONV2D, LAYER_KINDS };
#undef LAYER_KIND

enum activation {
    ACTIVATION_LINEAR,
    ACTIVATION_RELU,
    ACTIVATION_RELU6, /* also a ReLU layer with max_value 6 */
    ACTIVATION_SOFTMAX,
    ACTIVATION_SIGMOID,
    ACTIVATION_TANH,
    ACTIVATIONS
};

enum padding { PADDING_VALID, PADDING_SAME };

/* The window of a convolution or pooling. */
struct window {
    int height, width;
    int stride_y, stride_x;
    int dilation_y, dilation_x; /* 1 for pooling */
    enum padding padding;
};

/* BatchNormalization: y = (x - mean) / sqrt(variance + epsilon) * gamma + beta, per channel. */
struct normalization {
    int axis; /* as in the file, where the batch is axis 0; checked to be the last */
    double momentum, epsilon;
    bool has_gamma, has_beta;
    int gamma, beta; /* indices into parameters, -1 when there is none */
    int moving_mean, moving_variance;
};

struct layer {
    enum layer_kind kind;
    char name[MODEL_NAME];
    enum activation activation; /* of a layer with a kernel, of Activation, ReLU and Softmax */
    bool trainable;             /* if not, its parameters stay as they are, and a
                                   BatchNormalization uses its moving statistics in training too */
    bool is_part;               /* of a SeparableConv2D */
    int inputs[MAX_LAYER_INPUTS];
    int input_count; /* 0 for LAYER_INPUT */
    struct shape output;
    float slope;           /* LeakyReLU: factor of negative values, 0..1 */
    float limit;           /* ReLU: max_value unless it is 6; 0: none */
    int units;             /* output channels of a layer with a kernel */
    int depth_multiplier;  /* DepthwiseConv2D: output channels of one input channel */
    bool has_bias;         /* Dense, Conv2D, DepthwiseConv2D */
    struct window window;  /* convolutions and pooling; of global pooling the whole image */
    int margin[2][2];      /* ZeroPadding2D: rows above and below, columns left and right */
    struct shape target;   /* Reshape: one size may be -1, whatever is left */
    bool keeps_dimensions; /* global pooling: 1 x 1 x channels */
    float rate;            /* Dropout, SpatialDropout2D: fraction to drop, [0, 1) */
    struct normalization normalization;   /* BatchNormalization */
    int first_parameter, parameter_count; /* its part of `parameters`, in Keras' order */
    int kernel, bias;                     /* indices into parameters, -1 when there is none */
};

struct parameter {
    char name[2 * MODEL_NAME]; /* "dense/kernel" */
    int layer;
    bool is_trained; /* by the optimizer: not a moving mean or variance, and only in a
                        layer that is trainable */
    int rank;
    int size[4];
    size_t offset, count; /* part of the weight block, in floats */
};

struct model {
    char name[MODEL_NAME];
    struct layer *layers;
    int layer_count;
    struct parameter *parameters;
    int parameter_count;
    float *weights; /* [weight_count], 64-byte aligned block; parts start at multiples of 16 */
    size_t weight_count;
    bool has_ranges; /* read from a saved QAT model; variables_load reads its ranges */
};

/* Read a Keras .h5 or .keras (tf_keras 2 or Keras 3), told apart by content.  Errors name the file,
 * and the layer and its class if that is not supported.  From a QAT model of TensorFlow Model
 * Optimization the float model inside is read.  SeparableConv2D 'x' becomes DepthwiseConv2D
 * 'x_depthwise' and Conv2D 'x_pointwise'.  The caller frees the model with model_free. */
enum status model_load(const char *path, struct model **model, struct error *error);

/* Write a Keras .h5 that tf_keras 2 and Keras 3 load: architecture from `model`, values from
 * `weights` (NULL: the model's own).  Written beside `path` and renamed over it. */
enum status model_save(const struct model *model, const float *weights, const char *path,
                       struct error *error);

/* A built-in architecture with fresh weights (glorot_uniform kernels, zero biases).
 * fc:  784 - 128 relu - 10 softmax.
 * cnn: 28x28x1 - Conv 32@3x3 relu - MaxPool 2 - Conv 64@3x3 relu - MaxPool 2 - Flatten -
 *      Dropout 0.5 - 10 softmax. */
enum status model_build(const char *architecture, unsigned long long seed, struct model **model,
                        struct error *error);

/* The names that model_build takes: index 0, 1, ... until NULL. */
const char *model_architecture(int index);

/* An empty model with room for `layers` layers; NULL when out of memory. */
struct model *model_new(int layers);

/* Once all layers are set: the parameters that they need, and a zeroed weight block. */
enum status model_plan_weights(struct model *model, const char *path, struct error *error);

void model_free(struct model *model);

/* Whether each layer reads the one before it, as in a Sequential model. */
bool model_is_chain(const struct model *model);

bool layer_has_kernel(const struct layer *layer); /* Dense, Conv2D, DepthwiseConv2D */
bool layer_is_relu(const struct layer *layer);    /* ReLU; Activation relu or relu6 */
bool layer_is_softmax(const struct layer *layer); /* Softmax; Activation softmax */

/* Names as in Keras: "Conv2D", "softmax". */
const char *layer_class(enum layer_kind kind);
const char *activation_name(enum activation activation);

bool activation_is_sigmoidal(enum activation activation); /* sigmoid or tanh */

/* Refuses a model that does not end in one number for each of 2 to MAX_MODEL_CLASSES classes. */
#define MAX_MODEL_CLASSES 1000
enum status model_check_classifier(const struct model *model, const char *path,
                                   struct error *error);
int model_classes(const struct model *model); /* of a classifier */

#endif
