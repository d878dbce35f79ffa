/* frozen: a program as a .tflite file holds it and the engine runs it.
 *
 * Tensors and operators are in execution order, as in TFLite.  Quantization:
 * real = scale[c] * (q - zero_point[c]), c the index along quantized_dimension (or 0).
 */
#ifndef TFLITE_FROZEN_H
#define TFLITE_FROZEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/shape.h"
#include "tflite/builtins.h"

/* Values are the schema's TensorType.  A tensor that nothing uses may have another of its types. */
enum frozen_type {
    TYPE_FLOAT32 = 0,
    TYPE_INT32 = 2,
    TYPE_UINT8 = 3,
    TYPE_INT64 = 4,
    TYPE_INT8 = 9
};
size_t frozen_type_size(enum frozen_type type); /* 0 of a type that is not supported */
const char *frozen_type_name(int type);         /* "float32", ...; "unknown" if not in the schema */

/* OP_ADD, ...: the schema's BuiltinOperator. */
enum frozen_op {
#define OP(name) OP_##name,
    TFLITE_BUILTINS(OP)
#undef OP
        OP_COUNT
};
const char *frozen_op_name(int code); /* "CONV_2D"; NULL for a code that is not one of them */
bool frozen_op_known(int code);       /* whether qatop reads and runs it */

enum frozen_activation { FUSED_NONE = 0, FUSED_RELU = 1, FUSED_RELU6 = 3 };
enum frozen_padding { FROZEN_SAME = 0, FROZEN_VALID = 1 };

#define FROZEN_RANK         4
#define FROZEN_INPUTS       4                 /* of one operator, at most */
#define MAX_FROZEN_ELEMENTS ((size_t)1 << 28) /* of one tensor, at most */

struct frozen_tensor {
    char *name; /* "" when the file has none */
    enum frozen_type type;
    int rank;
    int shape[FROZEN_RANK]; /* batch first for activations: 1 */
    bool has_batch;         /* shape[0] is a batch that may be resized (shape_signature -1) */
    /* quantization; scale_count is 0 for none, 1 per tensor, else shape[quantized_dimension] */
    int scale_count, quantized_dimension;
    float *scale;
    int32_t *zero_point;
    /* constants, native endian, 64-byte aligned; NULL for activations and types not supported */
    void *data;
    size_t data_bytes;
};

struct frozen_operator {
    enum frozen_op code;
    int inputs[FROZEN_INPUTS]; /* tensor indices; -1: an optional one left out */
    int input_count;
    int outputs[1];
    /* options; each operator has its own */
    enum frozen_activation activation;
    enum frozen_padding padding;
    int stride_x, stride_y, dilation_x, dilation_y;
    int filter_width, filter_height; /* pooling */
    int depth_multiplier;
    float beta;  /* softmax */
    float slope; /* LEAKY_RELU: the factor of values below 0 */
    bool keep_dimensions;
    bool takes_one; /* STRIDED_SLICE: drops the dimension (shrink mask 1), no other option set */
};

/* An input or output of a signature. */
struct frozen_end {
    char *name;
    uint32_t tensor; /* index in the signature's subgraph, as the file has it */
};

struct frozen_signature {
    char *key;
    uint32_t subgraph;
    int input_count, output_count;
    struct frozen_end *ends; /* inputs, then outputs */
};

struct frozen {
    struct frozen_tensor *tensors;
    int tensor_count;
    struct frozen_operator *operators;
    int operator_count;
    int input, output; /* tensor indices */
    /* of the first signature of the program; "" when there is none */
    char *input_name, *output_name;
    char *description;
    /* of a file that was read: the program is its first subgraph, which an interpreter's invoke()
     * runs; the signatures are those of all subgraphs */
    int subgraph_count, signature_count;
    struct frozen_signature *signatures;
};

void frozen_free(struct frozen *frozen); /* NULL is harmless */

/* The shape of the program's input without the batch; of a rank other than 2 to 4, flattened. */
struct shape frozen_input_shape(const struct frozen *frozen);

/* Elements of one output, whatever batch the file is for. */
size_t frozen_output_count(const struct frozen *frozen);

size_t frozen_tensor_count(const struct frozen_tensor *tensor); /* elements: product of the shape */

/* Input `index` of the operator, which is a constant of `count` int32; NULL when it is not. */
const int32_t *frozen_int32s(const struct frozen *frozen, const struct frozen_operator *op,
                             int index, size_t count);

/* Whether it computes a shape instead of values: SHAPE, STRIDED_SLICE and PACK. */
bool frozen_op_shapes(enum frozen_op code);

/* The TensorFlow converter may let a program compute the shape for a RESHAPE: SHAPE of a tensor,
 * STRIDED_SLICE to take the batch from it, PACK of that and constants.  It then writes 1 for each
 * size of the output.  This writes the right sizes there, and to the outputs that follow from it by
 * operators that keep the shape.  Other uses of the three are refused.  Call frozen_check before.
 */
enum status frozen_resolve_shapes(struct frozen *frozen, const char *where, struct error *error);

/* Check that all tensors in use have a supported type, that every index, size and quantization
 * parameter is as described above, and that every tensor is written once, before it is read.  What
 * an operator requires of its tensors is checked by the engine.  Errors name `where`, and the
 * tensor or operator with its index. */
enum status frozen_check(const struct frozen *frozen, const char *where, struct error *error);

#endif
